"""`python -m benchmarks.small_server [--latency-ms N]`: a B2 for many small files that no client waits for.

It is there to measure clients. One thread with one loop over all sockets, the standard library alone, nothing
of b2pure; what small files do not need is answered by `light_server.py`. A file is hashed, forgotten, and remembered
as the JSON that listings show; content of another SHA-1 than the client promised is refused. Every answer comes
`--latency-ms` after its request, however many are under way.

It prints its URL as a line of JSON. `GET /cpu` tells its own CPU seconds so far, and its peak memory in KiB.
"""

from __future__ import annotations

import argparse
import json
import re
import selectors
import socket
import time
from bisect import bisect_left, insort
from collections import deque
from email.utils import formatdate
from hashlib import sha1
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from benchmarks.light_server import ACCOUNT, AT_END, BUCKETS, KEY, KEY_ID, UP, Refused, Store, called

__all__ = ["main"]

Json = dict[str, Any]

_RECEIVE_BYTES: Final = 1 << 18
_HEX_DIGITS: Final = 40
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NAME: Final = re.compile(rb"\r\nx-bz-file-name: *([^\r]+)", re.IGNORECASE)
_SHA1: Final = re.compile(rb"\r\nx-bz-content-sha1: *([^\r]+)", re.IGNORECASE)
_INFO: Final = re.compile(rb"\r\nx-bz-info-([^:\r]+): *([^\r]*)", re.IGNORECASE)
_LISTINGS: Final = ("b2_list_file_names", "b2_list_file_versions")
_MOST: Final = 10_000

_FILE: Final = (
    f'{{"accountId":"{ACCOUNT}","action":"upload","bucketId":"{BUCKETS[UP]}","contentLength":%d,"size":%d,'
    f'"contentSha1":"%s","contentMd5":null,"contentType":"application/octet-stream","fileId":"4_z{BUCKETS[UP]}_f%08d",'
    '"fileInfo":%s,"fileName":%s,"uploadTimestamp":%d,"serverSideEncryption":{"mode":null,"algorithm":null},'
    '"fileRetention":{"isClientAuthorizedToRead":true,"value":{"mode":null}},'
    '"legalHold":{"isClientAuthorizedToRead":true,"value":null}}'
)


class Files:
    """What was uploaded, in order of names: the JSON of each."""

    def __init__(self) -> None:
        self._files: list[tuple[str, int, str]] = []
        self._number = 0

    def upload(self, head: bytes, body: bytes) -> str:
        """Take a file."""
        name, told = _NAME.search(head), _SHA1.search(head)
        if name is None or told is None:
            raise Refused(400, "bad_request", "an upload has a name and a SHA-1")
        digest = told[1].decode()
        if digest == AT_END:
            digest, body = body[-_HEX_DIGITS:].decode(), body[:-_HEX_DIGITS]
        if sha1(body, usedforsecurity=False).hexdigest() != digest:
            raise Refused(400, "bad_request", "Sha1 did not match data received")
        info = {key.decode().lower(): unquote(value.decode()) for key, value in _INFO.findall(head)}
        text, size, self._number = unquote(name[1].decode()), len(body), self._number + 1
        written = (size, size, digest, self._number, json.dumps(info), json.dumps(text), int(time.time() * 1000))
        file = _FILE % written
        insort(self._files, (text, -self._number, file))  # the newest version of a name is the first one
        return file

    def listed(self, wanted: Json) -> str:
        """A page of all of them from a name on."""
        prefix = wanted.get("prefix") or wanted.get("namePrefix") or ""
        first = max(prefix, wanted.get("startFileName") or "")
        at = bisect_left(self._files, (first,))
        page = self._files[at : at + min(_MOST, wanted.get("maxFileCount") or 100)]
        found = [file for name, _, file in page if name.startswith(prefix)]
        more = len(found) == len(page) and self._files[at + len(page) : at + len(page) + 1]
        following = more[0][0] if more and more[0][0].startswith(prefix) else None
        return f'{{"files":[{",".join(found)}],"nextFileName":{json.dumps(following)},"nextFileId":null}}'


class Line:
    """One connection: what came of requests that are not complete, and what did not go out yet."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.came = b""


class Loop:
    """Serves all connections."""

    def __init__(self, listener: socket.socket, store: Store, latency: float) -> None:
        self._listener, self._store, self._latency = listener, store, latency
        self._files = Files()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._late: deque[tuple[float, Line, bytes]] = deque()
        self._date, self._dated = b"", 0.0

    def run(self) -> None:
        """Until the process is ended."""
        while True:
            wait = max(0.0, self._late[0][0] - time.monotonic()) if self._late else None
            for key, _ in self._selector.select(wait):
                if key.data is None:
                    self._accept()
                else:
                    self._hear(key.data)
            while self._late and self._late[0][0] <= time.monotonic():
                _, line, answer = self._late.popleft()
                self._send(line, answer)

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, Line(sock))

    def _hear(self, line: Line) -> None:
        try:
            got = line.socket.recv(_RECEIVE_BYTES)
        except OSError:
            got = b""
        if not got:
            self._selector.unregister(line.socket)
            line.socket.close()
            return
        line.came += got
        while (end := line.came.find(b"\r\n\r\n")) >= 0:
            head = line.came[: end + 2]
            length = _LENGTH.search(head)
            stop = end + 4 + (int(length[1]) if length is not None else 0)
            if len(line.came) < stop:
                return
            body, line.came = line.came[end + 4 : stop], line.came[stop:]
            self._answer(line, self._reply(head, body))

    def _reply(self, head: bytes, body: bytes) -> bytes:
        method, target, _ = head[: head.index(b"\r\n")].decode("latin-1").split(" ")
        address = urlsplit(target)
        call = address.path.rpartition("/")[2]
        status, text = 200, ""
        try:
            if call == "b2_upload_file":
                text = self._files.upload(head, body)
            else:
                wanted = json.loads(body) if body else dict(parse_qsl(address.query))
                listing = call in _LISTINGS and wanted.get("bucketId") == BUCKETS[UP]
                text = self._files.listed(wanted) if listing else json.dumps(called(self._store, address.path, wanted))
        except Refused as refused:
            status, text = refused.status, json.dumps(refused.body)
        encoded = text.encode()
        lines = b"HTTP/1.1 %d -\r\ndate: %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        return lines % (status, self._now(), len(encoded)) + (b"" if method == "HEAD" else encoded)

    def _now(self) -> bytes:
        now = time.monotonic()
        if not self._date or now - self._dated > 0.5:
            self._date, self._dated = formatdate(usegmt=True).encode(), now
        return self._date

    def _answer(self, line: Line, answer: bytes) -> None:
        if self._latency:
            self._late.append((time.monotonic() + self._latency, line, answer))
        else:
            self._send(line, answer)

    def _send(self, line: Line, answer: bytes) -> None:
        try:
            line.socket.sendall(answer)
        except OSError:  # gone; the next look at the line tells
            return


def main() -> None:
    """Serve until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.small_server", description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="how long each answer takes")
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        print(json.dumps({"url": url, "application_key_id": KEY_ID, "application_key": KEY}), flush=True)
        Loop(listener, Store(None, "", url, 0), options.latency_ms / 1000).run()


if __name__ == "__main__":
    main()
