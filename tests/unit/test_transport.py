"""The transport does what httpx's own does, on keep-alive, TLS, timeouts, early answers, broken lines and odd bodies.

Both are asked the same of a server that plays a script, byte by byte, and what they make of it is compared.
"""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest
import trustme
from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.io import IOResult, IOSuccess

from b2pure.effects.bodies import Bodies
from b2pure.effects.handlers import Unfinished
from b2pure.effects.interpreter import value_of
from b2pure.effects.program import ok
from b2pure.model.account import Allowed, Authorization, UploadUrl
from b2pure.model.calls import HEX_DIGITS_AT_END, AuthorizeAccount, DeleteFileVersion, ListBuckets, UploadFile
from b2pure.model.errors import B2Error, Rejected
from b2pure.model.ids import AccountId, FileId
from b2pure.model.limits import PartSizes
from b2pure.model.sources import Blob, Chained
from b2pure.shell import transport as module
from b2pure.shell.answers import Arriving
from b2pure.shell.authorities import VARIABLES
from b2pure.shell.http import HttpApi
from b2pure.shell.lanes import Asked, HttpLanes
from b2pure.shell.plain import plain_head
from b2pure.shell.transport import SocketTransport, fitting_transport
from b2pure.shell.under_httpx import HttpxTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TIMEOUTS = {"timeout": {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}}
MAKERS: dict[str, Callable[[], httpx.BaseTransport]] = {
    "ours": lambda: HttpxTransport(8),
    "httpx": lambda: httpx.HTTPTransport(trust_env=False),
}
both = pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)


class Plainly(httpx.BaseTransport):
    """What `exchange` does, in httpx's words."""

    def __init__(self) -> None:
        self._transport = HttpxTransport(8)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        fields = [(name.decode(), value.decode("latin-1")) for name, value in request.headers.raw]
        headers = [field for field in fields if field[0] != "Host"]
        timeouts = request.extensions["timeout"]
        received = self._transport.exchange(request.method, str(request.url), headers, request.stream, timeouts)
        raw = [(name.encode(), value.encode("latin-1")) for name, value in received.headers.items()]
        return httpx.Response(received.status, headers=raw, stream=httpx.ByteStream(bytes(received.body)))

    def close(self) -> None:
        self._transport.close()


class Fetching(httpx.BaseTransport):
    """What `fetch` does, in httpx's words; it sends no bodies."""

    def __init__(self) -> None:
        self._transport = HttpxTransport(8)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
            return self._transport.handle_request(request)
        headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers.raw if name != b"Host"]
        arriving = self._transport.fetch(request.method, str(request.url), headers, request.extensions["timeout"])
        raw = [(name.encode(), value.encode("latin-1")) for name, value in arriving.headers.items()]
        return httpx.Response(arriving.status, headers=raw, stream=Coming(arriving))

    def close(self) -> None:
        self._transport.close()


@define(eq=False)
class Coming(httpx.SyncByteStream):
    """A body that comes in views."""

    arriving: Arriving

    def __iter__(self) -> Iterator[bytes]:
        return map(bytes, self.arriving.body.views())

    def close(self) -> None:
        self.arriving.body.close()


class InLanes(httpx.BaseTransport):
    """What lanes do over the same connections, in httpx's words. Who opens a connection waits, so that is done before;
    what they leave to somebody who waits is done afterwards.
    """

    def __init__(self) -> None:
        self.transport = HttpxTransport(8)
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        fields = [(name.decode(), value.decode("latin-1")) for name, value in request.headers.raw]
        headers, chunks = [each for each in fields if each[0] != "Host"], request.stream
        timeouts = request.extensions["timeout"]
        asked = Asked(request.method, str(request.url), headers, lambda reader: b"".join(chunks), IOSuccess)
        with closing(HttpLanes(self.transport, timeouts, lambda call, credential: asked)) as lanes:
            with self._lock:  # so that no other takes the connection
                origin = self.transport.target(str(request.url)).origin
                self.transport.give_back(self.transport._take(origin, timeouts["connect"]))
                begun = lanes.begin(7, AuthorizeAccount(), None, Bodies())
            assert begun == (request.method != "HEAD")
            came: IOResult[Any, B2Error] | Unfinished
            if not begun:
                came = IOSuccess(self.transport.exchange(request.method, str(request.url), headers, chunks, timeouts))
            else:
                ((number, came),) = ended(lanes)
                assert number == 7
        result = value_of(came.finish() if isinstance(came, Unfinished) else came)
        if not ok(result):
            raise getattr(httpx, result.failure().detail.partition(":")[0])("as it was told")
        received = result.unwrap()
        raw = [(name.encode(), value.encode("latin-1")) for name, value in received.headers.items()]
        return httpx.Response(received.status, headers=raw, stream=httpx.ByteStream(bytes(received.body)))

    def close(self) -> None:
        self.transport.close()


