"""Many small exchanges with B2 that one thread has under way, over the connections of a `SocketTransport`.

Rules. Nothing here waits but `wait`. A call is begun only on a connection that is open; what goes out in one piece is
sent at once, the rest of it as the line takes it. An answer that is not plain, or that comes before all was sent, and a
line that broke are left to somebody who waits (`Unfinished`), and end as they would have without lanes. A connection on
which something comes while nobody uses it is not used again.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from attrs import define, frozen
from returns.io import IOFailure, IOResult

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import LocalTrouble, Reader, Unfinished
from b2pure.effects.wire import unsendable
from b2pure.model.calls import Call
from b2pure.model.errors import B2Error
from b2pure.shell.answers import as_httpx
from b2pure.shell.plain import Origin, Received, plain_answer
from b2pure.shell.transport import Connection, SocketTransport, Timeouts
from b2pure.shell.trouble import explain_transport, transport_trouble

__all__ = ["Asked", "HttpLanes"]

_RECEIVED_BYTES: Final = 1 << 14
_LOOK_SECONDS: Final = 1.0
"""How often it is looked whether the server takes too long."""
_LATER: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

Ended = tuple[int, IOResult[Any, B2Error] | Unfinished]


@frozen
class Asked:
    """A request. `content` reads its body, and raises what reading raises; `decoded` says what an answer means."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    content: Callable[[Reader], bytes]
    decoded: Callable[[Received], IOResult[Any, B2Error]]


@define(eq=False)
class _Lane:
    """A connection, and the exchange that it carries, if any: its number, what was asked, what came of the answer, what
    is still to be sent, and when it has taken too long, in seconds of the monotonic clock.
    """

    connection: Connection
    socket: socket.socket
    number: int = 0
    asked: Asked | None = None
    came: bytes = b""
    rest: memoryview | None = None
    due: float = 0.0


