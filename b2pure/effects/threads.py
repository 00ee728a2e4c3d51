"""The thread driver: many programs at once, blocking handlers, bounded queues.

Rules. Workers take programs from a bag that holds at most `bound` of them, so that a lazy plan is read no faster than
it is carried out. The parts of large files have threads of their own: a file that waits for its parts cannot
keep them from running. Where the api has lanes, one thread has the programs' small calls under way, and workers do
only what takes waiting (`lanes`). How many programs, parts and exchanges with B2 are under way is the pace (`pace`):
workers are started as it grows, and end between two programs as it falls. A stop (Ctrl-C, a broken invariant) is read
between effects, and by bytes that wait for their turn: what is under way ends, nothing new begins.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar, cast

from returns.result import Result, Success

from b2pure.effects.bag import Bag
from b2pure.effects.effect import All, AnyEffect, Effect, Fetch, FetchBytes, Send, Sleep
from b2pure.effects.handlers import Stopped
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.lanes import Loop
from b2pure.effects.pace import Pace
from b2pure.effects.program import Program
from b2pure.plan.concurrency import Workers, workers_of

__all__ = ["Stopped", "ThreadDriver"]

T = TypeVar("T")


_NAP_SECONDS = 0.25
_EXCHANGES = (Send, Fetch, FetchBytes)


class ThreadDriver:
    """Runs programs on threads: as many as `workers` says, with as many parts of large files, and no more exchanges
    with B2 at once. One worker takes them as they come. Use it as a context manager, so that its threads end. Raises
    ValueError for fewer than one worker.
    """

    def __init__(self, interpreter: Interpreter, *, workers: Workers | int = 10, bound: int = 256) -> None:
        bounds = workers_of(workers)
        self._interpreter = interpreter
        self._perform = interpreter.perform
        self._draw = interpreter.clock.draw if bounds.ceiling > 1 else None
        self._bound = bound
        self._parts = ThreadPoolExecutor(bounds.ceiling, thread_name_prefix="b2pure-part")
        self._stop = threading.Event()
        self._trouble: list[BaseException] = []
        self._bag: Bag[Program[object]] | None = None
        self._loop: Loop | None = None
        self._crew = threading.Lock()  # of the two below
        self._numbers: set[int] = set()
        self._threads: list[threading.Thread] = []
        self._pace = Pace(
            bounds, interpreter.clock.now_millis, self._stop.is_set, lambda: not self._idle, self._start_workers
        )
        interpreter.heed(self._stop.is_set)

    def __enter__(self) -> ThreadDriver:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        self._parts.shutdown(wait=True)
        self._interpreter.release()

    def stop(self) -> None:
        """Let nothing new begin: `run_each` returns once what is under way has ended."""
        self._stop.set()
        self._pace.wake()
        if self._bag is not None:
            self._bag.close(drop=True)
        if self._loop is not None:
            self._loop.wake()

    def run(self, program: Program[T]) -> T:
        """Run one program here and now. Raises Stopped."""
        return self._run(program, self._run_all)

    def run_each(self, programs: Iterable[Program[object]]) -> None:
        """Run every program on the workers, reading `programs` (on this thread) as they are ready for more.

        Returns when all have ended. An exception out of `programs` or out of a program stops the others and is
        raised here.
        """
        bag = self._bag = Bag(self._bound, self._draw)
        loop = self._loop = self._started_loop(bag)
        self._start_workers()
        try:
            for program in programs:
                if not bag.put(program):
                    break
                if loop is not None:
                    loop.fed()
        except BaseException:
            self.stop()
            raise
        finally:
            bag.close(drop=self._stop.is_set())
            if loop is not None:
                loop.wake()
            self._await_end()
        if self._trouble:
            raise self._trouble[0]

    def _started_loop(self, bag: Bag[Program[object]]) -> Loop | None:
        """One thread for the small calls of all programs; None where the api has no lanes."""
        lanes = self._interpreter.lanes()
        if lanes is None:
            return None
        self._pace.use_lanes()
        loop = Loop(
            self._interpreter,
            lanes,
            bag,
            self._pace,
            stopped=self._stop.is_set,
            reply_to=lambda effect: self._reply(effect, self._run_all),
            failed=self._fail,
        )
        thread = threading.Thread(target=loop.run, name="b2pure-loop", daemon=True)
        thread.start()
        self._threads.append(thread)
        return loop

    @property
    def _idle(self) -> bool:
        """Whether there is no program that no worker has begun."""
        return self._bag is None or self._bag.empty

    def _start_workers(self) -> None:
        """As many as the pace allows; those that are there already are left alone."""
        bag = self._bag
        if bag is None or self._loop is not None:
            return
        with self._crew:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            for number in set(range(self._pace.limit)) - self._numbers:
                name = f"b2pure-worker-{number}"
                thread = threading.Thread(target=self._work, args=(bag, number), name=name, daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system has no more; those that are there do the work
                    if not self._threads:
                        raise
                    return
                self._numbers.add(number)
                self._threads.append(thread)

    def _leaves(self, number: int) -> bool:
        """Whether the worker of this number has to go, since it is one too many."""
        with self._crew:  # so that a worker is there or missing when the pace grows, and nothing in between
            if number < self._pace.limit:
                return False
            self._numbers.discard(number)
            return True

    def _work(self, bag: Bag[Program[object]], number: int) -> None:
        while not self._stop.is_set() and not self._leaves(number):
            program = bag.take()
            if program is None:
                return
            try:
                self.run(program)
            except Stopped:
                return
            except BaseException as trouble:
                self._fail(trouble)
                return

    def _fail(self, trouble: BaseException) -> None:
        self._trouble.append(trouble)
        self.stop()

    def _run(self, program: Program[T], run_all: Any) -> T:
        stop = self._stop
        reply: object = None
        try:
            while True:
                effect = program.send(reply)
                if stop.is_set():
                    raise Stopped
                reply = self._reply(effect, run_all)
        except StopIteration as end:
            value: T = end.value
            return value
        except Stopped:
            program.close()
            raise

    def _reply(self, effect: Effect[Any], run_all: Any) -> Any:
        if isinstance(effect, All):
            return run_all(effect.programs)
        if isinstance(effect, _EXCHANGES):
            return self._pace.exchange(effect, self._perform)
        if isinstance(effect, Sleep):
            return self._sleep(effect.seconds)
        return self._perform(cast(AnyEffect, effect))

    def _sleep(self, seconds: float) -> None:
        """Sleep in short steps, so that a stop is heard meanwhile."""
        while seconds > 0 and not self._stop.is_set():
            step = min(seconds, _NAP_SECONDS)
            self._perform(Sleep(step))
            seconds -= step

    def _run_all(self, programs: Iterable[Program[Any]]) -> tuple[Result[Any, Any] | None, ...]:
        """Run programs on the part threads, at most as many at once as the pace allows."""
        results: list[Result[Any, Any] | None] = []
        running: dict[Future[Result[Any, Any]], int] = {}
        failed = False
        for index, program in enumerate(programs):
            results.append(None)
            while len(running) >= self._pace.limit:
                with self._pace.held_back():
                    failed = self._collect(running, results) or failed
            if failed or self._stop.is_set():
                program.close()
            else:
                running[self._parts.submit(self._run_part, program)] = index
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

    def _run_part(self, program: Program[Result[Any, Any]]) -> Result[Any, Any]:
        with self._pace.part():
            return self._run(program, self._run_in_turn)

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

    def _await_end(self) -> None:
        """Wait for the workers. Ctrl-C lets nothing new begin, and what is under way is put in order; a second one does
        not wait for that.
        """
        try:
            self._join()
        except BaseException:
            if not self._stop.is_set():
                self.stop()
                self._join()
            raise

    def _join(self) -> None:
        """Wait for the workers, those that start meanwhile too, in short steps, so that Ctrl-C is heard."""
        while True:
            with self._crew:
                thread = next((thread for thread in self._threads if thread.is_alive()), None)
                if thread is None:
                    self._numbers.clear()
                    return
            thread.join(0.2)
