"""Uploading: in one call, as a large file in parallel parts, from a stream, or as an addition to what B2 has.

A body is pinned to what was seen of it: a reader that finds anything else fails with `LocalDrifted`, so that no wrong
object comes into being. A file that is cut is hashed as a whole and in parts in one pass before it is started: the
digest of the whole belongs into its info, and those of the parts tell what an unfinished file has of it already. Where
the caller does without the digest of the whole, only what an unfinished file has is hashed beforehand. Of a stream
nothing is known beforehand: it goes on with an unfinished file that begins as it does, and piece by piece shows which
parts need not be sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import define, evolve, field, frozen
from returns.result import Failure, Result, Success

from b2pure.effects.effect import All, DropPiece, Emit, HashBody, HashParts, LocalError, TakenPiece, TakePiece
from b2pure.effects.events import BytesMoved
from b2pure.effects.job import B2Side
from b2pure.effects.large_files import (
    LargeFile,
    Resume,
    begin_large_file,
    finish_large_file,
    first_failure,
    give_up,
    make_large_file,
    until_done,
)
from b2pure.effects.part_transfers import Whole
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request, upload_request
from b2pure.effects.unfinished import decide
from b2pure.model.calls import HEX_DIGITS_AT_END, GetFileInfo, GetUploadPartUrl, GetUploadUrl, UploadFile, UploadPart
from b2pure.model.errors import B2Error, Corrupt, LocalFailure, Rejected
from b2pure.model.files import FileVersion
from b2pure.model.ids import BucketId, FileId
from b2pure.model.limits import PartSizes
from b2pure.model.new_file import LARGE_FILE_SHA1, PLAIN, SRC_LAST_MODIFIED, NewFile, with_room
from b2pure.model.protection import Encryption, SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply
from b2pure.model.sources import Body, LocalSlice, body_length, slice_body
from b2pure.plan.actions import UploadAction
from b2pure.plan.failures import TooLarge, tell_failure
from b2pure.plan.large_file import CopyRange, Part, SendPart, append_parts, read_with, send_parts
from b2pure.plan.resume import StreamStart
from b2pure.plan.retry import RetryPolicy

__all__ = ["StreamUpload", "Upload", "too_short", "upload", "upload_body", "upload_stream"]

_FEWEST_PARTS: Final = 2
"""B2 makes no large file of one part."""
_IN_A_SYNC: Final = Resume(cancel_others=True)


@frozen
class Upload:
    """A body that becomes a file. `parts` is None for one b2_upload_file, else the sizes for a large file. `sha1` is
    hex, when the caller knows it: it is checked. Without `whole_sha1` a large file tells no digest of the whole, and
    its parts are hashed as they are sent. `append_to` is a version that may be the beginning of the body: if it is, it
    is copied and only the rest is sent. `label` is what events call it.
    """

    label: str
    bucket_id: BucketId
    file_name: str
    body: Body
    new: NewFile = PLAIN
    mod_time_millis: int | None = None
    parts: PartSizes | None = None
    sha1: str | None = None
    append_to: FileVersion | None = None
    resume: Resume = field(factory=Resume)
    whole_sha1: bool = True

    def info(self, **more: str) -> Mapping[str, str]:
        """The file info of what is made."""
        if self.mod_time_millis is not None:
            more = {SRC_LAST_MODIFIED: str(self.mod_time_millis), **more}
        return self.new.info(**more)


def upload(
    action: UploadAction, dest: B2Side, retry: RetryPolicy, new: NewFile = PLAIN, *, whole_sha1: bool = True
) -> Program[Result[None, B2Error]]:
    """Make the local file a new version at the destination of a sync."""
    result = yield from upload_body(
        Upload(
            action.path,
            dest.bucket_id,
            dest.prefix + action.path,
            LocalSlice(action.path, ByteRange(0, action.source.size), action.source),
            new,
            mod_time_millis=action.source.mod_time_millis,
            parts=action.parts,
            append_to=action.append_to,
            resume=_IN_A_SYNC,
            whole_sha1=whole_sha1,
        ),
        retry,
    )
    return result.map(lambda _: None)


def upload_body(job: Upload, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    """The new file."""
    if job.parts is None:
        return (yield from _upload_whole(job, retry))
    size = body_length(job.body)
    if job.append_to is not None:
        added = append_parts(job.append_to.file_id, job.append_to.size, size, job.parts)
        if added is not None:
            result = yield from _append(job, job.append_to, added, retry)
            if result is not None:
                return result
    parts = send_parts(size, job.parts)
    if isinstance(parts, TooLarge):
        return Failure(Rejected(400, "bad_request", tell_failure(parts)))
    if len(parts) < _FEWEST_PARTS:
        return (yield from _upload_short(job, retry))
    return (yield from _upload_parts(job, parts, retry))


def _upload_short(job: Upload, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    """What turns out to be no large file, where nobody insists on going on with one."""
    if job.resume.file_id is not None:
        return Failure(too_short(job.resume.file_id))
    return (yield from _upload_whole(job, retry))


def too_short(file_id: FileId) -> Rejected:
    """Nobody goes on with a large file that would have a single part."""
    why = f"the upload cannot go on with the large file {file_id}: there is too little for a second part"
    return Rejected(400, "bad_request", why)


def _upload_whole(job: Upload, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    new = job.new
    call = UploadFile(
        file_name=job.file_name,
        content_type=new.content_type,
        content_sha1=job.sha1 or HEX_DIGITS_AT_END,
        file_info=job.info(),
        body=job.body,
        file_retention=new.retention,
        legal_hold=new.legal_hold,
        server_side_encryption=new.encryption,
        custom_upload_timestamp=new.custom_upload_timestamp,
    )
    result = yield from upload_request(job.bucket_id, GetUploadUrl(job.bucket_id), call, retry)
    if ok(result):
        yield from perform(Emit(BytesMoved(job.label, body_length(job.body))))
    return result


def _upload_parts(job: Upload, parts: tuple[SendPart, ...], retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    if not job.whole_sha1 and job.sha1 is None:
        return (yield from make_large_file(_large_file(job, parts, None), retry))
    digests = yield from perform(HashParts(job.body, tuple(part.range for part in parts)))
    if not ok(digests):
        return Failure(digests.failure())
    found = digests.unwrap()
    problem = _other_than_promised(job, found.whole)
    if problem is not None:
        return Failure(problem)
    known = tuple(evolve(part, sha1=digest) for part, digest in zip(parts, found.parts, strict=True))
    return (yield from make_large_file(_large_file(job, known, found.whole), retry))


def _append(
    job: Upload, present: FileVersion, parts: tuple[Part, ...], retry: RetryPolicy
) -> Program[Result[FileReply, B2Error] | None]:
    """Copy what B2 has and send the rest; None when what B2 has is not the beginning of the body, or cannot be read
    with the key of the new file.
    """
    if present.sha1 is None:
        return None
    readable = yield from _readable(present, job.new.encryption, retry)
    if not ok(readable):
        return Failure(readable.failure())
    if not readable.unwrap():
        return None
    if sum(isinstance(part, CopyRange) for part in parts) > 1:  # else the digest of the only one tells
        beginning = yield from perform(HashBody(slice_body(job.body, ByteRange(0, present.size))))
        if not ok(beginning):
            return Failure(beginning.failure())
        if beginning.unwrap() != present.sha1:
            return None
    digests = yield from perform(HashParts(job.body, tuple(part.range for part in parts)))
    if not ok(digests):
        return Failure(digests.failure())
    found = digests.unwrap()
    if parts[0].length == present.size and found.parts[0] != present.sha1:
        return None
    problem = _other_than_promised(job, found.whole)
    if problem is not None:
        return Failure(problem)
    known = tuple(evolve(part, sha1=digest) for part, digest in zip(parts, found.parts, strict=True))
    result = yield from make_large_file(_large_file(job, known, found.whole), retry)
    return None if not ok(result) and _is_wrong_key(job, result.failure()) else result


def _is_wrong_key(job: Upload, error: B2Error) -> bool:
    """Whether B2 refused to copy with the key of the new file."""
    return isinstance(job.new.encryption, SseC) and isinstance(error, Rejected) and error.status == 403


def _readable(
    present: FileVersion, encryption: Encryption | None, retry: RetryPolicy
) -> Program[Result[bool, B2Error]]:
    """Whether the version can be copied with what the new file is encrypted with: the one key of SSE-C, or none."""
    info = yield from request(GetFileInfo(present.file_id), retry)
    needs_key = info.map(
        lambda file: file.server_side_encryption is not None and file.server_side_encryption.mode == "SSE-C"
    )
    return needs_key.map(lambda needs: needs == isinstance(encryption, SseC))


def _large_file(job: Upload, parts: tuple[Part, ...], whole: str | None) -> LargeFile:
    told = {LARGE_FILE_SHA1: whole} if whole is not None and job.whole_sha1 else {}
    info = with_room(job.info(**told), LARGE_FILE_SHA1)
    key = job.new.encryption if isinstance(job.new.encryption, SseC) else None  # what is copied has the same
    return LargeFile(
        job.label,
        job.bucket_id,
        job.file_name,
        info,
        job.new,
        read_with(parts, key.customer_key_md5 if key is not None else None),
        job.body,
        {key.customer_key_md5: key} if key is not None else {},
        job.resume,
        whole=_whole(job, parts),
    )


def _whole(job: Upload, parts: tuple[Part, ...]) -> Whole | None:
    """The body, where nothing of it is copied."""
    if job.parts is None or any(isinstance(part, CopyRange) for part in parts):
        return None
    return Whole(job.body, job.parts.minimum)


def _other_than_promised(job: Upload | StreamUpload, whole: str) -> B2Error | None:
    if job.sha1 is None or job.sha1 == whole:
        return None
    return Corrupt("the source", f"SHA-1 {job.sha1}", f"SHA-1 {whole}")


@frozen
class StreamUpload:
    """The job's stream becomes a file: one b2_upload_file where it ends within the first piece, else a large file
    of which `streams` pieces are on their way at once. `sha1` is that of the whole, where the caller knows it.
    """

    label: str
    bucket_id: BucketId
    file_name: str
    sizes: PartSizes
    new: NewFile = PLAIN
    mod_time_millis: int | None = None
    sha1: str | None = None
    resume: Resume = field(factory=Resume)
    streams: int = 4

    def whole(self, first: TakenPiece) -> Upload:
        """The upload of a stream that is no longer than its first piece."""
        return Upload(
            self.label, self.bucket_id, self.file_name, first.body, self.new, self.mod_time_millis, sha1=first.sha1
        )

    def large_file(self, first: TakenPiece) -> LargeFile:
        """The large file that begins so. What its other parts are shows as the stream is read."""
        more = {} if self.sha1 is None else {LARGE_FILE_SHA1: self.sha1}
        if self.mod_time_millis is not None:
            more[SRC_LAST_MODIFIED] = str(self.mod_time_millis)
        info = with_room(self.new.info(**more), LARGE_FILE_SHA1)
        start = StreamStart(first.sha1, self.sizes) if self.resume.file_id is None else None
        return LargeFile(
            self.label, self.bucket_id, self.file_name, info, self.new, None, resume=self.resume, start=start
        )


PieceResults = Result[dict[int, str], B2Error]


def upload_stream(job: StreamUpload, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    """The new file. A stream cannot be read again, so only what is on its way is tried again, and what ends because the
    source failed leaves nothing, unless somebody named the file.
    """
    taken = yield from perform(TakePiece(job.sizes))
    if not ok(taken):
        return Failure(taken.failure())
    first = taken.unwrap()
    assert first is not None, "a stream has a first piece"
    if first.last:
        problem = _other_than_promised(job, first.sha1)
        if problem is not None:
            return Failure(problem)
        if job.resume.file_id is not None:
            return Failure(too_short(job.resume.file_id))
        result = yield from upload_body(job.whole(first), retry)
        yield from perform(DropPiece(first.body))
        return result
    large = job.large_file(first)
    begun = yield from _begin_stream(large, retry)
    if not ok(begun):
        return Failure(begun.failure())
    file_id, there = begun.unwrap()
    return (yield from until_done(file_id, _send_stream(job, large, file_id, there, first, retry)))


def _send_stream(
    job: StreamUpload,
    large: LargeFile,
    file_id: FileId,
    there: Mapping[int, str],
    first: TakenPiece,
    retry: RetryPolicy,
) -> Program[Result[FileReply, B2Error]]:
    stream = _Shared([first])
    programs = (_send_pieces(job, large, file_id, there, stream, retry) for _ in range(job.streams))
    results: tuple[PieceResults | None, ...] = yield from perform(All(programs))
    digests: dict[int, str] = {}
    for sent in results:
        if sent is None or not ok(sent):
            error = first_failure(results)
            return (yield from give_up(_kept_for_later(large, error), file_id, error, retry))
        digests |= sent.unwrap()
    beyond = [number for number in there if number > len(digests)]
    if beyond:
        why = f"the large file {file_id} has a part {min(beyond)}, the stream only {len(digests)} pieces"
        if job.resume.callers:
            return Failure(Rejected(400, "bad_request", f"{why}; cancel it, or start a new one (resume=False)"))
        why += "; it is cancelled, so run the upload again"  # nobody can take a part away
        return (yield from give_up(large, file_id, Rejected(400, "bad_request", why), retry))
    return (yield from finish_large_file(large, file_id, digests, retry))


def _kept_for_later(large: LargeFile, error: B2Error) -> LargeFile:
    """The job, which leaves nothing for later where its source failed."""
    if large.resume.callers or not isinstance(error, LocalFailure):
        return large
    return evolve(large, resume=evolve(large.resume, keep=False))


def _begin_stream(large: LargeFile, retry: RetryPolicy) -> Program[Result[tuple[FileId, Mapping[int, str]], B2Error]]:
    """The file to send pieces to, and the digests of those that it has."""
    decision = yield from decide(large, retry)
    if not ok(decision):
        return Failure(decision.failure())
    begun = yield from begin_large_file(large, decision.unwrap(), retry)
    return begun.map(lambda file_id: (file_id, decision.unwrap().finished))


@define
class _Shared:
    """What those who send one stream have in common: a piece that was taken before they were there, and whether one of
    them failed, so that the others read no further.
    """

    waiting: list[TakenPiece]
    failed: bool = False


def _send_pieces(
    job: StreamUpload,
    large: LargeFile,
    file_id: FileId,
    there: Mapping[int, str],
    stream: _Shared,
    retry: RetryPolicy,
) -> Program[PieceResults]:
    """Take one piece after the other and send it; the digests of the parts that came of it, by number."""
    digests: dict[int, str] = {}
    while not stream.failed:
        taken: Result[TakenPiece | None, LocalError] = (
            Success(stream.waiting.pop()) if stream.waiting else (yield from perform(TakePiece(job.sizes)))
        )
        if not ok(taken):
            stream.failed = True
            return Failure(taken.failure())
        piece = taken.unwrap()
        if piece is None:
            break
        number = piece.body.number
        if there.get(number) != piece.sha1:
            call = UploadPart(number, piece.sha1, piece.body, large.part_encryption)
            sent = yield from upload_request(file_id, GetUploadPartUrl(file_id), call, retry)
            if not ok(sent):
                stream.failed = True
                return Failure(sent.failure())
        digests[number] = piece.sha1
        yield from perform(DropPiece(piece.body))
        yield from perform(Emit(BytesMoved(job.label, piece.body.range.length)))
    return Success(digests)
