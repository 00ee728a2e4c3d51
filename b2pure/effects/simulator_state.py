"""What the simulated B2 knows: keys, tokens, upload URLs, buckets, and the versions of every file.

Rules. One owner, no lock, no I/O: the clock is given, and ids come from counters, so that two runs of the same calls
give the same ids. Nothing here knows a call: handlers look things up, check, and add.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Final

import msgspec
from attrs import define, evolve, field, frozen

from b2pure.effects.content import Content, Extent, MemoryVault, Vault
from b2pure.effects.simulator_bucket import Bucket, LargeUpload, Part, Version
from b2pure.effects.simulator_records import (
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
from b2pure.effects.simulator_rules import Refused, bad_request, unauthorized
from b2pure.model.account import ALL_CAPABILITIES
from b2pure.model.errors import Rejected, Unauthorized
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
from b2pure.model.replies import BucketReply, FileReply

__all__ = [
    "Endpoint",
    "Key",
    "Session",
    "SimulatorConfig",
    "World",
    "target_of",
]


@frozen
class SimulatorConfig:
    """The limits that the simulator enforces; by default B2's own. Sizes are bytes.

    `minimum_part_count` 2 is what Backblaze's documentation says of large files. `keep_journal` False saves memory
    in long runs.
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
    token_lifetime_millis: int = MILLIS_PER_DAY
    keep_journal: bool = True


@frozen(eq=False)
class Key:
    """An application key. `bucket_ids` and `name_prefix` None mean no restriction."""

    key_id: str
    secret: str = field(repr=False)
    capabilities: frozenset[str]
    bucket_ids: frozenset[BucketId] | None = None
    name_prefix: str | None = None
    expires_at: int | None = None

    def record(self) -> KeyRecord:
        """The key as it is written down."""
        return KeyRecord(
            self.key_id,
            self.secret,
            tuple(sorted(self.capabilities)),
            None if self.bucket_ids is None else tuple(sorted(self.bucket_ids)),
            self.name_prefix,
            self.expires_at,
        )


