"""Account infos and caches of the numbered interface; files that b2sdk wrote, and files for b2sdk."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve, frozen

from b2pure.shell.v1 import account_info_file, sqlite_account_info, sqlite_schema
from b2pure.shell.v1.abstract_account_info import ALL_CAPABILITIES, AbstractAccountInfo, AuthData
from b2pure.shell.v1.account_info import InMemoryAccountInfo, StubAccountInfo, UploadUrlPool, UrlPoolAccountInfo
from b2pure.shell.v1.cache import AbstractCache, AuthInfoCache, DummyCache, InMemoryCache
from b2pure.shell.v1.exceptions import CorruptAccountInfo, MissingAccountData
from b2pure.shell.v1.sqlite_account_info import SqliteAccountInfo

RESTRICTED: Final = {"bucketId": "bid", "bucketName": "bname", "capabilities": ["listFiles"], "namePrefix": "pre/"}
GIVEN: Final[dict[str, Any]] = {
    "account_id": "account",
    "auth_token": "token-1",
    "api_url": "https://api.example",
    "download_url": "https://download.example",
    "minimum_part_size": 100_000_000,
    "application_key": "the-key",
    "realm": "production",
    "allowed": RESTRICTED,
    "application_key_id": "kid",
}
DATA: Final = AuthData(
    "account", "token-1", "https://api.example", "https://download.example", 100_000_000, 5_000_000, "the-key",
    "production", RESTRICTED, "kid",
)  # fmt: skip


@frozen
class Named:
    id_: str
    name: str | None


Maker = Callable[[], UrlPoolAccountInfo]


@pytest.fixture(params=["memory", "stub", "file"])
def info(request: pytest.FixtureRequest, tmp_path: Path) -> UrlPoolAccountInfo:
    makers: dict[str, Maker] = {
        "memory": InMemoryAccountInfo,
        "stub": StubAccountInfo,
        "file": lambda: SqliteAccountInfo(str(tmp_path / "info")),
    }
    return makers[request.param]()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("B2_ACCOUNT_INFO", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


GETTERS: Final = {
    "get_account_id": "account",
    "get_account_auth_token": "token-1",
    "get_api_url": "https://api.example",
    "get_download_url": "https://download.example",
    "get_minimum_part_size": 100_000_000,
    "get_recommended_part_size": 100_000_000,
    "get_absolute_minimum_part_size": 5_000_000,
    "get_application_key": "the-key",
    "get_realm": "production",
    "get_allowed": RESTRICTED,
    "get_application_key_id": "kid",
}


# --- what all have in common


def test_what_was_set_is_got(info: UrlPoolAccountInfo) -> None:
    info.set_auth_data(**GIVEN)
    assert {name: getattr(info, name)() for name in GETTERS} == GETTERS
    assert info.get_auth_data() == DATA


def test_what_is_not_there_is_missing_by_name(info: UrlPoolAccountInfo) -> None:
    for name in GETTERS:
        with pytest.raises(MissingAccountData, match="Missing account data: "):
            getattr(info, name)()
    with pytest.raises(MissingAccountData, match="realm"):
        info.get_realm()


def test_clear_removes_all_of_it(info: UrlPoolAccountInfo) -> None:
    info.set_auth_data(**GIVEN)
    info.save_bucket(Named("1", "one"))
    info.put_bucket_upload_url("1", "url", "token")
    info.put_large_file_upload_url("4_z", "url", "token")
    info.clear()
    with pytest.raises(MissingAccountData):
        info.get_account_id()
    assert info.get_bucket_id_or_none_from_bucket_name("one") is None
    assert info.take_bucket_upload_url("1") == info.take_large_file_upload_url("4_z") == (None, None)


def test_the_key_id_of_a_master_key_is_the_account_id(info: UrlPoolAccountInfo) -> None:
    info.set_auth_data(**{**GIVEN, "application_key_id": None, "allowed": None})
    assert info.get_application_key_id() == "account"
    assert info.get_allowed() == info.DEFAULT_ALLOWED


def test_both_part_sizes_are_kept(info: UrlPoolAccountInfo) -> None:
    info.set_auth_data(**GIVEN, absolute_minimum_part_size=1_000_000)
    assert (info.get_minimum_part_size(), info.get_absolute_minimum_part_size()) == (100_000_000, 1_000_000)


def test_names_of_buckets(info: UrlPoolAccountInfo) -> None:
    find = info.get_bucket_id_or_none_from_bucket_name
    info.save_bucket(Named("1", "one"))
    info.save_bucket(Named("2", None))
    info.save_bucket(Named("1", "renamed"))
    assert (find("one"), find("renamed"), find("nobody")) == (None, "1", None)
    info.refresh_entire_bucket_name_cache(iter([("a", "10"), ("b", "11")]))
    info.remove_bucket_name("a")
    info.remove_bucket_name("a")
    assert (find("renamed"), find("a"), find("b")) == (None, None, "11")


def test_names_of_buckets_are_found_in_any_case(info: UrlPoolAccountInfo) -> None:
    find = info.get_bucket_id_or_none_from_bucket_name
    info.refresh_entire_bucket_name_cache([("My-Photos", "1"), ("OTHER", "2")])
    assert [find(name) for name in ("My-Photos", "MY-PHOTOS", "my-photos", "other")] == ["1", "1", "1", "2"]
    info.save_bucket(Named("3", "MY-photos"))
    assert find("my-photos") == "3"
    info.remove_bucket_name("Other")
    assert find("OTHER") is None


def test_a_new_token_of_another_key_is_not_stored(info: UrlPoolAccountInfo) -> None:
    """Whoever renews a token must not undo what somebody else stored for another key."""
    renewed = evolve(DATA, auth_token="token-2")
    assert not info.renew_auth_data(renewed)
    info.set_auth_data(**GIVEN)
    assert info.renew_auth_data(renewed)
    assert info.get_account_auth_token() == "token-2"
    info.set_auth_data(**{**GIVEN, "application_key_id": "other", "auth_token": "theirs"})
    assert not info.renew_auth_data(renewed)
    assert info.get_account_auth_token() == "theirs"


def test_an_upload_url_that_is_taken_is_gone(info: UrlPoolAccountInfo) -> None:
    info.put_bucket_upload_url("b", "url-1", "t1")
    info.put_bucket_upload_url("b", "url-2", "t2")
    info.put_large_file_upload_url("b", "url-3", "t3")
    assert info.take_bucket_upload_url("b") == ("url-2", "t2")
    assert info.take_bucket_upload_url("b") == ("url-1", "t1")
    assert info.take_bucket_upload_url("b") == (None, None)
    assert info.take_large_file_upload_url("b") == ("url-3", "t3")
    info.put_bucket_upload_url("b", "url-1", "t1")
    info.clear_bucket_upload_data("b")
    info.clear_large_file_upload_urls("nobody")
    assert info.take_bucket_upload_url("b") == (None, None)


def test_no_secret_is_in_a_repr(info: UrlPoolAccountInfo) -> None:
    info.set_auth_data(**GIVEN)
    info.put_bucket_upload_url("b", "url-1", "t1")
    shown = repr(info) + repr(info.get_auth_data())
    assert not [secret for secret in ("token-1", "the-key", "url-1") if secret in shown]


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({}, True),
        ({"bucketName": None}, True),
        ({"bucketId": None}, False),
        ({"bucketId": None, "bucketName": None}, True),
    ],
)
def test_allowed_needs_an_id_where_it_has_a_name(changes: dict[str, None], valid: bool) -> None:
    allowed = {**RESTRICTED, **changes}
    assert AbstractAccountInfo.allowed_is_valid(allowed) is valid
    if not valid:
        with pytest.raises(ValueError, match="allowed"):
            InMemoryAccountInfo().set_auth_data(**{**GIVEN, "allowed": allowed})


def test_allowed_needs_all_its_fields() -> None:
    assert not AbstractAccountInfo.allowed_is_valid({"bucketId": None, "bucketName": None, "capabilities": []})


def test_all_capabilities_can_be_asked_for() -> None:
    everything = AbstractAccountInfo.all_capabilities()
    assert type(ALL_CAPABILITIES) is list
    assert everything == ALL_CAPABILITIES
    assert set(AbstractAccountInfo.DEFAULT_ALLOWED["capabilities"]) < set(everything)


class Pool(UploadUrlPool):
    pass


class Mine(UrlPoolAccountInfo):
    """An account info as the documentation tells people to write one: nothing but what is abstract."""

    BUCKET_UPLOAD_POOL_CLASS = Pool

    def __init__(self) -> None:
        super().__init__()
        self.row: tuple[Any, ...] = ()

    def clear(self) -> None:
        super().clear()
        self.row = ()

    def _set_auth_data(self, *row: Any) -> None:
        self.row = row

    def refresh_entire_bucket_name_cache(self, name_id_iterable: Any) -> None: ...
    def remove_bucket_name(self, bucket_name: str) -> None: ...
    def save_bucket(self, bucket: Any) -> None: ...
    def get_bucket_id_or_none_from_bucket_name(self, bucket_name: str) -> None: ...
    def get_account_id(self) -> Any:
        return self.row[0]

    def get_account_auth_token(self) -> Any:
        return self.row[1]

    def get_api_url(self) -> Any:
        return self.row[2]

    def get_download_url(self) -> Any:
        return self.row[3]

    def get_minimum_part_size(self) -> Any:
        return self.row[4]

    def get_application_key(self) -> Any:
        return self.row[5]

    def get_realm(self) -> Any:
        return self.row[6]

    def get_allowed(self) -> Any:
        return self.row[7]

    def get_application_key_id(self) -> Any:
        return self.row[8]


def test_an_account_info_of_ones_own_needs_only_what_is_documented() -> None:
    mine = Mine()
    mine.set_auth_data(**GIVEN)
    assert mine.get_auth_data() == DATA
    assert mine.renew_auth_data(evolve(DATA, auth_token="token-2"))
    assert mine.get_account_auth_token() == "token-2"
    assert isinstance(mine._bucket_uploads, Pool)


# --- the file


def test_the_file_is_nobody_elses_business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no moment is there a file that others may read, whatever the umask."""
    seen: list[int] = []
    connect = account_info_file.connect

    def spying(path: str, timeout: float) -> sqlite3.Connection:
        seen.append(stat.S_IMODE(os.stat(path).st_mode))
        return connect(path, timeout)

    def commits(connection: sqlite3.Connection, last_upgrade: int) -> None:
        prepare(connection, last_upgrade)
        names.extend(each.name for each in (tmp_path / "new").iterdir())
        seen.extend(stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "new").iterdir())

    names: list[str] = []
    prepare = sqlite_schema.prepare
    monkeypatch.setattr(sqlite_account_info, "prepare", commits)
    for module in (account_info_file, sqlite_account_info):
        monkeypatch.setattr(module, "connect", spying)
    old = os.umask(0)
    try:
        SqliteAccountInfo(str(tmp_path / "new" / "info")).set_auth_data(**GIVEN)
    finally:
        os.umask(old)
    assert set(seen) == {0o600}
    assert [name for name in names if name.endswith("-journal")]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["info"]
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660, 0o644, 0o606])
def test_the_mode_of_a_file_that_is_there_is_its_owners(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    """Whatever is done with it, as in b2sdk; but one that everybody may read or write is warned of."""
    path = tmp_path / "info"
    SqliteAccountInfo(str(path)).set_auth_data(**GIVEN)
    path.chmod(mode)
    info = SqliteAccountInfo(str(path))
    assert info.get_application_key() == GIVEN["application_key"]
    info.set_auth_data(**GIVEN)
    info.clear()
    assert stat.S_IMODE(path.stat().st_mode) == mode
    warned = [record.getMessage() for record in caplog.records]
    assert [str(path) in text for text in warned] == [True] * bool(mode & 0o006)
    assert not [text for text in warned if GIVEN["application_key"] in text]


def test_behind_a_link_that_leads_nowhere_yet(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "there")
    old = os.umask(0)
    try:
        SqliteAccountInfo(str(tmp_path / "link")).set_auth_data(**GIVEN)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "there").stat().st_mode) == 0o600
    assert (tmp_path / "link").is_symlink()


