"""`python -m benchmarks.listing [--files N] [--rounds R] [--latency-ms N ...]`: a long listing page by page, and in
several places at once.

What is measured is the plan of a sync from the bucket into an empty folder, which lists the whole bucket and compares
it with nothing. The server is `light_server.py`, which makes each page once and keeps it, and waits before each answer
as a far B2 would. `one way` is b2pure with one worker, which fetches one page ahead; `ways` lists as everybody does.
Each reading is a process of its own. The calls, and the files that they returned, are what B2 bills.
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
from statistics import median
from threading import Lock
from typing import Any, Final

from benchmarks.measure import alternate, in_child
from benchmarks.peak import peak_kib
from benchmarks.tables import aligned
from interop.commands import NO_PROXY
from interop.environments import CHECKOUT

__all__ = ["main", "run"]

_CONTESTANTS: Final = {"one way": 1, "ways": 10}


@contextmanager
def _serving(files: int, latency_ms: float) -> Iterator[dict[str, str]]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.light_server",
        "--listing",
        str(files),
        "--latency-ms",
        str(latency_ms),
    ]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def _child(url: str, key_id: str, key: str, threads: str) -> dict[str, float]:
    from returns.io import IOResult

    from b2pure.effects.effect import Credential
    from b2pure.effects.handlers import Reader
    from b2pure.model.calls import Call, ListVersionsToCompare
    from b2pure.model.errors import B2Error
    from b2pure.shell.client import Client
    from b2pure.shell.clock import SystemClock
    from b2pure.shell.http import HttpApi

    workers = int(threads)
    told, lock = {"calls": 0, "returned": 0}, Lock()

    class Counting(HttpApi):
        def send(self, call: Call[Any], credential: Credential, reader: Reader) -> IOResult[Any, B2Error]:
            result = super().send(call, credential, reader)
            if isinstance(call, ListVersionsToCompare):
                page = result.unwrap()._inner_value
                with lock:
                    told["calls"] += 1
                    told["returned"] += len(page.files)
            return result

    api = Counting(key_id, key, realm_address=url, pool_size=2 * workers + 2)
    client = Client(api, SystemClock(), workers=workers, close=api.close)
    client.authorize().unwrap()
    with client, tempfile.TemporaryDirectory() as folder:
        begin, used = time.perf_counter(), time.process_time()
        count = sum(1 for _ in client.plan_sync("b2://bench-list", folder))
        wall, cpu = time.perf_counter() - begin, time.process_time() - used
    return {"wall": wall, "cpu": cpu, "files": count, "peak": peak_kib() / 1024, **told}


def _one(files: int, server: dict[str, str], workers: int) -> dict[str, float]:
    task = (server["url"], server["application_key_id"], server["application_key"], str(workers))
    told = in_child("benchmarks.listing", "--child", *task, **NO_PROXY)
    if told["files"] != files:
        raise RuntimeError(f"{told['files']} of {files} files were listed")
    return told


def run(*, files: int, rounds: int, latencies: Sequence[float]) -> str:
    """Measure: the medians of alternating rounds, as a table."""
    rows: list[Sequence[str]] = [("", "wall", "rate", "faster", "client CPU", "peak", "calls", "files returned")]
    for latency in latencies:
        with _serving(files, latency) as server:
            jobs = {who: partial(_one, files, server, workers) for who, workers in _CONTESTANTS.items()}
            taken = alternate(rounds, jobs)
        alone = median(each["wall"] for each in taken["one way"])
        for who, all_told in taken.items():
            told = {what: median(each[what] for each in all_told) for what in all_told[0]}
            rows.append(
                (
                    f"{latency:g} ms, {who}",
                    f"{told['wall']:.2f} s",
                    f"{files / told['wall']:,.0f} files/s",
                    f"{alone / told['wall']:.2f}x",
                    f"{told['cpu']:.2f} s",
                    f"{told['peak']:.0f} MiB",
                    f"{told['calls']:,.0f}",
                    f"{told['returned']:,.0f}",
                )
            )
    return aligned(rows)


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.listing", description=__doc__)
    parser.add_argument("--files", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, nargs="+", default=[0.0, 30.0, 500.0], help="before each answer")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        print(json.dumps(_child(*given.child)))
        return
    print(f"{given.files:,} files listed, {given.rounds} alternating rounds")
    print(run(files=given.files, rounds=given.rounds, latencies=given.latency_ms))


if __name__ == "__main__":
    main()
