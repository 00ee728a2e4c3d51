"""The simulated B2's answers to calls about buckets and their settings.

Rules. As in `file_calls`. What a setting may be is in `settings`; here is who may change it and when.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from b2pure.effects.simulator.account_calls import check_account
from b2pure.effects.simulator.bucket import Bucket
from b2pure.effects.simulator.credentials import Key
from b2pure.effects.simulator.protection import lockable, require
from b2pure.effects.simulator.rules import Refused, bad_request, checked_bucket_name, unauthorized
from b2pure.effects.simulator.settings import (
    checked_bucket_info,
    checked_cors,
    checked_default_retention,
    checked_lifecycle,
    checked_notifications,
    checked_replication,
)
from b2pure.effects.simulator.world import Handler, World
from b2pure.model.buckets import (
    DefaultEncryption,
    DefaultEncryptionReply,
    DefaultRetention,
    FileLockConfiguration,
    FileLockReply,
    NoDefaultEncryption,
    ReplicationConfiguration,
    ReplicationReply,
)
from b2pure.model.calls import (
    Call,
    CreateBucket,
    DeleteBucket,
    GetBucketNotificationRules,
    ListBuckets,
    SetBucketNotificationRules,
    UpdateBucket,
)
from b2pure.model.errors import Rejected
from b2pure.model.ids import BucketId
from b2pure.model.protection import UNENCRYPTED, EncryptionReply
from b2pure.model.replies import BucketList, BucketReply, NotificationRulesReply

__all__ = ["BUCKET_HANDLERS", "readable_bucket"]

_TYPES: Final = ("allPrivate", "allPublic")
_LISTED_TYPES: Final = frozenset({*_TYPES, "snapshot", "restricted", "shared"})
_ALL_TYPES: Final = "all"


def readable_bucket(key: Key, bucket: BucketReply) -> BucketReply:
    """A bucket as this key sees it."""
    hidden: dict[str, object] = {}
    if not key.may("readBucketEncryption"):
        hidden["default_server_side_encryption"] = DefaultEncryptionReply(False, None)
    if not key.may("readBucketRetentions"):
        hidden["file_lock_configuration"] = FileLockReply(False, None)
    if not key.may("readBucketReplications"):
        hidden["replication_configuration"] = ReplicationReply(False, None)
    return msgspec.structs.replace(bucket, **hidden) if hidden else bucket


# -- finding


def _list_buckets(world: World, key: Key, call: ListBuckets) -> BucketList:
    check_account(world, call.account_id)
    types = _wanted_types(call.bucket_types)
    name = None if call.bucket_name is None else call.bucket_name.lower()
    found = [
        bucket.reply
        for bucket in world.buckets.values()
        if call.bucket_id in (None, bucket.reply.bucket_id) and name in (None, bucket.reply.bucket_name.lower())
    ]
    if key.bucket_ids is not None:
        _check_named(key, call, found)
    shown = [readable_bucket(key, bucket) for bucket in found if types is None or bucket.bucket_type in types]
    return BucketList(tuple(sorted(shown, key=lambda bucket: bucket.bucket_name)))


def _wanted_types(types: tuple[str, ...] | None) -> frozenset[str] | None:
    """The types that a list is about; None: all."""
    if types is None or types == (_ALL_TYPES,):
        return None
    if not types or not _LISTED_TYPES.issuperset(types):
        raise bad_request("bucketTypes is a list of bucket types, or all by itself")
    return frozenset(types)


def _check_named(key: Key, call: ListBuckets, found: list[BucketReply]) -> None:
    """A restricted key must name a bucket, and it must be one of its own."""
    assert key.bucket_ids is not None
    named = call.bucket_id is not None or call.bucket_name is not None
    if not named or any(bucket.bucket_id not in key.bucket_ids for bucket in found):
        raise unauthorized("the key is restricted to other buckets")
    if not found and call.bucket_id not in (None, *key.bucket_ids):
        raise unauthorized("the key is restricted to other buckets")


def _bucket(world: World, key: Key, bucket_id: BucketId) -> Bucket:
    world.permit(key, bucket_id)
    bucket = world.buckets.get(bucket_id)
    if bucket is None:
        raise bad_request(f"Bucket {bucket_id} does not exist", "bad_bucket_id")
    return bucket


# -- creating


def _create_bucket(world: World, key: Key, call: CreateBucket) -> BucketReply:
    check_account(world, call.account_id)
    if key.bucket_ids is not None:
        raise unauthorized("a key restricted to buckets cannot create one")
    _require_for_settings(key, call)
    checked_bucket_name(call.bucket_name)
    _check_type(call.bucket_type)
    settings: dict[str, Any] = {
        "bucket_info": checked_bucket_info(call.bucket_info or {}),
        "cors_rules": checked_cors(call.cors_rules or ()),
        "lifecycle_rules": checked_lifecycle(call.lifecycle_rules or ()),
        "default_server_side_encryption": _default_encryption(call.default_server_side_encryption),
        "file_lock_configuration": FileLockReply(True, FileLockConfiguration(bool(call.file_lock_enabled))),
        "replication_configuration": _replication(world, call.replication_configuration),
    }
    if call.bucket_name.lower() in world.bucket_ids:
        raise bad_request("Bucket name is already in use.", "duplicate_bucket_name")
    if len(world.buckets) >= world.config.max_buckets:
        raise bad_request("the account has as many buckets as it may have", "too_many_buckets")
    return readable_bucket(key, world.add_bucket(call.bucket_name, call.bucket_type, **settings))


def _require_for_settings(key: Key, call: CreateBucket | UpdateBucket) -> None:
    """The capabilities that some settings need beside writeBuckets."""
    if call.file_lock_enabled or (isinstance(call, UpdateBucket) and call.default_retention is not None):
        require(key, "writeBucketRetentions")
    if call.default_server_side_encryption is not None:
        require(key, "writeBucketEncryption")
    if call.replication_configuration is not None:
        require(key, "writeBucketReplications")


def _check_type(bucket_type: str) -> None:
    if bucket_type not in _TYPES:
        raise bad_request("bucketType must be allPrivate or allPublic")


def _default_encryption(asked: DefaultEncryption | None) -> DefaultEncryptionReply:
    if asked is None or isinstance(asked, NoDefaultEncryption):
        return DefaultEncryptionReply(True, UNENCRYPTED)
    return DefaultEncryptionReply(True, EncryptionReply("SSE-B2", asked.algorithm))


def _replication(world: World, asked: ReplicationConfiguration | None) -> ReplicationReply:
    configuration = ReplicationConfiguration() if asked is None else checked_replication(asked)
    source = configuration.as_replication_source
    if source is not None and source.source_application_key_id not in world.credentials.keys:
        raise bad_request("sourceApplicationKeyId is not a key of the account")
    return ReplicationReply(True, configuration)


# -- changing


def _update_bucket(world: World, key: Key, call: UpdateBucket) -> BucketReply:
    check_account(world, call.account_id)
    bucket = _bucket(world, key, call.bucket_id)
    _require_for_settings(key, call)
    if call.if_revision_is is not None and call.if_revision_is != bucket.reply.revision:
        raise Refused(Rejected(409, "conflict", "simultaneous updates to bucket"))
    reply = msgspec.structs.replace(
        bucket.reply, revision=bucket.reply.revision + 1, **_changes(world, key, bucket, call)
    )
    world.update_bucket(bucket, reply)
    world.replication_due = world.replication_due or call.replication_configuration is not None
    return readable_bucket(key, reply)


def _changes(world: World, key: Key, bucket: Bucket, call: UpdateBucket) -> dict[str, object]:
    changes: dict[str, object] = {}
    if call.bucket_type is not None:
        _check_type(call.bucket_type)
        changes["bucket_type"] = call.bucket_type
    if call.bucket_info is not None:
        changes["bucket_info"] = checked_bucket_info(call.bucket_info)
    if call.cors_rules is not None:
        changes["cors_rules"] = checked_cors(call.cors_rules)
    if call.lifecycle_rules is not None:
        changes["lifecycle_rules"] = checked_lifecycle(call.lifecycle_rules)
    if call.default_server_side_encryption is not None:
        changes["default_server_side_encryption"] = _default_encryption(call.default_server_side_encryption)
    if call.replication_configuration is not None:
        changes["replication_configuration"] = _replication(world, call.replication_configuration)
    if call.file_lock_enabled is not None or call.default_retention is not None:
        changes["file_lock_configuration"] = _file_lock(bucket, call)
    return changes


def _file_lock(bucket: Bucket, call: UpdateBucket) -> FileLockReply:
    kept = bucket.reply.file_lock_configuration.value or FileLockConfiguration(False)
    if call.file_lock_enabled is False and kept.is_file_lock_enabled:
        raise bad_request("object lock cannot be disabled", "file_lock_conflict")
    enabled = kept.is_file_lock_enabled or bool(call.file_lock_enabled)
    if enabled and not kept.is_file_lock_enabled and _is_source(bucket):
        raise bad_request("object lock cannot be enabled on a replication source", "source_replication_conflict")
    if call.default_retention is None:
        return FileLockReply(True, FileLockConfiguration(enabled, kept.default_retention))
    retention: DefaultRetention = checked_default_retention(call.default_retention)
    if not enabled:
        lockable(bucket)
    return FileLockReply(True, FileLockConfiguration(enabled, retention))


def _is_source(bucket: Bucket) -> bool:
    configuration = bucket.reply.replication_configuration.value
    return configuration is not None and configuration.as_replication_source is not None


def _delete_bucket(world: World, key: Key, call: DeleteBucket) -> BucketReply:
    check_account(world, call.account_id)
    bucket = _bucket(world, key, call.bucket_id)
    if bucket.version_count:
        raise bad_request("the bucket is not empty", "cannot_delete_non_empty_bucket")
    world.drop_bucket(bucket)
    return readable_bucket(key, bucket.reply)


# -- notifications


def _get_notification_rules(world: World, key: Key, call: GetBucketNotificationRules) -> NotificationRulesReply:
    return NotificationRulesReply(call.bucket_id, _bucket(world, key, call.bucket_id).notifications)


def _set_notification_rules(world: World, key: Key, call: SetBucketNotificationRules) -> NotificationRulesReply:
    bucket = _bucket(world, key, call.bucket_id)
    rules = checked_notifications(call.event_notification_rules)
    world.update_bucket(bucket, bucket.reply, rules)
    return NotificationRulesReply(call.bucket_id, rules)


BUCKET_HANDLERS: Final[Mapping[type[Call[Any]], Handler]] = {
    ListBuckets: _list_buckets,
    CreateBucket: _create_bucket,
    UpdateBucket: _update_bucket,
    DeleteBucket: _delete_bucket,
    GetBucketNotificationRules: _get_notification_rules,
    SetBucketNotificationRules: _set_notification_rules,
}
