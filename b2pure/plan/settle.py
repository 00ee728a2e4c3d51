"""What became of a call whose answer was lost: what to ask B2, and what its answers mean.

Rules. After a failure that leaves the outcome open (`leaves_open`) a call whose repetition is not harmless is looked
for before it is sent again, and once more before its failure is told. A refusal of a repetition may be the first
attempt's success: then it is looked into as well. `next_check` says what to look for, as data; the judgements take
what B2 answered and say `Done` with the reply that was lost, `NotDone`, or `Unknown`. Only a proof is `Done`: what
cannot be compared is `Unknown`, and the call goes on as if nobody had asked.

- An upload or a copy is found again as the newest version of its name, of the same size, digest, content type and
  info, not older than the first attempt. Deeper versions are not looked at: what lies above them came later.
- A large file that was started is taken over while it has no parts.
- Deletions need no question: they can be repeated, and then B2 says that there is nothing left to delete.
- A new key whose secret was lost is of no use to anybody. It is deleted if it is surely that key: its expiration tells
  when it was made, and no other is like it. A key that may be in use is never deleted.

Clocks differ: "not older" allows for `ALLOWED_SKEW_MILLIS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from attrs import evolve, frozen

from b2pure.model.buckets import DefaultEncryption, NoDefaultEncryption
from b2pure.model.calls import (
    Call,
    CancelLargeFile,
    CopyFile,
    CreateBucket,
    CreateKey,
    DeleteBucket,
    DeleteFileVersion,
    DeleteKey,
    FinishLargeFile,
    HideFile,
    StartLargeFile,
    UpdateBucket,
    UploadFile,
)
from b2pure.model.errors import B2Error, Rejected, Transport, Unavailable
from b2pure.model.ids import BucketId
from b2pure.model.new_file import AUTO_CONTENT_TYPE, LARGE_FILE_SHA1
from b2pure.model.protection import Encryption
from b2pure.model.replies import BucketReply, FileReply, KeyReply
from b2pure.model.sources import body_length

__all__ = [
    "ALLOWED_SKEW_MILLIS",
    "BucketCreated",
    "BucketUpdated",
    "Cancelled",
    "Check",
    "Copied",
    "Done",
    "Doubt",
    "Finished",
    "Gone",
    "Hidden",
    "KeyDeleted",
    "KeyLost",
    "NotDone",
    "Started",
    "Unknown",
    "Uploaded",
    "Verdict",
    "after_failure",
    "after_verdict",
    "judge_bucket_created",
    "judge_bucket_updated",
    "judge_copy",
    "judge_finish",
    "judge_hide",
    "judge_upload",
    "leaves_open",
    "next_check",
    "orphan_key",
    "settles",
    "startable",
    "upload_candidate",
]

ALLOWED_SKEW_MILLIS: Final = 15 * 60 * 1000
"""How far B2's clock may be behind ours for something that we made to count as ours."""


_HEX_SHA1: Final = re.compile(r"(?:unverified:)?([0-9a-f]{40})\Z")
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d+)\Z")


# -- doubt


def leaves_open(error: B2Error) -> bool:
    """Whether the call may have taken effect all the same.

    A connection that was never made carried no request. With 408 and 503 a server says that it did not take the
    request on: the body did not come in time, or it is too busy; they are how B2 sends an upload to another pod, and
    must stay cheap. Every other 5xx may be said by whoever lost the answer on its way.
    """
    match error:
        case Transport(kind):
            return kind != "connect"
        case Unavailable(status):
            return status not in (408, 503)
        case _:
            return False


@frozen
class Doubt:
    """What is not known of a call. `since` is our clock when its first attempt began, in milliseconds; `ever` stays
    true once an outcome was open; `unsettled` is true until B2 has said that the call did not take effect.
    """

    since: int
    ever: bool = False
    unsettled: bool = False


def after_failure(doubt: Doubt, error: B2Error) -> Doubt:
    """The doubt after one more failed attempt."""
    return evolve(doubt, ever=True, unsettled=True) if leaves_open(error) else doubt


def after_verdict(doubt: Doubt, verdict: Verdict) -> Doubt:
    """The doubt after a look."""
    return evolve(doubt, unsettled=False) if isinstance(verdict, NotDone) else doubt


