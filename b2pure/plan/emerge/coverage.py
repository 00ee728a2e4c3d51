"""How many local bytes lie before a position, and where local data begin and end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final

from b2pure.plan.emerge.plan import Span

__all__ = ["Coverage"]

_FEW: Final = 64


class Coverage:
    """Spans of local bytes, in order, apart from each other; more can be added at the end."""

    __slots__ = ("_before", "_gone", "_starts", "_stops", "edges")

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._before: list[int] = []
        self._gone = 0  # local bytes before the first span that is remembered
        self.edges: list[int] = []
        for start, stop in spans:
            self.add(start, stop)

    def add(self, start: int, stop: int) -> None:
        """A span that begins after all others end, or where the last one does."""
        if self._stops and start <= self._stops[-1]:
            self._stops[-1] = self.edges[-1] = max(stop, self._stops[-1])
            return
        self._before.append(self._before[-1] + self._stops[-1] - self._starts[-1] if self._starts else self._gone)
        self._starts.append(start)
        self._stops.append(stop)
        self.edges += (start, stop)

    def forget(self, position: int) -> None:
        """Nobody will ask for anything before `position` any more, but for how much there is."""
        gone = bisect_left(self._stops, position)
        if gone > len(self._stops) // 2 and gone > _FEW:
            self._gone = self._before[gone - 1] + self._stops[gone - 1] - self._starts[gone - 1]
            del self._starts[:gone], self._stops[:gone], self._before[:gone], self.edges[: 2 * gone]

    def before(self, position: int) -> int:
        """Local bytes in [0, position)."""
        at = bisect_right(self._starts, position) - 1
        if at < 0:
            return self._gone
        stop = self._stops[at]
        return self._before[at] + (position if position < stop else stop) - self._starts[at]

    def holds(self, start: int, stop: int) -> bool:
        """Whether all of [start, stop) is local."""
        at = bisect_right(self._starts, start) - 1
        return at >= 0 and stop <= self._stops[at]

    def edges_between(self, low: int, high: int) -> list[int]:
        """Where local data begin or end, strictly between the two."""
        return self.edges[bisect_right(self.edges, low) : bisect_left(self.edges, high)]

    def spans_within(self, start: int, stop: int) -> list[Span]:
        """The local spans, cut to [start, stop)."""
        at = max(0, bisect_right(self._starts, start) - 1)
        found = []
        while at < len(self._starts) and self._starts[at] < stop:
            low, high = max(start, self._starts[at]), min(stop, self._stops[at])
            if low < high:
                found.append((low, high))
            at += 1
        return found
