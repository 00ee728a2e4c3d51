"""Every example of the seed's chapter "Advanced usage patterns", over HTTP against a B2 on this machine.

Rules. Where an example has lengths, they are the seed's, in kB instead of MB, and so are the smallest and the usual
part (5 kB, 100 kB); one example is run with its real lengths. What was sent and copied is read from the journal of the
simulator, where only calls stand that took effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from attrs import frozen

import b2pure as b2
from b2pure.effects.events import LargeFileBegun
from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.faults import Answer, FailNth
from b2pure.effects.requests import upload_request
from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.model.calls import HEX_DIGITS_AT_END, CopyPart, GetUploadPartUrl, UploadPart
from b2pure.model.errors import Corrupt, InvalidArgument, Rejected, Unavailable
from b2pure.model.ids import FileId
from b2pure.model.sources import Blob
from b2pure.plan.emerge.digests import local_body
from b2pure.plan.emerge.parts import CopiedPart, SentPart
from b2pure.plan.emerge.plan import PRIORITIES
from b2pure.plan.resume import Taken
from b2pure.shell.clock import SystemClock
from b2pure.shell.serve import RunningServer, serve_in_thread

K: Final = 1000
SCALED: Final = SimulatorConfig(absolute_minimum_part_size=5 * K, recommended_part_size=100 * K)
DEST: Final = "b2://bucket/remote-name"
FILE_INFO: Final = {"how": "good-file"}
BUSY: Final = FailNth("b2_upload_part", 2, Answer(503), times=None)
"""Every part after the first one fails."""


def content(size: int, seed: bytes = b"") -> bytes:
    """Bytes of which no two ranges are the same."""
    return Random(seed).randbytes(size)


@frozen
class Place:
    """A bucket on a server, and a folder here."""

    client: b2.Client
    server: RunningServer
    simulator: Simulator
    board: FaultBoard
    folder: Path

    def local(self, data: bytes, name: str = "to_file.txt") -> str:
        """A path in `my_local_path`."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def remote(self, data: bytes, name: str = "source") -> FileId:
        """A file that B2 has."""
        bucket = self.client.buckets().unwrap()[0].bucket_id
        file = self.simulator.put(bucket, name, data)
        assert file.file_id is not None
        return file.file_id

    def check(self, result: Any, expected: bytes) -> Any:
        """The file that was made, if it is right."""
        made = result.unwrap()
        assert self.client.read(DEST).unwrap() == expected
        assert made.content_length == len(expected)
        assert made.file_info["how"] == "good-file"
        assert self.left() == 0
        return made

    def left(self) -> int:
        """How many large files are unfinished."""
        snapshot: Any = self.simulator.snapshot()
        return sum(file.action == "start" for _, versions, *_ in snapshot for file, _ in versions)

    def sent(self) -> list[int]:
        """The numbers of the parts that were sent."""
        return sorted(done.call.part_number for done in self.simulator.journal if isinstance(done.call, UploadPart))

    def copied(self) -> list[int]:
        """The numbers of the parts that were copied."""
        return sorted(done.call.part_number for done in self.simulator.journal if isinstance(done.call, CopyPart))


def served(folder: Path, config: SimulatorConfig | None) -> Iterator[Place]:
    simulator, board = Simulator(SystemClock().now_millis, config=config), FaultBoard()
    simulator.add_bucket("bucket")
    server = serve_in_thread(simulator, faults=board)
    retry = b2.RetryPolicy(max_attempts=2, max_upload_urls=2, first_delay=0.0)
    client = b2.connect(
        simulator.master_key_id, simulator.master_key, realm=simulator.base_url, workers=2, retry=retry
    ).unwrap()
    yield Place(client, server, simulator, board, folder)
    client.close()
    server.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    yield from served(tmp_path, SCALED)


@pytest.fixture
def real_place(tmp_path: Path) -> Iterator[Place]:
    yield from served(tmp_path, None)


