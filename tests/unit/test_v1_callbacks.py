"""What an `HttpCallback` is given and what it may do, in requests of programs and in those of `B2Http` itself."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import httpx
import pytest
import requests
from attrs import define, field
from v1_world import SMALL_PARTS, World, served

from b2pure.shell.v1.request_kinds import call_of, is_download
from b2pure.v1 import B2Api, B2Http, B2RawApi, Bucket, DownloadDestBytes, HttpCallback, InMemoryAccountInfo, exception

MODULES: Final = pytest.mark.parametrize("module", [None, requests], ids=["own", "requests"])


@define(eq=False)
class Callback(HttpCallback):
    """Does what it was made for before requests and after them, and remembers the last headers."""

    pre: Callable[[dict[str, Any]], object] = lambda _headers: None
    post: Callable[[Any], object] = lambda _response: None
    headers: dict[str, Any] = field(factory=dict)
    response: Any = None
    calls: int = 0

    def pre_request(self, method: str, url: str, headers: dict[str, str]) -> None:
        self.calls += 1
        self.headers = headers
        self.pre(headers)

    def post_request(self, method: str, url: str, headers: dict[str, str], response: Any) -> None:
        assert headers is self.headers
        self.response = response
        self.post(response)


@pytest.fixture
def world() -> Iterator[World]:
    with served(SMALL_PARTS) as world:
        yield world


def _api(world: World, *callbacks: HttpCallback, module: Any = None) -> B2Api:
    http = B2Http(module)
    for callback in callbacks:
        http.add_callback(callback)
    api = B2Api(InMemoryAccountInfo(), raw_api=B2RawApi(http))
    api.authorize_account(world.url, world.simulator.master_key_id, world.simulator.master_key)
    return api


def _bucket(world: World, *callbacks: HttpCallback, module: Any = None) -> Bucket:
    return _api(world, *callbacks, module=module).create_bucket("watched", "allPrivate")


# --- the headers


@MODULES
def test_headers_are_a_dict_with_the_names_that_b2sdk_uses(world: World, module: Any) -> None:
    callback = Callback()
    bucket = _bucket(world, callback, module=module)
    bucket.upload_bytes(b"1", "x")
    assert type(callback.headers) is dict
    uploads = {"Authorization", "Content-Length", "Content-Type", "User-Agent", "X-Bz-Content-Sha1", "X-Bz-File-Name"}
    assert uploads <= set(callback.headers)
    assert callback.headers["X-Bz-File-Name"] == "x"
    bucket.download_file_by_name("x", DownloadDestBytes())
    assert {"Authorization", "User-Agent"} <= set(callback.headers)


@define(eq=False)
class Echo:
    """A server that remembers the headers of the last request, and answers with one content."""

    url: str
    headers: list[dict[str, str]]
    answer: dict[str, str] = field(factory=dict)
    content: bytes = b'{"a": 1}'


@pytest.fixture
def echo() -> Iterator[Echo]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.headers.append(dict(self.headers.items()))
            self.send_response(200)
            for name, value in {"Content-Length": str(len(found.content)), **found.answer}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(found.content)

        do_GET = do_POST

        def log_message(self, *_args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Echo(f"http://127.0.0.1:{server.server_port}", [])
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def _post(echo: Echo, callback: HttpCallback) -> dict[str, str]:
    http = B2Http()
    http.add_callback(callback)
    http.post_json_return_json(echo.url, {"Authorization": "t"}, {"p": 1}, try_count=1)
    return echo.headers[-1]


def test_what_a_callback_does_to_headers_is_done_to_the_request(echo: Echo) -> None:
    def change(headers: dict[str, Any]) -> None:
        headers.update({"X-Extra": "yes", "Authorization": "changed", "X-Bytes": b"z", "X-None": None, "X-Accent": "é"})
        del headers["User-Agent"]

    sent = _post(echo, Callback(change))
    assert (sent["X-Extra"], sent["Authorization"], sent["X-Bytes"], sent["X-Accent"]) == ("yes", "changed", "z", "é")
    assert "User-Agent" not in sent
    assert "X-None" not in sent


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "Host", "Transfer-Encoding", "Accept-Encoding"])
def test_what_must_be_ours_stays(echo: Echo, name: str) -> None:
    as_it_is = _post(echo, Callback())
    assert _post(echo, Callback(lambda headers: headers.update({name: "2"}))) == as_it_is
    assert _post(echo, Callback(dict.clear))["Content-Length"] == "7"


@pytest.mark.parametrize("value", [3, "a\r\nX-Other: 1", "\u2603", b"a\nb"])
def test_what_cannot_be_sent_is_a_mistake_that_is_not_told(echo: Echo, value: Any) -> None:
    with pytest.raises(exception.UnknownError) as raised:
        _post(echo, Callback(lambda headers: headers.update({"X-Extra": value})))
    assert not echo.headers
    assert "X-Other" not in str(raised.value)


@MODULES
def test_a_program_sends_them_too(world: World, module: Any) -> None:
    """The info of a file is in headers; so what a callback adds to it comes back."""
    adds = Callback(lambda headers: "X-Bz-File-Name" in headers and headers.update({"X-Bz-Info-By": "callback"}))
    assert _bucket(world, adds, module=module).upload_bytes(b"1", "x").file_info == {"by": "callback"}


# --- the response


@MODULES
def test_a_response_is_as_requests_shows_it(world: World, module: Any) -> None:
    callback = Callback()
    _api(world, callback, module=module).list_buckets()
    response = callback.response
    assert (response.status_code, response.ok, response.reason, bool(response)) == (200, True, "OK", True)
    assert response.headers["content-TYPE"].startswith("application/json")
    assert dict(response.headers)["content-type"] == response.headers["Content-Type"]  # as they are sent
    assert response.json() == json.loads(response.text) == json.loads(response.content) == {"buckets": []}
    assert response.url == response.request.url
    assert response.url.endswith("/b2_list_buckets")
    assert response.request.headers["AUTHORIZATION"] == callback.headers["Authorization"]
    assert (response.request.method, response.request.path_url) == ("POST", response.url.removeprefix(world.url))
    assert timedelta(0) < response.elapsed < timedelta(minutes=1)
    assert (list(response.cookies), list(response.history), response.encoding.lower()) == ([], [], "utf-8")
    assert b"".join(response.iter_content(3)) == response.content
    assert list(response.iter_lines()) == response.content.splitlines()
    assert (repr(response), repr(response.request)) == ("<Response [200]>", "<PreparedRequest [POST]>")
    assert response.raise_for_status() is None
    with response:
        pass


def test_of_a_request_no_repr_holds_a_token(world: World) -> None:
    callback = Callback()
    _api(world, callback).list_buckets()
    assert callback.headers["Authorization"] not in repr(callback.response.request.headers)
    assert json.loads(callback.response.request.body)["accountId"]


def test_a_refusal_is_read_too(world: World) -> None:
    callback = Callback()
    bucket = _bucket(world, callback)
    with pytest.raises(exception.FileNotPresent):
        bucket.download_file_by_name("none", DownloadDestBytes(), None)
    callback.post = lambda response: response.json()
    with pytest.raises(exception.FileNotPresent):
        bucket.download_file_by_name("none", DownloadDestBytes(), None)
    assert (callback.response.json()["status"], callback.response.ok, bool(callback.response)) == (404, False, False)
    with pytest.raises(OSError, match="404 Client Error"):
        callback.response.raise_for_status()


READERS: Final[dict[str, Callable[[Any], object]]] = {
    "nothing": lambda response: None,
    "content": lambda response: response.content,
    "text": lambda response: response.text,
    "pieces": lambda response: b"".join(response.iter_content(7)),
    "one piece": lambda response: next(iter(response.iter_content(7))),
    "raw": lambda response: response.raw.read(5),
    "close": lambda response: response.close(),
    "with": lambda response: response.__enter__().__exit__(None, None, None),
}


@pytest.mark.parametrize("name", READERS)
def test_a_download_goes_where_it_was_to_go_whatever_a_callback_reads(world: World, name: str) -> None:
    data = gzip.compress(b"holiday " * 1000)
    bucket = _bucket(world, Callback(post=READERS[name]))
    file = bucket.upload_bytes(data, "x", file_infos={"b2-content-encoding": "gzip"})
    for dest in (by_name := DownloadDestBytes(), by_id := DownloadDestBytes()):
        if dest is by_name:
            bucket.download_file_by_name("x", dest)
        else:
            bucket.download_file_by_id(str(file.id_), by_id)
        assert dest.get_bytes_written() == data


@MODULES
@pytest.mark.parametrize("name", ["nothing", "content", "text"])
def test_content_comes_whole_whatever_a_callback_reads(echo: Echo, name: str, module: Any) -> None:
    http = B2Http(module)
    http.add_callback(Callback(post=READERS[name]))
    with http.get_content(echo.url, {}) as content:
        assert b"".join(content.iter_content(3)) == echo.content


def test_the_content_of_a_download_is_decoded_and_raw_is_not(echo: Echo) -> None:
    plain, echo.answer = echo.content, {"Content-Encoding": "gzip", "Set-Cookie": "a=b"}
    echo.content = gzip.compress(plain)
    callback = Callback(post=lambda response: response.content)
    http = B2Http()
    http.add_callback(callback)
    http.get_content(echo.url, {})
    response = callback.response
    assert (response.content, response.raw.read(), response.raw.status) == (plain, echo.content, 200)
    assert dict(response.cookies) == {"a": "b"}


def test_a_download_that_went_is_gone_for_a_callback(echo: Echo) -> None:
    callback = Callback()
    http = B2Http()
    http.add_callback(callback)
    with http.get_content(echo.url, {}) as content:
        assert b"".join(content.iter_content(3)) == echo.content
    with pytest.raises(RuntimeError, match="consumed already"):
        callback.response.content  # noqa: B018


def test_a_download_that_breaks_off_breaks_off_for_a_callback(echo: Echo) -> None:
    echo.answer = {"Content-Length": "100", "Connection": "close"}
    http = B2Http()
    http.add_callback(Callback(post=lambda response: response.content))
    with pytest.raises(exception.ConnectionReset):
        http.get_content(echo.url, {}, try_count=1)


# --- what callbacks raise


@MODULES
@pytest.mark.parametrize("when", ["pre", "post"])
def test_a_mistake_is_an_unknown_error_and_is_not_tried_again(world: World, echo: Echo, when: str, module: Any) -> None:
    def mistake(_argument: object) -> None:
        raise RuntimeError("a bug")

    callback = Callback()
    api = _api(world, callback, module=module)
    setattr(callback, when, mistake)
    calls = callback.calls
    http = B2Http(module)
    http.add_callback(callback)
    attempts: list[Callable[[], object]] = [api.list_buckets, lambda: http.get_content(echo.url, {})]
    for attempt in attempts:
        with pytest.raises(exception.UnknownError) as raised:
            attempt()
        assert str(raised.value) == "Unknown error: RuntimeError('a bug')"
    assert callback.calls == calls + 2


def test_what_b2_s_own_errors_say_counts(world: World) -> None:
    callback = Callback()
    api = _api(world, callback)
    callback.pre = _raising(exception.B2HttpCallbackPreRequestException("read only"))
    with pytest.raises(exception.B2HttpCallbackPreRequestException, match="read only"):
        api.list_buckets()


def _raising(error: Exception) -> Callable[[object], None]:
    def fail(_argument: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("method", "url", "call", "download"),
    [
        ("GET", "http://h/b2api/v4/b2_authorize_account", "b2_authorize_account", False),
        ("GET", "http://h/file/b/b2_authorize_account", "", True),
        ("GET", "http://h/file/b/b2api/v4/b2_authorize_account", "", True),
        ("GET", "http://h/b2api/v4/b2_download_file_by_id?fileId=4_z", "b2_download_file_by_id", True),
        ("POST", "http://h/b2api/v4/b2_upload_file/t", "", False),
        ("POST", "http://h/b2api/v4/b2_list_buckets", "b2_list_buckets", False),
    ],
)
def test_what_somebody_calls_a_file_is_no_call(method: str, url: str, call: str, download: bool) -> None:
    request = httpx.Request(method, url)
    assert (call_of(request), is_download(request)) == (call, download)
