"""Looking for unfinished large files, and cancelling those that a plan names."""

from __future__ import annotations

from attrs import frozen
from returns.result import Failure, Result, Success

from b2pure.effects.program import Program, ok
from b2pure.effects.requests import request
from b2pure.effects.unfinished import list_parts, unfinished_files
from b2pure.model.calls import CancelLargeFile
from b2pure.model.errors import B2Error, Rejected
from b2pure.model.ids import BucketId
from b2pure.model.replies import PartReply
from b2pure.plan.cleanup import CleanupPlan, Unfinished, unfinished_of
from b2pure.plan.resume import Candidate
from b2pure.plan.retry import RetryPolicy

__all__ = ["CleanupReport", "clean_up", "look_for_unfinished"]


@frozen
class CleanupReport:
    """What was cancelled, what moved on since the plan was made (and was left alone), and what could not be done."""

    cancelled: tuple[Unfinished, ...]
    moved: tuple[Unfinished, ...]
    failed: tuple[tuple[Unfinished, B2Error], ...]


def look_for_unfinished(
    bucket_id: BucketId, prefix: str, retry: RetryPolicy
) -> Program[Result[tuple[Unfinished, ...], B2Error]]:
    """The unfinished large files below a prefix, with what they have."""
    listed = yield from unfinished_files(bucket_id, prefix, retry)
    if not ok(listed):
        return Failure(listed.failure())
    found: list[Unfinished] = []
    for file in listed.unwrap():
        assert file.file_id is not None, "an unfinished file has an id"
        parts = yield from list_parts(file.file_id, retry)
        if ok(parts):
            found.append(unfinished_of(Candidate(file, parts.unwrap())))
        elif not isinstance(parts.failure(), Rejected):  # which it is when the file was finished meanwhile
            return Failure(parts.failure())
    return Success(tuple(found))


def clean_up(plan: CleanupPlan, retry: RetryPolicy) -> Program[CleanupReport]:
    """Cancel what the plan names, unless a part arrived since."""
    cancelled: list[Unfinished] = []
    moved: list[Unfinished] = []
    failed: list[tuple[Unfinished, B2Error]] = []
    for file in plan.cancel:
        parts = yield from list_parts(file.file_id, retry)
        if ok(parts):
            if _moved_on(file, parts.unwrap()):
                moved.append(file)
                continue
            done = yield from request(CancelLargeFile(file.file_id), retry)
            error = None if ok(done) else done.failure()
        else:
            error = parts.failure()
        if error is None:
            cancelled.append(file)
        elif isinstance(error, Rejected):  # it was finished or cancelled by somebody else
            moved.append(file)
        else:
            failed.append((file, error))
    return CleanupReport(tuple(cancelled), tuple(moved), tuple(failed))


def _moved_on(file: Unfinished, parts: tuple[PartReply, ...]) -> bool:
    """Whether a part arrived since; in the millisecond of the last one, too."""
    bytes_ = sum(part.content_length for part in parts)
    later = any(part.upload_timestamp > file.last_activity for part in parts)
    return later or (len(parts), bytes_) != (file.parts, file.bytes)
