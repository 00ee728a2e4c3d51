"""Syncs of the numbered interface in places where b2sdk and this package could take a folder for something else."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from v1_world import World, content, served

from b2pure.effects.faults import Answer, FailNth
from b2pure.v1 import (
    Bucket,
    KeepOrDeleteMode,
    LocalFolder,
    ScanPoliciesManager,
    Synchronizer,
    SyncReport,
    exception,
    parse_sync_folder,
)

NOW = 1_800_000_000_000


@pytest.fixture
def world() -> Iterator[World]:
    with served() as world:
        yield world


@pytest.fixture
def bucket(world: World) -> Bucket:
    return world.bucket()


def _sync(
    world: World,
    source: Path | str,
    dest: Path | str,
    /,
    told: io.StringIO,
    kind: type[Synchronizer] = Synchronizer,
    **options: Any,
) -> None:
    here, there = (parse_sync_folder(str(place), world.api) for place in (source, dest))
    with SyncReport(told, no_progress=True) as report:
        kind(2, **options).sync_folders(here, there, NOW, report)


@pytest.mark.parametrize("early", [50, 1])
def test_a_time_that_b2sdk_rounded_up_is_no_newer_file(
    world: World, bucket: Bucket, tmp_path: Path, early: int
) -> None:
    """b2sdk 1.1.4, b2sdk 2 and the b2 command line were seen to store such a time as the next millisecond."""
    (tmp_path / "f").touch()
    os.utime(tmp_path / "f", ns=(0, 1_511_251_158_087_000_000 - early))
    bucket.upload_bytes(b"", "f", file_infos={"src_last_modified_millis": "1511251158087"})
    _sync(world, tmp_path, "b2://holiday", told := io.StringIO())
    assert told.getvalue() == ""
    bucket.hide_file("f")
    _sync(world, tmp_path, "b2://holiday", told)
    assert next(bucket.ls())[0].file_info == {"src_last_modified_millis": "1511251158087"}


# --- places at the destination that nothing can be written to


def _linked(tmp_path: Path) -> Path:
    """A folder whose `d` is a link to a folder outside of it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "dest").mkdir()
    os.symlink("../outside", tmp_path / "dest/d")
    return tmp_path / "dest"


