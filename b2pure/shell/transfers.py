"""Single files: upload, copy, and the clean-up of what an upload left unfinished.

What people give (paths, open files, `b2://bucket/name`) becomes data (`transfer_arguments`); programs of
`b2pure.effects` do the work.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any, Final, TypeVar

from returns.result import Failure, Result, Success

from b2pure.effects.bodies import Bodies
from b2pure.effects.cleanups import CleanupReport, clean_up, look_for_unfinished
from b2pure.effects.copies import Copy, copy_file
from b2pure.effects.driver import DriverFactory
from b2pure.effects.events import Event, LargeFileBegun, Sized
from b2pure.effects.handlers import Api, Clock, Disk
from b2pure.effects.interpreter import Interpreter, Listener
from b2pure.effects.job import B2Side
from b2pure.effects.listings import find_bucket, fresh_versions
from b2pure.effects.machines import Machines
from b2pure.effects.program import Program, ok
from b2pure.effects.requests import authorization, measured_clock, request
from b2pure.effects.room import ROOM
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.uploads import Upload, upload_body, upload_stream
from b2pure.model.calls import GetFileInfo
from b2pure.model.errors import B2Error, InvalidArgument, Rejected
from b2pure.model.files import FileVersion
from b2pure.model.ids import BucketId, FileId
from b2pure.model.limits import MAX_PART_SIZE, PartSizes
from b2pure.model.names import b2_name_problem
from b2pure.model.new_file import NewFile
from b2pure.model.protection import SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply
from b2pure.model.sources import body_length
from b2pure.plan.cleanup import CleanupPlan, plan_cleanup
from b2pure.plan.concurrency import Workers
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.arguments import checked_arguments
from b2pure.shell.forks import renewed_after_fork
from b2pure.shell.listeners import AbstractProgressListener, telling
from b2pure.shell.sources import FileSlices, Opened, Source, open_source
from b2pure.shell.transfer_arguments import (
    B2Source,
    TransferError,
    UploadJob,
    last_segment,
    new_file,
    parse_b2_file,
    promised_sha1,
    resume_of,
    sizes_to_copy,
    sizes_to_send,
)

__all__ = ["Transfers", "hearing"]

T = TypeVar("T")

_STREAM_PART: Final = 10_000_000
"""Bytes of a piece of a stream at first: so many for each that is on its way are kept in memory."""


class Transfers:
    """What a client does with single files. `workers` parts are on their way at once."""

    def __init__(
        self, api: Api, clock: Clock, machines: Machines, drivers: DriverFactory, workers: Workers, retry: RetryPolicy
    ) -> None:
        self._api, self._clock, self._machines = api, clock, renewed_after_fork(machines)
        self._drivers, self._workers, self._retry = drivers, workers, retry

    @checked_arguments(encryption="encryption")
    def upload(
        self,
        source: Source,
        dest: str,
        new: NewFile | None = None,
        *,
        length: int | None = None,
        sha1: str | None = None,
        mod_time_millis: int | None = None,
        part_size: int | None = None,
        resume: bool | FileId = True,
        append: bool = False,
        whole_sha1: bool = True,
        listener: Listener | None = None,
        progress_listener: AbstractProgressListener | None = None,
        on_large_file: Callable[[LargeFileBegun], None] | None = None,
        **choices: Any,
    ) -> Result[FileReply, TransferError]:
        """Make `source` a new version of `b2://bucket/name`; after a `/` the name of the local file is added.

        A source is a path, `-`, bytes, an open file, a pipe, a `LocalRange`, or a list of these. What the file is made
        with is one value or its fields (`content_type="text/plain"`). `length` and `sha1` (hex) are what the content
        must turn out to have. A large file goes on where an earlier run stopped (`resume`; a file id names the one,
        False starts anew); of a stream that begins as it did, the pieces that B2 has are not sent again. Who hears of
        its id (`on_large_file`) keeps it: it is not cancelled, whatever goes wrong. With `append` a version in B2 that
        is the beginning of the source is copied there, and only the rest is sent. Without `whole_sha1` a large file
        tells no SHA-1 of the whole (`large_file_sha1`): each part is hashed as it is sent, so the source is read once
        and not twice, but who downloads the file cannot check it by that. `part_size` is bytes. `listener` hears every
        event, `progress_listener` how many bytes are there.
        """
        made = new_file(new, choices)
        if not ok(made):
            return Failure(made.failure())
        promised = promised_sha1(sha1, made.unwrap())
        if not ok(promised):
            return Failure(promised.failure())
        digest = promised.unwrap()
        if digest is not None and not whole_sha1:
            return Failure(InvalidArgument("whole_sha1", "is False, but the SHA-1 of the whole is given"))
        opened = open_source(source, length=length, sha1=digest)
        if not ok(opened):
            return Failure(opened.failure())
        found = opened.unwrap()
        told_of = on_large_file is not None
        job = UploadJob(
            found,
            dest,
            made.unwrap(),
            length,
            digest,
            mod_time_millis,
            part_size,
            resume,
            append,
            whole_sha1,
            told_of,
        )
        with closing(found), telling(progress_listener) as told:
            result = self._upload(job, hearing(listener, told.listener, on_large_file))
            return told.of(result, lambda reply: reply.content_length)

    def _upload(self, job: UploadJob, listener: Listener | None) -> Result[FileReply, TransferError]:
        target = self._target(job.dest, job.opened.name)
        if not ok(target):
            return Failure(target.failure())
        bucket_id, name = target.unwrap()
        sizes = self._sizes(job.part_size, stream=job.opened.stream is not None)
        if not ok(sizes):
            return Failure(sizes.failure())
        if job.opened.stream is not None:
            if listener is not None and job.length is not None:
                listener(Sized(name, job.length))
            program = upload_stream(job.stream_upload(bucket_id, name, sizes.unwrap()), self._retry)
            return self._transfer(program, job.opened, listener)
        body = job.opened.body
        assert body is not None, "a source is a body or a stream"
        size = body_length(body)
        if job.length not in (None, size):
            return Failure(InvalidArgument("length", f"is {job.length}, but the source has {size} bytes"))
        if listener is not None:
            listener(Sized(name, size))
        present = self._present(bucket_id, name) if job.append else Success(None)
        if not ok(present):
            return Failure(present.failure())
        upload = Upload(
            name,
            bucket_id,
            name,
            body,
            job.new,
            job.mod_time,
            sizes_to_send(size, sizes.unwrap(), present.unwrap(), job.resume),
            job.sha1,
            present.unwrap(),
            job.how_to_resume(),
            job.whole_sha1,
        )
        return self._transfer(upload_body(upload, self._retry), job.opened, listener)

    @checked_arguments(source="in_b2", encryption="encryption")
    def copy(
        self,
        source: B2Source,
        dest: str,
        new: NewFile | None = None,
        *,
        wanted: ByteRange | None = None,
        source_encryption: SseC | None = None,
        max_part_size: int = MAX_PART_SIZE,
        resume: bool | FileId = True,
        listener: Listener | None = None,
        progress_listener: AbstractProgressListener | None = None,
        on_large_file: Callable[[LargeFileBegun], None] | None = None,
        **choices: Any,
    ) -> Result[FileReply, TransferError]:
        """Make a version in B2, or a range of it, a new version of `b2://bucket/name`, on the server.

        The copy has the type of its source, unless `content_type` is given, and its info, unless `file_info` (or a
        header) is given. `wanted` is the range, None all of it; as in a download, what is beyond the end
        of the file is not there.
        More than 5 GB, or than `max_part_size`, is copied in parts, and goes on where an earlier run stopped. A
        `max_part_size` below what B2 takes as a part forces a single call.
        """
        made = new_file(new, choices)
        if not ok(made):
            return Failure(made.failure())
        settings = made.unwrap()
        found = self._source(source)
        if not ok(found):
            return Failure(found.failure())
        file_id, size, default_name = found.unwrap()
        target = self._target(dest, default_name)
        if not ok(target):
            return Failure(target.failure())
        sizes = self._sizes(None, stream=False)
        if not ok(sizes):
            return Failure(sizes.failure())
        whole = ByteRange(0, size)
        if wanted is not None:
            if not wanted.start < min(wanted.stop, size):
                told = f"[{wanted.start}, {wanted.stop}) is no range of a file of {size} bytes"
                return Failure(InvalidArgument("wanted", told))
            wanted = ByteRange(wanted.start, min(wanted.stop, size))
        bucket_id, name = target.unwrap()
        parts = sizes_to_copy(whole if wanted is None else wanted, max_part_size, sizes.unwrap().minimum)
        job = Copy(
            name,
            file_id,
            bucket_id,
            name,
            (whole if wanted is None else wanted) if parts is not None else wanted,
            settings,
            replace=settings.describes,
            parts=parts,
            source_encryption=source_encryption,
            resume=resume_of(resume, told=on_large_file is not None),
        )
        with telling(progress_listener) as progress:
            heard = hearing(listener, progress.listener, on_large_file)
            if heard is not None:
                heard(Sized(name, (whole if wanted is None else wanted).length))
            result = self._transfer(copy_file(job, self._retry), Opened(), heard)
            return progress.of(result, lambda reply: reply.content_length)

    @checked_arguments()
    def plan_cleanup(
        self, folder: str, *, older_than: timedelta = timedelta(days=1)
    ) -> Result[CleanupPlan, TransferError]:
        """Which unfinished large files below `b2://bucket/prefix` would be cancelled: those to which nothing happened
        for `older_than`.
        """
        place = parse_b2_file(folder)
        if not ok(place):
            return Failure(place.failure())
        bucket = self._query(find_bucket(place.unwrap().bucket_name, self._retry))
        if not ok(bucket):
            return Failure(bucket.failure())
        found = self._query(look_for_unfinished(bucket.unwrap(), place.unwrap().file_name, self._retry))
        age = older_than // timedelta(milliseconds=1)
        ahead = self._query(measured_clock(self._retry))
        if not ok(ahead):
            return Failure(ahead.failure())
        now = self._clock.now_millis() - (ahead.unwrap() or 0)  # by B2's clock, which says how old its files are
        return found.map(lambda files: plan_cleanup(files, now_millis=now, older_than_millis=age))

    def clean_up(self, plan: CleanupPlan) -> CleanupReport:
        """Cancel what the plan names. A file that moved on since is left alone."""
        return self._query(clean_up(plan, self._retry))

    # --- putting it together

    def _target(self, dest: str, default_name: str) -> Result[tuple[BucketId, str], TransferError]:
        parsed = parse_b2_file(dest)
        if not ok(parsed):
            return Failure(parsed.failure())
        name = parsed.unwrap().file_name
        if not name or name.endswith("/"):
            if not default_name:
                told = f"is the folder {dest}, and the source has no name to go there; write b2://bucket/name in full"
                return Failure(InvalidArgument("dest", told))
            name += default_name
        problem = b2_name_problem(name)
        if problem is not None:
            return Failure(InvalidArgument("file", f"{name!r}: {problem}"))
        bucket = self._query(find_bucket(parsed.unwrap().bucket_name, self._retry))
        return bucket.map(lambda bucket_id: (bucket_id, name))

    def _source(self, source: B2Source) -> Result[tuple[FileId, int, str], TransferError]:
        """The id, the size and the last part of the name of a file in B2."""
        if isinstance(source, FileVersion):
            return Success((source.file_id, source.size, ""))
        if isinstance(source, FileReply):
            if source.file_id is None:
                return Failure(InvalidArgument("source", "is a folder, not a file"))
            return Success((source.file_id, source.content_length, last_segment(source.file_name)))
        if source.startswith("b2id://"):
            info = self._query(request(GetFileInfo(FileId(source.removeprefix("b2id://"))), self._retry))
            if not ok(info):
                return Failure(info.failure())
            return self._source(info.unwrap())
        parsed = parse_b2_file(source)
        if not ok(parsed):
            return Failure(parsed.failure())
        name = parsed.unwrap()
        bucket = self._query(find_bucket(name.bucket_name, self._retry))
        if not ok(bucket):
            return Failure(bucket.failure())
        present = self._present(bucket.unwrap(), name.file_name)
        if not ok(present):
            return Failure(present.failure())
        version = present.unwrap()
        if version is None:
            return Failure(Rejected(404, "not_found", f"there is no file {source}"))
        return Success((version.file_id, version.size, last_segment(name.file_name)))

    def _present(self, bucket_id: BucketId, name: str) -> Result[FileVersion | None, B2Error]:
        found = self._query(fresh_versions(B2Side(bucket_id, ""), [name], self._retry))
        return found.map(lambda paths: paths[name].visible() if name in paths else None)

    def _sizes(self, part_size: int | None, *, stream: bool) -> Result[PartSizes, TransferError]:
        token = self._query(authorization(self._retry))
        if not ok(token):
            return Failure(token.failure())
        sizes = token.unwrap().part_sizes
        if part_size is not None:
            if not sizes.minimum <= part_size <= MAX_PART_SIZE:
                told = f"must be {sizes.minimum} to {MAX_PART_SIZE} bytes, not {part_size}"
                return Failure(InvalidArgument("part_size", told))
            return Success(PartSizes(part_size, sizes.minimum))
        if stream:
            return Success(PartSizes(max(sizes.minimum, min(sizes.recommended, _STREAM_PART)), sizes.minimum))
        return Success(sizes)

    def _query(self, program: Program[T]) -> T:
        return self._transfer(program, Opened(), None, question=True)

    def _transfer(
        self,
        program: Program[T],
        opened: Opened,
        listener: Listener | None,
        *,
        question: bool = False,
        disk: Disk | None = None,
        room: int = ROOM,
    ) -> T:
        disk = disk or SimulatedDisk()
        interpreter = Interpreter(
            self._api, disk, self._clock, self._machines, listener, stream=opened.stream, room=room
        )
        interpreter.reader = Bodies(FileSlices(), opened.stream)
        with self._drivers(interpreter, None if question else self._workers) as driver:
            return driver.run(program)


def hearing(
    listener: Listener | None, telling: Listener | None, on_large_file: Callable[[LargeFileBegun], None] | None = None
) -> Listener | None:
    """All of these as one; None when there are none."""
    if telling is None and on_large_file is None:
        return listener

    def hear(event: Event) -> None:
        if on_large_file is not None and isinstance(event, LargeFileBegun):
            on_large_file(event)
        for each in (telling, listener):
            if each is not None:
                each(event)

    return hear
