"""`python -m benchmarks.small [--files N] [--rounds R] [--latency-ms N ...]`: many small files up, beside b2sdk, b2 and
rclone.

The server is `small_server.py`, new for each run, which keeps a core free for the client. Afterwards the server is
asked for every file, and its length and SHA-1 are compared with the source, outside of what is measured.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha1
from pathlib import Path
from typing import Any, Final

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
from benchmarks.light_server import BUCKETS, UP
from benchmarks.measure import memory_folder
from benchmarks.results import Sample, Workload

__all__ = ["main", "run"]

_BYTES: Final = 1024
_BLOCK: Final = 4096
"""What a small file takes in a file system."""
_PAGE: Final = 10_000
_FEWER: Final = 5
"""rclone makes at most 100 calls a second, so it gets this part of the files."""


def run(*, files: int, rounds: int, latencies: Sequence[float], peers: Mapping[str, Path]) -> Iterator[Workload]:
    """One workload for each latency (milliseconds), as soon as it is measured."""
    contestants = tuple(_contestants(peers))
    with tempfile.TemporaryDirectory(dir=memory_folder(2 * _BLOCK * files), prefix="b2pure-bench-") as name:
        folders = {fewer: _written(Path(name) / str(fewer), files // fewer) for fewer in {c.fewer for c in contestants}}
        for latency in latencies:
            one = partial(_one, folders, latency)
            key = "small-late" if latency else "small"
            title = f"{files:,} files of 1 KiB up" + (f", answers {latency:g} ms late" if latency else "")
            yield contest(key, title, "files", files, rounds, contestants, one)


def _contestants(peers: Mapping[str, Path]) -> Iterator[Contestant]:
    ours = ours_in()
    yield Contestant("b2pure", "b2pure", ours, options=("0",))
    yield Contestant("b2pure, 10 workers", "b2pure", ours, options=("10",))
    yield Contestant("b2pure, 2 processes", "b2pure", ours, options=("0x2",))
    if "b2sdk2" in peers:
        yield Contestant("b2sdk", "b2sdk", str(peers["b2sdk2"] / "python"))
    if "b2_cli" in peers:
        yield Contestant("b2", "b2", options=(str(peers["b2_cli"] / "b2"),))
    if "rclone" in peers:
        yield Contestant("rclone", "rclone", options=(str(peers["rclone"] / "rclone"),), fewer=_FEWER)


def _content(number: int) -> bytes:
    return number.to_bytes(4, "big") * (_BYTES // 4)


def _written(folder: Path, files: int) -> Path:
    folder.mkdir()
    for number in range(files):
        (folder / f"file{number:06d}.bin").write_bytes(_content(number))
    return folder


def _one(folders: Mapping[int, Path], latency_ms: float, contestant: Contestant) -> Sample:
    folder = folders[contestant.fewer]
    files = sum(1 for _ in folder.iterdir())
    with serving("benchmarks.small_server", "--latency-ms", str(latency_ms)) as server:
        task = (server.url, server.key_id, server.key, str(folder), UP)
        sample = measured_by("benchmarks.small_clients", contestant, task, server, files)
        if not _arrived(server, files):
            raise RuntimeError(f"{contestant.label} brought something else")
    return sample


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


def main() -> None:
    """Parse the command line and print."""
    parser = options_of("small", __doc__, rounds=3)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--latency-ms", type=float, nargs="+", default=[0.0, 30.0], help="how long each answer takes")
    given = parser.parse_args()
    peers = peers_of(given.interop, given.only)
    show_all(run(files=given.files, rounds=given.rounds, latencies=given.latency_ms, peers=peers))


if __name__ == "__main__":
    main()
