"""Backblaze's integration checklist, item by item, as what goes over the line between a client and a served B2.

The items that say what to do after a failure are the decision table (test_decision_table.py).
"""

from __future__ import annotations

import os
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final

import httpx
import msgspec
import pytest
from attrs import define, field
from returns.unsafe import unsafe_perform_io

from b2pure.effects.bodies import Bodies
from b2pure.effects.effect import AnyEffect, Send
from b2pure.effects.faults import ExpireTokens
from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.wire import KeyPair
from b2pure.model.account import Authorization, TestMode, UploadUrl
from b2pure.model.calls import HEX_DIGITS_AT_END, AuthorizeAccount, UploadFile
from b2pure.model.errors import Rejected, Unavailable
from b2pure.model.ids import BucketId
from b2pure.model.policy import Delete, KeepDays
from b2pure.model.sources import Blob
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.client import Client
from b2pure.shell.clock import SystemClock
from b2pure.shell.http import HttpApi
from b2pure.shell.serve import serve_in_thread
from b2pure.testing import simulated_b2

LIMITS: Final = SimulatorConfig(absolute_minimum_part_size=8, recommended_part_size=16)
WORKERS: Final = 3


class Line(httpx.BaseTransport):
    """The line: it writes down what goes over it, and never lets two uploads to one URL at once."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()
        self._lock = Lock()
        self._busy: set[str] = set()
        self.requests: list[httpx.Request] = []
        self.twice: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url) if "b2_upload_" in request.url.path else ""
        with self._lock:
            self.requests.append(request)
            if url in self._busy:
                self.twice.append(url)
            if url:
                self._busy.add(url)
        try:
            response = self._inner.handle_request(request)
            if url:
                response.read()
            return response
        finally:
            with self._lock:
                self._busy.discard(url)

    def close(self) -> None:
        self._inner.close()

    def named(self, call: str) -> list[httpx.Request]:
        return [request for request in self.requests if call in request.url.path]


@define
class Scene:
    """A served B2 and a folder."""

    simulator: Simulator
    url: str
    folder: Path
    line: Line = field(factory=Line)

    def client(self, key: KeyPair | None = None, test_mode: TestMode | None = None) -> Client:
        pair = key or KeyPair(self.simulator.master_key_id, self.simulator.master_key)
        api = HttpApi(pair.key_id, pair.key, realm_address=self.url, transport=self.line, test_mode=test_mode)
        return Client(api, SystemClock(), workers=WORKERS, retry=RetryPolicy(first_delay=0.0, max_attempts=20))

    def files(self, count: int) -> dict[str, bytes]:
        made = {f"f{number:02}": f"content {number}".encode() for number in range(count)}
        for name, data in made.items():
            (self.folder / name).write_bytes(data)
        return made

    @property
    def bucket(self) -> BucketId:
        found = self.simulator.bucket_id("bucket")
        assert found is not None
        return found

    def contents(self) -> dict[str, bytes]:
        return self.simulator.visible(self.bucket)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    simulator = Simulator(SystemClock().now_millis, config=LIMITS)
    simulator.add_bucket("bucket")
    with serve_in_thread(simulator) as server:
        made = Scene(simulator, server.url, tmp_path)
        yield made
        made.line.close()


def test_1_the_account_id_is_b2s_and_not_the_key_id(scene: Scene) -> None:
    key = scene.simulator.add_key(("listBuckets", "writeBuckets", "listFiles"))
    client = scene.client(key)
    client.create_bucket("another-one").unwrap()
    client.buckets().unwrap()
    bodies = [msgspec.json.decode(request.content) for request in scene.line.requests if request.method == "POST"]
    said = [body["accountId"] for body in bodies if "accountId" in body]
    assert said
    assert set(said) == {scene.simulator.account_id}
    assert key.key_id != scene.simulator.account_id


def test_2_some_uploads_fail_and_all_files_arrive(scene: Scene) -> None:
    files = scene.files(20)
    report = scene.client(test_mode="fail_some_uploads").sync(str(scene.folder), "b2://bucket")
    assert (report.failed, report.refused, scene.contents()) == ((), (), files)
    sent = scene.line.named("b2_upload_file")
    assert len(sent) > 20, "some failed"
    assert len(scene.line.named("b2_get_upload_url")) >= len(sent) - 20, "each failure costs a new URL"


def test_3_and_5_each_thread_has_a_url_and_uses_it_again(scene: Scene) -> None:
    scene.files(30)
    assert not scene.client().sync(str(scene.folder), "b2://bucket").failed
    assert len(scene.line.named("b2_upload_file")) == 30
    assert len(scene.line.named("b2_get_upload_url")) <= WORKERS
    assert scene.line.twice == []


def test_4_every_request_says_who_asks(scene: Scene) -> None:
    scene.files(2)
    client = scene.client()
    assert not client.sync(str(scene.folder), "b2://bucket").failed
    assert not client.sync("b2://bucket", str(scene.folder / "back")).failed
    kinds = {re.sub(r"\d", "", request.url.path.split("/")[-1]) for request in scene.line.requests}
    assert len(kinds) > 5
    agents = {request.headers["user-agent"] for request in scene.line.requests}
    assert len(agents) == 1
    assert re.fullmatch(r"b2pure/\S+\+python/\S+ \(\w+\)", agents.pop())


def test_5_large_files_go_in_parts_with_urls_of_their_own(scene: Scene) -> None:
    data = bytes(range(256)) * 2
    scene.client().upload(data, "b2://bucket/a", part_size=16).unwrap()
    assert scene.contents() == {"a": data}
    assert len(scene.line.named("b2_upload_part")) == 32
    assert len(scene.line.named("b2_get_upload_part_url")) <= WORKERS
    assert scene.line.twice == []


def test_7_some_tokens_expire_and_all_files_arrive(scene: Scene) -> None:
    files = scene.files(10)
    client = scene.client(test_mode="expire_some_account_authorization_tokens")
    report = client.sync(str(scene.folder), "b2://bucket")
    assert (report.failed, report.refused, scene.contents()) == ((), (), files)
    for _ in range(10):
        assert client.buckets().unwrap()
    assert len(scene.line.named("b2_authorize_account")) > 1, "some expired"


@pytest.mark.parametrize("seed", range(10))
def test_7_an_expired_token_is_renewed_once_however_many_use_it(seed: int) -> None:
    """L31, in a whole sync."""
    calls: Counter[str] = Counter()

    def count(moment: str, effect: AnyEffect) -> None:
        if moment == "begin" and isinstance(effect, Send):
            calls[effect.call.name] += 1

    expire = ExpireTokens("b2_get_upload_url", 1, "all")
    world = simulated_b2("bucket", seed=seed, faults=(expire,), workers=8, observer=count)
    for number in range(20):
        world.disk("here").put(f"f{number}", b"data", 1000)
    client = world.client
    client.authorize().unwrap()
    calls.clear()
    assert not client.sync("here", "b2://bucket").failed
    assert calls["b2_upload_file"] >= 20
    assert calls["b2_authorize_account"] == 1


def test_8_a_cap_stops_at_once_and_says_what_to_do(scene: Scene) -> None:
    scene.files(20)
    report = scene.client(test_mode="force_cap_exceeded").sync(str(scene.folder), "b2://bucket")
    assert any("caps" in why for why in report.refused)
    assert scene.contents() == {}
    assert len(scene.line.named("b2_get_upload_url")) <= WORKERS + 1
    assert len(scene.line.named("b2_upload_file")) <= WORKERS + 1


def test_11_what_is_known_of_a_file_goes_with_it(scene: Scene) -> None:
    (scene.folder / "small").write_bytes(b"small")
    (scene.folder / "large").write_bytes(b"large" * 100)
    client = scene.client()
    for name in ("small", "large"):
        os.utime(scene.folder / name, ns=(0, 1_600_000_000_123_456_789))
        client.upload(scene.folder / name, f"b2://bucket/{name}").unwrap()
    large, small = client.ls("b2://bucket")
    for file in (large, small):
        assert file.file_info["src_last_modified_millis"] == "1600000000123"
    assert len(large.file_info["large_file_sha1"]) == 40
    sent = [*scene.line.named("b2_upload_file"), *scene.line.named("b2_upload_part")]
    assert {re.sub("[0-9a-f]{40}", "digest", request.headers["x-bz-content-sha1"]) for request in sent} <= {
        "digest",
        HEX_DIGITS_AT_END,
    }


def test_12_and_15_buckets_are_private_and_their_names_are_everybodys(scene: Scene) -> None:
    client = scene.client()
    assert client.create_bucket("another-one").unwrap().bucket_type == "allPrivate"
    taken = client.create_bucket("bucket").failure()
    assert isinstance(taken, Rejected)
    assert taken.code == "duplicate_bucket_name"


def test_14_hiding_is_not_deleting(scene: Scene) -> None:
    for data in (b"one", b"two"):
        scene.simulator.put(scene.bucket, "a", data)
    client = scene.client()
    (scene.folder / "b").write_bytes(b"b")
    assert not client.sync(str(scene.folder), "b2://bucket", keep=KeepDays(1)).failed
    assert [file.action for file in client.ls("b2://bucket", versions=True)] == ["hide", "upload", "upload", "upload"]
    assert not client.sync(str(scene.folder), "b2://bucket", keep=Delete()).failed
    assert [file.file_name for file in client.ls("b2://bucket", versions=True)] == ["b"]


# --- an answer in the middle of a body


@contextmanager
def _impatient(answer: bytes) -> Iterator[str]:
    """A server that answers before it has read much, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            wire, _ = listener.accept()
            with wire:
                wire.recv(10_000)
                wire.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_the_answer_counts_and_not_the_broken_pipe() -> None:
    """B2 may say 503 in the middle of a body, and close."""
    body = Blob(bytes(16_000_000))
    answer = b"HTTP/1.1 503 busy\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with _impatient(answer) as url, HttpApi("k", "s") as api:
        call = UploadFile("a", "text/plain", "do_not_verify", {}, body)
        result: Any = api.send(call, UploadUrl(url, "token"), Bodies())
    assert unsafe_perform_io(result.failure()) == Unavailable(503, "service_unavailable", "", 7.0)


def test_no_secret_is_in_what_is_shown_of_a_token() -> None:
    world = simulated_b2("bucket")
    token: Authorization = world.client.authorize().unwrap()
    assert token.token not in repr(token)
    reply: Any = world.api.send(AuthorizeAccount(), None, Bodies())
    assert unsafe_perform_io(reply.unwrap()).authorization_token not in repr(reply)
