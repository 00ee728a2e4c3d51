"""Why there is no plan, as values, and the one exception that carries them out of a lazy stream."""

from __future__ import annotations

from typing import Final, Literal, assert_never

from attrs import frozen

from b2pure.model.errors import B2Error, InvalidArgument, describe
from b2pure.model.names import printable
from b2pure.model.ranges import ByteRange

__all__ = [
    "LAST_MAY_COUNT",
    "SOURCES_DIFFER",
    "BadPlanLine",
    "ClockSkewed",
    "Differing",
    "EmergeFailure",
    "EmptySource",
    "Hole",
    "IntentsOutOfOrder",
    "NegativeOffset",
    "NotSavable",
    "OutOfOrder",
    "PlanFailed",
    "PlanFailure",
    "SideFailed",
    "TooLarge",
    "TooManyParts",
    "Truncated",
    "UnknownLength",
    "UsedUp",
    "tell_failure",
]


LAST_MAY_COUNT: Final = " (if the last one counts there, say overlap=OverlapRule.LAST_WINS, --overlap last-wins)"
SOURCES_DIFFER: Final = "the sources differ where they overlap" + LAST_MAY_COUNT


@frozen
class OutOfOrder:
    """A scan gave `name` after `previous`, against B2's order: a plan from it would be wrong."""

    side: Literal["source", "destination"]
    previous: str
    name: str


@frozen
class ClockSkewed:
    """The clock of this computer is `ahead_millis` ahead of B2's (negative: behind it): too far to count days by it."""

    ahead_millis: int


@frozen
class EmptySource:
    """The source has no files, and the policy does not allow that."""


@frozen
class TooLarge:
    """No large file can have so many bytes."""

    size: int


@frozen
class UsedUp:
    """The plan was made from a stream, and the stream has been read."""


@frozen
class BadPlanLine:
    """A line of a plan file (counted from 1) is not what a plan file has there."""

    line: int
    where: str
    why: str


@frozen
class Truncated:
    """The plan file ends before its trailer, after `lines` lines."""

    lines: int


@frozen
class SideFailed:
    """A side could not be read to its end, so there can be no plan for it."""

    side: Literal["source", "destination"]
    error: B2Error


# --- an object from ranges: which intents make none --------------------------------------------------------------


@frozen
class Hole:
    """No intent writes these bytes of the object, though there is something after them."""

    range: ByteRange


@frozen
class Differing:
    """Two sources, which stand at `one` and `other` in the object, overlap in `range`, and differ there: `first` is the
    place of the first byte that does.
    """

    range: ByteRange
    first: int
    one: ByteRange
    other: ByteRange


@frozen
class NegativeOffset:
    """Intent `index` (from 0) begins before the object does."""

    index: int
    offset: int


@frozen
class UnknownLength:
    """Intent `index` (from 0) is a piece of a stream, whose length nobody knows beforehand."""

    index: int


@frozen
class IntentsOutOfOrder:
    """In a stream of intents, intent `index` (from 0) begins at `offset`, before the one before it (`previous`)."""

    index: int
    previous: int
    offset: int


@frozen
class TooManyParts:
    """No way to make the object has at most `limit` parts: it takes `needed` or more."""

    needed: int
    limit: int


@frozen
class NotSavable:
    """Part `number` is made of `length` bytes at hand, too many for a plan file."""

    number: int
    length: int


EmergeFailure = (
    Hole
    | Differing
    | NegativeOffset
    | UnknownLength
    | IntentsOutOfOrder
    | TooManyParts
    | TooLarge
    | NotSavable
    | BadPlanLine
    | Truncated
    | InvalidArgument
)


PlanFailure = (
    OutOfOrder
    | EmptySource
    | SideFailed
    | TooLarge
    | UsedUp
    | BadPlanLine
    | Truncated
    | ClockSkewed
    | InvalidArgument
    | EmergeFailure
)


class PlanFailed(Exception):
    """Leaves a stream of plan lines when there can be no (further) plan."""

    def __init__(self, failure: PlanFailure) -> None:
        super().__init__(tell_failure(failure))
        self.failure = failure


def tell_failure(failure: PlanFailure) -> str:
    """The failure for a person, with the fix where there is one."""
    match failure:
        case OutOfOrder(side, previous, name):
            return (
                f"the {side} is not in B2's order: {printable(name)!r} came after {printable(previous)!r}; "
                "give names sorted by their UTF-8 bytes, each once"
            )
        case EmptySource():
            return "the source has no files; if that is right, allow it (allow_empty_source, --allow-empty-source)"
        case TooLarge(size):
            return f"{size} bytes are more than a B2 file can have (10 TB)"
        case UsedUp():
            return "this plan was made from a stream that has been read; make it from a collection, or save and load it"
        case BadPlanLine(line, where, why):
            return f"line {line} of the plan is not valid{f' at {where}' if where else ''}: {why}"
        case Truncated(lines):
            return f"the plan is truncated: it ends after line {lines} without a trailer; make it again"
        case SideFailed(side, error):
            return f"cannot read the {side}: {describe(error)}"
        case ClockSkewed(ahead):
            return (
                f"the clock of this computer is {_duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} B2's, "
                "so keep-days would count the wrong days; set the clock right"
            )
        case InvalidArgument():
            return str(failure)
        case Differing(span, first, one, other):
            return (
                f"{SOURCES_DIFFER}: the bytes given for [{one.start}, {one.stop}) and for [{other.start}, "
                f"{other.stop}) of the object share [{span.start}, {span.stop}), and the first that differs is {first}"
            )
        case Hole(missing):
            return (
                f"nothing is written to [{missing.start}, {missing.stop}) of the object, but there is something after "
                "it; add an intent for these bytes (and in a stream, sort the intents by their destination offset)"
            )
        case NegativeOffset(index, offset):
            return f"intent {index} begins at {offset}; an object begins at 0"
        case UnknownLength(index):
            return f"intent {index} is a stream of unknown length; write it to a file first, or upload it by itself"
        case IntentsOutOfOrder(index, previous, offset):
            return (
                f"intent {index} begins at {offset}, before the one before it ({previous}); sort the intents by their "
                "destination offset, or plan them all at once"
            )
        case TooManyParts(needed, limit):
            return (
                f"the object takes at least {needed} parts; B2 takes {limit}: raise the part sizes, or make two objects"
            )
        case NotSavable(number, length):
            return f"part {number} has {length} bytes at hand, too many for a plan file; write them to a file first"
        case _:
            assert_never(failure)


def _duration(millis: int) -> str:
    """Rounded down to whole minutes, the two largest units of it."""
    minutes = millis // 60_000
    units = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    return " ".join(f"{count} {unit}" for count, unit in units if count) or "less than a minute"
