"""Listings of names, versions and unfinished large files of the simulated B2 (gap 7)."""

from __future__ import annotations

import pytest
from simulated import B2, BUCKET

from b2pure.model.calls import (
    DeleteFileVersion,
    DownloadFileByName,
    FinishLargeFile,
    HideFile,
    ListFileNames,
    ListFileVersions,
    ListUnfinishedLargeFiles,
)
from b2pure.model.ids import FileId


@pytest.fixture
def b2() -> B2:
    return B2()


def test_names_are_listed_in_the_order_of_their_bytes(b2: B2) -> None:
    for name in ("\U00010400", "\uffee", "b", "a/1", "a", "A"):
        b2.upload(name)
    assert b2.names() == ["A", "a", "a/1", "b", "\uffee", "\U00010400"]


def test_pages_follow_each_other(b2: B2) -> None:
    for name in ("a", "b", "c"):
        b2.upload(name)
        b2.upload(name)
    page = b2.ok(ListFileVersions(b2.bucket, max_file_count=2))
    seen = [file.file_id for file in page.files]
    while page.next_file_name is not None:
        page = b2.ok(ListFileVersions(b2.bucket, page.next_file_name, page.next_file_id, max_file_count=2))
        seen += [file.file_id for file in page.files]
    assert seen == [file.file_id for file in b2.ok(ListFileVersions(b2.bucket)).files]
    assert b2.ok(ListFileNames(b2.bucket, max_file_count=2)).next_file_name == "c"


def test_a_listing_goes_on_after_a_version_that_was_deleted(b2: B2) -> None:
    old, middle, _ = (b2.upload("n").file_id for _ in range(3))
    b2.ok(DeleteFileVersion("n", middle))
    page = b2.ok(ListFileVersions(b2.bucket, "n", middle))
    assert [file.file_id for file in page.files] == [old]


def test_the_start_is_inclusive_and_need_not_exist(b2: B2) -> None:
    for name in ("a", "c"):
        b2.upload(name)
    assert b2.names(start_file_name="c") == ["c"]
    assert b2.names(start_file_name="b") == ["c"]
    assert b2.names(start_file_name="d") == []


def test_the_start_may_lie_outside_of_the_prefix(b2: B2) -> None:
    for name in ("a", "c", "c/1", "d"):
        b2.upload(name)
    assert b2.names(start_file_name="b", prefix="a") == []
    assert b2.names(start_file_name="a", prefix="c") == ["c", "c/1"]
    assert b2.versions(start_file_name="", prefix="c/") == [("c/1", "upload")]


def test_a_version_to_start_from_needs_its_name(b2: B2) -> None:
    assert b2.code(ListFileVersions(b2.bucket, start_file_id=FileId("x"))) == "bad_request"
    assert b2.code(ListFileVersions(b2.bucket, "a", FileId("x"))) == "invalid_file_id"


def test_a_prefix_is_any_beginning_of_a_name(b2: B2) -> None:
    for name in ("photos/car", "photos/cats/1", "photos/dog", "phot"):
        b2.upload(name)
    assert b2.names(prefix="photos/c") == ["photos/car", "photos/cats/1"]
    assert len(b2.names(prefix="")) == 4


def test_counts_of_a_page(b2: B2) -> None:
    for i in range(101):
        b2.simulator.put(b2.bucket, f"{i:03}", b"")
    assert len(b2.names(max_file_count=0)) == len(b2.names()) == len(b2.versions()) == 100
    assert len(b2.names(max_file_count=10_000)) == 101
    for count in (10_001, -1):
        assert b2.code(ListFileNames(b2.bucket, max_file_count=count)) == "out_of_range"
        assert b2.code(ListFileVersions(b2.bucket, max_file_count=count)) == "out_of_range"


def test_a_page_that_is_just_full_is_the_last(b2: B2) -> None:
    for name in ("a", "b"):
        b2.upload(name)
    assert b2.ok(ListFileNames(b2.bucket, max_file_count=2)).next_file_name is None
    page = b2.ok(ListFileVersions(b2.bucket, max_file_count=2))
    assert (page.next_file_name, page.next_file_id) == (None, None)


