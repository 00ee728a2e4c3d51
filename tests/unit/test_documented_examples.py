"""The examples that the seed's documentation gives, one by one, and the mistakes that it promises to tell."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from b2pure.model.errors import InvalidArgument
from b2pure.model.files import B2Path, B2Tree, FileVersion, LocalPath, LocalTree
from b2pure.model.ids import FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.policy import Delete, KeepDays, NewerFileSyncMode, RetentionClock, ScanPolicies, SyncPolicy
from b2pure.plan.actions import DeleteAction, DownloadAction, HideAction, LocalDeleteAction, UploadAction, actions_of
from b2pure.plan.failures import PlanFailed
from b2pure.plan.plan import SyncPlan, plan_sync
from b2pure.plan.reasons import HiddenDest
from b2pure.plan.retention import Removes, retain
from b2pure.plan.scan import compile_scan

NOW = 1_700_000_000_000


def _aged(action: str, days: float, file_id: str = "") -> FileVersion:
    time = NOW - round(days * MILLIS_PER_DAY)
    kind = "hide" if action == "hide" else "upload"
    return FileVersion(FileId(file_id or f"{action}-{days}"), kind, 1, time, time)  # type: ignore[arg-type]


def _up(source: LocalTree, dest: B2Tree, policy: SyncPolicy) -> SyncPlan:
    return plan_sync(source, dest, policy, now_millis=NOW)


def _local(*names: str, time: int = NOW) -> LocalTree:
    return LocalTree(tuple(LocalPath(name, 1, time) for name in names))


# --- keep days -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", RetentionClock)
def test_of_versions_of_5_15_and_25_days_keeping_10_deletes_only_the_last(clock: RetentionClock) -> None:
    """The one of 15 days was visible until 5 days ago; the one of 25 days until 15 days ago."""
    versions = tuple(_aged("upload", days) for days in (5, 15, 25))
    fates = [type(v.fate) for v in retain(versions, KeepDays(10, clock), now_millis=NOW)]
    assert [fate is Removes for fate in fates] == [False, False, True]


def test_the_example_as_a_plan() -> None:
    """The same by a whole sync of an unchanged file."""
    versions = tuple(_aged("upload", days) for days in (5, 15, 25))
    dest = B2Tree((B2Path("a", versions),))
    source = _local("a", time=versions[0].mod_time_millis)
    deletes = list(_up(source, dest, SyncPolicy(keep=KeepDays(10))).deletes())
    assert [action.file_id for action in deletes if isinstance(action, DeleteAction)] == ["upload-25"]


def test_a_file_that_the_source_lacks_is_hidden_and_not_deleted_with_keep_days() -> None:
    """Hidden now, deleted when the marker is old enough."""
    dest = B2Tree((B2Path("a", (_aged("upload", 100),)),))
    policy = SyncPolicy(keep=KeepDays(10), allow_empty_source=True)
    assert list(_up(LocalTree(()), dest, policy).actions()) == [HideAction("a", FileId("upload-100"))]
    hidden = B2Tree((B2Path("a", (_aged("hide", 11), _aged("upload", 100))),))
    deletes = list(_up(LocalTree(()), hidden, policy).deletes())
    assert [a.file_id for a in deletes if isinstance(a, DeleteAction)] == ["upload-100", "hide-11"]


# --- deletion --------------------------------------------------------------------------------------------------------


def test_delete_notes_are_those_of_b2sdk() -> None:
    """`(hide marker)`, `(old version)`, and nothing for the newest version of a file that is gone."""
    gone = B2Tree((B2Path("a", (_aged("upload", 1), _aged("hide", 2), _aged("upload", 3))),))
    policy = SyncPolicy(keep=Delete(), allow_empty_source=True)
    notes = {a.file_id: a.note for a in _up(LocalTree(()), gone, policy).deletes() if isinstance(a, DeleteAction)}
    assert notes == {"upload-1": "", "hide-2": "(hide marker)", "upload-3": "(old version)"}
    replaced = list(_up(_local("a"), gone, policy).deletes())
    assert [a.note for a in replaced if isinstance(a, DeleteAction)] == [
        "(old version)",
        "(hide marker)",
        "(old version)",
    ]


def test_deleting_downwards_deletes_the_local_file() -> None:
    """When the source lacks it or has it hidden."""
    local = _local("a", "b")
    source = B2Tree((B2Path("b", (_aged("hide", 1), _aged("upload", 2))),))
    plan = plan_sync(source, local, SyncPolicy(keep=Delete()), now_millis=NOW)
    assert [type(action) for action in plan.actions()] == [LocalDeleteAction, LocalDeleteAction]


# --- order -----------------------------------------------------------------------------------------------------------


def test_names_come_in_the_order_of_b2() -> None:
    """A folder's files stand where the name and `/` do: between `a.txt` and `a0.txt`."""
    names = ["A", "a-b", "a.txt", "a/b.txt", "a0.txt"]
    assert sorted(names) == names == sorted(names, key=str.encode)
    assert [sync.path for sync in _up(_local(*names), B2Tree(()), SyncPolicy())] == names


