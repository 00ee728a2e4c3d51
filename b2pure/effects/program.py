"""Programs: generators that yield effects and return a value.

A program reads like blocking code and can be run by any driver: on threads against the world, or one step at a time
against a simulation. `perform` is the only place where the type of a reply meets the type of its effect.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeGuard, TypeVar, cast

from returns.result import Result, Success

from b2pure.effects.effect import Effect

__all__ = ["Program", "ok", "perform"]

R = TypeVar("R")
T = TypeVar("T")
E = TypeVar("E")

Program = Generator[Effect[Any], Any, T]


def perform(effect: Effect[R]) -> Program[R]:
    """Ask for an effect: `reply = yield from perform(...)` has the effect's reply type."""
    return cast(R, (yield effect))


def ok(result: Result[R, E]) -> TypeGuard[Success[R]]:
    """Whether the result is a success; narrows for `.unwrap()`, and `.failure()` is for the other branch."""
    return isinstance(result, Success)
