"""`python -m benchmarks.server [--quick]`: what `b2pure serve` can take, and what memory it needs for it.

Many small files go up one by one, in memory and with `--data`; a file of 2 GiB goes up in one request and as a large
file, and comes down again, with `--data`. The client is plain `http.client` on a few threads and holds one block. Each
line has the largest resident set of the server since it was started; each server process does one thing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha1
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from benchmarks.tables import aligned

__all__ = ["Step", "main", "run", "show"]

_WORKERS = 4
_BLOCK = Random(1).randbytes(1 << 20)
_MIB = 1 << 20


@frozen
class Step:
    """One thing that was done: seconds, how much of what (`unit` per second is told), and the server's peak so far."""

    what: str
    seconds: float
    amount: float
    unit: str
    peak_mib: float | None


@frozen
class Server:
    """A running server."""

    host: str
    key: str
    pid: int

    def peak_mib(self) -> float | None:
        """Its largest resident set so far; None where there is no /proc."""
        status = Path(f"/proc/{self.pid}/status")
        if not status.exists():
            return None
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


class Client:
    """One connection, with an account token."""

    def __init__(self, server: Server) -> None:
        self._connection = HTTPConnection(server.host, timeout=600)
        told = self._answer("GET", "/b2api/v4/b2_authorize_account", {"Authorization": f"Basic {server.key}"})
        self._token = {"Authorization": told["authorizationToken"]}
        self.bucket_id = self.call("b2_list_buckets", accountId=told["accountId"])["buckets"][0]["bucketId"]

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes | Iterator[bytes] = b"") -> Any:
        self._connection.request(method, target, body, headers)
        with self._connection.getresponse() as response:
            return json.loads(_good(response).read())

    def call(self, name: str, **fields: object) -> Any:
        """A call with a JSON body."""
        return self._answer("POST", f"/b2api/v4/{name}", self._token, json.dumps(fields).encode())

    def upload(self, url: Any, headers: dict[str, str], length: int, body: bytes | Iterator[bytes]) -> Any:
        """A body to an upload URL."""
        address = urlsplit(url["uploadUrl"])
        sent = {"Authorization": url["authorizationToken"], "Content-Length": str(length), **headers}
        return self._answer("POST", f"{address.path}?{address.query}", sent, body)

    def download(self, file_id: str) -> int:
        """The length of a file made of blocks, which is looked at and forgotten."""
        self._connection.request("GET", f"/b2api/v4/b2_download_file_by_id?fileId={file_id}", headers=self._token)
        length = 0
        with self._connection.getresponse() as response:
            while block := _good(response).read(_MIB):
                if block != _BLOCK:
                    raise RuntimeError("something else came back")
                length += len(block)
        return length

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _good(response: HTTPResponse) -> HTTPResponse:
    if response.status != 200:
        raise RuntimeError(f"the server answered {response.status}: {response.read(1000)!r}")
    return response


