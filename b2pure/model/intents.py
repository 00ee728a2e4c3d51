"""What a new object is to be made of: ranges of sources, each with its place in the object. Ranges may overlap.

A source is a `Body` (bytes that this computer has) or a `CopySource` (bytes that B2 has). The key of SSE-C that a file
is read with is named by its MD5, as everywhere in plans: whoever carries the plan out brings the key.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, final, get_args

from b2pure.model.ids import FileId
from b2pure.model.protection import SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.record import Record
from b2pure.model.sources import Body, body_length

__all__ = ["PRIORITIES", "CopySource", "OverlapRule", "Prioritize", "WriteIntent", "concatenated"]

Prioritize = Literal[
    "local",
    "remote",
    "local_verification",
    "min_traffic",
    "min_upload",
    "min_download",
    "min_dollars",
    "min_requests",
    "verify",
]
"""Which of the plans that make the object is the best one.

- `local`: what is here is sent, only the rest is copied; of those plans the one with the fewest bytes moved.
- `remote`: the fewest bytes moved (sent and downloaded), then the fewest parts. `min_traffic` is another name for it.
- `local_verification`: the same bytes, and what is copied is cut where local data begin or end, so that as much of it
  as possible can be compared with them.
- `min_upload`, `min_download`: these bytes first, the others second.
- `min_dollars`: money by the price table for downloads and copies, then bytes sent.
- `min_requests`: the fewest parts, then bytes moved.
- `verify`: nothing that is here as well is copied without being compared; what cannot be is sent.
"""

PRIORITIES: Final[tuple[Prioritize, ...]] = get_args(Prioritize)


class OverlapRule(Enum):
    """What intents that overlap mean. `ASSUME_EQUAL`: the caller promises that they have the same bytes there, so that
    either will do. `LAST_WINS`: they may differ, and the one that was given last counts.
    """

    ASSUME_EQUAL = "assume_equal"
    LAST_WINS = "last_wins"


@final
class CopySource(Record, frozen=True):
    """The bytes of `range` of a file that B2 has. `key_md5` (base64) names the key of SSE-C that it is read with."""

    file_id: FileId
    range: ByteRange
    key_md5: str | None = None

    @classmethod
    def of(cls, file_id: FileId, offset: int, length: int, encryption: SseC | None = None) -> CopySource:
        """`length` bytes from `offset` on."""
        return cls(
            file_id,
            ByteRange(offset, offset + length),
            encryption.customer_key_md5 if encryption is not None else None,
        )

    @property
    def length(self) -> int:
        """Bytes of the range."""
        return self.range.length

    def slice(self, wanted: ByteRange) -> CopySource:
        """The bytes of `wanted`, counted from the start of the range. Raises ValueError past its end."""
        if wanted.stop > self.length:
            raise ValueError(f"a source of {self.length} bytes has no range [{wanted.start}, {wanted.stop})")
        start = self.range.start
        return CopySource(self.file_id, ByteRange(start + wanted.start, start + wanted.stop), self.key_md5)


class WriteIntent(Record, frozen=True):
    """The whole of `source` stands at `destination_offset` (bytes) of the object. An offset below 0 is told by the
    planner, which refuses it.
    """

    source: Body | CopySource
    destination_offset: int = 0

    @property
    def length(self) -> int:
        """Bytes of the source."""
        return self.source.length if isinstance(self.source, CopySource) else body_length(self.source)

    @property
    def stop(self) -> int:
        """Where the next byte after it stands."""
        return self.destination_offset + self.length


def concatenated(*sources: Body | CopySource) -> tuple[WriteIntent, ...]:
    """The sources one after the other."""
    at = 0
    intents = []
    for source in sources:
        intents.append(WriteIntent(source, at))
        at = intents[-1].stop
    return tuple(intents)
