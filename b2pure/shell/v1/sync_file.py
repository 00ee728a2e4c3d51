"""Files as folders of the numbered interface tell them, and what they are to the core."""

from __future__ import annotations

from collections.abc import Sequence

from b2pure.model import files
from b2pure.model.files import B2Path, LocalPath
from b2pure.model.ids import FileId

__all__ = ["File", "FileVersion", "b2_path", "file_of", "local_path"]


class FileVersion:
    """Hold information about one version of a file: `id_` is the B2 file id, or the local full path name, `mod_time` is
    in milliseconds, `action` "hide" or "upload" (never "start"), `size` in bytes.
    """

    __slots__ = ("action", "id_", "mod_time", "name", "size")

    def __init__(self, id_: str, file_name: str, mod_time: int, action: str, size: int) -> None:
        self.id_, self.name, self.mod_time, self.action, self.size = id_, file_name, mod_time, action, size

    def __repr__(self) -> str:
        return f"FileVersion({self.id_!r}, {self.name!r}, {self.mod_time!r}, {self.action!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileVersion) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    def __hash__(self) -> int:
        return hash((self.id_, self.name))


class File:
    """Hold information about one file in a folder. The name is relative to the folder in all cases.

    Files that have multiple versions (which only happens in B2, not in local folders) include information about all of
    the versions, most recent first.
    """

    __slots__ = ("name", "versions")

    def __init__(self, name: str, versions: Sequence[FileVersion]) -> None:
        self.name, self.versions = name, versions

    def latest_version(self) -> FileVersion:
        """Return the latest file version."""
        return self.versions[0]

    def __repr__(self) -> str:
        return f"File({self.name}, [{', '.join(map(repr, self.versions))}])"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, File) and (self.name, list(self.versions)) == (other.name, list(other.versions))

    def __hash__(self) -> int:
        return hash(self.name)


def file_of(item: LocalPath | B2Path, full_path: str) -> File:
    """A file as folders tell it."""
    if isinstance(item, LocalPath):
        return File(item.path, [FileVersion(full_path, item.path, item.mod_time_millis, "upload", item.size)])
    return File(
        item.path,
        [FileVersion(each.file_id, full_path, each.mod_time_millis, each.action, each.size) for each in item.versions],
    )


def local_path(file: File) -> LocalPath:
    """A local file for the core."""
    latest = file.latest_version()
    return LocalPath(file.name, latest.size, latest.mod_time)


def b2_path(file: File) -> B2Path:
    """A file in B2 for the core. Folders do not tell when a version was uploaded: its modification time stands for
    that. Of a file that tells no versions, as a mock, the latest is all.
    """
    return B2Path(
        file.name,
        tuple(
            files.FileVersion(
                FileId(each.id_), "hide" if each.action == "hide" else "upload", each.size, each.mod_time, each.mod_time
            )
            for each in list(file.versions) or [file.latest_version()]
        ),
    )
