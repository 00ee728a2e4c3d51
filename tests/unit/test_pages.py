"""A bucket that answers slowly is listed in several threads; what fails there fails where it would have."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from itertools import chain
from threading import Lock
from typing import TypeVar

import pytest
from attrs import frozen
from returns.io import IOResult

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Reader
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulator import Simulator
from b2pure.model.calls import Call, ListFileVersions, ListVersionsToCompare
from b2pure.model.errors import B2Error, InvalidArgument
from b2pure.model.ids import FileId
from b2pure.plan.failures import PlanFailed
from b2pure.plan.spread import PATIENCE_SECONDS, Cursor
from b2pure.shell.client import Client
from b2pure.shell.clock import SystemClock
from b2pure.shell.pages import files_of

R = TypeVar("R")

_COUNT = 65_000
_PAGE = 10_000


class _Slow(SimulatedApi):
    """Listings take a while; how many are under way at once is counted."""

    under_way = most = calls = 0
    lock = Lock()

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        if type(call) not in (ListFileVersions, ListVersionsToCompare):
            return super().send(call, credential, reader)
        with self.lock:
            self.calls += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        time.sleep(4 * PATIENCE_SECONDS)
        try:
            return super().send(call, credential, reader)
        finally:
            with self.lock:
                self.under_way -= 1


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    """A bucket of several pages."""
    made = Simulator(SystemClock().now_millis)
    bucket = made.add_bucket("big").bucket_id
    for number in range(_COUNT):
        made.put(bucket, _name(number), b"")
    return made


def _name(number: int) -> str:
    return f"d/{number:06d}"


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (2, 2), (10, 4)])
def test_a_slow_bucket_is_listed_in_several_places(workers: int, most: int, simulator: Simulator) -> None:
    """The files are those of the bucket in order, at most four calls are under way, and few are made in vain."""
    api = _Slow(simulator, simulator.master_key_id, simulator.master_key)
    with Client(api, SystemClock(), workers=workers) as client:
        assert [file.file_name for file in client.ls("b2://big", recursive=True, versions=True)] == [
            _name(number) for number in range(_COUNT)
        ]
    assert api.most == most
    assert api.calls <= 8 + 3 * (most - 1)


@frozen
class _File:
    file_name: str
    file_id: FileId | None = None


def _page(start: Cursor | None, count: int) -> tuple[Sequence[_File], Cursor | None]:
    at = 0 if start is None else int(start.name[2:].ljust(6, "0"))
    files = [_File(_name(number)) for number in range(at, min(at + count, _COUNT))]
    return files, Cursor(_name(at + count)) if at + count < _COUNT else None


def test_what_came_before_a_failure_is_given_first() -> None:
    """A page that cannot be had ends the files where it would have stood, and no thread is left."""
    broken = _name(3 * _PAGE)

    def fetch(start: Cursor | None, count: int) -> tuple[Sequence[_File], Cursor | None]:
        time.sleep(2 * PATIENCE_SECONDS)
        if start is not None and start.name >= broken:
            raise PlanFailed(InvalidArgument("page", "is gone"))
        return _page(start, count)

    found: list[_File] = []
    reading = chain.from_iterable(files_of(fetch, "d/", 4))
    with pytest.raises(PlanFailed, match="is gone"):
        found.extend(reading)
    assert [file.file_name for file in found] == [_name(number) for number in range(len(found))]
    assert 3 * _PAGE <= len(found) < 4 * _PAGE
    assert not _threads()


def test_a_guess_that_fails_costs_no_file() -> None:
    """Where only a page that was guessed cannot be had, nobody notices."""
    told: list[Cursor | None] = [None]
    refused = []

    def fetch(start: Cursor | None, count: int) -> tuple[Sequence[_File], Cursor | None]:
        time.sleep(4 * PATIENCE_SECONDS)
        if start not in told:
            refused.append(start)
            raise PlanFailed(InvalidArgument("name", "is none of ours"))
        files, end = _page(start, count)
        told.append(end)
        return files, end

    found = [file.file_name for files in files_of(fetch, "d/", 4) for file in files]
    assert found == [_name(number) for number in range(_COUNT)]
    assert 1 <= len(refused) <= 3


def test_who_stops_reading_leaves_no_thread() -> None:
    """What is under way is waited for, and what has not begun is not begun."""
    reading = files_of(_page, "d/", 4)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert not _threads()


def test_who_wants_the_first_files_asks_for_no_more() -> None:
    """With a small first page nothing is fetched ahead of it."""
    asked = []

    def fetch(start: Cursor | None, count: int) -> tuple[Sequence[_File], Cursor | None]:
        asked.append(count)
        return _page(start, count)

    assert len(next(files_of(fetch, "d/", 4, first=10))) == 10
    assert asked == [10]


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("b2pure-list")]
