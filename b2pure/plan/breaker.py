"""When a whole run should stop because every further path would fail the same way.

Rules. A reached cap ends the run at once (B2's integration checklist), and so does a key that is refused: the owner has
to act. A token that died once too often under one path is no such refusal. When B2 cannot be reached, or its tokens
do not last, one path may be unlucky, but as many in a row as there are workers are not. Any path that works in between
starts the count anew. What is told is what all of them met, and what is to be done about that.
"""

from __future__ import annotations

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
    describe,
)
from b2pure.plan.retry import has_dead_token

__all__ = ["Breaker", "Cause", "step_breaker"]


Cause = Literal["tokens die", "no answer", "not available", "too fast", "several"]
"""What paths failed of, one after another."""


@frozen
class Breaker:
    """`unreached` paths in a row failed, all of `cause`, of which the next one might not; at `limit` of them the run
    stops. `tripped` says why it does.
    """

    limit: int
    unreached: int = 0
    cause: Cause | None = None
    tripped: str | None = None


_AGAIN: Final = "run it again to go on from here"
_ANOTHER_KEY: Final = "run it again with a key that is valid to go on from here"


def step_breaker(breaker: Breaker, error: B2Error | None) -> Breaker:
    """The breaker after one more path, which failed with `error` or (None) did not."""
    if breaker.tripped is not None:
        return breaker
    match error:
        case Unauthorized(of_key=True):
            return evolve(breaker, tripped=f"stopped: {describe(error)}; {_ANOTHER_KEY}")
        case CapExceeded():
            return evolve(breaker, tripped=f"stopped: {describe(error)}; {_AGAIN}")
        case Unauthorized() if not has_dead_token(error):
            return evolve(breaker, tripped=f"stopped: {describe(error)}; {_AGAIN}")
        case Unauthorized() | Transport() | Unavailable() | Throttled():
            return _one_more(breaker, error)
        case Rejected() | Corrupt() | LocalFailure() | LocalDrifted() | None:
            return Breaker(breaker.limit) if breaker.unreached else breaker
        case _:
            assert_never(error)


_Passing = Unauthorized | Transport | Unavailable | Throttled


def _one_more(breaker: Breaker, error: _Passing) -> Breaker:
    """After a failure that may pass."""
    cause = _cause(error)
    if breaker.cause not in (None, cause):
        cause = "several"
    unreached = breaker.unreached + 1
    tripped = None
    if unreached >= breaker.limit:
        tripped = f"stopped: {_told(cause, unreached)}: {describe(error)}; {_fix(cause)}{_AGAIN}"
    return Breaker(breaker.limit, unreached, cause, tripped)


def _cause(error: _Passing) -> Cause:
    match error:
        case Unauthorized():
            return "tokens die"
        case Transport():
            return "no answer"
        case Unavailable():
            return "not available"
        case Throttled():
            return "too fast"
        case _:
            assert_never(error)


def _told(cause: Cause, files: int) -> str:
    """What all of them failed of; what the last one met is told behind it."""
    row = f" for {files} files in a row" if files > 1 else ""
    match cause:
        case "tokens die":
            return f"B2 took the key, and refused the tokens that it had just given for it{row}"
        case "no answer":
            return f"B2 did not answer{row}"
        case "not available" | "too fast":
            return f"{files} files in a row failed" if row else "a file failed"
        case "several":
            return f"B2 could not be used{row}; the last time"
        case _:
            assert_never(cause)


def _fix(cause: Cause) -> str:
    """What is to be done before the run is started again."""
    match cause:
        case "tokens die" | "not available" | "several":
            return "wait a while, then "
        case "no answer":
            return "check the network, then "
        case "too fast":
            return "use fewer threads, then "
        case _:
            assert_never(cause)
