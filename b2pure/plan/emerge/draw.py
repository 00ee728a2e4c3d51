"""A plan as a little picture: what B2 has, what is here, what becomes of it; letters where something begins or ends.

B2     ##############
local      ####      ########
object |---|---|-----|++++++++|
       A   B   C     D        E
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from string import ascii_uppercase
from typing import Final

from b2pure.plan.emerge.parts import CopiedPart, SentPart
from b2pure.plan.emerge.plan import EmergePlan, Span

__all__ = ["draw", "letters_of"]

_WIDTH: Final = 64
_NARROWEST: Final = 4
_COPIED, _SENT, _DOWNLOADED = "-", "+", "v"
_UNITS: Final = (("G", 10**9), ("M", 10**6), ("k", 10**3))


def draw(plan: EmergePlan) -> str:
    """The picture, as far as there are letters, and the parts in the seed's words: `-` is copied, `+` sent, `v`
    downloaded and sent.
    """
    letters = letters_of(plan)
    points = sorted(letters)
    if len(points) < 2:
        return "an empty object"
    widths = _widths(points)
    edges = [sum(widths[:index]) for index in range(len(points))]
    rows = [
        ("B2", _row(points, widths, lambda at: "#" if _holds(plan.remote, at) else " ")),
        ("local", _row(points, widths, lambda at: "#" if _holds(plan.local, at) else " ")),
        ("object", _object(plan, points, widths, edges)),
        ("", _labels(edges, [letters[point] for point in points])),
    ]
    told = " ".join(f"{letters[point]}={_size(point)}" for point in points)
    more = [part for part in plan.parts if part.range.stop > points[-1]]
    lines = [f"{name:6} {row}".rstrip() for name, row in rows]
    named = (_named(part, letters) for part in plan.parts if part.range.stop <= points[-1])
    return "\n".join([*lines, told, " ".join(named) + (f" ... and {len(more)} more parts" if more else "")])


def letters_of(plan: EmergePlan) -> dict[int, str]:
    """A letter for each place where a part or a source begins or ends, from the start on while there are letters; the
    last of them ends a part.
    """
    edges = {0, plan.length, *(part.range.stop for part in plan.parts)}
    edges.update(edge for span in (*plan.local, *plan.remote) for edge in span)
    points = sorted(edges)
    if len(points) > len(ascii_uppercase):
        stops = {part.range.stop for part in plan.parts}
        points = points[: len(ascii_uppercase)]
        while len(points) > 2 and points[-1] not in stops:
            points.pop()
    return dict(zip(points, ascii_uppercase, strict=False))


def _widths(points: list[int]) -> list[int]:
    total = points[-1] - points[0]
    return [max(_NARROWEST, _WIDTH * (stop - start) // total) for start, stop in pairwise(points)]


def _row(points: list[int], widths: list[int], mark: Callable[[int], str]) -> str:
    return " " + "".join(mark(point) * width for point, width in zip(points, widths, strict=False))


def _object(plan: EmergePlan, points: list[int], widths: list[int], edges: list[int]) -> str:
    kinds: dict[int, str] = {}
    for part in plan.parts:
        for point in points:
            if part.range.start <= point < part.range.stop:
                kinds[point] = _COPIED if isinstance(part, CopiedPart) else _SENT
                if isinstance(part, SentPart) and not _holds(plan.local, point):
                    kinds[point] = _DOWNLOADED
        if part.range.stop >= points[-1]:
            break
    row = list(_row(points, widths, lambda at: kinds.get(at, " ")) + " ")
    cuts = {0, *(part.range.stop for part in plan.parts)}
    for point, edge in zip(points, edges, strict=True):
        if point in cuts:
            row[edge] = "|"
    return "".join(row)


def _labels(edges: list[int], letters: list[str]) -> str:
    row = [" "] * (edges[-1] + 1)
    for edge, letter in zip(edges, letters, strict=True):
        row[edge] = letter
    return "".join(row)


def _named(part: CopiedPart | SentPart, letters: dict[int, str]) -> str:
    name = "cloud" if isinstance(part, CopiedPart) else "mixed" if part.downloads else "local"
    return f"{name}[{letters[part.range.start]}, {letters[part.range.stop]}]"


def _holds(spans: Iterable[Span], at: int) -> bool:
    return any(start <= at < stop for start, stop in spans)


def _size(count: int) -> str:
    for unit, size in _UNITS:
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return str(count)
