"""b2sdk's planner of objects from ranges: the peer of `emerge.py`. Its intents are made beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from b2sdk._internal.transfer.emerge.planner.planner import EmergePlanner
from b2sdk.v2 import AbstractUploadSource, CopySource, WriteIntent

from b2pure.model import intents as ours
from b2pure.model.limits import PartSizes
from b2pure.model.sources import body_length
from benchmarks.moved import Moved

__all__ = ["b2sdk_emerge"]


class _Local(AbstractUploadSource):  # type: ignore[misc]
    """A local source that knows its length and nothing else."""

    def __init__(self, length: int) -> None:
        self.length = length

    def get_content_length(self) -> int:
        return self.length

    def get_content_sha1(self) -> str:
        raise AssertionError("a planner needs no digest")

    def open(self) -> Any:
        raise AssertionError("a planner reads nothing")

    def is_upload(self) -> bool:
        return True

    def is_copy(self) -> bool:
        return False

    def is_sha1_known(self) -> bool:
        return False


def b2sdk_emerge(
    intents: Iterable[ours.WriteIntent], sizes: PartSizes, largest: int
) -> tuple[Callable[[], Any], Callable[[Any], Moved]]:
    """What plans anew each time, and what counts a plan."""
    theirs = [_intent(intent) for intent in intents]
    planner = EmergePlanner(
        min_part_size=sizes.minimum, recommended_upload_part_size=sizes.recommended, max_part_size=largest
    )
    return lambda: planner.get_emerge_plan(theirs), _moved


def _intent(intent: ours.WriteIntent) -> Any:
    source = intent.source
    if isinstance(source, ours.CopySource):
        copied = CopySource(source.file_id, source.range.start, source.length)
        return WriteIntent(copied, intent.destination_offset)
    return WriteIntent(_Local(body_length(source)), intent.destination_offset)


def _moved(plan: Any) -> Moved:
    sent = down = parts = made = 0
    for _, part in plan.enumerate_emerge_parts():
        parts += 1
        length = part.get_length()
        made += length
        definition = part.part_definition
        if type(definition).__name__.startswith("Upload"):
            sent += length
        for piece in getattr(definition, "upload_subparts", ()):
            if type(piece).__name__.startswith("Remote"):
                down += piece.length
    return Moved(sent, down, parts, made)
