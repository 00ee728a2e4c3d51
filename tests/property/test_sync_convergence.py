"""Laws of a whole sync against a simulated B2: what the destination shows afterwards, and at every moment before.

Rules. Every run is the real client with the real programs over the simulator, interleaved by a drawn seed. Policies
compare by modification time and replace what is newer, so that the laws have no exceptions for conflicts.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from worlds_support import (
    BYSTANDERS,
    DEST_BUCKET,
    Scene,
    Step,
    action_key,
    build,
    content,
    history,
    jobs,
    plan_actions,
    planned,
    policy_of,
    scenes,
    shown,
    source_shown,
    stored_ids,
    sync,
    unfinished,
    watch_names,
)

from b2pure.effects.effect import AnyEffect, DeleteLocal, Publish
from b2pure.effects.simulator import Committed
from b2pure.model.calls import CopyFile, DeleteFileVersion, FinishLargeFile, HideFile, StartLargeFile, UploadFile
from b2pure.model.errors import LocalFailure
from b2pure.model.limits import PartSizes
from b2pure.model.policy import Delete, KeepDays, KeepOrDelete, NoDelete
from b2pure.plan.actions import CopyAction, DeleteAction, FileSync, HideAction, LocalDeleteAction
from b2pure.plan.plan import SyncPlan
from b2pure.testing import SimulatedB2

SEEDS = st.integers(0, 10_000)


def check_converged(world: SimulatedB2, scene: Scene, keep: KeepOrDelete, before: dict[str, bytes]) -> None:
    ours, theirs = source_shown(world, scene), shown(world, scene)
    kept = {name: data for name, data in before.items() if name not in ours} if keep == NoDelete() else {}
    assert theirs == {**ours, **kept}


# --- L1 --------------------------------------------------------------------------------------------------------------


@given(jobs())
def test_after_a_sync_the_destination_shows_the_source(job: tuple[Scene, KeepOrDelete, int]) -> None:
    """L1: for every name of the source its content; no other names unless nothing may be deleted."""
    scene, keep, seed = job
    world = build(scene, seed=seed)
    before = shown(world, scene)
    report = sync(world, scene, keep)
    assert report.ok, report
    check_converged(world, scene, keep, before)


@given(scenes(strange=True), SEEDS)
def test_names_of_every_kind_arrive(scene: Scene, seed: int) -> None:
    """L1 for any names that both sides can hold."""
    world = build(scene, seed=seed)
    assert sync(world, scene, Delete()).ok
    check_converged(world, scene, Delete(), {})


@given(jobs())
def test_a_sync_leaves_alone_what_lies_beside_its_prefix_and_no_large_file_unfinished(
    job: tuple[Scene, KeepOrDelete, int],
) -> None:
    scene, keep, seed = job
    world = build(scene, seed=seed)
    source = source_shown(world, scene)
    sync(world, scene, keep)
    contents = world.contents(DEST_BUCKET)
    assert {name: contents.get(name) for name in BYSTANDERS} == dict.fromkeys(BYSTANDERS, b"bystander")
    assert source_shown(world, scene) == source
    assert unfinished(world) == 0


@given(scenes("copy"), SEEDS)
def test_a_copy_in_parts_is_the_same_as_a_copy_in_one(scene: Scene, seed: int) -> None:
    """L1 for large copies, which B2's own limits put out of a test's reach: the plan is rewritten to use parts."""
    world = build(scene, seed=seed)
    before = shown(world, scene)
    plan = world.client.plan_sync(*scene.places, policy_of(NoDelete()))
    report = world.client.apply(in_parts(plan))
    assert report.ok, report
    check_converged(world, scene, NoDelete(), before)
    assert not planned(world, scene, NoDelete())
    assert unfinished(world) == 0


def in_parts(plan: SyncPlan) -> SyncPlan:
    """The plan with every copy of 16 bytes or more in parts."""

    def change(one: FileSync) -> FileSync:
        stages = tuple(tuple(parted(action) for action in stage) for stage in one.stages)
        return FileSync(one.path, one.reason, stages)

    def parted(action: Any) -> Any:
        if not isinstance(action, CopyAction) or action.source.size < 16:
            return action
        return CopyAction(action.path, action.source, action.expect, PartSizes(8, 8))

    return plan.rewrite(change)


@given(scenes("down", clashing=True), st.sampled_from((NoDelete(), Delete())), SEEDS)
def test_where_a_name_is_file_and_folder_one_is_reported_and_nothing_is_lost(
    scene: Scene, keep: KeepOrDelete, seed: int
) -> None:
    """L1 for names that no local folder can hold together: what is not there afterwards is named in the report, what
    stood in the way is whole, everything else is synced, and running it again changes nothing that is right.
    """
    world = build(scene, seed=seed)
    ours, before = source_shown(world, scene), shown(world, scene)
    report = sync(world, scene, keep)
    after = shown(world, scene)
    failed = {outcome.sync.path for outcome in report.failed}
    assert not report.refused
    for path, data in ours.items():
        assert after.get(path) == data or path in failed
    for outcome in report.failed:
        assert isinstance(outcome.error, LocalFailure)
        assert clashes(outcome.sync.path, {*ours, *before})
    for path, data in before.items():
        if path not in ours:
            assert path in after or keep == Delete()
        assert path not in after or after[path] in (data, ours.get(path))
    assert not world.disk("there").temps


def clashes(path: str, names: set[str]) -> bool:
    return any(path.startswith(name + "/") or name.startswith(path + "/") for name in names)


# --- L2 --------------------------------------------------------------------------------------------------------------


@given(jobs())
def test_planning_again_right_after_a_sync_gives_no_actions(job: tuple[Scene, KeepOrDelete, int]) -> None:
    """L2, at the same moment (a simulated clock stands still while nobody sleeps)."""
    scene, keep, seed = job
    world = build(scene, seed=seed)
    sync(world, scene, keep)
    assert plan_actions(planned(world, scene, keep)) == []


@given(scenes(), SEEDS)
def test_with_zero_days_a_second_sync_only_deletes_and_a_third_does_nothing(scene: Scene, seed: int) -> None:
    """L2 for KeepDays(0): what the first run superseded was visible until `now`, so that only the second may delete
    it, even at the same moment.
    """
    if scene.direction == "down":
        scene = Scene("copy", scene.source, scene.dest)
    world = build(scene, seed=seed)
    sync(world, scene, KeepDays(0))
    again = plan_actions(planned(world, scene, KeepDays(0)))
    assert all(isinstance(action, DeleteAction) for action in again)
    visible = shown(world, scene)
    assert sync(world, scene, KeepDays(0)).ok
    assert shown(world, scene) == visible
    assert plan_actions(planned(world, scene, KeepDays(0))) == []


@given(jobs(), st.integers(0, 30 * 86_400_000))
def test_as_time_passes_a_second_sync_never_transfers_and_never_hides(
    job: tuple[Scene, KeepOrDelete, int], millis: int
) -> None:
    """L2 at a later moment: what is due is deleted, nothing else happens."""
    scene, keep, seed = job
    world = build(scene, seed=seed)
    sync(world, scene, keep)
    visible = shown(world, scene)
    world.clock.advance(millis)
    again = plan_actions(planned(world, scene, keep))
    assert all(isinstance(action, DeleteAction) for action in again)
    assert isinstance(keep, KeepDays) or not again
    sync(world, scene, keep)
    assert shown(world, scene) == visible


# --- L5, L9, L10 -----------------------------------------------------------------------------------------------------


@given(st.one_of(scenes("up"), scenes("copy")), SEEDS)
def test_without_deleting_the_versions_only_grow(scene: Scene, seed: int) -> None:
    """L5, at every moment."""
    world = build(scene, seed=seed)
    known = [stored_ids(world)]

    def observe(moment: str, effect: AnyEffect) -> None:
        now = stored_ids(world)
        assert now >= known[0]
        known[0] = now

    world.observer = observe
    assert sync(world, scene, NoDelete()).ok


@given(jobs())
def test_at_every_moment_names_of_the_source_stay_visible_and_nothing_old_comes_back(
    job: tuple[Scene, KeepOrDelete, int],
) -> None:
    """L9 and L10: the observer looks at the destination after every call and every change of the disk."""
    scene, keep, seed = job
    world = build(scene, seed=seed)
    world.observer = watch_names(world, scene)
    assert sync(world, scene, keep).ok


# --- L26 -------------------------------------------------------------------------------------------------------------


@given(jobs())
def test_what_a_run_does_is_what_its_plan_says(job: tuple[Scene, KeepOrDelete, int]) -> None:
    """L26: the calls that took effect, as actions, are the plan's; and every path keeps the order of its stages."""
    scene, keep, seed = job
    world = build(scene, seed=seed)
    plan = planned(world, scene, keep)
    done: list[tuple[str, ...]] = []

    def observe(moment: str, effect: AnyEffect) -> None:
        if moment == "end" and isinstance(effect, Publish):
            done.append(("download", effect.temp.path))
        elif moment == "end" and isinstance(effect, DeleteLocal):
            done.append(("local_delete", effect.path))

    world.observer = observe
    report = sync(world, scene, keep)
    done += [key for entry in world.simulator.journal if (key := projected(entry)) is not None]
    assert sorted(done) == sorted(named(plan))
    assert report.done == {kind: sum(key[0] == kind for key in done) for kind in sorted({key[0] for key in done})}
    for one in plan:
        assert in_order(one, [key for key in done if key[1] == one.path])
    if scene.direction == "down":
        assert world.simulator.journal == []


