"""A sync plan as a value: a header and a lazy, repeatable stream of paths.

Reading a plan again gives the same paths: it is made either from collections (planned anew each time, which a pure
planner may) or from lines that stay. A plan made from a one-way stream can be read once and says so the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import zip_longest

from attrs import field, frozen
from returns.result import Failure, Result, Success

from b2pure.model.account import Allowed
from b2pure.model.files import B2Tree, LocalTree
from b2pure.model.limits import DEFAULT_PART_SIZES, PartSizes
from b2pure.model.names import PathFlavour
from b2pure.model.places import B2Folder, LocalFolder, Place
from b2pure.model.policy import NewerFileSyncMode, SyncPolicy
from b2pure.plan.actions import (
    CopyAction,
    DeleteAction,
    DownloadAction,
    FileSync,
    HideAction,
    LocalDeleteAction,
    SyncAction,
    UploadAction,
    actions_of,
)
from b2pure.plan.capabilities import Lack, lacks
from b2pure.plan.codec import PlanHeader, PlanTrailer, read_lines, write_lines
from b2pure.plan.explain import explained, show_sync
from b2pure.plan.failures import PlanFailed, PlanFailure, UsedUp
from b2pure.plan.merge import Item, speaks_of
from b2pure.plan.reasons import DestNewer
from b2pure.plan.summary import Summary, summarize
from b2pure.plan.sync import plan_groups, rules_for

__all__ = ["Groups", "SyncPlan", "plan_sync"]

Tree = LocalTree | B2Tree
Groups = Callable[[], Generator[FileSync, None, int]]
"""Starts the stream of paths again; it returns how many names were compared."""
Lookup = Callable[[str], str]


@frozen(eq=False)
class SyncPlan:
    """What a sync would do. Iterating gives one `FileSync` per path, in order; all else is derived from that."""

    header: PlanHeader
    groups: Groups = field(repr=False)
    lookup: Lookup | None = field(default=None, repr=False)

    def __iter__(self) -> Iterator[FileSync]:
        return self.groups()

    def actions(self) -> Iterator[SyncAction]:
        """Every action, path by path, in an order in which they may be done."""
        return (action for sync in self for action in actions_of(sync))

    def uploads(self) -> Iterator[UploadAction]:
        """Of all paths, in their order."""
        return (action for action in self.actions() if isinstance(action, UploadAction))

    def downloads(self) -> Iterator[DownloadAction]:
        """Of all paths, in their order."""
        return (action for action in self.actions() if isinstance(action, DownloadAction))

    def copies(self) -> Iterator[CopyAction]:
        """Copies on the server."""
        return (action for action in self.actions() if isinstance(action, CopyAction))

    def hides(self) -> Iterator[HideAction]:
        """New hide markers."""
        return (action for action in self.actions() if isinstance(action, HideAction))

    def deletes(self) -> Iterator[DeleteAction | LocalDeleteAction]:
        """Deletions of B2 versions and of local files."""
        return (action for action in self.actions() if isinstance(action, DeleteAction | LocalDeleteAction))

    def conflicts(self) -> Iterator[FileSync]:
        """The paths whose destination is newer and which the policy does not replace."""
        return (sync for sync in self if isinstance(sync.reason, DestNewer))

    def refuses(self) -> Iterator[FileSync]:
        """The conflicts that keep the whole plan from being applied (NewerFileSyncMode.RAISE_ERROR)."""
        if self.header.policy.newer is NewerFileSyncMode.RAISE_ERROR:
            return self.conflicts()
        return iter(())

    def summarize(self) -> Summary:
        """The totals, as data."""
        return summarize(self.groups())

    def summary(self) -> str:
        """The totals, in two lines."""
        return self.summarize().text()

    def lacks(self, allowed: Allowed) -> tuple[Lack, ...]:
        """What a key does not allow of this plan."""
        return lacks(self.summarize().capabilities, (self.header.source, self.header.dest), allowed)

    def explain(self, path: str) -> str:
        """Why this path is treated as it is. A plan that was loaded knows only the paths that it names."""
        if self.lookup is not None:
            return self.lookup(path)
        for sync in self:
            if sync.path == path:
                return "\n".join(show_sync(sync))
        return f"{path}: the plan has nothing to do for it, and does not say why"

    def lines(self) -> Generator[bytes, None, PlanTrailer]:
        """The plan as lines of JSON, for a file."""
        return write_lines(self.header, self.groups())

    @property
    def plan_id(self) -> str:
        """The digest of the plan: equal for equal plans, in every process, and for nothing else."""
        return self.trailer().plan_id

    def trailer(self) -> PlanTrailer:
        """The last line of the plan's file. Reads the plan."""
        lines = self.lines()
        while True:
            try:
                next(lines)
            except StopIteration as end:
                trailer: PlanTrailer = end.value
                return trailer

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SyncPlan):
            return NotImplemented
        return self.header == other.header and all(a == b for a, b in zip_longest(self, other))

    __hash__ = None  # type: ignore[assignment]  # a digest may cost a whole scan: ask for plan_id instead

    def rewrite(self, change: Callable[[FileSync], FileSync | None]) -> SyncPlan:
        """The plan with each path changed by `change` (None drops it). A path may not be renamed."""

        def groups() -> Generator[FileSync, None, int]:
            stream = self.groups()
            while True:
                try:
                    sync = next(stream)
                except StopIteration as end:
                    compared: int = end.value
                    return compared
                changed = change(sync)
                if changed is not None:
                    if changed.path != sync.path:
                        raise ValueError(f"rewrite may not turn {sync.path!r} into {changed.path!r}")
                    yield changed

        return SyncPlan(self.header, groups)

    def checked(self) -> Result[Summary, PlanFailure]:
        """Read the plan to its end: its totals, or why it is none."""
        try:
            return Success(self.summarize())
        except PlanFailed as failed:
            return Failure(failed.failure)

    @staticmethod
    def from_lines(open_lines: Callable[[], Iterable[bytes]]) -> Result[SyncPlan, PlanFailure]:
        """The plan that `open_lines()` gives the lines of, each time it is called. Reads them once to be sure."""
        opened = read_lines(open_lines())
        return opened.bind(lambda first: _loaded(first[0], open_lines))


