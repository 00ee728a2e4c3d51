"""A process that is forked, as `multiprocessing` does on Linux, has connections, upload URLs and locks of its own."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from b2pure.effects.machines import Machines
from b2pure.plan.session import Need
from b2pure.shell.client import Client
from b2pure.shell.clock import SystemClock
from b2pure.shell.http import HttpApi
from b2pure.testing import ServedB2
from b2pure.v1 import B2Api, DownloadDestBytes, InMemoryAccountInfo, SqliteAccountInfo

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

_CHILDREN, _TIMES = 4, 25


def _in_children(work: Callable[[int], None]) -> None:
    """The work in children that run side by side, and in this process beside them (with the number -1)."""
    pids = []
    for number in range(_CHILDREN):
        pid = os.fork()
        if pid == 0:
            try:
                work(number)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        pids.append(pid)
    try:
        work(-1)
    finally:
        ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert ended == [0] * _CHILDREN


@pytest.fixture(params=["memory", "sqlite"])
def api(b2_server: ServedB2, request: Any, tmp_path: Path) -> B2Api:
    info = InMemoryAccountInfo() if request.param == "memory" else SqliteAccountInfo(str(tmp_path / "info"))
    found = B2Api(info)
    found.authorize_account(b2_server.url, b2_server.key_id, b2_server.key)
    return found


def test_v1_goes_on_in_parent_and_children(api: B2Api) -> None:
    bucket = api.create_bucket("holiday", "allPrivate")
    for number in range(-1, _CHILDREN):
        bucket.upload_bytes(b"%d" % number * (10 + number), f"there/{number}")

    def work(number: int) -> None:
        for turn in range(_TIMES):
            there = DownloadDestBytes()
            bucket.download_file_by_name(f"there/{number}", there)
            assert there.get_bytes_written() == b"%d" % number * (10 + number)
            bucket.upload_bytes(b"%d" % number * 3, f"back/{number}/{turn}")

    _in_children(work)
    names = {version.file_name for version, _ in bucket.ls("back", recursive=True)}
    assert len(names) == (_CHILDREN + 1) * _TIMES


def test_a_client_goes_on_in_parent_and_children(b2_server: ServedB2) -> None:
    b2_server.bucket("holiday")
    with HttpApi(b2_server.key_id, b2_server.key, realm_address=b2_server.url) as http:
        client = Client(http, SystemClock())
        for number in range(-1, _CHILDREN):
            client.upload(b"%d" % number * (10 + number), f"b2://holiday/there/{number}").unwrap()

        def work(number: int) -> None:
            for _ in range(_TIMES):
                got = client.read(f"b2://holiday/there/{number}").unwrap()
                assert got == b"%d" % number * (10 + number)

        _in_children(work)


def test_what_a_thread_held_or_was_about_to_fetch_is_free_in_a_child(b2_server: ServedB2) -> None:
    machines = Machines()
    http = HttpApi(b2_server.key_id, b2_server.key, realm_address=b2_server.url)
    client = Client(http, SystemClock(), machines=machines)
    b2_server.bucket("holiday")
    client.upload(b"1", "b2://holiday/a").unwrap()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        assert http._direct is not None
        with machines._changed, http._direct._lock:
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if client.read("b2://holiday/a").unwrap() == b"1" else 2)
        finally:
            os._exit(1)
    done.set()
    holder.join()
    http.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_nobody_authorizes_in_a_child() -> None:
    machines = Machines()
    machines.step_session(Need())
    assert machines.authorizing
    machines._renew_in_child()
    assert not machines.authorizing
