"""The file of an account info when the disk does not do what is asked of it: each trouble is named with the file and
with what helps, and nothing is harmed.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from b2pure.shell.v1 import account_info_file, sqlite_account_info
from b2pure.v1 import B2_ACCOUNT_INFO_DEFAULT_FILE, B2_ACCOUNT_INFO_ENV_VAR, B2Api, RawSimulator, SqliteAccountInfo
from b2pure.v1.exception import AccountInfoError, AccountInfoFileError, CorruptAccountInfo, MissingAccountData

_NOBODY: Final = 65534
GIVEN: Final[dict[str, Any]] = {
    "account_id": "account",
    "auth_token": "token-1",
    "api_url": "https://api.example",
    "download_url": "https://download.example",
    "minimum_part_size": 100_000_000,
    "application_key": "the-key",
    "realm": "production",
}


@contextmanager
def _without_rights() -> Iterator[None]:
    """As somebody who is bound to the rights of files."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def _full_disk() -> Iterator[None]:
    """No file can grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that everybody may enter, whoever runs the tests."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == Path.home().owner() and not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IXGRP)
    return tmp_path


def _named(trouble: Callable[[], object], path: object) -> AccountInfoFileError:
    with pytest.raises(AccountInfoFileError) as raised:
        trouble()
    assert isinstance(raised.value, AccountInfoError)
    assert isinstance(raised.value, sqlite3.OperationalError)
    assert raised.value.file_name == str(path)
    assert str(path) in str(raised.value)
    assert raised.value.fix in str(raised.value)
    return raised.value


# --- making and opening


def test_a_folder_that_may_not_be_written(place: Path) -> None:
    folder = place / "closed"
    folder.mkdir(mode=0o755)
    folder.chmod(0o555)
    with _without_rights():
        error = _named(lambda: SqliteAccountInfo(str(folder / "info")), folder / "info")
        below = _named(lambda: SqliteAccountInfo(str(folder / "more" / "info")), folder / "more" / "info")
    assert os.strerror(errno.EACCES) in error.problem
    assert B2_ACCOUNT_INFO_ENV_VAR in error.fix
    assert error.problem == below.problem
    assert list(folder.iterdir()) == []


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    error = _named(lambda: SqliteAccountInfo(str(tmp_path)), tmp_path)
    assert error.problem == "is a folder"
    assert str(tmp_path / "account_info") in error.fix
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_regular_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o644)
    assert _named(lambda: SqliteAccountInfo(str(path)), path).problem == "is no regular file"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("named_by", ["an argument", "the environment"])
def test_memory_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_by: str) -> None:
    """It would be one of that name, with the key in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(B2_ACCOUNT_INFO_ENV_VAR, ":memory:")
    given = ":memory:" if named_by == "an argument" else None
    assert "InMemoryAccountInfo()" in _named(lambda: SqliteAccountInfo(given), ":memory:").fix
    assert list(tmp_path.iterdir()) == []
    assert SqliteAccountInfo("./:memory:").filename == "./:memory:"


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "info"
    assert "no folder" in _named(lambda: SqliteAccountInfo(str(path)), path).problem


def test_a_file_of_somebody_else(place: Path) -> None:
    """Who may read it can use what it holds; who may not is told."""
    if os.geteuid() != 0:
        pytest.skip("takes somebody else")
    path = place / "info"
    SqliteAccountInfo(str(path)).set_auth_data(**GIVEN)
    path.chmod(0o444)
    with _without_rights():
        info = SqliteAccountInfo(str(path))
        assert info.get_application_key() == "the-key"
        error = _named(lambda: info.set_auth_data(**GIVEN), path)
        assert error.problem == "may only be read"
        assert "right to write" in error.fix
    path.chmod(0o400)
    with _without_rights():
        assert "opened" in _named(lambda: SqliteAccountInfo(str(path)), path).problem


