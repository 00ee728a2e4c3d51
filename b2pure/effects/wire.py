"""Calls as HTTP requests and HTTP responses as replies: the client's side of B2's wire format, without a socket.

Rules. A JSON call is a POST of its fields to `{api_url}/b2api/v4/{name}`; authorizing and downloading are GETs; an
upload goes to its URL verbatim. How a call that is not plain JSON is encoded stands in the table `_ENCODERS`, one row
per kind; a new JSON call needs no change here. Every error response becomes one class of `B2Error` in
`decode_error`. Requests hold tokens and upload URLs, so their repr says only the method. Header names of responses are
lower case.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from itertools import chain
from typing import Any, Final, TypeVar, assert_never
from urllib.parse import quote, unquote_plus

import msgspec
from attrs import field, frozen
from returns.result import Failure, Result, Success

from b2pure.effects.effect import Credential
from b2pure.model.account import Allowed, Authorization, UploadUrl
from b2pure.model.calls import (
    HEX_DIGITS_AT_END,
    AuthorizeAccount,
    Call,
    DownloadFileById,
    DownloadFileByName,
    FetchCall,
    GetDownloadAuthorization,
    UploadFile,
    UploadPart,
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
from b2pure.model.protection import UNENCRYPTED, Encryption, EncryptionReply, RetentionValue, SseB2, SseC
from b2pure.model.replies import AuthorizationReply, DownloadReply
from b2pure.model.sources import Body, body_length

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
    "authorization_from",
    "decode",
    "decode_download_headers",
    "decode_error",
    "encode",
    "header_encoded",
    "header_problem",
    "info_key_problem",
    "overrides_of",
    "unsendable",
]

R = TypeVar("R")

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

_INFO_KEY: Final = re.compile(r"[A-Za-z0-9\-_.~!#$%^&*'|+`]{1,50}\Z")
_HEADER_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?\Z")
_SECRET_IN_MESSAGE: Final = re.compile(r"(auth token )\S+")
_DOT_SEGMENT: Final = re.compile(r"(?:(?<=/)|\A)\.{1,2}(?=/|\Z)")
_CONTENT_RANGE: Final = re.compile(r"bytes \d+-\d+/(\d+)\Z")
_MAX_MESSAGE_CHARS: Final = 500

_CODE_OF_STATUS: Final[Mapping[int, str]] = {
    400: "bad_request",
    401: "unauthorized",
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
    return quote(text, safe="/")


# -- what HTTP itself cannot carry


def info_key_problem(key: str) -> str | None:
    """What is wrong with the key of a file info pair. B2's alphabet is exactly that of HTTP header names."""
    return None if _INFO_KEY.match(key) else "file info keys are 1 to 50 of A-Z a-z 0-9 - _ . ~ ! # $ % ^ & * ' ` | +"


def header_problem(value: str) -> str | None:
    """What is wrong with a value that travels in a header as it is."""
    return None if _HEADER_VALUE.match(value) else "header values are printable ASCII without spaces at the ends"


def unsendable(call: Call[Any]) -> Rejected | None:
    """The refusal of a call that no HTTP request can express (a newline in a header, half a surrogate pair in a name).

    Every `Api` asks this first, so that no text from outside can smuggle a header into a request.
    """
    problem = _field_problem(call)
    return None if problem is None else Rejected(400, "bad_request", problem)


def _field_problem(call: Call[Any]) -> str | None:
    for name in call.__struct_fields__:
        value = getattr(call, name)
        if isinstance(value, str):
            if not _is_unicode(value):
                return f"{name} is not valid Unicode"
            if name in _HEADER_FIELDS.get(type(call), ()) and (problem := header_problem(value)):
                return f"{name}: {problem}"
        elif name == "file_info" and value is not None:
            if problem := _info_problem(value):
                return problem
        elif value is not None and not all(map(_is_unicode, _texts(value))):
            return f"{name} is not valid Unicode"
    return None


