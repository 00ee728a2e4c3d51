"""A program written for `b2sdk.v1` runs on `b2pure.v1` when one import is changed, and does the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from v1_world import World, served

from b2pure.v1 import B2Api, InMemoryAccountInfo

PROGRAM: Final = Path(__file__).parents[2] / "examples" / "backup_inventory.py"
RENAMED: Final = """
import runpy, sys, types
import b2pure.v1, b2pure.v1.exception
sys.modules["b2sdk"] = types.ModuleType("b2sdk")
sys.modules["b2sdk.v1"], sys.modules["b2sdk.v1.exception"] = b2pure.v1, b2pure.v1.exception
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _run(world: World, folder: Path, *, key: str = "") -> tuple[int, list[str]]:
    keys = (world.simulator.master_key_id, key or world.simulator.master_key)
    done = subprocess.run(
        [sys.executable, "-c", RENAMED, str(PROGRAM), world.url, *keys, "holiday-backup", str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
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
        assert bucket.lifecycle_rules == [{"fileNamePrefix": "inventory.json", "daysFromHidingToDeleting": 30}]
        assert [version.file_name for version, _ in bucket.ls(recursive=True)] == [
            "files/2019/beach.jpg",
            "inventory.json",
        ]


def test_it_says_what_went_wrong(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with served() as world:
        status, lines = _run(world, tmp_path, key="wrong")
        assert (status, lines[0].split(":")[0]) == (1, "Unauthorized")
