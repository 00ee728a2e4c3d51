"""Syncs between folders of mocks, and of classes that are none of ours: what b2sdk 1.1.4 was seen to do with them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from b2pure.v1 import (
    B2Api,
    B2DeleteAction,
    B2DownloadAction,
    B2Folder,
    Bucket,
    DownloadDestBytes,
    File,
    FileVersion,
    FileVersionInfo,
    InMemoryAccountInfo,
    KeepOrDeleteMode,
    LocalFolder,
    NewerFileSyncMode,
    RawSimulator,
    ScanPoliciesManager,
    Synchronizer,
    SyncReport,
    parse_sync_folder,
)
from b2pure.v1.exception import CommandError, IncompleteSync, InvalidArgument, LocalFileError

NOW = 1_800_000_000_000
DELETE = KeepOrDeleteMode.DELETE


def _version(id_: str, name: str, *, action: str = "upload", info: Any = None, at: int = 1_000) -> FileVersionInfo:
    return FileVersionInfo(id_, name, 5, "text/plain", None, info or {}, at, action)


def _api(*versions: Any) -> MagicMock:
    """An account whose bucket has these."""
    api = MagicMock()
    api.get_bucket_by_name.return_value.ls.return_value = [(each, None) for each in versions]
    return api


def _mock_bucket(folder: B2Folder) -> MagicMock:
    """The bucket of a folder in such an account."""
    assert isinstance(folder.bucket, MagicMock)
    return folder.bucket


def _here(folder: Path, **files: str) -> LocalFolder:
    for name, text in files.items():
        (folder / name).write_text(text)
        os.utime(folder / name, (1_000, 1_000))
    return LocalFolder(str(folder))


def _sync(source: Any, dest: Any, **options: Any) -> list[str]:
    told = io.StringIO()
    with SyncReport(told, no_progress=True) as report:
        Synchronizer(1, newer_file_mode=NewerFileSyncMode.REPLACE, **options).sync_folders(source, dest, NOW, report)
    return sorted(filter(None, told.getvalue().split("\n")))


def _actions(source: Any, dest: Any, **options: Any) -> list[str]:
    run = Synchronizer(1, newer_file_mode=NewerFileSyncMode.REPLACE, **options)
    return [str(each) for each in run.make_folder_sync_actions(source, dest, NOW, MagicMock())]


# -- a bucket that is a mock


def test_a_folder_of_a_mock_lists_by_ls() -> None:
    older, info = _version("0", "folder/a", action="hide"), {"src_last_modified_millis": "77"}
    api = _api(_version("1", "folder/a"), older, _version("2", "folder/b", info=info))
    folder = parse_sync_folder("b2://bucket/folder", api)
    assert list(folder.all_files(MagicMock())) == [
        File("a", [FileVersion("1", "folder/a", 1_000, "upload", 5), FileVersion("0", "folder/a", 1_000, "hide", 5)]),
        File("b", [FileVersion("2", "folder/b", 77, "upload", 5)]),
    ]
    api.get_bucket_by_name.assert_called_once_with("bucket")
    api.get_bucket_by_name.return_value.ls.assert_called_once_with(
        "folder", show_versions=True, recursive=True, fetch_count=1000
    )


def test_versions_may_be_mocks() -> None:
    version = MagicMock(id_="1", file_name="folder/a", size=5, action="upload", upload_timestamp=1_000)
    assert list(B2Folder("bucket", "folder", _api(version)).all_files(None)) == [
        File("a", [FileVersion("1", "folder/a", 1_000, "upload", 5)])
    ]


def test_a_bucket_of_ours_of_a_mock_lists_by_its_session() -> None:
    api = MagicMock()
    api.session.list_file_versions.return_value = {
        "files": [
            {"fileId": "1", "fileName": "folder/a", "action": "upload", "uploadTimestamp": 1, "contentLength": 3}
        ],
        "nextFileName": None,
        "nextFileId": None,
    }
    api.get_bucket_by_name.return_value = Bucket(api, "id", "bucket")
    folder = B2Folder("bucket", "folder", api)
    assert [each.name for each in folder.all_files(None)] == ["a"]
    assert [name for _, name in folder.get_file_versions()] == ["folder/a"]


def test_a_sync_to_a_mock_calls_the_methods_of_its_bucket(tmp_path: Path) -> None:
    there = B2Folder("bucket", "folder", _api(_version("1", "folder/z")))
    assert _sync(_here(tmp_path, a="hello"), there, keep_days_or_delete=DELETE) == ["delete z ", "upload a"]
    bucket: Any = there.bucket
    assert [each[0] for each in bucket.mock_calls] == ["ls", "upload", "api.delete_file_version"]
    source, name = bucket.upload.call_args.args
    assert (source.local_path, name) == (str(tmp_path / "a"), "folder/a")
    assert bucket.upload.call_args.kwargs["file_info"] == {"src_last_modified_millis": "1000000"}
    bucket.api.delete_file_version.assert_called_once_with("1", "folder/z")


def test_one_that_keeps_days_hides(tmp_path: Path) -> None:
    there = B2Folder("bucket", "folder", _api(_version("1", "folder/z", at=NOW - 1_000)))
    options: dict[str, Any] = {"keep_days_or_delete": KeepOrDeleteMode.KEEP_BEFORE_DELETE, "keep_days": 1}
    assert _sync(_here(tmp_path, a="hello"), there, **options) == ["hide   z", "upload a"]
    _mock_bucket(there).hide_file.assert_called_once_with("folder/z")


def test_a_dry_run_only_tells(tmp_path: Path) -> None:
    there = B2Folder("bucket", "folder", _api(_version("1", "folder/z")))
    assert _sync(_here(tmp_path, a="hello"), there, dry_run=True) == ["upload a"]
    assert _sync(there, LocalFolder(str(tmp_path)), dry_run=True) == ["dnload z"]
    assert {each[0] for each in _mock_bucket(there).mock_calls} == {"ls"}


def test_what_a_mock_s_upload_raises_is_told(tmp_path: Path) -> None:
    there, reporter = B2Folder("bucket", "folder", _api()), MagicMock(spec=SyncReport)
    _mock_bucket(there).upload.side_effect = ValueError("no")
    with pytest.raises(IncompleteSync):
        Synchronizer(1).sync_folders(_here(tmp_path, a="hello"), there, NOW, reporter)
    reporter.error.assert_called_once_with(f"b2_upload({tmp_path}/a, folder/a, 1000000): ValueError no")


def test_what_was_not_downloaded_is_not_there(tmp_path: Path) -> None:
    there = B2Folder("bucket", "folder", _api(_version("1", "folder/z")))
    with pytest.raises(IncompleteSync):
        _sync(there, LocalFolder(str(tmp_path / "new")))
    assert (tmp_path / "new").is_dir()

    def fetch(file_id: str, dest: Any, listener: Any) -> None:
        Path(dest.local_file_path).write_text(file_id)

    _mock_bucket(there).download_file_by_id.side_effect = fetch
    assert _sync(there, LocalFolder(str(tmp_path / "new"))) == ["dnload z"]
    assert (tmp_path / "new/z").read_text() == "1"


def test_an_empty_source_is_an_error_of_the_sync_but_not_of_its_actions(tmp_path: Path) -> None:
    here, there = LocalFolder(str(tmp_path)), B2Folder("bucket", "folder", _api(_version("1", "folder/z")))
    with pytest.raises(CommandError, match="is empty"):
        _sync(here, there, keep_days_or_delete=DELETE)
    assert _sync(here, there, allow_empty_source=True) == []
    assert _actions(here, there, keep_days_or_delete=DELETE) == ["b2_delete(folder/z, 1, )"]


def test_a_reporter_that_is_a_mock_hears_what_b2sdk_tells(tmp_path: Path) -> None:
    there, reporter = B2Folder("bucket", "folder", _api(_version("1", "folder/z"))), MagicMock()
    run = Synchronizer(1, keep_days_or_delete=DELETE)
    here = _here(tmp_path, a="hello", b="hi")
    run.sync_folders(here, there, NOW, reporter)
    told = [(each[0], *each[1]) for each in reporter.mock_calls]
    assert sorted(told) == [
        ("end_compare", 3, 7),
        ("end_local",),
        ("print_completion", "delete z "),
        ("print_completion", "upload a"),
        ("print_completion", "upload b"),
        ("update_compare", 1),
        ("update_compare", 1),
        ("update_local", 1),
        ("update_local", 1),
        ("update_transfer", 1, 0),
    ]
    reporter = MagicMock()
    list(run.make_folder_sync_actions(here, there, NOW, reporter))
    assert [each[0] for each in reporter.mock_calls] == ["update_compare"] * 2


@pytest.mark.parametrize("spec", [None, ScanPoliciesManager])
def test_a_manager_may_be_a_mock(tmp_path: Path, spec: type | None) -> None:
    manager = MagicMock(spec=spec, exclude_all_symlinks=False)
    manager.should_exclude_file.side_effect = lambda path: path == "b"
    manager.should_exclude_directory.return_value = manager.should_exclude_file_version.return_value = False
    there = B2Folder("bucket", "folder", _api())
    run = Synchronizer(1, policies_manager=manager)
    run.sync_folders(_here(tmp_path, a="hello", b="hi"), there, NOW, None)
    assert [each.args[1] for each in _mock_bucket(there).upload.call_args_list] == ["folder/a"]


# -- folders and files of anybody's


class Folder:
    """What b2sdk asks of one."""

    bucket: MagicMock
    """It has one only when a test gives it one."""

    def __init__(self, kind: str, *files: Any) -> None:
        self.kind, self.files = kind, files

    def folder_type(self) -> str:
        return self.kind

    def all_files(self, reporter: Any, policies_manager: Any) -> Iterator[Any]:
        return iter(self.files)

    def make_full_path(self, name: str) -> str:
        return f"/dir/{name}" if self.kind == "local" else f"folder/{name}"


class Named:
    """A file of no class of ours."""

    def __init__(self, name: str, *versions: FileVersion) -> None:
        self.name, self.versions = name, list(versions)

    def latest_version(self) -> FileVersion:
        return self.versions[0]


def _mock(folder: Folder) -> MagicMock:
    made = MagicMock()
    made.folder_type.return_value = folder.kind
    made.all_files.side_effect = folder.all_files
    made.make_full_path.side_effect = folder.make_full_path
    return made


def _ends(file: Any) -> tuple[Folder, Folder]:
    def version(id_: str, name: str, seconds: int) -> FileVersion:
        return FileVersion(id_, name, seconds, "upload", 5)

    here = (file("a", version("/dir/a", "a", 1_000)), file("b", version("/dir/b", "b", 2_000)))
    there = (
        file("b", version("2", "folder/b", 1_000), version("1", "folder/b", 500)),
        file("c", version("3", "folder/c", 1_000)),
    )
    return Folder("local", *here), Folder("b2", *there)


UP = ["b2_upload(/dir/a, folder/a, 1000)", "b2_upload(/dir/b, folder/b, 2000)"]


@pytest.mark.parametrize("file", [lambda name, *versions: File(name, versions), Named])
@pytest.mark.parametrize("made", [lambda folder: folder, _mock])
def test_actions_between_folders_of_anybodys(file: Any, made: Any) -> None:
    here, there = map(made, _ends(file))
    assert _actions(here, there) == UP
    deleted = ["b2_delete(folder/b, 2, (old version))", "b2_delete(folder/b, 1, (old version))"]
    assert _actions(here, there, keep_days_or_delete=DELETE) == [*UP, *deleted, "b2_delete(folder/c, 3, )"]
    down = ["b2_download(folder/b, 2, /dir/b, 1000)", "b2_download(folder/c, 3, /dir/c, 1000)"]
    assert _actions(there, here) == down
    assert _actions(there, here, keep_days_or_delete=DELETE) == ["local_delete(/dir/a)", *down]


def test_a_file_may_be_a_mock_that_tells_its_latest_version_only() -> None:
    ours, theirs = MagicMock(), MagicMock()
    ours.name = theirs.name = "a"
    ours.latest_version.return_value = FileVersion("/dir/a", "a", 2_000, "upload", 5)
    theirs.latest_version.return_value = FileVersion("1", "folder/a", 1_000, "upload", 5)
    here, there = _ends(Named)
    made = Synchronizer(1).make_file_sync_actions("local-to-b2", ours, theirs, here, there, NOW)  # type: ignore[arg-type]
    assert [str(each) for each in made] == ["b2_upload(/dir/a, folder/a, 2000)"]


def test_a_sync_needs_a_bucket_that_does_it(tmp_path: Path) -> None:
    here, there = _ends(Named)
    with pytest.raises(TypeError, match="Folder has no bucket"):
        _sync(here, there)
    there.bucket = MagicMock()
    here = Folder("local", Named("a", FileVersion("a", "a", 1_000, "upload", 5)))
    here.make_full_path = lambda name: str(tmp_path / name)  # type: ignore[method-assign]
    _here(tmp_path, a="hello")
    assert _sync(here, there) == ["upload a"]


def test_a_local_folder_of_anybodys_is_synced_to_a_bucket_of_ours(tmp_path: Path) -> None:
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    bucket = api.create_bucket("holiday", "allPrivate")
    _here(tmp_path, a="hello")
    here = Folder("local", Named("a", FileVersion("a", "a", 1_000_000, "upload", 5)))
    here.make_full_path = lambda name: str(tmp_path / name)  # type: ignore[method-assign]
    there = B2Folder("holiday", "x", api)
    assert _actions(here, there) == [f"b2_upload({tmp_path}/a, x/a, 1000000)"]
    assert _sync(here, there) == ["upload a"]
    dest = DownloadDestBytes()
    bucket.download_file_by_name("x/a", dest)
    assert dest.get_bytes_written() == b"hello"


@pytest.mark.parametrize("ends", [("local", "local"), ("b2", "sftp"), (MagicMock(), "b2")])
def test_folders_that_no_sync_is_between(ends: tuple[Any, Any]) -> None:
    source, dest = map(Folder, ends)
    with pytest.raises(InvalidArgument):
        _actions(source, dest)
    with pytest.raises(InvalidArgument):
        _sync(source, dest)


# -- single actions


def test_an_action_deletes_by_the_account_of_a_mock() -> None:
    bucket = MagicMock()
    B2DeleteAction("a", "x/a", "4_f", "").run(bucket, None)
    assert [each[0] for each in bucket.mock_calls] == ["api.delete_file_version"]


def test_an_action_that_downloads_nothing_fails(tmp_path: Path) -> None:
    action = B2DownloadAction("a", "x/a", "4_f", str(tmp_path / "a"), 1_000, 5)
    with pytest.raises(LocalFileError, match="is not there"):
        action.do_action(MagicMock(), None)
