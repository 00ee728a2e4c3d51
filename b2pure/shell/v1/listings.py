"""Listings as generators: a page is asked for when it is needed, and never before.

Rules. Folders are what lies between slashes. `ls` names a folder once, however many files it has: without `recursive`
by its first file, and the rest is skipped, with it beside its first file, and the others follow with None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from b2pure.model.calls import (
    ListFileNames,
    ListFileVersions,
    ListParts,
    ListUnfinishedLargeFiles,
)
from b2pure.model.ids import BucketId, FileId
from b2pure.model.limits import MAX_LIST_COUNT
from b2pure.model.replies import FileReply
from b2pure.shell.v1.file_version import FileVersionInfo, Part, PartFactory, UnfinishedLargeFile
from b2pure.shell.v1.own_session import Asked
from b2pure.shell.v1.values import file_dict, file_version

__all__ = ["list_parts", "list_unfinished", "ls", "versions_of_name"]

_BATCH: Final = 100
_PARTS_BATCH: Final = 1000
_AFTER_SLASH: Final = "0"
"""The character after `/`: the first name behind a folder's files."""


def ls(
    session: Asked,
    bucket_id: BucketId,
    folder: str,
    *,
    versions: bool,
    recursive: bool,
    fetch_count: int | None,
) -> Iterator[tuple[FileVersionInfo, str | None]]:
    """The files of a folder, with the name of the folder that each is the first of."""
    _check_count(fetch_count)
    prefix = folder if folder == "" or folder.endswith("/") else folder + "/"
    if recursive:
        pages = _versions if versions else _names
        yield from _with_folders(pages(session, bucket_id, prefix, fetch_count), prefix)
        return
    yield from _top_level(session, bucket_id, prefix, versions, fetch_count)


def _check_count(count: int | None) -> None:
    if count is not None and not 1 <= count <= MAX_LIST_COUNT:
        raise ValueError(f"fetch_count must be 1 to {MAX_LIST_COUNT}, not {count}")


def _names(session: Asked, bucket_id: BucketId, prefix: str, count: int | None) -> Iterator[FileReply]:
    start: str | None = None
    while True:
        page = session.ask(ListFileNames(bucket_id, start, count or _PARTS_BATCH, prefix or None))
        yield from page.files
        start = page.next_file_name
        if start is None:
            return


def _versions(session: Asked, bucket_id: BucketId, prefix: str, count: int | None) -> Iterator[FileReply]:
    start: str | None = None
    start_id: FileId | None = None
    while True:
        call = ListFileVersions(bucket_id, start, start_id, count or _PARTS_BATCH, prefix or None)
        page = session.ask(call)
        yield from page.files
        start, start_id = page.next_file_name, page.next_file_id
        if start is None:
            return


def _with_folders(files: Iterable[FileReply], prefix: str) -> Iterator[tuple[FileVersionInfo, str | None]]:
    """Each file with its folder, if it is the first of it. Only the folders on the way to a file are remembered."""
    told = {prefix}
    last = prefix
    for reply in files:
        folder = reply.file_name[: reply.file_name.rfind("/") + 1]
        first = False
        if folder != last:
            told = {known for known in told if folder.startswith(known)}
            first = folder not in told
            told.add(folder)
            last = folder
        yield file_version(reply), folder if first else None


def _top_level(
    session: Asked, bucket_id: BucketId, prefix: str, versions: bool, count: int | None
) -> Iterator[tuple[FileVersionInfo, str | None]]:
    """Files of the folder itself, and the first file of each folder in it. One that goes on behind the page is skipped
    over by the next call.
    """
    start: str | None = None
    start_id: FileId | None = None
    inside: str | None = None
    while True:
        following: str | None
        if versions:
            call = ListFileVersions(bucket_id, start, start_id, count or _PARTS_BATCH, prefix or None)
            page = session.ask(call)
            files, following, start_id = page.files, page.next_file_name, page.next_file_id
        else:
            named = session.ask(ListFileNames(bucket_id, start, count or _PARTS_BATCH, prefix or None))
            files, following = named.files, named.next_file_name
        for reply in files:
            name = reply.file_name
            rest = name[len(prefix) :]
            if "/" not in rest:
                inside = None
                yield file_version(reply), None
            elif inside is None or not name.startswith(inside):
                inside = prefix + rest[: rest.index("/") + 1]
                yield file_version(reply), inside
        if following is None:
            return
        behind = inside[:-1] + _AFTER_SLASH if inside is not None else ""
        if behind > following:
            start, start_id = behind, None
        else:
            start = following


def versions_of_name(
    session: Asked, bucket_id: BucketId, file_name: str, fetch_count: int | None
) -> Iterator[FileVersionInfo]:
    """All versions of one name, newest first."""
    _check_count(fetch_count)
    start: str | None = file_name
    start_id: FileId | None = None
    while start == file_name:
        call = ListFileVersions(bucket_id, start, start_id, fetch_count or _BATCH, file_name)
        page = session.ask(call)
        for reply in page.files:
            if reply.file_name != file_name:
                return
            yield file_version(reply)
        start, start_id = page.next_file_name, page.next_file_id


def list_unfinished(
    session: Asked, bucket_id: BucketId, start_file_id: str | None, batch_size: int | None, prefix: str | None
) -> Iterator[UnfinishedLargeFile]:
    """The large files that nobody finished."""
    start = None if start_file_id is None else FileId(start_file_id)
    while True:
        page = session.ask(ListUnfinishedLargeFiles(bucket_id, prefix, start, batch_size or _BATCH))
        for reply in page.files:
            yield UnfinishedLargeFile(file_dict(reply))
        start = page.next_file_id
        if start is None:
            return


def list_parts(session: Asked, file_id: str, start_part_number: int | None, batch_size: int | None) -> Iterator[Part]:
    """The parts that B2 has of a large file."""
    start = start_part_number
    while True:
        page = session.ask(ListParts(FileId(file_id), start, batch_size or _BATCH))
        for part in page.parts:
            yield PartFactory.from_list_parts_dict(
                {
                    "fileId": part.file_id,
                    "partNumber": part.part_number,
                    "contentLength": part.content_length,
                    "contentSha1": part.content_sha1,
                }
            )
        start = page.next_part_number
        if start is None:
            return
