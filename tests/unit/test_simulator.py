"""The rules of the simulated B2, one by one, and of what is built around it."""

from __future__ import annotations

from hashlib import sha1
from typing import Any

import msgspec
import pytest
from attrs import define, field

from b2pure.effects.content import Received, pieces
from b2pure.effects.served import Served, ServedRequest, serve
from b2pure.effects.simulator import AccountToken, Simulator, SimulatorConfig, Token
from b2pure.effects.wire import KeyPair
from b2pure.model.account import UploadUrl
from b2pure.model.calls import (
    HEX_DIGITS_AT_END,
    AuthorizeAccount,
    Call,
    CancelLargeFile,
    CopyFile,
    CopyPart,
    CreateBucket,
    DeleteFileVersion,
    DownloadFileById,
    DownloadFileByName,
    FinishLargeFile,
    GetFileInfo,
    GetUploadPartUrl,
    GetUploadUrl,
    HideFile,
    ListBuckets,
    ListFileNames,
    ListFileVersions,
    ListParts,
    ListUnfinishedLargeFiles,
    StartLargeFile,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import CapExceeded, Rejected, Throttled, Unauthorized
from b2pure.model.ids import BucketId, FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.sources import Blob

SMALL = SimulatorConfig(absolute_minimum_part_size=3, max_single_size=20, max_part_size=10, recommended_part_size=5)


@define
class B2:
    """A simulated B2 with a bucket, and short ways to ask it. Every call takes one millisecond."""

    now: int = 1_000
    simulator: Simulator = field(init=False)
    bucket: BucketId = field(init=False)
    token: AccountToken = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.simulator = Simulator(lambda: self.now, config=SMALL)
        self.bucket = self.simulator.add_bucket("bucket-one").bucket_id
        self.token = self.login(KeyPair(self.simulator.master_key_id, self.simulator.master_key))

    def login(self, key: KeyPair) -> AccountToken:
        return AccountToken(self.simulator.handle(AuthorizeAccount(), key).unwrap().authorization_token)

    def limited(self, *capabilities: str, **limits: Any) -> AccountToken:
        return self.login(self.simulator.add_key(capabilities, **limits))

    def ok(self, call: Call[Any], token: Token = None) -> Any:
        self.now += 1
        return self.simulator.handle(call, token or self.token).unwrap()

    def fails(self, call: Call[Any], token: Token = None) -> Any:
        self.now += 1
        return self.simulator.handle(call, token or self.token).failure()

    def code(self, call: Call[Any], token: Token = None) -> str:
        code: str = self.fails(call, token).code
        return code

    def url(self, large: FileId | None = None) -> UploadUrl:
        call: Call[Any] = GetUploadUrl(self.bucket) if large is None else GetUploadPartUrl(large)
        reply = self.ok(call)
        return UploadUrl(reply.upload_url, reply.authorization_token)

    def upload(self, name: str, data: bytes = b"data", **fields: Any) -> Any:
        return self.ok(self.file(name, data, **fields), self.url())

    @staticmethod
    def file(name: str, data: bytes = b"data", **fields: Any) -> UploadFile:
        given = {"content_type": "text/plain", "content_sha1": sha1(data).hexdigest(), "file_info": {}, **fields}
        return UploadFile(file_name=name, body=Blob(data), **given)

    def received(self, data: bytes) -> Received:
        intake = self.simulator.intake(self.file("n", data))
        intake.write(data)
        return intake.finish()

    def start(self, name: str = "large") -> FileId:
        file_id: FileId = self.ok(StartLargeFile(self.bucket, name, "text/plain", {})).file_id
        return file_id

    def part(self, large: FileId, number: int, data: bytes) -> str:
        sha: str = self.ok(UploadPart(number, sha1(data).hexdigest(), Blob(data)), self.url(large)).content_sha1
        return sha

    def large(self, name: str, *parts: bytes) -> FileId:
        file_id = self.start(name)
        shas = tuple(self.part(file_id, number, data) for number, data in enumerate(parts, 1))
        self.ok(FinishLargeFile(file_id, shas))
        return file_id

    def content(self, call: DownloadFileById | DownloadFileByName) -> bytes:
        return b"".join(pieces(self.simulator.fetch(call, self.token).unwrap().extents))

    def names(self, **fields: Any) -> list[str]:
        return [file.file_name for file in self.ok(ListFileNames(self.bucket, **fields)).files]

    def versions(self, **fields: Any) -> list[tuple[str, str]]:
        page = self.ok(ListFileVersions(self.bucket, **fields))
        return [(file.file_name, file.action) for file in page.files]


@pytest.fixture
def b2() -> B2:
    return B2()


# -- tokens and keys


def test_a_wrong_key_is_unauthorized(b2: B2) -> None:
    wrong = KeyPair(b2.simulator.master_key_id, "wrong")
    assert b2.code(AuthorizeAccount(), wrong) == "unauthorized"


def test_an_unknown_token_is_bad_and_an_old_one_expired(b2: B2) -> None:
    assert b2.code(GetUploadUrl(b2.bucket), AccountToken("x")) == "bad_auth_token"
    b2.now += MILLIS_PER_DAY
    assert b2.code(GetUploadUrl(b2.bucket)) == "expired_auth_token"


def test_account_tokens_can_be_made_to_expire_and_uploads_go_on(b2: B2) -> None:
    url = b2.url()
    b2.simulator.expire_account_tokens()
    assert b2.code(GetUploadUrl(b2.bucket)) == "expired_auth_token"
    b2.ok(b2.file("n"), url)


def test_tokens_end_with_their_key(b2: B2) -> None:
    token = b2.limited("listFiles", expires_at=2_000)
    b2.ok(ListFileNames(b2.bucket), token)
    b2.now = 2_000
    assert b2.code(ListFileNames(b2.bucket), token) == "expired_auth_token"


def test_a_capability_is_needed(b2: B2) -> None:
    assert b2.code(HideFile(b2.bucket, "n"), b2.limited("listFiles")) == "unauthorized"


def test_list_parts_needs_write_files(b2: B2) -> None:
    large = b2.start()
    assert b2.code(ListParts(large), b2.limited("listFiles")) == "unauthorized"
    b2.ok(ListParts(large), b2.limited("writeFiles"))


def test_a_bucket_restriction_holds(b2: B2) -> None:
    other = b2.simulator.add_bucket("bucket-two").bucket_id
    token = b2.limited("listFiles", "listBuckets", "writeBuckets", bucket_ids=[other])
    assert b2.code(ListFileNames(b2.bucket), token) == "unauthorized"
    account = b2.simulator.account_id
    assert b2.code(ListBuckets(account), token) == "unauthorized"
    assert b2.code(ListBuckets(account, bucket_name="bucket-one"), token) == "unauthorized"
    assert len(b2.ok(ListBuckets(account, bucket_name="bucket-two"), token).buckets) == 1
    assert b2.code(CreateBucket(account, "bucket-three"), token) == "unauthorized"


def test_a_prefix_restriction_holds_for_lists_uploads_and_downloads(b2: B2) -> None:
    b2.upload("b/x")
    token = b2.limited("listFiles", "readFiles", "writeFiles", name_prefix="a/")
    assert b2.code(ListFileNames(b2.bucket), token) == "unauthorized"
    assert b2.ok(ListFileNames(b2.bucket, prefix="a/b"), token).files == ()
    reply = b2.ok(GetUploadUrl(b2.bucket), token)
    url = UploadUrl(reply.upload_url, reply.authorization_token)
    b2.ok(b2.file("a/x"), url)
    assert b2.code(b2.file("b/x"), url) == "unauthorized"
    assert b2.code(DownloadFileByName("bucket-one", "b/x"), token) == "unauthorized"


def test_public_buckets_are_read_without_a_token(b2: B2) -> None:
    public = b2.simulator.add_bucket("public", "allPublic").bucket_id
    b2.simulator.put(public, "n", b"x")
    assert b"".join(pieces(b2.simulator.fetch(DownloadFileByName("public", "n"), None).unwrap().extents)) == b"x"
    b2.upload("n")
    assert b2.simulator.fetch(DownloadFileByName("bucket-one", "n"), None).failure() == Unauthorized(
        "unauthorized", "a private file needs an authorization token"
    )


# -- upload URLs


def test_an_upload_url_has_its_own_token_and_serves_many(b2: B2) -> None:
    url = b2.url()
    assert url.url.startswith(b2.simulator.base_url + "/b2api/v4/b2_upload_file?cvt=")
    b2.ok(b2.file("a"), url)
    b2.ok(b2.file("b"), url)
    assert b2.code(b2.file("c"), UploadUrl(url.url, "other")) == "bad_auth_token"


def test_a_failed_upload_spoils_its_url(b2: B2) -> None:
    url = b2.url()
    assert b2.fails(b2.file("n", content_sha1="0" * 40), url) == Rejected(
        400, "bad_request", "Sha1 did not match data received"
    )
    assert b2.code(b2.file("n"), url) == "expired_auth_token"
    assert b2.names() == []


def test_one_upload_at_a_time_uses_a_url(b2: B2) -> None:
    url = b2.url()
    endpoint = b2.simulator.begin_upload(url.url, url.token).unwrap()
    second = b2.simulator.begin_upload(url.url, url.token).failure()
    assert second == Rejected(400, "auth_token_limit", "more than one upload using auth token ***")
    assert b2.simulator.finish_upload(endpoint, b2.file("n"), b2.received(b"data")).unwrap()
    b2.ok(b2.file("m"), url)
    b2.simulator.abandon_upload(b2.simulator.begin_upload(url.url, url.token).unwrap())
    assert b2.code(b2.file("n"), url) == "expired_auth_token"


# -- names, info, digests


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "\x1f", "\x7f", "ü" * 513])
def test_bad_names_are_refused(b2: B2, name: str) -> None:
    assert b2.code(b2.file(name), b2.url()) == "bad_request"


