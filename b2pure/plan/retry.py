"""What to do after a failed request: a decision from (policy, history, error, kind of call, jitter).

Rules, from Backblaze's integration checklist and error table:
- a failed upload may try at once with another URL, then backs off; after `max_upload_urls` URLs that failed it is
  told. Only 429 says nothing against the URL: it waits and is used again (`keeps_url`);
- `bad_auth_token` and `expired_auth_token` mean a new token (for uploads: a new URL), at once the first time and
  after a pause when that one is refused as well;
- a 401 that says no more than that (a HEAD, a proxy) may mean the same, once; so may a plain `unauthorized` of an
  upload, where the call that gets the new URL says what is really wrong;
- any other 401, 403 and 4xx is final, except 408 and 429, and on uploads "more than one upload using auth token" and a
  digest that did not match, unless it is the source that is another one now (`Corrupt`);
- authorizing itself is tried again after 408, 429, 5xx and failures of the network only;
- `Retry-After` is obeyed, and the delay begins anew after it; everything else backs off 1, 2, 4 ... 64 seconds with
  jitter;
- attempts and total waiting are bounded; a server that is not there, or says nothing, may be given up sooner
  (`max_unanswered`).
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, assert_never

from attrs import evolve, frozen

from b2pure.model.errors import (
    B2Error,
    CapExceeded,
    Corrupt,
    LocalDrifted,
    LocalFailure,
    Rejected,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
)

__all__ = [
    "UNEXPLAINED",
    "CallKind",
    "GiveUp",
    "Reauthorize",
    "RetryAfter",
    "RetryClass",
    "RetryDecision",
    "RetryPolicy",
    "RetryState",
    "classify",
    "doubts_content",
    "has_dead_token",
    "keeps_url",
    "step_retry",
    "wants_new_token",
]

CallKind = Literal["authorize", "upload", "other"]

UNEXPLAINED: Final = "unexplained"
"""The code of a 401 whose body did not say which of them it is."""
_DEAD_TOKEN: Final = ("bad_auth_token", "expired_auth_token")
_CONCURRENT_USE: Final = "more than one upload using auth token"
_OTHER_DIGEST: Final = "sha1 did not match"


class RetryClass(Enum):
    """What an error means for the next attempt."""

    FATAL = "fatal"
    NEW_TOKEN = "new token"
    BACK_OFF = "back off"
    AT_ONCE = "once more at once, then back off"
    ONCE = "once more with a new token or URL, then fatal"


@frozen
class RetryPolicy:
    """Bounds of patience. Times are seconds. `max_upload_urls` URLs of one upload may fail; of the `max_attempts`,
    `max_unanswered` may end without a connection, or without an answer in time.
    """

    max_attempts: int = 8
    max_upload_urls: int = 5
    first_delay: float = 1.0
    max_delay: float = 64.0
    max_total_delay: float = 900.0
    max_unanswered: int = 8


@frozen
class RetryState:
    """What happened so far to one call. `delays` counts those since it began or Retry-After was obeyed, `urls` the
    upload URLs that failed, `unanswered` the attempts that no server answered. Times are seconds.
    """

    attempts: int = 0
    delays: int = 0
    waited: float = 0.0
    reauthorized: bool = False
    urls: int = 0
    unanswered: int = 0


@frozen
class RetryAfter:
    """Try again after so many seconds (0: now), with a new token if the last one was refused."""

    seconds: float


@frozen
class Reauthorize:
    """The token (for uploads: the URL) is dead: get another and try again."""


@frozen
class GiveUp:
    """This error is the answer."""

    error: B2Error
    why: str


RetryDecision = RetryAfter | Reauthorize | GiveUp


def classify(error: B2Error, kind: CallKind) -> RetryClass:
    """The decision table."""
    match error:
        case Unauthorized(code):
            return _of_401(code, kind)
        case Throttled():
            return RetryClass.BACK_OFF
        case Unavailable() | Transport():
            return RetryClass.AT_ONCE if kind == "upload" else RetryClass.BACK_OFF
        case Rejected(400, code, message) if kind == "upload" and _blames_the_url(code, message.lower()):
            return RetryClass.AT_ONCE
        case Corrupt():  # of an upload: the source itself is another one now
            return RetryClass.FATAL if kind == "upload" else RetryClass.BACK_OFF
        case Rejected() | CapExceeded() | LocalFailure() | LocalDrifted():
            return RetryClass.FATAL
        case _:
            assert_never(error)


def _of_401(code: str, kind: CallKind) -> RetryClass:
    if kind == "authorize":
        return RetryClass.FATAL
    if code in _DEAD_TOKEN:
        return RetryClass.AT_ONCE if kind == "upload" else RetryClass.NEW_TOKEN
    if code == UNEXPLAINED or (code == "unauthorized" and kind == "upload"):
        return RetryClass.ONCE
    return RetryClass.FATAL


def _blames_the_url(code: str, message: str) -> bool:
    """Whether another URL, and the same bytes again, may help."""
    return code == "auth_token_limit" or _CONCURRENT_USE in message or _OTHER_DIGEST in message


def doubts_content(error: B2Error) -> bool:
    """Whether B2 got other bytes than the digest that was sent with them promised: the line spoiled them, or they were
    other ones from the start.
    """
    return isinstance(error, Rejected) and _OTHER_DIGEST in error.message.lower()


def keeps_url(error: B2Error) -> bool:
    """Whether an upload that failed so says nothing against its URL."""
    return isinstance(error, Throttled)


def _is_unanswered(error: B2Error) -> bool:
    """Whether it looks as if there were no server: no connection came about, or no answer in time."""
    return isinstance(error, Transport) and error.kind in ("connect", "timeout")


def has_dead_token(error: B2Error) -> bool:
    """Whether B2 says that the token of an upload URL is dead: those of its age are, too."""
    return isinstance(error, Unauthorized) and error.code in _DEAD_TOKEN


def wants_new_token(error: B2Error) -> bool:
    """Whether the account token that a call was sent with is dead, or may be."""
    return isinstance(error, Unauthorized) and error.code in (*_DEAD_TOKEN, UNEXPLAINED)


def step_retry(
    policy: RetryPolicy, state: RetryState, error: B2Error, kind: CallKind, jitter: float
) -> tuple[RetryState, RetryDecision]:
    """The next state and what to do. `jitter` is a number from 0 to 1 drawn by the caller."""
    retry_class = classify(error, kind)
    spoils = kind == "upload" and not keeps_url(error)
    unanswered = state.unanswered + _is_unanswered(error)
    failed = evolve(state, attempts=state.attempts + 1, urls=state.urls + spoils, unanswered=unanswered)
    if retry_class is RetryClass.FATAL or (retry_class is RetryClass.ONCE and state.reauthorized):
        return state, GiveUp(error, "trying again cannot help")
    if failed.attempts >= policy.max_attempts:
        return state, GiveUp(error, f"{failed.attempts} attempts failed")
    if failed.unanswered >= policy.max_unanswered and _is_unanswered(error):
        return state, GiveUp(error, f"{failed.unanswered} attempts were not answered")
    if failed.urls >= policy.max_upload_urls and spoils:
        return state, GiveUp(error, f"{failed.urls} upload URLs failed")
    if retry_class in (RetryClass.NEW_TOKEN, RetryClass.ONCE) and not state.reauthorized:
        return evolve(failed, reauthorized=True), Reauthorize()
    if retry_class is RetryClass.AT_ONCE and state.attempts == 0:
        return failed, RetryAfter(0.0)
    return _wait(policy, failed, error, jitter)


def _wait(
    policy: RetryPolicy, failed: RetryState, error: B2Error, jitter: float
) -> tuple[RetryState, RetryAfter | GiveUp]:
    wish = error.retry_after_seconds if isinstance(error, Throttled | Unavailable) else None
    seconds = _back_off(policy, failed.delays, jitter) if wish is None else max(0.0, wish)
    waited = failed.waited + seconds
    if waited > policy.max_total_delay:
        return failed, GiveUp(error, f"waited {failed.waited:.0f} s for it already")
    return evolve(failed, delays=failed.delays + 1 if wish is None else 0, waited=waited), RetryAfter(seconds)


def _back_off(policy: RetryPolicy, delays: int, jitter: float) -> float:
    back_off = min(policy.max_delay, policy.first_delay * 2.0 ** min(delays, 64))
    return min(policy.max_delay, back_off * (0.5 + jitter))
