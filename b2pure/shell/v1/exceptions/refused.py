"""What B2 refused, or could not do, by its status and code.

Rules. A message is the server's own, after the tokens were taken out of it.
"""

from __future__ import annotations

from typing import Any

from b2pure.shell.v1.exceptions.base import B2Error, B2SimpleError, FixedText, TransientErrorMixin

__all__ = [
    "AccessDenied",
    "BadFileInfo",
    "BadJson",
    "BadRequest",
    "BadUploadUrl",
    "BucketIdNotFound",
    "CapExceeded",
    "Conflict",
    "DuplicateBucketName",
    "FileAlreadyHidden",
    "FileNotPresent",
    "FileSha1Mismatch",
    "MissingPart",
    "NonExistentBucket",
    "NonexistentBucket",
    "PartSha1Mismatch",
    "RequestTimeout",
    "ServiceError",
    "StorageCapExceeded",
    "TooManyRequests",
    "TransactionCapExceeded",
    "UnexpectedCloudBehaviour",
    "UnknownError",
    "UnrecognizedBucketType",
    "UnsatisfiableRange",
    "UploadTokenUsedConcurrently",
]


class BadRequest(B2Error):
    """400 with a code that has no class of its own."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, code)
        self.message, self.code = message, code

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class BadJson(B2SimpleError):
    """B2 cannot make sense of the request."""

    prefix = "Bad request"


class BadUploadUrl(B2SimpleError):
    """The upload URL is used by somebody else, or good for nothing any more."""

    def should_retry_upload(self) -> bool:
        return True


class UploadTokenUsedConcurrently(BadUploadUrl):
    """Two uploads used one upload URL and its token at once. The token itself is not told."""


class BadFileInfo(B2SimpleError):
    """The file info breaks B2's rules."""


class Conflict(B2SimpleError):
    """409: the bucket has another revision."""


class DuplicateBucketName(B2SimpleError):
    """Somebody has a bucket of that name."""

    prefix = "Bucket name is already in use"


class FileAlreadyHidden(B2SimpleError):
    """There is a hide marker already."""


class FileNotPresent(B2SimpleError):
    """There is no such file."""


class NonExistentBucket(B2SimpleError):
    """There is no such bucket, or the key may not see it."""

    prefix = "No such bucket"


class BucketIdNotFound(NonExistentBucket):
    """There is no bucket with this id."""

    def __init__(self, bucket_id: str) -> None:
        super().__init__(bucket_id)
        self.bucket_id = bucket_id

    def __str__(self) -> str:
        return f"Bucket with id={self.bucket_id} not found"


class MissingPart(B2SimpleError):
    """A large file cannot be finished: a part that it is to have was not sent."""

    prefix = "Part number has not been uploaded"


class PartSha1Mismatch(B2Error):
    """A part of a large file has another checksum than was said; `key` is the large file's id."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"Part number {self.key} has wrong SHA1"


class FileSha1Mismatch(B2SimpleError):
    """What came to B2 is not what its SHA-1 promised."""

    prefix = "Upload file SHA1 mismatch"


class AccessDenied(B2Error):
    """403: the lock, or the encryption key, of a file does not allow it."""

    def __str__(self) -> str:
        return super().__str__() or "This call with these parameters is not allowed for this auth token"


class CapExceeded(B2Error):
    """403: a cap that the account's owner set."""

    def __str__(self) -> str:
        return super().__str__() or "Cap exceeded."


class StorageCapExceeded(CapExceeded):
    """The account may store no more."""

    def __str__(self) -> str:
        return "Cannot upload files, storage cap exceeded."


class TransactionCapExceeded(CapExceeded):
    """The account may make no more calls of this kind today."""

    def __str__(self) -> str:
        return "Cannot perform the operation, transaction cap exceeded."


class TooManyRequests(B2Error):
    """429. `retry_after_seconds` is the server's wish, if it said one."""

    def __init__(self, retry_after_seconds: float | None = None) -> None:
        super().__init__(retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return "Too many requests"

    def should_retry_http(self) -> bool:
        return True


class ServiceError(TransientErrorMixin, B2Error):
    """Used for HTTP status codes 500 through 599. `retry_after_seconds` is the server's wish, if it said one."""

    def __init__(self, *args: Any, retry_after_seconds: float | None = None) -> None:
        super().__init__(*args)
        self.retry_after_seconds = retry_after_seconds


class RequestTimeout(TransientErrorMixin, B2Error):
    """408: the body of the request came too slowly."""


class UnsatisfiableRange(FixedText):
    """416."""

    text = "The range in the request is outside the size of the file"


class UnexpectedCloudBehaviour(B2SimpleError):
    """The cloud did what it never should."""


class UnknownError(B2SimpleError):
    """None of the others."""


class UnrecognizedBucketType(B2Error):
    """A bucket of no known type."""


NonexistentBucket = NonExistentBucket
"""As the documentation of b2sdk 1.1.4 spells it."""
