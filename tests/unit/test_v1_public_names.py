"""Every public name of the numbered interface stands in `v1_public_names.txt`, and the list says what is there."""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path
from typing import Final

import b2pure
import b2pure.v1 as v1
from b2pure.v1 import exception

LIST: Final = Path(__file__).with_name("v1_public_names.txt")
B2SDK_NAMES: Final = Path(__file__).with_name("b2sdk_v1_names.txt")
B2SDK_ATTRIBUTES: Final = Path(__file__).with_name("b2sdk_v1_attributes.txt")
MIGRATION: Final = Path(__file__).parents[2] / "docs" / "migration.md"
SECTIONS: Final = ("built", "not built yet", "beyond the documentation")


@cache
def _listed() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    section: list[str] = []
    for line in LIST.read_text().splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            section.append(line)
    return found


def _is_there(name: str) -> bool:
    place: object = v1
    for part in name.split("."):
        if not hasattr(place, part):
            return False
        place = getattr(place, part)
    return True


def _is_of_a_module(name: str) -> bool:
    return "." not in name.removeprefix("exception.")


def test_the_list_has_its_sections_in_order_and_each_name_once() -> None:
    assert tuple(_listed()) == SECTIONS
    names = [name for section in SECTIONS for name in _listed()[section]]
    assert len(names) == len(set(names))
    for section in SECTIONS:
        assert _listed()[section] == sorted(_listed()[section], key=lambda name: (name.lower(), name))


def test_what_is_built_is_there() -> None:
    assert [name for name in _listed()["built"] if not _is_there(name)] == []


def test_what_is_not_built_yet_is_absent() -> None:
    """Whoever builds one moves it, so that nobody takes the list for what it is not."""
    assert [name for name in _listed()["not built yet"] if _is_there(name)] == []


def test_nothing_else_is_exported() -> None:
    exported = {*v1.__all__, *(f"exception.{name}" for name in exception.__all__)}
    listed = {name for section in ("built", "beyond the documentation") for name in _listed()[section]}
    assert exported == set(filter(_is_of_a_module, listed))


def test_a_star_imports_what_is_exported() -> None:
    for module in ("b2pure.v1", "b2pure.v1.exception"):
        loaded = importlib.import_module(module)
        assert all(hasattr(loaded, name) for name in loaded.__all__)
        assert not [name for name in loaded.__all__ if name.startswith("_")]


# -- what b2sdk.v1 exports and b2pure.v1 does not


def _not_here() -> str:
    return MIGRATION.read_text().partition("## Not here")[2]


def _lines(facts: Path) -> set[str]:
    return {line for line in facts.read_text().splitlines() if line and not line.startswith("#")}


def test_what_the_page_says_is_not_here_is_all_that_is_not() -> None:
    """The first column of the table in docs/migration.md; the names of b2sdk 1.1.4 are a list of facts."""
    rows = [line.split("|")[1] for line in _not_here().splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(told) == len(set(told))
    assert set(told) == _lines(B2SDK_NAMES) - set(dir(v1))


def test_attributes_that_the_page_says_are_not_here_are_all_that_are_not() -> None:
    """Of classes that are here; what those of b2sdk 1.1.4 have is a list of facts, too."""
    sentence = _not_here().partition("these attributes are not:")[2].partition("`VERSION`")[0]
    told = re.findall(r"`(\w+\.\w+)`", sentence)
    assert len(told) == len(set(told))
    there = [name for name in _lines(B2SDK_ATTRIBUTES) if hasattr(v1, name.partition(".")[0])]
    assert len(there) > 500
    assert set(told) == {name for name in there if not _is_there(name) and not _is_of_an_object(name)}


def _is_of_an_object(name: str) -> bool:
    """Whether an object of the class has it."""
    raw_api = v1.RawSimulator()
    objects: dict[str, object] = {
        "RawSimulator": raw_api,
        "B2Api": v1.B2Api(v1.InMemoryAccountInfo(), raw_api=raw_api),
    }
    kind, _, attribute = name.partition(".")
    return kind in objects and hasattr(objects[kind], attribute)


def test_the_version_is_that_of_this_package() -> None:
    assert b2pure.__version__ == v1.VERSION
    assert b2pure.__version__ in v1.USER_AGENT
