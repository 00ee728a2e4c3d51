"""Single files in a storm: uploads of anything that can be a source, additions to a file, copies on the server.

Rules. A caller who does not hear that a file is there makes it again; so every run that was killed may have made a
version. What was sent is counted in the simulator's journal, where only calls stand that took effect.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha1
from random import Random
from typing import Any, Final

from b2pure.effects.program import ok
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.model.calls import CopyPart, UploadPart
from b2pure.model.ranges import ByteRange
from b2pure.shell.client import Client

from .leftovers import check_leftovers, clean_leftovers
from .scenes import files_of, put, starts
from .weather import Calls
from .worlds import World, demand

__all__ = ["BUCKET", "COPYING", "MINIMUM", "NAME", "UPLOADING", "FileJob", "content", "tiny_world"]

BUCKET: Final = "bucket"
NAME: Final = "dir/n"
SOURCE: Final = "source"
MINIMUM: Final = 3
TINY: Final = SimulatorConfig(absolute_minimum_part_size=MINIMUM, recommended_part_size=5, log_size=0)

_ASKING: Final = ("b2_authorize_account", "b2_list_buckets", "b2_list_file_versions", "b2_list_parts")
_LOOKING: Final = ("b2_list_unfinished_large_files", "b2_get_file_info")
_LARGE: Final = ("b2_start_large_file", "b2_finish_large_file", "b2_cancel_large_file")
_UP: Final = ("b2_upload_file", "b2_upload_part", *_LARGE)
_COPY: Final = ("b2_copy_file", "b2_copy_part", *_LARGE)
UPLOADING: Final = Calls((*_ASKING, *_LOOKING, "b2_get_upload_url", "b2_get_upload_part_url", *_UP), _UP, up=True)
COPYING: Final = Calls((*_ASKING, *_LOOKING, *_COPY), _COPY)


class Trickle:
    """A pipe: it gives fewer bytes than are asked for, and only once."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def read(self, size: int, /) -> bytes:
        start, self._at = self._at, min(self._at + min(size, 7), len(self._data))
        return self._data[start : self._at]


class FileJob:
    """One file that is to be made. `way` is how."""

    moves = seconds = rooms = False

    def __init__(self, world: World, way: str, data: bytes, part_size: int, wanted: ByteRange | None = None) -> None:
        self.world, self._way, self._data, self._part_size, self._wanted = world, way, data, part_size, wanted
        self.calls = COPYING if way == "copy" else UPLOADING
        self._done = False
        if way == "append":
            put(world.simulator, BUCKET, NAME, data[: len(data) // 2], None)
        if way == "copy":
            put(world.simulator, BUCKET, SOURCE, data, None)
        world.clock.advance(1)
        self._old = {str(stored.file.file_id) for stored in files_of(world.simulator, BUCKET)}

    @classmethod
    def draw_upload(cls, random: Random) -> FileJob:
        """Any upload."""
        way = random.choice(("bytes", "bytes", "chain", "append", "stream"))
        return cls(tiny_world(random), way, content(random), random.randint(MINIMUM, 12))

    @classmethod
    def draw_copy(cls, random: Random) -> FileJob:
        """Any copy, of a whole file or of a range."""
        data = content(random)
        start = random.randrange(len(data))
        wanted = random.choice((None, None, ByteRange(start, random.randint(start + 1, len(data)))))
        return cls(tiny_world(random), "copy", data, random.randint(MINIMUM, 40), wanted)

    # --- doing

    def act(self, client: Client) -> bool:
        dest, data, size = f"b2://{BUCKET}/{NAME}", self._data, self._part_size
        result: Any
        match self._way:
            case "copy":
                result = client.copy(f"b2://{BUCKET}/{SOURCE}", dest, max_part_size=size, wanted=self._wanted)
            case "stream":
                result = client.upload(Trickle(data), dest, part_size=size)
            case "chain":
                third = len(data) // 3
                result = client.upload([data[:third], [data[third:-1]], data[-1:], b""], dest, part_size=size)
            case _:
                result = client.upload(data, dest, part_size=size, append=self._way == "append")
        self._done = ok(result)
        return self._done

    def finished(self) -> bool:
        return self._done

    def rests(self) -> bool:
        return False

    def begin(self) -> None:
        pass

    def make_room(self, room: int | None) -> None:
        pass

    def move(self, number: int) -> None:
        raise AssertionError("the source of one file stays as it is")

    # --- looking

    def check_run(self) -> None:
        check_leftovers(self.world, BUCKET)
        for stored in files_of(self.world.simulator, BUCKET):
            if stored.file.action == "upload" and str(stored.file.file_id) not in self._old:
                wanted = self._wanted
                whole = self._data if wanted is None else self._data[wanted.start : wanted.stop]
                demand(stored.data == whole, "the file is the source")

    def check_end(self) -> None:
        world, lost = self.world, self.world.storm.lost
        there = {
            str(stored.file.file_id) for stored in files_of(world.simulator, BUCKET) if stored.file.action == "upload"
        }
        made, unheard = len(there - self._old), world.crashes
        demand(there >= self._old, "what was there stays")
        allowed = 1 + unheard + lost["b2_upload_file"] + lost["b2_copy_file"] + lost["b2_finish_large_file"]
        demand(1 <= made <= allowed, "at most one version more for each lost reply", (made, allowed))
        self._check_parts()
        left = len(starts(world.simulator, BUCKET))
        # A stream cannot be read again, so nobody goes on with what a run made of it that could not cancel it.
        forgotten = world.runs - 1 if self._way == "stream" else 0
        allowed = lost["b2_start_large_file"] + lost["b2_cancel_large_file"] + forgotten
        demand(left <= allowed, "unfinished large files are gone on with", (left, allowed))
        clean_leftovers(world, BUCKET)

    def _check_parts(self) -> None:
        """No part is sent twice to one large file, but for lost replies; and no other one is started without need."""
        done = [(each.call, each.file_id) for each in self.world.simulator.journal]
        sent = Counter((file, call.part_number) for call, file in done if isinstance(call, UploadPart | CopyPart))
        twice, lost = sent.total() - len(sent), self.world.storm.lost
        demand(twice <= lost["b2_upload_part"] + lost["b2_copy_part"], "no part is sent twice", (twice, lost))

    def most_calls(self) -> int:
        parts = len(self._data) // MINIMUM
        return (15 + 2 * parts) * self.world.runs + 8 * sum(self.world.storm.struck.values())


def tiny_world(random: Random) -> World:
    """A world whose parts have few bytes."""
    return World(TINY, random.getrandbits(32), BUCKET)


def content(random: Random) -> bytes:
    """What a file has: mostly enough for several parts, seldom parts that are all the same."""
    size = random.choice((random.randint(1, 10), random.randint(8, 60), random.randint(8, 60)))
    if random.random() < 0.1:
        return b"a" * size
    return b"".join(sha1(b"%d" % n).digest() for n in range(size // 20 + 1))[:size]
