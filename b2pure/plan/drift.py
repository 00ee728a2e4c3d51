"""Has the world moved since the plan was made? Compares what a plan saw with what is there now."""

from __future__ import annotations

from attrs import frozen

from b2pure.model.files import B2Path, LocalPath
from b2pure.model.ids import FileId
from b2pure.plan.actions import CopyAction, DeleteAction, DownloadAction, FileSync, HideAction, UploadAction, actions_of
from b2pure.plan.merge import Item
from b2pure.plan.reasons import SourceMissing

__all__ = ["Drift", "appeared", "dest_drift", "left_alone", "source_drift", "touches_b2_dest"]


@frozen
class Drift:
    """What was expected and what was found, in words."""

    expected: str
    found: str


def touches_b2_dest(sync: FileSync) -> bool:
    """Whether the path has an action that changes a bucket."""
    return any(isinstance(action, _B2_ACTIONS) for action in actions_of(sync))


def dest_drift(sync: FileSync, now: B2Path | None) -> Drift | None:
    """Whether the newest version at the destination is another than the one that the plan saw."""
    found = now.versions[0].file_id if now is not None else None
    for action in actions_of(sync):
        if isinstance(action, _B2_ACTIONS) and action.expect != found:
            return Drift(f"newest version {_show(action.expect)}", _show(found))
    return None


def source_drift(sync: FileSync, now: B2Path | None) -> Drift | None:
    """Whether the version that the plan reads from a bucket is gone. What a version holds never changes."""
    there = frozenset(version.file_id for version in now.versions) if now is not None else frozenset()
    for action in actions_of(sync):
        if isinstance(action, DownloadAction | CopyAction) and action.source.file_id not in there:
            return Drift(f"source version {action.source.file_id}", "it is gone")
    return None


def appeared(sync: FileSync, now: LocalPath | B2Path | None) -> Drift | None:
    """Whether the source has a file now that the plan missed, and would therefore remove at the destination."""
    if not isinstance(sync.reason, SourceMissing) or now is None:
        return None
    if isinstance(now, B2Path) and now.visible() is None:
        return None
    return Drift("absent at the source", "it is there")


def left_alone(sync: FileSync, now: Item | None) -> bool:
    """Whether a path that moved is left as it is, and told: its source is gone that was there when the plan was made.
    What was to be brought is never removed by the same run, since it may be the source's folder that went.
    """
    return now is None and not isinstance(sync.reason, SourceMissing)


_B2_ACTIONS = (UploadAction, CopyAction, HideAction, DeleteAction)


def _show(file_id: FileId | None) -> str:
    return "absent" if file_id is None else file_id
