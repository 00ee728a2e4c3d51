"""Downloads: pieces tile what is wanted, journals tell only what is true, and whatever interrupts a download, the next
run ends with the right file and fetches nothing twice that was finished.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha1
from itertools import pairwise
from typing import Any, TypeVar
from zlib import crc32

from attrs import define, evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.io import IOResult
from returns.result import Result

from b2pure.effects.downloads import Download, Downloaded, Known, NamedFile, download_over
from b2pure.effects.effect import All, AnyEffect, Credential, Fetch, HashTemp, Sleep
from b2pure.effects.faults import CorruptDownload, FaultScript, RandomFaults
from b2pure.effects.handlers import Api, Chunk, Heard, Reader, Sink, unheard
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.machines import Machines
from b2pure.effects.program import Program, ok
from b2pure.effects.seeded import Crashed, SeededDriver
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.simulator import SimulatorConfig
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error, LocalDrifted
from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import DownloadReply
from b2pure.plan.download import (
    HEADER_SIZE,
    Checked,
    Journal,
    Mark,
    Piece,
    cut,
    gaps,
    journal_header,
    journal_record,
    piece_size,
    read_journal,
    record_place,
)
from b2pure.plan.retry import RetryPolicy
from b2pure.testing import CutDownload, SimulatedB2, fault_scripts, simulated_b2

RANGES = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: ByteRange(min(pair), max(pair)))
ID = FileId("4_z0123456789abcdef01234567_f1000000000000001")


# -- pieces


@given(RANGES, st.lists(RANGES, max_size=8))
def test_gaps_are_exactly_the_bytes_that_nothing_covers(whole: ByteRange, done: list[ByteRange]) -> None:
    """L21 for downloads: in order, apart from each other, and neither more nor less than what is missing."""
    found = gaps(whole, done)
    missing = set(range(whole.start, whole.stop)) - {i for each in done for i in range(each.start, each.stop)}
    assert [i for gap in found for i in range(gap.start, gap.stop)] == sorted(missing)
    assert all(one.stop < two.start for one, two in pairwise(found))


@given(RANGES, st.integers(1, 50))
def test_a_cut_tiles_the_whole(whole: ByteRange, piece: int) -> None:
    """L21."""
    pieces = list(cut(whole, piece))
    assert [i for each in pieces for i in range(each.start, each.stop)] == list(range(whole.start, whole.stop))
    assert all(each.length == piece for each in pieces[:-1])


@given(st.integers(0, 10**13), st.integers(1, 10**9))
def test_there_are_never_more_than_ten_thousand_pieces(size: int, recommended: int) -> None:
    piece = piece_size(size, recommended)
    assert -(-size // piece) <= 10_000
    assert piece >= 8 << 20 or -(-size // piece) <= 256, "parts of a few bytes make no pieces of a few bytes"


# -- the journal


PIECES = st.builds(Piece, RANGES.filter(lambda found: found.length > 0), st.integers(0, 0xFFFFFFFF) | st.none())
MARKS = st.builds(Mark.of, st.integers(0, 40), st.text("0123456789abcdef", min_size=40, max_size=40))
ENTRIES = st.lists(PIECES | MARKS, max_size=6)


def written(size: int, content: bytes, entries: list[Piece | Mark]) -> bytes:
    header = journal_header(ID, size)
    assert header is not None
    return content + header + b"".join(journal_record(ID, size, entry) for entry in entries)


@given(st.binary(min_size=40, max_size=60), ENTRIES)
def test_a_journal_is_read_as_it_was_written(content: bytes, entries: list[Piece | Mark]) -> None:
    file = written(len(content), content, entries)
    pieces = tuple(entry for entry in entries if isinstance(entry, Piece))
    marks = tuple(entry for entry in entries if isinstance(entry, Mark))
    assert read_journal(len(file), file) == Journal(ID, len(content), pieces, len(entries), marks)
    assert record_place(len(content), len(entries)) == len(file)


@given(st.binary(min_size=40, max_size=60), ENTRIES, st.data())
def test_damage_never_makes_an_entry(content: bytes, entries: list[Piece | Mark], data: st.DataObject) -> None:
    """Cut anywhere, or with a byte changed: what a journal still tells, it was told."""
    file = bytearray(written(len(content), content, entries))
    at = data.draw(st.integers(len(content), len(file) - 1))
    if data.draw(st.booleans()):
        del file[at:]
    else:
        file[at] ^= data.draw(st.integers(1, 255))
    found = read_journal(len(file), bytes(file))
    if found is not None:
        assert (found.file_id, found.size) == (ID, len(content))
        assert {*found.pieces, *found.marks} <= set(entries)


def test_content_that_looks_like_a_journal_is_none() -> None:
    """A file may hold another download's temporary file, journal and all."""
    inner = written(40, b"x" * 40, [Piece(ByteRange(0, 40), 7)])
    assert read_journal(len(inner) + 5, b"12345" + inner) is None
    header = journal_header(ID, len(inner))
    assert header is not None
    outer = inner + header
    assert read_journal(len(outer), outer) == Journal(ID, len(inner), (), 0)
    assert len(header) == HEADER_SIZE


