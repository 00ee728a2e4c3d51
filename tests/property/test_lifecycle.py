"""Laws of the daily lifecycle run. The oracle counts hours, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from b2pure.effects.simulator.bucket import Version
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.simulator.lifecycle import (
    CancelUnfinished,
    DeleteVersion,
    HideName,
    LifecycleAction,
    lifecycle_actions,
    run_lifecycle,
)
from b2pure.effects.simulator.world import World
from b2pure.model.buckets import LifecycleRule, NotificationRule, WebhookTarget
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.protection import NO_HOLD, UNLOCKED, LegalHoldReply, RetentionReply, RetentionValue
from b2pure.model.replies import FileReply

HOUR = 3_600_000
DAY = 24 * HOUR
EVENT_KINDS = ("b2:ObjectDeleted:LifecycleRule", "b2:HideMarkerCreated:LifecycleRule")


@frozen
class Seen:
    """One version, in hours since the epoch; `locked_until` 0 is never, None forever."""

    action: str
    hour: int
    locked_until: int | None = 0


def version(serial: int, name: str, seen: Seen) -> Version:
    until = seen.locked_until
    retention = RetentionReply(True, RetentionValue("governance", until * HOUR)) if until else UNLOCKED
    hold = LegalHoldReply(True, "on") if until is None else NO_HOLD
    marker = seen.action == "hide"
    file = FileReply(
        AccountId("a"),
        seen.action,
        BucketId("b"),
        0,
        None,
        None,
        FileId(f"f{serial}"),
        {},
        name,
        seen.hour * HOUR,
        file_retention=None if marker else retention,
        legal_hold=None if marker else hold,
    )
    return Version(file, serial)


days = st.one_of(st.none(), st.integers(1, 4))
rules = st.lists(
    st.builds(LifecycleRule, st.sampled_from(["", "t", "tmp/", "other/"]), days, days, days), max_size=3
).map(tuple)
NAME = "tmp/file"


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    hours = sorted(draw(st.lists(st.integers(0, 24 * 8), max_size=6)))
    found = []
    for serial, hour in enumerate(hours):
        action = draw(st.sampled_from(["upload", "upload", "upload", "hide", "start"]))
        locked = 0 if action == "hide" else draw(st.sampled_from([0, 0, 0, None, hour + 24, hour + 24 * 5]))
        found.append(version(serial, NAME, Seen(action, hour, locked)))
    return found


moments = st.integers(0, 24 * 16).map(lambda hours: hours * HOUR)


# -- the oracle


def hours_between(since: int, until: int) -> int:
    """Whole hours, counted one by one."""
    count = 0
    while since + (count + 1) * HOUR <= until:
        count += 1
    return count


def naive(versions: Sequence[Version], rules: Sequence[LifecycleRule], at: int) -> list[tuple[str, str]]:
    """What happens, as (what, file id or name): each rule alone, each version alone, each hour alone."""
    cancelled, deleted, hidden = set(), set(), False
    finished = [one for one in versions if one.file.action != "start"]
    for rule in rules:
        if NAME[: len(rule.file_name_prefix)] != rule.file_name_prefix:
            continue
        for one in versions:
            age = hours_between(one.file.upload_timestamp, at)
            limit = rule.days_from_starting_to_canceling_unfinished_large_files
            if one.file.action == "start" and limit and age >= 24 * limit:
                cancelled.add(one.file.file_id)
        for index, one in enumerate(finished):
            last = index == len(finished) - 1
            limit = rule.days_from_uploading_to_hiding
            if last and one.file.action == "upload" and limit:
                hidden |= hours_between(one.file.upload_timestamp, at) >= 24 * limit
            limit = rule.days_from_hiding_to_deleting
            if not last and limit and not locked(one, at):
                hidden_for = hours_between(finished[index + 1].file.upload_timestamp, at)
                if hidden_for >= 24 * limit:
                    deleted.add(one.file.file_id)
    if finished and finished[-1].file.action == "hide" and len(deleted) == len(finished) - 1:
        matching = [rule for rule in rules if NAME.startswith(rule.file_name_prefix)]
        if any(rule.days_from_hiding_to_deleting for rule in matching):
            deleted.add(finished[-1].file.file_id)
    found = [("cancel", str(one.file.file_id)) for one in versions if one.file.file_id in cancelled]
    found += [("delete", str(one.file.file_id)) for one in finished if one.file.file_id in deleted]
    return [*found, ("hide", NAME)] if hidden else found


def locked(one: Version, at: int) -> bool:
    retention, hold = one.file.file_retention, one.file.legal_hold
    until = None if retention is None or retention.value is None else retention.value.retain_until_timestamp
    return (until is not None and until > at) or (hold is not None and hold.value == "on")


def plain(actions: Sequence[LifecycleAction]) -> list[tuple[str, str]]:
    found = []
    for action in actions:
        match action:
            case CancelUnfinished(one):
                found.append(("cancel", str(one.file.file_id)))
            case DeleteVersion(one):
                found.append(("delete", str(one.file.file_id)))
            case HideName(name):
                found.append(("hide", name))
    return found


# -- the decision


@given(histories(), rules, moments)
def test_what_a_run_does_is_what_counting_hours_says(
    versions: list[Version], rules: tuple[LifecycleRule, ...], at: int
) -> None:
    assert plain(lifecycle_actions(versions, rules, at)) == naive(versions, rules, at)


@given(histories(), rules, moments)
def test_no_locked_version_is_deleted_and_the_newest_upload_never(
    versions: list[Version], rules: tuple[LifecycleRule, ...], at: int
) -> None:
    deleted = [action.version for action in lifecycle_actions(versions, rules, at) if isinstance(action, DeleteVersion)]
    assert not any(locked(one, at) for one in deleted)
    newest = next((one for one in reversed(versions) if one.file.action != "start"), None)
    assert newest is None or newest.file.action == "hide" or newest not in deleted


@given(histories(), rules, rules, moments)
def test_more_rules_never_do_less(
    versions: list[Version], some: tuple[LifecycleRule, ...], more: tuple[LifecycleRule, ...], at: int
) -> None:
    assert set(plain(lifecycle_actions(versions, some, at))) <= set(plain(lifecycle_actions(versions, some + more, at)))


@given(histories(), rules, moments, moments)
def test_what_a_run_deletes_a_later_one_deletes_too(
    versions: list[Version], rules: tuple[LifecycleRule, ...], one: int, other: int
) -> None:
    early, late = sorted((one, other))
    assert set(plain(lifecycle_actions(versions, rules, early))) <= set(plain(lifecycle_actions(versions, rules, late)))


# -- the run


def world_of(versions: Sequence[Version], rules: tuple[LifecycleRule, ...]) -> World:
    """A world with these versions in its one bucket, and a listener to what lifecycle rules do."""
    world = World(now=lambda: 0, seed=0, config=SimulatorConfig(), base_url="https://b2.example")
    bucket = world.buckets[world.add_bucket("bucket", "allPrivate").bucket_id]
    listeners = tuple(
        NotificationRule(f"rule-{index}", (kind,), True, "", WebhookTarget("https://example.com"))
        for index, kind in enumerate(EVENT_KINDS)
    )
    world.update_bucket(bucket, msgspec.structs.replace(bucket.reply, lifecycle_rules=rules), listeners)
    for one in versions:
        file = one.file
        new = world.add_version(
            bucket,
            file.file_name,
            file.action,
            content_type="text/plain",
            info={},
            upload_timestamp=file.upload_timestamp,
        )
        kept = msgspec.structs.replace(new.file, file_retention=file.file_retention, legal_hold=file.legal_hold)
        world.replace_version(new, msgspec.structs.replace(new, file=kept))
    return world


def state(world: World) -> list[FileReply]:
    (bucket,) = world.buckets.values()
    return [one.file for name in bucket.names.since("") for one in bucket.names.versions[name]]


def visible(world: World) -> FileReply | None:
    (bucket,) = world.buckets.values()
    newest = bucket.visible(NAME)
    return None if newest is None else newest.file


@given(histories(), rules, moments)
def test_a_run_does_what_was_decided_and_tells_of_it(
    versions: list[Version], rules: tuple[LifecycleRule, ...], at: int
) -> None:
    world = world_of(versions, rules)
    (bucket,) = world.buckets.values()
    before = list(bucket.names.versions.get(NAME, ()))
    actions = lifecycle_actions(before, rules, at)
    run_lifecycle(world, at)
    gone = [action.version for action in actions if not isinstance(action, HideName)]
    kept = [one for one in before if one not in gone]
    now = list(bucket.names.versions.get(NAME, ()))
    assert [one for one in now if one in before] == kept
    new = [one.file for one in now if one not in before]
    assert [(one.action, one.upload_timestamp) for one in new] == [
        ("hide", at) for action in actions if isinstance(action, HideName)
    ]
    assert list(bucket.unfinished) == [one.file.file_id for one in kept if one.file.action == "start"]
    told = sum(delivery.event_count for delivery in world.events.take())
    assert told == sum(not isinstance(action, CancelUnfinished) for action in actions)


@given(histories(), rules, moments)
def test_a_run_brings_nothing_to_light(versions: list[Version], rules: tuple[LifecycleRule, ...], at: int) -> None:
    world = world_of(versions, rules)
    before = visible(world)
    run_lifecycle(world, at)
    assert visible(world) in (before, None)


@given(histories(), rules, moments)
def test_a_second_run_at_the_same_time_does_nothing(
    versions: list[Version], rules: tuple[LifecycleRule, ...], at: int
) -> None:
    world = world_of(versions, rules)
    run_lifecycle(world, at)
    before = state(world)
    run_lifecycle(world, at)
    assert state(world) == before


@given(st.integers(0, 48), st.integers(0, 23))
def test_one_and_one_day_hide_within_two_days_and_delete_within_three(uploaded: int, phase: int) -> None:
    world = world_of([version(1, NAME, Seen("upload", uploaded))], (LifecycleRule("", 1, 1),))
    hidden = gone = None
    for day in range(8):
        hour = 24 * day + phase
        run_lifecycle(world, hour * HOUR)
        if hour >= uploaded and hidden is None and visible(world) is None:
            hidden = hour
        if hour >= uploaded and gone is None and not state(world):
            gone = hour
    assert hidden is not None
    assert gone is not None
    assert 24 <= hidden - uploaded < 48
    assert 48 <= gone - uploaded < 72


@given(st.lists(st.integers(0, 72), min_size=1, max_size=5), st.integers(1, 3), st.integers(0, 23))
def test_daily_runs_keep_each_old_version_for_its_days_and_at_most_one_more(
    hours: list[int], keep: int, phase: int
) -> None:
    uploads = sorted(set(hours))
    versions = [version(serial, NAME, Seen("upload", hour)) for serial, hour in enumerate(uploads)]
    world = world_of(versions, (LifecycleRule("", keep),))
    superseded = {old * HOUR: new * HOUR for old, new in pairwise(uploads)}
    left = {file.upload_timestamp for file in state(world)}
    for day in range(3 + keep + 2):
        at = (24 * day + phase) * HOUR
        run_lifecycle(world, at)
        now = {file.upload_timestamp for file in state(world)}
        for gone in left - now:
            assert keep * DAY <= at - superseded[gone] < (keep + 1) * DAY
        left = now
    assert left == {uploads[-1] * HOUR}


def test_runs_are_for_buckets_with_rules_and_names_with_their_prefix() -> None:
    old = [version(1, "keep/a", Seen("upload", 0)), version(2, "tmp/a", Seen("upload", 0))]
    world = world_of(old, (LifecycleRule("tmp/", 1, 1),))
    bare = world_of(old, ())
    for each in (world, bare):
        run_lifecycle(each, 10 * DAY)
    assert [(file.file_name, file.action) for file in state(world)] == [
        ("keep/a", "upload"),
        ("tmp/a", "upload"),
        ("tmp/a", "hide"),
    ]
    assert [file.action for file in state(bare)] == ["upload", "upload"]
