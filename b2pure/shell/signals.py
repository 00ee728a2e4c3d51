"""Signals that ask a process to end, as exceptions: what Ctrl-C leaves in order, they leave in order as well.

Rules. Only the main thread of a program may ask for this, and only programs of our own do: the library leaves the
signals of its caller alone. A signal that somebody has chosen to ignore (nohup) stays ignored. One wish often comes
twice, from the terminal and from its shell: what comes within a second of the last one is the same.
"""

from __future__ import annotations

import atexit
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Final

__all__ = ["Terminated", "ending_raises", "ignore_ending_at_last", "minded"]

_ENDING: Final = tuple(number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None)
"""A polite kill, and the end of the terminal; Windows has no such end."""
_SAME_WISH_SECONDS: Final = 1.0


class Terminated(BaseException):
    """The process was asked to end. It is none of the exceptions that a program means to handle."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status that shells give to whoever ends by this signal."""
        return 128 + self.number


def minded() -> tuple[signal.Signals, ...]:
    """Those of the signals that nobody chose to ignore."""
    return tuple(number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN)


def ignore_ending_at_last() -> None:
    """When the interpreter ends, it undoes the handlers, and would die of a wish that comes twice. No sooner than that:
    before, it waits for threads, which may hang, and whoever asks again must be heard.
    """
    atexit.register(_ignore_ending)


def _ignore_ending() -> None:
    for number in minded():
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def ending_raises() -> Iterator[None]:
    """Meanwhile the signals raise Terminated in the main thread, and once that has left, a second wish ends the process
    at once. In another thread nothing changes.
    """
    if current_thread() is not main_thread():
        yield
        return
    last, ending = -_SAME_WISH_SECONDS, False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before < _SAME_WISH_SECONDS:
            return
        if ending:
            os._exit(128 + number)
        raise Terminated(number)

    handlers = {number: signal.signal(number, end) for number in minded()}
    try:
        yield
    except Terminated:
        ending = True  # the end of the process has begun, and whoever asks again means it
        raise
    finally:
        if not ending:
            for number, handler in handlers.items():
                signal.signal(number, handler)
