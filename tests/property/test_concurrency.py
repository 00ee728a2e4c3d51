"""Laws of adaptive concurrency: bounds, halving, climbing, and what the drivers make of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from typing import Literal, TypeVar

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from returns.io import IOResult

from b2pure.effects.effect import AnyEffect, Credential, Fetch, Send
from b2pure.effects.faults import RandomFaults
from b2pure.effects.handlers import Api, Heard, Reader, Sink, unheard
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.latency import Latency
from b2pure.effects.machines import Machines
from b2pure.effects.program import Program
from b2pure.effects.requests import request
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.threads import ThreadDriver
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall, ListBuckets
from b2pure.model.errors import B2Error, Rejected, Throttled, Transport, Unavailable
from b2pure.model.replies import DownloadReply
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
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.client import Client
from b2pure.testing import SimulatedB2, simulated_b2

R = TypeVar("R")


@st.composite
def bounds(draw: st.DrawFn) -> Workers:
    floor = draw(st.integers(1, 20))
    start = draw(st.integers(floor, 60))
    return Workers(floor, draw(st.integers(start, 100)), start)


def events() -> st.SearchStrategy[ExchangeEvent]:
    numbers = st.integers(1, 10_000)
    return st.one_of(
        st.builds(Answered, numbers, numbers, st.integers(0, 10**9), st.booleans()),
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
        (None, Answered(3, 9, 5 << 18, True)),
        (Throttled(None), PushedBack(3, 9)),
        (Unavailable(503, "service_unavailable", ""), PushedBack(3, 9)),
        (Unavailable(408, "request_timeout", ""), PushedBack(3, 9)),
        (Transport("timeout", ""), PushedBack(3, 9)),
        (Transport("broken", ""), Lost()),
        (Unavailable(500, "internal_error", ""), Lost()),
        (Rejected(404, "not_found", ""), Answered(3, 9, 1 << 18, True)),
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


@given(bounds(), st.floats(100, 1000))
def test_where_calls_only_wait_the_limit_climbs_to_the_ceiling_and_stays_about_there(
    policy: Workers, latency: float
) -> None:
    road = _Road(policy, latency, busy=0)
    road.drive(160 * latency)
    assert road.most == policy.ceiling
    assert road.usual >= 0.75 * policy.ceiling


@given(st.floats(2, 20))
def test_where_the_processor_is_busy_more_threads_are_not_kept(busy: float) -> None:
    road = _Road(Workers(), 0, busy)
    road.drive(2_000 * busy)
    assert road.most <= 20
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


@given(st.floats(50, 100))
def test_what_is_not_used_does_not_grow(latency: float) -> None:
    road = _Road(Workers(), latency, busy=0)
    road.drive(10_000, waiting=False)
    assert set(road.limits) == {Workers().start}


# --- the drivers


@define
class _Counting:
    """An `Api` that knows how many exchanges are under way, in every one of which something happens."""

    api: Api
    meanwhile: Callable[[], None]
    lock: threading.Lock = field(factory=threading.Lock)
    under_way: int = 0
    most: int = 0
    threads: set[str] = field(factory=set)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.threads.add(threading.current_thread().name)
        try:
            self.meanwhile()
            yield
        finally:
            with self.lock:
                self.under_way -= 1

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        with self._counted():
            return self.api.send(call, credential, reader)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        with self._counted():
            return self.api.fetch(call, authorization, sink, heard)


_PARTS = SimulatorConfig(absolute_minimum_part_size=2, recommended_part_size=4, max_single_size=1000)


def _filled(world: SimulatedB2, small: int, large: int) -> None:
    for number in range(small):
        world.disk("here").put(f"small{number:03d}", b"s", 1)
    for number in range(large):
        world.disk("here").put(f"large{number:03d}", bytes([number]) * 40, 1)


@pytest.mark.parametrize("workers", [Workers(1, 1), Workers(3, 3), Workers(1, 4)], ids=["1", "3", "1 to 4"])
def test_on_threads_no_more_exchanges_are_under_way_than_the_limit_of_files_and_parts_together(
    workers: Workers,
) -> None:
    world = simulated_b2("bucket", config=_PARTS)
    _filled(world, small=40, large=6)
    api = _Counting(world.api, lambda: time.sleep(0.001))
    client = Client(api, world.clock, folders=world._folder, workers=workers, retry=world.retry)
    assert client.sync("here", "b2://bucket").ok
    assert client.sync("b2://bucket", "there").ok
    assert world.disk("there").files == world.disk("here").files
    assert api.most <= workers.ceiling
    assert workers.ceiling == 1 or api.most > 1, "nothing ran beside anything else"


def _ask(world: SimulatedB2) -> Program[object]:
    return (yield from request(ListBuckets(world.simulator.account_id), RetryPolicy()))


def test_threads_are_started_as_the_limit_grows() -> None:
    """On a clock by which more exchanges at once are more exchanges per second."""
    world, clock = simulated_b2("bucket"), SimulatedClock()
    api = _Counting(world.api, lambda: clock.advance(480 // driver._pace.limit))
    interpreter = Interpreter(api, SimulatedDisk(), clock, Machines())
    policy = Workers(2, 16, 3)
    driver = ThreadDriver(interpreter, workers=policy)
    with driver:
        driver.run_each(_ask(world) for _ in range(1200))
    assert driver._pace.limit >= 12
    assert {f"b2pure-worker-{number}" for number in range(16)} == api.threads
    assert api.most <= policy.ceiling


def test_threads_end_as_the_limit_falls_and_the_work_is_done_nevertheless() -> None:
    world = simulated_b2("bucket", faults=(RandomFaults(1, 4, ("too_many_requests",)),))
    done: list[str] = []

    def asking() -> Program[None]:
        result = yield from request(ListBuckets(world.simulator.account_id), RetryPolicy(max_attempts=50))
        assert result.map(lambda _: True).value_or(False)
        done.append(threading.current_thread().name)

    interpreter = Interpreter(world.api, SimulatedDisk(), world.clock, Machines())
    with ThreadDriver(interpreter, workers=Workers(1, 16, 16)) as driver:
        driver.run_each(asking() for _ in range(400))
        assert len(done) == 400
        assert driver._pace.limit == 1
    # One that is one too many ends what it has begun, and takes nothing more.
    assert sum(name not in ("b2pure-worker-0", "b2pure-worker-1") for name in done[-200:]) <= 14


def test_where_the_system_has_no_more_threads_those_that_are_there_do_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def scarce(thread: threading.Thread) -> None:
        if thread.name in ("b2pure-worker-2", "b2pure-worker-3"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    world = simulated_b2("bucket", workers=4)
    _filled(world, small=20, large=2)
    assert world.client.sync("here", "b2://bucket").ok
    assert len(world.contents("bucket")) == 22


@given(st.integers(0, 1 << 32), bounds(), st.floats(0, 300), st.booleans())
def test_a_seed_interleaves_no_more_than_the_limit(seed: int, workers: Workers, millis: float, faulty: bool) -> None:
    under_way = most = 0

    def observe(moment: Literal["begin", "end"], effect: AnyEffect) -> None:
        nonlocal under_way, most
        if isinstance(effect, Send | Fetch):
            under_way += 1 if moment == "begin" else -1
            most = max(most, under_way)

    world = simulated_b2(
        "bucket",
        seed=seed,
        latency=Latency(millis, millis),
        workers=workers,
        observer=observe,
        faults=(RandomFaults(seed, 10, ("too_many_requests", "service_unavailable")),) if faulty else (),
        retry=RetryPolicy(max_attempts=50, max_upload_urls=50, max_total_delay=1e9),
    )
    _filled(world, small=30, large=0)
    assert world.client.sync("here", "b2://bucket").ok
    assert most <= workers.ceiling
    assert len(world.contents("bucket")) == 30


def test_a_server_that_takes_few_calls_per_second_gets_all_of_them_by_and_by() -> None:
    world = simulated_b2(
        "bucket",
        seed=3,
        config=SimulatorConfig(requests_per_second=20),
        workers=Workers(),
        latency=Latency(1),
        retry=RetryPolicy(max_attempts=50, max_total_delay=1e9),
    )
    _filled(world, small=100, large=0)
    assert world.client.sync("here", "b2://bucket").ok
