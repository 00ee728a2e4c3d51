"""The report of a sync: what it prints, and what a caller's own hears."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from v1_world import World, served

from b2pure.v1 import (
    KeepOrDeleteMode,
    PartProgressReporter,
    ScanPoliciesManager,
    SyncFileReporter,
    Synchronizer,
    SyncReport,
    parse_sync_folder,
)

NOW = 1_800_000_000_000


class Noted(SyncReport):
    """A caller's report, which notes what it hears."""

    def __init__(self) -> None:
        super().__init__(io.StringIO(), no_progress=True)
        self.heard: list[tuple[object, ...]] = []

    def _note(self, *what: object) -> None:
        self.heard.append(what)

    def update_local(self, delta: int) -> None:
        self._note("update_local", delta)

    def end_local(self) -> None:
        self._note("end_local")

    def update_compare(self, delta: int) -> None:
        self._note("update_compare", delta)

    def end_compare(self, total_transfer_files: int, total_transfer_bytes: int) -> None:
        self._note("end_compare", total_transfer_files, total_transfer_bytes)

    def update_transfer(self, file_delta: int, byte_delta: int) -> None:
        self._note("update_transfer", file_delta, byte_delta)

    def print_completion(self, message: str) -> None:
        self._note("print_completion", message)

    def local_access_error(self, path: str) -> None:
        self._note("local_access_error", path)

    def symlink_skipped(self, path: str) -> None:
        self._note("symlink_skipped", path)

    def total(self, name: str, column: int = 1) -> int:
        return sum(int(str(told[column])) for told in self.heard if told[0] == name)


@pytest.fixture
def world() -> Iterator[World]:
    with served() as world:
        yield world


def test_a_callers_report_hears_of_the_three_steps(world: World, tmp_path: Path) -> None:
    """Counting, comparing, transferring: the numbers add up to what there is."""
    bucket = world.bucket()
    for number in range(3):
        (tmp_path / f"file{number}").write_bytes(b"x" * 100)
    bucket.upload_bytes(b"y", "gone")
    os.symlink("nowhere", tmp_path / "link")
    report = Noted()
    ends = parse_sync_folder(str(tmp_path), world.api), parse_sync_folder("b2://holiday", world.api)
    delete = KeepOrDeleteMode.DELETE
    Synchronizer(2, keep_days_or_delete=delete).sync_folders(*ends, NOW, report)
    assert report.total("update_local") == 4
    assert report.total("update_compare") == 4
    assert ("end_local",) in report.heard
    assert ("end_compare", 4, 300) in report.heard
    assert (report.total("update_transfer"), report.total("update_transfer", 2)) == (4, 300)
    lines = sorted(str(told[1]) for told in report.heard if told[0] == "print_completion")
    assert lines == ["delete gone ", "upload file0", "upload file1", "upload file2"]
    assert ("local_access_error", f"{tmp_path}/link") in report.heard
    skipping = Noted()
    manager = ScanPoliciesManager(exclude_all_symlinks=True)
    Synchronizer(2, policies_manager=manager).sync_folders(*ends, NOW, skipping)
    assert ("symlink_skipped", f"{tmp_path}/link") in skipping.heard


def test_lines_and_progress_do_not_mix() -> None:
    """The progress is wiped out by the line, and comes back behind it."""
    out = io.StringIO()
    report = SyncReport(out, no_progress=False)
    report.UPDATE_INTERVAL = 0
    report.update_local(2)
    report.end_local()
    report.update_compare(1)
    report.print_completion("upload a")
    report.end_compare(2, 2000)
    report.update_transfer(1, 1000)
    report.error("upload b: failed")
    report.local_access_error("/x")
    report.local_permission_error("/y")
    report.close()
    report.close()
    shown = [line.rsplit("\r", 1)[-1].rstrip() for line in out.getvalue().split("\n")]
    assert shown == [
        "upload a",
        "upload b: failed",
        "WARNING: /x could not be accessed (broken symlink?)",
        "WARNING: /y could not be accessed (no permissions to read?)",
        "",
    ]
    progress = [part.strip() for part in out.getvalue().replace("\n", "\r").split("\r") if "updated" in part]
    assert progress[1].startswith("count: 2 files   compare: 0 files   updated: 0 files")
    assert "compare: 1/2 files   updated: 1/2 files   1.00 / 2.00 kB" in progress[-1]


START = " count: 0 files   compare: 0 files   updated: 0 files   0 B   0 B/s"