def _texts(value: object) -> Iterator[str]:
    """Every string in the value of a field."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from chain.from_iterable(map(_texts, chain.from_iterable(value.items())))
    elif isinstance(value, tuple):
        yield from chain.from_iterable(map(_texts, value))
    elif isinstance(value, msgspec.Struct):
        yield from chain.from_iterable(_texts(getattr(value, name)) for name in value.__struct_fields__)


def _info_problem(info: Mapping[str, str]) -> str | None:
    for key, value in info.items():
        if problem := info_key_problem(key):
            return problem
        if not _is_unicode(value):
            return f"the value of file info key {key} is not valid Unicode"
    return None


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_HEADER_FIELDS: Final[Mapping[type[Call[Any]], frozenset[str]]] = {
    UploadFile: frozenset({"content_type", "content_sha1"}),
    UploadPart: frozenset({"content_sha1"}),
    DownloadFileById: frozenset({"range"}),
    DownloadFileByName: frozenset({"range"}),
}
"""The fields that become header values without percent-encoding."""


# -- requests


@frozen
class _Context:
    """What a request needs beside its call."""

    credential: Credential
    realm_url: str
    key: KeyPair | None

    def account(self) -> Authorization:
        if not isinstance(self.credential, Authorization):
            raise TypeError("this call needs an Authorization as its credential")
        return self.credential

    def upload(self) -> UploadUrl:
        if not isinstance(self.credential, UploadUrl):
            raise TypeError("an upload needs an UploadUrl as its credential")
        return self.credential


def encode(
    call: Call[Any], credential: Credential, *, realm_url: str = PRODUCTION_URL, key: KeyPair | None = None
) -> HttpRequest:
    """The request of `call`. The credential must be of the call's `token` kind; `key` is for authorizing only."""
    encoder: Callable[[Any, _Context], HttpRequest] = _ENCODERS.get(type(call), _encode_json)
    return encoder(call, _Context(credential, realm_url, key))


def _encode_json(call: Call[Any], context: _Context) -> HttpRequest:
    account = context.account()
    return HttpRequest(
        "POST",
        f"{account.api_url}/b2api/v{API_VERSION}/{call.name}",
        (("Authorization", account.token), ("Content-Type", "application/json")),
        msgspec.json.encode(_given(call), enc_hook=_plain),
    )


def _given(call: Call[Any]) -> dict[str, object]:
    """The fields that are set, by their JSON names."""
    values = (getattr(call, name) for name in call.__struct_fields__)
    named = zip(call.__struct_encode_fields__, values, strict=True)
    return {name: value for name, value in named if value is not None}


