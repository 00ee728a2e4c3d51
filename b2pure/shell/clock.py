"""The real clock, and real chance."""

from __future__ import annotations

import os
import time
from typing import Final

__all__ = ["SystemClock"]

_STEP: Final = 2.0**-53
"""Between two numbers that are drawn, each of which a float holds exactly."""


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
        return (int.from_bytes(os.urandom(7), "big") >> 3) * _STEP
