"""b2sdk's behaviour traps in uploads, copies and downloads; see test_traps.py."""

from __future__ import annotations

import gzip
import io
import os
import threading
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from traps_support import DEST, over_http, seen_world

from b2pure.effects.events import BytesMoved
from b2pure.effects.handlers import Chunk
from b2pure.effects.program import ok
from b2pure.model.account import UploadUrl
from b2pure.model.calls import CopyPart, GetFileInfo, GetUploadUrl, StartLargeFile, UploadFile, UploadPart
from b2pure.model.errors import Corrupt, LocalDrifted, Transport
from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_PARTS, PartSizes
from b2pure.model.new_file import LARGE_FILE_SHA1
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import LocalSlice
from b2pure.plan.large_file import copy_parts, send_parts
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.urls import Give
from b2pure.shell import slices
from b2pure.shell.disk import LocalDisk
from b2pure.shell.listeners import ProgressListenerForTest
from b2pure.shell.sources import LocalRange
from b2pure.testing import Answer, CorruptDownload, CutDownload, Disconnect, FailNth, RandomFaults, simulated_b2
from b2pure.testing.served import ServedB2

if TYPE_CHECKING:
    from b2pure.effects.fault_board import FaultBoard

DATA = bytes(range(60))
IMPATIENT = RetryPolicy(max_attempts=2)
small_parts = pytest.mark.b2(buckets=["bucket"], minimum_part_size=3, recommended_part_size=5)


