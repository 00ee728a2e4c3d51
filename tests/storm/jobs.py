"""What a kind of job is to the storm, and which kinds there are.

A new kind is a class with these methods, and a line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, Protocol

from b2pure.shell.client import Client

from .emerges import EmergeJob
from .files import FileJob
from .syncs import SyncJob
from .weather import Calls
from .worlds import World

__all__ = ["KINDS", "StormJob"]


class StormJob(Protocol):
    """A job with its world, and what has to be true of it. The checks raise `Broken`."""

    world: World
    calls: Calls
    moves: bool
    seconds: bool
    rooms: bool

    def act(self, client: Client) -> bool:
        """Do the job; whether it says that all is done. May be killed, and done again."""
        ...

    def finished(self) -> bool:
        """Whether there is nothing left to run in bad weather: a second upload would be another file."""
        ...

    def rests(self) -> bool:
        """Whether another run has nothing to do once it is done."""
        ...

    def move(self, number: int) -> None:
        """The source changes somehow; the number says how."""
        ...

    def make_room(self, room: int | None) -> None:
        """A local destination takes so many bytes more; None: any number."""
        ...

    def begin(self) -> None:
        """Just before each run."""
        ...

    def check_run(self) -> None:
        """After each run, whether it ended by itself or was killed."""
        ...

    def check_end(self) -> None:
        """After the run in good weather that ended well."""
        ...

    def most_calls(self) -> int:
        """How many calls all runs together may have made."""
        ...


KINDS: Final[dict[str, Callable[[Random], StormJob]]] = {
    "sync up": lambda random: SyncJob.draw(random, "up"),
    "sync down": lambda random: SyncJob.draw(random, "down"),
    "sync B2 to B2": lambda random: SyncJob.draw(random, "copy"),
    "upload": FileJob.draw_upload,
    "copy": FileJob.draw_copy,
    "emerge": EmergeJob.draw_emerge,
}
"""How a job of each kind is drawn."""
