"""`python -m benchmarks.planner_memory [--files N ...]`: what a plan holds in memory while it is being read.

Both sides are generated one file at a time and nothing is kept. The planner's share is the peak resident set of a
process that plans them, less that of a process that only generates them. `tracemalloc` gives the peak of what
Python allocates during planning, to the byte, and leaves out what an allocator keeps.
"""

from __future__ import annotations

import argparse
import json
import tracemalloc
from collections import deque

from attrs import frozen

from b2pure.model.files import B2Tree, LocalTree
from b2pure.plan.plan import SyncPlan, plan_sync
from benchmarks.measure import in_child
from benchmarks.peak import peak_kib
from benchmarks.streams import NOW, WORKLOADS, dest_files, policy, source_files
from benchmarks.tables import aligned

__all__ = ["main", "run"]

_WORKLOAD = WORKLOADS[-1]
"""The one with the most to decide and to keep."""
_NOISE_KIB = 512
"""How far two runs of the same thing lie apart."""


@frozen
class Share:
    """KiB for one number of files."""

    files: int
    resident: int
    traced: float


def run(sizes: tuple[int, ...] = (100_000, 1_000_000)) -> list[Share]:
    """Measure each size in children of its own."""
    return [_share(size) for size in sizes]


def show(shares: list[Share]) -> str:
    """The shares and what they mean."""
    rows = [(f"{s.files:,} files", f"{s.resident:,} KiB", f"{s.traced:,.1f} KiB") for s in shares]
    return "\n".join(
        (
            f"memory of the planner, workload: {_WORKLOAD.name}",
            aligned([("", "resident, less the streams'", "tracemalloc peak"), *rows]),
            f"the share {'GROWS' if grows(shares) else 'does not grow'} with the number of files "
            f"(differences below {_NOISE_KIB} KiB are noise)",
        )
    )


def grows(shares: list[Share]) -> bool:
    """Whether more files take more memory, beyond noise."""
    first, last = shares[0], shares[-1]
    return max(last.resident - first.resident, last.traced - first.traced) > _NOISE_KIB


def _share(files: int) -> Share:
    def peak(kind: str) -> float:
        return float(in_child("benchmarks.planner_memory", "--child", kind, "--files", str(files))["kib"])

    return Share(files, round(peak("plan") - peak("streams")), peak("traced"))


def _plan(files: int) -> SyncPlan:
    source, dest = LocalTree(source_files(files)), B2Tree(dest_files(files, _WORKLOAD))
    return plan_sync(source, dest, policy(_WORKLOAD), now_millis=NOW)


def _child(kind: str, files: int) -> float:
    """The peak in KiB. All children import the same, so that only what they do makes a difference."""
    if kind == "streams":
        deque(zip(source_files(files), dest_files(files, _WORKLOAD), strict=True), maxlen=0)
        return peak_kib()
    if kind == "plan":
        deque(_plan(files), maxlen=0)
        return peak_kib()
    tracemalloc.start()
    deque(_plan(files), maxlen=0)
    return tracemalloc.get_traced_memory()[1] / 1024


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planner_memory", description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--child", choices=("streams", "plan", "traced"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps({"kib": _child(options.child, options.files[0])}))
    else:
        print(show(run(tuple(options.files))))


if __name__ == "__main__":
    main()
