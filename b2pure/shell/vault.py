"""A simulated B2 that outlives its process: records in a database, contents in files, in one directory.

    DIR/lock              held by the one process that has the directory open
    DIR/state.sqlite      the records, and the lengths of the contents that they refer to
    DIR/contents/3f/...   one file for each of these contents, whole, never changed
    DIR/incoming/...      contents that are being written

Rules. What a commit returned from survives the end of the process at any moment (kill -9); with `fsync` it survives
the end of power too. A content is whole under its name before the commit that refers to it, and is unlinked only after
the commit that dropped the last reference and when nobody holds it any more, so that a download that has begun ends
whole. What a crash leaves over is swept when the directory is opened again. A directory that is not ours, is newer
than we are, or is damaged, is left as it is. The records hold the secrets of keys: nobody else can read the files.

After a commit that failed, nobody knows whether the database has the changes, and the simulator in memory has them:
`check` and everything that writes then fail until the directory is opened again.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count
from secrets import token_hex
from threading import Lock
from types import TracebackType
from typing import Any, BinaryIO, Final, TypeVar

import msgspec
from returns.result import Failure, Result, Success

from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.effects.simulator.content import PIECE_BYTES, Changes, Content, Draft, Piece, VaultFailed
from b2pure.effects.simulator.records import RECORDS, Record, contents_of
from b2pure.model.errors import LocalFailure

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["DiskVault", "new_vault", "open_vault"]

T = TypeVar("T")

FORMAT: Final = 1
"""Of the database, as its `user_version`. A higher one is not touched."""
_APPLICATION: Final = 0x62327075
"""The database's `application_id`: ours and nobody else's."""
_MAGIC: Final = b"SQLite format 3\0"
_STATE: Final = "state.sqlite"
_log = logging.getLogger("b2pure.vault")
_STATE_FILES: Final = frozenset({_STATE, f"{_STATE}-journal", f"{_STATE}-wal", f"{_STATE}-shm"})
_CONTENT_ID: Final = re.compile(r"[0-9a-f]{24,}\Z")
_BUFFER_BYTES: Final = 1 << 16
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE records (
    kind TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE contents (id TEXT NOT NULL PRIMARY KEY, length INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {FORMAT};
COMMIT;
"""
_FIND: Final = "SELECT record FROM records WHERE kind = ? AND id = ?"
_PUT: Final = "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET record = excluded.record"
_DROP: Final = "DELETE FROM records WHERE kind = ? AND id = ?"

_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final = {kind: msgspec.json.Decoder(record) for kind, record in RECORDS.items()}


