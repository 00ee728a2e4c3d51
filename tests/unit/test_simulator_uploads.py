"""Upload URLs, small files, their names, info and digests, and hiding and deleting, in the simulated B2."""

from __future__ import annotations

from hashlib import md5, sha1

import pytest
from attrs import evolve
from simulated import B2, BUCKET, SMALL

from b2pure.model.account import UploadUrl
from b2pure.model.calls import (
    HEX_DIGITS_AT_END,
    DeleteFileVersion,
    DownloadFileById,
    DownloadFileByName,
    GetFileInfo,
    GetUploadUrl,
    HideFile,
    ListFileVersions,
)
from b2pure.model.errors import Rejected
from b2pure.model.ids import FileId
from b2pure.model.limits import MILLIS_PER_DAY


@pytest.fixture
def b2() -> B2:
    return B2()


# -- upload URLs (gap 3)


def test_an_upload_url_has_its_own_token_and_serves_many(b2: B2) -> None:
    url = b2.url()
    assert url.url.startswith(b2.simulator.base_url + "/b2api/v4/b2_upload_file?cvt=")
    b2.ok(b2.file("a"), url)
    b2.ok(b2.file("b"), url)
    assert b2.code(b2.file("c"), UploadUrl(url.url, "other")) == "bad_auth_token"


def test_there_is_no_limit_on_upload_urls(b2: B2) -> None:
    urls = [b2.url() for _ in range(300)]
    assert len({url.url for url in urls}) == len({url.token for url in urls}) == 300


def test_an_upload_url_lasts_a_day(b2: B2) -> None:
    url = b2.url()
    b2.now += MILLIS_PER_DAY - 2
    b2.ok(b2.file("n"), url)
    assert b2.code(b2.file("n"), url) == "expired_auth_token"


def test_upload_urls_can_be_made_to_expire_and_account_tokens_stay(b2: B2) -> None:
    url = b2.url()
    b2.simulator.expire_upload_tokens()
    assert b2.code(b2.file("n"), url) == "expired_auth_token"
    b2.ok(GetUploadUrl(b2.bucket))


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


# -- names and info (gap 5)


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "\x1f", "\x7f", "ü" * 513])
def test_bad_names_are_refused(b2: B2, name: str) -> None:
    assert b2.code(b2.file(name), b2.url()) == "bad_request"


@pytest.mark.parametrize("name", ["ü" * 512, "\x80", "a b", "..", "a\\b", "x" * 1024, "\U00010400"])
def test_odd_names_are_taken(b2: B2, name: str) -> None:
    b2.upload(name)
    assert b2.names() == [name]
    assert b2.content(DownloadFileByName(BUCKET, name)) == b"data"


def test_slashes_stand_anywhere_where_names_are_not_strict() -> None:
    b2 = B2(evolve(SMALL, strict_names=False))
    for name in ("/a", "a/", "a//b", "/"):
        b2.upload(name)
    assert b2.names() == ["/", "/a", "a/", "a//b"]
    for name in ("", "\x1f", "/\x7f", "/" * 1025):
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
    info = {"Src_Last_Modified_Millis": "5", "b2-content-language": "de", "!#$%&'*+-.^_`|~": "v"}
    assert b2.upload("n", file_info=info).file_info == {
        "src_last_modified_millis": "5",
        "b2-content-language": "de",
        "!#$%&'*+-.^_`|~": "v",
    }


def test_the_name_counts_in_the_budget_of_the_info(b2: B2) -> None:
    room = 7000 - len("x-bz-info-k")
    b2.upload("n" * 1000, file_info={"k": "x" * (room - 1000)})
    assert b2.code(b2.file("n" * 1001, file_info={"k": "x" * (room - 1000)}), b2.url()) == "bad_request"


# -- digests and types (gap 9)


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
    assert b2.upload("n", b"").content_md5 == md5(b"").hexdigest()


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("a.JPG", "image/jpeg"), ("a", "application/octet-stream"), (".txt", "application/octet-stream")],
)
def test_the_automatic_type_looks_at_the_extension(b2: B2, name: str, content_type: str) -> None:
    assert b2.upload(name, content_type="b2/x-auto").content_type == content_type


def test_a_content_type_is_needed(b2: B2) -> None:
    assert b2.code(b2.file("n", content_type=""), b2.url()) == "bad_request"


def test_a_single_upload_has_a_largest_size(b2: B2) -> None:
    b2.upload("n", b"x" * 20)
    assert b2.code(b2.file("n", b"x" * 21), b2.url()) == "bad_request"


# -- versions (gap 6)


