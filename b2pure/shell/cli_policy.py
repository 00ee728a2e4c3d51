"""The flags that decide what a sync does, and the policy that they say.

Flags carry the b2 command line's names where it has them. Messages speak of flags, not of fields.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from b2pure.model.policy import (
    CompareVersionMode,
    Delete,
    KeepDays,
    KeepOrDelete,
    NewerFileSyncMode,
    NoDelete,
    RetentionClock,
    ScanPolicies,
    SyncPolicy,
    UploadMode,
)

__all__ = ["millis_of", "policy_of", "policy_options"]

F = TypeVar("F", bound=Callable[..., Any])


def policy_options(command: F) -> F:
    """All flags of a policy, in the order of the help text."""
    for option in reversed(_POLICY_OPTIONS):
        command = option(command)
    return command


_POLICY_OPTIONS = (
    click.option("--delete", is_flag=True, help="Delete what the source lacks, and old versions at once."),
    click.option(
        "--keep-days",
        type=float,
        metavar="DAYS",
        help="Hide what the source lacks; delete versions not visible in the last DAYS days.",
    ),
    click.option(
        "--keep-days-by",
        type=click.Choice([clock.value for clock in RetentionClock]),
        default=RetentionClock.UPLOAD_TIME.value,
        help="Whose times --keep-days goes by: B2's upload times, or modification times as b2sdk does.",
    ),
    click.option(
        "--compare-versions",
        type=click.Choice([mode.value for mode in CompareVersionMode]),
        default=CompareVersionMode.MODTIME.value,
        help="What makes a file different (default modTime).",
    ),
    click.option(
        "--compare-threshold",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Differences up to N do not count: milliseconds for modTime, bytes for size.",
    ),
    click.option("--skip-newer", is_flag=True, help="Skip files that are newer at the destination."),
    click.option("--replace-newer", is_flag=True, help="Replace files that are newer at the destination."),
    click.option("--exclude-regex", multiple=True, metavar="REGEX", help="Leave out files whose path matches."),
    click.option("--include-regex", multiple=True, metavar="REGEX", help="Exceptions from --exclude-regex."),
    click.option("--exclude-dir-regex", multiple=True, metavar="REGEX", help="Leave out folders whose path matches."),
    click.option("--exclude-all-symlinks", is_flag=True, help="Do not follow symbolic links."),
    click.option("--exclude-if-modified-before", metavar="TIME", help="Seconds since 1970, or 2026-01-31T12:00."),
    click.option("--exclude-if-modified-after", metavar="TIME", help="As above; an older version takes its place."),
    click.option("--exclude-if-uploaded-before", metavar="TIME", help="By B2's upload time."),
    click.option("--exclude-if-uploaded-after", metavar="TIME", help="By B2's upload time."),
    click.option(
        "--filter-source-only",
        is_flag=True,
        help="As b2sdk does: what the filters leave out looks deleted, and --delete removes it at the destination.",
    ),
    click.option(
        "--incremental",
        is_flag=True,
        help="Where B2 has the beginning of a file that grew, copy it there and send only the rest.",
    ),
    click.option("--allow-empty-source", is_flag=True, help="Go on even if the source has no files."),
)


def policy_of(**flags: Any) -> SyncPolicy:
    """The policy that the flags say. Raises click.UsageError."""
    if flags["skip_newer"] and flags["replace_newer"]:
        raise click.UsageError("--skip-newer and --replace-newer exclude each other")
    newer = NewerFileSyncMode.RAISE_ERROR
    if flags["skip_newer"] or flags["replace_newer"]:
        newer = NewerFileSyncMode.SKIP if flags["skip_newer"] else NewerFileSyncMode.REPLACE
    compare, threshold = CompareVersionMode(flags["compare_versions"]), flags["compare_threshold"]
    try:
        return SyncPolicy(
            keep=_keep(**flags),
            compare=compare,
            compare_threshold_millis=0 if compare is CompareVersionMode.SIZE else threshold,
            compare_threshold_bytes=threshold if compare is CompareVersionMode.SIZE else 0,
            newer=newer,
            scan=_scan_policies(**flags),
            filter_sides="source" if flags["filter_source_only"] else "both",
            allow_empty_source=flags["allow_empty_source"],
            upload_mode=UploadMode.INCREMENTAL if flags["incremental"] else UploadMode.FULL,
        )
    except ValueError as error:
        raise click.UsageError(_in_flags(str(error))) from None


def _keep(*, delete: bool, keep_days: float | None, keep_days_by: str, **_: Any) -> KeepOrDelete:
    if delete and keep_days is not None:
        raise click.UsageError("--delete and --keep-days exclude each other")
    if keep_days is None:
        return Delete() if delete else NoDelete()
    whole = int(keep_days) if float(keep_days).is_integer() else keep_days
    return KeepDays(whole, RetentionClock(keep_days_by))


def _scan_policies(**flags: Any) -> ScanPolicies:
    return ScanPolicies(
        exclude_dir_regexes=flags["exclude_dir_regex"],
        exclude_file_regexes=flags["exclude_regex"],
        include_file_regexes=flags["include_regex"],
        exclude_all_symlinks=flags["exclude_all_symlinks"],
        exclude_modified_before=millis_of("--exclude-if-modified-before", flags["exclude_if_modified_before"]),
        exclude_modified_after=millis_of("--exclude-if-modified-after", flags["exclude_if_modified_after"]),
        exclude_uploaded_before=millis_of("--exclude-if-uploaded-before", flags["exclude_if_uploaded_before"]),
        exclude_uploaded_after=millis_of("--exclude-if-uploaded-after", flags["exclude_if_uploaded_after"]),
    )


def millis_of(flag: str, text: str | None) -> int | None:
    """Seconds since 1970 (with a fraction, if need be) or an ISO 8601 time, UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        return round(float(text) * 1000)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{flag} takes seconds since 1970 or a time like 2026-01-31T12:00, not {text!r}"
        ) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _in_flags(message: str) -> str:
    """The policy's message in the words of the command line."""
    for field, flag in (
        ("exclude_dir_regexes", "--exclude-dir-regex"),
        ("exclude_file_regexes", "--exclude-regex"),
        ("include_file_regexes", "--include-regex"),
        ("exclude_modified_", "--exclude-if-modified-"),
        ("exclude_uploaded_", "--exclude-if-uploaded-"),
        ("keep_days", "--keep-days"),
    ):
        message = message.replace(field, flag)
    return message
