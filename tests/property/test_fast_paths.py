"""The short ways through the planner give the long way's answer, and the join is a join: what L6, L7 and L8 rest on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import product

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from oracles import excluded_by_name, lies_in_unknown, naive_merge
from planned import Tree, plan_list

from b2pure.model.files import B2Path, B2Tree, FileVersion, LocalPath, LocalTree, SkippedPath, VersionAction
from b2pure.model.ids import FileId
from b2pure.model.limits import PartSizes
from b2pure.model.policy import (
    CompareVersionMode,
    KeepDays,
    KeepOrDelete,
    NewerFileSyncMode,
    RetentionClock,
    SyncPolicy,
)
from b2pure.plan.actions import FileSync
from b2pure.plan.failures import EmptySource, PlanFailed
from b2pure.plan.merge import Item, Pair, Quiet, merge
from b2pure.plan.reasons import Changed, HiddenDest, NewFile, Nowhere, Unknown, UnusableName
from b2pure.plan.rules import Rules, make_rules
from b2pure.plan.shortcuts import fresh_for, quiet_for, same_time_is_quiet
from b2pure.plan.sync import plan_groups, speaks
from b2pure.testing import (
    NOW_MILLIS,
    SyncDirection,
    b2_pairs,
    b2_trees,
    down_pairs,
    file_names,
    histories,
    keep_policies,
    local_trees,
    pairs_of_trees,
    scan_policies,
    sync_policies,
)

_CLOCKS = tuple(RetentionClock)


def _policies(direction: SyncDirection) -> st.SearchStrategy[SyncPolicy]:
    keep = keep_policies(direction, clocks=_CLOCKS)
    return st.one_of(sync_policies(direction, keep=keep), sync_policies(direction, keep=keep, scan=scan_policies()))


def _sync(
    direction: SyncDirection, pairs: st.SearchStrategy[tuple[Tree, Tree]]
) -> st.SearchStrategy[tuple[Rules, tuple[Tree, Tree]]]:
    prefixes = st.sampled_from(("", "a/", "x" * 1000 + "/", "//", "\x01/", "\ud800/"))
    rules = st.builds(
        lambda policy, prefix: make_rules(direction, policy, now_millis=NOW_MILLIS, dest_prefix=prefix),
        _policies(direction),
        prefixes,
    )
    return st.tuples(rules, pairs)


_SYNCS = st.one_of(
    _sync("up", pairs_of_trees(large=True)),
    _sync("up", pairs_of_trees(out_of_order=True)),
    _sync("down", down_pairs()),
    _sync("copy", b2_pairs(large=True)),
)


# --- quiet and fresh -------------------------------------------------------------------------------------------------


@given(_SYNCS)
def test_what_is_quiet_has_no_action(drawn: tuple[Rules, tuple[Tree, Tree]]) -> None:
    """Rules.quiet is true only where Rules.file has nothing to do, and nothing to say."""
    rules, (source, dest) = drawn
    quiet = quiet_for(rules)
    for path, ours, theirs in naive_merge(source, dest):
        if ours is not None and theirs is not None and quiet(ours, theirs):
            sync = rules.file(path, ours, theirs)
            assert sync.stages == ()
            assert not speaks(sync)


@pytest.mark.parametrize("compare", CompareVersionMode)
@pytest.mark.parametrize("newer", NewerFileSyncMode)
@pytest.mark.parametrize("threshold", [0, 1])
def test_what_is_quiet_differs_by_no_more_than_the_threshold(
    compare: CompareVersionMode, newer: NewerFileSyncMode, threshold: int
) -> None:
    """The same, for every pair beside the threshold: neither a transfer nor a conflict is quiet."""
    policy = SyncPolicy(
        compare=compare, newer=newer, compare_threshold_millis=threshold, compare_threshold_bytes=threshold
    )
    kinds: dict[SyncDirection, tuple[Callable[[int, int], Item], Callable[[int, int], Item]]] = {
        "up": (_local, _stored),
        "down": (_stored, _local),
        "copy": (_stored, _stored),
    }
    for direction, (make_source, make_dest) in kinds.items():
        rules = make_rules(direction, policy, now_millis=NOW_MILLIS)
        for later, longer in product(range(-2, 3), repeat=2):
            source, dest = make_source(9 + longer, 9 + later), make_dest(9, 9)
            sync = rules.file("a", source, dest)
            assert quiet_for(rules)(source, dest) == (not sync.stages and not speaks(sync))


def _local(size: int, time: int) -> LocalPath:
    return LocalPath("a", size, time)


def _stored(size: int, time: int) -> B2Path:
    return B2Path("a", (FileVersion(FileId("v"), "upload", size, time, NOW_MILLIS),))


@given(
    histories(out_of_order=True, min_size=1, max_size=4),
    keep_policies(clocks=_CLOCKS),
    st.sampled_from(CompareVersionMode),
    st.integers(-2, 2),
)
def test_a_quiet_history_needs_no_deletion(
    versions: tuple[FileVersion, ...], keep: object, compare: CompareVersionMode, beside: int
) -> None:
    """The same for one file with any history, its source equal or nearly so."""
    policy = SyncPolicy(keep=keep, compare=compare, newer=NewerFileSyncMode.REPLACE)  # type: ignore[arg-type]
    rules = make_rules("up", policy, now_millis=NOW_MILLIS)
    source = LocalPath("a", versions[0].size, versions[0].mod_time_millis + beside)
    dest = B2Path("a", versions)
    if quiet_for(rules)(source, dest):
        assert rules.file("a", source, dest).stages == ()


@pytest.mark.parametrize("keep", [KeepDays(10), KeepDays(0), KeepDays(10, RetentionClock.MOD_TIME)])
def test_a_quiet_history_needs_no_deletion_at_the_edge_of_the_window(keep: KeepDays) -> None:
    """The same, for every history of up to three versions at, just before and just after the window's start."""
    start = keep.cutoff_millis(NOW_MILLIS)
    kinds: tuple[VersionAction, ...] = ("upload", "hide")
    old = [
        FileVersion(FileId(f"{action}{beside}"), action, 0, start + beside, start + beside)
        for action in kinds
        for beside in (1, 0, -1)
    ]
    rules = make_rules("up", SyncPolicy(keep=keep), now_millis=NOW_MILLIS)
    quiet = quiet_for(rules)
    for count in (1, 2, 3):
        for versions in product(old, repeat=count):
            source, dest = LocalPath("a", 0, versions[0].mod_time_millis), B2Path("a", versions)
            if quiet(source, dest):
                assert rules.file("a", source, dest).stages == ()


