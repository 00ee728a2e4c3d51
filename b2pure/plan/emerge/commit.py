"""What is already decided while intervals still come: the part of the way that all ways worth going have in common.

A way is told by its copies: the pieces of f_j that it goes through and where its copies start (see `choose`). What
every way that may still be the best one shares is committed: its runs are handed out and forgotten. `force` commits
more: it takes the way that is lightest so far and gives up those that do not share its beginning.
"""

from __future__ import annotations

from b2pure.plan.emerge.choose import Chooser
from b2pure.plan.emerge.ways import SENT, Entry, Runs

__all__ = ["CommittingChooser"]

_Step = tuple[Entry, int]
"""A piece of f_j, and where in it the copy starts."""


class CommittingChooser(Chooser):
    """A chooser that hands out runs before it has seen all intervals."""

    @property
    def begin(self) -> int:
        """Everything before is decided."""
        return self._begin

    def commit(self, future: int) -> Runs:
        """Runs that are decided. No interval that is still to come begins before `future`, nor does the object end
        there.
        """
        self.pass_by(future)
        if not self._near and len(self._exits.kept()) == 1:
            return self._commit_exit(future)
        steps = self._shared(self._live())
        return self._commit_step(*steps[-1]) if steps else Runs([], [])

    def force(self, upto: int) -> None:
        """Give up all ways but those that begin as the lightest does, up to its last copy that starts before `upto`."""
        kept = self._exits.kept()
        ways = [(weight, entry) for _, weight, entry, _ in kept]
        ways += [(entry.weight - self._price(entry.stop), entry) for entry in self._near]
        _, entry = min(ways, key=lambda way: way[0])
        if entry is None:
            self._exits.keep([leaving for leaving in kept if leaving[2] is None])
            self._near.clear()
            return
        steps = self._steps(entry, entry.high)
        early = [step for step in steps if step[1] <= upto]
        self._keep(early[-1] if early else steps[0])

    def _live(self) -> list[_Step | None]:
        kept = self._exits.kept()
        found: list[_Step | None] = [None if entry is None else (entry, entry.high) for _, _, entry, _ in kept]
        for entry in self._near:
            found += [(entry, entry.low), (entry, entry.high)]
        return found

    def _steps(self, entry: Entry, at: int) -> list[_Step]:
        """The copies of a way, the first one first."""
        steps: list[_Step] = []
        last: Entry | None = entry
        while last is not None:
            steps.append((last, at))
            last, at = self._before(last, at)
        return steps[::-1]

    def _shared(self, live: list[_Step | None]) -> list[_Step]:
        shared: list[_Step] | None = None
        for each in live:
            if each is None:
                return []
            steps = self._steps(*each)
            if shared is None:
                shared = steps
            same = 0
            while same < min(len(shared), len(steps)) and _same(shared[same], steps[same]):
                same += 1
            shared = shared[:same]
            if not shared:
                return []
        return shared or []

    def _commit_step(self, entry: Entry, at: int) -> Runs:
        """Everything before the copy that starts at `at`; that is where the object begins from now on."""
        runs = self._unwound([], entry, at)
        entry.weight, entry.fall, entry.low, entry.high = entry.at(at), 0, at, at
        entry.origin, entry.sent = -1, 0
        # All that is left follows it.
        del self._ways[: entry.place - self._gone]
        self._gone = entry.place
        self._begin, self._begun = at, True
        return runs

    def _commit_exit(self, future: int) -> Runs:
        """There is one way, and it sends from its last copy on: as many whole parts as surely are sent."""
        start, weight, entry, floor = self._exits.kept()[0]
        runs = Runs([start], [])
        if entry is not None:
            runs = self._unwound([(entry.high, start, entry.number)], entry, entry.high)
        self._gone += len(self._ways)
        self._ways.clear()
        whole = max(0, (future - self._m - start) // self._max_send)
        if whole:
            start += whole * self._max_send
            runs.add(Runs([runs.cuts[-1], start], [SENT]))
            weight += whole * self._sent_part
        self._exits.keep([(start, weight, None, floor)])
        self._begin, self._begun = start, start > self._begin or self._begun
        return runs

    def _keep(self, step: _Step) -> None:
        def shares(entry: Entry | None, at: int) -> bool:
            return entry is not None and any(_same(step, each) for each in self._steps(entry, at))

        kept = self._exits.kept()
        self._exits.keep([each for each in kept if each[2] is not None and shares(each[2], each[2].high)])
        near = [entry for entry in self._near if shares(entry, entry.high)]
        for entry in near:
            if not shares(entry, entry.low):
                entry.fall, entry.low = 0, entry.high
        self._near.clear()
        self._near.extend(near)


def _same(one: _Step, other: _Step) -> bool:
    return one[0] is other[0] and one[1] == other[1]
