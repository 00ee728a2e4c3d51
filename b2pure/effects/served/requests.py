"""Requests as calls: how each version of B2's API writes them down.

Rules. A refusal leaves by `Refused`. Unknown JSON fields are ignored and nulls mean the default. Versions 1 to 3 know
a key of one bucket at most, so `bucketId` there is what `bucketIds` is in version 4. Header names are lower case.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

import msgspec
from attrs import field, frozen

from b2pure.effects.simulator.rules import Refused, bad_request
from b2pure.effects.wire import OVERRIDES, SSE_B2_HEADER, SSE_C_HEADERS, KeyPair
from b2pure.model.calls import (
    Call,
    CreateBucket,
    CreateKey,
    DownloadFileById,
    DownloadFileByName,
    UpdateBucket,
    UploadCall,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import Rejected
from b2pure.model.ids import FileId
from b2pure.model.protection import Encryption, FileRetention, LegalHold, SseB2, SseC
from b2pure.model.sources import Blob

__all__ = [
    "ServedRequest",
    "check_method",
    "download_by_id",
    "download_by_name",
    "json_call",
    "key_pair",
    "upload_call",
]

_FORBIDDEN_HEADERS: Final = frozenset(
    {
        "content-disposition", "content-encoding", "content-language", "content-location", "content-range", "expires",
    }
)  # fmt: skip
"""What an upload must not have: file info says it."""
_INFO: Final = "x-bz-info-"
_RETENTION_HEADERS: Final = ("x-bz-file-retention-mode", "x-bz-file-retention-retain-until-timestamp")
_DEFAULT_ENCRYPTION: Final = "defaultServerSideEncryption"
_FILE_ENCRYPTIONS: Final = (
    "serverSideEncryption",
    "sourceServerSideEncryption",
    "destinationServerSideEncryption",
)


@frozen
class ServedRequest:
    """A request as a server sees it: `target` is path and query as they came, header names are lower case."""

    method: str
    target: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for key, value in self.headers if key == name), None)


def check_method(request: ServedRequest, *allowed: str) -> None:
    """Refuse other methods."""
    if request.method not in allowed:
        raise Refused(Rejected(405, "method_not_allowed", f"only {', '.join(allowed)}"))


# -- JSON


def json_call(request: ServedRequest, call_type: type[Call[Any]], query: Mapping[str, str], version: int) -> Call[Any]:
    """A call that is a JSON object, or, if it only reads, a query."""
    reads = call_type.name.startswith(("b2_list_", "b2_get_"))
    check_method(request, *(("POST", "GET") if reads else ("POST",)))
    asked = request.method == "GET"
    given = _from_query(query) if asked else _json_object(request.body)
    return _converted(_in_version_4(given, call_type, version), call_type, strict=not asked)


def _converted(given: Mapping[str, Any], call_type: type[Call[Any]], *, strict: bool) -> Call[Any]:
    try:
        call: Call[Any] = msgspec.convert(given, call_type, strict=strict)
    except msgspec.ValidationError as error:
        raise bad_request(str(error)) from None
    return call


def _from_query(query: Mapping[str, str]) -> dict[str, Any]:
    return {name: value.split(",") if name == "bucketTypes" else value for name, value in query.items()}


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(str(error), "bad_json") from None


def _in_version_4(given: Mapping[str, Any], call_type: type[Call[Any]], version: int) -> dict[str, Any]:
    fields = {name: value for name, value in given.items() if value is not None}
    if call_type is CreateBucket and "bucketType" not in fields:
        raise bad_request("bucketType is missing")
    if call_type is CreateKey:
        _one_bucket_id(fields, version)
    for name in _FILE_ENCRYPTIONS:
        if _is_no_encryption(fields.get(name)):
            del fields[name]
    if call_type is UpdateBucket and _is_no_encryption(fields.get(_DEFAULT_ENCRYPTION)):
        fields[_DEFAULT_ENCRYPTION] = {"mode": "none"}
    elif _is_no_encryption(fields.get(_DEFAULT_ENCRYPTION)):
        del fields[_DEFAULT_ENCRYPTION]
    return fields


def _one_bucket_id(fields: dict[str, Any], version: int) -> None:
    bucket_id = fields.pop("bucketId", None)
    if version == 4:
        if bucket_id is not None:
            raise bad_request("version 4 takes bucketIds, a list, in the place of bucketId")
        return
    if fields.get("bucketIds") is not None:
        raise bad_request("bucketIds needs version 4; before it a key has one bucketId at most")
    if bucket_id is not None:
        fields["bucketIds"] = [bucket_id]


def _is_no_encryption(value: object) -> bool:
    return isinstance(value, dict) and value.get("mode") in (None, "none")


# -- authorizing


def key_pair(request: ServedRequest) -> KeyPair:
    """Key id and key of Basic authorization."""
    scheme, _, encoded = (request.header("authorization") or "").partition(" ")
    try:
        key_id, colon, key = b64decode(encoded, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError, ValueError):
        key_id = colon = key = ""
    if scheme.lower() != "basic" or not colon:
        raise bad_request("the Authorization header must be Basic")
    return KeyPair(key_id, key)


# -- uploads


def upload_call(request: ServedRequest) -> UploadCall:
    """The call, without its body."""
    unwanted = next((name for name, _ in request.headers if name in _FORBIDDEN_HEADERS), None)
    if unwanted is not None:
        raise bad_request(f"an upload has no header {unwanted}")
    declared, nothing = request.header("x-bz-content-sha1") or "", Blob(b"")
    encryption = _encryption(request)
    if "/b2_upload_part" in request.target.partition("?")[0]:
        if isinstance(encryption, SseB2):
            raise bad_request("parts are encrypted as their large file is")
        number = request.header("x-bz-part-number") or ""
        return UploadPart(int(number) if _is_whole(number) else 0, declared, nothing, encryption)
    return UploadFile(
        file_name=_decoded(request.header("x-bz-file-name") or ""),
        content_type=request.header("content-type") or "",
        content_sha1=declared,
        file_info={
            name.removeprefix(_INFO): _decoded(value) for name, value in request.headers if name.startswith(_INFO)
        },
        body=nothing,
        file_retention=_retention(request),
        legal_hold=_legal_hold(request),
        server_side_encryption=encryption,
        custom_upload_timestamp=_whole_header(request, "x-bz-custom-upload-timestamp"),
    )


def _encryption(request: ServedRequest) -> Encryption | None:
    customer = _customer_key(request)
    algorithm = request.header(SSE_B2_HEADER.lower())
    if algorithm is None:
        return customer
    if customer is not None or algorithm != "AES256":
        raise bad_request("an upload has one encryption, which is AES256")
    return SseB2()


def _customer_key(request: ServedRequest) -> SseC | None:
    given = [request.header(name.lower()) for name in SSE_C_HEADERS]
    if given == [None, None, None]:
        return None
    algorithm, key, digest = (value or "" for value in given)
    if algorithm != "AES256":
        raise bad_request("the customer algorithm is AES256")
    try:
        return SseC(key, digest)
    except ValueError as error:
        raise bad_request(str(error)) from None


def _retention(request: ServedRequest) -> FileRetention | None:
    mode = request.header(_RETENTION_HEADERS[0])
    until = _whole_header(request, _RETENTION_HEADERS[1])
    if mode is None and until is None:
        return None
    if mode not in ("governance", "compliance") or until is None:
        raise bad_request("a retention has a mode, governance or compliance, and a retain-until timestamp")
    return FileRetention("governance" if mode == "governance" else "compliance", until)


def _legal_hold(request: ServedRequest) -> LegalHold | None:
    value = request.header("x-bz-file-legal-hold")
    if value is None:
        return None
    if value not in ("on", "off"):
        raise bad_request("a legal hold is on or off")
    return "on" if value == "on" else "off"


def _whole_header(request: ServedRequest, name: str) -> int | None:
    text = request.header(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise bad_request(f"{name} is not a whole number")
    return int(text)


def _decoded(text: str) -> str:
    if not text.isascii():
        raise bad_request("a name or value is not percent-encoded: it has bytes beyond ASCII")
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise bad_request("a name or value is not percent-encoded UTF-8") from None


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


# -- downloads


def download_by_name(request: ServedRequest, bucket: str, name: str, query: Mapping[str, str]) -> DownloadFileByName:
    """A download below /file/."""
    check_method(request, "GET", "HEAD")
    return DownloadFileByName(
        unquote(bucket), _decoded(name), request.header("range"), _customer_key(request), **_overrides(query)
    )


def download_by_id(request: ServedRequest, query: Mapping[str, str]) -> DownloadFileById:
    """A download by file id, whose parameters stand in the query or, by POST, in a JSON object."""
    check_method(request, "GET", "HEAD", "POST")
    given: Mapping[str, Any] = {**query, **_json_object(request.body)} if request.method == "POST" else query
    file_id = given.get("fileId")
    if not isinstance(file_id, str):
        raise bad_request("fileId is missing")
    return DownloadFileById(FileId(file_id), request.header("range"), _customer_key(request), **_overrides(given))


def _overrides(given: Mapping[str, Any]) -> dict[str, str]:
    found = {field: given.get(parameter) for field, parameter in OVERRIDES.items()}
    wrong = next((value for value in found.values() if not isinstance(value, str | None)), None)
    if wrong is not None:
        raise bad_request("what takes the place of a header is a string")
    return {field: value for field, value in found.items() if value is not None}
