"""Accounts of parts that are mocks or of anybody's classes, and text of subclasses: as b2sdk 1.1.4 takes them."""

from __future__ import annotations

import io
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, call

import pytest
from v1_world import served

from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.replies import FileReply
from b2pure.shell.v1.values import file_dict
from b2pure.v1 import (
    AbstractCache,
    AbstractRawApi,
    B2Api,
    B2Folder,
    B2Http,
    Bucket,
    BucketFactory,
    DownloadDestBytes,
    InMemoryAccountInfo,
    LocalFolder,
    RawSimulator,
    SqliteAccountInfo,
    Synchronizer,
    SyncReport,
    UploadSourceBytes,
)
from b2pure.v1.exception import MissingAccountData, UnexpectedCloudBehaviour

AUTHORIZED: dict[str, Any] = {
    "accountId": "account",
    "authorizationToken": "token",
    "apiUrl": "http://api",
    "downloadUrl": "http://download",
    "recommendedPartSize": 100_000_000,
    "absoluteMinimumPartSize": 5_000_000,
    "allowed": {"bucketId": None, "bucketName": None, "capabilities": ["listBuckets"], "namePrefix": None},
}
UPLOADED: dict[str, Any] = {
    "fileId": "4_f",
    "fileName": "a",
    "action": "upload",
    "contentLength": 5,
    "contentType": "text/plain",
    "contentSha1": "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
    "fileInfo": {},
    "uploadTimestamp": 1,
}


def _authorized(raw: Any, info: Any = None, cache: Any = None) -> B2Api:
    api = B2Api(info or InMemoryAccountInfo(), cache, raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    return api


def _mocked(**more: Any) -> tuple[MagicMock, B2Api]:
    raw = MagicMock(spec=AbstractRawApi)
    raw.create_account = MagicMock(return_value=("key id", "key"))
    raw.authorize_account = MagicMock(return_value={**AUTHORIZED, **more})
    return raw, _authorized(raw)


# -- raw apis


@pytest.mark.parametrize("reply", [None, {}, {**AUTHORIZED, "allowed": {}}, MagicMock()])
@pytest.mark.parametrize("spec", [None, AbstractRawApi])
def test_a_reply_that_nobody_set_is_named(reply: Any, spec: type | None) -> None:
    """b2sdk 1.1.4 fails with AssertionError, KeyError or TypeError."""
    raw = MagicMock(spec=spec)
    raw.authorize_account = MagicMock(return_value=reply)
    info = InMemoryAccountInfo()
    with pytest.raises(UnexpectedCloudBehaviour, match="the reply of b2_authorize_account is malformed"):
        B2Api(info, raw_api=raw).authorize_account("production", "key id", "key")


def test_a_plain_dictionary_will_do() -> None:
    raw, api = _mocked()
    info = api.account_info
    assert (info.get_account_id(), info.get_minimum_part_size(), info.get_realm()) == (
        "account",
        100_000_000,
        "production",
    )
    assert raw.authorize_account.mock_calls == [call("https://api.backblazeb2.com", "key id", "key")]


def test_what_a_mock_s_key_may_do_is_for_the_mock_to_say() -> None:
    raw, api = _mocked()
    raw.get_upload_url = MagicMock(return_value={"bucketId": "b", "uploadUrl": "http://up", "authorizationToken": "u"})
    raw.upload_file = MagicMock(return_value=UPLOADED)
    assert Bucket(api, "b", "holiday").upload_bytes(b"hello", "a").id_ == "4_f"
    assert raw.upload_file.call_args.args[:3] == ("http://up", "u", "a")


class Proxy:
    """A raw api that passes everything on."""

    def __init__(self) -> None:
        self.raw = RawSimulator()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@pytest.mark.parametrize("make", [Proxy, lambda: MagicMock(wraps=RawSimulator())])
def test_a_raw_api_may_pass_everything_on(make: Any) -> None:
    bucket = _authorized(make()).create_bucket("holiday", "allPrivate")
    for name, size in (("a", 5), ("b", 500)):
        bucket.upload(UploadSourceBytes(bytes(size)), name, min_part_size=200)
        dest = DownloadDestBytes()
        bucket.download_file_by_name(name, dest)
        assert dest.get_bytes_written() == bytes(size)
    assert [each.file_name for each, _ in bucket.ls()] == ["a", "b"]


# -- caches


class Names(dict[str, str]):
    """A cache that is a dictionary, and so is False while it is empty."""

    def get_bucket_id_or_none_from_bucket_name(self, name: str) -> str | None:
        return self.get(name)

    def save_bucket(self, bucket: Bucket) -> None:
        self[bucket.name or ""] = bucket.id_

    def set_bucket_name_cache(self, buckets: Any) -> None:
        self.clear()


def test_an_empty_cache_is_one() -> None:
    names = Names()
    api = _authorized(RawSimulator(), cache=names)
    bucket = api.create_bucket("holiday", "allPrivate")
    cache: object = api.cache
    assert cache is names
    assert names == {"holiday": bucket.id_}


@pytest.mark.parametrize("spec", [None, AbstractCache])
def test_a_cache_may_be_a_mock(spec: type | None) -> None:
    cache = MagicMock(spec=spec)
    cache.get_bucket_id_or_none_from_bucket_name.return_value = None
    api = _authorized(RawSimulator(), cache=cache)
    api.create_bucket("holiday", "allPrivate")
    api.get_bucket_by_name("holiday")
    api.list_buckets()
    assert [each[0] for each in cache.mock_calls] == [
        "clear",
        "save_bucket",
        "get_bucket_id_or_none_from_bucket_name",
        "save_bucket",
        "set_bucket_name_cache",
    ]


# -- account infos


class Told:
    """An account info of no class of ours: what is set is given back."""

    NAMES = (
        "account_id", "account_auth_token", "api_url", "download_url", "minimum_part_size", "application_key", "realm",
        "allowed", "application_key_id",
    )  # fmt: skip

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}

    def _said(self, name: str) -> Any:
        if name not in self.data:
            raise MissingAccountData(name)
        return self.data[name]

    def set_auth_data(self, *data: Any) -> None:
        self.data = dict(zip(self.NAMES, data, strict=True))

    def __getattr__(self, name: str) -> Any:
        if name.removeprefix("get_") in self.NAMES:
            return lambda: self._said(name.removeprefix("get_"))
        if name.startswith("take_"):
            return lambda key: (None, None)
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args: None


