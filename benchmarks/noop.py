"""`python -m benchmarks.noop [--files N] [--rounds R]`: a sync that has nothing to do, beside b2sdk, b2 and rclone.

A folder whose files are all in the bucket already, as they are: what is left is to scan the one, to list the other and
to compare. The server is `light_server.py` with a listing made beforehand. The scan of the folder alone is measured as
well, and the listing alone, with a server that is late. rclone is shown with `--fast-list` and without: folder by
folder, or in one listing. After each sync the server is asked whether anything came.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Literal

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
from benchmarks.long_listing import FILE_BYTES, MODIFIED_MILLIS, name_of
from benchmarks.measure import memory_folder
from benchmarks.results import Sample, Workload

__all__ = ["JOBS", "main", "run"]

Job = Literal["noop", "scan", "list-late"]

JOBS: Final[tuple[Job, ...]] = ("noop", "scan", "list-late")
_LATE_MS: Final = 30.0
_TITLES: Final[Mapping[Job, str]] = {
    "noop": "a sync of {files:,} files that has nothing to do",
    "scan": "a scan of {files:,} local files",
    "list-late": "a listing of {files:,} files, answers {late:g} ms late",
}
_INODE_BYTES: Final = 2048
"""What a file without blocks takes of a file system in memory, at most."""


def run(*, files: int, rounds: int, peers: Mapping[str, Path], jobs: tuple[Job, ...] = JOBS) -> Iterator[Workload]:
    """The jobs, each as soon as it is measured."""
    with tempfile.TemporaryDirectory(dir=memory_folder(files * _INODE_BYTES), prefix="b2pure-bench-") as name:
        _fill(Path(name), files)
        for job in jobs:
            latency = _LATE_MS if job == "list-late" else 0
            options = ("--listing", str(files), "--latency-ms", str(latency))
            with serving("benchmarks.light_server", *options) as server:
                one = partial(_one, job, Path(name), files, server)
                title = _TITLES[job].format(files=files, late=_LATE_MS)
                yield contest(job, title, "files", files, rounds, _contestants(peers, job), one)


def _contestants(peers: Mapping[str, Path], job: Job) -> Iterator[Contestant]:
    ours = ours_in()
    yield Contestant("b2pure", "b2pure", ours)
    if "b2sdk2" in peers:
        yield Contestant("b2sdk", "b2sdk", str(peers["b2sdk2"] / "python"))
    if "b2_cli" in peers:
        yield Contestant("b2, dry run" if job == "scan" else "b2", "b2", options=(str(peers["b2_cli"] / "b2"),))
    if "rclone" in peers:
        program = str(peers["rclone"] / "rclone")
        yield Contestant("rclone", "rclone", options=(program,))
        if job != "scan":
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


def _one(job: Job, folder: Path, files: int, server: Server, contestant: Contestant) -> Sample:
    task = (job, server.url, server.key_id, server.key, str(folder), str(files))
    sample = measured_by("benchmarks.noop_clients", contestant, task, server, files)
    if server.ask("/cpu")["files"]:
        raise RuntimeError(f"{contestant.label} uploaded what was there already")
    return sample


def main() -> None:
    """Parse the command line and print."""
    parser = options_of("noop", __doc__, rounds=3)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=JOBS)
    given = parser.parse_args()
    peers = peers_of(given.interop, given.only)
    show_all(run(files=given.files, rounds=given.rounds, peers=peers, jobs=tuple(given.jobs)))


if __name__ == "__main__":
    main()
