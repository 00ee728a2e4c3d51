"""What calls give back: versions of files, names with ids, unfinished large files, parts.

Rules. Each of them can be read as the dictionary that B2 answers with, too (`found["fileName"]`), because the guides do
so. Sizes are bytes, times are milliseconds since the epoch; what is not known is None, and absent from the dictionary.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from attrs import define, field

from b2pure.shell.v1.exceptions import InvalidArgument

__all__ = [
    "AsDict",
    "FileIdAndName",
    "FileVersionInfo",
    "FileVersionInfoFactory",
    "Part",
    "PartFactory",
    "UnfinishedLargeFile",
]


class AsDict(Mapping[str, Any]):
    """Something that can be read as a dictionary."""

    __slots__ = ()

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """The object as a dict which looks almost exactly like the raw api output."""

    def __getitem__(self, key: str) -> Any:
        return self.as_dict()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def __len__(self) -> int:
        return len(self.as_dict())


def _info(info: Mapping[str, str] | None) -> dict[str, str]:
    return dict(info or {})


@define(eq=False, slots=False)
class FileVersionInfo(AsDict):
    """A structure which represents a version of a file (in B2 cloud).

    `action` is "upload", "copy", "hide", "start", "folder" or "delete"; `content_sha1` may be None for a large file
    uploaded by a client which did not provide it.
    """

    LS_ENTRY_TEMPLATE: ClassVar[str] = "%83s  %6s  %10s  %8s  %9d  %s"
    """order is file_id, action, date, time, size, name"""

    id_: str | None
    file_name: str
    size: int | None
    content_type: str | None
    content_sha1: str | None
    file_info: dict[str, str] = field(converter=_info)
    upload_timestamp: int | None
    action: str | None
    content_md5: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The object as a dict which looks almost exactly like the raw api output for upload/list."""
        known = {
            "size": self.size,
            "uploadTimestamp": self.upload_timestamp,
            "action": self.action,
            "contentType": self.content_type,
            "contentSha1": self.content_sha1,
            "contentMd5": self.content_md5,
        }
        given = {name: value for name, value in known.items() if value is not None}
        return {"fileId": self.id_, "fileName": self.file_name, "fileInfo": self.file_info, **given}

    def format_ls_entry(self) -> str:
        """legacy method: formats a ls entry for b2 command line tool"""
        date = time = "-"
        if self.upload_timestamp is not None:
            moment = datetime.fromtimestamp(self.upload_timestamp / 1000, UTC)
            date, time = moment.strftime("%Y-%m-%d"), moment.strftime("%H:%M:%S")
        size = 0 if self.size is None else self.size
        return self.LS_ENTRY_TEMPLATE % (self.id_, self.action, date, time, size, self.file_name)

    @classmethod
    def format_folder_ls_entry(cls, name: str) -> str:
        """legacy method: formats a ls "folder" consistently with format_ls_entry()"""
        return cls.LS_ENTRY_TEMPLATE % ("-", "-", "-", "-", 0, name)

    def __eq__(self, other: object) -> bool:
        return _same(self, other)

    def __hash__(self) -> int:
        return hash((self.id_, self.file_name))


class FileVersionInfoFactory:
    """Makes `FileVersionInfo` out of what B2 answers."""

    @classmethod
    def from_api_response(cls, file_info_dict: Mapping[str, Any], force_action: str | None = None) -> FileVersionInfo:
        """A version out of a file object of B2. `force_action` is for answers that name no action. Raises ValueError
        for an answer without a size, InvalidArgument where two actions are told.
        """
        if file_info_dict.get("action") is not None and force_action is not None:
            raise InvalidArgument("force_action", "is given, but the answer names an action itself")
        size = file_info_dict.get("size", file_info_dict.get("contentLength"))
        if size is None:
            raise ValueError("no size or contentLength")
        return FileVersionInfo(
            file_info_dict["fileId"],
            file_info_dict["fileName"],
            size,
            file_info_dict.get("contentType"),
            file_info_dict.get("contentSha1"),
            file_info_dict.get("fileInfo"),
            file_info_dict.get("uploadTimestamp"),
            force_action or file_info_dict.get("action"),
            file_info_dict.get("contentMd5"),
        )

    @classmethod
    def from_cancel_large_file_response(cls, response: Mapping[str, Any]) -> FileVersionInfo:
        """A version that never came to be."""
        return FileVersionInfo(response["fileId"], response["fileName"], 0, "unknown", "none", {}, 0, "cancel")


