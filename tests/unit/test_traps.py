"""b2sdk's behaviour traps: each has a test that shows that b2pure does not fall into it. Here: calls, tokens, retries.

Rules. `ROWS` names every trap with its halves; those of transfers and of syncs are in test_traps_transfers.py and
test_traps_sync.py. What belongs to a part that is not there yet is in `LATER`, with the reason.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
import test_traps_sync
import test_traps_transfers
from traps_support import DEST, over_http, seen_world

from b2pure import connect_simulated, v1
from b2pure.effects.events import Event, Waiting
from b2pure.effects.program import ok
from b2pure.effects.simulator import Simulator
from b2pure.model.buckets import CorsRule, LifecycleRule
from b2pure.model.calls import DeleteBucket, DeleteFileVersion, UpdateBucket
from b2pure.model.errors import Unauthorized, Unavailable, describe
from b2pure.plan.retry import RetryPolicy
from b2pure.testing import Answer, CutUpload, Disconnect, FailNth, simulated_b2
from b2pure.testing.served import ServedB2

if TYPE_CHECKING:
    from commands import Run

    from b2pure.effects.fault_board import FaultBoard

pytest_plugins = ("commands",)

ROWS: Final[dict[int, str]] = {
    1: "", 2: "ab", 3: "", 4: "abc", 5: "", 6: "ab", 7: "ab", 8: "ab", 9: "ab", 10: "", 11: "", 12: "", 13: "ab",
    14: "", 15: "ab", 16: "ab", 17: "", 18: "", 19: "abc", 20: "ab", 21: "", 22: "ab", 23: "", 24: "", 25: "", 26: "",
    27: "ab", 28: "", 29: "", 30: "", 31: "ab", 32: "ab", 33: "", 34: "", 35: "ab", 36: "abc", 37: "", 38: "",
    39: "abc", 40: "", 41: "abc",
}  # fmt: skip
"""The halves of each trap; none: it has only one."""

LATER: Final[dict[str, str]] = {}


def names() -> list[str]:
    """All tests of traps."""
    found = [*vars(test_traps_transfers), *vars(test_traps_sync), *globals()]
    return [name.removeprefix("test_") for name in found if re.match(r"test_t\d", name)]


def test_every_trap_has_a_test_or_a_reason() -> None:
    assert sorted(ROWS) == list(range(1, 42))
    rows = [f"{number:02}{half}" for number, halves in ROWS.items() for half in halves or [""]]
    untested = [row for row in rows if not any(name.startswith(f"t{row}_") for name in names())]
    assert untested == sorted(LATER)
    assert all(LATER.values())
    unknown = [name for name in names() if name.partition("_")[0].removeprefix("t") not in rows]
    assert not unknown


# --- tokens and URLs --------------------------------------------------------------------------------------------------


def test_t06a_a_plain_401_on_an_upload_is_tried_once_more_and_no_more() -> None:
    """Once, with another URL: the call that gets that one says what is really wrong."""
    refused = FailNth("b2_upload_file", 1, Answer(401, "unauthorized", "not entitled"), times=None)
    world, seen = seen_world(faults=(refused,))
    assert isinstance(world.client.upload(b"data", DEST).failure(), Unauthorized)
    assert seen.count("b2_upload_file") == 2


def test_t06b_what_a_key_may_not_do_is_told_once() -> None:
    refused = FailNth("b2_upload_file", 1, Answer(401, "unauthorized", "not entitled"), times=None)
    world, _ = seen_world(faults=(refused,))
    error = world.client.upload(b"data", DEST).failure()
    assert isinstance(error, Unauthorized)
    assert describe(error).count("not entitled") == describe(error).count("unauthorized") == 1


def test_t13a_a_token_that_somebody_else_uses_is_left_to_them() -> None:
    text = "more than one upload using auth token 4_00"
    world, seen = seen_world(faults=(FailNth("b2_upload_file", 1, Answer(400, "bad_request", text)),))
    world.client.upload(b"data", DEST).unwrap()
    first, second = seen.tokens("b2_upload_file")
    assert first != second
    assert world.contents("bucket") == {"n": b"data"}


def test_t13b_the_url_of_an_upload_without_an_answer_is_not_used_again() -> None:
    world, seen = seen_world(faults=(Disconnect(call_name="b2_upload_file", nth=1, how="silent"),))
    client = world.client
    client.upload(b"data", DEST).unwrap()
    client.upload(b"more", DEST).unwrap()
    lost, *others = seen.tokens("b2_upload_file")
    assert lost not in others
    assert len(set(others)) == 1


def test_t14_a_failed_part_spoils_only_its_own_url() -> None:
    """Neither the bucket's URLs, nor those of the other parts."""
    world, seen = seen_world(faults=(CutUpload(nth=2, after_bytes=1, call_name="b2_upload_part"),))
    client = world.client
    client.upload(b"one", DEST).unwrap()
    client.upload(bytes(range(20)), "b2://bucket/large").unwrap()
    client.upload(b"two", DEST).unwrap()
    assert seen.count("b2_get_upload_url") == 1
    tokens = seen.tokens("b2_upload_part")
    spoiled = tokens[1]
    assert tokens.count(spoiled) == tokens[:2].count(spoiled)
    assert seen.count("b2_get_upload_part_url") == len(set(tokens))
    assert world.contents("bucket")["large"] == bytes(range(20))


