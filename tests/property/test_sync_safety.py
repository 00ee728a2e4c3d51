"""What no plan may do to what a destination holds: laws L5, L9, L10, and what actions expect to find.

Every way in which a run can be cut off is tried: whole stages, then any part of the next one.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oracles import NEW, apply_action, cuts, shown
from planned import Tree, actions, plan_list, transfers, versions_of

from b2pure.model.files import B2Path, B2Tree, FileVersion, LocalPath, LocalTree
from b2pure.model.policy import KeepDays, NoDelete, RetentionClock, SyncPolicy
from b2pure.plan.actions import (
    CopyAction,
    DeleteAction,
    DownloadAction,
    HideAction,
    LocalDeleteAction,
    UploadAction,
    edges,
)
from b2pure.testing import (
    NOW_MILLIS,
    b2_pairs,
    down_pairs,
    keep_policies,
    pairs_of_trees,
    scan_policies,
    sync_policies,
)

_CLOCKS = tuple(RetentionClock)
_POLICIES = st.one_of(
    sync_policies(keep=keep_policies(clocks=_CLOCKS)),
    sync_policies(keep=keep_policies(clocks=_CLOCKS), scan=scan_policies()),
)
_TO_B2 = st.one_of(
    st.tuples(pairs_of_trees(max_files=4), _POLICIES),
    st.tuples(b2_pairs(max_files=4), _POLICIES),
    st.tuples(pairs_of_trees(max_files=4, out_of_order=True), _POLICIES),
)
Sync = tuple[tuple[Tree, B2Tree], SyncPolicy]


def _after(versions: tuple[FileVersion, ...], done: tuple[Any, ...]) -> tuple[FileVersion, ...]:
    for action in done:
        versions = apply_action(versions, action, NOW_MILLIS + 1)
    return versions


def _shows(tree: Tree) -> set[str]:
    return {i.path for i in tree if isinstance(i, LocalPath) or (isinstance(i, B2Path) and i.visible() is not None)}


@given(_TO_B2)
def test_without_deletion_every_version_stays_and_stays_visible_or_replaced(drawn: Sync) -> None:
    """L5 No loss without delete."""
    (source, dest), policy = drawn
    syncs = plan_list(source, dest, replace(policy, keep=NoDelete()))
    assert not [a for a in actions(syncs) if not isinstance(a, UploadAction | CopyAction)]


@given(down_pairs(), sync_policies("down", keep=st.just(NoDelete())))
def test_without_deletion_no_local_file_is_deleted(pair: tuple[B2Tree, LocalTree], policy: SyncPolicy) -> None:
    """L5 No loss without delete, downwards."""
    assert not [a for a in actions(plan_list(*pair, policy)) if not isinstance(a, DownloadAction)]


@given(_TO_B2)
def test_what_the_source_has_is_visible_at_every_cut(drawn: Sync) -> None:
    """L9 Upload before delete: the old content or the new one, never neither."""
    (source, dest), policy = drawn
    here, there = _shows(source), versions_of(dest)
    moved = transfers(plan_list(source, dest, policy))
    for sync in plan_list(source, dest, policy):
        old = there[sync.path].versions if sync.path in there else ()
        # A filter may make a path that the source has look absent: then it is not the source's.
        if (
            sync.path not in here
            or shown(old) is None
            or (sync.path not in moved and policy.scan != type(policy.scan)())
        ):
            continue
        for done in cuts(sync.stages):
            assert shown(_after(old, done)) in (shown(old), NEW)


@given(_TO_B2)
def test_no_older_version_comes_back_at_any_cut(drawn: Sync) -> None:
    """L10 No resurrection: what is visible is what was, or what this run put there, or nothing."""
    (source, dest), policy = drawn
    there = versions_of(dest)
    for sync in plan_list(source, dest, policy):
        old = there[sync.path].versions if sync.path in there else ()
        for done in cuts(sync.stages):
            assert shown(_after(old, done)) in (shown(old), NEW, None)


@given(_TO_B2)
def test_a_hidden_name_stays_hidden_unless_its_transfer_is_done(drawn: Sync) -> None:
    """L10 No resurrection, for names that were hidden: only a finished transfer shows them."""
    (source, dest), policy = drawn
    for path, item in versions_of(dest).items():
        if item.visible() is not None:
            continue
        for sync in (sync for sync in plan_list(source, dest, policy) if sync.path == path):
            for done in cuts(sync.stages):
                new = any(isinstance(action, UploadAction | CopyAction) for action in done)
                assert (shown(_after(item.versions, done)) is not None) == new


@given(_TO_B2)
def test_stages_come_in_the_order_transfer_hide_old_newest(drawn: Sync) -> None:
    """L9, L10: each stage is of one kind, and the edges spell the order out."""
    (source, dest), policy = drawn
    there = versions_of(dest)
    for sync in plan_list(source, dest, policy):
        moves = bool(transfers([sync]))

        def rank(action: Any, moves: bool = moves) -> int:
            if isinstance(action, UploadAction | CopyAction):
                return 0
            if isinstance(action, HideAction):
                return 1
            newest = there[action.path].versions[0].file_id == action.file_id
            return 3 if newest and not moves else 2

        ranks = [{rank(action) for action in stage} for stage in sync.stages]
        assert all(len(kinds) == 1 for kinds in ranks)
        assert ranks == sorted(ranks, key=min)
        if isinstance(policy.keep, KeepDays):
            # The age of a version is told by the one above it, so that one must not go first.
            gone = [action.file_id for stage in sync.stages for action in stage if isinstance(action, DeleteAction)]
            order = [version.file_id for version in there[sync.path].versions] if gone else []
            assert [file_id for file_id in reversed(order) if file_id in gone] == gone
            assert all(len(stage) == 1 for stage in sync.stages)
        else:
            assert len(set(map(min, ranks))) == len(ranks)
            assert all(rank(before) < rank(after) for before, after in edges(sync))


@given(_TO_B2)
def test_actions_expect_exactly_what_was_seen(drawn: Sync) -> None:
    """What L35 rests on: each action carries the newest version that the planner saw, and the source as it was."""
    (source, dest), policy = drawn
    theirs = versions_of(dest)
    facts = {item.path: item.fact() for item in source if isinstance(item, LocalPath)}
    ours = versions_of(source)
    for action in actions(plan_list(source, dest, policy)):
        seen = theirs[action.path].versions[0].file_id if action.path in theirs else None
        assert not isinstance(action, LocalDeleteAction | DownloadAction)
        assert action.expect == seen
        if isinstance(action, UploadAction):
            assert action.source == facts[action.path]
        if isinstance(action, CopyAction):
            assert action.source in ours[action.path].versions
        if isinstance(action, DeleteAction):
            assert action.file_id in {version.file_id for version in theirs[action.path].versions}


@given(down_pairs(), sync_policies("down", scan=scan_policies()))
def test_local_actions_expect_exactly_what_was_seen(pair: tuple[B2Tree, LocalTree], policy: SyncPolicy) -> None:
    """What L35 rests on, downwards."""
    source, dest = pair
    facts = {item.path: item.fact() for item in dest if isinstance(item, LocalPath)}
    ours = versions_of(source)
    for action in actions(plan_list(source, dest, policy)):
        assert isinstance(action, LocalDeleteAction | DownloadAction)
        assert action.expect == facts.get(action.path)
        if isinstance(action, DownloadAction):
            assert action.source in ours[action.path].versions


@given(_TO_B2)
def test_no_version_is_deleted_twice(drawn: Sync) -> None:
    """L4 Minimality, for deletions."""
    (source, dest), policy = drawn
    deleted = [(a.path, a.file_id) for a in actions(plan_list(source, dest, policy)) if isinstance(a, DeleteAction)]
    assert len(deleted) == len(set(deleted))
