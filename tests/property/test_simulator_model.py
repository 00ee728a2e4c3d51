"""The simulator against a naive model of B2's rules: whatever is asked, in whatever order, both say the same.

The steps go through `serve`, as requests of version 4. `naive_b2` answers each with what may be said to it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import md5
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from naive_b2 import OVERRIDES, Answer, Limits, NaiveB2, matches
from naive_b2_rules import BUCKET_CAPABILITIES, DAY, Json, fields_of, sha1_of, words

from b2pure.effects.served import Served, ServedRequest, serve
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulator import Simulator, SimulatorConfig

STEP_COUNT = 60

OFTEN = {"b2_copy_file": 10, "b2_copy_part": 8, "b2_delete_file_version": 10, "b2_list_file_names": 8}
OFTEN |= {"b2_list_file_versions": 8, "b2_hide_file": 8, "b2_create_key": 6, "b2_get_upload_url": 2}
OFTEN |= {"b2_finish_large_file": 0, "b2_start_large_file": 6}

LIMITS = Limits(
    min_part=5,
    max_part=12,
    max_small=20,
    max_large=30,
    max_parts=5,
    min_parts=2,
    max_buckets=5,
    max_info_pairs=3,
    info_budget=1500,
    info_budget_when_protected=1200,
    token_life=DAY,
)

CONFIG = SimulatorConfig(
    absolute_minimum_part_size=LIMITS.min_part,
    recommended_part_size=10,
    max_part_size=LIMITS.max_part,
    max_single_size=LIMITS.max_small,
    max_file_size=LIMITS.max_large,
    max_parts=LIMITS.max_parts,
    minimum_part_count=LIMITS.min_parts,
    max_buckets=LIMITS.max_buckets,
    max_info_pairs=LIMITS.max_info_pairs,
    info_budget=LIMITS.info_budget,
    protected_info_budget=LIMITS.info_budget_when_protected,
    token_lifetime_millis=LIMITS.token_life,
)

# -- what is asked. References to what there is are resolved when the step is made.


class The(NamedTuple):
    """The nth newest of its kind that ever was; below nought one that never was."""

    kind: str
    nth: int


class NameOf(NamedTuple):
    """The name of the nth newest file."""

    nth: int


class In(NamedTuple):
    """A time from now, in milliseconds."""

    millis: int


UNKNOWN = {
    "bucket": "f" * 24,
    "file": "4_z" + "f" * 24 + "_f1" + "0" * 15 + "_d20240101_m000000_c002_v0001_t0001",
    "key": "002ffffffffffff0000000000",
    "token": "4_nobody",
}

# Every field of a step is one of a list, the first of which is the simplest and to which shrinking goes.

Choices = list[Any]


def the(kind: str) -> Choices:
    """Mostly a new one, now and then one that never was."""
    return [The(kind, nth) for nth in (0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 6, 9, 14, -1)]


FILES, LARGES, KEYS, SHARES = map(the, ["file", "large", "key", "share"])
BUCKETS = [The("bucket", nth) for nth in (0, 1, 2) * 5 + (3, 4, -1)]
BUCKET_NAMES = [The("bucketName", nth) for nth in (0, 1, 2) * 3 + (3, -1)]
MASTER = The("token", -2)
WHO = [MASTER] * 20 + [The("token", nth) for nth in (0, 0, 0, 0, 0, 1, 1, 2, 3, 5, -1)]
NAMES = ["a", "a/b", "a/b/c", "b", "a/c.txt", "a b+%", "é", "\uff5e", "\U00010400", "a/b", "a/b/d", "a"]
LONGEST = "/".join(["x" * 200] * 5) + "x" * 20
ODD_NAMES = [LONGEST, "x" * 1025, "é" * 513, "a\n", "a\x7f", "/a", "a//b", "a\\b", "..", ""]
NEW_NAMES = NAMES * 5 + ODD_NAMES
OLD_NAMES = [NameOf(nth) for nth in range(6)]
PREFIXES = [None, "", "a", "a/", "a/b", "b", "\uff5e", "zz"]
KEY_PREFIXES = [None, None, "a", "a/"]
CONTENTS = [char * size for size in range(23) for char in (b"x", b"y")]
INFOS: Choices = [
    *[{}] * 6,
    {"k": "v"},
    {"Upper": "é +%"},
    {"src_last_modified_millis": "1234567890123", "a~!": ""},
    {"b2-content-language": "de", "b2-content-disposition": "inline"},
    {"k": "v", "l": "v", "m": "v"},
    {"k": "x" * 1000},
    {"k": "x" * 1200},
    {"k": "é" * 400},
    {"k": "v", "l": "v", "m": "v", "n": "v"},
    {"k": "x" * 1501},
    {"b2-nonsense": "v"},
    {"bad key": "v"},
    {"k" * 51: "v"},
    {"k" * 50: "v"},
]
TYPES = ["text/html", "b2/x-auto", "application/octet-stream"]
NEW_TYPES = [*TYPES * 5, ""]
COUNTS = [None, 1, 2, 3, 0, 10000, 1, 2, 3, 10001, -1]
RANGES: Choices = [
    *("bytes=0-4", "bytes=3-6", "bytes=0-0", "bytes=0-", "bytes=3-", "bytes=-3", "bytes=2-30", "bytes=4-11"),
    *("bytes=5-5", "bytes=22-25", "bytes=-0", "bytes=-40", "bytes=10-12", "bytes=3-2", "bytes=", "items=1-2"),
]
MAYBE_RANGE = [None] * 12 + RANGES
FLAGS = [None, None, None, None, False, True]


def sse_c(letter: bytes) -> Json:
    key = letter * 32
    digest = b64encode(md5(key).digest()).decode()
    return {"mode": "SSE-C", "algorithm": "AES256", "customerKey": b64encode(key).decode(), "customerKeyMd5": digest}


KEY_LETTERS = (b"k", b"l")

CUSTOMER_KEYS: Choices = [
    *[None] * 8,
    *(sse_c(b"k"), sse_c(b"k"), sse_c(b"k"), sse_c(b"l")),
    {**sse_c(b"k"), "customerKeyMd5": "AAAA"},
]
ENCRYPTIONS: Choices = [
    *[None] * 10,
    *[{"mode": "SSE-B2", "algorithm": "AES256"}] * 3,
    *[sse_c(b"k")] * 3,
    sse_c(b"l"),
    {"mode": "SSE-B2", "algorithm": "AES128"},
    {**sse_c(b"k"), "customerKeyMd5": "AAAA"},
]
DEFAULT_ENCRYPTIONS: Choices = [
    *[None] * 5,
    *[{"mode": "SSE-B2", "algorithm": "AES256"}] * 2,
    {"mode": None},
    {"mode": "SSE-C", "algorithm": "AES256"},
]
RETENTIONS: Choices = [
    *[None] * 12,
    {"mode": "governance", "retainUntilTimestamp": In(3_600_000)},
    {"mode": "governance", "retainUntilTimestamp": In(2 * DAY)},
    {"mode": "compliance", "retainUntilTimestamp": In(3_600_000)},
    {"mode": "compliance", "retainUntilTimestamp": In(2 * DAY)},
    {"mode": "governance", "retainUntilTimestamp": In(-5)},
    {"mode": "governance"},
]
NEW_RETENTIONS = [*RETENTIONS[12:16] * 3, {"mode": None, "retainUntilTimestamp": None}, *RETENTIONS[16:]]
DEFAULT_RETENTIONS: Choices = [
    *[None] * 8,
    {"mode": "governance", "period": {"duration": 1, "unit": "days"}},
    {"mode": "compliance", "period": {"duration": 2, "unit": "days"}},
    {"mode": None, "period": None},
    {"mode": "compliance", "period": {"duration": 3001, "unit": "days"}},
]
HOLDS = [None] * 8 + ["on", "off", "on", "maybe"]
CORS = {
    "corsRuleName": "download",
    "allowedOrigins": ["https"],
    "allowedOperations": ["b2_download_file_by_id"],
    "maxAgeSeconds": 60,
}
BUCKET_SETTINGS: dict[str, Choices] = {
    "bucketInfo": [None, None, {}, {"k": "v"}, {"k": "v"}, {str(n): "" for n in range(11)}],
    "lifecycleRules": [
        *[None] * 4,
        [],
        [{"fileNamePrefix": "zz", "daysFromHidingToDeleting": 1, "daysFromUploadingToHiding": None}],
        [{"fileNamePrefix": "zz", "daysFromHidingToDeleting": 0}],
        [{"fileNamePrefix": "zz"}],
    ],
    "corsRules": [*[None] * 4, [], [CORS], [CORS | {"allowedOrigins": []}]],
    "defaultServerSideEncryption": DEFAULT_ENCRYPTIONS,
}


def notification(url: str = "https://example.com/hook", **fields: Any) -> Json:
    rule = {"name": "rule-1", "eventTypes": ["b2:ObjectCreated:*"], "isEnabled": False, "objectNamePrefix": ""}
    return {**rule, "targetConfiguration": {"targetType": "webhook", "url": url}, **fields}


# The fields of each call, as they may be asked for. None is not sent, or sent as null.
CALLS: dict[str, dict[str, Choices]] = {
    "b2_create_key": {
        "capabilities": [
            *[["listFiles", "readFiles", "writeFiles", "deleteFiles", "listBuckets", "shareFiles"]] * 2,
            *[BUCKET_CAPABILITIES] * 4,
            ["listFiles", "listBuckets", "readFileRetentions", "readBucketEncryption"],
            *[[one for one in BUCKET_CAPABILITIES if one != without] for without in BUCKET_CAPABILITIES],
            *[["listKeys", "writeKeys", "listFiles"]] * 3,
            *[["writeBuckets", "deleteBuckets", "deleteKeys"]] * 3,
            ["nonsense"],
            [],
        ],
        "keyName": [*["key", "Key-2"] * 6, "", "k_1", "k" * 101, "k" * 100],
        "validDurationInSeconds": [None, None, None, 1, 3600, 3600, 0, 86_400_001],
        "bucketIds": [
            None,
            None,
            [BUCKETS[0]],
            [The("bucket", 1)],
            [The("bucket", 0), The("bucket", 1)],
            [BUCKETS[-1]],
        ],
        "namePrefix": KEY_PREFIXES,
    },
    "b2_delete_key": {"applicationKeyId": KEYS},
    "b2_list_keys": {"maxKeyCount": [None, 1, 2, 10001], "startApplicationKeyId": [None, *KEYS[5:]]},
    "b2_create_bucket": {
        "bucketName": [*["bucket-c", "bucket-d", "bucket-e"] * 3, "bucket-a", "BUCKET-A", "b2-own", "a_b_c_d", "short"],
        "bucketType": ["allPrivate", "allPublic", "allPrivate", "allPublic", "snapshot"],
        "fileLockEnabled": FLAGS,
        **BUCKET_SETTINGS,
    },
    "b2_delete_bucket": {"bucketId": BUCKETS},
    "b2_list_buckets": {
        "bucketId": [None, None, *BUCKETS],
        "bucketName": [None, None, None, *BUCKET_NAMES, "BUCKET-A", "unknown"],
        "bucketTypes": [*[None] * 5, ["all"], ["allPublic"], ["allPrivate"], [], ["all", "allPublic"]],
    },
    "b2_update_bucket": {
        "bucketId": BUCKETS,
        "bucketType": [*[None] * 4, "allPrivate", "allPublic", "snapshot"],
        **BUCKET_SETTINGS,
        "fileLockEnabled": FLAGS,
        "defaultRetention": DEFAULT_RETENTIONS,
        "ifRevisionIs": [*[None] * 6, 1, 2, 3, 4, 5],
    },
    "b2_get_bucket_notification_rules": {"bucketId": BUCKETS},
    "b2_set_bucket_notification_rules": {
        "bucketId": BUCKETS,
        "eventNotificationRules": [
            [],
            [notification()],
            [notification(name="rule-2", objectNamePrefix="b", eventTypes=["b2:ObjectDeleted:Delete"])],
            [notification(eventTypes=[])],
            [notification(eventTypes=["b2:Nonsense"])],
            [notification(eventTypes=["b2:ObjectCreated:*", "b2:ObjectCreated:Copy"])],
            [notification("http://example.com")],
        ],
    },
    "b2_get_upload_url": {"bucketId": BUCKETS},
    "b2_start_large_file": {
        "bucketId": BUCKETS,
        "fileName": NEW_NAMES,
        "contentType": NEW_TYPES,
        "fileInfo": [None, *INFOS],
        "fileRetention": RETENTIONS,
        "legalHold": HOLDS,
        "serverSideEncryption": ENCRYPTIONS,
    },
    "b2_get_upload_part_url": {"fileId": [*LARGES, *FILES]},
    "b2_copy_part": {
        "sourceFileId": FILES,
        "largeFileId": [*LARGES * 3, *FILES],
        "partNumber": [1, 2, 1, 2, 3, 5, 6, 0],
        "range": MAYBE_RANGE,
        "sourceServerSideEncryption": CUSTOMER_KEYS,
        "destinationServerSideEncryption": CUSTOMER_KEYS,
    },
    "b2_cancel_large_file": {"fileId": [*LARGES, *LARGES, *FILES]},
    "b2_list_parts": {
        "fileId": [*LARGES * 3, *FILES],
        "startPartNumber": [None, None, 1, 2, 3, 5, 0, 10001],
        "maxPartCount": [None, 1, 2, 1, 2, 10001],
    },
    "b2_list_unfinished_large_files": {
        "bucketId": BUCKETS,
        "namePrefix": PREFIXES,
        "startFileId": [None, None, *LARGES],
        "maxFileCount": [None, 1, 2, 1, 2, 100, 101],
    },
    "b2_list_file_names": {
        "bucketId": BUCKETS,
        "startFileName": [None, None, None, None, *NAMES, *PREFIXES, *OLD_NAMES],
        "maxFileCount": COUNTS,
        "prefix": [None, None, None, *PREFIXES],
        "delimiter": [None, None, "/", "/", "b", "/b"],
    },
    "b2_list_file_versions": {
        "bucketId": BUCKETS,
        "startFileName": [None, None, None, *NAMES, *PREFIXES, *OLD_NAMES],
        "startFileId": [*[None] * 30, *FILES],
        "maxFileCount": COUNTS,
        "prefix": [None, None, None, *PREFIXES],
        "delimiter": [None, None, "/", "b"],
    },
    "b2_get_file_info": {"fileId": FILES},
    "b2_hide_file": {"bucketId": BUCKETS, "fileName": [*NEW_NAMES, *OLD_NAMES * 8]},
    "b2_copy_file": {
        "sourceFileId": FILES,
        "fileName": NEW_NAMES,
        "destinationBucketId": [None, None, None, *BUCKETS],
        "range": MAYBE_RANGE,
        "metadataDirective": [None, "COPY", "NONSENSE"],
        "contentType": [*[None] * 8, "text/html"],
        "fileInfo": [*[None] * 8, {"k": "v"}],
        "fileRetention": RETENTIONS,
        "legalHold": HOLDS,
        "sourceServerSideEncryption": CUSTOMER_KEYS,
        "destinationServerSideEncryption": ENCRYPTIONS,
    },
    "b2_get_download_authorization": {
        "bucketId": BUCKETS,
        "fileNamePrefix": ["", "", "a", "a/", "b"],
        "validDurationInSeconds": [1, 3600, 604800, 3600, 0, 604801],
        "b2ContentDisposition": [None, None, None, "inline"],
        "b2ContentType": [None, None, None, "text/css"],
    },
    "b2_delete_file_version": {"bypassGovernance": FLAGS},
    "b2_update_file_retention": {"fileRetention": NEW_RETENTIONS, "bypassGovernance": FLAGS},
    "b2_update_file_legal_hold": {"legalHold": ["on", "off", "off", "maybe"]},
}

PAIRED = ("b2_delete_file_version", "b2_update_file_retention", "b2_update_file_legal_hold")
"""Calls that name a file by its name and its id."""

PAIRS: Choices = [
    *[{"fileName": NameOf(one.nth), "fileId": one} for one in FILES] * 2,
    *[{"fileName": name, "fileId": FILES[0]} for name in NAMES[:4]],
]

PAGES = {
    "b2_list_keys": ("keys", "maxKeyCount", {"nextApplicationKeyId": "startApplicationKeyId"}),
    "b2_list_parts": ("parts", "maxPartCount", {"nextPartNumber": "startPartNumber"}),
    "b2_list_unfinished_large_files": ("files", "maxFileCount", {"nextFileId": "startFileId"}),
    "b2_list_file_names": ("files", "maxFileCount", {"nextFileName": "startFileName"}),
    "b2_list_file_versions": (
        "files",
        "maxFileCount",
        {"nextFileName": "startFileName", "nextFileId": "startFileId"},
    ),
}
"""Lists: where the entries are, how many may be asked for, and how the next page is asked for."""

DIGESTS = [*["right"] * 10, "end", "end", "none", "wrong", "wrong end", "missing"]
FILE_UPLOAD: dict[str, Choices] = {
    "content": CONTENTS,
    "digest": DIGESTS,
    "fileName": NEW_NAMES,
    "contentType": NEW_TYPES,
    "fileInfo": INFOS,
    "fileRetention": RETENTIONS,
    "legalHold": HOLDS,
    "serverSideEncryption": ENCRYPTIONS,
}
PART_UPLOAD: dict[str, Choices] = {
    "content": CONTENTS,
    "digest": DIGESTS,
    "partNumber": ["1", "1", "2", "2", "3", "3", "5", "6", "0", "x"],
    "serverSideEncryption": CUSTOMER_KEYS,
}
PLAIN: Json = {"content": b"", "digest": "right", "contentType": "b2/x-auto", "fileInfo": {}}

# Everything that may happen, how often, and of what it is made. The first one is for shrinking.
STEPS: dict[str, tuple[int, dict[str, Any]]] = {
    "nothing": (1, {}),
    "time_passes": (14, {"millis": [1, 1, 1, 1, 1, 1, 999, 3_600_007, 3_600_007, DAY + 13]}),
    "authorize": (4, {"key": KEYS, "wrong": [False, False, True]}),
    "upload_plainly": (40, {"bucket": BUCKETS, "fileName": NAMES, "content": CONTENTS[:41], "who": WHO}),
    "upload_to_new_url": (10, {"bucket": BUCKETS, "fields": FILE_UPLOAD, "who": WHO}),
    "upload_file_to_old_url": (5, {"endpoint": [0, 0, 0, 1, 2, 3], "fields": FILE_UPLOAD}),
    "upload_part_to_new_url": (8, {"large": LARGES, "fields": PART_UPLOAD, "who": WHO}),
    "upload_part_to_old_url": (5, {"endpoint": [0, 0, 0, 1, 2, 3], "fields": PART_UPLOAD}),
    "large_file": (
        16,
        {
            "bucket": BUCKETS,
            "name": NAMES,
            "sizes": [[5, 1], [6, 5], [12, 12, 6], [5, 5, 5, 1], [], [5], [4, 5], [12, 12, 7], [5, 13]],
            "encryption": [*[None] * 4, {"mode": "SSE-B2", "algorithm": "AES256"}, sse_c(b"k")],
            "who": WHO,
            "finish": [True, False],
        },
    ),
    "finish": (
        8,
        {"large": [*LARGES * 2, *FILES], "how": [*["right"] * 5, *words("short long turned wrong")], "who": WHO},
    ),
    "replace": (
        5,
        {
            **CALLS["b2_copy_file"],
            "metadataDirective": ["REPLACE"],
            "contentType": [*TYPES * 4, None, ""],
            "fileInfo": [None, *INFOS],
            "who": WHO,
        },
    ),
    "download": (
        10,
        {
            "bucket": BUCKET_NAMES,
            "file": [*OLD_NAMES, *NAMES],
            "id": [*[None] * 16, *FILES],
            "range": MAYBE_RANGE,
            "encryption": CUSTOMER_KEYS,
            "override": [*[{}] * 6, {"content-type": "text/css"}, {"content-disposition": "inline"}],
            "token": [*WHO, None, None, None, *SHARES],
            "method": ["GET", "GET", "HEAD"],
        },
    ),
    "download_what_is_there": (
        12,
        {
            "file": list(range(12)),
            "by_id": [True, False],
            "range": MAYBE_RANGE,
            "key": ["right", "right", "other", "none"],
            "method": ["GET", "GET", "HEAD"],
            "token": [MASTER, MASTER, None, *SHARES[:3], *WHO],
        },
    ),
    "share_and_download": (
        6,
        {
            "file": list(range(12)),
            "prefix": ["", "a", "b"],
            "life": [3600, 1],
            "wait": [0, 0, 999, 3_600_007],
            "bound": [False, False, True],
            "wishes": [False, False, True],
        },
    ),
    "hide_what_is_there": (8, {"file": list(range(12)), "who": WHO}),
    "delete_what_is_there": (8, {"file": list(range(12)), "bypass": [False, True], "who": WHO}),
    "lock_what_is_there": (
        14,
        {
            "file": list(range(12)),
            "retention": [None, *NEW_RETENTIONS],
            "hold": ["on", "off"],
            "bypass": FLAGS,
            "who": WHO,
        },
    ),
    "copy_what_is_there": (
        10,
        {
            "file": list(range(12)),
            "bucket": [None, *BUCKETS],
            "fileName": NAMES,
            "range": MAYBE_RANGE,
            "extra": [{}] * 8 + [{"contentType": "text/html"}, {"fileInfo": {"k": "v"}}],
            "who": WHO,
        },
    ),
    "copy_part_of_what_is_there": (
        10,
        {"file": list(range(12)), "large": list(range(4)), "number": [1, 2, 3], "range": MAYBE_RANGE, "who": WHO},
    ),
    "malformed": (
        6,
        {
            "call": list(CALLS),
            "seed": [bytes([n] * 20) for n in range(16)],
            "field": list(range(10)),
            "how": ["missing", "wrong", "stranger"],
            "who": WHO,
        },
    ),
    **{
        call: (
            OFTEN.get(call, 4),
            {**({"pair": PAIRS} if call in PAIRED else {}), **choices, "who": WHO},
        )
        for call, choices in CALLS.items()
    },
}


class Step(NamedTuple):
    name: str
    fields: Json


def chosen(choices: dict[str, Any], lots: Iterator[int], is_tame: bool = False) -> Json:
    """One of the choices for each field, by lot. A tame step has few of the fields that may be missing."""
    fields: Json = {}
    for name, values in choices.items():
        if isinstance(values, dict):
            fields[name] = chosen(values, lots, is_tame)
        else:
            lot = next(lots)
            fields[name] = None if is_tame and values[0] is None and lot < 180 else values[lot % len(values)]
    return fields


def step_of(lots: bytes) -> Step:
    name = WEIGHED[int.from_bytes(lots[:2], "big") % len(WEIGHED)]
    return Step(name, chosen(STEPS[name][1], iter(lots[3:]), lots[2] < 160))


WEIGHED = [name for name, (often, _) in STEPS.items() for _ in range(often)]
LOTS = 18
"""How many bytes decide a step."""

many_steps = st.lists(st.binary(min_size=LOTS, max_size=LOTS), min_size=STEP_COUNT, max_size=STEP_COUNT).map(
    lambda lots: [step for step in map(step_of, lots) if step.name != "nothing"]
)


# -- both sides


class Exchange(NamedTuple):
    status: int
    body: Any
    headers: Json
    content: bytes

    def told(self) -> Json | None:
        """What the model may learn from."""
        return {**(self.body or {}), "status": self.status} if self.status in (200, 206) else None


class Both:
    """The simulator, the model, and all that was ever seen of ids and tokens."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.simulator = Simulator(self.clock.now_millis, config=CONFIG)
        master = (self.simulator.master_key_id, self.simulator.master_key)
        self.model = NaiveB2(self.clock.now_millis, self.simulator.account_id, master, LIMITS)
        self.seen: dict[str, list[str]] = {
            kind: [] for kind in ("bucket", "bucketName", "file", "large", "key", "token", "share")
        }
        self.file_names: dict[str, str] = {}
        self.master_token = ""
        self.authorize(*master)
        for name, kind, lock in (
            ("bucket-b", "allPublic", False),
            ("bucket-l", "allPrivate", True),
            ("bucket-a", "allPrivate", False),
        ):
            fields = {"bucketName": name, "bucketType": kind, "fileLockEnabled": lock}
            self.call("b2_create_bucket", fields, MASTER)

    # -- references

    def resolved(self, value: Any) -> Any:
        match value:
            case The("token", -2):
                return self.master()
            case The(kind, nth):
                seen = self.seen[kind]
                if nth >= 0 and seen:
                    return seen[-1 - nth % len(seen)]
                return UNKNOWN.get(kind, UNKNOWN["file"])
            case NameOf(nth):
                return self.file_names.get(self.resolved(The("file", nth)), "a")
            case In(millis):
                return self.clock.now_millis() + millis
            case dict():
                return {key: self.resolved(one) for key, one in value.items()}
            case list():
                return [self.resolved(one) for one in value]
            case _:
                return value

    def master(self) -> str:
        """A good token of the master key."""
        if self.model.key_of_token(self.master_token)[0] is None:
            self.authorize(self.simulator.master_key_id, self.simulator.master_key)
        return self.master_token

    def learn(self, body: Json) -> None:
        """What an answer shows can be asked for later."""
        for kind, field in (("bucket", "bucketId"), ("bucketName", "bucketName"), ("key", "applicationKeyId")):
            if isinstance(one := body.get(field), str) and one not in self.seen[kind]:
                self.seen[kind].append(one)
        file_id = body.get("fileId")
        if isinstance(file_id, str) and file_id not in self.file_names and "fileName" in body:
            self.file_names[file_id] = body["fileName"]
            self.seen["file"].append(file_id)
            if body.get("action") == "start":
                self.seen["large"].append(file_id)

    # -- requests

    def send(self, method: str, target: str, headers: Json, body: bytes = b"") -> Exchange:
        target = target.removeprefix(self.simulator.base_url)
        pairs = tuple((name, value) for name, value in headers.items() if value is not None)
        served: Served = serve(self.simulator, ServedRequest(method, target, pairs, body))
        response = served.response
        text = response.body or b""
        is_json = response.headers.get("content-type", "").startswith("application/json") and text != b""
        parsed = _in_order(json.loads(text)) if is_json else None
        content = b"".join(
            bytes(piece) for extent in served.extents for piece in extent.content.read(extent.start, extent.stop)
        )
        return Exchange(response.status, parsed, dict(response.headers), content)

    def compare(self, asked: object, accepted: Answer, got: Exchange) -> bool:
        """Whether the answer, which is right, is a success."""
        text = f"\nasked    {asked}\nexpected {accepted}\ngot      {got.status} {got.body}"
        if isinstance(accepted, set):
            assert got.body is not None, text
            assert (got.status, got.body.get("code")) in accepted, text
            assert got.body["status"] == got.status, text
            return False
        assert got.status == 200, text
        assert matches(accepted, got.body), text
        self.learn(got.body)
        return True

    def authorize(self, key_id: str, secret: str) -> None:
        basic = b64encode(f"{key_id}:{secret}".encode()).decode()
        got = self.send("GET", "/b2api/v4/b2_authorize_account", {"authorization": f"Basic {basic}"})
        if self.compare(("authorize", key_id), self.model.authorize(key_id, secret, got.told()), got):
            token = got.body["authorizationToken"]
            self.seen["token"].append(token)
            if key_id == self.simulator.master_key_id:
                self.master_token = token

    def call(self, name: str, fields: Json, who: The) -> Exchange:
        token = self.resolved(who)
        ask = {field: self.resolved(value) for field, value in fields.items()}
        if any(field == "accountId" for field, _, _ in fields_of(name)):
            ask.setdefault("accountId", self.simulator.account_id)
        got = self.post(name, ask, token)
        told = got.told()
        if name in PAGES and got.status == 200:
            got = self.walked(name, ask, token, got)
        self.compare((name, ask), self.model.answer(name, token, ask, told), got)
        return got

    def post(self, name: str, ask: Json, token: str) -> Exchange:
        return self.send("POST", f"/b2api/v4/{name}", {"authorization": token}, json.dumps(ask).encode())

    def walked(self, name: str, ask: Json, token: str, got: Exchange) -> Exchange:
        """The list from this page on to its end. B2 may answer with fewer than it could; the simulator has no cause."""
        where, count_field, following = PAGES[name]
        count = ask.get(count_field) or 100
        entries = list(got.body[where])
        page = got.body
        while any(page[cursor] is not None for cursor in following):
            assert len(page[where]) == count, (name, ask, page)
            again = self.post(name, {**ask, **{field: page[cursor] for cursor, field in following.items()}}, token)
            assert again.status == 200, (name, ask, page, again)
            page = again.body
            entries += page[where]
            assert len(entries) < 1000, (name, ask)
        assert len(page[where]) <= count, (name, ask, page)
        if name == "b2_list_unfinished_large_files":
            entries = self.unordered(ask, token, entries)
        return got._replace(body={**got.body, where: entries})

    def unordered(self, ask: Json, token: str, entries: list[Json]) -> list[Json]:
        """Nobody says in which order unfinished files are listed: it must be the same one from every start on."""
        if ask.get("startFileId") is not None:
            from_the_first = {**ask, "startFileId": None, "maxFileCount": None}
            all_files = self.post("b2_list_unfinished_large_files", from_the_first, token).body["files"]
            ids = [entry["fileId"] for entry in all_files]
            if ask["startFileId"] in ids:
                assert entries == all_files[ids.index(ask["startFileId"]) :], (ask, entries, all_files)
            else:
                assert all(entry in all_files for entry in entries), (ask, entries, all_files)
            entries = all_files
        return sorted(entries, key=lambda entry: list(self.file_names).index(entry["fileId"]))

    def upload(self, endpoint: int, fields: Json) -> None:
        """To the nth newest upload URL."""
        known = self.model.endpoints
        if not known:
            return
        chosen = known[-1 - endpoint % len(known)]
        headers, body = _upload_request(self.resolved(fields))
        encoded = {name: quote(value) if _is_encoded(name) else value for name, value in headers.items()}
        sent = {**encoded, "authorization": chosen["token"], "content-length": str(len(body))}
        got = self.send("POST", chosen["url"], sent, body)
        self.compare((headers, body), self.model.upload(chosen["url"], chosen["token"], headers, body, got.told()), got)

    def download(self, ask: Json, token: str | None, method: str) -> None:
        override = ask.get("override", {})
        query = {name: override[header] for name, header in OVERRIDES.items() if header in override}
        if "fileId" in ask:
            target = "/b2api/v4/b2_download_file_by_id"
            query["fileId"] = ask["fileId"]
        else:
            target = f"/file/{ask['bucketName']}/{quote(ask['fileName'])}"
        headers = {"authorization": token, "range": ask.get("range"), **_sse_headers(ask.get("encryption"))}
        got = self.send(method, f"{target}?{urlencode(query)}" if query else target, headers)
        accepted = self.model.download(token, ask, got.told())
        text = f"\nasked    {method} {ask}\nexpected {accepted}\ngot      {got}"
        if isinstance(accepted, set):
            # The answer to HEAD has no body to name a code in.
            codes = {code for status, code in accepted if status == got.status}
            assert codes, text
            assert method == "HEAD" or got.body["code"] in codes, text
            return
        assert got.status == accepted["status"], text
        shown = {name: unquote_plus(value) if _is_encoded(name) else value for name, value in got.headers.items()}
        assert matches(accepted["headers"], shown), text
        assert got.content == (accepted["content"] if method == "GET" else b""), text


