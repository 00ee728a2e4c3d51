"""Laws of progress: whatever the transfer and the weather, the numbers rise, stay within the total, reach it when it
succeeds, and the listener is closed once, by whoever opened it.

Rules. Bytes on their way are told of one by one here, not MiB by MiB: `every_byte` sees to that. The oracle reads what
a listener was called with, and nothing else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from uploads_support import BUCKET, TINY, Given, Trickle, content, make_world, opened, sources

from b2pure.effects import flights
from b2pure.effects.events import BytesMoved, Event, InFlight, LargeFileBegun, Sized
from b2pure.effects.faults import FaultScript
from b2pure.effects.flights import Moved
from b2pure.effects.program import ok
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulator import Simulator
from b2pure.model.ids import FileId
from b2pure.model.ranges import ByteRange
from b2pure.plan.resume import ResumeDecision
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.clock import SystemClock
from b2pure.shell.connect import connect
from b2pure.shell.listeners import AbstractProgressListener, telling
from b2pure.shell.serve import serve_in_thread
from b2pure.testing import SimulatedB2
from b2pure.testing.weather import fault_scripts

DEST: Final = f"b2://{BUCKET}/n"
SOURCE: Final = f"b2://{BUCKET}/source"
SEEDS: Final = st.integers(0, 10_000)
IMPATIENT: Final = RetryPolicy(max_attempts=3, max_upload_urls=3)


@pytest.fixture(scope="module", autouse=True)
def every_byte() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flights, "_EVERY_BYTES", 1)
        yield


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


class Recorder(AbstractProgressListener):
    """What it was told, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def set_total_bytes(self, total_byte_count: int) -> None:
        self.calls.append(("total", total_byte_count))

    def bytes_completed(self, byte_count: int) -> None:
        self.calls.append(("bytes", byte_count))

    def close(self) -> None:
        self.calls.append(("close", 0))

    def of(self, kind: str) -> list[int]:
        return [count for told, count in self.calls if told == kind]


def check(listener: Recorder, result: Any, length: int, *, total_first: bool) -> None:
    counts, totals = listener.of("bytes"), listener.of("total")
    assert listener.calls.count(("close", 0)) == 1
    assert listener.calls[-1] == ("close", 0)
    assert totals in ([], [length])
    assert counts == sorted(set(counts))
    assert all(0 <= count <= length for count in counts)
    if total_first and counts:
        assert listener.calls[0] == ("total", length)
    if ok(result):
        assert totals == [length]
        assert counts[-1] == length


def stormy(faults: FaultScript, seed: int) -> SimulatedB2:
    return make_world(seed=seed, faults=faults, retry=IMPATIENT)


@given(sources(), st.integers(3, 12), fault_scripts(), SEEDS)
def test_the_progress_of_an_upload(folder: Path, source: Given, part_size: int, faults: FaultScript, seed: int) -> None:
    listener = Recorder()
    result = stormy(faults, seed).client.upload(
        opened(source, folder), DEST, part_size=part_size, progress_listener=listener
    )
    if not source.is_stream or ok(result):
        check(listener, result, len(source.data), total_first=not source.is_stream)


