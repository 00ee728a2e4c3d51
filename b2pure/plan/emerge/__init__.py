"""The best object from overlapping local and remote ranges.

    intents -> overlaps (what is where) -> choose (which ranges are copied) -> cut (legal parts) -> check -> EmergePlan

`planner` takes all intents at once, `stream` takes them as they come.
"""

from __future__ import annotations

from b2pure.plan.emerge.check import check_plan
from b2pure.plan.emerge.codec import emerge_lines, read_emerge_lines
from b2pure.plan.emerge.draw import draw
from b2pure.plan.emerge.explain import explain, summary
from b2pure.plan.emerge.identity import plan_id
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, SentPart
from b2pure.plan.emerge.plan import EmergeLimits, EmergePlan, Prioritize
from b2pure.plan.emerge.planner import emerge, plan_emerge
from b2pure.plan.emerge.stream import plan_stream

__all__ = [
    "CopiedPart",
    "EmergeLimits",
    "EmergePart",
    "EmergePlan",
    "Prioritize",
    "SentPart",
    "check_plan",
    "draw",
    "emerge",
    "emerge_lines",
    "explain",
    "plan_emerge",
    "plan_id",
    "plan_stream",
    "read_emerge_lines",
    "summary",
]
