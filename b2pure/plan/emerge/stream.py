"""The planner for intents that come in order of their destination offset: parts leave it while intents still come.

It goes the same way as the planner that sees all intents, and commits what is decided. Where too much stays open (more
than `look_ahead` bytes), the lightest way so far is taken. It holds what is not decided yet: intents, never data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from b2pure.model.errors import InvalidArgument
from b2pure.model.intents import CopySource, OverlapRule, WriteIntent
from b2pure.model.limits import DEFAULT_PART_SIZES, MAX_FILE_SIZE, MAX_PART_SIZE, MAX_PARTS, PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Body
from b2pure.plan.cost import PRICES_2026, PriceTable
from b2pure.plan.emerge.assemble import Assembler
from b2pure.plan.emerge.check import check_part
from b2pure.plan.emerge.commit import CommittingChooser
from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.cut import cut_runs, cut_to_verify, longest_sent
from b2pure.plan.emerge.overlaps import CopyRow, Cover, Diagonals, LocalRow, rows_of
from b2pure.plan.emerge.parts import EmergePart, SentPart
from b2pure.plan.emerge.plan import EmergeLimits, Prioritize
from b2pure.plan.emerge.planner import limits_objection, limits_of
from b2pure.plan.emerge.prices import weights_of
from b2pure.plan.emerge.twice import compares_files, known_twice, with_twice
from b2pure.plan.emerge.visible import visible
from b2pure.plan.emerge.ways import SENT, Runs
from b2pure.plan.failures import Differing, Hole, IntentsOutOfOrder, PlanFailed, TooLarge, TooManyParts
from b2pure.plan.parts import stream_part_size

__all__ = ["LOOK_AHEAD", "plan_stream"]

LOOK_AHEAD: Final = 32
"""Default look-ahead, in minimum parts."""
_MOST_HELD: Final = 4096
"""So many intents are held within one copied range before it is cut."""


def plan_stream(
    intents: Iterable[WriteIntent],
    *,
    prioritize: Prioritize = "local_verification",
    overlap: OverlapRule = OverlapRule.ASSUME_EQUAL,
    sizes: PartSizes = DEFAULT_PART_SIZES,
    max_upload_part_size: int = MAX_PART_SIZE,
    max_copy_part_size: int = MAX_PART_SIZE,
    max_parts: int = MAX_PARTS,
    prices: PriceTable = PRICES_2026,
    look_ahead: int | None = None,
) -> Iterator[EmergePart]:
    """The parts of the object, in order, as soon as they are decided. Raises PlanFailed with an `EmergeFailure`, after
    the parts before it. `look_ahead` is in bytes of the object.
    """
    limits = limits_of(sizes, max_upload_part_size, max_copy_part_size, max_parts)
    return stream_parts(intents, prioritize, overlap, limits, prices, look_ahead)


def stream_parts(
    intents: Iterable[WriteIntent],
    prioritize: Prioritize,
    overlap: OverlapRule,
    limits: EmergeLimits,
    prices: PriceTable = PRICES_2026,
    look_ahead: int | None = None,
) -> Iterator[EmergePart]:
    """The same for limits as the planner has them."""
    ahead = LOOK_AHEAD * limits.minimum if look_ahead is None else look_ahead
    objection = limits_objection(prioritize, limits)
    if ahead < 2 * limits.minimum:
        objection = InvalidArgument("look_ahead", f"is {ahead}; it must be at least {2 * limits.minimum}")
    if objection is not None:
        raise PlanFailed(objection)
    stream = _Stream(prioritize, limits, prices, ahead)
    ordered = _in_order(intents)
    for intent in visible(ordered) if overlap is OverlapRule.LAST_WINS else ordered:
        yield from stream.take(intent)
    yield from stream.end()


def _in_order(intents: Iterable[WriteIntent]) -> Iterator[WriteIntent]:
    previous = 0
    for index, intent in enumerate(intents):
        # An offset below 0 is told as such, later.
        if 0 <= intent.destination_offset < previous:
            raise PlanFailed(IntentsOutOfOrder(index, previous, intent.destination_offset))
        previous = max(previous, intent.destination_offset)
        yield intent


class _Diagonal:
    """A diagonal that may still grow. Its intervals up to `told` have been given to the chooser."""

    __slots__ = ("number", "source", "start", "stop", "told")

    def __init__(self, number: int, start: int, stop: int, source: CopySource) -> None:
        self.number = number
        self.start = self.told = start
        self.stop = stop
        self.source = source

    def row(self) -> CopyRow:
        first = self.source.range.start
        whole = ByteRange(first, first + self.stop - self.start)
        return self.start, self.stop, CopySource(self.source.file_id, whole, self.source.key_md5)


class _Stream:
    """`_frontier`: no intent that is still to come begins before it."""

    def __init__(self, prioritize: Prioritize, limits: EmergeLimits, prices: PriceTable, look_ahead: int) -> None:
        self._prioritize = prioritize
        self._limits = limits
        self._look_ahead = look_ahead
        self._coverage = Coverage()
        longest = limits.max_upload if prioritize == "min_requests" else longest_sent(limits.recommended, limits)
        self._chooser = CommittingChooser(self._coverage, weights_of(prioritize, prices), limits.minimum, longest)
        self._open: dict[tuple[str, int, str | None], _Diagonal] = {}
        self._known: dict[int, _Diagonal] = {}
        self._local: list[LocalRow] = []
        self._frontier = self._reach = self._index = self._number = self._added = self._found = 0
        self._tried = 0  # held when it was last tried to commit

    def take(self, intent: WriteIntent) -> Iterator[EmergePart]:
        """The next intent; the parts that are decided now."""
        rows = rows_of((intent,), self._index)
        if not isinstance(rows, list):
            raise PlanFailed(rows)
        self._index += 1
        for row in rows:
            start = row[0]
            if start > self._frontier:
                if start > self._reach:
                    raise PlanFailed(Hole(ByteRange(self._reach, start)))
                self._advance(start)
                yield from self._commit()
            self._reach = max(self._reach, row[1])
            if self._reach > MAX_FILE_SIZE:
                raise PlanFailed(TooLarge(self._reach))
            self._add(*row)

    def _add(self, start: int, stop: int, source: Body | CopySource) -> None:
        if not isinstance(source, CopySource):
            self._local.append((start, stop, source))
            self._coverage.add(start, stop)
            return
        key = (source.file_id, source.range.start - start, source.key_md5)
        there = self._open.get(key)
        if there is None:
            self._found += 1
            self._open[key] = self._known[self._found] = _Diagonal(self._found, start, stop, source)
        else:
            there.stop = max(there.stop, stop)

    def _advance(self, frontier: int, last: bool = False) -> None:
        """Everything before `frontier` is known (`last`: it is the end): so are the intervals that end before it."""
        self._frontier = frontier
        found: list[tuple[int, int, int]] = []  # stop, start, number: in the order that the chooser wants
        begun: list[int] = []  # where intervals begin whose end is not known
        for diagonal in list(self._open.values()):
            self._tell(diagonal, frontier, last, found, begun)
        first = min(begun, default=frontier)
        outer: list[tuple[int, int, int]] = []  # those that lie in no other, the last one first
        for stop, start, number in sorted(found, key=lambda each: (-each[0], each[1], each[2])):
            if start < first and (stop - start >= self._limits.minimum or (last and stop == frontier)):
                outer.append((stop, start, number))
                first = start
        for stop, start, number in reversed(outer):
            if stop > self._added:
                self._chooser.add(start, stop, number, last=last and stop == frontier)
                self._added = stop
        for key in [key for key, each in self._open.items() if each.stop < frontier or last]:
            del self._open[key]

    def _tell(
        self, diagonal: _Diagonal, frontier: int, last: bool, found: list[tuple[int, int, int]], begun: list[int]
    ) -> None:
        upto = min(diagonal.stop, frontier)
        closed = diagonal.stop < frontier or last
        if self._prioritize not in ("local", "verify"):
            if closed:
                found.append((diagonal.stop, diagonal.told, diagonal.number))
            else:
                begun.append(diagonal.told)
            return
        at = diagonal.told
        pieces: list[tuple[int, int]] = []
        for low, high in [*self._coverage.spans_within(at, upto), (upto, upto)]:
            if at < low:
                pieces.append((at, low))
            if low < high and self._prioritize == "verify":
                pieces.append((low, high))
            at = high
        diagonal.told = upto
        for low, high in pieces:
            if high < frontier or closed:
                found.append((high, low, diagonal.number))
            else:
                begun.append(low)
                diagonal.told = low

    def _commit(self) -> Iterator[EmergePart]:
        held = len(self._local) + len(self._known)
        behind = self._frontier - self._chooser.begin
        if held < 2 * self._tried + 16 and behind <= self._look_ahead:
            return
        yield from self._decided()
        if self._frontier - self._chooser.begin > self._look_ahead:
            if held > _MOST_HELD:
                self._cut_open()
            self._chooser.force(self._frontier - self._look_ahead // 2)
            yield from self._decided()
        self._tried = len(self._local) + len(self._known)

    def _cut_open(self) -> None:
        """Ranges that are still growing end here and begin anew, so that what lies within them can be decided."""
        minimum, found = self._limits.minimum, list[tuple[int, int, int]]()
        for diagonal in self._open.values():
            if self._frontier - diagonal.told >= 2 * minimum and self._prioritize not in ("local", "verify"):
                found.append((self._frontier, diagonal.told, diagonal.number))
                diagonal.told = self._frontier
        for stop, start, number in sorted(found)[:1]:
            if stop > self._added:
                self._chooser.add(start, stop, number)
                self._added = stop

    def _decided(self) -> Iterator[EmergePart]:
        future = min((each.told for each in self._open.values()), default=self._frontier)
        runs = self._chooser.commit(min(future, self._frontier))
        yield from self._parts(runs, last=False)

    def _parts(self, runs: Runs, last: bool) -> Iterator[EmergePart]:
        if not runs:
            return
        limits, begin, stop = self._limits, runs.cuts[0], runs.cuts[-1]
        diagonals = [each for each in self._known.values() if each.stop > begin]
        remote = Diagonals.of(sorted((each.row() for each in diagonals), key=lambda row: (row[0], -row[1])))
        covered = Cover.of(self._local)
        assembler = Assembler(covered, remote)
        twice = known_twice(self._local, covered, compares_files(self._prioritize), begin, stop)
        if isinstance(twice, Differing):
            raise PlanFailed(twice)
        rows = {each.number: each.row() for each in diagonals}
        if self._prioritize == "local_verification":
            runs = cut_to_verify(runs, stop if last else -1, self._coverage, limits)
        size = stream_part_size(self._number + 1, begin, PartSizes(limits.recommended, limits.minimum))
        size = limits.max_upload if self._prioritize == "min_requests" else size
        cut = cut_runs(runs, size, limits)
        for place, run in enumerate(cut, start=1):
            self._number += 1
            if self._number > limits.max_parts:
                raise PlanFailed(TooManyParts(self._number, limits.max_parts))
            part = assembler.part(self._number, run, rows[run[2]] if run[2] != SENT else None)
            wrong = check_part(part, self._number, run[0], last and place == len(cut), limits)
            if wrong is not None:
                raise AssertionError(f"the planner made a part that is none: {wrong}")
            yield from with_twice([part], [one for one in twice if run[0] <= one.range.start < run[1]])
        self._forget(stop)

    def _forget(self, before: int) -> None:
        """What ends before is not needed any more."""
        self._local = [row for row in self._local if row[1] > before]
        gone = [number for number, each in self._known.items() if each.stop <= before]
        opened = {each.number for each in self._open.values()}
        for number in gone:
            if number not in opened:
                del self._known[number]
        self._coverage.forget(before)

    def end(self) -> Iterator[EmergePart]:
        """There are no more intents: the parts that are left."""
        if not self._reach:
            yield SentPart(1, ByteRange(0, 0), ())
            return
        self._advance(self._reach, last=True)
        _, runs = self._chooser.finish(self._reach)
        yield from self._parts(runs, last=True)
