"""One run of a plan: here on threads, or split over processes; what both have in common.

A `Tally` hears what happens, whoever does it: it counts for the report, and stops a run in which everything would fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from attrs import evolve

from b2pure.effects.deck import HANDS_AHEAD
from b2pure.effects.driver import DriverFactory
from b2pure.effects.events import Event, PathDone, PathStarted
from b2pure.effects.interpreter import Interpreter, Listener
from b2pure.effects.job import Job, Mode
from b2pure.effects.outcomes import Failed
from b2pure.effects.relay import Orders
from b2pure.effects.report import Report, ReportBuilder
from b2pure.effects.sync import idle_outcome, run_chunk
from b2pure.effects.threads import ThreadDriver
from b2pure.model.account import Authorization
from b2pure.model.errors import InvalidArgument, describe
from b2pure.model.names import printable
from b2pure.model.policy import NewerFileSyncMode
from b2pure.model.protection import SseC
from b2pure.plan.actions import FileSync
from b2pure.plan.bandwidth import Bandwidth
from b2pure.plan.breaker import Breaker, step_breaker
from b2pure.plan.concurrency import Workers
from b2pure.plan.failures import PlanFailed
from b2pure.plan.feed import Chunk, chunked
from b2pure.plan.plan import SyncPlan
from b2pure.plan.reasons import DestNewer
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.split import shares_of_line, shares_of_workers
from b2pure.shell.access import Access
from b2pure.shell.folders import Folder
from b2pure.shell.sides import Sides

__all__ = ["NOT_SHARED", "Tally", "all_orders", "into_folder", "run_here", "run_split", "until_failure"]

NOT_SHARED: Final = InvalidArgument(
    "processes",
    "can only be more than one for a B2 that other processes can reach, which a simulated B2 in memory is not: serve "
    "it (b2pure serve, or b2pure.testing's served_b2) and connect to its URL (b2.connect(key_id, key, realm=url))",
)


class Tally:
    """For one thread at a time. `stop` is called once nothing more should begin."""

    def __init__(self, builder: ReportBuilder, streams: int, listener: Listener | None) -> None:
        self._builder, self._listener = builder, listener
        self._breaker = Breaker(streams)
        self.stop: Callable[[], None] = lambda: None

    def hear(self, event: Event) -> None:
        """Count it, and pass it on."""
        if isinstance(event, PathDone):
            outcome = event.outcome
            self._builder.add(outcome)
            self._breaker = step_breaker(self._breaker, outcome.error if isinstance(outcome, Failed) else None)
            if self._breaker.tripped is not None:
                self.stop()
        if self._listener is not None:
            self._listener(event)

    def report(self) -> Report:
        """What came of it."""
        if self._breaker.tripped is not None:
            self._builder.refused.append(self._breaker.tripped)
        return self._builder.report()


def run_here(
    syncs: Iterable[FileSync],
    job: Job,
    interpreter: Interpreter,
    drivers: DriverFactory,
    workers: Workers,
    tally: Tally,
) -> None:
    """In this process."""
    job = evolve(job, download_streams=min(job.download_streams, workers.streams))
    with drivers(interpreter, workers) as driver:
        tally.stop = driver.stop
        driver.run_each(run_chunk(job, chunk) for chunk in chunked(syncs))


def run_split(
    syncs: Iterable[FileSync],
    job: Job,
    interpret: Callable[[Listener], Interpreter],
    orders: Sequence[Orders],
    bandwidth: Bandwidth,
    tally: Tally,
    tidy: Callable[[Iterable[str]], None],
) -> None:
    """Here and in other processes. The first orders are for this one; paths with nothing to do stay here. `tidy`
    removes the temporary files that nobody uses any more from where paths are.
    """
    from b2pure.shell.crew import Crew  # here, because most jobs have one process

    workers = Workers(*orders[0].workers)
    job = evolve(job, download_streams=min(job.download_streams, workers.streams))
    own = interpret(lambda event: crew.tell(event))

    def work(hands: Iterator[Chunk]) -> None:
        with ThreadDriver(own, workers=workers, bound=HANDS_AHEAD) as driver:
            crew.heed(driver.stop)
            driver.run_each(run_chunk(job, hand) for hand in hands)

    crew = Crew(work, orders[1:], bandwidth, tally.hear, own.clock.draw, own.machines.share_line, tidy)
    tally.stop = crew.stop
    own.machines.share_line(orders[0].bandwidth)
    try:
        crew.run(chunked(_with_work(syncs, crew.hear)))
    finally:
        own.machines.share_line(bandwidth)


def _with_work(syncs: Iterable[FileSync], hear: Callable[[Event], None]) -> Iterator[FileSync]:
    for sync in syncs:
        if sync.stages:
            yield sync
        else:
            hear(PathStarted(sync.path))
            hear(PathDone(idle_outcome(sync)))


def all_orders(
    sync: Sides,
    mode: Mode,
    access: Access,
    authorization: Authorization,
    retry: RetryPolicy,
    workers: Workers,
    bandwidth: Bandwidth,
    *,
    processes: int,
    watched: bool,
) -> tuple[Orders, ...]:
    """What each process is told: the same, but for its share of the threads and of the line."""
    shares = shares_of_workers(workers, processes)
    lines = shares_of_line(bandwidth, [True] * len(shares))
    keys = tuple(key for key in (sync.new.encryption, sync.source_key) if isinstance(key, SseC))
    return tuple(
        Orders(
            access.key_id,
            access.key,
            access.realm_address,
            access.test_mode,
            authorization,
            sync.header,
            mode,
            retry,
            (share.floor, share.ceiling, share.start),
            line,
            keys,
            watched,
        )
        for share, line in zip(shares, lines, strict=True)
    )


def until_failure(plan: SyncPlan, mode: Mode, builder: ReportBuilder) -> Iterator[FileSync]:
    """The plan's paths, up to where it fails or, while planning, up to a conflict that the policy calls an error."""
    stream = plan.groups()
    while True:
        try:
            sync = next(stream)
        except StopIteration as end:
            builder.compared = end.value or 0
            return
        except PlanFailed as failed:
            builder.refused.append(f"stopped: {failed}")
            return
        yield sync
        raises = plan.header.policy.newer is NewerFileSyncMode.RAISE_ERROR
        if mode == "sync" and raises and isinstance(sync.reason, DestNewer):
            builder.refused.append(
                f"stopped at {printable(sync.path)}, which is newer at the destination; "
                "choose newer=SKIP or newer=REPLACE (--skip-newer, --replace-newer)"
            )
            return


def into_folder(syncs: Iterable[FileSync], folder: Folder, builder: ReportBuilder) -> Iterator[FileSync]:
    """The same paths, on their way into a folder that is made before the first of them that needs it; also, as b2sdk
    does, when it turns out that nothing has to come. A run that is refused before it begins leaves no empty folder.
    """
    made = False
    for sync in syncs:
        if sync.stages and not made:
            made = _ensured(folder, builder)
            if not made:
                return
        yield sync
    if not made and not builder.refused:
        _ensured(folder, builder)


def _ensured(folder: Folder, builder: ReportBuilder) -> bool:
    trouble = folder.ensure()
    if trouble is not None:
        builder.refused.append(describe(trouble))
    return trouble is None
