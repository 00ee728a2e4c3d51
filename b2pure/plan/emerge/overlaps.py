"""What is where: intents become a cover of the object by local bytes, and the diagonals of what B2 has.

Rules. Positions are bytes of the object. A row says that the first byte of its source stands at its start; a range of a
file may go on beyond what its source names, where other intents give what comes after. A diagonal
is what all intents of one file in B2 that stand at the same distance from their place in the object cover together:
ranges of it can be copied, however many intents it was given as. A cover chooses one source for each byte, with as
few changes of source as possible. What is empty is left out. Everything is in order of start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import chain, islice, pairwise
from operator import eq, gt, itemgetter
from typing import Final, TypeVar

from attrs import frozen

from b2pure.model.intents import CopySource, OverlapRule, WriteIntent
from b2pure.model.limits import MAX_FILE_SIZE
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import NOTHING, Body, Chained, LocalSlice, StreamPiece, body_length, slice_body
from b2pure.plan.emerge.plan import Spans
from b2pure.plan.failures import EmergeFailure, Hole, NegativeOffset, TooLarge, UnknownLength

__all__ = ["CopyRow", "Cover", "Diagonals", "Layout", "LocalRow", "Row", "cover", "in_order", "lay_out", "rows_of"]

_START: Final = itemgetter(0)
_STOP: Final = itemgetter(1)

LocalRow = tuple[int, int, Body]
CopyRow = tuple[int, int, CopySource]
Row = tuple[int, int, Body | CopySource]
S = TypeVar("S", bound=Body | CopySource)
T = TypeVar("T", bound=tuple[int, int, object])


@frozen
class Diagonals:
    """Ranges of the object that can be copied, in order of start, and what stands where each begins. There are as many
    as intents, so they are told in lists side by side.
    """

    starts: list[int]
    stops: list[int]
    sources: list[CopySource]

    @classmethod
    def of(cls, rows: list[CopyRow]) -> Diagonals:
        """The same from rows."""
        return cls([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])

    def rows(self) -> Iterator[CopyRow]:
        """One after the other."""
        return zip(self.starts, self.stops, self.sources, strict=True)


@frozen
class Cover:
    """One local source for each byte that is here, in lists side by side: start, stop, where the first byte of the
    source stands, the source. Ranges are adjacent or apart, and never overlap.
    """

    starts: list[int]
    stops: list[int]
    bases: list[int]
    sources: list[Body]

    @classmethod
    def of(cls, rows: list[LocalRow]) -> Cover:
        """One source for each byte that any row has."""
        found = list(cover(rows))
        return cls(
            [row[0] for row in found],
            [row[1] for row in found],
            [row[2] for row in found],
            [row[3] for row in found],
        )

    def with_end(self, far: int) -> Cover:
        """The same, and nothing at `far`, behind everything."""
        return Cover([*self.starts, far], [*self.stops, far], [*self.bases, far], [*self.sources, NOTHING])

    def spans(self) -> Spans:
        """Where the cover has bytes."""
        starts, stops = self.starts, self.stops
        if not any(map(eq, stops, islice(starts, 1, None))):
            return Spans(starts, stops)
        after = chain(islice(starts, 1, None), (-1,))
        begins = [start for start, before in zip(starts, chain((-1,), stops), strict=False) if start != before]
        ends = [stop for stop, begin in zip(stops, after, strict=False) if stop != begin]
        return Spans(begins, ends)


@frozen
class Layout:
    """An object of `length` bytes: who has which of them."""

    length: int
    local: Cover
    diagonals: Diagonals
    local_spans: Spans
    """Where there are local bytes, joined where they touch."""
    rows: list[LocalRow]
    """All local ranges, in order of start; none where no two of them overlap."""


def lay_out(intents: Iterable[WriteIntent], rule: OverlapRule) -> Layout | EmergeFailure:
    """The layout of all intents; a failure when they leave a hole or make no sense."""
    given = list(intents)
    found = None if rule is OverlapRule.LAST_WINS else _laid_out(given)
    if found is None:
        rows = rows_of(given)
        if not isinstance(rows, list):
            return rows
        if rule is OverlapRule.LAST_WINS:
            rows = _last_wins(rows)
        rows.sort(key=_START)
        found = _laid_out([WriteIntent(source, start) for start, _, source in rows])
        assert found is not None
    return found


def _laid_out(intents: list[WriteIntent]) -> Layout | EmergeFailure | None:
    """The same for intents that come in order of their places and have no chained bodies. None: they do not.

    There are as many rows as intents, so this asks for each just what makes a difference, and makes nothing of its own.
    """
    begins, ends, bodies = list[int](), list[int](), list[Body]()  # of local rows
    starts, stops, sources = list[int](), list[int](), list[CopySource]()  # of diagonals
    shifts = list[int]()  # how much later the bytes of a diagonal stand in their file
    # The last diagonal of each file at the distance where it was first seen, and those at other distances.
    latest: dict[str, int] = {}
    others: dict[tuple[str, int, str | None], int] = {}
    hole: Hole | None = None
    before = reach = 0
    shifted: int | None = None  # how much later the last local bytes stand in their file
    for intent in intents:
        start, source = intent.destination_offset, intent.source
        if start < before:
            return None
        before = start
        if type(source) is CopySource:  # cheaper to ask where it is not
            span = source.range
            shift = span.start - start
            stop = span.stop - shift
            if stop == start:
                continue
            at = latest.get(source.file_id)
            if at is None:
                latest[source.file_id] = len(starts)
            elif shift != shifts[at] or source.key_md5 != sources[at].key_md5:
                key = source.file_id, shift, source.key_md5
                at = others.get(key)
                if at is None or stops[at] < start:
                    at, others[key] = None, len(starts)
            elif stops[at] < start:
                at, latest[source.file_id] = None, len(starts)
            if at is None:
                starts.append(start)
                stops.append(stop)
                sources.append(source)
                shifts.append(shift)
            elif stops[at] < stop:
                stops[at] = stop
        else:
            here = None
            if isinstance(source, LocalSlice):
                span = source.range
                here = span.start - start
                stop = span.stop - here
            elif isinstance(source, Chained | StreamPiece):
                return None
            else:
                stop = start + body_length(source)
            if stop == start:
                continue
            if here is not None and here == shifted and start <= ends[-1] and _same_file(source, bodies[-1]):
                if stop > ends[-1]:
                    ends[-1] = stop
            else:
                begins.append(start)
                ends.append(stop)
                bodies.append(source)
                shifted = here
        if start > reach and hole is None:
            hole = Hole(ByteRange(reach, start))
        if stop > reach:
            reach = stop
    if hole is not None or reach > MAX_FILE_SIZE:
        return TooLarge(reach) if reach > MAX_FILE_SIZE else hole
    return _layout(reach, begins, ends, bodies, Diagonals(starts, stops, sources))


def _layout(length: int, begins: list[int], ends: list[int], bodies: list[Body], diagonals: Diagonals) -> Layout:
    """Of local ranges in order of start. Where no two of them overlap they are their own cover."""
    rows = list[LocalRow]()
    local = Cover(begins, ends, begins, bodies)
    if any(map(gt, ends, islice(begins, 1, None))):
        rows = list(zip(begins, ends, bodies, strict=True))
        local = Cover.of(rows)
    return Layout(length, local, _sorted(diagonals), local.spans(), rows)


def _sorted(diagonals: Diagonals) -> Diagonals:
    """Those that start together `in_order`."""
    starts = diagonals.starts
    if not any(map(eq, starts, islice(starts, 1, None))):
        return diagonals
    rows = list(diagonals.rows())
    in_order(rows)
    return Diagonals.of(rows)


def _same_file(one: Body, other: Body) -> bool:
    if not isinstance(one, LocalSlice) or not isinstance(other, LocalSlice):
        return False
    return one.path == other.path and one.fact == other.fact


def rows_of(intents: Iterable[WriteIntent], first: int = 0) -> list[Row] | EmergeFailure:
    """What the intents write; chained bodies are taken apart. `first` is the index of the first, for the failure."""
    rows: list[Row] = []
    for index, intent in enumerate(intents, first):
        at, source = intent.destination_offset, intent.source
        if at < 0:
            return NegativeOffset(index, at)
        for each in _flat(source):
            if isinstance(each, StreamPiece):
                return UnknownLength(index)
            stop = at + (each.length if isinstance(each, CopySource) else body_length(each))
            if at < stop:
                rows.append((at, stop, each))
            at = stop
    return rows


def _flat(source: Body | CopySource) -> Iterable[Body | CopySource]:
    if isinstance(source, Chained):
        return [each for inner in source.bodies for each in _flat(inner)]
    return (source,)


def in_order(rows: list[T]) -> None:
    """Sort by start; of those that start together the longest first, as they were given where that is the same too."""
    rows.sort(key=_STOP, reverse=True)
    rows.sort(key=_START)


def cover(rows: Iterable[tuple[int, int, S]]) -> Iterator[tuple[int, int, int, S]]:
    """One source for each byte that any row has, with the fewest changes of source. Rows come in order of start."""
    end = reach = 0  # all before `end` is in the cover; `best` begins before it and goes on to `reach`, as none else
    best: tuple[int, int, S] | None = None
    for row in rows:
        start, stop, _ = row
        if start > end:
            if best is not None:
                yield end, reach, best[0], best[2]
                end, best = reach, None
            if start > end:
                end = reach = start
        if stop > reach:
            best, reach = row, stop
    if best is not None:
        yield end, reach, best[0], best[2]


def _last_wins(rows: list[Row]) -> list[Row]:
    """The rows cut to what no later row writes."""
    found: list[Row] = []
    for start, stop, index in _visible(rows):
        at, _, source = rows[index]
        part = ByteRange(start - at, stop - at)
        found.append((start, stop, source.slice(part) if isinstance(source, CopySource) else slice_body(source, part)))
    return found


def _visible(rows: list[Row]) -> list[tuple[int, int, int]]:
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
