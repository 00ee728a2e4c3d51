"""Who vouches for the certificates of servers: the authorities that the environment names, else those of httpx.

Rules. The first variable of `VARIABLES` that is set counts, and no other: a company names its own authority to narrow
what is trusted as well as to widen it. One that names nothing that can be read refuses every connection that needs it,
and none that is plain http, as late as `requests` does; it never falls back to other authorities.
"""

from __future__ import annotations

import os
import ssl
from typing import Any, Final, NoReturn

from b2pure.model.names import printable

__all__ = ["VARIABLES", "NoAuthorities", "tls_context"]

_DIRECTORIES: Final = "SSL_CERT_DIR"
VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", _DIRECTORIES)
"""In the order in which they are asked: first those of `requests`, then OpenSSL's."""


class NoAuthorities(OSError):
    """A variable of the environment names authorities that cannot be read. The text says which, and why."""


class _Refusing(ssl.SSLContext):
    """Makes no connection, and says why."""

    why: str

    def wrap_socket(self, *_args: Any, **_options: Any) -> NoReturn:
        raise NoAuthorities(self.why)

    def wrap_bio(self, *_args: Any, **_options: Any) -> NoReturn:
        raise NoAuthorities(self.why)


def tls_context() -> ssl.SSLContext:
    """The settings of TLS for this environment: those of httpx, with the authorities that a variable names."""
    for name in VARIABLES:
        path = os.environ.get(name)
        if path:
            return _trusting(name, path)
    import httpx

    return httpx.create_ssl_context(trust_env=False)


def _trusting(name: str, path: str) -> ssl.SSLContext:
    try:
        if _is_directory(name, path):
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        context = _Refusing(ssl.PROTOCOL_TLS_CLIENT)
        context.why = f"{name} names authorities that cannot be read: {printable(path)}: {_reason(error)}"
        return context


def _is_directory(name: str, path: str) -> bool:
    """OpenSSL's own variable may name several."""
    return any(map(os.path.isdir, path.split(os.pathsep) if name == _DIRECTORIES else [path]))


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) or error.errno is None:
        return "no certificates in it"
    return os.strerror(error.errno)
