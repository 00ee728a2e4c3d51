"""The exceptions of the numbered interface: b2sdk.v1's hierarchy, texts and answers to "try again?".

Rules. An exception holds what was wrong and with which name or id, and no key, token or upload URL. `should_retry_http`
says whether the same request may be sent again, `should_retry_upload` whether an upload may be tried with another
upload URL. Which error value becomes which exception is decided in `error_table`, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Final

__all__ = [
    "AccessDenied",
    "AccountInfoError",
    "AccountInfoFileError",
    "AlreadyFailed",
    "B2ConnectionError",
    "B2Error",
    "B2HttpCallbackException",
    "B2HttpCallbackPostRequestException",
    "B2HttpCallbackPreRequestException",
    "B2RequestTimeout",
    "B2RequestTimeoutDuringUpload",
    "B2SimpleError",
    "BadDateFormat",
    "BadFileInfo",
    "BadJson",
    "BadRequest",
    "BadUploadUrl",
    "BrokenPipe",
    "BucketIdNotFound",
    "BucketNotAllowed",
    "CapExceeded",
    "CapabilityNotAllowed",
    "ChecksumMismatch",
    "ClockSkew",
    "CommandError",
    "Conflict",
    "ConnectionReset",
    "CorruptAccountInfo",
    "DestFileNewer",
    "DuplicateBucketName",
    "EmailNotVerified",
    "EnvironmentEncodingError",
    "FileAlreadyHidden",
    "FileNameNotAllowed",
    "FileNotPresent",
    "FileSha1Mismatch",
    "IncompleteSync",
    "InvalidArgument",
    "InvalidAuthToken",
    "InvalidMetadataDirective",
    "InvalidRange",
    "InvalidUploadSource",
    "LocalFileError",
    "MaxFileSizeExceeded",
    "MaxRetriesExceeded",
    "MaxValueExceeded",
    "MissingAccountData",
    "MissingPart",
    "NoPaymentHistory",
    "NonExistentBucket",
    "NonexistentBucket",
    "NotAllowedByAppKeyError",
    "PartSha1Mismatch",
    "RequestTimeout",
    "RestrictedBucket",
    "ServiceError",
    "StorageCapExceeded",
    "TooManyRequests",
    "TransactionCapExceeded",
    "TransientErrorMixin",
    "TruncatedOutput",
    "UnSyncableFilename",
    "Unauthorized",
    "UnexpectedCloudBehaviour",
    "UnknownError",
    "UnknownHost",
    "UnrecognizedBucketType",
    "UnsatisfiableRange",
    "UnusableFileName",
    "UploadTokenUsedConcurrently",
]

_WORD: Final = re.compile(r"[A-Z][a-z0-9]*|[a-z0-9]+")


def _spelled_out(class_name: str) -> str:
    """`AlreadyFailed` as `Already failed`; the leading `B2` says nothing to a person."""
    words = _WORD.findall(class_name.removeprefix("B2"))
    return " ".join(words).capitalize()


class B2Error(Exception):
    """Base of all errors of the numbered interface."""

    prefix: ClassVar[str] = "Error"
    """What the message of a `B2SimpleError` begins with: made of the class's name, unless the class says another."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "prefix" not in vars(cls):
            cls.prefix = _spelled_out(cls.__name__)

    def should_retry_http(self) -> bool:
        """Return true if this is an error that can cause an HTTP call to be retried."""
        return False

    def should_retry_upload(self) -> bool:
        """Return true if this is an error that should tell the upload code to get a new upload URL and try the upload
        again.
        """
        return False


class B2SimpleError(B2Error):
    """A B2Error with a message prefix."""

    def __str__(self) -> str:
        return f"{self.prefix}: {super().__str__()}"


class TransientErrorMixin:
    """What may go well the next time."""

    def should_retry_http(self) -> bool:
        return True

    def should_retry_upload(self) -> bool:
        return True


class _Fixed(B2Error):
    """An error whose text is always the same, whatever it is made with."""

    text: ClassVar[str]

    def __str__(self) -> str:
        return self.text


# -- account info


class AccountInfoError(B2Error):
    """Base class for all account info errors."""


class AccountInfoFileError(AccountInfoError):
    """The file of an account info cannot be made, opened or written. `file_name` is its path, `problem` what is the
    matter, `fix` what helps.
    """

    def __init__(self, file_name: str, problem: str, fix: str) -> None:
        super().__init__(file_name, problem, fix)
        self.file_name, self.problem, self.fix = file_name, problem, fix

    def __str__(self) -> str:
        return f"Account info file ({self.file_name}) {self.problem}. {self.fix}."


class CorruptAccountInfo(AccountInfoError):
    """Raised when an account info file is corrupted."""

    def __init__(self, file_name: str) -> None:
        super().__init__(file_name)
        self.file_name = file_name

    def __str__(self) -> str:
        return (
            f"Account info file ({self.file_name}) appears corrupted. Try removing and then re-authorizing the account."
        )


