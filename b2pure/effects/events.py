"""What a job tells whoever watches it, as data. Bytes are counted once they are safe, never before."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from b2pure.effects.outcomes import Outcome

__all__ = ["BytesMoved", "Event", "PathDone", "PathStarted", "Scanned"]


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
class PathDone:
    """A path is finished, well or not."""

    outcome: Outcome


@frozen
class Scanned:
    """So many files of a side were found so far; `whole` when that is all of them."""

    side: Literal["source", "destination"]
    count: int
    whole: bool = False


Event = Scanned | PathStarted | BytesMoved | PathDone
