"""What has to be known before a sync begins: its two sides, whether they fit together, and whether the key may do it.

A question that goes wrong raises `PlanFailed`, which says which side it was about.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

from returns.result import Failure, Result, Success

from b2pure.effects.handlers import Clock
from b2pure.effects.listings import find_bucket
from b2pure.effects.program import ok
from b2pure.effects.requests import authorization, measured_clock
from b2pure.model.errors import B2Error, InvalidArgument
from b2pure.model.names import printable
from b2pure.model.new_file import PLAIN, NewFile
from b2pure.model.places import B2Folder, LocalFolder, Place, parse_place
from b2pure.model.policy import SyncPolicy
from b2pure.model.protection import SseC
from b2pure.plan.capabilities import lacks, tell_lacks
from b2pure.plan.codec import PlanHeader
from b2pure.plan.failures import PlanFailed, SideFailed
from b2pure.plan.new_files import kept, misplaced, resolved
from b2pure.plan.plan import SyncPlan
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.rules import make_rules
from b2pure.plan.skew import skew_objection
from b2pure.plan.sync import check_direction
from b2pure.shell.folders import FolderOpener, Role
from b2pure.shell.sides import Ask, Side, Sides, b2_side, check_apart, direction_between

__all__ = ["PlaceLike", "Preparer", "check_names", "found"]

T = TypeVar("T")

PlaceLike = Place | str | os.PathLike[str]
"""A place, or how a person writes one: `b2://bucket/path` or a local folder."""


class Preparer:
    """Finds what syncs are between, with the questions of a client."""

    def __init__(self, ask: Ask, clock: Clock, folders: FolderOpener, retry: RetryPolicy) -> None:
        self._ask, self._clock, self._folders, self._retry = ask, clock, folders, retry

    def prepare(
        self,
        source: PlaceLike,
        dest: PlaceLike,
        policy: SyncPolicy,
        new: NewFile = PLAIN,
        source_key: SseC | None = None,
    ) -> Sides:
        """The two sides of a sync from what people write. Raises PlanFailed."""
        ours, theirs = found(self.side(source, "source")), found(self.side(dest, "destination"))
        return self.between(ours, theirs, policy, self._clock.now_millis(), new, source_key)

    def prepare_saved(self, plan: SyncPlan, keys: Iterable[SseC]) -> Sides:
        """The two sides of a plan; `keys` are the SSE-C keys that it names. Raises PlanFailed."""
        header = plan.header
        made = resolved(header.new_files, {key.customer_key_md5: key for key in keys})
        if not ok(made):
            raise PlanFailed(made.failure())
        for place in (header.source, header.dest):
            if place in (LocalFolder(""), B2Folder("", getattr(place, "prefix", ""))):
                raise PlanFailed(InvalidArgument("plan", "does not name its two sides, so it can only be looked at"))
        sync = self.prepare(header.source, header.dest, header.policy)
        if sync.header.source != header.source or sync.header.dest != header.dest:
            raise PlanFailed(InvalidArgument("plan", "was made for another bucket of the same name; plan again"))
        return self.between(sync.source, sync.dest, header.policy, header.now_millis, *made.unwrap())

    def between(
        self,
        source: Side,
        dest: Side,
        policy: SyncPolicy,
        now_millis: int,
        new: NewFile,
        source_key: SseC | None,
    ) -> Sides:
        """The two sides, if they go together. Raises PlanFailed."""
        direction = direction_between(source, dest)
        problem = misplaced(direction, new, source_key)
        if problem is not None:
            raise PlanFailed(problem)
        check_apart(source.b2, dest.b2)
        check_direction(direction, policy.keep)
        part_sizes = found(self._ask(authorization(self._retry))).part_sizes
        wrong_clock = skew_objection(policy, found(self._ask(measured_clock(self._retry))))
        if wrong_clock is not None:
            raise PlanFailed(wrong_clock)
        rules = make_rules(
            direction,
            policy,
            now_millis=now_millis,
            part_sizes=part_sizes,
            dest_prefix=dest.b2.prefix if dest.b2 is not None else "",
            flavour=dest.folder.flavour if dest.folder is not None else "posix",
        )
        made = kept(new, source_key)
        header = PlanHeader(source.place, dest.place, policy, now_millis, part_sizes, new_files=made)
        return Sides(source, dest, rules, header, new, source_key)

    def side(self, place: PlaceLike, role: Role) -> Result[Side, PlanFailed]:
        """The side that a place is."""
        parsed = parse_place(os.fspath(place)) if isinstance(place, str | os.PathLike) else Success(place)
        if not ok(parsed):
            return Failure(PlanFailed(parsed.failure()))
        there = parsed.unwrap()
        if isinstance(there, LocalFolder):
            folder = self._folders(there.root)
            return Success(Side(LocalFolder(folder.root), folder=folder))
        bucket = self._ask(find_bucket(there.bucket_name, self._retry))
        return bucket.map(lambda bucket_id: b2_side(there, bucket_id)).alt(
            lambda error: PlanFailed(SideFailed(role, error))
        )

    def refuse_lacks(self, sync: Sides, needed: frozenset[str]) -> None:
        """Raises PlanFailed where the key lacks something that it needs."""
        allowed = found(self._ask(authorization(self._retry))).allowed
        missing = lacks(needed, (sync.header.source, sync.header.dest), allowed)
        if missing:
            raise PlanFailed(InvalidArgument("the application key", f"lacks {tell_lacks(missing)}; use another key"))


def found(result: Result[T, PlanFailed] | Result[T, B2Error]) -> T:
    """The value. Raises PlanFailed where there is none."""
    if ok(result):
        return result.unwrap()
    trouble = result.failure()
    raise trouble if isinstance(trouble, PlanFailed) else PlanFailed(SideFailed("source", trouble))


def check_names(sync: Sides) -> None:
    """Whether a plan can name the two sides. Raises PlanFailed."""
    for place in (sync.header.source, sync.header.dest):
        if isinstance(place, LocalFolder) and not _is_unicode(place.root):
            told = f"{printable(place.root)} is not valid Unicode, so no plan can name it; rename it"
            raise PlanFailed(InvalidArgument("folder", told))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
