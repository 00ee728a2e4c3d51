"""The progress listeners of b2sdk's kind, one by one."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from b2pure.effects.program import ok
from b2pure.shell.listeners import (
    AbstractProgressListener,
    DoNothingProgressListener,
    ProgressListenerForTest,
    SimpleProgressListener,
    TqdmProgressListener,
    make_progress_listener,
)
from b2pure.testing import simulated_b2


class Seconds:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_listener_for_tests_has_all_calls_in_order() -> None:
    world, listener = simulated_b2("bucket", seed=1), ProgressListenerForTest()
    world.client.upload(b"12345", "b2://bucket/n", progress_listener=listener).unwrap()
    assert listener.get_calls() == ["set_total_bytes(5)", "bytes_completed(5)", "close()"]


def test_an_empty_file_is_complete_with_no_bytes() -> None:
    world, listener = simulated_b2("bucket", seed=1), ProgressListenerForTest()
    world.client.upload(b"", "b2://bucket/n", progress_listener=listener).unwrap()
    assert listener.get_calls() == ["set_total_bytes(0)", "bytes_completed(0)", "close()"]


def test_a_transfer_that_fails_closes_its_listener() -> None:
    world, listener = simulated_b2("bucket", seed=1), ProgressListenerForTest()
    assert not ok(world.client.read("b2://bucket/absent", progress_listener=listener))
    assert listener.get_calls() == ["close()"]


def test_a_listener_that_raises_is_closed_all_the_same() -> None:
    class Angry(ProgressListenerForTest):
        def bytes_completed(self, byte_count: int) -> None:
            raise KeyboardInterrupt

    world, listener = simulated_b2("bucket", seed=1), Angry()
    with pytest.raises(KeyboardInterrupt):
        world.client.upload(b"12345", "b2://bucket/n", progress_listener=listener)
    assert listener.get_calls() == ["set_total_bytes(5)", "close()"]


def test_the_interface_is_abstract() -> None:
    with pytest.raises(TypeError):
        AbstractProgressListener()  # type: ignore[abstract]


def test_the_simple_one_prints_every_three_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Seconds()
    with SimpleProgressListener("photo", clock=clock) as listener:
        listener.set_total_bytes(4000)
        for clock.now, count in ((2.9, 1000), (3.0, 2000), (5.9, 3000), (6.0, 4000)):
            listener.bytes_completed(count)
    assert capsys.readouterr().out.splitlines() == [
        "photo: 2,000 of 4,000 (50 %) bytes",
        "photo: 4,000 of 4,000 (100 %) bytes",
        "photo: DONE.",
    ]


def test_the_simple_one_is_silent_about_what_is_over_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with SimpleProgressListener("photo", clock=Seconds()) as listener:
        listener.set_total_bytes(4000)
        listener.bytes_completed(4000)
    assert capsys.readouterr().out == ""


def test_the_bar_never_moves_backwards(capsys: pytest.CaptureFixture[str]) -> None:
    with TqdmProgressListener("photo") as listener:
        listener.set_total_bytes(4000)
        for count in (3000, 1000, 4000):
            listener.bytes_completed(count)
    told = capsys.readouterr().err
    assert "photo" in told
    assert "100%" in told
    assert "1.00k/" not in told


def test_make_progress_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(make_progress_listener("photo", True)) is DoNothingProgressListener
    assert type(make_progress_listener("photo", False)) is TqdmProgressListener
    monkeypatch.setitem(sys.modules, "tqdm", None)  # as if it were not installed
    assert type(make_progress_listener("photo", False)) is SimpleProgressListener


class Plain:
    """What has the methods, and nothing else."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def set_total_bytes(self, total_byte_count: int) -> None:
        self.calls.append(f"total {total_byte_count}")

    def bytes_completed(self, byte_count: int) -> None:
        self.calls.append(f"completed {byte_count}")


def test_whatever_has_the_methods_is_a_listener() -> None:
    """Its caller closes it."""
    world, listener = simulated_b2("bucket", seed=1), Plain()
    client: Any = world.client
    client.upload(b"12345", "b2://bucket/n", progress_listener=listener).unwrap()
    client.read("b2://bucket/n", progress_listener=listener).unwrap()
    assert listener.calls == ["total 5", "completed 5"] * 2


def test_listeners_of_b2sdk_itself() -> None:
    """Opened by `with` or not: none is closed twice, which it would take amiss."""
    theirs = pytest.importorskip("b2sdk.v2")

    class Noting(theirs.DoNothingProgressListener):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.heard: list[int] = []

        def bytes_completed(self, byte_count: int) -> None:
            self.heard.append(byte_count)

    world = simulated_b2("bucket", seed=1)
    with Noting() as opened:
        world.client.upload(b"12345", "b2://bucket/n", progress_listener=opened).unwrap()
    alone = Noting()
    world.client.read("b2://bucket/n", progress_listener=alone).unwrap()
    alone.close()
    assert (opened.heard, alone.heard) == ([5], [5])


@pytest.mark.parametrize("method", ["__enter__", "set_total_bytes"])
def test_a_listener_that_raises_before_the_transfer_leaves_nothing(method: str) -> None:
    def raises(self: object, *args: object) -> None:
        raise ValueError("no")

    listener = type("Raising", (ProgressListenerForTest,), {method: raises})()
    world = simulated_b2("bucket", seed=1)
    with pytest.raises(ValueError, match="no"):
        world.client.upload(bytes(40), "b2://bucket/n", progress_listener=listener)
    assert not world.simulator.journal or [done.call.name for done in world.simulator.journal] == ["b2_create_bucket"]
