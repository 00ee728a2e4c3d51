"""Laws. The real disk and the simulated one answer any sequence of requests alike and end with the same files. A
scan is strictly increasing in B2's order and finds exactly the files that are there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from returns.io import IOResult
from returns.pipeline import is_successful
from returns.unsafe import unsafe_perform_io

from b2pure.effects.bodies import Bodies, sha1_of
from b2pure.effects.effect import Temp
from b2pure.effects.handlers import Disk, LocalTrouble
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.model.files import LocalFact
from b2pure.model.policy import ScanPolicies
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import LocalSlice
from b2pure.plan.scan import compile_scan
from b2pure.shell.disk import LocalDisk
from b2pure.shell.folders import LocalFolderOnDisk
from b2pure.shell.scan import scan
from b2pure.testing import SimulatedFolder

PATHS = st.sampled_from(["a", "b", "a-b", "a/b", "a/b/c", "a/d", "b/d", "b/é"])
BAD_PATHS = st.sampled_from(["", "..", "../x", "/x", "a/", "x\0y", "\ud800", "a/.b2pure-0123456789abcdef.tmp"])
ANY_PATHS = st.one_of(PATHS, PATHS, PATHS, PATHS, BAD_PATHS)
MILLIS = st.sampled_from([0, -1, 1_600_000_000_123, 4_000_000_000_000])
DATA = st.binary(max_size=4)
FACTS = st.one_of(
    st.just("seen"),  # what really is there: the case that succeeds
    st.none(),
    st.builds(LocalFact, st.integers(0, 4), st.just(0)),
)
REQUESTS = st.one_of(
    st.tuples(st.just("put"), PATHS, DATA, st.sampled_from([0, 5])),
    st.tuples(st.just("stat"), ANY_PATHS),
    st.tuples(st.just("sha1"), ANY_PATHS, FACTS, st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.just("create_temp"), ANY_PATHS, st.booleans()),
    st.tuples(st.just("write"), st.integers(0, 3), st.integers(0, 5), DATA),
    st.tuples(st.just("sha1_temp"), st.integers(0, 3)),
    st.tuples(st.just("publish"), st.integers(0, 3), MILLIS, FACTS),
    st.tuples(st.just("discard"), st.integers(0, 3)),
    st.tuples(st.just("delete"), ANY_PATHS, FACTS),
)


@contextmanager
def real_disk() -> Iterator[tuple[Path, LocalDisk]]:
    with tempfile.TemporaryDirectory() as name, LocalDisk(name) as disk:
        yield Path(name), disk


def told(result: IOResult[Any, Any]) -> tuple[bool, Any]:
    """A reply that can be compared: of a temporary file only the path, the names are the disks' own."""
    if not is_successful(result):
        return False, unsafe_perform_io(result.failure())
    value = unsafe_perform_io(result.unwrap())
    return True, value.path if isinstance(value, Temp) else value


