"""What people upload: a path, bytes, an open file, a pipe, several of these; and what it becomes.

Rules. A regular file is pinned to its size and time as they are now. What can be read only once (a pipe, a device, an
object with `read`) becomes a stream, and so does a chain that has one. Nothing is read here but the facts of files.
Standard input is read from its descriptor, past the buffer of `sys.stdin`: whoever still waits for it when the program
ends must not hold a lock that the end needs.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any, Final, Protocol, assert_never, runtime_checkable

from attrs import field, frozen
from returns.result import Failure, Result, Success

from b2pure.effects.bodies import Bodies
from b2pure.effects.handlers import Chunk, LocalTrouble
from b2pure.effects.program import ok
from b2pure.effects.streams import NAME, PiecedStream
from b2pure.model.errors import InvalidArgument, LocalDrifted, LocalFailure
from b2pure.model.files import LocalFact, millis_from_ns
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, Body, Chained, LocalSlice
from b2pure.shell.arguments import range_problem
from b2pure.shell.disk import LocalDisk
from b2pure.shell.folder import explain

__all__ = ["FileSlices", "LocalRange", "Opened", "Readable", "Source", "open_source"]

STANDARD_INPUT: Final = "-"


@runtime_checkable
class Readable(Protocol):
    """An object that gives bytes: an open file, a pipe, a response."""

    def read(self, size: int, /) -> bytes: ...


@frozen
class LocalRange:
    """A part of a local file: from byte `start` up to, not including, `stop` (None: to the end)."""

    path: str | os.PathLike[str]
    start: int = 0
    stop: int | None = None


Source = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | LocalRange
    | Readable
    | Iterator[bytes]
    | list[Any]
    | tuple[Any, ...]
)
"""A path (`-` for standard input), bytes, a range of a file, an open file or pipe, an iterator of bytes, or a list of
these.
"""


@frozen(eq=False)
class Opened:
    """A source, ready to be sent: a body that can be read again, or a stream. `name` is the last part of a path."""

    body: Body | None = None
    stream: PiecedStream | None = None
    name: str = ""
    mod_time_millis: int | None = None
    close: Callable[[], None] = field(default=lambda: None, repr=False)


def open_source(
    source: Source, *, length: int | None = None, sha1: str | None = None, files: bool = True
) -> Result[Opened, LocalFailure | InvalidArgument]:
    """`length` and `sha1` are what a stream must turn out to have. With `files` False an open file is a stream, too,
    whatever it is.
    """
    stack = ExitStack()
    parts = _parts(source, stack, files)
    if not ok(parts):
        stack.close()
        return Failure(parts.failure())
    found = parts.unwrap()
    single = found[0] if len(found) == 1 else None
    name = single.name if single is not None else ""
    mod_time = single.mod_time_millis if single is not None else None
    if all(part.body is not None for part in found):
        bodies = tuple(part.body for part in found if part.body is not None)
        return Success(Opened(bodies[0] if len(bodies) == 1 else Chained(bodies), None, name, mod_time, stack.close))
    read = _Joined(found).read
    return Success(
        Opened(None, PiecedStream(read, length=length, sha1=sha1, name=name or NAME), name, mod_time, stack.close)
    )


@frozen(eq=False)
class _Part:
    body: Body | None = None
    read: Callable[[int], bytes] | None = None
    name: str = ""
    mod_time_millis: int | None = None


_Parts = Result[list[_Part], LocalFailure | InvalidArgument]


def _parts(source: object, stack: ExitStack, files: bool) -> _Parts:
    if isinstance(source, bytes | bytearray | memoryview):
        return Success([_Part(Blob(bytes(source)))])
    if isinstance(source, LocalRange):
        problem = range_problem(source.path, source.start, source.stop)
        if problem is not None:
            return Failure(InvalidArgument("source", problem))
        return _local(os.fspath(source.path), stack, source)
    if isinstance(source, str | os.PathLike):
        if source == STANDARD_INPUT:
            return _standard_input(stack, files)
        return _local(os.fspath(source), stack, None)
    if isinstance(source, list | tuple):
        joined: list[_Part] = []
        for each in source:
            parts = _parts(each, stack, files)
            if not ok(parts):
                return parts
            joined.extend(parts.unwrap())
        return Success(joined or [_Part(Blob(b""))])
    if isinstance(source, Readable):
        return Success([(_open_file(source, stack) if files else None) or _Part(read=source.read)])
    if isinstance(source, Iterator):
        return Success([_Part(read=_Chunks(source).read)])
    told = "a path, bytes, an object with read(), an iterator of bytes, a LocalRange, or a list of these"
    return Failure(InvalidArgument("source", f"is {told}, not {type(source).__name__}"))


def _standard_input(stack: ExitStack, files: bool) -> _Parts:
    stream: Any = sys.stdin
    if stream is None:  # what runs without one
        return Failure(LocalFailure("read", "standard input", "it is closed"))
    stream = getattr(stream, "buffer", stream)
    return Success([(_open_file(stream, stack) if files else None) or _Part(read=getattr(stream, "raw", stream).read)])


def _open_file(file: Any, stack: ExitStack) -> _Part | None:
    """The rest of an ordinary file that is open for reading and has a name still: it can be read again. Afterwards the
    file stands at its end, as if it had been read.
    """
    if not isinstance(file, io.BufferedReader | io.FileIO):
        return None
    try:
        status, start = os.fstat(file.fileno()), file.tell()
        path = os.path.abspath(_name_of(file))
        named = os.stat(path, follow_symlinks=False)
    except (OSError, ValueError):
        return None
    regular = stat.S_ISREG(named.st_mode) and not file.writable() and start <= status.st_size
    if not regular or (named.st_dev, named.st_ino) != (status.st_dev, status.st_ino):
        return None
    fact = LocalFact(status.st_size, millis_from_ns(status.st_mtime_ns))
    stack.callback(_leave_at, file, fact.size)
    return _Part(LocalSlice(path, ByteRange(start, fact.size), fact))


def _leave_at(file: io.BufferedReader | io.FileIO, position: int) -> None:
    with suppress(OSError, ValueError):
        file.seek(position)


def _name_of(file: io.BufferedReader | io.FileIO) -> str:
    """Raises OSError where nobody knows it."""
    if isinstance(file.name, str):
        return file.name
    return os.readlink(f"/proc/self/fd/{file.fileno()}")


def _local(path: str, stack: ExitStack, wanted: LocalRange | None) -> _Parts:
    shown = os.path.expanduser(path)
    if "\0" in shown:
        return Failure(InvalidArgument("source", "contains NUL, which no path can"))
    try:
        status = os.stat(shown)
    except OSError as error:
        return Failure(LocalFailure("read", shown, explain(error)))
    name = os.path.basename(os.path.abspath(shown))
    if stat.S_ISDIR(status.st_mode):
        return Failure(LocalFailure("upload", shown, "is a folder; use sync for folders"))
    if not stat.S_ISREG(status.st_mode):
        return _special(shown, name, stack, wanted)
    fact = LocalFact(status.st_size, millis_from_ns(status.st_mtime_ns))
    stop = fact.size if wanted is None or wanted.stop is None else wanted.stop
    start = 0 if wanted is None else wanted.start
    if not 0 <= start <= stop <= fact.size:
        return Failure(
            InvalidArgument("source", f"{shown!r} has {fact.size} bytes, so it has no range from {start} to {stop}")
        )
    body = LocalSlice(shown, ByteRange(start, stop), fact)
    return Success([_Part(body, None, name, fact.mod_time_millis if wanted is None else None)])


def _special(path: str, name: str, stack: ExitStack, wanted: LocalRange | None) -> _Parts:
    """A pipe or a device: it is read once, from its start."""
    if wanted is not None:
        return Failure(InvalidArgument("source", f"{path!r} is no ordinary file, so nobody can take a range of it"))
    try:
        stream = stack.enter_context(open(path, "rb", buffering=0))  # noqa: SIM115  # the stack closes it
    except OSError as error:
        return Failure(LocalFailure("read", path, explain(error)))
    return Success([_Part(None, stream.read, name)])


class _Chunks:
    """An iterator of bytes, as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        """At most `size` next bytes; none at the end. Raises TypeError for what is no bytes."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise TypeError(f"it gives {type(chunk).__name__}, not bytes")
            self._rest = bytes(chunk)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


class _Joined:
    """Parts one after the other, as one stream."""

    def __init__(self, parts: list[_Part]) -> None:
        self._parts = list(reversed(parts))
        self._chunks: Iterator[bytes] | None = None
        self._rest = b""

    def read(self, size: int) -> bytes:
        """At most `size` next bytes; none at the end. Raises OSError."""
        while self._parts:
            part = self._parts[-1]
            data = part.read(size) if part.read is not None else self._from_body(part, size)
            if data or data is None:
                return data
            self._parts.pop()
            self._chunks = None
        return b""

    def _from_body(self, part: _Part, size: int) -> bytes:
        assert part.body is not None
        if self._chunks is None:
            self._chunks = map(bytes, Bodies(FileSlices()).read(part.body))
        if not self._rest:
            try:
                self._rest = next(self._chunks, b"")
            except LocalTrouble as trouble:
                raise OSError(_told(trouble)) from None
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def _told(trouble: LocalTrouble) -> str:
    match trouble.error:
        case LocalFailure(_, path, detail):
            return f"{path}: {detail}"
        case LocalDrifted(path):
            return f"{path} changed while it was read"
        case _:
            assert_never(trouble.error)


class FileSlices:
    """Reads slices whose paths are the file system's own, from whatever folder they are in."""

    def read(self, slice_: LocalSlice) -> Iterator[Chunk]:
        """The bytes of the slice. Raises LocalTrouble."""
        folder, name = os.path.split(os.path.abspath(slice_.path))
        with LocalDisk(folder) as disk:
            try:
                yield from disk.read(LocalSlice(name, slice_.range, slice_.fact))
            except LocalTrouble as trouble:
                raise LocalTrouble(_renamed(trouble.error, slice_.path)) from None


def _renamed(error: LocalFailure | LocalDrifted, path: str) -> LocalFailure | LocalDrifted:
    match error:
        case LocalFailure(operation, _, detail):
            return LocalFailure(operation, path, detail)
        case LocalDrifted(_, expected, found):
            return LocalDrifted(path, expected, found)
        case _:
            assert_never(error)
