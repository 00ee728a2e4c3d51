"""Buckets, keys, listings and the account of the numbered interface."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from v1_world import SMALL_PARTS, World, content, served

from b2pure.model.calls import CreateBucket
from b2pure.model.ids import AccountId
from b2pure.model.protection import SseB2
from b2pure.shell.serve_control import expire_tokens
from b2pure.v1 import (
    AuthInfoCache,
    B2Api,
    Bucket,
    BucketFactory,
    DownloadDestBytes,
    InMemoryAccountInfo,
    InMemoryCache,
    RawSimulator,
    SqliteAccountInfo,
    UrlPoolAccountInfo,
    exception,
)


@pytest.fixture
def world() -> Iterator[World]:
    with served(SMALL_PARTS) as world:
        yield world


def _connected(world: World, *arguments: Any) -> B2Api:
    api = B2Api(*arguments)
    api.authorize_account(world.url, world.simulator.master_key_id, world.simulator.master_key)
    return api


# --- the account


def test_before_anybody_authorized_there_is_nothing(world: World) -> None:
    api = B2Api(InMemoryAccountInfo())
    assert api.authorize_automatically() is False
    for ask in (api.get_account_id, api.list_buckets, lambda: api.get_file_info("x")):
        with pytest.raises(exception.MissingAccountData):
            ask()


def test_a_wrong_key_and_a_wrong_realm_are_told(world: World) -> None:
    api = B2Api(InMemoryAccountInfo())
    with pytest.raises(exception.Unauthorized):
        api.authorize_account(world.url, world.simulator.master_key_id, "wrong")
    with pytest.raises(exception.B2ConnectionError):
        api.authorize_account("http://127.0.0.1:9", "id", "key")


def test_what_sqlite_keeps_is_enough_for_the_next_program(world: World, tmp_path: Path) -> None:
    """Token, realm and names: nothing is asked again."""
    path = str(tmp_path / "info")
    first = _connected(world, SqliteAccountInfo(path), AuthInfoCache(SqliteAccountInfo(path)))
    made = first.create_bucket("holiday", "allPrivate")
    info = SqliteAccountInfo(path)
    second = B2Api(info, AuthInfoCache(info))
    bucket = second.get_bucket_by_name("holiday")
    bucket.upload_bytes(b"x", "x")
    assert (bucket.id_, bucket.type_) == (made.id_, None)
    assert (world.calls("b2_authorize_account"), world.calls("b2_list_buckets")) == (2, 0), "the world's, the first's"
    assert second.authorize_automatically() is True
    assert world.calls("b2_authorize_account") == 3


def test_without_arguments_the_account_is_in_the_callers_file(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("B2_ACCOUNT_INFO", str(tmp_path / "info"))
    api = _connected(world)
    assert isinstance(api.account_info, SqliteAccountInfo)
    assert isinstance(api.cache, AuthInfoCache)
    assert (tmp_path / "info").exists()


def test_an_account_info_of_a_callers_own_keeps_everything(world: World) -> None:
    """ "you should inherit from UrlPoolAccountInfo"."""

    class Mine(InMemoryAccountInfo):
        taken = 0

        def take_bucket_upload_url(self, bucket_id: str) -> tuple[str, str] | tuple[None, None]:
            self.taken += 1
            return super().take_bucket_upload_url(bucket_id)

    assert issubclass(Mine, UrlPoolAccountInfo)
    mine = Mine()
    bucket = _connected(world, mine).create_bucket("holiday", "allPrivate")
    for _ in range(3):
        bucket.upload_bytes(b"x", "x")
    assert (mine.taken, world.calls("b2_get_upload_url")) == (3, 1)


def test_another_account_clears_the_cache(world: World) -> None:
    cache = InMemoryCache()
    api = _connected(world, InMemoryAccountInfo(), cache)
    api.create_bucket("holiday", "allPrivate")
    api.authorize_account(world.url, world.simulator.master_key_id, world.simulator.master_key)
    assert cache.get_bucket_id_or_none_from_bucket_name("holiday") is not None
    with served() as other:
        api.authorize_account(other.url, other.simulator.master_key_id, other.simulator.master_key)
        assert cache.get_bucket_id_or_none_from_bucket_name("holiday") is None
        assert api.list_buckets() == []


def test_the_raw_simulator_stands_in_for_b2() -> None:
    """ "It makes network-less unit testing simple by using RawSimulator"."""
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    assert api.session.raw_api is raw
    api.authorize_account("production", *raw.create_account())
    bucket = api.create_bucket("holiday", "allPublic")
    data = bytes(range(250)) * 4
    bucket.upload_bytes(data, "small")
    assert content(bucket, "small") == data
    raw.set_upload_errors([exception.B2ConnectionError("no route")])
    bucket.upload_bytes(b"again", "again")
    assert content(bucket, "again") == b"again"
    assert [version.file_name for version, _ in bucket.ls()] == ["again", "small"]


def test_many_threads_may_use_one_api(world: World) -> None:
    """Upload URLs are never shared, and one expired token costs one authorization."""
    bucket = world.bucket()

    def work(number: int) -> None:
        for again in range(5):
            bucket.upload_bytes(b"x", f"{number}-{again}")
            if (number, again) == (3, 2):
                with world.server.locked() as simulator:
                    expire_tokens(simulator, "all")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert len(list(bucket.ls())) == 40
    assert world.calls("b2_authorize_account") == 2
    assert world.calls("b2_get_upload_url") <= 16


# --- buckets


def test_names_are_remembered_and_forgotten(world: World) -> None:
    api = _connected(world, InMemoryAccountInfo(), InMemoryCache())
    made = api.create_bucket("holiday", "allPrivate")
    assert api.get_bucket_by_name("holiday").id_ == made.id_
    assert world.calls("b2_list_buckets") == 0
    api.delete_bucket(made)
    with pytest.raises(exception.NonExistentBucket, match="No such bucket: holiday"):
        api.get_bucket_by_name("holiday")
    world.bucket("somebody-elses")
    assert [bucket.name for bucket in api.list_buckets()] == ["somebody-elses"]
    assert api.get_bucket_by_name("somebody-elses").type_ is None
    assert api.list_buckets(bucket_name="nobodys") == []


def test_a_bucket_by_its_id_makes_no_call(world: World) -> None:
    made = world.bucket()
    before = world.simulator.log.total
    bucket = world.api.get_bucket_by_id(made.id_)
    assert (bucket.get_id(), bucket.name, world.simulator.log.total) == (made.id_, None, before)


def test_updates(world: World) -> None:
    """Each setting alone, under a condition, and none of them by a name that nobody knows."""
    bucket = world.bucket()
    assert bucket.set_type("allPublic")["bucketType"] == "allPublic"
    assert bucket.set_info({"a": "b"})["bucketInfo"] == {"a": "b"}
    assert bucket.set_info({})["bucketInfo"] == {}
    rule = {"fileNamePrefix": "x", "daysFromHidingToDeleting": 1, "daysFromUploadingToHiding": None}
    assert bucket.update(lifecycle_rules=rule)["lifecycleRules"] == [rule]
    cors = {
        "corsRuleName": "download",
        "allowedOrigins": ["https"],
        "allowedOperations": ["b2_download_file_by_id"],
        "maxAgeSeconds": 3600,
    }
    said = bucket.update(cors_rules=[cors])
    assert (said["corsRules"], said["lifecycleRules"]) == ([cors], [rule])
    assert bucket.update(bucket_info={"c": "d"}, if_revision_is=said["revision"])["revision"] == said["revision"] + 1
    with pytest.raises(exception.Conflict):
        bucket.update(bucket_info={"e": "f"}, if_revision_is=said["revision"])
    with pytest.raises(exception.InvalidArgument, match="daysFromHiding"):
        bucket.update(lifecycle_rules=[{"fileNamePrefix": "x", "daysFromHiding": 1}])
    with pytest.raises(exception.InvalidArgument, match="cannot be understood"):
        bucket.update(lifecycle_rules=[{"fileNamePrefix": 1}])


def test_a_bucket_as_a_dictionary_is_what_b2_says(world: World) -> None:
    world.api.create_bucket("holiday", "allPublic", {"a": "b"})
    bucket = world.api.get_bucket_by_name("holiday")
    said = bucket.as_dict()
    assert said["accountId"] == world.api.get_account_id()
    assert (said["bucketId"], said["bucketName"], said["bucketType"]) == (bucket.id_, "holiday", "allPublic")
    assert (said["bucketInfo"], said["revision"]) == ({"a": "b"}, 1)
    assert "bucketName" not in world.api.get_bucket_by_id(bucket.id_).as_dict()


def test_what_b2_tells_today_of_a_bucket_and_of_a_file_is_passed_on(world: World) -> None:
    """Where it is set, in B2's own names; a key that may not read it is told so."""
    new = CreateBucket(
        AccountId(world.api.get_account_id()),
        "safe-box",
        file_lock_enabled=True,
        default_server_side_encryption=SseB2(),
    )
    world.api.session.ask(new)
    bucket = world.api.get_bucket_by_name("safe-box")
    file_id = bucket.upload_bytes(b"x", "x").id_
    assert file_id is not None
    encrypted, beyond = (
        {"mode": "SSE-B2", "algorithm": "AES256"},
        {"defaultServerSideEncryption", "fileLockConfiguration"},
    )
    said = bucket.update(bucket_info={"a": "b"})
    assert said["defaultServerSideEncryption"] == {"isClientAuthorizedToRead": True, "value": encrypted}
    assert said["fileLockConfiguration"]["value"]["isFileLockEnabled"] is True
    assert bucket.bucket_dict.keys() == said.keys() >= beyond
    assert world.api.get_file_info(file_id)["serverSideEncryption"] == encrypted
    assert not beyond & world.bucket("plain-box").update(bucket_info={"a": "b"}).keys()
    key = world.api.create_key(["listBuckets", "readFiles"], "reader")
    reader = B2Api(InMemoryAccountInfo())
    reader.authorize_account(world.url, key["applicationKeyId"], key["applicationKey"])
    hidden = {"isClientAuthorizedToRead": False, "value": None}
    assert reader.get_bucket_by_name("safe-box").bucket_dict["fileLockConfiguration"] == hidden
    assert reader.get_file_info(file_id)["legalHold"] == hidden


