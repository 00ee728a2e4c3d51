"""Law L25: asking the simulator directly and asking it through the whole HTTP stack are the same thing.

Rules. Two forks of one simulated B2 get the same calls, one through `SimulatedApi`, the other through `HttpApi`,
httpx's mock transport and `served`. Calls are drawn from what the history so far makes interesting, good or bad.
"""

from __future__ import annotations

import errno
import importlib
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha1
from time import sleep
from typing import Any, Final

import httpx
import pytest
from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from returns.io import IOFailure, IOResult, IOSuccess
from returns.unsafe import unsafe_perform_io

from b2pure.effects.bodies import Bodies
from b2pure.effects.handlers import Chunk, LocalTrouble
from b2pure.effects.served import ServedRequest, serve
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.effects.simulator.content import pieces
from b2pure.effects.wire import KeyPair, authorization_from
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.buckets import (
    CorsRule,
    DefaultRetention,
    LifecycleRule,
    NoDefaultEncryption,
    NotificationRule,
    ReplicationConfiguration,
    RetentionPeriod,
    WebhookTarget,
)
from b2pure.model.calls import (
    ALL_CALLS,
    HEX_DIGITS_AT_END,
    AuthorizeAccount,
    Call,
    CancelLargeFile,
    CopyFile,
    CopyPart,
    CreateBucket,
    CreateKey,
    DeleteBucket,
    DeleteFileVersion,
    DeleteKey,
    DownloadFileById,
    DownloadFileByName,
    FinishLargeFile,
    GetBucketNotificationRules,
    GetDownloadAuthorization,
    GetFileInfo,
    GetUploadPartUrl,
    GetUploadUrl,
    HideFile,
    ListBuckets,
    ListFileNames,
    ListFileVersions,
    ListKeys,
    ListParts,
    ListUnfinishedLargeFiles,
    SetBucketNotificationRules,
    StartLargeFile,
    UpdateBucket,
    UpdateFileLegalHold,
    UpdateFileRetention,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import LocalFailure, Rejected, Transport
from b2pure.model.files import LocalFact
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.protection import NO_RETENTION, FileRetention, SseB2, SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import AuthorizationReply
from b2pure.model.sources import Blob, LocalSlice
from b2pure.shell.http import ONE_PIECE_BYTES, HttpApi
from b2pure.shell.serve import serve_in_thread

SMALL = SimulatorConfig(
    absolute_minimum_part_size=2,
    recommended_part_size=4,
    max_single_size=12,
    max_part_size=8,
    max_parts=4,
    max_buckets=3,
    max_info_pairs=10,
)
NAMES = (
    "a/x", "a/y", "a/b/z", "b", "a b+c", "ü/自由", "a/../b", ".", "q?x#y&z", "a%2Fx", "\U00010400", "file.TXT",
    "bad//name", "", "\x01", "half\ud800",
)  # fmt: skip
INFOS: tuple[dict[str, str], ...] = (
    {},
    {"src_last_modified_millis": "5"},
    {"A": "1", "a": "2"},
    {"b2-content-language": "de", "b2-content-encoding": "gzip"},
    {"b2-content-language": "line\nbreak"},
    {"b2-unknown": "1"},
    {"bad key": "v"},
    {"k": "ü + %"},
    {"k": ""},
    {"k": "line\nbreak"},
    {f"k{i}": "v" for i in range(11)},
    {"big": "x" * 8000},
)
CONTENTS = (b"", b"abcd", b"0123456789", b"more than twelve bytes")
CONTENT_TYPES = ("text/plain", "b2/x-auto", "text/plain; charset=utf-8", "", "bad\nvalue")
RANGES = (
    None, "bytes=0-3", "bytes=2-", "bytes=-2", "bytes=5-2", "bytes=99-", "bytes=-0", "bytes=0-99", "junk", "",
    "bytes=0-0,2-3", "bytes=0-1\r\nX-Evil: 1",
)  # fmt: skip


class Files:
    """Local files by content; any other path cannot be read."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def read(self, slice_: LocalSlice) -> Iterator[bytes]:
        """Two bytes at a time, or a thousand for long ones."""
        if slice_.path not in self.files:
            raise LocalTrouble(LocalFailure("read", slice_.path, "no such file"))
        data = self.files[slice_.path][slice_.range.start : slice_.range.stop]
        step = 2 if len(data) < 100 else 100_000
        return (data[i : i + step] for i in range(0, len(data), step))


class Reader(Bodies):
    """Reads bodies from such files."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        super().__init__(Files(files or {}))


@define
class Sink:
    """Keeps what it gets."""

    data: bytearray = field(factory=bytearray)

    def write(self, chunk: Chunk) -> None:
        """Keep the bytes."""
        self.data += chunk


def over_the_wire(simulator: Simulator) -> httpx.MockTransport:
    """A network whose only host is the simulator."""

    def answer(request: httpx.Request) -> httpx.Response:
        served = serve(
            simulator,
            ServedRequest(
                request.method,
                request.url.raw_path.decode(),
                tuple((k.decode().lower(), v.decode()) for k, v in request.headers.raw),
                request.content,
            ),
        )
        body = served.response.body
        return httpx.Response(
            served.response.status,
            headers=dict(served.response.headers),
            content=body if body else (bytes(piece) for piece in pieces(served.extents)),
        )

    return httpx.MockTransport(answer)


@define
class Pair:
    """Two twins of one simulator, with the two ways to ask them, and what is known so far."""

    now: list[int] = field(factory=lambda: [1_000])
    direct: Simulator = field(init=False)
    wired: Simulator = field(init=False)
    apis: list[tuple[SimulatedApi, HttpApi]] = field(factory=list)
    authorizations: list[Authorization] = field(factory=list)
    urls: list[UploadUrl] = field(factory=list)
    buckets: list[BucketId] = field(factory=lambda: [BucketId("no such bucket")])
    files: list[tuple[FileId, str]] = field(factory=lambda: [(FileId("no such file"), "a/x")])
    parts: dict[FileId, dict[int, str]] = field(factory=dict)
    keys: list[str] = field(factory=list)
    reader: Reader = field(factory=lambda: Reader({"local": b"local!"}))

    def __attrs_post_init__(self) -> None:
        self.direct = Simulator(lambda: self.now[0], config=SMALL)
        bucket = self.direct.add_bucket("bucket-one").bucket_id
        self.direct.add_bucket("public-two", "allPublic")
        self.buckets.append(bucket)
        keys = (
            KeyPair(self.direct.master_key_id, self.direct.master_key),
            self.direct.add_key(
                ("listFiles", "writeFiles", "readFiles", "deleteFiles", "listBuckets"),
                bucket_ids=[bucket],
                name_prefix="a/",
            ),
            self.direct.add_key(("listFiles", "listBuckets", "readFiles"), expires_at=90_000_000),
            KeyPair("wrong", "key"),
        )
        self.wired = self.direct.fork()
        transport = over_the_wire(self.wired)
        for key in keys:
            self.apis.append(
                (
                    SimulatedApi(self.direct, key.key_id, key.key),
                    HttpApi(key.key_id, key.key, realm_address="https://realm.example", transport=transport),
                )
            )
        for key_index in (0, 0, 0, 1, 2):
            reply = self.ask(AuthorizeAccount(), None, key_index=key_index)
            self.authorizations.append(authorization_from(reply))
        nobody = self.authorizations[0]
        self.authorizations.append(
            Authorization(nobody.account_id, "made up", nobody.api_url, nobody.download_url, nobody.allowed)
        )

    def ask(self, call: Call[Any], credential: Any, *, key_index: int = 0) -> Any:
        """Ask both; they must agree. The reply, or None after a failure."""
        direct, wired = self.apis[key_index]
        if isinstance(call, DownloadFileById | DownloadFileByName):
            sinks = Sink(), Sink()
            one: IOResult[Any, Any] = direct.fetch(call, credential, sinks[0])
            two: IOResult[Any, Any] = wired.fetch(call, credential, sinks[1])
            assert sinks[0] == sinks[1]
        else:
            one = direct.send(call, credential, self.reader)
            two = wired.send(call, credential, self.reader)
        assert _undated(one) == _undated(two), call.name
        if not isinstance(one, IOSuccess):
            return None
        reply = unsafe_perform_io(one.unwrap())
        self.learn(call, reply)
        return reply

    def learn(self, call: Call[Any], reply: Any) -> None:
        """Remember ids and URLs, so that later calls can use them."""
        match call:
            case CreateBucket():
                self.buckets.append(reply.bucket_id)
            case CreateKey():
                self.keys.append(reply.application_key_id)
            case GetDownloadAuthorization():  # downloads go with it as they do with an account token
                master = self.authorizations[0]
                self.authorizations.append(evolve(master, token=reply.authorization_token))
            case GetUploadUrl() | GetUploadPartUrl():
                self.urls.append(UploadUrl(reply.upload_url, reply.authorization_token))
            case UploadFile() | StartLargeFile() | CopyFile() | HideFile():
                self.files.append((reply.file_id, reply.file_name))
            case UploadPart() | CopyPart():
                self.parts.setdefault(reply.file_id, {})[reply.part_number] = reply.content_sha1
            case _:
                pass


def _undated(answer: IOResult[Any, Any]) -> IOResult[Any, Any]:
    """Without the date of an answer, which is that of the machine that gave it."""
    return answer.map(
        lambda reply: replace(reply, server_millis=None) if isinstance(reply, AuthorizationReply) else reply
    )


def sha1_forms(data: bytes) -> st.SearchStrategy[str]:
    digest = sha1(data).hexdigest()
    return st.sampled_from(
        (digest, digest.upper(), HEX_DIGITS_AT_END, "do_not_verify", "unverified:" + digest, "0" * 40, "junk")
    )


PROTECTIONS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"server_side_encryption": SseB2()},
    {"server_side_encryption": SseC.of(b"k" * 32)},
    {"file_retention": FileRetention("governance", 5_000)},
    {"file_retention": FileRetention("compliance", 500), "legal_hold": "off"},
    {"legal_hold": "on"},
)
"""What an upload may ask for; some of it only where a bucket has object lock."""
DATES: tuple[dict[str, Any], ...] = ({}, {}, {"custom_upload_timestamp": 500}, {"custom_upload_timestamp": 10**14})
_KEY = SseC.of(b"k" * 32)
CUSTOMER_KEYS = (None, None, _KEY, SseC.of(b"x" * 32), SseC(_KEY.customer_key, SseC.of(b"x" * 32).customer_key_md5))
OVERRIDES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"b2_content_type": "text/x", "b2_cache_control": "no-store"},
    {"b2_expires": "line\nbreak"},
)