def test_a_file_that_may_only_be_read_by_now(place: Path) -> None:
    folder = place / "mine"
    folder.mkdir()
    os.chown(folder, _NOBODY if os.geteuid() == 0 else -1, -1)
    path = folder / "info"
    with _without_rights():
        info = SqliteAccountInfo(str(path))
        info.set_auth_data(**GIVEN)
        path.chmod(0o400)
        assert info.get_application_key() == "the-key"
        assert _named(lambda: info.set_auth_data(**GIVEN), path).problem == "may only be read"
        path.chmod(0o600)
        info.set_auth_data(**{**GIVEN, "application_key": "other"})
        assert info.get_application_key() == "other"


@pytest.fixture
def mine(place: Path) -> Path:
    """A folder of somebody who is bound to the rights of files."""
    folder = place / "mine"
    folder.mkdir()
    os.chown(folder, _NOBODY if os.geteuid() == 0 else -1, -1)
    return folder


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o444])
@pytest.mark.parametrize("closed", ["the file", "its folder, too"])
def test_what_its_owner_made_read_only_stays_so(mine: Path, mode: int, closed: str) -> None:
    """And can be read; what would write is told, and nothing is lost."""
    path = mine / "info"
    with _without_rights():
        SqliteAccountInfo(str(path)).set_auth_data(**GIVEN)
        path.chmod(mode)
        if closed != "the file":
            mine.chmod(0o500)
        before = path.read_bytes()
        info = SqliteAccountInfo(str(path))
        assert info.get_account_id() == GIVEN["account_id"]
        assert info.get_bucket_id_or_none_from_bucket_name("one") is None
        uses: list[Callable[[], object]] = [
            info.clear,
            lambda: info.set_auth_data(**{**GIVEN, "application_key": "other"}),
            lambda: info.refresh_entire_bucket_name_cache([("one", "id")]),
            lambda: info.remove_bucket_name("one"),
        ]
        for use in uses:
            assert _named(use, path).problem == "may only be read"
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert path.read_bytes() == before
        mine.chmod(0o700)
        assert list(mine.iterdir()) == [path]


def test_a_read_only_file_that_a_program_works_with(mine: Path) -> None:
    raw = RawSimulator()
    account = raw.create_account()
    path = mine / "info"
    with _without_rights():
        B2Api(SqliteAccountInfo(str(path)), raw_api=raw).authorize_account("production", *account)
        path.chmod(0o400)
        mine.chmod(0o500)
        api = B2Api(SqliteAccountInfo(str(path)), raw_api=raw)
        bucket = api.create_bucket("a-bucket", "allPrivate")
        bucket.upload_bytes(b"one", "one")
        assert [each.name for each in api.list_buckets()] == ["a-bucket"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o400


def test_a_file_in_a_folder_that_may_only_be_read(mine: Path) -> None:
    path = mine / "info"
    with _without_rights():
        SqliteAccountInfo(str(path)).set_auth_data(**GIVEN)
        mine.chmod(0o500)
        info = SqliteAccountInfo(str(path))
        assert info.get_application_key() == "the-key"
        _named(info.clear, path)
        assert info.get_application_key() == "the-key"


def test_nobody_reads_what_may_not_be_read(mine: Path) -> None:
    path = mine / "info"
    with _without_rights():
        SqliteAccountInfo(str(path)).set_auth_data(**GIVEN)
        path.chmod(0)
        error = _named(lambda: SqliteAccountInfo(str(path)), path)
        assert error.problem == "cannot be opened: you may not read it"
        assert "right to" in error.fix
    assert stat.S_IMODE(path.stat().st_mode) == 0


@pytest.mark.parametrize("upgrade", range(6))
@pytest.mark.parametrize("closed", ["the file", "its folder", "both"])
def test_a_read_only_file_of_an_older_program(mine: Path, upgrade: int, closed: str) -> None:
    """It is read as it is; and brought up to date when it may be."""
    path = mine / "info"
    with _without_rights():
        SqliteAccountInfo(str(path), last_upgrade_to_run=upgrade).set_auth_data(**GIVEN)
        path.chmod(0o600 if closed == "its folder" else 0o400)
        mine.chmod(0o700 if closed == "the file" else 0o500)
        before = path.read_bytes()
        info = SqliteAccountInfo(str(path))
        assert info.get_application_key() == "the-key"
        _named(info.clear, path)
        assert path.read_bytes() == before
        path.chmod(0o600)
        mine.chmod(0o700)
        assert SqliteAccountInfo(str(path)).get_application_key() == "the-key"
        assert path.read_bytes() != before


def test_a_read_only_file_of_the_first_versions_is_not_replaced(mine: Path) -> None:
    path = mine / "info"
    old = {
        "account_auth_token": "token-1",
        "account_id": "account",
        "api_url": "https://api.example",
        "application_key": "the-key",
        "download_url": "https://download.example",
        "minimum_part_size": 100_000_000,
        "realm": "production",
    }
    with _without_rights():
        path.write_text(json.dumps(old))
        path.chmod(0o400)
        assert _named(lambda: SqliteAccountInfo(str(path)), path).problem == "may only be read"
        assert json.loads(path.read_bytes()) == old
        path.chmod(0o600)
        assert SqliteAccountInfo(str(path)).get_application_key() == "the-key"


def test_opening_and_reading_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "info"
    SqliteAccountInfo(str(path)).set_auth_data(**GIVEN)
    statements: list[str] = []
    connect = account_info_file.connect

    def traced(path: str, timeout: float) -> sqlite3.Connection:
        connection = connect(path, timeout)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite_account_info, "connect", traced)
    assert SqliteAccountInfo(str(path)).get_account_id() == GIVEN["account_id"]
    assert statements
    assert {statement.split()[0] for statement in statements} == {"SELECT"}