# -- verdicts


@frozen
class Done:
    """The call took effect, and this would have been its reply."""

    reply: Any


@frozen
class NotDone:
    """The call took no effect."""


@frozen
class Unknown:
    """It cannot be told."""


Verdict = Done | NotDone | Unknown


# -- what to look for


@frozen
class Uploaded:
    """The newest version of the name in the bucket."""

    call: UploadFile
    bucket_id: BucketId


@frozen
class Copied:
    """The source, and the newest version of the name in the bucket of the destination."""

    call: CopyFile


@frozen
class Hidden:
    """The newest version of the name. `refused`: B2 said that it is hidden already."""

    call: HideFile
    refused: bool


@frozen
class Started:
    """Unfinished large files of the name, without parts."""

    call: StartLargeFile


@frozen
class Finished:
    """The file itself."""

    call: FinishLargeFile


@frozen
class Cancelled:
    """The file itself, which is not there any more."""

    call: CancelLargeFile


@frozen
class KeyLost:
    """A key just like the one that was asked for, made since."""

    call: CreateKey


@frozen
class KeyDeleted:
    """The key itself, which is not there any more."""

    call: DeleteKey


@frozen
class BucketCreated:
    """The bucket of the name."""

    call: CreateBucket


@frozen
class BucketUpdated:
    """The bucket itself, one revision later."""

    call: UpdateBucket


@frozen
class Gone:
    """Nothing: the refusal says it."""

    call: DeleteFileVersion | DeleteBucket


Check = (
    Uploaded
    | Copied
    | Hidden
    | Started
    | Finished
    | Cancelled
    | KeyLost
    | KeyDeleted
    | BucketCreated
    | BucketUpdated
    | Gone
)


def settles(call: Call[Any]) -> bool:
    """Whether a repetition of the call may do harm, or be refused because the first attempt worked."""
    return isinstance(
        call,
        UploadFile
        | CopyFile
        | HideFile
        | StartLargeFile
        | FinishLargeFile
        | CancelLargeFile
        | DeleteFileVersion
        | CreateBucket
        | DeleteBucket
        | CreateKey
        | DeleteKey,
    ) or (isinstance(call, UpdateBucket) and call.if_revision_is is not None)


def next_check(call: Call[Any], doubt: Doubt, error: B2Error, bucket_id: BucketId | None = None) -> Check | None:
    """What to look for after this failure; None: nothing. `bucket_id` is that of an upload's URL."""
    if not doubt.ever:
        return None
    check = _of_refusal(call, error) if isinstance(error, Rejected) else None
    return check or (_of_silence(call, bucket_id) if doubt.unsettled else None)


def _of_silence(call: Call[Any], bucket_id: BucketId | None) -> Check | None:
    """What to look for before the call is repeated."""
    match call:
        case UploadFile() if bucket_id is not None:
            return Uploaded(call, bucket_id)
        case CopyFile():
            return Copied(call)
        case HideFile():
            return Hidden(call, False)
        case StartLargeFile():
            return Started(call)
        case FinishLargeFile():
            return Finished(call)
        case CreateKey():
            return KeyLost(call)
        case _:
            return None


def _of_refusal(call: Call[Any], error: Rejected) -> Check | None:
    """What to look for when a repetition was refused in a way that the first attempt's success would explain."""
    match call:
        case HideFile() if error.code == "already_hidden":
            return Hidden(call, True)
        case FinishLargeFile():
            return Finished(call)
        case CancelLargeFile():
            return Cancelled(call)
        case DeleteKey():
            return KeyDeleted(call)
        case CreateBucket() if error.code == "duplicate_bucket_name":
            return BucketCreated(call)
        case UpdateBucket() if error.status == 409 and call.if_revision_is is not None:
            return BucketUpdated(call)
        case DeleteFileVersion() if error.code in ("file_not_present", "not_found"):
            return Gone(call)
        case DeleteBucket() if error.code == "bad_bucket_id":
            return Gone(call)
        case _:
            return None


# -- versions


def _newest(files: Iterable[FileReply], name: str) -> FileReply | None:
    """The newest version of the name. Unfinished large files are no versions."""
    return next((file for file in files if file.file_name == name and file.action in ("upload", "hide")), None)