def _bodies(draw: st.DrawFn) -> tuple[Blob | LocalSlice, str]:
    data = draw(st.sampled_from(CONTENTS))
    form = draw(sha1_forms(data))
    if draw(st.integers(0, 4)) == 0:
        path = draw(st.sampled_from(("local", "gone")))
        return LocalSlice(path, ByteRange(0, 6), LocalFact(6, 0)), draw(sha1_forms(b"local!"))
    return Blob(data), form


@st.composite
def uploads(draw: st.DrawFn) -> UploadFile | UploadPart:
    body, form = _bodies(draw)
    if draw(st.booleans()):
        return UploadPart(draw(st.integers(0, 5)), form, body, draw(st.sampled_from(CUSTOMER_KEYS)))
    return UploadFile(
        draw(st.sampled_from(NAMES)),
        draw(st.sampled_from(CONTENT_TYPES)),
        form,
        draw(st.sampled_from(INFOS)),
        body,
        **draw(st.sampled_from(PROTECTIONS)),
        **draw(st.sampled_from(DATES)),
    )


@st.composite
def account_calls(draw: st.DrawFn, pair: Pair) -> Call[Any]:
    """Any call for an account token: half of them sensible, half of them wild in any field."""
    wild = draw(st.booleans())

    def pick(sensible: Sequence[Any], odd: Sequence[Any]) -> Any:
        return draw(st.sampled_from((*sensible, *odd) if wild else tuple(sensible)))

    bucket = pick(pair.buckets[1:2], pair.buckets)
    file_id, name = pick(pair.files[1:], pair.files)
    large = pick([*pair.parts] or [file_id], [file_id])
    new_name = pick(("a/x", name), NAMES)
    start = pick((None, name, ""), NAMES)
    prefix = pick((None, "", "a/"), ("a", "ü"))
    delimiter = pick((None, "/"), ("", "b"))
    count = pick((None, 1, 2), (0, 100, 10_001, -1))
    range_ = pick((None, "bytes=0-3", "bytes=1-"), RANGES)
    known = pair.parts.get(large, {})
    digests = tuple(known.values()) if not wild else tuple("0" * 40 for _ in range(draw(st.integers(0, 4))))
    account = pick((pair.direct.account_id,), (AccountId("other"),))
    bucket_name = pick(("bucket-one",), ("BUCKET-ONE", "public-two", "bucket-new", "b2-no", "a/b", ""))
    content_type = pick(("text/plain", "b2/x-auto"), CONTENT_TYPES)
    info = pick(INFOS[:3], INFOS)
    replace = draw(st.booleans())
    protection = pick(PROTECTIONS[:2], PROTECTIONS)
    customer_key = pick((None,), CUSTOMER_KEYS)
    overrides = pick(OVERRIDES[:1], OVERRIDES)
    until = pick((5_000, 100_000_000), (1, 500))
    settings: dict[str, Any] = {
        "bucket_info": pick((None, {"Cache-Control": "max-age=5"}), ({"bad key": "v"},)),
        "lifecycle_rules": pick((None,), ((LifecycleRule("a/", 1, 1),), (LifecycleRule(""),))),
        "cors_rules": pick((None,), ((CorsRule("rule-1", ("https",), ("b2_upload_file",), 5),), ())),
        "default_server_side_encryption": pick((None, SseB2()), (NoDefaultEncryption(),)),
        "file_lock_enabled": pick((None, True), (False,)),
        "replication_configuration": pick((None,), (ReplicationConfiguration(),)),
    }
    rules = (NotificationRule("rule-1", ("b2:ObjectCreated:*",), True, "a/", WebhookTarget("https://hook.example")),)
    key_ids = pick(pair.keys or ["no such key"], ("no such key", pair.direct.master_key_id))
    choices: tuple[Call[Any], ...] = (
        CreateKey(
            account,
            pick((("listFiles", "writeFiles"), ("readFiles",)), ((), ("writeKeys",), ("no such thing",))),
            pick(("key-one",), ("", "bad name")),
            pick((None, 3_600), (0, 86_400_000)),
            pick((None, (bucket,)), ((), tuple(pair.buckets))),
            pick((None, "a/"), ("",)),
        ),
        DeleteKey(key_ids),
        ListKeys(account, count, pick((None,), (key_ids,))),
        ListBuckets(
            account,
            pick((None, bucket), ()),
            pick((None, "bucket-one"), (bucket_name,)),
            pick((None, ("all",)), ((), ("allPublic", "snapshot"), ("all", "allPublic"), ("odd",))),
        ),
        CreateBucket(
            account, pick(("bucket-new",), (bucket_name,)), pick(("allPrivate", "allPublic"), ("odd",)), **settings
        ),
        UpdateBucket(
            account,
            bucket,
            pick((None, "allPublic"), ("odd",)),
            default_retention=pick(
                (None,), (DefaultRetention("governance", RetentionPeriod(1, "days")), DefaultRetention())
            ),
            if_revision_is=pick((None,), (1, 2)),
            **settings,
        ),
        DeleteBucket(account, pick(pair.buckets[2:] or pair.buckets, pair.buckets)),
        GetBucketNotificationRules(bucket),
        SetBucketNotificationRules(bucket, pick((rules,), ((), (*rules, *rules)))),
        GetDownloadAuthorization(bucket, prefix or "", pick((60,), (0, 604_801)), **overrides),
        UpdateFileRetention(
            name,
            file_id,
            pick((FileRetention("governance", until), NO_RETENTION), (FileRetention("compliance", until),)),
            draw(st.booleans()),
        ),
        UpdateFileLegalHold(name, file_id, pick(("on", "off"), ())),
        ListFileNames(bucket, start, count, prefix, delimiter),
        ListFileVersions(bucket, start, pick((None, file_id if start else None), (file_id,)), count, prefix, delimiter),
        GetFileInfo(file_id),
        GetUploadUrl(bucket),
        GetUploadPartUrl(large),
        StartLargeFile(bucket, new_name, content_type, info, **protection),
        CopyPart(file_id, large, pick((1, 2, 3), (0, 5)), range_, customer_key, pick((None,), (SseB2(), _KEY))),
        FinishLargeFile(large, digests),
        CancelLargeFile(large),
        ListParts(large, pick((None, 2), (0,)), count),
        ListUnfinishedLargeFiles(bucket, prefix, pick((None, large), (file_id,)), count),
        CopyFile(
            file_id,
            new_name,
            pick((None, bucket), ()),
            range_,
            "REPLACE" if replace else "COPY",
            content_type if replace else pick((None,), (content_type,)),
            info if replace else pick((None,), (info,)),
            protection.get("file_retention"),
            protection.get("legal_hold"),
            customer_key,
            protection.get("server_side_encryption"),
        ),
        HideFile(bucket, name if not wild else new_name),
        DeleteFileVersion(name if not wild else new_name, file_id, draw(st.booleans())),
        DownloadFileById(file_id, range_, customer_key, **overrides),
        DownloadFileByName(bucket_name, name if not wild else new_name, range_, customer_key, **overrides),
    )
    return draw(st.sampled_from(choices))


