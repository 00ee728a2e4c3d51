"""Answers of HTTP/1.1 as they come from a socket.

Rules. What is plain (`plain`) and wanted at once is read here; everything else is read by the standard library, from
the first byte on; it is loaded for that. Whatever fails is one of httpx's exceptions. An answer that something follows
spoils its connection: what follows is no answer to anything.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from mmap import mmap
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, cast

from attrs import frozen

from b2pure.shell.plain import MAX_HEAD_BYTES, Head, Received, plain_head, read_head

if TYPE_CHECKING:
    from http.client import HTTPException, HTTPResponse

    import httpx

__all__ = [
    "CHUNK_BYTES",
    "Answer",
    "Arriving",
    "Line",
    "PlainAnswer",
    "arriving",
    "as_httpx",
    "head_of",
    "received",
    "told",
]

CHUNK_BYTES: Final = 1 << 20
"""How much of an answer is read at once, at most."""
_RECEIVED_BYTES: Final = 1 << 14
"""How much of a small answer is received at once."""
_LONG_BYTES: Final = 1 << 18
"""Of an answer that is long, such as a page of a listing."""
Room = Callable[[int], memoryview]


def received(sock: socket.socket, method: str, early: OSError | None) -> Received | bytes:
    """A whole answer, if its head is plain and nothing follows it; else what came of it so far."""
    data = b""
    if early is not None or method == "HEAD":
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
        body: bytes | memoryview = data[end + 4 :]
        if len(data) < stop:
            body = _rest(sock, data[end + 4 :], head.length)
    except OSError as error:
        raise as_httpx(error, "read") from error
    return Received(head.status, head.headers, body)


def _rest(sock: socket.socket, came: bytes, length: int) -> bytes | memoryview:
    """A body that begins with what came. A long one is in memory once, and goes back to the system as a whole: what
    many threads took from the heap one after the other would stay with each of them. Raises OSError.
    """
    buffer = memoryview(bytearray(length) if length < _LONG_BYTES else mmap(-1, length))
    buffer[: len(came)] = came
    rest = buffer[len(came) :]
    while rest:
        got = sock.recv_into(rest)
        if not got:
            raise _cut_short("body")
        rest = rest[got:]
    return buffer if length >= _LONG_BYTES else bytes(buffer)


def arriving(sock: socket.socket) -> tuple[Head | None, bytes]:
    """The head of an answer that may be long, if it is plain, and what came after it; else what came of it so far."""
    data = b""
    try:
        while (end := data.find(b"\r\n\r\n")) < 0:
            got = sock.recv(_RECEIVED_BYTES)
            data += got
            if not got or len(data) > MAX_HEAD_BYTES:
                return None, data
    except OSError as error:
        raise as_httpx(error, "read") from error
    head = read_head(data[: end + 2])
    if head is None or len(data) > end + 4 + head.length:
        return None, data
    return head, data[end + 4 :]


class _Incoming(io.RawIOBase):
    """What came of an answer already, and what comes; the end, once that is all that is wanted."""

    def __init__(self, sock: socket.socket, came: bytes) -> None:
        self._socket, self._came = sock, came
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._came:
            return 0 if self.ended else self._socket.recv_into(buffer)
        piece, self._came = self._came[: len(buffer)], self._came[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


class Line(io.BufferedReader):
    """A connection as the standard library reads it. `followed` tells, once it is closed, whether something had come
    after the answer: that is no answer to anything.
    """

    def __init__(self, sock: socket.socket, came: bytes) -> None:
        self._incoming = _Incoming(sock, came)
        self.followed = False
        super().__init__(self._incoming)

    def makefile(self, mode: str) -> Line:
        """As a socket does it."""
        return self

    def close(self) -> None:
        if not self.closed:
            self._incoming.ended = True
            self.followed = bool(self.peek(1))
        super().close()


def head_of(line: Line, method: str, early: OSError | None) -> HTTPResponse:
    """The head of the answer; after a broken line, the one that came before it."""
    from http.client import HTTPException, HTTPResponse

    answer = HTTPResponse(cast(socket.socket, line), method=method)
    try:
        answer.begin()
    except (OSError, HTTPException) as error:
        answer.close()
        if early is not None:
            raise as_httpx(early, "write") from early
        raise as_httpx(error, "read") from error
    return answer


class Answer:
    """The body of an answer. `room` gives a buffer; `leave` is told at the end whether the connection is as it was."""

    def __init__(self, line: Line, answer: HTTPResponse, room: Room, leave: Callable[[bool], None]) -> None:
        self._line, self._answer, self._room, self._leave = line, answer, room, leave
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        if self._answer.length is not None:
            yield from map(bytes, self.views())
            return
        came = False
        while True:
            with told("read"):
                chunk = self._answer.read1(CHUNK_BYTES)
            if not chunk:
                break
            came = True
            yield chunk
        if not came and not self._answer.chunked:  # a head that breaks off looks like this, and B2 answers otherwise
            raise _cut_short("answer")
        self._whole = True

    def views(self) -> Iterator[bytes | memoryview]:
        """The body as it comes; each view is good until the next one is taken."""
        left = self._answer.length
        if left is None:  # chunked, or until the connection ends
            yield from self
            return
        buffer = self._room(min(left, CHUNK_BYTES))
        while left:
            with told("read"):
                got = self._answer.fp.readinto1(buffer[:left])
            if not got:
                raise _cut_short("body")
            left -= got
            yield buffer[:got]
        self._whole = True

    def close(self) -> None:
        self._answer.close()
        self._leave(self._whole and not self._answer.will_close and not self._line.followed)


class PlainAnswer:
    """The body of an answer whose head was plain; `came` is what came of it already. The rest is as with `Answer`."""

    def __init__(
        self, sock: socket.socket, length: int, came: bytes, room: Room, leave: Callable[[bool], None]
    ) -> None:
        self._socket, self._left, self._came, self._room, self._leave = sock, length, came, room, leave

    def views(self) -> Iterator[bytes | memoryview]:
        """The body as it comes; each view is good until the next one is taken."""
        came, self._came = self._came, b""
        if came:
            self._left -= len(came)
            yield came
        if not self._left:
            return
        buffer, receive = self._room(min(self._left, CHUNK_BYTES)), self._socket.recv_into
        while self._left:
            try:
                got = receive(buffer[: self._left])
            except OSError as error:
                raise as_httpx(error, "read") from error
            if not got:
                raise _cut_short("body")
            self._left -= got
            yield buffer[:got]

    def close(self) -> None:
        """Whoever comes next finds out whether something followed."""
        self._leave(not self._left)


class Views(Protocol):
    """The body of an answer."""

    def views(self) -> Iterator[bytes | memoryview]: ...

    def close(self) -> None: ...


@frozen
class Arriving:
    """An answer whose body is still to come; the names of `headers` are lower case."""

    status: int
    headers: Mapping[str, str]
    body: Views


Step = Literal["connect", "write", "read"]


@contextmanager
def told(step: Step) -> Iterator[None]:
    """What the standard library raises, as httpx says it."""
    try:
        yield
    except _raised() as error:
        raise as_httpx(error, step) from error


def _raised() -> tuple[type[OSError], type[HTTPException]]:
    from http.client import HTTPException

    return OSError, HTTPException


def _cut_short(what: str) -> httpx.TransportError:
    import httpx

    return httpx.RemoteProtocolError(f"the server closed the connection in the middle of the {what}")


def as_httpx(error: OSError | HTTPException, step: Step) -> httpx.TransportError:
    """What went wrong in this step, as one of httpx's exceptions, which are loaded for it."""
    from http.client import RemoteDisconnected

    import httpx

    timeout, broken = {
        "connect": (httpx.ConnectTimeout, httpx.ConnectError),
        "write": (httpx.WriteTimeout, httpx.WriteError),
        "read": (httpx.ReadTimeout, httpx.ReadError),
    }[step]
    match error:
        case RemoteDisconnected():
            return httpx.RemoteProtocolError("the server closed the connection without an answer")
        case TimeoutError():
            return timeout("the server takes too long")
        case OSError():
            return broken(str(error))
        case _:
            return httpx.RemoteProtocolError(f"no proper HTTP: {type(error).__name__}")
