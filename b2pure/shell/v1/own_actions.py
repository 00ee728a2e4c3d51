"""A sync with actions of somebody's own: what a subclass of Synchronizer makes of the plan is what is done.

Rules. The actions of one path run one after the other, in the order in which they came, and end with the first that
fails: nothing is deleted whose replacement failed. Paths run side by side. Few actions are asked for ahead of those
that run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from threading import BoundedSemaphore
from typing import Any

from b2pure.shell.v1.bucket import Bucket
from b2pure.shell.v1.sync_actions import AbstractAction
from b2pure.shell.v1.sync_file import File

__all__ = ["pairs_by_name", "run_actions"]

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


def _by_path(actions: Iterable[AbstractAction]) -> Iterator[list[AbstractAction]]:
    for _, path in groupby(actions, lambda action: getattr(action, "relative_name", None) or id(action)):
        yield list(path)


def pairs_by_name(source: Iterable[File], dest: Iterable[File]) -> Iterator[Pair]:
    """The files of two folders by name; both come in B2's order."""
    ours, theirs = iter(source), iter(dest)
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.name < other.name):
            yield one, None
            one = next(ours, None)
        elif one is None or other.name < one.name:
            yield None, other
            other = next(theirs, None)
        else:
            yield one, other
            one, other = next(ours, None), next(theirs, None)
