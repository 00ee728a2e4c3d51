"""The plots of a run, as PNG: a small picture for each workload, a bar for each client. Needs the extra `bench`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.page import PLOTS
from benchmarks.results import Figure, Run, Workload

__all__ = ["plot"]

_COLUMNS: Final = 3
_COLORS: Final = {"b2pure": "#1b6ca8", "b2sdk": "#d1495b", "b2": "#edae49", "rclone": "#7a8288"}

_FIGURES: Final[dict[str, tuple[Callable[[Workload, str], Figure], Callable[[Workload], str]]]] = {
    "rates": (Workload.rate, lambda workload: f"{workload.unit}/s"),
    "cpu": (Workload.cpu, lambda _: "CPU seconds"),
    "memory": (Workload.peak, lambda _: "MiB"),
}


def plot(run: Run, folder: Path) -> None:
    """Write the pictures that the page shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PLOTS:
        _picture(run, name).savefig(folder / f"{name}.png", dpi=100, metadata={"Software": None})


def _picture(run: Run, name: str) -> Any:
    from matplotlib.figure import Figure as Canvas

    figures, axis = _FIGURES[name]
    lines = -(-len(run.workloads) // _COLUMNS)
    canvas = Canvas(figsize=(5 * _COLUMNS, 2.4 * lines), layout="constrained")
    grid = canvas.subplots(lines, _COLUMNS, squeeze=False).flat
    for axes in list(grid)[len(run.workloads) :]:
        axes.set_axis_off()
    for axes, workload in zip(canvas.axes, run.workloads, strict=False):
        _bars(axes, workload, figures)
        axes.set_title(workload.title, fontsize=9)
        axes.set_xlabel(axis(workload), fontsize=8)
    return canvas


def _bars(axes: Any, workload: Workload, figures: Callable[[Workload, str], Figure]) -> None:
    clients = list(workload.samples)
    found = [figures(workload, client) for client in clients]
    middles = [each.median for each in found]
    spread = [[each.median - each.least for each in found], [each.most - each.median for each in found]]
    colors = [_COLORS[client.partition(",")[0]] for client in clients]
    axes.barh(clients, middles, xerr=spread, color=colors, ecolor="#333333", capsize=2, height=0.7)
    axes.invert_yaxis()
    axes.tick_params(labelsize=8)
    axes.margins(x=0.08)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
