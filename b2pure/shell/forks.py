"""What a process that was forked must not share with the one that it came from.

Rules. Two processes that use one connection take each other's answers, two that use one upload URL get in each other's
way, and a lock that some thread held when the process was forked is never let go in the child, where that thread is
not. So whatever has one of these is renewed in the child before anything else runs there. Nothing is said to the
server: the connections are still the parent's.
"""

from __future__ import annotations

import os
from typing import Final, Protocol, TypeVar
from weakref import WeakValueDictionary

__all__ = ["Renewable", "renewed_after_fork"]


class Renewable(Protocol):
    """Something with connections, upload URLs or locks."""

    def _renew_in_child(self) -> None:
        """Begin anew, in a process where no other thread is: fresh locks, no connection, no upload URL."""
        ...


_R = TypeVar("_R", bound=Renewable)
_THINGS: Final[WeakValueDictionary[int, Renewable]] = WeakValueDictionary()


def renewed_after_fork(thing: _R) -> _R:
    """The same thing, which is renewed in each child that is forked while it lives."""
    _THINGS[id(thing)] = thing
    return thing


def _renew_all() -> None:
    for thing in list(_THINGS.values()):
        thing._renew_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
