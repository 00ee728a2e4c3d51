"""When a run stops: a refused key and a cap at once, what may pass only when it strikes one path after another."""

from __future__ import annotations

import pytest

from b2pure.model.errors import B2Error, CapExceeded, Throttled, Transport, Unauthorized
from b2pure.plan.breaker import Breaker, step_breaker


@pytest.mark.parametrize("error", [CapExceeded("cap_exceeded", "no more"), Unauthorized("unauthorized", "refused")])
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
