"""A local folder whose subclass says itself what is there, or where a name lies, as the disk of a sync.

Rules. What is read and written is what `make_full_path` says, and nothing else; what is compared, and removed, is what
`all_files` told under the name. Where these are two files, the one that is compared must still be what it was, and the
one that is replaced what it was when its download began. Inside the folder no link leads out of it; a path outside of
it is the program's own wish. A told file that is not there fails: it is not taken for one that was removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Final

from attrs import evolve
from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.effect import LocalError, Temp
from b2pure.effects.handlers import Chunk, LocalTrouble, Sink
from b2pure.effects.interpreter import value_of
from b2pure.effects.program import ok
from b2pure.model.errors import LocalDrifted, LocalFailure
from b2pure.model.files import LocalFact
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import LocalSlice
from b2pure.shell.disk import LocalDisk

__all__ = ["MappedDisk"]

_WHERE: Final = "find"


class _Unsaid(LocalTrouble):
    """Nobody says where a name lies."""

    def __init__(self, failure: LocalFailure) -> None:
        super().__init__(failure)
        self.failure = failure


class MappedDisk:
    """The disk of a folder at `root`. `full_path` says where a name lies. `scanned` are the full paths of names that
    were told to lie elsewhere; with `by_disk`, what is compared are the names below the root. A source `sends`. Paths
    outside of the root are absolute in what it gives out.
    """

    def __init__(self, root: str, full_path: Callable[[str], str], *, by_disk: bool) -> None:
        self._top, self._full_path, self._by_disk = os.path.join(root, ""), full_path, by_disk
        self._inside = LocalDisk(root, rooted=True)
        self._outside = LocalDisk(os.path.join(os.path.splitdrive(root)[0], os.sep))
        self.scanned: dict[str, str] = {}
        self.sends = False
        self._aside: dict[str, tuple[str, LocalFact | None]] = {}

    # -- where things are

    def target(self, path: str) -> str:
        """The full path that a name stands for. Raises LocalTrouble for what `make_full_path` raised."""
        try:
            return os.path.abspath(self._full_path(path))
        except Exception as error:
            raise _Unsaid(LocalFailure(_WHERE, path, f"{type(error).__name__}: {error}")) from error

    def note(self, path: str, full: str) -> None:
        """The folder told that this name's file is this one. What is no full path says nothing."""
        with suppress(LocalTrouble):
            if os.path.isabs(full) and os.path.normpath(full) != self.target(path):
                self.scanned[path] = os.path.normpath(full)

    def below(self, path: str) -> str | None:
        """How a name's file is called below the root; None if it is not there."""
        with suppress(LocalTrouble):
            disk, name = self._at(self.target(path))
            return name if disk is self._inside else None
        return None

    def _compared(self, path: str) -> str:
        if self._by_disk:
            return os.path.abspath(os.path.join(self._top, path))
        return self.scanned.get(path) or self.target(path)

    def _at(self, full: str) -> tuple[LocalDisk, str]:
        """Who has this path, and how it is called there."""
        if full.startswith(self._top):
            return self._inside, full[len(self._top) :].replace(os.sep, "/")
        return self._outside, os.path.splitdrive(full)[1].replace(os.sep, "/").lstrip("/")

    def _fact(self, full: str) -> IOResult[LocalFact | None, LocalFailure]:
        disk, name = self._at(full)
        return disk.stat(name)

    # -- what is there

    def stat(self, path: str) -> IOResult[LocalFact | None, LocalFailure]:
        """Of what is compared, or sent in its place. None for a name that the folder cannot have."""
        try:
            compared = self._compared(path)
            found = self._fact(compared)
            sent = self.target(path) if self.sends else compared
            return found if sent == compared or value_of(found).value_or(None) is None else self._fact(sent)
        except LocalTrouble:
            return IOSuccess(None)

    def read(self, slice_: LocalSlice) -> Iterator[Chunk]:
        """The bytes of the slice in chunks. Raises LocalTrouble."""
        full = self.target(slice_.path)
        if not os.path.exists(full):
            raise LocalTrouble(LocalFailure("read", slice_.path, f"there is no file {full}"))
        disk, name = self._at(full)
        return disk.read(LocalSlice(name, slice_.range, slice_.fact))

    def delete(self, path: str, expect: LocalFact) -> IOResult[None, LocalError]:
        """Remove what was compared, if it is still `expect`."""
        try:
            disk, name = self._at(self._compared(path))
        except LocalTrouble as trouble:
            return IOFailure(trouble.error)
        return disk.delete(name, expect)

    # -- downloads

    def create_temp(self, path: str, *, resume: bool = False) -> IOResult[Temp, LocalFailure]:
        """A temporary file beside the path that the name stands for."""
        try:
            full, compared = self.target(path), self._compared(path)
        except _Unsaid as unsaid:
            return IOFailure(unsaid.failure)
        there = value_of(self._fact(full))
        if not ok(there):
            return IOFailure(there.failure())
        disk, name = self._at(full)
        made = disk.create_temp(name, resume=resume)
        return made.map(lambda temp: self._noted(temp, full, compared, there.unwrap()))

    def _noted(self, temp: Temp, full: str, compared: str, before: LocalFact | None) -> Temp:
        if full != compared:
            self._aside[temp.name] = (compared, before)
        return temp if full.startswith(self._top) else evolve(temp, path=full)

    def _of(self, temp: Temp) -> tuple[LocalDisk, Temp]:
        if not os.path.isabs(temp.path):
            return self._inside, temp
        disk, name = self._at(temp.path)
        return disk, evolve(temp, path=name)

    def sink(self, temp: Temp, offset: int) -> AbstractContextManager[Sink]:
        disk, there = self._of(temp)
        return disk.sink(there, offset)

    def tail(self, temp: Temp, most: int) -> IOResult[tuple[int, bytes], LocalFailure]:
        disk, there = self._of(temp)
        return disk.tail(there, most)

    def cut_temp(self, temp: Temp, length: int) -> IOResult[None, LocalFailure]:
        disk, there = self._of(temp)
        return disk.cut_temp(there, length)

    def sha1_temp(self, temp: Temp, until: int | None = None) -> IOResult[str, LocalFailure]:
        disk, there = self._of(temp)
        return disk.sha1_temp(there, until)

    def crc_temp(self, temp: Temp, range_: ByteRange) -> IOResult[int, LocalFailure]:
        disk, there = self._of(temp)
        return disk.crc_temp(there, range_)

    def publish(
        self, temp: Temp, mod_time_millis: int, expect: LocalFact | None, length: int | None = None
    ) -> IOResult[None, LocalError]:
        """As a disk does. Where the compared file is another one, that one must be `expect`."""
        disk, there = self._of(temp)
        compared, before = self._aside.pop(temp.name, (None, expect))
        if compared is not None:
            now = value_of(self._fact(compared)).value_or(None)
            if now != expect:
                disk.discard(there)
                return IOFailure(LocalDrifted(compared, expect, now))
        return disk.publish(there, mod_time_millis, before, length)

    def discard(self, temp: Temp) -> None:
        self._aside.pop(temp.name, None)
        disk, there = self._of(temp)
        disk.discard(there)

    def keep(self, temp: Temp) -> None:
        self._aside.pop(temp.name, None)
        disk, there = self._of(temp)
        disk.keep(there)

    def remove_stale_temp(self, path: str) -> bool:
        """As `LocalDisk` does it, for what was found below the root."""
        return self._inside.remove_stale_temp(path)

    def close(self) -> None:
        self._inside.close()
        self._outside.close()
