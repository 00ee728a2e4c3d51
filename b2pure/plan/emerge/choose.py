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

f_j(q) is the least weight of everything up to the end of a copy from j that starts at q. An earlier start that costs
no more leaves all that a later one does, so f_j falls; it is piecewise linear. An `Entry` is a piece of it. What is
sent from E_i on is a choice between few i: one that ended earlier must be cheaper (`Exits`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.exits import Exits
from b2pure.plan.emerge.prices import Weights
from b2pure.plan.emerge.ways import SENT, Entry, Interval, Run, Runs, envelope

__all__ = ["Chooser", "choose"]

_NONE: Final = list[int]()
_FAR: Final = 1 << 200
"""Heavier than every way."""
_OPEN: Final = 1024
"""So many ways are kept before it is looked at what of them is decided: few, so that they stay at hand."""


class Chooser:
    """Takes intervals in order of start, and of those that start together the longest first (`add`), and gives the
    best way through them (`finish`). One that lies in another, or is too short for a part, counts for nothing.

    `begin` is where the object begins (everything counts from there). The coverage has to be known up to the end of an
    interval when that is added. Where more than `most_open` ways are kept, what is decided of them is forgotten.
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
        most_open: int = _OPEN,
    ) -> None:
        self._coverage = coverage
        self._prices = weights.local_byte, weights.remote_byte
        self._sent_part, self._copied_part = weights.sent_part, weights.copied_part
        self._m = minimum
        self._max_send = max_send
        self._price = coverage.prices(*self._prices)
        self._window = coverage.windows(*self._prices, minimum)
        self._begin = begin
        self._last_minimum = last_minimum
        self._begun = False  # whether something before `begin` is decided already
        self._reach = -1  # the last interval ends there
        self._near: list[Entry] = []  # of the intervals that may come just before the next one, or a minimum
        self._exits = Exits(begin, self._price, min(self._prices), self._sent_part, max_send)
        self._ways: list[Entry] = []
        self._most_open = most_open
        self._decided = Runs([], [])  # all best ways begin so, as far as `add_all` looked
        self._gone = 0  # so many ways are decided and forgotten: the first one of `_ways` has this place

    def add(self, start: int, stop: int, number: int, *, last: bool = False) -> None:
        """The next interval. `last`: the object ends where it does."""
        if stop > self._reach and (last or stop - start >= self._m):
            self._reach = stop
            self.pass_by(start)
            self._consider(start, stop, number, stop if last else -1)

    def add_all(self, intervals: Iterable[Interval], end: int) -> None:
        """The next intervals. `end`: where the object ends, if that is known.

        This is done for every range of an object, so what is plain is done here: where the lightest copy before leaves
        in time for this one to start where it can, and no way that starts later or sends from far away can be lighter;
        or where nothing is near and it can only be sent from far away. All else is `_consider`ed.
        """
        m, near, ways, exits, window, reach = self._m, self._near, self._ways, self._exits, self._window, self._reach
        copied, sent_part, least, leave = self._copied_part, self._sent_part, min(self._prices), self._exits.leave
        place, least_bridge, far_off = self._gone + len(ways), sent_part + m * least, self._begin + m
        for start, stop, number in intervals:
            if stop <= reach or (stop - start < m and stop != end):
                continue
            reach, back = stop, start - m
            while near and near[0].stop <= back:
                leave(near.pop(0))
            entry: Entry | None = None
            if near:
                before = near[0]
                if len(near) > 1:
                    lightest = _FAR
                    for each in near:
                        weight = each.weight if each.stop >= start else each.weight + least_bridge
                        if weight <= lightest:
                            before, lightest = each, weight
                weight, sent, spent = before.weight + copied, 0, least * start
                plain = before.high <= back
                if before.stop < start:
                    high = near[-1].stop + m
                    plain = high - m < start and before.high <= back - m
                    if plain:
                        cost, kinks = window(start, stop - m if high > stop - m and stop != end else high)
                        weight += cost + sent_part
                        plain, sent, spent = not kinks, m, least * back + cost
                if plain and exits.floor + spent < weight:
                    sending = exits.best(start)
                    plain = sending is None or sending[0] + copied >= weight
                if plain:
                    entry = Entry(start, start, weight, 0, stop, number, before.place, sent, place)
            elif start >= far_off:
                sending = exits.best(start)
                if sending is not None:
                    weight, begun, way = sending
                    origin = -1 if way is None else way.place
                    if way is not None and len(ways) > self._most_open and len(exits.kept()) == 1:
                        self._decide(way)
                    entry = Entry(start, start, weight + copied, 0, stop, number, origin, start - begun, place)
            if entry is None:
                self._consider(start, stop, number, end)
                place = self._gone + len(ways)
            else:
                ways.append(entry)
                near.append(entry)
                place += 1
        self._reach = reach

    def _consider(self, start: int, stop: int, number: int, end: int) -> None:
        """The next interval, by all that can come before it. What ends too early to be left for it is passed by."""
        m, copied, near = self._m, self._copied_part, self._near
        limit = stop - (self._last_minimum if stop == end else m)
        first: Entry | None = None  # the lightest way to start at `start`
        later: list[Entry] = []
        for before in reversed(near):
            weight, fall = before.weight + copied, before.fall
            if first is not None and weight >= first.weight:
                continue
            sent = m if before.stop < start else 0
            low, high = before.low + m + sent, before.stop + sent
            if low < start:
                low = start
            if high > limit:
                high = limit
            if low > high:
                continue
            if fall:
                weight = before.at(low - m - sent) + copied
            kinks = _NONE
            if sent:
                cost, kinks = self._window(low, high)
                weight += cost + self._sent_part
            if first is None or weight < first.weight:
                found = Entry(low, low, weight, 0, stop, number, before.place, sent)
                if low == start:
                    first = found
                else:
                    later.append(found)
            if fall or kinks:
                self._fall(before, low, high, weight, sent, stop, number, kinks, later)
        if first is None or self._exits.floor + min(self._prices) * start < first.weight:
            far = self._far(start, limit, stop, number)
            if far is not None and far.low > start:
                later.append(far)
            elif far is not None and (first is None or far.weight < first.weight):
                first = far
        place, ways = self._gone + len(self._ways), self._ways
        for entry in _lighter(first, later):
            entry.place = place
            ways.append(entry)
            near.append(entry)
            place += 1

    def _decide(self, entry: Entry) -> None:
        """All ways that are left copy from `entry`, and what comes next is sent: so nothing before it stays open."""
        self._decided.add(self._unwound([], entry, entry.high))
        entry.low, entry.fall, entry.origin, entry.sent = entry.high, 0, -1, 0
        del self._ways[: entry.place - self._gone]
        self._gone = entry.place

    def _far(self, start: int, limit: int, stop: int, number: int) -> Entry | None:
        """The way to the interval with nothing before it, or something that is sent from far away."""
        begin = self._begin
        at = start
        if not self._begun:
            if start <= begin:
                return Entry(begin, begin, self._copied_part, 0, stop, number, -1, 0) if begin <= limit else None
            if start < begin + self._m:
                at = begin + self._m
        best = self._exits.best(at)
        if best is None or at > limit or at - best[1] < self._m:
            return None
        weight, begun, entry = best
        weight += self._copied_part
        return Entry(at, at, weight, 0, stop, number, -1 if entry is None else entry.place, at - begun)

    def _fall(
        self,
        before: Entry,
        low: int,
        high: int,
        weight: int,
        sent: int,
        stop: int,
        number: int,
        kinks: list[int],
        later: list[Entry],
    ) -> None:
        """Copies that follow one of `before` and start after `low`, where the weight is `weight`, as far as they get
        lighter.
        """
        m, parts, window = self._m, self._copied_part, self._window
        kink = before.high + m + sent
        if not sent:
            kinks = [min(kink, high)]
        elif before.fall:
            kinks = sorted({*self._coverage.kinks(low, high, m), min(kink, high), high})
        if sent:
            parts += self._sent_part
        for to in kinks:
            if to <= low:
                continue
            lighter = before.at(to - m - sent) + parts
            if sent:
                lighter += window(to, to)[0]
            if lighter < weight:
                fall = (weight - lighter) // (to - low)
                later.append(Entry(low, to, lighter, fall, stop, number, before.place, sent))
            low, weight = to, lighter

    def pass_by(self, start: int) -> None:
        """No interval that is still to come begins before `start`."""
        near = self._near
        while near and near[0].stop <= start - self._m:
            self._exits.leave(near.pop(0))

    def finish(self, end: int) -> tuple[int, Runs]:
        """The least weight of an object that ends at `end`, and the runs that make it."""
        price, m, parts = self._price(end), self._m, self._exits.parts
        found: list[tuple[int, list[Run], Entry | None, int]] = []  # weight, last runs, entry and start before them
        for start, weight, last, _ in self._exits.kept():
            if end - start >= self._last_minimum or last is None:
                found.append((weight + price + parts(end - start), *_tail(last, start, end)))
        for entry in self._near:
            stop = entry.stop
            if stop == end:
                found.append((entry.weight, *_tail(entry, end, end)))
            elif end - stop >= self._last_minimum:
                weight = entry.weight + price - self._price(stop) + parts(end - stop)
                found.append((weight, *_tail(entry, stop, end)))
            elif entry.low <= end - 2 * m:
                start = min(entry.high, end - 2 * m)
                weight = entry.at(start) + self._sent_part + price - self._price(end - m)
                runs = [(end - m, end, SENT), (start, end - m, entry.number)]
                found.append((weight, runs, entry, start))
        weight, runs, last, at = min(found, key=lambda way: way[0])
        self._decided.add(self._unwound(runs, last, at))
        return weight, self._decided

    def _before(self, entry: Entry, at: int) -> tuple[Entry | None, int]:
        """The copy before the one of `entry` that starts at `at`: its entry, and where it starts."""
        if entry.origin < 0:
            return None, self._begin
        origin = self._ways[entry.origin - self._gone]
        return origin, min(at - entry.sent - self._m, origin.high)

    def _unwound(self, runs: list[Run], entry: Entry | None, at: int) -> Runs:
        """The runs (backwards) with all before them, the first one first. They begin at `at`, where `entry` does."""
        ways, gone, m = self._ways, self._gone, self._m
        cuts, numbers = [run[1] for run in runs], [run[2] for run in runs]
        cuts.append(at)
        while entry is not None:
            if entry.sent:
                at -= entry.sent
                cuts.append(at)
                numbers.append(SENT)
            if entry.origin < 0:
                break
            entry = ways[entry.origin - gone]
            at -= m
            if at > entry.high:
                at = entry.high
            cuts.append(at)
            numbers.append(entry.number)
        cuts.reverse()
        numbers.reverse()
        return Runs(cuts, numbers)


def _lighter(first: Entry | None, offers: list[Entry]) -> list[Entry]:
    """What is left of the offers beside the lightest that starts where the interval does."""
    if first is None:
        return envelope(offers) if len(offers) > 1 else offers
    lighter = [each for each in offers if each.weight < first.weight]
    if not lighter:
        return [first]
    if len(lighter) == 1 and not lighter[0].fall:
        return [first, lighter[0]]
    return envelope([first, *lighter])


def _tail(entry: Entry | None, start: int, end: int) -> tuple[list[Run], Entry | None, int]:
    """What is sent at the end, and the copy before it. Runs come backwards."""
    runs = [(start, end, SENT)] if start < end else []
    if entry is None:
        return runs, None, start
    return [*runs, (entry.high, start, entry.number)], entry, entry.high


def choose(
    intervals: Iterable[Interval],
    end: int,
    coverage: Coverage,
    weights: Weights,
    minimum: int,
    max_send: int,
    *,
    begin: int = 0,
    last_minimum: int = 1,
) -> tuple[int, Runs]:
    """The least weight for [begin, end), and its runs."""
    chooser = Chooser(coverage, weights, minimum, max_send, begin=begin, last_minimum=last_minimum)
    chooser.add_all(intervals, end)
    return chooser.finish(end)
