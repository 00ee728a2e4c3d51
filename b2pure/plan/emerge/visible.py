"""Of intents that come in order and may differ where they overlap: what of each is left in the end, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from b2pure.model.intents import CopySource, WriteIntent
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import slice_body

__all__ = ["visible"]


def visible(intents: Iterable[WriteIntent]) -> Iterator[WriteIntent]:
    """Intents that do not overlap, in order: the later of two that did counts. `intents` come in order of offset, so
    that what lies before the next one is settled.
    """
    pending: list[WriteIntent] = []  # the last one covers those below it
    at = 0
    for intent in intents:
        start = intent.destination_offset
        yield from _settled(pending, at, start)
        at = max(at, start)
        pending.append(intent)
    yield from _settled(pending, at, max((intent.stop for intent in pending), default=0))


def _settled(pending: list[WriteIntent], at: int, upto: int) -> Iterator[WriteIntent]:
    while pending and at < upto:
        top = pending[-1]
        if top.stop <= at:
            pending.pop()
            continue
        stop = min(top.stop, upto)
        yield _cut(top, at, stop)
        at = stop


def _cut(intent: WriteIntent, start: int, stop: int) -> WriteIntent:
    source, first = intent.source, intent.destination_offset
    wanted = ByteRange(start - first, stop - first)
    return WriteIntent(source.slice(wanted) if isinstance(source, CopySource) else slice_body(source, wanted), start)
