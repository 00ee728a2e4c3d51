"""What a plan of an object moves, whoever planned it: in a module of its own, so that nobody needs b2sdk for it."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Moved"]


@frozen
class Moved:
    """Bytes sent and downloaded, and parts, of a plan; `made` is how many bytes of an object the parts are."""

    sent: int
    down: int
    parts: int
    made: int
