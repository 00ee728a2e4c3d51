"""What a job tells whoever watches it, as data. Bytes are counted once they are safe, never before."""

from __future__ import annotations

from attrs import frozen

from b2pure.effects.outcomes import Outcome

__all__ = ["BytesMoved", "Event", "PathDone", "PathStarted"]


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


Event = PathStarted | BytesMoved | PathDone
