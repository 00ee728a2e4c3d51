"""What the simulator counts: the calls and bytes that B2 would bill for, and the latest requests.

Rules. No I/O, no lock and no clock: every method is told the time, in milliseconds since the epoch. A clock that runs
backwards stands still here. Counting is cheap, because every request does it; money is computed when somebody asks.
The log is for reading: of a request it keeps what `Entry` has and nothing else, and never a token, a key's secret or
an upload URL.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from attrs import define, evolve, frozen

from b2pure.model.calls import Call
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.names import printable
from b2pure.plan.bill import Bill, BilledClass, Month, Usage, bill
from b2pure.plan.cost import PriceTable

__all__ = ["EVENT_DELIVERY", "Entry", "Meter", "RequestLog", "about", "billed_units"]

EVENT_DELIVERY: Final = "event notification delivery"
"""What stands for a wire name where a class D delivery is counted: B2 makes it, no client calls it."""

_ENTRIES_PER_UNIT: Final = 1000
_LISTS: Final = "b2_list_"


def billed_units(call_name: str, reply: object) -> int:
    """How many units of its class a call is billed as: a list is one for each started 1,000 entries that it returned
    and at least one, everything else is one. `reply` None stands for a call that failed.
    """
    if not call_name.startswith(_LISTS):
        return 1
    pages = (getattr(reply, field, None) for field in ("files", "parts", "buckets", "keys"))
    returned = next((len(page) for page in pages if isinstance(page, tuple)), 0)
    return max(1, -(-returned // _ENTRIES_PER_UNIT))


@define
class _Month:
    """A month that is being metered; `end` is its first millisecond that is not."""

    index: int
    end: int
    millis: int = 0
    byte_millis: int = 0
    bytes_down: int = 0


class Meter:
    """Counts from `now_millis` on, when nothing is stored."""

    __slots__ = (
        "_bytes_copied",
        "_bytes_down",
        "_bytes_up",
        "_calls",
        "_down_by_day",
        "_months",
        "_now",
        "_stored",
        "_units",
    )

    def __init__(self, now_millis: int) -> None:
        self._now = now_millis
        self._stored = 0
        self._bytes_up = 0
        self._bytes_down = 0
        self._bytes_copied = 0
        self._calls: Counter[str] = Counter()
        self._down_by_day: Counter[int] = Counter()
        self._units: dict[int, Counter[BilledClass]] = {}
        self._months = [_month_at(now_millis)]

    def __repr__(self) -> str:
        return f"Meter(calls={self._calls.total()}, stored_bytes={self._stored})"

    def fork(self) -> Meter:
        """An independent copy."""
        twin = Meter(self._now)
        twin._stored = self._stored
        twin._bytes_up, twin._bytes_down, twin._bytes_copied = self._bytes_up, self._bytes_down, self._bytes_copied
        twin._calls = self._calls.copy()
        twin._down_by_day = self._down_by_day.copy()
        twin._units = {day: units.copy() for day, units in self._units.items()}
        twin._months = [evolve(month) for month in self._months]
        return twin

    # -- counting

    def count(self, call_name: str, billing: BilledClass, units: int, now_millis: int) -> None:
        """A call, and the units that it is billed as (`billed_units`)."""
        _check(units)
        self._advance(now_millis)
        self._calls[call_name] += 1
        day = self._now // MILLIS_PER_DAY
        if day not in self._units:
            self._units[day] = Counter()
        self._units[day][billing] += units

    def moved(self, *, up: int = 0, down: int = 0, copied: int = 0) -> None:
        """Bytes that went up, came down, or were copied on the server, at the time of the latest `count` or
        `stored`.
        """
        _check(up, down, copied)
        self._bytes_up += up
        self._bytes_down += down
        self._bytes_copied += copied
        self._months[-1].bytes_down += down
        if down:
            self._down_by_day[self._now // MILLIS_PER_DAY] += down

    def stored(self, bytes_delta: int, now_millis: int) -> None:
        """From now on so many more bytes are stored, or fewer. Raises ValueError if that is less than none."""
        if self._stored + bytes_delta < 0:
            raise ValueError(f"{self._stored} bytes are stored, {-bytes_delta} cannot go")
        self._advance(now_millis)
        self._stored += bytes_delta

    def _advance(self, now_millis: int) -> None:
        """The time from the latest event to now passes, with what is stored."""
        while self._now < now_millis:
            month = self._months[-1]
            until = min(now_millis, month.end)
            month.millis += until - self._now
            month.byte_millis += (until - self._now) * self._stored
            self._now = until
            if until == month.end:
                self._months.append(_Month(month.index + 1, _month_start(month.index + 2)))

    # -- reading

    @property
    def stored_bytes(self) -> int:
        """What is stored now."""
        return self._stored

    @property
    def calls(self) -> Mapping[str, int]:
        """Calls by wire name, in the order of the names."""
        return dict(sorted(self._calls.items()))

    def units_of_day(self, billing: BilledClass, now_millis: int) -> int:
        """The units of a class in the UTC day of this moment: what a daily cap is compared with."""
        return self._units.get(now_millis // MILLIS_PER_DAY, Counter())[billing]

    def down_of_day(self, now_millis: int) -> int:
        """The bytes that came down in the UTC day of this moment."""
        return self._down_by_day[now_millis // MILLIS_PER_DAY]

    def usage(self, now_millis: int) -> Usage:
        """Everything that was counted, with what is stored staying until `now_millis`. A later moment than that of the
        latest event gives a forecast, and asking changes nothing.
        """
        twin = self.fork()
        twin._advance(now_millis)
        return Usage(
            calls=self.calls,
            units={day: dict(units) for day, units in self._units.items()},
            months=tuple(Month(month.millis, month.byte_millis, month.bytes_down) for month in twin._months),
            stored_bytes=self._stored,
            bytes_up=self._bytes_up,
            bytes_down=self._bytes_down,
            bytes_copied=self._bytes_copied,
        )

    def bill(self, prices: PriceTable, now_millis: int) -> Bill:
        """What all of it costs; `now_millis` as in `usage`."""
        return bill(self.usage(now_millis), prices)


def _check(*amounts: int) -> None:
    if min(amounts) < 0:
        raise ValueError("nothing is counted backwards")


def _month_at(millis: int) -> _Month:
    """The month that holds a moment. Months are counted from January of the year 0, and the calendar goes on where
    `datetime` ends, because a simulated clock may.
    """
    index = 1970 * 12 + millis // MILLIS_PER_DAY * _MONTHS_IN_CYCLE // _DAYS_IN_CYCLE
    while _month_start(index) > millis:
        index -= 1
    while _month_start(index + 1) <= millis:
        index += 1
    return _Month(index, _month_start(index + 1))


_MONTHS_IN_CYCLE: Final = 400 * 12
_DAYS_IN_CYCLE: Final = 146_097
"""The Gregorian calendar repeats itself every 400 years."""
_EPOCH_DAY: Final = 719_468
"""1970-01-01 in days since 0000-03-01."""


def _month_start(index: int) -> int:
    """The first millisecond of a month. Years are counted from March, so that the leap day is a year's last day."""
    year, month = divmod(index - 2, 12)
    days = year * 365 + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5
    return (days - _EPOCH_DAY) * MILLIS_PER_DAY


