"""Where the bytes of new files come from, as the numbered interface says it.

Rules. A source can be opened again and again, and gives the same bytes each time; never more than its length is read of
it. A local file is pinned to its size when the source is made: one that changes is named, and never sent. A digest that
a caller gives is checked, not believed.
"""

from __future__ import annotations

import io
import os
from abc import ABC, ABCMeta, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from hashlib import sha1
from typing import IO, Final, cast

from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.exceptions import InvalidUploadSource
from b2pure.shell.v1.opened import RangeOfStream, closing_if_it_can, read_bytes
from b2pure.shell.v1.utils import hex_sha1_of_bytes, hex_sha1_of_stream

__all__ = [
    "AbstractUploadSource",
    "CopySource",
    "LocalFileUploadSource",
    "LocalUploadSource",
    "OutboundTransferSource",
    "RemoteFileUploadSource",
    "RemoteUploadSource",
    "StreamOpener",
    "UploadSource",
    "UploadSourceBytes",
    "UploadSourceLocalFile",
    "UploadSourceLocalFileRange",
    "UploadSourceStream",
    "UploadSourceStreamRange",
    "WriteIntent",
]

_CHUNK_BYTES: Final = 1 << 20


class OutboundTransferSource(metaclass=ABCMeta):
    """Abstract class for defining outbound transfer sources."""

    @abstractmethod
    def get_content_length(self) -> int | None:
        """Return the number of bytes of data in the file."""

    @abstractmethod
    def is_upload(self) -> bool:
        """Return if outbound source is an upload source."""

    @abstractmethod
    def is_copy(self) -> bool:
        """Return if outbound source is a copy source."""


class AbstractUploadSource(OutboundTransferSource):
    """The source of data for uploading to b2."""

    @abstractmethod
    def get_content_length(self) -> int:
        """Return the number of bytes of data in the file."""

    @abstractmethod
    def get_content_sha1(self) -> str | None:
        """Return a 40-character string containing the hex SHA1 checksum of the data in the file."""

    @abstractmethod
    def open(self) -> IO[bytes]:
        """Return a binary file-like object from which the data can be read. It is called again when the data has to be
        read again.
        """

    def is_upload(self) -> bool:
        """Return if outbound source is an upload source."""
        return True

    def is_copy(self) -> bool:
        """Return if outbound source is a copy source."""
        return False

    def is_sha1_known(self) -> bool:
        """Whether the digest is known without reading the data."""
        return False


class UploadSourceBytes(AbstractUploadSource):
    """Bytes in memory."""

    @checked()
    def __init__(self, data_bytes: bytes, content_sha1: str | None = None) -> None:
        """`content_sha1` is their SHA-1 in hex, if it is known: then the bytes are compared with it."""
        if not isinstance(data_bytes, bytes | bytearray | memoryview):
            raise TypeError(f"bytes are uploaded, not {type(data_bytes).__name__}")  # bytes(7) would be seven zeros
        self.data_bytes = bytes(data_bytes)
        self.content_sha1 = content_sha1

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.data_bytes)} bytes>"

    def get_content_length(self) -> int:
        return len(self.data_bytes)

    def get_content_sha1(self) -> str:
        return self.content_sha1 or hex_sha1_of_bytes(self.data_bytes)

    def open(self) -> IO[bytes]:
        return io.BytesIO(self.data_bytes)

    def is_sha1_known(self) -> bool:
        return self.content_sha1 is not None


