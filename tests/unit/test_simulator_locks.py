"""Object lock in the simulated B2: retention, legal holds, and what they keep from whom (gap 12)."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from simulated import B2, SMALL

from b2pure.model.account import ALL_CAPABILITIES
from b2pure.model.buckets import DefaultRetention, RetentionPeriod
from b2pure.model.calls import (
    CopyFile,
    DeleteFileVersion,
    DownloadFileById,
    FinishLargeFile,
    GetFileInfo,
    HideFile,
    ListFileNames,
    ListFileVersions,
    ListUnfinishedLargeFiles,
    StartLargeFile,
    UpdateFileLegalHold,
    UpdateFileRetention,
)
from b2pure.model.errors import Rejected, Unauthorized
from b2pure.model.ids import FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.protection import NO_RETENTION, FileRetention, RetentionValue

UNTIL = 100_000
GOVERNED, COMPLIANT = FileRetention("governance", UNTIL), FileRetention("compliance", UNTIL)


@pytest.fixture
def b2() -> B2:
    """With a bucket that has object lock."""
    return locking(B2())


def locking(b2: B2) -> B2:
    b2.bucket = b2.new_bucket("locked-one", file_lock_enabled=True)
    return b2


def retention_of(b2: B2, file_id: FileId) -> RetentionValue:
    value: RetentionValue = b2.ok(GetFileInfo(file_id)).file_retention.value
    return value


def delete(file_id: FileId, *, bypass: bool = False) -> DeleteFileVersion:
    return DeleteFileVersion("n", file_id, bypass)


def retain(file_id: FileId, retention: FileRetention, *, bypass: bool = False) -> UpdateFileRetention:
    return UpdateFileRetention("n", file_id, retention, bypass)


# -- what is locked


def test_without_object_lock_nothing_is_locked() -> None:
    b2 = B2()
    file = b2.upload("n")
    missing = Rejected(400, "bucket_missing_file_lock", "The bucket is not file lock enabled")
    assert b2.fails(retain(file.file_id, GOVERNED)) == missing
    assert b2.fails(UpdateFileLegalHold("n", file.file_id, "on")) == missing
    assert b2.fails(b2.file("n", file_retention=GOVERNED), b2.url()) == missing
    assert b2.fails(StartLargeFile(b2.bucket, "n", "a/b", {}, legal_hold="on")) == missing
    assert b2.fails(CopyFile(file.file_id, "m", legal_hold="on")) == missing


def test_a_new_file_is_locked_as_asked(b2: B2) -> None:
    file = b2.upload("n", file_retention=COMPLIANT, legal_hold="off")
    assert (file.file_retention.value, file.legal_hold.value) == (RetentionValue("compliance", UNTIL), "off")
    large = b2.ok(StartLargeFile(b2.bucket, "n", "a/b", {}, GOVERNED, "on"))
    assert (large.file_retention.value.mode, large.legal_hold.value) == ("governance", "on")


def test_to_lock_a_new_file_needs_capabilities(b2: B2) -> None:
    token = b2.limited("writeFiles", "readFiles")
    source = b2.upload("n").file_id
    for fields in ({"file_retention": GOVERNED}, {"legal_hold": "off"}):
        assert b2.code(b2.file("n", **fields), b2.url(token=token)) == "unauthorized"
        assert b2.code(CopyFile(source, "m", **fields), token) == "unauthorized"
        assert b2.code(StartLargeFile(b2.bucket, "m", "a/b", {}, **fields), token) == "unauthorized"


def test_a_retention_ends_in_the_future(b2: B2) -> None:
    file = b2.upload("n")
    for until in (b2.now - 1, 1):
        past = FileRetention("governance", until)
        assert b2.code(retain(file.file_id, past)) == "bad_request"
        assert b2.code(b2.file("n", file_retention=past), b2.url()) == "bad_request"


def test_a_file_without_a_lock_says_so(b2: B2) -> None:
    file = b2.upload("n")
    assert (file.file_retention.value, file.legal_hold.value) == (RetentionValue(), None)
    b2.ok(delete(file.file_id))


def test_the_default_retention_is_for_every_new_file_that_asks_for_none(b2: B2) -> None:
    old = b2.upload("n").file_id
    b2.ok(b2.update(default_retention=DefaultRetention("governance", RetentionPeriod(1, "years"))))
    year = 365 * MILLIS_PER_DAY
    assert b2.upload("n").file_retention.value == RetentionValue("governance", b2.now + year)
    assert retention_of(b2, old).mode is None
    assert b2.ok(CopyFile(old, "n")).file_retention.value == RetentionValue("governance", b2.now + year)
    large = b2.start()
    started = b2.now
    shas = b2.part(large, 1, b"abc"), b2.part(large, 2, b"d")
    assert b2.ok(FinishLargeFile(large, shas)).file_retention.value == RetentionValue("governance", started + year)
    assert b2.upload("n", file_retention=COMPLIANT).file_retention.value.mode == "compliance"


def test_a_copy_does_not_inherit_a_lock(b2: B2) -> None:
    file = b2.upload("n", file_retention=COMPLIANT, legal_hold="on").file_id
    copied = b2.ok(CopyFile(file, "m"))
    assert (copied.file_retention.value, copied.legal_hold.value) == (RetentionValue(), None)
    locked = b2.ok(CopyFile(file, "m", file_retention=GOVERNED, legal_hold="on"))
    assert (locked.file_retention.value.mode, locked.legal_hold.value) == ("governance", "on")


# -- deleting


@pytest.mark.parametrize("fields", [{"file_retention": GOVERNED}, {"file_retention": COMPLIANT}, {"legal_hold": "on"}])
def test_a_locked_version_is_not_deleted(b2: B2, fields: dict[str, Any]) -> None:
    file = b2.upload("n", **fields).file_id
    error = b2.fails(delete(file))
    assert (error.status, error.code) == (403, "access_denied")
    assert b2.versions() == [("n", "upload")]


def test_the_refusal_can_be_the_401_of_the_documentation() -> None:
    b2 = locking(B2(evolve(SMALL, locked_status=401)))
    error = b2.fails(delete(b2.upload("n", legal_hold="on").file_id))
    assert (type(error), error.code) == (Unauthorized, "access_denied")


def test_governance_is_bypassed_by_who_may_and_says_so(b2: B2) -> None:
    file = b2.upload("n", file_retention=GOVERNED).file_id
    without = b2.limited(*set(ALL_CAPABILITIES) - {"bypassGovernance"})
    assert b2.code(delete(file, bypass=True), without) == "unauthorized"
    assert b2.code(delete(file)) == "access_denied"
    b2.ok(delete(file, bypass=True))


def test_neither_compliance_nor_a_legal_hold_is_bypassed(b2: B2) -> None:
    for fields in ({"file_retention": COMPLIANT}, {"file_retention": GOVERNED, "legal_hold": "on"}):
        file = b2.upload("n", **fields).file_id
        assert b2.code(delete(file, bypass=True)) == "access_denied"


def test_a_retention_ends_and_a_legal_hold_is_taken_away(b2: B2) -> None:
    file = b2.upload("n", file_retention=COMPLIANT, legal_hold="on").file_id
    b2.now = UNTIL
    assert b2.code(delete(file)) == "access_denied"
    b2.ok(UpdateFileLegalHold("n", file, "off"))
    b2.ok(delete(file))


def test_a_retention_ends_with_its_millisecond(b2: B2) -> None:
    file = b2.upload("n", file_retention=COMPLIANT).file_id
    b2.now = UNTIL - 2
    assert b2.code(delete(file)) == "access_denied"
    b2.ok(delete(file))


def test_a_lock_hinders_neither_hiding_nor_newer_versions(b2: B2) -> None:
    b2.upload("n", file_retention=COMPLIANT, legal_hold="on")
    marker = b2.ok(HideFile(b2.bucket, "n"))
    b2.ok(delete(marker.file_id))
    newer = b2.upload("n")
    b2.ok(delete(newer.file_id))


def test_a_locked_unfinished_file_is_not_deleted(b2: B2) -> None:
    large = b2.start("n", legal_hold="on")
    assert b2.code(delete(large)) == "access_denied"


# -- changing


def test_governance_is_lengthened_freely_and_weakened_by_bypassing(b2: B2) -> None:
    file = b2.upload("n", file_retention=GOVERNED).file_id
    shorter, longer = FileRetention("governance", UNTIL - 1), FileRetention("governance", UNTIL + 1)
    for weaker in (shorter, NO_RETENTION, FileRetention("compliance", UNTIL - 1)):
        assert b2.code(retain(file, weaker)) == "access_denied"
    reply = b2.ok(retain(file, longer))
    assert (reply.file_id, reply.file_name) == (file, "n")
    assert reply.file_retention == RetentionValue("governance", UNTIL + 1)
    assert b2.code(retain(file, shorter, bypass=True), b2.limited("writeFileRetentions")) == "unauthorized"
    b2.ok(retain(file, shorter, bypass=True))
    assert retention_of(b2, file) == RetentionValue("governance", UNTIL - 1)
    b2.ok(retain(file, NO_RETENTION, bypass=True))
    b2.ok(delete(file))


def test_governance_becomes_compliance_and_never_the_other_way(b2: B2) -> None:
    file = b2.upload("n", file_retention=GOVERNED).file_id
    b2.ok(retain(file, COMPLIANT))
    longer = FileRetention("governance", UNTIL + 1)
    assert b2.code(retain(file, longer, bypass=True)) == "access_denied"


def test_compliance_is_only_lengthened(b2: B2) -> None:
    file = b2.upload("n", file_retention=COMPLIANT).file_id
    for weaker in (FileRetention("compliance", UNTIL - 1), NO_RETENTION):
        assert b2.code(retain(file, weaker, bypass=True)) == "access_denied"
    b2.ok(retain(file, FileRetention("compliance", UNTIL + 1)))
    b2.now = UNTIL + 1
    b2.ok(retain(file, NO_RETENTION))
    b2.ok(delete(file))


def test_a_legal_hold_is_independent_of_retention(b2: B2) -> None:
    file = b2.upload("n", file_retention=COMPLIANT).file_id
    assert b2.ok(UpdateFileLegalHold("n", file, "on")).legal_hold == "on"
    assert retention_of(b2, file).mode == "compliance"
    b2.ok(UpdateFileLegalHold("n", file, "off"))
    assert b2.ok(GetFileInfo(file)).legal_hold.value == "off"


def test_a_lock_changes_what_listings_say_and_not_the_order(b2: B2) -> None:
    old, new = (b2.upload("n").file_id for _ in range(2))
    b2.ok(UpdateFileLegalHold("n", old, "on"))
    listed = b2.ok(ListFileVersions(b2.bucket)).files
    assert [(file.file_id, file.legal_hold.value) for file in listed] == [(new, None), (old, "on")]


def test_a_lock_is_for_a_version_that_is_named_rightly(b2: B2) -> None:
    file = b2.upload("n").file_id
    assert b2.code(UpdateFileRetention("m", file, GOVERNED)) == "file_not_present"
    assert b2.code(UpdateFileLegalHold("n", FileId("x"), "on")) == "file_not_present"
    marker = b2.ok(HideFile(b2.bucket, "n")).file_id
    assert b2.code(retain(marker, GOVERNED)) == "bad_request"
    assert b2.code(UpdateFileLegalHold("n", marker, "on")) == "bad_request"


# -- who may read of locks


def test_a_key_reads_of_locks_what_it_may(b2: B2) -> None:
    file = b2.upload("n", file_retention=GOVERNED, legal_hold="on").file_id
    large = b2.start(file_retention=GOVERNED)
    plain = ("listFiles", "readFiles", "writeFiles")
    for capability, readable in (("readFileRetentions", (True, False)), ("readFileLegalHolds", (False, True))):
        token = b2.limited(*plain, capability)
        told = [
            b2.ok(GetFileInfo(file), token),
            *b2.ok(ListFileNames(b2.bucket), token).files,
            *b2.ok(ListFileVersions(b2.bucket), token).files,
            *b2.ok(ListUnfinishedLargeFiles(b2.bucket), token).files,
            b2.ok(b2.file("m"), b2.url(token=token)),
            b2.ok(CopyFile(file, "o"), token),
        ]
        for seen in told:
            found = seen.file_retention.is_client_authorized_to_read, seen.legal_hold.is_client_authorized_to_read
            assert found == readable
            assert (seen.file_retention.value is None) == (not readable[0])
        for name, file_id in (("m", told[-2].file_id), ("o", told[-1].file_id)):
            b2.ok(DeleteFileVersion(name, file_id))
    b2.ok(GetFileInfo(large))


def test_a_download_tells_of_locks_or_what_it_withholds(b2: B2) -> None:
    file = b2.upload("n", file_retention=GOVERNED, legal_hold="on").file_id
    reply = b2.ok(DownloadFileById(file))
    assert (reply.retention, reply.legal_hold, reply.unreadable) == (RetentionValue("governance", UNTIL), "on", ())
    reply = b2.ok(DownloadFileById(file), b2.limited("readFiles"))
    assert (reply.retention, reply.legal_hold) == (None, None)
    assert reply.unreadable == (
        "X-Bz-File-Retention-Mode",
        "X-Bz-File-Retention-Retain-Until-Timestamp",
        "X-Bz-File-Legal-Hold",
    )


def test_object_lock_makes_the_budget_of_info_smaller(b2: B2) -> None:
    # gap 5
    info = {"k": "x" * 2_030}
    b2.upload("n", file_info=info)
    assert b2.code(b2.file("n" * 20, file_info=info), b2.url()) == "bad_request"
