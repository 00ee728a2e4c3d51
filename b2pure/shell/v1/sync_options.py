"""The options of a Synchronizer as the policy of the core.

Rules. What is of a wrong type or out of its range is an InvalidArgument that names the option.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from math import isfinite
from typing import Final

from b2pure.model.policy import CompareVersionMode as CoreCompare
from b2pure.model.policy import Delete, KeepDays, KeepOrDelete, NoDelete, SyncPolicy
from b2pure.model.policy import NewerFileSyncMode as CoreNewer
from b2pure.shell.v1.enums import CompareVersionMode, KeepOrDeleteMode, NewerFileSyncMode
from b2pure.shell.v1.exceptions import InvalidArgument

__all__ = ["policy_of"]

_COMPARE: Final = {
    CompareVersionMode.MODTIME: CoreCompare.MODTIME,
    CompareVersionMode.SIZE: CoreCompare.SIZE,
    CompareVersionMode.NONE: CoreCompare.NONE,
}
_NEWER: Final = {
    NewerFileSyncMode.SKIP: CoreNewer.SKIP,
    NewerFileSyncMode.REPLACE: CoreNewer.REPLACE,
    NewerFileSyncMode.RAISE_ERROR: CoreNewer.RAISE_ERROR,
}


def policy_of(
    newer_file_mode: NewerFileSyncMode,
    compare_version_mode: CompareVersionMode,
    compare_threshold: float | timedelta,
    keep_days_or_delete: KeepOrDeleteMode,
    keep_days: float | None,
    *,
    allow_empty_source: bool,
) -> SyncPolicy:
    """What the core goes by. Raises InvalidArgument."""
    _check_mode("newer_file_mode", newer_file_mode, NewerFileSyncMode)
    _check_mode("compare_version_mode", compare_version_mode, CompareVersionMode)
    _check_mode("keep_days_or_delete", keep_days_or_delete, KeepOrDeleteMode)
    threshold = _threshold(compare_threshold, compare_version_mode)
    by_size = compare_version_mode is CompareVersionMode.SIZE
    return SyncPolicy(
        keep=_keep(keep_days_or_delete, keep_days),
        compare=_COMPARE[compare_version_mode],
        compare_threshold_millis=0 if by_size else threshold,
        compare_threshold_bytes=threshold if by_size else 0,
        newer=_NEWER[newer_file_mode],
        allow_empty_source=allow_empty_source,
    )


def _check_mode(name: str, given: object, kind: type[Enum]) -> None:
    if not isinstance(given, kind):
        raise InvalidArgument(name, f"must be one of {', '.join(map(str, kind))}, not {given!r}")


def _threshold(given: float | timedelta, mode: CompareVersionMode) -> int:
    """Bytes for sizes, milliseconds for times. Raises InvalidArgument."""
    if isinstance(given, timedelta):
        if mode is CompareVersionMode.SIZE:
            raise InvalidArgument("compare_threshold", "must be a number of bytes when sizes are compared")
        found = given // timedelta(milliseconds=1)
    elif isinstance(given, bool) or not isinstance(given, int | float):
        raise InvalidArgument("compare_threshold", "must be a number or a timedelta")
    elif not isfinite(given):
        raise InvalidArgument("compare_threshold", f"must be a number that ends, not {given}")
    else:
        found = int(given) if mode is CompareVersionMode.SIZE else int(given * 1000)
    if found < 0:
        raise InvalidArgument("compare_threshold", "must be a positive integer")
    return found


def _keep(mode: KeepOrDeleteMode, days: float | None) -> KeepOrDelete:
    if mode is KeepOrDeleteMode.DELETE:
        return Delete()
    if mode is KeepOrDeleteMode.NO_DELETE:
        return NoDelete()
    if days is None:
        raise InvalidArgument("keep_days", "must be given when keep_days_or_delete is KEEP_BEFORE_DELETE")
    if isinstance(days, bool) or not isinstance(days, int | float):
        raise InvalidArgument("keep_days", f"must be a number of days, not {type(days).__name__}")
    if not days > 0:
        raise InvalidArgument("keep_days", "must be greater than 0")
    try:
        return KeepDays(days)
    except ValueError as wrong:
        raise InvalidArgument("keep_days", str(wrong).removeprefix("keep_days ")) from None
