"""`python -m benchmarks.planning [--files N] [--rounds R]`: the planner beside b2sdk's, over lists in memory.

Both sides get the same files, made beforehand, and the same policy; both plans are consumed action by action as they
come and forgotten. Each plan is made by a process of its own, which holds nothing but its own planner's files; its
peak memory has them in it. First the two are compared on a smaller copy of the workload: they have to decide the same.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from b2pure.model.files import B2Tree, LocalTree
from b2pure.plan.actions import DeleteAction, SyncAction, UploadAction
from b2pure.plan.plan import SyncPlan, plan_sync
from benchmarks.contest import Contestant, contest, show_all
from benchmarks.large_clients import Usage, measured
from benchmarks.measure import in_child
from benchmarks.results import Sample, Workload
from benchmarks.streams import NOW, WORKLOADS, dest_files, policy, source_files
from benchmarks.streams import Workload as Streams

__all__ = ["main", "run"]

_CHECKED: Final = 20_000
_PLANNERS: Final = (Contestant("b2pure", "b2pure"), Contestant("b2sdk", "b2sdk"))


def run(*, files: int, rounds: int) -> Iterator[Workload]:
    """Each workload as soon as it is measured. Raises RuntimeError where the planners do not agree."""
    for streams in WORKLOADS:
        agreed = in_child("benchmarks.planning", "--child", "agreement", streams.key, str(min(files, _CHECKED)))
        if not agreed["same"]:
            raise RuntimeError(f"{streams.key}: the planners decide differently")
        title = f"planning {files:,} files, {streams.name}"
        yield contest(streams.key, title, "files", files, rounds, _PLANNERS, partial(_one, streams.key, files))


def _one(key: str, files: int, planner: Contestant) -> Sample:
    told = in_child("benchmarks.planning", "--child", planner.client, key, str(files))
    return Sample(told["wall"], told["cpu"], told["peak_kib"] / 1024, None, files)


# -- in the child


def _child(what: str, key: str, files: int) -> Usage | dict[str, bool]:
    streams = next(each for each in WORKLOADS if each.key == key)
    if what == "agreement":
        return {
            "same": list(map(_ours, _our_plan(streams, files).actions()))
            == list(map(_theirs, _their_plan(streams, files)()))
        }
    gc.disable()  # while the files are made: what is measured begins with a full collection
    job = _planning(what, streams, files)
    gc.enable()
    gc.collect()
    return measured(job)


def _planning(what: str, streams: Streams, files: int) -> Callable[[], None]:
    if what == "b2pure":
        plan = _our_plan(streams, files)

        def plan_ours() -> None:
            for sync in plan:
                for stage in sync.stages:
                    for _ in stage:
                        pass

        return plan_ours
    theirs = _their_plan(streams, files)

    def plan_theirs() -> None:
        for _ in theirs():
            pass

    return plan_theirs


def _our_plan(streams: Streams, files: int) -> SyncPlan:
    """Made of lists. It is planned when it is read."""
    source, dest = LocalTree(list(source_files(files))), B2Tree(list(dest_files(files, streams)))
    return plan_sync(source, dest, policy(streams), now_millis=NOW)


def _their_plan(streams: Streams, files: int) -> Callable[[], Iterator[Any]]:
    from benchmarks.b2sdk_folders import b2sdk_plan

    return b2sdk_plan(source_files(files), dest_files(files, streams), streams.keep_days, NOW)


def _ours(action: SyncAction) -> tuple[str, str, str]:
    match action:
        case UploadAction():
            return "upload", action.path, ""
        case DeleteAction():
            return "delete", action.path, action.file_id
        case _:
            return type(action).__name__, action.path, ""


def _theirs(action: Any) -> tuple[str, str, str]:
    names = {"B2UploadAction": ("upload", ""), "B2DeleteAction": ("delete", getattr(action, "file_id", ""))}
    kind, file_id = names.get(type(action).__name__, (type(action).__name__, ""))
    return kind, action.relative_name, file_id


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        what, key, files = given.child
        print(json.dumps(_child(what, key, int(files))))
        return
    show_all(run(files=given.files, rounds=given.rounds))


if __name__ == "__main__":
    main()
