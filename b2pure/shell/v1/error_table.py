"""Which error value is which exception: the one table of the numbered interface.

Rules. `exception_of` is total. What other people's code raised (a raw api of their own, a callback, the errors that a
test puts into a `RawSimulator`) comes out as it went in (`carried`). A message of the server is passed on after
`decode_error` took the tokens out of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, assert_never

import msgspec
from attrs import frozen

from b2pure.effects.wire import decode_error
from b2pure.model import errors
from b2pure.model.calls import Call
from b2pure.model.errors import describe
from b2pure.model.names import printable
from b2pure.plan.failures import LAST_MAY_COUNT
from b2pure.shell.v1 import exceptions as v1
from b2pure.shell.v1.carried import Carrying

__all__ = ["Context", "exception_of", "interpret_b2_error"]


@frozen
class Context:
    """What an exception can tell beside the error: what the failed call was about, whether the caller gave the SHA-1 of
    what it sends, and what the key is `allowed` (the dictionary of account infos; None: not known, or not to be told).
    """

    file_name: str | None = None
    file_id: str | None = None
    bucket_name: str | None = None
    bucket_id: str | None = None
    uploads: bool = False
    authorizes: bool = False
    sha1_given: bool = False
    allowed: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, call: Call[Any], allowed: Mapping[str, Any] | None = None) -> Context:
        """The context of a call that failed."""
        file_id = getattr(call, "file_id", None) or getattr(call, "source_file_id", None)
        return cls(
            file_name=getattr(call, "file_name", None),
            file_id=file_id,
            bucket_name=getattr(call, "bucket_name", None),
            bucket_id=getattr(call, "bucket_id", None) or getattr(call, "destination_bucket_id", None),
            uploads=call.token == "upload_url",
            authorizes=call.token == "key",
            allowed=allowed,
        )

    @property
    def file(self) -> str:
        """What the file is called: its name, or its id."""
        return self.file_name or self.file_id or ""


NOWHERE: Final = Context()


def exception_of(error: errors.B2Error | errors.InvalidArgument, context: Context = NOWHERE) -> Exception:
    """The exception that says what the error value says: a `B2Error`, unless it is one of somebody's that was
    carried along."""
    if isinstance(error, Carrying):
        return error.exception
    match error:
        case errors.Rejected():
            return _rejected(error, context)
        case errors.Unauthorized(code, message):
            return _unauthorized(code, message, context)
        case errors.CapExceeded():
            return _cap_exceeded(error)
        case errors.Throttled(wish):
            return v1.TooManyRequests(wish)
        case errors.Unavailable(408, code, message):
            return v1.RequestTimeout(f"408 {code} {message}".rstrip())
        case errors.Unavailable(status, code, message, wish):
            return v1.ServiceError(f"{status} {code} {message}".rstrip(), retry_after_seconds=wish)
        case errors.Transport():
            return _transport(error, context)
        case errors.Corrupt():
            return _corrupt(error, context)
        case errors.LocalFailure(operation, path, detail):
            if operation == "read":
                return v1.InvalidUploadSource(f"cannot read {printable(path)}: {detail}")
            return v1.LocalFileError(describe(error))
        case errors.LocalDrifted():
            return v1.LocalFileError(describe(error))
        case errors.InvalidArgument(name, message):
            return v1.InvalidArgument(name, message)
        case _:
            assert_never(error)


# -- 400 and others that cannot be tried again


_NO_B2: Final = "leads to a server that knows of no B2 there (404); name 'production', or the address of a B2 as it is"


def _rejected(error: errors.Rejected, context: Context) -> v1.B2Error:
    status, code, message = error.status, error.code, error.message
    match status, code:
        case 400, "bad_json":
            return v1.BadJson(message)
        case 400, "bad_bucket_id" | "invalid_bucket_id" if context.bucket_id:
            return v1.BucketIdNotFound(context.bucket_id)
        case 400, "duplicate_bucket_name":
            return v1.DuplicateBucketName(context.bucket_name or message)
        case 400, "already_hidden":
            return v1.FileAlreadyHidden(context.file or message)
        case 404, _ if context.authorizes:
            return v1.InvalidArgument("realm", _NO_B2)
        case (400, "no_such_file" | "file_not_present") | (404, _):
            return v1.FileNotPresent(context.file or message or f"{status} {code}")
        case 400, "missing_part":
            return v1.MissingPart(context.file_id or message)
        case 400, "part_sha1_mismatch":
            return v1.PartSha1Mismatch(context.file_id or message)
        case 400, "auth_token_limit":
            return v1.UploadTokenUsedConcurrently(message)
        case 400, "bad_request" if "more than one upload using auth token" in message.lower():
            return v1.UploadTokenUsedConcurrently(message)
        case 400, "bad_request" if context.uploads and "sha1 did not match" in message.lower():
            return v1.FileSha1Mismatch(context.file or message)
        case 400, "invalid_file_info":
            return v1.BadFileInfo(message)
        case 400, "invalid_file_name":
            return v1.UnusableFileName(message)
        case 400, _:
            return v1.BadRequest(message or "bad request", code)
        case 403, "access_denied":
            return v1.AccessDenied(message) if message else v1.AccessDenied()
        case 409, _:
            return v1.Conflict(message) if message else v1.Conflict()
        case 416, _:
            return v1.UnsatisfiableRange()
        case _:
            return v1.UnknownError(f"{status} {code} {message}".rstrip())


# -- 401 and 403


def _unauthorized(code: str, message: str, context: Context) -> v1.Unauthorized:
    match code:
        case "bad_auth_token" | "expired_auth_token":
            return v1.InvalidAuthToken(message or "no message", code)
        case "email_not_verified":
            return v1.EmailNotVerified(message or "verify the e-mail address of the account", code)
        case "no_payment_history":
            return v1.NoPaymentHistory(message or "the account has no payment history", code)
        case _:
            told = message or "unauthorized"
            if context.allowed is not None:
                told = f"{told} for application key {_restrictions(context.allowed)}"
            return v1.Unauthorized(told, code)


def _restrictions(allowed: Mapping[str, Any]) -> str:
    """What a key is restricted to, for a person who wonders why it was refused."""
    told = []
    if not _UNRESTRICTED.issubset(allowed["capabilities"]):
        told.append(f"with capabilities '{','.join(allowed['capabilities'])}'")
    buckets = allowed.get("buckets") or [{"id": allowed["bucketId"], "name": allowed["bucketName"]}]
    names = [each["name"] or each["id"] for each in buckets if each["id"]]
    if names:
        told.append(f"restricted to bucket {', '.join(map(repr, names))}")
    if allowed["namePrefix"]:
        told.append(f"restricted to files that start with '{printable(allowed['namePrefix'])}'")
    return ", ".join(told) if told else "with no restrictions"


_UNRESTRICTED: Final = frozenset(
    {
        "listKeys", "writeKeys", "deleteKeys", "listBuckets", "writeBuckets", "deleteBuckets",
        "listFiles", "readFiles", "shareFiles", "writeFiles", "deleteFiles",
    }
)  # fmt: skip
"""Whoever may do all that there was in b2sdk 1.1.4 is told of no restriction."""


def _cap_exceeded(error: errors.CapExceeded) -> v1.B2Error:
    match error.code:
        case "storage_cap_exceeded":
            return v1.StorageCapExceeded()
        case "transaction_cap_exceeded":
            return v1.TransactionCapExceeded()
        case _:
            return v1.CapExceeded(describe(error))


# -- the line, and the bytes


def _transport(error: errors.Transport, context: Context) -> v1.B2Error:
    told = f"{error.host}: {error.detail}" if error.host else error.detail
    match error.kind:
        case "connect" if error.detail == errors.UNKNOWN_HOST:
            return v1.UnknownHost(error.host) if error.host else v1.UnknownHost()
        case "connect" | "protocol":
            return v1.B2ConnectionError(told)
        case "timeout":
            kind = v1.B2RequestTimeoutDuringUpload if context.uploads else v1.B2RequestTimeout
            return kind(told)
        case "broken":
            return _broken(error.detail, told)
        case _:
            assert_never(error.kind)


def _broken(detail: str, told: str) -> v1.B2Error:
    stopped = _STOPPED.match(detail)
    if stopped is not None:
        return v1.TruncatedOutput(int(stopped.group(1)), int(stopped.group(2)))
    return v1.BrokenPipe(told) if detail.startswith("WriteError") else v1.ConnectionReset(told)


_STOPPED: Final = re.compile(r"the body stopped after (\d+) of (\d+) bytes\Z")
"""What a download that broke off says."""


def _corrupt(error: errors.Corrupt, context: Context) -> v1.B2Error:
    if context.sha1_given:  # it was wrong, and is as wrong the next time
        return v1.FileSha1Mismatch(context.file)
    expected, found = error.expected.removeprefix("SHA-1 "), error.found.removeprefix("SHA-1 ")
    if expected != error.expected:
        detail = describe(error).replace(LAST_MAY_COUNT, "") if error.why else ""
        return v1.ChecksumMismatch("sha1", expected, found, detail)
    return v1.UnexpectedCloudBehaviour(describe(error))


def interpret_b2_error(
    status: int,
    code: str | None,
    message: str | None,
    response_headers: Mapping[str, str] | None,
    post_params: Mapping[str, Any] | None = None,
) -> Exception:
    """The exception for an unsuccessful response of B2; `post_params` are the fields of the request. What the response
    did not say is None.
    """
    said = {"code": code, "message": message}
    headers = {name.lower(): value for name, value in (response_headers or {}).items()}
    value = decode_error(status, headers, msgspec.json.encode(said))
    asked = post_params or {}
    context = Context(asked.get("fileName"), asked.get("fileId"), asked.get("bucketName"), asked.get("bucketId"))
    return exception_of(value, context)
