"""A plan in pieces, each of which is a plan: for several processes, or several machines.

Rules. A piece has the header of the whole and some of its paths, in their order; every path is in just one piece. Paths
are dealt in hands (`feed`): neighbours stay together, since one look at the destination serves them all. Each hand goes
to the piece with the least effort so far, so that no two pieces are further apart than the largest hand. Who gets
what depends on the plan alone, and is found out again each time a piece is read: nothing is held of it.

What a run with several workers may use is split as well: each gets a part of the threads and of the line.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from typing import Final

from b2pure.plan.actions import CopyAction, FileSync, actions_of, bytes_of
from b2pure.plan.bandwidth import Bandwidth
from b2pure.plan.concurrency import Workers
from b2pure.plan.feed import Chunk, chunked
from b2pure.plan.plan import SyncPlan

__all__ = ["after_loss", "dealt", "effort_of", "shares_of_line", "shares_of_workers", "split", "split_stream"]

_CALL_BYTES: Final = 1 << 18
"""What an action counts on top of its bytes: about what a line moves while a call waits for its answer."""


def effort_of(sync: FileSync) -> int:
    """About how long a path takes, in bytes that a line would move meanwhile. What is copied in B2 does not travel."""
    return sum(_CALL_BYTES + (0 if isinstance(each, CopyAction) else bytes_of(each)) for each in actions_of(sync))


def dealt(hands: Iterable[Chunk], pieces: int) -> Iterator[tuple[int, Chunk]]:
    """Each hand, and the number of the piece that it goes to: the first of those with the least effort so far."""
    efforts = [0] * pieces
    for hand in hands:
        piece = min(range(pieces), key=efforts.__getitem__)
        efforts[piece] += sum(map(effort_of, hand))
        yield piece, hand


def split_stream(syncs: Iterable[FileSync], pieces: int) -> Iterator[tuple[int, FileSync]]:
    """Each path, and the number of its piece; lazily. Raises ValueError for fewer than one piece."""
    if pieces < 1:
        raise ValueError(f"a plan has at least one piece, not {pieces}")
    return ((piece, sync) for piece, hand in dealt(chunked(syncs), pieces) for sync in hand)


def split(plan: SyncPlan, pieces: int) -> tuple[SyncPlan, ...]:
    """So many plans that together are the plan; some are empty where there are too few paths. How many names were
    compared is told by the first one alone, so that it adds up. A plan that can be read only once can be split, but
    only one of its pieces can be read. Raises ValueError for fewer than one piece.
    """
    if pieces < 1:
        raise ValueError(f"a plan has at least one piece, not {pieces}")
    return tuple(_piece(plan, number, pieces) for number in range(pieces))


def _piece(plan: SyncPlan, number: int, pieces: int) -> SyncPlan:
    def groups() -> Generator[FileSync, None, int]:
        told = _Told(plan)
        for piece, sync in split_stream(told, pieces):
            if piece == number:
                yield sync
        return told.compared if number == 0 else 0

    return SyncPlan(plan.header, groups, plan.lookup)


class _Told:
    """The paths of a plan; afterwards, how many names were compared for it."""

    def __init__(self, plan: SyncPlan) -> None:
        self._plan = plan
        self.compared = 0

    def __iter__(self) -> Iterator[FileSync]:
        self.compared = yield from self._plan.groups()


def after_loss(
    left: Sequence[FileSync], again: Collection[str], *, others: bool
) -> tuple[tuple[Chunk, ...], tuple[FileSync, ...]]:
    """What becomes of paths whose worker died (in order of names): hands for the others, if there are any, and those
    that are given up. A path is dealt `again` only once: it may be what its worker died of.
    """
    if not others:
        return (), tuple(left)
    hands = chunked(sync for sync in left if sync.path not in again)
    return tuple(hands), tuple(sync for sync in left if sync.path in again)


# --- what several workers may use


def shares_of_workers(workers: Workers, pieces: int) -> tuple[Workers, ...]:
    """The bounds for each of so many processes, whose ceilings add up to the whole. There are no more shares than
    workers: a process without any could do nothing.
    """
    pieces = min(pieces, workers.ceiling)
    return tuple(
        Workers(max(1, floor), ceiling, min(max(1, floor, start), ceiling))
        for floor, ceiling, start in zip(
            *(_parts(whole, pieces) for whole in (workers.floor, workers.ceiling, workers.start)), strict=True
        )
    )


def shares_of_line(bandwidth: Bandwidth, busy: Sequence[bool]) -> tuple[Bandwidth, ...]:
    """The limits for each process. Those that have something to do share the whole; the others get next to nothing, and
    would have to be told before they begin again.
    """
    return tuple(
        Bandwidth(up, down) for up, down in zip(_rates(bandwidth.up, busy), _rates(bandwidth.down, busy), strict=True)
    )


def _rates(whole: int | None, busy: Sequence[bool]) -> list[int | None]:
    if whole is None:
        return [None] * len(busy)
    shares = iter(_parts(whole, sum(busy)))
    return [max(1, next(shares)) if each else 1 for each in busy]


def _parts(whole: int, pieces: int) -> list[int]:
    """Whole numbers that add up, the larger ones first; none differs by more than one from another."""
    return [whole // pieces + (number < whole % pieces) for number in range(pieces)]