def shape(plan: b2.EmergePlan) -> list[str]:
    """The parts of the plan, in kB where they are that long."""
    return [f"{'cloud' if isinstance(part, CopiedPart) else 'local'} {_size(part.length)}" for part in plan.parts]


def _size(length: int) -> str:
    return f"{length // K}k" if length % K == 0 else str(length)


# --- 2.4.2 concatenate ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["concatenate", "concatenate_stream"])
def test_concatenate_files_of_known_size(place: Place, method: str) -> None:
    """The first 100 bytes are too few to be copied: they are downloaded, and sent with the local file."""
    one, other, mine = content(1000, b"1"), content(21 * K, b"2"), content(7 * K, b"3")
    input_sources: list[Any] = [
        b2.CopySource.of(place.remote(one, "1"), offset=100, length=100),
        place.local(mine),
        b2.B2Range(f"b2id://{place.remote(other, '2')}", stop=20 * K),
    ]
    assert shape(place.client.plan_create(b2.InOrder(input_sources)).unwrap()) == ["local 7100", "cloud 20k"]
    result = getattr(place.client, method)(input_sources, DEST, file_info=FILE_INFO)
    place.check(result, one[100:200] + mine + other[: 20 * K])
    assert (place.sent(), place.copied()) == ([1], [2])


def test_the_second_source_of_the_example_is_copied_to_its_end(place: Place) -> None:
    """`length=2123456789` without an offset: from the start on."""
    other = content(2123 * K, b"2")
    sources: list[Any] = [b"head" * K * 2, f"b2id://{place.remote(other)}"]
    result = place.client.concatenate(sources, DEST, b2.NewFile(file_info=FILE_INFO))
    place.check(result, b"head" * K * 2 + other)


@pytest.mark.parametrize("method", ["concatenate", "concatenate_stream"])
def test_sources_of_unknown_size_are_refused_by_name(place: Place, method: str) -> None:
    """As in the seed, which says that b2sdk does not support them."""
    with open(place.local(b"abc"), "rb") as stream:
        error = getattr(place.client, method)([b"x", stream], DEST).failure()
    assert "source 1" in str(error)
    assert "write it to a file first" in str(error)


# --- 2.4.3 synthesize -------------------------------------------------------------------------------------------------


def test_append_to_the_end_of_a_file(real_place: Place) -> None:
    """With its real lengths: 5,000,000 bytes are copied and compared, 55,000,000 are sent."""
    place, mine = real_place, content(60_000_000)
    file_id = place.remote(mine[:5_000_000])
    input_sources: list[Any] = [
        b2.WriteIntent(b2.CopySource.of(file_id, offset=0, length=5_000_000), destination_offset=0),
        (place.local(mine), 0),
    ]
    assert shape(place.client.plan_create(input_sources).unwrap()) == ["cloud 5000k", "local 55000k"]
    result = place.client.create_file(input_sources, DEST, file_info=FILE_INFO)
    made = place.check(result, mine)
    assert (place.sent(), place.copied()) == ([2], [1])
    assert made.file_info["large_file_sha1"] == sha1(mine).hexdigest()


def test_the_assumption_of_an_append_is_verified(place: Place) -> None:
    """If the sha of a copied part does not match the local source, nothing is made."""
    mine = content(60 * K)
    file_id = place.remote(content(5 * K, b"another beginning"))
    input_sources: list[Any] = [(b2.CopySource.of(file_id, 0, 5 * K), 0), (place.local(mine), 0)]
    error = place.client.create_file(input_sources, DEST).failure()
    assert isinstance(error, Corrupt)
    assert error.what == f"[0, 5000) of the object, copied from [0, 5000) of {file_id},"
    assert error.expected == f"SHA-1 {sha1(mine[:5000]).hexdigest()}"
    assert isinstance(place.client.read(DEST).failure(), Rejected)
    assert place.left() == 0


