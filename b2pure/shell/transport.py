"""An httpx transport on the standard library's `http.client`: HTTP/1.1 over plain or TLS connections that are kept.

It stands under httpx because httpx's own moves bodies in pieces of 64 KiB, each through several layers, which halves
the rate of a large download (`python -m benchmarks.large`). TLS has httpx's settings. Proxies are left to httpx's own
transport (`fitting_transport`).

Rules. A connection carries one exchange at a time and is kept only if the whole answer was read. One that the server
closed meanwhile, or that was idle too long, is not used again. When the server answers in the middle of a body and
closes, its answer counts, not the broken pipe. Whatever fails is one of httpx's exceptions; what the body of a request
raises passes through.
"""

from __future__ import annotations

import io
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from typing import Any, Final, cast
from urllib.request import getproxies

import httpx
from attrs import define, field

from b2pure.shell.plain import MAX_HEAD_BYTES, Origin, Received, Target, origin_of, plain_head, target_of

__all__ = ["Answer", "SocketTransport", "fitting_transport"]

CHUNK_BYTES: Final = 1 << 20
"""How much of an answer is read at once, at most."""
KEPT_SECONDS: Final = 20.0
"""How long an idle connection is kept. B2 closes them after a minute or so."""
_RECEIVED_BYTES: Final = 1 << 14
"""How much of a small answer is received at once."""
_TARGETS: Final = 1000
"""How many addresses are remembered."""
Timeouts = Mapping[str, float | None]
"""Seconds for `connect`, and for each step of `write` and `read`."""


def fitting_transport(pool_size: int) -> SocketTransport | None:
    """The transport for this environment; None, which is httpx's own, where it names a proxy."""
    if any(scheme in getproxies() for scheme in ("http", "https", "all")):
        return None
    return SocketTransport(pool_size)


@define(eq=False)
class _Connection:
    """An open connection, and since when (in seconds of the monotonic clock) nobody uses it."""

    origin: Origin
    socket: socket.socket
    idle_since: float = field(default=0.0)
    buffer: bytearray = field(factory=bytearray)
    _readable: Callable[[], bool] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._readable = _listening_to(self.socket)

    def usable(self, now: float) -> bool:
        """Whether the other side still keeps it open and said nothing since the last answer."""
        return now - self.idle_since < KEPT_SECONDS and not self._readable()

    def room(self, size: int) -> memoryview:
        """A buffer of so many bytes, the same each time."""
        if len(self.buffer) < size:
            self.buffer = bytearray(size)
        return memoryview(self.buffer)[:size]

    def close(self) -> None:
        with suppress(OSError):
            self.socket.close()


def _listening_to(sock: socket.socket) -> Callable[[], bool]:
    """Tells at once whether there is something to read, or the end."""
    if not hasattr(select, "poll"):
        return lambda: bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return lambda: bool(poll.poll(0))


