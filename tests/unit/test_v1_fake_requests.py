"""Programs are tested with fakes of the library `requests`: what b2sdk 1.1.4 asks of it is all that a fake needs.

The facts were written down while b2sdk 1.1.4's `B2Http` ran over a fake that writes down what is touched of it.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from typing import Any, Final
from unittest.mock import ANY, MagicMock, Mock, call

import httpx
import pytest
import requests
from attrs import define, field

from b2pure.effects.faults import Answer, CutDownload, FailNth
from b2pure.shell.v1 import exceptions as v1
from b2pure.shell.v1.requests_session import RequestsSession
from b2pure.testing.served import ServedB2
from b2pure.v1 import (
    B2Api,
    B2Http,
    B2RawApi,
    Bucket,
    DownloadDestBytes,
    InMemoryAccountInfo,
    RawSimulator,
    UploadSourceBytes,
)

URL: Final = "http://example.com"
HEADERS: Final = {"my_header": "my_value"}
DATA: Final = b'{"color": "blue"}'
REFUSAL: Final = b'{"status": 400, "code": "bad_json", "message": "no such thing"}'


@define
class Response:
    """What b2sdk 1.1.4 touches of the answer to a POST, and no more."""

    content: bytes = DATA
    status_code: int = 200
    headers: dict[str, str] = field(factory=dict)
    closed: bool = False

    def close(self) -> None:
        self.closed = True


def _fake(response: object) -> tuple[MagicMock, B2Http]:
    module = MagicMock()
    session = module.Session.return_value
    session.post.return_value = session.get.return_value = response
    return session, B2Http(module, install_clock_skew_hook=False)


def _sent(http: B2Http) -> dict[str, str]:
    return {**HEADERS, "User-Agent": http.user_agent}


ASK: list[Callable[[B2Http], Any]] = [
    lambda http: http.post_json_return_json(URL, HEADERS, {"fileSize": 100}),
    lambda http: http.post_content_return_json(URL, HEADERS, io.BytesIO(b"data")),
]


@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize("make", [Response, lambda: MagicMock(status_code=200, content=DATA)])
def test_an_answer_has_a_status_and_a_content(ask: Callable[[B2Http], Any], make: Callable[[], Any]) -> None:
    response = make()
    session, http = _fake(response)
    assert ask(http) == {"color": "blue"}
    session.post.assert_called_once_with(URL, headers=_sent(http), data=ANY, timeout=B2Http.TIMEOUT)
    assert response.closed if isinstance(response, Response) else response.close.called


def test_what_is_sent_is_a_stream_of_all_of_it() -> None:
    session, http = _fake(Response())
    http.post_json_return_json(URL, HEADERS, {"fileSize": 100})
    assert session.post.call_args.kwargs["data"].read() == b'{"fileSize":100}'
    stream = io.BytesIO(b"some data")
    stream.read(4)
    http.post_content_return_json(URL, HEADERS, stream)
    assert session.post.call_args.kwargs["data"] is stream
    assert stream.read() == b"some data"


def test_a_refusal_is_told() -> None:
    _, http = _fake(Response(REFUSAL, 400))
    with pytest.raises(v1.BadJson, match="no such thing"):
        ASK[0](http)
    with pytest.raises(v1.BadJson, match="no such thing"):
        http.get_content(URL, HEADERS)


def test_what_is_no_json_is_told() -> None:
    _, http = _fake(Response(b"<html>"))
    with pytest.raises(v1.B2ConnectionError, match="not JSON"):
        http.post_json_return_json(URL, HEADERS, {}, try_count=1)


def test_a_line_that_does_not_come_about_is_told() -> None:
    session, http = _fake(Response())
    session.post.side_effect = requests.ConnectionError("NameResolutionError")
    with pytest.raises(v1.UnknownHost):
        http.post_json_return_json(URL, HEADERS, {}, try_count=1)


def test_content_is_the_module_s_own_response() -> None:
    response = MagicMock(status_code=200)
    session, http = _fake(response)
    with http.get_content(URL, HEADERS) as got:
        assert got is response
        response.close.assert_not_called()
    response.close.assert_called_once_with()
    session.get.assert_called_once_with(URL, headers=_sent(http), stream=True, timeout=B2Http.TIMEOUT)


def test_callbacks_hear_of_it() -> None:
    response = MagicMock(status_code=200)
    _, http = _fake(response)
    heard = Mock(spec=["pre_request", "post_request"])
    http.callbacks.append(heard)
    with http.get_content(URL, HEADERS):
        pass
    assert heard.mock_calls == [
        call.pre_request("GET", URL, _sent(http)),
        call.post_request("GET", URL, _sent(http), response),
    ]


def test_a_timeout_that_was_given_counts() -> None:
    module = MagicMock()
    module.Session.return_value.post.return_value = Response()
    http = B2Http(module, install_clock_skew_hook=False, connect_timeout=3, read_timeout=5)
    ASK[0](http)
    assert module.Session.return_value.post.call_args.kwargs["timeout"] == (3, 5)


@define
class _Plain:
    """A session of `requests` whose answers have no `iter_content`."""

    module: Any
    session: Any = field(factory=requests.Session)

    @property
    def Session(self) -> Callable[[], Any]:
        return lambda: self

    def post(self, *args: Any, **named: Any) -> Response:
        return self._plain(self.session.post(*args, **named))

    def get(self, *args: Any, **named: Any) -> Response:
        return self._plain(self.session.get(*args, **named))

    def _plain(self, got: Any) -> Response:
        return Response(got.content, got.status_code, dict(got.headers))

    def close(self) -> None:
        self.session.close()


def _account(b2_server: ServedB2, module: Any) -> tuple[B2RawApi, Bucket]:
    raw = B2RawApi(B2Http(module))
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account(b2_server.url, b2_server.key_id, b2_server.key)
    return raw, api.create_bucket("my-bucket", "allPublic")


@pytest.mark.b2
def test_programs_run_over_answers_without_iter_content(b2_server: ServedB2) -> None:
    _, bucket = _account(b2_server, _Plain(requests))
    bucket.upload_bytes(b"hello", "a")
    got = DownloadDestBytes()
    bucket.download_file_by_name("a", got)
    assert got.get_bytes_written() == b"hello"
    with pytest.raises(v1.FileNotPresent):
        bucket.download_file_by_name("b", DownloadDestBytes())


@pytest.mark.b2
def test_a_download_of_ones_own_over_the_library_goes_on_where_it_broke(b2_server: ServedB2) -> None:
    raw, bucket = _account(b2_server, requests)
    data = bytes(range(256)) * 4_000
    bucket.upload_bytes(data, "a", min_part_size=len(data))
    asked = Mock(wraps=raw.download_file_from_url)
    raw.download_file_from_url = asked  # type: ignore[method-assign]
    b2_server.faults.append(FailNth("b2_download_file_by_name", 1, Answer(503)))
    got = DownloadDestBytes()
    bucket.download_file_by_name("a", got)
    assert got.get_bytes_written() == data
    assert asked.call_args_list[0].kwargs == {"range_": None}


def _breaking_in_the_middle(whole: Any) -> Any:
    def breaks(size: int) -> Any:
        yield next(whole(4))
        raise requests.exceptions.ChunkedEncodingError("broken")

    return breaks


def _breaking_at_once(_: Any) -> Any:
    def breaks(size: int) -> Any:
        raise requests.exceptions.ConnectionError("broken")

    return breaks


@pytest.mark.parametrize("breaking", [_breaking_in_the_middle, _breaking_at_once])
def test_what_the_library_raises_while_a_download_is_read_is_tried_again(breaking: Callable[[Any], Any]) -> None:
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    bucket = api.create_bucket("my-bucket", "allPublic")
    bucket.upload_bytes(b"0123456789", "a")
    original = raw.download_file_from_url
    broken: list[Any] = []

    def download(*args: Any, **named: Any) -> Any:
        context = original(*args, **named)
        if not broken:
            broken.append(context)
            context.response.iter_content = breaking(context.response.iter_content)
        return context

    raw.download_file_from_url = download  # type: ignore[method-assign]
    got = DownloadDestBytes()
    bucket.download_file_by_name("a", got)
    assert got.get_bytes_written() == b"0123456789"


class _FakeB2:
    """A session that answers as version 2 of B2's interface did when b2sdk 1.1.4 was written, and remembers."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, str], Any]] = []

    def post(self, url: str, headers: dict[str, str], data: Any, timeout: float) -> Response:
        name = url.partition("?")[0].rpartition("/")[2]
        body = data.read()
        self.posted.append((url, headers, body if "b2_upload" in name else json.loads(body)))
        return Response(json.dumps(REPLIES[name]).encode())


