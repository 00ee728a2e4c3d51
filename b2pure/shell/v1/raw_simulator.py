"""The raw api over a B2 in memory: for tests of what is built on a raw api.

Rules. The rules of B2 are those of `b2pure.effects.simulator`, one for each account. A call finds its account by the
key, token or upload URL that it shows. Tokens that a test lets expire, and errors that it wants of uploads, are
remembered here.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from threading import RLock
from typing import Any, ClassVar, Final, TypeVar, cast
from urllib.parse import parse_qs, unquote, unquote_plus, urlsplit

import msgspec
from attrs import define, field
from returns.io import IO, IOFailure, IOResult
from returns.result import Result
from returns.unsafe import unsafe_perform_io

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Heard, Reader, Sink, unheard
from b2pure.effects.program import ok
from b2pure.effects.served.replies import downloaded
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulator import AccountToken, Simulator, SimulatorConfig, Token
from b2pure.effects.simulator.content import pieces
from b2pure.effects.wire import KeyPair
from b2pure.model import calls
from b2pure.model.account import Authorization
from b2pure.model.calls import AuthorizeAccount, Call, CreateBucket, FetchCall, UploadFile, UploadPart
from b2pure.model.errors import B2Error, Rejected, Unauthorized
from b2pure.model.ids import FileId
from b2pure.model.replies import (
    AuthorizationReply,
    CreatedKeyReply,
    DownloadAuthorizationReply,
    DownloadReply,
    UploadPartUrlReply,
    UploadUrlReply,
)
from b2pure.shell.clock import SystemClock
from b2pure.shell.v1.b2_http import ResponseContextManager
from b2pure.shell.v1.carried import value_of
from b2pure.shell.v1.error_table import Context, exception_of
from b2pure.shell.v1.raw_api import Range
from b2pure.shell.v1.raw_arguments import http_range
from b2pure.shell.v1.raw_calls import RawCalls

__all__ = ["RawSimulator"]

R = TypeVar("R")

_EXPIRED: Final = Unauthorized("expired_auth_token", "auth token expired")
_BAD_TOKEN: Final = Unauthorized("bad_auth_token", "invalid auth token")
_UNKNOWN_KEY: Final = Unauthorized("unauthorized", "application key and ID not valid")


@define(eq=False)
class _Account:
    """A simulated B2, and what shows that a call is meant for it."""

    simulator: Simulator
    lock: Any = field(factory=RLock)
    key_ids: set[str] = field(factory=set)
    tokens: set[str] = field(factory=set)

    def key_id_of(self, shown: KeyPair) -> str:
        """The id of a key in the simulator: that of the master key is the account's to the world."""
        is_master = shown.key_id == self.simulator.account_id
        return self.simulator.master_key_id if is_master else shown.key_id


