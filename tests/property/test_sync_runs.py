"""Laws of how runs are carried out: the order does not matter, bounds hold, two at a time do no harm.

Rules. Orders come from seeds, or from real threads over the same simulator. Bounds are counted from outside: by the
driver's observer, or by an `Api` that passes everything on and counts what is under way.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
from attrs import define, field, frozen
from hypothesis import given
from hypothesis import strategies as st
from returns.io import IOResult
from returns.result import Failure, Result, Success
from worlds_support import (
    DEST_BUCKET,
    Scene,
    Step,
    Version,
    build,
    content,
    history,
    jobs,
    plain_client,
    policy_of,
    scenes,
    shown,
    source_shown,
    stored_ids,
    sync,
    unfinished,
)

from b2pure.effects.effect import All, AnyEffect, Credential, Now, Send
from b2pure.effects.handlers import Api, Heard, Reader, Sink, unheard
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.job import B2Side, Job
from b2pure.effects.machines import Machines
from b2pure.effects.outcomes import Outcome
from b2pure.effects.program import Program, perform
from b2pure.effects.report import Report
from b2pure.effects.seeded import SeededDriver
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.sync import run_chunk
from b2pure.effects.threads import ThreadDriver
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error, Transport
from b2pure.model.limits import PartSizes
from b2pure.model.policy import Delete, KeepOrDelete, NoDelete
from b2pure.model.replies import DownloadReply
from b2pure.plan.actions import FileSync
from b2pure.plan.feed import Chunk, chunked
from b2pure.plan.reasons import NewFile
from b2pure.plan.rules import make_rules
from b2pure.testing import SimulatedB2

R = TypeVar("R")
SEEDS = st.integers(0, 10_000)


def many_files(count: int) -> Scene:
    """So many new files, most of them small."""
    new = (Step("put", 1000, 1),)
    return Scene("up", {f"file-{number:04}": new for number in range(count)})


# --- L27 -------------------------------------------------------------------------------------------------------------

End = tuple[dict[str, tuple[Version, ...]], Report]


def run_with(scene: Scene, keep: KeepOrDelete, seed: int | None, workers: int) -> End:
    world = build(scene, seed=seed, workers=workers)
    report = sync(world, scene, keep)
    return history(world, scene), report


@given(jobs(), SEEDS, st.integers(1, 8))
def test_the_end_and_the_report_do_not_depend_on_the_order(
    job: tuple[Scene, KeepOrDelete, int], other: int, workers: int
) -> None:
    """L27: one worker or many, this seed or that one."""
    scene, keep, seed = job
    assert run_with(scene, keep, seed, 1) == run_with(scene, keep, other, workers)


@given(jobs())
def test_threads_end_where_any_seed_ends(job: tuple[Scene, KeepOrDelete, int]) -> None:
    """L27 for the thread driver."""
    scene, keep, seed = job
    assert run_with(scene, keep, None, 4) == run_with(scene, keep, seed, 4)


@given(scenes("up"), SEEDS, SEEDS)
def test_the_report_of_drifted_paths_does_not_depend_on_the_order(scene: Scene, seed: int, other: int) -> None:
    """L27 for runs in which not everything is well: a saved plan over a source that has changed."""

    def end(seed: int | None) -> End:
        world = build(scene, seed=seed)
        plan = world.client.plan_sync(*scene.places, policy_of(Delete()))
        list(plan)
        for number, name in enumerate(sorted(scene.source)):
            if number % 2 and name in world.disk("here").files:
                world.disk("here").put(name, b"another", 99)
        report = world.client.apply(plan)
        return history(world, scene), report

    assert end(seed) == end(other) == end(None)


# --- L29 -------------------------------------------------------------------------------------------------------------


@define(eq=False)
class CountingApi:
    """Passes everything on and counts what is under way at once, overall and by upload URL."""

    api: Api
    most: int = 0
    url_shared: bool = False
    _under_way: int = 0
    _urls: Counter[str] = field(factory=Counter)
    _lock: threading.Lock = field(factory=threading.Lock)

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        url = credential.url if isinstance(credential, UploadUrl) else None
        self._enter(url)
        try:
            return self.api.send(call, credential, reader)
        finally:
            self._leave(url)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        self._enter(None)
        try:
            return self.api.fetch(call, authorization, sink, heard)
        finally:
            self._leave(None)

    def _enter(self, url: str | None) -> None:
        with self._lock:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            if url is not None:
                self._urls[url] += 1
                self.url_shared = self.url_shared or self._urls[url] > 1

    def _leave(self, url: str | None) -> None:
        with self._lock:
            self._under_way -= 1
            if url is not None:
                self._urls[url] -= 1


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_have_no_more_calls_under_way_than_workers_and_part_workers(workers: int) -> None:
    """L29 on threads: as many files, and as many parts of large files; one more thread lists ahead."""
    scene = many_files(60)
    world = build(scene, workers=workers)
    counting = CountingApi(world.api)
    world.api = counting
    assert sync(world, scene).ok
    assert shown(world, scene) == source_shown(world, scene)
    assert 1 <= counting.most <= 2 * workers + 1
    assert not counting.url_shared


@given(scenes("up", max_files=8), SEEDS, st.integers(1, 4))
def test_no_upload_url_is_used_twice_at_once_and_calls_under_way_are_bounded(
    scene: Scene, seed: int, workers: int
) -> None:
    """L29 by seed, where a call lasts as long as others like: a file counts once, or by its parts, of which as many
    as there are workers are under way.
    """
    check_bounds(scene, seed, workers)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_for_enough_files_that_urls_change_hands_often(seed: int) -> None:
    """L29 where the pool is never empty for long."""
    check_bounds(many_files(30), seed, 4)


def check_bounds(scene: Scene, seed: int, workers: int) -> None:
    world = build(scene, seed=seed, workers=workers)
    under_way: list[Send[Any]] = []

    def observe(moment: str, effect: AnyEffect) -> None:
        if not isinstance(effect, Send):
            return
        if moment == "end":
            under_way[:] = [other for other in under_way if other is not effect]
            return
        under_way.append(effect)
        urls = [send.credential.url for send in under_way if isinstance(send.credential, UploadUrl)]
        assert len(urls) == len(set(urls)), "an upload URL is used twice at once"
        assert len(under_way) <= workers * workers

    world.observer = observe
    assert sync(world, scene).ok


Driver = ThreadDriver | SeededDriver


def one_at_a_time(threads: bool) -> Driver:
    """A driver that runs the programs of an `All` one after the other."""
    interpreter = Interpreter(build(Scene("up")).api, SimulatedDisk(), SimulatedClock(), Machines())
    if threads:
        return ThreadDriver(interpreter, workers=1)
    return SeededDriver(interpreter, seed=1, workers=1, part_workers=1)


BROKEN = Transport("broken", "reset")


def number_after(number: int, fails: int) -> Program[Result[int, B2Error]]:
    yield from perform(Now())
    return Failure(BROKEN) if number == fails else Success(number)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("threads", [False, True], ids=["seeded", "threads"])
def test_after_a_failed_program_no_further_one_is_started(threads: bool, nested: bool) -> None:
    """What `All` promises, by itself and inside another `All`; one that never ran gives None."""

    def all_of() -> Program[Result[Any, B2Error]]:
        results = yield from perform(All[int](number_after(number, 2) for number in range(5)))
        return Success(results)

    def inside() -> Program[Result[Any, B2Error]]:
        (result,) = yield from perform(All[Any](iter([all_of()])))
        assert result is not None
        return result

    with one_at_a_time(threads) as driver:
        results = driver.run(inside() if nested else all_of())
    assert results == Success((Success(0), Success(1), Failure(BROKEN), None, None))


@pytest.mark.parametrize("threads", [False, True], ids=["seeded", "threads"])
def test_programs_of_a_large_file_are_made_as_there_are_hands_for_them(threads: bool) -> None:
    """L29 for parts: ten thousand of them are not made at once."""
    made = done = most = 0

    def part() -> Program[Result[None, None]]:
        nonlocal done
        yield from perform(Now())
        done += 1
        return Success(None)

    def parts() -> Iterator[Program[Result[None, None]]]:
        nonlocal made, most
        for _ in range(200):
            made += 1
            most = max(most, made - done)
            yield part()

    def large() -> Program[Any]:
        return (yield from perform(All[None](parts())))

    with one_at_a_time(threads) as driver:
        driver.run(large())
    assert (made, done) == (200, 200)
    assert most <= 2


def test_a_lazy_plan_of_a_million_paths_is_read_no_faster_than_it_is_carried_out() -> None:
    """L29, the memory law. Between what is read and what is done lie at most the chunks in the bag, one with each
    worker, one on its way into the bag, and the path that told where that one ends.
    """
    paths, bound, workers, largest_chunk = 1_000_000, 16, 3, 16
    one = FileSync("a", NewFile())
    read = done = most = 0
    lock = threading.Lock()

    def lazy() -> Iterator[FileSync]:
        nonlocal read, most
        for _ in range(paths):
            read += 1
            most = max(most, read - done)
            yield one

    def carry_out(chunk: Chunk) -> Program[None]:
        nonlocal done
        with lock:
            done += len(chunk)
        yield from ()

    interpreter = Interpreter(build(Scene("up")).api, SimulatedDisk(), SimulatedClock(), Machines())
    with ThreadDriver(interpreter, workers=workers, bound=bound) as driver:
        driver.run_each(carry_out(chunk) for chunk in chunked(lazy()))
    assert done == paths
    assert most <= (bound + workers + 1) * largest_chunk + 1


# --- two syncs at once -----------------------------------------------------------------------------------------------


def created(world: SimulatedB2, before: set[str]) -> int:
    return len(stored_ids(world) - before)


@pytest.mark.parametrize("keep", [NoDelete(), Delete()], ids=["keep all", "delete"])
def test_two_clients_that_sync_to_one_place_at_once_both_succeed(keep: KeepOrDelete) -> None:
    """On threads: both reports are well, the contents are the source's, and a file was uploaded twice at most. A large
    file that one of them began and both finished is one.
    """
    scene = many_files(80)
    world = build(scene)
    before = stored_ids(world)
    reports: list[Report] = []
    start = threading.Barrier(2)

    def run() -> None:
        client = world.client
        start.wait()
        reports.append(sync(world, scene, keep, client))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.ok for report in reports] == [True, True], reports
    assert shown(world, scene) == source_shown(world, scene)
    assert created(world, before) <= 2 * 80
    assert sum(report.done.get("upload", 0) for report in reports) >= created(world, before)
    assert unfinished(world) == 0


@frozen
class Pair:
    """What came of two jobs that were interleaved."""

    world: SimulatedB2
    outcomes: list[Outcome]
    created: int


def interleave(scene: Scene, keep: KeepOrDelete, seed: int, *, shuffled: bool = False, workers: int = 4) -> Pair:
    """Two jobs between the same places, planned at the same moment, then run a moment of this and a moment of that.

    They share workers, session and the pool of URLs, as two syncs of one client do. Unless `shuffled` (which is what
    the thread driver's bag does) both go through the names side by side, the worst that can happen.
    """
    world = build(scene, seed=seed)
    before = stored_ids(world)
    bucket_id = world.bucket_id(DEST_BUCKET)
    rules = make_rules(
        "up", policy_of(keep), now_millis=world.clock.now_millis(), part_sizes=PartSizes(16, 8), dest_prefix="to/"
    )
    outcomes: list[Outcome] = []
    shuffle = random.Random(seed)

    def programs() -> Iterator[Program[object]]:
        plan = tuple(plain_client(world).plan_sync(*scene.places, policy_of(keep)))
        job = Job(None, B2Side(bucket_id, "to/"), rules, "sync")
        halves = [list(chunked(plan)), list(chunked(plan))]
        for half in halves if shuffled else []:
            shuffle.shuffle(half)
        for pair in zip(*halves, strict=True):
            for chunk in pair:
                yield kept(run_chunk(job, chunk))

    def kept(program: Program[tuple[Outcome, ...]]) -> Program[None]:
        outcomes.extend((yield from program))

    interpreter = Interpreter(world.api, world.disk("here"), world.clock, Machines())
    SeededDriver(interpreter, seed=seed, workers=workers, part_workers=workers).run_each(programs())
    return Pair(world, outcomes, created(world, before))


@given(scenes("up"), st.sampled_from((NoDelete(), Delete())), SEEDS)
def test_two_jobs_interleaved_by_a_seed_end_like_one(scene: Scene, keep: KeepOrDelete, seed: int) -> None:
    """Whatever the order: no path fails or is lost, the destination shows what one job would have left, and each job
    makes at most one version of a file.
    """
    alone = build(scene, seed=seed)
    assert sync(alone, scene, keep).ok
    pair = interleave(scene, keep, seed)
    kinds = {type(outcome).__name__ for outcome in pair.outcomes}
    assert kinds <= {"Done", "Superseded"}
    assert shown(pair.world, scene) == shown(alone, scene)
    assert pair.created <= 2 * len(scene.source)
    assert unfinished(pair.world) == 0


def test_a_second_look_takes_a_local_folder_for_no_file_as_the_scan_did() -> None:
    """The other job deleted the name meanwhile, so that this one looks again at both sides: here a folder stands."""
    scene = Scene("up", {"b/c": (Step("put", 5000, 1),)}, {"b": (Step("put", 1000, 1),)})
    for seed in range(20):
        pair = interleave(scene, Delete(), seed)
        assert {type(outcome).__name__ for outcome in pair.outcomes} <= {"Done", "Superseded"}
        assert shown(pair.world, scene) == source_shown(pair.world, scene)


def test_two_jobs_that_start_together_do_little_work_twice() -> None:
    """With single files at first, an order of its own for each job, and a look before each file once the other job was
    seen, little more is done twice than what happens to be under way at the same moment: not twice the workers,
    however many files there are (no law, but what these seeds give, and far below the 60 that nobody could forbid).
    """
    for seed in range(3):
        pair = interleave(many_files(60), NoDelete(), seed, shuffled=True, workers=4)
        assert 60 <= pair.created <= 60 + 2 * 4


def test_content_of_the_many_files_is_partly_large() -> None:
    """A guard: the bounds above are about small and large files."""
    sizes = [len(content(name, 1000)) for name in many_files(60).source]
    assert min(sizes) < 24 <= max(sizes)
