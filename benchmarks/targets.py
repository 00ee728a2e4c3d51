"""What b2pure means to reach, beside whom: one table. `verdicts` says what a run reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from benchmarks.results import Metric, Workload

__all__ = ["EMERGED", "OURS", "PARTS_ONLY", "TARGETS", "Target", "Verdict", "summary", "verdicts"]

OURS: Final = "b2pure"
PARTS_ONLY: Final = "b2pure, parts only"
B2SDK: Final = "b2sdk"
RCLONE: Final = "rclone"
EMERGED: Final = ("patch", "dedup", "backup", "overlap", "local")


@frozen
class Target:
    """`ours` is to be `at_least` so many times better than the best of `peers`."""

    workload: str
    metric: Metric
    at_least: float
    peers: tuple[str, ...]
    ours: str = OURS


_RATES: Final = (
    Target("small", "rate", 8, (B2SDK,)),
    Target("small", "cpu", 4, (RCLONE,)),
    Target("small-late", "rate", 6, (B2SDK,)),
    Target("small-late", "rate", 20, (RCLONE,)),
    Target("up", "rate", 3, (B2SDK,), PARTS_ONLY),
    Target("up", "rate", 1.3, ("rclone, parts only",), PARTS_ONLY),
    Target("up", "rate", 1.8, (B2SDK,)),
    Target("up", "rate", 1.4, (RCLONE,)),
    Target("down", "rate", 1.3, (B2SDK,)),
    Target("down", "rate", 1.3, (RCLONE,)),
    Target("noop", "rate", 10, (B2SDK,)),
    Target("noop", "rate", 2.5, (RCLONE, "rclone, fast list")),
    Target("scan", "rate", 6, (B2SDK,)),
    Target("scan", "rate", 1.5, (RCLONE,)),
    Target("plan-unchanged", "rate", 10, (B2SDK,)),
    Target("plan-new", "rate", 3, (B2SDK,)),
    Target("plan-changed", "rate", 3, (B2SDK,)),
    *(Target(f"emerge-{name}", "rate", 2, (B2SDK,)) for name in EMERGED),
    *(Target(f"emerge-{name}", "moved", 1, (B2SDK,)) for name in EMERGED),
)
_BESIDE_B2SDK: Final = tuple(dict.fromkeys((*(target.workload for target in _RATES), "list-late")))

TARGETS: Final = (
    *_RATES,
    *(Target(workload, "memory", 1, (B2SDK,)) for workload in _BESIDE_B2SDK),
    Target("up", "memory", 1, (B2SDK,), PARTS_ONLY),
)


@frozen
class Verdict:
    """How a target stands: `peer` is the best of its peers, `ratio` how many times better ours is."""

    target: Target
    workload: Workload
    peer: str
    ratio: float

    @property
    def reached(self) -> bool:
        """Whether the ratio is what it is to be."""
        return self.ratio >= self.target.at_least

    @property
    def word(self) -> str:
        """The same for a reader."""
        return "reached" if self.reached else "NOT reached"


def verdicts(workloads: Iterable[Workload], targets: Sequence[Target] = TARGETS) -> tuple[Verdict, ...]:
    """Those of the targets whose clients were measured, in order of the workloads."""
    found = (
        _verdict(workload, target) for workload in workloads for target in targets if target.workload == workload.key
    )
    return tuple(verdict for verdict in found if verdict is not None)


def _verdict(workload: Workload, target: Target) -> Verdict | None:
    ratios = ((workload.better(target.ours, peer, target.metric), peer) for peer in target.peers)
    known = [(ratio, peer) for ratio, peer in ratios if ratio is not None]
    if not known:
        return None
    ratio, peer = min(known)
    return Verdict(target, workload, peer, ratio)


def summary(workload: Workload, found: Iterable[Verdict]) -> str:
    """One line: whether the speed and the memory of the workload are what they are to be."""
    mine = [verdict for verdict in found if verdict.workload.key == workload.key]
    memory = [verdict for verdict in mine if verdict.target.metric == "memory"]
    speed = [verdict for verdict in mine if verdict.target.metric != "memory"]
    return f"speed {_together(speed)}, memory {_together(memory)}"


def _together(found: Sequence[Verdict]) -> str:
    if not found:
        return "without a target"
    missed = [verdict for verdict in found if not verdict.reached]
    if not missed:
        return "reached"
    told = "; ".join(
        f"{each.target.ours} has {each.ratio:.2f} times {each.peer}'s {_METRICS[each.target.metric]}, "
        f"{each.target.at_least:g} wanted"
        if each.target.metric == "rate"
        else f"{each.peer}'s {_METRICS[each.target.metric]} is {each.ratio:.2f} times that of {each.target.ours}, "
        f"{each.target.at_least:g} wanted"
        for each in missed
    )
    return f"NOT reached ({told})"


_METRICS: Final = {"rate": "speed", "cpu": "CPU", "memory": "peak memory", "moved": "plan"}
