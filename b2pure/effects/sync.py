"""Doing what a plan says: one path after its stages, a chunk of paths after one look at the destination.

Rules. The stages of a path run in order; a failure ends the path, never the sync. Before a chunk runs, the
destination's newest versions are looked up again (one call for the whole chunk): in `apply` mode a path that moved is
reported and left alone, in `sync` mode it is planned again from what is there now. Once another writer has been seen
at the destination, every path is looked up by itself just before it runs, so that two syncs do not do the same work.
An action that is handed over is done by whoever runs the job, when all of this has been looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from returns.result import Failure, Result, Success

from b2pure.effects.copies import copy
from b2pure.effects.downloads import download
from b2pure.effects.effect import All, DeleteLocal, Draw, Emit, HandOver, Stat, StepCrowd
from b2pure.effects.events import PathDone, PathStarted
from b2pure.effects.job import B2Side, Job
from b2pure.effects.listings import fresh_versions
from b2pure.effects.outcomes import Conflict, Done, Drifted, Failed, Outcome, Skipped, Superseded
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request
from b2pure.effects.uploads import upload
from b2pure.model.calls import DeleteFileVersion, HideFile
from b2pure.model.errors import B2Error, LocalDrifted, LocalFailure, Rejected, show_fact
from b2pure.model.files import B2Path, LocalPath, SkippedPath
from b2pure.plan.actions import (
    CopyAction,
    DeleteAction,
    DownloadAction,
    FileSync,
    HideAction,
    LocalDeleteAction,
    SyncAction,
    UploadAction,
)
from b2pure.plan.drift import Drift, appeared, dest_drift, left_alone, source_drift, touches_b2_dest
from b2pure.plan.merge import Item
from b2pure.plan.reasons import DestNewer, SourceMissing
from b2pure.plan.retry import RetryPolicy

__all__ = ["has_folder", "idle_outcome", "look", "run_action", "run_chunk", "run_file_sync"]

_A_FOLDER = "is a folder"
"""How both disks answer when they are asked for the fact of a folder."""

_IS_HIDDEN = ("already_hidden", "no_such_file", "file_not_present")
_IS_GONE = ("file_not_present", "not_found")
"""Codes of refusals: it is so already."""

_MAX_PLANS = 3
"""How often one path is planned again in one run before a world that keeps moving is called drifted."""


def run_chunk(job: Job, chunk: Sequence[FileSync]) -> Program[tuple[Outcome, ...]]:
    """Run the paths of a chunk (in order of names), after one look at what the destination has of them now."""
    outcomes: list[Outcome] = []
    facts = yield from _dest_facts(job, [sync.path for sync in chunk if touches_b2_dest(sync)])
    crowded = yield from perform(StepCrowd(ok(facts) and not job.told and _moved(chunk, facts.unwrap())))
    # Another sync that took the same names begins elsewhere among them.
    first = int((yield from perform(Draw())) * len(chunk))
    for sync in (*chunk[first:], *chunk[:first]):
        yield from perform(Emit(PathStarted(sync.path)))
        if crowded and touches_b2_dest(sync):
            facts = yield from _dest_facts(job, [sync.path])
        outcome = yield from _run_checked(job, sync, facts)
        yield from perform(Emit(PathDone(outcome)))
        outcomes.append(outcome)
    return tuple(outcomes)


def idle_outcome(sync: FileSync) -> Outcome:
    """How a path ends for which there is nothing to do."""
    return Conflict(sync) if isinstance(sync.reason, DestNewer) else Skipped(sync)


def _moved(chunk: Sequence[FileSync], facts: dict[str, B2Path]) -> bool:
    return any(dest_drift(sync, facts.get(sync.path)) is not None for sync in chunk)


def _dest_facts(job: Job, paths: list[str]) -> Program[Result[dict[str, B2Path], B2Error]]:
    if job.dest is None or job.told or not paths:
        return Success({})
    return (yield from fresh_versions(job.dest, paths, job.retry))


def _run_checked(job: Job, sync: FileSync, facts: Result[dict[str, B2Path], B2Error]) -> Program[Outcome]:
    if not sync.stages:
        return idle_outcome(sync)
    if not ok(facts):
        return Failed(sync, sync.stages[0][0], facts.failure(), ())
    drift = None if job.told else dest_drift(sync, facts.unwrap().get(sync.path))
    if drift is None:
        moved = yield from _source_drift(job, sync)
        if not ok(moved):
            return Failed(sync, sync.stages[0][0], moved.failure(), ())
        drift = moved.unwrap()
    outcome: Outcome
    if drift is None:
        outcome = yield from run_file_sync(job, sync)
    else:
        outcome = _drifted(sync, drift)
    for _ in range(_MAX_PLANS):
        if job.mode == "apply" or job.told or not isinstance(outcome, Drifted):
            break
        outcome = yield from _again(job, outcome)
    return outcome


def _source_drift(job: Job, sync: FileSync) -> Program[Result[Drift | None, B2Error]]:
    """A local source is looked at before anything is removed because it was missing there; a source in a bucket only
    for a plan that was kept. What an upload sends is compared as it is read. A source that somebody tells says itself
    what is missing.
    """
    removes = isinstance(sync.reason, SourceMissing) and not job.source_told
    if (job.source is None and not removes) or (job.source is not None and job.mode == "sync"):
        return Success(None)
    found = yield from look(job, job.source, sync.path)
    if not ok(found):
        return Failure(found.failure())
    now = found.unwrap()
    assert not isinstance(now, SkippedPath), "a look finds a file or nothing"
    gone = None if isinstance(now, LocalPath) or job.source is None else source_drift(sync, now)
    scan = job.rules.scanner
    # A filter that makes what is there count as missing made this decision; then there is nothing to notice.
    decided_by_filter = job.rules.policy.filter_sides == "source" or (job.source is not None and scan.filters_times)
    return Success(gone or (None if decided_by_filter else appeared(sync, now)))


def _again(job: Job, drifted: Drifted) -> Program[Outcome]:
    """Look at both sides of the path again and do what is to be done now."""
    path = drifted.sync.path
    source = yield from look(job, job.source, path)
    if not ok(source):
        return Failed(drifted.sync, drifted.sync.stages[0][0], source.failure(), ())
    if source.unwrap() is None and job.source is None and job.source_told:
        # Only who told the file can say that it was removed; a backup must not go for a file that was not found.
        missing = LocalFailure("read", path, "it was told to be there, and is not")
        return Failed(drifted.sync, drifted.sync.stages[0][0], missing, ())
    if job.source is None and left_alone(drifted.sync, source.unwrap()):
        return drifted
    dest = yield from look(job, job.dest, path)
    if not ok(dest):
        return Failed(drifted.sync, drifted.sync.stages[0][0], dest.failure(), ())
    sync = job.rules.file(path, source.unwrap(), dest.unwrap())
    if sync.stages:
        return (yield from run_file_sync(job, sync))
    return Conflict(sync) if isinstance(sync.reason, DestNewer) else Superseded(sync)


def look(job: Job, side: B2Side | None, path: str) -> Program[Result[Item | None, B2Error]]:
    """What a side has of one path now; None as a side is the local folder."""
    if side is not None:
        found = yield from fresh_versions(side, [path], job.retry)
        return found.map(lambda paths: paths.get(path))
    fact = yield from perform(Stat(path))
    if not ok(fact):
        error = fact.failure()
        # Where a folder is, a scan finds no file of that name, so a second look must not stumble over it.
        return Success(None) if error.detail == _A_FOLDER else Failure(error)
    seen = fact.unwrap()
    return Success(None if seen is None else LocalPath(path, seen.size, seen.mod_time_millis))


def has_folder(path: str) -> Program[bool]:
    """Whether the local side has a folder of that name."""
    fact = yield from perform(Stat(path))
    if ok(fact):
        return False
    return fact.failure().detail == _A_FOLDER


def _drifted(sync: FileSync, drift: Drift) -> Drifted:
    return Drifted(sync, drift.expected, drift.found)


def run_file_sync(job: Job, sync: FileSync) -> Program[Outcome]:
    """The stages of one path, in order. A failure keeps the later stages from running."""
    completed: list[SyncAction] = []
    for stage in sync.stages:
        if len(stage) == 1:
            results: tuple[Result[None, B2Error] | None, ...] = ((yield from run_action(job, stage[0])),)
        else:
            results = yield from perform(All(_programs(job, stage)))
        failure: tuple[SyncAction, B2Error] | None = None
        for action, result in zip(stage, results, strict=True):
            if result is not None and ok(result):
                completed.append(action)
            elif result is not None and failure is None:
                failure = (action, result.failure())
        if failure is not None:
            return _failed(sync, failure, tuple(completed))
    return Done(sync)


def _programs(job: Job, stage: tuple[SyncAction, ...]) -> Iterator[Program[Result[None, B2Error]]]:
    for action in stage:
        yield run_action(job, action)


def _failed(sync: FileSync, failure: tuple[SyncAction, B2Error], completed: tuple[SyncAction, ...]) -> Outcome:
    action, error = failure
    if isinstance(error, LocalDrifted):
        return Drifted(sync, show_fact(error.expected), show_fact(error.found))
    return Failed(sync, action, error, completed)


def run_action(job: Job, action: SyncAction) -> Program[Result[None, B2Error]]:
    """Do one action. Something that is already as the action would make it counts as done."""
    if type(action) in job.handed_over:
        return (yield from _hand_over(action))
    match action:
        case UploadAction():
            assert job.dest is not None, "an upload goes to a bucket"
            return (yield from upload(action, job.dest, job.retry, job.new, whole_sha1=job.whole_sha1))
        case CopyAction():
            assert job.dest is not None, "a copy goes to a bucket"
            return (yield from copy(action, job.dest, job.retry, job.new, job.source_key))
        case DownloadAction():
            return (
                yield from download(
                    action, job.retry, job.download_streams, job.source_key, job.rules.part_sizes.recommended
                )
            )
        case HideAction():
            assert job.dest is not None, "what is hidden lies in a bucket"
            return (yield from _hide(action, job.dest, job.retry))
        case DeleteAction():
            assert job.dest is not None, "versions lie in a bucket"
            return (yield from _delete(action, job.dest, job.retry))
        case LocalDeleteAction():
            deleted = yield from perform(DeleteLocal(action.path, action.expect))
            return Success(None) if ok(deleted) else Failure(deleted.failure())
        case _:
            assert_never(action)


def _hand_over(action: SyncAction) -> Program[Result[None, B2Error]]:
    """Let somebody else do it, who does not know what the local file is expected to be."""
    if isinstance(action, UploadAction | DownloadAction):
        expected = action.source if isinstance(action, UploadAction) else action.expect
        found = yield from perform(Stat(action.path))
        if not ok(found):
            return Failure(found.failure())
        if found.unwrap() != expected:
            return Failure(LocalDrifted(action.path, expected, found.unwrap()))
    result = yield from perform(HandOver(action))
    match action:
        case HideAction():
            return _already(result, *_IS_HIDDEN)
        case DeleteAction():
            return _already(result, *_IS_GONE)
        case _:
            return result


def _hide(action: HideAction, dest: B2Side, retry: RetryPolicy) -> Program[Result[None, B2Error]]:
    result = yield from request(HideFile(dest.bucket_id, dest.prefix + action.path), retry)
    return _already(result.map(lambda _: None), *_IS_HIDDEN)


def _delete(action: DeleteAction, dest: B2Side, retry: RetryPolicy) -> Program[Result[None, B2Error]]:
    result = yield from request(DeleteFileVersion(dest.prefix + action.path, action.file_id), retry)
    return _already(result.map(lambda _: None), *_IS_GONE)


def _already(result: Result[None, B2Error], *codes: str) -> Result[None, B2Error]:
    """A refusal that means "it is so already" is a success: the answer to the first attempt may have been lost."""
    if not ok(result):
        error = result.failure()
        if isinstance(error, Rejected) and error.code in codes:
            return Success(None)
    return result
