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
        pieces: list[Piece] = []
        if self._local.read(pieces, start, stop) < stop:
            return None
        bodies = [piece for piece in pieces if not isinstance(piece, CopySource)]
        return bodies[0] if len(bodies) == 1 else Chained(tuple(bodies))

    def _pieces(self, start: int, stop: int) -> tuple[Piece, ...]:
        pieces: list[Piece] = []
        start = self._local.read(pieces, start, stop)
        while start < stop:
            local = self._local.next(stop)
            if self._remote.read(pieces, start, local) < local:
                raise AssertionError(f"nobody has the bytes [{start}, {local})")
            start = self._local.read(pieces, local, stop)
        return tuple(pieces)


class _Reader:
    """Reads a cover from its start to its end."""

    __slots__ = ("_at", "_count", "_covered")

    def __init__(self, covered: Cover) -> None:
        self._covered, self._count = covered, len(covered)
        self._at = 0  # what comes before it ends before all that is still to be read

    def read(self, pieces: list[Piece], start: int, stop: int) -> int:
        """Add what there is of [start, stop) up to the first gap, and say where that is. `start` never goes back."""
        covered, at = self._covered, self._at
        while start < stop and at < self._count:
            begin, end, origin, source = covered[at]
            if end <= start:
                at += 1
                continue
            if begin > start:
                break
            to = end if end < stop else stop
            piece = _slice(source, start - origin, to - origin)
            if pieces and type(pieces[-1]) is type(piece):
                _put(pieces, piece)
            else:
                pieces.append(piece)
            start = to
        self._at = at
        return start

    def next(self, stop: int) -> int:
        """Where the cover goes on after the gap where reading has stopped, or `stop` if that comes first."""
        return min(self._covered[self._at][0], stop) if self._at < self._count else stop


def _slice(source: Piece, start: int, stop: int) -> Piece:
    """The bytes [start, stop) of the source; said for each kind, since there are as many of them as intents."""
    if isinstance(source, CopySource):
        span = source.range
        if not start and stop == span.stop - span.start:
            return source
        return CopySource(source.file_id, ByteRange(span.start + start, span.start + stop), source.key_md5)
    if isinstance(source, LocalSlice):
        span = source.range
        if not start and stop == span.stop - span.start:
            return source
        return LocalSlice(source.path, ByteRange(span.start + start, span.start + stop), source.fact)
    return slice_body(source, ByteRange(start, stop))


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
