"""What a plan needs of an application key, and what a key lacks: asked before the first call, not found out midway."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from attrs import frozen

from b2pure.model.account import Allowed
from b2pure.model.files import FileVersion
from b2pure.model.ids import BucketId
from b2pure.model.places import B2Folder, Place
from b2pure.model.policy import KeepOrDelete, NoDelete
from b2pure.plan.actions import (
    CopyAction,
    DeleteAction,
    DownloadAction,
    HideAction,
    LocalDeleteAction,
    SyncAction,
    UploadAction,
)
from b2pure.plan.rules import Direction

__all__ = ["Lack", "lacks", "needs", "object_lacks", "object_needs", "policy_needs", "tell_lacks"]


_WRITING: Final = frozenset({"writeFiles", "listFiles"})
_COPYING: Final = frozenset({"writeFiles", "readFiles", "listFiles"})
_READING: Final = frozenset({"readFiles"})
_DELETING: Final = frozenset({"deleteFiles", "listFiles"})
_NOTHING: Final[frozenset[str]] = frozenset()


@frozen
class Lack:
    """Something that the key does not allow, in words."""

    what: str


def needs(action: SyncAction) -> frozenset[str]:
    """The capabilities that an action needs. Everything that checks the destination first also lists files."""
    match action:
        case UploadAction(append_to=FileVersion()):
            return _COPYING
        case UploadAction() | HideAction():
            return _WRITING
        case CopyAction():
            return _COPYING
        case DownloadAction():
            return _READING
        case DeleteAction():
            return _DELETING
        case LocalDeleteAction():
            return _NOTHING
        case _:
            assert_never(action)


def policy_needs(
    direction: Direction, keep: KeepOrDelete, *, listed: bool = True, public: bool = False
) -> frozenset[str]:
    """What a sync may need before anybody knows its plan. Where the source is in B2: whether it is `listed` there, and
    whether its bucket is `public`, which everybody may read.
    """
    needed = {"writeFiles", "listFiles"} if direction != "down" else {"listFiles"} if listed else set()
    if direction != "up" and not public:
        needed.add("readFiles")
    if direction != "down" and not isinstance(keep, NoDelete):
        needed.add("deleteFiles")
    return frozenset(needed)


def object_needs(*, copies: bool) -> frozenset[str]:
    """What a new file needs; one that is made of other files `copies`, or downloads what is too small for a copy."""
    return frozenset({"writeFiles", "readFiles"} if copies else {"writeFiles"})


def lacks(needed: Iterable[str], places: Iterable[Place], allowed: Allowed) -> tuple[Lack, ...]:
    """What is missing from a key for these capabilities in these places: capabilities, buckets, name prefix."""
    found = _capability_lacks(needed, allowed)
    for place in places:
        if isinstance(place, B2Folder):
            found += _bucket_lacks(place.bucket_id, place.bucket_name, allowed)
            found += _name_lacks(place.prefix, f"the sync is for {place.prefix or 'the whole bucket'!r}", allowed)
    return tuple(found)


def object_lacks(
    needed: Iterable[str], bucket_id: BucketId, bucket_name: str, file_name: str, allowed: Allowed
) -> tuple[Lack, ...]:
    """What is missing from a key for a new file of this name."""
    found = _capability_lacks(needed, allowed) + _bucket_lacks(bucket_id, bucket_name, allowed)
    return (*found, *_name_lacks(file_name, f"the file is {file_name!r}", allowed))


def tell_lacks(missing: Iterable[Lack]) -> str:
    """In words."""
    return ", ".join(lack.what for lack in missing)


def _capability_lacks(needed: Iterable[str], allowed: Allowed) -> list[Lack]:
    return [Lack(f"the capability {name}") for name in sorted(set(needed) - allowed.capabilities)]


def _bucket_lacks(bucket_id: BucketId | None, name: str, allowed: Allowed) -> list[Lack]:
    if allowed.bucket_ids is None or bucket_id is None or bucket_id in allowed.bucket_ids:
        return []
    return [Lack(f"access to the bucket {name or bucket_id!r}")]


def _name_lacks(name: str, what: str, allowed: Allowed) -> list[Lack]:
    if allowed.name_prefix is None or name.startswith(allowed.name_prefix):
        return []
    return [Lack(f"access to names outside {allowed.name_prefix!r} ({what})")]
