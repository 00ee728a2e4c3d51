"""Tokens, application keys and what they restrict, in the simulated B2."""

from __future__ import annotations

from typing import Any

import pytest
from simulated import B2, BUCKET

from b2pure.effects.simulator import AccountToken
from b2pure.effects.wire import KeyPair
from b2pure.model.account import ALL_CAPABILITIES, BUCKET_CAPABILITIES, UploadUrl
from b2pure.model.calls import (
    AuthorizeAccount,
    CancelLargeFile,
    CopyFile,
    CreateBucket,
    CreateKey,
    DeleteBucket,
    DeleteFileVersion,
    DeleteKey,
    DownloadFileById,
    DownloadFileByName,
    GetBucketNotificationRules,
    GetDownloadAuthorization,
    GetFileInfo,
    GetUploadPartUrl,
    GetUploadUrl,
    HideFile,
    ListBuckets,
    ListFileNames,
    ListFileVersions,
    ListKeys,
    ListParts,
    ListUnfinishedLargeFiles,
    StartLargeFile,
    UpdateFileLegalHold,
    UpdateFileRetention,
)
from b2pure.model.ids import AccountId, BucketId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.protection import NO_RETENTION


@pytest.fixture
def b2() -> B2:
    return B2()


# -- tokens (gap 2)


def test_a_wrong_key_is_unauthorized(b2: B2) -> None:
    for wrong in (KeyPair(b2.simulator.master_key_id, "wrong"), KeyPair("nobody", b2.simulator.master_key)):
        assert b2.code(AuthorizeAccount(), wrong) == "unauthorized"


def test_an_unknown_token_is_bad_and_one_of_yesterday_expired(b2: B2) -> None:
    assert b2.code(GetUploadUrl(b2.bucket), AccountToken("x")) == "bad_auth_token"
    b2.now += MILLIS_PER_DAY
    assert b2.code(GetUploadUrl(b2.bucket)) == "expired_auth_token"


def test_many_tokens_of_a_key_are_good_at_once(b2: B2) -> None:
    tokens = [b2.login(b2.master) for _ in range(3)]
    assert len({token.token for token in (b2.token, *tokens)}) == 4
    for token in (b2.token, *tokens):
        b2.ok(ListFileNames(b2.bucket), token)


def test_account_tokens_can_be_made_to_expire_and_uploads_go_on(b2: B2) -> None:
    url = b2.url()
    b2.simulator.expire_account_tokens()
    assert b2.code(GetUploadUrl(b2.bucket)) == "expired_auth_token"
    b2.ok(b2.file("n"), url)


def test_tokens_and_logins_end_with_their_key(b2: B2) -> None:
    key = b2.create_key("listFiles", "writeFiles", valid_duration_in_seconds=2)
    token = b2.login(key)
    url = b2.url(token=token)
    b2.ok(ListFileNames(b2.bucket), token)
    b2.now += 2_000
    assert b2.code(ListFileNames(b2.bucket), token) == "expired_auth_token"
    assert b2.code(b2.file("n"), url) == "expired_auth_token"
    assert b2.code(AuthorizeAccount(), key) == "unauthorized"


def test_what_came_from_a_deleted_key_is_worth_nothing(b2: B2) -> None:
    key = b2.create_key("listFiles", "writeFiles", "shareFiles", "readFiles")
    token = b2.login(key)
    url = b2.url(token=token)
    b2.upload("n")
    grant = AccountToken(b2.ok(GetDownloadAuthorization(b2.bucket, "", 60), token).authorization_token)
    b2.ok(DownloadFileByName(BUCKET, "n"), grant)
    b2.ok(DeleteKey(key.key_id))
    for call, shown in (
        (ListFileNames(b2.bucket), token),
        (b2.file("n"), url),
        (DownloadFileByName(BUCKET, "n"), grant),
    ):
        assert b2.code(call, shown) == "bad_auth_token"
    assert b2.code(AuthorizeAccount(), key) == "unauthorized"


def test_authorizing_tells_what_the_key_may_do(b2: B2) -> None:
    key = b2.create_key(
        "readFiles", "listFiles", bucket_ids=(b2.bucket,), name_prefix="p/", valid_duration_in_seconds=1
    )
    reply = b2.ok(AuthorizeAccount(), key)
    allowed = reply.api_info.storage_api.allowed
    assert allowed.capabilities == ("listFiles", "readFiles")
    assert [(bucket.id, bucket.name) for bucket in allowed.buckets] == [(b2.bucket, BUCKET)]
    assert (allowed.name_prefix, reply.application_key_expiration_timestamp) == ("p/", b2.now - 1 + 1_000)
    b2.ok(DeleteBucket(b2.account, b2.bucket))
    (bucket,) = b2.ok(AuthorizeAccount(), key).api_info.storage_api.allowed.buckets
    assert (bucket.id, bucket.name) == (b2.bucket, None)


