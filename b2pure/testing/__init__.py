"""What tests of policies and plans need: strategies that draw the values planners take. Needs the `testing` extra."""

from __future__ import annotations

from b2pure.effects.faults import CutDownload, DropReplyAfterCommit, ExpireTokens, FailNth, FaultScript
from b2pure.testing.strategies import (
    NOW_MILLIS,
    SyncDirection,
    b2_pairs,
    b2_trees,
    down_pairs,
    file_names,
    histories,
    keep_policies,
    local_trees,
    pairs_of_trees,
    scan_policies,
    sync_policies,
)
from b2pure.testing.weather import fault_scripts, passing_errors
from b2pure.testing.worlds import SimulatedB2, SimulatedFolder, simulated_b2, simulated_disk

__all__ = [
    "NOW_MILLIS",
    "CutDownload",
    "DropReplyAfterCommit",
    "ExpireTokens",
    "FailNth",
    "FaultScript",
    "SimulatedB2",
    "SimulatedFolder",
    "SyncDirection",
    "b2_pairs",
    "b2_trees",
    "down_pairs",
    "fault_scripts",
    "file_names",
    "histories",
    "keep_policies",
    "local_trees",
    "pairs_of_trees",
    "passing_errors",
    "scan_policies",
    "simulated_b2",
    "simulated_disk",
    "sync_policies",
]
