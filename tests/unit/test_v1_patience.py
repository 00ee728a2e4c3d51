"""How long the numbered interface waits: for a server that is not there, one that says nothing, and a file in use."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import requests
from v1_world import SMALL_PARTS, served

from b2pure.effects.faults import DropReplyAfterCommit
from b2pure.model.errors import Transport, Unavailable
from b2pure.plan.retry import RetryAfter, RetryPolicy, RetryState, step_retry
from b2pure.shell.v1.raw_api import PATIENCE
from b2pure.v1 import B2Api, B2Http, B2RawApi, InMemoryAccountInfo, RawSimulator, exception

HASTY = RetryPolicy(max_attempts=3, first_delay=0.0)


@contextmanager
def _silent() -> Iterator[tuple[str, list[socket.socket]]]:
    """The address of a server that accepts connections and says nothing, and those that it accepted."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    accepted.append(listener.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", accepted
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in accepted:
                each.close()


def _api(address: str, http: B2Http) -> B2Api:
    """With a key and a token from another day."""
    info = InMemoryAccountInfo()
    info.set_auth_data("account", "token", address, address, 100, "key", address, None, "key id")
    return B2Api(info, raw_api=B2RawApi(http))


def test_a_server_that_is_not_there_is_told_soon() -> None:
    """With the defaults, the pauses of one call come to less than half a minute; a busy server has more patience."""

    def most(error: Any) -> float:
        state, total = RetryState(), 0.0
        while True:
            state, decision = step_retry(PATIENCE, state, error, "other", 1.0)
            if not isinstance(decision, RetryAfter):
                return total
            total += decision.seconds

    refused, busy = Transport("connect", "Connection refused"), Unavailable(503, "busy", "")
    assert most(refused) <= 30 < 120 < most(busy)
    assert RawSimulator().retry == B2RawApi(B2Http()).retry == B2Api(InMemoryAccountInfo()).session.retry == PATIENCE


@pytest.mark.parametrize("module", [None, requests], ids=["own", "requests"])
def test_timeouts_and_tries_are_settings(module: Any) -> None:
    with _silent() as (address, accepted):
        api = _api(address, B2Http(module, read_timeout=0.05, connect_timeout=5, retry=HASTY))
        with pytest.raises(exception.B2RequestTimeout):
            api.list_buckets()
        assert len(accepted) == 3, "as many attempts as there is patience for"
        with pytest.raises(exception.B2RequestTimeout):
            api.session.raw_api.list_buckets(address, "token", "account")
        assert len(accepted) == 6, "the raw api's own tries are bounded as well"


def test_an_upload_is_told_after_as_many_tries() -> None:
    with _silent() as (address, accepted):
        bucket = _api(address, B2Http(read_timeout=0.05, retry=HASTY)).get_bucket_by_id("bucket")
        with pytest.raises(exception.MaxRetriesExceeded, match="after 3 tries"):
            bucket.upload_bytes(b"sand", "beach.jpg")
        assert len(accepted) == 3


@pytest.mark.parametrize("settings", [{"read_timeout": 0}, {"connect_timeout": -1}, {"read_timeout": float("nan")}])
def test_a_timeout_that_makes_no_sense_is_refused(settings: Any) -> None:
    with pytest.raises(exception.InvalidArgument, match="must be a number of seconds above 0"):
        B2Http(**settings)
    with pytest.raises(TypeError, match="retry must be a RetryPolicy"):
        B2Http(retry=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("call", ["b2_upload_file", "b2_start_large_file", "b2_finish_large_file"])
def test_a_lost_answer_is_looked_up_however_few_tries_there_are(call: str) -> None:
    """One attempt is no reason to say that a file is not there which B2 has."""
    with served(SMALL_PARTS) as world:
        bucket_id, info = world.bucket().id_, world.api.account_info
        api = B2Api(InMemoryAccountInfo(), raw_api=B2RawApi(B2Http(retry=RetryPolicy(max_attempts=1))))
        api.authorize_account(world.url, info.get_application_key_id(), info.get_application_key())
        bucket = api.get_bucket_by_id(bucket_id)
        world.faults.append(DropReplyAfterCommit(call, 1))
        bucket.upload_bytes(b"sand" * (1 if call == "b2_upload_file" else 10_000), "beach.jpg")
        assert [file.file_name for file, _ in bucket.ls(show_versions=True)] == ["beach.jpg"]
        assert list(bucket.list_unfinished_large_files()) == []
