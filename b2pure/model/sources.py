"""Where the bytes of an upload come from: a reference, never the bytes of a file or a stream themselves.

A `Body` can be read again from the start, so that an upload can be tried again. What can be read only once (a pipe) is
taken in pieces by the shell, and each piece is a body.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final, assert_never, final

from attrs import field, frozen

from b2pure.model.files import LocalFact
from b2pure.model.ranges import ByteRange
from b2pure.model.record import Record

__all__ = [
    "NOTHING",
    "Blob",
    "Body",
    "Chained",
    "LocalSlice",
    "StreamPiece",
    "body_length",
    "name_of_body",
    "slice_body",
]


@final
class LocalSlice(Record, frozen=True):
    """A range of a local file (`path` relative to the folder of the job).

    `fact` pins the file: a reader that finds another size or modification time fails with `LocalDrifted` and never
    sends more or fewer bytes than the range has.
    """

    path: str
    range: ByteRange
    fact: LocalFact


@frozen
class Blob:
    """Bytes at hand."""

    data: bytes = field(repr=False)


@frozen
class StreamPiece:
    """A range of a piece that was read from the job's stream and is kept until it is dropped. Pieces count from 1."""

    number: int
    range: ByteRange


@frozen
class Chained:
    """Bodies one after the other."""

    bodies: tuple[Body, ...]


Body = LocalSlice | Blob | StreamPiece | Chained

NOTHING: Final = Blob(b"")


def body_length(body: Body) -> int:
    """Bytes that the body has."""
    match body:
        case LocalSlice() | StreamPiece():
            return body.range.length
        case Blob():
            return len(body.data)
        case Chained():
            return sum(map(body_length, body.bodies))
        case _:
            assert_never(body)


def name_of_body(body: Body) -> str:
    """What errors call it: the files that it is of, where it is of files."""
    match body:
        case LocalSlice():
            return body.path
        case Blob():
            return "the source"
        case StreamPiece():
            return "the stream"
        case Chained():
            names = (name_of_body(each) for each in body.bodies)
            return ", ".join(dict.fromkeys(name for name in names if name != "the source")) or "the source"
        case _:
            assert_never(body)


def slice_body(body: Body, wanted: ByteRange) -> Body:
    """The bytes of `wanted`, counted from the start of the body. Raises ValueError when it reaches past the end."""
    length = body_length(body)
    if wanted.stop > length:
        raise ValueError(f"a body of {length} bytes has no range [{wanted.start}, {wanted.stop})")
    if wanted == ByteRange(0, length):
        return body
    match body:
        case LocalSlice(path, span, fact):
            return LocalSlice(path, ByteRange(span.start + wanted.start, span.start + wanted.stop), fact)
        case StreamPiece(number, span):
            return StreamPiece(number, ByteRange(span.start + wanted.start, span.start + wanted.stop))
        case Blob():
            return Blob(body.data[wanted.start : wanted.stop])
        case Chained():
            return _slice_chain(body.bodies, wanted)
        case _:
            assert_never(body)


def _slice_chain(bodies: tuple[Body, ...], wanted: ByteRange) -> Body:
    chosen = []
    ends = accumulate(map(body_length, bodies))
    for body, end in zip(bodies, ends, strict=True):
        begin = end - body_length(body)
        start, stop = max(wanted.start, begin), min(wanted.stop, end)
        if start < stop:
            chosen.append(slice_body(body, ByteRange(start - begin, stop - begin)))
    return chosen[0] if len(chosen) == 1 else Chained(tuple(chosen))
