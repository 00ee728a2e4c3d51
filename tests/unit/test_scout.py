"""A scout as a process: it ends with whoever started it, and there is none where there should be none."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from attrs import evolve

from b2pure.plan.ahead import Ahead
from b2pure.shell import scan_ahead, scan_folder, scouting
from b2pure.shell.scan import ScanFailed, scan
from b2pure.shell.scouting import Answer, Scout, possible

pytestmark = pytest.mark.skipif(not possible(), reason="needs two processors and a POSIX file system")

EAGER = Ahead(worth=0, sample=0)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Scout[object]]:
    """The scouts that scans have started."""
    started: list[Scout[object]] = []

    class Watched(Scout[object]):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    monkeypatch.setattr(scan_ahead, "Scout", Watched)
    return started


def tree(root: Path) -> Path:
    for folder in "abcd":
        (root / folder).mkdir()
        for name in "xyz":
            (root / folder / name).touch()
    return root


def gone(pid: int) -> bool:
    """Within seconds, and not even a zombie."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def told(scout: Scout[str], path: Path, names: list[str] | None = None, many: int = 100) -> Answer | None:
    scout.ask("it", str(path), names, many)
    while scout.alive:
        for _, answer in scout.hear(wait=5):
            return answer
    return None


def test_a_scout_tells_what_it_is_sure_of(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"123")
    os.utime(tmp_path / "b", ns=(0, 1_700_000_000_999_998_999))
    for name, ns in (("a", 0), ("c", 1_700_000_000_999_999_000)):  # a time as that of c is not rounded here
        (tmp_path / name).touch()
        os.utime(tmp_path / name, ns=(0, ns))
    (tmp_path / "d").mkdir()
    for odd in ("link", ".b2pure-x", os.fsdecode(b"\xff")):
        os.symlink("b", tmp_path / odd)
    scout = Scout[str]()
    answer = told(scout, tmp_path)
    assert answer is not None
    there = tmp_path.stat()
    assert answer.identity == (there.st_dev, there.st_ino)
    assert answer.names() == ["a", "b"]
    sizes, millis = answer.numbers()
    assert (sizes[1], millis[1]) == (3, 1_700_000_000_999)
    assert (answer.folders, answer.size) == (["d"], 7)
    assert sorted(answer.rest) == [".b2pure-x", "c", "link", os.fsdecode(b"\xff")]
    some = told(scout, tmp_path, ["d", "b", "nothing"])
    assert some is not None
    assert (some.names(), some.folders, some.rest) == (["b"], ["d"], [])
    assert told(scout, tmp_path, many=5) is None
    assert told(scout, tmp_path / "nothing") is None
    assert told(scout, tmp_path / "a") is None
    assert scout.alive
    scout.close()
    assert gone(scout.pid)
    scout.ask("it", str(tmp_path), None, 100)
    scout.say()
    assert scout.hear(wait=5) == []


def test_the_scout_ends_with_the_scan(tmp_path: Path, started: list[Scout[object]]) -> None:
    assert len(list(scan(tree(tmp_path), ahead=EAGER))) == 12
    abandoned = scan(tmp_path, ahead=EAGER)
    next(abandoned)
    assert [scout.alive for scout in started] == [False, True]
    del abandoned
    assert [gone(scout.pid) for scout in started] == [True, True]


def test_the_scout_ends_when_the_root_cannot_be_read(
    tmp_path: Path, started: list[Scout[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> None:
        raise OSError(errno.EIO, "the disk is gone")

    monkeypatch.setattr(scan_folder, "_look_at", break_off)
    with pytest.raises(ScanFailed) as _failed:  # which holds all that was in its frames
        scan(tree(tmp_path), ahead=Ahead(worth=0, sample=0, many=2, piece=1))
    assert [scout.alive for scout in started] == [False]
    assert gone(started[0].pid)


def test_the_scout_ends_when_the_process_that_scans_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom b2pure.shell.scouting import Scout\nscout = Scout()\n"
        "print(scout.pid, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as scanning:
        assert scanning.stdout is not None
        pid = int(scanning.stdout.readline())
        os.kill(pid, 0)
        scanning.kill()
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("why", ["filters", "frozen", "no Python", "one processor", "refused"])
def test_where_there_can_be_no_scout_a_scan_goes_on_without(
    tmp_path: Path, started: list[Scout[object]], monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    expected = list(scan(tree(tmp_path), ahead=None))
    if why == "frozen":
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    elif why == "no Python":
        monkeypatch.setattr(sys, "executable", "")
    elif why == "one processor":
        monkeypatch.setattr(scouting, "_processors", lambda: 1)
    elif why == "refused":
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python-that-is-not-there"))
    filters = (lambda path: False) if why == "filters" else None
    assert list(scan(tmp_path, excludes_file=filters, ahead=EAGER)) == expected
    assert started == []


@pytest.mark.parametrize("ahead", [EAGER, Ahead(worth=0, sample=0, many=2, piece=1)])
def test_a_scout_that_is_mute_is_done_without_and_leaves_no_process(
    tmp_path: Path, started: list[Scout[object]], monkeypatch: pytest.MonkeyPatch, ahead: Ahead
) -> None:
    mute = tmp_path / "mute.py"
    mute.write_text("import time\ntime.sleep(3600)\n")
    root = tmp_path / "root"
    root.mkdir()
    tree(root)
    monkeypatch.setattr("b2pure.shell.scouting.program.__file__", str(mute))
    waits: list[float] = []
    hear = Scout.hear

    def counted(scout: Scout[object], *, wait: float = 0.0) -> list[tuple[object, Answer | None]]:
        waits.append(wait)
        return hear(scout, wait=wait)

    monkeypatch.setattr(Scout, "hear", counted)
    led = list(scan(root, ahead=evolve(ahead, patience=0.5), clock=lambda: sum(waits)))
    assert led == list(scan(root, ahead=None))
    assert sum(waits) == 0.5
    assert [scout.alive for scout in started] == [False]
    assert gone(started[0].pid)


def test_a_scout_that_is_stopped_is_done_without_and_leaves_no_process(
    tmp_path: Path, started: list[Scout[object]]
) -> None:
    scanned = scan(tree(tmp_path), ahead=evolve(EAGER, patience=0.2))
    found = [next(scanned)]
    os.kill(started[0].pid, signal.SIGSTOP)
    assert [*found, *scanned] == list(scan(tmp_path, ahead=None))
    assert gone(started[0].pid)


@pytest.mark.parametrize("words", ["\\1\\0\\0\\0?", "\\1\\0\\0\\0N", "\\1\\0\\0\\0T", "\\377\\377\\377\\0", ""])
def test_a_scout_that_is_no_scout_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """It says what is no value, answers what nobody asked, another kind of value, begins and never ends, or is mute."""
    babbling = tmp_path / "babbling.py"
    babbling.write_text(f"import os\nfor _ in range(1000): os.write(1, b'{words}')\n")
    root = tmp_path / "root"
    root.mkdir()
    tree(root)
    monkeypatch.setattr("b2pure.shell.scouting.program.__file__", str(babbling))
    assert list(scan(root, ahead=EAGER)) == list(scan(root, ahead=None))
