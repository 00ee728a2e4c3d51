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
    AbstractProgressListener,
    B2Api,
    B2Folder,
    Bucket,
    CopySource,
    InMemoryAccountInfo,
    LocalFolder,
    ScanPoliciesManager,
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


# --- arguments


@pytest.mark.parametrize("wrong", [7, [1, 2], "text"])
def test_only_bytes_are_uploaded_as_bytes(bucket: Bucket, wrong: Any) -> None:
    with pytest.raises(TypeError, match="bytes are uploaded"):
        bucket.upload_bytes(wrong, "x")
    assert list(bucket.ls()) == []


def test_a_copy_never_ends_short_of_the_length_that_was_said(bucket: Bucket) -> None:
    source = bucket.upload_bytes(b"0123456789", "source")
    assert source.id_ is not None
    with pytest.raises(exception.BadRequest, match="has 10 bytes, not the 101"):
        bucket.copy(source.id_, "short", offset=1, length=100)
    with pytest.raises(exception.BadRequest):
        bucket.concatenate([CopySource(source.id_, 1, 100)], "short")
    bucket.copy(source.id_, "all but one", offset=1, length=9)
    assert content(bucket, "all but one") == b"123456789"


def test_workers_are_as_many_as_there_can_be() -> None:
    api = B2Api(InMemoryAccountInfo(), max_upload_workers=600, max_copy_workers=600)
    assert (api.max_upload_workers, api.max_copy_workers, Synchronizer(600).max_workers) == (512, 512, 512)
    for name in ("max_upload_workers", "max_copy_workers"):
        with pytest.raises(exception.InvalidArgument, match=name):
            B2Api(InMemoryAccountInfo(), **{name: 0})  # type: ignore[arg-type]


def test_what_is_made_of_what_is_said_where_it_is_wrong(bucket: Bucket) -> None:
    with pytest.raises(TypeError, match="WriteIntents, not of UploadSourceBytes"):
        bucket.create_file([UploadSourceBytes(b"x")], "x")  # type: ignore[list-item]
    with pytest.raises(ValueError, match="file_name must be a string"):
        bucket.upload_bytes(b"x", 7)  # type: ignore[arg-type]
    with pytest.raises(exception.UnusableFileName) as raised:
        bucket.upload_bytes(b"x", "a//b")
    assert type(raised.value).__name__ == "UnusableFileName"
    with pytest.raises(exception.InvalidArgument, match="update needs a setting"):
        bucket.update()
    assert bucket.update(bucket_info={})["bucketInfo"] == {}


# --- what comes back


def test_results_have_attributes_of_their_own_and_are_dictionaries_where_the_guide_says_so(bucket: Bucket) -> None:
    made = bucket.upload_bytes(b"0123456789", "source")
    assert made.__dict__["file_name"] == "source"
    copied: Any = bucket.copy(made.id_ or "", "copy")
    assert dict in type(copied).__mro__
    assert json.loads(json.dumps(copied)) == copied.as_dict() == dict(copied)
    assert made.as_dict().keys() <= copied.as_dict().keys()
    assert (copied["size"], copied["contentLength"]) == (10, 10)
    assert (copied["fileName"], copied.file_name, copied.size) == ("copy", "copy", 10)
    assert bucket.delete_file_version(made.id_ or "", "source").__dict__["file_name"] == "source"


@pytest.mark.parametrize("name", ["source", "another"])
def test_a_version_that_is_not_there_is_called_by_the_name_that_was_given(bucket: Bucket, name: str) -> None:
    made = bucket.upload_bytes(b"0123456789", "source")
    bucket.delete_file_version(made.id_ or "", "source")
    for place in (bucket, bucket.api, bucket.api.session):
        with pytest.raises(exception.FileNotPresent, match=f"^File not present: {name}$"):
            place.delete_file_version(made.id_ or "", name)
    with pytest.raises(exception.FileNotPresent, match=f"^File not present: {made.id_}$"):
        bucket.copy(made.id_ or "", name)


def test_a_large_file_is_the_same_when_it_is_listed(bucket: Bucket) -> None:
    started = bucket.start_large_file("large")
    assert [started] == list(bucket.list_unfinished_large_files())
    assert list(bucket.list_unfinished_large_files()) == [started]


def test_a_rule_says_what_is_never_done(bucket: Bucket) -> None:
    rule = {"fileNamePrefix": "", "daysFromUploadingToHiding": None, "daysFromHidingToDeleting": 30}
    (told,) = bucket.update(lifecycle_rules=[rule])["lifecycleRules"]
    assert rule.items() <= told.items()


def test_a_key_of_one_bucket_reads_in_it_by_its_id(world: World, bucket: Bucket) -> None:
    bucket.upload_bytes(b"sand", "beach")
    key = world.api.create_key(["readFiles"], "reader", bucket_id=bucket.id_)
    api = B2Api(InMemoryAccountInfo())
    api.authorize_account(world.url, key["applicationKeyId"], key["applicationKey"])
    assert content(api.get_bucket_by_id(bucket.id_), "beach") == b"sand"


class Careless(AbstractProgressListener):
    """A listener whose author did not call what it overrides."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def set_total_bytes(self, total_byte_count: int) -> None:
        self.calls.append("total")

    def bytes_completed(self, byte_count: int) -> None:
        self.calls.append("bytes")

    def __enter__(self) -> Careless:
        self.calls.append("enter")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.calls.append("exit")


def test_a_listener_is_entered_once_for_each_transfer_after_it_was_told_the_total(bucket: Bucket) -> None:
    heard = Careless()
    for _ in range(2):
        bucket.upload_bytes(os.urandom(35_000), "heard", progress_listener=heard)
    assert [call for call in heard.calls if call != "bytes"] == ["total", "enter", "exit"] * 2