@pytest.mark.parametrize(
    "info",
    [
        {"bad key": "v"},
        {"": "v"},
        {"x" * 51: "v"},
        {"b2-unknown": "v"},
        {"b2-cache-control": "a\nb"},
        {f"k{i}": "v" for i in range(11)},
        {"k": "x" * 7000},
        {"k": "ü" * 1200},
    ],
)
def test_bad_file_info_is_refused(b2: B2, info: dict[str, str]) -> None:
    assert b2.code(b2.file("n", file_info=info), b2.url()) == "bad_request"


def test_file_info_keys_are_kept_in_lower_case(b2: B2) -> None:
    info = {"Src_Last_Modified_Millis": "5", "b2-content-language": "de"}
    assert b2.upload("n", file_info=info).file_info == {
        "src_last_modified_millis": "5",
        "b2-content-language": "de",
    }


def test_the_forms_of_sha1(b2: B2) -> None:
    digest = sha1(b"data").hexdigest()
    assert b2.upload("n", content_sha1=digest.upper()).content_sha1 == digest
    assert b2.upload("n", content_sha1=HEX_DIGITS_AT_END).content_sha1 == digest
    assert b2.upload("n", content_sha1="do_not_verify").content_sha1 == "unverified:" + digest
    assert b2.code(b2.file("n", content_sha1="junk"), b2.url()) == "bad_request"


