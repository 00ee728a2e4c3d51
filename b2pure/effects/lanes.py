"""Many programs on one thread: while B2 answers one small call, the thread goes on with the program of another.

Threads that take turns at the interpreter's lock pay for each turn, and a small upload has as many as system calls. One
thread pays none, and has as many answers to wait for as there are programs.

Rules. What a program asks for is done here only if that takes no waiting: a small call on a connection that is open,
and what is only remembered or told. For everything else it is handed to a thread that waits (`hands`), where it goes
on until it asks for a small call again. As many programs are under way as the pace allows, and every exchange has its
turn, here as there. A program that sleeps until it may try again takes no place of the others, as long as no more are
under way than the pace ever allows: bad weather for a few is none for all. A stop is read between effects: what is
under way ends, nothing new begins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from returns.io import IOResult

from b2pure.effects.bag import Bag
from b2pure.effects.effect import AnyEffect, Draw, Emit, Now, Send, Sleep, StepCrowd, StepPool, StepSession
from b2pure.effects.handlers import Lanes, Stopped, Unfinished
from b2pure.effects.hands import Hands
from b2pure.effects.interpreter import Interpreter, value_of
from b2pure.effects.pace import Pace
from b2pure.effects.program import Program
from b2pure.model.calls import UploadFile
from b2pure.plan.lanes import Reading, fits_lane, handed, read_in

__all__ = ["Loop"]

_AT_ONCE: Final = frozenset({StepPool, StepSession, Emit, Now, Draw, StepCrowd})
_PATIENCE_MILLIS: Final = 100
"""How long to wait for more programs to choose from."""
_NO_TURN_SECONDS: Final = 0.02
_NAP_SECONDS: Final = 0.5

Waiting = tuple[Program[object], Send[Any]]


class Loop:
    """Runs the programs of a bag. `reply_to` performs any effect, with waiting, in its turn; `failed` is told of what
    no program may raise.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        lanes: Lanes,
        bag: Bag[Program[object]],
        pace: Pace,
        *,
        stopped: Callable[[], bool],
        reply_to: Callable[[Any], Any],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._perform, self._reader, self._now = interpreter.perform, interpreter.reader, interpreter.clock.now_millis
        self._lanes, self._bag, self._pace = lanes, bag, pace
        self._stopped, self._reply_to, self._failed = stopped, reply_to, failed
        self._hands = Hands("b2pure-worker")
        self._in_hands = 0
        self._asleep: set[object] = set()
        """The programs in hands that sleep."""
        self._back: deque[Waiting | None] = deque()
        """What came back from hands: a program with what it asks for, or None for one that ended."""
        self._held: deque[Waiting] = deque()
        """Programs whose exchange waits for its turn."""
        self._flying: dict[int, Waiting] = {}
        self._reading = Reading()
        self._read = 0
        """How many files were read in lanes in this turn."""
        self._hungry_since: int | None = None
        self._fed = False

    def run(self) -> None:
        """Until the bag is closed, and all that was in it has ended."""
        try:
            while self._turn():
                pass
        except BaseException as trouble:
            self._failed(trouble)
        finally:
            self._hands.end()
            self._lanes.close()

    def fed(self) -> None:
        """The bag has got something. For any thread."""
        if self._hungry_since is not None and not self._fed:
            self._fed = True
            self._lanes.wake()

    def wake(self) -> None:
        """The bag was closed, or there was a stop. For any thread."""
        self._lanes.wake()

    def _turn(self) -> bool:
        """Begin what can begin, then go on with what has ended; False when there is nothing any more."""
        while self._back:
            self._in_hands -= 1
            waiting = self._back.popleft()
            if waiting is not None:
                self._held.append(waiting)
        before, self._read = self._now(), 0
        self._begin_all()
        if self._read:
            self._reading = read_in(self._reading, self._read, self._now() - before)
        if not (self._flying or self._in_hands or self._held) and (self._stopped() or self._bag.over):
            return False
        for number, came in self._lanes.wait(self._nap()):
            self._ended(number, came)
        return True

    def _nap(self) -> float:
        if self._held:
            return _NO_TURN_SECONDS
        return _PATIENCE_MILLIS / 1000 if self._hungry_since is not None and not self._bag.empty else _NAP_SECONDS

    def _begin_all(self) -> None:
        while not self._stopped():
            if self._held:
                number = self._pace.begin()
                if number is None:
                    return
                self._begin(number, *self._held.popleft())
            elif self._has_room() and (program := self._taken()) is not None:
                self._go_on(program, None)
            else:
                return
        while self._held:
            self._held.popleft()[0].close()

    def _has_room(self) -> bool:
        """Whether one more may be under way."""
        under_way = len(self._flying) + self._in_hands
        return under_way < self._pace.ceiling and under_way - len(self._asleep) < self._pace.limit

    def _taken(self) -> Program[object] | None:
        """A program, if there are enough to choose from, or nothing came for a while."""
        now = self._now()
        if self._hungry_since is None:
            self._hungry_since = now
        few = self._fed or not 0 <= now - self._hungry_since < _PATIENCE_MILLIS
        program = self._bag.take_now(few=few)
        if program is not None:
            self._hungry_since, self._fed = None, False
        return program

    def _go_on(self, program: Program[object], reply: object) -> None:
        """Up to where the program ends, or asks for what takes time."""
        perform, stopped = self._perform, self._stopped
        try:
            while True:
                effect: Any = program.send(reply)
                if stopped():
                    program.close()
                    return
                if type(effect) not in _AT_ONCE:
                    break
                reply = perform(effect)
        except StopIteration:
            return
        except Stopped:
            program.close()
            return
        except BaseException as trouble:
            self._failed(trouble)
            return
        if self._fits(effect):
            self._held.append((program, effect))
            return
        if self._reading.apart and isinstance(effect, Send):
            self._reading = handed(self._reading)
        self._hand(program, partial(self._reply_with_hands, program, effect))

    def _reply_with_hands(self, program: Program[object], effect: Any) -> Any:
        if not isinstance(effect, Sleep):
            return self._reply_to(effect)
        self._asleep.add(program)
        self._lanes.wake()
        try:
            return self._reply_to(effect)
        finally:
            self._asleep.discard(program)

    def _fits(self, effect: AnyEffect) -> bool:
        return isinstance(effect, Send) and fits_lane(effect.call, self._reading)

    def _begin(self, number: int, program: Program[object], effect: Send[Any]) -> None:
        """In its turn, which is given back when it ends."""
        call = effect.call
        if self._lanes.begin(number, call, effect.credential, self._reader):
            self._flying[number] = program, effect
            self._read += isinstance(call, UploadFile)
        else:
            self._hand(program, partial(self._pace.finish, number, partial(self._perform, effect), effect))

    def _ended(self, number: int, came: IOResult[Any, Any] | Unfinished) -> None:
        program, effect = self._flying.pop(number)
        if isinstance(came, Unfinished):
            finish = came.finish
            self._hand(program, partial(self._pace.finish, number, lambda: value_of(finish()), effect))
            return
        reply = value_of(came)
        self._pace.end(number, effect, reply)
        self._go_on(program, reply)

    def _hand(self, program: Program[object], job: Callable[[], Any]) -> None:
        self._in_hands += 1
        self._hands.give(partial(self._with_hands, program, job))

    def _with_hands(self, program: Program[object], job: Callable[[], Any]) -> None:
        """Get the reply, and go on until the program asks for what a lane is for."""
        back: Waiting | None = None
        try:
            effect: Any = program.send(job())
            while not self._stopped() and not self._fits(effect):
                effect = program.send(self._reply_with_hands(program, effect))
            if self._stopped():
                program.close()
            else:
                back = program, effect
        except StopIteration:
            pass
        except Stopped:
            program.close()
        except BaseException as trouble:
            self._failed(trouble)
        self._back.append(back)
        self._lanes.wake()
