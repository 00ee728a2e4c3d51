"""How a public name says that it goes away: since when, and what to use instead. In a numbered interface it stays."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["deprecated"]

P = ParamSpec("P")
R = TypeVar("R")


def deprecated(name: str, *, since: str, use: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function, or the getter of a property, that does what it did and warns whoever calls it."""
    message = f"{name} is deprecated since {since}; use {use}"

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def warning(*arguments: P.args, **named: P.kwargs) -> R:
            warnings.warn(message, DeprecationWarning, stacklevel=2)
            return function(*arguments, **named)

        return warning

    return decorate
