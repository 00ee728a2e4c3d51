"""Laws of the dates in B2's replies: read as the standard library's mail parser, the oracle, reads them. A list of
them, as proxies make it that add a date to the one that is there, reads as its first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from b2pure.effects.wire import decode_error, http_date
from b2pure.model.errors import Throttled
from b2pure.shell.v1.exceptions import BadDateFormat, ClockSkew
from b2pure.shell.v1.http_callbacks import ClockSkewHook


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


def other_dates() -> st.SearchStrategy[str]:
    """Dates that are written in other ways: with an offset, or without the day of the week."""
    offsets = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
    moments = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=offsets)
    return moments.flatmap(lambda moment: st.sampled_from([text := format_datetime(moment), text.partition(", ")[2]]))


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


def separators() -> st.SearchStrategy[str]:
    return st.sampled_from([", ", ",", " , ", ",\t"])


@given(http_dates() | other_dates(), separators(), st.lists(http_dates() | nearly_dates() | other_dates(), max_size=2))
def test_a_list_of_dates_is_read_as_its_first(first: str, separator: str, others: list[str]) -> None:
    assert http_date(separator.join([first, *others])) == parsedate_to_datetime(first)


@given(http_dates() | nearly_dates(), separators(), http_dates())
def test_the_clock_hook_reads_a_list_as_its_first(first: str, separator: str, other: str) -> None:
    def verdict(text: str) -> object:
        try:
            ClockSkewHook().post_request("GET", "u", {}, SimpleNamespace(headers={"Date": text}))
        except BadDateFormat:
            return BadDateFormat
        except ClockSkew as error:
            return round(error.clock_skew_seconds / 100)
        return None

    assert verdict(f"{first}{separator}{other}") == verdict(first)
