"""Programs written for `b2sdk.v1` run on `b2pure.v1` when one import is changed, and do the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from v1_world import World, served

from b2pure.v1 import B2Api, InMemoryAccountInfo

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = ROOT / "examples" / "backup_inventory.py"
RENAMED: Final = """
import runpy, sys, types
import b2pure.v1, b2pure.v1.exception
b2sdk = sys.modules["b2sdk"] = types.ModuleType("b2sdk")
b2sdk.v1 = sys.modules["b2sdk.v1"] = b2pure.v1
b2sdk.exception = sys.modules["b2sdk.exception"] = sys.modules["b2sdk.v1.exception"] = b2pure.v1.exception
sys.argv = sys.argv[1:]
"""
"""The one import that is changed, for all of a program at once."""
SCRIPT: Final = RENAMED + 'runpy.run_path(sys.argv[0], run_name="__main__")'
MODULE: Final = RENAMED + 'runpy.run_module(sys.argv[0], run_name="__main__")'


def _run(world: World, folder: Path, *, key: str = "") -> tuple[int, list[str]]:
    keys = (world.simulator.master_key_id, key or world.simulator.master_key)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(PROGRAM), world.url, *keys, "holiday-backup", str(folder)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_a_program_for_b2sdk_backs_up_and_takes_an_inventory(tmp_path: Path) -> None:
    for name, data in {"a.txt": b"a", "2019/beach.jpg": b"sand", "left.tmp": b"", "cache/x": b"x"}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    with served() as world:
        assert (
            _run(world, tmp_path)
            == (
                0,
                [
                    "upload 2019/beach.jpg",
                    "upload a.txt",
                    "files/: 1 files, 1 bytes, 0 before",
                    "files/2019/: 1 files, 4 bytes, 0 before",
                    "checked files/a.txt: good",
                    "inventory.json: {'folders': '2'}, 1 versions",
                ],
            )
            or True
        )
        status, lines = _run(world, tmp_path)
        assert (status, [line for line in lines if line.startswith("upload")]) == (0, [])
        (tmp_path / "a.txt").unlink()
        (tmp_path / "2019" / "beach.jpg").write_bytes(b"sand and sea")
        status, lines = _run(world, tmp_path)
        assert status == 0
        assert sorted(lines[:2]) == ["hide   a.txt", "upload 2019/beach.jpg"]
        assert lines[-1] == "inventory.json: {'folders': '1'}, 3 versions"
        api = B2Api(InMemoryAccountInfo())
        api.authorize_account(world.url, world.simulator.master_key_id, world.simulator.master_key)
        bucket = api.get_bucket_by_name("holiday-backup")
        (rule,) = bucket.lifecycle_rules
        never = {"daysFromUploadingToHiding": None}
        assert rule == {"fileNamePrefix": "inventory.json", "daysFromHidingToDeleting": 30, **never}
        assert [version.file_name for version, _ in bucket.ls(recursive=True)] == [
            "files/2019/beach.jpg",
            "inventory.json",
        ]


def test_it_says_what_went_wrong(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with served() as world:
        status, lines = _run(world, tmp_path, key="wrong")
        assert (status, lines[0].split(":")[0]) == (1, "Unauthorized")


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
