"""b2sdk's behaviour traps in syncs, over real folders; see test_traps.py."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from traps_support import TINY

from b2pure.effects.events import Event, Scanned
from b2pure.effects.report import troubles
from b2pure.model.calls import HideFile
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.names import resumable_name, temporary_name
from b2pure.model.policy import Delete, KeepDays, NewerFileSyncMode, NoDelete, ScanPolicies
from b2pure.shell.client import Client
from b2pure.testing import SimulatedB2, simulated_b2

BUCKET = "b2://bucket"
posix = pytest.mark.skipif(os.name == "nt", reason="links, rights and byte names work as on POSIX")


@pytest.fixture
def world() -> SimulatedB2:
    return simulated_b2("bucket", config=TINY)


@pytest.fixture
def client(world: SimulatedB2) -> Client:
    """Over real folders."""
    return Client(world.api, world.clock, workers=2)


def make(folder: Path, *names: str, millis: int = 5000) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        os.utime(path, ns=(0, millis * 1_000_000))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# --- scanning ---------------------------------------------------------------------------------------------------------


@posix
def test_t25_links_in_a_circle_are_not_followed_for_ever(world: SimulatedB2, client: Client, tmp_path: Path) -> None:
    make(tmp_path, "a/f", "b/g")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "b" / "self").symlink_to(".")
    report = client.sync(tmp_path, BUCKET)
    assert world.contents("bucket") == {"a/f": b"a/f", "b/g": b"b/g"}
    assert {skipped.sync.path for skipped in report.skipped} == {"a/up", "b/self"}


@posix
def test_t26_what_is_excluded_is_not_even_looked_at(world: SimulatedB2, client: Client, tmp_path: Path) -> None:
    """So nobody is warned of it."""
    make(tmp_path, "f", "cache/g")
    (tmp_path / "cache" / "broken").symlink_to("nowhere")
    (tmp_path / "lost.tmp").symlink_to("nowhere")
    scan = ScanPolicies(exclude_dir_regexes=("cache$",), exclude_file_regexes=(r".*\.tmp",))
    report = client.sync(tmp_path, BUCKET, scan=scan)
    assert troubles(report) == []
    assert world.contents("bucket") == {"f": b"f"}


@contextmanager
def somebody_else() -> Iterator[None]:
    """The super-user may read everything."""
    if sys.platform == "win32" or os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@posix
def test_t27a_a_folder_that_cannot_be_read_does_not_stop_the_others(world: SimulatedB2, client: Client) -> None:
    """Nor is what it holds taken for gone."""
    with tempfile.TemporaryDirectory() as name:  # which another user may enter, unlike pytest's
        folder = Path(name)
        folder.chmod(0o755)
        make(folder, "a/f", "b/f", "c")
        assert client.sync(folder, BUCKET).ok
        (folder / "a").chmod(0)
        make(folder, "d")
        with somebody_else():
            report = client.sync(folder, BUCKET, keep=Delete())
        (folder / "a").chmod(0o700)
    assert [skipped.sync.path for skipped in report.skipped] == ["a"]
    assert set(world.contents("bucket")) == {"a/f", "b/f", "c", "d"}


@pytest.mark.parametrize("bad", ["../evil", "a/../../evil", "dir/./f"])
def test_t27b_a_name_that_no_file_can_have_does_not_stop_the_others(
    world: SimulatedB2, client: Client, tmp_path: Path, bad: str
) -> None:
    for name in ("a/f", bad, "z"):
        world.put("bucket", name, name.encode(), 5)
    report = client.sync(BUCKET, tmp_path)
    assert contents(tmp_path) == {"a/f": b"a/f", "z": b"z"}
    assert [skipped.sync.path for skipped in report.skipped] == [bad]


def test_t28_a_neighbour_whose_name_begins_like_the_folder_is_outside(
    world: SimulatedB2, client: Client, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "rootx").mkdir()
    world.put("bucket", "../rootx/evil", b"evil", 5)
    world.put("bucket", "good", b"good", 5)
    report = client.sync(BUCKET, root)
    assert contents(tmp_path) == {"root/good": b"good"}
    assert not report.ok


def test_t29_what_was_uploaded_is_not_uploaded_again(world: SimulatedB2, client: Client, tmp_path: Path) -> None:
    """Names come in B2's order from both sides."""
    names = ("A", "a-b", "a.txt", "a/b.txt", "a/c.txt", "a0.txt", "a/b/c", "a b", "é", "z/é", "ab/\U0001f600", "ab/￿")
    make(tmp_path, *names)
    assert client.sync(tmp_path, BUCKET).done == {"upload": len(names)}
    assert set(world.contents("bucket")) == set(names)
    for keep in (NoDelete(), Delete()):
        report = client.sync(tmp_path, BUCKET, keep=keep)
        assert report.ok
        assert report.done == {}
        assert report.compared == len(names)
    back = tmp_path / "back"
    back.mkdir()
    assert client.sync(BUCKET, back).done == {"download": len(names)}
    assert client.sync(BUCKET, back).done == {}


# --- comparing --------------------------------------------------------------------------------------------------------


def test_t30_a_hidden_destination_is_no_newer_file(world: SimulatedB2, client: Client, tmp_path: Path) -> None:
    make(tmp_path, "f", millis=5)
    world.put("bucket", "f", b"old", world.clock.now_millis())
    client.call(HideFile(world.bucket_id("bucket"), "f")).unwrap()
    report = client.sync(tmp_path, BUCKET)
    assert report.ok, troubles(report)
    assert world.contents("bucket") == {"f": b"f"}


