"""The merge-join of two ordered streams: one look at each name, constant memory.

Rules. Both streams are in B2's order, each name at most once; anything else ends the join with `OutOfOrder`. A pair
that `quiet` knows to need no decision does not leave the join at all: that is why an unchanged file costs next to
nothing. A skipped folder stands for everything below it: what the other side has there is paired with it.

The loops below are the only ones that run for every file of both sides, so they are written out: no call, no tuple and
no record for a name that needs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, repeat
from typing import Any, Final, Literal

from b2pure.model.files import B2Item, LocalItem, SkippedPath
from b2pure.plan.failures import OutOfOrder, PlanFailed

__all__ = ["Item", "Pair", "Quiet", "Rest", "disorder", "merge", "speaks_of"]

Item = LocalItem | B2Item
Pair = tuple[str, Item | None, Item | None]
"""(path, what the source has, what the destination has); never None twice."""
Quiet = Callable[[Item, Item], bool]
"""Whether a pair of the same name surely needs nothing. False when in doubt."""
Rest = list[Iterator[Item]]
"""Takes what the source has left when the destination has ended: an empty list, or one with that stream."""

_Side = Literal["source", "destination"]


def speaks_of(item: Item, path: str) -> bool:
    """Whether the item is that of the path, or of a skipped folder above it."""
    return item.path == path or (isinstance(item, SkippedPath) and item.subtree and path.startswith(item.path + "/"))


class _End:
    """Stands for all that comes after the last item of the destination: it has no name."""

    path: None = None


_END: Final[Any] = _End()


def merge(
    source: Iterable[Item],
    dest: Iterable[Item],
    quiet: Quiet,
    *,
    same_time_is_quiet: bool = False,
    rest: Rest | None = None,
) -> Generator[Pair, None, int]:
    """Pairs that need a decision, in order; returns how many names there were. Raises PlanFailed(OutOfOrder).

    `same_time_is_quiet` says that `quiet` is true of every local file and B2 file of one visible version whose
    modification times are equal, so that nobody has to ask. What only the source has left goes into `rest` instead,
    uncounted, if that is given and nothing of it can lie in an unknown folder; its first item is in order.
    """
    s_rest, d_rest = iter(source), iter(dest)
    both: Iterator[tuple[Any, Any]] = zip(s_rest, chain(d_rest, repeat(_END)), strict=False)  # the source ends first
    s, d = next(s_rest, None), next(d_rest, None)
    s_path = "" if s is None else s.path
    d_path = "" if d is None else d.path
    holes: list[SkippedPath] = []
    names = 0
    while s is not None and d is not None:
        names += 1
        if s_path == d_path:
            if holes or not quiet(s, d):
                yield s_path, (_hole_over(holes, s_path) if holes else None) or s, d
                _open(holes, s)
                _open(holes, d)
            if same_time_is_quiet and not holes:
                for s, d in both:  # they are looked at below
                    path = s.path
                    if path != d.path or path <= s_path:
                        break
                    try:
                        (top,) = d.versions
                        if s.mod_time_millis != top.mod_time_millis or top.action != "upload":
                            break
                    except (AttributeError, ValueError):  # a skipped path has no such fields; several versions
                        break
                    s_path = path
                    names += 1
                else:
                    s, d = None, next(d_rest, None)
                d_path = s_path
                if d is _END:
                    d = None
            else:
                s, d = next(s_rest, None), next(d_rest, None)
            if s is not None:
                path = s.path
                if path <= s_path:
                    raise disorder("source", s_path, path)
                s_path = path
            if d is not None:
                path = d.path
                if path <= d_path:
                    raise disorder("destination", d_path, path)
                d_path = path
        elif s_path < d_path:
            yield s_path, s, _hole_over(holes, s_path) if holes else None
            if type(s) is SkippedPath:
                _open(holes, s)
            s = next(s_rest, None)
            if s is not None:
                path = s.path
                if path <= s_path:
                    raise disorder("source", s_path, path)
                s_path = path
        else:
            yield d_path, _hole_over(holes, d_path) if holes else None, d
            if type(d) is SkippedPath:
                _open(holes, d)
            d = next(d_rest, None)
            if d is not None:
                path = d.path
                if path <= d_path:
                    raise disorder("destination", d_path, path)
                d_path = path
    if s is not None:
        if rest is not None and not holes:
            rest.append(chain((s,), s_rest))
            return names
        names += yield from _alone(s, s_rest, holes, "source")
    elif d is not None:
        names += yield from _alone(d, d_rest, holes, "destination")
    return names


def _alone(first: Item, rest: Iterator[Item], holes: list[SkippedPath], side: _Side) -> Generator[Pair, None, int]:
    """The names that only one side has left."""
    names = 1
    of_source = side == "source"
    item, path = first, first.path
    while True:
        hole = _hole_over(holes, path) if holes else None
        yield (path, item, hole) if of_source else (path, hole, item)
        if type(item) is SkippedPath:
            _open(holes, item)
        last, following = path, next(rest, None)
        if following is None:
            return names
        item = following
        names += 1
        path = item.path
        if path <= last:
            raise disorder(side, last, path)


def _open(holes: list[SkippedPath], item: Item) -> None:
    """Remember that everything below the item is unknown, if it is."""
    if isinstance(item, SkippedPath) and item.subtree:
        holes.append(item)


def _hole_over(holes: list[SkippedPath], path: str) -> SkippedPath | None:
    """The unknown folder that the path lies in. Folders that the order of names has passed are forgotten; those still
    to come (`a-b` lies between `a` and `a/b`) are all prefixes of the path, so there are never many.
    """
    holes[:] = [hole for hole in holes if path < hole.path + "/" or path.startswith(hole.path + "/")]
    return next((hole for hole in holes if path.startswith(hole.path + "/")), None)


def disorder(side: _Side, previous: str, name: str) -> PlanFailed:
    """What ends a join of streams that are not in order."""
    return PlanFailed(OutOfOrder(side, previous, name))
