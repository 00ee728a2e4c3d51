"""The machines that outlive a job: the session, the pools of upload URLs, the line, and who works on which large file.

Rules. What a machine does next is decided in `plan`; here is its state. Many threads may use it: transitions happen
under a lock, nothing else does.
"""

from __future__ import annotations

import threading
from typing import Final

from attrs import evolve

from b2pure.effects.throttle import Throttle
from b2pure.model.account import UploadUrl
from b2pure.plan.bandwidth import Bandwidth
from b2pure.plan.holds import Held, HoldEvent, Holds, step_holds
from b2pure.plan.session import SessionDecision, SessionEvent, SessionState, step_session
from b2pure.plan.urls import EMPTY, Pool, PoolDecision, PoolEvent, step_pool

__all__ = ["HoldBook", "Machines"]

_WAIT_SECONDS: Final = 0.5
"""How long a thread waits for another's authorization before it looks whether it should stop."""


class HoldBook:
    """Which large files somebody works on, and which are the caller's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holds = Holds()

    def step(self, event: HoldEvent) -> Held:
        with self._lock:
            self._holds, held = step_holds(self._holds, event)
            return held

    def _renew_in_child(self) -> None:
        """In a child that was forked. What its parent works on stays its parent's."""
        self._lock = threading.Lock()


class Machines:
    """The state of the machines that all jobs of a client share: its session, its upload URLs, its line, and the book
    of the large files that somebody works on.
    """

    def __init__(self, bandwidth: Bandwidth | None = None) -> None:
        limits = bandwidth or Bandwidth()
        self.up = None if limits.up is None else Throttle(limits.up)
        self.down = None if limits.down is None else Throttle(limits.down)
        self.holds = HoldBook()
        self._changed = threading.Condition()
        self._session = SessionState()
        self._pools: dict[str, Pool] = {}

    def _renew_in_child(self) -> None:
        """In a child that was forked: nobody else is here, and the upload URLs are its parent's."""
        self._changed = threading.Condition()
        self._session, self._pools = evolve(self._session, authorizing=False), {}
        self.holds._renew_in_child()
        for throttle in (self.up, self.down):
            if throttle is not None:
                throttle._renew_in_child()

    @property
    def authorizing(self) -> bool:
        """Whether somebody is fetching a token now."""
        return self._session.authorizing

    def step_session(self, event: SessionEvent) -> SessionDecision:
        with self._changed:
            self._session, decision = step_session(self._session, event)
            self._changed.notify_all()
            return decision

    def await_session(self) -> None:
        """Block until nobody authorizes, or a little while: whoever waits asks the machine again anyway."""
        with self._changed:
            if self._session.authorizing:
                self._changed.wait(_WAIT_SECONDS)

    def step_pool(self, key: str, event: PoolEvent) -> PoolDecision:
        with self._changed:
            pool, decision = step_pool(self._pools.get(key, EMPTY), event)
            if pool.idle:
                self._pools[key] = pool
            else:
                self._pools.pop(key, None)
            return decision

    def share_line(self, bandwidth: Bandwidth) -> None:
        """From now on so many bytes per second, in the directions that have a limit already."""
        for throttle, rate in ((self.up, bandwidth.up), (self.down, bandwidth.down)):
            if throttle is not None and rate is not None:
                throttle.change(rate)

    def idle_urls(self, key: str) -> tuple[UploadUrl, ...]:
        """The upload URLs of a bucket id or large file id that nobody uses now."""
        return self._pools.get(key, EMPTY).idle