REPLIES: Final[dict[str, dict[str, Any]]] = {
    "b2_authorize_account": {
        "accountId": "account",
        "apiUrl": "http://api",
        "authorizationToken": "token",
        "downloadUrl": "http://down",
        "minimumPartSize": 100_000_000,
        "recommendedPartSize": 100_000_000,
        "absoluteMinimumPartSize": 5_000_000,
        "allowed": {
            "bucketId": None,
            "bucketName": None,
            "capabilities": ["listBuckets", "writeFiles", "writeKeys"],
            "namePrefix": None,
        },
    },
    "b2_list_buckets": {
        "buckets": [
            {
                "accountId": "account",
                "bucketId": "b1",
                "bucketName": "my-bucket",
                "bucketType": "allPublic",
                "bucketInfo": {},
                "corsRules": [],
                "lifecycleRules": [],
                "revision": 1,
            }
        ]
    },
    "b2_get_upload_url": {"bucketId": "b1", "uploadUrl": "http://pod/b2_upload_file?x", "authorizationToken": "up"},
    "b2_upload_file": {
        "fileId": "f1",
        "fileName": "a",
        "accountId": "account",
        "bucketId": "b1",
        "contentLength": 5,
        "contentSha1": sha1(b"hello").hexdigest(),
        "contentType": "text/plain",
        "fileInfo": {},
    },
    "b2_create_key": {
        "accountId": "account",
        "applicationKeyId": "k1",
        "applicationKey": "secret",
        "keyName": "name",
        "capabilities": ["listFiles"],
        "bucketId": "b1",
        "expirationTimestamp": None,
        "namePrefix": None,
    },
}


