"""Laws of a simulator on a disk: it is the one in memory, whenever it is closed and opened again; and the end of its
process at any moment takes nothing with it that was acknowledged.
"""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from itertools import count
from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import Any

import msgspec
import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.io import IOResult, IOSuccess
from returns.unsafe import unsafe_perform_io
from test_interpreters import SMALL, Pair, Reader, over_the_wire, seeded_pair, step

from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulator import AccountToken, Simulator
from b2pure.effects.simulator.content import pieces
from b2pure.effects.simulator.records import Record, WorldRecord, contents_of
from b2pure.effects.wire import KeyPair, authorization_from
from b2pure.model.account import UploadUrl
from b2pure.model.calls import (
    AuthorizeAccount,
    Call,
    CancelLargeFile,
    DeleteFileVersion,
    DownloadFileById,
    FinishLargeFile,
    GetUploadPartUrl,
    GetUploadUrl,
    ListBuckets,
    ListFileVersions,
    StartLargeFile,
    UploadFile,
    UploadPart,
)
from b2pure.model.sources import Blob
from b2pure.shell.http import HttpApi
from b2pure.shell.snapshots import load_snapshot, save_snapshot
from b2pure.shell.vault import DiskVault, new_vault, open_vault

MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
"""Where folders do not wait for a disk."""

# -- one on a disk is one in memory


@define
class Kept:
    """A pair of twins whose wired one lives in a directory."""

    pair: Pair
    root: Path
    vault: DiskVault = field(init=False)

    def __attrs_post_init__(self) -> None:
        save_snapshot(self.pair.direct, self.root / "begin").unwrap()
        self.vault = new_vault(self.root / "data").unwrap()
        self._go_on(self._loaded("begin"), self._loaded("begin", self.vault))

    def _now(self) -> int:
        return self.pair.now[0]

    def _loaded(self, name: str, vault: DiskVault | None = None) -> Simulator:
        return load_snapshot(self.root / name, self._now, config=SMALL, vault=vault).unwrap()

    def _go_on(self, direct: Simulator, wired: Simulator) -> None:
        """With new simulators, of whom nobody has a token or an upload URL."""
        pair = self.pair
        pair.direct, pair.wired = direct, wired
        keys = [(api._key.key_id, api._key.key) for api, _ in pair.apis]
        pair.apis[:] = [
            (
                SimulatedApi(direct, *key),
                HttpApi(*key, realm_address="https://realm.example", transport=over_the_wire(wired)),
            )
            for key in keys
        ]
        made_up = pair.authorizations[-1]
        logins = [pair.ask(AuthorizeAccount(), None, key_index=index) for index in (0, 0, 0, 1, 2)]
        pair.authorizations[:] = [*(authorization_from(reply) for reply in logins if reply is not None), made_up]
        pair.urls[:] = [_first(pair.urls, "b2_upload_file"), _first(pair.urls, "b2_upload_part")]  # good no more
        for call in (GetUploadUrl(pair.buckets[1]), *map(GetUploadPartUrl, pair.parts)):
            pair.ask(call, pair.authorizations[0])

    def reopen(self) -> None:
        """Close and open: everything is the same. Both go on from what was kept."""
        pair = self.pair
        save_snapshot(pair.wired, self.root / "again").unwrap()
        self.vault.close()
        opened, self.vault = open_vault(self.root / "data", self._now, seed=99, config=SMALL).unwrap()
        assert opened.snapshot() == pair.wired.snapshot() == pair.direct.snapshot()
        assert told(opened) == told(pair.wired) == told(pair.direct)
        self.check_files(opened)
        pair.wired = opened
        self._go_on(self._loaded("again"), opened)

    def check_files(self, wired: Simulator) -> None:
        """There are the files that the records refer to, and no others."""
        referred = {content_id for *_, record in wired.records() for content_id in contents_of(record)}
        if self.files() != referred:
            gc.collect()  # somebody may still hold a content that is gone
        assert self.files() == referred
        assert os.listdir(self.root / "data" / "incoming") == []

    def files(self) -> set[str]:
        """The names of the files of contents."""
        return {path.name for path in (self.root / "data" / "contents").glob("*/*")}


