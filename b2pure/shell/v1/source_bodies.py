"""What the sources of the numbered interface are to the core: bodies, and what reads them.

Rules. Bytes and files are what they are to everybody. Whatever a caller opens is a slice with a name of its own, which
only the job that gave the name can read. What a caller's `open` raises comes out as it was raised.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final, TypeGuard, TypeVar

from b2pure.effects.handlers import Chunk, LocalTrouble
from b2pure.model import intents
from b2pure.model.errors import LocalFailure
from b2pure.model.files import LocalFact, millis_from_ns
from b2pure.model.ids import FileId
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, Body, LocalSlice
from b2pure.shell.sources import FileSlices
from b2pure.shell.v1.exceptions import InvalidUploadSource
from b2pure.shell.v1.opened import closing_if_it_can, goes_on, read_bytes
from b2pure.shell.v1.own_methods import Originals, really_is
from b2pure.shell.v1.source_kinds import Intent, Sends, copies, sends
from b2pure.shell.v1.sources import (
    AbstractUploadSource,
    StreamOpener,
    UploadSourceBytes,
    UploadSourceLocalFile,
    UploadSourceLocalFileRange,
    UploadSourceStream,
)

__all__ = ["OpenedSlices"]

S = TypeVar("S", bound=AbstractUploadSource)

_CHUNK_BYTES: Final = 1 << 20


class OpenedSlices:
    """Gives bodies for sources, and reads them: files of the file system, and what callers open. For one job."""

    def __init__(self) -> None:
        self.raised: Exception | None = None
        self._files = FileSlices()
        self._sources: dict[str, Sends] = {}
        self._numbers = count(1)

    def intent(self, given: Intent) -> intents.WriteIntent:
        """What the core makes an object of."""
        source = given.outbound_source
        if sends(source):
            return intents.WriteIntent(self.body(source), given.destination_offset)
        if copies(source):
            wanted = intents.CopySource.of(FileId(source.file_id), source.offset, given.length)
            return intents.WriteIntent(wanted, given.destination_offset)
        raise TypeError(f"{type(source).__name__} is neither an upload source nor a CopySource")

    def body(self, source: Sends) -> Body:
        """Bytes to send. Raises InvalidUploadSource for a file that is gone."""
        length = _length_of(source)
        if _opens_as(source, UploadSourceBytes):
            return Blob(source.data_bytes)
        if _opens_as(source, UploadSourceLocalFileRange):
            return _slice(source, source.offset, length, source.file_size)
        if _opens_as(source, UploadSourceLocalFile):
            return _slice(source, 0, length, length)
        name = f"source {next(self._numbers)}"
        self._sources[name] = source
        return LocalSlice(name, ByteRange(0, length), LocalFact(length, 0))

    def close(self) -> None:
        """The job is over: nothing will be opened any more."""
        openers = {id(each.stream_opener): each.stream_opener for each in self._streams()}
        for opener in openers.values():
            if isinstance(opener, StreamOpener):
                opener.cleanup()

    def _streams(self) -> list[UploadSourceStream]:
        return [each for each in self._sources.values() if really_is(each, UploadSourceStream)]

    def read(self, slice_: LocalSlice) -> Iterator[Chunk]:
        """The bytes of the slice. Raises LocalTrouble."""
        source = self._sources.get(slice_.path)
        if source is None:
            yield from self._files.read(slice_)
            return
        try:
            yield from _bytes_of(source, slice_)
        except LocalTrouble:
            raise
        except Exception as error:
            self.raised = error
            raise LocalTrouble(LocalFailure("read", slice_.path, f"{type(error).__name__}: {error}")) from error


def _length_of(source: Sends) -> int:
    """Bytes that the source has. Raises TypeError and ValueError for what a source of somebody's own says."""
    length: Any = source.get_content_length()
    label = f"{type(source).__name__}.get_content_length()"
    if isinstance(length, bool) or not isinstance(length, int):
        raise TypeError(f"{label} must give a whole number of bytes, not {type(length).__name__}")
    if length < 0:
        raise ValueError(f"{label} must give 0 or more, not {length}")
    return length


_OURS: Final[Mapping[type[AbstractUploadSource], Originals]] = {
    kind: Originals(kind, ("open",)) for kind in (UploadSourceBytes, UploadSourceLocalFile, UploadSourceLocalFileRange)
}


def _opens_as(source: Sends, kind: type[S]) -> TypeGuard[S]:
    """Whether opening it is what we know it to be, and not what somebody made of it."""
    return really_is(source, kind) and not _OURS[kind].replaced(source, "open")


def _slice(source: UploadSourceLocalFile, offset: int, length: int, size: int) -> Body:
    try:
        status = os.stat(source.local_path)
    except OSError as error:
        raise InvalidUploadSource(source.local_path) from error
    fact = LocalFact(size, millis_from_ns(status.st_mtime_ns))
    return LocalSlice(source.local_path, ByteRange(offset, offset + length), fact)


def _bytes_of(source: Sends, slice_: LocalSlice) -> Iterator[bytes]:
    left, size = slice_.range.length, slice_.fact.size
    with closing_if_it_can(source.open()) as stream:
        _skip(stream, slice_.range.start)
        chunk, more = b"", False
        while left:
            chunk = read_bytes(source, stream, min(_CHUNK_BYTES, left))
            if not chunk:
                raise _trouble(slice_, f"it ended {left} bytes before the {size} that it was to have")
            more, chunk = len(chunk) > left, chunk[:left]
            left -= len(chunk)
            if left:
                yield chunk
        if slice_.range.stop == size and (more or goes_on(stream)):  # before the last bytes are given to anybody
            raise _trouble(slice_, f"it goes on after the {size} bytes that it was to have")
        if chunk:
            yield chunk


def _trouble(slice_: LocalSlice, told: str) -> LocalTrouble:
    return LocalTrouble(LocalFailure("read", slice_.path, told))


def _skip(stream: Any, count: int) -> None:
    """Go to a place of what was just opened: by reading, where it cannot seek."""
    if not count:
        return
    try:
        stream.seek(stream.tell() + count)
    except (AttributeError, OSError):
        while count and (chunk := stream.read(min(_CHUNK_BYTES, count))):
            count -= len(chunk)