def test_it_writes_what_b2sdk_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte, as version 1.1.4 was seen to: each line covers the one before it, and nothing is left at the end."""
    now = [1000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    out = io.StringIO()
    report = SyncReport(out, no_progress=False)
    steps: list[Callable[[], None]] = [
        lambda: report.update_local(1),
        lambda: report.update_compare(1),
        report.end_local,
        lambda: report.end_compare(2, 3000),
        lambda: report.update_transfer(1, 1000),
        lambda: report.print_completion("upload a"),
        lambda: report.update_transfer(1, 2000),
        lambda: report.error("a line that is longer than the progress: " + "x" * 40),
    ]
    for step in steps:
        now[0] += 0.25
        step()
    report.local_access_error("p")
    report.local_permission_error("q")
    report.close()
    report.close()
    told = [
        START + "\r",
        " count: 1 files   compare: 0 files   updated: 0 files   0 B   0 B/s\r",
        " count: 1 files   compare: 1 files   updated: 0 files   0 B   0 B/s\r",
        " compare: 1/1 files   updated: 0 files   0 B   0 B/s               \r",
        " compare: 1/1 files   updated: 0/2 files   0.00 / 3.00 kB   0 B/s  \r",
        " compare: 1/1 files   updated: 1/2 files   1.00 / 3.00 kB   800 B/s\r",
        "upload a                                                           \n",
        " compare: 1/1 files   updated: 1/2 files   1.00 / 3.00 kB   666 B/s\r",
        " compare: 1/1 files   updated: 2/2 files   3.00 / 3.00 kB   1.71 kB/s\r",
        "a line that is longer than the progress: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
        " compare: 1/1 files   updated: 2/2 files   3.00 / 3.00 kB   1.50 kB/s\r",
        "                                                                     \r",
        "WARNING: p could not be accessed (broken symlink?)                   \n",
        "WARNING: q could not be accessed (no permissions to read?)\n",
    ]
    assert out.getvalue() == "".join(told)


def test_progress_is_shown_ten_times_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    out = io.StringIO()
    with SyncReport(out, no_progress=False) as report:
        for moment in (0.0, 0.05, 0.099, 0.101):
            now[0] = 1000.0 + moment
            report.update_local(2)
        report.end_local()
        report.end_compare(0, 0)
    assert out.getvalue() == f"{START}\r{START.replace('count: 0', 'count: 8')}\r{' ' * len(START)}\r"


def test_without_progress_there_are_only_lines() -> None:
    out = io.StringIO()
    with SyncReport(out, no_progress=True) as report:
        report.update_local(2)
        report.end_compare(1, 1)
        report.print_completion("upload a")
        report.update_transfer(1, 1)
    assert out.getvalue() == "upload a\n"


def test_control_characters_are_escaped() -> None:
    """A name must not steer the terminal."""
    out = io.StringIO()
    with SyncReport(out, no_progress=True) as report:
        report.print_completion("upload \x1b[2Ja")
        report.local_access_error("\x07")
    assert "\x1b" not in out.getvalue()
    assert "\x07" not in out.getvalue()


def test_what_the_terminal_cannot_show_is_escaped_and_told_once() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    with SyncReport(out, no_progress=True) as report:
        report.print_completion("upload ä")
        report.print_completion("upload ö")
    out.flush()
    lines = raw.getvalue().decode().splitlines()
    assert lines[:2] == ["upload \\xe4", "upload \\xf6"]
    assert [line for line in lines if "WARNING" in line] == lines[2:]
    assert len(lines) == 3


def test_many_threads_may_use_it() -> None:
    out = io.StringIO()
    report = SyncReport(out, no_progress=True)

    def work() -> None:
        for _ in range(200):
            report.update_transfer(1, 2)
            report.print_completion("x" * 50)

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (report.transfer_files, report.transfer_bytes) == (1600, 3200)
    assert out.getvalue() == ("x" * 50 + "\n") * 1600


def test_listeners_that_pass_on_what_is_new() -> None:
    class Sum:
        def __init__(self) -> None:
            self.deltas: list[int] = []

        def update_part_bytes(self, bytes_delta: int) -> None:
            self.deltas.append(bytes_delta)

    parts, report = Sum(), Noted()
    with PartProgressReporter(parts) as listener, SyncFileReporter(report) as file:
        for count in (5, 12, 3):
            listener.bytes_completed(count)
            file.bytes_completed(count)
    assert parts.deltas == [5, 7, -9]
    assert report.heard == [("update_transfer", 0, delta) for delta in (5, 7, -9)] + [("update_transfer", 1, 0)]
