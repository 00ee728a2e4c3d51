"""How far our clock is from B2's, and what must not be decided by a wrong one.

Rules. Whoever authorizes looks at our clock before and after, and B2 says its own time in the answer (`Date`, in whole
seconds). What counts is the least difference that explains the three, so that a slow answer is no wrong clock. Days of
keep-days are counted back from our clock, along times that B2's clock gave: with more than `MAX_SKEW_MILLIS` between
the two nothing is deleted by them. Where only an age in B2 matters, B2's clock is reckoned with instead.
"""

from __future__ import annotations

from typing import Final

from b2pure.model.policy import KeepDays, SyncPolicy
from b2pure.plan.failures import ClockSkewed

__all__ = ["MAX_SKEW_MILLIS", "clock_ahead", "is_skewed", "skew_objection"]

MAX_SKEW_MILLIS: Final = 10 * 60 * 1000
_DATE_MILLIS: Final = 4_999
"""A `Date` may be so far past: servers cut it to seconds, and make a new one only now and then."""


def clock_ahead(before: int, after: int, server: int) -> int:
    """Milliseconds that our clock is ahead of B2's at least (negative: behind; 0: they may agree), when it said
    `before` and `after` while B2 answered that it was `server`.
    """
    least = min(before, after) - server - _DATE_MILLIS
    most = max(before, after) - server
    return max(least, 0) + min(most, 0)


def is_skewed(ahead: int | None) -> bool:
    """Whether the clocks are too far apart. What is not known is no objection."""
    return ahead is not None and abs(ahead) > MAX_SKEW_MILLIS


def skew_objection(policy: SyncPolicy, ahead: int | None) -> ClockSkewed | None:
    """Why a sync must not be planned with our clock."""
    if not isinstance(policy.keep, KeepDays) or ahead is None or not is_skewed(ahead):
        return None
    return ClockSkewed(ahead)