class MissingAccountData(AccountInfoError):
    """Raised when there is no account info data available."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"Missing account data: {self.key}"


# -- the connection


class B2ConnectionError(TransientErrorMixin, B2SimpleError):
    """No connection, or one that made no sense."""


class B2RequestTimeout(TransientErrorMixin, B2SimpleError):
    """No answer came in time."""


class B2RequestTimeoutDuringUpload(B2RequestTimeout):
    """No answer came in time, and the upload may have taken effect: only another upload URL will do."""

    def should_retry_http(self) -> bool:
        return False


class BrokenPipe(_Fixed):
    """The server closed the connection while the body was sent."""

    text = "Broken pipe: unable to send entire request"

    def should_retry_upload(self) -> bool:
        return True


class ConnectionReset(_Fixed):
    """The connection broke before the whole answer was here."""

    text = "Connection reset"

    def should_retry_upload(self) -> bool:
        return True


class UnknownHost(_Fixed):
    """No such name in the DNS."""

    text = "unknown host"


class BadDateFormat(B2SimpleError):
    prefix = "Date from server"


# -- callbacks


class B2HttpCallbackException(B2SimpleError):
    """Base of what an `HttpCallback` may raise."""


class B2HttpCallbackPreRequestException(B2HttpCallbackException):
    """Raised by `pre_request`: the request must not be sent."""


class B2HttpCallbackPostRequestException(B2HttpCallbackException):
    """Raised by `post_request`: the request counts as failed."""


class ClockSkew(B2HttpCallbackPostRequestException):
    """The clock on the server differs from the local clock by too much.

    `clock_skew_seconds` is how far the local clock is ahead; negative means behind.
    """

    def __init__(self, clock_skew_seconds: float) -> None:
        super().__init__(clock_skew_seconds)
        self.clock_skew_seconds = clock_skew_seconds

    def __str__(self) -> str:
        way = "behind" if self.clock_skew_seconds < 0 else "ahead of"
        return f"ClockSkew: local clock is {abs(self.clock_skew_seconds):g} seconds {way} server"


# -- authorization


class Unauthorized(B2Error):
    """401. `code` tells which kind."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, code)
        self.message, self.code = message, code

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"

    def should_retry_upload(self) -> bool:
        return True


class InvalidAuthToken(Unauthorized):
    """Specific type of Unauthorized that means the auth token is invalid. This is not the case where the auth token is
    valid, but does not allow access.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(f"Invalid authorization token. Server said: {message}", code)


class EmailNotVerified(Unauthorized):
    """The account's e-mail address is not verified yet."""

    def should_retry_upload(self) -> bool:
        return False


class NoPaymentHistory(Unauthorized):
    """The account has not paid anything yet."""

    def should_retry_upload(self) -> bool:
        return False


class NotAllowedByAppKeyError(B2SimpleError):
    """Base class for errors caused by restrictions on an application key."""


class BucketNotAllowed(NotAllowedByAppKeyError):
    """The key is restricted to another bucket."""


class CapabilityNotAllowed(NotAllowedByAppKeyError):
    """The key lacks a capability."""


class FileNameNotAllowed(NotAllowedByAppKeyError):
    """The key is restricted to other names."""


class RestrictedBucket(B2Error):
    """The key is restricted to `bucket_name`."""

    def __init__(self, bucket_name: str) -> None:
        super().__init__(bucket_name)
        self.bucket_name = bucket_name

    def __str__(self) -> str:
        return f"Application key is restricted to bucket: {self.bucket_name}"


# -- what the server refused


class BadRequest(B2Error):
    """400 with a code that has no class of its own."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, code)
        self.message, self.code = message, code

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class BadJson(B2SimpleError):
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
    prefix = "Bucket name is already in use"


class FileAlreadyHidden(B2SimpleError):
    """There is a hide marker already."""


class FileNotPresent(B2SimpleError):
    """There is no such file."""


class NonExistentBucket(B2SimpleError):
    prefix = "No such bucket"


class BucketIdNotFound(NonExistentBucket):
    """There is no bucket with this id."""

    def __init__(self, bucket_id: str) -> None:
        super().__init__(bucket_id)
        self.bucket_id = bucket_id

    def __str__(self) -> str:
        return f"Bucket with id={self.bucket_id} not found"


class MissingPart(B2SimpleError):
    prefix = "Part number has not been uploaded"


class PartSha1Mismatch(B2Error):
    """A part of a large file has another checksum than was said; `key` is the large file's id."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"Part number {self.key} has wrong SHA1"


class FileSha1Mismatch(B2SimpleError):
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
    def __str__(self) -> str:
        return "Cannot upload files, storage cap exceeded."


class TransactionCapExceeded(CapExceeded):
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


class UnsatisfiableRange(_Fixed):
    """416."""

    text = "The range in the request is outside the size of the file"


class UnexpectedCloudBehaviour(B2SimpleError):
    """The cloud did what it never should."""


class UnknownError(B2SimpleError):
    """None of the others."""


class UnrecognizedBucketType(B2Error):
    """A bucket of no known type."""


# -- transfers


class AlreadyFailed(B2SimpleError):
    """Not begun, because another part of the same work failed before."""


