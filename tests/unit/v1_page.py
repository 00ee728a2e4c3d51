"""The list of signatures on the page of the reference, grouped as the documentation of b2sdk groups them.

`python tests/unit/v1_signatures.py` writes it anew. A line is one of `v1_signatures.txt`, with its defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from itertools import filterfalse, groupby
from pathlib import Path
from typing import Final

from v1_signatures import lines_now

from b2pure.v1 import exception

__all__ = ["PAGE", "SECTIONS", "bare", "is_folded", "lines_of", "subject", "text", "write"]

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "v1.md"

SECTIONS: Final = {
    "Account info": """InMemoryAccountInfo SqliteAccountInfo AbstractAccountInfo UrlPoolAccountInfo UploadUrlPool
        StubAccountInfo ALL_CAPABILITIES B2_ACCOUNT_INFO_DEFAULT_FILE B2_ACCOUNT_INFO_ENV_VAR""",
    "Cache": "AuthInfoCache DummyCache InMemoryCache AbstractCache",
    "B2 Api client": "B2Api",
    "B2 Bucket": "Bucket BucketFactory",
    "Data classes": """FileVersionInfo FileVersionInfoFactory FileIdAndName UnfinishedLargeFile Part PartFactory""",
    "Enums": """MetadataDirectiveMode NewerFileSyncMode CompareVersionMode KeepOrDeleteMode NEWER_FILE_MODES
        COMPARE_VERSION_MODES""",
    "Progress reporters": """AbstractProgressListener TqdmProgressListener SimpleProgressListener
        DoNothingProgressListener ProgressListenerForTest make_progress_listener PartProgressReporter""",
    "Synchronizer": """Synchronizer ScanPoliciesManager DEFAULT_SCAN_MANAGER SyncReport SyncFileReporter
        parse_sync_folder AbstractFolder LocalFolder B2Folder File FileVersion AbstractAction B2UploadAction
        B2DownloadAction B2CopyAction B2HideAction B2DeleteAction LocalDeleteAction EnvironmentEncodingError
        IncompleteSync InvalidArgument""",
    "B2 Utility functions": """b2_url_encode b2_url_decode choose_part_ranges fix_windows_path_limit
        format_and_scale_fraction format_and_scale_number hex_sha1_of_stream hex_sha1_of_bytes TempDir USER_AGENT
        VERSION""",
    "Write intent": "WriteIntent",
    "Outbound Transfer Source": """OutboundTransferSource CopySource RemoteUploadSource RemoteFileUploadSource
        AbstractUploadSource UploadSource UploadSourceBytes UploadSourceLocalFile LocalUploadSource
        LocalFileUploadSource UploadSourceLocalFileRange UploadSourceStream UploadSourceStreamRange StreamOpener""",
    "Download destination": """AbstractDownloadDestination DownloadDestLocalFile DownloadDestBytes
        DownloadDestProgressWrapper PreSeekedDownloadDest""",
    "B2 Session": "B2Session",
    "B2 Raw Api": "AbstractRawApi B2RawApi RawSimulator",
    "B2 Http": "B2Http HttpCallback ClockSkewHook ResponseContextManager",
    "Exceptions": "exception",
}
"""Of each the names in the order in which they are told."""

_A_WORD: Final = 30
"""Letters of what is still short. What says where it runs is longer."""
_BEFORE: Final = """# The numbered interface

What programs import from `b2pure.v1`, and exceptions from `b2pure.v1.exception`: all names with their arguments, in the
groups of the documentation of b2sdk 1.1.4. What each of them does is told [below](#what-each-does), and of exceptions
on [their own page](exceptions.md). [Coming from b2sdk](../migration.md) says what is different, and what is not here.

A default that is longer than a word is `...`; arguments behind `*` have to be named. A class stands with the arguments
that make one of it, followed by what it has, also from its parents.
"""
_ABOUT: Final = {
    "Exceptions": "Each exception that is a `B2Error` has also what stands here of `B2Error` alone.\n\n",
}
_AFTER: Final = """
## What each does

```{eval-rst}
.. automodule:: b2pure.v1
```
"""


def text() -> str:
    """The page."""
    found = {name: list(lines) for name, lines in groupby(sorted(lines_now(_spelled), key=subject), key=subject)}
    parts = [_BEFORE]
    for section, names in SECTIONS.items():
        blocks = ["\n".join(_in_order(list(filterfalse(is_folded, found[name])))) for name in names.split()]
        parts.append(f"\n## {section}\n\n{_ABOUT.get(section, '')}```text\n{chr(10).join(_apart(blocks))}\n```\n")
    return "".join([*parts, _AFTER])


def write() -> None:
    """Write the page."""
    PAGE.write_text(text())


def lines_of(page: str) -> Iterator[str]:
    """The signatures that the page tells."""
    for block in re.findall(r"```text\n(.*?)\n```", page, re.DOTALL):
        yield from filter(None, block.splitlines())


def subject(line: str) -> str:
    """What a line is about: a class, a function, a constant; all exceptions are one."""
    return re.split(r"[.( ]", line, maxsplit=1)[0]


def bare(line: str) -> str:
    """The line without its defaults, as the list has it."""
    return re.sub(r"=(?:'[^']*'|\(\)|[^,()]+)(?=[,)])", "=", line)


def is_folded(line: str) -> bool:
    """Whether it says of an exception what is said of `B2Error` already."""
    name, _, member = line.removeprefix("exception.").partition(".")
    kind = getattr(exception, name, None) if line.startswith("exception.") and member else None
    if not isinstance(kind, type) or not issubclass(kind, exception.B2Error) or name == "B2Error":
        return False
    return hasattr(exception.B2Error, re.split(r"[( ]", member)[0])


def _in_order(lines: list[str]) -> list[str]:
    """What makes one, then what it has."""
    return sorted(lines, key=lambda line: (re.split(r"[( ]", line)[0].lower(), line))


def _apart(blocks: list[str]) -> Iterator[str]:
    """Several lines about one thing have an empty line around them."""
    for number, block in enumerate(blocks):
        if number and ("\n" in block or "\n" in blocks[number - 1]):
            yield ""
        yield block


def _spelled(default: object) -> str:
    """A default, if it is short."""
    if isinstance(default, Enum):
        return f"{type(default).__name__}.{default.name}"
    short = default is None or isinstance(default, bool | int | float | str) or default == ()
    return repr(default) if short and len(repr(default)) <= _A_WORD else "..."