def test_the_digests_of_a_recorded_upload(b2: B2) -> None:
    reply = b2.upload("n.txt", b"abcd", content_type="b2/x-auto")
    assert reply.content_sha1 == "81fe8bfe87576c3ecb22426f8e57847382917acf"
    assert reply.content_md5 == "e2fc714c4727ee9395f324cd2e7f331f"
    assert reply.content_type == "text/plain"


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("a.JPG", "image/jpeg"), ("a", "application/octet-stream"), (".txt", "application/octet-stream")],
)
def test_the_automatic_type_looks_at_the_extension(b2: B2, name: str, content_type: str) -> None:
    assert b2.upload(name, content_type="b2/x-auto").content_type == content_type


def test_a_single_upload_has_a_largest_size(b2: B2) -> None:
    assert b2.code(b2.file("n", b"x" * 21), b2.url()) == "bad_request"


# -- buckets


def test_bucket_names_are_unique_whatever_their_case(b2: B2) -> None:
    account = b2.simulator.account_id
    assert b2.fails(CreateBucket(account, "Bucket-ONE")) == Rejected(
        400, "duplicate_bucket_name", "Bucket name is already in use."
    )
    for name in ("short", "b2-bucket", "under_score", "x" * 64):
        assert b2.code(CreateBucket(account, name)) == "bad_request"


def test_buckets_are_listed_by_name(b2: B2) -> None:
    b2.ok(CreateBucket(b2.simulator.account_id, "a-bucket"))
    listed = b2.ok(ListBuckets(b2.simulator.account_id)).buckets
    assert [bucket.bucket_name for bucket in listed] == ["a-bucket", "bucket-one"]
    assert b2.ok(ListBuckets(b2.simulator.account_id, bucket_name="nowhere")).buckets == ()


