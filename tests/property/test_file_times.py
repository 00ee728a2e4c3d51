"""Laws of modification times: a file system's nanoseconds become B2's milliseconds in one way, whoever looks at a file;
what B2 gave comes back as it was, and where b2sdk writes the next millisecond down, so do we.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from b2pure.model.files import LocalPath, SkippedPath, millis_from_ns
from b2pure.shell.facts import fact_of
from b2pure.shell.scan import scan
from b2pure.shell.scan_folder import read_folder, try_told
from b2pure.shell.scan_values import Folder, Found, Rules
from b2pure.shell.scout import answered
from b2pure.shell.scouting import Answer

MILLIS = st.integers(0, 8_000_000_000_000)
"""1970 to 2223."""
BEFORE = st.integers(-300, 1) | st.integers(-1_200, 1_000_000)
"""Nanoseconds from a full millisecond, most of them shortly before."""
TIMES = st.builds(
    lambda millis, after: max(0, millis * 10**6 + after), MILLIS | st.integers(10**12, 2 * 10**12), BEFORE
)
SEEN = 1_511_251_158_086_999_950
"""50 ns before a millisecond: b2sdk 1.1.4, b2sdk 2 and the b2 command line store 1511251158087, and rclone ...086."""


def _in_floats(ns: int) -> int:
    """As b2sdk does it: the seconds of a file's status, as Python tells them, times 1000, cut off."""
    return int((ns // 10**9 + 1e-9 * (ns % 10**9)) * 1000)


@given(TIMES)
@example(SEEN)
@example(1_081_234_567_890_000_000)  # in 2004, b2sdk makes some full milliseconds the one before
def test_a_time_is_rounded_down_or_where_b2sdk_rounds_it_up_with_b2sdk(ns: int) -> None:
    assert millis_from_ns(ns) == max(ns // 10**6, _in_floats(ns))


@given(st.integers(-(10**16), 10**16))
def test_a_time_that_came_from_b2_comes_back_as_it_was(millis: int) -> None:
    assert millis_from_ns(millis * 10**6) == millis


@given(TIMES | st.integers(-(10**22), 10**22))
def test_a_time_is_never_a_microsecond_ahead(ns: int) -> None:
    assert ns // 10**6 <= millis_from_ns(ns) <= (ns + 1_000) // 10**6


@given(TIMES, st.integers(0, 2_000))
def test_a_later_file_is_no_earlier_one(ns: int, later: int) -> None:
    assert millis_from_ns(ns) <= millis_from_ns(ns + later)


@pytest.mark.skipif(sys.platform == "win32", reason="its files have no nanoseconds, and there is no scout")
@given(st.lists(TIMES, min_size=1, max_size=6))
@example([SEEN, SEEN - 1_000_000, 0])
def test_whoever_looks_at_a_file_finds_the_same_time(times: list[int]) -> None:
    with TemporaryDirectory() as root:
        paths = [Path(root, f"f{number}") for number in range(len(times))]
        for path, ns in zip(paths, times, strict=True):
            path.touch()
            os.utime(path, ns=(ns, ns))
        status = [path.stat() for path in paths]
        rules, told = Rules(root, None, None, False, False), answered(os.fsencode(root), None, 100)
        assert told is not None
        found = [
            [item for item in scan(root) if isinstance(item, LocalPath)],
            [item for item in scan(root, excludes_file=lambda path: False) if isinstance(item, LocalPath)],
            _files(read_folder(rules, Folder("", False, ()))),
            _files(try_told(rules, Folder("", False, ()), Answer(*told))),
        ]
        facts = [fact_of("read", path.name, path.stat()).mod_time_millis for path in paths]
    expected = [max(seen.st_mtime_ns // 10**6, int(seen.st_mtime * 1000)) for seen in status]
    assert facts == expected
    for way in found:
        assert [item.mod_time_millis for item in way] == expected


def _files(found: Found | SkippedPath | None) -> list[LocalPath]:
    assert isinstance(found, Found)
    return sorted((item for item in found.files if isinstance(item, LocalPath)), key=lambda item: item.path)
