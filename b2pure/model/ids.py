"""Names for the opaque strings of B2. They are compared and passed on, never taken apart."""

from __future__ import annotations

from typing import NewType

__all__ = ["AccountId", "BucketId", "FileId"]

AccountId = NewType("AccountId", str)
BucketId = NewType("BucketId", str)
FileId = NewType("FileId", str)
