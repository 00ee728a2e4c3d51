"""A new file: where it goes, what it is made with, and from where to go on.

Rules. A name that B2 would refuse is an exception before anything is begun. Whoever wants to hears of a large file as
soon as it has an id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from b2pure.effects.events import LargeFileBegun
from b2pure.effects.large_files import Resume
from b2pure.model.ids import BucketId, FileId
from b2pure.model.names import b2_name_problem
from b2pure.model.new_file import AUTO_CONTENT_TYPE, NewFile
from b2pure.shell.listeners import AbstractProgressListener
from b2pure.shell.v1.exceptions import InvalidArgument, UnusableFileName
from b2pure.shell.v1.file_version import UnfinishedLargeFile

__all__ = ["Continuation", "LargeFileCallback", "NewObject", "StartedLargeFile"]

Info = Mapping[str, str]


class StartedLargeFile(UnfinishedLargeFile):
    """A large file that is on its way: with its id the same job can be gone on with."""

    @property
    def id(self) -> str:
        """Its id, as the guides call it."""
        return self.file_id


LargeFileCallback = Callable[[StartedLargeFile], object]


@frozen
class Continuation:
    """Whether to go on with what an earlier run left: by itself, or where an id says; and who hears of a large file."""

    auto: bool = True
    file_id: str | None = None
    callback: LargeFileCallback | None = field(default=None, eq=False)

    def resume(self) -> Resume:
        """The same for the core."""
        file_id = None if self.file_id is None else FileId(self.file_id)
        return Resume(auto=self.auto, file_id=file_id, keep=True, told=self.callback is not None)


class _UnusableName(UnusableFileName, ValueError):
    """A ValueError as well, which it was in b2sdk for half of the rules."""

    prefix = "Unusable file name"


_UnusableName.__name__ = _UnusableName.__qualname__ = UnusableFileName.__name__  # the public one, for who is told of it


@frozen
class NewObject:
    """Where a file goes and what it is made with."""

    account_id: str
    bucket_id: BucketId
    bucket_name: str
    file_name: str
    content_type: str | None
    file_info: Info | None
    continuation: Continuation = field(factory=Continuation)
    listener: AbstractProgressListener | None = field(default=None, eq=False)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.file_name, str):
            raise ValueError(f"file_name must be a string, not {type(self.file_name).__name__}")
        problem = b2_name_problem(self.file_name)
        if problem is not None:
            raise _UnusableName(problem)

    @property
    def new(self) -> NewFile:
        """What the core makes it with. Raises InvalidArgument."""
        try:
            return NewFile(content_type=self.content_type or AUTO_CONTENT_TYPE, file_info=dict(self.file_info or {}))
        except (TypeError, ValueError) as wrong:
            raise InvalidArgument("file_info", str(wrong)) from None

    def begun(self, event: LargeFileBegun) -> None:
        """Tell the caller of the large file."""
        assert self.continuation.callback is not None
        self.continuation.callback(
            StartedLargeFile(
                {
                    "fileId": event.file_id,
                    "fileName": self.file_name,
                    "accountId": self.account_id,
                    "bucketId": self.bucket_id,
                    "contentType": self.content_type or AUTO_CONTENT_TYPE,
                    "fileInfo": dict(self.file_info or {}),
                }
            )
        )
