"""`python -m benchmarks.planning [--files N] [--rounds R]`: the planner beside b2sdk's, over lists in memory.

Both sides get the same files, made beforehand, and the same policy; both plans are consumed action by action as they
come and forgotten. First the two are compared on a smaller copy of the workload: they have to decide the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen
from b2sdk.v2 import B2DeleteAction, B2UploadAction

from b2pure.model.files import B2Path, B2Tree, LocalPath, LocalTree
from b2pure.plan.actions import DeleteAction, SyncAction, UploadAction
from b2pure.plan.plan import plan_sync
from benchmarks.b2sdk_folders import b2sdk_plan
from benchmarks.measure import Line, alternate, medians, show_lines, timed
from benchmarks.streams import NOW, WORKLOADS, Workload, dest_files, policy, source_files

__all__ = ["main", "run"]

_CHECKED = 20_000


@frozen
class _Pair:
    """The two planners over one set of files. Each call starts a plan anew."""

    ours: Callable[[], Iterator[SyncAction]]
    theirs: Callable[[], Iterator[Any]]


def run(files: int, rounds: int) -> list[Line]:
    """Measure every workload, saying what is done meanwhile."""
    print(f"planning {files:,} files, {rounds} alternating rounds, garbage collector in its default state")
    return [_measure(workload, files, rounds) for workload in WORKLOADS]


def _measure(workload: Workload, files: int, rounds: int) -> Line:
    agreement = _agreement(_pair(workload, min(files, _CHECKED)))
    source, dest, theirs = _prepared(workload, files)
    ours_tree, dest_tree = LocalTree(source), B2Tree(dest)
    chosen = policy(workload)
    counts: dict[str, int] = {}

    def plan_ours() -> None:
        count = 0
        for sync in plan_sync(ours_tree, dest_tree, chosen, now_millis=NOW):
            for stage in sync.stages:
                count += len(stage)
        counts["b2pure"] = count

    def plan_theirs() -> None:
        count = 0
        for _ in theirs():
            count += 1
        counts["b2sdk"] = count

    results = alternate(rounds, {"b2pure": lambda: timed(plan_ours), "b2sdk": lambda: timed(plan_theirs)})
    seconds = medians(results)
    print(f"  {workload.name}: {counts['b2pure']:,} actions by b2pure, {counts['b2sdk']:,} by b2sdk; {agreement}")
    return Line(
        f"plan, {workload.name}",
        f"{files / seconds['b2pure']:,.0f} files/s",
        f"{files / seconds['b2sdk']:,.0f} files/s",
        seconds["b2sdk"] / seconds["b2pure"],
        workload.target,
    )


def _prepared(workload: Workload, files: int) -> tuple[list[LocalPath], list[B2Path], Callable[[], Iterator[Any]]]:
    source, dest = list(source_files(files)), list(dest_files(files, workload))
    return source, dest, b2sdk_plan(source, dest, workload.keep_days, NOW)


def _pair(workload: Workload, files: int) -> _Pair:
    source, dest, theirs = _prepared(workload, files)
    plan = plan_sync(LocalTree(source), B2Tree(dest), policy(workload), now_millis=NOW)
    return _Pair(plan.actions, theirs)


def _agreement(pair: _Pair) -> str:
    """Whether both planners decide the same, in the same order."""
    ours, theirs = list(map(_ours, pair.ours())), list(map(_theirs, pair.theirs()))
    return "the same decisions" if ours == theirs else "DIFFERENT decisions"


def _ours(action: SyncAction) -> tuple[str, str, str]:
    match action:
        case UploadAction():
            return "upload", action.path, ""
        case DeleteAction():
            return "delete", action.path, action.file_id
        case _:
            return type(action).__name__, action.path, ""


def _theirs(action: Any) -> tuple[str, str, str]:
    if isinstance(action, B2UploadAction):
        return "upload", action.relative_name, ""
    if isinstance(action, B2DeleteAction):
        return "delete", action.relative_name, action.file_id
    return type(action).__name__, action.relative_name, ""


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(show_lines(run(options.files, options.rounds)))


if __name__ == "__main__":
    main()
