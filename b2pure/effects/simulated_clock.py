"""A clock that stands still until somebody sleeps or moves it, and chance from a seed."""

from __future__ import annotations

import random

__all__ = ["SimulatedClock"]


class SimulatedClock:
    """Implements `Clock`. Times are milliseconds since the epoch."""

    def __init__(self, now_millis: int = 1_700_000_000_000, seed: int = 0) -> None:
        self._now = now_millis
        self._random = random.Random(seed)

    def now_millis(self) -> int:
        """The time as it is here, in milliseconds since the epoch."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move the clock on; nobody waits."""
        self.advance(round(seconds * 1000))

    def advance(self, millis: int) -> None:
        """Let time pass. It never goes back."""
        if millis < 0:
            raise ValueError("time does not go back")
        self._now += millis

    def draw(self) -> float:
        """The next number from 0 up to, not including, 1. The seed says which."""
        return self._random.random()