def test_classes_of_a_callers_own_are_made(world: World) -> None:
    class Mine(Bucket):
        pass

    class Factory(BucketFactory):
        BUCKET_CLASS = Mine

    class Api(B2Api):
        BUCKET_CLASS = Mine
        BUCKET_FACTORY_CLASS = Factory

    api = Api(InMemoryAccountInfo())
    api.authorize_account(world.url, world.simulator.master_key_id, world.simulator.master_key)
    assert type(api.create_bucket("holiday", "allPrivate")) is Mine
    assert {type(bucket) for bucket in (*api.list_buckets(), api.get_bucket_by_id("x"))} == {Mine}
    with pytest.raises(exception.UnrecognizedBucketType):
        BucketFactory.from_api_bucket_dict(api, {"bucketType": None})


def test_what_makes_buckets_need_be_no_class(world: World) -> None:
    class Mine(Bucket):
        pass

    class Api(B2Api):
        BUCKET_CLASS = staticmethod(lambda *args, **named: Mine(*args, **named))  # type: ignore[assignment]

    api = Api(InMemoryAccountInfo())
    api.authorize_account(world.url, world.simulator.master_key_id, world.simulator.master_key)
    assert type(api.create_bucket("holiday", "allPrivate")) is Mine
    assert {type(bucket) for bucket in (*api.list_buckets(), api.get_bucket_by_id("x"))} == {Mine}