# -- folders


def test_a_delimiter_folds_folders(b2: B2) -> None:
    for name in ("a", "a/b/1", "a/b/2", "a/c", "z"):
        b2.upload(name)
    assert b2.names(delimiter="/") == ["a", "a/", "z"]
    assert b2.names(delimiter="/", prefix="a/") == ["a/b/", "a/c"]
    assert b2.names(delimiter="b/") == ["a", "a/b/", "a/c", "z"]


def test_a_folder_is_no_file(b2: B2) -> None:
    b2.upload("a/b")
    (folder,) = b2.ok(ListFileNames(b2.bucket, delimiter="/")).files
    assert (folder.action, folder.file_name, folder.file_id) == ("folder", "a/", None)
    assert (folder.content_length, folder.upload_timestamp) == (0, 0)
    assert (folder.content_sha1, folder.content_type, folder.file_info) == (None, None, {})
    assert (folder.server_side_encryption, folder.file_retention, folder.legal_hold) == (None, None, None)


def test_a_folder_of_names_holds_a_visible_file_and_one_of_versions_anything(b2: B2) -> None:
    b2.upload("hidden/x")
    b2.ok(HideFile(b2.bucket, "hidden/x"))
    b2.start("unfinished/x")
    assert b2.names(delimiter="/") == []
    assert b2.versions(delimiter="/") == [("hidden/", "folder"), ("unfinished/", "folder")]


def test_a_folder_counts_as_one_and_pages_go_on_behind_it(b2: B2) -> None:
    for name in ("a/1", "a/2", "b", "c/1"):
        b2.upload(name)
    seen, start = [], None
    for _ in range(3):
        page = b2.ok(ListFileNames(b2.bucket, start, 1, delimiter="/"))
        seen += [file.file_name for file in page.files]
        start = page.next_file_name
    assert (seen, start) == (["a/", "b", "c/"], None)
    page = b2.ok(ListFileVersions(b2.bucket, "a/", max_file_count=1, delimiter="/"))
    assert ([file.file_name for file in page.files], page.next_file_name) == (["a/"], "b")


# -- unfinished large files


def test_an_unfinished_large_file_is_a_start_and_shadows_nothing(b2: B2) -> None:
    b2.upload("large")
    large = b2.start()
    assert b2.names() == ["large"]
    assert b2.versions() == [("large", "start"), ("large", "upload")]
    assert b2.content(DownloadFileByName(BUCKET, "large")) == b"data"
    assert [f.file_id for f in b2.ok(ListUnfinishedLargeFiles(b2.bucket)).files] == [large]


def test_unfinished_files_are_listed_by_prefix_until_they_are_finished(b2: B2) -> None:
    a, b = b2.start("a/1"), b2.start("b/1")
    assert [file.file_id for file in b2.ok(ListUnfinishedLargeFiles(b2.bucket, "a/")).files] == [a]
    b2.ok(FinishLargeFile(a, (b2.part(a, 1, b"abc"), b2.part(a, 2, b"d"))))
    assert [file.file_id for file in b2.ok(ListUnfinishedLargeFiles(b2.bucket)).files] == [b]


def test_unfinished_files_are_paged_by_id(b2: B2) -> None:
    ids = [b2.start() for _ in range(3)]
    page = b2.ok(ListUnfinishedLargeFiles(b2.bucket, max_file_count=2))
    assert ([file.file_id for file in page.files], page.next_file_id) == (ids[:2], ids[2])
    page = b2.ok(ListUnfinishedLargeFiles(b2.bucket, start_file_id=ids[2]))
    assert [file.file_id for file in page.files] == ids[2:]
    for count in (101, -1):
        assert b2.code(ListUnfinishedLargeFiles(b2.bucket, max_file_count=count)) == "out_of_range"
