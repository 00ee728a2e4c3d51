"""Run the storm: `python -m tests.storm --runs 1000`. Exits with 1 when an invariant does not hold."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from .jobs import KINDS
from .run import Record, storm

_BATCH = 50


def main() -> int:
    options = _options()
    seeds = [options.seed] if options.seed is not None else range(options.start, options.start + options.runs)
    began = time.monotonic()
    failed = _tell(_records(seeds, options.kind, options.processes), time.monotonic, began)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="how many seeds (1000)")
    parser.add_argument("--start", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--seed", type=int, help="this seed alone, as a failure names it")
    parser.add_argument("--kind", choices=tuple(KINDS), help="only jobs of this kind")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many at once (one per core)")
    return parser.parse_args()


def _records(seeds: Iterable[int], kind: str | None, processes: int) -> Iterator[Record]:
    run = partial(storm, kind=kind)
    if processes == 1:
        yield from map(run, seeds)
        return
    with multiprocessing.Pool(processes) as pool:
        yield from pool.imap(run, seeds, _BATCH)


def _tell(records: Iterable[Record], now: Callable[[], float], began: float) -> bool:
    """Print what happened; whether anything failed. Failures are printed as they come."""
    kinds, faults, sums = Counter[str](), Counter[str](), Counter[str]()
    failures = 0
    for record in records:
        kinds[record.kind] += 1
        faults.update(record.faults)
        sums.update(runs=record.runs, crashes=record.crashes, restarts=record.restarts)
        sums.update(jumps=record.jumps, calls=record.calls)
        if record.failure is not None:
            failures += 1
            print(f"seed {record.seed} ({record.kind}): {record.failure}", flush=True)
            print(f'  again: python -m tests.storm --seed {record.seed} --kind "{record.kind}"', flush=True)
    _tell_counts("runs", kinds)
    _tell_counts("faults struck", faults)
    print(f"job runs: {sums['runs']}, crashes: {sums['crashes']}, restarts: {sums['restarts']}")
    print(f"clock jumps: {sums['jumps']}, calls: {sums['calls']}, seconds: {now() - began:.0f}")
    print(f"failures: {failures or 'none'}")
    return failures > 0


def _tell_counts(what: str, counts: Counter[str]) -> None:
    print(f"{what}: {counts.total()}")
    for name, count in sorted(counts.items()):
        print(f"  {name}: {count}")


if __name__ == "__main__":
    sys.exit(main())
