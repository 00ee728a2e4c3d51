"""A turn for short steps on a disk, so that threads do not take the interpreter's lock from each other in the middle.

A small file that comes down is a dozen system calls, each of which lets go of the interpreter's lock and has to get it
back from whoever took it meanwhile: many threads at once need more than twice the time of a single one.

Rules. One thread at a time has the turn, as long as the disk is quick (`plan.lanes` judges that, as with files that go
up). Where it is slow nobody asks for it, and the disk gets as much at once as there are threads. Nobody waits long: who
has waited for `PATIENCE_SECONDS` goes on without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from b2pure.plan.lanes import Reading, handed, read_in

__all__ = ["PATIENCE_SECONDS", "DiskTurn"]

PATIENCE_SECONDS: Final = 0.01
_TOGETHER: Final = 16
"""So many steps are judged at once: each of them takes less than the millisecond that is counted in."""
_SLOW_MILLIS: Final = 1
"""Milliseconds a step that are too long: then it is the disk that takes them, which can do several at once."""
_NS_PER_MILLI: Final = 1_000_000


class DiskTurn:
    """The turn of one disk. `now_ns` is a clock that never goes back, in nanoseconds."""

    def __init__(self, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._now = now_ns
        self._turn, self._guard = Lock(), Lock()
        self._state = Reading()
        self._steps = self._took = 0

    @contextmanager
    def step(self) -> Iterator[bool]:
        """A short step on the disk; whether it has the turn."""
        mine = not self._is_slow() and self._turn.acquire(timeout=PATIENCE_SECONDS)
        if not mine:
            yield False
            return
        began = self._now()
        try:
            yield True
        finally:
            self._count(self._now() - began)
            self._turn.release()

    def _is_slow(self) -> bool:
        if not self._state.apart:
            return False
        with self._guard:
            self._state = handed(self._state)
        return True

    def _count(self, took: int) -> None:
        """For the one that has the turn."""
        self._steps += 1
        self._took += took
        if self._steps == _TOGETHER:
            with self._guard:
                self._state = read_in(self._state, self._steps, self._took // _NS_PER_MILLI, _SLOW_MILLIS)
            self._steps = self._took = 0
