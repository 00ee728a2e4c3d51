"""The files of a bucket in order, its pages fetched ahead in several threads: what `plan/spread.py` decides, done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_LIST_COUNT
from b2pure.plan.failures import PlanFailed
from b2pure.plan.spread import PATIENCE_SECONDS, Ask, Cursor, Listed, Spread

__all__ = ["Fetch", "Page", "cursor", "files_of"]

F = TypeVar("F", bound=Listed)

Page = tuple[Sequence[F], Cursor | None]
"""The files of a page, and where the next one begins."""

Fetch = Callable[[Cursor | None, int], Page[F]]
"""Asks B2 for a page of at most so many files from there on (None: from the beginning). Raises PlanFailed."""


def cursor(name: str | None, file_id: FileId | None = None) -> Cursor | None:
    """Where B2 says that the next page begins."""
    return None if name is None else Cursor(name, file_id)


def files_of(fetch: Fetch[F], prefix: str, ways: int, *, first: int = MAX_LIST_COUNT) -> Iterator[Sequence[F]]:
    """All files, whose names begin with `prefix`, as they come; `ways` calls may be under way at once. With a `first`
    page that is not the largest nothing is fetched ahead of it: who wants no more pays for no more. Raises PlanFailed.
    """
    files, end = fetch(None, first)
    if end is None or first < MAX_LIST_COUNT:
        yield files
        files = files[:0]
    if end is None:
        return
    spread = Spread(prefix, files, end, ways)
    del files  # which would be there until the last one has been read
    with ThreadPoolExecutor(ways, thread_name_prefix="b2pure-list") as pool:
        try:
            yield from _Reading(fetch, spread, pool).files()
        finally:
            pool.shutdown(cancel_futures=True)


class _Reading(Generic[F]):
    """One listing while it is read."""

    def __init__(self, fetch: Fetch[F], spread: Spread[F], pool: ThreadPoolExecutor) -> None:
        self._fetch, self._spread, self._pool = fetch, spread, pool
        self._running: dict[Future[Page[F]], Ask] = {}
        self._broken: PlanFailed | None = None

    def files(self) -> Iterator[Sequence[F]]:
        """The files. What came before a failure is given first."""
        while not self._spread.done:
            self._collect()
            self._start()
            files = self._spread.take()
            if files is not None:
                yield files
            elif self._broken is not None:
                raise self._broken
            else:
                done, _ = wait(self._running, PATIENCE_SECONDS, FIRST_COMPLETED)
                if not done:
                    self._spread.starved()
                    self._start()
                    wait(self._running, return_when=FIRST_COMPLETED)

    def _start(self) -> None:
        for ask in self._spread.wanted():
            self._running[self._pool.submit(self._fetch, ask.start, ask.count)] = ask

    def _collect(self) -> None:
        for future in [future for future in self._running if future.done()]:
            ask = self._running.pop(future)
            try:
                page = future.result()
            except PlanFailed as failed:
                if self._spread.failed(ask):
                    self._broken = failed
            else:
                self._spread.came(ask, *page)
