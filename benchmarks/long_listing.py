"""A bucket with very many files, for `light_server.py`: its listing, made before anybody asks.

Rules. The standard library alone. A file has the fields that all versions of B2's API have, `size` for version 1 among
them. Names are two levels deep, a thousand to a folder, in order; each name has one version. A page is made once and
kept, so that a second client, or a second run, waits for nothing.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from threading import Lock
from typing import Any, Final

__all__ = ["FILE_BYTES", "LIST_ID", "MODIFIED_MILLIS", "LongListing", "name_of"]

LIST_ID: Final = "b0list"
FILE_BYTES: Final = 100
MODIFIED_MILLIS: Final = 1_700_000_000_000
"""When every file was modified; a whole second, so that every file system can keep it."""
_FOLDER: Final = 1000
_DEFAULT_COUNT: Final = 100
_HIDDEN: Final = {"isClientAuthorizedToRead": True, "value": None}

Json = dict[str, Any]


def name_of(number: int) -> str:
    """The name of a file; a larger number has a later name."""
    return f"folder{number // _FOLDER:05d}/file{number % _FOLDER:03d}.dat"


class LongListing:
    """The names of the bucket, and its pages by what is asked for."""

    def __init__(self, count: int) -> None:
        self._names = [name_of(number) for number in range(count)]
        self._files = [_file(number, name) for number, name in enumerate(self._names)]
        self._pages: dict[tuple[object, ...], bytes] = {}
        self._lock = Lock()

    def page(self, wanted: Json, *, versions: bool) -> bytes:
        """The answer to b2_list_file_names or b2_list_file_versions."""
        start, prefix = wanted.get("startFileName") or "", wanted.get("prefix") or ""
        count, delimiter = wanted.get("maxFileCount") or _DEFAULT_COUNT, wanted.get("delimiter") or ""
        asked = (start, prefix, count, delimiter, versions)
        with self._lock:
            if asked not in self._pages:
                self._pages[asked] = self._made(max(start, prefix), prefix, count, delimiter, versions)
            return self._pages[asked]

    def _made(self, start: str, prefix: str, count: int, delimiter: str, versions: bool) -> bytes:
        files: list[bytes] = []
        following: tuple[str, str] | None = None
        for name, file_id, entry in self._entries(start, prefix, delimiter):
            if len(files) == count:
                following = (name, file_id)
                break
            files.append(entry)
        next_name, next_id = following if following is not None else (None, None)
        ends = {"nextFileName": next_name, "nextFileId": next_id} if versions else {"nextFileName": next_name}
        return b'{"files": [' + b", ".join(files) + b"], " + json.dumps(ends).encode()[1:]

    def _entries(self, start: str, prefix: str, delimiter: str) -> Iterator[tuple[str, str, bytes]]:
        """Files and folders from `start` on: the name, the id and the JSON of each."""
        at = bisect_left(self._names, start)
        while at < len(self._names) and self._names[at].startswith(prefix):
            name = self._names[at]
            inner = name.find(delimiter, len(prefix)) if delimiter else -1
            if inner < 0:
                yield name, _id(at), self._files[at]
                at += 1
            else:
                folder = name[: inner + 1]
                yield folder, "", _folder(folder)
                at = bisect_left(self._names, folder[:-1] + chr(ord(folder[-1]) + 1))


def _id(number: int) -> str:
    return f"4_z{LIST_ID}_f1{number:015d}_d20260101_m000000_c001_v0001000_t0000"


def _file(number: int, name: str) -> bytes:
    return json.dumps(
        {
            "accountId": "a1", "action": "upload", "bucketId": LIST_ID, "contentLength": FILE_BYTES,
            "size": FILE_BYTES, "contentSha1": "ed4a77d1b56a118938788fc53037759b6c501e3d", "contentMd5": None,
            "contentType": "application/octet-stream", "fileId": _id(number),
            "fileInfo": {"src_last_modified_millis": str(MODIFIED_MILLIS)}, "fileName": name,
            "uploadTimestamp": MODIFIED_MILLIS + number, "serverSideEncryption": {"mode": None, "algorithm": None},
            "fileRetention": {"isClientAuthorizedToRead": True, "value": {"mode": None, "retainUntilTimestamp": None}},
            "legalHold": _HIDDEN,
        }
    ).encode()  # fmt: skip


def _folder(name: str) -> bytes:
    return json.dumps(
        {
            "accountId": "a1", "action": "folder", "bucketId": LIST_ID, "contentLength": 0, "size": 0,
            "contentSha1": None, "contentType": None, "fileId": None, "fileInfo": {}, "fileName": name,
            "uploadTimestamp": 0,
        }
    ).encode()  # fmt: skip
