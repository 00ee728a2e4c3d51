"""From a plan to what is done: what an account allows, which parts can be hashed here, what a finished one must be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise

from attrs import frozen

from b2pure.model.errors import Corrupt
from b2pure.model.intents import CopySource
from b2pure.model.limits import MAX_PART_SIZE, MAX_PARTS, PartSizes
from b2pure.model.names import printable
from b2pure.model.protection import SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply
from b2pure.model.sources import NOTHING, Body, Chained, LocalSlice, body_length, slice_body
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, SentPart, Twice
from b2pure.plan.emerge.plan import EmergeLimits
from b2pure.plan.failures import SOURCES_DIFFER
from b2pure.plan.large_file import CopyRange, Part, SendPart

__all__ = [
    "Hashing",
    "comparing",
    "differing_sources",
    "halves",
    "hashing",
    "large_part",
    "limits_of",
    "local_body",
    "remote_sources",
    "source_objection",
]


def limits_of(sizes: PartSizes, longest: int = MAX_PART_SIZE) -> EmergeLimits:
    """What an account allows, with parts of at most `longest` bytes."""
    return EmergeLimits(sizes.minimum, sizes.recommended, longest, longest, MAX_PARTS)


def local_body(part: EmergePart) -> Body | None:
    """The bytes of the part as they are here, if all of them are."""
    if isinstance(part, CopiedPart):
        return part.checks
    bodies = tuple(piece for piece in part.pieces if not isinstance(piece, CopySource))
    if len(bodies) < len(part.pieces):
        return None
    return bodies[0] if len(bodies) == 1 else Chained(bodies) if bodies else NOTHING


@frozen
class Hashing:
    """What is hashed before a plan is carried out: `ranges` of `body`, of the parts with these `numbers`. `whole` when
    that is all of the object.
    """

    body: Body
    ranges: tuple[ByteRange, ...]
    numbers: tuple[int, ...]
    whole: bool


def hashing(parts: Iterable[EmergePart]) -> Hashing:
    """The local bytes of the parts, one after the other, so that they are read in one pass."""
    bodies, numbers, count = [], [], 0
    for part in parts:
        count += 1
        body = local_body(part)
        if body is not None:
            bodies.append(body)
            numbers.append(part.number)
    cuts = accumulate(map(body_length, bodies), initial=0)
    ranges = tuple(ByteRange(start, stop) for start, stop in pairwise(cuts))
    return Hashing(Chained(tuple(bodies)), ranges, tuple(numbers), len(numbers) == count)


def comparing(parts: Iterable[EmergePart]) -> tuple[tuple[Twice, ...], Hashing]:
    """What is here twice, and both sources of each, one after the other, so that they are read in one pass."""
    twice = tuple(one for part in parts for one in part.twice)
    bodies = tuple(body for one in twice for body in (one.taken, one.other))
    cuts = accumulate(map(body_length, bodies), initial=0)
    ranges = tuple(ByteRange(start, stop) for start, stop in pairwise(cuts))
    return twice, Hashing(Chained(bodies), ranges, (), False)


def differing_sources(one: Twice, taken: str, other: str) -> Corrupt:
    """The sources of bytes that are here twice have different digests."""
    first, second = _named(one.taken), _named(one.other)
    what = f"[{one.range.start}, {one.range.stop}) of the object, given by {first} and by {second},"
    return Corrupt(what, f"SHA-1 {taken}", f"SHA-1 {other}", SOURCES_DIFFER)


def _named(body: Body) -> str:
    if isinstance(body, LocalSlice):
        return f"{printable(body.path)}[{body.range.start}, {body.range.stop})"
    return f"{body_length(body)} bytes at hand"


def large_part(part: EmergePart, sha1: str | None) -> Part:
    """The same in the vocabulary of large files, with the digest of its local bytes."""
    if isinstance(part, SentPart):
        return SendPart(part.number, part.range, sha1, part.pieces)
    source = part.source
    return CopyRange(part.number, source.file_id, source.range, sha1, source.key_md5, part.range.start)


def halves(part: CopiedPart, minimum: int) -> tuple[CopiedPart, CopiedPart] | None:
    """The part as two, of which only the second may be shorter than `minimum`; None where it is too short for that."""
    first = max(minimum, (part.length + 1) // 2)
    if first >= part.length:
        return None
    ranges = ByteRange(0, first), ByteRange(first, part.length)
    one, other = (
        CopiedPart(
            number,
            ByteRange(part.range.start + each.start, part.range.start + each.stop),
            part.source.slice(each),
            slice_body(part.checks, each) if part.checks is not None else None,
        )
        for number, each in enumerate(ranges, start=1)
    )
    return one, other


def remote_sources(parts: Iterable[EmergePart]) -> Iterable[CopySource]:
    """What the parts read of B2, with repetitions."""
    for part in parts:
        if isinstance(part, CopiedPart):
            yield part.source
        else:
            yield from part.downloads


def source_objection(source: CopySource, file: FileReply, keys: Mapping[str, SseC]) -> str | None:
    """Why nobody can read the source of the file that B2 tells of; None when it can be read."""
    name = f"{source.file_id} ({file.file_name})"
    if file.action not in ("upload", "copy"):
        return f"{source.file_id} is no file with content, its action is {file.action!r}"
    if source.range.stop > file.content_length:
        told = f"[{source.range.start}, {source.range.stop})"
        return f"{name} has {file.content_length} bytes, so it has no range {told}"
    encryption = file.server_side_encryption
    if source.key_md5 is None:
        if encryption is not None and encryption.mode == "SSE-C":
            return f"{name} has a customer's key; name it with the source"
        return None
    if source.key_md5 not in keys:
        return f"{name} is read with a customer's key that was not given"
    return None
