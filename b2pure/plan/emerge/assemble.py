"""Parts get their sources: what each byte of a part is read from."""

from __future__ import annotations

from bisect import bisect_right

from attrs import evolve

from b2pure.model.intents import CopySource
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Body, Chained, LocalSlice, slice_body
from b2pure.plan.emerge.choose import Run
from b2pure.plan.emerge.overlaps import CopyRow, Cover
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, Piece, SentPart

__all__ = ["Assembler"]


class Assembler:
    """Gives parts their sources: local bytes where there are any, else what B2 has."""

    def __init__(self, local: Cover, remote: Cover) -> None:
        self._local, self._remote = local, remote
        self._local_starts = [row[0] for row in local]
        self._remote_starts = [row[0] for row in remote]

    def part(self, number: int, run: Run, diagonal: CopyRow | None) -> EmergePart:
        """The part of the run; `diagonal` is what it is copied from."""
        start, stop, _ = run
        wanted = ByteRange(start, stop)
        if diagonal is None:
            return SentPart(number, wanted, tuple(self._pieces(start, stop)))
        at, _, source = diagonal
        first = source.range.start + start - at
        copied = CopySource(source.file_id, ByteRange(first, first + stop - start), source.key_md5)
        return CopiedPart(number, wanted, copied, self._checks(start, stop))

    def _checks(self, start: int, stop: int) -> Body | None:
        """The bytes of the range as they are here, if all of them are."""
        pieces: list[Piece] = []
        for low, high, piece in _within(self._local, self._local_starts, start, stop):
            if low != start:
                return None
            _put(pieces, piece)
            start = high
        if start < stop or not pieces:
            return None
        bodies = [piece for piece in pieces if not isinstance(piece, CopySource)]
        return bodies[0] if len(bodies) == 1 else Chained(tuple(bodies))

    def _pieces(self, start: int, stop: int) -> list[Piece]:
        pieces: list[Piece] = []
        for low, high, piece in _within(self._local, self._local_starts, start, stop):
            self._download(pieces, start, low)
            _put(pieces, piece)
            start = high
        self._download(pieces, start, stop)
        return pieces

    def _download(self, pieces: list[Piece], start: int, stop: int) -> None:
        if start < stop:
            for _, _, piece in _within(self._remote, self._remote_starts, start, stop):
                _put(pieces, piece)


def _within(covered: Cover, starts: list[int], start: int, stop: int) -> list[tuple[int, int, Piece]]:
    """What the cover has of the range, cut to it."""
    at = max(0, bisect_right(starts, start) - 1)
    found: list[tuple[int, int, Piece]] = []
    while at < len(covered) and covered[at][0] < stop:
        begin, end, origin, source = covered[at]
        low, high = max(start, begin), min(stop, end)
        if low < high:
            found.append((low, high, _slice(source, low - origin, high - origin)))
        at += 1
    return found


def _slice(source: Piece, start: int, stop: int) -> Piece:
    """The bytes [start, stop) of the source; said for each kind, since there are as many of them as intents."""
    if isinstance(source, LocalSlice):
        first = source.range.start
        return LocalSlice(source.path, ByteRange(first + start, first + stop), source.fact)
    if isinstance(source, CopySource):
        first = source.range.start
        return CopySource(source.file_id, ByteRange(first + start, first + stop), source.key_md5)
    return slice_body(source, ByteRange(start, stop))


def _put(pieces: list[Piece], piece: Piece) -> None:
    """Add the piece, as one with the last where that ends in the same file just before it."""
    last = pieces[-1] if pieces else None
    if isinstance(last, LocalSlice) and isinstance(piece, LocalSlice):
        follows = (last.path, last.fact, last.range.stop) == (piece.path, piece.fact, piece.range.start)
    elif isinstance(last, CopySource) and isinstance(piece, CopySource):
        there = (last.file_id, last.key_md5, last.range.stop)
        follows = there == (piece.file_id, piece.key_md5, piece.range.start)
    else:
        follows = False
    if follows and isinstance(last, LocalSlice | CopySource) and isinstance(piece, LocalSlice | CopySource):
        pieces[-1] = evolve(last, range=ByteRange(last.range.start, piece.range.stop))
    else:
        pieces.append(piece)
