"""What happens in the simulated B2 by itself: lifecycle runs, replication, event notifications (gap 13)."""

from __future__ import annotations

import json

import pytest
from simulated import B2

from b2pure.effects.simulator.events import Delivery
from b2pure.model.buckets import (
    LifecycleRule,
)
from b2pure.model.calls import (
    CopyFile,
    DeleteFileVersion,
    DeleteKey,
    DownloadFileByName,
    FinishLargeFile,
    GetFileInfo,
    HideFile,
)
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.protection import FileRetention, SseC

KEY = SseC.of(b"k" * 32)


@pytest.fixture
def b2() -> B2:
    return B2()


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
    b2.pass_days(2)
    assert b2.versions() == everything
    b2.pass_days(1)
    assert b2.versions() == [("logs/x", "upload"), ("other", "upload"), ("other", "upload")]


def test_files_are_hidden_and_then_deleted_and_unfinished_ones_cancelled(b2: B2) -> None:
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("", 1, 1, 3),)))
    b2.upload("n")
    large = b2.start()
    b2.part(large, 1, b"abc")
    b2.pass_days(2)
    assert b2.versions() == [("large", "start"), ("n", "hide"), ("n", "upload")]
    b2.pass_days(1)
    assert b2.versions() == [("large", "start")]
    b2.pass_days(1)
    assert (b2.versions(), b2.simulator.meter.stored_bytes) == ([], 0)


def test_the_run_of_every_midnight_takes_place_however_far_time_jumps(b2: B2) -> None:
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("", 1, 1),)))
    b2.upload("n")
    b2.pass_days(30)
    assert b2.versions() == []


def test_no_lifecycle_rule_deletes_what_is_locked(b2: B2) -> None:
    b2.ok(b2.update(file_lock_enabled=True, lifecycle_rules=(LifecycleRule("", 1, 1),)))
    b2.upload("held", legal_hold="on")
    b2.upload("kept", file_retention=FileRetention("governance", 20 * MILLIS_PER_DAY))
    b2.pass_days(10)
    assert b2.versions() == [("held", "hide"), ("held", "upload"), ("kept", "hide"), ("kept", "upload")]
    b2.pass_days(20)
    assert b2.versions() == [("held", "hide"), ("held", "upload")]


def test_a_lifecycle_run_can_be_had_at_once(b2: B2) -> None:
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("", days_from_uploading_to_hiding=1),)))
    b2.upload("n")
    b2.simulator.put(b2.bucket, "m", b"x")
    b2.now += MILLIS_PER_DAY
    b2.pass_days(0)  # the run of midnight is over
    assert b2.names() == ["m", "n"]
    b2.simulator.run_lifecycle()
    assert b2.names() == []


# -- replication


def test_an_upload_is_pending_and_complete_before_the_next_call(b2: B2) -> None:
    target = b2.replicating()
    file = b2.upload("n", file_info={"k": "v"})
    assert file.replication_status == "PENDING"
    (replica,) = b2.files(target)
    assert (replica.replication_status, replica.file_info, replica.file_name) == ("REPLICA", {"k": "v"}, "n")
    assert (replica.upload_timestamp, replica.content_sha1) == (file.upload_timestamp, file.content_sha1)
    assert b2.ok(GetFileInfo(file.file_id)).replication_status == "COMPLETED"
    assert b2.content(DownloadFileByName("replicas", "n")) == b"data"


def test_large_files_and_copies_are_replicated_too(b2: B2) -> None:
    target = b2.replicating()
    large = b2.start("l")
    assert b2.ok(GetFileInfo(large)).replication_status is None
    shas = b2.part(large, 1, b"abc"), b2.part(large, 2, b"d")
    assert b2.ok(FinishLargeFile(large, shas)).replication_status == "PENDING"
    assert b2.ok(CopyFile(large, "m")).replication_status == "PENDING"
    assert [(file.file_name, file.content_sha1 == "none") for file in b2.files(target)] == [("l", True), ("m", False)]
    assert b2.content(DownloadFileByName("replicas", "l")) == b"abcd"


def test_what_is_not_replicated_has_no_status(b2: B2) -> None:
    target = b2.replicating()
    b2.upload("n", server_side_encryption=KEY)
    b2.ok(HideFile(b2.bucket, "n"))
    assert b2.files(target) == []
    assert [file.replication_status for file in b2.files(b2.bucket)] == [None, None]
    b2.upload("m", to=target)
    assert [file.replication_status for file in b2.files(target)] == [None]


def test_a_rule_takes_files_from_before_it_along_if_it_says_so() -> None:
    for include, names in ((True, ["old"]), (False, [])):
        b2 = B2()
        b2.upload("old")
        target = b2.replicating(include_existing_files=include)
        assert [file.file_name for file in b2.files(target)] == names


def test_replication_without_its_key_fails(b2: B2) -> None:
    target = b2.replicating()
    source = b2.ok(b2.update()).replication_configuration.value.as_replication_source
    b2.ok(DeleteKey(source.source_application_key_id))
    b2.upload("n")
    assert [file.replication_status for file in b2.files(b2.bucket)] == ["FAILED"]
    assert b2.files(target) == []


# -- events


def told(deliveries: tuple[Delivery, ...]) -> list[tuple[str, str]]:
    events = (event for delivery in deliveries for event in json.loads(delivery.body)["events"])
    return [(event["eventType"], event["objectName"]) for event in events]


def test_everything_that_happens_is_told_once(b2: B2) -> None:
    b2.listening()
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
    b2.listening()
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("", 1, 1),)))
    b2.upload("n")
    b2.simulator.take_deliveries()
    b2.pass_days(5)
    assert told(b2.simulator.take_deliveries()) == [
        ("b2:HideMarkerCreated:LifecycleRule", "n"),
        ("b2:ObjectDeleted:LifecycleRule", "n"),
        ("b2:ObjectDeleted:LifecycleRule", "n"),
    ]


def test_replicas_are_told_where_they_are(b2: B2) -> None:
    target = b2.replicating()
    b2.listening(target)
    b2.upload("n")
    b2.large("l", b"abc", b"d")
    b2.simulator.run_replication()
    assert told(b2.simulator.take_deliveries()) == [
        ("b2:ObjectCreated:Replica", "n"),
        ("b2:ObjectCreated:MultipartReplica", "l"),
    ]


def test_deliveries_are_signed_and_metered_and_failures_are_not_told(b2: B2) -> None:
    b2.listening(secret="s" * 32)
    b2.upload("n")
    b2.fails(b2.file("n", content_sha1="0" * 40), b2.url())
    b2.fails(HideFile(b2.bucket, "none"))
    (delivery,) = b2.simulator.take_deliveries()
    assert dict(delivery.headers)["X-Bz-Event-Notification-Signature"].startswith("v1=")
    assert (delivery.url, delivery.event_count) == ("https://hook.example", 1)
    assert b2.simulator.meter.units_of_day("D", b2.now) == 1
