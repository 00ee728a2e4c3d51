"""Corners of the numbered interface that its documentation names once, and where a mistake costs data or hours."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from v1_world import SMALL_PARTS, World, content, served

from b2pure.effects.faults import Answer, FailNth
from b2pure.plan.retry import RetryPolicy
from b2pure.v1 import (
    B2Api,
    B2Folder,
    Bucket,
    CopySource,
    InMemoryAccountInfo,
    LocalFolder,
    ScanPoliciesManager,
    SqliteAccountInfo,
    Synchronizer,
    SyncReport,
    UploadSourceBytes,
    WriteIntent,
    exception,
)

NOW = 1_800_000_000_000


@pytest.fixture
def world() -> Iterator[World]:
    with served(SMALL_PARTS) as world:
        world.api.session.retry = RetryPolicy(first_delay=0.001, max_attempts=4, max_upload_urls=4)
        yield world


@pytest.fixture
def bucket(world: World) -> Bucket:
    return world.bucket()


# --- whose a large file is


def _unfinished(bucket: Bucket) -> list[str]:
    return [file.file_id for file in bucket.list_unfinished_large_files()]


@pytest.mark.parametrize("call", ["b2_upload_part", "b2_finish_large_file"])
@pytest.mark.parametrize("way", ["upload", "create_file", "create_file_stream"])
def test_a_large_file_that_the_caller_knows_is_never_cancelled(
    world: World, bucket: Bucket, way: str, call: str
) -> None:
    data = os.urandom(35_000)
    source = UploadSourceBytes(data) if way == "upload" else [WriteIntent(UploadSourceBytes(data))]
    make = getattr(bucket, way)
    world.faults.append(FailNth(call, 1, Answer(400, "bad_request")))
    told: list[str] = []
    with pytest.raises(exception.BadRequest):
        make(source, "told", large_file_callback=lambda file: told.append(file.id))
    assert _unfinished(bucket) == told
    world.faults.append(FailNth(call, 1, Answer(400, "bad_request")))
    with pytest.raises(exception.BadRequest):
        make(source, "told", large_file_id=told[0])
    assert _unfinished(bucket) == told
    assert make(source, "told", large_file_id=told[0]).id_ == told[0]
    assert content(bucket, "told") == data


def test_a_large_file_that_nobody_knows_is_cancelled_when_nothing_can_finish_it(world: World, bucket: Bucket) -> None:
    world.faults.append(FailNth("b2_upload_part", 1, Answer(400, "bad_request")))
    with pytest.raises(exception.BadRequest):
        bucket.upload_bytes(os.urandom(35_000), "untold")
    assert _unfinished(bucket) == []


# --- what a sync cannot read


@pytest.mark.parametrize("told", [True, False])
def test_a_name_that_is_no_text_is_an_error_of_the_sync(
    world: World, bucket: Bucket, tmp_path: Path, told: bool
) -> None:
    (tmp_path / "good").write_bytes(b"good")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff")).write_bytes(b"bad")
    reporter = SyncReport(io.StringIO(), no_progress=True) if told else None
    with pytest.raises(exception.EnvironmentEncodingError, match="bad"):
        Synchronizer(2).sync_folders(LocalFolder(str(tmp_path)), B2Folder("holiday", "", world.api), NOW, reporter)
    assert content(bucket, "good") == b"good"


def test_what_cannot_be_read_is_never_left_out_in_silence(world: World, bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"good")
    os.symlink("nowhere", tmp_path / "link")
    ends = LocalFolder(str(tmp_path)), B2Folder("holiday", "", world.api)
    with pytest.raises(exception.IncompleteSync, match="1 local paths"):
        Synchronizer(2).sync_folders(*ends, NOW, None)
    assert content(bucket, "good") == b"good"
    output = io.StringIO()
    with SyncReport(output, no_progress=True) as reporter:
        Synchronizer(2).sync_folders(*ends, NOW, reporter)
    assert "link could not be accessed" in output.getvalue()
    without = ScanPoliciesManager(exclude_all_symlinks=True)
    Synchronizer(2, without).sync_folders(*ends, NOW, None)
