"""Is the source's file different from the destination's? One answer per compare mode, with the facts that decided."""

from __future__ import annotations

from typing import assert_never

from b2pure.model.files import FileVersion, LocalPath
from b2pure.model.policy import CompareVersionMode, NewerFileSyncMode, SyncPolicy
from b2pure.plan.reasons import Changed, DestNewer, Unchanged

__all__ = ["Comparable", "Comparison", "compare", "needs_hash"]

Comparable = LocalPath | FileVersion
Comparison = Unchanged | Changed | DestNewer


def compare(source: Comparable, dest: Comparable, policy: SyncPolicy) -> Comparison:
    """Compare a source file with the visible destination file. A difference counts when it exceeds the threshold."""
    match policy.compare:
        case CompareVersionMode.NONE:
            return Unchanged(CompareVersionMode.NONE)
        case CompareVersionMode.SIZE:
            return _by_size(source, dest, policy)
        case CompareVersionMode.MODTIME:
            return _by_mod_time(source, dest, policy)
        case CompareVersionMode.SHA1:
            return _by_sha1(source, dest, policy)
        case _:
            assert_never(policy.compare)


def needs_hash(source: Comparable, dest: Comparable) -> bool:
    """Whether the SHA-1 of a local file is worth reading it for: sizes agree and the other side knows its own."""
    if source.size != dest.size:
        return False
    known_source, known_dest = source.sha1 is not None, dest.sha1 is not None
    return (isinstance(source, LocalPath) and not known_source and known_dest) or (
        isinstance(dest, LocalPath) and not known_dest and known_source
    )


def _by_size(source: Comparable, dest: Comparable, policy: SyncPolicy) -> Comparison:
    if abs(source.size - dest.size) <= policy.compare_threshold_bytes:
        return Unchanged(CompareVersionMode.SIZE)
    return Changed(CompareVersionMode.SIZE, str(source.size), str(dest.size))


def _by_mod_time(source: Comparable, dest: Comparable, policy: SyncPolicy) -> Comparison:
    ahead = source.mod_time_millis - dest.mod_time_millis
    if abs(ahead) <= policy.compare_threshold_millis:
        return Unchanged(CompareVersionMode.MODTIME)
    if ahead < 0 and policy.newer is not NewerFileSyncMode.REPLACE:
        return DestNewer(source.mod_time_millis, dest.mod_time_millis)
    return Changed(CompareVersionMode.MODTIME, str(source.mod_time_millis), str(dest.mod_time_millis))


def _by_sha1(source: Comparable, dest: Comparable, policy: SyncPolicy) -> Comparison:
    if source.size != dest.size:
        return Changed(CompareVersionMode.SHA1, f"{source.size} bytes", f"{dest.size} bytes")
    if source.sha1 is None or dest.sha1 is None:
        return _by_mod_time(source, dest, policy)
    if source.sha1 == dest.sha1:
        return Unchanged(CompareVersionMode.SHA1)
    return Changed(CompareVersionMode.SHA1, source.sha1, dest.sha1)