@given(st.integers(0, 60), st.sampled_from(["path", "bytes", "writer", "range"]), fault_scripts(), SEEDS, st.booleans())
@settings(max_examples=150)
def test_the_progress_of_a_download(
    folder: Path, size: int, way: str, faults: FaultScript, seed: int, by_name: bool
) -> None:
    world, data = stormy(faults, seed), content(size, 1)
    calm(world).put(BUCKET, "source", data, 5)
    listener, length = Recorder(), size
    source: Any = SOURCE
    if not by_name:
        (source,) = make_listing(world)
    match way:
        case "path":
            result: Any = world.client.download(source, folder / "target", progress_listener=listener)
        case "writer":
            with open(folder / "stream", "wb") as target:
                result = world.client.download(source, target, progress_listener=listener)
        case "bytes":
            result = world.client.read(source, progress_listener=listener)
        case _:
            wanted = ByteRange(size // 3, size + 5)
            length = size - size // 3
            result = world.client.read(source, wanted=wanted, progress_listener=listener)
    check(listener, result, length, total_first=True)


def make_listing(world: SimulatedB2) -> list[Any]:
    """As a listing gives it."""
    return list(calm(world).client.ls(f"b2://{BUCKET}"))


def calm(world: SimulatedB2) -> SimulatedB2:
    """The same B2 in good weather."""
    simulator = world.simulator
    return evolve(world, api=SimulatedApi(simulator, simulator.master_key_id, simulator.master_key))


@given(st.integers(1, 60), st.sampled_from([5_000_000_000, 7, 12]), fault_scripts(), SEEDS)
def test_the_progress_of_a_copy(size: int, max_part_size: int, faults: FaultScript, seed: int) -> None:
    world, listener = stormy(faults, seed), Recorder()
    calm(world).put(BUCKET, "source", content(size, 1), 5)
    (source,) = make_listing(world)
    result = world.client.copy(source, DEST, max_part_size=max_part_size, progress_listener=listener)
    check(listener, result, size, total_first=True)


@given(sources(("bytes", "file", "stream")), SEEDS)
def test_who_opened_a_listener_closes_it(folder: Path, source: Given, seed: int) -> None:
    """T35: two transfers may share one that the caller opened; it is closed when the caller is done."""
    world, listener = make_world(seed=seed), Recorder()
    with listener:
        world.client.upload(opened(source, folder), DEST, progress_listener=listener).unwrap()
        assert not listener.of("close")
    assert listener.of("close") == [0]


def test_a_long_body_in_one_call_is_told_of_while_it_moves(folder: Path) -> None:
    """One upload in one call over HTTP, and one download in one stretch."""
    path = folder / "long"
    path.write_bytes(content(5 << 20, 2))
    simulator = Simulator(SystemClock().now_millis)
    simulator.add_bucket(BUCKET)
    with (
        pytest.MonkeyPatch.context() as patch,
        serve_in_thread(simulator) as server,
        connect(simulator.master_key_id, simulator.master_key, realm=server.url).unwrap() as client,
    ):
        patch.setattr(flights, "_EVERY_BYTES", 1 << 20)
        for act in (
            lambda heard: client.upload(path, DEST, listener=heard),
            lambda heard: client.upload(path.read_bytes(), DEST, listener=heard),
            lambda heard: client.download(DEST, folder / "target", listener=heard),
        ):
            heard: list[Event] = []
            result: Any = act(heard.append)
            assert ok(result)
            moving = [event.count for event in heard if isinstance(event, InFlight)]
            assert len(moving) >= 3  # chunks of up to 1 MiB, told of when another MiB is there; and the end
            assert moving[-1] == 0
            assert moving[:-1] == sorted(moving[:-1])
            assert isinstance(heard[0], Sized)
            assert isinstance(heard[-1], BytesMoved)
            assert heard[-1].count == heard[0].total == 5 << 20


@given(st.binary(max_size=60), fault_scripts(), SEEDS)
def test_what_came_twice_is_told_of_once(data: bytes, faults: FaultScript, seed: int) -> None:
    """Bytes that are safe are counted once, also where a corrupt download begins anew."""
    world, safe = make_world(seed=seed, faults=faults, retry=RetryPolicy(max_attempts=30)), Moved()
    calm(world).put(BUCKET, "source", data, 5)
    if ok(world.client.read(SOURCE, listener=safe.hear)):
        assert safe.safe == len(data)


@given(st.binary(max_size=60), fault_scripts(), SEEDS)
def test_what_is_read_through_any_passing_weather_is_the_object(data: bytes, faults: FaultScript, seed: int) -> None:
    """Also where it arrived corrupt: memory can be written again."""
    world = make_world(seed=seed, faults=faults, retry=RetryPolicy(max_attempts=30, max_total_delay=100_000))
    calm(world).put(BUCKET, "source", data, 5)
    assert world.client.read(SOURCE).unwrap() == data


def test_a_large_file_that_is_begun_anew_loses_what_the_first_one_had() -> None:
    moved = Moved()
    for reused in (7, 0):
        moved.hear(LargeFileBegun("n", FileId("id"), ResumeDecision(None), reused))
    assert moved.safe == 0
    assert moved.shown == 7


def test_a_stream_of_unknown_length_tells_its_total_at_its_end() -> None:
    listener = Recorder()
    make_world().client.upload(Trickle(content(30, 1)), DEST, progress_listener=listener).unwrap()
    kinds = [kind for kind, _ in listener.calls]
    assert kinds[-2:] == ["total", "close"] or kinds[-3:] == ["total", "bytes", "close"]
    assert listener.of("total") == [30]


assert TINY.recommended_part_size < 60, "a few dozen bytes are a large file"


class Entered:
    """Of no class of ours; it can be entered."""

    def __init__(self) -> None:
        self.calls = ""

    def set_total_bytes(self, _: int) -> None:
        self.calls += "t"

    def bytes_completed(self, _: int) -> None:
        self.calls += "b"

    def __enter__(self) -> Entered:
        self.calls += "("
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.calls += ")" if kind is None else "!"


def _while_handling(run: Callable[[], None]) -> None:
    """While the caller handles an exception of its own, which is none of a transfer's business."""
    try:
        raise KeyError
    except KeyError:
        run()


@given(st.none() | st.integers(0, 9), st.lists(st.integers(1, 9)), st.booleans(), st.booleans(), st.booleans())
def test_one_of_anybodys_is_left_as_often_as_it_is_entered(
    total: int | None, moved: list[int], fails: bool, enters: bool, handles: bool
) -> None:
    """Entered before the first byte, after the total where that is known; left last, with what went wrong."""
    heard = Entered()

    def transfer() -> None:
        with telling(heard, enters=enters) as told:
            assert told.listener is not None
            if total is not None:
                told.listener(Sized("a", total))
            for count in moved:
                told.listener(BytesMoved("a", count))
            if fails:
                raise ValueError

    try:
        if handles:
            _while_handling(transfer)
        else:
            transfer()
    except ValueError:
        assert fails
    begun = "(" if total is not None or moved else ""
    left = {"": "", "(": "!" if fails else ")"}[begun]
    expected = ("t" if total is not None else "", begun, left) if enters else ("t" if total is not None else "", "", "")
    assert heard.calls.replace("b", "") == "".join(expected)
    assert not begun or not enters or heard.calls.index(begun) < (heard.calls + "b").index("b")


class Opened:
    """Of no class of ours; it can be entered, and not left."""

    def set_total_bytes(self, _: int) -> None:
        pass

    def bytes_completed(self, _: int) -> None:
        pass

    def __enter__(self) -> None:
        raise AssertionError("nobody would leave it")


class Closed(Opened):
    """It can be closed, too."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("kind", [Opened, Closed])
def test_what_cannot_be_left_is_not_entered(kind: type[Opened]) -> None:
    heard = kind()
    with telling(heard, enters=True) as told:
        assert told.listener is not None
        told.listener.arrived(5)
    assert not isinstance(heard, Closed) or heard.closed == 1
