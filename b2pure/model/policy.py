"""What the user of a sync decides: what counts as different, what is kept, what is left out.

Every class checks itself when it is made, so that a plan never meets a policy that makes no sense.
"""

from __future__ import annotations

import math
import re
from enum import Enum
from typing import Literal

import msgspec

from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.record import Record

__all__ = [
    "CompareVersionMode",
    "Delete",
    "FilterSides",
    "KeepDays",
    "KeepOrDelete",
    "NewerFileSyncMode",
    "NoDelete",
    "RetentionClock",
    "ScanPolicies",
    "SyncPolicy",
    "UploadMode",
]


class CompareVersionMode(Enum):
    """What makes a source file different from its destination."""

    MODTIME = "modTime"
    """The modification times differ by more than the threshold."""
    SIZE = "size"
    """The sizes differ by more than the threshold."""
    NONE = "none"
    """Nothing: a name that is there is enough."""
    SHA1 = "sha1"
    """The SHA-1 of the contents. Where B2 knows none, size and modification time decide."""


class NewerFileSyncMode(Enum):
    """What to do where the destination is newer than the source (compared by modification time)."""

    SKIP = "skip"
    REPLACE = "replace"
    RAISE_ERROR = "raise"


class UploadMode(Enum):
    """How a file that is there and changed is uploaded."""

    FULL = "full"
    """All of it."""
    INCREMENTAL = "incremental"
    """Where the version in B2 is the beginning of the local file, that part is copied there and only the rest is
    sent."""


_MAX_DAYS = 1_000_000


class RetentionClock(Enum):
    """Whose times say how long a version was visible."""

    UPLOAD_TIME = "upload"
    """B2's upload timestamps: what the seed's sentence means by visible."""
    MOD_TIME = "modification"
    """The modification times that uploaders declared: b2sdk's rule, for compatibility. Not safe: an old file that
    was replaced yesterday counts as old."""


class NoDelete(Record, frozen=True, tag="no_delete"):
    """Never hide or delete anything at the destination."""


class Delete(Record, frozen=True, tag="delete"):
    """Delete what the source lacks, and old versions as soon as a newer one is there."""


class KeepDays(Record, frozen=True, tag="keep_days"):
    """Hide what the source lacks, and delete versions that were not visible at any time in the last `days` days.

    `days` may be 0 (keep only what is visible now) and may have a fraction.
    """

    days: int | float
    clock: RetentionClock = RetentionClock.UPLOAD_TIME

    def __post_init__(self) -> None:
        if not isinstance(self.clock, RetentionClock):
            raise ValueError(f"clock must be a RetentionClock, not {self.clock!r}")
        if isinstance(self.days, bool) or not isinstance(self.days, int | float):
            raise ValueError(f"keep_days must be a number of days, not {self.days!r}")
        if not (math.isfinite(self.days) and self.days >= 0):
            raise ValueError(f"keep_days must be 0 or more, not {self.days}")
        if self.days > _MAX_DAYS:
            raise ValueError(f"keep_days must be at most {_MAX_DAYS}, not {self.days}")
        if isinstance(self.days, float) and self.days.is_integer():
            # Equal policies are written alike.
            msgspec.structs.force_setattr(self, "days", int(self.days))

    def cutoff_millis(self, now_millis: int) -> int:
        """The start of the window, in milliseconds since the epoch."""
        return now_millis - round(self.days * MILLIS_PER_DAY)


KeepOrDelete = NoDelete | Delete | KeepDays

FilterSides = Literal["both", "source"]
"""`both`: what a filter leaves out is left alone on either side. `source`: b2sdk's way, where what is excluded looks
deleted and a deleting sync removes it from the destination."""


