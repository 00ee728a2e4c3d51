"""The plan of an object that emerges, as a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import index
from typing import overload

from attrs import field, frozen

from b2pure.model.intents import PRIORITIES, OverlapRule, Prioritize
from b2pure.model.limits import PartSizes
from b2pure.plan.cost import Cost
from b2pure.plan.emerge.costs import cost_of_parts, naive_cost
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, SentPart

__all__ = ["PRIORITIES", "EmergeLimits", "EmergePlan", "Prioritize", "Span", "Spans"]

Span = tuple[int, int]
"""Start and stop of a range of the object, for long lists of ranges."""


@frozen(repr=False)
class Spans(Sequence[Span]):
    """Ranges of the object, in order of start. There may be as many as intents, so they are kept side by side, as
    tuples of numbers, which the garbage collector soon leaves alone; a pair is made when somebody looks at it.
    """

    starts: tuple[int, ...] = field(converter=tuple[int, ...])
    stops: tuple[int, ...] = field(converter=tuple[int, ...])

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Spans:
        """The same from pairs."""
        pairs = list(spans)
        return cls([start for start, _ in pairs], [stop for _, stop in pairs])

    def __iter__(self) -> Iterator[Span]:
        return zip(self.starts, self.stops, strict=True)

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, at: int) -> Span: ...

    @overload
    def __getitem__(self, at: slice) -> Spans: ...

    def __getitem__(self, at: int | slice) -> Span | Spans:
        if isinstance(at, slice):
            return Spans(self.starts[at], self.stops[at])
        return self.starts[index(at)], self.stops[index(at)]

    def __repr__(self) -> str:
        return f"Spans({list(self)})"


@frozen
class EmergeLimits:
    """Sizes in bytes. Every part but the last has `minimum` to `max_copy` (copied) or `max_upload` (sent) bytes; the
    last may be shorter. Long uploads are cut near `recommended`.
    """

    minimum: int
    recommended: int
    max_upload: int
    max_copy: int
    max_parts: int


@frozen
class EmergePlan:
    """How an object of `length` bytes is made.

    `parts` are numbered from 1, adjacent, and cover it; there is always one. A single part is no large file but
    one b2_upload_file or b2_copy_file (and one without pieces is the upload of an empty file). `local` are the ranges
    of the object that this computer has, joined where they touch, `remote` those that B2 has, each from one file.
    """

    length: int
    parts: tuple[EmergePart, ...]
    prioritize: Prioritize
    overlap: OverlapRule
    limits: EmergeLimits
    local: Spans
    remote: Spans

    @property
    def is_large(self) -> bool:
        """Whether it becomes a large file, rather than a single upload or copy."""
        return len(self.parts) > 1

    @property
    def single(self) -> EmergePart | None:
        """The only part of a plan that is no large file."""
        return None if self.is_large else self.parts[0]

    @property
    def is_local(self) -> bool:
        """Whether every byte comes from this computer, so that parts of an unfinished file can be compared."""
        return all(isinstance(part, SentPart) and not part.downloads for part in self.parts)

    @property
    def copies(self) -> tuple[CopiedPart, ...]:
        """The parts that are copied on the server."""
        return tuple(part for part in self.parts if isinstance(part, CopiedPart))

    @property
    def cost(self) -> Cost:
        """What it costs when nothing has to be repeated."""
        return cost_of_parts(self.parts)

    @property
    def naive_cost(self) -> Cost:
        """What it would cost to send everything, and to download for that what is not here."""
        return naive_cost(self.length, self.local, PartSizes(self.limits.recommended, self.limits.minimum))
