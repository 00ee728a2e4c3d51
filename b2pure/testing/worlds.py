"""Whole worlds in memory, in one line: a B2, local folders, a clock, and a client over them.

Nothing is mocked: the client is the one that people use, the B2 is the simulator behind `b2pure serve`, and the
programs in between are the ones that run against the real B2. Time passes only when somebody sleeps or moves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, field
from returns.io import IO

from b2pure.effects.driver import Driver, DriverFactory
from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.faults import Fault, FaultScript
from b2pure.effects.faulty_api import FaultyApi
from b2pure.effects.handlers import Api, Chunk
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.latency import Latency, LatentApi
from b2pure.effects.seeded import Observer, SeededDriver
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.model.calls import DownloadFileById
from b2pure.model.errors import LocalFailure
from b2pure.model.files import B2Path, B2Tree, LocalItem, LocalPath
from b2pure.model.ids import BucketId, FileId
from b2pure.model.names import PathFlavour
from b2pure.plan.bandwidth import Bandwidth
from b2pure.plan.concurrency import Workers
from b2pure.plan.listing import group_versions
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.scan import Scanner
from b2pure.shell.client import Client, threads
from b2pure.shell.folders import Folder, Role

__all__ = ["SimulatedB2", "SimulatedFolder", "simulated_b2", "simulated_disk"]


class SimulatedFolder:
    """A local folder in memory, as a client sees it."""

    def __init__(self, root: str, disk: SimulatedDisk) -> None:
        self.root = root
        self.disk = disk.opened()
        self.flavour: PathFlavour = "posix"

    def scan(self, scanner: Scanner, role: Role) -> Iterator[LocalItem]:
        """The files that take part. At a destination, what a killed download left is removed first."""
        if role == "destination":
            self.disk.remove_stale()
        for item in self.disk.tree():
            if isinstance(item, LocalPath) and not scanner.excludes_file(item.path):
                yield item

    def look(self, path: str, scanner: Scanner, role: Role) -> LocalItem | None:
        """The file of that path, if it takes part."""
        return next((item for item in self.disk.tree() if item.path == path and not scanner.excludes_file(path)), None)

    def ensure(self) -> LocalFailure | None:
        """It can always be written to."""
        return None

    def tidy(self, paths: Iterable[str]) -> None:
        """Remove what a killed download left."""
        self.disk.remove_stale()

    def close(self) -> None:
        """End what is open in it."""
        self.disk.close()


@define(eq=False)
class SimulatedB2:
    """A world: `client` to act in it, `simulator`, `disk(name)` and `clock` to look at it and change it.

    Local folders are named as they would be on disk: `world.disk("photos")` is what `client.sync("photos", ...)` reads.
    """

    simulator: Simulator
    clock: SimulatedClock
    api: Api
    seed: int | None = None
    retry: RetryPolicy | None = None
    stop_after: int | None = None
    observer: Observer | None = None
    workers: Workers | int = 4
    bandwidth: Bandwidth | None = None
    disks: dict[str, SimulatedDisk] = field(factory=dict)
    faulty: FaultyApi | None = None

    @property
    def client(self) -> Client:
        """A new client with the master key. With a seed its work is interleaved by it, else it runs on threads."""
        return self._client(self.api)

    def client_with(self, key_id: str, key: str) -> Client:
        """A new client with another key, such as one of `simulator.add_key`. Faults and latency do not strike it."""
        return self._client(SimulatedApi(self.simulator, key_id, key))

    def _client(self, api: Api) -> Client:
        return Client(
            api,
            self.clock,
            folders=self._folder,
            drivers=threads if self.seed is None else self._seeded(self.seed),
            workers=self.workers,
            bandwidth=self.bandwidth,
            retry=self.retry,
        )

    def _seeded(self, seed: int) -> DriverFactory:
        def make(interpreter: Interpreter, workers: Workers | None) -> Driver:
            if workers is None:
                return SeededDriver(interpreter, seed=seed)
            return SeededDriver(
                interpreter,
                seed=seed,
                workers=workers,
                stop_after=self.stop_after,
                observer=self.observer,
            )

        return make

    def _folder(self, root: str) -> Folder:
        return SimulatedFolder(root, self.disk(root))

    def lift(self, fault: Fault) -> None:
        """A fault of this world strikes no more: the cap was raised, the line is mended."""
        if self.faulty is None:
            raise ValueError("this world has no faults")
        self.faulty.lift(fault)

    def disk(self, name: str) -> SimulatedDisk:
        """The local folder of this name; it is there from the first time that it is named."""
        return self.disks.setdefault(name, SimulatedDisk())

    def put(self, bucket: str, name: str, data: bytes, mod_time_millis: int) -> None:
        """A version as if it had been uploaded a moment ago."""
        info = {"src_last_modified_millis": str(mod_time_millis)}
        self.simulator.put(self.bucket_id(bucket), name, data, info=info)
        self.clock.advance(1)

    def bucket_id(self, name: str) -> BucketId:
        """The id of a bucket; it is made if it is not there."""
        for bucket in self.client.buckets().unwrap():
            if bucket.bucket_name == name:
                return bucket.bucket_id
        return self.simulator.add_bucket(name).bucket_id

    def versions(self, bucket: str, prefix: str = "") -> B2Tree:
        """Everything in a bucket below the prefix, with versions."""
        files = self.client.ls(f"b2://{bucket}/{prefix}", recursive=True, versions=True)
        return B2Tree(tuple(group_versions(files, prefix)), prefix)

    def contents(self, bucket: str, prefix: str = "") -> dict[str, bytes]:
        """What a reader of the bucket sees: visible names and their contents."""
        found = {}
        for item in self.versions(bucket, prefix):
            assert isinstance(item, B2Path)
            shown = item.visible()
            if shown is not None:
                found[item.path] = self.content(shown.file_id)
        return found

    def content(self, file_id: FileId) -> bytes:
        """The bytes of one version, without faults."""
        simulator = self.simulator
        api = SimulatedApi(simulator, simulator.master_key_id, simulator.master_key)
        token = Client(api, self.clock).authorize().unwrap()
        sink = _Bytes()
        fetched = api.fetch(DownloadFileById(file_id), token, sink)
        assert fetched.map(lambda _: True).value_or(False) == IO(True), fetched
        return bytes(sink.data)


class _Bytes:
    """A sink in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, chunk: Chunk) -> None:
        self.data += chunk


