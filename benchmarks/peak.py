"""The largest resident set of a process. Knows the standard library alone: other clients' environments import it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

__all__ = ["peak_kib"]


def peak_kib() -> int:
    """The largest resident set of this process so far, in KiB.

    On Linux not `ru_maxrss`: that one a child inherits from the process that started it, however large that was.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