class ChecksumMismatch(TransientErrorMixin, B2Error):
    """The bytes are not the promised ones. `expected` and `actual` are hex digests."""

    def __init__(self, checksum_type: str, expected: str, actual: str) -> None:
        super().__init__(checksum_type, expected, actual)
        self.checksum_type, self.expected, self.actual = checksum_type, expected, actual

    def __str__(self) -> str:
        return f"{self.checksum_type} checksum mismatch -- bad data"


class TruncatedOutput(TransientErrorMixin, B2Error):
    """Fewer bytes came than were promised."""

    def __init__(self, bytes_read: int, file_size: int) -> None:
        super().__init__(bytes_read, file_size)
        self.bytes_read, self.file_size = bytes_read, file_size

    def __str__(self) -> str:
        return f"only {self.bytes_read} of {self.file_size} bytes read"


class InvalidRange(B2Error):
    """Another range came than was asked for; `range_` is (first, last) in bytes, both inclusive."""

    def __init__(self, content_length: int, range_: tuple[int, int]) -> None:
        super().__init__(content_length, range_)
        self.content_length, self.range_ = content_length, range_

    def __str__(self) -> str:
        first, last = self.range_
        return (
            f"A range of {first}-{last} was requested (size of {last - first + 1}), "
            f"but cloud could only serve {self.content_length} of that"
        )


class InvalidUploadSource(B2SimpleError):
    """What is to be uploaded cannot be read, or is not a file."""


class LocalFileError(B2Error, OSError):
    """A local file could not be read, written or replaced, or changed meanwhile."""

    def __str__(self) -> str:
        return " ".join(map(str, self.args))


class InvalidMetadataDirective(B2Error):
    """COPY with new metadata, or REPLACE without."""


class MaxFileSizeExceeded(B2Error):
    """Too many bytes for one call."""

    def __init__(self, size: int, max_allowed_size: int) -> None:
        super().__init__(size, max_allowed_size)
        self.size, self.max_allowed_size = size, max_allowed_size

    def __str__(self) -> str:
        return f"Allowed file size exceeded: {self.size} > {self.max_allowed_size}"


class MaxRetriesExceeded(B2Error):
    """An upload failed every time."""

    def __init__(self, limit: int, exception_info_list: Sequence[object]) -> None:
        super().__init__(limit, exception_info_list)
        self.limit, self.exception_info_list = limit, exception_info_list

    def __str__(self) -> str:
        told = "\n".join(map(str, self.exception_info_list))
        return f"FAILED to upload after {self.limit} tries. Encountered exceptions: {told}"


# -- arguments, names, sync


class InvalidArgument(B2Error):
    """Raised when one or more arguments are invalid"""

    def __init__(self, parameter_name: str, message: str) -> None:
        super().__init__(parameter_name, message)
        self.parameter_name, self.message = parameter_name, message

    def __str__(self) -> str:
        return f"{self.parameter_name} {self.message}"


class CommandError(B2Error):
    """b2 command error (user caused). Accepts exactly one argument: message.

    We expect users of shell scripts will parse our __str__ output.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class EnvironmentEncodingError(B2Error):
    """Raised when a file name can not be decoded with system encoding."""

    def __init__(self, filename: object, encoding: str) -> None:
        super().__init__(filename, encoding)
        self.filename, self.encoding = filename, encoding

    def __str__(self) -> str:
        return (
            f"file name {self.filename} cannot be decoded with system encoding ({self.encoding}).\n"
            "We think this is an environment error which you should workaround by\n"
            "setting your system encoding properly, for example like this:\n"
            "export LANG=en_US.UTF-8"
        )


class UnusableFileName(B2SimpleError):
    """Raise when a filename doesn't meet the rules.

    Could possibly use InvalidUploadSource, but this is intended for the filename on the server, which could differ.
    """


class UnSyncableFilename(B2Error):
    """Raised when a filename is not supported by the sync operation"""

    def __init__(self, message: str, filename: str) -> None:
        super().__init__(message, filename)
        self.message, self.filename = message, filename

    def __str__(self) -> str:
        return f"{self.message}: {self.filename}"


class DestFileNewer(B2Error):
    """The destination has a newer file than the source."""

    def __init__(self, dest_file: Any, source_file: Any, dest_prefix: str, source_prefix: str) -> None:
        super().__init__(dest_file, source_file, dest_prefix, source_prefix)
        self.dest_file, self.source_file = dest_file, source_file
        self.dest_prefix, self.source_prefix = dest_prefix, source_prefix

    def __str__(self) -> str:
        source, dest = self.source_file, self.dest_file
        return (
            f"source file is older than destination: {self.source_prefix}{source.name} "
            f"with a time of {source.latest_version().mod_time} cannot be synced to {self.dest_prefix}{dest.name} "
            f"with a time of {dest.latest_version().mod_time}, unless a valid newer_file_mode is provided"
        )

    def should_retry_http(self) -> bool:
        return True


class IncompleteSync(B2SimpleError):
    """Some of the files of a sync failed."""


NonexistentBucket = NonExistentBucket
"""As the documentation of b2sdk 1.1.4 spells it."""
MaxValueExceeded = MaxFileSizeExceeded
"""As the documentation of b2sdk 1.1.4 calls it."""
