"""How Sphinx builds the documentation: `make docs`. Nothing is fetched, when it is built or when it is read."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from sphinx.util.typing import stringify_annotation

import b2pure
import b2pure.plan
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
_TOLD_BY = {"b2pure.v1": (b2pure.v1.exception,), "b2pure.plan": (b2pure,)}
_TOLD_BY_FACES = (b2pure, b2pure.plan)


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
    lines[:] = told


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
    if what != "module" or module is None or module in ("b2pure", "b2pure.v1.exception", "b2pure.testing"):
        return None
    faces = _TOLD_BY.get(module, _TOLD_BY_FACES)
    return any(name in face.__all__ and getattr(face, name) is obj for face in faces) or None


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


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", _as_rest)
    app.connect("autodoc-skip-member", _skipped)
    app.connect("autodoc-process-signature", _named_unions)
