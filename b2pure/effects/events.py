"""What a job tells whoever watches it, as data. Bytes are counted once they are safe, never before."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from b2pure.effects.outcomes import Outcome
from b2pure.model.errors import B2Error
from b2pure.model.ids import FileId
from b2pure.plan.resume import ResumeDecision

__all__ = ["BytesMoved", "Event", "LargeFileBegun", "PathDone", "PathStarted", "Scanned", "Waiting"]


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
class LargeFileBegun:
    """A large file is on its way; with its id the job can be gone on with by hand. `decision` says which unfinished
    files there were and why each was taken or not; `reused` bytes need not be sent again.
    """

    path: str
    file_id: FileId
    decision: ResumeDecision
    reused: int


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


Event = Scanned | PathStarted | BytesMoved | LargeFileBegun | Waiting | PathDone