def named(plan: list[FileSync]) -> list[tuple[str, ...]]:
    """The plan's actions, with the ids that a journal can tell (a download leaves none)."""
    keys = [action_key(action) for action in plan_actions(plan)]
    return [key[:2] if key[0] == "download" else key for key in keys]


def projected(entry: Committed) -> tuple[str, ...] | None:
    """The action that a committed call belongs to; None for what is only a step towards one."""
    match entry.call:
        case UploadFile(file_name=name):
            return "upload", name.removeprefix("to/")
        case StartLargeFile(file_name=name):
            return "upload", name.removeprefix("to/")
        case CopyFile(source_file_id=source, file_name=name):
            return "copy", name.removeprefix("to/"), str(source)
        case HideFile(file_name=name):
            return "hide", name.removeprefix("to/")
        case DeleteFileVersion(file_name=name, file_id=file_id):
            return "delete", name.removeprefix("to/"), str(file_id)
        case _:
            return None


def in_order(one: FileSync, keys: list[tuple[str, ...]]) -> bool:
    """Whether the path's actions were done stage by stage."""
    stage_of = {
        action_key(action)[:2] if action_key(action)[0] == "download" else action_key(action): number
        for number, stage in enumerate(one.stages)
        for action in stage
    }
    numbers = [stage_of[key] for key in keys]
    return numbers == sorted(numbers)


