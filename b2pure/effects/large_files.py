"""Making a large file: go on with an unfinished one or start one, send and copy its parts side by side, finish it.

Rules. Which unfinished file is gone on with is decided in `plan.resume`. A part whose digest is still unknown is hashed
for that only if a candidate has one of its number and length. A part that B2 has already is not sent again;
only of a file that nothing is missing of, and that has a customer's key, the last one is, because B2 tells nobody which
key that is, but checks it with every part.
When it cannot be finished, the file stays as it is if the same job could go on with it later, and is cancelled if not.
One that the caller named, or was told of, is never cancelled: it is the caller's.
Whoever else finished the very file that we went on with did our work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from attrs import evolve
from returns.result import Failure, Result, Success

from b2pure.effects.effect import All, Emit, HashBody
from b2pure.effects.events import LargeFileBegun
from b2pure.effects.listings import newest_upload
from b2pure.effects.part_transfers import LargeFile, PartResult, Resume, transfer_part
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request, request_in_doubt
from b2pure.model.calls import (
    CancelLargeFile,
    FinishLargeFile,
    GetFileInfo,
    ListParts,
    ListUnfinishedLargeFiles,
    StartLargeFile,
)
from b2pure.model.errors import B2Error, Rejected, Transport, Unauthorized
from b2pure.model.ids import BucketId, FileId
from b2pure.model.new_file import LARGE_FILE_SHA1
from b2pure.model.replies import FileReply, PartReply
from b2pure.model.sources import slice_body
from b2pure.plan.large_file import Part, is_unhashed
from b2pure.plan.resume import (
    Candidate,
    ResumeDecision,
    Taken,
    Wanted,
    choose_unfinished,
    may_go_on_later,
    metadata_objection,
    tell_stop,
    tell_verdict,
    twins_of,
)
from b2pure.plan.retry import RetryPolicy

__all__ = [
    "LargeFile",
    "PartResult",
    "Resume",
    "begin_large_file",
    "decide",
    "find_unfinished",
    "finish_large_file",
    "first_failure",
    "give_up",
    "list_parts",
    "make_large_file",
    "unfinished_files",
]

R = TypeVar("R")

_GONE: Final = "not_found"


def make_large_file(job: LargeFile, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    """The finished file."""
    decision = yield from decide(job, retry)
    if not ok(decision):
        return Failure(decision.failure())
    chosen = decision.unwrap()
    result = yield from _make(job, chosen, retry)
    by_itself = chosen.file_id is not None and job.resume.file_id is None
    if not ok(result) and by_itself and (_is_gone(result.failure()) or _may_be_wrong_key(job, result.failure())):
        result = yield from _make(job, ResumeDecision(None, {}, chosen.verdicts), retry)
    return result


def decide(job: LargeFile, retry: RetryPolicy) -> Program[Result[ResumeDecision, B2Error]]:
    """Which unfinished file to go on with, if any."""
    wanted = job.wanted()
    if job.resume.file_id is not None:
        return (yield from _decide_by_hand(job, wanted, job.resume.file_id, retry))
    if not job.resume.auto:
        return Success(ResumeDecision(None))
    found = yield from find_unfinished(job.bucket_id, wanted, retry)
    if not ok(found):
        # Without listFiles nobody can look; that is no reason not to upload.
        return Success(ResumeDecision(None)) if _may_not_list(found.failure()) else Failure(found.failure())
    hashed = yield from _with_digests(job, wanted, found.unwrap())
    if not ok(hashed):
        return Failure(hashed.failure())
    wanted = hashed.unwrap()
    decision = choose_unfinished(wanted, found.unwrap())
    if decision.stop is not None:
        return Failure(Rejected(400, "bad_request", tell_stop(decision.stop)))
    if decision.file_id is None:
        return Success(decision)
    newest = yield from newest_upload(job.bucket_id, job.file_name, retry)
    return newest.map(lambda uploaded: choose_unfinished(wanted, found.unwrap(), uploaded))


def _decide_by_hand(
    job: LargeFile, wanted: Wanted, file_id: FileId, retry: RetryPolicy
) -> Program[Result[ResumeDecision, B2Error]]:
    info = yield from request(GetFileInfo(file_id), retry)
    if not ok(info):
        return Failure(info.failure())
    file = info.unwrap()
    if file.bucket_id != job.bucket_id:
        return Failure(_no_way(file_id, "it is in another bucket"))
    if file.action != "start":
        return Failure(_no_way(file_id, f"it is no unfinished large file, its action is {file.action!r}"))
    parts = yield from list_parts(file_id, retry)
    if not ok(parts):
        return Failure(parts.failure())
    candidates = (Candidate(file, parts.unwrap()),)
    hashed = yield from _with_digests(job, wanted, candidates)
    if not ok(hashed):
        return Failure(hashed.failure())
    decision = choose_unfinished(hashed.unwrap(), candidates)
    if decision.file_id is None:
        return Failure(_no_way(file_id, tell_verdict(decision.verdicts[0])))
    return Success(decision)


def _with_digests(job: LargeFile, wanted: Wanted, candidates: Iterable[Candidate]) -> Program[Result[Wanted, B2Error]]:
    """The same, with the digests of those parts that a candidate has and nobody hashed yet."""
    if job.parts is None:
        return Success(wanted)
    there = {(part.part_number, part.content_length) for each in candidates for part in each.parts}
    parts: list[Part] = []
    for part in job.parts:
        if is_unhashed(part) and (part.number, part.length) in there:
            digest = yield from perform(HashBody(slice_body(job.body, part.range)))
            if not ok(digest):
                return Failure(digest.failure())
            part = evolve(part, sha1=digest.unwrap())
        parts.append(part)
    return Success(evolve(wanted, parts=tuple(parts)))


def _no_way(file_id: FileId, why: str) -> Rejected:
    return Rejected(400, "bad_request", f"the upload cannot go on with the large file {file_id}: {why}")


def _may_not_list(error: B2Error) -> bool:
    return isinstance(error, Unauthorized) and error.code == "unauthorized"


def find_unfinished(
    bucket_id: BucketId, wanted: Wanted, retry: RetryPolicy
) -> Program[Result[tuple[Candidate, ...], B2Error]]:
    """The unfinished files of the wanted name, with the parts of those that could be gone on with."""
    listed = yield from unfinished_files(bucket_id, wanted.file_name, retry)
    if not ok(listed):
        return Failure(listed.failure())
    found: list[Candidate] = []
    for file in listed.unwrap():
        if file.file_name != wanted.file_name or file.file_id is None:
            continue
        if metadata_objection(wanted, file) is not None:
            found.append(Candidate(file))
            continue
        parts = yield from list_parts(file.file_id, retry)
        if ok(parts):
            found.append(Candidate(file, parts.unwrap()))
        elif not isinstance(parts.failure(), Rejected):  # which it is when the file was finished meanwhile
            return Failure(parts.failure())
    return Success(tuple(found))


def unfinished_files(
    bucket_id: BucketId, prefix: str, retry: RetryPolicy
) -> Program[Result[tuple[FileReply, ...], B2Error]]:
    """All unfinished large files whose names start with the prefix."""
    found: list[FileReply] = []
    start: FileId | None = None
    while True:
        page = yield from request(ListUnfinishedLargeFiles(bucket_id, prefix or None, start, 100), retry)
        if not ok(page):
            return Failure(page.failure())
        found.extend(page.unwrap().files)
        start = page.unwrap().next_file_id
        if start is None:
            return Success(tuple(found))


def list_parts(file_id: FileId, retry: RetryPolicy) -> Program[Result[tuple[PartReply, ...], B2Error]]:
    """The parts that B2 has of an unfinished large file."""
    found: list[PartReply] = []
    start: int | None = None
    while True:
        page = yield from request(ListParts(file_id, start, 1000), retry)
        if not ok(page):
            return Failure(page.failure())
        found.extend(page.unwrap().parts)
        start = page.unwrap().next_part_number
        if start is None:
            return Success(tuple(found))


def _make(job: LargeFile, decision: ResumeDecision, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    decision = _with_proof_of_key(job, decision)
    begun = yield from _begin(job, decision, retry)
    if not ok(begun):
        return Failure(begun.failure())
    file_id, in_doubt = begun.unwrap()
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
    """The unfinished file that was decided for, or a new one."""
    begun = yield from _begin(job, decision, retry)
    return begun.map(lambda found: found[0])


def _begin(
    job: LargeFile, decision: ResumeDecision, retry: RetryPolicy
) -> Program[Result[tuple[FileId, bool], B2Error]]:
    """The file, and whether an attempt whose answer was lost may have started another one."""
    file_id, in_doubt = decision.file_id, False
    if file_id is None:
        started, in_doubt = yield from request_in_doubt(_start(job), retry)
        if not ok(started):
            return Failure(started.failure())
        file_id = started.unwrap().file_id
        assert file_id is not None, "b2_start_large_file answers with an id"
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
    if not (job.resume.callers or (job.resume.keep and may_go_on_later(error))):
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
    for other in dict.fromkeys(others):
        cancelled = yield from request(CancelLargeFile(other), retry)
        if not ok(cancelled) and not _is_no_more(cancelled.failure()):
            return Failure(cancelled.failure())
    return Success(None)


def first_failure(results: tuple[Result[R, B2Error] | None, ...]) -> B2Error:
    """Why not all of them are successes."""
    failures = (result.failure() for result in results if result is not None and not ok(result))
    return next(failures, Transport("broken", "the parts were not all sent"))
