"""Which exchanges one thread carries out beside others: a decision from (what a body is, how long reading took).

Rules.
- A lane is for what goes out at once and comes back at once: a call whose body is small.
- A file is read in a lane only where that takes no longer than somebody else's answer can wait. Where the disk is slow,
  a batch that took too long sends the next ones to threads of their own, which wait side by side; then one more batch
  is read in lanes, to see whether it is still so.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen

from b2pure.model.calls import Call, FinishLargeFile, UploadFile, UploadPart
from b2pure.model.sources import Blob, body_length

__all__ = ["Reading", "fits_lane", "handed", "read_in"]

SMALL_BYTES: Final = 1 << 18
"""Bodies up to here are small."""
_BATCH: Final = 64
"""So many files are judged together: a moment in which another thread computes says nothing about the disk."""
_FEWEST: Final = 16
_SLOW_MILLIS: Final = 3
"""Milliseconds a file that are too long."""
_APART: Final = (512, 1 << 14)
"""So many go to threads of their own before lanes are tried again: at first, and at most."""


@frozen
class Reading:
    """`files` were read in lanes in `millis`, since the last batch; `apart` more are to be read elsewhere, and the next
    time `patience`.
    """

    files: int = 0
    millis: int = 0
    apart: int = 0
    patience: int = _APART[0]


def read_in(state: Reading, files: int, millis: int, slow_millis: int = _SLOW_MILLIS) -> Reading:
    """After some files more were read in lanes, which took so many milliseconds; `slow_millis` a file are too long."""
    files, millis = state.files + files, state.millis + max(0, millis)
    if files < _FEWEST or (files < _BATCH and millis < _BATCH * slow_millis):
        return Reading(files, millis, state.apart, state.patience)
    if millis < files * slow_millis:
        return Reading()
    return Reading(apart=state.patience, patience=min(2 * state.patience, _APART[1]))


def handed(state: Reading) -> Reading:
    """After a file went to a thread of its own."""
    return Reading(apart=max(0, state.apart - 1), patience=state.patience)


def fits_lane(call: Call[Any], state: Reading) -> bool:
    """Whether a call is one for a lane. B2 may take minutes to finish a large file."""
    if isinstance(call, UploadFile | UploadPart):
        return body_length(call.body) <= SMALL_BYTES and (not state.apart or isinstance(call.body, Blob))
    return not isinstance(call, FinishLargeFile)
