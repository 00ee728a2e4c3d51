"""Copying one version from bucket to bucket on the server, with its modification time."""

from __future__ import annotations

from returns.result import Failure, Result

from b2pure.effects.effect import Emit
from b2pure.effects.events import BytesMoved
from b2pure.effects.job import B2Side
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request
from b2pure.effects.uploads import AUTO_CONTENT_TYPE, PartPrograms, finish_large_file
from b2pure.model.calls import CopyFile, CopyPart, GetFileInfo, StartLargeFile
from b2pure.model.errors import B2Error, Rejected
from b2pure.model.ids import FileId
from b2pure.model.limits import PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply, PartReply
from b2pure.plan.actions import CopyAction
from b2pure.plan.failures import TooLarge, tell_failure
from b2pure.plan.listing import SRC_LAST_MODIFIED
from b2pure.plan.parts import part_ranges
from b2pure.plan.retry import RetryPolicy

__all__ = ["copy"]


def copy(action: CopyAction, dest: B2Side, retry: RetryPolicy) -> Program[Result[None, B2Error]]:
    """Make the source version a new version at the destination."""
    if action.parts is None:
        result = yield from _copy_whole(action, dest, retry)
    else:
        result = yield from _copy_in_parts(action, action.parts, dest, retry)
    if ok(result):
        yield from perform(Emit(BytesMoved(action.path, action.source.size)))
    return result


def _copy_whole(action: CopyAction, dest: B2Side, retry: RetryPolicy) -> Program[Result[None, B2Error]]:
    source, name = action.source, dest.prefix + action.path
    call = CopyFile(source.file_id, name, destination_bucket_id=dest.bucket_id)
    if source.mod_time_millis == source.upload_timestamp:
        # The version may have no modification time of its own: without one, the copy would count as modified now.
        info = yield from request(GetFileInfo(source.file_id), retry)
        if not ok(info):
            return Failure(info.failure())
        call = CopyFile(
            source.file_id,
            name,
            destination_bucket_id=dest.bucket_id,
            metadata_directive="REPLACE",
            content_type=info.unwrap().content_type or AUTO_CONTENT_TYPE,
            file_info=_info_with_time(info.unwrap(), source.mod_time_millis),
        )
    return (yield from request(call, retry)).map(lambda _: None)


def _copy_in_parts(
    action: CopyAction, sizes: PartSizes, dest: B2Side, retry: RetryPolicy
) -> Program[Result[None, B2Error]]:
    source = action.source
    ranges = part_ranges(source.size, recommended=sizes.recommended, minimum=sizes.minimum)
    if isinstance(ranges, TooLarge):
        return Failure(Rejected(400, "bad_request", tell_failure(ranges)))
    info = yield from request(GetFileInfo(source.file_id), retry)
    if not ok(info):
        return Failure(info.failure())
    reply = info.unwrap()
    start = StartLargeFile(
        dest.bucket_id,
        dest.prefix + action.path,
        reply.content_type or AUTO_CONTENT_TYPE,
        _info_with_time(reply, source.mod_time_millis),
    )
    started = yield from request(start, retry)
    if not ok(started):
        return Failure(started.failure())
    file_id = started.unwrap().file_id
    assert file_id is not None, "b2_start_large_file answers with an id"
    return (yield from finish_large_file(file_id, _copy_parts(source.file_id, ranges, file_id, retry), retry))


def _copy_parts(source_id: FileId, ranges: tuple[ByteRange, ...], file_id: FileId, retry: RetryPolicy) -> PartPrograms:
    for number, byte_range in enumerate(ranges, start=1):
        yield _copy_part(CopyPart(source_id, file_id, number, byte_range.http()), retry)


def _copy_part(call: CopyPart, retry: RetryPolicy) -> Program[Result[PartReply, B2Error]]:
    return (yield from request(call, retry))


def _info_with_time(reply: FileReply, mod_time_millis: int) -> dict[str, str]:
    return {**reply.file_info, SRC_LAST_MODIFIED: str(mod_time_millis)}
