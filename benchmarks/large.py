"""`python -m benchmarks.large [--mib N] [--rounds R]`: one large file up, and down again, beside b2sdk and rclone.

The server is `light_server.py`, new for each run, which keeps a core free for the client; each client is a process of
its own in its own environment (those of `make interop`), and they take turns. Whatever goes up gets the SHA-1 of the
whole file and of each part, whatever comes down is verified; two more lines show rclone without the whole file's
SHA-1, and without verifying. What came down is compared with the source byte by byte, outside of what is measured.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import file_digest
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.request import ProxyHandler, Request, build_opener

from attrs import frozen

from benchmarks.measure import Line, alternate, in_child, memory_folder, show_lines, table
from interop.commands import NO_PROXY
from interop.environments import CHECKOUT, ROOT, environment

__all__ = ["PEAK_MIB", "Contestant", "Sample", "Server", "add_options", "main", "median_sample", "peers_of", "run"]

PEAK_MIB: Final = 200
"""What b2pure may need for a file of any size."""
_TARGETS: Final = {"b2sdk": {"up": 1.5, "down": 1.2}, "rclone": {"up": 1.0, "down": 1.0}}
_NAME: Final = "large.bin"


@frozen
class Contestant:
    """A client, its Python, and the options that it gets."""

    label: str
    client: str
    python: str = sys.executable
    options: tuple[str, ...] = ()


@frozen
class Sample:
    """One run of one client: its wall and CPU seconds and largest resident set, and the server's CPU seconds."""

    wall: float
    cpu: float
    peak_mib: float
    server_cpu: float


@frozen
class Source:
    """The file, and what the server has to be told of it."""

    path: Path
    sha1: str

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size


