"""Looking for what a call did whose answer was lost. What to look for and what it means is in `plan.settle`.

Rules. A look asks only what the key may ask. One that fails, or is not allowed, is `Unknown`: it never makes anything
worse. A body is hashed only when everything else of a version agrees.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeVar, assert_never

from returns.result import Result

from b2pure.effects.effect import HashBody
from b2pure.effects.program import Program, ok, perform
from b2pure.model.calls import (
    Call,
    DeleteBucket,
    DeleteFileVersion,
    DeleteKey,
    GetFileInfo,
    ListBuckets,
    ListFileVersions,
    ListKeys,
    ListParts,
    ListUnfinishedLargeFiles,
    UploadFile,
)
from b2pure.model.errors import B2Error, Rejected
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.replies import BucketReply, CancelReply, DeletedReply, FileReply, KeyReply
from b2pure.plan.settle import (
    BucketCreated,
    BucketUpdated,
    Cancelled,
    Check,
    Copied,
    Done,
    Finished,
    Gone,
    Hidden,
    KeyDeleted,
    KeyLost,
    NotDone,
    Started,
    Unknown,
    Uploaded,
    Verdict,
    judge_bucket_created,
    judge_bucket_updated,
    judge_copy,
    judge_finish,
    judge_hide,
    judge_upload,
    orphan_key,
    startable,
    upload_candidate,
)

__all__ = ["Asker", "verify"]

R = TypeVar("R")

_VERSIONS: Final = 100
"""How many entries of a name are listed, so that unfinished large files on top do not hide the newest version."""
_MAX_PAGES: Final = 20
"""How far a list is read for one lost answer."""
_SHA1_CHARS: Final = 40
_BUCKET_IN_FILE_ID: Final = slice(3, 27)


class Asker(Protocol):
    """Asks B2 one thing with the account token, if the key may; with little patience."""

    @property
    def account_id(self) -> AccountId: ...

    def ask(self, call: Call[R]) -> Program[Result[R, B2Error]]: ...


def verify(check: Check, since: int, asker: Asker) -> Program[Verdict]:
    """Look whether a call took effect whose first attempt began at `since` (milliseconds of B2's clock)."""
    match check:
        case Uploaded():
            return (yield from _uploaded(check, since, asker))
        case Copied():
            return (yield from _copied(check, since, asker))
        case Hidden():
            return (yield from _hidden(check, since, asker))
        case Started():
            return (yield from _started(check, since, asker))
        case Finished():
            info = yield from asker.ask(GetFileInfo(check.call.file_id))
            return judge_finish(info.unwrap()) if ok(info) else Unknown()
        case Cancelled():
            return (yield from _cancelled(check, asker))
        case KeyLost():
            return (yield from _key_lost(check, since, asker))
        case KeyDeleted():
            return (yield from _key_deleted(check, asker))
        case BucketCreated():
            listed = yield from asker.ask(ListBuckets(check.call.account_id, bucket_name=check.call.bucket_name))
            return judge_bucket_created(check.call, listed.unwrap().buckets) if ok(listed) else Unknown()
        case BucketUpdated():
            listed = yield from asker.ask(ListBuckets(check.call.account_id, bucket_id=check.call.bucket_id))
            return judge_bucket_updated(check.call, listed.unwrap().buckets) if ok(listed) else Unknown()
        case Gone():
            return Done(_reply_of_gone(check.call))
        case _:
            assert_never(check)


def _versions(bucket_id: BucketId, name: str, asker: Asker) -> Program[tuple[FileReply, ...] | None]:
    """The newest versions of a name, newest first; None when they cannot be told."""
    call = ListFileVersions(bucket_id, name, max_file_count=_VERSIONS, prefix=name)
    listed = yield from asker.ask(call)
    return listed.unwrap().files if ok(listed) else None


def _uploaded(check: Uploaded, since: int, asker: Asker) -> Program[Verdict]:
    files = yield from _versions(check.bucket_id, check.call.file_name, asker)
    if files is None:
        return Unknown()
    candidate = upload_candidate(check, files, since)
    if candidate is None:
        return NotDone()
    digest = yield from _digest_of(check.call)
    return Unknown() if digest is None else judge_upload(candidate, digest)


def _digest_of(call: UploadFile) -> Program[str | None]:
    if len(call.content_sha1) == _SHA1_CHARS:
        return call.content_sha1.lower()
    hashed = yield from perform(HashBody(call.body))
    return hashed.unwrap() if ok(hashed) else None


def _copied(check: Copied, since: int, asker: Asker) -> Program[Verdict]:
    source = yield from asker.ask(GetFileInfo(check.call.source_file_id))
    if not ok(source):
        return Unknown()
    bucket_id = check.call.destination_bucket_id or source.unwrap().bucket_id
    files = yield from _versions(bucket_id, check.call.file_name, asker)
    return Unknown() if files is None else judge_copy(check.call, source.unwrap(), files, since)


def _hidden(check: Hidden, since: int, asker: Asker) -> Program[Verdict]:
    call = check.call
    files = yield from _versions(call.bucket_id, call.file_name, asker)
    if files is not None:
        return judge_hide(call, files, since)
    if not check.refused:
        return Unknown()
    # It is hidden, and nobody can say by which marker.
    return Done(FileReply(asker.account_id, "hide", call.bucket_id, 0, None, None, None, {}, call.file_name, 0))


def _started(check: Started, since: int, asker: Asker) -> Program[Verdict]:
    call = check.call
    unfinished: list[FileReply] = []
    start: FileId | None = None
    for _ in range(_MAX_PAGES):
        page = yield from asker.ask(ListUnfinishedLargeFiles(call.bucket_id, call.file_name, start, 100))
        if not ok(page):
            return Unknown()
        unfinished.extend(page.unwrap().files)
        start = page.unwrap().next_file_id
        if start is None:
            break
    seen_all = start is None
    for file in startable(call, unfinished, since):
        assert file.file_id is not None, "an unfinished large file has an id"
        parts = yield from asker.ask(ListParts(file.file_id, max_part_count=1))
        if ok(parts) and not parts.unwrap().parts:
            return Done(file)
        # A file that is gone by now is nobody's; of one whose parts cannot be told, nothing is known.
        seen_all = seen_all and (ok(parts) or isinstance(parts.failure(), Rejected))
    return NotDone() if seen_all else Unknown()


def _cancelled(check: Cancelled, asker: Asker) -> Program[Verdict]:
    file_id = check.call.file_id
    info = yield from asker.ask(GetFileInfo(file_id))
    if ok(info):
        return NotDone()
    error = info.failure()
    if not (isinstance(error, Rejected) and error.status in (400, 404)):
        return Unknown()
    # Its name went with it; the bucket is part of the id.
    return Done(CancelReply(asker.account_id, BucketId(file_id[_BUCKET_IN_FILE_ID]), file_id, ""))


def _key_lost(check: KeyLost, since: int, asker: Asker) -> Program[Verdict]:
    """The secret is lost for good: at best the key is deleted, and the call not done after all."""
    keys: list[KeyReply] = []
    start: str | None = None
    for _ in range(_MAX_PAGES):
        page = yield from asker.ask(ListKeys(check.call.account_id, 1000, start))
        if not ok(page):
            return Unknown()
        keys.extend(page.unwrap().keys)
        start = page.unwrap().next_application_key_id
        if start is None:
            break
    orphan = orphan_key(check.call, keys, since) if start is None else None
    if orphan is None:
        return NotDone()
    deleted = yield from asker.ask(DeleteKey(orphan.application_key_id))
    return NotDone() if ok(deleted) else Unknown()


def _key_deleted(check: KeyDeleted, asker: Asker) -> Program[Verdict]:
    key_id = check.call.application_key_id
    page = yield from asker.ask(ListKeys(asker.account_id, 1, key_id))
    if not ok(page):
        return Unknown()
    if any(key.application_key_id == key_id for key in page.unwrap().keys):
        return NotDone()
    return Done(KeyReply(asker.account_id, key_id, "", ()))


def _reply_of_gone(call: DeleteFileVersion | DeleteBucket) -> DeletedReply | BucketReply:
    """The reply as far as it is known: what the bucket was called went with it."""
    if isinstance(call, DeleteFileVersion):
        return DeletedReply(call.file_id, call.file_name)
    return BucketReply(call.account_id, call.bucket_id, "", "")
