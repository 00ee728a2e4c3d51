"""The two sides of a sync, found and read: places to buckets and folders, and these to streams of items.

A side that cannot be read ends the stream with `PlanFailed`. Listings fetch pages ahead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Protocol, TypeVar

from attrs import frozen
from returns.result import Result

from b2pure.effects.effect import HashBody
from b2pure.effects.events import Scanned
from b2pure.effects.interpreter import Listener
from b2pure.effects.job import B2Side, Job, Mode
from b2pure.effects.listings import fresh_versions, page_to_compare
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.sync import has_folder
from b2pure.model.errors import B2Error, InvalidArgument
from b2pure.model.files import B2Path, LocalItem, LocalPath
from b2pure.model.ids import BucketId
from b2pure.model.names import as_unicode
from b2pure.model.new_file import PLAIN, NewFile
from b2pure.model.places import B2Folder, Place
from b2pure.model.policy import CompareVersionMode
from b2pure.model.protection import SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import ListedVersion
from b2pure.model.sources import LocalSlice
from b2pure.plan.actions import SyncAction
from b2pure.plan.codec import PlanHeader
from b2pure.plan.compare import needs_hash
from b2pure.plan.explain import Explanation, explained
from b2pure.plan.failures import PlanFailed, SideFailed
from b2pure.plan.listing import paths_of
from b2pure.plan.merge import Item
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.rules import Direction, Rules
from b2pure.plan.scan import EVERYTHING, Scanner
from b2pure.plan.spread import LISTING_WAYS, Cursor
from b2pure.plan.sync import Pairs
from b2pure.shell.folders import Folder, Role
from b2pure.shell.pages import Page, cursor, files_of
from b2pure.shell.scan import ScanFailed

__all__ = [
    "Ask",
    "Side",
    "SideReader",
    "Sides",
    "b2_side",
    "check_apart",
    "direction_between",
    "listed",
]

T = TypeVar("T")

_TICK = 500
"""How many found files pass between two words to the listener."""


class Ask(Protocol):
    """Runs one program now; `folder` is the local side, if the program needs it."""

    def __call__(self, program: Program[T], folder: Folder | None = None) -> T: ...


@frozen
class Side:
    """A place that has been found: a folder on this machine, or a bucket and a prefix."""

    place: Place
    b2: B2Side | None = None
    folder: Folder | None = None


@frozen(eq=False)
class Sides:
    """Two sides, the rules between them, what new files are made with, and the SSE-C key of the source's files. What is
    handed over, and what is told, is said in `Job`.
    """

    source: Side
    dest: Side
    rules: Rules
    header: PlanHeader
    new: NewFile = PLAIN
    source_key: SseC | None = None
    handed_over: frozenset[type[SyncAction]] = frozenset()
    whole_sha1: bool = True
    told: bool = False
    source_told: bool = False

    def job(self, mode: Mode, retry: RetryPolicy) -> Job:
        return Job(
            self.source.b2,
            self.dest.b2,
            self.rules,
            mode,
            retry,
            new=self.new,
            source_key=self.source_key,
            handed_over=self.handed_over,
            whole_sha1=self.whole_sha1,
            told=self.told,
            source_told=self.source_told,
        )

    def tidy(self, paths: Iterable[str]) -> None:
        """Remove what downloads of these paths left behind when their process died."""
        if self.dest.folder is not None:
            self.dest.folder.tidy(paths)

    @property
    def folder(self) -> Folder | None:
        """The local side, if there is one."""
        return self.source.folder or self.dest.folder


class SideReader:
    """Reads sides; `ask` runs its programs, in `ways` threads at once where B2 lists a side."""

    def __init__(self, ask: Ask, retry: RetryPolicy, ways: int = LISTING_WAYS) -> None:
        self._ask, self._retry, self._ways = ask, retry, ways

    def items(self, side: Side, role: Role, rules: Rules, listener: Listener | None) -> Iterator[Item]:
        """What a side has, in B2's order; the listener hears how many there are. Raises PlanFailed."""
        items = self._scanned(side, role, rules)
        return items if listener is None else _counted(items, role, listener)

    def _scanned(self, side: Side, role: Role, rules: Rules) -> Iterator[Item]:
        return chain.from_iterable(self._opened(side, role, rules))

    def _opened(self, side: Side, role: Role, rules: Rules) -> Iterator[Iterator[Item]]:
        """The stream of a side, opened when somebody asks for it; nothing stands between them and it then."""
        if side.folder is not None:
            try:
                items = side.folder.scan(rules.scanner_for(role), role)
            except ScanFailed as failed:
                raise PlanFailed(SideFailed(role, failed.error)) from None
            yield rules.present(items)
        elif side.b2 is not None:
            yield paths_of(self._pages(side.b2, role), side.b2.prefix)

    def explained(self, sync: Sides, path: str) -> Explanation:
        """Why one path is treated as it is, from a look at that path alone. Raises PlanFailed."""
        path, rules = as_unicode(path, sys.getfilesystemencodeerrors()), sync.rules
        source, dest = self._look(sync.source, "source", rules, path), self._look(sync.dest, "destination", rules, path)
        if rules.policy.compare is CompareVersionMode.SHA1:
            source, dest = self._hashed(sync, source, dest), self._hashed(sync, dest, source)
        found: tuple[tuple[Role, Side, Item | None], ...] = (
            ("source", sync.source, source),
            ("destination", sync.dest, dest),
        )
        local = [(role, side.folder) for role, side, item in found if side.folder is not None and item is None]
        left_out = [role for role, folder in local if rules.scanner.filters_names and _has(folder, role, path)]
        folders = [role for role, folder in local if self._ask(has_folder(path), folder)]
        return explained(rules, path, source, dest, left_out=left_out, folders=folders)

    def _look(self, side: Side, role: Role, rules: Rules, path: str) -> Item | None:
        """What `items` tells of one path, or of a folder above it."""
        if side.b2 is not None:
            return listed(self._ask(fresh_versions(side.b2, [path], self._retry)), role).get(path)
        assert side.folder is not None, "a side is one of the two"
        item = _looked(side.folder, role, rules.scanner_for(role), path)
        return None if item is not None and rules.counts_as_absent(item) else item

    def _pages(self, side: B2Side, role: Role) -> Iterator[Sequence[ListedVersion]]:
        """All versions of a side; later pages are fetched while one is looked at."""

        def fetch(start: Cursor | None, count: int) -> Page[ListedVersion]:
            page = listed(self._ask(page_to_compare(side, start, count, self._retry)), role)
            return page.files, cursor(page.next_file_name, page.next_file_id)

        return files_of(fetch, side.prefix, self._ways)

    def with_hashes(self, pairs: Pairs, sync: Sides) -> Pairs:
        """The pairs, with the SHA-1 of those local files whose content decides."""
        while True:
            try:
                path, ours, theirs = next(pairs)
            except StopIteration as end:
                names: int = end.value
                return names
            yield path, self._hashed(sync, ours, theirs), self._hashed(sync, theirs, ours)

    def _hashed(self, sync: Sides, item: Item | None, other: Item | None) -> Item | None:
        if not (isinstance(item, LocalPath) and isinstance(other, B2Path)):
            return item
        if not any(needs_hash(item, version) for version in other.versions):
            return item
        whole = LocalSlice(item.path, ByteRange(0, item.size), item.fact())
        digest = self._ask(perform(HashBody(whole)), sync.folder)
        # A file that cannot be read, or changed meanwhile, is compared without its hash; its upload will tell.
        return LocalPath(item.path, item.size, item.mod_time_millis, digest.value_or(None))


