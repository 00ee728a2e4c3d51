"""What a scan of a real folder gives: order, filters, links, and remarks about what cannot be used."""

from __future__ import annotations

import inspect
import os
import socket
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from descriptors import are_told, open_below

import b2pure.shell.scan_folder as folder_module
from b2pure.model.files import LocalItem, LocalPath, SkippedPath
from b2pure.shell.scan import ScanFailed, scan

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX file system")


def nothing(path: str) -> bool:
    return False


filters: Callable[[str], bool] | None = nothing
"""What `found` gives as filters: none, or such as let everything pass; set for each test by `way`."""


def found(root: Path, *, exclude_symlinks: bool = False, stay_inside: bool = False) -> list[LocalItem]:
    return list(
        scan(
            root,
            excludes_directory=filters,
            excludes_file=filters,
            exclude_symlinks=exclude_symlinks,
            stay_inside=stay_inside,
        )
    )


def make(root: Path, *paths: str, data: bytes = b"x") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


def remark(root: Path, path: str, **options: bool) -> SkippedPath:
    [item] = [item for item in found(root, **options) if item.path == path]
    assert isinstance(item, SkippedPath)
    return item


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture(autouse=True, params=["descriptors", "paths", "descriptors, no filter", "paths, no filter"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How folders are read: on POSIX by descriptors, on Windows by paths; without filters there is a shorter way."""
    if request.param.startswith("paths"):
        monkeypatch.setattr(folder_module, "_BY_DESCRIPTOR", False)
    if request.param.endswith("no filter"):
        monkeypatch.setattr(f"{__name__}.filters", None)


@contextmanager
def somebody_else() -> Iterator[None]:
    """The super-user may read everything, so what refusals give is looked at as another user."""
    if sys.platform == "win32" or os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_folders_sort_as_if_their_name_ended_with_a_slash(tmp_path: Path) -> None:
    make(tmp_path, "a0.txt", "a/b.txt", "A", "a.txt", "a/c.txt", "a-b")
    assert [item.path for item in found(tmp_path)] == ["A", "a-b", "a.txt", "a/b.txt", "a/c.txt", "a0.txt"]


def test_folders_whose_names_begin_alike(tmp_path: Path) -> None:
    make(tmp_path, "a/x", "a-/x", "a--/x", "a- /x", "a-/-", "a!", "a.b/y/z")
    paths = [item.path for item in found(tmp_path)]
    assert len(paths) == 7
    assert paths == sorted(paths)


def test_size_and_time_in_whole_milliseconds(tmp_path: Path) -> None:
    make(tmp_path, "f", data=b"12345")
    for after, millis in ((998_999, 999), (999_999, 1000)):  # as close as that, b2sdk says the next one
        os.utime(tmp_path / "f", ns=(0, 1_700_000_000_999_000_000 + after))
        assert found(tmp_path) == [LocalPath("f", 5, 1_700_000_000_000 + millis)]


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    assert found(tmp_path) == []


def test_folders_are_read_as_the_iteration_comes_to_them(tmp_path: Path) -> None:
    make(tmp_path, "a", "z/old")
    items = scan(tmp_path, excludes_directory=nothing, excludes_file=nothing)
    assert next(items).path == "a"
    make(tmp_path, "z/new")
    assert [item.path for item in items] == ["z/new", "z/old"]


def test_filters_get_relative_paths_and_an_excluded_folder_is_not_entered(tmp_path: Path) -> None:
    make(tmp_path, "a/b/c", "a/d", "e")
    asked: list[str] = []

    def file_filter(path: str) -> bool:
        asked.append(path)
        return path == "e"

    items = scan(tmp_path, excludes_directory=lambda path: path == "a/b", excludes_file=file_filter)
    assert [item.path for item in items] == ["a/d"]
    assert sorted(asked) == ["a/d", "e"]


@posix
def test_excluded_paths_give_no_remark(tmp_path: Path) -> None:
    make(tmp_path, "f")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "dir").symlink_to("nowhere")
    (tmp_path / os.fsdecode(b"\xff")).touch()
    items = scan(
        tmp_path,
        excludes_directory=lambda path: path == "dir",
        excludes_file=lambda path: path not in ("f", "dir"),
    )
    assert [item.path for item in items] == ["f"]


@posix
def test_links_are_followed(tmp_path: Path) -> None:
    make(tmp_path, "real/f", "g", data=b"123")
    (tmp_path / "dir").symlink_to("real")
    (tmp_path / "link").symlink_to("g")
    assert [item.path for item in found(tmp_path)] == ["dir/f", "g", "link", "real/f"]
    assert {item.size for item in found(tmp_path) if isinstance(item, LocalPath)} == {3}


@posix
def test_links_can_be_left_out(tmp_path: Path) -> None:
    make(tmp_path, "real/f")
    (tmp_path / "dir").symlink_to("real")
    (tmp_path / "broken").symlink_to("nowhere")
    items = found(tmp_path, exclude_symlinks=True)
    assert [item.path for item in items if isinstance(item, LocalPath)] == ["real/f"]
    left_out = [item for item in items if isinstance(item, SkippedPath)]
    assert [(item.path, item.why, item.subtree) for item in left_out] == [
        ("broken", "excluded symlink", True),
        ("dir", "excluded symlink", True),
    ]


@posix
def test_a_broken_link_may_have_led_to_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b").symlink_to("nowhere")
    assert remark(tmp_path, "b") == SkippedPath("b", "broken symlink", "it leads to nothing", True)


@posix
@pytest.mark.parametrize("target", [".", "..", "../a"])
def test_a_loop_is_not_followed(tmp_path: Path, target: str) -> None:
    make(tmp_path, "a/f")
    (tmp_path / "a/l").symlink_to(target)
    item = remark(tmp_path, "a/l")
    assert (item.why, item.subtree) == ("symlink loop", True)
    assert [item.path for item in found(tmp_path)] == ["a/f", "a/l"]


@posix
def test_a_loop_over_two_links(tmp_path: Path) -> None:
    make(tmp_path, "x/f", "y/g")
    (tmp_path / "x/to_y").symlink_to("../y")
    (tmp_path / "y/to_x").symlink_to("../x")
    paths = [item.path for item in found(tmp_path)]
    assert paths == ["x/f", "x/to_y/g", "x/to_y/to_x", "y/g", "y/to_x/f", "y/to_x/to_y"]


@posix
def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "me").symlink_to("me")
    assert remark(tmp_path, "me").why == "symlink loop"


@posix
def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    assert remark(tmp_path, "pipe") == SkippedPath("pipe", "not a file", "it is a pipe")
    assert remark(tmp_path, "link").why == "not a file"
    assert remark(tmp_path, "socket").detail == "it is a socket"


@posix
def test_an_unreadable_file(open_folder: Path) -> None:
    make(open_folder, "f", "g")
    (open_folder / "f").chmod(0o200)
    with somebody_else():
        assert remark(open_folder, "f") == SkippedPath("f", "unreadable", "Permission denied")
        assert isinstance(found(open_folder)[1], LocalPath)


@posix
def test_an_unreadable_folder_takes_the_place_of_its_bare_name(open_folder: Path) -> None:
    make(open_folder, "a/f", "a-b", "a.txt", "a0")
    (open_folder / "a").chmod(0)
    with somebody_else():
        items = found(open_folder)
    (open_folder / "a").chmod(0o700)
    assert [item.path for item in items] == ["a", "a-b", "a.txt", "a0"]
    assert items[0] == SkippedPath("a", "unreadable", "Permission denied", subtree=True)


@posix
def test_an_undecodable_link_to_itself_is_no_reason_to_give_up(tmp_path: Path) -> None:
    make(tmp_path, "a")
    (tmp_path / os.fsdecode(b"b\xff")).symlink_to(os.fsdecode(b"b\xff"))
    assert [(type(item), item.path) for item in found(tmp_path)] == [(LocalPath, "a"), (SkippedPath, r"b\xff")]


@posix
def test_undecodable_names_are_shown_escaped_unique_and_in_their_place(tmp_path: Path) -> None:
    make(tmp_path, "a", r"b\xff", "c")
    (tmp_path / os.fsdecode(b"b\xff")).touch()
    (tmp_path / os.fsdecode(b"b\xff_")).touch()
    (tmp_path / os.fsdecode(b"b\xfe")).mkdir()
    (tmp_path / os.fsdecode(b"b\xfe") / "inside").touch()
    items = found(tmp_path)
    assert [item.path for item in items] == ["a", r"b\xfe", r"b\xff", r"b\xff_", r"b\xff__", "c"]
    assert isinstance(items[3], SkippedPath)
    assert (items[3].why, items[3].subtree) == ("undecodable", False)


def test_our_own_temporary_files(tmp_path: Path) -> None:
    make(tmp_path, ".b2pure-0123456789abcdef.tmp", ".b2pure-xyz.tmp")
    assert remark(tmp_path, ".b2pure-0123456789abcdef.tmp").why == "temporary file"
    assert isinstance(found(tmp_path)[1], LocalPath)


@posix
def test_a_destination_is_not_left_by_links(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "root-outside"  # the name begins alike
    make(tmp_path, "root/in/f", "root-outside/g")
    (root / "out").symlink_to(outside)
    (root / "alias").symlink_to("in")
    for link in ("out", "alias"):
        detail = "a sync writes through no symbolic link"
        assert remark(root, link, stay_inside=True) == SkippedPath(link, "linked folder", detail, subtree=True)
    assert [item.path for item in found(root, stay_inside=True)] == ["alias", "in/f", "out"]
    assert "out/g" in [item.path for item in found(root)]


def test_what_vanishes_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a", "b", "d/x")

    def file_filter(path: str) -> bool:
        (tmp_path / path).unlink()
        return False

    items = scan(tmp_path, excludes_directory=nothing, excludes_file=file_filter)
    (tmp_path / "d/x").unlink()
    (tmp_path / "d").rmdir()
    assert list(items) == []


@pytest.mark.parametrize(("name", "text"), [("none", "no such folder"), ("file", "not a folder"), ("\0", "usable")])
def test_a_root_that_cannot_be_scanned(tmp_path: Path, name: str, text: str) -> None:
    make(tmp_path, "file")
    for stay_inside in (False, True):
        with pytest.raises(ScanFailed, match=text) as raised:
            found(tmp_path / name, stay_inside=stay_inside)
        assert raised.value.error.path == str(tmp_path / name)


def test_a_tree_deeper_than_the_stack(tmp_path: Path) -> None:
    depth, limit = 150, sys.getrecursionlimit()
    make(tmp_path, "d/" * depth + "f")
    items = scan(tmp_path, excludes_directory=nothing, excludes_file=nothing)
    sys.setrecursionlimit(len(inspect.stack()) + 60)
    try:
        [item] = items
    finally:
        sys.setrecursionlimit(limit)
    assert item.path == "d/" * depth + "f"


@pytest.mark.skipif(not are_told, reason="needs /proc")
def test_an_abandoned_scan_leaves_no_descriptor_open(tmp_path: Path) -> None:
    make(tmp_path, *(f"{i}/{i}" for i in range(5)))
    items = scan(tmp_path, excludes_directory=nothing, excludes_file=nothing)
    next(items)
    assert open_below(tmp_path) == []


def test_a_folder_is_forgotten_before_the_next_is_read(tmp_path: Path) -> None:
    def peak(folder: Path) -> int:
        tracemalloc.start()
        try:
            for _ in scan(folder, excludes_directory=filters, excludes_file=filters):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    names = [f"{number:03d}{'x' * 200}" for number in range(500)]
    make(tmp_path, *(f"one/a/{name}" for name in names))
    make(tmp_path, *(f"three/{folder}/{name}" for folder in "abc" for name in names))
    assert peak(tmp_path / "three") < 1.3 * peak(tmp_path / "one")