class OneByOne:
    """A pipe that gives less than is asked for, and only once. With None it gives all."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int | None = None, /) -> bytes:
        return self._data.read() if size is None else self._data.read(min(size, 2))


# --- files made of several --------------------------------------------------------------------------------------------


def test_t01_copied_and_sent_parts_make_one_file_that_can_be_gone_on_with() -> None:
    """What B2 has is copied, the rest is sent; and after a break only what is missing."""
    broken = FailNth("b2_upload_part", 2, Answer(503), times=None)
    world, seen = seen_world(faults=(broken,), retry=IMPATIENT)
    client = world.client
    client.upload(DATA[:20], DEST, part_size=30).unwrap()
    world.clock.advance(1000)
    assert not ok(client.upload(DATA, DEST, append=True))
    world.lift(broken)
    client.upload(DATA, DEST, append=True).unwrap()
    assert world.contents("bucket") == {"n": DATA}
    assert seen.count("b2_copy_part")
    assert sum(isinstance(each.call, StartLargeFile) for each in world.simulator.journal) == 1


@pytest.mark.parametrize("part_size", [5, 100])
def test_t04a_local_sources_one_after_the_other_are_one_file(tmp_path: Path, part_size: int) -> None:
    (tmp_path / "f").write_bytes(DATA[10:40])
    world, _ = seen_world()
    sources = [DATA[:10], tmp_path / "f", b"", LocalRange(tmp_path / "f", 5, 10), DATA[40:]]
    world.client.upload(sources, DEST, part_size=part_size).unwrap()
    assert world.contents("bucket") == {"n": DATA[:40] + DATA[15:20] + DATA[40:]}


@pytest.mark.parametrize("part_size", [5, 100])
def test_t04b_a_chain_reads_its_streams_to_their_ends(tmp_path: Path, part_size: int) -> None:
    """However little they give at once."""
    (tmp_path / "f").write_bytes(DATA[10:40])
    world, _ = seen_world()
    sources = [OneByOne(DATA[:10]), tmp_path / "f", OneByOne(DATA[40:])]
    world.client.upload(sources, DEST, part_size=part_size).unwrap()
    assert world.contents("bucket") == {"n": DATA}


def test_t04c_a_chain_can_be_sent_again(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(DATA[10:40])
    world, seen = seen_world(faults=(FailNth("b2_upload_file", 1, Answer(503), times=2),))
    world.client.upload([DATA[:10], tmp_path / "f"], DEST, part_size=100).unwrap()
    assert seen.count("b2_upload_file") == 3
    assert world.contents("bucket") == {"n": DATA[:40]}


# --- copies -----------------------------------------------------------------------------------------------------------


def test_t02a_a_copy_needs_no_length() -> None:
    world, _ = seen_world()
    world.put("bucket", "source", DATA, 5)
    world.client.copy("b2://bucket/source", DEST).unwrap()
    world.client.copy("b2://bucket/source", "b2://bucket/parts", max_part_size=7).unwrap()
    assert world.contents("bucket") == {"source": DATA, "n": DATA, "parts": DATA}


def test_t02b_a_short_copy_is_one_call() -> None:
    world, seen = seen_world()
    world.put("bucket", "source", DATA, 5)
    world.client.copy("b2://bucket/source", DEST, wanted=ByteRange(2, 4)).unwrap()
    assert world.contents("bucket")["n"] == DATA[2:4]
    assert (seen.count("b2_copy_file"), seen.count("b2_copy_part")) == (1, 0)


def test_t03_a_copy_without_a_type_has_that_of_its_source() -> None:
    world, _ = seen_world()
    client = world.client
    client.upload(DATA, "b2://bucket/source", content_type="image/x-own", file_info={"k": "v"}).unwrap()
    for choices in ({}, {"max_part_size": 7}, {"wanted": ByteRange(1, 9)}):
        made = client.copy("b2://bucket/source", DEST, **choices).unwrap()
        assert made.content_type == "image/x-own"
        assert made.file_info["k"] == "v"


def test_t05_parts_that_were_copied_are_not_copied_again() -> None:
    broken = FailNth("b2_copy_part", 3, Answer(503), times=None)
    world, seen = seen_world(faults=(broken,), retry=IMPATIENT)
    world.workers = 1
    world.put("bucket", "source", DATA[:30], 5)
    assert not ok(world.client.copy("b2://bucket/source", DEST, max_part_size=10))
    world.lift(broken)
    seen.sent.clear()
    world.client.copy("b2://bucket/source", DEST, max_part_size=10).unwrap()
    assert [call.part_number for call, _ in seen.sent if isinstance(call, CopyPart)] == [3]
    assert world.contents("bucket")["n"] == DATA[:30]


def test_t39a_the_ends_of_a_copied_range_belong_to_it() -> None:
    world, _ = seen_world()
    world.put("bucket", "source", DATA, 5)
    for parts in (3, 5_000_000_000):
        world.client.copy("b2://bucket/source", DEST, wanted=ByteRange(1, 15), max_part_size=parts).unwrap()
        assert world.contents("bucket")["n"] == DATA[1:15]


def test_t39b_a_copied_file_is_found_by_its_id() -> None:
    world, _ = seen_world()
    world.put("bucket", "source", DATA, 5)
    made = world.client.copy("b2://bucket/source", DEST).unwrap()
    assert made.file_id is not None
    info = world.client.call(GetFileInfo(made.file_id)).unwrap()
    assert (info.file_name, info.content_length) == ("n", len(DATA))
    assert world.client.read(f"b2id://{made.file_id}").unwrap() == DATA


def test_t39c_copies_are_listed_like_uploads() -> None:
    world, _ = seen_world()
    world.put("bucket", "source", DATA, 5)
    world.client.copy("b2://bucket/source", DEST).unwrap()
    listed = {file.file_name: file.action for file in world.client.ls("b2://bucket")}
    assert listed == {"source": "upload", "n": "upload"}


@pytest.mark.parametrize("size", [1 << 40, 10_000_000_000_000])
def test_t15a_more_than_a_terabyte_is_sent_in_ten_thousand_parts(size: int) -> None:
    parts: Any = send_parts(size, PartSizes(100_000_000, 5_000_000))
    assert len(parts) <= MAX_PARTS
    assert sum(part.length for part in parts) == size


@pytest.mark.parametrize("size", [1 << 40, 10_000_000_000_000])
def test_t15b_more_than_a_terabyte_is_copied_in_ten_thousand_parts(size: int) -> None:
    parts: Any = copy_parts(FileId("id"), ByteRange(0, size), PartSizes(100_000_000, 5_000_000))
    assert len(parts) <= MAX_PARTS
    assert sum(part.length for part in parts) == size


# --- uploads ----------------------------------------------------------------------------------------------------------


def test_t36b_an_empty_stream_is_an_empty_file() -> None:
    world, _ = seen_world()
    world.client.upload(io.BytesIO(), DEST).unwrap()
    world.client.upload([], "b2://bucket/m").unwrap()
    assert world.contents("bucket") == {"n": b"", "m": b""}


@pytest.mark.parametrize("part_size", [5, 100])
def test_t36c_what_was_read_of_a_stream_can_be_sent_again(part_size: int) -> None:
    world, seen = seen_world(faults=(FailNth("b2_upload_*", 1, Answer(503), times=3),))
    world.client.upload(OneByOne(DATA), DEST, part_size=part_size).unwrap()
    assert world.contents("bucket") == {"n": DATA}
    assert seen.count("b2_upload_") > len(world.simulator.journal) - 4


def test_t37_a_started_file_without_parts_is_gone_on_with() -> None:
    broken = FailNth("b2_upload_part", 1, Answer(503), times=None)
    world, _ = seen_world(faults=(broken,), retry=IMPATIENT)
    assert not ok(world.client.upload(DATA, DEST))
    assert not any(isinstance(done.call, UploadPart) for done in world.simulator.journal)
    world.lift(broken)
    world.client.upload(DATA, DEST).unwrap()
    assert sum(isinstance(done.call, StartLargeFile) for done in world.simulator.journal) == 1


@pytest.mark.b2(buckets=["bucket"])
def test_t40_a_growing_file_is_never_sent_longer_than_was_said(
    b2_server: ServedB2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lengths = tmp_path / "log", list[tuple[int, int]]()
    path.write_bytes(bytes(50))
    os.utime(path, (1e9, 1e9))
    read = LocalDisk.read

    def growing(self: LocalDisk, slice_: LocalSlice) -> Iterator[Chunk]:
        for chunk in read(self, slice_):
            with path.open("ab") as log:
                log.write(b"more!")
            yield chunk

    class Line(httpx.BaseTransport):
        def __init__(self) -> None:
            self._inner = httpx.HTTPTransport()

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if "b2_upload_file" in request.url.path:
                lengths.append((int(request.headers["Content-Length"]), len(request.read())))
            return self._inner.handle_request(request)

        def close(self) -> None:
            self._inner.close()

    monkeypatch.setattr(slices, "_CHUNK", 10)
    with over_http(b2_server, transport=Line()) as (client, _, _):
        client.upload(path, DEST).unwrap()
        monkeypatch.setattr(LocalDisk, "read", growing)
        error = client.upload(path, DEST).failure()
    assert isinstance(error, LocalDrifted)
    assert error.path == str(path)
    assert lengths == [(90, 90)]
    assert b2_server.contents("bucket") == {"n": bytes(50)}


# --- progress ---------------------------------------------------------------------------------------------------------


def test_t35a_a_listener_is_closed_once_by_whoever_opened_it(tmp_path: Path) -> None:
    world, _ = seen_world()
    client, listeners = world.client, [ProgressListenerForTest() for _ in range(5)]
    client.upload(DATA, DEST, progress_listener=listeners[0]).unwrap()
    client.download(DEST, tmp_path / "f", progress_listener=listeners[1]).unwrap()
    client.read(DEST, progress_listener=listeners[2]).unwrap()
    client.copy(DEST, "b2://bucket/m", progress_listener=listeners[3]).unwrap()
    with listeners[4] as listener:
        client.read(DEST, progress_listener=listener).unwrap()
        client.read(DEST, progress_listener=listener).unwrap()
        assert "close()" not in listeners[4].calls
    assert all(listener.calls.count("close()") == 1 for listener in listeners)
    assert all(listener.calls[-2:] == ["bytes_completed(60)", "close()"] for listener in listeners)


def test_t35b_a_listener_is_called_by_one_thread_at_a_time() -> None:
    world, _ = seen_world()
    world.seed = None  # on threads
    inside, together = threading.Lock(), list[bool]()

    def listen(event: object) -> None:
        together.append(not inside.acquire(blocking=False))
        if isinstance(event, BytesMoved):
            threading.Event().wait(0.001)
        if inside.locked():
            inside.release()

    for number in range(30):
        world.disk("folder").put(str(number), DATA, 5)
    assert world.client.sync("folder", "b2://bucket", listener=listen).ok
    assert len(together) > 60
    assert not any(together)


# --- downloads --------------------------------------------------------------------------------------------------------


def test_t16a_a_download_into_the_middle_of_a_file(tmp_path: Path) -> None:
    """In pieces, from where the file stands; what is before stays."""
    world, seen = seen_world()
    world.put("bucket", "n", DATA, 5)
    path = tmp_path / "f"
    path.write_bytes(b"before")
    with path.open("r+b") as file:
        file.seek(6)
        done = world.client.download(DEST, file).unwrap()
        assert file.tell() == 66
    assert path.read_bytes() == b"before" + DATA
    assert done.pieces > 1
    assert seen.count("b2_download_file_by_") > 1


def test_t16b_a_longer_target_is_not_hashed_beyond_the_download(tmp_path: Path) -> None:
    world, _ = seen_world()
    world.put("bucket", "n", DATA, 5)
    path = tmp_path / "f"
    path.write_bytes(bytes(100))
    done = world.client.download(DEST, LocalRange(path, 10)).unwrap()
    assert path.read_bytes() == bytes(10) + DATA + bytes(30)
    assert done.checked.sha1 == sha1(DATA).hexdigest()  # type: ignore[union-attr]


def test_t17_a_digest_that_differs_is_told_with_the_one_expected() -> None:
    world, _ = seen_world(faults=(CorruptDownload(nth=1, times=None),))
    world.put("bucket", "n", DATA, 5)
    error = world.client.read(DEST).failure()
    assert isinstance(error, Corrupt)
    assert error.expected == f"SHA-1 {sha1(DATA).hexdigest()}"
    assert error.found not in (error.expected, str(len(DATA)))


@pytest.mark.b2(buckets=["bucket"])
def test_t18_names_and_info_come_back_as_they_were(b2_server: ServedB2) -> None:
    name, value = "ü +%41&/ñ?.txt", "a b+c%20ü"
    with over_http(b2_server) as (client, _, _):
        client.upload(DATA, f"b2://bucket/{name}", file_info={"key": value}).unwrap()
        for source in (f"b2://bucket/{name}", next(client.ls("b2://bucket", recursive=True))):
            headers = client.download(source, io.BytesIO()).unwrap().headers
            assert headers is not None
            assert (headers.file_name, headers.file_info["key"]) == (name, value)


class _NoRange(httpx.BaseTransport):
    """A proxy that drops Content-Range."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        response.headers.pop("Content-Range", None)
        return response

    def close(self) -> None:
        self._inner.close()


