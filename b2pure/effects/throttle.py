"""Bandwidth limits, carried out where bytes pass: around the reader of an upload and the sink of a download.

Rules. `plan.bandwidth` says who waits how long; here it is waited, in short steps, so that a stop is heard. Waiting
happens before bytes are given to the connection or after they were taken from it, never inside: no timeout of a socket
sees it. One `Throttle` is one direction of a client's line, for all of its threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final

from b2pure.effects.handlers import Chunk, Clock, Reader, Sink, Stopped
from b2pure.model.sources import Body
from b2pure.plan.bandwidth import Bucket, step_bucket

__all__ = ["Throttle", "ThrottledReader", "ThrottledSink", "Toll"]

_NAP_MILLIS: Final = 250

Toll = Callable[[int], int]
"""How many of so many bytes may pass now; whoever asks has waited when it is told. Raises Stopped."""


class Throttle:
    """A token bucket that many threads ask."""

    def __init__(self, bytes_per_second: int) -> None:
        self._rate = bytes_per_second
        self._bucket = Bucket()
        self._lock = threading.Lock()

    def _renew_in_child(self) -> None:
        """In a child that was forked, which has a line of its own."""
        self._lock = threading.Lock()

    def change(self, bytes_per_second: int) -> None:
        """From now on so many. What was handed out before stays as it is."""
        with self._lock:
            self._rate = bytes_per_second

    def toll(self, clock: Clock, stopped: Callable[[], bool]) -> Toll:
        """The bucket for one job."""

        def take(wanted: int) -> int:
            with self._lock:
                now = clock.now_millis()
                self._bucket, share = step_bucket(self._rate, self._bucket, wanted, now)
            _wait(share.wait_millis, now + share.wait_millis, clock, stopped)
            return share.bytes

        return take


def _wait(millis: int, due: int, clock: Clock, stopped: Callable[[], bool]) -> None:
    """Until `due`, and no longer than `millis`, whatever the clock does."""
    while millis > 0:
        if stopped():
            raise Stopped
        step = min(millis, _NAP_MILLIS)
        clock.sleep(step / 1000)
        millis = min(millis - step, due - clock.now_millis())


class ThrottledReader:
    """A `Reader` whose bytes come no faster than the toll allows."""

    def __init__(self, reader: Reader, toll: Toll) -> None:
        self._reader, self._toll = reader, toll

    def read(self, body: Body) -> Iterator[bytes]:
        """The bytes of the body in chunks. Raises LocalTrouble, Stopped."""
        for chunk in self._reader.read(body):
            yield from map(bytes, _shares(chunk, self._toll))


class ThrottledSink:
    """A `Sink` that takes bytes no faster than the toll allows, so that the other side has to wait."""

    def __init__(self, sink: Sink, toll: Toll) -> None:
        self._sink, self._toll = sink, toll

    def write(self, chunk: Chunk) -> None:
        """Pass the bytes on in shares. Raises LocalTrouble, Stopped."""
        for share in _shares(chunk, self._toll):
            self._sink.write(share)


def _shares(chunk: Chunk, toll: Toll) -> Iterator[memoryview]:
    rest = memoryview(chunk)
    while rest:
        share = toll(len(rest))
        yield rest[:share]
        rest = rest[share:]
