"""What a source of somebody's own opened: read, and closed, with a word on what is no binary stream.

Rules. Nothing is read beyond what was promised, but for one byte where that cannot wait.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["RangeOfStream", "closing_if_it_can", "goes_on", "read_bytes"]


@contextmanager
def closing_if_it_can(stream: Any) -> Iterator[Any]:
    """What a source opened, left or closed afterwards: what can be entered is, so that it may be a context manager that
    gives the stream. What is no stream at all is told by who reads it.
    """
    if hasattr(type(stream), "__enter__") and hasattr(type(stream), "__exit__"):
        with stream as entered:
            yield entered
        return
    try:
        yield stream
    finally:
        if hasattr(stream, "close"):
            stream.close()


def read_bytes(source: object, stream: Any, size: int) -> bytes:
    """The next bytes of what a source opened. Raises TypeError for what gives none."""
    opened = f"{type(source).__name__}.open()"
    if not hasattr(stream, "read"):
        raise TypeError(f"{opened} must give a binary stream, not {type(stream).__name__}")
    chunk = stream.read(size)
    if not isinstance(chunk, bytes | bytearray | memoryview):
        told = f"one of {type(chunk).__name__}; files are binary in mode 'rb'"
        raise TypeError(f"{opened} must give a binary stream, not {told}")
    return bytes(chunk)


def goes_on(stream: Any) -> bool:
    """Whether there is more in it, if it can seek: a pipe or a socket may wait for a byte that never comes."""
    seekable = getattr(stream, "seekable", None)
    return callable(seekable) and seekable() is True and bool(stream.read(1))


class RangeOfStream(io.BufferedIOBase):
    """`length` bytes of a stream that can seek, from `offset` on. Closing it closes the stream."""

    def __init__(self, stream: Any, offset: int, length: int) -> None:
        self._stream, self._offset, self._length, self._at = stream, offset, length, 0
        stream.seek(offset)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes; all of the rest by default."""
        left = max(0, self._length - self._at)
        chunk: bytes = self._stream.read(left if size is None or size < 0 else min(size, left))
        self._at += len(chunk)
        return chunk

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place, counted from where the range begins, is by now, or ends."""
        place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        if place < 0:
            raise ValueError(f"negative seek value {place}")
        self._stream.seek(self._offset + place)
        self._at = place
        return place

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        if not self.closed:
            super().close()
            if hasattr(self._stream, "close"):
                self._stream.close()
