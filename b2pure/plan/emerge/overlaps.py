"""What is where: intents become covers of the object by local and by remote bytes, and the diagonals of the latter.

Rules. Positions are bytes of the object. A `Row` says that the first byte of its source stands at its start. A diagonal
is what all intents of one file in B2 that stand at the same distance from their place in the object cover together:
ranges of it can be copied, however many intents it was given as. The covers choose one source for each byte, with as
few changes of source as possible. What is empty is left out. Everything is in order of start.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import pairwise

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
    "join_diagonals",
    "lay_out",
    "spans_of",
]

LocalRow = tuple[int, int, Body]
CopyRow = tuple[int, int, CopySource]
Cover = list[tuple[int, int, int, Body | CopySource]]
"""(start, stop, where the first byte of the source stands, source): adjacent or apart, never overlapping."""


@frozen
class Layout:
    """An object of `length` bytes: who has which of them."""

    length: int
    local: Cover
    remote: Cover
    diagonals: list[CopyRow]

    @property
    def local_spans(self) -> list[Span]:
        """Where there are local bytes, joined where they touch."""
        return spans_of(self.local)


def lay_out(intents: Iterable[WriteIntent], rule: OverlapRule) -> Layout | EmergeFailure:
    """The layout of all intents; a failure when they leave a hole or make no sense."""
    local: list[LocalRow] = []
    remote: list[CopyRow] = []
    order: list[tuple[int, int, Body | CopySource]] = []
    for index, intent in enumerate(intents):
        failure = add_rows(intent, index, local, remote, order if rule is OverlapRule.LAST_WINS else None)
        if failure is not None:
            return failure
    if order:
        local, remote = _last_wins(order)
    local.sort(key=_by_start)
    remote.sort(key=_by_start)
    diagonals = join_diagonals(remote)
    layout = Layout(_end(local, remote), cover(local), cover(diagonals), diagonals)
    if layout.length > MAX_FILE_SIZE:
        return TooLarge(layout.length)
    return first_hole(layout.local_spans, spans_of(layout.remote), layout.length) or layout


def add_rows(
    intent: WriteIntent,
    index: int,
    local: list[LocalRow],
    remote: list[CopyRow],
    order: list[tuple[int, int, Body | CopySource]] | None = None,
) -> EmergeFailure | None:
    """Put what the intent writes into the lists; chained bodies are taken apart."""
    at = intent.destination_offset
    if at < 0:
        return NegativeOffset(index, at)
    source = intent.source
    if isinstance(source, CopySource):
        length = source.range.stop - source.range.start
        if length:
            remote.append((at, at + length, source))
            if order is not None:
                order.append(remote[-1])
        return None
    for body in (source,) if isinstance(source, LocalSlice) else _flat(source):
        if isinstance(body, StreamPiece):
            return UnknownLength(index)
        length = body_length(body)
        if length:
            local.append((at, at + length, body))
            if order is not None:
                order.append(local[-1])
        at += length
    return None


def _flat(body: Body) -> Iterable[Body]:
    if isinstance(body, Chained):
        return [each for inner in body.bodies for each in _flat(inner)]
    return (body,)


def _by_start(row: LocalRow | CopyRow) -> tuple[int, int]:
    return row[0], -row[1]


def _end(local: list[LocalRow], remote: list[CopyRow]) -> int:
    return max(max((row[1] for row in local), default=0), max((row[1] for row in remote), default=0))


def join_diagonals(rows: Iterable[CopyRow]) -> list[CopyRow]:
    """Rows (in order of start) of the same file at the same distance become one where they touch or overlap."""
    found: list[CopyRow] = []
    open_at: dict[tuple[str, int, str | None], int] = {}
    for row in rows:
        start, stop, source = row
        key = (source.file_id, source.range.start - start, source.key_md5)
        at = open_at.get(key)
        if at is not None and found[at][1] >= start:
            begin, end, first = found[at]
            if stop > end:
                joined = ByteRange(first.range.start, first.range.start + stop - begin)
                found[at] = (begin, stop, CopySource(first.file_id, joined, first.key_md5))
        else:
            open_at[key] = len(found)
            found.append(row)
    found.sort(key=_by_start)
    return found


def cover(rows: list[LocalRow] | list[CopyRow]) -> Cover:
    """One source for each byte that any row has, with the fewest changes of source."""
    found: Cover = []
    end = 0
    next_row, count = 0, len(rows)
    while next_row < count:
        end = max(end, rows[next_row][0])
        best, best_stop = None, end
        while next_row < count and rows[next_row][0] <= end:
            if rows[next_row][1] > best_stop:
                best, best_stop = rows[next_row], rows[next_row][1]
            next_row += 1
        if best is not None:
            found.append((end, best_stop, best[0], best[2]))
            end = best_stop
    return found


def spans_of(covered: Cover) -> list[Span]:
    """Where the cover has bytes."""
    spans: list[Span] = []
    for start, stop, _, _ in covered:
        if spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return spans


def first_hole(local: list[Span], remote: list[Span], length: int) -> Hole | None:
    """The first bytes of the object that nobody has."""
    end = 0
    for start, stop in sorted((*local, *remote)):
        if start > end:
            return Hole(ByteRange(end, start))
        end = max(end, stop)
    return Hole(ByteRange(end, length)) if end < length else None


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