def direction_between(source: Side, dest: Side) -> Direction:
    """Which way a sync between these goes. Raises PlanFailed for local to local."""
    if source.folder is not None:
        if dest.folder is not None:
            raise PlanFailed(InvalidArgument("destination", "is local like the source; one side must be b2://..."))
        return "up"
    return "down" if dest.folder is not None else "copy"


def check_apart(source: B2Side | None, dest: B2Side | None) -> None:
    """A folder that is copied into itself would never be whole."""
    if source is None or dest is None or source.bucket_id != dest.bucket_id:
        return
    if source.prefix.startswith(dest.prefix) or dest.prefix.startswith(source.prefix):
        raise PlanFailed(InvalidArgument("destination", "overlaps the source; choose another folder or bucket"))


def b2_side(place: B2Folder, bucket_id: BucketId) -> Side:
    """The side that a B2 folder is, now that its bucket is found."""
    return Side(B2Folder(place.bucket_name, place.prefix, bucket_id), b2=B2Side(bucket_id, place.prefix))


def listed(result: Result[T, B2Error], role: Role = "source") -> T:
    """What B2 answered, or PlanFailed."""
    if ok(result):
        return result.unwrap()
    raise PlanFailed(SideFailed(role, result.failure()))


def _looked(folder: Folder, role: Role, scanner: Scanner, path: str) -> LocalItem | None:
    try:
        return folder.look(path, scanner, role)
    except ScanFailed as failed:
        raise PlanFailed(SideFailed(role, failed.error)) from None


def _has(folder: Folder, role: Role, path: str) -> bool:
    """Whether there is something of that name, whatever a policy says of it."""
    return _looked(folder, role, EVERYTHING, path) is not None


def _counted(items: Iterator[Item], role: Role, listener: Listener) -> Iterator[Item]:
    count = 0
    for count, item in enumerate(items, start=1):
        if count % _TICK == 0:
            listener(Scanned(role, count))
        yield item
    listener(Scanned(role, count, whole=True))
