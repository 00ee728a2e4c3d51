"""The page on advanced usage patterns of the documentation of b2sdk 1.1.4, as written, on `b2pure.v1`.

Sizes are a thousandth of the page's, and so are the part sizes of the simulated B2.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from attrs import define, evolve
from v1_console import Console
from v1_world import World, content, served

from b2pure.effects.faults import Answer, FailNth
from b2pure.effects.simulator import SimulatorConfig
from b2pure.v1 import (
    Bucket,
    CopySource,
    UploadSourceBytes,
    UploadSourceLocalFile,
    WriteIntent,
    exception,
    hex_sha1_of_bytes,
)

CONFIG = SimulatorConfig(absolute_minimum_part_size=5_000, recommended_part_size=100_000)
ID_1 = "'4_z5485a1682662eb3e60980d10_f113f963288e711a6_d20190404_m065910_c002_v0001095_t0044'"
ID_2 = "'4_z5485a1682662eb3e60980d10_f1022e2320daf707f_d20190620_m122848_c002_v0001123_t0020'"


@pytest.fixture
def world() -> Iterator[World]:
    with served(CONFIG) as world:
        yield world


@define
class Page:
    """The prompt of the page, with a bucket, a file and what its examples call `remote_name`."""

    console: Console
    bucket: Bucket
    path: Path
    world: World

    def store(self, name: str, data: bytes) -> str:
        """A file in B2 that an example may call by this name."""
        version = self.bucket.upload_bytes(data, name, progress_listener=None)
        self.console.names[name] = version.id_
        return str(version.id_)

    @property
    def made(self) -> bytes:
        return content(self.bucket, "remote name")

    def info(self) -> dict[str, str]:
        """The info of what was made."""
        return dict(next(iter(self.bucket.list_file_versions("remote name"))).file_info)

    def made_id(self) -> str:
        """The id of what was made; unfinished files are listed among the versions, too."""
        versions = self.bucket.list_file_versions("remote name")
        return next(str(version.id_) for version in versions if version.action == "upload")

    def moved(self) -> tuple[int, int, int]:
        """How many parts and files were sent, copied, and downloaded so far."""
        calls = self.world.calls
        return (
            calls("b2_upload_part") + calls("b2_upload_file"),
            calls("b2_copy_part") + calls("b2_copy_file"),
            calls("b2_download_file_by_id"),
        )


@pytest.fixture
def page(world: World, tmp_path: Path) -> Page:
    bucket = world.bucket("example-mybucket-b2")
    path = tmp_path / "to_file.txt"
    names = {"b2_api": world.api, "bucket_name": "example-mybucket-b2", "remote_name": "remote name", "bucket": bucket}
    console = Console(
        names, {"my_local_path/to_file.txt": str(path), ID_1: "first", ID_2: "second", "2123456789": "212345"}
    )
    console.run(">>> from b2sdk.v1 import *\n")
    return Page(console, bucket, path, world)


def _bytes(seed: int, length: int) -> bytes:
    return Random(seed).randbytes(length)


# --- concatenate


CONCATENATE = """
>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> input_sources = [
...     RemoteFileUploadSource('4_z5485a1682662eb3e60980d10_f113f963288e711a6_
→d20190404_m065910_c002_v0001095_t0044', offset=100, length=100),
...     LocalUploadSource('my_local_path/to_file.txt'),
...     RemoteFileUploadSource('4_z5485a1682662eb3e60980d10_f1022e2320daf707f_
→d20190620_m122848_c002_v0001123_t0020', length=2123456789),
... ]
>>> file_info = {'how': 'good-file'}
>>> bucket.concatenate(input_sources, remote_name, file_info)
<b2sdk.file_version.FileVersionInfo at 0x7fc8cd560551>
""".replace("_\n→", "_")


@pytest.mark.parametrize("method", ["concatenate", "concatenate_stream"])
def test_concatenate_files_of_known_size(page: Page, method: str) -> None:
    """A remote source that is shorter than a part "would be downloaded and concatenated locally with local source"."""
    first, local, second = _bytes(1, 1_000), _bytes(2, 7_000), _bytes(3, 212_345)
    page.store("first", first)
    page.store("second", second)
    page.path.write_bytes(local)
    sent, copied, downloaded = page.moved()
    page.console.check(CONCATENATE.replace("bucket.concatenate(", f"bucket.{method}("))
    assert page.moved() == (sent + 1, copied + 1, downloaded + 1)
    assert page.made == first[100:200] + local + second
    assert page.info()["how"] == "good-file"


# --- synthesize


def test_append_to_the_end_of_a_file(page: Page) -> None:
    """ "This is more efficient than concatenate, as it can use the overlapping ranges"."""
    data = _bytes(4, 60_000)
    page.store("first", data[:5_000])
    page.path.write_bytes(data)
    sent, copied, downloaded = page.moved()
    example = """
>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> input_sources = [
...     WriteIntent(
...         data=RemoteFileUploadSource(
...             '4_z5485a1682662eb3e60980d10_f113f963288e711a6_d20190404_m065910_c002_v0001095_t0044',
...             offset=0,
...             length=5000,
...         ),
...         destination_offset=0,
...     ),
...     WriteIntent(
...         data=LocalFileUploadSource('my_local_path/to_file.txt'), # of length 60000
...         destination_offset=0,
...     ),
... ]
>>> file_info = {'how': 'good-file'}
>>> bucket.create_file(input_sources, remote_name, file_info)
<b2sdk.file_version.FileVersionInfo at 0x7fc8cd560552>
"""
    page.console.check(example)
    assert page.moved() == (sent + 1, copied + 1, downloaded)
    assert page.made == data
    # "If copied remote part sha does not match with locally available source, file creation process would be
    # interrupted and an exception would be raised."
    page.path.write_bytes(b"!" + data[1:])
    with pytest.raises(exception.ChecksumMismatch):
        page.console.check(example)
    assert page.made == data


def test_change_the_middle_of_the_remote_file(page: Page) -> None:
    """A local piece of 1024 bytes in the middle of what B2 has."""
    data, patch = _bytes(5, 200_000), _bytes(6, 1_024)
    page.store("first", data)
    page.path.write_bytes(patch)
    page.console.check("""
>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> input_sources = [
...     WriteIntent(
...         RemoteUploadSource('4_z5485a1682662eb3e60980d10_f113f963288e711a6_d20190404_m065910_c002_v0001095_t0044',
...             offset=0, length=40000),
...         destination_offset=0,
...     ),
...     WriteIntent(
...         LocalFileUploadSource('my_local_path/to_file.txt'), # length=1024, here not passed
...         destination_offset=40000,
...     ),
...     WriteIntent(
...         RemoteUploadSource('4_z5485a1682662eb3e60980d10_f113f963288e711a6_d20190404_m065910_c002_v0001095_t0044',
...             offset=41024, length=123456),
...         destination_offset=41024,
...     ),
... ]
>>> file_info = {'how': 'good-file'}
>>> bucket.create_file(input_sources, remote_name, file_info)
<b2sdk.file_version.FileVersionInfo at 0x7fc8cd560552>
""")
    assert page.made == data[:40_000] + patch + data[41_024:164_480]


@pytest.mark.parametrize("method", ["create_file", "create_file_stream"])
def test_synthesize_a_file_from_local_and_remote_parts(page: Page, method: str) -> None:
    """ "if the sizes allow for it ..., the only uploaded part will be C-D."

    cloud  A ---------- C     D ---------- G
    local        B -------------- F
    """
    whole = _bytes(7, 100_000)
    c, d, b, f = 40_000, 60_000, 30_000, 75_000
    page.store("first", whole[:c])
    page.store("second", whole[d:])
    page.path.write_bytes(whole[b:f])
    page.console.names.update(lengthC=c, offsetB=b, offsetD=d, offsetG=100_000)
    sent, copied, downloaded = page.moved()
    page.console.check(f"""
>>> bucket = b2_api.get_bucket_by_name(bucket_name)
>>> def generate_input():
...     yield WriteIntent(
...         RemoteUploadSource('4_z5485a1682662eb3e60980d10_f113f963288e711a6_d20190404_m065910_c002_v0001095_t0044',
...             offset=0, length=lengthC),
...         destination_offset=0,
...     )
...     yield WriteIntent(
...         LocalFileUploadSource('my_local_path/to_file.txt'), # length = offsetF - offsetB
...         destination_offset=offsetB,
...     )
...     yield WriteIntent(
...         RemoteUploadSource('4_z5485a1682662eb3e60980d10_f1022e2320daf707f_d20190620_m122848_c002_v0001123_t0020',
...             offset=0, length=offsetG-offsetD),
...         destination_offset=offsetD,
...     )
...
>>> file_info = {{'how': 'good-file'}}
>>> bucket.{method}(generate_input(), remote_name, file_info)
<b2sdk.v1.Bucket>
""")
    assert page.made == whole
    now = page.moved()
    assert (now[0] - sent, now[2] - downloaded) == (1, 0)
    assert now[1] - copied >= 2


# --- prioritize


@pytest.mark.parametrize(
    ("choice", "sent", "copied"),
    [(", prioritize='local'", 2, 2), (", prioritize='remote'", 1, 1), ("", 1, 3),
     (", prioritize='local_verification'", 1, 3)],
)  # fmt: skip
def test_prioritize_remote_or_local_sources(page: Page, choice: str, sent: int, copied: int) -> None:
    """A=0, B=50M, C=80M, D=100M, E=200M: cloud[A, D], local[B, C] and local[D, E]."""
    data = _bytes(8, 200_000)
    a, b, c, d = 0, 50_000, 80_000, 100_000
    remote = CopySource(page.store("first", data[a:d]), 0, d)
    intents = [
        WriteIntent(remote, a),
        WriteIntent(UploadSourceBytes(data[b:c]), b),
        WriteIntent(UploadSourceBytes(data[d:]), d),
    ]
    page.console.names.update(input_sources=intents, file_info={})
    before = page.moved()
    page.console.run(f">>> bucket.create_file(input_sources, remote_name, file_info{choice})\n")
    now = page.moved()
    assert (now[0] - before[0], now[1] - before[1], now[2] - before[2]) == (sent, copied, 0)
    assert page.made == data


@pytest.mark.parametrize("choice", ["local", "remote", "local_verification"])
def test_remote_parts_are_always_verified_if_matching_local_parts_exist(page: Page, choice: str) -> None:
    """With `local` there are none: what is here is sent. With `remote` one part is copied: all of it has to be here."""
    data = _bytes(9, 100_000)
    remote = CopySource(page.store("first", data), 0, 100_000)
    other = bytearray(data)
    other[55_000] ^= 1
    here = 100_000 if choice == "remote" else 80_000
    intents = [WriteIntent(remote, 0), WriteIntent(UploadSourceBytes(bytes(other[:here])), 0)]
    if choice == "local":
        page.bucket.create_file(intents, "remote name", prioritize="local")
        assert page.made == bytes(other[:80_000]) + data[80_000:]
        return
    with pytest.raises(exception.ChecksumMismatch):
        page.bucket.create_file(intents, "remote name", prioritize=choice)  # type: ignore[arg-type]


# --- continuation


def _broken_off(page: Page, act: str, intents: object) -> str:
    """Run an example whose second part fails, so that it has to be gone on with; the id of the large file."""

    class Storage:
        def __init__(self) -> None:
            self.kept: list[dict[str, str]] = []

        def store(self, what: dict[str, str]) -> None:
            self.kept.append(what)

        def query(self, what: dict[str, str]) -> list[dict[str, str]]:
            return [each for each in self.kept if what.items() <= each.items()]

    storage = Storage()
    page.console.names.update(storage=storage, input_sources=intents, file_info={"how": "good-file"})
    page.world.faults.append(FailNth("b2_upload_part", 2, Answer(403, "storage_cap_exceeded")))
    with pytest.raises(exception.StorageCapExceeded):
        page.console.run(act)
    page.world.faults.clear()
    return str(storage.query({"name": "remote name"})[0]["large_file_id"])


CALLBACK = """
>>> def large_file_callback(large_file):
...     # storage is not part of the interface - here only for demonstration purposes
...     storage.store({{'name': remote_name, 'large_file_id': large_file.id}})
>>> bucket.{method}(input_sources, remote_name, file_info, large_file_callback=large_file_callback)
"""
GO_ON = """
>>> large_file_id = storage.query({{'name': remote_name}})[0]['large_file_id']
>>> bucket.{method}(input_sources, remote_name, file_info, large_file_id=large_file_id)
"""


@pytest.mark.parametrize("method", ["create_file", "create_file_stream"])
def test_manual_continuation(page: Page, method: str) -> None:
    data = _bytes(10, 350_000)
    page.path.write_bytes(data)
    intents = [WriteIntent(UploadSourceLocalFile(page.path))]
    page.world.api.max_upload_workers = page.world.api.max_copy_workers = 1
    large_file_id = _broken_off(page, CALLBACK.format(method=method), intents)
    parts = list(page.bucket.list_parts(large_file_id))
    assert [part.part_number for part in parts] == [1]
    sent, _, _ = page.moved()
    page.console.run(GO_ON.format(method=method))
    assert page.moved()[0] == sent + 4 - 1
    assert page.made == data
    assert list(page.bucket.list_unfinished_large_files()) == []
    assert page.made_id() == large_file_id


@pytest.mark.parametrize(("auto", "again"), [("", 3), (", auto_continue=False", 4)])
def test_auto_continuation_and_none(page: Page, auto: str, again: int) -> None:
    """ "For local source only input, create_file would try to find matching unfinished large file." With
    `auto_continue=False` "this only forces start of a new large file".
    """
    data = _bytes(11, 350_000)
    page.path.write_bytes(data)
    intents = [WriteIntent(UploadSourceLocalFile(page.path))]
    page.world.api.max_upload_workers = page.world.api.max_copy_workers = 1
    _broken_off(page, CALLBACK.format(method="create_file"), intents)
    sent, _, _ = page.moved()
    page.console.run(f">>> bucket.create_file(input_sources, remote_name, file_info{auto})\n")
    assert page.moved()[0] - sent == again
    assert page.made == data
    assert len(list(page.bucket.list_unfinished_large_files())) == again - 3


def test_the_plan_is_in_the_info_where_there_are_remote_sources(page: Page) -> None:
    """ "plan information would be generated and create_file would try to find unfinished large file with matching plan
    info in its file info".
    """
    data = _bytes(12, 400_000)
    remote = CopySource(page.store("first", data[:100_000]), 0, 100_000)
    page.path.write_bytes(data[100_000:])
    intents = [WriteIntent(remote), WriteIntent(UploadSourceLocalFile(page.path), 100_000)]
    page.world.api.max_upload_workers = page.world.api.max_copy_workers = 1
    large_file_id = _broken_off(page, CALLBACK.format(method="create_file"), intents)
    (unfinished,) = page.bucket.list_unfinished_large_files()
    assert re.fullmatch("[0-9a-f]{40}", unfinished.file_info["plan_id"])
    _, copied, _ = page.moved()
    page.console.run(">>> bucket.create_file(input_sources, remote_name, file_info)\n")
    assert page.moved()[1] == copied, "a part that was copied is not copied again"
    assert page.made == data
    assert page.made_id() == large_file_id


def test_the_most_completed_candidate_with_all_its_parts_right_is_chosen(page: Page) -> None:
    """ "the most completed, having all uploaded parts matched candidate would be automatically selected as file to
    continue. If there is no matching candidate ... new large file would be started."
    """
    data = _bytes(14, 350_000)
    url, key = page.world.url, (page.world.simulator.master_key_id, page.world.simulator.master_key)
    raw = page.world.api.session.raw_api
    token = raw.authorize_account(url, *key)["authorizationToken"]

    def begun(*parts: bytes) -> str:
        file = page.bucket.start_large_file("remote name", file_info=_whole_sha1(data))
        for number, part in enumerate(parts, start=1):
            to = raw.get_upload_part_url(url, token, file.file_id)
            sha1 = hex_sha1_of_bytes(part)
            raw.upload_part(to["uploadUrl"], to["authorizationToken"], number, len(part), sha1, io.BytesIO(part))
        return file.file_id

    one, two, three = data[:100_000], data[100_000:200_000], data[200_000:300_000]
    begun(one)
    best = begun(one, two)
    begun(one, two, b"!" + three[1:])
    page.bucket.create_file([WriteIntent(UploadSourceBytes(data))], "remote name")
    assert page.made_id() == best
    assert page.made == data
    for file in page.bucket.list_unfinished_large_files():
        page.bucket.cancel_large_file(file.file_id)
    wrong = begun(b"!" + one[1:], two)
    page.bucket.create_file([WriteIntent(UploadSourceBytes(data))], "remote name")
    assert page.made_id() != wrong
    assert page.made == data


def _whole_sha1(data: bytes) -> dict[str, str]:
    """The info that an upload in parts has: B2 keeps the digest of the whole there."""
    return {"large_file_sha1": hex_sha1_of_bytes(data)}


def test_where_no_candidate_of_the_plan_has_the_right_parts_an_error_is_raised(page: Page) -> None:
    """In such case "corrupted unfinished large files should be cancelled manually and create_file should be retried, or
    auto continuation should be turned off with auto_continue=False".
    """
    data = _bytes(15, 400_000)
    remote = CopySource(page.store("first", data[:100_000]), 0, 100_000)
    page.path.write_bytes(data[100_000:])
    intents = [WriteIntent(remote), WriteIntent(UploadSourceLocalFile(page.path), 100_000)]
    page.world.api.max_upload_workers = page.world.api.max_copy_workers = 1
    large_file_id = _broken_off(page, CALLBACK.format(method="create_file"), intents)
    raw, api = page.world.api.session.raw_api, page.world.api
    token = api.account_info.get_account_auth_token()
    to = raw.get_upload_part_url(page.world.url, token, large_file_id)
    other = _bytes(16, 100_000)
    sha1 = hex_sha1_of_bytes(other)
    raw.upload_part(to["uploadUrl"], to["authorizationToken"], 2, len(other), sha1, io.BytesIO(other))
    again = ">>> bucket.create_file(input_sources, remote_name, file_info)\n"
    with pytest.raises(exception.BadRequest, match=large_file_id):
        page.console.run(again)
    page.console.run(again.replace("file_info)", "file_info, auto_continue=False)"))
    assert page.made == data
    page.bucket.cancel_large_file(large_file_id)
    page.console.run(again)
    assert page.made == data


def test_a_file_that_one_call_cannot_copy_needs_a_length(tmp_path: Path) -> None:
    """If none is given "and the file is larger than 5GB, copy would not succeed and error would be raised"."""
    with served(evolve(CONFIG, max_single_size=200_000)) as world:
        bucket = world.bucket()
        data = _bytes(17, 250_000)
        source = str(bucket.upload_bytes(data, "source").id_)
        with pytest.raises(exception.BadRequest):
            bucket.copy(source, "copy")
        bucket.copy(source, "copy", length=250_000, max_copy_part_size=100_000)
        assert content(bucket, "copy") == data


def test_streams_with_remote_sources_cannot_be_continued(page: Page) -> None:
    """ "create_file_stream supports only manual continuation for local-only inputs"."""
    data = _bytes(13, 400_000)
    remote = CopySource(page.store("first", data[:200_000]), 0, 200_000)
    intents = [WriteIntent(remote), WriteIntent(UploadSourceBytes(data[200_000:]), 200_000)]
    started = page.bucket.start_large_file("remote name", file_info={"how": "good-file"})
    with pytest.raises(exception.BadRequest, match="a stream with remote sources cannot be gone on with"):
        page.bucket.create_file_stream(
            intents, "remote name", file_info={"how": "good-file"}, continue_large_file_id=started.file_id
        )


def test_an_upload_and_a_copy_go_on_by_themselves(page: Page) -> None:
    """ "upload and copy support both automatic and manual continuation"."""
    data = os.urandom(350_000)
    page.world.api.max_upload_workers = page.world.api.max_copy_workers = 1
    page.world.faults.append(FailNth("b2_upload_part", 3, Answer(403, "storage_cap_exceeded")))
    with pytest.raises(exception.StorageCapExceeded):
        page.bucket.upload(UploadSourceBytes(data), "uploaded")
    page.world.faults.clear()
    sent, _, _ = page.moved()
    uploaded = page.bucket.upload(UploadSourceBytes(data), "uploaded")
    assert page.moved()[0] - sent == 2
    page.world.faults.append(FailNth("b2_copy_part", 3, Answer(403, "storage_cap_exceeded")))
    with pytest.raises(exception.StorageCapExceeded):
        page.bucket.copy(str(uploaded.id_), "copied", length=350_000, max_copy_part_size=100_000)
    page.world.faults.clear()
    _, copied, _ = page.moved()
    page.bucket.copy(str(uploaded.id_), "copied", length=350_000, max_copy_part_size=100_000)
    assert page.moved()[1] - copied < 4
    assert content(page.bucket, "copied") == content(page.bucket, "uploaded") == data
