"""What httpx raises, as error values that name the host and the reason, and hold nothing of a path."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from b2pure.model.errors import UNKNOWN_HOST, Transport, TransportKind
from b2pure.shell.authorities import NoAuthorities

if TYPE_CHECKING:
    import httpx

__all__ = ["explain_transport", "transport_trouble"]


def transport_trouble() -> tuple[type[Exception], ...]:
    """What an exchange raises. httpx is loaded when something was raised, no sooner."""
    import httpx

    return httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError


def explain_transport(error: Exception, url: str | httpx.URL) -> Transport:
    """The error value of what httpx raised on the way to `url`, of which only the host is told: paths hold tokens. The
    reason is the system's; the texts of httpx could hold a URL.
    """
    host, causes = _host(url), tuple(_causes(error))
    if any(isinstance(each, socket.gaierror) for each in causes):
        return Transport("connect", UNKNOWN_HOST, host)
    kind, told = _kind(error), type(error).__name__
    reason = next(filter(None, map(_reason, causes)), None) or _REASONS.get(told)
    if reason is None:
        return Transport(kind, told, host)
    return Transport(kind, reason if kind == "connect" else f"{told}: {reason}", host)


def _host(url: str | httpx.URL) -> str:
    import httpx

    try:
        return httpx.URL(url).netloc.decode("ascii")
    except httpx.InvalidURL:
        return ""


def _kind(error: Exception) -> TransportKind:
    import httpx

    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.ProxyError():
            return "connect"
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return "connect"
        case httpx.TimeoutException():
            return "timeout"
        case httpx.LocalProtocolError():
            return "protocol"
        case _:
            return "broken"


_REASONS: Final[Mapping[str, str]] = {
    "ConnectTimeout": "no connection came about in time",
    "ReadTimeout": "the server did not answer in time",
    "WriteTimeout": "the server did not take the request in time",
    "RemoteProtocolError": "the server closed the connection, or its answer was no HTTP",
    "UnsupportedProtocol": "the address does not begin with http:// or https://",
    "InvalidURL": "the address is no URL",
}
"""Where the system gives no reason."""


def _reason(error: BaseException) -> str | None:
    """What the system says of a cause."""
    if isinstance(error, NoAuthorities):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        if _expired(error):
            return (
                "the certificate of the server is not valid at the time of this computer's clock; is the clock right?"
            )
        return f"the certificate of the server is not accepted: {getattr(error, 'verify_message', None) or 'unknown'}"
    if isinstance(error, ssl.SSLError):  # one that Python code made lacks what OpenSSL would have said
        return f"TLS failed: {getattr(error, 'reason', None) or 'no reason given'}"
    # Not `strerror`, which is whatever somebody else's session raises.
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno is not None else None


_NOT_YET_VALID: Final = 9
_HAS_EXPIRED: Final = 10
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


def _expired(error: ssl.SSLCertVerificationError) -> bool:
    """Whether a certificate was refused for the time: what a clock that is far off looks like."""
    return getattr(error, "verify_code", None) in (_NOT_YET_VALID, _HAS_EXPIRED)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
