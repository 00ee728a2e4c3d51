"""What the simulated B2 knows: keys, tokens, upload URLs, buckets, and the versions of every file.

Rules. One owner, no lock, no I/O: the clock is given, and ids come from counters, so that two runs of the same calls
give the same ids. Everything that a reply is made of is frozen and shared; a fork copies only the containers around
it. A name's versions are kept oldest first, ordered by (upload timestamp, serial), because almost every insertion is
then an append; listings read them backwards.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, Final

import msgspec
from attrs import define, evolve, field, frozen
from sortedcontainers import SortedDict

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
from b2pure.model.replies import BucketReply, FileReply, PartReply

__all__ = [
    "Bucket",
    "Chunk",
    "Endpoint",
    "Key",
    "LargeUpload",
    "Part",
    "Session",
    "SimulatorConfig",
    "Version",
    "World",
    "chunks_between",
    "target_of",
]

Chunk = bytes | memoryview
"""Content that is shared and never written to."""


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


class Version(msgspec.Struct, frozen=True, gc=False):
    """One version of a name: what listings say of it, its place among equal timestamps, and its content."""

    file: FileReply
    serial: int
    chunks: tuple[Chunk, ...] = ()


class Part(msgspec.Struct, frozen=True, gc=False):
    """One part of an unfinished large file."""

    reply: PartReply
    chunks: tuple[Chunk, ...]


@define(eq=False)
class LargeUpload:
    """An unfinished large file: its `start` version and the parts so far, by number."""

    version: Version
    parts: dict[int, Part] = field(factory=dict)


@frozen(eq=False)
class Key:
    """An application key. `bucket_ids` and `name_prefix` None mean no restriction."""

    key_id: str
    secret: str = field(repr=False)
    capabilities: frozenset[str]
    bucket_ids: frozenset[BucketId] | None = None
    name_prefix: str | None = None
    expires_at: int | None = None


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


def _order(version: Version) -> tuple[int, int]:
    return version.file.upload_timestamp, version.serial


class Bucket:
    """The names of one bucket. `version` pages are newest first; names are in UTF-8 byte order, which `str` has."""

    __slots__ = ("names", "reply", "unfinished")

    def __init__(self, reply: BucketReply) -> None:
        self.reply = reply
        self.names: Any = SortedDict()  # str -> list[Version], oldest first
        self.unfinished: Any = SortedDict()  # FileId -> LargeUpload

    def fork(self) -> Bucket:
        """An independent copy."""
        twin = Bucket(self.reply)
        twin.names.update((name, list(versions)) for name, versions in self.names.items())
        twin.unfinished.update(
            (file_id, LargeUpload(large.version, dict(large.parts))) for file_id, large in self.unfinished.items()
        )
        return twin

    def add(self, version: Version) -> None:
        """A new version takes its place."""
        versions: list[Version] | None = self.names.get(version.file.file_name)
        if versions is None:
            self.names[version.file.file_name] = [version]
        elif _order(versions[-1]) < _order(version):
            versions.append(version)
        else:
            insort(versions, version, key=_order)

    def replace(self, old: Version, new: Version) -> None:
        """The new version stands where the old one stood (both have the same time and serial)."""
        versions: list[Version] = self.names[old.file.file_name]
        versions[bisect_left(versions, _order(old), key=_order)] = new

    def remove(self, version: Version) -> None:
        """A version goes; with its last version a name goes."""
        versions: list[Version] = self.names[version.file.file_name]
        del versions[bisect_left(versions, _order(version), key=_order)]
        if not versions:
            del self.names[version.file.file_name]

    def newest(self, name: str) -> Version | None:
        """The newest version that is not an unfinished large file: an upload, a hide marker, or None."""
        return _newest(self.names.get(name, ()))

    def visible(self, name: str) -> Version | None:
        """What a download by name gives."""
        newest = self.newest(name)
        return newest if newest is not None and newest.file.action == "upload" else None

    def page_of_names(
        self, start: str, prefix: str, delimiter: str | None, count: int
    ) -> tuple[list[FileReply], FileReply | None]:
        """Up to `count` visible files and folders from `start` on, and the one after them."""

        def shown(_: str, versions: list[Version]) -> Iterable[FileReply]:
            newest = versions[-1] if versions[-1].file.action == "upload" else _newest(versions)
            return (newest.file,) if newest is not None and newest.file.action == "upload" else ()

        return _cut(self._walk(max(start, prefix), prefix, delimiter, shown), count)

    def page_of_versions(
        self, start: str, first: int | None, prefix: str, delimiter: str | None, count: int
    ) -> tuple[list[FileReply], FileReply | None]:
        """Up to `count` versions and folders from `start` on, and the one after them. Of the name `start` itself,
        versions newer than the serial `first` are left out.
        """

        def shown(name: str, versions: list[Version]) -> Iterable[FileReply]:
            newest_first = reversed(versions)
            if first is not None and name == start:
                return _from_serial(newest_first, first)
            return (version.file for version in newest_first)

        return _cut(self._walk(max(start, prefix), prefix, delimiter, shown), count)

    def _walk(
        self,
        start: str,
        prefix: str,
        delimiter: str | None,
        shown: Callable[[str, list[Version]], Iterable[FileReply]],
    ) -> Iterator[FileReply]:
        cursor: str | None = start
        while cursor is not None:
            restart: str | None = None
            for name in self.names.irange(cursor):
                if not name.startswith(prefix):
                    return
                entries = shown(name, self.names[name])
                cut = name.find(delimiter, len(prefix)) if delimiter else -1
                if not delimiter or cut < 0:
                    yield from entries
                elif any(True for _ in entries):
                    folder = name[: cut + len(delimiter)]
                    yield self._folder(folder)
                    restart = _after_all(folder)
                    break
            cursor = restart

    def _folder(self, name: str) -> FileReply:
        return FileReply(
            account_id=self.reply.account_id,
            action="folder",
            bucket_id=self.reply.bucket_id,
            content_length=0,
            content_sha1=None,
            content_type=None,
            file_id=None,
            file_info={},
            file_name=name,
            upload_timestamp=0,
        )


def _newest(versions: Sequence[Version]) -> Version | None:
    return next((version for version in reversed(versions) if version.file.action != "start"), None)


def _from_serial(newest_first: Iterator[Version], first: int) -> Iterator[FileReply]:
    """The versions from the one with this serial on. When it is gone, those that were made before it."""
    versions = list(newest_first)
    at = next((i for i, version in enumerate(versions) if version.serial == first), None)
    if at is not None:
        return (version.file for version in versions[at:])
    return (version.file for version in versions if version.serial < first)


def _cut(entries: Iterator[FileReply], count: int) -> tuple[list[FileReply], FileReply | None]:
    page = list(islice(entries, count))
    return page, next(entries, None)


_LAST_CHARACTER: Final = 0x10FFFF


def _after_all(prefix: str) -> str | None:
    """The smallest string that is greater than every string with this prefix."""
    stem = prefix.rstrip(chr(_LAST_CHARACTER))
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else None


class World:
    """The whole state of a simulated B2 with one account."""

    def __init__(self, *, now: Callable[[], int], seed: int, config: SimulatorConfig, base_url: str) -> None:
        self.now = now
        self.seed = seed
        self.config = config
        self.base_url = base_url
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

    def fork(self) -> World:
        """An independent copy with the same clock. Contents, keys and replies are shared, because they never change."""
        twin = World(now=self.now, seed=self.seed, config=self.config, base_url=self.base_url)
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
        return reply

    def add_version(
        self,
        bucket: Bucket,
        name: str,
        action: str,
        *,
        content_type: str,
        info: Mapping[str, str],
        chunks: tuple[Chunk, ...] = (),
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
            chunks,
        )
        bucket.add(version)
        self.versions[file_id] = version
        return version

    def drop_version(self, version: Version) -> None:
        """A version is gone for good."""
        assert version.file.file_id is not None
        bucket = self.buckets[version.file.bucket_id]
        bucket.remove(version)
        bucket.unfinished.pop(version.file.file_id, None)
        del self.versions[version.file.file_id]


def _expired(end: int | None, now: int) -> bool:
    return end is not None and now >= end


def target_of(url: str) -> str:
    """Path and query of a URL, or of what is one already."""
    return url if url.startswith("/") else url[url.find("/", url.find("://") + 3) :]


def chunks_between(chunks: tuple[Chunk, ...], start: int, stop: int) -> tuple[Chunk, ...]:
    """The bytes `start <= i < stop` of a content, as views of its chunks: nothing is copied."""
    found: list[Chunk] = []
    offset = 0
    for chunk in chunks:
        low, high = max(start - offset, 0), min(stop - offset, len(chunk))
        if low < high:
            found.append(chunk if high - low == len(chunk) else memoryview(chunk)[low:high])
        offset += len(chunk)
    return tuple(found)