def _loaded(header: PlanHeader, open_lines: Callable[[], Iterable[bytes]]) -> Result[SyncPlan, PlanFailure]:
    def groups() -> Generator[FileSync, None, int]:
        again, rest = read_lines(open_lines()).unwrap()
        if again != header:
            raise PlanFailed(UsedUp())
        trailer = yield from rest
        return trailer.compared

    plan = SyncPlan(header, groups)
    return plan.checked().map(lambda _: plan)


def plan_sync(
    source: Tree,
    dest: Tree,
    policy: SyncPolicy | None = None,
    *,
    now_millis: int,
    part_sizes: PartSizes = DEFAULT_PART_SIZES,
    flavour: PathFlavour = "posix",
    source_place: Place | None = None,
    dest_place: Place | None = None,
    include_quiet: bool = False,
) -> SyncPlan:
    """The lazy plan that makes `dest` like `source`. Nothing is read before the plan is.

    `now_millis` is the time (milliseconds since the epoch) that keep-days counts back from. The places only name the
    two sides in the plan's header. With `include_quiet` the plan also has the paths that need nothing, with reason.
    Raises PlanFailed for a direction or policy that makes no sense.
    """
    policy = policy or SyncPolicy()
    rules = rules_for(source, dest, policy, now_millis=now_millis, part_sizes=part_sizes, flavour=flavour)
    header = PlanHeader(source_place or _unnamed(source), dest_place or _unnamed(dest), policy, now_millis, part_sizes)
    read = [False]
    one_way = iter(source.items) is source.items or iter(dest.items) is dest.items

    def groups() -> Generator[FileSync, None, int]:
        if one_way and read[0]:
            raise PlanFailed(UsedUp())
        read[0] = True
        return plan_groups(source.items, dest.items, rules, include_quiet=include_quiet)

    def lookup(path: str) -> str:
        return explained(rules, path, _find(source.items, path), _find(dest.items, path)).text()

    return SyncPlan(header, groups, None if one_way else lookup)


def _unnamed(tree: Tree) -> Place:
    return LocalFolder("") if isinstance(tree, LocalTree) else B2Folder("", tree.prefix)


def _find(items: Iterable[Item], path: str) -> Item | None:
    """What a side has of the path, or says of a folder above it."""
    return next((item for item in items if speaks_of(item, path)), None)
