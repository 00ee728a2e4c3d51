"""Which versions of one B2 file stay and which go, each with its reason.

The seed's sentence: all files that were visible any time from keep_days ago until now must be kept. A version was
visible from its own upload until the upload (or hide marker) that superseded it, by B2's upload timestamps, in the
server's order of versions. So a version goes when it was superseded at or before the start of the window.

Times out of order (custom timestamps; a large file counts from its start) are taken in the careful direction: a
version is superseded no earlier than any older version was. Hence what is deleted is always a suffix of the history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, assert_never

from b2pure.model.files import FileVersion
from b2pure.model.policy import Delete, KeepDays, KeepOrDelete, NoDelete, RetentionClock
from b2pure.model.record import Record
from b2pure.plan.reasons import (
    BelowDeleted,
    CoversExcluded,
    DeleteReason,
    HiddenBeforeWindow,
    KeepReason,
    OldVersion,
    SourceGone,
    SupersededBeforeWindow,
    VersionExcluded,
    VersionsNotDeleted,
    VisibleInWindow,
    VisibleNow,
)

__all__ = ["Fate", "Keeps", "Newest", "Removes", "Verdict", "retain", "superseded_millis"]

Newest = Literal["stays", "replaced", "gone"]
"""What the same run does to the newest version: nothing, puts another on top, or (the source lacks the name) hides or
deletes it."""


class Keeps(Record, frozen=True, tag="keep"):
    """The version stays."""

    why: KeepReason


class Removes(Record, frozen=True, tag="delete"):
    """The version goes."""

    why: DeleteReason


Fate = Keeps | Removes


class Verdict(Record, frozen=True):
    """What happens to a version, and why."""

    version: FileVersion
    fate: Fate


def retain(
    versions: Sequence[FileVersion],
    keep: KeepOrDelete,
    *,
    now_millis: int,
    newest: Newest = "stays",
    excluded: Callable[[FileVersion], bool] | None = None,
) -> tuple[Verdict, ...]:
    """A verdict for each version, newest first as given. `excluded` versions are always left alone, and so is a hide
    marker on top of them, unless the run puts another version there.
    """
    match keep:
        case NoDelete():
            fates: list[Fate] = [Keeps(VersionsNotDeleted())] * len(versions)
        case Delete():
            fates = _delete_fates(len(versions), newest)
        case KeepDays():
            by_clock = _window_fates if keep.clock is RetentionClock.UPLOAD_TIME else _mod_time_fates
            fates = by_clock(versions, keep.cutoff_millis(now_millis), newest)
        case _:
            assert_never(keep)
    if excluded is not None:
        fates = [
            Keeps(VersionExcluded()) if excluded(version) else fate
            for version, fate in zip(versions, fates, strict=True)
        ]
        if newest != "replaced" and versions[0].action == "hide" and any(isinstance(f, Keeps) for f in fates[1:]):
            fates[0] = Keeps(CoversExcluded()) if isinstance(fates[0], Removes) else fates[0]
    return tuple(map(Verdict, versions, fates))


def superseded_millis(versions: Sequence[FileVersion]) -> list[int | None]:
    """When each version stopped being visible, None for the newest: the upload time of the version above it, but no
    earlier than any older version stopped.
    """
    ends: list[int | None] = [None] * len(versions)
    latest: int | None = None
    for i in range(len(versions) - 1, 0, -1):
        above = versions[i - 1].upload_timestamp
        latest = above if latest is None else max(latest, above)
        ends[i] = latest
    return ends


def _delete_fates(count: int, newest: Newest) -> list[Fate]:
    first: dict[Newest, Fate] = {
        "stays": Keeps(VisibleNow()),
        "replaced": Removes(OldVersion()),
        "gone": Removes(SourceGone()),
    }
    return [first[newest] if i == 0 else Removes(OldVersion()) for i in range(count)]


def _window_fates(versions: Sequence[FileVersion], cutoff: int, newest: Newest) -> list[Fate]:
    ends = superseded_millis(versions)
    fates: list[Fate] = []
    deleting = False
    for i, version in enumerate(versions):
        fate = _window_fate(version, ends, i, cutoff, newest)
        if deleting and isinstance(fate, Keeps):
            fate = Removes(BelowDeleted())
        deleting = deleting or isinstance(fate, Removes)
        fates.append(fate)
    return fates


def _window_fate(version: FileVersion, ends: list[int | None], i: int, cutoff: int, newest: Newest) -> Fate:
    end = ends[i]
    if version.action == "hide":
        below = ends[i + 1] if i + 1 < len(ends) else None
        since = version.upload_timestamp if below is None else max(below, version.upload_timestamp)
        if since <= cutoff:
            return Removes(HiddenBeforeWindow(since, cutoff))
        return Keeps(VisibleInWindow(end, cutoff))
    if end is None:
        return Keeps(VisibleNow()) if newest == "stays" else Keeps(VisibleInWindow(None, cutoff))
    if end <= cutoff:
        return Removes(SupersededBeforeWindow(end, cutoff))
    return Keeps(VisibleInWindow(end, cutoff))


def _mod_time_fates(versions: Sequence[FileVersion], cutoff: int, newest: Newest) -> list[Fate]:
    """b2sdk's rule: below the first version whose modification time lies before the window, everything goes; a hide
    marker that old goes itself.
    """
    fates: list[Fate] = []
    deleting = False
    for i, version in enumerate(versions):
        old = version.mod_time_millis < cutoff
        if deleting:
            fates.append(Removes(BelowDeleted()))
        elif version.action == "hide" and old:
            fates.append(Removes(HiddenBeforeWindow(version.mod_time_millis, cutoff)))
            deleting = True
        else:
            visible = i == 0 and newest == "stays"
            fates.append(Keeps(VisibleNow()) if visible else Keeps(VisibleInWindow(None, cutoff)))
            deleting = old
    return fates
