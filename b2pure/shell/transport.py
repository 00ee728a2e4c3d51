"""A transport on the standard library's `http.client`: HTTP/1.1 over plain or TLS connections that are kept.

httpx's own moves bodies in pieces of 64 KiB, each through several layers, which halves the rate of a large download
(`python -m benchmarks.large`). `exchange` does without httpx's objects: with a small call they take longer than all the
rest (`python -m benchmarks.small`); who uses them has `under_httpx`. TLS has httpx's settings (`authorities`). Proxies
are left to httpx's own transport (`fitting_transport`).

Rules. A connection carries one exchange at a time and is kept only if the whole answer was read and nothing followed.
One that the server closed meanwhile, or that was idle too long, is not used again. When the server answers in the
middle of a body and closes, its answer counts, not the broken pipe. Whatever fails is one of httpx's exceptions; what
the body of a request raises passes through. httpx is loaded for what only it can do (TLS settings, odd URLs) and when
something fails: it takes megabytes.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Final, Self

from attrs import define, field

from b2pure.effects.handlers import Chunk
from b2pure.shell.answers import (
    Answer,
    Arriving,
    Line,
    PlainAnswer,
    arriving,
    head_of,
    received,
    told,
)
from b2pure.shell.authorities import tls_context
from b2pure.shell.forks import renewed_after_fork
from b2pure.shell.plain import Origin, Received, Target, any_target, plain_url

__all__ = [
    "Connection",
    "SocketTransport",
    "Timeouts",
    "fitting_transport",
    "proxied",
    "send_chunks",
    "set_timeout",
]

KEPT_SECONDS: Final = 20.0
"""How long an idle connection is kept. B2 closes them after a minute or so."""
_BESIDE_THE_HEAD_BYTES: Final = 1 << 16
"""A chunk of up to so many bytes is copied behind the head, so that both are sent at once."""
_TARGETS: Final = 1000
"""How many addresses are remembered."""
Timeouts = Mapping[str, float | None]
"""Seconds for `connect`, and for each step of `write` and `read`."""


def fitting_transport(pool_size: int) -> SocketTransport | None:
    """The transport for this environment; None, which is httpx's own, where it names a proxy."""
    return None if proxied() else SocketTransport(pool_size)


def proxied() -> bool:
    """Whether the environment names a proxy, or the system does, where systems do."""
    if sys.platform not in ("darwin", "win32") and not any(name.lower().endswith("_proxy") for name in os.environ):
        return False
    from urllib.request import getproxies

    return any(scheme in getproxies() for scheme in ("http", "https", "all"))


@define(eq=False)
class Connection:
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


