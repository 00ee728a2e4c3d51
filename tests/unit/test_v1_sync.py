"""Sync of the numbered interface: options, folders, reports, and those of callers."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from v1_world import World, content, served

from b2pure.effects.faults import Answer, FailNth
from b2pure.plan.retry import RetryPolicy
from b2pure.v1 import (
    DEFAULT_SCAN_MANAGER,
    B2DeleteAction,
    B2Folder,
    B2HideAction,
    Bucket,
    CompareVersionMode,
    File,
    FileVersion,
    KeepOrDeleteMode,
    LocalFolder,
    NewerFileSyncMode,
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
        world.api.session.retry = RetryPolicy(first_delay=0.001, max_attempts=2, max_upload_urls=2)
        yield world


@pytest.fixture
def bucket(world: World) -> Bucket:
    return world.bucket()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _put(folder: Path, *names: str, time: int | None = None) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        if time is not None:
            os.utime(path, (time, time))


def _sync(world: World, source: Path | str, dest: Path | str, /, *, now: int = NOW, **options: Any) -> list[str]:
    """The lines of one sync, sorted."""
    out = io.StringIO()
    ends = [parse_sync_folder(str(place), world.api) for place in (source, dest)]
    with SyncReport(out, no_progress=True) as report:
        Synchronizer(4, **options).sync_folders(ends[0], ends[1], now, report)
    return sorted(line.rstrip() for line in out.getvalue().splitlines())


def _names(bucket: Bucket) -> list[str]:
    return [version.file_name for version, _ in bucket.ls(recursive=True)]


# --- directions


def test_up_and_down_and_across(world: World, bucket: Bucket, folder: Path) -> None:
    _put(folder / "up", "a", "b/c", "b-d")
    assert _sync(world, folder / "up", "b2://holiday/kept") == ["upload a", "upload b-d", "upload b/c"]
    assert _names(bucket) == ["kept/a", "kept/b-d", "kept/b/c"]
    assert _sync(world, "b2://holiday/kept", folder / "down") == ["dnload a", "dnload b-d", "dnload b/c"]
    assert (folder / "down" / "b" / "c").read_bytes() == b"b/c"
    assert _sync(world, folder / "down", "b2://holiday/kept") == []
    world.bucket("others")
    assert _sync(world, "b2://holiday/kept", "b2://others") == ["copy   a", "copy   b-d", "copy   b/c"]
    for ends in ((folder / "up", folder / "down"), (folder / "down", folder / "up")):
        with pytest.raises(exception.InvalidArgument, match="local like the source"):
            _sync(world, *ends)


def test_without_a_reporter_nothing_is_told_and_everything_done(
    world: World, bucket: Bucket, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _put(folder, "a", "b")
    ends = parse_sync_folder(str(folder), world.api), parse_sync_folder("b2://holiday", world.api)
    Synchronizer(4).sync_folders(*ends, NOW, None)
    assert (_names(bucket), capfd.readouterr()) == (["a", "b"], ("", ""))


def test_a_dry_run_tells_and_does_nothing(world: World, bucket: Bucket, folder: Path) -> None:
    _put(folder / "here", "a", "b")
    bucket.upload_bytes(b"x", "gone")
    delete = KeepOrDeleteMode.DELETE
    lines = ["delete gone", "upload a", "upload b"]
    assert _sync(world, folder / "here", "b2://holiday", dry_run=True, keep_days_or_delete=delete) == lines
    assert _sync(world, "b2://holiday", folder / "there", dry_run=True) == ["dnload gone"]
    assert (_names(bucket), (folder / "there").exists()) == (["gone"], False)
    assert world.calls("b2_upload_file") == 1
    assert _sync(world, folder / "here", "b2://holiday", keep_days_or_delete=delete) == lines


# --- options


def test_an_empty_source_is_an_error_unless_it_is_allowed(world: World, bucket: Bucket, folder: Path) -> None:
    bucket.upload_bytes(b"x", "x")
    delete = KeepOrDeleteMode.DELETE
    with pytest.raises(exception.CommandError, match=re.escape(f"Directory {folder} is empty.")):
        _sync(world, folder, "b2://holiday", keep_days_or_delete=delete)
    assert _sync(world, folder, "b2://holiday", allow_empty_source=True, keep_days_or_delete=delete) == ["delete x"]
    with pytest.raises(exception.CommandError, match="no such folder"):
        _sync(world, folder / "missing", "b2://holiday", allow_empty_source=True)


@pytest.mark.parametrize("threshold", [3, 3.0, timedelta(seconds=3)])
def test_times_are_compared_in_seconds(world: World, bucket: Bucket, folder: Path, threshold: Any) -> None:
    """ "modification time (in seconds) difference"."""
    options = {"compare_threshold": threshold, "newer_file_mode": NewerFileSyncMode.REPLACE}
    _put(folder, "a", time=1_700_000_000)
    assert _sync(world, folder, "b2://holiday", **options) == ["upload a"]
    for time, lines in ((1_700_000_003, []), (1_699_999_997, []), (1_700_000_004, ["upload a"])):
        _put(folder, "a", time=time)
        assert _sync(world, folder, "b2://holiday", **options) == lines


def test_sizes_are_compared_in_bytes_and_names_by_being_there(world: World, bucket: Bucket, folder: Path) -> None:
    bucket.upload_bytes(b"0123456789", "a")
    size, none = CompareVersionMode.SIZE, CompareVersionMode.NONE
    replace = NewerFileSyncMode.REPLACE
    (folder / "a").write_bytes(b"0" * 100)
    assert _sync(world, folder, "b2://holiday", compare_version_mode=none) == []
    assert _sync(world, folder, "b2://holiday", compare_version_mode=size, compare_threshold=90) == []
    assert _sync(
        world, folder, "b2://holiday", compare_version_mode=size, compare_threshold=89, newer_file_mode=replace
    ) == ["upload a"]


def test_a_newer_destination(world: World, bucket: Bucket, folder: Path) -> None:
    """An error, skipped, replaced; the error names both."""
    _put(folder, "a", time=1_700_000_000)
    bucket.upload_bytes(b"newer", "a")
    with pytest.raises(exception.DestFileNewer) as caught:
        _sync(world, folder, "b2://holiday")
    error = caught.value
    assert (error.source_file.name, error.source_file.latest_version().mod_time) == ("a", 1_700_000_000_000)
    assert str(error).startswith("source file is older than destination: local://a with a time of 1700000000000")
    with pytest.raises(exception.DestFileNewer):
        _sync(world, folder, "b2://holiday", dry_run=True)
    assert _sync(world, folder, "b2://holiday", newer_file_mode=NewerFileSyncMode.SKIP) == []
    assert content(bucket, "a") == b"newer"
    assert _sync(world, folder, "b2://holiday", newer_file_mode=NewerFileSyncMode.REPLACE) == ["upload a"]


def test_deleting_at_a_local_destination(world: World, bucket: Bucket, folder: Path) -> None:
    bucket.upload_bytes(b"x", "x")
    _put(folder, "gone", "deep/gone")
    delete = KeepOrDeleteMode.DELETE
    lines = ["delete deep/gone", "delete gone", "dnload x"]
    assert _sync(world, "b2://holiday", folder, keep_days_or_delete=delete) == lines
    assert not (folder / "gone").exists()
    with pytest.raises(exception.InvalidArgument, match="keep_days_or_delete"):
        _sync(world, "b2://holiday", folder, keep_days_or_delete=KeepOrDeleteMode.KEEP_BEFORE_DELETE, keep_days=3)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"newer_file_mode": "skip"}, "newer_file_mode"),
        ({"compare_version_mode": 201}, "compare_version_mode"),
        ({"keep_days_or_delete": "delete"}, "keep_days_or_delete"),
        ({"compare_threshold": -1}, "compare_threshold"),
        ({"compare_threshold": "1"}, "compare_threshold"),
        ({"compare_version_mode": CompareVersionMode.SIZE, "compare_threshold": timedelta(1)}, "compare_threshold"),
        ({"keep_days_or_delete": KeepOrDeleteMode.KEEP_BEFORE_DELETE}, "keep_days"),
        ({"keep_days_or_delete": KeepOrDeleteMode.KEEP_BEFORE_DELETE, "keep_days": 0}, "keep_days"),
        ({"max_workers": 0}, "max_workers"),
    ],
)
def test_options_that_make_no_sense_are_told_by_name(options: dict[str, Any], name: str) -> None:
    with pytest.raises(exception.InvalidArgument) as caught:
        Synchronizer(**{"max_workers": 4, **options})
    assert caught.value.parameter_name == name


def test_the_page_s_other_name_of_no_delete_is_the_same() -> None:
    """ "Default is DO_NOTHING"."""
    assert KeepOrDeleteMode["DO_NOTHING"] is KeepOrDeleteMode.NO_DELETE


# --- what takes part


def test_scan_policies(world: World, bucket: Bucket, folder: Path) -> None:
    """A pattern matches from the start of the path; what is left out is left alone on both sides."""
    _put(folder, "a.txt", "a.raw", "keep.raw", "photos/x", "photos2/y", "photos.txt")
    bucket.upload_bytes(b"x", "z.raw")
    manager = ScanPoliciesManager(
        exclude_dir_regexes=(r"photos$",),
        exclude_file_regexes=(re.compile(r".*\.RAW$", re.IGNORECASE),),
        include_file_regexes=("keep",),
    )
    delete = KeepOrDeleteMode.DELETE
    lines = ["upload a.txt", "upload keep.raw", "upload photos.txt", "upload photos2/y"]
    assert _sync(world, folder, "b2://holiday", policies_manager=manager, keep_days_or_delete=delete) == lines
    assert "z.raw" in _names(bucket)
    assert [manager.should_exclude_file(name) for name in ("a.raw", "keep.raw", "photos/x")] == [True, False, True]
    assert [manager.should_exclude_directory(name) for name in ("photos", "photos2")] == [True, False]


def test_versions_may_be_left_out_by_their_time(world: World, bucket: Bucket, folder: Path) -> None:
    _put(folder, "old", time=1_600_000_000)
    _put(folder, "new", time=1_700_000_000)
    manager = ScanPoliciesManager(exclude_modified_before=1_650_000_000_000)
    assert _sync(world, folder, "b2://holiday", policies_manager=manager) == ["upload new"]
    times = (1_649_999_999_999, 1_650_000_000_000)
    versions = [FileVersion("", "", time, "upload", 0) for time in times]
    assert [manager.should_exclude_file_version(version) for version in versions] == [True, False]


def test_policies_that_make_no_sense_are_told(folder: Path) -> None:
    wrongs: tuple[dict[str, Any], ...] = (
        {"include_file_regexes": ("x",)},
        {"exclude_file_regexes": ("(",)},
        {"exclude_modified_before": 2, "exclude_modified_after": 1},
    )
    for wrong in wrongs:
        with pytest.raises(exception.InvalidArgument):
            ScanPoliciesManager(**wrong)


def test_a_manager_of_a_callers_own_is_asked(world: World, bucket: Bucket, folder: Path) -> None:
    class Mine(ScanPoliciesManager):
        def should_exclude_file(self, file_path: str) -> bool:
            return file_path.endswith("1")

        def should_exclude_directory(self, dir_path: str) -> bool:
            return dir_path == "b"

        def should_exclude_file_version(self, file_version: Any) -> bool:
            return bool(file_version.mod_time < 1_650_000_000_000)

    _put(folder, "a1", "a2", "b/c", "d/e")
    _put(folder, "old", time=1_600_000_000)
    assert _sync(world, folder, "b2://holiday", policies_manager=Mine()) == ["upload a2", "upload d/e"]


# --- folders


def test_places_as_people_write_them(world: World, bucket: Bucket, folder: Path) -> None:
    for text in ("b2://holiday/a/b", "b2:holiday/a/b", "b2://holiday/a/b/"):
        place = parse_sync_folder(text, world.api)
        assert isinstance(place, B2Folder)
        assert (place.bucket_name, place.folder_name, place.folder_type()) == ("holiday", "a/b", "b2")
        assert (place.make_full_path("c"), repr(place)) == ("a/b/c", "B2Folder(holiday, a/b)")
    local = parse_sync_folder(str(folder), world.api)
    assert (repr(local), local.folder_type()) == (f"LocalFolder({folder})", "local")
    assert local.make_full_path("a/b") == str(folder / "a" / "b")
    for wrong in ("../x", "/x", "a//b", ""):
        with pytest.raises(exception.UnSyncableFilename):
            local.make_full_path(wrong)
    for text in ("b2://holiday/a//b", "b2://", ""):
        with pytest.raises(exception.CommandError):
            parse_sync_folder(text, world.api)
    with pytest.raises(exception.NonExistentBucket):
        parse_sync_folder("b2://nowhere", world.api)


def test_folders_tell_their_files_in_b2_s_order(world: World, bucket: Bucket, folder: Path) -> None:
    names = ["A", "a-b", "a.txt", "a/b.txt", "a/c.txt", "a0.txt"]
    _put(folder, *names)
    for name in names:
        bucket.upload_bytes(b"x", name)
    bucket.upload_bytes(b"new", "A")
    manager = ScanPoliciesManager(exclude_dir_regexes=("a",))
    files: list[File] = []
    for place in (str(folder), "b2://holiday"):
        files = list(parse_sync_folder(place, world.api).all_files(None))
        assert [file.name for file in files] == names
        left = list(parse_sync_folder(place, world.api).all_files(None, manager))
        assert [file.name for file in left] == ["A", "a-b", "a.txt", "a0.txt"]
    assert [version.size for version in files[0].versions] == [3, 1]
    assert files[0].latest_version().action == "upload"


def test_a_local_folder_of_a_callers_own_is_asked_for_its_files(world: World, bucket: Bucket, folder: Path) -> None:
    class Half(LocalFolder):
        asked: list[Any]

        def all_files(self, reporter: Any, policies_manager: Any = DEFAULT_SCAN_MANAGER) -> Iterator[File]:
            self.asked = [reporter, policies_manager]
            return (file for file in super().all_files(reporter, policies_manager) if file.name < "b")

    _put(folder, "a1", "a2", "b1")
    half = Half(str(folder))
    manager = ScanPoliciesManager()
    with SyncReport(io.StringIO(), no_progress=True) as report:
        dest = parse_sync_folder("b2://holiday", world.api)
        Synchronizer(4, policies_manager=manager).sync_folders(half, dest, NOW, report)
    assert (_names(bucket), half.asked) == (["a1", "a2"], [report, manager])


def test_a_folder_in_b2_of_a_callers_own_is_asked_for_its_files(world: World, bucket: Bucket, folder: Path) -> None:
    class Half(B2Folder):
        def all_files(self, reporter: Any, policies_manager: Any = DEFAULT_SCAN_MANAGER) -> Iterator[File]:
            return (file for file in super().all_files(reporter, policies_manager) if file.name < "b")

    for name in ("a1", "a2", "b1"):
        bucket.upload_bytes(b"x", f"in/{name}")
    Synchronizer(4).sync_folders(Half("holiday", "in", world.api), LocalFolder(str(folder)), NOW, None)
    assert sorted(os.listdir(folder)) == ["a1", "a2"]


# --- what goes wrong


def test_a_file_that_fails_does_not_stop_the_others(world: World, bucket: Bucket, folder: Path) -> None:
    _put(folder, "a", "b", "c")
    world.faults.append(FailNth("b2_upload_file", 2, Answer(400, "bad_request")))
    out = io.StringIO()
    ends = parse_sync_folder(str(folder), world.api), parse_sync_folder("b2://holiday", world.api)
    with (
        SyncReport(out, no_progress=True) as report,
        pytest.raises(exception.IncompleteSync, match="sync is incomplete"),
    ):
        Synchronizer(1).sync_folders(*ends, NOW, report)
    lines = out.getvalue().splitlines()
    assert len([line for line in lines if re.fullmatch("upload [abc]", line)]) == 2
    assert len([line for line in lines if re.fullmatch("upload [abc]: BadRequest .*", line)]) == 1
    assert len(_names(bucket)) == 2


def test_a_side_that_cannot_be_read_is_an_error_of_b2_s(world: World, bucket: Bucket, folder: Path) -> None:
    """Nothing is transferred; the error is that of the listing."""
    _put(folder, "a")
    made = world.api.create_key(["listBuckets", "writeFiles"], "writer", bucket_id=bucket.id_)
    world.api.authorize_account(world.url, made["applicationKeyId"], made["applicationKey"])
    for dry_run in (True, False):
        with pytest.raises(exception.Unauthorized):
            _sync(world, folder, "b2://holiday", dry_run=dry_run)
    assert world.calls("b2_upload_file") == 0


def test_a_name_that_no_folder_can_have_is_told_and_the_rest_comes(world: World, bucket: Bucket, folder: Path) -> None:
    bucket.upload_bytes(b"x", "../escape")
    bucket.upload_bytes(b"x", "good")
    out = io.StringIO()
    ends = parse_sync_folder("b2://holiday", world.api), parse_sync_folder(str(folder / "in"), world.api)
    with SyncReport(out, no_progress=True) as report, pytest.raises(exception.IncompleteSync):
        Synchronizer(4).sync_folders(*ends, NOW, report)
    assert sorted(os.listdir(folder / "in")) == ["good"]
    assert os.listdir(folder) == ["in"]
    assert "../escape: " in out.getvalue()


def test_what_cannot_be_read_is_a_warning_at_the_end(world: World, bucket: Bucket, folder: Path) -> None:
    _put(folder, "a")
    os.symlink("nowhere", folder / "broken")
    os.mkfifo(folder / "pipe")
    lines = _sync(world, folder, "b2://holiday")
    assert lines == sorted(
        [
            f"WARNING: {folder}/broken could not be accessed (broken symlink?)",
            f"{folder}/pipe: not a file: it is a pipe",
            "upload a",
        ]
    )


# --- actions one by one


def test_actions_can_be_looked_at_and_run_one_by_one(world: World, bucket: Bucket, folder: Path) -> None:
    _put(folder / "up", "a", "b/c")
    bucket.upload_bytes(b"x", "gone")
    up, b2 = parse_sync_folder(str(folder / "up"), world.api), parse_sync_folder("b2://holiday", world.api)
    down = parse_sync_folder(str(folder / "down"), world.api)
    synchronizer = Synchronizer(4, keep_days_or_delete=KeepOrDeleteMode.DELETE)
    actions = list(synchronizer.make_folder_sync_actions(up, b2, NOW, None))
    assert [(type(action).__name__, action.get_bytes()) for action in actions] == [
        ("B2UploadAction", 1),
        ("B2UploadAction", 3),
        ("B2DeleteAction", 0),
    ]
    assert str(actions[0]).startswith(f"b2_upload({folder}/up/a, a, ")
    out = io.StringIO()
    report = SyncReport(out, no_progress=True)
    for action in actions:
        action.run(bucket, report, dry_run=True)
    assert _names(bucket) == ["gone"]
    for action in actions:
        action.run(bucket, report)
    assert out.getvalue().splitlines() == ["upload a", "upload b/c", "delete gone "] * 2
    assert _names(bucket) == ["a", "b/c"]
    for action in synchronizer.make_folder_sync_actions(b2, down, NOW, None):
        action.run(bucket, None)
    assert (folder / "down" / "b" / "c").read_bytes() == b"b/c"
    assert list(synchronizer.make_folder_sync_actions(up, b2, NOW, None)) == []
    bucket.hide_file("a")
    (delete,) = synchronizer.make_folder_sync_actions(b2, down, NOW, None)
    delete.run(bucket, None)
    assert not (folder / "down" / "a").exists()


def test_the_actions_of_two_files(world: World, bucket: Bucket, folder: Path) -> None:
    up, b2 = LocalFolder(str(folder)), B2Folder("holiday", "in", world.api)
    here = File("x", [FileVersion(str(folder / "x"), "x", 2_000, "upload", 7)])
    there = File("x", [FileVersion("id2", "in/x", 1_000, "upload", 7), FileVersion("id1", "in/x", 500, "upload", 7)])
    delete = Synchronizer(4, keep_days_or_delete=KeepOrDeleteMode.DELETE)
    told = [str(action) for action in delete.make_file_sync_actions("local-to-b2", here, there, up, b2, NOW)]
    assert told == [
        f"b2_upload({folder}/x, in/x, 2000)",
        "b2_delete(in/x, id2, (old version))",
        "b2_delete(in/x, id1, (old version))",
    ]
    (download,) = Synchronizer(4, newer_file_mode=NewerFileSyncMode.REPLACE).make_file_sync_actions(
        "b2-to-local", there, here, b2, up, NOW
    )
    assert str(download) == f"b2_download(in/x, id2, {folder}/x, 1000)"
    with pytest.raises(exception.DestFileNewer, match="b2://x with a time of 1000 cannot be synced to local://x"):
        list(delete.make_file_sync_actions("b2-to-local", there, here, b2, up, NOW))
    assert list(delete.make_file_sync_actions("local-to-b2", None, None, up, b2, NOW)) == []
    with pytest.raises(exception.InvalidArgument, match="sync_type"):
        list(delete.make_file_sync_actions("sideways", here, there, up, b2, NOW))


class _KeepsMe(Synchronizer):
    """Deletes nothing that is called keep.me."""

    def make_folder_sync_actions(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for action in super().make_folder_sync_actions(*args, **kwargs):
            if not (isinstance(action, B2DeleteAction | B2HideAction) and action.relative_name == "keep.me"):
                yield action


class _KeepsMyFile(Synchronizer):
    """The same, file by file."""

    def make_file_sync_actions(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for action in super().make_file_sync_actions(*args, **kwargs):
            if not (isinstance(action, B2DeleteAction | B2HideAction) and action.relative_name == "keep.me"):
                yield action


@pytest.mark.parametrize("kind", [_KeepsMe, _KeepsMyFile])
def test_the_actions_of_a_subclass_are_what_is_done(
    world: World, bucket: Bucket, folder: Path, kind: type[Synchronizer]
) -> None:
    """A subclass that guards files guards them, and everything else is synced as without it."""
    for name in ("a", "keep.me", "old"):
        bucket.upload_bytes(b"there", name, file_infos={"src_last_modified_millis": "1"})
    _put(folder, "a", "new/b")
    sides = LocalFolder(str(folder)), B2Folder("holiday", "", world.api)
    kind(2, keep_days_or_delete=KeepOrDeleteMode.DELETE, dry_run=True).sync_folders(*sides, NOW, None)
    assert sorted(version.file_name for version, _ in bucket.ls(recursive=True)) == ["a", "keep.me", "old"]
    told = io.StringIO()
    with SyncReport(told, no_progress=True) as report:
        kind(2, keep_days_or_delete=KeepOrDeleteMode.DELETE).sync_folders(*sides, NOW, report)
    assert sorted(told.getvalue().split("\n")) == [
        "",
        "delete a (old version)",
        "delete old ",
        "upload a",
        "upload new/b",
    ]
    assert {version.file_name: content(bucket, version.file_name) for version, _ in bucket.ls(recursive=True)} == {
        "a": b"a",
        "keep.me": b"there",
        "new/b": b"new/b",
    }


@pytest.mark.parametrize("kind", [_KeepsMe, _KeepsMyFile])
def test_an_action_that_fails_deletes_nothing_and_is_told(
    world: World, bucket: Bucket, folder: Path, kind: type[Synchronizer]
) -> None:
    bucket.upload_bytes(b"there", "a", file_infos={"src_last_modified_millis": "1"})
    _put(folder, "a", "b")
    world.faults.append(FailNth("b2_upload_file", 1, Answer(400, "bad_request")))
    sides = LocalFolder(str(folder)), B2Folder("holiday", "", world.api)
    with pytest.raises(exception.IncompleteSync):
        kind(1, keep_days_or_delete=KeepOrDeleteMode.DELETE).sync_folders(*sides, NOW, None)
    assert (content(bucket, "a"), content(bucket, "b")) == (b"there", b"b")


@pytest.mark.parametrize("text", ["", "b2://", "b2://bucket/a//b", "a\0b"])
def test_a_place_that_is_none_is_told_with_the_argument(world: World, text: str) -> None:
    with pytest.raises(exception.CommandError, match=r"^folder_name "):
        parse_sync_folder(text, world.api)


@pytest.mark.parametrize("kind", [_KeepsMe, _KeepsMyFile])
def test_an_empty_source_is_refused_for_actions_of_a_subclass_too(
    world: World, bucket: Bucket, folder: Path, kind: type[Synchronizer]
) -> None:
    bucket.upload_bytes(b"there", "a")
    sides = LocalFolder(str(folder)), B2Folder("holiday", "", world.api)
    with pytest.raises(exception.CommandError, match="empty"):
        kind(1, keep_days_or_delete=KeepOrDeleteMode.DELETE).sync_folders(*sides, NOW, None)
    assert content(bucket, "a") == b"there"
