"""Interim: to be replaced by the full module."""

from __future__ import annotations

from typing import Any


def run_lifecycle(world: Any, at_millis: int) -> None:
    pass
