"""Planning a sync: from two ordered streams to a lazy stream of `FileSync`, one per path that needs something.

Memory is constant: a pair of files is looked at once and forgotten. What the planner could not decide alone is in the
plan as a value (a conflict, an unusable name), so one odd file never ends a plan; only input that would make the plan
wrong does (names out of order, a source without files), by `PlanFailed`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import chain

from b2pure.model.errors import InvalidArgument
from b2pure.model.files import B2Tree, LocalFact, LocalPath, LocalTree, SkippedPath
from b2pure.model.limits import DEFAULT_PART_SIZES, PartSizes
from b2pure.model.names import PathFlavour
from b2pure.model.policy import KeepDays, KeepOrDelete, SyncPolicy
from b2pure.plan.actions import FileSync, UploadAction
from b2pure.plan.failures import EmptySource, PlanFailed
from b2pure.plan.merge import Item, Pair, Quiet, Rest, disorder, merge
from b2pure.plan.reasons import DestNewer, Unknown, UnusableName
from b2pure.plan.rules import Direction, Rules, make_rules
from b2pure.plan.shortcuts import NEW, fresh_for, plain_below, quiet_for, renewed_for, same_time_is_quiet

__all__ = [
    "Pairs",
    "check_direction",
    "direction_of",
    "never_quiet",
    "pair_up",
    "plan_file",
    "plan_groups",
    "plan_pairs",
    "rules_for",
    "speaks",
]

Tree = LocalTree | B2Tree
Pairs = Generator[Pair, None, int]


def direction_of(source: Tree, dest: Tree) -> Direction:
    """Which way a sync between these goes. Raises PlanFailed for local to local: that is not B2's business."""
    if isinstance(source, LocalTree):
        if isinstance(dest, LocalTree):
            raise PlanFailed(InvalidArgument("dest", "is local like the source; one side must be on B2"))
        return "up"
    return "down" if isinstance(dest, LocalTree) else "copy"


def check_direction(direction: Direction, keep: KeepOrDelete) -> None:
    """Raises PlanFailed when the policy cannot work this way."""
    if direction == "down" and isinstance(keep, KeepDays):
        raise PlanFailed(
            InvalidArgument("keep", "cannot be KeepDays for a local destination, whose files have no versions")
        )


def rules_for(
    source: Tree,
    dest: Tree,
    policy: SyncPolicy,
    *,
    now_millis: int,
    part_sizes: PartSizes = DEFAULT_PART_SIZES,
    flavour: PathFlavour = "posix",
) -> Rules:
    """The compiled rules of a sync between two trees. Raises PlanFailed(InvalidArgument)."""
    direction = direction_of(source, dest)
    check_direction(direction, policy.keep)
    prefix = dest.prefix if isinstance(dest, B2Tree) else ""
    return make_rules(
        direction, policy, now_millis=now_millis, part_sizes=part_sizes, dest_prefix=prefix, flavour=flavour
    )


def plan_groups(
    source: Iterable[Item], dest: Iterable[Item], rules: Rules, *, include_quiet: bool = False
) -> Generator[FileSync, None, int]:
    """The plan's paths in order; returns how many names were compared.

    Paths that need nothing are left out unless `include_quiet`; conflicts, unusable names and what a scan could not
    read are always there. Raises PlanFailed.
    """
    quiet = never_quiet if include_quiet else quiet_for(rules)
    rest: Rest | None = [] if plain_below(rules) is not None else None
    return plan_pairs(pair_up(source, dest, rules, quiet, rest), rules, include_quiet=include_quiet, rest=rest)


def pair_up(
    source: Iterable[Item], dest: Iterable[Item], rules: Rules, quiet: Quiet, rest: Rest | None = None
) -> Pairs:
    """The merge-join of the two sides, without the pairs that `quiet` passes over, and without what goes into `rest`.
    Raises PlanFailed.
    """
    ours = source if rules.policy.allow_empty_source else _not_empty(source)
    same_time = quiet is not never_quiet and same_time_is_quiet(rules)
    return merge(ours, dest, quiet, same_time_is_quiet=same_time, rest=rest)


def plan_pairs(
    pairs: Pairs, rules: Rules, *, include_quiet: bool = False, rest: Rest | None = None
) -> Generator[FileSync, None, int]:
    """`plan_groups` for pairs that somebody has joined, and perhaps added to, already; then for what is in `rest`."""
    decide, fresh, renewed = rules.file, fresh_for(rules), renewed_for(rules)
    names = 0
    try:
        while True:
            path, ours, theirs = next(pairs)
            sync = None
            if ours is not None:
                sync = fresh(path, ours) if theirs is None else renewed(path, ours, theirs)
            if sync is None:
                sync = decide(path, ours, theirs)
            if sync.stages or include_quiet or (speaks(sync) and not _in_unread_folder(path, ours)):
                yield sync
    except StopIteration as end:
        names = int(end.value)
    if rest:
        names += yield from _only_new(rest.pop(), rules, include_quiet)
    return names


def _only_new(items: Iterator[Item], rules: Rules, include_quiet: bool) -> Generator[FileSync, None, int]:
    """What the join and the decision make of a source whose destination has ended. It is `fresh` once more, without a
    pair and a call for each file: a first sync has nothing else to do.
    """
    plain = plain_below(rules)
    assert plain is not None
    single, longest = plain
    names, last = 0, ""
    for item in items:
        path = item.path
        if path <= last and names:
            raise disorder("source", last, path)
        last = path
        names += 1
        if (
            type(item) is LocalPath
            and item.size < single
            and path.isascii()
            and path.isprintable()
            and len(path) <= longest
            and "//" not in f"/{path}/"
        ):
            fact = LocalFact(item.size, item.mod_time_millis)
            yield FileSync(path, NEW, ((UploadAction(path, fact, None, None),),))
        elif isinstance(item, SkippedPath) and item.subtree:
            rest = merge(chain((item,), items), (), never_quiet)
            return names - 1 + (yield from plan_pairs(rest, rules, include_quiet=include_quiet))
        else:
            sync = rules.file(path, item, None)
            if sync.stages or include_quiet or speaks(sync):
                yield sync
    return names


def plan_file(path: str, source: Item | None, dest: Item | None, rules: Rules) -> FileSync:
    """What to do for one path, whatever the two sides have of it. Total."""
    return rules.file(path, source, dest)


def speaks(sync: FileSync) -> bool:
    """Whether a path without actions belongs into a plan all the same, because somebody has to know."""
    return isinstance(sync.reason, DestNewer | Unknown | UnusableName)


def _in_unread_folder(path: str, ours: Item | None) -> bool:
    """Whether the source's answer is that of a folder above, which has been told already."""
    return isinstance(ours, SkippedPath) and ours.path != path


def never_quiet(source: Item, dest: Item) -> bool:
    """Lets every pair of the merge-join through."""
    return False


def _not_empty(source: Iterable[Item]) -> Iterator[Item]:
    """The stream, if there is anything in it: an empty source would delete everything at the destination. Nothing is
    read before somebody asks for the first item; after that nothing stands between them and the stream.
    """
    return chain.from_iterable(_first_and_rest(source))


def _first_and_rest(source: Iterable[Item]) -> Iterator[Iterable[Item]]:
    rest = iter(source)
    first = next(rest, None)
    if first is None:
        raise PlanFailed(EmptySource())
    yield (first,)
    yield rest
