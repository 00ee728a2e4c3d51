"""The scan policy as a predicate: which files and versions take part, and by which rule one does not.

The seed's prefix semantics: a regex has to match from the start of the path, not to its end. A directory regex is
tried on every folder that the file lies in, which is what b2sdk's rewriting of the regex means for regexes of one
alternative, and what it should mean for the others (`a|b`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

from attrs import frozen

from b2pure.model.files import FileVersion, LocalPath
from b2pure.model.policy import ScanPolicies

__all__ = ["EVERYTHING", "ScanSide", "Scanner", "compile_scan"]

Rule = Callable[[str], str | None]
ScanSide = Literal["source", "destination"]


@frozen(eq=False)
class Scanner:
    """A compiled ScanPolicies. Each function returns the rule that leaves something out, or None to keep it."""

    policies: ScanPolicies
    file_rule: Rule
    directory_rule: Rule
    filters_names: bool
    filters_times: bool

    def excludes_directory(self, path: str) -> bool:
        """Whether nothing below the folder can take part, so that nobody needs to look into it."""
        return self.directory_rule(path) is not None

    def excludes_file(self, path: str) -> bool:
        """Whether the file's name leaves it out."""
        return self.file_rule(path) is not None

    def local_time_rule(self, mod_time_millis: int) -> str | None:
        """The rule that leaves out a local file with this modification time. Both ends of the range belong to it."""
        p = self.policies
        if p.exclude_modified_before is not None and mod_time_millis < p.exclude_modified_before:
            return f"exclude_modified_before {p.exclude_modified_before}"
        if p.exclude_modified_after is not None and mod_time_millis > p.exclude_modified_after:
            return f"exclude_modified_after {p.exclude_modified_after}"
        return None

    def version_rule(self, version: FileVersion) -> str | None:
        """The rule that leaves out this version of a B2 file."""
        p = self.policies
        if p.exclude_uploaded_before is not None and version.upload_timestamp < p.exclude_uploaded_before:
            return f"exclude_uploaded_before {p.exclude_uploaded_before}"
        if p.exclude_uploaded_after is not None and version.upload_timestamp > p.exclude_uploaded_after:
            return f"exclude_uploaded_after {p.exclude_uploaded_after}"
        return self.local_time_rule(version.mod_time_millis)

    def local_rule(self, item: LocalPath) -> str | None:
        """The rule that leaves out this local file, but for its name."""
        return self.local_time_rule(item.mod_time_millis)

    def rule_of(self, path: str, version: FileVersion, side: ScanSide) -> str | None:
        """As `version_rule`, for who wants to know which file of which side it is a version of."""
        return self.version_rule(version)


def compile_scan(policies: ScanPolicies) -> Scanner:
    """Compile once, ask for every file."""
    p = policies
    excludes = _alternatives("exclude_file_regexes", p.exclude_file_regexes)
    includes = _alternatives("include_file_regexes", p.include_file_regexes)
    directories = _alternatives("exclude_dir_regexes", p.exclude_dir_regexes)
    folder_rule = _folder_rule(directories)

    def file_rule(path: str) -> str | None:
        rule = folder_rule(path)
        if rule is not None:
            return rule
        rule = excludes(path)
        return None if rule is None or includes(path) is not None else rule

    def directory_rule(path: str) -> str | None:
        return directories(path) or folder_rule(path)

    times = (p.exclude_modified_before, p.exclude_modified_after, p.exclude_uploaded_before, p.exclude_uploaded_after)
    return Scanner(
        policies=policies,
        file_rule=file_rule,
        directory_rule=directory_rule,
        filters_names=bool(p.exclude_dir_regexes or p.exclude_file_regexes),
        filters_times=any(time is not None for time in times),
    )


def _alternatives(field: str, regexes: tuple[str, ...]) -> Rule:
    """The first of the regexes that matches from the start, told with its field."""
    compiled = [(re.compile(regex).match, f"{field} {regex!r}") for regex in regexes]

    def rule(path: str) -> str | None:
        for match, told in compiled:
            if match(path) is not None:
                return told
        return None

    return rule


def _folder_rule(directories: Rule) -> Rule:
    """The directory rule that any folder on the way to a file meets. Remembers the folder asked last, because names
    come in order and a folder's files together.
    """
    last: tuple[str, str | None] = ("", None)

    def rule(path: str) -> str | None:
        nonlocal last
        folder = path.rpartition("/")[0]
        if not folder:
            return None
        known, told = last
        if known != folder:
            told = next((found for parent in _folders(folder) if (found := directories(parent)) is not None), None)
            last = (folder, told)
        return told

    return rule


def _folders(folder: str) -> list[str]:
    """The folder and those it lies in, outermost first."""
    parts = folder.split("/")
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


EVERYTHING: Final = compile_scan(ScanPolicies())
"""Leaves nothing out."""
