"""Quantities as people write them: 5MB, 100KiB, 90s, 1d."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import click

__all__ = ["AGE", "COUNT", "PLACE", "SIZE", "TIME", "IntType", "Quantity"]

_UNITS: Final = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_QUANTITY: Final = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s*([a-z]*)\Z", re.IGNORECASE | re.ASCII)
_LARGEST: Final = 1 << 60


if TYPE_CHECKING:
    IntType = click.ParamType[int]
else:
    IntType = click.ParamType  # no generic before click 8.2


class Quantity(IntType):
    """A number with a unit, as a whole number of the smallest one (`small`: what one of it is called), and not less
    than `least` of it.
    """

    def __init__(
        self, name: str, units: dict[str, int], scale: int, example: str, small: str, *, least: int = 1
    ) -> None:
        self.name = name
        self._units = units
        self._scale = scale
        self._example = example
        self._small = small
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or an error that shows how one is written."""
        match = _QUANTITY.match(str(value).strip())
        unit = None if match is None else self._units.get(match.group(2).lower())
        if match is None or unit is None:
            self.fail(f"{value!r} is no {self.name}; it is a number, as {self._example}", param, ctx)
        amount = float(match.group(1)) if "." in match.group(1) else int(match.group(1))
        whole = math.floor(amount * unit * self._scale)
        if whole < self._least:
            self.fail(f"{value!r} is too small: a {self.name} is at least {self._least} {self._small}", param, ctx)
        if whole > _LARGEST:
            self.fail(f"{value!r} is too large for a {self.name}", param, ctx)
        return whole


SIZE: Final = Quantity("size", _UNITS, 1, "5000000, 5MB or 100KiB", "byte")
"""Bytes, at least one."""
PLACE: Final = Quantity("place", _UNITS, 1, "0, 5000000, 5MB or 100KiB", "byte", least=0)
"""Where something is in a file, in bytes."""
TIME: Final = Quantity("time", _SECONDS, 1000, "90s, 15m, 24h or 1d", "millisecond")
"""Milliseconds, at least one."""
AGE: Final = Quantity("time", _SECONDS, 1000, "0s, 90s, 15m, 24h or 1d", "millisecond", least=0)
COUNT: Final = click.IntRange(1, 10_000_000)
