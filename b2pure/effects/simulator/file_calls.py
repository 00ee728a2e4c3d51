"""The simulated B2's answers to calls about the files of a bucket: listings, hiding, deleting, copying, locking.

Rules. A handler takes the world, the key behind the token, and the call; it changes the world only after every check
passed, and leaves by `Refused` otherwise. `FILE_HANDLERS` is the one place where a call gets its handler; what a key
needs is checked before, from the call's own `capability`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from b2pure.effects.simulator.bucket import Bucket, Version
from b2pure.effects.simulator.content import Extent, cut, digests
from b2pure.effects.simulator.credentials import Key
from b2pure.effects.simulator.protection import (
    check_customer_key,
    check_deletable,
    check_retention_change,
    checked_hold,
    info_budget,
    lockable,
    protection_of_new,
    readable,
    require,
)
from b2pure.effects.simulator.replication import replication_status_of
from b2pure.effects.simulator.rules import (
    bad_request,
    checked_info,
    checked_range,
    not_found,
    resolved_content_type,
    unauthorized,
)
from b2pure.effects.simulator.world import Handler, World
from b2pure.model.calls import (
    Call,
    CopyFile,
    DeleteFileVersion,
    GetFileInfo,
    HideFile,
    ListFileNames,
    ListFileVersions,
    ListVersionsToCompare,
    UpdateFileLegalHold,
    UpdateFileRetention,
)
from b2pure.model.ids import BucketId, FileId
from b2pure.model.limits import MAX_LIST_COUNT
from b2pure.model.protection import UNENCRYPTED, EncryptionReply, LegalHoldReply, RetentionReply, SseC
from b2pure.model.replies import (
    DeletedReply,
    FileLegalHoldReply,
    FileNamePage,
    FileReply,
    FileRetentionReply,
    FileVersionPage,
    ListedPage,
)
from b2pure.plan.listing import listed_page

__all__ = ["DEFAULT_COUNT", "FILE_HANDLERS", "check_prefix", "copied_source"]

DEFAULT_COUNT: Final = 100
HIDE_MARKER_TYPE: Final = "application/x-bz-hide-marker"
_BUCKET_ID: Final = re.compile(r"[0-9a-f]{24}\Z")


# -- listings


def check_prefix(key: Key, prefix: str) -> None:
    """A key with a name prefix lists only below it."""
    if key.name_prefix is not None and not prefix.startswith(key.name_prefix):
        raise unauthorized("the key is restricted to names with its prefix")


def _listed_bucket(world: World, key: Key, bucket_id: BucketId) -> Bucket:
    if not _BUCKET_ID.match(bucket_id):
        raise bad_request(f"Invalid bucketId: {bucket_id}", "invalid_bucket_id")
    return world.bucket(key, bucket_id)


def _list_file_names(world: World, key: Key, call: ListFileNames) -> FileNamePage:
    bucket = _listed_bucket(world, key, call.bucket_id)
    prefix = call.prefix or ""
    check_prefix(key, prefix)
    count = world.page_size(call.max_file_count, default=DEFAULT_COUNT, maximum=MAX_LIST_COUNT)
    files, after = bucket.page_of_names(call.start_file_name or "", prefix, call.delimiter or None, count)
    return FileNamePage(_readable_all(key, files), None if after is None else after.file_name)


def _readable_all(key: Key, files: list[FileReply]) -> tuple[FileReply, ...]:
    if key.may("readFileRetentions") and key.may("readFileLegalHolds"):
        return tuple(files)
    return tuple(readable(key, file) for file in files)


def _list_file_versions(world: World, key: Key, call: ListFileVersions | ListVersionsToCompare) -> FileVersionPage:
    bucket = _listed_bucket(world, key, call.bucket_id)
    prefix = call.prefix or ""
    check_prefix(key, prefix)
    count = world.page_size(call.max_file_count, default=DEFAULT_COUNT, maximum=MAX_LIST_COUNT)
    if call.start_file_id is not None and call.start_file_name is None:
        raise bad_request("startFileId needs startFileName")
    first = None if call.start_file_id is None else world.ids.serial_of(call.start_file_id)
    files, after = bucket.page_of_versions(call.start_file_name or "", first, prefix, call.delimiter or None, count)
    page = _readable_all(key, files)
    if after is None:
        return FileVersionPage(page, None, None)
    return FileVersionPage(page, after.file_name, after.file_id)


def _list_to_compare(world: World, key: Key, call: ListVersionsToCompare) -> ListedPage:
    return listed_page(_list_file_versions(world, key, call))


def _get_file_info(world: World, key: Key, call: GetFileInfo) -> FileReply:
    return readable(key, world.version(key, call.file_id).file)


# -- hiding and deleting


def _hide_file(world: World, key: Key, call: HideFile) -> FileReply:
    bucket = world.bucket(key, call.bucket_id, call.file_name)
    newest = bucket.newest(call.file_name)
    if newest is None:
        raise bad_request("there is no file of this name", "no_such_file")
    if newest.file.action == "hide":
        raise bad_request("the file is hidden already", "already_hidden")
    version = world.add_version(bucket, call.file_name, "hide", content_type=HIDE_MARKER_TYPE, info={})
    world.tell("hide", version)
    return version.file


def _delete_file_version(world: World, key: Key, call: DeleteFileVersion) -> DeletedReply:
    version = _named_version(world, key, call.file_id, call.file_name)
    check_deletable(world, key, version, bypass_governance=call.bypass_governance)
    world.drop_version(version)
    world.tell("delete", version)
    return DeletedReply(call.file_id, call.file_name)


def _named_version(world: World, key: Key, file_id: FileId, name: str) -> Version:
    version = world.versions.get(file_id)
    if version is None or version.file.file_name != name:
        raise bad_request(f"File not present: {name} {file_id}", "file_not_present")
    world.permit(key, version.file.bucket_id, name)
    return version


# -- locks


def _lockable_version(world: World, key: Key, file_id: FileId, name: str) -> Version:
    version = _named_version(world, key, file_id, name)
    lockable(world.buckets[version.file.bucket_id])
    if version.file.action == "hide":
        raise bad_request("a hide marker cannot be locked")
    return version


def _update_file_retention(world: World, key: Key, call: UpdateFileRetention) -> FileRetentionReply:
    version = _lockable_version(world, key, call.file_id, call.file_name)
    value = check_retention_change(world, key, version, call.file_retention, bypass_governance=call.bypass_governance)
    _retold(world, version, file_retention=RetentionReply(True, value))
    return FileRetentionReply(call.file_id, call.file_name, value)


def _update_file_legal_hold(world: World, key: Key, call: UpdateFileLegalHold) -> FileLegalHoldReply:
    version = _lockable_version(world, key, call.file_id, call.file_name)
    _retold(world, version, legal_hold=LegalHoldReply(True, checked_hold(call.legal_hold)))
    return FileLegalHoldReply(call.file_id, call.file_name, call.legal_hold)


def _retold(world: World, version: Version, **changes: object) -> None:
    file = msgspec.structs.replace(version.file, **changes)
    world.replace_version(version, msgspec.structs.replace(version, file=file))


# -- copying


def copied_source(
    world: World, key: Key, version: Version, range_: str | None, limit: int, customer_key: SseC | None
) -> tuple[tuple[Extent, ...], int]:
    """The extents and the length that a copy takes from its source."""
    if version.file.action != "upload":
        raise not_found()
    if world.buckets[version.file.bucket_id].reply.bucket_type != "allPublic":
        require(key, "readFiles")
    check_customer_key(_encryption_of(version.file), version.customer_key_md5, customer_key)
    start, stop = checked_range(range_, version.file.content_length)
    if stop - start > limit:
        raise bad_request(f"Copy source too big: {stop - start}", "source_too_large")
    return cut(version.extents, start, stop), stop - start


def _encryption_of(file: FileReply) -> EncryptionReply:
    return file.server_side_encryption or UNENCRYPTED


def _copy_file(world: World, key: Key, call: CopyFile) -> FileReply:
    source = world.version(key, call.source_file_id)
    bucket = world.bucket(key, call.destination_bucket_id or source.file.bucket_id, call.file_name)
    world.check_name(call.file_name)
    protection = protection_of_new(
        world,
        key,
        bucket,
        encryption=call.destination_server_side_encryption,
        retention=call.file_retention,
        legal_hold=call.legal_hold,
    )
    extents, length = copied_source(
        world, key, source, call.range, world.config.max_single_size, call.source_server_side_encryption
    )
    content_type, info = _copied_metadata(world, bucket, call, source.file, protection.encryption)
    world.check_storage(length)
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
        protection=protection,
        replication_status=replication_status_of(bucket.reply, call.file_name, protection.encryption),
    )
    world.meter.moved(copied=length)
    world.tell("copy", version)
    return msgspec.structs.replace(readable(key, version.file), action="copy")


def _copied_metadata(
    world: World, bucket: Bucket, call: CopyFile, source: FileReply, encryption: EncryptionReply
) -> tuple[str, Mapping[str, str]]:
    if call.metadata_directive == "COPY":
        if call.content_type is not None or call.file_info is not None:
            raise bad_request("contentType and fileInfo need metadataDirective REPLACE")
        return source.content_type or "", source.file_info
    if call.metadata_directive != "REPLACE":
        raise bad_request("metadataDirective is COPY or REPLACE")
    if call.content_type is None:
        raise bad_request("metadataDirective REPLACE needs a contentType")
    content_type = resolved_content_type(call.content_type, call.file_name)
    return content_type, checked_info(
        call.file_info or {},
        call.file_name,
        max_pairs=world.config.max_info_pairs,
        budget=info_budget(world, bucket, encryption),
    )


FILE_HANDLERS: Final[Mapping[type[Call[Any]], Handler]] = {
    ListFileNames: _list_file_names,
    ListFileVersions: _list_file_versions,
    ListVersionsToCompare: _list_to_compare,
    GetFileInfo: _get_file_info,
    HideFile: _hide_file,
    DeleteFileVersion: _delete_file_version,
    UpdateFileRetention: _update_file_retention,
    UpdateFileLegalHold: _update_file_legal_hold,
    CopyFile: _copy_file,
}
