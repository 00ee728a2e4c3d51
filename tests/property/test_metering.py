"""Laws of the meter and the log: what they say is what a naive reader of the whole history would say.

The oracle keeps every event, looks at time millisecond interval by interval with `datetime`'s calendar, and adds
fractions. It knows the meter's rules from their text and none of its code.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Final

from attrs import define, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from b2pure.effects.simulator.meter import Entry, Meter, RequestLog
from b2pure.plan.bill import BILLED_CLASSES, BilledClass
from b2pure.plan.cost import PRICES, PriceTable, dollars

DAY: Final = 86_400_000


@frozen
class Called:
    """A call of one class."""

    name: str
    billing: BilledClass
    units: int


@frozen
class Moved:
    """Bytes that moved."""

    up: int
    down: int
    copied: int


@frozen
class Stored:
    """A change of what is stored; what would go below nothing goes to nothing."""

    delta: int


Event = tuple[int, Called | Moved | Stored]
"""The milliseconds since the event before (a clock may run backwards), and what happened."""

_BYTES = st.one_of(st.integers(0, 5), st.integers(0, 10**11))
_STEPS = st.one_of(st.just(0), st.integers(-DAY, 2 * DAY), st.sampled_from((DAY, 31 * DAY, 366 * DAY)))
_EVENTS: st.SearchStrategy[list[Event]] = st.lists(
    st.tuples(
        _STEPS,
        st.one_of(
            st.builds(
                Called,
                st.sampled_from(("b2_a", "b2_b")),
                st.sampled_from(BILLED_CLASSES),
                st.one_of(st.integers(0, 3), st.integers(0, 3000)),
            ),
            st.builds(Moved, _BYTES, _BYTES, _BYTES),
            st.builds(Stored, st.integers(-(10**11), 10**11)),
        ),
    ),
    max_size=30,
)
_STARTS = st.one_of(
    st.integers(0, 4_000_000_000_000),
    st.builds(
        lambda year, month: int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000,
        st.integers(1970, 2105),
        st.integers(1, 12),
    ),
)


@define
class History:
    """Everything that happened, and the naive answers."""

    start: int
    now: int = 0
    stored: int = 0
    calls: list[tuple[int, Called]] = field(factory=list)
    downs: list[tuple[int, int]] = field(factory=list)
    levels: list[tuple[int, int]] = field(factory=list)
    up: int = 0
    copied: int = 0

    def __attrs_post_init__(self) -> None:
        self.now = self.start

    def intervals(self, until: int) -> list[tuple[int, int, int]]:
        """(from, to, stored) without gaps, from the start to `until`."""
        moments = [(self.start, 0), *self.levels, (until, 0)]
        return [(a, b, stored) for (a, stored), (b, _) in pairwise(moments) if a < b]

    def months(self, until: int) -> list[tuple[int, int]]:
        """(first, one past last) of every month from the start to the one that holds `until`."""
        found = []
        first = datetime.fromtimestamp(self.start / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        while _millis(first) <= until:
            following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
            found.append((_millis(first), _millis(following)))
            first = following
        return found

    def picodollars(self, prices: PriceTable, until: int) -> int:
        """The bill as the price list words it."""
        calls = Fraction(0)
        for billing in BILLED_CLASSES:
            per_day: Counter[int] = Counter()
            for at, call in self.calls:
                per_day[at // DAY] += call.units if call.billing == billing else 0
            free = prices.free_calls_per_day.get(billing, 0)
            calls += sum(max(0, units - free) for units in per_day.values()) * prices.per_call.get(billing, 0)
        storage, down = Fraction(0), 0
        for low, high in self.months(until):
            pieces = [(max(a, low), min(b, high), stored) for a, b, stored in self.intervals(until)]
            held = sum((b - a) * stored for a, b, stored in pieces if a < b)
            length = sum(b - a for a, b, _ in pieces if a < b)
            storage += max(0, held - prices.free_stored * length)
            average = Fraction(held, length) if length else Fraction(self.stored)
            month_down = sum(count for at, count in self.downs if low <= at < high)
            down += max(0, month_down - floor(prices.free_down_per_stored * average))
        money = floor(storage * prices.per_terabyte_30_days / (10**12 * 30 * DAY))
        return int(calls) + money + down * prices.per_byte_down


def _millis(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _play(start: int, events: list[Event]) -> tuple[Meter, History]:
    meter, history = Meter(start), History(start)
    _go_on(meter, history, events)
    return meter, history


def _play_both(start: int, before: list[Event], after: list[Event]) -> Meter:
    meter, history = _play(start, before)
    _go_on(meter, history, after)
    return meter


def _go_on(meter: Meter, history: History, events: list[Event]) -> None:
    clock = history.now
    for step, event in events:
        clock += step
        _happen(meter, history, clock, event)


def _happen(meter: Meter, history: History, clock: int, event: Called | Moved | Stored) -> None:
    if isinstance(event, Called):
        history.now = max(history.now, clock)
        history.calls.append((history.now, event))
        meter.count(event.name, event.billing, event.units, clock)
    elif isinstance(event, Moved):
        history.up += event.up
        history.copied += event.copied
        history.downs.append((history.now, event.down))
        meter.moved(up=event.up, down=event.down, copied=event.copied)
    else:
        history.now = max(history.now, clock)
        delta = max(event.delta, -history.stored)
        history.stored += delta
        history.levels.append((history.now, history.stored))
        meter.stored(delta, clock)


@given(_STARTS, _EVENTS, st.sampled_from(sorted(PRICES)), st.integers(0, 70 * DAY))
def test_a_bill_is_what_the_price_list_says_of_the_whole_history(
    start: int, events: list[Event], prices: str, rest: int
) -> None:
    meter, history = _play(start, events)
    until = history.now + rest
    assert meter.bill(PRICES[prices], until).picodollars == history.picodollars(PRICES[prices], until)


@given(_STARTS, _EVENTS, st.integers(0, 70 * DAY))
def test_the_usage_is_the_sum_of_what_happened(start: int, events: list[Event], rest: int) -> None:
    meter, history = _play(start, events)
    until = history.now + rest
    usage = meter.usage(until)
    assert usage.calls == dict(Counter(call.name for _, call in history.calls))
    for billing in BILLED_CLASSES:
        assert usage.units_of(billing) == sum(call.units for _, call in history.calls if call.billing == billing)
        for day in (start // DAY, history.now // DAY, until // DAY):
            units = sum(call.units for at, call in history.calls if (at // DAY, call.billing) == (day, billing))
            assert meter.units_of_day(billing, day * DAY + DAY - 1) == units
            assert meter.down_of_day(day * DAY) == sum(count for at, count in history.downs if at // DAY == day)
    assert usage.byte_millis == sum((b - a) * stored for a, b, stored in history.intervals(until))
    assert sum(month.millis for month in usage.months) == until - start
    assert (usage.bytes_up, usage.bytes_copied) == (history.up, history.copied)
    assert usage.bytes_down == sum(count for _, count in history.downs)
    assert usage.stored_bytes == meter.stored_bytes == history.stored


@given(_STARTS, _EVENTS, _EVENTS, st.lists(st.integers(-40 * DAY, 400 * DAY), max_size=5))
def test_asking_changes_nothing(start: int, before: list[Event], after: list[Event], steps: list[int]) -> None:
    meter, history = _play(start, before)
    for step in steps:
        meter.usage(start + step)
    _go_on(meter, history, after)
    assert meter.usage(history.now) == _play_both(start, before, after).usage(history.now)


@given(_STARTS, _EVENTS, _EVENTS)
def test_a_fork_and_its_origin_do_not_meet(start: int, before: list[Event], after: list[Event]) -> None:
    origin, history = _play(start, before)
    moment = history.now
    twin = origin.fork()
    _go_on(twin, history, after)
    assert origin.usage(moment) == _play(start, before)[0].usage(moment)
    assert twin.usage(moment) == _play_both(start, before, after).usage(moment)


_REQUESTS = st.lists(
    st.tuples(st.sampled_from(("b2_a", "b2_b", "b2_c")), st.sampled_from((200, 400, 503)), st.text(max_size=5)),
    max_size=40,
)


@given(st.one_of(st.none(), st.integers(0, 10)), _REQUESTS)
def test_the_log_is_the_end_of_everything_that_was_added(
    keep: int | None, requests: list[tuple[str, int, str]]
) -> None:
    log = RequestLog(keep)
    every: list[Entry] = [
        log.add(
            at_millis=0,
            method="POST",
            call_name=name,
            about=text,
            key_id=None,
            status=status,
            code=None,
            bytes_in=0,
            bytes_out=0,
        )
        for name, status, text in requests
    ]
    kept = every if keep is None else every[max(0, len(every) - keep) :]
    assert log.entries() == tuple(kept)
    assert log.latest(3) == tuple(reversed(kept))[:3]
    assert [entry.nth for entry in every] == list(range(1, len(every) + 1))
    assert log.total == len(every)
    for name in ("b2_a", "b2_b", "b2_c"):
        for status in (200, 400, 503):
            chosen = tuple(entry for entry in kept if (entry.call_name, entry.status) == (name, status))
            assert log.entries(name, status) == chosen


# --- money for people -------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**5) | st.integers(0, 10**11) | st.integers(0, 10**16))
def test_a_price_is_told_to_the_cent_or_in_two_digits_and_never_with_an_exponent(picodollars: int) -> None:
    told = dollars(picodollars)
    whole, _, places = told.removeprefix("$").partition(".")
    assert (told[0], whole.isdecimal(), places.isdecimal()) == ("$", True, True)
    error = abs(Fraction(picodollars, 10**12) - Fraction(int(whole + places), 10 ** len(places)))
    assert error <= Fraction(1, 2 * 10 ** len(places))
    if len(places) > 2:
        assert len((whole + places).lstrip("0")) == 2


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_what_costs_more_is_not_told_as_less_unless_it_is_free(one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert less == 0 or Fraction(dollars(less)[1:]) <= Fraction(dollars(more)[1:])
    assert (dollars(more) == "$0.00") == (more == 0)
