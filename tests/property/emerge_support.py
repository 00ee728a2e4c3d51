"""Tiny objects made of real bytes, as intents, and what a plan makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import assert_never

from emerge_oracle import Made, Object, Row

from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.intents import CopySource, WriteIntent
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, Body, Chained, LocalSlice, StreamPiece
from b2pure.plan.emerge.parts import CopiedPart, EmergePart

__all__ = [
    "FAMILIES",
    "chained",
    "contents",
    "differing",
    "intents_of",
    "measured",
    "read",
    "rebuilt",
    "tiny",
    "with_holes",
]

_ROOM = 400


def _file_length(file: str, rows: Iterable[Row]) -> int:
    return max((offset + length for name, offset, _, length in rows if name == file), default=0)


def contents(given: Object) -> tuple[bytes, dict[str, bytes]]:
    """Bytes of the object and of all files that agree wherever rows say that they are the same."""
    parent: dict[tuple[str, int], tuple[str, int]] = {}

    def root(cell: tuple[str, int]) -> tuple[str, int]:
        while parent.setdefault(cell, cell) != cell:
            cell = parent[cell]
        return cell

    rows = (*given.remote, *given.local)
    for file, offset, dest, length in rows:
        for i in range(length):
            parent[root((file, offset + i))] = root(("", dest + i))
    letters: dict[tuple[str, int], int] = {}

    def letter(cell: tuple[str, int]) -> int:
        return letters.setdefault(root(cell), len(letters) % 251)

    names = {row[0] for row in rows}
    files = {name: bytes(letter((name, i)) for i in range(_file_length(name, rows))) for name in sorted(names)}
    return bytes(letter(("", i)) for i in range(given.length)), files


def intents_of(given: Object, files: dict[str, bytes], blobs: bool = False) -> list[WriteIntent]:
    """The rows as intents: remote ones, then local ones."""
    remote = [
        WriteIntent(CopySource(FileId(file), ByteRange(offset, offset + length)), dest)
        for file, offset, dest, length in given.remote
    ]
    return remote + [WriteIntent(_local(row, files, blobs), row[2]) for row in given.local]


def _local(row: Row, files: dict[str, bytes], blobs: bool) -> Body:
    file, offset, _, length = row
    if blobs:
        return Blob(files[file][offset : offset + length])
    return LocalSlice(file, ByteRange(offset, offset + length), LocalFact(len(files[file]), 1))


def read(source: Body | CopySource, files: dict[str, bytes]) -> bytes:
    match source:
        case CopySource():
            return files[source.file_id][source.range.start : source.range.stop]
        case LocalSlice():
            return files[source.path][source.range.start : source.range.stop]
        case Blob():
            return source.data
        case Chained():
            return b"".join(read(body, files) for body in source.bodies)
        case StreamPiece():
            raise AssertionError("no plan has one")
        case _:
            assert_never(source)


def rebuilt(parts: Iterable[EmergePart], files: dict[str, bytes]) -> bytes:
    """The object as the parts make it; a copied part that can be compared is."""
    made = bytearray()
    for part in parts:
        if isinstance(part, CopiedPart):
            data = read(part.source, files)
            assert part.checks is None or read(part.checks, files) == data
        else:
            data = b"".join(read(piece, files) for piece in part.pieces)
        assert len(data) == part.length
        assert part.range.start == len(made)
        made += data
    return bytes(made)


def measured(parts: Sequence[EmergePart], given: Object) -> Made:
    """What the parts cost, counted by the oracle's knowledge of what is local."""
    here = given.local_bytes()
    total = Made()
    for part in parts:
        local = sum(here[part.range.start : part.range.stop])
        if isinstance(part, CopiedPart):
            whole = local == part.length
            assert (part.checks is not None) == whole, "what is local as a whole is compared, and nothing else"
            total += Made(parts=1, copies=1, copied_local=local, unverified=0 if whole else local)
        else:
            down = sum(piece.length for piece in part.downloads)
            assert down == part.length - local, "what is local is never downloaded"
            total += Made(sent=part.length, down=down, parts=1)
    return total


