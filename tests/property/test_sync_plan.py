"""What a plan is made of: laws L3, L4, L6, L7, L8, L12, L13, L14."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace
from oracles import excluded_by_name
from planned import Tree, actions, by_path, plan_list, transfers

from b2pure.model.files import B2Path, B2Tree, FileVersion, LocalPath, LocalTree, SkippedPath
from b2pure.model.policy import CompareVersionMode, FilterSides, NewerFileSyncMode, ScanPolicies, SyncPolicy
from b2pure.plan.actions import FileSync
from b2pure.plan.failures import OutOfOrder, PlanFailed
from b2pure.plan.reasons import DestNewer
from b2pure.plan.rules import Direction, make_rules
from b2pure.plan.scan import ScanSide
from b2pure.testing import (
    NOW_MILLIS,
    b2_pairs,
    b2_trees,
    down_pairs,
    pairs_of_trees,
    scan_policies,
    sync_policies,
)

_SYNCS = st.one_of(
    st.tuples(pairs_of_trees(clashing=True, large=True), sync_policies("up")),
    st.tuples(down_pairs(clashing=True), sync_policies("down")),
    st.tuples(b2_pairs(large=True), sync_policies("copy")),
)
"""Two sides and a policy, in every direction."""
_FILTERED = st.one_of(
    st.tuples(pairs_of_trees(), sync_policies("up", scan=scan_policies())),
    st.tuples(down_pairs(), sync_policies("down", scan=scan_policies())),
    st.tuples(b2_pairs(), sync_policies("copy", scan=scan_policies())),
)
SIDES: tuple[FilterSides, ...] = ("both", "source")
Sync = tuple[tuple[Tree, Tree], SyncPolicy]


def _only(tree: Tree, keep: Any) -> Tree:
    return _with_items(tree, tuple(item for item in tree if keep(item.path)))


def _with_items(tree: Tree, items: Any) -> Tree:
    return LocalTree(items) if isinstance(tree, LocalTree) else B2Tree(items, tree.prefix)


# --- L3 --------------------------------------------------------------------------------------------------------------


@given(b2_trees(hides=False, max_files=5).flatmap(lambda t: st.tuples(st.just(t), sync_policies("copy"))))
def test_a_tree_of_single_versions_needs_nothing_to_be_like_itself(drawn: tuple[B2Tree, SyncPolicy]) -> None:
    """L3 Identity."""
    tree, policy = drawn
    tree = B2Tree(tuple(B2Path(p.path, p.versions[:1]) for p in tree if isinstance(p, B2Path)))
    assert plan_list(tree, tree, policy) == []


@given(b2_trees(), sync_policies("copy"))
def test_nothing_is_copied_onto_itself(tree: B2Tree, policy: SyncPolicy) -> None:
    """L3 Identity, for any histories."""
    assert transfers(plan_list(tree, tree, policy)) == {}


# --- L4 --------------------------------------------------------------------------------------------------------------


def _content(item: Any) -> LocalPath | FileVersion | None:
    return item.visible() if isinstance(item, B2Path) else item


def _differ(source: LocalPath | FileVersion, dest: LocalPath | FileVersion, policy: SyncPolicy) -> bool:
    """The seed's compare modes, naively; whether a conflict forbids the transfer is part of the answer."""
    sizes = abs(source.size - dest.size)
    ahead = source.mod_time_millis - dest.mod_time_millis
    by_time = abs(ahead) > policy.compare_threshold_millis and (ahead > 0 or policy.newer is NewerFileSyncMode.REPLACE)
    match policy.compare:
        case CompareVersionMode.NONE:
            return False
        case CompareVersionMode.SIZE:
            return sizes > policy.compare_threshold_bytes
        case CompareVersionMode.MODTIME:
            return by_time
        case CompareVersionMode.SHA1 if sizes == 0 and source.sha1 is not None and dest.sha1 is not None:
            return source.sha1 != dest.sha1
        case CompareVersionMode.SHA1:
            return sizes != 0 or by_time


@given(_SYNCS)
def test_exactly_what_differs_is_transferred(drawn: Sync) -> None:
    """L4 Minimality, against a set difference of what both sides show."""
    (source, dest), policy = drawn
    ours = {item.path: content for item in source if (content := _content(item)) is not None}
    theirs = {item.path: content for item in dest if (content := _content(item)) is not None}
    expected = {path for path, content in ours.items() if path not in theirs or _differ(content, theirs[path], policy)}
    assert set(transfers(plan_list(source, dest, policy))) == expected


