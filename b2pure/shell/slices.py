"""Ranges of local files, read as bodies are sent.

Rules. What is read is compared with what the plan saw: when the file is opened, and before the last chunk is handed
out. So a body that was torn is never complete.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from io import FileIO
from mmap import mmap
from typing import Final

from b2pure.effects.handlers import Chunk, LocalTrouble
from b2pure.model.errors import LocalDrifted, LocalFailure
from b2pure.model.sources import LocalSlice
from b2pure.shell.facts import fact_of
from b2pure.shell.folder import explain

__all__ = ["read_slice"]

_CHUNK: Final = 1 << 18
"""Bytes read at once. Each of a job's threads has so many in hand: larger ones cost memory, smaller ones time."""
_READ: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_slice(where: str, slice_: LocalSlice) -> Iterator[Chunk]:
    """The bytes of the slice, whose file is at `where`, in chunks; a short one is read at once. Raises LocalTrouble."""
    if slice_.range.length <= _CHUNK:
        return iter(_short(where, slice_))
    return _long(where, slice_)


def _short(where: str, slice_: LocalSlice) -> list[bytes]:
    fd = _opened(where, slice_)
    try:
        return [bytes(chunk) for chunk in _chunks(fd, slice_, partial(os.read, fd))]
    except OSError as error:
        raise LocalTrouble(LocalFailure("read", slice_.path, explain(error))) from None
    finally:
        os.close(fd)


def _long(where: str, slice_: LocalSlice) -> Iterator[Chunk]:
    fd = _opened(where, slice_)
    try:
        yield from _chunks(fd, slice_, _into_one_buffer(fd))
    except OSError as error:
        raise LocalTrouble(LocalFailure("read", slice_.path, explain(error))) from None
    finally:
        os.close(fd)


def _opened(where: str, slice_: LocalSlice) -> int:
    try:
        return os.open(where, _READ)
    except (FileNotFoundError, NotADirectoryError):
        raise LocalTrouble(LocalDrifted(slice_.path, slice_.fact, None)) from None
    except OSError as error:
        raise LocalTrouble(LocalFailure("read", slice_.path, explain(error))) from None


def _into_one_buffer(fd: int) -> Callable[[int], Chunk]:
    """Reads as `os.read`, each time into the same memory. That is the system's own, to which it goes back whole: what a
    thread takes from the heap stays with the thread.
    """
    file, buffer = FileIO(fd, closefd=False), memoryview(mmap(-1, _CHUNK))
    return lambda count: buffer[: file.readinto(buffer[:count])]


def _chunks(fd: int, slice_: LocalSlice, read: Callable[[int], Chunk]) -> Iterator[Chunk]:
    opened = os.fstat(fd)
    found = fact_of("read", slice_.path, opened)
    if found != slice_.fact:
        raise LocalTrouble(LocalDrifted(slice_.path, slice_.fact, found))
    rest, start = slice_.range.length, slice_.range.start
    if start:
        os.lseek(fd, start, os.SEEK_SET)
    while rest:
        chunk = read(min(rest, _CHUNK))
        rest -= len(chunk)
        if not rest or not chunk:
            _expect_unchanged(fd, slice_, opened, short=bool(rest))
        yield chunk


def _expect_unchanged(fd: int, slice_: LocalSlice, opened: os.stat_result, *, short: bool) -> None:
    now = os.fstat(fd)
    if short or _may_have_changed(opened, now):
        raise LocalTrouble(LocalDrifted(slice_.path, slice_.fact, fact_of("read", slice_.path, now)))


def _may_have_changed(opened: os.stat_result, now: os.stat_result) -> bool:
    """Whether the content may be another one. Who rewrites a file and sets its time back cannot set back that of its
    inode. That also moves when a link is added or rights change, which leaves the content alone and shows. Two changes
    within one tick of the file system's clock look like one: only digests of the content tell them.
    """
    if (now.st_size, now.st_mtime_ns) != (opened.st_size, opened.st_mtime_ns):
        return True
    if os.name == "nt" or now.st_ctime_ns == opened.st_ctime_ns:  # on Windows it is the time of the creation
        return False
    return _rights(now) == _rights(opened)


def _rights(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_nlink, status.st_mode, status.st_uid, status.st_gid
