"""Commands whose standard streams are closed, or give nothing for a long time."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

import pytest

from b2pure.effects.handlers import Stopped
from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.effects.streams import PiecedStream
from b2pure.model.limits import PartSizes
from b2pure.shell.clock import SystemClock

if TYPE_CHECKING:
    from commands import Run

pytest_plugins = ("commands",)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors and sends SIGINT")

B2PURE: Final = f"{sys.executable} -m b2pure"
IDLE_SECONDS: Final = 60
"""How long the pipe would keep who waits for it."""


@pytest.fixture
def simulator() -> Simulator:
    made = Simulator(
        SystemClock().now_millis, config=SimulatorConfig(absolute_minimum_part_size=1000, recommended_part_size=5000)
    )
    made.add_bucket("demo")
    return made


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)


def test_ctrl_c_is_heard_while_a_pipe_gives_nothing(run: Run, simulator: Simulator) -> None:
    """Parts were sent, and the reader waits for more."""
    reader, writer = os.pipe()
    arguments = [sys.executable, "-m", "b2pure", "upload", "-", "b2://demo/large"]
    with subprocess.Popen(arguments, stdin=reader, stderr=subprocess.PIPE, text=True) as process:
        os.close(reader)
        os.write(writer, bytes(12_000))
        while len(simulator.log.entries("b2_upload_part")) < 2:
            assert process.poll() is None
            time.sleep(0.02)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=IDLE_SECONDS)
    os.close(writer)
    assert time.monotonic() - begin < IDLE_SECONDS / 4
    assert process.returncode == 1, told
    assert "interrupted" in told
    assert "Traceback" not in told
    assert "Fatal" not in told


def test_whoever_waits_for_a_stream_hears_a_stop() -> None:
    """All of them, and the source is asked no more."""
    never, calls = threading.Event(), [0]

    def read(size: int) -> bytes:
        calls[0] += 1
        never.wait(IDLE_SECONDS)
        return b""

    stream = PiecedStream(read)
    stop = threading.Event()
    stream.heed(stop.is_set)
    stopped: list[BaseException] = []

    def take() -> None:
        try:
            stream.take(PartSizes(5, 1))
        except Stopped as error:
            stopped.append(error)

    threads = [threading.Thread(target=take, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    stop.set()
    for thread in threads:
        thread.join(IDLE_SECONDS / 4)
        assert not thread.is_alive()
    never.set()
    assert stopped
    assert calls == [1]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("download b2://demo/there - >&-", "cannot write standard output: it is closed"),
        ("upload - b2://demo/closed <&-", "cannot read standard input: it is closed"),
        ("plan . b2://demo -o - >&-", "cannot write standard output: it is closed"),
    ],
)
def test_a_closed_stream_is_told_and_loses_nothing(run: Run, arguments: str, told: str) -> None:
    with open("there", "wb") as file:
        file.write(b"content")
    assert run("upload", "there", "b2://demo/there").returncode == 0
    ended = shell(f"{B2PURE} {arguments}")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.usefixtures("run")
def test_a_command_that_only_tells_what_it_did_needs_no_output(run: Run) -> None:
    with open("there", "wb") as file:
        file.write(b"content")
    assert shell(f"{B2PURE} upload there b2://demo/there >&-").returncode == 0
    assert "there" in run("ls", "b2://demo").stdout


def test_standard_input_that_is_replaced_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abc")))
    assert run("upload", "-", "b2://demo/in").stdout.split()[1:] == ["3", "in"]


@pytest.mark.parametrize("size", [(0, 0), (30, 100)])
def test_a_terminal_shows_how_far_an_upload_is(run: Run, size: tuple[int, int]) -> None:
    """One that does not know its size, too."""
    import fcntl
    import pty
    import struct
    import termios

    with open("large", "wb") as file:
        file.write(bytes(60_000))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    arguments = [sys.executable, "-m", "b2pure", "upload", "large", "b2://demo/large", "--limit-upload", "40KB"]
    ended = subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=theirs, timeout=60, check=False)
    shown = b""
    while select.select([ours], [], [], 0.2)[0]:
        shown += os.read(ours, 1 << 16)
    os.close(theirs)
    os.close(ours)
    assert ended.returncode == 0
    assert b"/60.0k" in shown
    assert b"destination" not in shown
