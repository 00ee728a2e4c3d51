"""Parts get their sources: what each byte of a part is read from.

A cover is read once, from its start to its end, since parts come in order. There are as many parts as ranges, so what
is one range of a file, as nearly all are, is said in one loop, and a piece is made when it is known where it ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Final

from b2pure.model.intents import CopySource
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import NOTHING, Body, Chained, LocalSlice, slice_body
from b2pure.plan.emerge.overlaps import CopyRow, Cover, Diagonals, cover
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, Piece, SentPart
from b2pure.plan.emerge.ways import SENT, Run

__all__ = ["Assembler"]

_Row = tuple[int, int, int, Piece]
_NOWHERE, _HERE, _THERE = 0, 1, 2
_FAR: Final = 1 << 62
_END: Final[_Row] = (_FAR, _FAR, _FAR, NOTHING)
"""What comes after the end of a cover."""


class Assembler:
    """Gives parts their sources: local bytes where there are any, else those of the diagonals. Parts come in order."""

    def __init__(self, local: Cover, diagonals: Iterable[CopyRow]) -> None:
        self._local = local.with_end(_FAR)
        self._local_at = 0  # what comes before ends before all that is still to be read
        self._remote = chain[_Row](cover(diagonals), (_END,))
        self._there = next(self._remote)

    def parts(self, runs: Iterable[Run], diagonals: Diagonals) -> list[EmergePart]:
        """The parts of all runs, from number 1 on."""
        found: list[EmergePart] = []
        starts, sources = diagonals.starts, diagonals.sources
        rows = self._local.rows()
        begin, end, base, source = next(rows)
        for number, (start, stop, which) in enumerate(runs, 1):
            while end <= start:
                begin, end, base, source = next(rows)
            whole = ByteRange(start, stop)  # stands for itself in a file whose bytes keep their places
            body: Body | None = None
            if begin <= start:  # what begins here and is not as a whole one range of a file is put together
                if stop <= end and isinstance(source, LocalSlice):
                    shift = source.range.start - base
                    if start == base and stop + shift == source.range.stop:
                        body = source
                    else:
                        span = ByteRange(start + shift, stop + shift) if shift else whole
                        body = LocalSlice(source.path, span, source.fact)
                elif which != SENT:
                    body = self._checks(start, stop)
            if which == SENT:
                pieces = (body,) if body is not None and start < stop else self._pieces(start, stop)
                found.append(SentPart(number, whole, pieces))
            else:
                copied = sources[which]
                span, first = copied.range, starts[which]
                shift = span.start - first
                if start != first or stop + shift != span.stop:
                    span = ByteRange(start + shift, stop + shift) if shift else whole
                    copied = CopySource(copied.file_id, span, copied.key_md5)
                found.append(CopiedPart(number, whole, copied, body))
        return found

    def part(self, number: int, run: Run, diagonal: CopyRow | None) -> EmergePart:
        """The part of the run; `diagonal` is what it is copied from."""
        start, stop, _ = run
        if diagonal is None:
            return SentPart(number, ByteRange(start, stop), self._pieces(start, stop))
        first, _, source = diagonal
        shift = source.range.start - first
        copied = CopySource(source.file_id, ByteRange(start + shift, stop + shift), source.key_md5)
        return CopiedPart(number, ByteRange(start, stop), copied, self._checks(start, stop))

    def _checks(self, start: int, stop: int) -> Body | None:
        """The bytes of the range as they are here, if all of them are."""
        starts, stops, at = self._local.starts, self._local.stops, self._local_at
        while stops[at] <= start:
            at += 1
        self._local_at, reach = at, start
        while reach < stop:
            if starts[at] > reach:
                return None
            reach = stops[at]
            at += 1
        bodies = [piece for piece in self._pieces(start, stop) if not isinstance(piece, CopySource)]
        return bodies[0] if len(bodies) == 1 else Chained(tuple(bodies))

    def _pieces(self, start: int, stop: int) -> tuple[Piece, ...]:
        """What [start, stop) is put together from; neighbours in the same file are one piece."""
        local, here, there = self._local, self._local_at, self._there
        begins, ends = local.starts, local.stops
        pieces: list[Piece] = []
        where = _NOWHERE  # the piece before is from
        while start < stop:
            while ends[here] <= start:
                here += 1
            begin, end = begins[here], ends[here]
            source: Piece
            if begin <= start:
                base, source = local.bases[here], local.sources[here]
                if end > stop:
                    end = stop
                if isinstance(source, LocalSlice):
                    shift = source.range.start - base
                    if start != base or end + shift != source.range.stop:
                        source = LocalSlice(source.path, ByteRange(start + shift, end + shift), source.fact)
                else:
                    source = slice_body(source, ByteRange(start - base, end - base))
                if where == _HERE:
                    _put(pieces, source)
                else:
                    pieces.append(source)
                start, where = end, _HERE
                continue
            upto = begin if begin < stop else stop
            while there[1] <= start:
                there = next(self._remote)
            begin, end, base, source = there
            if begin > start or not isinstance(source, CopySource):
                raise AssertionError(f"nobody has the bytes [{start}, {upto})")
            if end > upto:
                end = upto
            shift = source.range.start - base
            if start != base or end + shift != source.range.stop:
                source = CopySource(source.file_id, ByteRange(start + shift, end + shift), source.key_md5)
            if where == _THERE:
                _put(pieces, source)
            else:
                pieces.append(source)
            start, where = end, _THERE
        self._local_at, self._there = here, there
        return tuple(pieces)


def _put(pieces: list[Piece], piece: Piece) -> None:
    """Add the piece; as one with the last, where that ends in the same file just before it."""
    last = pieces[-1]
    if isinstance(last, LocalSlice) and isinstance(piece, LocalSlice):
        there, here = last.range, piece.range
        if there.stop == here.start and last.path == piece.path and last.fact == piece.fact:
            pieces[-1] = LocalSlice(last.path, ByteRange(there.start, here.stop), last.fact)
            return
    elif isinstance(last, CopySource) and isinstance(piece, CopySource):
        there, here = last.range, piece.range
        if there.stop == here.start and last.file_id == piece.file_id and last.key_md5 == piece.key_md5:
            pieces[-1] = CopySource(last.file_id, ByteRange(there.start, here.stop), last.key_md5)
            return
    pieces.append(piece)
