"""Who may do what: the key, the token, and the file that keeps them.

Rules. A text tells what a key is restricted to, and no key or token.
"""

from __future__ import annotations

import sqlite3

from b2pure.shell.v1.exceptions.base import B2Error, B2SimpleError

__all__ = [
    "AccountInfoError",
    "AccountInfoFileError",
    "BucketNotAllowed",
    "CapabilityNotAllowed",
    "CorruptAccountInfo",
    "EmailNotVerified",
    "FileNameNotAllowed",
    "InvalidAuthToken",
    "MissingAccountData",
    "NoPaymentHistory",
    "NotAllowedByAppKeyError",
    "RestrictedBucket",
    "Unauthorized",
]


class AccountInfoError(B2Error):
    """Base class for all account info errors."""


class AccountInfoFileError(AccountInfoError, sqlite3.OperationalError):
    """The file of an account info cannot be made, opened or written. `file_name` is its path, `problem` what is the
    matter, `fix` what helps. b2sdk lets the error of sqlite through, so it is one of these, too.
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
