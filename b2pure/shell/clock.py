"""The real clock, and real chance."""

from __future__ import annotations

import random
import time

__all__ = ["SystemClock"]


class SystemClock:
    """Implements `Clock`."""

    def now_millis(self) -> int:
        """The computer's time, in milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        time.sleep(seconds)

    def draw(self) -> float:
        """A number from 0 up to, not including, 1."""
        return random.random()