def test_where_the_file_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = SqliteAccountInfo.get_user_account_info_path
    assert where() == str(home / ".config/b2/account_info")
    assert where(profile="work") == str(home / ".config/b2/db-work.sqlite")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    assert where() == str(home / "xdg/b2/account_info")
    (home / ".b2_account_info").touch()
    assert where() == str(home / ".b2_account_info")
    assert where(profile="work") == str(home / "xdg/b2/db-work.sqlite")
    monkeypatch.setenv("B2_ACCOUNT_INFO", "~/mine")
    assert where() == where("") == str(home / "mine")
    assert where("~/given") == str(home / "given")
    assert SqliteAccountInfo().filename == str(home / "mine")
    for mistake in ({"profile": "work"}, {"file_name": "x", "profile": "work"}):
        with pytest.raises(ValueError, match="not both"):
            where(**mistake)
    monkeypatch.delenv("B2_ACCOUNT_INFO")
    for profile in ("../evil", ""):
        with pytest.raises(ValueError, match="a profile is"):
            where(profile=profile)


@pytest.mark.parametrize("env", [{}, {"XDG_CONFIG_HOME": "xdg"}, {"B2_ACCOUNT_INFO": "mine"}])
@pytest.mark.parametrize("profile", [None, "work"])
@pytest.mark.parametrize("old_file", [False, True])
def test_a_peer_looks_in_the_same_place(
    home: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], profile: str | None, old_file: bool
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, str(home / value))
    if old_file:
        (home / ".b2_account_info").touch()
    if profile and "B2_ACCOUNT_INFO" in env:
        pytest.skip("both refuse")
    theirs = _peer().get_user_account_info_path(profile=profile)
    assert SqliteAccountInfo.get_user_account_info_path(profile=profile) == theirs


