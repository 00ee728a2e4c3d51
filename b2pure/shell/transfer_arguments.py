"""What people say of single files, as data: names in B2, what a file is made with, how it is cut, where to go on."""

from __future__ import annotations

import os
import re
from typing import Any, Final

from attrs import fields, frozen
from returns.result import Failure, Result, Success

from b2pure.effects.large_files import Resume
from b2pure.effects.uploads import StreamUpload
from b2pure.model.errors import B2Error, InvalidArgument
from b2pure.model.files import FileVersion
from b2pure.model.ids import BucketId, FileId
from b2pure.model.limits import MAX_PART_SIZE, MAX_SINGLE_SIZE, PartSizes
from b2pure.model.new_file import LARGE_FILE_SHA1, NewFile
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply
from b2pure.plan.parts import large_file_parts
from b2pure.shell.arguments import argument_problem
from b2pure.shell.sources import Opened

__all__ = [
    "B2Name",
    "B2Source",
    "TransferError",
    "UploadJob",
    "last_segment",
    "new_file",
    "parse_b2_file",
    "promised_sha1",
    "resume_of",
    "sizes_to_copy",
    "sizes_to_send",
]

TransferError = B2Error | InvalidArgument

B2Source = str | FileReply | FileVersion
"""A file in B2: `b2://bucket/name` (its newest version), `b2id://fileId`, or what a listing gave."""

_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")
_SHA1: Final = re.compile(r"[0-9A-Fa-f]{40}\Z")
_STREAMS: Final = 4
"""Pieces of a stream that are on their way at once."""


@frozen
class B2Name:
    """A name in a bucket."""

    bucket_name: str
    file_name: str


def parse_b2_file(text: str) -> Result[B2Name, InvalidArgument]:
    """`b2://bucket/name`. The name may hold anything that a B2 name can."""
    if not text.startswith("b2://"):
        return Failure(InvalidArgument("file", f"{text!r} is not in B2; write b2://bucket/name"))
    bucket, _, name = text.removeprefix("b2://").partition("/")
    if not _BUCKET.match(bucket):
        return Failure(InvalidArgument("file", f"{text!r} has no valid bucket name; write b2://bucket/name"))
    return Success(B2Name(bucket, name))


@frozen(eq=False)
class UploadJob:
    """The arguments of an upload."""

    opened: Opened
    dest: str
    new: NewFile
    length: int | None
    sha1: str | None
    mod_time_millis: int | None
    part_size: int | None
    resume: bool | FileId
    append: bool
    whole_sha1: bool
    told: bool

    @property
    def mod_time(self) -> int | None:
        """The time that is recorded: as told, else that of the local file."""
        return self.mod_time_millis if self.mod_time_millis is not None else self.opened.mod_time_millis

    def how_to_resume(self) -> Resume:
        return resume_of(self.resume, told=self.told)

    def stream_upload(self, bucket_id: BucketId, name: str, sizes: PartSizes) -> StreamUpload:
        """With `resume` False it leaves no large file that it could not finish, unless the caller was told of it."""
        resume = resume_of(self.resume, keep=self.resume is not False, told=self.told)
        return StreamUpload(name, bucket_id, name, sizes, self.new, self.mod_time, self.sha1, resume, _STREAMS)


def resume_of(resume: bool | FileId, *, keep: bool = True, told: bool) -> Resume:
    """True looks for an unfinished file, an id names one, False starts anew. `told`: the caller hears of its id."""
    if isinstance(resume, bool):
        return Resume(auto=resume, keep=keep, told=told)
    return Resume(file_id=resume, keep=keep, told=told)


def sizes_to_send(size: int, sizes: PartSizes, present: FileVersion | None, resume: bool | FileId) -> PartSizes | None:
    """Whether the file is cut: because it is large, because something is appended, or because the caller goes on with
    a large file.
    """
    if present is not None and size > present.size >= sizes.minimum:
        return sizes
    if not isinstance(resume, bool):
        return sizes
    return large_file_parts(size, sizes)


def sizes_to_copy(wanted: ByteRange, max_part_size: int, minimum: int) -> PartSizes | None:
    if max_part_size < minimum or wanted.length <= min(max_part_size, MAX_SINGLE_SIZE):
        return None
    return PartSizes(min(max_part_size, MAX_PART_SIZE), minimum)


def new_file(new: NewFile | None, choices: dict[str, Any]) -> Result[NewFile, InvalidArgument]:
    """What a file is made with: one value, or its fields."""
    if new is not None and choices:
        given = ", ".join(choices)
        return Failure(InvalidArgument("new", f"is given as one value and as fields ({given}); choose one way"))
    try:
        made = new if new is not None else NewFile(**choices)
    except (TypeError, ValueError) as wrong:
        return Failure(InvalidArgument("the new file", str(wrong).removeprefix("NewFile.__init__() ")))
    problems = (argument_problem(each.name, getattr(made, each.name)) for each in fields(NewFile))
    problem = next((problem for problem in problems if problem is not None), None)
    return Success(made) if problem is None else Failure(problem)


def promised_sha1(sha1: str | None, new: NewFile) -> Result[str | None, InvalidArgument]:
    """The digest that the content must have: as told, or as the file would tell it to everybody."""
    told = sha1 if sha1 is not None else new.file_info.get(LARGE_FILE_SHA1)
    if told is not None and not _SHA1.match(told):
        return Failure(InvalidArgument("sha1", f"must be 40 hex digits, not {told!r}"))
    return Success(told.lower() if told is not None else None)


def last_segment(name: str) -> str:
    """What a file would be called in a folder."""
    return os.path.basename(name) or name
