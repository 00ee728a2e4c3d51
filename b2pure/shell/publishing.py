"""How a temporary file takes its name: in one atomic step, and only if what has the name is what was expected."""

from __future__ import annotations

import os
import stat
import sys

from b2pure.effects.handlers import LocalTrouble
from b2pure.model.errors import LocalDrifted
from b2pure.model.files import LocalFact
from b2pure.shell.facts import seen
from b2pure.shell.folder import Folder, Refused, Root
from b2pure.shell.temporary import LiveTemp

__all__ = ["publish"]


def publish(
    root: Root,
    live: LiveTemp,
    path: str,
    mod_time_millis: int,
    expect: LocalFact | None,
    length: int | None,
    *,
    fsync: bool,
) -> None:
    """Cut the temporary file to `length` bytes (None: not at all), give it its time and the name of `path`, if what is
    there is `expect`, whose rights it takes over. A link there is replaced, never what it leads to; empty folders there
    are removed. With `fsync` it outlives a power failure. Raises LocalTrouble, Refused and OSError; then the temporary
    file is still there.
    """
    *parts, name = path.split("/")
    folder = live.folder
    with root.folder(parts, make=False).closing() as now_there:
        status = live.in_place() if now_there.identity() == folder.identity() else None
    if status is None:
        raise Refused("its folder or its temporary file was replaced meanwhile")
    if length not in (None, status.st_size):
        os.ftruncate(live.fd, length)
    live.set_time(mod_time_millis)
    if fsync:
        os.fsync(live.fd)
    there = _what_has(folder, name)
    empty_tree = there is not None and stat.S_ISDIR(there.st_mode) and _is_empty_folder(folder, name)
    found = None if empty_tree or there is None else seen(folder, name, "replace", path)
    if found != expect:
        raise LocalTrouble(LocalDrifted(path, expect, found))
    if empty_tree:
        folder.remove_empty_tree(name)
    if found is not None and there is not None:
        _keep_rights(live, status.st_mode, there.st_mode)
    if os.name == "nt":  # which renames no open file
        live.close_file()
    folder.replace(live.name, name)
    if fsync:
        folder.flush()


def _keep_rights(live: LiveTemp, ours: int, theirs: int) -> None:
    """Let nobody read or change the new content who could not read or change the old one."""
    rights = stat.S_IMODE(theirs) & 0o777
    if stat.S_ISREG(theirs) and rights != stat.S_IMODE(ours) and sys.platform != "win32":
        os.fchmod(live.fd, rights)


def _what_has(folder: Folder, name: str) -> os.stat_result | None:
    """What has the name, be it a link; None when there is nothing."""
    try:
        return folder.stat(name)
    except FileNotFoundError:
        return None


def _is_empty_folder(folder: Folder, name: str) -> bool:
    """Whether a folder has no file in it. Refuses one with files."""
    try:
        if folder.is_empty_tree(name):
            return True
    except RecursionError:  # deeper than any name that B2 holds
        pass
    raise Refused("is a folder that is not empty")
