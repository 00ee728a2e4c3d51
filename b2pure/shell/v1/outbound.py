"""New files: uploads, copies, and objects that are made of ranges of both.

Rules. Here arguments become the data of the core: how parts are cut, what is copied and what is sent (`new_object` says
what a file is made with). What a plan cannot be made of is an exception before anything is begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Any, Final

from attrs import evolve, frozen

from b2pure.effects.copies import Copy, copy_file
from b2pure.effects.effect import HashBody
from b2pure.effects.emerge import Creation, create
from b2pure.effects.emerge_stream import create_stream
from b2pure.effects.events import Sized
from b2pure.effects.program import perform
from b2pure.effects.uploads import Upload, upload_body
from b2pure.model import intents as core
from b2pure.model.calls import GetFileInfo
from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_FILE_SIZE, MAX_PART_SIZE, MAX_SINGLE_SIZE, PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply
from b2pure.model.sources import body_length
from b2pure.plan.capabilities import object_lacks, object_needs
from b2pure.plan.emerge import EmergePart, Prioritize, plan_emerge
from b2pure.plan.emerge.stream import plan_stream
from b2pure.plan.failures import PlanFailed
from b2pure.plan.parts import large_file_parts
from b2pure.shell.listeners import telling
from b2pure.shell.transfers import hearing
from b2pure.shell.v1.error_table import Context
from b2pure.shell.v1.exceptions import (
    BadRequest,
    FileSha1Mismatch,
    InvalidArgument,
    InvalidUploadSource,
    MaxFileSizeExceeded,
)
from b2pure.shell.v1.new_object import NewObject
from b2pure.shell.v1.no_plan import no_plan
from b2pure.shell.v1.own_session import says_itself
from b2pure.shell.v1.session import Session, Work
from b2pure.shell.v1.source_bodies import OpenedSlices
from b2pure.shell.v1.source_kinds import Intent, Sends, copies, is_intent, promised_sha1, sends
from b2pure.shell.v1.sources import CopySource
from b2pure.shell.v1.tries import run_upload

__all__ = [
    "Making",
    "copy",
    "make",
    "make_stream",
    "upload",
]

_SOURCES: Final = "UploadSourceBytes makes one of bytes, UploadSourceLocalFile one of a path"
_NOTHING: Final = "there is nothing to make a file of: no sources were given"


def _permit(session: Session, made: NewObject, *, copies: bool = False) -> None:
    """Before anything is begun. Raises Unauthorized when the key cannot make this file."""
    needed, allowed = object_needs(copies=copies), session.token().allowed
    session.refuse(object_lacks(needed, made.bucket_id, made.bucket_name, made.file_name, allowed))


def upload(session: Session, made: NewObject, source: Sends, min_part_size: int | None, workers: int) -> FileReply:
    """The content of one source as a new file."""
    if not sends(source):
        raise InvalidUploadSource(f"{type(source).__name__} is no upload source; {_SOURCES}")
    _permit(session, made)
    with closing(OpenedSlices()) as slices:
        body = slices.body(source)
        size = body_length(body)
        if size > MAX_FILE_SIZE:
            raise MaxFileSizeExceeded(size, MAX_FILE_SIZE)
        sizes = _sizes(session, min_part_size)
        resume = made.continuation.resume()
        parts = sizes if resume.file_id is not None else large_file_parts(size, sizes)
        sha1 = promised_sha1(source, in_one_call=parts is None)
        job = Upload(
            made.file_name,
            made.bucket_id,
            made.file_name,
            body,
            made.new,
            parts=parts,
            sha1=sha1,
            resume=resume,
            whole_sha1=not says_itself(session, "start_large_file"),  # a method of somebody's own gets what was given
        )
        about = Context(file_name=made.file_name, bucket_id=made.bucket_id, uploads=True, sha1_given=sha1 is not None)
        return _told(session, made, slices, workers, size, upload_body(job, session.retry), about)


def _sizes(session: Session, part_size: int | None, name: str = "min_part_size") -> PartSizes:
    """The account's sizes, or those that the caller wants: never smaller than B2 takes."""
    sizes = session.token().part_sizes
    if part_size is None:
        return sizes
    if not 1 <= part_size <= MAX_PART_SIZE:
        raise InvalidArgument(name, f"must be 1 to {MAX_PART_SIZE} bytes, not {part_size}")
    return PartSizes(max(part_size, sizes.minimum), sizes.minimum)


def _told(
    session: Session,
    made: NewObject,
    slices: OpenedSlices,
    workers: int,
    size: int | None,
    program: Any,
    context: Context | None = None,
) -> FileReply:
    """Run what makes the file, while everybody who wants to hears of it."""
    callback = made.begun if made.continuation.callback is not None else None
    with telling(made.listener, enters=True) as told:
        heard = hearing(None, told.listener, callback)
        if heard is not None and size is not None:
            heard(Sized(made.file_name, size))
        context = context or Context(file_name=made.file_name, bucket_id=made.bucket_id, uploads=True)
        reply: FileReply = run_upload(session, program, Work(heard, None, slices, workers, context=context))
        if told.listener is not None:
            told.listener.arrived(reply.content_length)
        return reply


# -- copies


