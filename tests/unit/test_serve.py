"""The server on its sockets: what HTTP itself demands, what may go wrong on a connection, faults, and control."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from hashlib import sha1
from http.client import HTTPConnection, HTTPResponse
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import define, frozen
from returns.unsafe import unsafe_perform_io

from b2pure.effects.bodies import Bodies
from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.faults import (
    Answer,
    CorruptDownload,
    CorruptUpload,
    CutDownload,
    CutUpload,
    Disconnect,
    DropReplyAfterCommit,
    ExpireTokens,
    FailNth,
    Slow,
)
from b2pure.effects.latency import Latency
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.effects.simulator.content import Extent, Piece
from b2pure.effects.wire import KeyPair
from b2pure.model.calls import AuthorizeAccount
from b2pure.shell.clock import SystemClock
from b2pure.shell.serve import RunningServer, ServeOptions, serve_in_thread

BUCKET = "bucket-one"
MEBI = 1 << 20


@frozen
class Reply:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error, which is as B2 tells errors."""
        assert set(self.json) == {"status", "code", "message"}
        assert self.json["status"] == self.status
        return str(self.json["code"])


@define
class B2:
    """A served B2 and what a client needs to talk to it by hand."""

    server: RunningServer
    bucket_id: str

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.server.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def connect(self) -> HTTPConnection:
        return HTTPConnection(*self.address, timeout=10)

    def ask(self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, target, body, headers or {})
            return read(connection.getresponse())
        finally:
            connection.close()

    def call(self, name: str, body: object, token: str = "", **headers: str) -> Reply:
        more = {key.replace("_", "-"): text for key, text in headers.items()}
        given = {"Authorization": token or self.token()} | more
        return self.ask("POST", f"/b2api/v4/{name}", json.dumps(body).encode(), given)

    def token(self) -> str:
        simulator = self.server.simulator
        with self.server.locked():
            reply = simulator.handle(AuthorizeAccount(), KeyPair(simulator.master_key_id, simulator.master_key))
        return reply.unwrap().authorization_token

    def upload_url(self) -> tuple[str, str]:
        """Target and token."""
        reply = self.call("b2_get_upload_url", {"bucketId": self.bucket_id}).json
        return reply["uploadUrl"].removeprefix(self.server.url), reply["authorizationToken"]

    def upload(self, data: bytes, name: str = "n", **more: str) -> Reply:
        target, token = self.upload_url()
        return self.ask("POST", target, data, upload_headers(token, data, name) | more)

    def download(self, name: str = "n", method: str = "GET", **headers: str) -> Reply:
        return self.ask(method, f"/file/{BUCKET}/{name}", None, {"Authorization": self.token()} | headers)

    def raw(self, data: bytes) -> bytes:
        """What comes back for these bytes until the server closes."""
        with socket.create_connection(self.address, timeout=10) as wire:
            wire.sendall(data)
            return everything(wire)

    def put(self, data: bytes, name: str = "n") -> None:
        with self.server.locked() as simulator:
            bucket_id = simulator.bucket_id(BUCKET)
            assert bucket_id is not None
            simulator.put(bucket_id, name, data)

    def stored(self) -> dict[str, bytes]:
        with self.server.locked() as simulator:
            (bucket,) = simulator.snapshot()
        assert isinstance(bucket, tuple)
        return {file.file_name: data for file, data in bucket[1]}


def upload_headers(token: str, data: bytes, name: str = "n") -> dict[str, str]:
    digest = sha1(data, usedforsecurity=False).hexdigest()
    return {
        "Authorization": token,
        "X-Bz-File-Name": name,
        "Content-Type": "text/plain",
        "X-Bz-Content-Sha1": digest,
    }


def head(target: str, token: str, length: int | None, **more: str) -> bytes:
    """The head of an upload whose body is another matter."""
    headers = upload_headers(token, b"") | {"Host": "localhost", "X-Bz-Content-Sha1": "do_not_verify"} | more
    if length is not None:
        headers["Content-Length"] = str(length)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {target} HTTP/1.1\r\n{lines}\r\n".encode()


