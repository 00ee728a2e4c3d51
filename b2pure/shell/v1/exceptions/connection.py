"""No answer, or one that cannot be used: what goes wrong between here and B2, and what callbacks raise.

Rules. A text names the host and the reason, and never a path: paths hold tokens.
"""

from __future__ import annotations

from b2pure.shell.v1.exceptions.base import B2SimpleError, FixedText, TransientErrorMixin

__all__ = [
    "B2ConnectionError",
    "B2HttpCallbackException",
    "B2HttpCallbackPostRequestException",
    "B2HttpCallbackPreRequestException",
    "B2RequestTimeout",
    "B2RequestTimeoutDuringUpload",
    "BadDateFormat",
    "BrokenPipe",
    "ClockSkew",
    "ConnectionReset",
    "UnknownHost",
]


class B2ConnectionError(TransientErrorMixin, B2SimpleError):
    """No connection, or one that made no sense."""


class B2RequestTimeout(TransientErrorMixin, B2SimpleError):
    """No answer came in time."""


class B2RequestTimeoutDuringUpload(B2RequestTimeout):
    """No answer came in time, and the upload may have taken effect: only another upload URL will do."""

    def should_retry_http(self) -> bool:
        return False


class _Told(FixedText):
    """A text that is always the same, and behind it with whom it happened and why, where that is known."""

    def __str__(self) -> str:
        return ": ".join([self.text, *map(str, self.args)])


class BrokenPipe(_Told):
    """The server closed the connection while the body was sent."""

    text = "Broken pipe: unable to send entire request"

    def should_retry_upload(self) -> bool:
        return True


class ConnectionReset(_Told):
    """The connection broke before the whole answer was here."""

    text = "Connection reset"

    def should_retry_upload(self) -> bool:
        return True


class UnknownHost(_Told):
    """No such name in the DNS."""

    text = "unknown host"


class BadDateFormat(B2SimpleError):
    """The `Date` of an answer cannot be read."""

    prefix = "Date from server"


class B2HttpCallbackException(B2SimpleError):
    """Base of what an `HttpCallback` may raise."""


class B2HttpCallbackPreRequestException(B2HttpCallbackException):
    """Raised by `pre_request`: the request must not be sent."""


class B2HttpCallbackPostRequestException(B2HttpCallbackException):
    """Raised by `post_request`: the request counts as failed."""


class ClockSkew(B2HttpCallbackPostRequestException):
    """The clock on the server differs from the local clock by too much.

    `clock_skew_seconds` is how far the local clock is ahead; negative means behind.
    """

    def __init__(self, clock_skew_seconds: float) -> None:
        super().__init__(clock_skew_seconds)
        self.clock_skew_seconds = clock_skew_seconds

    def __str__(self) -> str:
        way = "behind" if self.clock_skew_seconds < 0 else "ahead of"
        return f"ClockSkew: local clock is {abs(self.clock_skew_seconds):.0f} seconds {way} server"
