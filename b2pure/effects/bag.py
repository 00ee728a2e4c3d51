"""A bounded collection that threads put into and take from in random order, or in that in which it was put.

Two syncs that start together must not walk through the same names side by side, doing everything twice: so each takes
its work in an order of its own. Who works alone, on one thing after the other, keeps the order. The bound keeps a lazy
plan from being read faster than it is carried out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Bag"]

T = TypeVar("T")


class Bag(Generic[T]):
    """At most `bound` things. `draw` gives numbers in [0, 1) and decides what is taken; without it, what came first.

    While less than a quarter is there, a taker waits up to `patience` seconds for more to choose from.
    """

    def __init__(self, bound: int, draw: Callable[[], float] | None, *, patience: float = 0.1) -> None:
        self._bound, self._draw, self._patience = bound, draw, patience
        self._things: list[T] = []
        lock = threading.Lock()
        self._filled = threading.Condition(lock)
        self._emptied = threading.Condition(lock)
        self._closed = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to take now."""
        return not self._things

    @property
    def over(self) -> bool:
        """Whether there will be nothing to take any more."""
        return self._closed and not self._things

    def put(self, thing: T) -> bool:
        """Add it as soon as there is room; False if the bag was closed meanwhile."""
        with self._filled:
            while len(self._things) >= self._bound and not self._closed:
                self._emptied.wait()
            if self._closed:
                return False
            self._things.append(thing)
            self._filled.notify()
            return True

    def take(self) -> T | None:
        """One of the things, as soon as there is one; None when the bag is closed and empty."""
        with self._filled:
            if len(self._things) * 4 < self._bound and not self._closed:
                self._filled.wait(self._patience)
            while not self._things:
                if self._closed:
                    return None
                self._filled.wait()
            return self._drawn()

    def take_now(self, *, few: bool) -> T | None:
        """One of the things, if there are enough to choose from; `few`: if there are any."""
        with self._filled:
            if not self._things or not (few or self._closed or len(self._things) * 4 >= self._bound):
                return None
            return self._drawn()

    def _drawn(self) -> T:
        if self._draw is None:
            thing = self._things.pop(0)
        else:
            index = int(self._draw() * len(self._things))
            self._things[index], self._things[-1] = self._things[-1], self._things[index]
            thing = self._things.pop()
        if len(self._things) * 4 <= self._bound * 3:  # not for each: whoever puts has more than one
            self._emptied.notify_all()
        return thing

    def close(self, *, drop: bool = False) -> None:
        """Let nothing more in; with `drop`, let nothing more out either."""
        with self._filled:
            self._closed = True
            if drop:
                self._things.clear()
            self._filled.notify_all()
            self._emptied.notify_all()
