"""What a job tells whoever watches it, as data.

`BytesMoved` counts bytes once they are safe, never before. Those that are still on their way are told apart from them
(`InFlight`), and count for nothing when their request ends; `flights.Moved` adds both up for who wants one number.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from b2pure.effects.outcomes import Outcome
from b2pure.model.errors import B2Error
from b2pure.model.ids import FileId
from b2pure.plan.resume import ResumeDecision

__all__ = [
    "BytesMoved",
    "Event",
    "InFlight",
    "LargeFileBegun",
    "PathDone",
    "PathStarted",
    "Scanned",
    "Sized",
    "Waiting",
]


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
class Sized:
    """It is known how many bytes there will be at the destination of a single transfer in the end, and how many of them
    are there already.
    """

    path: str
    total: int
    reused: int = 0


@frozen
class InFlight:
    """So many bytes of one request's body went out or came in by now; 0 when the request ended, well or not."""

    request: int
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


Event = Scanned | PathStarted | Sized | InFlight | BytesMoved | LargeFileBegun | Waiting | PathDone