# --- hidden and newer ------------------------------------------------------------------------------------------------


def test_a_hidden_destination_is_absent() -> None:
    """Even when the hide marker is newer than the source: it is uploaded, not called a conflict."""
    dest = B2Tree((B2Path("a", (_aged("hide", 0), _aged("upload", 5))),))
    (sync,) = _up(_local("a", time=NOW - 100 * MILLIS_PER_DAY), dest, SyncPolicy(newer=NewerFileSyncMode.RAISE_ERROR))
    assert sync.reason == HiddenDest()
    assert [type(action) for action in actions_of(sync)] == [UploadAction]


def test_a_newer_destination_is_a_conflict_by_default() -> None:
    """It is in the plan as a value, and the plan says that it refuses."""
    plan = _up(_local("a", time=NOW - 1), B2Tree((B2Path("a", (_aged("upload", 0),)),)), SyncPolicy())
    assert [sync.path for sync in plan.refuses()] == ["a"]
    assert not list(plan.actions())


# --- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regex", "excluded", "kept"),
    [
        ("photos", ("photos/a", "photos/b/c", "photos2/a"), ("photos", "photos.txt", "old/photos/a")),
        ("photos$", ("photos/a", "photos/b/c"), ("photos", "photos2/a", "photos.txt")),
        (".*/photos$", ("old/photos/a",), ("photos/a", "old/photos2/a")),
    ],
)
def test_directory_regexes_match_folders_from_the_start(
    regex: str, excluded: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    """`photos` means every folder that begins so, `photos$` the one folder."""
    scanner = compile_scan(ScanPolicies(exclude_dir_regexes=(regex,)))
    assert [name for name in (*excluded, *kept) if scanner.excludes_file(name)] == list(excluded)


def test_an_include_beats_a_file_regex_and_not_a_directory_regex() -> None:
    """What the seed says of include_file_regexes."""
    scanner = compile_scan(ScanPolicies(("private",), (r".*\.txt$",), (r".*keep\.txt$",)))
    assert not scanner.excludes_file("keep.txt")
    assert scanner.excludes_file("other.txt")
    assert scanner.excludes_file("private/keep.txt")


def test_a_time_range_restores_an_older_version() -> None:
    """With exclude_modified_after an older version takes the newest one's place; both ends belong to the range."""
    versions = (_aged("upload", 1), _aged("upload", 5), _aged("upload", 9))
    moment = versions[1].mod_time_millis
    policy = SyncPolicy(scan=ScanPolicies(exclude_modified_after=moment))
    source = B2Tree((B2Path("a", versions),))
    (action,) = plan_sync(source, LocalTree(()), policy, now_millis=NOW).actions()
    assert isinstance(action, DownloadAction)
    assert action.source == versions[1]


def test_what_is_excluded_is_left_alone_at_the_destination() -> None:
    """Unless the filter is asked to be b2sdk's, for which it looks deleted."""
    dest = B2Tree((B2Path("a.txt", (_aged("upload", 1),)),))
    scan = ScanPolicies(exclude_file_regexes=(r".*\.txt$",))
    both = SyncPolicy(keep=Delete(), scan=scan)
    assert not list(_up(_local("a.txt"), dest, both).actions())
    source_only = SyncPolicy(keep=Delete(), scan=scan, filter_sides="source")
    assert [type(action) for action in _up(_local("a.txt"), dest, source_only).actions()] == [DeleteAction]


def test_deleting_around_an_excluded_old_version_does_not_bring_it_back() -> None:
    """A version that a filter leaves out stays, so what hides it stays, or is hidden."""
    scan = ScanPolicies(exclude_uploaded_before=NOW - 60 * MILLIS_PER_DAY)
    for keep in (Delete(), KeepDays(10)):
        policy = SyncPolicy(keep=keep, scan=scan, allow_empty_source=True)
        hidden = B2Tree((B2Path("a", (_aged("hide", 50), _aged("upload", 90))),))
        assert not list(_up(LocalTree(()), hidden, policy).actions())
        shown = B2Tree((B2Path("a", (_aged("upload", 50), _aged("upload", 90))),))
        assert isinstance(next(_up(LocalTree(()), shown, policy).actions()), HideAction)


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ScanPolicies(exclude_file_regexes=("*",)), r"exclude_file_regexes: '\*' is not a regular expression"),
        (lambda: ScanPolicies(exclude_dir_regexes=("(",)), r"exclude_dir_regexes: '\(' is not a regular expression"),
        (lambda: ScanPolicies(include_file_regexes=("a",)), "include_file_regexes needs exclude_file_regexes"),
        (lambda: ScanPolicies(exclude_file_regexes="a"), "must be a tuple of regular expressions"),  # type: ignore[arg-type]
        (lambda: ScanPolicies(exclude_dir_regexes=("a", 1)), "must be regular expressions as text, not 1"),  # type: ignore[arg-type]
        (lambda: ScanPolicies(include_file_regexes=None), "must be a tuple of regular expressions, not None"),  # type: ignore[arg-type]
        (lambda: ScanPolicies(exclude_all_symlinks=1), "exclude_all_symlinks must be True or False, not 1"),  # type: ignore[arg-type]
        (lambda: ScanPolicies(exclude_modified_before="a"), "must be milliseconds since 1970"),  # type: ignore[arg-type]
        (lambda: ScanPolicies(exclude_uploaded_after=1.5), "exclude_uploaded_after must be milliseconds"),  # type: ignore[arg-type]
        (lambda: ScanPolicies(exclude_modified_before=2, exclude_modified_after=1), "is later than"),
        (lambda: KeepDays(1, clock="upload"), "clock must be a RetentionClock, not 'upload'"),  # type: ignore[arg-type]
        (lambda: SyncPolicy(compare_threshold_bytes=True), "compare_threshold_bytes must be a whole number, not True"),
        (lambda: KeepDays(-1), "keep_days must be 0 or more, not -1"),
        (lambda: KeepDays(float("nan")), "keep_days must be 0 or more, not nan"),
        (lambda: SyncPolicy(compare_threshold_millis=-1), "compare_threshold_millis must be 0 or more, not -1"),
    ],
)
def test_a_policy_that_makes_no_sense_is_told_when_it_is_made(make: Callable[[], object], told: str) -> None:
    """Bad regex, include without exclude, a range the wrong way round, negative days or thresholds."""
    with pytest.raises(ValueError, match=told):
        make()


def test_keep_days_for_a_local_folder_is_told_before_anything_is_read() -> None:
    """Local files have no versions."""
    with pytest.raises(PlanFailed, match="KeepDays") as caught:
        plan_sync(B2Tree(()), LocalTree(()), SyncPolicy(keep=KeepDays(1)), now_millis=NOW)
    assert isinstance(caught.value.failure, InvalidArgument)


def test_an_empty_source_is_told_unless_it_is_allowed() -> None:
    """The mistake that deletes everything."""
    dest = B2Tree((B2Path("a", (_aged("upload", 1),)),))
    with pytest.raises(PlanFailed, match="no files"):
        list(_up(LocalTree(()), dest, SyncPolicy(keep=Delete())))
    assert len(list(_up(LocalTree(()), dest, SyncPolicy(keep=Delete(), allow_empty_source=True)))) == 1


def test_equal_policies_are_written_alike() -> None:
    assert canonical_policy(KeepDays(10.0)) == canonical_policy(KeepDays(10))
    with pytest.raises(ValueError, match="at most"):
        KeepDays(10**30)


def canonical_policy(keep: KeepDays) -> bytes:
    return msgspec.json.encode(SyncPolicy(keep=keep), order="sorted")
