"""What a served simulator offers beside B2's calls: the status page, and control for programs in any language.

Rules. There is no password, so nothing here answers a web page of somebody else: the `Host` must be this machine by
its own name (no rebound DNS name), and a browser's request must come from a page of this server. Errors look like B2's.

    GET  /, /status.json            what there is, as a page and as JSON
    POST /control/advance-time      {"millis": n}: time passes, with the lifecycle runs on the way
    POST /control/run-lifecycle     the daily run of the lifecycle rules, now
    POST /control/expire-tokens     {"tokens": "account" | "upload" | "all"}, account by default
    GET  /control/faults            the faults in force, a JSON array as `fault_text` has it
    PUT  /control/faults            other faults; all counts begin anew
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.fault_text import decode_script, encode_script
from b2pure.effects.program import ok
from b2pure.effects.served import Served, ServedRequest, refusal
from b2pure.effects.served.status import JSON_PATH, PAGE_PATH, serve_status
from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator.simulator import LAST_MILLIS
from b2pure.effects.wire import HttpResponse
from b2pure.model.errors import Rejected

__all__ = ["Control", "is_control"]

_PREFIX: Final = "/control/"
_PAGES: Final = (PAGE_PATH, JSON_PATH)
_HOST: Final = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?\Z", re.IGNORECASE | re.ASCII)


class _AdvanceTime(msgspec.Struct, forbid_unknown_fields=True):
    millis: int


class _ExpireTokens(msgspec.Struct, forbid_unknown_fields=True):
    tokens: Literal["account", "upload", "all"] = "account"


class _Wrong(Exception):
    """Leaves a handler with what is wrong with the request."""


def is_control(target: str) -> bool:
    """Whether a request is not for B2 but for the simulator."""
    path = target.partition("?")[0]
    return path in _PAGES or path.startswith(_PREFIX)


class Control:
    """Answers requests that `is_control`; whoever calls it holds the simulator's lock."""

    def __init__(self, simulator: Simulator, faults: FaultBoard) -> None:
        self._simulator = simulator
        self._faults = faults
        self._started_millis = simulator.now()
        self._handlers: Mapping[str, Mapping[str, Callable[[ServedRequest], Served]]] = {
            PAGE_PATH: {"GET": self._status},
            JSON_PATH: {"GET": self._status},
            "/control/advance-time": {"POST": self._advance_time},
            "/control/run-lifecycle": {"POST": self._run_lifecycle},
            "/control/expire-tokens": {"POST": self._expire_tokens},
            "/control/faults": {"GET": lambda _: self._script(), "PUT": self._set_faults},
        }

    def serve(self, request: ServedRequest) -> Served:
        """Answer, or say why not."""
        if not _is_ours(request):
            return refusal(Rejected(403, "forbidden", "only programs on this machine, and pages of this server"))
        path = request.target.partition("?")[0]
        handlers = self._handlers.get(path)
        if handlers is None:
            return refusal(Rejected(404, "not_found", "there is no such page"))
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            return refusal(Rejected(405, "method_not_allowed", f"only {', '.join(handlers)}"))
        try:
            served = handler(request)
        except _Wrong as wrong:
            return refusal(Rejected(400, "bad_request", str(wrong)))
        return served

    def _status(self, request: ServedRequest) -> Served:
        faults = encode_script(self._faults.script).decode().splitlines()[1:-1]
        return serve_status(
            self._simulator,
            request.target,
            started_millis=self._started_millis,
            faults=[line.strip() for line in faults],
        )

    def _advance_time(self, request: ServedRequest) -> Served:
        millis = _given(request.body, _AdvanceTime).millis
        if not 0 <= millis <= LAST_MILLIS - self._simulator.now():
            raise _Wrong("millis is 0 or more, and time ends with the year 9999")
        self._simulator.advance_time(millis)
        return _json({"nowMillis": self._simulator.now()})

    def _run_lifecycle(self, request: ServedRequest) -> Served:
        self._simulator.run_lifecycle()
        return _json({})

    def _expire_tokens(self, request: ServedRequest) -> Served:
        expire_tokens(self._simulator, _given(request.body or b"{}", _ExpireTokens).tokens)
        return _json({})

    def _script(self) -> Served:
        return _answer(encode_script(self._faults.script))

    def _set_faults(self, request: ServedRequest) -> Served:
        script = decode_script(request.body)
        if not ok(script):
            raise _Wrong(str(script.failure()))
        self._faults.replace(script.unwrap())
        return self._script()


def expire_tokens(simulator: Simulator, tokens: Literal["account", "upload", "all"]) -> None:
    """All tokens of a kind that were given so far are good no more."""
    if tokens in ("account", "all"):
        simulator.expire_account_tokens()
    if tokens in ("upload", "all"):
        simulator.expire_upload_tokens()


def _is_ours(request: ServedRequest) -> bool:
    """Whether a request comes from a program that may reach the server, and from no page of another."""
    hosts = [value for name, value in request.headers if name == "host"]
    if len(hosts) != 1 or not _HOST.match(hosts[0]):
        return False
    origins = [value for name, value in request.headers if name == "origin"]
    if any(origin.lower() != f"http://{hosts[0]}".lower() for origin in origins):
        return False
    return request.header("sec-fetch-site") in (None, "same-origin", "none")


def _given(body: bytes, shape: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Wrong(str(error)) from None


def _json(body: object) -> Served:
    return _answer(msgspec.json.encode(body))


def _answer(body: bytes) -> Served:
    headers = {
        "content-type": "application/json;charset=UTF-8",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Served(HttpResponse(200, headers, body))
