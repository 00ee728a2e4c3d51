"""What the methods of a raw api or a session of one's own are called with: the arguments that b2sdk 1.1.4 gives.

The facts below were written down while b2sdk 1.1.4 ran over a raw api that writes down its arguments. `ANY` stands for
what is another one each time: ids, tokens, streams.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha1
from pathlib import Path
from typing import Any, Final
from unittest import mock
from unittest.mock import ANY, call

import pytest
from attrs import define

from b2pure.shell.v1.raw_api import RAW_METHODS
from b2pure.v1 import (
    B2Api,
    Bucket,
    CopySource,
    DownloadDestBytes,
    DownloadDestLocalFile,
    InMemoryAccountInfo,
    KeepOrDeleteMode,
    MetadataDirectiveMode,
    RawSimulator,
    Synchronizer,
    UploadSourceBytes,
    UploadSourceLocalFileRange,
    UploadSourceStream,
    parse_sync_folder,
)

CORS: Final = {
    "corsRuleName": "ruler1",
    "allowedOrigins": ["*"],
    "allowedOperations": ["s3_get"],
    "maxAgeSeconds": 3600,
}
RULE: Final = {"fileNamePrefix": "a", "daysFromHidingToDeleting": 1}
LARGE: Final = bytes(each % 251 for each in range(700))
PARTS: Final = [sha1(LARGE[start:stop]).hexdigest() for start, stop in ((0, 200), (200, 400), (400, 700))]
HELLO: Final = "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"
REPLACE: Final = MetadataDirectiveMode.REPLACE


@define
class World:
    """An account over a raw api whose methods are watched, with a bucket that has a small and a large file."""

    raw: RawSimulator
    api: B2Api
    bucket: Bucket
    folder: Path
    small: str
    large: str
    methods: Mapping[str, mock.Mock]

    def asked(self, name: str) -> list[Any]:
        """What the method was called with, each time."""
        return self.methods[name].call_args_list

    def forget(self) -> None:
        """Only what comes now counts."""
        for method in self.methods.values():
            method.reset_mock()


def _world(folder: Path, watch: Callable[[B2Api], object]) -> World:
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw, max_upload_workers=1, max_copy_workers=1)
    api.authorize_account("production", *raw.create_account())
    bucket = api.create_bucket("my-bucket", "allPublic")
    small = bucket.upload_bytes(b"hello world", "a/one.txt").id_
    large = bucket.upload_bytes(LARGE, "big").id_
    assert small is not None
    assert large is not None
    watched, methods = watch(api), {}
    for name in sorted(RAW_METHODS):
        method = getattr(watched, name, None)
        if method is not None:
            methods[name] = mock.Mock(wraps=method)
            setattr(watched, name, methods[name])
    return World(raw, api, bucket, folder, small, large, methods)


@pytest.fixture
def here(tmp_path: Path) -> World:
    """The raw api is watched."""
    return _world(tmp_path, lambda api: api.session.raw_api)


@pytest.fixture
def session(tmp_path: Path) -> World:
    """The session is watched."""
    return _world(tmp_path, lambda api: api.session)


Act = Callable[[World], object]


def _all(found: Iterator[Any]) -> list[Any]:
    return list(found)


def _path(here: World, data: bytes) -> str:
    path = here.folder / "file"
    path.write_bytes(data)
    return str(path)


def _source(kind: str, here: World) -> Any:
    match kind:
        case "range":
            return UploadSourceLocalFileRange(_path(here, b"x" * 50), offset=3, length=10)
        case "stream":
            return UploadSourceStream(lambda: io.BytesIO(b"stream"), stream_length=6)
        case _:
            return UploadSourceBytes(b"abc")


BUCKETS: list[tuple[Act, str, Any]] = [
    (
        lambda w: w.api.create_bucket("another", "allPrivate"),
        "create_bucket",
        call(ANY, ANY, ANY, "another", "allPrivate", bucket_info=None, cors_rules=None, lifecycle_rules=None),
    ),
    (
        lambda w: w.api.create_bucket("another", "allPrivate", {"a": "b"}, [CORS], [RULE]),
        "create_bucket",
        call(ANY, ANY, ANY, "another", "allPrivate", bucket_info={"a": "b"}, cors_rules=[CORS], lifecycle_rules=[RULE]),
    ),
    (lambda w: w.api.list_buckets(), "list_buckets", call(ANY, ANY, ANY, bucket_id=None, bucket_name=None)),
    (
        lambda w: w.api.get_bucket_by_name("my-bucket"),
        "list_buckets",
        call(ANY, ANY, ANY, bucket_id=None, bucket_name="my-bucket"),
    ),
    (
        lambda w: w.bucket.update(cors_rules=[CORS], lifecycle_rules=[RULE], if_revision_is=1),
        "update_bucket",
        call(
            ANY, ANY, ANY, ANY, bucket_type=None, bucket_info=None, cors_rules=[CORS], lifecycle_rules=[RULE],
            if_revision_is=1,
        ),
    ),
    (
        lambda w: w.api.create_key(["listFiles"], "k"),
        "create_key",
        call(ANY, ANY, ANY, ["listFiles"], "k", None, None, None),
    ),
    (lambda w: w.api.list_keys(), "list_keys", call(ANY, ANY, ANY, max_key_count=1000, start_application_key_id=None)),
]  # fmt: skip

UPLOADS: list[tuple[Act, str, Any]] = [
    (
        lambda w: w.bucket.upload_bytes(b"hello world", "a"),
        "upload_file",
        call(ANY, ANY, "a", 11, "b2/x-auto", HELLO, {}, ANY),
    ),
    (
        lambda w: w.bucket.upload_local_file(_path(w, b"hello world"), "a", "t/x", {"k": "v"}),
        "upload_file",
        call(ANY, ANY, "a", 11, "t/x", HELLO, {"k": "v"}, ANY),
    ),
    (
        lambda w: w.bucket.upload(_source("range", w), "a"),
        "upload_file",
        call(ANY, ANY, "a", 10, "b2/x-auto", sha1(b"x" * 10).hexdigest(), {}, ANY),
    ),
    (
        lambda w: w.bucket.upload(_source("stream", w), "a"),
        "upload_file",
        call(ANY, ANY, "a", 6, "b2/x-auto", sha1(b"stream").hexdigest(), {}, ANY),
    ),
    (
        lambda w: w.bucket.concatenate([UploadSourceBytes(b"a"), UploadSourceBytes(b"b")], "a"),
        "upload_file",
        call(ANY, ANY, "a", 2, "b2/x-auto", sha1(b"ab").hexdigest(), {}, ANY),
    ),
    (
        lambda w: w.bucket.upload_bytes(LARGE, "l", "t/x", {"k": "v"}),
        "list_unfinished_large_files",
        call(ANY, ANY, ANY, start_file_id=None, max_file_count=100, prefix="l"),
    ),
    (
        lambda w: w.bucket.upload_bytes(LARGE, "l", "t/x", {"k": "v"}),
        "start_large_file",
        call(ANY, ANY, ANY, "l", "t/x", {"k": "v"}),
    ),
    (lambda w: w.bucket.upload_bytes(LARGE, "l"), "finish_large_file", call(ANY, ANY, ANY, PARTS)),
    (
        lambda w: w.bucket.concatenate_stream([CopySource(w.large, length=700), CopySource(w.large, length=700)], "l"),
        "copy_part",
        call(ANY, ANY, ANY, ANY, 2, bytes_range=(0, 699)),
    ),
]

FILES: list[tuple[Act, str, Any]] = [
    (
        lambda w: _all(w.bucket.ls()),
        "list_file_names",
        call(ANY, ANY, ANY, start_file_name="", max_file_count=None, prefix=""),
    ),
    (
        lambda w: _all(w.bucket.ls("a", recursive=True, fetch_count=3)),
        "list_file_names",
        call(ANY, ANY, ANY, start_file_name="a/", max_file_count=3, prefix="a/"),
    ),
    (
        lambda w: _all(w.bucket.ls("a", show_versions=True)),
        "list_file_versions",
        call(ANY, ANY, ANY, start_file_name="a/", start_file_id=None, max_file_count=None, prefix="a/"),
    ),
    (
        lambda w: _all(w.bucket.ls(show_versions=True, recursive=True)),
        "list_file_versions",
        call(ANY, ANY, ANY, start_file_name="", start_file_id=None, max_file_count=None, prefix=""),
    ),
    (
        lambda w: _all(w.bucket.list_file_versions("big")),
        "list_file_versions",
        call(ANY, ANY, ANY, start_file_name="big", start_file_id=None, max_file_count=None, prefix="big"),
    ),
    (
        lambda w: _all(w.bucket.list_unfinished_large_files()),
        "list_unfinished_large_files",
        call(ANY, ANY, ANY, start_file_id=None, max_file_count=100, prefix=None),
    ),
    (
        lambda w: w.bucket.copy_file(w.small, "copy"),
        "copy_file",
        call(
            ANY, ANY, ANY, "copy", bytes_range=None, metadata_directive=None, content_type=None, file_info=None,
            destination_bucket_id=ANY,
        ),
    ),
    (
        lambda w: w.bucket.copy_file(w.small, "copy", (1, 3), MetadataDirectiveMode.COPY),
        "copy_file",
        call(
            ANY, ANY, ANY, "copy", bytes_range=(1, 3), metadata_directive=MetadataDirectiveMode.COPY, content_type=None,
            file_info=None, destination_bucket_id=ANY,
        ),
    ),
    (
        lambda w: w.bucket.copy_file(w.small, "copy", metadata_directive=REPLACE, content_type="a/b"),
        "copy_file",
        call(
            ANY, ANY, ANY, "copy", bytes_range=None, metadata_directive=REPLACE, content_type="a/b", file_info=None,
            destination_bucket_id=ANY,
        ),
    ),
    (
        lambda w: w.bucket.delete_file_version(w.small, "a/one.txt"),
        "delete_file_version",
        call(ANY, ANY, ANY, "a/one.txt"),
    ),
    (
        lambda w: w.bucket.get_download_authorization("a/", 9),
        "get_download_authorization",
        call(ANY, ANY, ANY, "a/", 9),
    ),
    (
        lambda w: w.bucket.download_file_by_name("a/one.txt", DownloadDestBytes()),
        "download_file_from_url",
        call(ANY, "http://download.example.com/file/my-bucket/a/one.txt", range_=None),
    ),
    (
        lambda w: w.bucket.download_file_by_name("big", DownloadDestLocalFile(str(w.folder / "big"))),
        "download_file_from_url",
        call(ANY, "http://download.example.com/file/my-bucket/big", range_=None),
    ),
    (
        lambda w: w.bucket.download_file_by_name("big", DownloadDestLocalFile(str(w.folder / "big")), range_=(2, 5)),
        "download_file_from_url",
        call(ANY, "http://download.example.com/file/my-bucket/big", range_=(2, 5)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("act", "name", "fact"), [*BUCKETS, *UPLOADS, *FILES])
def test_a_raw_api(here: World, act: Act, name: str, fact: Any) -> None:
    act(here)
    assert fact in here.asked(name)
    here.methods[name].assert_called_with(*fact.args, **fact.kwargs)


SESSIONS: list[tuple[Act, str, Any]] = [
    (
        lambda w: w.api.create_bucket("another", "allPrivate"),
        "create_bucket",
        call(ANY, "another", "allPrivate", bucket_info=None, cors_rules=None, lifecycle_rules=None),
    ),
    (lambda w: w.api.list_buckets(), "list_buckets", call(ANY, bucket_name=None)),
    (
        lambda w: w.api.create_key(["listFiles"], "k"),
        "create_key",
        call(
            ANY, capabilities=["listFiles"], key_name="k", valid_duration_seconds=None, bucket_id=None, name_prefix=None
        ),
    ),
    (lambda w: w.api.list_keys(), "list_keys", call(ANY, max_key_count=1000, start_application_key_id=None)),
    (
        lambda w: w.api.delete_key(w.api.create_key(["listFiles"], "k")["applicationKeyId"]),
        "delete_key",
        call(application_key_id=ANY),
    ),
    (
        lambda w: w.bucket.upload_bytes(b"hello world", "a"),
        "upload_file",
        call(ANY, "a", 11, "b2/x-auto", HELLO, {}, ANY),
    ),
    (lambda w: w.bucket.upload_bytes(LARGE, "l"), "upload_part", call(ANY, 3, 300, PARTS[2], ANY)),
    (lambda w: w.bucket.upload_bytes(LARGE, "l"), "start_large_file", call(ANY, "l", "b2/x-auto", {})),
    (lambda w: _all(w.bucket.ls()), "list_file_names", call(ANY, "", None, "")),
    (lambda w: _all(w.bucket.ls("a", show_versions=True)), "list_file_versions", call(ANY, "a/", None, None, "a/")),
    (lambda w: _all(w.bucket.list_file_versions("big", 5)), "list_file_versions", call(ANY, "big", None, 5, "big")),
    (
        lambda w: _all(w.bucket.list_unfinished_large_files(batch_size=5, prefix="u")),
        "list_unfinished_large_files",
        call(ANY, None, 5, "u"),
    ),
    (
        lambda w: w.bucket.copy_file(w.small, "copy", (1, 3)),
        "copy_file",
        call(ANY, "copy", (1, 3), None, None, None, ANY),
    ),
    (lambda w: w.bucket.copy(w.small, "copy"), "copy_file", call(ANY, "copy", None, None, None, None, ANY)),
    (
        lambda w: w.bucket.download_file_by_name("a/one.txt", DownloadDestBytes()),
        "download_file_from_url",
        call("http://download.example.com/file/my-bucket/a/one.txt", range_=None),
    ),
    (lambda w: w.bucket.hide_file("big"), "hide_file", call(ANY, "big")),
]


@pytest.mark.parametrize(("act", "name", "fact"), SESSIONS)
def test_a_session(session: World, act: Act, name: str, fact: Any) -> None:
    act(session)
    session.methods[name].assert_called_with(*fact.args, **fact.kwargs)


@pytest.mark.parametrize(
    ("act", "fact"),
    [
        (
            lambda session, id_: session.list_file_names(id_),
            ("list_file_names", {"start_file_name", "max_file_count", "prefix"}),
        ),
        (
            lambda session, id_: session.list_file_versions(id_),
            ("list_file_versions", {"start_file_name", "start_file_id", "max_file_count", "prefix"}),
        ),
        (
            lambda session, id_: session.list_unfinished_large_files(id_),
            ("list_unfinished_large_files", {"start_file_id", "max_file_count", "prefix"}),
        ),
    ],
)  # fmt: skip
def test_what_a_session_passes_on(here: World, act: Callable[[Any, str], object], fact: tuple[str, set[str]]) -> None:
    act(here.api.session, here.bucket.id_)
    name, named = fact
    here.methods[name].assert_called_once_with(ANY, ANY, here.bucket.id_, **dict.fromkeys(named))


def test_the_parts_of_a_large_file(here: World) -> None:
    here.bucket.upload_bytes(LARGE, "l")
    assert here.asked("upload_part") == [
        call(ANY, ANY, number, size, digest, ANY)
        for number, (size, digest) in enumerate(zip((200, 200, 300), PARTS, strict=True), 1)
    ]


def test_the_digest_is_that_of_the_bytes_that_are_sent(here: World) -> None:
    """Whatever is read twice is read from its start."""
    made = here.bucket.upload(UploadSourceStream(lambda: io.BytesIO(b"stream"), stream_length=6), "a")
    got = DownloadDestBytes()
    here.bucket.download_file_by_id(made.id_ or "", got)
    assert got.get_bytes_written() == b"stream"


def test_a_download_that_is_asked_for_as_a_whole_is_whole(here: World) -> None:
    """Also where the core would ask for its first bytes only, and for the others side by side."""
    data = bytes(range(256)) * 4 * 20_000  # more than one piece
    made = here.bucket.upload_bytes(data, "long", min_part_size=len(data))
    here.forget()
    path = here.folder / "long"
    here.bucket.download_file_by_id(made.id_ or "", DownloadDestLocalFile(str(path)))
    assert path.read_bytes() == data
    first, *others = [each.kwargs["range_"] for each in here.asked("download_file_from_url")]
    assert first is None
    assert others, "the rest is fetched in pieces"
    assert sum(last + 1 - start for start, last in others) < len(data)


def test_an_empty_file_is_asked_for_once(here: World) -> None:
    here.bucket.upload_bytes(b"", "empty")
    path = here.folder / "empty"
    here.bucket.download_file_by_name("empty", DownloadDestLocalFile(str(path)))
    assert path.read_bytes() == b""
    assert here.asked("download_file_from_url") == [call(ANY, ANY, range_=None)]


def test_a_sync(here: World) -> None:
    folder, back = here.folder / "local", here.folder / "back"
    for each in (folder, back):
        each.mkdir()
    (folder / "x.txt").write_bytes(b"x.txt")
    os.utime(folder / "x.txt", (1_600_000_000, 1_600_000_000))
    local, there = parse_sync_folder(str(folder), here.api), parse_sync_folder("b2://my-bucket/pre", here.api)
    Synchronizer(1).sync_folders(local, there, 1_800_000_000_000, None)
    page = {"start_file_name": "pre/", "start_file_id": None, "max_file_count": 1000, "prefix": "pre/"}
    assert call(ANY, ANY, here.bucket.id_, **page) in here.asked("list_file_versions")
    here.methods["upload_file"].assert_called_once_with(
        ANY, ANY, "pre/x.txt", 5, "b2/x-auto", sha1(b"x.txt").hexdigest(),
        {"src_last_modified_millis": "1600000000000"}, ANY,
    )  # fmt: skip
    Synchronizer(1).sync_folders(there, parse_sync_folder(str(back), here.api), 1_800_000_000_000, None)
    here.methods["download_file_from_url"].assert_called_once_with(ANY, ANY, range_=None)
    (folder / "x.txt").rename(folder / "y.txt")
    Synchronizer(1, keep_days_or_delete=KeepOrDeleteMode.DELETE).sync_folders(local, there, 1_800_000_000_000, None)
    here.methods["delete_file_version"].assert_called_once_with(ANY, ANY, ANY, "pre/x.txt")


def test_a_sync_of_a_large_file(here: World) -> None:
    folder = here.folder / "local"
    folder.mkdir()
    (folder / "l").write_bytes(LARGE)
    os.utime(folder / "l", (1_600_000_000, 1_600_000_000))
    local, there = parse_sync_folder(str(folder), here.api), parse_sync_folder("b2://my-bucket/pre", here.api)
    Synchronizer(1).sync_folders(local, there, 1_800_000_000_000, None)
    info = {"src_last_modified_millis": "1600000000000"}
    here.methods["start_large_file"].assert_called_once_with(ANY, ANY, ANY, "pre/l", "b2/x-auto", info)
    here.methods["finish_large_file"].assert_called_once_with(ANY, ANY, ANY, PARTS)


def test_what_is_nobodys_own_is_done_as_ever() -> None:
    """One method that is watched changes nothing of the others."""
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    bucket = api.create_bucket("my-bucket", "allPublic")
    with mock.patch.object(raw, "list_buckets", wraps=raw.list_buckets):
        made = bucket.upload_bytes(LARGE, "l")
    assert made.file_info == {"large_file_sha1": sha1(LARGE).hexdigest()}
