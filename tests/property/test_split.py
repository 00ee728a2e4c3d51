"""Laws of plans in pieces: nothing is lost or doubled, the pieces are plans, and doing them is doing the plan.

Rules. Runs go through the client, over a simulated B2: each piece is applied as any plan is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds_support import Scene, Version, build, history, jobs, plain_client, policy_of, scenes

from b2pure.effects.report import NOTHING, Report
from b2pure.model.files import B2Tree, FileVersion, LocalFact, LocalTree
from b2pure.model.ids import FileId
from b2pure.model.policy import Delete, KeepOrDelete
from b2pure.plan.actions import CopyAction, FileSync, SyncAction, UploadAction
from b2pure.plan.bandwidth import Bandwidth
from b2pure.plan.concurrency import Workers
from b2pure.plan.feed import chunked
from b2pure.plan.plan import SyncPlan, plan_sync
from b2pure.plan.reasons import NewFile
from b2pure.plan.split import dealt, effort_of, shares_of_line, shares_of_workers, split, split_stream
from b2pure.testing import NOW_MILLIS, SimulatedB2, b2_pairs, pairs_of_trees, sync_policies

_PIECES = st.integers(1, 5)
_PLANS = st.one_of(
    st.tuples(pairs_of_trees(max_files=12, large=True), sync_policies("up")),
    st.tuples(b2_pairs(max_files=12, large=True), sync_policies("copy")),
).map(lambda drawn: plan_sync(drawn[0][0], drawn[0][1], drawn[1], now_millis=NOW_MILLIS, include_quiet=True))


def _sync(path: str, size: int, copied: bool) -> FileSync:
    action: SyncAction = UploadAction(path, LocalFact(size, 1), None, None)
    if copied:
        action = CopyAction(path, FileVersion(FileId(f"id {path}"), "upload", size, 1, 1), None, None)
    return FileSync(path, NewFile(), ((action,),))


_MANY = st.lists(st.tuples(st.integers(0, 10_000_000), st.booleans()), max_size=150).map(
    lambda sizes: [_sync(f"{number:04}", *each) for number, each in enumerate(sizes)]
)


# --- the split itself ------------------------------------------------------------------------------------------------


@given(_PLANS, _PIECES)
def test_each_path_is_in_just_one_piece(plan: SyncPlan, count: int) -> None:
    pieces = split(plan, count)
    assert len(pieces) == count
    assert sorted((sync for piece in pieces for sync in piece), key=lambda sync: sync.path) == list(plan)
    assert max(Counter(sync.path for piece in pieces for sync in piece).values(), default=1) == 1


@given(_PLANS, _PIECES)
def test_a_piece_is_a_plan_that_can_be_written_and_read(plan: SyncPlan, count: int) -> None:
    for piece in split(plan, count):
        lines = list(piece.lines())
        loaded = SyncPlan.from_lines(lambda lines=lines: lines).unwrap()  # type: ignore[misc]  # one for each piece
        assert loaded == piece
        assert loaded.header == plan.header
        assert loaded.plan_id == piece.plan_id


@given(_PLANS, _PIECES)
def test_the_pieces_add_up_to_the_totals(plan: SyncPlan, count: int) -> None:
    totals = [piece.summarize() for piece in split(plan, count)]
    whole = plan.summarize()
    assert sum(each.compared for each in totals) == whole.compared
    assert sum(each.cost.bytes_up for each in totals) == whole.cost.bytes_up
    assert frozenset().union(*(each.capabilities for each in totals)) == whole.capabilities


@given(_PLANS)
def test_a_plan_in_one_piece_is_the_plan(plan: SyncPlan) -> None:
    (piece,) = split(plan, 1)
    assert piece == plan
    assert piece.plan_id == plan.plan_id


@given(_MANY, _PIECES)
def test_no_two_pieces_are_further_apart_than_the_largest_hand(syncs: list[FileSync], count: int) -> None:
    efforts = [0] * count
    for piece, hand in dealt(chunked(syncs), count):
        efforts[piece] += sum(map(effort_of, hand))
    largest = max((sum(map(effort_of, hand)) for hand in chunked(syncs)), default=0)
    assert max(efforts) - min(efforts) <= largest


@given(_MANY, _PIECES, st.integers(0, 150))
def test_where_a_path_goes_is_decided_by_what_came_before_it(syncs: list[FileSync], count: int, until: int) -> None:
    """So a split is lazy: it reads no further ahead than a hand."""
    whole, begun = list(split_stream(syncs, count)), list(split_stream(syncs[:until], count))
    last_hand = max(0, len(begun) - 16)
    assert whole[:last_hand] == begun[:last_hand]
    assert [sync for _, sync in whole] == syncs


def test_a_split_stream_is_read_as_it_is_asked() -> None:
    def endless() -> Iterator[FileSync]:
        number = 0
        while True:
            yield _sync(f"{number:09}", 1, False)
            number += 1

    stream = split_stream(endless(), 3)
    assert {next(stream)[0] for _ in range(100)} == {0, 1, 2}


@pytest.mark.parametrize("count", [0, -1])
def test_no_pieces_are_refused(count: int) -> None:
    plan = plan_sync(LocalTree(()), B2Tree(()), now_millis=NOW_MILLIS)
    with pytest.raises(ValueError, match="at least one piece"):
        split(plan, count)
    with pytest.raises(ValueError, match="at least one piece"):
        split_stream([], count)


# --- what comes of it ------------------------------------------------------------------------------------------------

End = tuple[dict[str, tuple[Version, ...]], Report]


def _whole(scene: Scene, keep: KeepOrDelete, seed: int | None) -> End:
    world = build(scene, seed=seed)
    report = world.client.apply(world.client.plan_sync(*scene.places, policy_of(keep)))
    return history(world, scene), report


def _pieces(world: SimulatedB2, scene: Scene, keep: KeepOrDelete, count: int) -> tuple[SyncPlan, ...]:
    plan = world.client.plan_sync(*scene.places, policy_of(keep))
    lines = list(plan.lines())  # before anything is done
    return split(SyncPlan.from_lines(lambda: lines).unwrap(), count)


@given(jobs(), _PIECES, st.randoms(use_true_random=False))
def test_doing_the_pieces_in_any_order_is_doing_the_plan(
    job: tuple[Scene, KeepOrDelete, int], count: int, chance: Random
) -> None:
    """The same end, and the sum of the reports is the report."""
    scene, keep, seed = job
    world = build(scene, seed=seed)
    pieces = list(_pieces(world, scene, keep, count))
    chance.shuffle(pieces)
    report = reduce(add, [world.client.apply(piece) for piece in pieces], NOTHING)
    assert (history(world, scene), report) == _whole(scene, keep, seed)


@given(jobs(), st.integers(2, 4))
def test_doing_the_pieces_at_the_same_time_is_doing_the_plan(job: tuple[Scene, KeepOrDelete, int], count: int) -> None:
    """Each with a client of its own, as processes have."""
    scene, keep, seed = job
    world = build(scene, seed=None)
    pieces = _pieces(world, scene, keep, count)
    clients = [plain_client(world) for _ in pieces]
    with ThreadPoolExecutor(count) as pool:
        reports = list(pool.map(lambda client, piece: client.apply(piece), clients, pieces))
    assert (history(world, scene), reduce(add, reports)) == _whole(scene, keep, seed)


@given(scenes("up"), st.integers(0, 100), st.integers(2, 4))
def test_the_reports_of_moved_paths_add_up(scene: Scene, seed: int, count: int) -> None:
    def end(pieces: int) -> End:
        world = build(scene, seed=seed)
        plans = _pieces(world, scene, Delete(), pieces)
        for number, name in enumerate(sorted(scene.source)):
            if number % 2 and name in world.disk("here").files:
                world.disk("here").put(name, b"another", 99)
        return history(world, scene), reduce(add, [world.client.apply(plan) for plan in plans])

    assert end(count) == end(1)


@given(st.lists(jobs(), min_size=3, max_size=3))
def test_reports_are_a_monoid(some: list[tuple[Scene, KeepOrDelete, int]]) -> None:
    one, two, three = (_whole(*job)[1] for job in some)
    assert (one + two) + three == one + (two + three)
    assert NOTHING + one == one == one + NOTHING


# --- what several workers may use ------------------------------------------------------------------------------------


@given(st.integers(1, 512), st.integers(1, 512), st.integers(1, 512), st.integers(1, 64))
def test_the_shares_of_the_workers_add_up(one: int, two: int, three: int, pieces: int) -> None:
    floor, start, ceiling = sorted((one, two, three))
    shares = shares_of_workers(Workers(floor, ceiling, start), pieces)
    assert sum(share.ceiling for share in shares) == ceiling
    assert len(shares) == min(pieces, ceiling)
    assert max(share.ceiling for share in shares) - min(share.ceiling for share in shares) <= 1


@given(st.integers(1, 10**9), st.none() | st.integers(1, 10**9), st.lists(st.booleans(), min_size=1, max_size=16))
def test_the_shares_of_the_line_add_up(up: int, down: int | None, busy: list[bool]) -> None:
    shares = shares_of_line(Bandwidth(up, down), busy)
    assert len(shares) == len(busy)
    working = [share.up or 0 for share, each in zip(shares, busy, strict=True) if each]
    assert sum(working) == (max(up, len(working)) if working else 0)
    assert max(working, default=0) - min(working, default=0) <= 1
    assert all(share.up == 1 for share, each in zip(shares, busy, strict=True) if not each)
    assert down is not None or all(share.down is None for share in shares)
