"""Reading bodies: from bytes at hand, from the local folder, from what was read of a stream, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha1
from itertools import chain
from mmap import mmap
from queue import SimpleQueue
from threading import Thread
from typing import Final, Protocol, assert_never

from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.effect import Digests, LocalError
from b2pure.effects.handlers import Chunk, LocalTrouble, Reader
from b2pure.model.errors import LocalFailure
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, Body, Chained, LocalSlice, StreamPiece

__all__ = ["Bodies", "Pieces", "Slices", "digests_of", "sha1_of"]

_CHUNKS_AHEAD: Final = 8
"""How many chunks the hashing of the whole may lie behind the reading and that of the parts."""

_Kept = tuple[memoryview, int]
"""A chunk: a buffer and how much of it is filled."""


class Slices(Protocol):
    """Reads ranges of local files: a disk."""

    def read(self, slice_: LocalSlice) -> Iterator[Chunk]:
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

    def read(self, body: Body) -> Iterator[Chunk]:
        """The bytes of the body in chunks. Raises LocalTrouble."""
        match body:
            case LocalSlice():
                if self._disk is None:
                    raise LocalTrouble(LocalFailure("read", body.path, "this job has no local folder"))
                return self._disk.read(body)
            case Blob():
                return iter((body.data,))
            case StreamPiece():
                if self._pieces is None:
                    raise LocalTrouble(LocalFailure("read", "the stream", "this job has no stream"))
                return self._pieces.read(body)
            case Chained():
                return chain.from_iterable(map(self.read, body.bodies))
            case _:
                assert_never(body)


def sha1_of(body: Body, reader: Reader) -> IOResult[str, LocalError]:
    """Hex SHA-1 of a body."""
    return digests_of(body, (), reader).map(lambda digests: digests.whole)


def digests_of(body: Body, ranges: Sequence[ByteRange], reader: Reader) -> IOResult[Digests, LocalError]:
    """Hex SHA-1 of a body and of each of `ranges`, which are adjacent and cover it (or there are none), in one pass."""
    whole, parts = _WholeHashing(ranges), _PartHashing(ranges[1:], skip=ranges[0].length if ranges else 0)
    apart = len(ranges) > 1
    with _Beside(whole.take, apart=apart) as beside:
        try:
            for chunk in reader.read(body):
                beside.take(chunk)
                parts.take(chunk)
        except LocalTrouble as trouble:
            return IOFailure(trouble.error)
    return IOSuccess(Digests(whole.digest.hexdigest(), (*whole.first, *parts.digests)))


class _Beside:
    """Passes chunks on in order, if wished on a thread of its own: SHA-1 is what takes the time, and the whole and the
    parts need not wait for each other. All that was taken has been passed on at the end of the block. Chunks are
    kept in the system's own memory, to which it goes back whole.
    """

    def __init__(self, take: Callable[[Chunk], None], *, apart: bool) -> None:
        self.take = take
        self._thread: Thread | None = None
        if apart:
            chunks: SimpleQueue[_Kept | None] = SimpleQueue()
            room: SimpleQueue[memoryview] = SimpleQueue()
            for _ in range(_CHUNKS_AHEAD):
                room.put(memoryview(bytearray()))
            self._end, self.take = partial(chunks.put, None), partial(_put, chunks, room)
            self._thread = Thread(target=_pass_on, args=(chunks, room, take), name="b2pure-hash", daemon=True)

    def __enter__(self) -> _Beside:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._thread is not None:
            self._end()
            self._thread.join()


def _put(chunks: SimpleQueue[_Kept | None], room: SimpleQueue[memoryview], chunk: Chunk) -> None:
    # Not a `Queue` with a length, whose waiting is Python code that all chunks would go through four times.
    buffer, length = room.get(), len(chunk)
    if len(buffer) < length:
        buffer = memoryview(mmap(-1, length))
    buffer[:length] = chunk
    chunks.put((buffer, length))


def _pass_on(chunks: SimpleQueue[_Kept | None], room: SimpleQueue[memoryview], take: Callable[[Chunk], None]) -> None:
    while (kept := chunks.get()) is not None:
        buffer, length = kept
        take(buffer[:length])
        room.put(buffer)


class _WholeHashing:
    """Hashes the whole, and with it the first part, which it begins with. `first` is empty where there are no parts."""

    def __init__(self, ranges: Sequence[ByteRange]) -> None:
        self.digest = sha1(usedforsecurity=False)
        self.first: tuple[str, ...] = ()
        self._left = ranges[0].length if ranges else 0

    def take(self, chunk: Chunk) -> None:
        left, self._left = self._left, max(0, self._left - len(chunk))
        if not left or self._left:
            self.digest.update(chunk)
            return
        view = memoryview(chunk)
        self.digest.update(view[:left])
        self.first = (self.digest.hexdigest(),)
        self.digest.update(view[left:])


class _PartHashing:
    """Hashes adjacent parts, behind `skip` bytes that are none of them."""

    def __init__(self, ranges: Sequence[ByteRange], *, skip: int) -> None:
        self.digests: list[str] = []
        self._left = [each.length for each in reversed(ranges)]
        self._skip = skip
        self._digest = sha1(usedforsecurity=False)

    def take(self, chunk: Chunk) -> None:
        rest = memoryview(chunk)[self._skip :]
        self._skip = max(0, self._skip - len(chunk))
        while rest and self._left:
            piece = rest[: self._left[-1]]
            self._digest.update(piece)
            self._left[-1] -= len(piece)
            rest = rest[len(piece) :]
            if not self._left[-1]:
                self._left.pop()
                self.digests.append(self._digest.hexdigest())
                self._digest = sha1(usedforsecurity=False)
