"""Objects of no class of ours that have the methods, and mocks: what b2sdk 1.1.4 was seen to do with them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha1
from typing import Any
from unittest.mock import MagicMock, call, create_autospec

import pytest

from b2pure.v1 import (
    AbstractDownloadDestination,
    AbstractProgressListener,
    AbstractUploadSource,
    B2Api,
    Bucket,
    CopySource,
    DownloadDestBytes,
    DownloadDestLocalFile,
    DownloadDestProgressWrapper,
    InMemoryAccountInfo,
    ProgressListenerForTest,
    RawSimulator,
    UploadSourceBytes,
    UploadSourceStream,
    WriteIntent,
)
from b2pure.v1.exception import FileNotPresent, FileSha1Mismatch, InvalidUploadSource, StorageCapExceeded


@pytest.fixture
def raw() -> RawSimulator:
    return RawSimulator()


@pytest.fixture
def bucket(raw: RawSimulator) -> Bucket:
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    return api.create_bucket("holiday", "allPrivate")


def _content(bucket: Bucket, name: str = "a") -> bytes:
    dest = DownloadDestBytes()
    bucket.download_file_by_name(name, dest)
    return dest.get_bytes_written()


# -- sources


class Opens:
    """What nobody can do without."""

    def __init__(self, data: bytes = b"hello") -> None:
        self.data = data

    def get_content_length(self) -> int:
        return len(self.data)

    def open(self) -> Any:
        return io.BytesIO(self.data)


class Source(Opens):
    """What b2sdk 1.1.4 takes."""

    def is_upload(self) -> bool:
        return True

    def is_copy(self) -> bool:
        return False

    def get_content_sha1(self) -> Any:
        return sha1(self.data).hexdigest()


class Copied:
    """The same of a copy."""

    def __init__(self, file_id: str | None, offset: int, length: int) -> None:
        self.file_id, self.offset, self.length = file_id, offset, length

    def get_content_length(self) -> int:
        return self.length

    def is_upload(self) -> bool:
        return False

    def is_copy(self) -> bool:
        return True


class Intent:
    """A write intent of somebody's own."""

    def __init__(self, source: Any) -> None:
        self.outbound_source, self.destination_offset, self.length = source, 0, source.get_content_length()


def _mocked(data: bytes = b"hello", **spec: Any) -> MagicMock:
    source = MagicMock(**spec)
    source.get_content_length.return_value = len(data)
    source.get_content_sha1.return_value = sha1(data).hexdigest()
    source.open.side_effect = lambda: io.BytesIO(data)
    return source


