"""How fast bytes may move: a token bucket, from (rate, bucket, wish, time) to a share and a wait.

Rules.
- The bucket fills with `bytes_per_second` up to the burst, a quarter of a second's bytes (4 KiB at least). Whoever asks
  gets a share at once, and is told how long to wait before moving it: shares are handed out in the order of asking, so
  that nobody starves and nobody gets ahead.
- A share is at most the burst and at most 1 MiB. So in any time no more moves than the burst and what flows in
  meanwhile (to a millisecond, since waits are whole ones), whoever asks for how much.
- There is no wait while tokens are there.
- Everything is whole numbers: milliseconds, and thousandths of bytes. A clock that goes backwards brings no tokens and
  takes none.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

__all__ = ["Bandwidth", "Bucket", "Share", "burst_of", "share_of", "step_bucket"]

_LEAST_BURST: Final = 1 << 12
_LARGEST_SHARE: Final = 1 << 20
_MILLI: Final = 1000


@frozen
class Bandwidth:
    """Bytes per second that may go up and come down, all workers of a client together; None: as many as can. Raises
    ValueError for a rate below 1.
    """

    up: int | None = None
    down: int | None = None

    def __attrs_post_init__(self) -> None:
        for name, rate in (("up", self.up), ("down", self.down)):
            if rate is not None and rate < 1:
                raise ValueError(f"bandwidth: {name} must be at least 1 byte per second, not {rate}; None: no limit")


@frozen
class Bucket:
    """Tokens in thousandths of bytes at `at_millis` (None: full, since nobody asked yet). Below zero they are owed."""

    tokens: int = 0
    at_millis: int | None = None


@frozen
class Share:
    """So many bytes may move after a wait."""

    bytes: int
    wait_millis: int


def burst_of(bytes_per_second: int) -> int:
    """Bytes that may move at once after a while without any."""
    return max(_LEAST_BURST, bytes_per_second // 4)


def share_of(bytes_per_second: int) -> int:
    """The most bytes that are handed out at once."""
    return min(burst_of(bytes_per_second), _LARGEST_SHARE)


def step_bucket(bytes_per_second: int, bucket: Bucket, wanted: int, now_millis: int) -> tuple[Bucket, Share]:
    """The bucket afterwards, and the share of one who wants so many bytes: 1 or more, unless none are wanted."""
    full = burst_of(bytes_per_second) * _MILLI
    if bucket.at_millis is None:
        tokens = full
    else:
        tokens = min(full, bucket.tokens + bytes_per_second * max(0, now_millis - bucket.at_millis))
    share = max(0, min(wanted, share_of(bytes_per_second)))
    left = tokens - share * _MILLI
    wait = -(min(0, left) // bytes_per_second)  # rounded up
    return Bucket(left, now_millis), Share(share, wait if share else 0)