def test_change_the_middle_of_the_remote_file(place: Place) -> None:
    """The 4 kB before the change are too few to be copied: they are downloaded. The size of the local file is that of
    the file.
    """
    old, mine = content(4 * K + 1024 + 123_456), content(1024, b"new")
    file_id = place.remote(old)
    input_sources: list[Any] = [
        b2.WriteIntent(b2.CopySource.of(file_id, offset=0, length=4000), destination_offset=0),
        (place.local(mine), 4000),
        b2.WriteIntent(b2.CopySource.of(file_id, offset=5024, length=123_456), destination_offset=5024),
    ]
    assert shape(place.client.plan_create(input_sources).unwrap()) == ["local 5024", "cloud 123456"]
    result = place.client.create_file(input_sources, DEST, file_info=FILE_INFO)
    place.check(result, old[:4000] + mine + old[5024:])
    assert (place.sent(), place.copied()) == ([1], [2])


@pytest.mark.parametrize("method", ["create_file", "create_file_stream"])
def test_synthesize_a_file_from_local_and_remote_parts(place: Place, method: str) -> None:
    """Cloud A-C, local B-F, cloud D-G: what is sent is C-D alone, where no part gets too short."""
    whole = content(110 * K)
    b, c, d, f, g = 10 * K, 30 * K, 50 * K, 70 * K, 110 * K
    first, second = place.remote(whole[:c], "1"), place.remote(whole[d:g], "2")

    def generate_input() -> Iterator[Any]:
        yield b2.WriteIntent(b2.CopySource.of(first, offset=0, length=c), destination_offset=0)
        yield (place.local(whole[b:f]), b)
        yield b2.WriteIntent(b2.CopySource.of(second, offset=0, length=g - d), destination_offset=d)

    plan = place.client.plan_create(generate_input()).unwrap()
    assert sum(part.length for part in plan.parts if isinstance(part, SentPart)) == d - c
    result = getattr(place.client, method)(generate_input(), DEST, file_info=FILE_INFO)
    place.check(result, whole)
    assert place.sent() == [part.number for part in plan.parts if isinstance(part, SentPart)]


def prioritized(place: Place) -> tuple[list[Any], bytes]:
    """A=0, B=50, C=80, D=100, E=200: cloud A-D, local B-C and D-E."""
    whole = content(200 * K)
    file_id = place.remote(whole[: 100 * K])
    return [
        (b2.CopySource.of(file_id, 0, 100 * K), 0),
        (place.local(whole[50 * K : 80 * K], "bc"), 50 * K),
        (place.local(whole[100 * K :], "de"), 100 * K),
    ], whole


EXPECTED: Final = {
    "local": ["cloud 0-50", "local 50-80", "cloud 80-100", "local 100-200"],
    "remote": ["cloud 0-100", "local 100-200"],
    "local_verification": ["cloud 0-50", "cloud 50-80", "cloud 80-100", "local 100-200"],
}


@pytest.mark.parametrize("prioritize", [*EXPECTED, None])
def test_prioritize_remote_or_local_sources(place: Place, prioritize: Any) -> None:
    """The planner's parts are those of the seed, and the object is right each time."""
    input_sources, whole = prioritized(place)
    chosen = {} if prioritize is None else {"prioritize": prioritize}
    plan = place.client.plan_create(input_sources, **chosen).unwrap()
    told = [
        f"{'cloud' if isinstance(part, CopiedPart) else 'local'} {part.range.start // K}-{part.range.stop // K}"
        for part in plan.parts
    ]
    assert told == EXPECTED[prioritize or "local_verification"]
    place.check(place.client.create_file(input_sources, DEST, file_info=FILE_INFO, **chosen), whole)
    assert len(place.copied()) == sum(part.startswith("cloud") for part in told)


@pytest.mark.parametrize("prioritize", PRIORITIES)
def test_remote_parts_are_always_verified_if_matching_local_parts_exist(place: Place, prioritize: Any) -> None:
    """`prioritize` is just a planner setting. What is not used, or not here, cannot be told."""
    input_sources, _ = prioritized(place)
    place.local(content(30 * K, b"another"), "bc")
    plan = place.client.plan_create(input_sources, prioritize=prioritize).unwrap()
    result = place.client.create_file(plan, DEST)
    if any(part.checks is not None for part in plan.copies):
        assert isinstance(result.failure(), Corrupt)
    else:
        assert result.unwrap().content_length == 200 * K


