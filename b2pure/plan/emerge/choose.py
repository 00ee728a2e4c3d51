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

How it is held. There are as many entries as ranges, so they hold nothing but ints, and the garbage collector never
looks at them: what came before an entry is told by its place in `_ways`, the list of all entries that may still be part
of the best way.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.prices import Weights

__all__ = ["Chooser", "Entry", "Exit", "Interval", "Run", "choose", "proper"]

Interval = tuple[int, int, int]
"""(start, stop, number): a range of the object that can be copied, and what the caller knows it by."""

Run = tuple[int, int, int]
"""(start, stop, number of the interval that is copied from, or -1: sent)."""

_SENT: Final = -1
_FEW: Final = 8
"""So many exits are looked at one by one."""


class Entry(Struct, eq=False, gc=False):
    """A piece of f_j: copies from interval `number` that start at `low` to `high`, whose weight falls by `-slope` a
    byte from `weight` on. How it came about: `sent` bytes are sent before it ([q - sent, q)), or everything from
    `left` on; before that the copy of the entry at `origin`, or nothing (-1). `place` is its own.
    """

    low: int
    high: int
    weight: int
    slope: int
    number: int
    origin: int
    sent: int
    left: int
    place: int = -1

    def at(self, q: int) -> int:
        """The weight of starting at `q` or before (not before `low`)."""
        return self.weight + self.slope * ((q if q < self.high else self.high) - self.low)


