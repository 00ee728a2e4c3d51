"""From what B2 lists to what a sync compares: file objects to versions, pages of versions to paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from b2pure.model.files import B2Path, FileVersion
from b2pure.model.new_file import LARGE_FILE_SHA1, SRC_LAST_MODIFIED
from b2pure.model.replies import FileReply

__all__ = ["content_sha1_of", "group_versions", "mod_time_of", "version_of"]

_MILLIS: Final = re.compile(r"-?[0-9]{1,15}\Z")
_SHA1: Final = re.compile(r"[0-9a-f]{40}\Z")


def version_of(reply: FileReply) -> FileVersion | None:
    """The version that a listed file object stands for; None for unfinished large files and folder entries."""
    action = reply.action
    if action in ("start", "folder") or reply.file_id is None:
        return None
    info = reply.file_info
    return FileVersion(
        reply.file_id,
        "hide" if action == "hide" else "upload",
        reply.content_length,
        mod_time_of(info, reply.upload_timestamp),
        reply.upload_timestamp,
        content_sha1_of(reply.content_sha1, info),
    )


def mod_time_of(file_info: Mapping[str, str] | None, upload_timestamp: int) -> int:
    """When the source was modified (milliseconds since the epoch), as the uploader wrote it down; else the upload."""
    given = file_info.get(SRC_LAST_MODIFIED) if file_info else None
    return int(given) if given is not None and _MILLIS.match(given) else upload_timestamp


def content_sha1_of(content_sha1: str | None, file_info: object) -> str | None:
    """The hex SHA-1 of the whole content, from B2's field (`unverified:` is B2's own computation) or the file info."""
    if content_sha1 is not None and content_sha1 != "none":
        digest = content_sha1.removeprefix("unverified:")
        return digest if _SHA1.match(digest) else None
    known = file_info.get(LARGE_FILE_SHA1) if isinstance(file_info, dict) else None
    return known if known is not None and _SHA1.match(known) else None


def group_versions(files: Iterable[FileReply], prefix: str) -> Iterator[B2Path]:
    """Listed versions, in B2's order, as one path per name; `prefix` is cut off. A name may span pages: give the
    pages as one stream.
    """
    name: str | None = None
    versions: list[FileVersion] = []
    cut = len(prefix)
    for reply in files:
        if reply.file_name != name:
            if versions and name is not None:
                yield B2Path(name[cut:], tuple(versions))
            name, versions = reply.file_name, []
        version = version_of(reply)
        if version is not None:
            versions.append(version)
    if versions and name is not None:
        yield B2Path(name[cut:], tuple(versions))
