"""The real local folder of a job.

Rules. Nothing is created, written, renamed or removed outside the real path of the folder (`folder.py` sees to
that). What is read is what the plan saw (`slices`). A download lives in a temporary file beside its final name, held
under a lock so that a later run can tell a left-over one, and takes its name only in one atomic step (`publishing`);
whatever fails before that leaves what was there untouched. Whoever takes a temporary file out of the table of live ones
owns it: that is how Ctrl-C (`close`) and a worker never finish the same file twice. Descriptors are only duplicated
while their file is in the table, so none is used after it was closed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from threading import Lock
from types import TracebackType
from typing import Final, TypeVar
from zlib import crc32

from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.effect import LocalError, Temp
from b2pure.effects.handlers import Chunk, LocalTrouble, Sink
from b2pure.model.errors import LocalDrifted, LocalFailure
from b2pure.model.files import LocalFact
from b2pure.model.names import PathFlavour, is_own_temporary, local_path_problem, resumable_name
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import LocalSlice
from b2pure.plan.download import TAIL_SIZE, worth_keeping
from b2pure.shell.facts import fact_of, seen
from b2pure.shell.folder import FileInTheWay, Refused, Root, explain, identity
from b2pure.shell.publishing import publish
from b2pure.shell.slices import read_slice
from b2pure.shell.temporary import LiveTemp, create_locked, remove_unlocked, take_resumable
from b2pure.shell.turn import DiskTurn

__all__ = ["LocalDisk"]

T = TypeVar("T")

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_GONE: Final = "the temporary file is gone"


class LocalDisk:
    """A folder of the local file system, as the `Disk` that programs ask for. Methods may be called from any
    thread. With `fsync`, a published file outlives a power failure. With `rooted`, nothing is told to be missing where
    the folder itself is, or where another one took its place: what was mounted there may be gone.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        fsync: bool = False,
        rooted: bool = False,
        flavour: PathFlavour = "windows" if os.name == "nt" else "posix",
    ) -> None:
        self._root = Root(root)
        self._before = os.path.join(self._root.path, "")
        self._fsync = fsync
        self._flavour = flavour
        self._lock = Lock()
        self._live: dict[tuple[str, str], LiveTemp] = {}
        self._closed = False
        self._turn = DiskTurn()
        self._rooted = rooted
        self._root_seen: tuple[int, int] | None = None
        if rooted:
            self._root_trouble()

    def __enter__(self) -> LocalDisk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What is there

    def stat(self, path: str) -> IOResult[LocalFact | None, LocalFailure]:
        """Size and time of a file, of what it leads to if it is a link. None when there is none."""
        try:
            return IOSuccess(fact_of("replace", path, os.stat(self._where("read", path))))
        except (FileNotFoundError, NotADirectoryError):
            gone = self._root_trouble() if self._rooted else None
            return IOSuccess(None) if gone is None else IOFailure(LocalFailure("read", path, gone))
        except LocalTrouble as trouble:
            return IOFailure(_failure(trouble))
        except OSError as error:
            return IOFailure(LocalFailure("read", path, explain(error)))

    def _root_trouble(self) -> str | None:
        try:
            now = identity(os.stat(self._root.path))
        except OSError as error:
            return f"the synced folder cannot be read: {explain(error)}"
        if self._root_seen is None:
            self._root_seen = now
        return None if self._root_seen == now else "another folder took its place; is something not mounted?"

    def read(self, slice_: LocalSlice) -> Iterator[Chunk]:
        """The bytes of the slice in chunks. Raises LocalTrouble."""
        return read_slice(self._where("read", slice_.path), slice_)

    # Temporary files

    def create_temp(self, path: str, *, resume: bool = False) -> IOResult[Temp, LocalFailure]:
        """A temporary file in the folder of `path`, which is made if it is missing: empty, or with `resume` the one
        that an earlier download to the same path left.
        """
        try:
            with self._turn.step():
                return IOSuccess(self._create(path, resume))
        except LocalTrouble as trouble:
            return IOFailure(_failure(trouble))

    @contextmanager
    def sink(self, temp: Temp, offset: int) -> Iterator[Sink]:
        """Writes to a temporary file from `offset` on. Several may write one file at once. Raises LocalTrouble."""
        live = self._duplicate(temp, "write")
        try:
            yield _FileSink(live, temp.path, offset)
        finally:
            os.close(live.fd)

    def tail(self, temp: Temp, most: int) -> IOResult[tuple[int, bytes], LocalFailure]:
        """The length of a temporary file and its last bytes, `most` at most."""
        return self._on_temp(temp, "read", lambda live: live.tail(most))

    def cut_temp(self, temp: Temp, length: int) -> IOResult[None, LocalFailure]:
        """Shorten a temporary file, and forget what was hashed of it."""
        return self._on_temp(temp, "write", lambda live: live.cut(length))

    def sha1_temp(self, temp: Temp, until: int | None = None) -> IOResult[str, LocalFailure]:
        """Hex SHA-1 of the first bytes of a temporary file (None: of all); what was hashed before is not read again."""
        return self._on_temp(temp, "read", lambda live: live.sha1_until(until))

    def crc_temp(self, temp: Temp, range_: ByteRange) -> IOResult[int, LocalFailure]:
        """CRC-32 of a range of a temporary file."""

        def digest(live: LiveTemp) -> int:
            crc = 0
            for chunk in live.chunks(range_.start, range_.stop):
                crc = crc32(chunk, crc)
            return crc

        return self._on_temp(temp, "read", digest)

    def publish(
        self, temp: Temp, mod_time_millis: int, expect: LocalFact | None, length: int | None = None
    ) -> IOResult[None, LocalError]:
        """Cut the temporary file to `length` bytes (None: not at all), give it its time and its final name, if what is
        there is `expect`, whose rights it takes over. A link there is replaced, never what it leads to; empty folders
        there are removed. Otherwise the temporary file is removed.
        """
        live = self._take(temp)
        if live is None:
            return IOFailure(LocalFailure("write", temp.path, _GONE))
        try:
            with nullcontext() if self._fsync else self._turn.step(), _told("write", temp.path):
                publish(self._root, live, temp.path, mod_time_millis, expect, length, fsync=self._fsync)
        except LocalTrouble as trouble:
            self._remove(live)
            return IOFailure(trouble.error)
        except BaseException:
            self._remove(live)
            raise
        live.close()
        return IOSuccess(None)

    def discard(self, temp: Temp) -> None:
        """Remove a temporary file, if it still is one. Never fails."""
        live = self._take(temp)
        if live is not None:
            self._remove(live)

    def keep(self, temp: Temp) -> None:
        """Leave a temporary file for a later run."""
        live = self._take(temp)
        if live is not None:
            live.close()

    def close(self) -> None:
        """Discard all temporary files that are left, but those that a later run can go on with, because some of their
        pieces are finished; no new ones are created after it.
        """
        with self._lock:
            self._closed = True
            left, self._live = list(self._live.values()), {}
        for live in left:
            if live.resumable and _is_worth_keeping(live):
                live.close()
            else:
                self._remove(live)

    def remove_stale_temp(self, path: str) -> bool:
        """Remove a temporary file that a killed run left behind; False when it is none of ours, is in use, or cannot
        be removed.
        """
        *parts, name = path.split("/")
        if not is_own_temporary(name) or (parts and self._problem("/".join(parts)) is not None):
            return False
        try:
            with self._root.folder(parts, make=False).closing() as folder:
                return remove_unlocked(folder, name)
        except (OSError, Refused):
            return False

    # Removal

    def delete(self, path: str, expect: LocalFact) -> IOResult[None, LocalError]:
        """Remove a file if it is still `expect`; a link itself, never what it leads to. Absent is a success."""
        try:
            self._where("delete", path)
            with _told("delete", path), suppress(FileNotFoundError, FileInTheWay):
                self._delete(path, expect)
        except LocalTrouble as trouble:
            return IOFailure(trouble.error)
        return IOSuccess(None)

    def _delete(self, path: str, expect: LocalFact) -> None:
        *parts, name = path.split("/")
        with self._root.folder(parts, make=False).closing() as folder:
            folder.stat(name)  # raises when there is nothing, not even a broken link
            found = seen(folder, name, "delete", path)
            if found != expect:
                raise LocalTrouble(LocalDrifted(path, expect, found))
            folder.unlink(name)

    # How

    def _problem(self, path: str) -> str | None:
        problem = local_path_problem(path, self._flavour)
        if problem is None and not path.isascii():
            return _encoding_problem(path)
        return problem

    def _where(self, operation: str, path: str) -> str:
        problem = self._problem(path)
        if problem is not None:
            raise LocalTrouble(LocalFailure(operation, path, problem))
        return self._before + (path if os.sep == "/" else path.replace("/", os.sep))

    def _create(self, path: str, resume: bool) -> Temp:
        self._where("write", path)
        *parts, final_name = path.split("/")
        with _told("write", path):
            folder = self._root.folder(parts, make=True)
            try:
                name = resumable_name(final_name)
                taken = take_resumable(folder, name) if resume else None
                if taken is None:
                    name, fd = create_locked(folder)
                else:
                    fd = taken[0]
            except BaseException:
                folder.close()
                raise
        live = LiveTemp(folder, name, fd, Lock(), resumable=taken is not None)
        temp = Temp(path, name, kept=taken is not None and taken[1])
        with self._lock:
            closed = self._closed
            if not closed:
                self._live[_place_of(temp)] = live
        if closed:
            self._remove(live)
            raise LocalTrouble(LocalFailure("write", path, "the work on this folder was stopped"))
        return temp

    def _take(self, temp: Temp) -> LiveTemp | None:
        with self._lock:
            return self._live.pop(_place_of(temp), None)

    def _duplicate(self, temp: Temp, operation: str) -> LiveTemp:
        """The live file with a descriptor of its own, which outlives a `discard` by somebody else."""
        with self._lock, _told(operation, temp.path):
            live = self._live.get(_place_of(temp))
            if live is None:
                raise Refused(_GONE)
            return live.duplicate()

    def _on_temp(self, temp: Temp, operation: str, work: Callable[[LiveTemp], T]) -> IOResult[T, LocalFailure]:
        try:
            live = self._duplicate(temp, operation)
        except LocalTrouble as trouble:
            return IOFailure(_failure(trouble))
        try:
            return IOSuccess(work(live))
        except OSError as error:
            return IOFailure(LocalFailure(operation, temp.path, explain(error)))
        finally:
            os.close(live.fd)

    def _remove(self, live: LiveTemp) -> None:
        """The folder may have been moved since: even our own file is only removed inside the root."""
        with suppress(OSError):
            if live.folder.is_inside(self._root) and live.in_place() is not None:
                if os.name == "nt":
                    live.close_file()
                live.folder.unlink(live.name)
        live.close()


