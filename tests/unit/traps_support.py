"""Clients whose calls are written down, for the tests of b2sdk's traps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import httpx
from attrs import define, evolve, field
from returns.io import IOResult

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Heard, Reader, Sink, unheard
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulator import SimulatorConfig
from b2pure.effects.wire import KeyPair
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error
from b2pure.model.replies import DownloadReply
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.client import Client
from b2pure.shell.http import HttpApi
from b2pure.testing import FaultScript, SimulatedB2, simulated_b2
from b2pure.testing.served import ServedB2

__all__ = ["DEST", "TINY", "Seen", "over_http", "seen_world"]

R = TypeVar("R")

TINY: Final = SimulatorConfig(absolute_minimum_part_size=3, recommended_part_size=5)
DEST: Final = "b2://bucket/n"


@define(eq=False)
class Seen:
    """The api, with every attempt at a call and what it was sent with."""

    api: Api
    sent: list[tuple[Call[Any], Any]] = field(factory=list)

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        self.sent.append((call, credential))
        return self.api.send(call, credential, reader)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        self.sent.append((call, authorization))
        return self.api.fetch(call, authorization, sink, heard)

    def count(self, name: str) -> int:
        """How many attempts there were at the call of this name, or of one that begins so."""
        return sum(call.name.startswith(name) for call, _ in self.sent)

    def tokens(self, name: str) -> list[str]:
        """What each attempt at the call was sent with."""
        return [credential.token for call, credential in self.sent if call.name == name]


def seen_world(
    *, faults: FaultScript = (), config: SimulatorConfig = TINY, retry: RetryPolicy | None = None
) -> tuple[SimulatedB2, Seen]:
    """A world with one bucket, and what is sent in it."""
    world = simulated_b2("bucket", seed=1, faults=faults, config=config, retry=retry)
    seen = Seen(world.api)
    return evolve(world, api=seen), seen


@contextmanager
def over_http(
    server: ServedB2,
    *,
    key: KeyPair | None = None,
    retry: RetryPolicy | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Iterator[tuple[Client, Seen, SimulatedClock]]:
    """A client of a served B2 that never really sleeps: its clock says how long it would have."""
    clock = SimulatedClock()
    pair = key or KeyPair(server.key_id, server.key)
    with HttpApi(pair.key_id, pair.key, realm_address=server.url, transport=transport) as api:
        seen = Seen(api)
        yield Client(seen, clock, workers=2, retry=retry), seen, clock
