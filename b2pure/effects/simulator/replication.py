"""Replication of the simulated B2: which files are to be copied to another bucket, and the copying.

Rules. Of the enabled rules whose prefix starts a name the one with the greatest priority acts, the first of equals. A
file is PENDING from its upload under such a rule; files that were there before are copied if the rule includes them.
Hide markers, SSE-C files and replicas are not copied, and a copy shares the bytes of its source. It fails when the
destination is gone, when one of the two keys is gone or may not read or write there, or when the destination maps the
source's key to none. A failed file is not tried again.

Backblaze's pages leave open what else of a file is replicated; here the replica keeps name, time, type, info and
digests, is encrypted if its source is or its bucket does so by default, and keeps retention and legal hold if its
bucket has object lock. Both buckets are of the one account that there is.
"""

from __future__ import annotations

import msgspec

from b2pure.effects.simulator.bucket import Bucket, Version
from b2pure.effects.simulator.events import EventKind
from b2pure.effects.simulator.world import Protection, World
from b2pure.model.buckets import ReplicationRule, ReplicationSource
from b2pure.model.ids import BucketId
from b2pure.model.protection import NO_HOLD, UNENCRYPTED, UNLOCKED, EncryptionReply
from b2pure.model.replies import BucketReply, FileReply

__all__ = ["existing_files_wait", "replicate", "replicate_version", "replication_status_of", "rule_for"]


def rule_for(bucket: BucketReply, name: str) -> ReplicationRule | None:
    """The rule that a file of this name in this bucket is replicated by."""
    source = _source_of(bucket)
    matching = (
        rule
        for rule in (source.replication_rules if source is not None else ())
        if rule.is_enabled and name.startswith(rule.file_name_prefix)
    )
    return max(matching, key=lambda rule: rule.priority, default=None)


def replication_status_of(bucket: BucketReply, name: str, encryption: EncryptionReply | None) -> str | None:
    """The status that a new file in this bucket starts with."""
    if rule_for(bucket, name) is None or _is_customers(encryption):
        return None
    return "PENDING"


def replicate(world: World, at_millis: int) -> None:
    """Replicate all that is to be replicated, by bucket id, then by name, then from the oldest version on."""
    for _, bucket in sorted(world.buckets.items()):
        if _source_of(bucket.reply) is None:
            continue
        for name in list(bucket.names.since("")):
            for version in tuple(bucket.names.versions[name]):
                replicate_version(world, version, at_millis)


def existing_files_wait(world: World) -> bool:
    """Whether some rule is to take files along that were there before it, and did not yet."""
    return any(
        rule is not None and version.file.replication_status is None and _is_due(version.file, rule)
        for bucket in world.buckets.values()
        if _source_of(bucket.reply) is not None
        for name, versions in bucket.names.versions.items()
        for rule in (rule_for(bucket.reply, name),)
        for version in versions
    )


def replicate_version(world: World, version: Version, at_millis: int) -> None:
    """Replicate one version now, if it is to be replicated; its status tells, so that nothing happens twice."""
    file = version.file
    bucket = world.buckets[file.bucket_id]
    rule, source = rule_for(bucket.reply, file.file_name), _source_of(bucket.reply)
    if rule is None or source is None or not _is_due(file, rule):
        return
    destination = _destination(world, source, rule, file, at_millis)
    if destination is not None:
        _copy(world, version, destination, at_millis)
    status = "FAILED" if destination is None else "COMPLETED"
    told = msgspec.structs.replace(file, replication_status=status)
    world.replace_version(version, msgspec.structs.replace(version, file=told))


def _source_of(bucket: BucketReply) -> ReplicationSource | None:
    value = bucket.replication_configuration.value
    return None if value is None else value.as_replication_source


def _is_customers(encryption: EncryptionReply | None) -> bool:
    return encryption is not None and encryption.mode == "SSE-C"


def _is_due(file: FileReply, rule: ReplicationRule) -> bool:
    if file.action != "upload" or _is_customers(file.server_side_encryption):
        return False
    return file.replication_status == "PENDING" or (file.replication_status is None and rule.include_existing_files)


def _destination(
    world: World, source: ReplicationSource, rule: ReplicationRule, file: FileReply, at_millis: int
) -> Bucket | None:
    """The bucket that the file can be copied to, if everybody involved may do that."""
    bucket = world.buckets.get(rule.destination_bucket_id)
    if bucket is None:
        return None
    value = bucket.reply.replication_configuration.value
    target = None if value is None else value.as_replication_destination
    mapping = {} if target is None else target.source_to_destination_key_mapping
    reader, writer = source.source_application_key_id, mapping.get(source.source_application_key_id)
    may_read = _may(world, reader, "readFiles", file.bucket_id, file.file_name, at_millis)
    may_write = _may(world, writer, "writeFiles", rule.destination_bucket_id, file.file_name, at_millis)
    return bucket if may_read and may_write else None


def _may(world: World, key_id: str | None, capability: str, bucket_id: BucketId, name: str, at_millis: int) -> bool:
    key = None if key_id is None else world.credentials.keys.get(key_id)
    return (
        key is not None
        and key.may(capability)
        and (key.expires_at is None or at_millis < key.expires_at)
        and (key.bucket_ids is None or bucket_id in key.bucket_ids)
        and (key.name_prefix is None or name.startswith(key.name_prefix))
    )


def _copy(world: World, version: Version, destination: Bucket, at_millis: int) -> None:
    file = version.file
    locks = destination.file_lock_enabled
    by_default = destination.reply.default_server_side_encryption.value
    kept = file.server_side_encryption or UNENCRYPTED
    replica = world.add_version(
        destination,
        file.file_name,
        "upload",
        content_type=file.content_type or "application/octet-stream",
        info=file.file_info,
        extents=version.extents,
        length=file.content_length,
        content_sha1=file.content_sha1,
        content_md5=file.content_md5,
        protection=Protection(
            kept if kept.mode is not None or by_default is None else by_default,
            (file.file_retention or UNLOCKED) if locks else UNLOCKED,
            (file.legal_hold or NO_HOLD) if locks else NO_HOLD,
        ),
        upload_timestamp=file.upload_timestamp,
        replication_status="REPLICA",
    )
    kind: EventKind = "multipart_replica" if file.content_sha1 == "none" else "replica"
    world.events.add(kind, replica.file, destination.reply.bucket_name, destination.notifications, at_millis)
