"""The real clock, and real chance."""

from __future__ import annotations

import random
import time

__all__ = ["SystemClock"]


class SystemClock:
    """Implements `Clock`."""

    def now_millis(self) -> int:
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def draw(self) -> float:
        return random.random()
