"""Objects from overlapping ranges, planned as the ranges come: the stream loses nothing to the plan of all at once."""

from __future__ import annotations

from collections.abc import Iterator

from emerge_oracle import MEASURES, Object
from emerge_support import FAMILIES, contents, intents_of, measured, rebuilt, tiny
from hypothesis import given
from hypothesis import strategies as st
from test_emerge import ALL, MEASURED, PRICES, limits_of, planned

from b2pure.model.intents import OverlapRule, WriteIntent
from b2pure.plan.emerge.parts import EmergePart
from b2pure.plan.emerge.plan import Prioritize
from b2pure.plan.emerge.stream import stream_parts

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


@given(_seeds, _families)
def test_parts_come_before_the_intents_end(seed: int, family: int) -> None:
    """What is decided is handed out: when the stream asks for an intent, no more than the look-ahead, and what that
    intent leaves open, is not yet in a part."""
    made = tiny(seed, family)
    _, files = contents(made)
    asked: list[int] = []

    def intents() -> Iterator[WriteIntent]:
        for intent in ordered(made, files):
            asked.append(intent.destination_offset)
            yield intent

    for part in stream_parts(intents(), "remote", OverlapRule.ASSUME_EQUAL, limits_of(made), PRICES, _FAR):
        assert asked
        assert part.range.start <= made.length