class _Unusable(Exception):
    """A directory that cannot be opened: the path in question, and why. SQLite's own errors stay what they are."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(path, detail)
        self.failure = LocalFailure("open", path, detail)


class _DiskContent:
    """A file of the vault. As long as this object is there, so is the file."""

    __slots__ = ("_vault", "content_id", "length")

    def __init__(self, vault: DiskVault, content_id: str, length: int) -> None:
        self._vault = vault
        self.content_id = content_id
        self.length = length

    def read(self, start: int, stop: int) -> Iterator[Piece]:
        """The file is open while somebody reads on, and no longer."""
        path = self._vault._path_of(self.content_id)
        try:
            with open(path, "rb", buffering=0) as file:
                file.seek(start)
                while start < stop:
                    piece = file.read(min(PIECE_BYTES, stop - start))
                    if not piece:
                        raise VaultFailed(f"{path} is shorter than it was")
                    start += len(piece)
                    yield piece
        except OSError as error:
            raise VaultFailed(f"cannot read {path}: {_reason(error)}") from error

    def __del__(self) -> None:
        self._vault._released(self.content_id)


class _Nothing:
    """The empty content, which no record refers to: there is no file."""

    content_id: Final = ""
    length: Final = 0

    def read(self, start: int, stop: int) -> Iterator[Piece]:
        return iter(())


class _DiskDraft:
    """A file below `incoming`, from the first byte on."""

    def __init__(self, vault: DiskVault) -> None:
        self._vault = vault
        self._content_id = ""
        self._path = ""
        self._file: BinaryIO | None = None
        self._length = 0
        self._trouble: OSError | None = None

    def write(self, piece: Piece) -> None:
        if self._trouble is not None or not piece:
            return
        try:
            if self._file is None:
                self._content_id = self._vault._new_id()
                self._path, self._file = self._vault._temporary(self._content_id)
            self._file.write(piece)
        except OSError as error:
            self.abandon()
            self._trouble = error
        else:
            self._length += len(piece)

    def finish(self) -> Content:
        if self._trouble is None and self._file is not None:
            try:
                self._vault.check()
                self._vault._settle(self._file, self._path, self._content_id)
            except VaultFailed:
                self.abandon()
                raise
            except OSError as error:
                self.abandon()
                self._trouble = error
        if self._trouble is not None:
            raise VaultFailed(f"cannot keep a content in {self._vault.directory}: {_reason(self._trouble)}")
        if self._file is None:
            return _Nothing()
        return self._vault._finished(self._content_id, self._length)

    def abandon(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                os.unlink(self._path)


class DiskVault:
    """An open data directory. `open_vault` and `new_vault` make them; threads may share one."""

    keeps_records: Final = True

    def __init__(self, directory: str, *, fsync: bool) -> None:
        """Raises _Unusable, and OSError."""
        self.directory = directory
        self._fsync = fsync
        self._contents = os.path.join(directory, "contents")
        self._incoming = os.path.join(directory, "incoming")
        self._lock = Lock()
        self._opening, self._serials = token_hex(8), count(1)
        self._used: Counter[str] = Counter()  # how often the records refer to a content
        self._fresh: dict[str, int] = {}  # lengths of contents that no record referred to yet
        self._dead: deque[str] = deque()  # contents that nobody holds any more, to be looked at under the lock
        self._orphans: set[str] = set()  # contents that nobody holds, though records refer to them
        self._trouble = ""
        self._ready = False  # before all is read, nobody knows what may be unlinked
        self._lock_file = _locked(directory)
        try:
            self._database = _database(directory, fsync=fsync)
            self._inode: int | None = os.stat(os.path.join(directory, _STATE)).st_ino
        except BaseException:
            os.close(self._lock_file)
            raise

    def __repr__(self) -> str:
        return f"DiskVault({self.directory!r})"

    def __enter__(self) -> DiskVault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing can be kept from now on, and another process may open the directory. Closing again is nothing."""
        with self._lock:
            if self._lock_file < 0:
                return
            self._trouble = self._trouble or f"{self.directory} is closed"
            with suppress(sqlite3.Error):
                self._database.close()
            os.close(self._lock_file)
            self._lock_file = -1

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever kept here."""
        with self._lock:
            return self._database.execute("SELECT 1 FROM records LIMIT 1").fetchone() is None

    # -- what a Vault does

    def check(self) -> None:
        """Raises VaultFailed once a commit has failed, and after `close`."""
        if self._trouble:
            raise VaultFailed(self._trouble)

    def draft(self) -> Draft:
        """A new content. There is no file before its first byte."""
        return _DiskDraft(self)

    def discard(self, content: Content) -> None:
        """Nothing: the file goes as soon as nobody holds the content."""

    def commit(self, changes: Changes) -> None:
        """One transaction. Raises VaultFailed."""
        with self._lock:
            self.check()
            try:
                self._see_that_it_is_there()
                moved = self._written(changes)
            except BaseException as error:
                self._trouble = (
                    f"cannot write to {self.directory} ({error}): nothing that was acknowledged is lost; "
                    "make room there if the disk is full, and start the server again"
                )
                _log.error("%s", self._trouble)
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise VaultFailed(self._trouble) from error
                raise
            self._recount(moved)
            self._bury()

    def _see_that_it_is_there(self) -> None:
        """SQLite goes on writing to a file that somebody has removed."""
        try:
            found: int | None = os.stat(os.path.join(self.directory, _STATE)).st_ino
        except OSError:
            found = None
        if found != self._inode:
            raise sqlite3.OperationalError("somebody removed or replaced the database")

    def _written(self, changes: Changes) -> Counter[str]:
        """The changes, in the database. How much more or less often the records refer to contents now."""
        execute = self._database.execute
        moved: Counter[str] = Counter()
        execute("BEGIN IMMEDIATE")
        for key, record in changes.items():
            before = execute(_FIND, key).fetchone()
            if before is not None:
                moved.subtract(contents_of(_DECODERS[key[0]].decode(before[0])))
            if record is None:
                execute(_DROP, key)
            else:
                execute(_PUT, (*key, _ENCODER.encode(record)))
                moved.update(contents_of(record))
        for content_id, by in moved.items():
            if by > 0 and content_id not in self._used:
                if content_id not in self._fresh:
                    raise ValueError(f"a record refers to the content {content_id}, which is not of {self.directory}")
                execute("INSERT INTO contents VALUES (?, ?)", (content_id, self._fresh[content_id]))
            elif by < 0 and self._used[content_id] + by == 0:
                execute("DELETE FROM contents WHERE id = ?", (content_id,))
        execute("COMMIT")
        return moved

    def _recount(self, moved: Counter[str]) -> None:
        for content_id, by in moved.items():
            self._used[content_id] += by
            self._fresh.pop(content_id, None)
            if self._used[content_id] == 0:
                del self._used[content_id]
                if content_id in self._orphans:
                    self._orphans.remove(content_id)
                    self._unlink(content_id)

    # -- files

    def _path_of(self, content_id: str) -> str:
        return os.path.join(self._contents, content_id[-2:], content_id)

    def _new_id(self) -> str:
        """Never used before, here or in an earlier process."""
        return f"{self._opening}{next(self._serials):08x}"

    def _temporary(self, content_id: str) -> tuple[str, BinaryIO]:
        path = os.path.join(self._incoming, content_id)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        return path, open(handle, "wb", buffering=_BUFFER_BYTES)

    def _settle(self, file: BinaryIO, temporary: str, content_id: str) -> None:
        """A file is whole: give it its name."""
        with file:
            file.flush()
            if self._fsync:
                os.fsync(file.fileno())
        path = self._path_of(content_id)
        folder = os.path.dirname(path)
        try:
            os.replace(temporary, path)
        except FileNotFoundError:
            os.makedirs(folder, 0o700, exist_ok=True)
            self._synced(self._contents)
            os.replace(temporary, path)
        self._synced(folder)

    def _synced(self, folder: str) -> None:
        if self._fsync:
            _sync_folder(folder)

    def _finished(self, content_id: str, length: int) -> Content:
        with self._lock:
            self._fresh[content_id] = length
        return _DiskContent(self, content_id, length)

    def _released(self, content_id: str) -> None:
        """Nobody holds this content any more. Called from anywhere, at any moment, even under the lock."""
        self._dead.append(content_id)
        if self._lock.acquire(blocking=False):
            try:
                self._bury()
            finally:
                self._lock.release()

    def _bury(self) -> None:
        while self._dead:
            content_id = self._dead.popleft()
            if content_id in self._used:
                self._orphans.add(content_id)
            else:
                self._fresh.pop(content_id, None)
                self._unlink(content_id)

    def _unlink(self, content_id: str) -> None:
        if self._ready and not self._trouble:  # else nobody knows what the database says: the next opening will
            with suppress(OSError):
                os.unlink(self._path_of(content_id))

    # -- opening

    def _restored(self, now: Callable[[], int], config: SimulatorConfig | None) -> Simulator:
        """The simulator that is kept here. Raises _Unusable."""
        lengths = self._lengths()
        found = dict(_files(self._contents))
        contents: dict[str, Content] = {}
        for content_id, length in lengths.items():
            if found.get(content_id) != length:
                size = "is missing" if content_id not in found else f"has {found[content_id]} bytes instead of {length}"
                raise _Unusable(self._path_of(content_id), f"the content of a stored file {size}")
            contents[content_id] = _DiskContent(self, content_id, length)
        try:
            made = Simulator.restored(now, self._records(), contents.__getitem__, config=config, vault=self)
        except ValueError as error:
            raise _Unusable(self._state, f"it is damaged: {error}") from None
        if set(lengths) != set(self._used):
            raise _Unusable(self._state, "it is damaged: its contents are not those of its records")
        self._sweep(content_id for content_id in found if content_id not in lengths)
        return made

    @property
    def _state(self) -> str:
        return os.path.join(self.directory, _STATE)

    def _lengths(self) -> dict[str, int]:
        lengths: dict[str, int] = {}
        for content_id, length in self._rows("SELECT id, length FROM contents"):
            if not (isinstance(content_id, str) and _CONTENT_ID.match(content_id) and isinstance(length, int)):
                raise _Unusable(self._state, "it is damaged: there is a content that cannot be")
            lengths[content_id] = length
        return lengths

    def _records(self) -> Iterator[Record]:
        """All of them, in the order in which they can be read. Counts the references to contents on the way."""
        strangers = {kind for (kind,) in self._rows("SELECT DISTINCT kind FROM records")} - RECORDS.keys()
        if strangers:
            raise _Unusable(self._state, f"a newer b2pure wrote records of the kind {min(strangers)!r}")
        for kind, decoder in _DECODERS.items():
            for identity, row in self._rows("SELECT id, record FROM records WHERE kind = ? ORDER BY id", kind):
                try:
                    record = decoder.decode(row)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    raise _Unusable(self._state, f"the {kind} {identity} cannot be read: {error}") from None
                self._used.update(contents_of(record))
                yield record

    def _rows(self, query: str, *values: str) -> Iterator[tuple[Any, ...]]:
        return iter(self._database.execute(query, values))

    def _sweep(self, left_over: Iterable[str]) -> None:
        """All is read, and known to be in order: what nothing refers to can go."""
        self._ready = True
        for content_id in left_over:
            self._unlink(content_id)
        for name in os.listdir(self._incoming):
            with suppress(OSError):
                os.unlink(os.path.join(self._incoming, name))


def open_vault(
    directory: str | os.PathLike[str],
    now: Callable[[], int],
    *,
    seed: int,
    config: SimulatorConfig | None = None,
    fsync: bool = False,
) -> Result[tuple[Simulator, DiskVault], LocalFailure]:
    """The simulator that is kept in a directory, and its vault, which the caller closes. Where there is nothing yet, a
    new one is made with `seed`; the seed, and with it the master key, of one that is there stays.

    Without `fsync` what was acknowledged survives the end of the process, with it the end of power, for the price of
    waiting for the disk at each change.
    """

    def opened(vault: DiskVault) -> tuple[Simulator, DiskVault]:
        if not vault.is_empty:
            return vault._restored(now, config), vault
        vault._sweep(content_id for content_id, _ in list(_files(vault._contents)))
        made = Simulator(now, seed, config=config, vault=vault)
        vault.commit({(kind, identity): record for kind, identity, record in made.records()})
        return made, vault

    return _opened(directory, fsync, opened)


def new_vault(directory: str | os.PathLike[str], *, fsync: bool = False) -> Result[DiskVault, LocalFailure]:
    """An empty vault for a simulator from elsewhere, as for `load_snapshot`. The directory must be new or empty."""

    def opened(vault: DiskVault) -> DiskVault:
        if not vault.is_empty:
            raise _Unusable(vault.directory, "there is a simulated B2 in it already")
        vault._sweep(content_id for content_id, _ in list(_files(vault._contents)))
        return vault

    return _opened(directory, fsync, opened)


def _opened(directory: str | os.PathLike[str], fsync: bool, use: Callable[[DiskVault], T]) -> Result[T, LocalFailure]:
    path = os.path.abspath(os.fspath(directory))
    try:
        _prepare(path)
        vault = DiskVault(path, fsync=fsync)
        try:
            return Success(use(vault))
        except BaseException:
            vault.close()
            raise
    except _Unusable as unusable:
        return Failure(unusable.failure)
    except sqlite3.Error as error:
        return Failure(LocalFailure("open", os.path.join(path, _STATE), f"SQLite cannot use it: {error}"))
    except VaultFailed as failed:
        return Failure(LocalFailure("open", path, str(failed)))
    except OSError as error:
        return Failure(LocalFailure("open", str(error.filename or path), _reason(error)))


def _prepare(directory: str) -> None:
    """See that a directory is ours, or make it. Nothing is changed before that is sure. Raises _Unusable, OSError."""
    if os.path.lexists(directory) and not os.path.isdir(directory):
        raise _Unusable(directory, "it is no directory")
    names = set(os.listdir(directory)) if os.path.isdir(directory) else set()
    state = os.path.join(directory, _STATE)
    header = _header(state) if _STATE in names else b""
    if not header and names - _STATE_FILES - {"lock"}:
        lost = f"it has contents, but no {_STATE}"
        raise _Unusable(directory, lost if "contents" in names else "it is neither empty nor a data directory")
    if header:
        application, form = int.from_bytes(header[68:72]), int.from_bytes(header[60:64])
        if not header.startswith(_MAGIC) or application not in (0, _APPLICATION):
            raise _Unusable(state, "it is no database of b2pure serve, or it is damaged")
        if form > FORMAT:
            raise _Unusable(state, f"a newer b2pure wrote it, in the format {form}")
    os.makedirs(directory, 0o700, exist_ok=True)


def _header(state: str) -> bytes:
    with open(state, "rb") as file:
        return file.read(100)


def _locked(directory: str) -> int:
    """The file descriptor of the lock, which lasts as long as it is open."""
    handle = os.open(os.path.join(directory, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise _Unusable(directory, "it is in use by another b2pure serve") from None
    return handle


def _database(directory: str, *, fsync: bool) -> sqlite3.Connection:
    """The database, with its tables, and the folders beside it. The tables come first: where the folders are, the
    tables must be.
    """
    state = os.path.join(directory, _STATE)
    with suppress(FileExistsError):  # by ourselves, because SQLite would let others read it
        os.close(os.open(state, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    database = sqlite3.connect(state, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        if database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None:
            if os.path.exists(os.path.join(directory, "contents")):
                raise _Unusable(state, "it is damaged: it has no tables")
            database.executescript(_SCHEMA)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {'FULL' if fsync else 'NORMAL'}")
        for folder in ("contents", "incoming"):
            os.makedirs(os.path.join(directory, folder), 0o700, exist_ok=True)
        if fsync:
            _sync_folder(directory)
            _sync_folder(os.path.dirname(directory))
    except BaseException:
        database.close()
        raise
    return database


def _files(contents: str) -> Iterator[tuple[str, int]]:
    """The files of contents with their sizes; files of other names are somebody else's."""
    with os.scandir(contents) as shards:
        for shard in shards:
            if not shard.is_dir(follow_symlinks=False):
                continue
            with os.scandir(shard.path) as files:
                for file in files:
                    if _CONTENT_ID.match(file.name) and file.is_file(follow_symlinks=False):
                        yield file.name, file.stat(follow_symlinks=False).st_size


def _sync_folder(folder: str) -> None:
    if sys.platform == "win32":
        return  # there is no such thing; renames are kept in order by NTFS
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
