"""The rules of one sync, compiled, and the decision for one path: `Rules.file` is total, for any two items.

The order of questions, first answer wins: is the path known at all; does a scan policy leave it out; is there a file
at the source; can the destination hold the name; are the two different; and then, whatever was decided about the
transfer, which versions does the destination keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal, TypeVar, assert_never

from attrs import frozen

from b2pure.model.files import B2Path, FileVersion, LocalFact, LocalPath, SkippedPath
from b2pure.model.limits import DEFAULT_PART_SIZES, MAX_FILE_SIZE, PartSizes
from b2pure.model.names import PathFlavour, b2_name_problem, local_path_problem
from b2pure.model.policy import (
    CompareVersionMode,
    KeepDays,
    NoDelete,
    SyncPolicy,
    UploadMode,
)
from b2pure.plan.actions import (
    HIDE_MARKER_NOTE,
    OLD_VERSION_NOTE,
    CopyAction,
    DeleteAction,
    DownloadAction,
    FileSync,
    HideAction,
    LocalDeleteAction,
    Stages,
    SyncAction,
    UploadAction,
)
from b2pure.plan.compare import Comparable, compare
from b2pure.plan.failures import TooLarge, tell_failure
from b2pure.plan.merge import Item
from b2pure.plan.parts import large_copy_parts, large_file_parts
from b2pure.plan.reasons import (
    Changed,
    DestNewer,
    Excluded,
    HiddenDest,
    NewFile,
    Nowhere,
    Reason,
    SourceMissing,
    Unchanged,
    Unknown,
    UnusableName,
)
from b2pure.plan.retention import Newest, Removes, Verdict, retain
from b2pure.plan.scan import EVERYTHING, Scanner, ScanSide, compile_scan

__all__ = ["Direction", "Rules", "make_rules", "why_skipped"]

Direction = Literal["up", "down", "copy"]
"""Local folder to B2, B2 to local folder, B2 to B2."""

T = TypeVar("T", bound=Item)

_NEW = NewFile()
_HIDDEN = HiddenDest()
_MISSING = SourceMissing()


@frozen(eq=False)
class Rules:
    """A policy and the circumstances that it meets. `dest_prefix` stands before each path in a destination bucket."""

    direction: Direction
    policy: SyncPolicy
    scanner: Scanner
    now_millis: int
    part_sizes: PartSizes
    dest_prefix: str
    flavour: PathFlavour

    def file(self, path: str, source: Item | None, dest: Item | None) -> FileSync:
        """What to do for one path, given what each side has of it."""
        if isinstance(source, SkippedPath):
            return FileSync(path, why_skipped(source))
        if isinstance(dest, SkippedPath):
            wanted = FileSync(path, Nowhere()) if source is None else self.file(path, source, None)
            return FileSync(path, why_skipped(dest)) if wanted.stages else wanted
        if self.scanner.filters_names or self.scanner.filters_times:
            return self._filtered(path, source, dest)
        return self._decide(path, _content(source), source is not None, dest)

    def verdicts(self, source: Item | None, dest: B2Path) -> tuple[Verdict, ...]:
        """Every version at the destination with what happens to it and why."""
        sync = self.file(dest.path, source, dest)
        return self._verdicts(dest, _fate_of_newest(sync.reason, bool(sync.stages) and _transfers(sync.stages[0])))

    # --- what a scan of a local side brings here

    def scanner_for(self, side: ScanSide) -> Scanner:
        """What is asked while a side is scanned: where the policy filters the source alone, the destination has all."""
        return EVERYTHING if side == "destination" and self._filters_source_only else self.scanner

    def counts_as_absent(self, item: Item) -> bool:
        """Whether a side is taken to have nothing where the scan found this: b2sdk's way of filtering."""
        return self._filters_source_only and isinstance(item, SkippedPath) and item.why == "excluded symlink"

    def present(self, items: Iterator[T]) -> Iterator[T]:
        """The items of a side without those that count as absent."""
        if not self._filters_source_only:
            return items
        return (item for item in items if not self.counts_as_absent(item))

    @property
    def _filters_source_only(self) -> bool:
        return self.policy.filter_sides == "source"

    # --- the questions, in order

    def _filtered(self, path: str, source: LocalPath | B2Path | None, dest: LocalPath | B2Path | None) -> FileSync:
        """Scan policies: by name, then by the times of versions."""
        rule = self.scanner.file_rule(path)
        content = _content(source)
        if rule is None and source is not None:
            content, rule = self._source_in_time(path, source)
        if rule is not None:
            if self.policy.filter_sides == "both":
                return FileSync(path, Excluded(rule))
            content, source = None, None
        if content is None and self.policy.filter_sides == "both" and dest is not None:
            rule = self._dest_rule(dest)
            if rule is not None:
                return FileSync(path, Excluded(rule))
        return self._decide(path, content, source is not None, dest)

    def _source_in_time(self, path: str, source: LocalPath | B2Path) -> tuple[Comparable | None, str | None]:
        """The source's content within the times of the policy, or the rule that leaves all of it out."""
        if isinstance(source, LocalPath):
            rule = self.scanner.local_rule(source)
            return (source, None) if rule is None else (None, rule)
        for version in source.versions:
            if self.scanner.rule_of(path, version, "source") is None:
                return (version if version.action == "upload" else None), None
        return None, self.scanner.rule_of(path, source.versions[0], "source")

    def _dest_rule(self, dest: LocalPath | B2Path) -> str | None:
        """The rule by which the destination's file is none of our business."""
        if isinstance(dest, LocalPath):
            return self.scanner.local_rule(dest)
        return self.scanner.rule_of(dest.path, dest.versions[0], "destination")

    def _decide(
        self, path: str, content: Comparable | None, in_source: bool, dest: LocalPath | B2Path | None
    ) -> FileSync:
        if content is None:
            if dest is None:
                return FileSync(path, _MISSING if in_source else Nowhere())
            return self._without_source(path, dest)
        if content.size > MAX_FILE_SIZE and self.direction != "down":
            return FileSync(path, UnusableName(tell_failure(TooLarge(content.size))))
        if dest is None:
            problem = self._name_problem(path)
            if problem is not None:
                return FileSync(path, UnusableName(problem))
            return FileSync(path, _NEW, ((self._transfer(path, content, None),),))
        reason = self._reason(content, dest)
        if isinstance(reason, DestNewer):
            return FileSync(path, reason)
        transfers: tuple[SyncAction, ...] = ()
        if not isinstance(reason, Unchanged):
            transfers = (self._transfer(path, content, dest),)
        if isinstance(dest, B2Path) and not isinstance(self.policy.keep, NoDelete):
            return FileSync(path, reason, self._with_versions(dest, transfers, reason))
        return FileSync(path, reason, (transfers,) if transfers else ())

    def _reason(self, content: Comparable, dest: LocalPath | B2Path) -> Reason:
        shown = _content(dest)
        if shown is None:
            return _HIDDEN
        if self.scanner.filters_times and self.policy.filter_sides == "both" and self._dest_rule(dest) is not None:
            return Changed(CompareVersionMode.NONE, "included", "left out by a time filter")
        return compare(content, shown, self.policy)

    def _name_problem(self, path: str) -> str | None:
        if self.direction == "down":
            return local_path_problem(path, self.flavour)
        return b2_name_problem(self.dest_prefix + path)

    def _transfer(self, path: str, content: Comparable, dest: LocalPath | B2Path | None) -> SyncAction:
        top = dest.versions[0].file_id if isinstance(dest, B2Path) else None
        if isinstance(content, LocalPath):
            fact = LocalFact(content.size, content.mod_time_millis)
            beginning = self._beginning(content, dest)
            parts = large_file_parts(content.size, self.part_sizes) if beginning is None else self.part_sizes
            return UploadAction(path, fact, top, parts, beginning)
        if self.direction == "copy":
            return CopyAction(path, content, top, large_copy_parts(content.size, self.part_sizes))
        return DownloadAction(path, content, dest.fact() if isinstance(dest, LocalPath) else None)

    def _beginning(self, content: LocalPath, dest: LocalPath | B2Path | None) -> FileVersion | None:
        """The version that the local file may go on from: shorter than it, and long enough for a part."""
        if self.policy.upload_mode is not UploadMode.INCREMENTAL or not isinstance(dest, B2Path):
            return None
        shown = dest.visible()
        if shown is None or shown.sha1 is None or not self.part_sizes.minimum <= shown.size < content.size:
            return None
        return shown

    # --- what happens to what the destination has

    def _without_source(self, path: str, dest: LocalPath | B2Path) -> FileSync:
        if isinstance(self.policy.keep, NoDelete):
            return FileSync(path, _MISSING)
        if isinstance(dest, LocalPath):
            return FileSync(path, _MISSING, ((LocalDeleteAction(path, dest.fact()),),))
        return FileSync(path, _MISSING, self._with_versions(dest, (), _MISSING))

    def _with_versions(self, dest: B2Path, transfers: tuple[SyncAction, ...], reason: Reason) -> Stages:
        """The stages: transfer, hide, delete all but the newest version, delete the newest.

        Under KeepDays the old versions go one by one, oldest first: what a version's age is told by is the version
        above it, so a run that ends between two of them must not have taken the upper one.
        """
        newest = _fate_of_newest(reason, bool(transfers))
        top = dest.versions[0]
        verdicts = self._verdicts(dest, newest)
        deletes = [
            self._delete(dest, index, verdict, newest)
            for index, verdict in enumerate(verdicts)
            if isinstance(verdict.fate, Removes)
        ]
        hides: tuple[SyncAction, ...] = ()
        # What stays has to be hidden: under KeepDays the newest version, else what a scan policy leaves alone.
        if newest == "gone" and top.action == "upload" and len(deletes) < len(verdicts):
            hides = (HideAction(dest.path, top.file_id),)
        if isinstance(self.policy.keep, KeepDays):
            return tuple(stage for stage in (transfers, hides) if stage) + tuple((d,) for d in reversed(deletes))
        # The newest version covers the older ones until they are gone, unless this run put another on top.
        last = [action for action in deletes if action.file_id == top.file_id and newest != "replaced"]
        first = [action for action in deletes if action not in last] if last else deletes
        stages: tuple[tuple[SyncAction, ...], ...] = (transfers, hides, tuple(first), tuple(last))
        return tuple(stage for stage in stages if stage)

    def _verdicts(self, dest: B2Path, newest: Newest) -> tuple[Verdict, ...]:
        asks = self.scanner.filters_times and self.policy.filter_sides == "both"
        return retain(
            dest.versions,
            self.policy.keep,
            now_millis=self.now_millis,
            newest=newest,
            excluded=partial(self._version_excluded, dest.path) if asks else None,
        )

    def _version_excluded(self, path: str, version: FileVersion) -> bool:
        return self.scanner.rule_of(path, version, "destination") is not None

    def _delete(self, dest: B2Path, index: int, verdict: Verdict, newest: Newest) -> DeleteAction:
        assert isinstance(verdict.fate, Removes)
        note = ""
        if verdict.version.action == "hide":
            note = HIDE_MARKER_NOTE
        elif index > 0 or newest == "replaced":
            note = OLD_VERSION_NOTE
        return DeleteAction(dest.path, verdict.version.file_id, dest.versions[0].file_id, note, verdict.fate.why)


