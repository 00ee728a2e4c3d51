"""`python -m benchmarks.emerge [--intents N] [--rounds R]`: the planner of objects from ranges beside b2sdk's.

Both get the same intents, made beforehand. Bytes are what the plans send and download; `stream` is b2pure's planner of
streams. The part limit is off on both sides (b2sdk's planner has none), so that the plans can be compared. A plan of
b2sdk that makes another number of bytes than the intents do is marked: its bytes say nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from random import Random

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
from benchmarks.b2sdk_emerge import Moved, b2sdk_emerge
from benchmarks.measure import Line, alternate, medians, show_lines, table, timed

__all__ = ["main", "run"]

M = ABSOLUTE_MINIMUM_PART_SIZE
_FACT = LocalFact(10**15, 1)
_LIMITS = EmergeLimits(M, DEFAULT_PART_SIZES.recommended, MAX_PART_SIZE, MAX_PART_SIZE, 10**9)
_SHOWN: tuple[Prioritize, ...] = ("local_verification", "remote")


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


_WORKLOADS: tuple[Callable[[int, Random], list[WriteIntent]], ...] = (patch, dedup, backup, overlap, local)


def run(count: int, rounds: int) -> list[Line]:
    """Measure every workload, saying what is done meanwhile."""
    print(f"objects from {count:,} ranges, {rounds} alternating rounds")
    rows: list[tuple[str, ...]] = [
        ("GB up + down", "b2sdk", "remote", "default", "stream", "parts of b2sdk", "remote", "default")
    ]
    lines = []
    for workload in _WORKLOADS:
        intents = sorted(workload(count, Random(1)), key=lambda intent: intent.destination_offset)
        lines.append(_measure(workload.__name__, intents, rounds, rows))
    print(table(rows), end="\n\n")
    return lines


def _measure(name: str, intents: list[WriteIntent], rounds: int, rows: list[tuple[str, ...]]) -> Line:
    plan_theirs, count_theirs = b2sdk_emerge(intents, DEFAULT_PART_SIZES, MAX_PART_SIZE)

    def plan_ours(prioritize: Prioritize) -> tuple[EmergePart, ...]:
        return emerge(intents, prioritize, OverlapRule.ASSUME_EQUAL, _LIMITS).unwrap().parts

    seconds = medians(
        alternate(
            rounds,
            {
                "b2pure": lambda: timed(lambda: plan_ours("local_verification")),
                "b2sdk": lambda: timed(plan_theirs),
            },
        )
    )
    default, remote = (_moved(plan_ours(prioritize)) for prioritize in _SHOWN)
    streamed = _moved(tuple(stream_parts(intents, "remote", OverlapRule.ASSUME_EQUAL, _LIMITS)))
    theirs = count_theirs(plan_theirs())
    wrong = "" if theirs.made == default.made else "other object: "
    rows.append(
        (
            name,
            f"{wrong}{_gigabytes(theirs)}",
            *(_gigabytes(each) for each in (remote, default, streamed)),
            f"{theirs.parts:,}",
            f"{remote.parts:,}",
            f"{default.parts:,}",
        )
    )
    return Line(
        f"emerge, {name}",
        f"{len(intents) / seconds['b2pure']:,.0f} ranges/s",
        f"{len(intents) / seconds['b2sdk']:,.0f} ranges/s",
        seconds["b2sdk"] / seconds["b2pure"],
    )


def _gigabytes(moved: Moved) -> str:
    return f"{(moved.sent + moved.down) / 10**9:.1f}"


def _moved(parts: tuple[EmergePart, ...]) -> Moved:
    cost = cost_of_parts(parts)
    return Moved(cost.bytes_up, cost.bytes_down, len(parts), sum(part.length for part in parts))


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.emerge", description=__doc__)
    parser.add_argument("--intents", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(show_lines(run(options.intents, options.rounds)))


if __name__ == "__main__":
    main()
