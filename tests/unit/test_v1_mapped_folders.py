"""Local folders whose subclass says itself where a name lies, or which names there are: what b2sdk 1.1.4 was seen to do
with them, and nothing goes missing in silence.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from b2pure.v1 import (
    DEFAULT_SCAN_MANAGER,
    AbstractFolder,
    B2Api,
    B2Folder,
    Bucket,
    DownloadDestBytes,
    File,
    FileVersion,
    InMemoryAccountInfo,
    KeepOrDeleteMode,
    LocalFolder,
    NewerFileSyncMode,
    RawSimulator,
    ScanPoliciesManager,
    Synchronizer,
    SyncReport,
)
from b2pure.v1.exception import IncompleteSync

_DELETE = KeepOrDeleteMode.DELETE


@pytest.fixture
def bucket() -> Bucket:
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    return api.create_bucket("holiday", "allPrivate")


def _put(place: Path, text: str, seconds: int = 1_000) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    os.utime(place, (seconds, seconds))


def _there(bucket: Bucket) -> Any:
    return B2Folder("holiday", "x", bucket.api)


def _sync(source: Any, dest: Any, **options: Any) -> list[str]:
    told = io.StringIO()
    with SyncReport(told, no_progress=True) as report:
        run = Synchronizer(2, newer_file_mode=NewerFileSyncMode.REPLACE, **options)
        run.sync_folders(source, dest, 1_800_000_000_000, report)
    return sorted(filter(None, told.getvalue().split("\n")))


def _in_b2(bucket: Bucket) -> dict[str, bytes]:
    found = {}
    for version, _ in bucket.ls("x", recursive=True):
        there = DownloadDestBytes()
        bucket.download_file_by_id(version.id_ or "", there)
        found[version.file_name] = there.get_bytes_written()
    return found


def _on_disk(folder: Path) -> dict[str, str]:
    return {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()}


class _Renaming(LocalFolder):
    """Every name has `x-` before it, but on the disk."""

    def all_files(self, reporter: Any, policies_manager: Any = DEFAULT_SCAN_MANAGER) -> Iterator[File]:
        for file in super().all_files(reporter, policies_manager):
            yield File("x-" + file.name, file.versions)

    def make_full_path(self, file_name: str) -> str:
        return super().make_full_path(file_name.removeprefix("x-"))


def test_a_source_that_maps_names_is_backed_up(bucket: Bucket, tmp_path: Path) -> None:
    _put(tmp_path / "a", "aaa")
    _put(tmp_path / "sub/b", "b")
    folder = _Renaming(str(tmp_path))
    assert _sync(folder, _there(bucket)) == ["upload x-a", "upload x-sub/b"]
    assert _in_b2(bucket) == {"x/x-a": b"aaa", "x/x-sub/b": b"b"}
    assert _sync(folder, _there(bucket)) == []


def test_a_folder_that_is_none_of_ours_may_know_only_its_own_names(bucket: Bucket, tmp_path: Path) -> None:
    _put(tmp_path / "deep/file", "from there")
    places = {"z/a": str(tmp_path / "deep/file")}

    class Own(AbstractFolder):
        def all_files(self, reporter: Any, policies_manager: Any = DEFAULT_SCAN_MANAGER) -> Iterator[File]:
            yield File("z/a", [FileVersion(places["z/a"], "z/a", 1_000_000, "upload", 10)])

        def folder_type(self) -> str:
            return "local"

        def make_full_path(self, file_name: str) -> str:
            return places[file_name]

    assert _sync(Own(), _there(bucket)) == ["upload z/a"]
    assert _in_b2(bucket) == {"x/z/a": b"from there"}


def test_a_told_file_that_is_not_there_fails(bucket: Bucket, tmp_path: Path) -> None:
    _put(tmp_path / "a", "aaa")

    class Wrong(LocalFolder):
        def all_files(self, reporter: Any, policies_manager: Any = DEFAULT_SCAN_MANAGER) -> Iterator[File]:
            for file in super().all_files(reporter, policies_manager):
                yield File("x-" + file.name, file.versions)

    bucket.upload_bytes(b"kept", "x/x-a")
    with pytest.raises(IncompleteSync):
        _sync(Wrong(str(tmp_path)), _there(bucket), keep_days_or_delete=_DELETE)
    assert _in_b2(bucket) == {"x/x-a": b"kept"}


@pytest.mark.parametrize("own_upload", [False, True])
def test_a_told_file_that_is_not_there_keeps_its_backup(bucket: Bucket, tmp_path: Path, own_upload: bool) -> None:
    """It was not removed: it was not found. Also where somebody's own `upload` would have sent it."""
    bucket.upload_bytes(b"backup", "x/gone.txt")
    if own_upload:
        bucket.upload = lambda *args, **options: Bucket.upload(bucket, *args, **options)  # type: ignore[method-assign]

    class Absent(LocalFolder):
        def all_files(self, reporter: Any, policies_manager: Any = DEFAULT_SCAN_MANAGER) -> Iterator[File]:
            path = os.path.join(self.root, "gone.txt")
            yield File("gone.txt", [FileVersion(path, "gone.txt", 2_000_000_000_000, "upload", 4)])

    there = B2Folder("holiday", "x", bucket.api)
    there.bucket = bucket
    with pytest.raises(IncompleteSync):
        _sync(Absent(str(tmp_path)), there, keep_days_or_delete=_DELETE)
    assert _in_b2(bucket) == {"x/gone.txt": b"backup"}


