"""The session and the pools of upload URLs, kept in an account info.

Rules. The machines decide as everywhere; an account info only remembers. A session begins with the token that is stored
for its key. When a token is refused, the one that another program has stored meanwhile is used before anybody
authorizes; what was refused once is never used again. A job begins with what is stored then. All machines over one
account info object share one session for each key, so that one refused token costs one authorization. A new token is
stored before anybody uses it; where another key is stored by now, that one is left alone. They share the book of the
large files that somebody works on, too.
"""

from __future__ import annotations

import threading
from typing import Final, assert_never
from weakref import WeakKeyDictionary

from attrs import Factory, define, evolve, field, frozen

from b2pure.effects.machines import HoldBook, Machines
from b2pure.model.account import Allowed, Authorization, UploadUrl
from b2pure.model.ids import AccountId, BucketId
from b2pure.model.limits import MAX_PART_SIZE, PartSizes
from b2pure.plan.session import (
    Authorized,
    Need,
    Rejected401,
    SessionDecision,
    SessionEvent,
    SessionState,
    step_session,
)
from b2pure.plan.urls import Close, FetchUrl, Give, Nothing, PoolDecision, PoolEvent, Spoiled, Take, Use
from b2pure.shell.forks import renewed_after_fork
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo, AuthData
from b2pure.shell.v1.exceptions import MissingAccountData
from b2pure.shell.v1.own_infos import auth_data_in, renew_in, store_in

__all__ = ["AccountInfoMachines", "StoredKey", "auth_data_of", "authorization_of", "is_large_file"]

_WAIT_SECONDS: Final = 0.5
"""How long a thread waits for another's authorization before it looks whether it should stop."""
_FILE_ID: Final = "4_"
"""What B2's file ids begin with, and bucket ids do not."""


@frozen
class StoredKey:
    """An application key, and the realm that it is good for."""

    realm: str
    application_key_id: str
    application_key: str = field(repr=False)

    @classmethod
    def of(cls, info: AbstractAccountInfo) -> StoredKey:
        """The key that is stored. Raises MissingAccountData."""
        return cls.in_data(auth_data_in(info))

    @classmethod
    def in_data(cls, data: AuthData) -> StoredKey:
        """The key of an authorization."""
        return cls(data.realm, data.application_key_id, data.application_key)

    @property
    def realm_url(self) -> str:
        """The address of the realm: a realm without a name is a URL itself."""
        return AbstractAccountInfo.REALM_URLS.get(self.realm, self.realm)


@define(eq=False)
class _Session:
    """What all machines over one account info share for one key."""

    state: SessionState = Factory(SessionState)
    changed: threading.Condition = Factory(threading.Condition)
    dead: set[str] = Factory(set)
    replaces: bool = False


_BOOKS: WeakKeyDictionary[AbstractAccountInfo, HoldBook] = WeakKeyDictionary()
_SESSIONS: WeakKeyDictionary[AbstractAccountInfo, dict[StoredKey, _Session]] = WeakKeyDictionary()
_LOOKING = threading.Lock()


class _Shared:
    """All of the above, for a child that was forked."""

    def _renew_in_child(self) -> None:
        """Nobody else is here, and nobody authorizes."""
        global _LOOKING
        _LOOKING = threading.Lock()
        for book in _BOOKS.values():
            book._renew_in_child()
        for sessions in _SESSIONS.values():
            for session in sessions.values():
                session.changed = threading.Condition()
                session.state = evolve(session.state, authorizing=False)


_SHARED: Final = renewed_after_fork(_Shared())


def _session_of(info: AbstractAccountInfo, key: StoredKey, *, fresh: bool) -> _Session:
    with _LOOKING:
        sessions = _SESSIONS.setdefault(info, {})
        if fresh or key not in sessions:
            sessions[key] = _Session(replaces=fresh)
        return sessions[key]


def _book_of(info: AbstractAccountInfo) -> HoldBook:
    with _LOOKING:
        return _BOOKS.setdefault(info, HoldBook())


