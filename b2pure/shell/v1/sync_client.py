"""The client that runs a sync between two folders of the numbered interface.

Rules. It is the functional client: its plan, its programs, its drivers. What is added is where its two sides come from
(folders, which may tell their files themselves), which scanner is asked, and who is told: the reporter, or the log
where there is none. What somebody's own methods of a bucket or an account do is left to these.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator

from attrs import evolve, frozen
from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.events import Event, PathDone, Scanned
from b2pure.effects.flights import Moved
from b2pure.effects.interpreter import Interpreter, Listener
from b2pure.effects.job import B2Side
from b2pure.effects.outcomes import Conflict, Done, Drifted, Failed, Skipped, Superseded
from b2pure.effects.report import ReportBuilder
from b2pure.model.errors import B2Error
from b2pure.model.files import SkippedPath
from b2pure.model.ids import BucketId
from b2pure.model.names import printable
from b2pure.model.new_file import PLAIN
from b2pure.model.places import B2Folder, LocalFolder
from b2pure.model.policy import SyncPolicy
from b2pure.plan.actions import FileSync, SyncAction, actions_of, bytes_of
from b2pure.plan.capabilities import lacks, policy_needs
from b2pure.plan.failures import PlanFailed
from b2pure.plan.merge import Item
from b2pure.plan.plan import SyncPlan
from b2pure.plan.reasons import Unknown, UnusableName, is_left_over, tell
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.rules import Rules
from b2pure.plan.scan import Scanner
from b2pure.shell.client import Client
from b2pure.shell.folders import Folder, Role
from b2pure.shell.sides import Ask, Side, SideReader, Sides
from b2pure.shell.v1.carried import value_of
from b2pure.shell.v1.folder import (
    AS_WANTED,
    AbstractFolder,
    bucket_of,
    core_prefix,
    is_told,
    tells_files_itself,
    told_paths,
)
from b2pure.shell.v1.own_bucket import left_to
from b2pure.shell.v1.own_session import says_itself
from b2pure.shell.v1.scan_policies import ScanPoliciesManager
from b2pure.shell.v1.session import Session
from b2pure.shell.v1.sync_actions import action_line, action_of
from b2pure.shell.v1.sync_report import SyncReport
from b2pure.shell.v1.told_folder import ToldFolder

__all__ = ["SyncClient"]


_log = logging.getLogger(__name__)


class SyncClient(Client):
    """One sync between two folders. `conflicts` and `failures` are what stood in the way of it; `left_out` counts the
    local paths that take no part though nobody wanted that, of which `undecodable` is the first whose name is no text.
    """

    def __init__(
        self,
        session: Session,
        folders: dict[Role, AbstractFolder],
        reporter: SyncReport | None,
        scanner: Scanner,
        manager: ScanPoliciesManager,
        workers: int,
    ) -> None:
        machines = session.machines()
        super().__init__(
            session.api(machines.key), session.clock, machines=machines, workers=workers, retry=session.retry
        )
        self.conflicts: list[FileSync] = []
        self.failures = self.left_out = 0
        self.undecodable: SkippedPath | None = None
        self._session, self._ends, self._reporter = session, folders, reporter
        self._scanner, self._manager = scanner, manager
        self._reader = _Reader(self._ask, self._retry, self._workers.listing_ways, folders, manager, reporter)
        self._moved, self._moved_told, self._found_told = Moved(), 0, 0
        self._failed: PlanFailed | None = None
        self._bucket = bucket_of(folders["destination" if folders["destination"].folder_type() == "b2" else "source"])

    # -- what is to be done

    def planned(self, policy: SyncPolicy, now_millis: int) -> Iterator[FileSync]:
        """What a sync would do, path by path. Raises PlanFailed."""
        sides = self._sides(policy, now_millis)
        try:
            yield from self._lazy_plan(sides, False, self._listen).groups()
        finally:
            if sides.folder is not None:
                sides.folder.close()

    def synced(self, policy: SyncPolicy, now_millis: int) -> None:
        """Do it. Raises PlanFailed, Unauthorized when the key lacks what the options may need, and CommandError when
        there is no place for what would come.
        """
        sides = self._sides(policy, now_millis)
        self._check_key(sides)
        if sides.dest.folder is not None and tells_files_itself(self._ends["destination"]):
            sides.dest.folder.ensure()  # any other is made when something comes to it
        plan = self._lazy_plan(sides, False, self._listen)
        self._run(sides, plan, "sync", ReportBuilder(policy.newer), self._listen)
        if self._failed is not None:
            raise self._failed

    def _check_key(self, sides: Sides) -> None:
        source = self._ends["source"]
        needed = policy_needs(
            sides.rules.direction,
            sides.header.policy.keep,
            listed=not is_told(source),
            public=source.folder_type() == "b2" and bucket_of(source).type_ == "allPublic",
        )
        self._session.refuse(lacks(needed, (sides.header.source, sides.header.dest), self._session.token().allowed))

    def _sides(self, policy: SyncPolicy, now_millis: int) -> Sides:
        if self._reporter is not None and not any(_is_local(folder) for folder in self._ends.values()):
            self._reporter.end_local()
        source, dest = self._end("source"), self._end("destination")
        sides = self._preparer.between(source, dest, policy, now_millis, PLAIN, None)
        return evolve(
            sides,
            rules=evolve(sides.rules, scanner=self._scanner),
            handed_over=left_to(self._bucket),
            whole_sha1=not says_itself(self._session, "start_large_file"),
            told=dest.b2 is not None and is_told(self._ends["destination"]),
            source_told=is_told(self._ends["source"]),
        )

    def _interpreter(
        self, folder: Folder | None, listener: Listener | None, *, flights: bool = True, small_calls: bool = False
    ) -> Interpreter:
        found = super()._interpreter(folder, listener, flights=flights, small_calls=small_calls)
        found.take_over = self._take_over
        return found

    def _take_over(self, action: SyncAction) -> IOResult[None, B2Error]:
        """Do it by the methods of the bucket. Files are counted as they end, like all others."""
        reporter = None if self._reporter is None else _BytesOnly(self._reporter)
        try:
            action_of(action, self._ends["source"], self._ends["destination"]).do_action(self._bucket, reporter)
        except Exception as error:
            return IOFailure(value_of(error))
        return IOSuccess(None)

    def _end(self, role: Role) -> Side:
        folder = self._ends[role]
        if _is_local(folder):
            found = ToldFolder(folder, self._reporter, self._manager, self._skipped)
            return Side(LocalFolder(found.root), folder=found)
        bucket = bucket_of(folder)
        bucket_id, prefix = BucketId(bucket.id_), core_prefix(folder)
        place = B2Folder(bucket.name or "", prefix, bucket_id)
        return Side(place, b2=B2Side(bucket_id, prefix))

    def _lazy_plan(self, sync: Sides, include_quiet: bool, listener: Listener | None) -> SyncPlan:
        plan = super()._lazy_plan(sync, include_quiet, listener)
        return SyncPlan(plan.header, lambda: self._counted(plan))

    def _counted(self, plan: SyncPlan) -> Generator[FileSync, None, int]:
        """The paths of a plan; at its end the reporter hears how much there is to do."""
        files = length = 0
        groups = plan.groups()
        try:
            while True:
                sync = next(groups)
                actions = actions_of(sync)
                files += len(actions)
                length += sum(map(bytes_of, actions))
                yield sync
        except StopIteration as end:
            if self._reporter is not None:
                self._reporter.end_compare(files, length)
            names: int = end.value
            return names
        except PlanFailed as failed:
            self._failed = failed
            raise

    # -- what is told of it

    def _skipped(self, item: SkippedPath) -> None:
        if item.why in AS_WANTED:
            return
        self.left_out += 1
        if item.why == "undecodable" and self.undecodable is None:
            self.undecodable = item

    def _listen(self, event: Event) -> None:
        if isinstance(event, PathDone):
            self._ended(event)
        if self._reporter is None:
            return
        if isinstance(event, Scanned):
            self._found(event, self._reporter)
            return
        self._moved.hear(event)
        if self._moved.shown > self._moved_told:
            self._reporter.update_transfer(0, self._moved.shown - self._moved_told)
            self._moved_told = self._moved.shown

    def _found(self, event: Scanned, reporter: SyncReport) -> None:
        if not _is_local(self._ends[event.side]):
            return
        if event.count > self._found_told:
            reporter.update_local(event.count - self._found_told)
            self._found_told = event.count
        if event.whole:
            reporter.end_local()

    def _ended(self, event: PathDone) -> None:
        outcome = event.outcome
        match outcome:
            case Done(sync):
                self.tell(sync, actions_of(sync))
            case Failed(sync, action, error, completed):
                self.tell(sync, completed)
                told = self._session.exception(error)
                self._error(f"{action_line(action)}: {type(told).__name__} {told}")
            case Drifted(sync, expected, found):
                self._error(f"{sync.path} changed meanwhile: {expected} -> {found}")
            case Skipped(sync):
                self.note_undone(sync)
            case Conflict(sync):
                self.conflicts.append(sync)
            case Superseded():
                pass

    def note_undone(self, sync: FileSync) -> None:
        """Say so where the source has what the destination cannot take: for its name, or for what is in its place. What
        the source itself could not tell is left to its warning.
        """
        reason = sync.reason
        if isinstance(reason, UnusableName):
            self._error(f"{sync.path}: {reason.why}")
        elif isinstance(reason, Unknown) and _is_local(self._ends["destination"]) and not is_left_over(reason):
            self._error(f"{sync.path}: not written: {tell(reason)}")

    def _error(self, message: str) -> None:
        self.failures += 1
        if self._reporter is not None:
            self._reporter.error(message)
        else:
            _log.warning("%s", printable(message))

    def tell(self, sync: FileSync, actions: Iterable[SyncAction]) -> None:
        """Say that these actions are done."""
        if self._reporter is not None:
            for action in actions:
                self._reporter.update_transfer(1, 0)
                self._reporter.print_completion(action_line(action))


def _is_local(folder: AbstractFolder) -> bool:
    return folder.folder_type() == "local"


@frozen
class _BytesOnly:
    """What an action tells its progress to."""

    reporter: SyncReport

    def update_transfer(self, _files: int, length: int) -> None:
        """So many bytes more."""
        self.reporter.update_transfer(0, length)


class _Reader(SideReader):
    """Reads folders; the reporter hears of each file of the source as it is compared."""

    def __init__(
        self,
        ask: Ask,
        retry: RetryPolicy,
        ways: int,
        folders: dict[Role, AbstractFolder],
        manager: ScanPoliciesManager,
        reporter: SyncReport | None,
    ) -> None:
        super().__init__(ask, retry, ways)
        self._folders, self._manager, self._reporter = folders, manager, reporter

    def _scanned(self, side: Side, role: Role, rules: Rules) -> Iterator[Item]:
        folder = self._folders[role]
        told = None if side.b2 is None else told_paths(folder, self._reporter, self._manager)
        items: Iterator[Item] = super()._scanned(side, role, rules) if told is None else told
        return items if role == "destination" or self._reporter is None else _compared(items, self._reporter)


def _compared(items: Iterator[Item], reporter: SyncReport) -> Iterator[Item]:
    for item in items:
        yield item
        reporter.update_compare(1)
