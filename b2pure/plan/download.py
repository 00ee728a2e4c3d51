"""How a download is cut, what is left of it after an interruption, and what it is verified by.

Rules. A range is fetched in pieces, so that a broken one is gone on with, several are on their way at once, and the
finished ones need not be fetched again by a later run. Those are written down behind the content, in the temporary file
itself: a header that names the version and its own place, then one record for each finished piece with the CRC-32 of
its bytes. Every record has a check of its own that holds for this version only; what is damaged, or of another version,
does not count. What a finished piece claims is compared with the file again before anything is built upon it, and the
whole is verified by SHA-1 as ever. Sizes are bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from attrs import frozen

from b2pure.model.ids import FileId
from b2pure.model.ranges import ByteRange

__all__ = [
    "HEADER_SIZE",
    "MAX_RECORDS",
    "PIECE_SIZE",
    "RECORD_SIZE",
    "TAIL_SIZE",
    "Checked",
    "Journal",
    "Piece",
    "Unchecked",
    "cut",
    "gaps",
    "how_to_check",
    "journal_header",
    "journal_record",
    "piece_size",
    "read_journal",
    "record_place",
]

PIECE_SIZE: Final = 32 << 20
"""What one interruption loses at most for each piece that is on its way."""
_LEAST_PIECE_SIZE: Final = 8 << 20
_GOOD_COUNT: Final = 64
"""So many pieces at least, if they are not too short for that: the whole is hashed close behind what has come without a
gap, and what is in flight at the end is hashed last and alone.
"""
_MAX_PIECES: Final = 10_000
HEADER_SIZE: Final = 512
RECORD_SIZE: Final = 64
MAX_RECORDS: Final = 2 * _MAX_PIECES
"""A download that was interrupted so often that its records exceed this is begun anew."""
TAIL_SIZE: Final = HEADER_SIZE + RECORD_SIZE * MAX_RECORDS
"""The end of a temporary file of so many bytes has its journal."""

_MAGIC: Final = b"\nb2pure-download-1 "
_HEADER: Final = re.compile(rb"\nb2pure-download-1 (\d{1,14}) (\S{1,400}) ([0-9a-f]{16}) *\n")
_RECORD: Final = re.compile(rb"piece (\d{1,14}) (\d{1,14}) ([0-9a-f]{8}) ([0-9a-f]{8}) *\n\Z")


# -- pieces


def piece_size(size: int, recommended: int) -> int:
    """How long the pieces of a download are; `recommended` is the account's part size."""
    fitting = min(max(_LEAST_PIECE_SIZE, size // _GOOD_COUNT), PIECE_SIZE, recommended)
    return max(1, fitting, -(-size // _MAX_PIECES))


def cut(whole: ByteRange, piece: int) -> Iterator[ByteRange]:
    """Adjacent ranges that cover `whole`, each of `piece` bytes but the last."""
    if piece < 1:
        raise ValueError("a piece has at least 1 byte")
    for start in range(whole.start, whole.stop, piece):
        yield ByteRange(start, min(start + piece, whole.stop))


def gaps(whole: ByteRange, done: Iterable[ByteRange]) -> tuple[ByteRange, ...]:
    """What of `whole` none of `done` covers, in order; no two of them touch."""
    found = []
    at = whole.start
    for each in sorted(each for each in done if each.length):
        if each.start > at and at < whole.stop:
            found.append(ByteRange(at, min(each.start, whole.stop)))
        at = max(at, each.stop)
    if at < whole.stop:
        found.append(ByteRange(at, whole.stop))
    return tuple(found)


# -- what the content is verified by


@frozen
class Checked:
    """By the hex SHA-1 of the whole, as B2 or the uploader recorded it."""

    sha1: str


@frozen
class Unchecked:
    """By its length alone, and why."""

    why: Literal["nobody recorded a SHA-1", "a range has no SHA-1 of its own", "as the caller wished"]


def how_to_check(sha1: str | None, *, whole: bool, verify: bool) -> Checked | Unchecked:
    """`sha1` is that of the whole file, if anybody knows it; `whole` whether all of it is fetched."""
    if not verify:
        return Unchecked("as the caller wished")
    if not whole:
        return Unchecked("a range has no SHA-1 of its own")
    return Unchecked("nobody recorded a SHA-1") if sha1 is None else Checked(sha1)


# -- the journal


@frozen
class Piece:
    """A finished piece: the bytes of the file, and their CRC-32."""

    range: ByteRange
    crc: int


@frozen
class Journal:
    """What a temporary file says of itself: the version, the length of its content, its finished pieces, and how many
    records there are, damaged ones too.
    """

    file_id: FileId
    size: int
    pieces: tuple[Piece, ...]
    records: int


def journal_header(file_id: FileId, size: int) -> bytes | None:
    """What stands at byte `size` of a temporary file; None for an id that is no id of B2's."""
    text = f"{size} {file_id}"
    line = _MAGIC + f"{text} {_check(text, 16)}".encode()
    line = line.ljust(HEADER_SIZE - 1) + b"\n"
    return line if len(line) == HEADER_SIZE and _HEADER.fullmatch(line) else None


def journal_record(file_id: FileId, size: int, piece: Piece) -> bytes:
    """One finished piece."""
    text = f"{piece.range.start} {piece.range.stop} {piece.crc:08x}"
    return f"piece {text} {_check(f'{size} {file_id} {text}', 8)}".encode().ljust(RECORD_SIZE - 1) + b"\n"


def record_place(size: int, number: int) -> int:
    """At which byte of the temporary file record `number` (from 0) stands."""
    return size + HEADER_SIZE + RECORD_SIZE * number


def read_journal(length: int, tail: bytes) -> Journal | None:
    """The journal in the last bytes of a temporary file of `length` bytes. None when it has none that is right."""
    at = tail.rfind(_MAGIC)
    while at >= 0:
        header = _HEADER.fullmatch(tail[at : at + HEADER_SIZE])
        place = length - len(tail) + at
        # The content may have anything in it, even another header, but hardly one that tells its own place.
        if header is not None and int(header[1]) == place:
            text = f"{int(header[1])} {header[2].decode('ascii', 'replace')}"
            if _check(text, 16) == header[3].decode():
                return _journal(FileId(header[2].decode("ascii", "replace")), place, tail[at + HEADER_SIZE :])
        at = tail.rfind(_MAGIC, 0, at)
    return None


def _journal(file_id: FileId, size: int, data: bytes) -> Journal | None:
    count = -(-len(data) // RECORD_SIZE)
    if count >= MAX_RECORDS:
        return None
    pieces = []
    for at in range(0, len(data), RECORD_SIZE):
        line = data[at : at + RECORD_SIZE]
        found = _RECORD.match(line)
        if found is None:
            continue
        start, stop, crc = int(found[1]), int(found[2]), int(found[3], 16)
        if start >= stop or stop > size:
            continue
        piece = Piece(ByteRange(start, stop), crc)
        if journal_record(file_id, size, piece) == line:
            pieces.append(piece)
    return Journal(file_id, size, tuple(pieces), count)


def _check(text: str, digits: int) -> str:
    return hashlib.sha256(b"b2pure download journal " + text.encode()).hexdigest()[:digits]
