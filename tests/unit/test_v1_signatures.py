"""The signatures of the numbered interface are those of `v1_signatures.txt`, and what breaks them is told from what
only adds to them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import v1_page
import v1_signatures
from hypothesis import given
from hypothesis import strategies as st
from v1_signatures import HOW_TO_UPDATE, breaks, difference, lines_now, lines_then, main

import b2pure.v1 as v1
from b2pure.v1 import exception


def test_nothing_that_programs_rely_on_went_away() -> None:
    """Only what breaks no program: docs/versions.md says what that is."""
    broken = breaks(lines_then(), lines_now())
    assert not broken, f"b2pure.v1 promises these, put them back:\n{chr(10).join(broken)}"


def test_the_file_says_what_is_there() -> None:
    changed = difference(lines_then(), lines_now())
    assert not changed, f"if that is meant, run {HOW_TO_UPDATE}\n{chr(10).join(changed)}"


def test_lines_of_all_kinds_are_there() -> None:
    """The file is not empty because nothing was looked at."""
    lines = lines_then()
    for line in (
        "B2Api(account_info=, cache=, raw_api=, max_upload_workers=, max_copy_workers=)",
        "B2Api.account_info",
        "B2Session.copy_part(source_file_id, large_file_id, part_number, bytes_range=)",
        "B2Session.authorize_automatically()",
        "ALL_CAPABILITIES",
        "b2_url_encode(s)",
        "CompareVersionMode.MODTIME 201",
        "exception.FileNotPresent(*args)",
        "FileVersionInfoFactory.from_api_response(file_info_dict, force_action=)",
    ):
        assert line in lines
    assert not [line for line in lines if line.startswith("B2Session.ask")]


# -- the page of the reference


def test_the_page_is_what_is_written_now() -> None:
    assert v1_page.PAGE.read_text() == v1_page.text(), f"run {HOW_TO_UPDATE}"


def test_the_page_tells_every_line_of_the_list_and_no_other() -> None:
    """What it leaves out is what it says of all exceptions, and said once of the class that all are."""
    told = [v1_page.bare(line) for line in v1_page.lines_of(v1_page.PAGE.read_text())]
    assert len(told) == len(set(told)) > 500
    assert set(told) <= set(lines_then())
    for line in set(lines_then()) - set(told):
        module, name, member = line.split(".", 2)
        assert (module, issubclass(getattr(exception, name), exception.B2Error)) == ("exception", True)
        assert f"exception.B2Error.{member}" in told


def test_the_page_has_each_name_in_one_group() -> None:
    placed = [name for names in v1_page.SECTIONS.values() for name in names.split()]
    assert len(placed) == len(set(placed))
    assert set(placed) == set(v1.__all__) | {"exception"}


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("f(a, b=None, *, c=-1, d='x, y', e=(), f=Mode.COPY, **g)", "f(a, b=, *, c=, d=, e=, f=, **g)"),
        ("f(a='')", "f(a=)"),
        ("C.NAME 303", "C.NAME 303"),
        ("f()", "f()"),
    ],
)
def test_a_line_without_its_defaults(line: str, bare: str) -> None:
    assert v1_page.bare(line) == bare


@pytest.mark.parametrize(
    ("old", "new", "fine"),
    [
        ("f(a)", "f(a, b=)", True),
        ("f(a)", "f(a, *, b=)", True),
        ("f(a)", "f(a=)", True),
        ("f(a)", "f(a, **more)", True),
        ("f(a, /)", "f(b)", True),
        ("f(*, a)", "f(a)", True),
        ("f(a)", "f(a, b)", False),
        ("f(a)", "f(b=, a=)", False),
        ("f(a=)", "f(a)", False),
        ("f(a)", "f(a, /)", False),
        ("f(a)", "f(*, a)", False),
        ("f(a)", "f(b)", False),
        ("f(a, *rest)", "f(a, b=, *rest)", False),
        ("f(*rest)", "f()", False),
        ("f(**more)", "f()", False),
        ("f(a, /, **more)", "f(a, **more)", False),
        ("f(a)", "f", False),
        ("f", "f(a)", False),
        ("E.X 1", "E.X 2", False),
        ("f(a)", "g(a)", False),
    ],
)
def test_what_breaks_a_program(old: str, new: str, fine: bool) -> None:
    assert (breaks([old], [new]) == []) is fine
    assert breaks([old], [old, "another"]) == []


NAMES: Final = ("a", "b", "c", "d")
BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@st.composite
def _lines(draw: st.DrawFn) -> str:
    """A signature, as a line."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(0, 4))]
    first, second = sorted(draw(st.tuples(st.integers(0, len(names)), st.integers(0, len(names)))))
    optional = draw(st.integers(0, second))
    placed = [name + ("=" if place >= optional else "") for place, name in enumerate(names[:second])]
    if first:
        placed.insert(first, "/")
    if names[second:]:
        placed.append(draw(st.sampled_from(["*", "*rest"])))
    placed += [name + draw(st.sampled_from(["", "="])) for name in names[second:]]
    return f"f({', '.join(placed + draw(st.sampled_from([[], ['**more']])))})"


@given(_lines(), _lines(), st.integers(0, 5), st.sets(st.sampled_from((*NAMES, "e"))))
def test_what_does_not_break_takes_every_call_that_was_taken(old: str, new: str, placed: int, named: set[str]) -> None:
    before, after = _made(old), _made(new)
    arguments, by_name = range(placed), dict.fromkeys(named, -1)
    try:
        was = before(*arguments, **by_name)
    except TypeError:
        return
    if breaks([old], [new]):
        return
    now = after(*arguments, **by_name)
    assert {name: now[name] for name in was if name in now} == {name: was[name] for name in was if name in now}


def _made(line: str) -> Callable[..., dict[str, object]]:
    """A function of this signature that says what came in under a name that callers may use. It is called, not bound:
    `Signature.bind` of Python 3.11 refuses a name that is also that of a parameter without a name for callers.
    """
    made: dict[str, Any] = {}
    exec(f"def {line.replace('=', '=0')}: return locals()", made)
    function = made["f"]
    may_be_said = {each.name for each in inspect.signature(function).parameters.values() if each.kind in BY_NAME}

    def call(*arguments: int, **named: int) -> dict[str, object]:
        came = function(*arguments, **named)
        return {name: value for name, value in came.items() if name in may_be_said}

    return call


def test_the_script_writes_what_only_adds_and_refuses_what_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "signatures.txt"
    monkeypatch.setattr(v1_signatures, "FILE", file)
    first, *rest = lines_now()
    file.write_text("\n".join(rest))
    assert main([]) == 0
    assert f"+ {first}" in capsys.readouterr().out
    assert lines_then() == lines_now()
    file.write_text("\n".join([*lines_now(), "gone(a)"]))
    assert main([]) == 1
    assert "gone(a) -> gone" in capsys.readouterr().out
    assert main(["--break"]) == 0
    assert lines_then() == lines_now()
