"""Programs for one call: with a token, with patience, with an upload URL of its own.

Whether and how to go on after a failure is decided by the machines in `b2pure.plan`; here it is only carried out.
Looking for what a lost answer would have said waits first, as a repetition would: B2 may still be at it. The upload
URLs of a large file are forgotten once it is finished or cancelled, whoever made the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, assert_never, cast

from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from b2pure.effects.effect import AwaitSession, Draw, Emit, HashBody, Now, Send, Sleep, StepPool, StepSession
from b2pure.effects.events import Waiting
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.settle import verify
from b2pure.effects.wire import authorization_from
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.calls import (
    HEX_DIGITS_AT_END,
    AuthorizeAccount,
    Call,
    CancelLargeFile,
    FinishLargeFile,
    GetUploadPartUrl,
    GetUploadUrl,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import B2Error, Corrupt, Unauthorized
from b2pure.model.ids import AccountId, BucketId
from b2pure.model.replies import AuthorizationReply
from b2pure.model.sources import name_of_body
from b2pure.plan.retry import (
    CallKind,
    GiveUp,
    Reauthorize,
    RetryAfter,
    RetryPolicy,
    RetryState,
    doubts_content,
    has_dead_token,
    keeps_url,
    step_retry,
    wants_new_token,
)
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
from b2pure.plan.settle import Done, Doubt, Unknown, Verdict, after_failure, after_verdict, next_check, settles
from b2pure.plan.skew import clock_ahead, is_skewed
from b2pure.plan.urls import Close, Give, Spoiled, Take, Use

__all__ = [
    "authorization",
    "measured_clock",
    "request",
    "request_in_doubt",
    "upload_request",
    "use_token",
    "with_token",
]

R = TypeVar("R")

_LOOKS: Final = 3
"""How often one question about a lost answer is tried: the call itself is tried again, too."""


def authorization(policy: RetryPolicy) -> Program[Result[Authorization, B2Error]]:
    """The account token of this job, fetched if there is none yet."""
    decision = yield from _acquire(Need(), policy)
    if isinstance(decision, Fail):
        return Failure(decision.error)
    return Success(decision.authorization)


def use_token(event: Need | Rejected401, policy: RetryPolicy) -> Program[Result[UseToken, B2Error]]:
    """The account token, with its generation, for who makes a call outside of programs and says which one died."""
    decision = yield from _acquire(event, policy)
    return Failure(decision.error) if isinstance(decision, Fail) else Success(decision)


def measured_clock(policy: RetryPolicy) -> Program[Result[int | None, B2Error]]:
    """Milliseconds that our clock is ahead of B2's; None when B2 does not say. That it is wrong is never said because
    of an old measurement: somebody may have set it right since.
    """
    decision = yield from _acquire(Need(), policy)
    if isinstance(decision, UseToken) and is_skewed(decision.authorization.clock_ahead_millis):
        decision = yield from _acquire(Rejected401(decision.generation), policy)
    if isinstance(decision, Fail):
        return Failure(decision.error)
    return Success(decision.authorization.clock_ahead_millis)


def request(call: Call[R], policy: RetryPolicy) -> Program[Result[R, B2Error]]:
    """Send a call with the account token until it is answered, or hopeless. Where a lost answer leaves it open whether
    the call took effect, and repeating it may do harm, B2 is asked first.
    """
    result, _ = yield from request_in_doubt(call, policy)
    if isinstance(call, FinishLargeFile | CancelLargeFile):
        yield from perform(StepPool(call.file_id, Close()))
    return result


def request_in_doubt(call: Call[R], policy: RetryPolicy) -> Program[tuple[Result[R, B2Error], bool]]:
    """The answer, and whether another attempt may have taken effect as well: its answer was lost, and nobody could say
    what became of it.
    """
    return (yield from _tried(lambda token: perform(Send(call, token)), policy, call))


def with_token(
    attempt: Callable[[Authorization], Program[Result[R, B2Error]]], policy: RetryPolicy
) -> Program[Result[R, B2Error]]:
    """Run a program that needs the account token, with retries and a new token where the old one died."""
    result, _ = yield from _tried(attempt, policy, None)
    return result


def _tried(
    attempt: Callable[[Authorization], Program[Result[R, B2Error]]], policy: RetryPolicy, call: Call[R] | None
) -> Program[tuple[Result[R, B2Error], bool]]:
    """`call` is the call that is sent, if its outcome may matter before it is repeated."""
    doubt = yield from _doubt(call)
    state = RetryState()
    event: SessionEvent = Need()
    while True:
        decision = yield from _acquire(event, policy)
        if isinstance(decision, Fail):
            return Failure(decision.error), _is_open(doubt)
        result = yield from attempt(decision.authorization)
        before = _is_open(doubt)
        if ok(result):
            return result, before
        error = result.failure()
        state, final = yield from _patience(policy, state, error, "other")
        doubt, verdict = yield from _look(doubt, call, error, policy)
        if isinstance(verdict, Done):  # of this attempt, or of an earlier one: then the other may be there as well
            return Success(cast(R, verdict.reply)), before
        if final is not None:
            return Failure(final), _is_open(doubt)
        event = Rejected401(decision.generation) if wants_new_token(error) else Need()


def upload_request(
    key: str, url_call: GetUploadUrl | GetUploadPartUrl, call: Call[R], policy: RetryPolicy
) -> Program[Result[R, B2Error]]:
    """Send an upload to a URL that nobody else uses meanwhile; a URL whose upload failed is never used again. Where a
    lost answer leaves it open whether a file was uploaded, B2 is asked before it is uploaded again.
    """
    doubt = yield from _doubt(call)
    bucket_id = url_call.bucket_id if isinstance(url_call, GetUploadUrl) else None
    state = RetryState()
    url: UploadUrl | None = None
    while True:
        if url is None:
            taken = yield from _take_url(key, url_call, policy)
            if not ok(taken):
                return Failure(taken.failure())
            url = taken.unwrap()
        result = yield from perform(Send(call, url))
        if ok(result):
            yield from perform(StepPool(key, Give(url)))
            return result
        error = (yield from _changed_source(call, result.failure())) or result.failure()
        if not keeps_url(error):
            yield from perform(StepPool(key, Spoiled(url, has_dead_token(error))))
            url = None
        state, final = yield from _patience(policy, state, error, "upload")
        doubt, verdict = yield from _look(doubt, call, error, policy, bucket_id)
        if isinstance(verdict, Done):
            return Success(cast(R, verdict.reply))
        if final is not None:
            if url is not None:
                yield from perform(StepPool(key, Give(url)))
            return Failure(final)


def _changed_source(call: Call[Any], error: B2Error) -> Program[B2Error | None]:
    """What B2 got was not what was promised: when the source is not either (any more), sending it again is in vain.
    A file that was rewritten with its old size and time gives no other sign.
    """
    if not doubts_content(error) or not isinstance(call, UploadFile | UploadPart):
        return None
    if call.content_sha1 == HEX_DIGITS_AT_END:
        return None
    digest = yield from perform(HashBody(call.body))
    if not ok(digest):
        return digest.failure()
    if digest.unwrap() == call.content_sha1:
        return None
    return Corrupt(name_of_body(call.body), f"SHA-1 {call.content_sha1}", f"SHA-1 {digest.unwrap()}")


# -- answers that were lost


@frozen
class _Asker:
    """Asks with the job's account token, what its key may ask."""

    account_id: AccountId
    capabilities: frozenset[str]
    policy: RetryPolicy

    def ask(self, call: Call[R]) -> Program[Result[R, B2Error]]:
        if call.capability not in self.capabilities:
            return Failure(Unauthorized("unauthorized", f"the key lacks {call.capability}"))
        return (yield from with_token(lambda token: perform(Send(call, token)), self.policy))