# --- no home


@pytest.mark.parametrize("given", [None, "~/info", "~nobody-of-this-name/info"])
def test_without_a_home_no_folder_called_tilde_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", B2_ACCOUNT_INFO_ENV_VAR):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 1_999_999_999)  # of nobody that the system knows
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AccountInfoFileError, match=r"no home folder ~.*Set HOME"):
        SqliteAccountInfo(given)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv(B2_ACCOUNT_INFO_ENV_VAR, str(tmp_path / "named"))
    assert SqliteAccountInfo().filename == str(tmp_path / "named")


def test_the_default_is_where_b2sdk_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", B2_ACCOUNT_INFO_ENV_VAR):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = Path(B2_ACCOUNT_INFO_DEFAULT_FILE).expanduser()
    path.touch()
    assert SqliteAccountInfo().filename == str(path)


# --- a disk without room


def test_a_full_disk_when_the_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "info"
    with _full_disk():
        error = _named(lambda: SqliteAccountInfo(str(path)), path)
    assert "disk" in error.problem
    assert "Make room" in error.fix
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_later_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "info"
    info = SqliteAccountInfo(str(path))
    info.set_auth_data(**GIVEN)
    connect = account_info_file.connect

    def full(path: str, timeout: float) -> sqlite3.Connection:
        connection = connect(path, timeout)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    many = [(f"bucket-{number:04}", f"id-{number}") for number in range(2000)]
    with monkeypatch.context() as patched:
        patched.setattr(sqlite_account_info, "connect", full)
        error = _named(lambda: info.refresh_entire_bucket_name_cache(many), path)
        assert "its disk is full" in error.problem
        assert "Make room" in error.fix
        assert info.get_application_key() == "the-key"
    info.refresh_entire_bucket_name_cache(many)
    assert info.get_bucket_id_or_none_from_bucket_name("bucket-1999") == "id-1999"


