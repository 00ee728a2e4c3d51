"""How files are cut: parts of a large file, ranges of a download.

Every function returns ranges that are adjacent, in order, and cover [0, size).
"""

from __future__ import annotations

from itertools import pairwise

from b2pure.model.limits import (
    ABSOLUTE_MINIMUM_PART_SIZE,
    MAX_FILE_SIZE,
    MAX_PART_SIZE,
    MAX_PARTS,
    MAX_SINGLE_SIZE,
    RECOMMENDED_PART_SIZE,
    PartSizes,
)
from b2pure.model.ranges import ByteRange
from b2pure.plan.failures import TooLarge

__all__ = [
    "choose_part_ranges",
    "large_copy_parts",
    "large_file_parts",
    "part_ranges",
    "stream_part_size",
]

_GROWTH = 500
"""A part of a very long stream has one of so many parts of what was sent before it."""


def part_ranges(
    size: int,
    *,
    recommended: int = RECOMMENDED_PART_SIZE,
    minimum: int = ABSOLUTE_MINIMUM_PART_SIZE,
) -> tuple[ByteRange, ...] | TooLarge:
    """Cut `size` bytes into parts of `recommended` bytes, the last one up to `minimum` longer rather than shorter
    than `minimum`. Parts grow where 10,000 of the recommended size are too few. 0 bytes have no part; one range
    means that a single upload does.
    """
    sizes = PartSizes(recommended, minimum)
    if size < 0:
        raise ValueError(f"size must be 0 or more, not {size}")
    if size > MAX_FILE_SIZE:
        return TooLarge(size)
    part = max(sizes.recommended, -(-size // MAX_PARTS))
    # A last part that swallows a short rest must itself stay below the largest part.
    longest_last = part + minimum - 1 if part + minimum - 1 <= MAX_PART_SIZE else part
    ranges = []
    start = 0
    while size - start > longest_last:
        ranges.append(ByteRange(start, start + part))
        start += part
    if start < size:
        ranges.append(ByteRange(start, size))
    return tuple(ranges)


def stream_part_size(number: int, sent: int, sizes: PartSizes) -> int:
    """How many bytes part `number` (from 1) of a stream of unknown length has, after `sent` bytes before it.

    Parts have the recommended size while half of the 10,000 part numbers last, then they grow with what was sent, so
    that every stream up to 10 TB finds room (for recommended sizes of 5 MB and more).
    """
    if number <= MAX_PARTS // 2:
        return sizes.recommended
    return min(max(sizes.recommended, sent // _GROWTH), MAX_PART_SIZE)


def choose_part_ranges(content_length: int, minimum_part_size: int) -> tuple[ByteRange, ...]:
    """The seed's choose_part_ranges: as many equal parts of at least the minimum as fit (at most 10,000), the last
    one taking the rest. Raises ValueError when not even two parts fit.
    """
    if minimum_part_size < 1 or content_length < 2 * minimum_part_size:
        raise ValueError(
            f"{content_length} bytes do not make two parts of at least {minimum_part_size}; upload them as one file"
        )
    count = min(content_length // minimum_part_size, MAX_PARTS)
    part = content_length // count
    cuts = [i * part for i in range(count)] + [content_length]
    return tuple(ByteRange(start, stop) for start, stop in pairwise(cuts))


def large_file_parts(size: int, sizes: PartSizes) -> PartSizes | None:
    """The sizes to cut an upload of `size` bytes by, or None when one b2_upload_file does. What no large file can
    hold is cut as well: the attempt to plan its ranges then says TooLarge.
    """
    return None if size < sizes.recommended + sizes.minimum and size <= MAX_SINGLE_SIZE else sizes


def large_copy_parts(size: int, sizes: PartSizes) -> PartSizes | None:
    """The sizes to cut a server-side copy by, or None when one b2_copy_file does. Bytes do not travel, so parts are
    as large as they may be.
    """
    return None if size <= MAX_SINGLE_SIZE else PartSizes(MAX_PART_SIZE, sizes.minimum)