@frozen
class Session:
    """What an account token stands for."""

    key: Key
    expires_at: int


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
        self.now = now
        self.seed = seed
        self.config = config
        self.base_url = base_url
        self.vault: Vault = MemoryVault() if vault is None else vault
        self.changes: dict[tuple[str, str], msgspec.Struct | None] = {}
        self.account_id = AccountId(self._digest("account", 0)[:12])
        self.keys: dict[str, Key] = {}
        self.sessions: dict[str, Session] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.buckets: dict[BucketId, Bucket] = {}
        self.bucket_ids: dict[str, BucketId] = {}
        self.versions: dict[FileId, Version] = {}
        self._serials = {"key": 0, "token": 0, "bucket": 0, "file": 0}
        self.master = Key(self.account_id, self._secret(0), frozenset(ALL_CAPABILITIES))
        self.keys[self.account_id] = self.master

    # -- what is written down

    def _put(self, kind: str, identity: str, record: Callable[[], Record]) -> None:
        if self.vault.keeps_records:
            self.changes[kind, identity] = record()
            if kind != "world":
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
        return WorldRecord(self.seed, dict(self._serials))

    def records(self) -> Iterator[tuple[str, str, Record]]:
        """Everything, as (kind, id, record), in an order in which it can be read again."""
        yield "world", "", self._record()
        for key in self.keys.values():
            yield "key", key.key_id, key.record()
        for bucket in self.buckets.values():
            yield "bucket", bucket.reply.bucket_id, BucketRecord(bucket.reply)
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
                    self._serials |= record.serials
                case KeyRecord():
                    self.keys[record.key_id] = _key_of(record)
                case BucketRecord(reply):
                    self.buckets[reply.bucket_id] = Bucket(reply)
                    self.bucket_ids[reply.bucket_name.lower()] = reply.bucket_id
                case VersionRecord():
                    self._insert(self.buckets[record.file.bucket_id], version_of(record, contents))
                case PartRecord():
                    part = part_of(record, contents)
                    bucket_id = self.versions[part.reply.file_id].file.bucket_id
                    self.buckets[bucket_id].unfinished[part.reply.file_id].parts[part.reply.part_number] = part
                case _:
                    raise TypeError(f"{type(record).__name__} is no record of a world")
        self.master = self.keys[self.account_id]

    def fork(self) -> World:
        """An independent copy with the same clock, in memory. Contents, keys and replies are shared, because they
        never change.
        """
        if self.vault.keeps_records:
            raise ValueError("what is kept on a disk has no fork: take a snapshot and restore it")
        twin = World(now=self.now, seed=self.seed, config=self.config, base_url=self.base_url, vault=self.vault)
        twin.master = self.master
        twin.keys = dict(self.keys)
        twin.sessions = dict(self.sessions)
        twin.endpoints = {target: evolve(endpoint) for target, endpoint in self.endpoints.items()}
        twin.buckets = {bucket_id: bucket.fork() for bucket_id, bucket in self.buckets.items()}
        twin.bucket_ids = dict(self.bucket_ids)
        twin.versions = dict(self.versions)
        twin._serials = dict(self._serials)
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
        return f"4_{key.key_id}_{serial:08x}_{self._digest(kind, serial)[:24]}_{kind}"

    # -- keys and tokens

    def add_key(
        self,
        capabilities: Iterable[str],
        *,
        bucket_ids: Iterable[BucketId] | None,
        name_prefix: str | None,
        expires_at: int | None,
    ) -> Key:
        """A new application key."""
        serial = self._serial("key")
        key = Key(
            f"004{self.account_id}{serial:010x}",
            self._secret(serial),
            frozenset(capabilities),
            None if bucket_ids is None else frozenset(bucket_ids),
            name_prefix,
            expires_at,
        )
        self.keys[key.key_id] = key
        self._put("key", key.key_id, key.record)
        return key

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
        if session is None:
            raise Refused(Unauthorized("bad_auth_token", "Invalid authorization token"))
        if _expired(session.expires_at, self.now()):
            raise Refused(Unauthorized("expired_auth_token", "Authorization token has expired"))
        return session.key

    def expire_account_tokens(self) -> None:
        """Every account token that is out there is expired from now on."""
        self.sessions = {token: evolve(session, expires_at=self.now()) for token, session in self.sessions.items()}

    # -- upload URLs

    def new_endpoint(self, key: Key, bucket_id: BucketId, file_id: FileId | None) -> tuple[str, str]:
        """An upload URL and its token."""
        token = self._token(key, "upld")
        call = "b2_upload_file" if file_id is None else "b2_upload_part"
        place = f"&file={file_id}" if file_id is not None else ""
        target = f"/b2api/v4/{call}?cvt={self._digest('cvt', self._serials['token'])}&bucket={bucket_id}{place}"
        self.endpoints[target] = Endpoint(token, key, bucket_id, file_id, self._token_end(key))
        return self.base_url + target, token

    def endpoint(self, url: str, token: str) -> Endpoint:
        """The endpoint of a URL, when the token is good for it now."""
        endpoint = self.endpoints.get(target_of(url))
        if endpoint is None or endpoint.token != token:
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

    def bucket_named(self, name: str) -> Bucket | None:
        """A bucket by its exact name."""
        bucket_id = self.bucket_ids.get(name.lower())
        bucket = None if bucket_id is None else self.buckets[bucket_id]
        return bucket if bucket is not None and bucket.reply.bucket_name == name else None

    def version(self, key: Key, file_id: FileId) -> Version:
        """Any version that the key may touch, or 404."""
        version = self.versions.get(file_id)
        if version is None:
            raise Refused(Rejected(404, "not_found", "File not present"))
        self.permit(key, version.file.bucket_id, version.file.file_name)
        return version

    # -- insertion

    def add_bucket(self, name: str, bucket_type: str) -> BucketReply:
        """A new empty bucket."""
        bucket_id = BucketId(f"{self._digest('bucket', 0)[:12]}{self._serial('bucket'):012x}")
        reply = BucketReply(self.account_id, bucket_id, name, bucket_type)
        self.buckets[bucket_id] = Bucket(reply)
        self.bucket_ids[name.lower()] = bucket_id
        self._put("bucket", bucket_id, lambda: BucketRecord(reply))
        return reply

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
    ) -> Version:
        """The one way in for every version."""
        bucket_id = bucket.reply.bucket_id
        file_id, serial = self.new_file_id(bucket_id, large=action == "start")
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
                self.now(),
                content_md5,
            ),
            serial,
            extents,
        )
        self._insert(bucket, version)
        self._put("version", file_id, lambda: version_record(version))
        return version

    def _insert(self, bucket: Bucket, version: Version) -> None:
        assert version.file.file_id is not None
        bucket.add(version)
        self.versions[version.file.file_id] = version
        if version.file.action == "start":
            bucket.unfinished[version.file.file_id] = LargeUpload(version)

    def replace_version(self, old: Version, new: Version) -> None:
        """The same version, told differently: what stands in the listings from now on."""
        assert new.file.file_id is not None
        self.buckets[old.file.bucket_id].replace(old, new)
        self.versions[new.file.file_id] = new
        self._put("version", new.file.file_id, lambda: version_record(new))

    def drop_version(self, version: Version) -> None:
        """A version is gone for good."""
        assert version.file.file_id is not None
        bucket = self.buckets[version.file.bucket_id]
        bucket.remove(version)
        self.drop_parts(bucket, version.file.file_id)
        del self.versions[version.file.file_id]
        self._gone("version", version.file.file_id)

    def keep_part(self, large: LargeUpload, part: Part) -> None:
        """A part of an unfinished large file, instead of the one that had its number before."""
        large.parts[part.reply.part_number] = part
        self._put("part", _part_id(part), lambda: part_record(part))

    def drop_parts(self, bucket: Bucket, file_id: FileId) -> None:
        """A large file is not unfinished any more; nothing happens to one that is not."""
        large: LargeUpload | None = bucket.unfinished.pop(file_id, None)
        for part in () if large is None else large.parts.values():
            self._gone("part", _part_id(part))


def _part_id(part: Part) -> str:
    return f"{part.reply.file_id}/{part.reply.part_number}"


def _key_of(record: KeyRecord) -> Key:
    return Key(
        record.key_id,
        record.secret,
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
