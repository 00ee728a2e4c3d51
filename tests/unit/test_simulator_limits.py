"""Caps and rate limits of the simulated account, and what it counts and writes down of requests (gaps 4 and 13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from simulated import B2, BUCKET, SMALL

from b2pure.effects.served import ServedRequest, serve
from b2pure.effects.simulator import AccountToken, SimulatorConfig
from b2pure.model.calls import (
    AuthorizeAccount,
    CopyFile,
    CopyPart,
    DeleteFileVersion,
    DownloadFileById,
    DownloadFileByName,
    GetFileInfo,
    GetUploadUrl,
    HideFile,
    ListBuckets,
    ListFileNames,
    ListFileVersions,
    UploadPart,
)
from b2pure.model.errors import CapExceeded, Throttled
from b2pure.model.ids import BucketId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.sources import Blob


def limited(**limits: Any) -> B2:
    return B2(evolve(SMALL, **limits))


def test_the_limits_are_b2s_own_unless_told_otherwise() -> None:
    # gap 5
    own = SimulatorConfig()
    assert (own.absolute_minimum_part_size, own.recommended_part_size) == (5_000_000, 100_000_000)
    assert own.max_part_size == own.max_single_size == 5_000_000_000
    assert (own.max_file_size, own.max_parts) == (10_000_000_000_000, 10_000)
    assert (own.max_buckets, own.max_info_pairs, own.info_budget, own.protected_info_budget) == (100, 10, 7000, 2048)
    assert own.token_lifetime_millis == MILLIS_PER_DAY
    caps = own.storage_cap, own.download_cap_per_day, own.class_b_cap_per_day, own.class_c_cap_per_day
    assert {*caps, own.requests_per_second} == {None}


# -- caps


def test_no_upload_goes_over_the_storage_cap() -> None:
    b2 = limited(storage_cap=10)
    file = b2.upload("n", b"12345678")
    large = b2.start()
    url = b2.url(large)
    over = CapExceeded("cap_exceeded", "Storage cap exceeded")
    assert b2.fails(b2.file("m", b"123"), b2.url()) == over
    assert b2.fails(UploadPart(1, "do_not_verify", Blob(b"123")), url) == over
    assert b2.fails(CopyFile(file.file_id, "m")) == over
    assert b2.fails(CopyPart(file.file_id, large, 1)) == over
    b2.upload("m", b"12")
    assert b2.names() == ["m", "n"]


def test_a_part_that_replaces_another_needs_no_room_of_its_own() -> None:
    b2 = limited(storage_cap=6)
    source = b2.upload("n", b"abc").file_id
    large = b2.start()
    url = b2.url(large)
    b2.ok(UploadPart(1, "do_not_verify", Blob(b"abc")), url)
    b2.ok(UploadPart(1, "do_not_verify", Blob(b"xyz")), url)
    b2.ok(CopyPart(source, large, 1))
    assert b2.code(CopyPart(source, large, 2)) == "cap_exceeded"
    assert b2.code(UploadPart(1, "do_not_verify", Blob(b"abcd")), url) == "cap_exceeded"


def test_at_the_cap_there_is_no_upload_url_until_something_goes() -> None:
    b2 = limited(storage_cap=4)
    file = b2.upload("n", b"1234")
    assert b2.fails(GetUploadUrl(b2.bucket)) == CapExceeded("storage_cap_exceeded", "Storage cap exceeded")
    b2.ok(HideFile(b2.bucket, "n"))
    assert b2.code(GetUploadUrl(b2.bucket)) == "storage_cap_exceeded"
    b2.ok(DeleteFileVersion("n", file.file_id))
    b2.url()


def test_downloads_of_a_day_have_a_cap() -> None:
    b2 = limited(download_cap_per_day=10)
    file = b2.upload("n", b"1234567").file_id
    b2.ok(DownloadFileById(file))
    assert b2.fails(DownloadFileById(file)) == CapExceeded("download_cap_exceeded", "Download bandwidth cap exceeded")
    b2.ok(DownloadFileById(file, "bytes=0-2"))
    assert b2.code(DownloadFileByName(BUCKET, "n", "bytes=0-0")) == "download_cap_exceeded"
    b2.simulator.advance_time(MILLIS_PER_DAY)
    b2.token = b2.login(b2.master)
    b2.ok(DownloadFileById(file))


@pytest.mark.parametrize(
    ("cap", "call", "other"),
    [
        ("class_b_cap_per_day", lambda b2: GetFileInfo(b2.file_id), lambda b2: ListFileNames(b2.b2.bucket)),
        ("class_b_cap_per_day", lambda b2: DownloadFileById(b2.file_id), lambda b2: ListFileNames(b2.b2.bucket)),
        ("class_c_cap_per_day", lambda b2: ListBuckets(b2.b2.account), lambda b2: GetFileInfo(b2.file_id)),
    ],
)
def test_transactions_of_a_day_have_a_cap(cap: str, call: Any, other: Any) -> None:
    b2 = limited(**{cap: 3})
    file_id = b2.upload("n").file_id
    scene = _Scene(b2, file_id)
    told = []
    for _ in range(4):
        b2.now += 1
        told.append(b2.simulator.handle(call(scene), b2.token))
    allowed = 3 if cap.startswith("class_b") else 2  # the login was one of class C
    assert [answer.failure().code for answer in told[allowed:]] == ["transaction_cap_exceeded"] * (4 - allowed)  # type: ignore[union-attr]
    assert all(answer.value_or(None) is not None for answer in told[:allowed])
    b2.ok(other(scene))
    b2.upload("class A is free")
    b2.simulator.advance_time(MILLIS_PER_DAY)
    b2.token = b2.login(b2.master)
    b2.ok(call(scene))


class _Scene:
    def __init__(self, b2: B2, file_id: Any) -> None:
        self.b2 = b2
        self.file_id = file_id


def test_not_even_a_login_goes_over_the_cap() -> None:
    b2 = limited(class_c_cap_per_day=1)
    assert b2.fails(AuthorizeAccount(), b2.master).code == "transaction_cap_exceeded"


def test_what_a_cap_refused_is_not_counted() -> None:
    b2 = limited(class_c_cap_per_day=1)
    for _ in range(3):
        b2.fails(ListBuckets(b2.account))
    assert b2.simulator.meter.units_of_day("C", b2.now) == 1


# -- rate


def test_so_many_requests_are_answered_in_a_second() -> None:
    b2 = limited(requests_per_second=3)  # the login was one
    b2.ok(ListBuckets(b2.account))
    b2.ok(ListBuckets(b2.account))
    for call in (ListBuckets(b2.account), DownloadFileByName(BUCKET, "n")):
        assert b2.fails(call) == Throttled(1.0)
    b2.now += 1_000
    b2.upload("n")


def test_an_upload_url_stays_good_over_a_429() -> None:
    b2 = limited(requests_per_second=2)
    url = b2.url()
    assert b2.fails(b2.file("n"), url) == Throttled(1.0)
    b2.now += 1_000
    b2.ok(b2.file("n"), url)


def test_a_429_says_when_to_come_back() -> None:
    b2 = limited(requests_per_second=1)
    served = b2.ask("GET", f"/file/{BUCKET}/n", authorization=b2.token.token).response
    assert (served.status, served.headers["retry-after"]) == (429, "1")


# -- what is counted


def test_calls_are_metered_by_class_and_bytes_by_their_way() -> None:
    b2 = B2()
    file = b2.upload("n", b"12345").file_id
    b2.content(DownloadFileById(file, "bytes=0-2"))
    b2.ok(CopyFile(file, "m"))
    usage = b2.simulator.meter.usage(b2.now)
    assert (usage.bytes_up, usage.bytes_down, usage.bytes_copied, usage.stored_bytes) == (5, 3, 5, 10)
    assert usage.units == {0: {"A": 2, "B": 1, "C": 2}}
    assert usage.calls == {
        "b2_authorize_account": 1,
        "b2_copy_file": 1,
        "b2_download_file_by_id": 1,
        "b2_get_upload_url": 1,
        "b2_upload_file": 1,
    }


def test_stored_bytes_are_those_of_all_versions_and_parts() -> None:
    b2 = B2()

    def after(step: Callable[[], Any]) -> int:
        step()
        return b2.simulator.meter.stored_bytes

    file = b2.upload("n", b"1234")
    assert after(lambda: b2.upload("n", b"12345")) == 9
    assert after(lambda: b2.ok(HideFile(b2.bucket, "n"))) == 9
    large = b2.start()
    assert after(lambda: b2.part(large, 1, b"abc")) == 12
    assert after(lambda: b2.part(large, 1, b"abcde")) == 14
    assert after(lambda: b2.ok(DeleteFileVersion("n", file.file_id))) == 10
    assert after(lambda: b2.ok(DeleteFileVersion("large", large))) == 5


def test_a_long_list_is_several_transactions() -> None:
    b2 = B2()
    for i in range(1_001):
        b2.simulator.put(b2.bucket, str(i), b"")
    before = b2.simulator.meter.units_of_day("C", b2.now)
    b2.ok(ListFileNames(b2.bucket, max_file_count=10_000))
    b2.ok(ListFileNames(b2.bucket, prefix="none"))
    assert b2.simulator.meter.units_of_day("C", b2.now) == before + 3


def test_the_log_has_every_request_good_or_bad_and_no_secret() -> None:
    b2 = B2()
    b2.upload("n", b"12345")
    b2.content(DownloadFileByName(BUCKET, "n", "bytes=0-2"))
    b2.fails(ListFileNames(b2.bucket), AccountToken("junk"))
    b2.fails(b2.file("n", content_sha1="0" * 40), b2.url())
    entries = b2.simulator.log.entries()
    assert [(e.method, e.call_name, e.status, e.code, e.bytes_in, e.bytes_out) for e in entries] == [
        ("GET", "b2_authorize_account", 200, None, 0, 0),
        ("POST", "b2_get_upload_url", 200, None, 0, 0),
        ("POST", "b2_upload_file", 200, None, 5, 0),
        ("GET", "b2_download_file_by_name", 200, None, 0, 3),
        ("POST", "b2_list_file_names", 401, "bad_auth_token", 0, 0),
        ("POST", "b2_get_upload_url", 200, None, 0, 0),
        ("POST", "b2_upload_file", 400, "bad_request", 4, 0),
    ]
    assert [entry.about for entry in entries[1:4]] == [BUCKET, "n", f"{BUCKET}/n bytes=0-2"]
    assert {entry.key_id for i, entry in enumerate(entries) if i != 4} == {b2.simulator.master_key_id}
    assert entries[4].key_id is None
    assert b2.token.token not in repr(entries)
    assert b2.simulator.master_key not in repr(entries)


def test_the_log_has_the_bytes_of_bodies_that_came_over_http() -> None:
    b2 = B2()
    b2.upload("n", b"12345")
    url = b2.url()
    named = {"x_bz_file_name": "m", "content_type": "a/b", "x_bz_content_sha1": "do_not_verify"}
    b2.ask("POST", url.url.removeprefix(b2.simulator.base_url), b"123", authorization=url.token, **named)
    b2.ask("GET", f"/file/{BUCKET}/n", authorization=b2.token.token, range="bytes=0-1")
    up, down = b2.simulator.log.latest(2)[::-1]
    assert (up.call_name, up.bytes_in, up.key_id) == ("b2_upload_file", 3, b2.simulator.master_key_id)
    assert (down.call_name, down.bytes_out, down.status) == ("b2_download_file_by_name", 2, 200)


def test_the_log_has_uploads_that_were_refused_before_their_body_came() -> None:
    b2 = B2()
    url = b2.url()
    target = url.url.removeprefix(b2.simulator.base_url)
    b2.simulator.expire_upload_tokens()
    for token in (url.token, "junk"):
        b2.ask("POST", target, authorization=token, x_bz_file_name="m", content_type="a/b")
    expired, bad = b2.simulator.log.latest(2)[::-1]
    assert (expired.call_name, expired.about, expired.status) == ("b2_upload_file", "m", 401)
    assert (expired.code, expired.key_id) == ("expired_auth_token", b2.simulator.master_key_id)
    assert (bad.code, bad.key_id) == ("bad_auth_token", None)


def test_a_head_request_downloads_nothing() -> None:
    b2 = limited(download_cap_per_day=5)
    b2.upload("n", b"12345")
    for method, down in (("HEAD", 0), ("HEAD", 0), ("GET", 5)):
        served = b2.ask(method, f"/file/{BUCKET}/n", authorization=b2.token.token)
        assert (served.response.status, served.response.headers["content-length"]) == (200, "5")
        assert b2.simulator.meter.usage(b2.now).bytes_down == b2.simulator.log.latest(1)[0].bytes_out == down
    assert b2.ask("GET", f"/file/{BUCKET}/n", authorization=b2.token.token).response.status == 403


def test_the_log_can_be_small_or_off() -> None:
    for size, kept in ((2, 2), (0, 0), (None, 4)):
        b2 = limited(log_size=size)
        for _ in range(3):
            b2.ok(ListBuckets(b2.account))
        assert len(b2.simulator.log.entries()) == kept


def test_a_page_may_be_cut_short_and_says_where_to_go_on() -> None:
    # gap 7
    b2 = limited(page_limit=1)
    for name in "abc":
        b2.simulator.put(b2.bucket, name, b"")
    first = b2.ok(ListFileNames(b2.bucket, max_file_count=100))
    assert ([file.file_name for file in first.files], first.next_file_name) == (["a"], "b")
    assert len(b2.ok(ListFileVersions(b2.bucket)).files) == 1


def test_a_request_that_never_became_a_call_is_in_the_log() -> None:
    simulator = limited().simulator
    serve(simulator, ServedRequest("POST", "/b2api/v4/b2_list_buckets", (), b"no json"))
    serve(simulator, ServedRequest("GET", "/somewhere/else", ()))
    found = [(entry.call_name, entry.status, entry.code) for entry in simulator.log.latest(2)]
    assert sorted(found) == [("", 404, "not_found"), ("b2_list_buckets", 400, "bad_json")]


@pytest.mark.parametrize(
    "limits",
    [
        {"absolute_minimum_part_size": -1},
        {"recommended_part_size": "5KB"},
        {"page_limit": 0},
        {"locked_status": 402},
        {"keep_journal": 1},
        {"max_parts": True},
    ],
)
def test_what_is_no_limit_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        SimulatorConfig(**limits)


def test_preparing_a_world_knows_b2s_rules() -> None:
    simulator = limited().simulator
    simulator.add_bucket("short")
    for name in ("short", "SHORT"):
        with pytest.raises(ValueError, match=name):
            simulator.add_bucket(name)
    with pytest.raises(ValueError, match="odd"):
        simulator.add_bucket("bucket-two", "odd")
    with pytest.raises(ValueError, match="nope"):
        simulator.put(BucketId("nope"), "n", b"")
    with pytest.raises(ValueError, match="readfiles"):
        simulator.add_key(["readfiles"])


def test_time_passes_by_whole_milliseconds_and_ends() -> None:
    simulator = limited().simulator
    with pytest.raises(TypeError, match="whole"):
        simulator.advance_time(1.5)  # type: ignore[arg-type]
    for millis in (-1, 10**18):
        with pytest.raises(ValueError, match="9999"):
            simulator.advance_time(millis)


def test_a_token_of_a_wrong_kind_is_not_told() -> None:
    b2 = limited()
    with pytest.raises(TypeError) as caught:
        b2.simulator.handle(ListBuckets(b2.account), b2.token.token)  # type: ignore[arg-type]
    assert b2.token.token not in str(caught.value)
