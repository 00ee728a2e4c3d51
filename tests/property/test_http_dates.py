"""Laws of the dates in B2's replies: read as the standard library's mail parser, the oracle, reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from hypothesis import given
from hypothesis import strategies as st

from b2pure.effects.wire import decode_error
from b2pure.model.errors import Throttled


def http_dates() -> st.SearchStrategy[str]:
    moments = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
    return moments.map(lambda moment: format_datetime(moment, usegmt=True))


def nearly_dates() -> st.SearchStrategy[str]:
    """Dates with a word that is another one, or is no such word at all: some are dates, and most are none."""
    words = st.sampled_from(
        ["31", "00", "Feb", "feb", "Foo", "2026", "26", "23:59:60", "24:00:00", "GMT", "-0000", "EST"]
    )
    return st.tuples(http_dates(), st.integers(0, 5), words).map(
        lambda drawn: " ".join([*drawn[0].split()[: drawn[1]], drawn[2], *drawn[0].split()[drawn[1] + 1 :]])
    )


def expected_wait(until: str, now: str) -> float | None:
    try:
        ends = [parsedate_to_datetime(text) for text in (until, now)]
    except ValueError:
        return None
    if any(end.tzinfo is None for end in ends):
        return None
    return max(0.0, (ends[0] - ends[1]).total_seconds())


@given(http_dates() | nearly_dates() | st.text(), http_dates() | nearly_dates())
def test_a_date_to_wait_for_is_taken_relative_to_the_replys_own(until: str, now: str) -> None:
    if until.strip().isascii() and until.strip().isdigit():
        return
    told = decode_error(429, {"retry-after": until, "date": now}, b"")
    assert told == Throttled(expected_wait(until.strip(), now))