def test_the_master_key_may_do_everything(b2: B2) -> None:
    reply = b2.ok(AuthorizeAccount(), b2.master)
    allowed = reply.api_info.storage_api.allowed
    assert (set(allowed.capabilities), allowed.buckets, allowed.name_prefix) == (set(ALL_CAPABILITIES), None, None)
    assert reply.application_key_expiration_timestamp is None


# -- capabilities


def calls_with_files(b2: B2) -> list[Any]:
    """Calls that a key's capabilities and restrictions are about, for files that are there."""
    file, large = b2.upload("n").file_id, b2.start("l")
    return [
        ListFileNames(b2.bucket), ListFileVersions(b2.bucket), ListUnfinishedLargeFiles(b2.bucket), GetFileInfo(file),
        GetUploadUrl(b2.bucket), GetUploadPartUrl(large), ListParts(large), CancelLargeFile(large),
        StartLargeFile(b2.bucket, "m", "text/plain", {}), HideFile(b2.bucket, "n"), DeleteFileVersion("n", file),
        CopyFile(file, "m"), UpdateFileRetention("n", file, NO_RETENTION), UpdateFileLegalHold("n", file, "on"),
        GetDownloadAuthorization(b2.bucket, "n", 1), DownloadFileById(file), DownloadFileByName(BUCKET, "n"),
        GetBucketNotificationRules(b2.bucket),
    ]  # fmt: skip


def test_every_call_needs_its_capability(b2: B2) -> None:
    # gap 2: file info, locks, parts, URLs and downloads are checked too
    account = b2.account
    for call in (
        *calls_with_files(b2),
        CreateKey(account, ("listFiles",), "k"),
        ListKeys(account),
        DeleteKey("x"),
        CreateBucket(account, "bucket-two"),
        ListBuckets(account, bucket_id=b2.bucket),
        b2.update(bucket_info={}),
        DeleteBucket(account, b2.bucket),
    ):
        others = set(ALL_CAPABILITIES) - {call.capability}
        assert b2.fails(call, b2.limited(*others)).code == "unauthorized", call.name


def test_list_parts_needs_write_files(b2: B2) -> None:
    large = b2.start()
    assert b2.code(ListParts(large), b2.limited("listFiles")) == "unauthorized"
    b2.ok(ListParts(large), b2.limited("writeFiles"))


def test_a_bucket_restriction_holds_for_every_call_about_files(b2: B2) -> None:
    # gap 2: whether or not the call names the bucket
    other = b2.new_bucket()
    token = b2.limited(*BUCKET_CAPABILITIES, bucket_ids=[other])
    for call in calls_with_files(b2):
        assert b2.code(call, token) == "unauthorized", call.name


def test_a_key_of_a_bucket_may_do_everything_there(b2: B2) -> None:
    token = b2.limited(*BUCKET_CAPABILITIES, bucket_ids=[b2.bucket])
    b2.ok(b2.update(file_lock_enabled=True))
    for call in calls_with_files(b2):
        if not isinstance(call, CancelLargeFile | HideFile | DeleteFileVersion):
            b2.ok(call, token)


def test_a_key_of_buckets_must_name_one_of_them_to_list_it(b2: B2) -> None:
    two, three = b2.new_bucket("bucket-two"), b2.new_bucket("bucket-three")
    token = b2.limited("listBuckets", "writeBuckets", bucket_ids=[two, three])
    for call in (
        ListBuckets(b2.account),
        ListBuckets(b2.account, bucket_name=BUCKET),
        ListBuckets(b2.account, bucket_id=b2.bucket),
        CreateBucket(b2.account, "bucket-four"),
    ):
        assert b2.code(call, token) == "unauthorized"
    for name in ("bucket-two", "bucket-three"):
        assert [found.bucket_name for found in b2.ok(ListBuckets(b2.account, bucket_name=name), token).buckets] == [
            name
        ]
    assert len(b2.ok(ListBuckets(b2.account, bucket_id=two), token).buckets) == 1


