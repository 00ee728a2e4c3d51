"""Downloads from the simulated B2: ranges, who may read, download authorizations, and headers of choice."""

from __future__ import annotations

from typing import Any

import pytest
from simulated import B2, BUCKET

from b2pure.effects.simulator import AccountToken
from b2pure.effects.simulator.content import pieces
from b2pure.model.calls import (
    DeleteBucket,
    DeleteFileVersion,
    DownloadFileById,
    DownloadFileByName,
    GetDownloadAuthorization,
    GetFileInfo,
    ListFileNames,
)
from b2pure.model.errors import Unauthorized
from b2pure.model.ids import FileId
from b2pure.model.limits import MILLIS_PER_DAY


@pytest.fixture
def b2() -> B2:
    return B2()


def headers(b2: B2, call: DownloadFileById | DownloadFileByName, token: AccountToken | None = None) -> dict[str, str]:
    """The standard headers that a download tells beside its type."""
    return dict(b2.simulator.fetch(call, token or b2.token).unwrap().header_info)


# -- what comes (gap 10)


@pytest.mark.parametrize(
    ("range_", "content"),
    [
        ("bytes=0-1", b"01"), ("bytes=3-", b"3456"), ("bytes=-2", b"56"), ("bytes=5-99", b"56"),
        ("bytes=-99", b"0123456"), ("bytes=6-6", b"6"), (None, b"0123456"),
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
    for file_id, range_ in ((file, "bytes=4-"), (file, "bytes=-0"), (empty, "bytes=0-0"), (empty, "bytes=-1")):
        error = b2.fails(DownloadFileById(file_id, range_))
        assert (error.status, error.code) == (416, "range_not_satisfiable")
    for bad in ("bytes=2-1", "bytes=-", "items=0-1", "bytes=0-1,3-4"):
        assert b2.code(DownloadFileById(file, bad)) == "bad_request"
    assert b2.content(DownloadFileById(empty)) == b""


def test_what_is_not_there_is_not_found(b2: B2) -> None:
    file = b2.upload("n")
    b2.ok(DeleteFileVersion("n", file.file_id))
    for call in (
        DownloadFileById(file.file_id),
        DownloadFileById(FileId("x")),
        DownloadFileByName(BUCKET, "n"),
        DownloadFileByName("bucket-two", "n"),
        GetFileInfo(file.file_id),
    ):
        error = b2.fails(call)
        assert (error.status, error.code) == (404, "not_found")


# -- who may read (gaps 2 and 13)


def test_public_buckets_are_read_without_a_token(b2: B2) -> None:
    public = b2.new_bucket("public", bucket_type="allPublic")
    file_id = b2.simulator.put(public, "n", b"x").file_id
    assert file_id is not None
    for call in (DownloadFileByName("public", "n"), DownloadFileById(file_id)):
        assert b"".join(pieces(b2.simulator.fetch(call, None).unwrap().extents)) == b"x"
    assert b2.simulator.fetch(DownloadFileByName("public", "m"), None).failure().code == "not_found"  # type: ignore[union-attr]


def test_private_files_need_a_token(b2: B2) -> None:
    file = b2.upload("n")
    for call in (DownloadFileByName(BUCKET, "n"), DownloadFileById(file.file_id), DownloadFileByName(BUCKET, "m")):
        assert b2.simulator.fetch(call, None).failure() == Unauthorized(
            "unauthorized", "a private file needs an authorization token"
        )
        assert b2.code(call, AccountToken("junk")) == "bad_auth_token"


# -- download authorizations (gap 13)


def grant(
    b2: B2, prefix: str = "", seconds: int = 60, token: AccountToken | None = None, **fields: Any
) -> AccountToken:
    reply = b2.ok(GetDownloadAuthorization(b2.bucket, prefix, seconds, **fields), token)
    assert (reply.bucket_id, reply.file_name_prefix) == (b2.bucket, prefix)
    return AccountToken(reply.authorization_token)


def test_a_download_authorization_reads_below_its_prefix_in_its_bucket(b2: B2) -> None:
    other = b2.new_bucket()
    for name, bucket in (("a/x", b2.bucket), ("b", b2.bucket), ("a/x", other)):
        b2.upload(name, to=bucket)
    shared = grant(b2, "a/")
    assert b2.content(DownloadFileByName(BUCKET, "a/x"), shared) == b"data"
    for call in (
        DownloadFileByName(BUCKET, "b"),
        DownloadFileByName("bucket-two", "a/x"),
        DownloadFileByName("bucket-three", "a/x"),
    ):
        assert b2.code(call, shared) == "unauthorized"
    assert b2.code(DownloadFileByName(BUCKET, "a/none"), shared) == "not_found"


def test_a_download_authorization_is_for_downloads_by_name_alone(b2: B2) -> None:
    file = b2.upload("n")
    shared = grant(b2)
    assert b2.code(DownloadFileById(file.file_id), shared) == "unauthorized"
    assert b2.code(ListFileNames(b2.bucket), shared) == "bad_auth_token"
    assert b2.code(GetFileInfo(file.file_id), shared) == "bad_auth_token"


def test_a_download_authorization_ends_in_time(b2: B2) -> None:
    b2.upload("n")
    week, second = grant(b2, seconds=604_800), grant(b2, seconds=1)
    b2.now += 999
    assert b2.code(DownloadFileByName(BUCKET, "n"), second) == "expired_auth_token"
    b2.now += 6 * MILLIS_PER_DAY
    b2.ok(DownloadFileByName(BUCKET, "n"), week)
    for seconds in (0, 604_801):
        b2.token = b2.login(b2.master)
        assert b2.code(GetDownloadAuthorization(b2.bucket, "", seconds)) == "bad_request"


def test_a_download_authorization_ends_with_its_key_or_bucket(b2: B2) -> None:
    b2.upload("n")
    token = b2.login(b2.create_key("shareFiles", valid_duration_in_seconds=10))
    shared = grant(b2, token=token)
    b2.now += 10_000
    assert b2.code(DownloadFileByName(BUCKET, "n"), shared) == "expired_auth_token"
    empty = B2()
    shared = grant(empty)
    empty.ok(DeleteBucket(empty.account, empty.bucket))
    assert empty.code(DownloadFileByName(BUCKET, "n"), shared) == "unauthorized"


def test_who_shares_need_not_be_able_to_read(b2: B2) -> None:
    b2.upload("a/x")
    sharer = b2.limited("shareFiles", name_prefix="a/")
    assert b2.code(GetDownloadAuthorization(b2.bucket, "", 60), sharer) == "unauthorized"
    b2.ok(DownloadFileByName(BUCKET, "a/x"), grant(b2, "a/x", token=sharer))
    assert b2.code(DownloadFileByName(BUCKET, "a/x"), sharer) == "unauthorized"


def test_a_download_must_ask_for_what_its_authorization_was_made_for(b2: B2) -> None:
    b2.upload("n")
    shared = grant(b2, b2_content_disposition="attachment")
    assert b2.code(DownloadFileByName(BUCKET, "n"), shared) == "unauthorized"
    assert b2.code(DownloadFileByName(BUCKET, "n", b2_content_disposition="inline"), shared) == "unauthorized"
    wished = DownloadFileByName(BUCKET, "n", b2_content_disposition="attachment")
    assert headers(b2, wished, shared) == {"content-disposition": "attachment"}


# -- headers of choice (gap 13)


def test_every_header_of_choice_takes_the_place_of_the_files(b2: B2) -> None:
    info = {
        "b2-content-disposition": "inline",
        "b2-content-language": "de",
        "b2-expires": "never",
        "b2-cache-control": "no-store",
        "b2-content-encoding": "gzip",
        "k": "v",
    }
    file = b2.upload("n", file_info=info)
    plain = DownloadFileById(file.file_id)
    assert headers(b2, plain) == {k.removeprefix("b2-"): v for k, v in info.items() if k != "k"}
    assert b2.ok(plain).file_info == {"k": "v"}
    assert b2.ok(GetFileInfo(file.file_id)).file_info == info
    wishes: dict[str, Any] = {name.replace("-", "_"): "other" for name in info if name != "k"}
    wished = DownloadFileById(file.file_id, **wishes, b2_content_type="a/b")
    assert set(headers(b2, wished).values()) == {"other"}
    assert b2.ok(wished).content_type == "a/b"


def test_headers_of_choice_need_a_token_in_a_public_bucket_too(b2: B2) -> None:
    b2.upload("n", to=b2.new_bucket("public", bucket_type="allPublic"))
    call = DownloadFileByName("public", "n", b2_content_type="a/b")
    assert b2.simulator.fetch(call, None).failure().code == "unauthorized"  # type: ignore[union-attr]
    b2.ok(call)


@pytest.mark.parametrize("value", ["", "a\nb", "ü"])
def test_bad_headers_of_choice_are_refused(b2: B2, value: str) -> None:
    b2.upload("n")
    assert b2.code(DownloadFileByName(BUCKET, "n", b2_expires=value)) == "bad_request"
    assert b2.code(GetDownloadAuthorization(b2.bucket, "", 1, b2_expires=value)) == "bad_request"


def test_the_request_wins_over_the_file_and_the_file_over_its_bucket(b2: B2) -> None:
    b2.ok(b2.update(bucket_info={"Cache-Control": "max-age=1"}))
    b2.upload("plain")
    b2.upload("own", file_info={"b2-cache-control": "max-age=2"})
    assert headers(b2, DownloadFileByName(BUCKET, "plain")) == {"cache-control": "max-age=1"}
    assert headers(b2, DownloadFileByName(BUCKET, "own")) == {"cache-control": "max-age=2"}
    for name in ("plain", "own"):
        wished = DownloadFileByName(BUCKET, name, b2_cache_control="max-age=3")
        assert headers(b2, wished) == {"cache-control": "max-age=3"}
    b2.ok(b2.update(bucket_info={"cache-control": "max-age=1"}))
    assert headers(b2, DownloadFileByName(BUCKET, "plain")) == {}