@small_parts
def test_t19a_a_range_without_its_header_is_an_error_and_no_crash(b2_server: ServedB2, tmp_path: Path) -> None:
    b2_server.put("bucket", "n", DATA)
    with over_http(b2_server, transport=_NoRange(), retry=IMPATIENT) as (client, _, _):
        error = client.download(DEST, tmp_path / "f").failure()
        assert isinstance(error, Transport)
        assert error.kind == "protocol"
    assert not list(tmp_path.iterdir())


def test_t19b_an_unverified_digest_is_one() -> None:
    """As B2 gives it of files that were uploaded without one."""
    world, _ = seen_world()
    world.client.upload(DATA, DEST, part_size=100).unwrap()
    call = next(done.call for done in world.simulator.journal if isinstance(done.call, UploadFile))
    _upload_unverified(world, call)
    (file,) = world.client.ls("b2://bucket")
    assert file.content_sha1 == f"unverified:{sha1(DATA).hexdigest()}"
    for source in (DEST, file):
        done = world.client.download(source, io.BytesIO()).unwrap()
        assert done.checked.sha1 == sha1(DATA).hexdigest()  # type: ignore[union-attr]


def _upload_unverified(world: Any, call: UploadFile) -> None:
    import msgspec

    from b2pure.model.account import UploadUrl
    from b2pure.model.calls import GetUploadUrl

    reply = world.client.call(GetUploadUrl(world.bucket_id("bucket"))).unwrap()
    url = UploadUrl(reply.upload_url, reply.authorization_token)
    world.simulator.handle(msgspec.structs.replace(call, content_sha1="do_not_verify"), url).unwrap()


