"""Runs become parts of legal sizes.

What is copied is cut into as few parts as there can be, all about as long. What is sent is cut into parts of the
recommended size, or a little longer where that saves one, so that several can travel at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice, pairwise
from operator import itemgetter
from typing import Final

from b2pure.plan.emerge.choose import choose
from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.plan import EmergeLimits, Span
from b2pure.plan.emerge.prices import verification_weights
from b2pure.plan.emerge.ways import SENT, Run

__all__ = ["count_parts", "cut_runs", "cut_to_verify", "longest_sent", "sent_size"]

_STOP: Final = itemgetter(1)


def longest_sent(recommended: int, limits: EmergeLimits) -> int:
    """The longest part that is sent where parts of `recommended` bytes are wanted: a rest too short for a part of its
    own makes the last one longer.
    """
    return min(recommended + limits.minimum - 1, limits.max_upload)


def cut_runs(runs: list[Run], recommended: int, limits: EmergeLimits) -> list[Run]:
    """The parts of the runs."""
    longest = longest_sent(recommended, limits)
    max_copy, minimum = limits.max_copy, limits.minimum
    least = min(longest, max_copy)
    found: list[Run] = []
    last = 0
    # Few are too long, and often none.
    for index in [index for index, (start, stop, _) in enumerate(runs) if stop - start > least]:
        start, stop, number = runs[index]
        found += runs[last:index]
        if number != SENT:
            found += [(low, high, number) for low, high in _even(start, stop, -(-(stop - start) // max_copy))]
        else:
            found += [(low, high, number) for low, high in _sent(start, stop, recommended, longest, minimum)]
        last = index + 1
    return found + runs[last:] if last else runs


def _even(start: int, stop: int, count: int) -> Iterator[tuple[int, int]]:
    length = stop - start
    for part in range(count):
        yield start + length * part // count, start + length * (part + 1) // count


def _sent(start: int, stop: int, recommended: int, longest: int, minimum: int) -> Iterator[tuple[int, int]]:
    """As few parts of at most `longest` bytes as there can be; of the recommended size, where so many hold it all."""
    length = stop - start
    count = -(-length // longest)
    whole = (length - minimum) // recommended if recommended <= longest else 0
    if count > 1 and count * recommended >= length:
        whole = min(whole, count - 1)
        for _ in range(whole):
            yield start, start + recommended
            start += recommended
        yield from _even(start, stop, count - whole)
    else:
        yield from _even(start, stop, count)


def count_parts(runs: list[Run], longest: int, limits: EmergeLimits) -> int:
    """How many parts the runs make when the longest that is sent has so many bytes."""
    return sum(-(-(stop - start) // (longest if number == SENT else limits.max_copy)) for start, stop, number in runs)


def sent_size(runs: list[Run], limits: EmergeLimits) -> int | None:
    """The size for sent parts with which the object has no more parts than it may: the recommended one, or as little
    more as will do; None when none will.
    """

    def fits(recommended: int) -> bool:
        return count_parts(runs, longest_sent(recommended, limits), limits) <= limits.max_parts

    low, high = limits.recommended, limits.max_upload
    if fits(low):
        return low
    if not fits(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def cut_to_verify(runs: list[Run], end: int, coverage: Coverage, limits: EmergeLimits) -> list[Run]:
    """The same runs, copies cut so that as many as possible of their local bytes lie in parts that are local as a
    whole, and so can be compared; then in as few parts as that takes.
    """
    minimum, edges = limits.minimum, coverage.edges
    # Only what is long enough to be a part matters: often nothing is but the end.
    if coverage.longest < minimum:
        edges = edges[-2:]
    spans = zip(edges[::2], edges[1::2], strict=True)
    begin = runs[0][0] if runs else end
    long = [(low, high) for low, high in spans if high > begin and (high - low >= minimum or high == end)]
    if not long:
        return runs
    nothing = runs[-1][1], runs[-1][1]
    rest = iter(long)
    low, high = next(rest)
    first = bisect_right(runs, low, key=_STOP)
    found = runs[:first]
    for run in islice(runs, first, None):
        start, stop, number = run
        while high <= start and low < high:
            low, high = next(rest, nothing)
        if low >= stop or number == SENT or (low <= start and stop <= high):
            found.append(run)
            continue
        within: list[Span] = []  # the local bytes in it that make a part
        while low < stop:
            here, upto = low if low > start else start, high if high < stop else stop
            if upto - here >= minimum or upto == end:
                within.append((here, upto))
            if high > stop:
                break
            low, high = next(rest, nothing)
        if len(within) == 1:
            _around(found, run, *within[0], minimum, 1 if stop == end else minimum)
        elif within:
            found += _compared(run, within, stop == end, limits)
        else:
            found.append(run)
    return found


def _around(found: list[Run], run: Run, low: int, high: int, minimum: int, last_minimum: int) -> None:
    """Add the run cut so that as much as possible of its only local bytes, [low, high), is a part of its own."""
    start, stop, number = run
    if start < low < start + minimum:
        low = start + minimum
    if stop - last_minimum < high < stop:
        high = stop - last_minimum
    if high - low < (last_minimum if high == stop else minimum):
        found.append(run)
        return
    if start < low:
        found.append((start, low, number))
    found.append((low, high, number))
    if high < stop:
        found.append((high, stop, number))


def _compared(run: Run, spans: list[Span], last: bool, limits: EmergeLimits) -> list[Run]:
    """The same for several ranges of local bytes: they are what can be copied, all else is sent."""
    start, stop, number = run
    cuts = [start, *(edge for span in spans for edge in span), stop]
    if all(not low < high < low + limits.minimum for low, high in pairwise(cuts[:-2])) and (
        cuts[-2] == stop or stop - cuts[-2] >= (1 if last else limits.minimum)
    ):
        return [(low, high, number) for low, high in pairwise(cuts) if low < high]
    _, cut = choose(
        [(low, high, 0) for low, high in spans],
        stop,
        Coverage(spans),
        verification_weights(),
        limits.minimum,
        limits.max_copy,
        begin=start,
        last_minimum=1 if last else limits.minimum,
    )
    return [(low, high, number) for low, high, _ in cut]
