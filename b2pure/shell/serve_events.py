"""Event notifications of a served simulator: posted in the background, while requests go on.

Rules. What a request brought about is posted after its answer, one delivery after the other in the order of the
events, each tried once; what became of it stands in the request log. Nobody waits for a webhook.
"""

from __future__ import annotations

from queue import SimpleQueue
from threading import RLock, Thread
from typing import Final

from returns.io import IOResult, IOSuccess
from returns.unsafe import unsafe_perform_io

from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator.events import Delivery
from b2pure.effects.simulator.meter import EVENT_DELIVERY
from b2pure.model.errors import B2Error, Rejected, Transport, Unavailable
from b2pure.shell.deliver import deliver

__all__ = ["Deliverer"]

_NO_ANSWER: Final = 0
"""The status of a webhook that gave none."""


class Deliverer:
    """Takes what is due from the simulator and posts it on a thread of its own, which starts with the first event."""

    def __init__(self, simulator: Simulator, lock: RLock) -> None:
        self._simulator = simulator
        self._lock = lock
        self._waiting: SimpleQueue[Delivery] = SimpleQueue()
        self._thread: Thread | None = None

    def collect(self) -> None:
        """Take over what is due. The caller holds the lock of the simulator."""
        for delivery in self._simulator.take_deliveries():
            self._waiting.put(delivery)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="b2pure-events", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            delivery = self._waiting.get()
            status, code = _answer_of(deliver(delivery))
            self._write_down(delivery, status, code)

    def _write_down(self, delivery: Delivery, status: int, code: str | None) -> None:
        with self._lock:
            self._simulator.log.add(
                at_millis=self._simulator.now(),
                method="POST",
                call_name=EVENT_DELIVERY,
                about=delivery.rule_name,
                key_id=None,
                status=status,
                code=code,
                bytes_in=0,
                bytes_out=len(delivery.body),
            )


def _answer_of(outcome: IOResult[None, B2Error]) -> tuple[int, str | None]:
    """The status of the webhook, or why there is none."""
    if isinstance(outcome, IOSuccess):
        return 200, None
    error: B2Error = unsafe_perform_io(outcome.failure())
    match error:
        case Rejected(status, code) | Unavailable(status, code):
            return status, code
        case Transport(kind):
            return _NO_ANSWER, kind
        case _:
            raise TypeError(f"{type(error).__name__} is not an answer of a webhook")
