"""The tables of a run: the same rows for a terminal and for a page. Pure.

A row is a client. The columns that begin with "b2pure" say how the first row, which is b2pure, stands beside that
client: "2.00x faster" in the row of a client is b2pure's speed, twice that of this client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, assert_never

from benchmarks.results import Figure, Metric, Workload
from benchmarks.targets import Target, Verdict

__all__ = ["aligned", "markdown", "verdict_rows", "workload_rows"]

Rows = Sequence[Sequence[str]]

_HEADING: Final = (
    "",
    "rate",
    "least–most",
    "b2pure's speed",
    "wall",
    "CPU",
    "b2pure's CPU",
    "peak",
    "b2pure's memory",
    "server CPU",
)
_WORDS: Final[Mapping[Metric, tuple[str, str]]] = {
    "rate": ("faster", "slower"),
    "cpu": ("less", "more"),
    "memory": ("less", "more"),
    "moved": ("less", "more"),
}
"""What b2pure is beside a client where it is better, and where it is worse."""


def workload_rows(workload: Workload) -> Rows:
    """The heading and one row for each client."""
    ours = next(iter(workload.samples))
    moves = any(workload.moved(client) is not None for client in workload.samples)
    rows: list[tuple[str, ...]] = [(*_HEADING, "plan moves") if moves else _HEADING]
    for client in workload.samples:
        rows.append(_row(workload, client, ours) + ((_moved(workload, client),) if moves else ()))
    return rows


def _row(workload: Workload, client: str, ours: str) -> tuple[str, ...]:
    rate, server = workload.rate(client), workload.server_cpu(client)

    def ratio(metric: Metric) -> str:
        found = workload.better(ours, client, metric)
        return "-" if client == ours or found is None else _beside(found, metric)

    return (
        client,
        f"{_number(rate.median)} {workload.unit}/s",
        _range(rate),
        ratio("rate"),
        f"{workload.wall(client):.2f} s",
        f"{workload.cpu(client).median:.2f} s",
        ratio("cpu"),
        f"{workload.peak(client).median:,.0f} MiB",
        ratio("memory"),
        "-" if server is None else f"{server:.2f} s",
    )


def _beside(ratio: float, metric: Metric) -> str:
    """How many times better or worse; 1.00x is the same."""
    better, worse = _WORDS[metric]
    return f"{ratio:.2f}x {better}" if ratio >= 0.995 else f"{1 / ratio:.2f}x {worse}"


def _wanted(target: Target) -> str:
    better, worse = _WORDS[target.metric]
    return f"not {worse}" if target.at_least == 1 else f"{target.at_least:g}x {better}"


def _moved(workload: Workload, client: str) -> str:
    moved = workload.moved(client)
    return "another object" if moved is None else f"{moved / 1e9:.1f} GB"


def _range(figure: Figure) -> str:
    return f"{_number(figure.least)}–{_number(figure.most)}"


def _number(value: float) -> str:
    """With three digits that mean something, at least."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def verdict_rows(found: Sequence[Verdict]) -> Rows:
    """The heading and one row for each target."""
    rows = [("target", "b2pure", "the other", "b2pure beside it", "wanted", "verdict")]
    for each in found:
        target = each.target
        rows.append(
            (
                f"{each.workload.title}: {_TOLD[target.metric]} beside {each.peer}" + _which(target.ours),
                _value(each.workload, target.ours, target.metric),
                _value(each.workload, each.peer, target.metric),
                _beside(each.ratio, target.metric),
                _wanted(target),
                each.word,
            )
        )
    return rows


_TOLD: Final = {"rate": "speed", "cpu": "CPU", "memory": "peak memory", "moved": "bytes that the plan moves"}


def _which(ours: str) -> str:
    _, _, how = ours.partition(", ")
    return f" ({how})" if how else ""


def _value(workload: Workload, client: str, metric: Metric) -> str:
    match metric:
        case "rate":
            return f"{_number(workload.rate(client).median)} {workload.unit}/s"
        case "cpu":
            return f"{workload.cpu(client).median:.2f} s"
        case "memory":
            return f"{workload.peak(client).median:,.0f} MiB"
        case "moved":
            return _moved(workload, client)
        case _:
            assert_never(metric)


def aligned(rows: Rows) -> str:
    """For a terminal: the first row is the heading, the first column is text, the others are figures."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    heading, *rest = (_line(row, widths) for row in rows)
    return "\n".join((heading, "  ".join("-" * width for width in widths), *rest))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    return "  ".join((first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest))).rstrip()


def markdown(rows: Rows) -> str:
    """For a page."""
    heading, *rest = rows
    marks = ["---", *("---:" for _ in heading[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heading, marks, *rest))
