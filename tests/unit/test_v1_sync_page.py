"""The page on sync options of the documentation of b2sdk 1.1.4, as written, on `b2pure.v1`.

The page goes on for weeks: what it deletes as old has to be older than ten days. So the simulated B2 begins three weeks
ago, and time passes between the steps.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from v1_console import Console, plain
from v1_world import World, served

from b2pure.v1 import B2Api, Bucket, InMemoryAccountInfo, exception

DAY = 86_400_000

SYNC = """
>>> with SyncReport(sys.stdout, no_progress) as reporter:
    synchronizer.sync_folders(
        source_folder=source,
        dest_folder=destination,
        now_millis=int(round(time.time() * 1000)),
        reporter=reporter,
    )
"""
KEEP = """
>>> from b2sdk.v1 import ScanPoliciesManager
>>> from b2sdk.v1 import parse_sync_folder
>>> from b2sdk.v1 import Synchronizer
>>> from b2sdk.v1 import KeepOrDeleteMode, CompareVersionMode, NewerFileSyncMode
>>> import time
>>> import sys

>>> source = '/home/user1/b2_example'
>>> destination = 'b2://example-mybucket-b2'

>>> source = parse_sync_folder(source, b2_api)
>>> destination = parse_sync_folder(destination, b2_api)

>>> policies_manager = ScanPoliciesManager(exclude_all_symlinks=True)

>>> synchronizer = Synchronizer(
        max_workers=10,
        policies_manager=policies_manager,
        dry_run=False,
        allow_empty_source=True,
        compare_version_mode=CompareVersionMode.SIZE,
        compare_threshold=10,
        newer_file_mode=NewerFileSyncMode.REPLACE,
        keep_days_or_delete=KeepOrDeleteMode.KEEP_BEFORE_DELETE,
        keep_days=10,
)
>>> no_progress = False
"""
DELETE = """
>>> synchronizer = Synchronizer(
    max_workers=10,
    policies_manager=policies_manager,
    dry_run=False,
    allow_empty_source=True,
    compare_version_mode=CompareVersionMode.SIZE,
    compare_threshold=10, # in bytes
    newer_file_mode=NewerFileSyncMode.REPLACE,
    keep_days_or_delete=KeepOrDeleteMode.DELETE,
)
"""
SKIP = """
>>> synchronizer = Synchronizer(
    max_workers=10,
    policies_manager=policies_manager,
    dry_run=False,
    allow_empty_source=True,
    compare_version_mode=CompareVersionMode.MODTIME,
    compare_threshold=10, # in seconds
    newer_file_mode=NewerFileSyncMode.SKIP,
    keep_days_or_delete=KeepOrDeleteMode.DELETE,
)
"""
REPLACE = SKIP.replace("SKIP", "REPLACE").replace(" # in seconds", "")


@pytest.fixture
def world() -> Iterator[World]:
    with served(days_ago=21) as world:
        yield world


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "b2_example"
    folder.mkdir()
    return folder


def _versions(bucket: Bucket) -> list[tuple[str, str]]:
    return [(version.file_name, str(version.action)) for version, _ in bucket.ls(show_versions=True, recursive=True)]


def _told(console: Console) -> list[str]:
    """The lines of one more sync, sorted: they come as files are done."""
    (_, printed), *_ = console.run(SYNC)
    return sorted(plain(printed))


def test_the_page_on_sync_options(world: World, folder: Path) -> None:
    with world.server.locked() as simulator:
        bucket_id = simulator.add_bucket("example-mybucket-b2").bucket_id
        simulator.put(bucket_id, "hello.txt", b"older")
        simulator.advance_time(DAY)
        simulator.put(bucket_id, "hello.txt", b"newer")
        simulator.advance_time(20 * DAY)
    api = B2Api(InMemoryAccountInfo())
    api.authorize_account(world.url, world.simulator.master_key_id, world.simulator.master_key)
    bucket = api.get_bucket_by_name("example-mybucket-b2")
    console = Console({"b2_api": api}, {"/home/user1/b2_example": str(folder)})
    console.run(">>> from b2sdk.v1 import *\n")

    # "We have a file (hello.txt) which is present in destination but not on source (my local), so it will be deleted
    # and since our mode is to keep the delete file, it will be hidden for 10 days in bucket."
    (folder / "f1.txt").write_bytes(b"x" * 100)
    console.run(KEEP)
    assert _told(console) == sorted(["upload f1.txt", "delete hello.txt (old version)", "hide hello.txt"])
    assert _versions(bucket) == [("f1.txt", "upload"), ("hello.txt", "hide"), ("hello.txt", "upload")]

    # "We changed f1.txt and added 1 byte. Since our compare_threshold is 10, it will not do anything."
    (folder / "f1.txt").write_bytes(b"x" * 101)
    assert _told(console) == []

    # "We changed f1.txt and added more than 10 bytes. ... it will replace the file at destination folder."
    (folder / "f1.txt").write_bytes(b"x" * 120)
    assert _told(console) == ["upload f1.txt"]
    assert _versions(bucket)[:2] == [("f1.txt", "upload"), ("f1.txt", "upload")]

    # "Let's just delete the file and not keep ... it deleted f1.txt and it's older versions (no hide this time) and
    # deleted hello.txt also because now we don't want the file anymore. also, we added another file f2.txt which gets
    # uploaded."
    (folder / "f1.txt").unlink()
    (folder / "f2.txt").write_bytes(b"f2")
    console.run(DELETE)
    assert _told(console) == sorted(
        [
            "delete f1.txt",
            "delete f1.txt (old version)",
            "delete hello.txt (old version)",
            "upload f2.txt",
            "delete hello.txt (hide marker)",
        ]
    )
    assert _versions(bucket) == [("f2.txt", "upload")]

    # "Now we changed newer_file_mode to SKIP and compare_version_mode to MODTIME. also uploaded a new version of f2.txt
    # to bucket using B2 web. ... As expected, nothing happened"
    bucket.upload_bytes(b"from the web", "f2.txt")
    long_ago = time.time() - 3600
    os.utime(folder / "f2.txt", (long_ago, long_ago))
    console.run(SKIP)
    assert _told(console) == []

    # "Now we changed newer_file_mode again to REPLACE and also uploaded a new version of f2.txt to bucket using B2
    # web."
    bucket.upload_bytes(b"from the web again", "f2.txt")
    console.run(REPLACE)
    told = _told(console)
    assert "upload f2.txt" in told
    assert set(told) == {"upload f2.txt", "delete f2.txt (old version)"}
    assert _versions(bucket) == [("f2.txt", "upload")]


def test_without_a_mode_a_newer_destination_is_an_error(world: World, folder: Path) -> None:
    """ "If you don't specify this the sync will raise DestFileNewer in case any of the source file is older than
    destination."
    """
    world.later(21 * DAY)
    world.api.authorize_account(world.url, world.simulator.master_key_id, world.simulator.master_key)
    bucket = world.bucket("example-mybucket-b2")
    (folder / "f2.txt").write_bytes(b"f2")
    long_ago = time.time() - 3600
    os.utime(folder / "f2.txt", (long_ago, long_ago))
    bucket.upload_bytes(b"from the web", "f2.txt")
    console = Console({"b2_api": world.api}, {"/home/user1/b2_example": str(folder)})
    console.run(">>> from b2sdk.v1 import *\n")
    console.run(KEEP.split(">>> synchronizer")[0])
    console.run(">>> synchronizer = Synchronizer(max_workers=10)\n>>> no_progress = False\n")
    with pytest.raises(exception.DestFileNewer, match=r"source file is older than destination: local://f2\.txt"):
        console.run(SYNC)
