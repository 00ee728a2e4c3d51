"""Temporary files: made, locked, written, and told apart from what a killed run left behind.

Rules. A temporary file is locked from just after it is made until it is closed. A cleaner removes one only while
it holds the lock itself; whoever finds, once it has the lock, that its new file lost its name makes another one. So
there is no moment in which a cleaner takes a file that is in use.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from contextlib import suppress
from threading import Lock
from typing import Final

from attrs import define

from b2pure.model.names import temporary_name
from b2pure.shell.folder import Folder, Refused, identity

if sys.platform != "win32":
    import fcntl

__all__ = ["LiveTemp", "create_locked", "remove_unlocked"]

_CHUNK: Final = 1 << 20
"""Bytes read at once."""
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL
_NS_PER_MILLI: Final = 1_000_000
_HAS_PREAD: Final = hasattr(os, "pread") and hasattr(os, "pwrite")
_ATTEMPTS: Final = 16
_TIME_RANGES: Final = ((-62_135_596_800_000, 253_402_300_799_999), (0, (1 << 31) * 1000 - 1))
"""Modification times in milliseconds that a file can be given: the years 1 to 9999, and what old systems take."""


@define(eq=False)
class LiveTemp:
    """A temporary file that is being written: its opened folder, its name there, its descriptor. `position`
    guards the descriptor's file position on systems where reads and writes cannot say their own.
    """

    folder: Folder
    name: str
    fd: int
    position: Lock
    is_open: bool = True

    def read_at(self, offset: int) -> bytes:
        if _HAS_PREAD:
            return os.pread(self.fd, _CHUNK, offset)
        with self.position:
            os.lseek(self.fd, offset, os.SEEK_SET)
            return os.read(self.fd, _CHUNK)

    def write_at(self, data: memoryview, offset: int) -> int:
        if _HAS_PREAD:
            return os.pwrite(self.fd, data, offset)
        with self.position:
            os.lseek(self.fd, offset, os.SEEK_SET)
            return os.write(self.fd, data)

    def set_time(self, millis: int) -> None:
        """Exactly, or as near as a file can have it."""
        for low, high in _TIME_RANGES:
            with suppress(OSError, OverflowError):
                return self.folder.set_times(self.name, self.fd, min(max(millis, low), high) * _NS_PER_MILLI)
        raise Refused("the file system takes no modification time")

    def is_in_place(self) -> bool:
        """Whether the name still is that of the open file."""
        try:
            return identity(os.fstat(self.fd)) == identity(self.folder.stat(self.name))
        except FileNotFoundError:
            return False

    def close_file(self) -> None:
        """Also the end of the lock. A second time does nothing: the number may be another file's by then."""
        if self.is_open:
            self.is_open = False
            with suppress(OSError):  # some network file systems report late; the SHA-1 was taken before
                os.close(self.fd)

    def close(self) -> None:
        self.close_file()
        self.folder.close()


def create_locked(folder: Folder) -> tuple[str, int]:
    """A new temporary file, open and locked. One that a cleaner took between the two steps is made again."""
    for _ in range(_ATTEMPTS):
        name = temporary_name(secrets.token_hex(4))
        try:
            fd = folder.open(name, _CREATE)
        except FileExistsError:
            continue
        _lock(fd)
        if os.fstat(fd).st_nlink:
            return name, fd
        os.close(fd)
    raise Refused("no temporary file could be made")


def _lock(fd: int) -> None:
    """Mark the file as in use until it is closed. Where nothing can be locked it is never removed as stale."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX)


def remove_unlocked(folder: Folder, name: str) -> bool:
    """Remove a temporary file that nobody has locked. Windows removes no file that somebody has open."""
    if sys.platform == "win32":
        folder.unlink(name)
        return True
    fd = folder.open(name, os.O_RDWR)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return False
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if identity(os.fstat(fd)) != identity(folder.stat(name)):
            return False
        folder.unlink(name)
        return True
    finally:
        os.close(fd)
