"""Heads of HTTP messages as bytes, for exchanges whose answers are small: what a request begins with, what an answer
plainly says.

Rules. A request is what httpx would have sent. The answer's head is read here only if nothing about it is a question:
HTTP/1.1, a status that has a body, no line that is folded or odd, one Content-Length, no other framing, a connection
that goes on. Whatever else comes is None here, and is left to the standard library from its first byte on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    import httpx

__all__ = [
    "MAX_HEAD_BYTES",
    "Head",
    "Received",
    "Target",
    "any_target",
    "origin_of",
    "plain_answer",
    "plain_head",
    "plain_url",
    "read_head",
    "target_of",
]

MAX_HEAD_BYTES: Final = 1 << 16
"""A longer head is nothing plain."""
_HEADS: Final = 64
"""How many heads are remembered: within a second, those of one server differ by a length."""
_PORTS: Final = {"http": 80, "https": 443}
_STATUS: Final = re.compile(r"HTTP/1\.1 ([2-5][0-9][0-9]) [\t -~]*\r")
_FIELD: Final = re.compile(r"\n([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)\r")
_WITHOUT_BODY: Final = (204, 304)
_ESCAPED: Final = "|%[0-9A-F]{2}"
_PATH: Final = rf"(?:[A-Za-z0-9._~!$()*,;=:@/-]{_ESCAPED})*"
_QUERY: Final = rf"(?:[A-Za-z0-9._~=&-]{_ESCAPED})*"
_URL: Final = re.compile(rf"(https?://[a-z0-9.:-]+)(/{_PATH}(?:\?{_QUERY})?)")
_SERVER: Final = re.compile(r"(https?)://([a-z0-9]+(?:[.-][a-z0-9]+)*)(?::([1-9][0-9]{0,4}))?")
_NUMBERS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_LAST_PORT, _LAST_BYTE = 65535, 255
_LENGTH: Final = re.compile("[0-9]{1,15}")
"""No body has a length of more digits."""

Origin = tuple[str, str, int]


@frozen
class Target:
    """Where a request goes: the connection, and the two lines that say so."""

    origin: Origin
    path: str
    host: str

    def request_head(self, method: str, headers: Iterable[tuple[str, str]]) -> bytes:
        """The head of a request. Raises httpx.LocalProtocolError for what no header can carry."""
        lines = [f"{method} {self.path} HTTP/1.1\r\nHost: {self.host}\r\n"]
        lines += [f"{name}: {value}\r\n" for name, value in headers]
        lines.append("\r\n")
        text, breaks = "".join(lines), len(lines) + 1
        if text.count("\r") != breaks or text.count("\n") != breaks or "\0" in text or not text.isascii():
            import httpx

            raise httpx.LocalProtocolError("a header has a line break in it, or is not ASCII")
        return text.encode("ascii")


def any_target(url: str) -> Target:
    """Where a URL leads; httpx reads what is not plain. Raises httpx.InvalidURL, httpx.UnsupportedProtocol."""
    plain = plain_url(url)
    target = None if plain is None else _plain_target(*plain)
    if target is not None:
        return target
    import httpx

    return target_of(httpx.URL(url))


def _plain_target(server: str, path: str) -> Target | None:
    """A server whose name or port could be meant otherwise is not plain: an address in numbers has to be one."""
    found = _SERVER.fullmatch(server)
    if found is None:
        return None
    scheme, host, port = found[1], found[2], int(found[3] or _PORTS[found[1]])
    if port > _LAST_PORT or (_NUMBERS.fullmatch(host) and not all(map(_is_byte, host.split(".")))):
        return None
    return Target((scheme, host, port), path, host if port == _PORTS[scheme] else f"{host}:{port}")


def _is_byte(digits: str) -> bool:
    return int(digits) <= _LAST_BYTE and digits == str(int(digits))


def target_of(url: httpx.URL) -> Target:
    """Where a URL leads. Raises httpx.UnsupportedProtocol."""
    return Target(origin_of(url), url.raw_path.decode("ascii"), url.netloc.decode("ascii"))


def plain_url(url: str) -> tuple[str, str] | None:
    """A server, and a path there that every reader of URLs leaves as it is; None where there may be two opinions."""
    found = _URL.fullmatch(url)
    return None if found is None or "/." in found[2] else (found[1], found[2])


def origin_of(url: httpx.URL) -> Origin:
    """Scheme, host and port. Raises httpx.UnsupportedProtocol."""
    if url.scheme not in _PORTS or not url.host:
        import httpx

        raise httpx.UnsupportedProtocol("the address must begin with http:// or https:// and name a host")
    return url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]


@frozen
class Received:
    """A whole answer; the names of `headers` are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes | memoryview


@frozen
class Head:
    """The head of an answer whose body has `length` bytes."""

    status: int
    headers: Mapping[str, str]
    length: int


def read_head(data: bytes) -> Head | None:
    """What the head of an answer says, up to the line break before the empty line; None if it is anything but plain."""
    text = data.decode("latin-1")
    status, fields = _STATUS.match(text), _FIELD.findall(text)
    # A line that is no plain field was not found, and breaks count those: nothing lies between the fields.
    if status is None or text.count("\n") != len(fields) + 1 or text.count("\r") != len(fields) + 1:
        return None
    headers = {name.lower(): value.strip(" \t") for name, value in fields}
    code, length = int(status[1]), headers.get("content-length", "")
    if len(headers) != len(fields) or code in _WITHOUT_BODY or "transfer-encoding" in headers:
        return None
    if not _LENGTH.fullmatch(length) or headers.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    return Head(code, MappingProxyType(headers), int(length))


plain_head = lru_cache(_HEADS)(read_head)
"""The same for heads that come again and again."""


def plain_answer(data: bytes) -> Received | bool:
    """A whole answer, if that is what `data` is; else whether it may become one when more comes."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return len(data) <= MAX_HEAD_BYTES
    head = plain_head(data[: end + 2])
    if head is None:
        return False
    left = end + 4 + head.length - len(data)
    return Received(head.status, head.headers, data[end + 4 :]) if left == 0 else left > 0
