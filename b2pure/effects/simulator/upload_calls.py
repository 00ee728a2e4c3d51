"""The simulated B2's answers to calls that bring content: small uploads and large files.

Rules. As in `file_calls`. An upload belongs to the endpoint of its URL, which also says whose key it is. A large
file keeps the time and the serial of its start, so that finishing it late never makes it newer; it keeps its parts as
they came, and nothing is ever joined.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from b2pure.effects.simulator.bucket import Bucket, LargeUpload, Part, Version
from b2pure.effects.simulator.content import Extent, Received, digests, extents_of
from b2pure.effects.simulator.credentials import Endpoint, Key
from b2pure.effects.simulator.file_calls import DEFAULT_COUNT, check_prefix, copied_source
from b2pure.effects.simulator.protection import check_customer_key, info_budget, protection_of_new, readable
from b2pure.effects.simulator.replication import replication_status_of
from b2pure.effects.simulator.rules import (
    UNVERIFIED,
    Refused,
    bad_request,
    checked_info,
    checked_sha1,
    resolved_content_type,
)
from b2pure.effects.simulator.world import Handler, Protection, World
from b2pure.model.calls import (
    Call,
    CancelLargeFile,
    CopyPart,
    FinishLargeFile,
    GetUploadPartUrl,
    GetUploadUrl,
    ListParts,
    ListUnfinishedLargeFiles,
    StartLargeFile,
    UploadCall,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import CapExceeded
from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_LIST_COUNT
from b2pure.model.protection import UNENCRYPTED, Encryption, EncryptionReply, SseB2
from b2pure.model.replies import (
    CancelReply,
    FileReply,
    PartPage,
    PartReply,
    UnfinishedPage,
    UploadPartUrlReply,
    UploadUrlReply,
)

__all__ = ["UPLOAD_HANDLERS", "upload"]

MAX_UNFINISHED_COUNT: Final = 100


# -- URLs and small files


def _get_upload_url(world: World, key: Key, call: GetUploadUrl) -> UploadUrlReply:
    world.bucket(key, call.bucket_id)
    if world.config.storage_cap is not None and world.meter.stored_bytes >= world.config.storage_cap:
        raise Refused(CapExceeded("storage_cap_exceeded", "Storage cap exceeded"))
    target, token = world.credentials.new_endpoint(key, call.bucket_id, None)
    return UploadUrlReply(call.bucket_id, world.base_url + target, token)


def _get_upload_part_url(world: World, key: Key, call: GetUploadPartUrl) -> UploadPartUrlReply:
    bucket, _ = _unfinished(world, key, call.file_id)
    target, token = world.credentials.new_endpoint(key, bucket.reply.bucket_id, call.file_id)
    return UploadPartUrlReply(call.file_id, world.base_url + target, token)


def upload(world: World, endpoint: Endpoint, call: UploadCall, body: Received) -> FileReply | PartReply:
    """An upload to an endpoint whose token was found good."""
    if isinstance(call, UploadFile):
        return _upload_file(world, endpoint, call, body)
    return _upload_part(world, endpoint, call, body)


def _upload_file(world: World, endpoint: Endpoint, call: UploadFile, body: Received) -> FileReply:
    if endpoint.file_id is not None:
        raise bad_request("the URL is for parts")
    bucket = world.bucket(endpoint.key, endpoint.bucket_id, call.file_name)
    world.check_name(call.file_name)
    protection = _protection(world, endpoint.key, bucket, call)
    timestamp = _checked_timestamp(world, call.custom_upload_timestamp)
    if body.content.length > world.config.max_single_size:
        raise bad_request(f"a single upload has at most {world.config.max_single_size} bytes")
    world.check_storage(body.content.length)
    version = world.add_version(
        bucket,
        call.file_name,
        "upload",
        content_type=resolved_content_type(call.content_type, call.file_name),
        info=_info(world, bucket, call, protection),
        extents=extents_of(body.content),
        length=body.content.length,
        content_sha1=checked_sha1(call.content_sha1, body),
        content_md5=body.md5,
        protection=protection,
        upload_timestamp=timestamp,
        replication_status=replication_status_of(bucket.reply, call.file_name, protection.encryption),
    )
    world.meter.moved(up=body.content.length)
    world.tell("upload", version)
    return readable(endpoint.key, version.file)


def _protection(world: World, key: Key, bucket: Bucket, call: UploadFile | StartLargeFile) -> Protection:
    return protection_of_new(
        world,
        key,
        bucket,
        encryption=call.server_side_encryption,
        retention=call.file_retention,
        legal_hold=call.legal_hold,
    )


def _checked_timestamp(world: World, asked: int | None) -> int | None:
    if asked is None:
        return None
    if not world.config.custom_timestamps:
        raise bad_request("the account may not set upload timestamps")
    if not 0 < asked <= world.now():
        raise bad_request("a custom upload timestamp lies in the past")
    return asked


def _info(world: World, bucket: Bucket, call: UploadFile | StartLargeFile, protection: Protection) -> dict[str, str]:
    budget = info_budget(world, bucket, protection.encryption)
    return checked_info(call.file_info, call.file_name, max_pairs=world.config.max_info_pairs, budget=budget)


# -- large files


def _unfinished(world: World, key: Key, file_id: FileId, message: str | None = None) -> tuple[Bucket, LargeUpload]:
    version = world.versions.get(file_id)
    bucket = None if version is None else world.buckets[version.file.bucket_id]
    large: LargeUpload | None = None if bucket is None else bucket.unfinished.get(file_id)
    if bucket is None or large is None:
        raise bad_request(message or f"No active upload for: {file_id}")
    world.permit(key, bucket.reply.bucket_id, large.version.file.file_name)
    return bucket, large


def _start_large_file(world: World, key: Key, call: StartLargeFile) -> FileReply:
    bucket = world.bucket(key, call.bucket_id, call.file_name)
    world.check_name(call.file_name)
    protection = _protection(world, key, bucket, call)
    version = world.add_version(
        bucket,
        call.file_name,
        "start",
        upload_timestamp=_checked_timestamp(world, call.custom_upload_timestamp),
        content_type=resolved_content_type(call.content_type, call.file_name),
        info=_info(world, bucket, call, protection),
        content_sha1="none",
        protection=protection,
    )
    return readable(key, version.file)


def _checked_part(world: World, number: int, length: int) -> None:
    if not 1 <= number <= world.config.max_parts:
        raise bad_request(f"part numbers are 1 to {world.config.max_parts}")
    if not 1 <= length <= world.config.max_part_size:
        raise bad_request(f"a part has 1 to {world.config.max_part_size} bytes")


def _check_room(world: World, large: LargeUpload, number: int, length: int) -> None:
    """The cap on storage; the part that is replaced goes."""
    before = large.parts.get(number)
    world.check_storage(length - (0 if before is None else before.reply.content_length))


def _upload_part(world: World, endpoint: Endpoint, call: UploadPart, body: Received) -> PartReply:
    if endpoint.file_id is None:
        raise bad_request("the URL is for whole files")
    bucket, large = _unfinished(world, endpoint.key, endpoint.file_id)
    version = large.version
    check_customer_key(_encryption_of(version), version.customer_key_md5, call.server_side_encryption)
    length = body.content.length
    _checked_part(world, call.part_number, length)
    sha1 = checked_sha1(call.content_sha1, body)
    _check_room(world, large, call.part_number, length)
    world.meter.moved(up=length)
    return _keep_part(world, bucket, large, call.part_number, length, sha1, body.md5, extents_of(body.content))


def _encryption_of(version: Version) -> EncryptionReply:
    return version.file.server_side_encryption or UNENCRYPTED


def _keep_part(
    world: World,
    bucket: Bucket,
    large: LargeUpload,
    number: int,
    length: int,
    sha1: str,
    md5: str | None,
    extents: tuple[Extent, ...],
) -> PartReply:
    file_id = large.version.file.file_id
    assert file_id is not None
    reply = PartReply(file_id, number, length, sha1, md5, world.now(), _encryption_of(large.version))
    world.keep_part(bucket, large, Part(reply, extents))
    return reply


def _copy_part(world: World, key: Key, call: CopyPart) -> PartReply:
    bucket, large = _unfinished(world, key, call.large_file_id)
    source = world.version(key, call.source_file_id)
    _check_destination(large.version, call.destination_server_side_encryption)
    limit = world.config.max_part_size
    extents, length = copied_source(world, key, source, call.range, limit, call.source_server_side_encryption)
    _checked_part(world, call.part_number, length)
    _check_room(world, large, call.part_number, length)
    world.meter.moved(copied=length)
    return _keep_part(world, bucket, large, call.part_number, length, *digests(extents), extents)


def _check_destination(version: Version, asked: Encryption | None) -> None:
    """A copied part is encrypted as its large file is; to say so is needed for a customer key only."""
    kept = _encryption_of(version)
    if isinstance(asked, SseB2):
        if kept.mode != "SSE-B2":
            raise bad_request("the large file is not encrypted with SSE-B2")
        return
    check_customer_key(kept, version.customer_key_md5, asked)


def _finish_large_file(world: World, key: Key, call: FinishLargeFile) -> FileReply:
    bucket, large = _unfinished(world, key, call.file_id)
    parts = _checked_parts(world, large, call.part_sha1_array)
    length = sum(part.reply.content_length for part in parts)
    if length > world.config.max_file_size:
        raise bad_request(f"a large file has at most {world.config.max_file_size} bytes")
    name = large.version.file.file_name
    finished = Version(
        msgspec.structs.replace(
            large.version.file,
            action="upload",
            content_length=length,
            replication_status=replication_status_of(bucket.reply, name, _encryption_of(large.version)),
        ),
        large.version.serial,
        tuple(extent for part in parts for extent in part.extents),
        large.version.customer_key_md5,
    )
    world.replace_version(large.version, finished)
    world.drop_parts(bucket, call.file_id)
    world.tell("multipart_upload", finished)
    return readable(key, finished.file)


def _checked_parts(world: World, large: LargeUpload, claimed: tuple[str, ...]) -> list[Part]:
    """The parts in order, if they are 1 to n without a hole, as claimed, and big enough."""
    count = max(len(claimed), max(large.parts, default=0))
    missing = [number for number in range(1, count + 1) if number not in large.parts]
    if missing:
        raise bad_request(f"part number {missing[0]} has not been uploaded", "missing_part")
    parts = [large.parts[number] for number in range(1, count + 1)]
    found = [part.reply.content_sha1.removeprefix(UNVERIFIED) for part in parts]
    if [sha1.lower().removeprefix(UNVERIFIED) for sha1 in claimed] != found:
        raise bad_request("the SHA-1 checksums are not those of the parts", "part_sha1_mismatch")
    if count < world.config.minimum_part_count:
        raise bad_request(f"a large file has at least {world.config.minimum_part_count} parts")
    minimum = world.config.absolute_minimum_part_size
    if any(part.reply.content_length < minimum for part in parts[:-1]):
        raise bad_request(f"every part but the last has at least {minimum} bytes")
    return parts


def _cancel_large_file(world: World, key: Key, call: CancelLargeFile) -> CancelReply:
    bucket, large = _unfinished(world, key, call.file_id, f"Invalid fileId: {call.file_id}")
    world.drop_version(large.version)
    return CancelReply(world.account_id, bucket.reply.bucket_id, call.file_id, large.version.file.file_name)


def _list_parts(world: World, key: Key, call: ListParts) -> PartPage:
    _, large = _unfinished(world, key, call.file_id)
    count = world.page_size(call.max_part_count, default=DEFAULT_COUNT, maximum=MAX_LIST_COUNT)
    numbers = sorted(number for number in large.parts if number >= (call.start_part_number or 1))
    page = tuple(large.parts[number].reply for number in numbers[:count])
    return PartPage(page, numbers[count] if len(numbers) > count else None)


def _list_unfinished(world: World, key: Key, call: ListUnfinishedLargeFiles) -> UnfinishedPage:
    bucket = world.bucket(key, call.bucket_id)
    prefix = call.name_prefix or ""
    check_prefix(key, prefix)
    count = world.page_size(call.max_file_count, default=MAX_UNFINISHED_COUNT, maximum=MAX_UNFINISHED_COUNT)
    found: list[FileReply] = []
    for file_id in bucket.unfinished.irange(call.start_file_id):
        file = bucket.unfinished[file_id].version.file
        if not file.file_name.startswith(prefix):
            continue
        if len(found) == count:
            return UnfinishedPage(tuple(found), file_id)
        found.append(readable(key, file))
    return UnfinishedPage(tuple(found), None)


UPLOAD_HANDLERS: Final[Mapping[type[Call[Any]], Handler]] = {
    GetUploadUrl: _get_upload_url,
    GetUploadPartUrl: _get_upload_part_url,
    StartLargeFile: _start_large_file,
    CopyPart: _copy_part,
    FinishLargeFile: _finish_large_file,
    CancelLargeFile: _cancel_large_file,
    ListParts: _list_parts,
    ListUnfinishedLargeFiles: _list_unfinished,
}
