"""What a scan goes by, and what it finds in one folder."""

from __future__ import annotations

import os
from collections.abc import Callable

from attrs import define, field, frozen

from b2pure.model.files import LocalItem, SkippedPath, SkipWhy

__all__ = ["Excludes", "Folder", "Found", "Rules"]

Excludes = Callable[[str], bool] | None
"""Whether a path takes no part; None where all do."""


@frozen
class Rules:
    root: str
    excludes_directory: Excludes
    excludes_file: Excludes
    exclude_symlinks: bool
    stay_inside: bool

    def where(self, path: str) -> str:
        return os.path.join(self.root, path) if path else self.root

    def no_folder(self, path: str) -> bool:
        return self.excludes_directory is not None and self.excludes_directory(path)

    def no_file(self, path: str) -> bool:
        return self.excludes_file is not None and self.excludes_file(path)


@frozen(eq=False)
class Folder:
    """A folder that is still to be read. `above` has the identities of the folders on the way to it."""

    path: str
    linked: bool
    above: tuple[tuple[int, int], ...]


@define
class Found:
    """What one folder holds: ordinary files, and everything else by name. Keys are what sorts: names, printable ones
    for what is undecodable.
    """

    prefix: str
    chain: tuple[tuple[int, int], ...]
    files: list[LocalItem] = field(factory=list)
    others: dict[str, LocalItem | Folder] = field(factory=dict)

    @property
    def size(self) -> int:
        """How many names are held of it."""
        return len(self.files) + len(self.others)

    def skip(self, name: str, why: SkipWhy, detail: str, *, subtree: bool = False) -> None:
        self.others[name] = SkippedPath(self.prefix + name, why, detail, subtree)