MAKERS: dict[str, Callable[[Any, Any], Any]] = {
    "upload": lambda bucket, source: bucket.upload(source, "a"),
    "create_file": lambda bucket, source: bucket.create_file([WriteIntent(source)], "a"),
    "create_file_stream": lambda bucket, source: bucket.create_file_stream(iter([WriteIntent(source)]), "a"),
    "concatenate": lambda bucket, source: bucket.concatenate([source], "a"),
    "concatenate_stream": lambda bucket, source: bucket.concatenate_stream([source], "a"),
    "own intent": lambda bucket, source: bucket.create_file([Intent(source)], "a"),
    "stream of own intents": lambda bucket, source: bucket.create_file_stream([Intent(source)], "a"),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(
    "source",
    [
        Source,
        Opens,
        _mocked,
        lambda: _mocked(spec=AbstractUploadSource),
        lambda: _mocked(spec=UploadSourceStream),
        lambda: _mocked(spec=UploadSourceBytes),
    ],
)
def test_what_opens_is_an_upload_source(bucket: Bucket, make: Callable[..., Any], source: Callable[[], Any]) -> None:
    assert make(bucket, source()).size == 5
    assert _content(bucket) == b"hello"


def test_a_large_file_of_a_source_of_anybodys(bucket: Bucket) -> None:
    data = bytes(range(250)) * 2
    bucket.upload(Source(data), "a", min_part_size=200)  # type: ignore[arg-type]
    assert _content(bucket) == data


def test_what_copies_is_a_copy_source(bucket: Bucket) -> None:
    there = bucket.upload_bytes(b"0123456789" * 50, "there")
    both: list[Any] = [Copied(there.id_, 5, 400), Source(b"x" * 100)]
    bucket.concatenate(both, "a")
    assert _content(bucket) == (b"0123456789" * 50)[5:405] + b"x" * 100


@pytest.mark.parametrize("make", [MAKERS["upload"], MAKERS["concatenate"], MAKERS["create_file"]])
@pytest.mark.parametrize("base", [Source, type("Sub", (Source, AbstractUploadSource), {})])
def test_a_digest_of_somebodys_own_is_checked(bucket: Bucket, make: Callable[..., Any], base: type[Source]) -> None:
    class Wrong(base):  # type: ignore[valid-type,misc]
        def get_content_sha1(self) -> str:
            return sha1(b"other").hexdigest()

    with pytest.raises(FileSha1Mismatch):
        make(bucket, Wrong())
    assert not list(bucket.ls())
    unverified = type("Unverified", (base,), {"get_content_sha1": lambda _: "do_not_verify"})()
    make(bucket, unverified)
    assert _content(bucket) == b"hello"


def test_a_digest_that_was_set_on_an_object_is_checked(bucket: Bucket) -> None:
    source: Any = UploadSourceBytes(b"hello")
    source.get_content_sha1 = lambda: sha1(b"other").hexdigest()
    with pytest.raises(FileSha1Mismatch):
        bucket.upload(source, "a")
    source.get_content_sha1 = lambda: "do_not_verify"
    assert bucket.upload(source, "a").size == 5


def test_what_is_no_source_says_so(bucket: Bucket) -> None:
    nothing: Any = MagicMock(get_content_length=None)
    for each in ("path", Source, nothing, CopySource("4_f", 0, 5), Copied("4_f", 0, 5)):
        with pytest.raises(InvalidUploadSource, match="is no upload source"):
            bucket.upload(each, "a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"get_content_length\(\) must give a whole number of bytes, not MagicMock"):
        bucket.upload(MagicMock(), "a")
    with pytest.raises(TypeError, match=r"get_content_sha1\(\) must give 40 hex digits as text"):
        bucket.upload(MagicMock(get_content_length=lambda: 5), "a")
    lengthy: Any = type("Lengthy", (), {"get_content_length": lambda _: 5})()
    with pytest.raises(TypeError, match="Lengthy is neither an upload source nor a CopySource"):
        bucket.concatenate([lengthy], "a")
    with pytest.raises(TypeError, match="a file is made of WriteIntents, not of Source"):
        bucket.create_file([Source()], "a")  # type: ignore[list-item]


def test_what_a_source_opens_is_entered_where_it_can_be(bucket: Bucket) -> None:
    left: list[str] = []

    class Entered(Source):
        @contextmanager
        def open(self) -> Iterator[Any]:
            with io.BytesIO(self.data) as stream:
                yield stream
            left.append("left")

    source: Any = Entered(b"0123456789" * 50)
    bucket.upload(source, "a", min_part_size=200)
    assert _content(bucket) == source.data
    assert set(left) == {"left"}


# -- destinations


class Destination:
    """What b2sdk takes: eight arguments, in order."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.content = b""

    @contextmanager
    def make_file_context(self, *told: Any) -> Iterator[io.BytesIO]:
        self.told.append(told)
        buffer = io.BytesIO()
        yield buffer
        self.content = buffer.getvalue()


def test_what_makes_a_context_is_a_destination(bucket: Bucket) -> None:
    bucket.upload_bytes(b"hello", "a")
    there: Any = Destination()
    bucket.download_file_by_name("a", there, range_=(1, 3))
    assert (there.content, there.told[0][1:3], there.told[0][7]) == (b"ell", ("a", 3), (1, 3))


@pytest.mark.parametrize("spec", [None, AbstractDownloadDestination, DownloadDestLocalFile])
def test_a_destination_may_be_a_mock(bucket: Bucket, spec: type | None) -> None:
    bucket.upload_bytes(b"hello", "a")
    there, heard = MagicMock(spec=spec), MagicMock()
    bucket.download_file_by_name("a", DownloadDestProgressWrapper(there, heard))
    assert len(there.make_file_context.call_args.args) == 8
    context = there.make_file_context.return_value
    assert [each[0] for each in context.mock_calls] == ["__enter__", "__enter__().write", "__exit__"]
    context.__enter__.return_value.write.assert_called_once_with(b"hello")
    assert heard.mock_calls == TOLD


# -- listeners

TOLD = [call.set_total_bytes(5), call.__enter__(), call.bytes_completed(5), call.__exit__(None, None, None)]

TRANSFERS: dict[str, Callable[[Bucket, Any], Any]] = {
    "upload": lambda bucket, heard: bucket.upload_bytes(b"hello", "a", progress_listener=heard),
    "create": lambda bucket, heard: bucket.concatenate([UploadSourceBytes(b"hello")], "a", progress_listener=heard),
    "by name": lambda bucket, heard: bucket.download_file_by_name("there", DownloadDestBytes(), heard),
    "by id": lambda bucket, heard: bucket.download_file_by_id(
        next(bucket.ls())[0].id_ or "", DownloadDestBytes(), heard
    ),
}


class Heard:
    """Only what is needed."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def set_total_bytes(self, count: int) -> None:
        self.calls.append(f"total {count}")

    def bytes_completed(self, count: int) -> None:
        self.calls.append(f"done {count}")


class Closed(Heard):
    """It can be closed."""

    def close(self) -> None:
        self.calls.append("close")


class Entered(Closed):
    """It can be entered, and then it is for the context to close it."""

    def __enter__(self) -> Entered:
        self.calls.append("enter")
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.calls.append("exit" if kind is None else f"exit {kind.__name__}")


@pytest.mark.parametrize("transfer", TRANSFERS.values(), ids=TRANSFERS)
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Heard, ["total 5", "done 5"]),
        (Closed, ["total 5", "done 5", "close"]),
        (Entered, ["total 5", "enter", "done 5", "exit"]),
    ],
)
def test_a_listener_is_left_as_it_was_entered(
    bucket: Bucket, transfer: Callable[..., Any], kind: type[Heard], told: list[str]
) -> None:
    bucket.upload_bytes(b"hello", "there")
    heard = kind()
    for _ in range(2):
        transfer(bucket, heard)
    assert heard.calls == told * 2