class Server:
    """A running server."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self.url, self.key_id, self.key = told["url"], told["application_key_id"], told["application_key"]
        self._opener = build_opener(ProxyHandler({}))

    def ask(self, path: str, **fields: str | int) -> dict[str, Any]:
        """What it answers."""
        request = Request(self.url + path, data=json.dumps(fields).encode())
        with self._opener.open(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
            return answer


@contextmanager
def _serving(source: Source, latency_ms: float) -> Iterator[Server]:
    command = [sys.executable, "-m", "benchmarks.light_server", "--latency-ms", str(latency_ms)]
    given = ["--file", str(source.path), "--sha1", source.sha1]
    with subprocess.Popen([*command, *given], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def run(*, mib: int, rounds: int, latency_ms: float = 0, interop: Path = ROOT, only: Sequence[str] = ()) -> list[Line]:
    """Measure both directions, print a table, and return the lines for the common one."""
    peers = peers_of(interop, only)
    with tempfile.TemporaryDirectory(dir=memory_folder(3 * mib << 20), prefix="b2pure-bench-") as name:
        source = _written(Path(name) / "source", mib)
        print(f"one file of {mib:,} MiB, {rounds} alternating rounds", flush=True)
        measured = {}
        for direction, extra in (("up", "--b2-disable-checksum"), ("down", "--ignore-checksum")):
            one = partial(_one, direction, source, latency_ms)
            contestants = _contestants(peers, {"up": "parts only", "down": "unverified"}[direction], extra)
            samples = alternate(rounds, {each.label: partial(one, each) for each in contestants})
            measured[direction] = {label: median_sample(taken) for label, taken in samples.items()}
    print(_show(measured, mib << 20), flush=True)
    return [line for direction, samples in measured.items() for line in _lines(direction, samples, mib)]


def peers_of(interop: Path, only: Sequence[str]) -> dict[str, Path]:
    """The environments of the peers; one that cannot be installed is left out and named."""
    peers = {}
    for client in ("b2sdk2", "rclone"):
        try:
            peers[client] = environment(client, interop)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"without {client}, which cannot be installed: {error}")
    return {client: programs for client, programs in peers.items() if not only or client in only}


def _contestants(peers: Mapping[str, Path], less: str, extra: str) -> Iterator[Contestant]:
    yield Contestant("b2pure", "b2pure")
    if "b2sdk2" in peers:
        yield Contestant("b2sdk", "b2sdk", str(peers["b2sdk2"] / "python"))
    if "rclone" in peers:
        program = str(peers["rclone"] / "rclone")
        yield Contestant("rclone", "rclone", options=(program,))
        yield Contestant(f"rclone, {less}", "rclone", options=(program, extra))


def _written(folder: Path, mib: int) -> Source:
    folder.mkdir()
    path, block = folder / _NAME, os.urandom(1 << 20)
    with path.open("wb") as file:
        for number in range(mib):
            file.write(number.to_bytes(8) + block[8:])
    with path.open("rb") as file:
        return Source(path, file_digest(file, "sha1").hexdigest())


def _one(direction: str, source: Source, latency_ms: float, contestant: Contestant) -> Sample:
    target = source.path.parent.with_name("target") / _NAME
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir()
    file = source.path if direction == "up" else target
    with _serving(source, latency_ms) as server:
        before = server.ask("/cpu")["seconds"]
        task = (direction, server.url, server.key_id, server.key, str(file), *contestant.options)
        told = in_child("benchmarks.large_clients", contestant.client, *task, python=contestant.python, **NO_PROXY)
        busy = server.ask("/cpu")["seconds"] - before
        if not (_arrived(server, source) if direction == "up" else filecmp.cmp(source.path, target, shallow=False)):
            raise RuntimeError(f"{contestant.label} brought something else {direction}")
    shutil.rmtree(target.parent)
    return Sample(told["wall"], told["cpu"], told["peak_kib"] / 1024, busy)


def _arrived(server: Server, source: Source) -> bool:
    """Whether the server was told of one file of the right length, and of the right SHA-1 if of any."""
    (file,) = server.ask("/b2api/v4/b2_list_file_names", bucketId="b0up")["files"]
    told = file["fileInfo"].get("large_file_sha1", source.sha1)
    return (file["fileName"], file["contentLength"], told) == (_NAME, source.size, source.sha1)


def median_sample(samples: Sequence[Sample]) -> Sample:
    """The median of each figure."""
    return Sample(
        median(s.wall for s in samples),
        median(s.cpu for s in samples),
        median(s.peak_mib for s in samples),
        median(s.server_cpu for s in samples),
    )


def _show(measured: Mapping[str, Mapping[str, Sample]], size: int) -> str:
    rows = [("", "wall", "rate", "b2pure is", "client CPU", "client's peak", "server CPU")]
    for direction, samples in measured.items():
        for label, sample in samples.items():
            ratio = sample.wall / samples["b2pure"].wall
            rows.append(
                (
                    f"{direction}, {label}",
                    f"{sample.wall:.2f} s",
                    f"{size / sample.wall / 1e6:,.0f} MB/s",
                    "-" if label == "b2pure" else f"{ratio:.2f}x",
                    f"{sample.cpu:.2f} s",
                    f"{sample.peak_mib:.0f} MiB",
                    f"{sample.server_cpu:.2f} s",
                )
            )
    peak = max(samples["b2pure"].peak_mib for samples in measured.values())
    verdict = "yes" if peak < PEAK_MIB else "NO"
    return f"{table(rows)}\nb2pure's peak of {peak:.0f} MiB is below {PEAK_MIB} MiB: {verdict}"


def _lines(direction: str, samples: Mapping[str, Sample], mib: int) -> Iterator[Line]:
    ours = samples["b2pure"]
    for peer, targets in _TARGETS.items():
        if peer in samples:
            theirs = samples[peer]
            rates = [f"{(mib << 20) / each.wall / 1e6:,.0f} MB/s" for each in (ours, theirs)]
            what = f"{mib:,} MiB {direction}, all hashes, beside {peer}"
            yield Line(what, rates[0], rates[1], theirs.wall / ours.wall, targets[direction])


def add_options(parser: argparse.ArgumentParser) -> None:
    """The option that `python -m benchmarks` has as well."""
    parser.add_argument("--interop", type=Path, default=ROOT, help="the folder of the other clients' environments")


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="a pause of the server before each answer")
    parser.add_argument("--only", nargs="*", choices=("b2sdk2", "rclone", "none"), default=[], help="these peers")
    add_options(parser)
    given = parser.parse_args()
    lines = run(mib=given.mib, rounds=given.rounds, latency_ms=given.latency_ms, interop=given.interop, only=given.only)
    print("", show_lines(lines), sep="\n")


if __name__ == "__main__":
    main()
