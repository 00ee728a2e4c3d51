"""The quick start guide of the documentation of b2sdk 1.1.4, as written, on `b2pure.v1`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from v1_console import Console, plain
from v1_world import SMALL_PARTS, World, content, served

from b2pure.v1 import Bucket, DoNothingProgressListener, UploadSourceBytes, exception

PREPARE = """
>>> from b2sdk.v1 import *
>>> info = InMemoryAccountInfo()
>>> b2_api = B2Api(info)
>>> application_key_id = '4a5b6c7d8e9f'
>>> application_key = '001b8e23c26ff6efb941e237deb182b9599a84bef7'
>>> b2_api.authorize_account("production", application_key_id, application_key)
"""


@pytest.fixture
def world() -> Iterator[World]:
    with served(SMALL_PARTS) as world:
        yield world


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "b2_example"
    folder.mkdir()
    return folder


@pytest.fixture
def console(world: World, folder: Path) -> Console:
    """A prompt after "Prepare b2sdk"."""
    console = Console(
        replaced={
            "4a5b6c7d8e9f": world.simulator.master_key_id,
            "001b8e23c26ff6efb941e237deb182b9599a84bef7": world.simulator.master_key,
            '"production"': f'"{world.url}"',
            "/home/user1/b2_example": str(folder),
        }
    )
    console.check(PREPARE)
    return console


def test_synchronization(console: Console, world: World, folder: Path) -> None:
    """The lines of files come in the order in which they are done."""
    bucket = world.bucket("example-mybucket-b2")
    (folder / "some.pdf").write_bytes(b"some")
    (folder / "som2.pdf").write_bytes(b"som2")
    results = console.run("""
>>> from b2sdk.v1 import ScanPoliciesManager
>>> from b2sdk.v1 import parse_sync_folder
>>> from b2sdk.v1 import Synchronizer
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
)

>>> no_progress = False
>>> with SyncReport(sys.stdout, no_progress) as reporter:
    synchronizer.sync_folders(
        source_folder=source,
        dest_folder=destination,
        now_millis=int(round(time.time() * 1000)),
        reporter=reporter,
    )
upload some.pdf
upload som2.pdf
""")
    step, printed = results[-1]
    assert sorted(plain(printed)) == sorted(plain(step.printed))
    assert (content(bucket, "some.pdf"), content(bucket, "som2.pdf")) == (b"some", b"som2")


def test_bucket_actions(console: Console) -> None:
    """List, create, delete, update."""
    console.check("""
>>> bucket_name = 'example-mybucket-b2-1' # must be unique in B2 (across all accounts!)
>>> bucket_type = 'allPublic' # or 'allPrivate'

>>> b2_api.create_bucket(bucket_name, bucket_type)
Bucket<346501784642eb3e60980d10,example-mybucket-b2-1,allPublic>

>>> b2_api.list_buckets()
[Bucket<346501784642eb3e60980d10,example-mybucket-b2-1,allPublic>]
>>> for b in b2_api.list_buckets():
    print('%s %10s %s' % (b.id_, b.type_, b.name))
346501784642eb3e60980d10 allPublic example-mybucket-b2-1

>>> bucket_name = 'example-mybucket-b2-to-delete'
>>> _ = b2_api.create_bucket(bucket_name, bucket_type)
>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> b2_api.delete_bucket(bucket)

>>> new_bucket_type = 'allPrivate'
>>> bucket_name = 'example-mybucket-b2'
>>> _ = b2_api.create_bucket(bucket_name, bucket_type)

