"""What lets callers in: application keys, account tokens, download authorizations, upload URLs.

Rules. A token is worth nothing once its key is gone, and never outlives it. Which key may touch what is said by
`World.permit`. Keys are written down; tokens and upload URLs are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from attrs import define, evolve, field, frozen

from b2pure.effects.simulator.ids import Ids
from b2pure.effects.simulator.ledger import Ledger
from b2pure.effects.simulator.records import KeyRecord
from b2pure.effects.simulator.rules import Refused, bad_request, unauthorized
from b2pure.model.account import ALL_CAPABILITIES
from b2pure.model.errors import Unauthorized
from b2pure.model.ids import BucketId, FileId

_FORGET_EVERY: Final = 10_000
"""Upload URLs."""

__all__ = ["Credentials", "Endpoint", "Grant", "Key", "Session", "target_of"]


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

    @classmethod
    def of(cls, record: KeyRecord) -> Key:
        """The key that was written down."""
        return cls(
            record.key_id,
            record.secret,
            record.name,
            frozenset(record.capabilities),
            None if record.bucket_ids is None else frozenset(record.bucket_ids),
            record.name_prefix,
            record.expires_at,
        )

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


class Credentials:
    """All that was ever given out and is still good for something, or was until lately."""

    def __init__(self, ids: Ids, ledger: Ledger, now: Callable[[], int], lifetime_millis: int) -> None:
        self._ids = ids
        self._ledger = ledger
        self._now = now
        self._lifetime_millis = lifetime_millis
        self.master = Key(ids.account_id, ids.master_secret, "master", frozenset(ALL_CAPABILITIES))
        self.keys: dict[str, Key] = {self.master.key_id: self.master}
        self.sessions: dict[str, Session] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.grants: dict[str, Grant] = {}

    def copy_from(self, other: Credentials) -> None:
        """Know what the other knows, independently."""
        self.master = other.master
        self.keys = dict(other.keys)
        self.sessions = dict(other.sessions)
        self.endpoints = {target: evolve(endpoint) for target, endpoint in other.endpoints.items()}
        self.grants = dict(other.grants)

    # -- keys and tokens

    def restore(self, record: KeyRecord) -> None:
        """A key that was written down."""
        key = Key.of(record)
        self.keys[key.key_id] = key
        if key.key_id == self.master.key_id:
            self.master = key

    def install(self, key: Key) -> None:
        """A key that was made elsewhere, instead of what has its id."""
        self.keys[key.key_id] = key
        self._ledger.put("key", key.key_id, key.record)

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
        key = Key(
            *self._ids.key(),
            name,
            frozenset(capabilities),
            None if bucket_ids is None else frozenset(bucket_ids),
            name_prefix,
            expires_at,
        )
        self.install(key)
        return key

    def drop_key(self, key: Key) -> None:
        """A key and every token that was made with it are worth nothing from now on."""
        del self.keys[key.key_id]
        self._ledger.gone("key", key.key_id)

    def login(self, key_id: str, secret: str) -> tuple[Key, str]:
        """A new account token for a key."""
        key = self.keys.get(key_id)
        if key is None or key.secret != secret or _expired(key.expires_at, self._now()):
            raise unauthorized("invalid application key id or key")
        token = self._ids.token(key.key_id, "acct")
        self.sessions[token] = Session(key, self._token_end(key))
        return key, token

    def _token_end(self, key: Key) -> int:
        end = self._now() + self._lifetime_millis
        return end if key.expires_at is None else min(end, key.expires_at)

    def key_of(self, token: str) -> Key:
        """The key behind an account token."""
        session = self.sessions.get(token)
        if session is None or session.key.key_id not in self.keys:
            raise Refused(Unauthorized("bad_auth_token", "Invalid authorization token"))
        if _expired(session.expires_at, self._now()):
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
        token = self._ids.token(key.key_id, "dnld")
        end = self._now() + lifetime_millis
        end = end if key.expires_at is None else min(end, key.expires_at)
        self.grants[token] = Grant(key, bucket_id, prefix, end, overrides)
        return token

    def grant_of(self, token: str) -> Grant | None:
        """The download authorization behind a token, if it is one."""
        grant = self.grants.get(token)
        if grant is None or grant.key.key_id not in self.keys:
            return None
        if _expired(grant.expires_at, self._now()):
            raise Refused(Unauthorized("expired_auth_token", "Authorization token has expired"))
        return grant

    def expire_account_tokens(self) -> None:
        """Every account token that is out there is expired from now on."""
        self.sessions = {token: evolve(session, expires_at=self._now()) for token, session in self.sessions.items()}

    # -- upload URLs

    def new_endpoint(self, key: Key, bucket_id: BucketId, file_id: FileId | None) -> tuple[str, str]:
        """The path and query of a new upload URL, and its token."""
        token = self._ids.token(key.key_id, "upld")
        call = "b2_upload_file" if file_id is None else "b2_upload_part"
        place = f"&file={file_id}" if file_id is not None else ""
        target = f"/b2api/v4/{call}?cvt={self._ids.place()}&bucket={bucket_id}{place}"
        self.endpoints[target] = Endpoint(token, key, bucket_id, file_id, self._token_end(key))
        self._forget_the_oldest()
        return target, token

    def _forget_the_oldest(self) -> None:
        """Upload URLs cost nothing and come by the thousand: what nobody can use any more is dropped now and then."""
        if len(self.endpoints) % _FORGET_EVERY == 0:
            now = self._now()
            self.endpoints = {
                target: endpoint
                for target, endpoint in self.endpoints.items()
                if endpoint.occupied or not (endpoint.spoiled or _expired(endpoint.expires_at, now))
            }

    def endpoint(self, url: str, token: str) -> Endpoint:
        """The endpoint of a URL, when the token is good for it now."""
        endpoint = self.endpoints.get(target_of(url))
        if endpoint is None or endpoint.token != token or endpoint.key.key_id not in self.keys:
            raise Refused(Unauthorized("bad_auth_token", "Invalid upload authorization token"))
        if endpoint.spoiled or _expired(endpoint.expires_at, self._now()):
            raise Refused(Unauthorized("expired_auth_token", "Upload authorization token has expired"))
        if endpoint.occupied:
            raise bad_request("more than one upload using auth token ***", "auth_token_limit")
        return endpoint


def _expired(end: int | None, now: int) -> bool:
    return end is not None and now >= end


def target_of(url: str) -> str:
    """Path and query of a URL, or of what is one already."""
    return url if url.startswith("/") else url[url.find("/", url.find("://") + 3) :]
