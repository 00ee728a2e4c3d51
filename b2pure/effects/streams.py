"""Streams: what can be read only once, taken in pieces that stay in memory until they were sent.

Rules. Pieces are taken one at a time and in order, whoever asks; the size of each is decided in `plan.parts`. A piece
that is dropped is forgotten, so the memory that a stream takes is bounded by how many pieces are on their way. Who
waits for the next piece keeps nobody from sending one that is there. A source may block for as long as it likes: it is
read on a thread of its own, which nobody waits for once the job is to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha1 as new_sha1
from threading import Event, Lock, Thread
from typing import Final

from attrs import define, field
from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.effect import LocalError, TakenPiece
from b2pure.effects.handlers import LocalTrouble, Stopped
from b2pure.model.errors import LocalFailure
from b2pure.model.limits import PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import StreamPiece
from b2pure.plan.parts import stream_part_size

__all__ = ["NAME", "NoStream", "PiecedStream"]

_CHUNK: Final = 1 << 20
_LOOK_SECONDS: Final = 0.1
"""How often somebody who waits for a source looks whether the job is to stop."""
NAME: Final = "the stream"


class NoStream:
    """For jobs that have none."""

    def take(self, sizes: PartSizes) -> IOResult[TakenPiece | None, LocalError]:
        return IOFailure(LocalFailure("read", NAME, "this job has no stream"))

    def drop(self, piece: StreamPiece) -> None:
        pass

    def heed(self, stopped: Callable[[], bool]) -> None:
        pass

    def read(self, piece: StreamPiece) -> Iterator[bytes]:
        raise LocalTrouble(LocalFailure("read", NAME, "this job has no stream"))


class PiecedStream:
    """A stream in pieces. `read` gives at most so many next bytes, none at the end; what it raises ends the
    stream.

    With `length` the stream must have just so many bytes, with `sha1` (hex) just this content: anything else is a
    failure, so that no wrong object is made of it.
    """

    def __init__(
        self,
        read: Callable[[int], bytes | None],
        *,
        length: int | None = None,
        sha1: str | None = None,
        name: str = NAME,
    ) -> None:
        self._source, self._length, self._sha1, self._name = read, length, sha1, name
        self._digest = new_sha1(usedforsecurity=False)
        self._lock = Lock()  # of all but `_kept`
        self._kept: dict[int, bytes] = {}
        self._ahead = b""
        self._taken = 0
        self._bytes = 0
        self._ended = False
        self._failed: LocalFailure | None = None
        self._stopped: Callable[[], bool] = lambda: False

    def heed(self, stopped: Callable[[], bool]) -> None:
        """Ask this while the source gives nothing, whether the job is to stop; then `take` raises Stopped."""
        self._stopped = stopped

    def take(self, sizes: PartSizes) -> IOResult[TakenPiece | None, LocalError]:
        """The next piece. After a failure there is no further one. Raises Stopped."""
        with self._lock:
            if self._failed is not None:
                return IOFailure(self._failed)
            if self._ended:
                return IOSuccess(None)
            try:
                data = self._awaited(stream_part_size(self._taken + 1, self._bytes, sizes))
            except Stopped:
                self._failed = LocalFailure("read", self._name, "the job was stopped")  # somebody still reads it
                raise
            except Exception as error:  # whatever a caller's object raises, the upload has to end well
                return self._fail(str(error) or type(error).__name__)
            self._bytes += len(data)
            if self._sha1 is not None:
                self._digest.update(data)
            problem = self._problem()
            if problem is not None:
                return self._fail(problem)
            self._taken += 1
            self._kept[self._taken] = data
            piece = StreamPiece(self._taken, ByteRange(0, len(data)))
        return IOSuccess(TakenPiece(piece, new_sha1(data, usedforsecurity=False).hexdigest(), self._ended))

    def drop(self, piece: StreamPiece) -> None:
        self._kept.pop(piece.number, None)

    def read(self, piece: StreamPiece) -> Iterator[bytes]:
        data = self._kept.get(piece.number)
        if data is None:
            raise LocalTrouble(LocalFailure("read", self._name, "this piece of it was dropped"))
        view = memoryview(data)[piece.range.start : piece.range.stop]
        for start in range(0, len(view), _CHUNK):
            yield bytes(view[start : start + _CHUNK])

    def _awaited(self, size: int) -> bytes:
        """What `_next` gives. Raises what it raises, or Stopped: a read that blocks then is left to itself."""
        reading = _Reading(lambda: self._next(size))
        Thread(target=reading.run, name="b2pure-stream", daemon=True).start()
        while not reading.ended.wait(_LOOK_SECONDS):
            if self._stopped():
                raise Stopped
        if reading.trouble is not None:
            raise reading.trouble
        return reading.data

    def _next(self, size: int) -> bytes:
        """`size` bytes, fewer at the end. One byte more is looked for, so that the last piece knows that it is."""
        chunks, missing = [self._ahead], size + 1 - len(self._ahead)
        while missing > 0:
            chunk = self._source(min(missing, _CHUNK))
            if chunk is None:
                raise ValueError("it is not blocking: it has nothing to read now; give one that waits")
            if not isinstance(chunk, bytes):
                raise TypeError(f"it gives {type(chunk).__name__}, not bytes; open it in binary mode")
            if not chunk:
                self._ended = True
                break
            chunks.append(chunk)
            missing -= len(chunk)
        data = b"".join(chunks)
        self._ahead = data[size:]
        return data[:size]

    def _problem(self) -> str | None:
        if self._ended and self._sha1 not in (None, self._digest.hexdigest()):
            return f"its SHA-1 is {self._digest.hexdigest()}, not {self._sha1}"
        if self._length is None:
            return None
        if self._bytes + len(self._ahead) > self._length or (self._ended and self._bytes < self._length):
            told = "more than" if self._bytes + len(self._ahead) > self._length else f"only {self._bytes} of"
            return f"it has {told} the {self._length} bytes it was said to have"
        return None

    def _fail(self, detail: str) -> IOResult[TakenPiece | None, LocalError]:
        self._failed = LocalFailure("read", self._name, detail)
        return IOFailure(self._failed)


@define(eq=False)
class _Reading:
    """One piece, read on a thread that may block for ever."""

    read: Callable[[], bytes]
    ended: Event = field(factory=Event)
    data: bytes = b""
    trouble: Exception | None = None

    def run(self) -> None:
        try:
            self.data = self.read()
        except Exception as trouble:
            self.trouble = trouble
        finally:
            self.ended.set()
