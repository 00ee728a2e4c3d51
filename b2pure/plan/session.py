"""The account token as a machine: who authorizes, who waits, who goes on.

Rules. Every thread asks with `Need` before a call. Exactly one is told to `Authorize`, the others `Wait`. Tokens are
numbered by `generation`: a thread whose token was refused says which generation it had, so that n refusals of one
token cause one new authorization and a late refusal of an old token causes none. A refused key is final, and is told
as such: B2 has the same code for a token that died. When whoever
authorizes is stopped, that is `Abandoned`, and the next one who asks does it.
"""

from __future__ import annotations

from typing import assert_never

from attrs import evolve, frozen

from b2pure.model.account import Authorization
from b2pure.model.errors import B2Error, Unauthorized

__all__ = [
    "Abandoned",
    "Authorize",
    "Authorized",
    "Fail",
    "Need",
    "Refused",
    "Rejected401",
    "SessionDecision",
    "SessionEvent",
    "SessionState",
    "UseToken",
    "Wait",
    "step_session",
]


@frozen
class SessionState:
    """`generation` counts the tokens so far; `authorization` is None until there is one; `refused` is final."""

    generation: int = 0
    authorization: Authorization | None = None
    authorizing: bool = False
    refused: B2Error | None = None


@frozen
class Need:
    """A call needs a token."""


@frozen
class Rejected401:
    """The server called the token of this generation bad or expired."""

    generation: int


@frozen
class Authorized:
    """The authorization that was asked for is here."""

    authorization: Authorization


@frozen
class Refused:
    """The authorization that was asked for failed."""

    error: B2Error
    final: bool


@frozen
class Abandoned:
    """Whoever was told to authorize will not bring an answer."""


SessionEvent = Need | Rejected401 | Authorized | Refused | Abandoned


@frozen
class UseToken:
    """Use this token; say the generation when it is refused."""

    generation: int
    authorization: Authorization


@frozen
class Authorize:
    """You are the one who authorizes."""


@frozen
class Wait:
    """Somebody else is authorizing: ask again when the state has changed."""


@frozen
class Fail:
    """There will be no token."""

    error: B2Error


SessionDecision = UseToken | Authorize | Wait | Fail


def step_session(state: SessionState, event: SessionEvent) -> tuple[SessionState, SessionDecision]:
    """The next state, and what the one who brought the event does."""
    match event:
        case Need():
            return _need(state)
        case Rejected401(generation):
            if state.authorization is not None and generation == state.generation:
                state = evolve(state, authorization=None)
            return _need(state)
        case Authorized(authorization):
            state = SessionState(state.generation + 1, authorization)
            return state, UseToken(state.generation, authorization)
        case Refused(error, final):
            error = evolve(error, of_key=True) if isinstance(error, Unauthorized) else error
            state = evolve(state, authorizing=False, refused=error if final else None)
            return state, Fail(error)
        case Abandoned():
            return evolve(state, authorizing=False), Wait()
        case _:
            assert_never(event)


def _need(state: SessionState) -> tuple[SessionState, SessionDecision]:
    if state.refused is not None:
        return state, Fail(state.refused)
    if state.authorization is not None:
        return state, UseToken(state.generation, state.authorization)
    if state.authorizing:
        return state, Wait()
    return evolve(state, authorizing=True), Authorize()
