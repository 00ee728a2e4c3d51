"""Objects from ranges in a storm: of bytes here and of files in B2, which overlap, planned at once or streamed.

Rules. Every file in B2 has other bytes around what the object takes of it. All sources agree on what the object is, so
whatever is copied, compared, downloaded or sent, it is the object or there is none.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any, Final

from b2pure.effects.program import ok
from b2pure.model.intents import CopySource
from b2pure.plan.emerge.plan import PRIORITIES
from b2pure.shell.client import Client

from .files import BUCKET, COPYING, MINIMUM, NAME, UPLOADING, FileJob, content, tiny_world
from .weather import Calls
from .worlds import World

__all__ = ["EmergeJob"]

_DOWNLOAD: Final = "b2_download_file_by_id"
# Ranges have no digest: nobody hears that a byte of one was changed on its way.
MAKING: Final = Calls(
    tuple(dict.fromkeys((*UPLOADING.all, *COPYING.all, _DOWNLOAD))),
    tuple(dict.fromkeys((*UPLOADING.changing, *COPYING.changing))),
    up=True,
    unheard=("corrupt_download",),
)


class EmergeJob(FileJob):
    """One object that is to be made."""

    def __init__(self, world: World, way: str, data: bytes, random: Random) -> None:
        self._intents = _intents(world, data, random)
        self._options: dict[str, Any] = {
            "prioritize": random.choice(PRIORITIES),
            "part_size": random.randint(MINIMUM, 12),
            "memory": random.randint(1, 30),
        }
        super().__init__(world, way, data, MINIMUM)
        self.calls = MAKING

    @classmethod
    def draw_emerge(cls, random: Random) -> EmergeJob:
        """Any object."""
        return cls(tiny_world(random), random.choice(("create", "create", "stream")), content(random), random)

    def act(self, client: Client) -> bool:
        dest, options = f"b2://{BUCKET}/{NAME}", self._options
        if self._way == "stream":
            ordered = sorted(self._intents, key=lambda intent: intent[1])
            self._done = ok(client.create_file_stream(iter(ordered), dest, **options))
        else:
            self._done = ok(client.create_file(self._intents, dest, **options))
        return self._done

    def most_calls(self) -> int:
        return super().most_calls() + 4 * len(self._intents) * self.world.runs


def _intents(world: World, data: bytes, random: Random) -> list[tuple[Any, int]]:
    """Ranges that cover the object: some of them twice, here and in B2."""
    cuts = sorted({0, len(data), *(random.randint(0, len(data)) for _ in range(random.randint(0, 5)))})
    spans = list(pairwise(cuts))
    for _ in range(random.randint(0, 3)):
        start = random.randrange(len(data))
        spans.append((start, random.randint(start + 1, len(data))))
    return [_intent(world, number, data, span, random) for number, span in enumerate(spans)]


def _intent(world: World, number: int, data: bytes, span: tuple[int, int], random: Random) -> tuple[Any, int]:
    start, stop = span
    if random.random() < 0.4:
        return data[start:stop], start
    before = b"before"[: random.randint(0, 6)]
    bucket_id = world.simulator.bucket_id(BUCKET)
    assert bucket_id is not None
    stored = before + data[start:stop] + b"after"[number % 6 :]
    file_id = world.simulator.put(bucket_id, f"from/{number}", stored).file_id
    assert file_id is not None
    return CopySource.of(file_id, len(before), stop - start), start
