"""A simulated B2 with a bucket, and short ways to ask it, for the tests of its rules.

A comment `gap N` beside a test names what it closes of that which b2sdk's own simulator (RawSimulator of 2.12) gets
wrong or lacks: 1 requests over HTTP; 2 keys and tokens that are checked everywhere; 3 upload URLs that end; 4 faults,
caps and rate limits; 5 limits of sizes, parts, names and info; 6 ids, and the order of versions; 7 listings; 8 hiding,
deleting, cancelling and finishing; 9 digests and types; 10 ranges; 11 copies; 12 object lock; 13 what it has no notion
of: lifecycle, the clock, CORS, replication, events, download authorizations, encryption keys, usage, versions of the
API.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1
from typing import Any, Final

import msgspec
from attrs import define, field

from b2pure.effects.served import Served, ServedRequest, serve
from b2pure.effects.simulator import AccountToken, Simulator, SimulatorConfig, Token
from b2pure.effects.simulator.content import Received, pieces
from b2pure.effects.wire import KeyPair
from b2pure.model.account import UploadUrl
from b2pure.model.buckets import (
    NotificationRule,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
    ReplicationSource,
    WebhookTarget,
)
from b2pure.model.calls import (
    AuthorizeAccount,
    Call,
    CreateBucket,
    CreateKey,
    DownloadFileById,
    DownloadFileByName,
    FinishLargeFile,
    GetUploadPartUrl,
    GetUploadUrl,
    ListFileNames,
    ListFileVersions,
    SetBucketNotificationRules,
    StartLargeFile,
    UpdateBucket,
    UploadFile,
    UploadPart,
)
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.sources import Blob

__all__ = ["B2", "BUCKET", "SMALL", "said"]

SMALL: Final = SimulatorConfig(
    absolute_minimum_part_size=3, max_single_size=20, max_part_size=10, recommended_part_size=5
)
BUCKET: Final = "bucket-one"


def said(served: Served) -> Any:
    """The JSON of an answer."""
    return msgspec.json.decode(served.response.body)


@define
class B2:
    """A simulated B2 with a bucket. Every call takes one millisecond."""

    config: SimulatorConfig = SMALL
    now: int = 1_000
    simulator: Simulator = field(init=False)
    account: AccountId = field(init=False)
    bucket: BucketId = field(init=False)
    token: AccountToken = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.simulator = Simulator(lambda: self.now, config=self.config)
        self.account = self.simulator.account_id
        self.bucket = self.simulator.add_bucket(BUCKET).bucket_id
        self.token = self.login(self.master)

    # -- who asks

    @property
    def master(self) -> KeyPair:
        return KeyPair(self.simulator.master_key_id, self.simulator.master_key)

    def login(self, key: KeyPair) -> AccountToken:
        return AccountToken(self.simulator.handle(AuthorizeAccount(), key).unwrap().authorization_token)

    def limited(self, *capabilities: str, **limits: Any) -> AccountToken:
        return self.login(self.simulator.add_key(capabilities, **limits))

    def create_key(self, *capabilities: str, **limits: Any) -> KeyPair:
        reply = self.ok(CreateKey(self.account, capabilities or ("listFiles",), "key", **limits))
        return KeyPair(reply.application_key_id, reply.application_key)

    # -- asking

    def ok(self, call: Call[Any], token: Token = None) -> Any:
        self.now += 1
        return self.simulator.handle(call, token or self.token).unwrap()

    def fails(self, call: Call[Any], token: Token = None) -> Any:
        self.now += 1
        return self.simulator.handle(call, token or self.token).failure()

    def code(self, call: Call[Any], token: Token = None) -> str:
        code: str = self.fails(call, token).code
        return code

    def ask(self, method: str, target: str, body: bytes = b"", /, **headers: str) -> Served:
        """A request over HTTP."""
        self.now += 1
        named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return serve(self.simulator, ServedRequest(method, target, named, body))

    def post(self, name: str, version: int = 4, token: AccountToken | None = None, /, **fields: Any) -> Any:
        """What a JSON call says, good or bad."""
        target, body = f"/b2api/v{version}/{name}", msgspec.json.encode(fields)
        return said(self.ask("POST", target, body, authorization=(token or self.token).token))

    def authorize(self, version: int, key: KeyPair) -> Any:
        """What b2_authorize_account of a version says."""
        basic = "Basic " + b64encode(f"{key.key_id}:{key.key}".encode()).decode()
        return said(self.ask("GET", f"/b2api/v{version}/b2_authorize_account", authorization=basic))

    # -- buckets

    def new_bucket(self, name: str = "bucket-two", **settings: Any) -> BucketId:
        bucket_id: BucketId = self.ok(CreateBucket(self.account, name, **settings)).bucket_id
        return bucket_id

    def update(self, **settings: Any) -> UpdateBucket:
        """The call that gives the bucket other settings."""
        return UpdateBucket(self.account, self.bucket, **settings)

    # -- uploads

    def url(self, large: FileId | None = None, token: Token = None, bucket: BucketId | None = None) -> UploadUrl:
        call: Call[Any] = GetUploadUrl(bucket or self.bucket) if large is None else GetUploadPartUrl(large)
        reply = self.ok(call, token)
        return UploadUrl(reply.upload_url, reply.authorization_token)

    def upload(self, name: str, data: bytes = b"data", *, to: BucketId | None = None, **fields: Any) -> Any:
        return self.ok(self.file(name, data, **fields), self.url(bucket=to))

    @staticmethod
    def file(name: str, data: bytes = b"data", **fields: Any) -> UploadFile:
        given = {"content_type": "text/plain", "content_sha1": sha1(data).hexdigest(), "file_info": {}, **fields}
        return UploadFile(file_name=name, body=Blob(data), **given)

    def received(self, data: bytes) -> Received:
        intake = self.simulator.intake(self.file("n", data))
        intake.write(data)
        return intake.finish()

    def start(self, name: str = "large", *, to: BucketId | None = None, **fields: Any) -> FileId:
        file_id: FileId = self.ok(StartLargeFile(to or self.bucket, name, "text/plain", {}, **fields)).file_id
        return file_id

    def part(self, large: FileId, number: int, data: bytes, **fields: Any) -> str:
        call = UploadPart(number, sha1(data).hexdigest(), Blob(data), **fields)
        sha: str = self.ok(call, self.url(large)).content_sha1
        return sha

    def large(self, name: str, *parts: bytes, to: BucketId | None = None) -> FileId:
        file_id = self.start(name, to=to)
        shas = tuple(self.part(file_id, number, data) for number, data in enumerate(parts, 1))
        self.ok(FinishLargeFile(file_id, shas))
        return file_id

    # -- looking

    def content(self, call: DownloadFileById | DownloadFileByName, token: Token = None) -> bytes:
        return b"".join(pieces(self.simulator.fetch(call, token or self.token).unwrap().extents))

    def names(self, **fields: Any) -> list[str]:
        return [file.file_name for file in self.ok(ListFileNames(self.bucket, **fields)).files]

    def versions(self, bucket: BucketId | None = None, **fields: Any) -> list[tuple[str, str]]:
        page = self.ok(ListFileVersions(bucket or self.bucket, **fields))
        return [(file.file_name, file.action) for file in page.files]

    def files(self, bucket: BucketId) -> list[Any]:
        listed: list[Any] = list(self.ok(ListFileVersions(bucket)).files)
        return listed

    # -- what happens by itself

    def pass_days(self, days: float) -> None:
        self.simulator.advance_time(round(days * MILLIS_PER_DAY))
        self.token = self.login(self.master)

    def replicating(self, **rule: Any) -> BucketId:
        """The bucket that the bucket is replicated to from now on."""
        target = self.new_bucket("replicas")
        reader, writer = self.create_key("readFiles").key_id, self.create_key("writeFiles").key_id
        to = ReplicationConfiguration(None, ReplicationDestination({reader: writer}))
        self.ok(UpdateBucket(self.account, target, replication_configuration=to))
        one = ReplicationRule("rule", target, "", True, 1, **rule)
        source = ReplicationConfiguration(ReplicationSource((one,), reader))
        self.ok(self.update(replication_configuration=source))
        return target

    def listening(self, bucket: BucketId | None = None, secret: str | None = None) -> None:
        """Somebody hears of everything that happens in a bucket."""
        hook = WebhookTarget("https://hook.example", hmac_sha256_signing_secret=secret)
        kinds = ("ObjectCreated", "ObjectDeleted", "HideMarkerCreated")
        rules = tuple(NotificationRule(f"on-{kind}", (f"b2:{kind}:*",), True, "", hook, 50) for kind in kinds)
        self.ok(SetBucketNotificationRules(bucket or self.bucket, rules))
