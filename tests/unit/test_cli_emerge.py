"""The commands that make one object of several, against a simulated B2 over real HTTP."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.shell.clock import SystemClock

if TYPE_CHECKING:
    from commands import Run

pytest_plugins = ("commands",)

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def simulator() -> Simulator:
    config = SimulatorConfig(absolute_minimum_part_size=1000, recommended_part_size=50_000)
    made = Simulator(SystemClock().now_millis, config=config)
    made.add_bucket("demo")
    return made


@pytest.fixture
def old(run: Run, tmp_path: Path) -> str:
    """The id of b2://demo/old, which has CONTENT; it is in the file `here` as well, and 400 bytes more."""
    (tmp_path / "here").write_bytes(CONTENT + b"more" * 100)
    (tmp_path / "old").write_bytes(CONTENT)
    ended = run("upload", "old", "b2://demo/old")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()[0]


def downloaded(run: Run, tmp_path: Path, name: str, *flags: str) -> bytes:
    ended = run("download", f"b2://demo/{name}", "back", *flags)
    assert ended.returncode == 0, ended.stderr
    return (tmp_path / "back").read_bytes()


def calls(simulator: Simulator) -> list[str]:
    return [done.call.name for done in simulator.journal]


def test_sources_become_one_file(run: Run, old: str, tmp_path: Path) -> None:
    """Ranges of files here and there; what is too short to be copied is downloaded."""
    sources = ("b2://demo/old[10:20]", "here[25600:]", f"b2id://{old}[100:]", "b2://demo/old")
    ended = run("concatenate", *sources, "b2://demo/new", "--info", "a=b", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["fileInfo"]["a"] == "b"
    assert downloaded(run, tmp_path, "new") == CONTENT[10:30] + b"more" * 100 + CONTENT[100:] + CONTENT


def test_what_overlaps_is_copied_and_compared(run: Run, old: str, tmp_path: Path, simulator: Simulator) -> None:
    ended = run("create", f"0=b2id://{old}", "0=here", "b2://demo/new")
    assert ended.returncode == 0, ended.stderr
    assert downloaded(run, tmp_path, "new") == CONTENT + b"more" * 100
    assert calls(simulator).count("b2_copy_part") == 1
    (tmp_path / "here").write_bytes(bytes(26_000))
    ended = run("create", f"0=b2id://{old}", "0=here", "b2://demo/new")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "[0, 25600) of the object, copied from [0, 25600)" in ended.stderr


def test_a_plan_is_shown_and_nothing_done(run: Run, old: str, simulator: Simulator) -> None:
    before = len(simulator.journal)
    ended = run("create", f"0=b2id://{old}", "0=here", "b2://demo/new", "--plan")
    assert ended.returncode == 0, ended.stderr
    assert "cloud[A, B] local[B, C]" in ended.stdout
    assert "26.0 kB in 2 parts (1 copied)" in ended.stdout
    local = run("create", f"0=b2id://{old}", "0=here", "b2://demo/new", "--plan", "--prioritize", "local")
    assert "(0 copied)" in local.stdout
    assert len(simulator.journal) == before


def test_a_file_with_a_customers_key_is_read_with_it(
    run: Run, old: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("B2_DESTINATION_SSE_C_KEY_B64", b64encode(b"k" * 32).decode())
    monkeypatch.setenv("B2_SOURCE_SSE_C_KEY_B64", b64encode(b"k" * 32).decode())
    sealed = run("upload", "here", "b2://demo/sealed", "--destination-server-side-encryption", "SSE-C")
    assert sealed.returncode == 0, sealed.stderr
    flags = ("--source-server-side-encryption", "SSE-C")
    ended = run("concatenate", "old", "b2://demo/sealed[2:5]", "b2://demo/sealed", "b2://demo/open", *flags)
    assert ended.returncode == 0, ended.stderr
    assert downloaded(run, tmp_path, "open") == CONTENT + CONTENT[2:7] + CONTENT + b"more" * 100
    ended = run("concatenate", "old", "b2://demo/sealed", "b2://demo/open")
    assert (ended.returncode, "customer's key" in ended.stderr) == (1, True)


def test_a_file_whose_name_looks_like_a_range_is_that_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd[0:1]").write_bytes(b"whole")
    assert run("concatenate", "odd[0:1]", "b2://demo/new").returncode == 0
    assert downloaded(run, tmp_path, "new") == b"whole"


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("create", "here", "b2://demo/new"), 2, "write AT=SOURCE, as 0=here"),
        (("create", "5=here", "b2://demo/new"), 2, "nothing is written to [0, 5)"),
        (("concatenate", "-", "b2://demo/new"), 2, "can be read only once"),
        (("concatenate", "here[0:99999]", "b2://demo/new"), 2, "has 26000 bytes"),
        (("concatenate", "b2://demo/none", "b2://demo/new"), 1, "there is no file b2://demo/none"),
        (("concatenate", "here", "/tmp/new"), 2, "write b2://bucket/name"),
        (("concatenate", "here", "b2://demo/new", "--part-size", "10"), 2, "part_size must be"),
        (("concatenate", "here", "b2://demo/new", "--no-resume", "--large-file-id", "x"), 2, "exclude each other"),
    ],
)
def test_what_makes_no_sense_is_said(run: Run, old: str, arguments: tuple[str, ...], status: int, told: str) -> None:
    ended = run(*arguments)
    assert (ended.returncode, told in ended.stderr) == (status, True), ended.stderr
    assert "new" not in run("ls", "b2://demo").stdout
