"""What the ways through an object are made of (see `choose`).

There are as many entries as ranges, so they hold nothing but ints, and the garbage collector never looks at them: what
came before an entry is told by its place in the list of all entries that may still be part of the best way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

__all__ = ["SENT", "Entry", "Interval", "Run", "Runs", "envelope", "proper"]

Interval = tuple[int, int, int]
"""(start, stop, number): a range of the object that can be copied, and what the caller knows it by."""

Run = tuple[int, int, int]
"""(start, stop, number of the interval that is copied from, or -1: sent)."""

SENT = -1


class Runs(Struct, frozen=True, gc=False):
    """Runs one after the other: run `i` goes from `cuts[i]` to `cuts[i + 1]` and has `numbers[i]`. There are about as
    many as intervals, so they are kept side by side; a run is made when somebody looks at it.
    """

    cuts: list[int]
    numbers: list[int]

    @classmethod
    def of(cls, runs: Iterable[Run]) -> Runs:
        """The same from runs, each of which begins where the one before it ends."""
        given = list(runs)
        return cls([start for start, _, _ in given[:1]] + [stop for _, stop, _ in given], [each[2] for each in given])

    def add(self, more: Runs) -> None:
        """The runs that come next."""
        self.cuts.extend(more.cuts[1:] if self.cuts else more.cuts)
        self.numbers.extend(more.numbers)

    def __iter__(self) -> Iterator[Run]:
        return zip(self.cuts, self.cuts[1:], self.numbers, strict=False)

    def __len__(self) -> int:
        return len(self.numbers)


class Entry(Struct, eq=False, gc=False):
    """Copies from interval `number`, which ends at `stop`, that start at `low` to `high`.

    `weight` is that of the object up to the end of the copy where this starts at `high` (or later, which never makes it
    lighter); where it starts earlier it is `fall` more for each byte. How it came about: `sent` bytes are sent before
    it; before that comes a copy of the entry at `origin`, or nothing (-1). `place` is its own.
    """

    low: int
    high: int
    weight: int
    fall: int
    stop: int
    number: int
    origin: int
    sent: int
    place: int = -1

    def at(self, q: int) -> int:
        """The weight of starting at `q` or before (not before `low`)."""
        return self.weight + self.fall * (self.high - q) if q < self.high else self.weight


def envelope(offers: list[Entry]) -> list[Entry]:
    """The offers without those that start later and are not lighter."""
    if len(offers) == 1:
        return offers
    offers.sort(key=_order)
    kept = offers[:1]
    for entry in offers[1:]:
        low = entry.low
        least = min([other.at(low) for other in kept])
        if entry.weight >= least:
            continue
        if entry.fall:
            # It counts from where it is the lightest.
            entry.low = max(low, entry.high - (least - 1 - entry.weight) // entry.fall)
        kept.append(entry)
    return kept


def _order(entry: Entry) -> tuple[int, int]:
    return entry.low, entry.weight + entry.fall * (entry.high - entry.low)


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
