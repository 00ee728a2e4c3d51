"""Runs that are split over processes: the same end and the same report, also when processes are killed.

Rules. The B2 is simulated and served, the folders are on a disk, the processes are real. What is killed is killed with
SIGKILL, at a moment that the run itself tells.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import b2pure as b2
from b2pure.effects.events import BytesMoved, Event, InFlight, PathDone, PathStarted
from b2pure.effects.flights import Moved
from b2pure.testing import Answer, FailNth

if TYPE_CHECKING:
    from b2pure.effects.fault_board import FaultBoard
    from b2pure.testing.served import ServedB2

pytestmark = pytest.mark.b2(
    buckets=["holiday", "archive"], minimum_part_size=5_000, recommended_part_size=10_000, seed=1
)
linux_only = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")

HOLIDAY = "b2://holiday/photos"


def contents(number: int) -> bytes:
    return f"file {number} ".encode() * (1 + number % 50)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three hundred small files in a few folders, and a large one."""
    folder = tmp_path / "photos"
    for number in range(300):
        path = folder / f"day {number % 7}" / f"{number:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents(number))
    (folder / "film.mov").write_bytes(os.urandom(64_000))
    return folder


def connected(server: ServedB2, **choices: Any) -> b2.Client:
    return b2.connect(server.key_id, server.key, realm=server.url, **choices).unwrap()


@pytest.fixture
def client(b2_server: ServedB2) -> Iterator[b2.Client]:
    with connected(b2_server) as made:
        yield made


