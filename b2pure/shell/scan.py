"""What a local folder holds, in B2's order.

Rules. The order is that of the whole paths by code point, so a folder's files come where `name + "/"` sorts.
Nothing is touched before the filters, where there are any, were asked. What cannot be used is remarked upon as a
`SkippedPath` in its own sorted place, so that a planner never takes it for absent; what vanishes while it is looked at
is absent. One folder is read at a time, with one look at each file, and held until its last file is handed out. A
folder is read where its bare name sorts, because only then an unreadable one can still be remarked upon in its place
(`a` comes before `a-b`, and `a-b` before `a/x`).

Ordinary files, which nearly all are, stay in a list of their own and are handed out run by run: what they cost is one
look, one record and one comparison of names.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import attrgetter
from typing import Final

from attrs import define, field, frozen

from b2pure.model.errors import LocalFailure, describe
from b2pure.model.files import NS_PER_MILLI, LocalItem, LocalPath, SkippedPath, SkipWhy, millis_from_ns
from b2pure.model.names import TEMPORARY_NAME
from b2pure.shell.folder import explain, identity

__all__ = ["ScanFailed", "scan"]

_BY_DESCRIPTOR: Final = os.scandir in os.supports_fd and os.stat in os.supports_dir_fd
_OPEN_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_EFFECTIVE: Final = os.access in os.supports_effective_ids
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_EVERYBODY_READS: Final = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_KIND_AND_READERS: Final = stat.S_IFMT(0xFFFF) | _EVERYBODY_READS
_FILE_FOR_ALL: Final = stat.S_IFREG | _EVERYBODY_READS
"""The mode, as far as it is of interest, of an ordinary file that everybody may read: it needs no second look."""
_OURS: Final = ".b2pure-"
"""How every `TEMPORARY_NAME` begins."""
_PATH: Final = attrgetter("path")

Excludes = Callable[[str], bool] | None
"""Whether a path takes no part; None where all do."""


class ScanFailed(Exception):
    """The folder itself cannot be scanned; carries the error value."""

    def __init__(self, error: LocalFailure) -> None:
        super().__init__(describe(error))
        self.error = error


def scan(
    root: str | os.PathLike[str],
    *,
    excludes_directory: Excludes = None,
    excludes_file: Excludes = None,
    exclude_symlinks: bool = False,
    stay_inside: bool = False,
) -> Iterator[LocalItem]:
    """The files below `root`, strictly in B2's order.

    The filters get paths relative to the root, without a `/` at the end. Links are followed, or told as skipped with
    `exclude_symlinks`; with `stay_inside` (a folder that will be written to) linked folders are told as skipped,
    wherever they lead: a file must not be compared, and removed, under two names. The root is read by this call,
    which raises ScanFailed when it cannot be; every other folder is read when the iteration comes to it.
    """
    try:
        rules = _Rules(os.fspath(root), excludes_directory, excludes_file, exclude_symlinks, stay_inside)
        found = _read_folder(rules, _Folder("", linked=False, above=()))
    except (OSError, ValueError) as error:
        raise ScanFailed(LocalFailure("scan", os.fspath(root), _root_problem(error))) from None
    assert isinstance(found, _Found)  # the root has no folder above it that it could lead back to
    return chain.from_iterable(_walk(rules, found))


def _root_problem(error: OSError | ValueError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such folder; check the path"
        case NotADirectoryError():
            return "it is not a folder"
        case OSError():
            return explain(error)
        case _:
            return "the path is not usable"


@frozen
class _Rules:
    root: str
    excludes_directory: Excludes
    excludes_file: Excludes
    exclude_symlinks: bool
    stay_inside: bool

    def where(self, path: str) -> str:
        return os.path.join(self.root, path) if path else self.root

    def no_folder(self, path: str) -> bool:
        return self.excludes_directory is not None and self.excludes_directory(path)

    def no_file(self, path: str) -> bool:
        return self.excludes_file is not None and self.excludes_file(path)


@frozen
class _Folder:
    """A folder that is still to be read. `above` has the identities of the folders on the way to it."""

    path: str
    linked: bool
    above: tuple[tuple[int, int], ...]


@define(eq=False)
class _Seen:
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


_Entry = os.DirEntry[str] | _Seen


@define
class _Found:
    """What one folder holds: ordinary files, and everything else by name. Keys are what sorts: names, printable ones
    for what is undecodable.
    """

    prefix: str
    chain: tuple[tuple[int, int], ...]
    files: list[LocalItem] = field(factory=list)
    others: dict[str, LocalItem | _Folder] = field(factory=dict)

    def skip(self, name: str, why: SkipWhy, detail: str, *, subtree: bool = False) -> None:
        self.others[name] = SkippedPath(self.prefix + name, why, detail, subtree)


def _walk(rules: _Rules, root: _Found) -> Iterator[Sequence[LocalItem]]:
    # A stack of our own: a tree may be deeper than Python's.
    stack = [_in_order(rules, root)]
    while stack:
        for run in stack[-1]:
            if isinstance(run, _Found):
                stack.append(_in_order(rules, run))
                break
            yield run
            del run  # or it would be held while the next folder is read
        else:
            stack.pop()


def _in_order(rules: _Rules, found: _Found) -> Iterator[Sequence[LocalItem] | _Found]:
    """The items of a folder in runs, each inner folder's content (as a `_Found`) where its files sort."""
    files, others, prefix = found.files, found.others, found.prefix
    files.sort(key=_PATH)
    waiting: list[tuple[str, _Found]] = []  # the next one is the last: "a-/" comes before "a/"
    start = 0
    for name in sorted(others):
        while waiting and waiting[-1][0] < name:
            end = bisect_left(files, prefix + waiting[-1][0], start, key=_PATH)
            yield files[start:end]
            yield waiting.pop()[1]
            start = end
        end = bisect_left(files, prefix + name, start, key=_PATH)
        yield files[start:end]
        start = end
        item = others.pop(name)
        below = _try_folder(rules, item) if isinstance(item, _Folder) else item
        if isinstance(below, _Found):
            waiting.append((name + "/", below))
        elif below is not None:
            yield (below,)
        del below  # or it would be held while the next folder is read
    while waiting:
        end = bisect_left(files, prefix + waiting[-1][0], start, key=_PATH)
        yield files[start:end]
        yield waiting.pop()[1]
        start = end
    yield files[start:] if start else files


