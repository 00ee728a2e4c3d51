"""The exceptions of the numbered interface: every code of B2 has its class, text, and answer to "try again?"."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from typing import Any, Final

import pytest
from attrs import frozen

from b2pure.model.calls import UploadPart
from b2pure.model.errors import (
    UNKNOWN_HOST,
    B2Error,
    Corrupt,
    InvalidArgument,
    LocalDrifted,
    LocalFailure,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
)
from b2pure.model.sources import Blob
from b2pure.plan.retry import CallKind, RetryClass, RetryPolicy, classify
from b2pure.shell.v1.b2_http import persist
from b2pure.shell.v1.carried import value_of
from b2pure.shell.v1.error_table import Context, exception_of
from b2pure.v1 import exception as v1

ASKED: Final = {"fileName": "F", "bucketName": "B", "fileId": "ID", "bucketId": "BID"}
CODES: Final[tuple[tuple[int, str, type[v1.B2Error], str], ...]] = (
    (400, "bad_request", v1.BadRequest, "told (bad_request)"),
    (400, "bad_json", v1.BadJson, "Bad request: told"),
    (400, "bad_bucket_id", v1.BucketIdNotFound, "Bucket with id=BID not found"),
    (400, "invalid_bucket_id", v1.BucketIdNotFound, "Bucket with id=BID not found"),
    (400, "invalid_file_id", v1.BadRequest, "told (invalid_file_id)"),
    (400, "out_of_range", v1.BadRequest, "told (out_of_range)"),
    (400, "duplicate_bucket_name", v1.DuplicateBucketName, "Bucket name is already in use: B"),
    (400, "too_many_buckets", v1.BadRequest, "told (too_many_buckets)"),
    (400, "cannot_delete_non_empty_bucket", v1.BadRequest, "told (cannot_delete_non_empty_bucket)"),
    (400, "file_not_present", v1.FileNotPresent, "File not present: F"),
    (400, "no_such_file", v1.FileNotPresent, "File not present: F"),
    (400, "already_hidden", v1.FileAlreadyHidden, "File already hidden: F"),
    (400, "missing_part", v1.MissingPart, "Part number has not been uploaded: ID"),
    (400, "part_sha1_mismatch", v1.PartSha1Mismatch, "Part number ID has wrong SHA1"),
    (400, "auth_token_limit", v1.UploadTokenUsedConcurrently, "Upload token used concurrently: told"),
    (400, "source_too_large", v1.BadRequest, "told (source_too_large)"),
    (400, "bucket_missing_file_lock", v1.BadRequest, "told (bucket_missing_file_lock)"),
    (400, "file_lock_conflict", v1.BadRequest, "told (file_lock_conflict)"),
    (400, "source_replication_conflict", v1.BadRequest, "told (source_replication_conflict)"),
    (400, "restricted_bucket_conflict", v1.BadRequest, "told (restricted_bucket_conflict)"),
    (400, "event_type_categories", v1.BadRequest, "told (event_type_categories)"),
    (400, "event_type_overlap", v1.BadRequest, "told (event_type_overlap)"),
    (400, "event_types_empty", v1.BadRequest, "told (event_types_empty)"),
    (400, "event_type_invalid", v1.BadRequest, "told (event_type_invalid)"),
    (400, "file_lock_governance_protected", v1.BadRequest, "told (file_lock_governance_protected)"),
    (400, "file_lock_compliance_protected", v1.BadRequest, "told (file_lock_compliance_protected)"),
    (400, "file_lock_legal_hold_protected", v1.BadRequest, "told (file_lock_legal_hold_protected)"),
    (400, "invalid_bucket_name", v1.BadRequest, "told (invalid_bucket_name)"),
    (400, "invalid_file_name", v1.UnusableFileName, "Unusable file name: told"),
    (400, "invalid_file_info", v1.BadFileInfo, "Bad file info: told"),
    (400, "invalid_bucket_info", v1.BadRequest, "told (invalid_bucket_info)"),
    (401, "unauthorized", v1.Unauthorized, "told (unauthorized)"),
    (
        401,
        "bad_auth_token",
        v1.InvalidAuthToken,
        "Invalid authorization token. Server said: told (bad_auth_token)",
    ),
    (
        401,
        "expired_auth_token",
        v1.InvalidAuthToken,
        "Invalid authorization token. Server said: told (expired_auth_token)",
    ),
    (401, "unsupported", v1.Unauthorized, "told (unsupported)"),
    (401, "email_not_verified", v1.EmailNotVerified, "told (email_not_verified)"),
    (401, "no_payment_history", v1.NoPaymentHistory, "told (no_payment_history)"),
    (401, "access_denied", v1.Unauthorized, "told (access_denied)"),
    (
        403,
        "cap_exceeded",
        v1.CapExceeded,
        "a cap of the account is reached: told (403 cap_exceeded); raise it in the account's caps",
    ),
    (403, "storage_cap_exceeded", v1.StorageCapExceeded, "Cannot upload files, storage cap exceeded."),
    (
        403,
        "transaction_cap_exceeded",
        v1.TransactionCapExceeded,
        "Cannot perform the operation, transaction cap exceeded.",
    ),
    (
        403,
        "download_cap_exceeded",
        v1.CapExceeded,
        "a cap of the account is reached: told (403 download_cap_exceeded); raise it in the account's caps",
    ),
    (403, "access_denied", v1.AccessDenied, "told"),
    (404, "not_found", v1.FileNotPresent, "File not present: F"),
    (405, "method_not_allowed", v1.UnknownError, "Unknown error: 405 method_not_allowed told"),
    (408, "request_timeout", v1.RequestTimeout, "408 request_timeout told"),
    (409, "conflict", v1.Conflict, "Conflict: told"),
    (
        416,
        "range_not_satisfiable",
        v1.UnsatisfiableRange,
        "The range in the request is outside the size of the file",
    ),
    (429, "too_many_requests", v1.TooManyRequests, "Too many requests"),
    (500, "internal_error", v1.ServiceError, "500 internal_error told"),
    (503, "service_unavailable", v1.ServiceError, "503 service_unavailable told"),
    (503, "bad_request", v1.ServiceError, "503 bad_request told"),
    (418, "teapot", v1.UnknownError, "Unknown error: 418 teapot told"),
)
"""All codes of B2, and one that it has not."""
BEYOND_B2SDK: Final = frozenset(
    {"auth_token_limit", "source_too_large", "invalid_bucket_id", "request_timeout"}  # b2sdk knows them not, or asserts
)

KINDS: Final[tuple[CallKind, ...]] = ("authorize", "upload", "other")

interpreted = pytest.mark.parametrize(
    ("status", "code", "kind", "text"), CODES, ids=[f"{s}-{c}" for s, c, _, _ in CODES]
)


@interpreted
def test_every_code_has_its_class_and_text(status: int, code: str, kind: type[v1.B2Error], text: str) -> None:
    found = v1.interpret_b2_error(status, code, "told", {}, ASKED)
    assert type(found) is kind
    assert str(found) == text


@interpreted
def test_a_peer_gives_the_same_answers_about_trying_again(
    status: int, code: str, kind: type[v1.B2Error], text: str
) -> None:
    """Where b2sdk 2 has a class of the same name, it gives the same answers to the same response."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import b2sdk.v1.exception as peer

        if code in BEYOND_B2SDK:
            pytest.skip("b2sdk has nothing to say of it")
        theirs = peer.interpret_b2_error(status, code, "told", {}, ASKED)
    ours = v1.interpret_b2_error(status, code, "told", {}, ASKED)
    assert isinstance(ours, v1.B2Error)
    assert ours.should_retry_http() == theirs.should_retry_http()
    assert ours.should_retry_upload() == theirs.should_retry_upload()