def test_an_unknown_bucket_is_a_bad_bucket_id(b2: B2) -> None:
    gone = BucketId("0" * 24)
    for call in (ListFileNames(gone), GetUploadUrl(gone), HideFile(gone, "n")):
        assert b2.code(call) == "bad_bucket_id"
    assert b2.code(ListFileNames(BucketId("x"))) == "invalid_bucket_id"


# -- versions


def test_versions_are_listed_newest_first_and_ties_by_creation(b2: B2) -> None:
    first = b2.simulator.put(b2.bucket, "n", b"1").file_id
    second = b2.simulator.put(b2.bucket, "n", b"2").file_id
    b2.now -= 500
    older = b2.simulator.put(b2.bucket, "n", b"0").file_id
    listed = b2.ok(ListFileVersions(b2.bucket)).files
    assert [file.file_id for file in listed] == [second, first, older]
    assert b2.content(DownloadFileByName("bucket-one", "n")) == b"2"


def test_hiding(b2: B2) -> None:
    assert b2.code(HideFile(b2.bucket, "n")) == "no_such_file"
    file = b2.upload("n")
    marker = b2.ok(HideFile(b2.bucket, "n"))
    assert b2.code(HideFile(b2.bucket, "n")) == "already_hidden"
    assert b2.names() == []
    assert b2.versions() == [("n", "hide"), ("n", "upload")]
    assert b2.code(DownloadFileByName("bucket-one", "n")) == "not_found"
    assert b2.content(DownloadFileById(file.file_id)) == b"data"
    assert b2.code(DownloadFileById(marker.file_id)) == "not_found"
    b2.ok(DeleteFileVersion("n", marker.file_id))
    assert b2.names() == ["n"]


def test_deleting_needs_name_and_id(b2: B2) -> None:
    file = b2.upload("n")
    assert b2.code(DeleteFileVersion("m", file.file_id)) == "file_not_present"
    b2.ok(DeleteFileVersion("n", file.file_id))
    assert b2.code(DeleteFileVersion("n", file.file_id)) == "file_not_present"
    assert b2.code(GetFileInfo(file.file_id)) == "not_found"


# -- listings


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
    assert b2.names(start_file_name="b", prefix="a") == []
    assert b2.names(start_file_name="", prefix="c") == ["c"]
    assert b2.code(ListFileVersions(b2.bucket, start_file_id=FileId("x"))) == "bad_request"
    assert b2.code(ListFileVersions(b2.bucket, "a", FileId("x"))) == "invalid_file_id"


def test_counts_of_a_page(b2: B2) -> None:
    for i in range(101):
        b2.simulator.put(b2.bucket, f"{i:03}", b"")
    assert len(b2.names(max_file_count=0)) == len(b2.names()) == 100
    for count in (10_001, -1):
        assert b2.code(ListFileNames(b2.bucket, max_file_count=count)) == "out_of_range"


def test_a_delimiter_folds_folders(b2: B2) -> None:
    for name in ("a", "a/b/1", "a/b/2", "a/c", "hidden/x", "z"):
        b2.upload(name)
    b2.ok(HideFile(b2.bucket, "hidden/x"))
    assert b2.names(delimiter="/") == ["a", "a/", "z"]
    assert b2.names(delimiter="/", prefix="a/") == ["a/b/", "a/c"]
    assert ("hidden/", "folder") in b2.versions(delimiter="/")
    page = b2.ok(ListFileNames(b2.bucket, delimiter="/", max_file_count=1))
    assert page.next_file_name == "a/"
    assert b2.names(delimiter="/", start_file_name="a/", max_file_count=1) == ["a/"]


def test_an_unfinished_large_file_is_a_start_and_shadows_nothing(b2: B2) -> None:
    b2.upload("large")
    large = b2.start()
    assert b2.names() == ["large"]
    assert b2.versions() == [("large", "start"), ("large", "upload")]
    assert b2.content(DownloadFileByName("bucket-one", "large")) == b"data"
    assert [f.file_id for f in b2.ok(ListUnfinishedLargeFiles(b2.bucket)).files] == [large]
    assert b2.ok(ListUnfinishedLargeFiles(b2.bucket, "other")).files == ()
    assert b2.code(ListUnfinishedLargeFiles(b2.bucket, max_file_count=101)) == "out_of_range"