def test_a_file_that_a_linked_folder_keeps_away_is_an_incomplete_sync(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    dest, told = _linked(tmp_path), io.StringIO()
    for name in ("a", "d/f", "e"):
        bucket.upload_bytes(name.encode(), name)
    with pytest.raises(exception.IncompleteSync):
        _sync(world, "b2://holiday", dest, told)
    assert (sorted(os.listdir(dest)), os.listdir(tmp_path / "outside")) == (["a", "d", "e"], [])
    assert "d/f" in told.getvalue()
    assert {"dnload a", "dnload e"} <= set(told.getvalue().splitlines())


def test_a_dry_run_and_the_actions_tell_what_would_be_kept_away(world: World, bucket: Bucket, tmp_path: Path) -> None:
    dest, told = _linked(tmp_path), io.StringIO()
    for name in ("a", "d/f"):
        bucket.upload_bytes(name.encode(), name)
    with pytest.raises(exception.IncompleteSync):
        _sync(world, "b2://holiday", dest, told, dry_run=True)
    assert "d/f: not written: linked folder: a sync writes through no symbolic link" in told.getvalue()
    sides = parse_sync_folder("b2://holiday", world.api), parse_sync_folder(str(dest), world.api)
    actions = Synchronizer(2).make_folder_sync_actions(*sides, now_millis=NOW, reporter=None)
    assert str(next(actions)).startswith("b2_download(")
    with pytest.raises(exception.IncompleteSync):
        next(actions)


@pytest.mark.parametrize("there", ["nothing", "hidden", "excluded"])
def test_a_linked_folder_that_keeps_nothing_away_is_a_warning(
    world: World, bucket: Bucket, tmp_path: Path, there: str
) -> None:
    dest, told = _linked(tmp_path), io.StringIO()
    bucket.upload_bytes(b"a", "a")
    if there != "nothing":
        bucket.upload_bytes(b"f", "d/f")
    if there == "hidden":
        bucket.hide_file("d/f")
    policies = ScanPoliciesManager(exclude_file_regexes=("d/.*",) if there == "excluded" else ())
    _sync(world, "b2://holiday", dest, told, policies_manager=policies)
    assert sorted(told.getvalue().splitlines()) == [
        f"{dest}/d: linked folder: a sync writes through no symbolic link",
        "dnload a",
    ]


def test_a_pipe_in_the_place_of_a_file_is_an_incomplete_sync(world: World, bucket: Bucket, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    for name in ("a", "p"):
        bucket.upload_bytes(name.encode(), name)
    with pytest.raises(exception.IncompleteSync):
        _sync(world, "b2://holiday", tmp_path, told := io.StringIO())
    assert "p: not written: not a file: it is a pipe" in told.getvalue()
    assert (tmp_path / "a").read_bytes() == b"a"


# --- folders in B2 without files

DELETES: list[dict[str, Any]] = [
    {"keep_days_or_delete": KeepOrDeleteMode.DELETE},
    {"keep_days_or_delete": KeepOrDeleteMode.KEEP_BEFORE_DELETE, "keep_days": 3},
]


class _ByFiles(Synchronizer):
    def make_file_sync_actions(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        yield from super().make_file_sync_actions(*args, **kwargs)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("kind", [Synchronizer, _ByFiles])
def test_from_an_empty_folder_in_b2_nothing_comes_and_nothing_is_removed(
    world: World, bucket: Bucket, tmp_path: Path, kind: type[Synchronizer], dry_run: bool
) -> None:
    """b2sdk 1.1.4 says nothing either; it goes on to remove what is at the destination, where that is wanted."""
    (tmp_path / "mine").write_bytes(b"mine")
    bucket.upload_bytes(b"x", "other/x")

    def sync(source: str, dest: str, **options: Any) -> None:
        _sync(world, source, dest, told, kind, dry_run=dry_run, **options)

    told = io.StringIO()
    for dest in (str(tmp_path), "b2://holiday/other"):
        sync("b2://holiday/none", dest)
    sync("b2://holiday/none", str(tmp_path / "new"), **DELETES[0])
    assert (tmp_path / "new").exists() is not dry_run
    (tmp_path / "empty").mkdir()
    sync("b2://holiday/none", str(tmp_path / "empty"), **DELETES[0])
    for options in DELETES:
        sync("b2://holiday/none", "b2://holiday/nothing", **options)
        with pytest.raises(exception.CommandError, match=r"^Directory b2://holiday/none is empty"):
            sync("b2://holiday/none", "b2://holiday/other", **options)
    with pytest.raises(exception.CommandError, match=r"^Directory b2://holiday/none is empty"):
        sync("b2://holiday/none", str(tmp_path), **DELETES[0])
    world.api.create_bucket("vacant", "allPrivate")
    with pytest.raises(exception.CommandError, match=r"^Directory b2://vacant is empty"):
        sync("b2://vacant", str(tmp_path), **DELETES[0])
    assert told.getvalue() == ""
    assert ((tmp_path / "mine").read_bytes(), content(bucket, "other/x")) == (b"mine", b"x")


# --- a folder that is not there yet


@pytest.mark.parametrize("kind", [Synchronizer, _ByFiles])
def test_a_sync_that_is_refused_leaves_no_folder(
    world: World, bucket: Bucket, tmp_path: Path, kind: type[Synchronizer]
) -> None:
    bucket.upload_bytes(b"a", "a")
    world.faults.append(FailNth("b2_list_file_versions", 1, Answer(400, "bad_request")))
    with pytest.raises(exception.B2Error):
        _sync(world, "b2://holiday", tmp_path / "new", io.StringIO(), kind)
    assert not (tmp_path / "new").exists()
    _sync(world, "b2://holiday", tmp_path / "new", told := io.StringIO(), kind, dry_run=True)
    assert told.getvalue() == "dnload a\n"
    assert not (tmp_path / "new").exists()
    _sync(world, "b2://holiday", tmp_path / "new", io.StringIO(), kind)
    assert (tmp_path / "new/a").read_bytes() == b"a"


@pytest.mark.parametrize("kind", [Synchronizer, _ByFiles])
def test_a_file_in_the_way_of_the_folder_is_told(
    world: World, bucket: Bucket, tmp_path: Path, kind: type[Synchronizer]
) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    bucket.upload_bytes(b"a", "a")
    for dest in ("file", "file/new"):
        with pytest.raises(exception.CommandError, match="file"):
            _sync(world, "b2://holiday", tmp_path / dest, io.StringIO(), kind)
        with pytest.raises(exception.CommandError, match="file"):
            _sync(world, "b2://holiday/none", tmp_path / dest, io.StringIO(), kind)
    assert (tmp_path / "file").read_bytes() == b"mine"


class _Filtered(LocalFolder):
    """Tells its files itself, and reads its directory for that."""

    def all_files(self, *args: Any, **named: Any) -> Iterator[Any]:
        return (file for file in super().all_files(*args, **named) if file.name != "secret")


class _ReadsAll(Synchronizer):
    """Reads both folders to make its actions."""

    def make_folder_sync_actions(self, *args: Any, **named: Any) -> Iterator[Any]:
        for folder in args[:2]:
            list(folder.all_files(None))
        yield from super().make_folder_sync_actions(*args, **named)


@pytest.mark.parametrize("kind", [Synchronizer, _ByFiles, _ReadsAll])
def test_a_folder_that_somebody_s_own_code_reads_is_there(
    world: World, bucket: Bucket, tmp_path: Path, kind: type[Synchronizer]
) -> None:
    """As with b2sdk 1.1.4, whose sync makes it first."""
    bucket.upload_bytes(b"a", "a")
    source = parse_sync_folder("b2://holiday", world.api)
    kind(2).sync_folders(source, _Filtered(str(tmp_path / "new")), NOW, None)
    assert (tmp_path / "new/a").read_bytes() == b"a"


def test_of_an_empty_folder_in_b2_there_are_no_actions(world: World, bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    sides = parse_sync_folder("b2://holiday/none", world.api), parse_sync_folder(str(tmp_path), world.api)
    assert list(Synchronizer(2).make_folder_sync_actions(*sides, now_millis=NOW, reporter=None)) == []
    with pytest.raises(exception.CommandError, match="b2://holiday/none"):
        list(Synchronizer(2, **DELETES[0]).make_folder_sync_actions(*sides, now_millis=NOW, reporter=None))


# --- folders in the place of files


def test_an_empty_folder_gives_way_to_a_file_and_one_with_files_stays(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
        bucket.upload_bytes(name.encode(), name)
    (tmp_path / "full/mine").write_bytes(b"mine")
    with pytest.raises(exception.IncompleteSync):
        _sync(world, "b2://holiday", tmp_path, told := io.StringIO())
    assert "dnload empty\n" in told.getvalue()
    assert (tmp_path / "empty").read_bytes() == b"empty"
    assert (tmp_path / "full/mine").read_bytes() == b"mine"