def step(pair: Pair, data: st.DataObject) -> None:
    """One thing that happens to both."""
    kind = data.draw(st.sampled_from((*("call",) * 12, *("upload",) * 4, "login", "time", "expire")))
    if kind == "call":
        authorizations = (*(pair.authorizations[:1] * 8), *pair.authorizations)  # mostly the master key's
        pair.ask(data.draw(account_calls(pair)), data.draw(st.sampled_from(authorizations)))
    elif kind == "upload" and pair.urls:
        call = data.draw(uploads())
        fitting = [url for url in pair.urls if call.name in url.url]  # to mix them up is a bug, not an answer
        pair.ask(call, data.draw(st.sampled_from(fitting)))
    elif kind == "login":
        reply = pair.ask(AuthorizeAccount(), None, key_index=data.draw(st.integers(0, 3)))
        if reply is not None:
            pair.authorizations.append(authorization_from(reply))
    elif kind == "time":
        pair.now[0] += data.draw(st.sampled_from((1, 1_000, -5)))
    elif kind == "expire":
        outdate(pair, days=data.draw(st.booleans()))


def outdate(pair: Pair, *, days: bool) -> None:
    """Every token is old; only the master key logs in again, and the old ones stay in use."""
    if days:
        pair.now[0] += 86_400_000
    pair.direct.expire_account_tokens()
    pair.wired.expire_account_tokens()
    reply = pair.ask(AuthorizeAccount(), None)
    pair.authorizations.insert(0, authorization_from(reply))
    pair.ask(GetUploadUrl(pair.buckets[1]), pair.authorizations[0])


