"""What httpx raises, as error values, with the class of the exception and nothing that could hold a URL."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpx

from b2pure.model.errors import Transport

__all__ = ["TROUBLE", "UNKNOWN_HOST", "explain_transport"]

TROUBLE: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError)

UNKNOWN_HOST: Final = "the name of the server is not known"
"""The detail of a connection that failed at the DNS."""


def explain_transport(error: Exception) -> Transport:
    """The error value of what httpx raised, with the class of the exception and nothing that could hold a URL."""
    detail = type(error).__name__
    if any(isinstance(each, socket.gaierror) for each in _causes(error)):
        return Transport("connect", UNKNOWN_HOST)
    if any(isinstance(each, ssl.SSLCertVerificationError) and _expired(each) for each in _causes(error)):
        detail = "the certificate of the server is not valid at the time of this computer's clock; is the clock right?"
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.ProxyError():
            return Transport("connect", detail)
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return Transport("connect", detail)
        case httpx.TimeoutException():
            return Transport("timeout", detail)
        case httpx.LocalProtocolError():
            return Transport("protocol", detail)
        case _:
            return Transport("broken", detail)


_NOT_YET_VALID: Final = 9
_HAS_EXPIRED: Final = 10
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


def _expired(error: ssl.SSLCertVerificationError) -> bool:
    """Whether a certificate was refused for the time: what a clock that is far off looks like."""
    return error.verify_code in (_NOT_YET_VALID, _HAS_EXPIRED)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