def make_rules(
    direction: Direction,
    policy: SyncPolicy,
    *,
    now_millis: int,
    part_sizes: PartSizes = DEFAULT_PART_SIZES,
    dest_prefix: str = "",
    flavour: PathFlavour = "posix",
) -> Rules:
    """Compile a policy for one sync."""
    return Rules(direction, policy, compile_scan(policy.scan), now_millis, part_sizes, dest_prefix, flavour)


def _content(item: LocalPath | B2Path | None) -> Comparable | None:
    """What a reader of the path gets: the local file, or the visible version."""
    return item.visible() if isinstance(item, B2Path) else item


def _fate_of_newest(reason: Reason, transferred: bool) -> Newest:
    if transferred:
        return "replaced"
    match reason:
        case SourceMissing():
            return "gone"
        case (
            Unchanged()
            | DestNewer()
            | Excluded()
            | Unknown()
            | UnusableName()
            | Nowhere()
            | NewFile()
            | HiddenDest()
            | Changed()
        ):
            return "stays"
        case _:
            assert_never(reason)


def why_skipped(item: SkippedPath) -> Reason:
    """Why nothing is done for a path that a scan could not use."""
    if item.why == "excluded symlink":
        return Excluded("exclude_all_symlinks")
    return Unknown(item.why, item.detail)


def _transfers(stage: tuple[SyncAction, ...]) -> bool:
    return any(isinstance(action, UploadAction | CopyAction | DownloadAction) for action in stage)
