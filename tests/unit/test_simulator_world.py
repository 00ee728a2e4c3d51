"""What happens in the simulated B2 by itself, and the simulator as a value (gap 13)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from simulated import B2, BUCKET, SMALL

from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator_events import Delivery
from b2pure.model.buckets import (
    LifecycleRule,
    NotificationRule,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
    ReplicationSource,
    WebhookTarget,
)
from b2pure.model.calls import (
    CopyFile,
    DeleteFileVersion,
    DeleteKey,
    DownloadFileByName,
    FinishLargeFile,
    GetBucketNotificationRules,
    GetFileInfo,
    HideFile,
    ListFileVersions,
    ListParts,
    SetBucketNotificationRules,
    UpdateBucket,
)
from b2pure.model.ids import BucketId, FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.protection import FileRetention, RetentionValue, SseC

KEY = SseC.of(b"k" * 32)


@pytest.fixture
def b2() -> B2:
    return B2()


def pass_days(b2: B2, days: float) -> None:
    b2.simulator.advance_time(round(days * MILLIS_PER_DAY))
    b2.token = b2.login(b2.master)


# -- time and lifecycle


def test_time_goes_on_by_the_clock_and_by_being_told(b2: B2) -> None:
    b2.simulator.advance_time(5_000)
    b2.now += 10
    assert b2.simulator.now() == b2.now + 5_000
    assert b2.upload("n").upload_timestamp == b2.now + 5_000
    with pytest.raises(ValueError, match="back"):
        b2.simulator.advance_time(-1)


def test_versions_go_as_many_days_after_they_were_hidden_as_the_rule_says(b2: B2) -> None:
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("logs/", days_from_hiding_to_deleting=2),)))
    for name in ("logs/x", "logs/x", "other", "other", "logs/hidden"):
        b2.upload(name)
    b2.ok(HideFile(b2.bucket, "logs/hidden"))
    everything = b2.versions()
    pass_days(b2, 2)
    assert b2.versions() == everything
    pass_days(b2, 1)
    assert b2.versions() == [("logs/x", "upload"), ("other", "upload"), ("other", "upload")]


def test_files_are_hidden_and_then_deleted_and_unfinished_ones_cancelled(b2: B2) -> None:
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("", 1, 1, 3),)))
    b2.upload("n")
    large = b2.start()
    b2.part(large, 1, b"abc")
    pass_days(b2, 2)
    assert b2.versions() == [("large", "start"), ("n", "hide"), ("n", "upload")]
    pass_days(b2, 1)
    assert b2.versions() == [("large", "start")]
    pass_days(b2, 1)
    assert (b2.versions(), b2.simulator.meter.stored_bytes) == ([], 0)


def test_the_run_of_every_midnight_takes_place_however_far_time_jumps(b2: B2) -> None:
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("", 1, 1),)))
    b2.upload("n")
    pass_days(b2, 30)
    assert b2.versions() == []


def test_no_lifecycle_rule_deletes_what_is_locked(b2: B2) -> None:
    b2.ok(b2.update(file_lock_enabled=True, lifecycle_rules=(LifecycleRule("", 1, 1),)))
    b2.upload("held", legal_hold="on")
    b2.upload("kept", file_retention=FileRetention("governance", 20 * MILLIS_PER_DAY))
    pass_days(b2, 10)
    assert b2.versions() == [("held", "hide"), ("held", "upload"), ("kept", "hide"), ("kept", "upload")]
    pass_days(b2, 20)
    assert b2.versions() == [("held", "hide"), ("held", "upload")]


def test_a_lifecycle_run_can_be_had_at_once(b2: B2) -> None:
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("", days_from_uploading_to_hiding=1),)))
    b2.upload("n")
    b2.simulator.put(b2.bucket, "m", b"x")
    b2.now += MILLIS_PER_DAY
    pass_days(b2, 0)  # the run of midnight is over
    assert b2.names() == ["m", "n"]
    b2.simulator.run_lifecycle()
    assert b2.names() == []


# -- replication


def replicating(b2: B2, **rule: Any) -> BucketId:
    """The bucket that `b2.bucket` is replicated to."""
    target = b2.new_bucket("replicas")
    reader, writer = b2.create_key("readFiles").key_id, b2.create_key("writeFiles").key_id
    to = ReplicationConfiguration(None, ReplicationDestination({reader: writer}))
    b2.ok(UpdateBucket(b2.account, target, replication_configuration=to))
    one = ReplicationRule("rule", target, "", True, 1, **rule)
    source = ReplicationConfiguration(ReplicationSource((one,), reader))
    b2.ok(b2.update(replication_configuration=source))
    return target


def files(b2: B2, bucket: BucketId) -> list[Any]:
    listed: list[Any] = list(b2.ok(ListFileVersions(bucket)).files)
    return listed


def test_an_upload_is_pending_and_complete_before_the_next_call(b2: B2) -> None:
    target = replicating(b2)
    file = b2.upload("n", file_info={"k": "v"})
    assert file.replication_status == "PENDING"
    (replica,) = files(b2, target)
    assert (replica.replication_status, replica.file_info, replica.file_name) == ("REPLICA", {"k": "v"}, "n")
    assert (replica.upload_timestamp, replica.content_sha1) == (file.upload_timestamp, file.content_sha1)
    assert b2.ok(GetFileInfo(file.file_id)).replication_status == "COMPLETED"
    assert b2.content(DownloadFileByName("replicas", "n")) == b"data"


def test_large_files_and_copies_are_replicated_too(b2: B2) -> None:
    target = replicating(b2)
    large = b2.start("l")
    assert b2.ok(GetFileInfo(large)).replication_status is None
    shas = b2.part(large, 1, b"abc"), b2.part(large, 2, b"d")
    assert b2.ok(FinishLargeFile(large, shas)).replication_status == "PENDING"
    assert b2.ok(CopyFile(large, "m")).replication_status == "PENDING"
    assert [(file.file_name, file.content_sha1 == "none") for file in files(b2, target)] == [("l", True), ("m", False)]
    assert b2.content(DownloadFileByName("replicas", "l")) == b"abcd"


def test_what_is_not_replicated_has_no_status(b2: B2) -> None:
    target = replicating(b2)
    b2.upload("n", server_side_encryption=KEY)
    b2.ok(HideFile(b2.bucket, "n"))
    assert files(b2, target) == []
    assert [file.replication_status for file in files(b2, b2.bucket)] == [None, None]
    b2.upload("m", to=target)
    assert [file.replication_status for file in files(b2, target)] == [None]


def test_a_rule_takes_files_from_before_it_along_if_it_says_so() -> None:
    for include, names in ((True, ["old"]), (False, [])):
        b2 = B2()
        b2.upload("old")
        target = replicating(b2, include_existing_files=include)
        assert [file.file_name for file in files(b2, target)] == names


def test_replication_without_its_key_fails(b2: B2) -> None:
    target = replicating(b2)
    source = b2.ok(b2.update()).replication_configuration.value.as_replication_source
    b2.ok(DeleteKey(source.source_application_key_id))
    b2.upload("n")
    assert [file.replication_status for file in files(b2, b2.bucket)] == ["FAILED"]
    assert files(b2, target) == []


# -- events


def told(deliveries: tuple[Delivery, ...]) -> list[tuple[str, str]]:
    events = (event for delivery in deliveries for event in json.loads(delivery.body)["events"])
    return [(event["eventType"], event["objectName"]) for event in events]


def listening(b2: B2, bucket: BucketId | None = None, secret: str | None = None) -> None:
    hook = WebhookTarget("https://hook.example", hmac_sha256_signing_secret=secret)
    kinds = ("ObjectCreated", "ObjectDeleted", "HideMarkerCreated")
    rules = tuple(NotificationRule(f"on-{kind}", (f"b2:{kind}:*",), True, "", hook, 50) for kind in kinds)
    b2.ok(SetBucketNotificationRules(bucket or b2.bucket, rules))


def test_everything_that_happens_is_told_once(b2: B2) -> None:
    listening(b2)
    file = b2.upload("n")
    large = b2.large("l", b"abc", b"d")
    b2.ok(CopyFile(large, "m"))
    b2.ok(HideFile(b2.bucket, "n"))
    b2.ok(DeleteFileVersion("n", file.file_id))
    assert sorted(told(b2.simulator.take_deliveries())) == [
        ("b2:HideMarkerCreated:Hide", "n"),
        ("b2:ObjectCreated:Copy", "m"),
        ("b2:ObjectCreated:MultipartUpload", "l"),
        ("b2:ObjectCreated:Upload", "n"),
        ("b2:ObjectDeleted:Delete", "n"),
    ]
    assert b2.simulator.take_deliveries() == ()


def test_what_lifecycle_rules_do_is_told(b2: B2) -> None:
    listening(b2)
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("", 1, 1),)))
    b2.upload("n")
    b2.simulator.take_deliveries()
    pass_days(b2, 5)
    assert told(b2.simulator.take_deliveries()) == [
        ("b2:HideMarkerCreated:LifecycleRule", "n"),
        ("b2:ObjectDeleted:LifecycleRule", "n"),
        ("b2:ObjectDeleted:LifecycleRule", "n"),
    ]


def test_replicas_are_told_where_they_are(b2: B2) -> None:
    target = replicating(b2)
    listening(b2, target)
    b2.upload("n")
    b2.large("l", b"abc", b"d")
    b2.simulator.run_replication()
    assert told(b2.simulator.take_deliveries()) == [
        ("b2:ObjectCreated:Replica", "n"),
        ("b2:ObjectCreated:MultipartReplica", "l"),
    ]


def test_deliveries_are_signed_and_metered_and_failures_are_not_told(b2: B2) -> None:
    listening(b2, secret="s" * 32)
    b2.upload("n")
    b2.fails(b2.file("n", content_sha1="0" * 40), b2.url())
    b2.fails(HideFile(b2.bucket, "none"))
    (delivery,) = b2.simulator.take_deliveries()
    assert dict(delivery.headers)["X-Bz-Event-Notification-Signature"].startswith("v1=")
    assert (delivery.url, delivery.event_count) == ("https://hook.example", 1)
    assert b2.simulator.meter.units_of_day("D", b2.now) == 1


# -- the simulator as a value


def busy(b2: B2) -> tuple[FileId, FileId]:
    """Something of every kind. An unfinished file, and one with a lock and a key."""
    listening(b2)
    b2.ok(b2.update(file_lock_enabled=True, bucket_info={"a": "b"}, lifecycle_rules=(LifecycleRule("x/", 1),)))
    locked = b2.upload("locked", file_retention=FileRetention("compliance", 10**9), server_side_encryption=KEY).file_id
    large = b2.start()
    b2.part(large, 1, b"abc")
    b2.large("finished", b"abc", b"d")
    b2.upload("hidden")
    b2.ok(HideFile(b2.bucket, "hidden"))
    b2.simulator.advance_time(123)
    return large, locked


def test_a_fork_is_independent(b2: B2) -> None:
    large = b2.start()
    b2.upload("n")
    before = b2.simulator.snapshot()
    twin = b2.simulator.fork()
    assert twin.snapshot() == before
    b2.part(large, 1, b"abc")
    b2.upload("n")
    b2.ok(HideFile(b2.bucket, "n"))
    assert twin.snapshot() == before
    assert len(twin.journal) == 2


def test_a_fork_has_everything_tokens_and_upload_urls_too(b2: B2) -> None:
    busy(b2)
    url, key = b2.url(), b2.create_key()
    twin = b2.simulator.fork()
    assert list(twin.records()) == list(b2.simulator.records())
    assert (twin.now(), twin.base_url, twin.account_id) == (b2.simulator.now(), b2.simulator.base_url, b2.account)
    assert twin.log.entries() == b2.simulator.log.entries()
    assert twin.meter.usage(0) == b2.simulator.meter.usage(0)
    assert twin.take_deliveries() == b2.simulator.take_deliveries() != ()
    b2.simulator.expire_account_tokens()
    b2.simulator.expire_upload_tokens()
    b2.ok(DeleteKey(key.key_id), b2.login(b2.master))
    assert twin.handle(GetBucketNotificationRules(b2.bucket), b2.token).unwrap().event_notification_rules
    assert twin.handle(b2.file("n"), url).unwrap().file_name == "n"
    b2.simulator = twin
    b2.login(key)


def restored(b2: B2) -> None:
    """The simulator of `b2` is now one that was read from the records of the old."""
    old = b2.simulator
    contents = old.contents()
    records = [record for _, _, record in old.records()]
    b2.simulator = Simulator.restored(lambda: b2.now, records, contents.__getitem__, config=SMALL)
    assert b2.simulator.snapshot() == old.snapshot()
    b2.token = b2.login(b2.master)


def test_what_is_restored_has_everything_but_tokens_and_upload_urls(b2: B2) -> None:
    large, locked = busy(b2)
    key = b2.create_key("listFiles", valid_duration_in_seconds=500)
    url, token, now, stored = b2.url(), b2.token, b2.simulator.now(), b2.simulator.meter.stored_bytes
    restored(b2)
    assert (b2.simulator.now(), b2.simulator.account_id, b2.simulator.meter.stored_bytes) == (now, b2.account, stored)
    assert b2.code(ListParts(large), token) == "bad_auth_token"
    assert b2.code(b2.file("n"), url) == "bad_auth_token"
    b2.ok(ListFileVersions(b2.bucket), b2.login(key))
    assert b2.ok(GetFileInfo(locked)).file_retention.value == RetentionValue("compliance", 10**9)
    assert b2.code(DeleteFileVersion("locked", locked)) == "access_denied"
    assert b2.code(DownloadFileByName(BUCKET, "locked")) == "bad_request"
    assert b2.content(DownloadFileByName(BUCKET, "locked", server_side_encryption=KEY)) == b"data"
    assert len(b2.ok(GetBucketNotificationRules(b2.bucket)).event_notification_rules) == 3
    shas = b2.ok(ListParts(large)).parts[0].content_sha1, b2.part(large, 2, b"d")
    b2.ok(FinishLargeFile(large, shas))
    assert b2.content(DownloadFileByName(BUCKET, "finished")) == b"abcd"


def test_what_is_restored_gives_ids_that_were_never_given(b2: B2) -> None:
    given = {b2.upload(name).file_id for name in "abc"}
    b2.ok(DeleteFileVersion("c", b2.ok(ListFileVersions(b2.bucket, "c")).files[0].file_id))
    key = b2.create_key()
    restored(b2)
    assert b2.upload("d").file_id not in given
    assert b2.create_key().key_id != key.key_id


@pytest.mark.parametrize("turn", [restored, lambda b2: setattr(b2, "simulator", b2.simulator.fork())])
def test_what_was_to_be_replicated_still_is(b2: B2, turn: Callable[[B2], None]) -> None:
    b2.upload("old")
    target = replicating(b2, include_existing_files=True)
    turn(b2)
    assert [file.file_name for file in files(b2, target)] == ["old"]
    b2.upload("new")
    turn(b2)
    assert [file.file_name for file in files(b2, target)] == ["new", "old"]


@pytest.mark.parametrize("turn", [restored, lambda b2: setattr(b2, "simulator", b2.simulator.fork())])
def test_the_lifecycle_runs_that_are_still_to_come_take_place(b2: B2, turn: Callable[[B2], None]) -> None:
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("", 1, 1),)))
    b2.upload("n")
    pass_days(b2, 2)
    b2.now += 2 * MILLIS_PER_DAY
    turn(b2)
    b2.token = b2.login(b2.master)
    assert b2.versions() == []


def test_two_runs_of_the_same_calls_are_equal() -> None:
    one, two = B2(), B2()
    for b2 in (one, two):
        busy(b2)
    assert one.simulator.snapshot() == two.simulator.snapshot()
    assert one.simulator.journal == two.simulator.journal


def test_the_journal_has_what_took_effect(b2: B2) -> None:
    file = b2.upload("n")
    b2.fails(b2.file("n", content_sha1="0" * 40), b2.url())
    b2.versions()
    key = b2.create_key()
    b2.ok(DeleteKey(key.key_id))
    assert [(done.call.name, done.file_id) for done in b2.simulator.journal] == [
        ("b2_upload_file", file.file_id),
        ("b2_create_key", None),
        ("b2_delete_key", None),
    ]
