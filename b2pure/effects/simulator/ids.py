"""Ids and secrets of a simulated B2, out of a seed and counters: two runs of the same calls give the same ones.

Rules. Nothing here is ever given out twice. Serials of tokens are not written down; a world that is read again has
another `generation`, and so other tokens.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from b2pure.effects.simulator.rules import bad_request
from b2pure.model.ids import AccountId, BucketId, FileId

__all__ = ["Ids"]

_SERIAL: Final = re.compile(r"_f[12]([0-9a-f]{15})\Z")


class Ids:
    """Makes ids, keys and tokens."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.generation = 0
        self.serials = {"key": 0, "token": 0, "bucket": 0, "file": 0}
        self.account_id = AccountId(self._digest("account", 0)[:12])

    def fork(self) -> Ids:
        """An independent copy."""
        twin = Ids(self.seed)
        twin.generation, twin.serials = self.generation, dict(self.serials)
        return twin

    def restore(self, serials: dict[str, int], generation: int) -> None:
        """Go on from what was written down."""
        self.serials |= serials | {"token": 0}
        self.generation = generation + 1

    def _digest(self, kind: str, serial: int) -> str:
        return blake2b(f"{self.seed}:{kind}:{serial}".encode(), digest_size=20).hexdigest()

    def _serial(self, kind: str) -> int:
        self.serials[kind] += 1
        return self.serials[kind]

    def _secret(self, serial: int) -> str:
        return "K004" + self._digest("secret", serial)[:27]

    @property
    def master_secret(self) -> str:
        """The secret of the key that may do everything."""
        return self._secret(0)

    def key(self) -> tuple[str, str]:
        """The id and the secret of a new application key."""
        serial = self._serial("key")
        return f"004{self.account_id}{serial:010x}", self._secret(serial)

    def bucket(self) -> BucketId:
        """The id of a new bucket."""
        return BucketId(f"{self._digest('bucket', 0)[:12]}{self._serial('bucket'):012x}")

    def file(self, bucket_id: BucketId, *, large: bool = False) -> tuple[FileId, int]:
        """An id of B2's outer form and its serial."""
        serial = self._serial("file")
        return FileId(f"4_z{bucket_id}_f{'2' if large else '1'}{serial:015x}"), serial

    def serial_of(self, file_id: FileId) -> int:
        """The serial that an id was made with."""
        match = _SERIAL.search(file_id)
        if match is None:
            raise bad_request(f"Invalid fileId: {file_id}", "invalid_file_id")
        return int(match.group(1), 16)

    def token(self, key_id: str, kind: str) -> str:
        """A new token of a kind (`acct`, `upld`, `dnld`)."""
        serial = self._serial("token")
        return f"4_{key_id}_{serial:08x}_{self._digest(f'{kind}{self.generation}', serial)[:24]}_{kind}"

    def place(self) -> str:
        """What tells the upload URL of the latest token from all others."""
        return self._digest(f"cvt{self.generation}", self.serials["token"])
