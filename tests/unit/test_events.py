"""Event notifications: who is told what, how it is signed, and that it arrives."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import RLock, Thread
from time import sleep
from typing import Any, get_args

import msgspec
import pytest
from attrs import define, evolve, field
from returns.unsafe import unsafe_perform_io

from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator.events import (
    EVENT_TYPE_OF,
    SIGNATURE_HEADER,
    Delivery,
    Event,
    EventKind,
    EventQueue,
    deliveries,
    matches,
)
from b2pure.effects.simulator.meter import EVENT_DELIVERY
from b2pure.effects.simulator.settings import EVENT_TYPES
from b2pure.model.buckets import CustomHeader, NotificationRule, WebhookTarget
from b2pure.model.calls import HideFile, SetBucketNotificationRules
from b2pure.model.errors import B2Error, Rejected, Transport, Unavailable
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.replies import FileReply
from b2pure.shell.client import Client
from b2pure.shell.clock import SystemClock
from b2pure.shell.deliver import deliver
from b2pure.shell.http import HttpApi
from b2pure.shell.serve import ServeOptions, serve_in_thread
from b2pure.shell.serve_events import Deliverer

SECRET = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"
RULE = NotificationRule(
    "rule-one", ("b2:ObjectCreated:*",), True, "photos/", WebhookTarget("https://example.com/hook"), 2
)

changed = msgspec.structs.replace


def file(name: str = "photos/cat", number: int = 1) -> FileReply:
    return FileReply(
        AccountId("acc"), "upload", BucketId("bucket-id"), 10, None, None, FileId(f"file-{number}"), {}, name, 5
    )


def event(kind: EventKind = "upload", name: str = "photos/cat", number: int = 1) -> Event:
    return Event.of(kind, file(name, number), "my-bucket", 1_000 + number)


def told(delivery: Delivery) -> list[dict[str, Any]]:
    body: dict[str, Any] = json.loads(delivery.body)
    assert list(body) == ["events"]
    events: list[dict[str, Any]] = body["events"]
    assert len(events) == delivery.event_count
    return events


# -- who is told


def test_every_kind_has_an_event_type_that_rules_can_name() -> None:
    assert set(EVENT_TYPE_OF) == set(get_args(EventKind))
    assert set(EVENT_TYPE_OF.values()) == {one for one in EVENT_TYPES if not one.endswith("*")}


@pytest.mark.parametrize("kind", get_args(EventKind))
@pytest.mark.parametrize("wanted", sorted(EVENT_TYPES))
def test_a_rule_hears_of_its_event_types_and_no_others(kind: EventKind, wanted: str) -> None:
    name = EVENT_TYPE_OF[kind]
    heard = matches(changed(RULE, event_types=(wanted,)), event(kind))
    assert heard == (wanted in (name, name[: name.rindex(":")] + ":*"))


def test_a_rule_hears_of_its_prefix_while_it_is_enabled() -> None:
    assert matches(RULE, event(name="photos/"))
    assert not matches(RULE, event(name="photo"))
    assert not matches(changed(RULE, is_enabled=False), event())
    assert not matches(changed(RULE, is_suspended=True), event())


# -- what is told


def test_the_body_of_a_delivery() -> None:
    (delivery,) = deliveries([RULE], [event()])
    assert delivery.url == "https://example.com/hook"
    assert delivery.rule_name == "rule-one"
    assert delivery.bucket_id == "bucket-id"
    assert delivery.headers == (("Content-Type", "application/json"),)
    assert told(delivery) == [
        {
            "accountId": "acc",
            "bucketId": "bucket-id",
            "bucketName": "my-bucket",
            "eventId": event().event_id,
            "eventTimestamp": 1_001,
            "eventType": "b2:ObjectCreated:Upload",
            "eventVersion": 1,
            "matchedRuleName": "rule-one",
            "objectName": "photos/cat",
            "objectSize": 10,
            "objectVersionId": "file-1",
        }
    ]


def test_a_deletion_tells_no_size() -> None:
    rule = changed(RULE, event_types=("b2:ObjectDeleted:*",))
    sizes = [told(one)[0]["objectSize"] for one in deliveries([rule], [event("delete"), event("lifecycle_delete")])]
    assert sizes == [None]
    assert event("hide").object_size == 10


def test_event_ids_tell_events_apart_and_are_always_the_same() -> None:
    kinds: tuple[EventKind, ...] = ("upload", "delete", "hide")
    ids = [event(kind, number=number).event_id for kind in kinds for number in (1, 2)]
    assert len(set(ids)) == len(ids)
    assert ids == [event(kind, number=number).event_id for kind in kinds for number in (1, 2)]


def test_events_are_told_in_order_and_as_many_at_once_as_the_rule_takes() -> None:
    events = [event(number=number) for number in range(5)]
    found = deliveries([RULE], events)
    assert [one.event_count for one in found] == [2, 2, 1]
    assert [one["objectVersionId"] for part in found for one in told(part)] == [f"file-{i}" for i in range(5)]
    single = deliveries([changed(RULE, max_events_per_batch=1)], events)
    assert [one.event_count for one in single] == [1] * 5


def test_each_rule_has_posts_of_its_own() -> None:
    hides = changed(RULE, name="rule-two", event_types=("b2:HideMarkerCreated:Hide",))
    found = deliveries([RULE, hides], [event("upload"), event("hide"), event("copy")])
    assert [(one.rule_name, one.event_count) for one in found] == [("rule-one", 2), ("rule-two", 1)]
    assert told(found[1])[0]["matchedRuleName"] == "rule-two"


def test_a_delivery_is_signed_over_its_very_bytes() -> None:
    target = changed(RULE.target_configuration, hmac_sha256_signing_secret=SECRET)
    (delivery,) = deliveries([changed(RULE, target_configuration=target)], [event(name="photos/é")])
    expected = hmac.new(SECRET.encode(), delivery.body, hashlib.sha256).hexdigest()
    assert dict(delivery.headers)[SIGNATURE_HEADER] == f"v1={expected}"


def test_custom_headers_travel_along() -> None:
    headers = (CustomHeader("X-Mine", "1"), CustomHeader("content-type", "application/cloudevents+json"))
    target = changed(RULE.target_configuration, custom_headers=headers)
    (delivery,) = deliveries([changed(RULE, target_configuration=target)], [event()])
    assert delivery.headers == (("X-Mine", "1"), ("content-type", "application/cloudevents+json"))


def test_no_repr_tells_a_webhook_or_its_secrets() -> None:
    target = WebhookTarget(
        "https://example.com/hook?key=hidden",
        hmac_sha256_signing_secret=SECRET,
        custom_headers=(CustomHeader("X-Key", "hidden"),),
    )
    (delivery,) = deliveries([changed(RULE, target_configuration=target)], [event()])
    assert "hidden" not in repr(delivery)
    assert "v1=" not in repr(delivery)


# -- the queue


def test_the_queue_gives_each_event_once() -> None:
    queue = EventQueue()
    queue.add("upload", file(), "my-bucket", (RULE,), 1)
    queue.add("copy", file(number=2), "my-bucket", (RULE,), 2)
    queue.add("delete", file(), "my-bucket", (RULE,), 3)
    assert len(queue) == 2
    (delivery,) = queue.take()
    assert [one["eventType"] for one in told(delivery)] == ["b2:ObjectCreated:Upload", "b2:ObjectCreated:Copy"]
    assert [one["eventTimestamp"] for one in told(delivery)] == [1, 2]
    assert queue.take() == ()


def test_equal_rules_of_two_buckets_share_no_post() -> None:
    queue = EventQueue()
    queue.add("upload", file(), "my-bucket", (RULE,), 1)
    queue.add("upload", changed(file(), bucket_id=BucketId("other-id")), "other-bucket", (RULE,), 1)
    assert [told(one)[0]["bucketName"] for one in queue.take()] == ["my-bucket", "other-bucket"]


def test_a_fork_of_the_queue_is_independent() -> None:
    queue = EventQueue()
    queue.add("upload", file(), "my-bucket", (RULE,), 1)
    twin = queue.fork()
    assert len(queue.take()) == 1
    assert (len(queue), len(twin)) == (0, 1)


# -- posting


@define
class Hook:
    """A webhook on this machine that answers with `status`, and what it was sent."""

    url: str = ""
    status: int = 200
    heard: list[tuple[str, dict[str, str], bytes]] = field(factory=list)


@contextmanager
def listening(hook: Hook) -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.heard.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(hook.status)
            if 300 <= hook.status < 400:
                self.send_header("Location", hook.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    hook.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def delivery_to(url: str) -> Delivery:
    target = WebhookTarget(url, hmac_sha256_signing_secret=SECRET, custom_headers=(CustomHeader("X-Mine", "1"),))
    (delivery,) = deliveries([changed(RULE, target_configuration=target)], [event(name="photos/é")])
    return delivery


def failure_of(delivery: Delivery) -> B2Error:
    return unsafe_perform_io(deliver(delivery).failure())


def test_a_delivery_arrives_as_it_is() -> None:
    with listening(Hook()) as hook:
        delivery = delivery_to(hook.url + "/hook?a=b")
        assert unsafe_perform_io(deliver(delivery).unwrap()) is None
        ((path, headers, body),) = hook.heard
        assert path == "/hook?a=b"
        assert body == delivery.body
        assert headers["content-type"] == "application/json"
        assert headers["x-mine"] == "1"
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-bz-event-notification-signature"] == f"v1={digest}"


def test_whatever_is_no_2xx_is_a_failure() -> None:
    with listening(Hook()) as hook:
        delivery = delivery_to(hook.url)
        hook.status = 204
        assert unsafe_perform_io(deliver(delivery).unwrap()) is None
        for status, kind in ((302, Rejected), (404, Rejected), (429, Rejected), (408, Unavailable), (503, Unavailable)):
            hook.status = status
            error = failure_of(delivery)
            assert isinstance(error, kind)
            assert error.status == status
        assert len(hook.heard) == 6  # nobody followed the redirect


def test_a_webhook_that_is_not_there_is_a_failure() -> None:
    with listening(Hook()) as hook:
        delivery = delivery_to(hook.url)
    error = failure_of(delivery)
    assert isinstance(error, Transport)
    assert error.kind == "connect"
    assert hook.url not in repr(error)


def test_nothing_is_posted_in_the_clear_to_another_machine() -> None:
    delivery = evolve(delivery_to("https://example.com"), url="http://example.com/hook")
    error = failure_of(delivery)
    assert isinstance(error, Transport)
    assert error.kind == "connect"


def _wait_until(true: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if true():
            return
        sleep(0.01)
    raise AssertionError("it never came to be")


def _heard_of_hiding(client: Client, simulator: Simulator, url: str) -> None:
    """A rule for `url`, and something that it hears of."""
    bucket = simulator.add_bucket("bucket-one").bucket_id
    rule = NotificationRule("all-of-it", ("b2:HideMarkerCreated:*",), True, "", WebhookTarget(url))
    simulator.put(bucket, "photos/cat", b"")
    client.call(SetBucketNotificationRules(bucket, (rule,))).unwrap()
    client.call(HideFile(bucket, "photos/cat")).unwrap()


def test_a_server_posts_what_its_requests_brought_about_and_writes_it_down() -> None:
    simulator = Simulator(SystemClock().now_millis)
    with (
        listening(Hook()) as hook,
        serve_in_thread(simulator, options=ServeOptions(post_events=True)) as server,
        HttpApi(simulator.master_key_id, simulator.master_key, realm_address=server.url) as api,
    ):
        _heard_of_hiding(Client(api, SystemClock()), simulator, hook.url)
        _wait_until(lambda: bool(simulator.log.entries(call_name=EVENT_DELIVERY)))
        ((_, _, body),) = hook.heard
        assert json.loads(body)["events"][0]["objectName"] == "photos/cat"
        (entry,) = simulator.log.entries(call_name=EVENT_DELIVERY)
        assert (entry.status, entry.about) == (200, "all-of-it")


def test_a_webhook_that_is_not_there_is_written_down() -> None:
    simulator = Simulator(SystemClock().now_millis)
    with listening(Hook()) as hook:
        gone = hook.url
    api = SimulatedApi(simulator, simulator.master_key_id, simulator.master_key)
    _heard_of_hiding(Client(api, SystemClock()), simulator, gone)
    Deliverer(simulator, RLock()).collect()
    _wait_until(lambda: bool(simulator.log.entries(call_name=EVENT_DELIVERY)))
    assert [(e.status, e.code) for e in simulator.log.entries(call_name=EVENT_DELIVERY)] == [(0, "connect")]
