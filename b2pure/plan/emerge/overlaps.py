"""What is where: intents become covers of the object by local and by remote bytes, and the diagonals of the latter.

Rules. Positions are bytes of the object. A row says that the first byte of its source stands at its start; a range of a
file may go on beyond what its source names, where other intents give what comes after. A diagonal
is what all intents of one file in B2 that stand at the same distance from their place in the object cover together:
ranges of it can be copied, however many intents it was given as. The covers choose one source for each byte, with as
few changes of source as possible. What is empty is left out. Everything is in order of start.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import chain, islice, pairwise
from operator import eq, itemgetter, lt
from typing import Final, TypeVar

from attrs import frozen

from b2pure.model.intents import CopySource, OverlapRule, WriteIntent
from b2pure.model.limits import MAX_FILE_SIZE
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Body, Chained, LocalSlice, StreamPiece, body_length, slice_body
from b2pure.plan.emerge.plan import Span
from b2pure.plan.failures import EmergeFailure, Hole, NegativeOffset, TooLarge, UnknownLength

__all__ = [
    "CopyRow",
    "Cover",
    "Layout",
    "LocalRow",
    "add_rows",
    "cover",
    "first_hole",
    "in_order",
    "join_diagonals",
    "lay_out",
    "spans_of",
]

_START: Final = itemgetter(0)
_STOP: Final = itemgetter(1)

LocalRow = tuple[int, int, Body]
CopyRow = tuple[int, int, CopySource]
T = TypeVar("T", bound=tuple[int, int, object])
Cover = list[tuple[int, int, int, Body | CopySource]]
"""(start, stop, where the first byte of the source stands, source): adjacent or apart, never overlapping."""


@frozen
class Layout:
    """An object of `length` bytes: who has which of them."""

    length: int
    local: Cover
    remote: Cover
    diagonals: list[CopyRow]
    local_spans: list[Span]
    """Where there are local bytes, joined where they touch."""
    rows: list[LocalRow]
    """All local ranges, in order of start."""


def lay_out(intents: Iterable[WriteIntent], rule: OverlapRule) -> Layout | EmergeFailure:
    """The layout of all intents; a failure when they leave a hole or make no sense."""
    local: list[LocalRow] = []
    remote: list[CopyRow] = []
    order: list[tuple[int, int, Body | CopySource]] | None = [] if rule is OverlapRule.LAST_WINS else None
    failure = add_rows(intents, 0, local, remote, order)
    if failure is not None:
        return failure
    if order:
        local, remote = _last_wins(order)
    local.sort(key=_START)
    remote.sort(key=_START)
    diagonals = join_diagonals(remote)
    local_cover, remote_cover = cover(local), cover(diagonals)
    length = max(covered[-1][1] if covered else 0 for covered in (local_cover, remote_cover))
    if length > MAX_FILE_SIZE:
        return TooLarge(length)
    hole = first_hole(local_cover, remote_cover)
    return hole or Layout(length, local_cover, remote_cover, diagonals, spans_of(local_cover), local)


def add_rows(
    intents: Iterable[WriteIntent],
    first: int,
    local: list[LocalRow],
    remote: list[CopyRow],
    order: list[tuple[int, int, Body | CopySource]] | None = None,
) -> EmergeFailure | None:
    """Put what the intents write into the lists; chained bodies are taken apart. `first` is the index of the first."""
    for index, intent in enumerate(intents, first):
        at, source = intent.destination_offset, intent.source
        if at < 0:
            return NegativeOffset(index, at)
        if isinstance(source, CopySource):
            span = source.range
            stop = at + span.stop - span.start
            if at < stop:
                remote.append((at, stop, source))
                if order is not None:
                    order.append((at, stop, source))
            continue
        if isinstance(source, LocalSlice):
            span = source.range
            stop = at + span.stop - span.start
            if at < stop:
                local.append((at, stop, source))
                if order is not None:
                    order.append((at, stop, source))
            continue
        for body in _flat(source):
            if isinstance(body, StreamPiece):
                return UnknownLength(index)
            stop = at + body_length(body)
            if at < stop:
                local.append((at, stop, body))
                if order is not None:
                    order.append(local[-1])
            at = stop
    return None


def _flat(body: Body) -> Iterable[Body]:
    if isinstance(body, Chained):
        return [each for inner in body.bodies for each in _flat(inner)]
    return (body,)


def in_order(rows: list[T]) -> None:
    """Sort by start; of those that start together the longest first, as they were given where that is the same too."""
    rows.sort(key=_STOP, reverse=True)
    rows.sort(key=_START)


def join_diagonals(rows: Iterable[CopyRow]) -> list[CopyRow]:
    """Rows (in order of start) of the same file at the same distance become one where they touch or overlap; the source
    of the first stands for all of them.
    """
    firsts: list[CopyRow] = []
    stops: list[int] = []
    open_at: dict[tuple[str, int, str | None], int] = {}
    for row in rows:
        start, stop, source = row
        key = (source.file_id, source.range.start - start, source.key_md5)
        at = open_at.get(key)
        if at is None or stops[at] < start:
            open_at[key] = len(firsts)
            firsts.append(row)
            stops.append(stop)
        elif stops[at] < stop:
            stops[at] = stop
    found = [row if row[1] == stop else (row[0], stop, row[2]) for row, stop in zip(firsts, stops, strict=True)]
    starts = [row[0] for row in found]
    if any(map(eq, starts, islice(starts, 1, None))):
        in_order(found)
    return found


def cover(rows: list[LocalRow] | list[CopyRow]) -> Cover:
    """One source for each byte that any row has, with the fewest changes of source. Rows come in order of start."""
    found: Cover = []
    end = reach = 0  # all before `end` is in the cover; `best` begins before it and goes on to `reach`, as none else
    best: LocalRow | CopyRow | None = None
    for row in rows:
        start, stop, _ = row
        if start > end:
            if best is not None:
                found.append((end, reach, best[0], best[2]))
                end, best = reach, None
            if start > end:
                end = reach = start
        if stop > reach:
            best, reach = row, stop
    if best is not None:
        found.append((end, reach, best[0], best[2]))
    return found


def spans_of(covered: Cover) -> list[Span]:
    """Where the cover has bytes."""
    starts, stops = [row[0] for row in covered], [row[1] for row in covered]
    begins = [start for start, before in zip(starts, chain((-1,), stops), strict=False) if start != before]
    ends = [stop for stop, after in zip(stops, chain(islice(starts, 1, None), (-1,)), strict=False) if stop != after]
    return list(zip(begins, ends, strict=True))


def first_hole(local: Cover, remote: Cover) -> Hole | None:
    """The first bytes of the object, up to the last that anybody has, that nobody has.

    Behind the stop of a row nobody has anything where as many rows have begun as have ended, and the next one begins
    later.
    """
    starts, stops = [row[0] for row in local], [0]
    starts += [row[0] for row in remote]
    stops += [row[1] for row in local]
    stops += [row[1] for row in remote]
    starts.sort()
    stops.sort()
    if not any(map(lt, stops, starts)):
        return None
    return next(Hole(ByteRange(stop, start)) for stop, start in zip(stops, starts, strict=False) if stop < start)


def _last_wins(rows: list[tuple[int, int, Body | CopySource]]) -> tuple[list[LocalRow], list[CopyRow]]:
    """The rows cut to what no later row writes."""
    local: list[LocalRow] = []
    remote: list[CopyRow] = []
    for start, stop, index in _visible(rows):
        at, _, source = rows[index]
        part = ByteRange(start - at, stop - at)
        if isinstance(source, CopySource):
            remote.append((start, stop, source.slice(part)))
        else:
            local.append((start, stop, slice_body(source, part)))
    return local, remote


def _visible(rows: list[tuple[int, int, Body | CopySource]]) -> list[tuple[int, int, int]]:
    """(start, stop, index of the last row that writes there), in order of start."""
    by_start = sorted(range(len(rows)), key=lambda index: rows[index][0])
    edges = sorted({edge for row in rows for edge in row[:2]})
    alive: list[int] = []  # a heap of negated indices: the last row first
    found: list[tuple[int, int, int]] = []
    arrived = 0
    for start, stop in pairwise(edges):
        while arrived < len(by_start) and rows[by_start[arrived]][0] <= start:
            heappush(alive, -by_start[arrived])
            arrived += 1
        while alive and rows[-alive[0]][1] <= start:
            heappop(alive)
        if not alive:
            continue
        index = -alive[0]
        if found and found[-1][2] == index and found[-1][1] == start:
            found[-1] = (found[-1][0], stop, index)
        else:
            found.append((start, stop, index))
    return found
