"""Decisions: pure functions from values to plans. Nothing here touches a socket, a file, a clock or a random number.

`retain` judges the versions of one file, `compare` compares two, `plan_file` decides one path, `plan_sync` all of them.
"""

from __future__ import annotations

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
from b2pure.plan.compare import compare
from b2pure.plan.cost import PRICES, Cost, PriceTable, cost_of, dollars, estimate
from b2pure.plan.emerge import CopiedPart, EmergePart, EmergePlan, SentPart, plan_emerge, plan_id, plan_stream
from b2pure.plan.failures import PlanFailed, PlanFailure, tell_failure
from b2pure.plan.parts import choose_part_ranges, part_ranges
from b2pure.plan.plan import SyncPlan, plan_sync
from b2pure.plan.reasons import tell
from b2pure.plan.retention import retain
from b2pure.plan.rules import Rules, make_rules
from b2pure.plan.split import split
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
