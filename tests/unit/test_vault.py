"""Data directories of `b2pure serve`: who may open them, what is in them, and what happens when the disk fails."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from hashlib import sha1
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from descriptors import are_told, open_below
from returns.result import Failure

from b2pure.effects.served import ServedRequest, serve
from b2pure.effects.simulator import AccountToken, Simulator
from b2pure.effects.simulator.content import PIECE_BYTES, VaultFailed, pieces
from b2pure.effects.simulator.credentials import target_of
from b2pure.effects.wire import KeyPair
from b2pure.model.account import UploadUrl
from b2pure.model.calls import (
    AuthorizeAccount,
    CopyFile,
    CreateBucket,
    DeleteFileVersion,
    DownloadFileById,
    GetUploadUrl,
    ListBuckets,
    UploadFile,
)
from b2pure.model.errors import B2Error, Unavailable
from b2pure.model.ids import BucketId, FileId
from b2pure.model.sources import Blob
from b2pure.shell.vault import DiskVault, new_vault, open_vault

posix = pytest.mark.skipif(os.name == "nt", reason="modes and limits are of POSIX")


def now() -> int:
    return 1_000


class World:
    """An open simulator with a bucket, somebody logged in, and an upload URL."""

    def __init__(self, directory: Path, *, seed: int = 7, fsync: bool = False) -> None:
        self.directory = directory
        self.simulator, self.vault = open_vault(directory, now, seed=seed, fsync=fsync).unwrap()
        self.bucket = self._bucket()
        self.url = self.ask(GetUploadUrl(self.bucket)).unwrap()

    def _bucket(self) -> BucketId:
        buckets = self.ask(ListBuckets(self.simulator.account_id)).unwrap().buckets
        return buckets[0].bucket_id if buckets else self.simulator.add_bucket("bucket-one").bucket_id

    def ask(self, call: Any) -> Any:
        """A call with the master key."""
        key = KeyPair(self.simulator.master_key_id, self.simulator.master_key)
        login = self.simulator.handle(AuthorizeAccount(), key)
        return login.bind(lambda reply: self.simulator.handle(call, AccountToken(reply.authorization_token)))

    def upload(self, name: str, data: bytes, digest: str = "do_not_verify") -> Any:
        """An upload through the URL."""
        call = UploadFile(name, "text/plain", digest, {}, Blob(data))
        return self.simulator.handle(call, UploadUrl(self.url.upload_url, self.url.authorization_token))

    def put(self, name: str, data: bytes) -> FileId:
        """A file."""
        file_id = self.simulator.put(self.bucket, name, data).file_id
        assert file_id is not None
        return file_id

    def download(self, file_id: FileId) -> Iterator[Any]:
        """The pieces of a file."""
        key = KeyPair(self.simulator.master_key_id, self.simulator.master_key)
        token = AccountToken(self.simulator.handle(AuthorizeAccount(), key).unwrap().authorization_token)
        return pieces(self.simulator.fetch(DownloadFileById(file_id), token).unwrap().extents)

    def again(self, seed: int = 8) -> World:
        """Closed and opened."""
        self.vault.close()
        return World(self.directory, seed=seed)

    def files(self) -> list[str]:
        """The names of contents and of drafts."""
        return [n for folder in ("contents", "incoming") for *_, ns in os.walk(self.directory / folder) for n in ns]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "data")
    yield made
    made.vault.close()


def tree(directory: Path) -> dict[str, bytes | None]:
    """Everything below a directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in sorted(directory.rglob("*"))
    }


# -- opening


def test_keys_and_files_are_the_same_after_a_restart(world: World) -> None:
    world.put("a", b"abc")
    extra = world.simulator.add_key(["listFiles"])
    key, snapshot, records = world.simulator.master_key, world.simulator.snapshot(), [*world.simulator.records()]
    again = world.again(seed=99)
    assert (again.simulator.master_key, again.simulator.snapshot()) == (key, snapshot)
    assert [kept for kept in again.simulator.records() if kept[0] != "world"] == [
        kept for kept in records if kept[0] != "world"
    ]
    assert not isinstance(again.simulator.handle(AuthorizeAccount(), extra), Failure)
    again.vault.close()


def test_tokens_and_upload_urls_are_never_given_out_again(tmp_path: Path) -> None:
    given: set[tuple[str, str]] = set()
    for _ in range(3):
        world = World(tmp_path / "data")
        given.add((world.url.upload_url, world.url.authorization_token))
        world.vault.close()
    assert len({url for url, _ in given}) == len({token for _, token in given}) == 3


