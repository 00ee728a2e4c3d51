"""The largest resident set of a process. Knows the standard library alone: other clients' environments import it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

__all__ = ["peak_kib"]


def peak_kib(pid: int | None = None) -> int:
    """The largest resident set of this process so far, or of another one that runs (0 where that is not told), in KiB.

    On Linux not `ru_maxrss`: that one a child inherits from the process that started it, however large that was.
    """
    status = Path(f"/proc/{pid or 'self'}/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    if pid is not None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
