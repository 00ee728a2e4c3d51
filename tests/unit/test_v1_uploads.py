"""New files of the numbered interface: sources of the documentation and of callers, arguments, and what goes wrong."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from v1_world import MINIMUM, SMALL_PARTS, World, content, served

from b2pure.effects.faults import Answer, CorruptUpload, FailNth
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.serve_control import expire_tokens
from b2pure.v1 import (
    AbstractUploadSource,
    Bucket,
    CopySource,
    LocalFileUploadSource,
    LocalUploadSource,
    MetadataDirectiveMode,
    RemoteFileUploadSource,
    RemoteUploadSource,
    StreamOpener,
    UploadSource,
    UploadSourceBytes,
    UploadSourceLocalFile,
    UploadSourceLocalFileRange,
    UploadSourceStream,
    UploadSourceStreamRange,
    WriteIntent,
    exception,
)


@pytest.fixture
def world() -> Iterator[World]:
    with served(SMALL_PARTS) as world:
        world.api.session.retry = RetryPolicy(first_delay=0.001, max_attempts=4, max_upload_urls=4)
        yield world


@pytest.fixture
def bucket(world: World) -> Bucket:
    return world.bucket()


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


class Counted(AbstractUploadSource):
    """A source of the caller's own."""

    def __init__(self, data: bytes, *, told: int | None = None, fails: bool = False) -> None:
        self.data, self.opened, self._told, self._fails = data, 0, told, fails

    def get_content_length(self) -> int:
        return len(self.data) if self._told is None else self._told

    def get_content_sha1(self) -> str | None:
        return None

    def open(self) -> IO[bytes]:
        self.opened += 1
        if self._fails:
            raise ZeroDivisionError("the source")
        return io.BytesIO(self.data)


# --- sources


