"""The programs of the core over a raw api that somebody wrote: each call becomes the method of its name.

Rules. What the methods raise becomes error values, and keeps its answers to "try again?". What a raw api of version 1
has no method for is refused by name. Dictionaries may lack what other versions of B2 tell. The arguments are those that
b2sdk 1.1.4 gives, by position or by name as it gives them, so that a test can say what a method was called with: what
is left to B2 is None by name, and the digest of an upload is known before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Heard, LocalTrouble, Reader, Sink, unheard
from b2pure.model import calls
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.calls import HEX_DIGITS_AT_END, Call, FetchCall
from b2pure.model.errors import B2Error, Rejected
from b2pure.model.replies import DownloadReply
from b2pure.shell.v1.carried import value_of
from b2pure.shell.v1.enums import MetadataDirectiveMode
from b2pure.shell.v1.exceptions import UnexpectedCloudBehaviour
from b2pure.shell.v1.raw_bodies import BodyStream
from b2pure.shell.v1.raw_pours import poured
from b2pure.shell.v1.raw_replies import reply_of

if TYPE_CHECKING:
    from b2pure.shell.v1.raw_api import AbstractRawApi

__all__ = ["RawHandler"]

R = TypeVar("R")
Json = dict[str, Any]
Method = Callable[["AbstractRawApi", str, str, Any], Json]
"""Raw api, api URL, account token and call to what the method answers."""

_PAGE_OF_SYNC: Final = 1000


class RawHandler:
    """An `Api` over the methods of `raw_api`, with one key."""

    def __init__(self, raw_api: AbstractRawApi, realm_url: str, application_key_id: str, application_key: str) -> None:
        self._raw = raw_api
        self._key = (realm_url, application_key_id, application_key)

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """Answer a call whose reply is JSON."""
        try:
            said = self._said(call, credential, reader)
        except LocalTrouble as trouble:
            return IOFailure(trouble.error)
        except _Unknown as unknown:
            return IOFailure(Rejected(400, "unsupported", str(unknown)))
        except Exception as error:
            return IOFailure(value_of(error))
        try:
            return IOSuccess(reply_of(call, said))
        except UnexpectedCloudBehaviour as error:
            return IOFailure(value_of(error))

    def _said(self, call: Call[Any], credential: Credential, reader: Reader) -> Json:
        if isinstance(call, calls.AuthorizeAccount):
            return self._raw.authorize_account(*self._key)
        if isinstance(call, calls.UploadFile | calls.UploadPart):
            assert isinstance(credential, UploadUrl), "an upload goes to an upload URL"
            return _uploaded(self._raw, call, credential, reader)
        method = _METHODS.get(type(call))
        missing = _beyond_version_1(call)
        if method is None or missing is not None:
            raise _Unknown(f"{call.name} with {missing}" if missing else call.name)
        assert isinstance(credential, Authorization), "all others need the account token"
        return method(self._raw, credential.api_url, credential.token, call)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        """Answer a download and write its content to `sink`."""
        try:
            url = _url_of(self._raw, call, authorization.download_url)
            context = self._raw.download_file_from_url(authorization.token, url, range_=_pair(call.range))
        except _Unknown as unknown:
            return IOFailure(Rejected(400, "unsupported", str(unknown)))
        except Exception as error:
            return IOFailure(value_of(error))
        with context as response:
            return poured(call, response, sink, heard)


class _Unknown(Exception):
    """There is no such call in version 1."""

    def __init__(self, what: str) -> None:
        super().__init__(f"this raw api has no {what}")


# -- calls


def _beyond_version_1(call: Call[Any]) -> str | None:
    """The field of a call that is set and that no method takes."""
    taken = _TAKEN.get(type(call))
    if taken is None:
        return None
    for name, default in zip(call.__struct_fields__, _defaults(type(call)), strict=True):
        if name not in taken and getattr(call, name) != default:
            return name
    return None


def _defaults(kind: type[Call[Any]]) -> list[object]:
    return [field.default for field in msgspec.structs.fields(kind)]


def _directive(call: calls.CopyFile) -> MetadataDirectiveMode | None:
    """COPY is what every raw api does by itself."""
    return MetadataDirectiveMode.REPLACE if call.metadata_directive == "REPLACE" else None


def _settings(call: calls.CreateBucket | calls.UpdateBucket) -> Json:
    return {
        "bucket_info": call.bucket_info,
        "cors_rules": _rules(call.cors_rules),
        "lifecycle_rules": _rules(call.lifecycle_rules),
    }


def _rules(rules: tuple[msgspec.Struct, ...] | None) -> Any:
    return None if rules is None else msgspec.json.decode(msgspec.json.encode(rules))


def _one(ids: tuple[str, ...] | None) -> str | None:
    if ids is None:
        return None
    if len(ids) != 1:
        raise _Unknown("key of several buckets")
    return ids[0]


def _list_versions(raw: Any, url: str, token: str, call: calls.ListFileVersions) -> Any:
    return raw.list_file_versions(
        url,
        token,
        call.bucket_id,
        start_file_name=call.start_file_name,
        start_file_id=call.start_file_id,
        max_file_count=call.max_file_count,
        prefix=call.prefix,
    )


def _list_for_sync(raw: Any, url: str, token: str, call: calls.ListVersionsToCompare) -> Any:
    """As b2sdk's syncs ask: from the prefix on, for pages that are one transaction."""
    prefix = call.prefix or ""
    count = None if call.max_file_count is None else min(call.max_file_count, _PAGE_OF_SYNC)
    start = prefix if call.start_file_name is None else call.start_file_name
    asked = calls.ListFileVersions(call.bucket_id, start, call.start_file_id, count, prefix)
    return _list_versions(raw, url, token, asked)


