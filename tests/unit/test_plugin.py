"""The pytest plugin, in pytest runs of its own."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def run(pytester: pytest.Pytester, test: str, *arguments: str) -> pytest.RunResult:
    """A run of pytest with this test, in a process of its own."""
    pytester.makepyfile(test)
    loaded = any(point.value == "b2pure.testing.plugin" for point in entry_points(group="pytest11"))
    chosen = () if loaded else ("-p", "b2pure.testing.plugin")
    return pytester.runpytest_subprocess(*chosen, "--strict-markers", "-W", "error", *arguments)


def test_pytest_finds_the_plugin() -> None:
    project = tomllib.loads(PROJECT.read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"b2pure": "b2pure.testing.plugin"}


def test_the_fixtures_are_told(pytester: pytest.Pytester) -> None:
    told = run(pytester, "", "--fixtures").stdout.str()
    for fixture in ("b2 ", "b2_server ", "b2_faults "):
        line = next(line for line in told.splitlines() if line.startswith(fixture))
        assert "plugin.py" in line
    assert "minimum_part_size=100" in run(pytester, "", "--markers").stdout.str()


def test_a_world_in_memory(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.b2(buckets=["backup"])
        def test_it(b2):
            b2.disk("photos").put("a.jpg", b"data", mod_time_millis=1)
            assert b2.client.sync("photos", "b2://backup").ok
            assert b2.contents("backup") == {"a.jpg": b"data"}

        def test_the_next_starts_anew(b2):
            assert list(b2.client.buckets().unwrap()) == []
        """,
    )
    result.assert_outcomes(passed=2)


def test_a_served_b2(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest
        import b2pure

        pytestmark = pytest.mark.b2(buckets=["backup"], minimum_part_size=7, recommended_part_size=9)

        def test_it(b2_server, tmp_path):
            (tmp_path / "a.jpg").write_bytes(b"0123456789" * 3)
            with b2pure.connect(b2_server.key_id, b2_server.key, realm=b2_server.url).unwrap() as client:
                assert client.sync(str(tmp_path), "b2://backup").ok
            assert b2_server.contents("backup") == {"a.jpg": b"0123456789" * 3}
            assert set(b2_server.environ.values()) == {b2_server.url, b2_server.key_id, b2_server.key}

        @pytest.mark.b2(buckets=["other-one"], minimum_part_size=8)
        def test_the_nearer_mark_counts(b2_server):
            simulator = b2_server.simulator
            assert simulator.config.absolute_minimum_part_size == 8
            assert simulator.config.recommended_part_size == 9
            assert simulator.bucket_id("backup") is None

        def test_what_a_test_may_do(b2_server):
            made = b2_server.bucket("another-one", public=True)
            assert b2_server.bucket("another-one") == made
            b2_server.put("another-one", "n", b"data")
            assert b2_server.contents("another-one") == {"n": b"data"}
            pair = b2_server.add_key(["listFiles", "listBuckets"], buckets=["backup"])
            with b2pure.connect(pair.key_id, pair.key, realm=b2_server.url).unwrap() as client:
                assert list(client.ls("b2://backup")) == []
            with pytest.raises(ValueError, match="no bucket missing"):
                b2_server.contents("missing")
            before = b2_server.simulator.now()
            b2_server.advance_time(86_400_000)
            with b2_server.locked() as simulator:
                assert simulator.now() >= before + 86_400_000
        """,
    )
    result.assert_outcomes(passed=3)


def test_faults_strike_both(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest
        import b2pure
        from b2pure.testing import Answer, FailNth

        def test_in_memory(b2, b2_faults):
            assert b2.client.buckets().unwrap() == ()
            b2_faults.append(FailNth("b2_list_buckets", 1, Answer(403, "transaction_cap_exceeded"), times=None))
            assert b2.client.buckets().failure().code == "transaction_cap_exceeded"
            b2_faults.clear()
            assert b2.client.buckets().unwrap() == ()

        def test_over_http(b2_server, b2_faults):
            with b2pure.connect(b2_server.key_id, b2_server.key, realm=b2_server.url).unwrap() as client:
                assert client.buckets().unwrap() == ()
                b2_faults.append(FailNth("b2_list_buckets", 1, Answer(403, "transaction_cap_exceeded")))
                assert client.buckets().failure().code == "transaction_cap_exceeded"
                assert client.buckets().unwrap() == ()
        """,
    )
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("minimum_part_sise=1", "knows no minimum_part_sise"),
        ("buckets=['x']", "'x' cannot be a bucket"),
        ("['bucket']", "takes names only"),
        ("buckets=3", "buckets is a list of names"),
        ("buckets=['bucket-1', 'BUCKET-1']", "two buckets have one name"),
        ("seed='x'", "seed is a whole number"),
        ("max_parts=0", "max_parts is a whole number from 1"),
    ],
)
def test_a_mark_that_means_nothing_is_told(pytester: pytest.Pytester, mark: str, told: str) -> None:
    result = run(pytester, f"import pytest\n@pytest.mark.b2({mark})\ndef test_it(b2): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{told}*"])


def test_without_the_server_extra_only_the_server_is_missing(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['uvicorn'] = None")
    result = run(pytester, "def test_server(b2_server): pass\ndef test_memory(b2): pass\n")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*pip install 'b2pure*server*'*"])


def test_the_plugin_loads_nothing() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import b2pure.testing.plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) <= {"b2pure", "b2pure._lazy", "b2pure.testing", "b2pure.testing.plugin"}
