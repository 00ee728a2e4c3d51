"""Encryption in the simulated B2: keys of B2, keys of customers, and the default of a bucket (gap 13)."""

from __future__ import annotations

from typing import Any

import pytest
from simulated import B2, BUCKET

from b2pure.model.calls import (
    CopyFile,
    CopyPart,
    DownloadFileById,
    DownloadFileByName,
    FinishLargeFile,
    GetFileInfo,
    ListParts,
    StartLargeFile,
    UploadPart,
)
from b2pure.model.errors import Rejected
from b2pure.model.protection import UNENCRYPTED, EncryptionReply, SseB2, SseC
from b2pure.model.sources import Blob

B2S = EncryptionReply("SSE-B2", "AES256")
CUSTOMERS = EncryptionReply("SSE-C", "AES256")
KEY, OTHER = SseC.of(b"k" * 32), SseC.of(b"o" * 32)
MIXED = SseC(KEY.customer_key, OTHER.customer_key_md5)
WRONG_KEY = Rejected(403, "access_denied", "wrong customer key")


@pytest.fixture
def b2() -> B2:
    return B2()


def test_a_file_says_how_it_is_encrypted(b2: B2) -> None:
    assert b2.upload("n").server_side_encryption == UNENCRYPTED
    assert b2.upload("n", server_side_encryption=SseB2()).server_side_encryption == B2S
    file = b2.upload("n", server_side_encryption=KEY)
    assert file.server_side_encryption == CUSTOMERS
    assert b2.ok(GetFileInfo(file.file_id)) == file


def test_what_b2_encrypts_is_read_without_a_key(b2: B2) -> None:
    file = b2.upload("n", server_side_encryption=SseB2()).file_id
    reply = b2.ok(DownloadFileById(file))
    assert reply.encryption == B2S
    assert b2.code(DownloadFileById(file, server_side_encryption=KEY)) == "bad_request"


# -- the default of a bucket


def test_the_default_is_for_new_files_that_ask_for_nothing_else(b2: B2) -> None:
    old = b2.upload("n").file_id
    b2.ok(b2.update(default_server_side_encryption=SseB2()))
    assert b2.upload("n").server_side_encryption == B2S
    assert b2.upload("n", server_side_encryption=KEY).server_side_encryption == CUSTOMERS
    assert b2.ok(GetFileInfo(b2.start())).server_side_encryption == B2S
    assert b2.ok(CopyFile(old, "m")).server_side_encryption == B2S
    assert b2.ok(GetFileInfo(old)).server_side_encryption == UNENCRYPTED


def test_a_copy_is_encrypted_as_asked_and_not_as_its_source(b2: B2) -> None:
    source = b2.upload("n", server_side_encryption=SseB2()).file_id
    assert b2.ok(CopyFile(source, "m")).server_side_encryption == UNENCRYPTED
    copied = b2.ok(CopyFile(source, "m", destination_server_side_encryption=KEY))
    assert copied.server_side_encryption == CUSTOMERS
    assert b2.content(DownloadFileById(copied.file_id, server_side_encryption=KEY)) == b"data"


# -- keys of customers


def check_key(b2: B2, call: Any) -> None:
    """What `call(key)` makes must bring the key of the file."""
    assert b2.code(call(None)) == "bad_request"
    assert b2.code(call(MIXED)) == "bad_request"
    assert b2.fails(call(OTHER)) == WRONG_KEY
    b2.ok(call(KEY))


def test_a_download_brings_the_key(b2: B2) -> None:
    file = b2.upload("n", server_side_encryption=KEY).file_id
    check_key(b2, lambda key: DownloadFileById(file, server_side_encryption=key))
    check_key(b2, lambda key: DownloadFileByName(BUCKET, "n", "bytes=1-", key))
    assert b2.ok(DownloadFileById(file, server_side_encryption=KEY)).encryption == CUSTOMERS