@given(_SYNCS)
def test_no_path_occurs_twice_and_no_action_belongs_to_another_path(drawn: Sync) -> None:
    """L4 Minimality."""
    (source, dest), policy = drawn
    for path, sync in by_path(plan_list(source, dest, policy)).items():
        assert {action.path for action in actions([sync])} <= {path}
        assert len(transfers([sync])) + len(set(actions([sync]))) >= len(actions([sync]))
        assert all(sync.stages), "a stage without actions"


# --- L6 --------------------------------------------------------------------------------------------------------------


@given(_FILTERED, st.data())
def test_a_change_of_one_path_changes_only_that_path(drawn: Sync, data: st.DataObject) -> None:
    """L6 Locality."""
    (source, dest), policy = drawn
    names = sorted({item.path for item in source} | {item.path for item in dest})
    assume(names)
    name = data.draw(st.sampled_from(names))
    side = data.draw(st.sampled_from(("source", "dest")))
    if side == "source":
        changed = plan_list(_only(source, lambda path: path != name), dest, policy)
    else:
        changed = plan_list(source, _only(dest, lambda path: path != name), policy)
    before = [sync for sync in plan_list(source, dest, policy) if sync.path != name]
    assert [sync for sync in changed if sync.path != name] == before


# --- L7 --------------------------------------------------------------------------------------------------------------


@given(_FILTERED, st.data())
def test_the_plans_of_two_name_ranges_are_the_plan_of_both(drawn: Sync, data: st.DataObject) -> None:
    """L7 Prefix and concatenation."""
    (source, dest), policy = drawn
    names = sorted({item.path for item in source} | {item.path for item in dest})
    cut = data.draw(st.sampled_from([*names, "\U0010ffff"]))
    low = plan_list(_only(source, lambda path: path < cut), _only(dest, lambda path: path < cut), policy)
    high = plan_list(_only(source, lambda path: path >= cut), _only(dest, lambda path: path >= cut), policy)
    whole = plan_list(source, dest, policy)
    assert low + high == whole
    assert low == whole[: len(low)]


@given(_SYNCS)
def test_streams_are_planned_as_collections_are(drawn: Sync) -> None:
    """L7 Prefix: nothing is looked at but the stream so far."""
    (source, dest), policy = drawn
    streams = _with_items(source, iter(tuple(source))), _with_items(dest, iter(tuple(dest)))
    assert plan_list(*streams, policy) == plan_list(source, dest, policy)


@given(_FILTERED)
def test_quiet_paths_are_those_that_a_plan_may_leave_out(drawn: Sync) -> None:
    """L7 Prefix: `include_quiet` adds paths without actions, and changes nothing else."""
    (source, dest), policy = drawn
    everything = plan_list(source, dest, policy, include_quiet=True)
    spoken = plan_list(source, dest, policy)
    assert [sync for sync in everything if sync in spoken] == spoken
    assert all(not sync.stages for sync in everything if sync not in spoken)
    assert {sync.path for sync in everything} == {item.path for item in source} | {item.path for item in dest}


# --- L8 --------------------------------------------------------------------------------------------------------------


@given(_SYNCS)
def test_names_strictly_increase_in_the_order_of_their_bytes(drawn: Sync) -> None:
    """L8 Order."""
    (source, dest), policy = drawn
    names = [sync.path.encode() for sync in plan_list(source, dest, policy)]
    assert all(a < b for a, b in pairwise(names))


@given(_SYNCS, st.data())
def test_unsorted_input_is_a_failure_and_never_a_plan(drawn: Sync, data: st.DataObject) -> None:
    """L8 Order: any transposition or repetition, on either side, is told with its side and names."""
    (source, dest), policy = drawn
    side = data.draw(st.sampled_from(["source", "destination"]))
    tree = source if side == "source" else dest
    items: list[Any] = list(tree.items)
    assume(items)
    at = data.draw(st.integers(0, len(items) - 1))
    if at + 1 < len(items) and data.draw(st.booleans()):
        items[at], items[at + 1] = items[at + 1], items[at]
    else:
        items.insert(at, items[at])
    wrong = _with_items(tree, tuple(items))
    trees = (wrong, dest) if side == "source" else (source, wrong)
    with pytest.raises(PlanFailed) as caught:
        plan_list(*trees, policy)
    assert caught.value.failure == OutOfOrder(side, items[at].path, items[at + 1].path)  # type: ignore[arg-type]


# --- L12 -------------------------------------------------------------------------------------------------------------


@given(_SYNCS, st.sampled_from((1, 50, 86_400_000, 10**12)))
def test_a_higher_threshold_never_adds_a_transfer(drawn: Sync, more: int) -> None:
    """L12 Threshold monotone."""
    (source, dest), policy = drawn
    loose = replace(
        policy,
        compare_threshold_millis=policy.compare_threshold_millis + more,
        compare_threshold_bytes=policy.compare_threshold_bytes + more,
    )
    assert transfers(plan_list(source, dest, loose)).keys() <= transfers(plan_list(source, dest, policy)).keys()


