"""Bytes on their way: what is read, sent, copied, received and checked.

Rules. What was damaged on its way may go well the next time; what is wrong at its source may not.
"""

from __future__ import annotations

from collections.abc import Sequence

from b2pure.shell.v1.exceptions.base import B2Error, B2SimpleError, TransientErrorMixin

__all__ = [
    "AlreadyFailed",
    "ChecksumMismatch",
    "InvalidMetadataDirective",
    "InvalidRange",
    "InvalidUploadSource",
    "LocalFileError",
    "MaxFileSizeExceeded",
    "MaxRetriesExceeded",
    "MaxValueExceeded",
    "TruncatedOutput",
]


class AlreadyFailed(B2SimpleError):
    """Not begun, because another part of the same work failed before."""


class ChecksumMismatch(TransientErrorMixin, B2Error):
    """The bytes are not the promised ones. `expected` and `actual` are hex digests, `detail` says whose they are."""

    def __init__(self, checksum_type: str, expected: str, actual: str, detail: str = "") -> None:
        super().__init__(checksum_type, expected, actual, *([detail] if detail else []))
        self.checksum_type, self.expected, self.actual, self.detail = checksum_type, expected, actual, detail

    def __str__(self) -> str:
        told = f"{self.checksum_type} checksum mismatch -- bad data"
        return f"{told}: {self.detail}" if self.detail else told


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


MaxValueExceeded = MaxFileSizeExceeded
"""As the documentation of b2sdk 1.1.4 calls it."""
