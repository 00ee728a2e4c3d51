"""Carrying out the plan of an object that emerges: one upload, one copy, or a large file.

Rules. The plan is checked, and B2 is asked whether every file that it reads is as long as it must be, before anything
is begun. What is here of the object is hashed first, in one pass: sent parts are known by their digest, and a copy
whose digest is another stops the creation. A plan with remote sources has its identity in the file info, by which a
later run knows what was done; a part that is there is neither sent nor copied again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import evolve, field, frozen
from returns.result import Failure, Result, Success

from b2pure.effects.effect import All, Emit, HashBody, HashParts
from b2pure.effects.events import BytesMoved, Sized
from b2pure.effects.large_files import LargeFile, Resume, first_failure, make_large_file
from b2pure.effects.part_transfers import Whole, differing_copy
from b2pure.effects.pieces import KeyRing, with_pieces
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import request
from b2pure.effects.uploads import Upload, too_short, upload_body
from b2pure.model.calls import CopyFile, GetFileInfo
from b2pure.model.errors import B2Error, Corrupt, Rejected
from b2pure.model.ids import BucketId, FileId
from b2pure.model.intents import CopySource
from b2pure.model.limits import PartSizes
from b2pure.model.new_file import LARGE_FILE_SHA1, PLAIN, PLAN_ID, SRC_LAST_MODIFIED, NewFile, with_room
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply
from b2pure.model.sources import Body
from b2pure.plan.emerge.check import check_plan
from b2pure.plan.emerge.digests import (
    Hashing,
    comparing,
    differing_sources,
    halves,
    hashing,
    large_part,
    limits_of,
    remote_sources,
    source_objection,
)
from b2pure.plan.emerge.identity import plan_id
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, SentPart
from b2pure.plan.emerge.plan import EmergePlan
from b2pure.plan.large_file import CopyRange
from b2pure.plan.listing import content_sha1_of
from b2pure.plan.retry import RetryPolicy

__all__ = ["Creation", "compared", "create", "create_single", "refused"]


@frozen
class Creation:
    """Where the object goes and what it is made with. `sizes` are those of the account, `keys` those of the files that
    it is made from, `facts` what B2 told of them already. `label` is what events call it.
    """

    label: str
    bucket_id: BucketId
    file_name: str
    sizes: PartSizes
    new: NewFile = PLAIN
    mod_time_millis: int | None = None
    keys: KeyRing = field(factory=dict, hash=False, repr=False)
    resume: Resume = field(factory=Resume)
    facts: Mapping[FileId, FileReply] = field(factory=dict, hash=False, repr=False)

    def info(self, **more: str) -> dict[str, str]:
        """The file info of what is made."""
        if self.mod_time_millis is not None:
            more = {SRC_LAST_MODIFIED: str(self.mod_time_millis), **more}
        return self.new.info(**more)


def refused(why: str) -> Rejected:
    """What cannot be made, as B2 would say it."""
    return Rejected(400, "bad_request", why)


def create(job: Creation, plan: EmergePlan, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    """The new file."""
    wrong = check_plan(evolve(plan, limits=limits_of(job.sizes)))
    if wrong is not None:
        return Failure(refused(f"this is no plan that B2 takes: {wrong}"))
    asked = yield from _ask_sources(job, plan, retry)
    if not ok(asked):
        return Failure(asked.failure())
    job = evolve(job, facts=asked.unwrap())
    differing = yield from compared(plan.parts)
    if differing is not None:
        return Failure(differing)
    yield from perform(Emit(Sized(job.label, plan.length)))
    if plan.single is not None:
        return (yield from create_single(job, plan.single, plan_id(plan), retry))
    return (yield from _create_large(job, plan.parts, None if plan.is_local else plan_id(plan), retry))


def _ask_sources(
    job: Creation, plan: EmergePlan, retry: RetryPolicy
) -> Program[Result[Mapping[FileId, FileReply], B2Error]]:
    """What B2 says of the files that the plan reads, if it can be read from them."""
    sources = list(remote_sources(plan.parts))
    unknown = list(dict.fromkeys(source.file_id for source in sources if source.file_id not in job.facts))
    answers: tuple[Result[FileReply, B2Error] | None, ...] = yield from perform(
        All(request(GetFileInfo(file_id), retry) for file_id in unknown)
    )
    facts = dict(job.facts)
    for file_id, answer in zip(unknown, answers, strict=True):
        if answer is None or not ok(answer):
            return Failure(first_failure(answers))
        facts[file_id] = answer.unwrap()
    for source in sources:
        objection = source_objection(source, facts[source.file_id], job.keys)
        if objection is not None:
            return Failure(refused(objection))
    return Success(facts)


def compared(parts: Iterable[EmergePart]) -> Program[B2Error | None]:
    """Why there is no object of what is here twice, if it differs or cannot be read."""
    twice, wanted = comparing(parts)
    if not twice:
        return None
    digests = yield from perform(HashParts(wanted.body, wanted.ranges))
    if not ok(digests):
        return digests.failure()
    found = digests.unwrap().parts
    for one, taken, other in zip(twice, found[::2], found[1::2], strict=True):
        if taken != other:
            return differing_sources(one, taken, other)
    return None


# -- large files


def _create_large(
    job: Creation, parts: tuple[EmergePart, ...], identity: str | None, retry: RetryPolicy
) -> Program[Result[FileReply, B2Error]]:
    wanted = hashing(parts)
    digests = yield from _hash(wanted)
    if not ok(digests):
        return Failure(digests.failure())
    found = digests.unwrap()
    whole = found.get(_WHOLE)
    promised = job.info().get(LARGE_FILE_SHA1, whole)
    if whole is not None and promised != whole:
        return Failure(Corrupt("the source", f"SHA-1 {promised}", f"SHA-1 {whole}"))
    known = {} if whole is None else {LARGE_FILE_SHA1: whole}
    named = {} if identity is None else {PLAN_ID: identity}
    large = LargeFile(
        job.label,
        job.bucket_id,
        job.file_name,
        with_room({**job.info(**known), **named}, LARGE_FILE_SHA1, PLAN_ID),
        job.new,
        tuple(large_part(part, found.get(part.number)) for part in parts),
        keys=job.keys,
        resume=job.resume,
        whole=Whole(wanted.body, job.sizes.minimum) if identity is None and wanted.whole else None,
    )
    return (yield from make_large_file(large, retry))


_WHOLE: Final = 0
"""Stands for the object among the numbers of its parts."""


def _hash(wanted: Hashing) -> Program[Result[Mapping[int, str], B2Error]]:
    """The digests of the parts that are here, by number, and that of the object if all of it is."""
    if not wanted.numbers:
        return Success({})
    digests = yield from perform(HashParts(wanted.body, wanted.ranges))
    if not ok(digests):
        return Failure(digests.failure())
    by_number = dict(zip(wanted.numbers, digests.unwrap().parts, strict=True))
    return Success({**by_number, _WHOLE: digests.unwrap().whole} if wanted.whole else by_number)


# -- a single call


def create_single(
    job: Creation, part: EmergePart, identity: str | None, retry: RetryPolicy
) -> Program[Result[FileReply, B2Error]]:
    """An object of one part: a single upload or copy, unless it takes a large file to compare it or to date it."""
    if isinstance(part, CopiedPart):
        return (yield from _copy_single(job, part, identity, retry))
    if job.resume.file_id is not None:
        return Failure(too_short(job.resume.file_id))
    return (yield from _send_single(job, part, retry))


def _send_single(job: Creation, part: SentPart, retry: RetryPolicy) -> Program[Result[FileReply, B2Error]]:
    def send(body: Body) -> Program[Result[FileReply, B2Error]]:
        upload = Upload(job.label, job.bucket_id, job.file_name, body, job.new, job.mod_time_millis)
        return upload_body(upload, retry)

    return (yield from with_pieces(part.pieces, job.keys, retry, send))


def _copy_single(
    job: Creation, part: CopiedPart, identity: str | None, retry: RetryPolicy
) -> Program[Result[FileReply, B2Error]]:
    """A copy in one call is a file at once, so it is compared before: by what B2 knows of the whole file, or as a large
    file of two parts, or, where it is too short for that, by looking at it.
    """
    known = _known_sha1(job, part.source)
    in_two = part.checks is not None and known is None
    if in_two or job.new.custom_upload_timestamp is not None:
        parts = halves(part, job.sizes.minimum)
        if parts is not None:
            return (yield from _create_large(job, parts, identity, retry))
    if job.resume.file_id is not None:
        return Failure(too_short(job.resume.file_id))
    if job.new.custom_upload_timestamp is not None:
        return Failure(refused("a copy in one call takes no upload timestamp of its own"))
    if part.checks is not None:
        compared = yield from _compare(job, part, part.checks, known, retry)
        if not ok(compared):
            return Failure(compared.failure())
    copied = yield from request(_copy_call(job, part.source), retry)
    if ok(copied):
        yield from perform(Emit(BytesMoved(job.label, part.length)))
    return copied


def _known_sha1(job: Creation, source: CopySource) -> str | None:
    """What B2 itself knows of the content, where the source is a whole file."""
    file = job.facts.get(source.file_id)
    if file is None or source.range != ByteRange(0, file.content_length):
        return None
    return content_sha1_of(file.content_sha1, {})


def _compare(
    job: Creation, part: CopiedPart, checks: Body, known: str | None, retry: RetryPolicy
) -> Program[Result[None, B2Error]]:
    ours = yield from perform(HashBody(checks))
    if not ok(ours):
        return Failure(ours.failure())
    if known is None:
        theirs = yield from with_pieces((part.source,), job.keys, retry, _digest)
        if not ok(theirs):
            return Failure(theirs.failure())
        known = theirs.unwrap()
    if known == ours.unwrap():
        return Success(None)
    copy = large_part(part, ours.unwrap())
    assert isinstance(copy, CopyRange)
    return Failure(differing_copy(copy, known))


def _digest(body: Body) -> Program[Result[str, B2Error]]:
    hashed = yield from perform(HashBody(body))
    return Success(hashed.unwrap()) if ok(hashed) else Failure(hashed.failure())


def _copy_call(job: Creation, source: CopySource) -> CopyFile:
    new = job.new
    file = job.facts.get(source.file_id)
    whole = file is not None and source.range == ByteRange(0, file.content_length)
    more = {}
    if file is not None and whole and file.content_sha1 == "none":  # whose copy has none either
        told = content_sha1_of(file.content_sha1, dict(file.file_info))
        more = {LARGE_FILE_SHA1: told} if told is not None else {}
    return CopyFile(
        source.file_id,
        job.file_name,
        destination_bucket_id=job.bucket_id,
        range=None if whole else source.range.http(),
        metadata_directive="REPLACE",
        content_type=new.content_type,
        file_info=with_room(job.info(**more), LARGE_FILE_SHA1),
        file_retention=new.retention,
        legal_hold=new.legal_hold,
        source_server_side_encryption=job.keys[source.key_md5] if source.key_md5 is not None else None,
        destination_server_side_encryption=new.encryption,
    )
