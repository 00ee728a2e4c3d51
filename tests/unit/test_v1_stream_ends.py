"""A source gives as many bytes as it promised: fewer are an error, and so are more, wherever that can be seen."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from v1_world import MINIMUM, SMALL_PARTS, content, served

from b2pure.v1 import (
    AbstractUploadSource,
    Bucket,
    UploadSourceBytes,
    UploadSourceLocalFile,
    UploadSourceLocalFileRange,
    UploadSourceStream,
    UploadSourceStreamRange,
    WriteIntent,
    exception,
)

SIZES = [0, 1, 5_000, 3 * MINIMUM, 3 * MINIMUM + 1]
"""In one call, and in parts."""
MAKERS: list[Callable[[Bucket, Any], object]] = [
    lambda bucket, source: bucket.upload(source, "file"),
    lambda bucket, source: bucket.create_file([WriteIntent(source)], "file"),
    lambda bucket, source: bucket.create_file_stream(iter([WriteIntent(source)]), "file"),
    lambda bucket, source: bucket.concatenate([UploadSourceBytes(b"x" * MINIMUM), source], "file"),
    lambda bucket, source: bucket.concatenate([source, UploadSourceBytes(b"x" * MINIMUM)], "file"),
]


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with served(SMALL_PARTS) as world:
        yield world.bucket()


class Own(AbstractUploadSource):
    """A source of the caller's own."""

    def __init__(self, data: bytes, told: int) -> None:
        self._data, self._told = data, told

    def get_content_length(self) -> int:
        return self._told

    def get_content_sha1(self) -> str | None:
        return None

    def open(self) -> IO[bytes]:
        return io.BytesIO(self._data)


class Duck:
    """It opens, and no more."""

    def __init__(self, data: bytes, told: int) -> None:
        self._data, self._told = data, told

    def get_content_length(self) -> int:
        return self._told

    def open(self) -> IO[bytes]:
        return io.BytesIO(self._data)


class OwnFile(UploadSourceLocalFile):
    """A file that somebody opens as something longer."""

    def open(self) -> IO[bytes]:
        return io.BytesIO(Path(self.local_path).read_bytes() + b"more")


def _stream(data: bytes, told: int) -> UploadSourceStream:
    return UploadSourceStream(lambda: io.BytesIO(data), told)


def _nothing_is_there(bucket: Bucket) -> bool:
    return not list(bucket.ls(show_versions=True)) and not list(bucket.list_unfinished_large_files())


@pytest.mark.parametrize("size", SIZES[1:])
@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("kind", [_stream, Own, Duck])
def test_too_many_and_too_few_bytes_store_nothing(
    bucket: Bucket, kind: Callable[[bytes, int], Any], make: Callable[[Bucket, Any], object], size: int
) -> None:
    data = os.urandom(size)
    with pytest.raises(exception.InvalidUploadSource, match=f"goes on after the {size} bytes"):
        make(bucket, kind(data + b"z", size))
    with pytest.raises(exception.InvalidUploadSource, match=f"ended 1 bytes before the {size + 1} "):
        make(bucket, kind(data, size + 1))
    assert _nothing_is_there(bucket)
    make(bucket, kind(data, size))
    assert data in content(bucket, "file")


@pytest.mark.parametrize("make", MAKERS)
def test_nothing_was_promised_and_something_is_there(bucket: Bucket, make: Callable[[Bucket, Any], object]) -> None:
    with pytest.raises(exception.InvalidUploadSource, match="goes on after the 0 bytes"):
        make(bucket, _stream(b"z", 0))
    assert _nothing_is_there(bucket)