def test_what_make_full_path_says_is_sent_also_if_set_on_an_object(bucket: Bucket, tmp_path: Path) -> None:
    _put(tmp_path / "f/a", "from f")
    _put(tmp_path / "g/a", "g's")
    folder = LocalFolder(str(tmp_path / "f"))
    folder.make_full_path = lambda name: str(tmp_path / "g" / name)  # type: ignore[method-assign,assignment]
    assert _sync(folder, _there(bucket)) == ["upload a"]
    assert _in_b2(bucket) == {"x/a": b"g's"}


def test_what_a_source_does_not_tell_is_deleted_though_the_disk_has_it(bucket: Bucket, tmp_path: Path) -> None:
    class Some(LocalFolder):
        def all_files(self, reporter: Any, policies_manager: Any = DEFAULT_SCAN_MANAGER) -> Iterator[File]:
            return (file for file in super().all_files(reporter, policies_manager) if file.name != "a")

    _put(tmp_path / "a", "a")
    _put(tmp_path / "b", "b")
    _sync(LocalFolder(str(tmp_path)), _there(bucket))
    _sync(Some(str(tmp_path)), _there(bucket), keep_days_or_delete=_DELETE)
    assert _in_b2(bucket) == {"x/b": b"b"}


class _Seeing(ScanPoliciesManager):
    """Writes down what it is asked, and leaves out keys and long files."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.seen: list[tuple[Any, ...]] = []

    def should_exclude_file_version(self, file_version: Any) -> bool:
        each = file_version
        self.seen.append((each.id_, each.name, each.mod_time, each.action, each.size))
        return bool(each.name.endswith(".key") or each.size > 1_000)


def test_a_manager_is_asked_about_the_version_as_it_is(bucket: Bucket, tmp_path: Path) -> None:
    here = tmp_path / "here"
    _put(here / "sub/my.key", "secret")
    _put(here / "long", "l" * 1_001)
    _put(here / "a", "aaa")
    seeing = _Seeing()
    assert _sync(LocalFolder(str(here)), _there(bucket), policies_manager=seeing) == ["upload a"]
    assert set(seeing.seen) == {
        (str(here / "sub/my.key"), "sub/my.key", 1_000_000, "upload", 6),
        (str(here / "long"), "long", 1_000_000, "upload", 1_001),
        (str(here / "a"), "a", 1_000_000, "upload", 3),
    }
    of_folder = _Seeing()
    files = LocalFolder(str(here)).all_files(None, of_folder)
    assert ([each.name for each in files], set(of_folder.seen)) == (["a"], set(seeing.seen))


def test_of_a_version_in_b2_it_gets_the_id_and_the_whole_name(bucket: Bucket, tmp_path: Path) -> None:
    info = {"src_last_modified_millis": "5"}
    ids = {name: bucket.upload_bytes(b"bbb", f"x/{name}", file_infos=info).id_ for name in ("my.key", "b")}
    expected = {(ids[name], f"x/{name}", 5, "upload", 3) for name in ids}
    back, seeing, of_folder = tmp_path / "back", _Seeing(), _Seeing()
    assert _sync(_there(bucket), LocalFolder(str(back)), policies_manager=seeing) == ["dnload b"]
    assert (_on_disk(back), set(seeing.seen)) == ({"b": "bbb"}, expected)
    files = _there(bucket).all_files(None, of_folder)
    assert ([each.name for each in files], set(of_folder.seen)) == (["b"], expected)
    other = B2Folder("holiday", "y", bucket.api)
    assert _sync(_there(bucket), other, policies_manager=_Seeing()) == ["copy   b"]


class _Prefixing(LocalFolder):
    def make_full_path(self, file_name: str) -> str:
        return super().make_full_path("pre-" + file_name)


def test_a_download_replaces_what_make_full_path_says_and_nothing_else(bucket: Bucket, tmp_path: Path) -> None:
    _put(tmp_path / "a", "precious", 1)
    bucket.upload_bytes(b"new", "x/a")
    for _ in range(2):  # the second replaces its own
        assert _sync(_there(bucket), _Prefixing(str(tmp_path))) == ["dnload a"]
        assert _on_disk(tmp_path) == {"a": "precious", "pre-a": "new"}
    _put(tmp_path / "zz", "zz")
    _put(tmp_path / "pre-zz", "pre-zz")
    told = _sync(_there(bucket), _Prefixing(str(tmp_path)), keep_days_or_delete=_DELETE)
    assert told == ["delete pre-a", "delete pre-zz", "delete zz", "dnload a"]
    assert "a" in _on_disk(tmp_path)


def test_a_download_may_go_elsewhere(bucket: Bucket, tmp_path: Path) -> None:
    class Elsewhere(LocalFolder):
        def make_full_path(self, file_name: str) -> str:
            return str(tmp_path / "else" / file_name)

    (tmp_path / "here").mkdir()
    bucket.upload_bytes(b"new" * 3000, "x/deep/a")
    assert _sync(_there(bucket), Elsewhere(str(tmp_path / "here"))) == ["dnload deep/a"]
    assert _on_disk(tmp_path) == {"else/deep/a": "new" * 3000}


def test_a_path_that_cannot_be_said_fails_alone(bucket: Bucket, tmp_path: Path) -> None:
    class Picky(LocalFolder):
        def make_full_path(self, file_name: str) -> str:
            return super().make_full_path({"a": "A"}[file_name])

    bucket.upload_bytes(b"a", "x/a")
    bucket.upload_bytes(b"b", "x/b")
    with pytest.raises(IncompleteSync):
        _sync(_there(bucket), Picky(str(tmp_path)))
    assert _on_disk(tmp_path) == {"A": "a"}
