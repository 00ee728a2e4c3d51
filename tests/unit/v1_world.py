"""A simulated B2 over HTTP, and an account of the numbered interface in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from attrs import define

from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.shell.clock import SystemClock
from b2pure.shell.serve import RunningServer, serve_in_thread
from b2pure.v1 import B2Api, Bucket, DownloadDestBytes, InMemoryAccountInfo

MINIMUM: Final = 1_000
RECOMMENDED: Final = 10_000
SMALL_PARTS: Final = SimulatorConfig(absolute_minimum_part_size=MINIMUM, recommended_part_size=RECOMMENDED)


@define(eq=False)
class World:
    """A server, and what its tests need of it."""

    server: RunningServer
    api: B2Api
    faults: FaultBoard

    @property
    def simulator(self) -> Simulator:
        return self.server.simulator

    @property
    def url(self) -> str:
        return self.server.url

    def calls(self, name: str) -> int:
        """How often a call was answered."""
        with self.server.locked() as simulator:
            return len(simulator.log.entries(name, 200))

    def bucket(self, name: str = "holiday") -> Bucket:
        """A new bucket."""
        return self.api.create_bucket(name, "allPrivate")

    def later(self, millis: int) -> None:
        """Time passes."""
        with self.server.locked() as simulator:
            simulator.advance_time(millis)


@contextmanager
def served(config: SimulatorConfig | None = None, *, days_ago: int = 0) -> Iterator[World]:
    """A world whose B2 has the time of so many days ago; its account is authorized."""
    clock = SystemClock()
    behind = days_ago * 86_400_000
    faults = FaultBoard()
    simulator = Simulator(lambda: clock.now_millis() - behind, config=config)
    server = serve_in_thread(simulator, faults=faults)
    try:
        api = B2Api(InMemoryAccountInfo())
        if not behind:
            api.authorize_account(server.url, simulator.master_key_id, simulator.master_key)
        yield World(server, api, faults)
    finally:
        server.close()


def content(bucket: Bucket, name: str) -> bytes:
    """What a file has now."""
    dest = DownloadDestBytes()
    bucket.download_file_by_name(name, dest)
    return dest.get_bytes_written()
