"""What the world must offer so that programs can run: an api, a disk, a clock.

There are two of each: the real ones in `b2pure.shell`, and the simulated ones beside this file. The drivers do not
know which they have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar, runtime_checkable

from attrs import frozen
from returns.io import IOResult

from b2pure.effects.effect import Credential, LocalError, TakenPiece, Temp
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error, LocalFailure
from b2pure.model.files import LocalFact
from b2pure.model.limits import PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import DownloadReply
from b2pure.model.sources import Body, LocalSlice, StreamPiece

__all__ = [
    "Api",
    "Chunk",
    "Clock",
    "Disk",
    "Heard",
    "LanedApi",
    "Lanes",
    "LocalTrouble",
    "Reader",
    "Sink",
    "Stopped",
    "Stream",
    "Unfinished",
    "unheard",
]

R = TypeVar("R")

Heard = Callable[[DownloadReply], None]


def unheard(headers: DownloadReply) -> None:
    """Nobody wants to know."""


class LocalTrouble(Exception):
    """How a `Reader` or a `Sink` leaves when the disk fails while a request is under way; carries the error value."""

    def __init__(self, error: LocalError) -> None:
        super().__init__(error)
        self.error = error


class Stopped(Exception):
    """The driver was told to stop before the program ended; also how a `Reader` or a `Sink` leaves that was waiting."""


Chunk = bytes | memoryview
"""Bytes on their way. A view is of a buffer that is used again: it is good until the next one is taken, or until the
sink that got it returns. Who keeps one keeps `bytes` of it.
"""


class Reader(Protocol):
    """Opens the bodies of uploads."""

    def read(self, body: Body) -> Iterator[Chunk]:
        """The bytes of the body in chunks, exactly `body_length(body)` of them. Raises LocalTrouble when what it
        stands for cannot be read or is not the pinned one, before or while it is read.
        """
        ...


class Sink(Protocol):
    """Takes the body of a download."""

    def write(self, chunk: Chunk) -> None:
        """Store the next bytes. Raises LocalTrouble."""
        ...


class Api(Protocol):
    """One HTTP exchange with B2, or with something that behaves like it. No retries, no waiting, no state."""

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """Send a call whose reply is JSON; `reader` opens the body of an upload."""
        ...

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        """Send a download and write its body to `sink` in order; `heard` gets the headers first. A body shorter than
        promised is a Transport error.
        """
        ...


@frozen
class Unfinished:
    """An exchange that goes on only with somebody who waits for it: `finish` does, and gives what came of it."""

    finish: Callable[[], IOResult[Any, B2Error]]


class Lanes(Protocol):
    """Many exchanges of calls whose bodies are small, which one thread has under way at once. Only `wake` may be called
    by another thread.
    """

    def begin(self, number: int, call: Call[Any], credential: Credential, reader: Reader) -> bool:
        """Send the call, if that takes no waiting; False, and nothing was done, if it does."""
        ...

    def wait(self, seconds: float) -> Sequence[tuple[int, IOResult[Any, B2Error] | Unfinished]]:
        """What came of those that ended, by their numbers: at the latest after so many seconds, or after `wake`."""
        ...

    def wake(self) -> None:
        """Let `wait` return."""
        ...

    def close(self) -> None:
        """Drop what is under way."""
        ...


@runtime_checkable
class LanedApi(Protocol):
    """An `Api` that can have many exchanges under way for one thread."""

    def lanes(self) -> Lanes | None:
        """Lanes of one's own; None where there are none now."""
        ...


class Disk(Protocol):
    """One local folder. Every path is relative to it; nothing outside it is ever written, renamed or removed."""

    def read(self, slice_: LocalSlice) -> Iterator[Chunk]:
        """The bytes of the slice in chunks, exactly `slice_.range.length` of them. Raises LocalTrouble when the file
        cannot be read or is not the pinned one, before or while it is read.
        """
        ...

    def stat(self, path: str) -> IOResult[LocalFact | None, LocalFailure]: ...
    def create_temp(self, path: str, *, resume: bool = False) -> IOResult[Temp, LocalFailure]: ...
    def sink(self, temp: Temp, offset: int) -> AbstractContextManager[Sink]: ...
    def tail(self, temp: Temp, most: int) -> IOResult[tuple[int, bytes], LocalFailure]: ...
    def cut_temp(self, temp: Temp, length: int) -> IOResult[None, LocalFailure]: ...
    def sha1_temp(self, temp: Temp, until: int | None = None) -> IOResult[str, LocalFailure]: ...
    def crc_temp(self, temp: Temp, range_: ByteRange) -> IOResult[int, LocalFailure]: ...
    def publish(
        self, temp: Temp, mod_time_millis: int, expect: LocalFact | None, length: int | None = None
    ) -> IOResult[None, LocalError]: ...
    def discard(self, temp: Temp) -> None: ...
    def keep(self, temp: Temp) -> None: ...
    def delete(self, path: str, expect: LocalFact) -> IOResult[None, LocalError]: ...


class Stream(Protocol):
    """What a job reads only once, in pieces that are kept until they are dropped. For many threads."""

    def take(self, sizes: PartSizes) -> IOResult[TakenPiece | None, LocalError]: ...
    def drop(self, piece: StreamPiece) -> None: ...
    def heed(self, stopped: Callable[[], bool]) -> None:
        """Ask this while the source gives nothing; then `take` raises Stopped."""
        ...

    def read(self, piece: StreamPiece) -> Iterator[bytes]:
        """The bytes of the piece's range in chunks. Raises LocalTrouble."""
        ...


class Clock(Protocol):
    """Time and chance."""

    def now_millis(self) -> int: ...
    def sleep(self, seconds: float) -> None: ...
    def draw(self) -> float: ...
