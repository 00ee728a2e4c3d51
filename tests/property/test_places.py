"""Laws of downloads to where something is already: only the wanted bytes change, whatever the weather; what the disk
refuses is told with the path, and leaves everything as it was.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uploads_support import BUCKET, content, digest, make_world

from b2pure.effects.faults import CorruptDownload, FaultScript
from b2pure.effects.handlers import Chunk
from b2pure.effects.program import ok
from b2pure.effects.report import troubles
from b2pure.model.errors import LocalDrifted, LocalFailure
from b2pure.model.new_file import LARGE_FILE_SHA1
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.client import Client
from b2pure.shell.disk import _FileSink
from b2pure.shell.sources import LocalRange
from b2pure.shell.temporary import LiveTemp
from b2pure.testing import SimulatedB2
from b2pure.testing.weather import fault_scripts

SOURCE: Final = f"b2://{BUCKET}/source"
NAME: Final = "target"
SEEDS: Final = st.integers(0, 10_000)
posix: Final = pytest.mark.skipif(os.name == "nt", reason="needs pread, and devices")


def world_with(data: bytes, *, seed: int = 1, faults: FaultScript = (), retry: RetryPolicy | None = None) -> Any:
    """A world with a file whose digest is known."""
    world = make_world(seed=seed, faults=faults, retry=retry)
    info = {LARGE_FILE_SHA1: digest(data)}
    world.simulator.put(world.simulator.bucket_id(BUCKET), "source", data, info=info)  # type: ignore[arg-type]
    return world


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@posix
@given(st.integers(0, 60), st.binary(max_size=80), st.integers(0, 70), st.booleans(), fault_scripts(), SEEDS)
@settings(max_examples=150)
def test_only_the_wanted_bytes_of_a_file_change(
    size: int, before: bytes, at: int, opened: bool, faults: FaultScript, seed: int
) -> None:
    """A place in a file, or a file that stands somewhere."""
    data = content(size, 1)
    world = world_with(data, seed=seed, faults=faults, retry=RetryPolicy(max_attempts=3))
    with folder() as top:
        path = top / NAME
        path.write_bytes(before)
        if opened:
            with path.open("r+b") as file:
                file.seek(at)
                result = world.client.download(SOURCE, file)
        else:
            result = world.client.download(SOURCE, LocalRange(path, at))
        left = path.read_bytes()
        assert os.listdir(top) == [NAME]
    gap = bytes(max(0, at - len(before)))
    assert left[:at].startswith(before[:at])
    assert left[at + size :] == before[at + size :]
    if ok(result):
        assert left[at : at + size] == data
        assert size == 0 or left[:at] == (before + gap)[:at]


@posix
@given(st.integers(1, 5), SEEDS)
def test_what_arrives_corrupt_in_a_place_is_fetched_and_hashed_again(nth: int, seed: int) -> None:
    """In whatever order the pieces come the second time."""
    data = content(20, 1)
    world = world_with(data, seed=seed, faults=(CorruptDownload(nth=nth),))
    (source,) = world.client.ls(f"b2://{BUCKET}")
    began = world.clock.now_millis()
    with folder() as top:
        path = top / NAME
        path.write_bytes(bytes(50))
        done = world.client.download(source, LocalRange(path, 10)).unwrap()
        assert done.pieces > 3
        assert path.read_bytes() == bytes(10) + data + bytes(20)
    assert world.clock.now_millis() - began <= 1500, "waits once, for the first delay"


# --- a disk that refuses ----------------------------------------------------------------------------------------------


@contextmanager
def full_after(written: int) -> Iterator[None]:
    """A disk with room for so many bytes more."""
    room = [written]

    def write_at(self: LiveTemp, chunk: Chunk, offset: int) -> int:
        if len(chunk) > room[0]:
            raise OSError(errno.ENOSPC, "full")
        room[0] -= len(chunk)
        return os.pwrite(self.fd, chunk, offset)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LiveTemp, "write_at", write_at)
        yield


@posix
@given(st.integers(1, 60), st.integers(0, 59), SEEDS)
def test_a_full_disk_leaves_the_old_file_and_is_named(size: int, room: int, seed: int) -> None:
    world = world_with(content(size, 1), seed=seed)
    with folder() as top:
        path = top / NAME
        path.write_bytes(b"old")
        with full_after(min(room, size - 1)):
            error = world.client.download(SOURCE, path).failure()
        assert error == LocalFailure("write", str(path), "No space left on device; free some and run it again")
        assert path.read_bytes() == b"old"
        assert os.listdir(top) == [NAME]
        assert world.client.download(SOURCE, path)
        assert path.read_bytes() == content(size, 1)


@posix
@given(st.integers(1, 60), st.integers(0, 59))
def test_a_full_disk_in_a_sync_leaves_the_old_file_and_is_named(size: int, room: int) -> None:
    world = world_with(content(size, 1))
    with folder() as top:
        (top / "source").write_bytes(b"old")
        os.utime(top / "source", ns=(0, 0))
        with full_after(min(room, size - 1)):
            report = Client(world.api, world.clock).sync(f"b2://{BUCKET}", top)
        assert [failed.sync.path for failed in report.failed] == ["source"]
        assert "No space left on device" in troubles(report)[0]
        assert (top / "source").read_bytes() == b"old"
        assert os.listdir(top) == ["source"]


@posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no /dev/full")
@pytest.mark.parametrize("size", [1, 60])
def test_a_device_that_is_full_is_named(size: int) -> None:
    world = world_with(content(size, 1))
    error = world.client.download(SOURCE, "/dev/full").failure()
    assert isinstance(error, LocalFailure)
    assert (error.operation, error.path) == ("write", "/dev/full")
    assert "No space left on device" in error.detail
    with open("/dev/full", "wb") as buffered:
        error = world.client.download(SOURCE, buffered).failure()
        assert isinstance(error, LocalFailure)
        assert error.path == "/dev/full"
        with pytest.raises(OSError):
            buffered.close()


@posix
@pytest.mark.parametrize("where", ["create", "rename"])
def test_a_folder_that_may_not_be_written_leaves_the_old_file_and_is_named(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The super-user may write everywhere, so the system's refusal is ours here."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "no")

    world, path = world_with(content(20, 1)), tmp_path / NAME
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        if where == "create":
            patch.setattr("b2pure.shell.disk.take_resumable", refuse)
        else:
            patch.setattr("b2pure.shell.folder.Folder.replace", refuse)
        error = world.client.download(SOURCE, path).failure()
    assert isinstance(error, LocalFailure)
    assert (error.operation, error.path) == ("write", str(path))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [NAME]


# --- a file that changes while its successor comes --------------------------------------------------------------------


def _rewrite(path: Path) -> None:
    path.write_bytes(b"somebody's")


def _remove(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_bytes(b"")


@posix
@pytest.mark.parametrize("change", [_rewrite, _remove, _folder])
@pytest.mark.parametrize("by", ["download", "sync"])
@pytest.mark.parametrize("size", [3, 60])
def test_what_somebody_did_to_the_target_meanwhile_is_kept_and_named(
    change: Any, by: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world: SimulatedB2 = world_with(content(size, 1))
    path, done = tmp_path / "source", list[bool]()
    path.write_bytes(b"old")
    os.utime(path, ns=(0, 0))
    write = _FileSink.write

    def meanwhile(self: _FileSink, chunk: Chunk) -> None:
        if not done:
            done.append(True)
            change(path)
        write(self, chunk)

    monkeypatch.setattr(_FileSink, "write", meanwhile)
    client = Client(world.api, world.clock)
    if by == "download":
        error = client.download(SOURCE, path).failure()
        assert isinstance(error, LocalDrifted | LocalFailure)
        assert error.path == str(path)
    else:
        plan = client.plan_sync(f"b2://{BUCKET}", tmp_path)
        plan.summary()
        report = client.apply(plan)
        assert not report.ok
        assert "source" in troubles(report)[0]
    assert done
    if change is _rewrite:
        assert path.read_bytes() == b"somebody's"
    elif change is _remove:
        assert not path.exists()
    else:
        assert os.listdir(path) == ["inside"]
    assert os.listdir(tmp_path) == ([] if change is _remove else ["source"])