# --- restricted keys


def test_a_key_for_one_bucket_must_name_it(world: World) -> None:
    bucket = world.bucket()
    world.bucket("others")
    made = world.api.create_key(["listBuckets", "readFiles", "writeFiles"], "one", 3600, bucket.id_, "in/")
    assert {"applicationKeyId", "applicationKey", "keyName", "capabilities", "bucketId", "namePrefix"} <= made.keys()
    assert (made["bucketId"], made["namePrefix"], made["expirationTimestamp"] is not None) == (bucket.id_, "in/", True)
    world.api.authorize_account(world.url, made["applicationKeyId"], made["applicationKey"])
    mine = world.api.get_bucket_by_name("holiday")
    mine.upload_bytes(b"x", "in/x")
    for ask in (world.api.list_buckets, lambda: world.api.get_bucket_by_name("others")):
        with pytest.raises(exception.RestrictedBucket, match="holiday"):
            ask()
    with pytest.raises(exception.Unauthorized, match="restricted to files that start with 'in/'"):
        mine.upload_bytes(b"x", "out/x")


def test_a_key_that_may_not_list_buckets_finds_its_own(world: World) -> None:
    bucket = world.bucket()
    made = world.api.create_key(["readFiles", "writeFiles"], "one", None, bucket.id_)
    world.api.authorize_account(world.url, made["applicationKeyId"], made["applicationKey"])
    world.api.get_bucket_by_name("holiday").upload_bytes(b"x", "x")
    assert content(world.api.get_bucket_by_name("holiday"), "x") == b"x"
    with pytest.raises(exception.Unauthorized):
        world.api.list_buckets("holiday")


