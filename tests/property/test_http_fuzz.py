"""Nothing that arrives makes the server fail: whatever the request, the answer is one that B2 could give.

The requests are made from the table of calls: valid ones for a world that has something of everything, and then
changed field by field, header by header, byte by byte.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import cache
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from b2pure.effects.served import ServedRequest, serve
from b2pure.effects.served.status import serve_status
from b2pure.effects.simulator import AccountToken, Simulator, SimulatorConfig
from b2pure.effects.wire import KeyPair
from b2pure.model.calls import (
    ALL_CALLS,
    AuthorizeAccount,
    Call,
    CreateBucket,
    GetUploadPartUrl,
    GetUploadUrl,
    StartLargeFile,
    UploadFile,
    UploadPart,
)
from b2pure.shell.serve import ServeOptions, asgi_app, serve_in_thread

STATUSES: Final = {200, 206, 400, 401, 403, 404, 405, 408, 409, 416, 429}
"""What B2 answers to a request, however odd, when nothing is wrong with B2."""

_BAD_IN_HEADERS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


# -- a world with something of everything


@frozen
class World:
    """A simulator, and what valid requests are made of."""

    simulator: Simulator
    pools: Mapping[str, list[str]]
    tokens: list[str]
    upload_targets: list[tuple[str, str]]


@cache
def world() -> World:
    simulator = Simulator(lambda: 1_700_000_000_000, config=SimulatorConfig(absolute_minimum_part_size=2))
    master = KeyPair(simulator.master_key_id, simulator.master_key)
    token = simulator.handle(AuthorizeAccount(), master).unwrap().authorization_token
    account = AccountToken(token)
    buckets = [simulator.add_bucket("bucket-one").bucket_id, simulator.add_bucket("bucket-two", "allPublic").bucket_id]
    locked = CreateBucket(simulator.account_id, "bucket-locked", "allPrivate", file_lock_enabled=True)
    buckets.append(simulator.handle(locked, account).unwrap().bucket_id)
    files = [simulator.put(bucket, name, b"0123456789", info={"a": "ü"}) for bucket in buckets for name in ("n", "a/ü")]
    started = simulator.handle(StartLargeFile(buckets[0], "large", "b2/x-auto", {}), account).unwrap()
    assert started.file_id is not None
    narrow = simulator.add_key(["listFiles", "writeFiles"], bucket_ids=buckets[:1], name_prefix="a/")
    url = simulator.handle(GetUploadUrl(buckets[0]), account).unwrap()
    part_url = simulator.handle(GetUploadPartUrl(started.file_id), account).unwrap()
    ids = [str(file.file_id) for file in files if file.file_id is not None] + [str(started.file_id)]
    pools: dict[str, list[str]] = {
        "accountId": [simulator.account_id],
        "bucketId": list(buckets),
        "bucketName": ["bucket-one", "bucket-two", "bucket-new"],
        "fileId": ids,
        "fileName": ["n", "a/ü", "large", "new"],
        "applicationKeyId": [narrow.key_id, simulator.master_key_id],
        "keyName": ["key-one"],
        "bucketType": ["allPrivate", "allPublic", "all"],
        "contentType": ["text/plain", "b2/x-auto"],
        "range": ["bytes=0-4", "bytes=2-", "bytes=-3"],
        "prefix": ["", "a/"],
        "delimiter": ["/"],
        "sha1": ["87acec17cd9dcd20a716cc2cf67417b71c8a7016"],
        "capabilities": ["listFiles", "writeFiles", "readFiles"],
    }
    narrow_token = simulator.handle(AuthorizeAccount(), narrow).unwrap().authorization_token
    basic = "Basic " + b64encode(f"{master.key_id}:{master.key}".encode()).decode()
    targets = [
        (urlsplit(reply.upload_url)._replace(scheme="", netloc="").geturl(), reply.authorization_token)
        for reply in (url, part_url)
    ]
    return World(simulator, pools, [token, token, narrow_token, basic], targets)


# -- requests


ODD_TEXT: Final = st.one_of(
    st.sampled_from(
        [
            "",
            "\0",
            "\x7f",
            "\ud800",
            "a\udfff",
            "../..",
            "..",
            ".",
            "/",
            "//",
            "a" * 2000,
            "ü" * 600,
            "%",
            "%zz",
            "\r\n",
            "b2-x",
            "null",
            "-1",
            "1e999",
            "bytes=-0",
            "bytes=5-2",
            "bytes=" + "9" * 30 + "-",
            "4_z_f1",
            "*",
            "\u202e",
        ]
    ),
    st.text(max_size=20),
    st.text(st.characters(codec=None), max_size=10),
)
ODD: Final[st.SearchStrategy[Any]] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([0, -1, 1, 10_001, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30, 10**400]),
        st.floats(),
        ODD_TEXT,
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=5,
)


def pool_of(name: str) -> list[str]:
    pools = world().pools
    for key, pool in pools.items():
        if key.lower() in name.lower():
            return pool
    return ["text"]


def right(kind: inspect.Type, name: str) -> st.SearchStrategy[Any]:
    """Values of a type that may be right in a field of this name."""
    match kind:
        case inspect.StrType():
            return st.sampled_from(pool_of(name))
        case inspect.IntType():
            return st.sampled_from([1, 2, 3, 100, 1000])
        case inspect.FloatType():
            return st.floats(0, 1)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.LiteralType(values):
            return st.sampled_from(list(values))
        case inspect.UnionType(types):
            return st.one_of([right(one, name) for one in types])
        case inspect.VarTupleType(item) | inspect.ListType(item) | inspect.SetType(item) | inspect.FrozenSetType(item):
            return st.lists(right(item, name), max_size=3)
        case inspect.DictType():
            return st.dictionaries(
                st.sampled_from(["a", "src_last_modified_millis", "b2-expires"]),
                right(kind.value_type, name),
                max_size=2,
            )
        case inspect.StructType(cls):
            return fields_of(cls)
        case _:
            return ODD


@cache
def fields_of(record: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """The fields of a record as JSON: right ones, some of the optional ones left out."""
    info = inspect.type_info(record)
    assert isinstance(info, inspect.StructType)
    required = {field.encode_name: right(field.type, field.encode_name) for field in info.fields if field.required}
    optional = {field.encode_name: right(field.type, field.encode_name) for field in info.fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def spoiled(draw: st.DrawFn, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with a few of them gone, odd, or strange, at any depth."""
    fields = dict(fields)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        name = draw(st.sampled_from([*fields, "unknown", "bucketId", "fileId"]))
        inner = fields.get(name)
        what = draw(st.integers(0, 2))
        if what == 0:
            fields.pop(name, None)
        elif what == 1 and isinstance(inner, dict):
            fields[name] = draw(spoiled(inner))
        elif what == 1 and isinstance(inner, list) and inner and isinstance(inner[0], dict):
            fields[name] = [draw(spoiled(inner[0])), *inner[1:]]
        else:
            fields[name] = draw(ODD)
    return fields


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes with some of them cut out, doubled, or replaced."""
    for _ in range(draw(st.sampled_from([0] * 9 + [1, 1, 2]))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 20)))
        middle = draw(st.one_of(st.binary(max_size=8), st.just(data[start:stop] * 2), st.sampled_from(ODD_BYTES)))
        data = data[:start] + middle + data[stop:]
    return data


ODD_BYTES: Final = [
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"[" * 5000,
    b'{"a":' * 3000,
    b"\xef\xbb\xbf",
    b"1e999",
    b"-0",
    b"NaN",
    b"\r\n",
    b"\r\n\r\n",
    b"%",
    b"%ff",
    b"%c0%af",
    b"\\ud800",
    b'","fileId":"',
]

ODD_HEADERS: Final = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "range",
                "authorization",
                "content-length",
                "content-type",
                "x-bz-content-sha1",
                "x-bz-file-name",
                "expect",
                "x-bz-part-number",
                "x-bz-info-a",
                "x-bz-info-",
                "x-bz-info-b2-expires",
                "x-bz-info-\xfc",
                "x-bz-test-mode",
                "x-bz-custom-upload-timestamp",
                "x-bz-file-retention-mode",
                "x-bz-file-retention-retain-until-timestamp",
                "x-bz-file-legal-hold",
                "x-bz-server-side-encryption",
                "x-bz-server-side-encryption-customer-key",
                "origin",
                "x-bz-server-side-encryption-customer-algorithm",
                "x-bz-server-side-encryption-customer-key-md5",
                "host",
                "access-control-request-method",
                "access-control-request-headers",
                "transfer-encoding",
                "if-none-match",
            ]
        ),
        st.one_of(
            ODD_TEXT.map(lambda text: text.encode("utf-8", "surrogatepass").decode("latin-1")),
            st.sampled_from(
                [
                    "1",
                    "AES256",
                    "SSE-C",
                    "governance",
                    "on",
                    "GET",
                    "fail_some_uploads",
                    "force_cap_exceeded",
                    "expire_some_account_authorization_tokens",
                    "bytes=1-2",
                    "https://a.example",
                ]
            ),
        ),
    ),
    max_size=3,
)


def with_token(draw: st.DrawFn) -> str:
    """A token, mostly a good one."""
    return draw(st.sampled_from([*world().tokens * 4, "", "Basic", "Basic !", "Basic YQ==", "Basic /w=="]))


@st.composite
def api_requests(draw: st.DrawFn, call: type[Call[object]]) -> ServedRequest:
    """A call as a request, about as B2 wants it."""
    fields = draw(spoiled(draw(fields_of(call))))
    version = draw(st.sampled_from([1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 9]))
    target = f"/b2api/v{version}/{call.name}"
    method = draw(st.sampled_from(["POST"] * 20 + ["GET", "GET", "HEAD", "PUT", "DELETE", "OPTIONS"]))
    body = json.dumps(fields).encode()
    if method != "POST":
        query = "&".join(f"{name}={quoted(value)}" for name, value in fields.items())
        target, body = f"{target}?{query}", b""
    headers = [("authorization", with_token(draw)), *draw(ODD_HEADERS)]
    return ServedRequest(method, draw(spoiled_text(target)), tuple(headers), draw(damaged(body)))


def quoted(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text.encode("utf-8", "surrogatepass"))


def spoiled_text(text: str) -> st.SearchStrategy[str]:
    return damaged(text.encode("latin-1")).map(lambda data: data.decode("latin-1"))


@st.composite
def upload_requests(draw: st.DrawFn) -> ServedRequest:
    """An upload, with a body that may be the right one."""
    target, token = draw(st.sampled_from(world().upload_targets))
    body = draw(st.binary(max_size=60))
    digest = draw(st.sampled_from(["do_not_verify", "hex_digits_at_end", "0" * 40, "unverified:" + "0" * 40]))
    headers = [
        ("authorization", token),
        ("x-bz-file-name", draw(st.sampled_from(["n", "a%2Fb", "%C3%BC", "a+b"]))),
        ("content-type", "b2/x-auto"),
        ("content-length", str(len(body))),
        ("x-bz-content-sha1", digest),
        ("x-bz-part-number", "1"),
    ]
    drop = draw(st.sampled_from([None, None, None, *range(len(headers))]))
    kept = [header for index, header in enumerate(headers) if index != drop]
    odd = draw(ODD_HEADERS)
    method = draw(st.sampled_from(["POST"] * 9 + ["GET", "OPTIONS", "HEAD"]))
    arranged = [*odd, *kept] if draw(st.booleans()) else [*kept, *odd]
    return ServedRequest(method, draw(spoiled_text(target)), tuple(arranged), body)


@st.composite
def download_requests(draw: st.DrawFn) -> ServedRequest:
    """A download by name."""
    bucket = draw(st.sampled_from(["bucket-one", "bucket-two", "missing", "%00", "", "..", "%ff"]))
    name = draw(
        st.one_of(
            st.sampled_from(["n", "a/%C3%BC", "../..", "%2e%2e/", "", "a%2fb", "%ed%a0%80"]), ODD_TEXT.map(quoted)
        )
    )
    query = draw(
        st.sampled_from(
            [
                "",
                "?Authorization=" + world().tokens[0],
                "?Authorization",
                "?&=%ff",
                "?b2ContentType=a%0d%0ab",
                "?b2ContentDisposition=%00",
                "?b2Expires=%C3%BC",
                "?b2CacheControl=a&b2CacheControl=b",
            ]
        )
    )
    headers = (("authorization", with_token(draw)), *draw(ODD_HEADERS))
    method = draw(st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS"]))
    return ServedRequest(method, draw(spoiled_text(f"/file/{bucket}/{name}{query}")), headers)


def control_requests() -> st.SearchStrategy[ServedRequest]:
    """What is for the simulator, and what is for nobody."""
    targets = st.sampled_from(
        [
            "/",
            "/status.json",
            "/?bucket=bucket-one&after=%ff",
            "/?refresh=x",
            "/status.json?bucket=%00",
            "/control/faults",
            "/control/advance-time",
            "/control/expire-tokens",
            "/control/run-lifecycle",
            "/control/",
            "/control",
            "//",
            "",
            "*",
            "/favicon.ico",
            "/b2api",
            "/b2api/v4/",
            "/b2api/v4/b2_nothing",
            "/file/",
            "/file",
            "/b2api/v4/b2_upload_file",
        ]
    )
    bodies = st.one_of(
        st.binary(max_size=10),
        ODD.map(lambda value: json.dumps(value).encode()),
        st.sampled_from(ODD_BYTES),
        st.just(b'{"millis": 1000}'),
        st.just(b'{"millis": 90000000}'),
        st.just(b'{"tokens": "upload"}'),
    )
    methods = st.sampled_from(["GET", "POST", "HEAD", "DELETE", "OPTIONS"])
    hosts = st.sampled_from([(("host", "localhost"),), (("host", "evil"),), ()])
    return st.builds(
        lambda m, t, h, odd, b: ServedRequest(m, t, (*h, *odd), b), methods, targets, hosts, ODD_HEADERS, bodies
    )


def any_requests() -> st.SearchStrategy[ServedRequest]:
    """Every call as often as every other."""
    json_calls = [call for call in ALL_CALLS if call not in (UploadFile, UploadPart)]
    return st.one_of(*map(api_requests, json_calls), upload_requests(), download_requests(), control_requests())


# -- answers


@frozen
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def check(request: ServedRequest, answer: Answer) -> None:
    """The answer is one of B2's. Nothing in it would break HTTP."""
    headers = dict(answer.headers)
    told = f"{request.method} {request.target} {request.headers} {request.body!r}: {answer}"
    assert answer.status in STATUSES, told
    assert len(headers) == len(answer.headers), told
    assert all(name == name.lower() and name.isascii() for name in headers), told
    assert not any(_BAD_IN_HEADERS.search(name + value) for name, value in answer.headers), told
    if request.method == "HEAD":
        assert answer.body == b"", told
        return
    assert int(headers["content-length"]) == len(answer.body), told
    if answer.status not in (200, 206):
        error = json.loads(answer.body)
        assert set(error) == {"status", "code", "message"}, told
        assert error["status"] == answer.status, told
        assert isinstance(error["code"], str), told
        assert isinstance(error["message"], str), told
    elif headers["content-type"].startswith("application/json") and not request.target.startswith("/file/"):
        json.loads(answer.body)


