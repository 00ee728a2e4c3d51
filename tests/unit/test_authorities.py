"""Whose certificates are believed: what the environment names, in both faces, with a proxy in between and without."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
import requests
import trustme
from attrs import define, evolve
from v1_world import World, served

from b2pure.effects.program import ok
from b2pure.model.errors import Transport
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.authorities import VARIABLES
from b2pure.shell.connect import connect
from b2pure.v1 import B2Api, B2Http, B2RawApi, InMemoryAccountInfo, exception

PROXY: Final = "HTTPS_PROXY"


def _pipe(one: socket.socket, other: socket.socket) -> None:
    """Carry what `one` says to `other`, until it says no more."""
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


def _joined(line: socket.socket, port: int) -> None:
    with line, socket.create_connection(("127.0.0.1", port)) as target:
        back = Thread(target=_pipe, args=(target, line))
        back.start()
        _pipe(line, target)
        back.join()


@contextmanager
def _listening(serve: object) -> Iterator[int]:
    """The port of a server that gives each of its lines to `serve`."""
    assert callable(serve)
    talks: list[Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    line, _ = server.accept()
                    talks.append(Thread(target=serve, args=(line,)))
                    talks[-1].start()

        accepting = Thread(target=accept)
        accepting.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    for thread in [accepting, *talks]:
        thread.join()


@define(eq=False)
class Secured:
    """A B2 behind TLS, and the file that vouches for it."""

    world: World
    url: str
    vouching: Path
    proxy: str
    tunnels: list[bytes]

    def v1(self, http: B2Http) -> None:
        simulator = self.world.simulator
        api = B2Api(InMemoryAccountInfo(), raw_api=B2RawApi(http))
        try:
            api.authorize_account(self.url, simulator.master_key_id, simulator.master_key)
        finally:
            http.close()

    def functional(self) -> object:
        """None for a client, else why there is none."""
        simulator = self.world.simulator
        client = connect(simulator.master_key_id, simulator.master_key, realm=self.url)
        if not ok(client):
            return client.failure()
        client.unwrap().close()
        return None


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    vouching = tmp_path_factory.mktemp("company") / "ca.pem"
    authority, tunnels = trustme.CA(), list[bytes]()
    authority.cert_pem.write_to_path(vouching)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with served() as world:
        plain = int(world.url.rpartition(":")[2])

        def secure(line: socket.socket) -> None:
            with suppress(OSError):
                _joined(context.wrap_socket(line, server_side=True), plain)

        with _listening(secure) as port:

            def tunnel(line: socket.socket) -> None:
                with suppress(OSError):
                    tunnels.append(line.recv(1 << 16).rpartition(b" HTTP/")[0].splitlines()[0])
                    line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    _joined(line, port)

            with _listening(tunnel) as proxy:
                yield Secured(world, f"https://localhost:{port}", vouching, f"http://127.0.0.1:{proxy}", tunnels)


@pytest.fixture(params=["directly", "through a proxy"])
def secured(shared: Secured, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Secured:
    for name in (*VARIABLES, PROXY, "NO_PROXY", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    if request.param != "directly":
        monkeypatch.setenv(PROXY, shared.proxy)
    shared.tunnels.clear()
    return shared


# --- who is believed


def _refusal(secured: Secured) -> str:
    """Why the functional face makes no connection. Both faces say the same."""
    failure = secured.functional()
    assert isinstance(failure, Transport)
    assert failure.detail in _v1_refusal(secured)
    return failure.detail


def _v1_refusal(secured: Secured) -> str:
    with pytest.raises(exception.B2ConnectionError) as raised:
        secured.v1(B2Http(retry=RetryPolicy(max_unanswered=1)))
    return str(raised.value)


def test_nobody_vouches_for_it_unless_told(secured: Secured) -> None:
    assert "certificate" in _refusal(secured)


@pytest.mark.parametrize("name", [name for name in VARIABLES if name != "SSL_CERT_DIR"])
def test_a_file_is_believed(secured: Secured, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(secured.vouching))
    assert secured.functional() is None
    secured.v1(B2Http())
    if not name.startswith("SSL_"):
        secured.v1(B2Http(requests))  # which obeys them, too
    assert set(secured.tunnels) == ({b"CONNECT %b" % secured.url[8:].encode()} if PROXY in os.environ else set())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the hash of OpenSSL")
@pytest.mark.parametrize("name", [name for name in VARIABLES if name != "SSL_CERT_FILE"])
def test_a_directory_is_believed(secured: Secured, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ask = ["openssl", "x509", "-subject_hash", "-noout", "-in", str(secured.vouching)]
    hashed = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    shutil.copy(secured.vouching, tmp_path / f"{hashed}.0")
    monkeypatch.setenv(name, str(tmp_path))
    assert secured.functional() is None
    secured.v1(B2Http())


def test_the_first_that_is_set_counts_alone(secured: Secured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")  # as if it were not set
    monkeypatch.setenv("CURL_CA_BUNDLE", str(secured.vouching))
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger))
    assert secured.functional() is None
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger))
    assert "certificate" in _refusal(secured)


@pytest.mark.parametrize("name", VARIABLES)
def test_what_cannot_be_read_is_named(
    secured: Secured, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "missing.pem"))
    named = f"{name} names authorities that cannot be read: {tmp_path}/missing.pem"
    assert _refusal(secured) == f"{named}: No such file or directory"
    (tmp_path / "missing.pem").write_text("these are no certificates")
    assert _v1_refusal(secured).endswith(f"{named}: no certificates in it")


@pytest.mark.parametrize("name", VARIABLES)
def test_who_needs_no_tls_needs_no_authorities(secured: Secured, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/missing.pem")
    plain = evolve(secured, url=secured.world.url)
    assert plain.functional() is None
    plain.v1(B2Http())
