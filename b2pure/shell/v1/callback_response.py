"""What an `HttpCallback` sees of a request and its response: as the library `requests` shows them, whoever sent it.

Rules. Names of headers are written as they were sent, and are found in any spelling. The body of a download is read
when a callback asks for it, and then whole; where it was to go it still goes, byte for byte (`passed_on`). Every other
body is there before the callbacks are. What breaks while a body is read is raised as the request itself would raise it.
No repr holds a token.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from types import TracebackType
from typing import Any, Final

import httpx

from b2pure.shell.trouble import explain_transport
from b2pure.shell.v1.error_table import Context, exception_of
from b2pure.shell.v1.request_kinds import is_upload

__all__ = ["CallbackRequest", "CallbackResponse", "SeenHeaders"]

_SECRET: Final = "authorization"


class SeenHeaders(Mapping[str, str]):
    """Headers whose names are found in any spelling, and told as they were sent. The values of one that was sent more
    than once are one, with commas.
    """

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._found: dict[str, tuple[str, str]] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            first, so_far = self._found.get(name.lower(), (name, None))
            self._found[name.lower()] = first, value if so_far is None else f"{so_far}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._found[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return repr({name: "***" if name.lower() == _SECRET else value for name, value in self.items()})


class CallbackRequest:
    """What was sent, as far as it is known: `body` is None where there was none, and where it was streamed."""

    def __init__(self, request: httpx.Request) -> None:
        self.method, self.url = request.method, str(request.url)
        self.path_url = request.url.raw_path.decode("ascii")
        self.headers = SeenHeaders(request.headers.raw)
        whole = isinstance(request.stream, httpx.ByteStream)
        self.body: bytes | None = (request.content or None) if whole else None

    def __repr__(self) -> str:
        return f"<PreparedRequest [{self.method}]>"


class CallbackResponse:
    """What was answered. `elapsed` is the time from the request to the headers of the response."""

    def __init__(self, response: httpx.Response, request: httpx.Request, seconds: float) -> None:
        self._response, self._request = response, request
        self._bytes: bytes | None = None
        self.status_code = response.status_code
        self.elapsed = timedelta(seconds=seconds)
        self.history: list[CallbackResponse] = []

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[bytes | str]:
        return self.iter_content(128)

    def __enter__(self) -> CallbackResponse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- what came at once

    @cached_property
    def headers(self) -> SeenHeaders:
        """The headers of the response."""
        return SeenHeaders(self._response.headers.raw)

    @cached_property
    def request(self) -> CallbackRequest:
        """What this is the response to."""
        return CallbackRequest(self._request)

    @property
    def url(self) -> str:
        """Where the request went."""
        return str(self._request.url)

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def reason(self) -> str:
        """The status as a word."""
        return self._response.reason_phrase

    @property
    def encoding(self) -> str | None:
        """How `text` is decoded."""
        return self._response.encoding

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """The cookies that came, by their names. None is ever sent back."""
        came = httpx.Response(self.status_code, headers=self._response.headers.raw, request=self._request)
        return dict(came.cookies)

    def raise_for_status(self) -> None:
        """Raises OSError for a status of 400 and above."""
        if not self.ok:
            whose = "Client" if self.status_code < 500 else "Server"
            raise OSError(f"{self.status_code} {whose} Error: {self.reason}")

    # -- the body

    def read(self) -> bytes:
        """The whole body, byte for byte as it came. Raises httpx.HTTPError, httpx.StreamError."""
        if self._bytes is None:
            try:
                self._bytes = b"".join(self._response.iter_raw())
            finally:
                self._response.close()
        return self._bytes

    def _came(self) -> bytes:
        """As `read`, for a callback, which must not know who sent the request."""
        try:
            return self.read()
        except httpx.StreamError:
            raise RuntimeError("the content of this response was consumed already") from None
        except httpx.HTTPError as error:
            told = Context(uploads=is_upload(self._request))
            raise exception_of(explain_transport(error, self.url), told) from None

    @cached_property
    def _whole(self) -> httpx.Response:
        return httpx.Response(self.status_code, headers=self._response.headers.raw, content=self._came())

    @property
    def content(self) -> bytes:
        """The body, without what its Content-Encoding did to it."""
        return self._whole.content

    @property
    def text(self) -> str:
        """The body as text."""
        return self._whole.text

    def json(self, **options: Any) -> Any:
        """The JSON document that the body is; `options` are those of `json.loads`. Raises ValueError."""
        return json.loads(self.content, **options)

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[bytes | str]:
        """The body in pieces, as bytes or as text. It is in memory as a whole."""
        whole: bytes | str = self.text if decode_unicode else self.content
        step = chunk_size or max(1, len(whole))
        return (whole[at : at + step] for at in range(0, len(whole), step))

    def iter_lines(self) -> Iterator[bytes]:
        """The lines of the body, without what ends them."""
        return iter(self.content.splitlines())

    @cached_property
    def raw(self) -> io.RawIOBase:
        """The body as a file, byte for byte as it came; with `status`, `reason` and `headers`."""
        return _Raw(self)

    def close(self) -> None:
        """Nothing: the body still goes where it was to go, and the connection is given back after it."""

    def passed_on(self) -> httpx.Response:
        """The response for whom it was meant: with all of its body, whether a callback read that or not."""
        if self._bytes is None:
            return self._response
        raw, told = self._response.headers.raw, self._response.extensions
        return httpx.Response(self.status_code, headers=raw, stream=httpx.ByteStream(self._bytes), extensions=told)


class _Raw(io.RawIOBase):
    """A body that is read when somebody reads it."""

    def __init__(self, response: CallbackResponse) -> None:
        self._of, self._at = response, 0
        self.status, self.reason, self.headers = response.status_code, response.reason, response.headers

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._of._came()[self._at : self._at + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
