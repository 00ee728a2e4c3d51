"""The two kinds of places that a sync runs between."""

from __future__ import annotations

import re
from typing import Final

from returns.result import Failure, Result, Success

from b2pure.model.errors import InvalidArgument
from b2pure.model.ids import BucketId
from b2pure.model.record import Record

__all__ = ["B2Folder", "LocalFolder", "Place", "parse_place"]

_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")


class LocalFolder(Record, frozen=True, tag="local"):
    """A folder on this machine."""

    root: str


class B2Folder(Record, frozen=True, tag="b2"):
    """The files of a bucket whose names start with `prefix`, which is empty or ends with `/`.

    `bucket_id` is None until somebody asked B2; a saved plan has it, so that it cannot be applied to another bucket
    of the same name.
    """

    bucket_name: str
    prefix: str = ""
    bucket_id: BucketId | None = None

    def __post_init__(self) -> None:
        if self.prefix and not self.prefix.endswith("/"):
            raise ValueError(f"a prefix is empty or ends with '/', not {self.prefix!r}")


Place = LocalFolder | B2Folder


def parse_place(text: str) -> Result[Place, InvalidArgument]:
    """`b2://bucket/path` and `b2:bucket/path` are B2 folders, anything else is a local folder (the seed's
    parse_sync_folder). One trailing `/` is optional.
    """
    if text.startswith("b2://"):
        return _parse_b2(text, text[5:])
    if re.match(r"b2:[A-Za-z0-9]", text):
        return _parse_b2(text, text[3:])
    if not text:
        return Failure(InvalidArgument("folder", "is empty; name a local folder or b2://bucket/path"))
    if "\0" in text:
        return Failure(InvalidArgument("folder", "contains NUL, which no local folder can"))
    return Success(LocalFolder(text))


def _parse_b2(text: str, rest: str) -> Result[Place, InvalidArgument]:
    bucket_name, _, path = rest.partition("/")
    if not _BUCKET.match(bucket_name):
        return Failure(InvalidArgument("folder", f"{text!r} has no valid bucket name; write b2://bucket/path"))
    path = path.removesuffix("/")
    if "//" in path or path.startswith("/") or path.endswith("/"):
        return Failure(InvalidArgument("folder", f"{text!r} has '//' in its path, which B2 names cannot have"))
    return Success(B2Folder(bucket_name, path + "/" if path else ""))