def read(response: HTTPResponse) -> Reply:
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def everything(wire: socket.socket) -> bytes:
    found = bytearray()
    while piece := wire.recv(65536):
        found += piece
    return bytes(found)


def parsed(data: bytes) -> Reply:
    """One answer, taken apart."""
    first, _, body = data.partition(b"\r\n\r\n")
    status, *lines = first.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(status.split()[1]), headers, body)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not true():
        assert monotonic() < deadline, "it never came to be"
        sleep(0.005)


def served(**settings: Any) -> Iterator[B2]:
    config = settings.pop("config", SimulatorConfig())
    simulator = Simulator(SystemClock().now_millis, config=config)
    bucket = simulator.add_bucket(BUCKET).bucket_id
    with serve_in_thread(simulator, **settings) as server:
        yield B2(server, bucket)


@pytest.fixture
def b2() -> Iterator[B2]:
    """Small limits and short times."""
    config = SimulatorConfig(max_single_size=MEBI, max_part_size=MEBI)
    yield from served(config=config, options=ServeOptions(json_bytes=10_000, body_timeout_seconds=0.3))


# -- answers


def test_every_answer_has_a_date_and_success_keeps_the_connection(b2: B2) -> None:
    token, connection = b2.token(), b2.connect()
    for _ in range(3):
        connection.request("POST", "/b2api/v4/b2_list_file_names", json.dumps({"bucketId": b2.bucket_id}),
                           {"Authorization": token})  # fmt: skip
        reply = read(connection.getresponse())
        assert (reply.status, reply.headers.get("connection")) == (200, None)
        assert parsedate_to_datetime(reply.headers["date"]).tzinfo is not None
    wire = connection.sock
    connection.request("GET", "/nowhere")
    assert read(connection.getresponse()).code == "not_found"
    assert connection.sock is wire
    connection.close()


def test_a_400_closes_the_connection(b2: B2) -> None:
    reply = b2.call("b2_list_file_names", {"bucketId": "nonsense"})
    assert (reply.status, reply.headers["connection"]) == (400, "close")


@pytest.mark.parametrize("name", ["n", "missing"])
def test_head_has_no_body(b2: B2, name: str) -> None:
    b2.put(b"12345")
    token = b2.token()
    answer = b2.raw(
        f"HEAD /file/{BUCKET}/{name} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        f"Authorization: {token}\r\n\r\n".encode()
    )
    reply = parsed(answer)
    assert (reply.status, reply.body) == ((200, b"") if name == "n" else (404, b""))


# -- uploads that are refused


def test_a_bad_token_is_told_before_the_body_comes(b2: B2) -> None:
    target, _ = b2.upload_url()
    reply = parsed(b2.raw(head(target, "wrong", 1_000_000)))
    assert (reply.status, reply.code, reply.headers["connection"]) == (401, "bad_auth_token", "close")


def test_a_client_that_sends_its_whole_body_first_still_sees_why_it_was_refused(b2: B2) -> None:
    target, _ = b2.upload_url()
    reply = b2.ask("POST", target, bytes(20 * MEBI), upload_headers("wrong", b""))
    assert (reply.status, reply.code) == (401, "bad_auth_token")


@pytest.mark.parametrize("more", [{}, {"Transfer-Encoding": "chunked"}])
def test_a_body_without_a_length_is_refused(b2: B2, more: dict[str, str]) -> None:
    target, token = b2.upload_url()
    reply = parsed(b2.raw(head(target, token, None, **more, Connection="close")))
    assert (reply.status, reply.code) == (400, "bad_request")
    assert b2.stored() == {}


def test_a_wrong_method_is_refused(b2: B2) -> None:
    target, token = b2.upload_url()
    reply = b2.ask("PUT", target, b"data", upload_headers(token, b"data"))
    assert (reply.status, reply.code) == (405, "method_not_allowed")


def test_a_body_that_is_too_large_is_refused_by_its_length(b2: B2) -> None:
    target, token = b2.upload_url()
    reply = parsed(b2.raw(head(target, token, MEBI + 1)))
    assert (reply.status, reply.code, reply.headers["connection"]) == (400, "bad_request", "close")
    assert b2.upload(bytes(MEBI)).status == 200


