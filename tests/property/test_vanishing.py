"""A source that goes away while it is synced: what was to be brought is never removed at the destination instead."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from returns.io import IOResult, IOSuccess
from returns.unsafe import unsafe_perform_io

from b2pure.effects.bag import Bag
from b2pure.effects.events import PathStarted
from b2pure.model.errors import LocalFailure
from b2pure.model.files import LocalFact
from b2pure.model.policy import Delete, KeepDays, NoDelete, SyncPolicy
from b2pure.shell.client import Client
from b2pure.shell.disk import LocalDisk
from b2pure.shell.folders import LocalFolderOnDisk
from b2pure.testing import simulated_b2

KEEPS = st.sampled_from([NoDelete(), Delete(), KeepDays(10)])


@given(st.sets(st.integers(0, 9), min_size=1), st.sets(st.integers(0, 9)), st.integers(0, 9), KEEPS, st.integers(0, 99))
def test_what_was_there_when_a_sync_began_stays_in_b2(
    changed: set[int], vanishing: set[int], start: int, keep: Any, seed: int
) -> None:
    world = simulated_b2("bucket", seed=seed)
    here = world.disk("here")
    for number in range(10):
        here.put(f"f{number}", b"old", 1000)
    assert world.client.sync("here", "b2://bucket").ok
    for number in changed:
        here.put(f"f{number}", b"newer", 2000)
    begun: list[str] = []

    def vanish(event: object) -> None:
        if isinstance(event, PathStarted):
            begun.append(event.path)
            if len(begun) == start:
                for number in vanishing:
                    if f"f{number}" in here.files:
                        here.remove(f"f{number}")

    report = world.client.sync("here", "b2://bucket", SyncPolicy(keep=keep), listener=vanish)
    held = world.contents("bucket")
    assert set(held) == {f"f{number}" for number in range(10)}
    assert report.ok == all(held[f"f{number}"] == b"newer" for number in changed), "what did not come is told"


def test_nothing_is_missing_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    (root / "a").write_bytes(b"a")
    disk = LocalFolderOnDisk(str(root)).disk
    assert _told(disk.stat("b")) is None
    os.rename(root, tmp_path / "elsewhere")
    assert "the synced folder cannot be read" in _told(disk.stat("b")).detail
    assert "the synced folder cannot be read" in _told(LocalFolderOnDisk(str(root)).disk.stat("a")).detail
    (tmp_path / "other").mkdir()
    os.rename(tmp_path / "other", root)  # as the empty folder where something was mounted
    assert "is something not mounted?" in _told(disk.stat("a")).detail
    assert _told(LocalDisk(root).stat("a")) is None, "whoever downloads to one file does not mind"


def test_a_plan_removes_nothing_where_its_source_is_not_there(tmp_path: Path) -> None:
    world = simulated_b2("bucket")
    photos = tmp_path / "photos"
    photos.mkdir()
    client = Client(world.api, world.clock)
    for name in "ab":
        (photos / name).write_text(name)
    assert client.sync(str(photos), "b2://bucket").ok
    (photos / "b").unlink()
    plan = client.plan_sync(str(photos), "b2://bucket", keep=Delete())
    shutil.move(photos, tmp_path / "gone")
    report = client.apply(plan)
    assert not report.ok
    assert set(world.contents("bucket")) == {"a", "b"}


@given(st.lists(st.integers()))
def test_one_who_works_alone_takes_things_in_order(things: list[int]) -> None:
    bag: Bag[int] = Bag(max(1, len(things)), None, patience=0)
    for thing in things:
        assert bag.put(thing)
    bag.close()
    assert [bag.take() for _ in things] == things
    assert bag.take() is None


def _told(result: IOResult[LocalFact | None, LocalFailure]) -> Any:
    """What a look told: the fact, or the failure."""
    return unsafe_perform_io(result.value_or(None) if isinstance(result, IOSuccess) else result.failure())