def _try_folder(rules: _Rules, folder: _Folder) -> _Found | SkippedPath | None:
    """What the folder holds, why it was not entered, or None when it vanished."""
    if folder.linked and rules.stay_inside:
        return SkippedPath(folder.path, "linked folder", "a sync writes through no symbolic link", subtree=True)
    try:
        return _read_folder(rules, folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return SkippedPath(folder.path, "unreadable", explain(error), subtree=True)


def _read_folder(rules: _Rules, folder: _Folder) -> _Found | SkippedPath:
    with _opened(rules.where(folder.path)) as place:
        me = identity(os.stat(place))
        if me in folder.above and me[1]:  # some file systems of Windows number nothing
            detail = "it leads back to a folder above it"
            return SkippedPath(folder.path, "symlink loop", detail, subtree=True)
        found = _Found(folder.path + "/" if folder.path else "", (*folder.above, me))
        if isinstance(place, int) and rules.excludes_file is None and rules.excludes_directory is None:
            _sort_out(rules, found, place, _without_ordinary(found, place))
        else:
            with os.scandir(place) as entries:
                _sort_out(rules, found, place, entries)
    return found


@contextmanager
def _opened(path: str) -> Iterator[int | str]:
    """The folder's descriptor, from which its files are looked at fastest; its path where there is none."""
    if not _BY_DESCRIPTOR:
        yield path
        return
    fd = os.open(path, _OPEN_FOLDER)
    try:
        yield fd
    finally:
        os.close(fd)


def _sort_out(rules: _Rules, found: _Found, place: int | str, entries: Iterable[_Entry]) -> None:
    prefix, others = found.prefix, found.others
    undecodable: list[_Entry] = []
    for entry in entries:
        name = entry.name
        if not name.isascii() and _SURROGATE.search(name):
            undecodable.append(entry)
        elif entry.is_symlink():
            _take_link(rules, found, place, entry)
        elif entry.is_dir():
            if not rules.no_folder(prefix + name):
                others[name] = _Folder(prefix + name, False, found.chain)
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


def _without_ordinary(found: _Found, place: int) -> list[_Entry]:
    """Take the ordinary files, and leave whatever needs a closer look."""
    names = os.listdir(place)
    unseen = _odd_names(names)
    if unseen:
        names = [name for name in names if name not in unseen]
    # The hot loop of a scan: locals, no call but the look itself and the record, nothing asked of a single name.
    prefix, add, look, take = found.prefix, found.files.append, os.lstat, names.pop
    rest: list[_Entry] = []
    while names:
        name = take()
        try:
            status = look(name, dir_fd=place)
        except FileNotFoundError:
            continue
        except OSError:
            unseen.add(name)
            continue
        mode = status.st_mode
        if mode & _KIND_AND_READERS == _FILE_FOR_ALL or (stat.S_ISREG(mode) and _readable(place, name, status)):
            add(LocalPath(prefix + name, status.st_size, status.st_mtime_ns // NS_PER_MILLI))
        else:
            rest.append(_Seen(name, place, status))
    if unseen:
        with os.scandir(place) as entries:
            rest += [entry for entry in entries if entry.name in unseen]
    return rest


def _odd_names(names: list[str]) -> set[str]:
    """Those that are no Unicode or may be names of our temporary files: nearly always none, as all together tell."""
    together = "/" + "/".join(names)
    if "/" + _OURS not in together and (together.isascii() or not _SURROGATE.search(together)):
        return set()
    return {name for name in names if name.startswith(_OURS) or _SURROGATE.search(name)}


def _take_file(found: _Found, place: int | str, entry: _Entry, status: os.stat_result) -> None:
    name = entry.name
    if not stat.S_ISREG(status.st_mode):
        found.skip(name, "not a file", f"it is {_kind(status.st_mode)}")
    elif TEMPORARY_NAME.match(name):
        found.skip(name, "temporary file", "a download that is under way or was broken off")
    elif not _readable(place, entry.path, status):
        found.skip(name, "unreadable", os.strerror(errno.EACCES))
    else:
        found.files.append(LocalPath(found.prefix + name, status.st_size, millis_from_ns(status.st_mtime_ns)))


def _readable(place: int | str, path: str, status: os.stat_result) -> bool:
    """Whether it can be opened, by its mode where that settles it: of the rights only the owner's count for him. The
    super-user reads everything.
    """
    mode = status.st_mode
    if mode & _EVERYBODY_READS == _EVERYBODY_READS:
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


def _take_link(rules: _Rules, found: _Found, place: int | str, entry: _Entry) -> None:
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
            found.others[name] = _Folder(path, True, found.chain)
    elif not no_file:
        _take_file(found, place, entry, status)


def _link_problem(error: OSError) -> tuple[SkipWhy, str]:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return "broken symlink", "it leads to nothing"
    if error.errno == errno.ELOOP:
        return "symlink loop", "it leads to itself"
    return "unreadable", explain(error)


def _leads_to_folder(entry: _Entry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into what may not be entered
        return False


def _still_there(entry: _Entry) -> bool:
    try:
        entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return True


def _take_undecodable(rules: _Rules, found: _Found, entries: list[_Entry], taken: set[str]) -> None:
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
