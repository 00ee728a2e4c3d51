"""What a call changed, until the vault is told.

Rules. Nothing is gathered for a vault that keeps no records. With every change goes the record of the world itself,
because ids come from its counters.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from b2pure.effects.simulator.content import Vault
from b2pure.effects.simulator.records import Record

__all__ = ["Ledger"]


class Ledger:
    """Gathers changes for `vault`; `world` gives the record of the world as it is."""

    def __init__(self, vault: Vault, world: Callable[[], Record]) -> None:
        self._vault = vault
        self._world = world
        self._changes: dict[tuple[str, str], msgspec.Struct | None] = {}

    def put(self, kind: str, identity: str, record: Callable[[], Record]) -> None:
        """A record is new, or another."""
        if self._vault.keeps_records:
            self._changes[kind, identity] = record()
            self.put_world()

    def put_world(self) -> None:
        """The world itself is another."""
        if self._vault.keeps_records:
            self._changes["world", ""] = self._world()

    def gone(self, kind: str, identity: str) -> None:
        """A record is no more."""
        if self._vault.keeps_records:
            self._changes[kind, identity] = None

    def commit(self) -> None:
        """Hand what changed to the vault."""
        if self._changes:
            changes, self._changes = self._changes, {}
            self._vault.commit(changes)
