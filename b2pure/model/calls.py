"""The calls of B2's native API (version 4), one frozen class each, with the type of its reply.

Rules: a call is data, without credentials; `token` says which kind of credential the shell must add; `capability` is
what a key needs (b2_list_parts really needs writeFiles); `billing` is the transaction class of Backblaze's price
list. Field names are B2's own in snake_case, so that the JSON form of a call is its fields in camelCase.
Unset optional fields are None and are left out of a request, which B2 takes for the default, or for "as it was".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Generic, Literal, TypeVar

import msgspec

from b2pure.model import replies
from b2pure.model.buckets import (
    CorsRule,
    DefaultEncryption,
    DefaultRetention,
    LifecycleRule,
    NotificationRule,
    ReplicationConfiguration,
)
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.protection import Encryption, FileRetention, LegalHold, SseC
from b2pure.model.sources import Body

__all__ = [
    "ALL_CALLS",
    "HEX_DIGITS_AT_END",
    "AnyCall",
    "AuthorizeAccount",
    "BillingClass",
    "Call",
    "CancelLargeFile",
    "CopyFile",
    "CopyPart",
    "CreateBucket",
    "CreateKey",
    "DeleteBucket",
    "DeleteFileVersion",
    "DeleteKey",
    "DownloadFileById",
    "DownloadFileByName",
    "FetchCall",
    "FinishLargeFile",
    "GetBucketNotificationRules",
    "GetDownloadAuthorization",
    "GetFileInfo",
    "GetUploadPartUrl",
    "GetUploadUrl",
    "HideFile",
    "ListBuckets",
    "ListFileNames",
    "ListFileVersions",
    "ListKeys",
    "ListParts",
    "ListUnfinishedLargeFiles",
    "ListVersionsToCompare",
    "SendCall",
    "SetBucketNotificationRules",
    "StartLargeFile",
    "TokenKind",
    "UpdateBucket",
    "UpdateFileLegalHold",
    "UpdateFileRetention",
    "UploadCall",
    "UploadFile",
    "UploadPart",
]

R_co = TypeVar("R_co", covariant=True)

TokenKind = Literal["key", "account", "upload_url"]
BillingClass = Literal["A", "B", "C"]

HEX_DIGITS_AT_END = "hex_digits_at_end"
"""Value of X-Bz-Content-Sha1 that says: the last 40 bytes of the body are the digest."""


class Call(msgspec.Struct, Generic[R_co], frozen=True, gc=False, rename="camel"):
    """A request to B2 that answers with an `R_co`."""

    name: ClassVar[str]
    reply: ClassVar[type]
    token: ClassVar[TokenKind] = "account"
    capability: ClassVar[str | None]
    billing: ClassVar[BillingClass]


class AuthorizeAccount(Call[replies.AuthorizationReply], frozen=True):
    """Exchange a key for an account token, which is good for a day at most, and for the addresses to talk to."""

    name = "b2_authorize_account"
    reply = replies.AuthorizationReply
    token = "key"
    capability = None
    billing = "C"


class CreateKey(Call[replies.CreatedKeyReply], frozen=True):
    """A new application key. `bucket_ids` and `name_prefix` None mean no restriction."""

    name = "b2_create_key"
    reply = replies.CreatedKeyReply
    capability = "writeKeys"
    billing = "C"

    account_id: AccountId
    capabilities: tuple[str, ...]
    key_name: str
    valid_duration_in_seconds: int | None = None
    bucket_ids: tuple[BucketId, ...] | None = None
    name_prefix: str | None = None


class DeleteKey(Call[replies.KeyReply], frozen=True):
    """The key is of no use from then on."""

    name = "b2_delete_key"
    reply = replies.KeyReply
    capability = "deleteKeys"
    billing = "A"

    application_key_id: str


class ListKeys(Call[replies.KeyPage], frozen=True):
    """Application keys by id; the master key is not among them. The start is inclusive."""

    name = "b2_list_keys"
    reply = replies.KeyPage
    capability = "listKeys"
    billing = "C"

    account_id: AccountId
    max_key_count: int | None = None
    start_application_key_id: str | None = None


class ListBuckets(Call[replies.BucketList], frozen=True):
    """Buckets by name order; a restricted key must name its bucket. `bucket_types` may be `("all",)`."""

    name = "b2_list_buckets"
    reply = replies.BucketList
    capability = "listBuckets"
    billing = "C"

    account_id: AccountId
    bucket_id: BucketId | None = None
    bucket_name: str | None = None
    bucket_types: tuple[str, ...] | None = None


class CreateBucket(Call[replies.BucketReply], frozen=True):
    """A new bucket. Its name must be new in all of B2. `bucket_type` is `allPrivate` or `allPublic`."""

    name = "b2_create_bucket"
    reply = replies.BucketReply
    capability = "writeBuckets"
    billing = "C"

    account_id: AccountId
    bucket_name: str
    bucket_type: str = "allPrivate"
    bucket_info: Mapping[str, str] | None = None
    cors_rules: tuple[CorsRule, ...] | None = None
    lifecycle_rules: tuple[LifecycleRule, ...] | None = None
    file_lock_enabled: bool | None = None
    default_server_side_encryption: DefaultEncryption | None = None
    replication_configuration: ReplicationConfiguration | None = None


class DeleteBucket(Call[replies.BucketReply], frozen=True):
    """The bucket must be empty: no version, no hide marker, no unfinished large file."""

    name = "b2_delete_bucket"
    reply = replies.BucketReply
    capability = "deleteBuckets"
    billing = "A"

    account_id: AccountId
    bucket_id: BucketId


class UpdateBucket(Call[replies.BucketReply], frozen=True):
    """What is given replaces what was; None leaves it. `if_revision_is` makes it conditional."""

    name = "b2_update_bucket"
    reply = replies.BucketReply
    capability = "writeBuckets"
    billing = "C"

    account_id: AccountId
    bucket_id: BucketId
    bucket_type: str | None = None
    bucket_info: Mapping[str, str] | None = None
    cors_rules: tuple[CorsRule, ...] | None = None
    lifecycle_rules: tuple[LifecycleRule, ...] | None = None
    default_retention: DefaultRetention | None = None
    default_server_side_encryption: DefaultEncryption | None = None
    file_lock_enabled: bool | None = None
    replication_configuration: ReplicationConfiguration | None = None
    if_revision_is: int | None = None


class GetBucketNotificationRules(Call[replies.NotificationRulesReply], frozen=True):
    """All notification rules of a bucket."""

    name = "b2_get_bucket_notification_rules"
    reply = replies.NotificationRulesReply
    capability = "readBucketNotifications"
    billing = "C"

    bucket_id: BucketId


class SetBucketNotificationRules(Call[replies.NotificationRulesReply], frozen=True):
    """Replaces all rules of the bucket."""

    name = "b2_set_bucket_notification_rules"
    reply = replies.NotificationRulesReply
    capability = "writeBucketNotifications"
    billing = "C"

    bucket_id: BucketId
    event_notification_rules: tuple[NotificationRule, ...]


class ListFileNames(Call[replies.FileNamePage], frozen=True):
    """Visible files only, newest version each. `start_file_name` is inclusive and need not exist."""

    name = "b2_list_file_names"
    reply = replies.FileNamePage
    capability = "listFiles"
    billing = "C"

    bucket_id: BucketId
    start_file_name: str | None = None
    max_file_count: int | None = None
    prefix: str | None = None
    delimiter: str | None = None


class _VersionsCall(Call[R_co], frozen=True):
    name = "b2_list_file_versions"
    capability = "listFiles"
    billing = "C"

    bucket_id: BucketId
    start_file_name: str | None = None
    start_file_id: FileId | None = None
    max_file_count: int | None = None
    prefix: str | None = None
    delimiter: str | None = None


class ListFileVersions(_VersionsCall[replies.FileVersionPage], frozen=True):
    """All versions, names in byte order, versions newest first. The start pair is inclusive."""

    reply = replies.FileVersionPage


class ListVersionsToCompare(_VersionsCall[replies.ListedPage], frozen=True):
    """ListFileVersions, of whose answer only that is read which a sync compares: it is the same request."""

    reply = replies.ListedPage


class GetFileInfo(Call[replies.FileReply], frozen=True):
    """One version of a file, by its id."""

    name = "b2_get_file_info"
    reply = replies.FileReply
    capability = "readFiles"
    billing = "B"

    file_id: FileId


class GetUploadUrl(Call[replies.UploadUrlReply], frozen=True):
    """An upload URL of a bucket, and its token: for one upload at a time."""

    name = "b2_get_upload_url"
    reply = replies.UploadUrlReply
    capability = "writeFiles"
    billing = "A"

    bucket_id: BucketId


class UploadFile(Call[replies.FileReply], frozen=True):
    """Headers and a body, to an upload URL. `content_sha1` is 40 hex digits, `hex_digits_at_end` (the body is
    followed by its digest, which the sender computes while it sends) or `do_not_verify`.
    """

    name = "b2_upload_file"
    reply = replies.FileReply
    token = "upload_url"
    capability = None
    billing = "A"

    file_name: str
    content_type: str
    content_sha1: str
    file_info: Mapping[str, str]
    body: Body
    file_retention: FileRetention | None = None
    legal_hold: LegalHold | None = None
    server_side_encryption: Encryption | None = None
    custom_upload_timestamp: int | None = None


class StartLargeFile(Call[replies.FileReply], frozen=True):
    """Begin a large file. What it is to be is said here; its parts follow."""

    name = "b2_start_large_file"
    reply = replies.FileReply
    capability = "writeFiles"
    billing = "A"

    bucket_id: BucketId
    file_name: str
    content_type: str
    file_info: Mapping[str, str] = {}
    file_retention: FileRetention | None = None
    legal_hold: LegalHold | None = None
    server_side_encryption: Encryption | None = None
    custom_upload_timestamp: int | None = None


class GetUploadPartUrl(Call[replies.UploadPartUrlReply], frozen=True):
    """An upload URL of a large file, and its token: for one part at a time."""

    name = "b2_get_upload_part_url"
    reply = replies.UploadPartUrlReply
    capability = "writeFiles"
    billing = "A"

    file_id: FileId


class UploadPart(Call[replies.PartReply], frozen=True):
    """Part numbers start at 1. Sending a number again replaces the part. The parts of an SSE-C file need its key."""

    name = "b2_upload_part"
    reply = replies.PartReply
    token = "upload_url"
    capability = None
    billing = "A"

    part_number: int
    content_sha1: str
    body: Body
    server_side_encryption: SseC | None = None


class CopyPart(Call[replies.PartReply], frozen=True):
    """`range` is an HTTP range, `bytes=a-b`, whose end is inclusive."""

    name = "b2_copy_part"
    reply = replies.PartReply
    capability = "writeFiles"
    billing = "C"

    source_file_id: FileId
    large_file_id: FileId
    part_number: int
    range: str | None = None
    source_server_side_encryption: SseC | None = None
    destination_server_side_encryption: Encryption | None = None


class FinishLargeFile(Call[replies.FileReply], frozen=True):
    """Make a file of the parts that were sent. `part_sha1_array` has their SHA-1 in hex, by part number."""

    name = "b2_finish_large_file"
    reply = replies.FileReply
    capability = "writeFiles"
    billing = "A"

    file_id: FileId
    part_sha1_array: tuple[str, ...]


class CancelLargeFile(Call[replies.CancelReply], frozen=True):
    """Give up a large file that is not finished. Its parts go."""

    name = "b2_cancel_large_file"
    reply = replies.CancelReply
    capability = "writeFiles"
    billing = "A"

    file_id: FileId


class ListParts(Call[replies.PartPage], frozen=True):
    """Needs writeFiles, not listFiles."""

    name = "b2_list_parts"
    reply = replies.PartPage
    capability = "writeFiles"
    billing = "C"

    file_id: FileId
    start_part_number: int | None = None
    max_part_count: int | None = None


class ListUnfinishedLargeFiles(Call[replies.UnfinishedPage], frozen=True):
    """At most 100 a page; the prefix has another name here than in the other lists."""

    name = "b2_list_unfinished_large_files"
    reply = replies.UnfinishedPage
    capability = "listFiles"
    billing = "C"

    bucket_id: BucketId
    name_prefix: str | None = None
    start_file_id: FileId | None = None
    max_file_count: int | None = None


class CopyFile(Call[replies.FileReply], frozen=True):
    """`metadata_directive` is COPY (content type and info of the source) or REPLACE (both given)."""

    name = "b2_copy_file"
    reply = replies.FileReply
    capability = "writeFiles"
    billing = "C"

    source_file_id: FileId
    file_name: str
    destination_bucket_id: BucketId | None = None
    range: str | None = None
    metadata_directive: Literal["COPY", "REPLACE"] = "COPY"
    content_type: str | None = None
    file_info: Mapping[str, str] | None = None
    file_retention: FileRetention | None = None
    legal_hold: LegalHold | None = None
    source_server_side_encryption: SseC | None = None
    destination_server_side_encryption: Encryption | None = None


class HideFile(Call[replies.FileReply], frozen=True):
    """Put a hide marker above the versions of a file, which stay."""

    name = "b2_hide_file"
    reply = replies.FileReply
    capability = "writeFiles"
    billing = "A"

    bucket_id: BucketId
    file_name: str


class DeleteFileVersion(Call[replies.DeletedReply], frozen=True):
    """Delete one version for good. `bypass_governance` also where its retention says otherwise, if the key may."""

    name = "b2_delete_file_version"
    reply = replies.DeletedReply
    capability = "deleteFiles"
    billing = "A"

    file_name: str
    file_id: FileId
    bypass_governance: bool = False


class UpdateFileRetention(Call[replies.FileRetentionReply], frozen=True):
    """`NO_RETENTION` takes it away. Weakening governance needs `bypass_governance`; compliance only gets longer."""

    name = "b2_update_file_retention"
    reply = replies.FileRetentionReply
    capability = "writeFileRetentions"
    billing = "A"

    file_name: str
    file_id: FileId
    file_retention: FileRetention
    bypass_governance: bool = False


class UpdateFileLegalHold(Call[replies.FileLegalHoldReply], frozen=True):
    """Put a legal hold on one version, or take it away. With one it cannot be deleted."""

    name = "b2_update_file_legal_hold"
    reply = replies.FileLegalHoldReply
    capability = "writeFileLegalHolds"
    billing = "A"

    file_name: str
    file_id: FileId
    legal_hold: LegalHold


class GetDownloadAuthorization(Call[replies.DownloadAuthorizationReply], frozen=True):
    """A token for downloads by name below a prefix. What is given of `b2_...` must be asked for by the download."""

    name = "b2_get_download_authorization"
    reply = replies.DownloadAuthorizationReply
    capability = "shareFiles"
    billing = "C"

    bucket_id: BucketId
    file_name_prefix: str
    valid_duration_in_seconds: int
    b2_content_disposition: str | None = None
    b2_content_language: str | None = None
    b2_expires: str | None = None
    b2_cache_control: str | None = None
    b2_content_encoding: str | None = None
    b2_content_type: str | None = None


class DownloadFileById(Call[replies.DownloadReply], frozen=True):
    """`range` is an HTTP range. The content goes to a sink, the reply has the headers. What is given of `b2_...` takes
    the place of the header that the answer would have.
    """

    name = "b2_download_file_by_id"
    reply = replies.DownloadReply
    capability = "readFiles"
    billing = "B"

    file_id: FileId
    range: str | None = None
    server_side_encryption: SseC | None = None
    b2_content_disposition: str | None = None
    b2_content_language: str | None = None
    b2_expires: str | None = None
    b2_cache_control: str | None = None
    b2_content_encoding: str | None = None
    b2_content_type: str | None = None


class DownloadFileByName(Call[replies.DownloadReply], frozen=True):
    """As DownloadFileById, of the newest version of that name."""

    name = "b2_download_file_by_name"
    reply = replies.DownloadReply
    capability = "readFiles"
    billing = "B"

    bucket_name: str
    file_name: str
    range: str | None = None
    server_side_encryption: SseC | None = None
    b2_content_disposition: str | None = None
    b2_content_language: str | None = None
    b2_expires: str | None = None
    b2_cache_control: str | None = None
    b2_content_encoding: str | None = None
    b2_content_type: str | None = None


FetchCall = DownloadFileById | DownloadFileByName
"""The calls whose reply has a content."""

UploadCall = UploadFile | UploadPart
"""The calls that go to an upload URL and have a body."""

SendCall = (
    AuthorizeAccount
    | CreateKey
    | DeleteKey
    | ListKeys
    | ListBuckets
    | CreateBucket
    | DeleteBucket
    | UpdateBucket
    | GetBucketNotificationRules
    | SetBucketNotificationRules
    | ListFileNames
    | ListFileVersions
    | ListVersionsToCompare
    | GetFileInfo
    | GetUploadUrl
    | UploadFile
    | StartLargeFile
    | GetUploadPartUrl
    | UploadPart
    | CopyPart
    | FinishLargeFile
    | CancelLargeFile
    | ListParts
    | ListUnfinishedLargeFiles
    | CopyFile
    | HideFile
    | DeleteFileVersion
    | UpdateFileRetention
    | UpdateFileLegalHold
    | GetDownloadAuthorization
)
"""The calls whose whole reply is JSON."""

AnyCall = SendCall | FetchCall

ALL_CALLS: tuple[type[Call[object]], ...] = (
    AuthorizeAccount, CreateKey, DeleteKey, ListKeys,
    ListBuckets, CreateBucket, DeleteBucket, UpdateBucket, GetBucketNotificationRules, SetBucketNotificationRules,
    ListFileNames, ListFileVersions, GetFileInfo, GetUploadUrl, UploadFile, StartLargeFile, GetUploadPartUrl,
    UploadPart, CopyPart, FinishLargeFile, CancelLargeFile, ListParts, ListUnfinishedLargeFiles, CopyFile, HideFile,
    DeleteFileVersion, UpdateFileRetention, UpdateFileLegalHold, GetDownloadAuthorization,
    DownloadFileById, DownloadFileByName,
)  # fmt: skip
"""Each of B2's calls once."""