def seeded_pair() -> Pair:
    """A pair in which most kinds of things exist already."""
    pair = Pair()
    master, bucket = pair.authorizations[0], pair.buckets[1]
    pair.ask(GetUploadUrl(bucket), master)
    data = b"0123456789"
    for name in ("a/x", "a/b/z"):
        pair.ask(UploadFile(name, "b2/x-auto", sha1(data).hexdigest(), {"K": "ü"}, Blob(data)), pair.urls[0])
    large = pair.ask(StartLargeFile(bucket, "a/large", "text/plain", {}), master).file_id
    pair.ask(GetUploadPartUrl(large), master)
    for number in (1, 2):
        pair.ask(UploadPart(number, HEX_DIGITS_AT_END, Blob(b"part%d" % number)), pair.urls[1])
    return pair


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_direct_and_over_the_wire_agree_on_every_call_sequence(data: st.DataObject) -> None:
    pair = seeded_pair()
    for _ in range(data.draw(st.integers(1, 25))):
        step(pair, data)
    assert pair.direct.snapshot() == pair.wired.snapshot()
    assert [(type(done.call), done.file_id) for done in pair.direct.journal] == [
        (type(done.call), done.file_id) for done in pair.wired.journal
    ]


def one_of_each(pair: Pair) -> dict[type[Call[Any]], Any]:
    """A reply of every call, in an order in which all succeed."""
    master, bucket = pair.authorizations[0], pair.buckets[1]
    replies: dict[type[Call[Any]], Any] = {}

    def ask(call: Call[Any], credential: Any = master) -> Any:
        reply = pair.ask(call, credential)
        assert reply is not None, call.name
        replies[type(call)] = reply
        return reply

    ask(AuthorizeAccount(), None)
    key = ask(CreateKey(master.account_id, ("listFiles",), "key-one"))
    ask(ListKeys(master.account_id))
    ask(DeleteKey(key.application_key_id))
    third = ask(CreateBucket(master.account_id, "bucket-three", file_lock_enabled=True)).bucket_id
    ask(GetUploadUrl(third))
    locked = ask(UploadFile("n", "text/plain", HEX_DIGITS_AT_END, {}, Blob(b"")), pair.urls[-1]).file_id
    ask(UpdateFileRetention("n", locked, FileRetention("governance", 10_000)))
    ask(UpdateFileLegalHold("n", locked, "on"))
    ask(UpdateFileLegalHold("n", locked, "off"))
    ask(DeleteFileVersion("n", locked, bypass_governance=True))
    ask(UpdateBucket(master.account_id, third, bucket_info={"a": "b"}))
    ask(SetBucketNotificationRules(third, ()))
    ask(GetBucketNotificationRules(third))
    ask(GetDownloadAuthorization(third, "", 60))
    pair.authorizations.pop()
    ask(DeleteBucket(master.account_id, third))
    ask(ListBuckets(master.account_id))
    small = ask(UploadFile("n", "b2/x-auto", HEX_DIGITS_AT_END, {}, Blob(b"abcd")), pair.urls[0]).file_id
    large = ask(StartLargeFile(bucket, "l", "text/plain", {})).file_id
    ask(GetUploadPartUrl(large))
    first = ask(UploadPart(1, "do_not_verify", Blob(b"ef")), pair.urls[-1])
    second = ask(CopyPart(small, large, 2, "bytes=1-2"))
    ask(ListParts(large))
    ask(ListUnfinishedLargeFiles(bucket))
    ask(FinishLargeFile(large, (first.content_sha1, second.content_sha1)))
    ask(CancelLargeFile(ask(StartLargeFile(bucket, "gone", "text/plain", {})).file_id))
    copied = ask(CopyFile(large, "copied"))
    ask(GetFileInfo(copied.file_id))
    ask(HideFile(bucket, "copied"))
    ask(DeleteFileVersion("copied", copied.file_id))
    ask(ListFileNames(bucket))
    ask(ListFileVersions(bucket))
    ask(GetUploadUrl(bucket))
    ask(DownloadFileById(large))
    ask(DownloadFileByName("bucket-one", "n"))
    return replies


