"""What the simulated B2 knows: buckets, the versions of every file, and who may touch them.

Rules. One owner, no lock, no I/O: the clock is given. Nothing here knows a call: handlers look things up, check, and
add. Every change goes through here, so that sums, meters and what is written down agree with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from b2pure.effects.simulator.bucket import Bucket, LargeUpload, Part, Version
from b2pure.effects.simulator.caps import Caps
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.simulator.content import Content, Extent, MemoryVault, Vault
from b2pure.effects.simulator.credentials import Credentials, Key
from b2pure.effects.simulator.events import EventKind, EventQueue
from b2pure.effects.simulator.ids import Ids
from b2pure.effects.simulator.ledger import Ledger
from b2pure.effects.simulator.meter import Meter
from b2pure.effects.simulator.records import (
    BucketRecord,
    ContentById,
    KeyRecord,
    PartRecord,
    Record,
    VersionRecord,
    WorldRecord,
    part_of,
    part_record,
    version_of,
    version_record,
)
from b2pure.effects.simulator.rules import Refused, bad_request, checked_count, checked_name, unauthorized
from b2pure.model.buckets import NotificationRule
from b2pure.model.errors import CapExceeded, Rejected
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.protection import (
    NO_HOLD,
    UNENCRYPTED,
    UNLOCKED,
    EncryptionReply,
    LegalHoldReply,
    RetentionReply,
)
from b2pure.model.replies import BucketReply, FileReply

__all__ = ["UNPROTECTED", "Handler", "Protection", "World"]


@frozen
class Protection:
    """What protects a version: as its file object says it, and the MD5 of the key of SSE-C."""

    encryption: EncryptionReply = UNENCRYPTED
    retention: RetentionReply = UNLOCKED
    legal_hold: LegalHoldReply = NO_HOLD
    customer_key_md5: str | None = None


UNPROTECTED: Final = Protection()


class World:
    """The whole state of a simulated B2 with one account."""

    def __init__(
        self, *, now: Callable[[], int], seed: int, config: SimulatorConfig, base_url: str, vault: Vault | None = None
    ) -> None:
        self.clock = now
        self.offset_millis = 0
        self.lifecycle_day: int | None = None
        self.config = config
        self.base_url = base_url
        self.vault: Vault = MemoryVault() if vault is None else vault
        self.ids = Ids(seed)
        self.ledger = Ledger(self.vault, self._record)
        self.credentials = Credentials(self.ids, self.ledger, self.now, config.token_lifetime_millis)
        self.meter = Meter(now())
        self.caps = Caps(
            class_b=config.class_b_cap_per_day,
            class_c=config.class_c_cap_per_day,
            download=config.download_cap_per_day,
            requests_per_second=config.requests_per_second,
        )
        self.events = EventQueue()
        self.buckets: dict[BucketId, Bucket] = {}
        self.bucket_ids: dict[str, BucketId] = {}
        self.versions: dict[FileId, Version] = {}
        self.replication_due = False
        self.to_replicate: dict[FileId, None] = {}

    @property
    def account_id(self) -> AccountId:
        """The one account."""
        return self.ids.account_id

    # -- time

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self.clock() + self.offset_millis

    def advance(self, millis: int) -> None:
        """From now on the clock is further ahead."""
        self.offset_millis += millis
        self.ledger.put_world()

    def lifecycle_ran(self, day: int) -> None:
        """The lifecycle run of a day (UTC, since the epoch) took place."""
        self.lifecycle_day = day
        self.ledger.put_world()

    # -- what is written down

    def _record(self) -> WorldRecord:
        return WorldRecord(
            self.ids.seed, dict(self.ids.serials), self.offset_millis, self.lifecycle_day, self.ids.generation
        )

    def records(self) -> Iterator[tuple[str, str, Record]]:
        """Everything, as (kind, id, record), in an order in which it can be read again."""
        yield "world", "", self._record()
        for key in self.credentials.keys.values():
            yield "key", key.key_id, key.record()
        for bucket in self.buckets.values():
            yield "bucket", bucket.reply.bucket_id, BucketRecord(bucket.reply, bucket.notifications)
        for file_id, version in self.versions.items():
            yield "version", file_id, version_record(version)
        for bucket in self.buckets.values():
            for large in bucket.unfinished.values():
                for part in large.parts.values():
                    yield "part", _part_id(part), part_record(part)

    def contents(self) -> dict[str, Content]:
        """The contents that the records refer to, by id."""
        found = {extent.content.content_id: extent.content for v in self.versions.values() for extent in v.extents}
        for bucket in self.buckets.values():
            for large in bucket.unfinished.values():
                found |= {e.content.content_id: e.content for part in large.parts.values() for e in part.extents}
        return found

    def restore(self, records: Iterable[Record], contents: ContentById) -> None:
        """Add what was written down. The seed must be that of the records."""
        for record in records:
            match record:
                case WorldRecord():
                    self.ids.restore(record.serials, record.generation)
                    self.offset_millis, self.lifecycle_day = record.offset_millis, record.lifecycle_day
                    self.ledger.put_world()
                case KeyRecord():
                    self.credentials.restore(record)
                case BucketRecord(reply, notifications):
                    self.buckets[reply.bucket_id] = Bucket(reply, notifications)
                    self.bucket_ids[reply.bucket_name.lower()] = reply.bucket_id
                case VersionRecord(file) if file.file_id is None:
                    raise ValueError(f"a version of {file.file_name!r} has no id")
                case VersionRecord():
                    self._insert(self.buckets[record.file.bucket_id], version_of(record, contents))
                case PartRecord():
                    part = part_of(record, contents)
                    bucket = self.buckets[self.versions[part.reply.file_id].file.bucket_id]
                    bucket.keep_part(bucket.unfinished[part.reply.file_id], part)
                case _:
                    raise TypeError(f"{type(record).__name__} is no record of a world")
        self.meter = Meter(self.now())
        self.meter.stored(sum(bucket.stored_bytes for bucket in self.buckets.values()), self.now())

    def fork(self) -> World:
        """An independent copy with the same clock, in memory. Contents, keys and replies are shared, because they
        never change.
        """
        if self.vault.keeps_records:
            raise ValueError("what is kept on a disk has no fork: take a snapshot and restore it")
        twin = World(now=self.clock, seed=self.ids.seed, config=self.config, base_url=self.base_url, vault=self.vault)
        twin.offset_millis, twin.lifecycle_day = self.offset_millis, self.lifecycle_day
        twin.meter = self.meter.fork()
        twin.replication_due, twin.to_replicate = self.replication_due, dict(self.to_replicate)
        twin.caps = self.caps.fork()
        twin.events = self.events.fork()
        twin.ids.serials, twin.ids.generation = dict(self.ids.serials), self.ids.generation
        twin.credentials.copy_from(self.credentials)
        twin.buckets = {bucket_id: bucket.fork() for bucket_id, bucket in self.buckets.items()}
        twin.bucket_ids = dict(self.bucket_ids)
        twin.versions = dict(self.versions)
        return twin

    # -- what a key may touch

    def permit(self, key: Key, bucket_id: BucketId, name: str | None = None) -> None:
        """Refuse what lies outside the restrictions of the key."""
        if key.bucket_ids is not None and bucket_id not in key.bucket_ids:
            raise unauthorized("the key is restricted to another bucket")
        if name is not None and key.name_prefix is not None and not name.startswith(key.name_prefix):
            raise unauthorized("the key is restricted to names with its prefix")

    def bucket(self, key: Key, bucket_id: BucketId, name: str | None = None) -> Bucket:
        """A bucket that the key may touch."""
        self.permit(key, bucket_id, name)
        bucket = self.buckets.get(bucket_id)
        if bucket is None:
            raise bad_request(f"Bucket {bucket_id} does not exist", "bad_bucket_id")
        return bucket

    def page_size(self, asked: int | None, *, default: int, maximum: int) -> int:
        """How many entries a page of a list has. Nothing and 0 mean the default."""
        count = checked_count(asked, default=default, maximum=maximum)
        return count if self.config.page_limit is None else min(count, self.config.page_limit)

    def check_name(self, name: str) -> None:
        """Refuse what no new file may be called."""
        checked_name(name, strict=self.config.strict_names)

    def tell(self, kind: EventKind, version: Version) -> None:
        """Something happened to a version: whoever asked for it will be notified."""
        bucket = self.buckets[version.file.bucket_id]
        if bucket.notifications:
            self.events.add(kind, version.file, bucket.reply.bucket_name, bucket.notifications, self.now())

    def check_storage(self, more: int) -> None:
        """Refuse what would make the account hold more than its cap."""
        cap = self.config.storage_cap
        if cap is not None and self.meter.stored_bytes + more > cap:
            raise Refused(CapExceeded("cap_exceeded", "Storage cap exceeded"))

    def bucket_named(self, name: str) -> Bucket | None:
        """A bucket by its name, in whatever case."""
        bucket_id = self.bucket_ids.get(name.lower())
        return None if bucket_id is None else self.buckets[bucket_id]

    def source_bucket(self, file_id: FileId) -> Bucket | None:
        """The bucket that a version is in."""
        version = self.versions.get(file_id)
        return None if version is None else self.buckets[version.file.bucket_id]

    def version(self, key: Key, file_id: FileId) -> Version:
        """Any version that the key may touch, or 404."""
        version = self.versions.get(file_id)
        if version is None:
            raise Refused(Rejected(404, "not_found", "File not present"))
        self.permit(key, version.file.bucket_id, version.file.file_name)
        return version

    # -- insertion

    def add_bucket(self, name: str, bucket_type: str, **settings: Any) -> BucketReply:
        """A new empty bucket; `settings` are fields of its reply."""
        bucket_id = self.ids.bucket()
        reply = BucketReply(self.account_id, bucket_id, name, bucket_type, options=("s3",), **settings)
        self.buckets[bucket_id] = Bucket(reply)
        self.bucket_ids[name.lower()] = bucket_id
        self._put_bucket(self.buckets[bucket_id])
        return reply

    def update_bucket(
        self, bucket: Bucket, reply: BucketReply, notifications: tuple[NotificationRule, ...] | None = None
    ) -> None:
        """Other settings for a bucket."""
        bucket.reply = reply
        if notifications is not None:
            bucket.notifications = notifications
        self._put_bucket(bucket)

    def _put_bucket(self, bucket: Bucket) -> None:
        self.ledger.put("bucket", bucket.reply.bucket_id, lambda: BucketRecord(bucket.reply, bucket.notifications))

    def drop_bucket(self, bucket: Bucket) -> None:
        """An empty bucket goes."""
        del self.buckets[bucket.reply.bucket_id]
        del self.bucket_ids[bucket.reply.bucket_name.lower()]
        self.ledger.gone("bucket", bucket.reply.bucket_id)

    def add_version(
        self,
        bucket: Bucket,
        name: str,
        action: str,
        *,
        content_type: str,
        info: Mapping[str, str],
        extents: tuple[Extent, ...] = (),
        length: int = 0,
        content_sha1: str | None = None,
        content_md5: str | None = None,
        protection: Protection = UNPROTECTED,
        upload_timestamp: int | None = None,
        replication_status: str | None = None,
    ) -> Version:
        """The one way in for every version. `upload_timestamp` None is now."""
        bucket_id = bucket.reply.bucket_id
        file_id, serial = self.ids.file(bucket_id, large=action == "start")
        hidden = action == "hide"
        version = Version(
            FileReply(
                self.account_id,
                action,
                bucket_id,
                length,
                content_sha1,
                content_type,
                file_id,
                info,
                name,
                self.now() if upload_timestamp is None else upload_timestamp,
                content_md5,
                None if hidden else protection.encryption,
                None if hidden else protection.retention,
                None if hidden else protection.legal_hold,
                replication_status,
            ),
            serial,
            extents,
            protection.customer_key_md5,
        )
        self._insert(bucket, version)
        self.meter.stored(length, self.now())
        self.ledger.put("version", file_id, lambda: version_record(version))
        return version

    def _insert(self, bucket: Bucket, version: Version) -> None:
        assert version.file.file_id is not None
        bucket.add(version)
        self.versions[version.file.file_id] = version
        self._note_pending(version.file)
        if version.file.action == "start":
            bucket.unfinished[version.file.file_id] = LargeUpload(version)

    def _note_pending(self, file: FileReply) -> None:
        if file.replication_status == "PENDING" and file.file_id is not None:
            self.to_replicate[file.file_id] = None

    def replace_version(self, old: Version, new: Version) -> None:
        """The same version, told differently: what stands in the listings from now on."""
        assert new.file.file_id is not None
        self.buckets[old.file.bucket_id].replace(old, new)
        self.meter.stored(new.file.content_length - old.file.content_length, self.now())
        self.versions[new.file.file_id] = new
        unfinished = self.buckets[old.file.bucket_id].unfinished.get(new.file.file_id)
        if unfinished is not None:
            unfinished.version = new
        self._note_pending(new.file)
        self.ledger.put("version", new.file.file_id, lambda: version_record(new))

    def drop_version(self, version: Version) -> None:
        """A version is gone for good."""
        assert version.file.file_id is not None
        bucket = self.buckets[version.file.bucket_id]
        bucket.remove(version)
        self.meter.stored(-version.file.content_length, self.now())
        self.drop_parts(bucket, version.file.file_id)
        del self.versions[version.file.file_id]
        self.ledger.gone("version", version.file.file_id)

    def keep_part(self, bucket: Bucket, large: LargeUpload, part: Part) -> None:
        """A part of an unfinished large file, instead of the one that had its number before."""
        self.meter.stored(bucket.keep_part(large, part), self.now())
        self.ledger.put("part", _part_id(part), lambda: part_record(part))

    def drop_parts(self, bucket: Bucket, file_id: FileId) -> None:
        """A large file is not unfinished any more; nothing happens to one that is not."""
        for part in bucket.drop_parts(file_id):
            self.meter.stored(-part.reply.content_length, self.now())
            self.ledger.gone("part", _part_id(part))


def _part_id(part: Part) -> str:
    return f"{part.reply.file_id}/{part.reply.part_number}"


Handler = Callable[[World, Key, Any], object]
"""What answers a kind of call: it takes the world, the key behind the token, and the call, and gives the reply."""
