"""What came of a run: a fold over the outcomes of its paths.

Reports add up: that of a run is the sum of those of its pieces, whoever did them and in whatever order they ended.
`NOTHING` is the report of no paths.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, assert_never

from attrs import frozen

from b2pure.effects.outcomes import Conflict, Done, Drifted, Failed, Outcome, Skipped, Superseded
from b2pure.model.errors import describe
from b2pure.model.names import printable
from b2pure.model.policy import NewerFileSyncMode
from b2pure.plan.actions import SyncAction, actions_of, bytes_of
from b2pure.plan.explain import show_action
from b2pure.plan.reasons import is_left_over, tell

__all__ = ["NOTHING", "Report", "ReportBuilder", "troubles"]


@frozen
class Report:
    """The result of applying a plan, as data.

    `done` counts the actions that took effect, by kind (`upload`, `delete`, ...), `bytes_moved` their content.
    `refused` is not empty when nothing was begun at all, or the run had to stop; each entry says why.
    `superseded` counts paths that somebody else had brought to where they should be.
    """

    done: dict[str, int]
    bytes_moved: int
    compared: int
    superseded: int
    failed: tuple[Failed, ...]
    drifted: tuple[Drifted, ...]
    conflicts: tuple[Conflict, ...]
    newer_skipped: int
    skipped: tuple[Skipped, ...]
    refused: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every path is as the policy wants it. A temporary file that is named among the skipped is no path of
        anybody's.
        """
        skipped = len(self.skipped) > self.left_over
        return not (self.failed or self.drifted or self.conflicts or skipped or self.refused)

    @property
    def left_over(self) -> int:
        """How many of the skipped are temporary files of ours, which nobody wants on the other side."""
        return sum(is_left_over(each.sync.reason) for each in self.skipped)

    @property
    def actions(self) -> int:
        """How many actions took effect."""
        return sum(self.done.values())

    def __add__(self, other: Report) -> Report:
        """The report of both. Paths are in their order; why it was refused is told once where both say the same."""
        done = Counter(self.done)
        done.update(other.done)
        return Report(
            done=dict(sorted(done.items())),
            bytes_moved=self.bytes_moved + other.bytes_moved,
            compared=self.compared + other.compared,
            superseded=self.superseded + other.superseded,
            failed=tuple(sorted(self.failed + other.failed, key=_path)),
            drifted=tuple(sorted(self.drifted + other.drifted, key=_path)),
            conflicts=tuple(sorted(self.conflicts + other.conflicts, key=_path)),
            newer_skipped=self.newer_skipped + other.newer_skipped,
            skipped=tuple(sorted(self.skipped + other.skipped, key=_path)),
            refused=tuple(dict.fromkeys(self.refused + other.refused)),
        )


NOTHING: Final = Report({}, 0, 0, 0, (), (), (), 0, (), ())


class ReportBuilder:
    """Takes outcomes in any order."""

    def __init__(self, newer: NewerFileSyncMode) -> None:
        self._newer = newer
        self._done: Counter[str] = Counter()
        self._bytes = self._superseded = self._newer_skipped = 0
        self.compared = 0
        self._failed: list[Failed] = []
        self._drifted: list[Drifted] = []
        self._conflicts: list[Conflict] = []
        self._skipped: list[Skipped] = []
        self.refused: list[str] = []

    def add(self, outcome: Outcome) -> None:
        """Count one path."""
        match outcome:
            case Done(sync):
                self._count(actions_of(sync))
            case Failed(_, _, _, completed):
                self._failed.append(outcome)
                self._count(completed)
            case Drifted():
                self._drifted.append(outcome)
            case Superseded():
                self._superseded += 1
            case Conflict():
                if self._newer is NewerFileSyncMode.SKIP:
                    self._newer_skipped += 1
                else:
                    self._conflicts.append(outcome)
            case Skipped():
                self._skipped.append(outcome)
            case _:
                assert_never(outcome)

    def _count(self, actions: tuple[SyncAction, ...]) -> None:
        for action in actions:
            self._done[str(action.__struct_config__.tag)] += 1
            self._bytes += bytes_of(action)

    def report(self) -> Report:
        """The report so far. Paths are in their order, however they ended."""
        return Report(
            done=dict(sorted(self._done.items())),
            bytes_moved=self._bytes,
            compared=self.compared,
            superseded=self._superseded,
            failed=tuple(sorted(self._failed, key=_path)),
            drifted=tuple(sorted(self._drifted, key=_path)),
            conflicts=tuple(sorted(self._conflicts, key=_path)),
            newer_skipped=self._newer_skipped,
            skipped=tuple(sorted(self._skipped, key=_path)),
            refused=tuple(self.refused),
        )


def troubles(report: Report) -> list[str]:
    """One line for each thing that a person has to know, the general ones first."""
    lines = list(report.refused)
    lines += [f"failed: {show_action(o.action)}: {describe(o.error)}" for o in report.failed]
    lines += [f"changed meanwhile: {printable(o.sync.path)}: {o.expected} -> {o.found}" for o in report.drifted]
    lines += [f"conflict: {printable(o.sync.path)}: {tell(o.sync.reason)}" for o in report.conflicts]
    lines += [f"skipped: {printable(o.sync.path)}: {tell(o.sync.reason)}" for o in report.skipped]
    return lines


def _path(outcome: Outcome) -> str:
    return outcome.sync.path