def _in_order(body: Any) -> Any:
    """Sets that are written as lists, in order."""
    if isinstance(body, dict):
        body = {key: _in_order(value) for key, value in body.items()}
        for field in ("capabilities", "bucketIds"):
            if isinstance(body.get(field), list):
                body[field] = sorted(body[field])
        if isinstance(body.get("allowed"), dict) and body["allowed"]["buckets"]:
            body["allowed"]["buckets"].sort(key=lambda bucket: str(bucket["id"]))
        return body
    return [_in_order(value) for value in body] if isinstance(body, list) else body


def _is_encoded(header: str) -> bool:
    return header.startswith(("x-bz-info-", "x-bz-file-name"))


def _sse_headers(asked: Json | None) -> Json:
    start = "x-bz-server-side-encryption"
    if asked is None:
        return {}
    if asked["mode"] == "SSE-B2":
        return {start: asked["algorithm"]}
    named = (("algorithm", "algorithm"), ("key", "customerKey"), ("key-md5", "customerKeyMd5"))
    return {f"{start}-customer-{name}": asked[field] for name, field in named}


def _upload_request(fields: Json) -> tuple[Json, bytes]:
    """Headers, with their values not yet encoded, and the body."""
    content: bytes = fields["content"]
    right, wrong = sha1_of(content), sha1_of(content + b"!")
    tail = {"end": right, "wrong end": wrong}.get(fields["digest"], "")
    digests = {"right": right, "wrong": wrong, "none": "do_not_verify", "missing": None}
    headers = {
        "x-bz-content-sha1": digests.get(fields["digest"], "hex_digits_at_end"),
        "x-bz-file-name": fields.get("fileName"),
        "content-type": fields.get("contentType") or None,
        "x-bz-part-number": fields.get("partNumber"),
        "x-bz-file-legal-hold": fields.get("legalHold"),
        **{f"x-bz-info-{key.lower()}": value for key, value in fields.get("fileInfo", {}).items()},
        **_sse_headers(fields.get("serverSideEncryption")),
    }
    retention = fields.get("fileRetention")
    if retention is not None:
        headers["x-bz-file-retention-mode"] = retention["mode"]
        until = retention.get("retainUntilTimestamp")
        headers["x-bz-file-retention-retain-until-timestamp"] = None if until is None else str(until)
    return {name: value for name, value in headers.items() if value is not None}, content + tail.encode()