def test_a_method_that_opens_more_than_the_file_has(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    with pytest.raises(exception.InvalidUploadSource, match="goes on after the 10 bytes"):
        bucket.upload(OwnFile(tmp_path / "file"), "file")
    assert _nothing_is_there(bucket)


# --- where it can be seen


class Watched(io.BytesIO):
    """Counts what is read of it."""

    given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self.given += len(chunk)
        return chunk


def test_one_byte_more_is_looked_for_and_no_more(bucket: Bucket) -> None:
    opened: list[Watched] = []

    def opens() -> IO[bytes]:
        opened.append(Watched(b"0123456789"))
        return opened[-1]

    with pytest.raises(exception.InvalidUploadSource, match="goes on"):
        bucket.upload(UploadSourceStream(opens, 4), "file")
    assert [stream.given for stream in opened] == [5] * len(opened)
    assert opened


def _spooled(data: bytes) -> IO[bytes]:
    stream = SpooledTemporaryFile(len(data) + 1)  # noqa: SIM115 (whoever reads it closes it)
    stream.write(data)
    stream.seek(0)
    return cast(IO[bytes], stream)


@pytest.mark.parametrize("kind", ["a file", "an unbuffered file", "a gzip file", "a spooled file"])
def test_what_can_seek_is_looked_at(bucket: Bucket, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(b"0123456789") if kind == "a gzip file" else b"0123456789")
    opens: dict[str, Callable[[], Any]] = {
        "a file": lambda: path.open("rb"),
        "an unbuffered file": lambda: path.open("rb", buffering=0),
        "a gzip file": lambda: gzip.GzipFile(path),
        "a spooled file": lambda: _spooled(b"0123456789"),
    }
    with pytest.raises(exception.InvalidUploadSource, match="goes on after the 9 bytes"):
        bucket.upload(UploadSourceStream(opens[kind], 9), "file")
    assert _nothing_is_there(bucket)
    bucket.upload(UploadSourceStream(opens[kind], 10), "file")
    assert content(bucket, "file") == b"0123456789"


@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_pipe_that_stays_open_is_not_waited_for(bucket: Bucket, buffering: int) -> None:
    """Nobody knows whether a byte will come, so what was promised is all that is asked for."""
    writers: list[int] = []

    def opens() -> IO[bytes]:
        reads, writes = os.pipe()
        writers.append(writes)
        os.write(writes, b"0123456789")
        return os.fdopen(reads, "rb", buffering)

    try:
        bucket.upload(UploadSourceStream(opens, 10), "file")
    finally:
        for each in writers:
            os.close(each)
    assert writers
    assert content(bucket, "file") == b"0123456789"


class Reads:
    """A stream that can be read, and no more; perhaps it gives more than was asked for."""

    def __init__(self, data: bytes, *, too_much: bool) -> None:
        self._stream, self._too_much = io.BytesIO(data), too_much

    def read(self, size: int) -> bytes:
        return self._stream.read(-1 if self._too_much else size)


def test_what_comes_unasked_was_seen(bucket: Bucket) -> None:
    opens: Callable[[bool], Any] = lambda too_much: lambda: Reads(b"0123456789", too_much=too_much)  # noqa: E731
    with pytest.raises(exception.InvalidUploadSource, match="goes on after the 4 bytes"):
        bucket.upload(UploadSourceStream(opens(True), 4), "file")
    assert _nothing_is_there(bucket)
    bucket.upload(UploadSourceStream(opens(False), 4), "file")
    assert content(bucket, "file") == b"0123"


# --- ranges end where they are told to


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("size", SIZES)
def test_a_range_of_something_longer(
    bucket: Bucket, tmp_path: Path, make: Callable[[Bucket, Any], object], size: int
) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(b"before" + data + b"after")
    sources: list[AbstractUploadSource] = [
        UploadSourceLocalFileRange(tmp_path / "file", offset=6, length=size),
        UploadSourceStreamRange(lambda: (tmp_path / "file").open("rb"), 6, size),
        UploadSourceStreamRange(lambda: io.BytesIO(b"before" + data + b"after"), 6, size),
    ]
    for source in sources:
        with closing(source.open()) as stream:
            assert stream.read() == data
        make(bucket, source)
        assert data in content(bucket, "file")


class Upper(UploadSourceLocalFileRange):
    """Reads what its class opens."""

    def open(self) -> IO[bytes]:
        with super().open() as stream:
            return io.BytesIO(stream.read().upper())


def test_a_subclass_reads_the_range_and_nothing_else(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abcdef")
    bucket.upload(Upper(tmp_path / "file", offset=1, length=3), "file")
    assert content(bucket, "file") == b"BCD"


@given(st.binary(max_size=40), st.data())
def test_a_range_that_is_opened_is_a_stream_of_these_bytes_alone(data: bytes, choices: st.DataObject) -> None:
    """The oracle is a stream of the bytes that are cut out."""
    offset = choices.draw(st.integers(0, len(data)))
    length = choices.draw(st.integers(0, len(data) - offset))
    stream = UploadSourceStreamRange(lambda: io.BytesIO(data), offset, length).open()
    oracle = io.BytesIO(data[offset : offset + length])
    for _ in range(choices.draw(st.integers(0, 6))):
        match choices.draw(st.sampled_from(["read", "seek", "line"])):
            case "read":
                size = choices.draw(st.integers(-1, 45))
                assert stream.read(size) == oracle.read(size)
            case "line":
                assert stream.readline() == oracle.readline()
            case _:
                whence = choices.draw(st.sampled_from([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END]))
                base = {io.SEEK_SET: 0, io.SEEK_CUR: oracle.tell(), io.SEEK_END: length}[whence]
                place = choices.draw(st.integers(0, 45))
                assert stream.seek(place - base, whence) == oracle.seek(place - base, whence) == place
        assert stream.tell() == oracle.tell()
    assert stream.read() == oracle.read()


def test_closing_a_range_closes_what_was_opened() -> None:
    inner = io.BytesIO(b"0123456789")
    with UploadSourceStreamRange(lambda: inner, 2, 3).open() as stream:
        assert stream.read() == b"234"
        with pytest.raises(ValueError, match="negative seek value -1"):
            stream.seek(-1)
        assert stream.tell() == 3
    assert (inner.closed, stream.closed) == (True, True)
