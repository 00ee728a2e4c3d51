"""Downloading one version: to a temporary file, verified, then renamed over the old file.

What stood at the final name stays whole until the new content is whole and verified: size always, SHA-1 wherever B2
or the uploader recorded one.
"""

from __future__ import annotations

from collections.abc import Iterator

from returns.result import Failure, Result, Success

from b2pure.effects.effect import All, CreateTemp, Discard, Draw, Emit, Fetch, Fetched, HashTemp, Publish, Sleep, Temp
from b2pure.effects.events import BytesMoved
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import with_token
from b2pure.model.calls import DownloadFileById
from b2pure.model.errors import B2Error, Corrupt, Transport
from b2pure.model.files import FileVersion
from b2pure.model.ranges import ByteRange
from b2pure.plan.actions import DownloadAction
from b2pure.plan.listing import content_sha1_of
from b2pure.plan.parts import download_ranges
from b2pure.plan.retry import GiveUp, RetryAfter, RetryPolicy, RetryState, step_retry

__all__ = ["download"]

FetchResults = tuple[Result[Fetched, B2Error] | None, ...]


def download(action: DownloadAction, retry: RetryPolicy, streams: int) -> Program[Result[None, B2Error]]:
    """Bring the version to the local path. On any failure the path is as it was."""
    created = yield from perform(CreateTemp(action.path))
    if not ok(created):
        return Failure(created.failure())
    temp = created.unwrap()
    filled = yield from _fill(action, temp, retry, streams)
    if not ok(filled):
        yield from perform(Discard(temp))
        return filled
    published = yield from perform(Publish(temp, action.source.mod_time_millis, action.expect))
    if not ok(published):
        return Failure(published.failure())
    yield from perform(Emit(BytesMoved(action.path, action.source.size)))
    return Success(None)


def _fill(action: DownloadAction, temp: Temp, retry: RetryPolicy, streams: int) -> Program[Result[None, B2Error]]:
    """The content into the temporary file, again from the start if it arrives corrupt."""
    state = RetryState()
    while True:
        result = yield from _fill_once(action.source, temp, retry, streams)
        if ok(result) or not isinstance(result.failure(), Corrupt):
            return result
        jitter = yield from perform(Draw())
        state, decision = step_retry(retry, state, result.failure(), "other", jitter)
        if isinstance(decision, GiveUp):
            return result
        if isinstance(decision, RetryAfter):
            yield from perform(Sleep(decision.seconds))


def _fill_once(version: FileVersion, temp: Temp, retry: RetryPolicy, streams: int) -> Program[Result[None, B2Error]]:
    ranges = download_ranges(version.size, streams=streams)
    if len(ranges) > 1:
        return (yield from _fill_in_parallel(version, temp, ranges, retry))
    fetched = yield from with_token(lambda token: Fetch(DownloadFileById(version.file_id), token, temp, 0), retry)
    if not ok(fetched):
        return Failure(fetched.failure())
    got = fetched.unwrap()
    return _verify(version, got, got.length, got.sha1)


def _fill_in_parallel(
    version: FileVersion, temp: Temp, ranges: tuple[ByteRange, ...], retry: RetryPolicy
) -> Program[Result[None, B2Error]]:
    results: FetchResults = yield from perform(All(_range_programs(version, temp, ranges, retry)))
    fetched: list[Fetched] = []
    for result in results:
        if result is not None and ok(result):
            fetched.append(result.unwrap())
    if len(fetched) < len(ranges):
        failures = (result.failure() for result in results if result is not None and not ok(result))
        return Failure(next(failures, Transport("broken", "the ranges were not all fetched")))
    digest = yield from perform(HashTemp(temp))
    if not ok(digest):
        return Failure(digest.failure())
    return _verify(version, fetched[0], sum(part.length for part in fetched), digest.unwrap())


def _range_programs(
    version: FileVersion, temp: Temp, ranges: tuple[ByteRange, ...], retry: RetryPolicy
) -> Iterator[Program[Result[Fetched, B2Error]]]:
    for byte_range in ranges:
        yield _fetch_range(version, temp, byte_range, retry)


def _fetch_range(
    version: FileVersion, temp: Temp, byte_range: ByteRange, retry: RetryPolicy
) -> Program[Result[Fetched, B2Error]]:
    call = DownloadFileById(version.file_id, byte_range.http())
    return (yield from with_token(lambda token: Fetch(call, token, temp, byte_range.start), retry))


def _verify(version: FileVersion, fetched: Fetched, length: int, sha1: str) -> Result[None, B2Error]:
    if length != version.size:
        return Failure(Corrupt("the download", f"{version.size} bytes", f"{length} bytes"))
    known = version.sha1 or content_sha1_of(fetched.reply.content_sha1, dict(fetched.reply.file_info))
    if known is not None and known != sha1:
        return Failure(Corrupt("the download", f"SHA-1 {known}", f"SHA-1 {sha1}"))
    return Success(None)