def test_a_new_world_is_kept_before_anybody_asks_it(tmp_path: Path) -> None:
    made, vault = open_vault(tmp_path / "a" / "b", now, seed=7).unwrap()
    vault.close()
    again, vault = open_vault(tmp_path / "a" / "b", now, seed=8).unwrap()
    vault.close()
    assert again.master_key == made.master_key == Simulator(now, 7).master_key


def test_one_process_at_a_time(world: World) -> None:
    failure = open_vault(world.directory, now, seed=1).failure()
    assert (failure.path, failure.detail) == (str(world.directory), "it is in use by another b2pure serve")
    assert new_vault(world.directory).failure() == failure


def test_a_vault_for_a_world_from_elsewhere_must_be_empty(tmp_path: Path) -> None:
    World(tmp_path / "data").vault.close()
    assert new_vault(tmp_path / "data").failure().detail == "there is a simulated B2 in it already"
    with new_vault(tmp_path / "new").unwrap() as vault:
        assert vault.is_empty


@posix
def test_nobody_else_can_read_the_secrets(world: World) -> None:
    world.put("a", b"abc")
    for path in (world.directory, *world.directory.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("left", [(), ("lock",), ("lock", "state.sqlite")])
def test_an_opening_that_was_killed_is_done_again(tmp_path: Path, left: tuple[str, ...]) -> None:
    for name in left:
        (tmp_path / name).touch()
    World(tmp_path).vault.close()


def test_what_a_crash_left_over_is_swept_and_nothing_else(world: World) -> None:
    world.put("a", b"abc")
    world.vault.close()
    stray = world.directory / "contents" / "ff" / ("0" * 22 + "ff")
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"unreferenced")
    (world.directory / "incoming" / "draft").write_bytes(b"half")
    (world.directory / "contents" / "notes.txt").write_bytes(b"somebody's")
    again = World(world.directory)
    assert len(again.files()) == 2
    assert (world.directory / "contents" / "notes.txt").exists()
    again.vault.close()


def _no_directory(directory: Path) -> str:
    shutil.rmtree(directory)
    directory.write_text("a file")
    return "it is no directory"


def _foreign(directory: Path) -> str:
    shutil.rmtree(directory)
    directory.mkdir()
    (directory / "thesis.txt").write_text("years of work")
    return "it is neither empty nor a data directory"


def _stateless(directory: Path) -> str:
    (directory / "state.sqlite").unlink()
    return "it has contents, but no state.sqlite"


def _other_database(directory: Path) -> str:
    (directory / "state.sqlite").unlink()
    with sqlite3.connect(directory / "state.sqlite") as database:
        database.execute("PRAGMA application_id = 5")
    database.close()
    return "no database of b2pure serve"


def _newer(directory: Path) -> str:
    with sqlite3.connect(directory / "state.sqlite") as database:
        database.execute("PRAGMA user_version = 9")
        database.execute("PRAGMA journal_mode = DELETE")
    database.close()
    return "a newer b2pure wrote it, in the format 9"


def _newer_kind(directory: Path) -> str:
    _execute(directory, "INSERT INTO records VALUES ('comet', '1', '{}')")
    return "a newer b2pure wrote records of the kind 'comet'"


def _execute(directory: Path, statement: str) -> None:
    with sqlite3.connect(directory / "state.sqlite") as database:
        database.execute(statement)
    database.close()


def _odd_record(directory: Path) -> str:
    _execute(directory, "UPDATE records SET record = '{\"odd\":1}' WHERE kind = 'version'")
    return "cannot be read"


def _no_world(directory: Path) -> str:
    _execute(directory, "DELETE FROM records WHERE kind = 'world'")
    return "begin with that of its world"


def _no_bucket(directory: Path) -> str:
    _execute(directory, "DELETE FROM records WHERE kind = 'bucket'")
    return "which is not among them"


def _uncounted(directory: Path) -> str:
    _execute(directory, "DELETE FROM records WHERE kind = 'version'")
    return "its contents are not those of its records"


def _path_as_content(directory: Path) -> str:
    _execute(directory, "INSERT INTO contents VALUES ('../../state.sqlite', 1)")
    return "there is a content that cannot be"


def _not_sqlite(directory: Path) -> str:
    (directory / "state.sqlite").write_bytes(b"x" * 5_000)
    return "no database of b2pure serve"


def _scribbled(directory: Path) -> str:
    path = directory / "state.sqlite"
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))
    return "SQLite cannot"


def _cut_short(directory: Path) -> str:
    os.truncate(directory / "state.sqlite", 4096)
    return "SQLite cannot"


def _content(directory: Path) -> Path:
    return next(path for path in directory.glob("contents/*/*") if path.stat().st_size == 3)


def _content_gone(directory: Path) -> str:
    _content(directory).unlink()
    return "the content of a stored file is missing"


