"""Faults as data: what shall go wrong, and when.

Rules. A script is a tuple of faults. Calls are named by their wire name (`b2_upload_file`) or by the beginning of it
and a star (`b2_upload_*`, `*`), and counted from 1 for each such name; every attempt counts, whatever became of it. A
fault strikes `times` calls, from its nth on; None means until it is lifted. Its arguments begin with the call and the
number, as its short words do.

`fault_text` has the JSON form and the command line's words, `fault_answers` the responses and errors, `strikes` the
machine that says what strikes a call.
"""

from __future__ import annotations

import math
import re
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, Literal, assert_never, cast, get_args, get_type_hints

import msgspec

from b2pure.model.calls import ALL_CALLS, DownloadFileById, DownloadFileByName, UploadFile, UploadPart
from b2pure.model.record import Record

__all__ = [
    "ANY_CALL",
    "CAP_CODES",
    "DOWNLOADS",
    "DOWNLOAD_NAMES",
    "PASSING_KINDS",
    "RANDOM_KINDS",
    "UPLOADS",
    "UPLOAD_NAMES",
    "Answer",
    "CorruptDownload",
    "CorruptUpload",
    "CutDownload",
    "CutUpload",
    "Disconnect",
    "Disconnection",
    "DropReplyAfterCommit",
    "ExpireTokens",
    "FailNth",
    "Fault",
    "FaultScript",
    "NthFault",
    "RandomFaults",
    "RandomKind",
    "Slow",
    "Tokens",
    "matches",
]

ANY_CALL: Final = "*"
UPLOADS: Final = "b2_upload_*"
"""Both calls that go to an upload URL."""
DOWNLOADS: Final = "b2_download_*"
"""Downloads by id and by name."""

_NAMES: Final = tuple(call.name for call in ALL_CALLS)
UPLOAD_NAMES: Final = frozenset({UploadFile.name, UploadPart.name})
DOWNLOAD_NAMES: Final = frozenset({DownloadFileById.name, DownloadFileByName.name})

CAP_CODES: Final = ("cap_exceeded", "storage_cap_exceeded", "transaction_cap_exceeded", "download_cap_exceeded")
"""What B2 calls the caps of an account; the status is 403."""

Tokens = Literal["account", "upload", "all"]
"""Which tokens expire: those of b2_authorize_account, those of upload URLs, or both."""

Disconnection = Literal["refused", "reset", "silent"]
"""How a connection fails before anything is read: it is not made; it is closed; nothing is ever answered.

A server that listens cannot refuse; to its clients `refused` is `reset`.
"""

RandomKind = Literal[
    "internal_error",
    "service_unavailable",
    "too_many_requests",
    "reset",
    "silent",
    "slow",
    "drop_reply",
    "cut_upload",
    "cut_download",
    "corrupt_upload",
    "corrupt_download",
    "expire_tokens",
]
RANDOM_KINDS: Final[tuple[RandomKind, ...]] = get_args(RandomKind)
PASSING_KINDS: Final[tuple[RandomKind, ...]] = tuple(kind for kind in RANDOM_KINDS if kind not in ("silent", "slow"))
"""All kinds that take no time of their own."""


# -- faults


