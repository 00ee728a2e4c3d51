"""What went wrong, told so that somebody can mend it: with the host and the reason, the argument and the fix, and the
exception that was raised.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from v1_world import SMALL_PARTS, World, content, served

from b2pure.effects.faults import Answer, FailNth
from b2pure.plan.retry import RetryPolicy
from b2pure.v1 import (
    B2Api,
    B2Http,
    B2RawApi,
    Bucket,
    DownloadDestBytes,
    InMemoryAccountInfo,
    RawSimulator,
    UploadSourceBytes,
    UploadSourceLocalFile,
    WriteIntent,
    exception,
)

AT_ONCE = RetryPolicy(first_delay=0.0)


@pytest.fixture
def world() -> Iterator[World]:
    with served(SMALL_PARTS) as world:
        world.api.session.retry = AT_ONCE
        yield world


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _simulated(raw: RawSimulator) -> Bucket:
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.session.retry = AT_ONCE
    api.authorize_account("production", *raw.create_account())
    return api.create_bucket("holiday", "allPrivate")


# --- the connection


def test_a_refused_connection_names_host_and_reason() -> None:
    port = _closed_port()
    api = B2Api(InMemoryAccountInfo())
    with pytest.raises(exception.B2ConnectionError) as raised:
        api.authorize_account(f"http://127.0.0.1:{port}", "key", "secret")
    assert str(raised.value) == f"Connection error: 127.0.0.1:{port}: Connection refused"


def test_a_host_without_an_address_is_named() -> None:
    with pytest.raises(exception.UnknownHost, match=r"unknown host: b2\.invalid"):
        B2Api(InMemoryAccountInfo()).authorize_account("https://b2.invalid", "key", "secret")


def test_a_server_that_says_nothing_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        http = B2Http()
        http.TIMEOUT = 0.05  # seconds
        with pytest.raises(exception.B2RequestTimeout) as raised:
            http.get_content(f"http://{address}/file/bucket/name?token=secret", {}, try_count=1)
    assert str(raised.value) == f"Request timeout: {address}: ReadTimeout: the server did not answer in time"


def test_a_server_without_tls_is_told() -> None:
    with served(SMALL_PARTS) as world:
        api = B2Api(InMemoryAccountInfo())
        with pytest.raises(exception.B2ConnectionError, match=r"127\.0\.0\.1:\d+: .*(TLS|HTTP|connection)"):
            api.authorize_account(world.url.replace("http://", "https://"), "key", "secret")


@pytest.mark.parametrize("realm", ["junk", "", "ftp://b2.example", "https://", "4_0022623512fc8f80000000001_key"])
def test_an_unknown_realm_is_told_with_what_there_is(realm: str) -> None:
    api = B2Api(InMemoryAccountInfo())
    with pytest.raises(exception.InvalidArgument) as raised:
        api.authorize_account(realm, "key", "secret")
    told = str(raised.value)
    assert told.startswith("realm ")
    assert "must be 'dev', 'production', 'staging', or the http or https URL of a server" in told
    assert (repr(realm) in told) == (len(realm) <= 20)
    with pytest.raises(exception.InvalidArgument, match="realm"):
        B2RawApi(B2Http()).authorize_account(realm, "key", "secret")


@pytest.mark.parametrize("path", ["/wrong", "/b2api/v3"])
def test_a_realm_that_leads_to_no_b2_is_told(world: World, path: str) -> None:
    realm = world.url + path
    raw = world.api.session.raw_api
    for authorize in (world.api.authorize_account, raw.authorize_account):
        with pytest.raises(exception.InvalidArgument, match=r"^realm leads to a server that knows of no B2 there"):
            authorize(realm, "key", "secret")
    assert world.api.account_info.get_realm() == world.url, "what is stored stays"


@pytest.mark.parametrize("url", ["junk", "", "ftp://b2.example/x?token=secret", "http://"])
def test_an_address_that_leads_nowhere_is_told_at_once(url: str) -> None:
    for call in (B2Http().get_content, lambda url, headers: B2Http().post_json_return_json(url, headers, {})):
        with pytest.raises(exception.InvalidArgument, match=r"^url must be an http or https URL$"):
            call(url, {})


# --- what is raised by others


MINE = exception.ServiceError("503 the simulator is at lunch")


@pytest.mark.parametrize(
    "mine",
    [MINE, exception.B2ConnectionError("the line is cut"), exception.BadUploadUrl("this one"), exception.BrokenPipe()],
    ids=repr,
)
def test_errors_of_uploads_keep_their_messages(mine: Exception) -> None:
    raw = RawSimulator()
    bucket = _simulated(raw)
    raw.set_upload_errors([mine] * 5)
    with pytest.raises(exception.MaxRetriesExceeded) as raised:
        bucket.upload_bytes(b"sand", "beach")
    assert raised.value.limit == 5
    assert all(each is mine for each in raised.value.exception_info_list)
    assert str(raised.value) == "FAILED to upload after 5 tries. Encountered exceptions: " + "\n".join([str(mine)] * 5)
    bucket.upload_bytes(b"sand", "beach")
    raw.set_upload_errors([mine] * 4)
    bucket.upload_bytes(b"sand", "beach")
    assert content(bucket, "beach") == b"sand"


@pytest.mark.parametrize("code", ["bad_auth_token", "expired_auth_token", "whatever", ""])
def test_a_token_of_an_upload_that_died_is_replaced_whatever_its_code(code: str) -> None:
    """The class says what it is; of an Unauthorized only the code does, and one more try with another URL."""
    raw = RawSimulator()
    bucket = _simulated(raw)
    raw.set_upload_errors([exception.InvalidAuthToken("no longer", code)] * 4)
    bucket.upload_bytes(b"sand", "beach")
    assert content(bucket, "beach") == b"sand"
    raw.set_upload_errors([exception.Unauthorized("no", code)])
    bucket.upload_bytes(b"stones", "beach")
    assert content(bucket, "beach") == b"stones"


@pytest.mark.parametrize("code", ["unauthorized", "whatever"])
def test_a_refusal_of_an_upload_is_told_the_second_time(code: str) -> None:
    raw = RawSimulator()
    bucket = _simulated(raw)
    raw.set_upload_errors([exception.Unauthorized("no", code)] * 2)
    with pytest.raises(exception.Unauthorized, match=rf"^no.* \({code}\)$"):
        bucket.upload_bytes(b"stones", "beach")
    bucket.upload_bytes(b"stones", "beach")


@pytest.mark.parametrize("mine", [KeyError("typo"), exception.StorageCapExceeded(), exception.BadFileInfo("mine")])
def test_errors_that_trying_again_cannot_help_are_told_at_once(mine: Exception) -> None:
    raw = RawSimulator()
    bucket = _simulated(raw)
    raw.set_upload_errors([mine, MINE])
    with pytest.raises(type(mine)) as raised:
        bucket.upload_bytes(b"sand", "beach")
    assert raised.value is mine


class Faulty(RawSimulator):
    """A raw api of somebody's own; what is in `raises` is raised by the method of its name."""

    def __init__(self) -> None:
        super().__init__()
        self.raises: dict[str, Exception] = {}
        self.calls: list[str] = []

    def _met(self, name: str) -> None:
        self.calls.append(name)
        if name in self.raises:
            raise self.raises[name]

    def upload_file(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._met("upload_file")
        return super().upload_file(*args, **kwargs)

    def upload_part(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._met("upload_part")
        return super().upload_part(*args, **kwargs)

    def get_upload_url(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._met("get_upload_url")
        return super().get_upload_url(*args, **kwargs)

    def start_large_file(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._met("start_large_file")
        return super().start_large_file(*args, **kwargs)

    def download_file_from_url(self, *args: Any, **kwargs: Any) -> Any:
        self._met("download_file_from_url")
        return super().download_file_from_url(*args, **kwargs)


@pytest.mark.parametrize("mine", [KeyError("fileName"), TypeError("typo"), AssertionError("mine"), ZeroDivisionError()])
@pytest.mark.parametrize("name", ["upload_file", "upload_part", "get_upload_url", "start_large_file"])
def test_a_mistake_in_a_raw_api_of_ones_own_comes_out_as_it_is_after_one_call(name: str, mine: Exception) -> None:
    raw = Faulty()
    bucket = _simulated(raw)
    raw.raises[name] = mine
    large = name in ("upload_part", "start_large_file")
    with pytest.raises(type(mine)) as raised:
        bucket.upload_bytes(os.urandom(500 if large else 10), "beach")
    assert raised.value is mine
    assert raw.calls.count(name) <= (3 if name == "upload_part" else 1)  # parts are on their way side by side


def test_a_mistake_in_a_download_of_ones_own_comes_out_as_it_is() -> None:
    raw = Faulty()
    bucket = _simulated(raw)
    bucket.upload_bytes(b"sand", "beach")
    raw.raises["download_file_from_url"] = mine = KeyError("typo")
    with pytest.raises(KeyError) as raised:
        bucket.download_file_by_name("beach", DownloadDestBytes())
    assert raised.value is mine


def test_a_reply_that_is_none_is_told_at_once() -> None:
    class Short(RawSimulator):
        def get_upload_url(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            calls.append(1)
            return {}

    calls: list[int] = []
    bucket = _simulated(Short())
    with pytest.raises(exception.UnexpectedCloudBehaviour, match="the reply of b2_get_upload_url is malformed"):
        bucket.upload_bytes(b"sand", "beach")
    assert len(calls) == 1


# --- tries


def test_every_upload_is_tried_five_times(world: World) -> None:
    world.faults.append(FailNth("b2_upload_file", 1, Answer(503), times=100))
    bucket = world.bucket()
    with pytest.raises(exception.MaxRetriesExceeded, match="FAILED to upload after 5 tries") as raised:
        bucket.upload_bytes(b"x", "x")
    assert [type(each) for each in raised.value.exception_info_list] == [exception.ServiceError] * 5
    assert isinstance(raised.value.__cause__, exception.ServiceError)


def test_every_part_is_counted_by_itself(world: World) -> None:
    world.faults.append(FailNth("b2_upload_part", 1, Answer(503), times=1000))
    bucket = world.bucket()
    with pytest.raises(exception.MaxRetriesExceeded, match="FAILED to upload after 5 tries") as raised:
        bucket.upload_bytes(os.urandom(60_000), "large")
    assert len(raised.value.exception_info_list) == raised.value.limit == 5


def test_a_token_that_is_refused_again_and_again_is_told_as_tries(world: World) -> None:
    world.faults.append(FailNth("b2_upload_file", 1, Answer(401, "bad_auth_token"), times=100))
    with pytest.raises(exception.MaxRetriesExceeded, match="FAILED to upload after 5 tries") as raised:
        world.bucket().upload_bytes(b"x", "x")
    assert {type(each) for each in raised.value.exception_info_list} == {exception.InvalidAuthToken}


def test_an_upload_url_that_nobody_gets_is_told_as_tries(world: World) -> None:
    world.faults.append(FailNth("b2_get_upload_url", 1, Answer(503), times=100))
    with pytest.raises(exception.MaxRetriesExceeded, match="FAILED to upload after 8 tries"):
        world.bucket().upload_bytes(b"x", "x")


def test_what_is_no_upload_is_told_as_what_it_is(world: World) -> None:
    world.faults.append(FailNth("b2_start_large_file", 1, Answer(503), times=100))
    with pytest.raises(exception.ServiceError, match="503"):
        world.bucket().upload_bytes(os.urandom(35_000), "large")


def test_sources_that_differ_are_both_named(tmp_path: Path) -> None:
    """Without the fix of the functional face, which version 1 has no argument for."""
    bucket = _simulated(RawSimulator())
    (tmp_path / "a").write_bytes(b"x" * 100)
    (tmp_path / "b").write_bytes(b"y" * 100)
    files = [UploadSourceLocalFile(str(tmp_path / name)) for name in "ab"]
    with pytest.raises(exception.ChecksumMismatch, match=r"a\[50, 100\) and by .*b\[0, 50\)") as differing:
        bucket.create_file([WriteIntent(files[0], 0), WriteIntent(files[1], 50)], "n")
    assert "overlap=" not in str(differing.value)
    in_memory = [WriteIntent(UploadSourceBytes(data), at) for data, at in ((b"xx", 0), (b"y", 1))]
    with pytest.raises(exception.InvalidArgument, match=r"the first that differs is 1$"):
        bucket.create_file(in_memory, "n")