def _may_go_well(error: B2Error) -> bool:
    return any(classify(error, kind) is not RetryClass.FATAL for kind in KINDS)


@interpreted
def test_values_and_exceptions_decide_alike(status: int, code: str, kind: type[v1.B2Error], text: str) -> None:
    """An exception that goes through a program as a value is tried again where it says so, and comes out as itself."""
    before = v1.interpret_b2_error(status, code, "told", {"Retry-After": "7"}, ASKED)
    assert isinstance(before, v1.B2Error)
    value = value_of(before)
    after = exception_of(value)
    assert (type(after), str(after)) == (type(before), str(before))
    if not isinstance(before, v1.Unauthorized):  # of these the code tells
        assert _may_go_well(value) == (before.should_retry_http() or before.should_retry_upload())


@pytest.mark.parametrize(
    "mine",
    [
        v1.ServiceError("503 mine"),
        v1.ServiceError(),
        v1.B2ConnectionError("mine"),
        v1.B2RequestTimeoutDuringUpload("mine"),
        v1.BadUploadUrl("mine"),
        v1.TruncatedOutput(1, 2),
        v1.ChecksumMismatch("sha1", "a", "b"),
        v1.TransactionCapExceeded(),
        v1.InvalidAuthToken("mine", "bad_auth_token"),
        v1.UnknownHost(),
        ValueError("mine"),
        KeyError("mine"),
    ],
    ids=repr,
)
def test_what_somebody_raised_comes_out_as_it_was_raised(mine: Exception) -> None:
    assert exception_of(value_of(mine)) is mine


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 416, 429, 500, 503, 599])
def test_a_response_may_say_nothing_but_its_status(status: int) -> None:
    found = v1.interpret_b2_error(status, None, None, None, None)
    assert isinstance(found, v1.ServiceError) == (status >= 500)
    assert isinstance(found, v1.B2Error)
    assert "None" not in str(found)


