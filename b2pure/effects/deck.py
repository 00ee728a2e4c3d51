"""The hands of a run, between the thread that plans and the mates that ask for them.

Rules. A mate gets a hand for each one that it asked for. Hands are taken in random order and there are at most `bound`
of them, as in a bag (`bag`). What a mate got is its own until it says of each path how it ended. What a dead mate had
is dealt to the others, once (`plan.split.after_loss`), so nobody is sent home while anybody has something to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from b2pure.plan.actions import FileSync
from b2pure.plan.feed import Chunk
from b2pure.plan.split import after_loss

__all__ = ["HANDS_AHEAD", "Deck"]

HANDS_AHEAD: Final = 2
"""So many hands wait in a process for a worker: few, since what one process has cannot be done by another."""


class Deck:
    """For many threads. `draw` gives numbers in [0, 1) and decides what is taken.

    At first, while less than a quarter is there, takers wait `patience` seconds for more to choose from. Later they do
    not: one of them may be all that a mate's workers wait for.
    """

    def __init__(self, mates: int, draw: Callable[[], float], *, bound: int = 256, patience: float = 0.1) -> None:
        self._bound, self._draw, self._patience = bound, draw, patience
        self._hands: list[Chunk] = []
        self._asked = [0] * mates
        self._held: list[dict[str, FileSync]] = [{} for _ in range(mates)]
        self._alive = [True] * mates
        self._again: set[str] = set()
        self._begun = self._closed = self._stopped = False
        self._changed = threading.Condition()

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to begin."""
        return self._stopped

    def put(self, hand: Chunk) -> bool:
        """Add a hand as soon as there is room; False when nobody will take it any more."""
        with self._changed:
            while len(self._hands) >= self._bound and not self._closed:
                self._changed.wait()
            if self._closed:
                return False
            self._hands.append(hand)
            self._changed.notify_all()
            return True

    def close(self) -> None:
        """The plan is at its end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Nothing more is to begin."""
        with self._changed:
            self._closed = self._stopped = True
            self._hands.clear()
            self._changed.notify_all()

    def ask(self, mate: int, hands: int) -> None:
        """The mate has room for so many more."""
        with self._changed:
            self._asked[mate] += hands
            self._changed.notify_all()

    def take(self, mate: int) -> Chunk | None:
        """A hand for the mate, as soon as it has asked and there is one; None when it will not get any more."""
        with self._changed:
            if not self._begun:
                self._changed.wait_for(self._enough, self._patience)
                self._begun = True
            while not (self._hands and self._asked[mate]):
                if self._done(mate):
                    return None
                self._changed.wait()
            if self._done(mate):
                return None
            hand = self._drawn()
            self._asked[mate] -= 1
            self._held[mate].update((sync.path, sync) for sync in hand)
            if len(self._hands) * 4 <= self._bound * 3:
                self._changed.notify_all()
            return hand

    def _enough(self) -> bool:
        return self._begun or self._closed or len(self._hands) * 4 >= self._bound

    def _done(self, mate: int) -> bool:
        over = self._closed and not self._hands and not any(self._held)
        return self._stopped or over or not self._alive[mate]

    def _drawn(self) -> Chunk:
        index = int(self._draw() * len(self._hands))
        self._hands[index], self._hands[-1] = self._hands[-1], self._hands[index]
        return self._hands.pop()

    def settle(self, mate: int, path: str) -> FileSync | None:
        """A path of the mate's is at its end: what was dealt for it; None for one that it did not have."""
        with self._changed:
            sync = self._held[mate].pop(path, None)
            if self._closed and not self._held[mate]:
                self._changed.notify_all()
            return sync

    def held(self, mate: int) -> tuple[str, ...]:
        """The paths that the mate has, begun or not."""
        with self._changed:
            return tuple(self._held[mate])

    def lose(self, mate: int) -> tuple[FileSync, ...]:
        """The mate is dead: others do what it had. What nobody will do is returned."""
        with self._changed:
            left = sorted(self._held[mate].values(), key=lambda sync: sync.path)
            self._held[mate], self._alive[mate] = {}, False
            hands, given_up = after_loss(left, self._again, others=any(self._alive) and not self._stopped)
            self._again.update(sync.path for hand in hands for sync in hand)
            self._hands += hands
            self._changed.notify_all()
            return given_up

    def busy(self) -> list[bool]:
        """Who has something to do, or may get it."""
        with self._changed:
            if self._closed and not self._hands:
                return [alive and bool(held) for alive, held in zip(self._alive, self._held, strict=True)]
            return list(self._alive)