def _is_new(file: FileReply, since: int) -> bool:
    return file.upload_timestamp >= since - ALLOWED_SKEW_MILLIS


def upload_candidate(check: Uploaded, files: tuple[FileReply, ...], since: int) -> FileReply | None:
    """The version that is the upload's if its digest is, too, among the versions of the name, newest first."""
    call = check.call
    if call.custom_upload_timestamp is not None:
        # It lies where its own time puts it.
        ours = (file for file in files if file.upload_timestamp == call.custom_upload_timestamp)
        return next((file for file in ours if _is_upload_of(call, file)), None)
    newest = _newest(files, call.file_name)
    return newest if newest is not None and _is_new(newest, since) and _is_upload_of(call, newest) else None


def _is_upload_of(call: UploadFile, file: FileReply) -> bool:
    return (
        file.action == "upload"
        and file.file_name == call.file_name
        and file.content_length == body_length(call.body)
        and _declares(file, call.content_type, call.file_info)
        and _is_protected_as(call, file, call.server_side_encryption)
    )


def judge_upload(candidate: FileReply, sha1: str) -> Verdict:
    """Whether the candidate has the content whose hex SHA-1 this is."""
    return _by_digest(candidate, sha1, candidate)


def _by_digest(file: FileReply, sha1: str | None, reply: FileReply) -> Verdict:
    found = _digest(file)
    if found is None or sha1 is None:
        return Unknown()
    return Done(reply) if found == sha1 else NotDone()


def _digest(file: FileReply) -> str | None:
    """Hex SHA-1 of the content, as B2 or the uploader recorded it."""
    for text in (file.content_sha1, file.file_info.get(LARGE_FILE_SHA1)):
        match = _HEX_SHA1.match((text or "").lower())
        if match is not None:
            return match.group(1)
    return None


def judge_copy(call: CopyFile, source: FileReply, files: tuple[FileReply, ...], since: int) -> Verdict:
    """Whether the newest version of the name is the copy. Copies of ranges have no digest to be known by."""
    newest = _newest(files, call.file_name)
    if newest is None or newest.action != "upload" or not _is_new(newest, since):
        return NotDone()
    replaces = call.metadata_directive == "REPLACE"
    content_type = (call.content_type if replaces else source.content_type) or AUTO_CONTENT_TYPE
    info = (call.file_info or {}) if replaces else source.file_info
    length = _copied_length(call, source)
    if newest.content_length != length or not _declares(newest, content_type, info):
        return NotDone()
    if not _is_protected_as(call, newest, call.destination_server_side_encryption):
        return NotDone()
    whole = length == source.content_length
    # B2 calls it a copy in its answer, and an upload in its lists.
    return _by_digest(newest, _digest(source) if whole else None, msgspec.structs.replace(newest, action="copy"))


def _copied_length(call: CopyFile, source: FileReply) -> int:
    match = _RANGE.match(call.range or "")
    if match is None:
        return source.content_length
    return min(int(match.group(2)) + 1, source.content_length) - int(match.group(1))


def _declares(file: FileReply, content_type: str, info: Mapping[str, str]) -> bool:
    """Whether type and info are as asked. B2 keeps keys in lower case, and chooses the type where it is asked to."""
    return content_type in (AUTO_CONTENT_TYPE, file.content_type) and _lower(file.file_info) == _lower(info)


def _lower(info: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in info.items()}


def _is_protected_as(call: UploadFile | StartLargeFile | CopyFile, file: FileReply, asked: Encryption | None) -> bool:
    """Whether nothing that was asked for is otherwise. What the key may not read does not count."""
    if asked is not None and (file.server_side_encryption is None or _mode(asked) != file.server_side_encryption.mode):
        return False
    retention = file.file_retention.value if file.file_retention is not None else None
    if call.file_retention is not None and retention is not None:
        wanted = (call.file_retention.mode, call.file_retention.retain_until_timestamp)
        if wanted != (retention.mode, retention.retain_until_timestamp):
            return False
    hold = file.legal_hold.value if file.legal_hold is not None else None
    return call.legal_hold is None or hold is None or hold == call.legal_hold


def _mode(asked: Encryption | DefaultEncryption) -> str | None:
    return None if isinstance(asked, NoDefaultEncryption) else str(type(asked).__struct_config__.tag)


