"""Plans of objects as lines of JSON: a header, one line per part, a trailer.

A line is canonical (sorted keys, no spaces), the vocabulary is closed, and the trailer holds the digest of the lines
before it, as in the files of sync plans. Bytes at hand are kept in base64, as long as no piece has more than
`MOST_BYTES` of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, assert_never

import msgspec
from returns.result import Failure, Result, Success

from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.intents import CopySource, OverlapRule
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, Body, Chained, LocalSlice, StreamPiece
from b2pure.plan.emerge.check import check_plan
from b2pure.plan.emerge.identity import plan_id
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, Piece, SentPart, Twice
from b2pure.plan.emerge.plan import EmergeLimits, EmergePlan, Prioritize, Spans
from b2pure.plan.failures import BadPlanLine, EmergeFailure, NotSavable, Truncated
from b2pure.plan.reasons import PlanRecord

__all__ = ["FORMAT", "MOST_BYTES", "emerge_lines", "read_emerge_lines"]

FORMAT: Final = 1
MOST_BYTES: Final = 65_536


class _Limits(PlanRecord, frozen=True):
    minimum: int
    recommended: int
    max_upload: int
    max_copy: int
    max_parts: int


class _Header(PlanRecord, frozen=True, tag="emerge_plan"):
    length: int
    prioritize: Prioritize
    overlap: OverlapRule
    limits: _Limits
    local: tuple[tuple[int, int], ...]
    remote: tuple[tuple[int, int], ...]
    format: int = FORMAT


class _Local(PlanRecord, frozen=True, tag="local"):
    path: str
    start: int
    stop: int
    size: int
    mod_time_millis: int


class _Bytes(PlanRecord, frozen=True, tag="bytes"):
    data: bytes


class _Remote(PlanRecord, frozen=True, tag="b2"):
    file_id: str
    start: int
    stop: int
    key_md5: str | None = None


class _Twice(PlanRecord, frozen=True):
    start: int
    stop: int
    taken: tuple[_Local | _Bytes, ...]
    other: tuple[_Local | _Bytes, ...]


class _Sent(PlanRecord, frozen=True, tag="send", omit_defaults=True):
    number: int
    start: int
    stop: int
    pieces: tuple[_Local | _Bytes | _Remote, ...]
    twice: tuple[_Twice, ...] = ()


class _Copied(PlanRecord, frozen=True, tag="copy", omit_defaults=True):
    number: int
    start: int
    stop: int
    source: _Remote
    checks: tuple[_Local | _Bytes, ...]
    twice: tuple[_Twice, ...] = ()


class _Trailer(PlanRecord, frozen=True, tag="end"):
    parts: int
    plan_id: str
    digest: str


_Line = _Header | _Sent | _Copied | _Trailer
_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_DECODER: Final[msgspec.json.Decoder[_Line]] = msgspec.json.Decoder(_Line)


class _TooManyBytes(Exception):
    """Leaves the encoding of a part."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length


def emerge_lines(plan: EmergePlan) -> Result[tuple[bytes, ...], NotSavable]:
    """The lines of the plan, each with its newline."""
    lines = [_encode(_header(plan))]
    for part in plan.parts:
        try:
            lines.append(_encode(_part(part)))
        except _TooManyBytes as many:
            return Failure(NotSavable(part.number, many.length))
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    lines.append(_encode(_Trailer(len(plan.parts), plan_id(plan), digest)))
    return Success(tuple(lines))


def _encode(line: _Line) -> bytes:
    return _ENCODER.encode(line) + b"\n"


def _header(plan: EmergePlan) -> _Header:
    limits = plan.limits
    kept = _Limits(limits.minimum, limits.recommended, limits.max_upload, limits.max_copy, limits.max_parts)
    return _Header(plan.length, plan.prioritize, plan.overlap, kept, tuple(plan.local), tuple(plan.remote))


def _part(part: EmergePart) -> _Sent | _Copied:
    start, stop = part.range.start, part.range.stop
    twice = tuple(_twice(one) for one in part.twice)
    if isinstance(part, SentPart):
        return _Sent(part.number, start, stop, tuple(each for piece in part.pieces for each in _piece(piece)), twice)
    checks = tuple(_bodies(part.checks)) if part.checks is not None else ()
    return _Copied(part.number, start, stop, _remote(part.source), checks, twice)


def _twice(one: Twice) -> _Twice:
    return _Twice(one.range.start, one.range.stop, tuple(_bodies(one.taken)), tuple(_bodies(one.other)))


