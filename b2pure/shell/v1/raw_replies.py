"""Replies as the dictionaries of API version 2, and back.

Rules. `reply_of` takes what any version of B2, or a simulator of somebody's, answers: what it lacks has a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

import msgspec

from b2pure.model import calls
from b2pure.model.calls import Call
from b2pure.model.replies import AuthorizationReply, KeyPage, KeyReply
from b2pure.shell.v1.exceptions import UnexpectedCloudBehaviour

__all__ = ["as_json", "in_version_4", "reply_of"]

R = TypeVar("R")
Json = dict[str, Any]


def as_json(reply: object) -> Json:
    """A reply as the dictionary of API version 2."""
    match reply:
        case AuthorizationReply():
            return _authorization(reply)
        case KeyPage():
            return {"keys": [_key(key) for key in reply.keys], "nextApplicationKeyId": reply.next_application_key_id}
        case KeyReply():
            return _key(reply)
        case _:
            plain: Json = msgspec.json.decode(msgspec.json.encode(reply))
            return plain


def _authorization(reply: AuthorizationReply) -> Json:
    storage = reply.api_info.storage_api
    allowed = storage.allowed
    buckets = [{"id": each.id, "name": each.name} for each in allowed.buckets or ()]
    only = buckets[0] if len(buckets) == 1 else {"id": None, "name": None}
    return {
        "accountId": reply.account_id,
        "authorizationToken": reply.authorization_token,
        "apiUrl": storage.api_url,
        "downloadUrl": storage.download_url,
        "s3ApiUrl": storage.s3_api_url,
        "recommendedPartSize": storage.recommended_part_size,
        "absoluteMinimumPartSize": storage.absolute_minimum_part_size,
        "minimumPartSize": storage.recommended_part_size,
        "allowed": {
            "bucketId": only["id"],
            "bucketName": only["name"],
            "capabilities": list(allowed.capabilities),
            "namePrefix": allowed.name_prefix,
            **({"buckets": buckets} if len(buckets) > 1 else {}),
        },
    }


def _key(key: KeyReply) -> Json:
    plain: Json = msgspec.json.decode(msgspec.json.encode(key))
    ids = plain["bucketIds"]
    return {**plain, "bucketId": ids[0] if ids is not None and len(ids) == 1 else None}


# -- back


_OLD_FILE: Final[Mapping[str, Any]] = {
    "accountId": "", "bucketId": "", "contentSha1": None, "contentType": None, "fileInfo": {}, "uploadTimestamp": 0,
}  # fmt: skip


def reply_of(call: Call[R], said: Json) -> R:
    """What a method said, as the reply of its call. Raises UnexpectedCloudBehaviour."""
    ids = {"bucketId": getattr(call, "bucket_id", ""), "fileId": getattr(call, "file_id", "")}
    try:
        return cast(R, msgspec.convert(_completed(type(call), said, ids), call.reply, strict=False))
    except (msgspec.ValidationError, LookupError, TypeError, ValueError, AttributeError) as error:
        told = f"the reply of {call.name} is malformed: {type(error).__name__} {error}"
        raise UnexpectedCloudBehaviour(told) from None


def in_version_4(name: str, asked: bytes, said: bytes) -> bytes:
    """The JSON that answers to the call of this name, whatever version it is of, as version 4 has it. What is none is
    left as it is.
    """
    kind = _KINDS.get(name)
    try:
        whole = msgspec.json.decode(said, type=dict[str, Any])
        ids = msgspec.json.decode(asked or b"{}", type=dict[str, Any])
        return said if kind is None else msgspec.json.encode(_completed(kind, whole, ids))
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError):
        return said


def _completed(kind: type[Call[Any]], said: Json, asked: Json) -> Json:
    """What a method said, in the form of version 4."""
    if kind is calls.AuthorizeAccount:
        return _new_authorization(said)
    if kind in (calls.CreateKey, calls.DeleteKey):
        return _new_key(said)
    if kind in (calls.CreateBucket, calls.UpdateBucket, calls.DeleteBucket):
        return _bucket(said)
    if kind is calls.ListBuckets:
        return {"buckets": [_bucket(bucket) for bucket in said["buckets"]]}
    if kind is calls.ListKeys:
        return {
            "nextApplicationKeyId": said.get("nextApplicationKeyId"),
            "keys": [_new_key(key) for key in said["keys"]],
        }
    if kind is calls.ListParts:
        return {**said, "parts": [_part(part) for part in said["parts"]]}
    if kind in (calls.UploadPart, calls.CopyPart):
        return _part(said)
    if kind is calls.CancelLargeFile:
        return {"accountId": "", "bucketId": "", **said}
    if kind is calls.GetUploadUrl:
        return {"bucketId": asked["bucketId"], **said}
    if kind is calls.GetUploadPartUrl:
        return {"fileId": asked["fileId"], **said}
    if "files" in said:
        action = "start" if kind is calls.ListUnfinishedLargeFiles else "upload"
        return {**said, "files": [_file(file, action) for file in said["files"]]}
    if kind.reply is calls.GetFileInfo.reply:
        return _file(said, _ACTIONS.get(kind, "upload"))
    return said


_KINDS: Final[Mapping[str, type[Call[Any]]]] = {
    kind.name: kind
    for kind in (
        calls.AuthorizeAccount, calls.CreateKey, calls.DeleteKey, calls.ListKeys, calls.CreateBucket,
        calls.UpdateBucket, calls.DeleteBucket, calls.ListBuckets, calls.ListFileNames, calls.ListFileVersions,
        calls.ListUnfinishedLargeFiles, calls.ListParts, calls.GetFileInfo, calls.HideFile, calls.CopyFile,
        calls.CopyPart, calls.GetUploadUrl, calls.GetUploadPartUrl, calls.UploadFile, calls.UploadPart,
        calls.StartLargeFile, calls.FinishLargeFile, calls.CancelLargeFile,
    )
}  # fmt: skip
_ACTIONS: Final[Mapping[type[Call[Any]], str]] = {calls.StartLargeFile: "start", calls.HideFile: "hide"}


def _new_authorization(said: Json) -> Json:
    if "apiInfo" in said:  # it speaks version 4 itself
        return said
    allowed = said["allowed"]
    buckets = allowed.get("buckets")
    if buckets is None and allowed["bucketId"] is not None:
        buckets = [{"id": allowed["bucketId"], "name": allowed.get("bucketName")}]
    recommended = said.get("recommendedPartSize", said.get("minimumPartSize"))
    return {
        "accountId": said["accountId"],
        "authorizationToken": said["authorizationToken"],
        "apiInfo": {
            "storageApi": {
                "absoluteMinimumPartSize": said.get("absoluteMinimumPartSize", recommended),
                "recommendedPartSize": recommended,
                "apiUrl": said["apiUrl"],
                "downloadUrl": said["downloadUrl"],
                "s3ApiUrl": said.get("s3ApiUrl", ""),
                "allowed": {
                    "capabilities": allowed["capabilities"],
                    "buckets": buckets,
                    "namePrefix": allowed["namePrefix"],
                },
            }
        },
    }


def _new_key(said: Json) -> Json:
    only = said.get("bucketId")
    return {"bucketIds": None if only is None else [only], **said}


def _bucket(said: Json) -> Json:
    known = {name: value for name, value in said.items() if value is not None}
    lock = (known.get("fileLockConfiguration") or {}).get("value")
    if lock is not None and lock.get("isFileLockEnabled") is None:  # b2sdk's simulator leaves it open
        del known["fileLockConfiguration"]
    return {"accountId": "", **known}


def _part(said: Json) -> Json:
    return {"contentMd5": None, "uploadTimestamp": 0, **said}


def _file(said: Json, action: str) -> Json:
    length = said.get("contentLength", said.get("size", 0)) or 0
    return {**_OLD_FILE, **said, "contentLength": length, "action": said.get("action") or action}
