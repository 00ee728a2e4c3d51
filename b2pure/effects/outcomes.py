"""How one path, or one action, ended: data for reports."""

from __future__ import annotations

from attrs import frozen

from b2pure.model.errors import B2Error
from b2pure.plan.actions import FileSync, SyncAction

__all__ = ["Conflict", "Done", "Drifted", "Failed", "Outcome", "Skipped", "Superseded"]


@frozen
class Done:
    """Every action of the path took effect."""

    sync: FileSync


@frozen
class Failed:
    """`action` failed; the actions of later stages were not tried, `completed` took effect."""

    sync: FileSync
    action: SyncAction
    error: B2Error
    completed: tuple[SyncAction, ...]


@frozen
class Drifted:
    """The destination (or the source) is not what the plan saw. Nothing was done for the path."""

    sync: FileSync
    expected: str
    found: str


@frozen
class Superseded:
    """Somebody else brought the path to where it should be, so there was nothing left to do."""

    sync: FileSync


@frozen
class Conflict:
    """The destination is newer than the source, and the policy does not say what to do. Nothing was done."""

    sync: FileSync


@frozen
class Skipped:
    """The path could not take part; its reason says why."""

    sync: FileSync


Outcome = Done | Failed | Drifted | Superseded | Conflict | Skipped
