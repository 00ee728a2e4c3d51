"""Which versions keep-days keeps: laws L15 to L20. The oracle looks at every moment at which something changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from oracles import seen_by_window, visible_in_window

from b2pure.model.files import B2Path, FileVersion, LocalPath, VersionAction
from b2pure.model.ids import FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.policy import Delete, KeepDays, KeepOrDelete, NewerFileSyncMode, NoDelete, RetentionClock, SyncPolicy
from b2pure.plan.actions import DeleteAction, HideAction, actions_of
from b2pure.plan.retention import Newest, Removes, retain, superseded_millis
from b2pure.plan.rules import make_rules
from b2pure.testing import NOW_MILLIS, histories

Versions = tuple[FileVersion, ...]
_DAYS = st.sampled_from((10, 0, 1, 0.5, 5, 15, 30, 1000))
_NEWEST: SearchStrategy[Newest] = st.sampled_from(("stays", "replaced", "gone"))
_ANY_ORDER = st.one_of(histories(), histories(out_of_order=True))


def _deleted(versions: Versions, keep: KeepOrDelete, newest: Newest, now: int = NOW_MILLIS) -> list[str]:
    verdicts = retain(versions, keep, now_millis=now, newest=newest)
    assert tuple(verdict.version for verdict in verdicts) == versions
    return [verdict.version.file_id for verdict in verdicts if isinstance(verdict.fate, Removes)]


# --- L15 -------------------------------------------------------------------------------------------------------------


@given(histories(), _DAYS, _NEWEST)
def test_nothing_visible_in_the_window_is_deleted(versions: Versions, days: float, newest: Newest) -> None:
    """L15 Window."""
    start = NOW_MILLIS - round(days * MILLIS_PER_DAY)
    assert visible_in_window(versions, start, NOW_MILLIS).isdisjoint(_deleted(versions, KeepDays(days), newest))


@given(histories(), _DAYS, _NEWEST)
def test_the_window_looks_the_same_after_the_deletions(versions: Versions, days: float, newest: Newest) -> None:
    """L15 Window: at every moment of it, what is left would have shown the same, and hidden the same."""
    start = NOW_MILLIS - round(days * MILLIS_PER_DAY)
    gone = _deleted(versions, KeepDays(days), newest)
    left = [version for version in versions if version.file_id not in gone]
    assert seen_by_window(versions, left, start, NOW_MILLIS) == seen_by_window(versions, versions, start, NOW_MILLIS)


@given(histories(), _DAYS)
def test_what_was_superseded_when_the_window_began_is_deleted(versions: Versions, days: float) -> None:
    """L15 Window, the other way: no upload is kept that was not visible at any moment from the window's start on."""
    start = NOW_MILLIS - round(days * MILLIS_PER_DAY)
    assume(versions[0].upload_timestamp <= NOW_MILLIS)
    gone = _deleted(versions, KeepDays(days), "stays")
    seen = visible_in_window(versions, start, NOW_MILLIS)
    for older, newer in zip(versions[1:], versions, strict=False):
        if older.action == "upload" and newer.upload_timestamp <= start:
            assert older.file_id in gone
            assert older.file_id not in seen


@given(st.integers(-2, 2), st.sampled_from((0, 1, 10, 0.5)))
def test_the_window_has_its_first_millisecond(beside: int, days: float) -> None:
    """L15 Window, its edge: superseded at the first millisecond of the window is not visible in it, one later is."""
    start = NOW_MILLIS - round(days * MILLIS_PER_DAY)
    moment = start + beside
    newer = FileVersion("new", "upload", 1, moment, moment)  # type: ignore[arg-type]
    older = FileVersion("old", "upload", 1, 0, 0)  # type: ignore[arg-type]
    assert _deleted((newer, older), KeepDays(days), "stays") == (["old"] if beside <= 0 else [])
    assert ("old" in visible_in_window((newer, older), start, NOW_MILLIS + 2)) == (beside > 0)
    marker = FileVersion("mark", "hide", 0, moment, moment)  # type: ignore[arg-type]
    assert _deleted((marker, older), KeepDays(days), "stays") == (["mark", "old"] if beside <= 0 else [])


# --- L16 -------------------------------------------------------------------------------------------------------------


@given(_ANY_ORDER, _DAYS, _NEWEST, st.sampled_from(RetentionClock))
def test_the_visible_version_is_never_deleted(
    versions: Versions, days: float, newest: Newest, clock: RetentionClock
) -> None:
    """L16 Current."""
    assume(versions[0].action == "upload")
    assert versions[0].file_id not in _deleted(versions, KeepDays(days, clock), newest)


