"""Half-open byte ranges."""

from __future__ import annotations

from b2pure.model.record import Record

__all__ = ["ByteRange"]


class ByteRange(Record, frozen=True, order=True):
    """The bytes `start <= i < stop` of a file."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.stop:
            raise ValueError(f"a byte range needs 0 <= start <= stop, not [{self.start}, {self.stop})")

    @property
    def length(self) -> int:
        """Bytes in the range."""
        return self.stop - self.start

    def http(self) -> str:
        """The `Range` header's form, whose end is inclusive. An empty range has none."""
        if self.start == self.stop:
            raise ValueError("an empty range has no HTTP form")
        return f"bytes={self.start}-{self.stop - 1}"
