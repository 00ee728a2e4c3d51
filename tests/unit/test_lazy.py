"""The packages that load their names only when they are asked for: each name from where it is said to be, and not more
than is needed.
"""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

LAZY: Final = ("b2pure", "b2pure.plan", "b2pure.testing", "b2pure.v1")
AT_ONCE: Final = {"__version__", "compare", "split"}


@pytest.fixture(params=LAZY)
def package(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def _for_checkers(package: ModuleType) -> Iterator[tuple[str, str]]:
    """What the type checker is told: modules and names under `if TYPE_CHECKING`."""
    assert package.__file__ is not None
    for node in ast.parse(Path(package.__file__).read_text()).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for each in node.body:
                assert isinstance(each, ast.ImportFrom)
                yield from ((str(each.module), alias.name) for alias in each.names)


def test_the_type_checker_is_told_what_is_loaded(package: ModuleType) -> None:
    loaded = {(home, name) for home, names in package._HOMES.items() for name in names}
    assert set(_for_checkers(package)) == loaded
    assert {name for _, name in loaded} == set(package.__all__) - AT_ONCE


def test_every_name_is_that_of_its_home(package: ModuleType) -> None:
    for home, names in package._HOMES.items():
        for name in names:
            assert getattr(package, name) is getattr(importlib.import_module(home), name)
    assert set(package.__all__) <= set(dir(package))


def test_a_name_that_is_not_there_is_told(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def _loaded_by(code: str) -> set[str]:
    """The modules of a new interpreter after the code."""
    said = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(said.stdout.split())


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import b2pure", {"attrs", "httpx", "b2pure.model", "b2pure.plan"}),
        ("import b2pure.v1", {"attrs", "httpx", "b2pure.model", "b2pure.shell.v1.api"}),
        ("import b2pure; b2pure.plan_sync", {"httpx", "ssl"}),
        ("import b2pure; b2pure.connect", {"httpx", "b2pure.plan.emerge", "b2pure.effects.simulator"}),
        ("from b2pure.v1.exception import B2Error", {"httpx", "ssl"}),
        ("from b2pure.v1 import B2Api", {"b2pure.effects.simulator", "b2pure.shell.client", "tqdm", "uvicorn"}),
    ],
)
def test_nobody_waits_for_what_is_not_used(code: str, absent: set[str]) -> None:
    assert not absent & _loaded_by(code)


def test_the_exceptions_are_an_attribute_without_an_import_of_their_own() -> None:
    assert "b2pure.v1.exception" in _loaded_by("import b2pure.v1; b2pure.v1.exception.B2Error")
