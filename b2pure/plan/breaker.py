"""When a whole run should stop because every further path would fail the same way.

Rules. A reached cap ends the run at once (B2's integration checklist), and so does a key that is refused: the owner has
to act. A token that died once too often under one path is no such refusal. When B2 cannot be reached, or its tokens
do not last, one path may be unlucky, but as many in a row as there are workers are not. Any path that works in between
starts the count anew.
"""

from __future__ import annotations

from typing import Final, assert_never

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
    describe,
)
from b2pure.plan.retry import has_dead_token

__all__ = ["Breaker", "step_breaker"]


@frozen
class Breaker:
    """`unreached` paths in a row failed because B2 did not answer; at `limit` of them the run stops. `tripped` says
    why it does.
    """

    limit: int
    unreached: int = 0
    tripped: str | None = None


_AGAIN: Final = "run it again to go on from here"


def step_breaker(breaker: Breaker, error: B2Error | None) -> Breaker:
    """The breaker after one more path, which failed with `error` or (None) did not."""
    if breaker.tripped is not None:
        return breaker
    match error:
        case CapExceeded() | Unauthorized() if not (isinstance(error, Unauthorized) and has_dead_token(error)):
            return Breaker(breaker.limit, 0, f"stopped: {describe(error)}; {_AGAIN}")
        case Unauthorized() | Transport() | Unavailable() | Throttled():
            unreached = breaker.unreached + 1
            if unreached >= breaker.limit:
                why = f"stopped: B2 did not answer for {unreached} files in a row: {describe(error)}; {_AGAIN}"
                return Breaker(breaker.limit, unreached, why)
            return Breaker(breaker.limit, unreached)
        case Rejected() | Corrupt() | LocalFailure() | LocalDrifted() | None:
            return Breaker(breaker.limit) if breaker.unreached else breaker
        case _:
            assert_never(error)