>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> bucket.update(bucket_type=new_bucket_type)
{'accountId': '451862be08d0',
'bucketId': '5485a1682662eb3e60980d10',
'bucketInfo': {},
'bucketName': 'example-mybucket-b2',
'bucketType': 'allPrivate',
'corsRules': [],
'lifecycleRules': [],
'revision': 3}
""")


def test_deleting_a_bucket_returns_none_or_raises(world: World) -> None:
    """ "returns None if successful, raises an exception in case of error." """
    bucket = world.bucket("example-mybucket-b2-to-delete")
    uploaded = bucket.upload_bytes(b"x", "x")
    with pytest.raises(exception.BadRequest):
        world.api.delete_bucket(bucket)
    assert uploaded.id_ is not None
    bucket.delete_file_version(uploaded.id_, "x")
    world.api.delete_bucket(bucket)
    with pytest.raises(exception.NonExistentBucket):
        world.api.get_bucket_by_name("example-mybucket-b2-to-delete")


def test_file_actions(console: Console, world: World, folder: Path) -> None:
    """Upload, download by id and by name, metadata, delete."""
    bucket = world.bucket("example-mybucket-b2")
    (folder / "new.pdf").write_bytes(b"x" * 18_705)
    som2 = bucket.upload_bytes(
        b"y" * 1_870, "som2.pdf", "application/pdf", {"src_last_modified_millis": "1550988084299"}
    )
    sha1 = "55ce9b1e7d5b5a2c27e0a1ebd67a3acf6e1c0d72"
    console.names.update(bucket_name="example-mybucket-b2", som2=som2.id_)
    console.replaced = {
        **console.replaced,
        "'4_z5485a1682662eb3e60980d10_f1195145f42952533_d20190403_m130258_c002_v0001111_t0002'": "som2",
        "'4_z5485a1682662eb3e60980d10_f113f963288e711a6_d20190404_m065910_c002_v0001095_t0044'": "new",
        sha1: str(som2.content_sha1),
        "1870579": "1870",
    }
    console.check("""
>>> local_file_path = '/home/user1/b2_example/new.pdf'
>>> b2_file_name = 'dummy_new.pdf'
>>> file_info = {'how': 'good-file'}

>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> bucket.upload_local_file(
    local_file=local_file_path,
    file_name=b2_file_name,
    file_infos=file_info,
)
<b2sdk.file_version.FileVersionInfo at 0x7fc8cd560550>
""")
    assert content(bucket, "dummy_new.pdf") == b"x" * 18_705
    bucket.upload_local_file(local_file=str(folder / "new.pdf"), file_name="dummy_new.pdf")
    (folder / "new.pdf").write_bytes(b"y" * 1_870)
    uploaded = bucket.upload_local_file(str(folder / "new.pdf"), "dummy_new.pdf", file_infos={"how": "good-file"})
    console.names["new"] = uploaded.id_
    console.check("""
>>> from b2sdk.v1 import DownloadDestLocalFile
>>> from b2sdk.v1 import DoNothingProgressListener

>>> local_file_path = '/home/user1/b2_example/new2.pdf'
>>> file_id = '4_z5485a1682662eb3e60980d10_f1195145f42952533_d20190403_m130258_c002_
->v0001111_t0002'
>>> download_dest = DownloadDestLocalFile(local_file_path)
>>> progress_listener = DoNothingProgressListener()

>>> b2_api.download_file_by_id(file_id, download_dest, progress_listener)
{'fileId': 'aside',
'fileName': 'som2.pdf',
'contentType': 'application/pdf',
'contentLength': 1870579,
'contentSha1': '55ce9b1e7d5b5a2c27e0a1ebd67a3acf6e1c0d72',
'fileInfo': {'src_last_modified_millis': '1550988084299'}}

>>> print('File name: ', download_dest.file_name)
File name: som2.pdf
>>> print('File id: ', download_dest.file_id)
File id: 4_z5485a1682662eb3e60980d10_f1195145f42952533_d20190403_m130258_c002_
->v0001111_t0002
>>> print('File size: ', download_dest.content_length)
File size: 1870579
>>> print('Content type:', download_dest.content_type)
Content type: application/pdf
>>> print('Content sha1:', download_dest.content_sha1)
Content sha1: 55ce9b1e7d5b5a2c27e0a1ebd67a3acf6e1c0d72
""")
    assert (folder / "new2.pdf").read_bytes() == b"y" * 1_870
    assert (folder / "new2.pdf").stat().st_mtime_ns == 1_550_988_084_299 * 1_000_000
    console.check("""
