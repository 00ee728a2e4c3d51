"""Whether a plan makes the object, looked at without what made it: every plan passes here before anybody gets it."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from b2pure.model.intents import CopySource, WriteIntent
from b2pure.model.limits import MAX_FILE_SIZE
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Body, Chained, LocalSlice, body_length
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, Piece, SentPart
from b2pure.plan.emerge.plan import EmergeLimits, EmergePlan

__all__ = ["check_part", "check_plan", "check_sources"]


_RANGES: Final = (CopySource, LocalSlice)
_TWICE: Final = attrgetter("twice")


def check_plan(plan: EmergePlan) -> str | None:
    """What is wrong with the plan; None when B2 takes it and its parts are the object."""
    count = len(plan.parts)
    if not 1 <= count <= plan.limits.max_parts:
        return f"{count} parts; there may be 1 to {plan.limits.max_parts}"
    if plan.length > MAX_FILE_SIZE:
        return f"{plan.length} bytes; a file has at most {MAX_FILE_SIZE}"
    at = 0
    limits = plan.limits
    minimum, max_copy, max_upload = limits.minimum, limits.max_copy, limits.max_upload
    for number, part in enumerate(plan.parts, start=1):
        span = part.range
        start, at = at, span.stop
        length = left = at - start
        # Nearly all parts are one range of a file. What is not seen to be right here is looked at as a whole.
        if part.number == number and span.start == start and length >= minimum:
            if type(part) is SentPart:  # cheaper to ask where it is not
                if length <= max_upload:
                    for piece in part.pieces:
                        if type(piece) is not CopySource and type(piece) is not LocalSlice:
                            break
                        here = piece.range
                        size = here.stop - here.start
                        if not size:
                            break
                        left -= size
                    else:
                        if not left:
                            continue
            elif length <= max_copy:
                copied, checks = part.source.range, part.checks
                if copied.stop - copied.start == length:
                    if checks is None:
                        continue
                    if isinstance(checks, LocalSlice):
                        here = checks.range
                        if here.stop - here.start == length:
                            continue
        wrong = check_part(part, number, start, number == count, limits)
        if wrong is not None:
            return wrong
    for part in filter(_TWICE, plan.parts):
        wrong = _check_twice(part, plan.length)
        if wrong is not None:
            return wrong
    return None if at == plan.length else f"the parts end at {at}, the object at {plan.length}"


def check_part(part: EmergePart, number: int, at: int, is_last: bool, limits: EmergeLimits) -> str | None:
    """What is wrong with the part that stands at place `number` and begins at `at`."""
    start, stop = part.range.start, part.range.stop
    length = stop - start
    if part.number != number:
        return f"part {part.number} stands at place {number}"
    if start != at:
        return f"part {number} begins at {start}, not at {at}"
    if length < limits.minimum and not is_last:
        return f"part {number} has {length} bytes; every part but the last has at least {limits.minimum}"
    if isinstance(part, CopiedPart):
        if not 1 <= length <= limits.max_copy:
            return f"part {number} has {length} bytes; a copy has 1 to {limits.max_copy}"
        if _length(part.source) != length:
            return f"part {number} has {length} bytes and copies {part.source.length}"
        if part.checks is not None and _length(part.checks) != length:
            return f"part {number} has {length} bytes and is compared with {_length(part.checks)}"
        return None
    if length > limits.max_upload:
        return f"part {number} has {length} bytes; what is sent has at most {limits.max_upload}"
    sizes = [_length(piece) for piece in part.pieces]
    if sum(sizes) != length or 0 in sizes:
        return f"part {number} has {length} bytes and is put together from {sizes}"
    return None


def _check_twice(part: EmergePart, length: int) -> str | None:
    for one in part.twice:
        span, sizes = one.range, (_length(one.taken), _length(one.other))
        if not part.range.start <= span.start < part.range.stop or span.stop > length:
            return f"part {part.number} compares [{span.start}, {span.stop}), which does not begin in it"
        if sizes != (span.length, span.length):
            return f"part {part.number} compares {sizes[0]} and {sizes[1]} bytes for [{span.start}, {span.stop})"
    return None


def _length(piece: Piece) -> int:
    if isinstance(piece, _RANGES):
        return piece.range.stop - piece.range.start
    return body_length(piece)


def check_sources(plan: EmergePlan, intents: Iterable[WriteIntent]) -> str | None:
    """What the plan reads that no intent gives, by the ranges of the files that the intents name together."""
    given: dict[object, list[ByteRange]] = {}
    for intent in intents:
        for key, span in _ranges(intent.source):
            given.setdefault(key, []).append(span)
    joined = {key: _joined(spans) for key, spans in given.items()}
    for part in plan.parts:
        pieces = (part.source, part.checks) if isinstance(part, CopiedPart) else part.pieces
        for piece in (*pieces, *(body for one in part.twice for body in (one.taken, one.other))):
            for key, span in _ranges(piece) if piece is not None else ():
                if not any(each.start <= span.start and span.stop <= each.stop for each in joined.get(key, ())):
                    return f"part {part.number} reads [{span.start}, {span.stop}) of what no intent gives"
    return None


def _ranges(source: Body | CopySource) -> list[tuple[object, ByteRange]]:
    if isinstance(source, CopySource):
        return [((source.file_id, source.key_md5), source.range)]
    if isinstance(source, LocalSlice):
        return [((source.path, source.fact), source.range)]
    if isinstance(source, Chained):
        return [each for body in source.bodies for each in _ranges(body)]
    return []


def _joined(spans: list[ByteRange]) -> list[ByteRange]:
    found: list[ByteRange] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].stop:
            found[-1] = ByteRange(found[-1].start, max(found[-1].stop, span.stop))
        else:
            found.append(span)
    return found
