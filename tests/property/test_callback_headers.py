"""Laws of what callbacks do to the headers of a request, and of how they find those of a response."""

from __future__ import annotations

import httpx
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from b2pure.shell.v1.callback_response import SeenHeaders
from b2pure.shell.v1.http_callbacks import headers_of, with_headers

OURS = ("Host", "Content-Length", "Transfer-Encoding", "Accept-Encoding")

letters = st.sampled_from("abcXYZ-")
names = st.one_of(
    st.text(letters, min_size=1, max_size=4), st.sampled_from([*OURS, *map(str.lower, OURS), *map(str.upper, OURS)])
)
values = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=8)


@given(st.dictionaries(names, values, max_size=5))
def test_all_that_is_not_ours_is_as_the_callback_left_it(left: dict[str, str]) -> None:
    request = httpx.Request("POST", "http://b2/", headers={"Accept-Encoding": "identity", "X-Own": "1"}, content=b"ab")
    ours = {name.lower(): request.headers.get(name) for name in OURS}
    with_headers(request, left)
    assert {name.lower(): request.headers.get(name) for name in OURS} == ours
    sent = {name: value for name, value in headers_of(request).items() if name.lower() not in ours}
    assert sent == {name: value for name, value in left.items() if name.lower() not in ours}


@given(st.lists(st.tuples(st.text(letters, min_size=1, max_size=3), values), unique_by=lambda pair: pair[0].lower()))
def test_headers_are_found_as_requests_finds_them(pairs: list[tuple[str, str]]) -> None:
    oracle = CaseInsensitiveDict(pairs)
    seen = SeenHeaders((name.encode(), value.encode("latin-1")) for name, value in pairs)
    assert dict(seen) == dict(oracle)
    for name, _ in pairs:
        assert seen[name.swapcase()] == oracle[name.swapcase()] == seen.get(name)
    assert seen.get("other") is None
