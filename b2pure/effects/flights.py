"""Bytes on their way: who watches a long body hears of it while it moves, not only when it has arrived.

Rules. A request tells at most once for each MiB, or for each tenth of a second, and at its end that it has nothing on
its way any more; one that never told anything does not tell its end either. What was on its way counts for nothing
then: what arrived is told of by `BytesMoved`. A body that is read again in one request starts at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from b2pure.effects.events import BytesMoved, Event, InFlight, LargeFileBegun, PathDone, Sized
from b2pure.effects.handlers import Chunk, Reader, Sink
from b2pure.model.sources import Body

__all__ = ["Flight", "Moved", "WatchedReader", "WatchedSink"]

_EVERY_BYTES: Final = 1 << 20
_EVERY_MILLIS: Final = 100


class Flight:
    """One request, `before` bytes of whose piece came with earlier ones."""

    def __init__(
        self, request: int, tell: Callable[[Event], None], now_millis: Callable[[], int], before: int = 0
    ) -> None:
        self._request, self._tell, self._now = request, tell, now_millis
        self._before = self._count = before
        self._told, self._told_at = before, now_millis()
        self._anything = False

    def begin(self) -> None:
        """Its body is read from the start."""
        self._count = self._told = self._before

    def moved(self, count: int) -> None:
        """So many more bytes."""
        self._count += count
        if self._count - self._told < _EVERY_BYTES and self._now() - self._told_at < _EVERY_MILLIS:
            return
        self._told, self._told_at, self._anything = self._count, self._now(), True
        self._tell(InFlight(self._request, self._count))

    def end(self) -> None:
        """Nothing of it is on its way any more."""
        if self._anything:
            self._tell(InFlight(self._request, 0))


class WatchedReader:
    """Reads as `reader`; a chunk counts when the next one is asked for."""

    def __init__(self, reader: Reader, flight: Flight) -> None:
        self._reader, self._flight = reader, flight

    def read(self, body: Body) -> Iterator[Chunk]:
        """The bytes of the body. Raises LocalTrouble."""
        self._flight.begin()
        for chunk in self._reader.read(body):
            length = len(chunk)
            if length > _EVERY_BYTES:
                yield from self._cut(chunk)
            elif length:
                yield chunk
            if length <= _EVERY_BYTES:
                self._flight.moved(length)

    def _cut(self, chunk: Chunk) -> Iterator[Chunk]:
        for start in range(0, len(chunk), _EVERY_BYTES):
            piece = chunk[start : start + _EVERY_BYTES]
            yield piece
            self._flight.moved(len(piece))


class WatchedSink:
    """Writes as `sink`."""

    def __init__(self, sink: Sink, flight: Flight) -> None:
        self._sink, self._flight = sink, flight

    def write(self, chunk: Chunk) -> None:
        """The next bytes. Raises LocalTrouble."""
        length = len(chunk)
        self._sink.write(chunk)
        self._flight.moved(length)


class Moved:
    """A fold over events: `safe` bytes are at the destination; `shown` adds those on their way, and never falls."""

    def __init__(self) -> None:
        self.safe = 0
        self.shown = 0
        self._flying: dict[int, int] = {}
        self._large: dict[str, int] = {}

    def hear(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Sized(reused=count):
                self.safe += count
            case BytesMoved(path, count):
                self.safe += count
                if path in self._large:
                    self._large[path] += count
            case LargeFileBegun(path, reused=count):  # begun anew, what an earlier one got is lost
                self.safe += count - self._large.get(path, 0)
                self._large[path] = count
            case InFlight(request, 0):
                self._flying.pop(request, None)
            case InFlight(request, count):
                self._flying[request] = count
            case PathDone(outcome):
                self._large.pop(outcome.sync.path, None)
            case _:
                return
        self.shown = max(self.shown, self.safe + sum(self._flying.values()))
