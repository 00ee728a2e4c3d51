"""Which ranges of an object are copied, and where the cuts are: the plan of least weight.

What is given. Intervals [S, E) of the object, any part of which can be copied; of no two does one hold the other, so
that both ends grow from one to the next. Everything can be sent, at a price for each byte that depends on whether it
is local. A part has at least `minimum` bytes, but the last one `last_minimum`; what is sent in one go is cut into
parts of at most `max_send`. Copies have no largest size here (see `exact`).

Why it is exact. Fix which intervals a plan copies from, in order (never backwards: the later interval would do as
well). Something sent between two copies, from interval i and then j, can be made shorter until it starts at E_i and
ends at S_j, or has the minimum: nothing gets dearer. So between copies from i and j there is

- nothing, where S_j <= E_i: the copy from j starts at any q that leaves the copy from i its minimum;
- the minimum, [q - m, q), where E_i < S_j < E_i + m;
- [E_i, S_j), where S_j >= E_i + m.

f_j(q) is the least weight of everything before a copy from j that starts at q. An earlier start that costs no more
leaves all that a later one does, so f_j falls; it is piecewise linear. `Entry` is a piece of it. What is sent from E_i
on is a choice between few i: one that ended earlier must be cheaper (`_exits`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from attrs import frozen

from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.prices import Weights

__all__ = ["Chooser", "Entry", "Exit", "Interval", "Run", "choose", "proper", "unwound", "way_before"]

Interval = tuple[int, int, int]
"""(start, stop, number): a range of the object that can be copied, and what the caller knows it by."""

Run = tuple[int, int, int]
"""(start, stop, number of the interval that is copied from, or -1: sent)."""

_SENT: Final = -1
_FEW: Final = 8
"""So many exits are looked at one by one."""


class Entry:
    """A piece of f_j: copies from interval `number` that start at `low` to `high`, whose weight falls by `-slope` a
    byte from `weight` on. How it came about: `sent` bytes are sent before it ([q - sent, q)), or everything from
    `left` on; before that the copy of `origin`, or nothing.
    """

    __slots__ = ("high", "left", "low", "number", "origin", "sent", "slope", "weight")

    def __init__(
        self, low: int, high: int, weight: int, slope: int, number: int, origin: Entry | None, sent: int, left: int
    ) -> None:
        self.low = low
        self.high = high
        self.weight = weight
        self.slope = slope
        self.number = number
        self.origin = origin
        self.sent = sent
        self.left = left

    def at(self, q: int) -> int:
        """The weight of starting at `q` or before (not before `low`)."""
        return self.weight + self.slope * ((q if q < self.high else self.high) - self.low)


@frozen
class Exit:
    """Sending from `start` on: `weight` with the price of all bytes before `start` taken off."""

    start: int
    weight: int
    entry: Entry | None


class Chooser:
    """Takes intervals in order (`add`) and gives the best way through them (`finish`).

    `begin` is where the object begins (everything counts from there). The coverage has to be known up to the end of an
    interval when that is added.
    """

    def __init__(
        self,
        coverage: Coverage,
        weights: Weights,
        minimum: int,
        max_send: int,
        *,
        begin: int = 0,
        last_minimum: int = 1,
    ) -> None:
        self._coverage = coverage
        self._weights = weights
        self._m = minimum
        self._max_send = max_send
        self._begin = begin
        self._last_minimum = last_minimum
        self._begun = False  # whether something before `begin` is decided already
        self._near: deque[tuple[int, list[Entry], int, Entry]] = deque()  # (stop, f, least weight, its entry)
        self._exits: list[Exit] = [Exit(begin, -self._price(begin), None)]

    def _price(self, position: int) -> int:
        local = self._coverage.before(position)
        return self._weights.local_byte * local + self._weights.remote_byte * (position - local)

    def _sent(self, length: int) -> int:
        """The price of the parts of so many bytes that are sent."""
        return self._weights.sent_part * -(-length // self._max_send)

    def add(self, start: int, stop: int, number: int, *, last: bool = False) -> None:
        """The next interval. `last`: the object ends where it does."""
        limit = stop - (self._last_minimum if last else self._m)
        near = self._near
        self.pass_by(start)
        offers = self._first(start, limit, number)
        for end, entries, _, _ in near:
            if start <= end:
                self._join(entries, start, end if end < limit else limit, number, offers)
            else:
                self._bridge(entries, start, min(end + self._m, limit), number, offers)
        if offers:
            entries = _envelope(offers)
            self._put_near(stop, entries)

    def _put_near(self, stop: int, entries: list[Entry]) -> None:
        best = min(entries, key=_lowest)
        self._near.append((stop, entries, _lowest(best) + self._weights.copied_part, best))

    def pass_by(self, start: int) -> None:
        """No interval that is still to come begins before `start`."""
        near = self._near
        while near and near[0][0] <= start - self._m:
            stop, _, least, entry = near.popleft()
            self._leave(stop, least, entry)

    def _leave(self, stop: int, weight: int, entry: Entry) -> None:
        """The interval that ends at `stop` is left at its end: remember it, unless that is never the best."""
        found = Exit(stop, weight - self._price(stop), entry)
        exits = self._exits
        while exits and exits[-1].weight >= found.weight:
            exits.pop()
        if not exits or found.weight < self._leaving(stop)[0]:
            exits.append(found)

    def _leaving(self, at: int) -> tuple[int, Exit]:
        """The best exit to send from up to `at`, and its weight with the parts for that (all prices before `at` off).

        Later exits are dearer, or they would have thrown out the earlier ones; so of those that need as many parts the
        first is the best.
        """
        exits = self._exits
        if len(exits) <= _FEW:
            best = min(exits, key=lambda each: each.weight + self._sent(at - each.start))
            return best.weight + self._sent(at - best.start), best
        found: tuple[int, Exit] | None = None
        index = len(exits)
        while index:
            parts = -(-(at - exits[index - 1].start) // self._max_send)
            index = bisect_left(exits, at - parts * self._max_send, key=lambda each: each.start)
            weight = exits[index].weight + self._weights.sent_part * parts
            if found is None or weight < found[0]:
                found = weight, exits[index]
        assert found is not None
        return found

    def _first(self, start: int, limit: int, number: int) -> list[Entry]:
        """Ways to the interval with nothing before it, or something that is sent from far away."""
        begin, offers = self._begin, list[Entry]()
        if not self._begun and start <= begin:
            return [Entry(begin, begin, 0, 0, number, None, 0, begin)] if begin <= limit else offers
        at = start if self._begun else max(start, begin + self._m)
        if at > limit:
            return offers
        if not self._exits or self._exits[0].start + self._m > at:
            return offers
        weight, leaving = self._leaving(at)
        begun = leaving.start
        return [Entry(at, at, weight + self._price(at), 0, number, leaving.entry, at - begun, begun)]

    def _join(self, entries: list[Entry], start: int, high: int, number: int, offers: list[Entry]) -> None:
        """A copy right after another."""
        m, part = self._m, self._weights.copied_part
        for entry in entries:
            low = entry.low + m
            if low < start:
                low = start
            if low <= high:
                end = min(entry.high + m, high)
                weight = entry.at(low - m) + part
                if entry.slope and end > low:
                    offers.append(Entry(low, end, weight, entry.slope, number, entry, 0, 0))
                else:
                    offers.append(Entry(low, low, weight, 0, number, entry, 0, 0))

    def _bridge(self, entries: list[Entry], start: int, high: int, number: int, offers: list[Entry]) -> None:
        """A copy, the minimum that is sent, and a copy."""
        m = self._m
        parts = self._weights.copied_part + self._weights.sent_part
        for entry in entries:
            low = max(entry.low + 2 * m, start)
            if low > high:
                continue
            cuts = {low, high, *self._coverage.edges_between(low, high)}
            cuts.update(edge + m for edge in self._coverage.edges_between(low - m, high - m))
            if low < entry.high + 2 * m < high:
                cuts.add(entry.high + 2 * m)
            points = [(q, entry.at(q - 2 * m) + parts + self._price(q) - self._price(q - m)) for q in sorted(cuts)]
            first = points[0]
            offers.append(Entry(low, low, first[1], 0, number, entry, m, 0))
            for (q, weight), (to, lighter) in pairwise(points):
                if lighter < weight:
                    offers.append(Entry(q, to, weight, (lighter - weight) // (to - q), number, entry, m, 0))

    def finish(self, end: int) -> tuple[int, list[Run]]:
        """The least weight of an object that ends at `end`, and the runs that make it."""
        price, m = self._price(end), self._m
        found: list[tuple[int, list[Run], Entry | None, int]] = []  # weight, last runs, entry and start before them
        for leaving in self._exits:
            if end - leaving.start >= self._last_minimum or leaving.entry is None:
                weight = leaving.weight + price + self._sent(end - leaving.start)
                found.append((weight, *_tail(leaving.entry, leaving.start, end)))
        for stop, entries, least, entry in self._near:
            if stop == end:
                found.append((least, [(entry.high, end, entry.number)], entry, entry.high))
            elif end - stop >= self._last_minimum:
                weight = least + price - self._price(stop) + self._sent(end - stop)
                found.append((weight, *_tail(entry, stop, end)))
            else:
                for piece in entries:
                    if piece.low <= end - 2 * m:
                        start = min(piece.high, end - 2 * m)
                        weight = piece.at(start) + self._weights.copied_part + self._weights.sent_part
                        weight += price - self._price(end - m)
                        runs = [(end - m, end, _SENT), (start, end - m, piece.number)]
                        found.append((weight, runs, piece, start))
        weight, runs, last, at = min(found, key=lambda way: way[0])
        return weight, unwound(runs, last, at, self._begin, m)


def _lowest(entry: Entry) -> int:
    return entry.weight + entry.slope * (entry.high - entry.low)


def _tail(entry: Entry | None, start: int, end: int) -> tuple[list[Run], Entry | None, int]:
    """What is sent at the end, and the copy before it. Runs come backwards."""
    runs = [(start, end, _SENT)] if start < end else []
    if entry is None:
        return runs, None, start
    return [*runs, (entry.high, start, entry.number)], entry, entry.high


def way_before(entry: Entry, at: int, begin: int, minimum: int) -> tuple[list[Run], Entry | None, int]:
    """The runs (backwards) between the copy that starts at `at` and the one before it, with that one; its entry and
    where it starts.
    """
    origin = entry.origin
    sent = [(at - entry.sent, at, _SENT)] if entry.sent else []
    if origin is None:
        return sent, None, begin
    if entry.left:
        start, stop = origin.high, entry.left
    else:
        stop = at - entry.sent
        start = min(stop - minimum, origin.high)
    return [*sent, (start, stop, origin.number)], origin, start


def unwound(runs: list[Run], entry: Entry | None, at: int, begin: int, minimum: int) -> list[Run]:
    """The runs (backwards) with all before them, the first one first."""
    while entry is not None:
        more, entry, at = way_before(entry, at, begin, minimum)
        runs += more
    return runs[::-1]


def _envelope(offers: list[Entry]) -> list[Entry]:
    """The offers without those that start later and are not lighter."""
    if len(offers) == 1:
        return offers
    offers.sort(key=lambda entry: (entry.low, entry.weight))
    kept: list[Entry] = []
    for entry in offers:
        if not kept:
            kept.append(entry)
            continue
        least = min(other.at(entry.low) for other in kept)
        if _lowest(entry) >= least:
            continue
        if entry.weight >= least:
            skip = (entry.weight - least) // -entry.slope + 1
            entry.weight += entry.slope * skip
            entry.low += skip
        kept.append(entry)
    return kept


def proper(intervals: Iterable[Interval], minimum: int, end: int | None) -> list[Interval]:
    """The intervals without those inside another and those too short for a part that is not the last: `end` is where
    the object ends, if a shorter part may stand there.
    """
    found: list[Interval] = []
    reach = -1
    for start, stop, number in sorted(intervals, key=lambda each: (each[0], -each[1], each[2])):
        if stop > reach and (stop - start >= minimum or stop == end):
            found.append((start, stop, number))
            reach = stop
    return found


def choose(
    intervals: list[Interval],
    end: int,
    coverage: Coverage,
    weights: Weights,
    minimum: int,
    max_send: int,
    *,
    begin: int = 0,
    last_minimum: int = 1,
) -> tuple[int, list[Run]]:
    """The least weight for [begin, end), and its runs, with `proper` intervals."""
    chooser = Chooser(coverage, weights, minimum, max_send, begin=begin, last_minimum=last_minimum)
    for start, stop, number in intervals:
        chooser.add(start, stop, number, last=stop == end)
    return chooser.finish(end)
