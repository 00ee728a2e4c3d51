"""What a job tells whoever watches it, as data. Bytes are counted once they are safe, never before."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from b2pure.effects.outcomes import Outcome
from b2pure.model.errors import B2Error

__all__ = ["BytesMoved", "Event", "PathDone", "PathStarted", "Scanned", "Waiting"]


@frozen
class PathStarted:
    """Work on a path begins."""

    path: str


@frozen
class BytesMoved:
    """So many more bytes arrived at their destination (a part of a large file, or all of a small one)."""

    path: str
    count: int


@frozen
class Waiting:
    """A request failed in a way that passes: it is sent again after so many seconds."""

    error: B2Error
    seconds: float


@frozen
class PathDone:
    """A path is finished, well or not."""

    outcome: Outcome


@frozen
class Scanned:
    """So many files of a side were found so far; `whole` when that is all of them."""

    side: Literal["source", "destination"]
    count: int
    whole: bool = False


Event = Scanned | PathStarted | BytesMoved | Waiting | PathDone
