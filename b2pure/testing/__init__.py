"""What tests of policies, plans and programs need: strategies that draw the values planners take, worlds in memory, a
B2 over HTTP, and the fixtures of `plugin`. The strategies need the `testing` extra; `serve_in_thread`, and what belongs
to it, the `server` extra.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2pure._lazy import loaded

if TYPE_CHECKING:
    from b2pure.effects.fault_answers import fail_with
    from b2pure.effects.fault_board import FaultBoard
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
    )
    from b2pure.effects.latency import Latency
    from b2pure.effects.seeded import Crashed
    from b2pure.effects.simulated_clock import SimulatedClock
    from b2pure.effects.simulated_disk import SimulatedDisk
    from b2pure.effects.simulator import Simulator, SimulatorConfig
    from b2pure.effects.wire import KeyPair
    from b2pure.shell.clock import SystemClock
    from b2pure.shell.serve import RunningServer, ServeOptions, serve_in_thread
    from b2pure.shell.snapshots import load_snapshot, save_snapshot
    from b2pure.testing.served import ServedB2
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
    "Crashed",
    "CutDownload",
    "CutUpload",
    "Disconnect",
    "DropReplyAfterCommit",
    "ExpireTokens",
    "FailNth",
    "FaultBoard",
    "FaultScript",
    "KeyPair",
    "Latency",
    "RandomFaults",
    "RunningServer",
    "ServeOptions",
    "ServedB2",
    "SimulatedB2",
    "SimulatedClock",
    "SimulatedDisk",
    "SimulatedFolder",
    "Simulator",
    "SimulatorConfig",
    "Slow",
    "SyncDirection",
    "SystemClock",
    "b2_pairs",
    "b2_trees",
    "down_pairs",
    "fail_with",
    "fault_scripts",
    "file_names",
    "histories",
    "keep_policies",
    "load_snapshot",
    "local_trees",
    "pairs_of_trees",
    "passing_answers",
    "passing_errors",
    "passing_faults",
    "random_faults",
    "save_snapshot",
    "scan_policies",
    "serve_in_thread",
    "simulated_b2",
    "simulated_disk",
    "sync_policies",
]

_HOMES = {
    "b2pure.effects.fault_board": ("FaultBoard",),
    "b2pure.effects.simulated_clock": ("SimulatedClock",),
    "b2pure.effects.simulated_disk": ("SimulatedDisk",),
    "b2pure.effects.simulator": (
        "Simulator",
        "SimulatorConfig",
    ),
    "b2pure.effects.seeded": ("Crashed",),
    "b2pure.effects.wire": ("KeyPair",),
    "b2pure.shell.clock": ("SystemClock",),
    "b2pure.shell.serve": (
        "RunningServer",
        "ServeOptions",
        "serve_in_thread",
    ),
    "b2pure.testing.served": ("ServedB2",),
    "b2pure.effects.faults": (
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
        "RandomFaults",
        "Slow",
    ),
    "b2pure.effects.fault_answers": ("fail_with",),
    "b2pure.effects.latency": ("Latency",),
    "b2pure.shell.snapshots": ("load_snapshot", "save_snapshot"),
    "b2pure.testing.strategies": (
        "NOW_MILLIS",
        "SyncDirection",
        "b2_pairs",
        "b2_trees",
        "down_pairs",
        "file_names",
        "histories",
        "keep_policies",
        "local_trees",
        "pairs_of_trees",
        "scan_policies",
        "sync_policies",
    ),
    "b2pure.testing.weather": (
        "fault_scripts",
        "passing_answers",
        "passing_errors",
        "passing_faults",
        "random_faults",
    ),
    "b2pure.testing.worlds": (
        "SimulatedB2",
        "SimulatedFolder",
        "simulated_b2",
        "simulated_disk",
    ),
}


def __getattr__(name: str) -> Any:
    """Load what is asked for: every pytest run loads the fixtures, and must not pay for what it does not use."""
    return loaded(globals(), _HOMES, name)


def __dir__() -> list[str]:
    return sorted(__all__)
