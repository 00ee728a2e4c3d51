"""Progress listeners as b2sdk has them, and how the events of a transfer reach one.

Rules. A listener hears the total once it is known, then how many bytes there are by now: never fewer than before, never
more than the total, and all of them when the transfer succeeds. Whoever opens it (`with`) closes it: a transfer closes
a listener only if nobody had opened it before. A listener that does not tell whether it is open (b2sdk's own, or
anything with `set_total_bytes` and `bytes_completed`) is its caller's to close, as in b2sdk 2; the numbered interface
enters and leaves it for each transfer, as b2sdk 1 does, and closes what can only be closed. What a listener raises ends
the transfer; a large file that was begun stays for a run that goes on with it, as after Ctrl-C.
"""

from __future__ import annotations

import sys
import time
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from returns.result import Result

from b2pure.effects.events import Event, Sized
from b2pure.effects.flights import Moved
from b2pure.effects.program import ok

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = [
    "AbstractProgressListener",
    "DoNothingProgressListener",
    "HearsProgress",
    "ProgressListenerForTest",
    "SimpleProgressListener",
    "Telling",
    "TqdmProgressListener",
    "make_progress_listener",
    "telling",
]

T = TypeVar("T")
E = TypeVar("E")

_TELL_SECONDS: Final = 3.0
"""How often the simple listener prints."""


class HearsProgress(Protocol):
    """What is taken for a listener, of whatever class it is."""

    def set_total_bytes(self, total_byte_count: int, /) -> object: ...

    def bytes_completed(self, byte_count: int, /) -> object: ...


class AbstractProgressListener(metaclass=ABCMeta):
    """Interface expected by the upload and download methods to report on progress."""

    is_open = False
    """Whether somebody entered it, who will close it."""

    @abstractmethod
    def set_total_bytes(self, total_byte_count: int) -> None:
        """The expected total number of bytes. It may be told again, if a transfer turns out to be of another size."""

    @abstractmethod
    def bytes_completed(self, byte_count: int) -> None:
        """The number of bytes transferred so far: not a delta, all of them."""

    def close(self) -> None:  # noqa: B027  # who keeps nothing has nothing to close
        """Must be called when you're done with the listener. In well-structured code, should be called only once."""

    def __enter__(self) -> AbstractProgressListener:
        self.is_open = True
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.is_open = False
        self.close()


