"""A plain client of B2's documented calls, in nothing but the standard library, that looks at what is stored.

It prepares what a client under test cannot (a key, an unfinished file) and reads the outcome back, so that a client and
the server cannot agree on something wrong. It retries what a server in bad weather answers, and nothing else.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from interop.scenario import Target
from interop.trees import digest, same_digests

ATTEMPTS: Final = 12
PAUSE_SECONDS: Final = 0.05
AUTHORIZE: Final = "/b2api/v3/b2_authorize_account"
PASSING: Final = frozenset({401, 408, 429, 500, 502, 503, 504})
"""Statuses that bad weather has; an honest 401 is asked for again too, and then stays."""

Headers = Mapping[str, str]


class Refused(Exception):
    """The server said no."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"HTTP {status} {body[:200]!r}")
        self.status = status


class Witness:
    """Calls of version 3, by hand."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._attempts = ATTEMPTS if target.faulty else 1
        self._open = build_opener(ProxyHandler({})).open
        self._token = self._account = ""
        self._part_size = 0

    # -- calls

    def call(self, name: str, **fields: Any) -> dict[str, Any]:
        """A JSON call; in bad weather it may take effect twice."""
        body = json.dumps(fields).encode()
        answer: dict[str, Any] = json.loads(self._ask(f"/b2api/v3/{name}", body=body))
        return answer

    def _ask(self, path: str, headers: Headers | None = None, body: bytes | None = None) -> bytes:
        for left in reversed(range(self._attempts)):
            try:
                if not self._token:
                    self._authorize()
                return self._request(path, {"Authorization": self._token, **(headers or {})}, body)
            except (Refused, OSError, HTTPException) as error:
                if not left or (isinstance(error, Refused) and error.status not in PASSING):
                    raise
                self._token = ""
                time.sleep(PAUSE_SECONDS)
        raise AssertionError("unreachable")

    def _authorize(self) -> None:
        reply = json.loads(self._request(AUTHORIZE, {"Authorization": self._basic()}, b"{}"))
        self._account, self._token = reply["accountId"], reply["authorizationToken"]
        self._part_size = reply["apiInfo"]["storageApi"]["recommendedPartSize"]

    def _basic(self) -> str:
        pair = f"{self._target.key_id}:{self._target.key}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    def _request(self, path: str, headers: Headers, body: bytes | None) -> bytes:
        url = path if path.startswith("http") else self._target.url + path
        try:
            with self._open(Request(url, data=body, headers=dict(headers)), timeout=60) as response:
                data: bytes = response.read()
        except HTTPError as error:
            raise Refused(error.code, error.read()) from None
        return data

    def account_id(self) -> str:
        """The account that the key belongs to."""
        if not self._account:
            self._ask(AUTHORIZE, {"Authorization": self._basic()}, b"{}")
        return self._account

    def part_size(self) -> int:
        """The recommended size of a part: 100 million bytes, unless the server was told otherwise."""
        self.account_id()
        return self._part_size

    # -- looking

    def buckets(self) -> dict[str, dict[str, Any]]:
        """All buckets by name."""
        reply = self.call("b2_list_buckets", accountId=self.account_id())
        return {bucket["bucketName"]: bucket for bucket in reply["buckets"]}

    def bucket_id(self, name: str) -> str:
        """The id of a bucket that is there."""
        found: str = self.buckets()[name]["bucketId"]
        return found

    def versions(self, bucket: str, name: str | None = None) -> list[dict[str, Any]]:
        """All versions of a bucket, or of one name of it, as B2 lists them."""
        found = self._pages("b2_list_file_versions", self.bucket_id(bucket), "nextFileName", "startFileName")
        return [version for version in found if name in (None, version["fileName"])]

    def names(self, bucket: str) -> list[dict[str, Any]]:
        """The visible files."""
        return list(self._pages("b2_list_file_names", self.bucket_id(bucket), "nextFileName", "startFileName"))

    def unfinished(self, bucket: str) -> list[dict[str, Any]]:
        """The unfinished large files."""
        found = self._pages("b2_list_unfinished_large_files", self.bucket_id(bucket), "nextFileId", "startFileId", 100)
        return list(found)

    def _pages(
        self, call: str, bucket_id: str, following: str, starting: str, count: int = 1000
    ) -> Iterator[dict[str, Any]]:
        start: dict[str, str] = {}
        while True:
            page = self.call(call, bucketId=bucket_id, maxFileCount=count, **start)
            yield from page["files"]
            if page[following] is None:
                return
            start = {starting: page[following]}
            if page.get("nextFileId") is not None:
                start["startFileId"] = page["nextFileId"]

    def content(self, bucket: str, name: str) -> bytes:
        """The content of a visible file."""
        return self._ask(f"/file/{bucket}/{quote(name)}")

    def digests(self, bucket: str, prefix: str = "") -> dict[str, str]:
        """The SHA-1 of what a download of every visible file gives, by name without the prefix."""
        names = [file["fileName"] for file in self.names(bucket)]
        return {n.removeprefix(prefix): digest(self.content(bucket, n)) for n in names if n.startswith(prefix)}

    def sees(self, bucket: str, expected: Mapping[str, bytes], prefix: str = "") -> None:
        """Below the prefix are these files, and nothing else."""
        same_digests({name: digest(data) for name, data in expected.items()}, self.digests(bucket, prefix))

    def link(self, url: str) -> bytes:
        """What a URL gives to somebody without a key."""
        for left in reversed(range(self._attempts)):
            try:
                return self._request(url, {}, None)
            except (Refused, OSError, HTTPException):
                if not left:
                    raise
                time.sleep(PAUSE_SECONDS)
        raise AssertionError("unreachable")

    # -- preparing

    def create_key(self, bucket: str, prefix: str, *capabilities: str) -> tuple[str, str]:
        """A restricted key: its id and its secret."""
        reply = self.call(
            "b2_create_key",
            accountId=self.account_id(),
            keyName="interop-restricted",
            capabilities=list(capabilities),
            bucketId=self.bucket_id(bucket),
            namePrefix=prefix,
        )
        return reply["applicationKeyId"], reply["applicationKey"]

    def start_large_file(self, bucket: str, name: str, part: bytes, **fields: Any) -> str:
        """An unfinished large file with one part, and perhaps more `fields` than the call needs; its id."""
        started = self.call(
            "b2_start_large_file",
            bucketId=self.bucket_id(bucket),
            fileName=name,
            contentType="application/octet-stream",
            **fields,
        )
        for left in reversed(range(self._attempts)):
            place = self.call("b2_get_upload_part_url", fileId=started["fileId"])
            headers = {
                "Authorization": place["authorizationToken"],
                "X-Bz-Part-Number": "1",
                "X-Bz-Content-Sha1": digest(part),
                "Content-Type": "application/octet-stream",
            }
            try:
                self._request(place["uploadUrl"], headers, part)
                break
            except (Refused, OSError, HTTPException):
                if not left:
                    raise
        file_id: str = started["fileId"]
        return file_id
