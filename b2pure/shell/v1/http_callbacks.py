"""Hooks around every request of a `B2Http`: what they are, how they are called, and the one that looks at the clock.

Rules. What a hook raises fails the request, which is tried again only for a `B2Error` that says so. What is none is a
mistake, and comes out as an UnknownError. A hook may change every header but those that say where a request ends and
whom it is for, and the coding of the answer: those are ours (`OURS`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any, Final, Protocol

import httpx

from b2pure.effects.wire import http_date
from b2pure.shell.v1.exceptions import B2Error, BadDateFormat, ClockSkew, UnknownError

__all__ = [
    "Answered",
    "CallbackRaised",
    "ClockSkewHook",
    "HttpCallback",
    "before",
    "behind",
    "headers_of",
    "listened_to",
    "with_headers",
]

OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "accept-encoding"})
_LINE_BREAKS: Final = (b"\r", b"\n", b"\0")


class Answered(Protocol):
    """A response, of the own connections or of a module that was given."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class HttpCallback:
    """A callback object that does nothing. Overrides pre_request and/or post_request as desired."""

    def pre_request(self, method: str, url: str, headers: dict[str, str]) -> None:
        """Called before processing an HTTP request. What it does to `headers` is done to the request, except that Host,
        Content-Length, Transfer-Encoding and Accept-Encoding stay as they are.

        Raises an exception if this request should not be processed. The exception raised must inherit from
        B2HttpCallbackPreRequestException.
        """

    def post_request(self, method: str, url: str, headers: dict[str, str], response: Any) -> None:
        """Called after processing an HTTP request; `response` is as the library `requests` shows it: `status_code`,
        `headers`, `text`, `json()` and so on. To read the body of a download takes nothing away from it.

        Raises an exception if this request should be treated as failing. The exception raised must inherit from
        B2HttpCallbackPostRequestException.
        """


class ClockSkewHook(HttpCallback):
    """Fails requests when the local clock is too far from the server's."""

    MAX_CLOCK_SKEW_SECONDS: Final = 600

    def post_request(self, method: str, url: str, headers: dict[str, str], response: Any) -> None:
        """Raise an exception if the clock in the server is too different from the clock on the local host.

        The Date header contains a string that looks like: "Fri, 16 Dec 2016 20:52:30 GMT". Where
        somebody in between added another one, the first counts.
        """
        text = response.headers.get("Date")
        if text is None:
            return
        server = http_date(text) if isinstance(text, str) else None
        if server is None:
            raise BadDateFormat(text)
        skew = round((datetime.fromtimestamp(time(), UTC) - server).total_seconds())
        if abs(skew) > self.MAX_CLOCK_SKEW_SECONDS:
            raise ClockSkew(skew)


class CallbackRaised(Exception):
    """Carries what a callback raised past those who turn exceptions into error values."""

    def __init__(self, raised: Exception) -> None:
        super().__init__()
        self.exception = raised
        if not isinstance(raised, B2Error):
            self.exception = UnknownError(repr(raised))
            self.exception.__cause__ = raised


def before(callbacks: Sequence[HttpCallback], method: str, url: str, headers: dict[str, str]) -> None:
    """Tell that a request is about to be sent. Raises CallbackRaised."""
    for callback in callbacks:
        try:
            callback.pre_request(method, url, headers)
        except Exception as error:
            raise CallbackRaised(error) from error


def behind(callbacks: Sequence[HttpCallback], method: str, url: str, headers: dict[str, str], response: Any) -> None:
    """Tell of the response to it. Raises CallbackRaised."""
    for callback in callbacks:
        try:
            callback.post_request(method, url, headers, response)
        except Exception as error:
            raise CallbackRaised(error) from error


def listened_to(callbacks: Sequence[HttpCallback]) -> bool:
    """Whether somebody may want more of a response than its headers."""
    return any(type(callback) is not ClockSkewHook for callback in callbacks)


# -- what callbacks do to the headers of a request


def headers_of(request: httpx.Request) -> dict[str, str]:
    """The headers of a request, named as they are sent."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}


def with_headers(request: httpx.Request, headers: Mapping[str, Any]) -> None:
    """Give a request those headers, except where they are ours; None is no header. Raises CallbackRaised for what
    cannot be sent.
    """
    kept = [(name, value) for name, value in request.headers.raw if name.decode("latin-1").lower() in OURS]
    try:
        wanted = [(_sent(name), _sent(value)) for name, value in headers.items() if value is not None]
    except (TypeError, ValueError) as error:
        raise CallbackRaised(error) from None
    theirs = [(name, value) for name, value in wanted if name.decode("latin-1").lower() not in OURS]
    request.headers = httpx.Headers([*kept, *theirs])


def _sent(text: object) -> bytes:
    """A name or a value as it is sent. An error does not tell it: it may be a token."""
    if not isinstance(text, str | bytes):
        raise TypeError(f"a name or value of a header must be text, not {type(text).__name__}")
    try:
        sent = text.encode("latin-1") if isinstance(text, str) else text
    except UnicodeEncodeError:
        raise ValueError("a header has a character that cannot be sent in one") from None
    if any(each in sent for each in _LINE_BREAKS):
        raise ValueError("a header has a line break in it")
    return sent
