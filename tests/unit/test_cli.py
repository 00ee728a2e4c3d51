"""The command line, against a simulated B2 over real HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from b2pure.effects.simulator import Simulator

if TYPE_CHECKING:
    from commands import Run

pytest_plugins = ("commands",)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "2019").mkdir(parents=True)
    (folder / "2019" / "beach.jpg").write_bytes(b"sand")
    (folder / "a.txt").write_bytes(b"hello")
    os.utime(folder / "a.txt", ns=(0, 1_600_000_000_123_456_789))
    return folder


def test_a_folder_goes_up_and_comes_back(run: Run, photos: Path, tmp_path: Path) -> None:
    assert run("sync", "photos", "b2://demo/photos").returncode == 0
    assert run("sync", "b2://demo/photos", "back").returncode == 0
    assert (tmp_path / "back/2019/beach.jpg").read_bytes() == b"sand"
    assert (tmp_path / "back/a.txt").stat().st_mtime_ns // 10**6 == (photos / "a.txt").stat().st_mtime_ns // 10**6


def test_a_plan_changes_nothing_and_says_what_it_costs(run: Run, photos: Path, simulator: Simulator) -> None:
    planned = run("plan", "photos", "b2://demo")
    assert planned.returncode == 0
    assert "upload 2019/beach.jpg (4 B)  [not at the destination]" in planned.stdout
    assert "2 uploads (9 B)" in planned.stdout
    assert "2 A" in planned.stdout
    assert simulator.journal == []


def test_the_json_of_a_plan_is_the_file_that_apply_takes(run: Run, photos: Path, tmp_path: Path) -> None:
    planned = run("plan", "photos", "b2://demo", "--json")
    (tmp_path / "plan.jsonl").write_text(planned.stdout)
    types = [json.loads(line)["type"] for line in planned.stdout.splitlines()]
    assert types == ["sync_plan", "path", "path", "end"]
    applied = run("apply", "plan.jsonl")
    assert applied.returncode == 0, applied.stderr
    assert run("ls", "-r", "b2://demo").stdout.count("\n") == 2


def test_apply_works_from_another_folder(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("plan", "photos", "b2://demo", "-o", "plan.jsonl")
    monkeypatch.chdir("/")
    assert run("apply", str(tmp_path / "plan.jsonl")).returncode == 0


def test_apply_names_what_drifted_and_does_the_rest(run: Run, photos: Path) -> None:
    run("plan", "photos", "b2://demo", "-o", "plan.jsonl")
    (photos / "a.txt").write_bytes(b"another content")
    applied = run("apply", "plan.jsonl")
    assert applied.returncode == 1
    assert "changed meanwhile: a.txt: size 5" in applied.stderr
    assert "1 upload (4 B)" in applied.stderr


def test_apply_removes_nothing_for_a_source_that_came_back(run: Run, photos: Path) -> None:
    run("sync", "photos", "b2://demo")
    (photos / "a.txt").rename(photos.parent / "aside")
    run("plan", "photos", "b2://demo", "--delete", "-o", "plan.jsonl")
    (photos.parent / "aside").rename(photos / "a.txt")
    applied = run("apply", "plan.jsonl")
    assert applied.returncode == 1
    assert "changed meanwhile: a.txt: absent at the source -> it is there" in applied.stderr
    assert "a.txt" in run("ls", "b2://demo").stdout


def test_a_truncated_plan_is_refused(run: Run, photos: Path, tmp_path: Path, simulator: Simulator) -> None:
    run("plan", "photos", "b2://demo", "-o", "plan.jsonl")
    whole = (tmp_path / "plan.jsonl").read_bytes()
    for size in (0, 10, len(whole) - 1, whole.rindex(b"\n", 0, -1) + 1):
        (tmp_path / "cut.jsonl").write_bytes(whole[:size])
        applied = run("apply", "cut.jsonl")
        assert applied.returncode == 1
        assert "truncated" in applied.stderr
    assert simulator.journal == []


def test_dry_run_is_the_plan(run: Run, photos: Path, simulator: Simulator) -> None:
    assert run("sync", "photos", "b2://demo", "--dry-run").stdout == run("plan", "photos", "b2://demo").stdout
    assert simulator.journal == []


def test_keep_days_hides_what_the_source_lacks(run: Run, photos: Path) -> None:
    run("sync", "photos", "b2://demo")
    (photos / "a.txt").unlink()
    synced = run("sync", "photos", "b2://demo", "--keep-days", "10")
    assert synced.stdout == "hide   a.txt\n"
    assert "a.txt" not in run("ls", "b2://demo").stdout
    assert run("ls", "--versions", "b2://demo").stdout.count("a.txt") == 2


def test_a_newer_destination_stops_skips_or_is_replaced(run: Run, photos: Path) -> None:
    run("sync", "photos", "b2://demo")
    os.utime(photos / "a.txt", (1, 1))
    stopped = run("sync", "photos", "b2://demo")
    assert stopped.returncode == 1
    assert "conflict: a.txt: the destination is newer" in stopped.stderr
    assert run("sync", "photos", "b2://demo", "--skip-newer").returncode == 0
    assert run("sync", "photos", "b2://demo", "--replace-newer").stdout == "upload a.txt (5 B)\n"


def test_a_bad_file_is_named_and_the_rest_goes_on(run: Run, photos: Path) -> None:
    (photos / "bell\x07.txt").write_bytes(b"ding")
    (photos / "broken").symlink_to("nowhere")
    synced = run("sync", "photos", "b2://demo")
    assert synced.returncode == 1
    assert "skipped: bell\\x07.txt: B2 takes no control characters in names" in synced.stderr
    assert "skipped: broken: broken symlink" in synced.stderr
    assert "2 upload" in synced.stderr


def test_a_name_that_escapes_is_named_and_written_nowhere(run: Run, simulator: Simulator, tmp_path: Path) -> None:
    bucket = simulator.add_bucket("evil").bucket_id
    for name in ("../out.txt", "/abs.txt", "a//b", "good.txt", "nul\0x"):
        simulator.put(bucket, name, b"x")
    synced = run("sync", "b2://evil", "down")
    assert synced.returncode == 1
    assert "1 download" in synced.stderr
    assert "4 skipped" in synced.stderr
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert found == [tmp_path / "down/good.txt"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("plan", "missing", "b2://demo"), 1, "there is no such folder"),
        (("plan", "photos", "b2://nosuch"), 1, "there is no bucket 'nosuch'"),
        (("plan", "photos", "b2://"), 2, "has no valid bucket name"),
        (("plan", "photos", "elsewhere"), 2, "one of SOURCE and DEST must be b2://"),
        (("plan", "photos", "b2://demo", "--exclude-regex", "("), 2, "is not a regular expression"),
        (("plan", "photos", "b2://demo", "--include-regex", "a"), 2, "--include-regex needs --exclude-regex"),
        (("plan", "photos", "b2://demo", "--keep-days", "-1"), 2, "--keep-days must be 0 or more"),
        (("plan", "photos", "b2://demo", "--keep-days", "1", "--delete"), 2, "exclude each other"),
        (("plan", "photos", "b2://demo", "--exclude-if-modified-after", "noon"), 2, "takes seconds since 1970"),
        (("sync", "b2://demo", "photos", "--keep-days", "3"), 2, "--keep-days cannot work for a local DEST"),
        (("sync", "b2://demo", "photos", "--delete"), 1, "the source has no files"),
        (("apply", "no.plan"), 1, "cannot read no.plan: No such file or directory"),
        (("ls", "photos"), 2, "ls lists b2://bucket/path"),
        (("plan", "photos", "b2://demo", "-o", "no/such/dir.jsonl"), 1, "cannot write no/such/dir.jsonl"),
    ],
)
def test_bad_input_gets_one_clear_message(
    run: Run, photos: Path, arguments: tuple[str, ...], status: int, told: str
) -> None:
    refused = run(*arguments)
    assert (refused.returncode, told in refused.stderr) == (status, True), refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_wrong_key_is_told_without_the_key(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B2_APPLICATION_KEY", "wrong-secret")
    refused = run("plan", "photos", "b2://demo")
    assert refused.returncode == 1
    assert "cannot authorize" in refused.stderr
    assert "wrong-secret" not in refused.stderr + refused.stdout
    monkeypatch.setenv("B2_APPLICATION_KEY", "")
    assert run("plan", "photos", "b2://demo").returncode == 2


def test_an_empty_source_does_not_empty_the_destination(run: Run, photos: Path, tmp_path: Path) -> None:
    run("sync", "photos", "b2://demo")
    (tmp_path / "empty").mkdir()
    assert run("sync", "empty", "b2://demo", "--delete").returncode == 1
    assert run("ls", "b2://demo").stdout.count("\n") == 2
    assert run("sync", "empty", "b2://demo", "--delete", "--allow-empty-source").returncode == 0
    assert run("ls", "--versions", "b2://demo").stdout == ""


def test_sha1_sees_a_change_that_the_time_hides(run: Run, photos: Path) -> None:
    run("sync", "photos", "b2://demo")
    status = (photos / "a.txt").stat()
    (photos / "a.txt").write_bytes(b"HELLO")
    os.utime(photos / "a.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run("sync", "photos", "b2://demo").stdout == ""
    assert run("sync", "photos", "b2://demo", "--compare-versions", "sha1").stdout == "upload a.txt (5 B)\n"


def test_an_excluded_link_is_not_deleted_at_the_destination(run: Run, photos: Path) -> None:
    (photos / "link").symlink_to("2019")
    assert "3 upload" in run("sync", "photos", "b2://demo").stderr
    assert run("sync", "photos", "b2://demo", "--delete", "--exclude-all-symlinks").stdout == ""
    one_sided = run("sync", "photos", "b2://demo", "--delete", "--exclude-all-symlinks", "--filter-source-only")
    assert one_sided.stdout == "delete link/beach.jpg\n"


def test_a_folder_is_not_copied_into_itself(run: Run, photos: Path) -> None:
    run("sync", "photos", "b2://demo/a")
    assert "overlaps the source" in run("sync", "b2://demo/a", "b2://demo/a/b").stderr
    assert "overlaps the source" in run("sync", "b2://demo", "b2://demo/a").stderr
    assert run("sync", "b2://demo/a", "b2://demo/ab").returncode == 0


def test_a_linked_folder_at_the_destination_is_named_and_left_alone(run: Run, photos: Path, tmp_path: Path) -> None:
    run("sync", "photos", "b2://demo")
    (tmp_path / "down/real").mkdir(parents=True)
    (tmp_path / "down/real/beach.jpg").write_bytes(b"precious")
    (tmp_path / "down/2019").symlink_to("real")
    synced = run("sync", "b2://demo", "down", "--delete", "--exclude-dir-regex", "real")
    assert synced.returncode == 1
    assert "skipped: 2019/beach.jpg: linked folder: a sync writes through no symbolic link" in synced.stderr
    assert (tmp_path / "down/real/beach.jpg").read_bytes() == b"precious"


def test_a_file_that_looks_like_a_temporary_one_is_not_removed(run: Run, photos: Path, tmp_path: Path) -> None:
    run("sync", "photos", "b2://demo")
    (tmp_path / "down").mkdir()
    (tmp_path / "down/.b2pure-0123456789abcdef.tmp").write_bytes(b"mine")
    assert run("sync", "b2://demo", "down", "--delete").returncode == 0
    assert (tmp_path / "down/.b2pure-0123456789abcdef.tmp").read_bytes() == b"mine"


def test_a_plan_follows_links_and_replaces_no_device(run: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to("real.jsonl")
    assert run("plan", "photos", "b2://demo", "-o", "link.jsonl").returncode == 0
    assert (tmp_path / "link.jsonl").is_symlink()
    assert run("plan", "photos", "b2://demo", "-o", "-").stdout.count("\n") == 4
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE)
    assert run("plan", "photos", "b2://demo", "-o", "pipe").returncode == 0
    assert reader.communicate()[0].count(b"\n") == 4
    assert (tmp_path / "pipe").is_fifo()


def test_a_plan_that_would_be_refused_says_so(run: Run, photos: Path) -> None:
    run("sync", "photos", "b2://demo")
    os.utime(photos / "a.txt", (1, 1))
    planned = run("plan", "photos", "b2://demo", "-o", "plan.jsonl")
    assert planned.returncode == 1
    assert "1 in conflict (a.txt ...), which apply and sync would refuse" in planned.stderr
    assert run("plan", "photos", "b2://demo", "--skip-newer").returncode == 0


def test_one_sided_filters_delete_downwards_too(run: Run, photos: Path, tmp_path: Path) -> None:
    run("sync", "photos", "b2://demo")
    run("sync", "b2://demo", "down")
    flags = ("--delete", "--exclude-regex", "a.txt")
    assert run("sync", "b2://demo", "down", *flags).stdout == ""
    assert run("sync", "b2://demo", "down", *flags, "--filter-source-only").stdout == "delete a.txt\n"


def test_serve_tells_its_address_as_one_line_of_json() -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "b2pure", "serve", "--port", "0", "--json"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        assert set(told) == {"url", "application_key_id", "application_key"}
    finally:
        server.terminate()
        server.wait(10)
        assert server.stdout is not None
        server.stdout.close()


ODD = "caf\\xe9"


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="makes names that are no Unicode, and pipes")
def test_explain_says_why_a_path_is_not_in_the_plan(run: Run, photos: Path) -> None:
    (photos / "bad").symlink_to("nowhere")
    os.mkfifo(photos / "pipe")
    (photos / os.fsdecode(b"caf\xe9")).write_bytes(b"latin")
    flags = ("photos", "b2://demo", "--exclude-regex", ".*[.]tmp$")
    (photos / "x.tmp").write_bytes(b"x")

    def why(path: str) -> str:
        ended = run("plan", *flags, "--explain", path)
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout.splitlines()[0]

    assert why("bad") == "bad: broken symlink: it leads to nothing"
    assert why("bad/below") == "bad/below: broken symlink: it leads to nothing"
    assert why("pipe") == "pipe: not a file: it is a pipe"
    assert why(ODD) == f"{ODD}: undecodable: the name is not valid Unicode; rename it"
    assert why(os.fsdecode(b"caf\xe9")) == why(ODD), "as a shell gives it"
    assert why("x.tmp") == "x.tmp: left out by exclude_file_regexes '.*[.]tmp$'"
    assert why("y.tmp") == "y.tmp: on neither side"
    assert why("") == ": on neither side"
    assert "at the source: it is a folder; name a file in it" in run("plan", *flags, "--explain", "2019").stdout


def test_explain_in_json(run: Run, photos: Path) -> None:
    assert run("sync", "photos", "b2://demo", "--quiet").returncode == 0
    ended = run("plan", "photos", "b2://demo", "--explain", "a.txt", "--json")
    told = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert (told["path"], told["why"]) == ("a.txt", "unchanged (compared by modTime)")
    assert told["reason"] == {"by": "modTime", "type": "unchanged"}
    assert [verdict["fate"]["why"]["type"] for verdict in told["versions"]] == ["not_deleted"]
    lost = json.loads(run("plan", "photos", "b2://demo", "--explain", "nothing", "--json").stdout)
    assert (lost["why"], lost["reason"], lost["stages"]) == ("on neither side", {"type": "nowhere"}, [])


def test_explain_saves_nothing(run: Run, photos: Path, tmp_path: Path) -> None:
    ended = run("plan", "photos", "b2://demo", "--explain", "a.txt", "-o", "saved")
    assert ended.returncode == 2
    assert "--explain" in ended.stderr
    assert not (tmp_path / "saved").exists()