@define(eq=False, repr=False, slots=False)
class FileIdAndName(AsDict):
    """A structure which represents a B2 cloud file with just `file_name` and `fileId` attributes.

    Used to return data from calls to `Bucket.delete_file_version()`.
    """

    file_id: str
    file_name: str

    def as_dict(self) -> dict[str, Any]:
        """The object as a dict which looks almost exactly like the raw api output for delete_file_version."""
        return {"action": "delete", "fileId": self.file_id, "fileName": self.file_name}

    def __str__(self) -> str:
        return str({"file_id": self.file_id, "file_name": self.file_name})

    def __repr__(self) -> str:
        return f"FileIdAndName(file_id={self.file_id!r}, file_name={self.file_name!r})"

    def __eq__(self, other: object) -> bool:
        return _same(self, other)

    def __hash__(self) -> int:
        return hash((self.file_id, self.file_name))


class UnfinishedLargeFile(AsDict):
    """A structure which represents a version of a file (in B2 cloud) that is not finished."""

    def __init__(self, file_dict: Mapping[str, Any]) -> None:
        self.file_id: str = file_dict["fileId"]
        self.file_name: str = file_dict["fileName"]
        self.account_id: str = file_dict["accountId"]
        self.bucket_id: str = file_dict["bucketId"]
        self.content_type: str = file_dict["contentType"]
        self.file_info: dict[str, str] = dict(file_dict["fileInfo"])

    def as_dict(self) -> dict[str, Any]:
        """The object as B2 tells it."""
        return {
            "fileId": self.file_id,
            "fileName": self.file_name,
            "accountId": self.account_id,
            "bucketId": self.bucket_id,
            "contentType": self.content_type,
            "fileInfo": self.file_info,
        }

    def __repr__(self) -> str:
        return f"<UnfinishedLargeFile {self.bucket_id} {self.file_name}>"

    def __eq__(self, other: object) -> bool:
        return _same(self, other)

    def __hash__(self) -> int:
        return hash(self.file_id)


class PartFactory:
    """Makes `Part` out of what B2 answers."""

    @classmethod
    def from_list_parts_dict(cls, part_dict: Mapping[str, Any]) -> Part:
        """A part out of an entry of b2_list_parts."""
        return Part(part_dict["fileId"], part_dict["partNumber"], part_dict["contentLength"], part_dict["contentSha1"])


@define(eq=False, repr=False, slots=False)
class Part(AsDict):
    """A structure which represents a *part* of a large file upload. Part numbers start with 1."""

    file_id: str
    part_number: int
    content_length: int
    content_sha1: str

    def as_dict(self) -> dict[str, Any]:
        """The object as B2 tells it."""
        return {
            "fileId": self.file_id,
            "partNumber": self.part_number,
            "contentLength": self.content_length,
            "contentSha1": self.content_sha1,
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.file_id} {self.part_number} {self.content_length} {self.content_sha1}>"

    def __eq__(self, other: object) -> bool:
        return _same(self, other)

    def __hash__(self) -> int:
        return hash((self.file_id, self.part_number))


def _same(one: AsDict, other: object) -> bool:
    """Two of a kind are the same when they say the same; so are one of them and the dictionary that it is."""
    if isinstance(other, AsDict):
        related = isinstance(other, type(one)) or isinstance(one, type(other))
        return related and one.as_dict() == other.as_dict()
    return isinstance(other, Mapping) and one.as_dict() == other