def test_unfinished_files_are_paged_by_id(b2: B2) -> None:
    ids = [b2.start() for _ in range(3)]
    page = b2.ok(ListUnfinishedLargeFiles(b2.bucket, max_file_count=2))
    assert ([file.file_id for file in page.files], page.next_file_id) == (ids[:2], ids[2])
    page = b2.ok(ListUnfinishedLargeFiles(b2.bucket, start_file_id=ids[2]))
    assert [file.file_id for file in page.files] == ids[2:]


# -- large files


def test_a_finished_large_file_keeps_id_time_and_parts(b2: B2) -> None:
    large = b2.start()
    started = b2.now
    b2.upload("large", b"newer")
    shas = b2.part(large, 1, b"abc"), b2.part(large, 2, b"d")
    file = b2.ok(FinishLargeFile(large, shas))
    assert (file.file_id, file.upload_timestamp, file.content_length) == (large, started, 4)
    assert (file.content_sha1, file.content_md5, file.action) == ("none", None, "upload")
    assert b2.content(DownloadFileByName("bucket-one", "large")) == b"newer"
    assert b2.content(DownloadFileById(large)) == b"abcd"
    assert b2.content(DownloadFileById(large, "bytes=1-3")) == b"bcd"
    assert b2.code(FinishLargeFile(large, shas)) == "bad_request"
    assert b2.code(ListParts(large)) == "bad_request"


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


@pytest.mark.parametrize(("number", "data"), [(0, b"abc"), (10_001, b"abc"), (1, b""), (1, b"x" * 11)])
def test_bad_parts_are_refused(b2: B2, number: int, data: bytes) -> None:
    url = b2.url(b2.start())
    assert b2.code(UploadPart(number, sha1(data).hexdigest(), Blob(data)), url) == "bad_request"


def test_a_part_sent_again_replaces_the_first(b2: B2) -> None:
    large = b2.start()
    b2.part(large, 1, b"abc")
    again = b2.part(large, 1, b"xyz")
    assert [part.content_sha1 for part in b2.ok(ListParts(large)).parts] == [again]


def test_parts_are_paged(b2: B2) -> None:
    large = b2.start()
    for number in (1, 2, 5):
        b2.part(large, number, b"abc")
    page = b2.ok(ListParts(large, max_part_count=2))
    assert ([part.part_number for part in page.parts], page.next_part_number) == ([1, 2], 5)
    assert [part.part_number for part in b2.ok(ListParts(large, 3)).parts] == [5]


def test_cancelling_removes_everything(b2: B2) -> None:
    large = b2.start()
    url = b2.url(large)
    b2.ok(CancelLargeFile(large))
    assert b2.versions() == []
    assert b2.fails(CancelLargeFile(large)) == Rejected(400, "bad_request", f"Invalid fileId: {large}")
    assert b2.code(UploadPart(1, "do_not_verify", Blob(b"abc")), url) == "bad_request"
    assert b2.code(CancelLargeFile(b2.upload("n").file_id)) == "bad_request"


def test_deleting_an_unfinished_file_cancels_it(b2: B2) -> None:
    large = b2.start()
    b2.ok(DeleteFileVersion("large", large))
    assert b2.ok(ListUnfinishedLargeFiles(b2.bucket)).files == ()


# -- copies


def test_a_copy_is_a_new_upload_with_the_same_metadata(b2: B2) -> None:
    source = b2.upload("n", file_info={"k": "v"})
    copied = b2.ok(CopyFile(source.file_id, "m"))
    assert (copied.action, copied.file_info, copied.content_sha1) == ("copy", {"k": "v"}, source.content_sha1)
    assert b2.versions() == [("m", "upload"), ("n", "upload")]
    assert b2.content(DownloadFileByName("bucket-one", "m")) == b"data"


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


def test_what_a_copy_refuses(b2: B2) -> None:
    source = b2.upload("n").file_id
    assert b2.code(CopyFile(FileId("x"), "m")) == "not_found"
    assert b2.code(CopyFile(source, "m", BucketId("x"))) == "bad_bucket_id"
    assert b2.code(CopyFile(source, "m", range="bytes=4-")) == "range_not_satisfiable"
    assert b2.code(CopyFile(source, "m"), b2.limited("writeFiles")) == "unauthorized"
    huge = b2.large("huge", b"x" * 10, b"x" * 10, b"x" * 10)
    assert b2.fails(CopyFile(huge, "m")) == Rejected(400, "source_too_large", "Copy source too big: 30")
    assert b2.code(CopyPart(huge, b2.start(), 1)) == "source_too_large"


