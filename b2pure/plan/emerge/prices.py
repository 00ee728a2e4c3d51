"""What an objective asks to be small, as one integer: levels that never spill into each other.

Byte counts stay below 2^44 (10 TB), part counts below 2^32.
"""

from __future__ import annotations

from typing import Final, assert_never

from attrs import evolve, frozen

from b2pure.plan.cost import PriceTable
from b2pure.plan.emerge.plan import Prioritize

__all__ = ["Weights", "verification_weights", "weights_of"]

_BYTES: Final = 1 << 32
_ABOVE_BYTES: Final = _BYTES << 46


@frozen
class Weights:
    """The price of a byte that is sent and is here (`local_byte`) or has to be downloaded first (`remote_byte`), of a
    part that is sent, and of one that is copied.
    """

    local_byte: int
    remote_byte: int
    sent_part: int
    copied_part: int

    def dearer(self, by: int) -> Weights:
        """The same with every part dearer."""
        return evolve(self, sent_part=self.sent_part + by, copied_part=self.copied_part + by)


def weights_of(prioritize: Prioritize, prices: PriceTable) -> Weights:
    """Levels, the most important first: see `Prioritize`."""
    match prioritize:
        case "local" | "remote" | "local_verification" | "min_traffic":
            return Weights(_BYTES, 2 * _BYTES, 1, 1)
        case "min_upload" | "verify":
            return Weights(_ABOVE_BYTES, _ABOVE_BYTES + _BYTES, 1, 1)
        case "min_download":
            return Weights(_BYTES, _ABOVE_BYTES + _BYTES, 1, 1)
        case "min_dollars":
            copy = prices.per_call.get("C", 0)
            down = _ABOVE_BYTES * prices.per_byte_down
            return Weights(_BYTES, _BYTES + down, 1, 1 + _ABOVE_BYTES * copy)
        case "min_requests":
            return Weights(1, 2, _ABOVE_BYTES, _ABOVE_BYTES)
        case _:
            assert_never(prioritize)


def verification_weights() -> Weights:
    """For cutting what is copied: local bytes that cannot be compared first, then parts."""
    return Weights(_BYTES, 0, 1, 1)
