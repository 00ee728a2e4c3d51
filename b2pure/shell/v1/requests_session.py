"""Requests through a session like that of the library `requests`, for programs that bring their own.

Rules. Of a response nothing is used but what b2sdk 1.1.4 uses: `status_code`, `headers`, `content`, `close`, and
`iter_content` of a download that went well. So a fake of the library needs no more. A module that is not the library
itself is spoken to as b2sdk does it, in version 2 of B2's interface; what it answers may be of any version, and may
lack what newer ones tell.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx
import msgspec

from b2pure.shell.forks import renewed_after_fork
from b2pure.shell.v1.raw_replies import in_version_4
from b2pure.shell.v1.request_kinds import AUTHORIZES, CALLS, call_of, is_download, is_upload

__all__ = ["THEIRS", "RequestsSession", "as_sent", "body_of", "translated"]

THEIRS: Final = "requests"
"""Which of the extensions of a response is the module's own response."""

_CHUNK_BYTES: Final = 1 << 16
_WITH_CONTENT: Final = (200, 206)
_SET_BY_THE_LIBRARY: Final = frozenset({"host", "transfer-encoding"})
_BAD_URLS: Final = frozenset({"InvalidURL", "MissingSchema", "InvalidSchema"})
_BAD_PROXY: Final = "InvalidProxyURL"
"""This one is an InvalidURL, too, but not that of the request."""


