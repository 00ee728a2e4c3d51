"""Objects from overlapping ranges, planned as the ranges come: the stream loses nothing to the plan of all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

import pytest
from emerge_oracle import MEASURES, Object, Row
from emerge_support import FAMILIES, chained, contents, differing, intents_of, measured, rebuilt, tiny, with_holes
from hypothesis import example, given
from hypothesis import strategies as st
from test_emerge import ALL, MEASURED, PRICES, limits_of, planned

from b2pure.model.intents import OverlapRule, WriteIntent
from b2pure.model.ranges import ByteRange
from b2pure.plan.emerge.parts import EmergePart
from b2pure.plan.emerge.plan import Prioritize
from b2pure.plan.emerge.stream import stream_parts
from b2pure.plan.failures import Hole, IntentsOutOfOrder, PlanFailed

_seeds = st.integers(0, 2**40)
_families = st.integers(0, len(FAMILIES) - 1)
_FAR = 10_000


def ordered(made: Object, files: dict[str, bytes]) -> list[WriteIntent]:
    return sorted(intents_of(made, files), key=lambda intent: intent.destination_offset)


def streamed(made: Object, prioritize: Prioritize, look_ahead: int = _FAR) -> list[EmergePart]:
    whole, files = contents(made)
    intents = iter(ordered(made, files))
    parts = list(stream_parts(intents, prioritize, OverlapRule.ASSUME_EQUAL, limits_of(made), PRICES, look_ahead))
    assert rebuilt(parts, files) == whole
    assert all(part.length >= made.minimum for part in parts[:-1])
    return parts


def check_same(made: Object, prioritize: Prioritize) -> None:
    parts = streamed(made, prioritize)
    plan, _ = planned(made, prioritize)
    if prioritize == "local_verification":
        ours, theirs = measured(parts, made), measured(plan.parts, made)
        assert (ours.sent + ours.down) == (theirs.sent + theirs.down)
    else:
        assert MEASURES[prioritize](measured(parts, made)) == MEASURES[prioritize](measured(plan.parts, made))


@given(_seeds, _families, st.sampled_from(ALL))
def test_with_enough_look_ahead_a_stream_is_as_good_as_a_plan(seed: int, family: int, prioritize: Prioritize) -> None:
    """L24: streaming = batch."""
    check_same(tiny(seed, family), prioritize)


def check_bound(made: Object, prioritize: Prioritize, look_ahead: int) -> None:
    """The bound for forced commits: each costs at most five minimum parts sent and downloaded."""
    parts = streamed(made, prioritize, look_ahead)
    plan, _ = planned(made, prioritize)
    ours, theirs = measured(parts, made), measured(plan.parts, made)
    forced = made.length // max(1, look_ahead // 2) + 1
    assert ours.sent + ours.down <= theirs.sent + theirs.down + 10 * made.minimum * forced


@given(_seeds, _families, st.integers(2, 6))
def test_with_little_look_ahead_a_stream_still_makes_the_object(seed: int, family: int, ahead: int) -> None:
    """L22, and a bounded loss."""
    made = tiny(seed, family)
    check_bound(made, "remote", ahead * made.minimum)


@given(_seeds, _families, st.sampled_from(MEASURED), st.integers(2, 4))
def test_every_objective_survives_little_look_ahead(seed: int, family: int, prioritize: Prioritize, ahead: int) -> None:
    """L22."""
    made = tiny(seed, family)
    streamed(made, prioritize, ahead * made.minimum)


@given(_seeds, _families, st.sampled_from(ALL), st.sampled_from((2, _FAR)))
def test_the_last_intent_of_a_stream_wins(seed: int, family: int, prioritize: Prioritize, ahead: int) -> None:
    """L23, for intents that come in order."""
    made, intents, files, whole, _ = differing(tiny(seed, family), Random(seed), by_place=True)
    rule, look = OverlapRule.LAST_WINS, ahead * made.minimum
    parts = tuple(stream_parts(iter(intents), prioritize, rule, limits_of(made), PRICES, look))
    assert rebuilt(parts, files) == whole


@given(_seeds, _families, st.sampled_from(OverlapRule))
def test_a_hole_in_a_stream_is_named(seed: int, family: int, rule: OverlapRule) -> None:
    """L22 and L23: the same hole as in a plan of all at once, after the parts before it."""
    made = with_holes(seed, family)
    _, files = contents(made)
    hole = made.hole()
    stream = stream_parts(ordered(made, files), "remote", rule, limits_of(made))
    if hole is None:
        assert sum(part.length for part in stream) == made.length
        return
    with pytest.raises(PlanFailed) as failed:
        assert all(part.range.stop <= hole[0] for part in stream)
    assert failed.value.failure == Hole(ByteRange(*hole))


@given(_seeds, _families)
def test_a_stream_out_of_order_is_refused(seed: int, family: int) -> None:
    """The first intent that begins before its predecessor is named."""
    made = tiny(seed, family)
    _, files = contents(made)
    intents = intents_of(made, files)
    offsets = [intent.destination_offset for intent in intents]
    wrong = [index for index in range(1, len(offsets)) if offsets[index] < offsets[index - 1]]
    if not wrong:
        return
    first = wrong[0]
    if _has_hole(intents[:first]):
        return
    with pytest.raises(PlanFailed) as failed:
        list(stream_parts(intents, "remote", OverlapRule.LAST_WINS, limits_of(made)))
    assert failed.value.failure == IntentsOutOfOrder(first, offsets[first - 1], offsets[first])


def _has_hole(intents: list[WriteIntent]) -> bool:
    reach = 0
    for intent in intents:
        if intent.destination_offset > reach:
            return True
        reach = max(reach, intent.stop)
    return False


@given(_seeds, _families, st.sampled_from(ALL), st.booleans())
def test_a_long_stream_is_as_good_as_a_plan(seed: int, family: int, prioritize: Prioritize, capped: bool) -> None:
    """L24: streaming = batch, where most of the object is decided long before the stream ends."""
    check_same(chained(seed, family, 30, capped), prioritize)


def longest_together(rows: Iterable[Row]) -> int:
    """Bytes of the longest range that rows of one file make together, where they touch or overlap at one distance."""
    together: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for file, offset, dest, length in rows:
        together.setdefault((file, offset - dest), []).append((dest, dest + length))
    longest = 0
    for spans in together.values():
        begin = end = 0
        for start, stop in sorted(spans):
            begin = begin if start <= end else start
            end = max(end, stop)
            longest = max(longest, end - begin)
    return longest


@given(_seeds, _families, st.sampled_from(ALL))
@example(127, 5, "min_dollars")
def test_a_stream_keeps_up_with_its_intents(seed: int, family: int, prioritize: Prioritize) -> None:
    """What is decided is handed out: no part comes later than the look-ahead and the longest range allow."""
    made = chained(seed, family, 60, False)
    _, files = contents(made)
    longest = longest_together((*made.remote, *made.local))
    asked: list[int] = []

    def intents() -> Iterator[WriteIntent]:
        for intent in ordered(made, files):
            asked.append(intent.destination_offset)
            yield intent

    look, at = 8 * made.minimum, 0
    # Where bytes are not what counts first, many ways are as good as each other for longer; but never without end.
    bytes_first = prioritize not in ("min_dollars", "min_requests")
    sent = min(made.max_sent, look) if bytes_first else 20 * look
    for part in stream_parts(intents(), prioritize, OverlapRule.ASSUME_EQUAL, limits_of(made), PRICES, look):
        assert part.range.start == at
        at = part.range.stop
        # The next range is seen before what lies before it is decided; a range is copied when its end is seen.
        assert asked[-1] - at <= look + 2 * longest + sent
    assert at == made.length
