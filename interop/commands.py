"""Programs that a scenario types, with what they must say."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NO_PROXY: Final = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


class CommandFailed(AssertionError):
    """A program ended otherwise than it must."""


@dataclass(frozen=True)
class Program:
    """An executable with the environment that it gets on top of ours."""

    executable: Path
    environment: Mapping[str, str]
    options: tuple[str, ...] = ()

    def __call__(self, *arguments: str, data: bytes | None = None) -> bytes:
        """Run it; standard output. Any exit status but 0 is a failure, told by the end of standard error."""
        done = self._run(arguments, data)
        if done.returncode:
            raise CommandFailed(f"{self._shown(arguments)}: exit status {done.returncode}: {_end(done)}")
        return done.stdout

    def text(self, *arguments: str) -> str:
        """Standard output as text."""
        return self(*arguments).decode()

    def refused(self, *arguments: str, saying: tuple[str, ...], data: bytes | None = None) -> None:
        """Run it; it must fail, and say one of these."""
        done = self._run(arguments, data)
        if not done.returncode:
            raise CommandFailed(f"{self._shown(arguments)}: was not refused")
        said = (done.stderr + done.stdout).decode(errors="replace").lower()
        if not any(word.lower() in said for word in saying):
            raise CommandFailed(f"{self._shown(arguments)}: did not say one of {saying}: {_end(done)}")

    def _run(self, arguments: tuple[str, ...], data: bytes | None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self.executable, *self.options, *arguments],
            env={**os.environ, **NO_PROXY, **self.environment},
            input=data if data is not None else b"",
            capture_output=True,
            check=False,
        )

    def _shown(self, arguments: tuple[str, ...]) -> str:
        return " ".join((self.executable.name, *arguments))


def _end(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    return " / ".join(lines[-4:])