class SocketTransport(httpx.BaseTransport):
    """Keeps up to `pool_size` idle connections. Safe for many threads. `context` replaces the TLS settings."""

    def __init__(self, pool_size: int, context: ssl.SSLContext | None = None) -> None:
        self._pool_size = pool_size
        self._context = context
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._targets: dict[str, Target] = {}

    def exchange(
        self, method: str, url: str, headers: Iterable[tuple[str, str]], body: Iterable[bytes], timeouts: Timeouts
    ) -> Received:
        """One exchange whose answer is small: what `handle_request` does, without httpx's objects. A body has its
        `Content-Length` among the headers. Raises httpx.TransportError, httpx.InvalidURL, and what the body raises.
        """
        target = self._target(url)
        head = target.request_head(method, headers)
        connection = self._take(target.origin, timeouts.get("connect"))
        try:
            _set_timeout(connection.socket, timeouts.get("write"))
            early = _send_chunks(connection.socket, head, body)
            _set_timeout(connection.socket, timeouts.get("read"))
            came = _received(connection.socket, early)
            answer = _head(_Begun(connection.socket, came), method, early) if isinstance(came, bytes) else came
        except BaseException:
            connection.close()
            raise
        if isinstance(answer, Received):
            self.give_back(connection)
            return answer
        stream = Answer(self, connection, answer, keep=early is None)
        try:
            whole = b"".join(stream)
        finally:
            stream.close()
        return Received(answer.status, {name.lower(): value for name, value in answer.getheaders()}, whole)

    def _target(self, url: str) -> Target:
        target = self._targets.get(url)
        if target is None:
            target = target_of(httpx.URL(url))
            if len(self._targets) >= _TARGETS:
                self._targets = {}
            self._targets[url] = target
        return target

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange. The body of the answer must be read, or closed. Raises httpx.TransportError."""
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        connection = self._take(origin_of(request.url), timeouts.get("connect"))
        try:
            _set_timeout(connection.socket, timeouts.get("write"))
            early = _send_chunks(connection.socket, _request_head(request), _framed(request))
            _set_timeout(connection.socket, timeouts.get("read"))
            answer = _head(connection.socket, request.method, early)
        except BaseException:
            connection.close()
            raise
        stream = Answer(self, connection, answer, keep=early is None)
        return httpx.Response(
            answer.status,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.getheaders()],
            stream=stream,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": answer.reason.encode("latin-1")},
        )

    def close(self) -> None:
        """Close all idle connections; those in use are closed when their answers end."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def give_back(self, connection: _Connection) -> None:
        """Keep a connection whose answer was read to its end."""
        connection.idle_since = time.monotonic()
        with self._lock:
            kept = not self._closed and len(self._idle) < self._pool_size
            if kept:
                self._idle.append(connection)
        if not kept:
            connection.close()

    def _take(self, origin: Origin, timeout: float | None) -> _Connection:
        """The idle connection that was used last, or a new one."""
        while True:
            with self._lock:
                connection = self._idle_to(origin)
            if connection is None:
                return self._connect(origin, timeout)
            if connection.usable(time.monotonic()):
                return connection
            connection.close()

    def _idle_to(self, origin: Origin) -> _Connection | None:
        for place in range(len(self._idle) - 1, -1, -1):
            if self._idle[place].origin == origin:
                return self._idle.pop(place)
        return None

    def _connect(self, origin: Origin, timeout: float | None) -> _Connection:
        scheme, host, port = origin
        try:
            with _told(httpx.ConnectTimeout, httpx.ConnectError):
                sock = socket.create_connection((host, port), timeout)
                try:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    if scheme == "https":
                        sock = self._tls().wrap_socket(sock, server_hostname=host)
                except BaseException:
                    sock.close()
                    raise
        except UnicodeError:
            raise httpx.ConnectError("this is no name of a host") from None
        return _Connection(origin, sock)

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            context = httpx.create_ssl_context()
            context.set_alpn_protocols(["http/1.1"])
            self._context = context
        return self._context


# -- sending


def _set_timeout(sock: socket.socket, seconds: float | None) -> None:
    if sock.gettimeout() != seconds:  # to set it is a system call
        sock.settimeout(seconds)


def _send_chunks(sock: socket.socket, head: bytes, chunks: Iterable[bytes]) -> OSError | None:
    """Send a request. What broke the line in the middle of it is returned: an answer may be there nevertheless."""
    waiting = head
    try:
        for chunk in chunks:
            if waiting and len(waiting) + len(chunk) <= CHUNK_BYTES:
                chunk, waiting = waiting + chunk, b""
            if waiting:
                _send_all(sock, waiting)
                waiting = b""
            _send_all(sock, chunk)
        if waiting:
            _send_all(sock, waiting)
    except _Broken as broken:
        return broken.cause
    return None


class _Broken(Exception):
    """The line, not the body, failed. A class of its own, since bodies may raise the system's errors too."""

    def __init__(self, cause: OSError) -> None:
        super().__init__()
        self.cause = cause


def _send_all(sock: socket.socket, data: bytes) -> None:
    # Not `sendall`, whose timeout is for all of the data rather than for each step.
    try:
        sent = sock.send(data) if data else 0
        if sent < len(data):
            rest = memoryview(data)[sent:]
            while rest:
                rest = rest[sock.send(rest) :]
    except TimeoutError:
        raise httpx.WriteTimeout("the server takes no more of the body") from None
    except OSError as error:
        raise _Broken(error) from None


def _request_head(request: httpx.Request) -> bytes:
    lines = [request.method.encode("ascii") + b" " + request.url.raw_path + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in request.headers.raw]
    if any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        raise httpx.LocalProtocolError("a header has a line break in it")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _framed(request: httpx.Request) -> Iterator[bytes]:
    assert isinstance(request.stream, httpx.SyncByteStream)
    length = request.headers.get("content-length")
    if length is None:
        if "transfer-encoding" not in request.headers:
            return
        for chunk in request.stream:
            if chunk:
                yield b"%x\r\n%b\r\n" % (len(chunk), chunk)
        yield b"0\r\n\r\n"
        return
    left = int(length)
    for chunk in request.stream:
        left -= len(chunk)
        if left < 0:
            raise httpx.LocalProtocolError("the body is longer than its Content-Length")
        yield chunk
    if left:
        raise httpx.LocalProtocolError("the body is shorter than its Content-Length")


