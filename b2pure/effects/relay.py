"""What the processes of one run tell each other: lines of JSON, each a value of a closed vocabulary.

Rules. Whoever deals out the work (the foreman) writes `Orders` first, then a `Deal` whenever one is asked for, `Limits`
when the line is shared out anew, and `Finish` or `Stop` at the end; a stream that ends without one of these means that
the foreman is dead. A mate answers with `Ask`, with `Did` or `Told` for each path, and with `Ended` as its last word; a
stream that ends without it means that the mate is dead. Paths of plans are written as in plan files. What is told of
(events, outcomes, errors) is packed by the names of its classes, which are those of the unions below and no others.
`Orders` and `SseC` hold secrets: they go through a pipe, and no repr shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec
from attrs import fields, has

from b2pure.effects.events import Event
from b2pure.effects.job import Mode
from b2pure.effects.outcomes import Outcome
from b2pure.model.account import Authorization, TestMode
from b2pure.model.errors import B2Error
from b2pure.model.files import LocalFact
from b2pure.model.protection import SseC
from b2pure.plan.actions import FileSync, SyncAction
from b2pure.plan.bandwidth import Bandwidth
from b2pure.plan.codec import PlanHeader
from b2pure.plan.resume import AllDiffer, ResumeDecision, Verdict
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.verdicts import Why

__all__ = [
    "Ask",
    "Deal",
    "Did",
    "Ended",
    "Finish",
    "FromMate",
    "Limits",
    "Orders",
    "Stop",
    "ToMate",
    "Told",
    "line_of",
    "pack",
    "read_from_mate",
    "read_to_mate",
    "unpack",
]


class _Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what is said."""


class Orders(_Word, frozen=True, tag="orders"):
    """All that a mate needs to begin: the key and the session, what the plan is for, and how fast. `keys` are the SSE-C
    keys that the header names; `workers` are floor, ceiling and start. With `watched` it tells of more than the ends of
    paths.
    """

    key_id: str
    key: str
    realm_address: str
    test_mode: TestMode | None
    authorization: Authorization
    header: PlanHeader
    mode: Mode
    retry: RetryPolicy
    workers: tuple[int, int, int]
    bandwidth: Bandwidth
    keys: tuple[SseC, ...] = ()
    watched: bool = False

    def __repr__(self) -> str:
        return f"Orders({self.mode!r}, {self.workers!r})"


class Deal(_Word, frozen=True, tag="deal"):
    """A hand of paths to do."""

    hand: tuple[FileSync, ...]


class Limits(_Word, frozen=True, tag="limits"):
    """From now on so many bytes per second."""

    bandwidth: Bandwidth


class Finish(_Word, frozen=True, tag="finish"):
    """There is no more: end when what was dealt is done."""


class Stop(_Word, frozen=True, tag="stop"):
    """End as soon as what is under way allows it."""


class Ask(_Word, frozen=True, tag="ask"):
    """There is room for so many more hands."""

    hands: int


class Did(_Word, frozen=True, tag="did"):
    """Every action of the path, as it was dealt, took effect."""

    path: str


class Told(_Word, frozen=True, tag="told"):
    """An event, packed."""

    event: Any


class Ended(_Word, frozen=True, tag="ended"):
    """The last word. `trouble` says what went wrong in the mate itself, if anything did."""

    trouble: str = ""


ToMate = Orders | Deal | Limits | Finish | Stop
FromMate = Ask | Did | Told | Ended

_ENCODER: Final = msgspec.json.Encoder()
_TO_MATE: Final[msgspec.json.Decoder[ToMate]] = msgspec.json.Decoder(ToMate)
_FROM_MATE: Final[msgspec.json.Decoder[FromMate]] = msgspec.json.Decoder(FromMate)


def line_of(word: ToMate | FromMate) -> bytes:
    """The word as a line."""
    return _ENCODER.encode(word) + b"\n"


def read_to_mate(line: bytes) -> ToMate:
    """What the foreman said. Raises msgspec.DecodeError."""
    return _TO_MATE.decode(line)


def read_from_mate(line: bytes) -> FromMate:
    """What a mate said. Raises msgspec.DecodeError."""
    return _FROM_MATE.decode(line)


# --- events, outcomes and errors

_PACKED: Final[dict[str, type[Any]]] = {
    each.__name__: each
    for each in (
        *get_args(Event),
        *get_args(Outcome),
        *get_args(B2Error),
        *get_args(SyncAction),
        *get_args(Why),
        FileSync,
        LocalFact,
        Verdict,
        AllDiffer,
        ResumeDecision,
    )
}


def pack(value: Any) -> Any:
    """The value as JSON: [name of its class, its fields ...]; a tuple is a list that begins with None, a mapping an
    object with a list of its items.
    """
    if isinstance(value, tuple):
        return [None, *map(pack, value)]
    if isinstance(value, Mapping):
        return {"items": [[pack(key), pack(each)] for key, each in value.items()]}
    if isinstance(value, msgspec.Struct):
        return [type(value).__name__, msgspec.to_builtins(value)]
    if has(type(value)):
        return [type(value).__name__, *(pack(getattr(value, each.name)) for each in fields(type(value)))]
    return value


def unpack(packed: Any) -> Any:
    """The value again. Raises KeyError or msgspec.ValidationError for what `pack` does not make."""
    if isinstance(packed, dict):
        return {unpack(key): unpack(each) for key, each in packed["items"]}
    if not isinstance(packed, list):
        return packed
    name, *rest = packed
    if name is None:
        return tuple(map(unpack, rest))
    kind = _PACKED[name]
    if issubclass(kind, msgspec.Struct):
        return msgspec.convert(rest[0], kind)
    return kind(*map(unpack, rest))
