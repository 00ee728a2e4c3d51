"""What a plan needs of an application key, and what a key lacks: asked before the first call, not found out midway."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from attrs import frozen

from b2pure.model.account import Allowed
from b2pure.model.files import FileVersion
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

__all__ = ["Lack", "lacks", "needs", "policy_needs"]


@frozen
class Lack:
    """Something that the key does not allow, in words."""

    what: str


def needs(action: SyncAction) -> frozenset[str]:
    """The capabilities that an action needs. Everything that checks the destination first also lists files."""
    match action:
        case UploadAction(append_to=FileVersion()):
            return frozenset({"writeFiles", "readFiles", "listFiles"})
        case UploadAction() | HideAction():
            return frozenset({"writeFiles", "listFiles"})
        case CopyAction():
            return frozenset({"writeFiles", "readFiles", "listFiles"})
        case DownloadAction():
            return frozenset({"readFiles"})
        case DeleteAction():
            return frozenset({"deleteFiles", "listFiles"})
        case LocalDeleteAction():
            return frozenset()
        case _:
            assert_never(action)


def policy_needs(direction: Direction, keep: KeepOrDelete) -> frozenset[str]:
    """What a sync may need before anybody knows its plan."""
    needed = {"listFiles", "readFiles"} if direction == "down" else {"listFiles", "writeFiles"}
    if direction == "copy":
        needed.add("readFiles")
    if direction != "down" and not isinstance(keep, NoDelete):
        needed.add("deleteFiles")
    return frozenset(needed)


def lacks(needed: Iterable[str], places: Iterable[Place], allowed: Allowed) -> tuple[Lack, ...]:
    """What is missing from a key for these capabilities in these places: capabilities, buckets, name prefix."""
    found = [Lack(f"the capability {name}") for name in sorted(set(needed) - allowed.capabilities)]
    for place in places:
        if isinstance(place, B2Folder):
            found.extend(_place_lacks(place, allowed))
    return tuple(found)


def _place_lacks(place: B2Folder, allowed: Allowed) -> list[Lack]:
    found = []
    if allowed.bucket_ids is not None and place.bucket_id is not None and place.bucket_id not in allowed.bucket_ids:
        found.append(Lack(f"access to the bucket {place.bucket_name!r}"))
    if allowed.name_prefix is not None and not place.prefix.startswith(allowed.name_prefix):
        wanted = place.prefix or "the whole bucket"
        found.append(Lack(f"access to names outside {allowed.name_prefix!r} (the sync is for {wanted!r})"))
    return found