# -- receiving


def _received(sock: socket.socket, early: OSError | None) -> Received | bytes:
    """A whole answer, if its head is plain and nothing follows it; else what came of it so far."""
    data = b""
    if early is not None:
        return data
    try:  # not `_told`, which takes longer than to read the answer
        while (end := data.find(b"\r\n\r\n")) < 0:
            got = sock.recv(_RECEIVED_BYTES)
            data += got
            if not got or len(data) > MAX_HEAD_BYTES:
                return data
        head = plain_head(data[: end + 2])
        if head is None or len(data) > (stop := end + 4 + head.length):
            return data
        pieces, left = [data[end + 4 :]], stop - len(data)
        while left:
            got = sock.recv(min(left, CHUNK_BYTES))
            if not got:
                raise httpx.RemoteProtocolError("the server closed the connection in the middle of the body")
            pieces.append(got)
            left -= len(got)
    except OSError as error:
        raise _as_httpx(error, httpx.ReadTimeout, httpx.ReadError) from error
    return Received(head.status, head.headers, b"".join(pieces))


class _Begun:
    """A connection from which the beginning of an answer was taken already."""

    def __init__(self, sock: socket.socket, came: bytes) -> None:
        self._socket, self._came = sock, came

    def makefile(self, mode: str) -> io.BufferedReader:
        """What came and what comes, as one."""
        return io.BufferedReader(_Rest(self._socket, self._came))


class _Rest(io.RawIOBase):
    def __init__(self, sock: socket.socket, came: bytes) -> None:
        self._socket, self._came = sock, came

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._came:
            return self._socket.recv_into(buffer)
        piece, self._came = self._came[: len(buffer)], self._came[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def _head(sock: socket.socket | _Begun, method: str, early: OSError | None) -> HTTPResponse:
    """The head of the answer; after a broken line, the one that came before it."""
    answer = HTTPResponse(cast(socket.socket, sock), method=method)
    try:
        with _told(httpx.ReadTimeout, httpx.ReadError):
            answer.begin()
    except httpx.TransportError:
        answer.close()
        if early is not None:
            raise httpx.WriteError("the line broke while the request was sent") from early
        raise
    return answer


class Answer(httpx.SyncByteStream):
    """The body of an answer."""

    def __init__(
        self, transport: SocketTransport, connection: _Connection, answer: HTTPResponse, *, keep: bool
    ) -> None:
        self._transport, self._connection, self._answer, self._keep = transport, connection, answer, keep
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        if self._answer.length is not None:
            yield from map(bytes, self.views())
            return
        came = False
        while True:
            with _told(httpx.ReadTimeout, httpx.ReadError):
                chunk = self._answer.read1(CHUNK_BYTES)
            if not chunk:
                break
            came = True
            yield chunk
        if not came and not self._answer.chunked:  # a head that breaks off looks like this, and B2 answers otherwise
            raise httpx.RemoteProtocolError("the server closed the connection in the middle of its answer")
        self._whole = True

    def views(self) -> Iterator[bytes | memoryview]:
        """The body as it comes; each view is good until the next one is taken."""
        left = self._answer.length
        if left is None:  # chunked, or until the connection ends
            yield from self
            return
        buffer = self._connection.room(min(left, CHUNK_BYTES))
        while left:
            with _told(httpx.ReadTimeout, httpx.ReadError):
                got = self._answer.fp.readinto1(buffer[:left])
            if not got:
                raise httpx.RemoteProtocolError("the server closed the connection in the middle of the body")
            left -= got
            yield buffer[:got]
        self._whole = True

    def close(self) -> None:
        connection = self._connection
        keep = self._keep and self._whole and not self._answer.will_close
        self._answer.close()
        if keep:
            self._transport.give_back(connection)
        else:
            connection.close()


@contextmanager
def _told(timeout: type[httpx.TimeoutException], broken: type[httpx.NetworkError]) -> Iterator[None]:
    """What the standard library raises, as httpx says it."""
    try:
        yield
    except (OSError, HTTPException) as error:
        raise _as_httpx(error, timeout, broken) from error


def _as_httpx(
    error: OSError | HTTPException, timeout: type[httpx.TimeoutException], broken: type[httpx.NetworkError]
) -> httpx.TransportError:
    match error:
        case RemoteDisconnected():
            return httpx.RemoteProtocolError("the server closed the connection without an answer")
        case TimeoutError():
            return timeout("the server takes too long")
        case OSError():
            return broken(str(error))
        case _:
            return httpx.RemoteProtocolError(f"no proper HTTP: {type(error).__name__}")
