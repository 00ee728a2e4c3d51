"""What a source of somebody's own opened: read, and closed, with a word on what is no binary stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["closing_if_it_can", "read_bytes"]


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
