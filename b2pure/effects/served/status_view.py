"""What the status page shows, as values: a look at a simulator that costs little however much it holds.

Rules. A view is made of what may be seen by anybody who can reach the server: no key's secret, no token and no upload
URL ever gets into one. Everything is bounded: so many buckets, files and requests, and never a walk over all files.
Times are milliseconds since the epoch, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

import attrs
from attrs import frozen

from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator.bucket import Bucket, Version
from b2pure.effects.simulator.meter import Entry
from b2pure.plan.bill import Bill, Usage
from b2pure.plan.cost import PRICES

__all__ = ["BucketView", "FileView", "FilesView", "StatusView", "view_of"]

SHOWN_BUCKETS: Final = 200
SHOWN_FILES: Final = 100
SHOWN_REQUESTS: Final = 50
_LOOKED_BACK: Final = 100
"""How many versions of a name are looked at to find its newest one among unfinished large files."""


@frozen
class BucketView:
    """A bucket in a line. `files` are names, hidden ones too; `versions` leave unfinished large files out;
    `stored_bytes` has their parts, as the bill does.
    """

    name: str
    bucket_type: str
    bucket_id: str
    files: int
    versions: int
    stored_bytes: int
    unfinished: int


@frozen
class FileView:
    """The newest version of a name: an `upload`, a `hide` marker, or a `start` where nothing else is there."""

    name: str
    file_id: str | None
    action: str
    size: int
    content_sha1: str | None
    content_type: str | None
    upload_timestamp: int
    versions: int


@frozen
class FilesView:
    """A page of the files of a bucket, in B2's order: those after the name `after`. `next_after` gives the next page,
    None on the last one.
    """

    bucket_name: str
    after: str
    files: tuple[FileView, ...]
    next_after: str | None


@frozen
class StatusView:
    """Everything that the page tells. `chosen` is the bucket that was asked for; `files` is None when it is not there.
    `bucket_count` and `request_count` are of all, shown or not; `requests` come newest first. `limits` are pairs of a
    name and its value, `faults` a line for each.
    """

    base_url: str
    key_id: str
    now_millis: int
    started_millis: int
    buckets: tuple[BucketView, ...]
    bucket_count: int
    chosen: str | None
    files: FilesView | None
    requests: tuple[Entry, ...]
    request_count: int
    usage: Usage
    bills: tuple[Bill, ...]
    limits: tuple[tuple[str, int | str | None], ...]
    faults: tuple[str, ...] = ()


def view_of(
    simulator: Simulator,
    *,
    started_millis: int,
    faults: Iterable[str] = (),
    bucket: str | None = None,
    after: str = "",
) -> StatusView:
    """A look at `simulator` now. `bucket` names the bucket whose files are shown, from the first name after `after`.
    `started_millis` is when the server began, by the simulator's clock; `faults` has a line for each fault in force.
    """
    world, meter, now = simulator._world, simulator.meter, simulator.now()
    chosen = None if bucket is None else world.bucket_named(bucket)
    by_name = sorted(world.buckets.values(), key=lambda each: each.reply.bucket_name)
    return StatusView(
        base_url=simulator.base_url,
        key_id=simulator.master_key_id,
        now_millis=now,
        started_millis=started_millis,
        buckets=tuple(map(_bucket_view, by_name[:SHOWN_BUCKETS])),
        bucket_count=len(by_name),
        chosen=bucket,
        files=None if chosen is None else _files_view(chosen, after),
        requests=simulator.log.latest(SHOWN_REQUESTS),
        request_count=simulator.log.total,
        usage=meter.usage(now),
        bills=tuple(meter.bill(prices, now) for prices in PRICES.values()),
        limits=_limits(simulator.config),
        faults=tuple(faults),
    )


def _bucket_view(bucket: Bucket) -> BucketView:
    reply = bucket.reply
    return BucketView(
        name=reply.bucket_name,
        bucket_type=reply.bucket_type,
        bucket_id=reply.bucket_id,
        files=len(bucket.names.versions),
        versions=bucket.version_count - len(bucket.unfinished),
        stored_bytes=bucket.stored_bytes,
        unfinished=len(bucket.unfinished),
    )


def _files_view(bucket: Bucket, after: str) -> FilesView:
    following = (name for name in bucket.names.since(after) if name != after)
    names = list(islice(following, SHOWN_FILES + 1))
    page = names[:SHOWN_FILES]
    return FilesView(
        bucket_name=bucket.reply.bucket_name,
        after=after,
        files=tuple(_file_view(bucket.names.versions[name]) for name in page),
        next_after=page[-1] if len(names) > len(page) else None,
    )


def _file_view(versions: list[Version]) -> FileView:
    recent = islice(reversed(versions), _LOOKED_BACK)
    file = next((version for version in recent if version.file.action != "start"), versions[-1]).file
    return FileView(
        name=file.file_name,
        file_id=file.file_id,
        action=file.action,
        size=file.content_length,
        content_sha1=file.content_sha1,
        content_type=file.content_type,
        upload_timestamp=file.upload_timestamp,
        versions=len(versions),
    )


def _limits(config: Any) -> tuple[tuple[str, int | str | None], ...]:
    """The fields of the configuration; a switch is on or off, and what is no number is told as text."""
    return tuple((field.name, _limit(getattr(config, field.name))) for field in attrs.fields(type(config)))


def _limit(value: object) -> int | str | None:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if value is None or isinstance(value, int) else str(value)
