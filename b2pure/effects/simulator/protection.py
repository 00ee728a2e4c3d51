"""What the simulated B2 says about encryption, object lock and who may read of them.

Rules. As in `file_calls`: a check leaves by `Refused`. Nothing is really encrypted: of an SSE-C file the MD5 of
its key is kept, and a reader must bring that key. A version is locked while its legal hold is on or its retention
lies in the future; hiding it and adding newer versions is always allowed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from b2pure.effects.simulator.bucket import Bucket, Version
from b2pure.effects.simulator.credentials import Key
from b2pure.effects.simulator.rules import Refused, bad_request, unauthorized
from b2pure.effects.simulator.world import Protection, World
from b2pure.model.buckets import DefaultRetention
from b2pure.model.errors import Rejected, Unauthorized
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.protection import (
    NO_HOLD,
    UNENCRYPTED,
    UNLOCKED,
    Encryption,
    EncryptionReply,
    FileRetention,
    LegalHold,
    LegalHoldReply,
    RetentionReply,
    RetentionValue,
    SseB2,
    SseC,
)
from b2pure.model.replies import FileReply

__all__ = [
    "check_customer_key",
    "check_deletable",
    "check_retention_change",
    "checked_hold",
    "info_budget",
    "is_locked",
    "lockable",
    "protection_of_new",
    "readable",
    "require",
]

_UNREADABLE_RETENTION: Final = RetentionReply(False, None)
_UNREADABLE_HOLD: Final = LegalHoldReply(False, None)
_DAYS_PER_YEAR: Final = 365


def require(key: Key, capability: str | None) -> None:
    """Refuse a key without the capability."""
    if capability is not None and not key.may(capability):
        raise unauthorized(f"the key lacks the capability {capability}")


def readable(key: Key, file: FileReply) -> FileReply:
    """A file as this key sees it."""
    if file.file_retention is None or (key.may("readFileRetentions") and key.may("readFileLegalHolds")):
        return file
    return msgspec.structs.replace(
        file,
        file_retention=file.file_retention if key.may("readFileRetentions") else _UNREADABLE_RETENTION,
        legal_hold=file.legal_hold if key.may("readFileLegalHolds") else _UNREADABLE_HOLD,
    )


# -- new files


def protection_of_new(
    world: World,
    key: Key,
    bucket: Bucket,
    *,
    encryption: Encryption | None,
    retention: FileRetention | None,
    legal_hold: LegalHold | None,
) -> Protection:
    """The protection of a new version: what is asked for, or the bucket's defaults."""
    return Protection(
        encryption=_encryption_of_new(bucket, encryption),
        retention=_retention_of_new(world, key, bucket, retention),
        legal_hold=_hold_of_new(key, bucket, legal_hold),
        customer_key_md5=_checked_key(encryption) if isinstance(encryption, SseC) else None,
    )


def _encryption_of_new(bucket: Bucket, asked: Encryption | None) -> EncryptionReply:
    if asked is not None:
        return EncryptionReply("SSE-B2" if isinstance(asked, SseB2) else "SSE-C", asked.algorithm)
    return bucket.reply.default_server_side_encryption.value or UNENCRYPTED


def _checked_key(encryption: SseC) -> str:
    if not encryption.agrees:
        raise bad_request("the MD5 is not that of the customer key")
    return encryption.customer_key_md5


def lockable(bucket: Bucket) -> None:
    """Refuse a bucket without object lock."""
    if not bucket.file_lock_enabled:
        raise bad_request("The bucket is not file lock enabled", "bucket_missing_file_lock")


def checked_hold(asked: str) -> str:
    """Refuse what is neither on nor off: types are for those who use a type checker."""
    if asked not in ("on", "off"):
        raise bad_request("a legal hold is on or off")
    return asked


def _hold_of_new(key: Key, bucket: Bucket, asked: LegalHold | None) -> LegalHoldReply:
    if asked is None:
        return NO_HOLD
    checked_hold(asked)
    require(key, "writeFileLegalHolds")
    lockable(bucket)
    return LegalHoldReply(True, asked)