# --- L13 -------------------------------------------------------------------------------------------------------------


@given(_SYNCS)
def test_skipping_conflicts_is_replacing_without_the_conflicts(drawn: Sync) -> None:
    """L13 Conflicts; RAISE_ERROR plans the same paths as SKIP does, and reports them."""
    (source, dest), policy = drawn

    def plan(newer: NewerFileSyncMode) -> list[FileSync]:
        return plan_list(source, dest, replace(policy, newer=newer))

    skipped, replaced = plan(NewerFileSyncMode.SKIP), plan(NewerFileSyncMode.REPLACE)
    conflicts = {sync.path for sync in skipped if isinstance(sync.reason, DestNewer)}
    assert [sync for sync in skipped if sync.path not in conflicts] == [
        sync for sync in replaced if sync.path not in conflicts
    ]
    assert all(not sync.stages for sync in skipped if sync.path in conflicts)
    assert conflicts <= transfers(replaced).keys()
    assert not any(isinstance(sync.reason, DestNewer) for sync in replaced)
    assert plan(NewerFileSyncMode.RAISE_ERROR) == skipped


# --- L14 -------------------------------------------------------------------------------------------------------------

_NAME_FILTERED = st.one_of(
    st.tuples(pairs_of_trees(), sync_policies("up", scan=scan_policies(times=False), filter_sides=st.just("both"))),
    st.tuples(down_pairs(), sync_policies("down", scan=scan_policies(times=False), filter_sides=st.just("both"))),
    st.tuples(b2_pairs(), sync_policies("copy", scan=scan_policies(times=False), filter_sides=st.just("both"))),
)


@given(_NAME_FILTERED)
def test_filtering_the_sides_is_filtering_the_plan(drawn: Sync) -> None:
    """L14 Filter, for filters by name on both sides."""
    (source, dest), policy = drawn

    def keep(path: str) -> bool:
        return not excluded_by_name(policy.scan, path)

    plain = replace(policy, scan=type(policy.scan)())
    filtered = plan_list(source, dest, policy)
    assert filtered == plan_list(_only(source, keep), _only(dest, keep), plain)
    assert filtered == [sync for sync in plan_list(source, dest, plain) if keep(sync.path)]


@given(_NAME_FILTERED)
def test_with_the_filter_on_the_source_only_what_is_excluded_looks_gone(drawn: Sync) -> None:
    """L14 Filter, b2sdk's way: the plan is that of a source without the excluded files."""
    (source, dest), policy = drawn
    policy = replace(policy, filter_sides="source")

    def keep(path: str) -> bool:
        return not excluded_by_name(policy.scan, path)

    plain = replace(policy, scan=type(policy.scan)())
    assert plan_list(source, dest, policy) == plan_list(_only(source, keep), dest, plain)


_SKIPPED = st.builds(
    SkippedPath, st.just("name"), st.sampled_from(["excluded symlink", "linked folder", "undecodable"]), st.just("why")
)


@given(st.sampled_from(["up", "down"]), scan_policies(), st.lists(_SKIPPED), st.text())
def test_only_who_filters_the_source_alone_reads_all_of_a_destination_and_takes_excluded_links_for_absent(
    direction: Direction, scan: ScanPolicies, items: list[SkippedPath], path: str
) -> None:
    """L14 Filter, at the edge: what a scan of each side is asked, and which of its items count."""
    both, alone = (make_rules(direction, SyncPolicy(scan=scan, filter_sides=side), now_millis=0) for side in SIDES)
    sides: tuple[ScanSide, ScanSide] = ("source", "destination")
    assert [both.scanner_for(side) for side in sides] == [both.scanner] * 2
    assert list(both.present(iter(items))) == items
    assert alone.scanner_for("source") is alone.scanner
    dest = alone.scanner_for("destination")
    assert dest.policies == ScanPolicies()
    assert not any((dest.filters_names, dest.filters_times, dest.excludes_file(path), dest.excludes_directory(path)))
    assert list(alone.present(iter(items))) == [each for each in items if each.why != "excluded symlink"]
    assert not any(map(both.counts_as_absent, items))


@given(pairs_of_trees(), st.data())
def test_a_b2_prefix_changes_no_decision(pair: tuple[LocalTree, B2Tree], data: st.DataObject) -> None:
    """L6 Locality: where the destination lies in its bucket matters to no path (while names stay short)."""
    source, dest = pair
    policy = data.draw(sync_policies("up"))
    assert plan_list(source, evolve(dest, prefix="some/where/"), policy, now=NOW_MILLIS) == plan_list(
        source, dest, policy, now=NOW_MILLIS
    )
