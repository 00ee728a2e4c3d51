"""Laws of large files and those who hold them: nobody cancels the caller's, and no two jobs of a client share one.

Rules. What was cancelled is seen from the effects, whether it took effect or not. One client does all jobs of a world,
as one program would; all jobs write one name, so that they find what the others left.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from uploads_support import (
    BUCKET,
    MINIMUM,
    RECOMMENDED,
    TINY,
    Trickle,
    committed,
    content,
    crashing,
    files_in,
    make_world,
    starts,
    unfinished_in,
)

from b2pure.effects.effect import AnyEffect, Send
from b2pure.effects.events import LargeFileBegun
from b2pure.effects.faults import Answer, Disconnect, DropReplyAfterCommit, FailNth, Fault, RandomFaults
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.large_files import Resume
from b2pure.effects.machines import Machines
from b2pure.effects.program import Program, ok
from b2pure.effects.seeded import SeededDriver
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.uploads import Upload, upload_body
from b2pure.model.calls import CancelLargeFile, FinishLargeFile, UploadPart
from b2pure.model.ids import FileId
from b2pure.model.limits import PartSizes
from b2pure.model.sources import Blob
from b2pure.plan.holds import Held, HoldEvent, Holds, Leave, Look, Take, step_holds
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.client import Client
from b2pure.testing import SimulatedB2, simulated_b2

NAME: Final = "n"
DEST: Final = f"b2://{BUCKET}/{NAME}"
SOURCE: Final = f"b2://{BUCKET}/source"
SEEDS: Final = st.integers(0, 10_000)
SIZES: Final = PartSizes(RECOMMENDED, MINIMUM)
CONTENTS: Final = tuple(content(40, number) for number in range(2))
SOON_TIRED: Final = RetryPolicy(max_attempts=2)

# --- the machine ------------------------------------------------------------------------------------------------------

_IDS = st.sampled_from(("a", "b", "c")).map(FileId)
_LEFT = st.none() | st.integers(0, 6)
EVENTS: Final = st.lists(
    st.builds(Take, _IDS, st.booleans(), _LEFT) | st.builds(Leave, _IDS, st.booleans()), max_size=12
)


def after(events: list[HoldEvent]) -> tuple[Holds, list[Held]]:
    state, answers = Holds(), []
    for event in events:
        state, held = step_holds(state, event)
        answers.append(held)
    return state, answers


@given(EVENTS)
def test_nobody_gets_what_another_has(events: list[HoldEvent]) -> None:
    """Not before it was left."""
    owned: set[FileId] = set()
    for event, held in zip(events, after(events)[1], strict=True):
        assert held.taken == owned
        if isinstance(event, Take):
            assert not (held.yours and event.file_id in owned)
            owned |= {event.file_id} if held.yours else set()
        elif isinstance(event, Leave):
            owned.discard(event.file_id)


@given(EVENTS)
def test_the_callers_file_stays_the_callers_until_it_is_finished(events: list[HoldEvent]) -> None:
    for number, (event, held) in enumerate(zip(events, after(events)[1], strict=True)):
        if isinstance(event, Take) and event.caller and held.yours:
            for end in range(number + 1, len(events) + 1):
                finished = Leave(event.file_id, True) in events[number + 1 : end]
                _, now = step_holds(after(events[:end])[0], Look())
                assert event.file_id in now.callers or finished
                assert not now.may_cancel(event.file_id) or finished


@given(EVENTS, EVENTS)
def test_what_was_known_before_a_file_was_left_takes_none(before: list[HoldEvent], later: list[HoldEvent]) -> None:
    state, _ = after(before)
    left = state.left
    for event in later:
        state, _ = step_holds(state, event)
    _, held = step_holds(state, Take(FileId("d"), left=left))
    assert held.yours == (not any(isinstance(event, Leave) for event in later))


# --- nothing that the caller holds is cancelled -----------------------------------------------------------------------

Way = Literal["upload", "stream", "copy", "create", "create stream", "sync"]
WAYS: Final[tuple[Way, ...]] = ("upload", "stream", "copy", "create", "create stream", "sync")


@frozen
class Job:
    """One of several jobs that write a name: `held` goes on with the file that the caller was told of last, if any."""

    way: Way
    number: int
    told: bool
    resume: Literal["auto", "new", "held"]


JOBS: Final = st.lists(
    st.builds(
        Job,
        st.sampled_from(WAYS),
        st.integers(0, len(CONTENTS) - 1),
        st.booleans(),
        st.sampled_from(("auto", "auto", "new", "held")),
    ),
    min_size=1,
    max_size=4,
)
_STRUCK: Final = ("b2_upload_part", "b2_copy_part", "b2_finish_large_file", "b2_start_large_file", "*")
_ANSWERS: Final = (Answer(400, "bad_request"), Answer(403, "access_denied"), Answer(503, "service_unavailable"))


def _striking(call: str) -> st.SearchStrategy[Fault]:
    nth, times = st.integers(1, 6), st.integers(1, 3)
    return (
        st.builds(FailNth, call_name=st.just(call), nth=nth, answer=st.sampled_from(_ANSWERS), times=times)
        | st.builds(Disconnect, call_name=st.just(call), nth=nth, times=times)
        | st.builds(DropReplyAfterCommit, call_name=st.just(call), nth=nth, times=times)
    )


SCRIPTS: Final = st.lists(
    st.sampled_from(_STRUCK).flatmap(_striking) | st.builds(RandomFaults, st.integers(0, 9999), st.integers(4, 20)),
    max_size=3,
).map(tuple)


class Watch:
    """Which large files somebody wanted to cancel."""

    def __init__(self) -> None:
        self.cancelled: list[FileId] = []

    def __call__(self, moment: Literal["begin", "end"], effect: AnyEffect) -> None:
        if moment == "begin" and isinstance(effect, Send) and isinstance(effect.call, CancelLargeFile):
            self.cancelled.append(effect.call.file_id)


def do(world: SimulatedB2, client: Client, job: Job, told: list[FileId]) -> None:
    """Whatever comes of it. The caller writes down what it is told of."""
    data = CONTENTS[job.number]
    resume: Any = {"auto": True, "new": False, "held": told[-1] if told else True}[job.resume]
    options: dict[str, Any] = {"resume": resume}
    if job.told:
        options["on_large_file"] = lambda begun: told.append(begun.file_id)
    match job.way:
        case "upload":
            client.upload(data, DEST, **options)
        case "stream":
            client.upload(Trickle(data), DEST, **options)
        case "copy":
            client.copy(SOURCE, DEST, max_part_size=10, **options)
        case "create":
            client.create_file([(data, 0), (SOURCE, 20)], DEST, **options)
        case "create stream":
            by_id = {"resume": resume} if isinstance(resume, str) else {}
            client.create_file_stream([(data[:20], 0), (data[20:], 20)], DEST, **{**options, "resume": None, **by_id})
        case "sync":
            world.disk("here").put(NAME, data, world.clock.now_millis())
            client.sync("here", f"b2://{BUCKET}")


@given(JOBS, SCRIPTS, SEEDS)
def test_no_large_file_that_the_caller_holds_is_ever_cancelled(
    jobs: list[Job], script: tuple[Fault, ...], seed: int
) -> None:
    """Whoever was told of its id, or gave it, may have written it down."""
    watch, told = Watch(), list[FileId]()
    world = simulated_b2(seed=seed, config=TINY, faults=script, retry=SOON_TIRED, observer=watch)
    world.simulator.put(world.simulator.add_bucket(BUCKET).bucket_id, "source", content(40, 3), info={})
    client = world.client
    for job in jobs:
        world.clock.advance(1)
        do(world, client, job, told)
    assert not {*told} & {*watch.cancelled}


class Lying:
    """A stream whose end is not what was promised."""

    def __init__(self, data: bytes) -> None:
        self._stream = Trickle(data)

    def read(self, size: int, /) -> bytes:
        read = self._stream.read(size)
        if not read:
            raise OSError("the tape is torn")
        return read


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize(
    "way",
    [
        lambda client, **choices: client.upload(CONTENTS[1], DEST, **choices),
        lambda client, **choices: client.upload(Trickle(CONTENTS[1]), DEST, resume=False, **choices),
        lambda client, **choices: client.upload(Lying(CONTENTS[1]), DEST, **choices),
        lambda client, **choices: client.copy(SOURCE, DEST, max_part_size=10, **choices),
        lambda client, **choices: client.create_file([(CONTENTS[1], 0), (SOURCE, 40)], DEST, **choices),
        lambda client, **choices: client.create_file_stream([(CONTENTS[1], 0), (SOURCE, 40)], DEST, **choices),
    ],
    ids=["upload", "stream", "torn stream", "copy", "create", "create stream"],
)
def test_what_fails_for_good_is_cancelled_unless_the_caller_was_told_of_it(way: Any, told: bool) -> None:
    refused = FailNth("b2_finish_large_file", 1, Answer(400, "bad_request"))
    watch, heard = Watch(), list[LargeFileBegun]()
    world = simulated_b2(seed=1, config=TINY, faults=(refused,), observer=watch)
    world.simulator.put(world.simulator.add_bucket(BUCKET).bucket_id, "source", content(40, 3), info={})
    choices = {"on_large_file": heard.append} if told else {}
    assert not ok(way(world.client, **choices))
    (left,) = unfinished_in(world) or (None,)
    assert (left is not None) == told
    assert len(watch.cancelled) == (not told)
    assert [begun.file_id for begun in heard] == ([left.file_id] if left is not None else [])


def test_what_the_caller_was_told_of_stays_when_a_later_job_fails_with_it() -> None:
    """One that went on with it by itself, and tells nobody."""
    faults = (FailNth("b2_upload_part", 3, Answer(503), times=9), FailNth("b2_finish_large_file", 1, Answer(400)))
    watch, heard = Watch(), list[LargeFileBegun]()
    world = simulated_b2(BUCKET, seed=1, config=TINY, faults=faults, observer=watch, retry=SOON_TIRED)
    client = world.client
    client.upload(CONTENTS[1], DEST, on_large_file=heard.append).failure()
    world.lift(faults[0])
    client.upload(CONTENTS[1], DEST).failure()
    assert not watch.cancelled
    assert [each.file_id for each in unfinished_in(world)] == [heard[0].file_id]
    client.upload(CONTENTS[1], DEST).unwrap()
    assert starts(world) == 1


def test_a_sync_leaves_what_the_caller_was_told_of_and_cancels_the_rest() -> None:
    """Of the large files of its names."""
    refused = FailNth("b2_finish_large_file", 1, Answer(400, "bad_request"))
    watch, heard = Watch(), list[LargeFileBegun]()
    world = simulated_b2(BUCKET, seed=1, config=TINY, faults=(refused,), observer=watch)
    client = world.client
    client.upload(CONTENTS[1], DEST, on_large_file=heard.append).failure()
    crashing(world, 40, lambda: client.upload(CONTENTS[0], DEST, resume=False).unwrap())
    told, other = (each.file_id for each in unfinished_in(world))
    assert heard[0].file_id == told
    world.disk("here").put(NAME, content(40, 2), 1)
    assert client.sync("here", f"b2://{BUCKET}").ok
    assert watch.cancelled == [other]
    assert [each.file_id for each in unfinished_in(world)] == [told]


# --- equal jobs at once -----------------------------------------------------------------------------------------------


def at_once(world: SimulatedB2, seed: int, count: int, data: bytes) -> list[Any]:
    """What came of so many equal uploads, interleaved."""
    interpreter = Interpreter(world.api, SimulatedDisk(), world.clock, Machines())
    job = Upload(NAME, world.bucket_id(BUCKET), NAME, Blob(data), parts=SIZES, resume=Resume())
    results: list[Any] = []

    def one() -> Program[None]:
        results.append((yield from upload_body(job, RetryPolicy())))

    with SeededDriver(interpreter, seed=seed, workers=8) as driver:
        driver.run_each(one() for _ in range(count))
    return results


@given(st.integers(2, 3), st.integers(0, 90), SEEDS)
def test_equal_uploads_at_once_make_a_file_each_and_send_no_part_twice(count: int, moments: int, seed: int) -> None:
    """Of what a killed run left one makes use, and nothing is left."""
    world = make_world(seed=seed)
    crashing(world, moments, lambda: world.client.upload(CONTENTS[1], DEST).unwrap())
    before = len(files_in(world))
    results = at_once(world, seed, count, CONTENTS[1])
    assert all(map(ok, results)), results
    assert len({result.unwrap().file_id for result in results}) == count
    assert [made.data for made in files_in(world)] == [CONTENTS[1]] * (before + count)
    assert not unfinished_in(world)
    assert starts(world) == before + count
    parts = sum(isinstance(call, UploadPart) for call in committed(world))
    assert parts == len(CONTENTS[1]) // RECOMMENDED * (before + count)


@given(st.integers(2, 3), st.integers(1, 4), st.sampled_from(("b2_start_large_file", "b2_finish_large_file")), SEEDS)
def test_equal_uploads_at_once_succeed_when_answers_are_lost(count: int, nth: int, call: str, seed: int) -> None:
    world = make_world(seed=seed, faults=(DropReplyAfterCommit(call, nth, times=2),))
    results = at_once(world, seed, count, CONTENTS[1])
    assert all(map(ok, results)), results
    assert {made.data for made in files_in(world)} == {CONTENTS[1]}
    assert len(files_in(world)) >= count
    finished = [each.file_id for each in committed(world) if isinstance(each, FinishLargeFile)]
    assert len(finished) == len(set(finished))


class Interrupted(Trickle):
    """A stream in the middle of which something else happens."""

    def __init__(self, data: bytes, at: int, act: Any) -> None:
        super().__init__(data)
        self._reads, self._act_at, self._act = 0, at, act

    def read(self, size: int, /) -> bytes:
        self._reads += 1
        if self._reads == self._act_at:
            self._act()
        return super().read(size)


@given(st.integers(1, 8), st.integers(0, 90), SEEDS)
def test_equal_streams_at_once_to_one_name_both_succeed(at: int, moments: int, seed: int) -> None:
    """The one begins, and ends, while the other is on its way."""
    world, inner = make_world(seed=seed), list[Any]()
    client = world.client
    crashing(world, moments, lambda: client.upload(Trickle(CONTENTS[1]), DEST).unwrap())
    before = len(files_in(world))
    stream = Interrupted(CONTENTS[1], at, lambda: inner.append(client.upload(Trickle(CONTENTS[1]), DEST)))
    outer = client.upload(stream, DEST)
    assert ok(outer), outer
    assert ok(inner[0]), inner
    assert [made.data for made in files_in(world)] == [CONTENTS[1]] * (before + 2)


def test_a_file_that_is_in_use_is_not_gone_on_with_by_hand_either() -> None:
    """The message says why."""
    world, heard, inner = make_world(), list[LargeFileBegun](), list[Any]()
    client = world.client

    def second() -> None:
        inner.append(client.upload(CONTENTS[1], DEST, resume=heard[0].file_id))

    stream = Interrupted(CONTENTS[1], 4, second)
    assert ok(client.upload(stream, DEST, on_large_file=heard.append))
    assert "works on it" in inner[0].failure().message
    assert len(files_in(world)) == 1


def test_what_a_stopped_job_worked_on_can_be_gone_on_with() -> None:
    """It is left when the job is over, however it ended."""
    world = make_world()
    client = world.client
    assert crashing(world, 60, lambda: client.upload(CONTENTS[1], DEST).unwrap())
    assert unfinished_in(world)
    client.upload(CONTENTS[1], DEST).unwrap()
    assert starts(world) == 1