@pytest.mark.parametrize(("after", "millis"), [(0, 123), (998_999, 123), (999_700, 123), (999_999, 124)])
def test_t34_parts_of_a_millisecond_are_treated_in_one_way_everywhere(
    world: SimulatedB2, client: Client, tmp_path: Path, after: int, millis: int
) -> None:
    """They are cut off, but what b2sdk takes for the next millisecond is that one."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    theirs.mkdir()
    make(ours, "f")
    os.utime(ours / "f", ns=(0, 1_500_000_000_123_000_000 + after))
    assert client.sync(ours, BUCKET).done == {"upload": 1}
    (file,) = client.ls(BUCKET)
    assert file.file_info["src_last_modified_millis"] == f"1500000000{millis}"
    assert client.sync(ours, BUCKET).done == {}
    assert client.sync(BUCKET, ours).done == {}
    assert client.sync(BUCKET, theirs).done == {"download": 1}
    assert (theirs / "f").stat().st_mtime_ns == (1_500_000_000_000 + millis) * 1_000_000
    assert client.sync(theirs, BUCKET).done == {}


# --- deleting ---------------------------------------------------------------------------------------------------------


def days_ago(world: SimulatedB2, name: str, *ages: int, mod_time_millis: int = 5) -> None:
    """Versions that were uploaded so many days ago, whenever they were modified."""
    for older, newer in zip(ages, (*ages[1:], 0), strict=True):
        world.put("bucket", name, f"{older}".encode(), mod_time_millis)
        world.clock.advance((older - newer) * MILLIS_PER_DAY)


def versions(world: SimulatedB2, name: str) -> list[bytes]:
    listed = world.client.ls("b2://bucket", recursive=True, versions=True)
    return [world.content(file.file_id) for file in listed if file.file_name == name and file.file_id]


def test_t31a_keep_days_counts_from_when_a_version_was_replaced(
    world: SimulatedB2, client: Client, tmp_path: Path
) -> None:
    """All of them were modified decades ago."""
    make(tmp_path, "f", millis=5)
    days_ago(world, "f", 25, 15, 5)
    report = client.sync(tmp_path, BUCKET, keep=KeepDays(10))
    assert report.ok, troubles(report)
    assert versions(world, "f") == [b"5", b"15"]


def test_t31b_zero_days_keep_only_what_is_visible(world: SimulatedB2, client: Client, tmp_path: Path) -> None:
    make(tmp_path, "f", millis=5)
    days_ago(world, "f", 25, 15, 5)
    assert client.sync(tmp_path, BUCKET, keep=KeepDays(0)).ok
    assert versions(world, "f") == [b"5"]


def test_t32a_what_is_excluded_is_not_deleted_at_the_destination(
    world: SimulatedB2, client: Client, tmp_path: Path
) -> None:
    """In either direction."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    make(ours, "f", "f.tmp")
    make(theirs, "f", "other.tmp", "gone")
    world.put("bucket", "old.tmp", b"precious", 5)
    world.put("bucket", "gone", b"gone", 5)
    scan = ScanPolicies(exclude_file_regexes=(r".*\.tmp",))
    assert client.sync(ours, BUCKET, keep=Delete(), scan=scan).ok
    assert set(world.contents("bucket")) == {"f", "old.tmp"}
    assert client.sync(BUCKET, theirs, keep=Delete(), scan=scan).ok
    assert set(contents(theirs)) == {"f", "other.tmp"}


def test_t32b_what_is_excluded_is_not_counted(client: Client, tmp_path: Path) -> None:
    make(tmp_path, "a", "b", "c.tmp", "cache/d")
    heard: list[Event] = []
    scan = ScanPolicies(exclude_file_regexes=(r".*\.tmp",), exclude_dir_regexes=("cache",))
    assert client.sync(tmp_path, BUCKET, scan=scan, listener=heard.append).ok
    counts = [event.count for event in heard if isinstance(event, Scanned) and event.side == "source" and event.whole]
    assert counts == [2]


def test_t33_nobody_needs_to_watch(world: SimulatedB2, client: Client, tmp_path: Path) -> None:
    """Neither a sync, nor a plan, nor one that has something to warn of."""
    make(tmp_path, "a", "b")
    world.put("bucket", "a", b"newer", world.clock.now_millis())
    assert client.sync(tmp_path, BUCKET, newer=NewerFileSyncMode.SKIP, listener=None).newer_skipped == 1
    plan = client.plan_sync(tmp_path, BUCKET, newer=NewerFileSyncMode.REPLACE, keep=Delete(), listener=None)
    assert client.apply(plan, listener=None).ok
    assert world.contents("bucket") == {"a": b"a", "b": b"b"}


@pytest.mark.parametrize("name", [temporary_name("01234567"), resumable_name("long")])
def test_a_left_over_of_ours_is_named_and_makes_no_sync_fail(client: Client, tmp_path: Path, name: str) -> None:
    """A download that was broken off waits there for a week."""
    (tmp_path / name).write_bytes(b"half")
    (tmp_path / "file").write_bytes(b"whole")
    plan = client.plan_sync(tmp_path, BUCKET)
    assert plan.summarize().skipped == 0
    report = client.sync(tmp_path, BUCKET)
    assert report.ok, troubles(report)
    assert [skipped.sync.path for skipped in report.skipped] == [name]
    assert [file.file_name for file in client.ls(BUCKET)] == ["file"]
