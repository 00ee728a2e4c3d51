"""What the simulated B2 knows: keys, tokens, upload URLs, buckets, and the versions of every file.

Rules. One owner, no lock, no I/O: the clock is given, and ids come from counters, so that two runs of the same calls
give the same ids. Nothing here knows a call: handlers look things up, check, and add.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec
from attrs import define, evolve, field, frozen

from b2pure.effects.simulator.bucket import Bucket, LargeUpload, Part, Version
from b2pure.effects.simulator.caps import Caps
from b2pure.effects.simulator.content import Content, Extent, MemoryVault, Vault
from b2pure.effects.simulator.events import EventKind, EventQueue
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
from b2pure.model.account import ALL_CAPABILITIES
from b2pure.model.buckets import NotificationRule
from b2pure.model.errors import CapExceeded, Rejected, Unauthorized
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.limits import (
    ABSOLUTE_MINIMUM_PART_SIZE,
    MAX_FILE_SIZE,
    MAX_PART_SIZE,
    MAX_PARTS,
    MAX_SINGLE_SIZE,
    MILLIS_PER_DAY,
    RECOMMENDED_PART_SIZE,
)
from b2pure.model.protection import (
    NO_HOLD,
    UNENCRYPTED,
    UNLOCKED,
    EncryptionReply,
    LegalHoldReply,
    RetentionReply,
)
from b2pure.model.replies import BucketReply, FileReply

__all__ = [
    "Endpoint",
    "Grant",
    "Handler",
    "Key",
    "Protection",
    "Session",
    "SimulatorConfig",
    "World",
    "target_of",
]


@frozen
class SimulatorConfig:
    """The limits that the simulator enforces; by default B2's own. Sizes are bytes.

    `minimum_part_count` 2 is what Backblaze's documentation says of large files. `protected_info_budget` is the info
    budget of encrypted files and of buckets with object lock. `strict_names` False takes names that start or end with
    `/` or contain `//`, as the S3-compatible API does. `locked_status` is how the deletion of a locked file is refused
    (Backblaze's pages say 401, b2sdk 403). A page of a list has at most `page_limit` entries, however many are asked
    for: B2 may cut a page short, and clients must go on. Caps are bytes and calls; None means no cap. So many
    `requests_per_second` are answered within each second of the clock, then 429. `keep_journal` False and a small
    `log_size` (requests; None: all) save memory in long runs.
    """

    absolute_minimum_part_size: int = ABSOLUTE_MINIMUM_PART_SIZE
    recommended_part_size: int = RECOMMENDED_PART_SIZE
    max_part_size: int = MAX_PART_SIZE
    max_single_size: int = MAX_SINGLE_SIZE
    max_file_size: int = MAX_FILE_SIZE
    max_parts: int = MAX_PARTS
    minimum_part_count: int = 2
    max_buckets: int = 100
    max_info_pairs: int = 10
    info_budget: int = 7000
    protected_info_budget: int = 2048
    token_lifetime_millis: int = MILLIS_PER_DAY
    keep_journal: bool = True
    log_size: int | None = 1000
    strict_names: bool = True
    custom_timestamps: bool = True
    locked_status: Literal[401, 403] = 403
    page_limit: int | None = None
    storage_cap: int | None = None
    download_cap_per_day: int | None = None
    class_b_cap_per_day: int | None = None
    class_c_cap_per_day: int | None = None
    requests_per_second: int | None = None


@frozen(eq=False)
class Key:
    """An application key. `bucket_ids` and `name_prefix` None mean no restriction."""

    key_id: str
    secret: str = field(repr=False)
    name: str
    capabilities: frozenset[str]
    bucket_ids: frozenset[BucketId] | None = None
    name_prefix: str | None = None
    expires_at: int | None = None

    def may(self, capability: str) -> bool:
        """Whether the key has the capability."""
        return capability in self.capabilities

    def record(self) -> KeyRecord:
        """The key as it is written down."""
        return KeyRecord(
            self.key_id,
            self.secret,
            self.name,
            tuple(sorted(self.capabilities)),
            None if self.bucket_ids is None else tuple(sorted(self.bucket_ids)),
            self.name_prefix,
            self.expires_at,
        )


@frozen
class Protection:
    """What protects a version: as its file object says it, and the MD5 of the key of SSE-C."""

    encryption: EncryptionReply = UNENCRYPTED
    retention: RetentionReply = UNLOCKED
    legal_hold: LegalHoldReply = NO_HOLD
    customer_key_md5: str | None = None


UNPROTECTED: Final = Protection()


@frozen
class Session:
    """What an account token stands for."""

    key: Key
    expires_at: int


@frozen
class Grant:
    """What the token of b2_get_download_authorization stands for. A download must ask for just these overrides."""

    key: Key
    bucket_id: BucketId
    file_name_prefix: str
    expires_at: int
    overrides: Mapping[str, str]


@define(eq=False)
class Endpoint:
    """An upload URL: for the files of a bucket, or (`file_id`) for the parts of one large file."""

    token: str = field(repr=False)
    key: Key
    bucket_id: BucketId
    file_id: FileId | None
    expires_at: int
    occupied: bool = False
    spoiled: bool = False


_SERIAL: Final = re.compile(r"_f[12]([0-9a-f]{15})\Z")


class World:
    """The whole state of a simulated B2 with one account."""

    def __init__(
        self, *, now: Callable[[], int], seed: int, config: SimulatorConfig, base_url: str, vault: Vault | None = None
    ) -> None:
        self.clock = now
        self.offset_millis = 0
        self.lifecycle_day: int | None = None
        self.seed = seed
        self.config = config
        self.base_url = base_url
        self.vault: Vault = MemoryVault() if vault is None else vault
        self.changes: dict[tuple[str, str], msgspec.Struct | None] = {}
        self.account_id = AccountId(self._digest("account", 0)[:12])
        self.keys: dict[str, Key] = {}
        self.sessions: dict[str, Session] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.grants: dict[str, Grant] = {}
        self.meter = Meter(now())
        self.buckets: dict[BucketId, Bucket] = {}
        self.bucket_ids: dict[str, BucketId] = {}
        self.versions: dict[FileId, Version] = {}
        self._generation = 0
        self._serials = {"key": 0, "token": 0, "bucket": 0, "file": 0}
        self.master = Key(self.account_id, self._secret(0), "master", frozenset(ALL_CAPABILITIES))
        self.keys[self.account_id] = self.master

        self.caps = Caps(
            class_b=config.class_b_cap_per_day,
            class_c=config.class_c_cap_per_day,
            download=config.download_cap_per_day,
            requests_per_second=config.requests_per_second,
        )
        self.events = EventQueue()
        self.replication_due = False
        self.to_replicate: dict[FileId, None] = {}

    # -- time

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self.clock() + self.offset_millis

    def advance(self, millis: int) -> None:
        """From now on the clock is further ahead."""
        self.offset_millis += millis
        self._put_world()

    def lifecycle_ran(self, day: int) -> None:
        """The lifecycle run of a day (UTC, since the epoch) took place."""
        self.lifecycle_day = day
        self._put_world()

    # -- what is written down

    def _put(self, kind: str, identity: str, record: Callable[[], Record]) -> None:
        if self.vault.keeps_records:
            self.changes[kind, identity] = record()
            self._put_world()

    def _put_world(self) -> None:
        if self.vault.keeps_records:
            self.changes["world", ""] = self._record()

    def _gone(self, kind: str, identity: str) -> None:
        if self.vault.keeps_records:
            self.changes[kind, identity] = None

    def commit(self) -> None:
        """Hand what changed to the vault."""
        if self.changes:
            changes, self.changes = self.changes, {}
            self.vault.commit(changes)

    def _record(self) -> WorldRecord:
        return WorldRecord(self.seed, dict(self._serials), self.offset_millis, self.lifecycle_day, self._generation)

    def records(self) -> Iterator[tuple[str, str, Record]]:
        """Everything, as (kind, id, record), in an order in which it can be read again."""
        yield "world", "", self._record()
        for key in self.keys.values():
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
                    self._serials |= record.serials | {"token": 0}
                    self.offset_millis, self.lifecycle_day = record.offset_millis, record.lifecycle_day
                    self._generation = record.generation + 1
                    self._put_world()
                case KeyRecord():
                    self.keys[record.key_id] = _key_of(record)
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
        self.master = self.keys[self.account_id]
        self.meter = Meter(self.now())
        self.meter.stored(sum(bucket.stored_bytes for bucket in self.buckets.values()), self.now())

    def fork(self) -> World:
        """An independent copy with the same clock, in memory. Contents, keys and replies are shared, because they
        never change.
        """
        if self.vault.keeps_records:
            raise ValueError("what is kept on a disk has no fork: take a snapshot and restore it")
        twin = World(now=self.clock, seed=self.seed, config=self.config, base_url=self.base_url, vault=self.vault)
        twin.offset_millis, twin.lifecycle_day = self.offset_millis, self.lifecycle_day
        twin.meter = self.meter.fork()
        twin.replication_due, twin.to_replicate = self.replication_due, dict(self.to_replicate)
        twin.caps = self.caps.fork()
        twin.events = self.events.fork()
        twin.grants = dict(self.grants)
        twin.master = self.master
        twin.keys = dict(self.keys)
        twin.sessions = dict(self.sessions)
        twin.endpoints = {target: evolve(endpoint) for target, endpoint in self.endpoints.items()}
        twin.buckets = {bucket_id: bucket.fork() for bucket_id, bucket in self.buckets.items()}
        twin.bucket_ids = dict(self.bucket_ids)
        twin.versions = dict(self.versions)
        twin._serials = dict(self._serials)
        twin._generation = self._generation
        return twin

    # -- ids and tokens

    def _digest(self, kind: str, serial: int) -> str:
        return blake2b(f"{self.seed}:{kind}:{serial}".encode(), digest_size=20).hexdigest()

    def _secret(self, serial: int) -> str:
        return "K004" + self._digest("secret", serial)[:27]

    def _serial(self, kind: str) -> int:
        self._serials[kind] += 1
        return self._serials[kind]

    def new_file_id(self, bucket_id: BucketId, *, large: bool = False) -> tuple[FileId, int]:
        """An id of B2's outer form and its serial."""
        serial = self._serial("file")
        return FileId(f"4_z{bucket_id}_f{'2' if large else '1'}{serial:015x}"), serial

    def serial_of(self, file_id: FileId) -> int:
        """The serial that an id was made with."""
        match = _SERIAL.search(file_id)
        if match is None:
            raise bad_request(f"Invalid fileId: {file_id}", "invalid_file_id")
        return int(match.group(1), 16)

    def _token(self, key: Key, kind: str) -> str:
        serial = self._serial("token")
        digest = self._digest(f"{kind}{self._generation or ''}", serial)
        return f"4_{key.key_id}_{serial:08x}_{digest[:24]}_{kind}"

    # -- keys and tokens

    def add_key(
        self,
        capabilities: Iterable[str],
        *,
        name: str,
        bucket_ids: Iterable[BucketId] | None,
        name_prefix: str | None,
        expires_at: int | None,
    ) -> Key:
        """A new application key."""
        serial = self._serial("key")
        key = Key(
            f"004{self.account_id}{serial:010x}",
            self._secret(serial),
            name,
            frozenset(capabilities),
            None if bucket_ids is None else frozenset(bucket_ids),
            name_prefix,
            expires_at,
        )
        self.keys[key.key_id] = key
        self._put("key", key.key_id, key.record)
        return key

    def drop_key(self, key: Key) -> None:
        """A key and every token that was made with it are worth nothing from now on."""
        del self.keys[key.key_id]
        self._gone("key", key.key_id)

    def login(self, key_id: str, secret: str) -> tuple[Key, str]:
        """A new account token for a key."""
        key = self.keys.get(key_id)
        if key is None or key.secret != secret or _expired(key.expires_at, self.now()):
            raise unauthorized("invalid application key id or key")
        token = self._token(key, "acct")
        self.sessions[token] = Session(key, self._token_end(key))
        return key, token

    def _token_end(self, key: Key) -> int:
        end = self.now() + self.config.token_lifetime_millis
        return end if key.expires_at is None else min(end, key.expires_at)

    def key_of(self, token: str) -> Key:
        """The key behind an account token."""
        session = self.sessions.get(token)
        if session is None or session.key.key_id not in self.keys:
            raise Refused(Unauthorized("bad_auth_token", "Invalid authorization token"))
        if _expired(session.expires_at, self.now()):
            raise Refused(Unauthorized("expired_auth_token", "Authorization token has expired"))
        return session.key

    def key_id_of(self, token: str) -> str | None:
        """Whose token it is, good or not."""
        session = self.sessions.get(token) or self.grants.get(token)
        return None if session is None else session.key.key_id

    def new_grant(
        self, key: Key, bucket_id: BucketId, prefix: str, lifetime_millis: int, overrides: Mapping[str, str]
    ) -> str:
        """A token for downloads by name."""
        token = self._token(key, "dnld")
        end = self.now() + lifetime_millis
        end = end if key.expires_at is None else min(end, key.expires_at)
        self.grants[token] = Grant(key, bucket_id, prefix, end, overrides)
        return token

    def grant_of(self, token: str) -> Grant | None:
        """The download authorization behind a token, if it is one."""
        grant = self.grants.get(token)
        if grant is None or grant.key.key_id not in self.keys:
            return None
        if _expired(grant.expires_at, self.now()):
            raise Refused(Unauthorized("expired_auth_token", "Authorization token has expired"))
        return grant

    def expire_account_tokens(self) -> None:
        """Every account token that is out there is expired from now on."""
        self.sessions = {token: evolve(session, expires_at=self.now()) for token, session in self.sessions.items()}

    # -- upload URLs

    def new_endpoint(self, key: Key, bucket_id: BucketId, file_id: FileId | None) -> tuple[str, str]:
        """An upload URL and its token."""
        token = self._token(key, "upld")
        call = "b2_upload_file" if file_id is None else "b2_upload_part"
        place = f"&file={file_id}" if file_id is not None else ""
        target = f"/b2api/v4/{call}?cvt={token.split('_')[-2]}&bucket={bucket_id}{place}"
        self.endpoints[target] = Endpoint(token, key, bucket_id, file_id, self._token_end(key))
        return self.base_url + target, token

    def endpoint(self, url: str, token: str) -> Endpoint:
        """The endpoint of a URL, when the token is good for it now."""
        endpoint = self.endpoints.get(target_of(url))
        if endpoint is None or endpoint.token != token or endpoint.key.key_id not in self.keys:
            raise Refused(Unauthorized("bad_auth_token", "Invalid upload authorization token"))
        if endpoint.spoiled or _expired(endpoint.expires_at, self.now()):
            raise Refused(Unauthorized("expired_auth_token", "Upload authorization token has expired"))
        if endpoint.occupied:
            raise bad_request("more than one upload using auth token ***", "auth_token_limit")
        return endpoint

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
        """A bucket by its exact name."""
        bucket_id = self.bucket_ids.get(name.lower())
        bucket = None if bucket_id is None else self.buckets[bucket_id]
        return bucket if bucket is not None and bucket.reply.bucket_name == name else None

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
        bucket_id = BucketId(f"{self._digest('bucket', 0)[:12]}{self._serial('bucket'):012x}")
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
        self._put("bucket", bucket.reply.bucket_id, lambda: BucketRecord(bucket.reply, bucket.notifications))

    def drop_bucket(self, bucket: Bucket) -> None:
        """An empty bucket goes."""
        del self.buckets[bucket.reply.bucket_id]
        del self.bucket_ids[bucket.reply.bucket_name.lower()]
        self._gone("bucket", bucket.reply.bucket_id)

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
        file_id, serial = self.new_file_id(bucket_id, large=action == "start")
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
        self._put("version", file_id, lambda: version_record(version))
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
        self._put("version", new.file.file_id, lambda: version_record(new))

    def drop_version(self, version: Version) -> None:
        """A version is gone for good."""
        assert version.file.file_id is not None
        bucket = self.buckets[version.file.bucket_id]
        bucket.remove(version)
        self.meter.stored(-version.file.content_length, self.now())
        self.drop_parts(bucket, version.file.file_id)
        del self.versions[version.file.file_id]
        self._gone("version", version.file.file_id)

    def keep_part(self, bucket: Bucket, large: LargeUpload, part: Part) -> None:
        """A part of an unfinished large file, instead of the one that had its number before."""
        self.meter.stored(bucket.keep_part(large, part), self.now())
        self._put("part", _part_id(part), lambda: part_record(part))

    def drop_parts(self, bucket: Bucket, file_id: FileId) -> None:
        """A large file is not unfinished any more; nothing happens to one that is not."""
        for part in bucket.drop_parts(file_id):
            self.meter.stored(-part.reply.content_length, self.now())
            self._gone("part", _part_id(part))


def _part_id(part: Part) -> str:
    return f"{part.reply.file_id}/{part.reply.part_number}"


def _key_of(record: KeyRecord) -> Key:
    return Key(
        record.key_id,
        record.secret,
        record.name,
        frozenset(record.capabilities),
        None if record.bucket_ids is None else frozenset(record.bucket_ids),
        record.name_prefix,
        record.expires_at,
    )


def _expired(end: int | None, now: int) -> bool:
    return end is not None and now >= end


def target_of(url: str) -> str:
    """Path and query of a URL, or of what is one already."""
    return url if url.startswith("/") else url[url.find("/", url.find("://") + 3) :]


Handler = Callable[[World, Key, Any], object]
"""What answers a kind of call: it takes the world, the key behind the token, and the call, and gives the reply."""
