"""Where a download goes: a path, an open file, anything with `write`, bytes in memory.

Rules. A path is written beside its name and renamed when it is whole (`LocalDisk`); a link is followed. A device or a
pipe is opened and written into. An open file is written from where it stands: in pieces at their places if it is a real
file that can be read back, else in one stretch, hashed on the way. Nothing is closed that we did not open.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha1
from typing import Any, BinaryIO, Final, Protocol, runtime_checkable

from attrs import field, frozen
from returns.io import IOFailure, IOResult, IOSuccess
from returns.result import Failure, Result, Success

from b2pure.effects.effect import LocalError, Temp
from b2pure.effects.handlers import Chunk, Disk, LocalTrouble, Sink
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.model.errors import InvalidArgument, LocalFailure
from b2pure.model.files import LocalFact
from b2pure.shell.arguments import range_problem
from b2pure.shell.disk import LocalDisk
from b2pure.shell.folder import explain
from b2pure.shell.sources import LocalRange
from b2pure.shell.temporary import Hashing

if sys.platform != "win32":
    import fcntl

__all__ = ["Memory", "Nowhere", "OpenedTarget", "Piped", "Target", "Writable", "is_folder", "open_target"]

STANDARD_OUTPUT: Final = "-"
_CHUNK: Final = 1 << 20


@runtime_checkable
class Writable(Protocol):
    """An object that takes bytes: an open file, a pipe, a buffer."""

    def write(self, data: bytes, /) -> Any: ...


class Nowhere(io.TextIOWrapper):
    """What stands for a standard output that is closed: it takes text, and what must not be lost is refused."""

    def __init__(self) -> None:
        super().__init__(open(os.devnull, "wb"))  # noqa: SIM115 - as long as the program


class Piped:
    """Standard output, which remembers that whoever read it went away: a download that fails so needs no words."""

    name = "standard output"

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.unread = False

    def write(self, data: bytes, /) -> int:
        """Raises OSError."""
        with self._noticing():
            return self._stream.write(data)

    def flush(self) -> None:
        """Raises OSError."""
        with self._noticing():
            self._stream.flush()

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self.unread = True
            raise


Target = str | os.PathLike[str] | LocalRange | Writable
"""A path (`-` for standard output), a place in an existing file (`LocalRange`), or an object with `write`."""


@frozen(eq=False)
class OpenedTarget:
    """A target, ready to be written: the disk that takes the bytes, and the path there. `in_order` when every byte can
    be written only once, unless it `rewinds` to its start; `in_place` when it is a place in a file whose other bytes
    are none of ours. `name` is how errors call it.
    """

    disk: Disk
    name: str
    path: str = "target"
    in_order: bool = False
    rewinds: bool = False
    in_place: bool = False
    close: Callable[[], None] = field(default=lambda: None, repr=False)


OpenResult = Result[OpenedTarget, LocalFailure | InvalidArgument]


def open_target(target: Target, default_name: str) -> OpenResult:
    """`default_name` is what the file is called in a folder."""
    if isinstance(target, LocalRange):
        return _open_place(target)
    if isinstance(target, str | os.PathLike):
        path = os.fspath(target)
        if path == STANDARD_OUTPUT:
            if sys.stdout is None or isinstance(sys.stdout, Nowhere):
                return Failure(LocalFailure("write", "standard output", "it is closed"))
            sys.stdout.flush()
            return Success(_writer(sys.stdout.buffer, "standard output"))
        return _open_path(path, default_name)
    if _is_text(target):
        return Failure(InvalidArgument("target", "is open for text; open it for bytes (mode 'wb')"))
    if not callable(getattr(target, "write", None)):
        told = "a path, an object with write(), or a LocalRange"
        return Failure(InvalidArgument("target", f"is {told}, not {type(target).__name__}"))
    if not getattr(target, "writable", lambda: True)():
        return Failure(InvalidArgument("target", "is open for reading only; open it for writing (mode 'wb')"))
    return Success(_open_file(target))


def _is_text(target: Any) -> bool:
    return isinstance(target, io.TextIOBase)


def is_folder(path: str) -> bool:
    """Whether a path is that of a folder, into which a file goes under its own name."""
    return os.path.isdir(path) or path.endswith(("/", os.sep))


def _open_path(path: str, default_name: str) -> OpenResult:
    if is_folder(path):
        if not default_name:
            return Failure(InvalidArgument("target", f"{path} is a folder; add the name of the file"))
        path = os.path.join(path, default_name)
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        try:
            special = open(path, "wb", buffering=0)  # noqa: SIM115 - closed with the target
        except OSError as error:
            return Failure(LocalFailure("write", path, explain(error)))
        return Success(_writer(special, path, special.close))
    if not os.path.isdir(folder):
        return Failure(LocalFailure("write", path, f"there is no folder {folder}; make it first"))
    disk = LocalDisk(folder)
    return Success(OpenedTarget(disk, path, name, close=disk.close))


def _open_place(place: LocalRange) -> OpenResult:
    problem = range_problem(place.path, place.start, place.stop)
    if problem is not None:
        return Failure(InvalidArgument("target", problem))
    path = os.fspath(place.path)
    try:
        file = open(path, "r+b", buffering=0)  # noqa: SIM115 - closed with the target
        file.seek(place.start)
    except OSError as error:
        return Failure(LocalFailure("write", path, explain(error)))
    return Success(OpenedTarget(_InPlace(file.fileno(), place.start, path), path, in_place=True, close=file.close))


def _open_file(file: Writable) -> OpenedTarget:
    name = getattr(file, "name", None)
    name = name if isinstance(name, str) else "the target"
    place = _place_in(file)
    if place is None:
        return _writer(file, name)
    fd, start, seek = place
    disk = _InPlace(fd, start, name, after=seek)
    return OpenedTarget(disk, name, in_place=True)


def _place_in(file: Any) -> tuple[int, int, Callable[[int], object]] | None:
    """The descriptor, the position and the `seek` of a real file that can be written and read back at any place."""
    try:
        if sys.platform == "win32" or not file.seekable():
            return None
        file.flush()
        fd, start = file.fileno(), file.tell()
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    except (AttributeError, OSError, ValueError):
        return None
    return (fd, start, file.seek) if flags & os.O_ACCMODE == os.O_RDWR and not flags & os.O_APPEND else None


def _writer(file: Writable, name: str, close: Callable[[], None] = lambda: None) -> OpenedTarget:
    return OpenedTarget(_Writer(file, name), name, in_order=True, close=close)


class _Target(SimulatedDisk):
    """A disk of one file, which has no final name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def create_temp(self, path: str, *, resume: bool = False) -> IOResult[Temp, LocalFailure]:
        return IOSuccess(Temp(path, self._name))

    def publish(
        self, temp: Temp, mod_time_millis: int, expect: LocalFact | None, length: int | None = None
    ) -> IOResult[None, LocalError]:
        """Everything is there already."""
        try:
            self.finish(length or 0)
        except OSError as error:
            return IOFailure(LocalFailure("write", self._name, explain(error)))
        return IOSuccess(None)

    def finish(self, length: int) -> None:
        """Let nothing be left on the way. Raises OSError."""

    def discard(self, temp: Temp) -> None:
        pass

    def keep(self, temp: Temp) -> None:
        pass


