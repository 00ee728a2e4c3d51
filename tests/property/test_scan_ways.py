"""Laws of the scan: however a folder is read, it holds the same, and its ordinary files are those that a plain walk
finds.

The trees are real ones, with whatever a folder can have: names of all kinds, links, pipes, files that may not be read.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import b2pure.shell.scan_folder as folder_module
from b2pure.model.files import LocalItem, LocalPath
from b2pure.plan.ahead import Ahead
from b2pure.shell.scan import scan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX file system")

Make = Callable[[str], None]


def _file(mode: int) -> Make:
    def make(path: str) -> None:
        with open(path, "wb") as file:
            file.write(b"x" * (mode & 7))
        os.chmod(path, mode)
        os.utime(path, ns=(0, 1_600_000_000_123_456_789 + mode))

    return make


def _link(target: str) -> Make:
    return lambda path: os.symlink(target, path)


def _folder(mode: int) -> Make:
    def make(path: str) -> None:
        os.mkdir(path)
        for name, make_file in (("in", _file(0o644)), ("käse", _file(0o600)), ("dir", _folder(0o755))):
            if name != "dir" or os.path.basename(path) != "dir":
                make_file(os.path.join(path, name))
        os.chmod(path, mode)

    return make


KINDS: Final[Mapping[str, Make]] = {
    "file": _file(0o644),
    "own file": _file(0o600),
    "file that its owner may not read": _file(0o044),
    "file for nobody": _file(0),
    "folder": _folder(0o755),
    "folder without a way in": _folder(0o444),
    "folder for nobody": _folder(0),
    "link to a": _link("a"),
    "link to nothing": _link("nothing"),
    "link to where it is": _link("."),
    "pipe": os.mkfifo if sys.platform != "win32" else _file(0),
}

AHEAD: Final = (
    None,
    Ahead(worth=0, sample=0),
    Ahead(worth=0, sample=0, many=2, piece=1),
    Ahead(worth=0, sample=0, busy=1, held=0),
)
"""Alone, and with a scout that has something to do in the smallest tree; the other settings have their limits there."""

_BYTES: Final = st.sampled_from(
    [b"a", b"b", b"a-", b"a0", b"a.txt", "ä".encode(), "日本".encode(), "🙂".encode(), b"\xff", b"x\xe4", b"\n"]
)
_NAMES: Final = _BYTES | st.sampled_from(
    [b".b2pure-0123456789abcdef.tmp", b".b2pure-0123456789abcdef.part", b".b2pure-plan", b"x.b2pure-", b"\xff.b2pure-"]
)
TREES: Final = st.dictionaries(_NAMES, st.sampled_from(sorted(KINDS)), max_size=7)


@contextmanager
def made(tree: Mapping[bytes, str]) -> Iterator[Path]:
    """The tree, while somebody who is no super-user looks at it: as super-user one owns the half of it."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        super_user = os.geteuid() == 0
        for number, (path, kind) in enumerate(sorted(tree.items())):
            where = os.path.join(name, os.fsdecode(path))
            KINDS[kind](where)
            if super_user and number % 2:
                os.chown(where, 65534, 65534, follow_symlinks=False)
        try:
            if super_user:
                os.seteuid(65534)
            yield Path(name)
        finally:
            if super_user:
                os.seteuid(0)
            for folder in filter(os.path.isdir, [entry.path for entry in os.scandir(name) if not entry.is_symlink()]):
                os.chmod(folder, 0o755)


def _nothing(path: str) -> bool:
    return False


def _ways(root: Path, *, exclude_symlinks: bool, stay_inside: bool) -> Iterator[list[LocalItem]]:
    for by_descriptor in (True, False):
        with patch.object(folder_module, "_BY_DESCRIPTOR", by_descriptor):
            for excludes in (None, _nothing):
                for ahead in AHEAD if by_descriptor and excludes is None else (None,):
                    yield list(
                        scan(
                            root,
                            excludes_directory=excludes,
                            excludes_file=excludes,
                            exclude_symlinks=exclude_symlinks,
                            stay_inside=stay_inside,
                            ahead=ahead,
                        )
                    )


@given(TREES, st.booleans(), st.booleans())
@example({b"a": "folder without a way in", b"b": "file"}, False, False)
@example({b"\xff": "file", b".b2pure-0123456789abcdef.tmp": "file", b"a": "own file"}, False, False)
def test_all_ways_to_read_a_folder_find_the_same(
    tree: Mapping[bytes, str], exclude_symlinks: bool, stay_inside: bool
) -> None:
    with made(tree) as root:
        first, *others = _ways(root, exclude_symlinks=exclude_symlinks, stay_inside=stay_inside)
    for other in others:
        assert other == first
    paths = [item.path for item in first]
    assert paths == sorted(set(paths))


@given(TREES)
def test_the_ordinary_files_are_those_that_can_be_opened(tree: Mapping[bytes, str]) -> None:
    with made(tree) as root:
        expected = list(_walked(str(root)))
        for items in _ways(root, exclude_symlinks=True, stay_inside=False):
            assert [item for item in items if isinstance(item, LocalPath)] == sorted(expected, key=lambda it: it.path)


def _walked(root: str) -> Iterator[LocalPath]:
    """What a naive scan without links finds: it opens every file."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, root)
            try:
                status = os.lstat(path)
                relative.encode()
                if not stat.S_ISREG(status.st_mode) or (name[:8] == ".b2pure-" and len(name) > 16):
                    continue
                with open(path, "rb") as file:
                    size = len(file.read())
            except (OSError, UnicodeEncodeError):
                continue
            yield LocalPath(relative, size, status.st_mtime_ns // 1_000_000)