def _first(urls: list[UploadUrl], call: str) -> UploadUrl:
    return next(url for url in urls if call in url.url)


def told(simulator: Simulator) -> dict[tuple[str, str], Record]:
    """All records that say nothing of contents. How many tokens were made, and how often the world was read, is not
    kept for its own sake.
    """
    records = {(kind, identity): record for kind, identity, record in simulator.records() if not contents_of(record)}
    world = records["world", ""]
    assert isinstance(world, WorldRecord)
    world.serials.pop("token", None)
    return records | {("world", ""): msgspec.structs.replace(world, generation=0)}


@settings(max_examples=max(10, settings().max_examples // 3))
@given(st.data())
def test_a_simulator_on_a_disk_is_the_one_in_memory_also_after_any_restart(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        kept = Kept(seeded_pair(), Path(folder))
        try:
            for _ in range(data.draw(st.integers(1, 20))):
                if data.draw(st.integers(0, 5)) == 0:
                    kept.reopen()
                step(kept.pair, data)
            assert kept.pair.direct.snapshot() == kept.pair.wired.snapshot()
            kept.check_files(kept.pair.wired)
            kept.reopen()
        finally:
            kept.vault.close()


# -- what was acknowledged survives


@define
class Story:
    """What one client knows: contents by name, of which the last one may or may not be there; None is "deleted"."""

    done: dict[str, bytes | None] = field(factory=dict)
    names: Iterator[int] = field(factory=count)
    in_flight: tuple[str, bytes | None] | None = None


class _Ended(Exception):
    """The server is gone, or will be."""


class Writer:
    """A client that uploads small and large files and deletes some, until the server is gone."""

    def __init__(self, name: str, told: dict[str, str], story: Story, seed: int) -> None:
        self.name, self.story, self.chance = name, story, random.Random(seed)
        self.api = HttpApi(told["application_key_id"], told["application_key"], realm_address=told["url"])
        self.token: Any = None
        self.stop = Event()

    def run(self) -> None:
        """Go on until something fails."""
        try:
            self.token = authorization_from(self.ask(AuthorizeAccount(), None))
            bucket = self.ask(ListBuckets(self.token.account_id), self.token).buckets[0].bucket_id
            url = self.url(GetUploadUrl(bucket))
            while not self.stop.is_set():
                self.write(bucket, url, f"{self.name}/{next(self.story.names)}")
        except _Ended:
            pass
        finally:
            self.api.close()

    def ask(self, call: Call[Any], credential: Any) -> Any:
        """The reply. Raises _Ended."""
        answer: IOResult[Any, Any] = self.api.send(call, credential, Reader())
        if not isinstance(answer, IOSuccess):
            raise _Ended
        return unsafe_perform_io(answer.unwrap())

    def url(self, call: Call[Any]) -> UploadUrl:
        """An upload URL."""
        reply = self.ask(call, self.token)
        return UploadUrl(reply.upload_url, reply.authorization_token)

    def write(self, bucket: Any, url: UploadUrl, name: str) -> None:
        """One file, and perhaps its end."""
        data = self.chance.randbytes(self.chance.choice((1, 100, 5_000, 300_000)))
        self.story.in_flight = name, data
        if self.chance.random() < 0.2:
            file = self.large(bucket, name, data)
        else:
            file = self.ask(_upload(name, data), url)
            self.story.done[name] = data
        if self.chance.random() < 0.3:
            self.story.in_flight = name, None
            self.ask(DeleteFileVersion(name, file.file_id), self.token)
            self.story.done[name] = None
        self.story.in_flight = None

    def large(self, bucket: Any, name: str, data: bytes) -> Any:
        """A large file; sometimes another one before, which is cancelled."""
        parts = (data + b"first", b"second")
        if self.chance.random() < 0.3:
            self.ask(CancelLargeFile(self.started(bucket, name, parts)), self.token)
        file_id = self.started(bucket, name, parts)
        self.story.in_flight = name, b"".join(parts)
        digests = tuple(sha1(part).hexdigest() for part in parts)
        file = self.ask(FinishLargeFile(file_id, digests), self.token)
        self.story.done[name] = b"".join(parts)
        return file

    def started(self, bucket: Any, name: str, parts: tuple[bytes, ...]) -> Any:
        """A large file with its parts."""
        file_id = self.ask(StartLargeFile(bucket, name, "text/plain", {}), self.token).file_id
        url = self.url(GetUploadPartUrl(file_id))
        for number, part in enumerate(parts, 1):
            self.ask(UploadPart(number, sha1(part).hexdigest(), Blob(part)), url)
        return file_id


def _upload(name: str, data: bytes) -> UploadFile:
    return UploadFile(name, "text/plain", sha1(data).hexdigest(), {}, Blob(data))


@contextmanager
def served(directory: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A server process, and what it told."""
    limits = ("--minimum-part-size", "1", "--recommended-part-size", "1")
    command = (sys.executable, "-m", "b2pure", "serve", "--json", "--data", str(directory), "--bucket", "bucket-one")
    process = subprocess.Popen([*command, *limits, *options], stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def found_in(directory: Path) -> dict[str, list[bytes | None]]:
    """The contents of all files by name, newest first; None is an unfinished large file."""
    simulator, vault = open_vault(directory, lambda: 10**15, seed=0).unwrap()
    with vault:
        key = KeyPair(simulator.master_key_id, simulator.master_key)
        token = AccountToken(simulator.handle(AuthorizeAccount(), key).unwrap().authorization_token)
        bucket = simulator.handle(ListBuckets(simulator.account_id), token).unwrap().buckets[0].bucket_id
        found: dict[str, list[bytes | None]] = {}
        for file in simulator.handle(ListFileVersions(bucket, max_file_count=10_000), token).unwrap().files:
            data = None
            if file.action == "upload":
                assert file.file_id is not None
                download = simulator.fetch(DownloadFileById(file.file_id), token).unwrap()
                data = b"".join(pieces(download.extents))
            found.setdefault(file.file_name, []).append(data)
        contents = {content_id for *_, record in simulator.records() for content_id in contents_of(record)}
        assert {path.name for path in (directory / "contents").glob("*/*")} == contents
    return found


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_what_was_acknowledged_survives_the_death_of_the_server(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    stories = [Story() for _ in range(4)]
    unsure: set[str] = set()  # names whose fate was in flight when some server died
    chance = random.Random()
    for number in range(3):
        with served(directory, *(("--fsync",) if number == 2 else ())) as (process, told):
            writers = [Writer(f"w{n}", told, story, chance.getrandbits(32)) for n, story in enumerate(stories)]
            threads = [Thread(target=writer.run) for writer in writers]
            for thread in threads:
                thread.start()
            sleep(chance.uniform(0.3, 0.8))
            process.kill()
            process.wait()
            for writer, thread in zip(writers, threads, strict=True):
                writer.stop.set()
                thread.join()
        found = found_in(directory)
        for story in stories:
            _compare(story, found, unsure)
        assert set(found) <= unsure, "there is something that nobody sent"
    assert sum(len(story.done) for story in stories) > 20


def _compare(story: Story, found: dict[str, list[bytes | None]], unsure: set[str]) -> None:
    """Takes out of `found` what must be there. The fate of what was in flight is any of the possible ones."""
    if story.in_flight is not None:
        name, data = story.in_flight
        story.in_flight = None
        before = story.done.pop(name, None)
        unsure.add(name)
        possible = {data, before, None}
        assert set(found.pop(name, [None])) <= possible
    for name, expected in story.done.items():
        assert found.pop(name, None) == (None if expected is None else [expected]), name
