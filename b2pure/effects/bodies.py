"""Reading bodies: from bytes at hand, from the local folder, from what was read of a stream, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha1
from queue import Queue
from threading import Thread
from typing import Final, Protocol, assert_never

from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.effect import Digests, LocalError
from b2pure.effects.handlers import LocalTrouble, Reader
from b2pure.model.errors import LocalFailure
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, Body, Chained, LocalSlice, StreamPiece

__all__ = ["Bodies", "Pieces", "Slices", "digests_of", "sha1_of"]

_CHUNKS_AHEAD: Final = 4
"""How many chunks the hashing of parts may lie behind."""


class Slices(Protocol):
    """Reads ranges of local files: a disk."""

    def read(self, slice_: LocalSlice) -> Iterator[bytes]:
        """The bytes of the slice in chunks, exactly `slice_.range.length` of them. Raises LocalTrouble when the file
        cannot be read or is not the pinned one, before or while it is read.
        """
        ...


class Pieces(Protocol):
    """Reads what was kept of a stream."""

    def read(self, piece: StreamPiece) -> Iterator[bytes]:
        """The bytes of the piece's range in chunks. Raises LocalTrouble."""
        ...


class Bodies:
    """The `Reader` of a job. Without a disk or a stream it reads what needs none."""

    def __init__(self, disk: Slices | None = None, pieces: Pieces | None = None) -> None:
        self._disk, self._pieces = disk, pieces

    def read(self, body: Body) -> Iterator[bytes]:
        """The bytes of the body in chunks. Raises LocalTrouble."""
        match body:
            case Blob():
                yield body.data
            case LocalSlice():
                if self._disk is None:
                    raise LocalTrouble(LocalFailure("read", body.path, "this job has no local folder"))
                yield from self._disk.read(body)
            case StreamPiece():
                if self._pieces is None:
                    raise LocalTrouble(LocalFailure("read", "the stream", "this job has no stream"))
                yield from self._pieces.read(body)
            case Chained():
                for each in body.bodies:
                    yield from self.read(each)
            case _:
                assert_never(body)


def sha1_of(body: Body, reader: Reader) -> IOResult[str, LocalError]:
    """Hex SHA-1 of a body."""
    return digests_of(body, (), reader).map(lambda digests: digests.whole)


def digests_of(body: Body, ranges: Sequence[ByteRange], reader: Reader) -> IOResult[Digests, LocalError]:
    """Hex SHA-1 of a body and of each of `ranges`, which are adjacent and cover it (or there are none), in one pass."""
    whole = sha1(usedforsecurity=False)
    with _PartHashing(ranges) as parts:
        try:
            for chunk in reader.read(body):
                parts.take(chunk)
                whole.update(chunk)
        except LocalTrouble as trouble:
            return IOFailure(trouble.error)
        return IOSuccess(Digests(whole.hexdigest(), parts.finish()))


class _PartHashing:
    """Hashes the parts on a thread of its own, beside the one that hashes the whole: SHA-1 is what takes the time."""

    def __init__(self, ranges: Sequence[ByteRange]) -> None:
        self._left = [each.length for each in reversed(ranges)]
        self._digests: list[str] = []
        self._digest = sha1(usedforsecurity=False)
        self._chunks: Queue[bytes | None] = Queue(_CHUNKS_AHEAD)
        self._thread = Thread(target=self._work, name="b2pure-hash", daemon=True) if len(ranges) > 1 else None

    def __enter__(self) -> _PartHashing:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._thread is not None and self._thread.is_alive():
            self._chunks.put(None)
            self._thread.join()

    def take(self, chunk: bytes) -> None:
        if self._thread is not None:
            self._chunks.put(chunk)
        elif self._left:
            self._hash(chunk)

    def finish(self) -> tuple[str, ...]:
        """The digests, once all chunks were taken."""
        self.__exit__()
        return tuple(self._digests)

    def _work(self) -> None:
        while (chunk := self._chunks.get()) is not None:
            self._hash(chunk)

    def _hash(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            piece = rest[: self._left[-1]]
            self._digest.update(piece)
            self._left[-1] -= len(piece)
            rest = rest[len(piece) :]
            if not self._left[-1]:
                self._left.pop()
                self._digests.append(self._digest.hexdigest())
                self._digest = sha1(usedforsecurity=False)
