"""The limits of a simulated B2."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from b2pure.model.limits import (
    ABSOLUTE_MINIMUM_PART_SIZE,
    MAX_FILE_SIZE,
    MAX_PART_SIZE,
    MAX_PARTS,
    MAX_SINGLE_SIZE,
    MILLIS_PER_DAY,
    RECOMMENDED_PART_SIZE,
)

__all__ = ["SimulatorConfig"]


@frozen
class SimulatorConfig:
    """The limits that the simulator enforces; by default B2's own. Sizes are bytes.

    `minimum_part_count` 2 is what Backblaze's documentation says of large files. `protected_info_budget` is the info
    budget of encrypted files and of buckets with object lock. `strict_names` False takes names that start or end with
    `/` or contain `//`, as the S3-compatible API does. `locked_status` is how the deletion of a locked file is refused
    (Backblaze's pages say 401, b2sdk 403). A page of a list has at most `page_limit` entries, however many are asked
    for: B2 may cut a page short, and clients must go on. Caps are bytes and calls; None means no cap. So many
    `requests_per_second` are answered within each second of the clock, then 429. `keep_journal` False and a small
    `log_size` (requests; None: all) save memory in long runs.
    """

    absolute_minimum_part_size: int = ABSOLUTE_MINIMUM_PART_SIZE
    recommended_part_size: int = RECOMMENDED_PART_SIZE
    max_part_size: int = MAX_PART_SIZE
    max_single_size: int = MAX_SINGLE_SIZE
    max_file_size: int = MAX_FILE_SIZE
    max_parts: int = MAX_PARTS
    minimum_part_count: int = 2
    max_buckets: int = 100
    max_info_pairs: int = 10
    info_budget: int = 7000
    protected_info_budget: int = 2048
    token_lifetime_millis: int = MILLIS_PER_DAY
    keep_journal: bool = True
    log_size: int | None = 1000
    strict_names: bool = True
    custom_timestamps: bool = True
    locked_status: Literal[401, 403] = 403
    page_limit: int | None = None
    storage_cap: int | None = None
    download_cap_per_day: int | None = None
    class_b_cap_per_day: int | None = None
    class_c_cap_per_day: int | None = None
    requests_per_second: int | None = None
