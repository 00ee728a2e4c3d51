"""What both sides of B2's wire format share: requests, responses, names of headers, and what a header can carry.

Rules. Requests hold tokens and upload URLs, so their repr says only the method. Header names of responses are lower
case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from attrs import field, frozen

from b2pure.model.calls import (
    FetchCall,
    GetDownloadAuthorization,
)
from b2pure.model.sources import Body

__all__ = [
    "API_VERSION",
    "DIGEST_LENGTH",
    "OVERRIDES",
    "PRODUCTION_URL",
    "SSE_B2_HEADER",
    "SSE_C_HEADERS",
    "Headers",
    "HttpRequest",
    "HttpResponse",
    "KeyPair",
    "header_encoded",
    "header_problem",
    "info_key_problem",
    "overrides_of",
    "plain",
]

API_VERSION: Final = 4
PRODUCTION_URL: Final = "https://api.backblazeb2.com"
DIGEST_LENGTH: Final = 40
"""Bytes of a hex SHA-1: what `hex_digits_at_end` adds to a body."""

SSE_B2_HEADER: Final = "X-Bz-Server-Side-Encryption"
SSE_C_HEADERS: Final = (
    "X-Bz-Server-Side-Encryption-Customer-Algorithm",
    "X-Bz-Server-Side-Encryption-Customer-Key",
    "X-Bz-Server-Side-Encryption-Customer-Key-Md5",
)
OVERRIDES: Final[Mapping[str, str]] = {
    "b2_content_disposition": "b2ContentDisposition",
    "b2_content_language": "b2ContentLanguage",
    "b2_expires": "b2Expires",
    "b2_cache_control": "b2CacheControl",
    "b2_content_encoding": "b2ContentEncoding",
    "b2_content_type": "b2ContentType",
}
"""The parameters of a download that change a header of its answer, by the names of their fields."""

Headers = tuple[tuple[str, str], ...]


_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~/-]*\Z")
"""What percent-encoding leaves as it is."""
_INFO_KEY: Final = re.compile(r"[A-Za-z0-9\-_.~!#$%^&*'|+`]{1,50}\Z")
_HEADER_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?\Z")


@frozen
class KeyPair:
    """An application key id and its secret."""

    key_id: str
    key: str = field(repr=False)


@frozen
class HttpRequest:
    """One request. With `digest_at_end` the sender appends the hex SHA-1 of the body, which `Content-Length` already
    counts.
    """

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes | Body = field(default=b"", repr=False)
    digest_at_end: bool = False


@frozen
class HttpResponse:
    """One response; the names of `headers` are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


def header_encoded(text: str) -> str:
    """`text` as B2 wants names and info values in headers and URLs: UTF-8, percent-encoded, `/` literal, `+` never."""
    return text if _PLAIN.match(text) else quote(text, safe="/")


# -- what HTTP itself cannot carry


def info_key_problem(key: str) -> str | None:
    """What is wrong with the key of a file info pair. B2's alphabet is exactly that of HTTP header names."""
    return None if _INFO_KEY.match(key) else "file info keys are 1 to 50 of A-Z a-z 0-9 - _ . ~ ! # $ % ^ & * ' ` | +"


def header_problem(value: str) -> str | None:
    """What is wrong with a value that travels in a header as it is."""
    return None if _HEADER_VALUE.match(value) else "header values are printable ASCII without spaces at the ends"


def overrides_of(call: FetchCall | GetDownloadAuthorization) -> dict[str, str]:
    """The response headers that a download asks for, or an authorization binds, by the names of their parameters."""
    values = ((parameter, getattr(call, name)) for name, parameter in OVERRIDES.items())
    return {parameter: value for parameter, value in values if value is not None}


def plain(value: object) -> object:
    """What msgspec asks to make JSON of what it has no form for: file info may be any mapping, and text and numbers of
    any subclass; msgspec writes only dicts, and text and numbers themselves. Raises TypeError for anything else.
    """
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")