def test_most_files_of_a_sync_are_quiet() -> None:
    """The short way is taken: an unchanged file with a young history needs no long one."""
    day = 86_400_000
    times = [NOW_MILLIS - n * day for n in (1, 3, 5)]
    versions = tuple(FileVersion(FileId(f"v{t}"), "upload", 1, 5, t) for t in times)
    rules = make_rules("up", SyncPolicy(keep=KeepDays(10)), now_millis=NOW_MILLIS)
    assert quiet_for(rules)(LocalPath("a", 1, 5), B2Path("a", versions))
    assert fresh_for(rules)("a", LocalPath("a", 1, 5)) is not None


@given(
    _policies("up"),
    st.one_of(file_names(), st.text(max_size=5), st.sampled_from(("", "/a", "a/", "a//b", "a" * 1024, "é" * 512))),
    st.sampled_from((0, 1, 9, 10, 12, 13, 5_000_000_000, 5_000_000_001, 10**14)),
    st.sampled_from(("", "a/", "x" * 1020 + "/", "//", "/", "\x01/", "\ud800/", "é/")),
    st.sampled_from((PartSizes(10, 3), PartSizes(), PartSizes(5_000_000_000, 5_000_000))),
)
def test_a_fresh_file_is_decided_as_any_file(
    policy: SyncPolicy, path: str, size: int, prefix: str, sizes: PartSizes
) -> None:
    """Rules.fresh(path, item) is None or Rules.file(path, item, None)."""
    rules = make_rules("up", policy, now_millis=NOW_MILLIS, dest_prefix=prefix, part_sizes=sizes)
    item = LocalPath(path, size, NOW_MILLIS)
    assert fresh_for(rules)(path, item) in (None, rules.file(path, item, None))