def test_the_digest_at_the_end_does_not_count(b2: B2) -> None:
    data = bytes(MEBI)
    target, token = b2.upload_url()
    headers = upload_headers(token, b"") | {"X-Bz-Content-Sha1": "hex_digits_at_end"}
    reply = b2.ask("POST", target, data + sha1(data).hexdigest().encode(), headers)
    assert reply.json["contentLength"] == MEBI


def test_a_json_body_has_a_limit(b2: B2) -> None:
    fields = {"bucketId": b2.bucket_id, "prefix": "x" * 10_001}
    reply = b2.call("b2_list_file_names", fields)
    assert (reply.status, reply.code, reply.headers["connection"]) == (400, "bad_request", "close")
    chunked = (
        b"POST /b2api/v4/b2_list_buckets HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2711\r\n" + b" " * 0x2711 + b"\r\n"
    )
    assert parsed(b2.raw(chunked)).code == "bad_request"


def test_a_body_that_stops_coming_is_too_slow(b2: B2) -> None:
    target, token = b2.upload_url()
    reply = parsed(b2.raw(head(target, token, 100) + b"half"))
    assert (reply.status, reply.code, reply.headers["connection"]) == (408, "request_timeout", "close")
    again = b2.ask("POST", target, b"data", upload_headers(token, b"data"))
    assert (again.status, b2.stored()) == (401, {})


def test_a_json_body_that_stops_coming_is_too_slow(b2: B2) -> None:
    answer = b2.raw(b"POST /b2api/v4/b2_list_buckets HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{")
    assert parsed(answer).code == "request_timeout"


def test_a_client_that_goes_away_stores_nothing_and_spoils_the_url(b2: B2) -> None:
    target, token = b2.upload_url()
    with socket.create_connection(b2.address) as wire:
        wire.sendall(head(target, token, 100) + b"half")

    def code() -> str:
        return b2.ask("POST", target, b"data", upload_headers(token, b"data")).code

    wait_until(lambda: code() == "expired_auth_token")
    assert b2.stored() == {}


def test_a_client_may_wait_to_be_told_to_continue(b2: B2) -> None:
    target, token = b2.upload_url()
    with socket.create_connection(b2.address, timeout=10) as wire:
        wire.sendall(head(target, token, 4, Expect="100-continue"))
        assert wire.recv(100).startswith(b"HTTP/1.1 100 ")
        wire.sendall(b"data")
        assert wire.recv(100).startswith(b"HTTP/1.1 200 ")
    refused = b2.raw(head(target, "wrong", 4, Expect="100-continue"))
    assert parsed(refused).status == 401


# -- what is no HTTP


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n",
        b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST /b2api/v4/b2_list_buckets HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        b"POST /b2api/v4/b2_list_buckets HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"GET /nowhere HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET /nowhere HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 700_000,
        b"GET /" + b"x" * 700_000,
    ],
)
def test_what_is_no_request_is_a_bad_request(b2: B2, data: bytes) -> None:
    with socket.create_connection(b2.address, timeout=10) as wire:
        try:
            wire.sendall(data)
            answer = everything(wire)
        except ConnectionError:
            assert len(data) > 100_000  # more came than anybody would read
            return
    reply = parsed(answer)
    assert (reply.status, reply.code, reply.headers["connection"]) == (400, "bad_request", "close")
    assert "date" in reply.headers


def test_half_a_request_is_no_answer(b2: B2) -> None:
    with socket.create_connection(b2.address, timeout=10) as wire:
        wire.sendall(b"GET /file/x HTTP/1.1\r\nHo")
        wire.shutdown(socket.SHUT_WR)
        assert everything(wire) == b""


def test_requests_may_come_all_at_once(b2: B2) -> None:
    one = b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    answers = b2.raw(one * 20 + last)
    assert len(re.findall(rb"HTTP/1.1 404 ", answers)) == 21


