"""The simulated B2 over HTTP, without a socket: the JSON of each version of the API (gaps 1 and 13)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from simulated import B2, BUCKET, said

from b2pure.effects.served import refusal
from b2pure.effects.simulator import AccountToken
from b2pure.model.calls import DeleteBucket, ListKeys
from b2pure.model.errors import B2Error, CapExceeded, Rejected, Throttled, Unavailable
from b2pure.model.protection import SseB2

FILE_FIELDS = {
    "accountId", "action", "bucketId", "contentLength", "contentMd5", "contentSha1", "contentType", "fileId",
    "fileInfo", "fileName", "fileRetention", "legalHold", "serverSideEncryption", "uploadTimestamp",
}  # fmt: skip


@pytest.fixture
def b2() -> B2:
    return B2()


# -- authorizing


def test_authorize_has_the_shape_of_each_version(b2: B2) -> None:
    key = b2.simulator.add_key(("listFiles",), bucket_ids=[b2.bucket], name_prefix="p")
    restriction = {"bucketId": b2.bucket, "bucketName": BUCKET, "namePrefix": "p"}
    one, two, three, four = (b2.authorize(version, key) for version in (1, 2, 3, 4))
    assert one["minimumPartSize"] == one["recommendedPartSize"] == 5
    assert one.keys() - two.keys() == {"minimumPartSize"}
    assert two["allowed"] == {"capabilities": ["listFiles"], **restriction}
    assert three["apiInfo"]["storageApi"].items() >= {"infoType": "storageApi", **restriction}.items()
    assert four["apiInfo"]["storageApi"]["allowed"] == {
        "capabilities": ["listFiles"],
        "buckets": [{"id": b2.bucket, "name": BUCKET}],
        "namePrefix": "p",
    }
    for reply in (three, four):
        assert reply["applicationKeyExpirationTimestamp"] is None
    for addresses in (one, two, three["apiInfo"]["storageApi"], four["apiInfo"]["storageApi"]):
        assert addresses["absoluteMinimumPartSize"] == 3
        assert addresses["apiUrl"] == addresses["downloadUrl"] == b2.simulator.base_url


def test_a_key_without_restriction_says_so_in_each_version(b2: B2) -> None:
    for version in (1, 2, 3, 4):
        reply = b2.authorize(version, b2.master)
        told = reply["allowed"] if version < 3 else reply["apiInfo"]["storageApi"]
        if version == 4:
            assert told["allowed"]["buckets"] is None
        else:
            assert (told["bucketId"], told["bucketName"], told["namePrefix"]) == (None, None, None)


def test_the_name_of_a_deleted_bucket_is_null(b2: B2) -> None:
    key = b2.create_key(bucket_ids=(b2.bucket,))
    b2.ok(DeleteBucket(b2.account, b2.bucket))
    assert b2.authorize(2, key)["allowed"]["bucketName"] is None
    assert b2.authorize(4, key)["apiInfo"]["storageApi"]["allowed"]["buckets"] == [{"id": b2.bucket, "name": None}]


def test_a_key_of_two_buckets_needs_version_4(b2: B2) -> None:
    two = b2.new_bucket()
    key = b2.create_key(bucket_ids=(b2.bucket, two))
    for version in (1, 2, 3):
        told = b2.authorize(version, key)
        assert (told["status"], told["code"]) == (401, "unsupported")
    assert len(b2.authorize(4, key)["apiInfo"]["storageApi"]["allowed"]["buckets"]) == 2


def test_tokens_are_bound_to_no_version(b2: B2) -> None:
    token = AccountToken(b2.authorize(4, b2.master)["authorizationToken"])
    for version in (1, 2, 3, 4):
        assert b2.post("b2_list_buckets", version, token, accountId=b2.account)["buckets"]


# -- keys


def test_a_key_is_of_a_bucket_before_version_4_and_of_buckets_since(b2: B2) -> None:
    asked: dict[str, Any] = {"accountId": b2.account, "capabilities": ["listFiles"], "keyName": "k"}
    for version in (1, 2, 3):
        made = b2.post("b2_create_key", version, **asked, bucketId=b2.bucket)
        assert (made["bucketId"], "bucketIds" in made) == (b2.bucket, False)
        gone = b2.post("b2_delete_key", version, applicationKeyId=made["applicationKeyId"])
        assert (gone["bucketId"], "applicationKey" in gone) == (b2.bucket, False)
    made = b2.post("b2_create_key", 4, **asked, bucketIds=[b2.bucket])
    assert (made["bucketIds"], "bucketId" in made) == ([b2.bucket], False)
    assert b2.post("b2_create_key", 4, **asked, bucketId=b2.bucket)["code"] == "bad_request"
    assert b2.ok(ListKeys(b2.account)).keys[0].bucket_ids == (b2.bucket,)


def test_listed_keys_have_the_shape_of_each_version(b2: B2) -> None:
    b2.create_key(bucket_ids=(b2.bucket,))
    for version in (1, 2, 3, 4):
        (key,) = b2.post("b2_list_keys", version, accountId=b2.account)["keys"]
        shown = {"bucketIds": [b2.bucket]} if version == 4 else {"bucketId": b2.bucket}
        assert key.items() >= shown.items()
        assert len({"bucketId", "bucketIds"} & key.keys()) == 1


# -- files


def test_version_1_tells_sizes(b2: B2) -> None:
    b2.upload("n")
    for call in ("b2_list_file_names", "b2_list_file_versions"):
        assert b2.post(call, 1, bucketId=b2.bucket)["files"][0]["size"] == 4
        for version in (2, 3, 4):
            (file,) = b2.post(call, version, bucketId=b2.bucket)["files"]
            assert file.keys() == FILE_FIELDS
            assert file["contentLength"] == 4


def test_version_1_lists_silently_what_the_key_may_see(b2: B2) -> None:
    for name in ("a/1", "a/2/x", "b"):
        b2.upload(name)
    token = b2.limited("listFiles", name_prefix="a/")
    for call in ("b2_list_file_names", "b2_list_file_versions"):
        for prefix, found in ((None, ["a/1", "a/2/x"]), ("a", ["a/1", "a/2/x"]), ("a/2", ["a/2/x"]), ("b", [])):
            listed = b2.post(call, 1, token, bucketId=b2.bucket, prefix=prefix)
            assert [file["fileName"] for file in listed["files"]] == found
            if not (prefix or "").startswith("a/"):
                for version in (2, 3, 4):
                    refused = b2.post(call, version, token, bucketId=b2.bucket, prefix=prefix)
                    assert refused["code"] == "unauthorized"


def test_hide_markers_and_folders_tell_no_protection(b2: B2) -> None:
    b2.upload("a/b")
    hidden = b2.post("b2_hide_file", bucketId=b2.bucket, fileName="a/b")
    (folder,) = b2.post("b2_list_file_versions", bucketId=b2.bucket, delimiter="/")["files"]
    for told in (hidden, folder):
        assert told.keys() == FILE_FIELDS - {"fileRetention", "legalHold", "serverSideEncryption"}


def test_replies_have_the_fields_of_recorded_ones(b2: B2) -> None:
    file = b2.upload("n", b"abcd")
    read = b2.post("b2_get_file_info", fileId=file.file_id)
    assert read.keys() == FILE_FIELDS
    assert read["fileRetention"] == {
        "isClientAuthorizedToRead": True,
        "value": {"mode": None, "retainUntilTimestamp": None},
    }
    assert read["legalHold"] == {"isClientAuthorizedToRead": True, "value": None}
    assert read["serverSideEncryption"] == {"mode": None, "algorithm": None}
    assert b2.post("b2_delete_file_version", fileId=file.file_id, fileName="n").keys() == {"fileId", "fileName"}
    large = b2.start()
    b2.part(large, 1, b"abc")
    (part,) = b2.post("b2_list_parts", fileId=large)["parts"]
    assert part.keys() == {
        "contentLength", "contentMd5", "contentSha1", "fileId", "partNumber", "serverSideEncryption", "uploadTimestamp",
    }  # fmt: skip
    gone = b2.post("b2_cancel_large_file", fileId=large)
    assert gone.keys() == {"accountId", "bucketId", "fileId", "fileName"}
    grant = b2.post("b2_get_download_authorization", bucketId=b2.bucket, fileNamePrefix="", validDurationInSeconds=1)
    assert grant.keys() == {"authorizationToken", "bucketId", "fileNamePrefix"}


# -- JSON


def test_nulls_are_defaults_and_unknown_fields_are_ignored(b2: B2) -> None:
    b2.upload("n")
    fields: dict[str, Any] = {
        "startFileName": None,
        "maxFileCount": None,
        "prefix": None,
        "delimiter": None,
        "unknown": [1],
    }
    assert len(b2.post("b2_list_file_names", bucketId=b2.bucket, **fields)["files"]) == 1
    fields = {"bucketId": b2.bucket, "fileName": "l", "contentType": "a/b", "fileInfo": {}, "legalHold": None}
    made = b2.post("b2_start_large_file", **fields, serverSideEncryption={"mode": None, "algorithm": None})
    assert made["action"] == "start"


def test_a_default_encryption_is_taken_away_by_null_or_none(b2: B2) -> None:
    for mode in (None, "none"):
        b2.ok(b2.update(default_server_side_encryption=SseB2()))
        told = b2.post(
            "b2_update_bucket",
            accountId=b2.account,
            bucketId=b2.bucket,
            defaultServerSideEncryption={"mode": mode, "algorithm": None},
        )
        assert told["defaultServerSideEncryption"]["value"]["mode"] is None


def test_a_customers_key_is_no_default(b2: B2) -> None:
    told = b2.post(
        "b2_update_bucket",
        accountId=b2.account,
        bucketId=b2.bucket,
        defaultServerSideEncryption={"mode": "SSE-C", "algorithm": "AES256"},
    )
    assert told["code"] == "bad_request"


def test_what_only_reads_may_be_asked_for_with_get(b2: B2) -> None:
    file = b2.upload("n")
    for target, field in (
        (f"b2_list_file_names?bucketId={b2.bucket}&maxFileCount=1", "files"),
        (f"b2_list_buckets?accountId={b2.account}&bucketTypes=allPrivate,snapshot", "buckets"),
        (f"b2_get_file_info?fileId={file.file_id}", "fileName"),
        (f"b2_get_upload_url?bucketId={b2.bucket}", "uploadUrl"),
        (f"b2_get_bucket_notification_rules?bucketId={b2.bucket}", "eventNotificationRules"),
    ):
        served = b2.ask("GET", f"/b2api/v4/{target}", authorization=b2.token.token)
        assert field in said(served)


def test_answers_are_json_that_nobody_caches(b2: B2) -> None:
    for body in (b"{", msgspec.json.encode({"accountId": b2.account})):
        served = b2.ask("POST", "/b2api/v4/b2_list_buckets", body, authorization=b2.token.token)
        headers = served.response.headers
        assert headers["content-type"] == "application/json;charset=UTF-8"
        assert headers["cache-control"] == "max-age=0, no-cache, no-store"


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code"),
    [
        ("POST", "/b2api/v4/b2_no_such_call", b"{}", 404, "not_found"),
        ("POST", "/b2api/v5/b2_list_buckets", b"{}", 404, "not_found"),
        ("GET", "/", b"", 404, "not_found"),
        ("PUT", "/b2api/v4/b2_list_buckets", b"{}", 405, "method_not_allowed"),
        ("GET", "/b2api/v4/b2_hide_file", b"", 405, "method_not_allowed"),
        ("GET", "/b2api/v4/b2_upload_file?cvt=1", b"", 405, "method_not_allowed"),
        ("POST", "/file/bucket-one/n", b"", 405, "method_not_allowed"),
        ("POST", "/b2api/v4/b2_list_buckets", b"{", 400, "bad_json"),
        ("POST", "/b2api/v4/b2_list_buckets", b"\xff", 400, "bad_json"),
        ("POST", "/b2api/v4/b2_list_buckets", b"{}", 400, "bad_request"),
        ("POST", "/b2api/v4/b2_list_buckets", b'{"accountId":1}', 400, "bad_request"),
        ("GET", "/b2api/v4/b2_authorize_account", b"", 400, "bad_request"),
        ("POST", "/b2api/v4/b2_upload_file?cvt=1", b"", 401, "bad_auth_token"),
        ("GET", "/b2api/v4/b2_download_file_by_id", b"", 400, "bad_request"),
        ("GET", "/file/bucket-one/%FF", b"", 400, "bad_request"),
        ("GET", "/file/bucket-one/n", b"", 401, "unauthorized"),
        ("OPTIONS", "/file/bucket-one/n", b"", 405, "method_not_allowed"),
    ],
)
def test_odd_requests_get_an_error_of_b2s_form(
    b2: B2, method: str, target: str, body: bytes, status: int, code: str
) -> None:
    served = b2.ask(method, target, body)
    told = said(served)
    assert list(told) == ["code", "message", "status"]
    assert (served.response.status, told["status"], told["code"]) == (status, status, code)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Throttled(2.0), 429), (CapExceeded("cap_exceeded", "m"), 403), (Rejected(409, "conflict", "m"), 409),
        (Unavailable(503, "service_unavailable", "m", 7.0), 503), (Unavailable(408, "request_timeout", "m"), 408),
    ],
)  # fmt: skip
def test_every_error_of_b2_can_be_served(error: B2Error, status: int) -> None:
    # gap 4: Retry-After
    served = refusal(error).response
    wish = getattr(error, "retry_after_seconds", None)
    assert (served.status, served.headers.get("retry-after")) == (status, None if wish is None else str(int(wish)))
