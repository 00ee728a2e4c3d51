"""`python -m benchmarks.pace [--files N] [--rounds R] [--latency-ms N ...]`: does the number of workers that a sync
finds by itself fit, where B2 is near and where it is far?

Many small files go up to the server of `small_server.py`, with a fixed number of workers and with as many as turn out
to help. The server is new for each sync, each sync is a process of its own, and they take turns. Nobody else is
measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.light_server import KEY, KEY_ID, UP
from benchmarks.measure import alternate, in_child, memory_folder
from benchmarks.tables import aligned

__all__ = ["main", "run", "show"]

_ROOT: Final = Path(__file__).resolve().parent.parent
_BYTES: Final = 1024
_BLOCK: Final = 4096
"""What a small file takes in a file system."""
_CONTESTANTS: Final = {"fixed 10": 10, "fixed 32": 32, "adaptive": 0}
"""Numbers of workers; 0: as many as help."""

Rates = dict[str, dict[float, float]]
"""Files per second by contestant and latency."""


@contextmanager
def _serving(latency_ms: float) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.small_server", "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def _rate(folder: Path, files: int, latency_ms: float, workers: int) -> float:
    with _serving(latency_ms) as url:
        told = in_child("benchmarks.pace", "--child", url, str(folder), str(workers))
    return files / float(told["wall"])


def _child(url: str, folder: str, workers: int) -> dict[str, float]:
    from b2pure import connect

    client = connect(KEY_ID, KEY, realm=url, workers=workers or None).unwrap()
    begin = time.perf_counter()
    report = client.sync(folder, f"b2://{UP}")
    wall = time.perf_counter() - begin
    if not report.ok:
        raise RuntimeError(f"the sync failed: {report}")
    return {"wall": wall}


def run(*, files: int, rounds: int, latencies: Sequence[float]) -> Rates:
    """Measure: the median of alternating rounds."""
    rates: Rates = {name: {} for name in _CONTESTANTS}
    with tempfile.TemporaryDirectory(dir=memory_folder(_BLOCK * files), prefix="b2pure-bench-") as name:
        folder = Path(name)
        for number in range(files):
            (folder / f"file{number:06d}.bin").write_bytes(number.to_bytes(4, "big") * (_BYTES // 4))
        for latency in latencies:
            jobs = {who: partial(_rate, folder, files, latency, count) for who, count in _CONTESTANTS.items()}
            for who, taken in alternate(rounds, jobs).items():
                rates[who][latency] = median(taken)
    return rates


def show(rates: Rates, latencies: Sequence[float]) -> str:
    """A row for each contestant, a column for each latency."""
    heading = ("files/s up", *(f"{latency:g} ms" for latency in latencies))
    return aligned([heading, *((who, *(f"{by[each]:,.0f}" for each in latencies)) for who, by in rates.items())])


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pace", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, nargs="+", default=[0.0, 30.0], help="pauses before each answer")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        print(json.dumps(_child(given.child[0], given.child[1], int(given.child[2]))))
        return
    print(f"{given.files:,} files of {_BYTES} bytes up, {given.rounds} alternating rounds")
    print(show(run(files=given.files, rounds=given.rounds, latencies=given.latency_ms), given.latency_ms))


if __name__ == "__main__":
    main()
