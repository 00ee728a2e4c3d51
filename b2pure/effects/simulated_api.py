"""The `Api` that asks a simulator directly: no HTTP, no socket.

Rules. One lock makes the single-owner simulator safe for many threads; bodies are read before it is taken, and
contents are written to sinks after it is given back, because both may be slow. Several of these over one simulator
(other keys) must share a lock.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, TypeVar, assert_never, cast

import msgspec
from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Heard, LocalTrouble, Reader, Sink, unheard
from b2pure.effects.simulator import AccountToken, Download, Simulator, Token
from b2pure.effects.simulator.content import pieces
from b2pure.effects.wire import KeyPair, unsendable
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.calls import AuthorizeAccount, Call, FetchCall, UploadFile, UploadPart
from b2pure.model.errors import B2Error
from b2pure.model.replies import AuthorizationReply, DownloadReply
from b2pure.model.sources import Blob, Body

__all__ = ["SimulatedApi", "body_bytes"]

R = TypeVar("R")


class SimulatedApi:
    """A client of `simulator` with one application key."""

    def __init__(
        self, simulator: Simulator, key_id: str, key: str, *, lock: AbstractContextManager[object] | None = None
    ) -> None:
        self._simulator = simulator
        self._key = KeyPair(key_id, key)
        self._lock: AbstractContextManager[object] = lock if lock is not None else Lock()

    def __repr__(self) -> str:
        return f"SimulatedApi({self._key.key_id!r})"

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """Answer a call whose reply is JSON."""
        refused = unsendable(call)
        if refused is not None:
            return IOFailure(refused)
        token = self._token(call, credential)
        try:
            ready = _with_blob(call, reader)
        except LocalTrouble as trouble:
            return IOFailure(trouble.error)
        with self._lock:
            answer = self._simulator.handle(ready, token)
            date = self._simulator.date_millis()
        return IOResult.from_result(answer.map(lambda reply: _dated(reply, date)))

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        """Answer a download and write its content to `sink`."""
        refused = unsendable(call)
        if refused is not None:
            return IOFailure(refused)
        with self._lock:
            answer = self._simulator.fetch(call, AccountToken(authorization.token))
        return IOResult.from_result(answer).bind(lambda download: _poured(download, sink, heard))

    def _token(self, call: Call[Any], credential: Credential) -> Token:
        if isinstance(call, AuthorizeAccount):
            return self._key
        match credential:
            case Authorization(token=token):
                return AccountToken(token)
            case UploadUrl():
                return credential
            case None:
                raise TypeError(f"{call.name} needs a credential")
            case _:
                assert_never(credential)


def _dated(reply: R, date: int) -> R:
    """The reply with what the `Date` of its response would say."""
    if isinstance(reply, AuthorizationReply):
        return cast(R, msgspec.structs.replace(reply, server_millis=date))
    return reply


def body_bytes(body: Body, reader: Reader) -> bytes:
    """A whole body. Raises LocalTrouble."""
    return b"".join(map(bytes, reader.read(body)))


def _with_blob(call: Call[R], reader: Reader) -> Call[R]:
    if isinstance(call, UploadFile | UploadPart) and not isinstance(call.body, Blob):
        return cast(Call[R], msgspec.structs.replace(call, body=Blob(body_bytes(call.body, reader))))
    return call


def _poured(download: Download, sink: Sink, heard: Heard) -> IOResult[DownloadReply, B2Error]:
    heard(download.reply)
    try:
        for piece in pieces(download.extents):
            sink.write(bytes(piece))
    except LocalTrouble as trouble:
        return IOFailure(trouble.error)
    return IOSuccess(download.reply)
