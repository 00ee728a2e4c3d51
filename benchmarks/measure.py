"""What the benchmarks share: alternating rounds, children with a heap of their own, tables.

Rules. Whoever is compared takes turns in the same rounds, and the order turns round each time, so that a slow minute of
a shared machine hits everybody. Every figure is a median over rounds. A peak is taken in a child process that does one
thing, because a heap that has grown stays grown.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from attrs import frozen

__all__ = ["Line", "alternate", "in_child", "medians", "memory_folder", "show_lines", "table", "timed"]

T = TypeVar("T")

_ROOT = Path(__file__).resolve().parent.parent


@frozen
class Line:
    """One row of the final table. `ratio` is how many times better b2pure does; None where nobody else is measured."""

    what: str
    ours: str
    theirs: str = "-"
    ratio: float | None = None
    target: float | None = None

    @property
    def reached(self) -> str:
        """Whether the target is met, as a word."""
        if self.ratio is None or self.target is None:
            return "-"
        return "yes" if self.ratio >= self.target else "NO"


def alternate(rounds: int, contestants: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """What each contestant returned in each round. The order is reversed in every second round."""
    results: dict[str, list[T]] = {name: [] for name in contestants}
    for number in range(rounds):
        names = list(contestants)
        for name in reversed(names) if number % 2 else names:
            results[name].append(contestants[name]())
    return results


def medians(results: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each contestant."""
    return {name: median(values) for name, values in results.items()}


def timed(job: Callable[[], object]) -> float:
    """Seconds that the job takes, starting without the garbage of the one before. The collector stays as it is."""
    gc.collect()
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def memory_folder(needed: int) -> str | None:
    """A folder in memory where there is room for so many bytes, so that no disk is measured; else None."""
    shared = "/dev/shm"
    return shared if os.path.isdir(shared) and shutil.disk_usage(shared).free > needed else None


def in_child(module: str, *args: str, python: str = sys.executable, **environment: str) -> dict[str, Any]:
    """Run `python -m module args` and return the JSON object that it prints last. `environment` comes on top."""
    command, env = [python, "-m", module, *args], {**os.environ, **environment}
    done = subprocess.run(command, cwd=_ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned columns; the first row is the heading, the first column is text, the others are figures."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    heading, *rest = [_aligned(row, widths) for row in rows]
    return "\n".join((heading, "  ".join("-" * width for width in widths), *rest))


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    return "  ".join((first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest))).rstrip()


def show_lines(lines: Sequence[Line]) -> str:
    """The final table."""
    rows = [("", "b2pure", "peer", "ratio", "target", "reached")]
    for line in lines:
        ratio = "-" if line.ratio is None else f"{line.ratio:.1f}x"
        target = "-" if line.target is None else f"{line.target:g}x"
        rows.append((line.what, line.ours, line.theirs, ratio, target, line.reached))
    return table(rows)
