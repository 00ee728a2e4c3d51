"""Plans as lines of JSON: header, one line per path, trailer.

Rules. A line is canonical: keys sorted, no spaces, whole milliseconds and bytes (the only fraction is a keep_days
that has one). The vocabulary is closed: an unknown tag, a missing or an extra field is a `BadPlanLine`. The trailer
holds the digest of all lines before it, so that a plan that lost its end, or a byte, is never taken for a plan. Both
ways work line by line, in constant memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator
from typing import Final

import msgspec
from returns.result import Failure, Result, Success

from b2pure.model.limits import PartSizes
from b2pure.model.places import Place
from b2pure.model.policy import SyncPolicy
from b2pure.plan.actions import FileSync, SyncAction, actions_of, bytes_of
from b2pure.plan.failures import BadPlanLine, PlanFailed, PlanFailure, Truncated
from b2pure.plan.new_files import NewFiles
from b2pure.plan.reasons import PlanRecord

__all__ = ["FORMAT", "PlanHeader", "PlanTrailer", "action_id", "canonical", "read_lines", "write_lines"]

FORMAT: Final = 1
"""A new optional field keeps the number; anything else raises it and brings a pure upgrade function."""


class PlanHeader(PlanRecord, frozen=True, tag="sync_plan"):
    """What the plan is for: everything that decided it besides the two sides themselves, and what the files that it
    makes get.
    """

    source: Place
    dest: Place
    policy: SyncPolicy
    now_millis: int
    part_sizes: PartSizes
    format: int = FORMAT
    new_files: NewFiles | None = None


class PlanTrailer(PlanRecord, frozen=True, tag="end"):
    """How many paths the plan has, how many names were compared for it, the bytes it moves, and its identity. The
    seal is over all of it, since how many names were compared is no part of the identity.
    """

    paths: int
    compared: int
    bytes: int
    plan_id: str
    seal: str


_Line = PlanHeader | FileSync | PlanTrailer

_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_DECODER: Final[msgspec.json.Decoder[_Line]] = msgspec.json.Decoder(_Line)


def canonical(value: PlanRecord) -> bytes:
    """The one JSON form of a plan's value. Equal values have equal forms, in every process."""
    return _ENCODER.encode(value)


def action_id(action: SyncAction) -> str:
    """A short name of an action that is the same wherever the same action is planned."""
    return hashlib.sha256(canonical(action)).hexdigest()[:16]


def write_lines(header: PlanHeader, groups: Generator[FileSync, None, int]) -> Generator[bytes, None, PlanTrailer]:
    """The lines of a plan, each with its newline; returns the trailer, which is the last of them."""
    digest = hashlib.sha256()
    paths = moved = compared = 0
    line = canonical(header) + b"\n"
    digest.update(line)
    yield line
    while True:
        try:
            sync = next(groups)
        except StopIteration as end:
            compared = end.value or 0
            break
        paths += 1
        moved += sum(map(bytes_of, actions_of(sync)))
        line = canonical(sync) + b"\n"
        digest.update(line)
        yield line
    trailer = _trailer(paths, compared, moved, digest.hexdigest())
    yield canonical(trailer) + b"\n"
    return trailer


def read_lines(
    lines: Iterable[bytes],
) -> Result[tuple[PlanHeader, Generator[FileSync, None, PlanTrailer]], PlanFailure]:
    """The header and the rest, still to be read: the generator raises PlanFailed at a line that is not right or when
    the trailer is missing or does not fit, so nothing may rely on the paths before it has returned.
    """
    rest = iter(lines)
    first = next(rest, None)
    if first is None:
        return Failure(Truncated(0))
    header = _decode(first, 1)
    if isinstance(header, BadPlanLine | Truncated):
        return Failure(header)
    if not isinstance(header, PlanHeader):
        return Failure(BadPlanLine(1, "", "the first line of a plan is its header"))
    if header.format != FORMAT:
        return Failure(BadPlanLine(1, "format", f"is {header.format}; this version reads format {FORMAT}"))
    return Success((header, _read_groups(first, rest)))


def _read_groups(first: bytes, rest: Iterator[bytes]) -> Generator[FileSync, None, PlanTrailer]:
    digest = hashlib.sha256(first)
    paths = moved = 0
    last = ""
    number = 1
    for number, line in enumerate(rest, start=2):
        value = _decode(line, number)
        if isinstance(value, FileSync):
            if paths and value.path <= last:
                raise PlanFailed(BadPlanLine(number, "path", "is not after the path of the line before"))
            paths, last = paths + 1, value.path
            moved += sum(map(bytes_of, actions_of(value)))
            digest.update(line)
            yield value
        elif isinstance(value, PlanTrailer):
            _check_trailer(value, _trailer(paths, value.compared, moved, digest.hexdigest()), number)
            if next(rest, None) is not None:
                raise PlanFailed(BadPlanLine(number + 1, "", "nothing comes after the trailer"))
            return value
        elif isinstance(value, PlanHeader):
            raise PlanFailed(BadPlanLine(number, "", "a plan has one header"))
        else:
            raise PlanFailed(value)
    raise PlanFailed(Truncated(number))


def _trailer(paths: int, compared: int, moved: int, plan_id: str) -> PlanTrailer:
    seal = hashlib.sha256(f"{paths} {compared} {moved} {plan_id}".encode()).hexdigest()[:16]
    return PlanTrailer(paths, compared, moved, plan_id, seal)


def _check_trailer(said: PlanTrailer, counted: PlanTrailer, number: int) -> None:
    if said != counted:
        if said.plan_id != counted.plan_id:
            raise PlanFailed(BadPlanLine(number, "plan_id", "the plan was changed after it was made; make it again"))
        field = next(name for name in said.__struct_fields__ if getattr(said, name) != getattr(counted, name))
        raise PlanFailed(
            BadPlanLine(number, field, f"says {getattr(said, field)}, the lines before say {getattr(counted, field)}")
        )


def _decode(line: bytes, number: int) -> _Line | BadPlanLine | Truncated:
    if not line.endswith(b"\n"):
        return Truncated(number)
    try:
        value = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        why, _, where = str(error).partition(" - at ")
        return BadPlanLine(number, where.strip("`"), why)
    if canonical(value) + b"\n" != line:
        return BadPlanLine(number, "", "is not in the canonical form that b2pure writes")
    return value