class UploadSourceLocalFile(AbstractUploadSource):
    """A local file. Raises InvalidUploadSource when there is no such file."""

    @checked()
    def __init__(self, local_path: str | os.PathLike[str], content_sha1: str | None = None) -> None:
        """`content_sha1` is its SHA-1 in hex, if it is known: then the content is compared with it."""
        self.local_path = os.fsdecode(local_path)
        self.content_sha1 = content_sha1
        self.content_length = self.check_path_and_get_size()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.local_path!r} of {self.content_length} bytes>"

    def check_path_and_get_size(self) -> int:
        """Bytes that the file has."""
        if not os.path.isfile(self.local_path):
            raise InvalidUploadSource(self.local_path)
        return os.path.getsize(self.local_path)

    def get_content_length(self) -> int:
        return self.content_length

    def get_content_sha1(self) -> str:
        if self.content_sha1 is not None:
            return self.content_sha1
        with closing(self.open()) as stream:
            return hex_sha1_of_stream(stream, self.content_length)

    def open(self) -> IO[bytes]:
        return open(self.local_path, "rb")

    def is_sha1_known(self) -> bool:
        return self.content_sha1 is not None


class UploadSourceLocalFileRange(UploadSourceLocalFile):
    """`length` bytes of a local file from `offset` on; all of the rest by default. Raises ValueError past its end."""

    @checked()
    def __init__(
        self,
        local_path: str | os.PathLike[str],
        content_sha1: str | None = None,
        offset: int = 0,
        length: int | None = None,
    ) -> None:
        """`offset` and `length` are bytes; `content_sha1` is the SHA-1 of the range in hex, if it is known."""
        super().__init__(local_path, content_sha1)
        self.file_size = self.content_length
        self.offset = offset
        rest = self.file_size - offset
        self.content_length = rest if length is None else length
        if offset < 0 or not 0 <= self.content_length <= rest:
            wanted = "those" if length is None else f"all of the {length}"
            raise ValueError(f"{self.local_path!r} has {self.file_size} bytes, but not {wanted} from {offset} on")

    def open(self) -> IO[bytes]:
        return cast(IO[bytes], RangeOfStream(super().open(), self.offset, self.content_length))


class StreamOpener(ABC):
    """Opens a stream as often as it is called, and cleans up after the job that needed it."""

    @abstractmethod
    def __call__(self) -> IO[bytes]:
        """A binary file-like object that is open for reading."""

    def cleanup(self) -> None:  # noqa: B027 (most have nothing to clean up)
        """Clean up, whatever came of the job: what is kept in memory so that a second attempt need not fetch it again,
        for example data downloaded from an external source.
        """


class UploadSourceStream(AbstractUploadSource):
    """What `stream_opener` gives, a binary file-like object each time it is called. Length and digest are found by
    reading it once where they are not given. A `StreamOpener` is told when it is not needed any more.
    """

    @checked()
    def __init__(
        self,
        stream_opener: Callable[[], IO[bytes]],
        stream_length: int | None = None,
        stream_sha1: str | None = None,
    ) -> None:
        """`stream_length` is bytes, `stream_sha1` hex. Raises ValueError for a length below 0. A stream that has fewer
        is refused when it is uploaded, as InvalidUploadSource; and so is one that has more, if it can seek.
        """
        if stream_length is not None and stream_length < 0:
            raise ValueError(f"stream_length cannot be below 0, as {stream_length} is")
        self.stream_opener = stream_opener
        self._content_length, self._content_sha1 = stream_length, stream_sha1
        self._told_sha1 = stream_sha1 is not None

    def get_content_length(self) -> int:
        if self._content_length is None:
            self._read_once()
        assert self._content_length is not None
        return self._content_length

    def get_content_sha1(self) -> str:
        if self._content_sha1 is None:
            self._read_once()
        assert self._content_sha1 is not None
        return self._content_sha1

    def open(self) -> IO[bytes]:
        return self.stream_opener()

    def is_sha1_known(self) -> bool:
        return self._content_sha1 is not None

    def _read_once(self) -> None:
        digest, length = sha1(usedforsecurity=False), 0
        with closing_if_it_can(self.open()) as stream:
            while chunk := read_bytes(self, stream, _left(self._content_length, length)):
                digest.update(chunk)
                length += len(chunk)
        self._content_length, self._content_sha1 = length, digest.hexdigest()


def _left(length: int | None, at: int) -> int:
    return _CHUNK_BYTES if length is None else min(_CHUNK_BYTES, length - at)


