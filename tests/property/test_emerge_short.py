"""Laws of the planner's short ways: what is seen at once to be so is what the long way finds."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.intents import CopySource, OverlapRule, WriteIntent
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import LocalSlice
from b2pure.plan.emerge.choose import choose
from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.cut import cut_runs, cut_to_verify
from b2pure.plan.emerge.overlaps import Cover, Layout, LocalRow, lay_out
from b2pure.plan.emerge.plan import EmergeLimits
from b2pure.plan.emerge.prices import verification_weights
from b2pure.plan.emerge.twice import known_twice
from b2pure.plan.emerge.ways import SENT, Run, Runs

_seeds = st.integers(0, 2**40)


@given(_seeds, st.integers(2, 6), st.booleans(), st.booleans())
def test_what_is_cut_to_be_verified_is_cut_in_the_lightest_way(
    seed: int, minimum: int, ends: bool, neighbours: bool
) -> None:
    """However plain it is where to cut: the fewest local bytes are left uncompared, in as few parts as that takes."""
    for step in range(20):
        check_verified(seed + step, minimum, ends, neighbours)


def check_verified(seed: int, minimum: int, ends: bool, neighbours: bool) -> None:
    r = Random(seed)
    edges = sorted(r.sample(range(14 * minimum), 2 * r.randint(1, 4)))
    start = r.randint(0, 2 * minimum)
    stop = start + r.randint(minimum, 14 * minimum)
    end = stop if ends else stop + 3 * minimum
    coverage = Coverage(Coverage(list(zip(edges[::2], edges[1::2], strict=True))).spans_within(0, end))
    run: Run = (start, stop, 7)
    around: list[Run] = [(0, start, SENT), run, (stop, end, SENT)] if neighbours else [run]
    limits = EmergeLimits(minimum, 1000, 1000, 1000, 1000)
    cut = cut_to_verify(Runs.of(each for each in around if each[0] < each[1]), end, coverage, limits)
    parts = [each for each in cut if each[2] != SENT]
    assert [*(low for low, _, _ in parts), stop] == [start, *(high for _, high, _ in parts)]
    assert all(high - low >= minimum or high == end for low, high, _ in parts)
    weights, within = verification_weights(), coverage.spans_within(start, stop)
    weight = len(parts) + weights.local_byte * sum(
        coverage.before(high) - coverage.before(low) for low, high, _ in parts if not coverage.holds(low, high)
    )
    last = 1 if ends else minimum
    long = [(low, high, 0) for low, high in within if high - low >= minimum or high == end]
    best = choose(long, stop, Coverage(within), weights, minimum, 1000, begin=start, last_minimum=last)[0]
    assert weight == best


@given(_seeds)
def test_local_ranges_that_do_not_overlap_are_their_own_cover(seed: int) -> None:
    """What is laid out without a look at what overlaps is the cover that is looked for."""
    r = Random(seed)
    rows: list[LocalRow] = []
    at = 0
    for name in range(r.randint(1, 8)):
        at += r.choice((0, 0, r.randint(0, 9)))
        length = r.randint(1, 9)
        rows.append((at, at + length, LocalSlice(f"f{name}", ByteRange(3, 3 + length), LocalFact(99, 1))))
        at += length
    whole = WriteIntent(CopySource(FileId("all"), ByteRange(0, at)), 0)
    layout = lay_out([whole, *(WriteIntent(body, start) for start, _, body in rows)], OverlapRule.ASSUME_EQUAL)
    assert isinstance(layout, Layout)
    assert layout.local == Cover.of(rows)
    assert not layout.rows
    assert layout.local_spans == Cover.of(rows).spans()
    assert known_twice(rows, layout.local, files=True) == []


@given(_seeds, st.integers(1, 4))
def test_only_what_is_too_long_is_cut(seed: int, minimum: int) -> None:
    """All runs at once are cut as each by itself."""
    r = Random(seed)
    limits = EmergeLimits(minimum, 9 * minimum, 20 * minimum, 11 * minimum, 1000)
    runs: list[Run] = []
    for _ in range(r.randint(0, 9)):
        start = runs[-1][1] if runs else 0
        runs.append((start, start + r.randint(minimum, 40 * minimum), r.choice((SENT, 0, 1))))
    cut = cut_runs(Runs.of(runs), limits.recommended, limits)
    assert list(cut) == [part for run in runs for part in cut_runs(Runs.of([run]), limits.recommended, limits)]
    assert all(high - low <= (9 * minimum + minimum if which == SENT else 11 * minimum) for low, high, which in cut)
