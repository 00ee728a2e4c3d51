"""The best way to make an object, by trying all of them: an oracle for the planner, which imports nothing of it.

An object is tiny here. A remote or local row is (file, offset in the file, offset in the object, length); sizes are
bytes. Everything is decided byte by byte, and the best plan found by a program over every cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Row = tuple[str, int, int, int]
Tally = tuple[int, ...]


@dataclass(frozen=True)
class Object:
    """What there is: remote and local rows, and the limits of parts."""

    remote: tuple[Row, ...]
    local: tuple[Row, ...]
    minimum: int
    max_sent: int
    max_copy: int

    @property
    def length(self) -> int:
        return max((dest + length for _, _, dest, length in (*self.remote, *self.local) if length), default=0)

    def local_bytes(self) -> list[bool]:
        here = [False] * self.length
        for _, _, dest, length in self.local:
            here[dest : dest + length] = [True] * length
        return here

    def diagonals(self) -> dict[tuple[str, int], list[bool]]:
        found: dict[tuple[str, int], list[bool]] = {}
        for file, offset, dest, length in self.remote:
            there = found.setdefault((file, offset - dest), [False] * self.length)
            there[dest : dest + length] = [True] * length
        return found

    def hole(self) -> tuple[int, int] | None:
        """The first bytes that nobody has."""
        has = self.local_bytes()
        for there in self.diagonals().values():
            has = [a or b for a, b in zip(has, there, strict=True)]
        if all(has):
            return None
        start = has.index(False)
        return start, has.index(True, start)


@dataclass(frozen=True)
class Made:
    """What a part costs: bytes sent and downloaded, calls, local bytes that are copied, and those of them in a part
    that is not local as a whole.
    """

    sent: int = 0
    down: int = 0
    parts: int = 0
    copies: int = 0
    copied_local: int = 0
    unverified: int = 0

    def __add__(self, other: Made) -> Made:
        return Made(
            self.sent + other.sent,
            self.down + other.down,
            self.parts + other.parts,
            self.copies + other.copies,
            self.copied_local + other.copied_local,
            self.unverified + other.unverified,
        )


Measure = Callable[[Made], Tally]
DOWN_PRICE, COPY_PRICE = 10, 37

MEASURES: dict[str, Measure] = {
    "remote": lambda made: (made.sent + made.down, made.parts),
    "min_traffic": lambda made: (made.sent + made.down, made.parts),
    "local": lambda made: (made.copied_local, made.sent + made.down, made.parts),
    "min_upload": lambda made: (made.sent, made.down, made.parts),
    "min_download": lambda made: (made.down, made.sent, made.parts),
    "min_dollars": lambda made: (made.down * DOWN_PRICE + made.copies * COPY_PRICE, made.sent, made.parts),
    "min_requests": lambda made: (made.parts, made.sent + made.down),
    "verify": lambda made: (made.unverified, made.sent, made.down, made.parts),
}


def best(given: Object, measure: Measure, max_parts: int | None = None) -> Tally | None:
    """The least measure of all plans; None when there is none with so few parts."""
    end, here = given.length, given.local_bytes()
    diagonals = list(given.diagonals().values())
    if max_parts is None:
        layers: list[dict[int, Made]] = [{0: Made()}]
        _fill(layers[0], layers[0], given, here, diagonals, measure)
        return measure(layers[0][end])
    found: list[Tally] = []
    layer: dict[int, Made] = {0: Made()}
    for _ in range(max_parts):
        following: dict[int, Made] = {}
        _fill(layer, following, given, here, diagonals, measure)
        if end in following:
            found.append(measure(following[end]))
        layer = following
    return min(found, default=None)


def _fill(
    known: dict[int, Made],
    found: dict[int, Made],
    given: Object,
    here: list[bool],
    diagonals: list[list[bool]],
    measure: Measure,
) -> None:
    end = given.length
    for stop in range(1, end + 1):
        ways = [
            known[start] + part
            for start in range(stop)
            if start in known
            for part in parts_of(start, stop, stop == end, given, here, diagonals)
        ]
        if ways:
            found[stop] = min(ways, key=measure)


def parts_of(
    start: int, stop: int, last: bool, given: Object, here: list[bool], diagonals: Iterable[list[bool]]
) -> list[Made]:
    """What can stand as one part at [start, stop)."""
    length = stop - start
    if length < given.minimum and not last:
        return []
    found = []
    local = sum(here[start:stop])
    if length <= given.max_sent:
        found.append(Made(sent=length, down=length - local, parts=1))
    if length <= given.max_copy and any(all(there[start:stop]) for there in diagonals):
        found.append(Made(parts=1, copies=1, copied_local=local, unverified=local if local < length else 0))
    return found


def best_checks(start: int, stop: int, last: bool, here: list[bool], minimum: int, max_copy: int) -> tuple[int, int]:
    """For a copied range: the fewest local bytes that cannot be compared, then the fewest parts."""
    found: dict[int, tuple[int, int]] = {start: (0, 0)}
    for to in range(start + 1, stop + 1):
        shortest = 1 if last and to == stop else minimum
        ways = []
        for at, (missed, parts) in found.items():
            if shortest <= to - at <= max_copy:
                local = sum(here[at:to])
                ways.append((missed + (local if local < to - at else 0), parts + 1))
        if ways:
            found[to] = min(ways)
    return found[stop]
