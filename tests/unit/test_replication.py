"""Replication between two buckets of a simulated B2, by example."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from attrs import define, field

from b2pure.effects.simulator.bucket import Bucket, Version
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.simulator.content import Intake, extents_of, pieces
from b2pure.effects.simulator.replication import replicate, replicate_version, replication_status_of, rule_for
from b2pure.effects.simulator.world import Protection, World
from b2pure.model.buckets import (
    DefaultEncryptionReply,
    FileLockConfiguration,
    FileLockReply,
    NotificationRule,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationReply,
    ReplicationRule,
    ReplicationSource,
    WebhookTarget,
)
from b2pure.model.ids import BucketId
from b2pure.model.protection import (
    NO_HOLD,
    UNLOCKED,
    EncryptionReply,
    LegalHoldReply,
    RetentionReply,
    RetentionValue,
)
from b2pure.model.replies import FileReply

changed = msgspec.structs.replace

SSE_B2 = EncryptionReply("SSE-B2", "AES256")
SSE_C = EncryptionReply("SSE-C", "AES256")
LOCKED = Protection(
    retention=RetentionReply(True, RetentionValue("compliance", 9_000)), legal_hold=LegalHoldReply(True, "on")
)


@define
class Pair:
    """Two buckets, a key for each, and the rules from one to the other."""

    now: int = 1_000
    world: World = field(init=False)
    source: Bucket = field(init=False)
    target: Bucket = field(init=False)
    reader: str = field(init=False)
    writer: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.world = World(now=lambda: self.now, seed=0, config=SimulatorConfig(), base_url="https://b2.example")
        self.source, self.target = (
            self.world.buckets[self.world.add_bucket(name, "allPrivate").bucket_id] for name in ("source", "target")
        )
        self.reader, self.writer = self.key("readFiles"), self.key("writeFiles")
        self.rules(self.rule())
        self.map_keys({self.reader: self.writer})

    def key(self, *capabilities: str, **limits: Any) -> str:
        limits = {"name": "key", "bucket_ids": None, "name_prefix": None, "expires_at": None} | limits
        return self.world.credentials.add_key(capabilities, **limits).key_id

    def rule(self, **fields: Any) -> ReplicationRule:
        return changed(ReplicationRule("rule", self.target.reply.bucket_id, "", True, 1), **fields)

    def rules(self, *rules: ReplicationRule, key: str | None = None) -> None:
        source = ReplicationSource(rules, key or self.reader)
        self.settings(self.source, replication_configuration=_replication(ReplicationConfiguration(source)))

    def map_keys(self, mapping: dict[str, str]) -> None:
        config = ReplicationConfiguration(None, ReplicationDestination(mapping))
        self.settings(self.target, replication_configuration=_replication(config))

    def settings(self, bucket: Bucket, **settings: Any) -> None:
        self.world.update_bucket(bucket, changed(bucket.reply, **settings))

    def upload(self, name: str, action: str = "upload", protection: Protection | None = None, **fields: Any) -> Version:
        self.now += 1
        protection = protection or Protection()
        body = Intake(self.world.vault.draft())
        body.write(name.encode())
        received = body.finish()
        values: dict[str, Any] = {
            "content_type": "text/plain",
            "info": {"k": "v"},
            "extents": extents_of(received.content),
            "length": received.content.length,
            "content_sha1": received.sha1,
            "content_md5": received.md5,
            "protection": protection,
            "replication_status": replication_status_of(self.source.reply, name, protection.encryption),
        }
        return self.world.add_version(self.source, name, action, **(values | fields))

    def run(self) -> None:
        self.now += 1_000
        replicate(self.world, self.now)

    def status(self, version: Version) -> str | None:
        assert version.file.file_id is not None
        return self.world.versions[version.file.file_id].file.replication_status

    def replicas(self) -> list[FileReply]:
        names = self.target.names
        return [version.file for name in names.since("") for version in names.versions[name]]


def _replication(config: ReplicationConfiguration) -> ReplicationReply:
    return ReplicationReply(True, config)


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_a_replica_is_its_source_in_another_bucket(pair: Pair) -> None:
    version = pair.upload("a/b")
    assert version.file.replication_status == "PENDING"
    pair.run()
    assert pair.status(version) == "COMPLETED"
    (replica,) = pair.replicas()
    assert replica.file_id != version.file.file_id
    assert replica == changed(
        version.file,
        file_id=replica.file_id,
        bucket_id=pair.target.reply.bucket_id,
        replication_status="REPLICA",
    )
    assert replica.file_id is not None
    extents = pair.world.versions[replica.file_id].extents
    assert extents == version.extents
    assert b"".join(pieces(extents)) == b"a/b"


def test_nothing_is_replicated_twice(pair: Pair) -> None:
    pair.upload("a")
    pair.run()
    before = pair.replicas()
    pair.run()
    assert pair.replicas() == before


def test_every_version_is_replicated_in_its_order(pair: Pair) -> None:
    versions = [pair.upload("a") for _ in range(3)]
    pair.run()
    assert [one.upload_timestamp for one in pair.replicas()] == [one.file.upload_timestamp for one in versions]


def test_one_version_can_be_replicated_alone(pair: Pair) -> None:
    one, other = pair.upload("a"), pair.upload("b")
    replicate_version(pair.world, other, pair.now)
    assert (pair.status(one), pair.status(other)) == ("PENDING", "COMPLETED")


def test_hide_markers_unfinished_files_and_files_with_keys_of_customers_stay(pair: Pair) -> None:
    pair.upload("a", "hide", replication_status=None)
    pair.upload("b", "start", replication_status=None)
    assert pair.upload("c", protection=Protection(SSE_C)).file.replication_status is None
    pair.rules(pair.rule(include_existing_files=True))
    pair.run()
    assert pair.replicas() == []


def test_files_from_before_the_rule_go_along_only_if_it_says_so(pair: Pair) -> None:
    old = pair.upload("a", replication_status=None)
    pair.run()
    assert pair.status(old) is None
    pair.rules(pair.rule(include_existing_files=True))
    pair.run()
    assert pair.status(old) == "COMPLETED"
    assert len(pair.replicas()) == 1


def test_replicas_are_not_replicated_on(pair: Pair) -> None:
    pair.rules(pair.rule(include_existing_files=True))
    version = pair.upload("a", replication_status="REPLICA")
    pair.run()
    assert pair.status(version) == "REPLICA"
    assert pair.replicas() == []


def test_the_matching_rule_with_the_greatest_priority_acts(pair: Pair) -> None:
    low = pair.rule(priority=1)
    high = pair.rule(replication_rule_name="high", file_name_prefix="a/", priority=2)
    off = pair.rule(replication_rule_name="off", file_name_prefix="a/b", priority=3, is_enabled=False)
    pair.rules(low, high, off)
    assert rule_for(pair.source.reply, "a/b") == high
    assert rule_for(pair.source.reply, "b") == low
    pair.rules(high, off)
    assert rule_for(pair.source.reply, "b") is None
    assert replication_status_of(pair.source.reply, "b", None) is None
    assert replication_status_of(pair.source.reply, "a/b", None) == "PENDING"
    assert replication_status_of(pair.source.reply, "a/b", SSE_C) is None
    assert replication_status_of(pair.source.reply, "a/b", SSE_B2) == "PENDING"
    assert replication_status_of(pair.target.reply, "a/b", None) is None


@pytest.mark.parametrize("trouble", ["bucket", "mapping", "key", "capability", "expired", "other bucket", "prefix"])
def test_what_cannot_be_replicated_fails_for_good(pair: Pair, trouble: str) -> None:
    version = pair.upload("a")
    match trouble:
        case "bucket":
            pair.rules(pair.rule(destination_bucket_id=BucketId("gone")))
        case "mapping":
            pair.map_keys({"another": pair.writer})
        case "key":
            pair.world.credentials.drop_key(pair.world.credentials.keys[pair.writer])
        case "capability":
            pair.map_keys({pair.reader: pair.key("readFiles")})
        case "expired":
            pair.map_keys({pair.reader: pair.key("writeFiles", expires_at=1_500)})
        case "other bucket":
            pair.map_keys({pair.reader: pair.key("writeFiles", bucket_ids=[pair.source.reply.bucket_id])})
        case "prefix":
            pair.map_keys({pair.reader: pair.key("writeFiles", name_prefix="b")})
        case _:
            raise AssertionError(trouble)
    pair.run()
    assert pair.status(version) == "FAILED"
    pair.rules(pair.rule(include_existing_files=True))
    pair.map_keys({pair.reader: pair.key("writeFiles")})
    pair.run()
    assert pair.status(version) == "FAILED"
    assert pair.replicas() == []


def test_a_source_key_that_may_not_read_fails(pair: Pair) -> None:
    blind = pair.key("listFiles")
    pair.rules(pair.rule(), key=blind)
    pair.map_keys({blind: pair.writer})
    version = pair.upload("a")
    pair.run()
    assert pair.status(version) == "FAILED"


def test_a_file_whose_rule_is_gone_waits(pair: Pair) -> None:
    version = pair.upload("a")
    pair.rules(pair.rule(is_enabled=False))
    pair.run()
    assert pair.status(version) == "PENDING"


def test_locks_go_along_where_the_destination_has_them(pair: Pair) -> None:
    pair.upload("a", protection=LOCKED)
    pair.run()
    (free,) = pair.replicas()
    assert (free.file_retention, free.legal_hold) == (UNLOCKED, NO_HOLD)
    pair.settings(pair.target, file_lock_configuration=FileLockReply(True, FileLockConfiguration(True)))
    pair.upload("b", protection=LOCKED)
    pair.run()
    _, locked = pair.replicas()
    assert (locked.file_retention, locked.legal_hold) == (LOCKED.retention, LOCKED.legal_hold)


def test_a_replica_is_encrypted_if_its_source_or_its_bucket_is(pair: Pair) -> None:
    pair.upload("a")
    pair.upload("b", protection=Protection(SSE_B2))
    pair.run()
    pair.settings(pair.target, default_server_side_encryption=DefaultEncryptionReply(True, SSE_B2))
    pair.upload("c")
    pair.run()
    assert [one.server_side_encryption for one in pair.replicas()] == [EncryptionReply(), SSE_B2, SSE_B2]


def test_the_destination_tells_of_replicas(pair: Pair) -> None:
    rule = NotificationRule(
        "rule-one", ("b2:ObjectCreated:*",), True, "", WebhookTarget("https://example.com"), max_events_per_batch=50
    )
    pair.world.update_bucket(pair.target, pair.target.reply, (rule,))
    pair.upload("a")
    pair.upload("b", content_sha1="none", content_md5=None)
    pair.run()
    (delivery,) = pair.world.events.take()
    events = msgspec.json.decode(delivery.body)["events"]
    assert [(one["objectName"], one["eventType"]) for one in events] == [
        ("a", "b2:ObjectCreated:Replica"),
        ("b", "b2:ObjectCreated:MultipartReplica"),
    ]
    assert {one["eventTimestamp"] for one in events} == {pair.now}
    assert {one["bucketName"] for one in events} == {"target"}
