"""Laws of bandwidth limits: what the bucket hands out, and how long a transfer takes because of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from attrs import define, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from b2pure.effects.events import Event, PathDone
from b2pure.effects.handlers import Chunk, Stopped
from b2pure.effects.outcomes import Done
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulator import Simulator
from b2pure.effects.throttle import Throttle, ThrottledReader, ThrottledSink
from b2pure.model.account import UploadUrl
from b2pure.model.calls import UploadFile
from b2pure.model.policy import CompareVersionMode
from b2pure.model.sources import Blob, Body
from b2pure.plan.bandwidth import Bandwidth, Bucket, burst_of, share_of, step_bucket
from b2pure.plan.concurrency import Workers
from b2pure.shell.client import Client
from b2pure.shell.clock import SystemClock
from b2pure.shell.connect import connect, connect_simulated
from b2pure.shell.http import HttpApi
from b2pure.shell.serve import serve_in_thread
from b2pure.testing import simulated_b2

RATES = st.integers(1, 10**10)
WISHES = st.one_of(st.integers(1, 5_000), st.integers(1, 10**9))


@frozen
class Moved:
    """So many bytes moved at a time, asked for at another."""

    bytes: int
    at: int
    asked: int


def moved(rate: int, asked: list[tuple[int, int]]) -> list[Moved]:
    """What moves when: the wishes come after one another, each so many milliseconds after the one before."""
    bucket, now, found = Bucket(), 0, []
    for passed, wanted in asked:
        now += passed
        bucket, share = step_bucket(rate, bucket, wanted, now)
        assert 1 <= share.bytes <= wanted
        assert share.wait_millis >= 0
        found.append(Moved(share.bytes, now + share.wait_millis, now))
    return found


@given(RATES, st.lists(st.tuples(st.integers(0, 3_000), WISHES), min_size=1, max_size=40))
def test_in_no_time_more_moves_than_the_burst_and_what_flows_in(rate: int, asked: list[tuple[int, int]]) -> None:
    """To a millisecond, which is what clocks tell."""
    found = moved(rate, asked)
    for first in range(len(found)):
        total = 0
        for each in found[first:]:
            total += each.bytes
            assert total * 1000 <= burst_of(rate) * 1000 + rate * (each.at - found[first].at + 1)


@given(RATES, st.lists(st.tuples(st.integers(0, 3_000), WISHES), min_size=1, max_size=40))
def test_shares_are_handed_out_in_the_order_of_asking(rate: int, asked: list[tuple[int, int]]) -> None:
    assert all(one.at <= other.at for one, other in pairwise(moved(rate, asked)))


@given(RATES, st.lists(st.tuples(st.integers(0, 3_000), WISHES), min_size=1, max_size=40))
def test_nobody_waits_longer_than_what_was_handed_out_before_takes(rate: int, asked: list[tuple[int, int]]) -> None:
    """Work conserving: the line is never idle while somebody waits."""
    tokens, last = burst_of(rate) * 1000, 0
    for each in moved(rate, asked):
        tokens = min(burst_of(rate) * 1000, tokens + rate * (each.asked - last)) - each.bytes * 1000
        last = each.asked
        wait = each.at - each.asked
        assert wait == 0 if tokens >= 0 else (wait - 1) * rate < -tokens <= wait * rate


@given(st.integers(1, 10**9), st.integers(1, 20), st.integers(1, 30))
def test_many_takers_together_keep_to_the_rate(rate: int, takers: int, rounds: int) -> None:
    """Each asks again when its share has moved."""
    bucket, free, total, end = Bucket(), [0] * takers, 0, 0
    per_taker = [0] * takers
    for _ in range(takers * rounds):
        who = min(range(takers), key=lambda taker: free[taker])
        bucket, share = step_bucket(rate, bucket, 10**9, free[who])
        free[who] += share.wait_millis
        end = max(end, free[who])
        total += share.bytes
        per_taker[who] += share.bytes
    assert total * 1000 <= burst_of(rate) * 1000 + rate * end
    if end > 0:  # who waits, waits its turn
        assert max(per_taker) - min(per_taker) <= burst_of(rate) + share_of(rate)


@given(st.integers(1, 10**9), st.integers(1, 10**12))
def test_the_longest_wish_is_granted_by_and_by(rate: int, size: int) -> None:
    size = min(size, 50 * share_of(rate))
    bucket, now, left = Bucket(), 0, size
    while left:
        bucket, share = step_bucket(rate, bucket, left, now)
        now += share.wait_millis
        left -= share.bytes
    assert (size - burst_of(rate)) * 1000 / rate - 1 <= now <= max(0, (size - burst_of(rate)) * 1000 / rate) + 50


@given(st.integers(1, 10**9), st.lists(st.integers(-(10**12), 10**12), max_size=50))
def test_a_clock_that_jumps_makes_nobody_wait_longer_than_what_is_owed(rate: int, jumps: list[int]) -> None:
    bucket, now = Bucket(), 0
    for number, jump in enumerate(jumps, 1):
        now += jump
        bucket, share = step_bucket(rate, bucket, 10**9, now)
        assert (share.wait_millis - 1) * rate <= number * share_of(rate) * 1000
        now += share.wait_millis


@pytest.mark.parametrize("rate", [0, -1])
@pytest.mark.parametrize("name", ["up", "down"])
def test_a_rate_of_nothing_is_refused(name: str, rate: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1 byte per second, not {rate}"):
        Bandwidth(**{name: rate})


# --- worlds in which bytes take time


SIZES = st.lists(st.integers(0, 60_000), min_size=1, max_size=6)


@given(SIZES, st.integers(5_000, 200_000), st.integers(0, 1 << 32), st.sampled_from((1, 4)))
def test_what_is_moved_takes_as_long_as_its_bytes_need_up_and_down(
    sizes: list[int], rate: int, seed: int, workers: int
) -> None:
    world = simulated_b2("bucket", seed=seed, bandwidth=Bandwidth(rate, 2 * rate), workers=workers)
    for number, size in enumerate(sizes):
        world.disk("here").put(f"file{number}", bytes([number]) * size, 1)
    client, total = world.client, sum(sizes)
    for source, dest, speed in (("here", "b2://bucket", rate), ("b2://bucket", "there", 2 * rate)):
        begin = world.clock.now_millis()
        assert client.sync(source, dest).ok
        took = world.clock.now_millis() - begin
        due = max(0, total - burst_of(speed)) * 1000 / speed
        assert due - 1 <= took <= due + 1
    assert world.disk("there").files == world.disk("here").files


@given(SIZES, st.integers(5_000, 200_000))
def test_on_threads_they_take_no_less(sizes: list[int], rate: int) -> None:
    world = simulated_b2("bucket", bandwidth=Bandwidth(up=rate))
    for number, size in enumerate(sizes):
        world.disk("here").put(f"file{number}", bytes([number]) * size, 1)
    begin = world.clock.now_millis()
    assert world.client.sync("here", "b2://bucket").ok
    assert world.clock.now_millis() - begin >= (sum(sizes) - burst_of(rate)) * 1000 / rate - 1


def test_what_the_server_copies_and_what_is_only_hashed_costs_no_bandwidth() -> None:
    world = simulated_b2("one", "two", seed=1, bandwidth=Bandwidth(1, 1))
    world.put("one", "file", b"x" * 100_000, 5)
    world.disk("here").put("file", b"x" * 100_000, 7)
    begin = world.clock.now_millis()
    assert world.client.sync("b2://one", "b2://two").ok
    plan = world.client.plan_sync("here", "b2://one", compare=CompareVersionMode.SHA1)
    assert plan.summarize().actions == 0
    assert world.clock.now_millis() == begin


@define
class _Jumping(SimulatedClock):
    """A clock that somebody sets while others wait: before each reading it is moved."""

    jumps: Iterator[int]
    offset: int = 0
    slept: float = 0.0

    def __attrs_post_init__(self) -> None:
        SimulatedClock.__init__(self)

    def now_millis(self) -> int:
        self.offset += next(self.jumps, 0)
        return super().now_millis() + self.offset

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        super().sleep(seconds)


@define
class _Kept:
    """A sink that keeps what it gets."""

    data: bytearray = field(factory=bytearray)
    longest: int = 0

    def write(self, chunk: Chunk) -> None:
        self.longest = max(self.longest, len(chunk))
        self.data += chunk


def _never() -> bool:
    return False


@given(
    st.binary(min_size=1, max_size=50_000),
    st.integers(5_000, 100_000),
    st.lists(st.integers(-(10**9), 10**9) | st.integers(-500, 500), max_size=60),
)
def test_a_clock_that_is_set_meanwhile_delays_nothing_for_long(data: bytes, rate: int, jumps: list[int]) -> None:
    clock, kept = _Jumping(iter(jumps)), _Kept()
    ThrottledSink(kept, Throttle(rate).toll(clock, _never)).write(data)
    assert kept.data == data
    # One wait may be for what all the shares before were owed; jumps can take no more than what flows in meanwhile.
    assert clock.slept <= len(data) / rate + 0.1


class _Bodies:
    def read(self, body: Body) -> Iterator[bytes]:
        assert isinstance(body, Blob)
        for start in range(0, len(body.data), 7_000):
            yield body.data[start : start + 7_000]


@given(st.binary(max_size=50_000), st.integers(1, 10**7))
def test_what_passes_is_what_came_in_pieces_that_are_not_large(data: bytes, rate: int) -> None:
    throttle, kept = Throttle(rate), _Kept()
    toll = throttle.toll(SimulatedClock(), _never)
    ThrottledSink(kept, toll).write(memoryview(data))
    assert kept.data == data
    chunks = list(ThrottledReader(_Bodies(), toll).read(Blob(data)))
    assert b"".join(chunks) == data
    assert max([kept.longest, *map(len, chunks)]) <= share_of(rate)


@given(st.integers(0, 20))
def test_a_stop_is_heard_while_bytes_wait(naps: int) -> None:
    clock = _Jumping(iter(()))
    toll = Throttle(1000).toll(clock, lambda: clock.slept >= naps * 0.25)
    with pytest.raises(Stopped):
        ThrottledSink(_Kept(), toll).write(bytes(1_000_000))
    assert clock.slept <= (naps + 1) * 0.25


# --- the real ones


class _Enough(Exception):
    pass


@pytest.mark.parametrize("upwards", [True, False], ids=["up", "down"])
def test_a_job_that_is_stopped_ends_although_its_bytes_would_take_long(upwards: bool, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "large").write_bytes(os.urandom(9_000_000))  # would take a minute and a half
    (here / "small").write_bytes(b"x")
    limits = Bandwidth(up=100_000) if upwards else Bandwidth(down=100_000)
    client = connect_simulated("bucket", bandwidth=limits, workers=Workers(2, 4))
    if not upwards:
        assert client.sync(here, "b2://bucket").ok

    def listen(event: Event) -> None:
        if isinstance(event, PathDone):
            assert isinstance(event.outcome, Done)
            raise _Enough

    begin = time.monotonic()
    with pytest.raises(_Enough):
        client.sync(*((here, "b2://bucket") if upwards else ("b2://bucket", there)), listener=listen)
    assert time.monotonic() - begin < 60


@pytest.fixture
def served() -> Simulator:
    simulator = Simulator(SystemClock().now_millis)
    simulator.add_bucket("bucket")
    return simulator


def test_over_sockets_no_timeout_fires_because_of_our_own_waiting(served: Simulator) -> None:
    rate, data = 10_000, os.urandom(20_000)
    with serve_in_thread(served) as server:
        api = HttpApi(
            served.master_key_id, served.master_key, realm_address=server.url, read_timeout=0.25, one_piece_bytes=4096
        )
        client = Client(api, SystemClock(), bandwidth=Bandwidth(rate, rate), close=api.close)
        with client:
            begin = time.monotonic()
            assert client.upload(data, "b2://bucket/file").unwrap().content_length == len(data)
            between = time.monotonic()
            assert client.read("b2://bucket/file").unwrap() == data
            end = time.monotonic()
    due = (len(data) - burst_of(rate)) / rate - 0.01
    assert between - begin >= due
    assert end - between >= due


def test_a_connected_client_keeps_to_its_limits(served: Simulator) -> None:
    with serve_in_thread(served) as server:
        key = served.master_key_id, served.master_key
        with connect(*key, realm=server.url, bandwidth=Bandwidth(up=100_000)).unwrap() as client:
            begin = time.monotonic()
            client.upload(bytes(75_000), "b2://bucket/file").unwrap()
            assert time.monotonic() - begin >= 0.49


class _Written(httpx.BaseTransport):
    """A network that keeps the sizes of what is written to it."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        self.sizes += map(len, request.stream)
        return httpx.Response(503)


@pytest.mark.parametrize(("one_piece", "sizes"), [(4096, [4096, 4096, 1808]), (10_000, [10_000])])
def test_a_body_is_written_as_it_is_rationed(one_piece: int, sizes: list[int]) -> None:
    network = _Written()
    api = HttpApi("k", "s", transport=network, one_piece_bytes=one_piece)
    reader = ThrottledReader(_Whole(), Throttle(16_000).toll(SimulatedClock(), _never))
    call = UploadFile("n", "text/plain", "0" * 40, {}, Blob(bytes(10_000)))
    api.send(call, UploadUrl("https://pod.example/up", "t"), reader)
    assert network.sizes == sizes


class _Whole:
    def read(self, body: Body) -> Iterator[bytes]:
        assert isinstance(body, Blob)
        yield body.data
