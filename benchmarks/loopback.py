"""`python -m benchmarks.loopback [--small]`: syncs of small files over HTTP, beside b2sdk's.

The server is `b2pure serve` in a process of its own, new for each round; each client is a process of its own too, with
10 workers, and takes turns. Client and server share the machine's cores, and the server is Python: where it is
busier than the client, the walls say little and the client's CPU time is what to read.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from attrs import frozen

from benchmarks.measure import Line, alternate, in_child, memory_folder, show_lines
from benchmarks.peak import peak_kib

__all__ = ["main", "run"]

_TOOLS = ("b2pure", "b2sdk")
_WORKERS = 10
_SMALL_FILE = 1024
_BLOCK = 4096
"""What a small file takes in a file system."""


@frozen
class Server:
    """A simulated B2 on this machine."""

    url: str
    key_id: str
    key: str
    pid: int


@frozen
class Sample:
    """One sync by one client: seconds of wall, of its CPU and of the server's, and its largest resident set."""

    wall: float
    cpu: float
    server_cpu: float
    peak_mib: float


def _bucket(tool: str) -> str:
    return f"bench-{tool}"


@contextmanager
def serving() -> Iterator[Server]:
    """A server for as long as the block lasts, with a bucket for each tool."""
    buckets = [word for tool in _TOOLS for word in ("--bucket", _bucket(tool))]
    command = [sys.executable, "-m", "b2pure", "serve", "--port", "0", "--json", *buckets]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Server(told["url"], told["application_key_id"], told["application_key"], process.pid)
    finally:
        process.terminate()
        process.wait()


def run(*, files: int, rounds: int) -> list[Line]:
    """Measure, saying what is done meanwhile."""
    with tempfile.TemporaryDirectory(dir=memory_folder(_BLOCK * files), prefix="b2pure-bench-") as name:
        return _small_files(Path(name), files, rounds)


# --- many small files up


def _small_files(root: Path, files: int, rounds: int) -> list[Line]:
    print(f"loopback, {files:,} files of {_SMALL_FILE} bytes up, {_WORKERS} workers, {rounds} alternating rounds")
    source = _written(root / "small", files)
    samples = _rounds(rounds, lambda server, tool: _sync(server, tool, str(source), f"b2://{_bucket(tool)}"))
    ours, theirs = samples["b2pure"], samples["b2sdk"]
    for tool, sample in samples.items():
        busy = sample.server_cpu / files * 1000
        print(f"  {tool}: server {busy:.2f} CPU ms/file, client peak {sample.peak_mib:.0f} MiB")
    return [
        Line(
            f"{files:,} x 1 KiB up, wall",
            f"{files / ours.wall:,.0f} files/s",
            f"{files / theirs.wall:,.0f} files/s",
            theirs.wall / ours.wall,
        ),
        Line(
            f"{files:,} x 1 KiB up, client CPU",
            f"{ours.cpu / files * 1000:.2f} ms/file",
            f"{theirs.cpu / files * 1000:.2f} ms/file",
            theirs.cpu / ours.cpu,
        ),
    ]


def _written(folder: Path, files: int) -> Path:
    for number in range(files):
        path = folder / f"folder{number // 1000:03d}" / f"file{number % 1000:03d}.bin"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(number.to_bytes(4) * (_SMALL_FILE // 4))
    return folder


# --- rounds and children


def _rounds(rounds: int, measure: Callable[[Server, str], Sample]) -> dict[str, Sample]:
    def one(tool: str) -> Sample:
        with serving() as server:
            return measure(server, tool)

    samples = alternate(rounds, {tool: partial(one, tool) for tool in _TOOLS})
    return {tool: _median(taken) for tool, taken in samples.items()}


def _median(samples: list[Sample]) -> Sample:
    return Sample(
        median(s.wall for s in samples),
        median(s.cpu for s in samples),
        median(s.server_cpu for s in samples),
        median(s.peak_mib for s in samples),
    )


def _sync(server: Server, tool: str, source: str, dest: str) -> Sample:
    before = _cpu_of(server.pid)
    told = in_child("benchmarks.loopback", "--child", tool, server.url, server.key_id, server.key, source, dest)
    return Sample(told["wall"], told["cpu"], _cpu_of(server.pid) - before, told["peak_kib"] / 1024)


def _cpu_of(pid: int) -> float:
    """CPU seconds of another process so far; 0 where there is no /proc."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _child(tool: str, url: str, key_id: str, key: str, source: str, dest: str) -> dict[str, float]:
    job = (_b2pure_job if tool == "b2pure" else _b2sdk_job)(url, key_id, key, source, dest)
    cpu, wall = time.process_time(), time.perf_counter()
    job()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak_kib": peak_kib()}


def _b2pure_job(url: str, key_id: str, key: str, source: str, dest: str) -> Callable[[], None]:
    from b2pure import connect  # here, so that the other tool's process is not made larger by it

    client = connect(key_id, key, realm=url, workers=_WORKERS).unwrap()

    def job() -> None:
        report = client.sync(source, dest)
        if not report.ok:
            raise RuntimeError(f"the sync failed: {report}")

    return job


def _b2sdk_job(url: str, key_id: str, key: str, source: str, dest: str) -> Callable[[], None]:
    from b2sdk.v2 import B2Api, InMemoryAccountInfo, Synchronizer, SyncReport, parse_folder

    api: Any = B2Api(
        InMemoryAccountInfo(),
        max_upload_workers=_WORKERS,
        max_copy_workers=_WORKERS,
        max_download_workers=_WORKERS,
    )
    api.authorize_account(realm=url, application_key_id=key_id, application_key=key)
    folders = parse_folder(source, api), parse_folder(dest, api)

    def job() -> None:
        with SyncReport(io.StringIO(), no_progress=True) as reporter:
            Synchronizer(_WORKERS).sync_folders(*folders, now_millis=int(time.time() * 1000), reporter=reporter)

    return job


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loopback", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(_child(*options.child)))
        return
    print(show_lines(run(files=1_000 if options.small else 10_000, rounds=options.rounds)))


if __name__ == "__main__":
    main()
