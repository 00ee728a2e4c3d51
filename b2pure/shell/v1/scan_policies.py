"""Which files take part in a sync, as the numbered interface says it.

Rules. The decision is the core's `Scanner`. A manager whose questions a subclass answers is asked each of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import field, frozen

from b2pure.model import files
from b2pure.model.policy import ScanPolicies
from b2pure.plan.scan import Scanner, ScanSide, compile_scan
from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.exceptions import InvalidArgument
from b2pure.shell.v1.own_methods import Originals
from b2pure.shell.v1.sync_file import FileVersion

__all__ = ["DEFAULT_SCAN_MANAGER", "ScanPoliciesManager", "scanner_of"]

Regexes = Iterable[str | re.Pattern[str]] | re.Pattern[str]

_FLAGS: Final = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"), (re.VERBOSE, "x"), (re.ASCII, "a"))


class ScanPoliciesManager:
    """Policy object used when scanning folders for syncing, used to decide which files to include in the list of files
    to be synced.

    Regexes match from the start of the path, relative to the folder. `exclude_dir_regexes` leave out directories,
    `exclude_file_regexes` files, unless `include_file_regexes` let them in. `exclude_modified_before` and
    `exclude_modified_after` (ms since 1970) leave out versions of files.
    """

    @checked()
    def __init__(
        self,
        exclude_dir_regexes: Regexes = (),
        exclude_file_regexes: Regexes = (),
        include_file_regexes: Regexes = (),
        exclude_all_symlinks: bool = False,
        exclude_modified_before: int | None = None,
        exclude_modified_after: int | None = None,
    ) -> None:
        try:
            self.policies = ScanPolicies(
                exclude_dir_regexes=_texts(exclude_dir_regexes),
                exclude_file_regexes=_texts(exclude_file_regexes),
                include_file_regexes=_texts(include_file_regexes),
                exclude_all_symlinks=exclude_all_symlinks,
                exclude_modified_before=exclude_modified_before,
                exclude_modified_after=exclude_modified_after,
            )
        except ValueError as wrong:
            name, _, told = str(wrong).partition(" ")
            raise InvalidArgument(name.rstrip(":"), told) from None
        self.exclude_all_symlinks = exclude_all_symlinks
        self.scanner = compile_scan(self.policies)

    def should_exclude_file(self, file_path: str) -> bool:
        """Given the full path of a file, relative to the root directory being scanned, decide if it should be excluded
        from the scan.
        """
        return self.scanner.excludes_file(file_path)

    def should_exclude_file_version(self, file_version: Any) -> bool:
        """Given the modification time of a file version (`mod_time`), decide if it should be excluded from the scan."""
        return self.scanner.local_time_rule(file_version.mod_time) is not None

    def should_exclude_directory(self, dir_path: str) -> bool:
        """Given the full path of a directory, without a '/' at its end, decide if all of the files in it should be
        excluded from the scan.
        """
        return self.scanner.excludes_directory(dir_path)


def _texts(regexes: Regexes) -> tuple[str, ...]:
    if isinstance(regexes, str | re.Pattern):
        regexes = (regexes,)
    return tuple(regex if isinstance(regex, str) else _text(regex) for regex in regexes)


def _text(regex: re.Pattern[str]) -> str:
    """A compiled regex as text that has its flags."""
    flags = "".join(letter for flag, letter in _FLAGS if regex.flags & flag)
    return f"(?{flags}:{regex.pattern})" if flags else regex.pattern


_ORIGINALS: Final = Originals(
    ScanPoliciesManager, ("should_exclude_file", "should_exclude_file_version", "should_exclude_directory")
)


FullName = Callable[[ScanSide | None, str], str]
"""The name of a file in B2 on this side; for None, the full path of a local one."""


def scanner_of(manager: ScanPoliciesManager, full_name: FullName) -> Scanner:
    """What the core asks."""
    if not _ORIGINALS.any_replaced(manager):
        return manager.scanner
    symlinks = bool(getattr(manager, "exclude_all_symlinks", False))
    return _Asking(
        policies=ScanPolicies(exclude_all_symlinks=symlinks),
        file_rule=lambda path: "should_exclude_file" if manager.should_exclude_file(path) else None,
        directory_rule=lambda path: "should_exclude_directory" if manager.should_exclude_directory(path) else None,
        filters_names=True,
        filters_times=True,
        manager=manager,
        full_name=full_name,
    )


@frozen(eq=False)
class _Asking(Scanner):
    """Asks somebody's manager."""

    manager: ScanPoliciesManager = field(kw_only=True)
    full_name: FullName = field(kw_only=True)

    def local_rule(self, item: files.LocalPath) -> str | None:
        """What the manager says of a local file."""
        full = self.full_name(None, item.path)
        return self._rule(FileVersion(full, item.path, item.mod_time_millis, "upload", item.size))

    def rule_of(self, path: str, version: files.FileVersion, side: ScanSide) -> str | None:
        """What the manager says of a version in B2."""
        name, action = self.full_name(side, path), version.action
        return self._rule(FileVersion(version.file_id, name, version.mod_time_millis, action, version.size))

    def _rule(self, version: FileVersion) -> str | None:
        return "should_exclude_file_version" if self.manager.should_exclude_file_version(version) else None


DEFAULT_SCAN_MANAGER: Final = ScanPoliciesManager()
"""Every file takes part."""
