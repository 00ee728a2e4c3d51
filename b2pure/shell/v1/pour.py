"""A destination of somebody's own as the one file of a disk: written in order, by what its context gives.

Rules. Its context is entered when the first byte comes, or at the end of a file without any, and left once: when all is
there and verified, or with what went wrong. What it raises is kept, to be raised again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha1
from typing import Any, TypeVar

from attrs import frozen
from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.effect import Credential, LocalError, Temp
from b2pure.effects.handlers import Api, Chunk, Heard, LocalTrouble, Reader, Sink, unheard
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error, LocalFailure
from b2pure.model.files import LocalFact
from b2pure.model.replies import DownloadReply
from b2pure.plan.listing import mod_time_of
from b2pure.shell.v1.download_dest import AbstractDownloadDestination, Range

__all__ = ["Facts", "Pour", "Told"]

R = TypeVar("R")


@frozen
class Facts:
    """What is told of a downloaded file. `content_length` is that of what was received."""

    file_id: str
    file_name: str
    content_length: int
    content_type: str
    content_sha1: str
    file_info: dict[str, str]
    mod_time_millis: int
    range_: Range | None

    @classmethod
    def of(cls, headers: DownloadReply, range_: Range | None) -> Facts:
        """What the headers of an answer tell."""
        length = headers.total_length
        if range_ is not None:
            length = max(0, min(range_[1] + 1, length) - range_[0])
        info = dict(headers.file_info)
        return cls(
            headers.file_id,
            headers.file_name,
            length,
            headers.content_type,
            headers.content_sha1 or "none",
            info,
            mod_time_of(info, headers.upload_timestamp),
            range_,
        )

    def as_dict(self) -> dict[str, Any]:
        """What a download gives back."""
        return {
            "fileId": self.file_id,
            "fileName": self.file_name,
            "contentType": self.content_type,
            "contentLength": self.content_length,
            "contentSha1": self.content_sha1,
            "fileInfo": self.file_info,
        }

    def told(self) -> tuple[Any, ...]:
        """The arguments of `make_file_context`."""
        return (
            self.file_id,
            self.file_name,
            self.content_length,
            self.content_type,
            self.content_sha1,
            self.file_info,
            self.mod_time_millis,
            self.range_,
        )


class Told:
    """An api that tells the headers of a download to whoever pours it."""

    def __init__(self, api: Api, pour: Pour) -> None:
        self._api, self._pour = api, pour

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        return self._api.send(call, credential, reader)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        def hear(headers: DownloadReply) -> None:
            heard(headers)
            self._pour.hear(headers)

        return self._api.fetch(call, authorization, sink, hear)


class Pour(SimulatedDisk):
    """A disk of one file, which is what a destination's context gives: written in one stretch, and hashed meanwhile."""

    def __init__(self, dest: AbstractDownloadDestination, range_: Range | None) -> None:
        super().__init__()
        self._dest, self._range = dest, range_
        self._context: AbstractContextManager[Any] | None = None
        self._file: Any = None
        self._headers: DownloadReply | None = None
        self._digest = sha1(usedforsecurity=False)
        self.raised: BaseException | None = None

    def hear(self, headers: DownloadReply) -> None:
        """The headers of the first answer: now it is known where the bytes go."""
        self._headers = self._headers or headers

    def finish(self, facts: Facts) -> None:
        """Everything was told to the destination already."""

    def leave(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        """Leave the destination's context, if it was not yet, because the download failed."""
        context, self._context = self._context, None
        if context is not None:
            context.__exit__(kind, error, trace)
        return False

    def _open(self) -> Any:
        """The file of the destination's context."""
        if self._context is None:
            assert self._headers is not None, "headers come before the first byte"
            context = self._dest.make_file_context(*Facts.of(self._headers, self._range).told())
            if not hasattr(context, "__enter__"):
                label = f"{type(self._dest).__name__}.make_file_context()"
                raise TypeError(f"{label} must give a context manager, not {type(context).__name__}")
            self._file = context.__enter__()
            self._context = context
        return self._file

    # -- what programs do with it

    def create_temp(self, path: str, *, resume: bool = False) -> IOResult[Temp, LocalFailure]:
        return IOSuccess(Temp(path, path))

    @contextmanager
    def sink(self, temp: Temp, offset: int) -> Iterator[Sink]:
        yield self

    def write(self, chunk: Chunk) -> None:
        """The next bytes. Raises LocalTrouble."""
        data = bytes(chunk)  # of its own: nobody knows what the file does with it
        self._digest.update(data)
        try:
            file = self._open()
            while data:
                written = file.write(data)
                data = data[written:] if isinstance(written, int) and written < len(data) else b""
        except Exception as error:
            self.raised = error
            raise LocalTrouble(LocalFailure("write", "the destination", type(error).__name__)) from error

    def sha1_temp(self, temp: Temp, until: int | None = None) -> IOResult[str, LocalFailure]:
        return IOSuccess(self._digest.hexdigest())

    def publish(
        self, temp: Temp, mod_time_millis: int, expect: LocalFact | None, length: int | None = None
    ) -> IOResult[None, LocalError]:
        """Everything is there and verified: leave the context."""
        try:
            self._open()
            context, self._context = self._context, None
            assert context is not None
            context.__exit__(None, None, None)
        except Exception as error:
            self.raised = error
            return IOFailure(LocalFailure("write", "the destination", type(error).__name__))
        return IOSuccess(None)

    def discard(self, temp: Temp) -> None:
        """There is nothing to remove: `leave` tells the context of the failure."""

    def keep(self, temp: Temp) -> None:
        """There is nothing to keep for later."""
