"""When a run stops: a refused key and a cap at once, what may pass only when it strikes one path after another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2pure.effects.events import Event, PathDone
from b2pure.effects.faults import Answer, Disconnect, ExpireTokens, FailNth, Fault
from b2pure.effects.report import troubles
from b2pure.model.calls import DeleteKey
from b2pure.model.errors import B2Error, CapExceeded, Throttled, Transport, Unauthorized, Unavailable, describe
from b2pure.plan.breaker import Breaker, step_breaker
from b2pure.testing import simulated_b2

EXPIRED = Unauthorized("expired_auth_token", "expired")
PASSING = st.sampled_from([Transport("broken", "reset"), Throttled(None), Unavailable(503, "", "busy"), EXPIRED])


@pytest.mark.parametrize(
    "error",
    [
        CapExceeded("cap_exceeded", "no more"),
        Unauthorized("unauthorized", "refused"),
        Unauthorized("bad_auth_token", "invalid key", of_key=True),
        Unauthorized("unauthorized", "invalid key", of_key=True),
    ],
)
def test_what_the_owner_has_to_act_on_ends_the_run_at_once(error: B2Error) -> None:
    assert step_breaker(Breaker(3), error).tripped is not None


@pytest.mark.parametrize(
    "error",
    [
        Transport("broken", "reset"),
        Throttled(None),
        Unauthorized("expired_auth_token", "expired"),
        Unauthorized("bad_auth_token", "bad"),
    ],
)
def test_what_may_pass_ends_it_when_it_strikes_many_in_a_row(error: B2Error) -> None:
    one = step_breaker(Breaker(3), error)
    two = step_breaker(one, error)
    assert (one.tripped, two.tripped) == (None, None)
    assert step_breaker(two, None) == Breaker(3)
    assert step_breaker(two, error).tripped is not None


@given(st.lists(PASSING, min_size=1, max_size=5))
def test_what_is_told_is_what_all_of_them_met(errors: list[B2Error]) -> None:
    breaker = Breaker(len(errors))
    for error in errors:
        assert breaker.tripped is None
        breaker = step_breaker(breaker, error)
    told = breaker.tripped
    assert told is not None
    assert describe(errors[-1]) in told
    kinds = {type(error) for error in errors}
    assert ("did not answer" in told) == ("check the network" in told) == (kinds == {Transport})
    assert ("refused the tokens" in told) == (kinds == {Unauthorized})
    assert ("fewer threads" in told) == (kinds == {Throttled})
    assert (f"{len(errors)} files in a row" in told) == (len(errors) > 1)


# --- what is told of a run


def told(*faults: Fault, workers: int = 4) -> list[str]:
    """All that is amiss with an upload of a dozen files."""
    world = simulated_b2("bucket", faults=faults, workers=workers)
    for number in range(12):
        world.disk("photos").put(f"{number:02}", b"%d" % number, 5)
    return troubles(world.client.sync("photos", "b2://bucket"))


@pytest.mark.parametrize("code", ["bad_auth_token", "unauthorized"])
def test_a_key_that_is_refused_when_the_tokens_have_expired_is_named(code: str) -> None:
    refused = FailNth("b2_authorize_account", 2, Answer(401, code, "invalid key"), times=None)
    first, *others = told(ExpireTokens(nth=6, tokens="all"), refused, workers=4)
    assert first == (
        f"stopped: the application key was refused: invalid key (401 {code}): it is wrong, was deleted or has expired; "
        "run it again with a key that is valid to go on from here"
    )
    assert others
    assert all("the application key was refused" in other for other in others)


def test_a_key_that_is_deleted_under_a_run_is_named() -> None:
    world = simulated_b2("bucket", workers=1)
    key = world.simulator.add_key(["listBuckets", "listFiles", "writeFiles"])
    for number in range(12):
        world.disk("photos").put(f"{number:02}", b"%d" % number, 5)
    done: list[PathDone] = []

    def delete_after_the_first(event: Event) -> None:
        if isinstance(event, PathDone):
            done.append(event)
            if len(done) == 1:
                world.client.call(DeleteKey(key.key_id)).unwrap()

    client = world.client_with(key.key_id, key.key)
    report = client.sync("photos", "b2://bucket", listener=delete_after_the_first)
    assert len(report.refused) == 1
    assert report.refused[0].startswith("stopped: the application key was refused: ")
    assert len(report.failed) == 1, "no path after it was begun"


def test_tokens_that_die_at_once_are_not_called_a_silence() -> None:
    first = told(ExpireTokens(nth=3, tokens="upload", times=None))[0]
    assert first.startswith(
        "stopped: B2 took the key, and refused the tokens that it had just given for it for 4 files"
    )
    assert "did not answer" not in first
    assert "did not answer" in told(Disconnect(call_name="b2_upload_file", nth=1, times=None))[0]
