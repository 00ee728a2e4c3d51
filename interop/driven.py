"""Scenarios that run in a client's own environment, under its own Python: they tell their outcomes as JSON lines."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from interop.commands import NO_PROXY
from interop.environments import CHECKOUT
from interop.scenario import Outcome, Target


def driven(client: str, target: Target, programs: Path) -> Iterator[Outcome]:
    """The outcomes of `interop/drivers/<client>.py`; one more, failed, if the driver itself fell over."""
    command = [str(programs / "python"), "-W", "ignore", "-m", f"interop.drivers.{client}"]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env={**os.environ, **NO_PROXY, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as driver,
    ):
        assert driver.stdin is not None
        assert driver.stdout is not None
        driver.stdin.write(target.to_json())
        driver.stdin.close()
        for line in driver.stdout:
            yield Outcome.from_json(line)
        if driver.wait():
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
            yield Outcome("the driver", "FAIL", 0.0, f"exit status {driver.returncode}: {' '.join(last)}")