# --- families of tiny objects ----------------------------------------------------------------------------------------


def _concat(r: Random, m: int, k: int) -> tuple[list[Row], list[Row]]:
    """Short and long sources one after the other, some of them of the same file at the same distance."""
    remote: list[Row] = []
    local: list[Row] = []
    at = 0
    for i in range(k):
        length = r.choice((1, m, m + 1, 2 * m - 1, 2 * m, r.randint(1, m), r.randint(1, 3 * m)))
        if r.random() < 0.65:
            remote.append((r.choice(("r", f"r{i}")), at + 3, at, length))
        else:
            local.append((f"l{i}", 0, at, length))
        at += length
    return remote, local


def _patch(r: Random, m: int, k: int) -> tuple[list[Row], list[Row]]:
    """One file in B2 whose places are patched by short local ranges; some patches lie over what B2 has."""
    remote: list[Row] = []
    local: list[Row] = []
    at = 0
    for i in range(k):
        keep = r.choice((m, m + 1, 2 * m, 2 * m - 1, 3 * m - 1, r.randint(1, 4 * m)))
        remote.append(("r", at, at, keep))
        at += keep
        patch = r.randint(1, m + 1)
        over = r.randint(0, min(2, at))
        local.append((f"l{i}", 0, at - over, patch + over))
        at += patch
    return remote, local


