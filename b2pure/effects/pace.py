"""How many exchanges and parts are under way at once, for the threads of one driver.

Rules. `plan.concurrency` says how many; here threads wait for their turn, and what came of each exchange is told to the
machine. No exchange begins while as many as the limit are under way; after the limit fell, those above it end. Nobody
who holds a turn for an exchange waits for another turn, so turns always come.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define

from b2pure.effects.effect import AnyEffect, Fetch, FetchBytes, Fetched, FetchedBytes, Send
from b2pure.effects.handlers import Stopped
from b2pure.effects.program import ok
from b2pure.model.calls import UploadFile, UploadPart
from b2pure.model.errors import B2Error
from b2pure.model.sources import body_length
from b2pure.plan.concurrency import Workers, exchange_event, initial, step_concurrency

__all__ = ["Pace", "outcome_of"]


def outcome_of(effect: AnyEffect, reply: Any) -> tuple[B2Error | None, int]:
    """The error of an exchange (None: it was a success), and the bytes of its body."""
    if isinstance(effect, Send):
        call = effect.call
        size = body_length(call.body) if isinstance(call, (UploadFile, UploadPart)) else 0
        return None if ok(reply) else reply.failure(), size
    if isinstance(effect, Fetch):
        assert isinstance(reply, Fetched)
        return reply.error, reply.length
    assert isinstance(effect, FetchBytes)
    assert isinstance(reply, FetchedBytes)
    return reply.error, len(reply.data)


@define(eq=False)
class _Turns:
    """How many have their turn, and how many wait for it."""

    free: threading.Condition
    taken: int = 0
    waiting: int = 0


class Pace:
    """The turns of one driver. `stopped` is whether it was told to stop, `more` whether it has programs that nobody has
    begun, `grown` is called when the limit has grown.
    """

    def __init__(
        self,
        workers: Workers,
        now_millis: Callable[[], int],
        stopped: Callable[[], bool],
        more: Callable[[], bool],
        grown: Callable[[], None],
    ) -> None:
        self._workers, self._now_millis = workers, now_millis
        self._stopped, self._more, self._grown = stopped, more, grown
        self._state = initial(workers)
        self._lock = threading.Lock()
        self._exchanges = _Turns(threading.Condition(self._lock))
        self._parts = _Turns(threading.Condition(self._lock))
        self._begun = 0

    def use_lanes(self) -> None:
        """Before anything has begun: what comes are small calls in lanes."""
        self._state = initial(self._workers, lanes=True)

    @property
    def limit(self) -> int:
        """How many of each kind may be under way now."""
        return self._state.limit

    @property
    def ceiling(self) -> int:
        """How many there may ever be."""
        return self._workers.ceiling

    def exchange(self, effect: AnyEffect, perform: Callable[[AnyEffect], Any]) -> Any:
        """Perform a Send, a Fetch or a FetchBytes in its turn. Raises Stopped."""
        with self._lock:
            self._take(self._exchanges)
            self._begun += 1
            number = self._begun
        return self.finish(number, lambda: perform(effect), effect)

    def begin(self) -> int | None:
        """The number of an exchange that may begin now; None if it is nobody's turn. Somebody has to `finish` or `end`
        it.
        """
        with self._lock:
            if self._exchanges.taken >= self._state.limit:
                return None
            self._exchanges.taken += 1
            self._begun += 1
            return self._begun

    def finish(self, number: int, job: Callable[[], Any], effect: AnyEffect) -> Any:
        """The reply to an exchange that has begun, which `job` gets."""
        try:
            reply = job()
        except BaseException:
            self.drop()
            raise
        self.end(number, effect, reply)
        return reply

    def drop(self) -> None:
        """An exchange that has begun came to nothing."""
        with self._lock:
            self._give(self._exchanges)

    def end(self, number: int, effect: AnyEffect, reply: Any) -> None:
        """An exchange that has begun ended with this reply."""
        self._ended(number, *outcome_of(effect, reply))

    @contextmanager
    def part(self) -> Iterator[None]:
        """A turn for a part. Raises Stopped."""
        with self._lock:
            self._take(self._parts)
        try:
            yield
        finally:
            with self._lock:
                self._give(self._parts)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """While this lasts there is a part that has to wait."""
        with self._lock:
            self._parts.waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._parts.waiting -= 1

    def wake(self) -> None:
        """Let everybody who waits see that there was a stop."""
        with self._lock:
            self._exchanges.free.notify_all()
            self._parts.free.notify_all()

    def _take(self, turns: _Turns) -> None:
        turns.waiting += 1
        try:
            while turns.taken >= self._state.limit and not self._stopped():
                turns.free.wait()
        finally:
            turns.waiting -= 1
        if self._stopped():
            turns.free.notify()  # it may have been woken in place of another
            raise Stopped
        turns.taken += 1

    def _give(self, turns: _Turns) -> None:
        turns.taken -= 1
        if turns.waiting:
            turns.free.notify()

    def _ended(self, number: int, error: B2Error | None, body_bytes: int) -> None:
        more = self._more()
        with self._lock:
            self._give(self._exchanges)
            waiting = more or self._exchanges.waiting > 0 or self._parts.waiting > 0
            event = exchange_event(error, body_bytes, number, self._begun, waiting)
            before = self._state.limit
            self._state, limit = step_concurrency(self._workers, self._state, event, self._now_millis())
            if limit > before:
                self._exchanges.free.notify_all()
                self._parts.free.notify_all()
        if limit > before:
            self._grown()
