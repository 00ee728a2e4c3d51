"""Laws of lanes: many programs on one thread do what they do on threads of their own, and a stop ends them all.

Rules. The lanes here are over the simulated B2: a seed says which calls they take, which of those under way ends first,
and which is left to somebody who waits. What they carry is counted from outside.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from returns.io import IOResult
from worlds_support import Scene, build, fault_scripts, history, jobs, policy_of, scenes, shown, source_shown, sync

from b2pure.effects.effect import All, Credential, Emit, HashBody, Sleep
from b2pure.effects.events import PathStarted
from b2pure.effects.handlers import Api, Heard, Lanes, Reader, Sink, Stopped, Unfinished, unheard
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.machines import Machines
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.threads import ThreadDriver
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall, FinishLargeFile, ListBuckets, UploadFile
from b2pure.model.errors import B2Error
from b2pure.model.files import LocalFact
from b2pure.model.ids import AccountId, FileId
from b2pure.model.policy import NoDelete
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import DownloadReply
from b2pure.model.sources import Blob, LocalSlice
from b2pure.plan.concurrency import Workers
from b2pure.plan.lanes import Reading, fits_lane, handed, read_in
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.client import Client
from b2pure.testing import SimulatedB2, simulated_b2

R = TypeVar("R")
SEEDS = st.integers(0, 10_000)


@define
class Counted:
    """How many exchanges are under way, and the most that ever were."""

    now: int = 0
    most: int = 0
    in_lanes: int = 0
    lock: threading.Lock = field(factory=threading.Lock)

    def more(self, number: int) -> None:
        with self.lock:
            self.now += number
            self.most = max(self.most, self.now)


class SomeLanes:
    """Lanes over any api."""

    def __init__(self, api: Api, seed: int, counted: Counted) -> None:
        self._api, self._random, self._counted = api, random.Random(seed), counted
        self._under_way: list[tuple[int, Callable[[], IOResult[Any, B2Error]]]] = []
        self._rung = threading.Event()
        self._thread: str | None = None

    def begin(self, number: int, call: Call[Any], credential: Credential, reader: Reader) -> bool:
        self._thread = self._thread or threading.current_thread().name
        assert self._thread == threading.current_thread().name
        if self._random.random() < 0.2:
            return False
        self._counted.more(1)
        self._counted.in_lanes += 1
        job: Callable[[], IOResult[Any, B2Error]] = partial(self._api.send, call, credential, reader)
        if self._random.random() < 0.5:  # it takes effect at once, and the answer comes later
            result = job()
            self._under_way.append((number, lambda: result))
        else:
            self._under_way.append((number, job))
        return True

    def wait(self, seconds: float) -> Sequence[tuple[int, IOResult[Any, B2Error] | Unfinished]]:
        assert self._thread in (None, threading.current_thread().name)
        if not self._under_way:
            self._rung.wait(seconds)
        self._rung.clear()
        ends = [each for each in self._under_way if self._random.random() < 0.5]
        self._under_way = [each for each in self._under_way if each not in ends]
        self._random.shuffle(ends)
        return [(number, self._ended(job)) for number, job in ends]

    def _ended(self, job: Callable[[], IOResult[Any, B2Error]]) -> IOResult[Any, B2Error] | Unfinished:
        def finish() -> IOResult[Any, B2Error]:
            try:
                return job()
            finally:
                self._counted.more(-1)

        return Unfinished(finish) if self._random.random() < 0.2 else finish()

    def wake(self) -> None:
        self._rung.set()

    def close(self) -> None:
        self._counted.more(-len(self._under_way))


@define
class Laned:
    """An api with lanes."""

    api: Api
    seed: int
    counted: Counted = field(factory=Counted)

    def lanes(self) -> Lanes:
        return SomeLanes(self.api, self.seed, self.counted)

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        self.counted.more(1)
        try:
            return self.api.send(call, credential, reader)
        finally:
            self.counted.more(-1)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        return self.api.fetch(call, authorization, sink, heard)


def client_of(world: SimulatedB2, api: Api, workers: Workers | int = 4) -> Client:
    return Client(api, world.clock, folders=world._folder, workers=workers, retry=world.retry)


@given(jobs(), SEEDS)
def test_in_lanes_a_sync_makes_what_it_makes_elsewhere(job: tuple[Scene, Any, int], seed: int) -> None:
    scene, keep, other_seed = job
    world, plain = build(scene), build(scene, seed=other_seed)
    report = client_of(world, Laned(world.api, seed)).sync(*scene.places, policy_of(keep))
    expected = sync(plain, scene, keep)
    assert report == expected
    assert history(world, scene) == history(plain, scene)


@given(scenes("up"), fault_scripts(), SEEDS)
def test_in_lanes_faults_that_pass_do_no_harm(scene: Scene, faults: Any, seed: int) -> None:
    world = build(
        scene, faults=faults, retry=RetryPolicy(max_attempts=16, max_upload_urls=16)
    )  # all may strike one file
    api = Laned(world.api, seed)
    assert client_of(world, api).sync(*scene.places, policy_of(NoDelete())).ok
    ours = source_shown(world, scene)
    assert {name: data for name, data in shown(world, scene).items() if name in ours} == ours
    assert api.counted.now == 0


@pytest.mark.parametrize("workers", [Workers(1, 1), Workers(3, 3), Workers(1, 8)], ids=["1", "3", "1 to 8"])
def test_in_lanes_no_more_exchanges_are_under_way_than_the_limit(workers: Workers) -> None:
    world = simulated_b2("bucket")
    for number in range(200):
        world.disk("here").put(f"file{number:03d}", b"f", 1)
    api = Laned(world.api, 1)
    assert client_of(world, api, workers).sync("here", "b2://bucket").ok
    assert len(world.contents("bucket")) == 200
    assert api.counted.most <= workers.ceiling
    assert api.counted.now == 0
    assert api.counted.in_lanes > 100


# --- programs --------------------------------------------------------------------------------------------------------


def driver_of(world: SimulatedB2, seed: int, listener: Callable[[Any], None], workers: Workers) -> ThreadDriver:
    interpreter = Interpreter(
        Laned(world.api, seed), SimulatedDisk(), SimulatedClock(), Machines(), listener, small_calls=True
    )
    return ThreadDriver(interpreter, workers=workers, bound=8)


def asking(world: SimulatedB2, ended: list[str], inner: bool = True) -> Program[Any]:
    """Small calls, events, something that takes waiting, and parts."""
    try:
        for _ in range(2):
            yield from perform(Emit(PathStarted("a")))
            result = yield from request(ListBuckets(world.simulator.account_id), RetryPolicy())
            assert ok(result)
        yield from perform(HashBody(Blob(b"x")))
        if inner:
            yield from perform(All(asking(world, [], inner=False) for _ in range(2)))
        result = yield from request(ListBuckets(world.simulator.account_id), RetryPolicy())
        ended.append("well")
        return result
    except GeneratorExit:
        ended.append("closed")
        raise


def ours() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith(("b2pure-loop", "b2pure-worker"))]


@given(SEEDS, st.integers(1, 60))
def test_a_stop_at_any_moment_ends_every_program_that_was_begun(seed: int, moment: int) -> None:
    world, ended, begun, heard = simulated_b2("bucket"), list[str](), 0, 0

    def hear(event: Any) -> None:
        nonlocal heard
        heard += 1
        if heard == moment:
            driver.stop()

    def programs() -> Iterator[Program[Any]]:
        nonlocal begun
        for _ in range(12):
            begun += 1
            yield asking(world, ended)

    driver = driver_of(world, seed, hear, Workers(1, 8))
    with driver, suppress(Stopped):
        driver.run_each(programs())
    assert ours() == []
    if heard < moment:
        assert ended == ["well"] * 12
    # Those that nobody had begun were dropped; nothing else is left.
    assert len(ended) <= begun
    assert set(ended) <= {"well", "closed"}


@given(SEEDS, st.integers(0, 11))
def test_what_a_program_raises_is_raised_when_all_have_ended(seed: int, number: int) -> None:
    world, ended = simulated_b2("bucket"), list[str]()

    def broken() -> Program[Any]:
        yield from asking(world, [])
        raise ArithmeticError("an invariant")

    driver = driver_of(world, seed, lambda event: None, Workers(1, 8))
    with driver, pytest.raises(ArithmeticError):
        driver.run_each(broken() if each == number else asking(world, ended) for each in range(12))
    assert ours() == []


class HeldUp(SimulatedClock):
    """A clock whose sleepers wake when `enough` says so, or after far too long."""

    def __init__(self, enough: Callable[[], bool]) -> None:
        super().__init__()
        self._enough, self._changed = enough, threading.Condition()
        self.asleep = self.most = 0

    def sleep(self, seconds: float) -> None:
        with self._changed:
            self.asleep += 1
            self.most = max(self.most, self.asleep)
            self._changed.wait_for(self._enough, 5)
            self.asleep -= 1

    def look(self) -> None:
        with self._changed:
            self._changed.notify_all()


@given(SEEDS, st.integers(1, 7))
def test_those_that_sleep_take_no_place_of_the_others(seed: int, sleepers: int) -> None:
    """Four may be under way at once: so many sleep until all of the others have ended."""
    world, ended = simulated_b2("bucket"), list[str]()
    clock = HeldUp(lambda: len(ended) >= 6)

    def sleeping() -> Program[Any]:
        yield from perform(Sleep(0.1))
        assert len(ended) >= 6, "the others had to wait"

    def others() -> Program[Any]:
        yield from asking(world, ended)
        clock.look()

    interpreter = Interpreter(Laned(world.api, seed), SimulatedDisk(), clock, Machines(), None, small_calls=True)
    with ThreadDriver(interpreter, workers=Workers(1, 8, 1), bound=32) as driver:
        driver.run_each([*(sleeping() for _ in range(sleepers)), *(others() for _ in range(6))])
    assert ended == ["well"] * 6
    assert clock.most <= 7


def test_no_more_sleep_than_may_ever_be_under_way() -> None:
    world, woken = simulated_b2("bucket"), threading.Event()
    clock = HeldUp(woken.is_set)

    def sleeping() -> Program[Any]:
        yield from perform(Sleep(0.1))

    def wake() -> None:
        woken.set()
        clock.look()

    interpreter = Interpreter(Laned(world.api, 1), SimulatedDisk(), clock, Machines(), None, small_calls=True)
    with ThreadDriver(interpreter, workers=Workers(1, 8, 1), bound=64) as driver:
        threading.Timer(0.5, wake).start()
        driver.run_each(sleeping() for _ in range(12))
    assert clock.most == 8


def test_where_the_system_has_few_threads_those_that_are_there_do_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def scarce(thread: threading.Thread) -> None:
        if thread.name.startswith("b2pure-worker") and thread.name != "b2pure-worker-0":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    world, ended = simulated_b2("bucket"), list[str]()
    with driver_of(world, 3, lambda event: None, Workers(1, 8)) as driver:
        driver.run_each(asking(world, ended) for _ in range(20))
    assert ended == ["well"] * 20


# --- what a lane is for ----------------------------------------------------------------------------------------------


def upload_of(body: Any) -> UploadFile:
    return UploadFile("a", "text/plain", "hex_digits_at_end", {}, body)


def file_of(size: int) -> LocalSlice:
    return LocalSlice("a", ByteRange(0, size), LocalFact(size, 0))


@pytest.mark.parametrize(
    ("call", "fits"),
    [
        (ListBuckets(AccountId("a")), True),
        (FinishLargeFile(FileId("f"), ("0",)), False),
        (upload_of(file_of(0)), True),
        (upload_of(file_of(1 << 18)), True),
        (upload_of(file_of((1 << 18) + 1)), False),
        (upload_of(Blob(b"x")), True),
    ],
)
def test_a_lane_is_for_what_goes_out_and_comes_back_at_once(call: Call[Any], fits: bool) -> None:
    assert fits_lane(call, Reading()) == fits


@given(st.integers(0, 20))
def test_a_disk_is_slow_exactly_when_its_files_take_three_milliseconds_and_more(millis: int) -> None:
    state = Reading()
    for _ in range(64):
        if state.apart:
            break
        state = read_in(state, 1, millis)
    assert fits_lane(upload_of(file_of(1)), state) == (millis < 3)
    assert fits_lane(upload_of(Blob(b"x")), state)
    assert fits_lane(ListBuckets(AccountId("a")), state)


@given(st.integers(1, 10))
def test_a_slow_disk_is_tried_again_ever_more_rarely(batches: int) -> None:
    state, waits = Reading(), []
    for _ in range(batches):
        while not state.apart:
            state = read_in(state, 1, 50)
        waits.append(state.apart)
        while state.apart:
            state = handed(state)
    assert waits == sorted(waits)
    assert all(each <= 1 << 14 for each in waits)
    while state.files or state.patience != Reading().patience:
        state = read_in(state, 16, 0)
    assert state == Reading()
