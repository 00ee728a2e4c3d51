"""Which unfinished large file an upload goes on with: a decision that says why each candidate was taken or not.

Rules. A candidate is one that would become the very file that is wanted: the same name, content type, file info,
encryption and locks, and every part that it has is one of ours by number, length and SHA-1 (a part that was copied, or
put together from what was downloaded, whose digest nobody here knows, by the identity of the plan in the file info).
What cannot be told from what B2 says does not count as the same. B2 dates a large file by its start, so one that was
started before the newest version of the name would come to lie below it, and is not taken. Of several the most complete
is taken, then the oldest. A file without any part is better than none. Of a stream only the first piece is known: a
candidate has to begin with it, and to be cut as the stream will be; every further piece is compared as it is read, and
sent over the part that is there if that is another. Where all candidates of one plan have parts
that are none of ours, either they or what is here is damaged, and the decision is to stop. What another program of the
same client works on (`plan.holds`) is left to it. `verdicts` are the words of the decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from attrs import evolve, field, frozen

from b2pure.model.errors import (
    B2Error,
    CapExceeded,
    Corrupt,
    LocalDrifted,
    LocalFailure,
    Rejected,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
)
from b2pure.model.ids import FileId
from b2pure.model.limits import PartSizes
from b2pure.model.new_file import AUTO_CONTENT_TYPE, LARGE_FILE_SHA1, PLAIN, PLAN_ID, NewFile
from b2pure.model.protection import SseB2, SseC
from b2pure.model.replies import FileReply, PartReply
from b2pure.plan.large_file import CopyRange, Part, is_unhashed
from b2pure.plan.parts import stream_part_size
from b2pure.plan.verdicts import (
    AllDiffer,
    Behind,
    InUse,
    Older,
    OtherContentType,
    OtherInfo,
    OtherName,
    OtherParts,
    OtherProtection,
    Taken,
    Verdict,
    Why,
    tell_stop,
    tell_verdict,
)

__all__ = [
    "AllDiffer",
    "Behind",
    "Candidate",
    "InUse",
    "Older",
    "OtherContentType",
    "OtherInfo",
    "OtherName",
    "OtherParts",
    "OtherProtection",
    "ResumeDecision",
    "StreamStart",
    "Taken",
    "Verdict",
    "Wanted",
    "choose_unfinished",
    "may_go_on_later",
    "metadata_objection",
    "parts_to_hash",
    "tell_stop",
    "tell_verdict",
    "twins_of",
    "with_digests",
]


@frozen
class StreamStart:
    """What is known of a stream before it is read on: the SHA-1 (hex) of its first piece, and how it is cut."""

    sha1: str
    sizes: PartSizes


@frozen
class Wanted:
    """The large file that is to be made. `parts` is None where they only show as a stream is read; `start` is how that
    begins, None where somebody names the file and answers for it.
    """

    file_name: str
    content_type: str
    file_info: Mapping[str, str] = field(hash=False)
    new: NewFile = PLAIN
    parts: tuple[Part, ...] | None = ()
    start: StreamStart | None = None


@frozen
class Candidate:
    """An unfinished large file and the parts that B2 has of it."""

    file: FileReply
    parts: tuple[PartReply, ...] = ()


@frozen
class ResumeDecision:
    """The file to go on with (None: start a new one, unless there is a reason to stop), the SHA-1 of its usable parts
    by number, and all verdicts.
    """

    file_id: FileId | None
    finished: Mapping[int, str] = field(factory=dict, hash=False)
    verdicts: tuple[Verdict, ...] = ()
    stop: AllDiffer | None = None


NEW = ResumeDecision(None)


def choose_unfinished(
    wanted: Wanted,
    candidates: Sequence[Candidate],
    newest: int | None = None,
    taken: frozenset[FileId] = frozenset(),
) -> ResumeDecision:
    """The decision. Total, and independent of the order of the candidates. `newest` is when the newest version of the
    name was uploaded, in milliseconds since the epoch, if there is one and it matters. `taken` are the files that
    others work on.
    """
    fitting: list[Candidate] = []
    verdicts: list[Verdict] = []
    for candidate in candidates:
        objection = (
            metadata_objection(wanted, candidate.file)
            or _parts_objection(wanted, candidate.parts)
            or _age_objection(wanted, candidate.file, newest)
            or (InUse() if _id(candidate) in taken else None)
        )
        if objection is None:
            fitting.append(candidate)
        else:
            verdicts.append(Verdict(_id(candidate), candidate.file.upload_timestamp, objection))
    if not fitting:
        return ResumeDecision(None, {}, _ordered(verdicts), _stop(wanted, _ordered(verdicts)))
    best = min(fitting, key=lambda each: (-len(each.parts), each.file.upload_timestamp, _id(each)))
    for candidate in fitting:
        count = len(candidate.parts)
        why = Taken(count) if candidate is best else Behind(count)
        verdicts.append(Verdict(_id(candidate), candidate.file.upload_timestamp, why))
    finished = {part.part_number: part.content_sha1 for part in best.parts}
    return ResumeDecision(_id(best), finished, _ordered(verdicts))


def parts_to_hash(wanted: Wanted, candidates: Iterable[Candidate]) -> tuple[Part, ...]:
    """The parts that cannot be compared before they are hashed: a candidate has one of their number and length."""
    there = {(part.part_number, part.content_length) for each in candidates for part in each.parts}
    return tuple(part for part in wanted.parts or () if is_unhashed(part) and (part.number, part.length) in there)


def with_digests(wanted: Wanted, sha1s: Mapping[int, str]) -> Wanted:
    """The same, with these digests (hex) of parts, by their numbers."""
    if not sha1s:
        return wanted
    parts = (evolve(part, sha1=sha1s[part.number]) if part.number in sha1s else part for part in wanted.parts or ())
    return evolve(wanted, parts=tuple(parts))


def _stop(wanted: Wanted, verdicts: tuple[Verdict, ...]) -> AllDiffer | None:
    """Only who has the identity of a plan can tell that a file is of the same one."""
    same_plan = [verdict for verdict in verdicts if isinstance(verdict.why, OtherParts | Older | InUse)]
    if PLAN_ID not in wanted.file_info or not same_plan:
        return None
    if not all(isinstance(verdict.why, OtherParts) for verdict in same_plan):
        return None
    return AllDiffer(tuple(verdict.file_id for verdict in same_plan))


def metadata_objection(wanted: Wanted, found: FileReply) -> Why | None:
    """What is wrong with a candidate before anybody asks for its parts."""
    if found.file_name != wanted.file_name:
        return OtherName(found.file_name)
    if wanted.content_type not in (found.content_type, AUTO_CONTENT_TYPE):
        return OtherContentType(wanted.content_type, found.content_type or "")
    keys = _differing(wanted, found.file_info)
    if keys:
        return OtherInfo(keys)
    return _protection_objection(wanted, found)


def _differing(wanted: Wanted, found: Mapping[str, str]) -> tuple[str, ...]:
    """Keys whose values differ; B2 keeps keys in lower case. A digest of the whole that we know and the file does not
    tell is no difference. One that it tells and we do not know is none either if all parts are compared, which they
    are not where some of ours are not hashed: what they are may make another whole.
    """
    ours = {key.lower(): value for key, value in wanted.file_info.items()}
    keys = {*ours, *found}
    compared = wanted.parts is not None and not any(map(is_unhashed, wanted.parts))
    if LARGE_FILE_SHA1 not in found or (LARGE_FILE_SHA1 not in ours and compared):
        keys.discard(LARGE_FILE_SHA1)
    return tuple(sorted(key for key in keys if ours.get(key) != found.get(key)))


def _protection_objection(wanted: Wanted, found: FileReply) -> Why | None:
    """What the caller did not ask for may be a default of the bucket; there is none for legal holds."""
    new = wanted.new
    if not _same_encryption(wanted.new, found, wanted.start):
        return OtherProtection("encryption")
    if new.retention is not None and _retention_of(found) != (
        new.retention.mode,
        new.retention.retain_until_timestamp,
    ):
        return OtherProtection("retention")
    hold = found.legal_hold
    unreadable = hold is not None and not hold.is_client_authorized_to_read
    if unreadable and new.legal_hold is not None:
        return OtherProtection("legal hold")
    if not unreadable and ((hold.value if hold is not None else None) or "off") != (new.legal_hold or "off"):
        return OtherProtection("legal hold")
    if new.custom_upload_timestamp not in (None, found.upload_timestamp):
        return OtherProtection("upload timestamp")
    return None


def _same_encryption(new: NewFile, found: FileReply, start: StreamStart | None) -> bool:
    mode = found.server_side_encryption.mode if found.server_side_encryption is not None else None
    match new.encryption:
        case None:
            return mode != "SSE-C"
        case SseB2():
            return mode == "SSE-B2"
        case SseC():
            return mode == "SSE-C" and start is None  # a part that is not sent again proves no key
        case _:
            assert_never(new.encryption)


def _retention_of(found: FileReply) -> tuple[str | None, int | None] | None:
    """Mode and end of the retention; None when the key may not read it."""
    told = found.file_retention
    if told is None:
        return None, None
    if not told.is_client_authorized_to_read or told.value is None:
        return None
    return told.value.mode, told.value.retain_until_timestamp


def _age_objection(wanted: Wanted, found: FileReply, newest: int | None) -> Why | None:
    """Who sets the time of the file wants it where that time puts it."""
    if newest is None or wanted.new.custom_upload_timestamp is not None or found.upload_timestamp > newest:
        return None
    return Older(newest)


def _parts_objection(wanted: Wanted, found: Sequence[PartReply]) -> Why | None:
    if wanted.parts is None:
        return None if wanted.start is None else _start_objection(wanted.start, found)
    ours = {part.number: part for part in wanted.parts}
    for part in found:
        planned = ours.get(part.part_number)
        if planned is None:
            return OtherParts(part.part_number, "there is no such part")
        if planned.length != part.content_length:
            return OtherParts(part.part_number, "another length")
        if planned.sha1 is not None and planned.sha1 != part.content_sha1:
            return OtherParts(part.part_number, "another SHA-1")
        if planned.sha1 is None and not isinstance(planned, CopyRange) and not planned.downloads:
            return OtherParts(part.part_number, "nobody knows what was sent")
        if planned.sha1 is None and PLAN_ID not in wanted.file_info:
            return OtherParts(part.part_number, "nobody knows what it was copied from")
    return None


def _start_objection(start: StreamStart, found: Sequence[PartReply]) -> OtherParts | None:
    """The last part that is there may be the end of the stream, which nobody knows yet."""
    there = {part.part_number: part for part in found}
    if 1 not in there:
        return OtherParts(1, "it is not there, so nobody knows whether the stream is the same")
    if there[1].content_sha1 != start.sha1:
        return OtherParts(1, "another SHA-1")
    sent, last = 0, max(there)
    for number in range(1, last + 1):
        planned = stream_part_size(number, sent, start.sizes)
        length = there[number].content_length if number in there else planned
        if length > planned or (length < planned and number < last):
            return OtherParts(number, "another length")
        sent += planned
    return None


def twins_of(wanted: Wanted, file_id: FileId, candidates: Sequence[Candidate]) -> tuple[FileId, ...]:
    """Those of the candidates that are just like the file, but have no parts: what a second start of it leaves."""
    return tuple(
        _id(each)
        for each in candidates
        if _id(each) != file_id and not each.parts and metadata_objection(wanted, each.file) is None
    )


def _id(candidate: Candidate) -> FileId:
    assert candidate.file.file_id is not None, "an unfinished file has an id"
    return candidate.file.file_id


def _ordered(verdicts: list[Verdict]) -> tuple[Verdict, ...]:
    return tuple(sorted(verdicts, key=lambda verdict: (verdict.started, verdict.file_id)))


def may_go_on_later(error: B2Error) -> bool:
    """Whether a later run of the same job could finish a large file that failed so: the world may be better then,
    while what B2 refused, or a source that changed, makes it another file.
    """
    match error:
        case Transport() | Unavailable() | Throttled() | CapExceeded() | Unauthorized() | LocalFailure():
            return True
        case Rejected() | Corrupt() | LocalDrifted():
            return False
        case _:
            assert_never(error)