class UploadSourceStreamRange(UploadSourceStream):
    """`stream_length` bytes of a longer stream, from `offset` on, where the stream can seek to; all of the rest by
    default.
    """

    @checked()
    def __init__(
        self,
        stream_opener: Callable[[], IO[bytes]],
        offset: int,
        stream_length: int | None = None,
        stream_sha1: str | None = None,
    ) -> None:
        super().__init__(stream_opener, stream_length, stream_sha1)
        if offset < 0:
            raise ValueError(f"offset cannot be below 0, as {offset} is")
        self._offset, self._only = offset, stream_length

    def open(self) -> IO[bytes]:
        stream = super().open()
        if self._only is not None:
            return cast(IO[bytes], RangeOfStream(stream, self._offset, self._only))
        stream.seek(self._offset)
        return stream


class CopySource(OutboundTransferSource):
    """`length` bytes from `offset` on of a file in B2. Without a length it can be copied only as a whole."""

    @checked()
    def __init__(self, file_id: str, offset: int = 0, length: int | None = None) -> None:
        if offset < 0 or (length is not None and length < 0):
            raise ValueError("neither offset nor length can be below 0")
        if length is None and offset > 0:
            raise ValueError("Cannot copy with non zero offset and unknown length")
        self.file_id, self.offset, self.length = file_id, offset, length

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.file_id!r} offset={self.offset} length={self.length}>"

    def get_content_length(self) -> int | None:
        return self.length

    def is_upload(self) -> bool:
        return False

    def is_copy(self) -> bool:
        return True

    def get_bytes_range(self) -> tuple[int, int] | None:
        """First and last byte, both inclusive; None for all of it."""
        return None if self.length is None else (self.offset, self.offset + self.length - 1)

    def get_copy_source_range(self, relative_offset: int, range_length: int) -> CopySource:
        """A range of this range. Raises ValueError past its end."""
        if self.length is not None and relative_offset + range_length > self.length:
            raise ValueError("Range length overflow source length")
        return CopySource(self.file_id, self.offset + relative_offset, range_length)


UploadSource = AbstractUploadSource
LocalUploadSource = UploadSourceLocalFile
LocalFileUploadSource = UploadSourceLocalFile
RemoteUploadSource = CopySource
RemoteFileUploadSource = CopySource
"""As the guides call them."""


class WriteIntent:
    """Wrapper for outbound source that defines destination offset. `data` is how the guides call the source."""

    @checked()
    def __init__(
        self,
        outbound_source: OutboundTransferSource | None = None,
        destination_offset: int = 0,
        *,
        data: OutboundTransferSource | None = None,
    ) -> None:
        source = data if outbound_source is None else outbound_source
        if source is None or (data is not None and outbound_source is not None):
            raise TypeError("a write intent has one source: outbound_source, or data")
        if source.get_content_length() is None:
            raise ValueError("Cannot wrap outbound source with unknown length")
        self.outbound_source, self.destination_offset = source, destination_offset

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.outbound_source!r} destination_offset={self.destination_offset}>"

    @property
    def length(self) -> int:
        """Length of the write intent."""
        length = self.outbound_source.get_content_length()
        assert length is not None, "it was asked for when the intent was made"
        return length

    @property
    def destination_end_offset(self) -> int:
        """Offset of source end in destination file."""
        return self.destination_offset + self.length

    def is_copy(self) -> bool:
        """States if outbound source is remote source and requires copying."""
        return self.outbound_source.is_copy()

    def is_upload(self) -> bool:
        """States if outbound source is local source and requires uploading."""
        return self.outbound_source.is_upload()

    @classmethod
    def wrap_sources_iterator(
        cls, outbound_sources_iterator: Iterable[OutboundTransferSource]
    ) -> Iterator[WriteIntent]:
        """Helper that wraps outbound sources iterator with write intents, one after the other."""
        offset = 0
        for source in outbound_sources_iterator:
            intent = cls(source, destination_offset=offset)
            yield intent
            offset = intent.destination_end_offset
