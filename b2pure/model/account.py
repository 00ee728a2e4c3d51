"""What an application key may do, and what b2_authorize_account says."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from b2pure.model.ids import AccountId, BucketId
from b2pure.model.limits import DEFAULT_PART_SIZES, PartSizes

__all__ = ["ALL_CAPABILITIES", "BUCKET_CAPABILITIES", "Allowed", "Authorization", "TestMode", "UploadUrl"]

TestMode = Literal["fail_some_uploads", "expire_some_account_authorization_tokens", "force_cap_exceeded"]
"""How B2 can be asked to misbehave (`X-Bz-Test-Mode`)."""

ALL_CAPABILITIES: tuple[str, ...] = (
    "listKeys", "writeKeys", "deleteKeys",
    "listBuckets", "listAllBucketNames", "readBuckets", "writeBuckets", "deleteBuckets",
    "readBucketEncryption", "writeBucketEncryption", "readBucketRetentions", "writeBucketRetentions",
    "readBucketReplications", "writeBucketReplications", "readBucketNotifications", "writeBucketNotifications",
    "readBucketLogging", "writeBucketLogging", "readBucketLifecycleRules", "writeBucketLifecycleRules",
    "listFiles", "readFiles", "shareFiles", "writeFiles", "deleteFiles",
    "readFileRetentions", "writeFileRetentions", "readFileLegalHolds", "writeFileLegalHolds", "bypassGovernance",
)  # fmt: skip
"""The capabilities known in 2026. B2's list is open-ended: others are carried along, never refused."""

BUCKET_CAPABILITIES: frozenset[str] = frozenset(ALL_CAPABILITIES) - {
    "listKeys", "writeKeys", "deleteKeys", "writeBuckets", "deleteBuckets",
}  # fmt: skip
"""What a key that is restricted to buckets can have: everything but the management of keys and of buckets."""


@frozen
class Allowed:
    """What a key may do: its capabilities, the buckets and the name prefix it is restricted to (None: no limit).
    `bucket_names` has those of the buckets that B2 told, for keys that may not list buckets.
    """

    capabilities: frozenset[str]
    bucket_ids: frozenset[BucketId] | None = None
    name_prefix: str | None = None
    bucket_names: frozenset[tuple[str, BucketId]] = frozenset()


@frozen
class Authorization:
    """An account token and the addresses it is good for. The token stays out of every repr. `clock_ahead_millis` is how
    far our clock was ahead of B2's then (negative: behind; None: B2 did not say).
    """

    account_id: AccountId
    token: str = field(repr=False)
    api_url: str
    download_url: str
    allowed: Allowed
    part_sizes: PartSizes = DEFAULT_PART_SIZES
    clock_ahead_millis: int | None = None


@frozen
class UploadUrl:
    """An upload URL and the token that goes with it. One upload at a time may use it; both are secrets."""

    url: str = field(repr=False)
    token: str = field(repr=False)
