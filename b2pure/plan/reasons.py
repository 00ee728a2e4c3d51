"""Why a plan does what it does: one value per decision, with the facts that decided.

Times are milliseconds since the epoch, sizes bytes. `tell(reason)` says it to a person.
"""

from __future__ import annotations

from typing import assert_never

from b2pure.model.files import SkipWhy
from b2pure.model.names import printable
from b2pure.model.policy import CompareVersionMode
from b2pure.model.record import Record

__all__ = [
    "BelowDeleted",
    "Changed",
    "CoversExcluded",
    "DeleteReason",
    "DestNewer",
    "Excluded",
    "HiddenBeforeWindow",
    "HiddenDest",
    "KeepReason",
    "NewFile",
    "Nowhere",
    "OldVersion",
    "Reason",
    "SourceGone",
    "SourceMissing",
    "SupersededBeforeWindow",
    "Unchanged",
    "Unknown",
    "UnusableName",
    "VersionExcluded",
    "VersionsNotDeleted",
    "VisibleInWindow",
    "VisibleNow",
    "is_left_over",
    "tell",
]


class PlanRecord(Record, frozen=True, forbid_unknown_fields=True):
    """A record of the plan file's closed vocabulary."""


# --- why a path is, or is not, transferred ---------------------------------------------------------------------


class NewFile(PlanRecord, frozen=True, tag="new"):
    """The destination has no such file."""


class HiddenDest(PlanRecord, frozen=True, tag="hidden"):
    """The destination's file is hidden, which counts as absent."""


class Changed(PlanRecord, frozen=True, tag="changed"):
    """Source and destination differ by what `by` compares."""

    by: CompareVersionMode
    source: str
    dest: str


class Unchanged(PlanRecord, frozen=True, tag="unchanged"):
    """Source and destination are the same by what `by` compares."""

    by: CompareVersionMode


class DestNewer(PlanRecord, frozen=True, tag="dest_newer"):
    """A conflict: the destination's modification time is later than the source's."""

    source_mod_time_millis: int
    dest_mod_time_millis: int


class SourceMissing(PlanRecord, frozen=True, tag="source_missing"):
    """The source has no such file (or has it hidden)."""


class Excluded(PlanRecord, frozen=True, tag="excluded"):
    """A scan policy leaves the path out: `rule` is the policy's field and value."""

    rule: str


class UnusableName(PlanRecord, frozen=True, tag="unusable_name"):
    """The destination cannot hold a file of this name."""

    why: str


class Unknown(PlanRecord, frozen=True, tag="unknown"):
    """A scan met the path, or the folder it lies in, and could not use it: nothing is decided about it."""

    why: SkipWhy
    detail: str


class Nowhere(PlanRecord, frozen=True, tag="nowhere"):
    """Neither side has such a file."""


Reason = (
    NewFile | HiddenDest | Changed | Unchanged | DestNewer | SourceMissing | Excluded | UnusableName | Unknown | Nowhere
)


# --- why a version is kept or deleted --------------------------------------------------------------------------


class VisibleNow(PlanRecord, frozen=True, tag="visible_now"):
    """The newest version of a file that stays."""


class VisibleInWindow(PlanRecord, frozen=True, tag="visible_in_window"):
    """It was visible until `until_millis`, inside the window of keep-days (None: until this run)."""

    until_millis: int | None
    cutoff_millis: int


class VersionsNotDeleted(PlanRecord, frozen=True, tag="not_deleted"):
    """The policy deletes nothing."""


class VersionExcluded(PlanRecord, frozen=True, tag="version_excluded"):
    """A scan policy leaves this version out, so it is left alone."""


class CoversExcluded(PlanRecord, frozen=True, tag="covers_excluded"):
    """A hide marker above a version that a scan policy leaves out: without it, that one would be visible again."""


KeepReason = VisibleNow | VisibleInWindow | VersionsNotDeleted | VersionExcluded | CoversExcluded


class OldVersion(PlanRecord, frozen=True, tag="old_version"):
    """A newer version is there, and the policy deletes old versions at once."""


class SourceGone(PlanRecord, frozen=True, tag="source_gone"):
    """The source has no such file, and the policy deletes what the source lacks."""


class SupersededBeforeWindow(PlanRecord, frozen=True, tag="superseded"):
    """It was last visible at `until_millis`, before the window of keep-days began."""

    until_millis: int
    cutoff_millis: int


class HiddenBeforeWindow(PlanRecord, frozen=True, tag="hidden_before_window"):
    """A hide marker from `since_millis`, before the window: nothing below it is needed, so neither is it."""

    since_millis: int
    cutoff_millis: int


class BelowDeleted(PlanRecord, frozen=True, tag="below_deleted"):
    """A newer version is deleted as too old, so this older one goes as well."""


DeleteReason = OldVersion | SourceGone | SupersededBeforeWindow | HiddenBeforeWindow | BelowDeleted


def is_left_over(reason: Reason) -> bool:
    """Whether the path is a temporary file of ours: nobody wants it on the other side, so nothing is amiss."""
    return isinstance(reason, Unknown) and reason.why == "temporary file"


def tell(reason: Reason | KeepReason | DeleteReason) -> str:
    """The reason in words, fit for a terminal."""
    match reason:
        case NewFile():
            return "not at the destination"
        case HiddenDest():
            return "hidden at the destination"
        case Changed(by, source, dest):
            return f"{by.value} differs: source {source}, destination {dest}"
        case Unchanged(by):
            return f"unchanged (compared by {by.value})"
        case DestNewer(source, dest):
            return f"the destination is newer: source modified {source}, destination {dest}"
        case SourceMissing():
            return "not at the source"
        case Excluded(rule):
            return f"left out by {printable(rule)}"
        case UnusableName(why):
            return why
        case Unknown(why, detail):
            return f"{why}: {printable(detail)}" if detail else why
        case Nowhere():
            return "on neither side"
        case VisibleNow():
            return "kept: the visible version"
        case VisibleInWindow(None, cutoff):
            return f"kept: visible until this run, inside the window that began at {cutoff}"
        case VisibleInWindow(until, cutoff):
            return f"kept: visible until {until}, inside the window that began at {cutoff}"
        case VersionsNotDeleted():
            return "kept: the policy deletes nothing"
        case VersionExcluded():
            return "kept: left out by a scan policy"
        case CoversExcluded():
            return "kept: it hides an older version that a scan policy leaves out"
        case OldVersion():
            return "deleted: an old version"
        case SourceGone():
            return "deleted: not at the source"
        case SupersededBeforeWindow(until, cutoff):
            return f"deleted: last visible at {until}, before the window that began at {cutoff}"
        case HiddenBeforeWindow(since, cutoff):
            return f"deleted: a hide marker of {since}, before the window that began at {cutoff}"
        case BelowDeleted():
            return "deleted: older than a version that is deleted"
        case _:
            assert_never(reason)
