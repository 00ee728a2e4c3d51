"""The command line in this process, against a simulated B2 over real HTTP: a pytest plugin of fixtures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from attrs import frozen

from b2pure.effects.simulator import Simulator
from b2pure.shell import cli
from b2pure.shell.clock import SystemClock
from b2pure.shell.serve import serve_in_thread

__all__ = ["Ended", "Run", "run", "simulator"]


@frozen
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def simulator() -> Simulator:
    made = Simulator(SystemClock().now_millis)
    made.add_bucket("demo")
    return made


@pytest.fixture
def run(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run the command line in this process, in an empty folder, with the environment of a served B2."""
    with serve_in_thread(simulator) as server:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("B2_ENVIRONMENT", server.url)
        monkeypatch.setenv("B2_APPLICATION_KEY_ID", simulator.master_key_id)
        monkeypatch.setenv("B2_APPLICATION_KEY", simulator.master_key)
        yield _runner(monkeypatch)


def _runner(monkeypatch: pytest.MonkeyPatch) -> Run:
    def command(*arguments: str) -> Ended:
        out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["b2pure", *arguments])
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            status = _status(cli.run)
        return Ended(status, _written(out), _written(err))

    return command


def _status(main: Callable[[], None]) -> int:
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _written(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
