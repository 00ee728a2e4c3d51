"""What became of each unfinished large file that might have been gone on with, as values and as lines for people."""

from __future__ import annotations

from typing import Literal, assert_never

from attrs import frozen

from b2pure.model.ids import FileId

__all__ = [
    "AllDiffer",
    "Behind",
    "InUse",
    "Older",
    "OtherContentType",
    "OtherInfo",
    "OtherName",
    "OtherParts",
    "OtherProtection",
    "Taken",
    "Verdict",
    "Why",
    "tell_stop",
    "tell_verdict",
]


@frozen
class Taken:
    """This one is gone on with: `parts` of it need not be sent again."""

    parts: int


@frozen
class OtherName:
    """It would become a file of another name."""

    found: str


@frozen
class OtherContentType:
    """It would have another content type."""

    wanted: str
    found: str


@frozen
class OtherInfo:
    """The file info differs in these keys."""

    keys: tuple[str, ...]


@frozen
class OtherProtection:
    """Encryption, retention, legal hold or a timestamp of its own: `what` differs."""

    what: Literal["encryption", "retention", "legal hold", "upload timestamp"]


@frozen
class OtherParts:
    """Part `number` is not one of the wanted ones."""

    number: int
    why: Literal[
        "there is no such part",
        "another length",
        "another SHA-1",
        "nobody knows what it was copied from",
        "nobody knows what was sent",
        "it is not there, so nobody knows whether the stream is the same",
    ]


@frozen
class Older:
    """The name has a version since that was uploaded later (milliseconds since the epoch), and would hide it."""

    newest: int


@frozen
class InUse:
    """It would do, but another program of this client works on it."""


@frozen
class Behind:
    """It would do, but another is more complete, or older."""

    parts: int


Why = Taken | OtherName | OtherContentType | OtherInfo | OtherProtection | OtherParts | Older | InUse | Behind


@frozen
class Verdict:
    """What became of one candidate."""

    file_id: FileId
    started: int
    why: Why


@frozen
class AllDiffer:
    """Why nothing is begun: these unfinished files are of the very plan, and have parts that differ from what is here.
    One of the two is damaged, and who starts anew would not find out which.
    """

    files: tuple[FileId, ...]


def tell_stop(stop: AllDiffer) -> str:
    """Why nothing was begun, with the fix."""
    return (
        f"unfinished large files of this plan have parts that differ from what is here: {', '.join(stop.files)}; "
        "cancel them if they are damaged, or start a new one (resume=False, --no-resume)"
    )


def tell_verdict(verdict: Verdict) -> str:
    """One line for a person."""
    match verdict.why:
        case Taken(parts):
            told = f"taken, with {parts} finished parts"
        case OtherName(found):
            told = f"it is for another name, {found!r}"
        case OtherContentType(wanted, found):
            told = f"its content type is {found}, not {wanted}"
        case OtherInfo(keys):
            told = f"its file info differs in {', '.join(keys)}"
        case OtherProtection(what):
            told = f"its {what} is another"
        case OtherParts(number, why):
            told = f"part {number}: {why}"
        case Older(newest):
            told = f"it was started before the newest version of the name was uploaded ({newest})"
        case InUse():
            told = "another upload or copy of this client works on it"
        case Behind(parts):
            told = f"it has {parts} finished parts; another was taken"
        case _:
            assert_never(verdict.why)
    return f"{verdict.file_id}: {told}"
