"""Upload URLs as a machine: one pool per bucket or large file.

Rules. A URL is used by one upload at a time: `Take` removes it, `Give` brings it back after a success. A URL whose
upload failed, or whose outcome is unknown, is `Spoiled` and never comes back (B2 forgets it as well). Where its token
was dead those that are idle are most likely dead, too: they are forgotten with it, so that one failure finds out, and
not one for each. The one given back last is taken first, because its pod is awake. When a large file is finished or
cancelled its URLs are good for nothing any more: `Close` forgets them.
"""

from __future__ import annotations

from typing import Final, assert_never

from attrs import frozen

from b2pure.model.account import UploadUrl

__all__ = [
    "EMPTY",
    "Close",
    "FetchUrl",
    "Give",
    "Nothing",
    "Pool",
    "PoolDecision",
    "PoolEvent",
    "Spoiled",
    "Take",
    "Use",
    "step_pool",
]


@frozen
class Pool:
    """The URLs that nobody uses now."""

    idle: tuple[UploadUrl, ...] = ()


EMPTY: Final = Pool()


@frozen
class Take:
    """An upload wants a URL."""


@frozen
class Give:
    """An upload succeeded and gives its URL back."""

    url: UploadUrl


@frozen
class Spoiled:
    """An upload failed: its URL is not to be used again; `dead_token` says that B2 refused its token."""

    url: UploadUrl
    dead_token: bool = False


@frozen
class Close:
    """There is nothing left to upload to: what is idle is forgotten."""


PoolEvent = Take | Give | Spoiled | Close


@frozen
class Use:
    """The URL is yours until you give it back."""

    url: UploadUrl


@frozen
class FetchUrl:
    """There is none: ask B2 for one."""


@frozen
class Nothing:
    """Noted."""


PoolDecision = Use | FetchUrl | Nothing


def step_pool(pool: Pool, event: PoolEvent) -> tuple[Pool, PoolDecision]:
    """The next pool, and what the one who brought the event does."""
    match event:
        case Take():
            if not pool.idle:
                return pool, FetchUrl()
            return Pool(pool.idle[:-1]), Use(pool.idle[-1])
        case Give(url):
            return Pool((*pool.idle, url)), Nothing()
        case Spoiled(dead_token=dead_token):
            return EMPTY if dead_token else pool, Nothing()
        case Close():
            return Pool(), Nothing()
        case _:
            assert_never(event)
