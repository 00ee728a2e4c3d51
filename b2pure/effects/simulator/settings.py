"""Which settings of a bucket B2 takes, as pure functions over the values of `model.buckets`.

Rules. Each check gives the value as it is kept or raises `Refused`; none knows the simulator's state, so whether a
replication destination exists or a key may set it is asked elsewhere. Codes are B2's own, messages are ours.
Sources: Backblaze's pages on CORS rules, lifecycle rules, object lock and event notifications, and b2sdk for the codes
of event types. Where those are silent the choice is told at the check.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from b2pure.effects.simulator.rules import bad_request
from b2pure.effects.wire import header_problem
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
from b2pure.model.limits import MAX_FILE_NAME_BYTES

__all__ = [
    "CORS_OPERATIONS",
    "EVENT_TYPES",
    "LOOPBACK_HOSTS",
    "checked_bucket_info",
    "checked_cors",
    "checked_default_retention",
    "checked_lifecycle",
    "checked_notifications",
    "checked_replication",
    "is_webhook",
]

CORS_OPERATIONS: Final = frozenset(
    {
        "b2_download_file_by_id",
        "b2_download_file_by_name",
        "b2_upload_file",
        "b2_upload_part",
        "s3_delete",
        "s3_get",
        "s3_head",
        "s3_post",
        "s3_put",
    }
)

_EVENTS_BY_CATEGORY: Final[Mapping[str, tuple[str, ...]]] = {
    "b2:ObjectCreated:": ("Upload", "MultipartUpload", "Copy", "Replica", "MultipartReplica"),
    "b2:ObjectDeleted:": ("Delete", "LifecycleRule"),
    "b2:HideMarkerCreated:": ("Hide", "LifecycleRule"),
}

EVENT_TYPES: Final = frozenset(
    category + event for category, events in _EVENTS_BY_CATEGORY.items() for event in (*events, "*")
)
"""What a notification rule can name; `*` is every event of its category."""

LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Where a webhook may be plain http, so that tests need no certificate. B2 itself takes https alone."""

MAX_INFO_PAIRS: Final = 10
MAX_INFO_VALUE_BYTES: Final = 2048
"""Sources disagree (550 or 2048); the greater refuses nothing that B2 takes."""
MAX_CORS_RULES: Final = 100
MAX_CORS_RULE_BYTES: Final = 1000
MAX_CORS_AGE_SECONDS: Final = 86_400
MAX_LIFECYCLE_RULES: Final = 100
MAX_DAYS: Final = 2**31 - 1
MAX_RETENTION_DAYS: Final = 3000
DAYS_PER_YEAR: Final = 365
MAX_PRIORITY: Final = 2**31 - 1
MAX_NOTIFICATION_RULES: Final = 25
MAX_EVENTS_PER_BATCH: Final = 50
MAX_CUSTOM_HEADERS: Final = 10
MAX_CUSTOM_HEADER_BYTES: Final = 2048

_INFO_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,50}\Z")
_CORS_NAME: Final = re.compile(r"[A-Za-z0-9-]{6,50}\Z")
_NOTIFICATION_NAME: Final = re.compile(r"[A-Za-z0-9-]{6,63}\Z")
_REPLICATION_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_SIGNING_SECRET: Final = re.compile(r"[A-Za-z0-9]{32}\Z")
_FRAMING: Final = frozenset({"connection", "content-length", "host", "transfer-encoding"})
"""Headers that every delivery has of its own."""
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_ALLOWED_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]+\*?\Z")
_EXPOSED_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]+\Z")
_ORIGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?\Z"
)


def checked_bucket_info(info: Mapping[str, str]) -> dict[str, str]:
    """Bucket info. Keys keep their case, because B2 looks for `Cache-Control` in exactly this one."""
    if len(info) > MAX_INFO_PAIRS:
        raise bad_request(f"at most {MAX_INFO_PAIRS} bucketInfo pairs")
    for key, value in info.items():
        if not _INFO_KEY.match(key):
            raise bad_request("bucketInfo keys are 1 to 50 of A-Z a-z 0-9 _ -")
        if _size(value) > MAX_INFO_VALUE_BYTES:
            raise bad_request(f"the bucketInfo value of {key} has more than {MAX_INFO_VALUE_BYTES} bytes")
    return dict(info)