class HttpLanes:
    """The lanes of one driver. `asked` encodes a call."""

    def __init__(
        self, transport: SocketTransport, timeouts: Timeouts, asked: Callable[[Call[Any], Credential], Asked]
    ) -> None:
        self._transport, self._timeouts, self._asked = transport, timeouts, asked
        self._read_seconds = timeouts.get("read") or float("inf")
        self._selector = selectors.DefaultSelector()
        self._free: list[_Lane] = []
        self._busy: dict[int, _Lane] = {}
        self._ended: list[Ended] = []
        self._looked = time.monotonic()
        self._bell, self._heard = socket.socketpair()
        self._bell.setblocking(False)
        self._heard.setblocking(False)
        self._selector.register(self._heard, _READ, None)

    def begin(self, number: int, call: Call[Any], credential: Credential, reader: Reader) -> bool:
        """Send the call, if that takes no waiting; False, and nothing was done, if it does."""
        refused = unsendable(call)
        if refused is not None:
            self._ended.append((number, IOFailure(refused)))
            return True
        asked = self._asked(call, credential)
        if asked.method == "HEAD":  # whose answers are not plain
            return False
        try:
            target = self._transport.target(asked.url)
            lane = self._lane_to(target.origin)
            if lane is None:
                return False
            try:
                data = target.request_head(asked.method, asked.headers) + asked.content(reader)
            except BaseException:
                self._free.append(lane)
                raise
        except LocalTrouble as trouble:
            self._ended.append((number, IOFailure(trouble.error)))
            return True
        except transport_trouble() as error:
            self._ended.append((number, IOFailure(explain_transport(error, asked.url))))
            return True
        lane.number, lane.asked, lane.came = number, asked, b""
        lane.due = time.monotonic() + self._read_seconds
        self._busy[number] = lane
        self._send(lane, data)
        return True

    def wait(self, seconds: float) -> Sequence[Ended]:
        """What came of those that ended, by their numbers."""
        for key, mask in self._selector.select(0 if self._ended else seconds):
            lane: _Lane | None = key.data
            if lane is None:
                with suppress(BlockingIOError):
                    self._heard.recv(_RECEIVED_BYTES)
            elif lane.asked is None:
                self._free.remove(lane)
                self._drop(lane)
            elif mask & _READ or lane.rest is None:
                self._hear(lane)
            else:
                self._send(lane, lane.rest)
        self._look()
        ended, self._ended = self._ended, []
        return ended

    def wake(self) -> None:
        """Let `wait` return. For any thread."""
        with suppress(OSError):  # full, or closed: then it returns anyway
            self._bell.send(b"\0")

    def close(self) -> None:
        """Give back the connections that nobody uses, and close the others."""
        for lane in self._free:
            self._selector.unregister(lane.socket)
            self._transport.give_back(lane.connection)
        for lane in self._busy.values():
            self._drop(lane)
        self._free, self._busy = [], {}
        self._selector.close()
        self._bell.close()
        self._heard.close()

    def _lane_to(self, origin: Origin) -> _Lane | None:
        now = time.monotonic()
        for place in range(len(self._free) - 1, -1, -1):
            lane = self._free[place]
            if lane.connection.origin == origin:
                del self._free[place]
                if lane.connection.usable(now):
                    return lane
                self._drop(lane)
        connection = self._transport.idle(origin)
        if connection is None:
            return None
        connection.socket.setblocking(False)
        lane = _Lane(connection, connection.socket)
        self._selector.register(lane.socket, _READ, lane)
        return lane

    def _send(self, lane: _Lane, data: bytes | memoryview) -> None:
        try:
            sent = lane.socket.send(data)
        except _LATER:
            sent = 0
        except OSError as error:
            self._leave(lane, error)
            return
        if sent < len(data):
            if lane.rest is None:
                self._selector.modify(lane.socket, _READ | _WRITE, lane)
            lane.rest = memoryview(data)[sent:]
            lane.due = time.monotonic() + self._read_seconds
        elif lane.rest is not None:
            lane.rest = None
            self._selector.modify(lane.socket, _READ, lane)

    def _hear(self, lane: _Lane) -> None:
        if lane.rest is not None:
            self._leave(lane, ConnectionAbortedError("an answer before all was sent"))
            return
        try:
            answer = _heard(lane)
        except _LATER:
            return
        except OSError as error:
            failed = as_httpx(error, "read")
            failed.__cause__ = error
            self._fail(lane, failed)
            return
        if isinstance(answer, Received):
            self._finish(lane, answer)
        elif answer:
            lane.due = time.monotonic() + self._read_seconds
        else:
            self._leave(lane, None)

    def _finish(self, lane: _Lane, answer: Received) -> None:
        assert lane.asked is not None, "who is busy was asked"
        self._ended.append((lane.number, lane.asked.decoded(answer)))
        del self._busy[lane.number]
        lane.asked, lane.came = None, b""
        lane.connection.idle_since = time.monotonic()
        self._free.append(lane)

    def _leave(self, lane: _Lane, early: OSError | None) -> None:
        """Somebody who waits reads the answer."""
        del self._busy[lane.number]
        self._selector.unregister(lane.socket)
        asked = lane.asked
        assert asked is not None, "who is busy was asked"
        read = partial(self._transport.finish, lane.connection, asked.method, lane.came, self._timeouts, early)
        self._ended.append((lane.number, Unfinished(partial(_read_out, asked, read))))

    def _fail(self, lane: _Lane, error: Exception) -> None:
        del self._busy[lane.number]
        assert lane.asked is not None, "who is busy was asked"
        self._ended.append((lane.number, IOFailure(explain_transport(error, lane.asked.url))))
        self._drop(lane)

    def _drop(self, lane: _Lane) -> None:
        self._selector.unregister(lane.socket)
        lane.connection.close()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        for lane in [lane for lane in self._busy.values() if lane.due < now]:
            self._fail(lane, as_httpx(TimeoutError(), "read" if lane.rest is None else "write"))


def _heard(lane: _Lane) -> Received | bool:
    """The answer, or whether more of it may come. Raises OSError."""
    sock = lane.socket
    while True:
        got = sock.recv(_RECEIVED_BYTES)
        lane.came = lane.came + got if lane.came else got
        answer = plain_answer(lane.came) if got else False
        # What TLS has decrypted already, no selector tells of.
        if answer is not True or not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
            return answer


def _read_out(asked: Asked, read: Callable[[], Received]) -> IOResult[Any, B2Error]:
    try:
        answer = read()
    except transport_trouble() as error:
        return IOFailure(explain_transport(error, asked.url))
    return asked.decoded(answer)
