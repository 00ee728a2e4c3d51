"""The parts of a large file on their way: sent, put together and sent, or copied on the server.

`LargeFile` says what is to be made; `large_files` begins it, has its parts brought here, and finishes it.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen
from returns.result import Failure, Result

from b2pure.effects.effect import Emit
from b2pure.effects.events import BytesMoved
from b2pure.effects.pieces import KeyRing, with_pieces
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request, upload_request
from b2pure.model.calls import HEX_DIGITS_AT_END, CopyPart, GetUploadPartUrl, UploadPart
from b2pure.model.errors import B2Error, Corrupt
from b2pure.model.ids import BucketId, FileId
from b2pure.model.new_file import NewFile
from b2pure.model.protection import SseC
from b2pure.model.replies import PartReply
from b2pure.model.sources import NOTHING, Body, slice_body
from b2pure.plan.failures import SOURCES_DIFFER
from b2pure.plan.large_file import CopyRange, Part, SendPart
from b2pure.plan.resume import StreamStart, Wanted
from b2pure.plan.retry import RetryPolicy

__all__ = ["LargeFile", "PartResult", "Resume", "Whole", "differing_copy", "transfer_part"]

PartResult = Result[PartReply, B2Error]


@frozen
class Resume:
    """Whether to go on with an unfinished file: `auto` looks for one, `file_id` names it. With `keep` a file that
    could not be finished stays for a later run, if one can go on with it. One that the caller named (`file_id`), or was
    told of and may have written down (`told`), is the caller's: it stays whatever went wrong. With `cancel_others`
    the other unfinished files of the name are cancelled as soon as all parts of this one are there: left-overs of
    earlier runs of a job that alone writes the name. It is finished only then: a run that is killed in between must
    not leave a finished file, for which no later run does anything, beside left-overs that nobody looks for.
    """

    auto: bool = True
    file_id: FileId | None = None
    keep: bool = True
    cancel_others: bool = False
    told: bool = False

    @property
    def callers(self) -> bool:
        """Whether the large file is the caller's, who alone cancels it."""
        return self.told or self.file_id is not None


@frozen
class Whole:
    """All of a large file as it is here, to be cut otherwise: into parts of at least `minimum` bytes."""

    body: Body
    minimum: int


@frozen
class LargeFile:
    """What is to be made: `parts` of `body`, of pieces of their own, or copied; None where they only show as a stream
    is read, which begins as `start` says. `keys` are those of the files that parts are read from. `label` is what
    events call it. `whole` is given where all of it is here.
    """

    label: str
    bucket_id: BucketId
    file_name: str
    info: Mapping[str, str] = field(hash=False)
    new: NewFile
    parts: tuple[Part, ...] | None
    body: Body = NOTHING
    keys: KeyRing = field(factory=dict, hash=False, repr=False)
    resume: Resume = Resume()
    start: StreamStart | None = None
    whole: Whole | None = None

    def wanted(self) -> Wanted:
        """What an unfinished file has to be, so that it becomes this one."""
        return Wanted(self.file_name, self.new.content_type, self.info, self.new, self.parts, self.start)

    @property
    def part_encryption(self) -> SseC | None:
        """What every part must be sent with."""
        return self.new.encryption if isinstance(self.new.encryption, SseC) else None


def transfer_part(job: LargeFile, file_id: FileId, part: Part, retry: RetryPolicy) -> Program[PartResult]:
    """Bring the part to the large file."""
    if isinstance(part, CopyRange):
        return _copy(job, file_id, part, retry)
    pieces = part.pieces or (slice_body(job.body, part.range),)
    return with_pieces(pieces, job.keys, retry, lambda body: _send(job, file_id, part, body, retry))


def _send(job: LargeFile, file_id: FileId, part: SendPart, body: Body, retry: RetryPolicy) -> Program[PartResult]:
    call = UploadPart(part.number, part.sha1 or HEX_DIGITS_AT_END, body, job.part_encryption)
    result = yield from upload_request(file_id, GetUploadPartUrl(file_id), call, retry)
    if ok(result):
        yield from perform(Emit(BytesMoved(job.label, part.length)))
    return result


def _copy(job: LargeFile, file_id: FileId, part: CopyRange, retry: RetryPolicy) -> Program[PartResult]:
    key = job.keys[part.key_md5] if part.key_md5 is not None else None
    call = CopyPart(part.source, file_id, part.number, part.range.http(), key, job.part_encryption)
    result = yield from request(call, retry)
    if not ok(result):
        return result
    if part.sha1 not in (None, result.unwrap().content_sha1):
        return Failure(differing_copy(part, result.unwrap().content_sha1))
    yield from perform(Emit(BytesMoved(job.label, part.length)))
    return result


def differing_copy(part: CopyRange, found: str) -> Corrupt:
    """What B2 has of the range is not what is here."""
    what = f"[{part.range.start}, {part.range.stop}) of {part.source}"
    if part.at is not None:
        what = f"[{part.at}, {part.at + part.length}) of the object, copied from {what},"
    return Corrupt(what, f"SHA-1 {part.sha1}", f"SHA-1 {found}", SOURCES_DIFFER)
