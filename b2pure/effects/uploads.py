"""Uploading one local file: in one call, or as a large file in parallel parts.

The file is pinned to what the plan saw of it: a reader that finds anything else fails with `LocalDrifted`. A large
file that cannot be finished is cancelled, so that no unfinished parts stay behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from returns.result import Failure, Result, Success

from b2pure.effects.effect import All, Emit, HashBody
from b2pure.effects.events import BytesMoved
from b2pure.effects.job import B2Side
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request, upload_request
from b2pure.model.calls import (
    HEX_DIGITS_AT_END,
    CancelLargeFile,
    FinishLargeFile,
    GetFileInfo,
    GetUploadPartUrl,
    GetUploadUrl,
    StartLargeFile,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import B2Error, Rejected, Transport
from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.limits import PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import PartReply
from b2pure.model.sources import LocalSlice
from b2pure.plan.actions import UploadAction
from b2pure.plan.failures import TooLarge, tell_failure
from b2pure.plan.listing import LARGE_FILE_SHA1, SRC_LAST_MODIFIED
from b2pure.plan.parts import part_ranges
from b2pure.plan.retry import RetryPolicy

__all__ = ["AUTO_CONTENT_TYPE", "PartPrograms", "finish_large_file", "upload", "upload_parts_of"]

AUTO_CONTENT_TYPE = "b2/x-auto"
"""B2 chooses the content type by the name's extension."""

PartPrograms = Iterator[Program[Result[PartReply, B2Error]]]
PartResults = tuple[Result[PartReply, B2Error] | None, ...]


def upload(action: UploadAction, dest: B2Side, retry: RetryPolicy) -> Program[Result[None, B2Error]]:
    """Make the local file a new version at the destination."""
    if action.parts is None:
        return (yield from _upload_small(action, dest, retry))
    return (yield from _upload_large(action, action.parts, dest, retry))


def _upload_small(action: UploadAction, dest: B2Side, retry: RetryPolicy) -> Program[Result[None, B2Error]]:
    call = UploadFile(
        file_name=dest.prefix + action.path,
        content_type=AUTO_CONTENT_TYPE,
        content_sha1=HEX_DIGITS_AT_END,
        file_info=_file_info(action.source),
        body=LocalSlice(action.path, ByteRange(0, action.source.size), action.source),
    )
    result = yield from upload_request(dest.bucket_id, GetUploadUrl(dest.bucket_id), call, retry)
    if not ok(result):
        return Failure(result.failure())
    yield from perform(Emit(BytesMoved(action.path, action.source.size)))
    return Success(None)


def _upload_large(
    action: UploadAction, sizes: PartSizes, dest: B2Side, retry: RetryPolicy
) -> Program[Result[None, B2Error]]:
    ranges = part_ranges(action.source.size, recommended=sizes.recommended, minimum=sizes.minimum)
    if isinstance(ranges, TooLarge):
        return Failure(Rejected(400, "bad_request", tell_failure(ranges)))
    whole = LocalSlice(action.path, ByteRange(0, action.source.size), action.source)
    digest = yield from perform(HashBody(whole))
    if not ok(digest):
        return Failure(digest.failure())
    info = {**_file_info(action.source), LARGE_FILE_SHA1: digest.unwrap()}
    start = StartLargeFile(dest.bucket_id, dest.prefix + action.path, AUTO_CONTENT_TYPE, info)
    started = yield from request(start, retry)
    if not ok(started):
        return Failure(started.failure())
    file_id = started.unwrap().file_id
    assert file_id is not None, "b2_start_large_file answers with an id"
    parts = upload_parts_of(action.path, action.source, ranges, file_id, retry)
    return (yield from finish_large_file(file_id, parts, retry))


def upload_parts_of(
    path: str, fact: LocalFact, ranges: tuple[ByteRange, ...], file_id: FileId, retry: RetryPolicy
) -> PartPrograms:
    """One program per part, made as it is asked for."""
    for number, byte_range in enumerate(ranges, start=1):
        yield _upload_part(
            UploadPart(number, HEX_DIGITS_AT_END, LocalSlice(path, byte_range, fact)), path, file_id, retry
        )


def _upload_part(
    call: UploadPart, path: str, file_id: FileId, retry: RetryPolicy
) -> Program[Result[PartReply, B2Error]]:
    result = yield from upload_request(file_id, GetUploadPartUrl(file_id), call, retry)
    if ok(result):
        yield from perform(Emit(BytesMoved(path, result.unwrap().content_length)))
    return result


def finish_large_file(file_id: FileId, parts: PartPrograms, retry: RetryPolicy) -> Program[Result[None, B2Error]]:
    """Run the parts in parallel and finish; cancel the large file if either fails."""
    results: PartResults = yield from perform(All(parts))
    digests = []
    for result in results:
        if result is None or not ok(result):
            yield from request(CancelLargeFile(file_id), retry)
            return Failure(_first_failure(results))
        digests.append(result.unwrap().content_sha1)
    finished = yield from request(FinishLargeFile(file_id, tuple(digests)), retry)
    if ok(finished):
        return Success(None)
    # A lost answer to a finish that worked looks like a refusal of the next one: ask what became of the file.
    info = yield from request(GetFileInfo(file_id), retry)
    if ok(info) and info.unwrap().action == "upload":
        return Success(None)
    yield from request(CancelLargeFile(file_id), retry)
    return Failure(finished.failure())


def _first_failure(results: PartResults) -> B2Error:
    failures = (result.failure() for result in results if result is not None and not ok(result))
    return next(failures, Transport("broken", "the parts were not all sent"))


def _file_info(fact: LocalFact) -> Mapping[str, str]:
    return {SRC_LAST_MODIFIED: str(fact.mod_time_millis)}
