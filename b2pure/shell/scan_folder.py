"""One folder that is being scanned: read here, or told by a scout.

Rules. A folder is read through its descriptor, where the system has those, with one look at each name. Ordinary files,
which nearly all are, cost that look and one record; everything else is left to `scan_entries`. What a scout told counts
only as far as it is sure and about this very folder.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from b2pure.model.files import ALMOST_NEXT, NS_PER_MILLI, LocalPath, SkippedPath, millis_from_ns
from b2pure.shell.folder import explain, identity
from b2pure.shell.scan_entries import EVERYBODY_READS, SURROGATE, Entry, Seen, readable, sort_out
from b2pure.shell.scan_values import Folder, Found, Rules
from b2pure.shell.scout import OURS
from b2pure.shell.scouting import Answer

__all__ = ["Pieces", "add_told", "by_descriptor", "read_folder", "try_folder", "try_told"]

_BY_DESCRIPTOR: Final = os.scandir in os.supports_fd and os.stat in os.supports_dir_fd
_OPEN_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_KIND_AND_READERS: Final = stat.S_IFMT(0xFFFF) | EVERYBODY_READS
_FILE_FOR_ALL: Final = stat.S_IFREG | EVERYBODY_READS
"""The mode, as far as it is of interest, of an ordinary file that everybody may read: it needs no second look."""

Pieces = Callable[[Folder, Found, list[str]], Iterator[list[str]]]
"""The names of a folder in pieces that are left to look at; somebody else may have seen to the others."""


def by_descriptor(rules: Rules) -> bool:
    """Whether folders are read the short way: through descriptors, and without a filter that has to be asked first."""
    return _BY_DESCRIPTOR and rules.excludes_file is None and rules.excludes_directory is None


def try_folder(rules: Rules, folder: Folder, pieces: Pieces | None = None) -> Found | SkippedPath | None:
    """What the folder holds, why it was not entered, or None when it vanished."""
    if folder.linked and rules.stay_inside:
        return SkippedPath(folder.path, "linked folder", "a sync writes through no symbolic link", subtree=True)
    return _tried(folder, lambda: read_folder(rules, folder, pieces))


def try_told(rules: Rules, folder: Folder, answer: Answer) -> Found | SkippedPath | None:
    """The same, of a folder that is no link, from what a scout found."""
    return _tried(folder, lambda: _told_folder(rules, folder, answer))


def _tried(folder: Folder, read: Callable[[], Found | SkippedPath]) -> Found | SkippedPath | None:
    try:
        return read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return SkippedPath(folder.path, "unreadable", explain(error), subtree=True)


def read_folder(rules: Rules, folder: Folder, pieces: Pieces | None = None) -> Found | SkippedPath:
    """What the folder holds, or that it leads back to one above it. Raises OSError."""
    with _opened(rules.where(folder.path)) as place:
        found = _begun(folder, identity(os.stat(place)))
        if isinstance(found, Found):
            if isinstance(place, int) and by_descriptor(rules):
                names = os.listdir(place)
                sort_out(rules, found, place, _without_ordinary(folder, found, place, names, pieces))
            else:
                with os.scandir(place) as entries:
                    sort_out(rules, found, place, entries)
    return found


def _told_folder(rules: Rules, folder: Folder, answer: Answer) -> Found | SkippedPath:
    """The same, from what a scout found."""
    found = _begun(folder, answer.identity)
    if not isinstance(found, Found):
        return found
    rest = add_told(found, answer)
    if rest:
        with _opened(rules.where(folder.path)) as place:
            assert isinstance(place, int)
            if identity(os.stat(place)) != answer.identity:
                return read_folder(rules, folder)
            sort_out(rules, found, place, _without_ordinary(folder, found, place, rest, None))
    return found


def add_told(found: Found, answer: Answer) -> list[str]:
    """Take the files and folders that a scout found; the names that need a closer look."""
    prefix, names = found.prefix, answer.files
    if names:
        paths = (prefix + names.replace("\0", "\0" + prefix)).split("\0")
        found.files += map(LocalPath, paths, *answer.numbers())
    for name in answer.folders:
        found.others[name] = Folder(prefix + name, False, found.chain)
    return answer.rest


def _begun(folder: Folder, me: tuple[int, int]) -> Found | SkippedPath:
    if me in folder.above and me[1]:  # some file systems of Windows number nothing
        detail = "it leads back to a folder above it"
        return SkippedPath(folder.path, "symlink loop", detail, subtree=True)
    return Found(folder.path + "/" if folder.path else "", (*folder.above, me))


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


def _without_ordinary(folder: Folder, found: Found, place: int, names: list[str], pieces: Pieces | None) -> list[Entry]:
    """Take the ordinary files, and leave whatever needs a closer look."""
    unseen = _odd_names(names)
    if unseen:
        names = [name for name in names if name not in unseen]
    rest: list[Entry] = []
    for piece in (names,) if pieces is None else pieces(folder, found, names):
        _look_at(found, place, piece, rest, unseen)
    if unseen:
        with os.scandir(place) as entries:
            rest += [entry for entry in entries if entry.name in unseen]
    return rest


def _look_at(found: Found, place: int, names: list[str], rest: list[Entry], unseen: set[str]) -> None:
    """Use the names up: take the ordinary files, let `rest` have the others, and `unseen` what refuses a look."""
    # The hot loop of a scan: locals, no call but the look itself and the record, nothing asked of a single name.
    prefix, add, look, take = found.prefix, found.files.append, os.lstat, names.pop
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
        if mode & _KIND_AND_READERS == _FILE_FOR_ALL or (stat.S_ISREG(mode) and readable(place, name, status)):
            ns = status.st_mtime_ns
            millis = ns // NS_PER_MILLI if ns % NS_PER_MILLI < ALMOST_NEXT else millis_from_ns(ns)
            add(LocalPath(prefix + name, status.st_size, millis))
        else:
            rest.append(Seen(name, place, status))


def _odd_names(names: list[str]) -> set[str]:
    """Those that are no Unicode or may be names of our temporary files: nearly always none, as all together tell."""
    together = "/" + "/".join(names)
    if "/" + OURS not in together and (together.isascii() or not SURROGATE.search(together)):
        return set()
    return {name for name in names if name.startswith(OURS) or SURROGATE.search(name)}
