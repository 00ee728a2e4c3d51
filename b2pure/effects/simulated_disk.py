"""A local folder in memory, which answers as the real one does.

Rules. Single-owner and deterministic: names of temporary files are counted, nothing is random. Folders come into
being with what is put into them and stay when it goes, as on a real disk, because an empty folder makes a
difference there. There are no links, pipes or permissions; what the real disk says about those has no equal here.
Each job opens the disk anew (`opened`): temporary files that a later run may go on with are in use as long as the job
that made them is there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from itertools import count
from types import MappingProxyType
from typing import Final, TypeVar
from zlib import crc32

from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.effect import LocalError, Temp
from b2pure.effects.handlers import Chunk, LocalTrouble, Sink
from b2pure.model.errors import LocalDrifted, LocalFailure
from b2pure.model.files import LocalFact, LocalPath, LocalTree
from b2pure.model.names import PathFlavour, is_resumable, local_path_problem, resumable_name
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import LocalSlice

__all__ = ["SimulatedDisk"]

T = TypeVar("T")

_CHUNK: Final = 1 << 18
"""Bytes handed out at once, as the real disk does."""
_TIME_RANGE: Final = (-62_135_596_800_000, 253_402_300_799_999)
"""Modification times in milliseconds that a file can be given: the years 1 to 9999."""
_FULL: Final = "No space left on device; free some and run it again"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_GONE: Final = "the temporary file is gone"


class SimulatedDisk:
    """Files and their times by path. `capacity_bytes`, which may be changed between jobs, makes writes fail that would
    need more, temporary files included; `put` asks nobody.
    """

    def __init__(self, *, capacity_bytes: int | None = None, flavour: PathFlavour = "posix") -> None:
        self.capacity_bytes = capacity_bytes
        self._flavour = flavour
        self._files: dict[str, tuple[bytes, int]] = {}
        self._folders: set[str] = set()
        self._temps: dict[str, tuple[str, bytearray]] = {}
        self._users: dict[str, object] = {}
        self._made = count(1)
        self._me = object()

    def opened(self) -> SimulatedDisk:
        """The same disk for one job: what it leaves when it is closed is in nobody's use."""
        twin = copy(self)
        twin._me = object()
        return twin

    def close(self) -> None:
        """The job is over, or was killed."""
        for name, user in list(self._users.items()):
            if user is self._me:
                del self._users[name]

    # What a test does with it

    @property
    def files(self) -> Mapping[str, tuple[bytes, int]]:
        """Content and modification time in milliseconds, by path. A view."""
        return MappingProxyType(self._files)

    @property
    def temps(self) -> frozenset[str]:
        """Names of the temporary files that are neither published nor discarded."""
        return frozenset(self._temps)

    @property
    def used_bytes(self) -> int:
        """What all files need, temporary ones included."""
        return self._used()

    def temp(self, name: str) -> bytes:
        """The bytes of a temporary file."""
        return bytes(self._temps[name][1])

    def spoil(self, name: str, at: int, flip: int) -> None:
        """Change a byte of a temporary file, as a failing disk would; none where it has no such byte."""
        data = self._temps[name][1]
        if at < len(data):
            data[at] ^= flip

    def put(self, path: str, data: bytes, mod_time_millis: int) -> None:
        """Place a file, as somebody else would. Raises ValueError where no file can be."""
        problem = self._problem(path) or self._file_in_the_way(path)
        if problem is None and path in self._folders:
            problem = "is a folder"
        if problem is not None:
            raise ValueError(f"{path!r}: {problem}")
        self._folders.update(_folders_above(path))
        self._files[path] = data, mod_time_millis

    def remove(self, path: str) -> None:
        """Remove a file, as somebody else would. Raises KeyError when there is none."""
        del self._files[path]

    def tree(self) -> LocalTree:
        """What a scan would find now."""
        items = sorted(self._files.items())
        return LocalTree(tuple(LocalPath(path, len(data), millis) for path, (data, millis) in items))

    def remove_stale(self) -> None:
        """Remove the temporary files that a killed job left behind, as every scan of a real destination does; not those
        that a later run may go on with.
        """
        for name in self._temps.keys() - self._users.keys():
            if not is_resumable(name.rpartition("/")[2]):
                del self._temps[name]

    def fork(self) -> SimulatedDisk:
        """An independent disk in the same state."""
        twin = SimulatedDisk(capacity_bytes=self.capacity_bytes, flavour=self._flavour)
        twin._files = dict(self._files)
        twin._folders = set(self._folders)
        twin._temps = {name: (path, bytearray(data)) for name, (path, data) in self._temps.items()}
        twin._users = dict(self._users)
        twin._made = count(next(copy(self._made)))
        return twin

    # The disk that programs ask for

    def stat(self, path: str) -> IOResult[LocalFact | None, LocalFailure]:
        """Size and time of a file, None when there is none."""
        problem = self._problem(path)
        if problem is not None:
            return IOFailure(LocalFailure("read", path, problem))
        if path in self._folders:
            return IOFailure(LocalFailure("replace", path, "is a folder"))
        return IOSuccess(self._fact(path))

    def read(self, slice_: LocalSlice) -> Iterator[bytes]:
        """The bytes of the slice in chunks of 1 MiB. A file that changes meanwhile never gives its last chunk."""
        path, wanted = slice_.path, slice_.range
        data = self._pinned(slice_)[wanted.start : wanted.stop]
        for start in range(0, len(data), _CHUNK):
            if start + _CHUNK >= len(data):
                self._pinned(slice_)
            yield data[start : start + _CHUNK]
        if len(data) != wanted.length:
            raise LocalTrouble(LocalDrifted(path, slice_.fact, self._fact(path)))

    def create_temp(self, path: str, *, resume: bool = False) -> IOResult[Temp, LocalFailure]:
        """A temporary file: empty, or with `resume` the one that an earlier download to the same path left."""
        problem = self._problem(path) or self._file_in_the_way(path)
        if problem is not None:
            return IOFailure(LocalFailure("write", path, problem))
        self._folders.update(_folders_above(path))
        folder, _, final_name = path.rpartition("/")
        name = f"{folder}/{resumable_name(final_name)}"
        kept = resume and name in self._temps
        if not resume or name in self._users:
            name, kept = f".b2pure-{next(self._made):016x}.tmp", False
        if not kept:
            self._temps[name] = path, bytearray()
        self._users[name] = self._me
        return IOSuccess(Temp(path, name, kept))

    @contextmanager
    def sink(self, temp: Temp, offset: int) -> Iterator[Sink]:
        """Writes to a temporary file from `offset` on. Raises LocalTrouble."""
        if temp.name not in self._temps:
            raise LocalTrouble(LocalFailure("write", temp.path, _GONE))
        yield _MemorySink(self, temp, offset)

    def tail(self, temp: Temp, most: int) -> IOResult[tuple[int, bytes], LocalFailure]:
        """The length of a temporary file and its last bytes, `most` at most."""
        return self._on_temp(temp, "read", lambda data: (len(data), bytes(data[max(0, len(data) - most) :])))

    def cut_temp(self, temp: Temp, length: int) -> IOResult[None, LocalFailure]:
        """Shorten a temporary file."""

        def cut(data: bytearray) -> None:
            del data[length:]

        return self._on_temp(temp, "write", cut)

    def sha1_temp(self, temp: Temp, until: int | None = None) -> IOResult[str, LocalFailure]:
        """Hex SHA-1 of the first bytes of a temporary file."""
        return self._on_temp(temp, "read", lambda data: _sha1(data[:until]))

    def crc_temp(self, temp: Temp, range_: ByteRange) -> IOResult[int, LocalFailure]:
        """CRC-32 of a range of a temporary file."""
        return self._on_temp(temp, "read", lambda data: crc32(data[range_.start : range_.stop]))

    def publish(
        self, temp: Temp, mod_time_millis: int, expect: LocalFact | None, length: int | None = None
    ) -> IOResult[None, LocalError]:
        """Cut the temporary file to `length` bytes, give it its time and its final name, if what is there is `expect`.
        Otherwise it is removed.
        """
        path = temp.path
        self._users.pop(temp.name, None)
        _, data = self._temps.pop(temp.name, (path, None))
        if data is None:
            return IOFailure(LocalFailure("write", path, _GONE))
        if path in self._folders and self._holds_files(path):
            return IOFailure(LocalFailure("write", path, "is a folder that is not empty"))
        found = self._fact(path)
        if found != expect:
            return IOFailure(LocalDrifted(path, expect, found))
        if path in self._folders:
            self._folders -= {folder for folder in self._folders if _is_at_or_below(folder, path)}
        low, high = _TIME_RANGE
        content = bytes(data if length is None else data[:length].ljust(length, b"\0"))
        self._files[path] = content, min(max(mod_time_millis, low), high)
        return IOSuccess(None)

    def discard(self, temp: Temp) -> None:
        """Remove a temporary file, if it still is one."""
        self._users.pop(temp.name, None)
        self._temps.pop(temp.name, None)

    def keep(self, temp: Temp) -> None:
        """Leave a temporary file for a later run."""
        self._users.pop(temp.name, None)

    def delete(self, path: str, expect: LocalFact) -> IOResult[None, LocalError]:
        """Remove a file if it is still `expect`. Absent is a success."""
        problem = "is a folder" if path in self._folders else self._problem(path)
        if problem is not None:
            return IOFailure(LocalFailure("delete", path, problem))
        found = self._fact(path)
        if found is None:
            return IOSuccess(None)
        if found != expect:
            return IOFailure(LocalDrifted(path, expect, found))
        del self._files[path]
        return IOSuccess(None)

    # How

    def _problem(self, path: str) -> str | None:
        problem = local_path_problem(path, self._flavour)
        if problem is None and not path.isascii() and _SURROGATE.search(path):
            return "the name is not valid Unicode"
        return problem

    def _file_in_the_way(self, path: str) -> str | None:
        for folder in _folders_above(path):
            if folder in self._files:
                return f"'{folder}' is a file, so no folder can be there"
        return None

    def _fact(self, path: str) -> LocalFact | None:
        if path not in self._files:
            return None
        data, millis = self._files[path]
        return LocalFact(len(data), millis)

    def _pinned(self, slice_: LocalSlice) -> bytes:
        path = slice_.path
        problem = "is a folder" if path in self._folders else self._problem(path)
        if problem is not None:
            raise LocalTrouble(LocalFailure("read", path, problem))
        found = self._fact(path)
        if found != slice_.fact:
            raise LocalTrouble(LocalDrifted(path, slice_.fact, found))
        return self._files[path][0]

    def _holds_files(self, folder: str) -> bool:
        paths = [*self._files, *(path for path, _ in self._temps.values())]
        return any(_is_at_or_below(path, folder) and path != folder for path in paths)

    def _write(self, temp: Temp, offset: int, chunk: bytes) -> None:
        if temp.name not in self._temps:  # discarded meanwhile: a real file would live on without a name
            return
        data = self._temps[temp.name][1]
        growth = max(0, offset + len(chunk) - len(data))
        if self.capacity_bytes is not None and growth > self.capacity_bytes - self._used():
            raise LocalTrouble(LocalFailure("write", temp.path, _FULL))
        if offset > len(data):
            data.extend(bytes(offset - len(data)))
        data[offset : offset + len(chunk)] = chunk

    def _on_temp(self, temp: Temp, operation: str, work: Callable[[bytearray], T]) -> IOResult[T, LocalFailure]:
        if temp.name not in self._temps:
            return IOFailure(LocalFailure(operation, temp.path, _GONE))
        return IOSuccess(work(self._temps[temp.name][1]))

    def _used(self) -> int:
        files = sum(len(data) for data, _ in list(self._files.values()))
        return files + sum(len(data) for _, data in list(self._temps.values()))


class _MemorySink:
    """Writes one stretch of a temporary file. `offset` is where the next byte goes."""

    def __init__(self, disk: SimulatedDisk, temp: Temp, offset: int) -> None:
        self._disk = disk
        self._temp = temp
        self._offset = offset

    def write(self, chunk: Chunk) -> None:
        if chunk:
            self._disk._write(self._temp, self._offset, bytes(chunk))
            self._offset += len(chunk)


def _folders_above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:i]) for i in range(1, len(parts))]


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def _sha1(data: bytes | bytearray) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
