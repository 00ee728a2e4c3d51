"""Going on with a large file that somebody cut otherwise: a body that is here can be sent in any parts.

Rules. Of an unfinished file only the parts that are there are known. A way to cut is believed when it has every one of
them, by number and length: parts of one size with a last one of what is left, as uploads are cut (`plan.parts`), or
parts that are all about as long, as plans are (`plan.emerge.cut`). Which size that was shows in the parts themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from b2pure.model.limits import MAX_FILE_SIZE, MAX_PART_SIZE, MAX_PARTS
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import PartReply
from b2pure.plan.parts import part_ranges

__all__ = ["cut_like"]


def cut_like(size: int, found: Sequence[PartReply], minimum: int) -> tuple[ByteRange, ...] | None:
    """How `size` bytes have to be cut so that all found parts are among theirs; None where there is no such way, or
    nothing is there. `minimum` is what every part but the last has at least.
    """
    lengths = {part.content_length for part in found}
    if not lengths or size > MAX_FILE_SIZE:
        return None
    for length in sorted(lengths, reverse=True):
        for ranges in _ways(size, length, minimum):
            if all(_is_one_of(part, ranges) for part in found):
                return ranges
    return None


def _ways(size: int, length: int, minimum: int) -> Iterator[tuple[ByteRange, ...]]:
    """The usual ways to cut that have parts of about this length; only such as B2 takes."""
    if not minimum <= length <= MAX_PART_SIZE:
        return
    like_uploads = part_ranges(size, recommended=length, minimum=minimum)
    if isinstance(like_uploads, tuple) and len(like_uploads) > 1:
        yield like_uploads
    for count in (size // length, -(-size // length)):
        if 1 < count <= MAX_PARTS and minimum <= size // count and -(-size // count) <= MAX_PART_SIZE:
            cuts = (size * number // count for number in range(count + 1))
            yield tuple(ByteRange(start, stop) for start, stop in pairwise(cuts))


def _is_one_of(part: PartReply, ranges: tuple[ByteRange, ...]) -> bool:
    number = part.part_number
    return 1 <= number <= len(ranges) and ranges[number - 1].length == part.content_length
