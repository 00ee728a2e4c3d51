"""The simulator as a value: forks, records of everything, the journal, and the same again (gap 13)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from simulated import B2, BUCKET, SMALL

from b2pure.effects.simulator import Simulator
from b2pure.model.buckets import (
    LifecycleRule,
)
from b2pure.model.calls import (
    DeleteFileVersion,
    DeleteKey,
    DownloadFileByName,
    FinishLargeFile,
    GetBucketNotificationRules,
    GetFileInfo,
    HideFile,
    ListFileVersions,
    ListParts,
)
from b2pure.model.ids import FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.protection import FileRetention, RetentionValue, SseC

KEY = SseC.of(b"k" * 32)


@pytest.fixture
def b2() -> B2:
    return B2()


def busy(b2: B2) -> tuple[FileId, FileId]:
    """Something of every kind. An unfinished file, and one with a lock and a key."""
    b2.listening()
    b2.ok(b2.update(file_lock_enabled=True, bucket_info={"a": "b"}, lifecycle_rules=(LifecycleRule("x/", 1),)))
    locked = b2.upload("locked", file_retention=FileRetention("compliance", 10**9), server_side_encryption=KEY).file_id
    large = b2.start()
    b2.part(large, 1, b"abc")
    b2.large("finished", b"abc", b"d")
    b2.upload("hidden")
    b2.ok(HideFile(b2.bucket, "hidden"))
    b2.simulator.advance_time(123)
    return large, locked


def test_a_fork_is_independent(b2: B2) -> None:
    large = b2.start()
    b2.upload("n")
    before = b2.simulator.snapshot()
    twin = b2.simulator.fork()
    assert twin.snapshot() == before
    b2.part(large, 1, b"abc")
    b2.upload("n")
    b2.ok(HideFile(b2.bucket, "n"))
    assert twin.snapshot() == before
    assert len(twin.journal) == 2


def test_a_fork_has_everything_tokens_and_upload_urls_too(b2: B2) -> None:
    busy(b2)
    url, key = b2.url(), b2.create_key()
    twin = b2.simulator.fork()
    assert list(twin.records()) == list(b2.simulator.records())
    assert (twin.now(), twin.base_url, twin.account_id) == (b2.simulator.now(), b2.simulator.base_url, b2.account)
    assert twin.log.entries() == b2.simulator.log.entries()
    assert twin.meter.usage(0) == b2.simulator.meter.usage(0)
    assert twin.take_deliveries() == b2.simulator.take_deliveries() != ()
    b2.simulator.expire_account_tokens()
    b2.simulator.expire_upload_tokens()
    b2.ok(DeleteKey(key.key_id), b2.login(b2.master))
    assert twin.handle(GetBucketNotificationRules(b2.bucket), b2.token).unwrap().event_notification_rules
    assert twin.handle(b2.file("n"), url).unwrap().file_name == "n"
    b2.simulator = twin
    b2.login(key)


def restored(b2: B2) -> None:
    """The simulator of `b2` is now one that was read from the records of the old."""
    old = b2.simulator
    contents = old.contents()
    records = [record for _, _, record in old.records()]
    b2.simulator = Simulator.restored(lambda: b2.now, records, contents.__getitem__, config=SMALL)
    assert b2.simulator.snapshot() == old.snapshot()
    b2.token = b2.login(b2.master)


def test_what_is_restored_has_everything_but_tokens_and_upload_urls(b2: B2) -> None:
    large, locked = busy(b2)
    key = b2.create_key("listFiles", valid_duration_in_seconds=500)
    url, token, now, stored = b2.url(), b2.token, b2.simulator.now(), b2.simulator.meter.stored_bytes
    restored(b2)
    assert (b2.simulator.now(), b2.simulator.account_id, b2.simulator.meter.stored_bytes) == (now, b2.account, stored)
    assert b2.code(ListParts(large), token) == "bad_auth_token"
    assert b2.code(b2.file("n"), url) == "bad_auth_token"
    b2.ok(ListFileVersions(b2.bucket), b2.login(key))
    assert b2.ok(GetFileInfo(locked)).file_retention.value == RetentionValue("compliance", 10**9)
    assert b2.code(DeleteFileVersion("locked", locked)) == "access_denied"
    assert b2.code(DownloadFileByName(BUCKET, "locked")) == "bad_request"
    assert b2.content(DownloadFileByName(BUCKET, "locked", server_side_encryption=KEY)) == b"data"
    assert len(b2.ok(GetBucketNotificationRules(b2.bucket)).event_notification_rules) == 3
    shas = b2.ok(ListParts(large)).parts[0].content_sha1, b2.part(large, 2, b"d")
    b2.ok(FinishLargeFile(large, shas))
    assert b2.content(DownloadFileByName(BUCKET, "finished")) == b"abcd"


def test_what_is_restored_gives_ids_that_were_never_given(b2: B2) -> None:
    given = {b2.upload(name).file_id for name in "abc"}
    b2.ok(DeleteFileVersion("c", b2.ok(ListFileVersions(b2.bucket, "c")).files[0].file_id))
    key = b2.create_key()
    restored(b2)
    assert b2.upload("d").file_id not in given
    assert b2.create_key().key_id != key.key_id


@pytest.mark.parametrize("turn", [restored, lambda b2: setattr(b2, "simulator", b2.simulator.fork())])
def test_what_was_to_be_replicated_still_is(b2: B2, turn: Callable[[B2], None]) -> None:
    b2.upload("old")
    target = b2.replicating(include_existing_files=True)
    turn(b2)
    assert [file.file_name for file in b2.files(target)] == ["old"]
    b2.upload("new")
    turn(b2)
    assert [file.file_name for file in b2.files(target)] == ["new", "old"]


@pytest.mark.parametrize("turn", [restored, lambda b2: setattr(b2, "simulator", b2.simulator.fork())])
def test_the_lifecycle_runs_that_are_still_to_come_take_place(b2: B2, turn: Callable[[B2], None]) -> None:
    b2.ok(b2.update(lifecycle_rules=(LifecycleRule("", 1, 1),)))
    b2.upload("n")
    b2.pass_days(2)
    b2.now += 2 * MILLIS_PER_DAY
    turn(b2)
    b2.token = b2.login(b2.master)
    assert b2.versions() == []


def test_two_runs_of_the_same_calls_are_equal() -> None:
    one, two = B2(), B2()
    for b2 in (one, two):
        busy(b2)
    assert one.simulator.snapshot() == two.simulator.snapshot()
    assert one.simulator.journal == two.simulator.journal


def test_the_journal_has_what_took_effect(b2: B2) -> None:
    file = b2.upload("n")
    b2.fails(b2.file("n", content_sha1="0" * 40), b2.url())
    b2.versions()
    key = b2.create_key()
    b2.ok(DeleteKey(key.key_id))
    assert [(done.call.name, done.file_id) for done in b2.simulator.journal] == [
        ("b2_upload_file", file.file_id),
        ("b2_create_key", None),
        ("b2_delete_key", None),
    ]


def test_ids_and_secrets_differ_from_world_to_world() -> None:
    worlds = [Simulator(lambda: 1_000, seed, config=SMALL) for seed in (0, 1)]
    assert len({world.account_id for world in worlds}) == len({world.master_key for world in worlds}) == 2
    assert len({world.add_bucket(BUCKET).bucket_id for world in worlds}) == 2


def test_ids_never_run_out_and_never_change_the_order(b2: B2) -> None:
    # gap 6: the simulator of b2sdk has 5,000 versions, and their order is wrong after 9,000 files
    ids = [b2.simulator.put(b2.bucket, "n", b"").file_id for _ in range(10_001)]
    assert len(set(ids)) == 10_001
    assert [file.file_id for file in b2.ok(ListFileVersions(b2.bucket, max_file_count=3)).files] == ids[:-4:-1]
