"""b2sdk's planner over in-memory folders: the peer of `planning.py`. Needs the `bench` extra."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


def b2sdk_plan(source: list[LocalPath], dest: list[B2Path], keep_days: int | None, now_millis: int) -> Callable[[], int]:
    """Build the two folders once; the function that comes back plans and returns the number of actions."""
    ours = _Local([LocalSyncPath("/source/" + p.path, p.path, p.mod_time_millis, p.size) for p in source])
    theirs = _B2([B2SyncPath(p.path, _version(p, 0), [_version(p, i) for i in range(len(p.versions))]) for p in dest])
    keep: dict[str, Any] = (
        {"keep_days_or_delete": KeepOrDeleteMode.KEEP_BEFORE_DELETE, "keep_days": keep_days} if keep_days else {}
    )
    synchronizer = Synchronizer(
        10,
        newer_file_mode=NewerFileSyncMode.SKIP,
        compare_version_mode=CompareVersionMode.MODTIME,
        allow_empty_source=True,
        **keep,
    )

    def run() -> int:
        return sum(1 for _ in synchronizer._make_folder_sync_actions(ours, theirs, now_millis, _Reporter()))

    return run


class _Reporter:
    """Takes what b2sdk reports and does nothing with it."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


def _version(path: B2Path, index: int) -> Any:
    v = path.versions[index]
    return FileVersion(
        None, v.file_id, path.path, v.size, "application/octet-stream", None,
        {"src_last_modified_millis": str(v.mod_time_millis)}, v.upload_timestamp, "acc", "bucket-id", v.action, None,
        None, None, None,
    )  # fmt: skip
