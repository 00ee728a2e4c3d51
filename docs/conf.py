"""How Sphinx builds the documentation: `make docs`. Nothing is fetched, when it is built or when it is read."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from inspect import isroutine
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, NewType, get_origin

from sphinx.errors import ExtensionError
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.typing import stringify_annotation

import b2pure
import b2pure.plan
import b2pure.plan.emerge
import b2pure.v1.exception

project = "b2pure"
author = "the b2pure contributors"
version = release = b2pure.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"b2pure {version}"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
myst_heading_anchors = 3

nitpicky = True
# Other packages, the modules that are private, and type variables are named in signatures and told nowhere. Ids
# and unions are told, but as data.
nitpick_ignore_regex = [
    ("py:.*", r"(?!b2pure\.(model|plan|testing|v1)\.).*"),
    ("py:class", r"b2pure\.model\.ids\..*|.*\.(B2Error|PlanFailure|EmergeFailure|Prioritize)"),
    ("py:class", r".*\.([A-Z]|\w*Record|ServerKey)$"),
]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
# What a class has from its parents is told with it, but for what Python and msgspec give every class of a kind.
autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    "inherited-members": "object, Record, Struct, Enum, Exception, BaseException, B2Error, ABC, Mapping, tuple, str",
}
default_role = "code"

# Names that are told elsewhere: where people import them from.
_TOLD_BY = {
    "b2pure.v1": (b2pure.v1.exception,),
    "b2pure.plan": (b2pure,),
    "b2pure.plan.emerge": (b2pure, b2pure.plan),
}
_TOLD_BY_FACES = (b2pure, b2pure.plan, b2pure.plan.emerge)


def _as_rest(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: `code` in back ticks, lists with dashes, examples that are indented."""
    told: list[str] = []
    example = False
    for number, line in enumerate(lines):
        starts = line.startswith("    ") and (number == 0 or not lines[number - 1].strip())
        if starts and not example and not any(each.startswith("- ") for each in told[-3:]):
            told += [".. code-block:: python", ""]
            example = True
        elif line.strip() and not line.startswith("    "):
            example = False
        if line.startswith("- ") and told and told[-1].strip() and not told[-1].startswith(("- ", "  ")):
            told.append("")
        told.append(line if example else _escaped(line))
    lines[:] = told + (_data(name) if what == "module" else [])


def _data(module_name: str) -> list[str]:
    """Entries for what a module exports that is neither a class nor a function, as unions and constants: autodoc has
    none for them, unless their own module describes them.
    """
    module, told = import_module(module_name), [""]
    described = ModuleAnalyzer.for_module(module_name).find_attr_docs()
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, type) or isroutine(value) or ("", name) in described or _is_told_elsewhere(module, name):
            continue
        text = _spelled(value)
        told += [f".. py:data:: {name}", f"   :module: {module_name}", *([f"   :value: {text}"] if text else []), ""]
        told += [f"   {_escaped(line)}" for line in _description(name, value)] + [""]
    return told


def _spelled(value: object) -> str:
    """What a constant or a union is; nothing where that says nothing, or goes on for ever."""
    if isinstance(value, NewType):
        return f"NewType({value.__name__!r}, {value.__supertype__.__name__})"
    union = isinstance(value, UnionType) or get_origin(value) is not None
    text = stringify_annotation(value, "smart").replace("~", "") if union else repr(value)
    if union:
        text = re.sub(r"\b(\w+\.)+(?=\w)", "", text)
    return "" if len(text) > 1000 or " object at " in text or "<" in text else text


def _description(name: str, value: object) -> list[str]:
    """The text below it, where it is defined."""
    for home, module in sorted(sys.modules.items()):
        if home.startswith("b2pure.") and getattr(module, name, None) is value:
            found = ModuleAnalyzer.for_module(home).find_attr_docs().get(("", name))
            if found:
                return found
    return []


def _escaped(line: str) -> str:
    """A line in which only back ticks mean anything."""
    pieces = re.split(r"(`[^`]*`)", line)
    return "".join(
        f"`{piece}`" if len(piece) > 1 and piece[0] == piece[-1] == "`" else re.sub(r"([*|_\\])", r"\\\1", piece)
        for piece in pieces
    )


def _skipped(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Each name is told once, where people import it from."""
    module = app.env.temp_data.get("autodoc:module")
    if what != "module" or module is None:
        return None
    return _is_told_elsewhere(import_module(module), name) or None


def _is_told_elsewhere(module: ModuleType, name: str) -> bool:
    if module.__name__ in ("b2pure", "b2pure.v1.exception", "b2pure.testing"):
        return False
    faces = _TOLD_BY.get(module.__name__, _TOLD_BY_FACES)
    return any(name in face.__all__ and getattr(face, name) is getattr(module, name, None) for face in faces)


# Unions that have a name are called by it: the longest first, for one may be a part of another.
_UNIONS = [
    ("b2pure.shell.emerge_sources", "Intents"),
    ("b2pure.shell.emerge_sources", "CreateSource"),
    ("b2pure.shell.transfer_arguments", "TransferError"),
    ("b2pure.plan.failures", "PlanFailure"),
    ("b2pure.plan.failures", "EmergeFailure"),
    ("b2pure.model.errors", "B2Error"),
    ("b2pure.effects.interpreter", "Listener"),
    ("b2pure.plan.emerge.plan", "Prioritize"),
    ("b2pure.effects.faults", "Fault"),
]
_SPELLED = [
    (stringify_annotation(getattr(import_module(home), name), "smart"), f"~{home}.{name}") for home, name in _UNIONS
]


def _named_unions(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """What a function takes and gives, with the names of unions in the place of what they are made of."""

    def shorter(text: str | None) -> str | None:
        for spelled, called in _SPELLED:
            text = text and text.replace(spelled, called)
        return text and re.sub(r"<function [\w.]*(<lambda>)?>", "...", text)

    return shorter(signature), shorter(returned)


def _all_told(app: Any, env: Any) -> None:
    """Every name that a module of the reference exports has an entry in it: there, or where people import it from."""
    pages = "".join(page.read_text() for page in Path(app.srcdir, "reference").glob("*.md"))
    modules = [import_module(name) for name in re.findall(r"^.. automodule:: (\S+)$", pages, re.MULTILINE)]
    told = {name for name, *_ in env.get_domain("py").get_objects()}

    def has_entry(value: object, name: str) -> bool:
        return any(f"{each.__name__}.{name}" in told and getattr(each, name, None) is value for each in modules)

    missing = [f"{each.__name__}.{name}" for each in modules for name in each.__all__
               if not has_entry(getattr(each, name), name)]  # fmt: skip
    if missing:
        raise ExtensionError(f"the reference has no entry for {', '.join(missing)}")


def setup(app: Any) -> None:
    app.connect("env-check-consistency", _all_told)
    app.connect("autodoc-process-docstring", _as_rest)
    app.connect("autodoc-skip-member", _skipped)
    app.connect("autodoc-process-signature", _named_unions)
