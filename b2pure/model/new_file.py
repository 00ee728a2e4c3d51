"""What a file is made with besides its bytes: type, info, headers, encryption, locks.

B2 keeps the headers of later downloads (`Cache-Control` and its kin) as info keys that start with `b2-`; here they
have names of their own, and are checked when the value is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import evolve, field, frozen

from b2pure.model.limits import MAX_INFO_PAIRS
from b2pure.model.protection import Encryption, FileRetention, LegalHold

__all__ = ["AUTO_CONTENT_TYPE", "LARGE_FILE_SHA1", "PLAIN", "PLAN_ID", "SRC_LAST_MODIFIED", "NewFile", "with_room"]

AUTO_CONTENT_TYPE: Final = "b2/x-auto"
"""B2 chooses the content type by the name's extension."""
SRC_LAST_MODIFIED: Final = "src_last_modified_millis"
"""File info key: modification time of the source in milliseconds since the epoch."""
LARGE_FILE_SHA1: Final = "large_file_sha1"
"""File info key: hex SHA-1 of a whole large file, as the uploader computed it (B2 never checks it)."""
PLAN_ID: Final = "plan_id"
"""File info key: what a large file that was begun with copied parts is made of, so that it can be continued."""


def _info(given: Mapping[str, str]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in given.items()}


@frozen
class NewFile:
    """`file_info` has the caller's own pairs (B2 keeps their names in lower case); the five headers below it are what
    a download answers with.

    `expires` is an HTTP date. `custom_upload_timestamp` is milliseconds since the epoch (B2 allows it to few
    accounts). Raises ValueError for a header that is given both ways.
    """

    content_type: str = AUTO_CONTENT_TYPE
    file_info: Mapping[str, str] = field(factory=dict, converter=_info, hash=False)
    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    expires: str | None = None
    encryption: Encryption | None = None
    retention: FileRetention | None = None
    legal_hold: LegalHold | None = None
    custom_upload_timestamp: int | None = None

    def __attrs_post_init__(self) -> None:
        for name, value in _headers(self):
            if value is not None and name in self.file_info:
                raise ValueError(f"{name} is given twice: in file_info, and by its own name")

    @property
    def describes(self) -> bool:
        """Whether it says anything of the type or the info."""
        return self.content_type != AUTO_CONTENT_TYPE or bool(self.info())

    def over(self, content_type: str | None, file_info: Mapping[str, str]) -> NewFile:
        """The same, with the type and the info of another file where it says nothing."""
        mine = self.info()
        return evolve(
            self,
            content_type=self.content_type
            if self.content_type != AUTO_CONTENT_TYPE
            else content_type or AUTO_CONTENT_TYPE,
            file_info={name: value for name, value in file_info.items() if name not in mine} | dict(self.file_info),
        )

    def info(self, **more: str) -> dict[str, str]:
        """All pairs as B2 takes them; `more` where the caller gave none of that name."""
        headers = {name: value for name, value in _headers(self) if value is not None}
        return {**more, **self.file_info, **headers}


def with_room(info: Mapping[str, str], *spare: str) -> dict[str, str]:
    """The info without the first of its `spare` pairs, where B2 would not take so many pairs."""
    left = dict(info)
    for name in spare:
        if len(left) > MAX_INFO_PAIRS:
            left.pop(name, None)
    return left


def _headers(new: NewFile) -> tuple[tuple[str, str | None], ...]:
    return (
        ("b2-cache-control", new.cache_control),
        ("b2-content-disposition", new.content_disposition),
        ("b2-content-encoding", new.content_encoding),
        ("b2-content-language", new.content_language),
        ("b2-expires", new.expires),
    )


PLAIN: Final = NewFile()
"""A file with nothing but its bytes."""
