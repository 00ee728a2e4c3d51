"""Laws of plans that are kept: what is saved is what is applied, and what moved meanwhile is left alone.

Rules. Both sides of a comparison are built from the same scene, so that ids agree. Whatever moves, moves between the
plan and its application, as somebody else's doing: by the simulator's and the disk's own doors, not by a client.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from worlds_support import (
    DEST_BUCKET,
    SOURCE_BUCKET,
    Job,
    Scene,
    Step,
    build,
    delete_newest,
    hide,
    history,
    jobs,
    policy_of,
    put,
    scenes,
    shown,
    source_shown,
    stored_ids,
    sync,
)

from b2pure.effects.simulator import Committed
from b2pure.model.policy import Delete, KeepDays, KeepOrDelete, NoDelete
from b2pure.plan.actions import CopyAction, DownloadAction, FileSync, UploadAction, actions_of
from b2pure.shell.plans import Plan
from b2pure.testing import SimulatedB2

Move = Literal["new version", "gone or hidden", "back to nothing"]
MOVES = st.lists(st.sampled_from((None, "new version", "gone or hidden", "back to nothing")), min_size=6, max_size=6)


def plan_of(world: SimulatedB2, scene: Scene, keep: KeepOrDelete) -> Plan:
    """The plan, read, so that nothing that moves later is in it."""
    plan = world.client.plan_sync(*scene.places, policy_of(keep))
    list(plan)
    return plan


def transfers(plan: Iterable[FileSync]) -> set[str]:
    kinds = UploadAction | CopyAction | DownloadAction
    return {one.path for one in plan if any(isinstance(action, kinds) for action in actions_of(one))}


# --- L35 -------------------------------------------------------------------------------------------------------------


@given(jobs())
def test_a_saved_plan_is_applied_like_the_plan(job: Job) -> None:
    """L35: report, calls in their order, and end state."""
    scene, keep, seed = job

    def end(saved: bool) -> tuple[object, ...]:
        world = build(scene, seed=seed)
        plan = plan_of(world, scene, keep)
        with TemporaryDirectory() as folder:
            name = Path(folder) / "plan.jsonl"
            plan.save(name)
            report = world.client.apply(Plan.load(name).unwrap() if saved else plan)
        journal: list[Committed] = world.simulator.journal
        return report, journal, history(world, scene)

    assert end(saved=True) == end(saved=False)


@given(jobs())
def test_applying_a_plan_does_what_a_sync_does(job: Job) -> None:
    """Planned and carried out in one stream, or one after the other: all the same when nothing moves."""
    scene, keep, seed = job
    one, other = build(scene, seed=seed), build(scene, seed=seed)
    applied = one.client.apply(plan_of(one, scene, keep))
    synced = sync(other, scene, keep)
    assert applied == synced
    assert history(one, scene) == history(other, scene)


@given(st.one_of(scenes("up"), scenes("copy")), st.sampled_from((NoDelete(), Delete(), KeepDays(1))), MOVES)
def test_exactly_the_paths_whose_destination_moved_are_reported_and_left_alone(
    scene: Scene, keep: KeepOrDelete, moves: list[Move | None]
) -> None:
    """L35 for a destination in B2: a new version, a hide marker, or a version gone."""
    world = build(scene, seed=3)
    plan = plan_of(world, scene, keep)
    moved = move_dest(world, [one.path for one in plan], moves)
    still = {path: past for path, past in history(world, scene).items() if path in moved}
    report = world.client.apply(plan)
    assert {outcome.sync.path for outcome in report.drifted} == moved
    assert not any((report.failed, report.refused, report.skipped))
    assert {path: past for path, past in history(world, scene).items() if path in moved} == still
    check_the_rest(scene, keep, world, moved)


def move_dest(world: SimulatedB2, paths: list[str], moves: list[Move | None]) -> set[str]:
    """Do what the moves say to the names at the destination, as far as that changes anything; the names it changed."""
    moved = set()
    world.clock.advance(1)
    for path, move in zip(paths, moves, strict=False):
        before = stored_ids(world)
        if move == "new version":
            put(world, DEST_BUCKET, "to/" + path, b"somebody else's", 99)
        elif move == "gone or hidden":
            hide(world.simulator, DEST_BUCKET, "to/" + path)
        elif move == "back to nothing":
            delete_newest(world.simulator, DEST_BUCKET, "to/" + path)
        if stored_ids(world) != before:
            moved.add(path)
    return moved


def check_the_rest(scene: Scene, keep: KeepOrDelete, world: SimulatedB2, moved: set[str]) -> None:
    """What did not move is as if nothing had."""
    calm = build(scene, seed=3)
    assert calm.client.apply(plan_of(calm, scene, keep)).ok
    expected, found = history(calm, scene), history(world, scene)
    assert {path for path in expected if path not in moved} == {path for path in found if path not in moved}
    assert all(found[path] == past for path, past in expected.items() if path not in moved)


@given(scenes("down"), st.sampled_from((NoDelete(), Delete())), MOVES)
def test_exactly_the_local_files_that_moved_are_reported_and_left_alone(
    scene: Scene, keep: KeepOrDelete, moves: list[Move | None]
) -> None:
    """L35 for a destination on disk. A file that the plan would delete and that is gone is no drift: it is done."""
    world = build(scene, seed=3)
    plan = plan_of(world, scene, keep)
    disk, loading = world.disk("there"), transfers(plan)
    moved = set()
    for one, move in zip(plan, moves, strict=False):
        if move == "new version":
            disk.put(one.path, b"somebody else's", 99)
            moved.add(one.path)
        elif move is not None and one.path in disk.files and one.path in loading:
            disk.remove(one.path)
            moved.add(one.path)
    still = {path: past for path, past in history(world, scene).items() if path in moved}
    report = world.client.apply(plan)
    assert {outcome.sync.path for outcome in report.drifted} == moved
    assert not any((report.failed, report.refused))
    assert {path: past for path, past in history(world, scene).items() if path in moved} == still
    check_the_rest(scene, keep, world, moved)
    assert not disk.temps


@given(scenes("up"), st.sampled_from((NoDelete(), Delete(), KeepDays(1))), MOVES)
def test_exactly_the_sources_that_moved_are_reported_and_nothing_is_done_for_them(
    scene: Scene, keep: KeepOrDelete, moves: list[Move | None]
) -> None:
    """L35 for local sources: changed or gone since the plan; what would have been deleted afterwards stays."""
    world = build(scene, seed=3)
    plan = plan_of(world, scene, keep)
    disk, moved = world.disk("here"), set()
    for path, move in zip(sorted(transfers(plan)), moves, strict=False):
        if move == "new version":
            disk.put(path, b"somebody else's", 99)
        elif move is not None:
            disk.remove(path)
        if move is not None:
            moved.add(path)
    still = {path: past for path, past in history(world, scene).items() if path in moved}
    report = world.client.apply(plan)
    assert {outcome.sync.path for outcome in report.drifted} == moved
    assert not any((report.failed, report.refused))
    assert {path: past for path, past in history(world, scene).items() if path in moved} == still
    check_the_rest(scene, keep, world, moved)


@given(st.one_of(scenes("down"), scenes("copy")), MOVES)
def test_exactly_the_sources_in_b2_whose_version_is_gone_are_reported(scene: Scene, moves: list[Move | None]) -> None:
    """L35 for a source in B2: what a version holds never changes, so only its end counts; a newer one does not."""
    world = build(scene, seed=3)
    plan = plan_of(world, scene, NoDelete())
    moved = set()
    for path, move in zip(sorted(transfers(plan)), moves, strict=False):
        if move == "new version":
            put(world, SOURCE_BUCKET, "from/" + path, b"somebody else's", 99)
        elif move is not None:
            delete_newest(world.simulator, SOURCE_BUCKET, "from/" + path)
            moved.add(path)
    report = world.client.apply(plan)
    assert {outcome.sync.path for outcome in report.drifted} == moved
    assert not any((report.failed, report.refused))
    check_the_rest(scene, NoDelete(), world, moved)


# --- sync plans again where apply does not ---------------------------------------------------------------------------


@given(st.one_of(scenes("up"), scenes("copy")), MOVES, st.integers(1, 40))
def test_a_sync_under_whose_hands_the_destination_moves_still_ends_right(
    scene: Scene, moves: list[Move | None], moment: int
) -> None:
    """Where `apply` reports drift, `sync` plans the path again: the source's names show its content in the end, except
    where somebody else wrote after the path was done.
    """
    world = build(scene, seed=3)
    paths, moved = sorted(scene.source), set()
    count = 0

    def observe(_: str, effect: object) -> None:
        nonlocal count
        count += 1
        if count == moment:
            moved.update(move_dest(world, paths, moves))

    world.observer = observe
    report = sync(world, scene, NoDelete())
    assert not any((report.failed, report.refused))
    for path, data in source_shown(world, scene).items():
        assert shown(world, scene).get(path) == data or path in moved
    world.observer = None
    assert sync(world, scene, NoDelete()).ok
    after = shown(world, scene)
    assert all(after.get(path) == data for path, data in source_shown(world, scene).items())


def test_a_plan_that_ran_already_drifts_everywhere_and_does_nothing_twice() -> None:
    """Applying a plan again is harmless: each of its paths has moved, by its own doing."""
    new, old = Step("put", 5000, 1), Step("put", 1000, 1)
    scene = Scene("up", {"a": (new,), "b": (new,)}, {"a": (old,), "c": (old,)})
    world = build(scene, seed=1)
    plan = plan_of(world, scene, KeepDays(1))
    assert world.client.apply(plan).ok
    after = history(world, scene)
    report = world.client.apply(plan)
    assert {outcome.sync.path for outcome in report.drifted} == {"a", "b", "c"}
    assert report.done == {}
    assert history(world, scene) == after
