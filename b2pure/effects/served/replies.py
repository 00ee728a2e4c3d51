"""Replies as HTTP responses: how each version of B2's API tells them.

Rules. Version 4 is told exactly; older ones differ only where the functions below say so. Names of response headers
are lower case, because real clients compare them so. Responses hold tokens only where B2's do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, Final

import msgspec
from attrs import field, frozen

from b2pure.effects.simulator import Download
from b2pure.effects.simulator.content import Extent
from b2pure.effects.wire import SSE_B2_HEADER, SSE_C_HEADERS, HttpResponse, header_encoded
from b2pure.model.errors import B2Error, CapExceeded, Rejected, Throttled, Unauthorized, Unavailable
from b2pure.model.replies import (
    AuthorizationReply,
    DownloadReply,
    FileNamePage,
    FileReply,
    FileVersionPage,
    KeyPage,
    KeyReply,
    UnfinishedPage,
    UploadPartUrlReply,
    UploadUrlReply,
)

__all__ = ["Served", "authorized", "downloaded", "refusal", "rendered"]

_JSON_TYPE: Final = "application/json;charset=UTF-8"
_NO_CACHE: Final = "max-age=0, no-cache, no-store"


@frozen
class Served:
    """A response; the content of a download follows as `extents`, which are shared with the simulator."""

    response: HttpResponse
    extents: tuple[Extent, ...] = field(default=(), repr=False)


def _json(status: int, body: object, **more: str) -> Served:
    encoded = msgspec.json.encode(body)
    headers = {
        "content-type": _JSON_TYPE,
        "content-length": str(len(encoded)),
        "cache-control": _NO_CACHE,
        **more,
    }
    return Served(HttpResponse(status, headers, encoded))


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
    wish = error.retry_after_seconds if isinstance(error, Throttled | Unavailable) else None
    return _json(status, body, **({} if wish is None else {"retry-after": str(max(0, round(wish)))}))


# -- JSON bodies


def rendered(reply: object, version: int) -> Served:
    """The reply of a JSON call."""
    return _json(200, _body_of(reply, version))


def _body_of(reply: object, version: int) -> object:
    match reply:
        case FileReply():
            return _file(reply, version)
        case FileNamePage(files) | FileVersionPage(files) | UnfinishedPage(files):
            rest = {name: getattr(reply, name) for name in reply.__struct_fields__ if name != "files"}
            renamed = dict(zip(reply.__struct_encode_fields__[1:], rest.values(), strict=True))
            return {"files": [_file(file, version) for file in files], **renamed}
        case UploadUrlReply() | UploadPartUrlReply():
            return {**_plain(reply), "uploadUrl": reply.upload_url.replace("/b2api/v4/", f"/b2api/v{version}/")}
        case KeyReply():
            return _key(reply, version)
        case KeyPage(keys, following):
            return {"keys": [_key(key, version) for key in keys], "nextApplicationKeyId": following}
        case _:
            return reply


def _plain(reply: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(reply)
    return plain


def _file(file: FileReply, version: int) -> dict[str, Any]:
    plain = _plain(file)
    if file.file_retention is None:  # hide markers and folders say nothing of protection
        for name in ("serverSideEncryption", "fileRetention", "legalHold"):
            del plain[name]
    if file.replication_status is None:
        del plain["replicationStatus"]
    if version == 1:
        plain["size"] = file.content_length
    return plain


def _key(key: KeyReply, version: int) -> dict[str, Any]:
    plain = _plain(key)
    if version < 4:
        del plain["bucketIds"]
        plain["bucketId"] = key.bucket_ids[0] if key.bucket_ids is not None and len(key.bucket_ids) == 1 else None
    return plain


# -- authorizing


def authorized(reply: AuthorizationReply, version: int) -> Served:
    """The authorization, if this version can tell of its restrictions."""
    buckets = reply.api_info.storage_api.allowed.buckets
    if version < 4 and buckets is not None and len(buckets) != 1:
        return refusal(Unauthorized("unsupported", "the key needs version 4 of the API"))
    return _json(200, _AUTHORIZE_SHAPES[version](reply))


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


def _authorize_v4(reply: AuthorizationReply) -> dict[str, Any]:
    plain = _plain(reply)
    del plain["serverMillis"]
    return plain


_AUTHORIZE_SHAPES: Final[Mapping[int, Callable[[AuthorizationReply], object]]] = {
    1: _authorize_v1,
    2: _authorize_v2,
    3: _authorize_v3,
    4: _authorize_v4,
}


# -- downloads


def downloaded(download: Download) -> Served:
    """A download: everything but its content is in the headers."""
    reply = download.reply
    headers = {
        "content-length": str(reply.content_length),
        "content-type": reply.content_type,
        "accept-ranges": "bytes",
        "x-bz-file-id": reply.file_id,
        "x-bz-file-name": header_encoded(reply.file_name),
        "x-bz-content-sha1": reply.content_sha1 or "none",
        "x-bz-upload-timestamp": str(reply.upload_timestamp),
        "last-modified": formatdate(reply.upload_timestamp / 1000, usegmt=True),
        **{f"x-bz-info-{key}": header_encoded(value) for key, value in reply.file_info.items()},
        **_protection(reply),
        **download.header_info,
    }
    if download.partial:
        headers["content-range"] = (
            f"bytes {download.start}-{download.start + reply.content_length - 1}/{reply.total_length}"
        )
    return Served(HttpResponse(206 if download.partial else 200, headers), download.extents)


def _protection(reply: DownloadReply) -> dict[str, str]:
    told: dict[str, str | None] = {
        "x-bz-file-legal-hold": reply.legal_hold,
        "x-bz-replication-status": reply.replication_status,
        "x-bz-client-unauthorized-to-read": ",".join(reply.unreadable) or None,
    }
    if reply.encryption.mode is not None:
        name = SSE_B2_HEADER if reply.encryption.mode == "SSE-B2" else SSE_C_HEADERS[0]
        told[name.lower()] = reply.encryption.algorithm
    if reply.retention is not None:
        told["x-bz-file-retention-mode"] = reply.retention.mode
        told["x-bz-file-retention-retain-until-timestamp"] = str(reply.retention.retain_until_timestamp)
    return {name: value for name, value in told.items() if value is not None}
