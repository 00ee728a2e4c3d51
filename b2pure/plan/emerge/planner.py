"""The planner: all intents at once, the best plan of all that make their object.

The part limit. Parts cost next to nothing beside bytes, so there can be too many. Then what is sent is cut into longer
parts; if that does not do, parts are made dearer until there are few enough: of the plans that this finds, the lightest
is taken. A plan with fewer bytes may exist then. Where even the plan of fewest parts has too many, there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen
from returns.result import Failure, Result, Success

from b2pure.model.errors import InvalidArgument
from b2pure.model.intents import OverlapRule, WriteIntent
from b2pure.model.limits import DEFAULT_PART_SIZES, MAX_PART_SIZE, MAX_PARTS, PartSizes
from b2pure.plan.cost import PRICES_2026, PriceTable
from b2pure.plan.emerge.assemble import Assembler
from b2pure.plan.emerge.check import check_plan
from b2pure.plan.emerge.choose import Interval, Run, choose, proper
from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.cut import count_parts, cut_runs, cut_to_verify, longest_sent, sent_size
from b2pure.plan.emerge.exact import choose_by_cuts
from b2pure.plan.emerge.overlaps import CopyRow, Layout, lay_out
from b2pure.plan.emerge.plan import PRIORITIES, EmergeLimits, EmergePlan, Prioritize
from b2pure.plan.emerge.prices import Weights, weights_of
from b2pure.plan.failures import EmergeFailure, PlanFailed, TooManyParts

__all__ = ["copyable", "emerge", "limits_objection", "plan_emerge"]

_SENT: Final = -1
_LAMBDAS: Final = 40
"""Steps of the search for the price of a part: the largest price is more than a file can weigh."""


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
    limits = EmergeLimits.of(sizes, max_upload_part_size, max_copy_part_size, max_parts)
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
    job = _Job.of(layout, prioritize, limits, prices)
    parts = job.parts()
    if isinstance(parts, TooManyParts):
        return Failure(parts)
    assembler = Assembler(layout.local, layout.remote)
    diagonals = layout.diagonals
    plan = EmergePlan(
        layout.length,
        tuple(
            assembler.part(number, run, diagonals[run[2]] if run[2] != _SENT else None)
            for number, run in enumerate(parts, start=1)
        ),
        prioritize,
        overlap,
        limits,
        tuple(layout.local_spans),
        tuple((start, stop) for start, stop, _ in diagonals),
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
    if not 1 <= limits.max_parts <= MAX_PARTS:
        return InvalidArgument("max_parts", f"is {limits.max_parts}; it must be 1 to {MAX_PARTS}")
    return None


def copyable(diagonals: list[CopyRow], coverage: Coverage, prioritize: Prioritize) -> Iterator[Interval]:
    """The ranges that may be copied: all of the diagonals; with `local` what is not here; with `verify` what is here or
    what is not, but no part of both.
    """
    for number, (start, stop, _) in enumerate(diagonals):
        if prioritize not in ("local", "verify"):
            yield start, stop, number
            continue
        at = start
        for low, high in coverage.spans_within(start, stop):
            if at < low:
                yield at, low, number
            if prioritize == "verify":
                yield low, high, number
            at = high
        if at < stop:
            yield at, stop, number


@frozen
class _Job:
    """One object and what is asked of its plan."""

    end: int
    coverage: Coverage
    intervals: list[Interval]
    prioritize: Prioritize
    limits: EmergeLimits
    weights: Weights

    @classmethod
    def of(cls, layout: Layout, prioritize: Prioritize, limits: EmergeLimits, prices: PriceTable) -> _Job:
        coverage = Coverage(layout.local_spans)
        intervals = proper(copyable(layout.diagonals, coverage, prioritize), limits.minimum, layout.length)
        return cls(layout.length, coverage, intervals, prioritize, limits, weights_of(prioritize, prices))

    def parts(self) -> list[Run] | TooManyParts:
        """The parts of the best plan."""
        if self.end == 0:
            return [(0, 0, _SENT)]
        limits = self.limits
        longest = limits.max_upload if self.prioritize == "min_requests" else longest_sent(limits.recommended, limits)
        runs = self.runs(self.weights, longest)
        parts = list(self.cut(runs, limits.max_upload if self.prioritize == "min_requests" else limits.recommended))
        if len(parts) <= limits.max_parts:
            return parts
        return self.few_parts(runs)

    def runs(self, weights: Weights, longest: int) -> list[Run]:
        """The best runs, with sent parts of at most `longest` bytes."""
        minimum, max_copy = self.limits.minimum, self.limits.max_copy
        if any(stop - start > max_copy for start, stop, _ in self.intervals):
            exact = choose_by_cuts(self.intervals, self.end, self.coverage, weights, minimum, longest, max_copy)
            if exact is not None:
                return _joined(exact[1])
        return choose(self.intervals, self.end, self.coverage, weights, minimum, longest)[1]

    def cut(self, runs: list[Run], recommended: int) -> Iterator[Run]:
        """The parts of the runs."""
        if self.prioritize == "local_verification":
            runs = list(cut_to_verify(runs, self.end, self.coverage, self.limits))
        return cut_runs(runs, recommended, self.limits)

    def few_parts(self, runs: list[Run]) -> list[Run] | TooManyParts:
        """The best plan found that keeps the part limit."""
        limits = self.limits
        size = sent_size(runs, limits)
        if size is None:
            found = self.dearer_parts()
            if isinstance(found, TooManyParts):
                return found
            runs = found
            size = sent_size(runs, limits)
            assert size is not None
        parts = list(self.cut(runs, size))
        # What is cut to be verified is so only as far as there is room.
        return parts if len(parts) <= limits.max_parts else list(cut_runs(runs, size, limits))

    def dearer_parts(self) -> list[Run] | TooManyParts:
        """The lightest runs found with few enough parts, by making every part dearer."""
        limits = self.limits

        def attempt(price: int) -> tuple[list[Run], int]:
            runs = self.runs(self.weights.dearer(price), limits.max_upload)
            return runs, count_parts(runs, limits.max_upload, limits)

        heaviest = self.end * max(self.weights.local_byte, self.weights.remote_byte) + 1
        low, high = 0, heaviest
        best, count = attempt(heaviest)
        if count > limits.max_parts:
            return TooManyParts(count, limits.max_parts)
        for _ in range(_LAMBDAS):
            if count == limits.max_parts or high - low <= heaviest >> _LAMBDAS:
                break
            middle = (low + high) // 2
            runs, parts = attempt(middle)
            if parts <= limits.max_parts:
                best, count, high = runs, parts, middle
            else:
                low = middle
        return best


def _joined(parts: list[Run]) -> list[Run]:
    """What is sent in a row as one run, cut anew into no more parts than it was. Copies stay as they are: with
    `verify` they were cut where local data begin or end.
    """
    runs: list[Run] = []
    for start, stop, number in parts:
        if runs and runs[-1][2] == number == _SENT:
            runs[-1] = (runs[-1][0], stop, number)
        else:
            runs.append((start, stop, number))
    return runs
