"""Sessions that are no class of ours, as those of mocks are, and replies that are passed on as they came.

Rules. A session of somebody's is asked by its
documented methods. So is one of ours where a method that answers with a dictionary is not ours any more: what that says
is passed on, whatever it lacks. What needs more than a session's methods is refused where the session is not ours.
"""

from __future__ import annotations

from typing import Any, Final, Protocol, TypeVar

from b2pure.effects.bodies import Bodies
from b2pure.effects.interpreter import value_of
from b2pure.effects.program import ok
from b2pure.model.calls import Call
from b2pure.shell.v1.error_table import Context, exception_of
from b2pure.shell.v1.own_methods import really_is
from b2pure.shell.v1.raw_arguments import account_credential
from b2pure.shell.v1.session import Session
from b2pure.shell.v1.session_methods import api_of_methods

__all__ = ["Asked", "asked", "says_itself", "worked_with"]

R = TypeVar("R")

_NOWHERE: Final = account_credential("", "")
"""A session finds address and token itself."""


class Asked(Protocol):
    """A session, as far as single calls need it."""

    def ask(self, call: Call[R], context: Context | None = None) -> R: ...


class _Theirs:
    """A session that has the documented methods only."""

    def __init__(self, session: object) -> None:
        self._api = api_of_methods(session)

    def ask(self, call: Call[R], context: Context | None = None) -> R:
        result = value_of(self._api.send(call, _NOWHERE, Bodies()))
        if ok(result):
            return result.unwrap()
        raise exception_of(result.failure(), context or Context.of(call)) from None


def asked(session: Any) -> Asked:
    """The session itself, or what asks its methods."""
    return session if really_is(session, Session) else _Theirs(session)


def worked_with(session: Any) -> Session:
    """The session itself. Raises TypeError for one that no programs run over."""
    if really_is(session, Session):
        return session
    raise TypeError(f"this needs the session of a B2Api, and not {type(session).__name__}; RawSimulator is for tests")


def says_itself(session: Any, name: str) -> bool:
    """Whether the answer of this method is somebody else's."""
    return session._is_theirs(name) if really_is(session, Session) else True