def test_what_follows_a_good_request_does_not_spoil_its_answer(b2: B2) -> None:
    b2.put(bytes(3 * MEBI))
    request = f"GET /file/{BUCKET}/n HTTP/1.1\r\nHost: h\r\nAuthorization: {b2.token()}\r\n\r\n".encode()
    reply = parsed(b2.raw(request + b"\0\0garbage\r\n\r\n"))
    assert (reply.status, len(reply.body)) == (200, 3 * MEBI)


@pytest.mark.parametrize("body", [b"", b"Content-Length: 4\r\n"])
def test_there_is_nothing_to_upgrade_to(b2: B2, body: bytes) -> None:
    request = b"GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + body + b"\r\nmore"
    assert parsed(b2.raw(request)).code in ("not_found", "bad_request")


# -- downloads


class Counted:
    """A content that says how much of it was read."""

    content_id = "counted"

    def __init__(self, length: int) -> None:
        self.length = length
        self.passed = 0

    def read(self, start: int, stop: int) -> Iterator[Piece]:
        for at in range(start, stop, MEBI):
            self.passed = at
            yield bytes(min(MEBI, stop - at))


def test_a_slow_reader_does_not_pile_up_the_file(b2: B2) -> None:
    content = counted_file(b2, 200)
    with begun_download(b2) as wire:
        sleep(0.3)
        stopped = content.passed
        assert stopped < 50 * MEBI
        sleep(0.2)
        assert content.passed == stopped
        assert b2.download("missing").status == 404
        wire.recv(1000)


def counted_file(b2: B2, mebibytes: int) -> Counted:
    """The content of a long file `n`."""
    b2.put(b"small")
    content = Counted(mebibytes * MEBI)
    with b2.server.locked() as simulator:
        world = simulator._world
        (old,) = world.versions.values()
        large = old.file.__class__(**{**_fields(old.file), "content_length": content.length})
        world.replace_version(old, old.__class__(large, old.serial, (Extent(content, 0, content.length),)))
    return content


def begun_download(b2: B2) -> socket.socket:
    """A connection on which the file `n` has begun to come."""
    token = b2.token()
    wire = socket.create_connection(b2.address, timeout=10)
    wire.sendall(f"GET /file/{BUCKET}/n HTTP/1.1\r\nHost: h\r\nAuthorization: {token}\r\n\r\n".encode())
    assert wire.recv(1000)
    return wire


def busy(b2: B2) -> bool:
    """Whether a request is being answered."""
    return bool(b2.server._server.server_state.tasks)


def test_nothing_is_sent_to_a_client_that_went_away(b2: B2, caplog: pytest.LogCaptureFixture) -> None:
    content = counted_file(b2, 2000)
    for _ in range(5):
        begun_download(b2).close()  # it resets the connection: not all that came was read
        wait_until(lambda: not busy(b2))
        assert content.passed < 50 * MEBI, "what nobody can have is not read"
    assert [record.getMessage() for record in caplog.records] == []
    assert b2.download("missing").status == 404


@pytest.fixture
def slow() -> Iterator[B2]:
    """It would take minutes to send a long file."""
    yield from served(options=ServeOptions(latency=Latency(bytes_per_second=10 * MEBI)))


def test_a_client_that_goes_away_is_noticed_between_two_pieces(slow: B2) -> None:
    """And not when the time is over that the rest would have taken."""
    content = counted_file(slow, 2000)
    begun_download(slow).close()
    wait_until(lambda: not busy(slow))
    assert content.passed < 50 * MEBI


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


# -- sharing


def test_the_simulator_is_shared_under_the_lock(b2: B2) -> None:
    with b2.server.locked() as simulator:
        answered: list[Reply] = []
        asking = threading.Thread(target=lambda: answered.append(b2.download()))
        token_taken = simulator.handle(AuthorizeAccount(), KeyPair(simulator.master_key_id, simulator.master_key))
        assert token_taken.unwrap().authorization_token
        b2.put(b"seen")
    asking.start()
    asking.join(10)
    assert answered[0].body == b"seen"


