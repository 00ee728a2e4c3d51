"""`python -m benchmarks.large [--mib N] [--rounds R]`: one large file up, and down again, beside b2sdk, b2 and rclone.

The server is `light_server.py`, new for each run, which keeps a core free for the client. Whatever goes up gets the
SHA-1 of the whole file and of each part, whatever comes down is verified; b2pure and rclone are shown without the whole
file's SHA-1 as well, and rclone without verifying. What came down is compared with the source byte by byte, outside of
what is measured.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import Final, Literal

from attrs import frozen

from benchmarks.contest import (
    Contestant,
    Server,
    contest,
    measured_by,
    options_of,
    ours_in,
    peers_of,
    serving,
    show_all,
)
from benchmarks.measure import memory_folder
from benchmarks.results import Sample, Workload

__all__ = ["main", "run"]

Direction = Literal["up", "down"]

_NAME: Final = "large.bin"
_TITLES: Final[Mapping[Direction, str]] = {
    "up": "up",
    "down": "down, verified",
}


@frozen
class Source:
    """The file, and what the server has to be told of it."""

    path: Path
    sha1: str

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size


def run(*, mib: int, rounds: int, peers: Mapping[str, Path], latency_ms: float = 0) -> Iterator[Workload]:
    """Up and down, each as soon as it is measured."""
    with tempfile.TemporaryDirectory(dir=memory_folder(3 * mib << 20), prefix="b2pure-bench-") as name:
        source = _written(Path(name) / "source", mib)
        for direction, told in _TITLES.items():
            one = partial(_one, direction, source, latency_ms)
            title = f"one file of {mib:,} MiB {told}"
            yield contest(direction, title, "MB", source.size / 1e6, rounds, _contestants(peers, direction), one)


def _contestants(peers: Mapping[str, Path], direction: Direction) -> Iterator[Contestant]:
    ours = ours_in()
    yield Contestant("b2pure", "b2pure", ours)
    if direction == "up":
        yield Contestant("b2pure, parts only", "b2pure", ours, options=("parts-only",))
    if "b2sdk2" in peers:
        yield Contestant("b2sdk", "b2sdk", str(peers["b2sdk2"] / "python"))
    if "b2_cli" in peers:
        yield Contestant("b2", "b2", options=(str(peers["b2_cli"] / "b2"),))
    if "rclone" in peers:
        program = str(peers["rclone"] / "rclone")
        less, extra = {"up": ("parts only", "--b2-disable-checksum"), "down": ("unverified", "--ignore-checksum")}[
            direction
        ]
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


def _one(direction: Direction, source: Source, latency_ms: float, contestant: Contestant) -> Sample:
    target = source.path.parent.with_name("target") / _NAME
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir()
    file = source.path if direction == "up" else target
    options = ("--latency-ms", str(latency_ms), "--file", str(source.path), "--sha1", source.sha1)
    with serving("benchmarks.light_server", *options) as server:
        task = (direction, server.url, server.key_id, server.key, str(file))
        sample = measured_by("benchmarks.large_clients", contestant, task, server, source.size / 1e6)
        told = "parts only" not in contestant.label
        if not (
            _arrived(server, source, told) if direction == "up" else filecmp.cmp(source.path, target, shallow=False)
        ):
            raise RuntimeError(f"{contestant.label} brought something else {direction}")
    shutil.rmtree(target.parent)
    return sample


def _arrived(server: Server, source: Source, told: bool) -> bool:
    """Whether the server has one file of the right length, with the SHA-1 of the whole if that is to be `told`."""
    (file,) = server.ask("/b2api/v4/b2_list_file_names", bucketId="b0up")["files"]
    sha1 = file["fileInfo"].get("large_file_sha1")
    return (file["fileName"], file["contentLength"], sha1) == (_NAME, source.size, source.sha1 if told else None)


def main() -> None:
    """Parse the command line and print."""
    parser = options_of("large", __doc__, rounds=5)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="a pause of the server before each answer")
    given = parser.parse_args()
    peers = peers_of(given.interop, given.only)
    show_all(run(mib=given.mib, rounds=given.rounds, peers=peers, latency_ms=given.latency_ms))


if __name__ == "__main__":
    main()
