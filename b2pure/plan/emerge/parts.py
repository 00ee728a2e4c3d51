"""The parts of an object that emerges from local and remote ranges.

They are richer than the parts of `plan.large_file`, which say only what a finished part must be: `digests` gives those,
with what is known of the data.
"""

from __future__ import annotations

from typing import final

from b2pure.model.intents import CopySource
from b2pure.model.ranges import ByteRange
from b2pure.model.record import Record
from b2pure.model.sources import Body

__all__ = ["CopiedPart", "EmergePart", "Piece", "SentPart", "Twice"]

Piece = Body | CopySource
"""What a sent part is put together from: bytes from here, or a range that is downloaded first."""


class Twice(Record, frozen=True):
    """`range` of the object is here twice, as `taken`, which the plan reads, and as `other`. Unless their SHA-1 is the
    same, there is no object.
    """

    range: ByteRange
    taken: Body
    other: Body


@final
class SentPart(Record, frozen=True):
    """Part `number` is sent: `range` of the object, put together from `pieces` in order. No piece is empty. What of
    `twice` differs is told before the part is made; each begins in the part, and may end behind it.
    """

    number: int
    range: ByteRange
    pieces: tuple[Piece, ...]
    twice: tuple[Twice, ...] = ()

    @property
    def length(self) -> int:
        """Bytes of the part."""
        return self.range.length

    @property
    def downloads(self) -> tuple[CopySource, ...]:
        """The pieces that have to be downloaded first."""
        return tuple(piece for piece in self.pieces if isinstance(piece, CopySource))


@final
class CopiedPart(Record, frozen=True):
    """Part `number` is copied on the server: `range` of the object from `source`.

    `checks` are the same bytes as they are here, where all of them are: their SHA-1 must be the `contentSha1` that
    B2 answers the copy with. `twice` is as in a sent part.
    """

    number: int
    range: ByteRange
    source: CopySource
    checks: Body | None = None
    twice: tuple[Twice, ...] = ()

    @property
    def length(self) -> int:
        """Bytes of the part."""
        return self.range.length


EmergePart = SentPart | CopiedPart
