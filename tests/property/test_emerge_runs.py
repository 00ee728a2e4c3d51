"""Laws of making objects from ranges: whatever is local and whatever remote, the object is what the intents say."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve
from emerge_runs_support import KEY, LAST_WINS, Piece, Scene, Watch, built, made_of, mixtures, objects
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from returns.result import Failure
from uploads_support import (
    REREADABLE,
    committed,
    crashing,
    digest,
    sent_parts,
    starts,
)

from b2pure.effects.events import BytesMoved, Event, LargeFileBegun
from b2pure.effects.faults import CorruptDownload, FaultScript, RandomFaults
from b2pure.effects.faulty_api import FaultyApi
from b2pure.effects.room import Room
from b2pure.model.calls import CopyPart, UploadPart
from b2pure.model.errors import Corrupt
from b2pure.model.new_file import LARGE_FILE_SHA1, PLAN_ID
from b2pure.model.sources import body_length
from b2pure.plan.emerge.parts import SentPart
from b2pure.plan.emerge.plan import PRIORITIES, EmergePlan, Prioritize
from b2pure.plan.resume import Taken
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.listeners import ProgressListenerForTest
from b2pure.testing import fault_scripts

SEEDS = st.integers(0, 10_000)
WAYS = st.sampled_from(PRIORITIES)
ROOMS = st.integers(1, 30)
STREAMED = st.booleans()
LOCAL: Final = REREADABLE


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def make(scene: Scene, streamed: bool, **options: Any) -> Any:
    return scene.stream(**options) if streamed else scene.create(**options)


def planned(scene: Scene, prioritize: Prioritize = "local_verification", **options: Any) -> EmergePlan:
    plan: EmergePlan = scene.world.client.plan_create(scene.intents, prioritize=prioritize, **options).unwrap()
    return plan


# --- calm -------------------------------------------------------------------------------------------------------------


@given(objects(), WAYS, STREAMED, ROOMS, SEEDS)
def test_the_object_is_what_the_intents_say(
    folder: Path, pieces: list[Piece], prioritize: Prioritize, streamed: bool, room: int, seed: int
) -> None:
    """All at once or as a stream, by any preference, in any room: one file, and nothing is left over."""
    scene = built(pieces, folder, seed=seed)
    reply = make(scene, streamed, prioritize=prioritize, memory=room, file_info={"how": "good"}).unwrap()
    assert scene.made == [made_of(pieces)]
    assert not scene.left
    assert reply.file_info["how"] == "good"
    assert reply.content_length == len(made_of(pieces))


@given(mixtures(), WAYS, STREAMED, SEEDS)
def test_where_the_last_intent_wins_the_object_is_the_overlay(
    folder: Path, pieces: list[Piece], prioritize: Prioritize, streamed: bool, seed: int
) -> None:
    pieces.sort(key=lambda piece: piece.start)  # a stream has an order of its own
    scene = built(pieces, folder, seed=seed)
    make(scene, streamed, prioritize=prioritize, overlap=LAST_WINS).unwrap()
    assert scene.made == [made_of(pieces)]
    assert not scene.left


@given(objects(), WAYS, SEEDS)
def test_a_plan_that_was_made_before_makes_the_same(
    folder: Path, pieces: list[Piece], prioritize: Prioritize, seed: int
) -> None:
    """And just its parts are sent and copied: each piece is downloaded once, each part goes once."""
    watch = Watch()
    scene = built(pieces, folder, seed=seed, observer=watch)
    plan = planned(scene, prioritize)
    scene.world.client.create_file(plan, "b2://bucket/made", source_keys=[KEY]).unwrap()
    assert scene.made == [made_of(pieces)]
    if plan.is_large:
        calls = committed(scene.world)
        sent = {call.part_number: body_length(call.body) for call in calls if isinstance(call, UploadPart)}
        copied = [call.part_number for call in calls if isinstance(call, CopyPart)]
        assert sent == {part.number: part.length for part in plan.parts if isinstance(part, SentPart)}
        assert sorted(copied) == [part.number for part in plan.copies]
        assert watch.fetches == sum(len(part.downloads) for part in plan.parts if isinstance(part, SentPart))


@given(objects(), WAYS, SEEDS)
def test_the_digest_of_the_whole_is_told_where_all_of_it_is_here(
    folder: Path, pieces: list[Piece], prioritize: Prioritize, seed: int
) -> None:
    """Copied or not; and never a wrong one. The identity of the plan is there just when it reads something of B2."""
    scene = built(pieces, folder, seed=seed)
    plan = planned(scene, prioritize)
    assume(plan.is_large)
    info = scene.create(prioritize=prioritize).unwrap().file_info
    here = set().union(*(range(piece.start, piece.stop) for piece in pieces if not piece.is_remote))
    known = len(here) == len(made_of(pieces))
    assert info.get(LARGE_FILE_SHA1) == (digest(made_of(pieces)) if known else None)
    assert (PLAN_ID in info) == (not plan.is_local)


@given(objects(), STREAMED, SEEDS)
def test_progress_tells_every_byte_once(folder: Path, pieces: list[Piece], streamed: bool, seed: int) -> None:
    scene, told = built(pieces, folder, seed=seed), list[Event]()
    make(scene, streamed, listener=told.append).unwrap()
    assert sum(event.count for event in told if isinstance(event, BytesMoved)) == len(made_of(pieces))
    assert sum(isinstance(event, LargeFileBegun) for event in told) == starts(scene.world)


@given(objects(), STREAMED, SEEDS)
def test_a_progress_listener_hears_of_all_bytes_at_the_end(
    folder: Path, pieces: list[Piece], streamed: bool, seed: int
) -> None:
    """Of a plan the total is told before; of a stream nobody knows it before its end."""
    scene, listener = built(pieces, folder, seed=seed), ProgressListenerForTest()
    make(scene, streamed, progress_listener=listener).unwrap()
    totals = [call for call in listener.get_calls() if "set_total_bytes" in call]
    size = len(made_of(pieces))
    assert totals == [f"set_total_bytes({size})"]
    assert streamed or listener.get_calls()[0] == totals[0]
    assert f"bytes_completed({size})" in listener.get_calls()


@given(objects(), STREAMED, ROOMS, SEEDS)
def test_downloaded_pieces_never_have_more_than_their_room(
    folder: Path, pieces: list[Piece], streamed: bool, room: int, seed: int
) -> None:
    """Unless a single part does. When all is over, nothing is kept."""
    watch = Watch()
    scene = built(pieces, folder, seed=seed, observer=watch)
    make(scene, streamed, memory=room, prioritize="min_requests").unwrap()
    assert watch.most <= max(room, watch.single)
    assert watch.taken == 0


@settings(max_examples=25)
@given(objects(), STREAMED, ROOMS)
def test_on_threads_it_is_the_same(folder: Path, pieces: list[Piece], streamed: bool, room: int) -> None:
    """Parts that wait for room do not keep others from being sent."""
    scene = built(pieces, folder, seed=None)
    make(scene, streamed, memory=room).unwrap()
    assert scene.made == [made_of(pieces)]
    assert not scene.left


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 3)), min_size=1, max_size=8), ROOMS)
def test_room_is_given_up_to_its_size_and_to_whoever_is_alone(claims: list[tuple[int, int]], size: int) -> None:
    room, held = Room(size), list[int]()
    for length, releases in claims:
        alone = not held
        assert room.has(length) == (alone or sum(held) + length <= size)
        if room.has(length):
            assert room.reserve(length)
            held.append(length)
        for _ in range(min(releases, len(held)) if sum(held) > size // 2 else 0):
            room.release(held.pop())
    assert room.most <= max(size, *(length for length, _ in claims))


# --- what differs -----------------------------------------------------------------------------------------------------


def twice(pieces: list[Piece]) -> list[Piece]:
    """The object once more as a whole, in B2 and here: whatever is copied can be compared."""
    whole = made_of(pieces)
    return [*pieces, Piece("remote", 0, len(whole), whole), Piece("file", 0, len(whole), whole)]


CHECKED: Final = st.sampled_from(("local_verification", "remote", "min_upload", "min_requests", "verify"))


@given(objects(), CHECKED, SEEDS, st.data())
def test_a_copy_that_is_not_what_is_here_makes_no_file(
    folder: Path, pieces: list[Piece], prioritize: Prioritize, seed: int, choose: st.DataObject
) -> None:
    """The error names both ranges. Nothing is finished, and nothing left over."""
    pieces = twice(pieces)
    copies = [part for part in planned(built(pieces, folder), prioritize).copies if part.checks is not None]
    assume(copies)
    part = choose.draw(st.sampled_from(copies))
    scene = built(pieces, folder, seed=seed, spoiled=choose.draw(st.integers(part.range.start, part.range.stop - 1)))
    failure = scene.create(prioritize=prioritize).failure()
    assert isinstance(failure, Corrupt)
    assert "of the object, copied from [" in failure.what
    if len(copies) > 1:
        source = part.source
        assert f"[{part.range.start}, {part.range.stop}) of the object" in failure.what
        assert f"[{source.range.start}, {source.range.stop}) of {source.file_id}" in failure.what
    assert not scene.made
    assert not scene.left


@given(objects(), CHECKED, SEEDS, st.data())
def test_a_stream_makes_what_is_here_or_nothing(
    folder: Path, pieces: list[Piece], prioritize: Prioritize, seed: int, choose: st.DataObject
) -> None:
    """Where B2 has something else, it is found out before anything is finished, or it was not needed."""
    pieces = twice(pieces)
    scene = built(pieces, folder, seed=seed, spoiled=choose.draw(st.integers(0, len(made_of(pieces)) - 1)))
    result = scene.stream(prioritize=prioritize)
    assert scene.made == ([] if isinstance(result, Failure) else [made_of(pieces)])
    assert not isinstance(result, Failure) or isinstance(result.failure(), Corrupt)
    assert not scene.left


def wrong_once_more(pieces: list[Piece], kind: str, choose: st.DataObject) -> list[Piece]:
    """The object with a range of local bytes given once more, in which one byte is another."""
    there = choose.draw(st.sampled_from([piece for piece in pieces if not piece.is_remote]))
    data = bytearray(there.data)
    data[choose.draw(st.integers(0, len(data) - 1))] ^= 1
    return [*pieces, Piece(kind, there.start, there.stop, bytes(data))]


@given(
    objects(kinds=("remote", "file", "range")), st.sampled_from(("file", "range", "bytes")), SEEDS, st.booleans(),
    st.data(),
)  # fmt: skip
def test_what_is_here_twice_and_differs_makes_no_file(
    folder: Path, pieces: list[Piece], kind: str, seed: int, streamed: bool, choose: st.DataObject
) -> None:
    """It is found before anything is begun; of a stream, before anything is finished. What differs is named."""
    assume(any(not piece.is_remote for piece in pieces))
    scene = built(wrong_once_more(pieces, kind, choose), folder, seed=seed)
    result = scene.stream() if streamed else scene.create()
    failure = result.failure()
    assert isinstance(failure, Corrupt)
    assert "of the object, given by " in failure.what
    assert not scene.made
    assert not scene.left
    called = {entry.call.name for entry in scene.world.simulator.journal}
    assert streamed or called <= {"b2_get_file_info"}


@given(objects(kinds=("remote", "bytes")), SEEDS, st.booleans(), st.data())
def test_bytes_at_hand_that_differ_make_no_file_whatever_is_wanted(
    folder: Path, pieces: list[Piece], seed: int, streamed: bool, choose: st.DataObject
) -> None:
    assume(any(not piece.is_remote for piece in pieces))
    scene = built(wrong_once_more(pieces, "bytes", choose), folder, seed=seed)
    prioritize = choose.draw(st.sampled_from(("local", "remote", "local_verification", "min_requests")))
    result = (scene.stream if streamed else scene.create)(prioritize=prioritize)
    assert "the sources differ where they overlap" in str(result.failure())
    assert not scene.made
    assert not scene.left


# --- crashes ----------------------------------------------------------------------------------------------------------


@given(objects(), st.integers(0, 150), WAYS, ROOMS, SEEDS)
def test_killed_at_any_moment_and_run_again_it_does_only_what_is_missing(
    folder: Path, pieces: list[Piece], moments: int, prioritize: Prioritize, room: int, seed: int
) -> None:
    """Parts that were sent, put together or copied: none goes twice."""
    scene = built(pieces, folder, seed=seed)
    plan = planned(scene, prioritize)
    crashing(scene.world, moments, lambda: scene.create(prioritize=prioritize, memory=room))
    whole_before, done, begun = len(scene.made), sent_parts(scene.world), starts(scene.world)
    heard: list[LargeFileBegun] = []
    scene.create(prioritize=prioritize, memory=room, on_large_file=heard.append).unwrap()
    assert scene.made == [made_of(pieces)] * (1 + whole_before)
    assert not scene.left
    if plan.is_large and not whole_before:
        assert sent_parts(scene.world) == list(range(1, len(plan.parts) + 1))
        assert starts(scene.world) == 1
        if begun:
            (verdict,) = heard[0].decision.verdicts
            assert verdict.why == Taken(len(done))


@given(objects(), st.integers(0, 150), SEEDS)
def test_a_stream_that_was_killed_leaves_what_the_clean_up_finds(
    folder: Path, pieces: list[Piece], moments: int, seed: int
) -> None:
    scene = built(pieces, folder, seed=seed)
    crashing(scene.world, moments, lambda: scene.stream())
    scene.world.clock.advance(86_400_000)
    plan = scene.world.client.plan_cleanup("b2://bucket/").unwrap()
    assert sorted(str(file.file_id) for file in plan.cancel) == sorted(scene.left)
    scene.world.client.clean_up(plan)
    assert not scene.left


@given(objects(kinds=LOCAL), st.integers(10, 150), SEEDS)
def test_a_local_stream_goes_on_by_hand(folder: Path, pieces: list[Piece], moments: int, seed: int) -> None:
    """What is there is compared, and not sent again."""
    scene, heard = built(pieces, folder, seed=seed), list[LargeFileBegun]()
    crashing(scene.world, moments, lambda: scene.stream(on_large_file=heard.append))
    assume(heard and scene.left)
    scene.stream(resume=heard[0].file_id).unwrap()
    assert scene.made == [made_of(pieces)]
    assert not scene.left
    assert sent_parts(scene.world) == sorted(set(sent_parts(scene.world)))


# --- weather ----------------------------------------------------------------------------------------------------------

PATIENT: Final = RetryPolicy(max_attempts=30, max_upload_urls=30, max_total_delay=100_000)


def audible(faults: FaultScript) -> FaultScript:
    """Without what nobody can hear: ranges have no digest, so a byte that is changed on its way is not found out."""
    kept = [fault for fault in faults if not isinstance(fault, CorruptDownload)]
    return tuple(
        fault for fault in kept if not isinstance(fault, RandomFaults) or "corrupt_download" not in fault.kinds
    )


def in_weather(scene: Scene, faults: FaultScript) -> Scene:
    """The same B2, where the next calls are struck by these."""
    world = scene.world
    return evolve(scene, world=evolve(world, api=FaultyApi(world.api, faults, clock=world.clock), retry=PATIENT))


@given(objects(), fault_scripts().map(audible), WAYS, STREAMED, ROOMS, SEEDS)
def test_through_any_passing_weather_the_object_is_what_the_intents_say(
    folder: Path, pieces: list[Piece], faults: FaultScript, prioritize: Prioritize, streamed: bool, room: int, seed: int
) -> None:
    """And it is made once."""
    scene = built(pieces, folder, seed=seed)
    make(in_weather(scene, faults), streamed, prioritize=prioritize, memory=room).unwrap()
    assert scene.made == [made_of(pieces)]
    assert not scene.left
    assert starts(scene.world) <= 1


@given(objects(), fault_scripts().map(audible), st.integers(0, 150), SEEDS)
def test_killed_in_weather_and_run_again_it_comes_to_its_end(
    folder: Path, pieces: list[Piece], faults: FaultScript, moments: int, seed: int
) -> None:
    scene = built(pieces, folder, seed=seed)
    stormy = in_weather(scene, faults)
    crashing(stormy.world, moments, lambda: stormy.create())
    whole = len(scene.made)
    stormy.create().unwrap()
    assert scene.made == [made_of(pieces)] * (whole + 1)
    assert not scene.left
