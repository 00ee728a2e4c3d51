"""Parts get their sources: what each byte of a part is read from."""

from __future__ import annotations

from b2pure.model.intents import CopySource
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Body, Chained, LocalSlice, slice_body
from b2pure.plan.emerge.choose import Run
from b2pure.plan.emerge.overlaps import CopyRow, Cover
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, Piece, SentPart

__all__ = ["Assembler"]


class Assembler:
    """Gives parts their sources: local bytes where there are any, else what B2 has. Parts come in order."""

    def __init__(self, local: Cover, remote: Cover) -> None:
        self._local, self._remote = _Reader(local), _Reader(remote)

    def part(self, number: int, run: Run, diagonal: CopyRow | None) -> EmergePart:
        """The part of the run; `diagonal` is what it is copied from."""
        start, stop, _ = run
        if diagonal is None:
            return SentPart(number, ByteRange(start, stop), self._pieces(start, stop))
        copied = _slice(diagonal[2], start - diagonal[0], stop - diagonal[0])
        assert isinstance(copied, CopySource)
        return CopiedPart(number, ByteRange(start, stop), copied, self._checks(start, stop))

    def _checks(self, start: int, stop: int) -> Body | None:
        """The bytes of the range as they are here, if all of them are."""
        if not self._local.has(start):
            return None
        pieces: list[Piece] = []
        for low, high, piece in self._local.within(start, stop):
            if low != start:
                return None
            _put(pieces, piece)
            start = high
        if start < stop:
            return None
        bodies = [piece for piece in pieces if not isinstance(piece, CopySource)]
        return bodies[0] if len(bodies) == 1 else Chained(tuple(bodies))

    def _pieces(self, start: int, stop: int) -> tuple[Piece, ...]:
        pieces: list[Piece] = []
        for low, high, piece in self._local.within(start, stop):
            if start < low:
                self._download(pieces, start, low)
            _put(pieces, piece)
            start = high
        if start < stop:
            self._download(pieces, start, stop)
        return tuple(pieces)

    def _download(self, pieces: list[Piece], start: int, stop: int) -> None:
        for _, _, piece in self._remote.within(start, stop):
            _put(pieces, piece)


class _Reader:
    """Reads a cover from its start to its end."""

    __slots__ = ("_at", "_covered")

    def __init__(self, covered: Cover) -> None:
        self._covered = covered
        self._at = 0  # all before ends before what is read

    def has(self, position: int) -> bool:
        """Whether the cover has the byte at `position`; nothing before it is read any more."""
        covered, at = self._covered, self._at
        while at < len(covered) and covered[at][1] <= position:
            at += 1
        self._at = at
        return at < len(covered) and covered[at][0] <= position

    def within(self, start: int, stop: int) -> list[tuple[int, int, Piece]]:
        """What the cover has of the range, cut to it; nothing before `start` is read any more."""
        self.has(start)
        found: list[tuple[int, int, Piece]] = []
        for at in range(self._at, len(self._covered)):
            begin, end, origin, source = self._covered[at]
            if begin >= stop:
                break
            low, high = (start if start > begin else begin), (stop if stop < end else end)
            found.append((low, high, _slice(source, low - origin, high - origin)))
        return found


def _slice(source: Piece, start: int, stop: int) -> Piece:
    """The bytes [start, stop) of the source; said for each kind, since there are as many of them as intents."""
    if isinstance(source, LocalSlice | CopySource):
        first, end = source.range.start + start, source.range.start + stop
        if not start and end == source.range.stop:
            return source
        if isinstance(source, LocalSlice):
            return LocalSlice(source.path, ByteRange(first, end), source.fact)
        return CopySource(source.file_id, ByteRange(first, end), source.key_md5)
    return slice_body(source, ByteRange(start, stop))


def _put(pieces: list[Piece], piece: Piece) -> None:
    """Add the piece, as one with the last where that ends in the same file just before it."""
    last = pieces[-1] if pieces else None
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