@pytest.mark.parametrize("transfer", TRANSFERS.values(), ids=TRANSFERS)
@pytest.mark.parametrize(
    "make",
    [
        MagicMock,
        lambda: MagicMock(spec=AbstractProgressListener),
        lambda: MagicMock(spec=ProgressListenerForTest),
        lambda: create_autospec(AbstractProgressListener, instance=True),
    ],
)
def test_a_listener_may_be_a_mock(bucket: Bucket, transfer: Callable[..., Any], make: Callable[[], Any]) -> None:
    bucket.upload_bytes(b"hello", "there")
    heard = make()
    transfer(bucket, heard)
    assert heard.mock_calls == TOLD


def test_it_hears_what_ended_the_transfer(bucket: Bucket, raw: RawSimulator) -> None:
    heard: Any = Entered()
    raw.set_upload_errors([StorageCapExceeded()])
    with pytest.raises(StorageCapExceeded):
        bucket.upload_bytes(b"hello", "a", progress_listener=heard)
    assert heard.calls == ["total 5", "enter", "exit StorageCapExceeded"]


@pytest.mark.parametrize("kind", [Entered, Closed, ProgressListenerForTest])
def test_what_did_not_begin_is_not_ended(bucket: Bucket, kind: type[Any]) -> None:
    heard = kind()
    with pytest.raises(FileNotPresent):
        bucket.download_file_by_name("absent", DownloadDestBytes(), heard)
    assert heard.calls == []


def test_one_that_the_caller_entered_is_entered_again(bucket: Bucket) -> None:
    """As b2sdk does; it cannot be seen whether it is open."""
    with Entered() as heard:
        bucket.upload_bytes(b"hello", "a", progress_listener=heard)  # type: ignore[arg-type]
    assert heard.calls == ["enter", "total 5", "enter", "done 5", "exit", "exit"]