@pytest.mark.parametrize("size", [0, 1, 5_000, 35_000])
def test_every_source_gives_its_bytes_and_knows_about_itself(bucket: Bucket, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(b"before" + data + b"after")
    whole = tmp_path / "whole"
    whole.write_bytes(data)
    around = b"before" + data
    sources: list[AbstractUploadSource] = [
        UploadSourceBytes(data),
        UploadSourceLocalFile(whole),
        UploadSourceLocalFileRange(path, offset=6, length=size),
        UploadSourceStream(lambda: io.BytesIO(data)),
        UploadSourceStream(lambda: io.BytesIO(data), size, _sha1(data)),
        UploadSourceStreamRange(lambda: io.BytesIO(around), 6),
        Counted(data),
    ]
    for number, source in enumerate(sources):
        made = bucket.upload(source, f"source-{number}")
        assert (made.size, content(bucket, f"source-{number}")) == (size, data)
        assert (source.get_content_length(), source.is_upload(), source.is_copy()) == (size, True, False)
        assert source.get_content_sha1() in (_sha1(data), None)
        with source.open() as stream:
            assert stream.read(size) == data


def test_the_guides_names_are_names_of_the_same(tmp_path: Path) -> None:
    assert LocalUploadSource is LocalFileUploadSource is UploadSourceLocalFile
    assert RemoteUploadSource is RemoteFileUploadSource is CopySource
    assert UploadSource is AbstractUploadSource


def test_what_is_no_file_or_no_range_is_told(tmp_path: Path) -> None:
    with pytest.raises(exception.InvalidUploadSource):
        UploadSourceLocalFile(tmp_path)
    (tmp_path / "file").write_bytes(b"0123456789")
    for offset, length in ((0, 11), (5, 6), (11, None), (-1, 2)):
        with pytest.raises(ValueError, match="10 bytes"):
            UploadSourceLocalFileRange(tmp_path / "file", offset=offset, length=length)


def test_a_file_that_changes_after_the_source_was_made_is_never_sent(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    source = UploadSourceLocalFile(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"012345678")
    with pytest.raises(exception.LocalFileError, match="changed"):
        bucket.upload(source, "file")
    assert list(bucket.ls()) == []


def test_a_callers_source_is_opened_again_and_again(bucket: Bucket, world: World) -> None:
    """Each try reads it from its start."""
    world.faults.append(FailNth("b2_upload_file", 1, Answer(503)))
    source = Counted(b"0123456789")
    bucket.upload(source, "file")
    assert (content(bucket, "file"), source.opened >= 2) == (b"0123456789", True)


def test_what_a_source_raises_comes_out_as_it_was_raised(bucket: Bucket) -> None:
    with pytest.raises(ZeroDivisionError, match="the source"):
        bucket.upload(Counted(b"0123456789", fails=True), "file")
    with pytest.raises(ZeroDivisionError, match="the source"):
        bucket.concatenate([UploadSourceBytes(b"x"), Counted(b"0123456789", fails=True)], "file")


def test_a_digest_that_is_given_is_checked(bucket: Bucket, tmp_path: Path) -> None:
    """In one call, in parts, and in what is put together. A digest that is wrong is as wrong the next time."""
    for size in (10, 35_000):
        data = os.urandom(size)
        (tmp_path / "file").write_bytes(data)
        bucket.upload_local_file(str(tmp_path / "file"), "good", sha1_sum=_sha1(data))
        assert content(bucket, "good") == data
        wrong = _sha1(b"other")
        with pytest.raises(exception.FileSha1Mismatch, match=r"^Upload file SHA1 mismatch: bad$") as caught:
            bucket.upload_local_file(str(tmp_path / "file"), "bad", sha1_sum=wrong)
        assert not isinstance(caught.value, exception.TransientErrorMixin)
        with pytest.raises(exception.FileSha1Mismatch):
            bucket.upload(UploadSourceBytes(data, wrong), "bad")
        for make in (bucket.concatenate, bucket.concatenate_stream):
            with pytest.raises(exception.FileSha1Mismatch, match="bad"):
                make([UploadSourceBytes(data, wrong)], "bad")
    assert [version.file_name for version, _ in bucket.ls()] == ["good"]


def test_bytes_that_change_on_the_way_are_sent_again(bucket: Bucket, world: World) -> None:
    world.faults.append(CorruptUpload(nth=1))
    bucket.upload_bytes(b"0123456789", "file")
    assert content(bucket, "file") == b"0123456789"


# --- what goes wrong out there


def test_an_upload_that_fails_again_and_again_tells_of_every_time(bucket: Bucket, world: World) -> None:
    world.faults.append(FailNth("b2_upload_file", 1, Answer(503), times=10))
    with pytest.raises(exception.MaxRetriesExceeded, match="FAILED to upload after 4 tries") as caught:
        bucket.upload_bytes(b"x", "x")
    assert {type(error) for error in caught.value.exception_info_list} == {exception.ServiceError}


def test_a_refusal_is_told_at_once_with_what_the_key_may_do(bucket: Bucket, world: World) -> None:
    made = world.api.create_key(["listBuckets", "listFiles"], "reader", bucket_id=bucket.id_)
    world.api.authorize_account(world.url, made["applicationKeyId"], made["applicationKey"])
    with pytest.raises(
        exception.Unauthorized, match=r"for application key with capabilities '.*', restricted to bucket 'holiday'"
    ):
        bucket.upload_bytes(b"x", "x")
    assert world.calls("b2_upload_file") == 0


def test_an_expired_token_is_renewed_once(bucket: Bucket, world: World) -> None:
    bucket.upload_bytes(b"x", "x")
    with world.server.locked() as simulator:
        expire_tokens(simulator, "all")
    bucket.upload_bytes(b"y", "x")
    assert content(bucket, "x") == b"y"
    assert world.calls("b2_authorize_account") == 2


def test_names_that_b2_cannot_have_are_refused_before_anything_is_asked(bucket: Bucket) -> None:
    for name in ("", "/x", "x/", "a//b", "x" * 1025, "a\nb"):
        with pytest.raises(exception.UnusableFileName, match=r"^Unusable file name: ") as caught:
            bucket.upload_bytes(b"x", name)
        assert isinstance(caught.value, ValueError)


# --- arguments


def test_type_and_info_are_stored(bucket: Bucket) -> None:
    made = bucket.upload(UploadSourceBytes(b"x"), "x", "text/special", {"a": "ä b"})
    assert (made.content_type, made.file_info) == ("text/special", {"a": "ä b"})
    assert bucket.upload_bytes(b"x", "x.txt").content_type == "text/plain"
    assert bucket.DEFAULT_CONTENT_TYPE == "b2/x-auto"


def test_min_part_size_cuts_the_parts(bucket: Bucket, world: World) -> None:
    data = os.urandom(9_000)
    bucket.upload(UploadSourceBytes(data), "x", min_part_size=2_000)
    assert (world.calls("b2_upload_part"), content(bucket, "x")) == (5, data)
    bucket.concatenate([UploadSourceBytes(data)], "y", recommended_upload_part_size=3_000)
    assert (world.calls("b2_upload_part"), content(bucket, "y")) == (5 + 3, data)
    with pytest.raises(exception.InvalidArgument, match="min_part_size"):
        bucket.upload(UploadSourceBytes(data), "x", min_part_size=0)


def test_an_argument_that_nobody_knows_is_refused(bucket: Bucket) -> None:
    with pytest.raises(TypeError, match=r"Bucket\.upload_bytes\(\) got an unexpected .*; did you mean 'large_file_id'"):
        bucket.upload_bytes(b"x", "x", large_file="y")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="two names of one argument"):
        bucket.create_file([], "x", continue_large_file_id="a", large_file_id="b")
    with pytest.raises(TypeError, match="given twice"):
        bucket.create_file([WriteIntent(UploadSourceBytes(b"x"))], "x", {"a": "b"}, {"a": "b"})


def test_an_id_that_does_not_fit_is_told(bucket: Bucket) -> None:
    other = bucket.start_large_file("other")
    source = UploadSourceBytes(os.urandom(35_000))
    with pytest.raises(exception.BadRequest, match="cannot go on with the large file"):
        bucket.upload(source, "x", large_file_id=other.file_id)
    with pytest.raises(exception.BadRequest, match="too little for a second part"):
        bucket.create_file([WriteIntent(UploadSourceBytes(b"x"))], "other", large_file_id=other.file_id)


# --- write intents


def test_write_intents_know_where_they_are() -> None:
    copy, local = CopySource("id", 5, 10), UploadSourceBytes(b"abc")
    first, second = WriteIntent.wrap_sources_iterator([copy, local])
    assert (first.length, first.destination_offset, first.destination_end_offset) == (10, 0, 10)
    assert (second.length, second.destination_offset, second.destination_end_offset) == (3, 10, 13)
    assert (first.is_copy(), first.is_upload(), second.is_copy(), second.is_upload()) == (True, False, False, True)
    assert WriteIntent(data=local, destination_offset=4).outbound_source is local
    with pytest.raises(ValueError, match="unknown length"):
        WriteIntent(CopySource("id"))
    with pytest.raises(TypeError, match="one source"):
        WriteIntent()


def test_copy_sources_have_ranges() -> None:
    assert CopySource("id", 5, 10).get_bytes_range() == (5, 14)
    assert CopySource("id").get_bytes_range() is None
    assert CopySource("id", 5, 10).get_copy_source_range(2, 3).get_bytes_range() == (7, 9)
    with pytest.raises(ValueError, match="overflow"):
        CopySource("id", 5, 10).get_copy_source_range(8, 3)


def test_what_makes_no_object_is_told(bucket: Bucket) -> None:
    for method in (bucket.create_file, bucket.create_file_stream):
        with pytest.raises(ValueError, match=r"\[3, 5\)"):
            method([WriteIntent(UploadSourceBytes(b"abc")), WriteIntent(UploadSourceBytes(b"abc"), 5)], "x")
    whole, end, start = b"abcabc", b"abc", b"abc"
    backwards = [WriteIntent(UploadSourceBytes(data), at) for data, at in ((whole, 0), (end, 3), (start, 0))]
    with pytest.raises(ValueError, match="sorted by destination offset"):
        bucket.create_file_stream(iter(backwards), "x")
    bucket.create_file(backwards, "x")
    assert content(bucket, "x") == b"abcabc"
    for method in (bucket.create_file, bucket.create_file_stream):
        with pytest.raises(ValueError, match="nothing to make a file of"):
            method([], "x")
    with pytest.raises(exception.InvalidArgument, match="prioritize"):
        bucket.create_file(backwards, "x", prioritize="fastest")  # type: ignore[arg-type]


def test_what_a_stream_of_intents_raises_comes_out_as_it_was_raised(bucket: Bucket) -> None:
    def intents() -> Iterator[WriteIntent]:
        yield WriteIntent(UploadSourceBytes(b"x" * 50_000))
        raise ZeroDivisionError("the stream")

    with pytest.raises(ZeroDivisionError, match="the stream"):
        bucket.create_file_stream(intents(), "x")
    assert list(bucket.list_unfinished_large_files()) == []


def test_a_source_that_does_not_have_its_range_is_told(bucket: Bucket) -> None:
    made = bucket.upload_bytes(b"x" * 5_000, "x")
    with pytest.raises(exception.BadRequest, match="5000"):
        bucket.concatenate([CopySource(str(made.id_), 0, 6_000), UploadSourceBytes(b"x" * 9_000)], "y")


@pytest.mark.parametrize("size", [100, 9_000])
def test_a_file_that_is_not_there_is_named_and_not_the_new_one(bucket: Bucket, size: int) -> None:
    """What is copied, and what is gone on with."""
    sources = [CopySource("4_znothing", 0, size), UploadSourceBytes(b"x" * size)]
    intents = [WriteIntent(sources[0]), WriteIntent(sources[1], size)]
    big = UploadSourceBytes(b"x" * 50_000)
    makers: list[Callable[[], object]] = [
        lambda: bucket.copy("4_znothing", "y"),
        lambda: bucket.copy("4_znothing", "y", offset=0, length=size),
        lambda: bucket.concatenate(sources, "y"),
        lambda: bucket.concatenate_stream(iter(sources), "y"),
        lambda: bucket.create_file(intents, "y"),
        lambda: bucket.create_file_stream(iter(intents), "y"),
        lambda: bucket.create_file([WriteIntent(big)], "y", continue_large_file_id="4_znothing"),
        lambda: bucket.concatenate([big], "y", large_file_id="4_znothing"),
    ]
    for make in makers:
        with pytest.raises(exception.FileNotPresent, match=r"^File not present: 4_znothing$"):
            make()
    assert list(bucket.list_unfinished_large_files()) == []


# --- copies


def test_a_copy_takes_type_and_info_along_unless_others_are_given(bucket: Bucket) -> None:
    source = str(bucket.upload_bytes(b"0123456789", "x", "text/special", {"a": "b"}).id_)
    same = bucket.copy(source, "same")
    assert (same.content_type, same.file_info) == ("text/special", {"a": "b"})
    other = bucket.copy(source, "other", "text/other", {"c": "d"})
    assert (other.content_type, other.file_info) == ("text/other", {"c": "d"})
    assert (same["fileName"], dict(other)["contentLength"]) == ("same", 10)


def test_copy_file_is_the_one_call(bucket: Bucket) -> None:
    source = str(bucket.upload_bytes(b"0123456789", "x", "text/special", {"a": "b"}).id_)
    bucket.copy_file(source, "range", bytes_range=(2, 5))
    assert content(bucket, "range") == b"2345"
    replace = MetadataDirectiveMode.REPLACE
    made = bucket.copy_file(source, "other", metadata_directive=replace, content_type="text/other")
    assert (made.content_type, made.file_info) == ("text/other", {})
    with pytest.raises(exception.InvalidMetadataDirective):
        bucket.copy_file(source, "other", content_type="text/other")
    with pytest.raises(exception.InvalidMetadataDirective):
        bucket.copy_file(source, "other", metadata_directive=replace)


# --- openers that keep something


class _Kept(StreamOpener):
    """What it opens is fetched once, and forgotten when it is told to."""

    def __init__(self, data: bytes) -> None:
        self.kept: bytes | None = data
        self.forgotten = 0

    def __call__(self) -> IO[bytes]:
        assert self.kept is not None, "opened after the job"
        return io.BytesIO(self.kept)

    def cleanup(self) -> None:
        self.kept = None
        self.forgotten += 1


def test_an_opener_is_told_once_that_the_job_is_over(bucket: Bucket, world: World) -> None:
    data = b"x" * 3 * MINIMUM
    makers: tuple[Callable[[UploadSourceStream], object], ...] = (
        lambda source: bucket.upload(source, "one"),
        lambda source: bucket.create_file([WriteIntent(source)], "one"),
        lambda source: bucket.concatenate_stream(iter([source]), "one"),
    )
    for make in makers:
        opener = _Kept(data)
        make(UploadSourceStream(opener))
        assert (opener.forgotten, content(bucket, "one")) == (1, data)
    shared = _Kept(data)
    bucket.concatenate([UploadSourceStream(shared), UploadSourceStream(shared)], "two")
    assert (shared.forgotten, content(bucket, "two")) == (1, data * 2)


def test_an_opener_is_told_when_the_job_fails(bucket: Bucket, world: World) -> None:
    opener = _Kept(b"x" * 10)
    world.faults.append(FailNth("b2_upload_file", 1, Answer(400, "bad_request", "no")))
    with pytest.raises(exception.BadRequest):
        bucket.upload(UploadSourceStream(opener), "one")
    assert opener.forgotten == 1
