"""b2sdk's planner over in-memory folders: the peer of `planning.py`.

It is given every advantage: its objects are made beforehand, its reporter does nothing, its `DEBUG` log is off, and its
local folder joins names without looking whether they leave the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from b2sdk.v2 import (
    AbstractFolder,
    B2Folder,
    B2SyncPath,
    CompareVersionMode,
    FileVersion,
    KeepOrDeleteMode,
    LocalSyncPath,
    NewerFileSyncMode,
    Synchronizer,
)

from b2pure.model.files import B2Path, LocalPath

__all__ = ["b2sdk_plan"]


class _Local(AbstractFolder):  # type: ignore[misc]
    """A local folder whose scan is a list."""

    def __init__(self, paths: list[Any]) -> None:
        self.paths = paths

    def all_files(self, reporter: object, policies_manager: object = None) -> Iterator[Any]:
        return iter(self.paths)

    def folder_type(self) -> str:
        return "local"

    def make_full_path(self, file_name: str) -> str:
        return "/source/" + file_name


class _Bucket:
    name = "bucket"
    id_ = "bucket-id"


class _B2(B2Folder):  # type: ignore[misc]
    """A B2 folder whose listing is a list."""

    def __init__(self, paths: list[Any]) -> None:
        self.paths = paths
        self.bucket_name = "bucket"
        self.folder_name = ""
        self.bucket = _Bucket()
        self.prefix = ""

    def all_files(self, reporter: object, policies_manager: object = None) -> Iterator[Any]:
        return iter(self.paths)


class _Reporter:
    """Takes what b2sdk reports and does nothing with it."""

    def update_total(self, delta: int) -> None: ...
    def update_compare(self, delta: int) -> None: ...
    def end_total(self) -> None: ...
    def end_compare(self, total_files: int, total_bytes: int) -> None: ...
    def close(self) -> None: ...


def b2sdk_plan(
    source: Iterable[LocalPath], dest: Iterable[B2Path], keep_days: int | None, now_millis: int
) -> Callable[[], Iterator[Any]]:
    """Build the two folders once; each call of what comes back plans anew and gives b2sdk's actions as they come."""
    ours = _Local([LocalSyncPath("/source/" + p.path, p.path, p.mod_time_millis, p.size) for p in source])
    theirs = _B2([_sync_path(path) for path in dest])
    keep: dict[str, Any] = (
        {"keep_days_or_delete": KeepOrDeleteMode.KEEP_BEFORE_DELETE, "keep_days": keep_days} if keep_days else {}
    )
    synchronizer = Synchronizer(
        10,
        newer_file_mode=NewerFileSyncMode.SKIP,
        compare_version_mode=CompareVersionMode.MODTIME,
        **keep,
    )

    def actions() -> Iterator[Any]:
        planned: Iterator[Any] = synchronizer._make_folder_sync_actions(ours, theirs, now_millis, _Reporter())
        return planned

    return actions


def _sync_path(path: B2Path) -> Any:
    versions = [_version(path, index) for index in range(len(path.versions))]
    return B2SyncPath(path.path, versions[0], versions)


def _version(path: B2Path, index: int) -> Any:
    v = path.versions[index]
    return FileVersion(
        None, v.file_id, path.path, v.size, "application/octet-stream", None,
        {"src_last_modified_millis": str(v.mod_time_millis)}, v.upload_timestamp, "acc", "bucket-id", v.action, None,
        None, None, None,
    )  # fmt: skip
