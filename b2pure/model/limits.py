"""B2's limits, each with where it comes from. Sizes are bytes (decimal), times as named.

Sources: [D] Backblaze's documentation, [S] the official SDKs depend on it.
"""

from __future__ import annotations

from typing import Final

from b2pure.model.record import Record

__all__ = [
    "ABSOLUTE_MINIMUM_PART_SIZE",
    "DEFAULT_PART_SIZES",
    "MAX_FILE_NAME_BYTES",
    "MAX_FILE_SIZE",
    "MAX_INFO_PAIRS",
    "MAX_LIST_COUNT",
    "MAX_PARTS",
    "MAX_PART_SIZE",
    "MAX_SINGLE_SIZE",
    "MILLIS_PER_DAY",
    "RECOMMENDED_PART_SIZE",
    "PartSizes",
]

ABSOLUTE_MINIMUM_PART_SIZE: Final = 5_000_000
"""`absoluteMinimumPartSize`: every part but the last has at least this many bytes [D]."""
RECOMMENDED_PART_SIZE: Final = 100_000_000
"""`recommendedPartSize` of b2_authorize_account [D]."""
MAX_PART_SIZE: Final = 5_000_000_000
"""Largest part. The documentation says both 5e9 and 5 GiB; the smaller is always safe [D]."""
MAX_SINGLE_SIZE: Final = 5_000_000_000
"""Largest file that one b2_upload_file or b2_copy_file makes [D]."""
MAX_PARTS: Final = 10_000
"""Part numbers are 1 to 10,000 [D]."""
MAX_FILE_SIZE: Final = 10_000_000_000_000
"""Largest large file, 10 TB [D]."""
MAX_FILE_NAME_BYTES: Final = 1024
"""File names are 1 to 1024 bytes of UTF-8 [D]."""
MAX_INFO_PAIRS: Final = 10
"""Pairs in the info of a file; what the client adds by itself leaves room for the caller's [D, older pages]."""
MAX_LIST_COUNT: Final = 10_000
"""Largest `maxFileCount` of the listing calls; each started 1,000 returned is one class C call [D]."""
MILLIS_PER_DAY: Final = 86_400_000


class PartSizes(Record, frozen=True):
    """The two part sizes of an account, in bytes, as b2_authorize_account gives them."""

    recommended: int = RECOMMENDED_PART_SIZE
    minimum: int = ABSOLUTE_MINIMUM_PART_SIZE

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.recommended <= MAX_PART_SIZE:
            raise ValueError(
                f"part sizes must be 1 <= minimum <= recommended <= {MAX_PART_SIZE}, "
                f"not minimum={self.minimum} recommended={self.recommended}"
            )


DEFAULT_PART_SIZES: Final = PartSizes()
