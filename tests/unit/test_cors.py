"""What browsers are told, by example."""

from __future__ import annotations

import msgspec
import pytest

from b2pure.effects.simulator.cors import exposed, origin_matches, preflight
from b2pure.model.buckets import CorsRule

PAGE = "https://www.example.com"
RULE = CorsRule(
    "downloads",
    (PAGE,),
    ("b2_download_file_by_name",),
    600,
    ("authorization", "X-Bz-Info-*"),
    ("x-bz-content-sha1", "x-bz-file-id"),
)

changed = msgspec.structs.replace


@pytest.mark.parametrize(
    ("pattern", "origin", "matches"),
    [
        ("*", "http://anything:1", True),
        ("*", "null", True),
        ("https", "https://a.example", True),
        ("https", "https://a.example:8443", True),
        ("https", "http://a.example", False),
        ("https", "null", False),
        ("https://*", "https://a.b.example", True),
        ("https://*", "https://a.b.example:8443", False),
        ("https://*:8443", "https://a.b.example:8443", True),
        ("https://*.example.com", "https://www.example.com", True),
        ("https://*.example.com", "https://a.b.example.com", True),
        ("https://*.example.com", "https://example.com", False),
        ("https://*.example.com", "https://.example.com", False),
        ("https://*.example.com", "https://www.example.com.evil.org", False),
        ("https://www.*.com", "https://www.example.com", True),
        ("https://www.example.com", "https://www.example.com", True),
        ("https://www.example.com", "https://www.example.com:443", True),
        ("https://www.example.com:443", "https://www.example.com", True),
        ("http://www.example.com", "http://www.example.com:80", True),
        ("https://www.example.com", "http://www.example.com", False),
        ("https://www.example.com", "https://www.example.com:80", False),
        ("HTTPS://WWW.example.com", "https://www.EXAMPLE.com", True),
        ("http://[::1]", "http://[::1]:80", True),
        ("http://[::1]:81", "http://[::1]", False),
        ("https://www.example.com", "", False),
        ("https://www.example.com", "www.example.com", False),
    ],
)
def test_origins(pattern: str, origin: str, matches: bool) -> None:
    assert origin_matches(pattern, origin) is matches


def test_a_preflight_that_is_allowed() -> None:
    assert preflight([RULE], PAGE, "b2_download_file_by_name", "GET", ("Authorization", " x-bz-info-author ")) == {
        "Access-Control-Allow-Origin": PAGE,
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Max-Age": "600",
        "Access-Control-Allow-Headers": "authorization, x-bz-info-author",
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }
    bare = preflight([RULE], PAGE, "b2_download_file_by_name", "HEAD", [""])
    assert bare is not None
    assert "Access-Control-Allow-Headers" not in bare


@pytest.mark.parametrize(
    ("origin", "operation", "method", "headers"),
    [
        ("https://evil.example", "b2_download_file_by_name", "GET", ()),
        ("null", "b2_download_file_by_name", "GET", ()),
        (PAGE, "b2_download_file_by_id", "GET", ()),
        (PAGE, "b2_list_file_names", "GET", ()),
        (PAGE, "b2_download_file_by_name", "DELETE", ()),
        (PAGE, "b2_download_file_by_name", "GET", ("range",)),
        (PAGE, "b2_download_file_by_name", "GET", ("authorization", "range")),
        (PAGE, "b2_download_file_by_name", "GET", ("authorization-too",)),
    ],
)
def test_preflights_that_are_refused(origin: str, operation: str, method: str, headers: tuple[str, ...]) -> None:
    assert preflight([RULE], origin, operation, method, headers) is None


def test_uploads_are_posts() -> None:
    rule = changed(RULE, allowed_operations=("b2_upload_file", "b2_upload_part"), allowed_headers=("*",))
    for operation in rule.allowed_operations:
        assert preflight([rule], PAGE, operation, "POST", ("x-bz-file-name", "x-anything")) is not None
        assert preflight([rule], PAGE, operation, "PUT", ()) is None


def test_a_rule_without_allowed_headers_allows_none() -> None:
    rule = changed(RULE, allowed_headers=None)
    assert preflight([rule], PAGE, "b2_download_file_by_name", "GET", ()) is not None
    assert preflight([rule], PAGE, "b2_download_file_by_name", "GET", ("range",)) is None


def test_the_first_rule_that_matches_in_everything_decides() -> None:
    narrow = changed(RULE, max_age_seconds=1)
    wide = changed(RULE, cors_rule_name="wide-one", max_age_seconds=2, allowed_headers=("*",))

    def age(*headers: str) -> str | None:
        answer = preflight([narrow, wide], PAGE, "b2_download_file_by_name", "GET", headers)
        return None if answer is None else answer["Access-Control-Max-Age"]

    assert age() == "1"
    assert age("range") == "2"


def test_a_rule_for_everybody_says_so() -> None:
    rule = changed(RULE, allowed_origins=("*",))
    answer = preflight([rule], "null", "b2_download_file_by_name", "GET", ())
    assert answer is not None
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert exposed([rule], PAGE, "b2_download_file_by_name")["Access-Control-Allow-Origin"] == "*"


def test_the_headers_of_an_actual_answer() -> None:
    assert exposed([RULE], PAGE, "b2_download_file_by_name") == {
        "Access-Control-Allow-Origin": PAGE,
        "Access-Control-Expose-Headers": "x-bz-content-sha1, x-bz-file-id",
        "Vary": "Origin",
    }
    assert "Access-Control-Expose-Headers" not in exposed(
        [changed(RULE, expose_headers=None)], PAGE, "b2_download_file_by_name"
    )


def test_an_answer_to_nobody_in_particular_has_no_cors_headers() -> None:
    assert exposed([RULE], None, "b2_download_file_by_name") == {}
    assert exposed([RULE], "https://evil.example", "b2_download_file_by_name") == {}
    assert exposed([RULE], PAGE, "b2_upload_file") == {}
    assert exposed([], PAGE, "b2_download_file_by_name") == {}
