"""The status page of a served simulator: what a browser is answered, and a program that wants JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

import attrs
import msgspec

from b2pure.effects.served import Served, refusal
from b2pure.effects.served.status_page import JSON_PATH, PAGE_PATH, POLICY, status_page
from b2pure.effects.served.status_view import StatusView, view_of
from b2pure.effects.simulator import Simulator
from b2pure.effects.wire import HttpResponse
from b2pure.model.errors import Rejected
from b2pure.plan.bill import BILLED_CLASSES

__all__ = ["JSON_PATH", "PAGE_PATH", "serve_status", "status_json", "status_page"]

_LONGEST_REFRESH: Final = 3600


def serve_status(simulator: Simulator, target: str, *, started_millis: int, faults: Iterable[str] = ()) -> Served:
    """The answer to a GET of `target`, path and query as they came. The path is `/` or `/status.json`, the query may
    have `bucket` and `after` (the files of a bucket, from behind a name) and, for the page, `refresh` (seconds).
    `started_millis` and `faults` as for `view_of`.
    """
    path, _, query = target.partition("?")
    if path not in (PAGE_PATH, JSON_PATH):
        return refusal(Rejected(404, "not_found", "there is no such page"))
    fields = dict(parse_qsl(query, keep_blank_values=True))
    refresh = fields.get("refresh", "")
    if refresh and not _is_refresh(refresh):
        return refusal(Rejected(400, "bad_request", f"refresh is 1 to {_LONGEST_REFRESH} seconds"))
    view = view_of(
        simulator,
        started_millis=started_millis,
        faults=faults,
        bucket=fields.get("bucket") or None,
        after=fields.get("after", ""),
    )
    status = 404 if view.chosen is not None and view.files is None else 200
    if path == JSON_PATH:
        return _response(status, "application/json;charset=UTF-8", status_json(view))
    page = status_page(view, refresh_seconds=int(refresh) if refresh else None)
    return _response(status, "text/html;charset=UTF-8", page)


def _is_refresh(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5 and 0 < int(text) <= _LONGEST_REFRESH


def _response(status: int, content_type: str, text: str) -> Served:
    body = text.encode()
    headers = {
        "content-type": content_type,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "content-security-policy": POLICY,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return Served(HttpResponse(status, headers, body))


def status_json(view: StatusView) -> str:
    """The view as JSON: the names of fields are those of `StatusView` and what it holds. ASCII, so that names that are
    no Unicode come through too.
    """
    plain: dict[str, Any] = {
        field.name: msgspec.to_builtins(getattr(view, field.name)) for field in attrs.fields(StatusView)
    }
    plain["limits"] = dict(view.limits)
    plain["usage"] = {
        "calls": dict(view.usage.calls),
        "units": {billing: view.usage.units_of(billing) for billing in BILLED_CLASSES},
        "stored_bytes": view.usage.stored_bytes,
        "byte_millis": view.usage.byte_millis,
        "bytes_up": view.usage.bytes_up,
        "bytes_down": view.usage.bytes_down,
        "bytes_copied": view.usage.bytes_copied,
    }
    plain["bills"] = [
        {**msgspec.to_builtins(bill), "picodollars": bill.picodollars, "dollars": bill.dollars} for bill in view.bills
    ]
    return json.dumps(plain, indent=1)
