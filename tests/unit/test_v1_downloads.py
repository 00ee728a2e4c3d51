"""Downloads of the numbered interface: into the destinations of the documentation, and into those of callers."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from v1_world import SMALL_PARTS, World, served

from b2pure.effects.faults import Answer, CutDownload, FailNth
from b2pure.v1 import (
    AbstractDownloadDestination,
    AbstractProgressListener,
    Bucket,
    CopySource,
    DownloadDestBytes,
    DownloadDestLocalFile,
    DownloadDestProgressWrapper,
    PreSeekedDownloadDest,
    ProgressListenerForTest,
    UploadSourceBytes,
    exception,
)


@pytest.fixture
def world() -> Iterator[World]:
    with served(SMALL_PARTS) as world:
        yield world


@pytest.fixture
def bucket(world: World) -> Bucket:
    return world.bucket()


def _break_off(context: AbstractContextManager[Any]) -> None:
    """Write a little, and fail."""
    with context as file:
        file.write(b"ne")
        raise ZeroDivisionError


class Own(AbstractDownloadDestination):
    """A caller's destination, which notes everything that happens to it."""

    def __init__(self, fail_at: str = "") -> None:
        self.told: tuple[Any, ...] = ()
        self.happened: list[str] = []
        self.buffer = io.BytesIO()
        self._fail_at = fail_at

    def make_file_context(
        self,
        file_id: str,
        file_name: str,
        content_length: int,
        content_type: str,
        content_sha1: str,
        file_info: Mapping[str, str],
        mod_time_millis: int,
        range_: tuple[int, int] | None = None,
    ) -> Any:
        self.told = (
            file_id, file_name, content_length, content_type, content_sha1, dict(file_info), mod_time_millis, range_,
        )  # fmt: skip
        return self._context()

    @contextmanager
    def _context(self) -> Iterator[Any]:
        self._happens("enter")
        try:
            yield self
        except BaseException as error:
            self.happened.append(f"failed: {type(error).__name__}")
            raise
        self._happens("leave")

    def write(self, data: bytes) -> int:
        self._happens("write")
        return self.buffer.write(data[:7])

    def _happens(self, what: str) -> None:
        if what == self._fail_at:
            raise ZeroDivisionError(what)
        if self.happened[-1:] != [what]:
            self.happened.append(what)


def test_a_destination_of_the_callers_own_is_used_as_the_documentation_says(bucket: Bucket) -> None:
    """It is told of the file, entered, written to in order (however little it takes at once), and left."""
    info = {"src_last_modified_millis": "1550988084299"}
    made = bucket.upload_bytes(b"0123456789" * 10, "digits", "text/plain", info)
    own = Own()
    bucket.download_file_by_name("digits", own)
    assert own.told == (made.id_, "digits", 100, "text/plain", made.content_sha1, info, 1_550_988_084_299, None)
    assert own.happened == ["enter", "write", "leave"]
    assert own.buffer.getvalue() == b"0123456789" * 10


def test_the_info_of_a_download_is_decoded_as_that_of_a_listing(bucket: Bucket) -> None:
    info = {"color": "100%41+1 ü"}
    made = bucket.upload_bytes(b"x", "x", file_infos=info)
    assert bucket.download_file_by_name("x", DownloadDestBytes())["fileInfo"] == info
    assert made.id_ is not None
    assert bucket.api.download_file_by_id(made.id_, DownloadDestBytes())["fileInfo"] == info
    assert next(bucket.ls())[0].file_info == info


def test_it_is_entered_for_an_empty_file_too(bucket: Bucket) -> None:
    bucket.upload_bytes(b"", "empty")
    own = Own()
    bucket.download_file_by_name("empty", own)
    assert own.happened == ["enter", "leave"]


@pytest.mark.parametrize("step", ["enter", "write", "leave"])
def test_what_it_raises_comes_out_as_it_was_raised(bucket: Bucket, step: str) -> None:
    bucket.upload_bytes(b"x", "x")
    with pytest.raises(ZeroDivisionError, match=step):
        bucket.download_file_by_name("x", Own(fail_at=step))


def test_it_is_told_of_a_failure_by_its_context(bucket: Bucket, world: World) -> None:
    made = bucket.upload_bytes(b"x" * 100_000, "x")
    world.faults.append(CutDownload(nth=1, after_bytes=50_000))
    world.faults.append(FailNth("b2_download_file_by_id", 2, Answer(404, "not_found")))
    own = Own()
    with pytest.raises(exception.FileNotPresent):
        bucket.download_file_by_id(str(made.id_), own)
    assert own.happened[:2] == ["enter", "write"]
    assert own.happened[-1].startswith("failed: ")


