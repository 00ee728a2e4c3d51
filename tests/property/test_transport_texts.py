"""No answer came: whatever went wrong, the error names the host and says why, and nothing else of the address."""

from __future__ import annotations

import errno
import socket
import ssl
import string
from typing import Final

import httpx
from hypothesis import given
from hypothesis import strategies as st

from b2pure.model.errors import describe
from b2pure.shell.http import explain_transport
from b2pure.shell.v1.error_table import Context, exception_of

RAISED: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ReadError,
    httpx.ReadTimeout,
    httpx.WriteError,
    httpx.WriteTimeout,
    httpx.RemoteProtocolError,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
    httpx.InvalidURL,
)
CAUSES: Final = st.sampled_from(sorted(errno.errorcode)).map(
    lambda number: OSError(number, "SECRET")
) | st.sampled_from(
    [
        None,
        TimeoutError("SECRET"),
        ConnectionResetError("SECRET"),
        socket.gaierror("SECRET"),
        ssl.SSLError(1, "SECRET"),
        ssl.SSLCertVerificationError(1, "SECRET"),
        ValueError("SECRET"),
    ]
)
HOSTS: Final = st.sampled_from(["b2.example", "pod-000-1014-09.backblaze.com", "127.0.0.1:8180", "[::1]:9"])
TOKENS: Final = st.text(string.ascii_letters + string.digits, min_size=12).map(lambda text: f"SECRET{text}")


def _raised(kind: type[Exception], cause: Exception | None) -> Exception:
    error = kind("SECRET")
    error.__cause__ = cause
    return error


@given(st.sampled_from(RAISED), CAUSES, HOSTS, TOKENS, st.sampled_from(["", "user:SECRET@"]), st.booleans())
def test_an_error_names_the_host_and_no_more_of_the_address(
    kind: type[Exception], cause: Exception | None, host: str, token: str, user: str, uploads: bool
) -> None:
    found = explain_transport(_raised(kind, cause), f"https://{user}{host}/b2api/{token}?auth={token}")
    assert found.host == host
    assert host in describe(found)
    assert found.detail
    for told in (describe(found), repr(found), str(exception_of(found, Context(uploads=uploads)))):
        assert "SECRET" not in told


@given(st.sampled_from(RAISED), CAUSES, HOSTS, st.booleans())
def test_every_exception_of_the_numbered_interface_names_the_host(
    kind: type[Exception], cause: Exception | None, host: str, uploads: bool
) -> None:
    found = explain_transport(_raised(kind, cause), f"http://{host}/")
    assert host in str(exception_of(found, Context(uploads=uploads)))


@given(st.sampled_from(RAISED), CAUSES, st.text())
def test_any_text_is_an_address_or_none(kind: type[Exception], cause: Exception | None, url: str) -> None:
    assert describe(explain_transport(_raised(kind, cause), url))