def test_an_account_info_of_anybodys() -> None:
    raw, info = RawSimulator(), Told()
    api = _authorized(raw, info)
    bucket = api.create_bucket("holiday", "allPrivate")
    raw.expire_auth_token(info.data["account_auth_token"])
    bucket.upload(UploadSourceBytes(bytes(500)), "a", min_part_size=200)
    assert [each.size for each, _ in bucket.ls()] == [500]


def test_an_object_that_is_false_is_no_missing_account_info(tmp_path: Any) -> None:
    class Empty(SqliteAccountInfo):
        def __len__(self) -> int:
            return 0

    info = Empty(str(tmp_path / "info"))
    assert B2Api(info, raw_api=RawSimulator()).account_info is info


# -- fakes that have only what a test needs


class FewGetters:
    """What every call needs."""

    def get_account_id(self) -> str:
        return "account"

    def get_account_auth_token(self) -> str:
        return "token"

    def get_api_url(self) -> str:
        return "http://api"


class Hides:
    """A raw api that can do one thing."""

    def hide_file(self, *told: str) -> dict[str, Any]:
        self.told = told
        return {"fileId": "4_h", "fileName": "a", "action": "hide", "uploadTimestamp": 1, "size": 0}


class Knows:
    """A cache that only answers."""

    def get_bucket_id_or_none_from_bucket_name(self, name: str) -> str:
        return f"id of {name}"


def test_a_fake_has_what_its_test_needs() -> None:
    raw: Any = Hides()
    info: Any = FewGetters()
    info.get_allowed = lambda: AUTHORIZED["allowed"]
    cache: Any = Knows()
    bucket = B2Api(info, cache, raw_api=raw).get_bucket_by_name("holiday")
    assert bucket.hide_file("a").id_ == "4_h"
    assert raw.told == ("http://api", "token", "id of holiday", "a")


@pytest.mark.parametrize("name", ["account_info", "cache", "raw_api"])
@pytest.mark.parametrize("given", [object(), {}, "key", InMemoryAccountInfo, B2Http()])
def test_what_can_do_nothing_of_it_is_refused(name: str, given: Any) -> None:
    with pytest.raises(TypeError, match=rf"B2Api\(\): {name} must be an? "):
        B2Api(**{name: given})


def test_what_a_fake_lacks_is_missed_when_it_is_needed() -> None:
    info: Any = FewGetters()
    raw: Any = Hides()
    bucket = B2Api(info, raw_api=raw).get_bucket_by_id("b")
    with pytest.raises(AttributeError, match="list_file_names"):
        next(bucket.ls())


# -- buckets and reports


