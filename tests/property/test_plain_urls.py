"""Where a URL leads that is read without httpx: to where httpx would go."""

from __future__ import annotations

from urllib.parse import quote

import httpx
from hypothesis import event, given
from hypothesis import strategies as st

from b2pure.shell.plain import Target, plain_url, target_of
from b2pure.shell.transport import SocketTransport

SERVERS = st.sampled_from(["http", "https"]).flatmap(
    lambda scheme: st.sampled_from(
        [
            "b2.example",
            "f004.backblazeb2.com:443",
            "127.0.0.1:8180",
            "h:80",
            "[::1]:9",
            "u:p@h",
            "H.example",
            "a..b",
            "h:x",
            "h:70000",
            "h:080",
            "1.2.3.4",
            "1.2.3.400",
            "01.2.3.4",
            "1.2",
            "a_b",
            "-a",
            "a-",
            "a.",
        ]
    ).map(lambda host: f"{scheme}://{host}")
)
ODD = st.text(st.sampled_from(list("ab./?%&=+#;:@!$'()*,~|^ \\\"<>[]{}`-_0Aä\r\n")), max_size=12)
NAMES = st.text(max_size=12).map(lambda name: "/file/b/" + quote(name))
IDS = st.text(max_size=12).map(lambda name: "/b2api/v4/b2_download_file_by_id?fileId=" + quote(name, safe=""))


def _by_httpx(url: str) -> Target | type[Exception]:
    try:
        return target_of(httpx.URL(url))
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return type(error)


def _by_transport(url: str) -> Target | type[Exception]:
    try:
        return SocketTransport(1)._target_below(url)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return type(error)


@given(SERVERS, st.just("") | ODD | ODD.map("/{}".format) | NAMES | IDS)
def test_a_url_leads_where_httpx_would_go(server: str, rest: str) -> None:
    event(f"plain: {plain_url(server + rest) is not None}")
    assert _by_transport(server + rest) == _by_httpx(server + rest)


@given(st.text(st.characters(codec="utf-8", exclude_characters="./"), max_size=12))
def test_what_b2_is_asked_for_needs_no_httpx(name: str) -> None:
    escaped = quote(name, safe="")
    assert plain_url("https://h/file/b/" + escaped) == ("https://h", "/file/b/" + escaped)
    query = "/b2api/v4/b2_download_file_by_id?fileId=" + escaped
    assert plain_url("https://h" + query) == ("https://h", query)