class RawSimulator(RawCalls):
    """Implement the same interface as B2RawApi by simulating all of the calls and keeping state in memory.

    The intended use for this class is for unit tests that test things built on top of B2RawApi.
    """

    API_URL: ClassVar[str] = "http://api.example.com"
    DOWNLOAD_URL: ClassVar[str] = "http://download.example.com"
    MIN_PART_SIZE: ClassVar[int] = 200
    """Both of the sizes that an account is told, in bytes."""
    MAX_DURATION_IN_SECONDS: ClassVar[int] = 86_400_000

    def __init__(self) -> None:
        self._accounts: list[_Account] = []
        self._expired: set[str] = set()
        self._upload_errors: list[Exception] = []
        self._changing = RLock()

    # -- preparing a world

    def create_account(self) -> tuple[str, str]:
        """Return (accountId, masterApplicationKey) for a newly created account; its id is the id of the key, too."""
        config = SimulatorConfig(
            absolute_minimum_part_size=self.MIN_PART_SIZE, recommended_part_size=self.MIN_PART_SIZE
        )
        with self._changing:
            simulator = Simulator(SystemClock().now_millis, len(self._accounts), config=config, base_url=self.API_URL)
            self._accounts.append(_Account(simulator, key_ids={simulator.account_id}))
        return simulator.account_id, simulator.master_key

    def expire_auth_token(self, auth_token: str) -> None:
        """Simulate the auth token expiring.

        The next call that tries to use this auth token will get an auth_token_expired error.
        """
        with self._changing:
            self._expired.add(auth_token)

    def set_upload_errors(self, errors: Iterable[Exception]) -> None:
        """Store a sequence of exceptions to raise on upload. Each one will be raised in turn, until they are all gone.
        Then the next upload will succeed.
        """
        with self._changing:
            self._upload_errors = list(errors)

    # -- the seams

    def _direct(self, realm_url: str, application_key_id: str, application_key: str) -> Api:
        # There is one realm, whatever it is called.
        return _Routed(self, KeyPair(application_key_id, application_key))

    def _send(self, call: Call[R], credential: Credential, reader: Reader) -> Result[R, B2Error]:
        api = _Routed(self, KeyPair("", ""))
        return unsafe_perform_io(cast(IO[Result[R, B2Error]], api.send(call, credential, reader)))

    def download_file_from_url(
        self, account_auth_token_or_none: str | None, url: str, range_: Range | None = None
    ) -> ResponseContextManager:
        """The content that a URL leads to, as `B2RawApi` gives it."""
        call = _download_of(url, http_range(range_))
        token: Token = None if account_auth_token_or_none is None else AccountToken(account_auth_token_or_none)
        account = self._account_of_download(call, account_auth_token_or_none)
        if isinstance(account, Unauthorized | Rejected):
            raise exception_of(account, Context.of(call))
        with account.lock:
            answer = account.simulator.fetch(call, token)
        if not ok(answer):
            raise exception_of(answer.failure(), Context.of(call))
        served = downloaded(answer.unwrap())
        data = b"".join(bytes(piece) for piece in pieces(served.extents))
        return ResponseContextManager(_Content(served.response.status, served.response.headers, data))

    # -- whose call it is

    def _account_of(self, call: Call[Any], credential: Credential, key: KeyPair) -> _Account | B2Error:
        with self._changing:
            if isinstance(call, AuthorizeAccount):
                owner = next((each for each in self._accounts if key.key_id in each.key_ids), None)
                return _UNKNOWN_KEY if owner is None else owner
            assert credential is not None, "every other call shows a token"
            if credential.token in self._expired:
                return _EXPIRED
            owner = self._owner_of_token(credential.token)
            if owner is None:
                return _BAD_TOKEN
            if isinstance(call, CreateBucket) and self._taken(call.bucket_name, owner):
                return Rejected(400, "duplicate_bucket_name", "Bucket name is already in use.")
            if isinstance(call, UploadFile | UploadPart) and self._upload_errors:
                return value_of(self._upload_errors.pop(0))
            return owner

    def _owner_of_token(self, token: str) -> _Account | None:
        return next((each for each in self._accounts if token in each.tokens), None)

    def _taken(self, bucket_name: str, owner: _Account) -> bool:
        """Whether another account has a bucket of this name: names are unique across all accounts."""
        return any(each.simulator.bucket_id(bucket_name) for each in self._accounts if each is not owner)

    def _account_of_download(self, call: FetchCall, token: str | None) -> _Account | Unauthorized | Rejected:
        with self._changing:
            if token is not None:
                if token in self._expired:
                    return _EXPIRED
                return self._owner_of_token(token) or _BAD_TOKEN
            for account in self._accounts:
                if isinstance(call, calls.DownloadFileByName):
                    if account.simulator.bucket_id(call.bucket_name) is not None:
                        return account
                elif ok(account.simulator.fetch(call, None)):
                    return account
            return Rejected(404, "not_found", "")

    def _note(self, account: _Account, reply: R) -> R:
        """Remember what shows that a later call is meant for this account."""
        with self._changing:
            match reply:
                case AuthorizationReply():
                    account.tokens.add(reply.authorization_token)
                    return cast(R, self._addressed(reply))
                case UploadUrlReply() | UploadPartUrlReply() | DownloadAuthorizationReply():
                    account.tokens.add(reply.authorization_token)
                case CreatedKeyReply():
                    account.key_ids.add(reply.application_key_id)
                case _:
                    pass
            return reply

    def _addressed(self, reply: AuthorizationReply) -> AuthorizationReply:
        storage = msgspec.structs.replace(
            reply.api_info.storage_api, api_url=self.API_URL, download_url=self.DOWNLOAD_URL
        )
        return msgspec.structs.replace(reply, api_info=msgspec.structs.replace(reply.api_info, storage_api=storage))


class _Routed:
    """An api over all accounts of a simulator, with one key."""

    def __init__(self, raw: RawSimulator, key: KeyPair) -> None:
        self._raw, self._key = raw, key

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        account = self._raw._account_of(call, credential, self._key)
        if not isinstance(account, _Account):
            return IOFailure(account)
        api = SimulatedApi(account.simulator, account.key_id_of(self._key), self._key.key, lock=account.lock)
        return api.send(call, credential, reader).map(lambda reply: self._raw._note(account, reply))

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        account = self._raw._account_of_download(call, authorization.token)
        if not isinstance(account, _Account):
            return IOFailure(account)
        api = SimulatedApi(account.simulator, self._key.key_id, self._key.key, lock=account.lock)
        return api.fetch(call, authorization, sink, heard)


class _Content:
    """A download in memory."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.status_code, self.headers, self._data = status, headers, io.BytesIO(data)

    def iter_content(self, chunk_size: int = 1) -> Iterator[bytes]:
        """The body in pieces of so many bytes; the last one is as long as it comes."""
        while chunk := self._data.read(chunk_size):
            yield chunk

    def close(self) -> None:
        self._data.close()


def _download_of(url: str, http_range_: str | None) -> FetchCall:
    """The call that a download URL stands for. Raises the exception for a URL that leads nowhere."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if parts.path.endswith("/b2_download_file_by_id") and query.get("fileId"):
        return calls.DownloadFileById(FileId(query["fileId"][0]), http_range_)
    segments = parts.path.split("/", 3)
    if len(segments) == 4 and segments[1] == "file":
        return calls.DownloadFileByName(unquote(segments[2]), unquote_plus(segments[3]), http_range_)
    raise exception_of(Rejected(404, "not_found", "no such path"))
