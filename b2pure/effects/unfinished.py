"""Looking for an unfinished large file to go on with, and taking it.

Rules. Which one it is is decided in `plan.resume`. It is taken before anything is sent to it (`plan.holds`): what was
known of it is asked for again when another job of the client left one meanwhile. What is all here is cut as an
unfinished file is (`plan.recut`), where that was begun with other parts. A part whose digest is still unknown is hashed
for that only if a candidate has one of its number and length.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve
from returns.result import Failure, Result, Success

from b2pure.effects.effect import HashBody, HashParts, StepHolds
from b2pure.effects.listings import newest_upload
from b2pure.effects.part_transfers import LargeFile, Whole
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request
from b2pure.model.calls import GetFileInfo, ListParts, ListUnfinishedLargeFiles
from b2pure.model.errors import B2Error, Rejected, Unauthorized
from b2pure.model.ids import BucketId, FileId
from b2pure.model.replies import FileReply, PartReply
from b2pure.model.sources import body_length, slice_body
from b2pure.plan.holds import Look, Take
from b2pure.plan.large_file import SendPart
from b2pure.plan.recut import cut_like
from b2pure.plan.resume import (
    Candidate,
    OtherParts,
    ResumeDecision,
    Wanted,
    choose_unfinished,
    metadata_objection,
    parts_to_hash,
    tell_stop,
    tell_verdict,
    with_digests,
)
from b2pure.plan.retry import RetryPolicy

__all__ = ["cut_otherwise", "decide", "find_unfinished", "list_parts", "take", "unfinished_files"]

Decided = Result[ResumeDecision, B2Error]


def cut_otherwise(
    job: LargeFile, whole: Whole, decided: Decided, retry: RetryPolicy
) -> Program[tuple[LargeFile, Decided]]:
    """The job, cut as an unfinished file that is the same but for its parts, and the decision for that; else as they
    are. All parts are hashed again then, which only is done where one was found.
    """
    for file_id in _cut_by_others(job, decided):
        found = yield from list_parts(file_id, retry)
        ranges = cut_like(body_length(whole.body), found.unwrap(), whole.minimum) if ok(found) else None
        if ranges is None or [each.length for each in ranges] == [part.length for part in job.parts or ()]:
            continue
        digests = yield from perform(HashParts(whole.body, ranges))
        if not ok(digests):
            break
        numbered = enumerate(zip(ranges, digests.unwrap().parts, strict=True), start=1)
        parts = tuple(SendPart(number, each, sha1) for number, (each, sha1) in numbered)
        other = evolve(job, parts=parts, body=whole.body)
        again = yield from decide(other, retry)
        if ok(again) and again.unwrap().file_id is not None:
            return other, again
    return job, decided


def _cut_by_others(job: LargeFile, decided: Decided) -> list[FileId]:
    """The files that may be the wanted one in other parts: the one that the caller named, or those that were found."""
    if not ok(decided):
        refused = isinstance(decided.failure(), Rejected)
        return [job.resume.file_id] if refused and job.resume.file_id is not None else []
    decision = decided.unwrap()
    if decision.file_id is not None:
        return []
    return [each.file_id for each in decision.verdicts if isinstance(each.why, OtherParts)]


def decide(job: LargeFile, retry: RetryPolicy) -> Program[Result[ResumeDecision, B2Error]]:
    """Which unfinished file to go on with, if any: it is taken."""
    wanted = job.wanted()
    if job.resume.file_id is not None:
        return (yield from _decide_by_hand(job, wanted, job.resume.file_id, retry))
    if not job.resume.auto:
        return Success(ResumeDecision(None))
    while True:
        held = yield from perform(StepHolds(Look()))
        decided = yield from _decide_by_looking(job, wanted, held.taken, retry)
        chosen = decided.unwrap().file_id if ok(decided) else None
        if chosen is None or (yield from take(job, chosen, held.left)):
            return decided


def _decide_by_looking(
    job: LargeFile, wanted: Wanted, taken: frozenset[FileId], retry: RetryPolicy
) -> Program[Result[ResumeDecision, B2Error]]:
    found = yield from find_unfinished(job.bucket_id, wanted, retry)
    if not ok(found):
        # Without listFiles nobody can look; that is no reason not to upload.
        return Success(ResumeDecision(None)) if _may_not_list(found.failure()) else Failure(found.failure())
    hashed = yield from _with_digests(job, wanted, found.unwrap())
    if not ok(hashed):
        return Failure(hashed.failure())
    known = hashed.unwrap()
    decision = choose_unfinished(known, found.unwrap(), None, taken)
    if decision.stop is not None:
        return Failure(Rejected(400, "bad_request", tell_stop(decision.stop)))
    if decision.file_id is None:
        return Success(decision)
    newest = yield from newest_upload(job.bucket_id, job.file_name, retry)
    return newest.map(lambda uploaded: choose_unfinished(known, found.unwrap(), uploaded, taken))


def _with_digests(job: LargeFile, wanted: Wanted, candidates: Iterable[Candidate]) -> Program[Result[Wanted, B2Error]]:
    """The same, with the digests of those parts that are to be compared and nobody hashed yet."""
    sha1s: dict[int, str] = {}
    for part in parts_to_hash(wanted, candidates):
        digest = yield from perform(HashBody(slice_body(job.body, part.range)))
        if not ok(digest):
            return Failure(digest.failure())
        sha1s[part.number] = digest.unwrap()
    return Success(with_digests(wanted, sha1s))


def take(job: LargeFile, file_id: FileId, left: int | None = None) -> Program[bool]:
    """Whether nobody else works on the file, or did since we looked, so that from now on we do."""
    held = yield from perform(StepHolds(Take(file_id, job.resume.callers, left)))
    return held.yours


def _decide_by_hand(
    job: LargeFile, wanted: Wanted, file_id: FileId, retry: RetryPolicy
) -> Program[Result[ResumeDecision, B2Error]]:
    held = yield from perform(StepHolds(Look()))
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
    decision = choose_unfinished(hashed.unwrap(), candidates, None, held.taken)
    if decision.file_id is None:
        return Failure(_no_way(file_id, tell_verdict(decision.verdicts[0])))
    if not (yield from take(job, file_id, held.left)):
        return (yield from _decide_by_hand(job, wanted, file_id, retry))  # it may be another by now
    return Success(decision)


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
