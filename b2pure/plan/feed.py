"""From a plan's stream of paths to chunks of work.

Paths that follow each other go together, because one look at the destination serves them all; a large one goes alone.
A run begins with single paths and takes more at a time as it goes on: should another sync have started at the same
moment, neither has taken much of the same work before it notices the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from b2pure.plan.actions import FileSync, actions_of, bytes_of

__all__ = ["Chunk", "chunked"]

Chunk = tuple[FileSync, ...]

_CHUNKS_PER_STEP = 20


def chunked(syncs: Iterable[FileSync], *, max_paths: int = 16, max_bytes: int = 4_000_000) -> Iterator[Chunk]:
    """Runs of neighbours: at most `max_paths` paths (fewer at first) with at most `max_bytes` to move, or one path."""
    chunk: list[FileSync] = []
    size = chunks = 0
    for sync in syncs:
        moved = sum(map(bytes_of, actions_of(sync)))
        if chunk and (len(chunk) >= min(max_paths, 1 + chunks // _CHUNKS_PER_STEP) or size + moved > max_bytes):
            yield tuple(chunk)
            chunks += 1
            chunk, size = [], 0
        chunk.append(sync)
        size += moved
    if chunk:
        yield tuple(chunk)
