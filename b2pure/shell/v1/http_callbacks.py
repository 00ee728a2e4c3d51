"""Hooks around every request of a `B2Http`: what they are, and the one that looks at the clock.

Rules. What a hook raises fails the request, and is never tried again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, Final

from b2pure.shell.v1.exceptions import BadDateFormat, ClockSkew

__all__ = ["ClockSkewHook", "HttpCallback"]


class HttpCallback:
    """A callback object that does nothing. Overrides pre_request and/or post_request as desired."""

    def pre_request(self, method: str, url: str, headers: dict[str, str]) -> None:
        """Called before processing an HTTP request.

        Raises an exception if this request should not be processed. The exception raised must inherit from
        B2HttpCallbackPreRequestException.
        """

    def post_request(self, method: str, url: str, headers: dict[str, str], response: Any) -> None:
        """Called after processing an HTTP request; `response` has `status_code` and `headers`.

        Raises an exception if this request should be treated as failing. The exception raised must inherit from
        B2HttpCallbackPostRequestException.
        """


class ClockSkewHook(HttpCallback):
    """Fails requests when the local clock is too far from the server's."""

    MAX_CLOCK_SKEW_SECONDS: Final = 600

    def post_request(self, method: str, url: str, headers: dict[str, str], response: Any) -> None:
        """Raise an exception if the clock in the server is too different from the clock on the local host.

        The Date header contains a string that looks like: "Fri, 16 Dec 2016 20:52:30 GMT".
        """
        text = response.headers.get("Date")
        if text is None:
            return
        try:
            server = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            raise BadDateFormat(text) from None
        if server.tzinfo is None:
            raise BadDateFormat(text)
        skew = round((datetime.fromtimestamp(time(), UTC) - server).total_seconds())
        if abs(skew) > self.MAX_CLOCK_SKEW_SECONDS:
            raise ClockSkew(skew)