class _FaultRecord(Record, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """The closed vocabulary of a script."""


class Answer(_FaultRecord, frozen=True):
    """An unsuccessful response in B2's stead.

    Without `code` it is the usual one of the status. With `body` the response is that text, of `content_type`,
    instead of B2's JSON: what a proxy in between says. `retry_after` is the header's wish in seconds, which
    `retry_after_form` sends as such or as the HTTP date that is so far ahead.
    """

    status: int
    code: str = ""
    message: str = ""
    retry_after: int | None = None
    retry_after_form: Literal["seconds", "date"] = "seconds"
    body: str | None = None
    content_type: str = "text/html"

    def __post_init__(self) -> None:
        _check_types(self)
        if _LINE_BREAK.search(self.code + self.content_type):
            raise ValueError("code and contentType have no line breaks")
        if not 300 <= self.status <= 599:
            raise ValueError(f"status is 300 to 599, not {self.status}")
        if self.retry_after is not None and self.retry_after < 0:
            raise ValueError(f"retryAfter is a number of seconds, not {self.retry_after}")
        if self.body is not None and (self.code or self.message):
            raise ValueError("a body of its own has no code and no message")


def _required(impossible: int) -> int:
    """A field that must be given although it stands behind one that has a default: left out, it is `impossible`, which
    is refused. It is always written down.
    """
    return msgspec.field(default_factory=lambda: impossible)


class _NthRecord(_FaultRecord, frozen=True, kw_only=True, tag_field="fault"):
    """What strikes the nth call of a name, and `times` - 1 calls after it (None: all, until it is lifted)."""

    times: int | None = 1

    def __post_init__(self) -> None:
        _check_types(self)
        _check(cast("NthFault", self))


class FailNth(_NthRecord, frozen=True, tag="fail"):
    """The call is answered so, and does not reach B2."""

    call_name: str
    nth: int
    answer: Answer


class Disconnect(_NthRecord, frozen=True, tag="disconnect"):
    """The connection fails before anything is read of the call."""

    call_name: str
    nth: int
    how: Disconnection = "reset"


class Slow(_NthRecord, frozen=True, tag="slow"):
    """So many seconds pass before anything else happens to the call."""

    call_name: str
    nth: int
    seconds: float


class DropReplyAfterCommit(_NthRecord, frozen=True, tag="drop_reply"):
    """The call takes effect (if it can), and its reply is lost."""

    call_name: str
    nth: int


class CutUpload(_NthRecord, frozen=True, tag="cut_upload"):
    """The connection breaks after so many bytes of an upload's body, if it has more: nothing is stored, and the
    upload URL is spoiled.
    """

    call_name: str = UPLOADS
    nth: int = _required(0)
    after_bytes: int = _required(-1)


class CutDownload(_NthRecord, frozen=True, tag="cut_download"):
    """The body of a download stops after so many bytes, if it has more."""

    call_name: str = DOWNLOADS
    nth: int = _required(0)
    after_bytes: int = _required(-1)


class CorruptUpload(_NthRecord, frozen=True, tag="corrupt_upload"):
    """The lowest bit of one byte of an upload's body is flipped on its way, if there is such a byte; the digest that
    was promised stays.
    """

    call_name: str = UPLOADS
    nth: int = _required(0)
    at_byte: int = 0


class CorruptDownload(_NthRecord, frozen=True, tag="corrupt_download"):
    """The lowest bit of one byte of a download's body is flipped on its way, if there is such a byte."""

    call_name: str = DOWNLOADS
    nth: int = _required(0)
    at_byte: int = 0


class ExpireTokens(_NthRecord, frozen=True, tag="expire_tokens"):
    """Before the call every token of the kind that was given so far expires."""

    call_name: str = ANY_CALL
    nth: int = _required(0)
    tokens: Tokens = "account"


class RandomFaults(_FaultRecord, frozen=True, tag_field="fault", tag="random"):
    """About one in `one_in` calls is struck by something of `kinds` that fits it; where nothing fits, by nothing.

    Whether the kth call of the name is struck depends on `seed` and k alone.
    """

    seed: int
    one_in: int
    kinds: tuple[RandomKind, ...] = PASSING_KINDS
    call_name: str = ANY_CALL

    def __post_init__(self) -> None:
        _check_types(self)
        if self.one_in < 1:
            raise ValueError(f"oneIn is 1 or more, not {self.one_in}")
        if not self.kinds:
            raise ValueError("kinds is empty")
        _check_name(self.call_name, frozenset(_NAMES))


NthFault = (
    FailNth
    | Disconnect
    | Slow
    | DropReplyAfterCommit
    | CutUpload
    | CutDownload
    | CorruptUpload
    | CorruptDownload
    | ExpireTokens
)
Fault = NthFault | RandomFaults
FaultScript = tuple[Fault, ...]


def matches(pattern: str, call_name: str) -> bool:
    """Whether a fault of this name means that call."""
    return call_name.startswith(pattern[:-1]) if pattern.endswith("*") else call_name == pattern


_LINE_BREAK: Final = re.compile(r"[\r\n]")


def _check_types(record: msgspec.Struct) -> None:
    """What decoding checks for JSON, for those who build a fault in Python."""
    for name, declared in _types_of(type(record)).items():
        try:
            msgspec.convert(getattr(record, name), declared)
        except msgspec.ValidationError as error:
            raise ValueError(f"{name} of {type(record).__name__}: {error}") from None


@cache
def _types_of(record: type[msgspec.Struct]) -> dict[str, Any]:
    hints = get_type_hints(record)
    return {name: hints[name] for name in record.__struct_fields__}


def _check(fault: NthFault) -> None:
    if fault.nth < 1:
        raise ValueError(f"nth counts from 1, not {fault.nth}")
    if fault.times is not None and fault.times < 1:
        raise ValueError(f"times is 1 or more, or null until it is lifted, not {fault.times}")
    match fault:
        case CutUpload() | CorruptUpload():
            _check_name(fault.call_name, UPLOAD_NAMES)
        case CutDownload() | CorruptDownload():
            _check_name(fault.call_name, DOWNLOAD_NAMES)
        case FailNth() | Disconnect() | Slow() | DropReplyAfterCommit() | ExpireTokens():
            _check_name(fault.call_name, frozenset(_NAMES))
        case _:
            assert_never(fault)
    match fault:
        case CutUpload(after_bytes=count) | CutDownload(after_bytes=count) if count < 0:
            raise ValueError(f"afterBytes is 0 or more, not {count}")
        case CorruptUpload(at_byte=count) | CorruptDownload(at_byte=count) if count < 0:
            raise ValueError(f"atByte is 0 or more, not {count}")
        case Slow(seconds=seconds) if not 0 <= seconds < math.inf:
            raise ValueError(f"seconds is 0 or more, not {seconds}")


def _check_name(pattern: str, allowed: frozenset[str]) -> None:
    meant = {name for name in _NAMES if matches(pattern, name)}
    if not meant:
        close = get_close_matches(pattern, _NAMES, 1)
        hint = f"; is it {close[0]}?" if close else "; names are B2's own, as b2_upload_file, or b2_upload_*, or *"
        raise ValueError(f"callName: there is no call {pattern}{hint}")
    if not meant <= allowed:
        raise ValueError(f"callName: this fault strikes only {' and '.join(sorted(allowed))}, not {pattern}")