class _Writer(_Target):
    """Writes in one stretch, and hashes meanwhile."""

    def __init__(self, file: Writable, name: str) -> None:
        super().__init__(name)
        self._file = file
        self._digest = sha1(usedforsecurity=False)
        self._position = 0

    @contextmanager
    def sink(self, temp: Temp, offset: int) -> Iterator[Sink]:
        assert offset == self._position, "a target that is written in order"
        yield self

    def write(self, chunk: Chunk) -> None:
        """The next bytes; an unbuffered file may take less than all at once."""
        rest = bytes(chunk)  # of its own: nobody knows what the file does with it
        try:
            while rest:
                written = self._file.write(rest)
                rest = rest[written:] if isinstance(written, int) and written < len(rest) else b""
        except (OSError, ValueError) as error:
            detail = explain(error) if isinstance(error, OSError) else str(error)
            raise LocalTrouble(LocalFailure("write", self._name, detail)) from None
        self._digest.update(chunk)
        self._position += len(chunk)

    def sha1_temp(self, temp: Temp, until: int | None = None) -> IOResult[str, LocalFailure]:
        return IOSuccess(self._digest.hexdigest())

    def finish(self, length: int) -> None:
        flush = getattr(self._file, "flush", None)
        if flush is not None:
            flush()


class Memory(_Writer):
    """Keeps the bytes."""

    def __init__(self) -> None:
        self.content = io.BytesIO()
        super().__init__(self.content, "memory")

    def cut_temp(self, temp: Temp, length: int) -> IOResult[None, LocalFailure]:
        """Throw everything away: only that is ever asked for."""
        assert length == 0, "memory is only emptied"
        self.content = io.BytesIO()
        super().__init__(self.content, "memory")
        return IOSuccess(None)


class _InPlace(_Target):
    """Writes a real file from `base` on, each piece at its place. `after` hears where the last byte ended."""

    def __init__(self, fd: int, base: int, name: str, after: Callable[[int], object] = lambda end: None) -> None:
        super().__init__(name)
        self._fd, self._base, self._after = fd, base, after
        self._hashing = Hashing()

    @contextmanager
    def sink(self, temp: Temp, offset: int) -> Iterator[Sink]:
        yield _PlacedSink(self._fd, self._base + offset, self._name)

    def sha1_temp(self, temp: Temp, until: int | None = None) -> IOResult[str, LocalFailure]:
        try:
            return IOSuccess(self._hashing.go_on(self._chunks, until or 0))
        except OSError as error:
            return IOFailure(LocalFailure("read", self._name, explain(error)))

    def cut_temp(self, temp: Temp, length: int) -> IOResult[None, LocalFailure]:
        """Only forget what was hashed: the file is the caller's."""
        self._hashing = Hashing()
        return IOSuccess(None)

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        at, stop = self._base + start, self._base + stop
        while at < stop and (chunk := os.pread(self._fd, min(_CHUNK, stop - at), at)):
            yield chunk
            at += len(chunk)

    def finish(self, length: int) -> None:
        self._after(self._base + length)


class _PlacedSink:
    def __init__(self, fd: int, offset: int, name: str) -> None:
        self._fd, self._offset, self._name = fd, offset, name

    def write(self, chunk: Chunk) -> None:
        rest = memoryview(chunk)
        try:
            while rest:
                written = os.pwrite(self._fd, rest, self._offset)
                self._offset += written
                rest = rest[written:]
        except OSError as error:
            raise LocalTrouble(LocalFailure("write", self._name, explain(error))) from None
