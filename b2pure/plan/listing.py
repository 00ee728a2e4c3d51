"""From what B2 lists to what a sync compares: file objects to versions, pages of versions to paths.

`paths_of` runs for every version of a bucket, so it does what `version_of` does without a call for a usual file; a law
holds it to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from b2pure.model.files import B2Path, FileVersion, VersionAction
from b2pure.model.new_file import LARGE_FILE_SHA1, SRC_LAST_MODIFIED
from b2pure.model.replies import FileReply, FileVersionPage, ListedInfo, ListedPage, ListedVersion

__all__ = [
    "content_sha1_of",
    "group_versions",
    "listed_page",
    "listed_version",
    "mod_time_of",
    "paths_of",
    "version_of",
]

_MILLIS: Final = re.compile(r"-?[0-9]{1,15}\Z")
_SHA1: Final = re.compile(r"[0-9a-f]{40}\Z")
_NO_VERSION: Final = ("start", "folder")
"""Listed actions of what is not there (yet)."""
_USUAL_MILLIS_DIGITS: Final = 13
"""Of a time between the years 2001 and 2286."""
_SHA1_DIGITS: Final = 40
_HEX_DIGITS: Final = "0123456789abcdef"


def version_of(reply: FileReply) -> FileVersion | None:
    """The version that a listed file object stands for; None for unfinished large files and folder entries."""
    action = reply.action
    if action in _NO_VERSION or reply.file_id is None:
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
    return _time_of(file_info.get(SRC_LAST_MODIFIED) if file_info else None, upload_timestamp)


def _time_of(given: str | None, upload_timestamp: int) -> int:
    return int(given) if given is not None and _MILLIS.match(given) else upload_timestamp


def content_sha1_of(content_sha1: str | None, file_info: Mapping[str, str] | None) -> str | None:
    """The hex SHA-1 of the whole content, from B2's field (`unverified:` is B2's own computation) or the file info."""
    return _sha1_of(content_sha1, file_info.get(LARGE_FILE_SHA1) if file_info else None)


def _sha1_of(content_sha1: str | None, large_file_sha1: str | None) -> str | None:
    if content_sha1 is not None and content_sha1 != "none":
        digest = content_sha1.removeprefix("unverified:")
        return digest if _SHA1.match(digest) else None
    return large_file_sha1 if large_file_sha1 is not None and _SHA1.match(large_file_sha1) else None


def group_versions(files: Iterable[FileReply], prefix: str) -> Iterator[B2Path]:
    """`paths_of` for whole file objects, as one stream."""
    return paths_of((map(listed_version, files),), prefix)


def listed_version(reply: FileReply) -> ListedVersion:
    """What a sync compares of a file object."""
    info = ListedInfo(reply.file_info.get(SRC_LAST_MODIFIED), reply.file_info.get(LARGE_FILE_SHA1))
    return ListedVersion(
        reply.action,
        reply.content_length,
        reply.content_sha1,
        reply.file_id,
        info,
        reply.file_name,
        reply.upload_timestamp,
    )


def listed_page(page: FileVersionPage) -> ListedPage:
    """What a sync compares of a page."""
    return ListedPage(tuple(map(listed_version, page.files)), page.next_file_name, page.next_file_id)


def paths_of(pages: Iterable[Iterable[ListedVersion]], prefix: str) -> Iterator[B2Path]:
    """Listed versions, in B2's order, as one path per name; `prefix` is cut off. A name may span pages. Unfinished
    large files and folder entries are no versions.
    """
    name: str | None = None
    versions: tuple[FileVersion, ...] = ()
    cut = len(prefix)
    for page in pages:
        for file in page:
            if file.file_name != name:
                if versions and name is not None:
                    yield B2Path(name[cut:] if cut else name, versions)
                name, versions = file.file_name, ()
            file_id, action, stamp, info = file.file_id, file.action, file.upload_timestamp, file.file_info
            if file_id is None or (action != "upload" and action in _NO_VERSION):
                continue
            given, sha1 = info.src_last_modified_millis, file.content_sha1
            if given is not None and len(given) == _USUAL_MILLIS_DIGITS and given.isascii() and given.isdigit():
                modified = int(given)
            else:
                modified = _time_of(given, stamp)
            if sha1 is None or len(sha1) != _SHA1_DIGITS or sha1.strip(_HEX_DIGITS):
                sha1 = _sha1_of(sha1, info.large_file_sha1)
            kind: VersionAction = "hide" if action == "hide" else "upload"
            version = FileVersion(file_id, kind, file.content_length, modified, stamp, sha1)
            versions = (*versions, version) if versions else (version,)
    if versions and name is not None:
        yield B2Path(name[cut:], versions)