def test_t23_an_application_key_keeps_what_is_known_of_its_account(b2_server: ServedB2) -> None:
    """Its id is not that of the account. Nothing is forgotten, so one authorization does for all."""
    b2_server.bucket("bucket")
    key = b2_server.add_key()
    with over_http(b2_server, key=key) as (client, seen, _):
        for name in ("a", "b"):
            client.upload(b"data", f"b2://bucket/{name}").unwrap()
        account = client.authorize().unwrap().account_id
    assert account != key.key_id
    assert seen.count("b2_authorize_account") == 1
    assert seen.count("b2_get_upload_url") == 1


def test_t41a_a_401_without_a_body_means_another_token(b2_server: ServedB2, b2_faults: FaultBoard) -> None:
    """As an answer to HEAD has none."""
    b2_server.put("bucket", "n", b"data")
    with over_http(b2_server) as (client, seen, _):
        assert client.read(DEST).unwrap() == b"data"
        b2_faults.append(FailNth("b2_download_*", 1, Answer(401, body="")))
        assert client.read(DEST).unwrap() == b"data"
    assert seen.count("b2_authorize_account") == 2


# --- waiting ----------------------------------------------------------------------------------------------------------


def waits(server: ServedB2, answer: Answer, board: FaultBoard, call: str = "b2_list_buckets") -> list[float]:
    """What a client waits when a call is answered so once."""
    server.bucket("bucket")
    heard: list[Event] = []
    with over_http(server, retry=RetryPolicy(first_delay=100.0)) as (client, _, _):
        client.authorize().unwrap()
        board.append(FailNth(call, 1, answer))
        client.upload(b"data", DEST, listener=heard.append).unwrap()
    return [event.seconds for event in heard if isinstance(event, Waiting)]


def test_t07a_retry_after_is_a_number_of_seconds(b2_server: ServedB2, b2_faults: FaultBoard) -> None:
    assert waits(b2_server, Answer(429, retry_after=7), b2_faults, "b2_upload_file") == [7.0]


def test_t07b_retry_after_may_be_a_date(b2_server: ServedB2, b2_faults: FaultBoard) -> None:
    (told,) = waits(b2_server, Answer(429, retry_after=7, retry_after_form="date"), b2_faults, "b2_upload_file")
    assert 5.0 <= told <= 8.0


def test_t08a_retry_after_counts_for_503_too(b2_server: ServedB2, b2_faults: FaultBoard) -> None:
    answer = Answer(503, retry_after=7)
    assert waits(b2_server, answer, b2_faults, "b2_get_upload_url") == [7.0]


def test_t08b_a_408_is_tried_again(b2_server: ServedB2, b2_faults: FaultBoard) -> None:
    (told,) = waits(b2_server, Answer(408), b2_faults, "b2_get_upload_url")
    assert 50.0 <= told <= 64.0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_t10_what_a_proxy_says_in_html_is_no_crash(b2_server: ServedB2, b2_faults: FaultBoard, status: int) -> None:
    page = "<html><body>Bad Gateway</body></html>"
    assert len(waits(b2_server, Answer(status, body=page), b2_faults, "b2_get_upload_url")) == 1
    b2_faults.append(FailNth("b2_get_upload_url", 1, Answer(status, body=page), times=None))
    with over_http(b2_server) as (client, _, _):
        error = client.upload(b"data", DEST).failure()
    assert isinstance(error, Unavailable)
    assert error.status == status