def test_versions_are_listed_newest_first_and_ties_by_creation(b2: B2) -> None:
    first = b2.simulator.put(b2.bucket, "n", b"1").file_id
    second = b2.simulator.put(b2.bucket, "n", b"2").file_id
    b2.now -= 500
    older = b2.simulator.put(b2.bucket, "n", b"0").file_id
    listed = b2.ok(ListFileVersions(b2.bucket)).files
    assert [file.file_id for file in listed] == [second, first, older]
    assert b2.content(DownloadFileByName(BUCKET, "n")) == b"2"


def test_equal_uploads_are_two_versions(b2: B2) -> None:
    assert b2.upload("n").file_id != b2.upload("n").file_id
    assert b2.versions() == [("n", "upload"), ("n", "upload")]


def test_a_custom_timestamp_puts_a_version_into_the_past(b2: B2) -> None:
    now = b2.upload("n", b"now")
    past = b2.upload("n", b"past", custom_upload_timestamp=500)
    assert past.upload_timestamp == 500
    assert [file.file_id for file in b2.ok(ListFileVersions(b2.bucket)).files] == [now.file_id, past.file_id]
    assert b2.content(DownloadFileByName(BUCKET, "n")) == b"now"
    large = b2.start("n", custom_upload_timestamp=700)
    assert [file.file_id for file in b2.ok(ListFileVersions(b2.bucket)).files][1] == large


def test_a_custom_timestamp_is_not_in_the_future_and_only_for_accounts_that_may(b2: B2) -> None:
    assert b2.code(b2.file("n", custom_upload_timestamp=b2.now + 10), b2.url()) == "bad_request"
    other = B2(evolve(SMALL, custom_timestamps=False))
    assert other.code(other.file("n", custom_upload_timestamp=500), other.url()) == "bad_request"


# -- hiding and deleting (gap 8)


def test_a_hidden_file_is_neither_listed_nor_found_by_name(b2: B2) -> None:
    file = b2.upload("n")
    marker = b2.ok(HideFile(b2.bucket, "n"))
    assert (marker.action, marker.content_length, marker.content_type) == ("hide", 0, "application/x-bz-hide-marker")
    assert (marker.server_side_encryption, marker.file_retention, marker.legal_hold) == (None, None, None)
    assert b2.names() == []
    assert b2.versions() == [("n", "hide"), ("n", "upload")]
    assert b2.code(DownloadFileByName(BUCKET, "n")) == "not_found"
    assert b2.content(DownloadFileById(file.file_id)) == b"data"
    assert b2.code(DownloadFileById(marker.file_id)) == "not_found"
    assert b2.ok(GetFileInfo(marker.file_id)) == marker


def test_a_file_without_its_hide_marker_is_back(b2: B2) -> None:
    b2.upload("n")
    marker = b2.ok(HideFile(b2.bucket, "n"))
    b2.ok(DeleteFileVersion("n", marker.file_id))
    assert b2.names() == ["n"]


def test_only_a_file_that_is_seen_is_hidden(b2: B2) -> None:
    assert b2.code(HideFile(b2.bucket, "n")) == "no_such_file"
    b2.start("n")
    assert b2.code(HideFile(b2.bucket, "n")) == "no_such_file"
    b2.upload("n")
    b2.ok(HideFile(b2.bucket, "n"))
    assert b2.code(HideFile(b2.bucket, "n")) == "already_hidden"
    b2.upload("n")
    b2.ok(HideFile(b2.bucket, "n"))


def test_deleting_needs_name_and_id(b2: B2) -> None:
    file = b2.upload("n")
    assert b2.code(DeleteFileVersion("m", file.file_id)) == "file_not_present"
    assert b2.code(DeleteFileVersion("n", FileId("x"))) == "file_not_present"
    gone = b2.ok(DeleteFileVersion("n", file.file_id))
    assert (gone.file_id, gone.file_name) == (file.file_id, "n")
    assert b2.code(DeleteFileVersion("n", file.file_id)) == "file_not_present"
    assert b2.code(GetFileInfo(file.file_id)) == "not_found"


def test_deleting_the_newest_version_shows_the_one_before_it(b2: B2) -> None:
    b2.upload("n", b"old")
    newest = b2.upload("n", b"new")
    b2.ok(DeleteFileVersion("n", newest.file_id))
    assert b2.content(DownloadFileByName(BUCKET, "n")) == b"old"


def test_upload_urls_that_nobody_can_use_any_more_are_forgotten_now_and_then(b2: B2) -> None:
    credentials = b2.simulator._world.credentials
    good = b2.url()
    for _ in range(10_000):
        target, _ = credentials.new_endpoint(credentials.master, b2.bucket, None)
        credentials.endpoints[target].spoiled = True
    assert len(credentials.endpoints) < 100
    assert b2.ok(b2.file("n"), good).file_name == "n"
