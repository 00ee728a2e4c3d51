"""The limits of a simulated B2."""

from __future__ import annotations

from typing import Final, Literal

from attrs import fields, frozen

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

_CAPS: Final = frozenset({"storage_cap", "download_cap_per_day", "class_b_cap_per_day", "class_c_cap_per_day"})
_MAY_BE_NONE: Final = _CAPS | {"log_size", "page_limit", "requests_per_second"}
_MAY_BE_ZERO: Final = _CAPS | {"log_size", "max_buckets", "max_info_pairs", "info_budget", "protected_info_budget"}


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

    def __attrs_post_init__(self) -> None:
        for field in fields(SimulatorConfig):
            _check(field.name, getattr(self, field.name), field.default)
        if self.locked_status not in (401, 403):
            raise ValueError(f"locked_status is 401 or 403, not {self.locked_status!r}")


def _check(name: str, value: object, default: object) -> None:
    """Refuse what is no limit. Whoever sets one size alone is not told that the others do not fit it."""
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name} is True or False, not {value!r}")
        return
    if value is None and name in _MAY_BE_NONE:
        return
    least = 0 if name in _MAY_BE_ZERO else 1
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is a whole number from {least} on, not {value!r}")