def ended(lanes: HttpLanes) -> list[tuple[int, Any]]:
    """What ends next, within some seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if came := list(lanes.wait(0.05)):
            return came
    raise AssertionError("nothing ended")


EVERY: dict[str, Callable[[], httpx.BaseTransport]] = {**MAKERS, "plain": Plainly, "fetch": Fetching, "lanes": InLanes}
every = pytest.mark.parametrize("maker", EVERY.values(), ids=EVERY)
Maker = Callable[[], httpx.BaseTransport]


@define
class Server:
    """Plays the script on each connection; counts them."""

    url: str = ""
    connections: int = 0
    heard: list[bytes] = field(factory=list)

    def hear(self, line: socket.socket) -> bytes:
        """A whole request with a Content-Length, or what comes of it."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = line.recv(1 << 16)
            if not piece:
                return data
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [
            int(each.split(b":")[1]) for each in head.split(b"\r\n") if each.lower().startswith(b"content-length")
        ]
        while len(body) < sum(lengths) and (piece := line.recv(1 << 16)):
            body += piece
        self.heard.append(head + b"\r\n\r\n" + body)
        return head + body


@contextmanager
def serving(
    script: Callable[[Server, socket.socket, int], None], context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Server]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.bind((host, 0))
        listening.listen()
        scheme, port = "http" if context is None else "https", listening.getsockname()[1]
        server = Server(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/x")

        def talk(line: socket.socket, number: int) -> None:
            with suppress(OSError), line:
                if context is None:
                    script(server, line, number)
                else:
                    with context.wrap_socket(line, server_side=True) as wrapped:
                        script(server, wrapped, number)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    line, _ = listening.accept()
                    server.connections += 1
                    threading.Thread(target=talk, args=(line, server.connections), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


def again_and_again(answer: bytes) -> Callable[[Server, socket.socket, int], None]:
    def script(server: Server, line: socket.socket, number: int) -> None:
        while server.hear(line):
            line.sendall(answer)

    return script


def once(answer: bytes) -> Callable[[Server, socket.socket, int], None]:
    def script(server: Server, line: socket.socket, number: int) -> None:
        server.hear(line)
        line.sendall(answer)

    return script


def ask(
    transport: httpx.BaseTransport,
    url: str,
    *,
    method: str = "GET",
    content: bytes | Iterator[bytes] | None = None,
    headers: dict[str, str] | None = None,
    timeouts: dict[str, dict[str, float]] = TIMEOUTS,
) -> httpx.Response:
    request = httpx.Request(method, url, content=content, headers=headers, extensions=timeouts)
    response = transport.handle_request(request)
    try:
        response.read()
    finally:
        response.close()
    return response


@every
def test_a_connection_is_used_again(maker: Maker) -> None:
    with serving(again_and_again(OK)) as server, maker() as transport:
        for _ in range(5):
            response = ask(transport, server.url, method="POST", content=b"body", headers={"X-A": "1"})
            assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"ok", "2")
    assert server.connections == 1
    assert {each.partition(b"\r\n\r\n")[2] for each in server.heard} == {b"body"}


def test_all_send_the_same_bytes() -> None:
    heard = []
    with serving(again_and_again(OK)) as server:
        for maker in EVERY.values():
            with maker() as transport:
                length = {"Content-Length": "3", "A": "1"}
                ask(transport, server.url + "?a=%20b", method="POST", content=iter([b"ab", b"c"]), headers=length)
                ask(transport, server.url, method="POST", content=b"x" * 3_000_000)
            heard.append(list(server.heard))
            server.heard.clear()
    assert heard[0] == heard[1] == heard[2] == heard[3]


@every
@pytest.mark.parametrize("head", [b"Connection: close\r\nContent-Length: 2\r\n", b""], ids=["close", "until the end"])
def test_a_connection_that_ends_is_not_used_again(maker: Maker, head: bytes) -> None:
    with serving(once(b"HTTP/1.1 200 OK\r\n" + head + b"\r\nok")) as server, maker() as transport:
        assert [ask(transport, server.url).content for _ in range(3)] == [b"ok"] * 3
    assert server.connections == 3


@every
def test_a_connection_that_the_server_dropped_meanwhile_is_not_used_again(maker: Maker) -> None:
    dropped = threading.Event()

    def script(server: Server, line: socket.socket, number: int) -> None:
        server.hear(line)
        line.sendall(OK)
        line.shutdown(socket.SHUT_RDWR)
        line.close()
        dropped.set()

    with serving(script) as server, maker() as transport:
        for _ in range(5):
            dropped.clear()
            assert ask(transport, server.url).content == b"ok"
            assert dropped.wait(5)
    assert server.connections == 5


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(again_and_again(OK)) as server, HttpxTransport(8) as transport:
        monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
        ask(transport, server.url)
        ask(transport, server.url)
    assert server.connections == 2


@both
def test_an_answer_that_is_not_read_to_its_end_ends_the_connection(maker: Maker) -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000
    with serving(again_and_again(long)) as server, maker() as transport:
        response = transport.handle_request(httpx.Request("GET", server.url, extensions=TIMEOUTS))
        assert isinstance(response.stream, httpx.SyncByteStream)
        assert next(iter(response.stream))[:1] == b"x"
        response.close()
        assert len(ask(transport, server.url).content) == 5_000_000
    assert server.connections == 2


@every
def test_no_more_connections_are_kept_than_wanted(maker: Maker) -> None:
    gate = threading.Barrier(4)

    def script(server: Server, line: socket.socket, number: int) -> None:
        while server.hear(line):
            gate.wait(10)
            line.sendall(OK)

    with serving(script) as server, maker() as transport:
        answers: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: answers.append(ask(transport, server.url).content)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert answers == [b"ok"] * 4
    assert server.connections == 4


# -- what goes wrong


ROWS: dict[str, tuple[bytes, type[httpx.TransportError]]] = {
    "nothing": (b"", httpx.RemoteProtocolError),
    "garbage": (b"SSH-2.0-OpenSSH\r\n\r\n", httpx.RemoteProtocolError),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", httpx.RemoteProtocolError),
    "half a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", httpx.RemoteProtocolError),
    "a body of no possible length": (
        b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\nab" % (b"9" * 25),
        httpx.RemoteProtocolError,
    ),
    "half a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        httpx.RemoteProtocolError,
    ),
    "no last chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        httpx.RemoteProtocolError,
    ),
    "no size of a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
        httpx.RemoteProtocolError,
    ),
}


