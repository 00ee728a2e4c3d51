"""Laws of adaptive concurrency: bounds, halving, climbing, and what the drivers make of it."""

from __future__ import annotations

from heapq import heappop, heappush

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from b2pure.model.errors import B2Error, Rejected, Throttled, Transport, Unavailable
from b2pure.plan.concurrency import (
    Answered,
    Concurrency,
    ExchangeEvent,
    Lost,
    PushedBack,
    Workers,
    exchange_event,
    initial,
    step_concurrency,
    workers_of,
)


@st.composite
def bounds(draw: st.DrawFn) -> Workers:
    floor = draw(st.integers(1, 20))
    start = draw(st.integers(floor, 60))
    return Workers(floor, draw(st.integers(start, 100)), start)


def events() -> st.SearchStrategy[ExchangeEvent]:
    numbers = st.integers(1, 10_000)
    return st.one_of(
        st.builds(Answered, numbers, numbers, st.floats(0, 1e9), st.booleans()),
        st.builds(PushedBack, numbers, numbers),
        st.just(Lost()),
    )


@given(bounds(), st.lists(st.tuples(events(), st.integers(-(10**9), 10**9)), max_size=300))
def test_the_limit_never_leaves_its_bounds_and_a_refusal_never_raises_it(
    policy: Workers, history: list[tuple[ExchangeEvent, int]]
) -> None:
    state, now = initial(policy), 0
    for event, passed in history:
        now += passed  # clocks may go back
        before = state.limit
        state, limit = step_concurrency(policy, state, event, now)
        assert policy.floor <= limit <= policy.ceiling
        assert limit == state.limit
        if isinstance(event, PushedBack):
            assert limit <= before


@given(bounds(), st.integers(1, 200))
def test_repeated_refusals_reach_the_floor(policy: Workers, each: int) -> None:
    state = initial(policy)
    for round_ in range(1, 8):
        state, _ = step_concurrency(policy, state, PushedBack(round_ * each, round_ * each), 0)
    assert state.limit == policy.floor


@given(bounds(), st.integers(0, 10**6), st.data())
def test_refusals_of_what_was_under_way_together_halve_once(policy: Workers, now: int, data: st.DataObject) -> None:
    together = data.draw(st.permutations(range(1, policy.start + 1)))
    state = initial(policy)
    for number in together:
        state, _ = step_concurrency(policy, state, PushedBack(number, policy.start), now)
    assert state.limit == max(policy.floor, policy.start // 2)


@given(st.integers(1, 512), st.lists(st.tuples(events(), st.integers(0, 10_000)), max_size=100))
def test_a_number_is_that_number_for_ever(number: int, history: list[tuple[ExchangeEvent, int]]) -> None:
    policy, now = workers_of(number), 0
    state = initial(policy)
    for event, passed in history:
        now += passed
        state, limit = step_concurrency(policy, state, event, now)
        assert limit == number


@pytest.mark.parametrize(
    ("floor", "ceiling", "start"), [(0, 5, 1), (5, 4, 4), (2, 8, 1), (2, 8, 9), (1, 513, 1), (-1, -1, -1)]
)
def test_bounds_that_make_no_sense_are_refused(floor: int, ceiling: int, start: int) -> None:
    with pytest.raises(ValueError, match="floor <= start <= ceiling"):
        Workers(floor, ceiling, start)


@given(st.integers(1, 512), st.integers(1, 512))
def test_the_start_fits_what_bounds_were_given(one: int, other: int) -> None:
    policy = Workers(min(one, other), max(one, other))
    assert policy.floor <= policy.start <= policy.ceiling


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, Answered(3, 9, 5.0, True)),
        (Throttled(None), PushedBack(3, 9)),
        (Unavailable(503, "service_unavailable", ""), PushedBack(3, 9)),
        (Unavailable(408, "request_timeout", ""), PushedBack(3, 9)),
        (Transport("timeout", ""), PushedBack(3, 9)),
        (Transport("broken", ""), Lost()),
        (Unavailable(500, "internal_error", ""), Lost()),
        (Rejected(404, "not_found", ""), Answered(3, 9, 1, True)),
    ],
)
def test_what_an_exchange_says(error: B2Error | None, expected: ExchangeEvent) -> None:
    assert exchange_event(error, 1 << 20, 3, 9, True) == expected


# --- a line and a machine to climb on


@define
class _Road:
    """As many exchanges as the limit says, each waiting for B2 (`latency`) and then for the one processor (`busy`),
    both in milliseconds. `limits` has what the limit was at each answer, without the first half of the time.
    """

    policy: Workers
    latency: float
    busy: float
    state: Concurrency = field(init=False)
    limits: list[int] = field(factory=list)
    most: int = 0

    def drive(self, millis: float, waiting: bool = True) -> None:
        self.state = initial(self.policy)
        under_way: list[tuple[float, int]] = []
        now = processor = 0.0
        begun = 0
        while now < millis:
            while len(under_way) < self.state.limit:
                begun += 1
                processor = max(processor, now) + self.busy
                heappush(under_way, (processor + self.latency, begun))
            now, number = heappop(under_way)
            event = Answered(number, begun, 1, waiting)
            self.state, limit = step_concurrency(self.policy, self.state, event, round(now))
            self.most = max(self.most, limit)
            if now > millis / 2:
                self.limits.append(limit)

    @property
    def usual(self) -> float:
        return sum(self.limits) / len(self.limits)


@given(bounds(), st.floats(5, 1000))
def test_where_calls_only_wait_the_limit_climbs_to_the_ceiling_and_stays_about_there(
    policy: Workers, latency: float
) -> None:
    road = _Road(policy, latency, busy=0)
    road.drive(60 * max(400, 3 * latency))
    assert road.most == policy.ceiling
    assert road.usual >= 0.85 * policy.ceiling


@given(st.floats(0.3, 20))
def test_where_the_processor_is_busy_more_threads_are_not_kept(busy: float) -> None:
    road = _Road(Workers(), 0, busy)
    road.drive(100 * max(400, 40 * busy))
    assert road.most <= 15
    assert road.usual <= 10.5


@given(st.sampled_from((10, 20, 30, 100)), st.sampled_from((1.0, 2.0, 5.0)))
def test_between_the_two_it_finds_as_many_as_keep_the_processor_busy(latency: float, busy: float) -> None:
    enough = min(64, latency / busy + 1)
    road = _Road(Workers(), latency, busy)
    road.drive(60_000)
    rate = min(1 / busy, road.usual / (latency + busy))
    best = min(1 / busy, enough / (latency + busy))
    assert rate >= 0.7 * best
    assert road.usual <= max(10, 2.5 * enough)


@given(st.floats(5, 100))
def test_what_is_not_used_does_not_grow(latency: float) -> None:
    road = _Road(Workers(), latency, busy=0)
    road.drive(10_000, waiting=False)
    assert set(road.limits) == {10}
