"""Sources to upload and worlds with tiny parts to upload them to, and naive looks at what became of them.

Rules. A source is data: its kind and its bytes; `opened` makes what a caller would give. Parts have 3 to 12 bytes, so
that a few dozen bytes are a large file. Looking uses the simulator's snapshot and its journal, never the client.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from hypothesis import strategies as st

from b2pure.effects.seeded import Crashed
from b2pure.effects.simulator import SimulatorConfig
from b2pure.model.calls import Call, CopyPart, CreateBucket, StartLargeFile, UploadPart
from b2pure.model.replies import FileReply
from b2pure.shell.sources import LocalRange
from b2pure.testing import SimulatedB2, simulated_b2

__all__ = [
    "BUCKET",
    "MINIMUM",
    "RECOMMENDED",
    "REREADABLE",
    "STREAMS",
    "TINY",
    "Given",
    "Made",
    "Trickle",
    "committed",
    "count_committed",
    "crashing",
    "digest",
    "files_in",
    "locked_bucket",
    "make_world",
    "only",
    "opened",
    "sent_parts",
    "sources",
    "starts",
    "unfinished_in",
]

BUCKET: Final = "bucket"
MINIMUM: Final = 3
RECOMMENDED: Final = 5
TINY: Final = SimulatorConfig(absolute_minimum_part_size=MINIMUM, recommended_part_size=RECOMMENDED)


def digest(data: bytes) -> str:
    return sha1(data).hexdigest()


# --- sources ----------------------------------------------------------------------------------------------------------


@frozen
class Given:
    """A source: `file` and `range` lie on the disk, `chain` is bytes and files, `stream` and `pipe` are read once."""

    kind: str
    data: bytes
    length_known: bool = False
    sha1_known: bool = False

    @property
    def is_stream(self) -> bool:
        return self.kind in STREAMS


STREAMS: Final = ("stream", "pipe", "chain with a stream")
REREADABLE: Final = ("bytes", "file", "range", "chain")


def sources(
    kinds: Sequence[str] = (*REREADABLE, *STREAMS), *, least: int = 0, most: int = 60
) -> st.SearchStrategy[Given]:
    """Sources of these kinds, mostly so large that they are cut."""
    sizes = st.one_of(st.integers(max(least, RECOMMENDED + MINIMUM), most), st.integers(least, most))
    contents = st.tuples(sizes, st.integers(0, 3)).map(lambda drawn: content(*drawn))
    return st.builds(Given, st.sampled_from(kinds), contents, st.booleans(), st.booleans())


def content(size: int, seed: int) -> bytes:
    """Bytes that say where they are: 0 has parts that are all the same, the others none."""
    if seed == 0:
        return b"a" * size
    return b"".join(sha1(b"%d %d" % (seed, n)).digest() for n in range(size // 20 + 1))[:size]


class Trickle:
    """A pipe: it gives fewer bytes than are asked for."""

    def __init__(self, data: bytes, step: int = 7) -> None:
        self._data, self._step, self._at = data, step, 0

    def read(self, size: int, /) -> bytes:
        start, self._at = self._at, min(self._at + min(size, self._step), len(self._data))
        return self._data[start : self._at]


def opened(given: Given, folder: Path) -> Any:
    """What a caller gives for it. Files of one content are written once."""
    data = given.data
    match given.kind:
        case "bytes":
            return data
        case "file":
            return _file(folder, data)
        case "range":
            return LocalRange(_file(folder, b"before" + data + b"after"), 6, 6 + len(data))
        case "chain":
            third = len(data) // 3
            middle = LocalRange(_file(folder, data), third, 2 * third)
            return [data[:third], [middle], data[2 * third :], b""]
        case "stream":
            return Trickle(data, 1 << 20)
        case "pipe":
            return Trickle(data)
        case _:
            half = len(data) // 2
            return [_file(folder, data[:half]), Trickle(data[half:])]


def _file(folder: Path, data: bytes) -> Path:
    path = folder / digest(data)
    if not path.exists():
        path.write_bytes(data)
    return path


# --- worlds -----------------------------------------------------------------------------------------------------------


def make_world(*, seed: int | None = 1, config: SimulatorConfig = TINY, **settings: Any) -> SimulatedB2:
    """A world with one bucket."""
    return simulated_b2(BUCKET, seed=seed, config=config, **settings)


def locked_bucket(world: SimulatedB2, name: str = "locked") -> str:
    """A bucket whose files can be locked."""
    client = world.client
    account = client.authorize().unwrap().account_id
    client.call(CreateBucket(account, name, "allPrivate", file_lock_enabled=True)).unwrap()
    return name


def crashing(world: SimulatedB2, moments: int, act: Any) -> bool:
    """Do it in a world that ends after so many moments; whether it ended before the act did."""
    world.stop_after = moments
    crashed = True
    with suppress(Crashed):
        act()
        crashed = False
    world.stop_after = None
    return crashed


# --- looking ----------------------------------------------------------------------------------------------------------


@frozen
class Made:
    """A file as B2 has it."""

    file: FileReply
    data: bytes

    @property
    def info(self) -> dict[str, str]:
        return dict(self.file.file_info)


def _all_in(world: SimulatedB2, bucket: str) -> list[Made]:
    snapshot: Any = world.simulator.snapshot()
    return [Made(file, data) for reply, files, *_ in snapshot if reply.bucket_name == bucket for file, data in files]


def files_in(world: SimulatedB2, bucket: str = BUCKET) -> list[Made]:
    """All versions."""
    return [made for made in _all_in(world, bucket) if made.file.action != "start"]


def unfinished_in(world: SimulatedB2, bucket: str = BUCKET) -> list[FileReply]:
    """Large files that were started, and neither finished nor cancelled."""
    return [made.file for made in _all_in(world, bucket) if made.file.action == "start"]


def only(world: SimulatedB2, bucket: str = BUCKET) -> Made:
    """The one version that there is, and nothing is left over."""
    (made,) = files_in(world, bucket)
    assert not unfinished_in(world, bucket)
    return made


def committed(world: SimulatedB2) -> list[Call[Any]]:
    """The calls that changed something, in order."""
    return [done.call for done in world.simulator.journal]


def count_committed(world: SimulatedB2) -> dict[str, int]:
    """How many there were of each."""
    names = [call.name for call in committed(world)]
    return {name: names.count(name) for name in names}


def sent_parts(world: SimulatedB2) -> list[int]:
    """The numbers of the parts that were sent or copied, sorted."""
    return sorted(call.part_number for call in committed(world) if isinstance(call, UploadPart | CopyPart))


def starts(world: SimulatedB2) -> int:
    """How many large files were started."""
    return sum(isinstance(call, StartLargeFile) for call in committed(world))