def test_a_connection_that_breaks_is_gone_on_with(bucket: Bucket, world: World, tmp_path: Path) -> None:
    data = os.urandom(200_000)
    bucket.upload_bytes(data, "x")
    world.faults.append(CutDownload(nth=1, after_bytes=70_000))
    own = Own()
    bucket.download_file_by_name("x", own)
    assert own.buffer.getvalue() == data
    world.faults.append(CutDownload(nth=1, after_bytes=70_000))
    bucket.download_file_by_name("x", DownloadDestLocalFile(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == data


# --- the documentation's own


def test_a_failed_download_leaves_what_was_there(bucket: Bucket, world: World, tmp_path: Path) -> None:
    """Through the core, and through the context that a caller makes."""
    path = tmp_path / "file"
    path.write_bytes(b"precious")
    bucket.upload_bytes(b"new", "x")
    world.faults.append(FailNth("b2_download_file_by_name", 1, Answer(404, "not_found")))
    with pytest.raises(exception.FileNotPresent):
        bucket.download_file_by_name("x", DownloadDestLocalFile(path))
    context = DownloadDestLocalFile(path).make_file_context("id", "x", 3, "text/plain", "none", {}, 1000)
    with pytest.raises(ZeroDivisionError):
        _break_off(context)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"precious", ["file"])


def test_a_context_that_a_caller_makes_writes_the_file_and_its_time(tmp_path: Path) -> None:
    dest = DownloadDestLocalFile(tmp_path / "file")
    with dest.make_file_context("id", "x", 3, "text/plain", "none", {"a": "b"}, 1_550_988_084_299) as file:
        file.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "file").stat().st_mtime_ns == 1_550_988_084_299 * 1_000_000
    assert (dest.file_id, dest.file_name, dest.file_info) == ("id", "x", {"a": "b"})


