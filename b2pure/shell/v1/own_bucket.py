"""What a sync leaves to the methods of a bucket or an account that are somebody else's: of a subclass, or set on them.

Rules. Only what somebody replaced is left to them; everything else is done by the programs of the core. It is looked at
when a sync begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from b2pure.model.ids import FileId
from b2pure.model.new_file import LARGE_FILE_SHA1, SRC_LAST_MODIFIED
from b2pure.model.replies import ListedInfo, ListedVersion
from b2pure.plan.actions import CopyAction, DeleteAction, DownloadAction, HideAction, SyncAction, UploadAction
from b2pure.shell.v1.api import B2Api
from b2pure.shell.v1.bucket import Bucket
from b2pure.shell.v1.file_version import FileVersionInfo
from b2pure.shell.v1.own_methods import Originals

__all__ = ["left_to", "lists_itself", "version_told"]

_OF_BUCKET: Final[Mapping[type[SyncAction], tuple[str, ...]]] = {
    UploadAction: ("upload", "create_file"),
    DownloadAction: ("download_file_by_id",),
    CopyAction: ("copy",),
    HideAction: ("hide_file",),
    DeleteAction: ("delete_file_version",),
}
"""The methods of a bucket that do an action."""
_OF_API: Final[Mapping[type[SyncAction], tuple[str, ...]]] = {
    DownloadAction: ("download_file_by_id",),
    DeleteAction: ("delete_file_version",),
}
"""The methods of an account that these call."""

_BUCKETS: Final = Originals(Bucket, ("ls", *(name for names in _OF_BUCKET.values() for name in names)))
_APIS: Final = Originals(B2Api, (name for names in _OF_API.values() for name in names))


def left_to(bucket: Bucket) -> frozenset[type[SyncAction]]:
    """The actions that somebody's own methods do."""
    return frozenset(_left(bucket))


def _left(bucket: Bucket) -> Iterator[type[SyncAction]]:
    for kind, names in _OF_BUCKET.items():
        if _BUCKETS.any_replaced(bucket, names) or _APIS.any_replaced(bucket.api, _OF_API.get(kind, ())):
            yield kind


def lists_itself(bucket: Bucket) -> bool:
    """Whether what is in the bucket is what somebody's own `ls` says."""
    return _BUCKETS.replaced(bucket, "ls")


def version_told(version: FileVersionInfo) -> ListedVersion:
    """A version as an `ls` tells it, for the core. What a mock was not told to say is nothing."""
    told: object = version.file_info
    info: Mapping[str, str] = told if isinstance(told, Mapping) else {}
    sha1, uploaded = version.content_sha1, version.upload_timestamp
    return ListedVersion(
        version.action or "upload",
        version.size or 0,
        sha1 if isinstance(sha1, str) else None,
        None if version.id_ is None else FileId(version.id_),
        ListedInfo(info.get(SRC_LAST_MODIFIED), info.get(LARGE_FILE_SHA1)),
        version.file_name,
        uploaded if isinstance(uploaded, int) else 0,
    )
