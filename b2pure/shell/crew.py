"""The processes of a run that was split, from the side of the one that plans: the foreman, who works as well.

Rules. Mates are processes of their own (`mate`), started anew, never forked, when there is something to do. They get
their orders, the session and the key through a pipe: nothing secret is on a command line or in an environment. Each
gets hands as it asks for them, so that the plan is read no faster than it is carried out; the foreman's own workers
take theirs from the same deck. A mate that dies, or cannot be started, costs nothing but time: the others do what it
had, after its temporary files are gone, and what two of them died of is named as failed. Ctrl-C is heard here, and the
mates are told; a second one ends them at once. A mate whose foreman dies notices by the end of its input.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import IO, Any, Final, assert_never

import msgspec

from b2pure.effects.deck import Deck
from b2pure.effects.events import Event, InFlight, PathDone
from b2pure.effects.interpreter import Listener
from b2pure.effects.outcomes import Done, Failed
from b2pure.effects.relay import (
    Ask,
    Deal,
    Did,
    Ended,
    Finish,
    Limits,
    Orders,
    Stop,
    Told,
    ToMate,
    line_of,
    read_from_mate,
    unpack,
)
from b2pure.model.errors import LocalFailure
from b2pure.plan.actions import FileSync
from b2pure.plan.bandwidth import Bandwidth
from b2pure.plan.feed import Chunk
from b2pure.plan.split import shares_of_line

__all__ = ["Crew"]

_SECRETS: Final = ("B2_APPLICATION_KEY", "B2_SOURCE_SSE_C_KEY_B64", "B2_DESTINATION_SSE_C_KEY_B64")
"""What a mate need not find in its environment, whoever may look at that."""
_TIDY_SECONDS: Final = 2.0
"""So long is waited for what tidies up after a mate that was killed, when all is to end at once."""


class _Mate:
    """A process. `number` counts from 0."""

    def __init__(self, number: int, orders: Orders) -> None:
        self.number = number
        self._saying = threading.Lock()
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-P", "-m", "b2pure.shell.mate"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if _has_stderr() else subprocess.DEVNULL,
            env=_environment(),
            **_out_of_reach_of_the_terminal(),
        )
        self.say(orders)

    @property
    def lines(self) -> IO[bytes]:
        """What it says."""
        assert self._process.stdout is not None
        return self._process.stdout

    def say(self, word: ToMate) -> None:
        """Tell it something. That it is dead is noticed elsewhere."""
        with self._saying, suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.write(line_of(word))
            self._process.stdin.flush()

    def end(self) -> str:
        """Wait for its end and close the pipes; how it ended."""
        status = self._process.wait()
        with self._saying, suppress(OSError):  # what it did not read any more cannot be flushed
            assert self._process.stdin is not None
            self._process.stdin.close()
        self.lines.close()
        return f"killed by signal {-status}" if status < 0 else f"exit status {status}"

    def kill(self) -> None:
        """At once."""
        self._process.kill()


Work = Callable[[Iterator[Chunk]], None]
"""Does hands in this process; returns when there are no more of them."""


class Crew:
    """`work` is how this process, number 0, does its hands; `orders` are one for each of the others. `bandwidth` is the
    line that all share, and `share` carries out our part; `hear` gets all that happens, one event at a time. `tidy`
    removes what a mate that died may have left of the paths that it had.
    """

    def __init__(
        self,
        work: Work,
        orders: Sequence[Orders],
        bandwidth: Bandwidth,
        hear: Listener,
        draw: Callable[[], float],
        share: Callable[[Bandwidth], None],
        tidy: Callable[[Iterable[str]], None],
    ) -> None:
        self._own_work, self._orders = work, orders
        self._bandwidth, self._hear, self._share, self._tidy = bandwidth, hear, share, tidy
        self._count = 1 + len(orders)
        self._deck = Deck(self._count, draw)
        self._hearing = threading.Lock()
        self._sharing = threading.Lock()
        self._busy = [True] * self._count
        self._mates: dict[int, _Mate] = {}
        self._threads: list[threading.Thread] = []
        self._listeners: list[threading.Thread] = []
        self._trouble: list[BaseException] = []
        self._flying: set[int] = set()
        self._stop_own: Callable[[], None] = lambda: None

    def stop(self) -> None:
        """Let nothing new begin: `run` returns once what is under way has ended."""
        self._deck.stop()
        self._stop_own()

    def heed(self, stop: Callable[[], None]) -> None:
        """Call this as well when nothing new is to begin."""
        self._stop_own = stop
        if self._deck.stopped:
            stop()

    def tell(self, event: Event) -> None:
        """What happens in this process."""
        self._told(0, event)

    def hear(self, event: Event) -> None:
        """Pass on what happens. For all threads."""
        with self._hearing:
            self._hear(event)

    def run(self, hands: Iterable[Chunk]) -> None:
        """Have every hand done, reading `hands` (on this thread) as there is room for more. An exception out of `hands`
        or out of `hear` stops the others and is raised here.
        """
        try:
            for hand in hands:
                if not self._threads:
                    self._start()
                if not self._deck.put(hand):
                    break
            self._deck.close()
            self._join()
        except BaseException:
            self.stop()
            self._join()
            raise
        if self._trouble:
            raise self._trouble[0]

    def _start(self) -> None:
        """As many as the system allows."""
        self._begin(self._work)
        for number, orders in enumerate(self._orders, start=1):
            try:
                mate = self._mates[number] = _Mate(number, orders)
            except OSError as error:
                self._lost(number, f"cannot be started: {error.strerror or error}")
                continue
            self._begin(self._deal, mate)
            self._listeners.append(self._begin(self._listen, mate))

    def _begin(self, work: Callable[..., None], *mate: _Mate) -> threading.Thread:
        thread = threading.Thread(target=work, args=mate, name="b2pure-crew", daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _join(self) -> None:
        """Wait for all mates, in short steps, so that Ctrl-C is heard. One that comes while we wait kills them."""
        try:
            for thread in self._threads:
                while thread.is_alive():
                    thread.join(0.2)
        except BaseException:
            if self._deck.stopped:
                for mate in self._mates.values():
                    mate.kill()
                for listener in self._listeners:  # they tidy up
                    listener.join(_TIDY_SECONDS)
            raise

    # --- this process

    def _work(self) -> None:
        try:
            self._own_work(self._own_hands())
        except BaseException as trouble:
            self._fail(trouble)

    def _own_hands(self) -> Iterator[Chunk]:
        self._deck.ask(0, 1)
        while (hand := self._deck.take(0)) is not None:
            self._share_line()
            yield hand
            self._deck.ask(0, 1)

    def _fail(self, trouble: BaseException) -> None:
        self._trouble.append(trouble)
        self.stop()

    # --- one mate

    def _deal(self, mate: _Mate) -> None:
        while (hand := self._deck.take(mate.number)) is not None:
            self._share_line()
            mate.say(Deal(hand))
        mate.say(Stop() if self._deck.stopped else Finish())

    def _listen(self, mate: _Mate) -> None:
        last: Ended | None = None
        for line in mate.lines:
            try:
                last = self._heard(mate, line) or last
            except msgspec.DecodeError:  # it was killed in the middle of a word
                mate.kill()
                break
            except BaseException as trouble:  # of whoever listens to the run
                self._fail(trouble)
        how = mate.end()
        if last is None or last.trouble:
            try:
                self._tidy(self._deck.held(mate.number))
                self._lost(mate.number, last.trouble if last is not None else how)
            except BaseException as trouble:
                self._fail(trouble)

    def _heard(self, mate: _Mate, line: bytes) -> Ended | None:
        word = read_from_mate(line)
        match word:
            case Ask(hands):
                self._deck.ask(mate.number, hands)
            case Did(path):
                sync = self._deck.settle(mate.number, path)
                assert sync is not None, "a mate does what it was dealt"
                self._settled(PathDone(Done(sync)))
            case Told():
                self._told(mate.number, unpack(word.event))
            case Ended():
                return word
            case _:
                assert_never(word)
        return None

    def _told(self, number: int, event: Event) -> None:
        match event:
            case PathDone(outcome):
                self._deck.settle(number, outcome.sync.path)
                self._settled(event)
            case InFlight(request, count):  # each of us counts its own
                request = request * self._count + number
                (self._flying.add if count else self._flying.discard)(request)
                self.hear(InFlight(request, count))
            case _:
                self.hear(event)

    def _settled(self, event: PathDone) -> None:
        self.hear(event)
        self._share_line()

    def _lost(self, number: int, how: str) -> None:
        if self._deck.stopped:
            return
        for request in [each for each in self._flying.copy() if each % self._count == number]:
            self._told(number, InFlight(request // self._count, 0))
        for sync in self._deck.lose(number):
            self.hear(PathDone(_failed(sync, how)))
        self._share_line()

    def _share_line(self) -> None:
        """Share the line out anew when somebody has come to the end of the work, or has got some again."""
        if self._bandwidth == Bandwidth():
            return
        with self._sharing:
            busy = self._deck.busy()
            if busy == self._busy:
                return
            self._busy = busy
            own, *others = shares_of_line(self._bandwidth, busy)
            self._share(own)
            for number, share in enumerate(others, start=1):
                if number in self._mates:
                    self._mates[number].say(Limits(share))


def _failed(sync: FileSync, how: str) -> Failed:
    why = f"the process that was at it has ended ({how}), and it is not known how far it came; run it again"
    return Failed(sync, sync.stages[0][0], LocalFailure("finish", sync.path, why), ())


def _environment() -> dict[str, str]:
    """Ours, without secrets, and with the places where we find modules."""
    kept = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    return {**kept, "PYTHONPATH": os.pathsep.join(os.path.abspath(each) for each in sys.path)}


def _has_stderr() -> bool:
    """A job may have been started with it closed; then a file that the mate opens would take its place."""
    try:
        os.fstat(2)
    except OSError:
        return False
    return True


def _out_of_reach_of_the_terminal() -> dict[str, Any]:
    """So that Ctrl-C comes to the foreman alone."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"process_group": 0}
