"""Clocks that differ: how far is found out, keep-days is refused with a wrong one, and nothing else is led astray."""

from __future__ import annotations

import ssl
from datetime import timedelta
from typing import Any

import httpx
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from returns.unsafe import unsafe_perform_io

from b2pure.effects.bodies import Bodies
from b2pure.effects.faults import Disconnect, DropReplyAfterCommit, Fault
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.wire import HttpResponse, decode, decode_error
from b2pure.model.calls import AuthorizeAccount, StartLargeFile
from b2pure.model.errors import B2Error, Throttled, Transport
from b2pure.model.policy import Delete, KeepDays, NoDelete, SyncPolicy
from b2pure.plan.failures import ClockSkewed, PlanFailed, tell_failure
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.skew import MAX_SKEW_MILLIS, clock_ahead, is_skewed, skew_objection
from b2pure.shell.client import Client
from b2pure.shell.http import HttpApi
from b2pure.testing import SimulatedB2, simulated_b2

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOW = 1_700_000_000_000

# --- the measurement -------------------------------------------------------------------------------------------------


@given(st.integers(-3 * DAY, 3 * DAY), st.integers(0, 200_000), st.integers(0, 200_000), st.integers(0, 4_000))
def test_the_measured_difference_is_never_more_than_the_true_one(ahead: int, there: int, back: int, old: int) -> None:
    """Nor is it less by more than the answer took, and the few seconds that a date may be old: a slow answer is no
    wrong clock. Dates are cut to seconds.
    """
    asked = NOW + 678
    date = (asked + there - old) // 1000 * 1000
    measured = clock_ahead(asked + ahead, asked + there + back + ahead, date)
    assert abs(measured) <= abs(ahead)
    assert measured * ahead >= 0
    assert abs(ahead) - abs(measured) <= there + back + 4_999


@given(st.integers(-DAY, DAY), st.integers(-DAY, DAY))
def test_a_clock_that_is_set_back_while_it_is_measured_gives_a_number(before: int, after: int) -> None:
    assert clock_ahead(NOW + before, NOW + after, NOW) == clock_ahead(NOW + after, NOW + before, NOW)


@given(st.one_of(st.none(), st.integers(-DAY, DAY)))
def test_only_keep_days_needs_the_clock(ahead: int | None) -> None:
    far = ahead is not None and abs(ahead) > 10 * MINUTE
    assert is_skewed(ahead) == far
    assert skew_objection(SyncPolicy(keep=KeepDays(3)), ahead) == (ClockSkewed(ahead or 0) if far else None)
    for keep in (NoDelete(), Delete()):
        assert skew_objection(SyncPolicy(keep=keep), ahead) is None


@pytest.mark.parametrize(
    ("ahead", "told"),
    [
        (11 * MINUTE, "11 min ahead of"),
        (-3 * HOUR, "3 h behind"),
        (-DAY * 400 - 90 * MINUTE, "400 d 1 h 30 min behind"),
    ],
)
def test_it_is_told_which_clock_is_how_far_off(ahead: int, told: str) -> None:
    assert f"is {told} B2's" in tell_failure(ClockSkewed(ahead))
    assert "set the clock right" in tell_failure(ClockSkewed(ahead))


@pytest.mark.parametrize(
    ("headers", "millis"),
    [
        ({"date": "Tue, 14 Nov 2023 22:13:20 GMT"}, NOW),
        ({"date": "nonsense"}, None),
        ({"date": "Tue, 14 Nov 2023 22:13:20"}, None),
        ({}, None),
    ],
)
def test_b2s_clock_is_the_date_of_its_answer(headers: dict[str, str], millis: int | None) -> None:
    body = (
        b'{"accountId":"a","authorizationToken":"t","apiInfo":{"storageApi":{"apiUrl":"u","downloadUrl":"d",'
        b'"absoluteMinimumPartSize":1,"recommendedPartSize":1,"s3ApiUrl":"s","allowed":{"capabilities":[]}}}}'
    )
    reply = decode(AuthorizeAccount(), HttpResponse(200, headers, body)).unwrap()
    assert reply.server_millis == millis


def test_retry_after_as_a_date_counts_from_b2s_clock_and_not_from_ours() -> None:
    headers = {"date": "Sat, 01 Jan 2000 00:00:00 GMT", "retry-after": "Sat, 01 Jan 2000 00:00:30 GMT"}
    assert decode_error(429, headers, b"") == Throttled(30.0)


# --- a client with a wrong clock -------------------------------------------------------------------------------------


class Ahead(SimulatedClock):
    """A clock that is `ahead` milliseconds ahead of another."""

    def __init__(self, right: SimulatedClock, ahead: int) -> None:
        super().__init__()
        self.right, self.ahead = right, ahead

    def now_millis(self) -> int:
        return self.right.now_millis() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.right.sleep(seconds)


@frozen
class Wrong:
    """A world, and a client whose clock is wrong in it."""

    world: SimulatedB2
    clock: Ahead
    client: Client


def wrong(ahead: int, *faults: Fault) -> Wrong:
    world = simulated_b2("bucket", seed=1, faults=faults, retry=RetryPolicy(first_delay=0.0))
    clock = Ahead(world.clock, ahead)
    return Wrong(world, clock, Client(world.api, clock, folders=world._folder, retry=world.retry))