# -- requests


@frozen
class Entry:
    """One request, as the log keeps it. `nth` counts from 1 over all requests; `about` says what it was about, in
    printable text; `key_id` is None where no good token came; `code` is the error's, None for success. The bytes are
    those of the bodies.
    """

    nth: int
    at_millis: int
    method: str
    call_name: str
    about: str
    key_id: str | None
    status: int
    code: str | None
    bytes_in: int
    bytes_out: int


class RequestLog:
    """The latest `keep` requests, whatever became of them; `keep` None keeps all."""

    __slots__ = ("_entries", "_total")

    def __init__(self, keep: int | None = 1000) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self._total = 0

    def __repr__(self) -> str:
        return f"RequestLog(total={self._total}, kept={len(self._entries)})"

    def fork(self) -> RequestLog:
        """An independent copy."""
        twin = RequestLog(self._entries.maxlen)
        twin._entries.extend(self._entries)
        twin._total = self._total
        return twin

    @property
    def total(self) -> int:
        """How many requests there were, kept or not."""
        return self._total

    def add(
        self,
        *,
        at_millis: int,
        method: str,
        call_name: str,
        about: str,
        key_id: str | None,
        status: int,
        code: str | None,
        bytes_in: int,
        bytes_out: int,
    ) -> Entry:
        """Write a request down. `about` is made printable and cut; that it holds no secret is the caller's care, and
        `about()` sees to it.
        """
        self._total += 1
        entry = Entry(
            self._total, at_millis, method, call_name, _short(about), key_id, status, code, bytes_in, bytes_out
        )
        self._entries.append(entry)
        return entry

    def entries(self, call_name: str | None = None, status: int | None = None) -> tuple[Entry, ...]:
        """The requests that are kept, oldest first: all, those of a call, those with a status."""
        return tuple(
            entry
            for entry in self._entries
            if (call_name is None or entry.call_name == call_name) and (status is None or entry.status == status)
        )

    def latest(self, count: int) -> tuple[Entry, ...]:
        """Up to `count` requests, newest first."""
        return tuple(islice(reversed(self._entries), count))


_ABOUT_CHARS: Final = 200
_BUCKET_FIELDS: Final = ("bucket_name", "bucket_id", "destination_bucket_id")
_FILE_FIELDS: Final = (
    "file_name",
    "prefix",
    "name_prefix",
    "file_name_prefix",
    "file_id",
    "large_file_id",
    "key_name",
    "application_key_id",
)
"""What may be told of a call, the first that it has. Whatever is not here never reaches the log."""


def about(call: Call[Any], bucket_name: str | None = None) -> str:
    """What a call is about, in short: bucket and file, part or range. `bucket_name` is the name of the bucket, where
    the call itself says only an id or nothing at all.
    """
    bucket = bucket_name or _first(call, _BUCKET_FIELDS)
    place = "/".join(text for text in (bucket, _first(call, _FILE_FIELDS)) if text)
    part, span = getattr(call, "part_number", None), getattr(call, "range", None)
    details = (place, "" if part is None else f"part {part}", span or "")
    return _short(" ".join(text for text in details if text))


def _first(call: Call[Any], fields: tuple[str, ...]) -> str:
    found = (getattr(call, field, None) for field in fields)
    return next((value for value in found if isinstance(value, str) and value), "")


def _short(text: str) -> str:
    shown = printable(text[:_ABOUT_CHARS])
    return shown if len(text) <= _ABOUT_CHARS else shown + "…"
