"""The functional face: a client that plans, shows, applies and syncs.

What asks B2 one thing answers with a `Result`. A plan is a value that raises `PlanFailed` where it cannot be read to
its end; applying one gives a `Report` and never raises for what failed. Everything that decides is in `b2pure.plan`,
everything that does is a program of `b2pure.effects`: here they are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Final, TypeVar

from returns.result import Result

from b2pure.effects.driver import Driver, DriverFactory
from b2pure.effects.handlers import Api, Clock
from b2pure.effects.interpreter import Interpreter, Listener
from b2pure.effects.job import B2Side, Mode
from b2pure.effects.machines import Machines
from b2pure.effects.program import Program
from b2pure.effects.relay import Orders
from b2pure.effects.report import Report, ReportBuilder
from b2pure.effects.requests import authorization, request
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.threads import ThreadDriver
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, CreateBucket, ListBuckets, ListFileNames, ListFileVersions
from b2pure.model.errors import B2Error, InvalidArgument
from b2pure.model.ids import FileId
from b2pure.model.names import printable
from b2pure.model.new_file import PLAIN, NewFile
from b2pure.model.policy import CompareVersionMode, SyncPolicy
from b2pure.model.protection import SseC
from b2pure.model.replies import BucketReply, FileReply
from b2pure.plan.actions import FileSync
from b2pure.plan.bandwidth import Bandwidth
from b2pure.plan.capabilities import policy_needs
from b2pure.plan.concurrency import Workers, workers_of
from b2pure.plan.explain import Explanation
from b2pure.plan.failures import PlanFailed
from b2pure.plan.plan import SyncPlan
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.spread import Cursor
from b2pure.plan.sync import never_quiet, pair_up, plan_groups, plan_pairs
from b2pure.shell.access import Access
from b2pure.shell.creations import Creations
from b2pure.shell.folders import Folder, FolderOpener, open_folder
from b2pure.shell.pages import Fetch, Page, cursor, files_of
from b2pure.shell.plans import Plan, spooled
from b2pure.shell.preparing import PlaceLike, Preparer, check_names, found
from b2pure.shell.runs import NOT_SHARED, Tally, all_orders, into_folder, run_here, run_split, until_failure
from b2pure.shell.sides import (
    SideReader,
    Sides,
    listed,
)

__all__ = ["Client", "PlaceLike", "threads"]

T = TypeVar("T")
R = TypeVar("R")

_LS_PAGE: Final = 1000
"""So many files are asked for at first: as many as B2 bills as one call."""


def threads(interpreter: Interpreter, workers: Workers | None) -> Driver:
    """The driver of clients that have been told of no other."""
    return ThreadDriver(interpreter, workers=workers or 1)


class Client(Creations):
    """B2, and the local folders beside it, with one application key. Safe for many threads.

    `workers` files are on their way at once, and as many parts of large files: a number, or bounds within which each
    job finds out how many help. `bandwidth` limits all of them together. `clock` says the time that keep-days counts
    back from. `machines` keep the session and the upload URLs. `access` is what other processes need to reach the same
    B2, None where none can. Raises ValueError for a number of workers
    that makes no sense.
    """

    def __init__(
        self,
        api: Api,
        clock: Clock,
        *,
        folders: FolderOpener = open_folder,
        drivers: DriverFactory = threads,
        workers: Workers | int | None = None,
        bandwidth: Bandwidth | None = None,
        retry: RetryPolicy | None = None,
        machines: Machines | None = None,
        access: Access | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        bounds = Workers() if workers is None else workers_of(workers)
        super().__init__(api, clock, machines or Machines(bandwidth), drivers, bounds, retry or RetryPolicy())
        self._access, self._bandwidth = access, bandwidth or Bandwidth()
        self._preparer = Preparer(self._ask, self._clock, folders, self._retry)
        self._reader = SideReader(self._ask, self._retry, bounds.listing_ways)
        self._close = close

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. A client that is used again makes a new one for each call."""
        self._close()

    # --- one question each

    def authorize(self, retry: RetryPolicy | None = None) -> Result[Authorization, B2Error]:
        """The account token and what the key may do; asked once, then remembered."""
        return self._ask(authorization(retry or self._retry))

    def call(self, call: Call[R]) -> Result[R, B2Error]:
        """Any one call with the account token, with retries."""
        return self._ask(request(call, self._retry))

    def create_bucket(self, name: str, bucket_type: str = "allPrivate") -> Result[BucketReply, B2Error]:
        """A new bucket, private unless asked otherwise."""
        return self.authorize().bind(lambda token: self.call(CreateBucket(token.account_id, name, bucket_type)))

    def buckets(self) -> Result[tuple[BucketReply, ...], B2Error]:
        """The buckets that the key can see."""
        return self.authorize().bind(
            lambda token: self.call(ListBuckets(token.account_id)).map(lambda listed: listed.buckets)
        )

    def ls(self, place: PlaceLike, *, recursive: bool = False, versions: bool = False) -> Iterator[FileReply]:
        """The files of a B2 folder in order, below it too if `recursive`, old versions and hide markers too if
        `versions`. Without `recursive` a subfolder is one entry with action `folder`. While a page of 10,000 files is
        read, the next one is fetched. Raises PlanFailed.
        """
        side = found(self._preparer.side(place, "source"))
        if side.b2 is None:
            raise PlanFailed(InvalidArgument("folder", "is local; list it with your own tools"))
        if recursive:
            fetch = partial(self._page_of_versions if versions else self._page_of_names, side.b2, None)
            return chain.from_iterable(files_of(fetch, side.b2.prefix, self._workers.listing_ways, first=_LS_PAGE))
        fetch = partial(self._page_of_versions if versions else self._page_of_names, side.b2, "/")
        return self._one_after_the_other(fetch)

    def _one_after_the_other(self, fetch: Fetch[FileReply]) -> Iterator[FileReply]:
        end: Cursor | None = None
        while True:
            files, end = fetch(end, _LS_PAGE)
            yield from files
            if end is None:
                return

    def _page_of_names(self, side: B2Side, delimiter: str | None, start: Cursor | None, count: int) -> Page[FileReply]:
        name = None if start is None else start.name
        page = listed(self.call(ListFileNames(side.bucket_id, name, count, side.prefix, delimiter)))
        return page.files, cursor(page.next_file_name)

    def _page_of_versions(
        self, side: B2Side, delimiter: str | None, start: Cursor | None, count: int
    ) -> Page[FileReply]:
        at: tuple[str | None, FileId | None] = (None, None) if start is None else (start.name, start.file_id)
        page = listed(self.call(ListFileVersions(side.bucket_id, *at, count, side.prefix, delimiter)))
        return page.files, cursor(page.next_file_name, page.next_file_id)

    # --- plans

    def plan_sync(
        self,
        source: PlaceLike,
        dest: PlaceLike,
        policy: SyncPolicy | None = None,
        *,
        include_quiet: bool = False,
        new_files: NewFile | None = None,
        source_encryption: SseC | None = None,
        listener: Listener | None = None,
        **choices: object,
    ) -> Plan:
        """What would make `dest` like `source`. Places are `b2://bucket/path` or local folders.

        The policy may be given as one value or as its fields (`keep=KeepDays(10)`). Both sides are read when the plan
        is read for the first time, and never again. `new_files` is what each file that is made in B2 gets (type, info,
        encryption, locks); `source_encryption` the SSE-C key of the source's files. The plan names such keys, but does
        not hold them. Raises PlanFailed when the sides or the policy make no sense.
        """
        sync = self._preparer.prepare(source, dest, _policy(policy, choices), new_files or PLAIN, source_encryption)
        check_names(sync)
        return spooled(self._lazy_plan(sync, include_quiet, listener))

    def sync(
        self,
        source: PlaceLike,
        dest: PlaceLike,
        policy: SyncPolicy | None = None,
        *,
        new_files: NewFile | None = None,
        source_encryption: SseC | None = None,
        listener: Listener | None = None,
        processes: int = 1,
        **choices: object,
    ) -> Report:
        """Make `dest` like `source`: planned and carried out in one stream. Never raises for what fails out there.

        With more than one of `processes` the work is dealt out to so many of them; there are never more of them than
        workers, and all together keep to the client's bounds. Raises ValueError for fewer than one.

        A path that changes under the sync's hands, or that another sync brought forward meanwhile, is planned again.
        """
        chosen = _policy(policy, choices)
        builder = ReportBuilder(chosen.newer)
        try:
            sync = self._preparer.prepare(source, dest, chosen, new_files or PLAIN, source_encryption)
            self._check_processes(sync, processes)
            self._preparer.refuse_lacks(sync, policy_needs(sync.rules.direction, chosen.keep))
        except PlanFailed as failed:
            builder.refused.append(str(failed))
            return builder.report()
        return self._run(sync, self._lazy_plan(sync, False, listener), "sync", builder, listener, processes)

    def apply(
        self,
        plan: SyncPlan,
        *,
        keys: Iterable[SseC] = (),
        listener: Listener | None = None,
        processes: int = 1,
    ) -> Report:
        """Do what a plan says. A path that is not as the plan saw it is left alone and reported as drifted.

        Nothing is begun when the plan is not whole, when it has a conflict that its policy calls an error, when the
        key lacks something that it needs, or when its bucket is another one now. `keys` are the SSE-C keys that the
        plan names. `processes` as for `sync`.
        """
        if not isinstance(plan, SyncPlan):
            raise TypeError(f"apply takes a plan, not {type(plan).__name__}; Plan.load(...) gives a Result: unwrap it")
        builder = ReportBuilder(plan.header.policy.newer)
        try:
            sync = self._preparer.prepare_saved(plan, keys)
            self._check_processes(sync, processes)
            summary = plan.summarize()
            self._preparer.refuse_lacks(sync, summary.capabilities)
        except PlanFailed as failed:
            builder.refused.append(str(failed))
            return builder.report()
        refusing = next(plan.refuses(), None)
        if refusing is not None:
            builder.refused.append(
                f"{summary.conflicts} destination files are newer than their source ({printable(refusing.path)} ...); "
                "plan again with newer=SKIP or newer=REPLACE (--skip-newer, --replace-newer)"
            )
            return builder.report()
        return self._run(sync, plan, "apply", builder, listener, processes)

    def explain(self, source: PlaceLike, dest: PlaceLike, path: str, policy: SyncPolicy | None = None) -> str:
        """Why one path would be treated as it would, from a look at that path alone. Raises PlanFailed."""
        return self.explanation(source, dest, path, policy).text()

    def explanation(
        self, source: PlaceLike, dest: PlaceLike, path: str, policy: SyncPolicy | None = None
    ) -> Explanation:
        """The same as a value. Raises PlanFailed."""
        return self._reader.explained(self._preparer.prepare(source, dest, _policy(policy, {})), path)

    # --- putting it together

    def _lazy_plan(self, sync: Sides, include_quiet: bool, listener: Listener | None) -> SyncPlan:
        def groups() -> Generator[FileSync, None, int]:
            source = self._reader.items(sync.source, "source", sync.rules, listener)
            dest = self._reader.items(sync.dest, "destination", sync.rules, listener)
            if sync.rules.policy.compare is CompareVersionMode.SHA1:
                pairs = self._reader.with_hashes(pair_up(source, dest, sync.rules, never_quiet), sync)
                return plan_pairs(pairs, sync.rules, include_quiet=include_quiet)
            return plan_groups(source, dest, sync.rules, include_quiet=include_quiet)

        return SyncPlan(sync.header, groups, lambda path: self._reader.explained(sync, path).text())

    def _run(
        self,
        sync: Sides,
        plan: SyncPlan,
        mode: Mode,
        builder: ReportBuilder,
        listener: Listener | None,
        processes: int = 1,
    ) -> Report:
        tally = Tally(builder, self._workers.streams, listener)
        syncs = until_failure(plan, mode, builder)
        if sync.dest.folder is not None:
            syncs = into_folder(syncs, sync.dest.folder, builder)
        try:
            job = sync.job(mode, self._retry)

            def interpret(hear: Listener) -> Interpreter:
                return self._interpreter(
                    sync.folder, hear, flights=listener is not None, small_calls=job.dest is not None
                )

            if processes > 1:
                orders = self._orders(sync, mode, processes, watched=listener is not None)
                run_split(syncs, job, interpret, orders, self._bandwidth, tally, sync.tidy)
            else:
                run_here(syncs, job, interpret(tally.hear), self._drivers, self._workers, tally)
        finally:
            if sync.folder is not None:
                sync.folder.close()
        return tally.report()

    def _check_processes(self, sync: Sides, processes: int) -> None:
        """Whether other processes can do it. Raises ValueError, PlanFailed."""
        if processes < 1:
            raise ValueError(f"processes must be 1 or more, not {processes}")
        if processes > 1:
            if self._access is None:
                raise PlanFailed(NOT_SHARED)
            check_names(sync)

    def _orders(self, sync: Sides, mode: Mode, processes: int, *, watched: bool) -> tuple[Orders, ...]:
        assert self._access is not None, "it was looked at before anything began"
        return all_orders(
            sync,
            mode,
            self._access,
            found(self.authorize()),
            self._retry,
            self._workers,
            self._bandwidth,
            processes=processes,
            watched=watched,
        )

    def _ask(self, program: Program[T], folder: Folder | None = None) -> T:
        with self._drivers(self._interpreter(folder, None), None) as driver:
            return driver.run(program)

    def _interpreter(
        self, folder: Folder | None, listener: Listener | None, *, flights: bool = True, small_calls: bool = False
    ) -> Interpreter:
        disk = folder.disk if folder is not None else SimulatedDisk()
        return Interpreter(
            self._api, disk, self._clock, self._machines, listener, flights=flights, small_calls=small_calls
        )


def _policy(policy: SyncPolicy | None, choices: dict[str, object]) -> SyncPolicy:
    if policy is not None and choices:
        raise ValueError(f"give the policy as one value or as its fields ({', '.join(choices)}), not both")
    return policy if policy is not None else SyncPolicy(**choices)  # type: ignore[arg-type]  # it checks itself
