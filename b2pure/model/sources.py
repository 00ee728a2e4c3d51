"""Where the bytes of an upload come from: a reference, never the bytes of a file themselves."""

from __future__ import annotations

from attrs import field, frozen

from b2pure.model.files import LocalFact
from b2pure.model.ranges import ByteRange

__all__ = ["Blob", "Body", "LocalSlice", "body_length"]


@frozen
class LocalSlice:
    """A range of a local file (`path` relative to the synced folder).

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


Body = LocalSlice | Blob


def body_length(body: Body) -> int:
    """Bytes that the body has."""
    match body:
        case LocalSlice():
            return body.range.length
        case Blob():
            return len(body.data)
