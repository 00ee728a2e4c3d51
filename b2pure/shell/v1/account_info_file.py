"""The file of an account info: where it is, how it is made and opened, and in words what is the matter with it.

Rules. A new file is made under another name with mode 0600 and then linked into its place, complete: at no moment is a
file there that others could read. Opening never makes a file. What is no regular file is left alone. A connection is
made, used and closed by one thread, and so is every cursor: none of them is left to the garbage collector, which runs
in any thread.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from b2pure.shell.v1.exceptions import AccountInfoFileError, CorruptAccountInfo

__all__ = [
    "B2_ACCOUNT_INFO_DEFAULT_FILE",
    "B2_ACCOUNT_INFO_ENV_VAR",
    "DEFAULT_TIMEOUT_SECONDS",
    "account_info_path",
    "check_regular",
    "check_writable",
    "connect",
    "in_words",
    "make_file",
    "may_not_write",
    "rows",
    "warn_if_open_to_all",
]

_log = logging.getLogger(__name__)

B2_ACCOUNT_INFO_ENV_VAR: Final = "B2_ACCOUNT_INFO"
B2_ACCOUNT_INFO_DEFAULT_FILE: Final = "~/.b2_account_info"
_IN_MEMORY: Final = ":memory:"
"""What sqlite takes for no file; each connection would see a memory of its own."""
_PROFILE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_AS_EFFECTIVE: Final = os.access in os.supports_effective_ids
DEFAULT_TIMEOUT_SECONDS: Final = 30.0
"""How long an operation waits for other programs that use the file."""


# -- where it is


def account_info_path(file_name: str | os.PathLike[str] | None, profile: str | None) -> str:
    """The path that a file name, a profile or the environment says. Raises ValueError for a profile that no file can
    have, AccountInfoFileError where the path needs a home folder and there is none.
    """
    if file_name:
        if profile is not None:
            raise ValueError("give a file name or a profile, not both")
        return _expanded(os.fspath(file_name))
    named = os.environ.get(B2_ACCOUNT_INFO_ENV_VAR)
    if profile is not None:
        if named:
            raise ValueError(f"give a profile or {B2_ACCOUNT_INFO_ENV_VAR}, not both")
        if not _PROFILE.match(profile):
            raise ValueError("a profile is 1 to 64 of A-Z a-z 0-9 _ -")
        return os.path.join(_config_folder(), f"db-{profile}.sqlite")
    if named:
        return _expanded(named)
    default = os.path.expanduser(B2_ACCOUNT_INFO_DEFAULT_FILE)
    return default if os.path.exists(default) else os.path.join(_config_folder(), "account_info")


def _config_folder() -> str:
    return os.path.join(os.environ.get("XDG_CONFIG_HOME") or _expanded("~/.config"), "b2")


def _expanded(path: str) -> str:
    """The path with its home folder. A `~` that stays would be a folder of that name, wherever the program runs."""
    expanded = os.path.expanduser(path)
    at_home = re.match(r"~[^/\\]*", path)
    if at_home and expanded.startswith("~"):
        raise AccountInfoFileError(path, f"there is no home folder {at_home.group()}", "Set HOME, or name a whole path")
    return expanded


# -- opening


def connect(path: str, timeout: float) -> sqlite3.Connection:
    """A connection to a file that is there. `timeout` is how many seconds each statement waits for its turn."""
    address = Path(path).absolute().as_uri() + "?mode=rw"
    connection = sqlite3.connect(address, timeout=timeout, isolation_level=None, uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def rows(connection: sqlite3.Connection, statement: str, *values: object) -> list[sqlite3.Row]:
    """Carry out a statement, and give all rows that it answers; its cursor is closed by then."""
    with closing(connection.execute(statement, values)) as cursor:
        return cursor.fetchall()


def check_regular(path: str) -> None:
    """Raises AccountInfoFileError if something else than a file is there, or is meant."""
    if path == _IN_MEMORY:
        raise AccountInfoFileError(path, "would be a file of that name", "InMemoryAccountInfo() keeps it in memory")
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _of_the_disk(path, error) from error
    if stat.S_ISDIR(mode):
        raise AccountInfoFileError(
            path, "is a folder", f"Name a file in it, such as {os.path.join(path, 'account_info')}"
        )
    if not stat.S_ISREG(mode):
        raise AccountInfoFileError(path, "is no regular file", _ELSEWHERE)


def check_writable(path: str) -> None:
    """Raises AccountInfoFileError for a file that may only be read, though its folder would let it be replaced."""
    if not os.access(path, os.W_OK, effective_ids=_AS_EFFECTIVE):
        raise AccountInfoFileError(path, _ONLY_READ, _RIGHTS)


def warn_if_open_to_all(path: str) -> None:
    """Whoever wanted that has it; whoever did not should know, as keys are in the file."""
    try:
        mode = os.stat(path).st_mode
    except OSError:  # not there yet
        return
    if os.name == "posix" and mode & (stat.S_IROTH | stat.S_IWOTH):
        _log.warning("everybody may read or write the account info file %s, and use its keys: chmod 600 it", path)


# -- making


def make_file(path: str, fill: Callable[[sqlite3.Connection], None], *, replace: bool) -> None:
    """A new file with what `fill` puts into it. Where there is one already, that one stays unless it is to be
    replaced.
    """
    path = os.path.realpath(path)  # behind a link that leads nowhere yet, too
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=".b2_account_info-", dir=folder)  # mode 0600, whatever the umask is
    os.close(handle)
    try:
        with closing(connect(draft, DEFAULT_TIMEOUT_SECONDS)) as connection:  # nobody else knows of it
            rows(connection, "BEGIN IMMEDIATE")
            fill(connection)
            rows(connection, "COMMIT")
        if replace:
            os.replace(draft, path)
        else:
            _place(draft, path)
    finally:
        for left in (draft, f"{draft}-journal"):
            with suppress(FileNotFoundError):
                os.unlink(left)


def _place(draft: str, path: str) -> None:
    """Give the draft its name, unless there is such a file already."""
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not os.path.exists(path):
            os.rename(draft, path)


# -- what is the matter


_ELSEWHERE: Final = f"Name another file, or let {B2_ACCOUNT_INFO_ENV_VAR} name one"
_RIGHTS: Final = f"Give yourself the right to write it and its folder. Or: {_ELSEWHERE}"
_READING: Final = f"Give yourself the right to read it. Or: {_ELSEWHERE}"
_ONLY_READ: Final = "may only be read"
_ROOM: Final = f"Make room there. Or: {_ELSEWHERE}"


@contextmanager
def in_words(path: str, timeout: float) -> Iterator[None]:
    """What the disk or sqlite refuses is an error that names the file of the user, and what helps. `timeout` is how
    many seconds were waited for others.
    """
    try:
        yield
    except AccountInfoFileError:  # in words already
        raise
    except sqlite3.OperationalError as error:
        raise _of_sqlite(path, error, timeout) from error
    except sqlite3.DatabaseError as error:
        raise CorruptAccountInfo(path) from error
    except OSError as error:
        raise _of_the_disk(path, error) from error


def _of_sqlite(path: str, error: sqlite3.OperationalError, timeout: float) -> AccountInfoFileError:
    match _code(error):
        case sqlite3.SQLITE_FULL:
            return AccountInfoFileError(path, "cannot grow: its disk is full", _ROOM)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return AccountInfoFileError(path, _ONLY_READ, _RIGHTS)
        case sqlite3.SQLITE_CANTOPEN if not os.access(path, os.R_OK, effective_ids=_AS_EFFECTIVE):
            return AccountInfoFileError(path, "cannot be opened: you may not read it", _READING)
        case sqlite3.SQLITE_CANTOPEN:
            return AccountInfoFileError(path, "cannot be opened for writing", _RIGHTS)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            wait = f"has been in use by another program for {timeout:g} seconds"
            return AccountInfoFileError(path, wait, "End that program, or give a longer timeout")
        case sqlite3.SQLITE_IOERR:
            return AccountInfoFileError(path, f"cannot be read or written ({error})", f"See to its disk. {_ROOM}")
        case _:
            return AccountInfoFileError(path, f"cannot be used ({error})", _ELSEWHERE)


def may_not_write(error: sqlite3.OperationalError) -> bool:
    """Whether that was refused which a file that may only be read, or is in such a folder, cannot have."""
    return _code(error) in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN}


def _code(error: sqlite3.OperationalError) -> int:
    """What sqlite answered; what is none of its own answers (Python raises some itself) has no code."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _of_the_disk(path: str, error: OSError) -> AccountInfoFileError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return AccountInfoFileError(path, f"cannot be made or grow ({reason})", _ROOM)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return AccountInfoFileError(path, f"cannot be made or opened ({reason})", _RIGHTS)
        case errno.ENOTDIR | errno.EEXIST:
            return AccountInfoFileError(path, "cannot be made: something on its path is no folder", _ELSEWHERE)
        case _:
            return AccountInfoFileError(path, f"cannot be made or opened ({reason})", _ELSEWHERE)
