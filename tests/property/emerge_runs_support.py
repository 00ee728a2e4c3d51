"""Objects that are made of overlapping local and remote ranges, drawn; and worlds in which they can be made.

Rules. A drawn object is data: its bytes, and which ranges of it stand where, in files of B2 and here. Every file in B2
has other bytes before and after what the object takes of it. What the object must be is never asked of the planner.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from attrs import field, frozen
from hypothesis import strategies as st
from uploads_support import BUCKET, Given, content, files_in, make_world, opened, unfinished_in

from b2pure.effects.effect import AnyEffect, FetchBytes, Release, Reserve
from b2pure.model.ids import FileId
from b2pure.model.intents import CopySource, OverlapRule, WriteIntent
from b2pure.model.protection import SseC
from b2pure.testing import SimulatedB2

__all__ = ["DEST", "KEY", "Piece", "Scene", "Watch", "built", "made_of", "mixtures", "objects"]

DEST: Final = f"b2://{BUCKET}/made"
KEY: Final = SseC.of(b"k" * 32)
_BEFORE: Final = b"before"


@frozen
class Piece:
    """[start, stop) of the object: `kind` is `remote`, `sealed` (in B2, with a customer's key), or a kind of source
    that can be read again. `bytes` differ from the object's where later pieces win.
    """

    kind: str
    start: int
    stop: int
    data: bytes = field(repr=False)

    @property
    def is_remote(self) -> bool:
        return self.kind in ("remote", "sealed")


def made_of(pieces: list[Piece]) -> bytes:
    """The object: the pieces written one over the other."""
    whole = bytearray(max((piece.stop for piece in pieces), default=0))
    for piece in pieces:
        whole[piece.start : piece.stop] = piece.data
    return bytes(whole)


KINDS: Final = ("remote", "remote", "remote", "sealed", "file", "range", "bytes", "chain")


@st.composite
def objects(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS, most: int = 60) -> list[Piece]:
    """Ranges that cover an object of up to `most` bytes, with overlaps; all agree on what it is."""
    size = draw(st.integers(1, most))
    data = content(size, draw(st.integers(1, 3)))
    spans = draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(1, size)), max_size=7))
    spans = [(start, min(start + length, size)) for start, length in spans]
    spans += _missing(spans, size)
    return [Piece(draw(st.sampled_from(kinds)), start, stop, data[start:stop]) for start, stop in spans]


def mixtures() -> st.SearchStrategy[list[Piece]]:
    """The same, where pieces that overlap differ."""

    def changed(pieces: list[Piece]) -> list[Piece]:
        return [
            Piece(each.kind, each.start, each.stop, bytes((byte + number) % 256 for byte in each.data))
            for number, each in enumerate(pieces)
        ]

    return objects().map(changed)


def _missing(spans: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    at, gaps = 0, []
    for start, stop in sorted(spans):
        if start > at:
            gaps.append((at, start))
        at = max(at, stop)
    return [*gaps, (at, size)] if at < size else gaps


@frozen
class Scene:
    """A world where the files are that the pieces lie in, and the intents as a caller gives them."""

    world: SimulatedB2
    intents: list[Any]
    sources: list[FileId]

    @property
    def made(self) -> list[bytes]:
        """What was made there."""
        return [each.data for each in files_in(self.world) if each.file.file_name == "made"]

    @property
    def left(self) -> list[str]:
        """Unfinished files."""
        return [str(each.file_id) for each in unfinished_in(self.world)]

    def create(self, **options: Any) -> Any:
        return self.world.client.create_file(self.intents, DEST, source_keys=[KEY], **options)

    def stream(self, **options: Any) -> Any:
        ordered = sorted(self.intents, key=lambda each: _offset(each))
        return self.world.client.create_file_stream(iter(ordered), DEST, source_keys=[KEY], **options)


def _offset(intent: Any) -> int:
    offset: int = intent.destination_offset if isinstance(intent, WriteIntent) else intent[1]
    return offset


def built(
    pieces: list[Piece], folder: Path, *, seed: int | None = 1, spoiled: int | None = None, **settings: Any
) -> Scene:
    """The scene of an object. The byte `spoiled` of the object is another in every file of B2."""
    world = make_world(seed=seed, **settings)
    intents: list[Any] = []
    sources = []
    for number, piece in enumerate(pieces):
        if not piece.is_remote:
            intents.append((opened(Given(piece.kind, piece.data), folder), piece.start))
            continue
        data = bytearray(piece.data)
        if spoiled is not None and piece.start <= spoiled < piece.stop:
            data[spoiled - piece.start] ^= 1
        key = KEY if piece.kind == "sealed" else None
        stored = _BEFORE + bytes(data) + b"%d after" % number
        made = world.client.upload(stored, f"b2://{BUCKET}/from/{number}", encryption=key, resume=False).unwrap()
        assert made.file_id is not None
        sources.append(made.file_id)
        intents.append(WriteIntent(CopySource.of(made.file_id, len(_BEFORE), len(data), key), piece.start))
    world.clock.advance(1)
    world.simulator.journal.clear()
    return Scene(world, intents, sources)


class Watch:
    """Looks at what goes on: how much room is reserved, and what is downloaded."""

    def __init__(self) -> None:
        self.taken = self.most = self.fetches = 0
        self.single = 0

    def __call__(self, moment: str, effect: AnyEffect) -> None:
        if moment == "end" and isinstance(effect, Reserve):
            self.taken += effect.length
            self.most, self.single = max(self.most, self.taken), max(self.single, effect.length)
        elif moment == "begin" and isinstance(effect, FetchBytes):
            assert effect.most <= self.taken, "what is downloaded has no room"
            self.fetches += 1
        elif moment == "begin" and isinstance(effect, Release):
            self.taken -= effect.length


LAST_WINS: Final = OverlapRule.LAST_WINS
