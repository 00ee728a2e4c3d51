"""What a person sees while a sync runs: a bar on a terminal, a line now and then in a log file.

What was done goes to one stream, line by line, so that it can be kept; the bar goes to another and leaves no trace.
Names from a server are never printed raw. A reader that goes away (`| head`) silences the report, not the sync.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TextIO, assert_never

from tqdm import tqdm

from b2pure.effects.events import (
    BytesMoved,
    Event,
    InFlight,
    LargeFileBegun,
    PathDone,
    PathStarted,
    Scanned,
    Sized,
    Waiting,
)
from b2pure.effects.flights import Moved
from b2pure.effects.outcomes import Done, Failed
from b2pure.model.errors import B2Error, describe
from b2pure.plan.actions import actions_of
from b2pure.plan.explain import show_action
from b2pure.plan.summary import human_bytes

__all__ = ["ProgressReport"]

_LOG_SECONDS = 10.0
"""How often a log file gets a line of progress."""
_USUAL_SIZE = 80, 24
_WAIT_TOLD_SECONDS = 5.0
"""How often it is told that a request waits."""


def _bar_on(terminal: TextIO) -> tqdm[Any]:
    """A bar as wide as the terminal, or as most are where it does not say (tqdm would show nothing)."""
    try:
        known = 0 not in os.get_terminal_size(terminal.fileno())
    except (OSError, ValueError):
        known = True  # nobody knows better than tqdm
    width: dict[str, Any] = {"dynamic_ncols": True} if known else {"ncols": _USUAL_SIZE[0], "nrows": _USUAL_SIZE[1]}
    return tqdm(unit="B", unit_scale=True, file=terminal, leave=False, **width)


class ProgressReport:
    """A listener. `lines` gets what was done, `status` the progress (None: none). `unread` tells whether
    a reader of the lines went away.
    """

    def __init__(
        self, lines: TextIO | None, status: TextIO | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lines, self._status = lines, status
        self.unread = False
        self._clock = clock
        self._told = clock()
        self._waited = self._told - _WAIT_TOLD_SECONDS
        self._counts = {"source": 0, "destination": 0}
        self._whole = {"source": False, "destination": False}
        self._paths = 0
        self._moved = Moved()
        on_terminal = status is not None and status.isatty()
        self._bar = _bar_on(status) if status is not None and on_terminal else None

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Scanned(side, count, whole):
                self._counts[side], self._whole[side] = count, whole
            case PathStarted():
                return
            case Sized() | InFlight() | BytesMoved() | LargeFileBegun():
                self._move(event)
            case Waiting(error, seconds):
                self._wait(error, seconds)
            case PathDone():
                self._paths += 1
                self._moved.hear(event)
                self._tell(event)
            case _:
                assert_never(event)
        self._progress()

    def _move(self, event: Event) -> None:
        self._moved.hear(event)
        if self._bar is not None:
            if isinstance(event, Sized):
                self._bar.total = event.total
            self._bar.update(self._moved.shown - self._bar.n)

    def _tell(self, event: PathDone) -> None:
        outcome = event.outcome
        done = actions_of(outcome.sync) if isinstance(outcome, Done) else ()
        if isinstance(outcome, Failed):
            done = outcome.completed
        for action in done:
            self.line(show_action(action))

    def line(self, text: str) -> None:
        """One line of what was done, without disturbing the bar."""
        if self._lines is None:
            return
        try:
            if self._bar is not None:
                self._bar.write(text, file=self._lines)
            else:
                self._lines.write(text + "\n")
        except (OSError, ValueError) as error:
            self._lines = None
            self.unread = isinstance(error, BrokenPipeError)

    def _wait(self, error: B2Error, seconds: float) -> None:
        """Say that nothing is lost yet, though nothing seems to happen; not for every file that waits."""
        if seconds >= 2 and self._clock() - self._waited >= _WAIT_TOLD_SECONDS:
            self._waited = self._clock()
            text = f"waiting {seconds:.0f} s: {describe(error)}"
            if self._bar is not None:
                self._bar.write(text, file=self._status)
            else:
                self._say(text)

    def _progress(self) -> None:
        if self._bar is not None:
            self._bar.set_description_str(self._phases(), refresh=False)
        elif self._status is not None and self._clock() - self._told >= _LOG_SECONDS:
            self._told = self._clock()
            self._say(f"{self._phases()} · {human_bytes(self._moved.shown)}")

    def _phases(self) -> str:
        """Counting, comparing, transferring: all three go on at once."""
        if not self._paths and not any((*self._counts.values(), *self._whole.values())):
            return "a file"  # by itself: nothing is counted or compared
        told = [
            f"{side} {self._counts[side]:,}{'' if self._whole[side] else '+'}" for side in ("source", "destination")
        ]
        return f"{' · '.join(told)} · {self._paths:,} done"

    def _say(self, text: str) -> None:
        try:
            if self._status is not None:
                self._status.write(text + "\n")
                self._status.flush()
        except (OSError, ValueError):
            self._status = None

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
