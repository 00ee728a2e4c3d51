"""Copying on the server: in one call, or as a large file whose parts are ranges of the source."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, field, frozen
from returns.result import Failure, Result

from b2pure.effects.effect import Emit
from b2pure.effects.events import BytesMoved
from b2pure.effects.job import B2Side
from b2pure.effects.large_files import LargeFile, Resume, make_large_file
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request
from b2pure.model.calls import CopyFile, GetFileInfo
from b2pure.model.errors import B2Error, Rejected
from b2pure.model.ids import BucketId, FileId
from b2pure.model.limits import PartSizes
from b2pure.model.new_file import LARGE_FILE_SHA1, PLAIN, PLAN_ID, SRC_LAST_MODIFIED, NewFile, with_room
from b2pure.model.protection import SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply
from b2pure.plan.actions import CopyAction
from b2pure.plan.failures import TooLarge, tell_failure
from b2pure.plan.large_file import copy_parts, copy_plan_id, read_with
from b2pure.plan.listing import content_sha1_of
from b2pure.plan.retry import RetryPolicy

__all__ = ["Copy", "copy", "copy_file"]


@frozen
class Copy:
    """A range of a version (None: all of it) becomes a file. It has the type and the info of its source, to which `new`
    adds; with `replace` the info of `new`, if it has any, takes the place of the source's. `parts` is None for one
    b2_copy_file, else the sizes for a large file. `mod_time_millis` is set where the source's info has no time.
    """

    label: str
    source: FileId
    bucket_id: BucketId
    file_name: str
    wanted: ByteRange | None = None
    new: NewFile = PLAIN
    replace: bool = False
    mod_time_millis: int | None = None
    parts: PartSizes | None = None
    source_encryption: SseC | None = None
    resume: Resume = field(factory=Resume)


def copy(
    action: CopyAction, dest: B2Side, retry: RetryPolicy, new: NewFile = PLAIN, source_key: SseC | None = None
) -> Program[Result[None, B2Error]]:
    """Make the source version a new version at the destination of a sync. What `new` says of type and info is added
    to what the source has.
    """
    source = action.source
    # The version may have no modification time of its own: without one, the copy would count as modified now.
    untimed = source.mod_time_millis == source.upload_timestamp
    job = Copy(
        action.path,
        source.file_id,
        dest.bucket_id,
        dest.prefix + action.path,
        ByteRange(0, source.size) if action.parts is not None else None,
        new,
        mod_time_millis=source.mod_time_millis if untimed else None,
        parts=action.parts,
        source_encryption=source_key,
        resume=Resume(cancel_others=True),
    )
    return (yield from copy_file(job, retry)).map(lambda _: None)


def copy_file(job: Copy, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    """The new file."""
    if job.parts is None and job.new.custom_upload_timestamp is not None:
        return Failure(Rejected(400, "bad_request", "a copy in one call takes no upload timestamp of its own"))
    if not _is_verbatim(job):
        info = yield from request(GetFileInfo(job.source), retry)
        if not ok(info):
            return Failure(info.failure())
        job = _with_info_of(info.unwrap(), job)
    if job.parts is None:
        copied = yield from request(_one_call(job), retry)
        if ok(copied):
            yield from perform(Emit(BytesMoved(job.label, copied.unwrap().content_length)))
        return copied
    assert job.wanted is not None, "what is copied in parts has a range"
    parts = copy_parts(job.source, job.wanted, job.parts)
    if isinstance(parts, TooLarge):
        return Failure(Rejected(400, "bad_request", tell_failure(parts)))
    info_pairs = with_room({**job.new.info(), PLAN_ID: copy_plan_id(parts)}, LARGE_FILE_SHA1, PLAN_ID)
    key = job.source_encryption
    large = LargeFile(
        job.label,
        job.bucket_id,
        job.file_name,
        info_pairs,
        job.new,
        read_with(parts, key.customer_key_md5 if key is not None else None),
        keys={key.customer_key_md5: key} if key is not None else {},
        resume=job.resume,
    )
    return (yield from make_large_file(large, retry))


def _is_verbatim(job: Copy) -> bool:
    """Whether the whole source is copied in one call, with the type and the info that it has."""
    changed = job.replace or job.mod_time_millis is not None or job.new.describes
    return not changed and job.wanted is None and job.parts is None


def _one_call(job: Copy) -> CopyFile:
    new = job.new
    return CopyFile(
        job.source,
        job.file_name,
        destination_bucket_id=job.bucket_id,
        range=job.wanted.http() if job.wanted is not None else None,
        metadata_directive="REPLACE" if job.replace else "COPY",
        content_type=new.content_type if job.replace else None,
        file_info=new.info() if job.replace else None,
        file_retention=new.retention,
        legal_hold=new.legal_hold,
        source_server_side_encryption=job.source_encryption,
        destination_server_side_encryption=new.encryption,
    )


def _with_info_of(source: FileReply, job: Copy) -> Copy:
    """The copy with its type and info spelled out, the time of the source where it has none of its own, and without
    a digest that is not that of the range.
    """
    info: dict[str, str] = dict(source.file_info)
    whole = job.wanted is None or job.wanted == ByteRange(0, source.content_length)
    if job.mod_time_millis is not None:
        info.setdefault(SRC_LAST_MODIFIED, str(job.mod_time_millis))
    info.pop(PLAN_ID, None)
    info.pop(LARGE_FILE_SHA1, None)
    if job.replace and job.new.info():
        info = {}
    if whole and (job.parts is not None or source.content_sha1 == "none"):
        info = {**_digest(source), **info}
    return evolve(job, new=job.new.over(source.content_type, info), replace=True)


def _digest(source: FileReply) -> Mapping[str, str]:
    """What a download of the large copy can be verified by, where anybody knows it."""
    known = content_sha1_of(source.content_sha1, source.file_info)
    return {LARGE_FILE_SHA1: known} if known is not None else {}