def test_an_id_that_no_line_can_hold_has_no_journal() -> None:
    assert journal_header(FileId("x" * 1000), 5) is None
    assert journal_header(FileId("a b"), 5) is None


# -- whole downloads

R = TypeVar("R")


@define(eq=False)
class Counting:
    """The api, with a count of the bytes that came."""

    api: Api
    came: int = 0

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        return self.api.send(call, credential, reader)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        counting = self

        class Through:
            def write(self, chunk: Chunk) -> None:
                sink.write(chunk)
                counting.came += len(chunk)

        return self.api.fetch(call, authorization, Through(), heard)


SMALL = SimulatorConfig(absolute_minimum_part_size=1, recommended_part_size=3)
PATIENT = RetryPolicy(max_attempts=30, max_total_delay=100_000)


def run(
    world: SimulatedB2, disk: SimulatedDisk, job: Download, seed: int, stop_after: int | None = None
) -> tuple[object, int]:
    """What one process makes of the job (None: it was killed), and how many bytes came."""
    api = Counting(world.api)
    opened = disk.opened()
    interpreter = Interpreter(api, opened, world.clock, Machines())
    driver = SeededDriver(interpreter, seed=seed, workers=1, part_workers=3, stop_after=stop_after)
    try:
        return driver.run(download_over(job, PATIENT)), api.came
    except Crashed:
        return None, api.came
    finally:
        opened.close()


def journalled(disk: SimulatedDisk, file_id: FileId) -> int:
    """Bytes of the version that the disk's temporary file says are finished, and that really are there."""
    count: set[int] = set()
    for name in disk.temps:
        data = disk.temp(name)
        found = read_journal(len(data), data)
        if found is not None and found.file_id == file_id:
            for piece in found.pieces:
                assert piece.crc in (None, crc32(data[piece.range.start : piece.range.stop]))
                count |= set(range(piece.range.start, piece.range.stop))
    return len(count)


def job_of(world: SimulatedB2, by: str, content: bytes) -> Download:
    (file,) = world.client.ls("b2://bucket")
    assert file.file_id is not None
    digest = sha1(content).hexdigest()
    known = Known(file.file_id, len(content), digest, 5) if by == "known" else None
    named = NamedFile("bucket", "name")
    return Download("name", "f", named if by == "name" else file.file_id, known, recommended=3, streams=3)


CONTENTS = st.binary(max_size=40)
BYS = st.sampled_from(["name", "id", "known"])


