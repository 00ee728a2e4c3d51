"""Large files, their parts, and copies, in the simulated B2."""

from __future__ import annotations

from hashlib import md5, sha1

import pytest
from attrs import evolve
from simulated import B2, BUCKET, SMALL

from b2pure.model.calls import (
    HEX_DIGITS_AT_END,
    CancelLargeFile,
    CopyFile,
    CopyPart,
    DeleteFileVersion,
    DownloadFileById,
    DownloadFileByName,
    FinishLargeFile,
    GetFileInfo,
    GetUploadPartUrl,
    HideFile,
    ListParts,
    ListUnfinishedLargeFiles,
    StartLargeFile,
    UploadPart,
)
from b2pure.model.errors import Rejected
from b2pure.model.ids import BucketId, FileId
from b2pure.model.sources import Blob


@pytest.fixture
def b2() -> B2:
    return B2()


# -- starting and finishing (gap 8)


def test_a_started_file_has_no_content_yet(b2: B2) -> None:
    started = b2.ok(StartLargeFile(b2.bucket, "n.txt", "b2/x-auto", {"K": "v"}))
    assert (started.action, started.content_length, started.content_sha1) == ("start", 0, "none")
    assert (started.content_md5, started.content_type, started.file_info) == (None, "text/plain", {"k": "v"})
    assert b2.ok(GetFileInfo(started.file_id)) == started
    assert b2.code(DownloadFileById(started.file_id)) == "not_found"


def test_a_start_is_checked_as_an_upload_is(b2: B2) -> None:
    for call in (
        StartLargeFile(b2.bucket, "", "text/plain", {}),
        StartLargeFile(b2.bucket, "n", "", {}),
        StartLargeFile(b2.bucket, "n", "text/plain", {"bad key": "v"}),
        StartLargeFile(b2.bucket, "n", "text/plain", {}, custom_upload_timestamp=b2.now + 1_000),
    ):
        assert b2.code(call) == "bad_request"


def test_a_finished_large_file_keeps_id_time_and_parts(b2: B2) -> None:
    # gap 6: finishing late makes it no newer
    large = b2.start()
    started = b2.now
    b2.upload("large", b"newer")
    shas = b2.part(large, 1, b"abc"), b2.part(large, 2, b"d")
    file = b2.ok(FinishLargeFile(large, shas))
    assert (file.file_id, file.upload_timestamp, file.content_length) == (large, started, 4)
    assert (file.content_sha1, file.content_md5, file.action) == ("none", None, "upload")
    assert b2.content(DownloadFileByName(BUCKET, "large")) == b"newer"
    assert b2.content(DownloadFileById(large)) == b"abcd"
    assert b2.content(DownloadFileById(large, "bytes=1-3")) == b"bcd"


def test_a_file_is_finished_once_and_its_parts_are_gone(b2: B2) -> None:
    large = b2.start()
    url = b2.url(large)
    shas = b2.part(large, 1, b"abc"), b2.part(large, 2, b"d")
    b2.ok(FinishLargeFile(large, shas))
    for call in (FinishLargeFile(large, shas), ListParts(large), CancelLargeFile(large), GetUploadPartUrl(large)):
        assert b2.code(call) == "bad_request"
    assert b2.code(UploadPart(3, "do_not_verify", Blob(b"abc")), url) == "bad_request"
    assert b2.ok(ListUnfinishedLargeFiles(b2.bucket)).files == ()
    assert b2.ok(GetFileInfo(large)).action == "upload"


def test_what_finish_refuses(b2: B2) -> None:
    large = b2.start()
    one, three = b2.part(large, 1, b"abc"), b2.part(large, 3, b"xyz")
    assert b2.code(FinishLargeFile(large, (one, three))) == "missing_part"
    two = b2.part(large, 2, b"xx")
    assert b2.code(FinishLargeFile(large, (one, two))) == "part_sha1_mismatch"
    assert b2.code(FinishLargeFile(large, (one, three, two))) == "part_sha1_mismatch"
    assert b2.fails(FinishLargeFile(large, (one, two, three))).message == "every part but the last has at least 3 bytes"
    two = b2.part(large, 2, b"yyy")
    b2.ok(FinishLargeFile(large, (one, two, three)))


def test_one_part_is_no_large_file(b2: B2) -> None:
    large = b2.start()
    assert b2.code(FinishLargeFile(large, (b2.part(large, 1, b"abc"),))) == "bad_request"
    assert b2.code(FinishLargeFile(b2.start(), ())) == "bad_request"
    other = B2(evolve(SMALL, minimum_part_count=1))
    assert other.content(DownloadFileById(other.large("n", b"abc"))) == b"abc"


def test_a_large_file_has_a_largest_size() -> None:
    b2 = B2(evolve(SMALL, max_file_size=8))
    large = b2.start()
    shas = b2.part(large, 1, b"abcd"), b2.part(large, 2, b"abcde")
    assert b2.code(FinishLargeFile(large, shas)) == "bad_request"
    b2.ok(FinishLargeFile(large, (shas[0], b2.part(large, 2, b"abcd"))))


