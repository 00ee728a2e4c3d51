"""Faults that come and go while something runs: a script that can be changed between calls, and B2's own test mode.

Rules. What is decided is decided by `strikes.step`; this only keeps its state, under a lock, so that the calls of many
threads and a test that changes the script can meet. A fault counts the calls from the moment that it is added: "the
next upload" is always the first.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from threading import Lock
from typing import Final, SupportsIndex, get_args, overload

import msgspec

from b2pure.effects.faults import UPLOADS, Answer, ExpireTokens, FailNth, Fault, FaultScript, RandomFaults, matches
from b2pure.effects.strikes import FaultState, Strike, step
from b2pure.model.account import TestMode
from b2pure.model.calls import ALL_CALLS

__all__ = ["TEST_MODES", "FaultBoard"]

_FAILING_EVERY: Final = 3
_EXPIRING_EVERY: Final = 5
_MATCHED_TOKENS: Final = frozenset(call.name for call in ALL_CALLS if call.token == "account")
_CAPPED: Final = {
    "b2_upload_file": "cap_exceeded",
    "b2_upload_part": "cap_exceeded",
    "b2_start_large_file": "cap_exceeded",
    "b2_copy_file": "cap_exceeded",
    "b2_copy_part": "cap_exceeded",
    "b2_get_upload_url": "storage_cap_exceeded",
    "b2_get_upload_part_url": "storage_cap_exceeded",
}
TEST_MODES: Final[tuple[TestMode, ...]] = get_args(TestMode)
"""The values of `X-Bz-Test-Mode` that B2 documents; others do nothing."""


class FaultBoard(MutableSequence[Fault]):
    """A script of faults that may change at any time, and the counts of the calls that it strikes."""

    def __init__(self, script: Iterable[Fault] = ()) -> None:
        self._lock = Lock()
        self._faults: list[Fault] = list(script)
        self._counting: list[Fault] = list(self._faults)
        self._state = FaultState()
        self._modes: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"FaultBoard({self._faults!r})"

    @property
    def script(self) -> FaultScript:
        """The faults as they were added."""
        with self._lock:
            return tuple(self._faults)

    def strike(self, call_name: str, test_mode: str | None = None) -> Strike:
        """One more call of this name, and what strikes it. `test_mode` is the call's `X-Bz-Test-Mode`."""
        with self._lock:
            self._state, strike = step(tuple(self._counting), self._state, call_name)
            if strike == _NOTHING and test_mode in TEST_MODES:
                return self._tested(test_mode, call_name)
            return strike

    def lift(self, fault: Fault) -> None:
        """The fault strikes no more."""
        with self._lock:
            kept = [pair for pair in zip(self._faults, self._counting, strict=True) if pair[0] != fault]
            self._faults, self._counting = [one for one, _ in kept], [one for _, one in kept]

    def replace(self, script: Iterable[Fault]) -> None:
        """Another script; all counts begin anew."""
        faults = list(script)
        with self._lock:
            self._faults, self._counting, self._state = faults, list(faults), FaultState()

    def _tested(self, mode: str, call_name: str) -> Strike:
        """As B2's test mode, but not by chance: every third upload fails, every fifth call finds the account tokens
        expired.
        """
        if mode == "force_cap_exceeded":
            code = _CAPPED.get(call_name)
            return _NOTHING if code is None else _one(FailNth(call_name, 1, Answer(403, code, "test mode")), call_name)
        if mode == "fail_some_uploads":
            due = matches(UPLOADS, call_name) and self._every(mode, _FAILING_EVERY)
            fault: Fault = FailNth(call_name, 1, Answer(503, "service_unavailable", "test mode"))
        else:
            due = call_name in _MATCHED_TOKENS and self._every(mode, _EXPIRING_EVERY)
            fault = ExpireTokens(call_name, 1)
        return _one(fault, call_name) if due else _NOTHING

    def _every(self, mode: str, period: int) -> bool:
        self._modes[mode] = self._modes.get(mode, 0) + 1
        return self._modes[mode] % period == 0

    def _from_now(self, fault: Fault) -> Fault:
        """The fault, counting from the calls that there were so far."""
        if isinstance(fault, RandomFaults):
            return fault
        seen = sum(count for name, count in self._state.counts if matches(fault.call_name, name))
        return msgspec.structs.replace(fault, nth=fault.nth + seen)

    # -- a list of faults

    def __len__(self) -> int:
        return len(self._faults)

    @overload
    def __getitem__(self, index: int) -> Fault: ...
    @overload
    def __getitem__(self, index: slice) -> MutableSequence[Fault]: ...
    def __getitem__(self, index: int | slice) -> Fault | MutableSequence[Fault]:
        with self._lock:
            return self._faults[index]

    @overload
    def __setitem__(self, index: int, value: Fault) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Fault]) -> None: ...
    def __setitem__(self, index: int | slice, value: Fault | Iterable[Fault]) -> None:
        with self._lock:
            if isinstance(index, slice):
                assert not isinstance(value, Fault)
                faults = list(value)
                self._faults[index] = faults
                self._counting[index] = [self._from_now(fault) for fault in faults]
            else:
                assert isinstance(value, Fault)
                self._faults[index] = value
                self._counting[index] = self._from_now(value)

    def __delitem__(self, index: int | slice) -> None:
        with self._lock:
            del self._faults[index]
            del self._counting[index]

    def insert(self, index: SupportsIndex, value: Fault) -> None:
        """Add a fault, which counts the calls from now on."""
        if not isinstance(value, Fault):
            raise TypeError(f"a fault is FailNth(...), CutDownload(...) or another of b2pure.testing, not {value!r}")
        with self._lock:
            self._faults.insert(index, value)
            self._counting.insert(index, self._from_now(value))


_NOTHING: Final = Strike()


def _one(fault: Fault, call_name: str) -> Strike:
    return step((fault,), FaultState(), call_name)[1]
