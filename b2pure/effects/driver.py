"""What runs programs: on threads (`threads`) or by a seed (`seeded`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from b2pure.effects.interpreter import Interpreter
from b2pure.effects.program import Program
from b2pure.plan.concurrency import Workers

__all__ = ["Driver", "DriverFactory"]

T = TypeVar("T")


class Driver(Protocol):
    """Runs programs: on threads, or by a seed."""

    def run(self, program: Program[T]) -> T: ...
    def run_each(self, programs: Iterable[Program[object]]) -> None: ...
    def stop(self) -> None: ...
    def __enter__(self) -> Driver: ...
    def __exit__(self, *exc_info: object) -> None: ...


DriverFactory = Callable[[Interpreter, Workers | None], Driver]
"""(interpreter, bounds of the number of workers) -> a driver for one job; None workers: for one question."""
