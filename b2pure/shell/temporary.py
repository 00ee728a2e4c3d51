"""Temporary files: made, locked, written, and told apart from what a killed run left behind.

Rules. A temporary file is locked from just after it is made until it is closed. A cleaner removes one only while
it holds the lock itself; whoever finds, once it has the lock, that its new file lost its name makes another one. So
there is no moment in which a cleaner takes a file that is in use. A download that a later run may go on with has a
temporary file whose name depends on its path only: whoever gets the lock of it goes on, everybody else makes another.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Lock
from typing import Any, Final

from attrs import define, evolve, field

from b2pure.model.names import is_resumable, temporary_name
from b2pure.shell.folder import Folder, Refused, identity

if sys.platform != "win32":
    import fcntl

__all__ = ["Hashing", "LiveTemp", "create_locked", "remove_unlocked", "take_resumable"]

_CHUNK: Final = 1 << 18
"""Bytes read at once. More are not hashed faster."""
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL
_NS_PER_MILLI: Final = 1_000_000
_HAS_PREAD: Final = hasattr(os, "pread") and hasattr(os, "pwrite")
_HAS_PREADV: Final = hasattr(os, "preadv")
_ATTEMPTS: Final = 16
_TIME_RANGES: Final = ((-62_135_596_800_000, 253_402_300_799_999), (0, (1 << 31) * 1000 - 1))
"""Modification times in milliseconds that a file can be given: the years 1 to 9999, and what old systems take."""
KEPT_SECONDS: Final = 7 * 24 * 3600
"""How long a download that was interrupted waits for a run that goes on with it."""


@define(eq=False)
class Hashing:
    """How far a file was hashed that grows from its beginning."""

    lock: Lock = field(factory=Lock)
    digest: Any = field(factory=lambda: hashlib.sha1(usedforsecurity=False))
    until: int = 0

    def go_on(self, chunks: Callable[[int, int], Iterator[bytes | memoryview]], until: int) -> str:
        """Hex SHA-1 of the first bytes. What was hashed before is not read again, as long as more is asked for."""
        with self.lock:
            if until < self.until:
                self.forget()
            for chunk in chunks(self.until, until):
                self.digest.update(chunk)
                self.until += len(chunk)
            return str(self.digest.hexdigest())

    def forget(self) -> None:
        """Begin anew."""
        self.digest, self.until = hashlib.sha1(usedforsecurity=False), 0


@define(eq=False)
class LiveTemp:
    """A temporary file that is being written: its opened folder, its name there, its descriptor. `position`
    guards the descriptor's file position on systems where reads and writes cannot say their own.
    """

    folder: Folder
    name: str
    fd: int
    position: Lock
    resumable: bool = False
    is_open: bool = True
    hashing: Hashing = field(factory=Hashing)

    def read_at(self, offset: int, into: memoryview) -> int:
        if _HAS_PREADV:
            return os.preadv(self.fd, [into], offset)
        with self.position:
            os.lseek(self.fd, offset, os.SEEK_SET)
            data = os.read(self.fd, len(into))
        into[: len(data)] = data
        return len(data)

    def chunks(self, start: int, stop: int) -> Iterator[memoryview]:
        """The bytes from `start` to `stop`, or to the end of the file. A chunk is good until the next one is taken."""
        buffer = memoryview(bytearray(max(0, min(_CHUNK, stop - start))))
        while start < stop and (length := self.read_at(start, buffer[: stop - start])):
            yield buffer[:length]
            start += length

    def tail(self, most: int) -> tuple[int, bytes]:
        """The length of the file and its last bytes, `most` at most."""
        length = os.fstat(self.fd).st_size
        return length, b"".join(map(bytes, self.chunks(max(0, length - most), length)))

    def sha1_until(self, until: int | None) -> str:
        """Hex SHA-1 of the first bytes (None: of all)."""
        return self.hashing.go_on(self.chunks, os.fstat(self.fd).st_size if until is None else until)

    def cut(self, length: int) -> None:
        """Shorten the file, and forget what was hashed of it."""
        with self.hashing.lock:
            os.ftruncate(self.fd, length)
            self.hashing.forget()

    def duplicate(self) -> LiveTemp:
        """The same file with a descriptor of its own."""
        return evolve(self, fd=os.dup(self.fd))

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

    def in_place(self) -> os.stat_result | None:
        """What the open file is, if the name still is its own."""
        status = os.fstat(self.fd)
        try:
            return status if identity(status) == identity(self.folder.stat(self.name)) else None
        except FileNotFoundError:
            return None

    def close_file(self) -> None:
        """Also the end of the lock. A second time does nothing: the number may be another file's by then."""
        if self.is_open:
            self.is_open = False
            with suppress(OSError):  # some network file systems report late; the SHA-1 was taken before
                os.close(self.fd)

    def close(self) -> None:
        self.close_file()
        self.folder.close()


def take_resumable(folder: Folder, name: str) -> tuple[int, bool] | None:
    """The temporary file of this name, open and locked, and whether it was there before. None when somebody uses it,
    or when this system cannot tell.
    """
    if sys.platform == "win32":
        return None
    for flags, kept in ((os.O_RDWR, True), (_CREATE, False)):
        try:
            fd = folder.open(name, flags)
        except (FileNotFoundError, FileExistsError):
            continue
        if _lock_at_once(fd) and stat.S_ISREG(os.fstat(fd).st_mode) and _has_name(folder, name, fd):
            return fd, kept
        os.close(fd)
        return None
    return None


def _lock_at_once(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _has_name(folder: Folder, name: str, fd: int) -> bool:
    try:
        return identity(os.fstat(fd)) == identity(folder.stat(name))
    except FileNotFoundError:
        return False


def create_locked(folder: Folder, mode: int = 0o666) -> tuple[str, int]:
    """A new temporary file, open and locked. One that a cleaner took between the two steps is made again."""
    for _ in range(_ATTEMPTS):
        name = temporary_name(os.urandom(4).hex())
        try:
            fd = folder.open(name, _CREATE, mode)
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
    """Remove a temporary file that nobody has locked; one that a later run may go on with only when nothing happened to
    it for a week. Windows removes no file that somebody has open.
    """
    if is_resumable(name) and time.time() - folder.stat(name).st_mtime < KEPT_SECONDS:
        return False
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