def test_a_bucket_of_a_key_that_is_deleted_is_told_by_its_id(world: World) -> None:
    bucket = world.bucket()
    made = world.api.create_key(["listBuckets"], "one", None, bucket.id_)
    world.api.delete_bucket(bucket)
    world.api.authorize_account(world.url, made["applicationKeyId"], made["applicationKey"])
    with pytest.raises(exception.RestrictedBucket, match=rf"restricted to bucket: id {bucket.id_}$"):
        world.api.list_buckets()


def test_a_key_of_several_buckets_is_refused_with_the_way_to_make_one(world: World) -> None:
    ids = [world.bucket(name).id_ for name in ("holiday", "mountains")]
    with pytest.raises(TypeError, match=r"the id of one bucket.*CreateKey\(bucket_ids=\.\.\.\).*not list of 2"):
        world.api.create_key(["listFiles"], "two", bucket_id=ids)  # type: ignore[arg-type]
    assert world.api.list_keys()["keys"] == []


def test_keys_come_by_pages_and_go(world: World) -> None:
    ids = [world.api.create_key(["listFiles"], f"key-{number}")["applicationKeyId"] for number in range(3)]
    listed = world.api.list_keys()
    assert [key["applicationKeyId"] for key in listed["keys"]] == sorted(ids)
    assert "applicationKey" not in listed["keys"][0]
    assert [key["applicationKeyId"] for key in world.api.list_keys(sorted(ids)[1])["keys"]] == sorted(ids)[1:]
    assert world.api.delete_key(ids[0])["applicationKeyId"] == ids[0]
    assert len(world.api.list_keys()["keys"]) == 2


# --- downloads by others


def test_urls_and_authorizations_let_others_download(world: World) -> None:
    import httpx

    bucket = world.bucket()
    made = bucket.upload_bytes(b"x", "in/a b?")
    headers = {"Authorization": bucket.get_download_authorization("in/", 100)}
    by_name = world.api.get_download_url_for_file_name("holiday", "in/a b?")
    assert by_name == bucket.get_download_url("in/a b?")
    assert httpx.get(by_name, headers=headers).content == b"x"
    assert httpx.get(by_name).status_code == 401
    by_id = world.api.get_download_url_for_fileid(str(made.id_))
    token = world.api.account_info.get_account_auth_token()
    assert httpx.get(by_id, headers={"Authorization": token}).content == b"x"


# --- listings


def test_a_folder_is_named_by_its_first_file_only(world: World) -> None:
    """ "The folder_name is returned only for the first file in the folder." """
    bucket = world.bucket()
    for name in ("a/b/1", "a/b/2", "a/c", "a/d", "b/x/y/z", "top", "x/1", "x/2"):
        bucket.upload_bytes(b"", name)
    told = [(version.file_name, folder) for version, folder in bucket.ls(recursive=True)]
    assert told == [
        ("a/b/1", "a/b/"),
        ("a/b/2", None),
        ("a/c", "a/"),
        ("a/d", None),
        ("b/x/y/z", "b/x/y/"),
        ("top", None),
        ("x/1", "x/"),
        ("x/2", None),
    ]
    assert [(version.file_name, folder) for version, folder in bucket.ls("a")] == [
        ("a/b/1", "a/b/"),
        ("a/c", None),
        ("a/d", None),
    ]
    assert [folder for _, folder in bucket.ls("a", recursive=True)] == ["a/b/", None, None, None]


