"""The bytes of a download on their way to where they are written: counted, and digested where that is wanted."""

from __future__ import annotations

from hashlib import sha1
from zlib import crc32

from b2pure.effects.handlers import Chunk, Sink
from b2pure.model.replies import DownloadReply

__all__ = ["Arrived", "BodyTooLong", "Counted"]


class BodyTooLong(Exception):
    """More bytes came than there is room for."""


class Arrived:
    """Keeps what comes in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, chunk: Chunk) -> None:
        self.data += chunk


class _Nowhere:
    def write(self, chunk: Chunk) -> None:
        raise AssertionError("there is no sink yet")


class Counted:
    """Passes on to `sink` what comes, `most` bytes at most, and goes on with a CRC-32 if there is one."""

    def __init__(self, crc: int | None, wants_sha1: bool, most: int | None) -> None:
        self.sink: Sink = _Nowhere()
        self._digest = sha1(usedforsecurity=False) if wants_sha1 else None
        self._most = most
        self.headers: DownloadReply | None = None
        self.length = 0
        self.crc = crc

    def hear(self, headers: DownloadReply) -> None:
        """What the answer says of the body."""
        self.headers = headers

    def write(self, chunk: Chunk) -> None:
        """Pass the next bytes on. Raises LocalTrouble, BodyTooLong."""
        if self._most is not None and self.length + len(chunk) > self._most:
            raise BodyTooLong
        self.sink.write(chunk)
        self.length += len(chunk)
        if self.crc is not None:
            self.crc = crc32(chunk, self.crc)
        if self._digest is not None:
            self._digest.update(chunk)

    def sha1(self) -> str | None:
        """Hex SHA-1 of what came, if it was wanted."""
        return None if self._digest is None else self._digest.hexdigest()