# -- the steps


class Doing:
    """Makes steps. Each compares what both sides say."""

    def __init__(self) -> None:
        self.both = Both()

    def do(self, step: Step) -> None:
        if step.name in CALLS:
            self.call(step.name, **step.fields)
        else:
            getattr(self, step.name)(**step.fields)

    def nothing(self) -> None:
        pass

    def time_passes(self, millis: int) -> None:
        self.both.clock.advance(millis)

    def authorize(self, key: The, wrong: bool) -> None:
        key_id = self.both.resolved(key)
        secrets = [one["applicationKey"] for one in self.both.model.keys if one["applicationKeyId"] == key_id]
        self.both.authorize(key_id, "wrong" if wrong or not secrets else secrets[0])

    def call(self, call: str, who: The, pair: Json | None = None, **fields: Any) -> None:
        got = self.both.call(call, {**(pair or {}), **fields}, who)
        if got.status == 200 and call == "b2_create_key":
            self.both.authorize(got.body["applicationKeyId"], got.body["applicationKey"])
        if got.status == 200 and call == "b2_get_download_authorization":
            self.both.seen["share"].append(got.body["authorizationToken"])

    def replace(self, **fields: Any) -> None:
        self.call("b2_copy_file", **fields)

    def upload_to_new_url(self, bucket: The, fields: Json, who: The) -> None:
        if self.both.call("b2_get_upload_url", {"bucketId": bucket}, who).status == 200:
            self.both.upload(0, fields)

    def upload_plainly(self, bucket: The, fileName: str, content: bytes, who: The) -> None:
        self.upload_to_new_url(bucket, {**PLAIN, "fileName": fileName, "content": content}, who)

    def upload_file_to_old_url(self, endpoint: int, fields: Json) -> None:
        self.both.upload(endpoint, fields)

    def upload_part_to_new_url(self, large: The, fields: Json, who: The) -> None:
        if self.both.call("b2_get_upload_part_url", {"fileId": large}, who).status == 200:
            self.both.upload(0, fields)

    def upload_part_to_old_url(self, endpoint: int, fields: Json) -> None:
        self.both.upload(endpoint, fields)

    def large_file(
        self, bucket: The, name: str, sizes: list[int], encryption: Json | None, who: The, finish: bool
    ) -> None:
        fields = {"bucketId": bucket, "fileName": name, "contentType": "text/html", "serverSideEncryption": encryption}
        if self.both.call("b2_start_large_file", fields, who).status != 200:
            return
        customer = encryption if encryption is not None and encryption["mode"] == "SSE-C" else None
        for number, size in enumerate(sizes, 1):
            part = {**PLAIN, "partNumber": str(number), "content": b"%d" % number * size}
            self.upload_part_to_new_url(The("large", 0), {**part, "serverSideEncryption": customer}, who)
        if finish:
            self.finish(The("large", 0), "right", who)

    def finish(self, large: The, how: str, who: The) -> None:
        file_id = self.both.resolved(large)
        version = self.both.model.version(file_id)
        parts = [] if version is None else sorted(version["parts"], key=lambda part: int(part["partNumber"]))
        right = [sha1_of(part["content"]) for part in parts]
        digests = {
            "right": right,
            "short": right[:-1],
            "long": [*right, sha1_of(b"!")],
            "turned": right[::-1],
            "wrong": [sha1_of(b"!")] * len(right),
        }
        self.both.call("b2_finish_large_file", {"fileId": file_id, "partSha1Array": digests[how]}, who)

    def download(self, bucket: Any, file: Any, id: Any, token: The | None, method: str, **extras: Any) -> None:
        ask: Json = {"bucketName": bucket, "fileName": file} if id is None else {"fileId": id}
        ask |= {name: value for name, value in extras.items() if value}
        self.both.download(self.both.resolved(ask), self.both.resolved(token), method)

    # These find what is left, and mostly succeed.

    def nth_left(self, action: str, nth: int) -> Json:
        left = [version for version in self.both.model.versions if version["action"] == action]
        return (
            left[-1 - nth % len(left)] if left else {"fileId": UNKNOWN["file"], "fileName": "a", "bucketId": "f" * 24}
        )

    def download_what_is_there(
        self, file: int, by_id: bool, range: str | None, key: str, method: str, token: The | None
    ) -> None:
        version = self.nth_left("upload", file)
        bucket = self.both.model.bucket(version["bucketId"])
        name = "unknown" if bucket is None else bucket["bucketName"]
        name = name.upper() if file % 2 else name
        opens = {"right": _key_of(version), "other": sse_c(b"o") if _key_of(version) else None, "none": None}[key]
        file_id = version["fileId"] if by_id else None
        self.download(name, version["fileName"], file_id, token, method, range=range, encryption=opens)

    def share_and_download(self, file: int, prefix: str, life: int, wait: int, bound: bool, wishes: bool) -> None:
        version = self.nth_left("upload", file)
        override = {"b2ContentType": "text/css"} if bound else {}
        fields = {"bucketId": version["bucketId"], "fileNamePrefix": prefix, "validDurationInSeconds": life, **override}
        self.call("b2_get_download_authorization", MASTER, **fields)
        self.time_passes(wait)
        bucket = self.both.model.bucket(version["bucketId"])
        name = "unknown" if bucket is None else bucket["bucketName"]
        asked = {"content-type": "text/css"} if wishes else {}
        key = _key_of(version)
        self.download(name, version["fileName"], None, The("share", 0), "GET", override=asked, encryption=key)

    def hide_what_is_there(self, file: int, who: The) -> None:
        version = self.nth_left("upload", file)
        self.both.call("b2_hide_file", {name: version[name] for name in ("bucketId", "fileName")}, who)

    def delete_what_is_there(self, file: int, bypass: bool, who: The) -> None:
        version = self.nth_left("upload", file)
        fields = {name: version[name] for name in ("fileId", "fileName")}
        self.both.call("b2_delete_file_version", {**fields, "bypassGovernance": bypass}, who)

    def lock_what_is_there(self, file: int, retention: Json | None, hold: str, bypass: bool | None, who: The) -> None:
        version = self.nth_left("upload", file)
        fields = {name: version[name] for name in ("fileId", "fileName")}
        if retention is None:
            self.both.call("b2_update_file_legal_hold", {**fields, "legalHold": hold}, who)
        else:
            fields |= {"fileRetention": retention, "bypassGovernance": bypass}
            self.both.call("b2_update_file_retention", fields, who)

    def copy_what_is_there(
        self, file: int, bucket: The | None, fileName: str, range: str | None, extra: Json, who: The
    ) -> None:
        source = self.nth_left("upload", file)
        fields = {"sourceFileId": source["fileId"], "fileName": fileName, "destinationBucketId": bucket, "range": range}
        fields |= extra
        self.both.call("b2_copy_file", {**fields, "sourceServerSideEncryption": _key_of(source)}, who)

    def copy_part_of_what_is_there(self, file: int, large: int, number: int, range: str | None, who: The) -> None:
        source, to = self.nth_left("upload", file), self.nth_left("start", large)
        fields = {"sourceFileId": source["fileId"], "largeFileId": to["fileId"], "partNumber": number, "range": range}
        fields["destinationServerSideEncryption"] = _key_of(to)
        self.both.call("b2_copy_part", {**fields, "sourceServerSideEncryption": _key_of(source)}, who)

    def malformed(self, call: str, seed: bytes, field: int, how: str, who: The) -> None:
        asked = chosen(CALLS[call], iter(seed))
        fields = fields_of(call)
        name, kind, _ = fields[field % len(fields)]
        if call in PAIRED:
            asked |= PAIRS[0]
        if how == "stranger":
            asked["neverHeardOfThis"] = 1
        else:
            asked[name] = None if how == "missing" else 7 if kind in ("list", "dict", "str") else ["wrong"]
        self.both.call(call, asked, who)


def _key_of(version: Json) -> Json | None:
    """The key of a file that a customer's key has closed."""
    return next(
        (asked for asked in map(sse_c, KEY_LETTERS) if asked["customerKeyMd5"] == version.get("customerKey")), None
    )


@settings(max_examples=4 * settings().max_examples)
@given(many_steps)
def test_the_simulator_says_what_a_naive_model_of_b2_says(steps: list[Step]) -> None:
    doing = Doing()
    for step in steps:
        doing.do(step)
