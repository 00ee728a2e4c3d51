"""What B2 answers: one frozen class per reply shape of API version 4.

Unknown fields are ignored and unknown strings of an enumeration are kept, because B2's lists are open-ended.
Fields that are absent for some keys or file kinds have a default. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from attrs import field, frozen

from b2pure.model.buckets import (
    NO_ENCRYPTION,
    NO_FILE_LOCK,
    NO_REPLICATION,
    CorsRule,
    DefaultEncryptionReply,
    FileLockReply,
    LifecycleRule,
    NotificationRule,
    ReplicationReply,
)
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.protection import (
    UNENCRYPTED,
    EncryptionReply,
    LegalHoldReply,
    RetentionReply,
    RetentionValue,
)

__all__ = [
    "AllowedBucket",
    "AllowedReply",
    "ApiInfo",
    "AuthorizationReply",
    "BucketList",
    "BucketReply",
    "CancelReply",
    "CreatedKeyReply",
    "DeletedReply",
    "DownloadAuthorizationReply",
    "DownloadReply",
    "FileLegalHoldReply",
    "FileNamePage",
    "FileReply",
    "FileRetentionReply",
    "FileVersionPage",
    "KeyPage",
    "KeyReply",
    "ListedInfo",
    "ListedPage",
    "ListedVersion",
    "NotificationRulesReply",
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
    """Sizes of parts in bytes, the addresses of B2's services, and what the key may do."""

    absolute_minimum_part_size: int
    recommended_part_size: int
    api_url: str
    download_url: str
    s3_api_url: str
    allowed: AllowedReply


class ApiInfo(_Reply, frozen=True):
    """What of the account there is for the native API. B2 tells of other APIs, too; they are not read."""

    storage_api: StorageApi


class AuthorizationReply(_Reply, frozen=True):
    """Holds the account token, so its repr says nothing of it. `server_millis` is B2's clock (milliseconds since the
    epoch, in whole seconds): it is the response's `Date`, and not in its body.
    """

    account_id: AccountId
    authorization_token: str
    api_info: ApiInfo
    application_key_expiration_timestamp: int | None = None
    server_millis: int | None = None

    def __repr__(self) -> str:
        return f"AuthorizationReply(account_id={self.account_id!r})"


class BucketReply(_Reply, frozen=True):
    """A bucket with its settings. Those that a key may not read say so themselves."""

    account_id: AccountId
    bucket_id: BucketId
    bucket_name: str
    bucket_type: str
    bucket_info: Mapping[str, str] = {}
    revision: int = 1
    cors_rules: tuple[CorsRule, ...] = ()
    lifecycle_rules: tuple[LifecycleRule, ...] = ()
    options: tuple[str, ...] = ()
    default_server_side_encryption: DefaultEncryptionReply = NO_ENCRYPTION
    file_lock_configuration: FileLockReply = NO_FILE_LOCK
    replication_configuration: ReplicationReply = NO_REPLICATION


class BucketList(_Reply, frozen=True):
    """Those buckets that were asked for and that the key may see."""

    buckets: tuple[BucketReply, ...]


class NotificationRulesReply(_Reply, frozen=True):
    """All notification rules of a bucket."""

    bucket_id: BucketId
    event_notification_rules: tuple[NotificationRule, ...]


class KeyReply(_Reply, frozen=True):
    """An application key without its secret. `bucket_ids` and `name_prefix` None mean no restriction."""

    account_id: AccountId
    application_key_id: str
    key_name: str
    capabilities: tuple[str, ...]
    bucket_ids: tuple[BucketId, ...] | None = None
    name_prefix: str | None = None
    expiration_timestamp: int | None = None
    options: tuple[str, ...] = ()


class CreatedKeyReply(KeyReply, frozen=True, kw_only=True):
    """A new key with its secret, which B2 tells this once and which stays out of the repr."""

    application_key: str

    def __repr__(self) -> str:
        return f"CreatedKeyReply(application_key_id={self.application_key_id!r}, key_name={self.key_name!r})"


