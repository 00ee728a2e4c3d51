"""Methods that somebody put in the place of ours: in a subclass, on an object, or on a class, as mocks are.

Rules. What an object is, its real class says. What counts is what is there when a call is made, so that a patch may
come and go while objects live. It is compared with what a class of this package had when it was loaded. Asking costs a
look into two dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeGuard, TypeVar

from returns.io import IOResult

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Heard, Reader, Sink, unheard
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error
from b2pure.model.replies import DownloadReply

__all__ = ["ApiOfMethods", "Originals", "method_of", "really_is"]

R = TypeVar("R")
T = TypeVar("T")

_FETCH: Final = ("download_file_from_url", "get_download_url_by_id", "get_download_url_by_name")
"""What a download is made of."""


class Originals:
    """The methods that a class had when it was loaded."""

    def __init__(self, kind: type, names: Iterable[str]) -> None:
        self._methods = {name: getattr(kind, name) for name in names}

    def replaced(self, thing: object, name: str) -> bool:
        """Whether this object's method of that name is somebody else's by now. A name that is not known never is."""
        ours = self._methods.get(name)
        if ours is None:
            return False
        return getattr(type(thing), name, None) is not ours or name in getattr(thing, "__dict__", ())

    def any_replaced(self, thing: object, names: Iterable[str] | None = None) -> bool:
        """The same of any of these (None: of all)."""
        return any(self.replaced(thing, name) for name in (self._methods if names is None else names))


def really_is(thing: object, kind: Callable[..., T]) -> TypeGuard[T]:
    """Whether it is of this class, by its real class: a mock says that it is of any."""
    assert isinstance(kind, type)  # said as what makes a T, because an abstract class is no `type[T]` to mypy
    return issubclass(type(thing), kind)


def method_of(call: Call[Any]) -> str:
    """What the method of a call is called in raw apis and sessions."""
    return call.name.removeprefix("b2_")


class ApiOfMethods:
    """An api that is `theirs` where somebody replaced the method of `thing`, and `ours` elsewhere."""

    def __init__(self, thing: object, originals: Originals, ours: Api, theirs: Api) -> None:
        self._thing, self._originals, self._ours, self._theirs = thing, originals, ours, theirs

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """Answer a call whose reply is JSON."""
        api = self._theirs if self._originals.replaced(self._thing, method_of(call)) else self._ours
        return api.send(call, credential, reader)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        """Answer a download."""
        replaced = self._originals.any_replaced(self._thing, _FETCH)
        return (self._theirs if replaced else self._ours).fetch(call, authorization, sink, heard)
