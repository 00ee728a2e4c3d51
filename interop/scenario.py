"""A scenario: steps in an order, each of which passes, fails or is skipped for a reason.

Rules. A failed step does not end the scenario. In bad weather (`Target.faulty`) a step is tried again, as a person
would type a command again; so a step may find its own work of an attempt before, and must end the same. What is skipped
says why. This module knows the standard library alone: the drivers import it into the clients' own environments.
"""

from __future__ import annotations

import json
import shutil
import signal
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Final, Literal

ATTEMPTS_IN_FAULTS: Final = 12
STEP_SECONDS: Final = 120
"""The limit of one attempt at a step."""
BUCKET: Final = "interop-first"
OTHER_BUCKET: Final = "interop-second"
INSIDE: Final = "dir/"
"""The prefix that the restricted key is good for."""


@dataclass(frozen=True)
class Target:
    """Where a scenario runs: a server, a key, a folder to work in, and whether the server misbehaves."""

    url: str
    key_id: str
    key: str
    work: str
    faulty: bool = False

    def to_json(self) -> str:
        """For the standard input of a driver."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Target:
        """What `to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    title: str
    kind: Literal["PASS", "FAIL", "SKIP"]
    seconds: float
    detail: str = ""

    def to_json(self) -> str:
        """A line of a driver's standard output."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Outcome:
        """What `to_json` wrote."""
        return cls(**json.loads(line))


class Skip(Exception):
    """The client cannot do this step; the message is the reason."""


@contextmanager
def known_bug(error: type[Exception], saying: str, reason: str) -> Iterator[None]:
    """A step that the client's own bug ends. It is tried all the same: if the client can do it, it must be right."""
    try:
        yield
    except error as bug:
        if saying not in str(bug):
            raise
        raise Skip(f"{reason} ({error.__name__}: {bug})") from None


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """A client that waits for ever must not stop the run: `TimeoutError` after so long, where there are signals."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


Step = Callable[[], None]


class Scenario(ABC):
    """What a client does. Subclasses say the steps; the titles are the names of the methods."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.work = Path(target.work)

    @abstractmethod
    def steps(self) -> Sequence[Step]:
        """In the order in which they run."""

    def fresh(self, name: str) -> Path:
        """An empty folder to work in."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def run(self) -> Iterator[Outcome]:
        """Run the steps one after the other."""
        for step in self.steps():
            yield self._run(step)

    def _run(self, step: Step) -> Outcome:
        title = step.__name__.replace("_", " ")
        began = monotonic()
        failure = ""
        for attempt in range(ATTEMPTS_IN_FAULTS if self.target.faulty else 1):
            try:
                with limited(STEP_SECONDS):
                    step()
            except Skip as skipped:
                return Outcome(title, "SKIP", monotonic() - began, str(skipped))
            except Exception as error:
                failure = _told(error)
            else:
                again = f"at attempt {attempt + 1}, after: {failure}" if attempt else ""
                return Outcome(title, "PASS", monotonic() - began, again)
        return Outcome(title, "FAIL", monotonic() - began, failure)


def _told(error: Exception) -> str:
    """An error in one line, with the line of the scenario that it comes from."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/interop/" in frame.filename]
    where = f" ({Path(ours[-1].filename).name}:{ours[-1].lineno} in {ours[-1].name})" if ours else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:900] + where