@pytest.mark.parametrize("content", [b"hello", b"SQLite format 3\0" + b"x" * 500, b"{}", b'{"account_id": "a"}'])
def test_a_corrupt_file_is_named_and_left(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "info"
    path.write_bytes(content)
    with pytest.raises(CorruptAccountInfo) as raised:
        SqliteAccountInfo(str(path))
    assert raised.value.file_name == str(path)
    assert str(path) in str(raised.value)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_becomes_corrupt_is_named(tmp_path: Path) -> None:
    path = tmp_path / "info"
    info = SqliteAccountInfo(str(path))
    info.set_auth_data(**GIVEN)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CorruptAccountInfo):
        info.get_account_id()


def test_an_allowed_that_makes_no_sense_is_corrupt(tmp_path: Path) -> None:
    info = SqliteAccountInfo(str(tmp_path / "info"))
    info.set_auth_data(**GIVEN)
    _execute(tmp_path / "info", "UPDATE account SET allowed = '{'")
    with pytest.raises(CorruptAccountInfo):
        info.get_allowed()


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "info").touch()
    SqliteAccountInfo(str(tmp_path / "info")).set_auth_data(**GIVEN)
    assert SqliteAccountInfo(str(tmp_path / "info")).get_auth_data() == DATA


def test_the_json_file_of_the_first_versions_is_converted(tmp_path: Path) -> None:
    path = tmp_path / "info"
    old = {
        "account_auth_token": "t",
        "account_id": "a",
        "api_url": "u",
        "application_key": "k",
        "download_url": "d",
        "minimum_part_size": 100,
        "realm": "production",
    }
    path.write_text(json.dumps(old))
    for _ in range(2):
        info = SqliteAccountInfo(str(path))
        assert (info.get_account_auth_token(), info.get_application_key_id()) == ("t", "a")
        assert info.get_minimum_part_size() == 100
        assert info.get_allowed() == info.DEFAULT_ALLOWED
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_names_stay_when_the_same_account_is_authorized_again(tmp_path: Path) -> None:
    info = SqliteAccountInfo(str(tmp_path / "info"))
    info.set_auth_data(**GIVEN)
    info.save_bucket(Named("1", "one"))
    info.set_auth_data(**{**GIVEN, "auth_token": "token-2"})
    assert info.get_bucket_id_or_none_from_bucket_name("one") == "1"
    info.set_auth_data(**{**GIVEN, "account_id": "another"})
    assert info.get_bucket_id_or_none_from_bucket_name("one") is None


