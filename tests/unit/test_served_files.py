"""Uploads to and downloads from the simulated B2 over HTTP, without a socket, and pages of other origins (gap 1)."""

from __future__ import annotations

from hashlib import sha1
from typing import Any

import msgspec
import pytest
from simulated import B2, BUCKET, said

from b2pure.effects.served import Served
from b2pure.effects.simulator.content import pieces
from b2pure.model.buckets import CorsRule
from b2pure.model.calls import HEX_DIGITS_AT_END
from b2pure.model.protection import FileRetention, SseC

KEY = SseC.of(b"k" * 32)
PAGE = "https://page.example"


@pytest.fixture
def b2() -> B2:
    return B2()


# -- uploads


def upload(b2: B2, version: int = 4, data: bytes = b"data", /, **headers: str) -> Any:
    url = b2.post("b2_get_upload_url", version, bucketId=b2.bucket)
    target = url["uploadUrl"].removeprefix(b2.simulator.base_url)
    assert target.startswith(f"/b2api/v{version}/b2_upload_file?")
    given = {
        "x_bz_file_name": "n",
        "content_type": "text/plain",
        "x_bz_content_sha1": sha1(data).hexdigest(),
        "authorization": url["authorizationToken"],
    }
    return said(b2.ask("POST", target, data, **(given | headers)))


def test_an_upload_url_has_the_version_of_the_call_that_gave_it(b2: B2) -> None:
    for version in (1, 2, 3, 4):
        assert ("size" in upload(b2, version)) == (version == 1)


def test_names_and_info_of_uploads_are_percent_encoded_and_a_plus_is_a_space(b2: B2) -> None:
    file = upload(b2, x_bz_file_name="a+b%2B%C3%BC", **{"x-bz-info-K": "%C3%BC+%2B"})
    assert (file["fileName"], file["fileInfo"]) == ("a b+ü", {"k": "ü +"})
    assert upload(b2, x_bz_file_name="%FF")["code"] == "bad_request"


def test_a_digest_may_follow_the_body(b2: B2) -> None:
    # gap 9
    digest = sha1(b"data").hexdigest()
    file = upload(b2, 4, b"data" + digest.encode(), x_bz_content_sha1=HEX_DIGITS_AT_END)
    assert (file["contentSha1"], file["contentLength"]) == (digest, 4)
    wrong = upload(b2, 4, b"data" + b"0" * 40, x_bz_content_sha1=HEX_DIGITS_AT_END)
    assert (wrong["code"], wrong["message"]) == ("bad_request", "Sha1 did not match data received")
    assert upload(b2, 4, b"short", x_bz_content_sha1=HEX_DIGITS_AT_END)["code"] == "bad_request"
    file = upload(b2, 4, b"data", x_bz_content_sha1="do_not_verify")
    assert file["contentSha1"] == f"unverified:{digest}"


@pytest.mark.parametrize(
    "headers",
    [
        {"content_disposition": "inline"}, {"content_encoding": "gzip"}, {"content_language": "de"},
        {"expires": "never"},
        {"content_range": "bytes 0-1/2"}, {"content_location": "/"}, {"x_bz_file_legal_hold": "maybe"},
        {"x_bz_file_retention_mode": "governance"}, {"x_bz_file_retention_retain_until_timestamp": "99999"},
        {"x_bz_server_side_encryption": "DES"}, {"x_bz_custom_upload_timestamp": "soon"}, {"x_bz_content_sha1": ""},
        {"x_bz_server_side_encryption_customer_algorithm": "AES256"}, {"content_type": ""}, {"x_bz_file_name": ""},
        {
            "x_bz_server_side_encryption": "AES256",
            "x_bz_server_side_encryption_customer_algorithm": "AES256",
            "x_bz_server_side_encryption_customer_key": KEY.customer_key,
            "x_bz_server_side_encryption_customer_key_md5": KEY.customer_key_md5,
        },
    ],
)  # fmt: skip
def test_bad_headers_of_uploads_are_refused(b2: B2, headers: dict[str, str]) -> None:
    assert upload(b2, **headers)["code"] == "bad_request"