@contextmanager
def serving(*options: str) -> Iterator[Server]:
    """A server with one bucket, for as long as the block lasts."""
    command = [sys.executable, "-m", "b2pure", "serve", "--json", "--bucket", "benchmark", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            key = b64encode(f"{told['application_key_id']}:{told['application_key']}".encode()).decode()
            yield Server(urlsplit(told["url"]).netloc, key, process.pid)
        finally:
            process.terminate()


@contextmanager
def clients(server: Server) -> Iterator[list[Client]]:
    """One for each worker."""
    made = [Client(server) for _ in range(_WORKERS)]
    try:
        yield made
    finally:
        for client in made:
            client.close()


def run(*, files: int, mib: int) -> list[Step]:
    """Do everything, saying what is done meanwhile."""
    steps = []
    with tempfile.TemporaryDirectory(prefix="b2pure-bench-") as folder:
        for mode, options in (("in memory", ()), ("--data", ("--data", f"{folder}/files"))):
            print(f"server, {files:,} files of 1 KiB, {mode}", flush=True)
            with serving(*options) as server:
                steps.append(_small_files(server, files, f"{files:,} x 1 KiB up, {mode}"))
        begin = time.perf_counter()
        with serving("--data", f"{folder}/files") as server:
            ready = time.perf_counter() - begin
            steps.append(Step(f"{files:,} files, started again", ready, files, "files", server.peak_mib()))
        print(f"server, {mib:,} MiB, --data", flush=True)
        for shape in (_single, _large):
            with serving("--data", f"{folder}/{shape.__name__}") as server, clients(server) as made:
                steps += shape(server, made, mib)
    return steps


def _step(server: Server, what: str, amount: float, unit: str, job: Callable[[], object]) -> Step:
    begin = time.perf_counter()
    job()
    return Step(what, time.perf_counter() - begin, amount, unit, server.peak_mib())


def _small_files(server: Server, files: int, what: str) -> Step:
    data = _BLOCK[:1024]
    digest = sha1(data).hexdigest()

    def work(client: Client, numbers: Sequence[int]) -> None:
        url = client.call("b2_get_upload_url", bucketId=client.bucket_id)
        for number in numbers:
            name = f"folder{number // 1000:03d}/file{number % 1000:03d}.bin"
            headers = {"X-Bz-File-Name": name, "Content-Type": "b2/x-auto", "X-Bz-Content-Sha1": digest}
            client.upload(url, headers, len(data), data)

    shares = [range(first, files, _WORKERS) for first in range(_WORKERS)]
    with clients(server) as made, ThreadPoolExecutor(_WORKERS) as pool:
        return _step(server, what, files, "requests", lambda: list(pool.map(work, made, shares)))


def _single(server: Server, made: list[Client], mib: int) -> list[Step]:
    client = made[0]
    digest = _digest(mib)
    headers = {"X-Bz-File-Name": "single", "Content-Type": "b2/x-auto", "X-Bz-Content-Sha1": digest}
    ids: list[str] = []

    def up() -> None:
        url = client.call("b2_get_upload_url", bucketId=client.bucket_id)
        ids.append(client.upload(url, headers, mib * _MIB, (_BLOCK for _ in range(mib)))["fileId"])

    return [
        _step(server, f"{mib:,} MiB up in one request, --data", mib, "MiB", up),
        _step(server, f"{mib:,} MiB down, --data", mib, "MiB", lambda: _down(client, ids[0], mib)),
    ]


def _large(server: Server, made: list[Client], mib: int) -> list[Step]:
    size = min(100, mib // 2)
    parts = [min(size, mib - start) for start in range(0, mib, size)]
    digests = [_digest(length) for length in parts]
    ids: list[str] = []

    def work(client: Client, numbers: Sequence[int]) -> None:
        url = client.call("b2_get_upload_part_url", fileId=ids[0])
        for number in numbers:
            headers = {"X-Bz-Part-Number": str(number + 1), "X-Bz-Content-Sha1": digests[number]}
            client.upload(url, headers, parts[number] * _MIB, (_BLOCK for _ in range(parts[number])))

    def up() -> None:
        started: dict[str, object] = {
            "bucketId": made[0].bucket_id,
            "fileName": "large",
            "contentType": "b2/x-auto",
            "fileInfo": {},
        }
        ids.append(made[0].call("b2_start_large_file", **started)["fileId"])
        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(work, made, [range(first, len(parts), _WORKERS) for first in range(_WORKERS)]))
        made[0].call("b2_finish_large_file", fileId=ids[0], partSha1Array=digests)

    return [
        _step(server, f"{mib:,} MiB up as a large file, {_WORKERS} parts at once, --data", mib, "MiB", up),
        _step(server, f"{mib:,} MiB down, a large file, --data", mib, "MiB", lambda: _down(made[0], ids[0], mib)),
    ]


def _down(client: Client, file_id: str, mib: int) -> None:
    if client.download(file_id) != mib * _MIB:
        raise RuntimeError("the download is too short")


def _digest(mib: int) -> str:
    digest = sha1(usedforsecurity=False)
    for _ in range(mib):
        digest.update(_BLOCK)
    return digest.hexdigest()


def show(steps: Sequence[Step]) -> str:
    """The table."""
    rows = [("server", "seconds", "per second", "server's peak")]
    for step in steps:
        rate = f"{step.amount / step.seconds:,.0f} {step.unit}/s"
        peak = "-" if step.peak_mib is None else f"{step.peak_mib:,.0f} MiB"
        rows.append((step.what, f"{step.seconds:.1f}", rate, peak))
    return aligned(rows)


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5,000 small files, and 128 MiB instead of 2 GiB")
    quick = parser.parse_args().quick
    print(show(run(files=5_000 if quick else 100_000, mib=128 if quick else 2_048)))


if __name__ == "__main__":
    main()
