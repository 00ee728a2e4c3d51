"""What can go wrong out there, as values.

The classes of `B2Error` say what the caller can *do* about it, not which symptom was seen; `code` stays the server's
own string. None of them holds a key, a token or an upload URL. What the caller did wrong before anything was asked is
an `InvalidArgument`.
"""

from __future__ import annotations

from typing import Final, Literal, assert_never

from attrs import frozen

from b2pure.model.files import LocalFact
from b2pure.model.names import printable

__all__ = [
    "UNKNOWN_HOST",
    "B2Error",
    "CapExceeded",
    "Corrupt",
    "InvalidArgument",
    "LocalDrifted",
    "LocalFailure",
    "Rejected",
    "Throttled",
    "Transport",
    "TransportKind",
    "Unauthorized",
    "Unavailable",
    "describe",
    "show_fact",
]

TransportKind = Literal["connect", "timeout", "broken", "protocol"]

UNKNOWN_HOST: Final = "the name of the server is not known"
"""The detail of a connection that failed at the DNS."""


@frozen
class InvalidArgument:
    """An argument that makes no sense, named, with the fix."""

    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.name} {self.message}"


@frozen
class Rejected:
    """The server understood and refused (400, 404, 405, 409, 416 ...): repeating the request cannot help."""

    status: int
    code: str
    message: str


@frozen
class Unauthorized:
    """401: the key or the token is wrong, expired, or not allowed to do this (`code` tells which). `of_key`: it was the
    key itself that was refused, when a token was asked for with it.
    """

    code: str
    message: str
    of_key: bool = False


@frozen
class CapExceeded:
    """403 of the caps family: a limit that the account's owner set. Only the owner can mend it."""

    code: str
    message: str


@frozen
class Throttled:
    """429: too many requests; `retry_after_seconds` is the server's wish, if it said one."""

    retry_after_seconds: float | None


@frozen
class Unavailable:
    """408 and 5xx: the server could not do it now."""

    status: int
    code: str
    message: str
    retry_after_seconds: float | None = None


@frozen
class Transport:
    """No whole answer came: the request may or may not have taken effect, unless `kind` is `connect`. `host` is who was
    asked, with its port where the address has one; empty where it is not known.
    """

    kind: TransportKind
    detail: str
    host: str = ""


@frozen
class Corrupt:
    """The bytes are not the promised ones. Sizes are bytes, digests are hex SHA-1. `why` says what is the matter where
    nothing need be damaged.
    """

    what: str
    expected: str
    found: str
    why: str = ""


@frozen
class LocalFailure:
    """The local file system refused `operation` on `path` (relative to the synced folder)."""

    operation: str
    path: str
    detail: str


@frozen
class LocalDrifted:
    """A local file is not what it was when it was looked at. None stands for "no file"."""

    path: str
    expected: LocalFact | None
    found: LocalFact | None


B2Error = (
    Rejected | Unauthorized | CapExceeded | Throttled | Unavailable | Transport | Corrupt | LocalFailure | LocalDrifted
)


def describe(error: B2Error | InvalidArgument) -> str:
    """One line for a person: what happened and, where there is one, the fix."""
    match error:
        case InvalidArgument():
            return printable(str(error))
        case Rejected(status, code, message):
            return f"B2 refused it: {_told(message)} ({_named(status, code)})"
        case Unauthorized(code, message, of_key=True):
            told = f"{_told(message)} ({_named(401, code)})"
            return f"the application key was refused: {told}: it is wrong, was deleted or has expired"
        case Unauthorized("unauthorized", message):
            told = printable(message) or "check the application key and its capabilities"
            return f"not allowed: {told} (401 unauthorized)"
        case Unauthorized(code, message):
            return f"the authorization was refused: {_told(message)} ({_named(401, code)})"
        case CapExceeded(code, message):
            told = f"{_told(message)} ({_named(403, code)})"
            return f"a cap of the account is reached: {told}; raise it in the account's caps"
        case Throttled():
            return "B2 asked to slow down, again and again (429)"
        case Unavailable(status, code, message):
            return f"B2 is not available: {_told(message)} ({_named(status, code)})"
        case Transport(kind, detail, host):
            to = f" to {printable(host)}" if host else ""
            return f"the connection{to} failed ({kind}): {printable(detail)}"
        case Corrupt(what, expected, found, why) if why:
            return f"{why}: {what} has {expected} here, {found} there"
        case Corrupt(what, expected, found):
            return f"{what} is corrupt: expected {expected}, found {found}"
        case LocalFailure(operation, path, detail):
            return f"cannot {operation} {printable(path)}: {detail}"
        case LocalDrifted(path, expected, found) if expected == found:
            return f"{printable(path)} changed while it was read, and has its old size and time again"
        case LocalDrifted(path, _, None):
            return f"{printable(path)} vanished meanwhile"
        case LocalDrifted(path, None, found):
            return f"somebody else made {printable(path)} meanwhile ({show_fact(found)}); it was left as it is"
        case LocalDrifted(path, expected, found):
            return f"{printable(path)} changed meanwhile: {show_fact(expected)} -> {show_fact(found)}"
        case _:
            assert_never(error)


def _told(message: str) -> str:
    return printable(message) or "no message"


def _named(status: int, code: str) -> str:
    """A status with B2's name of it, which a proxy in between does not say."""
    return f"{status} {printable(code)}" if code else str(status)


def show_fact(fact: LocalFact | None) -> str:
    """A local fact for a person."""
    return "absent" if fact is None else f"size {fact.size}, modified {fact.mod_time_millis}"
