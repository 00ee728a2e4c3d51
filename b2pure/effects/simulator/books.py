"""The request log and the meter of a simulated B2: every answer is written down once."""

from __future__ import annotations

from typing import Any, TypeVar

from returns.result import Result, Success

from b2pure.effects.simulator.content import (
    length_of,
)
from b2pure.effects.simulator.credentials import Key, target_of
from b2pure.effects.simulator.dispatch import AccountToken, Token
from b2pure.effects.simulator.download_calls import Download
from b2pure.effects.simulator.meter import RequestLog, about, billed_units
from b2pure.effects.simulator.world import World
from b2pure.effects.wire import KeyPair
from b2pure.model.account import UploadUrl
from b2pure.model.calls import (
    Call,
    DownloadFileById,
    DownloadFileByName,
)
from b2pure.model.errors import B2Error, CapExceeded, Rejected, Throttled, Unauthorized, Unavailable
from b2pure.model.ids import BucketId

__all__ = ["Books"]

R = TypeVar("R")


class Books:
    """Writes down what was asked and answered, and what it costs."""

    def __init__(self, world: World, log: RequestLog) -> None:
        self._world = world
        self.log = log

    def counted(
        self, call: Call[Any], who: Token | Key, answer: Result[R, B2Error], *, bytes_in: int = 0, head: bool = False
    ) -> Result[R, B2Error]:
        """Write the answer to the request log, and a good one to the meter."""
        reply = answer.value_or(None)
        bytes_out = length_of(reply.extents) if isinstance(reply, Download) else 0
        status, code = (200, None) if isinstance(answer, Success) else _status_of(answer.failure())
        if isinstance(answer, Success):
            self._world.meter.count(call.name, call.billing, billed_units(call.name, reply), self._world.now())
            self._world.meter.moved(down=bytes_out)
        if self._world.config.log_size != 0:
            method = "GET" if call.token == "key" or isinstance(call, DownloadFileById | DownloadFileByName) else "POST"
            told = about(call, self._bucket_name_of(call))
            self.log.add(
                at_millis=self._world.now(),
                method="HEAD" if head else method,
                call_name=call.name,
                about=told,
                key_id=self._key_id_of(who),
                status=status,
                code=code,
                bytes_in=bytes_in,
                bytes_out=bytes_out,
            )
        return answer

    def _bucket_name_of(self, call: Call[Any]) -> str | None:
        bucket = self._world.buckets.get(getattr(call, "bucket_id", None) or BucketId(""))
        return None if bucket is None else bucket.reply.bucket_name

    def _key_id_of(self, who: Token | Key) -> str | None:
        match who:
            case Key() | KeyPair():
                return who.key_id
            case AccountToken(token):
                return self._world.credentials.key_id_of(token)
            case UploadUrl(url, token):
                endpoint = self._world.credentials.endpoints.get(target_of(url))
                return endpoint.key.key_id if endpoint is not None and endpoint.token == token else None
            case None:
                return None
            case _:  # what it was stays unsaid: it may be a token
                raise TypeError("a call is shown a KeyPair, an AccountToken, an UploadUrl, or None")

    def note_refused(self, method: str, call_name: str, error: B2Error) -> None:
        """Write down a request that was refused before it became a call."""
        status, code = _status_of(error)
        self.log.add(
            at_millis=self._world.now(),
            method=method,
            call_name=call_name,
            about="",
            key_id=None,
            status=status,
            code=code,
            bytes_in=0,
            bytes_out=0,
        )


def _status_of(error: B2Error) -> tuple[int, str]:
    match error:
        case Rejected(status, code) | Unavailable(status, code):
            return status, code
        case Unauthorized(code):
            return 401, code
        case CapExceeded(code):
            return 403, code
        case Throttled():
            return 429, "too_many_requests"
        case _:
            raise TypeError(f"{type(error).__name__} is not an answer of B2")
