"""Who holds which large file: one program works on one at a time, and what the caller holds is cancelled by nobody.

Rules. A program takes a large file before it sends a part to it, and leaves it when it is finished or given up. Of a
taken file nothing is gone on with or cancelled by another program of the same client: two equal jobs at once would
otherwise share one file, and whoever is slower would find it finished. A file whose id the caller gave or was given
stays the caller's, who may go on with it in a later job; it is forgotten when it is finished.
"""

from __future__ import annotations

from typing import assert_never

from attrs import evolve, frozen

from b2pure.model.ids import FileId

__all__ = ["Held", "HoldEvent", "Holds", "Leave", "Look", "Take", "step_holds"]


@frozen
class Holds:
    """The files that programs work on, those that are the caller's, and how often one was left so far."""

    taken: frozenset[FileId] = frozenset()
    callers: frozenset[FileId] = frozenset()
    left: int = 0


@frozen
class Take:
    """A program wants to work on the file; with `caller` its id is one that the caller holds. `left` is how often files
    had been left before B2 was asked for it (None: it is new): what is known of it may be old if one was left since.
    """

    file_id: FileId
    caller: bool = False
    left: int | None = None


@frozen
class Leave:
    """The program that took the file works on it no more; `finished`: it is no large file any more."""

    file_id: FileId
    finished: bool = False


@frozen
class Look:
    """Somebody wants to know."""


HoldEvent = Take | Leave | Look


@frozen
class Held:
    """The answer: whether a taken file is yours, and what others hold by now."""

    yours: bool
    taken: frozenset[FileId]
    callers: frozenset[FileId]
    left: int

    def may_cancel(self, file_id: FileId) -> bool:
        """Whether nobody works on it who would miss it, as far as this client knows."""
        return file_id not in self.taken and file_id not in self.callers


def step_holds(state: Holds, event: HoldEvent) -> tuple[Holds, Held]:
    """The next state, and the answer to what was asked. The answer tells of the time before the event."""
    told = Held(True, state.taken, state.callers, state.left)
    match event:
        case Take(file_id, caller, left):
            if file_id in state.taken or left not in (None, state.left):
                return state, evolve(told, yours=False)
            callers = state.callers | {file_id} if caller else state.callers
            return evolve(state, taken=state.taken | {file_id}, callers=callers), told
        case Leave(file_id, finished):
            callers = state.callers - {file_id} if finished else state.callers
            return Holds(state.taken - {file_id}, callers, state.left + 1), told
        case Look():
            return state, told
        case _:
            assert_never(event)
