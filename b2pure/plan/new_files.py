"""What a sync gives the files that it makes, in the form that a plan keeps: everything but the secret.

A plan names the key of SSE-C by its MD5, as B2's own API does; whoever applies the plan brings the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from returns.result import Failure, Result, Success

from b2pure.model.errors import InvalidArgument
from b2pure.model.new_file import AUTO_CONTENT_TYPE, PLAIN, NewFile
from b2pure.model.protection import Encryption, FileRetention, LegalHold, SseB2, SseC
from b2pure.plan.reasons import PlanRecord
from b2pure.plan.rules import Direction

__all__ = ["CustomerKey", "NewFiles", "kept", "key_of", "misplaced", "needed_keys", "resolved"]


class CustomerKey(PlanRecord, frozen=True, tag="SSE-C"):
    """A key of SSE-C that the plan does not hold."""

    md5: str


class ServerKey(PlanRecord, frozen=True, tag="SSE-B2"):
    """B2's own encryption."""


class NewFiles(PlanRecord, frozen=True, tag="new_files"):
    """What every file is made with, and the key that the source's files are read with. `info` is sorted."""

    content_type: str = AUTO_CONTENT_TYPE
    info: tuple[tuple[str, str], ...] = ()
    encryption: ServerKey | CustomerKey | None = None
    retention: FileRetention | None = None
    legal_hold: LegalHold | None = None
    custom_upload_timestamp: int | None = None
    source_key: CustomerKey | None = None


def kept(new: NewFile, source: SseC | None) -> NewFiles | None:
    """What a plan keeps of it; None when there is nothing to keep."""
    if new == PLAIN and source is None:
        return None
    return NewFiles(
        new.content_type,
        tuple(sorted(new.info().items())),
        _kept_encryption(new.encryption),
        new.retention,
        new.legal_hold,
        new.custom_upload_timestamp,
        CustomerKey(source.customer_key_md5) if source is not None else None,
    )


def _kept_encryption(encryption: Encryption | None) -> ServerKey | CustomerKey | None:
    match encryption:
        case None:
            return None
        case SseB2():
            return ServerKey()
        case SseC():
            return CustomerKey(encryption.customer_key_md5)
        case _:
            assert_never(encryption)


def misplaced(direction: Direction, new: NewFile, source: SseC | None) -> InvalidArgument | None:
    """What makes no sense for a sync in that direction."""
    if direction == "down" and new != PLAIN:
        return InvalidArgument("new_files", "are for files made in B2, but the destination is local")
    if direction == "up" and source is not None:
        return InvalidArgument("source_encryption", "is for files in B2, but the source is local")
    return None


def needed_keys(new: NewFiles | None) -> frozenset[str]:
    """The MD5s of the keys that somebody has to bring."""
    named = () if new is None else (new.encryption, new.source_key)
    return frozenset(each.md5 for each in named if isinstance(each, CustomerKey))


def resolved(new: NewFiles | None, keys: Mapping[str, SseC]) -> Result[tuple[NewFile, SseC | None], InvalidArgument]:
    """The settings with their keys, which are given by MD5."""
    missing = sorted(needed_keys(new) - keys.keys())
    if missing:
        return Failure(
            InvalidArgument("keys", f"lacks the SSE-C key whose MD5 is {missing[0]}; give it (keys=[SseC.of(key)])")
        )
    if new is None:
        return Success((PLAIN, None))
    made = NewFile(
        new.content_type,
        dict(new.info),
        encryption=key_of(new.encryption, keys),
        retention=new.retention,
        legal_hold=new.legal_hold,
        custom_upload_timestamp=new.custom_upload_timestamp,
    )
    return Success((made, keys[new.source_key.md5] if new.source_key is not None else None))


def key_of(named: ServerKey | CustomerKey | None, keys: Mapping[str, SseC]) -> Encryption | None:
    """The setting that a name stands for."""
    match named:
        case None:
            return None
        case ServerKey():
            return SseB2()
        case CustomerKey(md5):
            return keys[md5]
        case _:
            assert_never(named)
