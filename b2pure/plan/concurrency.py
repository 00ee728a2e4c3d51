"""How many exchanges with B2 may be under way at once: a decision from (bounds, history, what came of one exchange).

Rules.
- The limit never leaves `floor` to `ceiling`; where they are the same, nothing is measured.
- 429, 503, 408 and a timeout halve it, once for all exchanges that were under way together: what began before the last
  change of the limit says nothing about it.
- Everything else is a hill climb over work done per second, window by window. Work is bytes, and each call counts as
  256 KiB on top of its body. Of two limits the larger is better only if it gives at least a third of what it is
  larger by: where calls wait for B2, more of them help; where the processor or the line is busy, they only cost.
  For the smaller one two windows in a row have to speak: a moment in which this machine does something else is none
  in which B2 is slow.
- It begins by doubling the limit; after the first that did not help, steps are a quarter, up and down in turn.
  After each of these that did not help it goes back and rests for longer.
- A window in which mostly nothing waited for its turn says nothing: a limit that is not reached cannot be judged.
- Time only measures. A clock that goes backwards begins a window anew, and one that stands still changes nothing.
"""

from __future__ import annotations

from typing import Final, assert_never

from attrs import Factory, evolve, field, frozen

from b2pure.model.errors import (
    B2Error,
    CapExceeded,
    Corrupt,
    LocalDrifted,
    LocalFailure,
    Rejected,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
)
from b2pure.plan.spread import LISTING_WAYS

__all__ = [
    "Answered",
    "Concurrency",
    "ExchangeEvent",
    "Lost",
    "PushedBack",
    "Workers",
    "exchange_event",
    "initial",
    "step_concurrency",
    "workers_of",
]

MAX_WORKERS: Final = 512
_START: Final = 4
"""A few: where B2 is near, threads get into each other's way, and where it is far, doubling is soon done."""
_LANES_FOR_ONE: Final = 4
_STREAMS: Final = 10
_CALL_BYTES: Final = 1 << 18
"""What a call counts on top of its body: about what a line moves while a call waits for its answer."""
_WINDOW_MILLIS: Final = 100
_ROUNDS: Final = 2
"""A window lasts until so many times the limit were answered."""
_LEAST_ANSWERS: Final = 8
_GAIN: Final = 3
"""The part of more workers that has to be seen as more work: a third."""
_RESTS: Final = (4, 32)
"""Windows to rest after a step that did not help: at first, and at most."""


@frozen
class Workers:
    """Bounds of how many files, or parts of large files, are on their way at once, and with how many to begin. Raises
    ValueError unless 1 <= floor <= start <= ceiling <= 512.
    """

    floor: int = 1
    ceiling: int = 128
    start: int = field(default=Factory(lambda self: min(max(_START, self.floor), self.ceiling), takes_self=True))

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.floor <= self.start <= self.ceiling <= MAX_WORKERS:
            told = f"floor {self.floor}, start {self.start}, ceiling {self.ceiling}"
            raise ValueError(f"workers need 1 <= floor <= start <= ceiling <= {MAX_WORKERS}, not {told}")

    @property
    def streams(self) -> int:
        """How many pieces of one long download are on their way at once, which nobody finds out."""
        return max(self.start, min(_STREAMS, self.ceiling))

    @property
    def listing_ways(self) -> int:
        """How many pages of one listing are asked for at once."""
        return min(LISTING_WAYS, self.ceiling)


def workers_of(workers: Workers | int) -> Workers:
    """A number is floor and ceiling in one. Raises ValueError."""
    return Workers(workers, workers, workers) if isinstance(workers, int) else workers


# --- what came of an exchange


@frozen
class Answered:
    """The exchange did so much work. `number` counts exchanges in the order in which they began, from 1; `begun` is how
    many have begun by now. `waiting` is whether something waits for its turn.
    """

    number: int
    begun: int
    work: int
    waiting: bool


@frozen
class PushedBack:
    """B2 said that it is too much, or did not say anything in time."""

    number: int
    begun: int


@frozen
class Lost:
    """It ended without a word about how busy B2 is."""


ExchangeEvent = Answered | PushedBack | Lost


def exchange_event(error: B2Error | None, body_bytes: int, number: int, begun: int, waiting: bool) -> ExchangeEvent:
    """What an exchange that failed with `error` (None: did not), and whose body had so many bytes, says."""
    match error:
        case None:
            return Answered(number, begun, _CALL_BYTES + body_bytes, waiting)
        case Throttled() | Unavailable(503 | 408) | Transport("timeout"):
            return PushedBack(number, begun)
        case Rejected() | Unauthorized() | CapExceeded():
            return Answered(number, begun, _CALL_BYTES, waiting)
        case Unavailable() | Transport() | Corrupt() | LocalFailure() | LocalDrifted():
            return Lost()
        case _:
            assert_never(error)


