"""The README's code really runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import b2pure as b2
import b2pure.v1 as v1
from b2pure.effects.fault_text import decode_script

pytest_plugins = ["pytester"]

README = Path(__file__).parents[2].joinpath("README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def executed(block: str, **names: object) -> dict[str, Any]:
    space: dict[str, Any] = {"b2": b2, **names}
    exec(compile(block, "<README>", "exec"), space)  # no file: its lines are not those of the block
    return space


def test_what_is_to_be_changed_in_a_program_for_b2sdk_is_the_import() -> None:
    names = executed(BLOCKS[2])
    raw_api = v1.RawSimulator()
    api = names["B2Api"](names["InMemoryAccountInfo"](), raw_api=raw_api)
    api.authorize_account("production", *raw_api.create_account())
    with pytest.raises(names["FileNotPresent"]):
        api.create_bucket("holiday", "allPrivate").download_file_by_name("beach.jpg", v1.DownloadDestBytes())
    assert names["B2Api"] is v1.B2Api
    for line in BLOCKS[2].splitlines():
        now, was = line.split("# it was: ")
        assert now.strip() == was.replace("b2sdk", "b2pure")
    where = re.search(r"\[what is different\]\((.*?)\)", README)
    assert where is not None
    assert Path(__file__).parents[2].joinpath(where.group(1)).is_file()


def test_the_first_screen_is_a_test_that_passes() -> None:
    law: Callable[[], None] = executed(BLOCKS[0])["test_our_backup_policy_never_deletes_raw_files"]
    law()


def test_the_second_block_plans_saves_and_applies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "2019").mkdir(parents=True)
    (tmp_path / "photos" / "2019" / "beach.jpg").write_bytes(b"sand")
    simulated = b2.connect_simulated("holiday")
    monkeypatch.setattr(b2, "connect", lambda *_: _Unwrapped(simulated))
    names = executed(BLOCKS[1], key_id="id", key="key")
    assert names["report"].done == {"upload": 1}
    assert names["report"].ok


def test_the_block_about_the_fixtures_is_a_test_that_passes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        BLOCKS[3]
        + """
import b2pure as b2

def my_backup(url, key_id, key):
    from pathlib import Path
    Path("photos").mkdir()
    Path("photos/beach.jpg").write_bytes(b"sand")
    with b2.connect(key_id, key, realm=url).unwrap() as client:
        assert client.sync("photos", "b2://holiday").ok
"""
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_block_about_single_files_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "disk.img").write_bytes(bytes(range(256)))
    simulated = b2.connect_simulated("holiday")
    names = executed(BLOCKS[4], client=simulated, timedelta=timedelta)
    assert (tmp_path / "copy.img").read_bytes() == bytes(range(256))
    assert names["first"] == bytes(range(100))
    assert simulated.read("b2://holiday/piece").unwrap() == b"header" + bytes(range(100, 200))


def test_the_script_of_faults_is_one() -> None:
    script = re.search(r"/control/faults -d '(.*?)'", README, re.DOTALL)
    assert script is not None
    assert len(decode_script(script.group(1).encode()).unwrap()) == 2


def test_the_last_block_is_a_test_that_passes() -> None:
    law: Callable[[], None] = executed("from hypothesis import given\n" + BLOCKS[5])[
        "test_our_backup_survives_bad_weather"
    ]
    law()


class _Unwrapped:
    def __init__(self, client: b2.Client) -> None:
        self._client = client

    def unwrap(self) -> b2.Client:
        return self._client
