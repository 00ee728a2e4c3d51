"""The vocabulary of a plan: what is to be done for one path, as data.

Rules. An action holds everything that it needs to be done, priced, checked and explained later, and nothing that is
alive: no bucket object, no open file, no secret. Every action carries what the planner *saw* (`expect`), so that a
later apply notices when the world has moved. The stages of a `FileSync` are done in order, what is inside one stage
in any order; a stage that fails keeps the later ones from running. Hence a failed upload never costs the only remote
copy, and an interrupted deletion never makes an older version visible again.
"""

from __future__ import annotations

from typing import Final

from b2pure.model.files import FileVersion, LocalFact
from b2pure.model.ids import FileId
from b2pure.model.limits import PartSizes
from b2pure.plan.reasons import DeleteReason, PlanRecord, Reason

__all__ = [
    "HIDE_MARKER_NOTE",
    "OLD_VERSION_NOTE",
    "CopyAction",
    "DeleteAction",
    "DownloadAction",
    "FileSync",
    "HideAction",
    "LocalDeleteAction",
    "Stages",
    "SyncAction",
    "UploadAction",
    "actions_of",
    "bytes_of",
    "edges",
]

OLD_VERSION_NOTE: Final = "(old version)"
HIDE_MARKER_NOTE: Final = "(hide marker)"


class UploadAction(PlanRecord, frozen=True, tag="upload", omit_defaults=True):
    """Upload the local file. `expect` is the newest version at the destination (a hide marker counts), None when the
    name has no version. `parts` is None for one b2_upload_file, else the sizes for a large file. `append_to` is a
    version that may be the beginning of the file: if its content is, it is copied and only the rest is sent.
    """

    path: str
    source: LocalFact
    expect: FileId | None
    parts: PartSizes | None
    append_to: FileVersion | None = None


class DownloadAction(PlanRecord, frozen=True, tag="download"):
    """Download this version over the local file, which is `expect` (None: absent)."""

    path: str
    source: FileVersion
    expect: LocalFact | None


class CopyAction(PlanRecord, frozen=True, tag="copy"):
    """Copy this version from bucket to bucket on the server. `expect` and `parts` as for an upload."""

    path: str
    source: FileVersion
    expect: FileId | None
    parts: PartSizes | None


class HideAction(PlanRecord, frozen=True, tag="hide"):
    """Hide the name, whose newest version is `expect`."""

    path: str
    expect: FileId


class DeleteAction(PlanRecord, frozen=True, tag="delete"):
    """Delete one version. `expect` is the newest version of the name that the planner saw; `note` is b2sdk's."""

    path: str
    file_id: FileId
    expect: FileId
    note: str
    why: DeleteReason


class LocalDeleteAction(PlanRecord, frozen=True, tag="local_delete"):
    """Delete the local file, which is `expect`."""

    path: str
    expect: LocalFact


SyncAction = UploadAction | DownloadAction | CopyAction | HideAction | DeleteAction | LocalDeleteAction

Stages = tuple[tuple[SyncAction, ...], ...]


class FileSync(PlanRecord, frozen=True, tag="path"):
    """What a plan does for one path, and why. Empty stages: nothing, for this reason."""

    path: str
    reason: Reason
    stages: Stages = ()


def actions_of(sync: FileSync) -> tuple[SyncAction, ...]:
    """The actions of all stages, in an order in which they may be done."""
    if len(sync.stages) == 1:  # as with nearly every path
        return sync.stages[0]
    return tuple(action for stage in sync.stages for action in stage)


def edges(sync: FileSync) -> tuple[tuple[SyncAction, SyncAction], ...]:
    """The dependencies that the stages mean, spelled out: (before, after) for each pair of adjacent stages."""
    return tuple(
        (before, after)
        for first, second in zip(sync.stages, sync.stages[1:], strict=False)
        for before in first
        for after in second
    )


def bytes_of(action: SyncAction) -> int:
    """Bytes of content that the action moves (on the server, for a copy)."""
    if isinstance(action, UploadAction | DownloadAction | CopyAction):
        return action.source.size
    return 0
