"""Laws of bandwidth limits: what the bucket hands out, and how long a transfer takes because of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from b2pure.plan.bandwidth import Bandwidth, Bucket, burst_of, share_of, step_bucket

RATES = st.integers(1, 10**10)
WISHES = st.one_of(st.integers(1, 5_000), st.integers(1, 10**9))


@frozen
class Moved:
    """So many bytes moved at a time, asked for at another."""

    bytes: int
    at: int
    asked: int


def moved(rate: int, asked: list[tuple[int, int]]) -> list[Moved]:
    """What moves when: the wishes come after one another, each so many milliseconds after the one before."""
    bucket, now, found = Bucket(), 0, []
    for passed, wanted in asked:
        now += passed
        bucket, share = step_bucket(rate, bucket, wanted, now)
        assert 1 <= share.bytes <= wanted
        assert share.wait_millis >= 0
        found.append(Moved(share.bytes, now + share.wait_millis, now))
    return found


@given(RATES, st.lists(st.tuples(st.integers(0, 3_000), WISHES), min_size=1, max_size=40))
def test_in_no_time_more_moves_than_the_burst_and_what_flows_in(rate: int, asked: list[tuple[int, int]]) -> None:
    """To a millisecond, which is what clocks tell."""
    found = moved(rate, asked)
    for first in range(len(found)):
        total = 0
        for each in found[first:]:
            total += each.bytes
            assert total * 1000 <= burst_of(rate) * 1000 + rate * (each.at - found[first].at + 1)


@given(RATES, st.lists(st.tuples(st.integers(0, 3_000), WISHES), min_size=1, max_size=40))
def test_shares_are_handed_out_in_the_order_of_asking(rate: int, asked: list[tuple[int, int]]) -> None:
    assert all(one.at <= other.at for one, other in pairwise(moved(rate, asked)))


@given(RATES, st.lists(st.tuples(st.integers(0, 3_000), WISHES), min_size=1, max_size=40))
def test_nobody_waits_longer_than_what_was_handed_out_before_takes(rate: int, asked: list[tuple[int, int]]) -> None:
    """Work conserving: the line is never idle while somebody waits."""
    tokens, last = burst_of(rate) * 1000, 0
    for each in moved(rate, asked):
        tokens = min(burst_of(rate) * 1000, tokens + rate * (each.asked - last)) - each.bytes * 1000
        last = each.asked
        wait = each.at - each.asked
        assert wait == 0 if tokens >= 0 else (wait - 1) * rate < -tokens <= wait * rate


@given(st.integers(1, 10**9), st.integers(1, 20), st.integers(1, 30))
def test_many_takers_together_keep_to_the_rate(rate: int, takers: int, rounds: int) -> None:
    """Each asks again when its share has moved."""
    bucket, free, total, end = Bucket(), [0] * takers, 0, 0
    per_taker = [0] * takers
    for _ in range(takers * rounds):
        who = min(range(takers), key=lambda taker: free[taker])
        bucket, share = step_bucket(rate, bucket, 10**9, free[who])
        free[who] += share.wait_millis
        end = max(end, free[who])
        total += share.bytes
        per_taker[who] += share.bytes
    assert total * 1000 <= burst_of(rate) * 1000 + rate * end
    if end > 0:  # who waits, waits its turn
        assert max(per_taker) - min(per_taker) <= burst_of(rate) + share_of(rate)


@given(st.integers(1, 10**9), st.integers(1, 10**12))
def test_the_longest_wish_is_granted_by_and_by(rate: int, size: int) -> None:
    size = min(size, 50 * share_of(rate))
    bucket, now, left = Bucket(), 0, size
    while left:
        bucket, share = step_bucket(rate, bucket, left, now)
        now += share.wait_millis
        left -= share.bytes
    assert (size - burst_of(rate)) * 1000 / rate - 1 <= now <= max(0, (size - burst_of(rate)) * 1000 / rate) + 50


@given(st.integers(1, 10**9), st.lists(st.integers(-(10**12), 10**12), max_size=50))
def test_a_clock_that_jumps_makes_nobody_wait_longer_than_what_is_owed(rate: int, jumps: list[int]) -> None:
    bucket, now = Bucket(), 0
    for number, jump in enumerate(jumps, 1):
        now += jump
        bucket, share = step_bucket(rate, bucket, 10**9, now)
        assert (share.wait_millis - 1) * rate <= number * share_of(rate) * 1000
        now += share.wait_millis


@pytest.mark.parametrize("rate", [0, -1])
@pytest.mark.parametrize("name", ["up", "down"])
def test_a_rate_of_nothing_is_refused(name: str, rate: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1 byte per second, not {rate}"):
        Bandwidth(**{name: rate})