def test_one_call_skips_a_whole_folder(world: World) -> None:
    """However few are fetched at a time."""
    bucket = world.bucket()
    for number in range(30):
        bucket.upload_bytes(b"", f"folder/{number:02}")
    bucket.upload_bytes(b"", "zzz")
    for versions, name in ((False, "b2_list_file_names"), (True, "b2_list_file_versions")):
        told = [(version.file_name, folder) for version, folder in bucket.ls("", versions, fetch_count=1)]
        assert told == [("folder/00", "folder/"), ("zzz", None)]
        assert world.calls(name) <= 3


def test_hidden_files_are_seen_with_versions_only(world: World) -> None:
    bucket = world.bucket()
    bucket.upload_bytes(b"x", "x")
    hidden = bucket.hide_file("x")
    assert (hidden.action, list(bucket.ls())) == ("hide", [])
    assert [version.action for version, _ in bucket.ls(show_versions=True)] == ["hide", "upload"]


def test_the_versions_of_one_name(world: World) -> None:
    bucket = world.bucket()
    for name in ("x", "x", "x", "xy", "w"):
        bucket.upload_bytes(b"", name)
    for count in (None, 1, 2, 10_000):
        assert [version.file_name for version in bucket.list_file_versions("x", count)] == ["x"] * 3
    for wrong in (0, -1, 10_001):
        with pytest.raises(ValueError, match="fetch_count"):
            list(bucket.list_file_versions("x", wrong))


def test_a_count_that_b2_would_refuse_is_an_error_of_b2_and_a_wrong_value(world: World) -> None:
    bucket = world.bucket()
    for wrong in (0, -1, 10_001):
        for listing in (
            bucket.ls(fetch_count=wrong),
            bucket.ls(recursive=True, fetch_count=wrong),
            bucket.list_file_versions("x", wrong),
        ):
            with pytest.raises(exception.BadRequest) as caught:
                next(listing)
            assert isinstance(caught.value, exception.B2Error)
            assert isinstance(caught.value, ValueError)
            assert (type(caught.value).__name__, caught.value.code) == ("BadRequest", "out_of_range")
            assert str(caught.value) == f"fetch_count must be 1 to 10000, not {wrong} (out_of_range)"
    assert world.calls("b2_list_file_names") == world.calls("b2_list_file_versions") == 0


def test_large_files_by_hand(world: World) -> None:
    """Started, listed by pages, from an id on and by prefix, their parts, and cancelled."""
    bucket = world.bucket()
    started = [bucket.start_large_file(f"in/{number}", "text/plain", {"a": "b"}) for number in range(3)]
    bucket.start_large_file("out")
    ids = [file.file_id for file in started]
    assert [file.file_id for file in bucket.list_unfinished_large_files(prefix="in/", batch_size=1)] == ids
    assert [file.file_name for file in bucket.list_unfinished_large_files(ids[1])] == ["in/1", "in/2", "out"]
    (first,) = (file for file in bucket.list_unfinished_large_files() if file.file_id == ids[0])
    assert (first.content_type, first.file_info, first.bucket_id) == ("text/plain", {"a": "b"}, bucket.id_)
    assert list(world.api.list_parts(ids[0])) == list(bucket.list_parts(ids[0])) == []
    cancelled = bucket.cancel_large_file(ids[0])
    assert (cancelled.id_, cancelled.file_name, cancelled.action) == (ids[0], "in/0", "cancel")
    with pytest.raises(exception.BadRequest):
        world.api.cancel_large_file(ids[0])


def test_listings_are_read_as_they_are_needed(world: World) -> None:
    bucket = world.bucket()
    for number in range(5):
        bucket.upload_bytes(b"", str(number))
    files = bucket.ls(fetch_count=2)
    assert world.calls("b2_list_file_names") == 0
    next(files)
    assert world.calls("b2_list_file_names") == 1
    assert len(list(files)) == 4


def test_a_page_may_be_shorter_than_asked(tmp_path: Path) -> None:
    """B2 may cut any page; clients go on."""
    with served(evolve(SMALL_PARTS, page_limit=2)) as world:
        bucket = world.bucket()
        for number in range(5):
            bucket.upload_bytes(b"", f"f/{number}")
            bucket.upload_bytes(b"", str(number))
        assert len(list(bucket.ls(recursive=True))) == 10
        assert len(list(bucket.ls())) == 6
        assert len(list(bucket.ls(show_versions=True, recursive=True))) == 10
        dest = DownloadDestBytes()
        bucket.download_file_by_name("3", dest)
        assert dest.get_bytes_written() == b""
