"""`b2pure serve` as a process: what its options mean, what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import b2pure
from b2pure.effects.simulator import SimulatorConfig
from b2pure.shell.cli_serve import _config, serve
from b2pure.shell.client import Client
from b2pure.shell.quantities import SIZE, TIME


@contextmanager
def served(*arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[tuple[dict[str, Any], Client]]:
    """A server in a process of its own: what it printed, and a client of it. It is told to stop, and ends well."""
    command = [sys.executable, "-m", "b2pure", "serve", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environ or {})}) as server:
        try:
            assert server.stdout is not None
            told = json.loads(server.stdout.readline())
            key_id, key = told["application_key_id"], told["application_key"]
            with b2pure.connect(key_id, key, realm=told["url"]).unwrap() as client:
                yield told, client
        finally:
            server.terminate()
        assert server.wait(10) == 0


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0.5KB", 500),
        ("5MB", 5_000_000),
        ("100KiB", 102_400),
        ("1gib", 1 << 30),
        ("7", 7),
        ("7 b", 7),
        ("2TB", 2 * 10**12),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert SIZE.convert(text, None, None) == size


def test_times() -> None:
    assert [TIME.convert(text, None, None) for text in ("90s", "15m", "1d", "0.5h", "3")] == [
        90_000, 900_000, 86_400_000, 1_800_000, 3_000,
    ]  # fmt: skip


def test_a_large_smallest_part_makes_the_recommended_one_larger() -> None:
    config = _config({"absolute_minimum_part_size": 200_000_000})
    assert config.recommended_part_size == 200_000_000
    assert _config({}) == SimulatorConfig(keep_journal=False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--bucket short", "'short' is too short: bucket names are 6 to 63 of A-Z a-z 0-9 -"),
        (f"--bucket {'l' * 64}", "is too long: bucket names are 6 to 63"),
        ("--bucket bucket_one", "'bucket_one' has '_': bucket names are"),
        ("--data=", "the name of the directory is empty"),
        ("--bucket b2-reserved", "'b2-reserved' starts with b2-: bucket names are"),
        ("--bucket bucket-one:secret", "NAME, NAME:public or NAME:private"),
        ("--bucket bucket-one --bucket BUCKET-one", "there twice"),
        ("--minimum-part-size 5QB", "5000000, 5MB or 100KiB"),
        ("--max-part-size 0", "is too small"),
        ("--recommended-part-size 1MB", "--recommended-part-size (1000000) is less than --minimum-part-size"),
        ("--max-parts 1", "--max-parts (1) is less than --minimum-part-count (2)"),
        ("--token-lifetime soon", "90s, 15m"),
        ("--fsync", "--data"),
        ("--fault nothing", "--fault"),
        ("--locked-status 404", "401"),
    ],
)
def test_what_makes_no_sense_is_told(arguments: str, told: str) -> None:
    result = CliRunner().invoke(serve, arguments.split())
    assert (result.exit_code, told in result.output) == (2, True), result.output


@pytest.mark.parametrize(
    "environ",
    [{"B2PURE_SERVE_KEY_ID": "id"}, {"B2PURE_SERVE_KEY_ID": "a:b", "B2PURE_SERVE_KEY": "s"},
     {"B2PURE_SERVE_KEY_ID": "id", "B2PURE_SERVE_KEY": "with space"}],
)  # fmt: skip
def test_half_a_key_is_no_key(environ: dict[str, str]) -> None:
    result = CliRunner().invoke(serve, [], env=environ)
    assert result.exit_code == 2
    assert "B2PURE_SERVE_KEY_ID and B2PURE_SERVE_KEY" in result.output


def test_limits_buckets_and_a_key_of_ones_own() -> None:
    environ = {"B2PURE_SERVE_KEY_ID": "my-id", "B2PURE_SERVE_KEY": "my-key"}
    options = ("--bucket", "bucket-one:public", "--minimum-part-size", "1KiB", "--recommended-part-size", "2KB")
    with served(*options, environ=environ) as (told, client):
        assert (told["application_key_id"], told["application_key"]) == ("my-id", "my-key")
        (bucket,) = client.buckets().unwrap()
        assert (bucket.bucket_name, bucket.bucket_type) == ("bucket-one", "allPublic")
        sizes = client.authorize().unwrap().part_sizes
        assert (sizes.minimum, sizes.recommended) == (1024, 2000)


def test_faults_of_the_command_line_strike() -> None:
    fault = "b2_list_buckets:1:transaction_cap_exceeded"
    with served("--fault", fault, "--latency-millis", "1") as (_, client):
        assert b2pure.describe(client.buckets().failure())
        assert client.buckets().unwrap() == ()


def test_data_are_there_again(tmp_path: Path) -> None:
    source, data = tmp_path / "source", str(tmp_path / "data")
    source.mkdir()
    (source / "a.txt").write_bytes(b"data")
    with served("--data", data, "--bucket", "bucket-one") as (first, client):
        assert client.sync(str(source), "b2://bucket-one").ok
    with served("--data", data, "--fsync", "--bucket", "bucket-one") as (second, client):
        assert [file.file_name for file in client.ls("b2://bucket-one")] == ["a.txt"]
    assert {**first, "url": ""} == {**second, "url": ""}


def test_a_directory_in_use_is_told(tmp_path: Path) -> None:
    with served("--data", str(tmp_path)):
        command = [sys.executable, "-m", "b2pure", "serve", "--data", str(tmp_path)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert "in use by another b2pure serve" in second.stderr


def test_a_seed_gives_the_same_key() -> None:
    with served("--seed", "7") as (first, _), served("--seed", "7") as (second, _):
        assert first["application_key"] == second["application_key"]
        assert first["url"] != second["url"]


def test_a_port_that_is_taken_is_told() -> None:
    with served() as (told, _):
        port = told["url"].rpartition(":")[2]
        command = [sys.executable, "-m", "b2pure", "serve", "--port", port]
        second = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (second.returncode, second.stderr) == (1, f"b2pure: cannot serve on port {port}: Address already in use\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_it_and_says_where_the_data_are(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "b2pure", "serve", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        lines = [server.stdout.readline() for _ in range(3)]
        server.send_signal(signal.SIGINT)
        _, told = server.communicate(timeout=10)
    assert server.returncode == 0
    assert [line.partition("=")[0] for line in lines] == [
        "export B2_ENVIRONMENT", "export B2_APPLICATION_KEY_ID", "export B2_APPLICATION_KEY",
    ]  # fmt: skip
    assert told.splitlines()[-1] == f"# everything is in {tmp_path}: b2pure serve --data {tmp_path}"
