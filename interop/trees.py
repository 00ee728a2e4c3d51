"""Folders of files for the scenarios, and how two of them are compared: by the SHA-1 of every content.

A tree is a mapping of names, with `/` between the folders, to contents. Contents are made from their names, so every
run sends the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from hashlib import sha1
from pathlib import Path
from random import Random
from typing import Final

Tree = Mapping[str, bytes]

MOD_TIME: Final = 1_600_000_000.123
"""The modification time of every file that `write` makes, in seconds: milliseconds must survive."""

MOD_TIME_MILLIS: Final = "1600000000123"
"""The same as B2's clients write it into `src_last_modified_millis`."""

ODD_NAMES: Final = (
    "plain.txt",
    "with space.txt",
    "plus+plus+.txt",
    "percent%41%2F.txt",
    "100%.txt",
    "hash#tag.txt",
    "question?mark=1&more;.txt",
    "quotes'\"`.txt",
    "brackets[1]{2}(3).txt",
    "comma,colon:dollar$at@.txt",
    "tilde~caret^star*bang!.txt",
    "ünïcödé/日本語 ファイル.txt",
    "emoji 😀/😀+😀.bin",
    "dir/sub/deep.bin",
    "dir/sub.txt",
    "dir.txt",
    "empty.bin",
)
"""Names that a client or a server is likely to encode wrongly."""


class Differs(AssertionError):
    """Two things that must be the same are not."""


def content(name: str, size: int) -> bytes:
    """Bytes that only this name has."""
    return Random(name).randbytes(size)


def large(part_size: int) -> bytes:
    """What every client sends in two parts at least: more than a part and the smallest one, 5 million bytes."""
    return content("large", max(part_size + 5_500_001, 20_500_001))


def odd_tree() -> dict[str, bytes]:
    """A small file for every odd name, each of another size."""
    return {name: content(name, 0 if name == "empty.bin" else 500 + 37 * i) for i, name in enumerate(ODD_NAMES)}


def write(folder: Path, tree: Tree) -> None:
    """Put the files into a folder, all with `MOD_TIME`."""
    for name, data in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (MOD_TIME, MOD_TIME))


def read(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def digest(data: bytes) -> str:
    """The SHA-1, as B2 writes it."""
    return sha1(data).hexdigest()


def digests(tree: Tree) -> dict[str, str]:
    """The SHA-1 of every file."""
    return {name: digest(data) for name, data in tree.items()}


def same_tree(expected: Tree, found: Tree) -> None:
    """Same names, and same SHA-1 for each."""
    same_digests(digests(expected), digests(found))


def same_digests(expected: Mapping[str, str], found: Mapping[str, str]) -> None:
    """The same, of trees that are known by their digests alone."""
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    differing = sorted(name for name in expected.keys() & found.keys() if expected[name] != found[name])
    if missing or extra or differing:
        raise Differs(f"missing {missing[:3]}, not expected {extra[:3]}, of other content {differing[:3]}")


def same_bytes(expected: bytes, found: bytes) -> None:
    """The same content; told by size and digest, because contents are long."""
    if expected != found:
        raise Differs(
            f"expected {len(expected)} bytes with SHA-1 {digest(expected)}, found {len(found)}, {digest(found)}"
        )


def same_times(folder: Path, names: Mapping[str, object]) -> None:
    """Every file of these names has `MOD_TIME`, to the millisecond."""
    for name in names:
        found = (folder / name).stat().st_mtime
        if abs(found - MOD_TIME) >= 0.001:
            raise Differs(f"{name}: expected modification time {MOD_TIME}, found {found}")


def same(expected: object, found: object) -> None:
    """Anything else that must be equal."""
    if expected != found:
        raise Differs(f"expected {expected!r}, found {found!r}"[:600])


def require(condition: object, message: str) -> None:
    """What has no two sides to show."""
    if not condition:
        raise Differs(message)


def refused(act: Callable[[], object], error: type[Exception], *words: str) -> None:
    """Doing this must end in this error, and its message must have one of the words, if any are given."""
    try:
        act()
    except error as refusal:
        if words and not any(word in str(refusal).lower() for word in words):
            raise Differs(f"refused, but not with one of {words}: {type(refusal).__name__}: {refusal}") from refusal
        return
    raise Differs(f"it was not refused with {error.__name__}")