def _retention_of_new(world: World, key: Key, bucket: Bucket, asked: FileRetention | None) -> RetentionReply:
    if asked is not None:
        require(key, "writeFileRetentions")
        lockable(bucket)
        return RetentionReply(True, _checked_retention(world, asked))
    configuration = bucket.reply.file_lock_configuration.value
    if configuration is None or configuration.default_retention.period is None:
        return UNLOCKED
    until = world.now() + _millis_of(configuration.default_retention)
    return RetentionReply(True, RetentionValue(configuration.default_retention.mode, until))


def _millis_of(retention: DefaultRetention) -> int:
    assert retention.period is not None
    days = retention.period.duration * (_DAYS_PER_YEAR if retention.period.unit == "years" else 1)
    return days * MILLIS_PER_DAY


def _checked_retention(world: World, asked: FileRetention) -> RetentionValue:
    if asked.retain_until_timestamp is not None and asked.retain_until_timestamp <= world.now():
        raise bad_request("retainUntilTimestamp must be in the future")
    return RetentionValue(asked.mode, asked.retain_until_timestamp)


def info_budget(world: World, bucket: Bucket, encryption: EncryptionReply) -> int:
    """Bytes that the name and the info of a file may have as headers."""
    protected = encryption.mode is not None or bucket.file_lock_enabled
    return world.config.protected_info_budget if protected else world.config.info_budget


def check_customer_key(kept: EncryptionReply, kept_md5: str | None, given: SseC | None) -> None:
    """Refuse a reader, or a part, that does not bring the key of an SSE-C file, or brings one for another file."""
    if kept.mode != "SSE-C":
        if given is not None:
            raise bad_request("the file is not encrypted with a customer key")
        return
    if given is None:
        raise bad_request("the file is encrypted with a customer key, which the request must have")
    if _checked_key(given) != kept_md5:
        raise Refused(Rejected(403, "access_denied", "wrong customer key"))


# -- locks


def _active(value: RetentionValue | None, now: int) -> bool:
    until = None if value is None else value.retain_until_timestamp
    return until is not None and until > now


def _kept_retention(version: Version) -> RetentionValue:
    reply = version.file.file_retention
    return RetentionValue() if reply is None or reply.value is None else reply.value


def is_locked(version: Version, now: int) -> bool:
    """Whether nobody but who may bypass governance can delete the version now."""
    held = version.file.legal_hold is not None and version.file.legal_hold.value == "on"
    return held or _active(_kept_retention(version), now)


def _denied(world: World, message: str) -> Refused:
    if world.config.locked_status == 401:
        return Refused(Unauthorized("access_denied", message))
    return Refused(Rejected(403, "access_denied", message))


def check_deletable(world: World, key: Key, version: Version, *, bypass_governance: bool) -> None:
    """Refuse to delete a locked version."""
    if bypass_governance:
        require(key, "bypassGovernance")
    if version.file.legal_hold is not None and version.file.legal_hold.value == "on":
        raise _denied(world, "the file is under a legal hold")
    retention = _kept_retention(version)
    if _active(retention, world.now()) and not (retention.mode == "governance" and bypass_governance):
        raise _denied(world, f"the file is under {retention.mode} retention")


def check_retention_change(
    world: World, key: Key, version: Version, asked: FileRetention, *, bypass_governance: bool
) -> RetentionValue:
    """The retention that a version gets. Compliance only gets longer; governance is weakened only by who may."""
    if bypass_governance:
        require(key, "bypassGovernance")
    new, old = _checked_retention(world, asked), _kept_retention(version)
    if not _active(old, world.now()):
        return new
    assert old.retain_until_timestamp is not None
    shorter = new.retain_until_timestamp is None or new.retain_until_timestamp < old.retain_until_timestamp
    if old.mode == "compliance" and (shorter or new.mode != "compliance"):
        raise _denied(world, "compliance retention can only be made longer")
    if old.mode == "governance" and shorter and not bypass_governance:
        raise _denied(world, "to weaken governance retention needs bypassGovernance")
    return new
