"""What counts as an upload source, a copy source and a write intent: what an object can do, and not only its class.

Rules. An object of a class of ours is what that class says. Any other is asked (`is_upload`, `is_copy`), as b2sdk asks;
one that says nothing of it sends, if it opens. A digest of somebody's own counts where b2sdk asks for it: of what goes
in one call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeGuard

from b2pure.shell.v1.own_methods import Originals, really_is
from b2pure.shell.v1.sources import (
    AbstractUploadSource,
    CopySource,
    UploadSourceBytes,
    UploadSourceLocalFile,
    UploadSourceStream,
)

__all__ = ["Copies", "Intent", "Outbound", "Sends", "copies", "is_intent", "promised_sha1", "sends"]

_NOT_VERIFIED: Final = "do_not_verify"
_DIGESTS: Final[Mapping[type[AbstractUploadSource], Originals]] = {
    kind: Originals(kind, ("get_content_sha1",))
    for kind in (UploadSourceBytes, UploadSourceLocalFile, UploadSourceStream, AbstractUploadSource)
}


class Outbound(Protocol):
    """A source of either kind."""

    def get_content_length(self) -> int | None: ...


class Sends(Outbound, Protocol):
    """An upload source. `get_content_sha1` and `is_sha1_known` may be there, too."""

    def open(self) -> Any: ...


class Copies(Outbound, Protocol):
    """A copy source."""

    file_id: str
    offset: int


class Intent(Protocol):
    """A write intent."""

    @property
    def outbound_source(self) -> Outbound: ...

    @property
    def destination_offset(self) -> int: ...

    @property
    def length(self) -> int: ...


def sends(source: object) -> TypeGuard[Sends]:
    """Whether it is an upload source."""
    if really_is(source, AbstractUploadSource):
        return True
    if really_is(source, CopySource):
        return False
    if isinstance(source, type) or None in (_method(source, "get_content_length"), _method(source, "open")):
        return False
    asked = _method(source, "is_upload")
    return asked is None or bool(asked())


def copies(source: object) -> TypeGuard[Copies]:
    """Whether it is a copy source: what is both sends."""
    if really_is(source, CopySource):
        return True
    asked = _method(source, "is_copy")
    if sends(source) or isinstance(source, type) or asked is None or not asked():
        return False
    return isinstance(getattr(source, "file_id", None), str) and isinstance(getattr(source, "offset", None), int)


def is_intent(given: object) -> TypeGuard[Intent]:
    """Whether it is a write intent."""
    return all(hasattr(given, name) for name in ("outbound_source", "destination_offset", "length"))


def promised_sha1(source: Sends, *, in_one_call: bool) -> str | None:
    """The digest that the caller promises; None where nobody does. Raises TypeError for what is no text."""
    asked, digest = _method(source, "is_sha1_known"), _method(source, "get_content_sha1")
    if digest is None:
        return None
    known = asked is not None and asked() is True  # a mock that was not told answers with a mock
    if not known and not (in_one_call and _has_own_digest(source)):
        return None
    told = digest()
    if not isinstance(told, str | None):
        raise TypeError(f"{type(source).__name__}.get_content_sha1() must give 40 hex digits as text")
    return None if told == _NOT_VERIFIED else told


def _has_own_digest(source: Sends) -> bool:
    """Whether its digest is what somebody says, and not what is known of our sources."""
    ours = next((each for kind, each in _DIGESTS.items() if really_is(source, kind)), None)
    return ours is None or ours.replaced(source, "get_content_sha1")


def _method(thing: object, name: str) -> Callable[[], Any] | None:
    found = getattr(thing, name, None)
    return found if callable(found) else None
