"""The simulated B2's answers to calls about accounts, buckets, listings and finished files.

Rules. A handler takes the world, the key behind the token, and the call; it changes the world only after every check
passed, and leaves by `Refused` otherwise. `HANDLERS` is the one place where a call gets its handler; what a key needs
is checked before, from the call's own `capability`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from attrs import frozen

from b2pure.effects.content import Extent, cut, digests
from b2pure.effects.simulator_bucket import Bucket, Version
from b2pure.effects.simulator_rules import (
    HEADER_INFO,
    Refused,
    bad_request,
    checked_bucket_name,
    checked_count,
    checked_info,
    checked_name,
    checked_range,
    resolved_content_type,
    unauthorized,
)
from b2pure.effects.simulator_state import Key, World
from b2pure.effects.wire import KeyPair
from b2pure.model.calls import (
    Call,
    CopyFile,
    CreateBucket,
    DeleteFileVersion,
    DownloadFileById,
    DownloadFileByName,
    FetchCall,
    GetFileInfo,
    HideFile,
    ListBuckets,
    ListFileNames,
    ListFileVersions,
)
from b2pure.model.errors import Rejected
from b2pure.model.ids import AccountId, BucketId
from b2pure.model.limits import MAX_LIST_COUNT
from b2pure.model.replies import (
    AllowedBucket,
    AllowedReply,
    ApiInfo,
    AuthorizationReply,
    BucketList,
    BucketReply,
    DeletedReply,
    DownloadReply,
    FileNamePage,
    FileReply,
    FileVersionPage,
    StorageApi,
)

__all__ = ["FILE_HANDLERS", "Download", "Handler", "authorize", "copied_source", "download", "require"]

Handler = Callable[[World, Key, Any], object]
DEFAULT_COUNT: Final = 100
HIDE_MARKER_TYPE: Final = "application/x-bz-hide-marker"


@frozen
class Download:
    """The headers of a download and its content, which is shared with the simulator and never joined."""

    reply: DownloadReply
    extents: tuple[Extent, ...]
    start: int
    partial: bool
    header_info: Mapping[str, str]
    """File info that goes out as standard headers, by header name."""


def require(key: Key, capability: str | None) -> None:
    """Refuse a key without the capability."""
    if capability is not None and capability not in key.capabilities:
        raise unauthorized(f"the key lacks the capability {capability}")


def _not_found(message: str = "File not present") -> Refused:
    return Refused(Rejected(404, "not_found", message))


def _check_account(world: World, account_id: AccountId) -> None:
    if account_id != world.account_id:
        raise bad_request("Invalid accountId")


# -- accounts and buckets


def authorize(world: World, pair: KeyPair) -> AuthorizationReply:
    """A new account token."""
    key, token = world.login(pair.key_id, pair.key)
    return AuthorizationReply(
        account_id=world.account_id,
        authorization_token=token,
        api_info=ApiInfo(
            StorageApi(
                absolute_minimum_part_size=world.config.absolute_minimum_part_size,
                recommended_part_size=world.config.recommended_part_size,
                api_url=world.base_url,
                download_url=world.base_url,
                s3_api_url=world.base_url,
                allowed=AllowedReply(
                    capabilities=tuple(sorted(key.capabilities)),
                    buckets=_allowed_buckets(world, key),
                    name_prefix=key.name_prefix,
                ),
            )
        ),
        application_key_expiration_timestamp=key.expires_at,
    )


def _allowed_buckets(world: World, key: Key) -> tuple[AllowedBucket, ...] | None:
    if key.bucket_ids is None:
        return None
    return tuple(AllowedBucket(i, _name_of_bucket(world, i)) for i in sorted(key.bucket_ids))


def _name_of_bucket(world: World, bucket_id: BucketId) -> str | None:
    bucket = world.buckets.get(bucket_id)
    return None if bucket is None else bucket.reply.bucket_name


def _list_buckets(world: World, key: Key, call: ListBuckets) -> BucketList:
    _check_account(world, call.account_id)
    found = [
        bucket.reply
        for bucket in world.buckets.values()
        if call.bucket_id in (None, bucket.reply.bucket_id) and call.bucket_name in (None, bucket.reply.bucket_name)
    ]
    if key.bucket_ids is not None:
        _check_named(key, call, found)
    return BucketList(tuple(sorted(found, key=lambda bucket: bucket.bucket_name)))


def _check_named(key: Key, call: ListBuckets, found: list[BucketReply]) -> None:
    """A restricted key must name a bucket, and it must be one of its own."""
    assert key.bucket_ids is not None
    named = call.bucket_id is not None or call.bucket_name is not None
    if not named or any(bucket.bucket_id not in key.bucket_ids for bucket in found):
        raise unauthorized("the key is restricted to other buckets")
    if not found and call.bucket_id not in (None, *key.bucket_ids):
        raise unauthorized("the key is restricted to other buckets")


def _create_bucket(world: World, key: Key, call: CreateBucket) -> BucketReply:
    _check_account(world, call.account_id)
    if key.bucket_ids is not None:
        raise unauthorized("a key restricted to buckets cannot create one")
    checked_bucket_name(call.bucket_name)
    if call.bucket_type not in ("allPrivate", "allPublic"):
        raise bad_request("bucketType must be allPrivate or allPublic")
    if call.bucket_name.lower() in world.bucket_ids:
        raise bad_request("Bucket name is already in use.", "duplicate_bucket_name")
    if len(world.buckets) >= world.config.max_buckets:
        raise bad_request("the account has as many buckets as it may have", "too_many_buckets")
    return world.add_bucket(call.bucket_name, call.bucket_type)


# -- listings


def check_prefix(key: Key, prefix: str) -> None:
    """A key with a name prefix lists only below it."""
    if key.name_prefix is not None and not prefix.startswith(key.name_prefix):
        raise unauthorized("the key is restricted to names with its prefix")


def _list_file_names(world: World, key: Key, call: ListFileNames) -> FileNamePage:
    bucket = world.bucket(key, call.bucket_id)
    prefix = call.prefix or ""
    check_prefix(key, prefix)
    count = checked_count(call.max_file_count, default=DEFAULT_COUNT, maximum=MAX_LIST_COUNT)
    files, after = bucket.page_of_names(call.start_file_name or "", prefix, call.delimiter or None, count)
    return FileNamePage(tuple(files), None if after is None else after.file_name)


def _list_file_versions(world: World, key: Key, call: ListFileVersions) -> FileVersionPage:
    bucket = world.bucket(key, call.bucket_id)
    prefix = call.prefix or ""
    check_prefix(key, prefix)
    count = checked_count(call.max_file_count, default=DEFAULT_COUNT, maximum=MAX_LIST_COUNT)
    if call.start_file_id is not None and call.start_file_name is None:
        raise bad_request("startFileId needs startFileName")
    first = None if call.start_file_id is None else world.serial_of(call.start_file_id)
    files, after = bucket.page_of_versions(call.start_file_name or "", first, prefix, call.delimiter or None, count)
    if after is None:
        return FileVersionPage(tuple(files), None, None)
    return FileVersionPage(tuple(files), after.file_name, after.file_id)


def _get_file_info(world: World, key: Key, call: GetFileInfo) -> FileReply:
    return world.version(key, call.file_id).file


# -- hiding and deleting


def _hide_file(world: World, key: Key, call: HideFile) -> FileReply:
    bucket = world.bucket(key, call.bucket_id, call.file_name)
    newest = bucket.newest(call.file_name)
    if newest is None:
        raise bad_request("there is no file of this name", "no_such_file")
    if newest.file.action == "hide":
        raise bad_request("the file is hidden already", "already_hidden")
    return world.add_version(bucket, call.file_name, "hide", content_type=HIDE_MARKER_TYPE, info={}).file


def _delete_file_version(world: World, key: Key, call: DeleteFileVersion) -> DeletedReply:
    version = world.versions.get(call.file_id)
    if version is None or version.file.file_name != call.file_name:
        raise bad_request("file_state_none", "file_not_present")
    world.permit(key, version.file.bucket_id, version.file.file_name)
    world.drop_version(version)
    return DeletedReply(call.file_id, call.file_name)


# -- copying


def copied_source(
    world: World, key: Key, version: Version, range_: str | None, limit: int
) -> tuple[tuple[Extent, ...], int]:
    """The extents and the length that a copy takes from its source."""
    if version.file.action != "upload":
        raise _not_found()
    if world.buckets[version.file.bucket_id].reply.bucket_type != "allPublic":
        require(key, "readFiles")
    start, stop = checked_range(range_, version.file.content_length)
    if stop - start > limit:
        raise bad_request(f"Copy source too big: {stop - start}", "source_too_large")
    return cut(version.extents, start, stop), stop - start


def _copy_file(world: World, key: Key, call: CopyFile) -> FileReply:
    source = world.version(key, call.source_file_id)
    bucket = world.bucket(key, call.destination_bucket_id or source.file.bucket_id, call.file_name)
    checked_name(call.file_name)
    extents, length = copied_source(world, key, source, call.range, world.config.max_single_size)
    content_type, info = _copied_metadata(world, call, source.file)
    whole = length == source.file.content_length and source.file.content_sha1 != "none"
    sha1, md5 = (source.file.content_sha1, source.file.content_md5) if whole else digests(extents)
    version = world.add_version(
        bucket,
        call.file_name,
        "upload",
        content_type=content_type,
        info=info,
        extents=extents,
        length=length,
        content_sha1=sha1,
        content_md5=md5,
    )
    return msgspec.structs.replace(version.file, action="copy")


def _copied_metadata(world: World, call: CopyFile, source: FileReply) -> tuple[str, Mapping[str, str]]:
    if call.metadata_directive == "COPY":
        if call.content_type is not None or call.file_info is not None:
            raise bad_request("contentType and fileInfo need metadataDirective REPLACE")
        return source.content_type or "", source.file_info
    content_type = resolved_content_type(call.content_type, call.file_name)
    return content_type, checked_info(
        call.file_info or {},
        call.file_name,
        max_pairs=world.config.max_info_pairs,
        budget=world.config.info_budget,
    )


# -- downloads


def download(world: World, key: Key | None, call: FetchCall) -> Download:
    """A download; `key` None stands for a request without a token, which only public buckets serve by name."""
    version = _wanted(world, key, call)
    file = version.file
    start, stop = checked_range(call.range, file.content_length)
    assert file.file_id is not None
    reply = DownloadReply(
        file_id=file.file_id,
        file_name=file.file_name,
        content_length=stop - start,
        total_length=file.content_length,
        content_type=file.content_type or "",
        content_sha1=file.content_sha1,
        upload_timestamp=file.upload_timestamp,
        file_info={k: v for k, v in file.file_info.items() if k not in HEADER_INFO},
    )
    headers = {HEADER_INFO[k]: v for k, v in file.file_info.items() if k in HEADER_INFO}
    return Download(reply, cut(version.extents, start, stop), start, call.range is not None, headers)


def _wanted(world: World, key: Key | None, call: FetchCall) -> Version:
    if isinstance(call, DownloadFileById):
        version = world.versions.get(call.file_id)
        bucket = None if version is None else world.buckets[version.file.bucket_id]
    else:
        bucket = world.bucket_named(call.bucket_name)
        version = None if bucket is None else bucket.visible(call.file_name)
    if bucket is None or bucket.reply.bucket_type != "allPublic":
        _check_reader(world, key, bucket, version, call)
    if version is None or version.file.action != "upload":
        raise _not_found("File with such name does not exist" if isinstance(call, DownloadFileByName) else "")
    return version


def _check_reader(
    world: World, key: Key | None, bucket: Bucket | None, version: Version | None, call: FetchCall
) -> None:
    """What a private file asks of its reader; whether the name exists is not told to who may not read it."""
    if key is None:
        raise unauthorized("a private file needs an authorization token")
    require(key, call.capability)
    name = call.file_name if isinstance(call, DownloadFileByName) else None
    if bucket is not None:
        world.permit(key, bucket.reply.bucket_id, version.file.file_name if version is not None else name)


FILE_HANDLERS: Final[Mapping[type[Call[Any]], Handler]] = {
    ListBuckets: _list_buckets,
    CreateBucket: _create_bucket,
    ListFileNames: _list_file_names,
    ListFileVersions: _list_file_versions,
    GetFileInfo: _get_file_info,
    HideFile: _hide_file,
    DeleteFileVersion: _delete_file_version,
    CopyFile: _copy_file,
}