# -- CORS


def checked_cors(rules: Iterable[CorsRule]) -> tuple[CorsRule, ...]:
    """CORS rules. Their order stays, because the first that matches decides."""
    found = tuple(rules)
    if len(found) > MAX_CORS_RULES:
        raise bad_request(f"at most {MAX_CORS_RULES} corsRules")
    for rule in found:
        _check_cors_rule(rule)
    _check_unique((rule.cors_rule_name for rule in found), "corsRuleName")
    return found


def _check_cors_rule(rule: CorsRule) -> None:
    name, origins, operations = rule.cors_rule_name, rule.allowed_origins, rule.allowed_operations
    headers, exposed = rule.allowed_headers or (), rule.expose_headers or ()
    if not _CORS_NAME.match(name) or name.lower().startswith("b2-"):
        raise bad_request("a corsRuleName is 6 to 50 of A-Z a-z 0-9 -, and does not start with b2-")
    if sum(map(_size, (name, *origins, *operations, *headers, *exposed))) >= MAX_CORS_RULE_BYTES:
        raise bad_request(f"the strings of CORS rule {name} have {MAX_CORS_RULE_BYTES} bytes or more")
    _check_origins(name, origins)
    if not operations or not CORS_OPERATIONS.issuperset(operations):
        raise bad_request(f"the allowedOperations of CORS rule {name} are some of {', '.join(sorted(CORS_OPERATIONS))}")
    if "*" in headers and len(headers) > 1:
        raise bad_request(f"* must be the only one of the allowedHeaders of CORS rule {name}")
    if not all(header == "*" or _ALLOWED_HEADER.match(header) for header in headers):
        raise bad_request(f"the allowedHeaders of CORS rule {name} are header names, which may end with *, or *")
    if not all(map(_EXPOSED_HEADER.match, exposed)):
        raise bad_request(f"the exposeHeaders of CORS rule {name} are whole header names")
    if not 0 <= rule.max_age_seconds <= MAX_CORS_AGE_SECONDS:
        raise bad_request(f"the maxAgeSeconds of CORS rule {name} must be 0 to {MAX_CORS_AGE_SECONDS}")


def _check_origins(name: str, origins: tuple[str, ...]) -> None:
    if not origins:
        raise bad_request(f"CORS rule {name} needs allowedOrigins")
    if "*" in origins and len(origins) > 1:
        raise bad_request(f"* must be the only one of the allowedOrigins of CORS rule {name}")
    if origins.count("https") > 1:
        raise bad_request(f"https stands twice among the allowedOrigins of CORS rule {name}")
    if not all(origin in ("*", "https") or _is_origin(origin) for origin in origins):
        raise bad_request(
            f"the allowedOrigins of CORS rule {name} are origins like https://www.example.com:8443 with at most one * "
            "in the domain, or https, or *"
        )


def _is_origin(origin: str) -> bool:
    match = _ORIGIN.match(origin)
    return match is not None and match["host"].count("*") <= 1


# -- lifecycle


def checked_lifecycle(rules: Iterable[LifecycleRule]) -> tuple[LifecycleRule, ...]:
    """Lifecycle rules. Prefixes may overlap, as B2's newer clients have them; two rules of one prefix may not,
    because then nobody could say what the first was for.
    """
    found = tuple(rules)
    if len(found) > MAX_LIFECYCLE_RULES:
        raise bad_request(f"at most {MAX_LIFECYCLE_RULES} lifecycleRules")
    for rule in found:
        _check_lifecycle_rule(rule)
    _check_unique((rule.file_name_prefix for rule in found), "fileNamePrefix of the lifecycleRules")
    return found


