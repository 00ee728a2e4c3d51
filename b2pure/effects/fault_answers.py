"""Faults and what clients see of them: the response that an answer is, and the fault that an error comes from."""

from __future__ import annotations

import math
from email.utils import formatdate
from typing import assert_never

import msgspec

from b2pure.effects.faults import Answer, Disconnect, Disconnection, FailNth
from b2pure.effects.wire import HttpResponse, decode_error
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

__all__ = ["error_of", "fail_with", "response_of"]


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
