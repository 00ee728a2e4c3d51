"""Where downloads go, as the numbered interface says it.

Rules. A destination of a caller's own gets its bytes by `make_file_context`, in order, once the headers are there. What
stands at a local path stays whole until the new content is whole. Each destination remembers what it got.
"""

from __future__ import annotations

import io
import os
from abc import ABCMeta, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from secrets import token_hex
from typing import IO, Any, Final, cast

from b2pure.model.names import temporary_name
from b2pure.shell.listeners import AbstractProgressListener
from b2pure.shell.v1.arguments import checked

__all__ = [
    "AbstractDownloadDestination",
    "DownloadDestBytes",
    "DownloadDestLocalFile",
    "DownloadDestProgressWrapper",
    "PreSeekedDownloadDest",
]

Range = tuple[int, int]
"""First and last byte, both inclusive."""

_NANOS_PER_MILLI: Final = 1_000_000


class AbstractDownloadDestination(metaclass=ABCMeta):
    """Interface to a destination for a downloaded file."""

    @abstractmethod
    def make_file_context(
        self,
        file_id: str,
        file_name: str,
        content_length: int,
        content_type: str,
        content_sha1: str,
        file_info: Mapping[str, str],
        mod_time_millis: int,
        range_: Range | None = None,
    ) -> AbstractContextManager[Any]:
        """Return a context manager that yields a binary file-like object to use for writing the contents of the file.

        `content_sha1` is "none" for large files, `mod_time_millis` the desired file modification date in ms since
        1970-01-01. `range_` has the first and the last byte of what is received; None means the whole file.
        """


class _Remembering(AbstractDownloadDestination):
    """A destination that keeps what it was told of the file."""

    file_id: str
    file_name: str
    content_length: int
    content_type: str
    content_sha1: str
    file_info: Mapping[str, str]
    mod_time_millis: int
    range_: Range | None

    def make_file_context(
        self,
        file_id: str,
        file_name: str,
        content_length: int,
        content_type: str,
        content_sha1: str,
        file_info: Mapping[str, str],
        mod_time_millis: int,
        range_: Range | None = None,
    ) -> AbstractContextManager[IO[bytes]]:
        """Keep what is told, and give the place to write to."""
        self.remember(
            file_id, file_name, content_length, content_type, content_sha1, file_info, mod_time_millis, range_
        )
        return self._place()

    def remember(
        self,
        file_id: str,
        file_name: str,
        content_length: int,
        content_type: str,
        content_sha1: str,
        file_info: Mapping[str, str],
        mod_time_millis: int,
        range_: Range | None = None,
    ) -> None:
        """Keep it."""
        self.file_id, self.file_name = file_id, file_name
        self.content_length, self.content_type, self.content_sha1 = content_length, content_type, content_sha1
        self.file_info, self.mod_time_millis, self.range_ = file_info, mod_time_millis, range_

    @abstractmethod
    def _place(self) -> AbstractContextManager[IO[bytes]]:
        """Where the content goes, once everything else is known."""


class DownloadDestLocalFile(_Remembering):
    """Store a downloaded file into a local file and sets its modification time."""

    MODE = "wb+"

    @checked()
    def __init__(self, local_file_path: str | os.PathLike[str]) -> None:
        """What is at the path is replaced when all is there and verified; until then it stays as it is. Its folder must
        be there, or the download raises LocalFileError.
        """
        self.local_file_path = os.fsdecode(local_file_path)

    def _place(self) -> AbstractContextManager[IO[bytes]]:
        """A file beside the path, which takes its place when all went well."""
        return self.write_to_local_file_context(self.mod_time_millis)

    @contextmanager
    def write_to_local_file_context(self, mod_time_millis: int) -> Iterator[IO[bytes]]:
        """A file to write to. What fails leaves the path as it was."""
        path = os.path.realpath(self.local_file_path)
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as device:
                yield device
            return
        folder = os.path.dirname(path)
        beside = os.path.join(folder, temporary_name(token_hex(4)))
        try:
            with open(beside, self.MODE) as file:
                yield cast(IO[bytes], file)
            os.utime(beside, ns=(mod_time_millis * _NANOS_PER_MILLI, mod_time_millis * _NANOS_PER_MILLI))
            os.replace(beside, path)
        except BaseException:
            if os.path.lexists(beside):
                os.unlink(beside)
            raise