@every
@pytest.mark.parametrize(("answer", "error"), ROWS.values(), ids=ROWS)
def test_an_answer_that_is_none(maker: Maker, answer: bytes, error: type[Exception]) -> None:
    with serving(once(answer)) as server, maker() as transport, pytest.raises(error):
        ask(transport, server.url)


@every
def test_a_server_that_does_not_answer(maker: Maker) -> None:
    done = threading.Event()

    def script(server: Server, line: socket.socket, number: int) -> None:
        server.hear(line)
        done.wait(10)

    short = {"timeout": {"connect": 5.0, "read": 0.05, "write": 0.2, "pool": 5.0}}
    with serving(script) as server, maker() as transport:
        with pytest.raises(httpx.ReadTimeout):
            ask(transport, server.url, timeouts=short)
        done.set()


@every
def test_a_server_that_stops_reading(maker: Maker) -> None:
    done = threading.Event()

    def script(server: Server, line: socket.socket, number: int) -> None:
        done.wait(10)

    short = {"timeout": {"connect": 5.0, "read": 0.05, "write": 0.1, "pool": 5.0}}
    with serving(script) as server, maker() as transport:
        with pytest.raises(httpx.WriteTimeout):
            ask(transport, server.url, method="POST", content=b"x" * 50_000_000, timeouts=short)
        done.set()


