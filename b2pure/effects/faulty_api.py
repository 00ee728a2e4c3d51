"""Faults in memory: an `Api` whose calls go wrong as a script says.

Rules. `strikes.step` says what strikes a call; here it is only carried out. Counting is under a lock; the wrapped api
is called outside it, so that faults do not serialise what they disturb. Tokens that a fault expires, and upload URLs
that one spoils, are remembered here and refused here as B2 refuses them, so that any api can be wrapped.
"""

from __future__ import annotations

from hashlib import sha1
from threading import Lock
from typing import Any, Final, TypeVar, cast

import msgspec
from returns.io import IOFailure, IOResult

from b2pure.effects.effect import Credential
from b2pure.effects.fault_answers import error_of
from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.faults import Disconnection, Fault, FaultScript, RandomFaults, Slow
from b2pure.effects.handlers import Api, Chunk, Clock, Heard, LocalTrouble, Reader, Sink, unheard
from b2pure.effects.simulated_api import body_bytes
from b2pure.effects.strikes import Strike, flipped
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.calls import HEX_DIGITS_AT_END, Call, FetchCall, UploadCall, UploadFile, UploadPart
from b2pure.model.errors import B2Error, Transport, Unauthorized
from b2pure.model.replies import AuthorizationReply, DownloadReply, UploadPartUrlReply, UploadUrlReply
from b2pure.model.sources import Blob, body_length

__all__ = ["FaultyApi"]

R = TypeVar("R")


class FaultyApi:
    """`api` with the faults of `script`, which may change meanwhile if it is a board. Faults that take time need a
    `clock`.
    """

    def __init__(self, api: Api, script: FaultScript | FaultBoard, *, clock: Clock | None = None) -> None:
        if clock is None and any(map(_takes_time, script)):
            raise ValueError("a script with slow calls needs a clock")
        self._api = api
        self._board = script if isinstance(script, FaultBoard) else FaultBoard(script)
        self._clock = clock
        self._account_tokens: set[str] = set()
        self._upload_tokens: set[str] = set()
        self._dead: set[str] = set()
        self._lock = Lock()

    def lift(self, fault: Fault) -> None:
        """The fault strikes no more."""
        self._board.lift(fault)

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """As the api, unless a fault is due."""
        strike = self._struck(call.name)
        failed = self._before(strike, credential)
        if failed is not None:
            return IOFailure(failed)
        if isinstance(call, UploadFile | UploadPart) and isinstance(credential, UploadUrl):
            if strike.cut_upload is not None and body_length(call.body) > strike.cut_upload:
                self._spoil(credential)
                return IOFailure(Transport("broken", "the connection broke while the body was sent"))
            if strike.corrupt_upload is not None:
                try:
                    call = cast(Call[R], _corrupted(call, strike.corrupt_upload, reader))
                except LocalTrouble as trouble:
                    return IOFailure(trouble.error)
        reply = self._api.send(call, credential, reader).map(self._noted)
        return IOFailure(_LOST) if strike.drop_reply else reply

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        """As the api, unless a fault is due."""
        strike = self._struck(call.name)
        failed = self._before(strike, authorization)
        if failed is not None:
            return IOFailure(failed)
        if strike.cut_download is None and strike.corrupt_download is None:
            reply = self._api.fetch(call, authorization, sink, heard)
        else:
            way = _Way(sink, strike.cut_download, strike.corrupt_download)
            reply = self._api.fetch(call, authorization, way, heard)
            if way.cut:
                return IOFailure(Transport("broken", "the body stopped short"))
        return IOFailure(_LOST) if strike.drop_reply else reply

    def _struck(self, call_name: str) -> Strike:
        strike = self._board.strike(call_name)
        with self._lock:
            if strike.expire in ("account", "all"):
                self._dead |= self._account_tokens
                self._account_tokens.clear()
            if strike.expire in ("upload", "all"):
                self._dead |= self._upload_tokens
                self._upload_tokens.clear()
            return strike

    def _before(self, strike: Strike, credential: Credential) -> B2Error | None:
        """What the call fails with before it reaches the api."""
        if strike.delay_seconds > 0 and self._clock is not None:
            self._clock.sleep(strike.delay_seconds)
        if strike.connection is not None:
            return _DISCONNECTED[strike.connection]
        if strike.answer is not None:
            return error_of(strike.answer)
        with self._lock:
            if credential is not None and credential.token in self._dead:
                return _EXPIRED
        return None

    def _spoil(self, url: UploadUrl) -> None:
        with self._lock:
            self._upload_tokens.discard(url.token)
            self._dead.add(url.token)

    def _noted(self, reply: R) -> R:
        """Remember the token in a reply."""
        with self._lock:
            if isinstance(reply, AuthorizationReply):
                self._account_tokens.add(reply.authorization_token)
            elif isinstance(reply, UploadUrlReply | UploadPartUrlReply):
                self._upload_tokens.add(reply.authorization_token)
        return reply


_LOST: Final = Transport("broken", "the reply was lost")
_EXPIRED: Final = Unauthorized("expired_auth_token", "the authorization token has expired")
_DISCONNECTED: Final[dict[Disconnection, Transport]] = {
    "refused": Transport("connect", "the connection was refused"),
    "reset": Transport("broken", "the connection was reset"),
    "silent": Transport("timeout", "no answer came"),
}


def _takes_time(fault: Fault) -> bool:
    return isinstance(fault, Slow) or (isinstance(fault, RandomFaults) and "slow" in fault.kinds)


def _corrupted(call: UploadCall, at_byte: int, reader: Reader) -> Call[Any]:
    """The upload as it arrives: the digest is that of what was sent. Raises LocalTrouble."""
    data = body_bytes(call.body, reader)
    promised = call.content_sha1
    if promised == HEX_DIGITS_AT_END:
        promised = sha1(data, usedforsecurity=False).hexdigest()
    return msgspec.structs.replace(call, content_sha1=promised, body=Blob(flipped(data, at_byte)))


class _Way:
    """Where the body of a download comes along: `keep` bytes pass (None: all), the byte at `flip` is spoiled."""

    def __init__(self, sink: Sink, keep: int | None, flip: int | None) -> None:
        self._sink = sink
        self._keep = keep
        self._flip = flip
        self._passed = 0
        self.cut = False

    def write(self, chunk: Chunk) -> None:
        """Pass on what is to pass, and swallow the rest."""
        piece = chunk if self._keep is None else chunk[: max(0, self._keep - self._passed)]
        self.cut = self.cut or len(piece) < len(chunk)
        if self._flip is not None:
            piece = flipped(bytes(piece), self._flip - self._passed)
        self._passed += len(piece)
        if piece:
            self._sink.write(piece)
