"""What the command line says to what is not quite right, against a simulated B2 over real HTTP."""

from __future__ import annotations

import os
import sys
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.shell import cli
from b2pure.shell.clock import SystemClock

if TYPE_CHECKING:
    from commands import Run

pytest_plugins = ("commands",)


@pytest.fixture
def simulator() -> Simulator:
    made = Simulator(
        SystemClock().now_millis, config=SimulatorConfig(absolute_minimum_part_size=1000, recommended_part_size=5000)
    )
    made.add_bucket("demo")
    return made


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same").write_bytes(name.encode())
    (tmp_path / "here").write_bytes(os.urandom(12_000))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("upload here here b2://demo/d/", "here is there twice"),
        ("upload a/same b/same b2://demo", "same is there twice"),
        ("upload here - b2://demo/d/", "standard input has no name"),
        ("upload - b2://demo/d/", "write b2://bucket/name in full"),
        ("upload here b2://demo --limit-upload 0", "'0' is too small: a size is at least 1 byte"),
        ("upload here b2://demo --limit-upload 99999999999TB", "too large"),
        ("create 5KX=here b2://demo/made", "is no place; it is a number, as 0, 5000000, 5MB"),
        ("create x=here b2://demo/made", "AT is where it begins in the new file"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(
    run: Run, here: Path, arguments: str, told: str
) -> None:
    ended = run(*arguments.split())
    assert (ended.returncode, told in ended.stderr) == (2, True), ended.stderr
    assert run("ls", "-r", "b2://demo").stdout == ""


def test_nothing_is_too_young_for_an_age_of_0(run: Run, here: Path) -> None:
    assert run("clean", "b2://demo", "--older-than", "0s").returncode == 0


def test_a_place_has_a_unit(run: Run, here: Path) -> None:
    made = run("create", "0=here[0:5000]", "5KB=here", "b2://demo/made")
    assert made.stdout.split()[1:] == ["17000", "made"], made.stderr


def test_sources_that_differ_are_told_as_such_and_the_last_one_may_win(run: Run, here: Path) -> None:
    run("upload", "here", "b2://demo/old")
    (here / "other").write_bytes(bytes(12_000))
    sources = ("0=b2://demo/old", "0=other", "b2://demo/made")
    ended = run("create", *sources, "--prioritize", "remote")
    assert ended.returncode == 1
    assert "the sources differ where they overlap" in ended.stderr
    assert "--overlap last-wins" in ended.stderr
    assert "corrupt" not in ended.stderr
    assert run("create", *sources, "--overlap", "last-wins").returncode == 0
    assert f"SHA-1 {sha1(bytes(12_000)).hexdigest()}" in run("download", "b2://demo/made", "made").stderr


def test_a_file_that_is_named_by_its_id_has_its_name_in_a_folder(run: Run, here: Path) -> None:
    file_id = run("upload", "here", "b2://demo/far/away/named").stdout.split()[0]
    ended = run("download", f"b2id://{file_id}", ".")
    assert ended.returncode == 0, ended.stderr
    assert (here / "named").read_bytes() == (here / "here").read_bytes()
    assert "b2id://nothing" in run("download", "b2id://nothing", ".").stderr


def test_a_range_may_have_no_end(run: Run, here: Path) -> None:
    """Or one beyond the file's, for a copy as for a download."""
    content = (here / "here").read_bytes()
    run("upload", "here", "b2://demo/old")
    for number, text in enumerate(("100-", "100-99999")):
        assert run("download", "b2://demo/old", f"down{number}", "--range", text).returncode == 0
        assert (here / f"down{number}").read_bytes() == content[100:]
        made = run("copy", "b2://demo/old", f"b2://demo/copied{number}", "--range", text)
        assert made.stdout.split()[1] == "11900", made.stderr
    assert run("copy", "b2://demo/old", "b2://demo/none", "--range", "12000-").returncode == 2
    assert "or FIRST-" in run("download", "b2://demo/old", "x", "--range", "-5").stderr


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the super-user reads everything")
def test_a_target_needs_not_be_read(run: Run, here: Path) -> None:
    (here / "secret").write_bytes(b"old")
    (here / "secret").chmod(0o200)
    run("upload", "a/same", "b2://demo/same")
    assert run("download", "b2://demo/same", "secret").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ("upload here b2://demo", 1, "b2pure: interrupted; run it again to go on from here\n"),
        ("upload here b2://demo --no-resume", 1, "b2pure: interrupted\n"),
        ("download b2://demo/x -", 1, "b2pure: interrupted\n"),
        ("download b2://demo/x y", 1, "b2pure: interrupted; run it again to go on from here\n"),
        ("clean b2://demo", 1, "b2pure: interrupted\n"),
        ("serve", 0, ""),
    ],
)
def test_only_what_goes_on_says_so_after_ctrl_c(
    arguments: str, status: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**flags: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "cli", interrupted)
    monkeypatch.setattr(sys, "argv", ["b2pure", *arguments.split()])
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(getattr(sys, name), "reconfigure", lambda **how: None, raising=False)
    with pytest.raises(SystemExit) as ended:
        cli.run()
    assert ended.value.code == status
    assert capsys.readouterr().err == told
