"""The same syncs by b2sdk's own numbered interface, where it is installed: the same lines, the same files in the end.

What b2sdk does otherwise is left out here: files that the source's time filter hides, keep-days by modification times,
and a sync that stops at a newer destination, which leaves it to chance what was done before.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from attrs import frozen
from v1_world import World, served

from b2pure import v1 as ours

theirs = pytest.importorskip("b2sdk.v1")

T: Final = 1_700_000_000
NOW: Final = 1_800_000_000_000


@frozen
class Outcome:
    """What a sync said, and what was there afterwards."""

    ended: str
    lines: list[str]
    versions: list[tuple[str, str]]
    files: list[str]


def _fill(folder: Path, bucket: Any) -> None:
    """Files that are new, the same, changed, older, gone, hidden, in folders."""

    def here(name: str, data: bytes, time: int) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (time, time))

    def there(name: str, data: bytes, time: int) -> None:
        bucket.upload_bytes(data, name, file_infos={"src_last_modified_millis": str(time * 1000)})

    here("new", b"n", T)
    here("same", b"s", T)
    there("same", b"s", T)
    here("changed", b"longer and longer", T + 100)
    there("changed", b"1", T - 5)
    there("changed", b"22", T)
    here("older", b"o", T - 50)
    there("older", b"oo", T)
    there("gone", b"1", T - 10)
    there("gone", b"2", T)
    there("hidden", b"h", T)
    bucket.hide_file("hidden")
    here("deep/down/x", b"x", T)
    there("deep/gone", b"", T)
    here("skip.raw", b"r", T)


def _sync(v1: ModuleType | Any, world: World, folder: Path, up: bool, options: dict[str, Any]) -> Outcome:
    api = v1.B2Api(v1.InMemoryAccountInfo())
    api.authorize_account(world.url, world.simulator.master_key_id, world.simulator.master_key)
    bucket = api.create_bucket("holiday", "allPrivate")
    folder.mkdir()
    _fill(folder, bucket)
    ends = [v1.parse_sync_folder(place, api) for place in (str(folder), "b2://holiday")]
    out = io.StringIO()
    try:
        with v1.SyncReport(out, True) as report:
            v1.Synchronizer(1, **options).sync_folders(*(ends if up else reversed(ends)), NOW, report)
        ended = "well"
    except Exception as error:
        ended = type(error).__name__
    return Outcome(
        ended,
        sorted(out.getvalue().splitlines()),
        sorted((version.file_name, version.action) for version, _ in bucket.ls("", True, True)),
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()),
    )


def _options(v1: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    newer, keep, compare = v1.NewerFileSyncMode, v1.KeepOrDeleteMode, v1.CompareVersionMode
    replace = {"newer_file_mode": newer.REPLACE}
    delete = {"keep_days_or_delete": keep.DELETE}
    yield "skip", {"newer_file_mode": newer.SKIP}
    yield "replace", replace
    yield "size", {"compare_version_mode": compare.SIZE, "compare_threshold": 3, **replace}
    yield "none", {"compare_version_mode": compare.NONE}
    yield "delete and skip", {"newer_file_mode": newer.SKIP, **delete}
    yield "delete and replace", {**replace, **delete}
    yield "dry", {"dry_run": True, **replace, **delete}
    scan = {"exclude_file_regexes": (r".*raw",), "exclude_dir_regexes": ("deep",)}
    yield "scan", {"policies_manager": v1.ScanPoliciesManager(**scan), **replace}


NAMES: Final = [name for name, _ in _options(ours)]


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")
def test_a_sync_does_what_b2sdk_does(tmp_path: Path, name: str, up: bool) -> None:
    outcomes = []
    for number, v1 in enumerate((ours, theirs)):
        with served() as world:
            outcomes.append(_sync(v1, world, tmp_path / str(number), up, dict(_options(v1))[name]))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].ended == "well"
