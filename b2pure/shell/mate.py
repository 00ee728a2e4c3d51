"""`python -m b2pure.shell.mate`: one process of a run that was split; started by `crew`, and by nobody else.

Rules. It reads words on standard input and writes them on what was standard output (`effects.relay`); whatever else
prints goes to standard error. It asks for hands as its workers need them. It does not hear Ctrl-C, which is its
foreman's; a signal that asks it alone to end leaves what it had to the others. When its foreman dies, nothing new
begins, and after a while nothing goes on either: what is left behind is what a killed run leaves.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from traceback import print_exc
from typing import BinaryIO, Final, assert_never

from attrs import evolve

from b2pure.effects.deck import HANDS_AHEAD
from b2pure.effects.events import Event, PathDone
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.job import B2Side, Job
from b2pure.effects.machines import Machines
from b2pure.effects.outcomes import Done
from b2pure.effects.relay import (
    Ask,
    Deal,
    Did,
    Ended,
    Finish,
    FromMate,
    Limits,
    Orders,
    Stop,
    Told,
    line_of,
    pack,
    read_to_mate,
)
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.sync import run_chunk
from b2pure.effects.threads import Stopped, ThreadDriver
from b2pure.model.places import B2Folder, LocalFolder, Place
from b2pure.plan.actions import FileSync
from b2pure.plan.codec import PlanHeader
from b2pure.plan.concurrency import Workers
from b2pure.plan.feed import Chunk
from b2pure.plan.new_files import resolved
from b2pure.plan.rules import Rules, make_rules
from b2pure.plan.session import Authorized
from b2pure.shell.access import Access
from b2pure.shell.clock import SystemClock
from b2pure.shell.folders import Folder, open_folder
from b2pure.shell.signals import Terminated, ending_raises

__all__ = ["main"]

_AHEAD: Final = 4
"""So many hands are asked for before there is room for them, so that none has to wait for a pipe."""
_GRACE_SECONDS: Final = 5.0
"""So long may what is under way go on without a foreman."""


class _Foreman:
    """The other end of the pipes."""

    def __init__(self, lines: BinaryIO, out: int) -> None:
        self._lines, self._out = lines, out
        self._lock = threading.Lock()
        self._hands: SimpleQueue[Chunk | None] = SimpleQueue()
        self._dealt: dict[str, FileSync] = {}

    def orders(self) -> Orders | None:
        """The first word; None when nobody is there."""
        line = self._lines.readline()
        word = read_to_mate(line) if line.endswith(b"\n") else None
        return word if isinstance(word, Orders) else None

    def say(self, word: FromMate) -> None:
        """A line, whole. When nobody listens any more, the other thread finds out."""
        rest = memoryview(line_of(word))
        with self._lock:
            try:
                while rest:
                    rest = rest[os.write(self._out, rest) :]
            except OSError:
                return

    def hands(self) -> Iterator[Chunk]:
        """Hands as they come, each asked for in time."""
        self.say(Ask(_AHEAD))
        while (hand := self._hands.get()) is not None:
            self.say(Ask(1))
            self._dealt.update((sync.path, sync) for sync in hand)
            yield hand

    def tell(self, event: Event, *, watched: bool) -> None:
        """What happens. Of a path that was done as it was dealt no more is told than its name."""
        if not isinstance(event, PathDone):
            if watched:
                self.say(Told(pack(event)))
            return
        outcome = event.outcome
        dealt = self._dealt.pop(outcome.sync.path, None)
        self.say(Did(outcome.sync.path) if isinstance(outcome, Done) and outcome.sync is dealt else Told(pack(event)))

    def obey(self, stop: Callable[[], None], machines: Machines) -> None:
        """Listen to the end. Without a last word the foreman is dead."""
        for line in self._lines:
            if not line.endswith(b"\n"):
                break
            word = read_to_mate(line)
            match word:
                case Deal(hand):
                    self._hands.put(hand)
                case Limits(bandwidth):
                    machines.share_line(bandwidth)
                case Finish():
                    self._hands.put(None)
                case Stop():
                    stop()
                    self._hands.put(None)
                case Orders():
                    raise AssertionError("orders are given once")
                case _:
                    assert_never(word)
        # The foreman closes the pipe only when this process has ended: so it is dead.
        threading.Timer(_GRACE_SECONDS, os._exit, (1,)).start()
        stop()
        self._hands.put(None)


def main() -> None:
    """Do what the foreman says."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.dup(1)
    os.dup2(2, 1)
    foreman = _Foreman(sys.stdin.buffer, out)
    orders = foreman.orders()
    if orders is None:
        return
    try:
        with ending_raises():
            _work(orders, foreman)
    except Terminated as wish:
        foreman.say(Ended(f"ended by {wish}"))
    except Exception as trouble:
        print_exc()
        foreman.say(Ended(type(trouble).__name__))
    else:
        foreman.say(Ended())
    # The thread that listens to the foreman may be waiting, and nothing else is left to be done.
    sys.stderr.flush()
    os._exit(0)


def _work(orders: Orders, foreman: _Foreman) -> None:
    job, folder = _job(orders)
    workers = Workers(*orders.workers)
    clock, machines = SystemClock(), Machines(orders.bandwidth)
    machines.step_session(Authorized(orders.authorization))
    access = Access(orders.key_id, orders.key, orders.realm_address, orders.test_mode)
    disk = folder.disk if folder is not None else SimulatedDisk()
    with access.api(workers, orders.bandwidth) as api:
        interpreter = Interpreter(
            api,
            disk,
            clock,
            machines,
            partial(foreman.tell, watched=orders.watched),
            flights=orders.watched,
            small_calls=job.dest is not None,
        )
        try:
            with ThreadDriver(interpreter, workers=workers, bound=HANDS_AHEAD) as driver:
                threading.Thread(target=foreman.obey, args=(driver.stop, machines), daemon=True).start()
                driver.run_each(run_chunk(job, hand) for hand in foreman.hands())
        except Stopped:
            pass
        finally:
            if folder is not None:
                folder.close()


# --- from the header to the job


def _job(orders: Orders) -> tuple[Job, Folder | None]:
    header = orders.header
    source, dest = _b2_side(header.source), _b2_side(header.dest)
    root = next((place.root for place in (header.source, header.dest) if isinstance(place, LocalFolder)), None)
    folder = open_folder(root) if root is not None else None
    new, source_key = resolved(header.new_files, {key.customer_key_md5: key for key in orders.keys}).unwrap()
    job = Job(source, dest, _rules(header, folder), orders.mode, orders.retry, new=new, source_key=source_key)
    return evolve(job, download_streams=min(job.download_streams, Workers(*orders.workers).streams)), folder


def _b2_side(place: Place) -> B2Side | None:
    if not isinstance(place, B2Folder):
        return None
    assert place.bucket_id is not None, "the foreman has asked for it"
    return B2Side(place.bucket_id, place.prefix)


def _rules(header: PlanHeader, folder: Folder | None) -> Rules:
    into_folder = isinstance(header.dest, LocalFolder)
    from_folder = isinstance(header.source, LocalFolder)
    return make_rules(
        "up" if from_folder else "down" if into_folder else "copy",
        header.policy,
        now_millis=header.now_millis,
        part_sizes=header.part_sizes,
        dest_prefix=header.dest.prefix if isinstance(header.dest, B2Folder) else "",
        flavour=folder.flavour if folder is not None and into_folder else "posix",
    )


if __name__ == "__main__":
    main()