def _check_lifecycle_rule(rule: LifecycleRule) -> None:
    _check_prefix(rule.file_name_prefix, "fileNamePrefix")
    days = (
        rule.days_from_hiding_to_deleting,
        rule.days_from_uploading_to_hiding,
        rule.days_from_starting_to_canceling_unfinished_large_files,
    )
    if days == (None, None, None):
        raise bad_request("a lifecycle rule needs at least one number of days")
    if not all(number is None or 1 <= number <= MAX_DAYS for number in days):
        raise bad_request("the days of a lifecycle rule are positive whole numbers, or null")


# -- object lock


def checked_default_retention(value: DefaultRetention) -> DefaultRetention:
    """The retention of new files: a mode with a period, or neither."""
    if value.mode is None and value.period is None:
        return value
    if value.mode not in ("governance", "compliance"):
        raise bad_request("the mode of a default retention is governance, compliance or null")
    if value.period is None:
        raise bad_request("a default retention with a mode needs a period")
    if not 1 <= _days(value.period) <= MAX_RETENTION_DAYS:
        raise bad_request(f"the period of a default retention is 1 to {MAX_RETENTION_DAYS} days")
    return value


def _days(period: RetentionPeriod) -> int:
    match period.unit:
        case "days":
            return period.duration
        case "years":
            return period.duration * DAYS_PER_YEAR
        case _:
            raise bad_request("the unit of a period is days or years")


# -- replication


def checked_replication(config: ReplicationConfiguration) -> ReplicationConfiguration:
    """The structure of a replication configuration. B2's pages name no rule on equal priorities; they are taken."""
    if config.as_replication_source is not None:
        _check_source(config.as_replication_source)
    if config.as_replication_destination is not None:
        _check_destination(config.as_replication_destination)
    return config


def _check_source(source: ReplicationSource) -> None:
    if not source.source_application_key_id:
        raise bad_request("a replication source needs a sourceApplicationKeyId")
    if not source.replication_rules:
        raise bad_request("a replication source needs replicationRules")
    for rule in source.replication_rules:
        _check_replication_rule(rule)
    _check_unique((rule.replication_rule_name for rule in source.replication_rules), "replicationRuleName")


def _check_replication_rule(rule: ReplicationRule) -> None:
    if not _REPLICATION_NAME.match(rule.replication_rule_name):
        raise bad_request("a replicationRuleName is 1 to 64 of A-Z a-z 0-9 _ -")
    if not rule.destination_bucket_id:
        raise bad_request("a replication rule needs a destinationBucketId")
    if not 1 <= rule.priority <= MAX_PRIORITY:
        raise bad_request(f"the priority of a replication rule must be 1 to {MAX_PRIORITY}")
    _check_prefix(rule.file_name_prefix, "fileNamePrefix")


def _check_destination(destination: ReplicationDestination) -> None:
    mapping = destination.source_to_destination_key_mapping
    if not all(source and key for source, key in mapping.items()):
        raise bad_request("a sourceToDestinationKeyMapping maps application key ids to application key ids")


# -- event notifications


def checked_notifications(rules: Iterable[NotificationRule]) -> tuple[NotificationRule, ...]:
    """Notification rules as B2 keeps and lists them: sorted by name, none suspended, whatever the sender said of that.

    B2 tells which code an error of event types has, not what exactly each stands for. Here `event_type_categories` is a
    rule with more than one category, and `event_type_overlap` an event that would be told twice: by two types of one
    rule, or by two rules of which one prefix starts the other.
    """
    found = tuple(sorted(rules, key=lambda rule: rule.name))
    if len(found) > MAX_NOTIFICATION_RULES:
        raise bad_request(f"at most {MAX_NOTIFICATION_RULES} eventNotificationRules")
    for rule in found:
        _check_notification_rule(rule)
    _check_unique((rule.name for rule in found), "name of the eventNotificationRules")
    for index, rule in enumerate(found):
        for other in found[:index]:
            _check_apart(other, rule)
    return tuple(msgspec.structs.replace(rule, is_suspended=False, suspension_reason=None) for rule in found)