def _content_cut(directory: Path) -> str:
    os.truncate(_content(directory), 2)
    return "the content of a stored file has 2 bytes instead of 3"


@pytest.mark.parametrize(
    "damage",
    [
        _no_directory, _foreign, _stateless, _other_database, _newer, _newer_kind, _odd_record, _no_world, _no_bucket,
        _uncounted, _path_as_content, _not_sqlite, _scribbled, _cut_short, _content_gone, _content_cut,
    ],
)  # fmt: skip
def test_what_is_not_ours_or_damaged_is_told_and_left_alone(tmp_path: Path, damage: Callable[[Path], str]) -> None:
    directory = tmp_path / "data"
    world = World(directory)
    for name in ("a", "b"):
        world.put(name, name.encode() * 3)
    world.vault.close()
    told = damage(directory)
    if (directory / "incoming").is_dir():
        (directory / "incoming" / "draft").touch()
    before = tree(tmp_path)
    for opened in (open_vault(directory, now, seed=1), open_vault(directory, now, seed=1)):
        failure = opened.failure()
        assert told in failure.detail
        assert failure.operation == "open"
        assert failure.path.startswith(str(directory))
        assert tree(tmp_path) == before


# -- contents


def test_a_content_goes_with_its_last_reference(world: World) -> None:
    first = world.put("a", b"abc")
    copied = world.ask(CopyFile(first, "copied", None, "bytes=1-2")).unwrap()
    world.ask(DeleteFileVersion("a", first)).unwrap()
    assert len(world.files()) == 1
    again = world.again()
    assert b"".join(again.download(copied.file_id)) == b"bc"
    again.ask(DeleteFileVersion("copied", copied.file_id)).unwrap()
    assert again.files() == []
    again.vault.close()


def test_a_download_that_has_begun_ends_whole(world: World) -> None:
    data = os.urandom(3 * PIECE_BYTES)
    unread, begun = world.put("a", data), world.put("b", data)
    later, sooner = world.download(unread), world.download(begun)
    first = bytes(next(sooner))
    for name, file_id in (("a", unread), ("b", begun)):
        world.ask(DeleteFileVersion(name, file_id)).unwrap()
    assert len(world.files()) == 2
    assert first + b"".join(sooner) == data == b"".join(later)
    del later, sooner
    assert world.files() == []


def test_nothing_is_left_of_an_upload_that_was_refused_or_has_no_bytes(world: World) -> None:
    assert world.upload("a", b"abc", sha1(b"other").hexdigest()).failure().code == "bad_request"
    world.put("empty", b"")
    draft = world.vault.draft()
    draft.write(b"abc")
    draft.abandon()
    assert world.files() == []


def test_a_record_of_a_content_from_elsewhere_is_a_mistake(world: World, tmp_path: Path) -> None:
    elsewhere = Simulator(now, 7)
    elsewhere.put(elsewhere.add_bucket("bucket-two").bucket_id, "a", b"abc")
    changes = {(kind, identity): record for kind, identity, record in elsewhere.records()}
    with new_vault(tmp_path / "other").unwrap() as vault:
        with pytest.raises(ValueError, match="which is not of"):
            vault.commit(changes)
        with pytest.raises(VaultFailed):
            vault.check()


def test_a_content_that_is_gone_or_shorter_is_told(world: World) -> None:
    file_id = world.put("a", b"abc")
    os.truncate(_content(world.directory), 2)
    with pytest.raises(VaultFailed, match="shorter than it was"):
        b"".join(world.download(file_id))
    os.unlink(next(world.directory.glob("contents/*/*")))
    with pytest.raises(VaultFailed, match="cannot read"):
        b"".join(world.download(file_id))


@pytest.mark.skipif(not are_told, reason="needs /proc")
def test_files_are_open_only_while_somebody_reads_or_writes(world: World) -> None:
    before = open_below(world.directory)
    files = [world.put(str(number), b"abc") for number in range(200)]
    downloads = [world.download(file_id) for file_id in files]
    assert open_below(world.directory) == before
    for download in downloads:
        next(download)
        download.close()  # type: ignore[attr-defined]
    assert open_below(world.directory) == before


def test_many_threads_may_let_go_of_contents(world: World) -> None:
    data = b"x" * 100
    files = [[(f"{t}/{n}", world.put(f"{t}/{n}", data)) for n in range(50)] for t in range(4)]
    downloads = [[world.download(file_id) for _, file_id in mine] for mine in files]

    def read(mine: list[Iterator[Any]]) -> None:
        while mine:
            assert b"".join(mine.pop()) == data

    threads = [Thread(target=read, args=(mine,)) for mine in downloads]
    for thread in threads:
        thread.start()
    for mine in files:
        for name, file_id in mine:
            world.ask(DeleteFileVersion(name, file_id)).unwrap()
    for thread in threads:
        thread.join()
    world.simulator.add_key(["listFiles"])
    assert world.files() == []


