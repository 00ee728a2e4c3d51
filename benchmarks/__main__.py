"""`python -m benchmarks [--small]`: every workload, b2pure beside b2sdk, b2 and rclone. `make bench` runs this.

What was measured is kept as JSON first. Tables and plots are made of that alone: `--from FILE` makes them again. A full
run writes them into the documentation, a small one into `.bench`.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks import emerge, large, noop, planning
from benchmarks import small as small_files
from benchmarks.contest import peers_of, show
from benchmarks.page import replaced, section
from benchmarks.plots import plot
from benchmarks.results import Machine, Run, Workload, from_json, to_json
from benchmarks.tables import aligned, verdict_rows
from benchmarks.targets import verdicts
from interop.environments import CHECKOUT, ROOT

__all__ = ["main"]

_PAGE: Final = CHECKOUT / "docs" / "performance.md"
_PICTURES: Final = "performance"
"""The folder beside the page that the plots and the JSON are in."""
_SMALL: Final = CHECKOUT / ".bench"


@frozen
class Size:
    """How much of everything, and how often: `rounds` of what takes long, `more` of what does not."""

    files: int
    mib: int
    listed: int
    planned: int
    intents: int
    rounds: int
    more: int

    @property
    def told(self) -> str:
        """For the page."""
        return (
            f"{self.rounds} to {self.more} alternating rounds" if self.rounds < self.more else f"{self.rounds} rounds"
        )


_FULL: Final = Size(5_000, 1024, 100_000, 1_000_000, 100_000, rounds=3, more=3)
_LITTLE: Final = Size(1_000, 256, 20_000, 100_000, 20_000, rounds=1, more=3)


def _measured(size: Size, peers: Mapping[str, Path]) -> Iterator[Workload]:
    few, more = size.rounds, size.more
    yield from small_files.run(files=size.files, rounds=few, latencies=(0.0, 30.0), peers=peers)
    yield from large.run(mib=size.mib, rounds=more, peers=peers)
    yield from noop.run(files=size.listed, rounds=few, peers=peers)
    yield from planning.run(files=size.planned, rounds=more)
    yield from emerge.run(intents=size.intents, rounds=more)


def _run(small: bool, interop: Path) -> Run:
    start, size, peers = time.monotonic(), _LITTLE if small else _FULL, peers_of(interop)
    workloads = []
    for workload in _measured(size, peers):
        print(show(workload), flush=True)
        workloads.append(workload)
    return Run(
        date=datetime.now(UTC).date().isoformat(),
        command="make bench-small" if small else "make bench",
        machine=Machine(os.cpu_count() or 1, f"{platform.system()} {platform.machine()}", platform.python_version()),
        versions=dict(_versions(peers)),
        rounds=size.told,
        seconds=time.monotonic() - start,
        workloads=tuple(workloads),
    )


def _versions(peers: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Of those that were measured; the planners are compared with the b2sdk of this environment."""
    yield "b2pure", version("b2pure")
    for name, client, package in (("b2sdk", "b2sdk2", "b2sdk"), ("b2", "b2_cli", "b2"), ("rclone", "rclone", "rclone")):
        if client in peers:
            yield name, _installed(peers[client], package)
    yield "b2sdk's planners", version("b2sdk")


def _installed(programs: Path, package: str) -> str:
    if package == "rclone":
        return _said(programs / "rclone", "version").split()[1].removeprefix("v")
    return _said(programs / "python", "-c", f"from importlib.metadata import version; print(version({package!r}))")


def _said(*command: str | Path) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _write(run: Run, small: bool) -> Path:
    """Tables and plots, on the page or, of a small run, on a page of its own."""
    page = _SMALL / _PAGE.name if small else _PAGE
    plot(run, page.parent / _PICTURES)
    page.write_text(replaced(_PAGE.read_text(), section(run, _PICTURES)))
    return page


def main() -> None:
    """Measure, keep, and show."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="less of everything, in less than five minutes")
    parser.add_argument("--from", dest="kept", type=Path, help="measure nothing; show this JSON of an earlier run")
    parser.add_argument("--interop", type=Path, default=ROOT, help="the folder of the other clients' environments")
    given = parser.parse_args()
    if given.kept is not None:
        run = from_json(given.kept.read_bytes())
    else:
        run = _run(given.small, given.interop)
        kept = (_SMALL if given.small else _PAGE.parent) / _PICTURES / "results.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(to_json(run))
    print(aligned(verdict_rows(verdicts(run.workloads))))
    print(f"took {run.seconds / 60:.1f} minutes; tables and plots: {_write(run, given.small)}")


if __name__ == "__main__":
    main()
