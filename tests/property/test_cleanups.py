"""Laws of the clean-up of unfinished large files: it cancels what is stale and nothing else, and loses nothing.

Rules. Stale is what nothing happened to for as long as the caller says. Between a plan and its execution the world may
move on; what moved is left alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from uploads_support import BUCKET, crashing, files_in, make_world, only, sent_parts, unfinished_in
from worlds_support import plain_client

from b2pure.effects.cleanups import CleanupReport
from b2pure.effects.effect import AnyEffect
from b2pure.effects.faults import FaultScript
from b2pure.effects.faulty_api import FaultyApi
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.model.errors import InvalidArgument, Rejected, Unauthorized
from b2pure.model.ids import FileId
from b2pure.plan.cleanup import Unfinished, plan_cleanup
from b2pure.plan.retry import RetryPolicy
from b2pure.testing import SimulatedB2, fault_scripts

SEEDS = st.integers(0, 10_000)
DATA: Final = bytes(range(60))
PATIENT: Final = RetryPolicy(max_attempts=30, max_total_delay=100_000)

# --- the plan, as data ------------------------------------------------------------------------------------------------

FOUND = st.lists(
    st.builds(
        Unfinished,
        st.sampled_from("abcdefgh").map(FileId),
        st.sampled_from(("x", "y/z", "y")),
        st.integers(0, 50),
        st.integers(50, 100),
        st.integers(0, 9),
        st.integers(0, 99),
    ),
    max_size=6,
    unique_by=lambda file: file.file_id,
)


@given(FOUND, st.integers(50, 150), st.integers(0, 150))
def test_a_plan_cancels_what_nothing_happened_to_for_so_long(found: list[Unfinished], now: int, age: int) -> None:
    """When it was started does not matter, and each file is in one half of the plan."""
    plan = plan_cleanup(found, now_millis=now, older_than_millis=age)
    assert {file.file_id for file in plan.cancel} == {file.file_id for file in found if now - file.last_activity >= age}
    assert sorted(plan.cancel + plan.keep, key=lambda file: file.file_id) == sorted(found, key=lambda f: f.file_id)
    assert plan == plan_cleanup(reversed(found), now_millis=now, older_than_millis=age)


@given(FOUND, st.integers(0, 100), st.integers(0, 100), st.integers(0, 50))
def test_who_asks_for_a_greater_age_loses_no_more(found: list[Unfinished], now: int, age: int, more: int) -> None:
    fewer = plan_cleanup(found, now_millis=now, older_than_millis=age + more).cancel
    assert set(fewer) <= set(plan_cleanup(found, now_millis=now, older_than_millis=age).cancel)


def test_a_negative_age_is_none() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        plan_cleanup([], now_millis=5, older_than_millis=-1)
    error = make_world().client.plan_cleanup(f"b2://{BUCKET}", older_than=timedelta(seconds=-1)).failure()
    assert isinstance(error, InvalidArgument)


# --- whole clean-ups --------------------------------------------------------------------------------------------------


@frozen
class Begun:
    """An upload that was killed: its name, how many moments it had, whether it went on with an earlier one, and how
    long (ms) ago that was, in steps.
    """

    name: str
    moments: int
    goes_on: bool
    then: int


HOUR: Final = 3_600_000
HISTORIES = st.lists(
    st.builds(
        Begun,
        st.sampled_from(("a", "a/b", "ab", "c")),
        st.integers(5, 60),
        st.booleans(),
        st.sampled_from((1, HOUR, 30 * HOUR)),
    ),
    min_size=1,
    max_size=5,
)


@frozen
class Past:
    """A world with what such a history left, and when something last happened to each file."""

    world: SimulatedB2
    times: dict[FileId, int]


def lived(history: list[Begun], seed: int) -> Past:
    world, times = make_world(seed=seed), dict[FileId, int]()
    for begun in history:
        calls = len(world.simulator.journal)
        upload_until(world, begun.name, begun.moments, resume=begun.goes_on)
        now = world.clock.now_millis()  # it stands still while nobody waits
        times |= {done.file_id: now for done in world.simulator.journal[calls:] if done.file_id is not None}
        world.clock.advance(begun.then)
    return Past(world, times)


def upload_until(world: SimulatedB2, name: str, moments: int, *, resume: bool) -> bool:
    """Whether it was killed."""
    return crashing(world, moments, lambda: world.client.upload(DATA, f"b2://{BUCKET}/{name}", resume=resume).unwrap())


@given(HISTORIES, st.sampled_from(("", "a", "a/", "d")), st.sampled_from((0, 1, 24)), SEEDS)
def test_what_is_stale_below_a_prefix_is_cancelled_and_nothing_else(
    history: list[Begun], prefix: str, hours: int, seed: int
) -> None:
    past = lived(history, seed)
    world, left = past.world, unfinished_in(past.world)
    now, whole = world.clock.now_millis(), files_in(world)
    times = {file.file_id: past.times[file.file_id] for file in left if file.file_id is not None}
    below = {file.file_id for file in left if file.file_name.startswith(prefix)}
    stale = {file_id for file_id in times.keys() & below if now - times[file_id] >= hours * HOUR}
    plan = world.client.plan_cleanup(f"b2://{BUCKET}/{prefix}", older_than=timedelta(hours=hours)).unwrap()
    assert {file.file_id for file in plan.cancel} == stale
    assert {file.file_id: file.last_activity for file in plan.cancel + plan.keep} == {
        id_: time for id_, time in times.items() if id_ in below
    }
    report = world.client.clean_up(plan)
    assert report == CleanupReport(plan.cancel, (), ())
    assert {file.file_id for file in unfinished_in(world)} == times.keys() - stale
    assert files_in(world) == whole


@given(HISTORIES, fault_scripts(), SEEDS)
def test_a_clean_up_through_any_passing_weather_is_whole(history: list[Begun], faults: FaultScript, seed: int) -> None:
    """A file whose cancellation was answered in vain counts as moved: somebody cancelled it."""
    world = lived(history, seed).world
    stormy = evolve(world, api=FaultyApi(world.api, faults, clock=world.clock), retry=PATIENT)
    plan = stormy.client.plan_cleanup(f"b2://{BUCKET}", older_than=timedelta(0)).unwrap()
    report = stormy.client.clean_up(plan)
    assert not report.failed
    assert {*report.cancelled, *report.moved} == {*plan.cancel}
    assert not unfinished_in(world)


@given(HISTORIES, st.integers(0, 60), SEEDS)
def test_a_clean_up_that_was_killed_is_made_again(history: list[Begun], moments: int, seed: int) -> None:
    world = lived(history, seed).world

    def act() -> None:
        plan = world.client.plan_cleanup(f"b2://{BUCKET}", older_than=timedelta(0)).unwrap()
        assert not world.client.clean_up(plan).failed

    crashing(world, moments, act)
    act()
    assert not unfinished_in(world)


@given(st.integers(5, 60), st.integers(0, 90), st.integers(0, 5), SEEDS)
def test_what_was_gone_on_with_since_the_plan_was_made_is_left_alone(
    first: int, second: int, later: int, seed: int
) -> None:
    """Even in the same millisecond; and the upload comes to its end with what it has."""
    world = make_world(seed=seed)
    dest = f"b2://{BUCKET}/n"
    crashing(world, first, lambda: world.client.upload(DATA, dest))
    plan = world.client.plan_cleanup(f"b2://{BUCKET}", older_than=timedelta(0)).unwrap()
    world.clock.advance(later)
    before = len(sent_parts(world))
    crashing(world, second, lambda: world.client.upload(DATA, dest))
    went_on = len(sent_parts(world)) > before
    report = world.client.clean_up(plan)
    if went_on:
        assert not report.cancelled
    assert not report.failed
    if not files_in(world):
        world.client.upload(DATA, dest).unwrap()
    assert only(world).data == DATA
    if went_on:
        assert sent_parts(world) == sorted(set(sent_parts(world)))


@given(st.integers(0, 120), st.integers(0, 60), SEEDS)
def test_a_clean_up_amid_an_upload_makes_no_wrong_object(when: int, first: int, seed: int) -> None:
    """Who asks for an age of 0 takes the file from under the hands of an upload: it starts anew, or says what became of
    it, and leaves nothing; run again it is whole.
    """
    world, moments = make_world(seed=seed), 0
    crashing(world, first, lambda: world.client.upload(DATA, f"b2://{BUCKET}/n"))

    def observe(moment: str, effect: AnyEffect) -> None:
        nonlocal moments
        moments += 1
        if moments == when:
            client = plain_client(world)
            client.clean_up(client.plan_cleanup(f"b2://{BUCKET}", older_than=timedelta(0)).unwrap())

    if not files_in(world):
        disturbed = evolve(world, observer=observe)
        result: Any = disturbed.client.upload(DATA, f"b2://{BUCKET}/n")
        if not files_in(world):
            assert isinstance(result.failure(), Rejected)
            assert "somebody cancelled it" in result.failure().message
            assert not unfinished_in(world)
            world.client.upload(DATA, f"b2://{BUCKET}/n").unwrap()
    assert only(world).data == DATA


def test_what_a_key_may_not_do_is_told() -> None:
    """Of each file that could not be cancelled."""
    world = make_world()
    upload_until(world, "n", 30, resume=False)
    plan = world.client.plan_cleanup(f"b2://{BUCKET}", older_than=timedelta(0)).unwrap()
    key = world.simulator.add_key(["listFiles", "listBuckets"])
    poor = evolve(world, api=SimulatedApi(world.simulator, key.key_id, key.key))
    report = poor.client.clean_up(plan)
    assert [file for file, _ in report.failed] == list(plan.cancel)
    assert all(isinstance(error, Unauthorized) for _, error in report.failed)
    assert len(unfinished_in(world)) == 1


@pytest.mark.parametrize(
    ("folder", "told"), [("/tmp", "write b2://"), ("b2://", "no valid bucket name"), ("b2://nowhere/", "nowhere")]
)
def test_where_nothing_can_be_is_told(folder: str, told: str) -> None:
    assert told in str(make_world().client.plan_cleanup(folder).failure())
