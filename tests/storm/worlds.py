"""A world to send a storm over: a B2, a clock, folders, faults that come and go, and a watch that sees every call.

Rules. The watch changes nothing. What it sees goes into a digest, so that two runs can be compared to the last call,
and into counts. It holds two laws by itself: an upload URL is used by one upload at a time, and never again after one
failed. Clients come and go; what is here stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container
from contextlib import suppress
from hashlib import sha1
from typing import Any, Final, Literal, TypeVar

from attrs import define, field
from returns.io import IOResult
from returns.result import Result
from returns.unsafe import unsafe_perform_io

from b2pure.effects.effect import AnyEffect, Credential, DeleteLocal, Publish, Send
from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.faulty_api import FaultyApi
from b2pure.effects.handlers import Api, Heard, Reader, Sink, unheard
from b2pure.effects.latency import Latency, LatentApi
from b2pure.effects.seeded import Crashed
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.strikes import Strike
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error, Throttled
from b2pure.model.replies import DownloadReply
from b2pure.shell.client import Client
from b2pure.testing import SimulatedB2

__all__ = ["CHANGING", "Broken", "Storm", "World", "demand"]

R = TypeVar("R")

NOW: Final = 1_700_000_000_000
WORKERS: Final = 4

CHANGING: Final = frozenset({
    "b2_upload_file", "b2_upload_part", "b2_start_large_file", "b2_finish_large_file", "b2_cancel_large_file",
    "b2_copy_file", "b2_copy_part", "b2_hide_file", "b2_delete_file_version",
})  # fmt: skip
"""The calls of jobs that change something in B2."""


class Broken(Exception):
    """An invariant does not hold."""


def demand(holds: object, invariant: str, detail: object = "") -> None:
    """Raises Broken, which names the invariant, unless it holds."""
    if not holds:
        raise Broken(f"{invariant}: {detail}" if detail != "" else invariant)


class Storm(FaultBoard):
    """Faults, and how often which kind of them struck. `lost` counts calls whose reply was lost, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.struck: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()

    def strike(self, call_name: str, test_mode: str | None = None) -> Strike:
        """As the board; and count it."""
        strike = super().strike(call_name, test_mode)
        if strike != _CALM:
            self.struck.update(_kinds(strike))
            if strike.drop_reply and strike.connection is None and strike.answer is None:
                self.lost[call_name] += 1
        return strike

    def only_lost(self, calls: Container[str]) -> bool:
        """Whether nothing went wrong but that replies of these calls were lost: then what became of them shows."""
        return self.struck.keys() <= {"lost reply", "slow"} and all(name in calls for name in self.lost)


_CALM: Final = Strike()


def _kinds(strike: Strike) -> list[str]:
    kinds = []
    if strike.expire is not None:
        kinds.append(f"expired tokens ({strike.expire})")
    if strike.delay_seconds:
        kinds.append("slow")
    if strike.connection is not None:
        kinds.append(f"disconnected ({strike.connection})")
    elif strike.answer is not None:
        kinds.append(f"answered {strike.answer.status}")
    else:
        parts = ("cut_upload", "corrupt_upload", "cut_download", "corrupt_download")
        kinds += [part.replace("_", " ") for part in parts if getattr(strike, part) is not None]
        kinds += ["lost reply"] * strike.drop_reply
    return kinds


class Watch:
    """An api that sees every call. `changed` is told of each that may have changed something in B2."""

    def __init__(self, api: Api, clock: SimulatedClock) -> None:
        self.api, self._clock = api, clock
        self._spoiled: set[str] = set()
        self._seen = sha1(usedforsecurity=False)
        self.calls = 0
        self.listed_at: int | None = None
        self.changed: Callable[[Call[Any]], None] = lambda call: None

    @property
    def trace(self) -> str:
        """A digest of all calls, of how they ended, and when."""
        return self._seen.hexdigest()

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """As the api."""
        if isinstance(credential, UploadUrl):
            demand(credential.token not in self._spoiled, "an upload URL is not used again after an upload failed")
        if self.listed_at is None and call.name == "b2_list_file_versions":
            self.listed_at = self._clock.now_millis()
        answer = self.api.send(call, credential, reader)
        result: Result[R, B2Error] = unsafe_perform_io(answer)  # type: ignore[arg-type]
        error = result.swap().value_or(None)
        if isinstance(credential, UploadUrl) and error is not None and not isinstance(error, Throttled):
            self._spoiled.add(credential.token)
        self._note(call.name, error)
        if call.name in CHANGING:
            self.changed(call)
        return answer

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        """As the api."""
        answer = self.api.fetch(call, authorization, sink, heard)
        result: Result[DownloadReply, B2Error] = unsafe_perform_io(answer)  # type: ignore[arg-type]
        self._note(call.name, result.swap().value_or(None))
        return answer

    def _note(self, call_name: str, error: B2Error | None) -> None:
        self.calls += 1
        self._seen.update(f"{call_name} {type(error).__name__} {self._clock.now_millis()}\n".encode())


