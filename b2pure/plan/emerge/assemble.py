"""Parts get their sources: what each byte of a part is read from.

A cover is read once, from its start to its end, since parts come in order. There are as many parts as ranges, so what
is one range of a file, as nearly all are, is said in one loop, and a piece is made when it is known where it ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from b2pure.model.intents import CopySource
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import NOTHING, Body, Chained, LocalSlice, slice_body
from b2pure.plan.emerge.choose import Run
from b2pure.plan.emerge.overlaps import CopyRow, Cover
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, Piece, SentPart

__all__ = ["Assembler"]

_SENT: Final = -1
_FAR: Final = 1 << 62
_END: Final = (_FAR, _FAR, _FAR, NOTHING)
"""What comes after the end of a cover."""


class Assembler:
    """Gives parts their sources: local bytes where there are any, else what B2 has. Parts come in order."""

    def __init__(self, local: Cover, remote: Cover) -> None:
        self._local: Cover = [*local, _END]
        self._remote: Cover = [*remote, _END]
        # What comes before these ends before all that is still to be read.
        self._local_at = self._remote_at = 0

    def parts(self, runs: Iterable[Run], diagonals: Sequence[CopyRow]) -> list[EmergePart]:
        """The parts of all runs, from number 1 on."""
        found: list[EmergePart] = []
        rows = iter(self._local)
        begin, end, base, source = next(rows)
        for number, run in enumerate(runs, 1):
            start, stop, which = run
            while end <= start:
                begin, end, base, source = next(rows)
            body: LocalSlice | None = None
            if begin <= start and stop <= end and isinstance(source, LocalSlice):
                shift = source.range.start - base
                body = LocalSlice(source.path, ByteRange(start + shift, stop + shift), source.fact)
            elif which != _SENT and begin <= start:
                found.append(self.part(number, run, diagonals[which]))
                continue
            if which == _SENT:
                pieces = (body,) if body is not None and start < stop else self._pieces(start, stop)
                found.append(SentPart(number, ByteRange(start, stop), pieces))
                continue
            first, _, copied = diagonals[which]
            shift = copied.range.start - first
            given = CopySource(copied.file_id, ByteRange(start + shift, stop + shift), copied.key_md5)
            found.append(CopiedPart(number, ByteRange(start, stop), given, body))
        return found

    def part(self, number: int, run: Run, diagonal: CopyRow | None) -> EmergePart:
        """The part of the run; `diagonal` is what it is copied from."""
        start, stop, _ = run
        if diagonal is None:
            return SentPart(number, ByteRange(start, stop), self._pieces(start, stop))
        first, _, source = diagonal
        copied = source.slice(ByteRange(start - first, stop - first))
        return CopiedPart(number, ByteRange(start, stop), copied, self._checks(start, stop))

    def _checks(self, start: int, stop: int) -> Body | None:
        """The bytes of the range as they are here, if all of them are."""
        local, at = self._local, self._local_at
        while local[at][1] <= start:
            at += 1
        self._local_at, reach = at, start
        while reach < stop:
            if local[at][0] > reach:
                return None
            reach = local[at][1]
            at += 1
        bodies = [piece for piece in self._pieces(start, stop) if not isinstance(piece, CopySource)]
        return bodies[0] if len(bodies) == 1 else Chained(tuple(bodies))

    def _pieces(self, start: int, stop: int) -> tuple[Piece, ...]:
        """What [start, stop) is put together from; neighbours in the same file are one piece."""
        local, remote, here, there = self._local, self._remote, self._local_at, self._remote_at
        pieces: list[Piece] = []
        last: CopySource | LocalSlice | None = None  # what is read of it up to now: [low, high) of its file
        low = high = 0
        while start < stop:
            while local[here][1] <= start:
                here += 1
            begin, end, base, source = local[here]
            if end > stop:
                end = stop
            if begin > start:
                upto = begin if begin < stop else stop
                while remote[there][1] <= start:
                    there += 1
                begin, end, base, source = remote[there]
                if begin > start:
                    raise AssertionError(f"nobody has the bytes [{start}, {upto})")
                if end > upto:
                    end = upto
            if isinstance(source, (CopySource, LocalSlice)):
                shift = source.range.start - base
                if last is None or start + shift != high or not _same_file(last, source):
                    if last is not None:
                        pieces.append(_ranged(last, low, high))
                    last, low = source, start + shift
                high = end + shift
            else:
                if last is not None:
                    pieces.append(_ranged(last, low, high))
                    last = None
                pieces.append(slice_body(source, ByteRange(start - base, end - base)))
            start = end
        if last is not None:
            pieces.append(_ranged(last, low, high))
        self._local_at, self._remote_at = here, there
        return tuple(pieces)


def _same_file(one: CopySource | LocalSlice, other: CopySource | LocalSlice) -> bool:
    if isinstance(one, LocalSlice):
        return isinstance(other, LocalSlice) and one.path == other.path and one.fact == other.fact
    return isinstance(other, CopySource) and one.file_id == other.file_id and one.key_md5 == other.key_md5


def _ranged(source: CopySource | LocalSlice, start: int, stop: int) -> CopySource | LocalSlice:
    """These bytes of the file that the source is a range of."""
    if isinstance(source, LocalSlice):
        return LocalSlice(source.path, ByteRange(start, stop), source.fact)
    return CopySource(source.file_id, ByteRange(start, stop), source.key_md5)
