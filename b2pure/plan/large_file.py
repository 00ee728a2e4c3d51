"""What a large file is put together from, as data: parts to send and ranges to copy.

Every plan is checked when it is made: the parts are adjacent and cover the file, numbers run from 1, sizes are legal.
"""

from __future__ import annotations

import json
from hashlib import sha1
from itertools import pairwise

from attrs import evolve, frozen

from b2pure.model.ids import FileId
from b2pure.model.intents import CopySource
from b2pure.model.limits import MAX_FILE_SIZE, MAX_PART_SIZE, MAX_PARTS, PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Body
from b2pure.plan.failures import TooLarge
from b2pure.plan.parts import part_ranges

__all__ = [
    "CopyRange",
    "Part",
    "SendPart",
    "append_parts",
    "check_parts",
    "copy_parts",
    "copy_plan_id",
    "is_unhashed",
    "read_with",
    "send_parts",
]


@frozen
class SendPart:
    """Part `number` is this range of what is uploaded: of one body, or put together from `pieces`. `sha1` is hex, where
    it is known beforehand.
    """

    number: int
    range: ByteRange
    sha1: str | None = None
    pieces: tuple[Body | CopySource, ...] = ()

    @property
    def length(self) -> int:
        """Bytes of the part."""
        return self.range.length

    @property
    def downloads(self) -> tuple[CopySource, ...]:
        """The pieces that have to be downloaded first."""
        return tuple(piece for piece in self.pieces if isinstance(piece, CopySource))


@frozen
class CopyRange:
    """Part `number` is this range of a file that B2 has, which is read with the key of SSE-C of this MD5. `sha1` is
    hex, where its content is known as well; `at` is where the part stands in the new file, for who is told of it.
    """

    number: int
    source: FileId
    range: ByteRange
    sha1: str | None = None
    key_md5: str | None = None
    at: int | None = None

    @property
    def length(self) -> int:
        """Bytes of the part."""
        return self.range.length


Part = SendPart | CopyRange


def is_unhashed(part: Part) -> bool:
    """Whether it is a range of the body itself whose digest is not known, but could be."""
    return isinstance(part, SendPart) and part.sha1 is None and not part.pieces


def send_parts(size: int, sizes: PartSizes) -> tuple[SendPart, ...] | TooLarge:
    """A body of `size` bytes, cut for sending."""
    ranges = part_ranges(size, recommended=sizes.recommended, minimum=sizes.minimum)
    if isinstance(ranges, TooLarge):
        return ranges
    return tuple(SendPart(number, each) for number, each in enumerate(ranges, start=1))


def copy_parts(source: FileId, wanted: ByteRange, sizes: PartSizes) -> tuple[CopyRange, ...] | TooLarge:
    """A range of a file in B2, cut for copying: the last part is as short as it comes, since none may be longer than
    the caller said, and B2 makes no large file of a single one.
    """
    ranges = part_ranges(wanted.length, recommended=sizes.recommended, minimum=1)
    if isinstance(ranges, TooLarge):
        return ranges
    return tuple(
        CopyRange(number, source, ByteRange(wanted.start + each.start, wanted.start + each.stop))
        for number, each in enumerate(ranges, start=1)
    )


def append_parts(source: FileId, present: int, size: int, sizes: PartSizes) -> tuple[Part, ...] | None:
    """Parts for a file of `size` bytes whose first `present` bytes are the whole of a file that B2 has: those are
    copied, the rest is sent. None where that is not possible or saves nothing: what is there is shorter than a part may
    be, or there is no rest.
    """
    if not sizes.minimum <= present < size or size > MAX_FILE_SIZE:
        return None
    copied = _even_copies(source, present)
    rest = part_ranges(size - present, recommended=sizes.recommended, minimum=sizes.minimum)
    if isinstance(rest, TooLarge) or len(copied) + len(rest) > MAX_PARTS:
        return None
    sent = (
        SendPart(number, ByteRange(present + each.start, present + each.stop))
        for number, each in enumerate(rest, start=len(copied) + 1)
    )
    return (*copied, *sent)


def _even_copies(source: FileId, size: int) -> tuple[CopyRange, ...]:
    """The whole source in as few parts as there can be, all about as long: none of them is the last of its file, so
    none may be short.
    """
    count = -(-size // MAX_PART_SIZE)
    cuts = [size * i // count for i in range(count + 1)]
    return tuple(
        CopyRange(number, source, ByteRange(start, stop))
        for number, (start, stop) in enumerate(pairwise(cuts), start=1)
    )


def read_with(parts: tuple[Part, ...], key_md5: str | None) -> tuple[Part, ...]:
    """The same parts, copied with the key of SSE-C of this MD5."""
    return tuple(evolve(part, key_md5=key_md5) if isinstance(part, CopyRange) else part for part in parts)


def copy_plan_id(parts: tuple[CopyRange, ...]) -> str:
    """The identity of what is copied: file ids never change what they stand for, so equal ids mean equal bytes."""
    told = [[part.source, part.range.start, part.range.stop] for part in parts]
    return sha1(json.dumps(told, separators=(",", ":")).encode(), usedforsecurity=False).hexdigest()


def check_parts(parts: tuple[Part, ...], size: int, sizes: PartSizes) -> str | None:
    """What is wrong with the parts of a file of `size` bytes; None when B2 takes them."""
    if not 1 <= len(parts) <= MAX_PARTS:
        return f"{len(parts)} parts; B2 takes 1 to {MAX_PARTS}"
    if sum(part.length for part in parts) != size:
        return f"the parts have {sum(part.length for part in parts)} bytes, the file {size}"
    at = 0
    for number, part in enumerate(parts, start=1):
        if part.number != number:
            return f"part {part.number} stands at place {number}"
        if isinstance(part, SendPart) and part.range.start != at:
            return f"part {number} starts at {part.range.start}, not at {at}"
        if number < len(parts) and part.length < sizes.minimum:
            return f"part {number} has {part.length} bytes; every part but the last has at least {sizes.minimum}"
        if part.length > MAX_PART_SIZE:
            return f"part {number} has {part.length} bytes; B2 takes {MAX_PART_SIZE}"
        at += part.length
    return None