def test_headers_of_uploads_say_how_a_file_is_protected(b2: B2) -> None:
    b2.ok(b2.update(file_lock_enabled=True))
    file = upload(
        b2,
        x_bz_file_legal_hold="on",
        x_bz_file_retention_mode="compliance",
        x_bz_file_retention_retain_until_timestamp="99999",
        x_bz_server_side_encryption="AES256",
        x_bz_custom_upload_timestamp="500",
    )
    assert file["legalHold"]["value"] == "on"
    assert file["fileRetention"]["value"] == {"mode": "compliance", "retainUntilTimestamp": 99_999}
    assert file["serverSideEncryption"] == {"mode": "SSE-B2", "algorithm": "AES256"}
    assert file["uploadTimestamp"] == 500


def test_a_part_says_its_number_and_never_the_encryption_of_b2(b2: B2) -> None:
    large = b2.start()

    def send(**headers: str) -> Any:
        url = b2.url(large)
        target = url.url.removeprefix(b2.simulator.base_url)
        return said(b2.ask("POST", target, b"abc", authorization=url.token, **headers))

    digest = sha1(b"abc").hexdigest()
    part = send(x_bz_part_number="2", x_bz_content_sha1=digest)
    assert (part["partNumber"], part["contentSha1"], part["contentLength"]) == (2, digest, 3)
    for bad in (
        {"x_bz_part_number": "0"},
        {"x_bz_part_number": "two"},
        {},
        {"x_bz_part_number": "1", "x_bz_server_side_encryption": "AES256"},
    ):
        assert send(x_bz_content_sha1=digest, **bad)["code"] == "bad_request"


# -- downloads


def test_head_has_the_headers_of_get_and_no_body(b2: B2) -> None:
    b2.upload("ü", b"0123456", file_info={"k": "ü", "b2-cache-control": "no-store"})
    target = f"/file/{BUCKET}/%C3%BC?Authorization={b2.token.token}"
    whole, head = b2.ask("GET", target), b2.ask("HEAD", target)
    assert (b"".join(pieces(whole.extents)), head.extents, head.response) == (b"0123456", (), whole.response)
    headers = whole.response.headers
    assert (headers["x-bz-info-k"], headers["x-bz-file-name"]) == ("%C3%BC", "%C3%BC")
    assert (headers["cache-control"], "x-bz-info-b2-cache-control" in headers) == ("no-store", False)
    assert (headers["content-length"], headers["accept-ranges"]) == ("7", "bytes")
    missing = b2.ask("HEAD", f"/file/{BUCKET}/none", authorization=b2.token.token)
    assert (missing.response.status, missing.response.body) == (404, b"")


def test_a_part_of_a_file_has_the_digest_of_the_whole(b2: B2) -> None:
    file = b2.upload("n", b"0123456")
    part = b2.ask("GET", f"/file/{BUCKET}/n", authorization=b2.token.token, range="bytes=2-3")
    assert (part.response.status, part.response.headers["content-range"]) == (206, "bytes 2-3/7")
    assert (part.response.headers["content-length"], b"".join(pieces(part.extents))) == ("2", b"23")
    assert part.response.headers["x-bz-content-sha1"] == file.content_sha1


def test_a_file_is_downloaded_by_id_in_three_ways(b2: B2) -> None:
    file_id = b2.upload("n").file_id
    path = "/b2api/v2/b2_download_file_by_id"
    for method, target, body in (
        ("GET", f"{path}?fileId={file_id}", b""),
        ("POST", path, msgspec.json.encode({"fileId": file_id})),
    ):
        served = b2.ask(method, target, body, authorization=b2.token.token)
        assert b"".join(pieces(served.extents)) == b"data"
    assert b2.ask("HEAD", f"{path}?fileId={file_id}", authorization=b2.token.token).response.status == 200


def test_headers_of_choice_stand_in_the_query(b2: B2) -> None:
    b2.upload("n")
    query = "b2ContentDisposition=a%20b&b2ContentType=x/y"
    served = b2.ask("GET", f"/file/{BUCKET}/n?{query}", authorization=b2.token.token)
    assert served.response.headers["content-disposition"] == "a b"
    assert served.response.headers["content-type"] == "x/y"


