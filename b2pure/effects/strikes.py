"""The machine that says what strikes a call.

Rules. What strikes a call is a `Strike`, which knows nothing of who carries it out: `FaultyApi` does it in memory,
`b2pure serve` on its connections. When several faults strike one call, delays add up, and of everything else the first
in the script counts.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import assert_never

from attrs import evolve, frozen

from b2pure.effects.faults import (
    DOWNLOAD_NAMES,
    UPLOAD_NAMES,
    Answer,
    CorruptDownload,
    CorruptUpload,
    CutDownload,
    CutUpload,
    Disconnect,
    Disconnection,
    DropReplyAfterCommit,
    ExpireTokens,
    FailNth,
    Fault,
    FaultScript,
    NthFault,
    RandomFaults,
    RandomKind,
    Slow,
    Tokens,
    matches,
)

__all__ = ["FaultState", "Strike", "flipped", "lift", "step"]


@frozen
class Strike:
    """Everything that shall happen to one call, in this order; by default nothing.

    First `expire` tokens, then wait `delay_seconds`; then break the `connection`, or else give the `answer`, before
    anything of the call is looked at. `cut_upload` and `cut_download` are how many bytes of the body of the request
    and of the response still pass; `corrupt_upload` and `corrupt_download` are the offsets of the bytes in them whose
    lowest bit is flipped. With `drop_reply` the call takes effect and the connection is closed without an answer.
    """

    expire: Tokens | None = None
    delay_seconds: float = 0.0
    connection: Disconnection | None = None
    answer: Answer | None = None
    cut_upload: int | None = None
    corrupt_upload: int | None = None
    cut_download: int | None = None
    corrupt_download: int | None = None
    drop_reply: bool = False


@frozen
class FaultState:
    """How often each call was made so far, and the faults that were lifted."""

    counts: tuple[tuple[str, int], ...] = ()
    lifted: frozenset[Fault] = frozenset()


def step(script: FaultScript, state: FaultState, call_name: str) -> tuple[FaultState, Strike]:
    """One more call of this name: the next state, and what strikes it."""
    counts = dict(state.counts)
    counts[call_name] = counts.get(call_name, 0) + 1
    strike = Strike()
    for fault in script:
        if matches(fault.call_name, call_name) and fault not in state.lifted:
            number = sum(count for name, count in counts.items() if matches(fault.call_name, name))
            due = _due(fault, number, call_name)
            if due is not None:
                strike = _added(strike, due)
    return FaultState(tuple(counts.items()), state.lifted), strike


def lift(state: FaultState, fault: Fault) -> FaultState:
    """The fault strikes no more."""
    return evolve(state, lifted=state.lifted | {fault})


def _due(fault: Fault, number: int, call_name: str) -> NthFault | None:
    """What strikes the call that is the fault's `number`th."""
    if isinstance(fault, RandomFaults):
        return _drawn(fault, number, call_name)
    return fault if fault.nth <= number and (fault.times is None or number < fault.nth + fault.times) else None


def _added(strike: Strike, fault: NthFault) -> Strike:
    match fault:
        case FailNth(answer=answer):
            return evolve(strike, answer=strike.answer or answer)
        case Disconnect(how=how):
            return evolve(strike, connection=strike.connection or how)
        case Slow(seconds=seconds):
            return evolve(strike, delay_seconds=strike.delay_seconds + seconds)
        case DropReplyAfterCommit():
            return evolve(strike, drop_reply=True)
        case CutUpload(after_bytes=after):
            return evolve(strike, cut_upload=_first(strike.cut_upload, after))
        case CutDownload(after_bytes=after):
            return evolve(strike, cut_download=_first(strike.cut_download, after))
        case CorruptUpload(at_byte=at):
            return evolve(strike, corrupt_upload=_first(strike.corrupt_upload, at))
        case CorruptDownload(at_byte=at):
            return evolve(strike, corrupt_download=_first(strike.corrupt_download, at))
        case ExpireTokens(tokens=tokens):
            return evolve(strike, expire=tokens if strike.expire in (None, tokens) else "all")
        case _:
            assert_never(fault)


def _first(one: int | None, other: int) -> int:
    return other if one is None else one


def flipped(data: bytes, at_byte: int) -> bytes:
    """The data with the lowest bit of one byte flipped, if it has that byte."""
    if not 0 <= at_byte < len(data):
        return data
    return b"".join((data[:at_byte], bytes((data[at_byte] ^ 1,)), data[at_byte + 1 :]))


# -- chance


def _drawn(fault: RandomFaults, number: int, call_name: str) -> NthFault | None:
    digest = blake2b(f"{fault.seed}:{number}".encode(), digest_size=24).digest()
    whether, which, where = (int.from_bytes(digest[start : start + 8]) for start in (0, 8, 16))
    fitting = [kind for kind in fault.kinds if _fits(kind, call_name)]
    if whether % fault.one_in or not fitting:
        return None
    return _made(fitting[which % len(fitting)], call_name, number, _any_magnitude(where))


def _any_magnitude(word: int) -> int:
    """From 0 to a megabyte, small as often as large, because it is a place in a body of any size."""
    bits, rest = word % 21, word // 21
    return rest % (1 << bits)


def _fits(kind: RandomKind, call_name: str) -> bool:
    match kind:
        case "cut_upload" | "corrupt_upload":
            return call_name in UPLOAD_NAMES
        case "cut_download" | "corrupt_download":
            return call_name in DOWNLOAD_NAMES
        case _:
            return True


def _made(kind: RandomKind, call_name: str, number: int, place: int) -> NthFault:
    match kind:
        case "internal_error":
            return FailNth(call_name, number, Answer(500, kind, "a random fault"))
        case "service_unavailable":
            return FailNth(call_name, number, Answer(503, kind, "a random fault"))
        case "too_many_requests":
            return FailNth(call_name, number, Answer(429, kind, "a random fault", retry_after=1))
        case "reset" | "silent":
            return Disconnect(call_name, number, kind)
        case "slow":
            return Slow(call_name, number, 1.0)
        case "drop_reply":
            return DropReplyAfterCommit(call_name, number)
        case "cut_upload":
            return CutUpload(call_name, number, place)
        case "cut_download":
            return CutDownload(call_name, number, place)
        case "corrupt_upload":
            return CorruptUpload(call_name, number, place)
        case "corrupt_download":
            return CorruptDownload(call_name, number, place)
        case "expire_tokens":
            return ExpireTokens(call_name, number, "all")
        case _:
            assert_never(kind)
