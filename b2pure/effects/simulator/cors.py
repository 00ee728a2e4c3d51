"""What a bucket's CORS rules tell a browser: the answer to a preflight, and the headers of an actual answer.

Rules. Pure: rules and headers of a request in, headers of the answer out. The first rule that matches in everything
that was asked decides. Where none matches there is no header at all, which is how a browser is told no. The origin
that asked is given back, or `*` where the rule is for every origin. Scheme and host of an origin are compared without
regard to case; so are the names of headers. A rule's origin without a port means the default port of its scheme, as
browsers leave that out. B2's pages do not tell the set of headers in full; these are the ones that the Fetch standard
gives a meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from b2pure.model.buckets import CorsRule

__all__ = ["METHODS", "exposed", "origin_matches", "preflight"]

METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "b2_download_file_by_id": ("GET", "HEAD", "POST"),
    "b2_download_file_by_name": ("GET", "HEAD"),
    "b2_upload_file": ("POST",),
    "b2_upload_part": ("POST",),
}
"""The operations that a browser can be let in for, and the methods of each."""

_VARY: Final = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def preflight(
    rules: Iterable[CorsRule], origin: str, operation: str, method: str, requested_headers: Iterable[str]
) -> dict[str, str] | None:
    """The headers that say yes, or None. `operation` is the name of the call behind the URL, `method` that of
    Access-Control-Request-Method, `requested_headers` the names of Access-Control-Request-Headers.
    """
    wanted = tuple(name for name in map(_normal, requested_headers) if name)
    if method not in METHODS.get(operation, ()):
        return None
    rule = next((rule for rule in _admitting(rules, origin, operation) if _allows_headers(rule, wanted)), None)
    if rule is None:
        return None
    headers = {
        "Access-Control-Allow-Origin": _told_origin(rule, origin),
        "Access-Control-Allow-Methods": method,
        "Access-Control-Max-Age": str(rule.max_age_seconds),
        "Vary": _VARY,
    }
    if wanted:
        headers["Access-Control-Allow-Headers"] = ", ".join(wanted)
    return headers


def exposed(rules: Iterable[CorsRule], origin: str | None, operation: str) -> dict[str, str]:
    """What an answer of `operation` to a page of `origin` has beside its own headers; None: no browser asked."""
    rule = None if origin is None else next(iter(_admitting(rules, origin, operation)), None)
    if rule is None or origin is None:
        return {}
    headers = {"Access-Control-Allow-Origin": _told_origin(rule, origin), "Vary": "Origin"}
    if rule.expose_headers:
        headers["Access-Control-Expose-Headers"] = ", ".join(rule.expose_headers)
    return headers


def _admitting(rules: Iterable[CorsRule], origin: str, operation: str) -> Iterable[CorsRule]:
    return (
        rule
        for rule in rules
        if operation in rule.allowed_operations and any(origin_matches(one, origin) for one in rule.allowed_origins)
    )


def _told_origin(rule: CorsRule, origin: str) -> str:
    return "*" if rule.allowed_origins == ("*",) else origin


def _allows_headers(rule: CorsRule, wanted: Iterable[str]) -> bool:
    allowed = tuple(map(_normal, rule.allowed_headers or ()))
    return all(any(_header_matches(pattern, name) for pattern in allowed) for name in wanted)


def _header_matches(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _normal(name: str) -> str:
    return name.strip().lower()


# -- origins


def origin_matches(pattern: str, origin: str) -> bool:
    """Whether a rule's origin covers that of a page: `*` every one, `https` every one of https with any port, else the
    same scheme, host and port, where one `*` stands for one or more characters of the host. The origin `null` of
    sandboxed pages and local files is covered by `*` alone.
    """
    if pattern == "*":
        return True
    page = _parts(origin)
    if page is None:
        return False
    if pattern == "https":
        return page[0] == "https"
    rule = _parts(pattern)
    return rule is not None and rule[0] == page[0] and rule[2] == page[2] and _host_matches(rule[1], page[1])


def _host_matches(pattern: str, host: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return host == pattern
    return len(host) > len(before) + len(after) and host.startswith(before) and host.endswith(after)


_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


def _parts(origin: str) -> tuple[str, str, str] | None:
    """Scheme, host and port, or None for what has no scheme."""
    scheme, mark, rest = origin.lower().partition("://")
    if not (scheme and mark and rest):
        return None
    host, colon, port = rest.rpartition(":")
    if not colon or rest.endswith("]"):  # no port, or the colon is one of an IPv6 address
        host, port = rest, _DEFAULT_PORTS.get(scheme, "")
    return scheme, host, port