@given(CONTENTS, BYS, fault_scripts(), st.integers(0, 10_000), st.booleans())
@settings(max_examples=150)
def test_a_download_through_any_passing_weather_is_the_object(
    content: bytes, by: str, faults: FaultScript, seed: int, verify: bool
) -> None:
    """L28 for one download: nothing is left beside it, and the old file is replaced in one step."""
    if not verify:  # then nobody notices bytes that were changed on their way
        faults = tuple(fault for fault in faults if not isinstance(fault, CorruptDownload | RandomFaults))
    world = simulated_b2("bucket", config=SMALL)
    world.put("bucket", "name", content, 5)
    stormy = simulated_like(world, faults)
    disk = SimulatedDisk()
    disk.put("f", b"old", 1)
    result, _ = run(stormy, disk, evolve(job_of(world, by, content), verify=verify), seed)
    assert ok(result), result  # type: ignore[arg-type]
    assert disk.files == {"f": (content, 5)}
    assert not disk.temps
    done: Downloaded = result.unwrap()
    assert isinstance(done.checked, Checked) is verify
    assert done.length == len(content)


def simulated_like(world: SimulatedB2, faults: FaultScript) -> SimulatedB2:
    """The same B2 in bad weather."""
    from b2pure.effects.faulty_api import FaultyApi

    api = FaultyApi(world.api, faults, clock=world.clock) if faults else world.api
    return evolve(world, api=api)


@given(CONTENTS, BYS, st.lists(st.integers(0, 120), min_size=1, max_size=4), st.integers(0, 10_000))
@settings(max_examples=150)
def test_a_killed_download_goes_on_and_fetches_nothing_twice_that_was_finished(
    content: bytes, by: str, kills: list[int], seed: int
) -> None:
    """At every moment the old file or the new one is there, never anything else."""
    world = simulated_b2("bucket", config=SMALL)
    world.put("bucket", "name", content, 5)
    job = job_of(world, by, content)
    file_id = next(iter(world.client.ls("b2://bucket"))).file_id
    assert file_id is not None
    disk = SimulatedDisk()
    disk.put("f", b"old", 1)
    old = (b"old", 1)
    for number, stop_after in enumerate([*kills, None]):
        there = journalled(disk, file_id)
        result, came = run(world, disk, job, seed + number, stop_after)
        assert disk.files in ({"f": old}, {"f": (content, 5)})
        # One byte is fetched again where only that tells which version the name stands for.
        again = 1 if there and by != "known" else 0
        assert came <= len(content) - there + again
        if disk.files != {"f": old}:
            break
    result, _ = run(world, disk, job, seed)
    assert ok(result), result  # type: ignore[arg-type]
    assert disk.files == {"f": (content, 5)}
    assert not disk.temps


@given(st.binary(min_size=12, max_size=30), st.binary(max_size=30), st.integers(1, 60), st.integers(0, 1000))
@settings(max_examples=80)
def test_what_an_earlier_version_left_is_never_mixed_with_a_new_one(
    first: bytes, second: bytes, stop_after: int, seed: int
) -> None:
    """A download by name is killed, the name gets another version, the download is run again."""
    world = simulated_b2("bucket", config=SMALL)
    world.put("bucket", "name", first, 5)
    job = job_of(world, "name", first)
    disk = SimulatedDisk()
    run(world, disk, job, seed, stop_after)
    world.put("bucket", "name", second, 6)
    result, _ = run(world, disk, job, seed)
    assert ok(result), result  # type: ignore[arg-type]
    assert disk.files == {"f": (second, 6)}
    assert not disk.temps


def marks(disk: SimulatedDisk) -> list[int]:
    """Up to where the disk's temporary file says that it was hashed."""
    journals = [read_journal(len(disk.temp(name)), disk.temp(name)) for name in disk.temps]
    return [mark.until for journal in journals if journal is not None for mark in journal.marks]


