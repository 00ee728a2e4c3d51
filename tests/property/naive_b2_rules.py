"""What B2 asks of single values: names, digests, ranges, encryption, rules of buckets. Independent of b2pure.

Written from Backblaze's documentation, as an oracle: nothing here imports what it judges, and nothing is clever.
A refusal is (status, code). A check answers the refusals that a request has deserved; where the documentation is
silent or contradicts itself there is a second check, named `doubtful_...`, and both answers are right.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import md5, sha1
from typing import Any
from urllib.parse import quote

Refusal = tuple[int, str]
Refusals = set[Refusal]
Json = dict[str, Any]

BAD: Refusal = (400, "bad_request")
OUT_OF_RANGE: Refusal = (400, "out_of_range")
UNAUTHORIZED: Refusal = (401, "unauthorized")
BAD_TOKEN: Refusal = (401, "bad_auth_token")
EXPIRED_TOKEN: Refusal = (401, "expired_auth_token")
NO_BUCKET: Refusal = (400, "bad_bucket_id")
NOT_FOUND: Refusal = (404, "not_found")
NO_RANGE: Refusal = (416, "range_not_satisfiable")
NO_LOCK: Refusal = (400, "bucket_missing_file_lock")
PROTECTED: Refusals = {(401, "access_denied"), (403, "access_denied")}  # the documentation says both


def words(text: str) -> list[str]:
    return text.split()


DAY = 24 * 60 * 60 * 1000

ACCOUNT_CAPABILITIES = words("listKeys writeKeys deleteKeys writeBuckets deleteBuckets")
BUCKET_CAPABILITIES = words(
    "listBuckets listAllBucketNames readBuckets readBucketEncryption writeBucketEncryption "
    "readBucketRetentions writeBucketRetentions readBucketReplications writeBucketReplications "
    "readBucketNotifications writeBucketNotifications readBucketLogging writeBucketLogging listFiles "
    "readFiles shareFiles writeFiles deleteFiles readFileRetentions writeFileRetentions "
    "readFileLegalHolds writeFileLegalHolds bypassGovernance"
)

# What a request must be made of: the types of its fields; with an exclamation mark those it cannot do without.
FIELDS = {
    "b2_create_key": "accountId!str capabilities!list keyName!str validDurationInSeconds:int bucketIds:list "
    "namePrefix:str",
    "b2_delete_key": "applicationKeyId!str",
    "b2_list_keys": "accountId!str maxKeyCount:int startApplicationKeyId:str",
    "b2_create_bucket": "accountId!str bucketName!str bucketType!str bucketInfo:dict corsRules:list "
    "fileLockEnabled:bool lifecycleRules:list defaultServerSideEncryption:dict",
    "b2_delete_bucket": "accountId!str bucketId!str",
    "b2_list_buckets": "accountId!str bucketId:str bucketName:str bucketTypes:list",
    "b2_update_bucket": "accountId!str bucketId!str bucketType:str bucketInfo:dict corsRules:list "
    "lifecycleRules:list defaultRetention:dict defaultServerSideEncryption:dict fileLockEnabled:bool "
    "ifRevisionIs:int",
    "b2_get_bucket_notification_rules": "bucketId!str",
    "b2_set_bucket_notification_rules": "bucketId!str eventNotificationRules!list",
    "b2_get_upload_url": "bucketId!str",
    "b2_start_large_file": "bucketId!str fileName!str contentType!str fileInfo:dict fileRetention:dict legalHold:str "
    "serverSideEncryption:dict",
    "b2_get_upload_part_url": "fileId!str",
    "b2_copy_part": "sourceFileId!str largeFileId!str partNumber!int range:str sourceServerSideEncryption:dict "
    "destinationServerSideEncryption:dict",
    "b2_finish_large_file": "fileId!str partSha1Array!list",
    "b2_cancel_large_file": "fileId!str",
    "b2_list_parts": "fileId!str startPartNumber:int maxPartCount:int",
    "b2_list_unfinished_large_files": "bucketId!str namePrefix:str startFileId:str maxFileCount:int",
    "b2_list_file_names": "bucketId!str startFileName:str maxFileCount:int prefix:str delimiter:str",
    "b2_list_file_versions": "bucketId!str startFileName:str startFileId:str maxFileCount:int prefix:str delimiter:str",
    "b2_get_file_info": "fileId!str",
    "b2_hide_file": "bucketId!str fileName!str",
    "b2_delete_file_version": "fileName!str fileId!str bypassGovernance:bool",
    "b2_copy_file": "sourceFileId!str fileName!str destinationBucketId:str range:str metadataDirective:str "
    "contentType:str fileInfo:dict fileRetention:dict legalHold:str sourceServerSideEncryption:dict "
    "destinationServerSideEncryption:dict",
    "b2_get_download_authorization": "bucketId!str fileNamePrefix!str validDurationInSeconds!int "
    "b2ContentDisposition:str b2ContentLanguage:str b2Expires:str b2CacheControl:str b2ContentEncoding:str "
    "b2ContentType:str",
    "b2_update_file_retention": "fileName!str fileId!str fileRetention!dict bypassGovernance:bool",
    "b2_update_file_legal_hold": "fileName!str fileId!str legalHold!str",
}

CAPABILITY = {
    "b2_create_key": "writeKeys",
    "b2_delete_key": "deleteKeys",
    "b2_list_keys": "listKeys",
    "b2_create_bucket": "writeBuckets",
    "b2_delete_bucket": "deleteBuckets",
    "b2_list_buckets": "listBuckets",
    "b2_update_bucket": "writeBuckets",
    "b2_get_bucket_notification_rules": "readBucketNotifications",
    "b2_set_bucket_notification_rules": "writeBucketNotifications",
    "b2_get_upload_url": "writeFiles",
    "b2_start_large_file": "writeFiles",
    "b2_get_upload_part_url": "writeFiles",
    "b2_copy_part": "writeFiles",
    "b2_finish_large_file": "writeFiles",
    "b2_cancel_large_file": "writeFiles",
    "b2_list_parts": "writeFiles",
    "b2_list_unfinished_large_files": "listFiles",
    "b2_list_file_names": "listFiles",
    "b2_list_file_versions": "listFiles",
    "b2_get_file_info": "readFiles",
    "b2_hide_file": "writeFiles",
    "b2_delete_file_version": "deleteFiles",
    "b2_copy_file": "writeFiles",
    "b2_get_download_authorization": "shareFiles",
    "b2_update_file_retention": "writeFileRetentions",
    "b2_update_file_legal_hold": "writeFileLegalHolds",
}


def fields_of(call: str) -> list[tuple[str, str, bool]]:
    """The fields of a call: name, type, whether it must be there."""
    found = [re.fullmatch(r"(\w+)([!:])(\w+)", word) for word in FIELDS[call].split()]
    return [(match[1], match[3], match[2] == "!") for match in found if match is not None]


def is_malformed(call: str, ask: Json) -> bool:
    types = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict}
    for name, kind, required in fields_of(call):
        value = ask.get(name)
        if value is None:
            if required:
                return True
        elif type(value) is not types[kind]:
            return True
    return False


# -- names


def is_bad_file_name(name: str) -> bool:
    return not 1 <= len(name.encode()) <= 1024 or any(ord(char) < 32 or ord(char) == 127 for char in name)


def is_doubtful_file_name(name: str) -> bool:
    """Only some texts forbid these."""
    segments = name.split("/")
    return "" in segments or "\\" in name or any(len(part.encode()) > 250 for part in segments) or name in (".", "..")


def same_bucket_name(name: str, other: str | None) -> bool:
    """MYPhotos is the same as myphotos."""
    return other is not None and name.lower() == other.lower()


def is_bad_bucket_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9-]{6,63}", name) is None or name.startswith("b2-")


def content_type_of(declared: str, file_name: str) -> str:
    if declared != "b2/x-auto":
        return declared
    return "text/plain" if file_name.endswith(".txt") else "application/octet-stream"


# -- file info

KNOWN_B2_INFO = {
    "b2-content-disposition": "content-disposition",
    "b2-content-language": "content-language",
    "b2-expires": "expires",
    "b2-cache-control": "cache-control",
    "b2-content-encoding": "content-encoding",
}


def is_bad_info(info: Json, max_pairs: int) -> bool:
    return (
        len(info) > max_pairs
        or any(type(value) is not str for value in info.values())
        or any(re.fullmatch(r"[A-Za-z0-9_.~!#$%^&*'|+`-]{1,50}", key) is None for key in info)
        or any(key.lower().startswith("b2-") and key.lower() not in KNOWN_B2_INFO for key in info)
    )


def smallest_info_size(name: str, info: Json) -> int:
    """How much of the budget name and info take at the least; texts disagree over how it is counted."""
    return len(name.encode()) + sum(len(key) + len(value.encode()) for key, value in info.items())


def largest_info_size(name: str, info: Json) -> int:
    lines = [("X-Bz-File-Name", name), *((f"X-Bz-Info-{key}", value) for key, value in info.items())]
    return sum(len(key) + len(": \r\n") + len(quote(value, safe="")) for key, value in lines)


# -- contents


def sha1_of(data: bytes) -> str:
    return sha1(data).hexdigest()


def md5_of(data: bytes) -> str:
    return md5(data).hexdigest()


def range_of(text: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last; None if nothing of it is there. ValueError if it is no range."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", text)
    if match is None or match[1] + match[2] == "":
        raise ValueError(text)
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size
        return (start, end) if start < end else None
    start, end = int(match[1]), size if match[2] == "" else int(match[2]) + 1
    if end <= start and match[2] != "":
        raise ValueError(text)
    return (start, min(end, size)) if start < size else None


# -- encryption

NO_ENCRYPTION: Json = {"mode": None, "algorithm": None}
SSE_B2: Json = {"mode": "SSE-B2", "algorithm": "AES256"}
SSE_C: Json = {"mode": "SSE-C", "algorithm": "AES256"}


def customer_key_of(asked: Json) -> str | None:
    """The digest of a customer key, by which two are told apart; None if key and digest are not in order."""
    try:
        key = b64decode(asked.get("customerKey") or "", validate=True)
    except ValueError:
        return None
    digest = b64encode(md5(key).digest()).decode()
    return digest if len(key) == 32 and asked.get("customerKeyMd5") == digest else None


def is_bad_encryption(asked: Json | None) -> bool:
    """Whether this cannot be asked for a file."""
    if asked is None or asked.get("mode") is None:
        return False
    if asked.get("algorithm") != "AES256":
        return True
    if asked["mode"] == "SSE-C":
        return customer_key_of(asked) is None
    return asked["mode"] != "SSE-B2" or "customerKey" in asked or "customerKeyMd5" in asked


def encryption_of_headers(headers: Json) -> Json | None:
    """What the headers of an upload ask for, as JSON has it. ValueError if they contradict themselves."""
    start = "x-bz-server-side-encryption"
    trio = [headers.get(f"{start}-customer-{name}") for name in ("algorithm", "key", "key-md5")]
    if start in headers:
        if trio != [None, None, None]:
            raise ValueError("two encryptions")
        return {"mode": "SSE-B2", "algorithm": headers[start]}
    if trio == [None, None, None]:
        return None
    return {"mode": "SSE-C", "algorithm": trio[0], "customerKey": trio[1], "customerKeyMd5": trio[2]}


# -- lock


def is_bad_retention(asked: Json, now: int) -> bool:
    mode, until = asked.get("mode"), asked.get("retainUntilTimestamp")
    if mode is None and until is None:
        return False
    return mode not in ("governance", "compliance") or type(until) is not int or until <= now


def is_bad_default_retention(asked: Json) -> bool:
    mode, period = asked.get("mode"), asked.get("period")
    if mode is None and period is None:
        return False
    if mode not in ("governance", "compliance") or not isinstance(period, dict):
        return True
    duration, unit = period.get("duration"), period.get("unit")
    if type(duration) is not int or unit not in ("days", "years"):
        return True
    return not 1 <= duration * (365 if unit == "years" else 1) <= 3000


# -- buckets


def is_bad_lifecycle_rule(rule: Any) -> bool:
    names = ["daysFromHidingToDeleting", "daysFromUploadingToHiding", "daysFromStartingToCancelingUnfinishedLargeFiles"]
    if not isinstance(rule, dict) or not isinstance(rule.get("fileNamePrefix"), str):
        return True
    days = [rule.get(name) for name in names]
    return days == [None, None, None] or any(day is not None and (type(day) is not int or day < 1) for day in days)


def is_bad_cors_rule(rule: Json) -> bool:
    operations = words(
        "b2_download_file_by_name b2_download_file_by_id b2_upload_file b2_upload_part s3_delete s3_get "
        "s3_head s3_post s3_put"
    )
    name, age = rule.get("corsRuleName"), rule.get("maxAgeSeconds")
    return (
        not isinstance(name, str)
        or re.fullmatch(r"[A-Za-z0-9-]{6,50}", name) is None
        or name.startswith("b2-")
        or not rule.get("allowedOrigins")
        or not rule.get("allowedOperations")
        or any(operation not in operations for operation in rule["allowedOperations"])
        or type(age) is not int
        or not 0 <= age <= 86400
    )


EVENTS = {
    "b2:ObjectCreated": words("* Upload MultipartUpload Copy Replica MultipartReplica"),
    "b2:ObjectDeleted": ["*", "Delete", "LifecycleRule"],
    "b2:HideMarkerCreated": ["*", "Hide", "LifecycleRule"],
}


def notification_refusals(rules: list[Json]) -> Refusals:
    no: Refusals = set()
    for rule in rules:
        types = rule["eventTypes"]
        if not types:
            no |= {(400, "event_types_empty"), BAD}
        for event in types:
            group, _, kind = event.rpartition(":")
            if kind not in EVENTS.get(group, []):
                no |= {(400, "event_type_invalid"), (400, "event_type_categories"), BAD}
            if kind == "*" and any(other != event and other.startswith(group + ":") for other in types):
                no |= {(400, "event_type_overlap"), BAD}
        if len({event.rpartition(":")[0] for event in types}) > 1:
            no |= {(400, "event_type_categories")}
        if not rule["targetConfiguration"].get("url", "").startswith("https://"):
            no |= {BAD}
    return no


# -- what needs no look at anything else


def is_strange(ask: Json) -> bool:
    """Whether something within the fields is not in order: one may look for that before asking who is asking."""
    return (
        ask.get("metadataDirective") not in (None, "COPY", "REPLACE")
        or ask.get("legalHold") not in (None, "on", "off")
        or (ask.get("fileRetention") or {}).get("mode") not in (None, "governance", "compliance")
        or len(ask.get("fileRetention") or {"": 0, " ": 0}) == 1
        or any(is_bad_encryption(ask[name]) for name in ask if name.endswith("ServerSideEncryption"))
        or is_bad_encryption(ask.get("serverSideEncryption"))
        or (ask.get("defaultServerSideEncryption") or {}).get("mode") == "SSE-C"
        or is_bad_default_retention(ask.get("defaultRetention") or {})
        or any(is_bad_lifecycle_rule(rule) for rule in ask.get("lifecycleRules") or [])
        or any(is_bad_cors_rule(rule) for rule in ask.get("corsRules") or [])
        or notification_refusals(ask.get("eventNotificationRules") or []) != set()
    )


def are_strange(headers: Json, endpoint: Json) -> bool:
    """The same for the headers of an upload."""
    try:
        encryption = encryption_of_headers(headers)
    except ValueError:
        return True
    retention = [headers.get("x-bz-file-retention-" + one) for one in ("mode", "retain-until-timestamp")]
    return (
        is_bad_encryption(encryption)
        or headers.get("x-bz-file-legal-hold") not in (None, "on", "off")
        or retention.count(None) == 1
        or (endpoint["fileId"] is not None and encryption is not None and encryption["mode"] == "SSE-B2")
    )
