"""A reply that is lost on its way costs nothing: the caller gets it all the same, and nothing is there twice.

Each call that makes or removes something, through the client, in memory and over sockets: B2 carries it out, and its
answer never arrives. What must hold for every order of such losses is law (tests/property/test_settle.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import pytest
from attrs import frozen
from returns.result import Success

from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.faults import DropReplyAfterCommit
from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.wire import KeyPair
from b2pure.model.calls import (
    AuthorizeAccount,
    CancelLargeFile,
    CreateKey,
    DeleteBucket,
    DeleteFileVersion,
    DeleteKey,
    GetFileInfo,
    HideFile,
    ListKeys,
    StartLargeFile,
    UpdateBucket,
)
from b2pure.model.ids import AccountId, BucketId
from b2pure.model.policy import Delete, KeepDays
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.client import Client
from b2pure.shell.clock import SystemClock
from b2pure.shell.http import HttpApi
from b2pure.shell.serve import serve_in_thread
from b2pure.testing import simulated_b2

DATA: Final = bytes(range(40))
PARTS: Final = 16
AT_ONCE: Final = RetryPolicy(first_delay=0.0)
LIMITS: Final = SimulatorConfig(absolute_minimum_part_size=8, recommended_part_size=16)


@frozen
class B2:
    """A B2 whose answers may get lost, and a client of it."""

    client: Client
    simulator: Simulator
    faults: FaultBoard

    def lose(self, name: str, *, times: int = 1, nth: int = 1) -> None:
        """From now on the answers of so many calls are lost, from the nth on."""
        self.faults.append(DropReplyAfterCommit(name, nth, times=times))

    @property
    def account(self) -> AccountId:
        return self.simulator.account_id

    @property
    def bucket(self) -> BucketId:
        found = self.simulator.bucket_id("bucket")
        assert found is not None
        return found

    def versions(self) -> list[tuple[str, str, bytes]]:
        """All versions in all buckets, the oldest of a name first: name, action, content."""
        snapshot: Any = self.simulator.snapshot()
        return [(file.file_name, file.action, data) for _, versions, _ in snapshot for file, data in versions]

    def named(self, name: str) -> Any:
        """The only version of a name."""
        snapshot: Any = self.simulator.snapshot()
        (found,) = [file for _, versions, _ in snapshot for file, _ in versions if file.file_name == name]
        return found

    def put(self, name: str, data: bytes = DATA) -> Any:
        return self.simulator.put(self.bucket, name, data)


@pytest.fixture(params=["in memory", "over sockets"])
def b2(request: pytest.FixtureRequest) -> Iterator[B2]:
    faults = FaultBoard()
    if request.param == "in memory":
        world = simulated_b2("bucket", faults=faults, seed=1, config=LIMITS, retry=AT_ONCE)
        yield B2(world.client, world.simulator, faults)
        return
    simulator = Simulator(SystemClock().now_millis, config=LIMITS)
    simulator.add_bucket("bucket")
    with (
        serve_in_thread(simulator, faults=faults) as server,
        HttpApi(simulator.master_key_id, simulator.master_key, realm_address=server.url) as api,
    ):
        yield B2(Client(api, SystemClock(), workers=2, retry=AT_ONCE), simulator, faults)


# --- uploads ---------------------------------------------------------------------------------------------------------


def test_upload_file(b2: B2) -> None:
    b2.lose("b2_upload_file")
    reply = b2.client.upload(DATA[:9], "b2://bucket/a").unwrap()
    assert b2.versions() == [("a", "upload", DATA[:9])]
    assert reply == b2.named("a")


@pytest.mark.parametrize(
    ("name", "times"), [("b2_start_large_file", 2), ("b2_upload_part", 3), ("b2_finish_large_file", 2)]
)
@pytest.mark.parametrize("how", ["bytes", "stream"])
def test_large_upload(b2: B2, name: str, times: int, how: str) -> None:
    b2.lose(name, times=times)
    with _source(how) as source:
        reply = b2.client.upload(source, "b2://bucket/a", part_size=PARTS).unwrap()
    assert b2.versions() == [("a", "upload", DATA)], "no left-over, and no second version"
    assert reply == b2.named("a")


@contextmanager
def _source(how: str) -> Iterator[Any]:
    if how == "bytes":
        yield DATA
        return
    read, write = os.pipe()
    with open(write, "wb") as sender:
        sender.write(DATA)
    with open(read, "rb") as pipe:
        yield pipe


def test_everything_in_a_large_upload_at_once(b2: B2) -> None:
    for name in ("b2_start_large_file", "b2_upload_part", "b2_finish_large_file", "b2_get_upload_part_url"):
        b2.lose(name)
    reply = b2.client.upload(DATA, "b2://bucket/a", part_size=PARTS).unwrap()
    assert b2.versions() == [("a", "upload", DATA)]
    assert reply == b2.named("a")


# --- copies ----------------------------------------------------------------------------------------------------------


def test_copy_file(b2: B2) -> None:
    b2.put("a")
    b2.lose("b2_copy_file")
    reply = b2.client.copy("b2://bucket/a", "b2://bucket/b").unwrap()
    assert sorted(name for name, _, data in b2.versions() if data == DATA) == ["a", "b"]
    assert (reply.file_id, reply.content_sha1) == (b2.named("b").file_id, b2.named("b").content_sha1)


@pytest.mark.parametrize(
    ("name", "times"), [("b2_copy_part", 3), ("b2_start_large_file", 1), ("b2_finish_large_file", 1)]
)
def test_copy_in_parts(b2: B2, name: str, times: int) -> None:
    b2.put("a")
    b2.lose(name, times=times)
    reply = b2.client.copy("b2://bucket/a", "b2://bucket/b", max_part_size=PARTS).unwrap()
    assert sorted(b2.versions()) == [("a", "upload", DATA), ("b", "upload", DATA)]
    assert reply == b2.named("b")


# --- what goes -------------------------------------------------------------------------------------------------------


def test_hide_file(b2: B2) -> None:
    b2.put("a")
    b2.lose("b2_hide_file")
    reply = b2.client.call(HideFile(b2.bucket, "a")).unwrap()
    assert b2.versions() == [("a", "upload", DATA), ("a", "hide", b"")]
    assert (reply.action, reply.file_name) == ("hide", "a")


def test_delete_file_version(b2: B2) -> None:
    older, newer = b2.put("a", b"older"), b2.put("a", b"newer")
    b2.lose("b2_delete_file_version")
    reply = b2.client.call(DeleteFileVersion("a", newer.file_id)).unwrap()
    assert (reply.file_name, reply.file_id) == ("a", newer.file_id)
    assert b2.named("a").file_id == older.file_id


def test_cancel_large_file(b2: B2) -> None:
    started = b2.client.call(StartLargeFile(b2.bucket, "a", "text/plain", {})).unwrap()
    other = b2.client.call(StartLargeFile(b2.bucket, "b", "text/plain", {})).unwrap()
    assert started.file_id is not None
    b2.lose("b2_cancel_large_file")
    reply = b2.client.call(CancelLargeFile(started.file_id)).unwrap()
    assert (reply.file_id, reply.bucket_id, reply.account_id) == (started.file_id, b2.bucket, b2.account)
    assert b2.named("b").file_id == other.file_id
    assert [name for name, _, _ in b2.versions()] == ["b"]


def test_clean_up_of_what_an_upload_left(b2: B2) -> None:
    b2.client.call(StartLargeFile(b2.bucket, "a", "text/plain", {})).unwrap()
    plan = b2.client.plan_cleanup("b2://bucket/", older_than=timedelta(0)).unwrap()
    b2.lose("b2_cancel_large_file", times=2)
    report = b2.client.clean_up(plan)
    assert (len(report.cancelled), report.failed, b2.versions()) == (1, (), [])


# --- buckets and keys ------------------------------------------------------------------------------------------------


def test_create_bucket(b2: B2) -> None:
    b2.lose("b2_create_bucket")
    reply = b2.client.create_bucket("another-one").unwrap()
    assert (reply.bucket_name, reply.bucket_type) == ("another-one", "allPrivate")
    assert reply.bucket_id == b2.simulator.bucket_id("another-one")


def test_a_bucket_of_somebody_else_is_not_taken_for_ours(b2: B2) -> None:
    b2.simulator.add_bucket("another-one", "allPublic")
    b2.lose("b2_create_bucket")
    assert b2.client.create_bucket("another-one").failure().code == "duplicate_bucket_name"  # type: ignore[union-attr]


def test_update_bucket(b2: B2) -> None:
    b2.lose("b2_update_bucket")
    call = UpdateBucket(b2.account, b2.bucket, "allPublic", if_revision_is=1)
    reply = b2.client.call(call).unwrap()
    assert (reply.bucket_type, reply.revision) == ("allPublic", 2)


def test_delete_bucket(b2: B2) -> None:
    made = b2.client.create_bucket("another-one").unwrap()
    b2.lose("b2_delete_bucket")
    assert b2.client.call(DeleteBucket(b2.account, made.bucket_id)).unwrap().bucket_id == made.bucket_id
    assert b2.simulator.bucket_id("another-one") is None


def test_create_key(b2: B2) -> None:
    """Its secret is told once: the key that nobody can use is deleted, and another one made."""
    b2.lose("b2_create_key", times=2)
    reply = b2.client.call(CreateKey(b2.account, ("listFiles",), "reader", 3600)).unwrap()
    keys = b2.client.call(ListKeys(b2.account)).unwrap().keys
    assert [key.application_key_id for key in keys] == [reply.application_key_id]
    told = KeyPair(reply.application_key_id, reply.application_key)
    assert isinstance(b2.simulator.handle(AuthorizeAccount(), told), Success)


def test_a_key_that_cannot_be_told_from_others_is_never_deleted(b2: B2) -> None:
    """Without an expiration nothing says when a key was made: it may be in use."""
    b2.lose("b2_create_key")
    reply = b2.client.call(CreateKey(b2.account, ("listFiles",), "reader")).unwrap()
    keys = b2.client.call(ListKeys(b2.account)).unwrap().keys
    assert len(keys) == 2
    assert reply.application_key_id in [key.application_key_id for key in keys]


def test_delete_key(b2: B2) -> None:
    made = b2.client.call(CreateKey(b2.account, ("listFiles",), "reader")).unwrap()
    b2.lose("b2_delete_key")
    assert b2.client.call(DeleteKey(made.application_key_id)).unwrap().application_key_id == made.application_key_id
    assert b2.client.call(ListKeys(b2.account)).unwrap().keys == ()


# --- whole syncs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [KeepDays(3), Delete()])
def test_a_sync_of_which_every_first_answer_is_lost(keep: Any) -> None:
    """Uploads, hides or deletions: what is there afterwards is what is there without the losses."""
    ends = []
    for lossy in (False, True):
        names = ("b2_upload_file", "b2_hide_file", "b2_delete_file_version") if lossy else ()
        faults = FaultBoard(tuple(DropReplyAfterCommit(name, nth) for name in names for nth in (1, 3)))
        world = simulated_b2("bucket", faults=faults, seed=3, config=LIMITS, retry=AT_ONCE)
        for name in ("gone", "gone too", "kept"):
            world.put("bucket", name, b"older", 1000)
        for name in ("kept", "new", "newer"):
            world.disk("here").put(name, name.encode(), 9000)
        report = world.client.sync("here", "b2://bucket", keep=keep)
        assert (report.failed, report.drifted) == ((), ())
        ends.append((report.done, B2(world.client, world.simulator, faults).versions()))
    assert ends[0] == ends[1]


def test_a_file_that_was_made_can_be_asked_about(b2: B2) -> None:
    """What is found instead of a lost answer is a whole reply: its id works."""
    b2.lose("b2_upload_file")
    reply = b2.client.upload(b"", "b2://bucket/empty").unwrap()
    assert b2.versions() == [("empty", "upload", b"")]
    assert reply.file_id is not None
    assert b2.client.call(GetFileInfo(reply.file_id)).unwrap() == reply
