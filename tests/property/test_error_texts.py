"""What people are told of an error of B2's: whatever B2 left out, the sentence has no hole."""

from __future__ import annotations

import re
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from b2pure.model.errors import B2Error, CapExceeded, Rejected, Throttled, Unauthorized, Unavailable, describe

TEXTS: Final = st.sampled_from(["", "bad_request", "cap_exceeded", "unauthorized", "Cap exceeded"])
STATUSES: Final = st.sampled_from([400, 404, 500, 503])
ERRORS: Final = (
    st.builds(Rejected, STATUSES, TEXTS, TEXTS)
    | st.builds(Unauthorized, TEXTS, TEXTS)
    | st.builds(CapExceeded, TEXTS, TEXTS)
    | st.builds(Throttled, st.none())
    | st.builds(Unavailable, STATUSES, TEXTS, TEXTS)
)
HOLE: Final = re.compile(r"  |\( | \)|: \(|\(\)|^ | $")


@given(ERRORS)
def test_a_sentence_has_no_hole_where_b2_says_nothing(error: B2Error) -> None:
    told = describe(error)
    assert not HOLE.search(told)
    for said in (getattr(error, "code", ""), getattr(error, "message", "")):
        assert said in told
