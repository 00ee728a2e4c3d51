"""Bad weather, drawn from a seed: what each run of a job meets.

Rules. Weather is data, and finite: faults end, or are lifted with the cycle that they belong to. Moments count the
beginnings and the ends of a run's effects. Times are milliseconds. No answer is drawn that lies about what is there
(a 404 for something that exists): B2 may fail, but it does not lie.
"""

from __future__ import annotations

from random import Random
from typing import Final

from attrs import frozen

from b2pure.effects.faults import (
    CAP_CODES,
    RANDOM_KINDS,
    UPLOADS,
    Answer,
    CorruptDownload,
    CorruptUpload,
    CutDownload,
    CutUpload,
    Disconnect,
    DropReplyAfterCommit,
    ExpireTokens,
    FailNth,
    Fault,
    FaultScript,
    RandomFaults,
    RandomKind,
    Slow,
)
from b2pure.effects.latency import Latency

__all__ = ["Calls", "Cycle", "Second", "Weather", "draw_weather"]

SECOND: Final = 1000
HOUR: Final = 3_600_000

_BUSY: Final = (
    Answer(408), Answer(429), Answer(429, retry_after=1), Answer(429, retry_after=5, retry_after_form="date"),
    Answer(500), Answer(503), Answer(503, retry_after=3), Answer(502, body="<h1>Bad Gateway</h1>"),
    Answer(504, body=""), Answer(401, "expired_auth_token"), Answer(401, "bad_auth_token"),
)  # fmt: skip
_FINAL: Final = (Answer(401, "unauthorized"), Answer(403, "access_denied"), Answer(400, "bad_request"))


@frozen
class Calls:
    """The names of the calls of a kind of job: all, those that change something at the destination, and whether bytes
    go up or come down. What is `unheard` nobody could notice, so it does not happen.
    """

    all: tuple[str, ...]
    changing: tuple[str, ...]
    up: bool = False
    down: bool = False
    unheard: tuple[RandomKind, ...] = ()


@frozen
class Second:
    """At this moment another client does the whole job, or gets as far as `stop_after` moments of its own."""

    moment: int
    stop_after: int | None
    seed: int


@frozen
class Cycle:
    """One run of the job. `wait` passes before it; it is killed after `stop_after` moments (None: not); `jumps` are
    (moment, milliseconds), `moves` are (moment, any number) of the source; `restart` means a new client; `room` is how
    many bytes a local destination still takes.
    """

    seed: int
    faults: FaultScript = ()
    stop_after: int | None = None
    wait: int = 0
    jumps: tuple[tuple[int, int], ...] = ()
    moves: tuple[tuple[int, int], ...] = ()
    seconds: tuple[Second, ...] = ()
    restart: bool = True
    room: int | None = None


@frozen
class Weather:
    """What all runs of a job meet, before the sky clears."""

    cycles: tuple[Cycle, ...]
    latency: Latency | None


def draw_weather(random: Random, calls: Calls, *, moves: bool, seconds: bool, rooms: bool) -> Weather:
    """Any weather. `moves`, `seconds`, `rooms`: whether sources may change, others may write, disks may be full."""
    restless = moves and random.random() < 0.3
    shared = seconds and random.random() < 0.15
    narrow = rooms and random.random() < 0.25
    cycles = tuple(
        Cycle(
            seed=random.getrandbits(32),
            faults=_script(random, calls) if random.random() < 0.75 else (),
            stop_after=_moment(random) if random.random() < 0.65 else None,
            wait=1 + _while(random),  # no client starts within a millisecond
            jumps=tuple((_moment(random), _while(random)) for _ in range(random.choice((0, 0, 0, 1, 2)))),
            moves=tuple((_moment(random), random.getrandbits(16)) for _ in range(random.randint(0, 3) * restless)),
            seconds=tuple(_second(random) for _ in range(random.randint(0, 1) * shared)),
            restart=random.random() < 0.6,
            room=random.randint(0, 120) if narrow and random.random() < 0.7 else None,
        )
        for _ in range(random.choice((1, 2, 2, 3, 4)))
    )
    latency = Latency(random.choice((0, 5, 300)), random.choice((0, 50)), random.choice((None, 20, 5000)))
    return Weather(cycles, latency if random.random() < 0.3 else None)


def _moment(random: Random) -> int:
    """Any moment of a run, early ones more often than late ones."""
    return random.randrange(random.choice((20, 80, 200)))


def _while(random: Random) -> int:
    """A while: nothing, a moment, hours, more than an account token or an upload URL lives."""
    return random.choice((0, 0, 1, 700, 90 * SECOND, HOUR, 13 * HOUR, 25 * HOUR))


def _second(random: Random) -> Second:
    return Second(_moment(random), _moment(random) if random.random() < 0.4 else None, random.getrandbits(32))


def _script(random: Random, calls: Calls) -> FaultScript:
    return tuple(_fault(random, calls) for _ in range(random.choice((1, 2, 3, 4, 6))))


def _fault(random: Random, calls: Calls) -> Fault:
    """One fault of any kind that can strike these calls."""
    name, changing = random.choice(calls.all), random.choice(calls.changing)
    nth, times, place = random.choice((1, 1, 2, 3, 5)), random.choice((1, 1, 2, 3)), random.randrange(30)
    which = random.randrange(14)
    if which >= 12 and not (calls.up or calls.down):
        which = 2
    match which:
        case 0 | 1:
            return FailNth(name, nth, random.choice(_BUSY), times=times)
        case 2:
            # 400 is how B2 says that there is nothing to cancel.
            final = random.choice(_FINAL[: 2 if changing == "b2_cancel_large_file" else 3])
            return FailNth(changing, nth, final, times=times)
        case 3:
            return FailNth(changing, nth, Answer(403, random.choice(CAP_CODES)), times=None)
        case 4:
            return FailNth(name, nth, random.choice(_BUSY[:9]), times=random.choice((8, None)))
        case 5 | 6:
            return Disconnect(name, nth, random.choice(("refused", "reset", "silent")), times=times)
        case 7 | 8:
            return DropReplyAfterCommit(changing, random.choice((1, 1, 2, 3)), times=random.choice((1, 1, 2)))
        case 9:
            return ExpireTokens(nth=random.randint(2, 25), tokens=random.choice(("account", "upload", "all")))
        case 10:
            return Slow(name, nth, random.choice((0.5, 20.0, 4000.0)), times=times)
        case 11:
            heard = [kind for kind in RANDOM_KINDS if kind not in calls.unheard]
            kinds = random.sample(heard, random.randint(1, len(heard)))
            return RandomFaults(random.getrandbits(32), random.randint(3, 40), tuple(kinds))
        case 12 if calls.up:
            return CutUpload(UPLOADS, nth, place, times=times)
        case 13 if calls.up:
            return CorruptUpload(nth=nth, at_byte=place, times=times)
        case 12:
            return CutDownload(nth=nth, after_bytes=place, times=times)
        case _:
            return CorruptDownload(nth=nth, at_byte=place, times=times)
