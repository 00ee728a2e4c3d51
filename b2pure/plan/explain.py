"""Why one path is treated as it is: the deciding rule, the actions, and every version's fate."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeGuard, assert_never

from attrs import evolve
from msgspec.structs import replace

from b2pure.model.files import B2Path, FileVersion, SkippedPath
from b2pure.model.names import printable
from b2pure.plan.actions import (
    CopyAction,
    DeleteAction,
    DownloadAction,
    FileSync,
    HideAction,
    LocalDeleteAction,
    Stages,
    SyncAction,
    UploadAction,
)
from b2pure.plan.merge import Item
from b2pure.plan.reasons import Excluded, Nowhere, PlanRecord, Reason, tell
from b2pure.plan.retention import Verdict
from b2pure.plan.rules import Rules, why_skipped
from b2pure.plan.scan import ScanSide
from b2pure.plan.summary import human_bytes

__all__ = ["Explanation", "explained", "show_action", "show_sync"]


class Explanation(PlanRecord, frozen=True, tag="explanation"):
    """Why one path is treated as it is. `why` is the reason in words; `remarks` say what a side has that cannot take
    part. Of a path in B2 each version at the destination is there with its fate.
    """

    path: str
    why: str
    reason: Reason
    stages: Stages = ()
    remarks: tuple[str, ...] = ()
    versions: tuple[Verdict, ...] = ()

    def text(self) -> str:
        """Lines for a person: the path's decision first, then its actions, then each version at the destination."""
        lines = show_sync(FileSync(self.path, self.reason, self.stages))
        lines += (f"  {remark}" for remark in self.remarks)
        for verdict in self.versions:
            lines.append(f"  version {verdict.version.file_id} ({verdict.version.action}): {tell(verdict.fate.why)}")
        return "\n".join(lines)


def explained(
    rules: Rules,
    path: str,
    source: Item | None,
    dest: Item | None,
    *,
    left_out: Collection[ScanSide] = (),
    folders: Collection[ScanSide] = (),
) -> Explanation:
    """The decision for one path, which is the plan's wherever the plan has one, and what led to it. `source` and `dest`
    are what the scan of each side has of the path, or says of a folder above it. `left_out` are the sides that have it
    though their scan does not tell, because of its name; `folders` those that have a folder of that name.
    """
    sync = _decided(rules, path, source, dest, bool(left_out))
    remarks = [_remark(side, item) for side, item in (("source", source), ("destination", dest)) if _is_skipped(item)]
    if not isinstance(sync.reason, Excluded):
        remarks += [f"at the {side}: {tell(Excluded(_name_rule(rules, path)))}" for side in left_out]
    if isinstance(sync.reason, Nowhere):
        remarks += [f"at the {side}: it is a folder; name a file in it" for side in folders]
    versions = rules.verdicts(source, dest) if isinstance(dest, B2Path) else ()
    return Explanation(path, tell(sync.reason), sync.reason, sync.stages, tuple(remarks), versions)


def _decided(rules: Rules, path: str, source: Item | None, dest: Item | None, left_out: bool) -> FileSync:
    """What a plan would say, and more where it would not have a word for the path: nothing has to be done then."""
    if source is None and dest is None:
        return FileSync(path, Excluded(_name_rule(rules, path)) if left_out else Nowhere())
    if source is None and isinstance(dest, SkippedPath):
        return FileSync(path, why_skipped(dest))
    sync = rules.file(path, source, dest)
    if isinstance(sync.reason, Nowhere) and source is not None:
        # The source's file counts as absent; what leaves it out is told by the policy that says it aloud.
        return evolve(rules, policy=replace(rules.policy, filter_sides="both")).file(path, source, None)
    return sync


def _name_rule(rules: Rules, path: str) -> str:
    """The rule that leaves the path out by its name."""
    return rules.scanner.file_rule(path) or rules.scanner.directory_rule(path) or "a scan policy"


def _is_skipped(item: Item | None) -> TypeGuard[SkippedPath]:
    return isinstance(item, SkippedPath)


def _remark(side: str, item: SkippedPath) -> str:
    below = ", and whatever is below it is unknown" if item.subtree else ""
    return f"at the {side}: {printable(item.path)}: {tell(why_skipped(item))}{below}"


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