def test_a_request_waits_while_the_simulator_is_locked(b2: B2) -> None:
    token = b2.token()
    answered: list[Reply] = []
    with b2.server.locked():
        asking = threading.Thread(
            target=lambda: answered.append(b2.call("b2_list_file_names", {"bucketId": b2.bucket_id}, token))
        )
        asking.start()
        asking.join(0.2)
        assert not answered
    asking.join(10)
    assert answered[0].status == 200


def test_a_client_in_memory_shares_the_lock(b2: B2) -> None:
    simulator = b2.server.simulator
    api = SimulatedApi(simulator, simulator.master_key_id, simulator.master_key, lock=b2.server.lock)

    with b2.server.locked():
        assert unsafe_perform_io(api.send(AuthorizeAccount(), None, Bodies()).unwrap()).account_id


def test_closing_does_not_wait_for_clients() -> None:
    for b2 in served():
        target, token = b2.upload_url()
        with socket.create_connection(b2.address) as wire, socket.create_connection(b2.address):
            wire.sendall(head(target, token, 100) + b"half")
            sleep(0.05)
            began = monotonic()
            b2.server.close()
            assert monotonic() - began < 2


# -- faults


@pytest.fixture
def faults(b2: B2) -> FaultBoard:
    """The script of the served B2."""
    return b2.server.faults


def broken(ask: Callable[[], object]) -> bool:
    """Whether the connection breaks."""
    try:
        ask()
    except (ConnectionError, TimeoutError, OSError):
        return True
    except Exception as error:
        return type(error).__name__ in ("RemoteDisconnected", "IncompleteRead")
    return False


def test_an_answer_in_b2s_stead(b2: B2, faults: FaultBoard) -> None:
    faults.append(FailNth("b2_list_buckets", 1, Answer(503, retry_after=7)))
    faults.append(FailNth("b2_list_buckets", 2, Answer(429, retry_after=7, retry_after_form="date")))
    faults.append(FailNth("b2_list_buckets", 3, Answer(502, body="<h1>Bad Gateway</h1>")))
    account = {"accountId": b2.server.simulator.account_id}
    first, second, third, fourth = (b2.call("b2_list_buckets", account) for _ in range(4))
    assert (first.status, first.code, first.headers["retry-after"]) == (503, "service_unavailable", "7")
    late = parsedate_to_datetime(second.headers["retry-after"]) - parsedate_to_datetime(second.headers["date"])
    assert 5 <= late.total_seconds() <= 9
    assert (third.body, third.headers["content-type"], fourth.status) == (b"<h1>Bad Gateway</h1>", "text/html", 200)


def test_an_upload_is_failed_unread(b2: B2, faults: FaultBoard) -> None:
    faults.append(FailNth("b2_upload_file", 1, Answer(503)))
    target, token = b2.upload_url()
    assert parsed(b2.raw(head(target, token, 1000))).code == "service_unavailable"


@pytest.mark.parametrize("how", ["reset", "refused"])
def test_a_connection_is_reset(b2: B2, faults: FaultBoard, how: Any) -> None:
    faults.append(Disconnect("b2_list_buckets", 1, how))
    account = {"accountId": b2.server.simulator.account_id}
    assert broken(lambda: b2.call("b2_list_buckets", account))
    assert not broken(lambda: b2.call("b2_list_buckets", account))


def test_a_call_is_never_answered(b2: B2, faults: FaultBoard) -> None:
    faults.append(Disconnect("b2_list_buckets", 1, "silent"))
    with socket.create_connection(b2.address, timeout=0.3) as wire:
        wire.sendall(b"GET /b2api/v4/b2_list_buckets HTTP/1.1\r\nHost: h\r\n\r\n")
        with pytest.raises(TimeoutError):
            wire.recv(1)


def test_a_call_is_slow_and_others_are_not(b2: B2, faults: FaultBoard) -> None:
    faults.append(Slow("b2_list_buckets", 1, 0.4))
    began = monotonic()
    slow = threading.Thread(target=lambda: b2.ask("GET", "/b2api/v4/b2_list_buckets"))
    slow.start()
    sleep(0.05)
    assert b2.download().status == 404
    assert monotonic() - began < 0.4
    slow.join(10)
    assert monotonic() - began >= 0.4


