"""`B2Session`: every method of the raw api without addresses and tokens, over HTTP and over the raw simulator."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterator
from hashlib import sha1
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define
from v1_world import SMALL_PARTS, served

from b2pure.v1 import (
    AbstractRawApi,
    AuthInfoCache,
    B2Api,
    B2Session,
    DummyCache,
    InMemoryAccountInfo,
    InMemoryCache,
    MetadataDirectiveMode,
    RawSimulator,
)
from b2pure.v1.exception import InvalidAuthToken, MissingAccountData, Unauthorized

FILLED_IN: Final = {
    "self", "api_url", "account_auth_token", "account_auth_token_or_none", "upload_url", "upload_auth_token",
    "download_url",
}  # fmt: skip
IN_PLACE_OF_A_URL: Final = {"upload_file": ["bucket_id"], "upload_part": ["file_id"]}
NOT_OF_ONE_ACCOUNT: Final = {"authorize_account", "handler", "retry"}


@define(eq=False)
class Here:
    """A session of an authorized account, and how its tokens die."""

    session: B2Session
    expire: Callable[[], None]
    expire_uploads: Callable[[], None]
    key: tuple[str, str, str]

    @property
    def account_id(self) -> str:
        return self.session.account_info.get_account_id()

    def bucket_id(self, name: str = "a-bucket") -> str:
        made = self.session.create_bucket(self.account_id, name, "allPrivate")
        return str(made["bucketId"])

    def uploaded(self, bucket_id: str, name: str, data: bytes = b"hello") -> dict[str, Any]:
        return self.session.upload_file(
            bucket_id, name, len(data), "b2/x-auto", sha1(data).hexdigest(), {"k": "v"}, io.BytesIO(data)
        )


def _in_memory() -> Iterator[Here]:
    raw = RawSimulator()
    key_id, key = raw.create_account()
    session = B2Session(InMemoryAccountInfo(), raw_api=raw)
    session.authorize_account("production", key_id, key)

    def expire() -> None:
        raw.expire_auth_token(session.account_info.get_account_auth_token())

    def expire_uploads() -> None:
        for account in raw._accounts:
            for token in account.tokens:
                if token != session.account_info.get_account_auth_token():
                    raw.expire_auth_token(token)

    yield Here(session, expire, expire_uploads, ("production", key_id, key))


def _over_http() -> Iterator[Here]:
    with served(SMALL_PARTS) as world:
        simulator = world.simulator

        def later() -> None:
            world.later(25 * 3_600_000)

        key = world.url, simulator.master_key_id, simulator.master_key
        yield Here(world.api.session, later, later, key)


@pytest.fixture(params=[_in_memory, _over_http], ids=["memory", "http"])
def here(request: pytest.FixtureRequest) -> Iterator[Here]:
    yield from request.param()


def _parameters(method: Callable[..., Any]) -> list[tuple[str, object]]:
    kept = [each for each in inspect.signature(method).parameters.values() if each.name not in FILLED_IN]
    return [(each.name, each.default) for each in kept]


@pytest.mark.parametrize("name", sorted({n for n in vars(AbstractRawApi) if n[0] != "_"} - NOT_OF_ONE_ACCOUNT))
def test_a_method_is_the_raw_apis_without_what_is_filled_in(name: str) -> None:
    first = [(each, inspect.Parameter.empty) for each in IN_PLACE_OF_A_URL.get(name, [])]
    assert _parameters(getattr(B2Session, name)) == [*first, *_parameters(getattr(AbstractRawApi, name))]


def test_every_call_is_made(here: Here) -> None:
    session, account = here.session, here.account_id
    bucket_id = here.bucket_id()
    changed = session.update_bucket(account, bucket_id, "allPublic", {"a": "b"})
    assert (changed["bucketType"], changed["bucketInfo"]) == ("allPublic", {"a": "b"})
    listed = session.list_buckets(account, bucket_name="a-bucket")["buckets"]
    assert [each["bucketId"] for each in listed] == [bucket_id]

    made = here.uploaded(bucket_id, "one")
    assert session.get_file_info(made["fileId"])["fileInfo"] == {"k": "v"}
    copied = session.copy_file(
        made["fileId"], "two", (1, 3), MetadataDirectiveMode.REPLACE, "text/plain", {"x": "y"}, bucket_id
    )
    assert (copied["contentLength"], copied["contentType"]) == (3, "text/plain")
    hidden = session.hide_file(bucket_id, "one")
    assert [each["fileName"] for each in session.list_file_names(bucket_id)["files"]] == ["two"]
    versions = session.list_file_versions(bucket_id, start_file_name="one", max_file_count=2)["files"]
    assert [each["fileId"] for each in versions] == [hidden["fileId"], made["fileId"]]
    session.delete_file_version(hidden["fileId"], "one")

    token = session.get_download_authorization(bucket_id, "o", 60)
    assert token["fileNamePrefix"] == "o"
    for url in (session.get_download_url_by_id(made["fileId"]), session.get_download_url_by_name("a-bucket", "one")):
        with session.download_file_from_url(url, (1, 3)) as response:
            assert b"".join(response.iter_content(2)) == b"ell"

    key = session.create_key(account, ["listFiles"], "a-key", 1000, bucket_id, "pre")
    assert key["applicationKeyId"] in [each["applicationKeyId"] for each in session.list_keys(account)["keys"]]
    assert session.list_keys(account, 1)["keys"]
    session.delete_key(key["applicationKeyId"])
    for version in session.list_file_versions(bucket_id)["files"]:
        session.delete_file_version(version["fileId"], version["fileName"])
    session.delete_bucket(account, bucket_id)
    assert session.list_buckets(account)["buckets"] == []


def test_large_files(here: Here) -> None:
    session = here.session
    bucket_id = here.bucket_id()
    part = bytes(session.account_info.get_absolute_minimum_part_size())
    digest = sha1(part).hexdigest()
    source = here.uploaded(bucket_id, "source", part)
    started = session.start_large_file(bucket_id, "large", "b2/x-auto", {})["fileId"]
    session.upload_part(started, 1, len(part), digest, io.BytesIO(part))
    session.copy_part(source["fileId"], started, 2)
    assert [each["partNumber"] for each in session.list_parts(started, None, None)["parts"]] == [1, 2]
    assert session.account_info.take_large_file_upload_url(started)[0] is not None  # it had come back
    session.upload_part(started, 1, len(part), digest, io.BytesIO(part))
    done = session.finish_large_file(started, [digest, digest])
    assert done["contentLength"] == 2 * len(part)
    assert session.account_info.take_large_file_upload_url(started) == (None, None)
    other = session.start_large_file(bucket_id, "other", "b2/x-auto", {})["fileId"]
    assert [each["fileId"] for each in session.list_unfinished_large_files(bucket_id)["files"]] == [other]
    session.cancel_large_file(other)
    assert session.list_unfinished_large_files(bucket_id)["files"] == []


def test_an_expired_token_is_renewed_once_and_stored(here: Here) -> None:
    bucket_id = here.bucket_id()
    made = here.uploaded(bucket_id, "one")
    old = here.session.account_info.get_account_auth_token()
    here.expire()
    assert here.session.get_file_info(made["fileId"])["fileName"] == "one"
    new = here.session.account_info.get_account_auth_token()
    assert new != old
    here.expire()
    with here.session.download_file_from_url(here.session.get_download_url_by_id(made["fileId"])) as response:
        assert b"".join(response.iter_content(9)) == b"hello"
    here.session.list_file_names(bucket_id)
    assert here.session.account_info.get_account_auth_token() not in (old, new)


def test_an_expired_upload_url_is_replaced_and_the_stream_read_from_where_it_stood(here: Here) -> None:
    bucket_id = here.bucket_id()
    here.uploaded(bucket_id, "one")
    here.expire_uploads()
    stream = io.BytesIO(b"not this, hello")
    stream.seek(10)
    digest = sha1(b"hello").hexdigest()
    made = here.session.upload_file(bucket_id, "two", 5, "b2/x-auto", digest, {}, stream)
    assert made["contentSha1"] == digest


def test_a_stream_that_cannot_go_back_is_not_sent_again(here: Here) -> None:
    class Pipe:
        """What can only be read."""

        def read(self, size: int = -1, /) -> bytes:
            return b"hello"[:size]

    bucket_id = here.bucket_id()
    here.uploaded(bucket_id, "one")
    here.expire_uploads()
    with pytest.raises(InvalidAuthToken):
        here.session.upload_file(bucket_id, "two", 5, "b2/x-auto", sha1(b"hello").hexdigest(), {}, Pipe())


def test_an_upload_url_comes_back_only_after_a_success(here: Here) -> None:
    bucket_id = here.bucket_id()
    with pytest.raises(Exception, match=r"(?i)sha1"):
        here.session.upload_file(bucket_id, "one", 5, "b2/x-auto", "0" * 40, {}, io.BytesIO(b"hello"))
    assert here.session.account_info.take_bucket_upload_url(bucket_id) == (None, None)
    here.uploaded(bucket_id, "one")
    assert here.session.account_info.take_bucket_upload_url(bucket_id)[0] is not None


def test_a_refusal_tells_what_the_key_is_restricted_to(here: Here) -> None:
    bucket_id = here.bucket_id()
    key = here.session.create_key(here.account_id, ["listFiles"], "weak", None, bucket_id, "pre/")
    weak = B2Session(InMemoryAccountInfo(), raw_api=here.session.raw_api)
    weak.authorize_account(here.key[0], key["applicationKeyId"], key["applicationKey"])
    told = "with capabilities 'listFiles', restricted to bucket 'a-bucket', restricted to files that start with 'pre/'"
    with pytest.raises(Unauthorized, match=told):
        weak.hide_file(bucket_id, "pre/x")
    with pytest.raises(Unauthorized, match=told):
        weak.upload_file(bucket_id, "pre/x", 0, "b2/x-auto", sha1().hexdigest(), {}, io.BytesIO())


def test_a_token_that_stays_dead_is_told(here: Here) -> None:
    """Whatever a raw api of somebody's does, nobody waits for ever."""

    class Refusing(RawSimulator):
        asked = 0

        def get_file_info(self, api_url: str, account_auth_token: str, file_id: str) -> Any:
            self.asked += 1
            raise InvalidAuthToken("no", "expired_auth_token")

    raw = Refusing()
    session = B2Session(InMemoryAccountInfo(), raw_api=raw)
    session.authorize_account("production", *raw.create_account())
    with pytest.raises(InvalidAuthToken):
        session.get_file_info("4_z")
    assert raw.asked == 2


