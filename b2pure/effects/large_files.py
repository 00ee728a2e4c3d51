"""Making a large file: go on with an unfinished one or start one, send and copy its parts side by side, finish it.

Rules. Which unfinished file is gone on with is found out in `unfinished`. A part that B2 has already is not sent again;
only of a file that nothing is missing of, and that has a customer's key, the last one is, because B2 tells nobody which
key that is, but checks it with every part.
When it cannot be finished, the file stays as it is if the same job could go on with it later, and is cancelled if not.
One that the caller named, or was told of, is never cancelled: it is the caller's.
A file is taken before anything is sent to it (`plan.holds`), so that no two programs of a client share one.
Whoever else finished the very file that we went on with did our work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from attrs import evolve
from returns.result import Failure, Result, Success

from b2pure.effects.effect import All, Emit, StepHolds
from b2pure.effects.events import LargeFileBegun
from b2pure.effects.part_transfers import LargeFile, PartResult, Resume, transfer_part
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request, request_in_doubt
from b2pure.effects.unfinished import cut_otherwise, decide, find_unfinished, take
from b2pure.model.calls import (
    CancelLargeFile,
    FinishLargeFile,
    GetFileInfo,
    StartLargeFile,
)
from b2pure.model.errors import B2Error, Rejected, Transport
from b2pure.model.ids import FileId
from b2pure.model.new_file import LARGE_FILE_SHA1
from b2pure.model.replies import FileReply
from b2pure.plan.holds import Leave, Look
from b2pure.plan.large_file import Part
from b2pure.plan.resume import (
    ResumeDecision,
    Taken,
    may_go_on_later,
    twins_of,
)
from b2pure.plan.retry import RetryPolicy

__all__ = [
    "LargeFile",
    "PartResult",
    "Resume",
    "begin_large_file",
    "finish_large_file",
    "first_failure",
    "give_up",
    "make_large_file",
    "until_done",
]

R = TypeVar("R")

_GONE: Final = "not_found"


def make_large_file(job: LargeFile, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    """The finished file."""
    decision = yield from decide(job, retry)
    if job.whole is not None:
        job, decision = yield from cut_otherwise(job, job.whole, decision, retry)
    if not ok(decision):
        return Failure(decision.failure())
    chosen = decision.unwrap()
    result = yield from _make(job, chosen, retry)
    by_itself = chosen.file_id is not None and job.resume.file_id is None
    if not ok(result) and by_itself and (_is_gone(result.failure()) or _may_be_wrong_key(job, result.failure())):
        result = yield from _make(job, ResumeDecision(None, {}, chosen.verdicts), retry)
    return result


def until_done(file_id: FileId, work: Program[Result[R, B2Error]]) -> Program[Result[R, B2Error]]:
    """Do the work on a file that was taken, and leave it."""
    result = yield from work
    yield from perform(StepHolds(Leave(file_id, finished=ok(result))))
    return result


def _make(job: LargeFile, decision: ResumeDecision, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    decision = _with_proof_of_key(job, decision)
    begun = yield from _begin(job, decision, retry)
    if not ok(begun):
        return Failure(begun.failure())
    file_id, in_doubt = begun.unwrap()
    return (yield from until_done(file_id, _bring_all(job, file_id, decision, in_doubt, retry)))


def _bring_all(
    job: LargeFile, file_id: FileId, decision: ResumeDecision, in_doubt: bool, retry: RetryPolicy
) -> Program[Result[FileReply, B2Error]]:
    missing = [part for part in job.parts or () if part.number not in decision.finished]
    results: tuple[PartResult | None, ...] = yield from perform(All(_programs(job, file_id, missing, retry)))
    digests = dict(decision.finished)
    for part, result in zip(missing, results, strict=False):
        if result is None or not ok(result):
            error = first_failure(results)
            if decision.file_id is not None and _may_be_wrong_key(job, error):
                return Failure(error)  # the file is somebody else's, who may go on with it
            return (yield from give_up(job, file_id, error, retry))
        digests[part.number] = result.unwrap().content_sha1
    if job.resume.cancel_others:
        cancelled = yield from _cancel_others(job, file_id, decision, in_doubt, retry)
        if not ok(cancelled):
            return Failure(cancelled.failure())
    return (yield from finish_large_file(job, file_id, digests, retry))


def _with_proof_of_key(job: LargeFile, decision: ResumeDecision) -> ResumeDecision:
    """The decision, with a part left to send where the file has a customer's key: a wrong one is found out by it."""
    numbers = [part.number for part in job.parts or ()]
    if job.part_encryption is None or not numbers or len(decision.finished) < len(numbers):
        return decision
    return evolve(decision, finished={n: sha1 for n, sha1 in decision.finished.items() if n != numbers[-1]})


def _may_be_wrong_key(job: LargeFile, error: B2Error) -> bool:
    """Whether a file that was gone on with may have another customer's key."""
    return job.part_encryption is not None and isinstance(error, Rejected) and error.status in (400, 403)


