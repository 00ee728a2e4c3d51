"""The files that the planning benchmarks plan: ordered streams, the same for every planner.

Upload timestamps are the modification times, so that b2sdk, which counts keep-days from the one, and b2pure, which
counts from the other, have the same decisions to make.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from b2pure.model.files import B2Path, FileVersion, LocalPath
from b2pure.model.ids import FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.policy import KeepDays, NewerFileSyncMode, SyncPolicy

__all__ = ["KEEP_DAYS", "NOW", "WORKLOADS", "Workload", "dest_files", "policy", "source_files"]

NOW = 1_800_000_000_000
KEEP_DAYS = 10
_SIZE = 100


@frozen
class Workload:
    """A pair of streams by name, and how many times faster than b2sdk b2pure means to plan it."""

    name: str
    target: float
    keep_days: int | None = None


WORKLOADS = (
    Workload("all new", 3.0),
    Workload("none changed", 10.0),
    Workload("1 in 10 changed", 3.0, KEEP_DAYS),
)


def policy(workload: Workload) -> SyncPolicy:
    """What both planners are asked for; a newer destination is passed over, though there is none."""
    newer = NewerFileSyncMode.SKIP
    return (
        SyncPolicy(newer=newer)
        if workload.keep_days is None
        else SyncPolicy(newer=newer, keep=KeepDays(workload.keep_days))
    )


def source_files(count: int) -> Iterator[LocalPath]:
    """Local files in order, a thousand to a folder, all of one day ago."""
    return (LocalPath(_name(number), _SIZE, _days_ago(1)) for number in range(count))


def dest_files(count: int, workload: Workload) -> Iterator[B2Path]:
    """What B2 has of them. A changed file has three versions, of 5, 15 and 25 days ago: the oldest goes, because it was
    last visible 15 days ago.
    """
    if workload.name == "all new":
        return iter(())
    changed = 10 if workload.keep_days is not None else count + 1
    return (B2Path(_name(n), _versions(n, (5, 15, 25) if n % changed == changed - 1 else (1,))) for n in range(count))


def _versions(number: int, ages: tuple[int, ...]) -> tuple[FileVersion, ...]:
    return tuple(
        FileVersion(FileId(f"4_z{number:09d}_{age}"), "upload", _SIZE, _days_ago(age), _days_ago(age)) for age in ages
    )


def _name(number: int) -> str:
    return f"folder{number // 1000:05d}/file{number % 1000:03d}.dat"


def _days_ago(days: int) -> int:
    return NOW - days * MILLIS_PER_DAY