>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> b2_file_name = 'dummy_new.pdf'
>>> local_file_name = '/home/user1/b2_example/new3.pdf'
>>> download_dest = DownloadDestLocalFile(local_file_name)
>>> bucket.download_file_by_name(b2_file_name, download_dest)
{'fileId': 'aside',
'fileName': 'dummy_new.pdf',
'contentType': 'application/pdf',
'contentLength': 1870579,
'contentSha1': '55ce9b1e7d5b5a2c27e0a1ebd67a3acf6e1c0d72',
'fileInfo': {'how': 'good-file'}}

>>> file_id = '4_z5485a1682662eb3e60980d10_f113f963288e711a6_d20190404_m065910_c002_
->v0001095_t0044'
>>> b2_api.get_file_info(file_id)
{'accountId': '451862be08d0',
'action': 'upload',
'bucketId': '5485a1682662eb3e60980d10',
'contentLength': 1870579,
'contentSha1': '55ce9b1e7d5b5a2c27e0a1ebd67a3acf6e1c0d72',
'contentType': 'application/pdf',
'fileId': 'aside',
'fileInfo': {'how': 'good-file'},
'fileName': 'dummy_new.pdf',
'uploadTimestamp': 1554361150000}

>>> file_id = '4_z5485a1682662eb3e60980d10_f113f963288e711a6_d20190404_m065910_c002_
->v0001095_t0044'
>>> file_info = b2_api.delete_file_version(file_id, 'dummy_new.pdf')
>>> print(file_info)
{'file_id': 'aside',
'file_name': 'dummy_new.pdf'}
""")
    assert (folder / "new3.pdf").read_bytes() == b"y" * 1_870
    assert uploaded.id_ not in [version.id_ for version in bucket.list_file_versions("dummy_new.pdf")]


def test_an_upload_works_regardless_of_the_size_of_the_file(world: World, folder: Path) -> None:
    """ "upload_local_file automatically uses large file upload API when necessary." """
    bucket = world.bucket()
    for size, starts in ((0, 0), (100, 0), (35_000, 1)):
        (folder / "file").write_bytes(os.urandom(size))
        bucket.upload_local_file(str(folder / "file"), f"file-{size}")
        assert content(bucket, f"file-{size}") == (folder / "file").read_bytes()
        assert world.calls("b2_start_large_file") == starts


def test_list_files(console: Console, world: World) -> None:
    """Of a folder, recursively, within a folder, with versions."""
    bucket = world.bucket("example-mybucket-b2")
    bucket.upload_bytes(b"old", "f2.txt")
    for name in ("f2.txt", "som2.pdf", "some.pdf", "test-folder/.bzEmpty", "test-folder/folder_file.txt"):
        bucket.upload_bytes(b"new", name)
    console.check("""
>>> bucket_name = 'example-mybucket-b2'
>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> for file_info, folder_name in bucket.ls(show_versions=False):
>>>     print(file_info.file_name, file_info.upload_timestamp, folder_name)
f2.txt 1560927489000 None
som2.pdf 1554296578000 None
some.pdf 1554296579000 None
test-folder/.bzEmpty 1561005295000 test-folder/

# Recursive
>>> bucket_name = 'example-mybucket-b2'
>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> for file_info, folder_name in bucket.ls(show_versions=False, recursive=True):
>>>     print(file_info.file_name, file_info.upload_timestamp, folder_name)
f2.txt 1560927489000 None
som2.pdf 1554296578000 None
some.pdf 1554296579000 None
test-folder/.bzEmpty 1561005295000 test-folder/
test-folder/folder_file.txt 1561005349000 None

# Within folder
>>> bucket_name = 'example-mybucket-b2'
>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> for file_info, folder_name in bucket.ls(folder_to_list='test-folder', show_
->versions=False):
>>>     print(file_info.file_name, file_info.upload_timestamp, folder_name)
test-folder/.bzEmpty 1561005295000 None
test-folder/folder_file.txt 1561005349000 None
""")
    for version in bucket.list_file_versions("test-folder/.bzEmpty"):
        bucket.delete_file_version(str(version.id_), version.file_name)
    for version in bucket.list_file_versions("test-folder/folder_file.txt"):
        bucket.delete_file_version(str(version.id_), version.file_name)
    console.check("""
