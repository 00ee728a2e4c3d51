"""What a plan costs: calls by billing class, bytes by direction, and money by a price table that is data.

Calls are those that the actions themselves need: getting upload URLs (class A, free) and checking the destination
before a transfer depend on how the work is spread and are not part of a plan. Money is in picodollars (1e-12 $), so
that it stays an integer; `dollars` makes it readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, assert_never

from attrs import field, frozen

from b2pure.model import calls
from b2pure.model.files import FileVersion
from b2pure.model.limits import PartSizes
from b2pure.plan.actions import (
    CopyAction,
    DeleteAction,
    DownloadAction,
    HideAction,
    LocalDeleteAction,
    SyncAction,
    UploadAction,
)
from b2pure.plan.failures import PlanFailed, TooLarge
from b2pure.plan.large_file import CopyRange, append_parts
from b2pure.plan.parts import part_ranges

__all__ = [
    "PRICES",
    "PRICES_2023_10",
    "PRICES_2026",
    "Cost",
    "PriceTable",
    "call_cost",
    "cost_of",
    "dollars",
    "estimate",
]


@frozen
class Cost:
    """Calls of each billing class; bytes sent, received, and copied on the server."""

    class_a: int = 0
    class_b: int = 0
    class_c: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    bytes_copied: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.class_a + other.class_a,
            self.class_b + other.class_b,
            self.class_c + other.class_c,
            self.bytes_up + other.bytes_up,
            self.bytes_down + other.bytes_down,
            self.bytes_copied + other.bytes_copied,
        )


@frozen
class PriceTable:
    """Prices of one day, in picodollars. `free_*` are the calls that cost nothing each day, `free_down` the bytes of
    download that the caller knows to be free (B2 gives three times what is stored, which a plan cannot know).

    What is stored costs `per_terabyte_30_days` for 10^12 bytes kept for 30 days, above `free_stored` bytes. A month's
    downloads are free up to `free_down_per_stored` times the month's average of stored bytes. Plans do not ask for
    these three: `b2pure.plan.bill` does.
    """

    name: str
    per_call: Mapping[str, int] = field(factory=dict)
    free_calls_per_day: Mapping[str, int] = field(factory=dict)
    per_byte_down: int = 0
    free_down: int = 0
    per_terabyte_30_days: int = 0
    free_stored: int = 0
    free_down_per_stored: int = 0


# Backblaze's pages as transcribed in 2026 and, for the older profile, its stored transaction page. Re-check before
# relying on either: prices change.
PRICES_2026: Final = PriceTable(
    "2026",
    per_call={"D": 400_000},
    free_calls_per_day={"D": 2500},
    per_byte_down=10,
    per_terabyte_30_days=6_950_000_000_000,
    free_stored=10_000_000_000,
    free_down_per_stored=3,
)
PRICES_2023_10: Final = PriceTable(
    "2023-10",
    per_call={"B": 400_000, "C": 4_000_000},
    free_calls_per_day={"B": 2500, "C": 2500},
    per_byte_down=10,
    per_terabyte_30_days=6_000_000_000_000,
    free_stored=10_000_000_000,
    free_down_per_stored=3,
)
PRICES: Final[Mapping[str, PriceTable]] = {table.name: table for table in (PRICES_2026, PRICES_2023_10)}


def cost_of(action: SyncAction) -> Cost:
    """What the action costs when nothing has to be repeated. Raises PlanFailed(TooLarge) for what no file can hold."""
    match action:
        case UploadAction(_, source, _, PartSizes() as parts, FileVersion() as beginning):
            return _appended(beginning, source.size, parts)
        case UploadAction(_, source, _, parts):
            return _sent(calls.UploadFile, calls.UploadPart, source.size, parts, Cost(bytes_up=source.size))
        case CopyAction(_, source, _, parts):
            return _sent(calls.CopyFile, calls.CopyPart, source.size, parts, Cost(bytes_copied=source.size))
        case DownloadAction(_, source):
            return call_cost(calls.DownloadFileById) + Cost(bytes_down=source.size)
        case HideAction():
            return call_cost(calls.HideFile)
        case DeleteAction():
            return call_cost(calls.DeleteFileVersion)
        case LocalDeleteAction():
            return Cost()
        case _:
            assert_never(action)


def estimate(cost: Cost, prices: PriceTable = PRICES_2026) -> int:
    """Picodollars for all of it on one day, with the free allowances of that day untouched so far."""
    counts = {"A": cost.class_a, "B": cost.class_b, "C": cost.class_c}
    money = prices.per_byte_down * max(0, cost.bytes_down - prices.free_down)
    for billing, count in counts.items():
        paid = max(0, count - prices.free_calls_per_day.get(billing, 0))
        money += paid * prices.per_call.get(billing, 0)
    return money


def dollars(picodollars: int) -> str:
    """`$0.00`, rounded to cents, or to the first two digits that are not zero, whatever their place."""
    amount = Decimal(picodollars).scaleb(-12)
    short = Decimal(f"{amount:.1E}")
    if short == 0 or abs(short) >= Decimal("0.01"):
        return f"${amount:.2f}"
    return f"${short:f}"


def _sent(
    single: type[calls.Call[object]], part: type[calls.Call[object]], size: int, parts: PartSizes | None, moved: Cost
) -> Cost:
    if parts is None:
        return call_cost(single) + moved
    ranges = part_ranges(size, recommended=parts.recommended, minimum=parts.minimum)
    if isinstance(ranges, TooLarge):
        raise PlanFailed(ranges)
    return call_cost(calls.StartLargeFile) + call_cost(part, len(ranges)) + call_cost(calls.FinishLargeFile) + moved


def _appended(beginning: FileVersion, size: int, sizes: PartSizes) -> Cost:
    """If the version turns out to be the beginning of the file; else all of it is sent."""
    parts = append_parts(beginning.file_id, beginning.size, size, sizes) or ()
    copied = sum(isinstance(part, CopyRange) for part in parts)
    calls_made = call_cost(calls.StartLargeFile) + call_cost(calls.CopyPart, copied) + call_cost(calls.FinishLargeFile)
    moved = Cost(bytes_up=size - beginning.size, bytes_copied=beginning.size)
    return calls_made + call_cost(calls.UploadPart, len(parts) - copied) + moved


def call_cost(call: type[calls.Call[object]], count: int = 1) -> Cost:
    """`count` calls of that kind."""
    match call.billing:
        case "A":
            return Cost(class_a=count)
        case "B":
            return Cost(class_b=count)
        case "C":
            return Cost(class_c=count)
        case _:
            assert_never(call.billing)
