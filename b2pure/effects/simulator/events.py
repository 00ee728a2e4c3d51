"""Event notifications of the simulated B2, as data: what happened, which rule is told, and the posts that tell it.

Rules. An event is matched with the rules of its bucket when it happens: rules that come later never hear of it, and one
for which there is no rule is not kept. `deliveries` makes the posts; posting them is the business of the shell. The
body and its signature (HMAC-SHA256 of the body, in hex, after `v1=`) are as Backblaze's pages and its Java and
TypeScript clients have them. Of a deletion no size is told. Ids follow from what happened, so that two runs of the same
calls tell the same events. Secrets, webhooks and their headers stay out of every repr.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final, Literal

import msgspec
from attrs import field, frozen

from b2pure.model.buckets import NotificationRule
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.replies import FileReply

__all__ = ["EVENT_TYPE_OF", "SIGNATURE_HEADER", "Delivery", "Event", "EventKind", "EventQueue", "deliveries", "matches"]

SIGNATURE_HEADER: Final = "X-Bz-Event-Notification-Signature"
_EVENT_VERSION: Final = 1

EventKind = Literal[
    "upload",
    "multipart_upload",
    "copy",
    "replica",
    "multipart_replica",
    "delete",
    "lifecycle_delete",
    "hide",
    "lifecycle_hide",
]

EVENT_TYPE_OF: Final[Mapping[EventKind, str]] = {
    "upload": "b2:ObjectCreated:Upload",
    "multipart_upload": "b2:ObjectCreated:MultipartUpload",
    "copy": "b2:ObjectCreated:Copy",
    "replica": "b2:ObjectCreated:Replica",
    "multipart_replica": "b2:ObjectCreated:MultipartReplica",
    "delete": "b2:ObjectDeleted:Delete",
    "lifecycle_delete": "b2:ObjectDeleted:LifecycleRule",
    "hide": "b2:HideMarkerCreated:Hide",
    "lifecycle_hide": "b2:HideMarkerCreated:LifecycleRule",
}
"""B2's name of each kind."""


class Event(msgspec.Struct, frozen=True, rename="camel"):
    """What happened to one version of a file; the time is in milliseconds since the epoch."""

    account_id: AccountId
    bucket_id: BucketId
    bucket_name: str
    event_id: str
    event_timestamp: int
    event_type: str
    object_name: str
    object_size: int | None
    object_version_id: FileId | None

    @classmethod
    def of(cls, kind: EventKind, file: FileReply, bucket_name: str, at_millis: int) -> Event:
        """The event of a version of a file in the bucket of this name."""
        event_type = EVENT_TYPE_OF[kind]
        deleted = kind in ("delete", "lifecycle_delete")
        return cls(
            file.account_id,
            file.bucket_id,
            bucket_name,
            blake2b(f"{file.file_id}:{event_type}:{at_millis}".encode(), digest_size=16).hexdigest(),
            at_millis,
            event_type,
            file.file_name,
            None if deleted else file.content_length,
            file.file_id,
        )


class _Told(Event, frozen=True, rename="camel", kw_only=True):
    """An event as a rule's target hears of it."""

    event_version: int = _EVENT_VERSION
    matched_rule_name: str


class _Body(msgspec.Struct, frozen=True):
    events: tuple[_Told, ...]


@frozen
class Delivery:
    """One post to a webhook: `event_count` events of one rule of one bucket."""

    bucket_id: BucketId
    rule_name: str
    event_count: int
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


def matches(rule: NotificationRule, event: Event) -> bool:
    """Whether the rule wants to hear of the event."""
    if not rule.is_enabled or rule.is_suspended or not event.object_name.startswith(rule.object_name_prefix):
        return False
    every = event.event_type.rpartition(":")[0] + ":*"
    return event.event_type in rule.event_types or every in rule.event_types


def deliveries(rules: Iterable[NotificationRule], events: Iterable[Event]) -> tuple[Delivery, ...]:
    """The posts that tell the rules of one bucket of these events, in order, as many at once as each rule takes."""
    known = tuple(rules)
    return _posts((rule, event) for event in events for rule in known if matches(rule, event))


def _posts(heard: Iterable[tuple[NotificationRule, Event]]) -> tuple[Delivery, ...]:
    """Posts in the order of the first event of each."""
    batches: list[tuple[NotificationRule, list[Event]]] = []
    growing: dict[tuple[BucketId, NotificationRule], list[Event]] = {}
    for rule, event in heard:
        place = event.bucket_id, rule
        batch = growing.get(place)
        if batch is None:
            batch = growing[place] = []
            batches.append((rule, batch))
        batch.append(event)
        if len(batch) >= rule.max_events_per_batch:
            del growing[place]
    return tuple(_post(rule, batch) for rule, batch in batches)


def _post(rule: NotificationRule, events: list[Event]) -> Delivery:
    target = rule.target_configuration
    body = msgspec.json.encode(
        _Body(tuple(_Told(*msgspec.structs.astuple(event), matched_rule_name=rule.name) for event in events))
    )
    headers = [(header.name, header.value) for header in target.custom_headers or ()]
    if all(name.lower() != "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    if target.hmac_sha256_signing_secret is not None:
        digest = hmac.digest(target.hmac_sha256_signing_secret.encode(), body, "sha256")
        headers.append((SIGNATURE_HEADER, f"v1={digest.hex()}"))
    return Delivery(events[0].bucket_id, rule.name, len(events), target.url, tuple(headers), body)


class EventQueue:
    """What happened and is still to be told. It lives as long as its world and is not written down."""

    def __init__(self, waiting: Iterable[tuple[NotificationRule, Event]] = ()) -> None:
        self._waiting = list(waiting)

    def __len__(self) -> int:
        """How many times some rule is to be told of some event."""
        return len(self._waiting)

    def fork(self) -> EventQueue:
        """An independent copy."""
        return EventQueue(self._waiting)

    def add(
        self, kind: EventKind, file: FileReply, bucket_name: str, rules: Iterable[NotificationRule], at_millis: int
    ) -> None:
        """Something happened to a version, in the bucket of this name with these rules."""
        event = Event.of(kind, file, bucket_name, at_millis)
        self._waiting += [(rule, event) for rule in rules if matches(rule, event)]

    def take(self) -> tuple[Delivery, ...]:
        """The posts that tell everything up to now; they are given out once."""
        waiting, self._waiting = self._waiting, []
        return _posts(waiting)