def test_without_a_key_it_is_said_what_is_missing() -> None:
    session = B2Session(InMemoryAccountInfo(), raw_api=RawSimulator())
    assert not session.authorize_automatically()
    with pytest.raises(MissingAccountData):
        session.list_buckets("account")


def test_another_account_empties_the_cache() -> None:
    raw = RawSimulator()
    first, second = raw.create_account(), raw.create_account()
    cache = InMemoryCache()
    session = B2Session(InMemoryAccountInfo(), cache, raw)
    session.authorize_account("production", *first)
    cache.set_bucket_name_cache([B2Api(session.account_info, raw_api=raw).create_bucket("a-bucket", "allPrivate")])
    session.authorize_account("production", *first)
    assert cache.get_bucket_id_or_none_from_bucket_name("a-bucket") is not None
    session.authorize_account("production", *second)
    assert cache.get_bucket_id_or_none_from_bucket_name("a-bucket") is None


def test_what_it_has_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B2_ACCOUNT_INFO", str(tmp_path / "info"))
    assert isinstance(B2Session().cache, AuthInfoCache)
    assert isinstance(B2Session(InMemoryAccountInfo()).cache, DummyCache)
    api = B2Api(InMemoryAccountInfo(), raw_api=RawSimulator())
    assert isinstance(api.session, B2Session)
    assert (api.account_info, api.cache) == (api.session.account_info, api.session.cache)


def test_the_raw_api_of_an_account_is_deprecated_and_stays() -> None:
    """As in the documentation of b2sdk 1.1.4; the warning points at whoever asks."""
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    with pytest.warns(DeprecationWarning, match=r"B2Api\.raw_api is deprecated since .*; use B2Api\.session") as warned:
        assert api.raw_api is raw
    assert [each.filename for each in warned] == [__file__]