@given(_ANY_ORDER, _DAYS, st.booleans())
def test_a_visible_file_is_hidden_exactly_when_the_source_lacks_it(
    versions: Versions, days: float, there: bool
) -> None:
    """L16 Current."""
    policy = SyncPolicy(keep=KeepDays(days), newer=NewerFileSyncMode.REPLACE)
    rules = make_rules("up", policy, now_millis=NOW_MILLIS)
    source = LocalPath("a", 7, 7) if there else None
    hides = [a for a in actions_of(rules.file("a", source, B2Path("a", versions))) if isinstance(a, HideAction)]
    assert len(hides) == (versions[0].action == "upload" and not there)


# --- L17 -------------------------------------------------------------------------------------------------------------


@given(_ANY_ORDER, _DAYS, _DAYS, _NEWEST, st.sampled_from(RetentionClock))
def test_more_days_delete_less(
    versions: Versions, days: float, more: float, newest: Newest, clock: RetentionClock
) -> None:
    """L17 Monotone."""
    few = _deleted(versions, KeepDays(days, clock), newest)
    assert set(_deleted(versions, KeepDays(days + more, clock), newest)) <= set(few)


@given(_ANY_ORDER, _DAYS, st.sampled_from((0, 1, MILLIS_PER_DAY, 10**11)), _NEWEST, st.sampled_from(RetentionClock))
def test_a_later_run_deletes_more(
    versions: Versions, days: float, later: int, newest: Newest, clock: RetentionClock
) -> None:
    """L17 Monotone."""
    keep = KeepDays(days, clock)
    now = set(_deleted(versions, keep, newest))
    assert now <= set(_deleted(versions, keep, newest, NOW_MILLIS + later))


# --- L18 -------------------------------------------------------------------------------------------------------------


@given(
    _ANY_ORDER,
    st.one_of(st.just(NoDelete()), st.just(Delete()), st.builds(KeepDays, _DAYS, st.sampled_from(RetentionClock))),
    _NEWEST,
)
def test_deleted_versions_are_the_oldest(versions: Versions, keep: KeepOrDelete, newest: Newest) -> None:
    """L18 Suffix."""
    gone = _deleted(versions, keep, newest)
    assert gone == [version.file_id for version in versions[len(versions) - len(gone) :]]


# --- L19 -------------------------------------------------------------------------------------------------------------


@given(histories(out_of_order=True), _DAYS, _NEWEST)
def test_the_safe_clock_keeps_the_window_whatever_the_times(versions: Versions, days: float, newest: Newest) -> None:
    """L19 Out-of-order times: L15 holds by B2's timestamps, in B2's order."""
    start = NOW_MILLIS - round(days * MILLIS_PER_DAY)
    gone = _deleted(versions, KeepDays(days), newest)
    assert visible_in_window(versions, start, NOW_MILLIS).isdisjoint(gone)
    left = [version for version in versions if version.file_id not in gone]
    assert seen_by_window(versions, left, start, NOW_MILLIS) == seen_by_window(versions, versions, start, NOW_MILLIS)


@given(_ANY_ORDER)
def test_a_version_is_superseded_no_earlier_than_any_older_one(versions: Versions) -> None:
    """L19 Out-of-order times are taken in the careful direction: never before the version above came, and never grown
    going back; where times are in order, exactly when the version above came.
    """
    first, *ends = superseded_millis(versions)
    above = [version.upload_timestamp for version in versions[:-1]]
    assert first is None
    assert ends == [max(above[i:]) for i in range(len(above))]


@given(histories(), _DAYS, st.lists(st.integers(0, NOW_MILLIS), min_size=5, max_size=5))
def test_the_safe_clock_does_not_look_at_modification_times(versions: Versions, days: float, times: list[int]) -> None:
    """L19 Out-of-order times: what uploaders declared changes nothing."""
    other = tuple(
        FileVersion(v.file_id, v.action, v.size, time, v.upload_timestamp)
        for v, time in zip(versions, times, strict=False)
    )
    keep = KeepDays(days)
    assert _deleted(other, keep, "stays") == _deleted(versions, keep, "stays")


