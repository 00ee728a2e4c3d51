"""Parts get their sources: what each byte of a part is read from.

A cover is read once, from its start to its end, since parts come in order. There are as many parts as ranges, so what
is one range of a file, as nearly all are, is said in one loop, and a piece is made when it is known where it ends.
"""

from __future__ import annotations

from itertools import count, islice
from typing import Final

from b2pure.model.intents import CopySource
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Body, Chained, LocalSlice, slice_body
from b2pure.plan.emerge.overlaps import CopyRow, Cover, Diagonals
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, Piece, SentPart
from b2pure.plan.emerge.ways import SENT, Run, Runs

__all__ = ["Assembler"]

_NOWHERE, _HERE, _THERE = 0, 1, 2
_FAR: Final = 1 << 62
"""Behind the end of every object."""


class Assembler:
    """Gives parts their sources: local bytes where there are any, else those of the diagonals. Parts come in order.

    `_here` is the local range that ends first behind what was read; `_there` the first diagonal that begins behind it,
    and `_best` the one of those before that reaches farthest, up to `_reach`.
    """

    def __init__(self, local: Cover, diagonals: Diagonals) -> None:
        self._local = local.with_end(_FAR)
        self._here = 0
        self._diagonals = diagonals
        self._starts = [*diagonals.starts, _FAR]
        self._there = self._best = self._reach = 0

    def parts(self, runs: Runs) -> list[EmergePart]:
        """The parts of all runs, from number 1 on. A run has the number of its diagonal."""
        found: list[EmergePart] = []
        starts, sources = self._starts, self._diagonals.sources
        begins, ends, bases, bodies = self._local.starts, self._local.stops, self._local.bases, self._local.sources
        here = 0
        stops = islice(runs.cuts, 1, None)
        for number, start, stop, which in zip(count(1), runs.cuts, stops, runs.numbers, strict=False):
            while ends[here] <= start:
                here += 1
            whole = ByteRange(start, stop)  # stands for itself in a file whose bytes keep their places
            body: Body | None = None
            if begins[here] <= start:  # what begins here and is not as a whole one range of a file is put together
                source = bodies[here]
                if stop <= ends[here] and type(source) is LocalSlice:
                    shift = source.range.start - bases[here]
                    if start == bases[here] and stop + shift == source.range.stop:
                        body = source
                    else:
                        span = ByteRange(start + shift, stop + shift) if shift else whole
                        body = LocalSlice(source.path, span, source.fact)
                elif which != SENT and (stop <= ends[here] or begins[here + 1] == ends[here]):
                    self._here = here
                    body = self._checks(start, stop)
            if which != SENT:
                copied = sources[which]
                span, first = copied.range, starts[which]
                shift = span.start - first
                if start != first or stop + shift != span.stop:
                    span = ByteRange(start + shift, stop + shift) if shift else whole
                    copied = CopySource(copied.file_id, span, copied.key_md5)
                found.append(CopiedPart(number, whole, copied, body))
            elif body is not None and start < stop:
                found.append(SentPart(number, whole, (body,)))
            else:
                self._here = here
                found.append(SentPart(number, whole, self._pieces(start, stop)))
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
        starts, stops, at = self._local.starts, self._local.stops, self._here
        while stops[at] <= start:
            at += 1
        self._here, reach = at, start
        while reach < stop:
            if starts[at] > reach:
                return None
            reach = stops[at]
            at += 1
        bodies = [piece for piece in self._pieces(start, stop) if not isinstance(piece, CopySource)]
        return bodies[0] if len(bodies) == 1 else Chained(tuple(bodies))

    def _pieces(self, start: int, stop: int) -> tuple[Piece, ...]:
        """What [start, stop) is put together from; neighbours in the same file are one piece."""
        local, here = self._local, self._here
        begins, ends = local.starts, local.stops
        pieces: list[Piece] = []
        where = _NOWHERE  # the piece before is from
        while start < stop:
            while ends[here] <= start:
                here += 1
            piece: Piece
            if begins[here] <= start:
                end = ends[here] if ends[here] < stop else stop
                body, base, place = local.sources[here], local.bases[here], _HERE
                if type(body) is LocalSlice:
                    shift = body.range.start - base
                    if start != base or end + shift != body.range.stop:
                        body = LocalSlice(body.path, ByteRange(start + shift, end + shift), body.fact)
                    piece = body
                else:
                    piece = slice_body(body, ByteRange(start - base, end - base))
            else:
                end = begins[here] if begins[here] < stop else stop
                piece, end = self._remote(start, end)
                place = _THERE
            if where == place:
                _put(pieces, piece)
            else:
                pieces.append(piece)
            start, where = end, place
        self._here = here
        return tuple(pieces)

    def _remote(self, start: int, upto: int) -> tuple[CopySource, int]:
        """From `start` on what goes on longest, at most up to `upto`; and where it ends."""
        starts, there = self._starts, self._there
        if starts[there] <= start:
            stops, best, reach = self._diagonals.stops, self._best, self._reach
            while starts[there] <= start:
                if stops[there] > reach:
                    best, reach = there, stops[there]
                there += 1
            self._there, self._best, self._reach = there, best, reach
        end, base, source = self._reach, starts[self._best], self._diagonals.sources[self._best]
        if end <= start:
            raise AssertionError(f"nobody has the bytes [{start}, {upto})")
        if end > upto:
            end = upto
        span = source.range
        shift = span.start - base
        if start != base or end + shift != span.stop:
            source = CopySource(source.file_id, ByteRange(start + shift, end + shift), source.key_md5)
        return source, end


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
