"""Caps and rate limits of the simulated account, counted per day and per second.

Rules. Days begin at 00:00 UTC, as B2's do. What a cap refuses is not counted. Without caps nothing is refused.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from b2pure.effects.simulator.rules import Refused
from b2pure.model.calls import BillingClass
from b2pure.model.errors import CapExceeded, Throttled
from b2pure.model.limits import MILLIS_PER_DAY

__all__ = ["Caps"]

_MILLIS_PER_SECOND: Final = 1000


class Caps:
    """What was used today and in this second. A limit of None never refuses."""

    def __init__(
        self, *, class_b: int | None, class_c: int | None, download: int | None, requests_per_second: int | None
    ) -> None:
        self._calls: dict[BillingClass, int | None] = {"A": None, "B": class_b, "C": class_c}
        self._download = download
        self._rate = requests_per_second
        self._used: Counter[str] = Counter()
        self._day = 0
        self._second = (0, 0)

    def fork(self) -> Caps:
        """An independent copy."""
        twin = Caps(
            class_b=self._calls["B"],
            class_c=self._calls["C"],
            download=self._download,
            requests_per_second=self._rate,
        )
        twin._used, twin._day, twin._second = self._used.copy(), self._day, self._second
        return twin

    def admit(self, now_millis: int) -> None:
        """One more request in this second; refuses with 429 when there are too many."""
        if self._rate is None:
            return
        second = now_millis // _MILLIS_PER_SECOND
        count = self._second[1] if self._second[0] == second else 0
        if count >= self._rate:
            raise Refused(Throttled(1.0))
        self._second = (second, count + 1)

    def call(self, billing: BillingClass, now_millis: int) -> None:
        """One more call of this class today; refuses when the cap is reached."""
        cap = self._calls[billing]
        if cap is not None and self._today(now_millis)[billing] >= cap:
            raise Refused(CapExceeded("transaction_cap_exceeded", f"Transaction cap of class {billing} exceeded"))
        self._today(now_millis)[billing] += 1

    def download(self, length: int, now_millis: int) -> None:
        """So many more bytes downloaded today; refuses when they are too many."""
        if self._download is not None and self._today(now_millis)["down"] + length > self._download:
            raise Refused(CapExceeded("download_cap_exceeded", "Download bandwidth cap exceeded"))
        self._today(now_millis)["down"] += length

    def _today(self, now_millis: int) -> Counter[str]:
        day = now_millis // MILLIS_PER_DAY
        if day != self._day:
            self._day, self._used = day, Counter()
        return self._used
