"""The plan of least weight where copies have a largest size: a program over all cuts that could matter.

Some best plan has every cut at an end of the object, of an interval or of local data, plus or minus a sum of minimum
parts, longest copies and longest sent parts (a run of cuts that all hang together by such lengths can be slid as one
until it meets such an end, without loss). Those cuts can be many: `choose_by_cuts` gives up above a number of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import Final

from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.prices import Weights
from b2pure.plan.emerge.ways import Interval, Runs

__all__ = ["choose_by_cuts", "cuts_that_matter"]

_MANY: Final = 20_000


def cuts_that_matter(ends: set[int], steps: Sequence[int], length: int, most: int = _MANY) -> list[int] | None:
    """All sums of an end and steps of one sign, within the object; None when there are more than `most`."""
    if length < most:
        return list(range(length + 1))  # all there are
    found = set(ends)
    for sign in (1, -1):
        seen = set(ends)
        fresh = list(ends)
        while fresh:
            position = fresh.pop()
            for step in steps:
                to = position + sign * step
                if 0 < to < length and to not in seen:
                    seen.add(to)
                    fresh.append(to)
            if len(seen) > most:
                return None
        found |= seen
    return sorted(found)


class _Least:
    """The least of what was put in, over a window that only moves forward."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: deque[tuple[int, int]] = deque()  # (position, weight), weights growing

    def put(self, position: int, weight: int) -> None:
        while self._kept and self._kept[-1][1] >= weight:
            self._kept.pop()
        self._kept.append((position, weight))

    def least(self, low: int) -> tuple[int, int] | None:
        """The least at `low` or after, and where it is; asked with growing `low`."""
        while self._kept and self._kept[0][0] < low:
            self._kept.popleft()
        return self._kept[0] if self._kept else None


def choose_by_cuts(
    intervals: list[Interval],
    end: int,
    coverage: Coverage,
    weights: Weights,
    minimum: int,
    max_send: int,
    max_copy: int,
    most: int = _MANY,
) -> tuple[int, Runs] | None:
    """The least weight and its runs, each of which is one part; None when that would take too long."""
    ends = {0, end, *(x for each in intervals for x in each[:2]), *coverage.edges}
    cuts = cuts_that_matter({x for x in ends if 0 <= x <= end}, (minimum, max_copy, max_send), end, most)
    if cuts is None:
        return None
    price = [_price(coverage, weights, cut) for cut in cuts]
    weight: list[int | None] = [None] * len(cuts)
    origin = [(0, -1)] * len(cuts)  # the cut before, and the interval (-1: sent)
    weight[0] = 0
    sent, copied, entered, reach = _Least(), _Least(), 0, 0
    for here in range(1, len(cuts)):
        cut = cuts[here]
        shortest = 1 if cut == end else minimum
        while cuts[entered] <= cut - shortest:
            known = weight[entered]
            if known is not None:
                sent.put(entered, known - price[entered])
                copied.put(entered, known)
            entered += 1
        best = sent.least(bisect_left(cuts, cut - max_send))
        if best is not None:
            weight[here], origin[here] = best[1] + price[here] + weights.sent_part, (best[0], -1)
        while reach < len(intervals) and intervals[reach][1] < cut:
            reach += 1
        if reach < len(intervals):
            start, _, number = intervals[reach]
            best = copied.least(bisect_left(cuts, max(start, cut - max_copy)))
            known = weight[here]
            if best is not None and (known is None or best[1] + weights.copied_part < known):
                weight[here], origin[here] = best[1] + weights.copied_part, (best[0], number)
    least = weight[-1]
    assert least is not None  # to send everything always does
    return least, _unwind(cuts, origin)


def _price(coverage: Coverage, weights: Weights, position: int) -> int:
    local = coverage.before(position)
    return weights.local_byte * local + weights.remote_byte * (position - local)


def _unwind(cuts: list[int], origin: list[tuple[int, int]]) -> Runs:
    here = len(cuts) - 1
    found, numbers = [cuts[here]], list[int]()
    while here:
        here, number = origin[here]
        found.append(cuts[here])
        numbers.append(number)
    return Runs(found[::-1], numbers[::-1])
