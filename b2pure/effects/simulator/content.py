"""Bytes that are kept: what the files of the simulated B2 are made of, and where they live.

Rules. A content never changes, and its id lasts as long as it is kept. A file refers to extents of contents, so that
copies, ranges and finished large files share bytes and nothing is ever joined. Where contents live is the business of
a `Vault`: in memory here, on disk in `b2pure.shell.vault`. What arrives goes through an `Intake`, piece by piece, which
hashes on the way, so that a body of any size is held once at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import md5, sha1
from itertools import count
from typing import Final, Protocol

import msgspec
from attrs import frozen

__all__ = [
    "PIECE_BYTES",
    "Changes",
    "Content",
    "Draft",
    "Extent",
    "Intake",
    "MemoryVault",
    "Piece",
    "Received",
    "Vault",
    "VaultFailed",
    "cut",
    "digests",
    "extents_of",
    "length_of",
    "pieces",
]

PIECE_BYTES: Final = 1 << 20
"""The most that is read from a content at once."""
_DIGEST_BYTES: Final = 40

Piece = bytes | memoryview
"""Bytes that are shared and never written to."""

Changes = Mapping[tuple[str, str], msgspec.Struct | None]
"""What a call changed: records by (kind, id); None means gone."""


class VaultFailed(Exception):
    """A vault could not keep or give back what it should. The text says what, and holds no secret."""


class Content(Protocol):
    """Bytes that never change."""

    @property
    def content_id(self) -> str: ...
    @property
    def length(self) -> int: ...
    def read(self, start: int, stop: int) -> Iterator[Piece]:
        """The bytes `start <= i < stop` in pieces of at most `PIECE_BYTES`."""
        ...


class Draft(Protocol):
    """A content that is being written. Exactly one of `finish` and `abandon` ends it. Only `finish` raises
    VaultFailed, also for what could not be written before; nothing is left of the draft then.
    """

    def write(self, piece: Piece) -> None: ...
    def finish(self) -> Content: ...
    def abandon(self) -> None: ...


class Vault(Protocol):
    """Keeps contents and, if `keeps_records`, the records of everything else."""

    @property
    def keeps_records(self) -> bool: ...
    def draft(self) -> Draft: ...
    def discard(self, content: Content) -> None:
        """A finished content that no record will ever refer to."""
        ...

    def commit(self, changes: Changes) -> None:
        """Keep all of these changes or none. What it returned from is not lost. Raises VaultFailed."""
        ...

    def check(self) -> None:
        """Raises VaultFailed if a commit failed: what the simulator knows is then not what is kept, and nobody may
        hear of it.
        """
        ...


class Extent(msgspec.Struct, frozen=True, gc=False):
    """The bytes `start <= i < stop` of a content."""

    content: Content
    start: int
    stop: int


def extents_of(content: Content) -> tuple[Extent, ...]:
    """The whole content; nothing for an empty one."""
    return (Extent(content, 0, content.length),) if content.length else ()


def length_of(extents: Iterable[Extent]) -> int:
    """Bytes in all."""
    return sum(extent.stop - extent.start for extent in extents)


def cut(extents: Iterable[Extent], start: int, stop: int) -> tuple[Extent, ...]:
    """The bytes `start <= i < stop` of these extents one after the other."""
    found: list[Extent] = []
    offset = 0
    for extent in extents:
        length = extent.stop - extent.start
        low, high = max(start - offset, 0), min(stop - offset, length)
        if low < high:
            whole = high - low == length
            found.append(extent if whole else Extent(extent.content, extent.start + low, extent.start + high))
        offset += length
    return tuple(found)


def pieces(extents: Iterable[Extent]) -> Iterator[Piece]:
    """The bytes in pieces of at most `PIECE_BYTES`."""
    for extent in extents:
        yield from extent.content.read(extent.start, extent.stop)


def digests(extents: Iterable[Extent]) -> tuple[str, str]:
    """Hex SHA-1 and MD5."""
    one, two = sha1(usedforsecurity=False), md5(usedforsecurity=False)
    for piece in pieces(extents):
        one.update(piece)
        two.update(piece)
    return one.hexdigest(), two.hexdigest()


@frozen
class Received:
    """A body that arrived in full. `claimed` is the digest that followed it, if one was to follow (`""` if the body is
    too short for one).
    """

    content: Content
    sha1: str
    md5: str
    claimed: str | None = None


class Intake:
    """Takes the pieces of a body. With `digest_at_end` the last 40 bytes are the digest and not part of it."""

    def __init__(self, draft: Draft, *, digest_at_end: bool = False) -> None:
        self._draft = draft
        self._held = b"" if digest_at_end else None
        self._sha1 = sha1(usedforsecurity=False)
        self._md5 = md5(usedforsecurity=False)

    def write(self, piece: Piece) -> None:
        """The next bytes of the body."""
        if self._held is not None:
            joined = self._held + piece
            piece, self._held = joined[:-_DIGEST_BYTES], joined[-_DIGEST_BYTES:]
        if piece:
            self._sha1.update(piece)
            self._md5.update(piece)
            self._draft.write(piece)

    def finish(self) -> Received:
        """The whole body is there."""
        claimed = None if self._held is None else self._held.decode("latin-1")
        return Received(self._draft.finish(), self._sha1.hexdigest(), self._md5.hexdigest(), claimed)

    def abandon(self) -> None:
        """The body is not wanted after all."""
        self._draft.abandon()


class _MemoryContent:
    """Blocks of bytes, one after the other."""

    __slots__ = ("_blocks", "content_id", "length")

    def __init__(self, content_id: str, blocks: tuple[bytes, ...]) -> None:
        self.content_id = content_id
        self.length = sum(map(len, blocks))
        self._blocks = blocks

    def read(self, start: int, stop: int) -> Iterator[Piece]:
        """Views of the blocks: nothing is copied."""
        offset = 0
        for block in self._blocks:
            low, high = max(start - offset, 0), min(stop - offset, len(block))
            for at in range(low, high, PIECE_BYTES):
                end = min(at + PIECE_BYTES, high)
                yield block if end - at == len(block) else memoryview(block)[at:end]
            offset += len(block)


class _MemoryDraft:
    """Small pieces are gathered into blocks of `PIECE_BYTES`."""

    def __init__(self, content_id: str) -> None:
        self._content_id = content_id
        self._blocks: list[bytes] = []
        self._gathered = bytearray()

    def write(self, piece: Piece) -> None:
        self._gathered += piece
        if len(self._gathered) >= PIECE_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._blocks.append(bytes(self._gathered))
        self._gathered.clear()

    def finish(self) -> Content:
        if self._gathered:
            self._flush()
        return _MemoryContent(self._content_id, tuple(self._blocks))

    def abandon(self) -> None:
        self._blocks.clear()
        self._gathered.clear()


_SERIALS: Final = count(1)


class MemoryVault:
    """Keeps contents for as long as somebody refers to them, and no records."""

    keeps_records: Final = False

    def draft(self) -> Draft:
        """A new content. No other one in this process has its id, so that contents of several vaults can meet."""
        return _MemoryDraft(f"m{next(_SERIALS)}")

    def discard(self, content: Content) -> None:
        """Nothing: it goes with the last reference."""

    def commit(self, changes: Changes) -> None:
        """Nothing: nobody asks for them again."""

    def check(self) -> None:
        """Memory does not fail."""