class TqdmProgressListener(AbstractProgressListener):
    """A tqdm bar on standard error, from the first number on. It never moves backwards."""

    def __init__(self, description: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        from tqdm import tqdm  # without it there is no such listener

        self._new_bar: Callable[..., tqdm[Any]] = tqdm
        self._description = description
        self._bar: tqdm[Any] | None = None

    def _shown(self) -> tqdm[Any]:
        if self._bar is None:
            self._bar = self._new_bar(
                desc=self._description, unit="B", unit_scale=True, leave=True, miniters=1, smoothing=0.1
            )
        return self._bar

    def set_total_bytes(self, total_byte_count: int) -> None:
        """The length of the bar."""
        self._shown().total = total_byte_count
        self._shown().refresh()

    def bytes_completed(self, byte_count: int) -> None:
        """Where the bar is."""
        bar = self._shown()
        if byte_count > bar.n:
            bar.update(byte_count - bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


class SimpleProgressListener(AbstractProgressListener):
    """A line on standard output now and then."""

    def __init__(
        self, description: str, *args: Any, clock: Callable[[], float] = time.monotonic, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._description, self._clock = description, clock
        self._total: int | None = None
        self._told = clock()
        self._any = False

    def set_total_bytes(self, total_byte_count: int) -> None:
        """What the shares are of."""
        self._total = total_byte_count

    def bytes_completed(self, byte_count: int) -> None:
        """Print it, if nothing was printed for three seconds."""
        now = self._clock()
        if now - self._told < _TELL_SECONDS:
            return
        self._told, self._any = now, True
        whole = f" of {self._total:,} ({100 * byte_count // self._total} %)" if self._total else ""
        self._print(f"{self._description}: {byte_count:,}{whole} bytes")

    def close(self) -> None:
        """Say that it is over, if anything was said before."""
        if self._any:
            self._any = False
            self._print(f"{self._description}: DONE.")

    def _print(self, text: str) -> None:
        try:
            print(text, file=sys.stdout, flush=True)
        except (OSError, ValueError):  # nobody reads: that is no reason to stop a transfer
            self._any = False


class DoNothingProgressListener(AbstractProgressListener):
    """This listener gives no output whatsoever."""

    def set_total_bytes(self, total_byte_count: int) -> None:
        """Nothing."""

    def bytes_completed(self, byte_count: int) -> None:
        """Nothing."""


class ProgressListenerForTest(AbstractProgressListener):
    """Capture all of the calls so they can be checked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls: list[str] = []

    def set_total_bytes(self, total_byte_count: int) -> None:
        """Note it."""
        self.calls.append(f"set_total_bytes({total_byte_count})")

    def bytes_completed(self, byte_count: int) -> None:
        """Note it."""
        self.calls.append(f"bytes_completed({byte_count})")

    def close(self) -> None:
        """Note it."""
        self.calls.append("close()")

    def get_calls(self) -> list[str]:
        """What was called, in order."""
        return self.calls


def make_progress_listener(description: str, quiet: bool) -> AbstractProgressListener:
    """A listener that says nothing if `quiet`; else a tqdm bar where tqdm is installed, or lines of text."""
    if quiet:
        return DoNothingProgressListener()
    try:
        return TqdmProgressListener(description)
    except ImportError:
        return SimpleProgressListener(description)


class Telling:
    """Tells a listener what the events of one transfer come to. With `enters`, one that does not tell whether it is
    open is entered and left, or closed, as if it were not.
    """

    def __init__(self, listener: HearsProgress, *, enters: bool = False) -> None:
        self._listener, self._enters = listener, enters
        self._moved = Moved()
        self._total: int | None = None
        self._told = -1
        self._opened = False
        self._leave: Callable[..., object] | None = None

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, Sized):
            self._expect(event.total)
        self._moved.hear(event)
        if self._moved.shown:
            self._tell(self._moved.shown)

    def arrived(self, count: int) -> None:
        """The transfer is finished, and had so many bytes."""
        self._expect(count)
        self._moved.shown = count
        self._tell(count)

    def close(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Close the listener, if the caller had not opened it. It hears what ended the transfer."""
        if not self._enters:
            self._open()  # a transfer that failed before anything was told is over, too
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(kind, error, trace)

    def _expect(self, total: int) -> None:
        if total != self._total:
            self._total = total
            self._listener.set_total_bytes(total)
            self._open()

    def _tell(self, count: int) -> None:
        self._open()
        if self._total is not None:
            count = min(count, self._total)
        if count > self._told:
            self._told = count
            self._listener.bytes_completed(count)

    def _open(self) -> None:
        """Right after the total was told, where it is known: before anything is begun. Once, whatever a subclass makes
        of it.
        """
        if self._opened:
            return
        self._opened = True
        is_open = getattr(self._listener, "is_open", None)
        if type(is_open) is bool:  # of a mock it is anything
            if not is_open:
                self._leave = self._opened_ours(self._listener)
        elif self._enters and not _is_of_b2sdk(self._listener):
            self._leave = _opened_theirs(self._listener)

    @staticmethod
    def _opened_ours(listener: Any) -> Callable[..., object]:
        """Open one of ours; what closes it."""
        listener.__enter__()

        def leave(*exc_info: object) -> None:
            listener.__exit__(*exc_info)
            listener.is_open = False  # also where a subclass does not say so

        return leave


def _opened_theirs(listener: Any) -> Callable[..., object] | None:
    """Open one of anybody's; what closes it, if anything does."""
    kind = type(listener)
    if hasattr(kind, "__enter__") and hasattr(kind, "__exit__"):
        listener.__enter__()
        leave: Callable[..., object] = listener.__exit__
        return leave
    close = getattr(listener, "close", None)
    return (lambda *_: close()) if callable(close) else None


def _is_of_b2sdk(listener: object) -> bool:
    """Those are closed by who opened them, and take it amiss when they are closed twice."""
    return any(kind.__module__.partition(".")[0] == "b2sdk" for kind in type(listener).__mro__)


class _Told:
    """A transfer that is told of, or not."""

    def __init__(self, telling: Telling | None) -> None:
        self.listener = telling

    def of(self, result: Result[T, E], length: Callable[[T], int]) -> Result[T, E]:
        """The result, after a listener heard of it if it is a success; `length` says of how many bytes."""
        if self.listener is not None and ok(result):
            self.listener.arrived(length(result.unwrap()))
        return result


@contextmanager
def telling(listener: HearsProgress | None, *, enters: bool = False) -> Iterator[_Told]:
    """While this lasts, a listener of b2sdk's kind is told of one transfer. `enters`: see `Telling`."""
    if listener is None:
        yield _Told(None)
        return
    teller = Telling(listener, enters=enters)
    try:
        yield _Told(teller)
    except BaseException as error:  # not what `finally` sees: that may be an exception which the caller is handling
        teller.close(type(error), error, error.__traceback__)
        raise
    teller.close()