# --- upgrades, and b2sdk


ONE_ONE_FOUR: Final = """
CREATE TABLE update_done (update_number INT NOT NULL);
CREATE TABLE account (
    account_id TEXT NOT NULL, application_key TEXT NOT NULL, account_auth_token TEXT NOT NULL, api_url TEXT NOT NULL,
    download_url TEXT NOT NULL, minimum_part_size INT NOT NULL, realm TEXT NOT NULL,
    allowed TEXT, account_id_or_app_key_id TEXT);
CREATE TABLE bucket (bucket_name TEXT NOT NULL, bucket_id TEXT NOT NULL);
CREATE TABLE bucket_upload_url (
    bucket_id TEXT NOT NULL, upload_url TEXT NOT NULL, upload_auth_token TEXT NOT NULL);
INSERT INTO update_done VALUES (1), (2);
INSERT INTO account VALUES ('account', 'the-key', 'token-1', 'https://api.example', 'https://download.example',
    100000000, 'production',
    '{"bucketId": "bid", "bucketName": "bname", "capabilities": ["listFiles"], "namePrefix": "pre/"}', 'kid');
INSERT INTO bucket VALUES ('bname', 'bid');
"""
"""A file as b2sdk 1.1.4 leaves it."""


def _execute(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def _peer() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import b2sdk.v2 as peer
    return peer.SqliteAccountInfo


def _peer_v1() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import b2sdk.v1 as peer
    return peer.SqliteAccountInfo


def test_a_file_of_b2sdk_1_is_read_and_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "info"
    _execute(path, ONE_ONE_FOUR)
    info = SqliteAccountInfo(str(path))
    assert info.get_auth_data() == DATA
    assert info.get_bucket_id_or_none_from_bucket_name("bname") == "bid"
    assert _peer()(str(path)).get_allowed() == RESTRICTED


@pytest.mark.parametrize("stop", range(7))
def test_every_upgrade_can_be_the_last_for_a_while(tmp_path: Path, stop: int) -> None:
    path = str(tmp_path / "info")
    old = SqliteAccountInfo(path, last_upgrade_to_run=stop)
    old.set_auth_data(**GIVEN)
    assert old.get_allowed() == (RESTRICTED if stop >= 1 else old.DEFAULT_ALLOWED)
    assert old.get_application_key_id() == ("kid" if stop >= 2 else "account")
    again = SqliteAccountInfo(path)
    assert again.get_auth_data() == old.get_auth_data()
    numbers = sqlite3.connect(path).execute("SELECT update_number FROM update_done ORDER BY 1").fetchall()
    assert numbers == [(number,) for number in range(1, 7)]


@pytest.mark.parametrize(("theirs", "stop"), [(True, 0), *((False, stop) for stop in range(7))])
def test_what_the_first_versions_kept_can_be_stored_for_tests(tmp_path: Path, stop: int, theirs: bool) -> None:
    """It has no restrictions, and its key is the master key."""
    kind = _peer() if theirs else SqliteAccountInfo
    old = kind(str(tmp_path / "info"), last_upgrade_to_run=stop)
    first = ("account", "token", "https://api", "https://download", 100_000_000, "key", "production")
    old.set_auth_data_with_schema_0_for_test(*first)
    old.set_auth_data_with_schema_0_for_test(*first)
    info = SqliteAccountInfo(str(tmp_path / "info"))
    kept = info.get_auth_data()
    assert (kept.account_id, kept.auth_token, kept.api_url, kept.download_url) == first[:4]
    assert (kept.minimum_part_size, kept.application_key, kept.realm) == first[4:]
    assert (kept.application_key_id, kept.allowed) == ("account", SqliteAccountInfo.DEFAULT_ALLOWED)


def test_a_stub_shows_no_upload_url() -> None:
    info = StubAccountInfo()
    info.put_bucket_upload_url("bucket", "url", "token")
    assert info.get_bucket_upload_data("bucket") == (None, None)
    assert info.take_bucket_upload_url("bucket") == ("url", "token")


@pytest.mark.parametrize("stop", range(7))
def test_a_peer_makes_the_same_tables(tmp_path: Path, stop: int) -> None:
    """Every upgrade leaves the columns, in their order, that b2sdk's leaves; so each goes on where the other was."""
    SqliteAccountInfo(str(tmp_path / "ours"), last_upgrade_to_run=stop)
    _peer()(str(tmp_path / "theirs"), last_upgrade_to_run=stop)
    assert _tables(tmp_path / "ours") == _tables(tmp_path / "theirs")


def _tables(path: Path) -> dict[str, list[Any]]:
    connection = sqlite3.connect(path)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found: dict[str, list[Any]] = {
        name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in sorted(names)
    }
    found["done"] = connection.execute("SELECT update_number FROM update_done ORDER BY 1").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize(
    "allowed",
    [
        RESTRICTED,
        {**RESTRICTED, "bucketName": None},
        {"bucketId": None, "bucketName": None, "capabilities": ["listFiles"], "namePrefix": None},
    ],
)
def test_what_b2sdk_2_wrote_is_read(tmp_path: Path, allowed: dict[str, Any]) -> None:
    path = str(tmp_path / "info")
    theirs = _peer_v1()(path)
    theirs.set_auth_data(**{**GIVEN, "allowed": allowed})
    theirs.save_bucket(Named("bid", "bname"))
    ours = SqliteAccountInfo(path)
    assert ours.get_auth_data() == evolve(DATA, allowed=allowed)
    assert ours.get_bucket_id_or_none_from_bucket_name("bname") == "bid"


@pytest.mark.parametrize("allowed", [RESTRICTED, {**RESTRICTED, "bucketName": None}, None])
def test_what_is_written_b2sdk_2_reads(tmp_path: Path, allowed: dict[str, Any] | None) -> None:
    path = str(tmp_path / "info")
    ours = SqliteAccountInfo(path)
    ours.set_auth_data(**{**GIVEN, "allowed": allowed}, absolute_minimum_part_size=5_000_000)
    ours.save_bucket(Named("bid", "bname"))
    theirs = _peer_v1()(path)
    for name in GETTERS:
        assert getattr(theirs, name)() == getattr(ours, name)()
    assert theirs.get_bucket_id_or_none_from_bucket_name("bname") == "bid"


def test_both_use_one_file_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "info")
    ours, theirs = SqliteAccountInfo(path), _peer_v1()(path)
    theirs.set_auth_data(**GIVEN)
    assert ours.renew_auth_data(evolve(DATA, auth_token="token-2"))
    assert theirs.get_account_auth_token() == "token-2"
    theirs.save_bucket(Named("1", "one"))
    ours.save_bucket(Named("2", "two"))
    assert ours.get_bucket_id_or_none_from_bucket_name("one") == "1"
    assert theirs.get_bucket_id_or_none_from_bucket_name("two") == "2"
    theirs.clear()
    with pytest.raises(MissingAccountData):
        ours.get_account_id()
    theirs.close()


