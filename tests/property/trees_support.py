"""Real folders for the laws of the scan, with whatever a folder can have."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

__all__ = ["KINDS", "TREES", "made"]

Make = Callable[[str], None]


def _file(mode: int) -> Make:
    def make(path: str) -> None:
        with open(path, "wb") as file:
            file.write(b"x" * (mode & 7))
        os.chmod(path, mode)
        os.utime(path, ns=(0, 1_600_000_000_123_456_789 + mode))

    return make


def _link(target: str) -> Make:
    return lambda path: os.symlink(target, path)


def _folder(mode: int) -> Make:
    def make(path: str) -> None:
        os.mkdir(path)
        for name, make_file in (("in", _file(0o644)), ("käse", _file(0o600)), ("dir", _folder(0o755))):
            if name != "dir" or os.path.basename(path) != "dir":
                make_file(os.path.join(path, name))
        if os.path.basename(path) == "dir":
            os.symlink("../..", os.path.join(path, "up"))
        os.chmod(path, mode)

    return make


KINDS: Final[Mapping[str, Make]] = {
    "file": _file(0o644),
    "own file": _file(0o600),
    "file that its owner may not read": _file(0o044),
    "file for nobody": _file(0),
    "folder": _folder(0o755),
    "folder without a way in": _folder(0o444),
    "folder for nobody": _folder(0),
    "link to a": _link("a"),
    "link to nothing": _link("nothing"),
    "link to where it is": _link("."),
    "pipe": os.mkfifo if sys.platform != "win32" else _file(0),
}

_BYTES: Final = st.sampled_from(
    [b"a", b"b", b"a-", b"a0", b"a.txt", "ä".encode(), "日本".encode(), "🙂".encode(), b"\xff", b"x\xe4", b"\n"]
)
_NAMES: Final = _BYTES | st.sampled_from(
    [b".b2pure-0123456789abcdef.tmp", b".b2pure-0123456789abcdef.part", b".b2pure-plan", b"x.b2pure-", b"\xff.b2pure-"]
)
TREES: Final = st.dictionaries(_NAMES, st.sampled_from(sorted(KINDS)), max_size=7)


@contextmanager
def made(tree: Mapping[bytes, str], *, somebody_looks: bool = True, folders: Sequence[str] = (".",)) -> Iterator[Path]:
    """The tree, in each of the folders, while somebody who is no super-user looks at it (who may not be able to start a
    Python), or whoever runs this: as super-user one owns the half of it.
    """
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        super_user = os.geteuid() == 0
        places = [os.path.join(name, folder) for folder in folders]
        for place in places:
            os.makedirs(place, exist_ok=True)
            for number, (path, kind) in enumerate(sorted(tree.items())):
                where = os.path.join(place, os.fsdecode(path))
                KINDS[kind](where)
                if super_user and number % 2:
                    os.chown(where, 65534, 65534, follow_symlinks=False)
        try:
            if super_user and somebody_looks:
                os.seteuid(65534)
            yield Path(name)
        finally:
            if super_user:
                os.seteuid(0)
            for place in places:
                inner = [entry.path for entry in os.scandir(place) if not entry.is_symlink()]
                for folder in filter(os.path.isdir, inner):
                    os.chmod(folder, 0o755)