# --- 2.4.4 continuation -----------------------------------------------------------------------------------------------


def interrupted(place: Place, act: Any) -> FileId:
    """The job, while every part after the first fails; what the callback stored."""
    storage: list[FileId] = []

    def large_file_callback(large_file: LargeFileBegun) -> None:
        storage.append(large_file.file_id)

    place.board.append(BUSY)
    assert isinstance(act(on_large_file=large_file_callback).failure(), Unavailable)
    place.board.lift(BUSY)
    (large_file_id,) = storage
    assert place.left() == 1
    return large_file_id


def four_parts(place: Place) -> tuple[list[Any], bytes]:
    whole = content(40 * K)
    return [(place.local(whole), 0)], whole


def mixed_parts(place: Place) -> tuple[list[Any], bytes]:
    """A part that is put together from a download, one that is copied, and two that are sent."""
    whole = content(46 * K)
    file_id = place.remote(whole[: 20 * K])
    return [
        (b2.CopySource.of(file_id, 0, 4 * K), 0),
        (b2.LocalRange(place.local(whole), 4 * K, 10 * K), 4 * K),
        (b2.CopySource.of(file_id, 10 * K, 10 * K), 10 * K),
        (b2.LocalRange(place.local(whole), 20 * K), 20 * K),
    ], whole


PARTS: Final[dict[str, Any]] = {"part_size": 10 * K, "file_info": FILE_INFO}


@pytest.mark.parametrize("given", [four_parts, mixed_parts])
def test_manual_continuation(place: Place, given: Any) -> None:
    input_sources, whole = given(place)

    def create_file(**options: Any) -> Any:
        return place.client.create_file(input_sources, DEST, **PARTS, **options)

    large_file_id = interrupted(place, create_file)
    made = place.check(create_file(resume=large_file_id), whole)
    assert made.file_id == large_file_id
    assert_nothing_twice(place)


def assert_nothing_twice(place: Place) -> None:
    numbers = place.sent() + place.copied()
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_manual_continuation_of_a_stream(place: Place) -> None:
    """Of local sources alone: parts that are there are compared, and not sent again."""
    input_sources, whole = four_parts(place)

    def create_file_stream(**options: Any) -> Any:
        return place.client.create_file_stream(iter(input_sources), DEST, **PARTS, **options)

    large_file_id = interrupted(place, create_file_stream)
    made = place.check(create_file_stream(resume=large_file_id), whole)
    assert made.file_id == large_file_id
    assert_nothing_twice(place)


def test_a_stream_with_remote_sources_cannot_be_gone_on_with(place: Place) -> None:
    """Not with itself, and not with create_file, which looks for the plan in the file info."""
    input_sources, _ = mixed_parts(place)
    large_file_id = interrupted(
        place, lambda **options: place.client.create_file_stream(iter(input_sources), DEST, **PARTS, **options)
    )
    stream = place.client.create_file_stream(iter(input_sources), DEST, **PARTS, resume=large_file_id)
    assert "a stream with remote sources cannot be gone on with" in str(stream.failure())
    at_once = place.client.create_file(input_sources, DEST, **PARTS, resume=large_file_id)
    assert "its file info differs in plan_id" in str(at_once.failure())
    assert place.left() == 1


def test_a_local_stream_is_gone_on_with_by_create_file(place: Place) -> None:
    """Local source only inputs can be safely continued with create_file, by itself or by hand."""
    input_sources, whole = four_parts(place)
    large_file_id = interrupted(
        place, lambda **options: place.client.create_file_stream(iter(input_sources), DEST, **PARTS, **options)
    )
    made = place.check(place.client.create_file(input_sources, DEST, **PARTS), whole)
    assert made.file_id == large_file_id
    assert_nothing_twice(place)