class AccountInfoMachines(Machines):
    """Takes the place of `Machines` where an account info keeps what outlives a job.

    With `fresh` what is stored does not count: the key is authorized anew, and stored whatever was there before.
    """

    def __init__(self, info: AbstractAccountInfo, key: StoredKey, *, fresh: bool = False) -> None:
        super().__init__()
        self.info, self.key = info, key
        self.holds = _book_of(info)
        self._shared = _session_of(info, key, fresh=fresh)

    def adopt(self, stored: AuthData) -> None:
        """Go on with what is stored, where somebody has stored something else than the session goes by."""
        shared = self._shared
        with shared.changed:
            if shared.state.authorizing or shared.replaces or stored.auth_token in shared.dead:
                return
            found = authorization_of(stored)
            if found != shared.state.authorization:
                shared.state = SessionState(shared.state.generation + 1, found)

    @property
    def authorizing(self) -> bool:
        return self._shared.state.authorizing

    def await_session(self) -> None:
        with self._shared.changed:
            if self._shared.state.authorizing:
                self._shared.changed.wait(_WAIT_SECONDS)

    # -- the session

    def step_session(self, event: SessionEvent) -> SessionDecision:
        shared = self._shared
        with shared.changed:
            shared.state = self._with_stored(shared.state, event)
            shared.state, decision = step_session(shared.state, event)
            try:
                if isinstance(event, Authorized):
                    self._store(event.authorization)
            finally:
                shared.changed.notify_all()
            return decision

    def _with_stored(self, state: SessionState, event: SessionEvent) -> SessionState:
        """The state in which the event counts: with a token from the account info where that is better than none."""
        token = state.authorization
        match event:
            case Need() if token is None and not state.authorizing and state.refused is None:
                return self._adopted(state)
            case Rejected401(generation) if token is not None and generation == state.generation:
                self._shared.dead.add(token.token)
                return self._adopted(state)
            case _:
                return state

    def _adopted(self, state: SessionState) -> SessionState:
        if self._shared.replaces:
            return state
        try:
            stored = auth_data_in(self.info)
        except MissingAccountData:
            return state
        ours = (stored.application_key_id, stored.realm) == (self.key.application_key_id, self.key.realm)
        if not ours or stored.auth_token in self._shared.dead:
            return state
        return SessionState(state.generation + 1, authorization_of(stored))

    def _store(self, authorization: Authorization) -> None:
        data = auth_data_of(authorization, self.key)
        if self._shared.replaces:
            store_in(self.info, data)
            self._shared.replaces = False
        else:
            renew_in(self.info, data)

    # -- upload URLs

    def step_pool(self, key: str, event: PoolEvent) -> PoolDecision:
        match event:
            case Take():
                found = self._take(key)
                return FetchUrl() if found is None else Use(found)
            case Give(url):
                self._put(key, url)
                return Nothing()
            case Spoiled(dead_token=dead_token):
                if dead_token:
                    self._clear(key)
                return Nothing()
            case Close():
                self._clear(key)
                return Nothing()
            case _:
                assert_never(event)

    def idle_urls(self, key: str) -> tuple[UploadUrl, ...]:
        """The upload URLs that nobody uses now; they are taken out for a moment to be looked at."""
        found: list[UploadUrl] = []
        while (url := self._take(key)) is not None:
            found.insert(0, url)
        for url in found:
            self._put(key, url)
        return tuple(found)

    def _take(self, key: str) -> UploadUrl | None:
        info = self.info
        url, token = info.take_large_file_upload_url(key) if is_large_file(key) else info.take_bucket_upload_url(key)
        return None if url is None or token is None else UploadUrl(url, token)

    def _put(self, key: str, url: UploadUrl) -> None:
        put = self.info.put_large_file_upload_url if is_large_file(key) else self.info.put_bucket_upload_url
        put(key, url.url, url.token)

    def _clear(self, key: str) -> None:
        if is_large_file(key):
            self.info.clear_large_file_upload_urls(key)
        else:
            self.info.clear_bucket_upload_data(key)


def is_large_file(key: str) -> bool:
    """Whether upload URLs of this id are those of a large file, and not of a bucket."""
    return key.startswith(_FILE_ID)


# -- values of both sides


def authorization_of(data: AuthData) -> Authorization:
    """The authorization that is stored. Part sizes that contradict B2's own limits are brought within them."""
    several = data.allowed.get("buckets")
    only = {"id": data.allowed["bucketId"], "name": data.allowed["bucketName"]}
    buckets = several or ([only] if only["id"] is not None else None)
    minimum = min(max(1, data.absolute_minimum_part_size), MAX_PART_SIZE)
    return Authorization(
        account_id=AccountId(data.account_id),
        token=data.auth_token,
        api_url=data.api_url,
        download_url=data.download_url,
        allowed=Allowed(
            frozenset(data.allowed["capabilities"]),
            None if buckets is None else frozenset(BucketId(each["id"]) for each in buckets),
            data.allowed["namePrefix"],
            frozenset((each["name"], BucketId(each["id"])) for each in buckets or () if each["name"]),
        ),
        part_sizes=PartSizes(min(max(minimum, data.minimum_part_size), MAX_PART_SIZE), minimum),
    )


def auth_data_of(authorization: Authorization, key: StoredKey) -> AuthData:
    """What is to be stored of an authorization with this key."""
    allowed = authorization.allowed
    names = {id_: name for name, id_ in allowed.bucket_names}
    ids = sorted(allowed.bucket_ids or ())
    only = ids[0] if len(ids) == 1 else None
    several = {"buckets": [{"id": id_, "name": names.get(id_)} for id_ in ids]} if len(ids) > 1 else {}
    return AuthData(
        account_id=authorization.account_id,
        auth_token=authorization.token,
        api_url=authorization.api_url,
        download_url=authorization.download_url,
        minimum_part_size=authorization.part_sizes.recommended,
        absolute_minimum_part_size=authorization.part_sizes.minimum,
        application_key=key.application_key,
        realm=key.realm,
        allowed={
            "bucketId": only,
            "bucketName": None if only is None else names.get(only),
            "capabilities": sorted(allowed.capabilities),
            "namePrefix": allowed.name_prefix,
            **several,
        },
        application_key_id=key.application_key_id,
    )
