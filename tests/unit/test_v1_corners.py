"""Corners of the numbered interface that its documentation names once, and where a mistake costs data or hours."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from v1_world import SMALL_PARTS, World, content, served

from b2pure.effects.faults import Answer, FailNth
from b2pure.plan.retry import RetryPolicy
from b2pure.v1 import Bucket, UploadSourceBytes, WriteIntent, exception


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
