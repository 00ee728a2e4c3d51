"""The two folders of a sync: whether one can be between them, what asks B2 of them, and whether one is not there."""

from __future__ import annotations

import os
from typing import Final

from b2pure.model.policy import KeepDays, SyncPolicy
from b2pure.shell.v1.exceptions import InvalidArgument
from b2pure.shell.v1.folder import AbstractFolder, bucket_of, in_account
from b2pure.shell.v1.session import Session

__all__ = ["PREFIXES", "check_ends", "is_absent", "sessions_of"]

PREFIXES: Final = {"b2": "b2://", "local": "local://"}
"""What stands before places, by the type of their folder."""


def check_ends(source: AbstractFolder, dest: AbstractFolder, policy: SyncPolicy) -> None:
    """Raises InvalidArgument for folders that no sync can be between."""
    for name, folder in (("source_folder", source), ("dest_folder", dest)):
        if folder.folder_type() not in PREFIXES:
            raise InvalidArgument(name, f"must be of type 'b2' or 'local', not {folder.folder_type()!r}")
    if source.folder_type() == dest.folder_type() == "local":
        raise InvalidArgument("dest_folder", "is local like the source; one of them must be in B2")
    if dest.folder_type() == "local" and isinstance(policy.keep, KeepDays):
        raise InvalidArgument(
            "keep_days_or_delete", "cannot be KEEP_BEFORE_DELETE for a local folder, whose files have no versions"
        )
    accounts = {each.account_info.get_account_id() for each in sessions_of(source, dest)}
    if len(accounts) > 1:
        raise InvalidArgument("source_folder", "is in another account than the destination; B2 copies within one")


def sessions_of(source: AbstractFolder, dest: AbstractFolder) -> list[Session]:
    """What asks B2, of folders that programs run over: first of the destination, where both are in B2."""
    return [bucket_of(each).api.session for each in (dest, source) if each.folder_type() == "b2" and in_account(each)]


def is_absent(folder: AbstractFolder) -> bool:
    """Whether it is a local folder, of those that tell where they are, that is not there."""
    root = getattr(folder, "root", None)
    return folder.folder_type() == "local" and isinstance(root, str) and not os.path.lexists(root)
