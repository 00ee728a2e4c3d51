"""Faults as data: what shall go wrong, and when; and the machine that says what strikes a call.

Rules. A script is a tuple of faults. Calls are named by their wire name (`b2_upload_file`) or by the beginning of it
and a star (`b2_upload_*`, `*`), and counted from 1 for each such name; every attempt counts, whatever became of it. A
fault strikes `times` calls, from its nth on; None means until it is lifted. Its arguments begin with the call and the
number, as its short words do. What strikes a call is a `Strike`, which knows nothing of who carries it out: `FaultyApi`
does it in memory, `b2pure serve` on its connections. When several faults strike one call, delays add up, and of
everything else the first in the script counts.

`fault_text` has the JSON form and the command line's words.
"""

from __future__ import annotations

import math
import re
from difflib import get_close_matches
from email.utils import formatdate
from functools import cache
from hashlib import blake2b
from typing import Any, Final, Literal, assert_never, cast, get_args, get_type_hints

import msgspec
from attrs import evolve, frozen

from b2pure.effects.wire import HttpResponse, decode_error
from b2pure.model.calls import ALL_CALLS, DownloadFileById, DownloadFileByName, UploadFile, UploadPart
from b2pure.model.errors import (
    B2Error,
    CapExceeded,
    Corrupt,
    LocalDrifted,
    LocalFailure,
    Rejected,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
)
from b2pure.model.record import Record

__all__ = [
    "ANY_CALL",
    "CAP_CODES",
    "DOWNLOADS",
    "PASSING_KINDS",
    "RANDOM_KINDS",
    "UPLOADS",
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
    "FaultState",
    "NthFault",
    "RandomFaults",
    "RandomKind",
    "Slow",
    "Strike",
    "Tokens",
    "error_of",
    "fail_with",
    "flipped",
    "lift",
    "matches",
    "response_of",
    "step",
]

ANY_CALL: Final = "*"
UPLOADS: Final = "b2_upload_*"
"""Both calls that go to an upload URL."""
DOWNLOADS: Final = "b2_download_*"
"""Downloads by id and by name."""

_NAMES: Final = tuple(call.name for call in ALL_CALLS)
_UPLOAD_NAMES: Final = frozenset({UploadFile.name, UploadPart.name})
_DOWNLOAD_NAMES: Final = frozenset({DownloadFileById.name, DownloadFileByName.name})

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
            _check_name(fault.call_name, _UPLOAD_NAMES)
        case CutDownload() | CorruptDownload():
            _check_name(fault.call_name, _DOWNLOAD_NAMES)
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


# -- answers


