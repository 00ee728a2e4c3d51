"""The short way through the planner for a changed file gives the long way's answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from oracles import naive_merge
from planned import Tree

from b2pure.model.files import B2Path, FileVersion, LocalPath
from b2pure.model.ids import FileId
from b2pure.model.limits import PartSizes
from b2pure.model.policy import CompareVersionMode, KeepDays, NewerFileSyncMode, RetentionClock, SyncPolicy
from b2pure.plan.actions import DeleteAction, UploadAction, actions_of
from b2pure.plan.rules import Rules, make_rules
from b2pure.plan.shortcuts import renewed_for
from b2pure.testing import (
    NOW_MILLIS,
    SyncDirection,
    b2_pairs,
    down_pairs,
    histories,
    keep_policies,
    pairs_of_trees,
    scan_policies,
    sync_policies,
)

_CLOCKS = tuple(RetentionClock)


@given(
    histories(out_of_order=True, min_size=1, max_size=5),
    keep_policies(clocks=_CLOCKS),
    st.sampled_from(CompareVersionMode),
    st.sampled_from(NewerFileSyncMode),
    st.integers(-2, 2),
    st.sampled_from((0, 1, 9, 10, 12, 13, 5_000_000_001)),
)
def test_a_renewed_file_is_decided_as_any_file(
    versions: tuple[FileVersion, ...],
    keep: object,
    compare: CompareVersionMode,
    newer: NewerFileSyncMode,
    beside: int,
    size: int,
) -> None:
    """Rules.renewed(path, item, dest) is None or Rules.file(path, item, dest), for one file with any history."""
    policy = SyncPolicy(keep=keep, compare=compare, newer=newer)  # type: ignore[arg-type]
    rules = make_rules("up", policy, now_millis=NOW_MILLIS, part_sizes=PartSizes(10, 3))
    source, dest = LocalPath("a", size, versions[0].mod_time_millis + beside), B2Path("a", versions)
    assert renewed_for(rules)("a", source, dest) in (None, rules.file("a", source, dest))


def _sync(
    direction: SyncDirection, pairs: st.SearchStrategy[tuple[Tree, Tree]]
) -> st.SearchStrategy[tuple[Rules, tuple[Tree, Tree]]]:
    keep = keep_policies(direction, clocks=_CLOCKS)
    policies = st.one_of(sync_policies(direction, keep=keep), sync_policies(direction, keep=keep, scan=scan_policies()))
    return st.tuples(policies.map(lambda policy: make_rules(direction, policy, now_millis=NOW_MILLIS)), pairs)


@given(
    st.one_of(
        _sync("up", pairs_of_trees(out_of_order=True)),
        _sync("down", down_pairs()),
        _sync("copy", b2_pairs(large=True)),
    )
)
def test_renewed_is_right_in_every_direction(drawn: tuple[Rules, tuple[Tree, Tree]]) -> None:
    """The same for all that two sides can have, with filters too."""
    rules, (source, dest) = drawn
    renewed = renewed_for(rules)
    for path, ours, theirs in naive_merge(source, dest):
        if ours is not None and theirs is not None:
            assert renewed(path, ours, theirs) in (None, rules.file(path, ours, theirs))


@given(st.integers(0, 30), st.integers(1, 6))
def test_renewed_deletes_as_any_file_does(days: int, count: int) -> None:
    """The same where many versions go: their stages, and the order of these."""
    day = 86_400_000
    times = [NOW_MILLIS - (5 * n + 1) * day for n in range(count)]
    dest = B2Path("a", tuple(FileVersion(FileId(f"v{t}"), "upload", 1, t, t) for t in times))
    rules = make_rules("up", SyncPolicy(keep=KeepDays(days)), now_millis=NOW_MILLIS)
    source = LocalPath("a", 1, NOW_MILLIS)
    assert renewed_for(rules)("a", source, dest) == rules.file("a", source, dest)


def test_a_changed_file_takes_the_short_way() -> None:
    """The usual case is decided by it: the upload, and the version that nobody saw inside the window."""
    day = 86_400_000
    times = [NOW_MILLIS - n * day for n in (5, 15, 25)]
    dest = B2Path("a", tuple(FileVersion(FileId(f"v{t}"), "upload", 1, t, t) for t in times))
    rules = make_rules("up", SyncPolicy(keep=KeepDays(10)), now_millis=NOW_MILLIS)
    sync = renewed_for(rules)("a", LocalPath("a", 1, NOW_MILLIS), dest)
    assert sync is not None
    upload, delete = actions_of(sync)
    assert isinstance(upload, UploadAction)
    assert isinstance(delete, DeleteAction)
    assert delete.file_id == dest.versions[2].file_id
