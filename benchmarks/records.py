"""`python -m benchmarks.records`: what it costs to make one immutable value with four fields, by kind."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from attrs import frozen

from benchmarks.measure import alternate, medians
from benchmarks.tables import aligned

__all__ = ["main", "run"]


@frozen
class ByAttrs:
    path: str
    size: int
    mod_time_millis: int
    sha1: str | None


class ByMsgspec(msgspec.Struct, frozen=True, gc=False):
    path: str
    size: int
    mod_time_millis: int
    sha1: str | None


class ByNamedTuple(NamedTuple):
    path: str
    size: int
    mod_time_millis: int
    sha1: str | None


def _tuple(path: str, size: int, mod_time_millis: int, sha1: str | None) -> tuple[str, int, int, str | None]:
    return (path, size, mod_time_millis, sha1)


_KINDS: dict[str, Callable[[str, int, int, str | None], object]] = {
    "attrs.frozen": ByAttrs,
    "msgspec.Struct, frozen, gc=False": ByMsgspec,
    "typing.NamedTuple": ByNamedTuple,
    "tuple, made in a function": _tuple,
}


def run(rounds: int = 7, number: int = 200_000) -> dict[str, float]:
    """Nanoseconds for each kind: the median of alternating rounds."""

    def measure(make: Callable[[str, int, int, str | None], object]) -> Callable[[], float]:
        timer = timeit.Timer("make('folder/file.dat', 100, 1_800_000_000_000, None)", globals={"make": make})
        return lambda: timer.timeit(number) / number * 1e9

    return medians(alternate(rounds, {name: measure(make) for name, make in _KINDS.items()}))


def show(costs: dict[str, float]) -> str:
    """The costs, and each as a multiple of the struct's."""
    struct = costs["msgspec.Struct, frozen, gc=False"]
    rows = [(name, f"{cost:.0f}", f"{cost / struct:.1f}x") for name, cost in costs.items()]
    return aligned([("one value with four fields", "ns", "of a struct"), *rows])


def main() -> None:
    """Measure and print."""
    print(show(run()))


if __name__ == "__main__":
    main()
