"""How a download is cut, what is left of it after an interruption, and what it is verified by.

Rules. A range is fetched in pieces, so that a broken one is gone on with, several are on their way at once, and the
finished ones need not be fetched again by a later run. Those are written down behind the content, in the temporary file
itself: a header that names the version and its own place, then one record for each finished piece. Every record has a
check of its own that holds for this version only; what is damaged, or of another version, does not count.

Where the SHA-1 of the whole will be compared, no piece needs a digest of its own: as the hashing of the whole goes on,
records tell how far it came and what it had by then, and a later run compares these again, from the first to the last.
What lies beyond the first that is wrong is fetched anew; what lies beyond the last one, all being right, is believed
until the SHA-1 of the whole says otherwise. Where nothing is compared at the end, each record has the CRC-32 of its
piece, which is compared before anything is built upon it. Sizes are bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from attrs import frozen

from b2pure.model.errors import B2Error, LocalDrifted
from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.ranges import ByteRange

__all__ = [
    "HEADER_SIZE",
    "MAX_RECORDS",
    "PIECE_SIZE",
    "RECORD_SIZE",
    "TAIL_SIZE",
    "Checked",
    "Found",
    "Journal",
    "Mark",
    "Piece",
    "Unchecked",
    "believed",
    "came_already",
    "cut",
    "gaps",
    "how_to_check",
    "journal_header",
    "journal_record",
    "piece_size",
    "read_journal",
    "record_place",
    "worth_keeping",
]

PIECE_SIZE: Final = 32 << 20
"""What one interruption loses at most for each piece that is on its way."""
_LEAST_PIECE_SIZE: Final = 8 << 20
_GOOD_COUNT: Final = 64
"""So many pieces at least, if they are not too short for that: the whole is hashed close behind what has come without a
gap, and what is in flight at the end is hashed last and alone.
"""
_MANY_PIECES: Final = 256
"""No more than these of a file, if that does not make them longer than need be: in a simulated B2 whose parts are a few
bytes each piece costs more than its bytes.
"""
_MAX_PIECES: Final = 10_000
HEADER_SIZE: Final = 512
RECORD_SIZE: Final = 64
MAX_RECORDS: Final = 4 * _MAX_PIECES
"""A download that was interrupted so often that its records exceed this is begun anew."""
TAIL_SIZE: Final = HEADER_SIZE + RECORD_SIZE * MAX_RECORDS
"""The end of a temporary file of so many bytes has its journal."""

_MARK_DIGITS: Final = 16
_MAGIC: Final = b"\nb2pure-download-1 "
_HEADER: Final = re.compile(rb"\nb2pure-download-1 (\d{1,14}) (\S{1,400}) ([0-9a-f]{16}) *\n")
_PIECE: Final = re.compile(rb"piece (\d{1,14}) (\d{1,14}) ([0-9a-f]{8}|-{8}) [0-9a-f]{8} *\n\Z")
_MARK: Final = re.compile(rb"sha-1 (\d{1,14}) ([0-9a-f]{16}) [0-9a-f]{8} *\n\Z")


# -- pieces


def piece_size(size: int, recommended: int) -> int:
    """How long the pieces of a download are; `recommended` is the account's part size."""
    fitting = min(max(_LEAST_PIECE_SIZE, size // _GOOD_COUNT), PIECE_SIZE, recommended)
    return max(1, fitting, min(_LEAST_PIECE_SIZE, -(-size // _MANY_PIECES)), -(-size // _MAX_PIECES))


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
    """A finished piece: the bytes of the file, and their CRC-32; None where the SHA-1 of the whole will be compared."""

    range: ByteRange
    crc: int | None


@frozen
class Mark:
    """How far the whole was hashed from its beginning, and the first half or so of the hex SHA-1 that it had by then:
    enough to tell damage.
    """

    until: int
    sha1: str

    @classmethod
    def of(cls, until: int, sha1: str) -> Mark:
        """The mark of a hex SHA-1."""
        return cls(until, sha1[:_MARK_DIGITS])


@frozen
class Journal:
    """What a temporary file says of itself: the version, the length of its content, its finished pieces, how many
    records there are, damaged ones too, and the marks of its hashing.
    """

    file_id: FileId
    size: int
    pieces: tuple[Piece, ...]
    records: int
    marks: tuple[Mark, ...] = ()


@frozen
class Found:
    """What the file itself shows: up to where its marks are right, whether they all are, and which pieces have the
    CRC-32 that they claim.
    """

    right: int
    all_right: bool
    by_crc: tuple[Piece, ...]


def believed(journal: Journal, found: Found, *, checked: bool) -> tuple[ByteRange, ...]:
    """What need not be fetched again; `checked` is whether the SHA-1 of the whole will be compared."""
    others = (piece for piece in journal.pieces if piece.range.stop > found.right)
    rest = (
        piece.range for piece in others if piece in found.by_crc or (piece.crc is None and checked and found.all_right)
    )
    return (*([ByteRange(0, found.right)] if found.right else []), *rest)


def journal_header(file_id: FileId, size: int) -> bytes | None:
    """What stands at byte `size` of a temporary file; None for an id that is no id of B2's."""
    text = f"{size} {file_id}"
    line = _MAGIC + f"{text} {_check(text, 16)}".encode()
    line = line.ljust(HEADER_SIZE - 1) + b"\n"
    return line if len(line) == HEADER_SIZE and _HEADER.fullmatch(line) else None


def journal_record(file_id: FileId, size: int, entry: Piece | Mark) -> bytes:
    """One finished piece, or one mark."""
    if isinstance(entry, Mark):
        kind, text = "sha-1", f"{entry.until} {entry.sha1}"
    else:
        crc = "-" * 8 if entry.crc is None else f"{entry.crc:08x}"
        kind, text = "piece", f"{entry.range.start} {entry.range.stop} {crc}"
    return f"{kind} {text} {_check(f'{size} {file_id} {text}', 8)}".encode().ljust(RECORD_SIZE - 1) + b"\n"


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
    lines = (data[at : at + RECORD_SIZE] for at in range(0, len(data), RECORD_SIZE))
    told = [(line, _entry(line, size)) for line in lines]
    entries = [entry for line, entry in told if entry is not None and journal_record(file_id, size, entry) == line]
    pieces = tuple(entry for entry in entries if isinstance(entry, Piece))
    return Journal(file_id, size, pieces, count, tuple(entry for entry in entries if isinstance(entry, Mark)))


def worth_keeping(length: int, tail: bytes) -> bool:
    """Whether a later run could use something of a temporary file of `length` bytes that ends with `tail`."""
    journal = read_journal(length, tail)
    return journal is not None and bool(journal.pieces)


def came_already(error: B2Error, brought: LocalFact) -> bool:
    """Whether a download that could not take its place finds there what it brought: another one of the same version was
    sooner. That is a success, the same as if this one had been sooner and the other had replaced it.
    """
    return isinstance(error, LocalDrifted) and error.found == brought


def _entry(line: bytes, size: int) -> Piece | Mark | None:
    mark = _MARK.match(line)
    if mark is not None:
        return Mark(int(mark[1]), mark[2].decode()) if int(mark[1]) <= size else None
    piece = _PIECE.match(line)
    if piece is None or not int(piece[1]) < int(piece[2]) <= size:
        return None
    return Piece(ByteRange(int(piece[1]), int(piece[2])), None if piece[3] == b"-" * 8 else int(piece[3], 16))


def _check(text: str, digits: int) -> str:
    return hashlib.sha256(b"b2pure download journal " + text.encode()).hexdigest()[:digits]