def _doubt(call: Call[Any] | None) -> Program[Doubt | None]:
    """The doubt before the first attempt; None where there never is one."""
    if call is None or not settles(call):
        return None
    return Doubt((yield from perform(Now())))


def _is_open(doubt: Doubt | None) -> bool:
    return doubt is not None and doubt.unsettled


def _look(
    doubt: Doubt | None, call: Call[Any] | None, error: B2Error, policy: RetryPolicy, bucket_id: BucketId | None = None
) -> Program[tuple[Doubt | None, Verdict]]:
    """After a failure: what B2 says of the call, if that is in doubt."""
    if doubt is None or call is None:
        return None, Unknown()
    doubt = after_failure(doubt, error)
    check = next_check(call, doubt, error, bucket_id)
    if check is None:
        return doubt, Unknown()
    patience = evolve(policy, max_attempts=min(policy.max_attempts, _LOOKS))
    token = yield from authorization(patience)
    if not ok(token):
        return doubt, Unknown()
    account = token.unwrap()
    since = doubt.since - (account.clock_ahead_millis or 0)  # on B2's clock
    verdict = yield from verify(check, since, _Asker(account.account_id, account.allowed.capabilities, patience))
    return after_verdict(doubt, verdict), verdict


# -- upload URLs, waiting, the account token


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
        before = yield from perform(Now())
        result = yield from perform(Send(AuthorizeAccount(), None))
        if ok(result):
            return Authorized((yield from _timed(result.unwrap(), before)))
        error = result.failure()
        state, final = yield from _patience(policy, state, error, "authorize")
        if final is not None:
            return Refused(final, isinstance(final, Unauthorized))


def _timed(reply: AuthorizationReply, before: int) -> Program[Authorization]:
    """The authorization, with what it tells of our clock, which said `before` before it was asked for."""
    made = authorization_from(reply)
    if reply.server_millis is None:
        return made
    after = yield from perform(Now())
    return evolve(made, clock_ahead_millis=clock_ahead(before, after, reply.server_millis))
