"""Objects from ranges of local files and of files in B2: planned as a value, then made; or made as ranges come.

A plan is made of facts: how long local files are and when they were changed, how long files in B2 are. The bytes are
looked at when it is carried out. What plans and makes such objects is loaded when one is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from returns.result import Failure, Result, Success

from b2pure.effects.events import LargeFileBegun
from b2pure.effects.interpreter import Listener
from b2pure.effects.large_files import Resume
from b2pure.effects.program import Program, ok
from b2pure.effects.requests import request
from b2pure.effects.room import ROOM
from b2pure.model.calls import GetFileInfo
from b2pure.model.errors import B2Error, InvalidArgument
from b2pure.model.ids import FileId
from b2pure.model.intents import OverlapRule, Prioritize, WriteIntent
from b2pure.model.limits import MAX_PART_SIZE, PartSizes
from b2pure.model.new_file import NewFile
from b2pure.model.protection import SseC
from b2pure.model.replies import FileReply
from b2pure.plan.failures import EmergeFailure, PlanFailed, SideFailed, tell_failure
from b2pure.shell.arguments import checked_arguments
from b2pure.shell.listeners import AbstractProgressListener, telling
from b2pure.shell.receive import Downloads
from b2pure.shell.sources import Opened
from b2pure.shell.transfer_arguments import TransferError, new_file, resume_of
from b2pure.shell.transfers import hearing

if TYPE_CHECKING:
    from b2pure.effects.emerge import Creation
    from b2pure.plan.emerge.plan import EmergeLimits, EmergePlan
    from b2pure.shell.emerge_plans import CreatePlan
    from b2pure.shell.emerge_sources import CreateSource, InOrder, Intents, Resolver

__all__ = ["Creations", "Planning"]

_DEFAULT: Final[Prioritize] = "local_verification"


@frozen
class Planning:
    """How an object is planned; what is None is the usual. Sizes are bytes: `part_size` is that of long uploads, no
    part but the last is shorter than `min_part_size`, none longer than `max_part_size`.
    """

    prioritize: Prioritize | None = None
    overlap: OverlapRule | None = None
    part_size: int | None = None
    min_part_size: int | None = None
    max_part_size: int | None = None

    def limits(self, account: PartSizes) -> Result[EmergeLimits, InvalidArgument]:
        """The limits, if B2 takes such parts."""
        from b2pure.plan.emerge.digests import limits_of

        minimum = self.min_part_size if self.min_part_size is not None else account.minimum
        longest = self.max_part_size if self.max_part_size is not None else MAX_PART_SIZE
        usual = self.part_size if self.part_size is not None else min(max(account.recommended, minimum), longest)
        if not account.minimum <= minimum <= MAX_PART_SIZE:
            return _wrong("min_part_size", account.minimum, MAX_PART_SIZE, minimum)
        if not 2 * minimum - 1 <= longest <= MAX_PART_SIZE:
            return _wrong("max_part_size", 2 * minimum - 1, MAX_PART_SIZE, longest)
        if not minimum <= usual <= longest:
            return _wrong("part_size", minimum, longest, usual)
        return Success(limits_of(PartSizes(usual, minimum), longest))


def _wrong(name: str, least: int, most: int, given: int) -> Result[Any, InvalidArgument]:
    return Failure(InvalidArgument(name, f"must be {least} to {most} bytes, not {given}"))


@frozen
class _Asked:
    """Where the object goes and what it is made with, as people say it."""

    dest: str
    new: NewFile | None
    choices: dict[str, Any]
    mod_time_millis: int | None
    resume: Resume
    memory: int
    listener: Listener | None
    on_large_file: Callable[[LargeFileBegun], None] | None
    progress_listener: AbstractProgressListener | None


class Creations(Downloads):
    """What a client makes from several sources."""

    @checked_arguments()
    def plan_create(self, intents: Intents, **planning: Any) -> Result[CreatePlan, EmergeFailure | B2Error]:
        """The best plan for an object of `intents`: what stands where. It draws and explains itself, can be saved, and
        loaded again (`CreatePlan.load`). The arguments are the fields of `Planning`:
        `prioritize="local_verification"`, `overlap=OverlapRule.ASSUME_EQUAL`, `part_size`, `min_part_size`,
        `max_part_size`.

        An intent is a `WriteIntent`, or a pair of a source and its destination offset; `InOrder` has sources without
        offsets. A source is what can be uploaded and read again (a path, bytes, a `LocalRange`, a list of these), or a
        file in B2 (`b2://bucket/name`, `b2id://ID`, what a listing gave), a `B2Range` of one, or a `CopySource`. B2 is
        asked how long files are, where nobody said it.
        """
        from b2pure.shell.emerge_plans import as_create_plan

        try:
            settings = Planning(**planning)
        except TypeError as wrong:
            return Failure(InvalidArgument("the plan", str(wrong).removeprefix("Planning.__init__() ")))
        return self._plan(self._resolver(()).intents(intents), settings).map(as_create_plan)

    @checked_arguments(encryption="encryption")
    def create_file(
        self,
        intents: Intents | EmergePlan,
        dest: str,
        new: NewFile | None = None,
        *,
        prioritize: Prioritize | None = None,
        overlap: OverlapRule | None = None,
        part_size: int | None = None,
        min_part_size: int | None = None,
        max_part_size: int | None = None,
        mod_time_millis: int | None = None,
        source_keys: Iterable[SseC] = (),
        resume: bool | FileId = True,
        memory: int = ROOM,
        listener: Listener | None = None,
        on_large_file: Callable[[LargeFileBegun], None] | None = None,
        progress_listener: AbstractProgressListener | None = None,
        **choices: Any,
    ) -> Result[FileReply, TransferError]:
        """Make a new version of `b2://bucket/name` from ranges of local files and of files in B2, which may overlap, or
        by a plan of `plan_create`.

        What B2 has is copied there as far as its smallest part allows it; what is too short for that is downloaded,
        kept in memory (`memory` bytes at once, or a single part), and sent with its neighbours. What was copied is
        compared with what is here, wherever all of it is: a difference is `Corrupt`, and makes no file. A large file
        goes on where an earlier run stopped (`resume`; a file id names the one, False starts anew). `source_keys` are
        the customer's keys (SSE-C) of the files that it is made from. `listener` hears every event,
        `progress_listener` how many bytes are there.
        """
        from b2pure.effects.emerge import create
        from b2pure.plan.emerge.plan import EmergePlan

        planning = Planning(prioritize, overlap, part_size, min_part_size, max_part_size)
        how = resume_of(resume, told=on_large_file is not None)
        asked = _Asked(dest, new, choices, mod_time_millis, how, memory, listener, on_large_file, progress_listener)
        resolver = self._resolver(source_keys)
        if isinstance(intents, EmergePlan):
            if planning != Planning():
                return Failure(InvalidArgument("the plan", "is made already; say how to plan when it is planned"))
            plan = intents
        else:
            planned = self._plan(resolver.intents(intents), planning)
            if not ok(planned):
                return Failure(_told(planned.failure()))
            plan = planned.unwrap()
        return self._make(asked, resolver, lambda job: create(job, plan, self._retry))

    @checked_arguments()
    def concatenate(
        self, sources: Iterable[CreateSource] | bytes, dest: str, new: NewFile | None = None, **options: Any
    ) -> Result[FileReply, TransferError]:
        """Make a new version of `b2://bucket/name` from sources, one after the other (or from a single one). The
        options, and what a source is, are those of `create_file`.
        """
        return self.create_file(_in_order(sources), dest, new, **options)

    @checked_arguments(encryption="encryption")
    def create_file_stream(
        self,
        intents: Intents,
        dest: str,
        new: NewFile | None = None,
        *,
        prioritize: Prioritize | None = None,
        overlap: OverlapRule | None = None,
        part_size: int | None = None,
        min_part_size: int | None = None,
        max_part_size: int | None = None,
        mod_time_millis: int | None = None,
        source_keys: Iterable[SseC] = (),
        resume: FileId | None = None,
        memory: int = ROOM,
        listener: Listener | None = None,
        on_large_file: Callable[[LargeFileBegun], None] | None = None,
        progress_listener: AbstractProgressListener | None = None,
        **choices: Any,
    ) -> Result[FileReply, TransferError]:
        """As `create_file`, but the intents, sorted by their destination offset, are taken as the object is made, so
        there may be any number of them.

        Nobody can look for its unfinished large file: who heard of its id (`on_large_file`) goes on with it by
        `resume`, where all sources are local. Without either, what cannot be finished is cancelled.
        """
        from b2pure.effects.emerge_stream import create_stream
        from b2pure.plan.emerge.stream import stream_parts

        planning = Planning(prioritize, overlap, part_size, min_part_size, max_part_size)
        how = Resume(auto=False, file_id=resume, keep=False, told=on_large_file is not None)
        asked = _Asked(dest, new, choices, mod_time_millis, how, memory, listener, on_large_file, progress_listener)
        resolver = self._resolver(source_keys)
        limits = self._limits(planning)
        if not ok(limits):
            return Failure(limits.failure())
        parts = stream_parts(
            resolver.checked(resolver.intents(intents)),
            planning.prioritize or _DEFAULT,
            planning.overlap or OverlapRule.ASSUME_EQUAL,
            limits.unwrap(),
        )
        return self._make(asked, resolver, lambda job: create_stream(job, parts, self._retry))

    @checked_arguments()
    def concatenate_stream(
        self, sources: Iterable[CreateSource] | bytes, dest: str, new: NewFile | None = None, **options: Any
    ) -> Result[FileReply, TransferError]:
        """As `concatenate`, but the sources are taken as the object is made. The options are those of
        `create_file_stream`.
        """
        return self.create_file_stream(_in_order(sources), dest, new, **options)

    # --- putting it together

    def _resolver(self, keys: Iterable[SseC]) -> Resolver:
        from b2pure.shell.emerge_sources import Resolver

        return Resolver(
            lambda name: self._source(name).map(lambda found: found[:2]),
            lambda file_id: self._query(request(GetFileInfo(file_id), self._retry)),
            {key.customer_key_md5: key for key in keys},
        )

    def _limits(self, planning: Planning) -> Result[EmergeLimits, TransferError]:
        account = self._sizes(None, stream=False)
        return planning.limits(account.unwrap()) if ok(account) else Failure(account.failure())

    def _plan(self, intents: Iterator[WriteIntent], planning: Planning) -> Result[EmergePlan, EmergeFailure | B2Error]:
        from b2pure.plan.emerge.planner import emerge

        limits = self._limits(planning)
        if not ok(limits):
            return Failure(limits.failure())
        overlap = planning.overlap or OverlapRule.ASSUME_EQUAL
        try:
            return emerge(intents, planning.prioritize or _DEFAULT, overlap, limits.unwrap())
        except PlanFailed as failed:  # which only the resolver raises here
            return Failure(_of_resolver(failed))

    def _make(
        self, asked: _Asked, resolver: Resolver, program: Callable[[Creation], Program[Result[FileReply, B2Error]]]
    ) -> Result[FileReply, TransferError]:
        from b2pure.effects.emerge import Creation

        made = new_file(asked.new, asked.choices)
        if not ok(made):
            return Failure(made.failure())
        target = self._target(asked.dest, "")
        if not ok(target):
            return Failure(target.failure())
        account = self._sizes(None, stream=False)
        if not ok(account):
            return Failure(account.failure())
        bucket_id, name = target.unwrap()
        job = Creation(
            name,
            bucket_id,
            name,
            account.unwrap(),
            made.unwrap(),
            asked.mod_time_millis,
            resolver.keys,
            asked.resume,
            resolver.facts,
        )
        with telling(asked.progress_listener) as told:
            heard = hearing(asked.listener, told.listener, asked.on_large_file)
            result = self._transfer(program(job), Opened(), heard, room=asked.memory)
            return told.of(result, lambda reply: reply.content_length)


def _in_order(sources: Iterable[CreateSource] | bytes) -> InOrder:
    """A path or bytes are one source, not one of every letter."""
    from b2pure.shell.emerge_sources import InOrder

    return InOrder([sources] if isinstance(sources, str | bytes | bytearray | memoryview) else sources)


def _of_resolver(failed: PlanFailed) -> B2Error | InvalidArgument:
    match failed.failure:
        case SideFailed(_, error):
            return error
        case InvalidArgument() as error:
            return error
        case _:
            raise failed


def _told(failure: EmergeFailure | B2Error) -> TransferError:
    """A plan that there is none of, as an error of a transfer."""
    if isinstance(failure, InvalidArgument | B2Error):
        return failure
    return InvalidArgument("the intents", f"make no object: {tell_failure(failure)}")
