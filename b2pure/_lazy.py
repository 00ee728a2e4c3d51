"""Packages that load their names when they are asked for: who imports one name does not wait for the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["loaded"]


def loaded(package: dict[str, Any], homes: Mapping[str, tuple[str, ...]], name: str) -> Any:
    """A name of the package whose globals these are, from its home, the module that has it; the next look finds it
    without asking. Raises AttributeError for a name without a home.
    """
    import importlib

    for home, names in homes.items():
        if name in names:
            value = package[name] = getattr(importlib.import_module(home), name)
            return value
    raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
