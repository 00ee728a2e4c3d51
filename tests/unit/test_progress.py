"""The progress report: a log gets lines, a reader that goes away stops nothing, names are never printed raw."""

from __future__ import annotations

from io import StringIO

from b2pure.effects.events import BytesMoved, PathDone, Scanned, Waiting
from b2pure.effects.outcomes import Done
from b2pure.model.errors import Unavailable
from b2pure.model.files import LocalFact
from b2pure.plan.actions import FileSync, UploadAction
from b2pure.plan.reasons import NewFile
from b2pure.shell.progress import ProgressReport


class Ticks:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def done(path: str) -> PathDone:
    action = UploadAction(path, LocalFact(3, 0), None, None)
    return PathDone(Done(FileSync(path, NewFile(), ((action,),))))


def test_a_log_gets_a_line_for_each_action_and_progress_now_and_then() -> None:
    lines, status, clock = StringIO(), StringIO(), Ticks()
    report = ProgressReport(lines, status, clock=clock)
    report(Scanned("source", 500))
    report(BytesMoved("a", 3))
    report(done("a"))
    assert (lines.getvalue(), status.getvalue()) == ("upload a (3 B)\n", "")
    clock.now = 11.0
    report(Scanned("source", 501, whole=True))
    assert status.getvalue() == "source 501 · destination 0+ · 1 done · 3 B\n"


def test_control_characters_of_a_name_are_escaped() -> None:
    lines = StringIO()
    ProgressReport(lines, None)(done("a\x1b[2Jb\n"))
    assert lines.getvalue() == "upload a\\x1b[2Jb\\n (3 B)\n"


def test_a_reader_that_goes_away_silences_the_report_only() -> None:
    lines = StringIO()
    report = ProgressReport(lines, None)
    lines.close()
    report(done("a"))
    report(done("b"))


def test_waiting_is_told_once_in_a_while() -> None:
    status, clock = StringIO(), Ticks()
    report = ProgressReport(None, status, clock=clock)
    busy = Waiting(Unavailable(503, "service_unavailable", "busy"), 4.0)
    report(busy)
    report(busy)
    assert status.getvalue() == "waiting 4 s: B2 is not available: busy (503 service_unavailable)\n"
