"""A sync with actions of somebody's own, or between folders that no programs run over, as those of mocks are: what is
made of each pair of files is what is done.

Rules. The actions of one path run one after the other, in the order in which they came, and end with the first that
fails: nothing is deleted whose replacement failed. Paths run side by side. Few actions are asked for ahead of those
that run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from heapq import merge
from itertools import groupby
from threading import BoundedSemaphore
from typing import Any

from b2pure.shell.v1.bucket import Bucket
from b2pure.shell.v1.sync_actions import AbstractAction
from b2pure.shell.v1.sync_file import File
from b2pure.shell.v1.sync_report import SyncReport

__all__ = ["compared", "counted", "pairs_by_name", "run_actions", "scanned"]

Pair = tuple[File | None, File | None]


def run_actions(
    actions: Iterable[AbstractAction], bucket: Bucket, reporter: Any, *, dry_run: bool, workers: int
) -> int:
    """Run them; how many paths failed. What fails was told to the reporter. Raises what the actions' source raises,
    when those that came before have run.
    """
    failed: list[Exception] = []
    places = BoundedSemaphore(2 * workers)

    def run(path: list[AbstractAction]) -> None:
        try:
            for action in path:
                action.run(bucket, reporter, dry_run)
        except Exception as error:
            failed.append(error)
        finally:
            places.release()

    with ThreadPoolExecutor(workers, thread_name_prefix="b2pure-action") as pool:
        for path in _by_path(actions):
            places.acquire()
            pool.submit(run, path)
    return len(failed)


def scanned(files: Iterable[File], reporter: SyncReport | None) -> Iterator[File]:
    """The files of a local folder; the reporter hears how many there are."""
    for file in files:
        if reporter is not None:
            reporter.update_local(1)
        yield file
    if reporter is not None:
        reporter.end_local()


def compared(pairs: Iterable[Pair], reporter: SyncReport | None) -> Iterator[Pair]:
    """Pairs of files; the reporter hears of each that the source has, when what comes of it was asked for."""
    for pair in pairs:
        yield pair
        if reporter is not None and pair[0] is not None:
            reporter.update_compare(1)


def counted(actions: Iterable[AbstractAction], reporter: SyncReport | None) -> Iterator[AbstractAction]:
    """Actions; at their end the reporter hears how much there is to do."""
    files = length = 0
    for action in actions:
        files += 1
        length += action.get_bytes()
        yield action
    if reporter is not None:
        reporter.end_compare(files, length)


def _by_path(actions: Iterable[AbstractAction]) -> Iterator[list[AbstractAction]]:
    for _, path in groupby(actions, lambda action: getattr(action, "relative_name", None) or id(action)):
        yield list(path)


def pairs_by_name(source: Iterable[File], dest: Iterable[File]) -> Iterator[Pair]:
    """The files of two folders by name; both come in B2's order."""
    both = merge((("source", file) for file in source), (("dest", file) for file in dest), key=_name)
    for _, found in groupby(both, _name):
        files = dict(found)
        yield files.get("source"), files.get("dest")


def _name(found: tuple[str, File]) -> str:
    return found[1].name
