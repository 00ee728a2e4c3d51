"""`python scripts/emerge_loop.py [--seconds N] [--seed N]`: plans of tiny objects against all ways to make them.

What the laws of `tests/property/test_emerge*.py` check for a few hundred objects, for as many as there is time for, all
objectives each. Ends with 1 when a plan was not the best.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "property"))

from emerge_support import FAMILIES, tiny
from test_emerge import MEASURED, check_best, check_part_limit, check_verification
from test_emerge_stream import ALL, check_bound, check_same

Check = tuple[str, Callable[[], None]]


def _checks(seed: int) -> list[Check]:
    family = seed % len(FAMILIES)
    free, capped = tiny(seed, family), tiny(seed, family, capped=True)
    limit = Random(seed).randint(1, 6)
    found: list[Check] = [("verification", lambda: check_verification(free))]
    for each in MEASURED:
        found.append((f"best {each}", partial(check_best, free, each)))
        found.append((f"best with caps {each}", partial(check_best, capped, each)))
        found.append((f"limit {limit} {each}", partial(check_part_limit, free, each, limit)))
    for each in ALL:
        found.append((f"stream {each}", partial(check_same, free, each)))
    for ahead in (2, 3, 5):
        found.append((f"look-ahead {ahead}", partial(check_bound, free, "remote", ahead * free.minimum)))
    return found


def main() -> int:
    """Parse the command line, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    count = wrong = 0
    seed = options.seed
    while time.monotonic() < until:
        for name, check in _checks(seed):
            count += 1
            try:
                check()
            except Exception as error:
                wrong += 1
                print(f"seed {seed}, {name}: {type(error).__name__} {error}")
        seed += 1
    print(f"{count:,} checks of {seed - options.seed:,} objects, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