def test_a_reply_is_dropped_after_the_commit(b2: B2, faults: FaultBoard) -> None:
    faults.append(DropReplyAfterCommit("b2_upload_file", 1))
    assert broken(lambda: b2.upload(b"data"))
    assert b2.stored() == {"n": b"data"}


@pytest.mark.parametrize(("size", "after"), [(6, 1), (100, 99), (1_000_000, 999_999)])
def test_an_upload_breaks_off_wherever_the_cut_is(b2: B2, faults: FaultBoard, size: int, after: int) -> None:
    faults.append(CutUpload(nth=1, after_bytes=after))
    assert broken(lambda: b2.upload(bytes(size)))
    wait_until(lambda: b2.stored() == {})
    assert b2.upload(b"data").status == 200


def test_a_name_that_is_not_percent_encoded_is_refused(b2: B2) -> None:
    assert b2.upload(b"", **{"X-Bz-File-Name": "r\xe9"}).json["code"] == "bad_request"


def test_an_upload_breaks_off(b2: B2, faults: FaultBoard) -> None:
    faults.append(CutUpload(nth=1, after_bytes=100_000))
    assert broken(lambda: b2.upload(bytes(MEBI)))
    wait_until(lambda: b2.stored() == {})
    assert b2.upload(b"data").status == 200


def test_a_download_breaks_off(b2: B2, faults: FaultBoard) -> None:
    faults += [CutDownload(nth=1, after_bytes=3), CutDownload(nth=2, after_bytes=5)]
    b2.put(b"01234")
    connection = b2.connect()
    connection.request("GET", f"/file/{BUCKET}/n", headers={"Authorization": b2.token()})
    response = connection.getresponse()
    assert response.read(3) == b"012"
    assert broken(response.read) or response.read() == b""
    connection.close()
    assert b2.download().body == b"01234"


def test_bytes_are_spoiled_on_their_way(b2: B2, faults: FaultBoard) -> None:
    faults += [CorruptUpload(nth=1, at_byte=2), CorruptDownload(nth=1, at_byte=1)]
    assert b2.upload(b"0123").json["message"] == "Sha1 did not match data received"
    assert b2.upload(b"0123").status == 200
    assert [b2.download().body, b2.download().body] == [b"0023", b"0123"]


@pytest.mark.parametrize("tokens", ["account", "upload", "all"])
def test_tokens_expire(b2: B2, faults: FaultBoard, tokens: Any) -> None:
    account = {"accountId": b2.server.simulator.account_id}
    (target, upload_token), token = b2.upload_url(), b2.token()
    faults.append(ExpireTokens("b2_list_buckets", 1, tokens))
    listed = b2.call("b2_list_buckets", account, token)
    uploaded = b2.ask("POST", target, b"data", upload_headers(upload_token, b"data"))
    assert [listed.status, uploaded.status] == {"account": [401, 200], "upload": [200, 401], "all": [401, 401]}[tokens]


def test_latency_and_bandwidth() -> None:
    options = ServeOptions(latency=Latency(100, bytes_per_second=100_000))
    for b2 in served(options=options):
        began = monotonic()
        assert b2.ask("GET", "/b2api/v4/b2_list_buckets").status == 400
        assert 0.1 <= monotonic() - began < 1
        target, token = b2.upload_url()
        began = monotonic()
        assert b2.ask("POST", target, bytes(30_000), upload_headers(token, bytes(30_000))).status == 200
        assert monotonic() - began >= 0.4


# -- B2's test mode


def test_some_uploads_fail_and_always_the_same_ones(b2: B2) -> None:
    mode = {"X-Bz-Test-Mode": "fail_some_uploads"}
    assert [b2.upload(b"d", **mode).status for _ in range(6)] == [200, 200, 503, 200, 200, 503]
    assert b2.upload(b"d").status == 200


