"""Runs examples of the documentation as they stand in it: prompts, continued lines, and what is printed.

Rules. `b2sdk.v1` is read as `b2pure.v1`; nothing else is changed but what the caller names (paths, keys, sizes). What
is printed is compared without what no two runs have in common: ids, times, addresses of objects, and how wide the
columns are.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from typing import Any, Final

from attrs import define, field, frozen

PROMPT: Final = ">>> "
MORE: Final = "... "

_WRAPPED: Final = re.compile(r"\n\s*(?:->|↪|↵|˓→)\s*")
_ASIDE: Final = (
    (re.compile(r"4_z\w+"), "FILE-ID"),
    (re.compile(r"\b[0-9a-f]{24}\b"), "BUCKET-ID"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "ACCOUNT-ID"),
    (re.compile(r"\b1[0-9]{12}\b"), "TIME"),
    (re.compile(r"[ \t]+"), " "),
)
_VOLATILE: Final = ("accountId", "bucketId", "fileId", "file_id", "uploadTimestamp", "revision")


@frozen
class Step:
    """Something that is typed, and what the documentation says is printed then."""

    typed: str
    printed: str


def steps(text: str) -> Iterator[Step]:
    """What is typed in a block, statement by statement."""
    typed: list[str] = []
    printed: list[str] = []
    for line in text.strip("\n").splitlines():
        is_prompt = line.startswith(PROMPT)
        if is_prompt and typed and not _goes_on(typed, line.removeprefix(PROMPT)):
            yield Step("\n".join(typed), "\n".join(printed))
            typed, printed = [], []
        if is_prompt or line.startswith(MORE) or line == MORE.strip():
            typed.append(line[len(PROMPT) :])
        elif typed and not printed and _is_open(typed) and line.strip():
            typed.append(line)
        elif line.strip() and not line.startswith("#"):
            printed.append(line)
    if typed:
        yield Step("\n".join(typed), "\n".join(printed))


def _goes_on(typed: list[str], line: str) -> bool:
    """Whether a line behind a prompt belongs to the loop that was begun."""
    return line.startswith(" ") and typed[0].rstrip().endswith(":")


def _is_open(typed: list[str]) -> bool:
    """Whether what was typed is not all yet."""
    source = "\n".join(typed)
    try:
        ast.parse(source)
    except SyntaxError:
        return True
    return typed[-1].rstrip().endswith(":")


@define
class Console:
    """A prompt. `replaced` is what stands in the place of what the documentation invents."""

    names: dict[str, Any] = field(factory=dict)
    replaced: Mapping[str, str] = field(factory=dict)

    def run(self, text: str) -> list[tuple[Step, str]]:
        """Type a block; what was printed beside what should have been."""
        text = _WRAPPED.sub("", text)
        for invented, real in {"b2sdk.v1": "b2pure.v1", **self.replaced}.items():
            text = text.replace(invented, real)
        return [(step, self._type(step.typed)) for step in steps(text)]

    def check(self, text: str) -> None:
        """Type a block, and see that it prints what it says."""
        for step, printed in self.run(text):
            same(step, printed)

    def _type(self, typed: str) -> str:
        out = io.StringIO()
        with redirect_stdout(out):
            display, sys.displayhook = sys.displayhook, sys.__displayhook__
            try:
                exec(compile(typed.replace("print (", "print(") + "\n", "<example>", "single"), self.names)
            finally:
                sys.displayhook = display
        return out.getvalue()


def same(step: Step, printed: str) -> None:
    """Whether it printed what it says it prints."""
    expected = step.printed
    if expected.startswith("{"):
        found = ast.literal_eval(printed)
        wanted = ast.literal_eval(expected)
        missing = wanted.keys() - found.keys()
        assert not missing, f"{step.typed}: {missing} are not in {found}"
        for name, value in wanted.items():
            assert type(found[name]) is type(value), (step.typed, name)
            assert name in _VOLATILE or found[name] == value, (step.typed, name, found[name])
    elif not expected.startswith("<"):
        assert plain(printed) == plain(expected), step.typed
    else:
        assert printed, step.typed


def plain(text: str) -> list[str]:
    """Lines without what no two runs have in common, as they stand on the terminal: a carriage return begins anew."""
    for pattern, name in _ASIDE:
        text = pattern.sub(name, text)
    lines = (line.rsplit("\r", 1)[-1].strip() for line in text.split("\n"))
    return [line for line in lines if line]
