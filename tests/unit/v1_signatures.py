"""The signatures of the numbered interface as lines of text, and which changes of them it promises not to make.

    python tests/unit/v1_signatures.py

writes `v1_signatures.txt` anew, and with it the page of the reference (`v1_page`); it refuses to write what breaks the
promise, unless `--break` says so. A line is the name of a callable as it is reached from `b2pure.v1`, and its
parameters: `=` has a default, `/` and `*` as in Python. Other lines are names of properties and of what is no callable,
and members of enums with their values.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from inspect import Parameter
from pathlib import Path
from typing import Any, Final

import b2pure.v1 as v1
from b2pure.shell.v1.session import Session
from b2pure.v1 import exception

__all__ = ["FILE", "HOW_TO_UPDATE", "breaks", "difference", "lines_now", "lines_then", "main", "no_default"]

FILE: Final = Path(__file__).with_name("v1_signatures.txt")
HOW_TO_UPDATE: Final = "python tests/unit/v1_signatures.py"
_NOT_PROMISED: Final = (object, Session)
"""Whose methods are nobody's business but ours, though public classes have them."""


# -- what is there


Shown = Callable[[object], str]
"""What is said of a default."""


def no_default(default: object) -> str:
    """Nothing but that there is one."""
    return ""


def lines_now(shown: Shown = no_default) -> list[str]:
    """All lines, sorted. They are kept without defaults."""
    found: set[str] = set()
    for module, place in ((v1, ""), (exception, "exception.")):
        for name in module.__all__:
            found |= set(_lines(place + name, getattr(module, name), shown))
    return sorted(found, key=lambda line: (line.lower(), line))


def _lines(name: str, thing: Any, shown: Shown) -> Iterator[str]:
    if not callable(thing):
        yield name
    elif not isinstance(thing, type):
        yield name + _parameters(thing, shown)
    elif issubclass(thing, Enum):
        yield name
        yield from (f"{name}.{label} {member.value}" for label, member in thing.__members__.items())
    else:
        yield name + _parameters(thing, shown)
        for member in dir(thing):
            if not member.startswith("_") and _is_ours(_home(thing, member)):
                yield _member(f"{name}.{member}", inspect.getattr_static(thing, member), getattr(thing, member), shown)


def _home(kind: type, member: str) -> type:
    return next((each for each in kind.__mro__ if member in vars(each)), object)


def _is_ours(home: type) -> bool:
    return home.__module__.startswith("b2pure") and home not in _NOT_PROMISED


def _member(name: str, static: object, value: Any, shown: Shown) -> str:
    if inspect.isroutine(value):
        of_class = isinstance(static, staticmethod | classmethod)
        return name + _parameters(value, shown, skip_self=not of_class)
    return name


def _parameters(thing: Callable[..., Any], shown: Shown, *, skip_self: bool = False) -> str:
    if isinstance(thing, type) and issubclass(thing, BaseException) and not _is_ours(_home(thing, "__init__")):
        return "(*args)"
    given = list(inspect.signature(thing).parameters.values())[skip_self:]
    bare = [each.replace(annotation=Parameter.empty, default=_told(each.default, shown)) for each in given]
    return str(inspect.Signature(bare))


class _Default:
    """A default, as it is to be said."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _told(default: object, shown: Shown) -> object:
    return default if default is Parameter.empty else _Default(shown(default))


# -- what was there


def lines_then() -> list[str]:
    """The lines of the file."""
    return [line for line in FILE.read_text().splitlines() if line and not line.startswith("#")]


def difference(then: list[str], now: list[str]) -> list[str]:
    """The lines that went, with `-`, and those that came, with `+`."""
    return [f"- {line}" for line in then if line not in now] + [f"+ {line}" for line in now if line not in then]


def breaks(then: list[str], now: list[str]) -> list[str]:
    """What a program that was written for the lines of `then` would miss: a name, a parameter where it was, the
    permission to leave one out.
    """
    there = {_name(line): line for line in now}
    return [
        f"{line} -> {there.get(_name(line), 'gone')}"
        for line in then
        if _name(line) not in there or not _takes(there[_name(line)], line)
    ]


def _name(line: str) -> str:
    return re.split(r"[( ]", line, maxsplit=1)[0]


def _takes(new: str, old: str) -> bool:
    """Whether every call that the old line allows is allowed by the new one, and means the same."""
    if "(" not in old or "(" not in new:
        return new == old
    before, after = (list(_signature(line).parameters.values()) for line in (old, new))
    placed, now_placed = ([each for each in some if each.kind in _BY_PLACE] for some in (before, after))
    named = {each.name: each for each in after if each.kind in _BY_NAME}
    if any(each.kind not in {one.kind for one in after} for each in before if each.kind in _THE_REST):
        return False
    if any(each.kind is Parameter.VAR_POSITIONAL for each in before) and len(placed) != len(now_placed):
        return False
    if len(now_placed) < len(placed) or not all(map(_stands_for, now_placed, placed)):
        return False
    if not all(_may_stay_out(named.get(each.name), each) for each in before if each.kind is Parameter.KEYWORD_ONLY):
        return False
    more = any(each.kind is Parameter.VAR_KEYWORD for each in before)
    pairs = zip(now_placed, placed, strict=False)
    if more and any(new.kind in _BY_NAME and old.kind not in _BY_NAME for new, old in pairs):
        return False  # a name that went to the rest is now that of a parameter which has its value already
    known = {each.name for each in (*before, *now_placed[: len(placed)])}
    return all(_is_optional(each) for each in after if each.name not in known)


_BY_PLACE: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME: Final = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_THE_REST: Final = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def _signature(line: str) -> inspect.Signature:
    inside = re.sub(r"=(?=[,)])", "=0", line[line.index("(") :])
    made = eval(f"lambda {inside[1:-1]}: 0")  # of a line that this module wrote
    return inspect.signature(made)


def _stands_for(new: Parameter, old: Parameter) -> bool:
    """Whether a parameter takes what another one at its place took."""
    if old.kind is Parameter.POSITIONAL_OR_KEYWORD and (new.kind, new.name) != (old.kind, old.name):
        return False
    return _is_optional(new) or not _is_optional(old)


def _may_stay_out(new: Parameter | None, old: Parameter) -> bool:
    return new is not None and (_is_optional(new) or not _is_optional(old))


def _is_optional(parameter: Parameter) -> bool:
    return parameter.default is not Parameter.empty or parameter.kind in _THE_REST


# -- writing it


def main(arguments: list[str]) -> int:
    """Write the file; 1 if that would break the promise."""
    now = lines_now()
    then = lines_then() if FILE.exists() else []
    broken = breaks(then, now)
    print(*difference(then, now), sep="\n")
    if broken and arguments != ["--break"]:
        print("not written: programs would break by", *broken, sep="\n  ")
        return 1
    FILE.write_text("\n".join([f"# Written by: {HOW_TO_UPDATE}", *now, ""]))
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    if status == 0:
        import v1_page

        v1_page.write()
    sys.exit(status)
