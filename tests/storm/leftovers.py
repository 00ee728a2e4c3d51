"""Large files that a killed run left unfinished: the clean-up finds every one, and takes them away."""

from __future__ import annotations

from datetime import timedelta

from .scenes import starts
from .worlds import World, demand

__all__ = ["check_leftovers", "clean_leftovers"]


def check_leftovers(world: World, bucket: str, prefix: str = "") -> None:
    """The clean-up's plan names every unfinished large file."""
    left = starts(world.simulator, bucket)
    if left:
        plan = world.quiet_client().plan_cleanup(f"b2://{bucket}/{prefix}", older_than=timedelta(0)).unwrap()
        demand({file.file_id for file in plan.cancel} == left, "the clean-up finds every unfinished large file", left)


def clean_leftovers(world: World, bucket: str, prefix: str = "") -> None:
    """Cancel them."""
    if starts(world.simulator, bucket):
        client = world.quiet_client()
        client.clean_up(client.plan_cleanup(f"b2://{bucket}/{prefix}", older_than=timedelta(0)).unwrap())
        demand(not starts(world.simulator, bucket), "the clean-up cancels every unfinished large file")
