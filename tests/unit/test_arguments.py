"""Wrong arguments are named, and nothing is begun."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

import b2pure as b2
from b2pure.effects.program import ok
from b2pure.model.errors import InvalidArgument
from b2pure.shell.arguments import argument_problem
from b2pure.testing import SimulatedB2, simulated_b2

D: Final = "b2://bucket/made"
S: Final = "b2://bucket/there"
ANY: Final[Any] = None

Act = Callable[[b2.Client, Any], Any]


@pytest.fixture
def world() -> SimulatedB2:
    world = simulated_b2("bucket")
    world.client.upload(b"0123456789", S).unwrap()
    return world


WRONG: Final[list[tuple[str, Act]]] = [
    ("dest", lambda client, any_: client.upload(b"x", any_)),
    ("dest", lambda client, any_: client.upload(b"x", Path("x"))),  # type: ignore[arg-type]
    ("source", lambda client, any_: client.upload(any_, D)),
    ("source", lambda client, any_: client.upload(5, D)),  # type: ignore[arg-type]
    ("length", lambda client, any_: client.upload(b"x", D, length="3")),  # type: ignore[arg-type]
    ("length", lambda client, any_: client.upload(b"x", D, length=-1)),
    ("part_size", lambda client, any_: client.upload(b"x", D, part_size="5KB")),  # type: ignore[arg-type]
    ("sha1", lambda client, any_: client.upload(b"x", D, sha1=5)),  # type: ignore[arg-type]
    ("mod_time_millis", lambda client, any_: client.upload(b"x", D, mod_time_millis="x")),  # type: ignore[arg-type]
    ("mod_time_millis", lambda client, any_: client.upload(b"x", D, mod_time_millis=1.5)),  # type: ignore[arg-type]
    ("mod_time_millis", lambda client, any_: client.upload(b"x", D, mod_time_millis=10**15)),
    ("resume", lambda client, any_: client.upload(b"x", D, resume=5)),  # type: ignore[arg-type]
    ("append", lambda client, any_: client.upload(b"x", D, append="yes")),  # type: ignore[arg-type]
    ("new", lambda client, any_: client.upload(b"x", D, "text/plain")),  # type: ignore[arg-type]
    ("file_info", lambda client, any_: client.upload(b"x", D, file_info={"a": 1})),
    ("file_info", lambda client, any_: client.upload(b"x", D, b2.NewFile(file_info={"a": 1}))),  # type: ignore[dict-item]
    ("content_type", lambda client, any_: client.upload(b"x", D, content_type=5)),
    ("encryption", lambda client, any_: client.upload(b"x", D, encryption="SSE-B2")),
    ("listener", lambda client, any_: client.upload(b"x", D, listener=5)),  # type: ignore[arg-type]
    ("progress_listener", lambda client, any_: client.upload(b"x", D, progress_listener=5)),  # type: ignore[arg-type]
    ("source", lambda client, any_: client.upload(b2.LocalRange("here", -1, 5), D)),
    ("source", lambda client, any_: client.upload(b2.LocalRange("here", "0"), D)),  # type: ignore[arg-type]
    ("source", lambda client, any_: client.read(any_)),
    ("wanted", lambda client, any_: client.read(S, wanted=(0, 5))),  # type: ignore[arg-type]
    ("wanted", lambda client, any_: client.read(S, wanted=range(5))),  # type: ignore[arg-type]
    ("target", lambda client, any_: client.download(S, any_)),
    ("target", lambda client, any_: client.download(S, 5)),  # type: ignore[arg-type]
    ("target", lambda client, any_: client.download(S, b2.LocalRange("here", -1))),
    ("streams", lambda client, any_: client.download(S, "x", streams="4")),  # type: ignore[arg-type]
    ("streams", lambda client, any_: client.download(S, "x", streams=0)),
    ("encryption", lambda client, any_: client.download(S, "x", encryption=b2.SseB2())),  # type: ignore[arg-type]
    ("source", lambda client, any_: client.copy(any_, D)),
    ("max_part_size", lambda client, any_: client.copy(S, D, max_part_size=0)),
    ("max_part_size", lambda client, any_: client.copy(S, D, max_part_size=-5)),
    ("older_than", lambda client, any_: client.plan_cleanup("b2://bucket", older_than=5)),  # type: ignore[arg-type]
    ("older_than", lambda client, any_: client.plan_cleanup("b2://bucket", older_than=timedelta(-1))),
    ("folder", lambda client, any_: client.plan_cleanup(any_)),
    ("intents", lambda client, any_: client.create_file(5, D)),  # type: ignore[arg-type]
    ("intents", lambda client, any_: client.create_file_stream(any_, D)),
    ("intents", lambda client, any_: client.plan_create(5)),  # type: ignore[arg-type]
    ("intent 0", lambda client, any_: client.create_file(["here"], D)),  # type: ignore[list-item]
    ("intent 0", lambda client, any_: client.create_file([(b2.B2Range(S, -5, 10), 0)], D)),
    ("intent 0", lambda client, any_: client.create_file([(b2.B2Range(S, 0, "9"), 0)], D)),  # type: ignore[arg-type]
    ("intent 0", lambda client, any_: client.create_file([(b2.B2Range(any_), 0)], D)),
    ("memory", lambda client, any_: client.create_file([(b"x", 0)], D, memory=0)),
    ("prioritize", lambda client, any_: client.create_file([(b"x", 0)], D, prioritize="best")),  # type: ignore[arg-type]
    ("overlap", lambda client, any_: client.create_file([(b"x", 0)], D, overlap="last")),  # type: ignore[arg-type]
    ("source_keys", lambda client, any_: client.create_file([(b"x", 0)], D, source_keys=5)),  # type: ignore[arg-type]
    ("source_keys", lambda client, any_: client.create_file([(b"x", 0)], D, source_keys=["k"])),  # type: ignore[list-item]
    ("sources", lambda client, any_: client.concatenate(5, D)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("name", "act"), WRONG)
def test_a_wrong_argument_is_named(
    name: str, act: Act, world: SimulatedB2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").write_bytes(b"0123456789")
    before = len(world.simulator.journal)
    result = act(world.client, ANY)
    assert not ok(result)
    error = result.failure()
    assert isinstance(error, InvalidArgument), error
    assert error.name == name, error
    assert len(world.simulator.journal) == before
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


@pytest.mark.parametrize("time", [-1, 0, -(10**15) + 1, 10**15 - 1])
def test_a_time_before_1970_comes_back(world: SimulatedB2, time: int) -> None:
    """As the times of old files do, which a sync sends."""
    world.client.upload(b"x", D, mod_time_millis=time).unwrap()
    (listed,) = (file for file in world.client.ls("b2://bucket") if file.file_name == "made")
    assert listed.file_info["src_last_modified_millis"] == str(time)


def test_no_check_is_for_an_argument_that_no_method_has() -> None:
    """A renamed argument would no longer be checked."""
    methods = ("upload", "download", "read", "copy", "plan_cleanup", "create_file", "create_file_stream", "plan_create")
    names = {name for method in methods for name in inspect.signature(getattr(b2.Client, method)).parameters}
    plain = names - {"self", "choices", "planning", "source", "target", "encryption", "intents"}
    wrong: Any = object()
    assert [name for name in sorted(plain) if argument_problem(name, wrong) is None] == []


@pytest.mark.parametrize(
    "source", [memoryview(b"abc"), bytearray(b"abc"), iter([b"a", b"", b"bc"]), (bytes([c]) for c in b"abc")]
)
def test_bytes_come_in_many_shapes(world: SimulatedB2, source: Any) -> None:
    world.client.upload(source, D).unwrap()
    assert world.client.read(D).unwrap() == b"abc"


def test_an_iterator_of_something_else_makes_no_object(world: SimulatedB2) -> None:
    error = world.client.upload(iter(["text"]), D).failure()  # type: ignore[arg-type]
    assert "gives str, not bytes" in str(error)


def test_a_path_alone_is_one_source(world: SimulatedB2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").write_bytes(b"content")
    world.client.concatenate("here", D).unwrap()
    assert world.client.read(D).unwrap() == b"content"
    world.client.concatenate_stream("here", D).unwrap()
    world.client.concatenate(b"bytes", D).unwrap()
    assert world.client.read(D).unwrap() == b"bytes"
