"""The wire format, request by request and error by error."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from returns.result import Failure, Success

from b2pure.effects.effect import Credential
from b2pure.effects.wire import (
    HttpResponse,
    KeyPair,
    authorization_from,
    decode,
    decode_download_headers,
    decode_error,
    encode,
    header_encoded,
    unsendable,
)
from b2pure.model.account import Allowed, Authorization, UploadUrl
from b2pure.model.buckets import (
    CorsRule,
    DefaultRetention,
    LifecycleRule,
    NoDefaultEncryption,
    NotificationRule,
    ReplicationConfiguration,
    RetentionPeriod,
    WebhookTarget,
)
from b2pure.model.calls import (
    ALL_CALLS,
    HEX_DIGITS_AT_END,
    AuthorizeAccount,
    Call,
    CancelLargeFile,
    CopyFile,
    CopyPart,
    CreateBucket,
    CreateKey,
    DeleteBucket,
    DeleteFileVersion,
    DeleteKey,
    DownloadFileById,
    DownloadFileByName,
    FinishLargeFile,
    GetBucketNotificationRules,
    GetDownloadAuthorization,
    GetFileInfo,
    GetUploadPartUrl,
    GetUploadUrl,
    HideFile,
    ListBuckets,
    ListFileNames,
    ListFileVersions,
    ListKeys,
    ListParts,
    ListUnfinishedLargeFiles,
    SetBucketNotificationRules,
    StartLargeFile,
    UpdateBucket,
    UpdateFileLegalHold,
    UpdateFileRetention,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import (
    B2Error,
    CapExceeded,
    Rejected,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
)
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.limits import PartSizes
from b2pure.model.protection import EncryptionReply, FileRetention, RetentionValue, SseB2, SseC
from b2pure.model.replies import AuthorizationReply, DeletedReply
from b2pure.model.sources import Blob
from b2pure.shell.http import realm_url

ACCOUNT = Authorization(
    AccountId("acc"), "secret-token", "https://api", "https://down", Allowed(frozenset()), PartSizes()
)
UPLOAD = UploadUrl("https://pod/b2api/v4/b2_upload_file?cvt=1&bucket=b", "upload-token")
KEY = KeyPair("key-id", "key-secret")
BUCKET, FILE = BucketId("b"), FileId("4_z1")
DATE = "Tue, 24 Nov 2026 00:00:00 GMT"

JSON_CALLS: tuple[tuple[Call[Any], dict[str, Any]], ...] = (
    (ListBuckets(AccountId("acc"), bucket_types=("all",)), {"accountId": "acc", "bucketTypes": ["all"]}),
    (
        CreateBucket(AccountId("acc"), "name"),
        {"accountId": "acc", "bucketName": "name", "bucketType": "allPrivate"},
    ),
    (
        ListFileNames(BUCKET, "ü", 5, "p", "/"),
        {"bucketId": "b", "startFileName": "ü", "maxFileCount": 5, "prefix": "p", "delimiter": "/"},
    ),
    (
        ListFileVersions(BUCKET, "n", FILE),
        {
            "bucketId": "b",
            "startFileName": "n",
            "startFileId": "4_z1",
        },
    ),
    (GetFileInfo(FILE), {"fileId": "4_z1"}),
    (GetUploadUrl(BUCKET), {"bucketId": "b"}),
    (
        StartLargeFile(BUCKET, "n", "t", {"k": "v"}),
        {"bucketId": "b", "fileName": "n", "contentType": "t", "fileInfo": {"k": "v"}},
    ),
    (GetUploadPartUrl(FILE), {"fileId": "4_z1"}),
    (
        CopyPart(FILE, FileId("large"), 2, "bytes=0-9"),
        {"sourceFileId": "4_z1", "largeFileId": "large", "partNumber": 2, "range": "bytes=0-9"},
    ),
    (FinishLargeFile(FILE, ("aa", "bb")), {"fileId": "4_z1", "partSha1Array": ["aa", "bb"]}),
    (CancelLargeFile(FILE), {"fileId": "4_z1"}),
    (
        ListParts(FILE, 3),
        {
            "fileId": "4_z1",
            "startPartNumber": 3,
        },
    ),
    (
        ListUnfinishedLargeFiles(BUCKET, "p"),
        {
            "bucketId": "b",
            "namePrefix": "p",
        },
    ),
    (
        CopyFile(FILE, "n"),
        {
            "sourceFileId": "4_z1",
            "fileName": "n",
            "metadataDirective": "COPY",
        },
    ),
    (HideFile(BUCKET, "n"), {"bucketId": "b", "fileName": "n"}),
    (DeleteFileVersion("n", FILE), {"fileName": "n", "fileId": "4_z1", "bypassGovernance": False}),
    (
        CreateKey(AccountId("acc"), ("listFiles",), "name", 60, (BUCKET,), "p/"),
        {
            "accountId": "acc",
            "capabilities": ["listFiles"],
            "keyName": "name",
            "validDurationInSeconds": 60,
            "bucketIds": ["b"],
            "namePrefix": "p/",
        },
    ),
    (DeleteKey("key-id"), {"applicationKeyId": "key-id"}),
    (ListKeys(AccountId("acc"), 5, "k"), {"accountId": "acc", "maxKeyCount": 5, "startApplicationKeyId": "k"}),
    (DeleteBucket(AccountId("acc"), BUCKET), {"accountId": "acc", "bucketId": "b"}),
    (
        UpdateBucket(
            AccountId("acc"),
            BUCKET,
            bucket_info={},
            cors_rules=(CorsRule("rule-1", ("https",), ("b2_download_file_by_id",), 60),),
            lifecycle_rules=(LifecycleRule("logs/", days_from_hiding_to_deleting=1),),
            default_retention=DefaultRetention("governance", RetentionPeriod(7, "days")),
            default_server_side_encryption=NoDefaultEncryption(),
            file_lock_enabled=True,
            replication_configuration=ReplicationConfiguration(),
            if_revision_is=3,
        ),
        {
            "accountId": "acc",
            "bucketId": "b",
            "bucketInfo": {},
            "corsRules": [
                {
                    "corsRuleName": "rule-1",
                    "allowedOrigins": ["https"],
                    "allowedOperations": ["b2_download_file_by_id"],
                    "maxAgeSeconds": 60,
                    "allowedHeaders": None,
                    "exposeHeaders": None,
                }
            ],
            "lifecycleRules": [
                {
                    "fileNamePrefix": "logs/",
                    "daysFromHidingToDeleting": 1,
                    "daysFromUploadingToHiding": None,
                    "daysFromStartingToCancelingUnfinishedLargeFiles": None,
                }
            ],
            "defaultRetention": {"mode": "governance", "period": {"duration": 7, "unit": "days"}},
            "defaultServerSideEncryption": {"mode": "none"},
            "fileLockEnabled": True,
            "replicationConfiguration": {"asReplicationSource": None, "asReplicationDestination": None},
            "ifRevisionIs": 3,
        },
    ),
    (GetBucketNotificationRules(BUCKET), {"bucketId": "b"}),
    (
        SetBucketNotificationRules(
            BUCKET,
            (NotificationRule("rule", ("b2:ObjectCreated:*",), True, "p/", WebhookTarget("https://hook.example")),),
        ),
        {
            "bucketId": "b",
            "eventNotificationRules": [
                {
                    "name": "rule",
                    "eventTypes": ["b2:ObjectCreated:*"],
                    "isEnabled": True,
                    "objectNamePrefix": "p/",
                    "targetConfiguration": {
                        "url": "https://hook.example",
                        "targetType": "webhook",
                        "hmacSha256SigningSecret": None,
                        "customHeaders": None,
                    },
                    "maxEventsPerBatch": 1,
                    "isSuspended": False,
                    "suspensionReason": None,
                }
            ],
        },
    ),
    (
        UpdateFileRetention("n", FILE, FileRetention("compliance", 99)),
        {
            "fileName": "n",
            "fileId": "4_z1",
            "fileRetention": {"mode": "compliance", "retainUntilTimestamp": 99},
            "bypassGovernance": False,
        },
    ),
    (UpdateFileLegalHold("n", FILE, "on"), {"fileName": "n", "fileId": "4_z1", "legalHold": "on"}),
    (
        GetDownloadAuthorization(BUCKET, "p/", 60, b2_content_type="text/plain"),
        {"bucketId": "b", "fileNamePrefix": "p/", "validDurationInSeconds": 60, "b2ContentType": "text/plain"},
    ),
)

CUSTOMER_KEY = {
    "X-Bz-Server-Side-Encryption-Customer-Algorithm": "AES256",
    "X-Bz-Server-Side-Encryption-Customer-Key": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    "X-Bz-Server-Side-Encryption-Customer-Key-Md5": "mT2HRsMGJ5IX5C+0rreZ8Q==",
}

OTHER_CALLS: tuple[tuple[Call[Any], Credential, str, str, dict[str, str]], ...] = (
    (
        AuthorizeAccount(),
        None,
        "GET",
        "https://realm/b2api/v4/b2_authorize_account",
        {"Authorization": "Basic " + b64encode(b"key-id:key-secret").decode()},
    ),
    (
        UploadFile(
            "n",
            "text/plain",
            "a" * 40,
            {},
            Blob(b""),
            FileRetention("governance", 99),
            "off",
            SseB2(),
            5,
        ),
        UPLOAD,
        "POST",
        UPLOAD.url,
        {
            "Authorization": "upload-token",
            "X-Bz-File-Name": "n",
            "Content-Type": "text/plain",
            "X-Bz-File-Retention-Mode": "governance",
            "X-Bz-File-Retention-Retain-Until-Timestamp": "99",
            "X-Bz-File-Legal-Hold": "off",
            "X-Bz-Server-Side-Encryption": "AES256",
            "X-Bz-Custom-Upload-Timestamp": "5",
            "X-Bz-Content-Sha1": "a" * 40,
            "Content-Length": "0",
        },
    ),
    (
        UploadPart(3, "a" * 40, Blob(b"x"), SseC.of(b"k" * 32)),
        UPLOAD,
        "POST",
        UPLOAD.url,
        {
            "Authorization": "upload-token",
            "X-Bz-Part-Number": "3",
            **CUSTOMER_KEY,
            "X-Bz-Content-Sha1": "a" * 40,
            "Content-Length": "1",
        },
    ),
    (
        DownloadFileByName("b", "n", None, SseC.of(b"k" * 32), b2_expires="a&b", b2_content_type="text/plain"),
        ACCOUNT,
        "GET",
        "https://down/file/b/n?b2Expires=a%26b&b2ContentType=text%2Fplain",
        {"Authorization": "secret-token", **CUSTOMER_KEY},
    ),
    (
        UploadFile("a b+ü", "text/plain", "a" * 40, {"src_last_modified_millis": "5", "k": "ü/+ "}, Blob(b"xyz")),
        UPLOAD,
        "POST",
        UPLOAD.url,
        {
            "Authorization": "upload-token",
            "X-Bz-File-Name": "a%20b%2B%C3%BC",
            "Content-Type": "text/plain",
            "X-Bz-Info-src_last_modified_millis": "5",
            "X-Bz-Info-k": "%C3%BC/%2B%20",
            "X-Bz-Content-Sha1": "a" * 40,
            "Content-Length": "3",
        },
    ),
    (
        UploadPart(7, HEX_DIGITS_AT_END, Blob(b"xyz")),
        UPLOAD,
        "POST",
        UPLOAD.url,
        {
            "Authorization": "upload-token",
            "X-Bz-Part-Number": "7",
            "X-Bz-Content-Sha1": "hex_digits_at_end",
            "Content-Length": "43",
        },
    ),
    (
        DownloadFileById(FileId("4_z&1"), "bytes=1-2"),
        ACCOUNT,
        "GET",
        "https://down/b2api/v4/b2_download_file_by_id?fileId=4_z%261",
        {"Authorization": "secret-token", "Range": "bytes=1-2"},
    ),
    (
        DownloadFileByName("bucket", "a/../ü ?.txt"),
        ACCOUNT,
        "GET",
        "https://down/file/bucket/a/%2E%2E/%C3%BC%20%3F.txt",
        {"Authorization": "secret-token"},
    ),
)


def test_every_call_has_a_golden_request() -> None:
    golden = {type(call) for call, _ in JSON_CALLS} | {type(row[0]) for row in OTHER_CALLS}
    assert golden == set(ALL_CALLS)


@pytest.mark.parametrize(("call", "fields"), JSON_CALLS, ids=lambda value: getattr(value, "name", ""))
def test_a_json_call_is_a_post_of_its_fields(call: Call[Any], fields: dict[str, Any]) -> None:
    request = encode(call, ACCOUNT)
    assert (request.method, request.url) == ("POST", f"https://api/b2api/v4/{call.name}")
    assert dict(request.headers) == {"Authorization": "secret-token", "Content-Type": "application/json"}
    assert isinstance(request.body, bytes)
    assert msgspec.json.decode(request.body) == fields


@pytest.mark.parametrize(
    ("call", "credential", "method", "url", "headers"),
    OTHER_CALLS,
    ids=lambda value: getattr(value, "name", ""),
)
def test_other_calls_have_their_own_form(
    call: Call[Any], credential: Credential, method: str, url: str, headers: dict[str, str]
) -> None:
    request = encode(call, credential, realm_url="https://realm", key=KEY)
    assert (request.method, request.url, dict(request.headers)) == (method, url, headers)
    assert request.digest_at_end == (headers.get("X-Bz-Content-Sha1") == HEX_DIGITS_AT_END)


def test_a_request_shows_no_secret() -> None:
    assert repr(encode(UploadPart(1, "a", Blob(b"")), UPLOAD)) == "HttpRequest(method='POST', digest_at_end=False)"
    assert "key-secret" not in repr(KEY)


def test_file_info_may_be_any_mapping() -> None:
    class Info(Mapping[str, str]):
        def __getitem__(self, key: str) -> str:
            return "v"

        def __iter__(self) -> Any:
            return iter(("k",))

        def __len__(self) -> int:
            return 1

    body = encode(StartLargeFile(BUCKET, "n", "t", Info()), ACCOUNT).body
    assert isinstance(body, bytes)
    assert msgspec.json.decode(body)["fileInfo"] == {"k": "v"}


@pytest.mark.parametrize(
    ("text", "encoded"),
    [(c, c) for c in "-./_~0123456789ABCabc"]
    + [
        (" ", "%20"), ('"', "%22"), ("#", "%23"), ("%", "%25"), ("&", "%26"), ("+", "%2B"), (",", "%2C"),
        ("<", "%3C"), (">", "%3E"), ("?", "%3F"), ("[", "%5B"), ("\\", "%5C"), ("]", "%5D"), ("^", "%5E"),
        ("`", "%60"), ("{", "%7B"), ("|", "%7C"), ("}", "%7D"), ("\x7f", "%7F"),
        ("自由", "%E8%87%AA%E7%94%B1"), ("\U00010400", "%F0%90%90%80"),
    ],
)  # fmt: skip
def test_official_encoding_vectors(text: str, encoded: str) -> None:
    assert header_encoded(text) == encoded


@pytest.mark.parametrize(
    "call",
    [
        UploadFile("half\ud800", "t", "a", {}, Blob(b"")),
        UploadFile("n", "t\r\nX-Evil: 1", "a", {}, Blob(b"")),
        UploadFile("n", "t", "a", {"k: v": "1"}, Blob(b"")),
        UploadFile("n", "t", "a\n", {}, Blob(b"")),
        UploadPart(1, "ü", Blob(b"")),
        DownloadFileById(FILE, "bytes=0-1\n"),
        StartLargeFile(BUCKET, "n", "t", {"k": "\udfff"}),
    ],
    ids=lambda call: call.name,
)
def test_what_http_cannot_carry_is_refused_before_it_is_sent(call: Call[Any]) -> None:
    refused = unsendable(call)
    assert refused is not None
    assert refused.code == "bad_request"


def _error(code: str, message: str = "m") -> bytes:
    return msgspec.json.encode({"code": code, "message": message, "status": 0})


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "bad_request", Rejected(400, "bad_request", "m")),
        (400, "duplicate_bucket_name", Rejected(400, "duplicate_bucket_name", "m")),
        (401, "bad_auth_token", Unauthorized("bad_auth_token", "m")),
        (401, "expired_auth_token", Unauthorized("expired_auth_token", "m")),
        (401, "unauthorized", Unauthorized("unauthorized", "m")),
        (401, "unsupported", Unauthorized("unsupported", "m")),
        (403, "cap_exceeded", CapExceeded("cap_exceeded", "m")),
        (403, "storage_cap_exceeded", CapExceeded("storage_cap_exceeded", "m")),
        (403, "transaction_cap_exceeded", CapExceeded("transaction_cap_exceeded", "m")),
        (403, "download_cap_exceeded", CapExceeded("download_cap_exceeded", "m")),
        (403, "access_denied", Rejected(403, "access_denied", "m")),
        (404, "not_found", Rejected(404, "not_found", "m")),
        (405, "method_not_allowed", Rejected(405, "method_not_allowed", "m")),
        (408, "request_timeout", Unavailable(408, "request_timeout", "m")),
        (409, "conflict", Rejected(409, "conflict", "m")),
        (416, "range_not_satisfiable", Rejected(416, "range_not_satisfiable", "m")),
        (429, "too_many_requests", Throttled(None)),
        (500, "internal_error", Unavailable(500, "internal_error", "m")),
        (503, "service_unavailable", Unavailable(503, "service_unavailable", "m")),
        (503, "bad_request", Unavailable(503, "bad_request", "m")),
    ],
)
def test_each_error_code_has_its_class(status: int, code: str, expected: B2Error) -> None:
    assert decode_error(status, {}, _error(code)) == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"code": 3}', b"\xff", b'"text"'])
def test_a_body_that_says_nothing_leaves_the_status_to_speak(body: bytes) -> None:
    assert decode_error(404, {}, body) == Rejected(404, "not_found", "")
    assert decode_error(502, {}, body) == Unavailable(502, "http_502", "")
    assert decode_error(302, {}, body) == Rejected(302, "http_302", "")


def test_a_token_in_a_message_is_taken_out() -> None:
    error = decode_error(400, {}, _error("auth_token_limit", "more than one upload using auth token 4_secret"))
    assert error == Rejected(400, "auth_token_limit", "more than one upload using auth token ***")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Tue, 24 Nov 2026 00:00:30 GMT", "date": DATE}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 00:00:30 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Tue, 24 Nov 2026 00:00:30 GMT"}, None),
        ({"retry-after": "soon", "date": DATE}, None),
        ({"retry-after": "-3", "date": DATE}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert decode_error(429, headers, b"") == Throttled(seconds)
    assert decode_error(503, headers, b"") == Unavailable(503, "service_unavailable", "", seconds)


def test_a_reply_is_decoded_and_unknown_fields_are_ignored() -> None:
    body = b'{"fileId": "f", "fileName": "n", "new": 1}'
    assert decode(DeleteFileVersion("n", FILE), HttpResponse(200, {}, body)) == Success(DeletedReply(FileId("f"), "n"))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"fileId": 3, "fileName": "n"}', b"\xff"])
def test_a_malformed_success_is_a_protocol_error(body: bytes) -> None:
    failure = decode(DeleteFileVersion("n", FILE), HttpResponse(200, {}, body))
    assert isinstance(failure, Failure)
    error = failure.failure()
    assert isinstance(error, Transport)
    assert error.kind == "protocol"


HEADERS = {
    "content-length": "4",
    "content-type": "text/plain",
    "x-bz-file-id": "f",
    "x-bz-file-name": "a+b%2B%C3%BC",
    "x-bz-content-sha1": "none",
    "x-bz-upload-timestamp": "12",
    "x-bz-info-k": "v+%2B",
}


def test_download_headers_are_decoded() -> None:
    reply = decode_download_headers(DownloadFileById(FILE), HttpResponse(200, HEADERS)).unwrap()
    assert (reply.file_name, reply.file_info) == ("a b+ü", {"k": "v +"})
    assert (reply.content_length, reply.total_length, reply.content_sha1) == (4, 4, "none")


def test_download_headers_say_what_protects_the_file() -> None:
    headers = {
        **HEADERS,
        "x-bz-server-side-encryption-customer-algorithm": "AES256",
        "x-bz-file-retention-mode": "governance",
        "x-bz-file-retention-retain-until-timestamp": "99",
        "x-bz-client-unauthorized-to-read": "X-Bz-File-Legal-Hold",
        "x-bz-replication-status": "a status of tomorrow",
    }
    reply = decode_download_headers(DownloadFileById(FILE), HttpResponse(200, headers)).unwrap()
    assert reply.encryption == EncryptionReply("SSE-C", "AES256")
    assert (reply.retention, reply.legal_hold) == (RetentionValue("governance", 99), None)
    assert (reply.unreadable, reply.replication_status) == (("X-Bz-File-Legal-Hold",), "a status of tomorrow")


def test_a_partial_download_says_the_total_length() -> None:
    response = HttpResponse(206, {**HEADERS, "content-range": "bytes 5-8/10"})
    assert decode_download_headers(DownloadFileById(FILE), response).unwrap().total_length == 10


@pytest.mark.parametrize(
    ("asked", "is_it"),
    [
        ("bytes=5-8", True),
        ("bytes=5-", True),
        ("bytes=-5", True),
        ("bytes=50-", False),
        ("bytes=-4", False),
        ("bytes=4-8", False),
        ("bytes=-x", False),
    ],
)
def test_the_range_must_be_the_one_that_was_asked_for(asked: str, *, is_it: bool) -> None:
    response = HttpResponse(206, {**HEADERS, "content-range": "bytes 5-9/10"})
    found = decode_download_headers(DownloadFileById(FILE, asked), response)
    assert isinstance(found, Success) == is_it


@pytest.mark.parametrize(
    "change",
    [{"content-length": "x"}, {"x-bz-upload-timestamp": "-1"}, {"content-range": "bytes */10"}],
)
def test_garbled_download_headers_are_a_protocol_error(change: dict[str, str]) -> None:
    failure = decode_download_headers(DownloadFileById(FILE), HttpResponse(206, {**HEADERS, **change})).failure()
    assert isinstance(failure, Transport)
    assert failure.kind == "protocol"


def test_part_sizes_that_contradict_the_limits_are_brought_within_them() -> None:
    storage = {
        "absoluteMinimumPartSize": 100,
        "recommendedPartSize": 10,
        "apiUrl": "u",
        "downloadUrl": "d",
        "s3ApiUrl": "s",
        "allowed": {"capabilities": ["x"], "buckets": [{"id": "b", "name": None}], "namePrefix": "p"},
    }
    reply = msgspec.convert(
        {"accountId": "a", "authorizationToken": "t", "apiInfo": {"storageApi": storage}}, AuthorizationReply
    )
    authorization = authorization_from(reply)
    assert authorization.part_sizes == PartSizes(recommended=100, minimum=100)
    assert authorization.allowed == Allowed(frozenset({"x"}), frozenset({BucketId("b")}), "p")


def test_realms_are_two_names_or_urls() -> None:
    assert realm_url("production") == Success("https://api.backblazeb2.com")
    assert realm_url("http://127.0.0.1:8080/") == Success("http://127.0.0.1:8080")
    for bad in ("", "prod", "ftp://host", "http://", "http://a b\n"):
        assert isinstance(realm_url(bad), Failure), bad
