"""How commands end when a signal, or whoever reads their output, ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from b2pure.effects.simulator import Simulator
from b2pure.model.names import temporary_name
from b2pure.shell.signals import Terminated, ending_raises

if TYPE_CHECKING:
    from commands import Run

pytest_plugins = ("commands",)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")

B2PURE: Final = f"{sys.executable} -m b2pure"
MANY: Final = 1_500
"""More lines than a pipe that nobody reads has room for."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:04}{'x' * 80}").write_bytes(b"%d" % number)
    return folder


def shell(command: str) -> subprocess.CompletedProcess[str]:
    whole = f"set -o pipefail; {command}"
    return subprocess.run(["bash", "-c", whole], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.usefixtures("run")
def test_a_sync_whose_reader_goes_away_is_done_all_the_same(photos: Path, simulator: Simulator) -> None:
    ended = shell(f"{B2PURE} sync photos b2://demo --no-progress | head -1")
    assert ended.returncode == 141
    assert ended.stdout.startswith("upload ")
    assert ended.stderr.startswith(f"{MANY:,} upload (")
    assert len(ended.stderr.splitlines()) == 1
    bucket = simulator.bucket_id("demo")
    assert bucket is not None
    assert len(simulator.visible(bucket)) == MANY
    assert shell(f"{B2PURE} sync photos b2://demo | head -1").returncode == 0, "nothing was left unread"


@pytest.mark.usefixtures("run")
def test_what_is_amiss_matters_more_than_a_reader_that_goes_away(photos: Path) -> None:
    (photos / "bad").symlink_to("nowhere")
    ended = shell(f"{B2PURE} sync photos b2://demo --no-progress | head -1")
    assert ended.returncode == 1
    assert "skipped: bad: " in ended.stderr


def test_commands_that_only_print_end_when_nobody_reads(run: Run, photos: Path) -> None:
    for command in ("plan photos b2://demo", "plan photos b2://demo --json", "ls b2://demo"):
        if command.startswith("ls"):
            assert run("sync", "photos", "b2://demo", "--quiet").returncode == 0
        ended = shell(f"{B2PURE} {command} | head -1")
        assert (ended.returncode, ended.stderr) == (141, ""), command


def test_a_download_whose_reader_goes_away_ends_without_a_word(run: Run, tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(bytes(4_000_000))
    assert run("upload", "long", "b2://demo/long", "--quiet").returncode == 0
    ended = shell(f"{B2PURE} download b2://demo/long - | head -c 10 | wc -c")
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (141, "10", "")
    ended = shell(f"{B2PURE} download b2://demo/long - | wc -c")
    assert (ended.returncode, ended.stdout.strip()) == (0, "4000000"), "what is read is told as ever"
    assert "SHA-1" in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is always full")
def test_a_download_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    """Only a reader that went away needs no words."""
    (tmp_path / "long").write_bytes(bytes(4_000_000))
    assert run("upload", "long", "b2://demo/long", "--quiet").returncode == 0
    ended = shell(f"{B2PURE} download b2://demo/long - > /dev/full")
    assert ended.returncode == 1
    assert "standard output: No space left on device" in ended.stderr


@pytest.mark.usefixtures("run")
def test_a_signal_that_is_ignored_stays_ignored(photos: Path) -> None:
    command = f"{B2PURE} sync photos b2://demo --limit-upload 3KB --quiet"
    ended = shell(f"trap '' HUP; {command} & sleep 1; kill -HUP $!; wait $!; echo $?")
    assert ended.stdout.splitlines() == ["0"], ended


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_server_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "b2pure", "serve", "--data", str(tmp_path), "--bucket", "demo-bucket"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline()
        server.send_signal(number)
        try:
            _, told = server.communicate(timeout=20)
        finally:
            server.kill()  # or this would wait for it for ever
    assert server.returncode == 0
    assert told.splitlines()[-1].startswith("# everything is in ")


def test_one_wish_that_comes_twice_is_one() -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.raises(Terminated) as ended:
            _end_twice()
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)
    assert (ended.value.status, str(ended.value)) == (129, "SIGHUP")


def _end_twice() -> None:
    with ending_raises():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


def test_nothing_changes_where_no_signal_comes() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    with ending_raises():
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] != before
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


def test_plan_and_sync_count_alike_what_they_skip(run: Run, tmp_path: Path) -> None:
    """A temporary file of ours is named and counted apart by both, and is nothing amiss for either."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "beach").write_bytes(b"sand")
    (folder / temporary_name("0badcafe")).write_bytes(b"half of it")
    planned, synced = run("plan", "photos", "b2://demo"), run("sync", "photos", "b2://demo", "--quiet")
    assert (planned.returncode, synced.returncode) == (0, 0)
    assert "1 upload (4 B) · 1 temporary, left alone" in planned.stdout
    assert synced.stderr.splitlines()[-1] == "1 upload (4 B) · 1 temporary, left alone"

    (folder / "bad").symlink_to("nowhere")
    planned, synced = run("plan", "photos", "b2://demo"), run("sync", "photos", "b2://demo", "--quiet")
    assert (planned.returncode, synced.returncode) == (1, 1)
    assert "1 path skipped · 1 temporary, left alone" in planned.stdout
    assert planned.stderr.startswith("1 skipped: ")
    assert synced.stderr.splitlines()[-1] == "nothing done (0 B) · 1 skipped · 1 temporary, left alone"


HELD_BY_A_THREAD: Final = """
import sys, threading, time
from b2pure.shell.signals import Terminated, ending_raises, ignore_ending_at_last
try:
    with ending_raises():
        threading.Thread(target=time.sleep, args=(60,)).start()
        print("ready", flush=True)
        time.sleep(60)
except Terminated as wish:
    ignore_ending_at_last()
    print("ending", flush=True)
    sys.exit(wish.status)
"""


def test_who_asks_again_is_heard_when_a_thread_hangs() -> None:
    """The interpreter waits for it at the end, and that wait ends with a second wish."""
    with subprocess.Popen([sys.executable, "-c", HELD_BY_A_THREAD], stdout=subprocess.PIPE, text=True) as ending:
        assert ending.stdout is not None
        assert ending.stdout.readline() == "ready\n"
        ending.send_signal(signal.SIGTERM)
        assert ending.stdout.readline() == "ending\n"
        time.sleep(1.2)  # what comes sooner is the same wish
        ending.send_signal(signal.SIGTERM)
        assert ending.wait(timeout=20) == 128 + signal.SIGTERM
