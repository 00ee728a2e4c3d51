"""The settings of a bucket: lifecycle and CORS rules, default encryption, object lock, replication, notifications.

Rules. The same classes are sent and come back, so enumerations are plain strings, which B2 checks; lists are tuples.
Days and seconds are as named. Sources: Backblaze's documentation of b2_update_bucket and
b2_set_bucket_notification_rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from b2pure.model.ids import BucketId
from b2pure.model.protection import UNENCRYPTED, EncryptionReply, SseB2

__all__ = [
    "NO_DEFAULT_RETENTION",
    "NO_ENCRYPTION",
    "NO_FILE_LOCK",
    "NO_REPLICATION",
    "CorsRule",
    "CustomHeader",
    "DefaultEncryption",
    "DefaultEncryptionReply",
    "DefaultRetention",
    "FileLockConfiguration",
    "FileLockReply",
    "LifecycleRule",
    "NoDefaultEncryption",
    "NotificationRule",
    "ReplicationConfiguration",
    "ReplicationDestination",
    "ReplicationReply",
    "ReplicationRule",
    "ReplicationSource",
    "RetentionPeriod",
    "WebhookTarget",
]


class _Setting(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the settings."""


class LifecycleRule(_Setting, frozen=True):
    """What happens to files whose names start with the prefix. None: nothing of that kind."""

    file_name_prefix: str
    days_from_hiding_to_deleting: int | None = None
    days_from_uploading_to_hiding: int | None = None
    days_from_starting_to_canceling_unfinished_large_files: int | None = None


class CorsRule(_Setting, frozen=True):
    """Which pages of other origins a browser lets in."""

    cors_rule_name: str
    allowed_origins: tuple[str, ...]
    allowed_operations: tuple[str, ...]
    max_age_seconds: int
    allowed_headers: tuple[str, ...] | None = None
    expose_headers: tuple[str, ...] | None = None


class NoDefaultEncryption(_Setting, frozen=True, tag_field="mode", tag="none"):
    """Sent to take a default encryption away."""


DefaultEncryption = SseB2 | NoDefaultEncryption
"""What a bucket's default can be set to. SSE-C never is a default."""


class DefaultEncryptionReply(_Setting, frozen=True):
    """`value` None: the key may not read it."""

    is_client_authorized_to_read: bool
    value: EncryptionReply | None


class RetentionPeriod(_Setting, frozen=True):
    """`unit` is days or years."""

    duration: int
    unit: str


class DefaultRetention(_Setting, frozen=True):
    """The retention of new files; both None: none."""

    mode: str | None = None
    period: RetentionPeriod | None = None


NO_DEFAULT_RETENTION: Final = DefaultRetention()


class FileLockConfiguration(_Setting, frozen=True):
    """Whether files of the bucket can be locked, and how new ones are."""

    is_file_lock_enabled: bool
    default_retention: DefaultRetention = NO_DEFAULT_RETENTION


class FileLockReply(_Setting, frozen=True):
    """`value` None: the key may not read it."""

    is_client_authorized_to_read: bool
    value: FileLockConfiguration | None


class ReplicationRule(_Setting, frozen=True):
    """`priority` 1 to 2^31-1: where two rules match, the greater wins."""

    replication_rule_name: str
    destination_bucket_id: BucketId
    file_name_prefix: str
    is_enabled: bool
    priority: int
    include_existing_files: bool = False


class ReplicationSource(_Setting, frozen=True):
    """The rules by which files of this bucket are copied elsewhere, and the key that reads them."""

    replication_rules: tuple[ReplicationRule, ...]
    source_application_key_id: str


class ReplicationDestination(_Setting, frozen=True):
    """Which key of this side writes for which key of the source."""

    source_to_destination_key_mapping: Mapping[str, str]


class ReplicationConfiguration(_Setting, frozen=True):
    """A bucket may be a source, a destination, both, or (both None) neither."""

    as_replication_source: ReplicationSource | None = None
    as_replication_destination: ReplicationDestination | None = None


class ReplicationReply(_Setting, frozen=True):
    """`value` None: the key may not read it."""

    is_client_authorized_to_read: bool
    value: ReplicationConfiguration | None


NO_ENCRYPTION: Final = DefaultEncryptionReply(True, UNENCRYPTED)
NO_FILE_LOCK: Final = FileLockReply(True, FileLockConfiguration(False))
NO_REPLICATION: Final = ReplicationReply(True, ReplicationConfiguration())


class CustomHeader(_Setting, frozen=True):
    """An HTTP header that is sent with each event."""

    name: str
    value: str


class WebhookTarget(_Setting, frozen=True):
    """Where events are posted. The signing secret stays out of the repr."""

    url: str
    target_type: str = "webhook"
    hmac_sha256_signing_secret: str | None = None
    custom_headers: tuple[CustomHeader, ...] | None = None

    def __repr__(self) -> str:
        return f"WebhookTarget(url={self.url!r})"


class NotificationRule(_Setting, frozen=True):
    """Which events of a bucket are told to whom. B2 itself sets the two fields about suspension."""

    name: str
    event_types: tuple[str, ...]
    is_enabled: bool
    object_name_prefix: str
    target_configuration: WebhookTarget
    max_events_per_batch: int = 1
    is_suspended: bool = False
    suspension_reason: str | None = None
