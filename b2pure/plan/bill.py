"""What an account owes for what it used: calls by billing class and day, storage by byte and millisecond, downloads.

Where `cost` foretells what a plan will ask for, this adds up what was asked. Days and months are UTC's. Money is in
picodollars (1e-12 $) and sizes are bytes, so that everything stays an integer; whatever has to be rounded is rounded
once, at the end, and down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from attrs import frozen

from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.plan.cost import PriceTable, dollars

__all__ = ["BILLED_CLASSES", "Bill", "BilledClass", "ClassBill", "Month", "Usage", "bill"]

BilledClass = Literal["A", "B", "C", "D"]
"""The billing classes of calls, and D: the deliveries of event notifications, which are not calls of a client."""

BILLED_CLASSES: Final[tuple[BilledClass, ...]] = ("A", "B", "C", "D")

_TERABYTE_30_DAYS: Final = 10**12 * 30 * MILLIS_PER_DAY
"""Byte-milliseconds in what `PriceTable.per_terabyte_30_days` is the price of."""


@frozen
class Month:
    """One calendar month as far as it was metered: for how many `millis`, the integral of stored bytes over them, and
    the bytes downloaded.
    """

    millis: int
    byte_millis: int
    bytes_down: int


@frozen
class Usage:
    """What an account used. `units` are billed units by day (days since the epoch) and class, `calls` are counted by
    wire name, `stored_bytes` is what is stored now; `months` are in order, without gaps.
    """

    calls: Mapping[str, int]
    units: Mapping[int, Mapping[BilledClass, int]]
    months: tuple[Month, ...]
    stored_bytes: int
    bytes_up: int
    bytes_down: int
    bytes_copied: int

    @property
    def byte_millis(self) -> int:
        """Stored bytes times the milliseconds that they were stored."""
        return sum(month.byte_millis for month in self.months)

    def units_of(self, billing: BilledClass) -> int:
        """The units of a class, over all days."""
        return sum(day.get(billing, 0) for day in self.units.values())


@frozen
class ClassBill:
    """The units of one class, those of them that are above the daily allowances, and their price."""

    billing: BilledClass
    units: int
    paid_units: int
    picodollars: int


@frozen
class Bill:
    """Usage in money by the price table named `prices`. `paid_*` is what is left when the free part is taken off."""

    prices: str
    classes: tuple[ClassBill, ...]
    byte_millis: int
    paid_byte_millis: int
    storage_picodollars: int
    bytes_down: int
    paid_down: int
    down_picodollars: int

    @property
    def picodollars(self) -> int:
        """All of it."""
        return sum(line.picodollars for line in self.classes) + self.storage_picodollars + self.down_picodollars

    @property
    def dollars(self) -> str:
        """All of it, for a person."""
        return dollars(self.picodollars)


def bill(usage: Usage, prices: PriceTable) -> Bill:
    """The bill for `usage`.

    The free storage and the free downloads are granted month by month, by the average over the part of the month that
    was metered: B2 averages over whole months, which nobody has who has just begun. A month without a single metered
    millisecond has what is stored now as its average.
    """
    paid_byte_millis = sum(max(0, month.byte_millis - prices.free_stored * month.millis) for month in usage.months)
    paid_down = max(0, sum(_paid_down(month, usage, prices) for month in usage.months) - prices.free_down)
    return Bill(
        prices=prices.name,
        classes=tuple(_class_bill(billing, usage, prices) for billing in BILLED_CLASSES),
        byte_millis=usage.byte_millis,
        paid_byte_millis=paid_byte_millis,
        storage_picodollars=paid_byte_millis * prices.per_terabyte_30_days // _TERABYTE_30_DAYS,
        bytes_down=usage.bytes_down,
        paid_down=paid_down,
        down_picodollars=paid_down * prices.per_byte_down,
    )


def _class_bill(billing: BilledClass, usage: Usage, prices: PriceTable) -> ClassBill:
    free = prices.free_calls_per_day.get(billing, 0)
    paid = sum(max(0, day.get(billing, 0) - free) for day in usage.units.values())
    return ClassBill(billing, usage.units_of(billing), paid, paid * prices.per_call.get(billing, 0))


def _paid_down(month: Month, usage: Usage, prices: PriceTable) -> int:
    times = prices.free_down_per_stored
    free = times * month.byte_millis // month.millis if month.millis else times * usage.stored_bytes
    return max(0, month.bytes_down - free)