@every
def test_nobody_listens(maker: Maker) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with maker() as transport, pytest.raises(httpx.ConnectError):
            ask(transport, url)


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/", "http://" + "a" * 70 + ".invalid/"])
def test_no_such_host(url: str) -> None:
    with HttpxTransport(1) as transport, pytest.raises(httpx.ConnectError):
        ask(transport, url)


@every
@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "/path"])
def test_no_address_of_a_server(maker: Maker, url: str) -> None:
    with maker() as transport, pytest.raises((httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        ask(transport, url)


@every
def test_an_answer_in_the_middle_of_the_body_counts(maker: Maker) -> None:
    def script(server: Server, line: socket.socket, number: int) -> None:
        line.recv(1000)
        line.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy")
        line.shutdown(socket.SHUT_WR)
        while line.recv(1 << 20):
            pass

    with serving(script) as server, maker() as transport:
        for _ in range(3):
            response = ask(transport, server.url, method="POST", content=b"x" * 5_000_000)
            assert (response.status_code, response.content) == (503, b"busy")


@every
def test_a_line_that_breaks_in_the_middle_of_the_body(maker: Maker) -> None:
    def script(server: Server, line: socket.socket, number: int) -> None:
        line.recv(1000)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    broken = (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError)
    with serving(script) as server, maker() as transport, pytest.raises(broken):
        ask(transport, server.url, method="POST", content=b"x" * 50_000_000)


@pytest.mark.parametrize("length", ["2", "4"])
def test_a_body_of_another_length_than_it_says(length: str) -> None:
    with serving(once(OK)) as server, HttpxTransport(1) as transport, pytest.raises(httpx.LocalProtocolError):
        ask(transport, server.url, method="POST", content=iter([b"a", b"bc"]), headers={"Content-Length": length})


@every
@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nb", "a\0b"])
def test_a_header_cannot_smuggle_another_one(maker: Maker, value: str) -> None:
    with serving(once(OK)) as server, maker() as transport, pytest.raises(httpx.LocalProtocolError):
        ask(transport, server.url, headers={"A": value})
    assert not server.heard


@every
def test_what_a_body_raises_passes_through(maker: Maker) -> None:
    def body() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise PermissionError("the source")

    with serving(once(OK)) as server, maker() as transport, pytest.raises(PermissionError, match="the source"):
        ask(transport, server.url, method="POST", content=body(), headers={"Content-Length": "200000"})


# -- odd but proper


@every
def test_ipv6(maker: Maker) -> None:
    try:
        with serving(again_and_again(OK), host="::1") as server, maker() as transport:
            assert ask(transport, server.url).content == b"ok"
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


@every
@pytest.mark.parametrize(
    ("method", "answer", "body"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 204 \r\n\r\n", b""),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
    ],
    ids=["HEAD", "204", "304", "empty", "100"],
)
def test_answers_without_a_body_keep_the_connection(maker: Maker, method: str, answer: bytes, body: bytes) -> None:
    with serving(again_and_again(answer)) as server, maker() as transport:
        for _ in range(3):
            assert ask(transport, server.url, method=method).content == body
    assert server.connections == 1


BODIES = st.binary(max_size=40) | st.integers(0, 300_000).map(lambda size: b"0123456789" * (size // 10))


def chunked(body: bytes, sizes: list[int]) -> bytes:
    out, at = b"", 0
    for size in sizes:
        piece = body[at : at + size]
        if piece:
            out += b"%x\r\n%b\r\n" % (len(piece), piece)
        at += size
    if body[at:]:
        out += b"%x\r\n%b\r\n" % (len(body) - at, body[at:])
    return out + b"0\r\n\r\n"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([200, 206, 400, 401, 503]),
            st.dictionaries(st.sampled_from(["X-A", "x-bz-b", "Retry-After"]), st.text("ab c=%é", max_size=5)),
            BODIES,
            st.none() | st.lists(st.integers(1, 70_000), max_size=4),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_all_hear_the_same(answers: list[tuple[int, dict[str, str], bytes, list[int] | None]]) -> None:
    def script(server: Server, line: socket.socket, number: int) -> None:
        for status, headers, body, sizes in answers:
            if not server.hear(line):
                return
            head = f"HTTP/1.1 {status} Reason\r\n" + "".join(f"{k}: {v.strip()}\r\n" for k, v in headers.items())
            framing = f"Content-Length: {len(body)}\r\n\r\n" if sizes is None else "Transfer-Encoding: chunked\r\n\r\n"
            line.sendall((head + framing).encode("latin-1") + (body if sizes is None else chunked(body, sizes)))

    with serving(script) as server:
        heard = []
        for maker in EVERY.values():
            with maker() as transport:
                heard.append([ask(transport, server.url) for _ in answers])
    for one, other, *plainly in zip(*heard, strict=True):
        assert (one.status_code, one.content) == (other.status_code, other.content)
        assert one.headers.raw == other.headers.raw
        for plain in plainly:
            assert (plain.status_code, plain.content) == (other.status_code, other.content)
            assert plain.headers == httpx.Headers({name.lower(): value for name, value in other.headers.raw})
    assert [one.content for one in heard[0]] == [body for _, _, body, _ in answers]


# -- what is read without http.client

PIECES = st.lists(
    st.sampled_from(
        [
            *("HTTP/1.1 200 OK", "HTTP/1.1 204 ", "HTTP/1.0 200 OK", "HTTP/1.1 100 Continue", "HTTP/1.1 503"),
            *("Content-Length: 5", "content-length:\t07 ", "Content-Length: -1", "Content-Length: 5, 5", "A: \xe9"),
            *(f"Content-Length: {'9' * digits}" for digits in (15, 16, 5000)),
            *("Transfer-Encoding: chunked", "Connection: close", "Connection: Keep-Alive", " folded", ": nameless"),
            *("B :space", "C", "D: a:b", "E:", "X-Bz-F: %41", "G: \x00", "H: a\rb", "I: a\nb", "", "\xa0J: 1"),
        ]
    ),
    max_size=6,
)


@given(st.sampled_from(["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", "HTTP/1.1 400 \r\n", ""]), PIECES)
def test_a_head_that_is_plain_says_what_the_standard_library_says(begin: str, lines: list[str]) -> None:
    data = (begin + "".join(f"{line}\r\n" for line in lines)).encode("latin-1")
    head = plain_head(data)
    if head is None:
        return
    one, other = socket.socketpair()
    with one, other:
        other.sendall(data + b"\r\n")
        answer = HTTPResponse(one, method="POST")
        answer.begin()
        assert (head.status, head.length, False) == (answer.status, answer.length, answer.will_close)
        assert not answer.chunked
        assert head.headers == {name.lower(): value.strip(" \t") for name, value in answer.getheaders()}
        answer.close()


def test_the_head_of_an_ordinary_answer_is_plain() -> None:
    head = plain_head(b"HTTP/1.1 200 \r\nServer: nginx\r\nContent-Length: 12\r\nConnection: keep-alive\r\n")
    assert head is not None
    assert (head.status, head.length, head.headers["server"]) == (200, 12, "nginx")


@every
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_an_answer_that_comes_in_pieces(maker: Maker, size: int) -> None:
    def script(server: Server, line: socket.socket, number: int) -> None:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while server.hear(line):
            for at in range(0, len(OK), size):
                line.sendall(OK[at : at + size])
                time.sleep(0.001)

    with serving(script) as server, maker() as transport:
        assert [ask(transport, server.url).content for _ in range(3)] == [b"ok"] * 3
    assert server.connections == 1


@pytest.mark.parametrize("maker", [each for name, each in EVERY.items() if name != "httpx"])  # which takes chances
def test_what_follows_an_answer_belongs_to_no_other(maker: Maker) -> None:
    with serving(once(OK + OK.replace(b"ok", b"no"))) as server, maker() as transport:
        assert [ask(transport, server.url).content for _ in range(3)] == [b"ok"] * 3


def test_the_api_sends_the_same_with_and_without_httpx() -> None:
    account = Authorization(AccountId("a"), "token", "", "", Allowed(frozenset(), None, None), PartSizes(2, 1))
    data = Blob(b"x" * 1000)
    heard = []
    with serving(again_and_again(b"HTTP/1.1 400 \r\nContent-Length: 2\r\n\r\n{}")) as server:
        here = evolve(account, api_url=server.url)
        for transport in (None, httpx.HTTPTransport(trust_env=False)):
            with HttpApi("id", "key", realm_address=server.url, transport=transport) as api:
                for call in (ListBuckets(AccountId("a")), DeleteFileVersion("é/%", FileId("4"))):
                    api.send(call, here, Bodies())
                for body in (data, Blob(b""), Chained((data,) * 2000)):
                    upload = UploadFile("a b/é+", "b2/x-auto", HEX_DIGITS_AT_END, {"k": "v é"}, body)
                    api.send(upload, UploadUrl(server.url + "?b=%20", "secret"), Bodies())
                api.send(AuthorizeAccount(), None, Bodies())
            heard.append(list(server.heard))
            server.heard.clear()
    assert len(heard[0]) == 6
    assert heard[0] == heard[1]


# -- lanes


@contextmanager
def lanes_to(
    server: Server, transport: HttpxTransport, count: int, content: bytes = b"body", warm: bool = True
) -> Iterator[HttpLanes]:
    """Lanes, and as many open connections. A warm one has answered, and over TLS has said what it says at first."""
    target = transport.target(server.url)
    if warm:
        ask(transport, server.url)
    for connection in [transport._take(target.origin, 5.0) for _ in range(count)]:
        transport.give_back(connection)
    asked = Asked("POST", server.url, [("Content-Length", str(len(content)))], lambda reader: content, IOSuccess)
    with closing(HttpLanes(transport, TIMEOUTS["timeout"], lambda call, credential: asked)) as lanes:
        yield lanes


def begin(lanes: HttpLanes, number: int) -> bool:
    return lanes.begin(number, AuthorizeAccount(), None, Bodies())


def bodies_of(lanes: HttpLanes, count: int) -> dict[int, bytes]:
    """The bodies of so many answers, by their numbers."""
    found: dict[int, bytes] = {}
    while len(found) < count:
        found |= {number: value_of(came).unwrap().body for number, came in ended(lanes)}
    return found


def test_one_thread_has_many_exchanges_under_way() -> None:
    gate = threading.Barrier(6)

    def script(server: Server, line: socket.socket, number: int) -> None:
        while server.hear(line):
            gate.wait(10)
            line.sendall(OK)

    with (
        serving(script) as server,
        HttpxTransport(8) as transport,
        lanes_to(server, transport, 6, warm=False) as lanes,
    ):
        for _ in range(3):
            assert all(begin(lanes, number) for number in range(6))
            assert not begin(lanes, 6)  # it would have to wait for a connection
            assert bodies_of(lanes, 6) == dict.fromkeys(range(6), b"ok")
    assert server.connections == 6


def test_a_connection_that_says_something_in_between_is_not_used_again() -> None:
    said = threading.Event()

    def script(server: Server, line: socket.socket, number: int) -> None:
        server.hear(line)
        line.sendall(OK)
        said.wait(10)
        line.sendall(OK)
        line.recv(1)

    with (
        serving(script) as server,
        HttpxTransport(8) as transport,
        lanes_to(server, transport, 1, warm=False) as lanes,
    ):
        assert begin(lanes, 1)
        assert bodies_of(lanes, 1) == {1: b"ok"}
        said.set()
        assert not lanes.wait(5)
        assert not begin(lanes, 2)
        assert transport.idle(transport.target(server.url).origin) is None


def test_a_connection_that_the_server_dropped_between_two_turns_is_not_used_again() -> None:
    """Nobody waited in between, so that no selector told of it."""
    dropped = threading.Event()

    def script(server: Server, line: socket.socket, number: int) -> None:
        server.hear(line)
        line.sendall(OK)
        dropped.wait(10)
        line.shutdown(socket.SHUT_RDWR)
        dropped.clear()

    with (
        serving(script) as server,
        HttpxTransport(8) as transport,
        lanes_to(server, transport, 1, warm=False) as lanes,
    ):
        assert begin(lanes, 1)
        assert bodies_of(lanes, 1) == {1: b"ok"}
        dropped.set()
        while dropped.is_set():
            time.sleep(0.001)
        assert not begin(lanes, 2)


def test_connections_are_given_back() -> None:
    with serving(again_and_again(OK)) as server, HttpxTransport(8) as transport:
        for _ in range(3):
            with lanes_to(server, transport, 2) as lanes:
                assert begin(lanes, 1)
                assert begin(lanes, 2)
                assert len(bodies_of(lanes, 2)) == 2
    assert server.connections == 2


def test_a_bell_is_heard_at_once() -> None:
    with (
        serving(again_and_again(OK)) as server,
        HttpxTransport(8) as transport,
        lanes_to(server, transport, 1) as lanes,
    ):
        threading.Timer(0.05, lanes.wake).start()
        begun = time.monotonic()
        assert not lanes.wait(30)
        assert time.monotonic() - begun < 10
    lanes.wake()  # it is too late, and does no harm


def test_what_cannot_be_sent_ends_at_once() -> None:
    upload = UploadFile("a", "a\nb", HEX_DIGITS_AT_END, {}, Blob(b"x"))
    with HttpApi("id", "key") as api:
        lanes = api.lanes()
        assert lanes is not None
        with closing(lanes):
            assert lanes.begin(1, upload, UploadUrl("http://127.0.0.1:1/", "t"), Bodies())
            ((number, came),) = lanes.wait(30)
    assert number == 1
    assert not isinstance(came, Unfinished)
    assert isinstance(value_of(came).failure(), Rejected)


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_what_the_line_does_not_take_at_once_goes_out_later(secured: bool, authority: trustme.CA) -> None:
    content = bytes(range(256)) * 40_000

    def script(server: Server, line: socket.socket, number: int) -> None:
        while server.hear(line):
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000)

    with (
        serving(script, server_context(authority, "127.0.0.1") if secured else None) as server,
        HttpxTransport(2, trusting(authority)) as transport,
        lanes_to(server, transport, 1, content) as lanes,
    ):
        for number in range(3):
            assert begin(lanes, number)
            assert bodies_of(lanes, 1) == {number: b"x" * 70_000}
        assert [each.partition(b"\r\n\r\n")[2] == content for each in server.heard] == [False, True, True, True]
    assert server.connections == 1


# -- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@contextmanager
def secure(authority: trustme.CA, name: str) -> Iterator[Server]:
    with serving(again_and_again(OK), server_context(authority, name)) as server:
        yield server


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_tls(authority: trustme.CA) -> None:
    with secure(authority, "127.0.0.1") as server, HttpxTransport(2, trusting(authority)) as transport:
        for _ in range(3):
            assert ask(transport, server.url, method="POST", content=b"x" * 3_000_000).content == b"ok"
    assert server.connections == 1


@every
def test_a_certificate_that_nobody_vouches_for(maker: Maker, authority: trustme.CA) -> None:
    with secure(authority, "127.0.0.1") as server, maker() as transport, pytest.raises(httpx.ConnectError):
        ask(transport, server.url)


def test_a_certificate_of_somebody_else(authority: trustme.CA) -> None:
    wrong = pytest.raises(httpx.ConnectError, match="certificate")
    with secure(authority, "example.org") as server, HttpxTransport(2, trusting(authority)) as transport, wrong:
        ask(transport, server.url)


def test_the_authorities_are_those_of_httpx(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    with authority.cert_pem.tempfile() as path, secure(authority, "127.0.0.1") as server:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", path)
        with HttpxTransport(2) as transport:
            assert ask(transport, server.url).content == b"ok"


@pytest.mark.parametrize("length", [1, (1 << 18) - 1, 1 << 18, 3_000_000])
def test_a_whole_answer_is_as_long_as_it_says(length: int) -> None:
    content = os.urandom(length)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (length, content)
    with serving(again_and_again(answer)) as server, SocketTransport(1) as transport:
        for _ in range(2):
            assert transport.exchange("GET", server.url, (), (), {}).body == content
    assert server.connections == 1


def test_what_goes_well_needs_no_httpx() -> None:
    code = (
        "import sys; from b2pure.shell.connect import connect; from b2pure.shell.transport import SocketTransport\n"
        "with SocketTransport(1) as transport:\n"
        "    assert bytes(transport.exchange('GET', sys.argv[1], (), (), {}).body) == b'ok'\n"
        "    assert [*transport.fetch('GET', sys.argv[1], (), {}).body.views()] == [b'ok']\n"
        "assert not {'httpx', 'urllib.request'} & set(sys.modules)"
    )
    without = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with serving(again_and_again(OK)) as server:
        subprocess.run([sys.executable, "-c", code, server.url + "/a"], check=True, env=without)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_is_left_to_httpx(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(each, raising=False)
    assert isinstance(fitting_transport(2), SocketTransport)
    monkeypatch.setenv(name, "http://127.0.0.1:3128")
    assert fitting_transport(2) is None