def _plain(value: object) -> object:
    """File info may be any mapping; msgspec writes only dicts."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _encode_authorize(call: AuthorizeAccount, context: _Context) -> HttpRequest:
    if context.key is None:
        raise TypeError("b2_authorize_account needs the key")
    pair = f"{context.key.key_id}:{context.key.key}".encode()
    return HttpRequest(
        "GET",
        f"{context.realm_url}/b2api/v{API_VERSION}/{call.name}",
        (("Authorization", f"Basic {b64encode(pair).decode()}"),),
    )


def _encode_upload_file(call: UploadFile, context: _Context) -> HttpRequest:
    return _upload_request(
        context.upload(),
        call,
        (
            ("X-Bz-File-Name", header_encoded(call.file_name)),
            ("Content-Type", call.content_type),
            *((f"X-Bz-Info-{key}", header_encoded(value)) for key, value in call.file_info.items()),
            *_protection_headers(call),
        ),
    )


def _protection_headers(call: UploadFile) -> Headers:
    retention = call.file_retention
    locked: Headers = (
        ()
        if retention is None or retention.mode is None
        else (
            ("X-Bz-File-Retention-Mode", retention.mode),
            ("X-Bz-File-Retention-Retain-Until-Timestamp", str(retention.retain_until_timestamp)),
        )
    )
    held: Headers = () if call.legal_hold is None else (("X-Bz-File-Legal-Hold", call.legal_hold),)
    dated: Headers = (
        ()
        if call.custom_upload_timestamp is None
        else (("X-Bz-Custom-Upload-Timestamp", str(call.custom_upload_timestamp)),)
    )
    return (*_encryption_headers(call.server_side_encryption), *locked, *held, *dated)


def _encryption_headers(encryption: Encryption | None) -> Headers:
    match encryption:
        case None:
            return ()
        case SseB2(algorithm):
            return ((SSE_B2_HEADER, algorithm),)
        case SseC():
            return tuple(zip(SSE_C_HEADERS, (encryption.algorithm, *_customer_key(encryption)), strict=True))
        case _:
            assert_never(encryption)


def _customer_key(encryption: SseC) -> tuple[str, str]:
    return encryption.customer_key, encryption.customer_key_md5


def _encode_upload_part(call: UploadPart, context: _Context) -> HttpRequest:
    headers = (("X-Bz-Part-Number", str(call.part_number)), *_encryption_headers(call.server_side_encryption))
    return _upload_request(context.upload(), call, headers)


def _upload_request(url: UploadUrl, call: UploadFile | UploadPart, headers: Headers) -> HttpRequest:
    at_end = call.content_sha1 == HEX_DIGITS_AT_END
    length = body_length(call.body) + (DIGEST_LENGTH if at_end else 0)
    return HttpRequest(
        "POST",
        url.url,
        (
            ("Authorization", url.token),
            *headers,
            ("X-Bz-Content-Sha1", call.content_sha1),
            ("Content-Length", str(length)),
        ),
        call.body,
        at_end,
    )


def _encode_download_by_id(call: DownloadFileById, context: _Context) -> HttpRequest:
    path = f"/b2api/v{API_VERSION}/{call.name}?fileId={quote(call.file_id, safe='')}"
    return _download_request(context.account(), path, call)


def _encode_download_by_name(call: DownloadFileByName, context: _Context) -> HttpRequest:
    path = f"/file/{quote(call.bucket_name, safe='')}/{_path_encoded(call.file_name)}"
    return _download_request(context.account(), path, call)


def _path_encoded(name: str) -> str:
    """As `header_encoded`, but no segment is `.` or `..`, which HTTP clients would take out of the path."""
    return _DOT_SEGMENT.sub(lambda dots: "%2E" * len(dots.group()), header_encoded(name))


def _download_request(account: Authorization, path: str, call: FetchCall) -> HttpRequest:
    wishes = [f"{name}={quote(value, safe='')}" for name, value in overrides_of(call).items()]
    query = ("&" if "?" in path else "?") + "&".join(wishes) if wishes else ""
    ranges = () if call.range is None else (("Range", call.range),)
    headers = (("Authorization", account.token), *ranges, *_encryption_headers(call.server_side_encryption))
    return HttpRequest("GET", account.download_url + path + query, headers)


def overrides_of(call: FetchCall | GetDownloadAuthorization) -> dict[str, str]:
    """The response headers that a download asks for, or an authorization binds, by the names of their parameters."""
    values = ((parameter, getattr(call, name)) for name, parameter in OVERRIDES.items())
    return {parameter: value for parameter, value in values if value is not None}


_ENCODERS: Final[Mapping[type[Call[Any]], Callable[[Any, _Context], HttpRequest]]] = {
    AuthorizeAccount: _encode_authorize,
    UploadFile: _encode_upload_file,
    UploadPart: _encode_upload_part,
    DownloadFileById: _encode_download_by_id,
    DownloadFileByName: _encode_download_by_name,
}
"""The calls that are not a POST of their fields."""


# -- responses


def decode(call: Call[R], response: HttpResponse) -> Result[R, B2Error]:
    """The reply of a JSON call, or the error that the response is."""
    if not 200 <= response.status < 300:
        return Failure(decode_error(response.status, response.headers, response.body))
    try:
        reply: R = _decoder(call.reply).decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Failure(Transport("protocol", f"the reply of {call.name} is malformed: {error}"))
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
    try:
        return Success(_download_reply(response))
    except (KeyError, ValueError) as error:
        return Failure(Transport("protocol", f"the headers of {call.name} lack or garble {error}"))


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
    return int(match.group(1))


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
    until, now = _http_date(text), _http_date(headers.get("date", ""))
    if until is None or now is None:
        return None
    return max(0.0, (until - now).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


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
