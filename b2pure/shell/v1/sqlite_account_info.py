"""The account info in a file, for many threads and many processes.

Rules. Every operation has a connection of its own, so that threads, forks and closed files cannot disturb each other;
whatever changes something is one transaction that takes the file for itself at once and waits for its turn. What only
reads writes nothing, so that it works with a file that may only be read. A new file is made under another name with
mode 0600 and then linked into its place, complete: at no moment is a file there that others could read. A file that is
no account info is named, and left as it is.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from math import inf
from pathlib import Path
from threading import RLock
from typing import Any, Final

from b2pure.shell.forks import renewed_after_fork
from b2pure.shell.v1.abstract_account_info import AuthData, NamedBucket
from b2pure.shell.v1.account_info import StoredAccountInfo
from b2pure.shell.v1.account_info_file import (
    DEFAULT_TIMEOUT_SECONDS,
    account_info_path,
    check_regular,
    check_writable,
    connect,
    in_words,
    make_file,
    may_not_write,
    rows,
    warn_if_open_to_all,
)
from b2pure.shell.v1.exceptions import CorruptAccountInfo, MissingAccountData
from b2pure.shell.v1.sqlite_schema import LAST_UPGRADE, auth_data_of, columns, has_tables, is_prepared, prepare, row_of

__all__ = ["SqliteAccountInfo"]

_NEW_NAME: Final = "INSERT INTO bucket (bucket_name, bucket_id) VALUES (?, ?)"
_OF_NAME: Final = "bucket_name = ? COLLATE NOCASE"
_OLD_KEYS: Final = frozenset(
    {"account_auth_token", "account_id", "api_url", "application_key", "download_url", "minimum_part_size", "realm"}
)
"""What the JSON file had in which the first versions kept an account."""


class SqliteAccountInfo(StoredAccountInfo):
    """Store account information in an `sqlite3` database which is used to manage concurrent access to the data.

    The `update_done` table tracks the schema updates that have been completed. Not suitable for usage over NFS.
    """

    def __init__(
        self,
        file_name: str | None = None,
        last_upgrade_to_run: int | None = None,
        *,
        profile: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        """The file is, in this order: `file_name`; that of the `profile`; the one that the environment variable
        `B2_ACCOUNT_INFO` names; `~/.b2_account_info`, if it is there; `b2/account_info` in `$XDG_CONFIG_HOME`, which is
        `~/.config` by default. `last_upgrade_to_run` is for testing only: override the auto-update on the db. An
        operation waits `timeout` seconds for other programs that use the file. Raises ValueError for a profile that no
        file can have, or a timeout below 0; AccountInfoFileError for a file that cannot be used, or is in use for so
        long; CorruptAccountInfo for one that is something else.
        """
        if not 0 <= timeout < inf:
            raise ValueError("timeout must be a number of seconds, 0 or more")
        super().__init__()
        self.filename = self.get_user_account_info_path(file_name, profile)
        self._last_upgrade = LAST_UPGRADE if last_upgrade_to_run is None else last_upgrade_to_run
        self._timeout = float(timeout)
        self._turn = RLock()
        renewed_after_fork(self)
        self._open_or_make()

    def _renew_in_child(self) -> None:
        """In a child that was forked, where nobody else uses the file through this object."""
        self._turn = RLock()

    def __repr__(self) -> str:
        return f"SqliteAccountInfo({self.filename!r})"

    @classmethod
    def get_user_account_info_path(cls, file_name: str | None = None, profile: str | None = None) -> str:
        """Where the account info is, or will be. Raises ValueError for a profile that no file can have."""
        return account_info_path(file_name, profile)

    def close(self) -> None:
        """Nothing is open between operations; for code that closes what it opened."""

    # -- the file

    def _open_or_make(self) -> None:
        check_regular(self.filename)
        warn_if_open_to_all(self.filename)
        try:
            self._upgrade()
        except CorruptAccountInfo:
            old = _old_json(self.filename)
            if old is None:
                raise
            check_writable(self.filename)
            with in_words(self.filename, self._timeout):
                make_file(self.filename, lambda connection: self._fill(connection, old), replace=True)

    def _upgrade(self) -> None:
        """Bring the tables up to date. What may only be read can be read as it is, too."""
        with self._connected() as connection:
            if is_prepared(connection, self._last_upgrade):
                return
            try:
                with _transaction(connection):
                    prepare(connection, self._last_upgrade)
            except sqlite3.OperationalError as error:
                if not may_not_write(error):
                    raise

    def _fill(self, connection: sqlite3.Connection, data: AuthData | None = None) -> None:
        prepare(connection, self._last_upgrade)
        if data is not None:
            _insert(connection, data)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with in_words(self.filename, self._timeout), closing(self._open()) as connection:
            yield connection

    def _open(self) -> sqlite3.Connection:
        """A connection to a file that has the tables."""
        connection = connect(self.filename, self._timeout) if os.path.exists(self.filename) else self._made()
        try:
            if not has_tables(connection):
                with _transaction(connection):
                    self._fill(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _made(self) -> sqlite3.Connection:
        make_file(self.filename, self._fill, replace=False)
        return connect(self.filename, self._timeout)

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that nobody else's comes between."""
        with self._turn, self._connected() as connection, _transaction(connection):
            yield connection

    # -- the account

    def clear(self) -> None:
        """Remove all stored information."""
        with self._changing() as connection:
            for table in ("account", "bucket", "bucket_upload_url"):
                rows(connection, f"DELETE FROM {table}")
        super().clear()

    def get_auth_data(self) -> AuthData:
        with self._connected() as connection:
            data = self._read(connection)
        if data is None:
            raise MissingAccountData("account_id")
        return data

    def _read(self, connection: sqlite3.Connection) -> AuthData | None:
        found = rows(connection, "SELECT * FROM account LIMIT 1")
        if not found:
            return None
        try:
            return auth_data_of(dict(found[0]))
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptAccountInfo(self.filename) from error

    def _keep(self, data: AuthData) -> None:
        with self._changing() as connection:
            self._write(connection, data)

    def set_auth_data_with_schema_0_for_test(
        self,
        account_id: str,
        auth_token: str,
        api_url: str,
        download_url: str,
        minimum_part_size: int,
        application_key: str,
        realm: str,
    ) -> None:
        """Store what the first versions knew of: no restrictions, and the master key. For tests of upgrades, of a file
        that was opened with `last_upgrade_to_run=0`.
        """
        old = {
            "account_id": account_id,
            "account_auth_token": auth_token,
            "api_url": api_url,
            "download_url": download_url,
            "minimum_part_size": minimum_part_size,
            "application_key": application_key,
            "realm": realm,
        }
        with self._changing() as connection:
            rows(connection, "DELETE FROM account")
            _insert(connection, auth_data_of(old))

    def renew_auth_data(self, data: AuthData) -> bool:
        with self._changing() as connection:
            there = self._read(connection)
            if there is None or not there.of_same_key(data):
                return False
            self._write(connection, data)
            return True

    def _write(self, connection: sqlite3.Connection, data: AuthData) -> None:
        there = self._read(connection)
        if there is not None and (there.account_id, there.realm) == (data.account_id, data.realm):
            _update(connection, data)  # what other programs keep beside it stays
            return
        rows(connection, "DELETE FROM bucket")
        rows(connection, "DELETE FROM account")
        _insert(connection, data)

    # -- names and ids of buckets

    def refresh_entire_bucket_name_cache(self, name_id_iterable: Iterable[tuple[str, str]]) -> None:
        fresh = list(name_id_iterable)
        with self._changing() as connection:
            rows(connection, "DELETE FROM bucket")
            for name, id_ in fresh:
                rows(connection, _NEW_NAME, name, id_)

    def remove_bucket_name(self, bucket_name: str) -> None:
        with self._changing() as connection:
            rows(connection, f"DELETE FROM bucket WHERE {_OF_NAME}", bucket_name)

    def save_bucket(self, bucket: NamedBucket) -> None:
        if bucket.name is None:
            return
        with self._changing() as connection:
            rows(connection, f"DELETE FROM bucket WHERE bucket_id = ? OR {_OF_NAME}", bucket.id_, bucket.name)
            rows(connection, _NEW_NAME, bucket.name, bucket.id_)

    def get_bucket_id_or_none_from_bucket_name(self, bucket_name: str) -> str | None:
        with self._connected() as connection:
            found = rows(connection, f"SELECT bucket_id FROM bucket WHERE {_OF_NAME}", bucket_name)
        return str(found[0]["bucket_id"]) if found else None


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is done in it, or nothing."""
    rows(connection, "BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # sqlite itself ends one that the disk is too small for
            rows(connection, "ROLLBACK")
        raise
    rows(connection, "COMMIT")


def _insert(connection: sqlite3.Connection, data: AuthData) -> None:
    row = row_of(data, columns(connection))
    rows(
        connection,
        f"INSERT INTO account ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
        *row.values(),
    )


def _update(connection: sqlite3.Connection, data: AuthData) -> None:
    row = row_of(data, columns(connection))
    rows(connection, f"UPDATE account SET {', '.join(f'{name} = ?' for name in row)}", *row.values())


def _old_json(path: str) -> AuthData | None:
    """The account in a file of the first versions, if it is one."""
    try:
        said: Any = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or not said.keys() >= _OLD_KEYS:
        return None
    return auth_data_of(said)
