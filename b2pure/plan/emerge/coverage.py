"""How many local bytes lie before a position, and where local data begin and end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import sub
from typing import Final

from b2pure.plan.emerge.plan import Span, Spans

__all__ = ["Coverage", "Price", "Window"]

_FEW: Final = 64
_NONE: Final = list[int]()

Price = Callable[[int], int]
"""The price of all bytes before a position."""

Window = Callable[[int, int], tuple[int, list[int]]]
"""What the bytes of a window that ends at the first position cost. And where one may end that costs less: positions up
to the second, in order, between which the price of a window grows or falls evenly; none where there is no such window.
"""


class Coverage:
    """Spans of local bytes, in order, apart from each other; more can be added at the end.

    `edges` are where they begin and end, in turns: after an odd number of edges one is inside. Of the bytes before a
    position that has passed `i` edges `inside[i]` are local, and the position itself more where that is inside a span.
    `longest` is the length of the longest span so far.
    """

    __slots__ = ("edges", "inside", "longest")

    def __init__(self, spans: Sequence[Span] = ()) -> None:
        given = spans if isinstance(spans, Spans) else Spans.of(spans)
        starts, stops = given.starts, given.stops
        lengths = list(map(sub, stops, starts))
        totals = list(accumulate(lengths, initial=0))
        self.longest = max(lengths, default=0)
        self.edges: list[int] = [0] * (2 * len(starts))
        self.edges[::2], self.edges[1::2] = starts, stops
        self.inside: list[int] = [0] * (2 * len(starts) + 1)
        self.inside[::2], self.inside[1::2] = totals, list(map(sub, totals, starts))

    def add(self, start: int, stop: int) -> None:
        """A span that begins after all others end, or where the last one does."""
        edges, inside = self.edges, self.inside
        if edges and start <= edges[-1]:
            if stop > edges[-1]:
                inside[-1] += stop - edges[-1]
                edges[-1] = stop
                self.longest = max(self.longest, stop - edges[-2])
            return
        self.longest = max(self.longest, stop - start)
        edges += (start, stop)
        inside += (inside[-1] - start, inside[-1] + stop - start)

    def forget(self, position: int) -> None:
        """Nobody will ask for anything before `position` any more, but for how much there is."""
        gone = bisect_left(self.edges, position) // 2 * 2
        if gone > len(self.edges) // 2 and gone > _FEW:
            del self.edges[:gone], self.inside[:gone]

    def passed(self, position: int) -> int:
        """How many edges are at `position` or before."""
        return bisect_right(self.edges, position)

    def before(self, position: int) -> int:
        """Local bytes in [0, position)."""
        passed = bisect_right(self.edges, position)
        return self.inside[passed] + position if passed & 1 else self.inside[passed]

    def prices(self, here: int, elsewhere: int) -> Price:
        """`here` is the price of a local byte, `elsewhere` that of another. Who asks does so from place to place, none
        far from the one before: it knows how many edges were passed there, and looks on from there.
        """
        edges, inside, rates, less = self.edges, self.inside, (elsewhere, here), elsewhere - here
        passed = 0

        def price(position: int) -> int:
            nonlocal passed
            try:
                while edges[passed] <= position:
                    passed += 1
            except IndexError:
                passed = len(edges)
            while passed and edges[passed - 1] > position:
                passed -= 1
            return rates[passed & 1] * position - less * inside[passed]

        return price

    def windows(self, here: int, elsewhere: int, length: int) -> Window:
        """The same for what lies between two positions so far apart."""
        edges, inside, rates, less = self.edges, self.inside, (elsewhere, here), elsewhere - here
        cheap = less > 0  # whether it is better to be inside
        even = elsewhere * length, here * length  # the price of a window without edges
        first = last = 0
        kinks = self.kinks

        def window(end: int, high: int) -> tuple[int, list[int]]:
            nonlocal first, last
            begin, count = end - length, len(edges)
            try:
                while edges[last] <= end:
                    last += 1
            except IndexError:
                last = count
            while last and edges[last - 1] > end:
                last -= 1
            try:
                while edges[first] <= begin:
                    first += 1
            except IndexError:
                first = count
            while first and edges[first - 1] > begin:
                first -= 1
            if first == last:
                price = even[last & 1]
            else:
                price = rates[last & 1] * end - rates[first & 1] * begin - less * (inside[last] - inside[first])
            # The end has to come where bytes are cheap, and the beginning where they are not.
            falls = (
                end < high
                and (last & 1 == cheap or (last < count and edges[last] < high))
                and (first & 1 != cheap or (first < count and edges[first] < high - length))
            )
            return price, kinks(end, high, length) if falls else _NONE

        return window

    def holds(self, start: int, stop: int) -> bool:
        """Whether all of [start, stop) is local."""
        passed = bisect_right(self.edges, start)
        return bool(passed & 1) and stop <= self.edges[passed]

    def kinks(self, low: int, high: int, length: int) -> list[int]:
        """Ends of windows of `length` after `low` and up to `high`, between which their price changes evenly."""
        edges = self.edges
        first, last = bisect_right(edges, low - length), bisect_right(edges, low)
        found = edges[last : bisect_left(edges, high, last)]
        found += [edge + length for edge in edges[first : bisect_left(edges, high - length, first)]]
        found.sort()
        found.append(high)
        return found

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