def _piece(piece: Piece) -> Iterator[_Local | _Bytes | _Remote]:
    if isinstance(piece, CopySource):
        yield _remote(piece)
    else:
        yield from _bodies(piece)


def _remote(source: CopySource) -> _Remote:
    return _Remote(source.file_id, source.range.start, source.range.stop, source.key_md5)


def _bodies(body: Body) -> Iterator[_Local | _Bytes]:
    match body:
        case LocalSlice(path, span, fact):
            yield _Local(path, span.start, span.stop, fact.size, fact.mod_time_millis)
        case Blob(data):
            if len(data) > MOST_BYTES:
                raise _TooManyBytes(len(data))
            yield _Bytes(data)
        case Chained(bodies):
            for each in bodies:
                yield from _bodies(each)
        case StreamPiece():
            raise AssertionError("no plan has a piece of a stream")
        case _:
            assert_never(body)


def read_emerge_lines(lines: Iterable[bytes]) -> Result[EmergePlan, EmergeFailure]:
    """The plan that was written; it is checked anew."""
    read: list[bytes] = []
    header: _Header | None = None
    parts: list[EmergePart] = []
    for number, line in enumerate(lines, start=1):
        value = _decode(line, number)
        match value:
            case BadPlanLine() | Truncated():
                return Failure(value)
            case _Trailer() if header is not None:
                return _finished(header, parts, value, read, number)
            case _Header() if header is None:
                if value.format != FORMAT:
                    why = f"is {value.format}; this version reads format {FORMAT}"
                    return Failure(BadPlanLine(number, "format", why))
                header = value
            case _Sent() | _Copied() if header is not None:
                parts.append(_part_of(value))
            case _:
                return Failure(BadPlanLine(number, "", "a plan has one header, which is its first line"))
        read.append(line)
    return Failure(Truncated(len(read)))


def _decode(line: bytes, number: int) -> _Line | BadPlanLine | Truncated:
    if not line.endswith(b"\n"):
        return Truncated(number)
    try:
        value = _DECODER.decode(line)
        if isinstance(value, _Sent | _Copied):
            _part_of(value)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        why, _, where = str(error).partition(" - at ")
        return BadPlanLine(number, where.strip("`"), why)
    if _encode(value) != line:
        return BadPlanLine(number, "", "is not in the canonical form that b2pure writes")
    return value


def _finished(
    header: _Header, parts: list[EmergePart], trailer: _Trailer, read: list[bytes], number: int
) -> Result[EmergePlan, EmergeFailure]:
    kept = header.limits
    limits = EmergeLimits(kept.minimum, kept.recommended, kept.max_upload, kept.max_copy, kept.max_parts)
    plan = EmergePlan(
        header.length,
        tuple(parts),
        header.prioritize,
        header.overlap,
        limits,
        Spans.of(header.local),
        Spans.of(header.remote),
    )
    if trailer != _Trailer(len(parts), plan_id(plan), hashlib.sha256(b"".join(read)).hexdigest()):
        return Failure(BadPlanLine(number, "", "the plan was changed after it was made; make it again"))
    wrong = check_plan(plan)
    return Success(plan) if wrong is None else Failure(BadPlanLine(number, "", f"the plan makes no object: {wrong}"))


def _part_of(line: _Sent | _Copied) -> EmergePart:
    wanted = ByteRange(line.start, line.stop)
    twice = tuple(map(_twice_of, line.twice))
    if isinstance(line, _Sent):
        return SentPart(line.number, wanted, tuple(_piece_of(piece) for piece in line.pieces), twice)
    checks = _chained(line.checks) if line.checks else None
    return CopiedPart(line.number, wanted, _source_of(line.source), checks, twice)


def _twice_of(line: _Twice) -> Twice:
    return Twice(ByteRange(line.start, line.stop), _chained(line.taken), _chained(line.other))


def _chained(lines: tuple[_Local | _Bytes, ...]) -> Body:
    bodies = tuple(map(_body_of, lines))
    return bodies[0] if len(bodies) == 1 else Chained(bodies)


def _piece_of(piece: _Local | _Bytes | _Remote) -> Piece:
    return _source_of(piece) if isinstance(piece, _Remote) else _body_of(piece)


def _source_of(line: _Remote) -> CopySource:
    return CopySource(FileId(line.file_id), ByteRange(line.start, line.stop), line.key_md5)


def _body_of(line: _Local | _Bytes) -> Body:
    if isinstance(line, _Bytes):
        return Blob(line.data)
    fact = LocalFact(line.size, line.mod_time_millis)
    return LocalSlice(line.path, ByteRange(line.start, line.stop), fact)
