"""One entry of a folder that is being scanned: what it is, and what is said of it when it cannot be used.

Rules. Nothing is touched before the filters, where there are any, were asked. A link is what it leads to. What vanishes
while it is looked at is absent; what cannot be used is remarked upon as a `SkippedPath`.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable
from typing import Final

from attrs import define

from b2pure.model.files import LocalPath, SkipWhy, millis_from_ns
from b2pure.model.names import TEMPORARY_NAME
from b2pure.shell.folder import explain
from b2pure.shell.scan_values import Folder, Found, Rules

__all__ = ["EVERYBODY_READS", "SURROGATE", "Entry", "Seen", "readable", "sort_out"]

SURROGATE: Final = re.compile("[\ud800-\udfff]")
EVERYBODY_READS: Final = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_EFFECTIVE: Final = os.access in os.supports_effective_ids


@define(eq=False)
class Seen:
    """What an `os.DirEntry` is, of a name in an open folder that was looked at already."""

    name: str
    place: int
    status: os.stat_result

    @property
    def path(self) -> str:
        """As of any entry of an open folder: from that folder on."""
        return self.name

    def is_symlink(self) -> bool:
        return stat.S_ISLNK(self.status.st_mode)

    def is_dir(self) -> bool:
        try:
            return stat.S_ISDIR(self.stat().st_mode)
        except FileNotFoundError:
            return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        if follow_symlinks and self.is_symlink():
            return os.stat(self.name, dir_fd=self.place)
        return self.status


Entry = os.DirEntry[str] | Seen


def sort_out(rules: Rules, found: Found, place: int | str, entries: Iterable[Entry]) -> None:
    """Put entries of the open folder `place` where they belong in `found`."""
    prefix, others = found.prefix, found.others
    undecodable: list[Entry] = []
    for entry in entries:
        name = entry.name
        if not name.isascii() and SURROGATE.search(name):
            undecodable.append(entry)
        elif entry.is_symlink():
            _take_link(rules, found, place, entry)
        elif entry.is_dir():
            if not rules.no_folder(prefix + name):
                others[name] = Folder(prefix + name, False, found.chain)
        elif not rules.no_file(prefix + name):
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    found.skip(name, "unreadable", explain(error))
                continue
            _take_file(found, place, entry, status)
    if undecodable:
        _take_undecodable(rules, found, undecodable, set(os.listdir(place)))


def _take_file(found: Found, place: int | str, entry: Entry, status: os.stat_result) -> None:
    name = entry.name
    if not stat.S_ISREG(status.st_mode):
        found.skip(name, "not a file", f"it is {_kind(status.st_mode)}")
    elif TEMPORARY_NAME.match(name):
        found.skip(name, "temporary file", "a download that is under way or was broken off")
    elif not readable(place, entry.path, status):
        found.skip(name, "unreadable", os.strerror(errno.EACCES))
    else:
        found.files.append(LocalPath(found.prefix + name, status.st_size, millis_from_ns(status.st_mtime_ns)))


def readable(place: int | str, path: str, status: os.stat_result) -> bool:
    """Whether it can be opened, by its mode where that settles it: of the rights only the owner's count for him. The
    super-user reads everything.
    """
    mode = status.st_mode
    if mode & EVERYBODY_READS == EVERYBODY_READS:
        return True
    if isinstance(place, str):
        return os.access(path, os.R_OK, effective_ids=_EFFECTIVE)
    if mode & stat.S_IRUSR and status.st_uid == os.geteuid():
        return True
    return os.access(path, os.R_OK, dir_fd=place, effective_ids=_EFFECTIVE)


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        return "a device"
    return "no ordinary file"


def _take_link(rules: Rules, found: Found, place: int | str, entry: Entry) -> None:
    """A symbolic link is what it leads to. Only a look tells whether that is a folder or a file, so the filter
    that fits decides after it; a link that both filters exclude is not looked at. An excluded link is told, so that
    a planner does not take what it led to for absent.
    """
    name, path = entry.name, found.prefix + entry.name
    no_file, no_folder = rules.no_file(path), rules.no_folder(path)
    if no_file and no_folder:
        return
    if rules.exclude_symlinks:
        found.skip(name, "excluded symlink", "it is a symbolic link", subtree=True)
        return
    try:
        status = entry.stat()
    except OSError as error:
        if not (no_file or no_folder) and _still_there(entry):
            found.skip(name, *_link_problem(error), subtree=True)  # it may have led to a folder
        return
    if stat.S_ISDIR(status.st_mode):
        if not no_folder:
            found.others[name] = Folder(path, True, found.chain)
    elif not no_file:
        _take_file(found, place, entry, status)


def _link_problem(error: OSError) -> tuple[SkipWhy, str]:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return "broken symlink", "it leads to nothing"
    if error.errno == errno.ELOOP:
        return "symlink loop", "it leads to itself"
    return "unreadable", explain(error)


def _leads_to_folder(entry: Entry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into what may not be entered
        return False


def _still_there(entry: Entry) -> bool:
    try:
        entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return True


def _take_undecodable(rules: Rules, found: Found, entries: list[Entry], taken: set[str]) -> None:
    """Names that are no Unicode, shown with escapes. No two items of a folder are shown the same."""
    for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name)):
        shown = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
        while shown in taken:
            shown += "_"
        path = found.prefix + shown
        if rules.exclude_symlinks and entry.is_symlink():
            continue
        if rules.no_folder(path) if _leads_to_folder(entry) else rules.no_file(path):
            continue
        taken.add(shown)
        found.skip(shown, "undecodable", "the name is not valid Unicode; rename it")
