"""`python -m benchmarks.small [--files N] [--rounds R] [--latency-ms N ...]`: many small files up, beside b2sdk and
rclone.

The server is `small_server.py`, new for each run, which keeps a core free for the client; each client is a process of
its own in its own environment (those of `make interop`), and they take turns. Afterwards the server is asked for every
file, and its length and SHA-1 are compared with the source, outside of what is measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha1
from pathlib import Path
from statistics import median
from typing import Any, Final

from attrs import frozen

from benchmarks.large import Sample, Server, add_options, peers_of
from benchmarks.light_server import BUCKETS, UP
from benchmarks.measure import Line, alternate, in_child, memory_folder, show_lines, table
from interop.commands import NO_PROXY
from interop.environments import CHECKOUT, ROOT

__all__ = ["main", "run"]

_BYTES: Final = 1024
_BLOCK: Final = 4096
"""What a small file takes in a file system."""
_PAGE: Final = 10_000
_FEWER: Final = 5
"""rclone makes at most 100 calls a second, so it gets this part of the files."""
_RATES: Final = {("b2sdk", False): 8.0, ("b2sdk", True): 6.0, ("rclone", True): 20.0}
"""How many times more files per second there are to be, by peer and whether the server is late."""
_LESS_CPU: Final = {("rclone", False): 4.0}


@frozen
class Contestant:
    """A client, its Python, what it is told, and how many times fewer files it gets."""

    label: str
    client: str
    python: str = sys.executable
    how: str = "0"
    fewer: int = 1


Measured = Mapping[str, Sample]
"""Medians by contestant, each for one file."""


@contextmanager
def _serving(latency_ms: float) -> Iterator[Server]:
    command = [sys.executable, "-m", "benchmarks.small_server", "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def run(
    *, files: int, rounds: int, latencies: Sequence[float], interop: Path = ROOT, only: Sequence[str] = ()
) -> list[Line]:
    """Measure, print a table, and return the lines for the common one."""
    contestants = tuple(_contestants(peers_of(interop, only)))
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(dir=memory_folder(2 * _BLOCK * files), prefix="b2pure-bench-") as name:
        folders = {fewer: _written(Path(name) / str(fewer), files // fewer) for fewer in {c.fewer for c in contestants}}
        print(f"{files:,} files of {_BYTES} bytes up, {rounds} alternating rounds", flush=True)
        for latency in latencies:
            jobs = {each.label: partial(_one, folders[each.fewer], latency, each) for each in contestants}
            samples = {label: _median(taken) for label, taken in alternate(rounds, jobs).items()}
            print(f"answers after {latency:g} ms", _show(samples), sep="\n", flush=True)
            lines += _lines(samples, files, latency)
    return lines


def _contestants(peers: Mapping[str, Path]) -> Iterator[Contestant]:
    yield Contestant("b2pure", "b2pure")
    yield Contestant("b2pure, 10 workers", "b2pure", how="10")
    yield Contestant("b2pure, 2 processes", "b2pure", how="0x2")
    if "b2sdk2" in peers:
        yield Contestant("b2sdk", "b2sdk", str(peers["b2sdk2"] / "python"))
    if "rclone" in peers:
        yield Contestant("rclone", "rclone", how=str(peers["rclone"] / "rclone"), fewer=_FEWER)


def _content(number: int) -> bytes:
    return number.to_bytes(4, "big") * (_BYTES // 4)


def _written(folder: Path, files: int) -> Path:
    folder.mkdir()
    for number in range(files):
        (folder / f"file{number:06d}.bin").write_bytes(_content(number))
    return folder


def _one(folder: Path, latency_ms: float, contestant: Contestant) -> Sample:
    files = sum(1 for _ in folder.iterdir())
    with _serving(latency_ms) as server:
        before = server.ask("/cpu")["seconds"]
        task = (server.url, server.key_id, server.key, str(folder), UP, contestant.how)
        told = in_child("benchmarks.small_clients", contestant.client, *task, python=contestant.python, **NO_PROXY)
        busy = server.ask("/cpu")["seconds"] - before
        if not _arrived(server, files):
            raise RuntimeError(f"{contestant.label} brought something else")
    return Sample(told["wall"] / files, told["cpu"] / files, told["peak_kib"] / 1024, busy / files)


def _arrived(server: Server, files: int) -> bool:
    """Whether the server has every file once, with the right name, length and SHA-1."""
    expected = (
        (f"file{n:06d}.bin", _BYTES, sha1(_content(n), usedforsecurity=False).hexdigest()) for n in range(files)
    )
    return [(f["fileName"], f["contentLength"], f["contentSha1"]) for f in _listed(server)] == list(expected)


def _listed(server: Server) -> Iterator[dict[str, Any]]:
    start: str | None = ""
    while start is not None:
        more = {"startFileName": start} if start else {}
        page = server.ask("/b2api/v4/b2_list_file_versions", bucketId=BUCKETS[UP], maxFileCount=_PAGE, **more)
        yield from page["files"]
        start = page["nextFileName"]


def _median(samples: Sequence[Sample]) -> Sample:
    return Sample(
        median(s.wall for s in samples),
        median(s.cpu for s in samples),
        median(s.peak_mib for s in samples),
        median(s.server_cpu for s in samples),
    )


def _show(samples: Measured) -> str:
    rows = [("", "files/s", "b2pure is", "client CPU a file", "b2pure's is", "client's peak", "server CPU a file")]
    ours = samples["b2pure"]
    for label, sample in samples.items():
        mine = label == "b2pure"
        rows.append(
            (
                label,
                f"{1 / sample.wall:,.0f}",
                "-" if mine else f"{sample.wall / ours.wall:.1f}x",
                f"{sample.cpu * 1000:.3f} ms",
                "-" if mine else f"{sample.cpu / ours.cpu:.1f}x less",
                f"{sample.peak_mib:.0f} MiB",
                f"{sample.server_cpu * 1000:.3f} ms",
            )
        )
    return table(rows)


def _lines(samples: Measured, files: int, latency: float) -> Iterator[Line]:
    ours, late = samples["b2pure"], latency > 0
    what = f"{files:,} x 1 KiB up" + (f", {latency:g} ms late" if late else "")
    for peer in ("b2sdk", "rclone"):
        if peer not in samples:
            continue
        theirs = samples[peer]
        rates = [f"{1 / each.wall:,.0f} files/s" for each in (ours, theirs)]
        yield Line(f"{what}, beside {peer}", rates[0], rates[1], theirs.wall / ours.wall, _RATES.get((peer, late)))
        cpu = [f"{each.cpu * 1000:.2f} ms/file" for each in (ours, theirs)]
        yield Line(f"{what}, CPU beside {peer}", cpu[0], cpu[1], theirs.cpu / ours.cpu, _LESS_CPU.get((peer, late)))


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.small", description=__doc__)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, nargs="+", default=[0.0, 30.0], help="how long each answer takes")
    parser.add_argument("--only", nargs="*", choices=("b2sdk2", "rclone", "none"), default=[], help="these peers")
    add_options(parser)
    given = parser.parse_args()
    lines = run(
        files=given.files, rounds=given.rounds, latencies=given.latency_ms, interop=given.interop, only=given.only
    )
    print("", show_lines(lines), sep="\n")


if __name__ == "__main__":
    main()
