"""The fast answers: what most files of a large sync need, told without the long way through `Rules.file`.

Rules. Each answer is either the one that `Rules.file` gives or "take the long way"; laws hold them to it. What is
unusual in any way (filters, large files, odd names, histories out of order) takes the long way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

from b2pure.model.files import B2Path, FileVersion, LocalFact, LocalPath
from b2pure.model.limits import MAX_FILE_NAME_BYTES, MAX_SINGLE_SIZE, PartSizes
from b2pure.model.names import b2_name_problem
from b2pure.model.policy import (
    CompareVersionMode,
    Delete,
    KeepOrDelete,
    NoDelete,
    RetentionClock,
    SyncPolicy,
    UploadMode,
)
from b2pure.plan.actions import (
    OLD_VERSION_NOTE,
    DeleteAction,
    FileSync,
    Stages,
    UploadAction,
)
from b2pure.plan.compare import Comparable, compare
from b2pure.plan.merge import Item, Quiet
from b2pure.plan.reasons import (
    Changed,
    NewFile,
    SupersededBeforeWindow,
    Unchanged,
)
from b2pure.plan.rules import Rules

__all__ = ["NEW", "Fresh", "Renewed", "fresh_for", "plain_below", "quiet_for", "renewed_for", "same_time_is_quiet"]

Fresh = Callable[[str, Item], FileSync | None]
Renewed = Callable[[str, Item, Item], FileSync | None]

NEW: Final = NewFile()


def fresh_for(rules: Rules) -> Fresh:
    """`rules.file(path, source, None)` for a plain new file, or None where the long way has to be taken."""
    return _fresh_upload(rules)


def renewed_for(rules: Rules) -> Renewed:
    """`rules.file(path, source, dest)` for a plain changed file, or None where the long way has to be taken."""
    return _renewed_upload(rules) if rules.direction == "up" else _not_renewed


def quiet_for(rules: Rules) -> Quiet:
    """A test that is true only where `rules.file` has no action: a plain source and a plain destination that surely
    need nothing.
    """
    policy = rules.policy
    if _asks_filters(rules):
        return _never
    same, calm = _same(policy), _calm_history(policy.keep, rules.now_millis)
    longest = policy.compare_threshold_millis

    def quiet_up_by_time(source: Item, dest: Item) -> bool:
        # What `quiet_up` does, without a call: this runs for every file of the most common sync. That the two are
        # what they should be is seen by their fields, which a skipped path has not.
        try:
            versions = dest.versions  # type: ignore[union-attr]
            top = versions[0]
            ahead = source.mod_time_millis - top.mod_time_millis  # type: ignore[union-attr]
        except AttributeError:
            return False
        return top.action == "upload" and -longest <= ahead <= longest and (len(versions) == 1 or calm(versions))

    def quiet_up(source: Item, dest: Item) -> bool:
        if type(source) is not LocalPath or type(dest) is not B2Path:
            return False
        versions = dest.versions
        top = versions[0]
        return top.action == "upload" and same(source, top) and (len(versions) == 1 or calm(versions))

    def quiet_down(source: Item, dest: Item) -> bool:
        if type(source) is not B2Path or type(dest) is not LocalPath:
            return False
        top = source.versions[0]
        return top.action == "upload" and same(top, dest)

    def quiet_copy(source: Item, dest: Item) -> bool:
        if type(source) is not B2Path or type(dest) is not B2Path:
            return False
        ours, versions = source.versions[0], dest.versions
        top = versions[0]
        if ours.action != "upload" or top.action != "upload":
            return False
        return same(ours, top) and (len(versions) == 1 or calm(versions))

    match rules.direction:
        case "up":
            return quiet_up_by_time if policy.compare is CompareVersionMode.MODTIME else quiet_up
        case "down":
            return quiet_down
        case "copy":
            return quiet_copy
        case _:
            assert_never(rules.direction)


def same_time_is_quiet(rules: Rules) -> bool:
    """Whether `quiet_for(rules)` is true of every local file and B2 file of one visible version whose modification
    times are equal.
    """
    return rules.direction == "up" and rules.policy.compare is CompareVersionMode.MODTIME and not _asks_filters(rules)


def _asks_filters(rules: Rules) -> bool:
    """Whether a filter may have something against one of two files."""
    scanner = rules.scanner
    return scanner.filters_times or (scanner.filters_names and rules.policy.filter_sides == "source")


def _never(source: Item, dest: Item) -> bool:
    return False


def _not_fresh(path: str, source: Item) -> FileSync | None:
    return None


def plain_below(rules: Rules) -> tuple[int, int] | None:
    """Of a plain new file to upload: the size (bytes) that it is smaller than, and how many bytes its path has at most.
    None where every new file has to take the long way.
    """
    if rules.direction != "up" or rules.scanner.filters_names or rules.scanner.filters_times:
        return None
    if b2_name_problem(rules.dest_prefix + "x") is not None:
        return None
    return _single_below(rules.part_sizes), MAX_FILE_NAME_BYTES - len(rules.dest_prefix.encode())


def _fresh_upload(rules: Rules) -> Fresh:
    plain = plain_below(rules)
    if plain is None:
        return _not_fresh
    single, longest = plain

    def fresh_upload(path: str, source: Item) -> FileSync | None:
        if type(source) is not LocalPath or source.size >= single:
            return None
        if not (path.isascii() and path.isprintable()) or len(path) > longest or "//" in f"/{path}/":
            return None
        fact = LocalFact(source.size, source.mod_time_millis)
        return FileSync(path, NEW, ((UploadAction(path, fact, None, None),),))

    return fresh_upload


def _single_below(sizes: PartSizes) -> int:
    """Files smaller than this are surely uploaded by one call."""
    return min(sizes.recommended + sizes.minimum, MAX_SINGLE_SIZE)


def _not_renewed(path: str, source: Item, dest: Item) -> FileSync | None:
    return None


def _renewed_upload(rules: Rules) -> Renewed:
    policy, single = rules.policy, _single_below(rules.part_sizes)
    if rules.scanner.filters_names or rules.scanner.filters_times or policy.upload_mode is not UploadMode.FULL:
        return _not_renewed
    covered = _covered(policy.keep, rules.now_millis)

    def renewed_upload(path: str, source: Item, dest: Item) -> FileSync | None:
        if type(source) is not LocalPath or type(dest) is not B2Path or source.size >= single:
            return None
        top = dest.versions[0]
        reason = compare(source, top, policy) if top.action == "upload" else None
        if type(reason) is not Changed:
            return None
        deletes = covered(path, dest.versions)
        if deletes is None:
            return None
        fact = LocalFact(source.size, source.mod_time_millis)
        transfers = (UploadAction(path, fact, top.file_id, None),)
        return FileSync(path, reason, (transfers, *deletes))

    return renewed_upload


Covered = Callable[[str, tuple[FileVersion, ...]], Stages | None]


def _covered(keep: KeepOrDelete, now_millis: int) -> Covered:
    """The stages of deletions under a new upload, or None where the long way has to be taken."""
    if isinstance(keep, NoDelete):
        return lambda path, versions: ()
    if isinstance(keep, Delete) or keep.clock is not RetentionClock.UPLOAD_TIME:
        return lambda path, versions: None
    cutoff = keep.cutoff_millis(now_millis)

    def covered(path: str, versions: tuple[FileVersion, ...]) -> Stages | None:
        # Uploads in the order of their times: each was superseded when the one above it came.
        deletes = []
        top_id, end = versions[0].file_id, versions[0].upload_timestamp
        for version in versions[1:]:
            if version.action != "upload" or version.upload_timestamp > end:
                return None
            if end <= cutoff:
                why = SupersededBeforeWindow(end, cutoff)
                deletes.append(DeleteAction(path, version.file_id, top_id, OLD_VERSION_NOTE, why))
            end = version.upload_timestamp
        return tuple((delete,) for delete in reversed(deletes))

    return covered


def _same(policy: SyncPolicy) -> Callable[[Comparable, Comparable], bool]:
    """`compare(...)` says Unchanged, without the words."""
    if policy.compare is CompareVersionMode.MODTIME:
        longest = policy.compare_threshold_millis

        def same_time(source: Comparable, dest: Comparable) -> bool:
            return -longest <= source.mod_time_millis - dest.mod_time_millis <= longest

        return same_time
    return lambda source, dest: isinstance(compare(source, dest, policy), Unchanged)


def _calm_history(keep: KeepOrDelete, now_millis: int) -> Callable[[tuple[FileVersion, ...]], bool]:
    """Of two or more versions under a visible one that stays, surely none is deleted."""
    if isinstance(keep, NoDelete):
        return lambda versions: True
    if isinstance(keep, Delete) or keep.clock is not RetentionClock.UPLOAD_TIME:
        return lambda versions: False
    cutoff = keep.cutoff_millis(now_millis)

    def calm(versions: tuple[FileVersion, ...]) -> bool:
        # The oldest was superseded inside the window, so all were: superseded_millis never grows going back.
        return versions[-2].upload_timestamp > cutoff and versions[-1].action == "upload"

    return calm
