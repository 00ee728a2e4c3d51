"""From where on to send: the ends of copies that may be the last one before something long is sent.

Nearly all of them are never sent from, so what a new one is really worth is looked at when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import itemgetter
from typing import Final

from b2pure.plan.emerge.coverage import Price
from b2pure.plan.emerge.ways import Entry

__all__ = ["Exit", "Exits"]

Exit = tuple[int, int, Entry | None, int]
"""(start, weight, last copy, floor): sending from `start` on; the price of all bytes before is taken off the weight. No
way that sends from there up to `at` is lighter than `floor` and the least price of `at` bytes.
"""

_START: Final = itemgetter(0)
_FEW: Final = 8
"""So many exits are looked at one by one."""
_NEVER: Final = 1 << 200
"""Heavier than every way."""


class Exits:
    """Those that may still be the best. What is sent costs `least` a byte or more, and `sent_part` for every `max_send`
    bytes.

    `floor` is the lowest of all of them.
    """

    __slots__ = ("_fresh", "_kept", "_least", "_max_send", "_price", "_sent_part", "floor")

    def __init__(self, begin: int, price: Price, least: int, sent_part: int, max_send: int) -> None:
        self._price, self._least = price, least
        self._sent_part, self._max_send = sent_part, max_send
        self._fresh: list[tuple[int, Entry]] = []  # (floor, last copy): the floors grow
        self._kept: list[Exit] = [(begin, -price(begin), None, sent_part - least * begin)]
        self.floor = self._kept[0][3]

    def leave(self, entry: Entry) -> None:
        """One more, later than all."""
        floor, fresh = entry.weight - self._least * entry.stop + self._sent_part, self._fresh
        while fresh and fresh[-1][0] >= floor:
            fresh.pop()
        fresh.append((floor, entry))
        if floor < self.floor:
            self.floor = floor

    def keep(self, kept: list[Exit]) -> None:
        """These are left."""
        self._fresh.clear()
        self._kept = kept
        self.floor = min([each[3] for each in kept], default=_NEVER)

    def kept(self) -> list[Exit]:
        """All of them. A later one is dearer, or it would have thrown out the earlier ones."""
        kept, fresh = self._kept, self._fresh
        if fresh:
            for floor, entry in fresh:
                weight = entry.weight - self._price(entry.stop)
                while kept and kept[-1][1] >= weight:
                    kept.pop()
                if not kept or weight < self._lightest(entry.stop)[0]:
                    kept.append((entry.stop, weight, entry, floor))
            fresh.clear()
            self.floor = kept[0][3] if len(kept) == 1 else min([each[3] for each in kept])
        return kept

    def best(self, at: int) -> tuple[int, int, Entry | None] | None:
        """The lightest weight of sending up to `at`, from where on, and the last copy before; None: nothing is kept."""
        kept = self.kept()
        if len(kept) == 1:
            start, weight, entry, _ = kept[0]
            return weight + self._price(at) - self._sent_part * ((start - at) // self._max_send), start, entry
        if not kept:
            return None
        weight, (start, _, entry, _) = self._lightest(at)
        return weight + self._price(at), start, entry

    def parts(self, length: int) -> int:
        """The price of the parts of so many bytes."""
        return self._sent_part * -(-length // self._max_send)

    def _lightest(self, at: int) -> tuple[int, Exit]:
        """The best one to send from up to `at`, and its weight with the parts for that (all prices before `at` off). Of
        those that need as many parts the first is the best.
        """
        kept, max_send = self._kept, self._max_send
        if len(kept) <= _FEW:
            return min(((each[1] + self.parts(at - each[0]), each) for each in kept), key=_START)
        found: tuple[int, Exit] | None = None
        index = len(kept)
        while index:
            parts = -(-(at - kept[index - 1][0]) // max_send)
            index = bisect_left(kept, at - parts * max_send, key=_START)
            weight = kept[index][1] + self._sent_part * parts
            if found is None or weight < found[0]:
                found = weight, kept[index]
        assert found is not None
        return found