@pytest.mark.parametrize("given", [four_parts, mixed_parts])
def test_auto_continuation(place: Place, given: Any) -> None:
    """Finished parts of every kind are used again: sent, put together, and copied."""
    input_sources, whole = given(place)

    def create_file(**options: Any) -> Any:
        return place.client.create_file(input_sources, DEST, **PARTS, **options)

    large_file_id = interrupted(place, create_file)
    heard: list[LargeFileBegun] = []
    made = place.check(create_file(on_large_file=heard.append), whole)
    assert made.file_id == large_file_id
    assert_nothing_twice(place)
    (verdict,) = heard[0].decision.verdicts
    assert isinstance(verdict.why, Taken)
    assert ("plan_id" in made.file_info) == (given is mixed_parts)


def test_auto_continuation_of_local_sources_that_changed_starts_a_new_file(place: Place) -> None:
    """There are unfinished files of the name, but none that matches."""
    input_sources, _ = four_parts(place)

    def create_file(**options: Any) -> Any:
        return place.client.create_file(input_sources, DEST, **PARTS, **options)

    large_file_id = interrupted(place, create_file)
    whole = content(40 * K, b"changed")
    input_sources = [(place.local(whole), 0)]
    assert create_file().unwrap().file_id != large_file_id
    assert place.client.read(DEST).unwrap() == whole
    assert place.left() == 1


def test_where_all_candidates_of_the_plan_differ_the_process_stops(place: Place) -> None:
    """The seed's way out is to cancel them, or no continuation."""
    input_sources, whole = mixed_parts(place)

    def create_file(**options: Any) -> Any:
        return place.client.create_file(input_sources, DEST, **PARTS, **options)

    large_file_id = interrupted(place, create_file)
    spoil(place, input_sources, large_file_id)
    error = create_file().failure()
    assert isinstance(error, Rejected)
    assert str(large_file_id) in error.message
    assert "resume=False" in error.message
    made = create_file(resume=False).unwrap()
    assert made.file_id != large_file_id
    assert place.client.read(DEST).unwrap() == whole


def spoil(place: Place, input_sources: list[Any], large_file_id: FileId) -> None:
    """The last part, which is all local, becomes something else of the same length, as if it had been sent wrong."""
    last = place.client.plan_create(input_sources, part_size=PARTS["part_size"]).unwrap().parts[-1]
    assert local_body(last) is not None
    call = UploadPart(last.number, HEX_DIGITS_AT_END, Blob(bytes(last.length)))
    place.client._query(upload_request(large_file_id, GetUploadPartUrl(large_file_id), call, b2.RetryPolicy())).unwrap()


def test_no_continuation(place: Place) -> None:
    """A new large file is started; the other stays, and can still be gone on with."""
    input_sources, whole = four_parts(place)

    def create_file(**options: Any) -> Any:
        return place.client.create_file(input_sources, DEST, **PARTS, **options)

    large_file_id = interrupted(place, create_file)
    assert create_file(resume=False).unwrap().file_id != large_file_id
    assert place.client.read(DEST).unwrap() == whole
    assert place.left() == 1
    assert create_file(resume=large_file_id).unwrap().file_id == large_file_id


# --- what makes no sense ----------------------------------------------------------------------------------------------


def test_a_range_past_the_end_of_its_file_is_refused_before_anything_is_sent(place: Place) -> None:
    file_id = place.remote(content(20 * K))
    past = b2.CopySource.of(file_id, 10 * K, 20 * K)
    for create in (place.client.create_file, place.client.create_file_stream):
        error = create([(past, 0), (b"x" * 9 * K, 20 * K)], DEST).failure()
        assert "(source) has 20000 bytes, so it has no range [10000, 30000)" in str(error)
    range_ = b2.B2Range(f"b2id://{file_id}", 5, 30 * K)
    assert isinstance(place.client.plan_create([(range_, 0)]).failure(), InvalidArgument)
    assert not place.sent()
    assert place.left() == 0