@pytest.mark.b2(buckets=["bucket"])
def test_t19c_what_is_compressed_stays_so(b2_server: ServedB2, tmp_path: Path) -> None:
    packed = gzip.compress(bytes(5000))
    with over_http(b2_server) as (client, _, _):
        client.upload(packed, DEST, content_encoding="gzip").unwrap()
        assert client.read(DEST).unwrap() == packed
        client.download(DEST, tmp_path / "f").unwrap()
    assert (tmp_path / "f").read_bytes() == packed


@small_parts
def test_t20a_a_bad_line_makes_no_short_file(b2_server: ServedB2, b2_faults: FaultBoard, tmp_path: Path) -> None:
    b2_server.put("bucket", "n", DATA * 20)
    b2_faults.append(CutDownload(nth=1, after_bytes=7, times=5))
    b2_faults.append(RandomFaults(seed=1, one_in=3, kinds=("cut_download",), call_name="b2_download_*"))
    with over_http(b2_server, retry=RetryPolicy(max_attempts=30)) as (client, _, _):
        client.download(DEST, tmp_path / "f").unwrap()
    assert (tmp_path / "f").read_bytes() == DATA * 20


@small_parts
def test_t20b_a_piece_that_never_comes_is_told(b2_server: ServedB2, b2_faults: FaultBoard, tmp_path: Path) -> None:
    b2_server.put("bucket", "n", DATA)
    (tmp_path / "f").write_bytes(b"old")
    b2_faults.append(Disconnect(call_name="b2_download_*", nth=3, how="reset", times=None))
    with over_http(b2_server, retry=IMPATIENT) as (client, _, _):
        assert isinstance(client.download(DEST, tmp_path / "f").failure(), Transport)
    assert (tmp_path / "f").read_bytes() == b"old"


