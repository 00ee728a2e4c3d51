"""The simulated B2's answers to downloads, and to the question for a token that others may download with.

Rules. As in `file_calls`. Whether a name exists is not told to who may not read it. A download authorization
reads by name only, in its bucket and below its prefix, and only with the overrides that it was made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from b2pure.effects.simulator.bucket import Bucket, Version
from b2pure.effects.simulator.content import Extent, cut
from b2pure.effects.simulator.credentials import Grant, Key
from b2pure.effects.simulator.protection import check_customer_key, readable, require
from b2pure.effects.simulator.rules import HEADER_INFO, bad_request, checked_range, not_found, unauthorized
from b2pure.effects.simulator.world import Handler, World
from b2pure.effects.wire import OVERRIDES, header_problem, overrides_of
from b2pure.model.calls import Call, DownloadFileById, DownloadFileByName, FetchCall, GetDownloadAuthorization
from b2pure.model.protection import UNENCRYPTED
from b2pure.model.replies import DownloadAuthorizationReply, DownloadReply, FileReply

__all__ = ["DOWNLOAD_HANDLERS", "Download", "Reader", "download"]

Reader = Key | Grant | None
"""Who downloads: somebody with a key's token, with a download authorization, or with nothing."""

MAX_AUTHORIZATION_SECONDS: Final = 604_800
_CACHE_CONTROL: Final = "Cache-Control"
_HEADER_OF: Final[Mapping[str, str]] = {
    "b2ContentDisposition": "content-disposition",
    "b2ContentLanguage": "content-language",
    "b2Expires": "expires",
    "b2CacheControl": "cache-control",
    "b2ContentEncoding": "content-encoding",
}
"""The header that a parameter of a download takes the place of; `b2ContentType` is a field of the reply."""


@frozen
class Download:
    """The headers of a download and its content, which is shared with the simulator and never joined."""

    reply: DownloadReply
    extents: tuple[Extent, ...]
    start: int
    partial: bool
    header_info: Mapping[str, str]
    """What goes out as standard headers, by header name."""


def download(world: World, reader: Reader, call: FetchCall, *, head: bool = False) -> Download:
    """A download; `head`: without its content. Only public buckets serve who shows nothing."""
    wishes = _checked_wishes(reader, call)
    version, bucket = _wanted(world, reader, call)
    file = version.file
    assert file.file_id is not None
    check_customer_key(
        file.server_side_encryption or UNENCRYPTED, version.customer_key_md5, call.server_side_encryption
    )
    start, stop = checked_range(call.range, file.content_length)
    world.caps.download(0 if head else stop - start, world.now())
    reply = DownloadReply(
        file_id=file.file_id,
        file_name=file.file_name,
        content_length=stop - start,
        total_length=file.content_length,
        content_type=wishes.get("b2ContentType", file.content_type or ""),
        content_sha1=file.content_sha1,
        upload_timestamp=file.upload_timestamp,
        file_info={k: v for k, v in file.file_info.items() if k not in HEADER_INFO},
        encryption=file.server_side_encryption or UNENCRYPTED,
        replication_status=file.replication_status,
        **_locks(reader, file),
    )
    extents = () if head else cut(version.extents, start, stop)
    return Download(reply, extents, start, call.range is not None, _headers(bucket, file, wishes))


def _headers(bucket: Bucket, file: FileReply, wishes: Mapping[str, str]) -> dict[str, str]:
    """The bucket's default, the file's own value, the request's wish: the later wins."""
    default = bucket.reply.bucket_info.get(_CACHE_CONTROL)
    headers = {} if default is None or header_problem(default) else {"cache-control": default}
    headers |= {HEADER_INFO[k]: v for k, v in file.file_info.items() if k in HEADER_INFO}
    return headers | {_HEADER_OF[k]: v for k, v in wishes.items() if k in _HEADER_OF}


def _locks(reader: Reader, file: FileReply) -> dict[str, Any]:
    """Retention and legal hold as the reader may see them."""
    if not isinstance(reader, Key):
        return {}
    seen = readable(reader, file)
    retention, hold = seen.file_retention, seen.legal_hold
    withheld = []
    if retention is not None and retention.value is None:
        withheld += ["X-Bz-File-Retention-Mode", "X-Bz-File-Retention-Retain-Until-Timestamp"]
    if hold is not None and not hold.is_client_authorized_to_read:
        withheld.append("X-Bz-File-Legal-Hold")
    value = None if retention is None else retention.value
    return {
        "retention": None if value is None or value.mode is None else value,
        "legal_hold": None if hold is None else hold.value,
        "unreadable": tuple(withheld),
    }


def _checked_wishes(reader: Reader, call: FetchCall) -> dict[str, str]:
    wishes = overrides_of(call)
    if wishes and reader is None:
        raise unauthorized("to change headers of the answer needs an authorization token, even in a public bucket")
    if isinstance(reader, Grant) and wishes != reader.overrides:
        raise unauthorized("the download must ask for the headers that its authorization was made for, and no others")
    return _checked_overrides(wishes)


def _checked_overrides(wishes: dict[str, str]) -> dict[str, str]:
    for name, value in wishes.items():
        if not value or header_problem(value) is not None:
            raise bad_request(f"bad value of {name}")
    return wishes


def _wanted(world: World, reader: Reader, call: FetchCall) -> tuple[Version, Bucket]:
    if isinstance(call, DownloadFileById):
        version = world.versions.get(call.file_id)
        bucket = world.source_bucket(call.file_id)
    else:
        bucket = world.bucket_named(call.bucket_name)
        version = None if bucket is None else bucket.visible(call.file_name)
    if bucket is None or bucket.reply.bucket_type != "allPublic":
        _check_reader(world, reader, bucket, version, call)
    if bucket is None or version is None or version.file.action != "upload":
        raise not_found("File with such name does not exist." if isinstance(call, DownloadFileByName) else "")
    return version, bucket


def _check_reader(
    world: World, reader: Reader, bucket: Bucket | None, version: Version | None, call: FetchCall
) -> None:
    """What a private file asks of its reader."""
    if reader is None:
        raise unauthorized("a private file needs an authorization token")
    name = call.file_name if isinstance(call, DownloadFileByName) else None
    if isinstance(reader, Grant):
        in_bucket = bucket is not None and bucket.reply.bucket_id == reader.bucket_id
        if name is None or not in_bucket or not name.startswith(reader.file_name_prefix):
            raise unauthorized("the download authorization is for other files")
        return
    require(reader, call.capability)
    if bucket is not None:
        world.permit(reader, bucket.reply.bucket_id, version.file.file_name if version is not None else name)


# -- authorizations


def _get_download_authorization(world: World, key: Key, call: GetDownloadAuthorization) -> DownloadAuthorizationReply:
    world.bucket(key, call.bucket_id, call.file_name_prefix)
    seconds = call.valid_duration_in_seconds
    if not 1 <= seconds <= MAX_AUTHORIZATION_SECONDS:
        raise bad_request(f"validDurationInSeconds is 1 to {MAX_AUTHORIZATION_SECONDS}")
    wishes = _checked_overrides(overrides_of(call))
    token = world.credentials.new_grant(key, call.bucket_id, call.file_name_prefix, seconds * 1000, wishes)
    return DownloadAuthorizationReply(call.bucket_id, call.file_name_prefix, token)


assert set(_HEADER_OF) | {"b2ContentType"} == set(OVERRIDES.values())

DOWNLOAD_HANDLERS: Final[Mapping[type[Call[Any]], Handler]] = {
    GetDownloadAuthorization: _get_download_authorization,
}