class Player:
    """Plays requests to one disk and remembers the temporary files that it got."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.temps: list[Temp] = []

    def fact(self, path: str, wanted: object) -> LocalFact | None:
        if wanted != "seen":
            assert wanted is None or isinstance(wanted, LocalFact)
            return wanted
        good, seen = told(self.disk.stat(path))
        return seen if good else None

    def play(self, request: tuple[Any, ...]) -> object:
        match request:
            case ("stat", path):
                return told(self.disk.stat(path))
            case ("sha1", path, wanted, start, length):
                fact = self.fact(path, wanted) or LocalFact(9, 9)
                return told(sha1_of(LocalSlice(path, ByteRange(start, start + length), fact), Bodies(self.disk)))
            case ("create_temp", path, *resume):
                result = self.disk.create_temp(path, resume=any(resume))
                if is_successful(result):
                    self.temps.append(unsafe_perform_io(result.unwrap()))
                return told(result)
            case ("delete", path, wanted):
                return told(self.disk.delete(path, self.fact(path, wanted) or LocalFact(9, 9)))
            case (name, index, *rest) if index < len(self.temps):
                return self.play_temp(name, self.temps[index], rest)
            case _:
                return None

    def play_temp(self, name: str, temp: Temp, rest: list[Any]) -> object:
        match name, rest:
            case "write", [offset, data]:
                return self.write(temp, offset, data)
            case "sha1_temp", []:
                return told(self.disk.sha1_temp(temp))
            case "publish", [millis, wanted]:
                return told(self.disk.publish(temp, millis, self.fact(temp.path, wanted)))
            case _:
                self.disk.discard(temp)
                return None

    def write(self, temp: Temp, offset: int, data: bytes) -> object:
        try:
            with self.disk.sink(temp, offset) as sink:
                sink.write(data)
        except LocalTrouble as trouble:
            return trouble.error
        return "written"


def put(simulated: SimulatedDisk, root: Path, path: str, data: bytes, millis: int) -> None:
    """Somebody else writes a file, on both disks or, where none can be, on neither."""
    try:
        simulated.put(path, data, millis)
    except ValueError:
        return
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)
    os.utime(root / path, ns=(0, millis * 1_000_000))


def files(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns // 1_000_000)
        for path in root.rglob("*")
        if path.is_file()
    }


@settings(max_examples=150, deadline=None)
@example([("create_temp", "a/b"), ("create_temp", "a"), ("publish", 1, 0, None), ("stat", "a")])
@example([("create_temp", "a/b"), ("discard", 0), ("create_temp", "a"), ("publish", 1, 0, None), ("stat", "a")])
@example([("create_temp", "a/d", True), ("create_temp", "b/d", True), ("write", 0, 0, b"a"), ("publish", 0, 0, None)])
@given(requests=st.lists(REQUESTS, min_size=3, max_size=25))
def test_real_and_simulated_disk_agree(requests: list[tuple[Any, ...]]) -> None:
    simulated = SimulatedDisk()
    with real_disk() as (root, real):
        players = Player(real), Player(simulated)
        for request in requests:
            if request[0] == "put":
                put(simulated, root, *request[1:])
            else:
                first, second = (player.play(request) for player in players)
                assert first == second, request
        real.close()
        assert files(root) == dict(simulated.files)


@settings(max_examples=100, deadline=None)
@given(
    temps=st.lists(st.tuples(PATHS, st.binary(min_size=1, max_size=3)), min_size=1, max_size=6),
    millis=st.integers(0, 4_000_000_000_000),
)
def test_published_files_are_what_a_scan_finds(temps: list[tuple[str, bytes]], millis: int) -> None:
    simulated = SimulatedDisk()
    with real_disk() as (root, real):
        for player in (Player(real), Player(simulated)):
            for path, data in temps:
                before = len(player.temps)
                player.play(("create_temp", path))
                player.play(("write", before, 0, data))
                player.play(("publish", before, millis, "seen"))
        found = scan(root)
        assert list(found) == list(simulated.tree())


@settings(max_examples=40, deadline=None)
@given(temps=st.lists(st.tuples(PATHS, st.booleans()), max_size=5), killed=st.booleans())
def test_what_a_killed_run_left_goes_with_the_next_scan_of_the_destination(
    temps: list[tuple[str, bool]], killed: bool
) -> None:
    """Only what nobody uses and no later run may go on with: both disks tell it by lock and by name."""
    simulated = SimulatedDisk()
    with tempfile.TemporaryDirectory() as name, LocalDisk(name) as real:
        job = simulated.opened()
        for path, resume in temps:
            job.create_temp(path, resume=resume)
            real.create_temp(path, resume=resume)
        if killed:
            job.close()
            for live in real._live.values():
                os.close(live.fd)  # which is all that the end of a process does
                live.is_open = False
        list(LocalFolderOnDisk(name).scan(compile_scan(ScanPolicies()), "destination"))
        list(SimulatedFolder("there", simulated).scan(compile_scan(ScanPolicies()), "destination"))
        left = sorted(
            os.path.relpath(os.path.join(folder, file), name) for folder, _, found in os.walk(name) for file in found
        )
    assert len(left) == len(simulated.temps)
    assert [path for path in left if path.endswith(".part")] == sorted(
        temp.removeprefix("/") for temp in simulated.temps if temp.endswith(".part")
    )


SEGMENTS = st.one_of(
    st.sampled_from(["a", "a-", "a.", "a0", "a--", "a!", "b", "A", "é", "\U0001f600", "\ufb01", "\x01", "\\"]),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=3).filter(
        lambda segment: segment not in (".", "..")
    ),
)


@settings(max_examples=150, deadline=None)
@given(paths=st.lists(st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join), max_size=25))
def test_a_scan_is_in_order_and_complete(paths: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        for path in paths:
            try:
                Path(name, path).parent.mkdir(parents=True, exist_ok=True)
                Path(name, path).touch()
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                continue  # a file and a folder of one name
        items = list(scan(name))
        assert items == list(scan(name, excludes_directory=lambda _: False, excludes_file=lambda _: False))
        scanned = [item.path for item in items]
        walked = [
            os.path.relpath(os.path.join(folder, file), name) for folder, _, names in os.walk(name) for file in names
        ]
    assert all(first < second for first, second in pairwise(scanned))
    assert scanned == sorted(walked)
