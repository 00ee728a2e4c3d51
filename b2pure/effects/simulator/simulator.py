"""A deterministic B2 in memory: the same calls, at the same times, give the same answers, ids and tokens.

Rules. The simulator does no I/O, has no clock of its own and no lock: one owner at a time calls it. This file is the
door: it lets time pass, checks tokens and capabilities, runs the handler, commits, and writes the journal of what took
effect. Every rule of B2 that a call can break is behind it. There is no limit on the number of anything. `fork()`
gives an independent copy, so that one past can have several futures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple, TypeVar, cast

import msgspec
from attrs import evolve
from returns.result import Failure, Result, Success

from b2pure.effects.simulator.account_calls import authorize
from b2pure.effects.simulator.books import Books
from b2pure.effects.simulator.bucket import Bucket
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.simulator.content import (
    Content,
    Intake,
    Received,
    Vault,
    VaultFailed,
    extents_of,
    pieces,
)
from b2pure.effects.simulator.credentials import Endpoint, Key
from b2pure.effects.simulator.dispatch import HANDLERS, MUTATING, AccountToken, Token, narrowed
from b2pure.effects.simulator.download_calls import Download, Reader, download
from b2pure.effects.simulator.events import Delivery
from b2pure.effects.simulator.lifecycle import run_lifecycle
from b2pure.effects.simulator.meter import EVENT_DELIVERY, Meter, RequestLog
from b2pure.effects.simulator.protection import require
from b2pure.effects.simulator.records import ContentById, Record, WorldRecord
from b2pure.effects.simulator.replication import (
    existing_files_wait,
    replicate,
    replicate_version,
    replication_status_of,
)
from b2pure.effects.simulator.rules import Refused
from b2pure.effects.simulator.upload_calls import upload
from b2pure.effects.simulator.world import World
from b2pure.effects.wire import KeyPair
from b2pure.model.account import ALL_CAPABILITIES, UploadUrl
from b2pure.model.buckets import CorsRule
from b2pure.model.calls import (
    HEX_DIGITS_AT_END,
    AnyCall,
    AuthorizeAccount,
    Call,
    DownloadFileById,
    DownloadFileByName,
    FetchCall,
    UploadCall,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import B2Error, Throttled, Unauthorized, Unavailable
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.protection import UNENCRYPTED
from b2pure.model.replies import BucketReply, FileReply
from b2pure.model.sources import Blob

__all__ = [
    "DEFAULT_BASE_URL",
    "MUTATING",
    "AccountToken",
    "Committed",
    "Download",
    "Simulator",
    "SimulatorConfig",
    "Token",
]

R = TypeVar("R")

LAST_MILLIS: Final = 253_402_300_799_999
"""The end of the year 9999, where calendars end."""
DEFAULT_BASE_URL: Final = "https://b2.simulated.example"


class Committed(NamedTuple):
    """A mutating call that took effect, and the file id of its reply. `hex_digits_at_end` stands as the digest."""

    call: AnyCall
    file_id: FileId | None


class Simulator:
    """B2 with one account. `now` gives milliseconds since the epoch; `seed` makes the ids and secrets of one world
    differ from another's. `base_url` may be set once the address of a server is known.
    """

    def __init__(
        self,
        now: Callable[[], int],
        seed: int = 0,
        *,
        config: SimulatorConfig | None = None,
        base_url: str = DEFAULT_BASE_URL,
        vault: Vault | None = None,
    ) -> None:
        self._world = World(now=now, seed=seed, config=config or SimulatorConfig(), base_url=base_url, vault=vault)
        self.journal: list[Committed] = []
        self._books = Books(self._world, RequestLog(self.config.log_size))

    @classmethod
    def restored(
        cls,
        now: Callable[[], int],
        records: Iterable[Record],
        contents: ContentById,
        *,
        config: SimulatorConfig | None = None,
        vault: Vault | None = None,
    ) -> Simulator:
        """The simulator that these records (see `records`) were taken from. Account tokens and upload URLs of then are
        unknown to it. Raises ValueError when the records are not those of a world.
        """
        items = iter(records)
        world = next(items, None)
        if not isinstance(world, WorldRecord):
            raise ValueError("the records of a simulated B2 begin with that of its world")
        made = cls(now, world.seed, config=config, vault=vault)
        try:
            made._world.restore(chain((world,), items), contents)
        except KeyError as missing:
            raise ValueError(f"the records refer to {missing}, which is not among them") from None
        made._world.replication_due = existing_files_wait(made._world)
        return made

    def __repr__(self) -> str:
        return f"Simulator(buckets={len(self._world.buckets)}, versions={len(self._world.versions)})"

    @property
    def base_url(self) -> str:
        """What the URLs of replies start with."""
        return self._world.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self._world.base_url = url

    @property
    def config(self) -> SimulatorConfig:
        """The limits in force."""
        return self._world.config

    @property
    def account_id(self) -> AccountId:
        """The one account."""
        return self._world.account_id

    @property
    def master_key_id(self) -> str:
        """The id of the key that may do everything."""
        return self._world.credentials.master.key_id

    @property
    def master_key(self) -> str:
        """The secret of that key."""
        return self._world.credentials.master.secret

    def fork(self) -> Simulator:
        """An independent copy with the same clock; contents are shared, because they never change."""
        twin = Simulator(self._world.clock, self._world.ids.seed, config=self.config, base_url=self.base_url)
        twin._world = self._world.fork()
        twin.journal = list(self.journal)
        twin._books = Books(twin._world, self.log.fork())
        return twin

    # -- preparing a world

    def add_key(
        self,
        capabilities: Iterable[str],
        *,
        bucket_ids: Iterable[BucketId] | None = None,
        name_prefix: str | None = None,
        expires_at: int | None = None,
        name: str = "key",
    ) -> KeyPair:
        """A new application key; `expires_at` is milliseconds since the epoch. Raises ValueError for a capability that
        B2 does not have.
        """
        capabilities = frozenset(capabilities)
        unknown = sorted(capabilities.difference(ALL_CAPABILITIES))
        if unknown:
            raise ValueError(f"there is no capability {unknown[0]!r}")
        key = self._world.credentials.add_key(
            capabilities, name=name, bucket_ids=bucket_ids, name_prefix=name_prefix, expires_at=expires_at
        )
        self._world.ledger.commit()
        return KeyPair(key.key_id, key.secret)

    def install_key(self, pair: KeyPair) -> None:
        """A key that may do everything, with an id and a secret of somebody's choice, instead of what has the id."""
        credentials = self._world.credentials
        credentials.install(evolve(credentials.master, key_id=pair.key_id, secret=pair.key))
        self._world.ledger.commit()

    def bucket_id(self, name: str) -> BucketId | None:
        """The id of a bucket, whose name is compared as B2 does: without regard to case."""
        return self._world.bucket_ids.get(name.lower())

    def add_bucket(self, name: str, bucket_type: str = "allPrivate") -> BucketReply:
        """A bucket, without a token and without a line in the journal; its name may be shorter than B2 allows. Raises
        ValueError for an unknown type and for a name that is taken.
        """
        if bucket_type not in ("allPrivate", "allPublic"):
            raise ValueError(f"a bucket is allPrivate or allPublic, not {bucket_type!r}")
        if name.lower() in self._world.bucket_ids:
            raise ValueError(f"there is a bucket {name!r} already; upper and lower case are the same")
        reply = self._world.add_bucket(name, bucket_type)
        self._world.ledger.commit()
        return reply

    def put(
        self,
        bucket_id: BucketId,
        name: str,
        data: bytes,
        *,
        info: Mapping[str, str] | None = None,
        content_type: str = "application/octet-stream",
    ) -> FileReply:
        """A file as if somebody had uploaded it now: no token, no checks, no line in the journal. It is replicated and
        told to webhooks as other uploads are.
        """
        bucket = self._world.buckets.get(bucket_id)
        if bucket is None:
            raise ValueError(f"there is no bucket with the id {bucket_id!r}")
        body = self._received(data)
        version = self._world.add_version(
            bucket,
            name,
            "upload",
            content_type=content_type,
            info=info or {},
            extents=extents_of(body.content),
            length=body.content.length,
            content_sha1=body.sha1,
            content_md5=body.md5,
            replication_status=replication_status_of(bucket.reply, name, UNENCRYPTED),
        )
        self._world.tell("upload", version)
        self._world.ledger.commit()
        return version.file

    def _received(self, data: bytes) -> Received:
        intake = Intake(self._world.vault.draft())
        intake.write(data)
        return intake.finish()

    def expire_account_tokens(self) -> None:
        """Every account token given so far is expired now. Keys, and upload URLs, stay good."""
        self._world.credentials.expire_account_tokens()

    def expire_upload_tokens(self) -> None:
        """Every upload URL given so far is expired now."""
        now = self._world.now()
        for endpoint in self._world.credentials.endpoints.values():
            endpoint.expires_at = min(endpoint.expires_at, now)

    # -- time

    def now(self) -> int:
        """The time of this B2: that of its clock, and what it was advanced by. Milliseconds since the epoch."""
        return self._world.now()

    def date_millis(self) -> int:
        """What the `Date` of an answer says, in whole seconds: the time of the machine that it runs on, without what
        it was advanced by. So whoever lets days pass in a test does not put every client's clock in the wrong.
        """
        return self._world.clock() // 1000 * 1000

    def advance_time(self, millis: int) -> None:
        """Let time pass. The lifecycle runs of every midnight (UTC) on the way take place."""
        if isinstance(millis, bool) or not isinstance(millis, int):
            raise TypeError(f"time passes by whole milliseconds, not {millis!r}")
        if not 0 <= millis <= LAST_MILLIS - self.now():
            raise ValueError("time does not go back, and ends with the year 9999")
        self._world.advance(millis)
        self._pass_time()
        self._world.ledger.commit()

    def run_lifecycle(self) -> None:
        """The daily run of the lifecycle rules, now."""
        run_lifecycle(self._world, self.now())
        self._world.ledger.commit()

    def run_replication(self) -> None:
        """What is pending is replicated now. It happens by itself before the next call."""
        replicate(self._world, self.now())
        self._world.ledger.commit()

    def take_deliveries(self) -> tuple[Delivery, ...]:
        """The posts of event notifications that are due, each of them once."""
        deliveries = self._world.events.take()
        if deliveries:
            self._world.meter.count(EVENT_DELIVERY, "D", len(deliveries), self.now())
        return deliveries

    def _pass_time(self) -> None:
        """What happened since the last call without anybody's doing."""
        world = self._world
        today = world.now() // MILLIS_PER_DAY
        if world.lifecycle_day is None:
            world.lifecycle_ran(today)
        elif world.lifecycle_day < today:
            if any(bucket.reply.lifecycle_rules for bucket in world.buckets.values()):
                for day in range(world.lifecycle_day + 1, today + 1):
                    run_lifecycle(world, day * MILLIS_PER_DAY)
            world.lifecycle_ran(today)
        if world.replication_due:  # a rule is new, and may be about files that are there
            world.replication_due = False
            replicate(world, world.now())
        elif world.to_replicate:
            pending, world.to_replicate = world.to_replicate, {}
            for file_id in pending:
                if file_id in world.versions:
                    replicate_version(world, world.versions[file_id], world.now())

    # -- calls

    def handle(self, call: Call[R], token: Token, *, api_version: int = 4) -> Result[R, B2Error]:
        """Answer a call. The body of an upload must be a `Blob`, without the digest of `hex_digits_at_end`."""
        answer = self._result(lambda: cast(R, self._answer(call, token, api_version)))
        body = call.body if isinstance(call, UploadFile | UploadPart) else None
        return self._books.counted(call, token, answer, bytes_in=len(body.data) if isinstance(body, Blob) else 0)

    def fetch(self, call: FetchCall, token: Token, *, head: bool = False) -> Result[Download, B2Error]:
        """Answer a download with its content; `head`: without, as to a HEAD request."""
        answer = self._result(lambda: self._download(call, token, head=head))
        return self._books.counted(call, token, answer, head=head)

    def begin_upload(self, url: str, token: str, call: UploadCall | None = None) -> Result[Endpoint, B2Error]:
        """Occupy an upload URL. Until `finish_upload` or `abandon_upload` nobody else can use it. A refusal stands in
        the log, if the `call` is known.
        """
        begun = self._result(lambda: self._occupied(self._world.credentials.endpoint(url, token)))
        if call is None or isinstance(begun, Success):
            return begun
        return self._books.counted(call, UploadUrl(url, token), begun)

    def intake(self, call: UploadCall) -> Intake:
        """What takes the body of an upload, piece by piece, and its digest if `call` says that one follows."""
        return Intake(self._world.vault.draft(), digest_at_end=call.content_sha1 == HEX_DIGITS_AT_END)

    def finish_upload(self, endpoint: Endpoint, call: UploadCall, body: Received) -> Result[object, B2Error]:
        """The whole body is there; that of `call` is not looked at. A failure spoils the URL."""
        answer = self._result(lambda: self._upload(endpoint, call, body))
        return self._books.counted(call, endpoint.key, answer, bytes_in=body.content.length)

    def abandon_upload(self, endpoint: Endpoint) -> None:
        """The body never came: the URL is spoiled."""
        endpoint.occupied = False
        endpoint.spoiled = True

    def _result(self, answer: Callable[[], R]) -> Result[R, B2Error]:
        """The one door: after a commit that failed nothing is answered until a restart, because the world in memory
        is not the one that is kept.
        """
        try:
            self._world.vault.check()
            return Success(answer())
        except Refused as refused:
            return Failure(refused.error)
        except VaultFailed as failed:
            return Failure(Unavailable(503, "service_unavailable", str(failed)))

    def _occupied(self, endpoint: Endpoint) -> Endpoint:
        endpoint.occupied = True
        return endpoint

    def _answer(self, call: Call[Any], token: Token, api_version: int) -> object:
        self._pass_time()
        self._world.caps.admit(self.now())
        if isinstance(call, AuthorizeAccount):
            if not isinstance(token, KeyPair):
                raise TypeError("b2_authorize_account needs a KeyPair")
            self._world.caps.call(call.billing, self.now())
            self._world.ledger.commit()  # the first token after a restart: its generation must last
            return authorize(self._world, token)
        if isinstance(call, UploadFile | UploadPart):
            if not isinstance(token, UploadUrl):
                raise TypeError(f"{call.name} needs an UploadUrl")
            if not isinstance(call.body, Blob):
                raise TypeError("the simulator takes bodies as Blob only")
            endpoint = self._world.credentials.endpoint(token.url, token.token)
            return self._upload(endpoint, call, self._received(call.body.data))
        if isinstance(call, DownloadFileById | DownloadFileByName):
            return self._download(call, token).reply
        key = self._key(token)
        require(key, call.capability)
        self._world.caps.call(call.billing, self.now())
        if api_version == 1:
            call = narrowed(key, call)
        return self._committed(call, HANDLERS[type(call)](self._world, key, call))

    def _key(self, token: Token) -> Key:
        if not isinstance(token, AccountToken):
            raise Refused(Unauthorized("bad_auth_token", "Invalid authorization token"))
        return self._world.credentials.key_of(token.token)

    def _download(self, call: FetchCall, token: Token, *, head: bool = False) -> Download:
        self._pass_time()
        self._world.caps.admit(self.now())
        reader = self._reader(token)
        self._world.caps.call(call.billing, self.now())
        return download(self._world, reader, call, head=head)

    def _reader(self, token: Token) -> Reader:
        if token is None:
            return None
        grant = self._world.credentials.grant_of(token.token) if isinstance(token, AccountToken) else None
        return self._key(token) if grant is None else grant

    def _upload(self, endpoint: Endpoint, call: UploadCall, body: Received) -> object:
        try:
            self._pass_time()
            self._world.caps.admit(self.now())
            reply = upload(self._world, endpoint, call, body)
        except Refused as refused:
            endpoint.spoiled = not isinstance(refused.error, Throttled)
            self._world.vault.discard(body.content)
            raise
        finally:
            endpoint.occupied = False
        if call.content_sha1 == HEX_DIGITS_AT_END and reply.content_sha1 is not None:
            call = msgspec.structs.replace(call, content_sha1=reply.content_sha1)
        return self._committed(call, reply)

    def _committed(self, call: Call[Any], reply: object) -> object:
        self._world.ledger.commit()
        if type(call) in MUTATING and self.config.keep_journal:
            self.journal.append(Committed(cast(AnyCall, call), getattr(reply, "file_id", None)))
        return reply

    # -- looking inside

    def note_refused(self, method: str, call_name: str, error: B2Error) -> None:
        """Write down a request that was refused before it became a call."""
        self._books.note_refused(method, call_name, error)

    def cors_rules(
        self, *, bucket_name: str | None = None, bucket_id: str | None = None, file_id: str | None = None
    ) -> tuple[CorsRule, ...]:
        """The CORS rules of the bucket that is named, or that the file is in; none if there is no such bucket."""
        world = self._world
        if bucket_name is not None:
            bucket = world.bucket_named(bucket_name)
        elif bucket_id is not None:
            bucket = world.buckets.get(BucketId(bucket_id))
        else:
            bucket = world.source_bucket(FileId(file_id or ""))
        return () if bucket is None else bucket.reply.cors_rules

    @property
    def log(self) -> RequestLog:
        """Every request, whatever became of it."""
        return self._books.log

    @property
    def meter(self) -> Meter:
        """What was used and what it would cost."""
        return self._world.meter

    def records(self) -> Iterator[tuple[str, str, Record]]:
        """Everything but tokens and upload URLs, as (kind, id, record): what `restored` takes, in its order."""
        return self._world.records()

    def contents(self) -> dict[str, Content]:
        """The contents that `records` refer to, by id."""
        return self._world.contents()

    def visible(self, bucket_id: BucketId) -> dict[str, bytes]:
        """What a reader of the bucket sees: visible names and their contents."""
        bucket = self._world.buckets[bucket_id]
        shown = ((name, bucket.visible(name)) for name in bucket.names.since(""))
        return {name: b"".join(pieces(version.extents)) for name, version in shown if version is not None}

    def snapshot(self) -> tuple[object, ...]:
        """Everything that is stored, as a value that compares: buckets with their versions and unfinished parts."""
        buckets = sorted(self._world.buckets.values(), key=lambda bucket: bucket.reply.bucket_name)
        return tuple(map(_bucket_snapshot, buckets))


def _bucket_snapshot(bucket: Bucket) -> tuple[object, ...]:
    versions = tuple(
        (version.file, b"".join(pieces(version.extents)))
        for name in bucket.names.since("")
        for version in bucket.names.versions[name]
    )
    parts = tuple(
        (part.reply, b"".join(pieces(part.extents)))
        for large in bucket.unfinished.values()
        for _, part in sorted(large.parts.items())
    )
    return bucket.reply, versions, parts
