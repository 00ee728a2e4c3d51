"""How many local bytes lie before a position, and where local data begin and end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, chain
from operator import sub
from typing import Final, Protocol

from b2pure.plan.emerge.plan import Span

__all__ = ["Coverage", "Prices"]

_FEW: Final = 64


class Prices(Protocol):
    """The price of all bytes before a position; `passed` edges are there or before, if the caller knows that."""

    def __call__(self, position: int, passed: int | None = None, /) -> int: ...


class Coverage:
    """Spans of local bytes, in order, apart from each other; more can be added at the end.

    `edges` are where they begin and end, in turns: after an odd number of edges one is inside. `until[i]` are the local
    bytes before `edges[i]`.
    """

    __slots__ = ("edges", "gone", "until")

    def __init__(self, spans: Sequence[Span] = ()) -> None:
        count = len(spans)
        self.edges: list[int] = list(chain.from_iterable(spans))
        self.until: list[int] = [0] * (2 * count)
        totals = list(accumulate(map(sub, self.edges[1::2], self.edges[::2])))
        self.until[1::2] = totals
        self.until[2::2] = totals[:-1]
        self.gone = 0  # local bytes before the first span that is remembered

    def add(self, start: int, stop: int) -> None:
        """A span that begins after all others end, or where the last one does."""
        edges, until = self.edges, self.until
        total = until[-1] if until else self.gone
        if edges and start <= edges[-1]:
            if stop > edges[-1]:
                until[-1] = total + stop - edges[-1]
                edges[-1] = stop
            return
        edges += (start, stop)
        until += (total, total + stop - start)

    def forget(self, position: int) -> None:
        """Nobody will ask for anything before `position` any more, but for how much there is."""
        gone = bisect_left(self.edges, position) // 2 * 2
        if gone > len(self.edges) // 2 and gone > _FEW:
            self.gone = self.until[gone - 1]
            del self.edges[:gone], self.until[:gone]

    def passed(self, position: int) -> int:
        """How many edges are at `position` or before."""
        return bisect_right(self.edges, position)

    def before(self, position: int) -> int:
        """Local bytes in [0, position)."""
        passed = bisect_right(self.edges, position)
        if not passed:
            return self.gone
        return self.until[passed - 1] + (position - self.edges[passed - 1] if passed & 1 else 0)

    def prices(self, here: int, elsewhere: int) -> Prices:
        """What tells the price of all bytes before a position: `here` for a local one, `elsewhere` for another. It is
        asked a few times for every range, so it is `before` once more, without calls; who knows already how many edges
        are passed there says so.
        """
        edges, until, less = self.edges, self.until, elsewhere - here

        def price(position: int, passed: int | None = None) -> int:
            if passed is None:
                passed = bisect_right(edges, position)
            if passed & 1:
                return elsewhere * position - less * (until[passed - 1] + position - edges[passed - 1])
            return elsewhere * position - less * (until[passed - 1] if passed else self.gone)

        return price

    def holds(self, start: int, stop: int) -> bool:
        """Whether all of [start, stop) is local."""
        passed = bisect_right(self.edges, start)
        return bool(passed & 1) and stop <= self.edges[passed]

    def edges_between(self, low: int, high: int) -> list[int]:
        """Where local data begin or end, strictly between the two."""
        return self.edges[bisect_right(self.edges, low) : bisect_left(self.edges, high)]

    def spans_within(self, start: int, stop: int) -> list[Span]:
        """The local spans, cut to [start, stop)."""
        if start >= stop:
            return []
        edges = self.edges
        first, last = bisect_right(edges, start), bisect_left(edges, stop)
        if first == last:
            return [(start, stop)] if first & 1 else []
        within = [start, *edges[first:last]] if first & 1 else edges[first:last]
        if last & 1:
            within.append(stop)
        return list(zip(within[::2], within[1::2], strict=True))
