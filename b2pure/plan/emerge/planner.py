"""The planner: all intents at once, the best plan of all that make their object.

The part limit. Parts cost next to nothing beside bytes, so there can be too many. Then what is sent is cut into longer
parts; if that does not do, parts are made dearer until there are few enough, and the plan that has too few is put
together with the one that has too many. A plan with fewer bytes may exist then. Where even the plan of fewest parts has
too many, there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from operator import sub
from typing import Final

from attrs import frozen
from returns.result import Failure, Result, Success

from b2pure.model.errors import InvalidArgument
from b2pure.model.intents import OverlapRule, WriteIntent
from b2pure.model.limits import DEFAULT_PART_SIZES, MAX_PART_SIZE, MAX_PARTS, PartSizes
from b2pure.plan.cost import PRICES_2026, PriceTable
from b2pure.plan.emerge.assemble import Assembler
from b2pure.plan.emerge.check import check_plan
from b2pure.plan.emerge.choose import choose
from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.cut import count_parts, cut_runs, cut_to_verify, longest_sent, sent_size
from b2pure.plan.emerge.exact import choose_by_cuts
from b2pure.plan.emerge.overlaps import Diagonals, Layout, in_order, lay_out
from b2pure.plan.emerge.plan import PRIORITIES, EmergeLimits, EmergePlan, Prioritize, Spans
from b2pure.plan.emerge.prices import Weights, weights_of
from b2pure.plan.emerge.splice import spliced
from b2pure.plan.emerge.twice import compares_files, known_twice, with_twice
from b2pure.plan.emerge.ways import SENT, Interval, Run, Runs, proper
from b2pure.plan.failures import Differing, EmergeFailure, PlanFailed, TooManyParts

__all__ = ["copyable", "emerge", "limits_objection", "limits_of", "plan_emerge"]

_STEPS: Final = 12
"""Steps of the search for the price of a part, each of which halves what is between too cheap and dear enough."""


def plan_emerge(
    intents: Iterable[WriteIntent],
    *,
    prioritize: Prioritize = "local_verification",
    overlap: OverlapRule = OverlapRule.ASSUME_EQUAL,
    sizes: PartSizes = DEFAULT_PART_SIZES,
    max_upload_part_size: int = MAX_PART_SIZE,
    max_copy_part_size: int = MAX_PART_SIZE,
    max_parts: int = MAX_PARTS,
    prices: PriceTable = PRICES_2026,
) -> EmergePlan:
    """The best plan of those that make the object of the intents. Raises PlanFailed with an `EmergeFailure`."""
    limits = limits_of(sizes, max_upload_part_size, max_copy_part_size, max_parts)
    planned = emerge(intents, prioritize, overlap, limits, prices)
    if isinstance(planned, Failure):
        raise PlanFailed(planned.failure())
    return planned.unwrap()


def emerge(
    intents: Iterable[WriteIntent],
    prioritize: Prioritize,
    overlap: OverlapRule,
    limits: EmergeLimits,
    prices: PriceTable = PRICES_2026,
) -> Result[EmergePlan, EmergeFailure]:
    """The same as a value."""
    objection = limits_objection(prioritize, limits)
    if objection is not None:
        return Failure(objection)
    layout = lay_out(intents, overlap)
    if not isinstance(layout, Layout):
        return Failure(layout)
    twice = known_twice(layout.rows, layout.local, compares_files(prioritize))
    if isinstance(twice, Differing):
        return Failure(twice)
    runs = _Job.of(layout, prioritize, limits, prices).parts()
    if isinstance(runs, TooManyParts):
        return Failure(runs)
    diagonals = layout.diagonals
    parts = Assembler(layout.local, diagonals).parts(runs)
    plan = EmergePlan(
        layout.length,
        tuple(with_twice(parts, twice) if twice else parts),
        prioritize,
        overlap,
        limits,
        layout.local_spans,
        Spans(diagonals.starts, diagonals.stops),
    )
    wrong = check_plan(plan)
    if wrong is not None:
        raise AssertionError(f"the planner made a plan that is none: {wrong}")
    return Success(plan)


def limits_objection(prioritize: Prioritize, limits: EmergeLimits) -> InvalidArgument | None:
    """What makes no sense: every length from the minimum on must be a sum of parts."""
    if prioritize not in PRIORITIES:
        return InvalidArgument("prioritize", f"is {prioritize!r}; it is one of {', '.join(PRIORITIES)}")
    for name, size in (("max_upload_part_size", limits.max_upload), ("max_copy_part_size", limits.max_copy)):
        if not 2 * limits.minimum - 1 <= size <= MAX_PART_SIZE:
            return InvalidArgument(
                name, f"is {size}; it must be {2 * limits.minimum - 1} (twice the minimum) to {MAX_PART_SIZE}"
            )
    if limits.max_parts < 1:
        return InvalidArgument("max_parts", f"is {limits.max_parts}; it must be at least 1")
    return None


def limits_of(sizes: PartSizes, max_upload: int, max_copy: int, max_parts: int) -> EmergeLimits:
    """What the caller asks for, within what B2 takes. Raises PlanFailed."""
    if max_parts > MAX_PARTS:
        raise PlanFailed(InvalidArgument("max_parts", f"is {max_parts}; B2 takes {MAX_PARTS}"))
    return EmergeLimits(sizes.minimum, sizes.recommended, max_upload, max_copy, max_parts)


def copyable(diagonals: Diagonals, coverage: Coverage, prioritize: Prioritize) -> Iterable[Interval]:
    """The ranges that may be copied, `in_order`: all of the diagonals; with `local` what is not here; with `verify`
    what is here or what is not, but no part of both.
    """
    if prioritize not in ("local", "verify"):
        return zip(diagonals.starts, diagonals.stops, count())
    found: list[Interval] = []
    for start, stop, number in zip(diagonals.starts, diagonals.stops, count()):
        at = start
        for low, high in coverage.spans_within(start, stop):
            if at < low:
                found.append((at, low, number))
            if prioritize == "verify":
                found.append((low, high, number))
            at = high
        if at < stop:
            found.append((at, stop, number))
    in_order(found)
    return found


@frozen
class _Job:
    """One object and what is asked of its plan."""

    end: int
    coverage: Coverage
    diagonals: Diagonals
    prioritize: Prioritize
    limits: EmergeLimits
    weights: Weights

    @classmethod
    def of(cls, layout: Layout, prioritize: Prioritize, limits: EmergeLimits, prices: PriceTable) -> _Job:
        coverage, weights = Coverage(layout.local_spans), weights_of(prioritize, prices)
        return cls(layout.length, coverage, layout.diagonals, prioritize, limits, weights)

    def copyable(self) -> Iterable[Interval]:
        """What may be copied."""
        return copyable(self.diagonals, self.coverage, self.prioritize)

    def proper(self) -> list[Interval]:
        """The same without what no plan needs."""
        return proper(self.copyable(), self.limits.minimum, self.end)

    def parts(self) -> Runs | TooManyParts:
        """The parts of the best plan."""
        if self.end == 0:
            return Runs([0, 0], [SENT])
        limits = self.limits
        longest = limits.max_upload if self.prioritize == "min_requests" else longest_sent(limits.recommended, limits)
        runs = self.runs(self.weights, longest)
        parts = self.cut(runs, limits.max_upload if self.prioritize == "min_requests" else limits.recommended)
        if len(parts) <= limits.max_parts:
            return parts
        return self.few_parts(runs)

    def runs(self, weights: Weights, longest: int) -> Runs:
        """The best runs, with sent parts of at most `longest` bytes."""
        minimum, max_copy = self.limits.minimum, self.limits.max_copy
        if max(map(sub, self.diagonals.stops, self.diagonals.starts), default=0) > max_copy:
            intervals = self.proper()
            exact = choose_by_cuts(intervals, self.end, self.coverage, weights, minimum, longest, max_copy)
            if exact is not None:
                return _joined(exact[1], intervals)
        return choose(self.copyable(), self.end, self.coverage, weights, minimum, longest)[1]

    def cut(self, runs: Runs, recommended: int) -> Runs:
        """The parts of the runs."""
        if self.prioritize == "local_verification":
            runs = cut_to_verify(runs, self.end, self.coverage, self.limits)
        return cut_runs(runs, recommended, self.limits)

    def few_parts(self, runs: Runs) -> Runs | TooManyParts:
        """The best plan found that keeps the part limit."""
        limits = self.limits
        size = sent_size(runs, limits)
        if size is None:
            found = self.dearer_parts(runs)
            if isinstance(found, TooManyParts):
                return found
            runs = found
            size = sent_size(runs, limits)
            assert size is not None
        parts = self.cut(runs, size)
        # What is cut to be verified is so only as far as there is room.
        return parts if len(parts) <= limits.max_parts else cut_runs(runs, size, limits)

    def dearer_parts(self, runs: Runs) -> Runs | TooManyParts:
        """The lightest runs found with few enough parts, by making every part dearer."""
        limits = self.limits

        def attempt(price: int) -> tuple[Runs, int]:
            found = self.runs(self.weights.dearer(price), limits.max_upload)
            return found, count_parts(found, limits.max_upload, limits)

        weights = self.weights
        # Dearer than everything that can be sent, and with it the fewest parts.
        heaviest = self.end * max(weights.local_byte, weights.remote_byte) + weights.copied_part + 1
        low, high = 0, limits.minimum * weights.remote_byte + weights.copied_part
        many = runs
        best, count = attempt(high)
        while count > limits.max_parts and high < heaviest:
            many, low, high = best, high, min(8 * high, heaviest)
            best, count = attempt(high)
        if count > limits.max_parts:
            return TooManyParts(count, limits.max_parts)
        for _ in range(_STEPS):
            if count == limits.max_parts:
                break
            middle = (low + high) // 2
            found, parts = attempt(middle)
            if parts <= limits.max_parts:
                best, count, high = found, parts, middle
            else:
                many, low = found, middle
        way = spliced(list(many), list(best), limits.minimum, limits.max_parts, self.weigh)
        return _joined(way, self.proper())

    def weigh(self, run: Run) -> tuple[int, int]:
        """The parts of a run, and its weight."""
        start, stop, number = run
        parts = count_parts([run], self.limits.max_upload, self.limits)
        if number != SENT:
            return parts, parts * self.weights.copied_part
        local = self.coverage.before(stop) - self.coverage.before(start)
        sent = self.weights.local_byte * local + self.weights.remote_byte * (stop - start - local)
        return parts, parts * self.weights.sent_part + sent


def _joined(parts: Iterable[Run], intervals: list[Interval]) -> Runs:
    """Neighbours of the same source as one run, which is cut anew: into no more parts than they were."""
    runs: list[Run] = []
    at = 0
    for start, stop, number in parts:
        while at < len(intervals) and intervals[at][1] < stop:
            at += 1
        if runs and runs[-1][2] == number and (number == SENT or _within(intervals[at], runs[-1][0], number)):
            runs[-1] = (runs[-1][0], stop, number)
        else:
            runs.append((start, stop, number))
    return Runs.of(runs)


def _within(interval: Interval, start: int, number: int) -> bool:
    return interval[0] <= start and interval[2] == number