@given(
    st.binary(min_size=12, max_size=30),
    BYS,
    st.tuples(st.booleans(), st.booleans()),
    st.integers(0, 29),
    st.integers(1, 255),
    st.integers(20, 140),
)
@settings(max_examples=300)
def test_a_left_over_that_was_damaged_is_fetched_again(
    content: bytes, by: str, verify: tuple[bool, bool], at: int, flip: int, stop_after: int
) -> None:
    """What the disk lost since the interruption does not end up in the file, with or without a SHA-1 to tell, in either
    run. Where a mark or nothing else could tell of it, what came before the damage is not fetched again; else what came
    is believed until the whole is there, and fetched again.
    """
    world = simulated_b2("bucket", config=SMALL)
    world.put("bucket", "name", content, 5)
    first, second = (evolve(job_of(world, by, content), verify=each) for each in verify)
    disk = SimulatedDisk()
    run(world, disk, first, 1, stop_after)
    there, at = marks(disk), at % len(content)
    for name in disk.temps:
        disk.spoil(name, at, flip)
    result, came = run(world, disk, second, 2)
    assert ok(result), result  # type: ignore[arg-type]
    assert disk.files == {"f": (content, 5)}
    right = max((until for until in there if until <= at), default=0)
    told = not verify[1] or any(until > at for until in there)
    assert came <= len(content) * (1 if told else 2) - right * told + 1


@given(st.binary(min_size=6, max_size=40), RANGES.filter(lambda found: found.length > 0), st.integers(0, 1000))
@settings(max_examples=80)
def test_a_range_is_that_of_the_object(content: bytes, wanted: ByteRange, seed: int) -> None:
    world = simulated_b2("bucket", config=SMALL)
    world.put("bucket", "name", content, 5)
    for by in ("name", "id", "known"):
        disk = SimulatedDisk()
        result, came = run(world, disk, evolve(job_of(world, by, content), wanted=wanted), seed)
        if wanted.start >= len(content):
            assert not ok(result)  # type: ignore[arg-type]
            assert not disk.files
        else:
            assert disk.files == {"f": (content[wanted.start : wanted.stop], 5)}
            assert came == len(content[wanted.start : wanted.stop])
        assert not disk.temps


def test_bytes_that_came_are_not_asked_for_again_when_the_line_breaks() -> None:
    world = simulated_b2("bucket", config=SMALL)
    content = bytes(range(40))
    world.put("bucket", "name", content, 5)
    stormy = simulated_like(world, tuple(CutDownload(nth=nth, after_bytes=1) for nth in range(1, 12)))
    for by in ("name", "id", "known"):
        disk = SimulatedDisk()
        result, came = run(stormy, disk, job_of(world, by, content), 1)
        assert ok(result), result  # type: ignore[arg-type]
        assert came == len(content)


def test_a_file_that_came_up_meanwhile_is_kept() -> None:
    world = simulated_b2("bucket", config=SMALL)
    world.put("bucket", "name", b"new", 5)
    disk = SimulatedDisk()
    disk.put("f", b"old", 1)
    job = job_of(world, "known", b"new")
    from b2pure.effects.downloads import download_file

    driver = SeededDriver(Interpreter(world.api, disk, world.clock, Machines()), seed=1)
    result = driver.run(download_file(evolve(job, expect=LocalFact(9, 9)), PATIENT))
    assert not ok(result)
    assert disk.files == {"f": (b"old", 1)}
    assert not disk.temps


@given(st.integers(0, 500))
def test_downloads_of_one_version_to_one_new_file_all_succeed(seed: int) -> None:
    """Whoever finds there what it brought came in the end; whoever brings something else says so."""
    world = simulated_b2("bucket", config=SMALL)
    jobs = []
    for content in (b"new", b"newer"):
        world.put("bucket", "name", content, 5)
        jobs.append(job_of(world, "known", content))
    disk, results = SimulatedDisk(), list[tuple[Download, Result[Downloaded, B2Error]]]()

    def one(job: Download) -> Program[None]:
        results.append((job, (yield from download_over(job, PATIENT))))

    driver = SeededDriver(Interpreter(world.api, disk, world.clock, Machines()), seed=seed)
    driver.run_each(one(jobs[0]) for _ in range(3))
    assert all(ok(result) for _, result in results)
    assert disk.files == {"f": (b"new", 5)}
    driver.run_each(one(job) for job in (*jobs, *jobs))
    assert disk.files["f"] in ((b"new", 5), (b"newer", 5))
    assert not disk.temps
    for job, result in results:
        if not ok(result):
            error = result.failure()
            assert isinstance(error, LocalDrifted)
            assert error.found == LocalFact(5 if job is jobs[0] else 3, 5), "never one with what it brought"


