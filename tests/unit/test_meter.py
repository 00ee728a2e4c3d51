"""The meter, its bill and the request log, by example."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from b2pure.effects.simulator.meter import EVENT_DELIVERY, Entry, Meter, RequestLog, about, billed_units
from b2pure.model.calls import (
    ALL_CALLS,
    CopyFile,
    CopyPart,
    DownloadFileByName,
    GetUploadUrl,
    HideFile,
    ListFileNames,
    UploadPart,
)
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.replies import BucketList, BucketReply, FileNamePage, FileReply, PartPage, PartReply
from b2pure.model.sources import Blob
from b2pure.plan.cost import PRICES, PRICES_2023_10, PRICES_2026

TERABYTE = 10**12
GIGABYTE = 10**9
MAY = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp()) * 1000
"""The first moment of a month with 31 days."""


def file_reply(name: str) -> FileReply:
    return FileReply(AccountId("a"), "upload", BucketId("b"), 1, None, None, FileId("f"), {}, name, 0)


# -- units


@pytest.mark.parametrize(("returned", "units"), [(0, 1), (1, 1), (1000, 1), (1001, 2), (10_000, 10)])
def test_a_list_is_billed_by_what_it_returned(returned: int, units: int) -> None:
    files = FileNamePage((file_reply("n"),) * returned, None)
    assert billed_units("b2_list_file_names", files) == units
    parts = PartPage((PartReply(FileId("f"), 1, 1, "", None, 0),) * returned, None)
    assert billed_units("b2_list_parts", parts) == units
    buckets = BucketList((BucketReply(AccountId("a"), BucketId("b"), "n", "allPrivate"),) * returned)
    assert billed_units("b2_list_buckets", buckets) == units


def test_whatever_is_no_list_and_a_list_that_failed_is_one_unit() -> None:
    assert {billed_units(call.name, None) for call in ALL_CALLS} == {1}
    assert billed_units("b2_copy_file", file_reply("n")) == 1


# -- bills


def test_a_new_meter_owes_nothing() -> None:
    for prices in PRICES.values():
        bill = Meter(MAY).bill(prices, MAY)
        assert bill.picodollars == 0
        assert bill.dollars == "$0.00"


def test_a_terabyte_for_thirty_days_beside_the_free_one() -> None:
    meter = Meter(MAY)
    meter.stored(TERABYTE + 10 * GIGABYTE, MAY)
    later = MAY + 30 * MILLIS_PER_DAY
    assert meter.bill(PRICES_2026, later).dollars == "$6.95"
    assert meter.bill(PRICES_2023_10, later).dollars == "$6.00"


def test_the_first_ten_gigabytes_are_free() -> None:
    meter = Meter(MAY)
    meter.stored(10 * GIGABYTE, MAY)
    assert meter.bill(PRICES_2026, MAY + 31 * MILLIS_PER_DAY).picodollars == 0


def test_what_a_month_did_not_use_of_the_free_storage_is_gone() -> None:
    meter = Meter(MAY)
    june = MAY + 31 * MILLIS_PER_DAY
    meter.stored(20 * GIGABYTE, june)
    bill = meter.bill(PRICES_2026, june + 30 * MILLIS_PER_DAY)
    assert bill.paid_byte_millis == 10 * GIGABYTE * 30 * MILLIS_PER_DAY
    assert bill.byte_millis == 20 * GIGABYTE * 30 * MILLIS_PER_DAY


def test_downloads_are_free_up_to_three_times_the_average_of_the_month() -> None:
    meter = Meter(MAY)
    meter.stored(GIGABYTE, MAY)
    meter.stored(-GIGABYTE, MAY + 10 * MILLIS_PER_DAY)
    meter.moved(down=2 * GIGABYTE)
    half = meter.bill(PRICES_2026, MAY + 20 * MILLIS_PER_DAY)
    assert (half.bytes_down, half.paid_down) == (2 * GIGABYTE, GIGABYTE // 2)
    assert half.dollars == "$0.0050"
    assert meter.bill(PRICES_2026, MAY + 10 * MILLIS_PER_DAY).picodollars == 0


def test_at_the_first_moment_the_average_is_what_is_stored() -> None:
    meter = Meter(MAY)
    meter.stored(1000, MAY)
    meter.moved(down=3001)
    assert meter.bill(PRICES_2026, MAY).paid_down == 1


def test_days_have_allowances_of_their_own() -> None:
    meter = Meter(MAY)
    for day in range(2):
        for _ in range(3):
            meter.count("b2_list_file_names", "C", 1000, MAY + (day + 1) * MILLIS_PER_DAY - 1)
    _, b, c, _ = meter.bill(PRICES_2023_10, MAY + 3 * MILLIS_PER_DAY).classes
    assert (b.billing, b.units, b.picodollars) == ("B", 0, 0)
    assert (c.billing, c.units, c.paid_units, c.picodollars) == ("C", 6000, 1000, 4_000_000_000)
    assert meter.bill(PRICES_2026, MAY).picodollars == 0
    assert meter.calls == {"b2_list_file_names": 6}


def test_event_deliveries_are_class_d() -> None:
    meter = Meter(MAY)
    meter.count(EVENT_DELIVERY, "D", 12_500, MAY)
    assert meter.bill(PRICES_2026, MAY).dollars == "$0.0040"
    assert meter.bill(PRICES_2023_10, MAY).picodollars == 0


def test_the_usage_tells_what_was_counted() -> None:
    meter = Meter(MAY)
    meter.count("b2_upload_file", "A", 1, MAY)
    meter.moved(up=5, copied=7)
    meter.stored(5, MAY)
    usage = meter.usage(MAY + 10)
    assert (usage.bytes_up, usage.bytes_down, usage.bytes_copied, usage.stored_bytes) == (5, 0, 7, 5)
    assert usage.units == {MAY // MILLIS_PER_DAY: {"A": 1}}
    assert usage.units_of("A") == 1
    assert usage.byte_millis == 50
    assert repr(meter) == "Meter(calls=1, stored_bytes=5)"


def test_nothing_is_counted_backwards() -> None:
    meter = Meter(MAY)
    with pytest.raises(ValueError, match="0 bytes are stored"):
        meter.stored(-1, MAY)
    with pytest.raises(ValueError, match="backwards"):
        meter.moved(down=-1)
    with pytest.raises(ValueError, match="backwards"):
        meter.count("b2_list_keys", "C", -1, MAY)
    assert meter.usage(MAY) == Meter(MAY).usage(MAY)


# -- what a request was about


@pytest.mark.parametrize(
    ("call", "bucket", "told"),
    [
        (HideFile(BucketId("b1"), "a/b.txt"), None, "b1/a/b.txt"),
        (HideFile(BucketId("b1"), "a/b.txt"), "photos", "photos/a/b.txt"),
        (ListFileNames(BucketId("b1"), prefix="a/"), None, "b1/a/"),
        (GetUploadUrl(BucketId("b1")), None, "b1"),
        (DownloadFileByName("photos", "x", "bytes=0-9"), None, "photos/x bytes=0-9"),
        (UploadPart(7, "0" * 40, Blob(b"")), "photos", "photos part 7"),
        (CopyPart(FileId("f1"), FileId("f2"), 3, "bytes=0-9"), None, "f2 part 3 bytes=0-9"),
        (CopyFile(FileId("f1"), "copy", BucketId("b2")), None, "b2/copy"),
        (HideFile(BucketId("b1"), "a\x1b[31m\u202eb"), None, "b1/a\\x1b[31m\\u202eb"),
    ],
)
def test_what_a_request_was_about(call: Any, bucket: str | None, told: str) -> None:
    assert about(call, bucket) == told


def test_a_long_name_is_cut() -> None:
    told = about(HideFile(BucketId("b"), "n" * 1000))
    assert len(told) == 201
    assert told.endswith("n…")


# -- the log


def add(log: RequestLog, call_name: str = "b2_hide_file", status: int = 200, **given: Any) -> Entry:
    fields: dict[str, Any] = {
        "at_millis": 1,
        "method": "POST",
        "about": "",
        "key_id": None,
        "code": None,
        "bytes_in": 0,
        "bytes_out": 0,
    }
    return log.add(call_name=call_name, status=status, **(fields | given))


def test_the_log_keeps_the_latest_requests_and_counts_all() -> None:
    log = RequestLog(2)
    for at in range(3):
        add(log, at_millis=at)
    assert [(entry.nth, entry.at_millis) for entry in log.entries()] == [(2, 1), (3, 2)]
    assert [entry.nth for entry in log.latest(1)] == [3]
    assert [entry.nth for entry in log.latest(9)] == [3, 2]
    assert log.total == 3
    assert repr(log) == "RequestLog(total=3, kept=2)"


def test_a_log_without_a_bound_keeps_all() -> None:
    log = RequestLog(None)
    for _ in range(2000):
        add(log)
    assert len(log.entries()) == 2000


def test_the_log_is_filtered_by_call_and_status() -> None:
    log = RequestLog()
    first, second = add(log, "b2_hide_file", 200), add(log, "b2_hide_file", 400, code="bad_request")
    third = add(log, "b2_list_keys", 400)
    assert log.entries() == (first, second, third)
    assert log.entries("b2_hide_file") == (first, second)
    assert log.entries(status=400) == (second, third)
    assert log.entries("b2_hide_file", 400) == (second,)


def test_what_stands_in_the_log_is_printable() -> None:
    assert add(RequestLog(), about="a\nb").about == "a\\nb"


def test_a_fork_of_the_log_goes_its_own_way() -> None:
    log = RequestLog(5)
    add(log)
    twin = log.fork()
    add(twin)
    assert (log.total, twin.total) == (1, 2)
    assert twin.entries()[0] == log.entries()[0]
    for _ in range(9):
        add(twin)
    assert len(twin.entries()) == 5
