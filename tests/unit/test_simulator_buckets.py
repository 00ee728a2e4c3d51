"""Buckets, their settings and their notifications, in the simulated B2."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from attrs import evolve
from simulated import B2, BUCKET, SMALL

from b2pure.model.account import ALL_CAPABILITIES
from b2pure.model.buckets import (
    CorsRule,
    CustomHeader,
    DefaultRetention,
    LifecycleRule,
    NoDefaultEncryption,
    NotificationRule,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationReply,
    ReplicationRule,
    ReplicationSource,
    RetentionPeriod,
    WebhookTarget,
)
from b2pure.model.calls import (
    CreateBucket,
    DeleteBucket,
    DeleteFileVersion,
    GetBucketNotificationRules,
    GetFileInfo,
    GetUploadUrl,
    HideFile,
    ListBuckets,
    ListFileNames,
    ListFileVersions,
    SetBucketNotificationRules,
)
from b2pure.model.errors import Rejected
from b2pure.model.ids import BucketId
from b2pure.model.protection import SseB2

CORS = CorsRule("everybody", ("*",), ("b2_download_file_by_name",), 60)
LIFECYCLE = LifecycleRule("logs/", days_from_hiding_to_deleting=1)
GOVERNED = DefaultRetention("governance", RetentionPeriod(2, "days"))
HOOK = NotificationRule("rule-one", ("b2:ObjectCreated:*",), True, "", WebhookTarget("https://hook.example"))

changed = msgspec.structs.replace


@pytest.fixture
def b2() -> B2:
    return B2()


# -- names and limits (gap 5)


def test_bucket_names_are_unique_whatever_their_case(b2: B2) -> None:
    assert b2.fails(CreateBucket(b2.account, "Bucket-ONE")) == Rejected(
        400, "duplicate_bucket_name", "Bucket name is already in use."
    )


@pytest.mark.parametrize("name", ["", "short", "x" * 64, "b2-bucket", "B2-bucket", "under_score", "dot.dot", "bücket"])
def test_bad_bucket_names_are_refused(b2: B2, name: str) -> None:
    assert b2.code(CreateBucket(b2.account, name)) == "bad_request"
    for good in ("sixsix", "x" * 63):
        b2.ok(CreateBucket(b2.account, good))


def test_an_account_has_so_many_buckets() -> None:
    b2 = B2(evolve(SMALL, max_buckets=2))
    two = b2.new_bucket("bucket-two")
    assert b2.code(CreateBucket(b2.account, "bucket-three")) == "too_many_buckets"
    b2.ok(DeleteBucket(b2.account, two))
    b2.new_bucket("bucket-three")


def test_only_private_and_public_buckets_are_made(b2: B2) -> None:
    for bucket_type in ("snapshot", "restricted", "shared", ""):
        assert b2.code(CreateBucket(b2.account, "bucket-two", bucket_type)) == "bad_request"
        assert b2.code(b2.update(bucket_type=bucket_type)) == "bad_request"
    assert b2.ok(b2.update(bucket_type="allPublic")).bucket_type == "allPublic"


def test_a_bucket_has_the_settings_it_was_made_with(b2: B2) -> None:
    settings: dict[str, Any] = {
        "bucket_info": {"Key": "v"},
        "cors_rules": (CORS,),
        "lifecycle_rules": (LIFECYCLE,),
    }
    made = b2.ok(
        CreateBucket(
            b2.account,
            "bucket-two",
            "allPublic",
            **settings,
            file_lock_enabled=True,
            default_server_side_encryption=SseB2(),
        )
    )
    assert {name: getattr(made, name) for name in settings} == settings
    assert (made.bucket_type, made.options) == ("allPublic", ("s3",))
    assert made.file_lock_configuration.value.is_file_lock_enabled
    assert made.default_server_side_encryption.value.mode == "SSE-B2"
    assert b2.ok(ListBuckets(b2.account, bucket_id=made.bucket_id)).buckets == (made,)


# -- finding


def test_buckets_are_listed_by_name(b2: B2) -> None:
    b2.new_bucket("a-bucket")
    listed = b2.ok(ListBuckets(b2.account)).buckets
    assert [bucket.bucket_name for bucket in listed] == ["a-bucket", BUCKET]
    assert b2.ok(ListBuckets(b2.account, bucket_name="nowhere")).buckets == ()


@pytest.mark.parametrize(
    ("types", "found"),
    [
        (None, [BUCKET, "bucket-two"]), (("all",), [BUCKET, "bucket-two"]), (("allPrivate",), [BUCKET]),
        (("allPublic", "snapshot"), ["bucket-two"]), (("restricted",), []),
    ],
)  # fmt: skip
def test_buckets_are_listed_by_type(b2: B2, types: tuple[str, ...] | None, found: list[str]) -> None:
    # gap 7: bucketTypes
    b2.new_bucket(bucket_type="allPublic")
    listed = b2.ok(ListBuckets(b2.account, bucket_types=types)).buckets
    assert [bucket.bucket_name for bucket in listed] == found


@pytest.mark.parametrize("types", [(), ("all", "allPrivate"), ("allpublic",)])
def test_bucket_types_are_known_ones_or_all_alone(b2: B2, types: tuple[str, ...]) -> None:
    assert b2.code(ListBuckets(b2.account, bucket_types=types)) == "bad_request"


def test_an_unknown_bucket_is_a_bad_bucket_id(b2: B2) -> None:
    gone = b2.new_bucket()
    b2.ok(DeleteBucket(b2.account, gone))
    for call in (
        ListFileNames(gone),
        ListFileVersions(gone),
        GetUploadUrl(gone),
        HideFile(gone, "n"),
        DeleteBucket(b2.account, gone),
        changed(b2.update(), bucket_id=gone),
        GetBucketNotificationRules(gone),
        SetBucketNotificationRules(gone, ()),
    ):
        assert b2.code(call) == "bad_bucket_id", call.name
    assert b2.code(ListFileNames(BucketId("x"))) == "invalid_bucket_id"


def test_two_buckets_never_have_files_of_one_id(b2: B2) -> None:
    # gap 6: the simulator of b2sdk counts ids in each bucket anew
    two = b2.new_bucket()
    ids = [b2.simulator.put(bucket, "n", b"x").file_id for bucket in (b2.bucket, two) for _ in range(3)]
    assert len(set(ids)) == 6
    for bucket, file_id in zip([b2.bucket] * 3 + [two] * 3, ids, strict=True):
        assert file_id is not None
        assert b2.ok(GetFileInfo(file_id)).bucket_id == bucket


# -- deleting


def test_only_an_empty_bucket_is_deleted(b2: B2) -> None:
    # gap 8: neither a hide marker nor an unfinished large file is nothing
    gone = DeleteBucket(b2.account, b2.bucket)
    file = b2.upload("n")
    marker = b2.ok(HideFile(b2.bucket, "n"))
    large = b2.start()
    for name, file_id in (("n", file.file_id), ("n", marker.file_id), ("large", large)):
        assert b2.code(gone) == "cannot_delete_non_empty_bucket"
        b2.ok(DeleteFileVersion(name, file_id))
    assert b2.ok(gone).bucket_name == BUCKET
    assert b2.ok(ListBuckets(b2.account)).buckets == ()
    b2.new_bucket(BUCKET)


def test_an_upload_url_of_a_deleted_bucket_is_good_for_nothing(b2: B2) -> None:
    url = b2.url()
    b2.ok(DeleteBucket(b2.account, b2.bucket))
    assert b2.code(b2.file("n"), url) == "bad_bucket_id"


# -- changing settings


def test_an_update_replaces_what_it_names_and_counts_the_revision(b2: B2) -> None:
    first = b2.ok(b2.update(bucket_info={"a": "1"}, cors_rules=(CORS,), lifecycle_rules=(LIFECYCLE,)))
    second = b2.ok(b2.update(bucket_info={"b": "2"}, lifecycle_rules=()))
    assert (second.bucket_info, second.cors_rules, second.lifecycle_rules) == ({"b": "2"}, (CORS,), ())
    assert second.revision == first.revision + 1


def test_an_update_of_another_revision_is_a_conflict(b2: B2) -> None:
    # gap 13: ifRevisionIs
    revision = b2.ok(b2.update()).revision
    assert b2.fails(b2.update(if_revision_is=revision - 1)) == Rejected(
        409, "conflict", "simultaneous updates to bucket"
    )
    assert b2.ok(b2.update(if_revision_is=revision, bucket_info={"a": "1"})).revision == revision + 1
    assert b2.fails(b2.update(if_revision_is=revision)).status == 409


@pytest.mark.parametrize(
    ("capability", "settings"),
    [
        ("writeBucketRetentions", {"file_lock_enabled": True}),
        ("writeBucketEncryption", {"default_server_side_encryption": SseB2()}),
        ("writeBucketReplications", {"replication_configuration": ReplicationConfiguration()}),
    ],
)
def test_some_settings_need_a_capability_of_their_own(b2: B2, capability: str, settings: dict[str, Any]) -> None:
    create = CreateBucket(b2.account, "bucket-two", **settings)
    without = b2.limited(*set(ALL_CAPABILITIES) - {capability})
    plain = b2.limited("writeBuckets", capability)
    for call in (create, b2.update(**settings)):
        assert b2.code(call, without) == "unauthorized"
        b2.ok(call, plain)


def test_a_default_retention_needs_a_capability_too(b2: B2) -> None:
    b2.ok(b2.update(file_lock_enabled=True))
    call = b2.update(default_retention=GOVERNED)
    assert b2.code(call, b2.limited("writeBuckets")) == "unauthorized"
    b2.ok(call, b2.limited("writeBuckets", "writeBucketRetentions"))


def test_a_failed_update_changes_nothing(b2: B2) -> None:
    before = b2.simulator.snapshot()
    assert b2.code(b2.update(bucket_info={"a": "1"}, bucket_type="none")) == "bad_request"
    assert b2.simulator.snapshot() == before


def test_a_key_sees_only_the_settings_that_it_may_read(b2: B2) -> None:
    b2.ok(b2.update(file_lock_enabled=True, default_server_side_encryption=SseB2()))
    fields = {
        "default_server_side_encryption": "readBucketEncryption",
        "file_lock_configuration": "readBucketRetentions",
        "replication_configuration": "readBucketReplications",
    }
    for seen in (None, *fields):
        token = b2.limited("listBuckets", *([fields[seen]] if seen else []))
        (bucket,) = b2.ok(ListBuckets(b2.account), token).buckets
        for name in fields:
            told = getattr(bucket, name)
            assert told.is_client_authorized_to_read == (name == seen)
            assert (told.value is None) == (name != seen)


def test_an_update_tells_no_more_than_the_key_may_read(b2: B2) -> None:
    told = b2.ok(b2.update(bucket_info={}), b2.limited("writeBuckets"))
    assert told.file_lock_configuration.value is None
    assert told.replication_configuration == ReplicationReply(False, None)


# -- object lock of a bucket (gap 12)


def test_object_lock_is_enabled_later_and_never_disabled(b2: B2) -> None:
    assert not b2.ok(b2.update(file_lock_enabled=False)).file_lock_configuration.value.is_file_lock_enabled
    assert b2.ok(b2.update(file_lock_enabled=True)).file_lock_configuration.value.is_file_lock_enabled
    assert b2.code(b2.update(file_lock_enabled=False)) == "file_lock_conflict"
    assert b2.ok(b2.update(bucket_info={})).file_lock_configuration.value.is_file_lock_enabled


def test_object_lock_is_not_enabled_on_a_replication_source(b2: B2) -> None:
    rule = ReplicationRule("rule", b2.new_bucket(), "", True, 1)
    config = ReplicationConfiguration(ReplicationSource((rule,), b2.create_key("readFiles").key_id))
    b2.ok(b2.update(replication_configuration=config))
    assert b2.code(b2.update(file_lock_enabled=True)) == "source_replication_conflict"


def test_a_default_retention_needs_object_lock(b2: B2) -> None:
    assert b2.code(b2.update(default_retention=GOVERNED)) == "bucket_missing_file_lock"
    told = b2.ok(b2.update(default_retention=GOVERNED, file_lock_enabled=True)).file_lock_configuration.value
    assert told.default_retention == GOVERNED
    assert b2.code(b2.update(default_retention=DefaultRetention("governance"))) == "bad_request"
    assert b2.code(b2.update(default_retention=changed(GOVERNED, mode="strict"))) == "bad_request"


def test_a_default_encryption_comes_and_goes(b2: B2) -> None:
    told = b2.ok(b2.update(default_server_side_encryption=SseB2())).default_server_side_encryption.value
    assert (told.mode, told.algorithm) == ("SSE-B2", "AES256")
    assert b2.ok(b2.update(bucket_info={})).default_server_side_encryption.value == told
    gone = b2.ok(b2.update(default_server_side_encryption=NoDefaultEncryption()))
    assert gone.default_server_side_encryption.value.mode is None


def test_replication_needs_a_key_of_the_account(b2: B2) -> None:
    rule = ReplicationRule("rule", b2.bucket, "", True, 1)
    config = ReplicationConfiguration(ReplicationSource((rule,), "no such key"))
    assert b2.code(b2.update(replication_configuration=config)) == "bad_request"
    destination = ReplicationConfiguration(None, ReplicationDestination({"one": "two"}))
    assert b2.ok(b2.update(replication_configuration=destination)).replication_configuration.value == destination


# -- notification rules (gap 13)


def test_notification_rules_are_replaced_as_a_whole(b2: B2) -> None:
    other = changed(HOOK, name="rule-two", event_types=("b2:ObjectDeleted:*",), max_events_per_batch=50)
    assert b2.ok(GetBucketNotificationRules(b2.bucket)).event_notification_rules == ()
    reply = b2.ok(SetBucketNotificationRules(b2.bucket, (other, changed(HOOK, is_suspended=True))))
    assert reply.event_notification_rules == (HOOK, other)
    assert b2.ok(GetBucketNotificationRules(b2.bucket)) == reply
    b2.ok(SetBucketNotificationRules(b2.bucket, ()))
    assert b2.ok(GetBucketNotificationRules(b2.bucket)).event_notification_rules == ()


def test_notification_rules_have_capabilities_of_their_own(b2: B2) -> None:
    reader, writer = b2.limited("readBucketNotifications"), b2.limited("writeBucketNotifications")
    assert b2.code(SetBucketNotificationRules(b2.bucket, (HOOK,)), reader) == "unauthorized"
    b2.ok(SetBucketNotificationRules(b2.bucket, (HOOK,)), writer)
    assert b2.code(GetBucketNotificationRules(b2.bucket), writer) == "unauthorized"
    b2.ok(GetBucketNotificationRules(b2.bucket), reader)
    assert b2.code(GetBucketNotificationRules(b2.bucket), b2.limited("writeBuckets", "readBuckets")) == "unauthorized"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"event_types": ()}, "event_types_empty"),
        ({"event_types": ("b2:ObjectCreated:Hide",)}, "event_type_invalid"),
        ({"event_types": ("b2:ObjectCreated:*", "b2:ObjectDeleted:*")}, "event_type_categories"),
        ({"event_types": ("b2:ObjectCreated:*", "b2:ObjectCreated:Copy")}, "event_type_overlap"),
        ({"max_events_per_batch": 51}, "bad_request"),
        ({"target_configuration": WebhookTarget("http://hook.example")}, "bad_request"),
        ({"target_configuration": WebhookTarget("https://h.example", "webhook", "short")}, "bad_request"),
        (
            {"target_configuration": WebhookTarget("https://h.example", custom_headers=(CustomHeader("X-Bz-A", "b"),))},
            "bad_request",
        ),
    ],
)
def test_bad_notification_rules_are_refused_and_the_old_ones_stay(b2: B2, change: dict[str, Any], code: str) -> None:
    b2.ok(SetBucketNotificationRules(b2.bucket, (HOOK,)))
    assert b2.code(SetBucketNotificationRules(b2.bucket, (changed(HOOK, **change),))) == code
    assert b2.ok(GetBucketNotificationRules(b2.bucket)).event_notification_rules == (HOOK,)