_METHODS: Final[Mapping[type[Call[Any]], Method]] = {
    calls.CreateKey: lambda raw, url, token, c: raw.create_key(
        url,
        token,
        c.account_id,
        list(c.capabilities),
        c.key_name,
        c.valid_duration_in_seconds,
        _one(c.bucket_ids),
        c.name_prefix,
    ),
    calls.DeleteKey: lambda raw, url, token, c: raw.delete_key(url, token, c.application_key_id),
    calls.ListKeys: lambda raw, url, token, c: raw.list_keys(
        url,
        token,
        c.account_id,
        max_key_count=c.max_key_count,
        start_application_key_id=c.start_application_key_id,
    ),
    calls.ListBuckets: lambda raw, url, token, c: raw.list_buckets(
        url, token, c.account_id, bucket_id=c.bucket_id, bucket_name=c.bucket_name
    ),
    calls.CreateBucket: lambda raw, url, token, c: raw.create_bucket(
        url,
        token,
        c.account_id,
        c.bucket_name,
        c.bucket_type,
        **_settings(c),
    ),
    calls.DeleteBucket: lambda raw, url, token, c: raw.delete_bucket(url, token, c.account_id, c.bucket_id),
    calls.UpdateBucket: lambda raw, url, token, c: raw.update_bucket(
        url,
        token,
        c.account_id,
        c.bucket_id,
        bucket_type=c.bucket_type,
        if_revision_is=c.if_revision_is,
        **_settings(c),
    ),
    calls.ListFileNames: lambda raw, url, token, c: raw.list_file_names(
        url,
        token,
        c.bucket_id,
        start_file_name=c.start_file_name,
        max_file_count=c.max_file_count,
        prefix=c.prefix,
    ),
    calls.ListFileVersions: _list_versions,
    calls.ListVersionsToCompare: _list_for_sync,
    calls.GetFileInfo: lambda raw, url, token, c: raw.get_file_info(url, token, c.file_id),
    calls.GetUploadUrl: lambda raw, url, token, c: raw.get_upload_url(url, token, c.bucket_id),
    calls.GetUploadPartUrl: lambda raw, url, token, c: raw.get_upload_part_url(url, token, c.file_id),
    calls.StartLargeFile: lambda raw, url, token, c: raw.start_large_file(
        url, token, c.bucket_id, c.file_name, c.content_type, dict(c.file_info)
    ),
    calls.CopyPart: lambda raw, url, token, c: raw.copy_part(
        url, token, c.source_file_id, c.large_file_id, c.part_number, bytes_range=_pair(c.range)
    ),
    calls.FinishLargeFile: lambda raw, url, token, c: raw.finish_large_file(
        url, token, c.file_id, list(c.part_sha1_array)
    ),
    calls.CancelLargeFile: lambda raw, url, token, c: raw.cancel_large_file(url, token, c.file_id),
    calls.ListParts: lambda raw, url, token, c: raw.list_parts(
        url, token, c.file_id, c.start_part_number, c.max_part_count
    ),
    calls.ListUnfinishedLargeFiles: lambda raw, url, token, c: raw.list_unfinished_large_files(
        url,
        token,
        c.bucket_id,
        start_file_id=c.start_file_id,
        max_file_count=c.max_file_count,
        prefix=c.name_prefix,
    ),
    calls.CopyFile: lambda raw, url, token, c: raw.copy_file(
        url,
        token,
        c.source_file_id,
        c.file_name,
        metadata_directive=_directive(c),
        bytes_range=_pair(c.range),
        content_type=c.content_type,
        file_info=c.file_info,
        destination_bucket_id=c.destination_bucket_id,
    ),
    calls.HideFile: lambda raw, url, token, c: raw.hide_file(url, token, c.bucket_id, c.file_name),
    calls.DeleteFileVersion: lambda raw, url, token, c: raw.delete_file_version(url, token, c.file_id, c.file_name),
    calls.GetDownloadAuthorization: lambda raw, url, token, c: raw.get_download_authorization(
        url, token, c.bucket_id, c.file_name_prefix, c.valid_duration_in_seconds
    ),
}
"""The methods of the calls, but for those that have a body or a key."""

