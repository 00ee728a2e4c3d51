"""Listing programs: pages of a bucket, a bucket by name, and fresh versions of given names."""

from __future__ import annotations

from collections.abc import Sequence

from returns.result import Failure, Result, Success

from b2pure.effects.job import B2Side
from b2pure.effects.program import Program, ok
from b2pure.effects.requests import authorization, request
from b2pure.model.calls import ListBuckets, ListFileVersions, ListVersionsToCompare
from b2pure.model.errors import B2Error, Rejected
from b2pure.model.files import B2Path
from b2pure.model.ids import BucketId, FileId
from b2pure.model.limits import MAX_LIST_COUNT
from b2pure.model.replies import FileVersionPage, ListedPage, ListedVersion
from b2pure.plan.listing import paths_of
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.spread import Cursor

__all__ = [
    "find_bucket",
    "first_page",
    "fresh_versions",
    "newest_upload",
    "next_page",
    "page_to_compare",
]


def first_page(
    side: B2Side, retry: RetryPolicy, count: int = MAX_LIST_COUNT
) -> Program[Result[FileVersionPage, B2Error]]:
    """The first page of all versions below the prefix."""
    call = ListFileVersions(side.bucket_id, max_file_count=count, prefix=side.prefix or None)
    return (yield from request(call, retry))


def next_page(
    side: B2Side, page: FileVersionPage, retry: RetryPolicy, count: int = MAX_LIST_COUNT
) -> Program[Result[FileVersionPage | None, B2Error]]:
    """The page after `page`, None after the last. A page may be short, or empty, and not be the last."""
    if page.next_file_name is None:
        return Success(None)
    call = ListFileVersions(
        side.bucket_id, page.next_file_name, page.next_file_id, max_file_count=count, prefix=side.prefix or None
    )
    result = yield from request(call, retry)
    return result.map(lambda reply: reply)


def page_to_compare(
    side: B2Side, start: Cursor | None, count: int, retry: RetryPolicy
) -> Program[Result[ListedPage, B2Error]]:
    """At most `count` versions below the prefix from a place on (None: from the beginning), as a sync compares them."""
    at: tuple[str | None, FileId | None] = (None, None) if start is None else (start.name, start.file_id)
    call = ListVersionsToCompare(side.bucket_id, *at, max_file_count=count, prefix=side.prefix or None)
    return (yield from request(call, retry))


def find_bucket(name: str, retry: RetryPolicy) -> Program[Result[BucketId, B2Error]]:
    """The id of the bucket of this name. Bucket names differ by more than case."""
    token = yield from authorization(retry)
    if not ok(token):
        return Failure(token.failure())
    account = token.unwrap()
    for known, bucket_id in account.allowed.bucket_names:
        if known.lower() == name.lower():
            return Success(bucket_id)
    listed = yield from request(ListBuckets(account.account_id, bucket_name=name), retry)
    if not ok(listed):
        return Failure(listed.failure())
    for bucket in listed.unwrap().buckets:
        if bucket.bucket_name.lower() == name.lower():
            return Success(bucket.bucket_id)
    return Failure(
        Rejected(404, "not_found", f"there is no bucket {name!r} that this key can see; create it or correct the name")
    )


def newest_upload(bucket_id: BucketId, name: str, retry: RetryPolicy) -> Program[Result[int | None, B2Error]]:
    """When the newest version of a name (a hide marker, too) was uploaded, in milliseconds since the epoch. Unfinished
    large files are no versions. None when there is none.
    """
    start_id: FileId | None = None
    while True:
        result = yield from request(ListFileVersions(bucket_id, name, start_id, 100, name), retry)
        if not ok(result):
            return Failure(result.failure())
        page = result.unwrap()
        for reply in page.files:
            if reply.file_name != name or reply.action != "start":
                return Success(reply.upload_timestamp if reply.file_name == name else None)
        start_id = page.next_file_id
        if page.next_file_name != name:
            return Success(None)


def fresh_versions(
    side: B2Side, paths: Sequence[str], retry: RetryPolicy
) -> Program[Result[dict[str, B2Path], B2Error]]:
    """What B2 has now of the given paths (in order); a path that is missing from the answer has no version.

    Neighbours in the bucket come with one call; where other names lie between, the next call starts at the next path
    that is still to be looked up.
    """
    names = [side.prefix + path for path in paths]
    prefix = _common_prefix(names)
    found: list[ListedVersion] = []
    wanted = set(names)
    at = 0
    start: tuple[str | None, FileId | None] = (_at(names, 0), None)
    while at < len(names):
        count = _page_size(names, at) if start[1] is None else 1000
        call = ListVersionsToCompare(side.bucket_id, *start, count, prefix)
        result = yield from request(call, retry)
        if not ok(result):
            return Failure(result.failure())
        page = result.unwrap()
        found.extend(reply for reply in page.files if reply.file_name in wanted)
        end = page.next_file_name
        if end is None:
            break
        while at < len(names) and names[at] < end:
            at += 1
        # Inside the versions of a wanted name the cursor goes on; over names that nobody asked for it jumps.
        start = (end, page.next_file_id) if at < len(names) and names[at] == end else (_at(names, at), None)
    return Success({path.path: path for path in paths_of((found,), side.prefix)})


def _at(names: list[str], at: int) -> str | None:
    return names[at] if at < len(names) else None


def _page_size(names: list[str], at: int) -> int:
    """A few versions for each name that is left: one page for most chunks, and a small one for a single name."""
    return min(1000, 10 + 4 * (len(names) - at))


def _common_prefix(names: list[str]) -> str:
    """What all names start with; of sorted names the first and the last tell."""
    if not names:
        return ""
    first, last = min(names), max(names)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]
