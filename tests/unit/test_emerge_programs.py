"""Playbooks: what exactly is asked of the world to make an object from ranges, and in which order.

Rules. One worker, so that there is one order; the parts have 8 bytes at least and 16 as a rule. What B2 has for the
asking (tokens, how large a named file is) is asked before the playbook begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pytest
from attrs import evolve, frozen
from returns.result import Failure

import b2pure as b2
from b2pure.effects.effect import (
    AnyEffect,
    AwaitSession,
    Draw,
    Emit,
    Fetch,
    FetchBytes,
    Now,
    Send,
    StepHolds,
    StepPool,
    StepSession,
)
from b2pure.effects.emerge import Creation
from b2pure.effects.emerge_stream import create_stream
from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.large_files import Resume
from b2pure.effects.requests import upload_request
from b2pure.effects.simulator import SimulatorConfig
from b2pure.model.calls import HEX_DIGITS_AT_END, GetUploadPartUrl, StartLargeFile, UploadPart
from b2pure.model.errors import Corrupt, LocalDrifted, LocalFailure, Rejected, Unavailable
from b2pure.model.ids import FileId
from b2pure.model.limits import PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob
from b2pure.plan.emerge.parts import CopiedPart, SentPart
from b2pure.plan.failures import Hole, NegativeOffset, tell_failure
from b2pure.plan.retry import RetryPolicy
from b2pure.testing import (
    Answer,
    CorruptDownload,
    CutDownload,
    DropReplyAfterCommit,
    FailNth,
    SimulatedB2,
    simulated_b2,
)

DEST: Final = "b2://bucket/made"
CONFIG: Final = SimulatorConfig(absolute_minimum_part_size=8, recommended_part_size=16)
KEY, OTHER = b2.SseC.of(b"k" * 32), b2.SseC.of(b"o" * 32)
OLD: Final = bytes(range(100, 140))
ASK: Final = "b2_get_file_info"
LOOK: Final = "b2_list_unfinished_large_files"
START: Final = "b2_start_large_file"
COPY: Final = "b2_copy_part"
URL: Final = "b2_get_upload_part_url"
SEND: Final = "b2_upload_part"
FETCH: Final = "b2_download_file_by_id"
FINISH: Final = "b2_finish_large_file"
_HIDDEN = (StepSession, StepPool, StepHolds, Draw, Now, Emit, AwaitSession)


class Playbook(list[str]):
    """What was asked for, as it began; of downloads, the range."""

    def __call__(self, moment: str, effect: AnyEffect) -> None:
        if moment == "end" or isinstance(effect, _HIDDEN):
            return
        if isinstance(effect, FetchBytes):
            self.append(f"{effect.call.name} {getattr(effect.call, 'range', '')}")
        elif isinstance(effect, Send | Fetch):
            self.append(effect.call.name)
        elif type(effect).__name__ != "All":
            self.append(type(effect).__name__)


@frozen
class Stage:
    """A world with a file of 40 bytes, and the playbook of what goes on there."""

    world: SimulatedB2
    playbook: Playbook
    source: FileId
    board: FaultBoard

    def copy(self, start: int, stop: int, key: b2.SseC | None = None) -> b2.CopySource:
        """A range of the file."""
        return b2.CopySource.of(self.source, start, stop - start, key)

    def create(self, intents: Any, **options: Any) -> Any:
        self.playbook.clear()
        return self.world.client.create_file(intents, DEST, **options)

    def made(self) -> bytes | None:
        return self.world.contents("bucket").get("made")

    def left(self) -> int:
        snapshot: Any = self.world.simulator.snapshot()
        return sum(file.action == "start" for _, versions, *_ in snapshot for file, _ in versions)


def stage(*faults: Any, key: b2.SseC | None = None, retry: RetryPolicy | None = None) -> Stage:
    playbook, board = Playbook(), FaultBoard(faults)
    world = simulated_b2("bucket", faults=board, seed=1, workers=1, config=CONFIG, observer=playbook, retry=retry)
    if key is None:
        source = world.simulator.put(world.bucket_id("bucket"), "old", OLD).file_id
    else:
        source = world.client.upload(OLD, "b2://bucket/old", encryption=key).unwrap().file_id
    assert source is not None
    world.clock.advance(1)
    return Stage(world, playbook, source, board)


# --- large files ------------------------------------------------------------------------------------------------------


def test_an_append_hashes_once_and_copies_and_sends() -> None:
    here, mine = stage(), OLD + bytes(10)
    here.create([(here.copy(0, 40), 0), (mine, 0)]).unwrap()
    assert here.playbook == [ASK, "HashParts", LOOK, START, COPY, URL, SEND, FINISH]
    assert here.made() == mine


def test_what_is_too_short_is_downloaded_when_its_part_is_due_and_forgotten_then() -> None:
    here = stage()
    here.create([(here.copy(0, 5), 0), (b"new", 5), (here.copy(8, 40), 8)]).unwrap()
    fetch = [f"{FETCH} bytes=0-4"]
    assert here.playbook == [ASK, LOOK, START, "Reserve", *fetch, URL, SEND, "Release", COPY, FINISH]
    assert here.made() == OLD[:5] + b"new" + OLD[8:]


def test_local_sources_alone_need_nothing_of_b2() -> None:
    """No plan is written down for them, and the digest of the whole is."""
    here = stage()
    info = here.create([(bytes(20), 0), (bytes(20), 20)]).unwrap().file_info
    assert here.playbook == ["HashParts", LOOK, START, URL, SEND, SEND, FINISH]
    assert set(info) == {"large_file_sha1"}


def test_without_continuation_nobody_looks_for_an_unfinished_file() -> None:
    here = stage()
    here.create([(bytes(40), 0)], resume=False).unwrap()
    assert here.playbook == ["HashParts", START, URL, SEND, SEND, FINISH]


def test_a_stream_asks_for_no_unfinished_file_and_hashes_only_what_it_compares() -> None:
    here, mine = stage(), OLD + bytes(40)
    here.playbook.clear()
    here.world.client.create_file_stream([(here.copy(0, 40), 0), (mine, 0)], DEST).unwrap()
    assert here.playbook == [START, "HashBody", COPY, URL, SEND, SEND, FINISH]
    assert here.made() == mine


def test_what_is_finished_is_not_done_again() -> None:
    """A part that was put together from a download, and one that was copied."""
    here = stage(FailNth(SEND, 2, Answer(503), times=100), retry=RetryPolicy(max_attempts=2, max_upload_urls=2))
    intents = [(here.copy(0, 5), 0), (b"new", 5), (here.copy(8, 40), 8), (bytes(20), 40)]
    assert isinstance(here.create(intents).failure(), Unavailable)
    assert here.left() == 1
    here.world.lift(FailNth(SEND, 2, Answer(503), times=100))
    here.create(intents).unwrap()
    assert here.playbook == [
        ASK, "HashParts", LOOK, "b2_list_parts", "b2_list_file_versions", URL, SEND, FINISH
    ]  # fmt: skip
    assert here.made() == OLD[:5] + b"new" + OLD[8:] + bytes(20)


def test_a_copy_that_differs_is_the_end_of_it() -> None:
    here = stage()
    error = here.create([(here.copy(0, 40), 0), (bytes(50), 0)]).failure()
    assert isinstance(error, Corrupt)
    assert here.playbook == [ASK, "HashParts", LOOK, START, COPY, "b2_cancel_large_file"]
    assert here.left() == 0


# --- a single call ----------------------------------------------------------------------------------------------------


def test_little_is_one_upload() -> None:
    here = stage()
    here.create([(b"one", 0), (b"two", 3)]).unwrap()
    assert here.playbook == ["b2_get_upload_url", "b2_upload_file"]
    assert here.made() == b"onetwo"


def test_nothing_is_one_upload_too() -> None:
    here = stage()
    here.create([]).unwrap()
    assert here.playbook == ["b2_get_upload_url", "b2_upload_file"]
    assert here.made() == b""


def test_one_range_is_one_copy_with_the_type_and_the_info_that_were_asked_for() -> None:
    """Not those of its source."""
    here = stage()
    made = here.create([(here.copy(10, 40), 0)], content_type="text/x", file_info={"a": "b"}).unwrap()
    assert here.playbook == [ASK, "b2_copy_file"]
    assert (made.content_type, dict(made.file_info)) == ("text/x", {"a": "b"})
    assert here.made() == OLD[10:]


def test_a_single_copy_of_a_whole_file_is_compared_with_what_b2_knows() -> None:
    """Before it is made: a copy in one call is a file at once."""
    here = stage()
    here.create([(here.copy(0, 40), 0), (OLD, 0)]).unwrap()
    assert here.playbook == [ASK, "HashBody", "b2_copy_file"]
    assert isinstance(here.create([(here.copy(0, 40), 0), (bytes(40), 0)]).failure(), Corrupt)
    assert here.playbook == [ASK, "HashBody"]


def test_a_single_copy_of_a_range_is_compared_as_a_large_file_of_two_parts() -> None:
    here = stage()
    here.create([(here.copy(10, 40), 0), (OLD[10:], 0)]).unwrap()
    assert here.playbook == [ASK, "HashParts", LOOK, START, COPY, COPY, FINISH]
    assert here.made() == OLD[10:]


def test_a_copy_that_is_too_short_for_two_parts_is_looked_at() -> None:
    here = stage()
    here.create([(here.copy(10, 18), 0), (OLD[10:18], 0)]).unwrap()
    look = ["HashBody", "Reserve", f"{FETCH} bytes=10-17", "HashBody", "Release"]
    assert here.playbook == [ASK, *look, "b2_copy_file"]
    assert isinstance(here.create([(here.copy(10, 18), 0), (bytes(8), 0)]).failure(), Corrupt)
    assert here.playbook == [ASK, *look]


def test_a_single_copy_with_a_time_of_its_own_is_a_large_file() -> None:
    """Which B2 takes a time for; where it is too short for that it is refused."""
    here = stage()
    made = here.create([(here.copy(0, 40), 0)], custom_upload_timestamp=5).unwrap()
    assert made.upload_timestamp == 5
    short = here.create([(here.copy(0, 8), 0)], custom_upload_timestamp=5).failure()
    assert "no upload timestamp of its own" in str(short)


def test_a_large_file_of_one_part_cannot_be_gone_on_with() -> None:
    here = stage()
    for intents in ([(b"abc", 0)], [(here.copy(0, 8), 0)]):
        assert "too little for a second part" in str(here.create(intents, resume=FileId("4_z")).failure())


# --- downloads that go wrong ------------------------------------------------------------------------------------------


def patched(here: Stage) -> list[Any]:
    return [(here.copy(0, 5), 0), (b"new", 5), (here.copy(8, 40), 8)]


def fetches(here: Stage) -> list[str]:
    return [line.removeprefix(f"{FETCH} ") for line in here.playbook if line.startswith(FETCH)]


def test_a_piece_that_breaks_off_is_gone_on_with() -> None:
    here = stage(CutDownload(nth=1, after_bytes=2))
    here.create(patched(here)).unwrap()
    assert fetches(here) == ["bytes=0-4", "bytes=2-4"]
    assert here.made() == OLD[:5] + b"new" + OLD[8:]


def test_a_piece_that_came_whole_before_the_answer_was_lost_is_not_fetched_again() -> None:
    here = stage(CutDownload(nth=1, after_bytes=5))
    here.create(patched(here)).unwrap()
    assert fetches(here) == ["bytes=0-4"]


def test_a_whole_file_that_arrives_corrupt_is_fetched_again() -> None:
    """Its digest is known; that of a range is not."""
    here = stage(CorruptDownload(nth=1, at_byte=2))
    little = here.world.simulator.put(here.world.bucket_id("bucket"), "little", b"12345").file_id
    assert little is not None
    here.create([(b2.CopySource.of(little, 0, 5), 0), (bytes(40), 5)]).unwrap()
    assert fetches(here) == ["bytes=0-4", "bytes=0-4"]
    assert here.made() == b"12345" + bytes(40)


def test_a_download_that_fails_for_good_leaves_a_file_to_go_on_with_and_frees_its_room() -> None:
    here = stage(FailNth(FETCH, 1, Answer(503), times=100), retry=RetryPolicy(max_attempts=2))
    assert isinstance(here.create(patched(here)).failure(), Unavailable)
    assert here.playbook[-1] == "Release"
    assert here.left() == 1


def test_a_lost_reply_makes_no_second_file() -> None:
    here = stage(DropReplyAfterCommit(FINISH, 1), DropReplyAfterCommit("b2_copy_file", 1))
    here.create(patched(here)).unwrap()
    here.create([(here.copy(0, 40), 0)]).unwrap()
    files = here.world.client.ls("b2://bucket", recursive=True, versions=True)
    assert [file.file_name for file in files] == ["made", "made", "old"]


# --- customer's keys --------------------------------------------------------------------------------------------------


def test_sources_with_customers_keys_are_copied_and_downloaded_with_them() -> None:
    """The object has a key of its own; an intent names its key by the MD5 alone."""
    here = stage(key=KEY)
    intents = [(here.copy(0, 5, KEY), 0), (b"new", 5), (here.copy(8, 40, KEY), 8)]
    for encryption, mode in ((OTHER, "SSE-C"), (KEY, "SSE-C"), (b2.SseB2(), "SSE-B2"), (None, None)):
        made = here.create(intents, source_keys=[KEY], encryption=encryption).unwrap()
        assert made.server_side_encryption.mode == mode
        key = encryption if isinstance(encryption, b2.SseC) else None
        assert here.world.client.read(DEST, encryption=key).unwrap() == OLD[:5] + b"new" + OLD[8:]
    ranged = b2.B2Range(f"b2id://{here.source}", 8, encryption=KEY)
    assert here.create([(ranged, 0)]).unwrap().content_length == 32


@pytest.mark.parametrize(
    ("named", "given", "told"),
    [
        (None, [], "has a customer's key; name it with the source"),
        (KEY, [], "is read with a customer's key that was not given"),
        (KEY, [OTHER], "is read with a customer's key that was not given"),
    ],
)
def test_a_key_that_is_missing_is_said_before_anything_is_begun(named: Any, given: list[b2.SseC], told: str) -> None:
    here = stage(key=KEY)
    error = here.create([(here.copy(0, 40, named), 0), (bytes(20), 40)], source_keys=given).failure()
    assert told in error.message
    assert here.playbook == [ASK]


def test_a_wrong_key_makes_no_file() -> None:
    here = stage(key=KEY)
    error = here.create([(here.copy(0, 40, OTHER), 0), (bytes(20), 40)], source_keys=[OTHER]).failure()
    assert isinstance(error, Rejected)
    assert here.left() == 0


# --- what makes no sense ----------------------------------------------------------------------------------------------


def test_a_plan_that_b2_does_not_take_is_refused_before_its_first_call() -> None:
    """Whoever made it, for an account with other sizes or by hand."""
    here = stage()
    plan = here.world.client.plan_create([(bytes(40), 0)]).unwrap()
    first, second = plan.parts
    short = SentPart(1, ByteRange(0, 7), (Blob(bytes(7)),)), SentPart(2, ByteRange(7, 40), (Blob(bytes(33)),))
    for wrong in (
        evolve(plan, parts=short),
        evolve(plan, parts=(first,)),
        evolve(plan, parts=(second, first)),
        evolve(plan, length=41),
        evolve(plan, parts=()),
        evolve(plan, parts=(CopiedPart(1, ByteRange(0, 40), here.copy(0, 39)),)),
    ):
        assert "no plan that B2 takes" in here.create(wrong).failure().message
        assert here.playbook == []


def test_how_to_plan_is_not_said_of_a_plan() -> None:
    here = stage()
    plan = here.world.client.plan_create([(b"x", 0)]).unwrap()
    assert here.create(plan, prioritize="remote").failure().name == "the plan"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"part_size": 7}, "part_size"),
        ({"min_part_size": 7}, "min_part_size"),
        ({"max_part_size": 14}, "max_part_size"),
        ({"part_size": 20, "max_part_size": 19}, "part_size"),
        ({"prioritize": "cheap"}, "prioritize"),
        ({"memory": 0}, "memory"),
        ({"content_typ": "x"}, "the new file"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(options: dict[str, Any], name: str) -> None:
    here = stage()
    for create in (here.world.client.create_file, here.world.client.create_file_stream):
        error = create([(bytes(40), 0)], DEST, **options).failure()
        assert name in str(error)
    assert here.made() is None


def test_part_sizes_are_as_asked_for() -> None:
    here = stage()

    def lengths(**options: Any) -> list[int]:
        return [part.length for part in here.world.client.plan_create([(bytes(60), 0)], **options).unwrap().parts]

    assert max(lengths()) < 16 + 8
    assert lengths(part_size=30) == [30, 30]
    assert min(lengths(min_part_size=12)[:-1]) >= 12
    assert max(lengths(max_part_size=15)) <= 15


@pytest.mark.parametrize(
    ("intents", "told"),
    [
        ([("x",)], "intent 0 is a WriteIntent, or a pair"),
        ([(b"x", 0), (3, 1)], "intent 1 is a path, bytes"),
        ([(b"x", 1)], "nothing is written to [0, 1)"),
        ([(b"x", -1)], "begins at -1"),
        ([("/does/not/exist", 0)], "No such file"),
        ([("b2://bucket/none", 0)], "there is no file b2://bucket/none"),
        ([("b2id://4_z0_f0", 0)], ""),
        ([(b2.B2Range("b2://bucket/old", 3, 41), 0)], "has 40 bytes, so it has no range from 3 to 41"),
        ([(b2.B2Range("b2://bucket/old", 4, 3), 0)], "no range from 4 to 3"),
    ],
)
def test_intents_that_make_no_object_are_told_by_name(intents: Any, told: str) -> None:
    here = stage()
    for result in (
        here.create(intents),
        here.world.client.create_file_stream(intents, DEST),
        here.world.client.plan_create(intents),
    ):
        failure = result.failure()
        assert told in (tell_failure(failure) if isinstance(failure, Hole | NegativeOffset) else str(failure))
    assert here.made() is None
    assert here.left() == 0


def test_a_source_that_changes_after_it_was_planned_makes_no_file(tmp_path: Any) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(40))
    here = stage()
    plan = here.world.client.plan_create([(path, 0), (here.copy(0, 20), 40)]).unwrap()
    path.write_bytes(bytes(41))
    assert isinstance(here.create(plan).failure(), LocalDrifted)
    assert here.left() == 0


def test_an_iterator_that_fails_ends_a_stream_and_leaves_nothing() -> None:
    here = stage()

    def intents() -> Iterable[Any]:
        for n in range(20):
            yield (bytes(10), 10 * n)
        raise ZeroDivisionError("ten")

    error = here.world.client.create_file_stream(intents(), DEST).failure()
    assert error == LocalFailure("read", "the intents", "ten")
    assert here.left() == 0


def test_an_unfinished_file_is_no_source() -> None:
    here = stage()
    bucket = here.world.bucket_id("bucket")
    started = here.world.client.call(StartLargeFile(bucket, "begun", "text/plain", {})).unwrap().file_id
    assert started is not None
    error = here.create([(b2.CopySource.of(started, 0, 40), 0)]).failure()
    assert "no file with content, its action is 'start'" in error.message


def test_a_wrong_digest_of_the_whole_is_not_put_on_a_file() -> None:
    here = stage()
    error = here.create([(bytes(40), 0)], file_info={"large_file_sha1": "0" * 40}).failure()
    assert isinstance(error, Corrupt)
    assert here.playbook == ["HashParts"]


# --- streams ----------------------------------------------------------------------------------------------------------


def broken_off(here: Stage, intents: list[Any]) -> FileId:
    """A stream whose second part fails for good; the id that the caller heard."""
    heard: list[FileId] = []
    fault = FailNth(SEND, 2, Answer(503), times=100)
    here.board.append(fault)
    result = here.world.client.create_file_stream(
        iter(intents), DEST, on_large_file=lambda begun: heard.append(begun.file_id)
    )
    assert isinstance(result.failure(), Unavailable)
    here.board.lift(fault)
    return heard[0]


IMPATIENT: Final = RetryPolicy(max_attempts=2, max_upload_urls=2)


def test_a_stream_does_not_go_on_with_a_file_that_has_other_parts() -> None:
    """It is refused by name, and stays as it is."""
    here = stage(retry=IMPATIENT)
    file_id = broken_off(here, [(bytes(20), 0), (bytes(20), 20)])
    other = [(bytes(19) + b"x", 0), (bytes(20), 20)]
    error = here.world.client.create_file_stream(other, DEST, resume=file_id).failure()
    assert f"the large file {file_id} has another part 1 than what is here" in str(error)
    assert here.left() == 1
    assert here.made() is None


def test_a_stream_does_not_go_on_with_a_file_that_has_more_parts() -> None:
    here = stage(retry=IMPATIENT)
    file_id = broken_off(here, [(bytes(20), 0), (bytes(20), 20)])
    call = UploadPart(7, HEX_DIGITS_AT_END, Blob(bytes(9)))
    here.world.client._query(upload_request(file_id, GetUploadPartUrl(file_id), call, IMPATIENT)).unwrap()
    error = here.world.client.create_file_stream([(bytes(40), 0)], DEST, resume=file_id).failure()
    assert "the large file has a part 7, the object only 2" in str(error)
    assert here.left() == 1


def test_a_stream_that_fails_asks_for_no_more_and_is_cancelled_if_nobody_heard_of_it() -> None:
    here, taken = stage(retry=IMPATIENT), list[int]()
    here.board.append(FailNth(SEND, 2, Answer(503), times=100))

    def intents() -> Iterable[Any]:
        for n in range(1000):
            taken.append(n)
            yield (bytes(20), 20 * n)

    assert isinstance(here.world.client.create_file_stream(intents(), DEST).failure(), Unavailable)
    assert len(taken) < 50
    assert here.left() == 0


@pytest.mark.parametrize(
    "lengths",
    [(7, 20), (20, 7, 20), (20, 0), (20,) * 3],
    ids=["a short first part", "a short part", "an empty part", "a gap"],
)
def test_a_stream_of_parts_that_b2_does_not_take_makes_no_file(lengths: tuple[int, ...]) -> None:
    """The planner gives none such; whoever does is told before the part is sent."""
    here, at, parts = stage(), 0, list[SentPart]()
    for number, length in enumerate(lengths, start=1):
        start = at + (len(lengths) == number == 3 and length == 20 and len(set(lengths)) == 1)
        parts.append(SentPart(number, ByteRange(start, start + length), (Blob(bytes(length)),)))
        at = start + length
    job = Creation("made", here.world.bucket_id("bucket"), "made", PartSizes(16, 8), resume=Resume(auto=False))
    result = here.world.client._query(create_stream(job, iter(parts), RetryPolicy()))
    assert isinstance(result, Failure)
    error = result.failure()
    assert isinstance(error, Rejected)
    assert "no plan that B2 takes" in error.message
    assert here.left() == 0
    assert here.made() is None


@pytest.mark.parametrize(("count", "kept"), [(8, {"large_file_sha1", "plan_id"}), (9, {"plan_id"}), (10, set())])
def test_what_is_added_to_the_info_leaves_room_for_what_the_caller_says(count: int, kept: set[str]) -> None:
    """The identity of the plan is the last to go: without it, nobody can go on with what was copied."""
    here, info = stage(), {f"key{n}": "x" for n in range(count)}
    made = here.create([(here.copy(0, 40), 0), (OLD + bytes(10), 0)], file_info=info).unwrap()
    assert set(made.file_info) == info.keys() | kept
