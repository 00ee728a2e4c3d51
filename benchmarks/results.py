"""What a run of the benchmarks found, as data: written as JSON first; tables, verdicts and plots are made of it.

Rules. Pure: nothing here reads a clock or a disk. Every figure is that of a median over rounds; the smallest and the
largest stand beside it. A client may have got fewer files than the others: what it needed is then counted up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Literal

import msgspec
from attrs import field, frozen

__all__ = ["Figure", "Machine", "Metric", "Run", "Sample", "Workload", "from_json", "to_json"]

Metric = Literal["rate", "cpu", "memory", "moved"]
"""What can be compared: units a second, CPU seconds, the largest resident set, and what an object's plan moves."""


@frozen
class Sample:
    """One client, once: its wall and CPU seconds and largest resident set, the CPU seconds of the server (None where
    there is none), and for how many units that was. `moved` is what a plan sends and downloads, in bytes.
    """

    wall: float
    cpu: float
    peak_mib: float
    server_cpu: float | None
    amount: float
    moved: int | None = None


@frozen
class Figure:
    """The median of some rounds, with the least and the most of them."""

    median: float
    least: float
    most: float


@frozen
class Workload:
    """A thing that several clients did in alternating rounds. `amount` is how many `unit`s it is of; `samples` has
    what each client needed, ours first.
    """

    key: str
    title: str
    unit: str
    amount: float
    samples: Mapping[str, tuple[Sample, ...]] = field(hash=False)

    def rate(self, client: str) -> Figure:
        """Units a second."""
        return _figure(each.amount / each.wall for each in self.samples[client])

    def wall(self, client: str) -> float:
        """Seconds for the whole amount."""
        return median(each.wall * self.amount / each.amount for each in self.samples[client])

    def cpu(self, client: str) -> Figure:
        """CPU seconds for the whole amount."""
        return _figure(each.cpu * self.amount / each.amount for each in self.samples[client])

    def peak(self, client: str) -> Figure:
        """The largest resident set in MiB."""
        return _figure(each.peak_mib for each in self.samples[client])

    def server_cpu(self, client: str) -> float | None:
        """CPU seconds of the server for the whole amount."""
        told = [
            each.server_cpu * self.amount / each.amount for each in self.samples[client] if each.server_cpu is not None
        ]
        return median(told) if told else None

    def moved(self, client: str) -> int | None:
        """Bytes that the plan sends and downloads: the same in every round."""
        return self.samples[client][0].moved

    def better(self, ours: str, theirs: str, metric: Metric) -> float | None:
        """How many times better `ours` is than `theirs`; None where one of them was not measured, or not comparable."""
        if ours not in self.samples or theirs not in self.samples:
            return None
        match metric:
            case "rate":
                return self.rate(ours).median / self.rate(theirs).median
            case "cpu":
                return self.cpu(theirs).median / self.cpu(ours).median
            case "memory":
                return self.peak(theirs).median / self.peak(ours).median
            case "moved":
                mine, other = self.moved(ours), self.moved(theirs)
                return None if mine is None or other is None else other / mine


def _figure(values: Iterable[float]) -> Figure:
    found = sorted(values)
    return Figure(median(found), found[0], found[-1])


@frozen
class Machine:
    """What is told of the machine: nothing that names it."""

    cpus: int
    system: str
    python: str


@frozen
class Run:
    """All workloads of one run. `date` is ISO's, `versions` those of the clients by name."""

    date: str
    command: str
    machine: Machine
    versions: Mapping[str, str] = field(hash=False)
    rounds: str
    seconds: float
    workloads: tuple[Workload, ...]


def to_json(run: Run) -> bytes:
    """As it is kept."""
    return msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n"


def from_json(data: bytes) -> Run:
    """As it was. Raises msgspec.ValidationError for anything else."""
    return msgspec.json.decode(data, type=Run)
