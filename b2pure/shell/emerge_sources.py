"""What people make objects from: everything that can be uploaded and read again, and files in B2 or ranges of them.

Rules. How long something is, is found out here: local files are looked at, B2 is asked, each file once. What can be
read only once is refused, because a plan has to know what it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar, cast

from attrs import define, field, frozen
from returns.result import Failure, Result, Success

from b2pure.effects.program import ok
from b2pure.model.errors import B2Error, InvalidArgument
from b2pure.model.files import FileVersion
from b2pure.model.ids import FileId
from b2pure.model.intents import CopySource, WriteIntent
from b2pure.model.protection import SseC
from b2pure.model.replies import FileReply
from b2pure.model.sources import Blob, Body, Chained, LocalSlice, StreamPiece
from b2pure.plan.emerge.digests import source_objection
from b2pure.plan.failures import PlanFailed, SideFailed
from b2pure.shell.arguments import range_problem
from b2pure.shell.sources import Source, open_source

__all__ = ["B2Range", "CreateSource", "InOrder", "IntentLike", "Intents", "Resolver"]

T = TypeVar("T")

_BY_ID: Final = "b2id://"
_B2: Final = ("b2://", _BY_ID)


@frozen
class B2Range:
    """A part of a file in B2: from byte `start` up to, not including, `stop` (None: to the end). A file is
    `b2://bucket/name`, `b2id://fileId`, or what a listing gave; `encryption` is the customer's key that it has, if any.
    """

    file: str | FileReply | FileVersion
    start: int = 0
    stop: int | None = None
    encryption: SseC | None = None


CreateSource = Source | B2Range | CopySource | FileReply | FileVersion | Body
"""A path, bytes, a `LocalRange`, a list of these; a file in B2 (`b2://...`, `b2id://...`, what a listing gave), a range
of one.
"""

IntentLike = WriteIntent | tuple[CreateSource, int]
"""What stands where: a source and its destination offset, in bytes."""


@frozen
class InOrder:
    """Sources one after the other, in place of intents."""

    sources: Iterable[CreateSource]


Intents = Iterable[IntentLike] | InOrder

Resolved = Result[Body | CopySource, B2Error | InvalidArgument]
Sized = Result[tuple[FileId, int], B2Error | InvalidArgument]


@define(eq=False)
class Resolver:
    """Finds out what sources are. `find` gives the id and the size of a file that is named, `ask` what B2 says of one;
    `keys` and `facts` is what was found on the way.
    """

    find: Callable[[str], Sized]
    ask: Callable[[FileId], Result[FileReply, B2Error]]
    keys: dict[str, SseC] = field(factory=dict, repr=False)
    facts: dict[FileId, FileReply] = field(factory=dict)

    def intents(self, given: Intents) -> Iterator[WriteIntent]:
        """The intents, each as it is asked for. Raises PlanFailed."""
        if isinstance(given, InOrder):
            yield from self._in_order(given.sources)
            return
        for number, each in enumerate(given):
            source, offset = _taken_apart(each, number)
            yield WriteIntent(_found(self.source(source), f"intent {number}"), offset)

    def _in_order(self, given: Iterable[CreateSource]) -> Iterator[WriteIntent]:
        at = 0
        for number, each in enumerate(given):
            intent = WriteIntent(_found(self.source(each), f"source {number}"), at)
            yield intent
            at = intent.stop

    def checked(self, intents: Iterable[WriteIntent]) -> Iterator[WriteIntent]:
        """The intents, if what they read of B2 is there and can be read. Raises PlanFailed."""
        for number, intent in enumerate(intents):
            if isinstance(intent.source, CopySource):
                fact = _found(self._fact(intent.source.file_id), f"intent {number}")
                objection = source_objection(intent.source, fact, self.keys)
                if objection is not None:
                    raise PlanFailed(InvalidArgument(f"intent {number}", f"cannot be read: {objection}"))
            yield intent

    def source(self, given: object) -> Resolved:
        """A source as the planner takes it."""
        if isinstance(given, CopySource | LocalSlice | Blob | Chained | StreamPiece):
            return Success(given)
        if isinstance(given, FileReply | FileVersion):
            return self._remote(B2Range(given))
        if isinstance(given, str) and given.startswith(_B2):
            return self._remote(B2Range(given))
        return self._remote(given) if isinstance(given, B2Range) else _local(given)

    def _remote(self, given: B2Range) -> Resolved:
        problem = range_problem(given.file, given.start, given.stop)
        if problem is not None:
            return Failure(InvalidArgument("source", problem))
        sized = self._size(given.file)
        if not ok(sized):
            return Failure(sized.failure())
        file_id, size = sized.unwrap()
        stop = size if given.stop is None else given.stop
        if not 0 <= given.start <= stop <= size:
            told = f"{file_id} has {size} bytes, so it has no range from {given.start} to {stop}"
            return Failure(InvalidArgument("source", told))
        if given.encryption is not None:
            self.keys[given.encryption.customer_key_md5] = given.encryption
        return Success(CopySource.of(file_id, given.start, stop - given.start, given.encryption))

    def _size(self, file: str | FileReply | FileVersion) -> Sized:
        if isinstance(file, FileVersion):
            return Success((file.file_id, file.size))
        if isinstance(file, str):
            if not file.startswith(_BY_ID):
                return self.find(file)
            file_id = FileId(file.removeprefix(_BY_ID))
            return self._fact(file_id).map(lambda fact: (file_id, fact.content_length))
        if file.file_id is None:
            return Failure(InvalidArgument("source", "is a folder, not a file"))
        self.facts[file.file_id] = file
        return Success((file.file_id, file.content_length))

    def _fact(self, file_id: FileId) -> Result[FileReply, B2Error]:
        if file_id not in self.facts:
            answer = self.ask(file_id)
            if not ok(answer):
                return answer
            self.facts[file_id] = answer.unwrap()
        return Success(self.facts[file_id])


def _taken_apart(given: object, number: int) -> tuple[object, int]:
    if isinstance(given, WriteIntent):
        return given.source, given.destination_offset
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], int):
        return given[0], given[1]
    told = "is a WriteIntent, or a pair of a source and its destination offset"
    raise PlanFailed(InvalidArgument(f"intent {number}", told))


def _local(given: object) -> Resolved:
    opened = open_source(cast(Source, given), files=False)  # which refuses what is none
    if not ok(opened):
        return Failure(opened.failure())
    found = opened.unwrap()
    found.close()
    if found.body is None:
        told = "can be read only once; write it to a file first, or upload it by itself"
        return Failure(InvalidArgument("source", told))
    return Success(found.body)


def _found(result: Result[T, B2Error | InvalidArgument] | Result[T, B2Error], name: str) -> T:
    """The value, or PlanFailed with the name that the source has among the others."""
    if ok(result):
        return result.unwrap()
    error = result.failure()
    raise PlanFailed(
        InvalidArgument(name, error.message) if isinstance(error, InvalidArgument) else SideFailed("source", error)
    )
