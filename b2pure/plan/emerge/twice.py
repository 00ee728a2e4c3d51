"""Bytes of the object that this computer has twice: of several local ranges that overlap, all must say the same.

Rules. What the cover of the local ranges did not take is compared with what it did take, so each byte that is given n
times is in n - 1 comparisons. Bytes at hand are compared at once. Files are compared by whoever carries the plan out,
which costs one more read of both ranges and nothing at B2: the plan says so where its aim is to be sure
(`local_verification`, `verify`). The same range of the same file is never compared with itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Final

from msgspec.structs import replace

from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, Body, LocalSlice, slice_body
from b2pure.plan.emerge.overlaps import Cover, LocalRow
from b2pure.plan.emerge.parts import EmergePart, Twice
from b2pure.plan.emerge.plan import Prioritize
from b2pure.plan.failures import Differing

__all__ = ["compares_files", "known_twice", "with_twice"]

_BLOCK: Final = 1 << 20
_START: Final = itemgetter(0)
_STOP: Final = itemgetter(1)


def compares_files(prioritize: Prioritize) -> bool:
    """Whether local files that overlap are read to be compared."""
    return prioritize in ("local_verification", "verify")


def known_twice(
    rows: Sequence[LocalRow], covered: Cover, files: bool, begin: int = 0, stop: int | None = None
) -> list[Twice] | Differing:
    """What of [begin, stop) has to be compared, in order of the rows, which come in order of start, as `covered` was
    made of them; with `files` what is in files as well. Differing where bytes at hand differ.
    """
    if not rows or sum(map(_STOP, rows)) - sum(map(_START, rows)) == sum(covered.stops) - sum(covered.starts):
        return []  # the cover took all of them
    found: list[Twice] = []
    at, stops = bisect_right(covered.stops, begin), covered.stops
    for row in rows:
        while at < len(stops) and stops[at] <= max(row[0], begin):
            at += 1
        for one in _of_row(row, covered, at, begin, stop):
            if isinstance(one.taken, Blob) and isinstance(one.other, Blob):
                place = _first_difference(one.taken.data, one.other.data)
                if place is not None:
                    return _differing(one.range, place, row, covered)
            elif files:
                found.append(one)
    return found


def _differing(span: ByteRange, place: int, row: LocalRow, covered: Cover) -> Differing:
    at = bisect_right(covered.stops, span.start)
    base, taken = covered.bases[at], covered.sources[at]
    assert isinstance(taken, Blob)
    whole = ByteRange(base, base + len(taken.data))
    return Differing(span, span.start + place, whole, ByteRange(row[0], row[1]))


def _of_row(row: LocalRow, covered: Cover, at: int, begin: int, stop: int | None) -> Iterator[Twice]:
    """The row against the cover from index `at` on; it meets few of it, as a cover changes its source seldom."""
    first, last, other = row
    while at < len(covered.starts) and covered.starts[at] < last:
        low, high, base, taken = covered.starts[at], covered.stops[at], covered.bases[at], covered.sources[at]
        at += 1
        start = max(first, low, begin)
        end = min(last, high) if stop is None else min(last, high, stop)
        if start < end and not _is_same(taken, base, other, first):
            mine, theirs = ByteRange(start - base, end - base), ByteRange(start - first, end - first)
            yield Twice(ByteRange(start, end), slice_body(taken, mine), slice_body(other, theirs))


def _is_same(taken: Body, base: int, other: Body, first: int) -> bool:
    """Whether both say the same because they are the same bytes of one file, or one and the same source."""
    if isinstance(taken, LocalSlice) and isinstance(other, LocalSlice):
        here, there = taken.range.start - base, other.range.start - first
        return here == there and taken.path == other.path and taken.fact == other.fact
    return taken is other and base == first


def _first_difference(one: bytes, other: bytes) -> int | None:
    for at in range(0, len(one), _BLOCK):
        left, right = one[at : at + _BLOCK], other[at : at + _BLOCK]
        if left != right:
            return at + next(place for place, (a, b) in enumerate(zip(left, right, strict=True)) if a != b)
    return None


def with_twice(parts: list[EmergePart], twice: list[Twice]) -> list[EmergePart]:
    """The parts (adjacent, in order), each with the comparisons that begin in it."""
    starts = [part.range.start for part in parts]
    by_part: dict[int, list[Twice]] = {}
    for one in twice:
        by_part.setdefault(bisect_right(starts, one.range.start) - 1, []).append(one)
    found = list(parts)
    for place, those in by_part.items():
        found[place] = replace(found[place], twice=tuple(those))
    return found
