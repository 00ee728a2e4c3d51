"""Encryption on the server, retention and legal holds: what protects a file, as B2 takes it and as B2 tells it.

Rules. What is sent is strict (`Encryption`, `FileRetention`); what comes back keeps unknown strings, because B2's
lists are open-ended. The key of an `SseC` is a secret: it is sent with each request, B2 keeps only that a key was
used, and no repr here shows it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import md5
from typing import Final, Literal

import msgspec

__all__ = [
    "NO_HOLD",
    "NO_RETENTION",
    "UNENCRYPTED",
    "UNLOCKED",
    "Encryption",
    "EncryptionReply",
    "FileRetention",
    "LegalHold",
    "LegalHoldReply",
    "RetentionMode",
    "RetentionReply",
    "RetentionValue",
    "SseB2",
    "SseC",
]

_KEY_BYTES: Final = 32
_MD5_BYTES: Final = 16

LegalHold = Literal["on", "off"]
RetentionMode = Literal["governance", "compliance"]


class _Setting(msgspec.Struct, frozen=True, rename="camel", tag_field="mode"):
    """Base of what is sent."""


class SseB2(_Setting, frozen=True, tag="SSE-B2"):
    """Encrypted with keys that B2 keeps."""

    algorithm: Literal["AES256"] = "AES256"


class SseC(_Setting, frozen=True, tag="SSE-C"):
    """Encrypted with a key that the customer keeps and sends with each request; `of` makes it from the 32 bytes.

    Raises ValueError when the key is not base64 of 32 bytes, or the MD5 not base64 of 16.
    """

    customer_key: str
    customer_key_md5: str
    algorithm: Literal["AES256"] = "AES256"

    def __post_init__(self) -> None:
        if len(_decoded(self.customer_key)) != _KEY_BYTES:
            raise ValueError("customerKey must be base64 of 32 bytes")
        if len(_decoded(self.customer_key_md5)) != _MD5_BYTES:
            raise ValueError("customerKeyMd5 must be base64 of the 16 bytes of the key's MD5")

    @classmethod
    def of(cls, key: bytes) -> SseC:
        """The setting for a key of 32 bytes."""
        digest = md5(key, usedforsecurity=False).digest()
        return cls(b64encode(key).decode(), b64encode(digest).decode())

    @property
    def agrees(self) -> bool:
        """Whether the MD5 is that of the key."""
        return md5(_decoded(self.customer_key), usedforsecurity=False).digest() == _decoded(self.customer_key_md5)

    def __repr__(self) -> str:
        return "SseC()"


Encryption = SseB2 | SseC


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return b""


class FileRetention(msgspec.Struct, frozen=True, rename="camel"):
    """Until when (milliseconds since the epoch) a file cannot be deleted; both None: no retention.

    Raises ValueError when only one of both is given.
    """

    mode: RetentionMode | None
    retain_until_timestamp: int | None

    def __post_init__(self) -> None:
        if (self.mode is None) != (self.retain_until_timestamp is None):
            raise ValueError("a retention has both a mode and a retainUntilTimestamp, or neither")


NO_RETENTION: Final = FileRetention(None, None)


class _Reply(msgspec.Struct, frozen=True, rename="camel"):
    """Base of what comes back."""


class EncryptionReply(_Reply, frozen=True, gc=False):
    """`mode` None: not encrypted."""

    mode: str | None = None
    algorithm: str | None = None


class RetentionValue(_Reply, frozen=True, gc=False):
    """`mode` None: none is set."""

    mode: str | None = None
    retain_until_timestamp: int | None = None


class RetentionReply(_Reply, frozen=True, gc=False):
    """`value` None: the key may not read it."""

    is_client_authorized_to_read: bool
    value: RetentionValue | None


class LegalHoldReply(_Reply, frozen=True, gc=False):
    """`value` None: the key may not read it, or none was ever set."""

    is_client_authorized_to_read: bool
    value: str | None


UNENCRYPTED: Final = EncryptionReply()
UNLOCKED: Final = RetentionReply(True, RetentionValue())
NO_HOLD: Final = LegalHoldReply(True, None)
