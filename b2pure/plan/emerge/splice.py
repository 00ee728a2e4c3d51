"""Two ways to the same object become one: the beginning of one, and the end of the other.

Where one way has too many parts and the other few but heavy ones, a way between them has as many as there may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

from b2pure.plan.emerge.ways import Run

__all__ = ["spliced"]

Weigh = Callable[[Run], tuple[int, int]]
"""The parts and the weight of a run."""


def spliced(many: list[Run], few: list[Run], minimum: int, max_parts: int, weigh: Weigh) -> list[Run]:
    """The lightest of `few` (which keeps the limit) and what comes of changing once from one way to the other, where
    `many` has a cut.
    """
    best = min(_ways(many, few, minimum, max_parts, weigh), key=lambda way: way[0], default=None)
    if best is None or best[0] >= sum(weigh(run)[1] for run in few):
        return few
    _, kept, at, few_first = best
    if few_first:
        before = [run for run in few if run[0] < at]
        before[-1] = (before[-1][0], at, before[-1][2])
        return before + many[kept:]
    after = [run for run in few if run[1] > at]
    return [*many[:kept], (at, after[0][1], after[0][2]), *after[1:]]


def _ways(
    many: list[Run], few: list[Run], minimum: int, max_parts: int, weigh: Weigh
) -> Iterator[tuple[int, int, int, bool]]:
    """(weight, index in `many`, its cut, whether `few` comes first) of all that keep the limit."""
    many_before, few_before = _sums(many, weigh), _sums(few, weigh)
    (many_parts, many_weight), (few_parts, few_weight) = many_before[-1], few_before[-1]
    end = few[-1][1]
    place = 0
    for index in range(1, len(many)):
        at = many[index][0]
        while few[place][1] <= at:
            place += 1
        start, stop, number = few[place]
        parts, weight = many_before[index]
        if at - start >= minimum:
            more = weigh((start, at, number))
            total = few_before[place][0] + more[0] + many_parts - parts
            if total <= max_parts:
                yield few_before[place][1] + more[1] + many_weight - weight, index, at, True
        elif at == start and place:
            total = few_before[place][0] + many_parts - parts
            if total <= max_parts:
                yield few_before[place][1] + many_weight - weight, index, at, True
        if stop - at >= minimum or stop == end:
            more = weigh((at, stop, number))
            total = parts + more[0] + few_parts - few_before[place + 1][0]
            if total <= max_parts:
                yield weight + more[1] + few_weight - few_before[place + 1][1], index, at, False


def _sums(runs: list[Run], weigh: Weigh) -> list[tuple[int, int]]:
    return list(accumulate(map(weigh, runs), lambda a, b: (a[0] + b[0], a[1] + b[1]), initial=(0, 0)))
