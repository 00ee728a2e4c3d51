"""A plan in a few lines for a person: counts, bytes, calls, money, capabilities."""

from __future__ import annotations

from collections.abc import Generator

from attrs import define, frozen

from b2pure.plan.actions import (
    CopyAction,
    DeleteAction,
    DownloadAction,
    FileSync,
    HideAction,
    LocalDeleteAction,
    SyncAction,
    UploadAction,
    actions_of,
)
from b2pure.plan.capabilities import needs
from b2pure.plan.cost import PRICES_2026, Cost, PriceTable, cost_of, dollars, estimate
from b2pure.plan.reasons import DestNewer, is_left_over

__all__ = ["Summary", "human_bytes", "summarize"]


@frozen
class Summary:
    """The totals of a plan. `left_over` counts temporary files of ours that stay where they are: nothing is amiss."""

    compared: int
    uploads: int
    downloads: int
    copies: int
    hides: int
    deletes: int
    local_deletes: int
    conflicts: int
    skipped: int
    left_over: int
    cost: Cost
    capabilities: frozenset[str]

    @property
    def actions(self) -> int:
        """How many actions there are."""
        return self.uploads + self.downloads + self.copies + self.hides + self.deletes + self.local_deletes

    def text(self, prices: PriceTable = PRICES_2026) -> str:
        """Two lines; what does not occur is not mentioned."""
        parts = [
            _count(self.compared, "file compared", "files compared"),
            _count(self.uploads, "upload", "uploads", self.cost.bytes_up),
            _count(self.downloads, "download", "downloads", self.cost.bytes_down),
            _count(self.copies, "copy", "copies", self.cost.bytes_copied),
            _count(self.hides, "hide", "hides"),
            _count(self.deletes, "delete of a version", "deletes of versions"),
            _count(self.local_deletes, "local delete", "local deletes"),
            _count(self.conflicts, "conflict (destination newer)", "conflicts (destination newer)"),
            _count(self.skipped, "path skipped", "paths skipped"),
            _count(self.left_over, "temporary, left alone", "temporary, left alone"),
        ]
        shown = [part for part in parts if not part.startswith("0 ")] or ["0 files compared"]
        if not self.actions:
            shown.append("nothing to do")
            return " · ".join(shown)
        return " · ".join(shown) + "\n" + self._calls(prices)

    def _calls(self, prices: PriceTable) -> str:
        counts = [(self.cost.class_a, "A"), (self.cost.class_b, "B"), (self.cost.class_c, "C")]
        told = ", ".join(f"{count:,} {name}" for count, name in counts if count) or "none"
        money = dollars(estimate(self.cost, prices))
        needed = ", ".join(sorted(self.capabilities)) or "no capability"
        return f"calls: {told} · download {human_bytes(self.cost.bytes_down)} · {money} · needs {needed}"


@define
class _Tally:
    counts: dict[type[SyncAction], int]
    cost: Cost
    capabilities: set[str]
    conflicts: int = 0
    skipped: int = 0
    left_over: int = 0


def summarize(groups: Generator[FileSync, None, int]) -> Summary:
    """Read a plan to its end and add it up."""
    tally = _Tally({}, Cost(), set())
    while True:
        try:
            sync = next(groups)
        except StopIteration as end:
            return _total(tally, end.value or 0)
        if isinstance(sync.reason, DestNewer):
            tally.conflicts += 1
        elif not sync.stages:
            if is_left_over(sync.reason):
                tally.left_over += 1
            else:
                tally.skipped += 1
        for action in actions_of(sync):
            kind = type(action)
            tally.capabilities |= needs(action)
            tally.counts[kind] = tally.counts.get(kind, 0) + 1
            tally.cost += cost_of(action)


def _total(tally: _Tally, compared: int) -> Summary:
    def count(kind: type[SyncAction]) -> int:
        return tally.counts.get(kind, 0)

    return Summary(
        compared=compared,
        uploads=count(UploadAction),
        downloads=count(DownloadAction),
        copies=count(CopyAction),
        hides=count(HideAction),
        deletes=count(DeleteAction),
        local_deletes=count(LocalDeleteAction),
        conflicts=tally.conflicts,
        skipped=tally.skipped,
        left_over=tally.left_over,
        cost=tally.cost,
        capabilities=frozenset(tally.capabilities),
    )


def human_bytes(count: int) -> str:
    """Bytes with three digits and a decimal unit: 999 B, 1.20 kB, 45.6 MB."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        amount /= 1000
        if amount < 999.5 or unit == "PB":
            digits = 2 if amount < 9.995 else 1 if amount < 99.95 else 0
            return f"{amount:.{digits}f} {unit}"
    raise AssertionError("the last unit takes everything")


def _count(count: int, one: str, many: str, size: int | None = None) -> str:
    told = f"{count:,} {one if count == 1 else many}"
    return told if size is None else f"{told} ({human_bytes(size)})"
