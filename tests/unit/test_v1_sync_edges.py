"""Syncs of the numbered interface in places where b2sdk and this package could take a folder for something else."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from v1_world import World, served

from b2pure.v1 import Bucket, Synchronizer, SyncReport, parse_sync_folder

NOW = 1_800_000_000_000


@pytest.fixture
def world() -> Iterator[World]:
    with served() as world:
        yield world


@pytest.fixture
def bucket(world: World) -> Bucket:
    return world.bucket()


def _sync(world: World, source: Path | str, dest: Path | str, /, told: io.StringIO, **options: Any) -> None:
    here, there = (parse_sync_folder(str(place), world.api) for place in (source, dest))
    with SyncReport(told, no_progress=True) as report:
        Synchronizer(2, **options).sync_folders(here, there, NOW, report)


@pytest.mark.parametrize("early", [50, 1])
def test_a_time_that_b2sdk_rounded_up_is_no_newer_file(
    world: World, bucket: Bucket, tmp_path: Path, early: int
) -> None:
    """b2sdk 1.1.4, b2sdk 2 and the b2 command line were seen to store such a time as the next millisecond."""
    (tmp_path / "f").touch()
    os.utime(tmp_path / "f", ns=(0, 1_511_251_158_087_000_000 - early))
    bucket.upload_bytes(b"", "f", file_infos={"src_last_modified_millis": "1511251158087"})
    _sync(world, tmp_path, "b2://holiday", told := io.StringIO())
    assert told.getvalue() == ""
    bucket.hide_file("f")
    _sync(world, tmp_path, "b2://holiday", told)
    assert next(bucket.ls())[0].file_info == {"src_last_modified_millis": "1511251158087"}
