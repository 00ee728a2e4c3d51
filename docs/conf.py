"""How Sphinx builds the documentation: `make docs`. Nothing is fetched, when it is built or when it is read."""

from __future__ import annotations

import re
from typing import Any

import b2pure
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
# Types in signatures: of other packages, and of modules that the reference does not name.
nitpick_ignore_regex = [("py:(class|obj|data|exc)", ".*")]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": False}
default_role = "code"

_ELSEWHERE = {
    "b2pure.v1": frozenset(b2pure.v1.exception.__all__),
}
_TOP = frozenset(b2pure.__all__)


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
        f"`{piece}`" if piece.startswith("`") and piece.endswith("`") and len(piece) > 1 else re.sub(r"([*|_\\])", r"\\\1", piece)
        for piece in pieces
    )


def _skipped(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Each name is told once, where people import it from."""
    module = app.env.temp_data.get("autodoc:module")
    if what != "module" or module is None:
        return None
    if name in _ELSEWHERE.get(module, ()):
        return True
    if module.startswith(("b2pure.model", "b2pure.plan")) and name in _TOP and getattr(b2pure, name) is obj:
        return True
    return None


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", _as_rest)
    app.connect("autodoc-skip-member", _skipped)