class SocketTransport:
    """Keeps up to `pool_size` idle connections. Safe for many threads. `context` replaces the TLS settings."""

    def __init__(self, pool_size: int, context: ssl.SSLContext | None = None) -> None:
        self._pool_size = pool_size
        self._context = context
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._targets: dict[str, Target] = {}
        renewed_after_fork(self)

    def _renew_in_child(self) -> None:
        """In a child that was forked: the connections are its parent's. To close them here says nothing to anybody."""
        self._lock = threading.Lock()
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.close()

    def exchange(
        self,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]],
        body: Iterable[Chunk],
        timeouts: Timeouts,
    ) -> Received:
        """One exchange whose answer is small: what `handle_request` does, without httpx's objects. A body has its
        `Content-Length` among the headers. Raises httpx.TransportError, httpx.InvalidURL, and what the body raises.
        """
        target = self.target(url)
        head = target.request_head(method, headers)
        connection = self._take(target.origin, timeouts.get("connect"))
        try:
            set_timeout(connection.socket, timeouts.get("write"))
            early = send_chunks(connection.socket, head, body)
            set_timeout(connection.socket, timeouts.get("read"))
            came = received(connection.socket, method, early)
            if isinstance(came, Received):
                self.give_back(connection)
                return came
        except BaseException:
            connection.close()
            raise
        return self.finish(connection, method, came, timeouts, early)

    def fetch(self, method: str, url: str, headers: Iterable[tuple[str, str]], timeouts: Timeouts) -> Arriving:
        """An exchange without a body whose answer may be long: as `exchange`, but the body of the answer must be read,
        or closed.
        """
        target = self._target_below(url)
        head = target.request_head(method, headers)
        connection = self._take(target.origin, timeouts.get("connect"))
        try:
            set_timeout(connection.socket, timeouts.get("write"))
            early = send_chunks(connection.socket, head, ())
            set_timeout(connection.socket, timeouts.get("read"))
            plain, came = (None, b"") if early is not None or method == "HEAD" else arriving(connection.socket)
            leave = partial(self._leave, connection, early)
            if plain is not None:
                body = PlainAnswer(connection.socket, plain.length, came, connection.room, leave)
                return Arriving(plain.status, plain.headers, body)
            line = Line(connection.socket, came)
            answer = head_of(line, method, early)
        except BaseException:
            connection.close()
            raise
        told_headers = {name.lower(): value for name, value in answer.getheaders()}
        return Arriving(answer.status, told_headers, Answer(line, answer, connection.room, leave))

    def finish(
        self, connection: Connection, method: str, came: bytes, timeouts: Timeouts, early: OSError | None = None
    ) -> Received:
        """The answer that begins with what came of it already, read by the standard library; `early` is what broke the
        line before the request was sent. Raises httpx.TransportError.
        """
        try:
            set_timeout(connection.socket, timeouts.get("read"))
            line = Line(connection.socket, came)
            answer = head_of(line, method, early)
        except BaseException:
            connection.close()
            raise
        stream = Answer(line, answer, connection.room, partial(self._leave, connection, early))
        try:
            whole = b"".join(stream)
        finally:
            stream.close()
        return Received(answer.status, {name.lower(): value for name, value in answer.getheaders()}, whole)

    def target(self, url: str) -> Target:
        """Where a URL leads. Raises httpx.InvalidURL, httpx.UnsupportedProtocol."""
        target = self._targets.get(url)
        if target is None:
            target = any_target(url)
            if len(self._targets) >= _TARGETS:
                self._targets = {}
            self._targets[url] = target
        return target

    def _target_below(self, url: str) -> Target:
        """As `target`, for URLs that are seldom asked for twice: only the server is remembered."""
        plain = plain_url(url)
        if plain is None:
            return any_target(url)
        server = self.target(plain[0] + "/")
        return Target(server.origin, plain[1], server.host)

    def close(self) -> None:
        """Close all idle connections; those in use are closed when their answers end."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer was read to its end."""
        connection.idle_since = time.monotonic()
        with self._lock:
            kept = not self._closed and len(self._idle) < self._pool_size
            if kept:
                self._idle.append(connection)
        if not kept:
            connection.close()

    def _leave(self, connection: Connection, early: OSError | None, as_it_was: bool) -> None:
        """After an answer that was read, or not."""
        if as_it_was and early is None:
            self.give_back(connection)
        else:
            connection.close()

    def _take(self, origin: Origin, timeout: float | None) -> Connection:
        """The idle connection that was used last, or a new one."""
        return self.idle(origin) or self._connect(origin, timeout)

    def idle(self, origin: Origin) -> Connection | None:
        """The connection that was used last, and that nobody uses now; None if there is none. Give it back."""
        while True:
            with self._lock:
                connection = self._idle_to(origin)
            if connection is None or connection.usable(time.monotonic()):
                return connection
            connection.close()

    def _idle_to(self, origin: Origin) -> Connection | None:
        for place in range(len(self._idle) - 1, -1, -1):
            if self._idle[place].origin == origin:
                return self._idle.pop(place)
        return None

    def _connect(self, origin: Origin, timeout: float | None) -> Connection:
        scheme, host, port = origin
        try:
            with told("connect"):
                sock = socket.create_connection((host, port), timeout)
                try:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    if scheme == "https":
                        sock = self._tls().wrap_socket(sock, server_hostname=host)
                except BaseException:
                    sock.close()
                    raise
        except UnicodeError:
            import httpx

            raise httpx.ConnectError("this is no name of a host") from None
        return Connection(origin, sock)

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            context = tls_context()
            context.set_alpn_protocols(["http/1.1"])
            self._context = context
        return self._context


# -- sending


def set_timeout(sock: socket.socket, seconds: float | None) -> None:
    if sock.gettimeout() != seconds:  # to set it is a system call
        sock.settimeout(seconds)


def send_chunks(sock: socket.socket, head: bytes, chunks: Iterable[Chunk]) -> OSError | None:
    """Send a request. What broke the line in the middle of it is returned: an answer may be there nevertheless."""
    waiting = head
    try:
        for chunk in chunks:
            if waiting and len(chunk) <= _BESIDE_THE_HEAD_BYTES:
                chunk, waiting = b"".join((waiting, chunk)), b""
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


def _send_all(sock: socket.socket, data: Chunk) -> None:
    # Not `sendall`, whose timeout is for all of the data rather than for each step.
    try:
        sent = sock.send(data) if data else 0
        if sent < len(data):
            rest = memoryview(data)[sent:]
            while rest:
                rest = rest[sock.send(rest) :]
    except TimeoutError:
        import httpx

        raise httpx.WriteTimeout("the server takes no more of the body") from None
    except OSError as error:
        raise _Broken(error) from None
