"""Programs are tested with mocks: of account infos, raw apis and accounts, and with replies of one field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock
from unittest.mock import MagicMock

import pytest

from b2pure.v1 import (
    AbstractAccountInfo,
    B2Api,
    B2RawApi,
    Bucket,
    DownloadDestBytes,
    InMemoryAccountInfo,
    RawSimulator,
    SqliteAccountInfo,
    UploadSourceBytes,
)
from b2pure.v1.exception import FileNotPresent, MissingAccountData

ALLOWED = {"bucketId": None, "bucketName": None, "capabilities": ["listBuckets"], "namePrefix": None}
AUTHORIZED = {
    "accountId": "account",
    "authorizationToken": "token",
    "apiUrl": "http://api",
    "downloadUrl": "http://download",
    "recommendedPartSize": 100_000_000,
    "absoluteMinimumPartSize": 5_000_000,
    "minimumPartSize": 100_000_000,
    "allowed": ALLOWED,
}


def _made(info: AbstractAccountInfo | None = None) -> tuple[RawSimulator, AbstractAccountInfo, B2Api]:
    raw, info = RawSimulator(), info or InMemoryAccountInfo()
    api = B2Api(info, raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    return raw, info, api


def _asked_with(raw: RawSimulator, api: B2Api) -> tuple[str, str]:
    """The address and the token that the next call goes with."""
    with mock.patch.object(raw, "list_buckets", return_value={"buckets": []}) as asked:
        api.list_buckets()
    url, token = asked.call_args.args[:2]
    return url, token


# -- account infos


@pytest.mark.parametrize("name", ["set_auth_data", "_set_auth_data"])
@pytest.mark.parametrize("kind", [InMemoryAccountInfo, SqliteAccountInfo])
def test_whoever_persists_the_token_gets_each(name: str, kind: type[Any], tmp_path: Any) -> None:
    kept: list[str] = []

    def keep(self: Any, *data: Any) -> None:
        kept.append(data[1])
        getattr(kind, name)(self, *data)

    info = type("Info", (kind,), {name: keep})(*[str(tmp_path / "info")] * (kind is SqliteAccountInfo))
    raw, _, api = _made(info)
    raw.expire_auth_token(info.get_account_auth_token())
    assert api.list_buckets() == []
    assert len(set(kept)) == len(kept) == 2
    assert kept[-1] == info.get_account_auth_token()


def test_a_setter_that_is_set_gets_what_b2sdk_gives_it() -> None:
    raw, info = RawSimulator(), InMemoryAccountInfo()
    key_id, key = raw.create_account()
    with mock.patch.object(info, "set_auth_data", wraps=info.set_auth_data) as stored:
        B2Api(info, raw_api=raw).authorize_account("production", key_id, key)
    ((*told,), named) = stored.call_args
    assert (told[0], told[5], told[6], told[8], len(told), named) == (key_id, key, "production", key_id, 9, {})


@pytest.mark.parametrize("where", [lambda info: info, type])
def test_getters_that_are_replaced_are_asked(where: Any) -> None:
    raw, info, api = _made()
    bucket = api.create_bucket("holiday", "allPrivate")
    bucket.upload_bytes(b"there", "a")
    fetched: list[str] = []

    def fetch(token: str, url: str, *args: Any, **named: Any) -> Any:
        fetched.append(url)
        return RawSimulator.download_file_from_url(
            raw, token, url.replace("http://cdn", raw.DOWNLOAD_URL), *args, **named
        )

    with (
        mock.patch.object(raw, "download_file_from_url", fetch),
        mock.patch.object(where(info), "get_download_url", return_value="http://cdn"),
    ):
        bucket.download_file_by_name("a", DownloadDestBytes())
    assert fetched == ["http://cdn/file/holiday/a"]
    with (
        mock.patch.object(where(info), "get_api_url", return_value="http://here"),
        mock.patch.object(where(info), "get_account_auth_token", return_value="mine"),
    ):
        assert _asked_with(raw, api) == ("http://here", "mine")
    assert _asked_with(raw, api) == (info.get_api_url(), info.get_account_auth_token())
    with (
        mock.patch.object(where(info), "get_account_auth_token", side_effect=MissingAccountData("token")),
        pytest.raises(MissingAccountData),
    ):
        api.list_buckets()


def test_parts_are_as_big_as_the_account_info_says() -> None:
    raw, info, api = _made()
    bucket = api.create_bucket("holiday", "allPrivate")
    with (
        mock.patch.object(info, "get_minimum_part_size", return_value=500),
        mock.patch.object(raw, "upload_part", wraps=raw.upload_part) as sent,
    ):
        bucket.upload_bytes(b"a" * 1000, "a")
    assert [call.args[3] for call in sent.call_args_list] == [500, 500]


def test_an_account_info_whose_getters_are_all_overridden_needs_nothing_stored() -> None:
    raw, there, _ = _made()
    said = {name: getattr(there, name) for name in AbstractAccountInfo.__abstractmethods__ if name.startswith("get_")}
    info = type(
        "Info",
        (InMemoryAccountInfo,),
        {name: lambda _, get=get: get() for name, get in said.items() if "bucket" not in name},
    )
    assert B2Api(info(), raw_api=raw).list_buckets() == []


def test_what_is_stored_from_outside_is_noticed() -> None:
    raw, info, api = _made()
    data = info.get_auth_data()
    info.set_auth_data(
        data.account_id, "new", "http://new", "http://newer", 300, data.application_key, data.realm, data.allowed,
        data.application_key_id,
    )  # fmt: skip
    assert _asked_with(raw, api) == ("http://new", "new")


def test_a_refused_token_is_not_gone_back_to() -> None:
    """Not even where the account info says it for ever."""
    raw, info, api = _made()
    raw.expire_auth_token(info.get_account_auth_token())
    with (
        mock.patch.object(info, "get_account_auth_token", return_value=info.get_account_auth_token()),
        mock.patch.object(raw, "authorize_account", wraps=raw.authorize_account) as authorized,
    ):
        assert api.list_buckets() == api.list_buckets() == []
    assert authorized.call_count == 1


# -- mocks


def _info() -> MagicMock:
    info = MagicMock(spec=AbstractAccountInfo)
    info.get_account_id.return_value = "account"
    info.get_account_auth_token.return_value = "token"
    info.get_api_url.return_value = "http://api"
    return info


def test_a_raw_api_may_be_a_mock() -> None:
    raw, info = MagicMock(spec=B2RawApi), InMemoryAccountInfo()
    raw.authorize_account.return_value = AUTHORIZED
    raw.list_buckets.return_value = {"buckets": []}
    api = B2Api(info, raw_api=raw)
    api.authorize_account("production", "key id", "key")
    assert api.list_buckets() == []
    assert (info.get_account_auth_token(), info.get_minimum_part_size()) == ("token", 100_000_000)
    raw.authorize_account.assert_called_once_with("https://api.backblazeb2.com", "key id", "key")
    assert raw.list_buckets.call_args.args == ("http://api", "token", "account")


@pytest.mark.parametrize(
    "told", [{}, {"get_allowed": ALLOWED, "get_minimum_part_size": 100, "get_realm": "production"}]
)
def test_an_account_info_may_be_a_mock(told: dict[str, Any]) -> None:
    raw, info = MagicMock(spec=B2RawApi), _info()
    for name, value in told.items():
        getattr(info, name).return_value = value
    raw.list_buckets.return_value = {"buckets": []}
    raw.authorize_account.return_value = AUTHORIZED
    api = B2Api(info, raw_api=raw)
    assert api.list_buckets("holiday") == []
    assert raw.list_buckets.call_args.args == ("http://api", "token", "account")
    api.authorize_account("production", "key id", "key")
    info.set_auth_data.assert_called_once_with(
        "account", "token", "http://api", "http://download", 100_000_000, "key", "production", ALLOWED, "key id"
    )


HIDDEN = {"fileId": "4_h", "fileName": "a", "action": "hide", "uploadTimestamp": 1, "size": 0}
FILE = {"fileId": "4_f", "fileName": "a", "action": "upload", "uploadTimestamp": 1, "contentLength": 3}


def test_a_bucket_of_a_mock_calls_the_methods_of_its_session() -> None:
    api = MagicMock()
    api.account_info.get_account_id.return_value = "account"
    session = api.session
    session.list_file_names.return_value = {"files": [FILE], "nextFileName": None}
    session.list_file_versions.return_value = {"files": [FILE, HIDDEN], "nextFileName": None, "nextFileId": None}
    session.hide_file.return_value = HIDDEN
    session.update_bucket.return_value = {"ok": 1}
    session.get_download_authorization.return_value = {"authorizationToken": "t"}
    bucket = Bucket(api, "bucket", "holiday")
    for recursive in (False, True):
        assert [each.id_ for each, _ in bucket.ls(recursive=recursive)] == ["4_f"]
        assert [each.action for each, _ in bucket.ls(show_versions=True, recursive=recursive)] == ["upload", "hide"]
    assert [each.id_ for each in bucket.list_file_versions("a")] == ["4_f", "4_h"]
    assert bucket.hide_file("a").action == "hide"
    assert bucket.update(bucket_type="allPublic", lifecycle_rules=[{"fileNamePrefix": ""}]) == {"ok": 1}
    assert bucket.get_download_authorization("p", 5) == "t"
    session.hide_file.assert_called_once_with("bucket", "a")
    session.update_bucket.assert_called_once_with(
        "account",
        "bucket",
        bucket_type="allPublic",
        bucket_info=None,
        cors_rules=None,
        lifecycle_rules=[{"fileNamePrefix": ""}],
        if_revision_is=None,
    )


def test_what_a_mock_s_session_raises_comes_out_as_it_is() -> None:
    api = MagicMock()
    api.session.hide_file.side_effect = FileNotPresent("a")
    with pytest.raises(FileNotPresent) as caught:
        Bucket(api, "bucket", "holiday").hide_file("a")
    assert caught.value is api.session.hide_file.side_effect


@pytest.mark.parametrize(
    "act",
    [
        lambda bucket: bucket.upload_bytes(b"there", "a"),
        lambda bucket: bucket.concatenate([UploadSourceBytes(b"there")], "a"),
        lambda bucket: bucket.concatenate_stream([UploadSourceBytes(b"there")], "a"),
        lambda bucket: bucket.copy("4_f", "a"),
        lambda bucket: bucket.download_file_by_name("a", DownloadDestBytes()),
    ],
)
def test_what_no_mock_can_do_says_so(act: Callable[[Bucket], Any]) -> None:
    with pytest.raises(TypeError, match="needs the session of a B2Api, and not MagicMock"):
        act(Bucket(MagicMock(), "bucket", "holiday"))


PASSED: list[tuple[str, dict[str, Any], Callable[[B2Api, Bucket], Any], Any]] = [
    ("update_bucket", {"ok": 1}, lambda _, bucket: bucket.update(bucket_type="allPublic"), {"ok": 1}),
    ("delete_bucket", {}, lambda api, bucket: api.delete_bucket(bucket), None),
    ("list_keys", {"keys": [{"keyName": "q"}]}, lambda api, _: api.list_keys(), {"keys": [{"keyName": "q"}]}),
    ("delete_key", {"keyName": "q"}, lambda api, _: api.delete_key("q"), {"keyName": "q"}),
    ("create_key", {"keyName": "q"}, lambda api, _: api.create_key(["listFiles"], "q"), {"keyName": "q"}),
    ("get_file_info", {"fileId": "f"}, lambda api, _: api.get_file_info("f"), {"fileId": "f"}),
    (
        "get_download_authorization",
        {"authorizationToken": "t"},
        lambda _, bucket: bucket.get_download_authorization("p", 5),
        "t",
    ),
    (
        "cancel_large_file",
        {"fileId": "f", "fileName": "a"},
        lambda api, _: api.cancel_large_file("f").file_name,
        "a",
    ),
    (
        "list_buckets",
        {"buckets": [{"bucketId": "b", "bucketName": "n", "bucketType": "allPublic"}]},
        lambda api, _: [bucket.id_ for bucket in api.list_buckets()],
        ["b"],
    ),
]


@pytest.mark.parametrize("where", [lambda api, raw: raw, lambda api, raw: type(raw), lambda api, raw: api.session])
@pytest.mark.parametrize(
    ("name", "said", "act", "told"), PASSED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_small_reply_is_passed_on_as_it_came(
    name: str, said: dict[str, Any], act: Callable[[B2Api, Bucket], Any], told: Any, where: Any
) -> None:
    raw, _, api = _made()
    bucket = api.create_bucket("holiday", "allPrivate")
    with mock.patch.object(where(api, raw), name, return_value=said) as method:
        assert act(api, bucket) == told
    assert method.call_count == 1


def test_a_patched_method_s_token_is_renewed_too() -> None:
    raw, info, api = _made()
    raw.expire_auth_token(info.get_account_auth_token())
    with mock.patch.object(raw, "list_keys", wraps=raw.list_keys) as listed:
        assert api.list_keys() == {"keys": [], "nextApplicationKeyId": None}
    assert listed.call_count == 2
