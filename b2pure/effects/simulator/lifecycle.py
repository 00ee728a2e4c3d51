"""The daily run of the lifecycle rules: which versions of a name are cancelled, hidden and deleted, and the doing.

Rules. `lifecycle_actions` decides about one name and is pure; `run_lifecycle` does it. Backblaze's pages once forbade
two rules for one file, and newer clients have them, so every rule whose prefix starts the name acts, as if it were the
only one: where several have a number of days, the smallest counts.

Days are whole ones of 24 hours. A version is hidden from when the next newer version, an upload or a hide marker, was
uploaded; unfinished large files hide nothing. A version whose legal hold is on or whose retention lasts is not deleted,
but may be hidden. A hide marker that is the last of its name goes, where hidden versions are deleted at all: the file
that it hid is gone. Nothing that was hidden comes to light by a run, for a hide marker goes only with all below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import assert_never

from attrs import frozen

from b2pure.effects.simulator.bucket import Bucket, Version
from b2pure.effects.simulator.file_calls import HIDE_MARKER_TYPE
from b2pure.effects.simulator.protection import is_locked
from b2pure.effects.simulator.world import World
from b2pure.model.buckets import LifecycleRule
from b2pure.model.limits import MILLIS_PER_DAY

__all__ = ["CancelUnfinished", "DeleteVersion", "HideName", "LifecycleAction", "lifecycle_actions", "run_lifecycle"]


@frozen
class CancelUnfinished:
    """An unfinished large file and its parts go."""

    version: Version


@frozen
class DeleteVersion:
    """An upload or a hide marker goes."""

    version: Version


@frozen
class HideName:
    """The name gets a hide marker."""

    name: str


LifecycleAction = CancelUnfinished | DeleteVersion | HideName


def lifecycle_actions(
    versions: Sequence[Version], rules: Iterable[LifecycleRule], at_millis: int
) -> tuple[LifecycleAction, ...]:
    """What a run at this time does to the versions of one name (oldest first), in order: cancel, delete from the oldest
    on, hide.
    """
    if not versions:
        return ()
    name = versions[0].file.file_name
    acting = [rule for rule in rules if name.startswith(rule.file_name_prefix)]
    kept = [version for version in versions if version.file.action != "start"]
    cancels = _least(rule.days_from_starting_to_canceling_unfinished_large_files for rule in acting)
    deletes = _least(rule.days_from_hiding_to_deleting for rule in acting)
    hides = _least(rule.days_from_uploading_to_hiding for rule in acting)
    actions: list[LifecycleAction] = [
        CancelUnfinished(version)
        for version in versions
        if version.file.action == "start" and _is_over(version.file.upload_timestamp, cancels, at_millis)
    ]
    gone = [
        version
        for version, newer in pairwise(kept)
        if _is_over(newer.file.upload_timestamp, deletes, at_millis) and not is_locked(version, at_millis)
    ]
    actions += map(DeleteVersion, gone)
    if kept and kept[-1].file.action == "hide":
        if deletes is not None and len(gone) == len(kept) - 1:
            actions.append(DeleteVersion(kept[-1]))
    elif kept and _is_over(kept[-1].file.upload_timestamp, hides, at_millis):
        actions.append(HideName(name))
    return tuple(actions)


def _least(days: Iterable[int | None]) -> int | None:
    return min((number for number in days if number is not None), default=None)


def _is_over(since_millis: int, days: int | None, at_millis: int) -> bool:
    """Whether so many days have passed. None never pass."""
    return days is not None and at_millis - since_millis >= days * MILLIS_PER_DAY


def run_lifecycle(world: World, at_millis: int) -> None:
    """The run of this time over every bucket, by bucket id and then by name. Hide markers get this time."""
    for _, bucket in sorted(world.buckets.items()):
        rules = bucket.reply.lifecycle_rules
        for name in list(bucket.names.since("")) if rules else ():
            for action in lifecycle_actions(bucket.names.versions[name], rules, at_millis):
                _do(world, bucket, action, at_millis)


def _do(world: World, bucket: Bucket, action: LifecycleAction, at_millis: int) -> None:
    match action:
        case CancelUnfinished(version):
            world.drop_version(version)
        case DeleteVersion(version):
            world.drop_version(version)
            world.events.add(
                "lifecycle_delete", version.file, bucket.reply.bucket_name, bucket.notifications, at_millis
            )
        case HideName(name):
            marker = world.add_version(
                bucket, name, "hide", content_type=HIDE_MARKER_TYPE, info={}, upload_timestamp=at_millis
            )
            world.events.add("lifecycle_hide", marker.file, bucket.reply.bucket_name, bucket.notifications, at_millis)
        case _:
            assert_never(action)
