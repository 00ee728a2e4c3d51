"""Plans of objects with everything a person does with one: look at it, ask why, keep it in a file.

The value is `plan.emerge.EmergePlan`; here it has a drawing, its reasons, its cost in words, and a place on disk, as a
sync plan has (`plans.Plan`). A plan file appears under its name whole or not at all.
"""

from __future__ import annotations

import os

from attrs import fields, frozen
from returns.result import Failure, Result

from b2pure.effects.program import ok
from b2pure.model.errors import LocalFailure
from b2pure.plan.emerge.codec import emerge_lines, read_emerge_lines
from b2pure.plan.emerge.draw import draw
from b2pure.plan.emerge.explain import explain, summary
from b2pure.plan.emerge.plan import EmergePlan
from b2pure.plan.failures import EmergeFailure, PlanFailed
from b2pure.shell.plans import write_whole

__all__ = ["CreatePlan", "as_create_plan"]


@frozen
class CreatePlan(EmergePlan):
    """What `Client.create_file` would do: the parts of the object, and where each comes from."""

    def draw(self) -> str:
        """A picture of what B2 has, what is here, and what becomes of it."""
        return draw(self)

    def explain(self, number: int) -> str:
        """Why part `number` (from 1) is what it is. Raises IndexError where there is no such part."""
        return explain(self, number)

    def summary(self) -> str:
        """What it costs, and what it would cost to send everything."""
        return summary(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan to a file, which appears under its name only when it is whole. Local files stay where they
        are, and are pinned to what they were. Raises OSError, and PlanFailed for bytes at hand that are too many for a
        plan file.
        """
        lines = emerge_lines(self)
        if not ok(lines):
            raise PlanFailed(lines.failure())
        write_whole(os.fspath(path), lines.unwrap())

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Result[CreatePlan, EmergeFailure | LocalFailure]:
        """The plan in a file, checked from its first byte to its last."""
        name = os.fspath(path)
        try:
            with open(name, "rb") as file:
                loaded = read_emerge_lines(file)
        except OSError as error:
            return Failure(LocalFailure("read", name, error.strerror or str(error)))
        return loaded.map(as_create_plan)


def as_create_plan(plan: EmergePlan) -> CreatePlan:
    """The same plan, with what people do with one."""
    return CreatePlan(*(getattr(plan, each.name) for each in fields(EmergePlan)))