def test_a_fake_b2_of_its_time_is_enough() -> None:
    session, module = _FakeB2(), MagicMock()
    module.Session.return_value = session
    http = B2Http(module)
    api = B2Api(InMemoryAccountInfo(), raw_api=B2RawApi(http))
    api.authorize_account("production", "id", "key")
    bucket = api.get_bucket_by_name("my-bucket")
    assert bucket.upload_bytes(b"hello", "a").id_ == "f1"
    assert api.create_key(["listFiles"], "name", bucket_id="b1")["bucketId"] == "b1"
    assert [url for url, _, _ in session.posted] == [
        "https://api.backblazeb2.com/b2api/v2/b2_authorize_account",
        "http://api/b2api/v2/b2_list_buckets",
        "http://api/b2api/v2/b2_get_upload_url",
        "http://pod/b2_upload_file?x",
        "http://api/b2api/v2/b2_create_key",
    ]
    (_, basic, nothing), (_, named, asked), _, (_, uploads, sent), (_, _, key) = session.posted
    assert basic["Authorization"].startswith("Basic ")
    assert nothing == {}
    assert (named["Authorization"], named["User-Agent"]) == ("token", http.user_agent)
    assert asked.items() >= {"accountId": "account", "bucketName": "my-bucket"}.items()
    assert uploads.items() >= {"Authorization": "up", "X-Bz-File-Name": "a", "Content-Type": "b2/x-auto"}.items()
    assert uploads["Content-Length"] == str(len(sent))
    assert sent.startswith(b"hello")
    assert key.items() >= {"bucketId": "b1", "keyName": "name"}.items()
    assert "bucketIds" not in key
    http.close()


