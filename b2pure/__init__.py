"""A Backblaze B2 SDK whose plans are data.

    import b2pure as b2

    client = b2.connect(key_id, key).unwrap()            # or b2.connect_simulated("holiday")
    plan = client.plan_sync("photos", "b2://holiday/photos", keep=b2.KeepDays(10))
    print(plan.summary())
    report = client.apply(plan)

The pure pieces are in `b2pure.plan` and `b2pure.model`, which never touch a socket, a file or a clock; importing them
imports no HTTP library. What tests of other code need is in `b2pure.testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2pure._lazy import loaded

if TYPE_CHECKING:
    from b2pure.effects.cleanups import CleanupReport
    from b2pure.effects.downloads import Downloaded
    from b2pure.effects.events import (
        BytesMoved,
        Event,
        InFlight,
        LargeFileBegun,
        PathDone,
        PathStarted,
        Scanned,
        Sized,
        Waiting,
    )
    from b2pure.effects.outcomes import Conflict, Done, Drifted, Failed, Outcome, Skipped, Superseded
    from b2pure.effects.report import Report, troubles
    from b2pure.model.account import Allowed, Authorization
    from b2pure.model.errors import B2Error, describe
    from b2pure.model.files import B2Path, B2Tree, FileVersion, LocalFact, LocalPath, LocalTree, SkippedPath
    from b2pure.model.intents import CopySource, OverlapRule, WriteIntent
    from b2pure.model.new_file import NewFile
    from b2pure.model.places import B2Folder, LocalFolder, Place, parse_place
    from b2pure.model.policy import (
        CompareVersionMode,
        Delete,
        KeepDays,
        NewerFileSyncMode,
        NoDelete,
        RetentionClock,
        ScanPolicies,
        SyncPolicy,
        UploadMode,
    )
    from b2pure.model.protection import FileRetention, SseB2, SseC
    from b2pure.model.ranges import ByteRange
    from b2pure.plan.bandwidth import Bandwidth
    from b2pure.plan.cleanup import CleanupPlan
    from b2pure.plan.concurrency import Workers
    from b2pure.plan.emerge.plan import EmergePlan
    from b2pure.plan.failures import PlanFailed
    from b2pure.plan.retry import RetryPolicy
    from b2pure.shell.client import Client
    from b2pure.shell.connect import connect, connect_simulated
    from b2pure.shell.emerge_plans import CreatePlan
    from b2pure.shell.emerge_sources import B2Range, InOrder
    from b2pure.shell.plans import Plan, plan_sync
    from b2pure.shell.sources import LocalRange

__all__ = [
    "Allowed",
    "Authorization",
    "B2Error",
    "B2Folder",
    "B2Path",
    "B2Range",
    "B2Tree",
    "Bandwidth",
    "ByteRange",
    "BytesMoved",
    "CleanupPlan",
    "CleanupReport",
    "Client",
    "CompareVersionMode",
    "Conflict",
    "CopySource",
    "CreatePlan",
    "Delete",
    "Done",
    "Downloaded",
    "Drifted",
    "EmergePlan",
    "Event",
    "Failed",
    "FileRetention",
    "FileVersion",
    "InFlight",
    "InOrder",
    "KeepDays",
    "LargeFileBegun",
    "LocalFact",
    "LocalFolder",
    "LocalPath",
    "LocalRange",
    "LocalTree",
    "NewFile",
    "NewerFileSyncMode",
    "NoDelete",
    "Outcome",
    "OverlapRule",
    "PathDone",
    "PathStarted",
    "Place",
    "Plan",
    "PlanFailed",
    "Report",
    "RetentionClock",
    "RetryPolicy",
    "ScanPolicies",
    "Scanned",
    "Sized",
    "Skipped",
    "SkippedPath",
    "SseB2",
    "SseC",
    "Superseded",
    "SyncPolicy",
    "UploadMode",
    "Waiting",
    "Workers",
    "WriteIntent",
    "__version__",
    "connect",
    "connect_simulated",
    "describe",
    "parse_place",
    "plan_sync",
    "troubles",
]

__version__ = "0.1.0"

_HOMES = {
    "b2pure.effects.report": ("Report", "troubles"),
    "b2pure.model.account": ("Allowed", "Authorization"),
    "b2pure.effects.cleanups": ("CleanupReport",),
    "b2pure.effects.downloads": ("Downloaded",),
    "b2pure.effects.events": (
        "BytesMoved", "Event", "InFlight", "LargeFileBegun", "PathDone", "PathStarted",
        "Scanned", "Sized", "Waiting",
    ),
    "b2pure.effects.outcomes": ("Conflict", "Done", "Drifted", "Failed", "Outcome", "Skipped", "Superseded"),
    "b2pure.model.new_file": ("NewFile",),
    "b2pure.model.protection": ("FileRetention", "SseB2", "SseC"),
    "b2pure.model.ranges": ("ByteRange",),
    "b2pure.plan.bandwidth": ("Bandwidth",),
    "b2pure.plan.cleanup": ("CleanupPlan",),
    "b2pure.model.intents": ("CopySource", "OverlapRule", "WriteIntent"),
    "b2pure.plan.emerge.plan": ("EmergePlan",),
    "b2pure.shell.emerge_plans": ("CreatePlan",),
    "b2pure.shell.emerge_sources": ("B2Range", "InOrder"),
    "b2pure.plan.concurrency": ("Workers",),
    "b2pure.shell.sources": ("LocalRange",),
    "b2pure.model.errors": ("B2Error", "describe"),
    "b2pure.model.files": (
        "B2Path", "B2Tree", "FileVersion", "LocalFact", "LocalPath", "LocalTree", "SkippedPath",
    ),
    "b2pure.model.places": ("B2Folder", "LocalFolder", "Place", "parse_place"),
    "b2pure.model.policy": (
        "CompareVersionMode", "Delete", "KeepDays", "NewerFileSyncMode", "NoDelete", "RetentionClock", "ScanPolicies",
        "SyncPolicy", "UploadMode",
    ),
    "b2pure.plan.failures": ("PlanFailed",),
    "b2pure.plan.retry": ("RetryPolicy",),
    "b2pure.shell.client": ("Client",),
    "b2pure.shell.connect": ("connect", "connect_simulated"),
    "b2pure.shell.plans": ("Plan", "plan_sync"),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load what is asked for, so that the pure half stays usable without the other."""
    return loaded(globals(), _HOMES, name)


def __dir__() -> list[str]:
    return sorted(__all__)
