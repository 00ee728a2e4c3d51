"""What B2 answers: one frozen class per reply shape of API version 4.

Unknown fields are ignored and unknown strings of an enumeration are kept, because B2's lists are open-ended.
Fields that are absent for some keys or file kinds have a default. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from attrs import field, frozen

from b2pure.model.ids import AccountId, BucketId, FileId

__all__ = [
    "AllowedBucket",
    "AllowedReply",
    "ApiInfo",
    "AuthorizationReply",
    "BucketList",
    "BucketReply",
    "CancelReply",
    "DeletedReply",
    "DownloadReply",
    "FileNamePage",
    "FileReply",
    "FileVersionPage",
    "PartPage",
    "PartReply",
    "StorageApi",
    "UnfinishedPage",
    "UploadPartUrlReply",
    "UploadUrlReply",
]


class _Reply(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the JSON replies."""


class AllowedBucket(_Reply, frozen=True):
    """A bucket that a key is restricted to; `name` is None when the bucket is gone."""

    id: BucketId
    name: str | None = None


class AllowedReply(_Reply, frozen=True):
    """`buckets` None means every bucket."""

    capabilities: tuple[str, ...]
    buckets: tuple[AllowedBucket, ...] | None = None
    name_prefix: str | None = None


class StorageApi(_Reply, frozen=True):
    absolute_minimum_part_size: int
    recommended_part_size: int
    api_url: str
    download_url: str
    s3_api_url: str
    allowed: AllowedReply


class ApiInfo(_Reply, frozen=True):
    storage_api: StorageApi


class AuthorizationReply(_Reply, frozen=True):
    """Holds the account token, so its repr says nothing of it."""

    account_id: AccountId
    authorization_token: str
    api_info: ApiInfo
    application_key_expiration_timestamp: int | None = None

    def __repr__(self) -> str:
        return f"AuthorizationReply(account_id={self.account_id!r})"


class BucketReply(_Reply, frozen=True):
    account_id: AccountId
    bucket_id: BucketId
    bucket_name: str
    bucket_type: str
    bucket_info: Mapping[str, str] = {}
    revision: int = 1


class BucketList(_Reply, frozen=True):
    buckets: tuple[BucketReply, ...]


class FileReply(_Reply, frozen=True):
    """The file object of every call that returns one. `content_sha1` is hex, `none`, `unverified:` + hex, or None."""

    account_id: AccountId
    action: str
    bucket_id: BucketId
    content_length: int
    content_sha1: str | None
    content_type: str | None
    file_id: FileId | None
    file_info: Mapping[str, str]
    file_name: str
    upload_timestamp: int
    content_md5: str | None = None


class FileNamePage(_Reply, frozen=True):
    files: tuple[FileReply, ...]
    next_file_name: str | None


class FileVersionPage(_Reply, frozen=True):
    files: tuple[FileReply, ...]
    next_file_name: str | None
    next_file_id: FileId | None


class UnfinishedPage(_Reply, frozen=True):
    files: tuple[FileReply, ...]
    next_file_id: FileId | None


class UploadUrlReply(_Reply, frozen=True):
    """An upload URL with its token; both are secrets and stay out of the repr."""

    bucket_id: BucketId
    upload_url: str
    authorization_token: str

    def __repr__(self) -> str:
        return f"UploadUrlReply(bucket_id={self.bucket_id!r})"


class UploadPartUrlReply(_Reply, frozen=True):
    """As UploadUrlReply, for the parts of one large file."""

    file_id: FileId
    upload_url: str
    authorization_token: str

    def __repr__(self) -> str:
        return f"UploadPartUrlReply(file_id={self.file_id!r})"


class PartReply(_Reply, frozen=True):
    file_id: FileId
    part_number: int
    content_length: int
    content_sha1: str
    content_md5: str | None
    upload_timestamp: int


class PartPage(_Reply, frozen=True):
    parts: tuple[PartReply, ...]
    next_part_number: int | None


class CancelReply(_Reply, frozen=True):
    account_id: AccountId
    bucket_id: BucketId
    file_id: FileId
    file_name: str


class DeletedReply(_Reply, frozen=True):
    file_id: FileId
    file_name: str


@frozen
class DownloadReply:
    """The headers of a download. `content_length` is that of the body, `total_length` that of the whole file;
    `content_sha1` is always that of the whole file, in the forms of FileReply.
    """

    file_id: FileId
    file_name: str
    content_length: int
    total_length: int
    content_type: str
    content_sha1: str | None
    upload_timestamp: int
    file_info: Mapping[str, str] = field(factory=dict)