@given(st.one_of(_sync("up", pairs_of_trees()), _sync("down", down_pairs()), _sync("copy", b2_pairs())))
def test_fresh_is_right_in_every_direction(drawn: tuple[Rules, tuple[Tree, Tree]]) -> None:
    """The same for all that a source can have."""
    rules, (source, _) = drawn
    fresh = fresh_for(rules)
    for item in source:
        assert fresh(item.path, item) in (None, rules.file(item.path, item, None))


# --- merge -----------------------------------------------------------------------------------------------------------

_WITH_HOLES = st.one_of(
    st.tuples(local_trees(skipped=True, clashing=True), b2_trees()),
    st.tuples(local_trees(skipped=True, clashing=True), b2_trees(skipped=True)),
    st.tuples(b2_trees(skipped=True), local_trees(skipped=True, clashing=True)),
    st.tuples(b2_trees(), local_trees(skipped=True, clashing=True)),
)


def _counted(pairs: Generator[Pair, None, int]) -> tuple[list[Pair], int]:
    found = []
    while True:
        try:
            found.append(next(pairs))
        except StopIteration as end:
            return found, end.value


def _never(source: Item, dest: Item) -> bool:
    return False


@given(_WITH_HOLES)
def test_the_join_is_that_of_dicts(pair: tuple[Tree, Tree]) -> None:
    """Each name once, in order, with what each side has, or (in a folder that could not be read) with the folder."""
    source, dest = pair
    found = list(merge(source.items, dest.items, _never))
    expected = naive_merge(source, dest)
    assert [path for path, _, _ in found] == [path for path, _, _ in expected]
    unknown = (*source, *dest)
    for (path, ours, theirs), (_, there, here) in zip(found, expected, strict=True):
        if lies_in_unknown(path, unknown):
            assert any(isinstance(side, SkippedPath) for side in (ours, theirs))
            assert all(
                side is None or side in (there, here) or isinstance(side, SkippedPath) for side in (ours, theirs)
            )
        else:
            assert (ours, theirs) == (there, here)


@given(_WITH_HOLES)
def test_the_join_counts_every_name(pair: tuple[Tree, Tree]) -> None:
    """Quiet pairs are counted although they never leave the join."""
    source, dest = pair

    def always(ours: Item, theirs: Item) -> bool:
        return type(ours) is not SkippedPath and type(theirs) is not SkippedPath

    both = {item.path for item in source} & {item.path for item in dest}
    names = [path for path, _, _ in naive_merge(source, dest)]
    for quiet in (_never, always):
        found, count = _counted(merge(source.items, dest.items, quiet))
        assert count == len(names)
        assert set(names) - {path for path, _, _ in found} <= both


@given(_policies("up"), histories(min_size=1, max_size=1), st.integers(0, 3))
def test_whoever_says_that_the_same_time_is_quiet_finds_it_quiet(
    policy: SyncPolicy, versions: tuple[FileVersion, ...], size: int
) -> None:
    """same_time_is_quiet promises something of quiet_for, and quiet_for keeps it."""
    rules = make_rules("up", policy, now_millis=NOW_MILLIS)
    (only,) = versions
    if same_time_is_quiet(rules) and only.action == "upload":
        assert quiet_for(rules)(LocalPath("a", size, only.mod_time_millis), B2Path("a", versions))


_TIMES = st.sampled_from((1, 1, 1, 2))
_DISORDERS = ((False, False), (False, False), (True, False), (False, True), (True, True))
_KINDS = st.sampled_from(("absent", "skipped", "skipped folder", *["file"] * 9))
_ACTIONS: tuple[VersionAction, ...] = ("upload", "upload", "upload", "upload", "upload", "hide")
_VERSIONS = st.lists(st.tuples(st.sampled_from(_ACTIONS), _TIMES), min_size=1, max_size=2)