def _check_notification_rule(rule: NotificationRule) -> None:
    if not _NOTIFICATION_NAME.match(rule.name) or rule.name.lower().startswith("b2-"):
        raise bad_request("the name of a notification rule is 6 to 63 of A-Z a-z 0-9 -, and does not start with b2-")
    _check_event_types(rule)
    _check_prefix(rule.object_name_prefix, "objectNamePrefix")
    if not 1 <= rule.max_events_per_batch <= MAX_EVENTS_PER_BATCH:
        raise bad_request(f"maxEventsPerBatch must be 1 to {MAX_EVENTS_PER_BATCH}")
    _check_target(rule.target_configuration)


def _check_event_types(rule: NotificationRule) -> None:
    types = rule.event_types
    if not types:
        raise bad_request(f"notification rule {rule.name} has no event type", "event_types_empty")
    unknown = next((one for one in types if one not in EVENT_TYPES), None)
    if unknown is not None:
        raise bad_request(f"unknown event type in notification rule {rule.name}", "event_type_invalid")
    if len({_category(one) for one in types}) > 1:
        raise bad_request(f"the event types of rule {rule.name} are of several categories", "event_type_categories")
    if len(set(types)) < len(types) or (len(types) > 1 and any(one.endswith("*") for one in types)):
        raise bad_request(f"event types of rule {rule.name} overlap", "event_type_overlap")


def _check_apart(one: NotificationRule, other: NotificationRule) -> None:
    first, second = one.object_name_prefix, other.object_name_prefix
    if not (first.startswith(second) or second.startswith(first)):
        return
    if any(_share(this, that) for this in one.event_types for that in other.event_types):
        raise bad_request(
            f"the prefixes of notification rules {one.name} and {other.name} overlap for one event type",
            "event_type_overlap",
        )


def _share(one: str, other: str) -> bool:
    """Whether some event is of both types."""
    return one == other or (_category(one) == _category(other) and (one.endswith("*") or other.endswith("*")))


def _category(event_type: str) -> str:
    return event_type.rpartition(":")[0]


def _check_target(target: WebhookTarget) -> None:
    if target.target_type != "webhook":
        raise bad_request("the targetType of a notification rule is webhook")
    if not is_webhook(target.url):
        raise bad_request("the url of a webhook must be https (or http on this machine, in this simulator)")
    secret = target.hmac_sha256_signing_secret
    if secret is not None and not _SIGNING_SECRET.match(secret):
        raise bad_request("an hmacSha256SigningSecret is 32 of A-Z a-z 0-9")
    _check_custom_headers(target.custom_headers or ())


def is_webhook(url: str) -> bool:
    """Whether events can be posted there: by https, or on this machine."""
    if header_problem(url) is not None or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_HOSTS))


def _check_custom_headers(headers: tuple[CustomHeader, ...]) -> None:
    if len(headers) > MAX_CUSTOM_HEADERS:
        raise bad_request(f"at most {MAX_CUSTOM_HEADERS} customHeaders")
    if sum(_size(header.name) + _size(header.value) for header in headers) > MAX_CUSTOM_HEADER_BYTES:
        raise bad_request(f"the customHeaders have more than {MAX_CUSTOM_HEADER_BYTES} bytes")
    for header in headers:
        if not _HEADER_NAME.match(header.name) or header.name.lower().startswith("x-bz-"):
            raise bad_request("the names of customHeaders are header names that do not start with X-Bz-")
        if header.name.lower() in _FRAMING:
            raise bad_request(f"{header.name} cannot be one of the customHeaders")
        if header_problem(header.value) is not None:
            raise bad_request(f"the value of custom header {header.name} is not printable ASCII")


# -- what they share


def _check_prefix(prefix: str, field: str) -> None:
    if _size(prefix) > MAX_FILE_NAME_BYTES:
        raise bad_request(f"a {field} has at most {MAX_FILE_NAME_BYTES} bytes")


def _check_unique(names: Iterable[Hashable], field: str) -> None:
    found = list(names)
    if len(set(found)) < len(found):
        raise bad_request(f"the same {field} stands twice")


def _size(text: str) -> int:
    """Bytes of UTF-8."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise bad_request("a setting is not valid Unicode") from None
