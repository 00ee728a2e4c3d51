"""The tables of an account info file, as every b2sdk since 0.1 has them, and their numbered upgrades.

Rules. An upgrade is applied once, in one transaction with its row in `update_done`; a file may stand at any of them,
and what is written or read looks at the columns that are there. The last upgrades agree with those of b2sdk 2, so that
both can use one file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from b2pure.model.limits import ABSOLUTE_MINIMUM_PART_SIZE
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo, AuthData
from b2pure.shell.v1.account_info_file import rows

__all__ = ["LAST_UPGRADE", "auth_data_of", "columns", "has_tables", "is_prepared", "prepare", "row_of"]

Row = Mapping[str, Any]

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS update_done (update_number INT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS account (
        account_id TEXT NOT NULL,
        application_key TEXT NOT NULL,
        account_auth_token TEXT NOT NULL,
        api_url TEXT NOT NULL,
        download_url TEXT NOT NULL,
        minimum_part_size INT NOT NULL,
        realm TEXT NOT NULL
    )""",
    "CREATE TABLE IF NOT EXISTS bucket (bucket_name TEXT NOT NULL, bucket_id TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS bucket_upload_url (
        bucket_id TEXT NOT NULL,
        upload_url TEXT NOT NULL,
        upload_auth_token TEXT NOT NULL
    )""",
)
"""Before any upgrade. Upload URLs were never kept in a file; their table is there because b2sdk's files have it."""

_TABLE_NAMES: Final = frozenset({"update_done", "account", "bucket", "bucket_upload_url"})


def prepare(connection: sqlite3.Connection, last_upgrade: int) -> None:
    """Make the tables that are missing, and bring them up to `last_upgrade`. Call it in a transaction."""
    for statement in _TABLES:
        rows(connection, statement)
    done = {number for (number,) in rows(connection, "SELECT update_number FROM update_done")}
    for number, upgrade in enumerate(_UPGRADES, start=1):
        if number in done or number > last_upgrade:
            continue
        upgrade(connection)
        rows(connection, "INSERT INTO update_done (update_number) VALUES (?)", number)


def is_prepared(connection: sqlite3.Connection, last_upgrade: int) -> bool:
    """Whether `prepare` would change nothing."""
    there = {name for (name,) in rows(connection, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not there >= _TABLE_NAMES:
        return False
    done = {number for (number,) in rows(connection, "SELECT update_number FROM update_done")}
    return done >= set(range(1, min(last_upgrade, LAST_UPGRADE) + 1))


def has_tables(connection: sqlite3.Connection) -> bool:
    """Whether somebody has prepared this file."""
    return bool(rows(connection, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'update_done'"))


def columns(connection: sqlite3.Connection) -> list[str]:
    """The columns that the table `account` has in this file."""
    return [name for _, name, *_ in rows(connection, "PRAGMA table_info(account)")]


# -- upgrades


def _add(column: str) -> Callable[[sqlite3.Connection], None]:
    def upgrade(connection: sqlite3.Connection) -> None:
        if column not in columns(connection):
            rows(connection, f"ALTER TABLE account ADD COLUMN {column} TEXT")

    return upgrade


def _two_part_sizes(connection: sqlite3.Connection) -> None:
    """What was called the minimum is the size that B2 recommends."""
    rows(
        connection,
        """CREATE TABLE upgraded (
            account_id TEXT NOT NULL,
            application_key TEXT NOT NULL,
            account_auth_token TEXT NOT NULL,
            api_url TEXT NOT NULL,
            download_url TEXT NOT NULL,
            absolute_minimum_part_size INT NOT NULL,
            recommended_part_size INT NOT NULL,
            realm TEXT NOT NULL,
            allowed TEXT,
            account_id_or_app_key_id TEXT,
            s3_api_url TEXT
        )""",
    )
    rows(
        connection,
        "INSERT INTO upgraded SELECT account_id, application_key, account_auth_token, api_url, download_url, ?, "
        "minimum_part_size, realm, allowed, account_id_or_app_key_id, s3_api_url FROM account",
        ABSOLUTE_MINIMUM_PART_SIZE,
    )
    rows(connection, "DROP TABLE account")
    rows(connection, "ALTER TABLE upgraded RENAME TO account")


def _many_buckets(connection: sqlite3.Connection) -> None:
    """A key may be restricted to several buckets."""
    for rowid, text in rows(connection, "SELECT rowid, allowed FROM account"):
        if text is not None:
            rows(connection, "UPDATE account SET allowed = ? WHERE rowid = ?", _with_buckets(text), rowid)


_UPGRADES: Final[Sequence[Callable[[sqlite3.Connection], None]]] = (
    _add("allowed"),
    _add("account_id_or_app_key_id"),
    _add("s3_api_url"),
    _two_part_sizes,
    _many_buckets,
    _many_buckets,  # once more, for rows that an older program wrote into a file of the fifth
)
LAST_UPGRADE: Final = len(_UPGRADES)


# -- rows


def auth_data_of(row: Row) -> AuthData:
    """The authorization in a row of `account`, whatever upgrade it stands at."""
    recommended = int(row.get("recommended_part_size") or row.get("minimum_part_size") or 0)
    smallest = int(row.get("absolute_minimum_part_size") or ABSOLUTE_MINIMUM_PART_SIZE)
    text = row.get("allowed")
    return AuthData(
        account_id=row["account_id"],
        auth_token=row["account_auth_token"],
        api_url=row["api_url"],
        download_url=row["download_url"],
        minimum_part_size=recommended,
        absolute_minimum_part_size=min(smallest, recommended),
        application_key=row["application_key"],
        realm=row["realm"],
        allowed=dict(AbstractAccountInfo.DEFAULT_ALLOWED) if text is None else _allowed_of(json.loads(text)),
        application_key_id=row.get("account_id_or_app_key_id") or row["account_id"],
    )


def row_of(data: AuthData, present: Sequence[str]) -> dict[str, Any]:
    """The row that says it, with the columns that are `present`."""
    text = json.dumps(data.allowed)
    row = {
        "account_id": data.account_id,
        "application_key": data.application_key,
        "account_auth_token": data.auth_token,
        "api_url": data.api_url,
        "download_url": data.download_url,
        "minimum_part_size": data.minimum_part_size,
        "absolute_minimum_part_size": data.absolute_minimum_part_size,
        "recommended_part_size": data.minimum_part_size,
        "realm": data.realm,
        "allowed": _with_buckets(text) if "recommended_part_size" in present else text,
        "account_id_or_app_key_id": data.application_key_id,
    }
    return {name: value for name, value in row.items() if name in present}


def _with_buckets(text: str) -> str:
    """`allowed` with a list of buckets instead of one."""
    allowed = json.loads(text)
    buckets = allowed.get("buckets")
    if buckets is None and allowed.get("bucketId") is not None:
        buckets = [{"id": allowed["bucketId"], "name": allowed.get("bucketName")}]
    return json.dumps(
        {"capabilities": allowed["capabilities"], "namePrefix": allowed["namePrefix"], "buckets": buckets}
    )


def _allowed_of(said: dict[str, Any]) -> dict[str, Any]:
    """`allowed` in the form of the first version: one bucket, or none; a list only for keys that have several."""
    if "bucketId" in said:
        return said
    buckets = said.get("buckets") or []
    only = buckets[0] if len(buckets) == 1 else {"id": None, "name": None}
    several = {"buckets": buckets} if len(buckets) > 1 else {}
    return {
        "bucketId": only["id"],
        "bucketName": only["name"],
        "capabilities": said["capabilities"],
        "namePrefix": said["namePrefix"],
        **several,
    }