def test_some_account_tokens_expire(b2: B2) -> None:
    token, account = b2.token(), {"accountId": b2.server.simulator.account_id}
    mode = {"X_Bz_Test_Mode": "expire_some_account_authorization_tokens"}
    statuses = [b2.call("b2_list_buckets", account, token, **mode).status for _ in range(6)]
    assert statuses == [200, 200, 200, 200, 401, 401]
    assert b2.call("b2_list_buckets", account, token).code == "expired_auth_token"


def test_the_cap_is_forced(b2: B2) -> None:
    mode, bucket = {"X_Bz_Test_Mode": "force_cap_exceeded"}, {"bucketId": b2.bucket_id}
    assert b2.call("b2_get_upload_url", bucket, **mode).code == "storage_cap_exceeded"
    assert b2.call("b2_list_file_names", bucket, **mode).status == 200
    reply = b2.upload(b"d", **{"X-Bz-Test-Mode": "force_cap_exceeded"})
    assert (reply.status, reply.code) == (403, "cap_exceeded")


# -- control


def test_faults_are_set_over_http(b2: B2) -> None:
    script = b'[{"fault": "fail", "callName": "b2_list_buckets", "nth": 1, "answer": {"status": 503}}]'
    assert b2.ask("PUT", "/control/faults", script).json == json.loads(script)
    assert b2.ask("GET", "/b2api/v4/b2_list_buckets").status == 503
    assert b2.ask("GET", "/control/faults").json == json.loads(script)
    assert b2.ask("PUT", "/control/faults", b'[{"fault": "none"}]').code == "bad_request"
    assert b2.ask("PUT", "/control/faults", b"[]").json == []


def test_tokens_are_expired_over_http(b2: B2) -> None:
    token, account = b2.token(), {"accountId": b2.server.simulator.account_id}
    assert b2.ask("POST", "/control/expire-tokens").status == 200
    assert b2.call("b2_list_buckets", account, token).code == "expired_auth_token"
    assert b2.ask("POST", "/control/expire-tokens", b'{"tokens": "some"}').code == "bad_request"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_control_is_for_this_machine_and_its_own_pages(b2: B2, headers: dict[str, str]) -> None:
    for method, target in (("POST", "/control/expire-tokens"), ("GET", "/control/faults"), ("GET", "/")):
        assert b2.ask(method, target, None, headers).status == 403


def test_control_answers_its_own_page(b2: B2) -> None:
    headers = {"Origin": b2.server.url, "Sec-Fetch-Site": "same-origin"}
    assert b2.ask("GET", "/control/faults", None, headers).json == []
    assert b2.ask("GET", "/control/nothing").status == 404
    assert b2.ask("DELETE", "/control/faults").status == 405


def test_time_is_advanced_over_http(b2: B2) -> None:
    token, account, day = b2.token(), {"accountId": b2.server.simulator.account_id}, 86_400_000
    before = b2.server.simulator.now()
    assert (
        b2.ask("POST", "/control/advance-time", json.dumps({"millis": day}).encode()).json["nowMillis"] >= before + day
    )
    assert b2.call("b2_list_buckets", account, token).code == "expired_auth_token"
    for wrong in (
        b"",
        b"[]",
        b'{"millis": -1}',
        b'{"millis": 1e30}',
        b'{"millis": 999999999999999999}',
        b"\xff",
        b"[" * 9000,
    ):
        assert b2.ask("POST", "/control/advance-time", wrong).code == "bad_request"
    assert b2.ask("POST", "/control/run-lifecycle").json == {}


def test_the_status_page(b2: B2) -> None:
    b2.server.faults.append(FailNth("b2_list_buckets", 1, Answer(503)))
    b2.put(b"data", "<b>name</b>")
    page = b2.ask("GET", f"/?bucket={BUCKET}")
    assert (page.status, page.headers["content-type"]) == (200, "text/html;charset=UTF-8")
    assert b"&lt;b&gt;name" in page.body
    told = b2.ask("GET", "/status.json").json
    assert [bucket["name"] for bucket in told["buckets"]] == [BUCKET]
    assert b2.ask("HEAD", "/").body == b""
