"""What a scan finds: local files, B2 files with all their versions, and paths that could not be read.

Order everywhere is B2's own: by the UTF-8 bytes of the name, which is Python's order of `str`. Versions of one
name come newest first, as b2_list_file_versions returns them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from attrs import frozen

from b2pure.model.ids import FileId
from b2pure.model.record import Record

__all__ = [
    "ALMOST_NEXT",
    "NS_PER_MILLI",
    "B2Item",
    "B2Path",
    "B2Tree",
    "FileVersion",
    "LocalFact",
    "LocalItem",
    "LocalPath",
    "LocalTree",
    "SkipWhy",
    "SkippedPath",
    "VersionAction",
    "millis_from_ns",
]

NS_PER_MILLI: Final = 1_000_000
"""Nanoseconds, as file systems count, in one of B2's milliseconds."""
ALMOST_NEXT: Final = 999_000
"""So many nanoseconds after a full millisecond `millis_from_ns` has a closer look; before, it rounds down."""
_NS_PER_SECOND: Final = 10**9

VersionAction = Literal["upload", "hide"]
"""`upload` makes the name visible with this content, `hide` makes it invisible; an unfinished file is no version."""

SkipWhy = Literal[
    "unreadable",
    "broken symlink",
    "symlink loop",
    "not a file",
    "undecodable",
    "temporary file",
    "excluded symlink",
    "linked folder",
]
"""`excluded symlink` is what a policy leaves out (exclude_all_symlinks); all others are a person's business."""


class LocalFact(Record, frozen=True):
    """What was seen of a local file: size in bytes, modification time in milliseconds since the epoch."""

    size: int
    mod_time_millis: int


class LocalPath(Record, frozen=True):
    """A local file. `path` is relative to the folder, with `/` between segments. `sha1` is hex, when it was needed."""

    path: str
    size: int
    mod_time_millis: int
    sha1: str | None = None

    def fact(self) -> LocalFact:
        """What a later apply compares with the file."""
        return LocalFact(self.size, self.mod_time_millis)


class FileVersion(Record, frozen=True):
    """One version of a B2 file.

    `mod_time_millis` is `src_last_modified_millis` of the file info where it is there and sane, else the upload
    timestamp. `sha1` is the hex SHA-1 of the whole content where B2 or the uploader recorded it.
    """

    file_id: FileId
    action: VersionAction
    size: int
    mod_time_millis: int
    upload_timestamp: int
    sha1: str | None = None


class B2Path(Record, frozen=True):
    """A B2 file name (relative to the synced prefix) with all its versions, newest first. Never without a version."""

    path: str
    versions: tuple[FileVersion, ...]

    def visible(self) -> FileVersion | None:
        """The version that a download by name gives, or None when the name is hidden."""
        newest = self.versions[0]
        return newest if newest.action == "upload" else None


class SkippedPath(Record, frozen=True):
    """A path that a scan found and could not use. It still takes its place in the order of names, so that a planner
    never mistakes it for an absent file. With `subtree` it is, or may be, a folder: then everything below
    `path + "/"` is unknown as well.
    """

    path: str
    why: SkipWhy
    detail: str
    subtree: bool = False


LocalItem = LocalPath | SkippedPath
B2Item = B2Path | SkippedPath


@frozen
class LocalTree:
    """The files of a local folder in B2's order, as a stream or a collection."""

    items: Iterable[LocalItem]

    def __iter__(self) -> Iterator[LocalItem]:
        return iter(self.items)


@frozen
class B2Tree:
    """The files of a bucket below a prefix, with versions, in B2's order, as a stream or a collection.

    `prefix` is what stands before every `path` in the bucket: empty, or ending with `/`.
    """

    items: Iterable[B2Item]
    prefix: str = ""

    def __iter__(self) -> Iterator[B2Item]:
        return iter(self.items)


def millis_from_ns(ns: int) -> int:
    """A file system's nanoseconds as B2's milliseconds: rounded down, the same way everywhere, so that a time that
    went to B2 and back compares equal.

    But a time less than a microsecond before the next millisecond is that one where b2sdk and the b2 command line,
    which count in floats, write that one down: else each would find the other's files newer than they are. Before 1970,
    and from 2242 on, where floats are too coarse, times are rounded down.
    """
    millis, rest = divmod(ns, NS_PER_MILLI)
    if rest < ALMOST_NEXT or ns < 0:
        return millis
    seconds, nanos = divmod(ns, _NS_PER_SECOND)
    return max(millis, int((seconds + 1e-9 * nanos) * 1000))
