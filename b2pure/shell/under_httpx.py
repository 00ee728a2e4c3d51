"""What stands under httpx: the transport of `transport.py` for who has httpx's requests and wants its responses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import httpx

from b2pure.shell.answers import Answer, Line, head_of
from b2pure.shell.plain import origin_of
from b2pure.shell.transport import SocketTransport, send_chunks, set_timeout

__all__ = ["HttpxTransport"]


class HttpxTransport(SocketTransport, httpx.BaseTransport):
    """A `SocketTransport` for `httpx.Client`."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange. The body of the answer must be read, or closed. Raises httpx.TransportError."""
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        connection = self._take(origin_of(request.url), timeouts.get("connect"))
        try:
            set_timeout(connection.socket, timeouts.get("write"))
            early = send_chunks(connection.socket, _request_head(request), _framed(request))
            set_timeout(connection.socket, timeouts.get("read"))
            line = Line(connection.socket, b"")
            answer = head_of(line, request.method, early)
        except BaseException:
            connection.close()
            raise
        stream = _Stream(Answer(line, answer, connection.room, partial(self._leave, connection, early)))
        return httpx.Response(
            answer.status,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.getheaders()],
            stream=stream,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": answer.reason.encode("latin-1")},
        )


class _Stream(httpx.SyncByteStream):
    """The body of an answer, as httpx knows bodies."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        self._answer.close()


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
