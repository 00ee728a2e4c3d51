"""Calls as HTTP requests: the client's side of B2's wire format, without a socket.

Rules. A JSON call is a POST of its fields to `{api_url}/b2api/v4/{name}`; authorizing and downloading are GETs; an
upload goes to its URL verbatim. How a call that is not plain JSON is encoded stands in the table `_ENCODERS`, one row
per kind; a new JSON call needs no change here. Every `Api` asks `unsendable` first.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Final, assert_never
from urllib.parse import quote

import msgspec
from attrs import frozen

from b2pure.effects.effect import Credential
from b2pure.effects.wire.values import (
    API_VERSION,
    DIGEST_LENGTH,
    PRODUCTION_URL,
    SSE_B2_HEADER,
    SSE_C_HEADERS,
    Headers,
    HttpRequest,
    KeyPair,
    header_encoded,
    header_problem,
    info_key_problem,
    overrides_of,
    plain,
)
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.calls import (
    HEX_DIGITS_AT_END,
    AuthorizeAccount,
    Call,
    DownloadFileById,
    DownloadFileByName,
    FetchCall,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import (
    Rejected,
)
from b2pure.model.protection import Encryption, SseB2, SseC
from b2pure.model.sources import LocalSlice, body_length

__all__ = [
    "encode",
    "unsendable",
]


_DOT_SEGMENT: Final = re.compile(r"(?:(?<=/)|\A)\.{1,2}(?=/|\Z)")

# -- what HTTP itself cannot carry


def unsendable(call: Call[Any]) -> Rejected | None:
    """The refusal of a call that no HTTP request can express (a newline in a header, half a surrogate pair in a name).

    Every `Api` asks this first, so that no text from outside can smuggle a header into a request.
    """
    problem = _field_problem(call)
    return None if problem is None else Rejected(400, "bad_request", problem)


def _field_problem(call: Call[Any]) -> str | None:
    header_fields = _HEADER_FIELDS.get(type(call), ())
    for name, value in zip(call.__struct_fields__, msgspec.structs.astuple(call), strict=True):
        if value is None:
            continue
        if isinstance(value, str):
            if not _is_unicode(value):
                return f"{name} is not valid Unicode"
            if name in header_fields and (problem := header_problem(value)):
                return f"{name}: {problem}"
        elif name == "file_info":
            if problem := _info_problem(value):
                return problem
        elif not _holds_unicode(value):
            return f"{name} is not valid Unicode"
    return None


def _holds_unicode(value: object) -> bool:
    """Whether every string in the value of a field can be encoded."""
    if isinstance(value, str):
        return _is_unicode(value)
    if isinstance(value, LocalSlice):  # most bodies
        return _is_unicode(value.path)
    if isinstance(value, (int, bytes)):
        return True
    if isinstance(value, msgspec.Struct):
        return all(_holds_unicode(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, tuple):
        return all(map(_holds_unicode, value))
    if isinstance(value, Mapping):
        return all(map(_holds_unicode, chain.from_iterable(value.items())))
    return True


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
        msgspec.json.encode(_given(call), enc_hook=plain),
    )


def _given(call: Call[Any]) -> dict[str, object]:
    """The fields that are set, by their JSON names."""
    values = (getattr(call, name) for name in call.__struct_fields__)
    named = zip(call.__struct_encode_fields__, values, strict=True)
    return {name: value for name, value in named if value is not None}


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


_ENCODERS: Final[Mapping[type[Call[Any]], Callable[[Any, _Context], HttpRequest]]] = {
    AuthorizeAccount: _encode_authorize,
    UploadFile: _encode_upload_file,
    UploadPart: _encode_upload_part,
    DownloadFileById: _encode_download_by_id,
    DownloadFileByName: _encode_download_by_name,
}
"""The calls that are not a POST of their fields."""
