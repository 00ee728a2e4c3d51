"""What tests of policies and plans need: strategies that draw the values planners take. Needs the `testing` extra."""

from __future__ import annotations

from b2pure.effects.faults import (
    Answer,
    CorruptDownload,
    CorruptUpload,
    CutDownload,
    CutUpload,
    Disconnect,
    DropReplyAfterCommit,
    ExpireTokens,
    FailNth,
    FaultScript,
    RandomFaults,
    Slow,
    fail_with,
)
from b2pure.effects.latency import Latency
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
from b2pure.testing.weather import fault_scripts, passing_answers, passing_errors, passing_faults, random_faults
from b2pure.testing.worlds import SimulatedB2, SimulatedFolder, simulated_b2, simulated_disk

__all__ = [
    "NOW_MILLIS",
    "Answer",
    "CorruptDownload",
    "CorruptUpload",
    "CutDownload",
    "CutUpload",
    "Disconnect",
    "DropReplyAfterCommit",
    "ExpireTokens",
    "FailNth",
    "FaultScript",
    "Latency",
    "RandomFaults",
    "SimulatedB2",
    "SimulatedFolder",
    "Slow",
    "SyncDirection",
    "b2_pairs",
    "b2_trees",
    "down_pairs",
    "fail_with",
    "fault_scripts",
    "file_names",
    "histories",
    "keep_policies",
    "local_trees",
    "pairs_of_trees",
    "passing_answers",
    "passing_errors",
    "passing_faults",
    "random_faults",
    "scan_policies",
    "simulated_b2",
    "simulated_disk",
    "sync_policies",
]