def files_of(folder: Path) -> dict[str, bytes]:
    """Everything that is there, temporary files as well."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shown(server: ServedB2, bucket: str, prefix: str = "photos/") -> dict[str, bytes]:
    found = server.contents(bucket)
    return {name.removeprefix(prefix): data for name, data in found.items() if name.startswith(prefix)}


# --- the same as one process -----------------------------------------------------------------------------------------


def test_up_across_and_down_end_as_with_one_process(
    client: b2.Client, b2_server: ServedB2, photos: Path, tmp_path: Path
) -> None:
    for processes in (1, 2, 3):
        up, across = f"b2://holiday/{processes}", f"b2://archive/{processes}"
        reports = [
            client.sync(photos, up, processes=processes),
            client.sync(up, across, processes=processes),
            client.sync(across, tmp_path / str(processes), processes=processes),
        ]
        assert [report.done for report in reports] == [{"upload": 301}, {"copy": 301}, {"download": 301}]
        assert all(report.ok for report in reports)
        assert shown(b2_server, "holiday", f"{processes}/") == shown(b2_server, "archive", f"{processes}/")
        assert files_of(tmp_path / str(processes)) == files_of(photos)


def test_the_report_is_the_one_of_one_process(client: b2.Client, b2_server: ServedB2, photos: Path) -> None:
    """With everything that a report can name: done, deleted, in conflict, skipped; versions, hides and deletes."""
    reports = []
    for processes in (1, 2):
        place = f"b2://holiday/{processes}"
        assert client.sync(photos, place).ok
        for number, path in enumerate(sorted(photos.rglob("*.jpg"))):
            when = 2_000_000_000 + 10 * processes * (1 if number % 3 else -90_000_000)
            os.utime(path, (when, when))
        (photos / "day 1" / "0001.jpg").unlink()
        (photos / "bad\\name").symlink_to("nowhere")
        newer = b2.NewerFileSyncMode.SKIP
        reports.append(client.sync(photos, place, keep=b2.Delete(), newer=newer, processes=processes))
        (photos / "bad\\name").unlink()
        (photos / "day 1" / "0001.jpg").write_bytes(contents(1))
    one, two = reports
    assert {*one.done} == {"delete", "upload"}
    assert one.newer_skipped
    assert one.skipped
    assert [each.sync.reason for each in one.skipped] == [each.sync.reason for each in two.skipped]
    assert (one.done, one.bytes_moved, one.compared, one.newer_skipped) == (
        two.done,
        two.bytes_moved,
        two.compared,
        two.newer_skipped,
    )


def test_a_saved_plan_is_applied_and_what_moved_is_left_alone(
    client: b2.Client, b2_server: ServedB2, photos: Path
) -> None:
    plan = client.plan_sync(photos, HOLIDAY)
    list(plan)
    (photos / "day 3" / "0003.jpg").write_bytes(b"another")
    report = client.apply(plan, processes=2)
    assert [each.sync.path for each in report.drifted] == ["day 3/0003.jpg"]
    assert report.done == {"upload": 300}
    again = client.apply(plan, processes=2)
    assert len(again.drifted) == 301
    assert not again.done


def test_keys_and_settings_reach_the_other_processes(client: b2.Client, photos: Path, tmp_path: Path) -> None:
    key = b2.SseC.of(os.urandom(32))
    new = b2.NewFile(content_type="text/x-photo", encryption=key)
    assert client.sync(photos, HOLIDAY, new_files=new, processes=2).ok
    assert {file.content_type for file in client.ls(HOLIDAY, recursive=True)} == {"text/x-photo"}
    assert not client.sync(HOLIDAY, tmp_path / "closed", processes=2).ok
    assert client.sync(HOLIDAY, tmp_path / "open", source_encryption=key, processes=2).ok
    assert files_of(tmp_path / "open") == files_of(photos)


def test_nothing_to_do_starts_no_process(client: b2.Client, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.sync(photos, HOLIDAY).ok
    monkeypatch.setattr(subprocess, "Popen", None)
    report = client.sync(photos, HOLIDAY, processes=4)
    assert (report.ok, report.compared, report.done) == (True, 301, {})


def test_one_listener_hears_it_all(client: b2.Client, b2_server: ServedB2, photos: Path) -> None:
    heard: list[Event] = []
    moved = Moved()

    def listen(event: Event) -> None:
        heard.append(event)
        moved.hear(event)

    report = client.sync(photos, HOLIDAY, listener=listen, processes=2)
    done = [event.outcome.sync.path for event in heard if isinstance(event, PathDone)]
    assert sorted(done) == sorted(shown(b2_server, "holiday"))
    assert sorted(done) == sorted(event.path for event in heard if isinstance(event, PathStarted))
    assert moved.safe == report.bytes_moved == sum(event.count for event in heard if isinstance(event, BytesMoved))


def test_a_listener_that_fails_ends_the_run(client: b2.Client, photos: Path) -> None:
    def listen(event: Event) -> None:
        if isinstance(event, PathDone):
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        client.sync(photos, HOLIDAY, listener=listen, processes=2)


def test_a_token_that_dies_is_renewed_by_each(client: b2.Client, b2_server: ServedB2, photos: Path) -> None:
    b2_server.advance_time(2 * 24 * 3600 * 1000)
    assert client.sync(photos, HOLIDAY, processes=2).ok
    assert len(shown(b2_server, "holiday")) == 301


def test_a_run_in_which_everything_would_fail_is_stopped_once(
    client: b2.Client, b2_server: ServedB2, b2_faults: FaultBoard, photos: Path
) -> None:
    b2_faults.append(FailNth("b2_upload_file", 20, Answer(403, "storage_cap_exceeded"), times=10_000))
    report = client.sync(photos, HOLIDAY, processes=2)
    (refused,) = report.refused
    assert "a cap of the account is reached" in refused
    assert len(report.failed) < 100
    b2_faults.clear()
    assert client.sync(photos, HOLIDAY, processes=2).ok
    assert len(shown(b2_server, "holiday")) == 301


def test_all_together_keep_to_the_limit(b2_server: ServedB2, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(40):
        (folder / str(number)).write_bytes(bytes(5_000))
    with connected(b2_server, bandwidth=b2.Bandwidth(up=100_000)) as client:
        begin = time.monotonic()
        assert client.sync(folder, HOLIDAY, processes=2).ok
    assert time.monotonic() - begin >= 1.6  # a quarter of a second's bytes may move at once, in each


# --- the command line ------------------------------------------------------------------------------------------------


def command(server: ServedB2, cwd: Path, *words: str, **choices: Any) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "b2pure", *words]
    return subprocess.run(
        whole, cwd=cwd, env={**os.environ, **server.environ}, text=True, timeout=60, check=False, **choices
    )


def test_the_command_line_says_the_same_whoever_did_it(b2_server: ServedB2, photos: Path, tmp_path: Path) -> None:
    said = [
        command(
            b2_server, tmp_path, "sync", "photos", f"b2://holiday/{count}", "--processes", count, capture_output=True
        )
        for count in ("1", "2")
    ]
    assert [each.returncode for each in said] == [0, 0]
    assert said[0].stderr == said[1].stderr
    assert sorted(said[0].stdout.splitlines()) == sorted(said[1].stdout.splitlines())
    assert len(said[0].stdout.splitlines()) == 301


def test_apply_names_what_moved_and_says_so_by_its_status(b2_server: ServedB2, photos: Path, tmp_path: Path) -> None:
    def said(*words: str) -> subprocess.CompletedProcess[str]:
        return command(b2_server, tmp_path, *words, capture_output=True)

    assert said("plan", "photos", HOLIDAY, "-o", "plan.jsonl").returncode == 0
    (photos / "day 3" / "0003.jpg").write_bytes(b"another")
    ended = said("apply", "plan.jsonl", "--processes", "2", "--quiet")
    assert ended.returncode == 1
    assert "changed meanwhile: day 3/0003.jpg" in ended.stderr
    assert "300 upload" in ended.stderr
    for wrong in ("0", "-1", "many"):
        assert said("apply", "plan.jsonl", "--processes", wrong).returncode == 2


def test_it_works_with_everything_closed(b2_server: ServedB2, photos: Path, tmp_path: Path) -> None:
    closed = f"exec '{sys.executable}' -m b2pure sync photos {HOLIDAY} --processes 2 <&- >&- 2>&-"
    environ = {**os.environ, **b2_server.environ}
    ended = subprocess.run(["/bin/sh", "-c", closed], cwd=tmp_path, env=environ, timeout=60, check=False)
    assert ended.returncode == 0
    assert shown(b2_server, "holiday") == files_of(photos)


def test_two_runs_that_start_together_do_no_harm(b2_server: ServedB2, photos: Path, tmp_path: Path) -> None:
    whole = [sys.executable, "-m", "b2pure", "sync", "photos", HOLIDAY, "--processes", "2", "--quiet"]
    environ = {**os.environ, **b2_server.environ}
    runs = [subprocess.Popen(whole, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [each.communicate(timeout=60)[1] for each in runs]
    assert [each.returncode for each in runs] == [0, 0], ends
    assert shown(b2_server, "holiday") == files_of(photos)
    with b2_server.locked() as simulator:
        snapshot: tuple[Any, ...] = simulator.snapshot()
    versions = sum(len(each[1]) for each in snapshot)
    assert versions < 301 * 1.5


# --- who cannot be split ---------------------------------------------------------------------------------------------


def test_a_simulated_b2_in_memory_cannot_be_reached_by_others(photos: Path) -> None:
    client = b2.connect_simulated("holiday")
    plan = client.plan_sync(photos, HOLIDAY)
    for report in (client.sync(photos, HOLIDAY, processes=2), client.apply(plan, processes=2)):
        (told,) = b2.troubles(report)
        assert "serve it" in told
        assert "b2pure serve" in told
        assert not report.done
    assert client.sync(photos, HOLIDAY, processes=1).ok


@pytest.mark.parametrize("processes", [0, -1])
def test_no_processes_are_refused(client: b2.Client, photos: Path, processes: int) -> None:
    with pytest.raises(ValueError, match="processes must be 1 or more"):
        client.sync(photos, HOLIDAY, processes=processes)
    with pytest.raises(ValueError, match="processes must be 1 or more"):
        client.apply(client.plan_sync(photos, HOLIDAY), processes=processes)


def test_processes_that_cannot_be_started_are_done_without(
    client: b2.Client, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert client.sync(photos, HOLIDAY, processes=3).done == {"upload": 301}


def test_processes_that_die_at_once_are_done_without(
    client: b2.Client, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert client.sync(photos, HOLIDAY, processes=3).done == {"upload": 301}


# --- secrets ---------------------------------------------------------------------------------------------------------


@linux_only
def test_no_secret_is_on_a_command_line_or_in_an_environment(
    b2_server: ServedB2, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in b2_server.environ.items():
        monkeypatch.setenv(name, value)
    seen: list[bytes] = []

    def look(event: Event) -> None:
        for pid in children():
            with suppress(OSError):  # it has just ended
                seen.extend(Path(f"/proc/{pid}/{what}").read_bytes() for what in ("cmdline", "environ"))

    with connected(b2_server) as client:
        token = client.authorize().unwrap().token
        client.sync(photos, HOLIDAY, listener=look, processes=2)
    assert any(b"b2pure.shell.mate" in each for each in seen)
    assert not any(b2_server.key.encode() in each or token.encode() in each for each in seen)


# --- killed ----------------------------------------------------------------------------------------------------------


def children(parent: int | None = None) -> list[int]:
    """The mates of a process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status, command = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
        except OSError:
            continue
        state, ppid = status.rsplit(")", 1)[1].split()[:2]
        if int(ppid) == (parent or os.getpid()) and b"b2pure.shell.mate" in command and state != "Z":
            found.append(int(entry.name))
    return found