def simulated_disk(**files: bytes) -> SimulatedDisk:
    """A folder in memory with these files, all modified at time 0. Use `put` for other names and times."""
    disk = SimulatedDisk()
    for path, data in files.items():
        disk.put(path, data, 0)
    return disk


def simulated_b2(
    *buckets: str,
    faults: FaultScript | FaultBoard = (),
    latency: Latency | None = None,
    seed: int | None = None,
    config: SimulatorConfig | None = None,
    retry: RetryPolicy | None = None,
    workers: Workers | int = 4,
    bandwidth: Bandwidth | None = None,
    stop_after: int | None = None,
    observer: Observer | None = None,
    now_millis: int = 1_700_000_000_000,
) -> SimulatedB2:
    """A world with these buckets. `faults` break what they name (a `FaultBoard` may change meanwhile); with `latency`
    calls take (simulated) time; `workers` and `bandwidth` are those of the client; `seed` makes every interleaving
    repeatable; `stop_after` ends a job's world after so many moments (`Crashed`), as kill -9 would.
    """
    clock = SimulatedClock(now_millis, seed or 0)
    simulator = Simulator(clock.now_millis, config=config)
    for name in buckets:
        simulator.add_bucket(name)
    api: Api = SimulatedApi(simulator, simulator.master_key_id, simulator.master_key)
    faulty = FaultyApi(api, faults, clock=clock) if faults != () else None
    if faulty is not None:
        api = faulty
    if latency is not None:
        api = LatentApi(api, latency, clock)
    return SimulatedB2(simulator, clock, api, seed, retry, stop_after, observer, workers, bandwidth, faulty=faulty)
