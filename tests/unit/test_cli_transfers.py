"""The commands for single files, against a simulated B2 over real HTTP."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from b2pure import connect
from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.model.calls import StartLargeFile
from b2pure.shell.clock import SystemClock

if TYPE_CHECKING:
    from commands import Run

pytest_plugins = ("commands",)

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def ahead() -> list[int]:
    """How far B2's clock is ahead of ours, in milliseconds."""
    return [0]


@pytest.fixture
def simulator(ahead: list[int]) -> Simulator:
    made = Simulator(
        lambda: SystemClock().now_millis() + ahead[0],
        config=SimulatorConfig(absolute_minimum_part_size=1000, recommended_part_size=5000),
    )
    made.add_bucket("demo")
    return made


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(CONTENT)
    os.utime(path, ns=(0, 1_600_000_000_123_456_789))
    return path


def newest(run: Run, name: str) -> dict[str, object]:
    listed = run("ls", "-r", "--json", "b2://demo").stdout.splitlines()
    return next(file for file in map(json.loads, listed) if file["fileName"] == name)


def test_a_file_goes_up_and_comes_down(run: Run, photo: Path, tmp_path: Path) -> None:
    up = run("upload", "photo.jpg", "b2://demo/a.jpg")
    assert (up.returncode, up.stdout.split()[1:]) == (0, [str(len(CONTENT)), "a.jpg"]), up.stderr
    down = run("download", "b2://demo/a.jpg", "back.jpg")
    assert (down.returncode, down.stdout) == (0, ""), down.stderr
    assert f"25.6 kB, SHA-1 {sha1(CONTENT).hexdigest()}" in down.stderr
    assert (tmp_path / "back.jpg").read_bytes() == CONTENT
    assert (tmp_path / "back.jpg").stat().st_mtime_ns // 10**6 == photo.stat().st_mtime_ns // 10**6


def test_several_files_go_into_a_folder(run: Run, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"b")
    assert run("upload", "photo.jpg", "b.txt", "b2://demo/in/").returncode == 0
    assert [newest(run, name)["contentLength"] for name in ("in/photo.jpg", "in/b.txt")] == [len(CONTENT), 1]


def test_several_files_do_not_become_one(run: Run, photo: Path) -> None:
    ended = run("upload", "photo.jpg", "photo.jpg", "b2://demo/a.jpg")
    assert (ended.returncode, "b2://demo/a.jpg/" in ended.stderr) == (2, True)


def test_one_that_is_missing_does_not_stop_the_others(run: Run, photo: Path) -> None:
    ended = run("upload", "missing", "photo.jpg", "b2://demo")
    assert (ended.returncode, "missing" in ended.stderr) == (1, True)
    assert newest(run, "photo.jpg")["contentLength"] == len(CONTENT)


def test_what_a_file_is_made_with(run: Run, photo: Path) -> None:
    flags = ("--content-type", "image/x", "--info", "Colour=blue=ish", "--cache-control", "no-store", "--json")
    made = json.loads(run("upload", "photo.jpg", "b2://demo/a", *flags).stdout)
    assert made["contentType"] == "image/x"
    assert (made["fileInfo"]["colour"], made["fileInfo"]["b2-cache-control"]) == ("blue=ish", "no-store")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--info", "colour"), "KEY=VALUE"),
        (("--info", "a=1", "--info", "A=2"), "twice"),
        (("--retain-until", "2030-01-01"), "--file-retention-mode"),
        (("--destination-server-side-encryption", "SSE-C"), "B2_DESTINATION_SSE_C_KEY_B64"),
        (("--no-resume", "--large-file-id", "x"), "exclude"),
        (("--part-size", "many"), "5MB"),
        (("--sha1", "xyz"), "40 hex"),
    ],
)
def test_flags_that_make_no_sense(run: Run, photo: Path, flags: tuple[str, ...], told: str) -> None:
    ended = run("upload", "photo.jpg", "b2://demo/a", *flags)
    assert (ended.returncode, told in ended.stderr) == (2, True), ended.stderr


