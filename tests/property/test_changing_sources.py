"""Laws of files that change under an upload's hands: at whatever moment it happens, no object comes into being but one
of an entire state that the file had, and a failure names the file.

Rules. The disk is the real one. A moment is before a file is opened, and after each chunk (of three bytes here) was
read: for the digests, for sending, or for sending again. Which states the file had is written down by the test itself.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from attrs import define
from hypothesis import example, given, settings
from hypothesis import strategies as st
from uploads_support import BUCKET, TINY, content, files_in, make_world, unfinished_in

from b2pure.effects.events import Event, Waiting
from b2pure.effects.handlers import Chunk
from b2pure.effects.program import ok
from b2pure.effects.report import troubles
from b2pure.model.errors import Corrupt, InvalidArgument, LocalDrifted, LocalFailure, describe
from b2pure.model.sources import LocalSlice
from b2pure.shell import slices
from b2pure.shell.client import Client
from b2pure.shell.disk import LocalDisk
from b2pure.testing import SimulatedB2

NAME: Final = "growing.log"
LONG_AGO: Final = 1_600_000_000_000_000_000
posix: Final = pytest.mark.skipif(os.name == "nt", reason="an inode's time, pipes and open files work as on POSIX")


# --- what can happen to a file ----------------------------------------------------------------------------------------


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(255 - byte for byte in path.read_bytes()))


def rewrite_and_restore(path: Path) -> None:
    """The same size and the same time afterwards."""
    status = path.stat()
    rewrite(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes()[::-1] + b"!")
    other.replace(path)


def replace_and_restore(path: Path) -> None:
    status, other = path.stat(), path.with_name("other")
    other.write_bytes(bytes(255 - byte for byte in path.read_bytes()))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


def touch(path: Path) -> None:
    os.utime(path)


def remove(path: Path) -> None:
    path.unlink()


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    os.link(path, path.with_name("linked"))


CHANGES: Final = (
    grow,
    shrink,
    rewrite,
    rewrite_and_restore,
    replace,
    replace_and_restore,
    touch,
    remove,
    make_folder,
    make_pipe,
    link,
)


# --- a file, and the moment when it happens ---------------------------------------------------------------------------


@define
class Scene:
    """A file that `change` happens to at a moment. `states` are its contents so far."""

    path: Path
    change: Callable[[Path], None]
    left: int
    states: list[bytes]

    def moment(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.change(self.path)
            if self.path.is_file():
                self.states.append(self.path.read_bytes())

    @property
    def happened(self) -> bool:
        return self.left <= 0


@contextmanager
def scene(change: Callable[[Path], None], moment: int, data: bytes) -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / NAME
        path.write_bytes(data)
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
        made = Scene(path, change, moment + 1, [data])
        read = LocalDisk.read

        def slowly(self: LocalDisk, slice_: LocalSlice) -> Iterator[Chunk]:
            if slice_.path == NAME:
                made.moment()
            for chunk in read(self, slice_):
                yield chunk
                if slice_.path == NAME:
                    made.moment()

        patch.setattr(slices, "_CHUNK", 3)
        patch.setattr(LocalDisk, "read", slowly)
        _let_the_clock_tick(path)
        yield made


def _let_the_clock_tick(path: Path) -> None:
    """What happens within one tick of the file system's clock has one time."""
    while time.time_ns() - path.stat().st_ctime_ns < 12_000_000:
        time.sleep(0.004)


def made_of(world: SimulatedB2) -> list[bytes]:
    return [made.data for made in files_in(world)]


CHANGED: Final = st.sampled_from(CHANGES)
SIZES: Final = st.integers(1, 20)


@posix
@given(CHANGED, st.integers(0, 24), SIZES, st.booleans())
@example(rewrite_and_restore, 2, 12, False)
@settings(max_examples=200)
def test_an_upload_of_a_changing_file_is_a_whole_state_or_names_it(
    change: Callable[[Path], None], moment: int, size: int, large: bool
) -> None:
    """In one call, and in parts."""
    world = make_world(config=TINY)
    with scene(change, moment, content(size, 1)) as seen:
        client = Client(world.api, world.clock, workers=2)
        result = client.upload(seen.path, f"b2://{BUCKET}/n", part_size=5 if large else 100)
        if ok(result):
            (made,) = made_of(world)
            assert made in seen.states
        else:
            assert seen.happened
            assert not files_in(world)
            error = result.failure()
            assert not isinstance(error, InvalidArgument)
            assert NAME in describe(error)
            # A later run may find the file again where now is a folder.
            assert not unfinished_in(world) or isinstance(error, LocalFailure)
            assert world.clock.now_millis() == make_world().clock.now_millis(), "nobody waits for what cannot come back"


@posix
@given(CHANGED, st.integers(0, 24), SIZES)
@example(rewrite_and_restore, 2, 7)
@settings(max_examples=200)
def test_a_sync_of_a_changing_file_is_a_whole_state_or_names_it(
    change: Callable[[Path], None], moment: int, size: int
) -> None:
    world = make_world(config=TINY)
    with scene(change, moment, content(size, 1)) as seen:
        report = Client(world.api, world.clock, workers=2).sync(seen.path.parent, f"b2://{BUCKET}/")
        found = {made.file.file_name: made.data for made in files_in(world)}
        assert all(data in seen.states for data in made_of(world))
        if NAME not in found:
            assert seen.happened
            told = "\n".join(troubles(report))
            # Where nothing is any more, or a folder, a sync has no file of that name.
            assert NAME in told or not os.path.lexists(seen.path) or seen.path.is_dir(), told


@posix
@pytest.mark.parametrize("change", [rewrite_and_restore, replace_and_restore])
def test_parts_of_two_states_are_told_by_their_digests(change: Callable[[Path], None]) -> None:
    """Size and time say nothing between two parts; B2 refuses the part, and we say at once why."""
    world, data = make_world(), content(12, 1)
    heard, errors = list[Event](), list[object]()
    for moment in range(1, 20):
        with scene(change, moment, data) as seen:
            client = Client(world.api, world.clock, workers=1)
            result = client.upload(seen.path, f"b2://{BUCKET}/n", part_size=4, listener=heard.append)
        if ok(result):
            break
        error = result.failure()
        assert isinstance(error, Corrupt | LocalDrifted)
        assert NAME in describe(error)
        errors.append(type(error))
    assert Corrupt in errors
    assert made_of(world) == [data]
    assert not any(isinstance(event, Waiting) for event in heard)
    assert not unfinished_in(world)


@posix
def test_a_new_link_to_a_file_does_not_stop_its_upload() -> None:
    """It changes the time of the inode, and nothing of the content."""
    world, data = make_world(), content(12, 1)
    for moment in range(5):
        with scene(link, moment, data) as seen:
            Client(world.api, world.clock).upload(seen.path, f"b2://{BUCKET}/n", part_size=100).unwrap()
            assert seen.happened
    assert made_of(world) == [data] * 5
