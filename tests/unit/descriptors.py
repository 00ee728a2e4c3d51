"""Which descriptors this process has open in a folder. Those of other tests' garbage come and go with the collector."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["are_told", "open_below"]

_OURS: Final = Path("/proc/self/fd")
are_told: Final = _OURS.is_dir()
"""Whether the system says which descriptors are open."""


def open_below(folder: Path) -> list[str]:
    """The paths of the folder, and of what is in it, that are open; once for each descriptor."""
    found: list[str] = []
    for descriptor in os.listdir(_OURS):
        with suppress(FileNotFoundError):  # that of the listing itself
            found.append(os.readlink(_OURS / descriptor))
    real = os.path.realpath(folder)
    return sorted(path for path in found if path == real or path.startswith(real + os.sep))
