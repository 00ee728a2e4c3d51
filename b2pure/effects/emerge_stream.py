"""Carrying out a plan that is made while it is carried out: parts are asked for as there is room to work on them.

Rules. The driver asks for a part when it can begin it, so no more parts are on their way than it has workers. Each is
checked before its first call, with the one after it in view, since only the last may be short. The identity of such a
plan is not known before its end, so nobody finds its large file again by itself: who kept the file's id goes on with it
by hand, where all is local and can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import define
from returns.result import Failure, Result, Success

from b2pure.effects.effect import All, HashBody
from b2pure.effects.emerge import Creation, compared, create_single, refused
from b2pure.effects.large_files import (
    LargeFile,
    begin_large_file,
    finish_large_file,
    first_failure,
    give_up,
    until_done,
)
from b2pure.effects.part_transfers import transfer_part
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.unfinished import decide
from b2pure.model.errors import B2Error, LocalFailure
from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_PARTS
from b2pure.model.new_file import LARGE_FILE_SHA1, with_room
from b2pure.model.replies import FileReply
from b2pure.plan.emerge.check import check_part
from b2pure.plan.emerge.digests import large_part, limits_of, local_body
from b2pure.plan.emerge.parts import CopiedPart, EmergePart
from b2pure.plan.emerge.plan import EmergeLimits
from b2pure.plan.failures import PlanFailed, SideFailed, tell_failure
from b2pure.plan.retry import RetryPolicy

__all__ = ["create_stream"]

Sent = Result[tuple[int, str], B2Error]
"""The number of a part that is there, and its SHA-1."""


@define(eq=False)
class _Feed:
    """Parts as the planner gives them, checked. `failed` when it cannot go on, or nobody wants it to."""

    parts: Iterator[EmergePart]
    limits: EmergeLimits
    ahead: EmergePart | None = None
    count: int = 0
    at: int = 0
    failure: B2Error | None = None
    failed: bool = False

    def begin(self) -> None:
        self.ahead = self._next()

    def take(self) -> EmergePart | None:
        """The next part; None at the end, or when there is none because something went wrong."""
        part = self.ahead
        if part is None or self.failed:
            return None
        self.ahead = self._next()
        if self.failure is not None:
            return None
        self.count += 1
        wrong = check_part(part, self.count, self.at, self.ahead is None, self.limits)
        if self.count > MAX_PARTS:
            wrong = f"more than {MAX_PARTS} parts"
        if wrong is not None:
            self._fail(refused(f"this is no plan that B2 takes: {wrong}"))
            return None
        self.at = part.range.stop
        return part

    def _next(self) -> EmergePart | None:
        try:
            return next(self.parts, None)
        except PlanFailed as failed:
            told = failed.failure
            self._fail(told.error if isinstance(told, SideFailed) else refused(tell_failure(told)))
        except Exception as error:  # whatever a caller's iterator raises, the large file has to end well
            self._fail(LocalFailure("read", "the intents", str(error) or type(error).__name__))
        return None

    def _fail(self, error: B2Error) -> None:
        self.failure, self.failed = error, True


def create_stream(
    job: Creation, parts: Iterator[EmergePart], retry: RetryPolicy
) -> Program[Result[FileReply, B2Error]]:
    """The new file. The parts raise PlanFailed where there is no plan."""
    feed = _Feed(parts, limits_of(job.sizes))
    feed.begin()
    first = feed.take()
    if first is None:
        return Failure(feed.failure or refused("there is nothing to make a file of"))
    if feed.ahead is None:
        differing = yield from compared((first,))
        if differing is not None:
            return Failure(differing)
        return (yield from create_single(job, first, None, retry))
    large = _large_file(job)
    decision = yield from decide(large, retry)
    if not ok(decision):
        return Failure(decision.failure())
    begun = yield from begin_large_file(large, decision.unwrap(), retry)
    if not ok(begun):
        return Failure(begun.failure())
    file_id = begun.unwrap()
    there = decision.unwrap().finished if job.resume.file_id is not None else None
    return (yield from until_done(file_id, _make(large, file_id, first, feed, there, retry)))


def _make(
    large: LargeFile,
    file_id: FileId,
    first: EmergePart,
    feed: _Feed,
    there: Mapping[int, str] | None,
    retry: RetryPolicy,
) -> Program[Result[FileReply, B2Error]]:
    results: tuple[Sent | None, ...] = yield from perform(All(_programs(large, file_id, first, feed, there, retry)))
    error = _error(results, feed, there)
    if error is None:
        digests = dict(result.unwrap() for result in results if result is not None)
        return (yield from finish_large_file(large, file_id, digests, retry))
    if there is not None:
        return Failure(error)  # the caller named the file, who may want it for something else
    return (yield from give_up(large, file_id, error, retry))


def _large_file(job: Creation) -> LargeFile:
    info = with_room(job.info(), LARGE_FILE_SHA1)
    return LargeFile(job.label, job.bucket_id, job.file_name, info, job.new, None, keys=job.keys, resume=job.resume)


def _error(results: tuple[Sent | None, ...], feed: _Feed, there: Mapping[int, str] | None) -> B2Error | None:
    if any(result is None or not ok(result) for result in results):
        return first_failure(results)
    if feed.failure is not None:
        return feed.failure
    beyond = [number for number in there or () if number > feed.count]
    return refused(f"the large file has a part {min(beyond)}, the object only {feed.count}") if beyond else None


def _programs(
    large: LargeFile,
    file_id: FileId,
    first: EmergePart,
    feed: _Feed,
    there: Mapping[int, str] | None,
    retry: RetryPolicy,
) -> Iterator[Program[Sent]]:
    """One program per part, made when there is room for it."""
    part: EmergePart | None = first
    while part is not None:
        yield _bring(large, file_id, part, feed, there, retry)
        part = feed.take()


def _bring(
    large: LargeFile,
    file_id: FileId,
    part: EmergePart,
    feed: _Feed,
    there: Mapping[int, str] | None,
    retry: RetryPolicy,
) -> Program[Sent]:
    result = yield from _part(large, file_id, part, there, retry)
    if not ok(result):
        feed.failed = True
    return result


def _part(
    large: LargeFile, file_id: FileId, part: EmergePart, there: Mapping[int, str] | None, retry: RetryPolicy
) -> Program[Sent]:
    differing = yield from compared((part,))
    if differing is not None:
        return Failure(differing)
    body = local_body(part)
    if there is not None and (body is None or isinstance(part, CopiedPart)):
        told = "a stream with remote sources cannot be gone on with; give all intents at once (create_file)"
        return Failure(refused(f"part {part.number}: {told}"))
    digest: str | None = None
    if body is not None and (there is not None or isinstance(part, CopiedPart)):
        hashed = yield from perform(HashBody(body))
        if not ok(hashed):
            return Failure(hashed.failure())
        digest = hashed.unwrap()
    if there is not None and part.number in there:
        if there[part.number] == digest:
            return Success((part.number, digest))
        return Failure(refused(f"the large file {file_id} has another part {part.number} than what is here"))
    sent = yield from transfer_part(large, file_id, large_part(part, digest), retry)
    return sent.map(lambda reply: (part.number, reply.content_sha1))
