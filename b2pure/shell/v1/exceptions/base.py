"""What all exceptions of the numbered interface are made of.

Rules. `should_retry_http` says whether the same request may be sent again, `should_retry_upload` whether an upload may
be tried with another upload URL. By default neither helps.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

__all__ = [
    "B2Error",
    "B2SimpleError",
    "FixedText",
    "TransientErrorMixin",
]

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+")


def _spelled_out(class_name: str) -> str:
    """`AlreadyFailed` as `Already failed`; the leading `B2` says nothing to a person."""
    words = _WORD.findall(class_name.removeprefix("B2"))
    return " ".join(words).capitalize()


class B2Error(Exception):
    """Base of all errors of the numbered interface. `retry_after_seconds` is the server's wish, if it said one: None
    for all that is not about a busy server.
    """

    retry_after_seconds: float | None = None
    prefix: ClassVar[str] = "Error"
    """What the message of a `B2SimpleError` begins with: made of the class's name, unless it or a base says another."""
    _says_prefix: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "prefix" in vars(cls):
            cls._says_prefix = True
        elif not cls._says_prefix:
            cls.prefix = _spelled_out(cls.__name__)

    def should_retry_http(self) -> bool:
        """Return true if this is an error that can cause an HTTP call to be retried."""
        return False

    def should_retry_upload(self) -> bool:
        """Return true if this is an error that should tell the upload code to get a new upload URL and try the upload
        again.
        """
        return False


class B2SimpleError(B2Error):
    """A B2Error with a message prefix."""

    def __str__(self) -> str:
        return f"{self.prefix}: {super().__str__()}"


class TransientErrorMixin:
    """What may go well the next time."""

    def should_retry_http(self) -> bool:
        """True: the same request may be sent again."""
        return True

    def should_retry_upload(self) -> bool:
        """True: another upload URL may help."""
        return True


class FixedText(B2Error):
    """An error whose text is always the same, whatever it is made with."""

    text: ClassVar[str]

    def __str__(self) -> str:
        return self.text
