"""Snapshots of a simulated B2 in a file: there and back, and what is no snapshot."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_STORED, ZipFile

import pytest
from returns.result import Success

from b2pure.effects.simulator import AccountToken, Simulator
from b2pure.effects.simulator.content import PIECE_BYTES
from b2pure.effects.wire import KeyPair
from b2pure.model.calls import AuthorizeAccount, CopyFile, HideFile, StartLargeFile
from b2pure.shell.snapshots import load_snapshot, save_snapshot
from b2pure.shell.vault import new_vault, open_vault

LONG = random.Random(1).randbytes(PIECE_BYTES + 100)


def now() -> int:
    return 1_000


@pytest.fixture
def simulator() -> Simulator:
    """One with a bit of everything."""
    made = Simulator(now, 7)
    bucket = made.add_bucket("bucket-one").bucket_id
    made.add_key(["listFiles"], bucket_ids=[bucket], name_prefix="a/", expires_at=5)
    first = made.put(bucket, "a", b"abcdef", info={"k": "ü"})
    made.put(bucket, "long", LONG)
    made.put(bucket, "empty", b"")
    reply = made.handle(AuthorizeAccount(), KeyPair(made.master_key_id, made.master_key)).unwrap()
    token = AccountToken(reply.authorization_token)
    assert first.file_id is not None
    made.handle(CopyFile(first.file_id, "copied", None, "bytes=1-2"), token).unwrap()
    made.handle(HideFile(bucket, "a"), token).unwrap()
    made.handle(StartLargeFile(bucket, "large", "text/plain", {}), token).unwrap()
    return made


def test_there_and_back_in_memory(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "world.zip"
    assert save_snapshot(simulator, path) == Success(None)
    loaded = load_snapshot(path, now).unwrap()
    assert loaded.snapshot() == simulator.snapshot()
    assert (loaded.master_key_id, loaded.master_key) == (simulator.master_key_id, simulator.master_key)
    assert [kind for kind, *_ in loaded.records()] == [kind for kind, *_ in simulator.records()]


def test_from_memory_to_a_directory_and_back(simulator: Simulator, tmp_path: Path) -> None:
    assert save_snapshot(simulator, tmp_path / "one.zip") == Success(None)
    with new_vault(tmp_path / "data").unwrap() as vault:
        kept = load_snapshot(tmp_path / "one.zip", now, vault=vault).unwrap()
        assert kept.snapshot() == simulator.snapshot()
        assert save_snapshot(kept, tmp_path / "two.zip") == Success(None)
    reopened, vault = open_vault(tmp_path / "data", now, seed=8).unwrap()
    with vault:
        assert reopened.snapshot() == simulator.snapshot()
        assert reopened.master_key == simulator.master_key
        told = load_snapshot(tmp_path / "two.zip", now, vault=vault).failure()
    assert told.detail == f"{tmp_path / 'data'} holds a simulated B2 already"
    assert load_snapshot(tmp_path / "two.zip", now).unwrap().snapshot() == simulator.snapshot()


def test_the_same_state_gives_the_same_file(simulator: Simulator, tmp_path: Path) -> None:
    save_snapshot(simulator, tmp_path / "one.zip").unwrap()
    save_snapshot(simulator, tmp_path / "two.zip").unwrap()
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_nobody_else_can_read_it(simulator: Simulator, tmp_path: Path) -> None:
    save_snapshot(simulator, tmp_path / "world.zip").unwrap()
    assert stat.S_IMODE((tmp_path / "world.zip").stat().st_mode) == 0o600


def test_a_failure_leaves_what_was_there(simulator: Simulator, tmp_path: Path) -> None:
    assert save_snapshot(simulator, tmp_path / "no" / "world.zip").failure().operation == "write"
    (tmp_path / "folder").mkdir()
    assert save_snapshot(simulator, tmp_path / "folder").failure().path == str(tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]


def test_any_truncated_file_is_refused(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "world.zip"
    save_snapshot(simulator, path).unwrap()
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "damaged" in load_snapshot(path, now).failure().detail


def test_any_flipped_byte_is_refused_or_changes_nothing(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "world.zip"
    save_snapshot(simulator, path).unwrap()
    whole = path.read_bytes()
    chance = random.Random(2)
    places = [*range(200), *range(len(whole) - 500, len(whole)), *(chance.randrange(len(whole)) for _ in range(50))]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        loaded = load_snapshot(path, now)
        assert loaded.map(lambda made: made.snapshot() == simulator.snapshot()).value_or(True)


def _changed(path: Path, member: str, data: bytes | None, compression: int = ZIP_STORED) -> None:
    """Replace a member of an archive; None takes it out."""
    with ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w", compression) as archive:
        for name, old in members.items():
            if name != member:
                archive.writestr(name, old)
            elif data is not None:
                archive.writestr(name, data)


@pytest.mark.parametrize(
    ("member", "data", "told"),
    [
        ("b2pure-snapshot.json", None, "no snapshot"),
        ("b2pure-snapshot.json", b"[]", "no snapshot"),
        ("b2pure-snapshot.json", b'{"format":99}', "newer b2pure wrote it, in the format 99"),
        ("records.jsonl", None, "records.jsonl is missing"),
        ("records.jsonl", b"", "begin with that of its world"),
        ("records.jsonl", b'["comet","1",{}]\n', "records of the kind 'comet'"),
        ("records.jsonl", b'["world","",{"odd":1}]\n', "the world  cannot be read"),
        ("records.jsonl", b"\xff\n", "line 1 of records.jsonl"),
        ("contents.jsonl", b"", "there is more in contents.bin"),
        ("contents.jsonl", b'["m1",99999999]\n', "contents.bin is too short"),
        ("contents.jsonl", f'["../../etc/passwd",{6 + len(LONG)}]\n'.encode(), "not among them"),
    ],
)
def test_what_is_no_snapshot_is_told(
    simulator: Simulator, tmp_path: Path, member: str, data: bytes | None, told: str
) -> None:
    path = tmp_path / "world.zip"
    save_snapshot(simulator, path).unwrap()
    _changed(path, member, data)
    failure = load_snapshot(path, now).failure()
    assert (failure.operation, failure.path) == ("load", str(path))
    assert told in failure.detail
    with new_vault(tmp_path / "data").unwrap() as vault:
        assert told in load_snapshot(path, now, vault=vault).failure().detail
        assert vault.is_empty
    assert [files for _, _, files in os.walk(tmp_path / "data" / "contents") if files] == []


def test_a_record_of_bytes_that_are_not_there_is_told(tmp_path: Path) -> None:
    made = Simulator(now, 7)
    made.put(made.add_bucket("bucket-one").bucket_id, "a", b"abcdef")
    path = tmp_path / "world.zip"
    save_snapshot(made, path).unwrap()
    with ZipFile(path) as archive:
        records = archive.read("records.jsonl")
    assert b",0,6]" in records
    for odd in (b",0,7]", b",-1,6]", b",6,6]"):
        _changed(path, "records.jsonl", records.replace(b",0,6]", odd))
        assert "bytes that the content" in load_snapshot(path, now).failure().detail


def test_other_archives_are_told(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "world.zip"
    save_snapshot(simulator, path).unwrap()
    _changed(path, "", None, compression=ZIP_BZIP2)
    assert "no snapshot" in load_snapshot(path, now).failure().detail
    path.write_text("not a zip")
    assert "no snapshot" in load_snapshot(path, now).failure().detail
    assert load_snapshot(tmp_path / "gone", now).failure().detail == "No such file or directory"
