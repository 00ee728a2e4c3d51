"""Which settings of a bucket are taken, by example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from b2pure.effects.simulator.rules import Refused
from b2pure.effects.simulator.settings import (
    EVENT_TYPES,
    checked_bucket_info,
    checked_cors,
    checked_default_retention,
    checked_lifecycle,
    checked_notifications,
    checked_replication,
)
from b2pure.model.buckets import (
    CorsRule,
    CustomHeader,
    DefaultRetention,
    LifecycleRule,
    NotificationRule,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
    ReplicationSource,
    RetentionPeriod,
    WebhookTarget,
)
from b2pure.model.errors import Rejected
from b2pure.model.ids import BucketId

CORS = CorsRule("a-rule", ("https://www.example.com",), ("b2_upload_file",), 3600)
REPLICATION = ReplicationRule("copy_all", BucketId("b" * 24), "", True, 1)
HOOK = WebhookTarget("https://example.com/hook")
RULE = NotificationRule("rule-one", ("b2:ObjectCreated:Upload",), True, "", HOOK)

changed = msgspec.structs.replace


def code_of(check: Callable[[Any], object], value: object) -> str:
    """The code that the check refuses the value with. It is always a 400."""
    with pytest.raises(Refused) as refusal:
        check(value)
    assert isinstance(refusal.value.error, Rejected)
    assert refusal.value.error.status == 400
    return refusal.value.error.code


def refused(check: Callable[[Any], object], *values: object) -> None:
    assert [code_of(check, value) for value in values] == ["bad_request"] * len(values)


# -- bucket info


def test_bucket_info_keeps_the_case_of_its_keys() -> None:
    info = {"Cache-Control": "max-age=1", "k" * 50: "v" * 2048, "a_b": "é" * 1024}
    assert checked_bucket_info(info) == info
    assert len(checked_bucket_info({f"k{i}": "" for i in range(10)})) == 10


def test_bucket_info_that_is_refused() -> None:
    refused(
        checked_bucket_info,
        {f"k{i}": "" for i in range(11)},
        {"": "v"},
        {"k" * 51: "v"},
        {"a b": "v"},
        {"é": "v"},
        {"a.b": "v"},
        {"k": "é" * 1025},
        {"k": "\ud800"},
    )


# -- CORS


@pytest.mark.parametrize(
    "origins",
    [
        ("*",),
        ("https",),
        ("https://*",),
        ("https://*:8443",),
        ("https://*.example.com", "http://localhost:3000", "https"),
        ("http://[::1]:80",),
    ],
)
def test_origins_that_are_taken(origins: tuple[str, ...]) -> None:
    assert checked_cors([changed(CORS, allowed_origins=origins)])[0].allowed_origins == origins


@pytest.mark.parametrize(
    "origins",
    [
        (),
        ("*", "https://example.com"),
        ("https", "https"),
        ("http",),
        ("example.com",),
        ("https://example.com/",),
        ("https://*.*.com",),
        ("https://a b",),
        ("https://",),
        ("https://user@example.com",),
    ],
)
def test_origins_that_are_refused(origins: tuple[str, ...]) -> None:
    refused(lambda rule: checked_cors([rule]), changed(CORS, allowed_origins=origins))


def test_a_cors_rule_with_everything() -> None:
    rule = changed(
        CORS,
        allowed_operations=("b2_download_file_by_id", "s3_get"),
        allowed_headers=("authorization", "x-bz-info-*"),
        expose_headers=("x-bz-content-sha1",),
        max_age_seconds=86_400,
    )
    assert checked_cors([rule, changed(rule, cors_rule_name="another", allowed_headers=("*",))])[0] == rule
    assert checked_cors([]) == ()


def test_cors_rules_that_are_refused() -> None:
    refused(
        lambda rule: checked_cors([rule]),
        changed(CORS, cors_rule_name="short"),
        changed(CORS, cors_rule_name="n" * 51),
        changed(CORS, cors_rule_name="b2-reserved"),
        changed(CORS, cors_rule_name="under_score"),
        changed(CORS, allowed_operations=()),
        changed(CORS, allowed_operations=("b2_list_file_names",)),
        changed(CORS, allowed_headers=("*", "range")),
        changed(CORS, allowed_headers=("x-*-y",)),
        changed(CORS, allowed_headers=("",)),
        changed(CORS, expose_headers=("x-bz-*",)),
        changed(CORS, expose_headers=("*",)),
        changed(CORS, max_age_seconds=-1),
        changed(CORS, max_age_seconds=86_401),
        changed(CORS, expose_headers=("x" * 957,)),
    )
    refused(checked_cors, [CORS, CORS], [changed(CORS, cors_rule_name=f"rule-{i:03}") for i in range(101)])


# -- lifecycle


def test_lifecycle_rules_may_overlap() -> None:
    rules = (LifecycleRule("", 1), LifecycleRule("tmp/", None, 2), LifecycleRule("tmp/x", None, None, 3))
    assert checked_lifecycle(rules) == rules


def test_lifecycle_rules_that_are_refused() -> None:
    refused(
        checked_lifecycle,
        [LifecycleRule("a")],
        [LifecycleRule("a", 0)],
        [LifecycleRule("a", 1, -1)],
        [LifecycleRule("a", 1, 1, 0)],
        [LifecycleRule("a" * 1025, 1)],
        [LifecycleRule("a", 1), LifecycleRule("a", None, 1)],
        [LifecycleRule(f"{i}", 1) for i in range(101)],
    )


# -- default retention


def test_default_retention() -> None:
    for value in (
        DefaultRetention(),
        DefaultRetention("governance", RetentionPeriod(1, "days")),
        DefaultRetention("compliance", RetentionPeriod(3000, "days")),
        DefaultRetention("compliance", RetentionPeriod(8, "years")),
    ):
        assert checked_default_retention(value) == value
    refused(
        checked_default_retention,
        DefaultRetention("governance"),
        DefaultRetention(None, RetentionPeriod(1, "days")),
        DefaultRetention("none", RetentionPeriod(1, "days")),
        DefaultRetention("governance", RetentionPeriod(0, "days")),
        DefaultRetention("governance", RetentionPeriod(3001, "days")),
        DefaultRetention("governance", RetentionPeriod(9, "years")),
        DefaultRetention("governance", RetentionPeriod(1, "months")),
    )


# -- replication


def test_replication_configurations() -> None:
    for value in (
        ReplicationConfiguration(),
        ReplicationConfiguration(ReplicationSource((REPLICATION,), "source-key")),
        ReplicationConfiguration(None, ReplicationDestination({"source-key": "destination-key"})),
    ):
        assert checked_replication(value) == value

    def source(*rules: ReplicationRule, key: str = "source-key") -> ReplicationConfiguration:
        return ReplicationConfiguration(ReplicationSource(rules, key))

    refused(
        checked_replication,
        source(),
        source(REPLICATION, key=""),
        source(REPLICATION, REPLICATION),
        source(changed(REPLICATION, priority=0)),
        source(changed(REPLICATION, priority=2**31)),
        source(changed(REPLICATION, replication_rule_name="")),
        source(changed(REPLICATION, replication_rule_name="a b")),
        source(changed(REPLICATION, replication_rule_name="n" * 65)),
        source(changed(REPLICATION, destination_bucket_id=BucketId(""))),
        source(changed(REPLICATION, file_name_prefix="p" * 1025)),
        ReplicationConfiguration(None, ReplicationDestination({"source-key": ""})),
    )


# -- notifications


def test_notification_rules_are_kept_by_name_and_not_suspended() -> None:
    mine = changed(RULE, name="rule-two", object_name_prefix="a", is_suspended=True, suspension_reason="mine")
    other = changed(RULE, object_name_prefix="b")
    assert checked_notifications([mine, other]) == (
        other,
        changed(mine, is_suspended=False, suspension_reason=None),
    )


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_every_event_type_is_taken(event_type: str) -> None:
    assert checked_notifications([changed(RULE, event_types=(event_type,))])


@pytest.mark.parametrize(
    ("event_types", "code"),
    [
        ((), "event_types_empty"),
        (("b2:ObjectCreated:Hide",), "event_type_invalid"),
        (("b2:*",), "event_type_invalid"),
        (("b2:ObjectCreated:Upload", "b2:ObjectDeleted:Delete"), "event_type_categories"),
        (("b2:ObjectCreated:Upload", "b2:ObjectCreated:*"), "event_type_overlap"),
        (("b2:ObjectCreated:Upload", "b2:ObjectCreated:Upload"), "event_type_overlap"),
    ],
)
def test_event_types_that_are_refused(event_types: tuple[str, ...], code: str) -> None:
    assert code_of(lambda rule: checked_notifications([rule]), changed(RULE, event_types=event_types)) == code


def test_no_event_is_told_by_two_rules() -> None:
    pets = changed(RULE, name="rule-two", object_name_prefix="images/pets/")
    images = changed(RULE, object_name_prefix="images/")
    assert code_of(checked_notifications, [pets, images]) == "event_type_overlap"
    every = changed(images, event_types=("b2:ObjectCreated:*",))
    assert code_of(checked_notifications, [pets, every]) == "event_type_overlap"
    assert checked_notifications([pets, changed(images, event_types=("b2:ObjectCreated:Copy",))])
    assert checked_notifications([pets, changed(images, event_types=("b2:HideMarkerCreated:*",))])


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://example.com/hook?a=b", True),
        ("http://127.0.0.1:8080/", True),
        ("http://localhost/", True),
        ("http://[::1]:1/", True),
        ("http://example.com/", False),
        ("http://localhost.example.com/", False),
        ("ftp://localhost/", False),
        ("https://", False),
        ("https://example.com:x/", False),
        ("https://example.com/a b", False),
        ("https://example.com/\r\nX: y", False),
        ("", False),
    ],
)
def test_webhooks_are_https_or_on_this_machine(url: str, good: bool) -> None:
    rule = changed(RULE, target_configuration=changed(HOOK, url=url))
    if good:
        assert checked_notifications([rule]) == (rule,)
    else:
        refused(checked_notifications, [rule])


def test_notification_rules_that_are_refused() -> None:
    def target(**fields: Any) -> NotificationRule:
        return changed(RULE, target_configuration=changed(HOOK, **fields))

    def headers(*pairs: tuple[str, str]) -> NotificationRule:
        return target(custom_headers=tuple(CustomHeader(name, value) for name, value in pairs))

    refused(
        lambda rule: checked_notifications([rule]),
        changed(RULE, name="short"),
        changed(RULE, name="b2-reserved"),
        changed(RULE, name="n" * 64),
        changed(RULE, max_events_per_batch=0),
        changed(RULE, max_events_per_batch=51),
        changed(RULE, object_name_prefix="p" * 1025),
        target(target_type="email"),
        target(hmac_sha256_signing_secret="a" * 31),
        target(hmac_sha256_signing_secret="!" * 32),
        headers(("X-Bz-Mine", "v")),
        headers(("a b", "v")),
        headers(("Host", "v")),
        headers(("X-Mine", "a\nb")),
        headers(("X-Mine", "v" * 2043)),
        headers(*[(f"X-{i}", "v") for i in range(11)]),
    )
    refused(checked_notifications, [RULE, RULE])
    many = [changed(RULE, name=f"rule-{i:03}", object_name_prefix=f"{i:03}") for i in range(26)]
    refused(checked_notifications, many)
    assert len(checked_notifications(many[:25])) == 25
    best = changed(
        HOOK,
        hmac_sha256_signing_secret="a" * 32,
        custom_headers=(CustomHeader("X-Mine", "v" * 2042),),
    )
    assert checked_notifications([changed(RULE, target_configuration=best, max_events_per_batch=50)])