# --- the machine


@frozen
class _Window:
    """What was done since `opened` (milliseconds). `waited` counts the answers while something waited for its turn."""

    opened: int
    answers: int = 0
    waited: int = 0
    work: int = 0


@frozen
class _Measured:
    limit: int
    work: int
    millis: int


@frozen
class Concurrency:
    """The limit, and what is known about it. `since` is the number of the last exchange that began under another limit.
    `base` is the limit to which the present one is compared; None when the present one is no trial. `sure` is whether a
    window spoke for the smaller of the two already.
    """

    limit: int
    since: int = 0
    window: _Window | None = None
    base: _Measured | None = None
    eager: bool = True
    upwards: bool = True
    rest: int = 0
    patience: int = _RESTS[0]
    sure: bool = False


def initial(policy: Workers, *, lanes: bool = False) -> Concurrency:
    """Before the first exchange; in lanes, which do not get into each other's way, it begins with more of them."""
    return Concurrency(min(policy.ceiling, policy.start * _LANES_FOR_ONE) if lanes else policy.start)


def step_concurrency(
    policy: Workers, state: Concurrency, event: ExchangeEvent, now_millis: int
) -> tuple[Concurrency, int]:
    """The next state, and how many exchanges may be under way now."""
    after = state if policy.floor == policy.ceiling else _step(policy, state, event, now_millis)
    return after, after.limit


def _step(policy: Workers, state: Concurrency, event: ExchangeEvent, now: int) -> Concurrency:
    match event:
        case Lost():
            return state
        case PushedBack(number, begun):
            if number <= state.since:
                return state
            limit = max(policy.floor, state.limit // 2)
            return Concurrency(limit, begun, eager=False, rest=_RESTS[0])
        case Answered(number):
            return state if number <= state.since else _answered(policy, state, event, now)
        case _:
            assert_never(event)


def _answered(policy: Workers, state: Concurrency, event: Answered, now: int) -> Concurrency:
    window = state.window
    if window is None or now < window.opened:
        return evolve(state, window=_Window(now))
    window = _Window(window.opened, window.answers + 1, window.waited + event.waiting, window.work + event.work)
    millis = now - window.opened
    if millis < _WINDOW_MILLIS or window.answers < max(_LEAST_ANSWERS, _ROUNDS * state.limit):
        return evolve(state, window=window)
    if 2 * window.waited < window.answers:
        return evolve(state, window=_Window(now))
    return _judged(policy, evolve(state, window=_Window(now)), _Measured(state.limit, window.work, millis), event.begun)


def _judged(policy: Workers, state: Concurrency, here: _Measured, begun: int) -> Concurrency:
    """After a window: what the present limit gives is known."""
    if state.base is None:
        if state.rest > 0:
            return evolve(state, rest=state.rest - 1)
        return _try_next(policy, state, here, begun)
    better = _better(state.base, here)
    if better == (here.limit < state.base.limit) and not state.sure:
        return evolve(state, sure=True)
    if better:
        return _try_next(policy, evolve(state, patience=_RESTS[0]), here, begun)
    return Concurrency(
        state.base.limit,
        begun,
        eager=False,
        upwards=not state.upwards,
        rest=0 if state.eager else state.patience,
        patience=min(2 * state.patience, _RESTS[1]),
    )


def _try_next(policy: Workers, state: Concurrency, here: _Measured, begun: int) -> Concurrency:
    """Try the next limit in the direction of the climb, or in the other one at the end of the way."""
    upwards = here.limit < policy.ceiling if state.upwards else here.limit <= policy.floor
    step = max(1, here.limit // (1 if state.eager else 4))
    limit = min(policy.ceiling, here.limit + step) if upwards else max(policy.floor, here.limit - step)
    if state.base is not None and upwards != state.upwards:  # it has just climbed to the end: let it stay there
        return Concurrency(here.limit, begun, eager=False, upwards=upwards, rest=state.patience)
    return Concurrency(limit, begun, base=here, eager=state.eager, upwards=upwards, patience=state.patience)


def _better(base: _Measured, here: _Measured) -> bool:
    """Whether the limit that was tried is to be kept."""
    small, large = sorted((base, here), key=lambda measured: measured.limit)
    # large's rate >= small's rate * (1 + (large / small - 1) / _GAIN), in whole numbers
    asked = small.work * large.millis * ((_GAIN - 1) * small.limit + large.limit)
    worth = large.work * small.millis * _GAIN * small.limit >= asked
    return worth if here is large else not worth
