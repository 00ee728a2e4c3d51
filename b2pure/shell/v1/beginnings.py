"""Downloads as a raw api of somebody's own expects them: the first request of a file has no range.

Rules. The core asks for the first bytes of a file by their range, and for the others when it knows how many there are.
Here the first ones are asked for without: what comes beyond them is not read, and the response is closed.
"""

from __future__ import annotations

from typing import Final, TypeVar

from attrs import evolve
from msgspec.structs import replace
from returns.io import IOResult, IOSuccess

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Chunk, Heard, Reader, Sink, unheard
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error
from b2pure.model.replies import DownloadReply

__all__ = ["BeginningOfWhole"]

R = TypeVar("R")

_FROM_THE_START: Final = "bytes=0-"


class BeginningOfWhole:
    """An api that is asked for whole files where it would be asked for how they begin."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """Answer a call whose reply is JSON."""
        return self._api.send(call, credential, reader)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        """Answer a download."""
        if call.range is None or not call.range.startswith(_FROM_THE_START):
            return self._api.fetch(call, authorization, sink, heard)
        first = _First(int(call.range.removeprefix(_FROM_THE_START)) + 1, sink, heard)
        try:
            answer = self._api.fetch(replace(call, range=None), authorization, first, first.hear)
        except _Enough as enough:
            return IOSuccess(enough.reply)
        return answer.map(first.cut)


class _Enough(Exception):
    """All that was asked for is there."""

    def __init__(self, reply: DownloadReply) -> None:
        super().__init__("the rest is asked for later")
        self.reply = reply


class _First:
    """Takes so many bytes of a whole file, and then no more."""

    def __init__(self, most: int, sink: Sink, heard: Heard) -> None:
        self._most, self._sink, self._heard = most, sink, heard
        self._left = most
        self._reply: DownloadReply | None = None

    def cut(self, reply: DownloadReply) -> DownloadReply:
        """The reply to the range that was wanted."""
        return evolve(reply, content_length=min(self._most, reply.content_length))

    def hear(self, reply: DownloadReply) -> None:
        """The headers come first."""
        self._reply = self.cut(reply)
        self._heard(self._reply)

    def write(self, chunk: Chunk) -> None:
        """Pass on what is wanted of the next bytes."""
        wanted = chunk[: self._left]
        self._sink.write(wanted)
        self._left -= len(wanted)
        reply = self._reply
        if reply is not None and not self._left and reply.total_length > reply.content_length:
            raise _Enough(reply)
