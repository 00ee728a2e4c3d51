"""What a plan sees of a local file: its size and its modification time, of what it leads to if it is a link."""

from __future__ import annotations

import errno
import os
import stat

from b2pure.effects.handlers import LocalTrouble
from b2pure.model.errors import LocalFailure
from b2pure.model.files import LocalFact, millis_from_ns
from b2pure.shell.folder import Folder

__all__ = ["fact_of", "seen"]


def fact_of(operation: str, path: str, status: os.stat_result) -> LocalFact:
    """Of an ordinary file. Raises LocalTrouble for anything else, which nobody can read, replace or delete."""
    if stat.S_ISREG(status.st_mode):
        return LocalFact(status.st_size, millis_from_ns(status.st_mtime_ns))
    what = "is a folder" if stat.S_ISDIR(status.st_mode) else "is no ordinary file"
    raise LocalTrouble(LocalFailure(operation, path, what))


def seen(folder: Folder, name: str, operation: str, path: str) -> LocalFact | None:
    """What a plan would have seen there: links are followed, and a broken one is no file. Raises LocalTrouble and
    OSError.
    """
    try:
        return fact_of(operation, path, folder.stat(name, follow=True))
    except OSError as error:
        if isinstance(error, (FileNotFoundError, NotADirectoryError)) or error.errno == errno.ELOOP:
            return None
        raise
