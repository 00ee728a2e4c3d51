"""What to do after a failed request: a decision from (policy, history, error, kind of call, jitter).

Rules, from Backblaze's integration checklist and error table:
- a failed upload never uses its URL again; it may try at once with another, then backs off;
- `bad_auth_token` and `expired_auth_token` mean a new token (for uploads: a new URL), at once the first time and
  after a pause when that one is refused as well;
- any other 401, 403 and 4xx is final, except 408 and 429, and "more than one upload using auth token" on uploads;
- `Retry-After` is obeyed, everything else backs off 1, 2, 4 ... 64 seconds with jitter;
- attempts and total waiting are bounded.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal, assert_never

from attrs import frozen

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
    "CallKind",
    "GiveUp",
    "Reauthorize",
    "RetryAfter",
    "RetryClass",
    "RetryDecision",
    "RetryPolicy",
    "RetryState",
    "classify",
    "step_retry",
]

CallKind = Literal["authorize", "upload", "other"]


class RetryClass(Enum):
    """What an error means for the next attempt."""

    FATAL = "fatal"
    NEW_TOKEN = "new token"
    BACK_OFF = "back off"
    AT_ONCE = "once more at once, then back off"


@frozen
class RetryPolicy:
    """Bounds of patience. Times are seconds."""

    max_attempts: int = 8
    first_delay: float = 1.0
    max_delay: float = 64.0
    max_total_delay: float = 900.0


@frozen
class RetryState:
    """What happened so far to one call. Times are seconds."""

    attempts: int = 0
    delays: int = 0
    waited: float = 0.0
    reauthorized: bool = False


@frozen
class RetryAfter:
    """Try again after so many seconds (0: now), with a new token if the last one was refused."""

    seconds: float


@frozen
class Reauthorize:
    """The token is dead: get another and try again."""


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
            if kind == "authorize" or code not in ("bad_auth_token", "expired_auth_token"):
                return RetryClass.FATAL
            return RetryClass.AT_ONCE if kind == "upload" else RetryClass.NEW_TOKEN
        case Throttled():
            return RetryClass.BACK_OFF
        case Unavailable() | Transport():
            return RetryClass.AT_ONCE if kind == "upload" else RetryClass.BACK_OFF
        case Rejected(400, "auth_token_limit"):
            return RetryClass.AT_ONCE if kind == "upload" else RetryClass.FATAL
        case Rejected(400, "bad_request", message) if kind == "upload" and "sha1 did not match" in message.lower():
            return RetryClass.AT_ONCE
        case Corrupt():
            return RetryClass.BACK_OFF
        case Rejected() | CapExceeded() | LocalFailure() | LocalDrifted():
            return RetryClass.FATAL
        case _:
            assert_never(error)


def step_retry(
    policy: RetryPolicy, state: RetryState, error: B2Error, kind: CallKind, jitter: float
) -> tuple[RetryState, RetryDecision]:
    """The next state and what to do. `jitter` is a number from 0 to 1 drawn by the caller."""
    retry_class = classify(error, kind)
    attempts = state.attempts + 1
    if retry_class is RetryClass.FATAL:
        return state, GiveUp(error, "trying again cannot help")
    if attempts >= policy.max_attempts:
        return state, GiveUp(error, f"{attempts} attempts failed")
    if retry_class is RetryClass.NEW_TOKEN and not state.reauthorized:
        return RetryState(attempts, state.delays, state.waited, True), Reauthorize()
    if retry_class is RetryClass.AT_ONCE and state.attempts == 0:
        return RetryState(attempts, state.delays, state.waited, state.reauthorized), RetryAfter(0.0)
    seconds = _delay(policy, state.delays, error, jitter)
    waited = state.waited + seconds
    if waited > policy.max_total_delay:
        return state, GiveUp(error, f"waited {state.waited:.0f} s for it already")
    return RetryState(attempts, state.delays + 1, waited, state.reauthorized), RetryAfter(seconds)


def _delay(policy: RetryPolicy, delays: int, error: B2Error, jitter: float) -> float:
    wish = error.retry_after_seconds if isinstance(error, Throttled | Unavailable) else None
    if wish is not None:
        return max(0.0, wish)
    back_off = min(policy.max_delay, policy.first_delay * 2.0 ** min(delays, 64))
    return min(policy.max_delay, back_off * (0.5 + jitter))
