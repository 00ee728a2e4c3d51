"""How to get at one B2 with one key: what another process needs to have a connection of its own."""

from __future__ import annotations

from attrs import field, frozen

from b2pure.model.account import TestMode
from b2pure.plan.bandwidth import Bandwidth, share_of
from b2pure.plan.concurrency import Workers
from b2pure.shell.http import ONE_PIECE_BYTES, HttpApi

__all__ = ["Access"]


@frozen
class Access:
    """A key, and the URL of the realm that it is for. The key stays out of every repr."""

    key_id: str
    key: str = field(repr=False)
    realm_address: str
    test_mode: TestMode | None = None

    def api(self, workers: Workers, bandwidth: Bandwidth | None) -> HttpApi:
        """New connections, as many as so many workers need."""
        return HttpApi(
            self.key_id,
            self.key,
            realm_address=self.realm_address,
            pool_size=2 * workers.ceiling + 2,
            one_piece_bytes=_one_piece(bandwidth),
            test_mode=self.test_mode,
        )


def _one_piece(bandwidth: Bandwidth | None) -> int:
    """With a limit, what would go out in one piece is cut as finely as it is rationed."""
    up = None if bandwidth is None else bandwidth.up
    return ONE_PIECE_BYTES if up is None else min(ONE_PIECE_BYTES, share_of(up))
