"""Listings as generators: a page is asked for when it is needed, and never before.

Rules. Folders are what lies between slashes. `ls` names a folder once, however many files it has: without `recursive`
by its first file, and the rest is skipped, with it beside its first file, and the others follow with None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from b2pure.model.calls import (
    ListFileNames,
    ListFileVersions,
    ListParts,
    ListUnfinishedLargeFiles,
)
from b2pure.model.ids import BucketId, FileId
from b2pure.model.limits import MAX_LIST_COUNT
from b2pure.model.replies import FileReply
from b2pure.shell.v1.exceptions import BadRequest
from b2pure.shell.v1.file_version import FileVersionInfo, Part, PartFactory, UnfinishedLargeFile
from b2pure.shell.v1.own_session import Asked, says_itself
from b2pure.shell.v1.values import file_dict, file_version

__all__ = ["list_parts", "list_unfinished", "ls", "versions_of_name"]

_BATCH: Final = 100
_FILES_BATCH: Final = 1000
_AFTER_SLASH: Final = "0"
"""The character after `/`: the first name behind a folder's files."""

_Listing = ListFileNames | ListFileVersions
_Place = tuple[str, FileId | None]
"""A name, and the version of it, where a listing goes on."""


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
    call = (_first_versions if versions else _first_names)(session, bucket_id, prefix, fetch_count)
    yield from _with_folders(_files(session, call), prefix) if recursive else _top_level(session, call, prefix)


class _WrongCount(BadRequest, ValueError):
    """What B2 would answer; a ValueError as well, which it was in b2sdk for some counts of `list_file_versions`."""


_WrongCount.__name__ = _WrongCount.__qualname__ = BadRequest.__name__  # the public one, for who is told of it


def _check_count(count: int | None) -> None:
    if count is not None and not 1 <= count <= MAX_LIST_COUNT:
        raise _WrongCount(f"fetch_count must be 1 to {MAX_LIST_COUNT}, not {count}", "out_of_range")


def _first_names(session: Asked, bucket_id: BucketId, prefix: str, count: int | None) -> ListFileNames:
    if says_itself(session, "list_file_names"):
        return ListFileNames(bucket_id, prefix, count, prefix)
    return ListFileNames(bucket_id, None, count or _FILES_BATCH, prefix or None)


def _first_versions(session: Asked, bucket_id: BucketId, prefix: str, count: int | None) -> ListFileVersions:
    if says_itself(session, "list_file_versions"):
        return ListFileVersions(bucket_id, prefix, None, count, prefix)
    return ListFileVersions(bucket_id, None, None, count or _FILES_BATCH, prefix or None)


def _page(session: Asked, call: _Listing) -> tuple[Sequence[FileReply], _Place | None]:
    """Some files, and where the next ones are."""
    if isinstance(call, ListFileNames):
        names = session.ask(call)
        return names.files, None if names.next_file_name is None else (names.next_file_name, None)
    page = session.ask(call)
    return page.files, None if page.next_file_name is None else (page.next_file_name, page.next_file_id)


def _from(call: _Listing, place: _Place) -> _Listing:
    """The same call for what comes from there on."""
    if isinstance(call, ListFileNames):
        return replace(call, start_file_name=place[0])
    return replace(call, start_file_name=place[0], start_file_id=place[1])


def _files(session: Asked, call: _Listing) -> Iterator[FileReply]:
    while True:
        files, following = _page(session, call)
        yield from files
        if following is None:
            return
        call = _from(call, following)


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


def _top_level(session: Asked, call: _Listing, prefix: str) -> Iterator[tuple[FileVersionInfo, str | None]]:
    """Files of the folder itself, and the first file of each folder in it. One that goes on behind the page is skipped
    over by the next call.
    """
    inside: str | None = None
    while True:
        files, following = _page(session, call)
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
        call = _from(call, (behind, None) if behind > following[0] else following)


def versions_of_name(
    session: Asked, bucket_id: BucketId, file_name: str, fetch_count: int | None
) -> Iterator[FileVersionInfo]:
    """All versions of one name, newest first."""
    _check_count(fetch_count)
    count = fetch_count if fetch_count or says_itself(session, "list_file_versions") else _BATCH
    call = ListFileVersions(bucket_id, file_name, None, count, file_name)
    while call.start_file_name == file_name:
        page = session.ask(call)
        for reply in page.files:
            if reply.file_name != file_name:
                return
            yield file_version(reply)
        call = replace(call, start_file_name=page.next_file_name, start_file_id=page.next_file_id)


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