class OnlyWrite:
    """A target that can do nothing else."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes, /) -> int:
        self.data += data
        return len(data)


def test_t21_targets_need_not_be_read_or_sought(tmp_path: Path) -> None:
    world, _ = seen_world()
    world.put("bucket", "n", DATA, 5)
    target = OnlyWrite()
    world.client.download(DEST, target).unwrap()
    assert target.data == DATA
    with (tmp_path / "f").open("wb") as file:
        world.client.download(DEST, file).unwrap()
    assert (tmp_path / "f").read_bytes() == DATA
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "wb") as pipe:
        world.client.download(DEST, pipe).unwrap()
    with os.fdopen(ours, "rb") as reader:
        assert reader.read() == DATA


def test_t22a_a_download_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    world, _ = seen_world(faults=(CorruptDownload(nth=1, times=None),))
    world.put("bucket", "n", DATA, 5)
    (tmp_path / "f").write_bytes(b"old")
    assert not ok(world.client.download(DEST, tmp_path / "f"))
    assert (tmp_path / "f").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f"]


def test_t22b_a_download_into_a_file_that_fails_does_not_delete_it(tmp_path: Path) -> None:
    """Nor cut it: only the bytes at the place may be those that came."""
    world, _ = seen_world(faults=(CorruptDownload(nth=1, times=None),))
    world.put("bucket", "n", DATA, 5)
    path = tmp_path / "f"
    path.write_bytes(bytes(100))
    assert not ok(world.client.download(DEST, LocalRange(path, 10)))
    left = path.read_bytes()
    assert (len(left), left[:10], left[70:]) == (100, bytes(10), bytes(30))


def test_t36a_a_small_file_is_fetched_once(tmp_path: Path) -> None:
    world, seen = seen_world()
    world.put("bucket", "n", DATA[:4], 5)
    world.client.download(DEST, tmp_path / "f").unwrap()
    assert seen.count("b2_download_file_by_") == 1
    assert (tmp_path / "f").read_bytes() == DATA[:4]


def test_large_files_tell_their_digest() -> None:
    """What the tests above rely on: a large file is verified as a whole."""
    world, _ = seen_world()
    assert world.client.upload(DATA, DEST).unwrap().file_info[LARGE_FILE_SHA1] == sha1(DATA).hexdigest()


def test_upload_urls_that_got_old_together_are_found_out_at_once() -> None:
    """A client that slept for a day with more idle upload URLs than it has tries."""
    world = simulated_b2("holiday")
    client = world.client
    bucket_id = client.upload(b"x", "b2://holiday/early").unwrap().bucket_id
    for _ in range(10):
        given = client.call(GetUploadUrl(bucket_id)).unwrap()
        client._machines.step_pool(bucket_id, Give(UploadUrl(given.upload_url, given.authorization_token)))
    world.simulator.advance_time(25 * 3600 * 1000)
    assert client.upload(b"y", "b2://holiday/late").unwrap().file_name == "late"
    assert len(world.simulator.log.entries("b2_upload_file")) == 3  # the early one, one that finds out, the late one


@pytest.mark.b2(buckets=["bucket"], minimum_part_size=100_000, recommended_part_size=200_000)
def test_long_files_of_one_name_come_down_side_by_side(b2_server: ServedB2, tmp_path: Path) -> None:
    """Each has a temporary file that a later run could go on with; those have one name in each folder."""
    contents = {f"{month}/dump.sql": bytes([number]) * (900_000 * number) for number, month in enumerate("abcd", 1)}
    with over_http(b2_server) as (client, _, _):
        for name, content in contents.items():
            client.upload(content, f"b2://bucket/{name}", whole_sha1=False).unwrap()
        for run in ("first", "second"):
            assert not client.sync("b2://bucket", tmp_path / run).failed
    for run in ("first", "second"):
        assert {name: (tmp_path / run / name).read_bytes() for name in contents} == contents
