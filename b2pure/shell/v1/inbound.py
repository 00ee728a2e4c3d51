"""Downloads into destinations: the program of the core, its target, and who is told of it.

Rules. What the destinations of this interface stand for is written by the core itself: in pieces side by side, beside
the path, verified and renamed. A destination of somebody else, or a subclass, gets the bytes in order through its
`make_file_context`, as soon as the headers are there; what it raises comes out as it was raised.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from hashlib import sha1
from typing import Any, Final, TypeVar

from attrs import evolve, field, frozen
from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.downloads import Download, Downloaded, NamedFile, download_over
from b2pure.effects.effect import Credential, LocalError, Temp
from b2pure.effects.handlers import Api, Chunk, Disk, Heard, LocalTrouble, Reader, Sink, unheard
from b2pure.effects.program import ok
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall, GetFileInfo
from b2pure.model.errors import B2Error, LocalFailure
from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import DownloadReply
from b2pure.plan.listing import mod_time_of
from b2pure.shell.listeners import AbstractProgressListener, telling
from b2pure.shell.sources import LocalRange
from b2pure.shell.targets import open_target
from b2pure.shell.transfers import hearing
from b2pure.shell.v1.download_dest import (
    AbstractDownloadDestination,
    DownloadDestLocalFile,
    DownloadDestProgressWrapper,
    PreSeekedDownloadDest,
    Range,
)
from b2pure.shell.v1.error_table import Context
from b2pure.shell.v1.exceptions import InvalidRange, LocalFileError
from b2pure.shell.v1.session import B2Session, Work

__all__ = ["download"]

R = TypeVar("R")

_STREAMS: Final = 8
"""How many pieces of a long file are on their way at once."""


def download(
    session: B2Session,
    file: FileId | NamedFile,
    download_dest: AbstractDownloadDestination,
    progress_listener: AbstractProgressListener | None,
    range_: Range | None,
) -> dict[str, Any]:
    """Bring a file, or the bytes of it from the first to the last of `range_`, to a destination."""
    wanted = _wanted(range_)
    dest, listeners = _unwrapped(download_dest, progress_listener)
    job = Download(
        _name(file), "target", file, wanted=wanted, recommended=session.token().part_sizes.recommended, streams=_STREAMS
    )
    with ExitStack() as stack:
        target = _target(dest, range_, stack)
        told = [stack.enter_context(telling(listener)) for listener in listeners]
        heard = None
        for each in told:
            heard = hearing(heard, each.listener)
        job = evolve(job, path=target.path, in_order=target.in_order, in_place=target.in_place)
        work = Work(heard, target.disk, workers=_STREAMS, around=target.around, context=_context(file))
        result = session.outcome(download_over(job, session.retry), work)
        if target.raised() is not None:
            raise target.raised() or AssertionError
        if not ok(result):
            raise session.exception(_named(result.failure(), target.name), work.context) from None
        done = result.unwrap()
        _check_length(done, range_)
        for each in told:
            each.of(result, lambda got: got.length)
    facts = _facts(session, done, range_)
    target.finish(facts)
    return facts.as_dict()


def _wanted(range_: Range | None) -> ByteRange | None:
    if range_ is None:
        return None
    first, last = range_
    if not 0 <= first <= last:
        raise ValueError(f"a range is its first and its last byte, not {range_!r}")
    return ByteRange(first, last + 1)


def _check_length(done: Downloaded, range_: Range | None) -> None:
    if range_ is not None and done.length != range_[1] - range_[0] + 1:
        raise InvalidRange(done.length, range_)


def _name(file: FileId | NamedFile) -> str:
    return file.file_name if isinstance(file, NamedFile) else file


def _context(file: FileId | NamedFile) -> Context:
    if isinstance(file, NamedFile):
        return Context(file_name=file.file_name, bucket_name=file.bucket_name)
    return Context(file_id=file)


def _named(error: B2Error, name: str) -> B2Error:
    """The error with the path as the caller gave it."""
    return LocalFailure(error.operation, name, error.detail) if isinstance(error, LocalFailure) else error


def _unwrapped(
    dest: AbstractDownloadDestination, listener: AbstractProgressListener | None
) -> tuple[AbstractDownloadDestination, list[AbstractProgressListener]]:
    """The destination that takes the bytes, and everybody who wants to hear of it."""
    listeners = [] if listener is None else [listener]
    while type(dest) is DownloadDestProgressWrapper:
        listeners.append(dest.progress_listener)
        dest = dest.download_dest
    return dest, listeners


# -- what a file is, for dictionaries and destinations


@frozen
class _Facts:
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
    def of(cls, headers: DownloadReply, range_: Range | None) -> _Facts:
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


def _facts(session: B2Session, done: Downloaded, range_: Range | None) -> _Facts:
    if done.headers is not None:
        return _Facts.of(done.headers, range_)
    info = session.ask(GetFileInfo(done.version.file_id))  # everything had come with an earlier run
    return _Facts(
        done.version.file_id,
        info.file_name,
        done.length,
        info.content_type or "",
        info.content_sha1 or "none",
        dict(info.file_info),
        done.version.mod_time_millis,
        range_,
    )


# -- targets


@frozen(eq=False)
class _Target:
    """Where the core writes, and what is to be done around it."""

    disk: Disk
    name: str
    path: str
    in_order: bool
    in_place: bool
    finish: Callable[[_Facts], None]
    around: Callable[[Api], Api] = field(default=lambda api: api)
    raised: Callable[[], BaseException | None] = field(default=lambda: None)


def _target(dest: AbstractDownloadDestination, range_: Range | None, stack: ExitStack) -> _Target:
    if isinstance(dest, DownloadDestLocalFile) and _is_ours(dest, DownloadDestLocalFile):
        return _local(dest, stack)
    if isinstance(dest, PreSeekedDownloadDest) and _is_ours(dest, PreSeekedDownloadDest):
        return _placed(dest, stack)
    pour = _Pour(dest, range_)
    stack.push(pour.leave)
    return _Target(
        pour, "the destination", "target", True, False, pour.finish, lambda api: _Told(api, pour), lambda: pour.raised
    )


def _is_ours(dest: AbstractDownloadDestination, kind: type[AbstractDownloadDestination]) -> bool:
    """Whether it writes as we know it, and not as a subclass would have it."""
    mine = type(dest)
    return mine.make_file_context is kind.make_file_context and all(
        getattr(mine, name, None) is getattr(kind, name, None) for name in ("write_to_local_file_context", "MODE")
    )


def _local(dest: DownloadDestLocalFile, stack: ExitStack) -> _Target:
    path = os.path.abspath(dest.local_file_path)
    if os.path.isdir(path):
        raise LocalFileError(f"{dest.local_file_path} is a folder; add the name of the file")
    opened = open_target(path, "")
    return _opened(opened, dest.local_file_path, lambda facts: dest.remember(*facts.told()), stack)


def _placed(dest: PreSeekedDownloadDest, stack: ExitStack) -> _Target:
    opened = open_target(LocalRange(dest.local_file_path, dest.seek_target), "")

    def finish(facts: _Facts) -> None:
        dest.remember(*facts.told())
        dest.set_time(facts.mod_time_millis)

    return _opened(opened, dest.local_file_path, finish, stack)


def _opened(opened: Any, name: str, finish: Callable[[_Facts], None], stack: ExitStack) -> _Target:
    if not ok(opened):
        error = opened.failure()
        told = error.detail if isinstance(error, LocalFailure) else error.message
        raise LocalFileError(f"cannot write {name}: {told}")
    found = opened.unwrap()
    stack.enter_context(closing(found))
    return _Target(found.disk, name, found.path, found.in_order, found.in_place, finish)


class _Told:
    """An api that tells the headers of a download to whoever pours it."""

    def __init__(self, api: Api, pour: _Pour) -> None:
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


class _Pour(SimulatedDisk):
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

    def finish(self, facts: _Facts) -> None:
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
            context = self._dest.make_file_context(*_Facts.of(self._headers, self._range).told())
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