class ScanPolicies(Record, frozen=True):
    """Which files, and which versions of them, take part.

    Regexes match from the start of the path relative to the folder (`re.match`), as in the seed: `photos` as a
    directory regex excludes `photos/...` and `photos2/...`, `photos$` only `photos/...`. An include regex wins over
    `exclude_file_regexes`, never over `exclude_dir_regexes`. The times are in milliseconds since the epoch, their
    ends belong to what stays; they apply to versions, so that with `exclude_modified_after` an older version of a
    file takes the place of a newer one (restore to a point in time). Local files have no upload time and are never
    excluded by one.
    """

    exclude_dir_regexes: tuple[str, ...] = ()
    exclude_file_regexes: tuple[str, ...] = ()
    include_file_regexes: tuple[str, ...] = ()
    exclude_all_symlinks: bool = False
    exclude_modified_before: int | None = None
    exclude_modified_after: int | None = None
    exclude_uploaded_before: int | None = None
    exclude_uploaded_after: int | None = None

    def __post_init__(self) -> None:
        for field in ("exclude_dir_regexes", "exclude_file_regexes", "include_file_regexes"):
            _check_regexes(field, getattr(self, field))
        if not isinstance(self.exclude_all_symlinks, bool):
            raise ValueError(f"exclude_all_symlinks must be True or False, not {self.exclude_all_symlinks!r}")
        if self.include_file_regexes and not self.exclude_file_regexes:
            raise ValueError("include_file_regexes needs exclude_file_regexes: there is nothing to except from")
        _check_order(self, "modified")
        _check_order(self, "uploaded")


def _check_regexes(field: str, regexes: object) -> None:
    if isinstance(regexes, str):
        raise ValueError(f"{field} must be a tuple of regular expressions, not one string")
    if not isinstance(regexes, tuple):
        raise ValueError(f"{field} must be a tuple of regular expressions, not {regexes!r}")
    for regex in regexes:
        _check_regex(field, regex)


def _check_regex(field: str, regex: object) -> None:
    if not isinstance(regex, str):
        raise ValueError(f"{field} must be regular expressions as text, not {regex!r}")
    try:
        regex.encode()
        re.compile(regex)
    except UnicodeEncodeError:
        raise ValueError(f"{field}: {regex!r} is not valid Unicode") from None
    except re.error as error:
        raise ValueError(f"{field}: {regex!r} is not a regular expression: {error}") from None


def _check_order(policies: ScanPolicies, what: str) -> None:
    fields = (f"exclude_{what}_before", f"exclude_{what}_after")
    before, after = (getattr(policies, field) for field in fields)
    for field, time in zip(fields, (before, after), strict=True):
        if time is not None and not _is_int(time):
            raise ValueError(f"{field} must be milliseconds since 1970, as a whole number, or None, not {time!r}")
    if before is not None and after is not None and before > after:
        raise ValueError(f"exclude_{what}_before ({before}) is later than exclude_{what}_after ({after})")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class SyncPolicy(Record, frozen=True):
    """Everything that decides what a sync does, except the two sides and the time.

    Defaults are the seed's: compare by modification time, fail where the destination is newer, delete nothing,
    refuse a source without files.
    """

    keep: KeepOrDelete = NoDelete()
    compare: CompareVersionMode = CompareVersionMode.MODTIME
    compare_threshold_millis: int = 0
    compare_threshold_bytes: int = 0
    newer: NewerFileSyncMode = NewerFileSyncMode.RAISE_ERROR
    scan: ScanPolicies = ScanPolicies()
    filter_sides: FilterSides = "both"
    allow_empty_source: bool = False
    upload_mode: UploadMode = UploadMode.FULL

    def __post_init__(self) -> None:
        for field, kinds in _KINDS.items():
            if not isinstance(getattr(self, field), kinds):
                told = " or ".join(kind.__name__ for kind in kinds)
                raise ValueError(f"{field} must be a {told}, not {getattr(self, field)!r}")
        for field in ("compare_threshold_millis", "compare_threshold_bytes"):
            if not _is_int(getattr(self, field)):
                raise ValueError(f"{field} must be a whole number, not {getattr(self, field)!r}")
            if getattr(self, field) < 0:
                raise ValueError(f"{field} must be 0 or more, not {getattr(self, field)}")
        if self.filter_sides not in ("both", "source"):
            raise ValueError(f"filter_sides must be 'both' or 'source', not {self.filter_sides!r}")


_KINDS: dict[str, tuple[type, ...]] = {
    "keep": (NoDelete, Delete, KeepDays),
    "compare": (CompareVersionMode,),
    "newer": (NewerFileSyncMode,),
    "scan": (ScanPolicies,),
    "allow_empty_source": (bool,),
    "upload_mode": (UploadMode,),
}