@st.composite
def _sides(draw: st.DrawFn) -> tuple[list[Item], list[Item]]:
    """Two sides with much in common; now and then one of them, or both at once, are out of order."""
    sides: tuple[list[Item], list[Item]] = ([], [])
    for name in draw(st.lists(st.sampled_from(("a", "a-", "a/b", "a/c", "b", "c", "d")), max_size=7, unique=True)):
        for side, kind in zip(sides, draw(st.tuples(_KINDS, _KINDS)), strict=True):
            if kind.startswith("skipped"):
                side.append(SkippedPath(name, "unreadable", "", kind == "skipped folder"))
            elif kind == "file" and side is sides[0]:
                side.append(LocalPath(name, 1, draw(_TIMES)))
            elif kind == "file":
                told = draw(_VERSIONS)
                side.append(B2Path(name, tuple(FileVersion(FileId("v"), what, 1, time, 1) for what, time in told)))
    source, dest = (sorted(side, key=lambda item: item.path) for side in sides)
    at, twice = draw(st.integers(1, 6)), draw(st.booleans())
    for side, disorder in zip((source, dest), draw(st.sampled_from(_DISORDERS)), strict=True):
        if disorder and at < len(side):
            side[at - 1 : at + 1] = [side[at - 1]] * 2 if twice else [side[at], side[at - 1]]
    return source, dest


def _joined(source: list[Item], dest: list[Item], quiet: Quiet, *, short: bool) -> tuple[list[Pair], object]:
    """The pairs that come, and how the join ends: with a count or with an error."""
    found: list[Pair] = []
    pairs = merge(iter(source), iter(dest), quiet, same_time_is_quiet=short)
    while True:
        try:
            found.append(next(pairs))
        except StopIteration as end:
            return found, end.value
        except PlanFailed as failed:
            return found, failed.failure


@settings(max_examples=1000, deadline=None)
@given(_sides(), keep_policies("up"), st.integers(0, 1))
def test_the_join_that_asks_nobody_is_the_join(
    sides: tuple[list[Item], list[Item]], keep: KeepOrDelete, threshold: int
) -> None:
    """With the promise that the same time is quiet, the join gives the same pairs, count and errors as without."""
    rules = make_rules("up", SyncPolicy(keep=keep, compare_threshold_millis=threshold), now_millis=NOW_MILLIS)
    assert same_time_is_quiet(rules)
    quiet = quiet_for(rules)
    assert _joined(*sides, quiet, short=True) == _joined(*sides, quiet, short=False)


_ODD = st.lists(
    st.builds(
        LocalPath,
        st.sampled_from(("", "/x", "x/", "x//y", "x\x01", "x\x7f", "é", "é" * 600, "x" * 1024, "x" * 1025, "\ud800")),
        st.sampled_from((0, 12, 13, 10**14)),
        _TIMES,
    ),
    max_size=4,
    unique_by=lambda item: item.path,
)


@settings(max_examples=1000, deadline=None)
@given(
    _sides(),
    st.integers(0, 4),
    _ODD,
    _policies("up"),
    st.sampled_from(("", "p/", "//", "x" * 1020 + "/")),
    st.booleans(),
)
def test_a_plan_is_the_join_and_one_decision_for_each_name(
    sides: tuple[list[Item], list[Item]],
    kept: int,
    odd: list[LocalPath],
    policy: SyncPolicy,
    prefix: str,
    include_quiet: bool,
) -> None:
    """Whatever is planned by short ways, also behind the destination's last name: the same paths, count and error."""
    source, dest = sides[0], sides[1][:kept]
    if odd:
        source = sorted(odd, key=lambda item: item.path)
    rules = make_rules("up", policy, now_millis=NOW_MILLIS, dest_prefix=prefix, part_sizes=PartSizes(10, 3))
    short = _planned(plan_groups(source, dest, rules, include_quiet=include_quiet))
    assert short == _planned(_by_the_long_way(source, dest, rules, include_quiet))


def _planned(syncs: Generator[FileSync, None, int]) -> tuple[list[FileSync], object]:
    """What is planned, and how it ends: with a count or with an error."""
    found: list[FileSync] = []
    while True:
        try:
            found.append(next(syncs))
        except StopIteration as end:
            return found, end.value
        except PlanFailed as failed:
            return found, failed.failure