def test_two_unfinished_files_may_have_one_name(b2: B2) -> None:
    one, two = b2.start("n"), b2.start("n")
    shas = tuple(b2.part(two, number, b"abc") for number in (1, 2))
    b2.ok(FinishLargeFile(two, shas))
    assert b2.ok(ListParts(one)).parts == ()


def test_cancelling_removes_everything(b2: B2) -> None:
    large = b2.start()
    url = b2.url(large)
    gone = b2.ok(CancelLargeFile(large))
    assert (gone.account_id, gone.bucket_id, gone.file_id, gone.file_name) == (b2.account, b2.bucket, large, "large")
    assert b2.versions() == []
    assert b2.fails(CancelLargeFile(large)) == Rejected(400, "bad_request", f"Invalid fileId: {large}")
    assert b2.code(UploadPart(1, "do_not_verify", Blob(b"abc")), url) == "bad_request"


def test_only_an_unfinished_file_is_cancelled(b2: B2) -> None:
    for file_id in (b2.upload("n").file_id, b2.large("l", b"abc", b"d"), FileId("bad-id")):
        assert b2.fails(CancelLargeFile(file_id)) == Rejected(400, "bad_request", f"Invalid fileId: {file_id}")
    assert b2.names() == ["l", "n"]


def test_deleting_an_unfinished_file_cancels_it(b2: B2) -> None:
    large = b2.start()
    b2.part(large, 1, b"abc")
    b2.ok(DeleteFileVersion("large", large))
    assert b2.ok(ListUnfinishedLargeFiles(b2.bucket)).files == ()
    assert b2.simulator.meter.stored_bytes == 0


# -- parts


@pytest.mark.parametrize(("number", "data"), [(0, b"abc"), (-1, b"abc"), (10_001, b"abc"), (1, b""), (1, b"x" * 11)])
def test_bad_parts_are_refused(b2: B2, number: int, data: bytes) -> None:
    # gap 5: by copy as well
    large = b2.start()
    assert b2.code(UploadPart(number, sha1(data).hexdigest(), Blob(data)), b2.url(large)) == "bad_request"
    if data == b"abc":
        assert b2.code(CopyPart(b2.upload("n", data).file_id, large, number)) == "bad_request"


def test_part_numbers_go_to_10000(b2: B2) -> None:
    large = b2.start()
    b2.part(large, 10_000, b"abc")
    b2.ok(CopyPart(b2.upload("n").file_id, large, 10_000))
    assert b2.ok(ListParts(large, 10_000)).parts[0].content_length == 4


def test_a_part_tells_its_digests_and_time(b2: B2) -> None:
    # gap 9
    large = b2.start()
    url = b2.url(large)
    for declared, kept in (
        (HEX_DIGITS_AT_END, sha1(b"abc").hexdigest()),
        ("do_not_verify", "unverified:" + sha1(b"abc").hexdigest()),
    ):
        part = b2.ok(UploadPart(1, declared, Blob(b"abc")), url)
        assert (part.content_sha1, part.content_md5) == (kept, md5(b"abc").hexdigest())
        assert (part.file_id, part.part_number, part.upload_timestamp) == (large, 1, b2.now)
    assert b2.code(UploadPart(1, "0" * 40, Blob(b"abc")), url) == "bad_request"


def test_an_unverified_part_is_finished_by_its_digest(b2: B2) -> None:
    large = b2.start()
    url = b2.url(large)
    for number in (1, 2):
        b2.ok(UploadPart(number, "do_not_verify", Blob(b"abc")), url)
    assert b2.ok(FinishLargeFile(large, (sha1(b"abc").hexdigest(),) * 2)).content_length == 6


def test_a_part_sent_again_replaces_the_first(b2: B2) -> None:
    large = b2.start()
    b2.part(large, 1, b"abc")
    again = b2.part(large, 1, b"xyz")
    assert [part.content_sha1 for part in b2.ok(ListParts(large)).parts] == [again]
    assert b2.simulator.meter.stored_bytes == 3


def test_parts_are_paged(b2: B2) -> None:
    large = b2.start()
    for number in (1, 2, 5):
        b2.part(large, number, b"abc")
    page = b2.ok(ListParts(large, max_part_count=2))
    assert ([part.part_number for part in page.parts], page.next_part_number) == ([1, 2], 5)
    assert [part.part_number for part in b2.ok(ListParts(large, 3)).parts] == [5]
    assert b2.code(ListParts(large, max_part_count=10_001)) == "out_of_range"


def test_a_url_is_for_files_or_for_the_parts_of_one_file(b2: B2) -> None:
    large, other = b2.start(), b2.start("other")
    assert b2.code(UploadPart(1, "do_not_verify", Blob(b"abc")), b2.url()) == "bad_request"
    assert b2.code(b2.file("n"), b2.url(large)) == "bad_request"
    b2.part(large, 1, b"abc")
    assert b2.ok(ListParts(other)).parts == ()


