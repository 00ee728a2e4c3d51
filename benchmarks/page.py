"""The page of the documentation that tells of a run: a section between two marks, made of the run alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.results import Run
from benchmarks.tables import markdown, verdict_rows, workload_rows
from benchmarks.targets import summary, verdicts

__all__ = ["BEGIN", "END", "PLOTS", "replaced", "section"]

BEGIN: Final = "<!-- begin: written by make bench -->"
END: Final = "<!-- end: written by make bench -->"
PLOTS: Final = {
    "rates": "How fast: median, least and most of the rounds; longer is better",
    "cpu": "CPU seconds for it; shorter is better",
    "memory": "The largest resident set; shorter is better",
}
"""The pictures by the name of their file, with what they show."""


def section(run: Run, pictures: str) -> str:
    """All tables in Markdown. `pictures` is the folder of the plots, as the page calls it."""
    return "\n\n".join(_blocks(run, pictures)) + "\n"


def _blocks(run: Run, pictures: str) -> Iterator[str]:
    machine = run.machine
    yield (
        f"`{run.command}` wrote this on {run.date}: {machine.cpus} CPUs, {machine.system}, Python {machine.python}; "
        f"{', '.join(f'{name} {version}' for name, version in run.versions.items())}; {run.rounds}, "
        f"{run.seconds / 60:.0f} minutes."
    )
    found = verdicts(run.workloads)
    yield "## Targets"
    yield markdown(verdict_rows(found))
    yield "## Plots"
    for name, shows in PLOTS.items():
        yield f"![{shows}]({pictures}/{name}.png)"
    yield "## Workloads"
    for workload in run.workloads:
        yield f"### {workload.title}"
        yield markdown(workload_rows(workload))
        yield f"Verdict: {summary(workload, found)}."


def replaced(page: str, told: str) -> str:
    """The page with another section between the marks. Raises ValueError where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the page has no place for the results")
    return f"{before}{BEGIN}\n\n{told}\n{END}{after}"
