"""`python -m benchmarks [--small]`: all of them, and one table at the end. `make bench` runs this."""

from __future__ import annotations

import argparse
import time

from benchmarks import emerge, killed, large, loopback, noop, planner_memory, planning, records, server
from benchmarks import small as small_files
from benchmarks.measure import show_lines

__all__ = ["main"]


def main() -> None:
    """Run everything and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of everything")
    large.add_options(parser)
    given = parser.parse_args()
    small = given.small
    start = time.monotonic()
    print(records.show(records.run()), end="\n\n", flush=True)
    # Small children first: a parent that has grown makes none of theirs larger, but slower to start.
    shares = planner_memory.run((10_000, 100_000) if small else (100_000, 1_000_000))
    print(planner_memory.show(shares), end="\n\n", flush=True)
    lines = loopback.run(files=1_000 if small else 10_000, rounds=2)
    print(flush=True)
    lines += large.run(mib=256 if small else 512, rounds=1 if small else 3, interop=given.interop)
    print(flush=True)
    lines += noop.run(files=10_000 if small else 100_000, rounds=1 if small else 3, interop=given.interop)
    lines += small_files.run(
        files=1_000 if small else 5_000, rounds=1 if small else 3, latencies=(0.0, 30.0), interop=given.interop
    )
    print(flush=True)
    print(server.show(server.run(files=500 if small else 5_000, mib=32 if small else 128)), end="\n\n", flush=True)
    print(killed.show(killed.run(mib=256 if small else 512)), end="\n\n", flush=True)
    lines += emerge.run(10_000 if small else 100_000, rounds=3)
    lines = [*planning.run(100_000 if small else 1_000_000, rounds=3), planner_memory.line(shares), *lines]
    print("", show_lines(lines), f"took {time.monotonic() - start:.0f} s", sep="\n")


if __name__ == "__main__":
    main()