def test_a_copy_brings_the_key_of_its_source(b2: B2) -> None:
    file, large = b2.upload("n", server_side_encryption=KEY).file_id, b2.start()
    check_key(b2, lambda key: CopyFile(file, "m", source_server_side_encryption=key))
    check_key(b2, lambda key: CopyPart(file, large, 1, source_server_side_encryption=key))
    assert b2.content(DownloadFileByName(BUCKET, "m")) == b"data"


def test_a_key_for_a_file_without_one_is_refused(b2: B2) -> None:
    file = b2.upload("n").file_id
    assert b2.code(DownloadFileById(file, server_side_encryption=KEY)) == "bad_request"
    assert b2.code(CopyFile(file, "m", source_server_side_encryption=KEY)) == "bad_request"


def test_an_md5_that_is_not_the_keys_is_refused(b2: B2) -> None:
    assert b2.code(b2.file("n", server_side_encryption=MIXED), b2.url()) == "bad_request"
    start = StartLargeFile(b2.bucket, "n", "a/b", {}, server_side_encryption=MIXED)
    assert b2.code(start) == "bad_request"
    file = b2.upload("n").file_id
    assert b2.code(CopyFile(file, "m", destination_server_side_encryption=MIXED)) == "bad_request"


def test_every_part_brings_the_key_of_its_file(b2: B2) -> None:
    large = b2.start(server_side_encryption=KEY)
    for key, code in ((None, "bad_request"), (MIXED, "bad_request"), (OTHER, "access_denied")):
        part = UploadPart(1, "do_not_verify", Blob(b"abc"), key)
        assert b2.code(part, b2.url(large)) == code
    one = b2.part(large, 1, b"abc", server_side_encryption=KEY)
    assert [part.server_side_encryption for part in b2.ok(ListParts(large)).parts] == [CUSTOMERS]
    source = b2.upload("n").file_id
    check_key(b2, lambda key: CopyPart(source, large, 2, destination_server_side_encryption=key))
    two = b2.ok(ListParts(large)).parts[1].content_sha1
    assert b2.ok(FinishLargeFile(large, (one, two))).server_side_encryption == CUSTOMERS
    check_key(b2, lambda key: DownloadFileById(large, server_side_encryption=key))


def test_parts_of_a_file_that_b2_encrypts_bring_nothing(b2: B2) -> None:
    large = b2.start(server_side_encryption=SseB2())
    b2.part(large, 1, b"abc")
    assert b2.code(UploadPart(1, "do_not_verify", Blob(b"abc"), KEY), b2.url(large)) == "bad_request"
    source = b2.upload("n").file_id
    b2.ok(CopyPart(source, large, 2, destination_server_side_encryption=SseB2()))
    b2.ok(CopyPart(source, large, 2))
    plain = b2.start()
    assert b2.code(CopyPart(source, plain, 1, destination_server_side_encryption=SseB2())) == "bad_request"


@pytest.mark.parametrize("encryption", [SseB2(), KEY])
def test_encryption_makes_the_budget_of_info_smaller(b2: B2, encryption: SseB2 | SseC) -> None:
    # gap 5
    big, small = ({"k": "x" * (2048 - len("x-bz-info-k") - 1 + more)} for more in (1, 0))
    b2.upload("n", file_info=small, server_side_encryption=encryption)
    for call in (
        b2.file("n", file_info=big, server_side_encryption=encryption),
        StartLargeFile(b2.bucket, "n", "a/b", big, server_side_encryption=encryption),
    ):
        assert b2.code(call, b2.url() if call.token == "upload_url" else None) == "bad_request"
    plain = b2.upload("n", file_info=big).file_id
    replaced = CopyFile(
        plain,
        "n",
        metadata_directive="REPLACE",
        content_type="a/b",
        file_info=big,
        destination_server_side_encryption=encryption,
    )
    assert b2.code(replaced) == "bad_request"


def test_no_key_is_kept_and_none_is_told(b2: B2) -> None:
    b2.upload("n", server_side_encryption=KEY)
    kept = repr((list(b2.simulator.records()), b2.simulator.journal, b2.simulator.log.entries(), KEY))
    assert KEY.customer_key not in kept
