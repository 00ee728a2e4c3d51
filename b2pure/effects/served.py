"""HTTP requests as calls and replies as HTTP responses: the server's side of B2's wire format, without a socket.

Rules. `serve` is the inverse of `wire`: it parses a request, asks the simulator, and renders the answer. Paths of the
versions 1 to 4 are served alike, v4 exactly; older ones differ only where `_AUTHORIZE_SHAPES` and `_file` say
so. Names of response headers are lower case, because real clients compare them so. A `Date` header is the server's
business. Unknown JSON fields are ignored and nulls mean the default. Responses hold tokens only where B2's do.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, unquote_plus

import msgspec
from attrs import field, frozen
from returns.result import Result, Success

from b2pure.effects.content import Extent, Intake, VaultFailed
from b2pure.effects.simulator import AccountToken, Download, Simulator
from b2pure.effects.simulator_rules import Refused, bad_request
from b2pure.effects.simulator_state import Endpoint
from b2pure.effects.wire import HttpResponse, KeyPair, header_encoded
from b2pure.model.calls import (
    ALL_CALLS,
    AuthorizeAccount,
    Call,
    DownloadFileById,
    DownloadFileByName,
    FetchCall,
    UploadCall,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import (
    B2Error,
    CapExceeded,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
)
from b2pure.model.ids import FileId
from b2pure.model.replies import (
    AuthorizationReply,
    BucketList,
    BucketReply,
    FileNamePage,
    FileReply,
    FileVersionPage,
    PartReply,
    UnfinishedPage,
    UploadPartUrlReply,
    UploadUrlReply,
)
from b2pure.model.sources import Blob

__all__ = [
    "Served",
    "ServedRequest",
    "Upload",
    "abandon_upload",
    "begin_upload",
    "finish_upload",
    "is_upload",
    "refusal",
    "serve",
]

_API_PATH: Final = re.compile(r"/b2api/v([1-4])/(b2_[a-z_]+)((?:/.*)?)\Z")
_FILE_PATH: Final = re.compile(r"/file/([^/]*)/(.*)\Z", re.DOTALL)
_CALLS: Final[Mapping[str, type[Call[Any]]]] = {call.name: call for call in ALL_CALLS}
_JSON_TYPE: Final = "application/json;charset=UTF-8"
_NO_CACHE: Final = "max-age=0, no-cache, no-store"


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


@frozen
class Served:
    """A response; the content of a download follows as `extents`, which are shared with the simulator."""

    response: HttpResponse
    extents: tuple[Extent, ...] = field(default=(), repr=False)


@frozen(eq=False)
class Upload:
    """An upload whose body is on its way. Its URL is occupied until `finish_upload` or `abandon_upload`."""

    endpoint: Endpoint
    call: UploadCall
    intake: Intake
    version: int


def is_upload(target: str) -> bool:
    """Whether a request goes to an upload URL."""
    match = _API_PATH.match(target.partition("?")[0])
    return match is not None and match.group(2) in (UploadFile.name, UploadPart.name)


def begin_upload(simulator: Simulator, request: ServedRequest) -> Upload | Served:
    """Occupy the upload URL of a request (`is_upload`) whose body is still to come, or refuse it at once. What comes
    is for the `intake`.
    """
    try:
        _check_method(request, "POST")
        call = _upload_call(request)
    except Refused as refused:
        return refusal(refused.error)
    begun = simulator.begin_upload(_as_v4(request.target), request.header("authorization") or "")
    return (
        begun.map(lambda endpoint: _begun(simulator, request, endpoint, call))
        .lash(lambda error: Success(refusal(error)))
        .unwrap()
    )


def _begun(simulator: Simulator, request: ServedRequest, endpoint: Endpoint, call: UploadCall) -> Upload | Served:
    return Upload(endpoint, call, simulator.intake(call), _version_of(request))


def finish_upload(simulator: Simulator, upload: Upload) -> Served:
    """The whole body is there."""
    try:
        body = upload.intake.finish()
    except VaultFailed as failed:
        simulator.abandon_upload(upload.endpoint)
        return refusal(Unavailable(503, "service_unavailable", str(failed)))
    return _rendered(simulator.finish_upload(upload.endpoint, upload.call, body), upload.version)


def abandon_upload(simulator: Simulator, upload: Upload) -> None:
    """The body never came in full."""
    upload.intake.abandon()
    simulator.abandon_upload(upload.endpoint)


def serve(simulator: Simulator, request: ServedRequest) -> Served:
    """Answer a request whose body is at hand."""
    try:
        served = _route(simulator, request)
    except Refused as refused:
        served = refusal(refused.error)
    return Served(served.response) if request.method == "HEAD" else served


def _route(simulator: Simulator, request: ServedRequest) -> Served:
    path, _, query = request.target.partition("?")
    fields = dict(parse_qsl(query, keep_blank_values=True))
    file = _FILE_PATH.match(path)
    if file is not None:
        _check_method(request, "GET", "HEAD")
        name = _decoded(file.group(2))
        call = DownloadFileByName(unquote(file.group(1)), name, request.header("range"))
        return _serve_download(simulator, request, call, fields)
    api = _API_PATH.match(path)
    call_type = _CALLS.get(api.group(2)) if api is not None else None
    if api is None or call_type is None:
        raise Refused(Rejected(404, "not_found", "there is no such call"))
    version = int(api.group(1))
    if call_type is AuthorizeAccount:
        return _serve_authorize(simulator, request, version)
    if call_type is UploadFile or call_type is UploadPart:
        return _serve_upload(simulator, request)
    if call_type is DownloadFileById:
        return _serve_download(simulator, request, _download_by_id(request, fields), fields)
    if call_type is DownloadFileByName:
        raise Refused(Rejected(404, "not_found", "downloads by name are below /file/"))
    return _serve_json(simulator, request, _json_call(request, call_type, fields), version)


def _check_method(request: ServedRequest, *allowed: str) -> None:
    if request.method not in allowed:
        raise Refused(Rejected(405, "method_not_allowed", f"only {', '.join(allowed)}"))


# -- requests


def _json_call(request: ServedRequest, call_type: type[Call[Any]], query: Mapping[str, str]) -> Call[Any]:
    reads = call_type.name.startswith(("b2_list_", "b2_get_"))
    _check_method(request, *(("POST", "GET") if reads else ("POST",)))
    given: Mapping[str, Any] = query if request.method == "GET" else _json_object(request.body)
    try:
        call: Call[Any] = msgspec.convert(
            {key: value for key, value in given.items() if value is not None},
            call_type,
            strict=request.method == "POST",
        )
    except msgspec.ValidationError as error:
        raise bad_request(str(error)) from None
    return call


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(str(error), "bad_json") from None


def _download_by_id(request: ServedRequest, query: Mapping[str, str]) -> DownloadFileById:
    _check_method(request, "GET", "HEAD", "POST")
    given = _json_object(request.body) if request.method == "POST" else query
    file_id = given.get("fileId")
    if not isinstance(file_id, str):
        raise bad_request("fileId is missing")
    return DownloadFileById(FileId(file_id), request.header("range"))


def _account_token(request: ServedRequest) -> AccountToken:
    return AccountToken(request.header("authorization") or "")


def _key_pair(request: ServedRequest) -> KeyPair:
    scheme, _, encoded = (request.header("authorization") or "").partition(" ")
    try:
        key_id, colon, key = b64decode(encoded, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        key_id = colon = key = ""
    if scheme.lower() != "basic" or not colon:
        raise bad_request("the Authorization header must be Basic")
    return KeyPair(key_id, key)


def _upload_call(request: ServedRequest) -> UploadCall:
    """The call, without its body."""
    declared, nothing = request.header("x-bz-content-sha1") or "", Blob(b"")
    if "/b2_upload_part" in request.target.partition("?")[0]:
        number = request.header("x-bz-part-number") or ""
        return UploadPart(int(number) if _is_whole(number) else 0, declared, nothing)
    return UploadFile(
        file_name=_decoded(request.header("x-bz-file-name") or ""),
        content_type=request.header("content-type") or "",
        content_sha1=declared,
        file_info={
            name.removeprefix("x-bz-info-"): _decoded(value)
            for name, value in request.headers
            if name.startswith("x-bz-info-")
        },
        body=nothing,
    )


def _decoded(text: str) -> str:
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise bad_request("a name or value is not percent-encoded UTF-8") from None


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _version_of(request: ServedRequest) -> int:
    match = _API_PATH.match(request.target.partition("?")[0])
    return int(match.group(1)) if match is not None else 4


def _as_v4(target: str) -> str:
    """Upload URLs carry the version of the call that asked for them; the simulator knows them as v4."""
    return re.sub(r"\A/b2api/v[1-4]/", "/b2api/v4/", target)


# -- answers


def _serve_json(simulator: Simulator, request: ServedRequest, call: Call[Any], version: int) -> Served:
    return _rendered(simulator.handle(call, _account_token(request)), version)


def _serve_upload(simulator: Simulator, request: ServedRequest) -> Served:
    begun = begin_upload(simulator, request)
    if isinstance(begun, Served):
        return begun
    begun.intake.write(request.body)
    return finish_upload(simulator, begun)


def _serve_authorize(simulator: Simulator, request: ServedRequest, version: int) -> Served:
    _check_method(request, "GET", "POST")
    answer: Result[AuthorizationReply, B2Error] = simulator.handle(AuthorizeAccount(), _key_pair(request))
    return answer.map(lambda reply: _authorized(reply, version)).lash(_failed).unwrap()


def _authorized(reply: AuthorizationReply, version: int) -> Served:
    buckets = reply.api_info.storage_api.allowed.buckets
    if version < 4 and buckets is not None and len(buckets) != 1:
        return refusal(Unauthorized("unsupported", "the key needs version 4 of the API"))
    return _json(200, _AUTHORIZE_SHAPES[version](reply))


def _serve_download(simulator: Simulator, request: ServedRequest, call: FetchCall, query: Mapping[str, str]) -> Served:
    token = request.header("authorization") or query.get("Authorization")
    answer = simulator.fetch(call, None if token is None else AccountToken(token))
    return answer.map(_downloaded).lash(_failed).unwrap()


def _rendered(answer: Result[Any, B2Error], version: int) -> Served:
    return answer.map(lambda reply: _json(200, _body_of(reply, version))).lash(_failed).unwrap()


def _failed(error: B2Error) -> Result[Served, B2Error]:
    return Success(refusal(error))


def refusal(error: B2Error) -> Served:
    """An error as B2 tells it."""
    match error:
        case Rejected(status, code, message) | Unavailable(status, code, message):
            body = {"code": code, "message": message, "status": status}
        case Unauthorized(code, message):
            body = {"code": code, "message": message, "status": (status := 401)}
        case CapExceeded(code, message):
            body = {"code": code, "message": message, "status": (status := 403)}
        case Throttled():
            body = {"code": "too_many_requests", "message": "slow down", "status": (status := 429)}
        case _:
            raise TypeError(f"{type(error).__name__} is not an answer of B2")
    served = _json(status, body)
    wish = error.retry_after_seconds if isinstance(error, Throttled | Unavailable) else None
    if wish is None:
        return served
    headers = {**served.response.headers, "retry-after": str(max(0, round(wish)))}
    return Served(HttpResponse(status, headers, served.response.body))


def _json(status: int, body: object) -> Served:
    encoded = msgspec.json.encode(body)
    headers = {
        "content-type": _JSON_TYPE,
        "content-length": str(len(encoded)),
        "cache-control": _NO_CACHE,
    }
    return Served(HttpResponse(status, headers, encoded))


def _downloaded(download: Download) -> Served:
    reply = download.reply
    headers = {
        "content-length": str(reply.content_length),
        "content-type": reply.content_type,
        "accept-ranges": "bytes",
        "x-bz-file-id": reply.file_id,
        "x-bz-file-name": header_encoded(reply.file_name),
        "x-bz-content-sha1": reply.content_sha1 or "none",
        "x-bz-upload-timestamp": str(reply.upload_timestamp),
        **{f"x-bz-info-{key}": header_encoded(value) for key, value in reply.file_info.items()},
        **download.header_info,
    }
    if download.partial:
        headers["content-range"] = (
            f"bytes {download.start}-{download.start + reply.content_length - 1}/{reply.total_length}"
        )
    return Served(HttpResponse(206 if download.partial else 200, headers), download.extents)


# -- JSON bodies


_FILE_EXTRAS: Final = {
    "fileRetention": {"isClientAuthorizedToRead": True, "value": {"mode": None, "retainUntilTimestamp": None}},
    "legalHold": {"isClientAuthorizedToRead": True, "value": None},
    "serverSideEncryption": {"mode": None, "algorithm": None},
}
"""What every stored file says although nothing of it is simulated: b2sdk refuses a file without it."""

_BUCKET_EXTRAS: Final = {
    "corsRules": [],
    "lifecycleRules": [],
    "options": ["s3"],
    "defaultServerSideEncryption": {
        "isClientAuthorizedToRead": True,
        "value": {"mode": None, "algorithm": None},
    },
    "fileLockConfiguration": {
        "isClientAuthorizedToRead": True,
        "value": {"isFileLockEnabled": False, "defaultRetention": {"mode": None, "period": None}},
    },
    "replicationConfiguration": {
        "isClientAuthorizedToRead": True,
        "value": {"asReplicationSource": None, "asReplicationDestination": None},
    },
}


def _body_of(reply: object, version: int) -> object:
    """A reply as JSON-able data, with the fields that clients expect and the simulator does not keep."""
    match reply:
        case FileReply():
            return _file(reply, version)
        case FileNamePage(files) | FileVersionPage(files) | UnfinishedPage(files):
            return {**_plain(reply), "files": [_file(file, version) for file in files]}
        case BucketReply():
            return {**_plain(reply), **_BUCKET_EXTRAS}
        case BucketList(buckets):
            return {"buckets": [{**_plain(bucket), **_BUCKET_EXTRAS} for bucket in buckets]}
        case PartReply():
            return {**_plain(reply), "serverSideEncryption": _FILE_EXTRAS["serverSideEncryption"]}
        case UploadUrlReply() | UploadPartUrlReply():
            return {**_plain(reply), "uploadUrl": reply.upload_url.replace("/b2api/v4/", f"/b2api/v{version}/")}
        case _:
            return reply


def _plain(reply: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(reply)
    return plain


def _file(file: FileReply, version: int) -> dict[str, Any]:
    plain = _plain(file)
    if file.action not in ("hide", "folder"):
        plain |= _FILE_EXTRAS
    if version == 1:
        plain["size"] = file.content_length
    return plain


def _restriction(reply: AuthorizationReply) -> dict[str, Any]:
    """The restriction as versions before 4 say it: one bucket at most."""
    allowed = reply.api_info.storage_api.allowed
    bucket = allowed.buckets[0] if allowed.buckets else None
    return {
        "capabilities": allowed.capabilities,
        "bucketId": None if bucket is None else bucket.id,
        "bucketName": None if bucket is None else bucket.name,
        "namePrefix": allowed.name_prefix,
    }


def _addresses(reply: AuthorizationReply) -> dict[str, Any]:
    storage = _plain(reply.api_info.storage_api)
    del storage["allowed"]
    return storage


def _authorize_v1(reply: AuthorizationReply) -> dict[str, Any]:
    return {
        **_authorize_v2(reply),
        "minimumPartSize": reply.api_info.storage_api.recommended_part_size,
    }


def _authorize_v2(reply: AuthorizationReply) -> dict[str, Any]:
    return {
        "accountId": reply.account_id,
        "authorizationToken": reply.authorization_token,
        **_addresses(reply),
        "allowed": _restriction(reply),
    }


def _authorize_v3(reply: AuthorizationReply) -> dict[str, Any]:
    return {
        "accountId": reply.account_id,
        "authorizationToken": reply.authorization_token,
        "applicationKeyExpirationTimestamp": reply.application_key_expiration_timestamp,
        "apiInfo": {"storageApi": {"infoType": "storageApi", **_addresses(reply), **_restriction(reply)}},
    }


_AUTHORIZE_SHAPES: Final[Mapping[int, Callable[[AuthorizationReply], object]]] = {
    1: _authorize_v1,
    2: _authorize_v2,
    3: _authorize_v3,
    4: lambda reply: reply,
}