def test_t11_delays_grow_to_a_cap_and_are_never_the_same() -> None:
    """So that clients that failed together do not come back together."""
    busy = FailNth("b2_get_upload_url", 1, Answer(503), times=20)
    patient = RetryPolicy(max_attempts=30, max_total_delay=100_000)
    told: list[list[float]] = []
    for _ in range(2):
        world, seen = seen_world(faults=(busy,), retry=patient)
        heard: list[Event] = []
        for _ in told:
            world.clock.draw()
        world.client.upload(b"data", DEST, listener=heard.append).unwrap()
        assert seen.count("b2_get_upload_url") == 21
        told.append([event.seconds for event in heard if isinstance(event, Waiting)])
    assert all(len(delays) == 20 and max(delays) <= 64.0 and min(delays[10:]) >= 32.0 for delays in told)
    assert told[0] != told[1]


def test_t12_retries_are_not_multiplied() -> None:
    policy = RetryPolicy()
    world, seen = seen_world(faults=(FailNth("b2_upload_file", 1, Answer(503), times=None),))
    assert isinstance(world.client.upload(b"data", DEST).failure(), Unavailable)
    assert seen.count("b2_upload_file") <= policy.max_attempts
    assert seen.count("b2_get_upload_url") <= policy.max_upload_urls


# --- buckets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (
            {"cors_rules": (CorsRule("rule-one", ("https://a.example",), ("b2_download_file_by_id",), 60),)},
            "cors_rules",
        ),
        ({"lifecycle_rules": (LifecycleRule("", days_from_hiding_to_deleting=3),)}, "lifecycle_rules"),
    ],
)
def test_t09a_one_setting_of_a_bucket_may_change_alone(setting: dict[str, Any], told: str) -> None:
    client = simulated_b2("bucket").client
    account = client.authorize().unwrap().account_id
    (before,) = client.buckets().unwrap()
    client.call(UpdateBucket(account, before.bucket_id, **setting)).unwrap()
    (after,) = client.buckets().unwrap()
    assert msgspec.structs.replace(after, **{told: getattr(before, told)}, revision=before.revision) == before
    assert getattr(after, told) == setting[told]


def test_t09b_the_info_of_a_bucket_may_become_empty() -> None:
    client = simulated_b2("bucket").client
    account = client.authorize().unwrap().account_id
    for info in ({"key": "value"}, {}):
        (bucket,) = client.buckets().unwrap()
        client.call(UpdateBucket(account, bucket.bucket_id, bucket_info=info)).unwrap()
        assert dict(client.buckets().unwrap()[0].bucket_info) == info


def test_t41c_a_bucket_that_was_deleted_is_not_remembered() -> None:
    """Nor is one that was made anew taken for the old one."""
    client = simulated_b2("bucket").client
    made = client.upload(b"old", DEST).unwrap()
    assert made.file_id is not None
    client.call(DeleteFileVersion("n", made.file_id)).unwrap()
    (bucket,) = client.buckets().unwrap()
    client.call(DeleteBucket(client.authorize().unwrap().account_id, bucket.bucket_id)).unwrap()
    assert not ok(client.upload(b"data", DEST))
    anew = client.create_bucket("bucket").unwrap()
    assert client.upload(b"data", DEST).unwrap().bucket_id == anew.bucket_id != bucket.bucket_id


# --- names on a terminal ----------------------------------------------------------------------------------------------


def test_t38_names_are_never_printed_raw(run: Run, simulator: Simulator, tmp_path: Path) -> None:
    bucket = simulator.bucket_id("demo")
    assert bucket is not None
    simulator.put(bucket, "a\x9b31m\u202egnp.exe", b"data")
    for ended in (run("ls", "b2://demo"), run("sync", "b2://demo", str(tmp_path))):
        assert "a" in ended.stdout
        assert not {"\x9b", "\u202e"} & set(ended.stdout + ended.stderr)


# --- the numbered interface -------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="files have no modes there")
def test_t24_the_file_of_an_account_info_is_its_owners_alone_from_its_first_byte(tmp_path: Path) -> None:
    """Whatever the umask; test_v1_account_info.py looks at every moment of its making."""
    path, old = tmp_path / "info", os.umask(0)
    try:
        v1.SqliteAccountInfo(str(path))
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_t41b_the_url_of_a_file_by_its_name_is_made() -> None:
    raw = v1.RawSimulator()
    api = v1.B2Api(v1.InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    url = api.get_download_url_for_file_name("holiday", "a b.txt")
    assert url == f"{api.account_info.get_download_url()}/file/holiday/a%20b.txt"


def test_a_wrong_argument_is_put_into_words_like_every_other_error() -> None:
    wrong = connect_simulated("holiday").upload(b"", "holiday/x").failure()
    assert describe(wrong) == "file 'holiday/x' is not in B2; write b2://bucket/name"