def _place_of(temp: Temp) -> tuple[str, str]:
    """Folder and name: what can be gone on with has the same name in each folder that has a file of one name."""
    return temp.path.rpartition("/")[0], temp.name


def _is_worth_keeping(live: LiveTemp) -> bool:
    try:
        return worth_keeping(*live.tail(TAIL_SIZE))
    except OSError:
        return False


def _encoding_problem(path: str) -> str | None:
    if _SURROGATE.search(path):
        return "the name is not valid Unicode"
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return "the system's locale has not all characters of the name; use a UTF-8 locale"
    return None


class _FileSink:
    """Writes one stretch of a temporary file. `offset` is where the next byte goes."""

    def __init__(self, live: LiveTemp, path: str, offset: int) -> None:
        self._live = live
        self._path = path
        self._offset = offset

    def write(self, chunk: Chunk) -> None:
        rest = memoryview(chunk)
        try:
            while rest:
                written = self._live.write_at(rest, self._offset)
                self._offset += written
                rest = rest[written:]
        except OSError as error:
            raise LocalTrouble(LocalFailure("write", self._path, explain(error))) from None


@contextmanager
def _told(operation: str, path: str) -> Iterator[None]:
    """Turn a refusal, ours or the system's, into the error value."""
    try:
        yield
    except Refused as refused:
        raise LocalTrouble(LocalFailure(operation, path, refused.detail)) from None
    except OSError as error:
        raise LocalTrouble(LocalFailure(operation, path, explain(error))) from None


def _failure(trouble: LocalTrouble) -> LocalFailure:
    """The error of what looks at files without comparing them."""
    assert isinstance(trouble.error, LocalFailure)
    return trouble.error