@given(scenes("up"), SEEDS)
def test_every_large_file_that_a_run_starts_it_finishes(scene: Scene, seed: int) -> None:
    """L26 for parts: a large file is one start, its parts once each, and one finish."""
    world = build(scene, seed=seed)
    large = {name for name, data in source_shown(world, scene).items() if len(data) >= 24}
    sync(world, scene)
    started = [entry for entry in world.simulator.journal if isinstance(entry.call, StartLargeFile)]
    finished = [entry for entry in world.simulator.journal if isinstance(entry.call, FinishLargeFile)]
    assert sorted(str(entry.file_id) for entry in started) == sorted(str(entry.file_id) for entry in finished)
    assert {name for entry in started if (name := entry.call.file_name.removeprefix("to/"))} <= large  # type: ignore[union-attr]


# --- examples --------------------------------------------------------------------------------------------------------


def test_the_scenes_reach_every_kind_of_action() -> None:
    """A guard for the laws above: each kind of action, and a large file, occurs in a plain example."""
    old, new, gone = Step("put", 1000, 86_400_000), Step("put", 5000, 1), Step("hide", 0, 1)
    large = next(name for name in map(str, range(100)) if len(content(name, 5000)) >= 24)
    up = Scene("up", {"a": (new,), large: (new,)}, {"a": (old, new, old), "b": (old, old)})
    kinds = {type(action) for action in plan_actions(planned(build(up), up, KeepDays(0.5)))}
    assert HideAction in kinds
    assert DeleteAction in kinds
    world = build(up, seed=1)
    assert sync(world, up, Delete()).ok
    assert {name: len(past) for name, past in history(world, up).items()} == {"a": 1, large: 1}
    assert any(isinstance(entry.call, FinishLargeFile) for entry in world.simulator.journal)
    down = Scene("down", {"a": (new, gone)}, {"a": (old,)})
    assert any(isinstance(action, LocalDeleteAction) for action in plan_actions(planned(build(down), down, Delete())))
