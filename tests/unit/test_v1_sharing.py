"""Two programs with ten threads each share one account info file, while tokens expire under their hands."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve

from b2pure.effects.faults import ExpireTokens
from b2pure.shell.v1.abstract_account_info import AuthData
from b2pure.shell.v1.exceptions import MissingAccountData
from b2pure.shell.v1.sqlite_account_info import SqliteAccountInfo
from b2pure.testing.served import ServedB2

UPLOADS: Final = 25
SCRIPT: Final = Path(__file__).with_name("v1_sharing.py")


@pytest.mark.b2(buckets=["shared"])
def test_two_programs_and_twenty_threads_share_one_file(b2_server: ServedB2, tmp_path: Path) -> None:
    """No lost update, no locked database, no upload URL used by two at once, no token where it should not be."""
    path = tmp_path / "info"
    info = SqliteAccountInfo(str(path))
    info.set_auth_data(
        b2_server.simulator.account_id, "long expired", b2_server.url, b2_server.url, 100_000_000, b2_server.key,
        b2_server.url, None, b2_server.key_id,
    )  # fmt: skip
    expiries = 1
    bucket_id = b2_server.bucket("shared")
    commands = [
        [
            sys.executable,
            "-X",
            "dev",
            "-W",
            "error",
            str(SCRIPT),
            str(path),
            b2_server.url,
            bucket_id,
            who,
            str(UPLOADS),
        ]
        for who in ("left", "right")
    ]
    running = [subprocess.Popen(each, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for each in commands]
    tokens: set[str] = set()
    while any(each.poll() is None for each in running):
        tokens.add(info.get_account_auth_token())
        time.sleep(0.1)
        if len(_uploaded(b2_server)) > expiries * 10:
            b2_server.faults.append(ExpireTokens(nth=1, tokens="all" if expiries % 2 else "account"))
            expiries += 1
    told = [each.communicate() for each in running]

    assert [json.loads(out or "null") for out, _ in told] == [[], []], [error for _, error in told]
    names = {f"{who}-{number}" for who in ("left", "right") for number in range(UPLOADS)}
    assert set(_uploaded(b2_server)) == names
    with b2_server.locked() as simulator:
        calls = Counter(each.call_name for each in simulator.log.entries(status=200))
        codes = {each.code for each in simulator.log.entries()} - {None}
    assert codes <= {"bad_auth_token", "expired_auth_token"}, "no URL was used by two at once"
    assert expiries > 2
    assert calls["b2_authorize_account"] <= 2 * expiries, "each program authorizes once for each token that died"
    assert calls["b2_upload_file"] == len(names)

    with closing(sqlite3.connect(path)) as kept:
        assert {name for (name,) in kept.execute("SELECT bucket_name FROM bucket")} == names, "no update was lost"
        assert kept.execute("SELECT count(*) FROM account").fetchall() == [(1,)]
        assert kept.execute("SELECT count(*) FROM bucket_upload_url").fetchall() == [(0,)]
    tokens |= {info.get_account_auth_token(), b2_server.key}
    assert not [token for token in tokens for out, error in told if token in out + error]
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_read_belongs_together(tmp_path: Path) -> None:
    """While others authorize and clear, nobody sees the token of one authorization with the address of another."""
    path = str(tmp_path / "info")
    base = AuthData("a", "t", "u", "d", 100, 10, "k", "production", {}, "kid")
    allowed = dict(SqliteAccountInfo.DEFAULT_ALLOWED)
    stop = threading.Event()
    troubles: list[str] = []

    def write(who: int) -> None:
        info = SqliteAccountInfo(path)
        for number in range(20):
            mark = f"{who}-{number}"
            info.store_auth_data(evolve(base, auth_token=mark, api_url=mark, application_key=mark, allowed=allowed))
            if number % 5 == 4:
                info.clear()

    def read() -> None:
        info = SqliteAccountInfo(path)
        while not stop.is_set():
            try:
                seen = info.get_auth_data()
            except MissingAccountData:
                continue
            if not seen.auth_token == seen.api_url == seen.application_key:
                troubles.append(repr(seen))

    writers = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in (*writers, *readers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert not troubles


def _uploaded(server: ServedB2) -> dict[str, bytes]:
    return server.contents("shared")