def test_a_prefix_restriction_holds_for_every_name_and_prefix(b2: B2) -> None:
    # gap 2: not for lists alone
    calls = calls_with_files(b2)
    b2.upload("a/x")
    token = b2.limited(*ALL_CAPABILITIES, name_prefix="a/")
    for call in calls:
        if not isinstance(call, GetUploadUrl | GetBucketNotificationRules):
            assert b2.code(call, token) == "unauthorized", call.name
    assert b2.ok(ListFileNames(b2.bucket, prefix="a/b"), token).files == ()
    assert b2.code(CopyFile(b2.upload("a/y").file_id, "b"), token) == "unauthorized"
    b2.ok(GetDownloadAuthorization(b2.bucket, "a/", 1), token)
    b2.ok(DownloadFileByName(BUCKET, "a/x"), token)


def test_a_prefix_restriction_holds_for_uploads(b2: B2) -> None:
    token = b2.limited("writeFiles", name_prefix="a/")
    b2.ok(b2.file("a/x"), b2.url(token=token))
    assert b2.code(b2.file("b/x"), b2.url(token=token)) == "unauthorized"


def test_a_call_about_another_account_is_refused(b2: B2) -> None:
    other = AccountId("0" * 12)
    for call in (
        ListBuckets(other),
        CreateBucket(other, "bucket-two"),
        CreateKey(other, ("listFiles",), "k"),
        ListKeys(other),
        DeleteBucket(other, b2.bucket),
    ):
        assert b2.code(call) == "bad_request"


# -- making, listing and deleting keys (gap 13: names, escalation, what a key of a bucket can have)


@pytest.mark.parametrize("name", ["", "x" * 101, "under_score", "sp ace", "ü", "n\n"])
def test_a_key_name_is_1_to_100_letters_digits_and_dashes(b2: B2, name: str) -> None:
    assert b2.code(CreateKey(b2.account, ("listFiles",), name)) == "bad_request"
    for good in ("a", "A-9" * 33 + "x"):
        b2.ok(CreateKey(b2.account, ("listFiles",), good))


def test_key_names_need_not_be_unique(b2: B2) -> None:
    one, two = b2.create_key(), b2.create_key()
    assert one.key_id != two.key_id
    assert one.key != two.key


@pytest.mark.parametrize("seconds", [0, -1, 86_400_000])
def test_a_key_lasts_less_than_1000_days(b2: B2, seconds: int) -> None:
    assert b2.code(CreateKey(b2.account, ("listFiles",), "k", seconds)) == "bad_request"
    for good in (1, 86_399_999):
        reply = b2.ok(CreateKey(b2.account, ("listFiles",), "k", good))
        assert reply.expiration_timestamp == b2.now + good * 1000
    assert b2.ok(CreateKey(b2.account, ("listFiles",), "k")).expiration_timestamp is None


def test_a_key_needs_capabilities_that_there_are(b2: B2) -> None:
    assert b2.code(CreateKey(b2.account, (), "k")) == "bad_request"
    assert b2.code(CreateKey(b2.account, ("flyFiles",), "k")) == "bad_request"
    assert set(b2.ok(CreateKey(b2.account, ALL_CAPABILITIES, "k")).capabilities) == set(ALL_CAPABILITIES)


@pytest.mark.parametrize("capability", ALL_CAPABILITIES)
def test_a_key_of_a_bucket_cannot_manage_keys_or_buckets(b2: B2, capability: str) -> None:
    call = CreateKey(b2.account, (capability,), "k", bucket_ids=(b2.bucket,))
    if capability in ("listKeys", "writeKeys", "deleteKeys", "writeBuckets", "deleteBuckets"):
        assert b2.code(call) == "bad_request"
    else:
        assert b2.ok(call).bucket_ids == (b2.bucket,)


def test_a_key_is_for_buckets_that_there_are(b2: B2) -> None:
    for bucket_ids in ((), (b2.bucket, BucketId("0" * 24))):
        call = CreateKey(b2.account, ("listFiles",), "k", bucket_ids=bucket_ids)
        assert b2.code(call) in ("bad_request", "bad_bucket_id")


