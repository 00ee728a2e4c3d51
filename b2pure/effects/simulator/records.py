"""What a simulated B2 writes down, so that it can be kept, saved to a file, and read again.

Rules. A record has a kind and an id; putting one again replaces it. All records together are the whole state but for
account tokens and upload URLs, which clients ask for anew after a restart. Contents are named by their ids: their
bytes are kept elsewhere. Keys are secrets: whoever writes records to a disk keeps others out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from b2pure.effects.simulator.bucket import Part, Version
from b2pure.effects.simulator.content import Content, Extent
from b2pure.model.buckets import NotificationRule
from b2pure.model.ids import BucketId
from b2pure.model.replies import BucketReply, FileReply, PartReply

__all__ = [
    "RECORDS",
    "BucketRecord",
    "ContentById",
    "ExtentRecord",
    "KeyRecord",
    "PartRecord",
    "Record",
    "VersionRecord",
    "WorldRecord",
    "contents_of",
    "kept_extents",
    "part_of",
    "part_record",
    "version_of",
    "version_record",
]


class Record(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Base of the records."""


class ExtentRecord(Record, frozen=True, array_like=True):
    """A range of a content, by the content's id."""

    content_id: str
    start: int
    stop: int


class WorldRecord(Record, frozen=True):
    """What there is one of: ids and secrets follow from `seed` and the serials. `offset_millis` is how far the
    clock was moved, `lifecycle_day` the last day (UTC, since the epoch) whose lifecycle run took place, `generation`
    how often the world was read again: tokens and upload URLs, which are not written down, are other ones each time.
    """

    seed: int
    serials: dict[str, int]
    offset_millis: int = 0
    lifecycle_day: int | None = None
    generation: int = 0


class KeyRecord(Record, frozen=True):
    """An application key with its secret. `bucket_ids` and `name_prefix` None mean no restriction."""

    key_id: str
    secret: str
    name: str
    capabilities: tuple[str, ...]
    bucket_ids: tuple[BucketId, ...] | None = None
    name_prefix: str | None = None
    expires_at: int | None = None

    def __repr__(self) -> str:
        return f"KeyRecord({self.key_id!r})"


class BucketRecord(Record, frozen=True):
    bucket: BucketReply
    notifications: tuple[NotificationRule, ...] = ()


class VersionRecord(Record, frozen=True):
    file: FileReply
    serial: int
    extents: tuple[ExtentRecord, ...] = ()
    customer_key_md5: str | None = None


class PartRecord(Record, frozen=True):
    part: PartReply
    extents: tuple[ExtentRecord, ...]


RECORDS: Final[Mapping[str, type[Record]]] = {
    "world": WorldRecord,
    "key": KeyRecord,
    "bucket": BucketRecord,
    "version": VersionRecord,
    "part": PartRecord,
}
"""The record of each kind, in an order in which they can be read again."""

ContentById = Callable[[str], Content]


def contents_of(record: object) -> tuple[str, ...]:
    """The ids of the contents that a record refers to."""
    if isinstance(record, VersionRecord | PartRecord):
        return tuple(extent.content_id for extent in record.extents)
    return ()


def kept_extents(extents: Iterable[Extent]) -> tuple[ExtentRecord, ...]:
    """Extents by content id."""
    return tuple(ExtentRecord(extent.content.content_id, extent.start, extent.stop) for extent in extents)


def _extents_of(records: Iterable[ExtentRecord], contents: ContentById) -> tuple[Extent, ...]:
    found = tuple(Extent(contents(record.content_id), record.start, record.stop) for record in records)
    for extent in found:
        if not 0 <= extent.start < extent.stop <= extent.content.length:
            raise ValueError(f"a record refers to bytes that the content {extent.content.content_id} has not")
    return found


def version_record(version: Version) -> VersionRecord:
    """A version as it is written down."""
    return VersionRecord(version.file, version.serial, kept_extents(version.extents), version.customer_key_md5)


def version_of(record: VersionRecord, contents: ContentById) -> Version:
    """The version that was written down."""
    return Version(record.file, record.serial, _extents_of(record.extents, contents), record.customer_key_md5)


def part_record(part: Part) -> PartRecord:
    """A part as it is written down."""
    return PartRecord(part.reply, kept_extents(part.extents))


def part_of(record: PartRecord, contents: ContentById) -> Part:
    """The part that was written down."""
    return Part(record.part, _extents_of(record.extents, contents))
