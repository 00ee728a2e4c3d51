"""Faults in writing: the JSON form of a script, and the short words of the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Final, cast

import msgspec
from returns.result import Failure, Result, Success

from b2pure.effects.faults import (
    ANY_CALL,
    CAP_CODES,
    PASSING_KINDS,
    RANDOM_KINDS,
    Answer,
    CorruptDownload,
    CorruptUpload,
    CutDownload,
    CutUpload,
    Disconnect,
    DropReplyAfterCommit,
    ExpireTokens,
    FailNth,
    Fault,
    FaultScript,
    RandomFaults,
    RandomKind,
    Slow,
)
from b2pure.model.errors import InvalidArgument

__all__ = ["decode_script", "encode_script", "parse_fault", "parse_random"]


# -- JSON

_FAULT: Final[msgspec.json.Decoder[Fault]] = msgspec.json.Decoder(Fault)


def encode_script(script: FaultScript) -> bytes:
    """The script as a JSON array, a line for each fault. What has its default is left out."""
    lines = [b"  " + msgspec.json.encode(fault) for fault in script]
    return b"[\n" + b",\n".join(lines) + b"\n]\n" if lines else b"[]\n"


def decode_script(data: bytes) -> Result[FaultScript, InvalidArgument]:
    """A script from a JSON array of faults. An error names the line, the fault and the field.

    `{"fault": "fail", "callName": "b2_upload_file", "nth": 3, "answer": {"status": 503}}` is one; the other tags are
    `disconnect`, `slow`, `drop_reply`, `cut_upload`, `cut_download`, `corrupt_upload`, `corrupt_download`,
    `expire_tokens` and `random`; the fields are those of the classes in `faults`, in camel case.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Failure(InvalidArgument("faults", f"is not UTF-8 at byte {error.start}"))
    try:
        elements = msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        return Failure(InvalidArgument("faults", _bad_json(text, str(error))))
    faults = []
    at = 0
    for number, element in enumerate(map(bytes, elements), 1):
        at = data.index(element, at)
        try:
            faults.append(_FAULT.decode(element))
        except (msgspec.DecodeError, RecursionError) as error:
            why, _, where = str(error).partition(" - at ")
            field = where.strip("`").removeprefix("$").removeprefix(".")
            line = data.count(b"\n", 0, at) + 1
            place = f"line {line}, fault {number}" + (f", {field}" if field else "")
            return Failure(InvalidArgument("faults", f"is not right at {place}: {why}"))
        at += len(element)
    return Success(tuple(faults))


