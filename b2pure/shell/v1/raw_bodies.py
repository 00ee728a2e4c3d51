"""Bodies of uploads: a stream as the body of a call, and the body of a call as a stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from b2pure.effects.handlers import Chunk, LocalTrouble, Reader
from b2pure.effects.wire import DIGEST_LENGTH
from b2pure.model.calls import HEX_DIGITS_AT_END
from b2pure.model.errors import LocalFailure
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Body, StreamPiece, body_length
from b2pure.shell.v1.exceptions import InvalidArgument
from b2pure.shell.v1.raw_api import ReadableStream

__all__ = ["BodyStream", "OneStream"]

_CHUNK_BYTES: Final = 1 << 16


class OneStream:
    """The reader of one upload, whose bytes come from a stream that is read once."""

    def __init__(self, stream: ReadableStream, length: int, sha1: str) -> None:
        self._stream = stream
        self._digest_follows = sha1 == HEX_DIGITS_AT_END
        self._length = length - (DIGEST_LENGTH if self._digest_follows else 0)
        if self._length < 0:
            raise InvalidArgument("content_length", "is too short for the digest at the end")
        self.body: Body = StreamPiece(1, ByteRange(0, self._length))

    def read(self, body: Body) -> Iterator[bytes]:
        """The bytes of the stream, without the digest. Raises LocalTrouble when it is too short, or its digest is not
        that of its bytes.
        """
        digest = hashlib.sha1(usedforsecurity=False)
        yield from self._take(self._length, digest)
        if self._digest_follows:
            said = b"".join(self._take(DIGEST_LENGTH, hashlib.sha1(usedforsecurity=False)))
            if said.decode("latin-1").lower() != digest.hexdigest():
                raise LocalTrouble(LocalFailure("read", "the stream", "its digest is not that of its bytes"))

    def _take(self, length: int, digest: Any) -> Iterator[bytes]:
        left = length
        while left:
            chunk = self._stream.read(min(left, _CHUNK_BYTES))
            if not chunk:
                raise LocalTrouble(LocalFailure("read", "the stream", f"ends {left} bytes before its length"))
            digest.update(chunk)
            left -= len(chunk)
            yield chunk


class BodyStream:
    """The body of an upload as a file-like object that can be read again from its start."""

    def __init__(self, body: Body, reader: Reader) -> None:
        self._body, self._reader = body, reader
        self.length = body_length(body)
        self._rest, self._position = b"", 0
        self._chunks: Iterator[Chunk] = reader.read(body)

    def sha1(self) -> str:
        """The digest of the bytes in hex, for which they are read once. Raises LocalTrouble."""
        digest = hashlib.sha1(usedforsecurity=False)
        for chunk in self._reader.read(self._body):
            digest.update(chunk)
        return digest.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; less than `size` only at the end."""
        pieces, have = [self._rest], len(self._rest)
        while size < 0 or have < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            pieces.append(bytes(chunk))
            have += len(chunk)
        whole = b"".join(pieces)
        taken, self._rest = (whole, b"") if size < 0 else (whole[:size], whole[size:])
        self._position += len(taken)
        return taken

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = 0, /) -> int:
        """Back to the start, which is the only place to go."""
        if position or whence:
            raise OSError("an upload is only read from its start")
        self._rest, self._chunks, self._position = b"", self._reader.read(self._body), 0
        return 0