def test_parts_are_copied(b2: B2) -> None:
    source, large = b2.upload("n", b"0123456").file_id, b2.start()
    part = b2.ok(CopyPart(source, large, 1, "bytes=1-3"))
    assert (part.content_length, part.content_sha1) == (3, sha1(b"123").hexdigest())
    last = b2.ok(CopyPart(source, large, 2))
    b2.ok(FinishLargeFile(large, (part.content_sha1, last.content_sha1)))
    assert b2.content(DownloadFileById(large)) == b"1230123456"


# -- downloads


@pytest.mark.parametrize(
    ("range_", "content"),
    [
        ("bytes=0-1", b"01"), ("bytes=3-", b"3456"), ("bytes=-2", b"56"), ("bytes=5-99", b"56"),
        ("bytes=-99", b"0123456"), (None, b"0123456"),
    ],
)  # fmt: skip
def test_ranges_are_clamped(b2: B2, range_: str | None, content: bytes) -> None:
    file = b2.upload("n", b"0123456")
    assert b2.content(DownloadFileById(file.file_id, range_)) == content
    reply = b2.ok(DownloadFileById(file.file_id, range_))
    assert (reply.content_length, reply.total_length) == (len(content), 7)
    assert reply.content_sha1 == file.content_sha1


def test_ranges_outside_the_file(b2: B2) -> None:
    file, empty = b2.upload("n").file_id, b2.upload("e", b"").file_id
    assert b2.fails(DownloadFileById(file, "bytes=4-")).status == 416
    assert b2.fails(DownloadFileById(empty, "bytes=0-0")).status == 416
    assert b2.code(DownloadFileById(file, "bytes=2-1")) == "bad_request"


# -- the simulator as a value


def test_a_fork_is_independent(b2: B2) -> None:
    large = b2.start()
    b2.upload("n")
    before = b2.simulator.snapshot()
    twin = b2.simulator.fork()
    assert twin.snapshot() == before
    b2.part(large, 1, b"abc")
    b2.upload("n")
    b2.ok(HideFile(b2.bucket, "n"))
    assert twin.snapshot() == before
    assert len(twin.journal) == 2


def test_two_runs_of_the_same_calls_are_equal() -> None:
    one, two = B2(), B2()
    for b2 in (one, two):
        b2.upload("n")
        b2.large("large", b"abc", b"d")
    assert one.simulator.snapshot() == two.simulator.snapshot()
    assert one.simulator.journal == two.simulator.journal


def test_the_journal_has_what_took_effect(b2: B2) -> None:
    file = b2.upload("n")
    b2.fails(b2.file("n", content_sha1="0" * 40), b2.url())
    b2.ok(ListFileNames(b2.bucket))
    assert [(done.call.name, done.file_id) for done in b2.simulator.journal] == [("b2_upload_file", file.file_id)]


def test_no_repr_shows_a_secret(b2: B2) -> None:
    shown = repr((b2.simulator, b2.token, b2.simulator._world.master, b2.url(), b2.simulator._world.endpoints))
    for secret in (b2.simulator.master_key, b2.token.token, b2.url().token):
        assert secret not in shown


# -- served over HTTP


def ask(b2: B2, method: str, target: str, body: bytes = b"", **headers: str) -> Served:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return serve(b2.simulator, ServedRequest(method, target, named, body))


def login(b2: B2, version: int, key: KeyPair) -> Any:
    from base64 import b64encode

    basic = "Basic " + b64encode(f"{key.key_id}:{key.key}".encode()).decode()
    served = ask(b2, "GET", f"/b2api/v{version}/b2_authorize_account", authorization=basic)
    return msgspec.json.decode(served.response.body)


def test_authorize_has_the_shape_of_each_version(b2: B2) -> None:
    key = b2.simulator.add_key(("listFiles",), bucket_ids=[b2.bucket], name_prefix="p")
    restriction = {"bucketId": b2.bucket, "bucketName": "bucket-one", "namePrefix": "p"}
    assert login(b2, 1, key)["minimumPartSize"] == 5
    assert login(b2, 2, key)["allowed"] == {"capabilities": ["listFiles"], **restriction}
    assert login(b2, 3, key)["apiInfo"]["storageApi"].items() >= restriction.items()
    assert login(b2, 4, key)["apiInfo"]["storageApi"]["allowed"] == {
        "capabilities": ["listFiles"],
        "buckets": [{"id": b2.bucket, "name": "bucket-one"}],
        "namePrefix": "p",
    }