Exit = tuple[int, int, Entry | None]
"""(start, weight, last copy): sending from `start` on; the price of all bytes before is taken off the weight."""


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
        self._sent_part, self._copied_part = weights.sent_part, weights.copied_part
        # What the minimum sent between two copies adds at least.
        self._bridge = self._sent_part + minimum * min(weights.local_byte, weights.remote_byte)
        self._m = minimum
        self._max_send = max_send
        self._price = coverage.prices(weights.local_byte, weights.remote_byte)
        self._until = coverage.until
        self._elsewhere, self._less = weights.remote_byte, weights.remote_byte - weights.local_byte
        self._begin = begin
        self._last_minimum = last_minimum
        self._begun = False  # whether something before `begin` is decided already
        self._near: deque[tuple[int, Sequence[Entry], int, Entry]] = deque()  # (stop, f, least weight, its entry)
        self._exits: list[Exit] = [(begin, -self._price(begin), None)]
        self._ways: list[Entry] = []
        self._gone = 0  # so many ways are decided and forgotten: the first one of `_ways` has this place

    def _sent(self, length: int) -> int:
        """The price of the parts of so many bytes that are sent."""
        return self._sent_part * -(-length // self._max_send)

    def add(self, start: int, stop: int, number: int, *, last: bool = False) -> None:
        """The next interval. `last`: the object ends where it does."""
        self.add_all(((start, stop, number),), stop if last else -1)

    def add_all(self, intervals: Sequence[Interval], end: int) -> None:
        """The next intervals. `end`: where the object ends, if that is known.

        This is done for every range of an object, so it calls nothing where there is no choice: where there is one
        interval that can be left for this one, in time to start where this one does, and where there is none.
        """
        m, near, exits, far_off = self._m, self._near, self._exits, self._begin + self._m
        sent_part, copied_part, max_send = self._sent_part, self._copied_part, self._max_send
        ways, gone, price_at, edges, until = self._ways, self._gone, self._price, self._coverage.edges, self._until
        elsewhere, less, least_bridge = self._elsewhere, self._less, sent_part + m * self._elsewhere
        count = len(edges)
        first_start = intervals[0][0] if intervals else 0
        passed, behind = bisect_right(edges, first_start), bisect_right(edges, first_start - m)
        for start, stop, number in intervals:
            back = start - m
            while near and near[0][0] <= back:
                left, _, weight, entry = near.popleft()
                weight -= price_at(left)
                if len(exits) == 1 and weight <= exits[0][1]:
                    exits[0] = left, weight, entry
                else:
                    self._leave(left, weight, entry)
            # Local bytes before `start`, and its price.
            while passed < count and edges[passed] <= start:
                passed += 1
            here = until[passed - 1] if passed else self._coverage.gone
            if passed & 1:
                here += start - edges[passed - 1]
            price = elsewhere * start - less * here
            limit = stop - (self._last_minimum if stop == end else m)
            offers: list[Entry] = []
            first: Entry | None = None
            if near:
                last, entries, weight, entry = near[0]
                if len(near) > 1 or len(entries) > 1 or entry.slope:
                    first = self._following(start, limit, number, passed, price, offers)
                elif last >= start and entry.low <= back:
                    first = Entry(start, start, weight, 0, number, entry.place, 0, 0)
                elif last >= start or entry.low > back - m:
                    first = self._following(start, limit, number, passed, price, offers)
                else:
                    while behind < count and edges[behind] <= back:
                        behind += 1
                    there = until[behind - 1] if behind else self._coverage.gone
                    if behind & 1:
                        there += back - edges[behind - 1]
                    high = last + m if last + m < limit else limit
                    if (
                        (passed ^ behind) & 1
                        or (passed < count and edges[passed] < high)
                        or (behind < count and edges[behind] < high - m)
                    ) and start < high:
                        first = self._following(start, limit, number, passed, price, offers)
                    else:
                        weight += least_bridge - less * (here - there)
                        first = Entry(start, start, weight, 0, number, entry.place, m, 0)
            # The first exit is the lightest one (see `_leaving`).
            if first is None or not exits or exits[0][1] + price <= first.weight:
                if len(exits) == 1 and far_off <= start >= exits[0][0] + m:
                    begun, weight, way = exits[0]
                    weight += price - sent_part * ((begun - start) // max_send)
                    if first is None or weight <= first.weight:
                        origin = -1 if way is None else way.place
                        first = Entry(start, start, weight, 0, number, origin, start - begun, begun)
                else:
                    far = self._first(start, limit, number, price)
                    if far is not None and far.low > start:
                        offers.append(far)
                    elif far is not None and (first is None or far.weight <= first.weight):
                        first = far
            if first is None or offers:
                self._put_near(stop, _lighter(first, offers))
            else:
                first.place = gone + len(ways)
                ways.append(first)
                near.append((stop, (first,), first.weight + copied_part, first))

    def _following(
        self, start: int, limit: int, number: int, passed: int, price: int, offers: list[Entry]
    ) -> Entry | None:
        """The lightest way found to start at `start` itself, after an interval that ends less than the minimum before
        it; what starts later and is not heavier than all before it becomes one of the `offers`. The latest intervals
        come first, since they mostly have the lightest; of ways that are as light it is that of the earliest.
        """
        m, copied_part = self._m, self._copied_part
        first: Entry | None = None
        for end, entries, least, _ in reversed(self._near):
            if end < start:  # the minimum is sent between the two copies
                if first is None or least + self._bridge <= first.weight:
                    first = self._bridged(start, min(end + m, limit), number, passed, price, entries, first, offers)
                continue
            if first is not None and least > first.weight:
                continue
            high = end if end < limit else limit
            for entry in reversed(entries):
                low = entry.low + m
                if low <= start:
                    low = start
                elif low > high:
                    continue
                weight = (entry.at(low - m) if entry.slope else entry.weight) + copied_part
                if first is None or weight <= first.weight:
                    found = Entry(low, low, weight, 0, number, entry.place, 0, 0)
                    if low == start:
                        first = found
                    else:
                        offers.append(found)
                if entry.slope and low < high:
                    self._falling(entry, low, high, weight, number, 0, offers)
        return first

    def _bridged(
        self,
        start: int,
        high: int,
        number: int,
        passed: int,
        price: int,
        entries: Sequence[Entry],
        first: Entry | None,
        offers: list[Entry],
    ) -> Entry | None:
        """The same with the minimum sent between the two copies, where that is as light as `first`."""
        m, edges, price_at = self._m, self._coverage.edges, self._price
        parts, count = self._copied_part + self._sent_part, len(self._coverage.edges)
        for entry in reversed(entries):
            low = entry.low + 2 * m
            if low <= start:
                low, ends, until = start, passed, price
            elif low <= high:
                ends = bisect_right(edges, low, passed)
                until = price_at(low, ends)
            else:
                continue
            begins = bisect_right(edges, low - m, 0, ends)
            weight = (entry.at(low - 2 * m) if entry.slope else entry.weight) + parts + until
            weight -= price_at(low - m, begins)
            if first is None or weight <= first.weight:
                found = Entry(low, low, weight, 0, number, entry.place, m, 0)
                if low == start:
                    first = found
                else:
                    offers.append(found)
            # While both ends of what is sent stay within local bytes, or without, one gains what the other loses.
            if low < high and (
                entry.slope
                or (ends ^ begins) & 1
                or (ends < count and edges[ends] < high)
                or (begins < count and edges[begins] < high - m)
            ):
                self._falling(entry, low, high, weight, number, m, offers)
        return first

    def _put_near(self, stop: int, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        for entry in entries:
            if entry.place < 0:
                entry.place = self._gone + len(self._ways)
                self._ways.append(entry)
        best = entries[0] if len(entries) == 1 else min(entries, key=_lowest)
        self._near.append((stop, entries, _lowest(best) + self._copied_part, best))

    def pass_by(self, start: int) -> None:
        """No interval that is still to come begins before `start`."""
        near = self._near
        while near and near[0][0] <= start - self._m:
            stop, _, least, entry = near.popleft()
            self._leave(stop, least - self._price(stop), entry)

    def _leave(self, stop: int, weight: int, entry: Entry) -> None:
        """The interval that ends at `stop` is left at its end: remember it, unless that is never the best. The price of
        all bytes before is taken off the weight.
        """
        exits = self._exits
        while exits and exits[-1][1] >= weight:
            exits.pop()
        if not exits or weight < self._leaving(stop)[0]:
            exits.append((stop, weight, entry))

    def _leaving(self, at: int) -> tuple[int, Exit]:
        """The best exit to send from up to `at`, and its weight with the parts for that (all prices before `at` off).

        Later exits are dearer, or they would have thrown out the earlier ones; so of those that need as many parts the
        first is the best.
        """
        exits = self._exits
        if len(exits) <= _FEW:
            best = exits[0] if len(exits) == 1 else min(exits, key=lambda each: each[1] + self._sent(at - each[0]))
            return best[1] + self._sent(at - best[0]), best
        found: tuple[int, Exit] | None = None
        index = len(exits)
        while index:
            parts = -(-(at - exits[index - 1][0]) // self._max_send)
            index = bisect_left(exits, at - parts * self._max_send, key=_start)
            weight = exits[index][1] + self._sent_part * parts
            if found is None or weight < found[0]:
                found = weight, exits[index]
        assert found is not None
        return found

    def _first(self, start: int, limit: int, number: int, price: int) -> Entry | None:
        """The way to the interval with nothing before it, or something that is sent from far away; `price` is that of
        all bytes before `start`.
        """
        begin = self._begin
        if not self._begun and start <= begin:
            return Entry(begin, begin, 0, 0, number, -1, 0, begin) if begin <= limit else None
        at = start
        if not self._begun and start < begin + self._m:
            at = begin + self._m
            price = self._price(at)
        if at > limit or not self._exits or self._exits[0][0] + self._m > at:
            return None
        weight, (begun, _, entry) = self._leaving(at)
        return Entry(at, at, weight + price, 0, number, -1 if entry is None else entry.place, at - begun, begun)

    def _falling(
        self, entry: Entry, low: int, high: int, weight: int, number: int, sent: int, offers: list[Entry]
    ) -> None:
        """Copies that follow one of `entry` and start after `low`, where the weight is `weight`, as far as they get
        lighter.
        """
        m = self._m
        if not sent:
            high = min(entry.high + m, high)
            if low < high:
                offers.append(Entry(low, high, weight, entry.slope, number, entry.place, 0, 0))
            return
        parts = self._copied_part + self._sent_part
        for to in self._kinks(entry, low, high):
            lighter = entry.at(to - 2 * m) + parts + self._price(to) - self._price(to - m)
            if lighter < weight:
                slope = (lighter - weight) // (to - low)
                offers.append(Entry(low, to, weight, slope, number, entry.place, m, 0))
            low, weight = to, lighter

    def _kinks(self, entry: Entry, low: int, high: int) -> list[int]:
        """Where, after `low`, the weight of a copy that follows the minimum sent may begin to fall otherwise."""
        m = self._m
        cuts = {high, *self._coverage.edges_between(low, high)}
        cuts.update(edge + m for edge in self._coverage.edges_between(low - m, high - m))
        if low < entry.high + 2 * m < high:
            cuts.add(entry.high + 2 * m)
        return sorted(cuts)

    def finish(self, end: int) -> tuple[int, list[Run]]:
        """The least weight of an object that ends at `end`, and the runs that make it."""
        price, m = self._price(end), self._m
        found: list[tuple[int, list[Run], Entry | None, int]] = []  # weight, last runs, entry and start before them
        for start, weight, last in self._exits:
            if end - start >= self._last_minimum or last is None:
                found.append((weight + price + self._sent(end - start), *_tail(last, start, end)))
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
                        weight = piece.at(start) + self._copied_part + self._sent_part
                        weight += price - self._price(end - m)
                        runs = [(end - m, end, _SENT), (start, end - m, piece.number)]
                        found.append((weight, runs, piece, start))
        weight, runs, last, at = min(found, key=lambda way: way[0])
        return weight, self._unwound(runs, last, at)

    def _before(self, entry: Entry, at: int) -> tuple[Entry | None, int]:
        """The copy before the one of `entry` that starts at `at`: its entry, and where it starts."""
        if entry.origin < 0:
            return None, self._begin
        origin = self._ways[entry.origin - self._gone]
        return origin, origin.high if entry.left else min(at - entry.sent - self._m, origin.high)

    def _unwound(self, runs: list[Run], entry: Entry | None, at: int) -> list[Run]:
        """The runs (backwards) with all before them, the first one first."""
        ways, gone, m = self._ways, self._gone, self._m
        while entry is not None:
            stop = at
            if entry.sent:
                stop -= entry.sent
                runs.append((stop, at, _SENT))
            if entry.origin < 0:
                break
            origin = ways[entry.origin - gone]
            at = origin.high
            if entry.left:
                stop = entry.left
            elif at > stop - m:
                at = stop - m
            runs.append((at, stop, origin.number))
            entry = origin
        runs.reverse()
        return runs


def _start(leaving: Exit) -> int:
    return leaving[0]


def _lowest(entry: Entry) -> int:
    return entry.weight + entry.slope * (entry.high - entry.low)


def _tail(entry: Entry | None, start: int, end: int) -> tuple[list[Run], Entry | None, int]:
    """What is sent at the end, and the copy before it. Runs come backwards."""
    runs = [(start, end, _SENT)] if start < end else []
    if entry is None:
        return runs, None, start
    return [*runs, (entry.high, start, entry.number)], entry, entry.high


def _lighter(first: Entry | None, offers: list[Entry]) -> list[Entry]:
    """What is left of the offers beside the best way found to start where the interval does."""
    if first is None:
        return _envelope(offers) if len(offers) > 1 else offers
    lighter = [each for each in offers if each.weight + each.slope * (each.high - each.low) < first.weight]
    if len(lighter) == 1 and not lighter[0].slope:
        return [first, lighter[0]]
    return _envelope([*lighter, first]) if lighter else [first]


def _envelope(offers: list[Entry]) -> list[Entry]:
    """The offers without those that start later and are not lighter."""
    offers.reverse()
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
    the object ends, if a shorter part may stand there. They come `in_order`.
    """
    found: list[Interval] = []
    reach = -1
    for interval in intervals:
        start, stop, _ = interval
        if stop > reach and (stop - start >= minimum or stop == end):
            found.append(interval)
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
    chooser.add_all(intervals, end)
    return chooser.finish(end)