def killing(count: int) -> Callable[[Event], None]:
    """A listener that kills one mate after another, each when one more file is on its way in it."""
    killed: set[int] = set()
    done = 0

    def listen(event: Event) -> None:
        nonlocal done
        done += isinstance(event, PathDone)
        for pid in children() if done > 20 and len(killed) < count else ():
            if pid not in killed:
                killed.add(pid)
                os.kill(pid, signal.SIGKILL)
                break

    return listen


@linux_only
@pytest.mark.parametrize("count", [1, 2])
def test_what_a_killed_process_had_is_done_by_the_others(
    client: b2.Client, b2_server: ServedB2, photos: Path, tmp_path: Path, count: int
) -> None:
    report = client.sync(photos, HOLIDAY, listener=killing(count), processes=3)
    assert shown(b2_server, "holiday") == files_of(photos)
    assert not report.refused
    assert all("has ended (killed by signal 9)" in each for each in b2.troubles(report))
    assert client.sync(photos, HOLIDAY, processes=2).ok

    report = client.sync(HOLIDAY, tmp_path / "down", listener=killing(count), processes=3)
    assert not report.refused
    assert client.sync(HOLIDAY, tmp_path / "down", processes=2).ok
    assert files_of(tmp_path / "down") == files_of(photos)


@linux_only
def test_nothing_of_a_killed_process_stays_on_its_way(b2_server: ServedB2, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(16):
        (folder / f"{number}.mov").write_bytes(os.urandom(9_900))
    flying: dict[int, int] = {}
    killed: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, InFlight):
            flying[event.request] = event.count
            mates = [] if killed or event.request % 2 == 0 or not event.count else children()
            for pid in mates:  # what is odd is on its way there
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)

    with connected(b2_server, bandwidth=b2.Bandwidth(up=32_000)) as client:
        report = client.sync(folder, HOLIDAY, listener=listen, processes=2)
    assert report.ok
    assert len(killed) == 1
    assert shown(b2_server, "holiday") == files_of(folder)
    assert not any(flying.values())


