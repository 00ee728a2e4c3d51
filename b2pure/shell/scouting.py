"""A scout (`scout`) from the side of the scan that asks it.

Rules. It is started anew, never forked, where there is a second processor and a Python to start. Questions and answers
go through pipes that block this process no longer than it says. A scout that dies, or cannot be started, has answered
nothing: whoever asks looks for himself. It has nothing of our environment but where libraries lie, is out of the
terminal's reach, and ends with its pipes.
"""

from __future__ import annotations

import marshal
import os
import select
import sys
from array import array
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from b2pure.shell import scout as program
from b2pure.shell.scout import LENGTH_BYTES, framed

if TYPE_CHECKING:  # most scans need none
    import subprocess

__all__ = ["Answer", "Scout", "possible"]

K = TypeVar("K")

_PIPE_BYTES: Final = 1 << 20
_GRACE_SECONDS: Final = 1.0
"""So long one waits for a process that was killed."""
_LIBRARIES: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Answer(NamedTuple):
    """What a scout is sure of in a folder, or among the names that it was asked for. `files` and the rest as `scout`
    packs them.
    """

    identity: tuple[int, int]
    files: str
    sizes: bytes
    millis: bytes
    folders: list[str]
    rest: list[str]

    def names(self) -> list[str]:
        """Of the files, in order."""
        return self.files.split("\0") if self.files else []

    def numbers(self) -> tuple[array[int], array[int]]:
        """Sizes (bytes) and modification times (milliseconds) of the files."""
        sizes, millis = array("q"), array("q")
        sizes.frombytes(self.sizes)
        millis.frombytes(self.millis)
        return sizes, millis

    @property
    def size(self) -> int:
        """How many names it tells of."""
        return len(self.sizes) // 8 + len(self.folders) + len(self.rest)


def possible() -> bool:
    """Whether this process can have a scout that is of use, and reads names as it does."""
    return (
        sys.platform != "win32"
        and sys.getfilesystemencoding() == "utf-8"
        and not getattr(sys, "frozen", False)
        and "python" in os.path.basename(sys.executable or "").lower()
        and _processors() > 1
        and os.path.isfile(program.__file__)
    )


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Scout(Generic[K]):
    """A running scout. Questions have keys of the asker's choice."""

    def __init__(self) -> None:
        """Raises OSError."""
        import subprocess

        self._too_late: type[Exception] = subprocess.TimeoutExpired
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", program.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _LIBRARIES if name in os.environ},
            bufsize=0,
            process_group=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        for fd in (self._in, self._out):
            os.set_blocking(fd, False)
        _widen(self._out)
        self._asked: deque[K] = deque()
        self._saying, self._hearing = bytearray(), bytearray()
        self.alive = True
        self.heard = 0
        """How many bytes it has told."""

    def __del__(self) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    @property
    def asked(self) -> int:
        """How many questions it has not answered yet."""
        return len(self._asked)

    def ask(self, key: K, path: str, names: list[str] | None, many: int) -> None:
        """Ask for a folder, or for some names in it. Sent with the next `say` or `hear`."""
        joined = None if names is None else "\0".join(names)
        self._saying += framed((os.fsencode(path), joined, many))
        self._asked.append(key)

    def say(self) -> None:
        """Send questions, as far as the scout has ears for them."""
        if not self.alive:
            return
        try:
            self._say()
        except OSError:
            self.close()

    def hear(self, *, wait: float = 0.0) -> list[tuple[K, Answer | None]]:
        """Send questions, and take the answers that have come since; wait for at least a part of one for up to `wait`
        seconds. None where the asker has to look.
        """
        answers: list[tuple[K, Answer | None]] = []
        if not self.alive:
            return answers
        try:
            self._say()
            if wait > 0:
                self._wait(wait)
            while self._asked and (data := self._come()):
                self.heard += len(data)
                self._hearing += data
                answers += self._understood()
        except (OSError, EOFError, ValueError, TypeError, IndexError):  # it is dead, or talks nonsense
            self.close()
        return answers

    def _wait(self, seconds: float) -> None:
        waiting = select.poll()
        waiting.register(self._out, select.POLLIN)
        if self._saying:
            waiting.register(self._in, select.POLLOUT)
        waiting.poll(ceil(seconds * 1000))
        self._say()

    def _come(self) -> bytes | None:
        """What is in the pipe; None if that is nothing."""
        try:
            data = os.read(self._out, _PIPE_BYTES)
        except BlockingIOError:
            return None
        if not data:
            raise EOFError
        return data

    def _say(self) -> None:
        while self._saying:
            try:
                del self._saying[: os.write(self._in, self._saying)]
            except BlockingIOError:
                return

    def _understood(self) -> Iterator[tuple[K, Answer | None]]:
        """The answers that have come as a whole."""
        at = 0
        while at + LENGTH_BYTES <= len(self._hearing):
            end = at + LENGTH_BYTES + int.from_bytes(self._hearing[at : at + LENGTH_BYTES], "little")
            if end > len(self._hearing):
                break
            told: Any = marshal.loads(self._hearing[at + LENGTH_BYTES : end])
            at = end
            yield self._asked.popleft(), None if told is None else Answer(*told)
        del self._hearing[:at]

    def close(self) -> None:
        """End it. What it did not answer is not known."""
        if not getattr(self, "alive", False):
            return
        self.alive = False
        self._asked.clear()
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()
        with suppress(self._too_late):  # a file system that does not answer holds it
            self._process.wait(_GRACE_SECONDS)


def _widen(pipe: int) -> None:
    """Let it hold what a scout finds while nobody listens, where the system allows that."""
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, AttributeError, OSError):
        return
