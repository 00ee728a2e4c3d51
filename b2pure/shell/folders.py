"""Local folders as a client needs them: something to scan, and a disk for the effects."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, Protocol

from b2pure.effects.handlers import Disk
from b2pure.model.errors import LocalFailure
from b2pure.model.files import LocalItem, SkippedPath
from b2pure.model.names import PathFlavour
from b2pure.plan.merge import speaks_of
from b2pure.plan.scan import Scanner
from b2pure.shell.disk import LocalDisk
from b2pure.shell.scan import scan

__all__ = ["Folder", "FolderDisk", "FolderOpener", "LocalFolderOnDisk", "Role", "open_folder"]

Role = Literal["source", "destination"]


class Folder(Protocol):
    """A local folder."""

    @property
    def root(self) -> str:
        """Its path, the same from wherever it is named."""
        ...

    @property
    def disk(self) -> Disk: ...
    @property
    def flavour(self) -> PathFlavour: ...
    def scan(self, scanner: Scanner, role: Role) -> Iterator[LocalItem]:
        """Its files in B2's order. Raises ScanFailed when a source cannot be read; a destination may be missing."""
        ...

    def look(self, path: str, scanner: Scanner, role: Role) -> LocalItem | None:
        """What a scan tells of this path, or of a folder above it. Nothing is changed. Raises ScanFailed."""
        ...

    def ensure(self) -> LocalFailure | None:
        """Make the folder if it is missing; the failure if it cannot be."""
        ...

    def tidy(self, paths: Iterable[str]) -> None:
        """Remove the temporary files of ours that nobody uses any more from the folders that these paths are in."""
        ...

    def close(self) -> None:
        """Leave no temporary file behind."""
        ...


class FolderDisk(Disk, Protocol):
    """The disk of a folder, whose temporary files are removed."""

    def remove_stale_temp(self, path: str) -> bool:
        """Remove a temporary file that a killed run left behind; whether it was one."""
        ...

    def close(self) -> None:
        """Discard the temporary files that are left."""
        ...


FolderOpener = Callable[[str], Folder]


class LocalFolderOnDisk:
    """A folder of the real file system."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(os.path.expanduser(root))
        self.disk: FolderDisk = LocalDisk(self.root, rooted=True)
        self.flavour: PathFlavour = "windows" if os.name == "nt" else "posix"

    def scan(self, scanner: Scanner, role: Role) -> Iterator[LocalItem]:
        if role == "destination" and not os.path.lexists(self.root):
            return iter(())
        items = scan(
            self.root,
            excludes_directory=scanner.excludes_directory if scanner.filters_names else None,
            excludes_file=scanner.excludes_file if scanner.filters_names else None,
            exclude_symlinks=scanner.policies.exclude_all_symlinks,
            stay_inside=role == "destination",
        )
        return self._without_leftovers(items) if role == "destination" else items

    def look(self, path: str, scanner: Scanner, role: Role) -> LocalItem | None:
        if role == "destination" and not os.path.lexists(self.root):
            return None
        way = {path[:at] for at, letter in enumerate(path) if letter == "/"} | {path}
        items = scan(
            self.root,
            excludes_directory=lambda folder: folder not in way or scanner.excludes_directory(folder),
            excludes_file=lambda file: file not in way or scanner.excludes_file(file),
            exclude_symlinks=scanner.policies.exclude_all_symlinks,
            stay_inside=role == "destination",
            ahead=None,
        )
        return next((item for item in items if speaks_of(item, path)), None)

    def _without_leftovers(self, items: Iterator[LocalItem]) -> Iterator[LocalItem]:
        """Temporary files that a killed run left at a destination are removed; those in use stay and are told."""
        for item in items:
            leftover = isinstance(item, SkippedPath) and item.why == "temporary file"
            if not (leftover and self.disk.remove_stale_temp(item.path)):
                yield item

    def ensure(self) -> LocalFailure | None:
        try:
            os.makedirs(self.root, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            return LocalFailure("make the folder", self.root, "a file is in its way; choose another folder")
        except OSError as error:
            return LocalFailure("make the folder", self.root, error.strerror or str(error))
        return None

    def tidy(self, paths: Iterable[str]) -> None:
        for above in {path.rpartition("/")[0] for path in paths}:
            try:
                names = os.listdir(os.path.join(self.root, *above.split("/")))
            except (OSError, ValueError):
                continue  # it was never made, or has a name that the system cannot have
            for name in names:
                self.disk.remove_stale_temp(f"{above}/{name}" if above else name)

    def close(self) -> None:
        self.disk.close()


def open_folder(root: str) -> Folder:
    """The folder at this path, `~` expanded."""
    return LocalFolderOnDisk(root)