def test_the_reply_of_every_call_has_the_declared_type() -> None:
    replies = one_of_each(seeded_pair())
    assert set(replies) == set(ALL_CALLS)
    for call, reply in replies.items():
        assert type(reply) is call.reply, call.name


def test_a_long_body_is_streamed_and_its_digest_follows_it() -> None:
    content = bytes(range(256)) * (ONE_PIECE_BYTES // 256 + 1)
    simulator = Simulator(lambda: 1_000)
    bucket = simulator.add_bucket("bucket-one").bucket_id
    api = HttpApi(
        simulator.master_key_id,
        simulator.master_key,
        realm_address="https://realm.example",
        transport=over_the_wire(simulator),
    )
    reader = Reader({"long": content})
    authorization = authorization_from(unsafe_perform_io(api.send(AuthorizeAccount(), None, reader).unwrap()))
    url = unsafe_perform_io(api.send(GetUploadUrl(bucket), authorization, reader).unwrap())
    body = LocalSlice("long", ByteRange(0, len(content)), LocalFact(len(content), 0))
    file = unsafe_perform_io(
        api.send(
            UploadFile("long", "b2/x-auto", HEX_DIGITS_AT_END, {}, body),
            UploadUrl(url.upload_url, url.authorization_token),
            reader,
        ).unwrap()
    )
    assert (file.content_length, file.content_sha1) == (len(content), sha1(content).hexdigest())


def test_direct_and_over_real_sockets_agree() -> None:
    pair = seeded_pair()
    with serve_in_thread(pair.wired) as server:
        pair.direct.base_url = server.url
        for index, (direct, _) in enumerate(pair.apis):
            key = direct._key
            pair.apis[index] = direct, HttpApi(key.key_id, key.key, realm_address=server.url)
        pair.urls.clear()
        pair.authorizations[0] = authorization_from(pair.ask(AuthorizeAccount(), None))
        pair.ask(GetUploadUrl(pair.buckets[1]), pair.authorizations[0])
        one_of_each(pair)
        for file_id, name in pair.files:
            for range_ in (None, "bytes=1-2", "bytes=99-"):
                pair.ask(DownloadFileById(file_id, range_), pair.authorizations[0])
                pair.ask(DownloadFileByName("bucket-one", name, range_), pair.authorizations[0])
        for _, wired in pair.apis:
            wired.close()
    assert pair.direct.snapshot() == pair.wired.snapshot()


def test_a_url_is_occupied_until_the_whole_body_is_there() -> None:
    simulator = Simulator(lambda: 1_000)
    bucket = simulator.add_bucket("bucket-one").bucket_id
    with (
        serve_in_thread(simulator) as server,
        HttpApi(simulator.master_key_id, simulator.master_key, realm_address=server.url) as api,
    ):
        authorization = authorization_from(unsafe_perform_io(api.send(AuthorizeAccount(), None, Reader()).unwrap()))
        reply = unsafe_perform_io(api.send(GetUploadUrl(bucket), authorization, Reader()).unwrap())
        url = UploadUrl(reply.upload_url, reply.authorization_token)
        call = UploadFile("n", "text/plain", "do_not_verify", {}, Blob(b"x"))
        address = httpx.URL(server.url)
        with socket.create_connection((address.host, address.port or 0)) as slow:
            target = url.url.removeprefix(server.url)
            slow.sendall(
                f"POST {target} HTTP/1.1\r\nHost: h\r\nAuthorization: {url.token}\r\n"
                "Content-Length: 10\r\n\r\nhalf".encode()
            )
            _wait_until(lambda: simulator._world.credentials.endpoints[target].occupied)
            assert _code_until(api, call, url, "auth_token_limit")
        assert _code_until(api, call, url, "expired_auth_token")


def _wait_until(true: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if true():
            return
        sleep(0.01)
    raise AssertionError("it never came to be")


def _code_until(api: HttpApi, call: UploadFile, url: UploadUrl, code: str) -> bool:
    """Whether uploads come to be refused with this code: the server sees the other connection in its own time."""
    for _ in range(200):
        answer = api.send(call, url, Reader())
        if isinstance(answer, IOFailure) and getattr(unsafe_perform_io(answer.failure()), "code", "") == code:
            return True
        sleep(0.01)
    return False


def test_nobody_listening_is_a_connect_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with HttpApi("k", "s", realm_address=f"http://127.0.0.1:{port}") as api:
        refused = Transport("connect", os.strerror(errno.ECONNREFUSED), f"127.0.0.1:{port}")
        assert api.send(AuthorizeAccount(), None, Reader()) == IOFailure(refused)


HOST: Final = "b2.example:8180"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectTimeout("u"), Transport("connect", "no connection came about in time", HOST)),
        (httpx.ReadTimeout("u"), Transport("timeout", "ReadTimeout: the server did not answer in time", HOST)),
        (
            httpx.WriteTimeout("u"),
            Transport("timeout", "WriteTimeout: the server did not take the request in time", HOST),
        ),
        (httpx.ReadError("u"), Transport("broken", "ReadError", HOST)),
        (httpx.WriteError("u"), Transport("broken", "WriteError", HOST)),
        (
            httpx.RemoteProtocolError("u"),
            Transport(
                "broken",
                "RemoteProtocolError: the server closed the connection, or its answer was no HTTP",
                HOST,
            ),
        ),
    ],
)
def test_what_httpx_raises_is_a_transport_error_without_its_text(raised: Exception, expected: Transport) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise raised

    api = HttpApi("k", "s", transport=httpx.MockTransport(answer), realm_address=f"http://{HOST}/secret")
    assert api.send(AuthorizeAccount(), None, Reader()) == IOFailure(expected)


