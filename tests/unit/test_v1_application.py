"""Programs written for `b2sdk.v1` run on `b2pure.v1` when one import is changed, and do the same.

`make interop` runs the sample application on b2sdk 1.1.4 beside this, and compares every line.
"""

from __future__ import annotations

import ast
import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen
from v1_world import SMALL_PARTS, World, served

from b2pure.testing import Answer, ExpireTokens, FailNth

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = ROOT / "examples" / "backup_inventory.py"
THEIRS: Final = "from b2sdk.v1 import ("
OURS: Final = "from b2pure.v1 import ("
RENAMED: Final = """
import runpy, sys, types
import b2pure.v1, b2pure.v1.exception
b2sdk = sys.modules["b2sdk"] = types.ModuleType("b2sdk")
b2sdk.v1 = sys.modules["b2sdk.v1"] = b2pure.v1
b2sdk.exception = sys.modules["b2sdk.exception"] = sys.modules["b2sdk.v1.exception"] = b2pure.v1.exception
sys.argv = sys.argv[1:]
"""
"""All imports of a program that has several of them, at once."""
MODULE: Final = RENAMED + 'runpy.run_module(sys.argv[0], run_name="__main__")'


@frozen
class _Place:
    """Where the program works."""

    world: World
    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "folder"

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def run(self, *, key: str = "") -> tuple[int, list[str]]:
        """The program with its one import changed: its exit status, and what it says."""
        program, restored = self.root / PROGRAM.name, self.root / "restored"
        restored.mkdir(exist_ok=True)
        program.write_text(PROGRAM.read_text().replace(THEIRS, OURS))
        simulator = self.world.simulator
        arguments = (self.world.url, simulator.master_key_id, key or simulator.master_key, "holiday-backup")
        done = subprocess.run(
            [sys.executable, str(program), *arguments, str(self.folder), str(restored)],
            env={**os.environ, "B2_ACCOUNT_INFO": str(self.root / "account_info")},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[_Place]:
    with served(SMALL_PARTS) as world:
        place = _Place(world, tmp_path)
        for name, data in {"a.txt": b"a", "2019/beach.jpg": b"sand", "left.tmp": b"", "cache/x": b"x"}.items():
            place.write(name, data)
        yield place


def test_one_line_of_the_program_is_another_one() -> None:
    """And that line is all that it knows of b2sdk."""
    ours = PROGRAM.read_text().replace(THEIRS, OURS)
    changed = [line for line in difflib.ndiff(PROGRAM.read_text().splitlines(), ours.splitlines()) if line[0] in "+-"]
    assert changed == [f"- {THEIRS}", f"+ {OURS}"]
    imported = [node for node in ast.walk(ast.parse(ours)) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [node for node in imported if "b2sdk" in ast.unparse(node)]


FIRST: Final = """\
the key is new
upload 2019/beach.jpg
upload a.txt
as rehearsed: True
inventory.json: application/json, {'folders': '2'}
archive.zip: small, 400 bytes, progress True
latest/archive.zip: good, progress True
it begins with b'PK'
dnload 2019/beach.jpg
dnload a.txt
the key restore may only read: Unauthorized
and makes no bucket: Unauthorized
keys that are left: []
checked files/a.txt: good
files/: 1 files, 1 bytes, 0 before
files/2019/: 1 files, 4 bytes, 0 before
inventory.json: ['upload']
archive.zip: ['upload']
"""


def test_a_program_for_b2sdk_backs_up_archives_and_restores(place: _Place) -> None:
    assert place.run() == (0, FIRST.splitlines())
    status, lines = place.run()
    assert (status, lines[:2]) == (0, ["the account info file knows the key", "nothing to back up"])
    assert "nothing to restore" in lines
    assert {path.name: path.read_bytes() for path in (place.root / "restored").rglob("*") if path.is_file()} == {
        "a.txt": b"a",
        "beach.jpg": b"sand",
    }


def test_it_keeps_what_it_replaces_and_two_archives_that_are_large_files(place: _Place) -> None:
    place.write("film.mov", bytes(25_000))
    assert place.run()[0] == 0
    (place.folder / "a.txt").unlink()
    place.write("2019/beach.jpg", b"sand and sea")
    place.run()
    status, lines = place.run()
    assert status == 0
    assert [line for line in lines if line.startswith("archive.zip: large")]
    assert "deleted an old archive.zip" in lines
    assert lines[-2:] == ["inventory.json: ['upload', 'upload', 'upload']", "archive.zip: ['upload', 'upload']"]
    bucket = place.world.api.get_bucket_by_name("holiday-backup")
    assert [version.action for version in bucket.list_file_versions("files/a.txt")] == ["hide", "upload"]
    (rule,) = place.world.api.list_buckets("holiday-backup")[0].lifecycle_rules
    never = {"daysFromUploadingToHiding": None}
    assert rule == {"fileNamePrefix": "inventory.json", "daysFromHidingToDeleting": 30, **never}


def test_it_cancels_what_nobody_finished(place: _Place) -> None:
    place.run()
    bucket = place.world.api.get_bucket_by_name("holiday-backup")
    bucket.start_large_file("left.zip")
    assert "cancelled left.zip" in place.run()[1]
    assert list(bucket.list_unfinished_large_files()) == []


def test_it_says_what_went_wrong(place: _Place) -> None:
    assert place.run(key="wrong") == (1, ["the key is not valid, or not any more: Unauthorized"])


def test_it_goes_on_in_bad_weather(place: _Place) -> None:
    """What it says is the same: calls that fail for a while are tried again."""
    busy = Answer(503)
    for call in ("b2_upload_file", "b2_list_file_names", "b2_download_file_by_name", "b2_copy_file"):
        place.world.faults.append(FailNth(call, 1, busy))
    place.world.faults.append(ExpireTokens(nth=9))
    assert place.run() == (0, FIRST.splitlines())


def test_the_scenario_that_b2sdk_1_runs_against_the_simulator_runs_on_it(tmp_path: Path) -> None:
    """The driver of `make interop`, which was written for b2sdk 1.1.4 and looks for itself whether B2 has what it says.
    It has to do the steps that b2sdk 1.1.4 has bugs in, too.
    """
    with served() as world:
        keys = {"key_id": world.simulator.master_key_id, "key": world.simulator.master_key}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", MODULE, "interop.drivers.b2sdk1"],
            input=json.dumps({"url": world.url, **keys, "work": str(tmp_path)}),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    ended = {outcome["title"]: outcome["kind"] for outcome in outcomes}
    assert {title: kind for title, kind in ended.items() if kind != "PASS"} == {"sync between buckets": "SKIP"}
    assert {"concatenate local and remote", "copy without a length", "continue an unfinished file"} <= ended.keys()
