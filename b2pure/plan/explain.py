"""Why one path is treated as it is: the deciding rule, the actions, and every version's fate."""

from __future__ import annotations

from typing import assert_never

from b2pure.model.files import B2Path, FileVersion
from b2pure.model.names import printable
from b2pure.plan.actions import (
    CopyAction,
    DeleteAction,
    DownloadAction,
    FileSync,
    HideAction,
    LocalDeleteAction,
    SyncAction,
    UploadAction,
)
from b2pure.plan.merge import Item
from b2pure.plan.reasons import tell
from b2pure.plan.retention import Keeps, Removes
from b2pure.plan.rules import Rules
from b2pure.plan.summary import human_bytes

__all__ = ["explain", "show_action", "show_sync"]


def explain(rules: Rules, path: str, source: Item | None, dest: Item | None) -> str:
    """Lines for a person: the path's decision first, then its actions, then each version at the destination."""
    sync = rules.file(path, source, dest)
    lines = show_sync(sync)
    if isinstance(dest, B2Path):
        for verdict in rules.verdicts(source, dest):
            fate = verdict.fate
            lines.append(f"  version {verdict.version.file_id} ({verdict.version.action}): {tell(fate.why)}")
            assert isinstance(fate, Keeps | Removes)
    return "\n".join(lines)


def show_sync(sync: FileSync) -> list[str]:
    """One line for the path and its reason, one for each action in the order of stages."""
    lines = [f"{printable(sync.path)}: {tell(sync.reason)}"]
    for number, stage in enumerate(sync.stages, start=1):
        lines.extend(f"  {number}. {show_action(action)}" for action in stage)
    return lines


def show_action(action: SyncAction) -> str:
    """The action as b2sdk's report names it, with what it moves."""
    path = printable(action.path)
    match action:
        case UploadAction(append_to=FileVersion() as beginning):
            size, rest = human_bytes(action.source.size), human_bytes(action.source.size - beginning.size)
            return f"upload {path} ({rest} more, if B2 has its beginning, else {size})"
        case UploadAction():
            return f"upload {path} ({human_bytes(action.source.size)})"
        case DownloadAction():
            return f"dnload {path} ({human_bytes(action.source.size)})"
        case CopyAction():
            return f"copy   {path} ({human_bytes(action.source.size)})"
        case HideAction():
            return f"hide   {path}"
        case DeleteAction():
            return f"delete {path} {action.note}".rstrip()
        case LocalDeleteAction():
            return f"delete {path}"
        case _:
            assert_never(action)