def test_a_short_download_is_broken() -> None:
    headers = {"content-length": "9", "x-bz-file-id": "f", "x-bz-file-name": "n", "x-bz-upload-timestamp": "1"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=iter([b"four"])))
    api, sink = HttpApi("k", "s", transport=transport), Sink()
    authorization = Pair().authorizations[0]
    answer = api.fetch(DownloadFileById(FileId("f")), authorization, sink)
    assert answer == IOFailure(Transport("broken", "the body stopped after 4 of 9 bytes"))
    assert sink.data == b"four"


def test_the_server_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for name in ("serve", "serve_http"):
        monkeypatch.delitem(sys.modules, f"b2pure.shell.{name}")
    with pytest.raises(ImportError, match=r"pip install 'b2pure\[server\]'"):
        importlib.import_module("b2pure.shell.serve")


def test_neither_cookies_nor_redirects_are_followed() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"set-cookie": "a=b", "location": "https://elsewhere.example/"})

    api = HttpApi("k", "s", transport=httpx.MockTransport(answer))
    for _ in range(2):
        assert api.send(AuthorizeAccount(), None, Reader()) == IOFailure(Rejected(302, "http_302", ""))
    assert [request.headers.get("cookie") for request in seen] == [None, None]
    assert seen[0].headers["accept-encoding"] == "identity"
    assert seen[0].headers["user-agent"].startswith("b2pure/")
    assert "x-bz-test-mode" not in seen[0].headers


def test_the_test_mode_goes_out_with_every_request() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("x-bz-test-mode"))
        return httpx.Response(500)

    api = HttpApi("k", "s", transport=httpx.MockTransport(answer), test_mode="force_cap_exceeded")
    api.send(AuthorizeAccount(), None, Reader())
    api.fetch(DownloadFileById(FileId("f")), Pair().authorizations[0], Sink())
    assert seen == ["force_cap_exceeded"] * 2
