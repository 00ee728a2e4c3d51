"""What documentation, README and sample programs import is public, and everything public is in the reference.

Public is what the API reference names: `docs/versions.md` says so. `make docs` looks at each single name, too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from doctest import DocTestParser
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Final

import pytest
from docs_runner import blocks_of

import b2pure
import b2pure.model
import b2pure.testing

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", *sorted(path for path in ROOT.glob("docs/**/*.md") if "_build" not in path.parts)]
PUBLIC: Final = {
    name
    for page in ROOT.glob("docs/reference/*.md")
    for name in re.findall(r"^.. automodule:: (\S+)$", page.read_text(), re.MULTILINE)
}
FACES: Final = ("b2pure", "b2pure.v1", "b2pure.v1.exception", "b2pure.plan", "b2pure.testing")


def _imports(code: str) -> Iterator[tuple[str, str]]:
    """Modules, and the names that are taken from them."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def _code(page: Path) -> Iterator[str]:
    text = page.read_text()
    if page.name == "README.md":
        yield from re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        return
    for block in blocks_of(text):
        if block.language == "python":
            yield block.text
        elif block.language == "pycon":
            yield "".join(example.source for example in DocTestParser().get_examples(block.text))
        elif block.language == "console":
            yield from re.findall(r"python\b[^\n]* -c '([^']*)'", block.text)


def _docstrings(path: Path) -> Iterator[str]:
    """The lines of the examples in docstrings that import something."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield from re.findall(r"^ {4}((?:from|import) b2pure.*)$", ast.get_docstring(node) or "", re.MULTILINE)


def _private(code: str) -> list[str]:
    found = []
    for module, name in _imports(code):
        if module.split(".")[0] != "b2pure":
            continue
        exported = import_module(module).__all__ if module in PUBLIC else ()
        is_module = f"{module}.{name}" in PUBLIC
        if module not in PUBLIC | {"b2pure.model"} or (
            name not in ("", "*") and name not in exported and not is_module
        ):
            found.append(f"{module} {name}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_documentation_imports_what_is_public(page: Path) -> None:
    assert [private for code in _code(page) for private in _private(code)] == []


@pytest.mark.parametrize("program", sorted(ROOT.glob("examples/**/*.py")), ids=lambda path: path.name)
def test_sample_programs_import_what_is_public(program: Path) -> None:
    code = program.read_text()
    assert _private(code.replace("from b2sdk.v1", "from b2pure.v1")) == []


def test_examples_in_docstrings_import_what_is_public() -> None:
    found = [code for path in sorted(ROOT.glob("b2pure/**/*.py")) for code in _docstrings(path)]
    assert found
    assert [private for code in found for private in _private(code)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_sends_anybody_into_a_private_module(page: Path) -> None:
    """Outside of code, too; only `versions.md` names them, to say that they are private."""
    if page.name != "versions.md":
        assert not re.findall(r"b2pure\.(?:effects|shell)\b[\w.]*", page.read_text())


def test_private_imports_would_be_found() -> None:
    assert _private("from b2pure.shell.clock import SystemClock") == ["b2pure.shell.clock SystemClock"]
    assert _private("import b2pure.effects") == ["b2pure.effects "]
    assert _private("from b2pure import shell") == ["b2pure shell"]
    assert _private("from b2pure.v1 import *\nfrom b2pure import connect\nimport b2pure as b2") == []


def test_the_reference_has_every_public_module() -> None:
    """All values, and the faces; of the planners those that people ask for."""
    values = {found.name for found in walk_packages(b2pure.model.__path__, "b2pure.model.")}
    assert {*FACES, *values} <= PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_what_a_public_module_exports_is_there(name: str) -> None:
    """And `dir` says the same, where names are loaded when they are asked for."""
    module = import_module(name)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []
    assert len(set(module.__all__)) == len(module.__all__)
    if module in (b2pure, b2pure.testing):
        assert dir(module) == sorted(module.__all__)
