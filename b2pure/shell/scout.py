"""`python -I -S scout.py`: a process that looks at folders for a scan in another one (`scouting`), which starts it.

Rules. The standard library alone, and little of it, because it has to be there within milliseconds. It reads questions
on standard input and writes one answer to each, in their order, each with its length before it. It tells what it is
sure of: ordinary files that may be read, and folders. Whatever needs a closer look is left to who asked, by name, and
so is a folder that cannot be read, or has very many names. It ends when nobody asks, or listens, any more.
"""

from __future__ import annotations

import marshal
import os
import sys
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

__all__ = ["LENGTH_BYTES", "OURS", "answered", "framed"]

LENGTH_BYTES = 4
"""So many come before each message, and tell the length of the rest."""
OURS = ".b2pure-"
"""How names of our temporary files begin."""

_KIND = 0o170000
_FILE = 0o100000
_FOLDER = 0o040000
_KIND_AND_READERS = 0o170444
_FILE_FOR_ALL = 0o100444
_OWNER_READS = 0o400
_NS_PER_MILLI = 1_000_000
_ALMOST_NEXT = 999_000
"""As in `b2pure.model.files`, which cannot be had here: times from here on are rounded there."""


def framed(value: Any) -> bytes:
    """A value as it goes through a pipe. It is read by the same Python, so its own format will do."""
    packed = marshal.dumps(value)
    return len(packed).to_bytes(LENGTH_BYTES, "little") + packed


def answered(path: bytes, asked: str | None, many: int) -> tuple[Any, ...] | None:
    """What a folder holds, or those of its names that are asked for, with NUL between them: its device and number; the
    names of files, with NUL between them, in order, with their sizes (bytes) and modification times (milliseconds) as
    arrays of 64 bits; the names of folders; the names that need a closer look. None for more than `many` names.
    """
    try:
        place = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        me = os.stat(place)
        names = os.listdir(place) if asked is None else asked.split("\0")
        if len(names) > many:
            return None
        names.sort()
        return ((me.st_dev, me.st_ino), *_looked_at(place, names))
    except (OSError, ValueError, OverflowError):
        return None
    finally:
        os.close(place)


def _looked_at(place: int, names: list[str]) -> tuple[str, bytes, bytes, list[str], list[str]]:
    together = "/" + "/".join(names)
    odd = not together.isascii() or "/" + OURS in together
    look, user = os.lstat, os.geteuid()
    files: list[str] = []
    sizes: list[int] = []
    millis: list[int] = []
    folders: list[str] = []
    rest: list[str] = []
    add, add_size, add_time = files.append, sizes.append, millis.append
    for name in names:
        if odd and _is_odd(name):
            rest.append(name)
            continue
        try:
            status = look(name, dir_fd=place)
        except FileNotFoundError:
            continue
        except OSError:
            rest.append(name)
            continue
        mode, ns = status.st_mode, status.st_mtime_ns
        if (
            mode & _KIND_AND_READERS == _FILE_FOR_ALL
            or (mode & _KIND == _FILE and mode & _OWNER_READS and status.st_uid == user)
        ) and ns % _NS_PER_MILLI < _ALMOST_NEXT:
            add(name)
            add_size(status.st_size)
            add_time(ns // _NS_PER_MILLI)
        elif mode & _KIND == _FOLDER:
            folders.append(name)
        else:
            rest.append(name)
    return "\0".join(files), array("q", sizes).tobytes(), array("q", millis).tobytes(), folders, rest


def _is_odd(name: str) -> bool:
    """Whether it may be one of ours, or is no Unicode."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return name.startswith(OURS)


def _main(questions: BinaryIO, out: int) -> None:
    while len(head := questions.read(LENGTH_BYTES)) == LENGTH_BYTES:
        question = marshal.loads(questions.read(int.from_bytes(head, "little")))
        rest = memoryview(framed(answered(*question)))
        while rest:
            rest = rest[os.write(out, rest) :]


if __name__ == "__main__":
    try:
        _main(sys.stdin.buffer, 1)
    except (BrokenPipeError, EOFError, ValueError):
        os._exit(1)
