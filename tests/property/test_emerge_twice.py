"""What this computer has twice must be the same: laws of what a plan compares, by an oracle that looks at each byte."""

from __future__ import annotations

from random import Random

from emerge_oracle import Object
from emerge_support import FAMILIES, contents, intents_of, read, rebuilt, tiny
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure

from b2pure.model.files import LocalFact
from b2pure.model.intents import CopySource, OverlapRule, WriteIntent
from b2pure.model.limits import PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, Body, LocalSlice
from b2pure.plan.emerge import (
    EmergePart,
    EmergePlan,
    Prioritize,
    check_plan,
    emerge,
    emerge_lines,
    plan_stream,
    read_emerge_lines,
)
from b2pure.plan.emerge.check import check_sources
from b2pure.plan.emerge.digests import comparing
from b2pure.plan.emerge.plan import EmergeLimits
from b2pure.plan.failures import Differing, EmergeFailure, PlanFailed

SURE: tuple[Prioritize, ...] = ("local_verification", "verify")
OTHERS: tuple[Prioritize, ...] = ("local", "remote", "min_requests")
_seeds = st.integers(0, 2**40)
_families = st.integers(0, len(FAMILIES) - 1)


class Case:
    """An object whose local sources are files or bytes at hand; a few bytes of some files may be others."""

    def __init__(self, seed: int, family: int, spoiled: int, blobs: bool) -> None:
        r = Random(seed)
        made = tiny(seed, family)
        # A second look at some of the local ranges, so that there is something to compare.
        more = [(f"x{i}", 0, dest, length) for i, (_, _, dest, length) in enumerate(made.local) if r.random() < 0.5]
        self.made = Object(made.remote, (*made.local, *more), made.minimum, made.max_sent, made.max_copy)
        _, self.files = contents(self.made)
        local = sorted({row[0] for row in self.made.local if self.files[row[0]]})
        for _ in range(spoiled if local else 0):
            name = r.choice(local)
            data = bytearray(self.files[name])
            data[r.randrange(len(data))] ^= 128
            self.files[name] = bytes(data)
        self.intents = [
            self.with_bytes(each) if blobs and r.random() < 0.7 else each for each in intents_of(self.made, self.files)
        ]

    def with_bytes(self, intent: WriteIntent) -> WriteIntent:
        """The same with the bytes at hand."""
        if isinstance(intent.source, CopySource):
            return intent
        return WriteIntent(Blob(read(intent.source, self.files)), intent.destination_offset)

    def differing(self) -> set[int]:
        """Places of the object for which the local sources say different things."""
        said: dict[int, set[int]] = {}
        for intent in self.intents:
            if not isinstance(intent.source, CopySource):
                for i, byte in enumerate(read(intent.source, self.files)):
                    said.setdefault(intent.destination_offset + i, set()).add(byte)
        return {place for place, bytes_there in said.items() if len(bytes_there) > 1}

    def plan(self, prioritize: Prioritize) -> EmergePlan | EmergeFailure:
        made = self.made
        limits = EmergeLimits(made.minimum, max(1, made.max_sent - made.minimum + 1), made.max_sent, 400, 10_000)
        result = emerge(self.intents, prioritize, OverlapRule.ASSUME_EQUAL, limits)
        return result.failure() if isinstance(result, Failure) else result.unwrap()

    def stream(self, prioritize: Prioritize) -> list[EmergePart] | EmergeFailure:
        ordered = sorted(self.intents, key=lambda each: each.destination_offset)
        minimum = self.made.minimum
        try:
            return list(plan_stream(ordered, prioritize=prioritize, sizes=PartSizes(4 * minimum, minimum)))
        except PlanFailed as failed:
            if not isinstance(failed.failure, Differing):
                raise
            return failed.failure

    def told(self, parts: list[EmergePart]) -> set[int]:
        """Places whose comparison fails."""
        found: set[int] = set()
        for one in (one for part in parts for one in part.twice):
            pair = zip(read(one.taken, self.files), read(one.other, self.files), strict=True)
            found |= {one.range.start + i for i, (a, b) in enumerate(pair) if a != b}
        return found


