"""The command line's --threads, --limit-upload and --limit-download, and Ctrl-C while bytes wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from b2pure.effects.simulator import Simulator

if TYPE_CHECKING:
    from commands import Run

pytest_plugins = ("commands",)

SIZE = 75_000
LEAST = 0.49
"""Seconds that so many bytes need at 100 kB/s: a quarter of a second's bytes may move at once."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "file").write_bytes(os.urandom(SIZE))
    return folder


def _took(run: Run, *arguments: str) -> float:
    begin = time.monotonic()
    ended = run(*arguments)
    assert ended.returncode == 0, ended.stderr
    return time.monotonic() - begin


def test_every_command_that_moves_bytes_keeps_to_the_limit(run: Run, photos: Path, tmp_path: Path) -> None:
    up, down = ("--limit-upload", "100KB"), ("--limit-download", "0.1MB")
    assert _took(run, "sync", "photos", "b2://demo/synced", *up) >= LEAST
    assert _took(run, "upload", "photos/file", "b2://demo/single", *up) >= LEAST
    run("plan", "photos", "b2://demo/applied", "-o", "plan.jsonl")
    assert _took(run, "apply", "plan.jsonl", *up) >= LEAST
    assert _took(run, "sync", "b2://demo/synced", "back", *down) >= LEAST
    assert _took(run, "download", "b2://demo/single", "single", *down) >= LEAST
    for path in ("back/file", "single"):
        assert (tmp_path / path).read_bytes() == (photos / "file").read_bytes()


def test_a_limit_holds_for_its_own_direction(run: Run, photos: Path) -> None:
    assert run("sync", "photos", "b2://demo", "--limit-download", "1").returncode == 0
    assert run("sync", "b2://demo", "back", "--limit-upload", "1").returncode == 0


@pytest.mark.parametrize("size", ["0", "-1", "fast", "5MB/s", ""])
def test_a_limit_that_is_none_is_refused(run: Run, photos: Path, size: str) -> None:
    ended = run("sync", "photos", "b2://demo", "--limit-upload", size)
    assert ended.returncode == 2
    assert "--limit-upload" in ended.stderr


@pytest.mark.parametrize("threads", ["1", "64", "512"])
def test_a_number_of_threads_is_taken(run: Run, photos: Path, threads: str) -> None:
    assert run("sync", "photos", "b2://demo", "--threads", threads).returncode == 0


@pytest.mark.parametrize("threads", ["0", "513", "2-8"])
def test_a_number_of_threads_that_makes_no_sense_is_refused(run: Run, photos: Path, threads: str) -> None:
    assert run("sync", "photos", "b2://demo", "--threads", threads).returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("command", [("sync", "photos", "b2://demo"), ("upload", "photos/large", "b2://demo/large")])
def test_ctrl_c_is_heard_while_bytes_wait(photos: Path, command: tuple[str, ...], simulator: Simulator) -> None:
    (photos / "large").write_bytes(bytes(5_000_000))  # more than a minute at this rate
    arguments = [sys.executable, "-m", "b2pure", *command, "--limit-upload", "50KB"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        while not simulator.log.entries("b2_get_upload_url"):
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        _, told = process.communicate(timeout=60)
    assert time.monotonic() - begin < 30
    assert process.returncode == 1
    assert "interrupted; run it again to go on from here" in told
