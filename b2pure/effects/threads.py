"""The thread driver: many programs at once, blocking handlers, bounded queues.

Rules. Workers take programs from a bag that holds at most `bound` of them, so that a lazy plan is read no faster than
it is carried out. The parts of large files have threads of their own: a file that waits for its parts cannot
keep them from running. A stop (Ctrl-C, a broken invariant) is read between effects: what is under way ends, nothing
new begins.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar, cast

from returns.result import Result, Success

from b2pure.effects.bag import Bag
from b2pure.effects.effect import All, AnyEffect, Sleep
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.program import Program

__all__ = ["Stopped", "ThreadDriver"]

T = TypeVar("T")


_NAP_SECONDS = 0.25


class Stopped(Exception):
    """The driver was told to stop before the program ended."""


class ThreadDriver:
    """Runs programs on threads. Use it as a context manager, so that its threads end."""

    def __init__(
        self, interpreter: Interpreter, *, workers: int = 10, part_workers: int = 10, bound: int = 256
    ) -> None:
        if workers < 1 or part_workers < 1:
            raise ValueError("a driver needs at least one worker of each kind")
        self._interpreter = interpreter
        self._perform = interpreter.perform
        self._draw = interpreter.clock.draw
        self._bound = bound
        self._workers = workers
        self._part_workers = part_workers
        self._parts = ThreadPoolExecutor(part_workers, thread_name_prefix="b2pure-part")
        self._stop = threading.Event()
        self._trouble: list[BaseException] = []
        self._bag: Bag[Program[object]] | None = None

    def __enter__(self) -> ThreadDriver:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        self._parts.shutdown(wait=True)
        self._interpreter.release()

    def stop(self) -> None:
        """Let nothing new begin: `run_each` returns once what is under way has ended."""
        self._stop.set()
        if self._bag is not None:
            self._bag.close(drop=True)

    def run(self, program: Program[T]) -> T:
        """Run one program here and now. Raises Stopped."""
        return self._run(program, self._run_all)

    def run_each(self, programs: Iterable[Program[object]]) -> None:
        """Run every program on the workers, reading `programs` (on this thread) as they are ready for more.

        Returns when all have ended. An exception out of `programs` or out of a program stops the others and is
        raised here.
        """
        bag = self._bag = Bag(self._bound, self._draw)
        threads = [
            threading.Thread(target=self._work, args=(bag,), name=f"b2pure-worker-{number}", daemon=True)
            for number in range(self._workers)
        ]
        for thread in threads:
            thread.start()
        try:
            for program in programs:
                if not bag.put(program):
                    break
        except BaseException:
            self.stop()
            raise
        finally:
            bag.close(drop=self._stop.is_set())
            _join(threads)
        if self._trouble:
            raise self._trouble[0]

    def _work(self, bag: Bag[Program[object]]) -> None:
        while not self._stop.is_set():
            program = bag.take()
            if program is None:
                return
            try:
                self.run(program)
            except Stopped:
                return
            except BaseException as trouble:
                self._trouble.append(trouble)
                self.stop()
                return

    def _run(self, program: Program[T], run_all: Any) -> T:
        perform, stop = self._perform, self._stop
        reply: object = None
        try:
            while True:
                effect = program.send(reply)
                if stop.is_set():
                    program.close()
                    raise Stopped
                if isinstance(effect, All):
                    reply = run_all(effect.programs)
                elif isinstance(effect, Sleep):
                    self._sleep(effect.seconds)
                    reply = None
                else:
                    reply = perform(cast(AnyEffect, effect))
        except StopIteration as end:
            value: T = end.value
            return value

    def _sleep(self, seconds: float) -> None:
        """Sleep in short steps, so that a stop is heard meanwhile."""
        while seconds > 0 and not self._stop.is_set():
            step = min(seconds, _NAP_SECONDS)
            self._perform(Sleep(step))
            seconds -= step

    def _run_all(self, programs: Iterable[Program[Any]]) -> tuple[Result[Any, Any] | None, ...]:
        """Run programs on the part threads, at most as many at once as there are threads."""
        results: list[Result[Any, Any] | None] = []
        running: dict[Future[Result[Any, Any]], int] = {}
        failed = False
        for index, program in enumerate(programs):
            results.append(None)
            while len(running) >= self._part_workers:
                failed = self._collect(running, results) or failed
            if failed or self._stop.is_set():
                program.close()
            else:
                running[self._parts.submit(self._run, program, self._run_in_turn)] = index
        while running:
            self._collect(running, results)
        return tuple(results)

    def _collect(self, running: dict[Future[Result[Any, Any]], int], results: list[Result[Any, Any] | None]) -> bool:
        """Take in what has ended; whether any of it failed."""
        ended, _ = wait(running, return_when=FIRST_COMPLETED)
        failed = False
        for future in ended:
            result = future.result()
            results[running.pop(future)] = result
            failed = failed or not isinstance(result, Success)
        return failed

    def _run_in_turn(self, programs: Iterable[Program[Any]]) -> tuple[Result[Any, Any] | None, ...]:
        """Programs inside a part: one after the other, so that parts never wait for threads that parts hold."""
        results: list[Result[Any, Any] | None] = []
        failed = False
        for program in programs:
            if failed:
                program.close()
                results.append(None)
                continue
            result = self._run(program, self._run_in_turn)
            failed = not isinstance(result, Success)
            results.append(result)
        return tuple(results)


def _join(threads: list[threading.Thread]) -> None:
    """Wait for threads in short steps, so that Ctrl-C is heard meanwhile."""
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)
