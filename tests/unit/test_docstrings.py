"""Whoever looks a public name up is told what it is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

PAGES: Final = Path(__file__).parents[2].joinpath("docs", "reference")
MODULES: Final = sorted(
    name
    for page in PAGES.glob("*.md")
    for name in re.findall(r"^.. automodule:: (\S+)$", page.read_text(), re.MULTILINE)
)


def _undocumented(module_name: str) -> Iterator[str]:
    """Classes, functions, and methods that are ours, of what a module exports."""
    module = import_module(module_name)
    for name in module.__all__:
        value = getattr(module, name)
        if (isinstance(value, type) or inspect.isroutine(value)) and not _doc(value):
            yield name
        if isinstance(value, type):
            yield from (f"{name}.{each}" for each in _methods(value) if not inspect.getdoc(getattr(value, each)))


def _doc(value: object) -> str | None:
    """What it says itself: a class may inherit a text that is about its parent."""
    return vars(value).get("__doc__") if isinstance(value, type) else value.__doc__


def _methods(cls: type) -> Iterator[str]:
    for parent in cls.__mro__:
        if parent.__module__.startswith("b2pure"):
            for name, value in vars(parent).items():
                if not name.startswith("_") and (inspect.isroutine(value) or isinstance(value, property)):
                    yield name


@pytest.mark.parametrize("module_name", MODULES)
def test_every_public_name_of_the_reference_is_described(module_name: str) -> None:
    """By a docstring of its own; a method may have that of the method it overrides."""
    assert list(_undocumented(module_name)) == []
