"""Threads for what somebody has to wait for: as many as there is to wait for at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

__all__ = ["Hands"]

Task = Callable[[], object]


class Hands:
    """Does tasks side by side, each on a thread, and starts another thread only where all are busy. A task must not
    raise. Only one thread may give tasks.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)

    def give(self, task: Task) -> None:
        """Have it done. Raises RuntimeError if the system has no thread at all to do it on."""
        if not self._idle.acquire(blocking=False):
            name = f"{self._name}-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no more; those that are there do the work
                if not self._threads:
                    raise
            else:
                self._threads.append(thread)
        self._tasks.put(task)

    def end(self) -> None:
        """Return when what was given is done. No more tasks come."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            self._idle.release()
