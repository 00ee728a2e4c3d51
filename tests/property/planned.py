"""Plans as lists, for tests to look at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from b2pure.model.files import B2Path, B2Tree, LocalTree
from b2pure.model.policy import SyncPolicy
from b2pure.plan.actions import CopyAction, DownloadAction, FileSync, SyncAction, UploadAction, actions_of
from b2pure.plan.plan import plan_sync
from b2pure.testing import NOW_MILLIS

__all__ = ["Tree", "actions", "by_path", "plan_list", "transfers", "versions_of"]

Tree = LocalTree | B2Tree


def plan_list(source: Tree, dest: Tree, policy: SyncPolicy, *, now: int = NOW_MILLIS, **more: Any) -> list[FileSync]:
    """The paths of the plan."""
    return list(plan_sync(source, dest, policy, now_millis=now, **more))


def by_path(syncs: Iterable[FileSync]) -> dict[str, FileSync]:
    """Each path's decision; a path that occurs twice is an error."""
    found: dict[str, FileSync] = {}
    for sync in syncs:
        assert sync.path not in found
        found[sync.path] = sync
    return found


def actions(syncs: Iterable[FileSync]) -> list[SyncAction]:
    """All actions in order."""
    return [action for sync in syncs for action in actions_of(sync)]


def transfers(syncs: Iterable[FileSync]) -> dict[str, SyncAction]:
    """The action that moves content, by path."""
    kinds = UploadAction | CopyAction | DownloadAction
    return {action.path: action for action in actions(syncs) if isinstance(action, kinds)}


def versions_of(tree: Tree) -> dict[str, B2Path]:
    """The B2 files of a tree by path."""
    return {item.path: item for item in tree if isinstance(item, B2Path)}