Happening = tuple[int, Callable[[], None]]


@define(eq=False)
class Eyes:
    """Looks at every moment of one run, and lets happen what is due."""

    changed: Callable[[str], None]
    due: list[Happening]
    moments: int = 0
    busy: set[str] = field(factory=set)

    def __call__(self, moment: Literal["begin", "end"], effect: AnyEffect) -> None:
        if isinstance(effect, Send):
            if isinstance(effect.credential, UploadUrl):
                token = effect.credential.token
                if moment == "begin":
                    demand(token not in self.busy, "an upload URL is used by one upload at a time")
                    self.busy.add(token)
                else:
                    self.busy.discard(token)
        elif moment == "end" and isinstance(effect, Publish | DeleteLocal):
            self.changed(effect.path if isinstance(effect, DeleteLocal) else effect.temp.path)
        self.moments += 1
        while self.due and self.due[-1][0] <= self.moments:
            self.due.pop()[1]()


class World:
    """Everything that outlives a run."""

    def __init__(self, config: SimulatorConfig, seed: int, *buckets: str) -> None:
        self.clock = SimulatedClock(NOW, seed)
        self.simulator = Simulator(self.clock.now_millis, config=config)
        for name in buckets:
            self.simulator.add_bucket(name)
        self.disks: dict[str, SimulatedDisk] = {}
        self.storm = Storm()
        self._direct = SimulatedApi(self.simulator, self.simulator.master_key_id, self.simulator.master_key)
        self._faulty = FaultyApi(self._direct, self.storm, clock=self.clock)
        self.watch = Watch(self._faulty, self.clock)
        self.local_changed: Callable[[str], None] = lambda path: None
        self.crashes = self.jumps = self.clients = self.runs = self.seconds = 0

    def set_latency(self, latency: Latency | None) -> None:
        """From now on calls take so long."""
        self.watch.api = self._faulty if latency is None else LatentApi(self._faulty, latency, self.clock)

    def machine(self, seed: int) -> Machine:
        """A computer with a client on it, started anew."""
        self.clients += 1
        return Machine(
            self, SimulatedB2(self.simulator, self.clock, self.watch, seed, workers=WORKERS, disks=self.disks)
        )

    def quiet_client(self) -> Client:
        """A client that nothing happens to, and that nobody counts."""
        return SimulatedB2(self.simulator, self.clock, self._direct, 0, disks=self.disks).client

    def jump(self, millis: int) -> None:
        """The clock jumps."""
        if millis:
            self.jumps += 1
            self.clock.advance(millis)

    def disk(self, name: str) -> SimulatedDisk:
        return self.disks.setdefault(name, SimulatedDisk())


class Machine:
    """One client, from its start until it is killed."""

    def __init__(self, world: World, b2: SimulatedB2) -> None:
        self._world, self._b2 = world, b2
        self._client = b2.client

    def run(
        self, act: Callable[[Client], bool], stop_after: int | None = None, due: tuple[Happening, ...] = ()
    ) -> bool | None:
        """Do it; whether it said that it succeeded, None when it was killed before it said anything."""
        world = self._world
        world.runs += 1
        self._b2.stop_after = stop_after
        self._b2.observer = Eyes(world.local_changed, sorted(due, key=lambda each: -each[0]))
        with suppress(Crashed):
            return act(self._client)
        world.crashes += 1
        return None