def _b2sdk_actions(versions: Versions, days: int, in_source: bool, transferred: bool) -> list[tuple[str, str, str]]:
    """What b2sdk's own function says of the same versions: (kind, file id, note)."""
    policy = pytest.importorskip("b2sdk._internal.sync.policy")
    scan = pytest.importorskip("b2sdk._internal.scan.path")
    action = pytest.importorskip("b2sdk._internal.sync.action")
    ours = [
        SimpleNamespace(
            id_=v.file_id, file_name="a", action=v.action, size=v.size, mod_time_millis=v.mod_time_millis,
            upload_timestamp=v.upload_timestamp, content_sha1=v.sha1, file_info={},
        )
        for v in versions
    ]  # fmt: skip
    dest = scan.B2Path(relative_path="a", selected_version=ours[0], all_versions=ours)
    source = object() if in_source else None
    folder = SimpleNamespace(make_full_path=lambda path: path, bucket=None)
    found: list[tuple[str, str, str]] = []
    for one in policy.make_b2_keep_days_actions(source, dest, folder, transferred, days, NOW_MILLIS):
        if isinstance(one, action.B2HideAction):
            found.append(("hide", "", ""))
        else:
            assert isinstance(one, action.B2DeleteAction)
            found.append(("delete", one.file_id, one.note))
    return found


def _our_actions(versions: Versions, days: int, source: LocalPath | None, newer: Any) -> list[tuple[str, str, str]]:
    policy = SyncPolicy(keep=KeepDays(days, RetentionClock.MOD_TIME), newer=newer)
    sync = make_rules("up", policy, now_millis=NOW_MILLIS).file("a", source, B2Path("a", versions))
    found: list[tuple[str, str, str]] = []
    for one in actions_of(sync):
        if isinstance(one, HideAction):
            found.append(("hide", "", ""))
        elif isinstance(one, DeleteAction):
            found.append(("delete", one.file_id, one.note))
    return found


@given(_ANY_ORDER, st.sampled_from((1, 5, 10, 15, 30)), st.sampled_from(("gone", "unchanged", "changed")))
def test_the_compatible_clock_gives_the_answer_of_b2sdk(versions: Versions, days: int, case: str) -> None:
    """L19 Out-of-order times: with RetentionClock.MOD_TIME hides and deletes are b2sdk's, for keep_days of 1 and more.

    b2sdk sees the times as whole milliseconds and compares ages strictly, so `keep_days` at the very millisecond is
    kept by both.
    """
    pytest.importorskip("b2sdk")
    shown = versions[0] if versions[0].action == "upload" else None
    if case == "gone":
        source = None
    elif case == "unchanged":
        assume(shown is not None)
        assert shown is not None
        source = LocalPath("a", shown.size, shown.mod_time_millis)
    else:
        source = LocalPath("a", 7, versions[0].mod_time_millis + 1)
    ours = _our_actions(versions, days, source, NewerFileSyncMode.REPLACE)
    theirs = _b2sdk_actions(versions, days, source is not None, case == "changed")
    # The order of stages is ours: a newest version (a hide marker, here) goes last.
    assert sorted(ours) == sorted(theirs)


@pytest.mark.parametrize("action", ["upload", "hide"])
@pytest.mark.parametrize("beside", [-1, 0, 1])
@pytest.mark.parametrize("days", [1, 10])
def test_the_compatible_clock_has_the_edge_of_b2sdk(action: VersionAction, beside: int, days: int) -> None:
    """L19: a version is old when it is older than keep_days, and not when it is exactly as old."""
    pytest.importorskip("b2sdk")
    edge = NOW_MILLIS - days * MILLIS_PER_DAY + beside
    versions = (
        FileVersion(FileId("new"), "upload", 1, NOW_MILLIS, NOW_MILLIS),
        FileVersion(FileId("edge"), action, 1, edge, edge),
        FileVersion(FileId("old"), "upload", 1, 0, 0),
    )
    for history in (versions, versions[1:]):
        ours = _our_actions(history, days, None, NewerFileSyncMode.REPLACE)
        assert sorted(ours) == sorted(_b2sdk_actions(history, days, False, False))
        assert (("delete", "old", "(old version)") in ours) == (beside < 0)


# --- L20 -------------------------------------------------------------------------------------------------------------


@given(histories(min_size=2))
def test_keeping_no_days_keeps_only_what_is_visible_now(versions: Versions) -> None:
    """L20 keep_days = 0 is legal: only what was visible at this moment stays; NO_DELETE keeps everything."""
    assume(versions[0].upload_timestamp <= NOW_MILLIS)
    visible = [versions[0].file_id] if versions[0].action == "upload" else []
    gone = set(_deleted(versions, KeepDays(0), "stays"))
    assert [version.file_id for version in versions if version.file_id not in gone] == visible
    assert _deleted(versions, NoDelete(), "stays") == []


@given(histories(), _DAYS)
def test_deleting_at_once_deletes_what_keeping_days_deletes(versions: Versions, days: float) -> None:
    """L17, L20: DELETE is the end of the line of ever fewer days, for uploads under the newest version."""
    under = {version.file_id for version in versions[1:]}
    assert under & set(_deleted(versions, KeepDays(days), "stays")) <= set(_deleted(versions, Delete(), "stays"))