@given(_seeds, _families, st.integers(0, 2), st.booleans(), st.sampled_from(SURE), st.booleans())
def test_every_byte_that_is_here_twice_is_compared(
    seed: int, family: int, spoiled: int, blobs: bool, prioritize: Prioritize, streamed: bool
) -> None:
    """What the comparisons find is what differs, at once or by reading files: no more, and not one byte less."""
    case = Case(seed, family, spoiled, blobs)
    planned = case.stream(prioritize) if streamed else case.plan(prioritize)
    wrong = case.differing()
    if isinstance(planned, Differing):
        assert planned.first in wrong
        assert planned.range.start <= planned.first < planned.range.stop
        assert all(each.start <= planned.range.start for each in (planned.one, planned.other))
        assert all(planned.range.stop <= each.stop for each in (planned.one, planned.other))
        return
    parts = list(planned.parts) if isinstance(planned, EmergePlan) else planned
    assert isinstance(parts, list)
    assert case.told(parts) == wrong
    if not spoiled:
        assert len(rebuilt(parts, case.files)) == case.made.length


@given(_seeds, _families, st.integers(0, 2), st.booleans(), st.sampled_from((*OTHERS, *SURE)))
def test_bytes_at_hand_are_compared_in_every_plan(
    seed: int, family: int, spoiled: int, blobs: bool, prioritize: Prioritize
) -> None:
    """Only where the aim is to be sure are files read for it. What is at hand costs nothing."""
    case = Case(seed, family, spoiled, blobs)
    case.intents = [case.with_bytes(each) for each in case.intents]
    planned = case.plan(prioritize)
    assert isinstance(planned, Differing) == bool(case.differing())
    if isinstance(planned, EmergePlan):
        assert not [one for part in planned.parts for one in part.twice]


@given(_seeds, _families, st.booleans(), st.sampled_from(OTHERS))
def test_other_plans_read_no_file_a_second_time(seed: int, family: int, blobs: bool, prioritize: Prioritize) -> None:
    planned = Case(seed, family, 0, blobs).plan(prioritize)
    assert isinstance(planned, EmergePlan)
    assert not [one for part in planned.parts for one in part.twice]


@given(_seeds, _families, st.booleans(), st.sampled_from(SURE))
def test_each_byte_is_compared_once_less_than_it_is_given(
    seed: int, family: int, blobs: bool, prioritize: Prioritize
) -> None:
    """The price of it: both ranges are read, nothing else changes; the comparisons survive being written down."""
    case = Case(seed, family, 0, blobs)
    planned = case.plan(prioritize)
    assert isinstance(planned, EmergePlan)
    given_bytes = [0] * case.made.length
    for intent in case.intents:
        if not isinstance(intent.source, CopySource):
            for place in range(intent.destination_offset, intent.stop):
                given_bytes[place] += 1
    compared = [0] * case.made.length
    for one in (one for part in planned.parts for one in part.twice):
        for place in range(one.range.start, one.range.stop):
            compared[place] += 1
    assert all(found <= max(0, wanted - 1) for found, wanted in zip(compared, given_bytes, strict=True))
    _, hashing = comparing(planned.parts)
    assert sum(each.length for each in hashing.ranges) == 2 * sum(compared)
    assert check_plan(planned) is None
    assert check_sources(planned, case.intents) is None
    assert read_emerge_lines(emerge_lines(planned).unwrap()).unwrap() == planned


@given(_seeds, _families, st.integers(0, 2), st.sampled_from(SURE))
def test_where_the_last_one_wins_nothing_is_compared(
    seed: int, family: int, spoiled: int, prioritize: Prioritize
) -> None:
    case = Case(seed, family, spoiled, False)
    limits = EmergeLimits(case.made.minimum, 400, 400, 400, 10_000)
    planned = emerge(case.intents, prioritize, OverlapRule.LAST_WINS, limits).unwrap()
    assert not [one for part in planned.parts for one in part.twice]


@given(st.integers(1, 40), st.integers(0, 20), st.integers(0, 20))
def test_a_file_is_not_compared_with_itself(length: int, start: int, stop: int) -> None:
    """Two ranges of one file at the same distance are the same bytes."""
    source: Body = _slice(0, length)
    other = _slice(min(start, length), min(length, start + stop))
    limits = EmergeLimits(5, 10, 400, 400, 10_000)
    intents = [WriteIntent(source, 0), WriteIntent(other, min(start, length))]
    planned = emerge(intents, "local_verification", OverlapRule.ASSUME_EQUAL, limits).unwrap()
    assert not [one for part in planned.parts for one in part.twice]


def _slice(start: int, stop: int) -> Body:
    return LocalSlice("file", ByteRange(start, stop), LocalFact(100, 1))