@pytest.mark.parametrize(
    "name", sorted(name for name in v1.__all__ if isinstance(getattr(v1, name), type) and name != "DestFileNewer")
)
def test_an_exception_survives_a_pickle(name: str) -> None:
    """As one that comes back from another process."""
    kind = getattr(v1, name)
    if not issubclass(kind, v1.B2Error):
        pytest.skip("a mixin")
    before = kind(*_arguments(kind))
    after = pickle.loads(pickle.dumps(before))
    assert (type(after), str(after), vars(after)) == (type(before), str(before), vars(before))


def test_a_token_in_a_message_of_the_server_stays_behind() -> None:
    told = "more than one upload using auth token 4_0022623512fc8f80000000001_0186e431_d18d02_upl_WF0"
    for status, code in ((400, "auth_token_limit"), (400, "bad_request"), (503, "service_unavailable")):
        error = v1.interpret_b2_error(status, code, told, {})
        assert "4_0022623512fc8f8" not in str(error)
        assert isinstance(error, v1.UploadTokenUsedConcurrently) is (status == 400)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(1234567, "1234567 seconds ahead of"), (-1234567, "1234567 seconds behind"), (700.2, "700 seconds ahead of")],
)
def test_a_skew_is_told_in_plain_digits(seconds: float, told: str) -> None:
    assert str(v1.ClockSkew(seconds)) == f"ClockSkew: local clock is {told} server"


def test_a_404_that_says_nothing_is_told_by_its_status() -> None:
    assert str(v1.interpret_b2_error(404, None, None, {})) == "File not present: 404 not_found"
    assert str(v1.interpret_b2_error(404, "gone", "", {}, {"fileName": "F"})) == "File not present: F"


@pytest.mark.parametrize("name", sorted(name for name in v1.__all__ if isinstance(getattr(v1, name), type)))
def test_every_exception_knows_of_no_wish_unless_told(name: str) -> None:
    kind = getattr(v1, name)
    if not issubclass(kind, v1.B2Error):
        pytest.skip("a mixin")
    assert (kind.retry_after_seconds, v1.TooManyRequests(3).retry_after_seconds) == (None, 3)


class _Later(v1.TransientErrorMixin, v1.B2Error):
    retry_after_seconds = 11


