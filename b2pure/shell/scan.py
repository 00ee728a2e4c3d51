"""What a local folder holds, in B2's order.

Rules. The order is that of the whole paths by code point, so a folder's files come where `name + "/"` sorts.
Nothing is touched before the filters, where there are any, were asked. What cannot be used is remarked upon as a
`SkippedPath` in its own sorted place, so that a planner never takes it for absent; what vanishes while it is looked at
is absent. One folder is read at a time, or a few ahead of a large tree (`scan_ahead`), and held until its last file is
handed out. A folder is read no later than where its bare name sorts, because only then an unreadable one can still be
remarked upon in its place (`a` comes before `a-b`, and `a-b` before `a/x`).

Ordinary files, which nearly all are, stay in a list of their own and are handed out run by run: what they cost is one
look, one record and one comparison of names.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import Final

from b2pure.model.errors import LocalFailure, describe
from b2pure.model.files import LocalItem
from b2pure.plan.ahead import USUAL, Ahead
from b2pure.shell.folder import explain
from b2pure.shell.scan_ahead import Reader
from b2pure.shell.scan_values import Excludes, Folder, Found, Rules

__all__ = ["ScanFailed", "scan"]

_PATH: Final = attrgetter("path")


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
    ahead: Ahead | None = USUAL,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[LocalItem]:
    """The files below `root`, strictly in B2's order.

    The filters get paths relative to the root, without a `/` at the end. Links are followed, or told as skipped with
    `exclude_symlinks`; with `stay_inside` (a folder that will be written to) linked folders are told as skipped,
    wherever they lead: a file must not be compared, and removed, under two names. The root is read by this call,
    which raises ScanFailed when it cannot be; every other folder is read when the iteration comes to it, or before that
    where the tree is large, as far `ahead` as that says (None: not at all); a second process helps then, unless it
    tells nothing for long by the `clock`, which gives seconds and never goes back.
    """
    rules = Rules(os.fspath(root), excludes_directory, excludes_file, exclude_symlinks, stay_inside)
    reader = Reader(rules, ahead, clock)
    try:
        found = reader.root()
    except (OSError, ValueError) as error:
        reader.close()
        raise ScanFailed(LocalFailure("scan", os.fspath(root), _root_problem(error))) from None
    return chain.from_iterable(_walk(reader, found))


def _root_problem(error: OSError | ValueError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such folder; check the path"
        case NotADirectoryError():
            return "it is not a folder; choose another"
        case OSError():
            return explain(error)
        case _:
            return "the path is not usable"


def _walk(reader: Reader, root: Found) -> Iterator[Sequence[LocalItem]]:
    # A stack of our own: a tree may be deeper than Python's.
    stack = [_in_order(reader, root)]
    try:
        while stack:
            for run in stack[-1]:
                if isinstance(run, Found):
                    stack.append(_in_order(reader, run))
                    break
                yield run
                del run  # or it would be held while the next folder is read
            else:
                stack.pop()
    finally:
        reader.close()


def _in_order(reader: Reader, found: Found) -> Iterator[Sequence[LocalItem] | Found]:
    """The items of a folder in runs, each inner folder's content (as a `Found`) where its files sort."""
    files, others, prefix = found.files, found.others, found.prefix
    files.sort(key=_PATH)
    waiting: list[tuple[str, Found]] = []  # the next one is the last: "a-/" comes before "a/"
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
        below = reader.read(item) if isinstance(item, Folder) else item
        if isinstance(below, Found):
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