class Logged(logging.Handler):
    """What is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(scope="module")
def logged() -> Iterator[Logged]:
    """Nothing must ever get here."""
    handler = Logged()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[Any], Any]]:
    """Run a coroutine to its end."""
    with asyncio.Runner() as runner:
        yield runner.run


async def asked(app: Any, request: ServedRequest) -> Answer:
    """The application's answer, with the whole body in two pieces."""
    path, _, query = request.target.partition("?")
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "method": request.method,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers],
    }
    half = len(request.body) // 2
    incoming = [
        {"type": "http.request", "body": request.body[:half], "more_body": True},
        {"type": "http.request", "body": request.body[half:], "more_body": False},
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *bodies = sent
    assert start["type"] == "http.response.start"
    assert [body["more_body"] for body in bodies] == [True] * (len(bodies) - 1) + [False]
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    return Answer(start["status"], headers, b"".join(body["body"] for body in bodies))


def still_answers(simulator: Simulator) -> None:
    """The simulator is in order and lets its owner in."""
    authorized = simulator.handle(AuthorizeAccount(), KeyPair(simulator.master_key_id, simulator.master_key)).unwrap()
    assert authorized.account_id == simulator.account_id
    simulator.snapshot()
    for target in ("/", "/status.json"):
        assert serve_status(simulator, target, started_millis=0).response.status == 200


@given(st.lists(any_requests(), min_size=1, max_size=4))
def test_every_request_has_an_answer_of_b2(
    run: Callable[[Any], Any], logged: Logged, requests: list[ServedRequest]
) -> None:
    simulator = world().simulator.fork()
    app = asgi_app(simulator, options=ServeOptions(json_bytes=100_000))
    for request in requests:
        try:
            answer = run(asked(app, request))
        except ConnectionAbortedError:
            # The body is not as long as it was said to be: over a socket, the client went away.
            assert str(len(request.body)) != dict(reversed(request.headers)).get("content-length")
            continue
        check(request, answer)
        assert logged.lines == []
    still_answers(simulator)


@given(any_requests())
def test_without_a_server_too(request: ServedRequest) -> None:
    simulator = world().simulator.fork()
    served = serve(simulator, request)
    assert served.response.status in STATUSES
    still_answers(simulator)


# -- sockets


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with serve_in_thread(
        world().simulator.fork(), options=ServeOptions(body_timeout_seconds=0.2, linger_seconds=0.2)
    ) as server:
        parts = urlsplit(server.url)
        assert parts.hostname is not None
        assert parts.port is not None
        yield parts.hostname, parts.port


def written(request: ServedRequest, length: bool) -> bytes:
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers)]
    if length and request.body:
        lines.append(f"content-length: {len(request.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Requests one after the other, or half of one, or nothing like it."""
    whole = b"".join(written(request, draw(st.booleans())) for request in draw(st.lists(any_requests(), max_size=3)))
    data = draw(damaged(whole))
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data + draw(st.binary(max_size=50))


def answers_in(data: bytes) -> list[int]:
    """The statuses of the answers in what came back; the last may be cut off, because the client said no more."""
    statuses = []
    while data:
        head, found, rest = data.partition(b"\r\n\r\n")
        match = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        assert match is not None, data[:200]
        if match.group(1) == b"100":
            data = rest
            continue
        assert found, data[:200]
        statuses.append(int(match.group(1)))
        assert b"\r\ndate: " in head, head
        length = re.search(rb"\r\ncontent-length: (\d+)", head)
        assert length is not None, head
        body, data = rest[: int(length.group(1))], rest[int(length.group(1)) :]
        if body.startswith(b"HTTP/1.1 "):  # the answer to a HEAD has none
            body, data = b"", rest
        if statuses[-1] not in (200, 206) and body:
            assert json.loads(body)["status"] == statuses[-1]
    return statuses


@given(streams())
def test_whatever_bytes_arrive_the_answers_are_http(address: tuple[str, int], logged: Logged, data: bytes) -> None:
    with socket.create_connection(address, timeout=10) as wire:
        try:
            wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)
            came = everything(wire)
        except ConnectionError:
            came = b""
    assert set(answers_in(came)) <= STATUSES
    with socket.create_connection(address, timeout=10) as wire:
        wire.sendall(b"GET /control/faults HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert answers_in(everything(wire)) == [200]
    assert logged.lines == []


def everything(wire: socket.socket) -> bytes:
    found = bytearray()
    while piece := wire.recv(65536):
        found += piece
    return bytes(found)
