"""B2 told as simply as it can be: an oracle for the simulator. Independent of b2pure.

Rules. State is flat lists, everything is found by walking through them, and nothing is kept that can be computed.
A request is answered by what the other side may say: the body of its success or, where the request breaks rules, the
set of all refusals that it has deserved, because B2 does not promise which of several it names. Ids, tokens and
URLs are learned from the other side's answer (`told`, None if it refused). `doubt` marks what the documentation
leaves open: a refusal is right, and so is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from naive_b2_rules import (
    ACCOUNT_CAPABILITIES,
    BAD,
    BAD_TOKEN,
    BUCKET_CAPABILITIES,
    CAPABILITY,
    DAY,
    EXPIRED_TOKEN,
    KNOWN_B2_INFO,
    NO_BUCKET,
    NO_ENCRYPTION,
    NO_LOCK,
    NO_RANGE,
    NOT_FOUND,
    OUT_OF_RANGE,
    PROTECTED,
    SSE_B2,
    SSE_C,
    UNAUTHORIZED,
    Json,
    Refusals,
    are_strange,
    content_type_of,
    customer_key_of,
    encryption_of_headers,
    is_bad_bucket_name,
    is_bad_cors_rule,
    is_bad_default_retention,
    is_bad_encryption,
    is_bad_file_name,
    is_bad_info,
    is_bad_lifecycle_rule,
    is_bad_retention,
    is_doubtful_file_name,
    is_malformed,
    is_strange,
    largest_info_size,
    md5_of,
    notification_refusals,
    range_of,
    same_bucket_name,
    sha1_of,
    smallest_info_size,
    words,
)

Answer = Json | Refusals

ABSENT = object()
"""In a body: this field is not there."""


class OneOf(tuple[Any, ...]):
    """In a body: any of these."""

    __slots__ = ()


def matches(expected: Any, got: Any) -> bool:
    """Whether a body is as expected. Fields that the expected one does not name may be anything."""
    if isinstance(expected, OneOf):
        return any(matches(choice, got) for choice in expected)
    if expected is ...:
        return True
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(
            key not in got if value is ABSENT else key in got and matches(value, got[key])
            for key, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(got, list) and len(expected) == len(got) and all(map(matches, expected, got))
    return type(expected) is type(got) and bool(expected == got)


@dataclass
class Limits:
    min_part: int
    max_part: int
    max_small: int
    max_large: int
    max_parts: int
    min_parts: int
    max_buckets: int
    max_info_pairs: int
    info_budget: int
    info_budget_when_protected: int
    token_life: int


class NaiveB2:
    """One account. `now` gives milliseconds since the epoch."""

    def __init__(self, now: Callable[[], int], account_id: str, master: tuple[str, str], limits: Limits) -> None:
        self.now = now
        self.account_id = account_id
        self.limits = limits
        self.told: Json | None = None
        self.master: Json = {
            "applicationKeyId": master[0],
            "applicationKey": master[1],
            "capabilities": ACCOUNT_CAPABILITIES + BUCKET_CAPABILITIES,
            "bucketIds": None,
            "namePrefix": None,
            "expirationTimestamp": None,
        }
        self.keys: list[Json] = []
        self.tokens: list[Json] = []
        self.endpoints: list[Json] = []
        self.shares: list[Json] = []
        self.buckets: list[Json] = []
        self.versions: list[Json] = []
        self.created = 0

    # -- asking

    def answer(self, call: str, token: str, ask: Json, told: Json | None) -> Answer:
        """What may be said to a call that is JSON. Fields that are null might as well not be there."""
        self.told = told
        malformed = {BAD} if is_malformed(call, ask) else set()
        strange = {BAD} if not malformed and is_strange(ask) else set()
        key, no = self.key_of_token(token)
        if key is None or malformed:
            return no | malformed | strange | (self.lacks(key, CAPABILITY[call]) if key is not None else set())
        if ask.get("accountId", self.account_id) != self.account_id:
            no |= {UNAUTHORIZED, BAD}
        no |= self.lacks(key, CAPABILITY[call]) | strange
        answer: Answer = getattr(self, call)(key, {name: ask[name] for name in ask if ask[name] is not None}, no)
        return answer

    def doubt(self, is_doubtful: bool, *refusals: tuple[int, str]) -> Refusals:
        """What a refusal may be, if there was one."""
        return set(refusals) if is_doubtful and self.told is None else set()

    def learned(self, name: str) -> Any:
        return None if self.told is None else self.told.get(name)

    # -- who may

    def key_of_token(self, token: str | None) -> tuple[Json | None, Refusals]:
        found = [known for known in self.tokens if known["token"] == token]
        if not found:
            return None, {BAD_TOKEN}
        key = found[0]["key"]
        if self.is_gone(key):
            return None, {BAD_TOKEN, EXPIRED_TOKEN}
        if self.now() >= found[0]["expires"]:
            return None, {EXPIRED_TOKEN}
        return key, set()

    def is_gone(self, key: Json) -> bool:
        return key is not self.master and (key not in self.keys or self.is_expired(key))

    def is_expired(self, key: Json) -> bool:
        return key["expirationTimestamp"] is not None and self.now() >= key["expirationTimestamp"]

    def lacks(self, key: Json, capability: str) -> Refusals:
        return set() if capability in key["capabilities"] else {UNAUTHORIZED}

    def outside(self, key: Json, bucket_id: str | None = None, name: str | None = None) -> Refusals:
        """Whether a key is restricted to other buckets or names than these."""
        if bucket_id is not None and key["bucketIds"] is not None and bucket_id not in key["bucketIds"]:
            return {UNAUTHORIZED}
        if name is not None and not name.startswith(key["namePrefix"] or ""):
            return {UNAUTHORIZED}
        return set()

    # -- looking things up

    def bucket(self, bucket_id: str | None) -> Json | None:
        return next((bucket for bucket in self.buckets if bucket["bucketId"] == bucket_id), None)

    def version(self, file_id: str) -> Json | None:
        return next((version for version in self.versions if version["fileId"] == file_id), None)

    def stored(self, file_id: str) -> Json | None:
        version = self.version(file_id)
        return version if version is not None and version["action"] == "upload" else None

    def unfinished(self, file_id: str) -> Json | None:
        version = self.version(file_id)
        return version if version is not None and version["action"] == "start" else None

    def versions_of(self, bucket_id: str, name: str) -> list[Json]:
        """Newest first; of one instant, the one that was made later."""
        found = [v for v in self.versions if v["bucketId"] == bucket_id and v["fileName"] == name]
        return sorted(found, key=lambda v: (v["uploadTimestamp"], v["made"]), reverse=True)

    def current(self, bucket_id: str, name: str) -> Json | None:
        """The newest version, be it a hide marker. An unfinished file is in nobody's way."""
        return next((v for v in self.versions_of(bucket_id, name) if v["action"] != "start"), None)

    def names(self, bucket_id: str) -> list[str]:
        return sorted({v["fileName"] for v in self.versions if v["bucketId"] == bucket_id}, key=str.encode)

    def is_private(self, version: Json) -> bool:
        bucket = self.bucket(version["bucketId"])
        return bucket is None or bucket["bucketType"] != "allPublic"

    # -- objects of answers

    def file(self, version: Json, key: Json) -> Json:
        body = {
            name: version[name]
            for name in words(
                "action bucketId contentLength contentMd5 contentSha1 contentType fileId fileInfo fileName "
                "uploadTimestamp"
            )
        }
        body["accountId"] = self.account_id
        if version["action"] in ("hide", "folder"):
            return body | {"fileRetention": ABSENT, "legalHold": ABSENT, "serverSideEncryption": ABSENT}
        return body | {
            "fileRetention": _readable(key, "readFileRetentions", version["fileRetention"]),
            "legalHold": _readable(key, "readFileLegalHolds", version["legalHold"]),
            "serverSideEncryption": version["serverSideEncryption"],
        }

    def bucket_object(self, bucket: Json, key: Json) -> Json:
        body = {
            name: bucket[name]
            for name in words("bucketId bucketName bucketType bucketInfo corsRules lifecycleRules revision")
        }
        lock = {"isFileLockEnabled": bucket["fileLockEnabled"], "defaultRetention": bucket["defaultRetention"]}
        return body | {
            "accountId": self.account_id,
            "options": ["s3"],
            "defaultServerSideEncryption": _readable(
                key, "readBucketEncryption", bucket["defaultServerSideEncryption"]
            ),
            "fileLockConfiguration": _readable(key, "readBucketRetentions", lock),
        }

    def key_object(self, key: Json) -> Json:
        names = words("applicationKeyId keyName capabilities bucketIds namePrefix expirationTimestamp")
        return {name: key[name] for name in names} | {"accountId": self.account_id, "options": ["s3"]}

    # -- account and keys

    def authorize(self, key_id: str, secret: str, told: Json | None) -> Answer:
        self.told = told
        known = [key for key in [self.master, *self.keys] if key["applicationKeyId"] == key_id]
        if key_id == self.account_id:
            known = [self.master]
        if not known or known[0]["applicationKey"] != secret or self.is_expired(known[0]):
            # A recording says bad_auth_token, the documentation unauthorized.
            return {UNAUTHORIZED, BAD_TOKEN} | ({EXPIRED_TOKEN} if known and self.is_expired(known[0]) else set())
        key = known[0]
        ends = [self.now() + self.limits.token_life]
        if key["expirationTimestamp"] is not None:
            ends.append(key["expirationTimestamp"])
        self.tokens.append({"token": self.learned("authorizationToken"), "key": key, "expires": min(ends)})
        buckets = None
        if key["bucketIds"] is not None:
            buckets = [
                {"id": bucket_id, "name": None if (bucket := self.bucket(bucket_id)) is None else bucket["bucketName"]}
                for bucket_id in key["bucketIds"]
            ]
        return {
            "accountId": self.account_id,
            "applicationKeyExpirationTimestamp": key["expirationTimestamp"],
            "apiInfo": {
                "storageApi": {
                    "absoluteMinimumPartSize": self.limits.min_part,
                    "allowed": {
                        # Which capabilities there are changes with the years.
                        "capabilities": ... if key is self.master else key["capabilities"],
                        "buckets": buckets,
                        "namePrefix": key["namePrefix"],
                    },
                }
            },
        }

    def b2_create_key(self, key: Json, ask: Json, no: Refusals) -> Answer:
        wanted, buckets, seconds = ask["capabilities"], ask.get("bucketIds"), ask.get("validDurationInSeconds")
        name = ask["keyName"]
        if not wanted or any(one not in self.master["capabilities"] for one in wanted):
            no |= {BAD}
        if any(one not in key["capabilities"] for one in wanted):
            no |= {UNAUTHORIZED, BAD}
        if not 1 <= len(name) <= 100 or not all(c.isascii() and (c.isalnum() or c == "-") for c in name):
            no |= {BAD}
        if seconds is not None and not 1 <= seconds <= 1000 * DAY // 1000:
            no |= {BAD, OUT_OF_RANGE}
        if buckets is not None:
            if any(one in ACCOUNT_CAPABILITIES for one in wanted):
                no |= {BAD}
            if any(self.bucket(one) is None for one in buckets):
                no |= {BAD, NO_BUCKET}
        if not (ask.get("namePrefix") or "").startswith(key["namePrefix"] or ""):
            no |= self.doubt(True, BAD, UNAUTHORIZED)
        if no:
            return no
        made = {
            "applicationKeyId": self.learned("applicationKeyId"),
            "applicationKey": self.learned("applicationKey"),
            "keyName": name,
            "capabilities": sorted(wanted),
            "bucketIds": None if buckets is None else sorted(buckets),
            "namePrefix": ask.get("namePrefix"),
            "expirationTimestamp": None if seconds is None else self.now() + seconds * 1000,
        }
        self.keys.append(made)
        return self.key_object(made)

    def b2_delete_key(self, key: Json, ask: Json, no: Refusals) -> Answer:
        found = [known for known in self.keys if known["applicationKeyId"] == ask["applicationKeyId"]]
        if not found:
            no |= {BAD}
        if no:
            return no
        self.keys.remove(found[0])
        return self.key_object(found[0]) | {"applicationKey": ABSENT}

    def b2_list_keys(self, key: Json, ask: Json, no: Refusals) -> Answer:
        """Everything from the start key on: the asker cuts it into pages."""
        if not 1 <= ask.get("maxKeyCount", 100) <= 10000:
            no |= {BAD, OUT_OF_RANGE}
        if no:
            return no
        keys = sorted(self.keys, key=lambda known: str(known["applicationKeyId"]))
        start = ask.get("startApplicationKeyId") or ""
        since = [known for known in keys if known["applicationKeyId"] >= start]
        # Whether a key whose time is over is still listed, nobody says.
        alive = [known for known in since if not self.is_expired(known)]
        return {"keys": OneOf([[self.key_object(known) for known in some] for some in (since, alive)])}

    # -- buckets

    def bad_bucket_settings(self, ask: Json) -> Refusals:
        info = ask.get("bucketInfo", {})
        default = ask.get("defaultServerSideEncryption", NO_ENCRYPTION)
        if (
            len(info) > 10
            or any(len(name) > 50 or not name.replace("-", "").replace("_", "").isalnum() for name in info)
            or any(is_bad_lifecycle_rule(rule) for rule in ask.get("lifecycleRules", []))
            or any(is_bad_cors_rule(rule) for rule in ask.get("corsRules", []))
            or is_bad_encryption(default)
            or default.get("mode") == "SSE-C"
        ):
            return {BAD}
        return set()

    def b2_create_bucket(self, key: Json, ask: Json, no: Refusals) -> Answer:
        name = ask["bucketName"]
        if key["bucketIds"] is not None:
            no |= {UNAUTHORIZED}
        if is_bad_bucket_name(name) or ask["bucketType"] not in ("allPublic", "allPrivate"):
            no |= {BAD}
        if any(same_bucket_name(bucket["bucketName"], name) for bucket in self.buckets):
            no |= {(400, "duplicate_bucket_name")}
        if len(self.buckets) >= self.limits.max_buckets:
            no |= {(400, "too_many_buckets")}
        no |= self.bad_bucket_settings(ask)
        if ask.get("fileLockEnabled"):
            no |= self.lacks(key, "writeBucketRetentions")
        if "defaultServerSideEncryption" in ask:
            why = self.lacks(key, "writeBucketEncryption")
            # To ask for none might be nothing to ask for.
            asks_for_none = ask["defaultServerSideEncryption"].get("mode") is None
            no |= self.doubt(bool(why), *why) if asks_for_none else why
        if no:
            return no
        bucket = {
            "bucketId": self.learned("bucketId"),
            "bucketName": name,
            "bucketType": ask["bucketType"],
            "bucketInfo": ask.get("bucketInfo", {}),
            "corsRules": ask.get("corsRules", []),
            "lifecycleRules": ask.get("lifecycleRules", []),
            "revision": self.learned("revision"),
            "fileLockEnabled": ask.get("fileLockEnabled", False),
            "defaultRetention": {"mode": None, "period": None},
            "defaultServerSideEncryption": _as_answered(ask.get("defaultServerSideEncryption")),
            "notifications": [],
        }
        self.buckets.append(bucket)
        return self.bucket_object(bucket, key)

    def b2_delete_bucket(self, key: Json, ask: Json, no: Refusals) -> Answer:
        bucket = self.bucket(ask["bucketId"])
        no |= self.outside(key, ask["bucketId"])
        if bucket is None:
            return no | {NO_BUCKET}
        if any(version["bucketId"] == bucket["bucketId"] for version in self.versions):
            no |= {(400, "cannot_delete_non_empty_bucket")}
        if no:
            return no
        self.buckets.remove(bucket)
        return self.bucket_object(bucket, key)

    def b2_list_buckets(self, key: Json, ask: Json, no: Refusals) -> Answer:
        bucket_id, name, types = ask.get("bucketId"), ask.get("bucketName"), ask.get("bucketTypes")
        if key["bucketIds"] is not None:
            allowed = [bucket for bucket in self.buckets if bucket["bucketId"] in key["bucketIds"]]
            by_id = bucket_id is not None and bucket_id in key["bucketIds"]
            by_name = name is not None and any(same_bucket_name(bucket["bucketName"], name) for bucket in allowed)
            exists = any(same_bucket_name(bucket["bucketName"], name) for bucket in self.buckets)
            if name is not None and not exists and bucket_id is None:
                # The key must name a bucket of its own, and a name that nobody has is no error: both are written.
                no |= self.doubt(True, UNAUTHORIZED)
            elif not by_id and not by_name:
                no |= {UNAUTHORIZED}
            elif (bucket_id is not None and not by_id) or (name is not None and not by_name):
                no |= self.doubt(True, UNAUTHORIZED)
        if types is not None and (not types or ("all" in types and types != ["all"])):
            no |= {BAD}
        if bucket_id is not None and self.bucket(bucket_id) is None:
            no |= self.doubt(True, BAD, NO_BUCKET)
        if no:
            return no
        found = [
            bucket
            for bucket in sorted(self.buckets, key=lambda bucket: str(bucket["bucketName"]).lower())
            if bucket_id in (None, bucket["bucketId"])
            and (name is None or same_bucket_name(bucket["bucketName"], name))
            and (types is None or types == ["all"] or bucket["bucketType"] in types)
        ]
        return {"buckets": [self.bucket_object(bucket, key) for bucket in found]}

    def b2_update_bucket(self, key: Json, ask: Json, no: Refusals) -> Answer:
        bucket = self.bucket(ask["bucketId"])
        no |= self.outside(key, ask["bucketId"]) | self.bad_bucket_settings(ask)
        if ask.get("bucketType", "allPublic") not in ("allPublic", "allPrivate"):
            no |= {BAD}
        if "defaultRetention" in ask or ask.get("fileLockEnabled"):
            no |= self.lacks(key, "writeBucketRetentions")
        elif "fileLockEnabled" in ask:  # that there be no lock might be nothing to ask for
            no |= self.doubt("writeBucketRetentions" not in key["capabilities"], UNAUTHORIZED)
        if "defaultServerSideEncryption" in ask:
            no |= self.lacks(key, "writeBucketEncryption")
        if is_bad_default_retention(ask.get("defaultRetention", {})):
            no |= {BAD}
        if bucket is None:
            return no | {NO_BUCKET}
        if ask.get("ifRevisionIs", bucket["revision"]) != bucket["revision"]:
            no |= {(409, "conflict")}
        if ask.get("fileLockEnabled") is False and bucket["fileLockEnabled"]:
            no |= {(400, "file_lock_conflict")}
        if "defaultRetention" in ask and not bucket["fileLockEnabled"]:
            # Lifting what is not there, or setting it together with the lock: nobody says.
            allowed = ask.get("fileLockEnabled") is True or ask["defaultRetention"].get("mode") is None
            no |= self.doubt(True, NO_LOCK, BAD) if allowed else {NO_LOCK, BAD}
        if no:
            return no
        for name in words("bucketType bucketInfo corsRules lifecycleRules defaultRetention fileLockEnabled"):
            if name in ask:
                bucket[name] = ask[name]
        if "defaultServerSideEncryption" in ask:
            bucket["defaultServerSideEncryption"] = _as_answered(ask["defaultServerSideEncryption"])
        bucket["defaultRetention"] = {"mode": None, "period": None} | bucket["defaultRetention"]
        bucket["revision"] += 1
        return self.bucket_object(bucket, key)

    def b2_get_bucket_notification_rules(self, key: Json, ask: Json, no: Refusals) -> Answer:
        bucket = self.bucket(ask["bucketId"])
        no |= self.outside(key, ask["bucketId"])
        if bucket is None:
            return no | {NO_BUCKET, BAD}
        return no or {"bucketId": bucket["bucketId"], "eventNotificationRules": bucket["notifications"]}

    def b2_set_bucket_notification_rules(self, key: Json, ask: Json, no: Refusals) -> Answer:
        bucket = self.bucket(ask["bucketId"])
        no |= self.outside(key, ask["bucketId"]) | notification_refusals(ask["eventNotificationRules"])
        if bucket is None:
            return no | {NO_BUCKET, BAD}
        if no:
            return no
        bucket["notifications"] = [{**rule, "isSuspended": False} for rule in ask["eventNotificationRules"]]
        return {"bucketId": bucket["bucketId"], "eventNotificationRules": bucket["notifications"]}

    # -- what all that makes a file has in common

    def bad_file(self, key: Json, bucket: Json, name: str, info: Json, ask: Json, inherits: bool = False) -> Refusals:
        """`ask` has the encryption, the retention and the legal hold that the new file shall have."""
        no = self.outside(key, bucket["bucketId"], name)
        encryption, retention, hold = (ask.get(one) for one in ("serverSideEncryption", "fileRetention", "legalHold"))
        if is_bad_file_name(name):
            no |= {BAD}
        no |= self.doubt(is_doubtful_file_name(name), BAD)
        if is_bad_info(info, self.limits.max_info_pairs):
            no |= {BAD}
        encrypted = self.encryption_for(bucket, encryption)["mode"] is not None
        budget = self.limits.info_budget
        if encrypted or bucket["fileLockEnabled"]:
            budget = self.limits.info_budget_when_protected
        # Whether it counts for what a copy inherits, nobody says.
        if smallest_info_size(name, info) > budget and not inherits:
            no |= {BAD}
        no |= self.doubt(largest_info_size(name, info) > budget, BAD)
        if is_bad_encryption(encryption):
            no |= {BAD}
        if retention is not None:
            no |= self.lacks(key, "writeFileRetentions")
            if is_bad_retention(retention, self.now()):
                no |= {BAD}
        if hold is not None:
            no |= self.lacks(key, "writeFileLegalHolds")
            if hold not in ("on", "off"):
                no |= {BAD}
        if (retention is not None or hold is not None) and not bucket["fileLockEnabled"]:
            no |= {NO_LOCK, BAD}
        return no

    def encryption_for(self, bucket: Json, asked: Json | None) -> Json:
        default: Json = bucket["defaultServerSideEncryption"]
        return default if asked is None else _as_answered(asked)

    def new_version(self, bucket: Json, name: str, action: str, content: bytes, ask: Json) -> Json:
        encryption = ask.get("serverSideEncryption")
        self.created += 1
        version: Json = {
            "fileId": self.learned("fileId"),
            "bucketId": bucket["bucketId"],
            "fileName": name,
            "action": action,
            "uploadTimestamp": self.now(),
            "made": self.created,
            "content": content,
            "contentLength": len(content),
            "contentSha1": sha1_of(content),
            "contentMd5": md5_of(content),
            "contentType": content_type_of(ask.get("contentType", ""), name),
            "fileInfo": {key.lower(): value for key, value in ask.get("fileInfo", {}).items()},
            "parts": [],
            "serverSideEncryption": self.encryption_for(bucket, encryption),
            "customerKey": None if encryption is None else customer_key_of(encryption),
            "fileRetention": self.retention_for(bucket, ask.get("fileRetention")),
            "legalHold": ask.get("legalHold"),
        }
        self.versions.append(version)
        return version

    def retention_for(self, bucket: Json, asked: Json | None) -> Json:
        default = bucket["defaultRetention"]
        if asked is not None:
            return {"mode": asked.get("mode"), "retainUntilTimestamp": asked.get("retainUntilTimestamp")}
        if default["mode"] is None:
            return {"mode": None, "retainUntilTimestamp": None}
        days = default["period"]["duration"] * (365 if default["period"]["unit"] == "years" else 1)
        return {"mode": default["mode"], "retainUntilTimestamp": self.now() + days * DAY}

    # -- uploads

    def b2_get_upload_url(self, key: Json, ask: Json, no: Refusals) -> Answer:
        no |= self.outside(key, ask["bucketId"])
        if self.bucket(ask["bucketId"]) is None:
            no |= {NO_BUCKET}
        if no:
            return no
        self.new_endpoint(key, {"bucketId": ask["bucketId"], "fileId": None})
        return {"bucketId": ask["bucketId"]}

    def b2_get_upload_part_url(self, key: Json, ask: Json, no: Refusals) -> Answer:
        large = self.unfinished(ask["fileId"])
        if large is None:
            return no | {BAD}
        no |= self.outside(key, large["bucketId"], large["fileName"])
        if no:
            return no
        self.new_endpoint(key, {"bucketId": large["bucketId"], "fileId": ask["fileId"]})
        return {"fileId": ask["fileId"]}

    def new_endpoint(self, key: Json, of: Json) -> None:
        url, token = self.learned("uploadUrl"), self.learned("authorizationToken")
        expires = self.now() + self.limits.token_life
        self.endpoints.append({**of, "url": url, "token": token, "key": key, "expires": expires, "spoiled": False})

    def upload(self, url: str, token: str, headers: Json, body: bytes, told: Json | None) -> Answer:
        """An upload of a file or a part. Header names are lower case, values decoded. A refusal spoils the URL."""
        self.told = told
        found = [one for one in self.endpoints if (one["url"], one["token"]) == (url, token)]
        if not found:
            return {BAD_TOKEN}
        endpoint = found[0]
        if endpoint["spoiled"] or self.now() >= endpoint["expires"]:
            return {BAD_TOKEN, EXPIRED_TOKEN} | ({BAD} if are_strange(headers, endpoint) else set())
        # Whether an upload URL outlives its key, nobody says.
        no = self.doubt(self.is_gone(endpoint["key"]), BAD_TOKEN, EXPIRED_TOKEN, UNAUTHORIZED)
        make = self.upload_file if endpoint["fileId"] is None else self.upload_part
        answer = make(endpoint, headers, body, no)
        endpoint["spoiled"] = not isinstance(answer, dict)
        return answer

    def received(self, headers: Json, body: bytes) -> tuple[bytes, str | None]:
        """The content and how its digest is shown; None if the digest is wrong."""
        declared = headers.get("x-bz-content-sha1")
        if declared == "do_not_verify":
            return body, "unverified:" + sha1_of(body)
        if declared == "hex_digits_at_end":
            body, declared = body[:-40], body[-40:].decode("latin-1")
        return body, declared if declared == sha1_of(body) else None

    def upload_file(self, endpoint: Json, headers: Json, body: bytes, no: Refusals) -> Answer:
        bucket = self.bucket(endpoint["bucketId"])
        if bucket is None:
            return no | {NO_BUCKET, BAD, BAD_TOKEN, EXPIRED_TOKEN, UNAUTHORIZED}
        name, content_type = headers.get("x-bz-file-name", ""), headers.get("content-type", "")
        start = "x-bz-info-"
        info = {header[len(start) :]: value for header, value in headers.items() if header.startswith(start)}
        ask: Json = {"contentType": content_type, "fileInfo": info}
        try:
            encryption = encryption_of_headers(headers)
        except ValueError:
            encryption = None
            no |= {BAD}
        if encryption is not None:
            ask["serverSideEncryption"] = encryption
        retention = [headers.get("x-bz-file-retention-" + one) for one in ("mode", "retain-until-timestamp")]
        if retention != [None, None]:
            until = int(retention[1]) if retention[1] is not None and retention[1].isdigit() else None
            ask["fileRetention"] = {"mode": retention[0], "retainUntilTimestamp": until}
        if "x-bz-file-legal-hold" in headers:
            ask["legalHold"] = headers["x-bz-file-legal-hold"]
        content, digest = self.received(headers, body)
        if digest is None or not content_type or len(content) > self.limits.max_small:
            no |= {BAD}
        no |= self.bad_file(endpoint["key"], bucket, name, info, ask)
        if no:
            return no
        version = self.new_version(bucket, name, "upload", content, ask)
        version["contentSha1"] = digest
        return self.file(version, endpoint["key"])

    def upload_part(self, endpoint: Json, headers: Json, body: bytes, no: Refusals) -> Answer:
        large = self.unfinished(endpoint["fileId"])
        if large is None:
            return no | {BAD, NOT_FOUND, BAD_TOKEN, EXPIRED_TOKEN, UNAUTHORIZED}
        content, digest = self.received(headers, body)
        number = headers.get("x-bz-part-number", "")
        if not number.isdigit() or not 1 <= int(number) <= self.limits.max_parts:
            no |= {BAD, OUT_OF_RANGE}
        if digest is None or len(content) > self.limits.max_part:
            no |= {BAD}
        no |= self.doubt(content == b"", BAD)
        try:
            encryption = encryption_of_headers(headers)
        except ValueError:
            return no | {BAD}
        if is_bad_encryption(encryption) or (encryption is not None and encryption["mode"] == "SSE-B2"):
            no |= {BAD}
        no |= self.wrong_customer_key(large, encryption) and {BAD, (403, "access_denied")}
        if no:
            return no
        return self.new_part(large, int(number), content, digest or "")

    def wrong_customer_key(self, version: Json, encryption: Json | None) -> Refusals:
        """Whether a key does not open what a customer's key has closed."""
        given = None if encryption is None else customer_key_of(encryption)
        if encryption is not None and given is None:
            return {BAD}
        if version["customerKey"] is None:
            # A key for what is not closed: nobody says.
            return self.doubt(given is not None, BAD)
        if given is None:
            return {BAD}
        return set() if given == version["customerKey"] else {(403, "access_denied")}

    def new_part(self, large: Json, number: int, content: bytes, digest: str) -> Json:
        part = {
            "fileId": large["fileId"],
            "partNumber": number,
            "contentLength": len(content),
            # How a part that was not to be verified is shown, nobody says.
            "contentSha1": OneOf([digest, sha1_of(content)]),
            "contentMd5": md5_of(content),
            "serverSideEncryption": large["serverSideEncryption"],
            "uploadTimestamp": self.now(),
        }
        large["parts"] = [one for one in large["parts"] if one["partNumber"] != number] + [{**part, "content": content}]
        return part

    def b2_start_large_file(self, key: Json, ask: Json, no: Refusals) -> Answer:
        bucket = self.bucket(ask["bucketId"])
        no |= self.outside(key, ask["bucketId"], ask["fileName"])
        if not ask["contentType"]:
            no |= {BAD}
        if is_bad_file_name(ask["fileName"]):
            no |= {BAD}
        if bucket is None:
            return no | {NO_BUCKET} | ({BAD} if is_bad_info(ask.get("fileInfo", {}), 10) else set())
        no |= self.bad_file(key, bucket, ask["fileName"], ask.get("fileInfo", {}), ask)
        if no:
            return no
        version = self.new_version(bucket, ask["fileName"], "start", b"", ask)
        version["contentSha1"], version["contentMd5"] = "none", None
        return self.file(version, key)

    def b2_copy_part(self, key: Json, ask: Json, no: Refusals) -> Answer:
        large = self.unfinished(ask["largeFileId"])
        if large is None:
            no |= {BAD}
        else:
            no |= self.outside(key, large["bucketId"], large["fileName"])
            encryption = ask.get("destinationServerSideEncryption")
            if is_bad_encryption(encryption):
                no |= {BAD}
            elif encryption is None or encryption.get("mode") == "SSE-C":
                no |= self.wrong_customer_key(large, encryption) and {BAD, (403, "access_denied")}
            else:
                no |= self.doubt(True, BAD)
        if not 1 <= ask["partNumber"] <= self.limits.max_parts:
            no |= {BAD, OUT_OF_RANGE}
        content, why = self.copied(key, ask, self.limits.max_part)
        no |= why | self.doubt(content == b"", BAD, NO_RANGE)
        if no or large is None:
            return no
        return self.new_part(large, ask["partNumber"], content, sha1_of(content))

    def copied(self, key: Json, ask: Json, limit: int) -> tuple[bytes, Refusals]:
        """What a copy takes from its source."""
        source = self.stored(ask["sourceFileId"])
        if source is None:
            other = self.version(ask["sourceFileId"])
            if other is None:
                return b"", {NOT_FOUND}
            return b"", {NOT_FOUND, BAD} | self.lacks(key, "readFiles") | self.outside(
                key, other["bucketId"], other["fileName"]
            )
        no: Refusals = set()
        may_not_read = self.lacks(key, "readFiles") | self.outside(key, source["bucketId"], source["fileName"])
        if self.is_private(source):
            no |= may_not_read
        else:
            no |= self.doubt(bool(may_not_read), UNAUTHORIZED)
        no |= self.wrong_customer_key(source, ask.get("sourceServerSideEncryption"))
        content: bytes = source["content"]
        too_large = (400, "source_too_large")
        # Whether the source or only the range counts, and whether the limit itself is too much: nobody says.
        no |= self.doubt(len(content) >= limit, too_large, BAD)
        if "range" in ask:
            try:
                piece = range_of(ask["range"], len(content))
            except ValueError:
                return b"", no | {BAD, NO_RANGE}
            if piece is None:
                return b"", no | {NO_RANGE} | self.doubt(ask["range"].startswith("bytes=-"), BAD)
            start, end = piece
            # Only first and last byte are documented for copies; downloads take an end beyond the end.
            plain = ask["range"] == f"bytes={start}-{end - 1}"
            no |= self.doubt(not plain, NO_RANGE, BAD)
            content = content[start:end]
        if len(content) > limit:
            no |= {too_large, BAD}
        return content, no

    def b2_finish_large_file(self, key: Json, ask: Json, no: Refusals) -> Answer:
        large = self.unfinished(ask["fileId"])
        digests = ask["partSha1Array"]
        missing, mismatch = (400, "missing_part"), (400, "part_sha1_mismatch")
        if any(not isinstance(digest, str) for digest in digests):
            no |= {BAD}
        if large is None:
            return no | {BAD}
        no |= self.outside(key, large["bucketId"], large["fileName"])
        parts = sorted(large["parts"], key=lambda part: int(part["partNumber"]))
        if [part["partNumber"] for part in parts] != list(range(1, len(parts) + 1)):
            no |= {missing, BAD}
        if len(digests) != len(parts):
            no |= {missing, mismatch, BAD}
        if any(sha1_of(part["content"]) != digest for part, digest in zip(parts, digests, strict=False)):
            no |= {mismatch}
        if len(parts) < self.limits.min_parts:
            no |= {BAD, missing}
        if any(len(part["content"]) < self.limits.min_part for part in parts[:-1]):
            no |= {BAD}
        no |= self.doubt(any(part["content"] == b"" for part in parts[-1:]), BAD)
        content = b"".join(part["content"] for part in parts)
        if len(content) > self.limits.max_large:
            no |= {BAD}
        if no:
            return no
        large.update(action="upload", content=content, contentLength=len(content), parts=[])
        return self.file(large, key)

    def b2_cancel_large_file(self, key: Json, ask: Json, no: Refusals) -> Answer:
        large = self.unfinished(ask["fileId"])
        if large is None:
            return no | {BAD}
        no |= self.outside(key, large["bucketId"], large["fileName"])
        no |= self.doubt(self.is_protected(large), *PROTECTED)
        if no:
            return no
        self.versions.remove(large)
        return {"accountId": self.account_id} | {name: large[name] for name in ("bucketId", "fileId", "fileName")}

    def b2_list_parts(self, key: Json, ask: Json, no: Refusals) -> Answer:
        """Everything from the start on: the asker cuts it into pages."""
        large = self.unfinished(ask["fileId"])
        start = ask.get("startPartNumber", 1)
        if not 1 <= ask.get("maxPartCount", 100) <= 10000:
            no |= {BAD, OUT_OF_RANGE}
        no |= self.doubt(not 1 <= start <= self.limits.max_parts, BAD, OUT_OF_RANGE)
        if large is None:
            return no | {BAD}
        no |= self.outside(key, large["bucketId"], large["fileName"])
        if no:
            return no
        parts = sorted(large["parts"], key=lambda part: int(part["partNumber"]))
        since = [part for part in parts if part["partNumber"] >= start]
        return {"parts": [{name: part[name] for name in part if name != "content"} for part in since]}

    def b2_list_unfinished_large_files(self, key: Json, ask: Json, no: Refusals) -> Answer:
        """All of them, in the order they were made; nobody says in which they are listed."""
        no |= self.outside(key, ask["bucketId"], ask.get("namePrefix", ""))
        if not 1 <= ask.get("maxFileCount", 100) <= 100:
            no |= {BAD, OUT_OF_RANGE}
        if self.bucket(ask["bucketId"]) is None:
            no |= {NO_BUCKET, (400, "invalid_bucket_id"), BAD}
        if no:
            return no
        found = [
            version
            for version in self.versions
            if version["action"] == "start"
            and version["bucketId"] == ask["bucketId"]
            and version["fileName"].startswith(ask.get("namePrefix", ""))
        ]
        return {"files": [self.file(version, key) for version in found]}

    # -- lists of files

    def b2_list_file_names(self, key: Json, ask: Json, no: Refusals) -> Answer:
        """Everything from the start on, as it may be: the asker cuts it into pages."""
        no |= self.bad_list(key, ask)
        if no:
            return no
        newest = [self.current(ask["bucketId"], name) for name in self.names(ask["bucketId"])]
        return self.listed(key, ask, [v for v in newest if v is not None and v["action"] == "upload"])

    def b2_list_file_versions(self, key: Json, ask: Json, no: Refusals) -> Answer:
        """The same, with all versions."""
        no |= self.bad_list(key, ask)
        if "startFileId" in ask and "startFileName" not in ask:
            no |= {BAD, (400, "invalid_file_id")}
        if "startFileId" in ask:
            found = self.version(ask["startFileId"])
            unknown = found is None or (found["bucketId"], found["fileName"]) != (
                ask["bucketId"],
                ask.get("startFileName"),
            )
            no |= self.doubt(unknown, BAD, (400, "invalid_file_id"))
        if no:
            return no
        return self.listed(
            key, ask, [v for n in self.names(ask["bucketId"]) for v in self.versions_of(ask["bucketId"], n)]
        )

    def bad_list(self, key: Json, ask: Json) -> Refusals:
        no = self.outside(key, ask["bucketId"], ask.get("prefix", ""))
        if not 0 <= ask.get("maxFileCount", 100) <= 10000:
            no |= {BAD, OUT_OF_RANGE}
        if self.bucket(ask["bucketId"]) is None:
            no |= {NO_BUCKET, (400, "invalid_bucket_id")}
        return no

    def listed(self, key: Json, ask: Json, versions: list[Json]) -> Json:
        prefix, delimiter = ask.get("prefix", ""), ask.get("delimiter")
        start, start_id = ask.get("startFileName", ""), ask.get("startFileId")
        choices = []
        same = [version for version in versions if version["fileName"] == start]
        at = [n for n, version in enumerate(same) if version["fileId"] == start_id]
        if start_id is None:
            starts = [0]
        elif at:
            starts = at
        else:  # a version that is not there, or no longer: where it would stand among its kin, nobody can tell
            starts = list(range(len(same) + 1))
        for skipped in starts:
            later = [v for v in versions if v["fileName"].encode() > start.encode()]
            entries = self.folded(same[skipped:] + later, prefix, delimiter)
            choices.append(entries)
            # A start within a folder may show the folder, as above, or be behind it.
            choices.append([entry for entry in entries if entry["fileName"].encode() >= start.encode()])
        return {"files": OneOf([[self.file(entry, key) for entry in entries] for entries in choices])}

    def folded(self, versions: list[Json], prefix: str, delimiter: str | None) -> list[Json]:
        entries: list[Json] = []
        for version in versions:
            name = version["fileName"]
            if not name.startswith(prefix):
                continue
            before, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if not found:
                entries.append(version)
                continue
            folder = prefix + before + found
            if all(entry["fileName"] != folder or entry["action"] != "folder" for entry in entries):
                entries.append(self.folder(version["bucketId"], folder))
        return entries

    def folder(self, bucket_id: str, name: str) -> Json:
        return {
            "action": "folder",
            "bucketId": bucket_id,
            "fileName": name,
            "contentLength": 0,
            "contentMd5": None,
            "contentSha1": None,
            "contentType": None,
            "fileId": None,
            "fileInfo": OneOf([{}, None]),
            "uploadTimestamp": 0,
        }

    # -- single files

    def b2_get_file_info(self, key: Json, ask: Json, no: Refusals) -> Answer:
        version = self.version(ask["fileId"])
        if version is None:
            return no | {NOT_FOUND}
        no |= self.outside(key, version["bucketId"], version["fileName"])
        return no or self.file(version, key)

    def b2_hide_file(self, key: Json, ask: Json, no: Refusals) -> Answer:
        name, bucket = ask["fileName"], self.bucket(ask["bucketId"])
        no |= self.outside(key, ask["bucketId"], name)
        if is_bad_file_name(name):
            no |= {BAD}
        no |= self.doubt(is_doubtful_file_name(name), BAD)
        if bucket is None:
            return no | {NO_BUCKET}
        current = self.current(bucket["bucketId"], name)
        if current is None:
            no |= {(400, "no_such_file")}
        elif current["action"] == "hide":
            no |= {(400, "already_hidden")}
        if no:
            return no
        version = self.new_version(bucket, name, "hide", b"", {"contentType": "application/x-bz-hide-marker"})
        # A recording has the digests of nothing, the documentation null.
        version["contentSha1"] = OneOf([None, "none", version["contentSha1"]])
        version["contentMd5"] = OneOf([None, version["contentMd5"]])
        return self.file(version, key)

    def is_protected(self, version: Json) -> bool:
        retention = version["fileRetention"]
        until = retention["retainUntilTimestamp"]
        return version["legalHold"] == "on" or (retention["mode"] is not None and until > self.now())

    def b2_delete_file_version(self, key: Json, ask: Json, no: Refusals) -> Answer:
        version = self.version(ask["fileId"])
        bypass = ask.get("bypassGovernance", False)
        no |= self.outside(key, None, ask["fileName"])
        may_not_bypass = self.lacks(key, "bypassGovernance") if bypass else set()
        no |= self.doubt(bool(may_not_bypass), UNAUTHORIZED, *PROTECTED)
        if version is None or version["fileName"] != ask["fileName"]:
            if version is not None:
                no |= self.outside(key, version["bucketId"])
            return no | {(400, "file_not_present")}
        no |= self.outside(key, version["bucketId"], version["fileName"])
        if self.is_protected(version):
            governed = version["legalHold"] != "on" and version["fileRetention"]["mode"] == "governance"
            if not governed or not bypass or may_not_bypass:
                no |= PROTECTED if version["action"] == "upload" else self.doubt(True, *PROTECTED)
        if no:
            return no
        self.versions.remove(version)
        return {"fileId": ask["fileId"], "fileName": ask["fileName"]}

    def b2_copy_file(self, key: Json, ask: Json, no: Refusals) -> Answer:
        name, directive, info = ask["fileName"], ask.get("metadataDirective", "COPY"), ask.get("fileInfo", {})
        content, why = self.copied(key, ask, self.limits.max_small)
        no |= why
        source, lies_in = self.stored(ask["sourceFileId"]), self.version(ask["sourceFileId"])
        if directive not in ("COPY", "REPLACE"):
            no |= {BAD}
        if directive == "COPY" and ("contentType" in ask or "fileInfo" in ask):
            no |= {BAD}
        if directive == "REPLACE" and not ask.get("contentType"):
            no |= {BAD}
        no |= self.outside(key, ask.get("destinationBucketId"), name)
        if is_bad_file_name(name):
            no |= {BAD}
        if lies_in is None and "destinationBucketId" not in ask:
            return no
        bucket = self.bucket(ask.get("destinationBucketId", lies_in and lies_in["bucketId"]))
        if bucket is None:
            return no | {NO_BUCKET, BAD}
        if directive == "COPY":
            info = {} if source is None else source["fileInfo"]
        wish: Json = {one: ask[one] for one in ("fileRetention", "legalHold") if one in ask}
        if "destinationServerSideEncryption" in ask:
            wish["serverSideEncryption"] = ask["destinationServerSideEncryption"]
        no |= self.bad_file(key, bucket, name, info, wish, inherits=directive == "COPY")
        if no or source is None:
            return no
        content_type = source["contentType"] if directive == "COPY" else ask["contentType"]
        version = self.new_version(
            bucket, name, "upload", content, {**wish, "contentType": content_type, "fileInfo": info}
        )
        if content == source["content"]:
            # Whether a whole copy of a large file gets digests, and whether one stays unverified: nobody says.
            version["contentSha1"] = OneOf([version["contentSha1"], source["contentSha1"]])
            version["contentMd5"] = OneOf([version["contentMd5"], source["contentMd5"]])
        return self.file(version, key) | {"action": "copy"}

    # -- downloads

    def download(self, token: str | None, ask: Json, told: Json | None) -> Answer:
        """By `fileId`, or by `bucketName` and `fileName`; `override` says how the answer's headers shall be."""
        self.told = told
        bucket_name, name, override = ask.get("bucketName"), ask.get("fileName", ""), ask.get("override", {})
        if "fileId" in ask:
            version = self.version(ask["fileId"])
            bucket = None if version is None else self.bucket(version["bucketId"])
        else:
            bucket = next((one for one in self.buckets if same_bucket_name(one["bucketName"], bucket_name)), None)
            version = None if bucket is None else self.current(bucket["bucketId"], name)
        closed_by = ask.get("encryption")
        no: Refusals = {BAD} if closed_by is not None and customer_key_of(closed_by) is None else set()
        key, why = (None, {UNAUTHORIZED, BAD_TOKEN}) if token is None else self.key_of_token(token)
        if shares := [share for share in self.shares if share["token"] == token]:
            why = self.wrong_share(shares[0], bucket, name, override)
            if "fileId" in ask:  # such a token is for names
                why |= {UNAUTHORIZED, BAD_TOKEN}
            no |= self.doubt(self.is_gone(shares[0]["key"]), BAD_TOKEN, EXPIRED_TOKEN, UNAUTHORIZED)
        elif key is not None:
            why = self.lacks(key, "readFiles")
            if bucket is not None:
                why |= self.outside(key, bucket["bucketId"], name if version is None else version["fileName"])
        is_public = bucket is not None and bucket["bucketType"] == "allPublic"
        no |= self.doubt(token is not None, *why) if is_public else (why if bucket is not None else set())
        if token is None and override:
            no |= {UNAUTHORIZED, BAD, BAD_TOKEN}
        if bucket is None:
            # A stranger need not learn what there is not.
            no |= {NOT_FOUND} | why
        elif version is None or version["action"] != "upload":
            no |= {NOT_FOUND} | self.doubt("fileId" in ask, BAD)
        if version is None or version["action"] != "upload":
            return no
        no |= self.wrong_customer_key(version, ask.get("encryption"))
        content, piece, partial = version["content"], (0, len(version["content"])), False
        if "range" in ask:
            try:
                wanted = range_of(ask["range"], len(content))
            except ValueError:  # HTTP has it ignored, others complain
                wanted = piece
                no |= self.doubt(True, BAD, NO_RANGE)
                partial = self.learned("status") == 206
            else:
                partial = True
            if wanted is None:
                return no | {NO_RANGE}
            piece = wanted
        return no or self.downloaded(version, piece, partial, key, override)

    def downloaded(
        self, version: Json, piece: tuple[int, int], partial: bool, key: Json | None, override: Json
    ) -> Json:
        start, end = piece
        info = dict.fromkeys(KNOWN_B2_INFO.values(), ABSENT)
        for name, value in version["fileInfo"].items():
            info[KNOWN_B2_INFO.get(name, f"x-bz-info-{name}")] = value
        sse = version["serverSideEncryption"]
        echo = "x-bz-server-side-encryption"
        headers = {
            "content-length": str(end - start),
            "content-type": version["contentType"],
            "content-range": f"bytes {start}-{end - 1}/{len(version['content'])}" if partial else ABSENT,
            "x-bz-file-id": version["fileId"],
            "x-bz-file-name": version["fileName"],
            "x-bz-content-sha1": version["contentSha1"],
            "x-bz-upload-timestamp": str(version["uploadTimestamp"]),
            echo: "AES256" if sse == SSE_B2 else ABSENT,
            f"{echo}-customer-algorithm": "AES256" if sse == SSE_C else ABSENT,
            **info,
            **override,
        }
        return {"status": 206 if partial else 200, "headers": headers, "content": version["content"][start:end]}

    def b2_get_download_authorization(self, key: Json, ask: Json, no: Refusals) -> Answer:
        no |= self.outside(key, ask["bucketId"], ask["fileNamePrefix"])
        if not 1 <= ask["validDurationInSeconds"] <= 604800:
            no |= {BAD, OUT_OF_RANGE}
        if self.bucket(ask["bucketId"]) is None:
            no |= {NO_BUCKET, BAD}
        if no:
            return no
        bound = {header: ask[name] for name, header in OVERRIDES.items() if name in ask}
        self.shares.append(
            {
                "token": self.learned("authorizationToken"),
                "key": key,
                "bucketId": ask["bucketId"],
                "prefix": ask["fileNamePrefix"],
                "expires": self.now() + ask["validDurationInSeconds"] * 1000,
                "override": bound,
            }
        )
        return {"bucketId": ask["bucketId"], "fileNamePrefix": ask["fileNamePrefix"]}

    def wrong_share(self, share: Json, bucket: Json | None, name: str, override: Json) -> Refusals:
        if self.now() >= share["expires"]:
            return {EXPIRED_TOKEN, BAD_TOKEN}
        if bucket is None or bucket["bucketId"] != share["bucketId"] or not name.startswith(share["prefix"]):
            return {UNAUTHORIZED}
        if any(override.get(header) != value for header, value in share["override"].items()):
            return {UNAUTHORIZED, BAD, BAD_TOKEN}
        # Whether more may be asked for than was agreed on, nobody says.
        return self.doubt(override != share["override"], UNAUTHORIZED, BAD)

    # -- lock

    def b2_update_file_retention(self, key: Json, ask: Json, no: Refusals) -> Answer:
        version, no = self.lockable(key, ask, no)
        asked, bypass = ask["fileRetention"], ask.get("bypassGovernance", False)
        if is_bad_retention(asked, self.now()):
            no |= {BAD}
        may_not_bypass = self.lacks(key, "bypassGovernance") if bypass else set()
        no |= self.doubt(bool(may_not_bypass), UNAUTHORIZED, *PROTECTED)
        if version is None:
            return no
        old = version["fileRetention"]
        if old["mode"] is not None and old["retainUntilTimestamp"] > self.now():
            shorter = (asked.get("retainUntilTimestamp") or 0) < old["retainUntilTimestamp"]
            weaker = shorter or asked.get("mode") is None
            if old["mode"] == "compliance" and (weaker or asked["mode"] != "compliance"):
                no |= PROTECTED | {BAD}
            if old["mode"] == "governance" and weaker and (not bypass or may_not_bypass):
                no |= PROTECTED | {BAD}
        if no:
            return no
        version["fileRetention"] = {
            "mode": asked.get("mode"),
            "retainUntilTimestamp": asked.get("retainUntilTimestamp"),
        }
        return {"fileId": ask["fileId"], "fileName": ask["fileName"], "fileRetention": version["fileRetention"]}

    def b2_update_file_legal_hold(self, key: Json, ask: Json, no: Refusals) -> Answer:
        version, no = self.lockable(key, ask, no)
        if ask["legalHold"] not in ("on", "off"):
            no |= {BAD}
        if no or version is None:
            return no
        version["legalHold"] = ask["legalHold"]
        return {name: ask[name] for name in ("fileId", "fileName", "legalHold")}

    def lockable(self, key: Json, ask: Json, no: Refusals) -> tuple[Json | None, Refusals]:
        version = self.version(ask["fileId"])
        no |= self.outside(key, None, ask["fileName"])
        if version is not None:
            no |= self.outside(key, version["bucketId"])
        if version is None or version["fileName"] != ask["fileName"]:
            return None, no | {BAD, (400, "file_not_present"), NOT_FOUND}
        bucket = self.bucket(version["bucketId"])
        if bucket is not None and not bucket["fileLockEnabled"]:
            no |= {NO_LOCK}
        if version["action"] == "hide":
            no |= {BAD, (400, "file_not_present"), NOT_FOUND}
        no |= self.doubt(version["action"] == "start", BAD, (400, "file_not_present"), NOT_FOUND)
        return version, no


OVERRIDES = {
    "b2ContentDisposition": "content-disposition",
    "b2ContentLanguage": "content-language",
    "b2Expires": "expires",
    "b2CacheControl": "cache-control",
    "b2ContentEncoding": "content-encoding",
    "b2ContentType": "content-type",
}


def _readable(key: Json, capability: str, value: Any) -> Json:
    readable = capability in key["capabilities"]
    return {"isClientAuthorizedToRead": readable, "value": value if readable else None}


def _as_answered(asked: Json | None) -> Json:
    """An encryption without its key."""
    return (
        NO_ENCRYPTION if asked is None or asked.get("mode") is None else (SSE_C if asked["mode"] == "SSE-C" else SSE_B2)
    )
