"""HTTP responses as replies: the client's side of B2's wire format, without a socket.

Rules. A reply that does not have the promised shape is a `Transport` error, never an exception. Every error response
becomes one class of `B2Error` in `decode_error`. Header names are lower case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeVar, cast
from urllib.parse import unquote_plus

import msgspec
from returns.result import Failure, Result, Success

from b2pure.effects.wire.values import (
    SSE_B2_HEADER,
    SSE_C_HEADERS,
    HttpResponse,
)
from b2pure.model.account import Allowed, Authorization
from b2pure.model.calls import (
    Call,
    FetchCall,
)
from b2pure.model.errors import (
    B2Error,
    CapExceeded,
    Rejected,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
)
from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_PART_SIZE, PartSizes
from b2pure.model.protection import UNENCRYPTED, EncryptionReply, RetentionValue
from b2pure.model.replies import AuthorizationReply, DownloadReply
from b2pure.plan.retry import UNEXPLAINED

__all__ = [
    "authorization_from",
    "decode",
    "decode_download_headers",
    "decode_error",
    "http_date",
]

R = TypeVar("R")

_SECRET_IN_MESSAGE: Final = re.compile(r"(auth token )\S+")
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+)\Z")
_MAX_MESSAGE_CHARS: Final = 500

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_USUAL_DATE: Final = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
    r"(?:\Z|[ \t]*,)"
)
"""What RFC 9110 (5.6.7) has servers send, and what may begin a list of them."""

_CODE_OF_STATUS: Final[Mapping[int, str]] = {
    400: "bad_request",
    401: UNEXPLAINED,
    403: "access_denied",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: "conflict",
    416: "range_not_satisfiable",
    429: "too_many_requests",
    500: "internal_error",
    503: "service_unavailable",
}
"""What a status says when the body does not: proxies and HEAD give no JSON."""


# -- responses


def decode(call: Call[R], response: HttpResponse) -> Result[R, B2Error]:
    """The reply of a JSON call, or the error that the response is."""
    return decode_body(call, response.status, response.headers, response.body)


def decode_body(call: Call[R], status: int, headers: Mapping[str, str], body: bytes | memoryview) -> Result[R, B2Error]:
    """The same of a response whose body need not be `bytes`; nothing of it is kept."""
    if not 200 <= status < 300:
        return Failure(decode_error(status, headers, bytes(body)))
    try:
        reply: R = _decoder(call.reply).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Failure(Transport("protocol", f"the reply of {call.name} is malformed: {error}"))
    if isinstance(reply, AuthorizationReply):
        moment = http_date(headers.get("date", ""))
        millis = None if moment is None else round(moment.timestamp() * 1000)
        return Success(cast(R, msgspec.structs.replace(reply, server_millis=millis)))
    return Success(reply)


@cache
def _decoder(reply: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(reply)


def decode_download_headers(call: FetchCall, response: HttpResponse) -> Result[DownloadReply, B2Error]:
    """What the headers of a download say, or the error that the response is (`response.body` is read only then).

    File info that comes back as a standard header (Content-Disposition, Cache-Control ...) is left out, because the
    same headers may be the bucket's or the request's.
    """
    if response.status not in (200, 206):
        return Failure(decode_error(response.status, response.headers, response.body))
    if call.range is not None and not _is_range(call.range, response):
        return Failure(Transport("protocol", "another range came than was asked for"))
    try:
        return Success(_download_reply(response))
    except (KeyError, ValueError) as error:
        return Failure(Transport("protocol", f"the headers of {call.name} lack or garble {error}"))


def _is_range(asked: str, response: HttpResponse) -> bool:
    """Whether the answer begins where it was asked to begin; `bytes=-5` asks for the last five."""
    found = _CONTENT_RANGE.match(response.headers.get("content-range", ""))
    if response.status != 206 or found is None:
        return False
    start, total = int(found.group(1)), int(found.group(2))
    suffix = asked.removeprefix("bytes=-")
    if suffix != asked:
        return suffix.isdecimal() and start == max(0, total - int(suffix))
    return asked.startswith(f"bytes={start}-")


def _download_reply(response: HttpResponse) -> DownloadReply:
    headers = response.headers
    length = _whole(headers, "content-length")
    return DownloadReply(
        file_id=FileId(headers["x-bz-file-id"]),
        file_name=unquote_plus(headers["x-bz-file-name"]),
        content_length=length,
        total_length=_total_length(headers) if response.status == 206 else length,
        content_type=headers.get("content-type", ""),
        content_sha1=headers.get("x-bz-content-sha1"),
        upload_timestamp=_whole(headers, "x-bz-upload-timestamp"),
        file_info={
            name.removeprefix("x-bz-info-"): unquote_plus(value)
            for name, value in headers.items()
            if name.startswith("x-bz-info-")
        },
        encryption=_encryption_of(headers),
        retention=_retention_of(headers),
        legal_hold=headers.get("x-bz-file-legal-hold"),
        replication_status=headers.get("x-bz-replication-status"),
        unreadable=tuple(filter(None, headers.get("x-bz-client-unauthorized-to-read", "").split(","))),
    )


def _encryption_of(headers: Mapping[str, str]) -> EncryptionReply:
    if SSE_B2_HEADER.lower() in headers:
        return EncryptionReply("SSE-B2", headers[SSE_B2_HEADER.lower()])
    if SSE_C_HEADERS[0].lower() in headers:
        return EncryptionReply("SSE-C", headers[SSE_C_HEADERS[0].lower()])
    return UNENCRYPTED


def _retention_of(headers: Mapping[str, str]) -> RetentionValue | None:
    mode = headers.get("x-bz-file-retention-mode")
    return None if mode is None else RetentionValue(mode, _whole(headers, "x-bz-file-retention-retain-until-timestamp"))


def _whole(headers: Mapping[str, str], name: str) -> int:
    text = headers[name]
    if not (text.isascii() and text.isdigit()):
        raise ValueError(name)
    return int(text)


def _total_length(headers: Mapping[str, str]) -> int:
    match = _CONTENT_RANGE.match(headers["content-range"])
    if match is None:
        raise ValueError("content-range")
    return int(match.group(2))


# -- errors


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> B2Error:
    """The error value of an unsuccessful response, whatever its body is."""
    code, message = _code_and_message(status, body)
    if status == 401:
        return Unauthorized(code, message)
    if status == 403 and code.endswith("cap_exceeded"):
        return CapExceeded(code, message)
    if status == 429:
        return Throttled(_retry_after(headers))
    if status == 408 or 500 <= status < 600:
        return Unavailable(status, code, message, _retry_after(headers))
    return Rejected(status, code, message)


def _code_and_message(status: int, body: bytes) -> tuple[str, str]:
    code, message = _CODE_OF_STATUS.get(status, f"http_{status}"), ""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return code, message
    if isinstance(said, dict):
        if isinstance(said.get("code"), str) and said["code"]:
            code = said["code"]
        if isinstance(said.get("message"), str):
            message = said["message"]
    return code, _SECRET_IN_MESSAGE.sub(r"\1***", message)[:_MAX_MESSAGE_CHARS]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: a number, or a date taken relative to the response's own `Date`."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until, now = http_date(text), http_date(headers.get("date", ""))
    if until is None or now is None:
        return None
    return max(0.0, (until - now).total_seconds())


def http_date(text: str) -> datetime | None:
    """The moment that a header says; None for none. Of several dates, with commas, the first one counts: who passes an
    answer on may add a `Date` to that which is there.
    """
    usual = _USUAL_DATE.match(text)
    if usual is None:
        return _unusual_date(text)
    day, month, year, *time = usual.groups()
    try:
        hour, minute, second = map(int, time)
        return datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _unusual_date(text: str) -> datetime | None:
    # Loaded here, where nobody comes with B2's dates: it brings a calendar and languages.
    from email.utils import parsedate_to_datetime

    parts = text.split(",")  # a date may have a comma in it
    for first in (text, ",".join(parts[:2]), parts[0]):
        with suppress(TypeError, ValueError):
            moment = parsedate_to_datetime(first)
            if moment.tzinfo is not None:
                return moment
    return None


# -- replies as values of the model


def authorization_from(reply: AuthorizationReply) -> Authorization:
    """The authorization that a reply gives. Part sizes that contradict B2's own limits are brought within them."""
    storage = reply.api_info.storage_api
    allowed = storage.allowed
    minimum = min(max(1, storage.absolute_minimum_part_size), MAX_PART_SIZE)
    return Authorization(
        account_id=reply.account_id,
        token=reply.authorization_token,
        api_url=storage.api_url,
        download_url=storage.download_url,
        allowed=Allowed(
            capabilities=frozenset(allowed.capabilities),
            bucket_ids=None if allowed.buckets is None else frozenset(bucket.id for bucket in allowed.buckets),
            name_prefix=allowed.name_prefix,
            bucket_names=frozenset((bucket.name, bucket.id) for bucket in allowed.buckets or () if bucket.name),
        ),
        part_sizes=PartSizes(
            recommended=min(max(minimum, storage.recommended_part_size), MAX_PART_SIZE), minimum=minimum
        ),
    )
