"""Downloading one version, or a range of it: to a temporary file, verified, then renamed over the old file.

What stood at the final name stays whole until the new content is whole and verified: size always, SHA-1 wherever B2 or
the uploader recorded one. What a killed run left is looked at and gone on with; what arrived corrupt is fetched once
more. How the bytes come is told in `fetching`.
"""

from __future__ import annotations

from typing import Final

from attrs import evolve
from returns.result import Failure, Result

from b2pure.effects.download_job import Download, Downloaded, Filled, Known, NamedFile, Work
from b2pure.effects.effect import (
    CrcTemp,
    CreateTemp,
    CutTemp,
    Discard,
    Draw,
    Emit,
    HashTemp,
    Keep,
    Publish,
    ReadTail,
    Sleep,
    Stat,
    Temp,
)
from b2pure.effects.events import BytesMoved
from b2pure.effects.fetching import fill_once
from b2pure.effects.program import Program, ok, perform
from b2pure.model.errors import B2Error, Corrupt, LocalFailure
from b2pure.model.files import FileVersion, LocalFact
from b2pure.model.limits import RECOMMENDED_PART_SIZE
from b2pure.model.protection import SseC
from b2pure.plan.actions import DownloadAction
from b2pure.plan.download import TAIL_SIZE, Found, Journal, Mark, came_already, read_journal
from b2pure.plan.resume import may_go_on_later
from b2pure.plan.retry import GiveUp, RetryAfter, RetryPolicy, RetryState, step_retry

__all__ = ["Download", "Downloaded", "Known", "NamedFile", "download", "download_file", "download_over"]


def download(
    action: DownloadAction,
    retry: RetryPolicy,
    streams: int,
    key: SseC | None = None,
    recommended: int = RECOMMENDED_PART_SIZE,
) -> Program[Result[None, B2Error]]:
    """Bring the version of a sync to the local path. On any failure the path is as it was."""
    source = action.source
    job = Download(
        action.path,
        action.path,
        source.file_id,
        _known_of(source),
        key=key,
        expect=action.expect,
        recommended=recommended,
        streams=streams,
    )
    return (yield from download_file(job, retry)).map(lambda _: None)


def _known_of(version: FileVersion) -> Known:
    return Known(version.file_id, version.size, version.sha1, version.mod_time_millis)


def download_file(job: Download, retry: RetryPolicy) -> Program[Filled]:
    """The file. On any failure what was at its path is as it was."""
    created = yield from perform(CreateTemp(job.path, job.resumes or job.alone))
    if not ok(created):
        return Failure(created.failure())
    temp = created.unwrap()
    filled, reusable = yield from _fill(job, temp, retry)
    if not ok(filled):
        error = filled.failure()
        later = reusable and may_go_on_later(error) and not isinstance(error, LocalFailure)
        yield from perform(Keep(temp) if later else Discard(temp))
        return filled
    got = filled.unwrap()
    mod_time = job.mod_time_millis if job.mod_time_millis is not None else got.version.mod_time_millis
    published = yield from perform(Publish(temp, mod_time, job.expect, got.length))
    if not ok(published) and not came_already(published.failure(), LocalFact(got.length, mod_time)):
        return Failure(published.failure())
    if got.pieces == 1 and not got.reused:  # others tell of each piece
        yield from perform(Emit(BytesMoved(job.label, got.length)))
    return filled


def download_over(job: Download, retry: RetryPolicy) -> Program[Filled]:
    """The file, over whatever is at its path when the download begins."""
    found = yield from perform(Stat(job.path))
    if not ok(found):
        return Failure(found.failure())
    return (yield from download_file(evolve(job, expect=found.unwrap(), alone=True), retry))


def _fill(job: Download, temp: Temp, retry: RetryPolicy) -> Program[tuple[Filled, bool]]:
    """The content into the temporary file, again from the start if it arrives corrupt; and whether a later run could
    use what is there after a failure.
    """
    state = RetryState()
    left, found = (yield from _left_over(job, temp)) if temp.kept else (None, _NOTHING)
    told = 0
    while True:
        work = Work(job, temp, retry, job.known, untold=told, told=told)
        result = yield from fill_once(work, left, found)
        told = work.told
        if ok(result) or not job.may_begin_anew or not isinstance(result.failure(), Corrupt):
            return result, work.journal is not None and bool(work.there)
        if job.resumes or job.in_place or job.rewinds:
            yield from perform(CutTemp(temp, 0))
        jitter = yield from perform(Draw())
        state, decision = step_retry(retry, state, result.failure(), "other", jitter)
        if isinstance(decision, GiveUp):
            return result, False
        if isinstance(decision, RetryAfter) and left is None:
            yield from perform(Sleep(decision.seconds))
        left = None


# -- what an earlier run left


_NOTHING: Final = Found(0, True, ())


def _left_over(job: Download, temp: Temp) -> Program[tuple[Journal | None, Found]]:
    """What is there already, and what the file itself shows of it; else it is emptied."""
    journal = None
    if job.resumes:
        read = yield from perform(ReadTail(temp, TAIL_SIZE))
        journal = read_journal(*read.unwrap()) if ok(read) else None
    wanted = job.file if isinstance(job.file, str) else None
    if journal is not None and wanted in (None, journal.file_id):
        return journal, (yield from _looked_at(temp, journal))
    yield from perform(CutTemp(temp, 0))
    return None, _NOTHING


def _looked_at(temp: Temp, journal: Journal) -> Program[Found]:
    right, all_right = 0, True
    for mark in sorted(journal.marks, key=lambda mark: mark.until):
        digest = yield from perform(HashTemp(temp, mark.until))
        all_right = ok(digest) and Mark.of(mark.until, digest.unwrap()) == mark
        if not all_right:
            yield from perform(HashTemp(temp, right))  # so that it goes on from there
            break
        right = mark.until
    by_crc = []
    for piece in journal.pieces:
        if piece.crc is not None:
            crc = yield from perform(CrcTemp(temp, piece.range))
            by_crc += [piece] if ok(crc) and crc.unwrap() == piece.crc else []
    return Found(right, all_right, tuple(by_crc))