def test_what_another_program_keeps_beside_it_stays(tmp_path: Path) -> None:
    """A new token does not take away the S3 address that b2sdk 2 stored."""
    path = str(tmp_path / "info")
    theirs = _peer_v1()(path)
    theirs.set_auth_data(**GIVEN, s3_api_url="https://s3.example")
    assert SqliteAccountInfo(path).renew_auth_data(evolve(DATA, auth_token="token-2"))
    assert (theirs.get_account_auth_token(), theirs.get_s3_api_url()) == ("token-2", "https://s3.example")
    theirs.close()


def test_who_logged_out_stays_logged_out(tmp_path: Path) -> None:
    info = SqliteAccountInfo(str(tmp_path / "info"))
    info.set_auth_data(**GIVEN)
    SqliteAccountInfo(info.filename).clear()
    assert not info.renew_auth_data(evolve(DATA, auth_token="token-2"))
    with pytest.raises(MissingAccountData):
        info.get_account_auth_token()


def test_a_key_of_several_buckets_is_kept(tmp_path: Path) -> None:
    several = {
        "bucketId": None,
        "bucketName": None,
        "capabilities": ["listFiles"],
        "namePrefix": None,
        "buckets": [{"id": "1", "name": "one"}, {"id": "2", "name": None}],
    }
    info = SqliteAccountInfo(str(tmp_path / "info"))
    info.set_auth_data(**{**GIVEN, "allowed": several})
    assert info.get_allowed() == several


