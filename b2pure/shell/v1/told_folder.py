"""The local side of a sync of the numbered interface: a directory, or what somebody's own folder says of itself.

Rules. Of what cannot take part the reporter is told, or the log where there is none, and who `hear`s of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from b2pure.model.errors import describe
from b2pure.model.files import LocalItem, SkippedPath
from b2pure.plan.scan import Scanner
from b2pure.shell.folders import LocalFolderOnDisk, Role
from b2pure.shell.v1.exceptions import CommandError
from b2pure.shell.v1.folder import AbstractFolder, core_root, maps_paths, report_skipped, tells_files_itself
from b2pure.shell.v1.mapped_folder import MappedDisk
from b2pure.shell.v1.scan_policies import ScanPoliciesManager
from b2pure.shell.v1.sync_file import File, local_path
from b2pure.shell.v1.sync_report import SyncReport

__all__ = ["ToldFolder"]


class ToldFolder(LocalFolderOnDisk):
    """A local folder that tells the reporter of what cannot take part; its files may be what somebody else says."""

    def __init__(
        self,
        folder: AbstractFolder,
        reporter: SyncReport | None,
        manager: ScanPoliciesManager,
        hear: Callable[[SkippedPath], None],
    ) -> None:
        super().__init__(core_root(folder))
        self._folder, self._reporter, self._manager, self._hear = folder, reporter, manager, hear
        self._tells = tells_files_itself(folder)
        self._mapped: MappedDisk | None = None
        if maps_paths(folder):
            self.disk = self._mapped = MappedDisk(self.root, folder.make_full_path, by_disk=not self._tells)

    def scan(self, scanner: Scanner, role: Role) -> Iterator[LocalItem]:
        if self._mapped is not None:
            self._mapped.sends = role == "source"
        if not self._tells:
            return self._told(super().scan(scanner, role))
        files = self._folder.all_files(self._reporter, self._manager)
        return map(local_path, files if role == "source" else self._noted(files))

    def _noted(self, files: Iterator[File]) -> Iterator[File]:
        """A destination's files; those that do not lie where their names say are remembered."""
        assert self._mapped is not None, "who tells files itself has a disk of its own"
        for file in files:
            self._mapped.note(file.name, file.latest_version().id_)
            yield file

    def ensure(self) -> None:
        """Raises CommandError, which no report of a run would tell of."""
        trouble = super().ensure()
        if trouble is not None:
            raise CommandError(describe(trouble))

    def tidy(self, paths: Iterable[str]) -> None:
        super().tidy(paths if self._mapped is None else filter(None, map(self._mapped.below, paths)))

    def _told(self, items: Iterator[LocalItem]) -> Iterator[LocalItem]:
        for item in items:
            if isinstance(item, SkippedPath):
                self._hear(item)
                report_skipped(self._reporter, self, item)
            yield item