def _backup(r: Random, m: int, k: int) -> tuple[list[Row], list[Row]]:
    """A whole file that is here, with ranges of it that B2 has in several older files, nested ones too."""
    n = r.randint(2 * m, 8 * m)
    remote = []
    for i in range(k):
        start = r.randint(0, n - 1)
        remote.append((f"r{i % 3}", start + i % 3, start, r.randint(1, n - start)))
    return remote, [("l", 0, 0, n)] if r.random() < 0.7 else [("l", 0, 0, n), ("k", 1, r.randint(0, n // 2), n // 2)]


def _overlap(r: Random, m: int, k: int) -> tuple[list[Row], list[Row]]:
    """Anything, anywhere."""
    n = r.randint(1, 7 * m)
    remote: list[Row] = []
    local: list[Row] = []
    for i in range(k + 2):
        start = r.randint(0, n - 1)
        length = min(n - start, r.choice((m, m + 1, 2 * m, r.randint(1, n))))
        if r.random() < 0.6:
            remote.append((f"r{r.randint(0, 3)}", start + r.randint(0, 1), start, length))
        else:
            local.append((f"l{i}", 0, start, length))
    return remote, local


def _tight(r: Random, m: int, k: int) -> tuple[list[Row], list[Row]]:
    """Chains of sources that hardly overlap, or hardly miss each other, with local data that begin and end nearby."""
    remote: list[Row] = []
    local: list[Row] = []
    at = 0
    for i in range(k + 1):
        length = r.choice((m, m, m + 1, 2 * m - 1, 2 * m, 2 * m + 1))
        remote.append((f"r{i}", 0, at, length))
        at += length + r.choice((-2, -1, -1, 0, 1, 1, 2, m - 1, m, 1 - m, -m))
        at = max(at, 0)
    for i in range(k):
        start = r.randint(0, at + m)
        local.append((f"l{i}", 0, start, r.choice((1, 2, m - 1, m, 2 * m))))
    return remote, local


def _kinks(r: Random, m: int, k: int) -> tuple[list[Row], list[Row]]:
    """Sources with short gaps between them, and local data that begin and end around the gaps."""
    remote: list[Row] = []
    local: list[Row] = []
    at = 0
    for i in range(k + 1):
        length = r.choice((m, m + 1, 2 * m - 1, 2 * m, 2 * m + 1, 3 * m - 1, r.randint(m, 3 * m)))
        remote.append((f"r{i}", 0, at, length))
        at += length
        for j in range(r.randint(0, 3)):
            local.append((f"l{i}{j}", 0, max(0, at - r.randint(0, 2 * m)), r.randint(1, 2 * m)))
        gap = r.choice((r.randint(1, m), r.randint(1, m), r.randint(-m, 0), r.randint(m, 2 * m)))
        # What B2 has here is too short to be copied, so that these bytes have to be downloaded.
        remote += [(f"g{i}{place}", 0, at + place, 1) for place in range(gap)]
        at += gap
    return remote, local


FAMILIES = (_concat, _patch, _backup, _overlap, _tight, _kinks)


def _filled(remote: list[Row], local: list[Row], r: Random) -> list[Row]:
    """The local rows, with a source for each byte that nobody has."""
    length = max(dest + size for _, _, dest, size in (*remote, *local))
    has = [False] * length
    for _, _, dest, size in (*remote, *local):
        has[dest : dest + size] = [True] * size
    more = list(local)
    at = 0
    while at < length:
        if has[at]:
            at += 1
            continue
        stop = at
        while stop < length and not has[stop]:
            stop += 1
        more.append((f"h{at}", 0, at, stop - at))
        at = stop
    r.shuffle(more)
    return more


def tiny(seed: int, family: int, capped: bool = False) -> Object:
    """An object without holes, of a few minimum parts. `capped`: with small largest parts."""
    r = Random(seed)
    m = r.randint(1, 5)
    remote, local = FAMILIES[family](r, m, r.randint(1, 6))
    local = _filled(remote, local, r)
    r.shuffle(remote)
    longest = 2 * m - 1
    sent = r.choice((longest, longest + 1, 3 * m)) if capped or r.random() < 0.3 else _ROOM
    copy = r.choice((longest, longest + 1, 3 * m)) if capped else _ROOM
    return Object(tuple(remote), tuple(local), m, sent, copy)


def chained(seed: int, family: int, count: int, capped: bool) -> Object:
    """Many tiny objects one after the other, with the limits of the first."""
    first = tiny(seed, family, capped)
    remote: list[Row] = []
    local: list[Row] = []
    at = 0
    for step in range(count):
        made = tiny(seed + step, family)
        for rows, found in ((made.remote, remote), (made.local, local)):
            found += [(f"{step}-{name}", offset, at + dest, length) for name, offset, dest, length in rows]
        at += made.length
    return Object(tuple(remote), tuple(local), first.minimum, first.max_sent, _ROOM)


def with_holes(seed: int, family: int) -> Object:
    """An object that may have holes."""
    r = Random(seed)
    made = tiny(seed, family)
    local = tuple(row for row in made.local if r.random() < 0.6)
    remote = tuple(row for row in made.remote if r.random() < 0.8)
    return Object(remote or made.remote[:1], local or made.local[:1], made.minimum, made.max_sent, made.max_copy)


def differing(
    made: Object, r: Random, by_place: bool = False
) -> tuple[Object, list[WriteIntent], dict[str, bytes], bytes, Object]:
    """Rows whose bytes differ where they overlap, as intents in some order (`by_place`: sorted); the files; the object,
    written byte by byte; and what is left of each row to see, as an object of rows of one byte.
    """
    rows = [(row, True) for row in made.remote] + [(row, False) for row in made.local]
    r.shuffle(rows)
    if by_place:
        rows.sort(key=lambda each: each[0][2])
    names = {row[0] for row, _ in rows}
    files = {name: r.randbytes(_file_length(name, (row for row, _ in rows))) for name in sorted(names)}
    intents = []
    whole = bytearray(made.length)
    seen: list[tuple[Row, bool] | None] = [None] * made.length
    for row, is_remote in rows:
        file, offset, dest, length = row
        source = (
            CopySource(FileId(file), ByteRange(offset, offset + length)) if is_remote else _local(row, files, False)
        )
        intents.append(WriteIntent(source, dest))
        whole[dest : dest + length] = files[file][offset : offset + length]
        for i in range(length):
            seen[dest + i] = ((file, offset + i, dest + i, 1), is_remote)
    left = [each for each in seen if each is not None]
    shown = Object(
        tuple(row for row, is_remote in left if is_remote),
        tuple(row for row, is_remote in left if not is_remote),
        made.minimum,
        made.max_sent,
        made.max_copy,
    )
    return made, intents, files, bytes(whole), shown