def test_a_key_cannot_give_what_it_lacks(b2: B2) -> None:
    plain = b2.limited("writeKeys", "listFiles")
    assert b2.code(CreateKey(b2.account, ("readFiles",), "k"), plain) == "unauthorized"
    assert b2.ok(CreateKey(b2.account, ("listFiles",), "k"), plain).capabilities == ("listFiles",)
    two = b2.new_bucket()
    narrow = b2.limited("writeKeys", "listFiles", bucket_ids=[b2.bucket], name_prefix="a/")
    for limits in (
        {},
        {"bucket_ids": (b2.bucket,)},
        {"name_prefix": "a/"},
        {"bucket_ids": (two,), "name_prefix": "a/"},
        {"bucket_ids": (b2.bucket, two), "name_prefix": "a/"},
        {"bucket_ids": (b2.bucket,), "name_prefix": "b/"},
    ):
        assert b2.code(CreateKey(b2.account, ("listFiles",), "k", **limits), narrow) == "unauthorized"
    b2.ok(CreateKey(b2.account, ("listFiles",), "k", bucket_ids=(b2.bucket,), name_prefix="a/b"), narrow)


def test_a_key_of_several_buckets_works_in_each_and_nowhere_else(b2: B2) -> None:
    two, three = b2.new_bucket("bucket-two"), b2.new_bucket("bucket-three")
    token = b2.login(b2.create_key("listFiles", bucket_ids=(b2.bucket, two)))
    b2.ok(ListFileNames(b2.bucket), token)
    b2.ok(ListFileNames(two), token)
    assert b2.code(ListFileNames(three), token) == "unauthorized"


def test_a_prefix_alone_restricts_in_every_bucket(b2: B2) -> None:
    token = b2.login(b2.create_key("listFiles", name_prefix="a/"))
    for bucket in (b2.bucket, b2.new_bucket()):
        b2.ok(ListFileNames(bucket, prefix="a/"), token)
        assert b2.code(ListFileNames(bucket, prefix="b/"), token) == "unauthorized"


def test_keys_are_listed_in_pages_without_secrets_and_without_the_master_key(b2: B2) -> None:
    keys = [b2.create_key(name_prefix=f"{i}/").key_id for i in range(5)]
    page = b2.ok(ListKeys(b2.account, 2))
    seen = list(page.keys)
    while page.next_application_key_id is not None:
        assert len(page.keys) == 2
        page = b2.ok(ListKeys(b2.account, 2, page.next_application_key_id))
        seen += page.keys
    assert [key.application_key_id for key in seen] == sorted(keys)
    assert [key.name_prefix for key in seen] == [f"{i}/" for i in range(5)]
    assert not any(hasattr(key, "application_key") for key in seen)
    assert len(b2.ok(ListKeys(b2.account, start_application_key_id=keys[3])).keys) == 2


def test_a_page_has_100_keys_unless_asked_otherwise(b2: B2) -> None:
    for _ in range(101):
        b2.simulator.add_key(("listFiles",))
    assert len(b2.ok(ListKeys(b2.account)).keys) == len(b2.ok(ListKeys(b2.account, 0)).keys) == 100
    assert len(b2.ok(ListKeys(b2.account, 10_000)).keys) == 101
    for count in (-1, 10_001):
        assert b2.code(ListKeys(b2.account, count)) == "out_of_range"


def test_a_key_is_deleted_once_and_the_master_key_never(b2: B2) -> None:
    key = b2.create_key("readFiles")
    gone = b2.ok(DeleteKey(key.key_id))
    assert (gone.application_key_id, gone.capabilities) == (key.key_id, ("readFiles",))
    for key_id in (key.key_id, "nothing", b2.simulator.master_key_id):
        assert b2.code(DeleteKey(key_id)) == "bad_request"


def test_no_repr_shows_a_secret(b2: B2) -> None:
    key = b2.ok(CreateKey(b2.account, ("listFiles",), "k"))
    world = b2.simulator._world
    shown = repr(
        (
            b2.simulator,
            b2.token,
            world.credentials.master,
            b2.url(),
            world.credentials.endpoints,
            [*world.credentials.sessions.values()],
            key,
        )
    )
    for secret in (b2.simulator.master_key, key.application_key, b2.token.token, b2.url().token):
        assert secret not in shown


def test_a_key_of_somebodys_choice_may_do_everything(b2: B2) -> None:
    b2.simulator.install_key(KeyPair("my-id", "my-secret"))
    token = b2.login(KeyPair("my-id", "my-secret"))
    b2.ok(CreateBucket(b2.account, "bucket-two"), token)


def test_an_upload_token_is_no_account_token(b2: B2) -> None:
    url = b2.url()
    assert b2.code(ListFileNames(b2.bucket), AccountToken(url.token)) == "bad_auth_token"
    assert b2.code(b2.file("n"), UploadUrl(url.url, b2.token.token)) == "bad_auth_token"
