"""`python -m benchmarks.emerge [--intents N] [--rounds R]`: the planner of objects from ranges beside b2sdk's.

Both get the same intents, made beforehand, and each plans in a process of its own. What a plan moves is the bytes that
it sends and downloads; `stream` is b2pure's planner of streams. The part limit is off on both sides (b2sdk's planner
has none), so that the plans can be compared. A plan of b2sdk that makes another number of bytes than the intents do is
marked: its bytes say nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any, Final

from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.intents import CopySource, OverlapRule, WriteIntent, concatenated
from b2pure.model.limits import ABSOLUTE_MINIMUM_PART_SIZE, DEFAULT_PART_SIZES, MAX_PART_SIZE
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import LocalSlice
from b2pure.plan.emerge.costs import cost_of_parts
from b2pure.plan.emerge.parts import EmergePart
from b2pure.plan.emerge.plan import EmergeLimits, Prioritize
from b2pure.plan.emerge.planner import emerge
from b2pure.plan.emerge.stream import stream_parts
from benchmarks.contest import Contestant, contest, show_all
from benchmarks.large_clients import measured
from benchmarks.measure import in_child
from benchmarks.moved import Moved
from benchmarks.results import Sample, Workload

__all__ = ["main", "run"]

M = ABSOLUTE_MINIMUM_PART_SIZE
_FACT = LocalFact(10**15, 1)
_LIMITS = EmergeLimits(M, DEFAULT_PART_SIZES.recommended, MAX_PART_SIZE, MAX_PART_SIZE, 10**9)
_CONTESTANTS: Final = (
    Contestant("b2pure", "local_verification"),
    Contestant("b2pure, remote", "remote"),
    Contestant("b2pure, stream", "stream"),
    Contestant("b2sdk", "b2sdk"),
)


def _local(at: int, length: int) -> LocalSlice:
    return LocalSlice("file", ByteRange(at, at + length), _FACT)


def _remote(file: str, offset: int, length: int) -> CopySource:
    return CopySource(FileId(file), ByteRange(offset, offset + length))


def patch(count: int, r: Random) -> list[WriteIntent]:
    """One file in B2 in which every few MB something was changed here."""
    found, at = [], 0
    for _ in range(count // 2):
        length = r.randint(M // 2, 3 * M)
        found.append(WriteIntent(_remote("r", at, length), at))
        at += length
        length = r.randint(1000, M // 2)
        found.append(WriteIntent(_local(at, length), at))
        at += length
    return found


def dedup(count: int, r: Random) -> list[WriteIntent]:
    """Chunks one after the other, some known to B2, often as neighbours in the same file."""
    found, at = [], 0
    for index in range(count):
        length = r.randint(M // 5, 2 * M)
        if r.random() < 0.6:
            file = f"r{r.randint(0, 5)}" if r.random() < 0.5 else f"x{index}"
            found.append(WriteIntent(_remote(file, at, length), at))
        else:
            found.append(WriteIntent(_local(at, length), at))
        at += length
    return found


def backup(count: int, r: Random) -> list[WriteIntent]:
    """A whole file that is here, and ranges of it in older files of B2, nested and overlapping."""
    size = count * M
    found = [WriteIntent(_local(0, size), 0)]
    for _ in range(count - 1):
        at, length, shift = r.randint(0, size - 4 * M), r.randint(M // 2, 4 * M), 17 * r.randint(0, 3)
        found.append(WriteIntent(_remote(f"v{shift}", at + shift, length), at))
    return found


def overlap(count: int, r: Random) -> list[WriteIntent]:
    """Local and remote ranges that overlap, without one inside another of its kind."""
    found, reach, low = [], 0, 0
    for index in range(count):
        at = r.randint(max(low, reach - 2 * M), reach)
        stop = reach + r.randint(1, 3 * M)
        source = _remote(f"v{index}", 0, stop - at) if r.random() < 0.6 else _local(at, stop - at)
        found.append(WriteIntent(source, at))
        low, reach = at + 1, stop
    return found


def local(count: int, r: Random) -> list[WriteIntent]:
    """Pieces of a file that is here."""
    return list(concatenated(*(_local(index * 3 * M, r.randint(1, 2 * M)) for index in range(count))))


_WORKLOADS: Final[Mapping[str, Callable[[int, Random], list[WriteIntent]]]] = {
    each.__name__: each for each in (patch, dedup, backup, overlap, local)
}


def run(*, intents: int, rounds: int) -> Iterator[Workload]:
    """Each workload as soon as it is measured."""
    for name in _WORKLOADS:
        title = f"an object of {intents:,} ranges, {name}"
        one = partial(_one, name, intents)
        yield contest(f"emerge-{name}", title, "ranges", intents, rounds, _CONTESTANTS, one)


def _one(name: str, intents: int, planner: Contestant) -> Sample:
    told = in_child("benchmarks.emerge", "--child", planner.client, name, str(intents))
    return Sample(told["wall"], told["cpu"], told["peak_kib"] / 1024, None, intents, told["moved"])


# -- in the child


def _child(planner: str, name: str, count: int) -> dict[str, Any]:
    gc.disable()  # while the intents are made: what is measured begins with a full collection
    intents = sorted(_WORKLOADS[name](count, Random(1)), key=lambda intent: intent.destination_offset)
    length = max(intent.stop for intent in intents)
    plan, moved_by = _theirs(intents) if planner == "b2sdk" else _ours(planner, intents)
    gc.enable()
    gc.collect()
    made: list[Any] = []
    usage = measured(lambda: made.append(plan()))
    moved = moved_by(made[0])
    return {**usage, "moved": moved.sent + moved.down if moved.made == length else None}


def _ours(planner: str, intents: list[WriteIntent]) -> tuple[Callable[[], Any], Callable[[Any], Moved]]:
    def plan() -> tuple[EmergePart, ...]:
        if planner == "stream":
            return tuple(stream_parts(intents, "remote", OverlapRule.ASSUME_EQUAL, _LIMITS))
        prioritize: Prioritize = "remote" if planner == "remote" else "local_verification"
        return emerge(intents, prioritize, OverlapRule.ASSUME_EQUAL, _LIMITS).unwrap().parts

    return plan, _moved


def _moved(parts: tuple[EmergePart, ...]) -> Moved:
    cost = cost_of_parts(parts)
    return Moved(cost.bytes_up, cost.bytes_down, len(parts), sum(part.length for part in parts))


def _theirs(intents: list[WriteIntent]) -> tuple[Callable[[], Any], Callable[[Any], Moved]]:
    from benchmarks.b2sdk_emerge import b2sdk_emerge

    intents.reverse()
    return b2sdk_emerge(_forgotten(intents), DEFAULT_PART_SIZES, MAX_PART_SIZE)


def _forgotten(intents: list[WriteIntent]) -> Iterator[WriteIntent]:
    """The last one first, so that nobody holds both planners' intents."""
    while intents:
        yield intents.pop()


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.emerge", description=__doc__)
    parser.add_argument("--intents", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        planner, name, count = given.child
        print(json.dumps(_child(planner, name, int(count))))
        return
    show_all(run(intents=given.intents, rounds=given.rounds))


if __name__ == "__main__":
    main()