class PreSeekedDownloadDest(DownloadDestLocalFile):
    """Store a downloaded file into a local file. Does not truncate the target file, seeks to a given offset just after
    opening a descriptor.
    """

    MODE = "rb+"

    @checked()
    def __init__(self, local_file_path: str | os.PathLike[str], seek_target: int) -> None:
        """The first byte goes to `seek_target`, in bytes from the start. Raises ValueError for one below 0."""
        if seek_target < 0:
            raise ValueError(f"seek_target cannot be below 0, as {seek_target} is")
        super().__init__(local_file_path)
        self._seek_target = seek_target

    @property
    def seek_target(self) -> int:
        """Where the first byte goes."""
        return self._seek_target

    @contextmanager
    def write_to_local_file_context(self, mod_time_millis: int) -> Iterator[IO[bytes]]:
        """The file, open at the place. What fails leaves what was written by then."""
        with open(self.local_file_path, self.MODE) as file:
            file.seek(self._seek_target)
            yield cast(IO[bytes], file)
        self.set_time(mod_time_millis)

    def set_time(self, mod_time_millis: int) -> None:
        """Give the file the time of what was written into it."""
        os.utime(self.local_file_path, ns=(mod_time_millis * _NANOS_PER_MILLI, mod_time_millis * _NANOS_PER_MILLI))


class DownloadDestBytes(_Remembering):
    """Store a downloaded file into bytes in memory."""

    def __init__(self) -> None:
        self.bytes_written: bytes | None = None

    def _place(self) -> AbstractContextManager[IO[bytes]]:
        """A buffer, whose content is kept when it is left."""
        return self.capture_bytes_context()

    @contextmanager
    def capture_bytes_context(self) -> Iterator[IO[bytes]]:
        """Remember the bytes written in self.bytes_written."""
        buffer = io.BytesIO()
        yield buffer
        self.bytes_written = buffer.getvalue()

    def get_bytes_written(self) -> bytes:
        """What was downloaded. Raises Exception when nothing was."""
        if self.bytes_written is None:
            raise Exception("data not written yet")
        return self.bytes_written


class DownloadDestProgressWrapper(AbstractDownloadDestination):
    """Wrap a DownloadDestination and report progress to a ProgressListener."""

    @checked()
    def __init__(self, download_dest: AbstractDownloadDestination, progress_listener: AbstractProgressListener) -> None:
        """`progress_listener` hears of what `download_dest` gets."""
        self.download_dest, self.progress_listener = download_dest, progress_listener

    def make_file_context(
        self,
        file_id: str,
        file_name: str,
        content_length: int,
        content_type: str,
        content_sha1: str,
        file_info: Mapping[str, str],
        mod_time_millis: int,
        range_: Range | None = None,
    ) -> AbstractContextManager[Any]:
        """What the wrapped destination gives, with an ear at it."""
        return self.write_file_and_report_progress_context(
            file_id, file_name, content_length, content_type, content_sha1, file_info, mod_time_millis, range_
        )

    def write_file_and_report_progress_context(
        self,
        file_id: str,
        file_name: str,
        content_length: int,
        content_type: str,
        content_sha1: str,
        file_info: Mapping[str, str],
        mod_time_millis: int,
        range_: Range | None,
    ) -> AbstractContextManager[Any]:
        """The same, for a subclass to do otherwise: `make_file_context` calls it."""
        inner = self.download_dest.make_file_context(
            file_id, file_name, content_length, content_type, content_sha1, file_info, mod_time_millis, range_
        )
        total = content_length if range_ is None else range_[1] - range_[0] + 1
        return self._told(inner, total)

    @contextmanager
    def _told(self, inner: AbstractContextManager[Any], total: int) -> Iterator[Any]:
        self.progress_listener.set_total_bytes(total)
        with self.progress_listener, inner as file:
            yield _Counting(file, self.progress_listener)


class _Counting:
    """A file that tells how much was written to it."""

    def __init__(self, file: Any, listener: AbstractProgressListener) -> None:
        self._file, self._listener, self._count = file, listener, 0

    def write(self, data: bytes) -> int:
        """Write, and tell."""
        written = self._file.write(data)
        self._count += len(data)
        self._listener.bytes_completed(self._count)
        return len(data) if written is None else int(written)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
