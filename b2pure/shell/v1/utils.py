"""The small functions of the numbered interface."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from typing import Final, Protocol
from urllib.parse import unquote_plus

from b2pure.effects.wire import header_encoded

__all__ = [
    "TempDir",
    "b2_url_decode",
    "b2_url_encode",
    "choose_part_ranges",
    "fix_windows_path_limit",
    "format_and_scale_fraction",
    "format_and_scale_number",
    "hex_sha1_of_bytes",
    "hex_sha1_of_stream",
]

_CHUNK_BYTES: Final = 1 << 20
_WINDOWS: Final = os.name == "nt"
_SCALES: Final = ("", "k", "M", "G", "T", "P", "E")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def b2_url_encode(s: str) -> str:
    """URL-encode a unicode string to be sent to B2 in an HTTP header."""
    return header_encoded(s)


def b2_url_decode(s: str) -> str:
    """Decode a Unicode string returned from B2 in an HTTP header."""
    return unquote_plus(s)


def choose_part_ranges(content_length: int, minimum_part_size: int) -> list[tuple[int, int]]:
    """Return a list of (offset, length) for the parts of a large file: at least two, as even as can be, the longer ones
    last. Raises ValueError for a file that has not two parts of that size.
    """
    if content_length < 2 * minimum_part_size or minimum_part_size < 1:
        raise ValueError(f"{content_length} bytes are not two parts of {minimum_part_size} or more")
    count = content_length // minimum_part_size
    short, longer = divmod(content_length, count)
    lengths = [short] * (count - longer) + [short + 1] * longer
    offsets = [number * short + max(0, number - (count - longer)) for number in range(count)]
    return list(zip(offsets, lengths, strict=True))


def fix_windows_path_limit(path: str) -> str:
    """Prefix paths when running on Windows to overcome 260 character path length limit."""
    if not _WINDOWS or path.startswith("\\\\?\\"):
        return path
    if path.startswith("\\\\"):
        return "\\\\?\\UNC\\" + path[2:]
    return "\\\\?\\" + (path if os.path.isabs(path) else os.path.abspath(path))


def format_and_scale_number(x: float, unit: str) -> str:
    """Pick a good scale for representing a number and format it: three digits, as `12.3 MB`."""
    divisor, scale, digits = _scale(x)
    return f"{x / divisor:.{digits}f} {scale}{unit}"


def format_and_scale_fraction(numerator: float, denominator: float, unit: str) -> str:
    """Pick a good scale for representing a fraction, that of the denominator, and format it: `0.1 / 12.3 MB`."""
    divisor, scale, digits = _scale(denominator)
    return f"{numerator / divisor:.{digits}f} / {denominator / divisor:.{digits}f} {scale}{unit}"


def _scale(x: float) -> tuple[float, str, int]:
    """What to divide by, what it is called, and the digits behind the point."""
    power = 0
    while x >= 1000 ** (power + 1) and power + 1 < len(_SCALES):
        power += 1
    scaled = x / 1000**power
    digits = 0 if power == 0 or scaled >= 100 else 1 if scaled >= 10 else 2
    return float(1000**power), _SCALES[power], digits


def hex_sha1_of_stream(input_stream: _Readable, content_length: int) -> str:
    """Return the 40-character hex SHA1 checksum of the first content_length bytes in the input stream. Raises
    ValueError when there are fewer.
    """
    digest = hashlib.sha1(usedforsecurity=False)
    left = content_length
    while left:
        chunk = input_stream.read(min(left, _CHUNK_BYTES))
        if not chunk:
            raise ValueError(f"content_length({content_length}) is more than the size of the file")
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def hex_sha1_of_bytes(data: bytes) -> str:
    """Return the 40-character hex SHA1 checksum of the data."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


class TempDir:
    """Context manager that creates and destroys a temporary directory."""

    def __enter__(self) -> str:
        """Return the unicode path to the temp dir."""
        self.dirpath = tempfile.mkdtemp()
        return self.dirpath

    def __exit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        shutil.rmtree(self.dirpath)
