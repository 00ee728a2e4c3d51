"""`python -m benchmarks.light_server [--file PATH --sha1 HEX] [--listing N] [--latency-ms N]`: a B2 nobody waits for.

It is there to measure clients with large files and long listings, not to judge them. One thread for each connection,
blocking sockets, the standard library alone, nothing of b2pure. What is uploaded is counted and thrown away: the SHA-1
in the answer is the one that the client sent. On Linux the kernel even drops it without copying it (`MSG_TRUNC`). What
is downloaded is one file, given at the start, that goes from the page cache to the socket (`sendfile`). Only what
b2pure, b2sdk and rclone need for that is there; anything else is refused by name. There are three buckets: `bench-down`
holds the file given at the start, under its own name; `bench-up` holds what was uploaded since; `bench-list` holds as
many files as `--listing` says (`long_listing.py`), whose pages are made once.

It prints its URL as a line of JSON. `GET /cpu` tells its own CPU seconds so far, its peak memory in KiB, and how many
files it holds beside the long listing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from benchmarks.long_listing import LIST_ID, LongListing
from benchmarks.peak import peak_kib

__all__ = ["ACCOUNT", "AT_END", "BUCKETS", "KEY", "KEY_ID", "UP", "Refused", "Store", "called", "main"]

KEY_ID: Final = "light"
KEY: Final = "light-key"
ACCOUNT: Final = "a1"
UP: Final = "bench-up"
DOWN: Final = "bench-down"
LIST: Final = "bench-list"
BUCKETS: Final = {UP: "b0up", DOWN: "b0down", LIST: LIST_ID}
AT_END: Final = "hex_digits_at_end"
_HEX_DIGITS: Final = 40
_PART_SIZES: Final = {"recommendedPartSize": 100_000_000, "absoluteMinimumPartSize": 5_000_000}
_HEAD_BYTES: Final = 1 << 16
_SKIP_BYTES: Final = 1 << 22
_SKIP_FLAGS: Final = socket.MSG_WAITALL | socket.MSG_TRUNC if sys.platform == "linux" else 0
_SCRATCH: Final = bytearray(_SKIP_BYTES)
"""Where bodies go that nobody looks at; shared by all threads, since nobody looks."""
_CAPABILITIES: Final = ["listBuckets", "readBuckets", "writeBuckets", "listFiles", "readFiles", "writeFiles"]
_UNENCRYPTED: Final = {"mode": None, "algorithm": None}

Json = dict[str, Any]


class Refused(Exception):
    """An answer that is an error: status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status, self.body = status, {"status": status, "code": code, "message": message}


