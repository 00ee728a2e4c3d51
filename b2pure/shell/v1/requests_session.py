"""Requests through a session like that of the library `requests`, for programs that bring their own.

Rules. Of a response nothing is used but what b2sdk 1.1.4 uses: `status_code`, `headers`, `content`, `close`, and
`iter_content` of a download that went well. So a fake of the library needs no more.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx

from b2pure.shell.forks import renewed_after_fork

__all__ = ["RequestsSession", "body_of", "translated"]

_CHUNK_BYTES: Final = 1 << 16
_AUTHORIZES: Final = "/b2_authorize_account"
_WITH_CONTENT: Final = (200, 206)
_SET_BY_THE_LIBRARY: Final = frozenset({"host", "content-length", "transfer-encoding"})


class RequestsSession:
    """Sends requests with `module.Session()`; what it raises becomes httpx's exceptions."""

    def __init__(self, module: Any, connect_timeout: float | None, read_timeout: float) -> None:
        """`module` has a `Session`; the timeouts are seconds. Without one of its own a connection may take as long as
        an answer, as in b2sdk.
        """
        self._module, self._session = module, module.Session()
        self._timeout = read_timeout if connect_timeout is None else (connect_timeout, read_timeout)
        renewed_after_fork(self)

    def _renew_in_child(self) -> None:
        """In a child that was forked, where the connections are its parent's."""
        self._session = self._module.Session()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def post(self, url: str, headers: Mapping[str, str], data: Any) -> Any:
        """The module's own response, whose body is there."""
        with _told():
            return self._session.post(url, headers=dict(headers), data=data, timeout=self._timeout)

    def get(self, url: str, headers: Mapping[str, str]) -> Any:
        """The module's own response, whose body is on its way."""
        with _told():
            return self._session.get(url, headers=dict(headers), stream=True, timeout=self._timeout)

    def exchange(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of the response is still to be read."""
        headers = {name: value for name, value in request.headers.items() if name not in _SET_BY_THE_LIBRARY}
        url = str(request.url)
        response = self.post(url, headers, _data(request)) if request.method == "POST" else self.get(url, headers)
        stream = _Body(_chunks_of(response, request), response.close)
        return httpx.Response(response.status_code, headers=list(response.headers.items()), stream=stream)


def body_of(response: Any) -> bytes:
    """All of the body of a module's response."""
    with _told():
        content: bytes = response.content
        return content


def _chunks_of(response: Any, request: httpx.Request) -> Iterator[bytes]:
    """The body: that of a download in pieces, if the response can do that, any other as a whole."""
    downloads = request.method == "GET" and not request.url.path.endswith(_AUTHORIZES)
    if downloads and response.status_code in _WITH_CONTENT and hasattr(response, "iter_content"):
        pieces: Iterator[bytes] = iter(response.iter_content(_CHUNK_BYTES))
        return pieces
    return iter((response.content,))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise (told := translated(error)) from told.__cause__


def _data(request: httpx.Request) -> Any:
    length = request.headers.get("content-length")
    assert isinstance(request.stream, httpx.SyncByteStream)
    if length is None:
        return request.stream
    return _Sized(request.stream, int(length))


class _Sized:
    """The body of a request whose length is known, so that it is not sent in chunks."""

    def __init__(self, stream: httpx.SyncByteStream, length: int) -> None:
        self._stream, self._length = stream, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)


class _Body(httpx.SyncByteStream):
    """The body of a response."""

    def __init__(self, chunks: Iterator[bytes], close: Callable[[], None]) -> None:
        self._chunks, self._close = chunks, close

    def __iter__(self) -> Iterator[bytes]:
        with _told():
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
    if "ConnectionError" not in names:
        return httpx.ReadError("the connection broke")
    told = httpx.ConnectError("no connection")
    if "NameResolutionError" in str(error):
        told.__cause__ = socket.gaierror("the name of the server is not known")
    return told
