"""Several downloads to one path at once, and what a download that failed leaves beside it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from v1_world import RECOMMENDED, SMALL_PARTS, World, served

from b2pure.effects.faults import Answer, FailNth
from b2pure.v1 import AbstractProgressListener, Bucket, DownloadDestLocalFile, exception

CONTENT: Final = bytes(range(250)) * (12 * RECOMMENDED // 250)
"""So much that it comes in pieces."""
DOWNLOADER: Final = """
import sys
from b2pure.v1 import *
url, key_id, key, path = sys.argv[1:]
b2_api = B2Api(InMemoryAccountInfo())
b2_api.authorize_account(url, key_id, key)
bucket = b2_api.get_bucket_by_name("holiday")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(5):
    bucket.download_file_by_name("beach.jpg", DownloadDestLocalFile(path))
"""


@pytest.fixture
def world() -> Iterator[World]:
    with served(SMALL_PARTS) as world:
        yield world


@pytest.mark.parametrize("size", [0, 40, len(CONTENT)])
def test_threads_that_download_to_one_path_all_succeed(world: World, tmp_path: Path, size: int) -> None:
    bucket = world.bucket()
    bucket.upload_bytes(CONTENT[:size], "beach.jpg")
    together, troubles = threading.Barrier(8), list[Exception]()

    def download() -> None:
        try:
            together.wait()
            bucket.download_file_by_name("beach.jpg", DownloadDestLocalFile(tmp_path / "beach.jpg"))
        except Exception as error:
            troubles.append(error)

    threads = [threading.Thread(target=download) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    assert [path.name for path in tmp_path.iterdir()] == ["beach.jpg"]
    assert (tmp_path / "beach.jpg").read_bytes() == CONTENT[:size]


def test_programs_that_download_to_one_path_all_succeed(world: World, tmp_path: Path) -> None:
    world.bucket().upload_bytes(CONTENT, "beach.jpg")
    info = world.api.account_info
    command = [
        sys.executable, "-c", DOWNLOADER, world.url, info.get_application_key_id(), info.get_application_key(),
        str(tmp_path / "beach.jpg"),
    ]  # fmt: skip
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    told = [each.communicate("go\n")[1] for each in running]
    assert [each.returncode for each in running] == [0, 0, 0], told
    assert [path.name for path in tmp_path.iterdir()] == ["beach.jpg"]
    assert (tmp_path / "beach.jpg").read_bytes() == CONTENT


# --- what is left


class Raising(AbstractProgressListener):
    """Raises when it hears of so many bytes; of the total where that is None."""

    def __init__(self, at: int | None) -> None:
        self._at = at

    def set_total_bytes(self, total_byte_count: int) -> None:
        if self._at is None:
            raise ZeroDivisionError

    def bytes_completed(self, byte_count: int) -> None:
        if self._at is not None and byte_count >= self._at:
            raise ZeroDivisionError


def _download(bucket: Bucket, folder: Path, listener: AbstractProgressListener | None = None) -> list[str]:
    """Names of what is there after a download that failed."""
    with pytest.raises((exception.B2Error, ZeroDivisionError)):
        bucket.download_file_by_name("beach.jpg", DownloadDestLocalFile(folder / "beach.jpg"), listener)
    return sorted(path.name for path in folder.iterdir())


def test_a_small_download_that_fails_leaves_nothing(world: World, tmp_path: Path) -> None:
    bucket = world.bucket()
    bucket.upload_bytes(CONTENT[:1000], "beach.jpg")
    (tmp_path / "beach.jpg").write_bytes(b"what was there")
    world.faults.append(FailNth("b2_download_file_by_name", 1, Answer(403)))
    assert _download(bucket, tmp_path) == ["beach.jpg"]
    assert _download(bucket, tmp_path, Raising(None)) == ["beach.jpg"]
    (tmp_path / "beach.jpg").unlink()
    assert _download(bucket, tmp_path, Raising(None)) == []


def test_what_a_listener_raises_at_the_end_undoes_nothing(world: World, tmp_path: Path) -> None:
    """It comes out; what is finished by then is whole, and stays."""
    bucket = world.bucket()
    with pytest.raises(ZeroDivisionError):
        bucket.upload_bytes(CONTENT[:40], "beach.jpg", progress_listener=Raising(40))
    assert [file.file_name for file, _ in bucket.ls()] == ["beach.jpg"]
    assert _download(bucket, tmp_path, Raising(40)) == ["beach.jpg"]
    assert (tmp_path / "beach.jpg").read_bytes() == CONTENT[:40]


def test_a_large_one_that_is_broken_off_is_gone_on_with(world: World, tmp_path: Path) -> None:
    """Where a piece of it is finished: before that there is nothing to go on with."""
    bucket = world.bucket()
    bucket.upload_bytes(CONTENT, "beach.jpg")
    assert _download(bucket, tmp_path, Raising(None)) == []
    (left,) = _download(bucket, tmp_path, Raising(3 * RECOMMENDED))
    assert left.endswith(".part")
    bucket.download_file_by_name("beach.jpg", DownloadDestLocalFile(tmp_path / "beach.jpg"))
    assert [path.name for path in tmp_path.iterdir()] == ["beach.jpg"]
    assert (tmp_path / "beach.jpg").read_bytes() == CONTENT