def judge_hide(call: HideFile, files: tuple[FileReply, ...], since: int) -> Verdict:
    """Whether the newest version of the name is a new hide marker."""
    newest = _newest(files, call.file_name)
    if newest is None or newest.action != "hide" or not _is_new(newest, since):
        return NotDone()
    return Done(newest)


# -- large files


def startable(call: StartLargeFile, files: Iterable[FileReply], since: int) -> list[FileReply]:
    """The unfinished files that are the started one if they have no parts, newest first."""
    found = [
        file
        for file in files
        if file.file_name == call.file_name
        and file.file_id is not None
        and (_is_new(file, since) or file.upload_timestamp == call.custom_upload_timestamp)
        and _declares(file, call.content_type, call.file_info)
        and _is_protected_as(call, file, call.server_side_encryption)
    ]
    return sorted(found, key=lambda file: file.upload_timestamp, reverse=True)


def judge_finish(file: FileReply) -> Verdict:
    """Whether the large file is finished."""
    return Done(file) if file.action == "upload" else NotDone()


# -- buckets and keys


def judge_bucket_created(call: CreateBucket, buckets: tuple[BucketReply, ...]) -> Verdict:
    """Whether the bucket of the name is ours, never changed, and just as it was asked for."""
    for bucket in buckets:
        if bucket.bucket_name.lower() != call.bucket_name.lower() or bucket.account_id != call.account_id:
            continue
        if bucket.revision == 1 and bucket.bucket_type == call.bucket_type and _has_settings(call, bucket):
            return Done(bucket)
    return NotDone()


def judge_bucket_updated(call: UpdateBucket, buckets: tuple[BucketReply, ...]) -> Verdict:
    """Whether the bucket is one revision after the one that was to be changed, and as it was to become."""
    for bucket in buckets:
        if bucket.bucket_id != call.bucket_id or call.if_revision_is is None:
            continue
        if bucket.revision == call.if_revision_is + 1 and call.bucket_type in (None, bucket.bucket_type):
            return Done(bucket) if _has_settings(call, bucket) else NotDone()
    return NotDone()


def _has_settings(call: CreateBucket | UpdateBucket, bucket: BucketReply) -> bool:
    """Whether every setting that was given is so. What the key may not read does not count."""
    asked = call.default_server_side_encryption
    encryption = bucket.default_server_side_encryption.value
    lock = bucket.file_lock_configuration.value
    replication = bucket.replication_configuration.value
    given: list[tuple[object, object]] = [
        (None if call.bucket_info is None else _lower(call.bucket_info), _lower(bucket.bucket_info)),
        (call.cors_rules, bucket.cors_rules),
        (call.lifecycle_rules, bucket.lifecycle_rules),
    ]
    if asked is not None and encryption is not None and _mode(asked) != encryption.mode:
        return False
    if lock is not None:
        given.append((call.file_lock_enabled, lock.is_file_lock_enabled))
        if isinstance(call, UpdateBucket):
            given.append((call.default_retention, lock.default_retention))
    if replication is not None:
        given.append((call.replication_configuration, replication))
    return all(wanted is None or wanted == found for wanted, found in given)


def orphan_key(call: CreateKey, keys: Iterable[KeyReply], since: int) -> KeyReply | None:
    """The key that was made and never told, if it is surely that one: there is no other like it, and its expiration
    says that it was made since. Without an expiration nothing tells how old a key is.
    """
    lifetime = call.valid_duration_in_seconds
    if lifetime is None:
        return None
    made_since = since - ALLOWED_SKEW_MILLIS + lifetime * 1000
    like_it = [
        key
        for key in keys
        if key.key_name == call.key_name
        and set(key.capabilities) == set(call.capabilities)
        and _as_set(key.bucket_ids) == _as_set(call.bucket_ids)
        and (key.name_prefix or "") == (call.name_prefix or "")
        and (key.expiration_timestamp or 0) >= made_since
    ]
    return like_it[0] if len(like_it) == 1 else None


def _as_set(bucket_ids: tuple[BucketId, ...] | None) -> frozenset[BucketId] | None:
    return None if bucket_ids is None else frozenset(bucket_ids)