def test_a_file_that_is_in_use_for_too_long(tmp_path: Path) -> None:
    path = tmp_path / "info"
    info = SqliteAccountInfo(str(path), timeout=0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        error = _named(lambda: info.set_auth_data(**GIVEN), path)
        began = time.monotonic()
        _named(lambda: SqliteAccountInfo(str(path), timeout=0), path)
        assert time.monotonic() - began < 5
    assert error.problem == "has been in use by another program for 0.1 seconds"
    assert "a longer timeout" in error.fix
    info.set_auth_data(**GIVEN)


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf")])
def test_a_timeout_that_makes_no_sense_is_refused(tmp_path: Path, timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout must be a number of seconds, 0 or more"):
        SqliteAccountInfo(str(tmp_path / "info"), timeout=timeout)
    assert not list(tmp_path.iterdir())


def test_no_cursor_is_left_to_the_garbage_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs in any thread: connections and cursors are closed where they were used, whatever went wrong there."""
    cursors: list[sqlite3.Cursor] = []
    connections: list[sqlite3.Connection] = []

    class Watched(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            cursors.append(super().execute(*arguments))
            return cursors[-1]

    def watched(*arguments: Any, **named: Any) -> sqlite3.Connection:
        connections.append(connect(*arguments, factory=Watched, **named))
        return connections[-1]

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", watched)
    info = SqliteAccountInfo(str(tmp_path / "info"))
    with pytest.raises(MissingAccountData):
        info.get_auth_data()
    info.set_auth_data(**GIVEN)
    info.refresh_entire_bucket_name_cache([("name", "id")])
    with pytest.raises(CorruptAccountInfo):
        info.refresh_entire_bucket_name_cache([(None, "id")])  # type: ignore[list-item]
    assert info.get_bucket_id_or_none_from_bucket_name("name") == "id"
    info.remove_bucket_name("name")
    info.clear()
    assert len(connections) > 5
    assert len(cursors) > 20
    for cursor in cursors:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            cursor.fetchone()
    for connection in connections:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


# --- a file that goes while it is used


@pytest.mark.parametrize("gone", ["the file", "its folder", "its content"])
def test_what_is_removed_while_it_is_used_is_made_anew(tmp_path: Path, gone: str) -> None:
    """With mode 0600, whatever the umask, unless there is a file; and without the key, which somebody did not want
    there any more.
    """
    mode = 0o640 if gone == "its content" else 0o600
    path = tmp_path / "folder" / "info"
    info = SqliteAccountInfo(str(path))
    info.set_auth_data(**GIVEN)
    _remove(path, gone)
    old = os.umask(0)
    try:
        with pytest.raises(MissingAccountData):
            info.get_account_auth_token()
        assert info.get_bucket_id_or_none_from_bucket_name("one") is None
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert b"the-key" not in path.read_bytes()
        _remove(path, gone)
        info.set_auth_data(**GIVEN)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert SqliteAccountInfo(str(path)).get_application_key() == "the-key"


def _remove(path: Path, gone: str) -> None:
    match gone:
        case "the file":
            path.unlink()
        case "its folder":
            shutil.rmtree(path.parent)
        case _:
            path.write_bytes(b"")
            path.chmod(0o640)


def test_work_goes_on_after_the_file_was_removed(tmp_path: Path) -> None:
    raw = RawSimulator()
    account = raw.create_account()
    api = B2Api(SqliteAccountInfo(str(tmp_path / "info")), raw_api=raw)
    api.authorize_account("production", *account)
    bucket = api.create_bucket("a-bucket", "allPrivate")
    (tmp_path / "info").unlink()
    with pytest.raises(MissingAccountData):
        bucket.upload_bytes(b"one", "one")
    api.authorize_account("production", *account)
    bucket.upload_bytes(b"one", "one")
    assert SqliteAccountInfo(str(tmp_path / "info")).get_account_id() == account[0]


def test_another_file_in_its_place_is_named_and_left(tmp_path: Path) -> None:
    path = tmp_path / "info"
    info = SqliteAccountInfo(str(path))
    info.set_auth_data(**GIVEN)
    path.write_bytes(b"something else")
    for use in (info.get_account_id, info.clear, lambda: info.set_auth_data(**GIVEN)):
        with pytest.raises(CorruptAccountInfo) as raised:
            use()
        assert raised.value.file_name == str(path)
    assert path.read_bytes() == b"something else"


@pytest.mark.parametrize("name", ["with space", "a?b#c", "100%25", "naïve-ключ", "semi;colon"])
def test_any_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    SqliteAccountInfo(name).set_auth_data(**GIVEN)
    assert SqliteAccountInfo(str(tmp_path / name)).get_application_key() == "the-key"
    assert [path.name for path in tmp_path.iterdir()] == [name]