def begin_large_file(job: LargeFile, decision: ResumeDecision, retry: RetryPolicy) -> Program[Result[FileId, B2Error]]:
    """The unfinished file that was decided for, or a new one; it is taken."""
    begun = yield from _begin(job, decision, retry)
    return begun.map(lambda found: found[0])


def _begin(
    job: LargeFile, decision: ResumeDecision, retry: RetryPolicy
) -> Program[Result[tuple[FileId, bool], B2Error]]:
    """The file, and whether an attempt whose answer was lost may have started another one. One that was listed and
    taken by an equal job before we knew of it is left to that job.
    """
    file_id, in_doubt = decision.file_id, False
    while file_id is None:
        started, twice = yield from request_in_doubt(_start(job), retry)
        if not ok(started):
            return Failure(started.failure())
        in_doubt = in_doubt or twice
        new = started.unwrap().file_id
        assert new is not None, "b2_start_large_file answers with an id"
        file_id = new if (yield from take(job, new)) else None
    reused = sum(part.length for part in job.parts or () if part.number in decision.finished)
    yield from perform(Emit(LargeFileBegun(job.label, file_id, decision, reused)))
    return Success((file_id, in_doubt))


def finish_large_file(
    job: LargeFile, file_id: FileId, digests: Mapping[int, str], retry: RetryPolicy
) -> Program[Result[FileReply, B2Error]]:
    """Make one file of the parts, whose digests are given by number."""
    finished = yield from request(FinishLargeFile(file_id, tuple(digests[n] for n in sorted(digests))), retry)
    if not ok(finished):
        return (yield from give_up(job, file_id, finished.failure(), retry))
    return finished


def give_up(job: LargeFile, file_id: FileId, error: B2Error, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    """The failure, with the file left for the caller whose it is, or for a later run that can go on with it, or
    cancelled. Whoever else finished it meanwhile (by going on with it) did our work, if it is the content
    that we were about to send.
    """
    if isinstance(error, Rejected):
        info = yield from request(GetFileInfo(file_id), retry)
        if ok(info) and info.unwrap().action == "upload":
            if _is_ours(job, info.unwrap()):
                return info
            return Failure(Rejected(400, "bad_request", f"somebody else made another file of {file_id}"))
        if not ok(info) and isinstance(info.failure(), Rejected):
            return Failure(Rejected(404, _GONE, f"the large file {file_id} is gone: somebody cancelled it"))
    held = yield from perform(StepHolds(Look()))
    callers = job.resume.callers or file_id in held.callers
    if not (callers or (job.resume.keep and may_go_on_later(error))):
        yield from request(CancelLargeFile(file_id), retry)
    return Failure(error)


def _is_ours(job: LargeFile, found: FileReply) -> bool:
    """Whether the finished file has our content, for all that B2 tells of it."""
    told, known = found.file_info.get(LARGE_FILE_SHA1), job.info.get(LARGE_FILE_SHA1)
    if job.parts is None:
        return known is not None and told == known
    return found.content_length == sum(part.length for part in job.parts) and (None in (told, known) or told == known)


def _is_no_more(error: B2Error) -> bool:
    """Whether B2 says that there is nothing to cancel: somebody else finished or cancelled it."""
    return isinstance(error, Rejected) and error.status in (400, 404)


def _is_gone(error: B2Error) -> bool:
    return isinstance(error, Rejected) and (error.status, error.code) == (404, _GONE)


def _start(job: LargeFile) -> StartLargeFile:
    new = job.new
    return StartLargeFile(
        job.bucket_id,
        job.file_name,
        new.content_type,
        job.info,
        new.retention,
        new.legal_hold,
        new.encryption,
        new.custom_upload_timestamp,
    )


def _programs(job: LargeFile, file_id: FileId, parts: list[Part], retry: RetryPolicy) -> Iterator[Program[PartResult]]:
    """One program per part, made as it is asked for."""
    for part in parts:
        yield transfer_part(job, file_id, part, retry)


def _cancel_others(
    job: LargeFile, file_id: FileId, decision: ResumeDecision, in_doubt: bool, retry: RetryPolicy
) -> Program[Result[None, B2Error]]:
    """Cancel what earlier runs left of the name, and what this one may have started without hearing of it."""
    others = [verdict.file_id for verdict in decision.verdicts if not isinstance(verdict.why, Taken)]
    if in_doubt:
        found = yield from find_unfinished(job.bucket_id, job.wanted(), retry)
        if not ok(found):
            return Failure(found.failure())
        others += twins_of(job.wanted(), file_id, found.unwrap())
    held = yield from perform(StepHolds(Look()))
    for other in filter(held.may_cancel, dict.fromkeys(others)):
        cancelled = yield from request(CancelLargeFile(other), retry)
        if not ok(cancelled) and not _is_no_more(cancelled.failure()):
            return Failure(cancelled.failure())
    return Success(None)


def first_failure(results: tuple[Result[R, B2Error] | None, ...]) -> B2Error:
    """Why not all of them are successes."""
    failures = (result.failure() for result in results if result is not None and not ok(result))
    return next(failures, Transport("broken", "the parts were not all sent"))
