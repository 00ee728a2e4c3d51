"""Downloads into destinations: the program of the core, its target, and who is told of it.

Rules. What the destinations of this interface stand for is written by the core itself: in pieces side by side, beside
the path, verified and renamed. A destination of somebody else, or a subclass, gets the bytes in order through its
`make_file_context`, as soon as the headers are there; what it raises comes out as it was raised.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any, Final, TypeVar

from attrs import evolve, field, frozen
from returns.io import IOFailure, IOResult

from b2pure.effects.downloads import Download, Downloaded, NamedFile, download_over
from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Disk, Heard, Reader, Sink, unheard
from b2pure.effects.program import ok
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall, GetFileInfo
from b2pure.model.errors import B2Error, LocalFailure
from b2pure.model.ids import FileId
from b2pure.model.limits import RECOMMENDED_PART_SIZE
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import DownloadReply
from b2pure.shell.listeners import AbstractProgressListener, telling
from b2pure.shell.sources import LocalRange
from b2pure.shell.targets import open_target
from b2pure.shell.transfers import hearing
from b2pure.shell.v1.beginnings import BeginningOfWhole
from b2pure.shell.v1.carried import Carried
from b2pure.shell.v1.download_dest import (
    AbstractDownloadDestination,
    DownloadDestLocalFile,
    DownloadDestProgressWrapper,
    PreSeekedDownloadDest,
    Range,
)
from b2pure.shell.v1.error_table import Context
from b2pure.shell.v1.exceptions import InvalidRange, LocalFileError
from b2pure.shell.v1.own_methods import Originals
from b2pure.shell.v1.own_session import says_itself
from b2pure.shell.v1.pour import Facts, Pour, Told
from b2pure.shell.v1.session import Session, Work

__all__ = ["download"]

R = TypeVar("R")

_STREAMS: Final = 8
"""How many pieces of a long file are on their way at once."""


def download(
    session: Session,
    file: FileId | NamedFile,
    download_dest: AbstractDownloadDestination,
    progress_listener: AbstractProgressListener | None,
    range_: Range | None,
) -> dict[str, Any]:
    """Bring a file, or the bytes of it from the first to the last of `range_`, to a destination."""
    wanted = _wanted(range_)
    dest, listeners = _unwrapped(download_dest, progress_listener)
    recommended = session.token().part_sizes.recommended
    whole = range_ is None and says_itself(session, "download_file_from_url")
    if whole:
        recommended = max(recommended, RECOMMENDED_PART_SIZE)
    job = Download(_name(file), "target", file, wanted=wanted, recommended=recommended, streams=_STREAMS)
    with ExitStack() as stack:
        target = _target(dest, range_, stack)
        told = [stack.enter_context(telling(listener, enters=True)) for listener in listeners]
        heard = None
        for each in told:
            heard = hearing(heard, each.listener)
        job = evolve(job, path=target.path, in_order=target.in_order, in_place=target.in_place)
        work = Work(
            heard, target.disk, workers=_STREAMS, around=_around(target, range_, whole=whole), context=_context(file)
        )
        result = session.outcome(download_over(job, session.retry), work)
        raised = target.raised()
        if raised is not None:
            raise raised
        if not ok(result):
            raise session.exception(_named(result.failure(), target.name), work.context) from None
        done = result.unwrap()
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


def _around(target: _Target, range_: Range | None, *, whole: bool) -> Callable[[Api], Api]:
    """What is around the connection: a range has to be all there before anything is written. With `whole` the beginning
    of a file is asked for as b2sdk asks for it.
    """
    if whole:
        return lambda api: target.around(BeginningOfWhole(api))
    if range_ is None:
        return target.around
    return lambda api: _WholeRange(target.around(api), range_)


class _WholeRange:
    """An api whose answer is an error when the file ends within the range."""

    def __init__(self, api: Api, range_: Range) -> None:
        self._api, self._range = api, range_

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        return self._api.send(call, credential, reader)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        def hear(headers: DownloadReply) -> None:
            if headers.total_length <= self._range[1]:
                raise InvalidRange(headers.total_length - self._range[0], self._range)
            heard(headers)

        try:
            return self._api.fetch(call, authorization, sink, hear)
        except InvalidRange as short:
            return IOFailure(Carried(0, "InvalidRange", str(short), exception=short))


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
    while type(dest) is DownloadDestProgressWrapper and not _WRAPPER.any_replaced(dest):
        listeners.append(dest.progress_listener)
        dest = dest.download_dest
    return dest, listeners


# -- what a file is, for dictionaries and destinations


def _facts(session: Session, done: Downloaded, range_: Range | None) -> Facts:
    if done.headers is not None:
        return Facts.of(done.headers, range_)
    info = session.ask(GetFileInfo(done.version.file_id))  # everything had come with an earlier run
    return Facts(
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

# Where nobody replaced these, the core writes as it knows best.
_LOCAL: Final = Originals(DownloadDestLocalFile, ("make_file_context", "write_to_local_file_context", "MODE"))
_PLACED: Final = Originals(PreSeekedDownloadDest, ("make_file_context", "write_to_local_file_context", "MODE"))
_WRAPPER: Final = Originals(
    DownloadDestProgressWrapper, ("make_file_context", "write_file_and_report_progress_context")
)


@frozen(eq=False)
class _Target:
    """Where the core writes, and what is to be done around it."""

    disk: Disk
    name: str
    path: str
    in_order: bool
    in_place: bool
    finish: Callable[[Facts], None]
    around: Callable[[Api], Api] = field(default=lambda api: api)
    raised: Callable[[], BaseException | None] = field(default=lambda: None)


def _target(dest: AbstractDownloadDestination, range_: Range | None, stack: ExitStack) -> _Target:
    if isinstance(dest, PreSeekedDownloadDest) and not _PLACED.any_replaced(dest):
        return _placed(dest, stack)
    if isinstance(dest, DownloadDestLocalFile) and not _LOCAL.any_replaced(dest):  # one that is placed has its own
        return _local(dest, stack)
    pour = Pour(dest, range_)
    stack.push(pour.leave)
    return _Target(
        pour, "the destination", "target", True, False, pour.finish, lambda api: Told(api, pour), lambda: pour.raised
    )


def _local(dest: DownloadDestLocalFile, stack: ExitStack) -> _Target:
    path = os.path.abspath(dest.local_file_path)
    if os.path.isdir(path):
        raise LocalFileError(f"{dest.local_file_path} is a folder; add the name of the file")
    opened = open_target(path, "")
    return _opened(opened, dest.local_file_path, lambda facts: dest.remember(*facts.told()), stack)


def _placed(dest: PreSeekedDownloadDest, stack: ExitStack) -> _Target:
    opened = open_target(LocalRange(dest.local_file_path, dest.seek_target), "")

    def finish(facts: Facts) -> None:
        dest.remember(*facts.told())
        dest.set_time(facts.mod_time_millis)

    return _opened(opened, dest.local_file_path, finish, stack)


def _opened(opened: Any, name: str, finish: Callable[[Facts], None], stack: ExitStack) -> _Target:
    if not ok(opened):
        error = opened.failure()
        told = error.detail if isinstance(error, LocalFailure) else error.message
        raise LocalFileError(f"cannot write {name}: {told}")
    found = opened.unwrap()
    stack.enter_context(closing(found))
    return _Target(found.disk, name, found.path, found.in_order, found.in_place, finish)