def response_of(answer: Answer, now_millis: int) -> HttpResponse:
    """The response that the answer is. `Date` is left to the server."""
    if answer.body is None:
        fields = {"code": answer.code or _usual_code(answer.status), "message": answer.message, "status": answer.status}
        content_type, body = "application/json;charset=utf-8", msgspec.json.encode(fields)
    else:
        content_type, body = answer.content_type, answer.body.encode()
    headers = {"content-type": content_type, "content-length": str(len(body))}
    if answer.retry_after is not None:
        dated = answer.retry_after_form == "date"
        headers["retry-after"] = (
            _http_date(now_millis // 1000 + answer.retry_after) if dated else str(answer.retry_after)
        )
    return HttpResponse(answer.status, headers, body)


def error_of(answer: Answer) -> B2Error:
    """What a client that gets the answer makes of it."""
    response = response_of(answer, 0)
    return decode_error(response.status, {**response.headers, "date": _http_date(0)}, response.body)


def fail_with(call_name: str, nth: int, error: B2Error) -> FailNth | Disconnect:
    """The fault that a client knows as this error. Only what comes from B2 or from the network has one."""
    match error:
        case Rejected(status, code, message):
            return FailNth(call_name, nth, Answer(status, code, message))
        case Unauthorized(code, message):
            return FailNth(call_name, nth, Answer(401, code, message))
        case CapExceeded(code, message):
            return FailNth(call_name, nth, Answer(403, code, message))
        case Throttled(wish):
            return FailNth(call_name, nth, Answer(429, retry_after=_whole_seconds(wish)))
        case Unavailable(status, code, message, wish):
            return FailNth(call_name, nth, Answer(status, code, message, _whole_seconds(wish)))
        case Transport(kind):
            how: dict[str, Disconnection] = {"connect": "refused", "broken": "reset", "timeout": "silent"}
            if kind in how:
                return Disconnect(call_name, nth, how[kind])
            raise ValueError(f"no fault of the network looks like {error!r}")
        case Corrupt() | LocalFailure() | LocalDrifted():
            raise ValueError(f"{type(error).__name__} is not what B2 or the network answers")
        case _:
            assert_never(error)


def _whole_seconds(wish: float | None) -> int | None:
    return None if wish is None else math.ceil(wish)


def _usual_code(status: int) -> str:
    """What a client takes the status for when the body does not say."""
    error = decode_error(status, {}, b"")
    return error.code if isinstance(error, Rejected | Unauthorized | Unavailable) else "too_many_requests"


def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


# -- the machine


@frozen
class Strike:
    """Everything that shall happen to one call, in this order; by default nothing.

    First `expire` tokens, then wait `delay_seconds`; then break the `connection`, or else give the `answer`, before
    anything of the call is looked at. `cut_upload` and `cut_download` are how many bytes of the body of the request
    and of the response still pass; `corrupt_upload` and `corrupt_download` are the offsets of the bytes in them whose
    lowest bit is flipped. With `drop_reply` the call takes effect and the connection is closed without an answer.
    """

    expire: Tokens | None = None
    delay_seconds: float = 0.0
    connection: Disconnection | None = None
    answer: Answer | None = None
    cut_upload: int | None = None
    corrupt_upload: int | None = None
    cut_download: int | None = None
    corrupt_download: int | None = None
    drop_reply: bool = False


@frozen
class FaultState:
    """How often each call was made so far, and the faults that were lifted."""

    counts: tuple[tuple[str, int], ...] = ()
    lifted: frozenset[Fault] = frozenset()


def step(script: FaultScript, state: FaultState, call_name: str) -> tuple[FaultState, Strike]:
    """One more call of this name: the next state, and what strikes it."""
    counts = dict(state.counts)
    counts[call_name] = counts.get(call_name, 0) + 1
    strike = Strike()
    for fault in script:
        if matches(fault.call_name, call_name) and fault not in state.lifted:
            number = sum(count for name, count in counts.items() if matches(fault.call_name, name))
            due = _due(fault, number, call_name)
            if due is not None:
                strike = _added(strike, due)
    return FaultState(tuple(counts.items()), state.lifted), strike


def lift(state: FaultState, fault: Fault) -> FaultState:
    """The fault strikes no more."""
    return evolve(state, lifted=state.lifted | {fault})


def _due(fault: Fault, number: int, call_name: str) -> NthFault | None:
    """What strikes the call that is the fault's so-manieth."""
    if isinstance(fault, RandomFaults):
        return _drawn(fault, number, call_name)
    return fault if fault.nth <= number and (fault.times is None or number < fault.nth + fault.times) else None


def _added(strike: Strike, fault: NthFault) -> Strike:
    match fault:
        case FailNth(answer=answer):
            return evolve(strike, answer=strike.answer or answer)
        case Disconnect(how=how):
            return evolve(strike, connection=strike.connection or how)
        case Slow(seconds=seconds):
            return evolve(strike, delay_seconds=strike.delay_seconds + seconds)
        case DropReplyAfterCommit():
            return evolve(strike, drop_reply=True)
        case CutUpload(after_bytes=after):
            return evolve(strike, cut_upload=_first(strike.cut_upload, after))
        case CutDownload(after_bytes=after):
            return evolve(strike, cut_download=_first(strike.cut_download, after))
        case CorruptUpload(at_byte=at):
            return evolve(strike, corrupt_upload=_first(strike.corrupt_upload, at))
        case CorruptDownload(at_byte=at):
            return evolve(strike, corrupt_download=_first(strike.corrupt_download, at))
        case ExpireTokens(tokens=tokens):
            return evolve(strike, expire=tokens if strike.expire in (None, tokens) else "all")
        case _:
            assert_never(fault)


def _first(one: int | None, other: int) -> int:
    return other if one is None else one


def flipped(data: bytes, at_byte: int) -> bytes:
    """The data with the lowest bit of one byte flipped, if it has that byte."""
    if not 0 <= at_byte < len(data):
        return data
    return b"".join((data[:at_byte], bytes((data[at_byte] ^ 1,)), data[at_byte + 1 :]))


# -- chance


def _drawn(fault: RandomFaults, number: int, call_name: str) -> NthFault | None:
    digest = blake2b(f"{fault.seed}:{number}".encode(), digest_size=24).digest()
    whether, which, where = (int.from_bytes(digest[start : start + 8]) for start in (0, 8, 16))
    fitting = [kind for kind in fault.kinds if _fits(kind, call_name)]
    if whether % fault.one_in or not fitting:
        return None
    return _made(fitting[which % len(fitting)], call_name, number, _any_magnitude(where))


def _any_magnitude(word: int) -> int:
    """From 0 to a megabyte, small as often as large, because it is a place in a body of any size."""
    bits, rest = word % 21, word // 21
    return rest % (1 << bits)


def _fits(kind: RandomKind, call_name: str) -> bool:
    match kind:
        case "cut_upload" | "corrupt_upload":
            return call_name in _UPLOAD_NAMES
        case "cut_download" | "corrupt_download":
            return call_name in _DOWNLOAD_NAMES
        case _:
            return True


def _made(kind: RandomKind, call_name: str, number: int, place: int) -> NthFault:
    match kind:
        case "internal_error":
            return FailNth(call_name, number, Answer(500, kind, "a random fault"))
        case "service_unavailable":
            return FailNth(call_name, number, Answer(503, kind, "a random fault"))
        case "too_many_requests":
            return FailNth(call_name, number, Answer(429, kind, "a random fault", retry_after=1))
        case "reset" | "silent":
            return Disconnect(call_name, number, kind)
        case "slow":
            return Slow(call_name, number, 1.0)
        case "drop_reply":
            return DropReplyAfterCommit(call_name, number)
        case "cut_upload":
            return CutUpload(call_name, number, place)
        case "cut_download":
            return CutDownload(call_name, number, place)
        case "corrupt_upload":
            return CorruptUpload(call_name, number, place)
        case "corrupt_download":
            return CorruptDownload(call_name, number, place)
        case "expire_tokens":
            return ExpireTokens(call_name, number, "all")
        case _:
            assert_never(kind)