# -- fsync


@posix
def test_with_fsync_a_content_is_on_the_disk_before_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    slow = World(tmp_path / "slow", fsync=True)
    assert slow.vault._database.execute("PRAGMA synchronous").fetchone() == (2,)
    synced.clear()
    monkeypatch.setattr(slow.vault, "commit", lambda changes: synced.append("commit"))
    slow.put("a", b"abc")
    assert synced == ["file", "folder", "folder", "commit"]
    slow.vault.close()
    synced.clear()
    quick = World(tmp_path / "quick")
    quick.put("a", b"abc")
    assert synced == []
    quick.vault.close()


# -- failures


def _lost(answer: Any) -> bool:
    error: B2Error = answer.failure()
    return isinstance(error, Unavailable) and error.status == 503


def _full(world: World) -> None:
    """The database gets no page more."""
    (pages,) = world.vault._database.execute("PRAGMA page_count").fetchone()
    world.vault._database.execute(f"PRAGMA max_page_count = {pages}")


def test_what_could_not_be_committed_is_not_acknowledged_and_nothing_is_answered_after(world: World) -> None:
    files = [world.put(f"before {number}", b"abc") for number in range(5)]
    _full(world)
    acknowledged: list[FileId] = []
    while not isinstance(answer := world.upload(f"{len(acknowledged):0900}", b"abc"), Failure):
        acknowledged.append(answer.unwrap().file_id)
    assert _lost(answer)
    assert "database or disk is full" in answer.failure().message
    key = KeyPair(world.simulator.master_key_id, world.simulator.master_key)
    assert _lost(world.simulator.handle(AuthorizeAccount(), key))
    assert _lost(world.simulator.fetch(DownloadFileById(files[0]), None))
    assert _lost(world.simulator.begin_upload(world.url.upload_url, world.url.authorization_token))
    request = ServedRequest("GET", "/b2api/v4/b2_authorize_account", (("authorization", "Basic YTpi"),))
    assert serve(world.simulator, request).response.status == 503
    again = world.again()
    kept = [identity for kind, identity, _ in again.simulator.records() if kind == "version"]
    assert kept == [*files, *acknowledged]
    assert len(again.files()) == len(kept)
    again.vault.close()


@posix
def test_a_directory_that_is_removed_meanwhile_is_noticed(world: World, caplog: pytest.LogCaptureFixture) -> None:
    shutil.rmtree(world.directory)
    assert _lost(world.ask(CreateBucket(world.simulator.account_id, "bucket-two")))
    assert "removed or replaced" in caplog.text


def test_a_delete_that_could_not_be_committed_leaves_the_content(world: World) -> None:
    file_id = world.put("a", b"abc")
    world.vault._database.set_authorizer(lambda action, *_: int(action == sqlite3.SQLITE_DELETE))
    assert _lost(world.ask(DeleteFileVersion("a", file_id)))
    again = world.again()
    assert b"".join(again.download(file_id)) == b"abc"
    again.vault.close()


def _upload_request(url: Any, body: bytes) -> ServedRequest:
    headers = (
        ("authorization", url.authorization_token),
        ("x-bz-file-name", "big"),
        ("content-type", "text/plain"),
        ("content-length", str(len(body))),
        ("x-bz-content-sha1", "do_not_verify"),
    )
    return ServedRequest("POST", target_of(url.upload_url), headers, body)


@posix
def test_a_body_for_which_there_is_no_room_is_refused_and_the_world_goes_on(world: World) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    world.put("a", b"abc")
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, hard))
    try:
        answer = world.upload("big", bytes(5 << 20))
        served = serve(world.simulator, _upload_request(world.ask(GetUploadUrl(world.bucket)).unwrap(), bytes(5 << 20)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _lost(answer)
    assert "File too large" in answer.failure().message
    assert served.response.status == 503
    assert world.upload("small", b"abc").unwrap()
    assert len(world.files()) == 2


def test_after_the_end_nothing_is_answered(world: World) -> None:
    world.vault.close()
    world.vault.close()
    assert _lost(world.upload("a", b"abc"))
    with pytest.raises(VaultFailed, match="is closed"):
        world.put("a", b"abc")
    assert world.files() == []
    assert str(world.vault) == f"DiskVault({str(world.directory)!r})"


def test_a_vault_is_closed_by_its_block(tmp_path: Path) -> None:
    with new_vault(tmp_path).unwrap() as vault:
        assert isinstance(vault, DiskVault)
    assert new_vault(tmp_path).map(DiskVault.close).unwrap() is None
