"""Which unfinished large files are left-overs: a plan that says what is cancelled and what stays, and why.

Rules. What counts is when something last happened to a file: it was started, or a part of it arrived. An upload that
goes on for days is not stale, however old its start is. Cancelling is undone by nothing, so the plan names what it saw,
and a file that moved on since is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from b2pure.model.ids import FileId
from b2pure.plan.resume import Candidate

__all__ = ["CleanupPlan", "Unfinished", "plan_cleanup", "unfinished_of"]


@frozen
class Unfinished:
    """An unfinished large file: its parts and their bytes, when it was started and when something last happened to it
    (milliseconds since the epoch).
    """

    file_id: FileId
    file_name: str
    started: int
    last_activity: int
    parts: int
    bytes: int


@frozen
class CleanupPlan:
    """What is cancelled and what stays. A file is stale when nothing happened to it since `before`."""

    before: int
    cancel: tuple[Unfinished, ...]
    keep: tuple[Unfinished, ...]


def plan_cleanup(found: Iterable[Unfinished], *, now_millis: int, older_than_millis: int) -> CleanupPlan:
    """Cancel what nothing happened to for longer than `older_than_millis`. Raises ValueError for a negative age."""
    if older_than_millis < 0:
        raise ValueError(f"older_than must be 0 or more, not {older_than_millis} ms")
    before = now_millis - older_than_millis
    files = sorted(found, key=lambda file: (file.file_name, file.file_id))
    stale = tuple(file for file in files if file.last_activity <= before)
    return CleanupPlan(before, stale, tuple(file for file in files if file.last_activity > before))


def unfinished_of(candidate: Candidate) -> Unfinished:
    """What matters of a listed file and its parts."""
    file, parts = candidate.file, candidate.parts
    assert file.file_id is not None, "an unfinished file has an id"
    times = (file.upload_timestamp, *(part.upload_timestamp for part in parts))
    size = sum(part.content_length for part in parts)
    return Unfinished(file.file_id, file.file_name, file.upload_timestamp, max(times), len(parts), size)
