"""The merge-join of two ordered streams: one look at each name, constant memory.

Rules. Both streams are in B2's order, each name at most once; anything else ends the join with `OutOfOrder`. A pair
that `quiet` knows to need no decision does not leave the join at all: that is why an unchanged file costs next to
nothing. A skipped folder stands for everything below it: what the other side has there is paired with it.

The loop below is the only one that runs for every file of both sides, so it is written out: no call, no tuple and no
record for a name that needs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Literal

from b2pure.model.files import B2Item, LocalItem, SkippedPath
from b2pure.plan.failures import OutOfOrder, PlanFailed

__all__ = ["Item", "Pair", "Quiet", "merge"]

Item = LocalItem | B2Item
Pair = tuple[str, Item | None, Item | None]
"""(path, what the source has, what the destination has); never None twice."""
Quiet = Callable[[Item, Item], bool]
"""Whether a pair of the same name surely needs nothing. False when in doubt."""

_Side = Literal["source", "destination"]


def merge(source: Iterable[Item], dest: Iterable[Item], quiet: Quiet) -> Generator[Pair, None, int]:
    """Pairs that need a decision, in order; returns how many names there were. Raises PlanFailed(OutOfOrder)."""
    s_rest, d_rest = iter(source), iter(dest)
    s, d = next(s_rest, None), next(d_rest, None)
    s_key, d_key = _key(s), _key(d)
    hole: SkippedPath | None = None
    names = 0
    while s is not None and d is not None:
        names += 1
        if s_key == d_key:
            if hole is not None or not quiet(s, d):
                hole = _hole_at(hole, s_key)
                yield s_key, hole or s, d
                hole = hole or _opened(s) or _opened(d)
            s = next(s_rest, None)
            if s is not None:
                key = s.path if type(s) is not SkippedPath else s.key()
                if key <= s_key:
                    raise _disorder("source", s_key, key)
                s_key = key
            d = next(d_rest, None)
            if d is not None:
                key = d.path if type(d) is not SkippedPath else d.key()
                if key <= d_key:
                    raise _disorder("destination", d_key, key)
                d_key = key
        elif s_key < d_key:
            if hole is not None:
                hole = _hole_at(hole, s_key)
            yield s_key, s, hole
            hole = hole or _opened(s)
            s = next(s_rest, None)
            if s is not None:
                key = s.path if type(s) is not SkippedPath else s.key()
                if key <= s_key:
                    raise _disorder("source", s_key, key)
                s_key = key
        else:
            if hole is not None:
                hole = _hole_at(hole, d_key)
            yield d_key, hole, d
            hole = hole or _opened(d)
            d = next(d_rest, None)
            if d is not None:
                key = d.path if type(d) is not SkippedPath else d.key()
                if key <= d_key:
                    raise _disorder("destination", d_key, key)
                d_key = key
    if s is not None:
        names += yield from _alone(s, s_rest, hole, "source")
    elif d is not None:
        names += yield from _alone(d, d_rest, hole, "destination")
    return names


def _alone(first: Item, rest: Iterator[Item], hole: SkippedPath | None, side: _Side) -> Generator[Pair, None, int]:
    """The names that only one side has left."""
    names = 0
    item: Item | None = first
    last = _key(first)
    while item is not None:
        names += 1
        if hole is not None:
            hole = _hole_at(hole, last)
        yield (last, item, hole) if side == "source" else (last, hole, item)
        hole = hole or _opened(item)
        item = next(rest, None)
        if item is not None:
            key = _key(item)
            if key <= last:
                raise _disorder(side, last, key)
            last = key
    return names


def _key(item: Item | None) -> str:
    if item is None:
        return ""
    return item.key() if isinstance(item, SkippedPath) else item.path


def _opened(item: Item) -> SkippedPath | None:
    """The item, if everything below it is unknown."""
    return item if isinstance(item, SkippedPath) and item.subtree else None


def _hole_at(hole: SkippedPath | None, key: str) -> SkippedPath | None:
    """The unknown folder that `key` lies in, if it still does."""
    return hole if hole is not None and key.startswith(hole.key()) else None


def _disorder(side: _Side, previous: str, name: str) -> PlanFailed:
    return PlanFailed(OutOfOrder(side, previous, name))