def test_the_wish_of_an_exception_of_ones_own_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the operations of `B2Http`, and by programs."""
    value = value_of(_Later("x"))
    assert isinstance(value, Unavailable)
    assert value.retry_after_seconds == 11
    waits: list[float] = []
    monkeypatch.setattr("b2pure.shell.v1.b2_http.sleep", waits.append)

    def fails() -> None:
        raise _Later("x")

    with pytest.raises(_Later):
        persist(fails, 3, RetryPolicy())
    assert waits == [11, 11]


def test_retry_after_comes_along() -> None:
    told = v1.interpret_b2_error(429, "too_many_requests", "", {"Retry-After": "7"})
    busy = v1.interpret_b2_error(503, "service_unavailable", "", {"retry-after": "8"})
    assert isinstance(told, v1.TooManyRequests)
    assert isinstance(busy, v1.ServiceError)
    assert (told.retry_after_seconds, busy.retry_after_seconds) == (7.0, 8.0)


@pytest.mark.parametrize(
    ("error", "uploads", "kind"),
    [
        (Transport("connect", UNKNOWN_HOST), False, v1.UnknownHost),
        (Transport("connect", UNKNOWN_HOST, "b2.example"), False, v1.UnknownHost),
        (Transport("connect", "ConnectError"), False, v1.B2ConnectionError),
        (Transport("protocol", "the reply is malformed"), False, v1.B2ConnectionError),
        (Transport("timeout", "ReadTimeout"), False, v1.B2RequestTimeout),
        (Transport("timeout", "ReadTimeout"), True, v1.B2RequestTimeoutDuringUpload),
        (Transport("broken", "WriteError"), True, v1.BrokenPipe),
        (Transport("broken", "ReadError"), True, v1.ConnectionReset),
        (Transport("broken", "the body stopped after 3 of 5 bytes"), False, v1.TruncatedOutput),
        (Corrupt("the source", "SHA-1 aa", "SHA-1 bb"), True, v1.ChecksumMismatch),
        (Corrupt("the download", "version 1", "version 2"), False, v1.UnexpectedCloudBehaviour),
        (LocalFailure("read", "a.txt", "is gone"), True, v1.InvalidUploadSource),
        (LocalFailure("write", "a.txt", "no space"), False, v1.LocalFileError),
        (LocalDrifted("a.txt", None, None), False, v1.LocalFileError),
        (InvalidArgument("streams", "must be at least 1"), False, v1.InvalidArgument),
        (Throttled(3.0), False, v1.TooManyRequests),
        (Unavailable(408, "request_timeout", ""), False, v1.RequestTimeout),
    ],
)
def test_what_no_server_said_has_its_class(
    error: B2Error | InvalidArgument, uploads: bool, kind: type[v1.B2Error]
) -> None:
    assert type(exception_of(error, Context(uploads=uploads))) is kind


def test_local_trouble_is_an_os_error_too() -> None:
    with pytest.raises(OSError, match=r"cannot write a\.txt: no space"):
        raise exception_of(LocalFailure("write", "a.txt", "no space"))


ALL: Final = sorted(
    {
        "listKeys", "writeKeys", "deleteKeys", "listBuckets", "writeBuckets", "deleteBuckets",
        "listFiles", "readFiles", "shareFiles", "writeFiles", "deleteFiles",
    }
)  # fmt: skip


def _allowed(**changes: object) -> dict[str, object]:
    return {"bucketId": None, "bucketName": None, "capabilities": ALL, "namePrefix": None, **changes}


@pytest.mark.parametrize(
    ("allowed", "told"),
    [
        (_allowed(), "with no restrictions"),
        (
            _allowed(bucketId="1", bucketName="bn", capabilities=["listFiles", "readFiles"], namePrefix="p/"),
            "with capabilities 'listFiles,readFiles', restricted to bucket 'bn', "
            "restricted to files that start with 'p/'",
        ),
        (_allowed(bucketId="1", capabilities=["readFiles"]), "with capabilities 'readFiles', restricted to bucket '1'"),
        (
            _allowed(buckets=[{"id": "1", "name": "one"}, {"id": "2", "name": None}]),
            "restricted to bucket 'one', '2'",
        ),
    ],
)
@pytest.mark.parametrize("message", ["", "told"])
def test_unauthorized_tells_what_the_key_is_restricted_to(allowed: Mapping[str, Any], told: str, message: str) -> None:
    found = exception_of(Unauthorized("unauthorized", message), Context(allowed=allowed))
    assert str(found) == f"{message or 'unauthorized'} for application key {told} (unauthorized)"


def test_the_explanation_of_an_upload_does_not_need_the_bytes() -> None:
    call = UploadPart(1, "0" * 40, Blob(b"secret bytes"))
    assert Context.of(call) == Context(uploads=True)


def test_prefixes_are_spelled_out() -> None:
    assert v1.B2SimpleError().prefix == "Simple error"
    assert v1.AlreadyFailed().prefix == "Already failed"
    assert str(v1.AlreadyFailed("it")) == "Already failed: it"


@pytest.mark.parametrize("base", ["B2SimpleError", "BadJson", "DuplicateBucketName", "AlreadyFailed", "Conflict"])
@pytest.mark.parametrize("name", ["MineFailed", "B2MineFailed", "HTTPError", "NoURL", "Mine2Times", "X"])
def test_a_class_of_somebodys_own_begins_as_a_peer_would(base: str, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import b2sdk.v1.exception as peer
    ours, theirs = (type(name, (getattr(module, base),), {})("it") for module in (v1, peer))
    assert str(ours) == str(theirs)
    assert ours.prefix == theirs.prefix


@frozen
class Stamped:
    name: str
    mod_time: int

    def latest_version(self) -> Stamped:
        return self


def test_a_newer_destination_names_both_sides() -> None:
    found = v1.DestFileNewer(Stamped("n", 6), Stamped("n", 5), "d://", "s://")
    assert str(found) == (
        "source file is older than destination: s://n with a time of 5 cannot be synced to d://n with a time of 6, "
        "unless a valid newer_file_mode is provided"
    )
    assert found.should_retry_http()


def test_the_spellings_of_the_documentation_are_the_same_classes() -> None:
    assert v1.NonexistentBucket is v1.NonExistentBucket
    assert v1.MaxValueExceeded is v1.MaxFileSizeExceeded


def _arguments(kind: type[v1.B2Error]) -> tuple[Any, ...]:
    name = kind.__name__
    two = ("Unauthorized", "InvalidAuthToken", "EmailNotVerified", "NoPaymentHistory", "BadRequest", "InvalidArgument")
    given: dict[str, tuple[Any, ...]] = {
        **dict.fromkeys(two, ("m", "c")),
        "AccountInfoFileError": ("file", "cannot be read", "Do something"),
        "ChecksumMismatch": ("sha1", "a", "b"),
        "ClockSkew": (-700,),
        "EnvironmentEncodingError": ("f", "utf"),
        "InvalidRange": (10, (1, 20)),
        "MaxRetriesExceeded": (3, ["e1", "e2"]),
        "TooManyRequests": (7,),
        "TruncatedOutput": (1, 2),
        "UnSyncableFilename": ("m", "f"),
    }
    return given.get(name, ("m",) if name != "MaxFileSizeExceeded" else (5, 4))


_OWN_WORDS: Final = frozenset(
    {
        "AccessDenied", "BrokenPipe", "CapExceeded", "ConnectionReset", "FileNotPresent", "MaxFileSizeExceeded",
        "NonExistentBucket", "StorageCapExceeded", "UnknownHost",
    }
)  # fmt: skip
"""Where b2sdk 2 drops what it was told, or says what its first versions did not."""


@pytest.mark.parametrize(
    "name", sorted(name for name in v1.__all__ if isinstance(getattr(v1, name), type) and name != "DestFileNewer")
)
def test_a_peer_says_the_same(name: str) -> None:
    """Texts and answers of every class that b2sdk 2 has, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import b2sdk.v1.exception as peer
    theirs, ours = getattr(peer, name, None), getattr(v1, name)
    if theirs is None or not issubclass(ours, v1.B2Error):
        pytest.skip("b2sdk 2 has no such exception")
    a, b = ours(*_arguments(ours)), theirs(*_arguments(ours))
    assert (a.should_retry_http(), a.should_retry_upload()) == (b.should_retry_http(), b.should_retry_upload())
    if ours.__name__ not in _OWN_WORDS | {"ClockSkew", "BucketIdNotFound"}:
        assert str(a) == str(b)