@dataclass
class Stored:
    """A file, or an unfinished large one with its parts."""

    reply: Json
    parts: dict[int, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """The head of a request; `length` is that of the body, which is still in the socket."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    length: int


class Store:
    """The state: files by id. The content of at most one of them can be downloaded."""

    def __init__(self, file: Path | None, sha1: str, url: str, latency: float, listing: int = 0) -> None:
        self.url, self.latency = url, latency
        self.listing = LongListing(listing)
        self._lock, self._numbers = Lock(), count(1)
        self.files: dict[str, Stored] = {}
        self.content: int | None = None
        if file is not None:
            info = {"src_last_modified_millis": str(int(file.stat().st_mtime * 1000)), "large_file_sha1": sha1}
            self.add(DOWN, file.name, file.stat().st_size, "none", info)
            self.content = os.open(file, os.O_RDONLY)

    def add(
        self, bucket: str, name: str, length: int, sha1: str, info: Mapping[str, str], action: str = "upload"
    ) -> Json:
        """A new file of a bucket."""
        with self._lock:
            number = next(self._numbers)
            reply = {
                "accountId": ACCOUNT, "action": action, "bucketId": BUCKETS[bucket], "contentLength": length,
                "size": length, "contentSha1": sha1, "contentMd5": None, "contentType": "application/octet-stream",
                "fileId": f"4_z{BUCKETS[bucket]}_f{number:08d}", "fileInfo": dict(info), "fileName": name,
                "uploadTimestamp": int(time.time() * 1000) + number, "serverSideEncryption": _UNENCRYPTED,
                "fileRetention": {"isClientAuthorizedToRead": True, "value": {"mode": None}},
                "legalHold": {"isClientAuthorizedToRead": True, "value": None},
            }  # fmt: skip
            self.files[str(reply["fileId"])] = Stored(reply)
            return reply

    def file(self, file_id: str) -> Stored:
        """The file of that id."""
        if file_id not in self.files:
            raise Refused(404, "not_found", "no such file")
        return self.files[file_id]

    def listed(self, wanted: Json, action: str) -> list[Json]:
        """The files of a bucket that begin with a prefix, in order of name."""
        prefix, bucket = wanted.get("prefix") or wanted.get("namePrefix") or "", wanted["bucketId"]
        every = [stored.reply for stored in list(self.files.values())]
        found = [f for f in every if (f["bucketId"], f["action"]) == (bucket, action)]
        return sorted((f for f in found if f["fileName"].startswith(prefix)), key=lambda f: str(f["fileName"]))


# -- calls with a JSON body


def _bucket(name: str) -> Json:
    return {
        "accountId": ACCOUNT, "bucketId": BUCKETS[name], "bucketName": name, "bucketType": "allPrivate",
        "bucketInfo": {}, "corsRules": [], "lifecycleRules": [], "options": [], "revision": 1,
        "defaultServerSideEncryption": {"isClientAuthorizedToRead": True, "value": _UNENCRYPTED},
        "fileLockConfiguration": {"isClientAuthorizedToRead": True, "value": {
            "defaultRetention": {"mode": None, "period": None}, "isFileLockEnabled": False}},
        "replicationConfiguration": {"isClientAuthorizedToRead": True, "value": None},
    }  # fmt: skip


def _authorize(store: Store, version: int) -> Json:
    urls = {"apiUrl": store.url, "downloadUrl": store.url, "s3ApiUrl": store.url, **_PART_SIZES}
    one = {"capabilities": _CAPABILITIES, "bucketId": None, "bucketName": None, "namePrefix": None}
    every = {"capabilities": _CAPABILITIES, "buckets": None, "namePrefix": None}
    head = {"accountId": ACCOUNT, "authorizationToken": "token"}
    if version < 3:
        return {**head, **urls, "minimumPartSize": _PART_SIZES["recommendedPartSize"], "allowed": one}
    kind = {"infoType": "storageApi", **urls}
    storage = {**kind, **one} if version == 3 else {**kind, "allowed": every}
    return {**head, "applicationKeyExpirationTimestamp": None, "apiInfo": {"storageApi": storage}}


def _list_buckets(store: Store, wanted: Json) -> Json:
    asked = wanted.get("bucketName"), wanted.get("bucketId")
    return {"buckets": [_bucket(n) for n, id_ in BUCKETS.items() if asked[0] in (None, n) and asked[1] in (None, id_)]}


def _create_bucket(store: Store, wanted: Json) -> Json:
    raise Refused(400, "duplicate_bucket_name", "Bucket name is already in use.")


def _upload_url(store: Store, wanted: Json) -> Json:
    name = next(name for name, id_ in BUCKETS.items() if id_ == wanted["bucketId"])
    url = f"{store.url}/b2api/v4/b2_upload_file?bucket={name}"
    return {"bucketId": wanted["bucketId"], "uploadUrl": url, "authorizationToken": "upload"}


def _part_url(store: Store, wanted: Json) -> Json:
    file_id = wanted["fileId"]
    url = f"{store.url}/b2api/v4/b2_upload_part?file={file_id}"
    return {"fileId": file_id, "uploadUrl": url, "authorizationToken": "upload"}


def _start(store: Store, wanted: Json) -> Json:
    name = next(name for name, id_ in BUCKETS.items() if id_ == wanted["bucketId"])
    return store.add(name, wanted["fileName"], 0, "none", wanted.get("fileInfo") or {}, action="start")


def _finish(store: Store, wanted: Json) -> Json:
    stored = store.file(wanted["fileId"])
    parts = [stored.parts[number] for number in sorted(stored.parts)]
    if [part["contentSha1"] for part in parts] != wanted["partSha1Array"]:
        raise Refused(400, "part_sha1_mismatch", "the parts have other digests")
    length = sum(part["contentLength"] for part in parts)
    stored.reply = {**stored.reply, "action": "upload", "contentLength": length, "size": length}
    return stored.reply


def _cancel(store: Store, wanted: Json) -> Json:
    stored = store.file(wanted["fileId"])
    del store.files[wanted["fileId"]]
    return {name: stored.reply[name] for name in ("accountId", "bucketId", "fileId", "fileName")}


def _list_parts(store: Store, wanted: Json) -> Json:
    parts = store.file(wanted["fileId"]).parts
    return {"parts": [parts[number] for number in sorted(parts)], "nextPartNumber": None}


_CALLS: Final[Mapping[str, Callable[[Store, Json], Json]]] = {
    "b2_list_buckets": _list_buckets,
    "b2_create_bucket": _create_bucket,
    "b2_get_upload_url": _upload_url,
    "b2_get_upload_part_url": _part_url,
    "b2_start_large_file": _start,
    "b2_finish_large_file": _finish,
    "b2_cancel_large_file": _cancel,
    "b2_list_parts": _list_parts,
    "b2_get_file_info": lambda store, wanted: store.file(wanted["fileId"]).reply,
    "b2_list_file_names": lambda store, wanted: {"files": store.listed(wanted, "upload"), "nextFileName": None},
    "b2_list_file_versions": lambda store, wanted: {
        "files": store.listed(wanted, "upload"), "nextFileName": None, "nextFileId": None},
    "b2_list_unfinished_large_files": lambda store, wanted: {
        "files": store.listed(wanted, "start"), "nextFileId": None},
}  # fmt: skip


def called(store: Store, path: str, wanted: Json) -> Json:
    """The answer to anything but an upload or a download. Raises Refused."""
    if path == "/cpu":
        return {"seconds": time.process_time(), "peak_kib": peak_kib(), "files": len(store.files)}
    call, version = path.rpartition("/")[2], re.match(r"/b2api/v(\d)/", path)
    if call == "b2_authorize_account" and version is not None:
        return _authorize(store, int(version[1]))
    if call not in _CALLS:
        raise Refused(400, "bad_request", f"this server has no {path}")
    return _CALLS[call](store, wanted)


# -- a connection


class Connection:
    """One connection: answers requests until the client closes it."""

    def __init__(self, sock: socket.socket, store: Store) -> None:
        self._sock, self._store = sock, store
        self._ahead = b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self) -> None:
        """Until the other end closes, or something goes wrong on the way."""
        with self._sock:
            try:
                while (request := self._request()) is not None:
                    self._answer(request)
            except ConnectionError:
                pass

    def _request(self) -> Request | None:
        while (end := self._ahead.find(b"\r\n\r\n")) < 0:
            got = self._sock.recv(_HEAD_BYTES)
            if not got:
                return None
            self._ahead += got
        first, *lines = self._ahead[:end].decode("latin-1").split("\r\n")
        self._ahead = self._ahead[end + 4 :]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, target, _ = first.split(" ")
        address = urlsplit(target)
        length = int(headers.get("content-length", "0"))
        return Request(method, unquote(address.path), dict(parse_qsl(address.query)), headers, length)

    def _take(self, length: int) -> bytes:
        while len(self._ahead) < length:
            got = self._sock.recv(length - len(self._ahead))
            if not got:
                raise ConnectionAbortedError
            self._ahead += got
        taken, self._ahead = self._ahead[:length], self._ahead[length:]
        return taken

    def _skip(self, length: int) -> None:
        rest = length - len(self._ahead)
        self._ahead = self._ahead[length:]
        while rest > 0:
            got = self._sock.recv_into(_SCRATCH, min(rest, _SKIP_BYTES), _SKIP_FLAGS)
            if not got:
                raise ConnectionAbortedError
            rest -= got

    def _answer(self, request: Request) -> None:
        if self._store.latency:
            time.sleep(self._store.latency)
        try:
            call = request.path.rpartition("/")[2] if request.path.startswith("/b2api/") else ""
            if call.startswith("b2_upload_"):
                self._json(200, self._uploaded(request))
            elif call == "b2_download_file_by_id":
                self._download(request, self._store.file(request.query["fileId"]).reply)
            elif request.path.startswith("/file/"):
                self._download(request, self._named(request.path))
            elif call in ("b2_list_file_names", "b2_list_file_versions"):
                self._list(request, call)
            else:
                self._json(200, called(self._store, request.path, json.loads(self._take(request.length) or b"{}")))
        except Refused as refused:
            self._json(refused.status, refused.body, head=request.method == "HEAD")

    def _list(self, request: Request, call: str) -> None:
        wanted = json.loads(self._take(request.length))
        if wanted["bucketId"] != LIST_ID:
            self._json(200, _CALLS[call](self._store, wanted))
            return
        page = self._store.listing.page(wanted, versions=call == "b2_list_file_versions")
        self._send(200, {"content-type": "application/json", "content-length": str(len(page))}, page)

    def _named(self, path: str) -> Json:
        _, _, bucket, name = path.split("/", 3)
        for file in self._store.listed({"bucketId": BUCKETS.get(bucket)}, "upload"):
            if file["fileName"] == name:
                return file
        raise Refused(404, "not_found", "no such file")

    def _uploaded(self, request: Request) -> Json:
        sha1, length = request.headers["x-bz-content-sha1"], request.length
        if sha1 == AT_END:
            length -= _HEX_DIGITS
        self._skip(length)
        if sha1 == AT_END:
            sha1 = self._take(_HEX_DIGITS).decode()
        if "file" not in request.query:
            info = {n[10:]: unquote(v) for n, v in request.headers.items() if n.startswith("x-bz-info-")}
            name = unquote(request.headers["x-bz-file-name"])
            return self._store.add(request.query["bucket"], name, length, sha1, info)
        number = int(request.headers["x-bz-part-number"])
        part = {
            "fileId": request.query["file"], "partNumber": number, "contentLength": length, "contentSha1": sha1,
            "contentMd5": None, "uploadTimestamp": int(time.time() * 1000), "serverSideEncryption": _UNENCRYPTED,
        }  # fmt: skip
        self._store.file(request.query["file"]).parts[number] = part
        return part

    def _download(self, request: Request, file: Json) -> None:
        size = int(file["contentLength"])
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        start, stop = (int(asked[1]), min(size, int(asked[2] or size) + 1)) if asked else (0, size)
        headers = {
            "content-length": str(stop - start), "content-type": file["contentType"], "accept-ranges": "bytes",
            "x-bz-file-id": file["fileId"], "x-bz-file-name": quote(file["fileName"]),
            "x-bz-content-sha1": file["contentSha1"], "x-bz-upload-timestamp": str(file["uploadTimestamp"]),
            **{f"x-bz-info-{name}": quote(value) for name, value in file["fileInfo"].items()},
        }  # fmt: skip
        if asked:
            headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
        if request.method == "HEAD":
            self._send(200, headers)
            return
        if self._store.content is None or file["bucketId"] != BUCKETS[DOWN]:
            raise Refused(404, "not_found", "what was uploaded is gone")
        self._send(206 if asked else 200, headers)
        while start < stop:
            start += os.sendfile(self._sock.fileno(), self._store.content, start, stop - start)

    def _json(self, status: int, body: Json, *, head: bool = False) -> None:
        encoded = json.dumps(body).encode()
        headers = {"content-type": "application/json", "content-length": str(len(encoded))}
        self._send(status, headers, b"" if head else encoded)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        told = {"date": formatdate(usegmt=True), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self._sock.sendall(f"HTTP/1.1 {status} -\r\n{lines}\r\n".encode() + body[:_HEAD_BYTES])
        if len(body) > _HEAD_BYTES:
            self._sock.sendall(memoryview(body)[_HEAD_BYTES:])


def main() -> None:
    """Serve until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.light_server", description=__doc__)
    parser.add_argument("--file", type=Path, help="what the bucket bench-down holds")
    parser.add_argument("--sha1", default="", help="the SHA-1 of the file")
    parser.add_argument("--listing", type=int, default=0, help="how many files the bucket bench-list holds")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="a pause before each answer")
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        store = Store(options.file, options.sha1, url, options.latency_ms / 1000, options.listing)
        print(json.dumps({"url": url, "application_key_id": KEY_ID, "application_key": KEY}), flush=True)
        while True:
            connection, _ = listener.accept()
            Thread(target=Connection(connection, store).serve, daemon=True).start()


if __name__ == "__main__":
    main()