# --- caches


def _caches(info: AbstractAccountInfo) -> list[AbstractCache]:
    return [InMemoryCache(), AuthInfoCache(info)]


def test_caches_remember_names(info: UrlPoolAccountInfo) -> None:
    for cache in _caches(info):
        find = cache.get_bucket_id_or_none_from_bucket_name
        cache.save_bucket(Named("1", "one"))
        cache.save_bucket(Named("2", None))
        assert (find("one"), find("ONE"), find("two")) == ("1", "1", None)
        cache.save_bucket(Named("1", "renamed"))
        assert (find("one"), find("renamed")) == (None, "1")
        cache.set_bucket_name_cache([Named("3", "three"), Named("4", None)])
        assert (find("renamed"), find("three")) == (None, "3")
        cache.clear()
        assert find("three") is None


def test_the_dummy_cache_remembers_nothing() -> None:
    cache = DummyCache()
    cache.save_bucket(Named("1", "one"))
    cache.set_bucket_name_cache([Named("1", "one")])
    assert cache.get_bucket_id_or_none_from_bucket_name("one") is None
    assert cache.get_bucket_name_or_none_from_allowed() is None


def test_the_name_of_the_restricted_bucket(info: UrlPoolAccountInfo) -> None:
    assert InMemoryCache().get_bucket_name_or_none_from_allowed() is None
    assert AuthInfoCache(info).get_bucket_name_or_none_from_allowed() is None
    info.set_auth_data(**GIVEN)
    assert AuthInfoCache(info).get_bucket_name_or_none_from_allowed() == "bname"
