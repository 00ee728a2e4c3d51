"""The one-thread driver: many programs interleaved in an order that a seed decides.

Every effect has two moments, its beginning and its end, and any other program may move between them; so what the
thread driver does by chance, this one does on purpose, and the same seed does it again. Sleeping costs nothing: when
all programs sleep, the clock jumps. `stop_after` ends the world between two moments, as kill -9 would: no program
gets to clean up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeVar, cast

from attrs import Factory, define
from returns.result import Result, Success

from b2pure.effects.effect import All, AnyEffect, AwaitSession, Fetch, FetchBytes, Reserve, Send, Sleep
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.pace import outcome_of
from b2pure.effects.program import Program
from b2pure.plan.concurrency import Workers, exchange_event, initial, step_concurrency, workers_of

__all__ = ["Crashed", "Observer", "SeededDriver"]

T = TypeVar("T")

Observer = Callable[[Literal["begin", "end"], AnyEffect], None]
"""Told of the two moments of every effect."""


class Crashed(Exception):
    """The world ended after `stop_after` moments."""


@define(eq=False)
class _Task:
    """A program on its way: what it waits for, or what it is told next."""

    program: Program[Any]
    reply: Any = None
    effect: AnyEffect | None = None
    wakes_at: int | None = None
    family: _Family | None = None
    parent: _Family | None = None
    index: int = 0
    number: int = 0
    done: bool = False
    value: Any = None


@define(eq=False)
class _Family:
    """The programs of one `All` effect."""

    rest: Iterator[Program[Any]]
    tasks: list[_Task]
    results: list[Result[Any, Any] | None] = Factory(list)
    running: int = 0
    failed: bool = False


class SeededDriver:
    """Runs programs one moment at a time: as many at once as `workers` says, and for each that has parts
    `part_workers` of them (None: as many as there may be programs).
    """

    def __init__(
        self,
        interpreter: Interpreter,
        *,
        seed: int,
        workers: Workers | int = 4,
        part_workers: int | None = None,
        stop_after: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._interpreter = interpreter
        self._random = random.Random(seed)
        self._workers, self._part_workers = workers_of(workers), part_workers
        self._pace = initial(self._workers)
        self._begun = 0
        self._left = stop_after
        self._observer = observer
        self._stopped = False
        self.moments = 0

    def __enter__(self) -> SeededDriver:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._interpreter.release()

    def stop(self) -> None:
        """Let nothing new begin: `run_each` returns now, and the programs under way end where they are."""
        self._stopped = True

    def run(self, program: Program[T]) -> T:
        """Run one program to its end."""
        values: list[T] = []
        self._run([program], values.append)
        return values[0]

    def run_each(self, programs: Iterable[Program[object]]) -> None:
        """Run every program, at most `workers` at once, reading `programs` as they are ready for more."""
        self._run(programs, lambda value: None)

    def _run(self, programs: Iterable[Program[Any]], take: Callable[[Any], None]) -> None:
        rest = iter(programs)
        tasks: list[_Task] = []
        grown = 0  # those that are nobody's children
        while True:
            while grown < self._pace.limit:
                program = next(rest, None)
                if program is None:
                    break
                tasks.append(_Task(program))
                grown += 1
            if not tasks or self._stopped:
                for task in tasks:
                    task.program.close()
                return
            task = self._choose(tasks)
            self._move(task, tasks)
            if task.done:
                tasks.remove(task)
                if task.parent is None:
                    grown -= 1
                    take(task.value)
                else:
                    self._child_ended(task, task.parent)

    def _choose(self, tasks: list[_Task]) -> _Task:
        """Any task that can move now; if all sleep, time passes until one wakes."""
        clock = self._interpreter.clock
        while True:
            now = clock.now_millis()
            ready = [task for task in tasks if self._can_move(task, now)]
            if ready:
                return self._random.choice(ready)
            wakes = [task.wakes_at for task in tasks if task.wakes_at is not None]
            if not wakes:
                raise AssertionError("every program waits for another: a deadlock")
            clock.sleep(max(0, min(wakes) - now) / 1000)

    def _can_move(self, task: _Task, now: int) -> bool:
        if task.wakes_at is not None:
            return now >= task.wakes_at
        if isinstance(task.effect, AwaitSession):
            return not self._interpreter.machines.authorizing
        if isinstance(task.effect, Reserve):
            return self._interpreter.room.has(task.effect.length)
        if task.family is not None:
            return task.family.running == 0
        return True

    def _move(self, task: _Task, tasks: list[_Task]) -> None:
        """One moment of one task: begin its next effect, or end the one that it began."""
        if self._left is not None:
            if self._left == 0:
                raise Crashed
            self._left -= 1
        self.moments += 1
        if task.effect is None:
            self._begin(task, tasks)
        else:
            self._finish(task, len(tasks))

    def _begin(self, task: _Task, tasks: list[_Task]) -> None:
        try:
            effect = cast(AnyEffect, task.program.send(task.reply))
        except StopIteration as end:
            task.done, task.value = True, end.value
            return
        task.effect = effect
        self._begun += isinstance(effect, Send | Fetch | FetchBytes)
        task.number = self._begun
        if self._observer is not None:
            self._observer("begin", effect)
        if isinstance(effect, Sleep):
            task.wakes_at = self._interpreter.clock.now_millis() + round(effect.seconds * 1000)
        elif isinstance(effect, All):
            task.family = _Family(iter(effect.programs), tasks)
            self._spawn_more(task.family)

    def _spawn(self, family: _Family) -> bool:
        """Start the family's next program, or only count it when one has failed; whether there was one."""
        program = next(family.rest, None)
        if program is None:
            return False
        family.results.append(None)
        if family.failed:
            program.close()
        else:
            family.running += 1
            family.tasks.append(_Task(program, parent=family, index=len(family.results) - 1))
        return True

    def _child_ended(self, task: _Task, family: _Family) -> None:
        family.running -= 1
        family.results[task.index] = task.value
        family.failed = family.failed or not isinstance(task.value, Success)
        self._spawn_more(family)

    def _spawn_more(self, family: _Family) -> None:
        """As many as there is room for; after a failure all that are left, which do not run."""
        most = self._pace.limit if self._part_workers is None else self._part_workers
        while (family.failed or family.running < most) and self._spawn(family):
            pass

    def _finish(self, task: _Task, tasks: int) -> None:
        effect = task.effect
        assert effect is not None
        if task.family is not None:
            task.reply, task.family = tuple(task.family.results), None
        elif task.wakes_at is not None or isinstance(effect, AwaitSession):
            task.reply, task.wakes_at = None, None
        else:
            task.reply = self._interpreter.perform(effect)
            if isinstance(effect, Send | Fetch | FetchBytes):
                event = exchange_event(
                    *outcome_of(effect, task.reply), task.number, self._begun, tasks >= self._pace.limit
                )
                now = self._interpreter.clock.now_millis()
                self._pace, _ = step_concurrency(self._workers, self._pace, event, now)
        task.effect = None
        if self._observer is not None:
            self._observer("end", effect)
