"""Faults as data: what shall go wrong, and when, around any `Api`.

Rules. A script is a tuple of faults. Calls are named by their wire name (`b2_upload_file`) and counted from 1 per
name, every attempt counts, whatever became of it. A fault strikes once. Counting is under a lock; the wrapped api is
called outside it, so that faults do not serialise what they disturb.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from attrs import frozen
from returns.io import IOFailure, IOResult

from b2pure.effects.effect import Credential, Fetched
from b2pure.effects.handlers import Api, Reader, Sink
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error, Transport

__all__ = [
    "CutDownload",
    "DropReplyAfterCommit",
    "ExpireTokens",
    "FailNth",
    "Fault",
    "FaultScript",
    "FaultyApi",
]

R = TypeVar("R")


@frozen
class FailNth:
    """The nth call of this name is answered with `error` and does not reach the api."""

    call_name: str
    nth: int
    error: B2Error


@frozen
class DropReplyAfterCommit:
    """The nth call of this name takes effect (if it can), and its reply is lost."""

    call_name: str
    nth: int


@frozen
class CutDownload:
    """The body of the nth download (of either kind) stops after so many bytes, if it has more."""

    nth: int
    after_bytes: int


@frozen
class ExpireTokens:
    """Before the nth call overall every account token expires."""

    nth: int


Fault = FailNth | DropReplyAfterCommit | CutDownload | ExpireTokens
FaultScript = tuple[Fault, ...]


class FaultyApi:
    """`api` with the faults of `script`. `expire_tokens` is what `ExpireTokens` does, for a simulator its method
    `expire_account_tokens`.
    """

    def __init__(self, api: Api, script: FaultScript, *, expire_tokens: Callable[[], None] | None = None) -> None:
        if expire_tokens is None and any(isinstance(fault, ExpireTokens) for fault in script):
            raise ValueError("ExpireTokens needs expire_tokens")
        self._api = api
        self._script = script
        self._expire = expire_tokens
        self._calls: Counter[str] = Counter()
        self._downloads = 0
        self._total = 0
        self._lock = Lock()

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """As the api, unless a fault is due."""
        nth, _ = self._count(call.name, download=False)
        error = self._failure(call.name, nth)
        if error is not None:
            return IOFailure(error)
        reply = self._api.send(call, credential, reader)
        return IOFailure(_LOST) if self._drops(call.name, nth) else reply

    def fetch(self, call: FetchCall, authorization: Authorization, sink: Sink) -> IOResult[Fetched, B2Error]:
        """As the api, unless a fault is due."""
        nth, download = self._count(call.name, download=True)
        error = self._failure(call.name, nth)
        if error is not None:
            return IOFailure(error)
        cut = self._cut(download)
        if cut is None:
            reply = self._api.fetch(call, authorization, sink)
        else:
            short = _ShortSink(sink, cut)
            reply = self._api.fetch(call, authorization, short)
            if short.cut:
                return IOFailure(Transport("broken", "the body stopped short"))
        return IOFailure(_LOST) if self._drops(call.name, nth) else reply

    def _count(self, name: str, *, download: bool) -> tuple[int, int]:
        with self._lock:
            self._total += 1
            self._calls[name] += 1
            self._downloads += download
            if self._expire is not None and ExpireTokens(self._total) in self._script:
                self._expire()
            return self._calls[name], self._downloads

    def _failure(self, name: str, nth: int) -> B2Error | None:
        due = (f.error for f in self._script if isinstance(f, FailNth) and (f.call_name, f.nth) == (name, nth))
        return next(due, None)

    def _drops(self, name: str, nth: int) -> bool:
        return DropReplyAfterCommit(name, nth) in self._script

    def _cut(self, download: int) -> int | None:
        due = (f.after_bytes for f in self._script if isinstance(f, CutDownload) and f.nth == download)
        return next(due, None)


_LOST = Transport("broken", "the reply was lost")


class _ShortSink:
    """Passes on so many bytes and swallows the rest."""

    def __init__(self, sink: Sink, limit: int) -> None:
        self._sink = sink
        self._left = limit
        self.cut = False

    def write(self, chunk: bytes) -> None:
        """Store what is left to be stored."""
        piece = chunk[: self._left]
        self.cut = self.cut or len(piece) < len(chunk)
        self._left -= len(piece)
        if piece:
            self._sink.write(piece)