def test_a_key_of_the_customer_is_in_the_environment_alone(
    run: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = b64encode(bytes(32)).decode()
    monkeypatch.setenv("B2_DESTINATION_SSE_C_KEY_B64", key)
    encrypted = ("--destination-server-side-encryption", "SSE-C")
    assert run("upload", "photo.jpg", "b2://demo/a", *encrypted).returncode == 0
    without = run("download", "b2://demo/a", "back")
    assert without.returncode == 1
    assert not (tmp_path / "back").exists()
    monkeypatch.setenv("B2_SOURCE_SSE_C_KEY_B64", key)
    decrypting = ("--source-server-side-encryption", "SSE-C")
    assert run("download", "b2://demo/a", "back", *decrypting).returncode == 0
    assert (tmp_path / "back").read_bytes() == CONTENT
    assert run("copy", "b2://demo/a", "b2://demo/plain", *decrypting).returncode == 0
    assert run("download", "b2://demo/plain", "plain").returncode == 0
    planned = run("plan", ".", "b2://demo/all", *encrypted, "-o", "it.plan")
    assert planned.returncode == 0, planned.stderr
    assert key not in (tmp_path / "it.plan").read_text()
    applied = run("apply", "it.plan")
    assert applied.returncode == 0, applied.stderr


def test_a_sync_makes_files_as_it_is_told(run: Run, photo: Path) -> None:
    flags = ("--content-type", "image/x", "--destination-server-side-encryption", "SSE-B2")
    ended = run("sync", ".", "b2://demo", *flags)
    assert ended.returncode == 0, ended.stderr
    made = newest(run, "photo.jpg")
    assert (made["contentType"], made["serverSideEncryption"]["mode"]) == ("image/x", "SSE-B2")  # type: ignore[index]


def test_another_content_than_promised_is_refused(run: Run, photo: Path) -> None:
    ended = run("upload", "photo.jpg", "b2://demo/a", "--sha1", "0" * 40)
    assert (ended.returncode, "photo.jpg" in ended.stderr) == (1, True), ended.stderr
    assert run("ls", "b2://demo").stdout == ""


def test_a_range_and_standard_output(run: Run, photo: Path, tmp_path: Path) -> None:
    run("upload", "photo.jpg", "b2://demo/a")
    assert run("download", "b2://demo/a", "part", "--range", "65-67").returncode == 0
    assert (tmp_path / "part").read_bytes() == b"ABC"
    assert run("download", "b2://demo/a", "-", "--range", "65-67").stdout == "ABC"
    assert run("download", "b2://demo/a", "part", "--range", "9-3").returncode == 2


def test_a_copy_is_made_on_the_server(run: Run, photo: Path, tmp_path: Path, simulator: Simulator) -> None:
    run("upload", "photo.jpg", "b2://demo/a", "--info", "colour=blue")
    made = run("copy", "b2://demo/a", "b2://demo/b", "--max-part-size", "5000", "--json")
    assert json.loads(made.stdout)["fileInfo"]["colour"] == "blue"
    assert run("download", "b2://demo/b", "b").returncode == 0
    assert (tmp_path / "b").read_bytes() == CONTENT
    copies = [done.call.name for done in simulator.journal].count("b2_copy_part")
    assert copies == 6  # the last one has the 600 bytes that are left
    assert run("copy", "b2://demo/missing", "b2://demo/c").returncode == 1


def test_the_digest_of_the_whole_can_be_left_out(run: Run, photo: Path) -> None:
    photo.write_bytes(bytes(20_000))
    for flags, told in (((), True), (("--no-whole-sha1",), False)):
        made = run("upload", "photo.jpg", "b2://demo/large", "--part-size", "5000", "--json", "--no-resume", *flags)
        assert ("large_file_sha1" in json.loads(made.stdout)["fileInfo"]) == told


def test_what_grew_is_sent_from_where_it_grew(run: Run, photo: Path, simulator: Simulator) -> None:
    run("upload", "photo.jpg", "b2://demo/log")
    photo.write_bytes(CONTENT + b"more")
    before = len(simulator.journal)
    assert run("upload", "photo.jpg", "b2://demo/log", "--incremental").returncode == 0
    names = [done.call.name for done in simulator.journal[before:]]
    assert "b2_copy_part" in names
    assert "b2_upload_file" not in names


def test_unfinished_files_are_shown_and_cancelled(run: Run, simulator: Simulator, ahead: list[int]) -> None:
    world = connect(simulator.master_key_id, simulator.master_key, realm=os.environ["B2_ENVIRONMENT"]).unwrap()
    bucket_id = simulator.bucket_id("demo")
    assert bucket_id is not None
    ahead[0] = -60_000
    with world:
        world.call(StartLargeFile(bucket_id, "left", "text/plain")).unwrap()
    assert "0 cancelled, 1 too young" in run("clean", "b2://demo").stderr
    ahead[0] = 0
    shown = run("clean", "b2://demo", "--older-than", "1s", "--dry-run")
    assert (shown.returncode, "left" in shown.stdout) == (0, True)
    done = run("clean", "b2://demo", "--older-than", "1s")
    assert (done.returncode, "left" in done.stdout) == (0, True)
    assert "0 cancelled, 0 too young" in run("clean", "b2://demo").stderr


@pytest.mark.parametrize(
    "command", [("download", "b2://demo/none", "x"), ("clean", "b2://none"), ("copy", "b2id://x", "b2://demo/y")]
)
def test_what_is_not_there_is_named(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = run(*command)
    assert (ended.returncode, command[1] in ended.stderr) == (1, True), ended.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "command", [("download", "a", "b"), ("upload", "a", "b"), ("copy", "a", "b2://demo/b"), ("clean", "x")]
)
def test_what_is_no_place_in_b2(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "a").write_bytes(b"")
    ended = run(*command)
    assert (ended.returncode, "b2://bucket" in ended.stderr) == (2, True), ended.stderr
