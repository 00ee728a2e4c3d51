"""Plans of objects that draw and explain themselves, and lie in files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

import b2pure as b2
from b2pure.effects.simulator import SimulatorConfig
from b2pure.model.errors import LocalFailure
from b2pure.plan.failures import Truncated
from b2pure.testing import SimulatedB2, simulated_b2

TINY: Final = SimulatorConfig(absolute_minimum_part_size=5, recommended_part_size=10)


@pytest.fixture
def world() -> SimulatedB2:
    world = simulated_b2("bucket", config=TINY)
    world.client.upload(bytes(40), "b2://bucket/old").unwrap()
    return world


def planned(world: SimulatedB2, folder: Path) -> b2.CreatePlan:
    (folder / "new").write_bytes(b"n" * 20)
    return world.client.plan_create(b2.InOrder(["b2://bucket/old", folder / "new"])).unwrap()


def test_a_plan_says_what_it_does_and_why(world: SimulatedB2, tmp_path: Path) -> None:
    plan = planned(world, tmp_path)
    assert "cloud[A, B]" in plan.draw()
    assert "1 copied" in plan.summary()
    assert plan.explain(1) != plan.explain(2)
    with pytest.raises(IndexError):
        plan.explain(9)


def test_a_plan_that_was_saved_makes_the_object(world: SimulatedB2, tmp_path: Path) -> None:
    plan = planned(world, tmp_path)
    plan.save(tmp_path / "plan.jsonl")
    loaded = b2.CreatePlan.load(tmp_path / "plan.jsonl").unwrap()
    assert loaded == plan
    assert sorted(each.name for each in tmp_path.iterdir()) == ["new", "plan.jsonl"]
    world.client.create_file(loaded, "b2://bucket/made").unwrap()
    assert world.client.read("b2://bucket/made").unwrap() == bytes(40) + b"n" * 20


def test_what_is_no_plan_file_is_told(world: SimulatedB2, tmp_path: Path) -> None:
    planned(world, tmp_path).save(tmp_path / "plan.jsonl")
    (tmp_path / "plan.jsonl").write_bytes((tmp_path / "plan.jsonl").read_bytes()[:-9])
    assert isinstance(b2.CreatePlan.load(tmp_path / "plan.jsonl").failure(), Truncated)
    assert isinstance(b2.CreatePlan.load(tmp_path / "none").failure(), LocalFailure)


def test_bytes_that_are_too_many_for_a_file_leave_none(world: SimulatedB2, tmp_path: Path) -> None:
    plan = world.client.plan_create([(bytes(70_000), 0)], part_size=70_000).unwrap()
    with pytest.raises(b2.PlanFailed, match="too many for a plan file"):
        plan.save(tmp_path / "plan")
    assert not list(tmp_path.iterdir())