def copy(
    session: Session,
    made: NewObject,
    source: CopySource,
    max_copy_part_size: int | None,
    workers: int,
) -> FileReply:
    """A file, or a range of it, copied on the server. With a length that one call cannot copy, or that is more than
    `max_copy_part_size`, in parts; a `max_copy_part_size` below what B2 takes as a part forces one call.
    """
    _permit(session, made)  # whether the source must be readable by the key depends on its bucket, which B2 knows
    described = made.content_type is not None or made.file_info is not None
    most = MAX_SINGLE_SIZE if max_copy_part_size is None else max_copy_part_size
    if not 1 <= most <= MAX_PART_SIZE:
        raise InvalidArgument("max_copy_part_size", f"must be 1 to {MAX_PART_SIZE} bytes, not {most}")
    parts: PartSizes | None = None
    wanted: ByteRange | None = None
    if source.length is not None:
        if source.length == 0:
            raise ValueError("a copy of no bytes cannot be made; upload an empty file")
        wanted = ByteRange(source.offset, source.offset + source.length)
        _check_there(session, source, wanted)
        minimum = session.token().part_sizes.minimum
        if source.length > most >= minimum:
            parts = PartSizes(most, minimum)
    job = Copy(
        made.file_name,
        FileId(source.file_id),
        made.bucket_id,
        made.file_name,
        wanted,
        made.new,
        replace=described,
        parts=parts,
        resume=made.continuation.resume(),
    )
    about = Context(file_id=source.file_id)
    return _told(session, made, OpenedSlices(), workers, source.length, copy_file(job, session.retry), about)


def _check_there(session: Session, source: CopySource, wanted: ByteRange) -> None:
    """B2 copies as much of a range as there is; whoever says a length means all of it. Raises BadRequest."""
    size = session.ask(GetFileInfo(FileId(source.file_id))).content_length
    if size < wanted.stop:
        told = f"the file {source.file_id} has {size} bytes, not the {wanted.stop} that the copy reaches to"
        raise BadRequest(told, "bad_request")


# -- objects of ranges


@frozen
class Making:
    """How an object is put together."""

    part_size: int | None
    prioritize: Prioritize
    workers: int


def make(session: Session, made: NewObject, given: Iterable[Intent], how: Making) -> FileReply:
    """An object of intents that are all there: planned as a whole, then made."""
    with closing(OpenedSlices()) as slices:
        wanted = [_intent(each) for each in given]
        intents = [slices.intent(intent) for intent in wanted]
        if not intents:
            raise ValueError(_NOTHING)
        _permit(session, made, copies=any(map(_copies, wanted)))
        sizes = _sizes(session, how.part_size, "recommended_upload_part_size")
        alone = len(wanted) == 1 and large_file_parts(wanted[0].length, sizes) is None
        _check_digests(session, slices, made.file_name, wanted, in_one_call=alone)
        try:
            plan = plan_emerge(intents, prioritize=how.prioritize, sizes=sizes)
        except PlanFailed as failed:
            raise no_plan(failed.failure) from None
        program = create(_creation(made, sizes), plan, session.retry)
        return _told(session, made, slices, how.workers, plan.length, program)


def _intent(given: object) -> Intent:
    if not is_intent(given):
        raise TypeError(f"a file is made of WriteIntents, not of {type(given).__name__}; concatenate takes sources")
    return given


def _copies(intent: Intent) -> bool:
    return copies(intent.outbound_source)


def make_stream(session: Session, made: NewObject, given: Iterable[Intent], how: Making) -> FileReply:
    """An object of intents as they come, in order of their offsets."""
    with closing(OpenedSlices()) as slices:
        sizes = _sizes(session, how.part_size, "recommended_upload_part_size")
        _permit(session, made)
        rest = iter(given)
        first = next(rest, None)
        if first is None:
            raise ValueError(_NOTHING)
        feed = _Feed(session, made, slices, chain((first,), rest))
        parts = feed.parts(plan_stream(feed, prioritize=how.prioritize, sizes=sizes))
        by_hand = evolve(made, continuation=evolve(made.continuation, auto=False))
        program = create_stream(_creation(by_hand, sizes), parts, session.retry)
        try:
            return _told(session, made, slices, how.workers, None, program)
        except Exception:
            if feed.raised is not None:
                raise feed.raised from None
            raise


def _creation(made: NewObject, sizes: PartSizes) -> Creation:
    return Creation(made.file_name, made.bucket_id, made.file_name, sizes, made.new, resume=made.continuation.resume())


class _Feed:
    """Intents on their way to the planner, and parts on their way from it. What the caller's iterator raises, and why
    there is no plan, is kept, to be raised again.
    """

    def __init__(self, session: Session, made: NewObject, slices: OpenedSlices, given: Iterator[Intent]) -> None:
        self._session, self._made, self._slices, self._given = session, made, slices, given
        self._previous = 0
        self.raised: Exception | None = None

    def __iter__(self) -> Iterator[core.WriteIntent]:
        try:
            for given in map(_intent, self._given):
                if given.destination_offset < self._previous:
                    raise ValueError("Write intent stream have to be sorted by destination offset")
                self._previous = given.destination_offset
                if _copies(given):
                    _permit(self._session, self._made, copies=True)
                _check_digests(self._session, self._slices, self._made.file_name, [given])
                yield self._slices.intent(given)
        except Exception as error:
            self.raised = error
            raise

    def parts(self, planned: Iterator[EmergePart]) -> Iterator[EmergePart]:
        """The parts that are planned."""
        try:
            yield from planned
        except PlanFailed as failed:
            if self.raised is None:
                self.raised = no_plan(failed.failure)
            raise


def _check_digests(
    session: Session, slices: OpenedSlices, file_name: str, intents: Iterable[Intent], *, in_one_call: bool = False
) -> None:
    """Sources whose digest the caller gave have it, and empty ones are: nobody reads them later. Raises
    FileSha1Mismatch, and InvalidUploadSource.
    """
    for intent in intents:
        source = intent.outbound_source
        if not sends(source):
            continue
        promised = promised_sha1(source, in_one_call=in_one_call)
        if promised is not None or intent.length == 0:
            found = session.run(perform(HashBody(slices.body(source))), Work(slices=slices))
            if promised not in (None, found):
                raise FileSha1Mismatch(file_name)