# list file versions
>>> for file_info, folder_name in bucket.ls(show_versions=True):
>>>     print(file_info.file_name, file_info.upload_timestamp, folder_name)
f2.txt 1560927489000 None
f2.txt 1560849524000 None
som2.pdf 1554296578000 None
some.pdf 1554296579000 None
""")


def test_copy_file(console: Console, world: World) -> None:
    """The whole, and a part of it."""
    bucket = world.bucket("example-mybucket-b2")
    source = bucket.upload_bytes(b"f2" * 2048, "f2.txt", "text/plain", {"src_last_modified_millis": "1560848707000"})
    console.names.update(bucket=bucket, source=source.id_)
    console.replaced = {
        **console.replaced,
        "'4_z5485a1682662eb3e60980d10_f118df9ba2c5131e8_d20190619_m065809_c002_v0001126_t0040'": "source",
        "737637702a0e41dda8b7be79c8db1d369c6eef4a": str(source.content_sha1),
        "'contentLength': 124": "'contentLength': 4096",
    }
    console.check("""
>>> file_id = '4_z5485a1682662eb3e60980d10_f118df9ba2c5131e8_d20190619_m065809_c002_
˓→v0001126_t0040'
>>> bucket.copy(file_id, 'f2_copy.txt')
{'accountId': '451862be08d0',
'action': 'copy',
'bucketId': '5485a1682662eb3e60980d10',
'contentLength': 124,
'contentSha1': '737637702a0e41dda8b7be79c8db1d369c6eef4a',
'contentType': 'text/plain',
'fileId': 'aside',
'fileInfo': {'src_last_modified_millis': '1560848707000'},
'fileName': 'f2_copy.txt',
'uploadTimestamp': 1561033728000}
""")
    assert content(bucket, "f2_copy.txt") == b"f2" * 2048
    console.run("""
>>> file_id = '4_z5485a1682662eb3e60980d10_f118df9ba2c5131e8_d20190619_m065809_c002_
˓→v0001126_t0040'
>>> bucket.copy(file_id, 'f2_copy.txt', offset=1024, length=2048)
""")
    assert content(bucket, "f2_copy.txt") == b"f2" * 1024


def test_content_length_is_required_for_offset_values_other_than_zero(world: World) -> None:
    source = world.bucket().upload_bytes(b"x" * 100, "source")
    with pytest.raises(ValueError, match="unknown length"):
        world.api.get_bucket_by_name("holiday").copy(str(source.id_), "copy", offset=10)


def test_a_length_lets_a_file_be_copied_as_a_large_file(world: World) -> None:
    """ "Maximum copy part size can be set by max_copy_part_size ... If max_copy_part_size is lower than
    absoluteMinimumPartSize, file would be copied in single request".
    """
    bucket = world.bucket()
    data = os.urandom(5_500)
    source = bucket.upload_bytes(data, "source", "text/plain", {"a": "b"})
    bucket.copy(str(source.id_), "parts", length=5_500, max_copy_part_size=2_000)
    assert (world.calls("b2_copy_part"), content(bucket, "parts")) == (3, data)
    bucket.copy(str(source.id_), "single", length=5_500, max_copy_part_size=500)
    assert (world.calls("b2_copy_part"), world.calls("b2_copy_file")) == (3, 1)
    bucket.copy(str(source.id_), "whole", length=5_500)
    assert (world.calls("b2_copy_part"), world.calls("b2_copy_file")) == (3, 2)
    assert content(bucket, "single") == content(bucket, "whole") == data


def test_cancel_large_file_uploads(console: Console, world: World) -> None:
    bucket: Bucket = world.bucket("example-mybucket-b2")
    started = [bucket.start_large_file(f"large-{number}") for number in range(3)]
    assert [file.file_id for file in bucket.list_unfinished_large_files()] == [file.file_id for file in started]
    console.names["bucket_name"] = "example-mybucket-b2"
    console.run("""
>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> for file_version in bucket.list_unfinished_large_files():
    bucket.cancel_large_file(file_version.file_id)
""")
    assert list(bucket.list_unfinished_large_files()) == []


def test_a_listener_that_does_nothing_may_be_given_anywhere(world: World) -> None:
    bucket = world.bucket()
    bucket.upload(UploadSourceBytes(b"x"), "x", progress_listener=DoNothingProgressListener())
    assert content(bucket, "x") == b"x"