# -- the hashing of the whole


class Watching(Interpreter):
    """Writes down how far the whole was hashed each time, and how many pieces were fetched since."""

    def __init__(self, world: SimulatedB2, disk: SimulatedDisk) -> None:
        super().__init__(world.api, disk, world.clock, Machines())
        self.hashed: list[int | None] = []
        self.fetched = 0
        self.together: list[tuple[int, int]] = []

    def perform(self, effect: AnyEffect) -> Any:
        if isinstance(effect, HashTemp):
            self.hashed.append(effect.until)
        self.fetched = 0 if isinstance(effect, HashTemp) else self.fetched + isinstance(effect, Fetch)
        return super().perform(effect)


@given(CONTENTS, BYS, st.integers(0, 10_000))
@settings(max_examples=150)
def test_no_byte_is_hashed_twice(content: bytes, by: str, seed: int) -> None:
    """A digest goes on where it was, as long as nobody asks for less than it has; and it never has to go far, since it
    follows closely what came.
    """
    world = simulated_b2("bucket", config=SMALL)
    world.put("bucket", "name", content, 5)
    interpreter = Watching(world, SimulatedDisk())
    driver = SeededDriver(interpreter, seed=seed, workers=1, part_workers=3)
    assert ok(driver.run(download_over(job_of(world, by, content), PATIENT)))
    untils = [len(content) if until is None else until for until in interpreter.hashed]
    assert untils == sorted(untils)
    assert all(after - before <= 3 for before, after in pairwise([0, *untils]))


def with_slow_hashing(interpreter: Watching, programs: Iterable[Program[Any]]) -> tuple[Any, ...]:
    """Run programs side by side, where a step of the hashing takes as long as the others find something to do before
    they pause. `interpreter.together` gets how many pieces were fetched since the last step and how many are on their
    way, for each moment of the hashing.
    """
    results = []
    waiting: dict[Program[Any], Any] = {one: one.send(None) for one in programs}
    while waiting:
        ready = [one for one, effect in waiting.items() if not isinstance(effect, HashTemp | Sleep)]
        if any(isinstance(effect, HashTemp) for effect in waiting.values()):
            under_way = sum(isinstance(effect, Fetch) for effect in waiting.values())
            interpreter.together.append((interpreter.fetched, under_way))
        ready = ready or list(waiting)
        for one in ready:
            effect = waiting.pop(one)
            inner = isinstance(effect, All)
            reply = with_slow_hashing(interpreter, effect.programs) if inner else interpreter.perform(effect)
            try:
                waiting[one] = one.send(reply)
            except StopIteration as end:
                results.append(end.value)
    return tuple(results)


def test_all_but_one_of_those_who_fetch_wait_for_the_hashing() -> None:
    """Else what is left at the end is hashed by one thread while the others have nothing to do."""
    world = simulated_b2("bucket", config=SMALL)
    content = bytes(range(240))
    world.put("bucket", "name", content, 5)
    interpreter = Watching(world, SimulatedDisk())
    (result,) = with_slow_hashing(interpreter, [download_over(job_of(world, "known", content), PATIENT)])
    assert ok(result)
    behind = [under_way for fetched, under_way in interpreter.together if fetched > 4 + 3]
    assert behind
    assert max(behind) == 1