class KeyPage(_Reply, frozen=True):
    """Keys, and the id at which the next page begins; None: this was the last."""

    keys: tuple[KeyReply, ...]
    next_application_key_id: str | None


class FileReply(_Reply, frozen=True, gc=False):
    """The file object of every call that returns one. `content_sha1` is hex, `none`, `unverified:` + hex, or None.
    Hide markers and folders have neither encryption nor retention nor legal hold.
    """

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
    server_side_encryption: EncryptionReply | None = None
    file_retention: RetentionReply | None = None
    legal_hold: LegalHoldReply | None = None
    replication_status: str | None = None


class FileNamePage(_Reply, frozen=True):
    """The newest version of each visible file, and the name at which the next page begins; None: this was the last."""

    files: tuple[FileReply, ...]
    next_file_name: str | None


class FileVersionPage(_Reply, frozen=True):
    """Versions, and the pair at which the next page begins; both None: this was the last."""

    files: tuple[FileReply, ...]
    next_file_name: str | None
    next_file_id: FileId | None


class ListedInfo(msgspec.Struct, frozen=True, gc=False):
    """Of the file info, what a sync writes there itself. The keys are those of B2's documentation."""

    src_last_modified_millis: str | None = None
    large_file_sha1: str | None = None


class ListedVersion(_Reply, frozen=True, gc=False):
    """Of a FileReply, what a sync compares. A bucket has as many as versions, and most are looked at once."""

    action: str
    content_length: int
    content_sha1: str | None
    file_id: FileId | None
    file_info: ListedInfo
    file_name: str
    upload_timestamp: int


class ListedPage(_Reply, frozen=True):
    """A FileVersionPage of such."""

    files: tuple[ListedVersion, ...]
    next_file_name: str | None
    next_file_id: FileId | None


class UnfinishedPage(_Reply, frozen=True):
    """Large files that are not finished, and the id at which the next page begins; None: this was the last."""

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
    """A part of a large file. `content_length` is in bytes, `content_sha1` in hex."""

    file_id: FileId
    part_number: int
    content_length: int
    content_sha1: str
    content_md5: str | None
    upload_timestamp: int
    server_side_encryption: EncryptionReply | None = None


class PartPage(_Reply, frozen=True):
    """Parts by number, and the number at which the next page begins; None: this was the last."""

    parts: tuple[PartReply, ...]
    next_part_number: int | None


class CancelReply(_Reply, frozen=True):
    """The large file that was cancelled."""

    account_id: AccountId
    bucket_id: BucketId
    file_id: FileId
    file_name: str


class DeletedReply(_Reply, frozen=True):
    """The version that was deleted."""

    file_id: FileId
    file_name: str


class DownloadAuthorizationReply(_Reply, frozen=True):
    """A token that reads the files of a bucket below a prefix, by name; a secret, so the repr says nothing of it."""

    bucket_id: BucketId
    file_name_prefix: str
    authorization_token: str

    def __repr__(self) -> str:
        return f"DownloadAuthorizationReply(bucket_id={self.bucket_id!r}, prefix={self.file_name_prefix!r})"


class FileRetentionReply(_Reply, frozen=True):
    """The retention that a version has now."""

    file_id: FileId
    file_name: str
    file_retention: RetentionValue


class FileLegalHoldReply(_Reply, frozen=True):
    """The legal hold that a version has now: `"on"` or `"off"`."""

    file_id: FileId
    file_name: str
    legal_hold: str


@frozen
class DownloadReply:
    """The headers of a download. `content_length` is that of the body, `total_length` that of the whole file;
    `content_sha1` is always that of the whole file, in the forms of FileReply. `retention` and `legal_hold` are None
    where none is set or the key may not read them (`unreadable` has the names of the headers withheld).
    """

    file_id: FileId
    file_name: str
    content_length: int
    total_length: int
    content_type: str
    content_sha1: str | None
    upload_timestamp: int
    file_info: Mapping[str, str] = field(factory=dict)
    encryption: EncryptionReply = UNENCRYPTED
    retention: RetentionValue | None = None
    legal_hold: str | None = None
    replication_status: str | None = None
    unreadable: tuple[str, ...] = ()