@pytest.mark.parametrize("ahead", [-30 * DAY, -11 * MINUTE, 11 * MINUTE, 30 * DAY])
def test_keep_days_is_refused_with_a_wrong_clock(ahead: int) -> None:
    here = wrong(ahead)
    here.world.put("bucket", "a", b"old", 1000)
    report = here.client.sync("here", "b2://bucket", keep=KeepDays(1))
    assert not report.done
    (why,) = report.refused
    assert "the clock of this computer" in why
    with pytest.raises(PlanFailed) as failed:
        here.client.plan_sync("here", "b2://bucket", keep=KeepDays(1))
    assert isinstance(failed.value.failure, ClockSkewed)
    assert abs(failed.value.failure.ahead_millis - ahead) <= 5000
    assert here.world.contents("bucket") == {"a": b"old"}


@pytest.mark.parametrize("ahead", [-9 * MINUTE, 0, 9 * MINUTE, MAX_SKEW_MILLIS])
def test_a_few_minutes_are_no_wrong_clock(ahead: int) -> None:
    here = wrong(ahead)
    here.world.disk("here").put("a", b"new", 1000)
    assert not here.client.sync("here", "b2://bucket", keep=KeepDays(1)).refused
    assert here.world.contents("bucket") == {"a": b"new"}


def test_other_policies_do_not_care() -> None:
    here = wrong(30 * DAY)
    here.world.disk("here").put("a", b"new", 1000)
    assert not here.client.sync("here", "b2://bucket", keep=Delete()).refused
    assert here.world.contents("bucket") == {"a": b"new"}


def test_a_clock_that_was_set_right_is_measured_again() -> None:
    here = wrong(HOUR)
    here.world.disk("here").put("a", b"new", 1000)
    assert here.client.sync("here", "b2://bucket", keep=KeepDays(1)).refused
    here.clock.ahead = 0
    assert not here.client.sync("here", "b2://bucket", keep=KeepDays(1)).refused
    assert here.world.contents("bucket") == {"a": b"new"}


def test_time_that_was_advanced_in_a_simulated_b2_is_no_wrong_clock() -> None:
    here = wrong(0)
    here.world.simulator.advance_time(3 * DAY)
    here.world.disk("here").put("a", b"new", 1000)
    assert not here.client.sync("here", "b2://bucket", keep=KeepDays(1)).refused


@pytest.mark.parametrize("ahead", [-5 * HOUR, 5 * HOUR])
def test_a_lost_reply_is_found_with_a_wrong_clock(ahead: int) -> None:
    here = wrong(ahead, DropReplyAfterCommit("b2_upload_file", 1))
    reply = here.client.upload(b"data", "b2://bucket/a").unwrap()
    (made,) = here.world.client.ls("b2://bucket", recursive=True, versions=True)
    assert made == reply


def test_an_old_version_is_not_taken_for_the_new_one_because_our_clock_is_behind() -> None:
    here = wrong(-5 * HOUR, Disconnect("b2_upload_file", 2, "reset"))
    old = here.client.upload(b"data", "b2://bucket/a").unwrap()
    here.world.clock.advance(2 * HOUR)
    new = here.client.upload(b"data", "b2://bucket/a").unwrap()
    assert new.file_id != old.file_id
    assert new.upload_timestamp > old.upload_timestamp


@pytest.mark.parametrize("ahead", [-30 * DAY, 30 * DAY])
def test_the_age_of_unfinished_files_is_told_by_b2s_clock(ahead: int) -> None:
    """A clock that is ahead does not make the upload of somebody else a left-over."""
    here = wrong(ahead)
    bucket_id = here.world.bucket_id("bucket")
    here.client.call(StartLargeFile(bucket_id, "old", "text/plain", {})).unwrap()
    here.world.clock.advance(2 * DAY)
    here.client.call(StartLargeFile(bucket_id, "young", "text/plain", {})).unwrap()
    plan = here.client.plan_cleanup("b2://bucket/", older_than=timedelta(days=1)).unwrap()
    assert [file.file_name for file in plan.cancel] == ["old"]
    assert [file.file_name for file in plan.keep] == ["young"]


# --- a clock so wrong that there is no connection --------------------------------------------------------------------


def _refused_for(code: int) -> B2Error:
    problem = ssl.SSLCertVerificationError(1, "certificate verify failed")
    problem.verify_code, problem.verify_message = code, "self-signed certificate"

    def answer(request: httpx.Request) -> httpx.Response:
        try:
            raise problem
        except ssl.SSLError as error:
            raise httpx.ConnectError("https://secret.example") from error

    api = HttpApi("k", "s", transport=httpx.MockTransport(answer))
    failed: Any = api.send(AuthorizeAccount(), None, Bodies())
    error: B2Error = unsafe_perform_io(failed.failure())
    return error


@pytest.mark.parametrize("code", [9, 10])
def test_a_certificate_that_is_out_of_its_time_makes_us_doubt_our_clock(code: int) -> None:
    error = _refused_for(code)
    assert isinstance(error, Transport)
    assert error.kind == "connect"
    assert "clock" in error.detail


def test_any_other_certificate_does_not() -> None:
    error = _refused_for(18)
    assert isinstance(error, Transport)
    assert "not accepted: self-signed" in error.detail
    assert "clock" not in error.detail