def _bad_json(text: str, why: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"is not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
    except (RecursionError, ValueError):
        pass
    return f"is not a JSON array of faults: {why.partition(' - at ')[0]}"


# -- words


def parse_fault(text: str) -> Result[Fault, InvalidArgument]:
    """A fault from `CALL:NTH:WHAT`, with `:OPTION`s after a status.

    CALL is a wire name, or the beginning of one and a star: `b2_upload_file`, `b2_upload_*`, `*`. NTH counts the
    calls of that name from 1: `3`, `3-5` (the third to the fifth), `3+` (the third and all after it). WHAT is one of

        503                     the status, with B2's JSON; 300 to 599. Options: `code=CODE`, `retry-after=SECONDS`,
                                `retry-date=SECONDS` (the same wish as an HTTP date), and at the end one of
                                `message=TEXT` and `body=TEXT` (the whole body, as of a proxy; it is text/html)
        storage_cap_exceeded    403 with that code; so `cap_exceeded`, `transaction_cap_exceeded`,
                                `download_cap_exceeded`
        refuse, reset, silent   the connection is refused, is closed before anything is read, never answers
        slow=SECONDS            wait so long before the call is looked at
        drop-reply              it takes effect, and the reply is lost
        cut=BYTES               the body of the upload or download stops there
        corrupt=BYTE            a bit of that byte of the body is flipped
        expire-tokens           account tokens expire before the call; `expire-upload-tokens`, `expire-all-tokens`

    For example `b2_upload_file:3:503`, `b2_list_file_names:1:429:retry-after=2`, `b2_upload_file:2:drop-reply`,
    `b2_download_file_by_name:1:cut=1000`, `*:10:expire-tokens`, `b2_upload_*:5+:storage_cap_exceeded`,
    `*:1:502:body=<h1>Bad Gateway</h1>`.
    """
    call_name, _, rest = text.partition(":")
    counted, _, what = rest.partition(":")
    if not what:
        return _wrong(text, "is CALL:NTH:WHAT, as b2_upload_file:3:503")
    try:
        nth, times = _counted(counted)
        return Success(_worded(call_name, nth, times, what))
    except ValueError as error:
        return _wrong(text, str(error))


def parse_random(text: str) -> Result[RandomFaults, InvalidArgument]:
    """Random faults from `seed=7,one-in=20`; after that may come `call=b2_upload_file` and
    `kinds=reset+drop_reply`, the kinds being those of `faults.RANDOM_KINDS`. Without `kinds` it is all that take no
    time of their own.
    """
    try:
        given = _options(text.split(","), ("seed", "one-in", "kinds", "call"))
        for needed in ("seed", "one-in"):
            if needed not in given:
                raise ValueError(f"{needed}= is missing; it is seed=NUMBER,one-in=NUMBER")
        kinds = _kinds(given["kinds"]) if "kinds" in given else PASSING_KINDS
        seed, one_in = _whole(given["seed"], "seed"), _whole(given["one-in"], "one-in")
        return Success(RandomFaults(seed, one_in, kinds, given.get("call", ANY_CALL)))
    except ValueError as error:
        return Failure(InvalidArgument("random faults", f"{text!r}: {error}"))


def _wrong(text: str, why: str) -> Failure[InvalidArgument]:
    return Failure(InvalidArgument("fault", f"{text!r}: {why}"))


def _counted(text: str) -> tuple[int, int | None]:
    """The first call to be struck, and how many are."""
    if text.endswith("+"):
        return _whole(text[:-1], "NTH"), None
    first, dash, last = text.partition("-")
    nth = _whole(first, "NTH")
    if not dash:
        return nth, 1
    if _whole(last, "NTH") < nth:
        raise ValueError(f"{text} ends before it begins")
    return nth, _whole(last, "NTH") - nth + 1


def _worded(call_name: str, nth: int, times: int | None, what: str) -> Fault:
    word, equals, value = what.partition("=")
    if word[:1].isdigit():
        return FailNth(call_name, nth, _answer(what), times=times)
    if equals and word in _WITH_VALUE:
        return _WITH_VALUE[word](call_name, nth, times, value)
    if not equals and word in _PLAIN:
        return _PLAIN[word](call_name, nth, times)
    if word in _WITH_VALUE or word in _PLAIN:
        raise ValueError(f"{word} has no value" if equals else f"{word} needs a value: {word}=NUMBER")
    words = ["a status", *_PLAIN, *(f"{name}=" for name in _WITH_VALUE)]
    raise ValueError(f"there is no fault {what!r}; there is {', '.join(words)}")


def _cap(code: str) -> Callable[[str, int, int | None], Fault]:
    return lambda name, nth, times: FailNth(name, nth, Answer(403, code, "the cap is reached"), times=times)


_PLAIN: Final[Mapping[str, Callable[[str, int, int | None], Fault]]] = {
    **{code: _cap(code) for code in CAP_CODES},
    "refuse": lambda name, nth, times: Disconnect(name, nth, "refused", times=times),
    "reset": lambda name, nth, times: Disconnect(name, nth, "reset", times=times),
    "silent": lambda name, nth, times: Disconnect(name, nth, "silent", times=times),
    "drop-reply": lambda name, nth, times: DropReplyAfterCommit(name, nth, times=times),
    "expire-tokens": lambda name, nth, times: ExpireTokens(name, nth, "account", times=times),
    "expire-upload-tokens": lambda name, nth, times: ExpireTokens(name, nth, "upload", times=times),
    "expire-all-tokens": lambda name, nth, times: ExpireTokens(name, nth, "all", times=times),
}


def _cut(name: str, nth: int, times: int | None, value: str) -> Fault:
    after = _whole(value, "cut")
    uploads = name.startswith("b2_upload_")
    return CutUpload(name, nth, after, times=times) if uploads else CutDownload(name, nth, after, times=times)


def _corrupt(name: str, nth: int, times: int | None, value: str) -> Fault:
    at = _whole(value, "corrupt")
    uploads = name.startswith("b2_upload_")
    return CorruptUpload(name, nth, at, times=times) if uploads else CorruptDownload(name, nth, at, times=times)


_WITH_VALUE: Final[Mapping[str, Callable[[str, int, int | None, str], Fault]]] = {
    "slow": lambda name, nth, times, value: Slow(name, nth, _seconds(value), times=times),
    "cut": _cut,
    "corrupt": _corrupt,
}


def _answer(text: str) -> Answer:
    """A status and its options. What follows `message=` or `body=` is all of it."""
    head, last, tail = text, "", ""
    for name in ("message", "body"):
        before, found, after = text.partition(f":{name}=")
        if found and len(before) < len(head):
            head, last, tail = before, name, after
    status, *options = head.split(":")
    given = _options(options, ("code", "retry-after", "retry-date"))
    if "retry-after" in given and "retry-date" in given:
        raise ValueError("there is one wish: retry-after or retry-date")
    form = "retry-date" if "retry-date" in given else "retry-after"
    return Answer(
        _whole(status, "the status"),
        given.get("code", ""),
        tail if last == "message" else "",
        _whole(given[form], form) if form in given else None,
        "date" if form == "retry-date" else "seconds",
        tail if last == "body" else None,
    )


def _options(options: list[str], known: tuple[str, ...]) -> dict[str, str]:
    given: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if name not in known or not equals:
            raise ValueError(f"there is no {option!r}; there is {', '.join(f'{name}=' for name in known)}")
        if name in given:
            raise ValueError(f"{name}= is there twice")
        given[name] = value
    return given


def _kinds(text: str) -> tuple[RandomKind, ...]:
    kinds = tuple(text.split("+"))
    for kind in kinds:
        if kind not in RANDOM_KINDS:
            raise ValueError(f"there is no kind {kind!r}; there is {', '.join(RANDOM_KINDS)}")
    return cast(tuple[RandomKind, ...], kinds)


def _whole(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError(f"{what} is a whole number, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"slow is a number of seconds, not {text!r}")
    return number
