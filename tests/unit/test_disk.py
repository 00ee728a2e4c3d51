"""The real disk: what it reads, what it publishes, what it refuses, and that nothing leads out of its folder."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from descriptors import are_told, open_below
from returns.io import IOResult, IOSuccess
from returns.unsafe import unsafe_perform_io

from b2pure.effects.bodies import Bodies, digests_of, sha1_of
from b2pure.effects.effect import Temp
from b2pure.effects.handlers import Disk, LocalTrouble
from b2pure.effects.simulated_api import body_bytes
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.model.errors import LocalDrifted, LocalFailure
from b2pure.model.files import LocalFact, LocalPath
from b2pure.model.names import TEMPORARY_NAME, temporary_name
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import LocalSlice
from b2pure.shell import folder, temporary
from b2pure.shell.disk import LocalDisk
from b2pure.shell.folders import LocalFolderOnDisk
from b2pure.shell.v1.raw_bodies import BodyStream

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX file system")
MILLIS = 1_600_000_000_123
CHUNK = 1 << 18


def value(result: IOResult[Any, Any]) -> Any:
    return unsafe_perform_io(result.unwrap())


def error(result: IOResult[Any, Any]) -> Any:
    return unsafe_perform_io(result.failure())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    return tmp_path / "root"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    return tmp_path / "outside"


@pytest.fixture(params=["descriptors", "paths"])
def disk(root: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalDisk]:
    """The disk as it works on POSIX, and as it has to where folders have no descriptors (Windows)."""
    if request.param == "paths":
        monkeypatch.setattr(folder, "_HAS_DIR_FD", False)
        monkeypatch.setattr(temporary, "_HAS_PREAD", False)
    with LocalDisk(root) as disk:
        yield disk


@pytest.fixture
def posix_disk(root: Path) -> Iterator[LocalDisk]:
    with LocalDisk(root) as disk:
        yield disk


def put(root: Path, path: str, data: bytes, millis: int = MILLIS) -> LocalFact:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)
    os.utime(root / path, ns=(0, millis * 1_000_000))
    return LocalFact(len(data), millis)


def whole(path: str, fact: LocalFact) -> LocalSlice:
    return LocalSlice(path, ByteRange(0, fact.size), fact)


def new_temp(disk: Disk, path: str, data: bytes = b"new") -> Temp:
    temp: Temp = value(disk.create_temp(path))
    with disk.sink(temp, 0) as sink:
        sink.write(data)
    return temp


def everything(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


# Reading


def test_a_slice_is_read_in_chunks(root: Path, disk: LocalDisk) -> None:
    data = os.urandom(2 * CHUNK + 10)
    fact = put(root, "d/f", data)
    chunks = [bytes(chunk) for chunk in disk.read(LocalSlice("d/f", ByteRange(5, len(data) - 1), fact))]
    assert b"".join(chunks) == data[5:-1]
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 4]


@pytest.mark.parametrize("length", [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 1])
def test_whoever_keeps_a_body_keeps_its_bytes(root: Path, disk: LocalDisk, length: int) -> None:
    data = os.urandom(length)
    body, reader = whole("f", put(root, "f", data)), Bodies(disk)
    assert body_bytes(body, reader) == data
    stream = BodyStream(body, reader)
    assert stream.read(CHUNK + 2) + stream.read() == data
    assert stream.sha1() == hashlib.sha1(data).hexdigest()
    ranges = (ByteRange(0, length // 3), ByteRange(length // 3, length))
    found = digests_of(body, ranges, reader).map(lambda digests: (digests.whole, *digests.parts))
    told = (data, data[: length // 3], data[length // 3 :])
    assert found == IOSuccess(tuple(hashlib.sha1(each).hexdigest() for each in told))


def test_an_empty_file_has_an_empty_body_and_a_sha1(root: Path, disk: LocalDisk) -> None:
    fact = put(root, "f", b"")
    assert list(disk.read(whole("f", fact))) == []
    assert sha1_of(whole("f", fact), Bodies(disk)) == IOSuccess(hashlib.sha1(b"").hexdigest())


@pytest.mark.parametrize("pinned", [LocalFact(3, MILLIS + 1), LocalFact(2, MILLIS)])
def test_a_file_that_is_not_the_pinned_one(root: Path, disk: LocalDisk, pinned: LocalFact) -> None:
    fact = put(root, "f", b"abc")
    assert error(sha1_of(whole("f", pinned), Bodies(disk))) == LocalDrifted("f", pinned, fact)
    with pytest.raises(LocalTrouble):
        next(disk.read(whole("f", pinned)))


def test_a_file_that_is_gone(disk: LocalDisk) -> None:
    fact = LocalFact(1, MILLIS)
    assert error(sha1_of(whole("a/f", fact), Bodies(disk))) == LocalDrifted("a/f", fact, None)


def _grow(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"more")


def _rewrite(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.seek(CHUNK)
        stream.write(b"zz")


def _shrink(file: Path) -> None:
    os.truncate(file, CHUNK + 1)


@pytest.mark.parametrize("change", [_grow, _rewrite, _shrink])
def test_a_file_that_changes_while_it_is_read_never_gives_its_last_chunk(
    root: Path, disk: LocalDisk, change: Callable[[Path], None]
) -> None:
    fact = put(root, "f", bytes(CHUNK + 2))
    chunks = disk.read(whole("f", fact))
    assert len(next(chunks)) == CHUNK
    change(root / "f")
    with pytest.raises(LocalTrouble) as raised:
        list(chunks)
    assert isinstance(raised.value.error, LocalDrifted)


@posix
def test_reading_follows_links(root: Path, disk: LocalDisk, outside: Path) -> None:
    fact = put(outside, "f", b"abc")
    (root / "link").symlink_to(outside / "f")
    assert disk.stat("link") == IOSuccess(fact)
    assert b"".join(disk.read(whole("link", fact))) == b"abc"


@posix
def test_a_pipe_is_refused_at_once(root: Path, disk: LocalDisk) -> None:
    os.mkfifo(root / "pipe")
    fact = LocalFact(0, 0)
    assert error(sha1_of(whole("pipe", fact), Bodies(disk))) == LocalFailure("read", "pipe", "is no ordinary file")


def test_stat_of_nothing_and_of_a_folder(root: Path, disk: LocalDisk) -> None:
    put(root, "d/f", b"")
    assert disk.stat("x/y") == IOSuccess(None)
    assert disk.stat("d/f/y") == IOSuccess(None)
    assert error(disk.stat("d")) == LocalFailure("replace", "d", "is a folder")


# Temporary files


def test_a_download(root: Path, disk: LocalDisk) -> None:
    temp = value(disk.create_temp("a/b/f"))
    assert TEMPORARY_NAME.match(temp.name)
    assert everything(root) == sorted(["a", "a/b", f"a/b/{temp.name}"])
    with disk.sink(temp, 3) as late, disk.sink(temp, 0) as early:
        late.write(b"def")
        early.write(b"a")
        late.write(b"g")
        early.write(b"bc")
    assert disk.sha1_temp(temp) == IOSuccess(hashlib.sha1(b"abcdefg").hexdigest())
    assert disk.publish(temp, MILLIS, None) == IOSuccess(None)
    assert everything(root) == ["a", "a/b", "a/b/f"]
    assert (root / "a/b/f").read_bytes() == b"abcdefg"
    assert (root / "a/b/f").stat().st_mtime_ns == MILLIS * 1_000_000


def test_several_threads_write_one_file(root: Path, disk: LocalDisk) -> None:
    parts = [bytes([65 + i]) * 50_000 for i in range(8)]
    temp = value(disk.create_temp("f"))

    def write(index: int) -> None:
        with disk.sink(temp, index * 50_000) as sink:
            for start in range(0, 50_000, 1000):
                sink.write(parts[index][start : start + 1000])

    threads = [Thread(target=write, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert disk.publish(temp, MILLIS, None) == IOSuccess(None)
    assert (root / "f").read_bytes() == b"".join(parts)


@posix
def test_files_get_the_mode_of_the_umask(root: Path, disk: LocalDisk) -> None:
    before = os.umask(0o027)
    try:
        disk.publish(new_temp(disk, "f"), MILLIS, None)
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "f").stat().st_mode) == 0o640


def test_publish_with_fsync(root: Path) -> None:
    with LocalDisk(root, fsync=True) as disk:
        assert disk.publish(new_temp(disk, "d/f"), MILLIS, None) == IOSuccess(None)
    assert everything(root) == ["d", "d/f"]


def test_publish_replaces_what_was_expected(root: Path, disk: LocalDisk) -> None:
    fact = put(root, "f", b"old")
    assert disk.publish(new_temp(disk, "f"), MILLIS + 1, fact) == IOSuccess(None)
    assert disk.stat("f") == IOSuccess(LocalFact(3, MILLIS + 1))


@pytest.mark.skipif(sys.platform == "win32", reason="has no such modes")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o444])
def test_publish_keeps_the_rights_of_what_was_there(root: Path, disk: LocalDisk, mode: int) -> None:
    """What nobody else may read does not become readable with a new content."""
    fact = put(root, "f", b"old")
    (root / "f").chmod(mode)
    assert disk.publish(new_temp(disk, "f"), MILLIS + 1, fact) == IOSuccess(None)
    assert stat.S_IMODE((root / "f").stat().st_mode) == mode


def test_publish_keeps_what_was_not_expected(root: Path, disk: LocalDisk) -> None:
    fact = put(root, "f", b"old")
    other = LocalFact(3, MILLIS + 1)
    assert error(disk.publish(new_temp(disk, "f"), MILLIS, None)) == LocalDrifted("f", None, fact)
    assert error(disk.publish(new_temp(disk, "f"), MILLIS, other)) == LocalDrifted("f", other, fact)
    assert error(disk.publish(new_temp(disk, "g"), MILLIS, fact)) == LocalDrifted("g", fact, None)
    assert everything(root) == ["f"]
    assert (root / "f").read_bytes() == b"old"


@pytest.mark.parametrize("millis", [-(10**25), -1, 0, 10**25])
def test_impossible_times_are_clamped(root: Path, disk: LocalDisk, millis: int) -> None:
    assert disk.publish(new_temp(disk, "f"), millis, None) == IOSuccess(None)
    assert everything(root) == ["f"]


def test_publish_over_empty_folders(root: Path, disk: LocalDisk) -> None:
    (root / "f/a/b").mkdir(parents=True)
    (root / "f/c").mkdir()
    assert disk.publish(new_temp(disk, "f"), MILLIS, None) == IOSuccess(None)
    assert (root / "f").read_bytes() == b"new"


def test_publish_over_a_folder_with_a_file_in_it(root: Path, disk: LocalDisk) -> None:
    put(root, "f/a/b", b"keep")
    (root / "f/z").mkdir()
    failure = LocalFailure("write", "f", "is a folder that is not empty")
    assert error(disk.publish(new_temp(disk, "f"), MILLIS, None)) == failure
    assert everything(root) == ["f", "f/a", "f/a/b", "f/z"]


@posix
def test_publish_replaces_a_link_and_never_what_it_leads_to(root: Path, disk: LocalDisk, outside: Path) -> None:
    fact = put(outside, "f", b"precious")
    (root / "f").symlink_to(outside / "f")
    assert disk.publish(new_temp(disk, "f"), MILLIS, fact) == IOSuccess(None)
    assert (outside / "f").read_bytes() == b"precious"
    assert not (root / "f").is_symlink()


def test_a_temporary_file_is_finished_once(root: Path, disk: LocalDisk) -> None:
    temp = new_temp(disk, "f")
    disk.discard(temp)
    disk.discard(temp)
    gone = LocalFailure("write", "f", "the temporary file is gone")
    assert error(disk.publish(temp, MILLIS, None)) == gone
    assert isinstance(error(disk.sha1_temp(temp)), LocalFailure)
    with pytest.raises(LocalTrouble) as raised, disk.sink(temp, 0):
        pass
    assert raised.value.error == gone
    assert everything(root) == []


def test_close_discards_what_is_left_and_stops(root: Path) -> None:
    disk = LocalDisk(root)
    temp = new_temp(disk, "a/f")
    with disk.sink(temp, 0) as sink:
        disk.close()
        sink.write(b"into a file without a name")
    assert everything(root) == ["a"]
    assert isinstance(error(disk.create_temp("g")), LocalFailure)
    assert everything(root) == ["a"]


@pytest.mark.skipif(not are_told, reason="needs /proc")
def test_no_descriptor_is_left_open(root: Path, disk: LocalDisk, outside: Path) -> None:
    (root / "out").symlink_to(outside)
    fact = put(root, "x/f", b"old")
    before = open_below(root.parent)
    disk.publish(new_temp(disk, "a/b/f"), MILLIS, None)
    disk.publish(new_temp(disk, "a/b/f"), MILLIS, None)
    disk.discard(new_temp(disk, "a/b/f"))
    disk.create_temp("out/f")
    disk.create_temp("x/f/y")
    sha1_of(whole("x/f", fact), Bodies(disk))
    next(disk.read(whole("x/f", fact)))
    disk.delete("x/f", fact)
    assert open_below(root.parent) == before


# A full disk


@posix
def test_a_write_that_does_not_fit(root: Path, disk: LocalDisk) -> None:
    import resource

    temp = value(disk.create_temp("f"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(LocalTrouble, match="File too large") as raised, disk.sink(temp, 0) as sink:
            sink.write(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert isinstance(raised.value.error, LocalFailure)
    disk.discard(temp)
    assert everything(root) == []


@posix
def test_a_full_disk_reads_the_same_as_the_simulated_one(
    posix_disk: LocalDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes, offset: int) -> int:
        raise OSError(28, "ENOSPC")

    simulated = SimulatedDisk(capacity_bytes=5)
    simulated.put("x", b"123", 0)
    told = []
    monkeypatch.setattr(os, "pwrite", full)
    disks: tuple[Disk, Disk] = (posix_disk, simulated)
    for each in disks:
        with pytest.raises(LocalTrouble) as raised:
            new_temp(each, "f")
        told.append(raised.value.error)
    detail = "No space left on device; free some and run it again"
    assert told == [LocalFailure("write", "f", detail)] * 2


# Names that cannot be


BAD_NAMES = ["", "/etc/x", "../x", "a/../../x", "a//b", "a/", ".", "a\0b", "\ud800", "a/\udcff", "x" * 300]


@pytest.mark.parametrize("path", [*BAD_NAMES, ".b2pure-0123456789abcdef.tmp"])
def test_unusable_names_are_refused_by_everything(root: Path, disk: LocalDisk, path: str) -> None:
    fact = LocalFact(0, 0)
    replies: list[IOResult[Any, Any]] = [
        disk.stat(path),
        disk.create_temp(path),
        sha1_of(whole(path, fact), Bodies(disk)),
        disk.delete(path, fact),
    ]
    assert all(isinstance(error(reply), LocalFailure) for reply in replies)
    assert not disk.remove_stale_temp(path)
    assert everything(root.parent) == ["outside", "root"]


@posix
def test_a_locale_that_has_not_all_characters(root: Path) -> None:
    code = (
        "import sys\n"
        "from b2pure.shell.disk import LocalDisk\n"
        "print(ascii(LocalDisk(sys.argv[1]).create_temp(chr(0xE9))))\n"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", code, str(root)]
    done = subprocess.run(command, env={**os.environ, **plain}, check=True, capture_output=True, timeout=60)
    assert b"use a UTF-8 locale" in done.stdout


def test_windows_names_are_refused_where_they_matter(root: Path) -> None:
    with LocalDisk(root, flavour="windows") as disk:
        assert isinstance(error(disk.create_temp("a/nul")), LocalFailure)
        assert isinstance(error(disk.create_temp("C:\\x")), LocalFailure)


def test_a_file_where_a_folder_is_needed(root: Path, disk: LocalDisk) -> None:
    fact = put(root, "a/b", b"")
    failure = LocalFailure("write", "a/b/c/d", "'a/b' is a file, so no folder can be there")
    assert error(disk.create_temp("a/b/c/d")) == failure
    assert disk.delete("a/b/c", fact) == IOSuccess(None)


def test_a_missing_root_is_not_made(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path / "none")
    assert "cannot be opened" in error(disk.create_temp("f")).detail
    assert everything(tmp_path) == []


# Containment


@posix
def test_a_linked_folder_that_leads_out_is_refused(root: Path, disk: LocalDisk, outside: Path) -> None:
    fact = put(outside, "d/f", b"precious")
    put(outside, ".b2pure-0123456789abcdef.tmp", b"")
    (root / "out").symlink_to(outside)
    (root / "up").symlink_to("..")
    detail = "'out' is a symbolic link that leads out of the folder"
    assert error(disk.create_temp("out/d/f")) == LocalFailure("write", "out/d/f", detail)
    assert error(disk.create_temp("out/new/f")) == LocalFailure("write", "out/new/f", detail)
    assert error(disk.delete("out/d/f", fact)) == LocalFailure("delete", "out/d/f", detail)
    assert isinstance(error(disk.delete("up/outside/d/f", fact)), LocalFailure)
    assert not disk.remove_stale_temp("out/.b2pure-0123456789abcdef.tmp")
    assert everything(outside) == [".b2pure-0123456789abcdef.tmp", "d", "d/f"]


@posix
def test_a_linked_folder_inside_is_used(root: Path, disk: LocalDisk) -> None:
    (root / "real/deep").mkdir(parents=True)
    (root / "x").mkdir()
    (root / "x/alias").symlink_to("../real")
    (root / "x/absolute").symlink_to(root / "real")
    (root / "self").symlink_to(".")
    for path in ("x/alias/deep/f", "x/absolute/new/g", "self/x/alias/h"):
        assert disk.publish(new_temp(disk, path), MILLIS, None) == IOSuccess(None)
    assert everything(root / "real") == ["deep", "deep/f", "h", "new", "new/g"]


@posix
def test_a_root_that_is_a_link_itself(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    with LocalDisk(tmp_path / "link") as disk:
        assert disk.publish(new_temp(disk, "a/f"), MILLIS, None) == IOSuccess(None)
    assert everything(root) == ["a", "a/f"]


@posix
def test_a_neighbour_whose_name_begins_like_the_root(root: Path, disk: LocalDisk, tmp_path: Path) -> None:
    (tmp_path / "root-2").mkdir()
    (root / "l").symlink_to(tmp_path / "root-2")
    assert isinstance(error(disk.create_temp("l/f")), LocalFailure)


@posix
@pytest.mark.parametrize("target", ["nowhere", "l"])
def test_a_link_that_leads_nowhere(root: Path, disk: LocalDisk, target: str) -> None:
    (root / "l").symlink_to(target)
    assert error(disk.create_temp("l/f")).detail == "'l' is a symbolic link that leads nowhere"
    assert everything(root) == ["l"]


@posix
def test_a_link_swapped_in_while_a_download_runs(root: Path, posix_disk: LocalDisk, outside: Path) -> None:
    fact = put(outside, "f", b"precious")
    for finish in (lambda t: posix_disk.publish(t, MILLIS, fact), posix_disk.discard):
        temp = new_temp(posix_disk, "a/f")
        (root / "a").rename(root / "moved")
        (root / "a").symlink_to(outside)
        finish(temp)
        assert everything(outside) == ["f"]
        assert (outside / "f").read_bytes() == b"precious"
        assert everything(root) == ["a", "moved"]
        (root / "a").unlink()
        (root / "moved").rename(root / "a")


@posix
def test_a_folder_replaced_while_a_download_runs(root: Path, posix_disk: LocalDisk) -> None:
    temp = new_temp(posix_disk, "a/f")
    (root / "a").rename(root / "moved")
    (root / "a").mkdir()
    assert "replaced meanwhile" in error(posix_disk.publish(temp, MILLIS, None)).detail
    assert everything(root) == ["a", "moved"]


@posix
def test_a_folder_moved_out_while_a_download_runs(root: Path, disk: LocalDisk, outside: Path) -> None:
    temp = new_temp(disk, "a/f")
    (root / "a").rename(outside / "a")
    (root / "a").symlink_to(outside / "a")
    assert isinstance(error(disk.publish(temp, MILLIS, None)), LocalFailure)
    assert everything(outside) == ["a", f"a/{temp.name}"]


@posix
def test_a_link_swapped_in_between_the_look_and_the_step(
    root: Path, disk: LocalDisk, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The folder that the link led to turns into a link out of the root just after it was resolved.
    (root / "good").mkdir()
    (root / "l").symlink_to("good")
    resolve = os.path.realpath

    def resolve_then_swap(path: str, *, strict: bool = False) -> str:
        real = resolve(path, strict=strict)
        if strict and (root / "good").is_dir() and not (root / "good").is_symlink():
            (root / "good").rmdir()
            (root / "good").symlink_to(outside)
        return real

    monkeypatch.setattr(os.path, "realpath", resolve_then_swap)
    assert isinstance(error(disk.create_temp("l/f")), LocalFailure)
    assert everything(outside) == []


@posix
def test_a_temporary_file_that_was_replaced_is_not_published(root: Path, disk: LocalDisk, outside: Path) -> None:
    put(outside, "secret", b"")
    temp = new_temp(disk, "f")
    (root / temp.name).unlink()
    (root / temp.name).symlink_to(outside / "secret")
    assert isinstance(error(disk.publish(temp, MILLIS, None)), LocalFailure)
    assert not (root / "f").exists()


# Removal


def test_delete(root: Path, disk: LocalDisk) -> None:
    fact = put(root, "d/f", b"abc")
    other = LocalFact(4, MILLIS)
    assert error(disk.delete("d/f", other)) == LocalDrifted("d/f", other, fact)
    assert disk.delete("d/f", fact) == IOSuccess(None)
    assert disk.delete("d/f", fact) == IOSuccess(None)
    assert disk.delete("none/f", fact) == IOSuccess(None)
    assert error(disk.delete("d", fact)) == LocalFailure("delete", "d", "is a folder")
    assert everything(root) == ["d"]


@posix
def test_delete_of_a_link_removes_the_link(root: Path, disk: LocalDisk, outside: Path) -> None:
    fact = put(outside, "f", b"abc")
    (root / "l").symlink_to(outside / "f")
    (root / "broken").symlink_to("nowhere")
    assert disk.delete("l", fact) == IOSuccess(None)
    assert error(disk.delete("broken", fact)) == LocalDrifted("broken", fact, None)
    assert everything(root) == ["broken"]
    assert everything(outside) == ["f"]


@posix
def test_stale_temporary_files_are_told_from_live_ones(root: Path, disk: LocalDisk) -> None:
    left = temporary_name("01234567")
    put(root, f"d/{left}", b"left over")
    put(root, "d/.b2pure-0123456789abcdef.tmp", b"a file of a user that only looks alike")
    put(root, "d/f", b"")
    live = new_temp(disk, "d/g")
    with LocalDisk(root) as later:
        assert later.remove_stale_temp(f"d/{left}")
        assert not later.remove_stale_temp(f"d/{left}")
        assert not later.remove_stale_temp("d/.b2pure-0123456789abcdef.tmp")
        assert not later.remove_stale_temp(f"d/{live.name}")
        assert not later.remove_stale_temp("d/f")
    assert everything(root) == sorted(["d", "d/.b2pure-0123456789abcdef.tmp", f"d/{live.name}", "d/f"])


@posix
def test_a_folder_is_tidied_where_paths_are_and_nowhere_else(root: Path, posix_disk: LocalDisk) -> None:
    left = temporary_name("01234567")
    for place in ("", "d/", "d/e/", "elsewhere/"):
        put(root, f"{place}{left}", b"left over")
    put(root, "d/f", b"")
    live = new_temp(posix_disk, "d/g")
    paths = ["f", "nul\0/f", "surrogate\udc80\ud800/f", "never made/f", "f/below a file", "d/f", "d/g", "d/e/f"]
    tidied = LocalFolderOnDisk(str(root))
    tidied.tidy(paths)
    tidied.close()
    there = ["d", "d/e", "d/f", f"d/{live.name}", "elsewhere", f"elsewhere/{left}"]
    assert everything(root) == sorted(there)


@posix
def test_a_new_temporary_file_that_a_cleaner_took_is_made_again(
    root: Path, disk: LocalDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = temporary._lock
    taken: list[bool] = []

    def lock_late(fd: int) -> None:
        if not taken:
            [fresh] = everything(root)
            taken.append(disk.remove_stale_temp(fresh))
        lock(fd)

    monkeypatch.setattr(temporary, "_lock", lock_late)
    temp = new_temp(disk, "f")
    assert taken == [True]
    assert everything(root) == [temp.name]


@posix
def test_what_a_killed_process_left_is_stale(root: Path, disk: LocalDisk) -> None:
    code = (
        "import os, signal, sys\n"
        "from b2pure.shell.disk import LocalDisk\n"
        "LocalDisk(sys.argv[1]).create_temp('a/f')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(root)], check=False, timeout=60)
    [left] = (root / "a").iterdir()
    assert disk.remove_stale_temp(f"a/{left.name}")
    assert everything(root) == ["a"]


# The simulated disk, where the agreement test does not look


def test_the_simulated_disk_forks(root: Path) -> None:
    disk = SimulatedDisk()
    disk.put("a-b", b"1", 5)
    disk.put("a/b", b"22", 6)
    temp = new_temp(disk, "c")
    twin = disk.fork()
    twin.publish(temp, 7, None)
    twin.remove("a-b")
    assert list(twin.tree()) == [LocalPath("a/b", 2, 6), LocalPath("c", 3, 7)]
    assert dict(disk.files) == {"a-b": (b"1", 5), "a/b": (b"22", 6)}
    assert disk.temps == {temp.name}
    assert twin.temps == frozenset()


@pytest.mark.parametrize("path", ["a/b", "d", "", "../x"])
def test_the_simulated_disk_takes_no_impossible_file(path: str) -> None:
    disk = SimulatedDisk()
    disk.put("a", b"", 0)
    disk.put("d/e", b"", 0)
    with pytest.raises(ValueError):
        disk.put(path, b"", 0)
