"""Decisions: pure functions from values to plans. Nothing here touches a socket, a file, a clock or a random number.

`retain` judges the versions of one file, `compare` compares two, `plan_file` decides one path, `plan_sync` all of them.
Each name is loaded when it is asked for: who plans a sync has no use for the planner of overlapping ranges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2pure._lazy import loaded

# These two are functions, not the modules of their names that the package would have in their place.
from b2pure.plan.compare import compare
from b2pure.plan.split import split

if TYPE_CHECKING:
    from b2pure.plan.actions import (
        CopyAction,
        DeleteAction,
        DownloadAction,
        FileSync,
        HideAction,
        LocalDeleteAction,
        SyncAction,
        UploadAction,
        actions_of,
        edges,
    )
    from b2pure.plan.capabilities import lacks, needs
    from b2pure.plan.codec import action_id
    from b2pure.plan.cost import PRICES, Cost, PriceTable, cost_of, dollars, estimate
    from b2pure.plan.emerge import CopiedPart, EmergePart, EmergePlan, SentPart, plan_emerge, plan_id, plan_stream
    from b2pure.plan.failures import PlanFailed, PlanFailure, tell_failure
    from b2pure.plan.parts import choose_part_ranges, part_ranges
    from b2pure.plan.plan import SyncPlan, plan_sync
    from b2pure.plan.reasons import tell
    from b2pure.plan.retention import retain
    from b2pure.plan.rules import Rules, make_rules
    from b2pure.plan.summary import Summary
    from b2pure.plan.sync import plan_file, plan_groups

__all__ = [
    "PRICES",
    "CopiedPart",
    "CopyAction",
    "Cost",
    "DeleteAction",
    "DownloadAction",
    "EmergePart",
    "EmergePlan",
    "FileSync",
    "HideAction",
    "LocalDeleteAction",
    "PlanFailed",
    "PlanFailure",
    "PriceTable",
    "Rules",
    "SentPart",
    "Summary",
    "SyncAction",
    "SyncPlan",
    "UploadAction",
    "action_id",
    "actions_of",
    "choose_part_ranges",
    "compare",
    "cost_of",
    "dollars",
    "edges",
    "estimate",
    "lacks",
    "make_rules",
    "needs",
    "part_ranges",
    "plan_emerge",
    "plan_file",
    "plan_groups",
    "plan_id",
    "plan_stream",
    "plan_sync",
    "retain",
    "split",
    "tell",
    "tell_failure",
]

_HOMES = {
    "b2pure.plan.actions": (
        "CopyAction", "DeleteAction", "DownloadAction", "FileSync", "HideAction", "LocalDeleteAction", "SyncAction",
        "UploadAction", "actions_of", "edges",
    ),
    "b2pure.plan.capabilities": ("lacks", "needs"),
    "b2pure.plan.codec": ("action_id",),
    "b2pure.plan.cost": ("PRICES", "Cost", "PriceTable", "cost_of", "dollars", "estimate"),
    "b2pure.plan.emerge": (
        "CopiedPart", "EmergePart", "EmergePlan", "SentPart", "plan_emerge", "plan_id", "plan_stream",
    ),
    "b2pure.plan.failures": ("PlanFailed", "PlanFailure", "tell_failure"),
    "b2pure.plan.parts": ("choose_part_ranges", "part_ranges"),
    "b2pure.plan.plan": ("SyncPlan", "plan_sync"),
    "b2pure.plan.reasons": ("tell",),
    "b2pure.plan.retention": ("retain",),
    "b2pure.plan.rules": ("Rules", "make_rules"),
    "b2pure.plan.summary": ("Summary",),
    "b2pure.plan.sync": ("plan_file", "plan_groups"),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    return loaded(globals(), _HOMES, name)


def __dir__() -> list[str]:
    return sorted(__all__)