def test_a_download_tells_how_the_file_is_protected(b2: B2) -> None:
    b2.ok(b2.update(file_lock_enabled=True))
    b2.upload("n", file_retention=FileRetention("governance", 99_999), legal_hold="on", server_side_encryption=KEY)
    named = {
        "x_bz_server_side_encryption_customer_algorithm": "AES256",
        "x_bz_server_side_encryption_customer_key": KEY.customer_key,
        "x_bz_server_side_encryption_customer_key_md5": KEY.customer_key_md5,
    }
    headers = b2.ask("GET", f"/file/{BUCKET}/n", authorization=b2.token.token, **named).response.headers
    assert headers["x-bz-file-retention-mode"] == "governance"
    assert headers["x-bz-file-retention-retain-until-timestamp"] == "99999"
    assert (headers["x-bz-file-legal-hold"], headers["x-bz-server-side-encryption-customer-algorithm"]) == (
        "on",
        "AES256",
    )
    plain = b2.limited("readFiles").token
    headers = b2.ask("GET", f"/file/{BUCKET}/n", authorization=plain, **named).response.headers
    assert headers["x-bz-client-unauthorized-to-read"] == (
        "X-Bz-File-Retention-Mode,X-Bz-File-Retention-Retain-Until-Timestamp,X-Bz-File-Legal-Hold"
    )
    assert "x-bz-file-legal-hold" not in headers


# -- pages of other origins


def with_cors(b2: B2) -> None:
    operations = ("b2_download_file_by_name", "b2_download_file_by_id", "b2_upload_file", "b2_upload_part")
    rule = CorsRule("our-page", (PAGE,), operations, 60, ("authorization", "x-bz-*"), ("x-bz-content-sha1",))
    b2.ok(b2.update(cors_rules=(rule,)))


def preflight(b2: B2, target: str, method: str, **headers: str) -> Served:
    return b2.ask("OPTIONS", target, access_control_request_method=method, **({"origin": PAGE} | headers))


def test_a_preflight_needs_no_token(b2: B2) -> None:
    with_cors(b2)
    file = b2.upload("n")
    large = b2.start()
    targets = {
        f"/file/{BUCKET}/n": "GET",
        f"/b2api/v4/b2_download_file_by_id?fileId={file.file_id}": "GET",
        b2.url().url.removeprefix(b2.simulator.base_url): "POST",
        b2.url(large).url.removeprefix(b2.simulator.base_url): "POST",
    }
    for target, method in targets.items():
        served = preflight(b2, target, method, access_control_request_headers="Authorization, X-Bz-File-Name")
        headers = served.response.headers
        assert (served.response.status, served.response.body) == (200, b"")
        assert headers["access-control-allow-origin"] == PAGE
        assert headers["access-control-allow-methods"] == method
        assert headers["access-control-allow-headers"] == "authorization, x-bz-file-name"
        assert headers["access-control-max-age"] == "60"


def test_a_preflight_that_no_rule_allows_has_no_cors_headers(b2: B2) -> None:
    with_cors(b2)
    for served in (
        preflight(b2, f"/file/{BUCKET}/n", "GET", origin="https://other.example"),
        preflight(b2, f"/file/{BUCKET}/n", "GET", access_control_request_headers="cookie"),
        preflight(b2, f"/file/{BUCKET}/n", "DELETE"),
        preflight(b2, "/file/bucket-two/n", "GET"),
        preflight(b2, "/b2api/v4/b2_list_buckets", "POST"),
    ):
        assert served.response.status == 403
        assert not any(name.startswith("access-control") for name in served.response.headers)


def test_an_answer_to_a_page_has_the_headers_that_let_it_in(b2: B2) -> None:
    with_cors(b2)
    b2.upload("n")
    for target, status in ((f"/file/{BUCKET}/n", 200), (f"/file/{BUCKET}/none", 404)):
        served = b2.ask("GET", target, authorization=b2.token.token, origin=PAGE)
        assert served.response.status == status
        assert served.response.headers["access-control-allow-origin"] == PAGE
        assert served.response.headers["access-control-expose-headers"] == "x-bz-content-sha1"
        for origin in ({}, {"origin": "https://other.example"}):
            alone = b2.ask("GET", target, authorization=b2.token.token, **origin).response.headers
            assert "access-control-allow-origin" not in alone


def test_an_upload_from_a_page_has_them_too(b2: B2) -> None:
    with_cors(b2)
    url = b2.url()
    target = url.url.removeprefix(b2.simulator.base_url)
    for name, status in (("n", 200), ("", 400)):
        served = b2.ask(
            "POST",
            target,
            b"data",
            authorization=url.token,
            origin=PAGE,
            x_bz_file_name=name,
            content_type="a/b",
            x_bz_content_sha1="do_not_verify",
        )
        assert (served.response.status, served.response.headers["access-control-allow-origin"]) == (status, PAGE)