def _by_the_long_way(
    source: list[Item], dest: list[Item], rules: Rules, include_quiet: bool
) -> Generator[FileSync, None, int]:
    if not source and not rules.policy.allow_empty_source:
        raise PlanFailed(EmptySource())
    pairs = merge(source, dest, _never)
    while True:
        try:
            path, ours, theirs = next(pairs)
        except StopIteration as end:
            return int(end.value)
        sync = rules.file(path, ours, theirs)
        told = speaks(sync) and not (isinstance(ours, SkippedPath) and ours.path != path)
        if sync.stages or include_quiet or told:
            yield sync


@given(
    st.one_of(
        st.tuples(local_trees(skipped=True, clashing=True), b2_trees(), _policies("up")),
        st.tuples(b2_trees(skipped=True), local_trees(skipped=True, clashing=True), _policies("down")),
        st.tuples(b2_trees(skipped=True), b2_trees(skipped=True), _policies("copy")),
    )
)
def test_nothing_unknown_is_touched(drawn: tuple[Tree, Tree, SyncPolicy]) -> None:
    """Nothing at or below a path that a scan could not read is transferred, hidden or deleted, whatever the policy."""
    source, dest, policy = drawn
    skipped = [item for item in (*source, *dest) if isinstance(item, SkippedPath)]
    for sync in plan_list(source, dest, policy, include_quiet=True):
        if any(sync.path == item.path for item in skipped) or lies_in_unknown(sync.path, skipped):
            assert sync.stages == ()
            assert not isinstance(sync.reason, NewFile | HiddenDest | Changed)


@given(
    st.one_of(
        st.tuples(b2_trees(), local_trees(skipped=True), sync_policies("down", scan=scan_policies(times=False))),
        st.tuples(b2_trees(), b2_trees(skipped=True), sync_policies("copy", scan=scan_policies(times=False))),
    )
)
@example(
    (
        B2Tree((B2Path("d/f", (FileVersion(FileId("v"), "upload", 1, 1, 1),)),)),
        LocalTree((SkippedPath("d", "linked folder", "", subtree=True),)),
        SyncPolicy(),
    )
)
def test_what_a_skipped_place_at_the_destination_hides_is_told_where_the_source_has_something_for_it(
    drawn: tuple[Tree, Tree, SyncPolicy],
) -> None:
    """A file that is not brought is never passed over in silence; one that nobody wants there is no trouble."""
    source, dest, policy = drawn
    assume(source.items)
    skipped = [item for item in dest if isinstance(item, SkippedPath)]
    assume(not any(item.why == "excluded symlink" for item in skipped))  # which the policy leaves out
    plan = {sync.path: sync for sync in plan_list(source, dest, policy)}
    for item in source:
        assert isinstance(item, B2Path)
        if any(item.path == hole.path for hole in skipped) or lies_in_unknown(item.path, skipped):
            wanted = item.versions[0].action == "upload" and not excluded_by_name(policy.scan, item.path)
            assert (item.path in plan) == wanted
            assert not wanted or isinstance(plan[item.path].reason, Unknown | UnusableName)


@given(file_names(clashing=False), st.sampled_from(("-", "!", ".", " ", "a", "0")), _policies("up"), histories())
def test_names_between_a_folder_and_its_files_do_not_close_it(
    folder: str, end: str, policy: SyncPolicy, versions: tuple[FileVersion, ...]
) -> None:
    """`a-b` lies between the unreadable folder `a` and `a/b`: what is below `a` stays unknown all the same."""
    between, below = folder + end, folder + "/x"
    source = LocalTree((SkippedPath(folder, "unreadable", "", subtree=True), LocalPath(between, 1, 1)))
    dest = B2Tree(tuple(B2Path(path, versions) for path in sorted((between, below))))
    plan = {sync.path: sync for sync in plan_list(source, dest, policy, include_quiet=True)}
    assert plan[below].stages == ()
    assert isinstance(plan[below].reason, Unknown | Nowhere)