@pytest.mark.b2
@pytest.mark.parametrize("data", [b"", b"x" * 3_000_000])
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_upload_whose_digest_is_known_goes_through_the_library(
    b2_server: ServedB2, data: bytes, wrapped: bool
) -> None:
    """B2 takes no body whose length it is not told, not even an empty one."""
    _, bucket = _account(b2_server, _Wrapped if wrapped else requests)
    bucket.upload(UploadSourceBytes(data, sha1(data).hexdigest()), "a")
    got = DownloadDestBytes()
    bucket.download_file_by_name("a", got)
    assert got.get_bytes_written() == data


@pytest.mark.b2
@pytest.mark.parametrize("data", [b"", io.BytesIO(), b"x", io.BytesIO(b"x")])
def test_a_body_of_one_s_own_goes_through_the_library(b2_server: ServedB2, data: Any) -> None:
    """An empty one too has a length, and does not come in chunks."""
    raw, bucket = _account(b2_server, requests)
    whole = data if isinstance(data, bytes) else data.getvalue()
    info = bucket.api.account_info
    place = raw.get_upload_url(info.get_api_url(), info.get_account_auth_token(), bucket.id_)
    headers = {
        "Authorization": place["authorizationToken"],
        "Content-Length": str(len(whole)),
        "Content-Type": "b2/x-auto",
        "X-Bz-File-Name": "a",
        "X-Bz-Content-Sha1": sha1(whole).hexdigest(),
    }
    made = raw.b2_http.post_content_return_json(place["uploadUrl"], headers, data, try_count=1)
    assert made["contentLength"] == len(whole)


@pytest.mark.parametrize("length", [0, 3])
def test_a_stream_that_can_only_be_rewound_is_passed_on(length: int) -> None:
    class Stream:
        def __init__(self) -> None:
            self.left = b"x" * length

        def tell(self) -> int:
            return length - len(self.left)

        def seek(self, position: int) -> None:
            self.left = b"x" * length

        def read(self, size: int = -1) -> bytes:
            found, self.left = self.left, b""
            return found

    session, http = _fake(Response())
    http.post_content_return_json(URL, HEADERS, Stream())
    assert session.post.call_args.kwargs["data"].read() == b"x" * length


@pytest.mark.parametrize("module", [None, requests])
@pytest.mark.parametrize("url", ["nonsense", "ftp://example.com/file", "http://"])
def test_what_is_no_url_is_told_with_and_without_a_module(module: Any, url: str) -> None:
    http = B2Http(module)
    asked: list[Callable[[], Any]] = [
        lambda: http.post_json_return_json(url, HEADERS, {}),
        lambda: http.post_content_return_json(url, HEADERS, b"data"),
        lambda: http.get_content(url, HEADERS),
    ]
    for ask in asked:
        with pytest.raises(v1.InvalidArgument, match=r"^url must be an http or https URL$"):
            ask()


def test_a_proxy_s_address_is_not_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http:///")
    with pytest.raises(v1.ConnectionReset):
        B2Http(requests).post_json_return_json(URL, HEADERS, {}, try_count=1)


@pytest.mark.b2
def test_what_breaks_in_content_of_one_s_own_is_told_by_the_library_without_a_url(b2_server: ServedB2) -> None:
    """The response is the library's, and so are its exceptions, as with b2sdk."""
    raw, bucket = _account(b2_server, requests)
    bucket.upload_bytes(b"0123456789" * 1000, "a")
    token = bucket.api.account_info.get_account_auth_token()
    url = f"{bucket.get_download_url('a')}?Authorization={token}"
    b2_server.faults.append(CutDownload("b2_download_file_by_name", nth=1, after_bytes=100))
    with raw.b2_http.get_content(url, {}) as got, pytest.raises(requests.RequestException) as raised:
        list(got.iter_content(10))
    assert token not in f"{raised.value!r} {raised.value}"
    assert raised.value.request is None


