"""Naive answers to the planners' questions, slow and obvious. Nothing here imports `b2pure.plan`: actions and stages
are read by attribute, so that a mistake there cannot hide here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations
from typing import Any

from b2pure.model.files import B2Path, FileVersion, LocalPath, SkippedPath
from b2pure.model.ids import FileId
from b2pure.model.policy import ScanPolicies
from b2pure.model.ranges import ByteRange

__all__ = [
    "apply_action",
    "check_frozen_json",
    "check_tiling",
    "cuts",
    "excluded_by_name",
    "lies_in_unknown",
    "moments_of_interest",
    "naive_merge",
    "seen_by_window",
    "shown",
    "visible_at",
    "visible_in_window",
]

Versions = Sequence[FileVersion]

# --- visibility ------------------------------------------------------------------------------------------------------


def visible_at(versions: Versions, moment: int) -> FileVersion | None:
    """What a download by name gave at that moment: the newest version that was there, unless it is a hide marker."""
    there = [version for version in versions if version.upload_timestamp <= moment]
    return there[0] if there and there[0].action == "upload" else None


def moments_of_interest(versions: Versions, start: int, stop: int) -> list[int]:
    """Every moment of [start, stop] at which something may change, and its neighbours."""
    edges = {version.upload_timestamp for version in versions} | {start, stop}
    return sorted(t for edge in edges for t in (edge - 1, edge, edge + 1) if start <= t <= stop)


def visible_in_window(versions: Versions, start: int, stop: int) -> set[str]:
    """The ids of the versions that were visible at any moment of [start, stop]."""
    found = (visible_at(versions, moment) for moment in moments_of_interest(versions, start, stop))
    return {version.file_id for version in found if version is not None}


def seen_by_window(versions: Versions, among: Versions, start: int, stop: int) -> list[str | None]:
    """What was visible at each moment of interest of the whole history, if only `among` had ever been there."""
    found = (visible_at(among, moment) for moment in moments_of_interest(versions, start, stop))
    return [version.file_id if version is not None else None for version in found]


# --- applying a plan -------------------------------------------------------------------------------------------------

NEW = FileId("new")
"""The id of a version that a run makes."""


def shown(versions: Sequence[Any]) -> str | None:
    """The id of what a download by name gives now."""
    return versions[0].file_id if versions and versions[0].action == "upload" else None


def apply_action(versions: tuple[FileVersion, ...], action: Any, now: int) -> tuple[FileVersion, ...]:
    """One action on the versions of one B2 name, newest first."""
    match type(action).__name__:
        case "UploadAction" | "CopyAction":
            source = action.source
            top = FileVersion(NEW, "upload", source.size, source.mod_time_millis, now)
            return (top, *versions)
        case "HideAction":
            return (FileVersion(NEW, "hide", 0, now, now), *versions)
        case "DeleteAction":
            assert any(version.file_id == action.file_id for version in versions), "deletes what is not there"
            return tuple(version for version in versions if version.file_id != action.file_id)
        case other:
            raise AssertionError(f"{other} is nothing to do to a B2 file")


def cuts(stages: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Every set of actions that may be done when a run is cut off: whole stages, then any part of the next one."""
    done: tuple[Any, ...] = ()
    yield done
    for stage in stages:
        parts = chain.from_iterable(combinations(stage, count) for count in range(1, len(stage) + 1))
        yield from ((*done, *part) for part in parts)
        done = (*done, *stage)


# --- joining and filtering -------------------------------------------------------------------------------------------

Item = LocalPath | B2Path | SkippedPath


def naive_merge(source: Iterable[Item], dest: Iterable[Item]) -> list[tuple[str, Item | None, Item | None]]:
    """Every name of either side with what each has there."""
    ours, theirs = {item.path: item for item in source}, {item.path: item for item in dest}
    return [(path, ours.get(path), theirs.get(path)) for path in sorted(ours.keys() | theirs.keys())]


def lies_in_unknown(path: str, items: Iterable[Item]) -> bool:
    """Whether the path is below a folder that a scan could not look into."""
    return any(isinstance(item, SkippedPath) and item.subtree and path.startswith(item.path + "/") for item in items)


def excluded_by_name(policies: ScanPolicies, path: str) -> bool:
    """Directory regexes on every folder of the path, file regexes on the whole path, from the start, includes win."""
    segments = path.split("/")
    folders = ["/".join(segments[:count]) for count in range(1, len(segments))]
    if any(re.match(regex, folder) for regex in policies.exclude_dir_regexes for folder in folders):
        return True
    if any(re.match(regex, path) for regex in policies.include_file_regexes):
        return False
    return any(re.match(regex, path) for regex in policies.exclude_file_regexes)


# --- parts and lines -------------------------------------------------------------------------------------------------


def check_tiling(ranges: Sequence[ByteRange], size: int) -> None:
    """Adjacent, in order, none empty, covering [0, size)."""
    position = 0
    for piece in ranges:
        assert piece.start == position
        assert piece.stop > piece.start
        position = piece.stop
    assert position == size


def check_frozen_json(line: bytes) -> None:
    """One line, keys sorted, no spaces between, no escapes beyond JSON's need; the standard library agrees with it."""
    assert line.endswith(b"\n")
    text = line.decode()
    value = json.loads(text)
    told = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert told + "\n" == text
