"""Which names B2 takes, which names a local folder can hold, and how a hostile name is shown.

Every `*_problem` function returns None for a good name and otherwise says what is wrong with it, for a person.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, Literal

from b2pure.model.limits import MAX_FILE_NAME_BYTES

__all__ = [
    "TEMPORARY_NAME",
    "PathFlavour",
    "as_unicode",
    "b2_name_problem",
    "is_own_temporary",
    "is_resumable",
    "local_path_problem",
    "printable",
    "resumable_name",
    "temporary_name",
]

PathFlavour = Literal["posix", "windows"]
"""Which rules a local folder's file system has for names."""

TEMPORARY_NAME: Final = re.compile(r"\.b2pure-[0-9a-f]{16}\.(?:tmp|part)\Z")
"""The last segment of every temporary file that a download writes before it is verified and renamed."""


def temporary_name(token: str) -> str:
    """The name of a temporary file from eight random hex digits. The other eight are a check of them, so that a file
    of a user that happens to look alike is not taken for one.
    """
    return f".b2pure-{token}{_check_of(token)}.tmp"


def resumable_name(final_name: str) -> str:
    """The name of the temporary file of a download that a later run may go on with: always the same for the last
    segment of the path that it is for.
    """
    token = hashlib.sha256(b"b2pure download to " + final_name.encode(errors="surrogatepass")).hexdigest()[:8]
    return f".b2pure-{token}{_check_of(token)}.part"


def is_own_temporary(name: str) -> bool:
    """Whether the name is one that `temporary_name` or `resumable_name` gives."""
    return TEMPORARY_NAME.match(name) is not None and name[16:24] == _check_of(name[8:16])


def is_resumable(name: str) -> bool:
    """Whether the name of a temporary file is that of a download that a later run may go on with."""
    return is_own_temporary(name) and name.endswith(".part")


def _check_of(token: str) -> str:
    return hashlib.sha256(b"b2pure temporary file " + token.encode()).hexdigest()[:8]


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_WINDOWS_FORBIDDEN: Final = re.compile(r'[<>:"|?*\\\x00-\x1f]')
_WINDOWS_DEVICE: Final = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?\Z", re.IGNORECASE)
_MAX_SEGMENT_BYTES: Final = 255


def b2_name_problem(name: str) -> str | None:
    """Why B2 would refuse `name` as a file name, or None.

    The rules are those that every vintage of Backblaze's documentation states: 1 to 1024 bytes of UTF-8, no code
    below 32, no DEL, no `/` at either end and no `//`.
    """
    if not name:
        return "the name is empty"
    size = len(name)
    if not (name.isascii() and name.isprintable()):  # the usual name needs no closer look
        if _CONTROL.search(name):
            return "B2 takes no control characters in names"
        try:
            size = len(name.encode())
        except UnicodeEncodeError:
            return "the name is not valid Unicode"
    if size > MAX_FILE_NAME_BYTES:
        return f"the name has {size} bytes, B2 takes at most {MAX_FILE_NAME_BYTES}"
    if name[0] == "/" or name[-1] == "/" or "//" in name:
        return "B2 names neither start nor end with '/' nor contain '//'"
    return None


def local_path_problem(path: str, flavour: PathFlavour = "posix") -> str | None:
    """Why `path` (a B2 name, relative to the synced folder) cannot be a file below a local folder, or None.

    A path that passes names a file below the folder, whatever the server sent: no absolute path, no `.` or `..`,
    no empty segment, no NUL and, on Windows, no drive, device, reserved character or trailing dot.
    """
    if not path:
        return "the name is empty"
    if "\0" in path:
        return "a local name cannot contain NUL"
    for segment in path.split("/"):
        problem = _segment_problem(segment, flavour)
        if problem is not None:
            return problem
    return None


def _segment_problem(segment: str, flavour: PathFlavour) -> str | None:
    if not segment:
        return "the name starts or ends with '/' or contains '//', which no local file can"
    if segment in (".", ".."):
        return f"the name has the segment '{segment}', which could lead out of the folder"
    if len(segment.encode(errors="surrogatepass")) > _MAX_SEGMENT_BYTES:
        return f"a part of the name is longer than the {_MAX_SEGMENT_BYTES} bytes that a local file system takes"
    if TEMPORARY_NAME.match(segment):
        return "the name is one that b2pure keeps for its own temporary files"
    if flavour == "windows":
        if _WINDOWS_FORBIDDEN.search(segment):
            return 'Windows names cannot contain any of < > : " | ? * \\ or control characters'
        if segment[-1] in ". " or _WINDOWS_DEVICE.match(segment):
            return "Windows keeps this name for a device, or drops its trailing dot or space"
    return None


def printable(name: str) -> str:
    """`name` fit for a terminal or a log: control, direction-changing and undecodable characters are escaped."""
    return _UNPRINTABLE.sub(lambda m: m.group().encode("unicode_escape").decode(), name)


def as_unicode(name: str, errors: str) -> str:
    """A local name as plans and scans write it: bytes that are no UTF-8 are shown with escapes. `errors` is how the
    local file system's names are decoded; what is no name there is shown with escapes, too.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        try:
            return name.encode("utf-8", errors).decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:
            return name.encode("utf-8", "backslashreplace").decode()
    return name
