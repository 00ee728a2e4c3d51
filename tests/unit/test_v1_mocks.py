"""Programs are tested with mocks: of account infos, raw apis and accounts, and with replies of one field."""

from __future__ import annotations

from typing import Any
from unittest import mock
from unittest.mock import MagicMock

import pytest

from b2pure.v1 import (
    AbstractAccountInfo,
    B2Api,
    B2RawApi,
    DownloadDestBytes,
    InMemoryAccountInfo,
    RawSimulator,
    SqliteAccountInfo,
)
from b2pure.v1.exception import MissingAccountData

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
