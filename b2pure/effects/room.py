"""Room in memory for what is downloaded only to be sent again.

A part reserves the room for all its pieces at once, so that two parts never wait for each other. One that needs more
than there is has it when nobody else has any: a job comes to its end with any room.
"""

from __future__ import annotations

import threading
from typing import Final

__all__ = ["ROOM", "Room"]

ROOM: Final = 256_000_000
"""Bytes. Two parts of the usual size that have to be downloaded whole have room beside each other."""
_WAIT_SECONDS: Final = 0.5


class Room:
    """`size` bytes, for many threads. `most` is the largest number that was ever reserved at once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._changed = threading.Condition()
        self.most = 0

    def has(self, length: int) -> bool:
        """Whether so many bytes could be reserved now."""
        return self._taken == 0 or self._taken + length <= self._size

    def reserve(self, length: int) -> bool:
        """Take so many bytes, after a short wait if they are not there; whether they could be taken."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.has(length), _WAIT_SECONDS):
                return False
            self._taken += length
            self.most = max(self.most, self._taken)
            return True

    def release(self, length: int) -> None:
        """Give them back."""
        with self._changed:
            self._taken -= length
            self._changed.notify_all()
