"""Parts that are put together from bytes of here and of B2: what B2 has is downloaded first, once, and kept in memory
until the part was sent.

Rules. Room for all that a part downloads is reserved before the first byte of it (`Reserve`). A piece that breaks off
is gone on with where it stopped. A piece that is a whole file is compared with the SHA-1 that B2 has of it; of a range
B2 tells none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha1
from typing import TypeVar

from returns.result import Failure, Result, Success

from b2pure.effects.effect import FetchBytes, Release, Reserve
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import with_token
from b2pure.model.account import Authorization
from b2pure.model.calls import DownloadFileById
from b2pure.model.errors import B2Error, Corrupt, Rejected, Transport
from b2pure.model.intents import CopySource
from b2pure.model.protection import SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import DownloadReply
from b2pure.model.sources import NOTHING, Blob, Body, Chained
from b2pure.plan.listing import content_sha1_of
from b2pure.plan.retry import RetryPolicy

__all__ = ["KeyRing", "with_pieces"]

R = TypeVar("R")

KeyRing = Mapping[str, SseC]
"""Keys of SSE-C by the MD5 that plans name them by."""


def with_pieces(
    pieces: tuple[Body | CopySource, ...],
    keys: KeyRing,
    retry: RetryPolicy,
    send: Callable[[Body], Program[Result[R, B2Error]]],
) -> Program[Result[R, B2Error]]:
    """Put the pieces together and send them; what was downloaded is forgotten then."""
    length = sum(piece.length for piece in pieces if isinstance(piece, CopySource))
    if not length:
        return (yield from send(_chain([piece for piece in pieces if not isinstance(piece, CopySource)])))
    while not (yield from perform(Reserve(length))):
        pass
    body = yield from _joined(pieces, keys, retry)
    result: Result[R, B2Error] = (yield from send(body.unwrap())) if ok(body) else Failure(body.failure())
    yield from perform(Release(length))
    return result


def _joined(pieces: tuple[Body | CopySource, ...], keys: KeyRing, retry: RetryPolicy) -> Program[Result[Body, B2Error]]:
    bodies: list[Body] = []
    for piece in pieces:
        if not isinstance(piece, CopySource):
            bodies.append(piece)
            continue
        fetched = yield from _fetch(piece, keys, retry)
        if not ok(fetched):
            return Failure(fetched.failure())
        bodies.append(Blob(fetched.unwrap()))
    return Success(_chain(bodies))


def _chain(bodies: list[Body]) -> Body:
    if not bodies:
        return NOTHING
    return bodies[0] if len(bodies) == 1 else Chained(tuple(bodies))


def _fetch(source: CopySource, keys: KeyRing, retry: RetryPolicy) -> Program[Result[bytes, B2Error]]:
    """The bytes of the range, in memory."""
    got: list[bytes] = []
    key = keys[source.key_md5] if source.key_md5 is not None else None

    def attempt(token: Authorization) -> Program[Result[bytes, B2Error]]:
        start = source.range.start + sum(map(len, got))
        if start < source.range.stop:
            left = ByteRange(start, source.range.stop)
            call = DownloadFileById(source.file_id, left.http(), key)
            fetched = yield from perform(FetchBytes(call, token, left.length))
            got.append(fetched.data)
            if fetched.error is not None:
                return Failure(fetched.error)
            if len(fetched.data) < left.length:
                return Failure(_too_short(source, fetched.headers))
            known = _known_sha1(source, fetched.headers)
            found = sha1(b"".join(got), usedforsecurity=False).hexdigest() if known is not None else None
            if found != known:
                got.clear()
                return Failure(Corrupt(f"the download of {source.file_id}", f"SHA-1 {known}", f"SHA-1 {found}"))
        return Success(got[0] if len(got) == 1 else b"".join(got))

    return (yield from with_token(attempt, retry))


def _too_short(source: CopySource, headers: DownloadReply | None) -> B2Error:
    if headers is not None and headers.total_length < source.range.stop:
        told = f"{source.file_id} has {headers.total_length} bytes, so no range up to {source.range.stop}"
        return Rejected(416, "range_not_satisfiable", told)
    return Transport("broken", "the body ended before the range that was asked for")


def _known_sha1(source: CopySource, headers: DownloadReply | None) -> str | None:
    """What the range must have, where it is a whole file whose digest anybody told."""
    if headers is None or source.range != ByteRange(0, headers.total_length):
        return None
    return content_sha1_of(headers.content_sha1, dict(headers.file_info))
