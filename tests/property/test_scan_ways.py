"""Laws of the scan: however a folder is read, it holds the same, and its ordinary files are those that a plain walk
finds.

The trees are real ones, with whatever a folder can have: names of all kinds, links, pipes, files that may not be read.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from trees_support import TREES, made

import b2pure.shell.scan_folder as folder_module
from b2pure.model.files import LocalItem, LocalPath
from b2pure.shell.scan import scan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX file system")


def _nothing(path: str) -> bool:
    return False


def _ways(root: Path, *, exclude_symlinks: bool, stay_inside: bool) -> Iterator[list[LocalItem]]:
    for by_descriptor in (True, False):
        with patch.object(folder_module, "_BY_DESCRIPTOR", by_descriptor):
            for excludes in (None, _nothing):
                yield list(
                    scan(
                        root,
                        excludes_directory=excludes,
                        excludes_file=excludes,
                        exclude_symlinks=exclude_symlinks,
                        stay_inside=stay_inside,
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