class _Wrapped:
    """The library under another name: it is spoken to in version 2."""

    Session = requests.Session


@pytest.mark.b2
@pytest.mark.parametrize("known", [False, True])
def test_a_local_file_goes_through_the_library(b2_server: ServedB2, tmp_path: Path, known: bool) -> None:
    """What is read of a file may lie where the next bytes of it will."""
    data = random.Random(1).randbytes(3_000_007)
    path = tmp_path / "file"
    path.write_bytes(data)
    _, bucket = _account(b2_server, requests)
    bucket.upload_local_file(str(path), "a", sha1_sum=sha1(data).hexdigest() if known else None)
    got = DownloadDestBytes()
    bucket.download_file_by_name("a", got)
    assert got.get_bytes_written() == data


@pytest.mark.b2
@pytest.mark.parametrize(
    "name",
    ["b2api/v4/notes.txt", "b2api/v4/b2_authorize_account", "b2_create_key", "x/b2_authorize_account", "b2_upload_/a"],
)
def test_a_file_may_be_called_what_a_call_is_called(b2_server: ServedB2, name: str) -> None:
    """In version 2, too, where the paths of calls are written anew."""
    _, bucket = _account(b2_server, _Wrapped)
    bucket.upload_bytes(b"of version 2", "b2api/v2/notes.txt")
    bucket.upload_bytes(b"hello", name)
    got = DownloadDestBytes()
    bucket.download_file_by_name(name, got)
    assert got.get_bytes_written() == b"hello"


@pytest.mark.parametrize(
    ("method", "url", "posted"),
    [
        ("POST", "http://pod/b2api/v4/b2_upload_file?x", "http://pod/b2api/v4/b2_upload_file?x"),
        ("GET", "http://api/a/b2api/v4/b2_authorize_account", "http://api/a/b2api/v2/b2_authorize_account"),
    ],
)
def test_a_call_is_of_version_2_and_an_upload_goes_to_the_url_that_b2_gave(method: str, url: str, posted: str) -> None:
    session, module = _FakeB2(), MagicMock()
    module.Session.return_value = session
    answer = RequestsSession(module, None, 5).exchange(httpx.Request(method, url, content=b"{}"))
    assert [asked for asked, _, _ in session.posted] == [posted]
    assert method == "POST" or "apiInfo" in json.loads(answer.read())


class _OneBuffer(httpx.SyncByteStream):
    """Each chunk lies where the one before it did."""

    def __iter__(self) -> Any:
        buffer = bytearray(4)
        for chunk in (b"0123", b"4567", b"89ab"):
            buffer[:] = chunk
            yield memoryview(buffer)


@pytest.mark.parametrize("sizes", [(12,), (-1,), (3, 3, 3, 3), (5, -1), (11, 1), (20,)])
def test_what_a_session_reads_is_what_was_to_be_sent(sizes: tuple[int, ...]) -> None:
    module = MagicMock()
    read: list[bytes] = []

    def post(url: str, headers: dict[str, str], data: Any, timeout: float) -> Response:
        read.extend(data.read(size) for size in sizes)
        read.append(data.read())
        return Response()

    module.Session.return_value.post = post
    session = RequestsSession(module, None, 5)
    session.exchange(httpx.Request("POST", URL, headers={"Content-Length": "12"}, stream=_OneBuffer()))
    assert b"".join(read) == b"0123456789ab"
    assert read[-1] == b"", "nothing is left"


@pytest.mark.b2
def test_keys_of_one_bucket_in_version_2(b2_server: ServedB2) -> None:
    raw, bucket = _account(b2_server, _Wrapped)
    key = bucket.api.create_key(["listFiles", "listBuckets"], "one", bucket_id=bucket.id_)
    assert [each["bucketId"] for each in bucket.api.list_keys()["keys"]] == [bucket.id_]
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account(b2_server.url, key["applicationKeyId"], key["applicationKey"])
    assert api.account_info.get_allowed()["bucketId"] == bucket.id_
    assert [each.id_ for each in api.list_buckets("my-bucket")] == [bucket.id_]