def test_a_bucket_is_deleted_by_its_id() -> None:
    api = _authorized(RawSimulator())
    bucket: Any = SimpleNamespace(id_=api.create_bucket("holiday", "allPrivate").id_, name="holiday")
    api.delete_bucket(bucket)
    assert api.list_buckets() == []
    with pytest.raises(TypeError, match="bucket must be a Bucket"):
        api.delete_bucket("holiday")  # type: ignore[arg-type]


def test_a_factory_makes_buckets_of_a_mock_s_account() -> None:
    told = {
        "bucketId": "b",
        "bucketName": "holiday",
        "bucketType": "allPrivate",
        "bucketInfo": {},
        "corsRules": [],
        "lifecycleRules": [],
        "revision": 1,
    }
    (bucket,) = BucketFactory.from_api_response(MagicMock(), {"buckets": [told]})
    assert (type(bucket), bucket.id_, bucket.name) == (Bucket, "b", "holiday")


def test_a_report_writes_to_a_mock_as_b2sdk_does() -> None:
    out = MagicMock()
    SyncReport(out, no_progress=True).print_completion("upload a")
    assert out.mock_calls == [call.write("upload a"), call.write("\n"), call.flush()]


def test_a_terminal_of_an_encoding_that_nobody_knows() -> None:
    out = MagicMock()
    out.write.side_effect = [UnicodeEncodeError("codec", "ü", 0, 1, "no"), *range(9)]
    SyncReport(out, no_progress=True).print_completion("upload ü")
    assert out.write.mock_calls == [call("upload ü"), call("upload \\xfc"), call("\n")]


class Reporter:
    """What a sync without errors tells."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def print_completion(self, line: str) -> None:
        self.lines.append(line)

    def end_local(self) -> None: ...

    def update_compare(self, delta: int) -> None: ...

    update_local = update_compare

    def update_transfer(self, files: int, length: int) -> None: ...

    end_compare = update_transfer


def test_a_reporter_of_anybodys(tmp_path: Any) -> None:
    api, reporter = _authorized(RawSimulator()), Reporter()
    api.create_bucket("holiday", "allPrivate")
    (tmp_path / "a").write_text("hello")
    here, there = LocalFolder(str(tmp_path)), B2Folder("holiday", "x", api)
    told: Any = reporter
    Synchronizer(1).sync_folders(here, there, 1_800_000_000_000, told)
    assert reporter.lines == ["upload a"]


# -- text of subclasses


class Text(str):
    """As libraries give it that parse something."""


def _all_in_text(bucket: Bucket) -> None:
    info: dict[str, str] = {Text("k"): Text("v")}
    for size in (5, 500_000):
        made = bucket.upload(UploadSourceBytes(bytes(size)), Text("a"), Text("text/plain"), info, 200_000)
        assert (made.file_name, made.content_type, made.file_info["k"]) == ("a", "text/plain", "v")
    assert bucket.hide_file(Text("a")).file_name == "a"
    assert bucket.update(bucket_type=Text("allPublic"), bucket_info=info)["bucketInfo"] == {"k": "v"}
    other = bucket.api.create_bucket(Text("other-holiday"), Text("allPrivate"))
    assert (other.name, bucket.api.get_bucket_by_name(Text("other-holiday")).id_) == ("other-holiday", other.id_)
    assert bucket.api.create_key([Text("listFiles")], Text("reads"))["keyName"] == "reads"
    assert bucket.get_download_authorization(Text("a"), 5)


def test_text_may_be_of_a_subclass() -> None:
    _all_in_text(_authorized(RawSimulator()).create_bucket("holiday", "allPrivate"))


def test_text_may_be_of_a_subclass_over_http() -> None:
    with served() as world:
        _all_in_text(world.bucket())


class Number(int):
    """The same."""


def test_what_is_told_is_as_plain_as_what_is_sent() -> None:
    """A simulator in memory gives back what it got, of whatever class."""
    info = MappingProxyType({"k": Text("v")})
    reply = FileReply(
        AccountId("a"), "upload", BucketId("b"), Number(5), None, Text("x/y"), FileId("f"), info, Text("a"), Number(1)
    )
    told = file_dict(reply)
    assert told.items() >= {"contentLength": 5, "contentType": "x/y", "fileName": "a", "fileInfo": {"k": "v"}}.items()
    kinds = {type(value) for value in (*told.values(), *told["fileInfo"].values())}
    assert kinds == {str, int, dict, type(None)}


def test_a_stream_without_flush_takes_lines() -> None:
    class Lines:
        def __init__(self) -> None:
            self.text = io.StringIO()

        def write(self, text: str) -> int:
            return self.text.write(text)

    lines = Lines()
    SyncReport(lines, no_progress=True).print_completion("upload a")
    assert lines.text.getvalue() == "upload a\n"