SCRIPT = """
import os, sys
import b2pure as b2
from b2pure.effects.events import PathDone

done = 0
def listen(event):
    global done
    done += isinstance(event, PathDone)
    if isinstance(event, PathDone) and done == int(sys.argv[3]):
        print("now", flush=True)

client = b2.connect(os.environ["B2_APPLICATION_KEY_ID"], os.environ["B2_APPLICATION_KEY"],
                    realm=os.environ["B2_ENVIRONMENT"], bandwidth=b2.Bandwidth(200_000, 200_000)).unwrap()
report = client.sync(sys.argv[1], sys.argv[2], listener=listen, processes=3)
print(report.done, b2.troubles(report))
"""
"""Without a guard for `__main__`, and slow."""


def _script(server: ServedB2, tmp_path: Path, source: str, dest: str, until: int) -> subprocess.Popen[str]:
    script = tmp_path / "application.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, str(script), source, dest, str(until)],
        env={**os.environ, **server.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_script_without_a_guard_can_use_processes(b2_server: ServedB2, photos: Path, tmp_path: Path) -> None:
    with _script(b2_server, tmp_path, str(photos), HOLIDAY, 10) as process:
        out, error = process.communicate(timeout=60)
    assert (out, error) == ("now\n{'upload': 301} []\n", "")


@linux_only
@pytest.mark.parametrize("way", ["up", "down"])
def test_the_others_end_when_the_one_who_plans_is_killed(
    client: b2.Client, b2_server: ServedB2, photos: Path, tmp_path: Path, way: str
) -> None:
    down = tmp_path / "down"
    if way == "down":
        assert client.sync(photos, HOLIDAY).ok
    source, dest = (str(photos), HOLIDAY) if way == "up" else (HOLIDAY, str(down))
    with _script(b2_server, tmp_path, source, dest, 100) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        mates = children(process.pid)
        process.kill()
        process.wait()
    assert len(mates) == 2
    _await(lambda: not any(map(_runs, mates)))

    if way == "up":
        here = files_of(photos)
        there = shown(b2_server, "holiday")
        assert 100 <= len(there) < 301
        assert all(here[name] == data for name, data in there.items()), "half a file"
        assert client.sync(photos, HOLIDAY, processes=2).ok
        assert shown(b2_server, "holiday") == here
    else:
        named = {name: data for name, data in files_of(down).items() if not Path(name).name.startswith(".b2pure")}
        assert all(files_of(photos)[name] == data for name, data in named.items()), "half a file"
        assert client.sync(HOLIDAY, down, processes=2).ok
        assert client.sync(HOLIDAY, down, processes=2).ok
        assert files_of(down) == files_of(photos)


ENDS = {
    signal.SIGINT: (1, "b2pure: interrupted; run it again to go on from here"),
    signal.SIGTERM: (143, "b2pure: ended by SIGTERM; run it again to go on from here"),
    signal.SIGHUP: (129, "b2pure: ended by SIGHUP; run it again to go on from here"),
}


@contextmanager
def _slow_download(server: ServedB2, cwd: Path, processes: int) -> Iterator[subprocess.Popen[str]]:
    """A sync from B2 that has done fifty files and has many to do."""
    command = [sys.executable, "-m", "b2pure", "sync", HOLIDAY, "down", "--processes", f"{processes}"]
    with subprocess.Popen(
        [*command, "--limit-download", "200KB"],
        cwd=cwd,
        env={**os.environ, **server.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_with_usual_signals,
    ) as process:
        assert process.stdout is not None
        for _ in range(50):
            assert process.stdout.readline()
        yield process


def _with_usual_signals() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _temporaries(folder: Path) -> list[str]:
    return [name for name in files_of(folder) if Path(name).name.startswith(".b2pure")]


@linux_only
@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("number", ENDS)
def test_signals_end_all_of_them_and_a_restart_finishes(
    client: b2.Client, b2_server: ServedB2, photos: Path, tmp_path: Path, number: signal.Signals, processes: int
) -> None:
    assert client.sync(photos, HOLIDAY).ok
    with _slow_download(b2_server, tmp_path, processes) as process:
        mates = children(process.pid)
        process.send_signal(number)
        if number != signal.SIGINT:  # a terminal that goes away tells it twice
            process.send_signal(number)
        _, error = process.communicate(timeout=30)
    assert (process.returncode, error.splitlines()[-1]) == ENDS[number]
    assert "Traceback" not in error
    assert len(mates) == processes - 1
    assert not any(map(_runs, mates))
    assert len(_temporaries(tmp_path / "down")) <= 1, "only what a later run goes on with"
    assert client.sync(HOLIDAY, tmp_path / "down", processes=2).ok
    assert files_of(tmp_path / "down") == files_of(photos)


@linux_only
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_mate_that_is_ended_leaves_no_temporary_files(
    client: b2.Client, b2_server: ServedB2, photos: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """In the very run that it was part of: no later one has to look for them."""
    assert client.sync(photos, HOLIDAY).ok
    with _slow_download(b2_server, tmp_path, 2) as process:
        (mate,) = children(process.pid)
        _await(lambda: len(_temporaries(tmp_path / "down")) > 1)
        os.kill(mate, number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert error.splitlines()[-1].startswith("301 download")
    assert files_of(tmp_path / "down") == files_of(photos)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _await(so: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not so():
        assert time.monotonic() < until
        time.sleep(0.05)