class RequestsSession:
    """Sends requests with `module.Session()`; what it raises becomes httpx's exceptions."""

    def __init__(self, module: Any, connect_timeout: float | None, read_timeout: float) -> None:
        """`module` has a `Session`; the timeouts are seconds. Without one of its own a connection may take as long as
        an answer, as in b2sdk.
        """
        self._module, self._session = module, module.Session()
        self._speaks_version_2 = getattr(module, "__name__", "") != "requests"
        self._timeout = read_timeout if connect_timeout is None else (connect_timeout, read_timeout)
        renewed_after_fork(self)

    def _renew_in_child(self) -> None:
        """In a child that was forked, where the connections are its parent's."""
        self._session = self._module.Session()

    def close(self) -> None:
        """Close the connections. b2sdk never does, so a fake may not know how."""
        close = getattr(self._session, "close", None)
        if close is not None:
            close()

    def post(self, url: str, headers: Mapping[str, str], data: Any) -> Any:
        """The module's own response, whose body is there."""
        with _as_httpx_errors():
            return self._session.post(url, headers=dict(headers), data=data, timeout=self._timeout)

    def get(self, url: str, headers: Mapping[str, str]) -> Any:
        """The module's own response, whose body is on its way."""
        with _as_httpx_errors():
            return self._session.get(url, headers=dict(headers), stream=True, timeout=self._timeout)

    def exchange(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of the response is still to be read."""
        url, data = str(request.url), _data(request)
        if self._speaks_version_2:
            url, data = _in_version_2(request, data)
        headers = {name: value for name, value in _named(request) if _is_sent(name, request)}
        response = self.get(url, headers) if data is None else self.post(url, headers, data)
        chunks = (_chunks_in_version_4 if self._speaks_version_2 else _chunks_of)(response, request)
        stream = _Body(chunks, response.close)
        came = list(response.headers.items())
        return httpx.Response(response.status_code, headers=came, stream=stream, extensions={THEIRS: response})


def _in_version_2(request: httpx.Request, data: Any) -> tuple[str, Any]:
    """The URL and the data of the same request, as b2sdk 1.1.4 sends it."""
    url, name = str(request.url), call_of(request)
    if name == AUTHORIZES:
        data = io.BytesIO(b"{}")
    if name == "b2_create_key":
        asked = msgspec.json.decode(data.read(), type=dict[str, Any])
        ids = asked.pop("bucketIds", None) or [None]
        data = io.BytesIO(msgspec.json.encode({**asked, "bucketId": ids[0]}))
    return url.replace(CALLS, "/b2api/v2/", 1) if name else url, data


def _named(request: httpx.Request) -> Iterator[tuple[str, str]]:
    """The headers, written as they were given."""
    return ((name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw)


def _is_sent(name: str, request: httpx.Request) -> bool:
    """The library sets some by itself; b2sdk tells how long an upload is."""
    if name.lower() == "content-length":
        return is_upload(request)
    return name.lower() not in _SET_BY_THE_LIBRARY


def body_of(response: Any) -> bytes:
    """All of the body of a module's response."""
    with _as_httpx_errors():
        content: bytes = response.content
        return content


def _chunks_of(response: Any, request: httpx.Request) -> Iterator[bytes]:
    """The body: that of a download in pieces, if the response can do that, any other as a whole."""
    if is_download(request) and response.status_code in _WITH_CONTENT and hasattr(response, "iter_content"):
        pieces: Iterator[bytes] = iter(response.iter_content(_CHUNK_BYTES))
        return pieces
    return iter((response.content,))


def _chunks_in_version_4(response: Any, request: httpx.Request) -> Iterator[bytes]:
    """The same; JSON in the version that the core speaks."""
    whole = _chunks_of(response, request)
    if response.status_code not in _WITH_CONTENT or is_download(request):
        return whole
    name = request.url.path.rpartition("/")[2]
    asked = request.content if isinstance(request.stream, httpx.ByteStream) and not is_upload(request) else b""
    return (in_version_4(name, asked, each) for each in whole)


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise (told := translated(error)) from told.__cause__


def _data(request: httpx.Request) -> Any:
    """What is sent, as a file; None for nothing."""
    if request.method != "POST":
        return None
    length = int(request.headers.get("content-length", -1))
    if length == 0:
        return _Nothing()
    if isinstance(request.stream, httpx.ByteStream):
        return io.BytesIO(b"".join(request.stream))
    assert isinstance(request.stream, httpx.SyncByteStream)
    return request.stream if length < 0 else _Sized(request.stream, length)


def as_sent(data: Any) -> Any:
    """Bytes, or a stream that stands at its start, as the library takes them."""
    if isinstance(data, bytes):
        return io.BytesIO(data) if data else _Nothing()
    return _Nothing() if _is_empty(data) else data


def _is_empty(stream: Any) -> bool:
    """Whether a stream that stands at its start, as it does again afterwards, can tell that it has nothing."""
    if not (hasattr(stream, "seek") and hasattr(stream, "tell")):
        return False
    try:
        stream.seek(0, 2)
    except (OSError, TypeError, ValueError):  # one that can only be rewound
        return False
    length = stream.tell()
    stream.seek(0)
    return bool(length == 0)


class _Nothing:
    """An empty body, of which the library must not think that it does not know its length: it cannot be iterated."""

    def __len__(self) -> int:
        return 0

    def read(self, _size: int = -1) -> bytes:
        """No bytes."""
        return b""


class _Sized:
    """The body of a request whose length is known, so that it is not sent in chunks. It is read once."""

    def __init__(self, stream: httpx.SyncByteStream, length: int) -> None:
        self._length, self._chunks, self._rest = length, iter(stream), memoryview(b"")

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def read(self, size: int = -1) -> bytes:
        """The next bytes; less than `size` only at the end."""
        pieces, left = [], self._length if size < 0 else size
        while left:
            self._rest = self._rest or memoryview(next(self._chunks, b""))
            if not self._rest:
                break
            pieces.append(bytes(self._rest[:left]))  # the next chunk may lie where this one does
            self._rest = self._rest[left:]
            left -= len(pieces[-1])
        return b"".join(pieces)


class _Body(httpx.SyncByteStream):
    """The body of a response."""

    def __init__(self, chunks: Iterator[bytes], close: Callable[[], None]) -> None:
        self._chunks, self._close = chunks, close

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_errors():
            yield from self._chunks

    def close(self) -> None:
        self._close()


def translated(error: OSError) -> httpx.TransportError:
    """As httpx would have said it; the texts of `requests` hold URLs and stay behind."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ConnectTimeout" in names:
        return httpx.ConnectTimeout("no connection in time")
    if "Timeout" in names:
        return httpx.ReadTimeout("no answer in time")
    if names & _BAD_URLS and _BAD_PROXY not in names:
        return httpx.UnsupportedProtocol("no http URL")
    if "ConnectionError" not in names:
        return httpx.ReadError("the connection broke")
    told = httpx.ConnectError("no connection")
    if "NameResolutionError" in str(error):
        told.__cause__ = socket.gaierror("the name of the server is not known")
    return told
