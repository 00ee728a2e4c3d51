"""What the benchmarks share: alternating rounds, children with a heap of their own.

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

__all__ = ["alternate", "in_child", "medians", "memory_folder", "timed"]

T = TypeVar("T")

_ROOT = Path(__file__).resolve().parent.parent


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