# -- copies (gap 11)


def test_a_copy_is_a_new_upload_with_the_same_metadata(b2: B2) -> None:
    source = b2.upload("n", file_info={"k": "v"})
    copied = b2.ok(CopyFile(source.file_id, "m"))
    assert (copied.action, copied.file_info, copied.content_sha1) == ("copy", {"k": "v"}, source.content_sha1)
    assert copied.upload_timestamp == b2.now
    assert b2.versions() == [("m", "upload"), ("n", "upload")]
    assert b2.content(DownloadFileByName(BUCKET, "m")) == b"data"


def test_a_copied_range_has_its_own_digest(b2: B2) -> None:
    large = b2.large("large", b"abc", b"def")
    copied = b2.ok(CopyFile(large, "m", range="bytes=2-3"))
    assert (copied.content_length, copied.content_sha1) == (2, sha1(b"cd").hexdigest())


def test_the_rules_of_the_directive(b2: B2) -> None:
    source = b2.upload("n", file_info={"k": "v"}).file_id
    assert b2.code(CopyFile(source, "m", content_type="a/b")) == "bad_request"
    assert b2.code(CopyFile(source, "m", file_info={})) == "bad_request"
    assert b2.code(CopyFile(source, "m", metadata_directive="REPLACE")) == "bad_request"
    copied = b2.ok(CopyFile(source, "m", metadata_directive="REPLACE", content_type="a/b"))
    assert (copied.content_type, copied.file_info) == ("a/b", {})
    copied = b2.ok(CopyFile(source, "m", metadata_directive="REPLACE", content_type="a/b", file_info={"A": "b"}))
    assert copied.file_info == {"a": "b"}


def test_what_a_copy_refuses(b2: B2) -> None:
    source = b2.upload("n").file_id
    assert b2.code(CopyFile(FileId("x"), "m")) == "not_found"
    assert b2.code(CopyFile(source, "m", BucketId("x"))) == "bad_bucket_id"
    assert b2.code(CopyFile(source, "")) == "bad_request"
    assert b2.code(CopyFile(source, "m", range="bytes=4-")) == "range_not_satisfiable"
    assert b2.code(CopyFile(source, "m", range="junk")) == "bad_request"
    for other in (b2.start(), b2.ok(HideFile(b2.bucket, "n")).file_id):
        assert b2.code(CopyFile(other, "m")) == "not_found"


def test_a_source_can_be_too_large(b2: B2) -> None:
    huge = b2.large("huge", b"x" * 10, b"x" * 10, b"x" * 10)
    assert b2.fails(CopyFile(huge, "m")) == Rejected(400, "source_too_large", "Copy source too big: 30")
    assert b2.code(CopyPart(huge, b2.start(), 1)) == "source_too_large"
    b2.ok(CopyFile(huge, "m", range="bytes=0-19"))


def test_a_copy_goes_to_the_bucket_that_is_named(b2: B2) -> None:
    source, two = b2.upload("n").file_id, b2.new_bucket()
    assert b2.ok(CopyFile(source, "m", two)).bucket_id == two
    assert b2.ok(CopyFile(source, "m")).bucket_id == b2.bucket
    assert b2.versions(two) == [("m", "upload")]


def test_a_copy_needs_the_right_to_read_here_and_to_write_there(b2: B2) -> None:
    source, two = b2.upload("n").file_id, b2.new_bucket()
    large = b2.start(to=two)
    for token in (
        b2.limited("writeFiles"),
        b2.limited("readFiles"),
        b2.limited("readFiles", "writeFiles", bucket_ids=[b2.bucket]),
        b2.limited("readFiles", "writeFiles", bucket_ids=[two]),
    ):
        assert b2.code(CopyFile(source, "m", two), token) == "unauthorized"
        assert b2.code(CopyPart(source, large, 1), token) == "unauthorized"
    both = b2.limited("readFiles", "writeFiles", bucket_ids=[b2.bucket, two])
    b2.ok(CopyFile(source, "m", two), both)
    b2.ok(CopyPart(source, large, 1), both)


def test_what_is_public_is_copied_without_the_right_to_read(b2: B2) -> None:
    public = b2.new_bucket(bucket_type="allPublic")
    source = b2.upload("n", to=public).file_id
    b2.ok(CopyFile(source, "m", b2.bucket), b2.limited("writeFiles"))


def test_parts_are_copied(b2: B2) -> None:
    source, large = b2.upload("n", b"0123456", to=b2.new_bucket()).file_id, b2.start()
    part = b2.ok(CopyPart(source, large, 1, "bytes=1-3"))
    assert (part.content_length, part.content_sha1) == (3, sha1(b"123").hexdigest())
    last = b2.ok(CopyPart(source, large, 2))
    b2.ok(FinishLargeFile(large, (part.content_sha1, last.content_sha1)))
    assert b2.content(DownloadFileById(large)) == b"1230123456"
