"""Programs for one call: with a token, with patience, with an upload URL of its own.

Whether and how to go on after a failure is decided by the machines in `b2pure.plan`; here it is only carried out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, assert_never

from returns.result import Failure, Result, Success

from b2pure.effects.effect import AwaitSession, Draw, Effect, Emit, Send, Sleep, StepPool, StepSession
from b2pure.effects.events import Waiting
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.wire import authorization_from
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.calls import AuthorizeAccount, Call, GetUploadPartUrl, GetUploadUrl
from b2pure.model.errors import B2Error, Unauthorized
from b2pure.plan.retry import CallKind, GiveUp, Reauthorize, RetryAfter, RetryPolicy, RetryState, step_retry
from b2pure.plan.session import (
    Authorize,
    Authorized,
    Fail,
    Need,
    Refused,
    Rejected401,
    SessionEvent,
    UseToken,
    Wait,
)
from b2pure.plan.urls import Give, Spoiled, Take, Use

__all__ = ["authorization", "request", "upload_request", "with_token"]

R = TypeVar("R")


def authorization(policy: RetryPolicy) -> Program[Result[Authorization, B2Error]]:
    """The account token of this job, fetched if there is none yet."""
    decision = yield from _acquire(Need(), policy)
    if isinstance(decision, Fail):
        return Failure(decision.error)
    return Success(decision.authorization)


def request(call: Call[R], policy: RetryPolicy) -> Program[Result[R, B2Error]]:
    """Send a call with the account token until it is answered, or hopeless."""
    return (yield from with_token(lambda token: Send(call, token), policy))


def with_token(
    effect: Callable[[Authorization], Effect[Result[R, B2Error]]], policy: RetryPolicy
) -> Program[Result[R, B2Error]]:
    """Perform an effect that needs the account token, with retries and a new token where the old one died."""
    state = RetryState()
    event: SessionEvent = Need()
    while True:
        decision = yield from _acquire(event, policy)
        if isinstance(decision, Fail):
            return Failure(decision.error)
        result = yield from perform(effect(decision.authorization))
        if ok(result):
            return result
        state, event_or_error = yield from _patience(policy, state, result.failure(), "other")
        if event_or_error is not None:
            return Failure(event_or_error)
        event = Rejected401(decision.generation) if _is_stale(result) else Need()


def upload_request(
    key: str, url_call: GetUploadUrl | GetUploadPartUrl, call: Call[R], policy: RetryPolicy
) -> Program[Result[R, B2Error]]:
    """Send an upload to a URL that nobody else uses meanwhile; a URL whose upload failed is never used again."""
    state = RetryState()
    while True:
        taken = yield from _take_url(key, url_call, policy)
        if not ok(taken):
            return Failure(taken.failure())
        url = taken.unwrap()
        result = yield from perform(Send(call, url))
        if ok(result):
            yield from perform(StepPool(key, Give(url)))
            return result
        yield from perform(StepPool(key, Spoiled(url)))
        state, error = yield from _patience(policy, state, result.failure(), "upload")
        if error is not None:
            return Failure(error)


def _take_url(
    key: str, url_call: GetUploadUrl | GetUploadPartUrl, policy: RetryPolicy
) -> Program[Result[UploadUrl, B2Error]]:
    taken = yield from perform(StepPool(key, Take()))
    if isinstance(taken, Use):
        return Success(taken.url)
    # Two branches because a call's reply type is not a union's.
    if isinstance(url_call, GetUploadUrl):
        file_reply = yield from request(url_call, policy)
        return file_reply.map(lambda reply: UploadUrl(reply.upload_url, reply.authorization_token))
    part_reply = yield from request(url_call, policy)
    return part_reply.map(lambda reply: UploadUrl(reply.upload_url, reply.authorization_token))


def _patience(
    policy: RetryPolicy, state: RetryState, error: B2Error, kind: CallKind
) -> Program[tuple[RetryState, B2Error | None]]:
    """Wait as the retry machine says; an error that comes back is final."""
    jitter = yield from perform(Draw())
    state, decision = step_retry(policy, state, error, kind, jitter)
    match decision:
        case GiveUp():
            return state, error
        case RetryAfter(seconds):
            if seconds > 0:
                yield from perform(Emit(Waiting(error, seconds)))
                yield from perform(Sleep(seconds))
            return state, None
        case Reauthorize():
            return state, None
        case _:
            assert_never(decision)


def _is_stale(result: Result[R, B2Error]) -> bool:
    error = result.failure()
    return isinstance(error, Unauthorized) and error.code in ("bad_auth_token", "expired_auth_token")


def _acquire(event: SessionEvent, policy: RetryPolicy) -> Program[UseToken | Fail]:
    decision = yield from perform(StepSession(event))
    while True:
        match decision:
            case UseToken() | Fail():
                return decision
            case Wait():
                yield from perform(AwaitSession())
                decision = yield from perform(StepSession(Need()))
            case Authorize():
                decision = yield from perform(StepSession((yield from _authorize(policy))))
            case _:
                assert_never(decision)


def _authorize(policy: RetryPolicy) -> Program[SessionEvent]:
    state = RetryState()
    while True:
        result = yield from perform(Send(AuthorizeAccount(), None))
        if ok(result):
            return Authorized(authorization_from(result.unwrap()))
        error = result.failure()
        state, final = yield from _patience(policy, state, error, "authorize")
        if final is not None:
            return Refused(final, isinstance(final, Unauthorized))