_BUCKET_SETTINGS: Final = {"account_id", "bucket_type", "bucket_info", "cors_rules", "lifecycle_rules"}
_TAKEN: Final[Mapping[type[Call[Any]], set[str]]] = {
    calls.CreateBucket: {*_BUCKET_SETTINGS, "bucket_name"},
    calls.UpdateBucket: {*_BUCKET_SETTINGS, "bucket_id", "if_revision_is"},
    calls.ListBuckets: {"account_id", "bucket_id", "bucket_name", "bucket_types"},
    calls.ListFileNames: {"bucket_id", "start_file_name", "max_file_count", "prefix"},
    calls.ListFileVersions: {"bucket_id", "start_file_name", "start_file_id", "max_file_count", "prefix"},
    calls.ListVersionsToCompare: {"bucket_id", "start_file_name", "start_file_id", "max_file_count", "prefix"},
    calls.StartLargeFile: {"bucket_id", "file_name", "content_type", "file_info"},
    calls.CopyPart: {"source_file_id", "large_file_id", "part_number", "range"},
    calls.CopyFile: {
        "source_file_id", "file_name", "destination_bucket_id", "range", "metadata_directive", "content_type",
        "file_info",
    },
    calls.DeleteFileVersion: {"file_name", "file_id"},
    calls.GetDownloadAuthorization: {"bucket_id", "file_name_prefix", "valid_duration_in_seconds"},
}  # fmt: skip
"""The fields that version 1 knows, of the calls that have others by now."""


# -- bodies


def _uploaded(raw: AbstractRawApi, call: calls.UploadFile | calls.UploadPart, url: UploadUrl, reader: Reader) -> Json:
    stream = BodyStream(call.body, reader)
    sha1 = stream.sha1() if call.content_sha1 == HEX_DIGITS_AT_END else call.content_sha1
    if isinstance(call, calls.UploadPart):
        if call.server_side_encryption is not None:
            raise _Unknown("upload_part with an encryption")
        return raw.upload_part(url.url, url.token, call.part_number, stream.length, sha1, stream)
    beyond = (
        call.file_retention, call.legal_hold, call.server_side_encryption, call.custom_upload_timestamp,
    )  # fmt: skip
    if any(each is not None for each in beyond):
        raise _Unknown("upload_file with locks, encryption or a timestamp")
    return raw.upload_file(
        url.url,
        url.token,
        call.file_name,
        stream.length,
        call.content_type,
        sha1,
        dict(call.file_info),
        stream,
    )


def _pair(http_range: str | None) -> tuple[int, int] | None:
    """First and last byte of an HTTP range."""
    if http_range is None:
        return None
    first, _, last = http_range.removeprefix("bytes=").partition("-")
    if not (first.isdecimal() and last.isdecimal()):
        raise _Unknown("ranges that count from the end")
    return int(first), int(last)


def _url_of(raw: AbstractRawApi, call: FetchCall, download_url: str) -> str:
    if isinstance(call, calls.DownloadFileById):
        return raw.get_download_url_by_id(download_url, call.file_id)
    return raw.get_download_url_by_name(download_url, call.bucket_name, call.file_name)