def test_a_key_of_two_buckets_needs_version_4(b2: B2) -> None:
    two = b2.simulator.add_bucket("bucket-two").bucket_id
    key = b2.simulator.add_key(("listFiles",), bucket_ids=[b2.bucket, two])
    assert login(b2, 3, key)["code"] == "unsupported"


def test_version_1_lists_sizes_and_keeps_its_upload_urls(b2: B2) -> None:
    b2.upload("n")
    body = msgspec.json.encode({"bucketId": b2.bucket, "startFileName": None, "unknown": 1})
    token = b2.token.token
    listed = ask(b2, "POST", "/b2api/v1/b2_list_file_names", body, authorization=token)
    assert msgspec.json.decode(listed.response.body)["files"][0]["size"] == 4
    served = ask(b2, "POST", "/b2api/v1/b2_get_upload_url", body, authorization=token)
    url = msgspec.json.decode(served.response.body)
    target = url["uploadUrl"].removeprefix(b2.simulator.base_url)
    assert target.startswith("/b2api/v1/b2_upload_file?")
    sent = ask(
        b2,
        "POST",
        target,
        b"data" + sha1(b"data").hexdigest().encode(),
        authorization=url["authorizationToken"],
        x_bz_file_name="a+b",
        content_type="b2/x-auto",
        x_bz_content_sha1=HEX_DIGITS_AT_END,
    )
    assert msgspec.json.decode(sent.response.body)["fileName"] == "a b"


def test_head_and_ranges_of_a_download(b2: B2) -> None:
    b2.upload("ü", b"0123456", file_info={"k": "ü", "b2-cache-control": "no-store"})
    target = f"/file/bucket-one/%C3%BC?Authorization={b2.token.token}"
    whole, head = ask(b2, "GET", target), ask(b2, "HEAD", target)
    assert (b"".join(pieces(whole.extents)), head.extents, head.response) == (b"0123456", (), whole.response)
    headers = whole.response.headers
    assert (headers["x-bz-info-k"], headers["x-bz-file-name"]) == ("%C3%BC", "%C3%BC")
    assert headers["cache-control"] == "no-store"
    part = ask(b2, "GET", target, range="bytes=2-3")
    assert (part.response.status, part.response.headers["content-range"]) == (206, "bytes 2-3/7")


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code"),
    [
        ("POST", "/b2api/v4/b2_no_such_call", b"{}", 404, "not_found"),
        ("POST", "/b2api/v5/b2_list_buckets", b"{}", 404, "not_found"),
        ("GET", "/", b"", 404, "not_found"),
        ("PUT", "/b2api/v4/b2_list_buckets", b"{}", 405, "method_not_allowed"),
        ("GET", "/b2api/v4/b2_hide_file", b"", 405, "method_not_allowed"),
        ("POST", "/b2api/v4/b2_list_buckets", b"{", 400, "bad_json"),
        ("POST", "/b2api/v4/b2_list_buckets", b"{}", 400, "bad_request"),
        ("GET", "/b2api/v4/b2_authorize_account", b"", 400, "bad_request"),
        ("POST", "/b2api/v4/b2_upload_file?cvt=1", b"", 401, "bad_auth_token"),
        ("GET", "/b2api/v4/b2_download_file_by_id", b"", 400, "bad_request"),
        ("GET", "/file/bucket-one/%FF", b"", 400, "bad_request"),
    ],
)
def test_odd_requests_get_an_error_of_b2s_form(
    b2: B2, method: str, target: str, body: bytes, status: int, code: str
) -> None:
    served = ask(b2, method, target, body)
    said = msgspec.json.decode(served.response.body)
    assert (served.response.status, said["status"], said["code"]) == (status, status, code)


def test_lists_may_be_asked_for_with_get(b2: B2) -> None:
    b2.upload("n")
    target = f"/b2api/v4/b2_list_file_names?bucketId={b2.bucket}&maxFileCount=1"
    served = ask(b2, "GET", target, authorization=b2.token.token)
    assert msgspec.json.decode(served.response.body)["nextFileName"] is None


def test_every_error_of_b2_can_be_served(b2: B2) -> None:
    from b2pure.effects.served import refusal

    served = refusal(Throttled(2.0)).response
    assert (served.status, served.headers["retry-after"]) == (429, "2")
    assert refusal(CapExceeded("cap_exceeded", "m")).response.status == 403
