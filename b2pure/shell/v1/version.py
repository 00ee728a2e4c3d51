"""Who we are: the version of b2pure (not of b2sdk), and what B2 is told in `User-Agent`."""

from __future__ import annotations

from typing import Final

from b2pure import __version__
from b2pure.shell.http import DEFAULT_USER_AGENT

__all__ = ["USER_AGENT", "VERSION"]

VERSION: Final = __version__
USER_AGENT: Final = DEFAULT_USER_AGENT
