"""Single downloads: a file in B2, or a range of it, to a path, an open file, a pipe, or bytes."""

from __future__ import annotations

import os
from contextlib import closing

from attrs import evolve
from returns.result import Failure, Result, Success

from b2pure.effects.downloads import Download, Downloaded, Known, NamedFile, download_over
from b2pure.effects.interpreter import Listener
from b2pure.effects.program import ok
from b2pure.effects.requests import request
from b2pure.model.calls import GetFileInfo
from b2pure.model.errors import InvalidArgument, LocalDrifted, LocalFailure
from b2pure.model.files import FileVersion
from b2pure.model.ids import FileId
from b2pure.model.protection import SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply
from b2pure.plan.listing import version_of
from b2pure.shell.arguments import checked_arguments
from b2pure.shell.listeners import AbstractProgressListener, telling
from b2pure.shell.sources import Opened
from b2pure.shell.targets import Memory, OpenedTarget, Target, is_folder, open_target
from b2pure.shell.transfer_arguments import B2Source, TransferError, last_segment, parse_b2_file
from b2pure.shell.transfers import Transfers, hearing

__all__ = ["Downloads"]

_STREAMS = 4


class Downloads(Transfers):
    """What a client downloads."""

    @checked_arguments(source="in_b2", encryption="key")
    def download(
        self,
        source: B2Source,
        target: Target,
        *,
        wanted: ByteRange | None = None,
        verify: bool = True,
        encryption: SseC | None = None,
        streams: int = _STREAMS,
        listener: Listener | None = None,
        progress_listener: AbstractProgressListener | None = None,
    ) -> Result[Downloaded, TransferError]:
        """Bring a file in B2 to `target`, or only the `wanted` bytes of it.

        A source is `b2://bucket/name` (its newest version), `b2id://fileId`, or what a listing gave. A target is a path
        (`-` for standard output), an open file, which is written from where it stands, a pipe, any object with `write`,
        or a `LocalRange`: a place in an existing file. What is at a path stays as it is until the new content is whole
        and verified; a long download that is interrupted goes on where it was when it is run again. The content is
        verified by its SHA-1, if anybody recorded one, unless `verify` is False; ranges have none. `streams` pieces of
        a long file are on their way at once. `listener` hears every event, `progress_listener` how many bytes are
        there.
        """
        job = _job(source, wanted, verify, encryption)
        if not ok(job):
            return Failure(job.failure())
        named = self._name_for(source, target)
        if not ok(named):
            return Failure(named.failure())
        opened = open_target(target, named.unwrap())
        if not ok(opened):
            return Failure(opened.failure())
        found = opened.unwrap()
        with closing(found), telling(progress_listener) as told:
            result = self._download(evolve(job.unwrap(), streams=streams), found, hearing(listener, told.listener))
            return told.of(result, lambda done: done.length)

    @checked_arguments(source="in_b2", encryption="key")
    def read(
        self,
        source: B2Source,
        *,
        wanted: ByteRange | None = None,
        verify: bool = True,
        encryption: SseC | None = None,
        listener: Listener | None = None,
        progress_listener: AbstractProgressListener | None = None,
    ) -> Result[bytes, TransferError]:
        """The content of a file in B2, or the `wanted` bytes of it, in memory."""
        job = _job(source, wanted, verify, encryption)
        if not ok(job):
            return Failure(job.failure())
        memory = Memory()
        with telling(progress_listener) as told:
            heard = hearing(listener, told.listener)
            done = self._download(job.unwrap(), OpenedTarget(memory, "memory", in_order=True, rewinds=True), heard)
            return told.of(done, lambda got: got.length).map(lambda _: memory.content.getvalue())

    def _name_for(self, source: B2Source, target: Target) -> Result[str, TransferError]:
        """What the file is called in a folder; B2 is asked where only it knows, and somebody wants to know."""
        name = _name_of(source)
        if name or not isinstance(target, str | os.PathLike) or not is_folder(os.fspath(target)):
            return Success(name)
        if isinstance(source, str) and not source.startswith("b2id://"):
            return Success(name)  # a folder in B2, which is refused as such
        file_id = source.file_id if not isinstance(source, str) else FileId(source.removeprefix("b2id://"))
        if not file_id:
            return Success(name)
        return self._query(request(GetFileInfo(file_id), self._retry)).map(lambda info: last_segment(info.file_name))

    def _download(
        self, job: Download, target: OpenedTarget, listener: Listener | None
    ) -> Result[Downloaded, TransferError]:
        sizes = self._sizes(None, stream=False)
        if not ok(sizes):
            return Failure(sizes.failure())
        job = evolve(
            job,
            path=target.path,
            in_order=target.in_order,
            rewinds=target.rewinds,
            in_place=target.in_place,
            recommended=sizes.unwrap().recommended,
        )
        result = self._transfer(download_over(job, self._retry), Opened(), listener, disk=target.disk)
        return result.alt(lambda error: _named(error, target.name))


def _job(
    source: B2Source, wanted: ByteRange | None, verify: bool, key: SseC | None
) -> Result[Download, InvalidArgument]:
    if wanted is not None and not wanted.length:
        return Failure(InvalidArgument("wanted", "is a range of no bytes"))
    job = Download(str(_name_of(source)), "target", FileId(""), wanted=wanted, verify=verify, key=key)
    if isinstance(source, FileReply):
        version = version_of(source)
        if version is None or version.action == "hide":
            return Failure(InvalidArgument("source", f"is {source.action!r}, not a file with content"))
        source = version
    if isinstance(source, FileVersion):
        known = Known(source.file_id, source.size, source.sha1, source.mod_time_millis)
        return Success(evolve(job, file=source.file_id, known=known, label=job.label or source.file_id))
    if source.startswith("b2id://"):
        file_id = FileId(source.removeprefix("b2id://"))
        if not file_id:
            return Failure(InvalidArgument("source", "has no file id; write b2id://fileId"))
        return Success(evolve(job, file=file_id, label=file_id))
    parsed = parse_b2_file(source)
    if not ok(parsed):
        return Failure(parsed.failure())
    name = parsed.unwrap()
    if not name.file_name or name.file_name.endswith("/"):
        return Failure(InvalidArgument("source", f"{source} is a folder; name a file in it, or sync the folder"))
    return Success(evolve(job, file=NamedFile(name.bucket_name, name.file_name)))


def _name_of(source: B2Source) -> str:
    """What a file is called in a folder, where the source tells."""
    if isinstance(source, FileVersion):
        return ""
    if isinstance(source, FileReply):
        return last_segment(source.file_name)
    return "" if source.startswith("b2id://") else last_segment(source.rpartition("/")[2])


def _named(error: TransferError, name: str) -> TransferError:
    """The error with the path as the caller gave it."""
    match error:
        case LocalFailure(operation, _, detail):
            return LocalFailure(operation, name, detail)
        case LocalDrifted(_, expected, found):
            return LocalDrifted(name, expected, found)
        case _:
            return error
