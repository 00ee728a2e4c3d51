"""`python -m benchmarks.noop [--files N] [--rounds R]`: a sync that has nothing to do, beside b2sdk's and rclone's.

A folder whose files are all in the bucket already, as they are: what is left is to scan the one, to list the other and
to compare. The server is `light_server.py` with a listing made beforehand, each client is a process of its own in its
own environment (those of `make interop`), and they take turns. The scan of the folder alone is measured as well.
rclone is shown with `--fast-list` and without: folder by folder, or in one listing. After each sync the server is asked
whether anything came.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.large import Contestant, Sample, Server, add_options, median_sample, peers_of
from benchmarks.long_listing import FILE_BYTES, MODIFIED_MILLIS, name_of
from benchmarks.measure import Line, alternate, in_child, memory_folder, show_lines, table
from interop.commands import NO_PROXY
from interop.environments import CHECKOUT, ROOT

__all__ = ["main", "run"]

_TARGETS: Final = {"b2sdk": {"sync": 10.0, "scan": 6.0}, "rclone": {"sync": 2.5, "scan": 1.5}}
_JOBS: Final = {"sync": "no-op sync", "scan": "local scan"}
_INODE_BYTES: Final = 2048
"""What a file without blocks takes of a file system in memory, at most."""


def run(*, files: int, rounds: int, interop: Path = ROOT, only: Sequence[str] = ()) -> list[Line]:
    """Measure the sync and the scan, print a table, and return the lines for the common one."""
    peers = peers_of(interop, only)
    with tempfile.TemporaryDirectory(dir=memory_folder(files * _INODE_BYTES), prefix="b2pure-bench-") as name:
        print(f"{files:,} files that need nothing, {rounds} alternating rounds", flush=True)
        _fill(Path(name), files)
        measured = {}
        with _serving(files) as server:
            for job in _JOBS:
                one = partial(_one, job, Path(name), files, server)
                samples = alternate(rounds, {each.label: partial(one, each) for each in _contestants(peers, job)})
                measured[job] = {label: median_sample(taken) for label, taken in samples.items()}
    print(_show(measured, files), flush=True)
    return [line for job, samples in measured.items() for line in _lines(job, samples, files)]


def _contestants(peers: Mapping[str, Path], job: str) -> Iterator[Contestant]:
    yield Contestant("b2pure", "b2pure")
    if "b2sdk2" in peers:
        yield Contestant("b2sdk", "b2sdk", str(peers["b2sdk2"] / "python"))
    if "rclone" in peers:
        program = str(peers["rclone"] / "rclone")
        yield Contestant("rclone", "rclone", options=(program,))
        if job == "sync":
            yield Contestant("rclone, fast list", "rclone", options=(program, "--fast-list"))


def _fill(folder: Path, files: int) -> None:
    """The files that the bucket has: holes, because nobody reads them."""
    at = MODIFIED_MILLIS * 1_000_000
    for number in range(files):
        path = os.path.join(folder, name_of(number))
        if number % 1000 == 0:
            os.makedirs(os.path.dirname(path))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.ftruncate(fd, FILE_BYTES)
        os.close(fd)
        os.utime(path, ns=(at, at))


@contextmanager
def _serving(files: int) -> Iterator[Server]:
    command = [sys.executable, "-m", "benchmarks.light_server", "--listing", str(files)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def _one(job: str, folder: Path, files: int, server: Server, contestant: Contestant) -> Sample:
    before = server.ask("/cpu")["seconds"]
    task = (job, server.url, server.key_id, server.key, str(folder), str(files), *contestant.options)
    told = in_child("benchmarks.noop_clients", contestant.client, *task, python=contestant.python, **NO_PROXY)
    after = server.ask("/cpu")
    if after["files"]:
        raise RuntimeError(f"{contestant.label} uploaded what was there already")
    return Sample(told["wall"], told["cpu"], told["peak_kib"] / 1024, after["seconds"] - before)


def _show(measured: Mapping[str, Mapping[str, Sample]], files: int) -> str:
    rows = [("", "wall", "rate", "b2pure is", "client CPU", "client's peak", "server CPU")]
    for job, samples in measured.items():
        for label, sample in samples.items():
            ratio = sample.wall / samples["b2pure"].wall
            rows.append(
                (
                    f"{_JOBS[job]}, {label}",
                    f"{sample.wall:.2f} s",
                    f"{files / sample.wall:,.0f} files/s",
                    "-" if label == "b2pure" else f"{ratio:.2f}x",
                    f"{sample.cpu:.2f} s",
                    f"{sample.peak_mib:.0f} MiB",
                    f"{sample.server_cpu:.2f} s",
                )
            )
    return table(rows)


def _lines(job: str, samples: Mapping[str, Sample], files: int) -> Iterator[Line]:
    ours = samples["b2pure"]
    for peer, targets in _TARGETS.items():
        rivals = [sample for label, sample in samples.items() if label.startswith(peer)]
        if rivals:
            theirs = min(rivals, key=lambda sample: sample.wall)
            rates = [f"{files / each.wall:,.0f} files/s" for each in (ours, theirs)]
            yield Line(f"{_JOBS[job]}, beside {peer}", rates[0], rates[1], theirs.wall / ours.wall, targets[job])
    if "b2sdk" in samples and job == "sync":
        theirs = samples["b2sdk"]
        rates = [f"{each.peak_mib:.0f} MiB" for each in (ours, theirs)]
        yield Line(f"{_JOBS[job]}, peak memory", rates[0], rates[1], theirs.peak_mib / ours.peak_mib, 1.0)


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.noop", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=("b2sdk2", "rclone", "none"), default=[], help="these peers")
    add_options(parser)
    given = parser.parse_args()
    lines = run(files=given.files, rounds=given.rounds, interop=given.interop, only=given.only)
    print("", show_lines(lines), sep="\n")


if __name__ == "__main__":
    main()
