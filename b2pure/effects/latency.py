"""How long calls take, as data, and an `Api` that takes as long."""

from __future__ import annotations

import math
from typing import TypeVar

from attrs import frozen
from returns.io import IOResult

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Chunk, Clock, Heard, Reader, Sink, unheard
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall, UploadFile, UploadPart
from b2pure.model.errors import B2Error
from b2pure.model.replies import DownloadReply
from b2pure.model.sources import body_length

__all__ = ["Latency", "LatentApi", "seconds"]

R = TypeVar("R")


@frozen
class Latency:
    """Every call takes `base_millis`, up to `jitter_millis` more by chance, and the time that its body needs at
    `bytes_per_second` (None: none). Raises ValueError for what is no length of time.
    """

    base_millis: float = 0.0
    jitter_millis: float = 0.0
    bytes_per_second: float | None = None

    def __attrs_post_init__(self) -> None:
        for name, millis in (("base_millis", self.base_millis), ("jitter_millis", self.jitter_millis)):
            if not 0 <= millis < math.inf:
                raise ValueError(f"{name} is a number of milliseconds, not {millis}")
        if self.bytes_per_second is not None and not self.bytes_per_second > 0:
            raise ValueError(f"bytes_per_second is more than 0, not {self.bytes_per_second}")


def seconds(latency: Latency, body_bytes: int, draw: float) -> float:
    """How long a call takes whose bodies have so many bytes together. `draw` is a number from 0 to 1."""
    waiting = (latency.base_millis + latency.jitter_millis * draw) / 1000
    moving = 0.0 if latency.bytes_per_second is None else body_bytes / latency.bytes_per_second
    return waiting + moving


class LatentApi:
    """`api`, and time passes with every call: before an upload or a JSON call takes effect, and after a download was
    read. With a simulated clock nobody waits; there calls take their time one after the other.
    """

    def __init__(self, api: Api, latency: Latency, clock: Clock) -> None:
        self._api = api
        self._latency = latency
        self._clock = clock

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """As the api, later."""
        self._wait(body_length(call.body) if isinstance(call, UploadFile | UploadPart) else 0)
        return self._api.send(call, credential, reader)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        """As the api, later."""
        counted = _Counted(sink)
        reply = self._api.fetch(call, authorization, counted, heard)
        self._wait(counted.length)
        return reply

    def _wait(self, body_bytes: int) -> None:
        self._clock.sleep(seconds(self._latency, body_bytes, self._clock.draw()))


class _Counted:
    """Counts what passes to the sink."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.length = 0

    def write(self, chunk: Chunk) -> None:
        """Pass it on."""
        self._sink.write(chunk)
        self.length += len(chunk)
