"""Requests through a session like that of the library `requests`, for programs that bring their own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx

from b2pure.shell.forks import renewed_after_fork

__all__ = ["RequestsSession"]

_CHUNK_BYTES: Final = 1 << 16
_SET_BY_THE_LIBRARY: Final = frozenset({"host", "content-length", "transfer-encoding"})


class RequestsSession:
    """Sends requests with `module.Session()`; what it raises becomes httpx's exceptions."""

    def __init__(self, module: Any, connect_timeout: float, read_timeout: float) -> None:
        """`module` has a `Session`; the timeouts are seconds."""
        self._module, self._session = module, module.Session()
        self._timeout = connect_timeout, read_timeout
        renewed_after_fork(self)

    def _renew_in_child(self) -> None:
        """In a child that was forked, where the connections are its parent's."""
        self._session = self._module.Session()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def exchange(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of the response is still to be read."""
        headers = {name: value for name, value in request.headers.items() if name not in _SET_BY_THE_LIBRARY}
        url = str(request.url)
        try:
            if request.method == "POST":
                response = self._session.post(url, headers=headers, data=_data(request), timeout=self._timeout)
            else:
                response = self._session.get(url, headers=headers, stream=True, timeout=self._timeout)
        except OSError as error:
            raise (told := _translated(error)) from told.__cause__
        stream = _Body(response.iter_content(_CHUNK_BYTES), response.close)
        return httpx.Response(response.status_code, headers=list(response.headers.items()), stream=stream)


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
        try:
            yield from self._chunks
        except OSError as error:
            raise (told := _translated(error)) from told.__cause__

    def close(self) -> None:
        self._close()


def _translated(error: OSError) -> httpx.TransportError:
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
