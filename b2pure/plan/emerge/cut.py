"""Runs become parts of legal sizes.

What is copied is cut into as few parts as there can be, all about as long. What is sent is cut into parts of the
recommended size, or a little longer where that saves one, so that several can travel at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import compress, count, pairwise
from operator import sub

from b2pure.plan.emerge.choose import choose
from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.plan import EmergeLimits, Span
from b2pure.plan.emerge.prices import verification_weights
from b2pure.plan.emerge.ways import SENT, Run, Runs

__all__ = ["count_parts", "cut_runs", "cut_to_verify", "longest_sent", "sent_size"]


def longest_sent(recommended: int, limits: EmergeLimits) -> int:
    """The longest part that is sent where parts of `recommended` bytes are wanted: a rest too short for a part of its
    own makes the last one longer.
    """
    return min(recommended + limits.minimum - 1, limits.max_upload)


def cut_runs(runs: Runs, recommended: int, limits: EmergeLimits) -> Runs:
    """The parts of the runs."""
    longest = longest_sent(recommended, limits)
    max_copy, minimum = limits.max_copy, limits.minimum
    least = min(longest, max_copy)
    cuts, numbers = runs.cuts, runs.numbers
    more, which, done = list[int](), list[int](), 0
    # Few are too long, and often none.
    for index in compress(count(), map(least.__lt__, map(sub, cuts[1:], cuts))):
        start, stop, number = cuts[index], cuts[index + 1], numbers[index]
        if number != SENT:
            within = _even(start, stop, -(-(stop - start) // max_copy))
        else:
            within = _sent(start, stop, recommended, longest, minimum)
        more += cuts[done : index + 1]
        more += within
        which += numbers[done:index]
        which += [number] * (len(within) + 1)
        done = index + 1
    return Runs(more + cuts[done:], which + numbers[done:]) if done else runs


def _even(start: int, stop: int, parts: int) -> list[int]:
    """Where so many parts of about the same size meet."""
    length = stop - start
    return [start + length * part // parts for part in range(1, parts)]


def _sent(start: int, stop: int, recommended: int, longest: int, minimum: int) -> list[int]:
    """The same for as few parts of at most `longest` bytes as there can be; of the recommended size, where so many
    hold it all.
    """
    length = stop - start
    parts = -(-length // longest)
    whole = (length - minimum) // recommended if recommended <= longest else 0
    if parts == 1 or parts * recommended < length:
        return _even(start, stop, parts)
    whole = min(whole, parts - 1)
    found = [start + recommended * part for part in range(1, whole + 1)]
    return found + _even(start + recommended * whole, stop, parts - whole)


def count_parts(runs: Iterable[Run], longest: int, limits: EmergeLimits) -> int:
    """How many parts the runs make when the longest that is sent has so many bytes."""
    return sum(-(-(stop - start) // (longest if number == SENT else limits.max_copy)) for start, stop, number in runs)


def sent_size(runs: Runs, limits: EmergeLimits) -> int | None:
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


def cut_to_verify(runs: Runs, end: int, coverage: Coverage, limits: EmergeLimits) -> Runs:
    """The same runs, copies cut so that as many as possible of their local bytes lie in parts that are local as a
    whole, and so can be compared; then in as few parts as that takes.
    """
    minimum, edges, cuts = limits.minimum, coverage.edges, runs.cuts
    # Only what is long enough to be a part matters: often nothing is but the end.
    if coverage.longest < minimum:
        edges = edges[-2:]
    spans, begin = zip(edges[::2], edges[1::2], strict=True), cuts[0] if cuts else end
    long = [x for low, high in spans if high > begin and (high - low >= minimum or high == end) for x in (low, high)]
    if not long:
        return runs
    nothing = cuts[-1], cuts[-1]
    rest = zip(long[::2], long[1::2], strict=True)
    low, high = next(rest)
    first = bisect_right(cuts, low, 1) - 1
    found, which = cuts[:first], runs.numbers[:first]
    for start, stop, number in zip(cuts[first:], cuts[first + 1 :], runs.numbers[first:], strict=False):
        found.append(start)
        which.append(number)
        while high <= start and low < high:
            low, high = next(rest, nothing)
        if low >= stop or number == SENT or (low <= start and stop <= high):
            continue
        within: list[Span] = []  # the local bytes in it that make a part
        while low < stop:
            here, upto = low if low > start else start, high if high < stop else stop
            if upto - here >= minimum or upto == end:
                within.append((here, upto))
            if high > stop:
                break
            low, high = next(rest, nothing)
        if within:
            between = _compared(start, stop, within, stop == end, limits)
            found += between
            which += [number] * len(between)
    found.append(cuts[-1])
    return Runs(found, which)


def _around(start: int, stop: int, low: int, high: int, minimum: int, last_minimum: int) -> list[int]:
    """Where to cut [start, stop) so that as much as possible of its only local bytes, [low, high), is a part of its
    own.
    """
    if start < low < start + minimum:
        low = start + minimum
    if stop - last_minimum < high < stop:
        high = stop - last_minimum
    if high - low < (last_minimum if high == stop else minimum):
        return []
    if start < low:
        return [low, high] if high < stop else [low]
    return [high] if high < stop else []


def _compared(start: int, stop: int, spans: list[Span], last: bool, limits: EmergeLimits) -> list[int]:
    """Where to cut [start, stop) for these ranges of local bytes in it: they are what can be copied, all else is
    sent.
    """
    if len(spans) == 1:
        return _around(start, stop, *spans[0], limits.minimum, 1 if last else limits.minimum)
    cuts = [start, *(edge for span in spans for edge in span), stop]
    if all(not low < high < low + limits.minimum for low, high in pairwise(cuts[:-2])) and (
        cuts[-2] == stop or stop - cuts[-2] >= (1 if last else limits.minimum)
    ):
        return [cut for cut in cuts if start < cut < stop]
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
    return cut.cuts[1:-1]