def test_a_subclass_that_writes_otherwise_is_asked(bucket: Bucket, tmp_path: Path) -> None:
    class Doubling(DownloadDestLocalFile):
        @contextmanager
        def write_to_local_file_context(self, mod_time_millis: int) -> Iterator[Any]:
            with super().write_to_local_file_context(mod_time_millis) as file:
                yield file
                file.write(b"!")

    bucket.upload_bytes(b"new", "x")
    bucket.download_file_by_name("x", Doubling(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"new!"


@pytest.mark.parametrize("there", ["", "a folder"])
def test_a_path_that_cannot_be_written_is_told(bucket: Bucket, tmp_path: Path, there: str) -> None:
    """An OSError, as from `open`, and an error of B2's at once."""
    bucket.upload_bytes(b"new", "x")
    path = tmp_path if there else tmp_path / "no folder" / "file"
    with pytest.raises(OSError, match="folder") as caught:
        bucket.download_file_by_name("x", DownloadDestLocalFile(path))
    assert isinstance(caught.value, exception.B2Error)


def test_a_pre_seeked_destination_changes_only_the_place(bucket: Bucket, tmp_path: Path) -> None:
    """ "Does not truncate the target file, seeks to a given offset just after opening a descriptor." """
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    bucket.upload_bytes(b"ABC", "x", file_infos={"src_last_modified_millis": "1550988084299"})
    dest = PreSeekedDownloadDest(path, seek_target=4)
    bucket.download_file_by_name("x", dest)
    assert path.read_bytes() == b"0123ABC789"
    assert path.stat().st_mtime_ns == 1_550_988_084_299 * 1_000_000
    assert dest.content_length == 3
    with dest.make_file_context("id", "x", 1, "text/plain", "none", {}, 1000) as file:
        file.write(b"!")
    assert path.read_bytes() == b"0123!BC789"


def test_bytes_are_there_only_after_a_download(bucket: Bucket) -> None:
    dest = DownloadDestBytes()
    with pytest.raises(Exception, match="data not written yet"):
        dest.get_bytes_written()
    bucket.upload_bytes(b"new", "x")
    told = bucket.download_file_by_name("x", dest)
    assert dest.get_bytes_written() == b"new"
    assert told == {
        "fileId": dest.file_id,
        "fileName": "x",
        "contentType": "application/octet-stream",
        "contentLength": 3,
        "contentSha1": dest.content_sha1,
        "fileInfo": {},
    }


def test_a_wrapped_destination_reports_progress(bucket: Bucket) -> None:
    bucket.upload_bytes(b"0123456789", "x")
    inner, outer = ProgressListenerForTest(), ProgressListenerForTest()
    dest = DownloadDestBytes()
    bucket.download_file_by_name("x", DownloadDestProgressWrapper(dest, inner), outer)
    calls = ["set_total_bytes(10)", "bytes_completed(10)", "close()"]
    assert (inner.get_calls(), outer.get_calls(), dest.get_bytes_written()) == (calls, calls, b"0123456789")


def test_a_wrapper_in_a_callers_hands_does_the_same() -> None:
    listener, dest = ProgressListenerForTest(), DownloadDestBytes()
    wrapper = DownloadDestProgressWrapper(dest, listener)
    with wrapper.make_file_context("id", "x", 10, "text/plain", "none", {}, 1000, (2, 4)) as file:
        file.write(b"ab")
        file.write(b"c")
    assert dest.get_bytes_written() == b"abc"
    assert listener.get_calls() == ["set_total_bytes(3)", "bytes_completed(2)", "bytes_completed(3)", "close()"]


def test_a_listener_that_is_open_stays_open(bucket: Bucket) -> None:
    """Whoever opens it closes it."""
    bucket.upload_bytes(b"0123456789", "x")
    listener = ProgressListenerForTest()
    with listener:
        bucket.download_file_by_name("x", DownloadDestBytes(), listener)
        bucket.upload_bytes(b"0", "y", progress_listener=listener)
        assert "close()" not in listener.get_calls()
    assert listener.get_calls()[-1] == "close()"


# --- ranges, versions, digests


@pytest.mark.parametrize("range_", [(0, 0), (3, 7), (0, 99), (99, 99)])
def test_a_range_has_both_of_its_ends(bucket: Bucket, tmp_path: Path, range_: tuple[int, int]) -> None:
    data = os.urandom(100)
    made = bucket.upload_bytes(data, "x")
    wanted = data[range_[0] : range_[1] + 1]
    dest, own = DownloadDestBytes(), Own()
    told = bucket.download_file_by_name("x", dest, range_=range_)
    bucket.download_file_by_id(str(made.id_), own, range_=range_)
    bucket.download_file_by_name("x", DownloadDestLocalFile(tmp_path / "x"), range_=range_)
    assert dest.get_bytes_written() == own.buffer.getvalue() == (tmp_path / "x").read_bytes() == wanted
    assert told["contentLength"] == len(wanted)
    assert own.told[-1] == range_


def test_a_range_that_is_not_all_there_is_an_error_before_anything_is_written(bucket: Bucket, tmp_path: Path) -> None:
    bucket.upload_bytes(b"0123456789", "x")
    (tmp_path / "x").write_bytes(b"precious")
    own = Own()
    for dest in (DownloadDestBytes(), DownloadDestLocalFile(tmp_path / "x"), own):
        with pytest.raises(exception.InvalidRange, match="5-100"):
            bucket.download_file_by_name("x", dest, range_=(5, 100))
    assert ((tmp_path / "x").read_bytes(), os.listdir(tmp_path), own.happened) == (b"precious", ["x"], [])
    with pytest.raises(exception.UnsatisfiableRange):
        bucket.download_file_by_name("x", DownloadDestBytes(), range_=(10, 12))
    for wrong in ((-1, 3), (5, 4)):
        with pytest.raises(ValueError, match="first and its last byte"):
            bucket.download_file_by_name("x", DownloadDestBytes(), range_=wrong)


def test_old_versions_have_their_own_ids_and_hidden_files_no_name(bucket: Bucket, world: World) -> None:
    old = bucket.upload_bytes(b"old", "x")
    bucket.upload_bytes(b"new", "x")
    bucket.hide_file("x")
    dest = DownloadDestBytes()
    world.api.download_file_by_id(str(old.id_), dest)
    assert dest.get_bytes_written() == b"old"
    with pytest.raises(exception.FileNotPresent):
        bucket.download_file_by_name("x", dest)


def test_a_large_file_comes_in_pieces_and_is_verified(bucket: Bucket, tmp_path: Path) -> None:
    data = os.urandom(95_000)
    made = bucket.upload(UploadSourceBytes(data), "large")
    assert made.content_sha1 == "none"
    dest = DownloadDestLocalFile(tmp_path / "x")
    told = bucket.download_file_by_id(str(made.id_), dest)
    assert (tmp_path / "x").read_bytes() == data
    assert told["contentSha1"] == dest.content_sha1 == "none"


def test_a_bucket_that_is_known_by_its_id_only_finds_its_name(bucket: Bucket, world: World) -> None:
    bucket.upload_bytes(b"new", "a/b c")
    again = world.api.get_bucket_by_id(bucket.id_)
    dest = DownloadDestBytes()
    again.download_file_by_name("a/b c", dest)
    assert dest.get_bytes_written() == b"new"
    assert again.get_download_url("a/b c") == f"{world.url}/file/holiday/a/b%20c"


def test_listeners_may_be_of_a_callers_own_class(bucket: Bucket) -> None:
    class Mine(AbstractProgressListener):
        total, done, closed = 0, 0, 0

        def set_total_bytes(self, total_byte_count: int) -> None:
            self.total = total_byte_count

        def bytes_completed(self, byte_count: int) -> None:
            self.done = byte_count

        def close(self) -> None:
            self.closed += 1

    source = bucket.upload_bytes(b"x" * 5_000, "x")
    mine = [Mine() for _ in range(4)]
    bucket.upload_bytes(b"x" * 35_000, "y", progress_listener=mine[0])
    bucket.copy(str(source.id_), "z", length=5_000, max_copy_part_size=2_000, progress_listener=mine[1])
    bucket.concatenate([CopySource(str(source.id_), 0, 5_000)] * 2, "c", progress_listener=mine[2])
    bucket.download_file_by_name("y", DownloadDestBytes(), mine[3])
    assert [(each.total, each.done, each.closed) for each in mine] == [
        (35_000, 35_000, 1),
        (5_000, 5_000, 1),
        (10_000, 10_000, 1),
        (35_000, 35_000, 1),
    ]
