"""Places as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2pure.effects.program import ok
from b2pure.model.places import LocalFolder as LocalPlace
from b2pure.model.places import parse_place
from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.exceptions import CommandError
from b2pure.shell.v1.folder import AbstractFolder, B2Folder, LocalFolder

if TYPE_CHECKING:
    from b2pure.shell.v1.api import B2Api

__all__ = ["parse_sync_folder"]


@checked(api="any")
def parse_sync_folder(
    folder_name: str,
    api: B2Api,
    local_folder_class: type[LocalFolder] = LocalFolder,
    b2_folder_class: type[B2Folder] = B2Folder,
) -> AbstractFolder:
    """Take either a local path, or a B2 path, and returns a Folder object for it.

    B2 paths look like: b2://bucketName/path/name. The '//' is optional, because the previous sync command didn't use
    it. Anything else is treated like a local folder. Raises CommandError for what is neither.
    """
    parsed = parse_place(folder_name)
    if not ok(parsed):
        raise CommandError(f"folder_name {parsed.failure().message}")
    place = parsed.unwrap()
    if isinstance(place, LocalPlace):
        return local_folder_class(place.root)
    return b2_folder_class(place.bucket_name, place.prefix, api)
